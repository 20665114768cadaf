#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/aka.h"
#include "tools/subscriber.h"

namespace tools {
namespace {

using testing::HasSubstr;

SubscriberOptions Options(uint32_t count) {
  SubscriberOptions options;
  options.count = count;
  return options;
}

TEST(Subscriber, NamesTheIdentitiesOfAnImsi) {
  const SubscriberRange range(Options(2));
  EXPECT_EQ(range.Imsi(1), "001010000000002");
  EXPECT_EQ(range.PrivateIdentity(1), "001010000000002@ims.mnc001.mcc001.3gppnetwork.org");
  EXPECT_EQ(range.PublicIdentity(1), "sip:001010000000002@ims.mnc001.mcc001.3gppnetwork.org");
  EXPECT_EQ(range.Number(1), "+10000000002");
}

TEST(Subscriber, IsFoundByEveryIdentity) {
  const SubscriberRange range(Options(20));
  for (uint32_t i = 0; i < 20; ++i) {
    EXPECT_EQ(range.Find(range.Imsi(i)), i);
    EXPECT_EQ(range.Find(range.PrivateIdentity(i)), i);
    EXPECT_EQ(range.Find(range.PublicIdentity(i)), i);
    EXPECT_EQ(range.Find("SIP:" + range.PrivateIdentity(i) + ";transport=udp"), i);
    EXPECT_EQ(range.Find("tel:" + range.Number(i)), i);
    EXPECT_EQ(range.Find("sip:" + range.Number(i) + "@" + range.realm() + ";user=phone"), i);
  }
}

TEST(Subscriber, StrangersAreNotFound) {
  const SubscriberRange range(Options(10));
  for (const char* identity :
       {"", "sip:", "001010000000000", "001010000000011", "1010000000001", "00101000000000a",
        "001010000000001@elsewhere.org", "+10000000011", "+1", "+1000000000x", "tel:+4912345"}) {
    EXPECT_EQ(range.Find(identity), std::nullopt) << identity;
  }
}

// The derivation is a contract: gmcore and gmue of two versions must agree.
TEST(Subscriber, DerivesKeysFromSeedAndImsi) {
  const SubscriberRange range(Options(2));
  Bytes16 rand{};
  // HMAC-SHA-256("gmedge", "gmedge subscriber 001010000000001") as OpenSSL's command line gives it.
  Bytes16 k, opc;
  ASSERT_TRUE(HexDecode("6f4e16baf2c5a6394c62894ed040108b", k));
  ASSERT_TRUE(HexDecode("853a9b6db89f7b25447ced63f79ba568", opc));
  EXPECT_EQ(range.Keys(0).F2345(rand).ck, Milenage(k, opc).F2345(rand).ck);
  EXPECT_NE(range.Keys(1).F2345(rand).ck, Milenage(k, opc).F2345(rand).ck);
}

TEST(Subscriber, OverridesGiveAllTheSameKeys) {
  SubscriberOptions options = Options(2);
  options.k.emplace().fill(1);
  options.opc.emplace().fill(2);
  const SubscriberRange range(options);
  EXPECT_EQ(range.Keys(0).F2345({}).res, range.Keys(1).F2345({}).res);
}

TEST(Subscriber, ChecksItsOptions) {
  EXPECT_EQ(SubscriberRange::Check(Options(1)), "");
  EXPECT_THAT(SubscriberRange::Check(Options(0)), HasSubstr("at least one"));
  SubscriberOptions options = Options(2);
  options.first_imsi = "999999";
  EXPECT_THAT(SubscriberRange::Check(options), HasSubstr("more digits"));
  options.first_imsi = "12345";
  EXPECT_THAT(SubscriberRange::Check(options), HasSubstr("6 to 15 digits"));
  options.first_imsi = "0010100000000001";
  EXPECT_THAT(SubscriberRange::Check(options), HasSubstr("6 to 15 digits"));
  options = Options(1);
  options.realm = "a b";
  EXPECT_THAT(SubscriberRange::Check(options), HasSubstr("domain name"));
}

}  // namespace
}  // namespace tools
