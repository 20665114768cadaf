// One suite, two kernels: devices that take no part in ESP. What a device that does take part says
// is its driver's, and in tests/xfrm_fake_offload_test.cc.
#include "tests/xfrm_conformance.h"

namespace xfrm {
namespace {

using ::testing::SizeIs;

constexpr int kNoDevice = 9999;
constexpr int kLoopback = 1;

class XfrmConformanceOffload : public EspKernelTest {
 protected:
  void SetUp() override {
    EspKernelTest::SetUp();
    if (IsSkipped() || GetParam() != Which::kFake) return;
    static_cast<FakeKernelUnderTest&>(*kernel_).fake().SetOffloadDevice(
        {kLoopback, OffloadKind::kNone, {}});
  }
  Sa SaOn(int interface, OffloadKind kind, Direction direction = Direction::kIn) const {
    Sa sa = SampleSa(&keys_);
    sa.direction = direction;
    sa.offload = {kind, interface};
    return sa;
  }
};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmConformanceOffload,
                         ::testing::Values(Which::kFake, Which::kReal), NameOf);

TEST_P(XfrmConformanceOffload, CryptoIsDoneWithoutADeviceThatTakesNoPartAndNothingSaysSo) {
  for (const int interface : {kNoDevice, kLoopback}) {
    for (const Direction direction : {Direction::kIn, Direction::kOut}) {
      const Sa sa = SaOn(interface, OffloadKind::kCrypto, direction);
      EXPECT_EQ(Add(sa), kOk);
      ASSERT_THAT(Sas(), SizeIs(1));
      EXPECT_EQ(Sas()[0].offload, Offload());
      EXPECT_EQ(Delete(sa.id()), kOk);
    }
  }
}

TEST_P(XfrmConformanceOffload, PacketIsRefusedWithoutADeviceThatTakesPart) {
  for (const int interface : {kNoDevice, kLoopback}) {
    EXPECT_EQ(Add(SaOn(interface, OffloadKind::kPacket)), kInvalid);
  }
  EXPECT_THAT(Sas(), SizeIs(0));
}

TEST_P(XfrmConformanceOffload, RefusesFlagsNobodyKnows) {
  batch_.Clear(1);
  batch_.AddSa(SaOn(kLoopback, OffloadKind::kCrypto));
  // The last attribute's last octets: index, flags, padding.
  const size_t flags_at = batch_.Seal().size() - sizeof(nlmsghdr) - 4;
  const Reply reply = RunPatched(flags_at, {0x80});
  EXPECT_EQ(reply.error, kInvalid);
  EXPECT_EQ(reply.explanation, "Unrecognized flags in offload request");
}

TEST_P(XfrmConformanceOffload, AnUpdateAsksNoDevice) {
  Sa sa = SaOn(kLoopback, OffloadKind::kCrypto);
  EXPECT_EQ(Add(sa), kOk);
  sa.hard_seconds = 3600;
  sa.offload.kind = OffloadKind::kPacket;
  EXPECT_EQ(Update(sa), kOk);
  EXPECT_EQ(Sas()[0].hard_seconds, 3600u);
}

}  // namespace
}  // namespace xfrm
