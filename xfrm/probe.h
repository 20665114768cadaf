// What a kernel can do for us, found out by asking it (pitfalls 12 of the P-CSCFs before us: set-up
// errors discovered by the first customer). An SA of every kind that a phone may agree on is
// installed and deleted again, and what is refused is told as what the kernel was built without.
//
// Who asks whom is the caller's: a netlink socket in a namespace that nobody uses, or the fake
// kernel.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <system_error>
#include <vector>

#include "xfrm/batch.h"
#include "xfrm/reply.h"

namespace xfrm {

// What a kernel can lack.
enum class Lack : uint8_t {
  kNone,
  kXfrm,        // No XFRM netlink at all.
  kRight,       // It may be able to, but we may not ask: no CAP_NET_ADMIN.
  kIpv6,        // No IPv6 in XFRM.
  kEspIpv4,     // ESP itself...
  kEspIpv6,     // ...for each family.
  kAuthenc,     // What joins a cipher and a hash, and makes IVs.
  kNullCipher,  // The algorithms of TS 33.203 annex H.
  kHmacMd5,
  kHmacSha1,
  kDesEde3Cbc,
  kAesCbc,
  kAesGcm,  // GMAC, too.
  kOther,   // Refused, and not for any of these reasons.
};
// What it is, how the kernel is configured for it ("CONFIG_INET_ESP") and the modules to load
// ("esp4"). Static text; options and modules may be empty.
struct LackInfo {
  std::string_view what;
  std::string_view options;
  std::string_view modules;
};
const LackInfo& InfoOf(Lack lack);

// One SA that was refused.
struct ProbeRefusal {
  uint8_t family = 0;  // AF_INET, AF_INET6.
  Algorithms algorithms;
  std::errc error{};
  Lack lack = Lack::kOther;
  Lack also = Lack::kNone;  // Of two algorithms, neither is there.
};

struct ProbeReport {
  Lack lack = Lack::kNone;  // kXfrm, kRight or kOther: nothing could be asked, `error` says why.
  std::errc error{};
  std::vector<ProbeRefusal> refusals;

  // Could everything be asked?
  bool is_complete() const { return lack == Lack::kNone; }
  bool Lacks(Lack wanted) const;
  // The first refusal of a pair for reasons of its own, not for lack of ESP; null: none.
  const ProbeRefusal* RefusalOf(Algorithms algorithms) const;
};

// Sends the batch and waits for its verdict, as Transact does, whose errors it has, or those of
// OpenSocket.
using ProbeExchange = std::function<std::errc(Batch* batch, BatchVerdict* verdict)>;

// May we change SAs here? Changes nothing: asks for an SA that cannot be there. kNone, or why the
// whole is in vain; *error is the kernel's.
[[nodiscard]] Lack ProbeAccess(const ProbeExchange& exchange, std::errc* error);

enum class ProbeWay : uint8_t {
  kInstall,  // Adds and deletes, with documentation addresses and an SPI IANA reserves.
  // Updates an SA that is not there. The kernel makes the whole of the new one first, so what it
  // would refuse it refuses, and what it would take ends as "no such SA" (tried by the conformance
  // suite). For a namespace that must stay as it is.
  kPretend,
};
struct ProbeFamilies {
  bool ipv4 = true;
  bool ipv6 = true;
};
// Asks for every legal pair of algorithms, so that of a refused pair the one that is missing can
// be told from the one that others worked with.
ProbeReport Probe(const ProbeExchange& exchange, ProbeFamilies families, ProbeWay way);

std::string_view Name(Lack lack);

}  // namespace xfrm
