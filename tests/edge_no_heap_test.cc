// A forwarded message takes nothing from the heap: not parsed, not decided, not edited, either way.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/edge_vectors.h"

namespace {

uint64_t heap_calls = 0;

}  // namespace

// Not inlined, or g++ takes malloc and free for a mismatched pair of new and delete.
[[gnu::noinline]] void* operator new(size_t size) {
  ++heap_calls;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace edge {
namespace {

// Notes what a message became, without memory of its own.
class CountingActions final : public Actions {
 public:
  void Send(const Flow&, std::span<const std::string_view> pieces) override {
    ++sends;
    for (const std::string_view piece : pieces) bytes += piece.size();
  }
  void Disconnect(const Flow&) override {}
  void Install(SetId, std::span<const xfrm::Sa>) override { ++others; }
  void Extend(SetId, std::span<const xfrm::Sa>, std::span<const xfrm::Sa>) override { ++others; }
  void Delete(SetId, const SaIds&, bool) override { ++others; }
  void Look(SetId, std::span<const xfrm::SaId>) override {}
  void Report(const Attempt&) override { ++others; }

  size_t sends = 0;
  size_t bytes = 0;
  size_t others = 0;
};

class EdgeNoHeap : public EdgeVectors {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer keeps the heap to itself";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    GTEST_SKIP() << "the sanitizer keeps the heap to itself";
#endif
#endif
    Register();
  }

  // Heap calls of one such message, once the first has warmed what there is to warm.
  uint64_t HeapCallsOf(const std::string& text, std::string_view from, std::string_view to) {
    std::string padded = text;
    padded.append(sip::kPaddingSize, '\0');
    const Flow flow{world_.PortAt(to), At(from)};
    const auto bytes = sip::PaddedView::Promise({padded.data(), text.size()});
    CountingActions actions;
    world_.core().OnMessage(flow, bytes, world_.now_ms(), &actions);
    EXPECT_EQ(actions.sends, 1u) << text;
    const uint64_t before = heap_calls;
    for (int i = 0; i < 100; ++i) {
      world_.core().OnMessage(flow, bytes, world_.now_ms(), &actions);
    }
    const uint64_t calls = heap_calls - before;
    EXPECT_EQ(actions.sends, 101u);
    EXPECT_EQ(actions.others, 0u);
    EXPECT_GT(actions.bytes, 100 * text.size() / 2);
    return calls;
  }
};

TEST_F(EdgeNoHeap, TheCounterCounts) {
  const uint64_t before = heap_calls;
  int* volatile number = new int;  // Or the pair may be optimised away.
  delete number;
  EXPECT_EQ(heap_calls, before + 1);
}

TEST_F(EdgeNoHeap, AnInviteOfAPhoneAndItsAnswer) {
  const std::string invite = names_.ToOurs(Vector("13_invite_mo_from_ue.sip"));
  EXPECT_EQ(HeapCallsOf(invite, kUeClient, kServer), 0u);
  world_.Deliver(kUeClient, kServer, invite);
  const std::string forwarded = world_.Pop().text;
  std::string answer = "SIP/2.0 180 Ringing\r\n";
  answer += forwarded.substr(forwarded.find("Via:"));
  EXPECT_EQ(HeapCallsOf(answer, kScscf, kCore), 0u);
}

TEST_F(EdgeNoHeap, AnInviteToAPhoneAndItsAnswer) {
  const std::string invite = names_.ToOurs(Vector("15_invite_mt_from_scscf.sip"));
  EXPECT_EQ(HeapCallsOf(invite, kScscf, kCore), 0u);
  Step("15_invite_mt_from_scscf.sip", kScscf, kCore);
  Expect("16_invite_mt_to_ue.sip", kClient, kUeServer, {kBranch});
  EXPECT_EQ(HeapCallsOf(names_.ToOurs(Vector("17_180_mt_from_ue.sip")), kUeClient, kServer), 0u);
}

}  // namespace
}  // namespace edge
