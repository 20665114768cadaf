// Whatever a DNS server, or who passes for one, sends: records within bounds or none, and what
// becomes of them in the steps of RFC 3263.
#include <cstdint>
#include <cstdlib>

#include "edge/dns_message.h"
#include "edge/next_hop_limits.h"

// The first byte says which type was asked for.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using edge::DnsType;
  if (size == 0) return 0;
  constexpr DnsType kTypes[] = {DnsType::kA, DnsType::kAaaa, DnsType::kSrv, DnsType::kNaptr};
  const DnsType type = kTypes[data[0] % 4];
  const edge::DnsAnswer answer = edge::ReadDnsResponse({data + 1, size - 1}, type);
  const bool has_records =
      !answer.addresses.empty() || !answer.srv.empty() || !answer.naptr.empty();
  if (has_records != (answer.status == edge::DnsStatus::kOk)) std::abort();

  // Every question has this answer.
  const sa_family_t family = type == DnsType::kAaaa ? AF_INET6 : AF_INET;
  edge::Location location({"ims.example", 0, {}}, family, edge::Transport::kUdp);
  size_t questions = 0;
  while (!location.done()) {
    for (const edge::DnsQuestion& question : location.TakeQuestions()) {
      ++questions;
      location.OnAnswer(question.tag, answer);
    }
  }
  const size_t questions_max = 2 + (edge::kServicesMax + 2) * (1 + edge::kSrvHostsMax);
  if (questions > questions_max) std::abort();
  if (location.targets().size() > edge::kSrvHostsMax * edge::kAddressesMax) std::abort();
  return 0;
}
