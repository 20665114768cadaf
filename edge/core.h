// The P-CSCF as a machine: events in, actions out. No socket, no clock, no thread and no random
// source of its own (design D11), so the daemon, the tests and a simulator run the same code.
//
// Thread safety: none; a worker owns its core.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "edge/context.h"
#include "edge/next_hops.h"
#include "edge/register_proxy.h"
#include "edge/relay.h"
#include "edge/restore.h"

namespace edge {

class Core {
 public:
  // `ports` has exactly one core-side port. `settings`, `spis` and `random` outlive the core;
  // `phones` is the key by which all workers name a phone, or null where there are no others.
  // Times are any monotonic clock in milliseconds, the same one everywhere.
  Core(const Settings& settings, std::vector<Port> ports, xfrm::SpiPool* spis, Random* random,
       uint64_t now_ms, const KeyedHash* phones = nullptr);

  // One message from `flow`, a datagram or cut out of a stream. The bytes are lent for the call,
  // and to whatever is sent from them.
  void OnMessage(const Flow& flow, sip::PaddedView bytes, uint64_t now_ms, Actions* actions);
  // Who is refused from now on.
  void SetOverload(Overload::Level level) { context_.overload = level; }
  // A datagram that did not fit a buffer.
  void OnTruncated() { ++context_.stats.drop_truncated; }

  // There is a connection between these ends; false: there must not be one, since no SA set covers
  // it (TS 33.203 7.1).
  bool OnConnection(const Flow& flow);
  // It is gone, or the phone will send no more on it: nothing is sent there any more. The phone
  // itself may be well (a FIN is not its death).
  void OnDisconnection(const Flow& flow);
  // Is a phone registered in clear there? Then its connection may rest.
  bool IsInClear(const Flow& flow) { return context_.InClear(flow) != nullptr; }

  // What was sent there cannot have arrived: ICMP, or no connection came to be.
  void OnUnreachable(const Flow& to, uint64_t now_ms, Actions* actions);
  // DNS's answer to Actions::Resolve.
  void OnResolved(SlotId name, const Resolved& resolved, uint64_t now_ms, Actions* actions);

  // The kernel's answers to Actions::Install, Extend and Delete.
  void OnInstalled(SetId set, std::errc error, std::string_view explanation, uint64_t now_ms,
                   Actions* actions);
  void OnExtended(SetId set, std::errc error, std::string_view explanation, uint64_t now_ms,
                  Actions* actions);
  void OnDeleted(SetId set, uint64_t now_ms, Actions* actions);
  void OnRedirected(SetId set);
  // ESP in UDP came from another address or port than its SA says.
  void OnMapping(const xfrm::Mapping& mapping, uint64_t now_ms, Actions* actions);
  // And to Actions::Look.
  void OnLooked(SetId set, const SaUse& use, uint64_t now_ms, Actions* actions);

  // What is to be kept since it was asked last (settings [journal]): to be handed to a journal, and
  // emptied, once a turn; and the journal's answer to each ticket of it.
  JournalBatch* records() { return context_.records.batch(); }
  void OnJournalled(const JournalTicket& ticket, bool is_kept, uint64_t now_ms, Actions* actions);
  // It fails now, or is well again.
  void SetJournalFails(bool fails) { context_.journal_fails = fails; }
  // What an earlier run left, before the first message. `epoch_ms`: the wall clock at `now_ms`, by
  // which the records go. Ids of new records as in RecordKeeper.
  void Restore(std::span<const RestoredPhone> phones, uint64_t now_ms, uint64_t epoch_ms,
               RecordId first, RecordId step);

  // To another process, or from one: all that it knows. REQUIRES: the kernel and the journal have
  // answered everything, and no request waits for DNS; to be read, nothing has happened yet. False:
  // what is read makes no whole, and the core is good for nothing.
  [[nodiscard]] bool Carry(class StateArchive* archive, uint64_t now_ms);
  size_t waiting_for_dns() const { return names_.held(); }

  // What another worker told all.
  void OnLetter(const Letter& letter, uint64_t now_ms, Actions* actions);

  // The settings it was made with have changed. `rules`: MapRules() of those before
  // (edge/reload.h). Every set is looked at: some 100 ms for a million phones.
  void OnSettings(std::span<const RuleIndex> rules);

  // Whatever is due by now; of very much at once a part, and NextExpiry() is not after now_ms.
  void OnTime(uint64_t now_ms, Actions* actions, uint64_t work_max = UINT64_MAX);
  // When OnTime has something to do next; reactor::TimerWheel::kNever.
  uint64_t NextExpiry() const { return context_.timers.NextExpiry(); }

  // From now on REGISTERs in clear are refused (503); what is under way goes on.
  void Drain() { context_.draining = true; }
  // REGISTERs that have no answer yet.
  size_t registers_under_way() const { return registers_.under_way(); }
  // Gives every set back to the kernel; the answers still come as OnDeleted.
  void DeleteAll(uint64_t now_ms, Actions* actions);

  const Stats& stats() const { return context_.stats; }
  Stats& stats() { return context_.stats; }
  Registrar& registrar() { return context_.registrar; }
  size_t transactions() const { return registers_.transactions(); }
  RegEvents& reg_events() { return registers_.reg_events(); }

 private:
  void OnRequest(const Arrival& arrival, Actions* actions);
  void OnResponse(const Arrival& arrival, Actions* actions);
  bool Admit(const Arrival& arrival, Actions* actions);
  bool IsSilent();
  static bool MayAnswer(const SaSet& set, const sip::Message& message);
  void OnMalformed(const sip::Message& message, sip::ParseError error, const Flow& flow, SaSet* set,
                   Actions* actions);

  Context context_;
  Names names_;
  NextHops next_hops_;
  RegisterProxy registers_;
  Relay relay_;
};

}  // namespace edge
