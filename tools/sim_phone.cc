#include "tools/sim_phone.h"

#include <algorithm>

#include "tools/sim_registrar.h"

namespace tools {
namespace {

// What a phone does when nothing goes wrong, by how often.
enum class Deed : uint8_t { kTalk, kRefresh, kAttach, kLeave, kReboot, kMove, kWrong };

constexpr uint64_t kFirstTryMs = 2'000;
constexpr int kTriesMax = 4;  // Half a minute in all.
constexpr size_t kSpisMax = 8;
// After so long nothing is on its way any more of what was sent, and of the answers to it.
constexpr uint64_t kOverMs = 120'000;

int CSeqOf(const std::string& text) {
  return std::atoi(ValueOf(text, "CSeq").c_str());
}

// Of the SA that carries what the phone sends.
uint32_t SpiOf(const PlainSet& set) {
  const std::string spi = ParamOf(set.security_server, "spi-s");
  return static_cast<uint32_t>(std::strtoul(spi.c_str(), nullptr, 10));
}

std::string Leaving(const std::string& text) {
  return Replaced(text, "Expires: 600000", "Expires: 0");
}

Deed Draw(const SimPlan& plan, Chance* chance) {
  const uint32_t weights[] = {40,
                              14,
                              12,
                              5,
                              4 * plan.weight(SimFault::kPhoneReboots),
                              3 * plan.weight(SimFault::kPhoneMoves),
                              6 * plan.weight(SimFault::kPhoneIsWrong)};
  uint64_t sum = 0;
  for (const uint32_t weight : weights) sum += weight;
  uint64_t at = chance->Below(sum);
  size_t deed = 0;
  while (at >= weights[deed]) at -= weights[deed++];
  return static_cast<Deed>(deed);
}

}  // namespace

SimPhone::SimPhone(uint32_t number, const SimPlan& plan, SimPhoneWorld* world)
    : number_(number),
      plan_(plan),
      world_(*world),
      chance_(plan.seed * 1'000'003 + number),
      first_port_(static_cast<uint16_t>(30'000 + number % 2 * 10'000)) {
  phone_.imsi = std::to_string(1'010'000'000'000 + number);
  phone_.address = world_.NewAddress(number);
  phone_.port_us = first_port_;
  phone_.spi_uc = 1'000'000 + number * 100'000;
  Offer();
}

bool SimPhone::IsAt(const std::string& address) const {
  if (!address.starts_with(phone_.address + ":")) return false;
  const int port = std::atoi(address.c_str() + phone_.address.size() + 1);
  const int own = port >= 30'000 ? (port - 30'000) / 10'000 : (port - 5060) / 100;
  return own == static_cast<int>(number_ % 2);
}

// New SPIs and a new client port (TS 33.203 7.4).
void SimPhone::Offer() {
  ++offers_;
  phone_.spi_uc = 1'000'000 + number_ * 100'000 + offers_ % 50'000 * 2;
  phone_.spi_us = phone_.spi_uc + 1;
  phone_.port_uc = static_cast<uint16_t>(first_port_ + 2 + offers_ % 40 * 2);
  phone_.port_clear = static_cast<uint16_t>(5060 + number_ % 2 * 100 + offers_ % 4);
}

void SimPhone::Later(uint64_t ms, std::function<void()> what) {
  world_.After(ms, [this, life = life_, what = std::move(what)] {
    if (life == life_) what();
  });
}

void SimPhone::Begin() {
  Attach(true);
}

// Registers in clear; `forgets`: its sets are gone.
void SimPhone::Attach(bool forgets) {
  ++life_;
  promise_.reset();
  kept_.reset();
  challenges_ = 0;
  if (forgets) spis_.clear();
  // The SPIs and ports it had, as some phones do after a reboot.
  if (!forgets || !chance_.Percent(20)) Offer();
  Ask({phone_.Clear(), phone_.Gm(), phone_.Initial()});
}

void SimPhone::Refresh() {
  if (!kept_) return;
  Offer();
  challenges_ = 0;
  if (promise_) {  // Whatever becomes of this, it may be for less time.
    promise_->asked_ms = world_.now_ms();
    promise_->until_ms =
        std::min(promise_->until_ms, world_.now_ms() + uint64_t{kSimGrantedMinS} * 1000);
  }
  phone_.set = *kept_;
  Ask({kept_->client, kept_->server, phone_.Protected(), SpiOf(*kept_)});
}

void SimPhone::Leave() {
  if (!kept_) return;
  LosePromise(kOverMs);
  phone_.set = *kept_;
  const std::string text = Leaving(phone_.Protected());
  Ask({kept_->client, kept_->server, text, SpiOf(*kept_), false, true});
}

void SimPhone::Move() {
  phone_.address = world_.NewAddress(number_);
  Attach(true);
}

void SimPhone::Act(Chance* chance) {
  const Deed deed = Draw(plan_, chance);
  const bool may_ask = !asked_ && kept_;
  switch (deed) {
    case Deed::kTalk:
      return Say(chance->Percent(80) ? "MESSAGE" : "INVITE");
    case Deed::kRefresh:
      return may_ask ? Refresh() : void();
    case Deed::kAttach:
      return may_ask ? Attach(false) : void();
    case Deed::kLeave:
      return may_ask ? Leave() : void();
    case Deed::kReboot:
      asked_.reset();
      ++serial_;
      return Attach(true);
    case Deed::kMove:
      asked_.reset();
      ++serial_;
      return Move();
    case Deed::kWrong:
      return DoWrong(chance);
  }
}

void SimPhone::Say(const std::string& method) {
  if (!kept_) return;
  world_.OnSaid(kept_->client, kept_->server, phone_.Request(method, "sip:b@x", phone_.port_us, ""),
                SpiOf(*kept_));
}

