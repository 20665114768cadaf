// Phones behind a NAT (TS 33.203 annex M): what is agreed with those that offer mod=UDP-enc-tun,
// how their port at the NAT is learnt, and what becomes of those that do not.
#include <gmock/gmock.h>
#include <linux/xfrm.h>

#include <set>

#include "edge/limits.h"
#include "edge/restore.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

using testing::HasSubstr;
using testing::Not;

Settings NatSettings(int protected_ports = 3) {
  Settings settings = StepSettings(protected_ports);
  settings.ipsec.udp_enc_tun = true;
  return settings;
}

class EdgeNat : public EdgeSteps {
 protected:
  explicit EdgeNat(const Settings& settings = NatSettings()) : EdgeSteps(settings) {
    phone_.mode = "UDP-enc-tun";
  }

  // What it sends in clear names the address that it believes to have.
  static constexpr std::string_view kPrivate = "10.9.9.9";
  std::string InClear(const std::string& text) const {
    std::string changed = text;
    for (size_t at; (at = changed.find(phone_.At(5060))) != std::string::npos;) {
      changed.replace(at, phone_.address.size(), kPrivate);
    }
    return changed;
  }
  // SM1 through the NAT; what leaves.
  Sent FromNat(const std::string& text, uint16_t port = 61060) {
    return Deliver(phone_.At(port), phone_.Gm(), InClear(text));
  }
  void RegisterBehindNat() {
    const std::string forwarded = FromNat(phone_.Initial()).text;
    ASSERT_EQ(StatusOf(Challenge(&phone_, forwarded, "nonce").text), 401);
    ASSERT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  }
  // The ports outside of the SAs, by direction: all the same.
  std::string TunnelPorts() {
    std::set<std::string> in;
    std::set<std::string> out;
    for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
      const bool is_in = sa.id.destination == ToXfrm(At(phone_.Gm()));
      const xfrm::UdpTunnel& tunnel = sa.tunnel;
      (is_in ? in : out)
          .insert(std::to_string(tunnel.source_port) + ">" +
                  std::to_string(tunnel.destination_port));
    }
    if (in.size() != 1 || out.size() != 1) return "not of one mind";
    return *in.begin() + " " + *out.begin();
  }
  // SA1 of the newest set.
  xfrm::SaId Sa1() const {
    const std::string spi = ParamOf(phone_.set.security_server, "spi-s");
    return {ToXfrm(At(phone_.Gm())), static_cast<uint32_t>(std::stoul(spi))};
  }
  bool EspFrom(const std::string& from) {
    const bool is_taken = world_.ReceiveInUdp(Sa1(), from);
    world_.Settle();
    return is_taken;
  }
  TestPhone phone_;
};

TEST_F(EdgeNat, APhoneThatOffersItAgreesOnUdpAndRegisters) {
  const Sent forwarded = FromNat(phone_.Initial());
  EXPECT_EQ(forwarded.to, kIcscf);
  EXPECT_THAT(forwarded.text, HasSubstr("10.9.9.9:5060;branch=z9hG4bK-001010000000001-1;received="
                                        "198.51.100.77"))
      << "from which the phone learns its address";
  const Sent challenge = Challenge(&phone_, forwarded.text, "nonce");
  EXPECT_EQ(challenge.to, phone_.At(61060)) << "the NAT lets nothing else in";
  const std::string server = ValueOf(challenge.text, "Security-Server");
  EXPECT_THAT(server, HasSubstr("mod=UDP-enc-tun"));
  EXPECT_THAT(server, Not(HasSubstr("mod=trans")));
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(world_.kernel().policy_count(), 4u) << "one for each flow";
  EXPECT_EQ(TunnelPorts(), "4500>4500 4500>4500");
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(stats().nat_sets, 1u);
  EXPECT_EQ(stats().drop_nat, 0u);
}

