// What all phones of a run have in common, and what tells one from another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/endpoint.h"
#include "tools/ue_agreement.h"
#include "tools/ue_step.h"

namespace tools {

// Which transport a phone's requests take: kMixed is each in turn.
enum class UeTransport : uint8_t { kUdp, kTcp, kMixed };
std::optional<UeTransport> ParseTransport(std::string_view text);  // "udp", "tcp", "mixed".

struct PhoneOptions {
  reactor::Endpoint pcscf;           // Its unprotected port; the protected ones are agreed.
  uint16_t unprotected_port = 5060;  // Of the phones.
  bool sec_agree = true;             // false: everything unprotected, no security agreement.
  std::vector<xfrm::Algorithms> offer = AllAlgorithms();
  bool udp_enc_tun = false;  // Offered as well, and taken where a NAT is seen.
  uint32_t expires_s = 600000;
  uint32_t timeout_ms = 32000;  // Of a transaction; RFC 3261's 64*T1.
  bool retransmit = true;
  Fault fault = Fault::kNone;
  UeTransport transport = UeTransport::kUdp;
  uint32_t body_size = 0;              // At least, of each MESSAGE.
  uint32_t boot_id = 1;                // In branches and Call-IDs: a phone that reboots is new.
  uint32_t spi_first = 1'000'000'000;  // The phones' SPIs count from here.
};

struct PhoneIdentity {
  uint32_t index = 0;
  std::string imsi;
  reactor::Endpoint address;  // Its port is not used.
  uint16_t port_uc = 0;
  uint16_t port_us = 0;
  uint16_t port_uc_alternate = 0;  // Of the set that follows one with port_uc, and so on in turn.
};

// The way a message takes between a phone and the P-CSCF (TS 33.203 7.1: over UDP what comes back
// does so between the other two ports).
struct UeFlow {
  reactor::Endpoint local;        // Requests leave from here...
  reactor::Endpoint peer;         // ...for there.
  reactor::Endpoint reply_local;  // Responses and requests of the network arrive here: sent-by...
  reactor::Endpoint reply_peer;   // ...from there.
  bool over_tcp = false;
};
UeFlow UnprotectedFlow(const PhoneOptions& options, const PhoneIdentity& identity,
                       bool over_tcp = false);
UeFlow ProtectedFlow(const PhoneOptions& options, const PhoneIdentity& identity,
                     const UeAgreement& agreement, bool over_tcp = false);
// May the network's messages come this way? Over TCP on either connection: ours, or its own.
bool ComesAlong(const UeFlow& flow, const reactor::Endpoint& local, const reactor::Endpoint& source,
                bool over_tcp);

}  // namespace tools
