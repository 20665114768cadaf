#include "sip/contact.h"

#include "sip/number.h"
#include "sip/uri_params.h"
#include "sip/value.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadHeaderValue;
constexpr uint32_t kRegIdMax = 0x7fffffff;

struct Texts {
  std::string_view q;
  std::string_view expires;
  bool has_expires = false;
  std::string_view instance;
  std::string_view reg_id;
  std::string_view pub_gruu;
  std::string_view temp_gruu;
};

// "expires" may lack its value: then it is malformed as any other that is no number.
constexpr ParamField<Texts> kFields[] = {
    {"q", &Texts::q},
    {"expires", &Texts::expires, &Texts::has_expires},
    {"+sip.instance", &Texts::instance},
    {"reg-id", &Texts::reg_id},
    {"pub-gruu", &Texts::pub_gruu},
    {"temp-gruu", &Texts::temp_gruu},
};

// instance-val = "<" URI ">"; some phones leave the brackets out.
std::string_view WithoutBrackets(std::string_view text) {
  const bool bracketed = text.size() > 2 && text.front() == '<' && text.back() == '>';
  return bracketed ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

// contact-param = ( name-addr / addr-spec ) *( SEMI contact-params )
// contact-params = "q" EQUAL qvalue / "expires" EQUAL delta-seconds
//                / "+sip.instance" EQUAL DQUOTE instance-val DQUOTE / "reg-id" EQUAL 1*DIGIT
//                / "pub-gruu" EQUAL quoted-string / "temp-gruu" EQUAL quoted-string
//                / feature-param / generic-param
ParseError DecodeContact(std::string_view text, Contact* contact) {
  *contact = {};
  const ParseError error = DecodeAddress(text, &contact->address);
  if (error != ParseError::kOk) return error;
  contact->star = contact->address.uri == "*";
  Texts texts;
  if (!ReadParams(contact->address.params, kFields, &texts)) return kBad;
  if (!texts.q.empty()) {
    contact->q_thousandths = DecodeQ(texts.q);
    if (!contact->q_thousandths.has_value()) return kBad;
  }
  if (texts.has_expires) {
    contact->expires = DecodeNumber(texts.expires).value_or(kMalformedExpires);
  }
  if (!texts.reg_id.empty()) {
    contact->reg_id = DecodeNumber(texts.reg_id, kRegIdMax);
    if (contact->reg_id.value_or(0) == 0) return kBad;
  }
  contact->instance = WithoutBrackets(texts.instance);
  contact->pub_gruu = texts.pub_gruu;
  contact->temp_gruu = texts.temp_gruu;
  return ParseError::kOk;
}

bool IsEmergencyContact(const Contact& contact) {
  Uri uri;
  UriParams params;
  return DecodeUri(contact.address.uri, &uri) == ParseError::kOk && uri.scheme != Scheme::kTel &&
         DecodeUriParams(uri, &params) == ParseError::kOk && params.sos;
}

}  // namespace sip
