// A P-CSCF for tests of the phones: between a Fleet and a CoreNode it does what an edge does to
// each message, without SAs, limits or doubts. Addresses are those of the tests' specification: Gm
// 192.0.2.10 (5060; port_ps 6101; port_pc 6102 and 6103 in turn), core side 10.0.0.10.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "sip/digest.h"
#include "sip/edit.h"
#include "sip/list.h"
#include "sip/message.h"
#include "sip/security.h"
#include "sip/uri.h"
#include "sip/via.h"
#include "tests/tools_core_fixture.h"
#include "tools/outbox.h"
#include "tools/respond.h"

namespace tools {

class PcscfDouble {
 public:
  // What it does wrong when a test asks for it.
  struct Faults {
    bool leak_keys = false;
    bool leak_charging = false;
    bool wrong_source = false;    // Protected responses leave port_ps instead of port_pc.
    bool wrong_via = false;       // Terminating requests name port_pc in Via.
    std::string security_server;  // In place of the right one.
    int refuse_status = 0;        // Protected REGISTERs are answered so at once.
    int drop_responses = 0;       // So many to phones are lost.
    bool drop_requests = false;   // Of the core, to phones.
    bool hide_wishes = false;     // Of a phone for a challenge.
  };
  Faults faults;
  std::string algorithms = "alg=hmac-sha-1-96;ealg=aes-cbc";
  int registers_seen = 0;
  std::vector<std::string> clients_seen;   // Security-Client, and...
  std::vector<std::string> verifies_seen;  // ...Security-Verify of each REGISTER.

  // A datagram of a phone. What it leads to goes to the core, or back.
  void FromPhone(const Outbox::Datagram& datagram, sip::PaddedView bytes, Outbox* out) {
    const Owned owned(bytes.bytes());
    ASSERT_EQ(owned.error, sip::ParseError::kOk);
    const sip::Message& message = owned.message;
    if (!message.is_request()) return ResponseFromPhone(message, out);
    if (message.method() == sip::Method::kRegister) return Register(message, datagram, out);
    RequestFromPhone(message, datagram, out);
  }

  void FromCore(sip::PaddedView bytes, Outbox* out) {
    const Owned owned(bytes.bytes());
    ASSERT_EQ(owned.error, sip::ParseError::kOk);
    if (owned.message.is_request()) return RequestFromCore(owned.message, out);
    ResponseFromCore(owned.message, out);
  }

  static reactor::Endpoint CoreSide() { return At("10.0.0.10:5060"); }
  static reactor::Endpoint Core() { return At("10.0.0.20:5060"); }
  static reactor::Endpoint Gm() { return At("192.0.2.10:5060"); }

 private:
  static constexpr uint16_t kPortPs = 6101;
  // Where the answer to a request goes, by the branch of our Via.
  struct Way {
    reactor::Endpoint local;
    reactor::Endpoint phone;
    std::string offer = "";  // Of a REGISTER: the client end of the set it offers.
  };

