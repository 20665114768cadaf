#include "edge/dns_message.h"

#include <ares.h>
#include <arpa/nameser.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "edge/next_hop_limits.h"

namespace edge {
namespace {

constexpr int kRecordsMax = 64;

// c-ares tells no TTL of NAPTR and SRV records, so it is read from the response itself.
uint32_t LeastTtl(std::span<const uint8_t> response, DnsType type) {
  ns_msg message;
  if (ns_initparse(response.data(), static_cast<int>(response.size()), &message) != 0) return 0;
  uint32_t least = UINT32_MAX;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (ns_parserr(&message, ns_s_an, i, &record) != 0) return 0;
    const bool counts =
        ns_rr_type(record) == static_cast<uint16_t>(type) || ns_rr_type(record) == ns_t_cname;
    if (counts) least = std::min<uint32_t>(least, ns_rr_ttl(record));
  }
  return least;
}

void ReadAddresses(std::span<const uint8_t> response, DnsAnswer* answer) {
  std::array<ares_addrttl, kRecordsMax> records;
  int count = kRecordsMax;
  const int size = static_cast<int>(response.size());
  if (ares_parse_a_reply(response.data(), size, nullptr, records.data(), &count) != ARES_SUCCESS) {
    return;
  }
  for (int i = 0; i < count; ++i) {
    reactor::Endpoint address;
    address.v4.sin_family = AF_INET;
    address.v4.sin_addr = records[static_cast<size_t>(i)].ipaddr;
    answer->addresses.push_back(address);
  }
}

void ReadIpv6Addresses(std::span<const uint8_t> response, DnsAnswer* answer) {
  std::array<ares_addr6ttl, kRecordsMax> records;
  int count = kRecordsMax;
  const int size = static_cast<int>(response.size());
  if (ares_parse_aaaa_reply(response.data(), size, nullptr, records.data(), &count) !=
      ARES_SUCCESS) {
    return;
  }
  for (int i = 0; i < count; ++i) {
    reactor::Endpoint address;
    address.v6.sin6_family = AF_INET6;
    std::memcpy(&address.v6.sin6_addr, &records[static_cast<size_t>(i)].ip6addr,
                sizeof(address.v6.sin6_addr));
    answer->addresses.push_back(address);
  }
}

void ReadServices(std::span<const uint8_t> response, DnsAnswer* answer) {
  ares_srv_reply* records = nullptr;
  if (ares_parse_srv_reply(response.data(), static_cast<int>(response.size()), &records) !=
      ARES_SUCCESS) {
    return;
  }
  for (const ares_srv_reply* record = records; record != nullptr; record = record->next) {
    answer->srv.push_back({record->priority, record->weight, record->port, record->host});
  }
  ares_free_data(records);
}

void ReadNaptr(std::span<const uint8_t> response, DnsAnswer* answer) {
  ares_naptr_reply* records = nullptr;
  if (ares_parse_naptr_reply(response.data(), static_cast<int>(response.size()), &records) !=
      ARES_SUCCESS) {
    return;
  }
  const auto text = [](const unsigned char* bytes) {
    return std::string(reinterpret_cast<const char*>(bytes));
  };
  for (const ares_naptr_reply* record = records; record != nullptr; record = record->next) {
    answer->naptr.push_back({record->order, record->preference, text(record->flags),
                             text(record->service), record->replacement});
  }
  ares_free_data(records);
}

}  // namespace

DnsAnswer ReadDnsResponse(std::span<const uint8_t> response, DnsType type) {
  DnsAnswer answer;
  switch (type) {
    case DnsType::kA:
      ReadAddresses(response, &answer);
      break;
    case DnsType::kAaaa:
      ReadIpv6Addresses(response, &answer);
      break;
    case DnsType::kSrv:
      ReadServices(response, &answer);
      break;
    case DnsType::kNaptr:
      ReadNaptr(response, &answer);
      break;
  }
  const bool is_empty = answer.addresses.empty() && answer.srv.empty() && answer.naptr.empty();
  if (is_empty) return answer;
  answer.status = DnsStatus::kOk;
  answer.ttl_s = LeastTtl(response, type);
  return answer;
}

}  // namespace edge
