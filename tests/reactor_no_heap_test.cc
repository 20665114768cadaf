// The reactor takes its memory at set-up: while it works, the heap is not touched.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "reactor/datagram.h"
#include "reactor/tcp_listener.h"
#include "reactor/timer_wheel.h"
#include "tests/reactor_peer.h"

#if defined(__SANITIZE_THREAD__)
#define GMEDGE_KEEPS_HEAP
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GMEDGE_KEEPS_HEAP
#endif
#endif

namespace {
uint64_t heap_calls = 0;
}  // namespace

#ifndef GMEDGE_KEEPS_HEAP  // The thread sanitizer does not let its own be replaced.

// Replaced for this program alone. The array forms are counted too: by default they call these.
void* operator new(size_t size) {
  ++heap_calls;
  if (void* const memory = std::malloc(size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept {
  ++heap_calls;
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  ++heap_calls;
  std::free(memory);
}
#endif

namespace reactor {
namespace {

constexpr int kDatagrams = 10'000;
constexpr int kBurst = 20;

// Answers each datagram with part of it and text of its own, and keeps a timer going.
class Echo : public DatagramSink {
 public:
  void OnDatagram(DatagramPort& port, const Datagram& datagram, BufferLease lease) override {
    ++count_;
    const std::string_view slices[] = {datagram.payload.substr(0, 4), "Via: us;",
                                       datagram.payload.substr(4)};
    EXPECT_TRUE(port.Send(datagram.from, slices, lease));
    wheel_.Arm(&timer_, static_cast<uint64_t>(count_) + 100);
    wheel_.Advance(static_cast<uint64_t>(count_), [](Timer*) {});
  }
  int count() const { return count_; }

 private:
  int count_ = 0;
  TimerWheel wheel_{0};
  Timer timer_;
};

TEST(ReactorNoHeap, EchoOfTenThousandDatagramsTakesNothingFromTheHeap) {
#ifdef GMEDGE_KEEPS_HEAP
  GTEST_SKIP() << "heap calls are not counted under this sanitizer";
#endif
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  std::string error;
  const std::unique_ptr<BufferRing> buffers =
      BufferRing::Create(reactor.get(), {.count = 8, .size = 2048}, &error);
  ASSERT_NE(buffers, nullptr) << error;
  SendPool pool({.slots = 64, .slot_text_size = 256});
  Echo echo;
  const std::unique_ptr<DatagramPort> port = DatagramPort::Open(
      reactor.get(), buffers.get(), &pool, {.local = At("127.0.0.1:0")}, &echo, 0, &error);
  ASSERT_NE(port, nullptr) << error;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ASSERT_EQ(connect(fd, &port->local().any, port->local().size()), 0);
  char bytes[1200] = {};

  const uint64_t before = heap_calls;
  for (int done = 0; done < kDatagrams; done += kBurst) {
    for (int i = 0; i < kBurst; ++i) ASSERT_EQ(send(fd, bytes, sizeof(bytes), 0), 1200);
    while (echo.count() < done + kBurst || pool.in_flight() > 0) {
      reactor->SubmitAndWait(1'000'000);
      reactor->Dispatch();
    }
    for (int i = 0; i < kBurst; ++i) ASSERT_EQ(recv(fd, bytes, sizeof(bytes), 0), 1200);
  }
  EXPECT_EQ(heap_calls, before);
  EXPECT_GT(before, 0u);  // The count counts.
  EXPECT_EQ(port->counters().sent, static_cast<uint64_t>(kDatagrams));
  EXPECT_GT(port->counters().receive_no_buffers, 0u);  // Under load as well.

  close(fd);
  port->Close();
  EXPECT_TRUE(RunUntil(reactor.get(), [&] { return port->closed(); }));
}

// The same over TCP.
class TcpEcho : public TcpSink {
 public:
  void OnTcpOpen(TcpConnection&) override {}
  void OnTcpBytes(TcpConnection& connection, std::string_view bytes, BufferLease lease) override {
    size_ += bytes.size();
    const std::string_view slices[] = {bytes.substr(0, 4), "Via: us;", bytes.substr(4)};
    EXPECT_TRUE(connection.Send(slices, lease));
  }
  void OnTcpFin(TcpConnection& connection) override { connection.Close(); }
  void OnTcpEnd(TcpConnection&, TcpEnd, int) override {}
  size_t size() const { return size_; }

 private:
  size_t size_ = 0;
};

TEST(ReactorNoHeap, EchoOverTcpTakesNothingFromTheHeapNorDoConnectionsThatComeAndGo) {
#ifdef GMEDGE_KEEPS_HEAP
  GTEST_SKIP() << "heap calls are not counted under this sanitizer";
#endif
  const std::unique_ptr<Reactor> reactor = MakeReactor();
  std::string error;
  const std::unique_ptr<BufferRing> buffers =
      BufferRing::Create(reactor.get(), {.count = 8, .size = 2048}, &error);
  ASSERT_NE(buffers, nullptr) << error;
  SendPool sends({.slots = 64, .slot_text_size = 256});
  TcpEcho echo;
  TcpPool pool(reactor.get(), buffers.get(), &sends, {.connections_max = 16}, &echo, 0);
  const std::unique_ptr<TcpListener> listener =
      TcpListener::Open(reactor.get(), &pool, {.local = At("127.0.0.1:0")}, 0, &error);
  ASSERT_NE(listener, nullptr) << error;

  const uint64_t before = heap_calls;
  size_t received = 0;
  for (int round = 0; round < 50; ++round) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(connect(fd, &listener->local().any, listener->local().size()), 0);
    char bytes[1200] = {};
    for (int i = 0; i < kBurst; ++i) {
      ASSERT_EQ(send(fd, bytes, sizeof(bytes), 0), 1200);
      for (received += 1200; echo.size() < received || sends.in_flight() > 0;) {
        reactor->SubmitAndWait(1'000'000);
        reactor->Dispatch();
      }
      ASSERT_GE(recv(fd, bytes, sizeof(bytes), MSG_WAITALL), 1200);
    }
    pool.Advance(static_cast<uint64_t>(round));
    close(fd);
    while (!pool.empty()) {
      reactor->SubmitAndWait(1'000'000);
      reactor->Dispatch();
    }
  }
  EXPECT_EQ(heap_calls, before);
  EXPECT_EQ(pool.counters().accepted, 50u);

  listener->Close();
  EXPECT_TRUE(RunUntil(reactor.get(), [&] { return listener->closed(); }));
}

}  // namespace
}  // namespace reactor
