#include "sip/error.h"

#include <cassert>

namespace sip {

std::string_view Name(ParseError error) {
  switch (error) {
    case ParseError::kOk:
      return "Ok";
    case ParseError::kEmpty:
      return "Empty";
    case ParseError::kTooLarge:
      return "TooLarge";
    case ParseError::kTooManyHeaders:
      return "TooManyHeaders";
    case ParseError::kBadStartLine:
      return "BadStartLine";
    case ParseError::kBadVersion:
      return "BadVersion";
    case ParseError::kBadStatusCode:
      return "BadStatusCode";
    case ParseError::kBadHeader:
      return "BadHeader";
    case ParseError::kNoEmptyLine:
      return "NoEmptyLine";
    case ParseError::kBadContentLength:
      return "BadContentLength";
    case ParseError::kTruncatedBody:
      return "TruncatedBody";
    case ParseError::kMissingHeader:
      return "MissingHeader";
    case ParseError::kRepeatedHeader:
      return "RepeatedHeader";
    case ParseError::kBadVia:
      return "BadVia";
    case ParseError::kBadCSeq:
      return "BadCSeq";
    case ParseError::kMethodMismatch:
      return "MethodMismatch";
    case ParseError::kBadAddress:
      return "BadAddress";
    case ParseError::kBadRequestUri:
      return "BadRequestUri";
    case ParseError::kUnsupportedScheme:
      return "UnsupportedScheme";
    case ParseError::kBadMaxForwards:
      return "BadMaxForwards";
    case ParseError::kBadSecurityHeader:
      return "BadSecurityHeader";
    case ParseError::kBadDigest:
      return "BadDigest";
    case ParseError::kBadHeaderValue:
      return "BadHeaderValue";
  }
  return "Unknown";
}

int StatusFor(ParseError error) {
  assert(error != ParseError::kOk && error != ParseError::kEmpty);
  switch (error) {
    case ParseError::kTooLarge:
    case ParseError::kTooManyHeaders:
      return 513;  // RFC 3261 21.5.7.
    case ParseError::kBadVersion:
      return 505;  // RFC 3261 21.5.6.
    case ParseError::kUnsupportedScheme:
      return 416;  // RFC 3261 16.3.
    default:
      return 400;
  }
}

}  // namespace sip
