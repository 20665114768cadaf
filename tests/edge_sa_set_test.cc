#include <gtest/gtest.h>

#include <set>
#include <string>

#include "edge/sa_set.h"

namespace edge {
namespace {

reactor::Endpoint At(std::string_view address) {
  reactor::Endpoint endpoint;
  EXPECT_TRUE(reactor::ParseAddress(address, 5060, &endpoint)) << address;
  return endpoint;
}

std::string TextOf(const xfrm::Address& address) {
  reactor::Endpoint endpoint;
  endpoint.any.sa_family = address.family;
  std::memcpy(address.family == AF_INET6 ? static_cast<void*>(&endpoint.v6.sin6_addr)
                                         : static_cast<void*>(&endpoint.v4.sin_addr),
              address.bytes.data(), address.family == AF_INET6 ? 16 : 4);
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteAddress(endpoint, false, text)};
}

// "source:port -> destination:port spi".
std::string Drawn(const xfrm::Sa& sa) {
  const xfrm::Selector& s = sa.selector;
  return TextOf(s.source) + " " + std::to_string(s.source_port) + " -> " + TextOf(s.destination) +
         " " + std::to_string(s.destination_port) + " " + std::to_string(sa.spi);
}

Agreement AgreementOf(std::string_view ue, std::string_view pcscf) {
  Agreement agreement;
  agreement.ue = At(ue);
  agreement.pcscf = At(pcscf);
  agreement.port_uc = 37001;
  agreement.port_us = 37002;
  agreement.port_pc = 6102;
  agreement.port_ps = 6101;
  agreement.spi_uc = 71;
  agreement.spi_us = 72;
  agreement.spis = {.client = 91, .server = 92};
  return agreement;
}

// TS 33.203 7.1: the drawing above Agreement.
TEST(EdgeSaSet, TheFourSasAreAsDrawn) {
  const xfrm::EspKeys keys;
  const SaArray sas = MakeSas(AgreementOf("198.51.100.77", "192.0.2.10"), keys, 5, 60, 32);
  EXPECT_EQ(Drawn(sas[0]), "198.51.100.77 37001 -> 192.0.2.10 6101 92");  // SA1: spi_ps.
  EXPECT_EQ(Drawn(sas[1]), "192.0.2.10 6101 -> 198.51.100.77 37001 71");  // SA2: spi_uc.
  EXPECT_EQ(Drawn(sas[2]), "192.0.2.10 6102 -> 198.51.100.77 37002 72");  // SA3: spi_us.
  EXPECT_EQ(Drawn(sas[3]), "198.51.100.77 37002 -> 192.0.2.10 6102 91");  // SA4: spi_pc.
}

TEST(EdgeSaSet, TheFourSasOfAnIpv6PhoneAreAsDrawn) {
  const xfrm::EspKeys keys;
  const SaArray sas = MakeSas(AgreementOf("2001:db8:1::77", "2001:db8::10"), keys, 5, 60, 32);
  EXPECT_EQ(Drawn(sas[0]), "2001:db8:1::77 37001 -> 2001:db8::10 6101 92");
  EXPECT_EQ(Drawn(sas[1]), "2001:db8::10 6101 -> 2001:db8:1::77 37001 71");
  EXPECT_EQ(Drawn(sas[2]), "2001:db8::10 6102 -> 2001:db8:1::77 37002 72");
  EXPECT_EQ(Drawn(sas[3]), "2001:db8:1::77 37002 -> 2001:db8::10 6102 91");
}

TEST(EdgeSaSet, TheFirstAndTheLastAreInbound) {
  const xfrm::EspKeys keys;
  const SaArray sas = MakeSas(AgreementOf("198.51.100.77", "192.0.2.10"), keys, 5, 60, 32);
  EXPECT_EQ(sas[0].direction, xfrm::Direction::kIn);
  EXPECT_EQ(sas[1].direction, xfrm::Direction::kOut);
  EXPECT_EQ(sas[2].direction, xfrm::Direction::kOut);
  EXPECT_EQ(sas[3].direction, xfrm::Direction::kIn);
}

TEST(EdgeSaSet, AllFourShareKeysMarkLifetimeAndWindow) {
  const xfrm::EspKeys keys;
  for (const xfrm::Sa& sa :
       MakeSas(AgreementOf("198.51.100.77", "192.0.2.10"), keys, 5, 60, 17, {1, 3})) {
    EXPECT_EQ(sa.keys, &keys);
    EXPECT_EQ(sa.reqid, 5u);
    EXPECT_EQ(sa.hard_seconds, 60u);
    EXPECT_EQ(sa.replay_window, 17);
    EXPECT_EQ(sa.mark, (xfrm::PacketMark{1, 3}));
  }
}

TEST(EdgeSaSet, TheIdsAreThoseOfTheSasInTheSameOrder) {
  const xfrm::EspKeys keys;
  for (const bool v6 : {false, true}) {
    const Agreement agreement = v6 ? AgreementOf("2001:db8:1::77", "2001:db8::10")
                                   : AgreementOf("198.51.100.77", "192.0.2.10");
    const SaArray sas = MakeSas(agreement, keys, 5, 60, 32);
    const SaIdArray ids = MakeSaIds(agreement);
    for (size_t i = 0; i < kSasPerSet; ++i) EXPECT_EQ(ids[i], sas[i].id()) << i;
  }
}

// Design D12: the label tells a set's SAs from those of any other set of its time.
TEST(EdgeSaSet, TheFourCarryTheirSetsLabelWhichNoTrafficReaches) {
  const xfrm::EspKeys keys;
  Agreement agreement = AgreementOf("198.51.100.77", "192.0.2.10");
  for (const xfrm::SpiPair spis : {xfrm::SpiPair{256, 257}, xfrm::SpiPair{257, 256},
                                   xfrm::SpiPair{UINT32_MAX - 1, UINT32_MAX}}) {
    agreement.spis = spis;
    std::set<uint64_t> labels;
    for (const xfrm::Sa& sa : MakeSas(agreement, keys, 5, 60, 32)) labels.insert(sa.hard_packets);
    EXPECT_EQ(labels, (std::set<uint64_t>{LabelOf(spis)}));
    EXPECT_GE(LabelOf(spis), uint64_t{1} << 40);
    EXPECT_EQ(MakeSaIds(agreement, false).label, LabelOf(spis));
  }
  EXPECT_NE(LabelOf({256, 257}), LabelOf({257, 256}));
}

TEST(EdgeSaSet, AnSa3ThatWasNeverAskedForIsNotAmongTheIds) {
  const Agreement agreement = AgreementOf("198.51.100.77", "192.0.2.10");
  const SaIdArray all = MakeSaIds(agreement);
  const SaIds four = MakeSaIds(agreement, false);
  const SaIds three = MakeSaIds(agreement, true);
  ASSERT_EQ(four.count, 4u);
  EXPECT_TRUE(std::equal(all.begin(), all.end(), four.ids.begin()));
  ASSERT_EQ(three.count, 3u);
  EXPECT_EQ(three.ids[0], all[0]);
  EXPECT_EQ(three.ids[1], all[1]);
  EXPECT_EQ(three.ids[2], all[3]);
}

TEST(EdgeSaSet, AnAddressHasNothingBehindItsOwnBytes) {
  const xfrm::Address v4 = ToXfrm(At("198.51.100.77"));
  EXPECT_EQ(v4.family, AF_INET);
  EXPECT_EQ(v4.bytes, (std::array<uint8_t, 16>{198, 51, 100, 77}));
  const xfrm::Address v6 = ToXfrm(At("2001:db8::10"));
  EXPECT_EQ(v6.family, AF_INET6);
  EXPECT_EQ(v6.bytes, (std::array<uint8_t, 16>{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0,  //
                                               0, 0, 0, 0, 0, 0, 0, 0x10}));
}

}  // namespace
}  // namespace edge
