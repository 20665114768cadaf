#include <gmock/gmock.h>

#include "edge/dns_message.h"
#include "tests/edge_dns_server.h"

namespace edge {
namespace {

constexpr DnsType kCname = DnsType(5);

// Header and question as c-ares writes them.
std::string Query(const std::string& name, DnsType type) {
  std::string out("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  out += DnsName(name);
  PutNumber(static_cast<uint16_t>(type), &out);
  PutNumber(1, &out);
  return out;
}

DnsAnswer Read(const std::string& response, DnsType type) {
  return ReadDnsResponse({reinterpret_cast<const uint8_t*>(response.data()), response.size()},
                         type);
}
DnsAnswer Read(const std::string& name, DnsType type, const std::vector<DnsRecord>& records) {
  return Read(DnsResponse(Query(name, type), records, 0), type);
}

TEST(EdgeDnsMessage, ReadsNaptrRecordsAndTheLeastTtl) {
  const DnsAnswer answer =
      Read("a.example", DnsType::kNaptr,
           {{"a.example", DnsType::kNaptr, 300, NaptrData(10, 20, "s", "SIP+D2U", "u.example")},
            {"a.example", DnsType::kNaptr, 70000, NaptrData(11, 21, "S", "SIP+D2T", "t.example")}});
  EXPECT_EQ(answer.status, DnsStatus::kOk);
  EXPECT_EQ(answer.ttl_s, 300u);
  ASSERT_EQ(answer.naptr.size(), 2u);
  EXPECT_EQ(answer.naptr[1].order, 11);
  EXPECT_EQ(answer.naptr[1].preference, 21);
  EXPECT_EQ(answer.naptr[1].flags, "S");
  EXPECT_EQ(answer.naptr[1].service, "SIP+D2T");
  EXPECT_EQ(answer.naptr[1].replacement, "t.example");
}

TEST(EdgeDnsMessage, ReadsSrvRecords) {
  const DnsAnswer answer =
      Read("_sip._udp.a.example", DnsType::kSrv,
           {{"_sip._udp.a.example", DnsType::kSrv, 70000, SrvData(1, 2, 5070, "h.example")}});
  EXPECT_EQ(answer.status, DnsStatus::kOk);
  EXPECT_EQ(answer.ttl_s, 70000u);
  ASSERT_EQ(answer.srv.size(), 1u);
  EXPECT_EQ(answer.srv[0].priority, 1);
  EXPECT_EQ(answer.srv[0].weight, 2);
  EXPECT_EQ(answer.srv[0].port, 5070);
  EXPECT_EQ(answer.srv[0].host, "h.example");
}

TEST(EdgeDnsMessage, ReadsAddressesOfBothFamilies) {
  DnsAnswer answer = Read("h.example", DnsType::kA,
                          {{"h.example", DnsType::kA, 5, AddressData("10.0.0.1:0")},
                           {"h.example", DnsType::kA, 5, AddressData("10.0.0.2:0")}});
  ASSERT_EQ(answer.addresses.size(), 2u);
  EXPECT_TRUE(reactor::SameAddress(answer.addresses[1], At("10.0.0.2:1")));
  answer = Read("h.example", DnsType::kAaaa,
                {{"h.example", DnsType::kAaaa, 5, AddressData("[2001:db8::1]:0")}});
  ASSERT_EQ(answer.addresses.size(), 1u);
  EXPECT_TRUE(reactor::SameAddress(answer.addresses[0], At("[2001:db8::1]:1")));
}

TEST(EdgeDnsMessage, FollowsAnAliasWhoseTtlCountsToo) {
  const DnsAnswer answer = Read("h.example", DnsType::kA,
                                {{"h.example", kCname, 7, DnsName("real.example")},
                                 {"real.example", DnsType::kA, 60, AddressData("10.0.0.1:0")}});
  ASSERT_EQ(answer.addresses.size(), 1u);
  EXPECT_EQ(answer.ttl_s, 7u);
}

TEST(EdgeDnsMessage, AnAnswerWithoutRecordsOfItsTypeIsNone) {
  EXPECT_EQ(Read("h.example", DnsType::kA, {}).status, DnsStatus::kNone);
  EXPECT_EQ(Read("h.example", DnsType::kA, {{"h.example", kCname, 7, DnsName("x.example")}}).status,
            DnsStatus::kNone);
}

TEST(EdgeDnsMessage, WhatIsCutShortAnywhereIsNoneOrWhatWasThere) {
  const std::string whole = DnsResponse(
      Query("a.example", DnsType::kNaptr),
      {{"a.example", DnsType::kNaptr, 300, NaptrData(1, 2, "s", "SIP+D2U", "u.example")}}, 0);
  EXPECT_EQ(Read(whole, DnsType::kNaptr).status, DnsStatus::kOk);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(Read(whole.substr(0, size), DnsType::kNaptr).status, DnsStatus::kNone) << size;
  }
}

}  // namespace
}  // namespace edge
