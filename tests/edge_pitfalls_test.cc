// What goes wrong in other P-CSCFs and must not here. The numbers are those of the project's list
// of pitfalls; what another test shows better has its number in that one's name.

#include "edge/limits.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

class EdgePitfalls : public EdgeSteps {
 protected:
  // SM1 with this Security-Client, as far as its challenge; the status of what the phone gets.
  int Offer(const std::string& lines) {
    const std::string text = phone_.Initial();
    const Sent sent = Deliver(phone_.Clear(), phone_.Gm(),
                              Replaced(text, LinesOf(text, "Security-Client"), lines));
    if (sent.to != kIcscf) return StatusOf(sent.text);
    return StatusOf(Challenge(&phone_, sent.text, "n").text);
  }
  // The algorithms and SPI of the one set there is.
  std::string Chosen() {
    std::string text;
    world_.core().registrar().sets().ForEach([&](const SaSet* set) {
      text += std::string(xfrm::Name(set->agreement.algorithms.integrity)) + "=" +
              std::string(xfrm::Name(set->agreement.algorithms.encryption)) + " " +
              std::to_string(set->agreement.spi_uc);
    });
    return text;
  }
  std::string Message() {
    return phone_.Request("MESSAGE", "sip:bob@" + std::string(kRealm), phone_.port_us, "");
  }
  // A request of the core for the phone, by this Path.
  Sent ToPhone(const std::string& path, const std::string& lines = "") {
    return Deliver("10.0.0.30:6060", std::string(kCore),
                   "MESSAGE sip:a@198.51.100.77:37002 SIP/2.0\r\n"
                   "Via: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-mt\r\nMax-Forwards: 70\r\n"
                   "Route: " +
                       path.substr(0, path.find('>') + 1) +
                       "\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt\r\n"
                       "CSeq: 1 MESSAGE\r\n" +
                       lines + "Content-Length: 0\r\n\r\n");
  }
  TestPhone phone_;
};

constexpr char kRest[] = ";prot=esp;mod=trans;spi-c=4001;spi-s=4002;port-c=37001;port-s=37002";
const std::string kHeader = "Security-Client: ipsec-3gpp;";

TEST_F(EdgePitfalls, Pitfall01AlgorithmsInOnePieceAreInstalledAsSuch) {
  for (const auto& [offer, name] :
       {std::pair("alg=null;ealg=aes-gcm", "null=aes-gcm"), {"alg=aes-gmac", "aes-gmac=null"}}) {
    ASSERT_EQ(Offer(kHeader + offer + kRest + "\r\n"), 401) << name;
    EXPECT_EQ(Chosen(), std::string(name) + " 4001");
    // The fake kernel refuses what the real one does; `algorithms` is what it reads of the SA.
    for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
      ASSERT_TRUE(sa.algorithms.has_value()) << name;
      EXPECT_EQ(std::string(xfrm::Name(sa.algorithms->integrity)) + "=" +
                    std::string(xfrm::Name(sa.algorithms->encryption)),
                name);
    }
    EXPECT_EQ(Sas(), 4u);
  }
}

TEST_F(EdgePitfalls, Pitfall05AMissingKeyIsNoKeyOfZeros) {
  const std::string ik = ",ik=\"" + std::string(kIk) + "\"";
  for (const char* given : {"", ",ik=\"\"", ",ik=\"00\""}) {
    const Sent sent = FromCore(Initial(&phone_), 401, Replaced(ChallengeLine("n"), ik, given));
    EXPECT_EQ(StatusOf(sent.text), 500) << given;
    EXPECT_EQ(Sas(), 0u);
  }
}

