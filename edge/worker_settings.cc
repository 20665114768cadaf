#include "edge/worker_settings.h"

#include <algorithm>
#include <vector>

namespace edge {
namespace {

using reactor::Endpoint;

uint32_t Share(uint32_t all, uint32_t workers) {
  return all / workers + (all % workers != 0 ? 1 : 0);
}

// The ports of one address that are this worker's. Neighbours in the list stay together.
bool IsOwn(size_t position, size_t count, size_t workers, size_t index) {
  const auto begin = [&](size_t worker) { return (worker * count + workers - 1) / workers; };
  return position >= begin(index) && position < begin(index + 1);
}

std::vector<Endpoint> OwnSockets(const std::vector<Endpoint>& all, size_t workers, size_t index) {
  std::vector<Endpoint> own;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto same = [&](const Endpoint& other) { return reactor::SameAddress(other, all[i]); };
    const auto at = all.begin() + static_cast<std::ptrdiff_t>(i);
    const auto position = static_cast<size_t>(std::count_if(all.begin(), at, same));
    const auto count = static_cast<size_t>(std::count_if(all.begin(), all.end(), same));
    if (IsOwn(position, count, workers, index)) own.push_back(all[i]);
  }
  return own;
}

std::string AddressText(const Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteAddress(endpoint, true, text)};
}

}  // namespace

Settings SettingsOf(const Settings& all, size_t index) {
  Settings own = all;
  const uint32_t workers = all.process.workers;
  if (workers == 1) return own;
  own.ipsec.sockets = OwnSockets(all.ipsec.sockets, workers, index);
  own.core.listen = all.core.listens[index];
  if (all.core.host == AddressText(all.core.listen)) own.core.host = AddressText(own.core.listen);
  Settings::Limits& limits = own.limits;
  limits.registrations_max = Share(limits.registrations_max, workers);
  limits.half_open_max = Share(limits.half_open_max, workers);
  limits.connections_max = Share(limits.connections_max, workers);
  return own;
}

}  // namespace edge
