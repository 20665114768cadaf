// ik and ck never reach a phone or a log, in no writing: every byte sent to phones and every line
// written is searched, in all the ways a registration can go (pitfalls 5).

#include <linux/xfrm.h>
#include <openssl/evp.h>

#include <cctype>

#include "tests/edge_steps.h"

namespace edge {
namespace {

// Finds a key in hex of any case, as raw bytes, and in base64 at any of its three offsets.
class KeyHunter {
 public:
  explicit KeyHunter(const std::string& hex) : hex_(hex) {
    for (size_t i = 0; i < hex.size(); i += 2) {
      raw_ += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    for (size_t offset = 0; offset < 3; ++offset) {
      // Of the text's base64 only what no neighbour has a part in.
      const std::string text = Base64(std::string(offset, 'x') + raw_);
      const size_t from = offset == 0 ? 0 : 4;
      base64_.push_back(text.substr(from, (raw_.size() + offset) / 3 * 4 - from));
    }
  }
  // Half a key is a finding, too.
  bool IsIn(const std::string& text) const {
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const size_t half = raw_.size() / 2;
    if (lower.find(hex_.substr(0, 2 * half)) != std::string::npos) return true;
    if (lower.find(hex_.substr(2 * half)) != std::string::npos) return true;
    if (text.find(raw_.substr(0, half)) != std::string::npos) return true;
    if (text.find(raw_.substr(half)) != std::string::npos) return true;
    return std::any_of(base64_.begin(), base64_.end(), [&](const std::string& coded) {
      return text.find(coded) != std::string::npos;
    });
  }

 private:
  static std::string Base64(const std::string& bytes) {
    std::string text(4 * (bytes.size() / 3 + 1) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<size_t>(size));
    return text;
  }

  std::string hex_;
  std::string raw_;
  std::vector<std::string> base64_;
};

TEST(KeyHunter, FindsAKeyInEveryWriting) {
  const KeyHunter hunter("f769bcd751044604127672711c6d3441");
  EXPECT_TRUE(hunter.IsIn("ik=\"F769BCD751044604127672711C6D3441\""));
  EXPECT_TRUE(hunter.IsIn("the end of it: 127672711c6d3441"));
  EXPECT_TRUE(hunter.IsIn("\xf7\x69\xbc\xd7\x51\x04\x46\x04 and so on"));
  EXPECT_TRUE(hunter.IsIn("key=92m811EERgQSdnJxHG00QQ=="));
  EXPECT_FALSE(hunter.IsIn("f769bcd7 51044604"));
}

class EdgeSecrecy : public EdgeSteps {
 protected:
  EdgeSecrecy() : ports_(PortsOf(world_.settings())), log_(&ports_) {
    world_.set_log(&log_);
    testing::internal::CaptureStdout();  // Where the log goes by default.
  }
  ~EdgeSecrecy() override {
    const std::string logged = testing::internal::GetCapturedStdout();
    EXPECT_EQ(logged.empty(), world_.attempts().empty()) << "what is searched must be there";
    for (const std::string_view hex : {kIk, kCk}) {
      const KeyHunter hunter{std::string(hex)};
      EXPECT_FALSE(hunter.IsIn(world_.phone_bytes()));
      EXPECT_FALSE(hunter.IsIn(logged)) << logged;
      for (const AttemptLine& attempt : world_.attempts()) {
        EXPECT_FALSE(hunter.IsIn(attempt.line + attempt.explanation + attempt.result));
      }
    }
    EXPECT_EQ(world_.phone_bytes().find("ik="), std::string::npos);
    EXPECT_EQ(world_.phone_bytes().find("ck="), std::string::npos);
    // A nonce and its answer are nobody's business either.
    EXPECT_EQ(logged.find("nonce"), std::string::npos);
    EXPECT_EQ(logged.find("f00d"), std::string::npos);
  }

