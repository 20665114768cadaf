#include <gtest/gtest.h>

#include <string>

#include "sip/message.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::ReadData;
using gmedge_test::RequestWith;

ParseError ParseOnly(std::string_view bytes) {
  return Parsed(bytes).error;
}

TEST(SipMessage, TakesARegisterApart) {
  const std::string bytes = ReadData("messages/a-register.sip");
  const Parsed parsed(bytes);
  const Message& message = parsed.message;
  ASSERT_EQ(parsed.error, ParseError::kOk);
  EXPECT_TRUE(message.is_request());
  EXPECT_EQ(message.method(), Method::kRegister);
  EXPECT_EQ(message.method_text(), "REGISTER");
  EXPECT_EQ(message.request_uri(), "sip:ims.mnc001.mcc001.3gppnetwork.org");
  EXPECT_EQ(message.start_line(), "REGISTER sip:ims.mnc001.mcc001.3gppnetwork.org SIP/2.0");
  EXPECT_EQ(message.status(), 0);
  ASSERT_EQ(message.headers().size(), 17U);
  EXPECT_EQ(message.headers()[0].id, HeaderId::kVia);
  EXPECT_EQ(message.headers()[16].id, HeaderId::kContentLength);
  EXPECT_EQ(message.Value(HeaderId::kCallId), "3c26a7b0e91d44f8@10.45.0.2");
  EXPECT_EQ(message.Value(HeaderId::kExpires), "600000");
  EXPECT_EQ(message.Find(HeaderId::kRoute), nullptr);
  EXPECT_EQ(message.Value(HeaderId::kRoute), "");
  EXPECT_EQ(message.headers_begin(), message.start_line().size() + 2);
  EXPECT_EQ(message.headers_end(), bytes.size() - 2);
  EXPECT_EQ(message.body(), "");
  EXPECT_EQ(message.bytes(), bytes);
}

TEST(SipMessage, TakesAResponseApart) {
  const Parsed parsed(ReadData("messages/b-401.sip"));
  ASSERT_EQ(parsed.error, ParseError::kOk);
  EXPECT_FALSE(parsed.message.is_request());
  EXPECT_EQ(parsed.message.status(), 401);
  EXPECT_EQ(parsed.message.reason(), "Unauthorized");
  EXPECT_EQ(Validate(parsed.message), ParseError::kOk);
}

TEST(SipMessage, FindsTheBody) {
  const Parsed parsed(ReadData("messages/c-invite.sip"));
  ASSERT_EQ(parsed.error, ParseError::kOk);
  EXPECT_EQ(parsed.message.body().size(), 764U);
  EXPECT_TRUE(parsed.message.body().starts_with("v=0\r\n"));
  EXPECT_EQ(parsed.message.bytes().substr(parsed.message.headers_end(), 2), "\r\n");
}

TEST(SipMessage, WalksTheLinesOfOneName) {
  const Parsed parsed(RequestWith("Route: <sip:1>\r\nX: 1\r\nroute : <sip:2>\r\n"));
  ASSERT_EQ(parsed.error, ParseError::kOk);
  const Header* const first = parsed.message.Find(HeaderId::kRoute);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(parsed.message.Value(*first), "<sip:1>");
  const Header* const second = parsed.message.FindNext(first);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(parsed.message.Value(*second), "<sip:2>");
  EXPECT_EQ(parsed.message.Text(second->name), "route");
  EXPECT_EQ(parsed.message.Text(second->line), "route : <sip:2>\r\n");
  EXPECT_EQ(parsed.message.FindNext(second), nullptr);
}

TEST(SipMessage, KeepsFoldsInsideAValueAndTrimsItsEnds) {
  const Parsed parsed(RequestWith("Subject \t:\r\n  first\r\n\tsecond \t\r\n \r\n"));
  ASSERT_EQ(parsed.error, ParseError::kOk);
  const Header* const subject = parsed.message.Find(HeaderId::kSubject);
  ASSERT_NE(subject, nullptr);
  EXPECT_EQ(parsed.message.Text(subject->name), "Subject");
  EXPECT_EQ(parsed.message.Value(*subject), "first\r\n\tsecond");
  EXPECT_EQ(parsed.message.Text(subject->line), "Subject \t:\r\n  first\r\n\tsecond \t\r\n \r\n");
}

TEST(SipMessage, AcceptsLinesThatEndWithLfAlone) {
  std::string bytes = RequestWith("l: 4\r\n") + "body";
  std::erase(bytes, '\r');
  const Parsed parsed(bytes);
  ASSERT_EQ(parsed.error, ParseError::kOk);
  EXPECT_EQ(Validate(parsed.message), ParseError::kOk);
  EXPECT_EQ(parsed.message.body(), "body");
  EXPECT_EQ(parsed.message.Text(parsed.message.headers()[5].line), "l: 4\n");
}

