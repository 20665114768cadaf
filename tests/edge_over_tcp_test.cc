// What the core does with connections: which flow an answer or a request takes, what happens when
// one goes, and which requests are too large for UDP.

#include "tests/edge_steps.h"

namespace edge {
namespace {

constexpr Transport kUdp = Transport::kUdp;
constexpr Transport kTcp = Transport::kTcp;

class EdgeOverTcp : public EdgeSteps {
 protected:
  // The phone's connection, and ours to it: each as (its end, our end).
  void ConnectPhone() { ASSERT_TRUE(world_.Connect(phone_.set.client, phone_.set.server)); }
  void ConnectToPhone() { ASSERT_TRUE(world_.Connect(phone_.set.to, phone_.set.from)); }

  Sent Over(Transport over, const std::string& from, const std::string& to,
            const std::string& text) {
    world_.Deliver(from, to, text, over);
    return world_.Pop();
  }
  std::string Request(const std::string& method, const std::string& lines = "") {
    return phone_.Request(method, "sip:bob@" + std::string(kRealm), phone_.port_us, lines);
  }
  std::string ToPhone(const std::string& uri_params, const std::string& more = "",
                      const std::string& via = "10.0.0.30:6060") {
    if (path_.empty()) path_ = ValueOf(OnSet(phone_.set, phone_.Protected()), "Path");
    return "MESSAGE sip:001@198.51.100.77:37002" + uri_params + " SIP/2.0\r\nVia: SIP/2.0/TCP " +
           via + ";branch=z9hG4bK-mt\r\nMax-Forwards: 70\r\n" +
           "Route: " + path_.substr(0, path_.find('>') + 1) +
           "\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt\r\nCSeq: 1 MESSAGE\r\n" +
           more + "Content-Length: 0\r\n\r\n";
  }
  Sent FromScscf(const std::string& text) {
    return Deliver("10.0.0.30:6060", std::string(kCore), text);
  }
  static std::string TopVia(const Sent& sent) { return ValueOf(sent.text, "Via"); }
  // Which flow: "TCP 192.0.2.10:6101>198.51.100.77:37001".
  static std::string FlowOf(const Sent& sent) {
    return std::string(Name(sent.over)) + " " + sent.from + ">" + sent.to;
  }
  std::string PhonesFlow() const { return "TCP " + phone_.set.server + ">" + phone_.set.client; }
  std::string OurFlow() const { return "TCP " + phone_.set.from + ">" + phone_.set.to; }
  std::string UdpFlow() const { return "UDP " + phone_.set.from + ">" + phone_.set.to; }