  const std::vector<Port> ports_;
  ReportLog log_;
  TestPhone phone_;
};

TEST_F(EdgeSecrecy, Pitfall05OfAWholeLife) {
  Register(&phone_);
  Accept(OnSet(phone_.set, phone_.Protected()));
  BeginAgain(&phone_, "second");
  Accept(OnSet(phone_.set, phone_.Protected()));
  FromCore(OnSet(phone_.set, Replaced(phone_.Protected(), "Expires: 600000", "Expires: 0")), 200);
  world_.Advance(128'000);
  EXPECT_EQ(States(), "");
}

TEST_F(EdgeSecrecy, OfTheAccessLogOfAllFieldsButTheTwo) {
  std::string error;
  ASSERT_TRUE(
      Template::Parse("$ipsec(alg) $ipsec(ealg) $ipsec(ip) $ipsec(spi-c) $ipsec(spi-s) "
                      "$ipsec(port-c) $ipsec(port-s) $ipsec_ue(alg) $ipsec_ue(ealg) "
                      "$ipsec_ue(ip) $ipsec_ue(spi-c) $ipsec_ue(spi-s) $ipsec_ue(port-c) "
                      "$ipsec_ue(port-s) $rm $rs $ci",
                      &world_.settings().log.access_format, &error));
  Register(&phone_);
  ASSERT_FALSE(world_.accesses().empty());
  for (const std::string& line : world_.accesses()) {
    EXPECT_FALSE(KeyHunter(std::string(kIk)).IsIn(line)) << line;
    EXPECT_FALSE(KeyHunter(std::string(kCk)).IsIn(line)) << line;
  }
}

// They are in the access log then, and nowhere else.
TEST_F(EdgeSecrecy, OfAllButTheAccessLogThatRevealsThem) {
  std::string error;
  ASSERT_TRUE(
      Template::Parse("$ipsec(ik) $ipsec_ue(ck)", &world_.settings().log.access_format, &error));
  Register(&phone_);
  ASSERT_FALSE(world_.accesses().empty());
  EXPECT_TRUE(KeyHunter(std::string(kIk)).IsIn(world_.accesses()[0]));
}

TEST_F(EdgeSecrecy, OfChallengesWrittenInEveryWay) {
  const std::string ik(kIk);
  const std::string ck(kCk);
  std::string upper = ik + ck;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (const std::string& params :
       {"realm=\"r\",nonce=\"n\",ik=\"" + ik + "\",ck=\"" + ck + "\"",
        "ik=\"" + ik + "\",ck=\"" + ck + "\",realm=\"r\",nonce=\"n\"",
        "ik=\"" + ik + "\",realm=\"r\",nonce=\"n\",ck=\"" + ck + "\"",
        "IK=" + upper.substr(0, 32) + ",CK=" + upper.substr(32) + ",realm=\"r\",nonce=\"n\"",
        "realm=\"r\" , ik = \"" + ik + "\" , ck = \"" + ck + "\" , nonce = \"n\"",
        "realm=\"r\",\r\n ik=\"" + ik + "\",\r\n\tck=\"" + ck + "\",\r\n nonce=\"n\"",
        "realm=\"r\",nonce=\"n\",ik=\"" + ik + "\",ck=\"" + ck + "\",ik=\"" + ik + "\""}) {
    FromCore(Initial(&phone_), 401, "WWW-Authenticate: Digest " + params + "\r\n");
  }
  EXPECT_GE(stats().challenges, 6u);
}

TEST_F(EdgeSecrecy, OfChallengesThatCannotBeRead) {
  const std::string ik(kIk);
  const std::string ck(kCk);
  for (const std::string& value :
       {"Digest realm=\"r\" ik=\"" + ik + "\" ck=\"" + ck + "\"", "Digest ik=\"" + ik,
        "Digest,ik=\"" + ik + "\",ck=\"" + ck + "\"", "ik=" + ik + ",ck=" + ck,
        "Digest realm=\"r\",=,ik=\"" + ik + "\",ck=\"" + ck + "\"",
        "Basic realm=\"r\",ik=\"" + ik + "\",ck=\"" + ck + "\""}) {
    for (const char* name : {"WWW-Authenticate: ", "Proxy-Authenticate: "}) {
      for (const int status : {401, 407, 403, 500}) {
        FromCore(Initial(&phone_), status, name + value + "\r\n");
      }
    }
  }
  EXPECT_EQ(stats().challenges, 0u);
}

TEST_F(EdgeSecrecy, OfAnswersThatShouldHaveNoKeys) {
  Register(&phone_);
  const std::string message = phone_.Request("MESSAGE", "sip:b@x", phone_.port_us, "");
  for (const int status : {200, 401, 403, 407, 500}) {
    FromCore(OnSet(phone_.set, message), status, ChallengeLine("n"));
    FromCore(OnSet(phone_.set, phone_.Protected()), status,
             ChallengeLine("n") + "Contact: <sip:001010000000001@198.51.100.77:37002>\r\n");
  }
}

TEST_F(EdgeSecrecy, OfRetransmissions) {
  const std::string forwarded = Initial(&phone_);
  Challenge(&phone_, forwarded, "n");
  Challenge(&phone_, forwarded, "n");
  const std::string answer = OnSet(phone_.set, phone_.Protected());
  FromCore(answer, 403, ChallengeLine("n"));
  FromCore(answer, 403, ChallengeLine("n"));
  FromCore(forwarded, 401, ChallengeLine("n"));
  EXPECT_EQ(stats().challenges, 1u);
}

TEST_F(EdgeSecrecy, OfARefusingKernel) {
  for (const uint16_t type : {XFRM_MSG_NEWSA, XFRM_MSG_UPDSA}) {
    for (const std::errc error : {std::errc::operation_not_permitted, std::errc::file_exists,
                                  std::errc::invalid_argument}) {
      world_.kernel().SetFault(
          [=](uint16_t asked, int) { return asked == type ? error : std::errc{}; });
      const Sent sent = Challenge(&phone_, Initial(&phone_), "n");
      if (StatusOf(sent.text) == 401) Accept(OnSet(phone_.set, phone_.Protected()));
    }
  }
  world_.kernel().SetFault(nullptr);
  world_.kernel().DropNextAnswers(1);
  FromCore(Initial(&phone_), 401, ChallengeLine("n"));
  world_.Advance(1'000);
  EXPECT_EQ(stats().sets_refused, 6u);
  EXPECT_EQ(stats().sets_unknown, 1u);
}

TEST_F(EdgeSecrecy, OfTimeoutsAndFailuresOfThePhone) {
  Challenge(&phone_, Initial(&phone_), "n");
  world_.Advance(30'000);
  Challenge(&phone_, Initial(&phone_), "n");
  OnSet(phone_.set, Replaced(phone_.Protected(), "Security-Verify: ipsec", "Security-Verify: tls"));
  Challenge(&phone_, Initial(&phone_), "n");
  OnSet(phone_.set, phone_.Protected());
  world_.Advance(32'000);
  EXPECT_EQ(world_.attempts().size(), 3u);
}

TEST_F(EdgeSecrecy, OfAPhoneThatSendsWhatItTakesForKeys) {
  // A phone that echoes: what it sends must not come back either, nor be logged.
  const std::string forged = ",ik=\"" + std::string(kIk) + "\",ck=\"" + std::string(kCk) + "\"";
  const std::string text = Replaced(phone_.Initial(), "response=\"\"", "response=\"\"" + forged);
  const Sent sent = Deliver(phone_.Clear(), phone_.Gm(), text);
  Challenge(&phone_, sent.text, "n");
  EXPECT_EQ(States(), "Temporary");
}

}  // namespace
}  // namespace edge