TEST(SipMessage, SkipsCrlfBeforeTheStartLine) {
  const std::string request = RequestWith("");
  const Parsed parsed("\r\n\r\n\n" + request);
  ASSERT_EQ(parsed.error, ParseError::kOk);
  EXPECT_EQ(parsed.message.bytes(), request);
  EXPECT_EQ(parsed.message.start_line(), "MESSAGE sip:b@example.net SIP/2.0");
}

TEST(SipMessage, KeepAlivesAreEmpty) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view bytes :
       {""sv, "\r\n"sv, "\r\n\r\n"sv, "\n"sv, "\0"sv, "\0\0\0\0"sv, "\r\n\0\r\n"sv}) {
    EXPECT_EQ(ParseOnly(bytes), ParseError::kEmpty) << bytes.size();
  }
  EXPECT_EQ(ParseOnly("\0x"sv), ParseError::kBadStartLine);
}

TEST(SipMessage, BodyEndsWhereContentLengthSays) {
  const Parsed parsed(RequestWith("Content-Length: 3\r\n") + "abcdef");
  ASSERT_EQ(parsed.error, ParseError::kOk);
  EXPECT_EQ(parsed.message.body(), "abc");
  EXPECT_TRUE(parsed.message.bytes().ends_with("\r\n\r\nabc"));

  const Parsed without(RequestWith("") + "abcdef");
  ASSERT_EQ(without.error, ParseError::kOk);
  EXPECT_EQ(without.message.body(), "abcdef");
}

TEST(SipMessage, RefusesTwoContentLengthsThatDiffer) {
  EXPECT_EQ(ParseOnly(RequestWith("Content-Length: 0\r\nl: 0\r\n")), ParseError::kOk);
  EXPECT_EQ(ParseOnly(RequestWith("Content-Length: 0\r\nl: 1\r\n")), ParseError::kBadContentLength);
  EXPECT_EQ(ParseOnly(RequestWith("Content-Length: 0\r\nContent-Length: x\r\n")),
            ParseError::kBadContentLength);
}

TEST(SipMessage, RefusesABadContentLength) {
  for (const char* value : {"-1", "+1", "x", "", "1 2", "4294967296", "1;x", "0x1"}) {
    const std::string line = std::string("Content-Length: ") + value + "\r\n";
    EXPECT_EQ(ParseOnly(RequestWith(line)), ParseError::kBadContentLength) << value;
  }
  EXPECT_EQ(ParseOnly(RequestWith("l: 1\r\n")), ParseError::kTruncatedBody);
  EXPECT_EQ(ParseOnly(RequestWith("l: 4294967295\r\n")), ParseError::kTruncatedBody);
  EXPECT_EQ(ParseOnly(RequestWith("l: 0000000001\r\n") + "x"), ParseError::kOk);
}

TEST(SipMessage, RefusesAStartLineThatIsNeitherRequestNorStatus) {
  for (const char* line :
       {"x", "INVITE", "INVITE sip:a", "INVITE sip:a SIP/2.0 ", " INVITE sip:a SIP/2.0",
        "INVITE  sip:a SIP/2.0", "INVITE sip:a  SIP/2.0", "INV(TE sip:a SIP/2.0",
        "INVITE sip:a HTTP/1.1", "INVITE\tsip:a\tSIP/2.0", "INVITE sip:a SIP/2.0\r\n x", "SIP/2.0",
        "SIP/2.0 ", "SIP/2.0 200", "SIP/2.0\t200 OK", "SIP/2.1 200 OK", "SIP/2.0200 OK"}) {
    EXPECT_EQ(ParseOnly(std::string(line) + "\r\n\r\n"), ParseError::kBadStartLine) << line;
  }
  EXPECT_EQ(ParseOnly("INVITE sip:a SIP/3.0\r\n\r\n"), ParseError::kBadVersion);
  EXPECT_EQ(ParseOnly("INVITE sip:a sip/2.0\r\n\r\n"), ParseError::kOk);
  EXPECT_EQ(ParseOnly("sip/2.0 200 OK\r\n\r\n"), ParseError::kOk);
}

TEST(SipMessage, StatusCodeIsThreeDigitsFrom100To699) {
  for (const char* code : {"099", "700", "999", "20", "2000", "2x0", "+20", "4294967301", "000"}) {
    const Parsed parsed(std::string("SIP/2.0 ") + code + " x\r\n\r\n");
    EXPECT_EQ(parsed.error, ParseError::kBadStatusCode) << code;
    EXPECT_FALSE(parsed.message.is_request()) << code;  // A response is never answered.
  }
  EXPECT_EQ(Parsed("SIP/2.0 100 \r\n\r\n").message.status(), 100);
  EXPECT_EQ(Parsed("SIP/2.0 699 x y\r\n\r\n").message.reason(), "x y");
}

