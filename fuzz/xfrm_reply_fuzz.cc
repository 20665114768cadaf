// Any bytes as a datagram from the kernel: the walk ends, nothing outside is read, and no verdict
// comes out better than what was said.
#include <cstdlib>
#include <functional>
#include <map>

#include "xfrm/reply.h"

namespace {

// The seeds answer a batch of this shape.
constexpr uint32_t kFirst = 100;
constexpr int kCount = 8;

// Touches every byte, so that a sanitizer sees a view that reaches outside.
bool LiesIn(std::string_view text, std::string_view whole) {
  for (const char letter : text) {
    if (letter == '\0') return false;
  }
  const std::less_equal<const char*> at_most;
  return text.empty() || (at_most(whole.data(), text.data()) &&
                          at_most(text.data() + text.size(), whole.data() + whole.size()));
}

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view whole(reinterpret_cast<const char*>(data), size);
  xfrm::ReplyReader reader(std::as_bytes(std::span(data, size)));
  xfrm::BatchVerdict verdict;
  verdict.Start(kFirst, kCount);

  std::map<uint32_t, std::errc> first_words;  // By request, until the fence has spoken.
  bool interrupted = false;
  size_t walked = 0;
  xfrm::Reply reply;
  while (reader.Next(&reply)) {
    Require(++walked <= size / 16);  // No message is shorter than its header.
    Require(LiesIn(reply.explanation, whole));
    Require(!xfrm::Explain(reply.error).empty() && !xfrm::Name(reply.error).empty());
    const uint32_t index = reply.sequence - kFirst;
    if (index < kCount && !verdict.complete()) {
      interrupted = interrupted || reply.interrupted;
      const bool is_torn = reply.kind == xfrm::ReplyKind::kDone && interrupted;
      std::errc said = std::errc{};
      if (reply.kind == xfrm::ReplyKind::kAck || reply.kind == xfrm::ReplyKind::kDone) {
        said = reply.error == std::errc{} && is_torn ? std::errc::interrupted : reply.error;
      }
      if (said != std::errc{}) first_words.emplace(index, said);
    }
    Require(verdict.Apply(reply) == (index < kCount));
  }
  Require(!reader.Next(&reply));
  Require(!verdict.all_ok() || verdict.complete());
  if (!verdict.complete()) return 0;

  // None is invented, none is forgotten.
  for (int i = 0; i < kCount; ++i) {
    const auto said = first_words.find(static_cast<uint32_t>(i));
    Require(verdict.error(i) == (said == first_words.end() ? std::errc{} : said->second));
  }
  Require(!verdict.all_ok() || first_words.empty());
  return 0;
}
