// The worker's ports: which there are, and how they are opened.
#include <fmt/format.h>

#include <span>
#include <utility>

#include "edge/worker.h"

namespace edge {

std::vector<Port> PortsOf(const Settings& settings) {
  std::vector<Port> ports;
  for (const auto& local : settings.gm.listen) ports.push_back(MakePort(Side::kGm, local));
  for (const auto& local : settings.ipsec.sockets) {
    ports.push_back(MakePort(Side::kProtected, local));
  }
  ports.push_back(MakePort(Side::kCore, settings.core.listen));
  return ports;
}

// Strangers have buffers of their own: a flood of theirs takes none from phones and the core.
bool Worker::OpenPorts(std::string* error) {
  for (size_t i = 0; i < ports_.size(); ++i) {
    std::string why;
    auto socket = OpenPort(i, &why);
    if (socket == nullptr) {
      *error = fmt::format("udp:{}: {}", ports_[i].text, why);
      return false;
    }
    sockets_.push_back(std::move(socket));
  }
  const auto files = std::span<int>(rest_.files());
  return connections_.Open(reactor_.get(), buffers_.get(), stream_buffers_.get(), sends_.get(),
                           now_ms_, files.empty() ? files : files.subspan(ports_.size()), error);
}

std::unique_ptr<reactor::DatagramPort> Worker::OpenPort(size_t index, std::string* error) {
  const bool strangers = ports_[index].side == Side::kGm;
  reactor::BufferRing* const buffers = strangers ? stranger_buffers_.get() : buffers_.get();
  reactor::SendPool* const sends = strangers ? stranger_sends_.get() : sends_.get();
  const auto tag = static_cast<uint32_t>(index);
  reactor::DatagramOptions options;
  options.local = ports_[index].local;
  // The kernel gives the same worker whatever comes from one address and port of a phone.
  options.reuse_port = strangers && exchange_->workers() > 1;
  options.report_unreachable = ports_[index].side == Side::kCore;
  if (rest_.files().empty()) {
    return reactor::DatagramPort::Open(reactor_.get(), buffers, sends, options, this, tag, error);
  }
  return reactor::DatagramPort::Adopt(reactor_.get(), buffers, sends,
                                      std::exchange(rest_.files()[index], -1), options, this, tag,
                                      error);
}

}  // namespace edge
