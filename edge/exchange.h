// What the workers of a process have between them, beside the SPI pool: letters, the word to stop,
// and the key by which all name a phone alike. Everything else of a worker is its own (design D6).
//
// A worker is told by its index, and what names it is called in its thread. Outlives all of them.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "edge/letter.h"
#include "edge/limits.h"
#include "edge/rest.h"
#include "edge/secrets.h"
#include "edge/settings.h"
#include "reactor/mailbox.h"
#include "reactor/reactor.h"
#include "reactor/wake.h"

namespace edge {

class Exchange {
 public:
  // `random` is needed for this call only.
  Exchange(size_t workers, Random* random);

  size_t workers() const { return places_.size(); }
  const KeyedHash& phones() const { return phones_; }
  // The key of an earlier run. Before the first worker is made.
  void set_phones(const KeyedHash& phones) { phones_ = phones; }
  KeyedHash* mutable_phones() { return &phones_; }

  // Letters to this worker, and the word to stop, are told to `sink` on that reactor. False:
  // *error.
  bool Open(size_t worker, reactor::Reactor* reactor, reactor::WakeSink* sink, std::string* error);

  // A letter to each other worker; nobody waits. Returns how many mailboxes were full: those
  // workers do not hear of it. What they keep then is of no use to anybody and dies by itself
  // (design D3), so it is not worth a queue that could grow.
  size_t Tell(size_t worker, const Letter& letter);
  // Wakes them; once a turn, before the wait.
  void Flush(size_t worker, reactor::Reactor* reactor);
  // Hands over the letters to this worker. Returns how many there were.
  template <typename Read>
  size_t Take(size_t worker, Read&& read) {
    size_t count = 0;
    for (size_t from = 0; from < workers(); ++from) {
      if (from != worker) count += MailboxOf(from, worker).Take(read);
    }
    return count;
  }

  // From any thread: these hold from now on, for all workers together. Only the last ones count.
  void Offer(std::shared_ptr<const Settings> settings);
  // Null: no others were offered since this worker last asked.
  std::shared_ptr<const Settings> TakeSettings(size_t worker);

  // From any thread: asks one for a turn.
  void Ring(size_t worker) { places_[worker]->wake->Ring(); }
  // From any thread: asks all to end; a second time, to end without waiting for anybody.
  void Stop();
  int stop_requests() const { return stop_requests_.load(std::memory_order_acquire); }

  // How all come to rest; AskRest() wakes them for it.
  Rest& rest() { return rest_; }
  const Rest& rest() const { return rest_; }
  void AskRest(Rest::Phase phase);
  // Something else is asked of all than to serve.
  bool IsCalled() const { return stop_requests() > 0 || rest_.asked() != Rest::Phase::kServe; }

  // Is this worker ready to end? True: so were all, once; now each goes, and writes no more.
  bool MayLeave(size_t worker, bool is_ready);
  // It has, and has submitted what it had to.
  void Leave() { left_.fetch_add(1, std::memory_order_acq_rel); }
  // Nobody wakes anybody any more: what wakes this worker may go.
  bool all_left() const { return left_.load(std::memory_order_acquire) == workers(); }
  void Close(size_t worker) { places_[worker]->wake->Close(); }
  bool closed(size_t worker) const { return places_[worker]->wake->closed(); }

 private:
  using LetterBox = reactor::Mailbox<Letter>;
  struct alignas(64) Place {
    std::unique_ptr<reactor::Wake> wake;
    bool has_written = false;  // Since its last Flush.
    std::atomic<bool> is_ready = false;
    std::atomic<bool> has_settings = false;      // Offered, and not yet taken.
    std::vector<std::unique_ptr<LetterBox>> to;  // By the receiver's index; null: its own.
  };
  LetterBox& MailboxOf(size_t from, size_t to) { return *places_[from]->to[to]; }

  KeyedHash phones_;
  Rest rest_;
  std::vector<std::unique_ptr<Place>> places_;
  std::mutex settings_mutex_;  // Taken when settings change, and never else.
  std::shared_ptr<const Settings> settings_;
  std::atomic<int> stop_requests_ = 0;
  std::atomic<bool> may_leave_ = false;
  std::atomic<size_t> left_ = 0;
};

}  // namespace edge
