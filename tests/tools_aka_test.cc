// AKA over digest: RFC 3310 and RFC 4169 vectors, AUTN and AUTS as a USIM and a network see them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/aka.h"

namespace tools {
namespace {

nlohmann::json Load(const char* name) {
  std::ifstream file(std::string(GMEDGE_SOURCE_DIR "/tests/data/vectors/") + name);
  return nlohmann::json::parse(file);
}

// By value: what a range-for walks must live as long as the loop.
nlohmann::json Vectors() {
  return Load("akav1.json").at("vectors");
}

template <size_t size>
std::array<uint8_t, size> Bytes(const nlohmann::json& json, const char* name) {
  std::array<uint8_t, size> bytes;
  EXPECT_TRUE(HexDecode(json.at(name).get<std::string>(), bytes)) << name;
  return bytes;
}

// The digest input of one vector; views into it.
struct Case {
  explicit Case(const nlohmann::json& vector, const char* part)
      : username(vector.at("username")),
        realm(vector.at("realm")),
        method(vector.at("method")),
        uri(vector.at("uri")),
        nonce(vector.at("nonce")),
        qop(vector.at(part).value("qop", "")),
        nc(vector.at(part).value("nc", "")),
        cnonce(vector.at(part).value("cnonce", "")),
        expected(vector.at(part).at("response")) {}

