// A child process pinned to one CPU, and what it costs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bench/edge_load_socket.h"

namespace bench {

class LoadProcess {
 public:
  LoadProcess() = default;
  // Stops it.
  ~LoadProcess();
  LoadProcess(const LoadProcess&) = delete;
  LoadProcess& operator=(const LoadProcess&) = delete;

  // Starts it with both outputs in `log_path`. It dies with us.
  bool Start(const std::vector<std::string>& command, int cpu, const std::string& log_path,
             std::string* error);
  bool running();
  // Waits until somebody listens there; false, with *error, when the process ends before or ten
  // seconds pass.
  bool AwaitUdp(Address local, std::string* error);
  // CPU seconds of all its threads and its children's so far, to the nanosecond: user, system, and
  // the softirq work the kernel did in their name (sends over loopback).
  double CpuSeconds() const;
  // Resident set in bytes.
  uint64_t MemorySize() const;
  // Of those the ones outside the kernel, by its clock ticks: only long intervals tell.
  double UserSeconds() const;
  // SIGKILL, and waits until it is gone.
  void Kill();
  // Until it has ended by itself. Exit status, or -1 when it did not, or not so soon.
  int AwaitEnd(int seconds_max);
  // SIGTERM, then SIGKILL after a minute. Exit status, or -1 when it did not exit by itself.
  int Stop();

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

// "127.64.0.1", of a number in host order.
std::string IpText(uint32_t ip);

}  // namespace bench
