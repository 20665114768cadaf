#include "sip/uri_compare.h"

#include <array>

#include "sip/chars.h"
#include "sip/escape.h"
#include "sip/ip_address.h"
#include "sip/list.h"
#include "sip/uri_params.h"

namespace sip {
namespace {

enum class Case : uint8_t { kKept, kFolded };

// RFC 3261 25.1. Their escapes are other characters than themselves.
bool IsReserved(char c) {
  return std::string_view(";/?:@&=+$,").find(c) != std::string_view::npos;
}

// visual-separator = "-" / "." / "(" / ")" (RFC 3966 3).
bool IsVisual(char c) {
  return c == '-' || c == '.' || c == '(' || c == ')';
}

// The character at text[*at] as a number that is the same for all its spellings; *at moves behind.
int ReadUnit(std::string_view text, size_t* at, Case fold) {
  constexpr int kEscapedReserved = 256;
  char c = text[(*at)++];
  int kind = 0;
  if (c == '%') {  // DecodeUri() saw to the two digits.
    c = static_cast<char>(HexValue(text[*at]) << 4 | HexValue(text[*at + 1]));
    *at += 2;
    if (IsReserved(c)) kind = kEscapedReserved;
  }
  if (fold == Case::kFolded) c = ToLower(c);
  return kind + static_cast<uint8_t>(c);
}

bool SameText(std::string_view a, std::string_view b, Case fold) {
  size_t at_a = 0;
  size_t at_b = 0;
  while (at_a < a.size() && at_b < b.size()) {
    if (ReadUnit(a, &at_a, fold) != ReadUnit(b, &at_b, fold)) return false;
  }
  return at_a == a.size() && at_b == b.size();
}

bool SameDigits(std::string_view a, std::string_view b) {
  size_t at_a = 0;
  size_t at_b = 0;
  while (true) {
    while (at_a < a.size() && IsVisual(a[at_a])) ++at_a;
    while (at_b < b.size() && IsVisual(b[at_b])) ++at_b;
    if (at_a == a.size() || at_b == b.size()) return at_a == a.size() && at_b == b.size();
    if (ToLower(a[at_a++]) != ToLower(b[at_b++])) return false;
  }
}

bool SameHost(const Uri& a, const Uri& b) {
  if (a.host_is_ipv6 != b.host_is_ipv6) return false;
  if (!a.host_is_ipv6) return EqualsIgnoreCase(a.host, b.host);
  Ipv6Bytes bytes_a;
  Ipv6Bytes bytes_b;
  return DecodeIpv6(a.host, &bytes_a) && DecodeIpv6(b.host, &bytes_b) && bytes_a == bytes_b;
}

struct Pair {
  std::string_view name;
  std::string_view value;
};

// A bounded list of them. `overflows` when there were more.
struct Pairs {
  void Add(std::string_view name, std::string_view value) {
    if (count == kComparedParamsMax) {
      overflows = true;
    } else {
      pairs[static_cast<size_t>(count++)] = {name, value};
    }
  }
  const Pair* begin() const { return pairs.data(); }
  const Pair* end() const { return pairs.data() + count; }