  std::string Response(DigestHash hash, std::string_view password) const {
    return DigestResponse({.hash = hash,
                           .username = username,
                           .realm = realm,
                           .method = method,
                           .uri = uri,
                           .nonce = nonce,
                           .qop = qop,
                           .nc = nc,
                           .cnonce = cnonce,
                           .password = password});
  }
  std::string username, realm, method, uri, nonce, qop, nc, cnonce, expected;
};

TEST(Aka, AnswersAkav1WithAndWithoutQop) {
  const nlohmann::json vectors = Vectors();
  ASSERT_EQ(vectors.size(), 6u);
  for (const nlohmann::json& vector : vectors) {
    SCOPED_TRACE("set " + vector.at("set").dump());
    const Bytes8 res = Bytes<8>(vector, "res");
    for (const char* part : {"akav1_md5_no_qop", "akav1_md5_qop_auth"}) {
      const Case test(vector, part);
      EXPECT_EQ(test.Response(DigestHash::kMd5, AsText(res)), test.expected) << part;
    }
  }
}

TEST(Aka, AnswersASyncFailureWithTheEmptyPassword) {
  for (const nlohmann::json& vector : Vectors()) {
    SCOPED_TRACE("set " + vector.at("set").dump());
    const Case test(vector, "sync_failure");
    EXPECT_EQ(test.Response(DigestHash::kMd5, ""), test.expected);
    const Bytes14 auts = Bytes<14>(vector.at("sync_failure"), "auts_hex");
    EXPECT_EQ(Base64Encode(auts), vector.at("sync_failure").at("auts").get<std::string>());
  }
}

TEST(Aka, AnswersAkav2WithBothHashes) {
  for (const nlohmann::json& vector : Vectors()) {
    SCOPED_TRACE("set " + vector.at("set").dump());
    for (const DigestHash hash : {DigestHash::kMd5, DigestHash::kSha256}) {
      const char* part = hash == DigestHash::kMd5 ? "akav2_md5" : "akav2_sha_256";
      const Case test(vector, part);
      const std::string password = Akav2Password(hash, Bytes<8>(vector, "res"),
                                                 Bytes<16>(vector, "ik"), Bytes<16>(vector, "ck"));
      EXPECT_EQ(password, vector.at(part).at("password").get<std::string>());
      EXPECT_EQ(test.Response(hash, password), test.expected);
    }
  }
}

TEST(Aka, NonceIsBase64OfRandAndAutn) {
  for (const nlohmann::json& vector : Vectors()) {
    const AuthVector made{Bytes<16>(vector, "rand"), Bytes<16>(vector, "autn"), {}, {}, {}};
    const std::string nonce = vector.at("nonce");
    EXPECT_EQ(MakeNonce(made), nonce);
    Bytes16 rand, autn;
    ASSERT_TRUE(ParseNonce(nonce, &rand, &autn));
    EXPECT_EQ(rand, made.rand);
    EXPECT_EQ(autn, made.autn);
  }
}

TEST(Aka, NonceMayCarryServerData) {
  std::array<uint8_t, 39> octets;
  for (size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<uint8_t>(i * 7);
  for (size_t size = 32; size <= octets.size(); ++size) {
    Bytes16 rand, autn;
    ASSERT_TRUE(ParseNonce(Base64Encode({octets.data(), size}), &rand, &autn)) << size;
    EXPECT_EQ(rand[15], octets[15]) << size;
    EXPECT_EQ(autn[0], octets[16]) << size;
    EXPECT_EQ(autn[14], octets[30]) << size;
    EXPECT_EQ(autn[15], octets[31]) << size;
  }
}

TEST(Aka, RejectsNoncesThatAreNotRandAndAutn) {
  Bytes16 rand, autn;
  EXPECT_FALSE(ParseNonce("", &rand, &autn));
  EXPECT_FALSE(ParseNonce("I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tf", &rand, &autn));  // 30 octets.
  EXPECT_FALSE(ParseNonce("I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M", &rand, &autn));
  EXPECT_FALSE(ParseNonce("I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfrw==", &rand, &autn));
  EXPECT_FALSE(ParseNonce("!1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M=", &rand, &autn));
}

class AkaUsim : public testing::Test {
 protected:
  AkaUsim()
      : set_(Load("milenage.json").at("sets").at(0)),
        milenage_(Bytes<16>(set_, "k"), Bytes<16>(set_, "opc")),
        rand_(Bytes<16>(set_, "rand")) {}

  nlohmann::json set_;
  Milenage milenage_;
  Bytes16 rand_;
};

TEST_F(AkaUsim, AcceptsANewSqnAndYieldsTheKeys) {
  const AuthVector vector = MakeVector(milenage_, rand_, 64, 0x8000);
  UsimAnswer answer;
  ASSERT_EQ(CheckAutn(milenage_, rand_, vector.autn, 63, &answer), AutnResult::kOk);
  EXPECT_EQ(answer.sqn, 64u);
  EXPECT_EQ(answer.res, vector.res);
  EXPECT_EQ(answer.ck, vector.ck);
  EXPECT_EQ(answer.ik, vector.ik);
}

TEST_F(AkaUsim, AnswersAnOldSqnWithAutsThatTheNetworkBelieves) {
  const AuthVector vector = MakeVector(milenage_, rand_, 64, 0x8000);
  UsimAnswer answer;
  ASSERT_EQ(CheckAutn(milenage_, rand_, vector.autn, 64, &answer), AutnResult::kSyncFailure);
  uint64_t sqn_ms = 0;
  ASSERT_TRUE(VerifyAuts(milenage_, rand_, answer.auts, &sqn_ms));
  EXPECT_EQ(sqn_ms, 64u);
}

TEST_F(AkaUsim, RejectsAnyChangedBitOfAutn) {
  const AuthVector vector = MakeVector(milenage_, rand_, 1000, 0x8000);
  for (size_t bit = 0; bit < 128; ++bit) {
    Bytes16 autn = vector.autn;
    autn[bit / 8] = static_cast<uint8_t>(autn[bit / 8] ^ 1 << bit % 8);
    UsimAnswer answer;
    EXPECT_EQ(CheckAutn(milenage_, rand_, autn, 0, &answer), AutnResult::kMacFailure) << bit;
  }
}

TEST_F(AkaUsim, NetworkRejectsAnyChangedBitOfAuts) {
  const Bytes14 good = MakeAuts(milenage_, rand_, 1234567);
  for (size_t bit = 0; bit < 112; ++bit) {
    Bytes14 auts = good;
    auts[bit / 8] = static_cast<uint8_t>(auts[bit / 8] ^ 1 << bit % 8);
    uint64_t sqn_ms = 42;
    EXPECT_FALSE(VerifyAuts(milenage_, rand_, auts, &sqn_ms)) << bit;
    EXPECT_EQ(sqn_ms, 42u);
  }
}

TEST(Aka, HexRoundTripAndRefusals) {
  std::array<uint8_t, 3> bytes;
  ASSERT_TRUE(HexDecode("00aBff", bytes));
  EXPECT_EQ(HexEncode(bytes), "00abff");
  EXPECT_FALSE(HexDecode("00abf", bytes));
  EXPECT_FALSE(HexDecode("00abfff", bytes));
  EXPECT_FALSE(HexDecode("00abfg", bytes));
}

TEST(Aka, Base64RefusesWhatIsNotCanonical) {
  std::array<uint8_t, 2> two;
  ASSERT_TRUE(Base64Decode("+/8=", two));
  EXPECT_EQ(two[0], 0xfb);
  EXPECT_EQ(two[1], 0xff);
  EXPECT_FALSE(Base64Decode("+/9=", two));  // Bits beyond the last octet.
  EXPECT_FALSE(Base64Decode("+/8A", two));  // Three octets.
  EXPECT_FALSE(Base64Decode(" +/8", two));
  EXPECT_FALSE(Base64Decode("+/8", two));
}

}  // namespace
}  // namespace tools
