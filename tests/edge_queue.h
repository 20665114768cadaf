// A kernel queue between the fake kernel and a list of what was told.
#pragma once

#include <gtest/gtest.h>
#include <linux/xfrm.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "edge/kernel_queue.h"
#include "edge/limits.h"
#include "xfrm/fake_kernel.h"

namespace edge {

inline constexpr std::errc kOk{};
inline constexpr uint32_t kReqid = 7;
inline constexpr SetId kPerTurn = kKernelRequestsPerTurn / kSasPerSet;

class QueueTest : public testing::Test, protected KernelLink, protected KernelSink {
 protected:
  // The set `number`: its SPIs are its own, but for the phone's where said otherwise.
  static Agreement AgreementOf(SetId number, uint32_t spi_uc = 0) {
    Agreement agreement;
    EXPECT_TRUE(reactor::ParseAddress("198.51.100.77", 0, &agreement.ue));
    EXPECT_TRUE(reactor::ParseAddress("192.0.2.10", 0, &agreement.pcscf));
    const uint32_t base = 1000 + static_cast<uint32_t>(number) * 10;
    agreement.port_uc = 37001;
    agreement.port_us = 37002;
    agreement.port_pc = 6102;
    agreement.port_ps = 6101;
    agreement.spi_uc = spi_uc != 0 ? spi_uc : base;
    agreement.spi_us = base + 1;
    agreement.spis = {.client = base + 2, .server = base + 3};
    return agreement;
  }
  static SaArray Sas(const Agreement& agreement, uint32_t hard_seconds = 60) {
    static const xfrm::EspKeys keys({xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc},
                                    xfrm::Key(), xfrm::Key());
    return MakeSas(agreement, keys, kReqid, hard_seconds, 32);
  }
  void Install(SetId set) { queue_.Install(set, Sas(AgreementOf(set))); }
  void Delete(SetId set, uint32_t spi_uc = 0, bool certain = true) {
    queue_.Delete(set, MakeSaIds(AgreementOf(set, spi_uc), false), certain);
  }

  // One turn: sends, and hands over what the kernel says.
  void Turn() {
    queue_.Flush(now_ms_);
    HandOver();
  }
  void HandOver() {
    const std::vector<std::vector<std::byte>> answers = std::move(answers_);
    answers_.clear();
    for (const std::vector<std::byte>& answer : answers) queue_.OnReply(answer);
  }
  void Pass(uint64_t ms) {
    now_ms_ += ms;
    queue_.OnTime(now_ms_);
  }
  // The next request of that type whose ordinal among them is `ordinal` fails so.
  void FailOne(uint16_t type, int ordinal, std::errc error) {
    auto seen = std::make_shared<int>(0);
    kernel_.SetFault([=](uint16_t requested, int) {
      return requested == type && (*seen)++ == ordinal ? error : kOk;
    });
  }
  std::set<uint32_t> SpisInKernel() const {
    std::set<uint32_t> spis;
    for (const xfrm::SaInfo& sa : kernel_.Sas()) spis.insert(sa.id.spi);
    return spis;
  }
  static std::set<uint32_t> SpisOf(SetId number) {
    const uint32_t base = 1000 + static_cast<uint32_t>(number) * 10;
    return {base, base + 1, base + 2, base + 3};
  }
  using Lines = std::vector<std::string>;
  Lines Told() { return std::exchange(told_, {}); }
  Lines ToldSorted() {
    std::sort(told_.begin(), told_.end());
    return Told();
  }
  static size_t CountOf(const Lines& lines, const std::string& beginning) {
    return static_cast<size_t>(
        std::count_if(lines.begin(), lines.end(),
                      [&](const std::string& line) { return line.starts_with(beginning); }));
  }

  bool Send(std::span<const std::byte> batch) override {
    if (!link_takes_) return false;
    ++batches_;
    requests_ = 0;
    for (size_t at = 0; at < batch.size(); ++requests_) {
      uint32_t size;  // nlmsg_len is the first of a message.
      std::memcpy(&size, batch.data() + at, sizeof(size));
      at += size;
    }
    kernel_.Send(batch, now_ms_ / 1000, &answers_);
    return true;
  }
  void OnInstalled(SetId set, std::errc error, std::string_view words) override {
    Note("installed", set, error, words);
  }
  void OnExtended(SetId set, std::errc error, std::string_view words) override {
    Note("extended", set, error, words);
  }
  void OnDeleted(SetId set) override { Note("deleted", set, kOk, ""); }
  void OnRedirected(SetId set) override { redirected_.push_back(set); }
  void Note(const char* what, SetId set, std::errc error, std::string_view words) {
    std::string line = std::string(what) + " " + std::to_string(set);
    if (error != kOk) line += " " + std::string(xfrm::Name(error));
    words_.emplace_back(words);
    told_.push_back(line);
  }

  xfrm::FakeKernel kernel_;
  Stats stats_;
  KernelQueue queue_{this, this, kReqid, &stats_};
  uint64_t now_ms_ = 10'000;
  bool link_takes_ = true;
  int batches_ = 0;
  int requests_ = 0;  // Of the last batch.
  std::vector<std::vector<std::byte>> answers_;
  std::vector<std::string> told_;
  std::vector<SetId> redirected_;
  Lines words_;  // That came with what was told.
};

}  // namespace edge