// Inside stand the public address and the ports agreed: what the kernel checks after decryption.
TEST_F(EdgeNat, InsideAndOutsideStandsThePublicAddress) {
  RegisterBehindNat();
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
    EXPECT_EQ(sa.selector.source, sa.tunnel.source);
    EXPECT_EQ(sa.selector.destination, sa.tunnel.destination);
    EXPECT_TRUE(sa.is_exact);
  }
  for (const xfrm::PolicyInfo& policy : world_.kernel().Policies()) {
    EXPECT_EQ(policy.peer, ToXfrm(At(phone_.Clear())));
    EXPECT_EQ(policy.reqid, world_.settings().ipsec.reqid);
  }
}

TEST_F(EdgeNat, WithoutUdpEncTunInItsOfferItGetsNoAnswer) {
  phone_.mode = "trans";
  EXPECT_EQ(FromNat(phone_.Initial()).text, "");
  phone_.mode = "tun";
  EXPECT_EQ(FromNat(phone_.Initial()).text, "");
  std::string text = phone_.Initial();
  text = Replaced(text, LinesOf(text, "Security-Client"), "");
  EXPECT_EQ(FromNat(text).text, "");
  EXPECT_EQ(FromNat(Replaced(phone_.Initial(), "ipsec-3gpp;", "ipsec-3gpp;;=")).text, "");
  EXPECT_EQ(stats().drop_nat, 4u);
  EXPECT_TRUE(world_.attempts().empty());
  ExpectNothingIsLeft();
}

TEST_F(EdgeNat, WithoutTheSettingItGetsNoAnswer) {
  world_.settings().ipsec.udp_enc_tun = false;
  EXPECT_EQ(FromNat(phone_.Initial()).text, "");
  EXPECT_EQ(stats().drop_nat, 1u);
}

TEST_F(EdgeNat, UnderARuleWithoutAgreementsItGetsNoAnswer) {
  world_.settings().gm.sec_agree = SecAgree::kOff;
  EXPECT_EQ(FromNat(phone_.Initial()).text, "");
  EXPECT_EQ(stats().drop_nat, 1u);
}

TEST_F(EdgeNat, WithoutANatTheModeIsTransportWhateverElseIsOffered) {
  phone_.mode = "UDP-enc-tun";
  const std::string both = phone_.SecurityClient();
  phone_.mode = "trans";
  const std::string text = phone_.Initial();
  const std::string offer = LinesOf(text, "Security-Client");
  const Sent forwarded = Deliver(phone_.Clear(), phone_.Gm(), Replaced(text, offer, both + offer));
  const Sent challenge = Challenge(&phone_, forwarded.text, "nonce");
  EXPECT_THAT(ValueOf(challenge.text, "Security-Server"), Not(HasSubstr("UDP-enc-tun")));
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) EXPECT_FALSE(sa.tunnel);
  EXPECT_EQ(world_.kernel().policy_count(), 0u) << "the shared ones are enough";
  EXPECT_EQ(world_.policies().size(), 0u);

  phone_.mode = "UDP-enc-tun";  // Alone it is of no use without a NAT.
  phone_.OfferAnew();
  EXPECT_EQ(StatusOf(Deliver(phone_.Clear(), phone_.Gm(), phone_.Initial()).text), 494);
}

TEST_F(EdgeNat, BehindANatTheListOfA494IsOfThatMode) {
  AlgorithmList strong;
  strong.Add({xfrm::Integrity::kNull, xfrm::Encryption::kAesGcm});
  Settings settings = world_.settings();
  settings.ipsec.allowed_algorithms = strong;
  world_.Reload(settings);
  const Sent sent = FromNat(phone_.Initial());
  EXPECT_EQ(StatusOf(sent.text), 494);
  EXPECT_EQ(sent.to, phone_.At(61060));
  EXPECT_EQ(ValueOf(sent.text, "Security-Server"),
            "ipsec-3gpp;q=0.9;alg=null;ealg=aes-gcm;prot=esp;mod=UDP-enc-tun");
  EXPECT_EQ(world_.attempts().back().result, "no common algorithm");
}

