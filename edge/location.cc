#include "edge/location.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "edge/next_hop_limits.h"
#include "sip/list.h"

namespace edge {
namespace {

// Of the services that RFC 3263 registers, those we speak. An address (flag "a") or a regular
// expression is not what they lead to (RFC 3263 4.1).
bool ReadService(const NaptrRecord& record, Transport* transport) {
  if (!sip::EqualsIgnoreCase(record.flags, "s") || record.replacement.empty()) return false;
  if (sip::EqualsIgnoreCase(record.service, "SIP+D2U")) {
    *transport = Transport::kUdp;
    return true;
  }
  *transport = Transport::kTcp;
  return sip::EqualsIgnoreCase(record.service, "SIP+D2T");
}

// The same order every time, whichever answer came first and however servers turn their lists:
// who spreads messages over the targets does so evenly, and the same way as before.
bool IsBefore(const Target& a, const Target& b) {
  if (a.group != b.group) return a.group < b.group;
  const std::span<const uint8_t> left = a.endpoint.address(), right = b.endpoint.address();
  const int order = std::memcmp(left.data(), right.data(), std::min(left.size(), right.size()));
  return order != 0 ? order < 0 : a.endpoint.port() < b.endpoint.port();
}

std::string ServiceName(Transport transport, const std::string& host) {
  return (transport == Transport::kTcp ? "_sip._tcp." : "_sip._udp.") + host;
}

}  // namespace

Location::Location(const NameQuery& query, sa_family_t family, Transport preferred)
    : host_(query.host),
      port_(query.port),
      family_(family),
      preferred_(query.transport.value_or(preferred)),
      has_transport_(query.transport.has_value()),
      transport_(preferred_) {
  if (port_ != 0) {
    hosts_.push_back({host_, port_});
    AskAddresses();
  } else if (has_transport_) {
    AskServices();
  } else {
    Ask(host_, DnsType::kNaptr, 0);
  }
}

std::vector<DnsQuestion> Location::TakeQuestions() {
  open_ += questions_.size();
  return std::exchange(questions_, {});
}

void Location::Ask(const std::string& name, DnsType type, uint32_t tag) {
  questions_.push_back({name, type, tag});
}

void Location::OnAnswer(uint32_t tag, const DnsAnswer& answer) {
  --open_;
  if (answer.status == DnsStatus::kOk) ttl_s_ = std::min(ttl_s_, answer.ttl_s);
  if (answer.status == DnsStatus::kRefused) is_silent_ = true;
  if (answer.status == DnsStatus::kSilent) {
    is_silent_ = true;
    services_.clear();
    if (step_ != Step::kAddress) return;
  }
  switch (step_) {
    case Step::kNaptr:
      return OnNaptr(answer);
    case Step::kSrv:
      return OnSrv(answer);
    case Step::kAddress:
      return OnAddresses(tag, answer);
  }
}

// The records of the lowest order, then of the lowest preference, whose service we have; the others
// serve when that one has no SRV records.
void Location::OnNaptr(const DnsAnswer& answer) {
  std::vector<NaptrRecord> records = answer.naptr;
  std::stable_sort(records.begin(), records.end(), [](const auto& a, const auto& b) {
    return std::pair(a.order, a.preference) > std::pair(b.order, b.preference);
  });
  for (const NaptrRecord& record : records) {
    Transport transport;
    if (ReadService(record, &transport)) services_.push_back({record.replacement, transport});
  }
  if (services_.size() > kServicesMax) {
    services_.erase(services_.begin(), services_.end() - kServicesMax);
  }
  services_.empty() ? AskServices() : NextService();
}

void Location::AskServices() {
  const Transport other = preferred_ == Transport::kTcp ? Transport::kUdp : Transport::kTcp;
  if (!has_transport_) services_.push_back({ServiceName(other, host_), other});
  services_.push_back({ServiceName(preferred_, host_), preferred_});
  NextService();
}

void Location::NextService() {
  if (services_.empty()) {
    transport_ = preferred_;
    hosts_.push_back({host_});
    return AskAddresses();
  }
  step_ = Step::kSrv;
  transport_ = services_.back().transport;
  Ask(services_.back().name, DnsType::kSrv, 0);
  services_.pop_back();
}

// A target "." says that the service is not there (RFC 2782).
void Location::OnSrv(const DnsAnswer& answer) {
  std::vector<SrvRecord> records = answer.srv;
  std::erase_if(records, [](const SrvRecord& record) {
    return record.host.empty() || record.host == "." || record.port == 0;
  });
  if (records.empty()) return NextService();
  std::stable_sort(records.begin(), records.end(),
                   [](const auto& a, const auto& b) { return a.priority < b.priority; });
  if (records.size() > kSrvHostsMax) records.resize(kSrvHostsMax);
  for (const SrvRecord& record : records) {
    hosts_.push_back({record.host, record.port, record.priority, record.weight});
  }
  AskAddresses();
}

void Location::AskAddresses() {
  step_ = Step::kAddress;
  const DnsType type = family_ == AF_INET6 ? DnsType::kAaaa : DnsType::kA;
  for (size_t i = 0; i < hosts_.size(); ++i) Ask(hosts_[i].name, type, static_cast<uint32_t>(i));
}

// Several addresses of one host share its weight.
void Location::OnAddresses(uint32_t tag, const DnsAnswer& answer) {
  const Host& host = hosts_[tag];
  size_t count = 0;
  for (const reactor::Endpoint& address : answer.addresses) {
    if (address.family() != family_ || count == kAddressesMax) continue;
    ++count;
    Target target{address, transport_, host.group, host.weight};
    target.endpoint.set_port(host.port);
    targets_.push_back(target);
  }
  if (!done()) return;
  if (targets_.empty() && !services_.empty()) {
    hosts_.clear();
    return NextService();
  }
  std::sort(targets_.begin(), targets_.end(), IsBefore);
}

}  // namespace edge
