#include "edge/rules.h"

#include <algorithm>
#include <cassert>

#include "edge/settings.h"

namespace edge {
namespace {

// The cheap questions first.
bool Matches(const Rule& rule, const RuleFacts& facts) {
  if (rule.transport && *rule.transport != facts.transport) return false;
  const bool is_from =
      std::any_of(rule.sources.begin(), rule.sources.end(),
                  [&](const Network& network) { return network.Contains(facts.source); });
  if (!rule.sources.empty() && !is_from) return false;
  if (rule.realm && !rule.realm->Matches(facts.realm)) return false;
  if (rule.impi && !rule.impi->Matches(facts.impi)) return false;
  return !rule.user_agent || rule.user_agent->Matches(facts.user_agent);
}

}  // namespace

bool Rule::matches_all() const {
  return sources.empty() && !realm && !user_agent && !impi && !transport;
}

RuleIndex FindRule(std::span<const Rule> rules, const RuleFacts& facts) {
  for (size_t i = 0; i < rules.size(); ++i) {
    if (Matches(rules[i], facts)) return static_cast<RuleIndex>(i + 1);
  }
  return 0;
}

Policy PolicyOf(const Settings& settings, RuleIndex index) {
  const Settings::Ipsec& ipsec = settings.ipsec;
  Policy policy = {index,
                   settings.gm.sec_agree,
                   ipsec.security_server,
                   ipsec.default_server_port,
                   ipsec.default_client_port,
                   ipsec.allowed_algorithms,
                   ipsec.temporary_timeout_s};
  if (index == 0) return policy;
  assert(index <= settings.rules.size());
  const Rule& rule = settings.rules[index - 1];
  policy.sec_agree = rule.sec_agree.value_or(policy.sec_agree);
  policy.security_server = rule.security_server.value_or(policy.security_server);
  if (rule.port_server) policy.port_server = rule.port_server;
  if (rule.port_client) policy.port_client = rule.port_client;
  policy.algorithms = rule.algos.value_or(policy.algorithms);
  policy.temporary_timeout_s = rule.temporary_timeout_s.value_or(policy.temporary_timeout_s);
  return policy;
}

uint32_t UdpRequestSizeMax(const Settings& settings, RuleIndex index) {
  const uint32_t common = settings.gm.udp_request_size_max;
  if (index == 0) return common;
  assert(index <= settings.rules.size());
  return settings.rules[index - 1].udp_request_size_max.value_or(common);
}

bool HasQuirk(const Settings& settings, RuleIndex index, Quirk quirk) {
  if (index == 0) return false;
  assert(index <= settings.rules.size());
  return settings.rules[index - 1].quirks.Has(quirk);
}

bool AllowClear(std::span<const Rule> rules) {
  const auto allows = [](const Rule& rule) {
    return rule.sec_agree && *rule.sec_agree != SecAgree::kRequire;
  };
  return std::any_of(rules.begin(), rules.end(), allows);
}

bool AllowsClear(const Settings& settings) {
  return settings.gm.sec_agree != SecAgree::kRequire || AllowClear(settings.rules);
}

AlgorithmList AllAlgorithms(const Settings& settings) {
  AlgorithmList all = settings.ipsec.allowed_algorithms;
  for (const Rule& rule : settings.rules) {
    if (!rule.algos) continue;
    for (const xfrm::Algorithms pair : rule.algos->pairs()) all.Add(pair);
  }
  return all;
}

}  // namespace edge
