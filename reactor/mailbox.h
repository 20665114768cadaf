// Letters from one thread to one other: a ring of fixed size, no lock, no heap call after its
// construction. Who has several correspondents has a mailbox from each and one Wake for all.
#pragma once

#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>

namespace reactor {

template <typename Letter>
class Mailbox {
 public:
  // REQUIRES: a power of two.
  explicit Mailbox(size_t capacity) : letters_(capacity) { assert(std::has_single_bit(capacity)); }

  // The sender's. False: full, and the letter is the sender's still. The receiver is not told: call
  // Wake::Ring() after the last of a turn.
  bool Put(const Letter& letter) {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ == letters_.size()) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == letters_.size()) return false;
    }
    letters_[tail & (letters_.size() - 1)] = letter;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // The receiver's: hands over what is there, oldest first; returns how many. A letter's place is
  // free once `read` has returned.
  template <typename Read>
  size_t Take(Read&& read) {
    const size_t begin = head_.load(std::memory_order_relaxed);
    const size_t end = tail_.load(std::memory_order_acquire);
    for (size_t head = begin; head != end; ++head) {
      read(std::as_const(letters_[head & (letters_.size() - 1)]));
      head_.store(head + 1, std::memory_order_release);
    }
    return end - begin;
  }

  size_t capacity() const { return letters_.size(); }

 private:
  static constexpr size_t kCacheLine = 64;

  std::vector<Letter> letters_;
  // Counts of letters ever taken and put, each on its writer's own cache line.
  alignas(kCacheLine) std::atomic<size_t> head_ = 0;
  alignas(kCacheLine) std::atomic<size_t> tail_ = 0;
  size_t head_seen_ = 0;  // The sender's last look at head_.
};

}  // namespace reactor
