// The messages of RFC 4475 that tests/data/torture/README.md lists, and what a proxy does with
// each.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "sip/address.h"
#include "sip/list.h"
#include "sip/message.h"
#include "sip/number.h"
#include "sip/uri.h"
#include "sip/via.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::ReadData;

struct Verdict {
  const char* file;
  ParseError parse;
  ParseError validate = ParseError::kOk;  // When it parses.
};

// In the order of the RFC.
constexpr Verdict kVerdicts[] = {
    {"wsinv", ParseError::kOk},
    {"intmeth", ParseError::kOk},
    {"esc01", ParseError::kOk},
    {"semiuri", ParseError::kOk},
    {"transports", ParseError::kOk},
    {"unreason", ParseError::kOk},
    {"noreason", ParseError::kOk},
    {"badinv01", ParseError::kOk, ParseError::kBadVia},
    {"clerr", ParseError::kTruncatedBody},
    {"ncl", ParseError::kBadContentLength},
    {"scalar02", ParseError::kOk, ParseError::kBadCSeq},
    {"ltgtruri", ParseError::kOk, ParseError::kBadRequestUri},
    {"lwsstart", ParseError::kBadStartLine},
    {"trws", ParseError::kBadStartLine},
    {"escruri", ParseError::kOk, ParseError::kBadRequestUri},
    {"baddate", ParseError::kOk},  // Date is none of a proxy's business.
    {"regbadct", ParseError::kOk, ParseError::kBadAddress},
    {"badaspec", ParseError::kOk, ParseError::kBadAddress},
    {"baddn", ParseError::kNoEmptyLine},
    {"badvers", ParseError::kBadVersion},
    {"mismatch01", ParseError::kOk, ParseError::kMethodMismatch},
    {"mismatch02", ParseError::kOk, ParseError::kMethodMismatch},
    {"bigcode", ParseError::kBadStatusCode},
    {"unkscm", ParseError::kOk, ParseError::kUnsupportedScheme},
    {"novelsc", ParseError::kOk, ParseError::kUnsupportedScheme},
    {"unksm2", ParseError::kOk},  // A registrar's business.
    {"bext01", ParseError::kOk},
    {"invut", ParseError::kOk},
    {"regaut01", ParseError::kOk},
    {"multi01", ParseError::kOk, ParseError::kRepeatedHeader},
    {"zeromf", ParseError::kOk},  // Answered 483, not malformed.
    {"cparam01", ParseError::kOk},
    {"sdp01", ParseError::kOk},
    {"inv2543", ParseError::kOk},
    {"test", ParseError::kBadStartLine},
};

std::string Torture(const std::string& name) {
  return ReadData("torture/rfc4475/" + name + ".dat");
}

class SipTorture : public testing::TestWithParam<Verdict> {};

TEST_P(SipTorture, GetsItsVerdict) {
  const Parsed parsed(Torture(GetParam().file));
  EXPECT_EQ(Name(parsed.error), Name(GetParam().parse));
  if (parsed.error != ParseError::kOk) return;
  EXPECT_EQ(Name(Validate(parsed.message)), Name(GetParam().validate));
}

INSTANTIATE_TEST_SUITE_P(Rfc4475, SipTorture, testing::ValuesIn(kVerdicts),
                         [](const testing::TestParamInfo<Verdict>& verdict) {
                           return std::string(verdict.param.file);
                         });

TEST(SipTortureFiles, EveryFileHasAVerdict) {
  size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(GMEDGE_SOURCE_DIR "/tests/data/torture/rfc4475")) {
    ++files;
    const std::string name = entry.path().stem().string();
    EXPECT_TRUE(std::any_of(std::begin(kVerdicts), std::end(kVerdicts),
                            [&](const Verdict& verdict) { return verdict.file == name; }))
        << name;
  }
  EXPECT_EQ(files, std::size(kVerdicts));
}

