// What another process hands over, made of arbitrary bytes: it is refused, or it is a core that can
// be written again as the same bytes, serves and ends.
#include <sodium.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/takeover_terms.h"
#include "tests/edge_carried.h"
#include "tests/edge_world.h"

namespace edge {
namespace {

void Check(bool is_good) {
  if (!is_good) abort();
}

// Ports as those of the cores in the corpus (tests/edge_steps.h).
Settings FuzzSettings() {
  Settings settings;
  settings.gm.listen = {At("192.0.2.10:5060"), At("[2001:db8:10::10]:5060")};
  for (const char* const port : {"6101", "6102", "6103"}) {
    settings.ipsec.sockets.push_back(At("192.0.2.10:" + std::string(port)));
    settings.ipsec.sockets.push_back(At("[2001:db8:10::10]:" + std::string(port)));
  }
  settings.core.listen = At("10.0.0.10:5060");
  settings.core.next_hops = {At("10.0.0.20:5060")};
  settings.core.host = "pcscf.example.org";
  return settings;
}

void TryCore(std::string_view bytes) {
  static const Settings settings = FuzzSettings();
  World world(settings);
  if (!CarryIn(bytes, &world.core(), world.now_ms())) return;
  const std::string again = CarriedOut(&world.core(), world.now_ms());
  World next(settings);
  Check(CarryIn(again, &next.core(), world.now_ms()));
  Check(CarriedOut(&next.core(), world.now_ms()) == again);
  next.Deliver("198.51.100.77:37001", "192.0.2.10:6101", "OPTIONS sip:x SIP/2.0\r\n\r\n");
  next.Advance(3'600'000);
}

void TryTerms(std::string_view text) {
  static const TakeoverTerms terms = TermsOf(FuzzSettings(), "kernel");
  const std::string error = CompareTerms(text, terms);
  Check(!error.empty() || text.starts_with("gmedge takeover 1"));
}

}  // namespace
}  // namespace edge

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool is_ready = sodium_init() >= 0;
  edge::Check(is_ready);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  edge::TryCore(bytes);
  edge::TryTerms(bytes);
  return 0;
}
