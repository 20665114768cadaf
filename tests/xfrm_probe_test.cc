// Both kernels are asked; the fake one is made to lack one thing after the other.
#include <set>

#include "tests/xfrm_conformance.h"
#include "xfrm/probe.h"

namespace xfrm {
namespace {

constexpr int kPairs = static_cast<int>(std::size(kLegalAlgorithms));

bool HasPart(Algorithms pair, Integrity integrity) {
  return pair.integrity == integrity;
}
bool HasPart(Algorithms pair, Encryption encryption) {
  return pair.encryption == encryption;
}

class XfrmProbe : public testing::Test {
 protected:
  // Requests come in pairs, one for each pair of algorithms: NEWSA, DELSA; IPv4, then IPv6.
  using Refuses = std::function<std::errc(Algorithms pair, uint8_t family)>;
  void Make(const Refuses& refuses) {
    fake_.fake().SetFault([refuses](uint16_t type, int ordinal) {
      if (type != XFRM_MSG_NEWSA) return kOk;
      const int index = ordinal / 2;
      return refuses(kLegalAlgorithms[index % kPairs], index < kPairs ? AF_INET : AF_INET6);
    });
  }
  template <typename Part>
  void MakeLackName(Part part) {
    Make([part](Algorithms pair, uint8_t) { return HasPart(pair, part) ? kUnknown : kOk; });
  }
  std::errc Exchange(Batch* batch, BatchVerdict* verdict) {
    verdict->Start(batch->first(), batch->count());
    ++batches_;
    const Datagrams answers = fake_.Send(batch->Seal());
    for (const Reply& reply : ReadAll(answers)) verdict->Apply(reply);
    return verdict->complete() ? kOk : std::errc::timed_out;
  }
  ProbeReport Ask(ProbeFamilies families = {}, ProbeWay way = ProbeWay::kInstall) {
    return Probe([this](Batch* batch, BatchVerdict* verdict) { return Exchange(batch, verdict); },
                 families, way);
  }
  // Each refused pair was refused for this, and nothing else was.
  template <typename Part>
  void ExpectLacking(Part part, Lack lack) {
    const ProbeReport report = Ask({.ipv4 = true, .ipv6 = false});
    EXPECT_TRUE(report.is_complete());
    for (const Algorithms pair : kLegalAlgorithms) {
      const ProbeRefusal* refusal = report.RefusalOf(pair);
      ASSERT_EQ(refusal != nullptr, HasPart(pair, part)) << Name(lack);
      if (refusal == nullptr) continue;
      EXPECT_EQ(refusal->lack, lack) << Name(refusal->lack);
      EXPECT_EQ(refusal->also, Lack::kNone) << Name(refusal->also);
    }
    EXPECT_EQ(fake_.fake().sa_count(), 0u);
  }

