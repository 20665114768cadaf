// REGISTER from request to final response (spec sheet 4.3, events 1 to 26): the one kind of request
// that is tracked, because the keys of its 401 must be caught.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "edge/next_hops.h"
#include "edge/reg_events.h"
#include "edge/register_rules.h"
#include "edge/register_transaction.h"
#include "edge/set_keeper.h"

namespace edge {

// What a REGISTER is told when the journal, and not the kernel, was the reason.
inline constexpr std::string_view kJournalFailed = "the journal did not take it";

class RegisterProxy final : public SetObserver {
 public:
  RegisterProxy(Context* context, NextHops* next_hops);

  // REQUIRES: a valid REGISTER with one Via, Max-Forwards above 0.
  void OnRequest(const Arrival& arrival, Actions* actions);
  // A response whose topmost Via, ours, has this branch. False: it is no REGISTER's.
  bool OnResponse(const sip::Message& message, std::string_view branch, Actions* actions);

  // The settings have changed; a rule is now at `rules`[its place before].
  void OnSettings(std::span<const RuleIndex> rules);
  // A REGISTER that waited for DNS has gone there, or nowhere.
  void OnReleased(uint64_t transaction, const std::optional<Flow>& to);
  void OnTransactionTimer(uint32_t index, Actions* actions);
  void OnBindingTimer(uint32_t index, Actions* actions);
  // What came in on a set that nobody answered on.
  void OnLooked(SetId id, const SaUse& use, Actions* actions);
  SetKeeper& keeper() { return keeper_; }
  RegEvents& reg_events() { return reg_events_; }
  size_t transactions() const { return transactions_.in_use(); }
  size_t under_way() const { return under_way_; }

  // To another process, or from one (edge/carry_core.cc). REQUIRES: none waits for the kernel.
  void Carry(class StateArchive* archive);

  // What a REGISTER in clear waited for.
  void OnJournalled(uint64_t transaction, bool is_kept, Actions* actions);
  bool OnSetExtended(SaSet* set, uint64_t transaction) override;
  void OnSetReady(SaSet* set, uint64_t transaction, Actions* actions) override;
  void OnSetRefused(SaSet* set, uint64_t transaction, std::errc error, std::string_view explanation,
                    Actions* actions) override;
  void OnSetUnanswered(SaSet* set, Actions* actions) override;

 private:
  // Requests.
  bool AdmitStranger(const Arrival& arrival, const RegisterRequest& request, Actions* actions);
  void OnUnprotected(const Arrival& arrival, const RegisterRequest& request, Actions* actions);
  void OnTemporary(const Arrival& arrival, const RegisterRequest& request, Actions* actions);
  void OnEstablished(const Arrival& arrival, const RegisterRequest& request, Actions* actions);
  void OnRetransmission(const Arrival& arrival, RegisterTransaction* known, Actions* actions);
  // The offer of an unprotected REGISTER. Answers by itself and returns false when there is none
  // that will do and the policy wants one.
  bool MayBeInUdp(const sip::Message& message) const;
  bool ReadOffer(const Arrival& arrival, const RegisterRequest& request, const Policy& policy,
                 bool is_behind_nat, std::optional<Offer>* offer, std::string* client,
                 Actions* actions);
  bool HasTooMany(const Binding& binding, const Arrival& arrival, Actions* actions);
  void RefuseFull(const Arrival& arrival, Actions* actions);
  Binding* AdmitBinding(const Arrival& arrival, const RegisterRequest& request, const Offer* offer,
                        Actions* actions);
  void RefuseAnswer(const Arrival& arrival, int status, Actions* actions);
  int CheckAnswer(const Arrival& arrival, const RegisterRequest& request) const;
  void DropFailedChallenge(const Binding& binding, const RegisterRequest& request,
                           Actions* actions);
  bool AnswersOpenChallenge(const Binding& binding, const RegisterRequest& request);
  void RejectAgreement(const Arrival& arrival, int status, std::string_view why, RuleIndex rule,
                       std::string_view impi, bool in_udp, Actions* actions);
  RegisterTransaction* Forward(const Arrival& arrival, const RegisterRequest& request,
                               Binding* binding, bool integrity_protected, Actions* actions);
  void SendToCore(const Arrival& arrival, const Binding& binding, RegisterTransaction* transaction,
                  Actions* actions);
  void KeepRequest(sip::Editor* editor, RegisterTransaction::Open* open);
  bool MoveOn(RegisterTransaction* transaction, Actions* actions);

  // Responses.
  void OnChallenge(const sip::Message& message, RegisterTransaction* transaction, Actions* actions);
  void OnAccepted(const sip::Message& message, RegisterTransaction* transaction, Actions* actions);
  SaSet* SetToKeep(const RegisterTransaction& transaction, SaSet* arrived,
                   const Binding& binding) const;
  void OnAcceptedInClear(const sip::Message& message, RegisterTransaction* transaction,
                         Actions* actions);
  void OnRejected(const sip::Message& message, RegisterTransaction* transaction, Actions* actions);
  void OnRepeated(const sip::Message& message, RegisterTransaction* transaction, Actions* actions);
  void OnGrantedNothing(const sip::Message& message, const RegisterTransaction& transaction,
                        Binding* binding, Actions* actions);
  void OnDeregistered(Binding* binding, Actions* actions);
  void RelayAnswer(const sip::Message& message, const Flow& to, Actions* actions);
  bool Hold(sip::Editor* editor, const Flow& to, RegisterTransaction* transaction);
  void Answer(const RegisterTransaction& transaction, const Flow& to, int status, Actions* actions);
  // Answers for the core, reports why, finishes.
  void Fail(int status, std::string_view why, RegisterTransaction* transaction, Actions* actions);
  void EnterClear(Binding* binding, uint32_t granted_s, RegisterTransaction* transaction,
                  Actions* actions);
  void KeepInClear(const sip::Message& message, Binding* binding, uint32_t granted_s,
                   RegisterTransaction* transaction, Actions* actions);
  void AcceptInClear(RegisterTransaction* transaction, Actions* actions);
  void Register(Binding* binding, uint32_t granted_s, RegisterTransaction* transaction);
  void SupersedeOthers(const SaSet& set, Actions* actions);
  void Supersede(Binding* other, Actions* actions);
  void Confirm(SaSet* set, RegisterTransaction* transaction, Actions* actions);

  // Bookkeeping.
  void WriteStaticOffers();
  uint64_t KeyOf(const Arrival& arrival) const;
  RegisterTransaction* Find(uint64_t key);
  // `moves`: which of the hops that were asked one after the other it is.
  RegisterTransaction* FindByBranch(std::string_view branch, uint8_t* moves);
  Flow AnswerFlow(const RegisterTransaction& transaction, int status);
  Flow FailureFlow(const SaSet& set, const Flow& came);
  void Finish(RegisterTransaction* transaction, int own_status);
  void Remove(RegisterTransaction* transaction);
  Attempt AttemptOf(const RegisterTransaction& transaction, const SaSet* set) const;
  static void Describe(const SaSet& set, Attempt* attempt);

  Context& context_;
  NextHops& next_hops_;
  SetKeeper keeper_;
  RegEvents reg_events_;
  // Security-Server of 421 and 494, by RuleIndex; and to phones behind a NAT.
  std::vector<std::string> static_offers_;
  std::vector<std::string> static_offers_in_udp_;
  SlotPool<RegisterTransaction> transactions_;
  absl::flat_hash_map<uint64_t, SlotId> by_key_;
  size_t under_way_ = 0;  // Without an answer yet.
};

}  // namespace edge
