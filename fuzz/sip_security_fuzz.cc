// Any text as the value of a Security-* header; a NUL separates it from a second one. What is
// usable is so by the rules, and equal agreements say the same.
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

// What reading gives is equal where the agreements are.
void CheckSameMeaning(const SecurityList& a, const SecurityList& b) {
  Check(a.mechanisms().size() == b.mechanisms().size(), "as many mechanisms");
  for (size_t i = 0; i < a.mechanisms().size(); ++i) {
    const SecurityMechanism& x = a.mechanisms()[i];
    const SecurityMechanism& y = b.mechanisms()[i];
    Check(x.fault == y.fault, "the same fault");
    if (x.fault != MechanismFault::kNone) continue;
    Check(x.alg == y.alg && x.ealg == y.ealg && x.mode == y.mode && x.spi_c == y.spi_c &&
              x.spi_s == y.spi_s && x.port_c == y.port_c && x.port_s == y.port_s &&
              x.q_thousandths == y.q_thousandths,
          "the same values");
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
  if (a_good) Check(SameAgreement(*a, *a), "an agreement is the same as itself");
  if (!a_good || !b_good) return 0;
  const bool same = SameAgreement(*a, *b);
  Check(same == SameAgreement(*b, *a), "sameness goes both ways");
  if (same) CheckSameMeaning(*a, *b);
  return 0;
}