  static bool IsSecAgree(std::string_view member, const void*) {
    return sip::EqualsIgnoreCase(member, "sec-agree");
  }
  static bool IsOurs(std::string_view member, const void*) {
    return member.find("192.0.2.10") != std::string_view::npos ||
           member.find("10.0.0.10") != std::string_view::npos;
  }
  static reactor::Endpoint GmPort(uint16_t port) {
    reactor::Endpoint gm = Gm();
    gm.set_port(port);
    return gm;
  }
  static void Send(sip::Editor* editor, const reactor::Endpoint& local,
                   const reactor::Endpoint& peer, Outbox* out) {
    sip::Slices slices;
    ASSERT_EQ(editor->Finish(&slices), sip::EditError::kOk);
    std::string text;
    for (const std::string_view piece : slices.view()) text += piece;
    out->Send(local, peer, text);
  }
  static void RemoveAgreement(sip::Editor* editor) {
    editor->RemoveHeaders(sip::HeaderId::kSecurityClient);
    editor->RemoveHeaders(sip::HeaderId::kSecurityVerify);
    editor->RemoveListMembers(sip::HeaderId::kRequire, IsSecAgree, nullptr);
    editor->RemoveListMembers(sip::HeaderId::kProxyRequire, IsSecAgree, nullptr);
  }
  // The phone's end of a protected flow: its sent-by, from port_pc.
  Way WayBack(const sip::Message& message, const Outbox::Datagram& datagram) const {
    if (datagram.peer.port() == Gm().port()) return {datagram.peer, datagram.local};
    sip::Via via;
    EXPECT_EQ(sip::DecodeTopVia(message, &via), sip::ParseError::kOk);
    reactor::Endpoint phone = datagram.local;
    phone.set_port(via.port);
    return {GmPort(faults.wrong_source ? kPortPs : port_pc_.at(Text(datagram.local))), phone};
  }
  // Of the same request the same, retransmissions included.
  std::string OurVia(const sip::Message& message, const Way& way) {
    sip::Via via;
    EXPECT_EQ(sip::DecodeTopVia(message, &via), sip::ParseError::kOk);
    const std::string branch = fmt::format("z9hG4bKp{}", via.branch);
    ways_[branch] = way;
    return fmt::format("Via: SIP/2.0/UDP {};branch={}\r\n", Text(CoreSide()), branch);
  }

  void Register(const sip::Message& message, const Outbox::Datagram& datagram, Outbox* out) {
    ++registers_seen;
    clients_seen.emplace_back(message.Value(sip::HeaderId::kSecurityClient));
    verifies_seen.emplace_back(message.Value(sip::HeaderId::kSecurityVerify));
    const bool is_protected = datagram.peer.port() != Gm().port();
    if (is_protected && !port_pc_.contains(Text(datagram.local))) return;  // No SA, no entry.
    Way way = WayBack(message, datagram);
    if (is_protected && faults.refuse_status != 0) {
      Outbox answer;
      Respond(message, {.status = faults.refuse_status, .to_tag = "p"}, way.local, datagram.local,
              &answer);
      return out->Send(way.local, way.phone, answer.Text(answer.datagrams()[0]));
    }
    sip::SecurityList client;
    EXPECT_EQ(sip::DecodeSecurity(message, sip::HeaderId::kSecurityClient, &client),
              sip::ParseError::kOk);
    if (!client.empty()) {
      reactor::Endpoint offer = datagram.local;
      offer.set_port(client.mechanisms()[0].port_c);
      way.offer = Text(offer);
    }
    sip::Editor editor(message);
    for (const sip::Header& header : message.headers()) {
      if (faults.hide_wishes && message.Text(header.name) == kChallengeHeader) {
        editor.RemoveHeader(header);
      }
    }
    RemoveAgreement(&editor);
    const std::string via = OurVia(message, way);
    editor.PrependLine({via});
    editor.InsertAfter(message.Value(sip::HeaderId::kAuthorization),
                       {",integrity-protected=\"", is_protected ? "yes" : "no", "\""});
    editor.AppendLine(
        {"Path: <sip:t1@10.0.0.10:5060;lr>\r\nRequire: path\r\n"
         "P-Charging-Vector: icid-value=1\r\n"});
    Send(&editor, CoreSide(), Core(), out);
  }

  void RequestFromPhone(const sip::Message& message, const Outbox::Datagram& datagram,
                        Outbox* out) {
    sip::Editor editor(message);
    RemoveAgreement(&editor);
    editor.RemoveListMembers(sip::HeaderId::kRoute, IsOurs, nullptr);
    editor.RemoveHeaders(sip::HeaderId::kPPreferredIdentity);
    const std::string via = OurVia(message, WayBack(message, datagram));
    const std::string identity(FirstUri(message, sip::HeaderId::kFrom));
    editor.PrependLine({via});
    editor.AppendLine(
        {"Record-Route: <sip:t1@10.0.0.10:5060;lr>\r\n"
         "Record-Route: <sip:t1@192.0.2.10:6101;lr>\r\n"
         "P-Charging-Vector: icid-value=2\r\nP-Asserted-Identity: <",
         identity, ">\r\n"});
    Send(&editor, CoreSide(), Core(), out);
  }

