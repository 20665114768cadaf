// The worker's part in the ways into the core and to phones behind a NAT: what happens on them, and
// what is said of it.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "edge/worker.h"

namespace edge {

void Worker::OnUnreachable(reactor::DatagramPort& port, const reactor::Endpoint& to) {
  OnConnectFailed({static_cast<PortIndex>(port.tag()), to});
}

void Worker::OnConnectFailed(const Flow& flow) {
  if (!stopping_) core_.OnUnreachable(flow, now_ms_, this);
}

void Worker::OnResolved(SlotId name, const Resolved& resolved) {
  core_.OnResolved(name, resolved, now_ms_, this);
}

void Worker::OnMapping(const xfrm::Mapping& mapping) {
  if (!stopping_ && mapping.reqid == settings_.ipsec.reqid) core_.OnMapping(mapping, now_ms_, this);
}

void Worker::TellNextHop(const NextHopChange& change) {
  spdlog::log(change.is_dead ? spdlog::level::warn : spdlog::level::info, "{}{}",
              exchange_->workers() > 1 ? fmt::format("worker {}: ", index_) : "",
              FormatNextHop(change));
}

}  // namespace edge
