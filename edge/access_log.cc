#include "edge/access_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <string>

#include "edge/context.h"

namespace edge {

void LogAccess(Context* context, const SaSet& set, const sip::Message& message, Actions* actions) {
  const Template& format = context->settings.log.access_format;
  std::array<char, kExpandedSizeMax> buffer;
  AccessLine line;
  line.text = format.Expand(set, message, buffer);
  line.reveals_keys = format.reveals_keys();
  const Binding* binding = context->registrar.FindBinding(set.binding);
  if (binding != nullptr) line.impi = binding->impi();
  actions->Access(line);
  if (!line.reveals_keys) return;
  ++context->stats.keys_revealed;
  xfrm::Wipe(buffer.data(), line.text.size());
}

void WriteAccess(const AccessLine& line) {
  spdlog::info("access {}", line.text);
  if (line.reveals_keys) WriteReveal(line.impi, "log.access_format");
}

void WriteReveal(std::string_view impi, std::string_view by) {
  std::string shown(impi.empty() ? "-" : impi);
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
  spdlog::warn("keys of impi={} revealed by {}", shown, by);
}

}  // namespace edge
