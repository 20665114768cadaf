// Drives an echo as LoadTraffic drives the edge: same thread, same batches, same kind of pace.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
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
  // Of the echoed, from when they should have been sent, in the order of their sending: as they
  // come back but for those of different connections, and for a lost one.
  double p50_us = 0;
  double p99_us = 0;

  // The share of the time that it ran.
  double Busy() const { return seconds > 0 ? cpu_seconds / seconds : 0; }
  double PerSecond() const { return seconds > 0 ? static_cast<double>(echoed) / seconds : 0; }
  // CPU microseconds for one message in and out: what any relay pays to the kernel.
  double Microseconds() const {
    return echoed > 0 ? cpu_seconds * 1e6 / static_cast<double>(echoed) : 0;
  }
};

// Where the messages of a drive go, in batches.
class EchoWay {
 public:
  virtual ~EchoWay() = default;
  virtual void Send(std::string_view payload) = 0;
  virtual void Flush() = 0;
  // Takes what came back; returns how many.
  virtual int Receive() = 0;
  virtual int fd() const = 0;
};
// All of the result but the CPU time.
EchoResult DriveEcho(EchoWay* way, size_t size, const LoadPace& pace);

class LoadEcho {
 public:
  virtual ~LoadEcho() = default;
  // Starts the echo on `cpu`.
  virtual bool Open(int cpu, std::string* error) = 0;
  // Messages of `size` bytes, at most LoadSocket::kDatagramSizeMax, over so many connections where
  // there are any.
  virtual EchoResult Run(size_t size, const LoadPace& pace, size_t connections) = 0;
};

class DatagramEcho final : public LoadEcho {
 public:
  explicit DatagramEcho(std::unique_ptr<UdpEcho> echo) : echo_(std::move(echo)) {}
  bool Open(int cpu, std::string* error) override;
  EchoResult Run(size_t size, const LoadPace& pace, size_t connections) override;

 private:
  class Way;
  std::unique_ptr<UdpEcho> echo_;
  LoadSocket socket_;
  Address address_;
};

}  // namespace bench