  TestPhone phone_;
  std::string path_;  // Of the phone, once it was asked for.
};

TEST_F(EdgeOverTcp, ARegistrationGoesBackTheWayItCame) {
  // SM1 on a connection to the unprotected port.
  ASSERT_TRUE(world_.Connect("198.51.100.77:41000", phone_.Gm()));
  const Sent forwarded = Over(kTcp, "198.51.100.77:41000", phone_.Gm(), phone_.Initial());
  EXPECT_EQ(forwarded.over, kUdp);
  const Sent challenge = Challenge(&phone_, forwarded.text, "nonce");
  EXPECT_EQ(FlowOf(challenge), "TCP " + phone_.Gm() + ">198.51.100.77:41000");
  EXPECT_EQ(challenge.connect_port, 5060) << "RFC 3261 18.2.2: else to sent-by";
  // SM7 on the phone's own connection.
  ConnectPhone();
  const Sent again = Over(kTcp, phone_.set.client, phone_.set.server, phone_.Protected());
  const Sent accepted = Accept(again.text);
  EXPECT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(FlowOf(accepted), PhonesFlow());
}

TEST_F(EdgeOverTcp, AConnectionWithoutASetIsRefusedAndCounted) {
  EXPECT_FALSE(world_.Connect("198.51.100.77:37001", "192.0.2.10:6101"));
  Register(&phone_);
  EXPECT_FALSE(world_.Connect(phone_.At(40000), phone_.set.server));
  EXPECT_FALSE(world_.Connect("198.51.100.78:37001", phone_.set.server));
  EXPECT_FALSE(world_.Connect(phone_.set.client, phone_.set.from)) << "port_uc to port_pc";
  EXPECT_TRUE(world_.Connect(phone_.set.client, phone_.set.server));
  EXPECT_TRUE(world_.Connect(phone_.set.to, phone_.set.from));
  EXPECT_EQ(stats().tcp_no_set, 4u);
  world_.Deliver("198.51.100.78:37001", phone_.set.server, Request("OPTIONS"), kTcp);
  EXPECT_TRUE(world_.sent().empty());
  EXPECT_EQ(stats().drop_no_set, 1u);
}

TEST_F(EdgeOverTcp, Pitfall25AnAnswerTakesTheConnectionOfItsRequestElseOneOfOurs) {
  Register(&phone_);
  ConnectPhone();
  ConnectToPhone();
  const std::string first =
      Over(kTcp, phone_.set.client, phone_.set.server, Request("OPTIONS")).text;
  EXPECT_EQ(FlowOf(FromCore(first, 180)), PhonesFlow());
  // A request of the phone on the connection that we made.
  const std::string second = Over(kTcp, phone_.set.to, phone_.set.from, Request("OPTIONS")).text;
  EXPECT_EQ(FlowOf(FromCore(second, 200)), OurFlow());
  world_.Hangup(phone_.set.client, phone_.set.server);
  EXPECT_EQ(FlowOf(FromCore(first, 200)), OurFlow()) << "spec sheet 2.1: port_pc to port_us";
  // Over UDP all is as ever.
  const std::string third = OnSet(phone_.set, Request("OPTIONS"));
  EXPECT_EQ(FlowOf(FromCore(third, 200)), UdpFlow());
  // Our own, too.
  EXPECT_EQ(FlowOf(Over(kTcp, phone_.set.to, phone_.set.from,
                        Replaced(Request("OPTIONS"), "Max-Forwards: 70", "Max-Forwards: 0"))),
            OurFlow());
}

TEST_F(EdgeOverTcp, AnRportOverTcpIsThePortOfTheConnection) {
  Register(&phone_);
  ConnectPhone();
  const Sent sent = Over(kTcp, phone_.set.client, phone_.set.server,
                         Replaced(Request("OPTIONS"), ";branch", ";rport;branch"));
  EXPECT_NE(sent.text.find("received=198.51.100.77;rport=37001"), std::string::npos) << sent.text;
}

TEST_F(EdgeOverTcp, ARequestToThePhonePrefersAConnectionThatIsThere) {
  Register(&phone_);
  Sent sent = FromScscf(ToPhone(""));
  EXPECT_EQ(FlowOf(sent), UdpFlow());
  EXPECT_TRUE(TopVia(sent).starts_with("SIP/2.0/UDP 192.0.2.10:")) << sent.text;
  EXPECT_FALSE(sent.or_udp);

  sent = FromScscf(ToPhone(";transport=tcp"));
  EXPECT_EQ(FlowOf(sent), OurFlow()) << "no connection: one is made";
  EXPECT_TRUE(TopVia(sent).starts_with("SIP/2.0/TCP " + phone_.set.server)) << sent.text;
  EXPECT_TRUE(sent.or_udp);

  ConnectPhone();
  EXPECT_EQ(FlowOf(FromScscf(ToPhone(""))), PhonesFlow());
  EXPECT_EQ(FlowOf(FromScscf(ToPhone(";transport=tcp"))), PhonesFlow());
  EXPECT_EQ(FlowOf(FromScscf(ToPhone(";transport=udp"))), UdpFlow());
  ConnectToPhone();
  EXPECT_EQ(FlowOf(FromScscf(ToPhone(""))), OurFlow());
  world_.Hangup(phone_.set.to, phone_.set.from);
  world_.Hangup(phone_.set.client, phone_.set.server);
  EXPECT_EQ(FlowOf(FromScscf(ToPhone(""))), UdpFlow()) << "a FIN is not the phone's death";
}

TEST_F(EdgeOverTcp, Pitfall26ARequestTooLargeForUdpTriesTcpWithItsViaTold) {
  Register(&phone_);
  const auto padded = [&](size_t size) {
    return ToPhone("", "Subject: " + std::string(size, 's') + "\r\n");
  };
  // To the byte: what it is over UDP, with what ESP (sha-1, aes-cbc) adds. Padding moves in 16.
  size_t largest = 0;
  size_t smallest = 0;
  for (size_t size = 500; size < 1200; ++size) {
    const Sent sent = FromScscf(padded(size));
    EXPECT_EQ(TopVia(sent).starts_with("SIP/2.0/TCP"), sent.over == kTcp);
    if (sent.over == kUdp) {
      largest = sent.text.size();
    } else if (smallest == 0) {
      smallest = sent.text.size();
      EXPECT_EQ(FlowOf(sent), OurFlow());
      EXPECT_TRUE(sent.or_udp);
    }
  }
  EXPECT_EQ(smallest, largest + 1);
  const size_t esp = 8 + 16 + 2 + 12;
  EXPECT_LE(largest + esp, 1300u);
  EXPECT_GT(largest + esp + 16, 1300u);
  EXPECT_GT(stats().requests_too_large_for_udp, 0u);
}

TEST_F(EdgeOverTcp, TheSizeIsASettingAndCountsTowardsTheCoreToo) {
  Register(&phone_);
  world_.settings().core.udp_request_size_max = 1300;
  const std::string lines = "Subject: " + std::string(2000, 's') + "\r\n";
  Sent sent = Deliver(phone_.set.client, phone_.set.server, Request("MESSAGE", lines));
  EXPECT_EQ(sent.over, kTcp);
  EXPECT_TRUE(sent.or_udp);
  EXPECT_TRUE(TopVia(sent).starts_with("SIP/2.0/TCP 10.0.0.10:5060"));
  const Sent answer = Deliver(sent.to, std::string(kCore), Answer(sent.text, 200));
  EXPECT_EQ(FlowOf(answer), UdpFlow()) << "the phone asked over UDP, and answers have no limit";

  world_.settings().core.udp_request_size_max = 65535;
  sent = Deliver(phone_.set.client, phone_.set.server, Request("MESSAGE", lines));
  EXPECT_EQ(sent.over, kUdp);
  world_.settings().core.udp_request_size_max = 0;
  sent = Deliver(phone_.set.client, phone_.set.server, Request("MESSAGE"));
  EXPECT_EQ(sent.over, kTcp);
}

TEST_F(EdgeOverTcp, TheCoresTransportIsASettingThatARouteOverrides) {
  world_.settings().core.transport = kTcp;
  const Sent initial = Deliver(phone_.Clear(), phone_.Gm(), phone_.Initial());
  EXPECT_EQ(initial.over, kTcp);
  EXPECT_EQ(initial.to, kIcscf);
  EXPECT_TRUE(TopVia(initial).starts_with("SIP/2.0/TCP 10.0.0.10:5060"));
  EXPECT_TRUE(initial.or_udp);
  ASSERT_EQ(StatusOf(Challenge(&phone_, initial.text, "n").text), 401);
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  const Sent accepted =
      FromCore(forwarded, 200,
               LinesOf(forwarded, "Contact") +
                   "Expires: 600\r\nService-Route: <sip:orig@10.0.0.30:6060;lr;transport=udp>\r\n");
  ASSERT_EQ(StatusOf(accepted.text), 200);
  const Sent routed = Deliver(phone_.set.client, phone_.set.server, Request("MESSAGE"));
  EXPECT_EQ(routed.over, kUdp);
  EXPECT_EQ(routed.to, "10.0.0.30:6060");
}

TEST_F(EdgeOverTcp, TheCoreIsAnsweredOnItsConnectionElseAtSentBy) {
  Register(&phone_);
  ASSERT_TRUE(world_.Connect("10.0.0.30:45678", kCore));
  const Sent request = Over(kTcp, "10.0.0.30:45678", std::string(kCore), ToPhone(""));
  EXPECT_EQ(FlowOf(request), UdpFlow());
  const std::string answer = Answer(request.text, 200);
  const Sent back = Deliver(phone_.set.client, phone_.set.server, answer);
  EXPECT_EQ(FlowOf(back), "TCP 10.0.0.10:5060>10.0.0.30:45678");
  EXPECT_EQ(back.connect_port, 6060);
  EXPECT_FALSE(back.or_udp);
  // Our own answers, too.
  const Sent ours = Over(kTcp, "10.0.0.30:45678", std::string(kCore),
                         Replaced(ToPhone(""), "Max-Forwards: 70", "Max-Forwards: 0"));
  EXPECT_EQ(StatusOf(ours.text), 483);
  EXPECT_EQ(FlowOf(ours), "TCP 10.0.0.10:5060>10.0.0.30:45678");
  EXPECT_EQ(ours.connect_port, 6060);
}

TEST_F(EdgeOverTcp, ConnectionsGoWithTheirSet) {
  Register(&phone_);
  const TestSet old = phone_.set;
  ConnectPhone();
  ConnectToPhone();
  BeginAgain(&phone_, "second");
  ASSERT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_TRUE(world_.disconnected().empty()) << "old and new live side by side";
  OnSet(phone_.set, Request("OPTIONS"));  // Takes the new one into use.
  EXPECT_EQ(States(), "Current Old");
  world_.Advance(128'000);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(world_.disconnected(),
            (std::vector<std::string>{old.server + " " + old.client, old.from + " " + old.to}));
  EXPECT_FALSE(world_.Connect(old.client, old.server));
}

TEST_F(EdgeOverTcp, AConnectionThatANewerSetCoversTooLivesOn) {
  Register(&phone_);
  // The phone lost its state and comes back with the same ports and other SPIs.
  TestPhone reborn = phone_;
  reborn.spi_uc += 1000;
  reborn.spi_us += 1000;
  reborn.imsi = phone_.imsi;
  Register(&reborn);
  const bool same =
      reborn.set.client == phone_.set.client && reborn.set.server == phone_.set.server;
  ASSERT_TRUE(same) << "port_ps stays while the phone is registered";
  ASSERT_TRUE(world_.Connect(reborn.set.client, reborn.set.server));
  OnSet(reborn.set, reborn.Request("OPTIONS", "sip:bob@x", reborn.port_us, ""));
  world_.Advance(200'000);
  EXPECT_EQ(States(), "Current");
  for (const std::string& gone : world_.disconnected()) {
    EXPECT_NE(gone, reborn.set.server + " " + reborn.set.client);
  }
  EXPECT_EQ(FlowOf(FromScscf(Replaced(ToPhone(""), "z9hG4bK-mt", "z9hG4bK-m2"))),
            "TCP " + reborn.set.server + ">" + reborn.set.client);
}

TEST_F(EdgeOverTcp, ARefusedAnswerToAChallengeIsHeardOnTheConnectionItWasGivenOn) {
  ASSERT_EQ(StatusOf(Challenge(&phone_, Initial(&phone_), "n").text), 401);
  ConnectPhone();
  const Sent wrong = Over(kTcp, phone_.set.client, phone_.set.server,
                          Replaced(phone_.Protected(), "Security-Verify: ipsec-3gpp;",
                                   "Security-Verify: ipsec-3gpp;x=y;"));
  EXPECT_EQ(StatusOf(wrong.text), 494);
  EXPECT_EQ(FlowOf(wrong), PhonesFlow());
}

}  // namespace
}  // namespace edge
