// Any text as a URI, as escapes and as an IP address; a line feed separates it from a second one.
// What is read lies in the text, a URI is the same as itself, sameness goes both ways, and
// addresses are what the C library says.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/sip_check.h"
#include "sip/chars.h"
#include "sip/escape.h"
#include "sip/ip_address.h"
#include "sip/service_urn.h"
#include "sip/uri_compare.h"
#include "sip/uri_params.h"
#include "tests/guard_page.h"

namespace sip_fuzz {
namespace {

using gmedge_test::GuardedText;
using sip::ParseError;
using sip::Uri;

void CheckViews(const Uri& uri) {
  for (const std::string_view view : {uri.user, uri.password, uri.host, uri.params, uri.headers}) {
    CheckInside(view, uri.text, "a piece of the URI");
  }
  sip::UriParams params;
  if (DecodeUriParams(uri, &params) == ParseError::kOk) {
    for (const std::string_view view : {params.transport, params.user, params.maddr, params.method,
                                        params.comp, params.gr, params.phone_context}) {
      CheckInside(view, uri.params, "a parameter of the URI");
    }
  }
  sip::UriHeaderReader reader(uri.headers);
  for (sip::UriHeader header; reader.Next(&header);) {
    Check(!header.name.empty(), "a URI header has a name");
    CheckInside(header.name, uri.headers, "the name of a header");
    CheckInside(header.value, uri.headers, "the value of a header");
  }
  const std::optional<std::string_view> service = sip::ServiceOf(uri);
  CheckInside(service.value_or(std::string_view()), uri.text, "a service");
  Check(service.has_value() || !sip::IsEmergencyUrn(uri), "an emergency is a service");
}

bool Decode(std::string_view text, Uri* uri) {
  if (sip::DecodeUri(text, uri) != ParseError::kOk) return false;
  Check(sip::AreEscapesGood(text), "a URI has good escapes");
  sip::Ipv6Bytes bytes;
  Check(!uri->host_is_ipv6 || sip::DecodeIpv6(uri->host, &bytes),
        "what stands in brackets is IPv6");
  CheckViews(*uri);
  return true;
}

// The URI with each letter and digit of its user escaped: another spelling of the same one.
std::string Respelled(const Uri& uri) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const size_t user_begin = uri.text.find(':') + 1;
  std::string text(uri.text.substr(0, user_begin));
  for (size_t i = 0; i < uri.user.size(); ++i) {
    const char c = uri.user[i];
    if (c == '%') {
      text += uri.user.substr(i, 3);
      i += 2;
    } else if (sip::Is(c, sip::kAlphaChar | sip::kDigitChar)) {
      text += {'%', kDigits[static_cast<uint8_t>(c) >> 4], kDigits[static_cast<uint8_t>(c) & 15]};
    } else {
      text += c;
    }
  }
  text += uri.text.substr(user_begin + uri.user.size());
  return text;
}

void CheckUris(std::string_view first, std::string_view second) {
  Uri a;
  Uri b;
  if (!Decode(first, &a)) return;
  const std::vector<char> copy(first.begin(), first.end());
  Uri a_copy;
  Check(Decode({copy.data(), copy.size()}, &a_copy), "a copy of a URI is one");
  Check(SameUri(a, a_copy), "a URI is the same as itself");
  if (a.scheme == sip::Scheme::kSip) {
    const std::string text = Respelled(a);
    Uri respelled;
    Check(Decode(text, &respelled), "escapes do not break a URI");
    Check(SameUri(a, respelled) && SameUri(respelled, a), "an escaped letter is the letter");
  }
  if (!Decode(second, &b)) return;
  const bool same = SameUri(a, b);
  Check(same == SameUri(b, a), "sameness goes both ways");
  Check(!same || (a.scheme == b.scheme && a.port == b.port),
        "the same URI has one scheme and port");
}

void CheckBytes(std::string_view text) {
  std::vector<char> out(text.size());
  const std::optional<size_t> size = sip::Unescape(text, out);
  Check(size.has_value() == sip::AreEscapesGood(text), "good escapes can be read");
  Check(size.value_or(0) <= text.size(), "an escape is longer than what it means");
  if (text.find('\0') != std::string_view::npos) return;
  const std::string terminated(text);
  sip::Ipv4Bytes ipv4;
  sip::Ipv6Bytes ipv6;
  std::array<uint8_t, 16> theirs;
  const bool good4 = inet_pton(AF_INET, terminated.c_str(), theirs.data()) == 1;
  Check(sip::DecodeIpv4(text, &ipv4) == good4, "an IPv4 address");
  const bool good6 = inet_pton(AF_INET6, terminated.c_str(), theirs.data()) == 1;
  Check(sip::DecodeIpv6(text, &ipv6) == good6, "an IPv6 address");
  Check(!good6 || ipv6 == theirs, "the same IPv6 address");
}

}  // namespace
}  // namespace sip_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  const std::string_view input = AsText(data, size);
  const size_t line_feed = std::min(input.find('\n'), size);
  const GuardedText first(input.substr(0, line_feed), '0');
  const GuardedText second(input.substr(std::min(line_feed + 1, size)), '0');
  CheckUris(first.text(), second.text());
  CheckBytes(first.text());
  CheckBytes(second.text());
  return 0;
}