// What no phone may do, but phones and those who hold them do.
void SimPhone::DoWrong(Chance* chance) {
  LosePromise(kOverMs);
  const auto clear = [&](const std::string& text) {
    world_.OnSaid(phone_.Clear(), phone_.Gm(), text, 0);
  };
  const auto tunnel = [&](const std::string& text) {
    if (!phone_.set.client.empty()) {
      world_.OnSaid(phone_.set.client, phone_.set.server, text, SpiOf(phone_.set));
    }
  };
  const std::string nonce = "nonce=\"" + phone_.nonce + "\",";
  const std::string failed = nonce + "response=\"f0\",auts=\"uoU/PBIctV7bggBAq0E=\"";
  switch (chance->Below(9)) {
    case 0:
      return clear(phone_.Initial());
    case 1:
      return tunnel(phone_.Protected());
    case 2:
      return tunnel(Replaced(phone_.Protected(), "Security-Verify: ", "Security-Verify: x"));
    case 3:
      return tunnel(phone_.Register(phone_.port_us, failed, phone_.SecurityClient()));
    case 4:
      return clear(phone_.Register(phone_.port_clear, failed, phone_.SecurityClient()));
    case 5:
      return clear(phone_.Request("INVITE", "sip:b@x", phone_.port_clear, ""));
    case 6:
      return tunnel(Leaving(phone_.Protected()));
    case 7:
      return tunnel(Replaced(phone_.Protected(), phone_.imsi, "1" + phone_.imsi));
    default:  // Of two attempts at once.
      clear(phone_.Initial());
      Offer();
      return clear(phone_.Initial());
  }
}

void SimPhone::Ask(Asked asked) {
  asked.cseq = phone_.cseq;
  asked.since_ms = world_.now_ms();
  asked_ = std::move(asked);
  Transmit(++serial_);
}

// By timer E of TS 24.229 table 7.8, cut short.
void SimPhone::Transmit(uint64_t serial) {
  if (serial != serial_ || !asked_) return;
  if (asked_->tries == kTriesMax) return OnFailure();
  world_.OnSaid(asked_->from, asked_->to, asked_->text, asked_->spi);
  world_.After(kFirstTryMs << asked_->tries++, [this, serial] { Transmit(serial); });
}

void SimPhone::Hear(const std::string& from, const std::string& to, const std::string& text,
                    uint32_t spi, bool is_kept) {
  // Nobody but the phone has its keys, and it has none but its own.
  if (spi != 0 && std::find(spis_.begin(), spis_.end(), spi) == spis_.end()) return;
  const int status = StatusOf(text);
  if (status == 0) {
    if (kept_ && from == kept_->from && to == kept_->to) {
      world_.OnSaid(kept_->client, kept_->server, Answer(text, 200), SpiOf(*kept_));
    }
    return;
  }
  const bool is_awaited =
      asked_ && CSeqOf(text) == asked_->cseq && ValueOf(text, "CSeq").ends_with("REGISTER");
  if (!is_awaited || status < 200) return;
  if (status == 401 && !LinesOf(text, "Security-Server").empty()) return OnChallenge(text);
  if (status == 200) return OnAccepted(text, is_kept);
  OnFailure();
}

void SimPhone::OnChallenge(const std::string& text) {
  if (++challenges_ > 3 || chance_.Percent(2)) return OnFailure();
  phone_.TakeChallenge(text);
  spis_.push_back(phone_.spi_us);
  if (spis_.size() > kSpisMax) spis_.erase(spis_.begin());
  const std::string text_of_answer = phone_.Protected();
  const bool leaves = asked_->leaves;
  Ask({phone_.set.client, phone_.set.server, leaves ? Leaving(text_of_answer) : text_of_answer,
       SpiOf(phone_.set), true, leaves});
}

void SimPhone::OnAccepted(const std::string& text, bool is_kept) {
  const Asked asked = *asked_;
  asked_.reset();
  ++serial_;
  ++life_;
  failures_ = 0;
  const uint64_t granted_s = std::strtoull(ValueOf(text, "Expires").c_str(), nullptr, 10);
  if (asked.leaves || granted_s == 0) {
    kept_.reset();
    promise_.reset();
    return Later(10'000 + chance_.Below(600'000), [this] { Attach(false); });
  }
  if (asked.over_tried) kept_ = phone_.set;
  promise_.reset();
  if (is_kept && kept_ && world_.now_ms() >= no_promise_before_ms_) {
    promise_ = {kept_->client, kept_->server, asked.since_ms + granted_s * 1000, asked.since_ms};
  }
  const uint64_t half_ms = granted_s * 500;
  Later(half_ms + chance_.Below(half_ms / 2 + 1), [this] {
    if (!asked_) Refresh();
  });
}

// Without an answer, or with one that it did not want. What it has answered a challenge with it has
// used that set, and may have taken it into use without knowing.
void SimPhone::OnFailure() {
  const bool was_over_tried = asked_->over_tried;
  asked_.reset();
  ++serial_;
  ++life_;
  if (was_over_tried) promise_.reset();
  no_promise_before_ms_ = std::max(no_promise_before_ms_, world_.now_ms() + kOverMs);
  const uint64_t wait_ms = 20'000 + chance_.Below(60'000);
  if (kept_ && ++failures_ < 3) return Later(wait_ms, [this] { Refresh(); });
  failures_ = 0;
  Later(wait_ms, [this] { Attach(false); });
}

void SimPhone::LosePromise(uint64_t for_ms) {
  promise_.reset();
  no_promise_before_ms_ = std::max(no_promise_before_ms_, world_.now_ms() + for_ms);
}

}  // namespace tools
