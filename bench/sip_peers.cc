#include "bench/sip_peers.h"

#include <benchmark/benchmark.h>

#include <optional>
#include <string>
#include <vector>

#include "bench/sip_bench.h"
#include "bench/sip_depths.h"

namespace sip_bench {
namespace {

std::string_view Text(const char* text) {
  return text == nullptr ? std::string_view() : text;
}

std::string_view Unquoted(std::string_view text) {
  return text.size() < 2 ? text : text.substr(1, text.size() - 2);
}

std::string_view Tag(const sip::Message& message, sip::HeaderId id) {
  sip::Address address;
  if (sip::DecodeAddress(message.Value(id), &address) != sip::ParseError::kOk) return "refused";
  const std::optional<sip::Param> tag = sip::FindParam(address.params, "tag");
  return tag ? tag->value : std::string_view();
}

// What of L1 the peer read otherwise than we do; null: nothing.
const char* WrongL1(const sip::Message& message, const PeerL1& peer) {
  sip::Via via;
  sip::CSeq cseq;
  if (sip::DecodeTopVia(message, &via) != sip::ParseError::kOk ||
      sip::DecodeCSeq(message.Value(sip::HeaderId::kCSeq), &cseq) != sip::ParseError::kOk) {
    return "the message: we refuse it";
  }
  if (Text(peer.method) != message.method_text()) return "method";
  if (peer.status != message.status()) return "status";
  if (Text(peer.branch) != via.branch) return "branch";
  if (Text(peer.host) != via.host) return "host of Via";
  if (Text(peer.port) != std::to_string(via.port)) return "port of Via";
  if (Text(peer.from_tag) != Tag(message, sip::HeaderId::kFrom)) return "tag of From";
  if (Text(peer.to_tag) != Tag(message, sip::HeaderId::kTo)) return "tag of To";
  std::string call_id(Text(peer.call_id));
  if (peer.call_id_host != nullptr) call_id += "@" + std::string(peer.call_id_host);
  if (call_id != message.Value(sip::HeaderId::kCallId)) return "Call-ID";
  if (peer.cseq != cseq.number) return "number of CSeq";
  if (Text(peer.cseq_method) != cseq.method_text) return "method of CSeq";
  return nullptr;
}

bool SameMechanism(std::string_view text, const PeerMechanism& peer) {
  const size_t semicolon = text.find(';');
  if (text.substr(0, semicolon) != Text(peer.name)) return false;
  sip::ParamReader reader(text.substr(semicolon));
  sip::Param param;
  const char* const* at = peer.params;
  for (; reader.Next(&param); ++at) {
    if (Text(*at) != param.text) return false;
  }
  return reader.ok() && *at == nullptr;
}

const char* WrongL2(const sip::Message& message, const PeerTraits& traits, const PeerL2& peer) {
  sip::SecurityList list;
  if (traits.reads_security_client) {
    if (sip::DecodeSecurity(message, sip::HeaderId::kSecurityClient, &list) !=
        sip::ParseError::kOk) {
      return "Security-Client: we refuse it";
    }
    if (static_cast<size_t>(peer.mechanism_count) != list.mechanisms().size()) {
      return "number of alternatives";
    }
    for (size_t i = 0; i < list.mechanisms().size(); ++i) {
      if (!SameMechanism(list.mechanisms()[i].text, peer.mechanisms[i])) return "an alternative";
    }
  }
  if (message.Has(sip::HeaderId::kWwwAuthenticate)) {
    sip::Digest digest;
    if (sip::DecodeDigest(message.Value(sip::HeaderId::kWwwAuthenticate), &digest) !=
        sip::ParseError::kOk) {
      return "challenge: we refuse it";
    }
    if (Unquoted(Text(peer.nonce)) != digest.nonce().value) return "nonce";
    if (traits.reads_keys && Unquoted(Text(peer.ik)) != digest.ik().value) return "ik";
    if (traits.reads_keys && Unquoted(Text(peer.ck)) != digest.ck().value) return "ck";
  }
  return nullptr;
}

// The first thing that the peer reads wrong in any message of the ring; null: nothing.
const char* Wrong(const Ring& ring, Peer* peer) {
  sip::Message message;
  for (const PaddedMessage& each : ring.messages()) {
    if (sip::Parse(each.view(), &message) != sip::ParseError::kOk) return "the message: we refuse";
    PeerL1 l1;
    PeerL2 l2;
    const char* wrong = "the message: refused";
    if (peer->Parse(each.view().bytes()) && peer->ReadL1(&l1)) {
      peer->ReadL2(&l2);
      wrong = WrongL1(message, l1);
      if (wrong == nullptr) wrong = WrongL2(message, peer->traits(), l2);
    }
    peer->Release();
    if (wrong != nullptr) return wrong;
  }
  return nullptr;
}

void BM_Peer(benchmark::State& state, const std::string& name, bool mix, Peer* peer, Depth depth) {
  Ring ring(name, mix);
  if (const char* const wrong = Wrong(ring, peer)) {
    return state.SkipWithError(
        ("the peer does not read what we do: " + std::string(wrong)).c_str());
  }
  PeerL1 l1;
  PeerL2 l2;
  for (auto _ : state) {
    bool good = peer->Parse(ring.Next().view().bytes());
    good = good && peer->ReadL1(&l1);
    if (depth == Depth::kL2 && good) peer->ReadL2(&l2);
    benchmark::DoNotOptimize(l1);
    benchmark::DoNotOptimize(l2);
    peer->Release();
    if (!good) state.SkipWithError("the message is refused");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(ring.message_size()));
  state.SetItemsProcessed(state.iterations());
  const bool keys_missing = depth == Depth::kL2 && !peer->traits().reads_keys;
  if (keys_missing) state.SetLabel("nonce only: ik and ck are lost");
}

// L2 is more than L1 in two messages.
bool Reaches(const PeerTraits& traits, Depth depth, std::string_view message) {
  if (depth == Depth::kL1) return true;
  return message == "b-401" || (message == "a-register" && traits.reads_security_client);
}

void RegisterPeer(Peer* peer) {
  const PeerTraits traits = peer->traits();
  for (const NamedDepth& depth : {NamedDepth{"L1", Depth::kL1}, NamedDepth{"L2", Depth::kL2}}) {
    for (const char* const message : kMessages) {
      if (!Reaches(traits, depth.depth, message)) continue;
      for (const bool mix : {false, true}) {
        const std::string full =
            std::string(traits.name) + "_" + depth.name + "/" + message + (mix ? "/mix" : "/hot");
        benchmark::RegisterBenchmark(full.c_str(), [=](benchmark::State& state) {
          BM_Peer(state, message, mix, peer, depth.depth);
        });
      }
    }
  }
}

}  // namespace

void RegisterPeers() {
  static std::vector<std::unique_ptr<Peer>> peers;
#if defined(GMEDGE_BENCH_SOFIA)
  peers.push_back(MakeSofia());
#endif
#if defined(GMEDGE_BENCH_OSIP)
  peers.push_back(MakeOsip());
#endif
  for (const std::unique_ptr<Peer>& peer : peers) RegisterPeer(peer.get());
}

}  // namespace sip_bench
