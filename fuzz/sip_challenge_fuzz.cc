// Any text as the value of WWW-Authenticate in a 401: after ik and ck were removed, no such
// parameter is left for anyone who reads the header as we do, and the rest of the challenge is
// untouched.
#include <memory>
#include <vector>

#include "fuzz/sip_check.h"
#include "sip/digest.h"
#include "sip/edit.h"
#include "sip/list.h"
#include "sip/message.h"
#include "tests/guard_page.h"

namespace sip_fuzz {
namespace {

using gmedge_test::GuardedText;
using sip::Digest;
using sip::Header;
using sip::HeaderId;
using sip::Message;
using sip::ParseError;

bool IsKey(std::string_view name) {
  return sip::EqualsIgnoreCase(name, "ik") || sip::EqualsIgnoreCase(name, "ck");
}

// The parameters that are no keys, as they stand.
std::vector<std::string> OthersOf(std::string_view params) {
  std::vector<std::string> others;
  sip::ParamReader reader(params, ',');
  for (sip::Param param; reader.Next(&param);) {
    if (!IsKey(param.name)) others.emplace_back(param.text);
  }
  return others;
}

std::string Edited(sip::Editor* editor) {
  const auto slices = std::make_unique<sip::Slices>();
  Check(editor->Finish(slices.get()) == sip::EditError::kOk, "keys can be removed");
  return Joined(*slices);
}

// The edited message has the others of the first challenge, in order, and no key.
void CheckKeysGone(const std::string& text, const std::vector<std::string>& others) {
  const GuardedText guarded(text);
  const auto message = std::make_unique<Message>();
  Check(sip::Parse(guarded.padded(), message.get()) == ParseError::kOk, "it is a message");
  Digest digest;
  const std::string_view value = message->Value(HeaderId::kWwwAuthenticate);
  const ParseError error = sip::DecodeDigest(value, &digest);
  // A challenge that had nothing but keys is empty now.
  Check(error == (others.empty() ? ParseError::kBadDigest : ParseError::kOk), "it is a challenge");
  Check(digest.ik().text.empty() && digest.ck().text.empty(), "it has no keys");
  Check(OthersOf(digest.params) == others, "it has all the rest");
}

void TryChallenge(const Message& message) {
  const std::string_view value = message.Value(HeaderId::kWwwAuthenticate);
  Digest digest;
  const ParseError error = sip::DecodeDigest(value, &digest);
  CheckNamed(error);
  if (error != ParseError::kOk) return;
  CheckInside(digest.scheme, value, "scheme");
  if (!sip::EqualsIgnoreCase(digest.scheme, "Digest")) return;
  const std::vector<std::string> others = OthersOf(digest.params);

  const auto editor = std::make_unique<sip::Editor>(message);
  const int count = editor->RemoveParams(digest.params, ',', {"ik", "ck"});
  Check(count == !digest.ik().text.empty() + !digest.ck().text.empty(), "each key is cut once");
  CheckKeysGone(Edited(editor.get()), others);

  // By the pieces that each parameter names for itself.
  const auto pieces = std::make_unique<sip::Editor>(message);
  pieces->Remove(digest.ik().with_separator);
  pieces->Remove(digest.ck().with_separator);
  CheckKeysGone(Edited(pieces.get()), others);
}

}  // namespace
}  // namespace sip_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  if (size > 8192) return 0;
  std::string text = "SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: ";
  text += AsText(data, size);
  text += "\r\n\r\n";
  const GuardedText guarded(text);
  const auto message = std::make_unique<Message>();
  if (sip::Parse(guarded.padded(), message.get()) != ParseError::kOk) return 0;
  TryChallenge(*message);
  return 0;
}
