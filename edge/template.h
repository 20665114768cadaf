// Text with variables: $ipsec(field) and $ipsec_ue(field) as in OpenSIPS, for log lines. Read once,
// at load; expanded without the heap.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sip/message.h"
#include "sip/writer.h"

namespace edge {

struct SaSet;

// Of a template: its text, and its pieces; more is a settings error.
inline constexpr size_t kTemplateSizeMax = 1024;
inline constexpr size_t kTemplatePiecesMax = 64;
// What a variable becomes at most: what a message says is cut there, nothing else is as long.
inline constexpr size_t kVariableSizeMax = 128;
inline constexpr size_t kExpandedSizeMax = kTemplateSizeMax + kTemplatePiecesMax * kVariableSizeMax;

class Template {
 public:
  // "" makes an empty one. False: *error says what is wrong and what is allowed.
  //
  //   $ipsec(f)     our end of the tunnel: ik ck alg ealg ip spi-c spi-s port-c port-s
  //   $ipsec_ue(f)  the phone's
  //   $rm $rs $ci   of the message: method, status (of a response), Call-ID; "-" when it has none
  //   $$            a $
  static bool Parse(std::string_view text, Template* parsed, std::string* error);

  bool empty() const { return pieces_.empty(); }
  bool operator==(const Template&) const = default;
  // No expansion is longer, in bytes.
  size_t size_max() const;
  // It names ik or ck.
  bool reveals_keys() const { return reveals_keys_; }

  // What it comes to for a message that came through this set; "" when `out` has no room: with
  // kExpandedSizeMax it has. What is not printable in the message is '?'. The caller wipes what has
  // keys in it.
  std::string_view Expand(const SaSet& set, const sip::Message& message, std::span<char> out) const;

 private:
  enum class Variable : uint8_t {
    kText,
    kIk,
    kCk,
    kAlg,
    kEalg,
    kIp,
    kSpiC,
    kSpiS,
    kPortC,
    kPortS,
    kMethod,
    kStatus,
    kCallId,
  };
  struct Piece {
    Variable variable = Variable::kText;
    bool is_ue = false;
    std::string text;  // kText.
    bool operator==(const Piece&) const = default;
  };
  static bool ParseVariable(std::string_view* rest, Piece* piece, std::string* error);
  static void Put(const Piece& piece, const SaSet& set, const sip::Message& message,
                  sip::Writer* writer);

  std::vector<Piece> pieces_;
  bool reveals_keys_ = false;
};

}  // namespace edge
