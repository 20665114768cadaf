// Messages of our own: responses that gmedge makes itself, and whatever the tools send.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "sip/message.h"

namespace sip {

// Appends to a buffer the caller owns. Running out of room is remembered, never an overrun:
// size() is 0 then.
class Writer {
 public:
  explicit Writer(std::span<char> out) : out_(out) {}

  Writer& Put(std::string_view text);
  Writer& PutNumber(uint64_t number);
  // Lower case, the lowest `digits` digits. REQUIRES: 1 <= digits <= 16.
  Writer& PutHex(uint64_t number, int digits);
  // `name: text...CRLF`.
  Writer& Line(std::string_view name, std::initializer_list<std::string_view> text);

  bool ok() const { return ok_; }
  size_t size() const { return ok_ ? size_ : 0; }
  std::string_view text() const { return {out_.data(), size()}; }

 private:
  std::span<char> out_;
  size_t size_ = 0;
  bool ok_ = true;
};

// A response to `request` (RFC 3261 8.2.6): status line, every Via in order (the topmost gets
// received/rport as given, when not empty), From, To (with `;tag=to_tag` when it has none and
// to_tag is not empty), Call-ID, CSeq; then `extra` as whole lines, Content-Length: 0 and the empty
// line. A topmost Via that cannot be read goes back as it came. False, and nothing usable, when the
// request lacks one of those headers or out is full.
struct ResponseHead {
  int status = 0;
  std::string_view reason = {};  // "" takes the standard phrase (ReasonPhrase()).
  std::string_view to_tag = {};
  std::string_view received = {};  // IPv6 without brackets (RFC 5118 4.5).
  uint16_t rport = 0;              // 0: leave rport alone. Set only where the Via asks for it.
};
bool WriteResponse(const Message& request, const ResponseHead& head, std::string_view extra,
                   Writer* writer);

// "Unauthorized" for 401; "Unknown" for a code without a phrase.
std::string_view ReasonPhrase(int status);

}  // namespace sip
