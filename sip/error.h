// What can be wrong with a message.
#pragma once

#include <cstdint>
#include <string_view>

namespace sip {

// Why Parse() or Validate() refused a message, or a decoder a header value. Malformed input is
// expected: the caller counts it and drops it, or answers with StatusFor(error).
enum class ParseError : uint8_t {
  kOk,
  kEmpty,             // Only CR, LF, NUL: a keep-alive, not SIP (RFC 5626 4.4.1).
  kTooLarge,          // Over kMessageSizeMax.
  kTooManyHeaders,    // Over Message::kHeadersMax, or over kLinesMax lines with their folds.
  kBadStartLine,      // Neither Request-Line nor Status-Line (RFC 3261 7.1, 7.2).
  kBadVersion,        // A request line whose version is not SIP/2.0: 505.
  kBadStatusCode,     // Not three digits 100..699.
  kBadHeader,         // No colon, no name, or a bad character in the name.
  kNoEmptyLine,       // The header section does not end.
  kBadContentLength,  // Not a number, negative, or over 2^32-1.
  kTruncatedBody,     // Content-Length is more than a datagram holds (RFC 3261 18.3).
  kMissingHeader,     // Via, From, To, Call-ID or CSeq absent (RFC 3261 8.1.1).
  kRepeatedHeader,  // A header that may stand once stands twice with its kind (RFC 4475 3.1.2...).
  kBadVia,
  kBadCSeq,            // Not a number below 2^32 and a method (RFC 3261 20.16).
  kMethodMismatch,     // CSeq's method is not the request's (RFC 3261 8.1.1.5).
  kBadAddress,         // From, To, Contact, Route... is not a name-addr or addr-spec.
  kBadRequestUri,      // 400.
  kUnsupportedScheme,  // Request-URI neither sip, sips, tel nor urn: 416.
  kBadMaxForwards,     // Not 0..255 (RFC 3261 20.22).
  kBadSecurityHeader,  // Security-Client/-Server/-Verify list syntax (RFC 3329 2.2).
  kBadDigest,          // Authorization or WWW-Authenticate syntax (RFC 7616).
  kBadHeaderValue,     // Any other header whose value is not what its RFC says.
};

// The enumerator's text without its k: "BadVia". Never empty.
std::string_view Name(ParseError error);

// The status code a request refused for this reason is answered with (400, 416, 505...).
// REQUIRES: error != kOk && error != kEmpty.
int StatusFor(ParseError error);

}  // namespace sip
