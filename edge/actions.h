// What the core asks of the world. The core calls these and nothing else; a call is noted and done
// later in the turn, and never comes back into the core before it has returned.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>

#include "edge/flow.h"
#include "edge/letter.h"
#include "edge/registrar.h"
#include "edge/sa_set.h"
#include "edge/sa_use.h"
#include "edge/target.h"

namespace edge {

// One registration attempt, told when it ends: the one line an operator needs (pitfalls 31). Views
// are good for the call. Holds no key and no nonce.
struct Attempt {
  std::string_view impi;
  Flow source;
  std::string_view result;  // "registered", "refused by the kernel", "no answer to the 401"...
  int status = 0;           // What the phone was told; 0: nothing.
  bool agreed = false;      // The fields below are set.
  xfrm::Algorithms algorithms;
  uint32_t spi_pc = 0;
  uint32_t spi_ps = 0;
  uint16_t port_pc = 0;
  uint16_t port_ps = 0;
  uint16_t port_uenc = 0;        // 0: in transport mode.
  std::errc kernel{};            // The kernel's refusal.
  std::string_view explanation;  // In its own words, or ours.
  bool esp_arrived = false;      // A REGISTER came through the new SAs.
  bool was_looked = false;       // The kernel was asked what came in on them...
  SaUse use;                     // ...and said this.
  std::string_view moved;        // "XfrmInNoStates+3": kernel counters that moved meanwhile.
  uint64_t duration_ms = 0;      // Since SM1.
};

// A line of the access log. Views are good for the call.
struct AccessLine {
  std::string_view text;
  bool reveals_keys = false;  // An operator asked for it, and that it happened is told as well.
  std::string_view impi;      // Whose they are.
};

// A next hop has died or is back (edge/next_hops.h). `why` is good for the call.
struct NextHopChange {
  reactor::Endpoint hop;
  bool is_dead = false;
  std::string_view why;
  reactor::Endpoint current;  // Where requests go now...
  bool serves = true;         // ...false: only because none is left that serves.
};

// What Core::OnInstalled and OnExtended are told when the kernel's answer was lost or is late: it
// may have done all, some or nothing. No XFRM request is refused with this error.
inline constexpr std::errc kOutcomeUnknown = std::errc::timed_out;

class Actions {
 public:
  virtual ~Actions() = default;

  // The pieces, one after the other, as one message. They may lie in the message being handled
  // (which outlives the send) or anywhere else (then they are copied before Send returns).
  virtual void Send(const Flow& to, std::span<const std::string_view> pieces) = 0;
  // Ends the connection of a TCP flow, if there is one: what protected it is gone.
  virtual void Disconnect(const Flow& flow) = 0;

  // The SAs of a set, at most four; keys are read before the call returns. The answer comes as
  // Core::OnInstalled; after a refusal what had been installed is rolled back and then told as
  // Core::OnDeleted.
  virtual void Install(SetId set, std::span<const xfrm::Sa> sas) = 0;
  // New lifetimes, and SAs that come only now (`added`, often none); the answer comes as
  // Core::OnExtended.
  virtual void Extend(SetId set, std::span<const xfrm::Sa> sas,
                      std::span<const xfrm::Sa> added) = 0;
  // The same SAs, in UDP, with the port of the phone's NAT as it is now; told by
  // Core::OnRedirected, whatever has become of it.
  virtual void Redirect(SetId /*set*/, std::span<const xfrm::Sa>) {}
  // Told by Core::OnDeleted once the kernel has none of them. `certain`: the kernel has said that
  // it added each, and nothing may have ended one since; if not, each is looked at before (design
  // D12).
  virtual void Delete(SetId set, const SaIds& sas, bool certain) = 0;

  // What came in on these SAs of a set, at most kSasPerSet: asked of the kernel before what is
  // asked for after this, a Delete of theirs too; told by Core::OnLooked.
  virtual void Look(SetId set, std::span<const xfrm::SaId> sas) = 0;

  // A letter to every other worker, if there are any. It may be lost.
  virtual void TellOthers(const Letter&) {}

  // Where requests to that name may go, asked of DNS; the answer comes, once, as Core::OnResolved.
  virtual void Resolve(SlotId, const NameQuery&) {}

  virtual void Report(const Attempt& attempt) = 0;
  virtual void Access(const AccessLine&) {}
  virtual void TellNextHop(const NextHopChange&) {}
  // Keys of this phone went to the core in a header of that name, as an operator asked for.
  virtual void KeysRevealed(std::string_view /*impi*/, std::string_view /*header*/) {}
};

}  // namespace edge
