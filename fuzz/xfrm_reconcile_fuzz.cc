// Any dump against any knowledge: the plan is that of a model that looks at every pair, and
// carrying it out, over kernels that refuse and lose answers, ends with every SA of ours there,
// nothing of ours beside, and everything of others untouched.
//
//   | what we know, 2 bytes each | 0xff | what the kernel holds, 2 bytes each | 0xff | faults |
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

#include "xfrm/fake_kernel.h"
#include "xfrm/reconcile.h"

namespace {

constexpr uint32_t kReqid = 4711;
constexpr uint64_t kNow = 1'700'000'000;
constexpr size_t kEach = 200;

void Require(bool condition) {
  if (!condition) std::abort();
}

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint8_t Next() {
    if (size_ == 0) return 0xff;
    --size_;
    return *data_++;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

const std::array<xfrm::EspKeys, 2>& Keys() {
  static const std::array<xfrm::EspKeys, 2> keys = {
      xfrm::EspKeys({xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc}, {}, {}),
      xfrm::EspKeys({xfrm::Integrity::kNull, xfrm::Encryption::kAesGcm}, {}, {})};
  return keys;
}

constexpr std::array<uint32_t, 4> kHardSeconds = {0, 60, 70, 600};
constexpr xfrm::Lifetimes kLifetimes = {.now_s = kNow, .early_s_max = 15};

// `id` gives destination and SPI, `contents` the rest: few values, so that they meet.
xfrm::Sa SaFrom(uint8_t id, uint8_t contents) {
  const uint8_t family = (id & 0x40) != 0 ? AF_INET6 : AF_INET;
  xfrm::Sa sa;
  sa.selector.source.family = family;
  sa.selector.destination.family = family;
  sa.selector.source.bytes[0] = static_cast<uint8_t>(10 + (contents & 1));
  sa.selector.destination.bytes[0] = static_cast<uint8_t>(20 + (id & 3));
  sa.selector.source_port = static_cast<uint16_t>(1 + (contents >> 1 & 1));
  sa.selector.destination_port = 5062;
  sa.spi = 1000u + (id >> 2 & 0xf);
  sa.reqid = kReqid + (contents >> 2 & 1);
  sa.keys = &Keys()[contents >> 3 & 1];
  sa.hard_seconds = kHardSeconds[contents >> 4 & 3];
  return sa;
}

std::vector<xfrm::Sa> SasFrom(Input* input, bool ours_only) {
  std::vector<xfrm::Sa> sas;
  for (uint8_t id = input->Next(); id != 0xff && sas.size() < kEach; id = input->Next()) {
    sas.push_back(SaFrom(id, input->Next()));
    if (ours_only) sas.back().reqid = kReqid;
  }
  return sas;
}

bool Same(const xfrm::SaInfo& there, const xfrm::Sa& known) {
  return there.selector == known.selector && there.reqid == known.reqid &&
         there.algorithms == known.keys->algorithms() && there.source == known.selector.source;
}

bool EndsEarly(const xfrm::SaInfo& there, const xfrm::Sa& known) {
  return there.hard_seconds != 0 &&
         there.hard_seconds + kLifetimes.early_s_max < known.hard_seconds;
}

// Every pair is looked at.
void CheckPlan(const xfrm::ReconcilePlan& plan, const std::vector<xfrm::SaInfo>& dump,
               const std::vector<xfrm::Sa>& known) {
  std::vector<uint32_t> install, replace, blocked, extend;
  size_t kept = 0;
  size_t repeated = 0;
  for (uint32_t i = 0; i < known.size(); ++i) {
    const auto has_id = [&](const auto& sa) { return sa.id() == known[i].id(); };
    if (std::any_of(known.begin(), known.begin() + i, has_id)) {
      ++repeated;
      continue;
    }
    const auto there = std::find_if(dump.begin(), dump.end(),
                                    [&](const xfrm::SaInfo& sa) { return sa.id == known[i].id(); });
    if (there == dump.end()) {
      install.push_back(i);
    } else if (there->reqid != kReqid) {
      blocked.push_back(i);
    } else if (Same(*there, known[i])) {
      ++kept;
      if (EndsEarly(*there, known[i])) extend.push_back(i);
    } else {
      replace.push_back(i);
    }
  }
  size_t foreign = 0;
  size_t stray = 0;
  for (const xfrm::SaInfo& sa : dump) {
    if (sa.reqid != kReqid) {
      ++foreign;
      continue;
    }
    const bool is_known = std::any_of(known.begin(), known.end(),
                                      [&](const xfrm::Sa& ours) { return ours.id() == sa.id; });
    const bool is_removed =
        std::find(plan.remove.begin(), plan.remove.end(), sa.id) != plan.remove.end();
    Require(is_known != is_removed);
    stray += is_known ? 0 : 1;
  }
  Require(plan.install == install && plan.replace == replace && plan.blocked == blocked);
  std::vector<uint32_t> extended;
  for (const xfrm::ReconcilePlan::Extension& extension : plan.extend) {
    Require(extension.hard_seconds == known[extension.index].hard_seconds);
    extended.push_back(extension.index);
  }
  std::sort(extended.begin(), extended.end());
  Require(extended == extend);
  Require(plan.kept == kept && plan.foreign == foreign && plan.repeated == repeated);
  Require(plan.remove.size() == stray);
}

// One plan carried out; faults are drawn from the input until it ends.
bool CarryOut(const xfrm::ReconcilePlan& plan, const std::vector<xfrm::Sa>& known, Input* input,
              xfrm::FakeKernel* kernel) {
  xfrm::ReconcileRun run(plan, known);
  static xfrm::Batch batch;  // Its buffer is large.
  const int requests_max = 4 + input->Next() % 13;
  size_t asked = 0;
  for (batch.Clear(1); run.Fill(&batch, requests_max); batch.Clear(1)) {
    Require(batch.count() <= requests_max);
    asked += static_cast<size_t>(batch.count());
    const uint8_t fault = input->Next();
    if (fault < 40) kernel->DropNextAnswers(1);
    if (fault >= 40 && fault < 80) kernel->CutNextAnswers(fault % 3);
    if (fault >= 80 && fault < 120) {
      kernel->SetFault([fault](uint16_t, int ordinal) {
        return ordinal == fault % 7 ? std::errc::not_enough_memory : std::errc{};
      });
    }
    std::vector<std::vector<std::byte>> answers;
    kernel->Send(batch.Seal(), kNow, &answers);
    kernel->SetFault(nullptr);
    xfrm::BatchVerdict verdict;
    verdict.Start(batch.first(), batch.count());
    for (const std::vector<std::byte>& datagram : answers) {
      xfrm::ReplyReader reader(datagram);
      xfrm::Reply reply;
      while (reader.Next(&reply)) verdict.Apply(reply);
      Require(reader.ok());
    }
    run.Take(verdict);
  }
  Require(asked ==
          run.installed() + run.extended() + run.removed() + run.refused() + run.unknown());
  Require(asked ==
          plan.install.size() + plan.extend.size() + plan.remove.size() + 2 * plan.replace.size());
  return !run.again();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const std::vector<xfrm::Sa> known = SasFrom(&input, true);
  const std::vector<xfrm::Sa> held = SasFrom(&input, false);
  xfrm::FakeKernel kernel;
  static xfrm::Batch batch;  // Its buffer is large.
  std::vector<std::vector<std::byte>> answers;
  for (const xfrm::Sa& sa : held) {
    batch.Clear(1);
    batch.AddSa(sa);  // EEXIST where an id comes twice.
    kernel.Send(batch.Seal(), kNow, &answers);
  }

  const std::vector<xfrm::SaInfo> before = kernel.Sas();
  for (bool is_right = false; !is_right;) {  // Faults end with the input.
    const std::vector<xfrm::SaInfo> dump = kernel.Sas();
    const xfrm::ReconcilePlan plan = xfrm::Reconcile(dump, known, kLifetimes, kReqid, size);
    CheckPlan(plan, dump, known);
    is_right = CarryOut(plan, known, &input, &kernel);
  }
  const std::vector<xfrm::SaInfo> after = kernel.Sas();
  const xfrm::ReconcilePlan rest = xfrm::Reconcile(after, known, kLifetimes, kReqid, size + 1);
  Require(rest.install.empty() && rest.replace.empty() && rest.remove.empty() &&
          rest.extend.empty());
  const auto foreign_ids = [](const std::vector<xfrm::SaInfo>& sas) {
    std::set<std::tuple<std::array<uint8_t, 16>, uint8_t, uint32_t>> ids;
    for (const xfrm::SaInfo& sa : sas) {
      const xfrm::Address& to = sa.id.destination;
      if (sa.reqid != kReqid) ids.emplace(to.bytes, to.family, sa.id.spi);
    }
    return ids;
  };
  Require(foreign_ids(before) == foreign_ids(after));
  return 0;
}
