// [[header]]: header lines that an operator adds, with what is known of the tunnel in them
// ($ipsec(field), $ipsec_ue(field)).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/template.h"
#include "sip/edit.h"
#include "sip/message.h"

namespace edge {

class Actions;
struct Context;
struct SaSet;

// Of a message over a tunnel: where it goes.
enum class Direction : uint8_t { kToCore, kToPhone };

// Which messages a line is for; any of several.
class Condition {
 public:
  // "request", "response", or a method as in a request line: requests with it. Nothing: no such
  // word.
  static std::optional<Condition> Of(std::string_view word);
  static Condition Always() { return Condition(UINT32_MAX); }
  void Add(Condition other) { bits_ |= other.bits_; }
  bool Holds(const sip::Message& message) const { return (bits_ & BitOf(message)) != 0; }
  bool operator==(const Condition&) const = default;

 private:
  explicit Condition(uint32_t bits) : bits_(bits) {}
  static uint32_t BitOf(const sip::Message& message);

  uint32_t bits_;  // By method, and one for all responses.
};

struct HeaderLine {
  std::string name;
  Template value;
  Direction direction = Direction::kToCore;
  Condition condition = Condition::Always();
  bool reveal_keys = false;  // ik and ck may stand in it.

  bool operator==(const HeaderLine&) const = default;
};

// May an operator have a header of that name? Not one that gmedge knows: it reads or writes that by
// rules of its own.
bool IsFreeHeaderName(std::string_view name);

// What the sender says under the name of any line of that direction goes, whatever the condition:
// the receiver takes it for ours. Then the lines whose condition holds; `set` is the tunnel the
// message came from or goes to, null: none, and no lines.
void PutHeaderLines(Context* context, Direction direction, const SaSet* set,
                    const sip::Message& message, sip::Editor* editor, Actions* actions);

}  // namespace edge
