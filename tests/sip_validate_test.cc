#include <gtest/gtest.h>

#include <string>

#include "sip/message.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::Parsed;
using gmedge_test::ReadData;
using gmedge_test::RequestWith;

ParseError ValidateText(std::string_view bytes) {
  const Parsed parsed(bytes);
  EXPECT_EQ(parsed.error, ParseError::kOk) << bytes;
  return Validate(parsed.message);
}

// A good REGISTER in which `from` is replaced by `to`.
ParseError ValidateWith(std::string_view from, std::string_view to) {
  std::string bytes = RequestWith("Max-Forwards: 70\r\nContact: <sip:a@192.0.2.1>\r\n", "REGISTER");
  const size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return ValidateText(bytes.replace(at, from.size(), to));
}

TEST(SipValidate, AcceptsGoodMessages) {
  for (const char* file : {"a-register", "b-401", "c-invite", "d-200-register"}) {
    EXPECT_EQ(ValidateText(ReadData(std::string("messages/") + file + ".sip")), ParseError::kOk);
  }
}

TEST(SipValidate, NeedsTheMandatoryHeaders) {
  for (const char* name : {"Via:", "From:", "To:", "Call-ID:", "CSeq:"}) {
    EXPECT_EQ(ValidateWith(name, "X:"), ParseError::kMissingHeader) << name;
  }
  EXPECT_EQ(ValidateWith("Call-ID: 1@example.net", "Call-ID: "), ParseError::kMissingHeader);
  EXPECT_EQ(ValidateWith("Max-Forwards:", "X:"), ParseError::kOk);
}

TEST(SipValidate, RefusesASecondOfWhatStandsOnce) {
  for (const char* line :
       {"f: <sip:x@y>\r\n", "To: <sip:x@y>\r\n", "i: 2\r\n", "CSeq: 2 REGISTER\r\n",
        "Max-Forwards: 1\r\n", "l: 0\r\nContent-Length: 0\r\n", "Expires: 1\r\nExpires: 2\r\n",
        "c: a/b\r\nContent-Type: a/b\r\n"}) {
    EXPECT_EQ(ValidateWith("Max-Forwards", std::string(line) + "Max-Forwards"),
              ParseError::kRepeatedHeader)
        << line;
  }
  EXPECT_EQ(ValidateWith("Max-Forwards", "v: SIP/2.0/UDP x\r\nMax-Forwards"), ParseError::kOk);
}

TEST(SipValidate, ReadsTheTopmostViaOnly) {
  EXPECT_EQ(ValidateWith("SIP/2.0/UDP", "SIP/3.0/UDP"), ParseError::kBadVia);
  EXPECT_EQ(ValidateWith(";branch=z9hG4bK1", ";branch=z9hG4bK1, broken"), ParseError::kOk);
  EXPECT_EQ(ValidateWith("SIP/2.0/UDP 192", ", SIP/2.0/UDP 192"), ParseError::kBadVia);
}

TEST(SipValidate, CSeqIsANumberAndTheMethod) {
  EXPECT_EQ(ValidateWith("CSeq: 1 REGISTER", "CSeq: 1 INVITE"), ParseError::kMethodMismatch);
  EXPECT_EQ(ValidateWith("CSeq: 1 REGISTER", "CSeq: 1 register"), ParseError::kMethodMismatch);
  EXPECT_EQ(ValidateWith("CSeq: 1 REGISTER", "CSeq: REGISTER"), ParseError::kBadCSeq);
  EXPECT_EQ(ValidateWith("CSeq: 1 ", "CSeq: 4294967296 "), ParseError::kBadCSeq);
  EXPECT_EQ(ValidateWith("CSeq: 1 ", "CSeq: 4294967295 "), ParseError::kOk);
}

TEST(SipValidate, FromAndToAreAddresses) {
  EXPECT_EQ(ValidateWith("From: <sip:a@example.net>", "From: <sip:a@example.net"),
            ParseError::kBadAddress);
  EXPECT_EQ(ValidateWith("To: <sip:b@example.net>", "To: *"), ParseError::kBadAddress);
  EXPECT_EQ(ValidateWith("To: <sip:b@example.net>", "To: tel:+1"), ParseError::kOk);
  EXPECT_EQ(ValidateWith(";tag=1", ""), ParseError::kOk);  // RFC 2543 peers have none.
}

TEST(SipValidate, MaxForwardsIsAByte) {
  EXPECT_EQ(ValidateWith("Forwards: 70", "Forwards: 0"), ParseError::kOk);
  EXPECT_EQ(ValidateWith("Forwards: 70", "Forwards: 255"), ParseError::kOk);
  EXPECT_EQ(ValidateWith("Forwards: 70", "Forwards: 256"), ParseError::kBadMaxForwards);
  EXPECT_EQ(ValidateWith("Forwards: 70", "Forwards: -1"), ParseError::kBadMaxForwards);
  EXPECT_EQ(ValidateWith("Forwards: 70", "Forwards: "), ParseError::kBadMaxForwards);
}

TEST(SipValidate, RequestUriIsOneThatAProxyCanRead) {
  EXPECT_EQ(ValidateWith(" sip:b@example.net SIP", " <sip:b@example.net> SIP"),
            ParseError::kBadRequestUri);
  EXPECT_EQ(ValidateWith(" sip:b@example.net SIP", " sip:b@example.net?Route=x SIP"),
            ParseError::kBadRequestUri);
  EXPECT_EQ(ValidateWith(" sip:b@example.net SIP", " urn:service:sos SIP"), ParseError::kOk);
  EXPECT_EQ(ValidateWith(" sip:b@example.net SIP", " http://example.net SIP"),
            ParseError::kUnsupportedScheme);
}

TEST(SipValidate, ContactsOfARegisterAreAddresses) {
  EXPECT_EQ(ValidateWith("<sip:a@192.0.2.1>", "*"), ParseError::kOk);
  EXPECT_EQ(ValidateWith("<sip:a@192.0.2.1>", "<sip:a@192.0.2.1>, <sip:b"),
            ParseError::kBadAddress);
  EXPECT_EQ(ValidateWith("<sip:a@192.0.2.1>", "sip:a@192.0.2.1?x=y"), ParseError::kBadAddress);
  EXPECT_EQ(ValidateText(RequestWith("Contact: <sip:b\r\n", "INVITE")), ParseError::kOk);
}

TEST(SipValidate, AResponseHasNoUriAndAnyCSeqMethod) {
  std::string bytes = RequestWith("");
  bytes.replace(0, bytes.find("\r\n"), "SIP/2.0 200 OK");
  EXPECT_EQ(ValidateText(bytes), ParseError::kOk);
  bytes.replace(bytes.find("CSeq: 1"), 7, "CSeq: x");
  EXPECT_EQ(ValidateText(bytes), ParseError::kBadCSeq);
}

}  // namespace
}  // namespace sip