TEST_F(EdgePitfalls, Pitfall07WhateverTheKernelSaysButYesNo401GoesOut) {
  for (const std::errc error :
       {std::errc::operation_not_permitted, std::errc::file_exists, std::errc::no_buffer_space,
        std::errc::protocol_not_supported, std::errc::invalid_argument}) {
    world_.kernel().SetFault(
        [=](uint16_t, int ordinal) { return ordinal == 3 ? error : std::errc{}; });
    phone_.OfferAnew();
    const Sent sent = FromCore(Initial(&phone_), 401, ChallengeLine("n"));
    EXPECT_EQ(StatusOf(sent.text), 500);
    EXPECT_EQ(world_.attempts().back().kernel, error);
    world_.kernel().SetFault(nullptr);
    world_.Advance(5'000);
    EXPECT_EQ(Sas(), 0u);
  }
  world_.kernel().DropNextAnswers(1);
  const std::string forwarded = Initial(&phone_);
  EXPECT_EQ(FromCore(forwarded, 401, ChallengeLine("n")).text, "") << "no answer is no yes";
}

TEST_F(EdgePitfalls, Pitfall08NoPhoneMakesOrTakesAPolicy) {
  const size_t policies = world_.kernel().Policies().size();
  Register(&phone_);
  BeginAgain(&phone_, "second");
  Accept(OnSet(phone_.set, phone_.Protected()));
  EXPECT_EQ(world_.kernel().Policies().size(), policies);
  FromCore(OnSet(phone_.set, Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0")), 200);
  world_.Advance(128'000);
  EXPECT_EQ(Sas(), 0u);
  EXPECT_EQ(world_.kernel().Policies().size(), policies);
}

TEST_F(EdgePitfalls, Pitfall14TheOldSetIsNeitherDroppedAtOnceNorKept) {
  Register(&phone_);
  const TestSet old = BeginAgain(&phone_, "second");
  Accept(OnSet(phone_.set, phone_.Protected()));
  EXPECT_NE(OnSet(old, Message()), "") << "the new one has not been used";
  OnSet(phone_.set, Message());
  world_.Advance(127'999);
  EXPECT_NE(OnSet(old, Message()), "");
  world_.Advance(1);
  EXPECT_EQ(OnSet(old, Message()), "");
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(EdgePitfalls, Pitfall20APhoneThatRebootsWithItsPortsAndSpisRegisters) {
  for (int i = 0; i < 5; ++i) Register(&phone_);
  EXPECT_EQ(stats().sets_refused, 0u) << "EEXIST";
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
}

// Only a working day of a phone that says nothing: no OPTIONS, no CRLF, nothing.
TEST_F(EdgePitfalls, Pitfall28NoPhoneIsWokenToSeeWhetherItLives) {
  Register(&phone_);
  for (int i = 0; i < 3'500; ++i) world_.Advance(1'000);
  EXPECT_TRUE(world_.sent().empty());
  EXPECT_EQ(Registered(), 1u);
}

TEST_F(EdgePitfalls, Pitfall32OnePhoneCanBeDroppedAndIsCounted) {
  Register(&phone_);
  TestPhone other;
  other.imsi = "001010000000002";
  other.address = "198.51.100.78";
  Register(&other);
  EXPECT_EQ(Registered(), 2u);
  world_.core().registrar().bindings().ForEach([&](Binding* one) {
    if (one->impi() == phone_.Impi()) {
      world_.Hear(
          {.kind = Letter::Kind::kRegistered, .phone = one->token, .installed_ms = UINT64_MAX});
    }
  });
  world_.Settle();
  EXPECT_EQ(Registered(), 1u);
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(stats().superseded, 1u);
  EXPECT_NE(OnSet(other.set, other.Protected()), "");
}

TEST_F(EdgePitfalls, Pitfall03MissingEalgIsNull) {
  EXPECT_EQ(Offer(kHeader + "alg=hmac-sha-1-96" + kRest + "\r\n"), 401);
  EXPECT_EQ(Chosen(), "hmac-sha-1-96=null 4001");
}

TEST_F(EdgePitfalls, Pitfall03APrefixOfAnAlgorithmIsNotTheAlgorithm) {
  for (const char* name : {"h", "hmac", "hmac-sha-1", "hmac-sha-1-96x", "aes"}) {
    EXPECT_EQ(Offer(kHeader + "alg=" + name + kRest + "\r\n"), 494) << name;
  }
}

TEST_F(EdgePitfalls, Pitfall03AlgAndEalgOfDifferentOffersAreNotPaired) {
  AlgorithmList only;
  only.Add({xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc});
  world_.settings().ipsec.allowed_algorithms = only;
  EXPECT_EQ(Offer(kHeader + "alg=hmac-sha-1-96;ealg=null" + kRest + ", ipsec-3gpp;" +
                  "alg=hmac-md5-96;ealg=aes-cbc" + kRest + "\r\n"),
            494);
}

TEST_F(EdgePitfalls, Pitfall04TheListDecidesAndNotThePhonesOrderOrQ) {
  EXPECT_EQ(Offer(kHeader + "q=0.9;alg=hmac-md5-96" + kRest + ", ipsec-3gpp;q=0.1;" +
                  "alg=hmac-sha-1-96;ealg=aes-cbc" + kRest + "\r\n"),
            401);
  EXPECT_EQ(Chosen(), "hmac-sha-1-96=aes-cbc 4001");
}

TEST_F(EdgePitfalls, Pitfall06OddButLegalOffersAreUnderstood) {
  const std::string good = std::string("alg=hmac-sha-1-96;ealg=aes-cbc") + kRest;
  for (const std::string& lines : std::initializer_list<std::string>{
           kHeader + good + ",\r\n",
           "Security-Client: IPSEC-3GPP ; ALG = HMAC-SHA-1-96 ; EALG=AES-CBC;Prot=ESP;Mod=TRANS ; "
           "SPI-C=4001;spi-s = 4002 ; port-c=37001;port-s=37002\r\n",
           kHeader + "\r\n " + good + "\r\n", "security-client: ipsec-3gpp;" + good + "\r\n",
           "Security-Client: tls;q=0.1\r\n" + kHeader + good + "\r\n",
           "Security-Client: digest , " + kHeader.substr(17) + good + "\r\n",
           kHeader + good + ";vendor=\"a;b,c\"\r\n", kHeader + "q=0.25;" + good + "\r\n",
           kHeader + "alg=hmac-sha-1-96;ealg=aes-cbc;prot=esp;mod=trans;spi-c=0000004001;"
                     "spi-s=0000004002;port-c=37001;port-s=37002\r\n"}) {
    EXPECT_EQ(Offer(lines), 401) << lines;
    EXPECT_EQ(Chosen(), "hmac-sha-1-96=aes-cbc 4001") << lines;
  }
}

TEST_F(EdgePitfalls, Pitfall06AMechanismWithAFaultIsSkippedNotTheMessage) {
  const std::string good = std::string("alg=hmac-sha-1-96") + kRest;
  for (const std::string& bad :
       {std::string("alg=hmac-md5-96;") + good, "alg=aes-gmac;ealg=aes-cbc" + std::string(kRest),
        "alg=null" + std::string(kRest), Replaced(good, "spi-c=4001", "spi-c=255"),
        Replaced(good, "spi-c=4001", "spi-c=4294967296"),
        Replaced(good, "spi-c=4001", "spi-c=4002"), Replaced(good, "spi-c=4001;", ""),
        Replaced(good, "port-c=37001", "port-c=0"), Replaced(good, "port-c=37001", "port-c=5060"),
        Replaced(good, "port-c=37001", "port-c=65536"),
        Replaced(good, "port-c=37001", "port-c=37002"), Replaced(good, "prot=esp", "prot=ah"),
        Replaced(good, "mod=trans", "mod=tun"), good + ";mediasec"}) {
    EXPECT_EQ(Offer(kHeader + bad + "\r\n"), 494) << bad;
    EXPECT_EQ(Offer(kHeader + bad + ", ipsec-3gpp;" + good + "\r\n"), 401) << bad;
    EXPECT_EQ(Chosen(), "hmac-sha-1-96=null 4001") << bad;
  }
}

TEST_F(EdgePitfalls, Pitfall09EverySaHasALifetime) {
  Register(&phone_);
  BeginAgain(&phone_, "second");
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) EXPECT_GT(sa.hard_seconds, 0u);
  EXPECT_EQ(Sas(), 8u);
}

TEST_F(EdgePitfalls, Pitfall35RegistersRepeatedUnderNewBranchesAreRememberedInNumbers) {
  for (int i = 0; i < 100; ++i) Initial(&phone_);
  EXPECT_EQ(world_.core().transactions(), size_t{kRegistersPerBindingMax});
  EXPECT_EQ(stats().refused_full, 100u - kRegistersPerBindingMax);
}

TEST_F(EdgePitfalls, Pitfall13FortyReauthenticationsLeaveOneSetAndTheDrainingOne) {
  Register(&phone_);
  std::string path;
  for (int i = 0; i < 40; ++i) {
    BeginAgain(&phone_, "n" + std::to_string(i));
    const std::string forwarded = OnSet(phone_.set, phone_.Protected());
    path = ValueOf(forwarded, "Path");
    Accept(forwarded);
    OnSet(phone_.set, Message());
    EXPECT_EQ(States(), "Current Old");
    EXPECT_EQ(ToPhone(path).from, phone_.set.from) << "a stale set";
    EXPECT_EQ(ToPhone(path).to, phone_.set.to);
  }
  EXPECT_EQ(Sas(), 8u);
  EXPECT_EQ(world_.spis().counts().used, 2u);
}

TEST_F(EdgePitfalls, Pitfall15RetriedRegistersLeakNoSetAndUnansweredOnesGiveTheirSpisBack) {
  for (int i = 0; i < 200; ++i) {
    phone_.OfferAnew();
    Challenge(&phone_, Initial(&phone_), "n" + std::to_string(i));
    EXPECT_EQ(Sas(), 4u);
    EXPECT_EQ(world_.spis().counts().used, 1u);
  }
  world_.Advance(30'000);
  ExpectNothingIsLeft();
}

TEST_F(EdgePitfalls, Pitfall15StrangersTakeNoMoreThanHalfOfTheSpis) {
  Register(&phone_);
  world_.settings().ipsec.max_spi = world_.settings().ipsec.min_spi + 39;  // 20 pairs.
  int challenged = 0;
  for (int i = 0; i < 30; ++i) {
    TestPhone stranger;
    stranger.imsi = "0010100000001" + std::to_string(10 + i);
    stranger.address = "198.51.100." + std::to_string(100 + i);
    const Sent sent = Deliver(stranger.Clear(), stranger.Gm(), stranger.Initial());
    if (StatusOf(sent.text) == 503) continue;
    EXPECT_EQ(StatusOf(Challenge(&stranger, sent.text, "n").text), 401);
    ++challenged;
  }
  EXPECT_EQ(challenged, 10);
  EXPECT_EQ(stats().refused_full, 20u);
  BeginAgain(&phone_, "second");
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
}

// Nor their messages the worker's time, nor their repetitions its memory.
TEST_F(EdgePitfalls, Pitfall15AFloodOfStrangersLeavesRegisteredPhonesAlone) {
  Register(&phone_);
  world_.core().SetOverload(Overload::Level::kRefuseUnprotected);
  for (int i = 0; i < 1000; ++i) {
    TestPhone stranger;
    stranger.imsi = std::to_string(262'010'000'000'000 + i);
    world_.Deliver(stranger.Clear(), stranger.Gm(), stranger.Initial());
  }
  EXPECT_EQ(stats().refused_overload + stats().drop_overload, 1000u);
  EXPECT_GT(stats().drop_overload, 0u) << "not every one is answered";
  while (!world_.Pop().text.empty()) continue;
  EXPECT_EQ(world_.core().registrar().bindings().in_use(), 1u);
  EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  EXPECT_EQ(StatusOf(FromCore(OnSet(phone_.set, Message()), 200).text), 200);
}

TEST_F(EdgePitfalls, Pitfall16SpisAreUnpredictableAndTheirStrideTellsNothing) {
  std::vector<uint32_t> spis;
  for (int i = 0; i < 50; ++i) {
    phone_.OfferAnew();
    Challenge(&phone_, Initial(&phone_), "n");
    for (const char* name : {"spi-c", "spi-s"}) {
      const std::string text = ParamOf(phone_.set.security_server, name);
      spis.push_back(static_cast<uint32_t>(std::stoul(text)));
      EXPECT_GE(spis.back(), 65536u);
      EXPECT_LE(spis.back(), 262144u);
    }
  }
  int close = 0;
  for (size_t i = 2; i < spis.size(); ++i) {
    const uint32_t distance = std::max(spis[i], spis[i - 2]) - std::min(spis[i], spis[i - 2]);
    if (distance < 64) ++close;
  }
  EXPECT_LT(close, 5) << "sequential";
  std::sort(spis.begin(), spis.end());
  EXPECT_EQ(std::adjacent_find(spis.begin(), spis.end()), spis.end()) << "used again at once";
}

TEST_F(EdgePitfalls, Pitfall18The200OfADeregistrationLeavesThroughTheSet) {
  Register(&phone_);
  const std::string zero = Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0");
  const Sent accepted = FromCore(OnSet(phone_.set, zero), 200);
  EXPECT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(accepted.from, phone_.set.from);
  EXPECT_EQ(Sas(), 4u);
  world_.Advance(127'999);
  EXPECT_EQ(Sas(), 4u) << "a retransmission's answer must still get out";
  world_.Advance(1);
  EXPECT_EQ(Sas(), 0u);
}

TEST_F(EdgePitfalls, Pitfall19ThePortOfTheViaDecidesNothing) {
  const std::string clear =
      Replaced(phone_.Initial(), "198.51.100.77:5060;branch", "198.51.100.77:37002;branch");
  EXPECT_EQ(ParamOf(Deliver(phone_.Clear(), phone_.Gm(), clear).text, "integrity-protected"), "no");
  Register(&phone_);
  const std::string over =
      Replaced(phone_.Protected(), "198.51.100.77:37002;branch", "198.51.100.77:5060;branch");
  EXPECT_EQ(ParamOf(OnSet(phone_.set, over), "integrity-protected"), "yes");
}

TEST_F(EdgePitfalls, Pitfall21ARegisteredPhoneCannotNameAnothersSet) {
  TestPhone victim;
  victim.imsi = "001010000000002";
  victim.address = "198.51.100.78";
  Register(&victim);
  Challenge(&phone_, Initial(&phone_), "n");
  const std::string theirs = "Security-Verify: " + victim.set.security_server + "\r\n";
  const std::string text = phone_.Protected();
  EXPECT_EQ(StatusOf(OnSet(phone_.set, Replaced(text, LinesOf(text, "Security-Verify"), theirs))),
            494);
  world_.Advance(64'000);
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_NE(OnSet(victim.set, victim.Protected()), "");
}

TEST_F(EdgePitfalls, Pitfall22AnIpv6PhoneWithoutIpv6SocketsIsToldSo) {
  std::erase_if(world_.settings().ipsec.sockets,
                [](const reactor::Endpoint& socket) { return socket.family() == AF_INET6; });
  World narrow(world_.settings());
  phone_.address = "[2001:db8:45::77]";
  phone_.pcscf = "[2001:db8:10::10]";
  narrow.Deliver(phone_.Clear(), phone_.Gm(), phone_.Initial());
  narrow.Deliver(kIcscf, kCore, Answer(narrow.Pop().text, 401, ChallengeLine("n")));
  EXPECT_EQ(StatusOf(narrow.Pop().text), 500);
  EXPECT_EQ(narrow.kernel().sa_count(), 0u);
  ASSERT_EQ(narrow.attempts().size(), 1u);
  EXPECT_EQ(narrow.attempts()[0].result, "no protected ports at this address");
}

TEST_F(EdgePitfalls, Pitfall23ARegisterWithoutContactIsForwardedAndGetsNoTime) {
  Register(&phone_);
  const std::string text = phone_.Protected();
  const std::string query =
      Replaced(Replaced(text, LinesOf(text, "Contact"), ""), LinesOf(text, "Expires"), "");
  const std::string forwarded = OnSet(phone_.set, query);
  EXPECT_TRUE(forwarded.starts_with("REGISTER"));
  const Sent accepted = FromCore(
      forwarded, 200, "Contact: <sip:001010000000001@198.51.100.77:37002>;expires=500\r\n");
  EXPECT_EQ(StatusOf(accepted.text), 200);
  EXPECT_EQ(Registered(), 1u) << "a query ends nothing";
  EXPECT_EQ(States(), "Current");
}

TEST_F(EdgePitfalls, Pitfall27WhatIsOursOrTheNetworksDoesNotComeFromThePhone) {
  Register(&phone_);
  const std::string forged =
      "Security-Server: ipsec-3gpp;q=1\r\nP-Asserted-Identity: <sip:admin@x>\r\n"
      "P-Charging-Vector: icid-value=mine\r\nP-Charging-Function-Addresses: ccf=9.9.9.9\r\n"
      "P-Visited-Network-ID: elsewhere\r\nP-Access-Network-Info: IEEE-802.11;network-provided\r\n"
      "P-Served-User: <sip:admin@x>\r\nHistory-Info: <sip:x@y>;index=1\r\n";
  const std::string uri = "sip:bob@" + std::string(kRealm);
  for (std::string text :
       {phone_.Protected(), phone_.Request("MESSAGE", uri, phone_.port_us,
                                           "Require: sec-agree\r\nProxy-Require: sec-agree\r\n"
                                           "Security-Verify: ipsec-3gpp\r\n")}) {
    const std::string forwarded =
        OnSet(phone_.set, Replaced(text, "Content-Length", forged + "Content-Length"));
    ASSERT_NE(forwarded, "");
    for (const char* trace : {"Security-", "admin@x", "icid-value=mine", "9.9.9.9", "elsewhere",
                              "802.11", "History-Info", "Require: sec-agree"}) {
      EXPECT_EQ(forwarded.find(trace), std::string::npos) << trace << "\n" << forwarded;
    }
  }
}

TEST_F(EdgePitfalls, Pitfall27WhatIsTheNetworksDoesNotReachThePhone) {
  Register(&phone_);
  const std::string secret =
      "P-Charging-Vector: icid-value=secret\r\nP-Charging-Function-Addresses: ccf=9.9.9.9\r\n"
      "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=secret\r\n"
      "P-Served-User: <sip:secret@x>\r\nP-Profile-Key: <sip:secret@x>\r\n";
  const std::string forwarded = OnSet(phone_.set, phone_.Protected());
  const std::string path = ValueOf(forwarded, "Path");
  std::string all = FromCore(forwarded, 200, secret + LinesOf(forwarded, "Contact")).text;
  all += FromCore(OnSet(phone_.set, Message()), 200, secret).text;
  all += ToPhone(path, secret).text;
  EXPECT_EQ(all.find("secret"), std::string::npos) << all;
  EXPECT_EQ(all.find("9.9.9.9"), std::string::npos);
  EXPECT_NE(all.find("MESSAGE"), std::string::npos);
}

TEST_F(EdgePitfalls, Pitfall31OneLineSaysHowAnAttemptEnded) {
  Register(&phone_);
  ASSERT_EQ(world_.attempts().size(), 1u);
  const std::string& line = world_.attempts()[0].line;
  const std::string expected =
      "register impi=" + phone_.Impi() + " from=" + phone_.set.client + " at=" + phone_.set.server +
      ": registered; status=200 alg=hmac-sha-1-96 ealg=aes-cbc spi-pc=" +
      ParamOf(phone_.set.security_server, "spi-c") +
      " spi-ps=" + ParamOf(phone_.set.security_server, "spi-s") +
      " port-pc=" + ParamOf(phone_.set.security_server, "port-c") +
      " port-ps=" + ParamOf(phone_.set.security_server, "port-s") + " esp=yes 0 ms";
  EXPECT_EQ(line, expected);
  TestPhone other;
  other.imsi = "001010000000002";
  other.address = "198.51.100.78";
  Challenge(&other, Initial(&other), "n");
  world_.Advance(30'000);
  ASSERT_EQ(world_.attempts().size(), 2u);
  EXPECT_NE(world_.attempts()[1].line.find("nobody answered the 401 over the new SAs"),
            std::string::npos);
  EXPECT_NE(world_.attempts()[1].line.find("esp=no 30000 ms"), std::string::npos);
}

TEST_F(EdgePitfalls, Pitfall31AnUnansweredChallengeSaysWhetherEspCameIn) {
  Challenge(&phone_, Initial(&phone_), "n");
  xfrm::SaId inbound;
  for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
    if (std::to_string(sa.id.spi) == ParamOf(phone_.set.security_server, "spi-s")) inbound = sa.id;
  }
  world_.kernel().CountUndecrypted(inbound);
  world_.kernel().CountUndecrypted(inbound);
  world_.Advance(30'000);
  ASSERT_EQ(world_.attempts().size(), 1u);
  const std::string& line = world_.attempts()[0].line;
  EXPECT_NE(line.find("over the new SAs: ESP came in that could not be decrypted: "), line.npos)
      << line;
  EXPECT_NE(line.find(" esp=yes esp-packets=0 esp-bytes=0 esp-undecrypted=2 "), line.npos) << line;
  EXPECT_EQ(Sas(), 0u) << "looked at before they were deleted";
}

TEST_F(EdgePitfalls, Pitfall31AKernelThatDoesNotAnswerLeavesItUnknown) {
  Challenge(&phone_, Initial(&phone_), "n");
  world_.set_kernel_deaf(true);
  world_.Advance(30'000);
  EXPECT_TRUE(world_.attempts().empty());
  world_.Advance(2'000);
  ASSERT_EQ(world_.attempts().size(), 1u);
  EXPECT_NE(world_.attempts()[0].line.find(" esp=unknown "), std::string::npos)
      << world_.attempts()[0].line;
}

TEST_F(EdgePitfalls, Pitfall31WhatAPhoneCallsItselfCannotForgeALine) {
  const std::string text =
      Replaced(phone_.Initial(), "username=\"", "username=\"x\t registered\x01");
  Deliver(phone_.Clear(), phone_.Gm(), Replaced(text, LinesOf(text, "Security-Client"), ""));
  ASSERT_EQ(world_.attempts().size(), 1u);
  const std::string& line = world_.attempts()[0].line;
  EXPECT_NE(line.find("impi=x??registered?"), std::string::npos) << line;
}

TEST_F(EdgePitfalls, Pitfall35NothingGrowsWithRefreshes) {
  Register(&phone_);
  for (int i = 0; i < 300; ++i) {
    world_.Advance(60'000);
    phone_.OfferAnew();
    phone_.port_uc = static_cast<uint16_t>(37001 + i % 1000);
    EXPECT_EQ(StatusOf(Accept(OnSet(phone_.set, phone_.Protected())).text), 200);
  }
  EXPECT_EQ(States(), "Current");
  EXPECT_EQ(Sas(), 4u);
  EXPECT_LE(world_.core().transactions(), 1u);
  EXPECT_EQ(world_.core().registrar().bindings().in_use(), 1u);
  EXPECT_EQ(world_.spis().counts().used, 1u);
}

}  // namespace
}  // namespace edge
