// Messages out of a stream, beside a memcpy() of the same bytes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>

#include "bench/sip_bench.h"
#include "sip/framer.h"

namespace sip_bench {
namespace {

using sip::Frame;
using sip::FrameKind;

constexpr sip::FrameLimits kLimits = {
    .headers_size_max = 16384, .body_size_max = 49151, .message_size_max = sip::kMessageSizeMax};
constexpr int kMessageCount = 100;

// A variant's body may have another size than the original's.
std::string WithLength(std::string message) {
  const size_t body = message.find("\r\n\r\n") + 4;
  const size_t number = message.find("Content-Length: ") + 16;
  const std::string size = std::to_string(message.size() - body);
  return message.replace(number, message.find('\r', number) - number, size);
}

// 100 messages, 25 of each kind, each another.
std::string Pipelined() {
  std::string stream;
  for (const char* name : kMessages) {
    Variants variants(name);
    for (int i = 0; i < kMessageCount / 4; ++i) stream += WithLength(variants.Next(i % 2 != 0));
  }
  return stream;
}

// The stream again and again, in feeds of that size; 0: all in one.
void RunFramer(benchmark::State& state, size_t feed_size) {
  const std::string text = Pipelined();
  const PaddedMessage stream(text);
  std::vector<char> storage(kLimits.message_size_max + sip::kPaddingSize);
  sip::Framer framer(storage, kLimits);
  if (feed_size == 0) feed_size = text.size();
  int64_t messages = 0;
  for (auto _ : state) {
    for (std::string_view rest = stream.view().bytes(); !rest.empty();) {
      const std::string_view feed = rest.substr(0, feed_size);
      framer.Feed(sip::PaddedView::Promise(feed));
      for (Frame frame = framer.Next(); frame.kind == FrameKind::kMessage; frame = framer.Next()) {
        benchmark::DoNotOptimize(frame.text.bytes().data());
        ++messages;
      }
      rest.remove_prefix(feed.size());
    }
  }
  if (messages != state.iterations() * kMessageCount) state.SkipWithError("messages are lost");
  state.SetItemsProcessed(messages);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

void BM_FramerPipelined(benchmark::State& state) {
  RunFramer(state, 0);
}
BENCHMARK(BM_FramerPipelined);

// Feeds of 700 bytes: hardly a message lies in one.
void BM_FramerSplit(benchmark::State& state) {
  RunFramer(state, 700);
}
BENCHMARK(BM_FramerSplit);

void BM_FramerByteByByte(benchmark::State& state) {
  RunFramer(state, 1);
}
BENCHMARK(BM_FramerByteByByte);

void BM_Memcpy(benchmark::State& state) {
  const std::string text = Pipelined();
  std::vector<char> out(text.size());
  for (auto _ : state) {
    std::memcpy(out.data(), text.data(), text.size());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kMessageCount);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(BM_Memcpy);

// What Parse() alone takes for the same messages.
void BM_Parse(benchmark::State& state) {
  const std::string text = Pipelined();
  const PaddedMessage stream(text);
  std::vector<char> storage(kLimits.message_size_max + sip::kPaddingSize);
  sip::Framer framer(storage, kLimits);
  framer.Feed(stream.view());
  std::vector<sip::PaddedView> frames;
  for (Frame frame = framer.Next(); frame.kind == FrameKind::kMessage; frame = framer.Next()) {
    frames.push_back(frame.text);
  }
  sip::Message message;
  for (auto _ : state) {
    for (const sip::PaddedView frame : frames) {
      const sip::ParseError error = sip::Parse(frame, &message);
      benchmark::DoNotOptimize(error);
    }
  }
  state.SetItemsProcessed(state.iterations() * kMessageCount);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(BM_Parse);

}  // namespace
}  // namespace sip_bench

BENCHMARK_MAIN();
