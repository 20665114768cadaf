// What a kernel's answers mean for the settings, each answer by the fake kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/xfrm.h>

#include <string>

#include "edge/kernel_check.h"
#include "xfrm/fake_kernel.h"

namespace edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using xfrm::Encryption;
using xfrm::Integrity;
using xfrm::Lack;

constexpr const char* kGcm =
    "AES-GCM and AES-GMAC (CONFIG_CRYPTO_GCM, CONFIG_CRYPTO_SEQIV; modprobe -a gcm ctr "
    "ghash-generic seqiv)";

// Settings whose third line is `entry`, with protected sockets at these addresses.
std::string With(const std::string& entry, const std::string& a = "192.0.2.10",
                 const std::string& b = "") {
  std::string text = "[ipsec]\nsocket = [\"ipsec:" + a + ":5100\", \"ipsec:" + a + ":6100\"";
  if (!b.empty()) text += ", \"ipsec:" + b + ":5100\", \"ipsec:" + b + ":6100\"";
  return text + "]\n" + entry + "\n[gm]\nlisten = \"" + a +
         "\"\n[core]\nlisten = \"198.51.100.10\"\nnext_hop = \"198.51.100.20\"\n";
}

// A kernel that refuses what `refuses` says, asked as the real one is.
class EdgeKernelCheck : public testing::Test {
 protected:
  xfrm::ProbeReport Ask(xfrm::ProbeFamilies families) {
    families_.push_back(families);
    xfrm::ProbeReport report = xfrm::Probe(
        [](xfrm::Batch* batch, xfrm::BatchVerdict* verdict) {
          xfrm::FakeKernel kernel;
          std::vector<std::vector<std::byte>> answers;
          verdict->Start(batch->first(), batch->count());
          kernel.Send(batch->Seal(), 1, &answers);
          for (const std::vector<std::byte>& answer : answers) {
            xfrm::ReplyReader reader(answer);
            for (xfrm::Reply reply; reader.Next(&reply);) verdict->Apply(reply);
          }
          return std::errc{};
        },
        families, xfrm::ProbeWay::kInstall);
    report.refusals.insert(report.refusals.end(), refusals_.begin(), refusals_.end());
    if (whole_ == Lack::kNone) return report;
    report.lack = whole_;
    report.error = error_;
    return report;
  }
  void Lacks(Integrity integrity, Encryption encryption, Lack lack, Lack also = Lack::kNone) {
    refusals_.push_back(
        {AF_INET, {integrity, encryption}, std::errc::function_not_supported, lack, also});
  }
  void LacksGcm() {
    Lacks(Integrity::kNull, Encryption::kAesGcm, Lack::kAesGcm);
    Lacks(Integrity::kAesGmac, Encryption::kNull, Lack::kAesGcm);
  }
  SettingsResult Parse(const std::string& text) {
    return ParseSettings(text, [this](xfrm::ProbeFamilies families) { return Ask(families); });
  }

  std::vector<xfrm::ProbeRefusal> refusals_;
  Lack whole_ = Lack::kNone;
  std::errc error_{};
  std::vector<xfrm::ProbeFamilies> families_;
};

TEST_F(EdgeKernelCheck, WhatIsThereIsSaidAndChangesNothing) {
  const SettingsResult result = Parse(With("allowed_algorithms = \"aes-cbc\""));
  EXPECT_EQ(result.Report("f"), "");
  EXPECT_THAT(result.kernel.lacks, IsEmpty());
  EXPECT_FALSE(result.kernel.is_unknown);
  EXPECT_EQ(result.kernel.works,
            "CAP_NET_ADMIN, XFRM, ESP for IPv4, hmac-sha-1-96=aes-cbc, hmac-md5-96=aes-cbc");
  EXPECT_EQ(result.settings.ipsec.allowed_algorithms.pairs().size(), 2u);
}

