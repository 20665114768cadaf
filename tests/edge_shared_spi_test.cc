// Two phones behind one address that chose the same SPI (design D12): whatever becomes of the one
// that comes second, the SAs of the first are left alone.
#include "tests/edge_steps.h"

namespace edge {
namespace {

class EdgeSharedSpi : public EdgeSteps {
 protected:
  // Two protected ports: a new set shares port_pc with the old one, so its SA3 comes late.
  EdgeSharedSpi() : EdgeSteps(StepSettings(2)) {
    second_.imsi = "001010000000002";
    second_.port_uc = 41001;
    second_.port_us = 41002;
    second_.spi_uc += 1000;
    second_.spi_us += 1000;
  }
  static bool Holds(const std::vector<xfrm::SaInfo>& sas, const xfrm::SaInfo& wanted) {
    return std::any_of(sas.begin(), sas.end(), [&](const xfrm::SaInfo& sa) {
      return sa.id == wanted.id && sa.hard_packets == wanted.hard_packets;
    });
  }
  // The SAs that were there are there.
  void ExpectLeftAlone(const std::vector<xfrm::SaInfo>& before) {
    const std::vector<xfrm::SaInfo> now = world_.kernel().Sas();
    for (const xfrm::SaInfo& sa : before) EXPECT_TRUE(Holds(now, sa)) << "SPI " << sa.id.spi;
  }
  // The first phone is registered.
  std::vector<xfrm::SaInfo> RegisterFirst() {
    Register(&first_);
    return world_.kernel().Sas();
  }
  // The second is too, and offers anew: the SPI of its SA3 is that of the first's.
  void BeginWithTheSameSpiForSa3() {
    second_.spi_us = first_.spi_us - 100;  // OfferAnew adds as much.
    Register(&second_);
    ASSERT_EQ(Sas(), 8u);
    BeginAgain(&second_, "second");
    ASSERT_EQ(second_.spi_us, first_.spi_us);
    ASSERT_EQ(Sas(), 11u);
  }

  TestPhone first_;
  TestPhone second_;
};

TEST_F(EdgeSharedSpi, IsRefusedAndRolledBack) {
  const std::vector<xfrm::SaInfo> before = RegisterFirst();
  second_.spi_us = first_.spi_us;
  EXPECT_EQ(StatusOf(Challenge(&second_, Initial(&second_), "n").text), 500);
  EXPECT_EQ(world_.attempts().back().kernel, std::errc::file_exists);
  EXPECT_EQ(stats().sets_refused, 1u);
  ExpectLeftAlone(before);
  EXPECT_EQ(Sas(), 4u);
}

TEST_F(EdgeSharedSpi, OfASetWhoseAnswerIsLost) {
  const std::vector<xfrm::SaInfo> before = RegisterFirst();
  second_.spi_us = first_.spi_us;
  world_.kernel().DropNextAnswers(1);
  const std::string forwarded = Initial(&second_);
  EXPECT_EQ(FromCore(forwarded, 401, ChallengeLine("n")).text, "");
  world_.Advance(1'000);
  EXPECT_EQ(StatusOf(world_.Pop().text), 500);
  EXPECT_EQ(stats().sets_unknown, 1u);
  EXPECT_EQ(stats().kernel_not_ours, 1u);
  ExpectLeftAlone(before);
  EXPECT_EQ(Sas(), 4u);
  EXPECT_EQ(States(), "Current");
}

TEST_F(EdgeSharedSpi, OfASetReplacedWhileItIsInstalled) {
  const std::vector<xfrm::SaInfo> before = RegisterFirst();
  TestPhone again = second_;
  second_.spi_us = first_.spi_us;
  const std::string forwarded = Initial(&second_);
  world_.kernel().HoldAnswers(true);
  FromCore(forwarded, 401, ChallengeLine("n"));
  again.cseq = 10;  // It gives up and begins anew, with another SPI.
  FromCore(Initial(&again), 401, ChallengeLine("m"));
  ASSERT_EQ(States(), "Current Deleting Installing");
  world_.ReleaseAnswers();
  EXPECT_EQ(StatusOf(world_.Pop().text), 401);
  EXPECT_EQ(States(), "Current Temporary");
  ExpectLeftAlone(before);
  EXPECT_EQ(Sas(), 8u);
}

TEST_F(EdgeSharedSpi, OfALateSa3ThatIsRefused) {
  const std::vector<xfrm::SaInfo> before = RegisterFirst();
  BeginWithTheSameSpiForSa3();
  EXPECT_EQ(StatusOf(Accept(OnSet(second_.set, second_.Protected())).text), 500);
  EXPECT_EQ(world_.attempts().back().kernel, std::errc::file_exists);
  ExpectLeftAlone(before);
  EXPECT_EQ(States(), "Current Current");
  EXPECT_EQ(Sas(), 8u);
}

TEST_F(EdgeSharedSpi, OfALateSa3ThatIsNeverAskedFor) {
  const std::vector<xfrm::SaInfo> before = RegisterFirst();
  BeginWithTheSameSpiForSa3();
  world_.Advance(30'000);  // Nobody answers the 401.
  EXPECT_EQ(States(), "Current Current");
  ExpectLeftAlone(before);
  EXPECT_EQ(Sas(), 8u);
  EXPECT_EQ(stats().kernel_looks, 0u) << "what it has is certain";
}

// A failed set answers retransmissions for longer than the kernel keeps its SAs.
TEST_F(EdgeSharedSpi, OfAFailedSetWhoseSasAreOver) {
  Challenge(&second_, Initial(&second_), "n");
  FromCore(OnSet(second_.set, second_.Protected()), 403);
  ASSERT_EQ(States(), "Failed");
  world_.Advance(61'000);
  ASSERT_EQ(Sas(), 0u);
  ASSERT_EQ(States(), "Failed");
  first_.spi_us = second_.spi_us;
  const std::vector<xfrm::SaInfo> before = RegisterFirst();
  world_.Advance(5'000);
  EXPECT_EQ(States(), "Current");
  ExpectLeftAlone(before);
  EXPECT_EQ(stats().kernel_not_ours, 1u);
}

}  // namespace
}  // namespace edge
