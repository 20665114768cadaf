// CPU time per echoed datagram: through the reactor, beside the bare kernel interface (raw_echo.h).
//
//   reactor_echo [ROUNDS [DATAGRAMS]]    server thread on CPU 0, load on CPU 1, 1200 bytes each
//
// Rounds alternate between the two, so that whatever else the machine does hits both alike.
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "bench/echo_contest.h"
#include "bench/raw_echo.h"
#include "bench/udp_load.h"
#include "reactor/datagram.h"

namespace bench {
namespace {

// The same as RawEcho, with our ports and buffers.
class ReactorEcho : public reactor::DatagramSink {
 public:
  ~ReactorEcho() override { Stop(); }

  bool Start(int cpu, uint16_t* port, std::string* error) {
    std::promise<bool> opened;
    std::future<bool> result = opened.get_future();
    thread_ = std::thread([this, cpu, error, &opened] {
      PinToCpu(cpu);
      const bool ok = Open(error);
      opened.set_value(ok);
      if (ok) Run();
    });
    if (!result.get()) {
      thread_.join();
      return false;
    }
    *port = port_->local().port();
    return true;
  }

  double CpuSeconds() { return ThreadCpuSeconds(thread_); }

  void Stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    thread_.join();
  }

  void OnDatagram(reactor::DatagramPort& port, const reactor::Datagram& datagram,
                  reactor::BufferLease lease) override {
    const std::string_view slices[] = {datagram.payload};
    port.Send(datagram.from, slices, lease);
  }

 private:
  bool Open(std::string* error) {
    reactor_ = reactor::Reactor::Create({}, error);
    if (reactor_ == nullptr) return false;
    buffers_ = reactor::BufferRing::Create(reactor_.get(), {}, error);
    if (buffers_ == nullptr) return false;
    pool_ = std::make_unique<reactor::SendPool>(reactor::SendPoolOptions{});
    reactor::DatagramOptions options;
    reactor::ParseEndpoint("127.0.0.1:0", 0, &options.local);
    port_ = reactor::DatagramPort::Open(reactor_.get(), buffers_.get(), pool_.get(), options, this,
                                        0, error);
    return port_ != nullptr;
  }

  void Run() {
    while (!stopping_.load(std::memory_order_relaxed)) Turn();
    port_->Close();
    while (!port_->closed()) Turn();
    port_.reset();
    pool_.reset();
    buffers_.reset();
    reactor_.reset();
  }

  void Turn() {
    reactor_->Dispatch();
    reactor_->SubmitAndWait(20'000);
  }

  std::unique_ptr<reactor::Reactor> reactor_;
  std::unique_ptr<reactor::BufferRing> buffers_;
  std::unique_ptr<reactor::SendPool> pool_;
  std::unique_ptr<reactor::DatagramPort> port_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  return bench::RunContest<bench::RawEcho, bench::ReactorEcho, bench::UdpLoad>(
      {.program = "reactor_echo",
       .unit = "datagram",
       .size = bench::kPayloadSize,
       .window = bench::kWindow},
      argc, argv);
}