// RFC 4475 3.1.1.1: folds and blanks wherever the grammar lets them stand.
TEST(SipTortureFacts, Wsinv) {
  const Parsed parsed(Torture("wsinv"));
  const Message& message = parsed.message;
  EXPECT_EQ(DecodeNumber(message.Value(HeaderId::kMaxForwards), 255), 68U);
  CSeq cseq;
  ASSERT_EQ(DecodeCSeq(message.Value(HeaderId::kCSeq), &cseq), ParseError::kOk);
  EXPECT_EQ(cseq.number, 9U);
  EXPECT_EQ(cseq.method, Method::kInvite);
  EXPECT_EQ(message.Value(HeaderId::kSubject), "");
  EXPECT_TRUE(message.Has(HeaderId::kSubject));

  std::string vias;
  ListReader reader(message, HeaderId::kVia);
  for (ListMember member; reader.Next(&member);) {
    Via via;
    ASSERT_EQ(DecodeVia(member.text, &via), ParseError::kOk) << member.text;
    vias += std::string(via.transport_text) + " " + std::string(via.host) + " " +
            std::string(via.branch) + "\n";
  }
  EXPECT_EQ(vias,
            "UDP 192.0.2.2 390skdjuw\n"
            "TCP spindle.example.com z9hG4bK9ikj8\n"
            "UDP 192.168.255.111 z9hG4bK30239\n");

  Address from;
  ASSERT_EQ(DecodeAddress(message.Value(HeaderId::kFrom), &from), ParseError::kOk);
  EXPECT_EQ(from.display, R"("J Rosenberg \\\"")");
  EXPECT_EQ(from.uri, "sip:jdrosen@example.com");
  EXPECT_EQ(FindParam(from.params, "tag")->value, "98asjd8");
  Address to;
  ASSERT_EQ(DecodeAddress(message.Value(HeaderId::kTo), &to), ParseError::kOk);
  EXPECT_EQ(to.uri, "sip:vivekg@chair-dnrc.example.com");
  EXPECT_EQ(FindParam(to.params, "tag")->value, "1918181833n");

  for (const Header& header : message.headers()) {
    if (message.Text(header.name) == "UnknownHeaderWithUnusualValue") {
      EXPECT_EQ(message.Value(header), ";;,,;;,;");
    }
  }
}

TEST(SipTortureFacts, Intmeth) {
  const Parsed parsed(Torture("intmeth"));
  EXPECT_EQ(parsed.message.method(), Method::kOther);
  Uri uri;
  ASSERT_EQ(DecodeUri(parsed.message.request_uri(), &uri), ParseError::kOk);
  EXPECT_EQ(uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  EXPECT_EQ(uri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
  EXPECT_EQ(uri.host, "example.com");
  Address to;
  ASSERT_EQ(DecodeAddress(parsed.message.Value(HeaderId::kTo), &to), ParseError::kOk);
  EXPECT_NE(to.display.find('\0'), std::string_view::npos);
}

TEST(SipTortureFacts, Semiuri) {
  const Parsed parsed(Torture("semiuri"));
  Uri uri;
  ASSERT_EQ(DecodeUri(parsed.message.request_uri(), &uri), ParseError::kOk);
  EXPECT_EQ(uri.user, "user;par=u%40example.net");
  EXPECT_EQ(uri.host, "example.com");
  EXPECT_EQ(uri.params, "");
}

TEST(SipTortureFacts, Transports) {
  const Parsed parsed(Torture("transports"));
  std::vector<Transport> transports;
  ListReader reader(parsed.message, HeaderId::kVia);
  for (ListMember member; reader.Next(&member);) {
    Via via;
    ASSERT_EQ(DecodeVia(member.text, &via), ParseError::kOk);
    transports.push_back(via.transport);
  }
  EXPECT_EQ(transports, (std::vector<Transport>{Transport::kUdp, Transport::kSctp, Transport::kTls,
                                                Transport::kOther, Transport::kTcp}));
}

TEST(SipTortureFacts, Bext01) {
  const Parsed parsed(Torture("bext01"));
  EXPECT_TRUE(HasOptionTag(parsed.message, HeaderId::kProxyRequire, "norDoAnyProxiesSupportThis"));
  EXPECT_FALSE(HasOptionTag(parsed.message, HeaderId::kProxyRequire, "nothingSupportsThis"));
}

// The address-of-record parameters stand outside the brackets (RFC 4475 3.3.12).
TEST(SipTortureFacts, Cparam01) {
  const Parsed parsed(Torture("cparam01"));
  Address contact;
  ASSERT_EQ(DecodeAddress(parsed.message.Value(HeaderId::kContact), &contact), ParseError::kOk);
  EXPECT_EQ(contact.uri, "sip:+19725552222@gw1.example.net");
  EXPECT_EQ(contact.params, ";unknownparam");
}

// A request that is refused is answered: what the answer needs was read all the same.
TEST(SipTortureFacts, RefusedRequestsCanBeAnswered) {
  for (const char* file : {"badvers", "lwsstart", "trws", "clerr", "ncl", "baddn"}) {
    const Parsed parsed(Torture(file));
    EXPECT_TRUE(parsed.message.is_request()) << file;
    for (const HeaderId id :
         {HeaderId::kVia, HeaderId::kFrom, HeaderId::kTo, HeaderId::kCallId, HeaderId::kCSeq}) {
      EXPECT_TRUE(parsed.message.Has(id)) << file;
    }
  }
  EXPECT_FALSE(Parsed(Torture("bigcode")).message.is_request());
}

}  // namespace
}  // namespace sip
