#include "tools/ue_options.h"

namespace tools {
namespace {

reactor::Endpoint WithPort(reactor::Endpoint endpoint, uint16_t port) {
  endpoint.set_port(port);
  return endpoint;
}

}  // namespace

UeFlow UnprotectedFlow(const PhoneOptions& options, const PhoneIdentity& identity) {
  const reactor::Endpoint local = WithPort(identity.address, options.unprotected_port);
  return {local, options.pcscf, local, options.pcscf};
}

UeFlow ProtectedFlow(const PhoneOptions& options, const PhoneIdentity& identity,
                     const UeAgreement& agreement) {
  return {WithPort(identity.address, agreement.port_uc), WithPort(options.pcscf, agreement.port_ps),
          WithPort(identity.address, agreement.port_us),
          WithPort(options.pcscf, agreement.port_pc)};
}

}  // namespace tools
