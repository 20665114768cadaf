#include "edge/kernel_check.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "xfrm/socket.h"

namespace edge {
namespace {

using xfrm::Lack;
using xfrm::ProbeRefusal;

// A kernel that has yet to load and test its algorithms takes its time.
constexpr int kProbeTimeoutMs = 30'000;
constexpr SettingsPath kAlgorithms = {"ipsec", "allowed_algorithms"};

std::errc Exchange(xfrm::Batch* batch, xfrm::BatchVerdict* verdict) {
  int fd;
  if (const std::errc error = xfrm::OpenSocket({}, &fd); error != std::errc{}) return error;
  const std::errc error = xfrm::Transact(fd, batch, kProbeTimeoutMs, verdict);
  close(fd);
  return error;
}

std::string NameOf(xfrm::Algorithms pair) {
  return fmt::format("{}={}", xfrm::Name(pair.integrity), xfrm::Name(pair.encryption));
}

// "ESP for IPv4 (CONFIG_INET_ESP; modprobe esp4)".
std::string Describe(Lack lack) {
  const xfrm::LackInfo& info = xfrm::InfoOf(lack);
  if (info.options.empty()) return std::string(info.what);
  const std::string_view a = info.modules.find(' ') == info.modules.npos ? "" : "-a ";
  return fmt::format("{} ({}; modprobe {}{})", info.what, info.options, a, info.modules);
}

std::string WhyRefused(const ProbeRefusal& refusal) {
  if (refusal.lack == Lack::kOther) {
    return fmt::format("it refuses such SAs ({})", xfrm::Explain(refusal.error));
  }
  if (refusal.also == Lack::kNone) return "it lacks " + Describe(refusal.lack);
  return fmt::format("it lacks {} and {}", Describe(refusal.lack), Describe(refusal.also));
}

// Pairs refused for one reason make one message.
struct Missing {
  std::string why;
  std::vector<std::string> pairs;
};

std::vector<Missing> MissingOf(const xfrm::ProbeReport& report, const AlgorithmList& allowed,
                               AlgorithmList* left) {
  std::vector<Missing> all;
  for (const xfrm::Algorithms pair : allowed.pairs()) {
    const ProbeRefusal* refusal = report.RefusalOf(pair);
    if (refusal == nullptr) {
      left->Add(pair);
      continue;
    }
    const std::string why = WhyRefused(*refusal);
    auto same = std::find_if(all.begin(), all.end(),
                             [&](const Missing& missing) { return missing.why == why; });
    if (same == all.end()) same = all.insert(all.end(), {why, {}});
    same->pairs.push_back(NameOf(pair));
  }
  return all;
}

void CheckAlgorithms(const xfrm::ProbeReport& report, std::string_view name, uint32_t line,
                     AlgorithmList* allowed, SettingsDraft* draft) {
  const bool drop = draft->settings.ipsec.missing_algorithms == MissingAlgorithms::kDrop;
  AlgorithmList left;
  const std::vector<Missing> all = MissingOf(report, *allowed, &left);
  for (const Missing& missing : all) {
    const std::string pairs = fmt::format("{}", fmt::join(missing.pairs, ", "));
    if (drop) {
      draft->Warning(line, fmt::format("{}: {} not offered, this kernel cannot do it: {}", name,
                                       pairs, missing.why));
    } else {
      draft->Error(line, fmt::format("{}: this kernel cannot do {}: {}; or leave out what it "
                                     "lacks by ipsec.missing_algorithms = \"drop\"",
                                     name, pairs, missing.why));
    }
  }
  if (!drop || all.empty()) return;
  *allowed = left;
  if (!left.empty()) return;
  draft->Error(line, fmt::format("ipsec.missing_algorithms = \"drop\" leaves nothing of {}", name));
}

// Those of all and those of rules; one that is to be dropped is dropped from each.
void CheckAlgorithms(const xfrm::ProbeReport& report, SettingsDraft* draft) {
  if (!draft->IsBad(kAlgorithms)) {
    CheckAlgorithms(report, "ipsec.allowed_algorithms", draft->LineOf(kAlgorithms),
                    &draft->settings.ipsec.allowed_algorithms, draft);
  }
  for (size_t i = 0; i < draft->settings.rules.size(); ++i) {
    Rule& rule = draft->settings.rules[i];
    if (!rule.algos) continue;
    CheckAlgorithms(report, "rule.ipsec_create.algos", draft->rule_lines[i].algos, &*rule.algos,
                    draft);
  }
}

std::string WhatWorks(const xfrm::ProbeReport& report, xfrm::ProbeFamilies families,
                      const AlgorithmList& allowed) {
  std::vector<std::string> works = {"CAP_NET_ADMIN", "XFRM"};
  const bool has_ipv6 = !report.Lacks(Lack::kEspIpv6) && !report.Lacks(Lack::kIpv6);
  if (families.ipv4 && !report.Lacks(Lack::kEspIpv4)) works.push_back("ESP for IPv4");
  if (families.ipv6 && has_ipv6) works.push_back("ESP for IPv6");
  for (const xfrm::Algorithms pair : allowed.pairs()) {
    const bool is_refused =
        std::any_of(report.refusals.begin(), report.refusals.end(),
                    [&](const ProbeRefusal& refusal) { return refusal.algorithms == pair; });
    if (!is_refused) works.push_back(NameOf(pair));
  }
  return fmt::format("{}", fmt::join(works, ", "));
}

}  // namespace

xfrm::ProbeReport ProbeThisKernel(xfrm::ProbeFamilies families) {
  xfrm::ProbeReport report;
  report.lack = xfrm::ProbeAccess(Exchange, &report.error);
  if (!report.is_complete()) return report;
  // A namespace belongs to a thread and ends with it.
  std::thread([&] {
    const bool is_alone = unshare(CLONE_NEWNET) == 0;
    report = xfrm::Probe(Exchange, families,
                         is_alone ? xfrm::ProbeWay::kInstall : xfrm::ProbeWay::kPretend);
  }).join();
  return report;
}

xfrm::ProbeFamilies FamiliesOf(const Settings& settings) {
  xfrm::ProbeFamilies families = {false, false};
  for (const reactor::Endpoint& socket : settings.ipsec.sockets) {
    (socket.family() == AF_INET ? families.ipv4 : families.ipv6) = true;
  }
  // Without a good socket the algorithms can be judged all the same.
  if (!families.ipv6) families.ipv4 = true;
  return families;
}

KernelVerdict CheckKernel(const xfrm::ProbeReport& report, SettingsDraft* draft) {
  KernelVerdict verdict;
  if (report.lack == Lack::kXfrm) {
    verdict.lacks.push_back("the kernel has no IPsec at all: it lacks " + Describe(report.lack));
    return verdict;
  }
  if (!report.is_complete()) {
    verdict.is_unknown = true;
    verdict.lacks.push_back("the kernel could not be asked: " +
                            std::string(xfrm::Explain(report.error)));
    return verdict;
  }
  for (const Lack lack : {Lack::kIpv6, Lack::kEspIpv4, Lack::kEspIpv6}) {
    if (report.Lacks(lack)) verdict.lacks.push_back("the kernel lacks " + Describe(lack));
  }
  verdict.works = WhatWorks(report, FamiliesOf(draft->settings), AllAlgorithms(draft->settings));
  CheckAlgorithms(report, draft);
  return verdict;
}

}  // namespace edge
