// The raw UDP echo (raw_echo.h) with one thing done differently.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "bench/raw_echo.h"
#include "bench/raw_ring.h"

namespace bench {

struct EchoOptions {
  enum class Send : uint8_t { kSendmsg, kSend, kSendmsgZeroCopy, kSendZeroCopyFixed };

  const char* name = "";
  unsigned ring_flags = RawRing::kFlags;
  bool ring_registered = true;  // io_uring_register_ring_fd.
  bool file_registered = true;
  bool poll_first = false;  // IORING_RECVSEND_POLL_FIRST at the receive.
  Send send = Send::kSendmsg;
  int busy_poll_us = 0;     // SO_BUSY_POLL, and the ring's own (IORING_REGISTER_NAPI).
  int spin_us = 0;          // Looks so long before it sleeps.
  bool huge_pages = false;  // madvise of the buffers.
};

class OptionEcho final : public UdpEcho {
 public:
  explicit OptionEcho(const EchoOptions& options);
  ~OptionEcho() override;  // Stops it.

  bool Start(int cpu, uint16_t* port, std::string* error) override;
  // Of the thread and of the kernel's that polls for it.
  double CpuSeconds() override;
  void Stop() override;

 private:
  struct Ring;
  int Open(int cpu);
  void Run();

  const EchoOptions options_;
  std::unique_ptr<Ring> ring_;
  std::thread thread_;
  std::string poll_stat_;  // Where the CPU time of the kernel's thread stands; "" without one.
  std::atomic<bool> stopping_ = false;
};

}  // namespace bench
