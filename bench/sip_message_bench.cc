// How fast a message is understood, in depths:
//   Parse     lines and header ids;
//   L1        and what every message is routed by: start line, top Via, tags, Call-ID, CSeq;
//   L2        and what a registration turns on: every Security-Client alternative, or the nonce and
//             keys of a challenge;
//   Validate  Parse and all that a proxy checks.
// Each with the same message again and again (hot) and with 256 different ones in turn (mix);
// beside the limits: memcpy, memchr to every newline, a bare index of the lines.
#include <benchmark/benchmark.h>

#include <array>

#include "bench/sip_bench.h"
#include "bench/sip_limits.h"
#include "sip/address.h"
#include "sip/digest.h"
#include "sip/list.h"
#include "sip/message.h"
#include "sip/number.h"
#include "sip/scan.h"
#include "sip/security.h"
#include "sip/via.h"

namespace sip_bench {
namespace {

using sip::HeaderId;
using sip::Message;
using sip::ParseError;

void Count(const Ring& ring, benchmark::State* state) {
  state->SetBytesProcessed(state->iterations() * static_cast<int64_t>(ring.message_size()));
  state->SetItemsProcessed(state->iterations());
}

bool DecodeTag(const Message& message, HeaderId id) {
  sip::Address address;
  if (sip::DecodeAddress(message.Value(id), &address) != ParseError::kOk) return false;
  benchmark::DoNotOptimize(sip::FindParam(address.params, "tag"));
  return true;
}

bool DecodeL1(const Message& message) {
  sip::Via via;
  sip::CSeq cseq;
  const bool good = sip::DecodeTopVia(message, &via) == ParseError::kOk &&
                    DecodeTag(message, HeaderId::kFrom) && DecodeTag(message, HeaderId::kTo) &&
                    sip::DecodeCSeq(message.Value(HeaderId::kCSeq), &cseq) == ParseError::kOk;
  benchmark::DoNotOptimize(via);
  benchmark::DoNotOptimize(cseq);
  benchmark::DoNotOptimize(message.Value(HeaderId::kCallId));
  return good;
}

bool DecodeL2(const Message& message) {
  if (message.Has(HeaderId::kSecurityClient)) {
    sip::SecurityList list;
    const ParseError error = sip::DecodeSecurity(message, HeaderId::kSecurityClient, &list);
    benchmark::DoNotOptimize(list);
    return error == ParseError::kOk;
  }
  if (message.Has(HeaderId::kWwwAuthenticate)) {
    sip::Digest digest;
    const ParseError error = sip::DecodeDigest(message.Value(HeaderId::kWwwAuthenticate), &digest);
    benchmark::DoNotOptimize(digest);
    return error == ParseError::kOk;
  }
  return true;
}

enum class Depth { kParse, kL1, kL2, kValidate };

void BM_Message(benchmark::State& state, const std::string& name, bool mix, Depth depth) {
  Ring ring(name, mix);
  Message message;
  for (auto _ : state) {
    bool good = sip::Parse(ring.Next().view(), &message) == ParseError::kOk;
    if (depth == Depth::kL1 || depth == Depth::kL2) good = good && DecodeL1(message);
    if (depth == Depth::kL2) good = good && DecodeL2(message);
    if (depth == Depth::kValidate) good = good && sip::Validate(message) == ParseError::kOk;
    if (!good) state.SkipWithError("the message is refused");
    benchmark::DoNotOptimize(message);
    benchmark::ClobberMemory();
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
  constexpr std::pair<const char*, Depth> kDepths[] = {{"Parse", Depth::kParse},
                                                       {"L1", Depth::kL1},
                                                       {"L2", Depth::kL2},
                                                       {"Validate", Depth::kValidate}};
  for (const auto& [what, depth] : kDepths) {
    Register(what, [depth = depth](benchmark::State& state, const char* name, bool mix) {
      BM_Message(state, name, mix, depth);
    });
  }
}

}  // namespace
}  // namespace sip_bench

int main(int argc, char** argv) {
  sip_bench::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
