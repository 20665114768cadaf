#include "sip/uri_params.h"

#include "sip/number.h"
#include "sip/value.h"

namespace sip {
namespace {

struct Texts : UriParams {
  std::string_view ttl_text;
};

constexpr ParamField<Texts> kFields[] = {
    {"transport", &Texts::transport},
    {"user", &Texts::user},
    {"maddr", &Texts::maddr},
    {"method", &Texts::method},
    {"comp", &Texts::comp},
    {"gr", &Texts::gr, &Texts::has_gr},
    {"phone-context", &Texts::phone_context},
    {"ttl", &Texts::ttl_text},
    {"lr", nullptr, &Texts::lr},
    {"ob", nullptr, &Texts::ob},
    {"sos", nullptr, &Texts::sos},
};

}  // namespace

// uri-parameters = *( ";" uri-parameter ); "any given parameter-name MUST NOT appear more than
// once"
ParseError DecodeUriParams(const Uri& uri, UriParams* params) {
  *params = {};
  Texts texts;
  if (!ReadParams(uri.params, kFields, &texts)) return ParseError::kBadRequestUri;
  if (!texts.ttl_text.empty()) {
    const std::optional<uint32_t> ttl = DecodeNumber(texts.ttl_text, 255);
    if (!ttl.has_value()) return ParseError::kBadRequestUri;
    texts.ttl = static_cast<uint8_t>(*ttl);
  }
  *params = texts;
  return ParseError::kOk;
}

// headers = "?" header *( "&" header ); header = hname "=" hvalue
bool UriHeaderReader::Next(UriHeader* header) {
  if (ended_) return false;
  const size_t ampersand = rest_.find('&');
  const std::string_view text = rest_.substr(0, ampersand);
  const size_t equals = text.find('=');
  ok_ = equals != 0 && equals != std::string_view::npos;
  ended_ = !ok_ || ampersand == std::string_view::npos;
  if (!ok_) return false;
  header->name = text.substr(0, equals);
  header->value = text.substr(equals + 1);
  if (!ended_) rest_.remove_prefix(ampersand + 1);
  return true;
}

}  // namespace sip
