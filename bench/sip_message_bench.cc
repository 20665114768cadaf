// How fast a message is understood, in the depths of bench/sip_depths.h. Each with the same message
// again and again (hot) and with 256 different ones in turn (mix); beside the limits (memcpy,
// memchr to every newline, a bare index of the lines), and beside the peers of bench/sip_peers.h
// where they are installed.
#include <benchmark/benchmark.h>

#include <array>

#include "bench/sip_bench.h"
#include "bench/sip_depths.h"
#include "bench/sip_limits.h"
#include "bench/sip_peers.h"
#include "sip/message.h"
#include "sip/scan.h"
#include "sip/security.h"

namespace sip_bench {
namespace {

using sip::HeaderId;
using sip::Message;
using sip::ParseError;

void Count(const Ring& ring, benchmark::State* state) {
  state->SetBytesProcessed(state->iterations() * static_cast<int64_t>(ring.message_size()));
  state->SetItemsProcessed(state->iterations());
}

void BM_Message(benchmark::State& state, const std::string& name, bool mix, Depth depth) {
  Ring ring(name, mix);
  Message message;
  for (auto _ : state) {
    const bool good = Understand(ring.Next().view(), depth, &message);
    if (!good) state.SkipWithError("the message is refused");
  }
  Count(ring, &state);
  state.SetLabel(std::string(sip::ScanKernelName()));
}

void BM_Scan(benchmark::State& state, const std::string& name, bool mix,
             const sip::ScanKernel& kernel) {
  Ring ring(name, mix);
  sip::LineFeeds feeds;
  for (auto _ : state) {
    benchmark::DoNotOptimize(kernel.scan(ring.Next().view(), &feeds));
    benchmark::ClobberMemory();
  }
  Count(ring, &state);
}

void BM_Copy(benchmark::State& state, const std::string& name, bool mix) {
  Ring ring(name, mix);
  std::array<char, sip::kMessageSizeMax> out;
  for (auto _ : state) {
    const std::string_view bytes = ring.Next().view().bytes();
    std::memcpy(out.data(), bytes.data(), bytes.size());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  Count(ring, &state);
}

void BM_Newlines(benchmark::State& state, const std::string& name, bool mix) {
  Ring ring(name, mix);
  for (auto _ : state) benchmark::DoNotOptimize(CountNewlines(ring.Next().view().bytes()));
  Count(ring, &state);
}

#if defined(__x86_64__)
void BM_LineIndex(benchmark::State& state, const std::string& name, bool mix) {
  if (!__builtin_cpu_supports("avx2")) return state.SkipWithError("this CPU has no AVX2");
  Ring ring(name, mix);
  std::array<IndexedLine, 256> lines;
  for (auto _ : state) {
    benchmark::DoNotOptimize(IndexLines(ring.Next().view().bytes(), lines.data()));
    benchmark::ClobberMemory();
  }
  Count(ring, &state);
}
#endif

// An agreement against a copy of it from another message: what each protected request costs.
void BM_SameAgreement(benchmark::State& state) {
  Ring ring("a-register", true);
  Message message;
  sip::SecurityList list;
  if (sip::Parse(ring.Next().view(), &message) != ParseError::kOk ||
      sip::DecodeSecurity(message, HeaderId::kSecurityClient, &list) != ParseError::kOk) {
    return state.SkipWithError("the message is refused");
  }
  const std::string copy(message.Value(HeaderId::kSecurityClient));
  sip::SecurityList other;
  if (sip::DecodeSecurity(copy, &other) != ParseError::kOk) return state.SkipWithError("refused");
  for (auto _ : state) {
    const bool same = sip::SameAgreement(list, other);
    if (!same) state.SkipWithError("it is the same agreement");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SameAgreement);

template <typename Run>
void Register(const std::string& what, Run run) {
  for (const char* const name : kMessages) {
    for (const bool mix : {false, true}) {
      const std::string full = what + "/" + name + (mix ? "/mix" : "/hot");
      benchmark::RegisterBenchmark(full.c_str(),
                                   [=](benchmark::State& state) { run(state, name, mix); });
    }
  }
}

void RegisterAll() {
  Register("Memcpy", &BM_Copy);
  Register("Newlines", &BM_Newlines);
#if defined(__x86_64__)
  Register("LineIndex", &BM_LineIndex);
#endif
  for (const sip::ScanKernel& kernel : sip::ScanKernels()) {
    Register("Scan_" + std::string(kernel.name),
             [kernel](benchmark::State& state, const char* name, bool mix) {
               BM_Scan(state, name, mix, kernel);
             });
  }
  for (const auto& [what, depth] : kDepths) {
    Register(what, [depth = depth](benchmark::State& state, const char* name, bool mix) {
      BM_Message(state, name, mix, depth);
    });
  }
  RegisterPeers();
}

}  // namespace
}  // namespace sip_bench

int main(int argc, char** argv) {
  sip_bench::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