  std::array<Pair, kComparedParamsMax> pairs;
  int count = 0;
  bool overflows = false;
};

void ReadPairs(std::string_view params, Pairs* pairs) {
  ParamReader reader(params);
  for (Param param; !pairs->overflows && reader.Next(&param);) pairs->Add(param.name, param.value);
}

// Is the lack of this parameter in the other URI a difference? transport is not in the list of RFC
// 3261 19.1.4, but among its examples of URIs that differ.
bool MustBeInBoth(std::string_view name) {
  for (const std::string_view strict : {"transport", "user", "ttl", "method", "maddr"}) {
    if (SameText(name, strict, Case::kFolded)) return true;
  }
  return false;
}

bool SameSipValue(const Pair& a, const Pair& b) {
  const bool is_method = SameText(a.name, "method", Case::kFolded);
  return SameText(a.value, b.value, is_method ? Case::kKept : Case::kFolded);
}

// Each of `a` agrees with all of its name in `b`, or may be lacking there.
bool SipParamsAgree(const Pairs& a, const Pairs& b) {
  for (const Pair& pair : a) {
    bool found = false;
    for (const Pair& other : b) {
      if (!SameText(pair.name, other.name, Case::kFolded)) continue;
      if (!SameSipValue(pair, other)) return false;
      found = true;
    }
    if (!found && MustBeInBoth(pair.name)) return false;
  }
  return true;
}

bool SameSipParams(const Uri& a, const Uri& b) {
  if (a.params == b.params) return true;
  Pairs pairs_a;
  Pairs pairs_b;
  ReadPairs(a.params, &pairs_a);
  ReadPairs(b.params, &pairs_b);
  if (pairs_a.overflows || pairs_b.overflows) return false;
  return SipParamsAgree(pairs_a, pairs_b) && SipParamsAgree(pairs_b, pairs_a);
}

// Each of `a` stands in `b` too. Values keep their case: some headers' values do.
bool HeadersStandIn(const Pairs& a, const Pairs& b) {
  for (const Pair& header : a) {
    bool found = false;
    for (const Pair& other : b) {
      found = found || (SameText(header.name, other.name, Case::kFolded) &&
                        SameText(header.value, other.value, Case::kKept));
    }
    if (!found) return false;
  }
  return true;
}

bool SameHeaders(const Uri& a, const Uri& b) {
  if (a.headers == b.headers) return true;
  Pairs pairs_a;
  Pairs pairs_b;
  UriHeaderReader reader_a(a.headers);
  UriHeaderReader reader_b(b.headers);
  for (UriHeader header; !pairs_a.overflows && reader_a.Next(&header);) {
    pairs_a.Add(header.name, header.value);
  }
  for (UriHeader header; !pairs_b.overflows && reader_b.Next(&header);) {
    pairs_b.Add(header.name, header.value);
  }
  if (pairs_a.overflows || pairs_b.overflows || !reader_a.ok() || !reader_b.ok()) return false;
  return pairs_a.count == pairs_b.count && HeadersStandIn(pairs_a, pairs_b) &&
         HeadersStandIn(pairs_b, pairs_a);
}

// "An omitted component does not match one that is there", an empty password included.
bool SameSip(const Uri& a, const Uri& b) {
  const bool password_a = a.password.data() != nullptr;
  const bool password_b = b.password.data() != nullptr;
  return SameText(a.user, b.user, Case::kKept) && password_a == password_b &&
         SameText(a.password, b.password, Case::kKept) && SameHost(a, b) && a.port == b.port &&
         SameSipParams(a, b) && SameHeaders(a, b);
}

// RFC 3966 4: a phone-context that is a number and an ext compare as numbers, all else as text.
bool SameTelValue(const Pair& a, const Pair& b) {
  const bool number = EqualsIgnoreCase(a.name, "ext") ||
                      (EqualsIgnoreCase(a.name, "phone-context") && a.value.starts_with('+'));
  return number ? SameDigits(a.value, b.value) : SameText(a.value, b.value, Case::kFolded);
}

bool TelParamsStandIn(const Pairs& a, const Pairs& b) {
  for (const Pair& pair : a) {
    bool found = false;
    for (const Pair& other : b) {
      found = found || (EqualsIgnoreCase(pair.name, other.name) && SameTelValue(pair, other));
    }
    if (!found) return false;
  }
  return true;
}

bool SameTel(const Uri& a, const Uri& b) {
  if (!SameDigits(a.user, b.user)) return false;
  if (a.params == b.params) return true;
  Pairs pairs_a;
  Pairs pairs_b;
  ReadPairs(a.params, &pairs_a);
  ReadPairs(b.params, &pairs_b);
  return !pairs_a.overflows && !pairs_b.overflows && pairs_a.count == pairs_b.count &&
         TelParamsStandIn(pairs_a, pairs_b) && TelParamsStandIn(pairs_b, pairs_a);
}

// NID ":" NSS. Escapes stay escapes (RFC 8141 3.1), though not in two cases.
bool SameUrn(const Uri& a, const Uri& b) {
  const size_t colon = a.user.find(':');
  if (!EqualsIgnoreCase(a.user.substr(0, colon), b.user.substr(0, b.user.find(':')))) return false;
  if (EqualsIgnoreCase(a.user.substr(0, colon), "service")) return EqualsIgnoreCase(a.user, b.user);
  if (a.user.size() != b.user.size()) return false;
  size_t folded_until = 0;
  for (size_t i = colon; i < a.user.size(); ++i) {
    if (a.user[i] == '%') folded_until = i + 3;
    const bool same =
        i < folded_until ? ToLower(a.user[i]) == ToLower(b.user[i]) : a.user[i] == b.user[i];
    if (!same) return false;
  }
  return true;
}

}  // namespace

bool SameUri(const Uri& a, const Uri& b) {
  if (a.scheme != b.scheme) return false;
  if (a.text == b.text) return true;
  switch (a.scheme) {
    case Scheme::kSip:
    case Scheme::kSips:
      return SameSip(a, b);
    case Scheme::kTel:
      return SameTel(a, b);
    case Scheme::kUrn:
      return SameUrn(a, b);
    case Scheme::kOther:
      return false;
  }
  return false;
}

}  // namespace sip
