// Which port what comes in on and goes out of (TS 33.203 7.1; over UDP all to a phone leaves
// port_pc for port_us), and what malformed messages come to on each kind of port.

#include <filesystem>

#include "tests/edge_steps.h"

namespace edge {
namespace {

class EdgePorts : public EdgeSteps {
 protected:
  // All that a set carries towards the phone.
  void ExpectToPhone(const Sent& sent, const TestSet& set) {
    EXPECT_EQ(sent.from, set.from) << sent.text;
    EXPECT_EQ(sent.to, set.to) << sent.text;
  }
  std::string Request(const std::string& method) {
    return phone_.Request(method, "sip:bob@" + std::string(kRealm), phone_.port_us, "");
  }
  // A request of the core to the registered phone.
  std::string ToPhone(const std::string& method) {
    const std::string path = ValueOf(OnSet(phone_.set, phone_.Protected()), "Path");
    return method +
           " sip:001@198.51.100.77:37002 SIP/2.0\r\n"
           "Via: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-mt\r\nMax-Forwards: 70\r\n"
           "Route: " +
           path.substr(0, path.find('>') + 1) +
           "\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt\r\nCSeq: 1 " + method +
           "\r\nContent-Length: 0\r\n\r\n";
  }
  Sent FromScscf(const std::string& text) {
    return Deliver("10.0.0.30:6060", std::string(kCore), text);
  }
  TestPhone phone_;
};

TEST_F(EdgePorts, Pitfall24EveryAnswerToAProtectedRequestLeavesPortPcForPortUs) {
  Register(&phone_);
  const TestSet& set = phone_.set;
  for (const char* method : {"MESSAGE", "OPTIONS", "INVITE", "SUBSCRIBE"}) {
    const std::string forwarded = OnSet(set, Request(method));
    ASSERT_TRUE(forwarded.starts_with(method));
    for (const int status : {100, 180, 200, 404, 500}) {
      ExpectToPhone(FromCore(forwarded, status), set);
    }
  }
  ExpectToPhone(Accept(OnSet(set, phone_.Protected())), set);
  ExpectToPhone(FromCore(OnSet(set, phone_.Protected()), 403), set);
  // Ours, too.
  ExpectToPhone(Deliver(set.client, set.server,
                        Replaced(Request("OPTIONS"), "Max-Forwards: 70", "Max-Forwards: 0")),
                set);
  ExpectToPhone(Deliver(set.client, set.server, Replaced(Request("OPTIONS"), "To: <sip:", "To: <")),
                set);
}

TEST_F(EdgePorts, AnRportInAProtectedRequestDoesNotLeadToTheClientPort) {
  Register(&phone_);
  const std::string forwarded =
      OnSet(phone_.set, Replaced(Request("OPTIONS"), ";branch", ";rport;branch"));
  EXPECT_NE(LinesOf(forwarded, "Via").find("received=198.51.100.77;rport=37002"),
            std::string::npos);
  ExpectToPhone(FromCore(forwarded, 200), phone_.set);
}

TEST_F(EdgePorts, InClearAnAnswerGoesByRportOrTheViasPort) {
  const std::string with =
      Replaced(phone_.Initial(), "198.51.100.77:5060;branch", "198.51.100.77;rport;branch");
  std::string forwarded = Deliver("198.51.100.77:40000", phone_.Gm(), with).text;
  EXPECT_EQ(FromCore(forwarded, 403).to, "198.51.100.77:40000");
  EXPECT_NE(LinesOf(forwarded, "Via").find("received=198.51.100.77;rport=40000"),
            std::string::npos);
  const std::string without =
      Replaced(phone_.Initial(), "198.51.100.77:5060;branch", "198.51.100.77:5070;branch");
  forwarded = Deliver("198.51.100.77:40000", phone_.Gm(), without).text;
  EXPECT_EQ(FromCore(forwarded, 403).to, "198.51.100.77:5070");
}

TEST_F(EdgePorts, Pitfall24ARequestToThePhoneCarriesPortPsInViaAndRecordRoute) {
  Register(&phone_);
  const TestSet& set = phone_.set;
  const Sent sent = FromScscf(ToPhone("INVITE"));
  ExpectToPhone(sent, set);
  const std::string via = ValueOf(sent.text, "Via");
  EXPECT_TRUE(via.starts_with("SIP/2.0/UDP " + set.server + ";branch=")) << via;
  const std::string record_route = ValueOf(sent.text, "Record-Route");
  EXPECT_NE(record_route.find("@" + set.server), std::string::npos) << record_route;
  EXPECT_EQ(LinesOf(sent.text, "Route"), "");
  // The phone answers to sent-by, over SA1.
  const Sent answer = Deliver(set.client, set.server, Answer(sent.text, 180));
  EXPECT_EQ(answer.from, kCore);
  EXPECT_EQ(answer.to, "10.0.0.30:6060");
}

TEST_F(EdgePorts, APhoneMayAnswerFromItsServerPortToPortPc) {
  Register(&phone_);
  const TestSet& set = phone_.set;
  const Sent sent = FromScscf(ToPhone("OPTIONS"));
  EXPECT_EQ(StatusOf(Deliver(set.to, set.from, Answer(sent.text, 200)).text), 200);
}

TEST_F(EdgePorts, Pitfall11WhatBelongsToNoSetIsDroppedAndCounted) {
  Register(&phone_);
  const TestSet& set = phone_.set;
  const std::string other_server =
      set.server == "192.0.2.10:6103" ? "192.0.2.10:6102" : "192.0.2.10:6103";
  const std::pair<std::string, std::string> flows[] = {
      {"203.0.113.5:5060", set.server},     // A stranger.
      {"198.51.100.77:37005", set.server},  // The phone, another port of its own...
      {set.to, set.server},                 // ...its server port, to our server port...
      {set.client, set.from},               // ...its client port, to our client port...
      {set.client, other_server},           // ...or a protected port that is not its own.
      {"198.51.100.77:5060", set.server},
  };
  uint64_t expected = 0;
  for (const auto& [from, to] : flows) {
    EXPECT_EQ(Deliver(from, to, phone_.Protected()).text, "") << from << " " << to;
    EXPECT_EQ(Deliver(from, to, Request("INVITE")).text, "") << from << " " << to;
    EXPECT_EQ(Deliver(from, to, "rubbish").text, "") << from << " " << to;
    expected += 3;
    EXPECT_EQ(stats().drop_no_set, expected) << from << " " << to;
  }
}

TEST_F(EdgePorts, ATemporarySetCarriesNothingButRegister) {
  Challenge(&phone_, Initial(&phone_), "n");
  EXPECT_EQ(OnSet(phone_.set, Request("INVITE")), "");
  EXPECT_EQ(OnSet(phone_.set, Answer(Request("INVITE"), 200)), "");
  EXPECT_EQ(stats().drop_not_carried, 1u);
  EXPECT_EQ(stats().drop_unknown_response, 1u);
  EXPECT_NE(OnSet(phone_.set, phone_.Protected()), "");
}

TEST_F(EdgePorts, ARegistrationInClearMakesNoOtherPlainMessagePass) {
  Register(&phone_);
  EXPECT_EQ(StatusOf(Deliver(phone_.Clear(), phone_.Gm(), Request("MESSAGE")).text), 403);
  // From its protected ports to the unprotected one: as plain as any.
  EXPECT_EQ(StatusOf(Deliver(phone_.set.client, phone_.Gm(), Request("MESSAGE")).text), 403);
}

TEST_F(EdgePorts, Pitfall28KeepAlivesAreCountedAndNeverAnswered) {
  Register(&phone_);
  const std::pair<std::string, std::string> flows[] = {{phone_.Clear(), phone_.Gm()},
                                                       {phone_.set.client, phone_.set.server},
                                                       {std::string(kIcscf), std::string(kCore)}};
  for (const auto& [from, to] : flows) {
    for (const std::string& bytes :
         {std::string("\r\n\r\n"), std::string("\r\n"), std::string(4, '\0'), std::string()}) {
      EXPECT_EQ(Deliver(from, to, bytes).text, "");
    }
  }
  EXPECT_EQ(stats().drop_keepalive, 12u);
}

// Every torture file on every kind of port: nothing crashes; each is forwarded, answered with an
// error, or dropped and counted.
class EdgeTorture : public EdgePorts {
 protected:
  static uint64_t Drops(const Stats& stats) {
    uint64_t sum = 0;
    for (const CounterInfo& info : Counters()) {
      if (info.name.starts_with("drop_")) sum += stats.*info.field;
    }
    return sum;
  }
  static std::vector<std::pair<std::string, std::string>> Files() {
    std::vector<std::pair<std::string, std::string>> files;
    const std::string folder = "torture/rfc4475";
    for (const auto& entry : std::filesystem::directory_iterator(
             std::string(GMEDGE_SOURCE_DIR "/tests/data/") + folder)) {
      const std::string name = entry.path().filename();
      files.emplace_back(name, ReadFile(folder + "/" + name));
    }
    return files;
  }
  // What one message came to.
  void Try(const std::string& name, const std::string& from, const std::string& to,
           const std::string& text) {
    const uint64_t drops = Drops(stats());
    const uint64_t made = stats().responses_made;
    world_.Deliver(from, to, text);
    uint64_t sent = 0;
    for (Sent one = world_.Pop(); !one.text.empty(); one = world_.Pop()) {
      ++sent;
      const bool is_ping = to == kCore && text.starts_with("OPTIONS");
      const int status = StatusOf(one.text);
      EXPECT_TRUE(status == 0 || status >= 400 || (is_ping && status == 200)) << name;
    }
    const bool is_ack = text.starts_with("ACK");
    EXPECT_TRUE(sent + (Drops(stats()) - drops) >= 1 || is_ack)
        << name << " to " << to << " left no trace";
    EXPECT_LE(sent, 1u) << name;
    EXPECT_LE(stats().responses_made - made, 1u) << name;
  }
};

TEST_F(EdgeTorture, IsForwardedAnsweredOrCountedOnEveryPort) {
  const auto files = Files();
  ASSERT_GE(files.size(), 30u);
  Register(&phone_);
  TestPhone challenged;
  challenged.imsi = "001010000000002";
  challenged.address = "198.51.100.78";
  Challenge(&challenged, Initial(&challenged), "n");
  for (const auto& [name, text] : files) {
    Try(name, "198.51.100.99:5060", phone_.Gm(), text);
    Try(name, phone_.set.client, phone_.set.server, text);
    Try(name, challenged.set.client, challenged.set.server, text);
    Try(name, "198.51.100.99:4000", phone_.set.server, text);
    Try(name, std::string(kIcscf), std::string(kCore), text);
  }
  EXPECT_EQ(States(), "Current Temporary") << "none of it touched a set";
  EXPECT_EQ(Sas(), 8u);
}

TEST_F(EdgeTorture, CutShortAnywhereIsNoWorse) {
  Register(&phone_);
  for (const auto& [name, text] : Files()) {
    for (size_t size = 0; size < text.size(); size += 7) {
      world_.Deliver(phone_.set.client, phone_.set.server, text.substr(0, size));
      world_.Deliver(std::string(kIcscf), std::string(kCore), text.substr(0, size));
      world_.Deliver("198.51.100.99:5060", phone_.Gm(), text.substr(0, size));
    }
  }
  EXPECT_EQ(States(), "Current");
}

TEST_F(EdgeTorture, OfOurOwnMessagesCutShortOrBroken) {
  Register(&phone_);
  const std::string whole = phone_.Protected();
  for (size_t size = 0; size < whole.size(); ++size) {
    world_.Deliver(phone_.set.client, phone_.set.server, whole.substr(0, size));
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x1f);
    world_.Deliver(phone_.set.client, phone_.set.server, broken);
    world_.Deliver(phone_.Clear(), phone_.Gm(), broken);
  }
  EXPECT_EQ(Sas(), 4u);
}

}  // namespace
}  // namespace edge
