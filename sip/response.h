// Responses that gmedge makes itself, straight into the caller's buffer (RFC 3261 8.2.6).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sip/message.h"
#include "sip/writer.h"

namespace sip {

// `Warning: 399 gm.example.net "text"` (RFC 3261 20.43). 399: a text for a person to read.
struct ResponseWarning {
  uint16_t code = 399;          // REQUIRES: three digits.
  std::string_view agent = {};  // Who warns: a host or a token. "": no Warning.
  std::string_view text = {};   // Quotes and backslashes are escaped.
};

// What a response says beyond what it copies. A field left out is a line left out.
struct ResponseHead {
  int status = 0;                  // REQUIRES: 100..699.
  std::string_view reason = {};    // "" takes the standard phrase (ReasonPhrase()).
  std::string_view to_tag = {};    // A 100 gets none (RFC 3261 8.2.6.2).
  std::string_view received = {};  // IPv6 without brackets (RFC 5118 4.5).
  uint16_t rport = 0;              // 0: leave rport alone. Set only where the Via asks for it.

  // The value of Security-Server, and `Require: sec-agree`: 421 and 494 carry both (RFC 3329
  // 2.3.1).
  std::string_view security_server = {};
  bool requires_sec_agree = false;
  // Unsupported of a 420: the tags of this header (Require or Proxy-Require of the request) that
  // are not in `supported` (RFC 3261 8.2.2.3, 16.3). What is no token is not named.
  HeaderId unsupported_of = HeaderId::kOther;
  std::span<const std::string_view> supported = {};
  std::optional<uint32_t> retry_after_s = {};
  ResponseWarning warning = {};
  // With its Content-Type and Content-Length.
  std::string_view content_type = {};  // REQUIRES: none without a body, one with it.
  std::string_view body = {};
};

// Status line; every Via in order (the topmost gets received/rport as given, when not empty), From,
// To (with `;tag=to_tag` when it has none and to_tag is not empty), Call-ID, CSeq, and of a 100 the
// Timestamp as it came (RFC 3261 8.2.6.1); then the fields of `head`, `extra` as whole lines,
// Content-Length, the empty line, the body. A topmost Via that cannot be read goes back as it came.
//
// False, and nothing usable, when
//   - the request lacks one of those headers,
//   - out is full,
//   - a text of `head` holds what it may not (a tag that is no token, a control character
//     anywhere), or `extra` is not whole lines: nobody can smuggle in a line through them.
// Of what is copied, each fold becomes one blank (RFC 3261 7.3.1), and so does a CR that ends no
// line.
[[nodiscard]] bool WriteResponse(const Message& request, const ResponseHead& head,
                                 std::string_view extra, Writer* writer);

// True when that header (Require, Proxy-Require) has a tag that is not in `supported`: 420.
bool RequiresMore(const Message& request, HeaderId id, std::span<const std::string_view> supported);

// "Unauthorized" for 401; "Unknown" for a code without a phrase.
std::string_view ReasonPhrase(int status);

}  // namespace sip
