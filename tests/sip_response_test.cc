#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "sip/chars.h"
#include "sip/list.h"
#include "sip/response.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::ReadData;
using gmedge_test::RequestWith;
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
  const ResponseHead head = {.status = 400,
                             .security_server = "tls",
                             .requires_sec_agree = true,
                             .unsupported_of = HeaderId::kProxyRequire,
                             .retry_after_s = 30,
                             .warning = {.agent = "gm", .text = "\"x\""}};
  const std::string whole = Respond(parsed.message, head);
  std::string out(whole.size(), '\0');
  for (size_t size = 0; size <= out.size(); ++size) {
    Writer writer({out.data(), size});
    EXPECT_EQ(WriteResponse(parsed.message, head, "", &writer), size == whole.size());
    EXPECT_EQ(writer.size(), size == whole.size() ? size : 0);
  }
}

TEST(SipWriteResponse, WritesTheFieldsOfAnAgreement) {  // RFC 3329 2.3.1.
  const Parsed parsed(
      RequestWith("Proxy-Require: foo, sec-agree\r\nProxy-Require: Bar,a b,foo\r\n"));
  constexpr std::string_view kSupported[] = {"path", "Sec-Agree"};
  const ResponseHead head = {
      .status = 494,
      .to_tag = "t",
      .security_server = "ipsec-3gpp;alg=hmac-sha-1-96, tls;q=0.1",
      .requires_sec_agree = true,
      .unsupported_of = HeaderId::kProxyRequire,
      .supported = kSupported,
      .retry_after_s = 30,
      .warning = {.agent = "[2001:db8::1]:5060", .text = "say \"no\" to \\ \xc3\xa4"}};
  EXPECT_EQ(Respond(parsed.message, head, "Server: gm\r\n"),
            WithCrlf(R"(SIP/2.0 494 Security Agreement Required
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1
From: <sip:a@example.net>;tag=1
To: <sip:b@example.net>;tag=t
Call-ID: 1@example.net
CSeq: 1 MESSAGE
Security-Server: ipsec-3gpp;alg=hmac-sha-1-96, tls;q=0.1
Require: sec-agree
Unsupported: foo, Bar, foo
Retry-After: 30
Warning: 399 [2001:db8::1]:5060 "say \"no\" to \\ ä"
Server: gm
Content-Length: 0

)"));
}

TEST(SipWriteResponse, LeavesOutFieldsThatSayNothing) {
  const Parsed parsed(RequestWith("Require: a, b\r\nProxy-Require: x y\r\n"));
  constexpr std::string_view kSupported[] = {"A", "B"};
  const std::string bare = Respond(parsed.message, {.status = 420});
  EXPECT_EQ(Respond(parsed.message, {.status = 420,
                                     .unsupported_of = HeaderId::kRequire,
                                     .supported = kSupported,
                                     .warning = {.text = "nobody says it"}}),
            bare);
  // A tag that is none is refused and not given back.
  EXPECT_EQ(Respond(parsed.message, {.status = 420, .unsupported_of = HeaderId::kProxyRequire}),
            bare);
  EXPECT_EQ(bare.find("Unsupported"), std::string::npos);
  EXPECT_NE(Respond(parsed.message, {.status = 503, .retry_after_s = 0}).find("Retry-After: 0\r\n"),
            std::string::npos);
}

TEST(SipRequiresMore, TellsTagsThatAreNotSupported) {
  const Parsed parsed(
      RequestWith("Require: a\r\nProxy-Require: Sec-Agree\r\nProxy-Require: x y\r\n"));
  constexpr std::string_view kSupported[] = {"sec-agree", "A"};
  EXPECT_FALSE(RequiresMore(parsed.message, HeaderId::kRequire, kSupported));
  EXPECT_TRUE(RequiresMore(parsed.message, HeaderId::kRequire, {}));
  EXPECT_TRUE(RequiresMore(parsed.message, HeaderId::kProxyRequire, kSupported));
  EXPECT_FALSE(RequiresMore(parsed.message, HeaderId::kSupported, {}));
}

TEST(SipWriteResponse, TryingHasNoTagAndTheTimestamp) {  // RFC 3261 8.2.6.
  const Parsed parsed(RequestWith("Timestamp : 54\r\nTimestamp: 55\r\n", "INVITE"));
  EXPECT_EQ(Respond(parsed.message, {.status = 100, .to_tag = "t"}), WithCrlf(R"(SIP/2.0 100 Trying
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1
From: <sip:a@example.net>;tag=1
To: <sip:b@example.net>
Call-ID: 1@example.net
CSeq: 1 INVITE
Timestamp: 54
Content-Length: 0

)"));
  EXPECT_EQ(Respond(parsed.message, {.status = 180}).find("Timestamp"), std::string::npos);
  const Parsed without(RequestWith("X-Timestamp: 1\r\n", "INVITE"));
  EXPECT_EQ(Respond(without.message, {.status = 100}).find("Timestamp"), std::string::npos);
}

TEST(SipWriteResponse, NoGivenTextMakesALine) {
  const Parsed parsed(RequestWith(""));
  using std::string_literals::operator""s;
  for (const std::string& evil :
       {"a\r\nX: y"s, "a\nX: y"s, "a\rX: y"s, "a\0"s, "\r"s, "a\x7f"s, "a\x1b[1m"s, "a\r\n y"s}) {
    const auto refused = [&](const ResponseHead& head) {
      std::array<char, 4096> out;
      Writer writer(out);
      return !WriteResponse(parsed.message, head, "", &writer) && writer.size() == 0;
    };
    EXPECT_TRUE(refused({.status = 400, .reason = evil})) << evil;
    EXPECT_TRUE(refused({.status = 400, .to_tag = evil})) << evil;
    EXPECT_TRUE(refused({.status = 400, .received = evil})) << evil;
    EXPECT_TRUE(refused({.status = 400, .security_server = evil})) << evil;
    EXPECT_TRUE(refused({.status = 400, .warning = {.agent = evil}})) << evil;
    EXPECT_TRUE(refused({.status = 400, .warning = {.agent = "a", .text = evil}})) << evil;
  }
  EXPECT_EQ(Respond(parsed.message, {.status = 400, .to_tag = "a;b"}), "");
  EXPECT_EQ(Respond(parsed.message, {.status = 400, .received = "a;b"}), "");
  EXPECT_EQ(Respond(parsed.message, {.status = 400, .warning = {.agent = "a b"}}), "");
}

TEST(SipWriteResponse, ExtraIsWholeLines) {
  const Parsed parsed(RequestWith(""));
  using std::string_literals::operator""s;
  for (const std::string& lines :
       {"A: b"s, "A: b\n"s, "A: b\r"s, "\r\n"s, "A: b\r\n\r\n"s, "A: b\r\n\r\nC: d\r\n"s,
        " A: b\r\n"s, "A: b\rC: d\r\n"s, "A: b\nC: d\r\n"s, "A: \0\r\n"s, "\nA: b\r\n"s}) {
    EXPECT_EQ(Respond(parsed.message, {.status = 200}, lines), "") << lines;
  }
  for (const std::string& lines : {""s, "A: b\r\n"s, "A: b,\r\n\tc\r\nD: e\r\n"s}) {
    const std::string response = Respond(parsed.message, {.status = 200}, lines);
    EXPECT_TRUE(response.ends_with(lines + "Content-Length: 0\r\n\r\n")) << lines;
  }
}

// A CR that ends no line may end one for who reads the response (a malformed request is answered
// all the same).
TEST(SipWriteResponse, NothingOfTheRequestMakesALine) {
  const Parsed parsed(
      "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;x=1\rX: y;branch=b\r\nVia: SIP/2.0/UDP\r\n\t "
      "b\r\n"
      "From: \"a\r\n b\" \n <sip:a>\rX: y\r\nTo: <sip:b>\rX: y\r\ni: 1\rX: y\r\n"
      "CSeq: 1\r\n INVITE\r\nTimestamp: 1\rX: y\r\n\r\n");
  ASSERT_EQ(parsed.error, ParseError::kBadHeader);
  EXPECT_EQ(Respond(parsed.message, {.status = 100}), WithCrlf(R"(SIP/2.0 100 Trying
Via: SIP/2.0/UDP a;x=1 X: y;branch=b
Via: SIP/2.0/UDP b
From: "a b"  <sip:a> X: y
To: <sip:b> X: y
Call-ID: 1 X: y
CSeq: 1 INVITE
Timestamp: 1 X: y
Content-Length: 0

)"));
}

// The members of all Via lines, or another header's value, folds read as one blank.
std::string Unfolded(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool fold = text[i] == '\r' || text[i] == '\n';
    result += fold ? ' ' : text[i];
    if (fold) i = SkipBlanks(text, i) - 1;
  }
  return result;
}

std::vector<std::string> Vias(const Message& message) {
  std::vector<std::string> vias;
  ListReader reader(message, HeaderId::kVia);
  for (ListMember member; reader.Next(&member);) vias.push_back(Unfolded(member.text));
  return vias;
}

TEST(SipWriteResponse, ABodyHasItsTypeAndLength) {
  const Parsed request(
      "INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nf: <sip:a>\r\n"
      "t: <sip:b>\r\ni: 1\r\nCSeq: 1 INVITE\r\n\r\n");
  const std::string text = Respond(
      request.message, {.status = 380, .content_type = "text/plain", .body = "call\r\n112"});
  EXPECT_TRUE(
      text.ends_with("\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\ncall\r\n112"))
      << text;
  EXPECT_EQ(Respond(request.message, {.status = 380, .content_type = "a\r\nb", .body = "x"}), "");
}

TEST(SipWriteResponse, EveryRequestOfTheDataIsAnsweredInItsOwnWords) {
  int count = 0;
  constexpr std::string_view kSupported[] = {"sec-agree"};
  for (const char* folder : {"messages", "vectors/sip", "torture/rfc4475"}) {
    const std::string path = std::string(GMEDGE_SOURCE_DIR "/tests/data/") + folder;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const std::string name = std::string(folder) + "/" + entry.path().filename().string();
      const Parsed request(ReadData(name));
      if (request.error != ParseError::kOk || !request.message.is_request() ||
          Validate(request.message) != ParseError::kOk) {
        continue;
      }
      const Parsed response(Respond(request.message, {.status = 420,
                                                      .to_tag = "t",
                                                      .security_server = "tls",
                                                      .requires_sec_agree = true,
                                                      .unsupported_of = HeaderId::kRequire,
                                                      .supported = kSupported,
                                                      .retry_after_s = 1,
                                                      .warning = {.agent = "gm", .text = "\"\\"}}));
      ASSERT_EQ(response.error, ParseError::kOk) << name;
      EXPECT_EQ(Validate(response.message), ParseError::kOk) << name;
      EXPECT_EQ(response.message.status(), 420) << name;
      EXPECT_EQ(Vias(response.message), Vias(request.message)) << name;
      for (const HeaderId id : {HeaderId::kFrom, HeaderId::kCallId, HeaderId::kCSeq}) {
        EXPECT_EQ(response.message.Value(id), Unfolded(request.message.Value(id))) << name;
      }
      EXPECT_EQ(response.message.body(), "") << name;
      ++count;
    }
  }
  EXPECT_GT(count, 30);
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
