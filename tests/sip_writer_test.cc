#include <gtest/gtest.h>

#include <array>
#include <string>

#include "sip/writer.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::ReadData;
using gmedge_test::WithCrlf;

std::string Respond(const Message& request, const ResponseHead& head, std::string_view extra = "") {
  std::array<char, 4096> out;
  Writer writer(out);
  return WriteResponse(request, head, extra, &writer) ? std::string(writer.text()) : "";
}

// The first Via line of the response to a request with that Via.
std::string ViaOfResponse(std::string_view via, const ResponseHead& head) {
  const Parsed parsed("OPTIONS sip:a SIP/2.0\r\nVia: " + std::string(via) +
                      "\r\nf: <sip:a>\r\nt: <sip:b>\r\ni: 1\r\nCSeq: 1 OPTIONS\r\n\r\n");
  EXPECT_EQ(parsed.error, ParseError::kOk);
  const std::string response = Respond(parsed.message, head);
  const size_t begin = response.find("Via: ") + 5;
  return response.substr(begin, response.find("\r\nFrom") - begin);
}

TEST(SipWriter, PutsTextAndNumbers) {
  std::array<char, 64> out;
  Writer writer(out);
  writer.Put("a").Put("").PutNumber(0).PutNumber(UINT64_MAX).PutHex(0x1fe, 4).PutHex(0xabc, 2);
  writer.Line("X", {"y", "z"});
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(writer.text(), "a01844674407370955161501febcX: yz\r\n");
  EXPECT_EQ(writer.size(), writer.text().size());
}

TEST(SipWriter, RemembersThatTheRoomRanOut) {
  std::array<char, 4> out;
  Writer writer(out);
  writer.Put("abc").Put("de");
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 0U);
  EXPECT_EQ(writer.text(), "");
  writer.Put("f");  // It would fit, and the text would have a hole.
  EXPECT_EQ(writer.size(), 0U);

  Writer exact(out);
  exact.Put("abcd");
  EXPECT_TRUE(exact.ok());
  EXPECT_EQ(exact.text(), "abcd");
}