TEST_F(EdgeKernelCheck, TheFamiliesAskedForAreThoseOfTheProtectedSockets) {
  Parse(With(""));
  Parse(With("", "[2001:db8::10]"));
  Parse(With("", "192.0.2.10", "[2001:db8::10]"));
  Parse("[ipsec]\nsocket = 3\n");  // None is known: the algorithms are judged all the same.
  ASSERT_EQ(families_.size(), 4u);
  const auto are = [](xfrm::ProbeFamilies families) {
    return std::string(families.ipv4 ? "4" : "") + (families.ipv6 ? "6" : "");
  };
  EXPECT_EQ(are(families_[0]), "4");
  EXPECT_EQ(are(families_[1]), "6");
  EXPECT_EQ(are(families_[2]), "46");
  EXPECT_EQ(are(families_[3]), "4");
}

TEST_F(EdgeKernelCheck, TheListOfARuleIsJudgedAsTheOneOfAll) {
  LacksGcm();
  const std::string rule = "[[rule]]\nipsec_create = {algos = \"aes-gcm,hmac-sha-1-96=null\"}\n";
  SettingsResult result = Parse(With("allowed_algorithms = \"aes-cbc\"") + rule);
  EXPECT_EQ(result.Report("f"),
            std::string("f:10: error: rule.ipsec_create.algos: this kernel cannot do null=aes-gcm: "
                        "it lacks ") +
                kGcm + "; or leave out what it lacks by ipsec.missing_algorithms = \"drop\"\n");
  EXPECT_THAT(result.kernel.works, HasSubstr("hmac-sha-1-96=null"));
  result = Parse(With("allowed_algorithms = \"aes-cbc\"\nmissing_algorithms = \"drop\"") + rule);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.settings.rules[0].algos->pairs().size(), 1u);
}

TEST_F(EdgeKernelCheck, AlgorithmsTheKernelLacksAreWrongSettings) {
  LacksGcm();
  const SettingsResult result = Parse(With("allowed_algorithms = \"aes-gcm,aes-gmac,aes-cbc\""));
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.Report("f"),
            std::string("f:3: error: ipsec.allowed_algorithms: this kernel cannot do null=aes-gcm, "
                        "aes-gmac=null: it lacks ") +
                kGcm + "; or leave out what it lacks by ipsec.missing_algorithms = \"drop\"\n");
  EXPECT_THAT(result.kernel.works, Not(HasSubstr("gcm")));
  EXPECT_THAT(result.kernel.works, HasSubstr("hmac-sha-1-96=aes-cbc"));
}

TEST_F(EdgeKernelCheck, TheyStandAmongTheOtherMistakes) {
  LacksGcm();
  const SettingsResult result = Parse(With("replay_window = 0"));
  EXPECT_THAT(result.Report("f"), HasSubstr("f:3: error: ipsec.replay_window = 0"));
  EXPECT_THAT(result.Report("f"), HasSubstr("f:1: error: ipsec.allowed_algorithms: this kernel"));
}

TEST_F(EdgeKernelCheck, WhatIsNotAllowedIsNotMissed) {
  LacksGcm();
  EXPECT_EQ(Parse(With("allowed_algorithms = \"hmac-sha-1-96\"")).Report("f"), "");
  const SettingsResult bad = Parse(With("allowed_algorithms = \"rot13\""));
  EXPECT_THAT(bad.Report("f"), Not(HasSubstr("this kernel"))) << "what is meant is not known";
}

TEST_F(EdgeKernelCheck, DroppedOnesLeaveTheOfferWithAWarning) {
  LacksGcm();
  const SettingsResult result =
      Parse(With("allowed_algorithms = \"aes-gcm,aes-gmac,hmac-sha-1-96=null\"\n"
                 "missing_algorithms = \"drop\""));
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.Report("f"),
            std::string("f:3: warning: ipsec.allowed_algorithms: null=aes-gcm, aes-gmac=null not "
                        "offered, this kernel cannot do it: it lacks ") +
                kGcm + "\n");
  EXPECT_THAT(result.settings.ipsec.allowed_algorithms.pairs(),
              ElementsAre(xfrm::Algorithms{Integrity::kHmacSha1_96, Encryption::kNull}));
}

TEST_F(EdgeKernelCheck, DroppingAllIsAnError) {
  LacksGcm();
  const SettingsResult result =
      Parse(With("disable_deprecated_algorithms = true\nmissing_algorithms = \"drop\""));
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(result.Report("f"),
              HasSubstr("f:1: error: ipsec.missing_algorithms = \"drop\" leaves nothing of "
                        "ipsec.allowed_algorithms\n"));
}

