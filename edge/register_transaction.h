// What is remembered of a REGISTER (RegisterProxy). A plain value.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "edge/agreement.h"
#include "edge/binding.h"
#include "edge/flow.h"
#include "edge/next_hops.h"
#include "edge/rules.h"
#include "edge/slot_pool.h"
#include "reactor/timer_wheel.h"

namespace edge {

// One REGISTER under way, or answered a moment ago (then a retransmission meets the same answer).
// Of the latter there are as many as come in kTransactionLingerMs: they are kept small.
struct RegisterTransaction {
  enum class State : uint8_t { kForwarded, kKernel, kDone };
  // What only the answer needs.
  struct Open {
    bool agreed = false;  // `offer` is set: a 401 opens an agreement.
    Offer offer;
    std::string security_client;  // As it came; moves into the Challenge.
    std::string contact;
    std::string identity;
    uint32_t reg_id = 0;
    Names::State way = Names::State::kKnown;  // To the core, by DNS.
    std::string request;                      // As it went there, where there is another to ask...
    uint64_t spread = 0;                      // ...and what chooses among those out of DNS.
    std::string answer_tail;  // An answer of our own, from the end of its status line on.
    // While the kernel is asked:
    std::string held;  // The answer, whole.
    uint32_t granted_s = 0;
    std::string service_route;
    std::string associated;
  };

  SlotId id = 0;
  uint64_t key = 0;  // Our branch.
  State state = State::kForwarded;
  bool integrity_protected = false;
  bool answers_challenge = false;  // SM7: it came on a temporary set.
  bool asks_zero = false;
  int own_status = 0;  // kDone: what we answered ourselves; 0: the core did...
  int status = 0;      // ...with this.
  Flow source;         // As it came.
  Flow answer;         // Where an answer goes that belongs to no set...
  Flow held_to;        // ...and where the one goes that waited for the kernel.
  SetId arrived = 0;   // The set it came on, or 0.
  SetId made = 0;      // The set its 401 opened.
  SlotId binding = 0;
  RuleIndex rule = 0;
  uint64_t started_ms = 0;
  NextHops::Asked asked;
  std::unique_ptr<Open> open;  // Null when kDone.
  reactor::Timer timer;
};

}  // namespace edge
