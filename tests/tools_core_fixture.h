// A CoreNode and the messages that a correct edge would send it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sip/digest.h"
#include "sip/message.h"
#include "tools/aka.h"
#include "tools/core_node.h"
#include "tools/outbox.h"
#include "tools/respond.h"

namespace tools {

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

class CoreFixture : public testing::Test {
 protected:
  static constexpr std::string_view kRealm = "ims.mnc001.mcc001.3gppnetwork.org";
  const reactor::Endpoint core_ = At("10.0.0.20:5060");
  const reactor::Endpoint edge_ = At("10.0.0.10:5060");
  const reactor::Endpoint control_ = At("127.0.0.1:5081");
  const reactor::Endpoint operator_ = At("127.0.0.1:40000");

  CoreNode& node() {
    if (!node_) {
      options_.registrar.subscribers.count = 10;
      node_ = std::make_unique<CoreNode>(options_, now_ms_);
    }
    return *node_;
  }

  // Hands a datagram over and returns what came back, parsed.
  std::deque<Owned> Give(std::string_view text) {
    const Owned datagram(text);
    outbox_.Clear();
    node().OnDatagram(core_, edge_, datagram.view(), now_ms_, &outbox_);
    return Sent();
  }
  std::deque<Owned> Advance(uint64_t milliseconds) {
    now_ms_ += milliseconds;
    outbox_.Clear();
    node().Advance(now_ms_, &outbox_);
    return Sent();
  }
  std::string Control(std::string_view line) {
    outbox_.Clear();
    node().OnControl(control_, operator_, line, now_ms_, &outbox_);
    return Told();
  }
  // The text sent to the operator in the last call, if any.
  std::string Told() const {
    for (const Outbox::Datagram& datagram : outbox_.datagrams()) {
      if (datagram.peer == operator_) return std::string(outbox_.Text(datagram));
    }
    return "";
  }
  std::deque<Owned> Sent() const {
    std::deque<Owned> messages;
    for (const Outbox::Datagram& datagram : outbox_.datagrams()) {
      if (datagram.peer == operator_) continue;
      EXPECT_EQ(datagram.local, core_);
      EXPECT_EQ(datagram.peer, edge_);
      messages.emplace_back(outbox_.Text(datagram));
      EXPECT_EQ(messages.back().error, sip::ParseError::kOk);
    }
    return messages;
  }

  static std::string RegisterText(const RegisterCase& request) {
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
        kRealm, request.imsi, request.branch, request.credentials, request.integrity,
        request.expires, request.extra);
  }

  // The nonce of a 401.
  static std::string NonceOf(const sip::Message& challenge) {
    sip::Digest digest;
    EXPECT_EQ(sip::DecodeDigest(challenge.Value(sip::HeaderId::kWwwAuthenticate), &digest),
              sip::ParseError::kOk);
    return std::string(digest.nonce.value);
  }
  // Credentials with that password.
  static std::string Credentials(const std::string& imsi, const std::string& nonce,
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
  // What the USIM of a subscriber answers to a nonce.
  UsimAnswer Usim(uint32_t subscriber, const std::string& nonce, uint64_t sqn_ms = 0) {
    Bytes16 rand, autn;
    EXPECT_TRUE(ParseNonce(nonce, &rand, &autn));
    UsimAnswer answer;
    verdict_ =
        CheckAutn(node().registrar().subscribers().Keys(subscriber), rand, autn, sqn_ms, &answer);
    return answer;
  }

  // Registers the subscriber; returns the nonce that was answered.
  std::string Register(uint32_t subscriber = 0) {
    RegisterCase request;
    request.imsi = node().registrar().subscribers().Imsi(subscriber);
    const std::string nonce = NonceOf(Give(RegisterText(request)).at(0).message);
    request.branch = "z9hG4bKb";
    request.integrity = "yes";
    request.credentials = Credentials(request.imsi, nonce, AsText(Usim(subscriber, nonce).res));
    EXPECT_EQ(Give(RegisterText(request)).at(0).message.status(), 200);
    return nonce;
  }

  // A request of a registered phone, as the edge forwards it.
  static std::string RequestText(std::string_view method, std::string_view body = "",
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
  static std::string ResponseText(const sip::Message& request, int status,
                                  std::string_view extra = "") {
    return fmt::format(
        "SIP/2.0 {} X\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=ue\r\nCall-ID: {}\r\nCSeq: {}\r\n{}"
        "Content-Length: 0\r\n\r\n",
        status, request.Value(sip::HeaderId::kVia), request.Value(sip::HeaderId::kFrom),
        request.Value(sip::HeaderId::kTo), request.Value(sip::HeaderId::kCallId),
        request.Value(sip::HeaderId::kCSeq), extra);
  }

  // A node that has seen nothing yet.
  void Restart() { node_.reset(); }
  std::vector<std::string> Violated() { return node().violations()->TakeNew(); }

  CoreOptions options_;
  uint64_t now_ms_ = 1'000'000;
  Outbox outbox_;
  AutnResult verdict_ = AutnResult::kOk;

 private:
  std::unique_ptr<CoreNode> node_;
};

}  // namespace tools
