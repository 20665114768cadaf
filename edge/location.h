// RFC 3263 4: from the name in a URI to the addresses, transports and ports its requests may go to,
// by NAPTR, SRV and address records. A pure machine: questions out, answers in.
//
//   name ── NAPTR ──► services ── SRV ──► hosts, ports ── A or AAAA ──► targets
//
// A port in the URI leaves out the first two steps, a transport the first. Where there are no NAPTR
// records the SRV names of our transports are tried, where there are no SRV records either the name
// itself, at port 5060.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "edge/target.h"

namespace edge {

enum class DnsType : uint16_t { kA = 1, kAaaa = 28, kSrv = 33, kNaptr = 35 };
enum class DnsStatus : uint8_t {
  kOk,
  kNone,     // No such name, no such record, or nothing that can be read.
  kRefused,  // No server could say: what else is asked may be answered.
  kSilent,   // No server answered: asking on would only take time.
};

struct NaptrRecord {
  uint16_t order = 0;
  uint16_t preference = 0;
  std::string flags;
  std::string service;
  std::string replacement;
};
struct SrvRecord {
  uint16_t priority = 0;
  uint16_t weight = 0;
  uint16_t port = 0;
  std::string host;
};

struct DnsQuestion {
  std::string name;
  DnsType type = DnsType::kA;
  uint32_t tag = 0;  // Comes back with the answer.
};
// Of its lists the one of the question's type is filled when it is kOk.
struct DnsAnswer {
  DnsStatus status = DnsStatus::kNone;
  uint32_t ttl_s = 0;  // The least of its records.
  std::vector<NaptrRecord> naptr;
  std::vector<SrvRecord> srv;
  std::vector<reactor::Endpoint> addresses;  // Without ports.
};

class Location {
 public:
  // `family`: of the addresses that can be reached; `preferred`: the transport, when DNS leaves us
  // the choice. The query's host is copied.
  Location(const NameQuery& query, sa_family_t family, Transport preferred);

  // What is to be asked now; each is to be answered once, in any order.
  std::vector<DnsQuestion> TakeQuestions();
  void OnAnswer(uint32_t tag, const DnsAnswer& answer);

  // No question is open any more.
  bool done() const { return open_ == 0 && questions_.empty(); }
  // Then: by preference, none if DNS names nothing we can reach; and for how long that holds.
  const std::vector<Target>& targets() const { return targets_; }
  uint32_t ttl_s() const { return ttl_s_; }
  // What there is may be more: a question had no answer.
  bool is_silent() const { return is_silent_; }

 private:
  enum class Step : uint8_t { kNaptr, kSrv, kAddress };
  struct Service {
    std::string name;
    Transport transport;
  };
  // A host whose addresses are asked for: tag of its question.
  struct Host {
    std::string name;
    uint16_t port = 5060;
    uint16_t group = 0;
    uint16_t weight = 0;
  };

  void Ask(const std::string& name, DnsType type, uint32_t tag);
  void OnNaptr(const DnsAnswer& answer);
  void AskServices();
  void NextService();
  void OnSrv(const DnsAnswer& answer);
  void AskAddresses();
  void OnAddresses(uint32_t tag, const DnsAnswer& answer);

  const std::string host_;
  const uint16_t port_;
  const sa_family_t family_;
  const Transport preferred_;
  const bool has_transport_;
  Step step_ = Step::kNaptr;
  std::vector<Service> services_;  // Not tried yet, the next one last.
  Transport transport_;            // Of the hosts.
  std::vector<Host> hosts_;
  std::vector<DnsQuestion> questions_;
  size_t open_ = 0;
  uint32_t ttl_s_ = UINT32_MAX;
  bool is_silent_ = false;
  std::vector<Target> targets_;
};

}  // namespace edge
