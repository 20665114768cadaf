// A P-CSCF for tests of the phones: between a Fleet and a CoreNode it does what an edge does to
// each message, without SAs, limits or doubts. Addresses are those of the tests' specification: Gm
// 192.0.2.10 (5060; port_ps 6101; port_pc 6102 and 6103 in turn), core side 10.0.0.10.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sip/digest.h"
#include "sip/edit.h"
#include "sip/list.h"
#include "sip/message.h"
#include "sip/uri.h"
#include "sip/via.h"
#include "tests/tools_pcscf_edits.h"
#include "tests/tools_pcscf_ways.h"
#include "tests/tools_texts.h"
#include "tools/outbox.h"
#include "tools/respond.h"

namespace tools {

class PcscfDouble {
 public:
  PcscfWays ways;
  PcscfFaults faults;
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

 private:
  void Register(const sip::Message& message, const Outbox::Datagram& datagram, Outbox* out) {
    ++registers_seen;
    clients_seen.emplace_back(message.Value(sip::HeaderId::kSecurityClient));
    verifies_seen.emplace_back(message.Value(sip::HeaderId::kSecurityVerify));
    const bool is_protected = datagram.peer.port() != PcscfWays::Gm().port();
    if (is_protected && !ways.port_pc.contains(Text(datagram.local))) return;  // No SA, no entry.
    PcscfWays::Way way = ways.WayBack(message, datagram);
    if (is_protected && faults.refuse_status != 0) {
      Outbox answer;
      Respond(message, {.status = faults.refuse_status, .to_tag = "p"}, way.local, datagram.local,
              &answer);
      return out->Send(way.local, way.phone, answer.Text(answer.datagrams()[0]));
    }
    way.offer = OfferOf(message, datagram.local);
    sip::Editor editor(message);
    if (faults.hide_wishes) RemoveWish(message, &editor);
    RemoveAgreement(&editor);
    const std::string via = ways.OurVia(message, way);
    editor.PrependLine({via});
    editor.InsertAfter(message.Value(sip::HeaderId::kAuthorization),
                       {",integrity-protected=\"", is_protected ? "yes" : "no", "\""});
    editor.AppendLine(
        {"Path: <sip:t1@10.0.0.10:5060;lr>\r\nRequire: path\r\n"
         "P-Charging-Vector: icid-value=1\r\n"});
    SendEdited(&editor, PcscfWays::CoreSide(), PcscfWays::Core(), out);
  }

  void RequestFromPhone(const sip::Message& message, const Outbox::Datagram& datagram,
                        Outbox* out) {
    sip::Editor editor(message);
    RemoveAgreement(&editor);
    editor.RemoveListMembers(sip::HeaderId::kRoute, IsOurs, nullptr);
    editor.RemoveHeaders(sip::HeaderId::kPPreferredIdentity);
    const std::string via = ways.OurVia(message, ways.WayBack(message, datagram));
    const std::string identity(FirstUri(message, sip::HeaderId::kFrom));
    editor.PrependLine({via});
    editor.AppendLine(
        {"Record-Route: <sip:t1@10.0.0.10:5060;lr>\r\n"
         "Record-Route: <sip:t1@192.0.2.10:6101;lr>\r\n"
         "P-Charging-Vector: icid-value=2\r\nP-Asserted-Identity: <",
         identity, ">\r\n"});
    SendEdited(&editor, PcscfWays::CoreSide(), PcscfWays::Core(), out);
  }

  void ResponseFromCore(const sip::Message& message, Outbox* out) {
    sip::Via via;
    ASSERT_EQ(sip::DecodeTopVia(message, &via), sip::ParseError::kOk);
    const PcscfWays::Way& way = ways.ways.at(std::string(via.branch));
    const bool is_register = message.Value(sip::HeaderId::kCSeq).ends_with("REGISTER");
    if (is_register && message.status() == 200) {
      ways.current_pc[AddressText(way.phone)] = way.local.port();
    }
    if (faults.drop_responses > 0) {
      --faults.drop_responses;
      return;
    }
    sip::Editor editor(message);
    editor.RemoveFirstMember(sip::HeaderId::kVia);
    if (!faults.leak_charging) RemoveCharging(&editor);
    std::string server;
    if (message.status() == 401) {
      sip::Digest digest;
      EXPECT_EQ(sip::DecodeDigest(message.Value(sip::HeaderId::kWwwAuthenticate), &digest),
                sip::ParseError::kOk);
      if (!faults.leak_keys) editor.RemoveParams(digest.params, ',', {"ik", "ck"});
      server = faults.security_server.empty() ? ways.SecurityServer() : faults.security_server;
      ways.port_pc[way.offer] = ways.PortPc();
      editor.AppendLine({"Security-Server: ", server, "\r\n"});
    }
    SendEdited(&editor, way.local, way.phone, out);
  }

  void RequestFromCore(const sip::Message& message, Outbox* out) {
    if (faults.drop_requests) return;
    sip::Uri uri;
    reactor::Endpoint phone;
    ASSERT_EQ(sip::DecodeUri(message.request_uri(), &uri), sip::ParseError::kOk);
    ASSERT_TRUE(reactor::ParseAddress(uri.host, uri.port, &phone));
    const uint16_t port_pc = ways.current_pc.at(AddressText(phone));
    sip::Editor editor(message);
    editor.RemoveListMembers(sip::HeaderId::kRoute, IsOurs, nullptr);
    RemoveCharging(&editor);
    const std::string via = fmt::format(
        "Via: SIP/2.0/UDP 192.0.2.10:{};branch=z9hG4bKg{}\r\n"
        "Record-Route: <sip:t1@192.0.2.10:6101;lr>\r\n"
        "Record-Route: <sip:t1@10.0.0.10:5060;lr>\r\n",
        faults.wrong_via ? port_pc : PcscfWays::kPortPs, ++ways.branches);
    editor.PrependLine({via});
    SendEdited(&editor, PcscfWays::GmPort(port_pc), phone, out);
  }

  void ResponseFromPhone(const sip::Message& message, Outbox* out) {
    sip::Editor editor(message);
    editor.RemoveFirstMember(sip::HeaderId::kVia);
    SendEdited(&editor, PcscfWays::CoreSide(), PcscfWays::Core(), out);
  }
};

}  // namespace tools