  FakeKernelUnderTest fake_;
  int batches_ = 0;
};

TEST_F(XfrmProbe, AKernelThatHasAllIsAskedForAllAndKeepsNothing) {
  int requests = 0;
  fake_.fake().SetFault([&](uint16_t, int) {
    ++requests;
    return kOk;
  });
  const ProbeReport report = Ask();
  EXPECT_TRUE(report.is_complete());
  EXPECT_TRUE(report.refusals.empty());
  EXPECT_EQ(requests, 2 * 2 * kPairs);
  EXPECT_EQ(batches_, 2);
  EXPECT_EQ(fake_.fake().sa_count(), 0u);
}

TEST_F(XfrmProbe, OneFamilyIsEnoughToAskFor) {
  Make([](Algorithms, uint8_t) { return std::errc::protocol_not_supported; });
  const ProbeReport ipv4 = Ask({.ipv4 = true, .ipv6 = false});
  EXPECT_TRUE(ipv4.Lacks(Lack::kEspIpv4));
  EXPECT_FALSE(ipv4.Lacks(Lack::kEspIpv6));
  const ProbeReport ipv6 = Ask({.ipv4 = false, .ipv6 = true});
  EXPECT_TRUE(ipv6.Lacks(Lack::kEspIpv6));
  EXPECT_FALSE(ipv6.Lacks(Lack::kEspIpv4));
  EXPECT_EQ(batches_, 2);
}

TEST_F(XfrmProbe, AMissingAlgorithmIsToldFromTheOneBesideIt) {
  MakeLackName(Integrity::kHmacMd5_96);
  ExpectLacking(Integrity::kHmacMd5_96, Lack::kHmacMd5);
  MakeLackName(Integrity::kHmacSha1_96);
  ExpectLacking(Integrity::kHmacSha1_96, Lack::kHmacSha1);
  MakeLackName(Encryption::kDesEde3Cbc);
  ExpectLacking(Encryption::kDesEde3Cbc, Lack::kDesEde3Cbc);
  MakeLackName(Encryption::kAesCbc);
  ExpectLacking(Encryption::kAesCbc, Lack::kAesCbc);
  MakeLackName(Encryption::kAesGcm);
  ExpectLacking(Encryption::kAesGcm, Lack::kAesGcm);
  MakeLackName(Integrity::kAesGmac);
  ExpectLacking(Integrity::kAesGmac, Lack::kAesGcm);
}

TEST_F(XfrmProbe, OfTwoMissingAlgorithmsInOnePairBothAreNamed) {
  Make([](Algorithms pair, uint8_t) {
    const bool lacks =
        pair.integrity == Integrity::kHmacMd5_96 || pair.encryption == Encryption::kDesEde3Cbc;
    return lacks ? kUnknown : kOk;
  });
  const ProbeReport report = Ask();
  const ProbeRefusal* both = report.RefusalOf({Integrity::kHmacMd5_96, Encryption::kDesEde3Cbc});
  ASSERT_NE(both, nullptr);
  EXPECT_EQ(both->lack, Lack::kHmacMd5);
  EXPECT_EQ(both->also, Lack::kDesEde3Cbc);
  const ProbeRefusal* one = report.RefusalOf({Integrity::kHmacMd5_96, Encryption::kAesCbc});
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(one->lack, Lack::kHmacMd5);
  EXPECT_EQ(one->also, Lack::kNone);
  EXPECT_EQ(report.RefusalOf({Integrity::kHmacSha1_96, Encryption::kNull}), nullptr);
}

TEST_F(XfrmProbe, NamesThatAreKnownAndCannotBeJoinedLackWhatJoinsThem) {
  Make([](Algorithms, uint8_t) { return std::errc::no_such_file_or_directory; });
  const ProbeReport report = Ask();
  EXPECT_EQ(report.RefusalOf({Integrity::kHmacSha1_96, Encryption::kNull})->lack, Lack::kAuthenc);
  EXPECT_EQ(report.RefusalOf({Integrity::kNull, Encryption::kAesGcm})->lack, Lack::kAesGcm);
}

TEST_F(XfrmProbe, WithoutEspNoAlgorithmIsBlamed) {
  Make([](Algorithms pair, uint8_t family) {
    if (pair.encryption == Encryption::kAesGcm) return kUnknown;
    return family == AF_INET6 ? std::errc::protocol_not_supported : kOk;
  });
  const ProbeReport report = Ask();
  EXPECT_TRUE(report.Lacks(Lack::kEspIpv6));
  EXPECT_FALSE(report.Lacks(Lack::kEspIpv4));
  EXPECT_EQ(report.RefusalOf({Integrity::kHmacSha1_96, Encryption::kAesCbc}), nullptr);
  EXPECT_EQ(report.RefusalOf({Integrity::kNull, Encryption::kAesGcm})->lack, Lack::kAesGcm);
}

TEST_F(XfrmProbe, WithoutIpv6InXfrmTheFamilyIsNamed) {
  Make([](Algorithms, uint8_t family) {
    return family == AF_INET6 ? std::errc::address_family_not_supported : kOk;
  });
  EXPECT_TRUE(Ask().Lacks(Lack::kIpv6));
}

TEST_F(XfrmProbe, AnyOtherRefusalIsToldAsItCame) {
  Make([](Algorithms pair, uint8_t) {  // A kernel in FIPS mode takes no 3DES with two keys.
    return pair.encryption == Encryption::kDesEde3Cbc ? kInvalid : kOk;
  });
  const ProbeRefusal refusal = *Ask().RefusalOf({Integrity::kHmacSha1_96, Encryption::kDesEde3Cbc});
  EXPECT_EQ(refusal.lack, Lack::kOther);
  EXPECT_EQ(refusal.error, kInvalid);
}

TEST_F(XfrmProbe, AnSaThatCannotBeDeletedIsNotThereForUs) {
  fake_.fake().SetFault([](uint16_t type, int ordinal) {
    return type == XFRM_MSG_DELSA && ordinal == 1 ? kInvalid : kOk;
  });
  const ProbeReport report = Ask({.ipv4 = true, .ipv6 = false});
  ASSERT_NE(report.RefusalOf(kLegalAlgorithms[0]), nullptr);
  EXPECT_EQ(report.RefusalOf(kLegalAlgorithms[0])->error, kInvalid);
}

TEST_F(XfrmProbe, WithoutTheRightNothingElseIsTold) {
  fake_.fake().SetFault([](uint16_t, int) { return std::errc::operation_not_permitted; });
  for (const ProbeWay way : {ProbeWay::kInstall, ProbeWay::kPretend}) {
    const ProbeReport report = Ask({}, way);
    EXPECT_EQ(report.lack, Lack::kRight);
    EXPECT_EQ(report.error, std::errc::operation_not_permitted);
    EXPECT_TRUE(report.refusals.empty());
  }
}

TEST_F(XfrmProbe, ALostAnswerIsNoReport) {
  fake_.fake().DropNextAnswers(1);
  const ProbeReport report = Ask();
  EXPECT_EQ(report.lack, Lack::kOther);
  EXPECT_EQ(report.error, std::errc::timed_out);
  EXPECT_FALSE(report.is_complete());
}

TEST_F(XfrmProbe, PretendingLeavesTheTablesAlone) {
  const EspKeys keys({}, SampleIk(), SampleCk());
  Batch batch;
  batch.Clear(1);
  batch.AddSa(SampleSa(&keys));
  fake_.Send(batch.Seal());
  int others = 0;
  fake_.fake().SetFault([&](uint16_t type, int) {
    others += type == XFRM_MSG_UPDSA ? 0 : 1;
    return kOk;
  });
  EXPECT_TRUE(Ask({}, ProbeWay::kPretend).refusals.empty());
  EXPECT_EQ(others, 0);
  EXPECT_EQ(fake_.fake().sa_count(), 1u);
}

TEST(XfrmProbeAccess, NoNetlinkFamilyIsNoXfrmAndNoRightIsNoRight) {
  const auto says = [](std::errc error) {
    std::errc told{};
    const Lack lack = ProbeAccess([&](Batch*, BatchVerdict*) { return error; }, &told);
    EXPECT_EQ(told, error);
    return lack;
  };
  EXPECT_EQ(says(std::errc::protocol_not_supported), Lack::kXfrm);
  EXPECT_EQ(says(std::errc::operation_not_permitted), Lack::kRight);
  EXPECT_EQ(says(std::errc::permission_denied), Lack::kRight);
  EXPECT_EQ(says(std::errc::timed_out), Lack::kOther);
}

TEST(XfrmProbeNames, EveryLackHasAName) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Lack::kOther); ++i) {
    const Lack lack = static_cast<Lack>(i);
    names.insert(Name(lack));
    EXPECT_FALSE(InfoOf(lack).what.empty());
    EXPECT_EQ(InfoOf(lack).options.empty(), InfoOf(lack).modules.empty());
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Lack::kOther) + 1);
  EXPECT_EQ(Name(Lack::kEspIpv6), "EspIpv6");
  EXPECT_EQ(InfoOf(Lack::kEspIpv6).modules, "esp6");
  EXPECT_EQ(InfoOf(Lack::kAesGcm).options, "CONFIG_CRYPTO_GCM, CONFIG_CRYPTO_SEQIV");
}

