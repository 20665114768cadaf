// The registrar of simulated runs, and of random walks in tests: challenges, accepts, refuses, is
// silent or wrong, as it comes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "tools/plain_sip.h"
#include "tools/sim_chance.h"

namespace tools {

// Of simulated runs: no shorter registration is granted.
inline constexpr uint32_t kSimGrantedMinS = 600;

// How often it does what, in percent.
struct CoreHabits {
  uint32_t silent = 4;        // No answer to a REGISTER.
  uint32_t refuses = 4;       // 403 or 500.
  uint32_t challenges = 25;   // One that it might have accepted.
  uint32_t wrong = 0;         // An answer no core may give.
  uint32_t half_keys = 2;     // A challenge without ck.
  uint32_t ends = 30;         // Of NOTIFYs, those that end a registration.
  uint32_t granted_min = 60;  // Seconds.
  uint32_t granted_spread = 4000;
  bool remembers = false;  // Answers a repeated request as before, and none of an earlier CSeq.
};

class SimRegistrar {
 public:
  SimRegistrar(Chance* chance, const CoreHabits& habits) : chance_(*chance), habits_(habits) {}

  // The answer to a REGISTER, or "".
  std::string Hear(const std::string& text) {
    return habits_.remembers ? OnOrdered(text) : OnRegister(text);
  }

 private:
  struct Heard {
    int cseq = 0;
    std::string branch;
    std::string answer;
  };
  // RFC 3261 17.2.2, 10.3 step 7.
  std::string OnOrdered(const std::string& text) {
    Heard& last = heard_[ValueOf(text, "Call-ID")];
    const std::string branch = ParamOf(text, "branch");
    if (branch == last.branch) return last.answer;
    const int cseq = std::atoi(ValueOf(text, "CSeq").c_str());
    if (cseq < last.cseq) return Answer(text, 500);
    last = {cseq, branch, OnRegister(text)};
    return last.answer;
  }
  std::string OnRegister(const std::string& text) {
    if (chance_.Percent(habits_.silent)) return "";
    if (chance_.Percent(habits_.refuses)) return Answer(text, chance_.Percent(50) ? 403 : 500);
    if (chance_.Percent(habits_.wrong)) return WrongAnswer(text);
    const bool is_yes = ParamOf(text, "integrity-protected") == "yes";
    if (!is_yes || chance_.Percent(habits_.challenges)) return Answer(text, 401, ChallengeLines());
    const bool leaves = ValueOf(text, "Expires") == "0";
    const std::string seconds =
        std::to_string(leaves ? 0 : habits_.granted_min + chance_.Below(habits_.granted_spread));
    return Answer(text, 200,
                  (leaves ? "" : LinesOf(text, "Contact")) + "Expires: " + seconds +
                      "\r\nService-Route: <sip:orig@10.0.0.30:6060;lr>\r\n");
  }
  // To a REGISTER that was not challenged, without an end to it, of another transaction, too long.
  std::string WrongAnswer(const std::string& text) {
    const std::string yes = LinesOf(text, "Contact") + "Expires: 3600\r\n";
    switch (chance_.Below(5)) {
      case 0:
        return Answer(text, 200, yes);
      case 1:
        return Answer(text, 401);
      case 2:
        return Answer(text, 200, yes + "Service-Route: <sip:" + std::string(3000, 'o') + "@x>\r\n");
      case 3:
        return Answer(text, 302, yes);
      default:
        return Replaced(Answer(text, 200, yes), "branch=z9hG4bK", "branch=z9hG4bKf");
    }
  }
  // Each with keys of its own, rarely with half of them.
  std::string ChallengeLines() {
    char hex[33];
    const auto number = static_cast<unsigned long long>(++number_);
    std::snprintf(hex, sizeof(hex), "5ec2e7c0de%022llx", number);
    const std::string ck =
        chance_.Percent(habits_.half_keys) ? "" : ",ck=\"" + std::string(hex) + "\"";
    return "WWW-Authenticate: Digest realm=\"" + std::string(kPlainRealm) + "\",nonce=\"n" +
           std::to_string(number) + "\",algorithm=AKAv1-MD5" + ck + ",ik=\"" + hex + "\"\r\n";
  }

  Chance& chance_;
  const CoreHabits habits_;
  uint64_t number_ = 0;
  std::map<std::string, Heard> heard_;  // By Call-ID.
};

}  // namespace tools