TEST(SipMessage, RejectsHeaderWithoutColonOrWithABadName) {
  for (const char* line :
       {"Foobar roobar\r\n", ": x\r\n", "A B: x\r\n", "A(: x\r\n", "\x80: x\r\n"}) {
    EXPECT_EQ(ParseOnly(RequestWith(line)), ParseError::kBadHeader) << line;
  }
}

TEST(SipMessage, RejectsACrThatOnlySomeReadersTakeForALineEnd) {
  EXPECT_EQ(ParseOnly(RequestWith("Subject: x\rP-Asserted-Identity: <sip:ceo@example.net>\r\n")),
            ParseError::kBadHeader);
  EXPECT_EQ(ParseOnly(RequestWith("") + "a\rb"), ParseError::kOk);
}

TEST(SipMessage, HeadersAreLimited) {
  std::string lines;
  for (int i = 5; i < Message::kHeadersMax; ++i) lines += "X: y\r\n";
  EXPECT_EQ(ParseOnly(RequestWith(lines)), ParseError::kOk);
  const Parsed parsed(RequestWith(lines + "X: y\r\n"));
  EXPECT_EQ(parsed.error, ParseError::kTooManyHeaders);
  EXPECT_EQ(parsed.message.headers().size(), size_t{Message::kHeadersMax});
}

TEST(SipMessage, SizeIsLimited) {
  const std::string request = RequestWith("");
  const std::string largest = request + std::string(kMessageSizeMax - request.size(), 'x');
  const Parsed parsed(largest);
  EXPECT_EQ(parsed.error, ParseError::kOk);
  EXPECT_EQ(parsed.message.bytes().size(), kMessageSizeMax);
  EXPECT_EQ(ParseOnly(largest + "x"), ParseError::kTooLarge);
}

TEST(SipMessage, ARefusedRequestCanStillBeAnswered) {
  const Parsed parsed(RequestWith("no colon\r\nl: x\r\n"));
  EXPECT_EQ(parsed.error, ParseError::kBadHeader);  // The first error is the one that is told.
  EXPECT_EQ(parsed.message.headers().size(), 6U);
  EXPECT_EQ(parsed.message.Value(HeaderId::kCallId), "1@example.net");
  EXPECT_EQ(Parsed(RequestWith("x: y\r\n").substr(0, 150)).error, ParseError::kNoEmptyLine);
}

TEST(SipMessage, EveryPrefixOfAMessageIsRefusedOrWhole) {
  const std::string bytes = ReadData("messages/d-200-register.sip");
  for (size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_NE(ParseOnly(std::string_view(bytes).substr(0, size)), ParseError::kOk) << size;
  }
}

TEST(SipMessage, OffsetsHoldForACopyOfTheBytes) {
  const Parsed parsed("\r\n" + RequestWith("l: 2\r\n") + "hi, and more");
  ASSERT_EQ(parsed.error, ParseError::kOk);
  Message copy = parsed.message;
  const gmedge_test::GuardedText guarded(parsed.message.bytes());
  const std::string_view bytes = guarded.text();
  copy.Rebase(guarded.padded());
  EXPECT_EQ(copy.Value(HeaderId::kCallId).data(), bytes.data() + bytes.find("1@example.net"));
  EXPECT_EQ(copy.body(), "hi");
  EXPECT_EQ(copy.SpanOf(copy.Value(HeaderId::kCallId)), copy.Find(HeaderId::kCallId)->value);
}

TEST(SipMessage, ParseForgetsTheMessageBefore) {
  Parsed parsed(ReadData("messages/a-register.sip"));
  const gmedge_test::GuardedText other("SIP/2.0 200 OK\r\nX: y\r\n\r\n");
  ASSERT_EQ(Parse(other.padded(), &parsed.message), ParseError::kOk);
  EXPECT_FALSE(parsed.message.Has(HeaderId::kVia));
  EXPECT_EQ(parsed.message.headers().size(), 1U);
  EXPECT_EQ(parsed.message.method_text(), "");
}

TEST(SipMessage, MethodsAreCaseSensitive) {
  for (int i = 1; i <= static_cast<int>(Method::kUpdate); ++i) {
    const Method method = static_cast<Method>(i);
    EXPECT_FALSE(Name(method).empty());
    EXPECT_EQ(LookUpMethod(Name(method)), method);
  }
  EXPECT_EQ(LookUpMethod("invite"), Method::kOther);
  EXPECT_EQ(LookUpMethod(""), Method::kOther);
  EXPECT_EQ(Name(Method::kOther), "");
}

}  // namespace
}  // namespace sip
