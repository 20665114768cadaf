// The fixtures of the suites that run against both kernels: xfrm_conformance_test and
// xfrm_fake_check_test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

#include "tests/xfrm_kernels.h"
#include "xfrm/wire.h"

namespace xfrm {

constexpr std::errc kOk{};
constexpr std::errc kExists = std::errc::file_exists;
constexpr std::errc kInvalid = std::errc::invalid_argument;
constexpr std::errc kUnknown = std::errc::function_not_supported;
constexpr std::errc kNoSuchSa = std::errc::no_such_process;
constexpr std::errc kNoSuchPolicy = std::errc::no_such_file_or_directory;

enum class Which { kFake, kReal };

// A case run once with each kernel.
class KernelTest : public ::testing::TestWithParam<Which> {
 protected:
  void SetUp() override {
    if (GetParam() == Which::kFake) {
      kernel_ = std::make_unique<FakeKernelUnderTest>();
      return;
    }
    std::string reason;
    kernel_ = RealKernel::Make(&reason);
    if (kernel_ == nullptr) GTEST_SKIP() << reason;
  }

  // What the batch comes to; the datagrams stay in answers_.
  std::vector<std::errc> Run(Batch* batch) {
    BatchVerdict verdict;
    verdict.Start(batch->first(), batch->count());
    answers_ = kernel_->Send(batch->Seal());
    replies_ = ReadAll(answers_);
    for (const Reply& reply : replies_) verdict.Apply(reply);
    EXPECT_TRUE(verdict.complete());
    std::vector<std::errc> errors;
    for (int i = 0; verdict.complete() && i < batch->count(); ++i) {
      errors.push_back(verdict.error(i));
    }
    return errors;
  }

  template <typename Fill>
  std::errc One(Fill fill) {
    batch_.Clear(sequence_);
    fill(&batch_);
    sequence_ += static_cast<uint32_t>(batch_.count());
    const std::vector<std::errc> errors = Run(&batch_);
    return errors.empty() ? std::errc::timed_out : errors.back();
  }
  std::errc Add(const Sa& sa) {
    return One([&](Batch* batch) { batch->AddSa(sa); });
  }
  std::errc Update(const Sa& sa) {
    return One([&](Batch* batch) { batch->UpdateSa(sa); });
  }
  std::errc Delete(const SaId& id) {
    return One([&](Batch* batch) { batch->DeleteSa(id); });
  }
  std::errc Add(const Policy& policy) {
    return One([&](Batch* batch) { batch->AddPolicy(policy); });
  }
  std::errc Update(const Policy& policy) {
    return One([&](Batch* batch) { batch->UpdatePolicy(policy); });
  }
  std::errc Delete(const Policy& policy) {
    return One([&](Batch* batch) { batch->DeletePolicy(policy); });
  }

  std::vector<SaInfo> Sas() {
    EXPECT_EQ(One([](Batch* batch) { batch->DumpSas(); }), kOk);
    std::vector<SaInfo> sas;
    for (const Reply& reply : replies_) {
      if (reply.kind == ReplyKind::kSa) sas.push_back(reply.sa);
    }
    return sas;
  }
  std::vector<SaInfo> Get(const SaId& id) {
    EXPECT_EQ(One([&](Batch* batch) { batch->GetSa(id); }), kOk);
    std::vector<SaInfo> sas;
    for (const Reply& reply : replies_) {
      if (reply.kind == ReplyKind::kSa) sas.push_back(reply.sa);
    }
    return sas;
  }
  std::vector<uint32_t> Spis() {
    std::vector<uint32_t> spis;
    for (const SaInfo& sa : Sas()) spis.push_back(sa.id.spi);
    return spis;
  }
  std::vector<PolicyInfo> Policies() {
    EXPECT_EQ(One([](Batch* batch) { batch->DumpPolicies(); }), kOk);
    std::vector<PolicyInfo> policies;
    for (const Reply& reply : replies_) {
      if (reply.kind == ReplyKind::kPolicy) policies.push_back(reply.policy);
    }
    return policies;
  }

  // The answer to one request that no Batch would write; sequence 1, acknowledged.
  Reply RunBytes(std::span<const std::byte> bytes) {
    answers_ = kernel_->Send(bytes);
    replies_ = ReadAll(answers_);
    EXPECT_EQ(replies_.size(), 1u);
    return replies_.empty() ? Reply() : replies_[0];
  }

  // The same for what stands in batch_, with other bytes at `offset` after the header.
  Reply RunPatched(size_t offset, const std::vector<uint8_t>& bytes) {
    const std::span<const std::byte> sealed = batch_.Seal();
    std::vector<std::byte> patched(sealed.begin(), sealed.end());
    std::memcpy(patched.data() + sizeof(nlmsghdr) + offset, bytes.data(), bytes.size());
    return RunBytes(patched);
  }

  std::unique_ptr<Kernel> kernel_;
  Batch batch_;
  uint32_t sequence_ = 1;
  Datagrams answers_;
  std::vector<Reply> replies_;
};

// The cases that need ESP in the kernel.
class EspKernelTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    const std::errc error = Add(SampleSa(&keys_, kProbeSpi));
    if (error == std::errc::protocol_not_supported) GTEST_SKIP() << Explain(error);
    ASSERT_EQ(error, kOk) << Explain(error);
    ASSERT_EQ(Delete({SampleSelector().destination, kProbeSpi}), kOk);
  }

  static constexpr uint32_t kProbeSpi = 999;
  const EspKeys keys_{{Integrity::kHmacSha1_96, Encryption::kAesCbc}, SampleIk(), SampleCk()};
};

inline std::string NameOf(const ::testing::TestParamInfo<Which>& which) {
  return which.param == Which::kFake ? "Fake" : "Real";
}

}  // namespace xfrm
