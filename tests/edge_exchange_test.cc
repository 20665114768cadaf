#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "edge/exchange.h"
#include "tests/edge_values.h"
#include "tests/reactor_peer.h"

namespace edge {
namespace {

using reactor::Reactor;

// Three workers in one thread, each with its ring.
class EdgeExchange : public testing::Test {
 protected:
  static constexpr size_t kWorkers = 3;
  struct Sink final : reactor::WakeSink {
    void OnWake() override {
      ++wakes;
      exchange->Take(index, [this](const Letter& letter) { phones.push_back(letter.phone); });
    }
    Exchange* exchange = nullptr;
    size_t index = 0;
    int wakes = 0;
    std::vector<uint64_t> phones;
  };

  EdgeExchange() {
    std::string error;
    for (size_t i = 0; i < kWorkers; ++i) {
      reactors_[i] = reactor::MakeReactor();
      sinks_[i].exchange = &exchange_;
      sinks_[i].index = i;
      EXPECT_TRUE(exchange_.Open(i, reactors_[i].get(), &sinks_[i], &error)) << error;
    }
  }
  ~EdgeExchange() override {
    for (std::unique_ptr<Reactor>& reactor : reactors_) reactor.reset();
  }
  size_t Tell(size_t from, uint64_t phone) {
    Letter letter;
    letter.phone = phone;
    return exchange_.Tell(from, letter);
  }
  void Flush(size_t from) {
    exchange_.Flush(from, reactors_[from].get());
    reactors_[from]->SubmitAndWait(0);
  }
  void TurnAll() {
    for (std::unique_ptr<Reactor>& reactor : reactors_) reactor::RunIdle(reactor.get(), 3);
  }

  CountingRandom random_;
  Exchange exchange_{kWorkers, &random_};
  std::array<std::unique_ptr<Reactor>, kWorkers> reactors_;
  std::array<Sink, kWorkers> sinks_;
};

TEST_F(EdgeExchange, ALetterReachesEveryOtherWorkerInOrder) {
  EXPECT_EQ(Tell(1, 7), 0u);
  EXPECT_EQ(Tell(1, 8), 0u);
  Flush(1);
  TurnAll();
  EXPECT_EQ(sinks_[0].phones, (std::vector<uint64_t>{7, 8}));
  EXPECT_EQ(sinks_[1].phones, std::vector<uint64_t>{});
  EXPECT_EQ(sinks_[2].phones, (std::vector<uint64_t>{7, 8}));
}

TEST_F(EdgeExchange, TheLettersOfATurnAreOneWake) {
  for (uint64_t phone = 0; phone < 10; ++phone) Tell(0, phone);
  Flush(0);
  Flush(0);  // Nothing new.
  TurnAll();
  EXPECT_EQ(sinks_[0].wakes, 0);
  EXPECT_EQ(sinks_[1].wakes, 1);
  EXPECT_EQ(sinks_[2].wakes, 1);
}

TEST_F(EdgeExchange, AFullMailboxLosesTheLetterAndWaitsForNobody) {
  for (uint64_t phone = 0; phone < kLettersMax; ++phone) ASSERT_EQ(Tell(0, phone), 0u);
  EXPECT_EQ(Tell(0, kLettersMax), 2u);
  exchange_.Take(1, [](const Letter&) {});
  EXPECT_EQ(Tell(0, kLettersMax + 1), 1u);  // The other one still is.
  Flush(0);
  TurnAll();
  EXPECT_EQ(sinks_[1].phones, std::vector<uint64_t>{kLettersMax + 1});
  EXPECT_EQ(sinks_[2].phones.size(), kLettersMax);
}

TEST_F(EdgeExchange, TheWordToStopWakesAllAndIsCounted) {
  EXPECT_EQ(exchange_.stop_requests(), 0);
  exchange_.Stop();
  EXPECT_EQ(exchange_.stop_requests(), 1);
  TurnAll();
  for (const Sink& sink : sinks_) EXPECT_EQ(sink.wakes, 1);
  exchange_.Stop();
  EXPECT_EQ(exchange_.stop_requests(), 2);
}

TEST_F(EdgeExchange, TheyLeaveWhenAllAreReadyAtOnceAndThenNobodyStays) {
  EXPECT_FALSE(exchange_.MayLeave(0, true));
  EXPECT_FALSE(exchange_.MayLeave(1, true));
  EXPECT_FALSE(exchange_.MayLeave(0, false));  // Something came in.
  EXPECT_FALSE(exchange_.MayLeave(2, true));
  EXPECT_TRUE(exchange_.MayLeave(0, true));
  EXPECT_TRUE(exchange_.MayLeave(1, false)) << "one has left already";
  EXPECT_TRUE(exchange_.MayLeave(2, true));
  for (size_t i = 0; i < kWorkers; ++i) {
    EXPECT_FALSE(exchange_.all_left());
    exchange_.Leave();
  }
  EXPECT_TRUE(exchange_.all_left());
}

TEST(EdgeExchangeOfOne, HasNobodyToTell) {
  CountingRandom random;
  Exchange exchange(1, &random);
  EXPECT_EQ(exchange.Tell(0, {}), 0u);
  EXPECT_TRUE(exchange.MayLeave(0, true));
}

}  // namespace
}  // namespace edge
