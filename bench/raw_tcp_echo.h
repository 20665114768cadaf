// The physical limit that the reactor's TCP is held against: an echo written straight on io_uring
// (multishot accept and receive, provided buffers, send), without anything of ours.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace bench {

// One thread that sends back whatever comes on a connection to 127.0.0.1:port. It knows no end of a
// connection but that of the bench, and takes each send to go out whole.
class RawTcpEcho {
 public:
  RawTcpEcho();
  ~RawTcpEcho();  // Stops it.

  // Starts the thread on `cpu` (-1: any). False and *error when it cannot.
  bool Start(int cpu, uint16_t* port, std::string* error);
  // The CPU time of the thread so far.
  double CpuSeconds();
  void Stop();

 private:
  struct Ring;
  void Run();
  std::unique_ptr<Ring> ring_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace bench
