// Messages for tests of the core and of phones: parsed copies, and what a correct edge sends.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "reactor/endpoint.h"
#include "sip/digest.h"
#include "sip/message.h"
#include "tools/aka.h"

namespace tools {

inline constexpr std::string_view kRealm = "ims.mnc001.mcc001.3gppnetwork.org";

inline reactor::Endpoint At(std::string_view text) {
  reactor::Endpoint endpoint;
  EXPECT_TRUE(reactor::ParseEndpoint(text, 5060, &endpoint)) << text;
  return endpoint;
}

// A message with the bytes it lies in. Not copyable: the message points into them.
struct Owned {
  explicit Owned(std::string_view bytes) : text(bytes) {
    text.append(sip::kPaddingSize, '\0');
    error = sip::Parse(view(), &message);
  }
  Owned(const Owned&) = delete;
  sip::PaddedView view() const {
    return sip::PaddedView::Promise(
        std::string_view(text).substr(0, text.size() - sip::kPaddingSize));
  }
  std::string text;
  sip::Message message;
  sip::ParseError error;
};

// What a REGISTER from the edge says; the rest is always the same.
struct RegisterCase {
  std::string imsi = "001010000000001";
  std::string branch = "z9hG4bKa";
  std::string credentials = "";  // After uri="..." in Authorization, with a leading comma.
  std::string integrity = "no";
  std::string expires = "600000";
  std::string extra = "";
};

inline std::string RegisterText(const RegisterCase& request) {
  return fmt::format(
      "REGISTER sip:{0} SIP/2.0\r\n"
      "Via: SIP/2.0/UDP 10.0.0.10:5060;branch={2}\r\n"
      "Via: SIP/2.0/UDP 198.51.100.77:5060;branch=z9hG4bKue;received=198.51.100.77\r\n"
      "Max-Forwards: 69\r\nFrom: <sip:{1}@{0}>;tag=1\r\nTo: <sip:{1}@{0}>\r\n"
      "Call-ID: c1\r\nCSeq: 1 REGISTER\r\n"
      "Contact: <sip:{1}@198.51.100.77:37002>;+sip.instance=\"<urn:gsma:imei:1>\"\r\n"
      "Authorization: Digest username=\"{1}@{0}\",realm=\"{0}\",uri=\"sip:{0}\"{3}"
      ",integrity-protected=\"{4}\"\r\n"
      "Expires: {5}\r\nRequire: path\r\nSupported: path, sec-agree\r\n"
      "Path: <sip:t8f3a2c1b@10.0.0.10:5060;lr;ob>\r\n"
      "P-Charging-Vector: icid-value=1;orig-ioi={0}\r\n{6}Content-Length: 0\r\n\r\n",
      kRealm, request.imsi, request.branch, request.credentials, request.integrity, request.expires,
      request.extra);
}

// The nonce of a 401.
inline std::string NonceOf(const sip::Message& challenge) {
  sip::Digest digest;
  EXPECT_EQ(sip::DecodeDigest(challenge.Value(sip::HeaderId::kWwwAuthenticate), &digest),
            sip::ParseError::kOk);
  return std::string(digest.nonce().value);
}
// Credentials with that password.
inline std::string Credentials(const std::string& imsi, const std::string& nonce,
                               std::string_view password, std::string_view more = "") {
  const std::string username = fmt::format("{}@{}", imsi, kRealm);
  const std::string uri = fmt::format("sip:{}", kRealm);
  const std::string response = DigestResponse({.username = username,
                                               .realm = kRealm,
                                               .method = "REGISTER",
                                               .uri = uri,
                                               .nonce = nonce,
                                               .qop = "auth",
                                               .nc = "00000001",
                                               .cnonce = "0a4f113b",
                                               .password = password});
  return fmt::format(
      ",nonce=\"{}\",response=\"{}\",algorithm=AKAv1-MD5,cnonce=\"0a4f113b\","
      "qop=auth,nc=00000001{}",
      nonce, response, more);
}
// A request of a registered phone, as the edge forwards it.
inline std::string RequestText(std::string_view method, std::string_view body = "",
                               std::string_view to_tag = "", int cseq = 1) {
  return fmt::format(
      "{0} sip:+19995550123@{1} SIP/2.0\r\n"
      "Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKm{0}\r\n"
      "Via: SIP/2.0/UDP 198.51.100.77:37002;branch=z9hG4bKue\r\nMax-Forwards: 69\r\n"
      "Record-Route: <sip:t1@10.0.0.10:5060;lr>\r\n"
      "Record-Route: <sip:t1@192.0.2.10:6101;lr>\r\n"
      "Route: <sip:orig@10.0.0.20:5060;lr>\r\n"
      "From: <sip:001010000000001@{1}>;tag=1\r\nTo: <sip:+19995550123@{1}>{2}\r\n"
      "Call-ID: call-1\r\nCSeq: {5} {0}\r\nContact: <sip:001010000000001@198.51.100.77:37002>\r\n"
      "P-Asserted-Identity: <sip:001010000000001@{1}>\r\n"
      "P-Charging-Vector: icid-value=2\r\nContent-Length: {3}\r\n\r\n{4}",
      method, kRealm, to_tag, body.size(), body, cseq);
}
// A response of a registered phone to a request of the core, its Vias above ours gone.
inline std::string ResponseText(const sip::Message& request, int status,
                                std::string_view extra = "") {
  return fmt::format(
      "SIP/2.0 {} X\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=ue\r\nCall-ID: {}\r\nCSeq: {}\r\n{}"
      "Content-Length: 0\r\n\r\n",
      status, request.Value(sip::HeaderId::kVia), request.Value(sip::HeaderId::kFrom),
      request.Value(sip::HeaderId::kTo), request.Value(sip::HeaderId::kCallId),
      request.Value(sip::HeaderId::kCSeq), extra);
}

}  // namespace tools
