// Any sequence of requests through a batch, the fake kernel's decoder and back: each is answered as
// a model of the two tables would, and what the kernel shows at the end is what the model holds.
//
// Three bytes a request: what, about which, with what in it.
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <vector>

#include "xfrm/batch.h"
#include "xfrm/fake_kernel.h"

namespace {

constexpr uint64_t kNow = 1'700'000'000;
constexpr int kDevice = 7;
constexpr std::errc kOk{};
constexpr std::errc kExists = std::errc::file_exists;
constexpr std::errc kNoSuchSa = std::errc::no_such_process;
constexpr std::errc kNoSuchPolicy = std::errc::no_such_file_or_directory;

void Require(bool condition) {
  if (!condition) std::abort();
}

const std::array<xfrm::EspKeys, 8>& Keys() {
  using xfrm::Encryption;
  using xfrm::EspKeys;
  using xfrm::Integrity;
  static const std::array<EspKeys, 8> keys = {
      EspKeys({Integrity::kHmacMd5_96, Encryption::kNull}, {}, {}),
      EspKeys({Integrity::kHmacMd5_96, Encryption::kDesEde3Cbc}, {}, {}),
      EspKeys({Integrity::kHmacMd5_96, Encryption::kAesCbc}, {}, {}),
      EspKeys({Integrity::kHmacSha1_96, Encryption::kNull}, {}, {}),
      EspKeys({Integrity::kHmacSha1_96, Encryption::kDesEde3Cbc}, {}, {}),
      EspKeys({Integrity::kHmacSha1_96, Encryption::kAesCbc}, {}, {}),
      EspKeys({Integrity::kAesGmac, Encryption::kNull}, {}, {}),
      EspKeys({Integrity::kNull, Encryption::kAesGcm}, {}, {})};
  return keys;
}

xfrm::Sa SaFrom(uint8_t which, uint8_t contents) {
  const uint8_t family = (which & 1) != 0 ? AF_INET6 : AF_INET;
  xfrm::Sa sa;
  sa.selector.source.family = family;
  sa.selector.destination.family = family;
  sa.selector.source.bytes[0] = 10;
  sa.selector.destination.bytes[0] = static_cast<uint8_t>(20 + (which >> 1 & 1));
  sa.selector.source_port = contents;
  sa.selector.destination_port = 5062;
  sa.spi = 1000u + (which >> 2);
  sa.reqid = contents >> 3;
  sa.hard_seconds = contents;
  sa.soft_seconds = contents / 2u;
  // From none over what fits the SA itself to 3968.
  sa.replay_window = static_cast<uint16_t>((contents & 0xf8) * ((contents & 0x80) != 0 ? 16 : 1));
  sa.keys = &Keys()[contents & 7];
  sa.mark.mask = contents & 0x18;
  if ((contents & 0x20) != 0) sa.offload = {xfrm::OffloadKind::kCrypto, kDevice};
  sa.mark.value = contents & 0x10;
  return sa;
}

xfrm::Policy PolicyFrom(uint8_t which, uint8_t contents) {
  xfrm::Policy policy;
  policy.direction = (which & 1) != 0 ? xfrm::Direction::kIn : xfrm::Direction::kOut;
  policy.local.family = (which & 2) != 0 ? AF_INET6 : AF_INET;
  policy.local.bytes[0] = 20;
  policy.local_port = static_cast<uint16_t>(1 + (which >> 2));
  policy.reqid = contents;
  policy.priority = contents + 1u;
  return policy;
}

size_t WordsOf(uint16_t window) {
  return window > 32 ? (window + 31u) / 32 : 0;
}

xfrm::ReplayState ReplayFrom(uint8_t contents) {
  xfrm::ReplayState state;
  state.sent = contents;
  state.received = contents * 3u;
  state.window = static_cast<uint16_t>(contents > 127 ? (contents & 0xf8) * 16 : 0);
  for (size_t i = 0; i < std::max<size_t>(1, WordsOf(state.window)); ++i) {
    state.received_bits[i] = contents + static_cast<uint32_t>(i);
  }
  return state;
}

// The two tables, and what each request must come to.
class Model {
 public:
  std::errc Ask(uint8_t what, uint8_t which, uint8_t contents, xfrm::Batch* batch);
  void Compare(const xfrm::FakeKernel& kernel) const;
  // What a get was answered with; none is due for a refused one.
  std::map<uint32_t, xfrm::ReplayState> replays_due;

 private:
  struct HeldSa {
    xfrm::Sa sa;
    xfrm::ReplayState replay;
  };

  std::errc AskSa(uint8_t what, uint8_t which, uint8_t contents, xfrm::Batch* batch);
  std::errc AskPolicy(uint8_t what, uint8_t which, uint8_t contents, xfrm::Batch* batch);

