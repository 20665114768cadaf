// A phone of a simulated run: registers, refreshes, talks, leaves, comes back; loses its memory or
// its address; and now and then does what no phone may. It notes what it was promised: a 200 means
// that it is registered with its set from then on, whatever happens to gmedge.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/plain_phone.h"
#include "tools/sim_chance.h"
#include "tools/sim_plan.h"

namespace tools {

// What a phone has around it.
class SimPhoneWorld {
 public:
  virtual ~SimPhoneWorld() = default;
  virtual uint64_t now_ms() const = 0;
  virtual void After(uint64_t ms, std::function<void()> what) = 0;
  // `spi`: of the SA it goes through; 0: in clear.
  virtual void OnSaid(const std::string& from, const std::string& to, const std::string& text,
                      uint32_t spi) = 0;
  // An address where no phone with the same ports is.
  virtual std::string NewAddress(uint32_t phone) = 0;
};

struct SimPromise {
  std::string client;  // The phone's end of the set, and ours.
  std::string server;
  uint64_t until_ms = 0;
  uint64_t asked_ms = 0;  // The last REGISTER since.
};

class SimPhone {
 public:
  // `world` outlives it.
  SimPhone(uint32_t number, const SimPlan& plan, SimPhoneWorld* world);

  // It is switched on.
  void Begin();
  // One of the things it may do; `chance` says which.
  void Act(Chance* chance);
  // `spi`: of the SA it came through; 0: in clear. `is_kept`: a 200 whose records are on the disk.
  void Hear(const std::string& from, const std::string& to, const std::string& text, uint32_t spi,
            bool is_kept);
  // The core has ended its registration, and may be heard later; or another failure of the world
  // has: nothing is promised.
  void LosePromise(uint64_t for_ms = 0);

  const std::optional<SimPromise>& promise() const { return promise_; }
  std::string impi() const { return phone_.Impi(); }
  const PlainPhone& texts() const { return phone_; }
  bool IsAt(const std::string& address) const;

 private:
  // A REGISTER that has no final answer yet.
  struct Asked {
    std::string from;
    std::string to;
    std::string text;
    uint32_t spi = 0;
    bool over_tried = false;  // On the set of the last challenge.
    bool leaves = false;
    int cseq = 0;
    int tries = 0;
    uint64_t since_ms = 0;
  };

  void Offer();
  void Attach(bool forgets);
  void Refresh();
  void Leave();
  void Move();
  void DoWrong(Chance* chance);
  void Ask(Asked asked);
  void Transmit(uint64_t serial);
  void OnChallenge(const std::string& text);
  void OnAccepted(const std::string& text, bool is_kept);
  void OnFailure();
  void Say(const std::string& method);
  void Later(uint64_t ms, std::function<void()> what);

  const uint32_t number_;
  const SimPlan& plan_;
  SimPhoneWorld& world_;
  Chance chance_;
  PlainPhone phone_;
  uint16_t first_port_;
  uint32_t offers_ = 0;
  std::optional<PlainSet> kept_;  // Of the registration.
  std::vector<uint32_t> spis_;    // Of sets it has SAs for, the newest last.
  std::optional<Asked> asked_;
  uint64_t serial_ = 0;  // Of what it is waiting for: a timer of something earlier says nothing.
  uint64_t life_ = 0;    // Likewise of its registration.
  int challenges_ = 0;
  int failures_ = 0;
  std::optional<SimPromise> promise_;
  uint64_t no_promise_before_ms_ = 0;
};

}  // namespace tools