// The first packet is SM7: the answer to it must go where it came from.
TEST_F(EdgeNat, ThePortIsLearntFromTheFirstPacketBeforeItsAnswerLeaves) {
  const std::string forwarded = FromNat(phone_.Initial()).text;
  ASSERT_EQ(StatusOf(Challenge(&phone_, forwarded, "nonce").text), 401);
  ASSERT_TRUE(EspFrom(phone_.At(61500)));
  EXPECT_EQ(TunnelPorts(), "61500>4500 4500>61500");
  EXPECT_EQ(stats().nat_ports_learnt, 1u);
  ASSERT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(TunnelPorts(), "61500>4500 4500>61500")
      << "the longer lifetime brings no old port back";
  EXPECT_THAT(world_.attempts().back().line, HasSubstr(" mod=UDP-enc-tun port-uenc=61500"));
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
    EXPECT_EQ(sa.hard_seconds, 3600u + 30 + world_.settings().ipsec.lifetime_slack_s);
  }
}

TEST_F(EdgeNat, ARedirectionLeavesTheLifetimesAsTheyAre) {
  RegisterBehindNat();
  world_.Advance(100'000);
  const auto lifetimes = [&] {
    std::multiset<uint64_t> all;
    for (const xfrm::SaInfo& sa : world_.kernel().Sas()) all.insert(sa.hard_seconds);
    return all;
  };
  const std::multiset<uint64_t> before = lifetimes();
  ASSERT_TRUE(EspFrom(phone_.At(61500)));
  EXPECT_EQ(lifetimes(), before);
}

TEST_F(EdgeNat, ANatThatGivesItAnotherPortIsFollowed) {
  RegisterBehindNat();
  for (const int port : {61500, 61501, 61500}) {
    ASSERT_TRUE(EspFrom(phone_.At(static_cast<uint16_t>(port))));
    const std::string text = std::to_string(port);
    EXPECT_EQ(TunnelPorts(), text + ">4500 4500>" + text);
  }
  EXPECT_EQ(stats().nat_ports_learnt, 3u);
}

// A burst comes before the kernel has heard of the port.
TEST_F(EdgeNat, ManyPacketsFromANewPortAreOneUpdateAndALostOneIsRepeated) {
  RegisterBehindNat();
  const uint64_t batches = stats().kernel_batches;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(world_.ReceiveInUdp(Sa1(), phone_.At(61500)));
  world_.Settle();
  EXPECT_EQ(stats().nat_ports_learnt, 1u);
  EXPECT_EQ(stats().kernel_batches, batches + 1);

  world_.kernel().SetFault([](uint16_t, int) { return std::errc::not_enough_memory; });
  ASSERT_TRUE(EspFrom(phone_.At(61501)));
  world_.kernel().SetFault(nullptr);
  EXPECT_EQ(TunnelPorts(), "61500>4500 4500>61500");
  ASSERT_TRUE(EspFrom(phone_.At(61501)));
  EXPECT_EQ(TunnelPorts(), "61501>4500 4500>61501") << "the next packet tells again";
  EXPECT_EQ(States(), "Current");
}

TEST_F(EdgeNat, AnotherAddressIsNotFollowed) {
  RegisterBehindNat();
  ASSERT_TRUE(EspFrom("203.0.113.66:61500"));
  EXPECT_EQ(TunnelPorts(), "4500>4500 4500>4500");
  EXPECT_EQ(stats().nat_address_changed, 1u);
  EXPECT_EQ(stats().nat_ports_learnt, 0u);
}

TEST_F(EdgeNat, AWordOfAnSaThatIsNobodysIsIgnored) {
  RegisterBehindNat();
  xfrm::Mapping mapping{
      .id = Sa1(), .reqid = 1, .source = ToXfrm(At(phone_.At(0))), .source_port = 61500};
  mapping.id.spi += 5;
  world_.core().OnMapping(mapping, world_.now_ms(), &world_);
  mapping.id = {ToXfrm(At("192.0.2.11:0")), Sa1().spi};
  world_.core().OnMapping(mapping, world_.now_ms(), &world_);
  world_.Settle();
  EXPECT_EQ(stats().nat_ports_learnt, 0u);
}

// Later sets of the phone are in UDP, too, from the port that is known.
TEST_F(EdgeNat, AuthenticatingAnewItStaysInUdpAndAllItsSetsFollowThePort) {
  RegisterBehindNat();
  ASSERT_TRUE(EspFrom(phone_.At(61500)));
  const TestSet old = BeginAgain(&phone_, "nonce-2");
  EXPECT_THAT(phone_.set.security_server, HasSubstr("mod=UDP-enc-tun"));
  EXPECT_EQ(Sas(), 8u);
  EXPECT_EQ(TunnelPorts(), "61500>4500 4500>61500");
  ASSERT_TRUE(EspFrom(phone_.At(61501)));  // On the new set.
  EXPECT_EQ(TunnelPorts(), "61501>4500 4500>61501");
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_NE(OnSet(phone_.set,
                  phone_.Request("MESSAGE", "sip:bob@" + std::string(kRealm), phone_.port_us, "")),
            "");
  EXPECT_EQ(States(), "Current Old");
}

TEST_F(EdgeNat, AnOfferOfTransportModeAloneDoesNotLeaveTheTunnel) {
  RegisterBehindNat();
  phone_.OfferAnew();
  phone_.mode = "trans";
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  EXPECT_EQ(StatusOf(FromCore(forwarded, 401, ChallengeLine("n")).text), 401);
  EXPECT_EQ(Sas(), 4u) << "no set comes of it";
}

TEST_F(EdgeNat, WithTheSetGoItsPoliciesAndOnlyThen) {
  RegisterBehindNat();
  const std::string bye = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  FromCore(OnSet(phone_.set, bye), 200);
  EXPECT_EQ(world_.kernel().policy_count(), 4u) << "it drains";
  world_.Advance(kDrainMs);
  EXPECT_EQ(world_.kernel().sa_count(), 0u);
  EXPECT_EQ(world_.kernel().policy_count(), 0u);
  ExpectNothingIsLeft();
}

TEST_F(EdgeNat, APolicyThatTheKernelRefusesIsA500) {
  world_.kernel().SetFault([](uint16_t type, int) {
    return type == XFRM_MSG_UPDPOLICY ? std::errc::not_enough_memory : std::errc{};
  });
  const std::string forwarded = FromNat(phone_.Initial()).text;
  EXPECT_EQ(StatusOf(Challenge(&phone_, forwarded, "nonce").text), 500);
  world_.kernel().SetFault(nullptr);
  world_.Advance(1'000);
  EXPECT_EQ(world_.kernel().policy_count(), 0u);
  EXPECT_EQ(Sas(), 0u);
}

// More of the path's MTU is taken by what stands around a message: two IP headers in place of one,
// and one of UDP.
TEST_F(EdgeNat, ARequestToThePhoneTriesTcpEarlierThanWithoutANat) {
  const auto largest_over_udp = [&](TestPhone* phone) {
    std::string path = ValueOf(OnSet(phone->set, phone->Protected()), "Path");
    path.resize(path.find('>') + 1);
    for (size_t size = 0;; ++size) {
      const std::string text =
          "MESSAGE sip:" + phone->imsi + "@" + phone->At(phone->port_us) +
          " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30;branch=z9hG4bK-" + std::to_string(10000 + size) +
          "\r\nMax-Forwards: 70\r\nRoute: " + path +
          "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: " + phone->imsi +
          "\r\nCSeq: 1 MESSAGE\r\nSubject: " + std::string(size, 's') +
          "\r\nContent-Length: 0\r\n\r\n";
      const Sent sent = Deliver(std::string(kIcscf), std::string(kCore), text);
      if (sent.over == Transport::kTcp) return size;
      if (sent.text.empty() || size > 1300) return SIZE_MAX;
    }
  };
  phone_.algorithms = "alg=hmac-sha-1-96;ealg=null";
  RegisterBehindNat();
  TestPhone plain;
  plain.imsi = "001010000000002";
  plain.address = "198.51.100.78";
  plain.algorithms = phone_.algorithms;
  Register(&plain);
  const size_t before = largest_over_udp(&plain);
  EXPECT_EQ(before - largest_over_udp(&phone_), 28u);
}

class EdgeNatTwoPorts : public EdgeNat {
 protected:
  EdgeNatTwoPorts() : EdgeNat(NatSettings(2)) {}
};

// Both sets have the flow port_pc to port_us, and so one policy each way for it.
TEST_F(EdgeNatTwoPorts, Pitfall17WithOneClientPortBothSetsShareAPolicy) {
  RegisterBehindNat();
  BeginAgain(&phone_, "nonce-2");
  EXPECT_EQ(Sas(), 7u) << "SA3 comes with the 200";
  EXPECT_EQ(world_.kernel().policy_count(), 6u);
  ASSERT_TRUE(EspFrom(phone_.At(61500)));
  EXPECT_EQ(TunnelPorts(), "61500>4500 4500>61500");
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(Sas(), 8u);
  EXPECT_EQ(TunnelPorts(), "61500>4500 4500>61500");
  EXPECT_NE(OnSet(phone_.set,
                  phone_.Request("MESSAGE", "sip:bob@" + std::string(kRealm), phone_.port_us, "")),
            "");
  world_.Advance(kDrainMs);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(world_.kernel().policy_count(), 4u);
}

class EdgeNatJournal : public EdgeNat {
 protected:
  static Settings JournalSettings() {
    Settings settings = NatSettings();
    settings.journal.file = "/journal";
    return settings;
  }
  EdgeNatJournal() : EdgeNat(JournalSettings()) {}
};

TEST_F(EdgeNatJournal, ThePortIsKeptAndSoIsEachThatFollows) {
  const std::string forwarded = FromNat(phone_.Initial()).text;
  ASSERT_EQ(StatusOf(Challenge(&phone_, forwarded, "nonce").text), 401);
  ASSERT_TRUE(EspFrom(phone_.At(61500)));
  ASSERT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  const auto kept = [&] {
    const JournalContents contents = world_.store().Contents();
    return contents.sets.size() == 1 ? contents.sets[0].agreement.port_uenc : -1;
  };
  EXPECT_EQ(kept(), 61500);
  ASSERT_TRUE(EspFrom(phone_.At(61501)));
  EXPECT_EQ(kept(), 61501);

  // The next run: SAs and tables as they were, and a port that moves is followed.
  const Settings settings = world_.settings();
  xfrm::SpiPool spis({.min_spi = 65536, .max_spi = 262144, .permutation_key = {1, 2}});
  RestorePlan plan = PlanRestore(world_.store().Contents(), settings, &spis, world_.now_ms());
  ASSERT_EQ(plan.sets, 1u);
  std::vector<xfrm::EspKeys> keys;
  keys.reserve(1);
  std::vector<xfrm::Sa> sas;
  AppendSas(plan.workers[0][0], settings, world_.now_ms(), &keys, &sas);
  ASSERT_EQ(sas.size(), 4u);
  for (const xfrm::Sa& sa : sas) {
    EXPECT_EQ(std::max(sa.tunnel.source_port, sa.tunnel.destination_port), 61501);
  }
  World next(settings);
  next.core().Restore(plan.workers[0], next.now_ms(), next.now_ms(), 1, 1);
  EXPECT_NE(next.core().registrar().FindSetInUdp(Sa1().spi), nullptr);

  // Where ESP in UDP is not taken any more such a set would be deaf.
  Settings without = settings;
  without.ipsec.udp_enc_tun = false;
  xfrm::SpiPool others({.min_spi = 65536, .max_spi = 262144, .permutation_key = {1, 2}});
  plan = PlanRestore(world_.store().Contents(), without, &others, world_.now_ms());
  EXPECT_EQ(plan.sets, 0u);
  EXPECT_EQ(plan.without_ports, 1u);
}

}  // namespace
}  // namespace edge
