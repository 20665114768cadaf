// What the load bench found, as a table and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/edge_load_echo.h"
#include "bench/edge_load_fake.h"
#include "bench/edge_load_traffic.h"

namespace bench {

// One phase: the edge, and the raw echo at the same number and size of messages a second.
struct LoadRow {
  LoadFlow flow = LoadFlow::kRegistration;
  size_t phones = 0;            // Registered when it began.
  double paced_per_second = 0;  // Transactions; 0: as many as the window lets through.
  LoadResult load;
  double edge_cpu_seconds = 0;
  double edge_user_seconds = 0;  // Of those, outside the kernel; coarse.
  double load_cpu_seconds = 0;   // What the phones and the core cost us.
  EchoResult echo;
  EchoResult busy_echo;  // Paced so that the echo is as busy as the edge was: 0, but with a pace.
  double fake_us = 0;    // Of a transaction, what the simulated kernel cost.

  double MicrosecondsPerMessage() const;
  double MicrosecondsPerTransaction() const;
  double MessagesPerSecond() const;
  // The share of the time that the edge ran.
  double EdgeBusy() const;
  // Of the edge to the raw echo, per message.
  double EchoRatio() const;
  // The same without the simulated kernel.
  double NetRatio() const;
  // See LatencyUs(). A transaction passes the edge at least twice, a message the echo once.
  double Latency(double share) const;
};

struct LoadReport {
  std::string machine;         // CPU, kernel.
  std::string edge;            // What `gmedge --version` says, how it ran.
  std::string_view transport;  // Of the phones and of the raw echo.
  int window = 0;
  EchoResult echo_before;  // As many as the window lets through, before and after all phases.
  EchoResult echo_after;
  EchoResult epoll;  // Over UDP by epoll, recvmmsg and sendmmsg.
  size_t echo_size = 0;
  // Resident sizes: before the first phone, and with so many registered.
  struct Memory {
    size_t phones;
    uint64_t bytes;
    FakeCost fake;  // What of it, and of the CPU, is the simulated kernel's.
  };
  uint64_t memory_idle_bytes = 0;
  std::vector<Memory> memory;
  double stop_seconds = 0;  // From SIGTERM to the end, with all phones registered.
  std::vector<LoadRow> rows;
  // Others under one of the flows, as many as the window lets through.
  struct Peer {
    std::string name;
    LoadRow row;
    LoadRow own;  // gmedge's, right before it.
  };
  std::vector<Peer> peers;

  std::string Table() const;
  std::string Json() const;
  // Resident bytes per phone over what gmedge has at start, without the simulated kernel's.
  double BytesPerPhone(const Memory& at) const;
  // Every flow worked, nothing was refused, and of those a window drives at most one transaction in
  // a hundred was lost. (A fixed rate loses some whenever the machine has other things to do.)
  bool IsSound() const;
};

// "AMD EPYC, Linux 6.1.0".
std::string DescribeMachine();

}  // namespace bench
