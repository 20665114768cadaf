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
};

enum class ChooseResult : uint8_t {
  kOk,
  kNoMechanism,        // No ipsec-3gpp mechanism that could be used at all.
  kNoCommonAlgorithm,  // There were some, but none with an allowed pair in transport mode.
};

// The first pair of `allowed` that a usable mechanism offers: our order decides, not the phone's
// and not its q.
ChooseResult Choose(const sip::SecurityList& client, const AlgorithmList& allowed, Offer* offer);

// The mechanism's pair as the kernel layer knows it, or nothing for one that cannot be used.
std::optional<xfrm::Algorithms> PairOf(const sip::SecurityMechanism& mechanism);

// The value of Security-Server: one entry per pair of `allowed` in its order with strictly
// descending q, or the chosen pair alone (kSelected). Without an agreement (421 and 494, where
// there are no SAs yet) SPIs and ports are left out.
std::string SecurityServerValue(const AlgorithmList& allowed, SecurityServer kind,
                                const Agreement* agreement);

// Is this Security-* header of the message the list that was sent before (spec sheet 1.4)?
enum class Comparison : uint8_t { kSame, kDifferent, kAbsent, kMalformed };
// `sent`: its header value, of good syntax. The same bytes, as nearly every phone sends them, are
// not read again.
Comparison CompareWithSent(const sip::Message& message, sip::HeaderId id, std::string_view sent);

}  // namespace edge
