// Devices that take part in ESP, as drivers of Linux 6.2 and later do.
#include "tests/xfrm_conformance.h"
#include "xfrm/fake_offload.h"

namespace xfrm {
namespace {

using ::testing::SizeIs;

constexpr int kEth = 7;
constexpr std::errc kUnsupported = std::errc::operation_not_supported;
constexpr std::errc kFull = std::errc::no_space_on_device;

class XfrmFakeOffload : public KernelTest {
 protected:
  void Device(OffloadKind can, std::errc refusal = {}) {
    static_cast<FakeKernelUnderTest&>(*kernel_).fake().SetOffloadDevice({kEth, can, refusal});
  }
  Sa SaWith(OffloadKind kind, uint32_t spi = 1000) const {
    Sa sa = SampleSa(&keys_, spi);
    sa.offload = {kind, kEth};
    return sa;
  }
  static Policy PolicyOnDevice() {
    Policy policy = SamplePolicy(Direction::kOut);
    policy.offload = {OffloadKind::kPacket, kEth};
    return policy;
  }
  const EspKeys keys_{{Integrity::kNull, Encryption::kAesGcm}, SampleIk(), SampleCk()};
};

INSTANTIATE_TEST_SUITE_P(Kernel, XfrmFakeOffload, ::testing::Values(Which::kFake), NameOf);

TEST_P(XfrmFakeOffload, ASaOnADeviceIsShownOnIt) {
  Device(OffloadKind::kPacket);
  EXPECT_EQ(Add(SaWith(OffloadKind::kCrypto)), kOk);
  ASSERT_THAT(Sas(), SizeIs(1));
  EXPECT_EQ(Sas()[0].offload, (Offload{OffloadKind::kCrypto, kEth}));
  EXPECT_EQ(Delete(SaWith(OffloadKind::kCrypto).id()), kOk);
  EXPECT_EQ(Add(SaWith(OffloadKind::kPacket)), kOk);
  EXPECT_EQ(Sas()[0].offload, (Offload{OffloadKind::kPacket, kEth}));
  // Beside the device stands the replay state, as ever.
  EXPECT_EQ(One([&](Batch* batch) { batch->GetReplay(SaWith(OffloadKind::kNone).id()); }), kOk);
  EXPECT_EQ(replies_[0].kind, ReplyKind::kReplay);
}

TEST_P(XfrmFakeOffload, ADriverThatCannotIsLeftOutOfCryptoAndRefusesPacket) {
  Device(OffloadKind::kPacket, kUnsupported);
  EXPECT_EQ(Add(SaWith(OffloadKind::kCrypto)), kOk);
  EXPECT_EQ(Sas()[0].offload, Offload());
  EXPECT_EQ(Add(SaWith(OffloadKind::kPacket, 1001)), kUnsupported);
  Device(OffloadKind::kCrypto);
  EXPECT_EQ(Add(SaWith(OffloadKind::kPacket, 1001)), kUnsupported);
}

TEST_P(XfrmFakeOffload, ADriverThatRefusesIsHeard) {
  Device(OffloadKind::kPacket, kFull);
  EXPECT_EQ(Add(SaWith(OffloadKind::kCrypto)), kFull);
  EXPECT_EQ(Add(SaWith(OffloadKind::kPacket)), kFull);
  EXPECT_EQ(Add(PolicyOnDevice()), kFull);
  EXPECT_THAT(Sas(), SizeIs(0));
}

TEST_P(XfrmFakeOffload, PoliciesAreForPacketAlone) {
  EXPECT_EQ(Add(PolicyOnDevice()), kInvalid) << "no such device";
  Device(OffloadKind::kCrypto);
  EXPECT_EQ(Add(PolicyOnDevice()), kInvalid);
  Device(OffloadKind::kPacket);
  EXPECT_EQ(Add(PolicyOnDevice()), kOk);
  ASSERT_THAT(Policies(), SizeIs(1));
  EXPECT_EQ(Policies()[0].offload, (Offload{OffloadKind::kPacket, kEth}));
  Policy policy = PolicyOnDevice();
  policy.offload = {};
  EXPECT_EQ(Update(policy), kOk);
  EXPECT_EQ(Policies()[0].offload, Offload());
  policy.offload = {OffloadKind::kCrypto, kEth};
  EXPECT_EQ(Update(policy), kInvalid);
}

}  // namespace
}  // namespace xfrm
