#include <gtest/gtest.h>

#include "sip/service_urn.h"

namespace sip {
namespace {

Uri Decoded(std::string_view text) {
  Uri uri;
  EXPECT_EQ(DecodeUri(text, &uri), ParseError::kOk) << text;
  return uri;
}

TEST(SipServiceUrn, Emergency) {
  for (const char* text :
       {"urn:service:sos", "URN:SERVICE:SOS", "urn:service:sos.police", "urn:service:Sos.fire",
        "urn:service:sos.animal-control", "urn:service:sos.country-specific.xx.112",
        "urn:service:sos.ecall.manual"}) {
    EXPECT_TRUE(IsEmergencyUrn(Decoded(text))) << text;
  }
}

TEST(SipServiceUrn, NoEmergency) {
  for (const char* text :
       {"urn:service:counseling", "urn:service:test.sos", "urn:service:sos2", "urn:service:so",
        "urn:service:sos.", "urn:service:sos..police", "urn:service:.sos", "urn:service:sos.-x",
        "urn:service:sos:police", "urn:service:sos%2Epolice", "urn:services:sos",
        "urn:x:service:sos", "sip:service@sos", "tel:112", "sip:urn:service:sos@h",
        "urn:service:sos.abcdefghijklmnopqrstuvwxyz01"}) {
    EXPECT_FALSE(IsEmergencyUrn(Decoded(text))) << text;
  }
}

TEST(SipServiceUrn, Service) {
  EXPECT_EQ(ServiceOf(Decoded("urn:Service:Counseling.children")), "Counseling.children");
  EXPECT_EQ(ServiceOf(Decoded("urn:service:a-")), std::nullopt);
  EXPECT_EQ(ServiceOf(Decoded("urn:urn-7:3gpp-service.ims.icsi.mmtel")), std::nullopt);
}

}  // namespace
}  // namespace sip
