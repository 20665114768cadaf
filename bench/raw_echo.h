// The physical limit that the load benches are held against: a UDP echo written straight on
// io_uring (multishot receive, provided buffers, sendmsg), without anything of ours.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace bench {

// One thread that sends back every datagram to 127.0.0.1:port it was sent to.
class UdpEcho {
 public:
  virtual ~UdpEcho() = default;
  // Starts the thread on `cpu` (-1: any). False and *error when it cannot.
  virtual bool Start(int cpu, uint16_t* port, std::string* error) = 0;
  // The CPU time of the thread so far.
  virtual double CpuSeconds() = 0;
  virtual void Stop() = 0;
};

class RawEcho final : public UdpEcho {
 public:
  RawEcho();
  ~RawEcho() override;  // Stops it.

  bool Start(int cpu, uint16_t* port, std::string* error) override;
  double CpuSeconds() override;
  // Datagrams sent back so far.
  uint64_t echoed() const { return echoed_.load(std::memory_order_relaxed); }
  void Stop() override;

 private:
  struct Ring;
  void Run();
  std::unique_ptr<Ring> ring_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> echoed_ = 0;
};

// Keeps the calling thread on one CPU; -1: no effect.
bool PinToCpu(int cpu);
// The CPU time of a running thread.
double ThreadCpuSeconds(std::thread& thread);

}  // namespace bench
