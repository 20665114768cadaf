#include "tools/ue_options.h"

namespace tools {
namespace {

reactor::Endpoint WithPort(reactor::Endpoint endpoint, uint16_t port) {
  endpoint.set_port(port);
  return endpoint;
}

}  // namespace

std::optional<UeTransport> ParseTransport(std::string_view text) {
  if (text == "udp") return UeTransport::kUdp;
  if (text == "tcp") return UeTransport::kTcp;
  if (text == "mixed") return UeTransport::kMixed;
  return {};
}

UeFlow UnprotectedFlow(const PhoneOptions& options, const PhoneIdentity& identity, bool over_tcp) {
  const reactor::Endpoint local = WithPort(identity.address, options.unprotected_port);
  return {local, options.pcscf, local, options.pcscf, over_tcp};
}

UeFlow ProtectedFlow(const PhoneOptions& options, const PhoneIdentity& identity,
                     const UeAgreement& agreement, bool over_tcp) {
  const reactor::Endpoint& address = agreement.in_udp ? agreement.public_address : identity.address;
  return {WithPort(address, agreement.port_uc), WithPort(options.pcscf, agreement.port_ps),
          WithPort(address, agreement.port_us), WithPort(options.pcscf, agreement.port_pc),
          over_tcp};
}

bool ComesAlong(const UeFlow& flow, const reactor::Endpoint& local, const reactor::Endpoint& source,
                bool over_tcp) {
  return (local == flow.reply_local && source == flow.reply_peer) ||
         (over_tcp && local == flow.local && source == flow.peer);
}

}  // namespace tools
