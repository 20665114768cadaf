// Any stream in any split: the same frames as in one feed, and each message as the parser sees it.
//
//   | n | n sizes of pieces, used in turn | stream |
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/sip_check.h"
#include "sip/framer.h"
#include "sip/message.h"

namespace sip_fuzz {
namespace {

using sip::Frame;
using sip::FrameKind;
using sip::ParseError;

// Small, so that inputs reach them.
constexpr sip::FrameLimits kLimits = {
    .headers_size_max = 512, .body_size_max = 256, .message_size_max = 700};

struct Told {
  FrameKind kind;
  sip::FrameError error;
  std::string text;
  bool operator==(const Told&) const = default;
};

// What the parser says of the same bytes: never another end of headers or body.
void CheckAgreement(sip::PaddedView frame) {
  const std::string_view text = frame.bytes();
  const auto message = std::make_unique<sip::Message>();
  const ParseError error = sip::Parse(frame, message.get());
  Check(error != ParseError::kNoEmptyLine, "a frame has an empty line");
  Check(error != ParseError::kTruncatedBody, "a frame has its body");
  Check(error != ParseError::kBadContentLength, "its length is one");
  Check(error != ParseError::kEmpty && error != ParseError::kTooLarge, "a frame is no keep-alive");
  // With more lines the parser may have given up before the end.
  if (std::count(text.begin(), text.end(), '\n') > sip::Message::kHeadersMax) return;
  Check(message->bytes() == text, "a frame is the message and nothing more");
  Check(text.size() - message->body_begin() <= kLimits.body_size_max, "the body is in its limit");
  Check(message->body_begin() <= kLimits.headers_size_max, "the headers are in theirs");
  Check(message->Has(sip::HeaderId::kContentLength), "a frame has a Content-Length");
}

// Each feed lies in memory of its own that is given back before the next, and so does what is put
// together, between messages.
std::vector<Told> FramesOf(std::string_view stream, std::string_view sizes) {
  std::vector<char> storage(kLimits.message_size_max + sip::kPaddingSize);
  sip::Framer framer(storage, kLimits);
  std::vector<Told> frames;
  for (size_t turn = 0; !stream.empty(); ++turn) {
    const size_t wanted =
        sizes.empty() ? stream.size() : static_cast<uint8_t>(sizes[turn % sizes.size()]);
    const std::string_view piece = stream.substr(0, wanted);
    stream.remove_prefix(piece.size());
    const auto feed = std::make_unique<char[]>(piece.size() + sip::kPaddingSize);
    if (!piece.empty()) std::memcpy(feed.get(), piece.data(), piece.size());
    framer.Feed(sip::PaddedView::Promise({feed.get(), piece.size()}));
    for (Frame frame = framer.Next(); frame.kind != FrameKind::kNeedMore; frame = framer.Next()) {
      frames.push_back({frame.kind, frame.error, std::string(frame.text.bytes())});
      CheckNamed(frame.kind);
      CheckNamed(frame.error);
      if (frame.kind == FrameKind::kError) return frames;
      if (frame.kind == FrameKind::kMessage) CheckAgreement(frame.text);
    }
    if (framer.in_message()) continue;
    std::vector<char> another(storage.size());
    framer.set_storage(another);
    storage.swap(another);
  }
  frames.push_back({FrameKind::kNeedMore, sip::FrameError::kOk, framer.in_message() ? "more" : ""});
  return frames;
}

}  // namespace
}  // namespace sip_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  if (size == 0 || size - 1 < data[0]) return 0;
  const std::string_view sizes = AsText(data + 1, data[0]);
  if (sizes.find_first_not_of('\0') == std::string_view::npos && !sizes.empty()) return 0;
  const std::string_view stream = AsText(data + 1 + data[0], size - 1 - data[0]);
  const std::vector<Told> whole = FramesOf(stream, {});
  Check(FramesOf(stream, sizes) == whole, "a split changes nothing");
  Check(FramesOf(stream, "\1") == whole, "nor do single bytes");
  return 0;
}
