// Equality of security agreements: SameAgreement() of security.h, which looks at the parameters in
// a sorted, normalised form.
#include <algorithm>
#include <array>
#include <cstring>

#include "sip/chars.h"
#include "sip/list.h"
#include "sip/security.h"

namespace sip {
namespace {

enum class Kind : uint8_t { kToken, kNumber, kQ, kOther };

Kind KindOf(std::string_view name) {
  for (const std::string_view token : {"alg", "ealg", "prot", "mod"}) {
    if (EqualsIgnoreCase(name, token)) return Kind::kToken;
  }
  for (const std::string_view number : {"spi-c", "spi-s", "port-c", "port-s"}) {
    if (EqualsIgnoreCase(name, number)) return Kind::kNumber;
  }
  return EqualsIgnoreCase(name, "q") ? Kind::kQ : Kind::kOther;
}

std::string_view WithoutLeadingZeros(std::string_view digits) {
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  return digits;
}

// 0.90 is 0.9, 1.000 is 1.
std::string_view WithoutTrailingZeros(std::string_view q) {
  while (q.back() == '0') q.remove_suffix(1);
  if (q.back() == '.') q.remove_suffix(1);
  return q;
}

bool HasFraction(std::string_view text) {
  return text.size() >= 2 && Is(text[0], kDigitChar) && text[1] == '.' &&
         (text.size() == 2 || AllOf(text.substr(2), kDigitChar));
}

struct CanonicalParam {
  std::string_view name;
  std::string_view value;
  bool has_value;
  bool exact;  // A quoted string, its quotes in `value`: case counts.
};

CanonicalParam Canonical(const Param& param) {
  CanonicalParam canonical = {param.name, param.value, param.has_value, false};
  const Kind kind = KindOf(param.name);
  if (param.quoted && (kind == Kind::kOther || !IsToken(param.value))) {
    canonical.value = {param.value.data() - 1, param.value.size() + 2};
    canonical.exact = true;
  } else if (kind == Kind::kNumber && AllOf(param.value, kDigitChar)) {
    canonical.value = WithoutLeadingZeros(param.value);
  } else if (kind == Kind::kQ && HasFraction(param.value)) {
    canonical.value = WithoutTrailingZeros(param.value);
  }
  return canonical;
}

int CompareIgnoreCase(std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    const int difference =
        static_cast<uint8_t>(ToLower(a[i])) - static_cast<uint8_t>(ToLower(b[i]));
    if (difference != 0) return difference;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

int Compare(const CanonicalParam& a, const CanonicalParam& b) {
  if (const int order = CompareIgnoreCase(a.name, b.name); order != 0) return order;
  if (a.has_value != b.has_value) return a.has_value ? 1 : -1;
  if (a.exact != b.exact) return a.exact ? 1 : -1;
  return a.exact ? a.value.compare(b.value) : CompareIgnoreCase(a.value, b.value);
}

struct CanonicalMechanism {
  explicit CanonicalMechanism(const SecurityMechanism& mechanism) {
    const std::string_view text = mechanism.text;
    size_t end = 0;
    while (end < text.size() && Is(text[end], kTokenChar)) ++end;
    name = text.substr(0, end);
    ParamReader reader(text.substr(end));
    for (Param param; reader.Next(&param);) params[count++] = Canonical(param);
    const auto before = [](const CanonicalParam& a, const CanonicalParam& b) {
      return Compare(a, b) < 0;
    };
    std::sort(params.data(), params.data() + count, before);
  }

  std::string_view name;
  std::array<CanonicalParam, SecurityList::kParametersMax> params;
  size_t count = 0;
};

bool SameMechanism(const SecurityMechanism& left, const SecurityMechanism& right) {
  const CanonicalMechanism a(left);
  const CanonicalMechanism b(right);
  if (!EqualsIgnoreCase(a.name, b.name) || a.count != b.count) return false;
  for (size_t i = 0; i < a.count; ++i) {
    if (Compare(a.params[i], b.params[i]) != 0) return false;
  }
  return true;
}

}  // namespace

bool SameAgreement(const SecurityList& a, const SecurityList& b) {
  if (a.mechanisms().size() != b.mechanisms().size()) return false;
  for (size_t i = 0; i < a.mechanisms().size(); ++i) {
    if (!SameMechanism(a.mechanisms()[i], b.mechanisms()[i])) return false;
  }
  return true;
}

}  // namespace sip
