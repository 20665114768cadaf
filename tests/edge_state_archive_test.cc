#include <fcntl.h>
#include <gmock/gmock.h>

#include <array>
#include <memory>

#include "edge/state_archive.h"
#include "edge/takeover.h"
#include "tests/edge_carried.h"
#include "tests/edge_reg_events.h"

namespace edge {
namespace {

enum class Colour : uint8_t { kRed, kGreen };

TEST(EdgeStateArchive, WhatIsWrittenIsRead) {
  uint64_t number = 0x123456789abcdef0;
  bool yes = true;
  Colour colour = Colour::kGreen;
  std::string text(70'000, 'x');  // More than its buffer.
  reactor::Endpoint address = At("[2001:db8::1]:5060");
  Flow flow{3, At("192.0.2.1:5061"), Transport::kTcp, 5062, true};
  xfrm::Key key(std::array<uint8_t, 16>{1, 2, 3});
  PackedTexts<2> texts;
  texts.Assign({"one", "two"});
  const auto carry = [&](StateArchive* archive) {
    archive->Mark(7);
    archive->Number(&number);
    archive->Bool(&yes);
    archive->Enum(&colour, Colour::kGreen);
    archive->Text(&text, 70'000);
    archive->Address(&address);
    archive->Way(&flow, 4);
    archive->Key(&key);
    archive->Texts(&texts);
  };
  const std::string bytes = Written(carry);
  number = 0;
  yes = false;
  colour = Colour::kRed;
  text.clear();
  address = {};
  flow = {};
  key = {};
  texts.Assign({"", ""});
  StateArchive archive = ReaderOf(bytes);
  carry(&archive);
  EXPECT_TRUE(archive.Finish());
  EXPECT_EQ(number, 0x123456789abcdef0);
  EXPECT_TRUE(yes);
  EXPECT_EQ(colour, Colour::kGreen);
  EXPECT_EQ(text, std::string(70'000, 'x'));
  EXPECT_EQ(TextOf(address), "[2001:db8::1]:5060");
  EXPECT_EQ(flow.port, 3);
  EXPECT_EQ(TextOf(flow.remote), "192.0.2.1:5061");
  EXPECT_EQ(flow.transport, Transport::kTcp);
  EXPECT_EQ(flow.connect_port, 5062);
  EXPECT_TRUE(flow.or_udp);
  EXPECT_EQ(key.bytes()[2], 3);
  EXPECT_EQ(texts[0], "one");
  EXPECT_EQ(texts[1], "two");
}

TEST(EdgeStateArchive, NothingIsReadPastTheEndAndNothingAfterAMistake) {
  StateArchive archive = ReaderOf("abc");
  uint32_t number = 1;
  archive.Number(&number);
  EXPECT_EQ(number, 0u);
  EXPECT_FALSE(archive.ok());
  uint8_t byte = 1;
  archive.Number(&byte);
  EXPECT_EQ(byte, 0) << "the bytes are there, but who knows whose they are";
  EXPECT_FALSE(archive.Finish());
}

TEST(EdgeStateArchive, WhatIsLeftIsAMistake) {
  StateArchive archive = ReaderOf("abc");
  uint8_t byte = 0;
  archive.Number(&byte);
  EXPECT_TRUE(archive.ok());
  EXPECT_FALSE(archive.Finish());
}

TEST(EdgeStateArchive, ValuesThatAreNoneAreMistakes) {
  {
    StateArchive archive = ReaderOf("\x02");
    bool yes = false;
    archive.Bool(&yes);
    EXPECT_FALSE(archive.ok());
  }
  {
    StateArchive archive = ReaderOf("\x02");
    Colour colour = Colour::kRed;
    archive.Enum(&colour, Colour::kGreen);
    EXPECT_FALSE(archive.ok());
    EXPECT_EQ(colour, Colour::kRed);
  }
  {
    const std::string strange(28, '\x7f');
    StateArchive archive = ReaderOf(strange);
    reactor::Endpoint address;
    archive.Address(&address);
    EXPECT_FALSE(archive.ok());
    EXPECT_EQ(address.family(), AF_UNSPEC);
  }
  Flow flow{4, At("192.0.2.1:5061")};
  const std::string bytes = Written([&](StateArchive* archive) { archive->Way(&flow, 5); });
  StateArchive archive = ReaderOf(bytes);
  archive.Way(&flow, 4);
  EXPECT_FALSE(archive.ok());
}

TEST(EdgeStateArchive, ACountIsBelievedOnlyAsFarAsThereAreBytes) {
  const std::string bytes = std::string("\x03\0\0\0", 4) + std::string(6, 'x');
  StateArchive good = ReaderOf(bytes);
  EXPECT_EQ(good.Count(0, 3, 2), 3u);
  StateArchive over = ReaderOf(bytes);
  EXPECT_EQ(over.Count(0, 2, 2), 0u);
  EXPECT_FALSE(over.ok());
  StateArchive missing = ReaderOf(bytes);
  EXPECT_EQ(missing.Count(0, 3, 3), 0u);
  EXPECT_FALSE(missing.ok());
}

TEST(EdgeStateArchive, TextsHaveTheirLimit) {
  std::string text = "1234";
  const std::string bytes = Written([&](StateArchive* archive) { archive->Text(&text, 4); });
  StateArchive good = ReaderOf(bytes);
  good.Text(&text, 4);
  EXPECT_TRUE(good.ok());
  StateArchive over = ReaderOf(bytes);
  over.Text(&text, 3);
  EXPECT_FALSE(over.ok());
}

TEST(EdgeStateArchive, AFileThatCannotBeWrittenIsSaid) {
  const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  StateArchive archive = StateArchive::Writer(fd);
  uint8_t byte = 0;
  archive.Number(&byte);
  EXPECT_FALSE(archive.Finish());
  close(fd);
}

TEST(EdgeStateArchive, AFileIsReadWhenNobodyCanChangeItAnyMore) {
  const int fd = MakeStateFile();
  ASSERT_EQ(write(fd, "abc", 3), 3);
  EXPECT_TRUE(StateFile(fd).bytes().empty());
  ASSERT_TRUE(SealStateFile(fd));
  EXPECT_EQ(StateFile(fd).bytes().size(), 3u);
  EXPECT_LT(write(fd, "d", 1), 0);
  close(fd);
  const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_TRUE(StateFile(other).bytes().empty());
  close(other);
}

TEST(EdgeStateArchive, SpisThatRestGoOnResting) {
  xfrm::SpiPool before({.min_spi = 1000, .max_spi = 1007});
  const xfrm::SpiPair used = before.Acquire(1'000'000);
  const xfrm::SpiPair resting = before.Acquire(1'000'000);
  before.Release(resting, 1'000'000);
  CountingRandom random;
  KeyedHash phones(&random);
  CommonState common{.since_ms = 17};
  const std::string bytes = Written(
      [&](StateArchive* archive) { CarryCommon(archive, 1'000'001, &common, &phones, &before); });
  xfrm::SpiPool after({.min_spi = 1000, .max_spi = 1007});
  KeyedHash phones_after(&random);
  EXPECT_NE(phones.Hash({"x"}), phones_after.Hash({"x"}));
  common = {};
  StateArchive archive = ReaderOf(bytes);
  CarryCommon(&archive, 1'000'001, &common, &phones_after, &after);
  EXPECT_TRUE(archive.Finish());
  EXPECT_EQ(common.since_ms, 17u);
  EXPECT_EQ(phones.Hash({"x"}), phones_after.Hash({"x"}));
  EXPECT_EQ(after.counts().quarantined, 1u);
  EXPECT_FALSE(after.Reserve(resting));
  EXPECT_TRUE(after.Reserve(used)) << "those in use come with their sets";
}

class EdgeCarriedCore : public EdgeRegEventSteps {
 protected:
  // One of each: subscribed for, challenged, waiting for the core, with two sets.
  void Fill() {
    Begin(&phones_[0]);
    for (size_t i = 0; i < phones_.size(); ++i) {
      phones_[i].imsi = "00101000000000" + std::to_string(i + 1);
      phones_[i].address = "198.51.100." + std::to_string(70 + i);
      phones_[i].spi_uc += static_cast<uint32_t>(1000 * i);
      phones_[i].spi_us += static_cast<uint32_t>(1000 * i);
    }
    Challenge(&phones_[1], Initial(&phones_[1]), "nonce-1");
    waiting_ = Initial(&phones_[2]);
    Begin(&phones_[3]);
    BeginAgain(&phones_[3], "nonce-3");
    ASSERT_EQ(world_.core().registrar().sets().in_use(), 4u);
  }

  std::array<TestPhone, 4> phones_;
  std::string waiting_;
};

TEST_F(EdgeCarriedCore, ThereAndBackItIsTheSame) {
  Fill();
  const std::string bytes = CarriedOut(&world_.core(), world_.now_ms());
  World next(RegEventSettings());
  ASSERT_TRUE(CarryIn(bytes, &next.core(), world_.now_ms()));
  EXPECT_EQ(CarriedOut(&next.core(), world_.now_ms()), bytes);
  EXPECT_EQ(next.core().registers_under_way(), 1u);
  EXPECT_EQ(next.core().registrar().registered(), 2u);
  EXPECT_EQ(next.core().reg_events().subscriptions().in_use(), 2u);
  EXPECT_EQ(next.spis().counts().used, 4u);
  next.Deliver(kIcscf, kCore, Answer(waiting_, 401, ChallengeLine("n")));
  EXPECT_EQ(StatusOf(next.Pop().text), 401);
  // Everything ends by itself.
  for (int hour = 0; hour < 3; ++hour) next.Advance(3'600'000);
  EXPECT_EQ(next.core().registrar().registered(), 0u);
}

TEST_F(EdgeCarriedCore, CutAnywhereItIsNoWhole) {
  Fill();
  const std::string bytes = CarriedOut(&world_.core(), world_.now_ms());
  for (size_t size = 0; size < bytes.size(); size += 1 + size / 64) {
    World next(RegEventSettings());
    EXPECT_FALSE(CarryIn(bytes.substr(0, size), &next.core(), world_.now_ms())) << size;
  }
}

// A core with less ports or rules than there were.
TEST_F(EdgeCarriedCore, PortsThatAreNotThereMakeNoWhole) {
  Fill();
  const std::string bytes = CarriedOut(&world_.core(), world_.now_ms());
  Settings fewer = RegEventSettings();
  fewer.ipsec.sockets.resize(2);
  World next(fewer);
  EXPECT_FALSE(CarryIn(bytes, &next.core(), world_.now_ms()));
}

}  // namespace
}  // namespace edge