TEST_F(EdgeKernelCheck, Pitfall12EachReasonIsAMessageOfItsOwn) {
  Lacks(Integrity::kHmacMd5_96, Encryption::kDesEde3Cbc, Lack::kHmacMd5, Lack::kDesEde3Cbc);
  Lacks(Integrity::kHmacMd5_96, Encryption::kNull, Lack::kHmacMd5);
  Lacks(Integrity::kHmacSha1_96, Encryption::kNull, Lack::kOther);
  const std::string report = Parse(With("")).Report("f");
  EXPECT_THAT(report, HasSubstr("cannot do hmac-md5-96=des-ede3-cbc: it lacks HMAC-MD5 "
                                "(CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_MD5; modprobe -a hmac md5) and "
                                "3DES in CBC mode (CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_DES; modprobe "
                                "-a cbc des_generic)"));
  EXPECT_THAT(report, HasSubstr("cannot do hmac-md5-96=null: it lacks HMAC-MD5 (CONFIG"));
  EXPECT_THAT(report, HasSubstr("cannot do hmac-sha-1-96=null: it refuses such SAs (ENOSYS: "));
}

TEST_F(EdgeKernelCheck, WithoutEspItIsTheKernelThatIsWrong) {
  refusals_.push_back({AF_INET6,
                       {Integrity::kHmacSha1_96, Encryption::kNull},
                       std::errc::protocol_not_supported,
                       Lack::kEspIpv6,
                       Lack::kNone});
  const SettingsResult result = Parse(With("", "192.0.2.10", "[2001:db8::10]"));
  EXPECT_TRUE(result.ok()) << result.Report("f");
  EXPECT_THAT(result.kernel.lacks,
              ElementsAre("the kernel lacks ESP for IPv6 (CONFIG_INET6_ESP; modprobe esp6)"));
  EXPECT_FALSE(result.kernel.is_unknown);
  EXPECT_THAT(result.kernel.works, HasSubstr("ESP for IPv4"));
  EXPECT_THAT(result.kernel.works, Not(HasSubstr("ESP for IPv6")));
}

TEST_F(EdgeKernelCheck, Pitfall12NoXfrmAndNoRightAreDifferentThings) {
  whole_ = Lack::kXfrm;
  error_ = std::errc::protocol_not_supported;
  const SettingsResult none = Parse(With(""));
  EXPECT_TRUE(none.ok());
  EXPECT_THAT(none.kernel.lacks,
              ElementsAre("the kernel has no IPsec at all: it lacks XFRM netlink "
                          "(CONFIG_XFRM_USER; modprobe xfrm_user)"));
  EXPECT_FALSE(none.kernel.is_unknown);

  whole_ = Lack::kRight;
  error_ = std::errc::operation_not_permitted;
  const SettingsResult denied = Parse(With(""));
  EXPECT_THAT(denied.kernel.lacks,
              ElementsAre("the kernel could not be asked: EPERM: no right to change SAs and "
                          "policies (needs CAP_NET_ADMIN)"));
  EXPECT_TRUE(denied.kernel.is_unknown);
}

TEST_F(EdgeKernelCheck, ALostAnswerIsUnknown) {
  whole_ = Lack::kOther;
  error_ = std::errc::timed_out;
  const SettingsResult result = Parse(With("missing_algorithms = \"drop\""));
  EXPECT_TRUE(result.kernel.is_unknown);
  EXPECT_THAT(result.kernel.lacks, ElementsAre(HasSubstr("ETIMEDOUT")));
  EXPECT_EQ(result.settings.ipsec.allowed_algorithms.pairs().size(), 8u) << "none is dropped";
}

TEST_F(EdgeKernelCheck, WhoIsNotAskedIsNotBlamed) {
  const SettingsResult result = ParseSettings(With(""));
  EXPECT_TRUE(result.ok());
  EXPECT_THAT(result.kernel.lacks, IsEmpty());
  EXPECT_EQ(result.kernel.works, "");
  Parse("[ipsec\n");  // Not even TOML.
  EXPECT_THAT(families_, IsEmpty());
}

}  // namespace
}  // namespace edge