  std::map<uint8_t, HeldSa> sas_;
  std::map<uint8_t, xfrm::Policy> policies_;
};

std::errc Model::Ask(uint8_t what, uint8_t which, uint8_t contents, xfrm::Batch* batch) {
  return what % 10 < 6 ? AskSa(what % 10, which, contents, batch)
                       : AskPolicy(what % 10, which, contents, batch);
}

std::errc Model::AskSa(uint8_t what, uint8_t which, uint8_t contents, xfrm::Batch* batch) {
  const xfrm::Sa sa = SaFrom(which, contents);
  const auto held = sas_.find(which);
  const bool is_there = held != sas_.end();
  switch (what) {
    case 0: {
      batch->AddSa(sa);
      if (is_there) return kExists;
      HeldSa fresh{sa, {}};
      fresh.replay.window = sa.replay_window > 32 ? sa.replay_window : uint16_t{0};
      sas_.emplace(which, fresh);
      return kOk;
    }
    case 1:
      batch->UpdateSa(sa);
      if (is_there) held->second.sa.hard_seconds = sa.hard_seconds;
      return is_there ? kOk : kNoSuchSa;
    case 2:
      batch->DeleteSa(sa.id());
      if (is_there) sas_.erase(held);
      return is_there ? kOk : kNoSuchSa;
    case 3:
      batch->GetSa(sa.id());
      return is_there ? kOk : kNoSuchSa;
    case 4: {
      const int index = batch->GetReplay(sa.id());
      if (is_there) {
        replays_due[batch->first() + static_cast<uint32_t>(index)] = held->second.replay;
      }
      return is_there ? kOk : kNoSuchSa;
    }
    default: {
      const xfrm::ReplayState state = ReplayFrom(contents);
      batch->SetReplay(sa.id(), state);
      if (!is_there) return kNoSuchSa;
      const uint16_t own = held->second.replay.window;
      if ((own == 0) != (state.window == 0)) return kOk;  // Of the other kind: nothing.
      if (WordsOf(own) != WordsOf(state.window)) return std::errc::invalid_argument;
      held->second.replay = state;
      return kOk;
    }
  }
}

std::errc Model::AskPolicy(uint8_t what, uint8_t which, uint8_t contents, xfrm::Batch* batch) {
  const xfrm::Policy policy = PolicyFrom(which, contents);
  const bool is_there = policies_.count(which) != 0;
  switch (what) {
    case 6:
      batch->AddPolicy(policy);
      policies_.emplace(which, policy);
      return is_there ? kExists : kOk;
    case 7:
      batch->UpdatePolicy(policy);
      policies_[which] = policy;
      return kOk;
    case 8:
      batch->DeletePolicy(policy);
      policies_.erase(which);
      return is_there ? kOk : kNoSuchPolicy;
    default:
      batch->GetPolicy(policy);
      return is_there ? kOk : kNoSuchPolicy;
  }
}

void Model::Compare(const xfrm::FakeKernel& kernel) const {
  const std::vector<xfrm::SaInfo> sas = kernel.Sas();
  Require(sas.size() == sas_.size());
  for (const auto& [which, held] : sas_) {
    const xfrm::SaInfo* shown = nullptr;
    for (const xfrm::SaInfo& sa : sas) {
      if (sa.id == held.sa.id()) shown = &sa;
    }
    Require(shown != nullptr && shown->is_exact && shown->added_at == kNow);
    Require(shown->selector == held.sa.selector && shown->source == held.sa.selector.source);
    Require(shown->reqid == held.sa.reqid && shown->hard_seconds == held.sa.hard_seconds);
    Require(shown->algorithms == held.sa.keys->algorithms());
    Require(shown->mark == held.sa.mark && shown->offload == held.sa.offload);
    const uint16_t window = held.replay.window != 0 ? held.replay.window : held.sa.replay_window;
    Require(shown->replay_window == window);
  }
  const std::vector<xfrm::PolicyInfo> policies = kernel.Policies();
  Require(policies.size() == policies_.size());
  for (const auto& [which, held] : policies_) {
    bool is_shown = false;
    for (const xfrm::PolicyInfo& policy : policies) {
      is_shown = is_shown || (policy.direction == held.direction && policy.local == held.local &&
                              policy.local_port == held.local_port && policy.reqid == held.reqid &&
                              policy.priority == held.priority);
    }
    Require(is_shown);
  }
}

// Sends the batch; each request must come to what the model says, each get to what it holds.
void Run(xfrm::Batch* batch, const std::vector<std::errc>& expected, Model* model,
         xfrm::FakeKernel* kernel) {
  if (batch->empty()) return;
  std::vector<std::vector<std::byte>> answers;
  kernel->Send(batch->Seal(), kNow, &answers);
  xfrm::BatchVerdict verdict;
  verdict.Start(batch->first(), batch->count());
  for (const std::vector<std::byte>& datagram : answers) {
    xfrm::ReplyReader reader(datagram);
    xfrm::Reply reply;
    while (reader.Next(&reply)) {
      Require(verdict.Apply(reply));
      if (reply.kind != xfrm::ReplyKind::kReplay) continue;
      const auto due = model->replays_due.find(reply.sequence);
      Require(due != model->replays_due.end() && due->second == reply.replay);
      model->replays_due.erase(due);
    }
    Require(reader.ok());
  }
  Require(verdict.complete() && model->replays_due.empty());
  for (int i = 0; i < batch->count(); ++i) {
    Require(verdict.error(i) == expected[static_cast<size_t>(i)]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kRequestsMax = 32;
  xfrm::FakeKernel kernel;
  kernel.SetOffloadDevice({kDevice, xfrm::OffloadKind::kCrypto, {}});
  static xfrm::Batch batch;  // Its buffer is large.
  Model model;
  std::vector<std::errc> expected;
  uint32_t first = 0xfffffff0;  // Sequences wrap on the way.
  batch.Clear(first);
  for (size_t at = 0; at + 3 <= size; at += 3) {
    expected.push_back(model.Ask(data[at], data[at + 1], data[at + 2], &batch));
    if (batch.count() < kRequestsMax && data[at] < 250) continue;
    Run(&batch, expected, &model, &kernel);
    first += static_cast<uint32_t>(batch.count());
    batch.Clear(first);
    expected.clear();
  }
  Run(&batch, expected, &model, &kernel);
  model.Compare(kernel);
  return 0;
}
