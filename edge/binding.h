// What the registrar keeps: a phone at an address, and its sets of SAs. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "edge/agreement.h"
#include "edge/flow.h"
#include "edge/journal_record.h"
#include "edge/limits.h"
#include "edge/packed_texts.h"
#include "edge/set_state.h"
#include "edge/slot_pool.h"
#include "reactor/endpoint.h"
#include "reactor/timer_wheel.h"
#include "xfrm/key.h"

namespace edge {

using SetId = SlotId;

// What only an unanswered challenge needs; gone when the set is confirmed.
struct Challenge {
  std::string security_client;  // Of SM1, a header value.
  std::string security_server;  // As sent, a header value.
  std::string nonce;
  Flow sm1;                 // Where SM1 came from, for an answer outside the set.
  uint64_t started_ms = 0;  // When it came.
};

// One set and where it stands (spec sheet 4.1).
struct SaSet {
  SlotId id = 0;
  SetState state = SetState::kFree;
  bool after_initial = true;  // SM1 came unprotected.
  bool sa3_later = false;     // SA3 comes with the 200 (SetKeeper::MustWaitForSa3).
  bool in_doubt = false;      // The kernel may not have what it was asked for.
  PortIndex port_ps = 0;
  PortIndex port_pc = 0;
  SlotId binding = 0;
  SetId origin = 0;          // The set SM1 came on, or 0.
  uint64_t transaction = 0;  // The REGISTER that waits for the kernel, or 0.
  Agreement agreement;
  xfrm::Key ik;
  xfrm::Key ck;
  RuleIndex rule = 0;  // That the phone's REGISTER in clear came under.
  uint64_t installed_ms = 0;
  uint64_t kernel_until_ms = 0;  // Not before this does the kernel end the SAs by itself.
  uint64_t expires_ms = 0;       // What the set's timer is armed for.
  RecordId record = 0;           // In the journal; 0: there is none.
  uint32_t sequence_bound = kSequenceStride;
  bool is_redirecting = false;  // The kernel is being told of another port_uenc.
  bool has_pool_spis = true;  // False: from a run with another range; not the pool's to give again.
  std::unique_ptr<Challenge> challenge;
  std::array<SetId, 2> shadowed{};  // Older sets with the same flow (a phone that lost its state).
  reactor::Timer timer;
};

// How a phone is reached that registered without an agreement (Settings::Gm::sec_agree).
struct ClearPath {
  Flow from;  // What comes: where its REGISTER came from.
  Flow to;    // Where requests go.
};

// One phone at one address: (IMPI, UE IP), or its emergency contact there.
struct Binding {
  SlotId id = 0;
  uint64_t token = 0;    // Of Path and Record-Route; the binding's key.
  reactor::Endpoint ue;  // Its address; the port does not count.
  bool is_emergency =
      false;  // The phone's contact for calls for help (`sos`), a binding of its own.
  // Nobody who is registered: a call for help without (gm.anonymous_emergency), in clear.
  bool is_caller = false;
  uint32_t reg_id = 0;  // The flow it registered (RFC 5626 4.2); 0: it named none.
  int pending = 0;      // REGISTER transactions under way.
  PackedTexts<4> texts;
  uint64_t registered_until_ms = 0;  // 0: not registered.
  uint64_t challenged_ms = 0;  // When the newest REGISTER came whose challenge has opened a set.
  RecordId record = 0;         // In the journal; 0: there is none.
  absl::InlinedVector<SetId, 4> sets;  // All that are not free, oldest first.
  std::unique_ptr<ClearPath> clear;    // Registered in clear; else null.
  uint64_t contact = 0;                // What NOTIFYs mean by it (edge/reg_events.h).
  reactor::Timer timer;

  bool registered() const { return registered_until_ms != 0; }

  std::string_view impi() const { return texts[0]; }
  // URI of To, until P-Associated-URI is known.
  std::string_view default_identity() const { return texts[1]; }
  // P-Associated-URI, the header value; its first is the default.
  std::string_view associated() const { return texts[2]; }
  // Service-Route, the header value.
  std::string_view service_route() const { return texts[3]; }
  void SetImpi(std::string_view impi) { texts.Assign({impi}); }
  void SetIdentities(std::string_view default_identity, std::string_view associated,
                     std::string_view service_route) {
    texts.Assign({impi(), default_identity, associated, service_route});
  }
};
static_assert(kImpiSizeMax + 3 * kRouteSetSizeMax <= PackedTexts<4>::kSizeMax);

}  // namespace edge
