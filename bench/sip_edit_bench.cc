// A REGISTER on its way to the core: the edits of a P-CSCF, from the parsed message to slices for
// sendmsg(2).
#include <benchmark/benchmark.h>

#include "bench/sip_bench.h"
#include "sip/digest.h"
#include "sip/edit.h"
#include "sip/list.h"
#include "sip/message.h"
#include "sip/via.h"

namespace sip_bench {
namespace {

using sip::HeaderId;
using sip::Message;
using sip::ParseError;

bool IsSecAgree(std::string_view member, const void*) {
  return sip::EqualsIgnoreCase(member, "sec-agree");
}

void EditRegister(const Message& message, const sip::Via& via, const sip::Digest& digest,
                  sip::Slices* slices) {
  sip::Editor editor(message);
  editor.PrependLine({"Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-p-0001\r\n"});
  editor.Replace(via.rport_text, {"rport=5060"});
  editor.InsertAfter(via.text, {";received=10.45.0.2"});
  editor.Replace(message.Value(HeaderId::kMaxForwards), {"69"});
  editor.InsertAfter(digest.params, {",integrity-protected=\"no\""});
  editor.RemoveHeaders(HeaderId::kSecurityClient);
  editor.RemoveListMembers(HeaderId::kRequire, &IsSecAgree, nullptr);
  editor.RemoveListMembers(HeaderId::kProxyRequire, &IsSecAgree, nullptr);
  editor.AppendLine({"Require: path\r\n"});
  editor.AppendLine({"Path: <sip:", "t8f3a2c1b", "@pcscf.example.net:5060;lr;ob>\r\n"});
  editor.AppendLine({"P-Visited-Network-ID: \"ims.mnc001.mcc001.3gppnetwork.org\"\r\n"});
  const sip::EditError error = editor.Finish(slices);
  benchmark::DoNotOptimize(error);
}

// The edits alone, of a message that is parsed.
void BM_EditRegister(benchmark::State& state) {
  const PaddedMessage input(ReadMessage("a-register"));
  Message message;
  sip::Via via;
  sip::Digest digest;
  if (sip::Parse(input.view(), &message) != ParseError::kOk ||
      sip::DecodeTopVia(message, &via) != ParseError::kOk ||
      sip::DecodeDigest(message.Value(HeaderId::kAuthorization), &digest) != ParseError::kOk) {
    return state.SkipWithError("the message is refused");
  }
  sip::Slices slices;
  for (auto _ : state) {
    EditRegister(message, via, digest, &slices);
    benchmark::DoNotOptimize(slices);
  }
  if (slices.count == 0) state.SkipWithError("the edits are refused");
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(slices.size));
}
BENCHMARK(BM_EditRegister);

// From bytes to slices.
void BM_ParseAndEditRegister(benchmark::State& state) {
  const PaddedMessage input(ReadMessage("a-register"));
  Message message;
  sip::Slices slices;
  for (auto _ : state) {
    sip::Via via;
    sip::Digest digest;
    const bool good =
        sip::Parse(input.view(), &message) == ParseError::kOk &&
        sip::Validate(message) == ParseError::kOk &&
        sip::DecodeTopVia(message, &via) == ParseError::kOk &&
        sip::DecodeDigest(message.Value(HeaderId::kAuthorization), &digest) == ParseError::kOk;
    if (!good) state.SkipWithError("the message is refused");
    EditRegister(message, via, digest, &slices);
    benchmark::DoNotOptimize(slices);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(input.size()));
}
BENCHMARK(BM_ParseAndEditRegister);

}  // namespace
}  // namespace sip_bench

BENCHMARK_MAIN();
