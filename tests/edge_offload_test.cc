#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/xfrm.h>

#include "edge/offload.h"
#include "xfrm/fake_kernel.h"

namespace edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using xfrm::Encryption;
using xfrm::Integrity;
using xfrm::Offload;
using xfrm::OffloadKind;

constexpr int kEth = 7;
constexpr xfrm::Algorithms kGcm{Integrity::kNull, Encryption::kAesGcm};
constexpr xfrm::Algorithms kSha1{Integrity::kHmacSha1_96, Encryption::kNull};

class EdgeOffload : public testing::Test {
 protected:
  EdgeOffload() {
    SettingsResult result = ParseSettings(
        "[ipsec]\nsocket = [\"ipsec:192.0.2.10:5100\", \"ipsec:192.0.2.10:6100\",\n"
        "\"ipsec:[2001:db8::10]:5100\", \"ipsec:[2001:db8::10]:6100\"]\n"
        "allowed_algorithms = \"null=aes-gcm,hmac-sha-1-96=null\"\n"
        "offload = \"crypto\"\noffload_device = \"eth0\"\n"
        "[gm]\nlisten = \"192.0.2.10\"\n[core]\nlisten = \"198.51.100.10\"\n"
        "next_hop = \"198.51.100.20\"\n");
    EXPECT_TRUE(result.ok()) << result.Report("f");
    settings_ = result.settings;
  }
  OffloadPlan Plan(int interface = kEth) {
    return PlanOffload(settings_, interface,
                       [this](xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                              const std::function<void(const xfrm::Reply&)>& look) {
                         return Transact(batch, verdict, look);
                       });
  }
  std::errc Transact(xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                     const std::function<void(const xfrm::Reply&)>& look) {
    verdict->Start(batch->first(), batch->count());
    std::vector<std::vector<std::byte>> answers;
    kernel_.Send(batch->Seal(), 1, &answers);
    for (const std::vector<std::byte>& answer : answers) {
      xfrm::ReplyReader reader(answer);
      for (xfrm::Reply reply; reader.Next(&reply);) {
        verdict->Apply(reply);
        const bool is_record =
            reply.kind == xfrm::ReplyKind::kSa || reply.kind == xfrm::ReplyKind::kPolicy;
        if (is_record) look(reply);
      }
    }
    return verdict->complete() ? std::errc{} : std::errc::timed_out;
  }

  Settings settings_;
  xfrm::FakeKernel kernel_;
};

TEST_F(EdgeOffload, NobodyIsAskedWhoIsNotWanted) {
  settings_.ipsec.offload = OffloadKind::kNone;
  int requests = 0;
  kernel_.SetFault([&](uint16_t, int) {
    ++requests;
    return std::errc{};
  });
  OffloadPlan plan = Plan();
  EXPECT_EQ(requests, 0);
  EXPECT_EQ(plan.For(kGcm, 0), Offload());
  EXPECT_THAT(plan.fallbacks(), IsEmpty());
  EXPECT_FALSE(plan.OnRefused(std::errc::invalid_argument, 0));
}

TEST_F(EdgeOffload, WhatTheDeviceTakesIsOnIt) {
  kernel_.SetOffloadDevice({kEth, OffloadKind::kCrypto, {}});
  const OffloadPlan plan = Plan();
  EXPECT_THAT(plan.fallbacks(), IsEmpty());
  EXPECT_EQ(plan.For(kGcm, 0), (Offload{OffloadKind::kCrypto, kEth}));
  EXPECT_EQ(plan.For(kSha1, 0), (Offload{OffloadKind::kCrypto, kEth}));
  EXPECT_EQ(plan.For({Integrity::kAesGmac, Encryption::kNull}, 0), Offload()) << "not allowed";
  EXPECT_EQ(plan.ForPolicies(), Offload());
  EXPECT_EQ(kernel_.sa_count(), 0u) << "what was tried is gone";
}