// --- One suite, two kernels ---

class XfrmProbeKernel : public KernelTest {
 protected:
  std::errc Exchange(Batch* batch, BatchVerdict* verdict) {
    verdict->Start(batch->first(), batch->count());
    const Datagrams answers = kernel_->Send(batch->Seal());
    for (const Reply& reply : ReadAll(answers)) verdict->Apply(reply);
    return verdict->complete() ? kOk : std::errc::timed_out;
  }
  ProbeReport Ask(ProbeWay way) {
    return Probe([this](Batch* batch, BatchVerdict* verdict) { return Exchange(batch, verdict); },
                 {}, way);
  }
};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmProbeKernel, ::testing::Values(Which::kFake, Which::kReal),
                         NameOf);

// Whatever it has, both ways of asking find the same, and neither leaves anything behind.
TEST_P(XfrmProbeKernel, PretendingTellsWhatInstallingTells) {
  const ProbeReport installed = Ask(ProbeWay::kInstall);
  const ProbeReport pretended = Ask(ProbeWay::kPretend);
  ASSERT_TRUE(installed.is_complete());
  ASSERT_EQ(installed.refusals.size(), pretended.refusals.size());
  for (size_t i = 0; i < installed.refusals.size(); ++i) {
    EXPECT_EQ(installed.refusals[i].algorithms, pretended.refusals[i].algorithms);
    EXPECT_EQ(installed.refusals[i].error, pretended.refusals[i].error);
    EXPECT_EQ(installed.refusals[i].lack, pretended.refusals[i].lack);
    EXPECT_NE(installed.refusals[i].lack, Lack::kOther) << Name(installed.refusals[i].error);
  }
  EXPECT_TRUE(Sas().empty());
}

TEST_P(XfrmProbeKernel, WithTheRightThereIsAccess) {
  std::errc error{};
  const Lack lack = ProbeAccess(
      [this](Batch* batch, BatchVerdict* verdict) { return Exchange(batch, verdict); }, &error);
  EXPECT_EQ(lack, Lack::kNone) << Name(error);
}

// The kernel of the lab has all of it.
TEST_P(XfrmProbeKernel, AKernelWithEspHasEveryAlgorithm) {
  const ProbeReport report = Ask(ProbeWay::kInstall);
  if (report.Lacks(Lack::kEspIpv4)) GTEST_SKIP() << "this kernel has no ESP";
  EXPECT_TRUE(report.refusals.empty());
}

}  // namespace
}  // namespace xfrm
