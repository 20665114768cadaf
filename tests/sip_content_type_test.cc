#include <gtest/gtest.h>

#include <string>

#include "sip/content_type.h"
#include "tests/guard_page.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

// "type|subtype|boundary|charset", or the error's name.
std::string Decoded(std::string_view value) {
  const gmedge_test::GuardedText guarded(value, '"');
  ContentType type;
  const ParseError error = DecodeContentType(guarded.text(), &type);
  if (error != ParseError::kOk) return std::string(Name(error));
  return std::string(type.type) + "|" + std::string(type.subtype) + "|" +
         std::string(type.boundary) + "|" + std::string(type.charset);
}

TEST(SipContentType, Good) {
  EXPECT_EQ(Decoded("application/sdp"), "application|sdp||");
  EXPECT_EQ(Decoded("text/html; charset=ISO-8859-4"), "text|html||ISO-8859-4");
  EXPECT_EQ(Decoded(" Multipart / Mixed ;\r\n BOUNDARY = \"a b;/c\" ;x=y "),
            "Multipart|Mixed|a b;/c|");
  EXPECT_EQ(Decoded("application/vnd.3gpp.ims+xml;sv=\"1,2\""), "application|vnd.3gpp.ims+xml||");
}

TEST(SipContentType, Bad) {
  for (const char* text :
       {"", "application", "/sdp", "application/", "application/sdp/x", "a b/c", "a/b c", "a/b;",
        "a/b;x", "a/b;x=1;;y=2", "a/b;charset=", "a/b;charset=1;Charset=1", "a/b;x=\"1", ";a/b",
        "multipart/mixed", "multipart/mixed;boundary=\"\"", "a/b, c/d", "\"a\"/b"}) {
    EXPECT_EQ(Decoded(text), "BadHeaderValue") << text;
  }
}

TEST(SipContentType, FoldsCase) {
  ContentType type;
  ASSERT_EQ(DecodeContentType("Application/SDP", &type), ParseError::kOk);
  EXPECT_TRUE(type.Is("application", "sdp"));
  EXPECT_FALSE(type.Is("application", "sd"));
  EXPECT_FALSE(type.Is("text", "sdp"));
}

TEST(SipContentType, HasACompactForm) {
  const gmedge_test::Parsed parsed(gmedge_test::RequestWith("c: application/pkcs7;x=y\r\n"));
  EXPECT_EQ(Decoded(parsed.message.Value(HeaderId::kContentType)), "application|pkcs7||");
}

}  // namespace
}  // namespace sip
