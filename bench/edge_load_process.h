// A child process pinned to one CPU, and what it costs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

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
  // CPU seconds of all its threads so far, to the nanosecond: user, system, and the softirq work
  // the kernel did in their name (sends over loopback).
  double CpuSeconds() const;
  // Resident set in bytes.
  uint64_t MemorySize() const;
  // Of those the ones outside the kernel, by its clock ticks: only long intervals tell.
  double UserSeconds() const;
  // SIGTERM, then SIGKILL after a minute. Exit status, or -1 when it did not exit by itself.
  int Stop();

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

// Is a UDP socket bound to this IPv4 address (host order) and port?
bool IsUdpBound(uint32_t ip, uint16_t port);

}  // namespace bench
