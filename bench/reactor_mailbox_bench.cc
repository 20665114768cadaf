// What a letter to another worker costs, and which way of waking it is the cheaper: an eventfd that
// its ring reads, or a completion put into its ring by ours (IORING_OP_MSG_RING).
//
// Items are letters. Round trips: two threads, each asleep until the other's letter comes; what one
// does is half of the time.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "reactor/mailbox.h"
#include "reactor/reactor.h"
#include "reactor/wake.h"

namespace reactor {
namespace {

struct Letter {
  char text[320];  // An IMPI (255 octets at most) and an address.
};

void BM_PutAndTake(benchmark::State& state) {
  Mailbox<Letter> mailbox(1024);
  const Letter letter{};
  const int64_t batch = state.range(0);
  for (auto _ : state) {
    for (int64_t i = 0; i < batch; ++i) benchmark::DoNotOptimize(mailbox.Put(letter));
    mailbox.Take([](const Letter& taken) { benchmark::DoNotOptimize(taken.text[0]); });
  }
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(BM_PutAndTake)->Arg(1)->Arg(64);

// A worker that answers every letter, or one that begins.
class Eventfd {
 public:
  class End : WakeSink {
   public:
    End() : reactor_(Reactor::Create({}, &error_)) {
      wake_ = reactor_ == nullptr ? nullptr : Wake::Open(reactor_.get(), this, &error_);
    }
    ~End() override {
      wake_->Close();
      while (!wake_->closed()) Turn();
    }
    void Answer(End* other) { other->wake_->Ring(); }
    void Submit() {}
    void Await() {
      const uint64_t before = count_;
      while (count_ == before) Turn();
    }

   private:
    void OnWake() override { ++count_; }
    void Turn() {
      reactor_->SubmitAndWait(-1);
      reactor_->Dispatch();
    }

    std::string error_;
    std::unique_ptr<Reactor> reactor_;
    std::unique_ptr<Wake> wake_;
    uint64_t count_ = 0;
  };
};

class MessageRing {
 public:
  class End {
   public:
    End() : reactor_(Reactor::Create({}, &error_)), woken_{OnWoken, this} {}
    void Answer(End* other) {
      io_uring_prep_msg_ring(reactor_->GetSqe(nullptr), other->reactor_->ring()->ring_fd, 0,
                             reinterpret_cast<uint64_t>(&other->woken_), 0);
    }
    void Submit() { reactor_->SubmitAndWait(0); }
    void Await() {
      const uint64_t before = count_;
      while (count_ == before) {
        reactor_->SubmitAndWait(-1);
        reactor_->Dispatch();
      }
    }

   private:
    static void OnWoken(void* owner, Completion*, int32_t, uint32_t) {
      ++static_cast<End*>(owner)->count_;
    }

    std::string error_;
    std::unique_ptr<Reactor> reactor_;
    Completion woken_;
    uint64_t count_ = 0;
  };
};

template <typename Way>
void BM_RoundTrip(benchmark::State& state) {
  using End = typename Way::End;
  End near;
  std::atomic<End*> far = nullptr;
  std::atomic<bool> ending = false;
  std::thread other([&] {
    End end;
    far.store(&end);
    while (true) {
      end.Await();
      if (ending.load()) break;
      end.Answer(&near);
    }
  });
  while (far.load() == nullptr) std::this_thread::yield();
  for (auto _ : state) {
    near.Answer(far.load());
    near.Await();
  }
  ending.store(true);
  near.Answer(far.load());
  near.Submit();
  other.join();
}
BENCHMARK(BM_RoundTrip<Eventfd>)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(BM_RoundTrip<MessageRing>)->UseRealTime()->MeasureProcessCPUTime();

}  // namespace
}  // namespace reactor

BENCHMARK_MAIN();