TEST_F(EdgeOffload, ADeviceThatIsNotThereOrTakesNoPartIsDoneWithout) {
  EXPECT_THAT(Plan(0).fallbacks(),
              ElementsAre("ESP stays in the kernel, not on the device eth0: there is no such "
                          "device"));
  kernel_.SetOffloadDevice({kEth, OffloadKind::kNone, {}});
  const OffloadPlan plan = Plan();
  EXPECT_THAT(plan.fallbacks(),
              ElementsAre("ESP with null=aes-gcm stays in the kernel, not on the device eth0: the "
                          "device takes no part in ESP",
                          HasSubstr("hmac-sha-1-96=null")));
  EXPECT_EQ(plan.For(kGcm, 0), Offload());
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

TEST_F(EdgeOffload, APairThatTheDeviceRefusesDoesWithoutTheOthersDoNot) {
  kernel_.SetOffloadDevice({kEth, OffloadKind::kCrypto, {}});
  // NEWSA, GETSA, DELSA; in and out; IPv4 and IPv6: twelve requests a pair.
  kernel_.SetFault([](uint16_t type, int ordinal) {
    const bool is_sha1 = ordinal >= 12;
    return type == XFRM_MSG_NEWSA && is_sha1 ? std::errc::invalid_argument : std::errc{};
  });
  const OffloadPlan plan = Plan();
  EXPECT_EQ(plan.For(kGcm, 0).kind, OffloadKind::kCrypto);
  EXPECT_EQ(plan.For(kSha1, 0), Offload());
  EXPECT_THAT(plan.fallbacks(), ElementsAre(HasSubstr("ESP with hmac-sha-1-96=null stays in the "
                                                      "kernel, not on the device eth0: EINVAL: ")));
}

TEST_F(EdgeOffload, APairMustDoInEachFamilyAndBothWays) {
  kernel_.SetOffloadDevice({kEth, OffloadKind::kCrypto, {}});
  for (int failing = 0; failing < 12; failing += 3) {
    kernel_.SetFault([failing](uint16_t, int ordinal) {
      return ordinal == failing ? std::errc::operation_not_supported : std::errc{};
    });
    const OffloadPlan plan = Plan();
    EXPECT_EQ(plan.For(kGcm, 0), Offload()) << failing;
    EXPECT_EQ(plan.For(kSha1, 0).kind, OffloadKind::kCrypto) << failing;
    EXPECT_EQ(kernel_.sa_count(), 0u);
  }
}

TEST_F(EdgeOffload, PacketTakesThePoliciesAlong) {
  settings_.ipsec.offload = OffloadKind::kPacket;
  kernel_.SetOffloadDevice({kEth, OffloadKind::kPacket, {}});
  const OffloadPlan plan = Plan();
  EXPECT_THAT(plan.fallbacks(), IsEmpty());
  EXPECT_EQ(plan.For(kSha1, 0), (Offload{OffloadKind::kPacket, kEth}));
  EXPECT_EQ(plan.ForPolicies(), (Offload{OffloadKind::kPacket, kEth}));
  ASSERT_THAT(kernel_.Policies(), SizeIs(8));
  for (const xfrm::PolicyInfo& policy : kernel_.Policies()) {
    EXPECT_EQ(policy.offload, plan.ForPolicies());
  }
}

TEST_F(EdgeOffload, PacketIsOfAllOrNothing) {
  settings_.ipsec.offload = OffloadKind::kPacket;
  kernel_.SetOffloadDevice({kEth, OffloadKind::kPacket, {}});
  kernel_.SetFault([](uint16_t, int ordinal) {
    return ordinal == 12 ? std::errc::operation_not_supported : std::errc{};
  });
  OffloadPlan plan = Plan();
  EXPECT_EQ(plan.For(kGcm, 0), Offload());
  EXPECT_EQ(plan.ForPolicies(), Offload());
  EXPECT_THAT(plan.fallbacks(), ElementsAre(HasSubstr("ESP with hmac-sha-1-96=null"),
                                            HasSubstr("all ESP stays in the kernel")));
  EXPECT_EQ(kernel_.policy_count(), 0u);

  kernel_.SetFault([](uint16_t type, int) {
    return type == XFRM_MSG_UPDPOLICY ? std::errc::invalid_argument : std::errc{};
  });
  plan = Plan();
  EXPECT_EQ(plan.For(kGcm, 0), Offload());
  EXPECT_THAT(plan.fallbacks(), ElementsAre(HasSubstr("EINVAL")));

  kernel_.SetFault(nullptr);
  kernel_.SetOffloadDevice({kEth, OffloadKind::kCrypto, {}});
  EXPECT_EQ(Plan().ForPolicies(), Offload());
}

TEST_F(EdgeOffload, ALaterRefusalIsAMinuteWithoutTheDevice) {
  kernel_.SetOffloadDevice({kEth, OffloadKind::kCrypto, {}});
  OffloadPlan plan = Plan();
  EXPECT_TRUE(plan.OnRefused(std::errc::no_space_on_device, 5000));
  EXPECT_FALSE(plan.OnRefused(std::errc::no_space_on_device, 5001)) << "told once";
  EXPECT_EQ(plan.For(kGcm, 5001), Offload());
  EXPECT_EQ(plan.For(kGcm, 5000 + OffloadPlan::kRetryMs - 1), Offload());
  EXPECT_EQ(plan.For(kGcm, 5000 + OffloadPlan::kRetryMs).kind, OffloadKind::kCrypto);
  EXPECT_TRUE(plan.OnRefused(std::errc::no_space_on_device, 5000 + OffloadPlan::kRetryMs));
}

TEST_F(EdgeOffload, WhatIsNoFaultOfTheDeviceIsNotHeldAgainstIt) {
  kernel_.SetOffloadDevice({kEth, OffloadKind::kPacket, {}});
  OffloadPlan plan = Plan();
  for (const std::errc error :
       {std::errc::file_exists, std::errc::timed_out, std::errc::operation_not_permitted,
        std::errc::no_buffer_space, std::errc::no_such_process}) {
    EXPECT_FALSE(plan.OnRefused(error, 5000));
  }
  EXPECT_EQ(plan.For(kGcm, 5001).kind, OffloadKind::kCrypto);
  settings_.ipsec.offload = OffloadKind::kPacket;
  plan = Plan();
  EXPECT_FALSE(plan.OnRefused(std::errc::no_space_on_device, 5000)) << "there is no way without";
  EXPECT_EQ(plan.For(kGcm, 5001).kind, OffloadKind::kPacket);
}

}  // namespace
}  // namespace edge
