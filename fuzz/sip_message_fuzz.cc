// Any bytes as a message: every offset lies inside, every decoder ends well, an edited message is
// what its edits say, and an answer is a message again.
#include <array>
#include <memory>
#include <random>

#include "fuzz/sip_check.h"
#include "sip/address.h"
#include "sip/digest.h"
#include "sip/edit.h"
#include "sip/list.h"
#include "sip/message.h"
#include "sip/number.h"
#include "sip/response.h"
#include "sip/security.h"
#include "sip/uri.h"
#include "sip/via.h"
#include "tests/guard_page.h"

namespace sip_fuzz {
namespace {

using gmedge_test::GuardedText;
using sip::Header;
using sip::HeaderId;
using sip::Message;
using sip::ParseError;

void CheckOffsets(const Message& message, std::string_view input) {
  const std::string_view bytes = message.bytes();
  CheckInside(bytes, input, "the message");
  for (const std::string_view piece : std::initializer_list<std::string_view>{
           message.start_line(), message.method_text(), message.request_uri(), message.reason(),
           message.body()}) {
    CheckInside(piece, bytes, "a piece of the message");
  }
  Check(message.headers_begin() <= message.headers_end(), "headers begin before they end");
  Check(message.headers_end() <= message.body_begin(), "headers end before the body");
  Check(message.error_offset() <= bytes.size(), "the error is in the message");
  size_t line_end = message.headers_begin();
  for (const Header& header : message.headers()) {
    Check(header.line.begin >= line_end, "header lines do not overlap");
    Check(header.name.begin == header.line.begin, "a line begins with its name");
    Check(header.name.end() < header.value.begin + 1 && header.value.end() <= header.line.end(),
          "name and value lie in the line");
    line_end = size_t{header.line.begin} + header.line.size;
    Check(line_end <= message.headers_end(), "header lines end before the body");
    Check(message.Find(header.id) != nullptr, "every header is found");
    Check(sip::LookUpHeader(Name(header.id)) == header.id, "a header has its name");
    Check(message.Find(header.id) <= &header, "the first of a name is found");
    const Header* next = &header + 1;
    while (next != message.headers().data() + message.headers().size() && next->id != header.id) {
      ++next;
    }
    const bool is_last = next == message.headers().data() + message.headers().size();
    Check(message.FindNext(&header) == (is_last ? nullptr : next), "the next of a name is found");
  }
}

// The same offsets over a copy say the same.
void CheckRebased(const Message& message) {
  const GuardedText copy(message.bytes());
  const auto rebased = std::make_unique<Message>(message);
  rebased->Rebase(copy.padded());
  CheckOffsets(*rebased, copy.text());
  Check(rebased->start_line() == message.start_line(), "a copy begins alike");
  Check(rebased->body() == message.body(), "and ends alike");
}

// What lies behind the message must not matter.
void CheckPaddingIsIgnored(const Message& message, ParseError error, std::string_view input) {
  const GuardedText guarded(input, ' ');
  const auto other = std::make_unique<Message>();
  Check(sip::Parse(guarded.padded(), other.get()) == error, "the padding does not matter");
  Check(other->headers().size() == message.headers().size(), "nor does it add headers");
}

void DecodeAll(std::string_view value) {
  sip::Address address;
  if (sip::DecodeAddress(value, &address) == ParseError::kOk) {
    CheckInside(address.uri, value, "address.uri");
    CheckInside(address.params, value, "address.params");
    Check(!address.uri.empty(), "an address has a URI");
    sip::Uri uri;
    if (sip::DecodeUri(address.uri, &uri) == ParseError::kOk) {
      CheckInside(uri.host, value, "uri.host");
      CheckInside(uri.params, value, "uri.params");
    }
  }
  sip::Via via;
  if (sip::DecodeVia(value, &via) == ParseError::kOk) {
    CheckInside(via.branch, value, "via.branch");
    CheckInside(via.rport_text, value, "via.rport_text");
    Check(!via.host.empty(), "a Via has a host");
  }
  sip::CSeq cseq;
  if (sip::DecodeCSeq(value, &cseq) == ParseError::kOk) {
    CheckInside(cseq.method_text, value, "cseq.method_text");
  }
  sip::Digest digest;
  if (sip::DecodeDigest(value, &digest) == ParseError::kOk) {
    CheckInside(digest.params, value, "digest.params");
  }
  static_cast<void>(sip::DecodeNumber(value));
  sip::ParamReader reader(value);
  for (sip::Param param; reader.Next(&param);) {
    CheckInside(param.value, param.text, "param.value");
    CheckInside(param.text, param.with_separator, "param.text");
    CheckInside(param.with_separator, value, "param.with_separator");
    Check(!param.name.empty(), "a parameter has a name");
  }
}

int CountMembers(const Message& message, HeaderId id) {
  int count = 0;
  sip::ListReader reader(message, id);
  for (sip::ListMember member; reader.Next(&member);) {
    CheckInside(member.text, message.Value(*member.header), "a list member");
    ++count;
  }
  return count;
}

void CheckOptions(const Message& message) {
  sip::ListReader reader(message, HeaderId::kRequire);
  bool any = false;
  for (sip::ListMember member; reader.Next(&member); any = true) {
    Check(sip::HasOptionTag(message, HeaderId::kRequire, member.text), "a tag is there");
  }
  Check(!sip::HasOptionTag(message, HeaderId::kRequire, ""), "an empty tag is not");
  Check(sip::RequiresMore(message, HeaderId::kRequire, {}) == any, "nothing is not enough");
}

int CountLines(const Message& message, HeaderId id) {
  int count = 0;
  for (const Header& header : message.headers()) count += header.id == id ? 1 : 0;
  return count;
}

void CheckAnswer(const Message& message) {
  static std::array<char, 2 * sip::kMessageSizeMax> out;
  sip::Writer writer(out);
  const std::string_view reason = message.is_request() ? message.request_uri() : message.reason();
  const sip::ResponseHead head = {.status = 400,
                                  .to_tag = "t",
                                  .received = "2001:db8::1",
                                  .rport = 9,
                                  .security_server = "tls",
                                  .requires_sec_agree = true,
                                  .unsupported_of = HeaderId::kRequire,
                                  .retry_after_s = 1,
                                  .warning = {.agent = "gm", .text = reason}};
  if (!sip::WriteResponse(message, head, "X-Extra: 1\r\n", &writer)) return;
  if (writer.size() > sip::kMessageSizeMax) return;
  const GuardedText guarded(writer.text());
  const auto answer = std::make_unique<Message>();
  const ParseError error = sip::Parse(guarded.padded(), answer.get());
  if (error == ParseError::kTooManyHeaders) return;  // The fields come on top of many a Via.
  Check(error == ParseError::kOk, "an answer is a message");
  Check(answer->status() == 400, "an answer has its status");
  const int vias = CountLines(message, HeaderId::kVia);
  Check(CountLines(*answer, HeaderId::kVia) == vias, "every Via goes back");
  const bool unsupported = answer->Has(HeaderId::kUnsupported);
  const size_t lines = static_cast<size_t>(vias) + 10 + (unsupported ? 1 : 0);
  Check(answer->headers().size() == lines, "nothing of the request makes a line");
}

// A 100 tells the Timestamp of the request (RFC 3261 8.2.6.1).
void CheckTrying(const Message& message) {
  static std::array<char, 2 * sip::kMessageSizeMax> out;
  sip::Writer writer(out);
  if (!sip::WriteResponse(message, {.status = 100}, "", &writer)) return;
  if (writer.size() > sip::kMessageSizeMax) return;
  const GuardedText guarded(writer.text());
  const auto answer = std::make_unique<Message>();
  if (sip::Parse(guarded.padded(), answer.get()) != ParseError::kOk) return;
  Check(answer->Has(HeaderId::kTimestamp) == message.Has(HeaderId::kTimestamp), "a Timestamp");
}

// All lines of one name go, and nothing beside them.
void CheckRemoval(const Message& message) {
  const HeaderId id = message.headers().empty() ? HeaderId::kOther : message.headers().back().id;
  const auto editor = std::make_unique<sip::Editor>(message);
  const auto slices = std::make_unique<sip::Slices>();
  const int lines = CountLines(message, id);
  Check(editor->RemoveHeaders(id) == lines, "as many lines as there are");
  const sip::EditError error = editor->Finish(slices.get());
  const bool too_many = lines > sip::Editor::kEditsMax;
  Check(error == (too_many ? sip::EditError::kTooManyEdits : sip::EditError::kOk), "lines go");
  size_t size = message.bytes().size();
  for (const Header& header : message.headers()) {
    if (header.id == id) size -= header.line.size;
  }
  Check(too_many || slices->size == size, "their bytes go");
}

// Removes lines and members and inserts lines as the input's own bytes decide, then counts.
void CheckEdits(const Message& message, uint32_t seed) {
  std::minstd_rand random(seed);
  const auto editor = std::make_unique<sip::Editor>(message);
  int lines = static_cast<int>(message.headers().size());
  for (const Header& header : message.headers()) {
    const bool listed = header.id == HeaderId::kSupported || header.id == HeaderId::kVia;
    switch (listed ? 9 : random() % 10) {
      case 0:
        editor->RemoveHeader(header);
        --lines;
        break;
      case 1:
        editor->InsertLineBefore(header, {"X-Before: 1\r\n"});
        ++lines;
        break;
      case 2:
        editor->InsertLineAfter(header, {"X-After: 1\r\n"});
        ++lines;
        break;
      default:
        break;
    }
  }
  const int vias = CountMembers(message, HeaderId::kVia);
  const bool popped = editor->RemoveFirstMember(HeaderId::kVia);
  Check(popped == (vias > 0), "the first Via goes when there is one");
  const auto match = [](std::string_view member, const void*) { return member.size() % 2 == 0; };
  const int supported = CountMembers(message, HeaderId::kSupported);
  const int cut = editor->RemoveListMembers(HeaderId::kSupported, match, nullptr);
  editor->PrependLine({"X-First: ", "1", "\r\n"});
  editor->AppendLine({"X-Last: 1\r\n"});

  const auto slices = std::make_unique<sip::Slices>();
  const sip::EditError error = editor->Finish(slices.get());
  Check(error == sip::EditError::kOk || error == sip::EditError::kTooManyEdits, "edits fit");
  if (error != sip::EditError::kOk) return;
  const std::string text = Joined(*slices);
  if (text.size() > sip::kMessageSizeMax) return;

  const GuardedText guarded(text);
  const auto edited = std::make_unique<Message>();
  const ParseError parsed = sip::Parse(guarded.padded(), edited.get());
  if (parsed == ParseError::kTooManyHeaders) return;
  Check(parsed == ParseError::kOk, "an edited message is a message");
  Check(static_cast<int>(edited->headers().size()) <= lines + 2, "no line appears unasked");
  Check(edited->start_line() == message.start_line(), "the start line stays");
  Check(edited->body() == message.body(), "the body stays");
  Check(CountMembers(*edited, HeaderId::kVia) == vias - (popped ? 1 : 0), "one Via less");
  Check(CountMembers(*edited, HeaderId::kSupported) == supported - cut, "the tags that were cut");
}

}  // namespace
}  // namespace sip_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  const GuardedText guarded(AsText(data, size));
  const auto message = std::make_unique<Message>();
  const ParseError error = sip::Parse(guarded.padded(), message.get());
  CheckNamed(error);
  if (error == ParseError::kTooLarge || error == ParseError::kEmpty) return 0;
  CheckOffsets(*message, guarded.text());
  CheckPaddingIsIgnored(*message, error, guarded.text());
  for (const Header& header : message->headers()) DecodeAll(message->Value(header));
  uint16_t offset = 0;
  const ParseError verdict = sip::Validate(*message, &offset);
  Check(offset <= message->bytes().size(), "what is refused is in the message");
  Check(verdict != ParseError::kOk || offset == 0, "nothing is refused");
  CheckNamed(verdict);
  for (const ParseError refusal : {error, verdict}) {
    if (refusal != ParseError::kOk) Check(sip::StatusFor(refusal) >= 400, "a refusal has a status");
  }
  CheckRebased(*message);
  CheckOptions(*message);
  CheckRemoval(*message);
  if (error != ParseError::kOk) return 0;
  const auto list = std::make_unique<sip::SecurityList>();
  static_cast<void>(sip::DecodeSecurity(*message, HeaderId::kSecurityClient, list.get()));
  CheckAnswer(*message);
  CheckTrying(*message);
  uint32_t seed = 1;
  for (size_t i = 0; i < size; ++i) seed = seed * 31 + data[i];
  CheckEdits(*message, seed);
  return 0;
}
