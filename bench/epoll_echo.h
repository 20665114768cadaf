// The echo as it is usually written: epoll, then recvmmsg and sendmmsg of up to 64 datagrams.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "bench/raw_echo.h"

namespace bench {

class EpollEcho final : public UdpEcho {
 public:
  EpollEcho();
  ~EpollEcho() override;  // Stops it.

  bool Start(int cpu, uint16_t* port, std::string* error) override;
  double CpuSeconds() override { return ThreadCpuSeconds(thread_); }
  void Stop() override;

 private:
  struct Batch;
  void Run();

  std::unique_ptr<Batch> batch_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  int fd_ = -1;
  uint16_t port_ = 0;
};

}  // namespace bench
