// What an OpenSIPS configuration says of proto_ipsec: sockets, parameters, ipsec_create() calls and
// uses of $ipsec and $ipsec_ue. All else is read over; the script itself is not understood.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tools {

// A configuration of more bytes is not read.
inline constexpr size_t kOpensipsSizeMax = 1 << 20;

struct OpensipsArgument {
  bool is_string = false;  // In quotes, which are taken off, and \" and \\ with them.
  std::string text;        // Else as written, without blanks around; "" where it was left out.
};

struct OpensipsStatement {
  enum class Kind : uint8_t {
    kSocket,    // socket=..., listen=...: one argument, the rest of the line.
    kParam,     // modparam(...), and param(...), as proto_ipsec's manual has it once.
    kCreate,    // ipsec_create(...).
    kVariable,  // $ipsec(...), $ipsec_ue(...): one argument, as written. In strings, too.
    kBroken,    // One of these that does not end: one argument, its name.
  };
  Kind kind = Kind::kSocket;
  uint32_t line = 0;  // From 1.
  std::vector<OpensipsArgument> arguments;
};

// In the order of the text. Comments (#, /* */) are none of it.
std::vector<OpensipsStatement> ReadOpensipsConfig(std::string_view text);

}  // namespace tools
