// How fast a message is understood, in three depths:
//   Parse   lines and header ids;
//   L1      and what every message is routed by: start line, top Via, tags, Call-ID, CSeq;
//   L2      and what a registration turns on: every Security-Client alternative, or the nonce and
//           keys of a challenge.
#include <benchmark/benchmark.h>

#include "bench/sip_bench.h"
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

void Count(const PaddedMessage& input, benchmark::State* state) {
  state->SetBytesProcessed(state->iterations() * static_cast<int64_t>(input.size()));
  state->SetItemsProcessed(state->iterations());
  state->SetLabel(std::string(sip::ScanKernelName()));
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

// Depth 0: Parse, 1: L1, 2: L1 and L2, 3: Parse and Validate.
void BM_Message(benchmark::State& state, const std::string& name, int depth) {
  const PaddedMessage input(name);
  Message message;
  for (auto _ : state) {
    bool good = sip::Parse(input.view(), &message) == ParseError::kOk;
    if (depth == 1 || depth == 2) good = good && DecodeL1(message);
    if (depth == 2) good = good && DecodeL2(message);
    if (depth == 3) good = good && sip::Validate(message) == ParseError::kOk;
    if (!good) state.SkipWithError("the message is refused");
    benchmark::DoNotOptimize(message);
    benchmark::ClobberMemory();
  }
  Count(input, &state);
}

void BM_SameAgreement(benchmark::State& state) {
  const PaddedMessage input("a-register");
  Message message;
  sip::SecurityList list;
  if (sip::Parse(input.view(), &message) != ParseError::kOk ||
      sip::DecodeSecurity(message, HeaderId::kSecurityClient, &list) != ParseError::kOk) {
    return state.SkipWithError("the message is refused");
  }
  for (auto _ : state) benchmark::DoNotOptimize(sip::SameAgreement(list, list));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SameAgreement);

}  // namespace
}  // namespace sip_bench

int main(int argc, char** argv) {
  constexpr const char* kDepths[] = {"Parse", "L1", "L2", "Validate"};
  for (int depth = 0; depth < 4; ++depth) {
    for (const char* const name : sip_bench::kMessages) {
      benchmark::RegisterBenchmark(
          (std::string("BM_") + kDepths[depth] + "/" + name).c_str(),
          [=](benchmark::State& state) { sip_bench::BM_Message(state, name, depth); });
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
