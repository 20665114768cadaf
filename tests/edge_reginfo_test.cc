#include <gtest/gtest.h>

#include "edge/reg_event_limits.h"
#include "edge/reginfo.h"
#include "tests/edge_values.h"

namespace edge {
namespace {

std::string BodyOf(const std::string& vector) {
  const std::string text = ReadFile("vectors/sip/" + vector);
  return text.substr(text.find("\r\n\r\n") + 4);
}

std::string Info(const std::string& inside,
                 const std::string& attributes = "version=\"3\" state=\"partial\"") {
  return "<?xml version=\"1.0\"?><reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" " + attributes +
         ">" + inside + "</reginfo>";
}

ReginfoError ErrorOf(const std::string& body) {
  Reginfo reginfo;
  return ParseReginfo(body, &reginfo);
}

// One registration with one contact, as text.
std::string Told(const std::string& body) {
  Reginfo reginfo;
  if (ParseReginfo(body, &reginfo) != ReginfoError::kOk) return "error";
  std::string text;
  for (const Reginfo::Registration& registration : reginfo.registrations) {
    text += registration.aor + "/" + std::to_string(static_cast<int>(registration.state));
    for (const Reginfo::Contact& contact : registration.contacts) {
      text += " " + contact.uri + "/" + (contact.is_active ? "active" : "terminated") + "/" +
              std::to_string(static_cast<int>(contact.event)) + "/" +
              std::to_string(contact.expires_s.value_or(0));
    }
    text += ";";
  }
  return text;
}

constexpr char kContact[] =
    "<registration aor=\"sip:a@x\" id=\"r\" state=\"active\"><contact id=\"c\" state=\"active\" "
    "event=\"shortened\" expires=\"60\"><uri>sip:a@192.0.2.1</uri></contact></registration>";

TEST(EdgeReginfo, ReadsTheNotifyOfAnActiveRegistration) {
  Reginfo reginfo;
  ASSERT_EQ(ParseReginfo(BodyOf("11_notify_reg_active.sip"), &reginfo), ReginfoError::kOk);
  EXPECT_EQ(reginfo.version, 0u);
  EXPECT_TRUE(reginfo.is_full);
  ASSERT_EQ(reginfo.registrations.size(), 3u);
  EXPECT_EQ(reginfo.registrations[2].aor, "tel:+15550100001");
  for (const Reginfo::Registration& registration : reginfo.registrations) {
    EXPECT_EQ(registration.state, Reginfo::State::kActive);
    ASSERT_EQ(registration.contacts.size(), 1u);
    EXPECT_EQ(registration.contacts[0].uri, "sip:001010000000001@198.51.100.77:37002");
    EXPECT_TRUE(registration.contacts[0].is_active);
    EXPECT_EQ(registration.contacts[0].event, Reginfo::Event::kRegistered);
    EXPECT_EQ(registration.contacts[0].expires_s, 3600u);
  }
}

TEST(EdgeReginfo, ReadsTheNotifyOfADeregistrationByTheNetwork) {
  Reginfo reginfo;
  ASSERT_EQ(ParseReginfo(BodyOf("12_notify_reg_network_dereg.sip"), &reginfo), ReginfoError::kOk);
  EXPECT_EQ(reginfo.version, 1u);
  ASSERT_EQ(reginfo.registrations.size(), 3u);
  EXPECT_EQ(reginfo.registrations[0].state, Reginfo::State::kTerminated);
  EXPECT_FALSE(reginfo.registrations[0].contacts.at(0).is_active);
  EXPECT_EQ(reginfo.registrations[0].contacts.at(0).event, Reginfo::Event::kDeactivated);
}

TEST(EdgeReginfo, EveryEventHasItsName) {
  constexpr const char* kNames[] = {
      "?",       "registered",  "created",   "refreshed",    "shortened",
      "expired", "deactivated", "probation", "unregistered", "rejected"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    std::string body = Info(kContact);
    body.replace(body.find("shortened"), 9, kNames[i]);
    EXPECT_EQ(Told(body), "sip:a@x/1 sip:a@192.0.2.1/active/" + std::to_string(i) + "/60;");
  }
}

TEST(EdgeReginfo, PassesByWhatItDoesNotKnow) {
  EXPECT_EQ(Told(Info("<new/><registration aor=\"sip:a@x\" id=\"r\" state=\"init\" more=\"1\">"
                      "<unknown><contact/></unknown></registration>")),
            "sip:a@x/0;");
  EXPECT_EQ(Told(Info("")), "");
}

TEST(EdgeReginfo, APrefixOfTheNamespaceChangesNothing) {
  EXPECT_EQ(Told("<r:reginfo xmlns:r=\"urn:ietf:params:xml:ns:reginfo\" version=\"0\" "
                 "state=\"full\"><r:registration aor=\"tel:1\" id=\"r\" state=\"terminated\"/>"
                 "</r:reginfo>"),
            "tel:1/2;");
}

TEST(EdgeReginfo, NeedsWhatTheSchemaDemands) {
  for (const std::string& body : {
           std::string(),
           std::string("reginfo"),
           std::string("<reginfo"),
           std::string("<other version=\"0\" state=\"full\"/>"),
           Info("", "version=\"0\""),
           Info("", "state=\"full\""),
           Info("", "version=\"-1\" state=\"full\""),
           Info("", "version=\"4294967296\" state=\"full\""),
           Info("", "version=\"0\" state=\"some\""),
           Info("<registration id=\"r\" state=\"active\"/>"),
           Info("<registration aor=\"\" id=\"r\" state=\"active\"/>"),
           Info("<registration aor=\"sip:a@x\" id=\"r\"/>"),
           Info("<registration aor=\"sip:a@x\" state=\"gone\"/>"),
           Info("<registration aor=\"sip:a@x\" state=\"active\"><contact state=\"init\" "
                "event=\"registered\"><uri>sip:b@x</uri></contact></registration>"),
           Info("<registration aor=\"sip:a@x\" state=\"active\"><contact state=\"active\" "
                "event=\"registered\"/></registration>"),
           Info("<registration aor=\"sip:a@x\" state=\"active\">"),
       }) {
    EXPECT_EQ(ErrorOf(body), ReginfoError::kMalformed) << body;
  }
}

TEST(EdgeReginfo, AnEntityIsNotExpanded) {
  std::string document = "<!DOCTYPE reginfo [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>";
  document += Info("<registration aor=\"sip:&b;@x\" id=\"r\" state=\"active\"/>");
  document.erase(document.find("<?xml"), 21);
  EXPECT_EQ(Told(document), "sip:&b;@x/1;");
  EXPECT_EQ(Told(Info("<registration aor=\"sip:&lt;@x\" id=\"r\" state=\"active\"/>")),
            "sip:<@x/1;");
}

TEST(EdgeReginfo, TheSizeHasALimit) {
  std::string body = Info("");
  body.insert(body.find("</reginfo>"), kReginfoSizeMax - body.size(), ' ');
  ASSERT_EQ(body.size(), kReginfoSizeMax);
  EXPECT_EQ(ErrorOf(body), ReginfoError::kOk);
  EXPECT_EQ(ErrorOf(body + " "), ReginfoError::kTooLarge);
}

TEST(EdgeReginfo, RegistrationsAndContactsHaveALimit) {
  std::string inside;
  for (size_t i = 0; i < kReginfoEntriesMax; ++i) {
    inside += "<registration aor=\"tel:1\" id=\"r\" state=\"active\"/>";
  }
  EXPECT_EQ(ErrorOf(Info(inside)), ReginfoError::kOk);
  inside += "<registration aor=\"tel:1\" id=\"r\" state=\"active\"/>";
  EXPECT_EQ(ErrorOf(Info(inside)), ReginfoError::kTooLarge);
}

TEST(EdgeReginfo, DepthTakesNoStack) {
  std::string inside;
  const size_t depth = (kReginfoSizeMax - 200) / 7;
  for (size_t i = 0; i < depth; ++i) inside += "<a>";
  for (size_t i = 0; i < depth; ++i) inside += "</a>";
  EXPECT_EQ(Told(Info(inside)), "");
  EXPECT_EQ(ErrorOf(Info(inside.substr(0, depth))), ReginfoError::kMalformed);
}

}  // namespace
}  // namespace edge
