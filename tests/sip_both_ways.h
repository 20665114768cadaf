// What the decoders say of a value, as text: to compare how a padded value is read with how the
// same one is read without padding, since the two go different ways.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sip/address.h"
#include "sip/digest.h"
#include "sip/list.h"
#include "sip/security.h"
#include "sip/uri.h"
#include "sip/via.h"

namespace gmedge_test {

// Also a view's place: two views of the same text say the same only when they begin together.
class Telling {
 public:
  explicit Telling(std::string_view text) : text_(text) {}

  void Put(std::string_view name, std::string_view view) {
    told_ += std::string(name) + "=";
    if (!view.empty()) told_ += std::to_string(view.data() - text_.data()) + ":";
    told_ += std::string(view) + "\n";
  }
  void Put(std::string_view name, int64_t number) {
    told_ += std::string(name) + "=" + std::to_string(number) + "\n";
  }
  std::string told() && { return std::move(told_); }

 private:
  std::string_view text_;
  std::string told_;
};

inline void TellVia(sip::LentText text, Telling* out) {
  sip::Via via;
  const sip::ParseError error = sip::DecodeVia(text, &via);
  out->Put("via", static_cast<int64_t>(error));
  if (error != sip::ParseError::kOk) return;
  out->Put("transport", via.transport_text);
  out->Put("transport", static_cast<int64_t>(via.transport));
  out->Put("host", via.host);
  out->Put("ipv6", via.host_is_ipv6);
  out->Put("port", via.port);
  out->Put("branch", via.branch);
  out->Put("received", via.received);
  out->Put("has rport", via.has_rport);
  out->Put("rport", via.rport_text);
  out->Put("rport", via.rport);
  out->Put("params", via.params);
  out->Put("text", via.text);
}

inline void TellAddress(sip::LentText text, Telling* out) {
  sip::Address address;
  const sip::ParseError error = sip::DecodeAddress(text, &address);
  out->Put("address", static_cast<int64_t>(error));
  if (error != sip::ParseError::kOk) return;
  out->Put("display", address.display);
  out->Put("uri", address.uri);
  out->Put("params", address.params);
  out->Put("tag", address.tag);
  out->Put("bracketed", address.bracketed);
}

inline void TellParam(const sip::Param& param, Telling* out) {
  out->Put("name", param.name);
  out->Put("value", param.value);
  out->Put("has value", param.has_value);
  out->Put("quoted", param.quoted);
  out->Put("text", param.text);
  out->Put("with separator", param.with_separator);
}

inline void TellParams(sip::LentText text, char separator, Telling* out) {
  sip::ParamReader reader(text, separator);
  for (sip::Param param; reader.Next(&param);) TellParam(param, out);
  out->Put("good", reader.ok());
}

inline void TellDigest(sip::LentText text, Telling* out) {
  sip::Digest digest;
  const sip::ParseError error = sip::DecodeDigest(text, &digest);
  out->Put("digest", static_cast<int64_t>(error));
  if (error != sip::ParseError::kOk) return;
  out->Put("scheme", digest.scheme);
  out->Put("params", digest.params);
  for (const sip::Param* param :
       {&digest.username(), &digest.realm(), &digest.nonce(), &digest.uri(), &digest.response(),
        &digest.algorithm(), &digest.auts(), &digest.cnonce(), &digest.qop(), &digest.nc(),
        &digest.opaque(), &digest.stale(), &digest.ik(), &digest.ck(),
        &digest.integrity_protected()}) {
    TellParam(*param, out);
  }
}

inline void TellSecurity(sip::LentText text, Telling* out) {
  const auto list = std::make_unique<sip::SecurityList>();
  const sip::ParseError error = sip::DecodeSecurity(text, list.get());
  out->Put("security", static_cast<int64_t>(error));
  if (error != sip::ParseError::kOk) return;
  for (const sip::SecurityMechanism& mechanism : list->mechanisms()) {
    out->Put("text", mechanism.text);
    out->Put("fault", static_cast<int64_t>(mechanism.fault));
    out->Put("alg", static_cast<int64_t>(mechanism.alg));
    out->Put("ealg", static_cast<int64_t>(mechanism.ealg));
    out->Put("prot", static_cast<int64_t>(mechanism.protection));
    out->Put("mod", static_cast<int64_t>(mechanism.mode));
    out->Put("q", mechanism.q_thousandths);
    out->Put("spi-c", mechanism.spi_c);
    out->Put("spi-s", mechanism.spi_s);
    out->Put("port-c", mechanism.port_c);
    out->Put("port-s", mechanism.port_s);
  }
}

inline std::string TellAll(sip::LentText text) {
  Telling out(text.view());
  TellVia(text, &out);
  TellAddress(text, &out);
  TellParams(text, ';', &out);
  TellParams(text, ',', &out);
  TellDigest(text, &out);
  TellSecurity(text, &out);
  sip::HostPort host_port;
  out.Put("host:port", sip::DecodeHostPort(text, &host_port));
  out.Put("host", host_port.host);
  out.Put("port", host_port.port);
  std::string_view rest;
  out.Put("member", sip::CutMember(text, &rest));
  out.Put("rest", rest);
  return std::move(out).told();
}

}  // namespace gmedge_test
