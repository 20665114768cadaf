// MILENAGE against the test sets of TS 35.208.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/aka.h"
#include "tools/milenage.h"

namespace tools {
namespace {

nlohmann::json Sets() {
  std::ifstream file(GMEDGE_SOURCE_DIR "/tests/data/vectors/milenage.json");
  return nlohmann::json::parse(file).at("sets");
}

template <size_t size>
std::array<uint8_t, size> Bytes(const nlohmann::json& set, const char* name) {
  std::array<uint8_t, size> bytes;
  EXPECT_TRUE(HexDecode(set.at(name).get<std::string>(), bytes)) << name;
  return bytes;
}

uint64_t Number(const nlohmann::json& set, const char* name) {
  return std::stoull(set.at(name).get<std::string>(), nullptr, 16);
}

TEST(Milenage, HasSixSets) {
  ASSERT_EQ(Sets().size(), 6u);
}

TEST(Milenage, DerivesOpcFromOp) {
  for (const nlohmann::json& set : Sets()) {
    EXPECT_EQ(Milenage::DeriveOpc(Bytes<16>(set, "k"), Bytes<16>(set, "op")), Bytes<16>(set, "opc"))
        << "set " << set.at("set");
  }
}

TEST(Milenage, ComputesEveryFunctionOfEverySet) {
  for (const nlohmann::json& set : Sets()) {
    SCOPED_TRACE("set " + set.at("set").dump());
    const Milenage milenage(Bytes<16>(set, "k"), Bytes<16>(set, "opc"));
    const Bytes16 rand = Bytes<16>(set, "rand");

    const Milenage::Macs macs =
        milenage.F1(rand, Number(set, "sqn"), static_cast<uint16_t>(Number(set, "amf")));
    EXPECT_EQ(macs.mac_a, Bytes<8>(set, "f1"));
    EXPECT_EQ(macs.mac_s, Bytes<8>(set, "f1_star"));

    const Milenage::Keys keys = milenage.F2345(rand);
    EXPECT_EQ(keys.res, Bytes<8>(set, "f2_res"));
    EXPECT_EQ(keys.ck, Bytes<16>(set, "f3_ck"));
    EXPECT_EQ(keys.ik, Bytes<16>(set, "f4_ik"));
    EXPECT_EQ(keys.ak, Bytes<6>(set, "f5_ak"));
    EXPECT_EQ(keys.ak_star, Bytes<6>(set, "f5_star_ak"));
  }
}

TEST(Milenage, MakesAutnAndAutsOfEverySet) {
  for (const nlohmann::json& set : Sets()) {
    SCOPED_TRACE("set " + set.at("set").dump());
    const Milenage milenage(Bytes<16>(set, "k"), Bytes<16>(set, "opc"));
    const Bytes16 rand = Bytes<16>(set, "rand");
    const AuthVector vector =
        MakeVector(milenage, rand, Number(set, "sqn"), static_cast<uint16_t>(Number(set, "amf")));
    EXPECT_EQ(vector.autn, Bytes<16>(set, "autn"));
    EXPECT_EQ(vector.res, Bytes<8>(set, "f2_res"));
    EXPECT_EQ(MakeAuts(milenage, rand, Number(set, "sqn_ms_for_auts")), Bytes<14>(set, "auts"));
  }
}

TEST(Milenage, MovesWithItsKey) {
  const nlohmann::json set = Sets().at(0);
  Milenage first(Bytes<16>(set, "k"), Bytes<16>(set, "opc"));
  const Milenage second(std::move(first));
  EXPECT_EQ(second.F2345(Bytes<16>(set, "rand")).res, Bytes<8>(set, "f2_res"));
}

}  // namespace
}  // namespace tools