TEST(SipWriteResponse, CopiesWhatARequestGives) {
  const Parsed parsed(WithCrlf(R"(REGISTER sip:example.net SIP/2.0
v: SIP/2.0/UDP 192.0.2.1;branch=x;rport, SIP/2.0/TCP inner
Max-Forwards: 70
f: <sip:a@example.net>;tag=1
t: <sip:a@example.net>
i: 1@example.net
Via: SIP/2.0/TCP innermost
CSeq: 7 REGISTER

)"));
  ASSERT_EQ(parsed.error, ParseError::kOk);
  const ResponseHead head = {
      .status = 494, .to_tag = "gm1", .received = "198.51.100.7", .rport = 40000};
  EXPECT_EQ(Respond(parsed.message, head, "Require: sec-agree\r\n"),
            WithCrlf(R"(SIP/2.0 494 Security Agreement Required
Via: SIP/2.0/UDP 192.0.2.1;branch=x;rport=40000;received=198.51.100.7, SIP/2.0/TCP inner
Via: SIP/2.0/TCP innermost
From: <sip:a@example.net>;tag=1
To: <sip:a@example.net>;tag=gm1
Call-ID: 1@example.net
CSeq: 7 REGISTER
Require: sec-agree
Content-Length: 0

)"));
}

TEST(SipWriteResponse, TopmostViaGetsReceivedAndRport) {
  const ResponseHead head = {.status = 200, .received = "2001:db8::7", .rport = 40000};
  EXPECT_EQ(ViaOfResponse("SIP/2.0/UDP h;branch=x", head),
            "SIP/2.0/UDP h;branch=x;received=2001:db8::7");
  EXPECT_EQ(ViaOfResponse("SIP/2.0/UDP h;rport=1;branch=x", head),
            "SIP/2.0/UDP h;rport=40000;branch=x;received=2001:db8::7");
  // What the sender wrote there himself is not believed.
  EXPECT_EQ(ViaOfResponse("SIP/2.0/UDP h;received=192.0.2.9;rport;branch=x", head),
            "SIP/2.0/UDP h;rport=40000;branch=x;received=2001:db8::7");
  EXPECT_EQ(ViaOfResponse("SIP/2.0/UDP h;rport;received=192.0.2.9;branch=x", head),
            "SIP/2.0/UDP h;rport=40000;branch=x;received=2001:db8::7");
  EXPECT_EQ(ViaOfResponse("SIP/2.0/UDP h", head), "SIP/2.0/UDP h;received=2001:db8::7");
}

TEST(SipWriteResponse, TopmostViaStaysWhenNothingIsGiven) {
  const std::string_view via = "SIP/2.0/UDP h;received=192.0.2.9;rport;branch=x";
  EXPECT_EQ(ViaOfResponse(via, {.status = 200}), via);
  EXPECT_EQ(ViaOfResponse("SIP/2.0/UDP h;;,x", {.status = 400, .received = "192.0.2.1"}),
            "SIP/2.0/UDP h;;,x");
}

TEST(SipWriteResponse, ToGetsATagOnlyWhenItHasNone) {
  const Parsed tagged(ReadData("messages/b-401.sip"));
  EXPECT_NE(Respond(tagged.message, {.status = 200, .to_tag = "x"}).find("58.8d0e\r\n"),
            std::string::npos);
  const Parsed untagged(ReadData("messages/a-register.sip"));
  EXPECT_NE(Respond(untagged.message, {.status = 200, .to_tag = "x"}).find("org>;tag=x\r\n"),
            std::string::npos);
  EXPECT_EQ(Respond(untagged.message, {.status = 200}).find(";tag=x"), std::string::npos);
}

TEST(SipWriteResponse, IsAMessageAgain) {
  const Parsed request(ReadData("messages/c-invite.sip"));
  const Parsed response(
      Respond(request.message, {.status = 403, .reason = "No Way", .to_tag = "x"}));
  ASSERT_EQ(response.error, ParseError::kOk);
  EXPECT_EQ(Validate(response.message), ParseError::kOk);
  EXPECT_EQ(response.message.status(), 403);
  EXPECT_EQ(response.message.reason(), "No Way");
  EXPECT_EQ(response.message.Value(HeaderId::kCallId), request.message.Value(HeaderId::kCallId));
  EXPECT_EQ(response.message.Value(HeaderId::kCSeq), request.message.Value(HeaderId::kCSeq));
}

TEST(SipWriteResponse, NeedsTheFiveHeaders) {
  const std::string bytes = ReadData("messages/a-register.sip");
  for (const char* name : {"Via:", "From:", "To:", "Call-ID:", "CSeq:"}) {
    std::string without = bytes;
    without.replace(without.find(name), 2, "X-");
    const Parsed parsed(without);
    EXPECT_EQ(Respond(parsed.message, {.status = 400}), "") << name;
  }
}

TEST(SipWriteResponse, IsWholeOrNothing) {
  const Parsed parsed(ReadData("messages/a-register.sip"));
  const std::string whole = Respond(parsed.message, {.status = 400});
  std::string out(whole.size(), '\0');
  for (size_t size = 0; size <= out.size(); ++size) {
    Writer writer({out.data(), size});
    EXPECT_EQ(WriteResponse(parsed.message, {.status = 400}, "", &writer), size == whole.size());
    EXPECT_EQ(writer.size(), size == whole.size() ? size : 0);
  }
}

TEST(SipReasonPhrase, IsThatOfTheRegistry) {
  EXPECT_EQ(ReasonPhrase(100), "Trying");
  EXPECT_EQ(ReasonPhrase(401), "Unauthorized");
  EXPECT_EQ(ReasonPhrase(494), "Security Agreement Required");
  EXPECT_EQ(ReasonPhrase(606), "Not Acceptable");
  EXPECT_EQ(ReasonPhrase(499), "Unknown");
}

}  // namespace
}  // namespace sip
