// The security agreement: what is chosen of a phone's offer, and what it is told (RFC 3329, TS
// 33.203 7.2; spec sheet 1.2 to 1.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/algorithm_list.h"
#include "edge/sa_set.h"
#include "edge/settings.h"
#include "sip/security.h"

namespace edge {

// The phone's half of an agreement and the algorithms chosen for it.
struct Offer {
  uint16_t port_uc = 0;
  uint16_t port_us = 0;
  uint32_t spi_uc = 0;
  uint32_t spi_us = 0;
  xfrm::Algorithms algorithms;
  bool in_udp = false;  // mod=UDP-enc-tun.
};

enum class ChooseResult : uint8_t {
  kOk,
  kNoMechanism,        // No ipsec-3gpp mechanism that could be used at all.
  kNoCommonAlgorithm,  // There were some, but none with an allowed pair in that mode.
};

// The first pair of `allowed` that a usable mechanism offers: our order decides, not the phone's
// and not its q.
ChooseResult Choose(const sip::SecurityList& client, const AlgorithmList& allowed, Offer* offer,
                    sip::Mode mode = sip::Mode::kTransport);
// Is a mechanism that could be used in that mode among them?
bool Offers(const sip::SecurityList& client, sip::Mode mode);
// What is agreed behind a NAT (TS 33.203 annex M), and for a phone's later sets as for its first.
constexpr sip::Mode ModeOf(bool in_udp) {
  return in_udp ? sip::Mode::kUdpTunnel : sip::Mode::kTransport;
}
// "trans" or "UDP-enc-tun".
std::string_view ModeName(bool in_udp);

// Does a phone that holds this agreement offer another: new SPIs and a new client port, the server
// port as before (TS 33.203 7.4)?
bool IsNew(const Offer& offer, const Agreement& held);
// Is one of the SPIs a SPI of that agreement? One kernel id cannot be two SAs.
bool SharesSpi(const Offer& offer, const Agreement& held);

// The mechanism's pair as the kernel layer knows it, or nothing for one that cannot be used.
std::optional<xfrm::Algorithms> PairOf(const sip::SecurityMechanism& mechanism);

// The value of Security-Server: one entry per pair of `allowed` in its order with strictly
// descending q, or the chosen pair alone (kSelected). Without an agreement (421 and 494, where
// there are no SAs yet) SPIs and ports are left out, and `in_udp` says the mode.
std::string SecurityServerValue(const AlgorithmList& allowed, SecurityServer kind,
                                const Agreement* agreement, bool in_udp = false);

// Is this Security-* header of the message the list that was sent before (spec sheet 1.4)?
enum class Comparison : uint8_t { kSame, kDifferent, kAbsent, kMalformed };
// `sent`: its header value, of good syntax. The same bytes, as nearly every phone sends them, are
// not read again.
Comparison CompareWithSent(const sip::Message& message, sip::HeaderId id, std::string_view sent);

}  // namespace edge
