// Any text as the value of a Security-* header; a NUL separates it from a second one. What is
// usable is so by the rules, and the two ways of telling equal agreements agree.
#include <array>
#include <memory>

#include "fuzz/sip_check.h"
#include "sip/security.h"
#include "tests/guard_page.h"

namespace sip_fuzz {
namespace {

using gmedge_test::GuardedText;
using sip::Alg;
using sip::Ealg;
using sip::MechanismFault;
using sip::ParseError;
using sip::SecurityList;
using sip::SecurityMechanism;

void CheckUsable(const SecurityMechanism& mechanism) {
  Check(mechanism.alg != Alg::kAbsent && mechanism.alg != Alg::kUnknown, "alg is known");
  Check(mechanism.ealg != Ealg::kUnknown, "ealg is known");
  Check(!Name(mechanism.alg).empty() && !Name(mechanism.ealg).empty(), "they have names");
  Check((mechanism.alg == Alg::kNull) == (mechanism.ealg == Ealg::kAesGcm), "aes-gcm and null");
  Check(mechanism.alg != Alg::kAesGmac || mechanism.ealg == Ealg::kNull, "aes-gmac and null");
  Check(mechanism.protection == sip::Protection::kEsp, "only ESP");
  Check(mechanism.spi_c > 255 && mechanism.spi_s > 255, "no reserved SPI");
  Check(mechanism.spi_c != mechanism.spi_s, "two SPIs");
  for (const uint16_t port : {mechanism.port_c, mechanism.port_s}) {
    Check(port != 0 && port != 5060 && port != 5061, "no port of plain SIP");
  }
  Check(mechanism.port_c != mechanism.port_s, "two ports");
}

bool Decode(std::string_view value, SecurityList* list) {
  const ParseError error = sip::DecodeSecurity(value, list);
  CheckNamed(error);
  if (error != ParseError::kOk) return false;
  Check(!list->empty(), "a good value has a mechanism");
  for (const SecurityMechanism& mechanism : list->mechanisms()) {
    CheckInside(mechanism.text, value, "a mechanism");
    Check(mechanism.q_thousandths >= -1 && mechanism.q_thousandths <= 1000, "q");
    CheckNamed(mechanism.fault);
    if (mechanism.fault == MechanismFault::kNone) CheckUsable(mechanism);
  }
  return true;
}

std::string Canonical(const SecurityList& list) {
  static std::array<char, 1 << 20> out;
  const size_t size = sip::WriteCanonical(list, out);
  Check(size > 0, "the canonical form has room");
  return {out.data(), size};
}

void CheckCanonical(const SecurityList& list, const std::string& canonical) {
  const GuardedText guarded(canonical);
  const auto again = std::make_unique<SecurityList>();
  Check(Decode(guarded.text(), again.get()), "the canonical form is a good value");
  Check(SameAgreement(list, *again), "the canonical form is the same agreement");
  Check(Canonical(*again) == canonical, "there is one canonical form");
  for (size_t i = 0; i < list.mechanisms().size(); ++i) {
    const SecurityMechanism& a = list.mechanisms()[i];
    const SecurityMechanism& b = again->mechanisms()[i];
    if (a.fault != MechanismFault::kNone) continue;
    Check(b.fault == MechanismFault::kNone && a.alg == b.alg && a.ealg == b.ealg &&
              a.mode == b.mode && a.spi_c == b.spi_c && a.spi_s == b.spi_s &&
              a.port_c == b.port_c && a.port_s == b.port_s && a.q_thousandths == b.q_thousandths,
          "the canonical form says the same");
  }
}

}  // namespace
}  // namespace sip_fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sip_fuzz;
  const std::string_view input = AsText(data, size);
  const size_t nul = std::min(input.find('\0'), size);
  const GuardedText first(input.substr(0, nul));
  const GuardedText second(input.substr(std::min(nul + 1, size)));
  const auto a = std::make_unique<SecurityList>();
  const auto b = std::make_unique<SecurityList>();
  const bool a_good = Decode(first.text(), a.get());
  const bool b_good = Decode(second.text(), b.get());
  std::string a_text;
  std::string b_text;
  if (a_good) {
    a_text = Canonical(*a);
    Check(SameAgreement(*a, *a), "an agreement is the same as itself");
    CheckCanonical(*a, a_text);
  }
  if (b_good) b_text = Canonical(*b);
  if (!a_good || !b_good) return 0;
  const bool same = SameAgreement(*a, *b);
  Check(same == SameAgreement(*b, *a), "sameness goes both ways");
  Check(same == (a_text == b_text), "same agreement, same canonical form");
  return 0;
}