  void ResponseFromCore(const sip::Message& message, Outbox* out) {
    sip::Via via;
    ASSERT_EQ(sip::DecodeTopVia(message, &via), sip::ParseError::kOk);
    const Way& way = ways_.at(std::string(via.branch));
    const bool is_register = message.Value(sip::HeaderId::kCSeq).ends_with("REGISTER");
    if (is_register && message.status() == 200) {
      current_pc_[AddressText(way.phone)] = way.local.port();
    }
    if (faults.drop_responses > 0) {
      --faults.drop_responses;
      return;
    }
    sip::Editor editor(message);
    editor.RemoveFirstMember(sip::HeaderId::kVia);
    if (!faults.leak_charging) {
      editor.RemoveHeaders(sip::HeaderId::kPChargingVector);
      editor.RemoveHeaders(sip::HeaderId::kPChargingFunctionAddresses);
    }
    std::string server;
    if (message.status() == 401) {
      sip::Digest digest;
      EXPECT_EQ(sip::DecodeDigest(message.Value(sip::HeaderId::kWwwAuthenticate), &digest),
                sip::ParseError::kOk);
      if (!faults.leak_keys) editor.RemoveParams(digest.params, ',', {"ik", "ck"});
      server = faults.security_server.empty() ? SecurityServer() : faults.security_server;
      port_pc_[way.offer] = PortPc();
      editor.AppendLine({"Security-Server: ", server, "\r\n"});
    }
    Send(&editor, way.local, way.phone, out);
  }

  // Two entries, so that the phone has something to choose from and to mirror.
  std::string SecurityServer() {
    const uint32_t spi = 70000 + 2 * ++sets_;
    const std::string rest =
        fmt::format(";prot=esp;mod=trans;spi-c={};spi-s={};port-c={};port-s={}", spi, spi + 1,
                    PortPc(), kPortPs);
    return "ipsec-3gpp;q=0.9;" + algorithms + rest +
           ", ipsec-3gpp;q=0.8;alg=hmac-md5-96;ealg=null" + rest;
  }

  // Of the set offered last.
  uint16_t PortPc() const { return static_cast<uint16_t>(6102 + sets_ % 2); }

  void RequestFromCore(const sip::Message& message, Outbox* out) {
    if (faults.drop_requests) return;
    sip::Uri uri;
    reactor::Endpoint phone;
    ASSERT_EQ(sip::DecodeUri(message.request_uri(), &uri), sip::ParseError::kOk);
    ASSERT_TRUE(reactor::ParseAddress(uri.host, uri.port, &phone));
    const uint16_t port_pc = current_pc_.at(AddressText(phone));
    sip::Editor editor(message);
    editor.RemoveListMembers(sip::HeaderId::kRoute, IsOurs, nullptr);
    editor.RemoveHeaders(sip::HeaderId::kPChargingVector);
    editor.RemoveHeaders(sip::HeaderId::kPChargingFunctionAddresses);
    const std::string via = fmt::format(
        "Via: SIP/2.0/UDP 192.0.2.10:{};branch=z9hG4bKg{}\r\n"
        "Record-Route: <sip:t1@192.0.2.10:6101;lr>\r\n"
        "Record-Route: <sip:t1@10.0.0.10:5060;lr>\r\n",
        faults.wrong_via ? port_pc : kPortPs, ++branches_);
    editor.PrependLine({via});
    Send(&editor, GmPort(port_pc), phone, out);
  }

  void ResponseFromPhone(const sip::Message& message, Outbox* out) {
    sip::Editor editor(message);
    editor.RemoveFirstMember(sip::HeaderId::kVia);
    Send(&editor, CoreSide(), Core(), out);
  }

  std::map<std::string, Way> ways_;
  std::map<std::string, uint16_t> port_pc_;     // Of a set, by its client end...
  std::map<std::string, uint16_t> current_pc_;  // ...and in use, by the phone's address.
  uint32_t branches_ = 0;
  uint32_t sets_ = 0;  // Agreements offered.
};

}  // namespace tools
