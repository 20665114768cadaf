// Drives an echo as LoadTraffic drives the edge: same thread, same batches, same kind of pace.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "bench/edge_load_socket.h"
#include "bench/edge_load_traffic.h"
#include "bench/raw_echo.h"

namespace bench {

struct EchoResult {
  uint64_t echoed = 0;
  uint64_t lost = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // Of the echo.

  double PerSecond() const { return seconds > 0 ? static_cast<double>(echoed) / seconds : 0; }
  // CPU microseconds for one datagram in and out: what any relay pays to the kernel.
  double Microseconds() const {
    return echoed > 0 ? cpu_seconds * 1e6 / static_cast<double>(echoed) : 0;
  }
};

class LoadEcho {
 public:
  explicit LoadEcho(std::unique_ptr<UdpEcho> echo) : echo_(std::move(echo)) {}
  // Starts the echo on `cpu`.
  bool Open(int cpu, std::string* error);
  // Datagrams of `size` bytes, at most LoadSocket::kDatagramSizeMax.
  EchoResult Run(size_t size, const LoadPace& pace);

 private:
  std::unique_ptr<UdpEcho> echo_;
  LoadSocket socket_;
  Address address_;
};

}  // namespace bench
