#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "edge/algorithm_list.h"

namespace edge {

using xfrm::Algorithms;
using xfrm::Encryption;
using xfrm::Integrity;

std::string TextOf(const AlgorithmList& list) {
  std::string text;
  for (const Algorithms pair : list.pairs()) {
    if (!text.empty()) text += ',';
    text +=
        std::string(xfrm::Name(pair.integrity)) + '=' + std::string(xfrm::Name(pair.encryption));
  }
  return text;
}

namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr Algorithms kSha1Null = {Integrity::kHmacSha1_96, Encryption::kNull};
constexpr Algorithms kGcm = {Integrity::kNull, Encryption::kAesGcm};

struct Parsed {
  bool ok = false;
  std::string text;
  std::string error;
  std::string warning;
};

Parsed Parse(std::string_view setting) {
  Parsed parsed;
  AlgorithmList list;
  parsed.ok = ParseAlgorithmList(setting, &list, &parsed.error, &parsed.warning);
  parsed.text = TextOf(list);
  return parsed;
}

constexpr const char* kAllText =
    "null=aes-gcm,aes-gmac=null,hmac-sha-1-96=aes-cbc,hmac-sha-1-96=null,"
    "hmac-sha-1-96=des-ede3-cbc,hmac-md5-96=aes-cbc,hmac-md5-96=null,hmac-md5-96=des-ede3-cbc";

TEST(AlgorithmList, AllIsEveryLegalPairStrongestFirst) {
  EXPECT_EQ(TextOf(AlgorithmList::All()), kAllText);
  size_t legal_count = 0;
  for (const Integrity integrity :
       {Integrity::kNull, Integrity::kHmacMd5_96, Integrity::kHmacSha1_96, Integrity::kAesGmac}) {
    for (const Encryption encryption :
         {Encryption::kNull, Encryption::kDesEde3Cbc, Encryption::kAesCbc, Encryption::kAesGcm}) {
      const Algorithms pair{integrity, encryption};
      EXPECT_EQ(AlgorithmList::All().Contains(pair), xfrm::IsLegal(pair));
      legal_count += xfrm::IsLegal(pair) ? 1 : 0;
    }
  }
  EXPECT_EQ(legal_count, AlgorithmList::All().pairs().size());
}

TEST(AlgorithmList, KeepsTheFirstPlaceOfAPairAddedTwice) {
  AlgorithmList list;
  EXPECT_TRUE(list.empty());
  list.Add(kSha1Null);
  list.Add(kGcm);
  list.Add(kSha1Null);
  EXPECT_EQ(TextOf(list), "hmac-sha-1-96=null,null=aes-gcm");
}

TEST(AlgorithmListDeathTest, RefusesAPairThatIsNotLegal) {
  AlgorithmList list;
  EXPECT_DEATH(list.Add({Integrity::kAesGmac, Encryption::kAesGcm}), "IsLegal");
}

TEST(AlgorithmList, WithoutDeprecatedKeepsOnlyGcmAndGmac) {
  EXPECT_EQ(TextOf(AlgorithmList::All().WithoutDeprecated()), "null=aes-gcm,aes-gmac=null");
  AlgorithmList old;
  old.Add(kSha1Null);
  EXPECT_TRUE(old.WithoutDeprecated().empty());
}

TEST(ParseAlgorithmList, NothingIsAll) {
  EXPECT_EQ(Parse("").text, kAllText);
  EXPECT_EQ(Parse("  ").text, kAllText);
}

TEST(ParseAlgorithmList, ReadsOneIntegrityAlgorithm) {
  EXPECT_EQ(Parse("hmac-sha-1-96").text,
            "hmac-sha-1-96=aes-cbc,hmac-sha-1-96=null,hmac-sha-1-96=des-ede3-cbc");
  EXPECT_EQ(Parse("aes-gmac").text, "aes-gmac=null");
}

TEST(ParseAlgorithmList, ReadsOneEncryptionAlgorithm) {
  EXPECT_EQ(Parse("aes-cbc").text, "hmac-sha-1-96=aes-cbc,hmac-md5-96=aes-cbc");
  EXPECT_EQ(Parse("aes-gcm").text, "null=aes-gcm");
}

TEST(ParseAlgorithmList, NullIsNullOnEitherSide) {
  EXPECT_EQ(Parse("null").text, "null=aes-gcm,aes-gmac=null,hmac-sha-1-96=null,hmac-md5-96=null");
}

TEST(ParseAlgorithmList, KeepsTheOrderOfTheItems) {
  EXPECT_EQ(Parse("hmac-md5-96=null,null=aes-gcm,hmac-md5-96").text,
            "hmac-md5-96=null,null=aes-gcm,hmac-md5-96=aes-cbc,hmac-md5-96=des-ede3-cbc");
}

TEST(ParseAlgorithmList, IgnoresCaseAndBlanks) {
  EXPECT_EQ(Parse(" HMAC-SHA-1-96 = Null ,\tAES-GCM ").text, "hmac-sha-1-96=null,null=aes-gcm");
}

TEST(ParseAlgorithmList, ReadsTheManualsExampleWithAWarning) {
  const Parsed parsed = Parse("hmac-sha-1-96=null,aes-gmac=aes-gcm");
  EXPECT_TRUE(parsed.ok);
  EXPECT_EQ(parsed.text, "hmac-sha-1-96=null,aes-gmac=null,null=aes-gcm");
  EXPECT_THAT(parsed.warning, HasSubstr("aes-gmac=null,null=aes-gcm"));
  EXPECT_THAT(parsed.error, IsEmpty());
}

// Pitfall: a prefix taken as a match.
TEST(ParseAlgorithmList, TakesWholeWordsOnly) {
  for (const char* word : {"h", "hmac", "hmac-sha-1", "aes", "aes-", "nul", "nulll", "=",
                           "null=", "aes-gcm=null=aes-gcm", "hmac-sha-1-96 null"}) {
    const Parsed parsed = Parse(word);
    EXPECT_FALSE(parsed.ok) << word;
    EXPECT_THAT(parsed.error, HasSubstr("des-ede3-cbc")) << word;
    EXPECT_EQ(parsed.text, "") << word;
  }
}

TEST(ParseAlgorithmList, RefusesPairsThatAreNotLegal) {
  for (const char* pair : {"null=null", "null=aes-cbc", "hmac-sha-1-96=aes-gcm", "aes-gmac=aes-cbc",
                           "hmac-md5-96=aes-gcm"}) {
    const Parsed parsed = Parse(pair);
    EXPECT_FALSE(parsed.ok) << pair;
    EXPECT_THAT(parsed.error, HasSubstr(pair));
  }
}

TEST(ParseAlgorithmList, RefusesAnEmptyItem) {
  EXPECT_THAT(Parse("aes-gcm,").error, HasSubstr("empty"));
  EXPECT_THAT(Parse(",aes-gcm").error, HasSubstr("empty"));
  EXPECT_THAT(Parse("aes-gcm,,aes-gmac").error, HasSubstr("empty"));
}

TEST(ParseAlgorithmList, RefusesHalfAPair) {
  EXPECT_THAT(Parse("=null").error, HasSubstr("\"\" is no integrity algorithm"));
  EXPECT_THAT(Parse("null=").error, HasSubstr("\"\" is no encryption algorithm"));
}

TEST(ParseAlgorithmList, NamesEveryWrongItem) {
  const Parsed parsed = Parse("rot13,aes-gcm,sha1=null,null=xor");
  EXPECT_FALSE(parsed.ok);
  EXPECT_THAT(parsed.error, HasSubstr("\"rot13\""));
  EXPECT_THAT(parsed.error, HasSubstr("\"sha1\" is no integrity algorithm: hmac-md5-96"));
  EXPECT_THAT(parsed.error, HasSubstr("\"xor\" is no encryption algorithm: des-ede3-cbc"));
}

TEST(ParseAlgorithmList, LeavesTheListAloneWhenItFails) {
  AlgorithmList list = AlgorithmList::All();
  std::string error;
  std::string warning;
  EXPECT_FALSE(ParseAlgorithmList("aes-gcm,rot13", &list, &error, &warning));
  EXPECT_EQ(TextOf(list), kAllText);
}

}  // namespace
}  // namespace edge
