#include "tools/sip_explain.h"

namespace tools {

std::string_view Explain(sip::ParseError error) {
  using sip::ParseError;
  switch (error) {
    case ParseError::kOk:
      return "nothing is wrong";
    case ParseError::kEmpty:
      return "only CR, LF and NUL: a keep-alive (RFC 5626 4.4.1)";
    case ParseError::kTooLarge:
      return "over 65535 bytes";
    case ParseError::kTooManyHeaders:
      return "more header lines than a message may have here";
    case ParseError::kBadStartLine:
      return "neither METHOD SP URI SP SIP/2.0 nor SIP/2.0 SP CODE SP REASON (RFC 3261 7.1, 7.2)";
    case ParseError::kBadVersion:
      return "the version is not SIP/2.0 (RFC 3261 7.1)";
    case ParseError::kBadStatusCode:
      return "the status code is not 100 to 699 (RFC 3261 7.2)";
    case ParseError::kBadHeader:
      return "no header line: no colon, a bad name, or a CR that ends no line (RFC 3261 7.3)";
    case ParseError::kNoEmptyLine:
      return "no empty line ends the headers (RFC 3261 7)";
    case ParseError::kBadContentLength:
      return "Content-Length is no number below 2^32, or two differ (RFC 3261 20.14)";
    case ParseError::kTruncatedBody:
      return "Content-Length is more than there is (RFC 3261 18.3)";
    case ParseError::kMissingHeader:
      return "Via, From, To, Call-ID or CSeq is missing or empty (RFC 3261 8.1.1)";
    case ParseError::kRepeatedHeader:
      return "a header stands twice that may stand once (RFC 3261 7.3.1)";
    case ParseError::kBadVia:
      return "not SIP/2.0/TRANSPORT HOST[:PORT] and parameters (RFC 3261 20.42)";
    case ParseError::kBadCSeq:
      return "not a number below 2^32 and a method (RFC 3261 20.16)";
    case ParseError::kMethodMismatch:
      return "the method of CSeq is not that of the request (RFC 3261 8.1.1.5)";
    case ParseError::kBadAddress:
      return "neither [NAME] <URI> nor URI, with parameters (RFC 3261 20.10)";
    case ParseError::kBadRequestUri:
      return "the Request-URI is broken, or has headers (RFC 3261 19.1.1)";
    case ParseError::kUnsupportedScheme:
      return "the Request-URI is neither sip, sips, tel nor urn (RFC 3261 16.3)";
    case ParseError::kBadMaxForwards:
      return "not 0 to 255 (RFC 3261 20.22)";
    case ParseError::kBadSecurityHeader:
      return "no list of mechanisms (RFC 3329 2.2)";
    case ParseError::kBadDigest:
      return "no challenge or credentials, or a parameter twice (RFC 7616 3.3, 3.4)";
    case ParseError::kBadHeaderValue:
      return "the value is not what the RFC of its header says";
  }
  return "";
}

std::string_view Explain(sip::FrameError error) {
  using sip::FrameError;
  switch (error) {
    case FrameError::kOk:
      return "nothing is wrong";
    case FrameError::kHeadersTooLarge:
      return "no empty line within 65535 bytes";
    case FrameError::kBodyTooLarge:
      return "Content-Length is over 65535";
    case FrameError::kMessageTooLarge:
      return "headers and Content-Length are over 65535 bytes";
    case FrameError::kNoContentLength:
      return "Content-Length is mandatory over a stream (RFC 3261 20.14)";
    case FrameError::kBadContentLength:
      return "Content-Length is no number below 2^32 (RFC 3261 20.14)";
    case FrameError::kUnequalContentLength:
      return "two Content-Length differ: nobody can tell where the message ends";
  }
  return "";
}

std::string_view Explain(sip::MechanismFault fault) {
  using sip::MechanismFault;
  switch (fault) {
    case MechanismFault::kNone:
      return "";
    case MechanismFault::kNotIpsec3gpp:
      return "not ipsec-3gpp: passed over (RFC 3329 2.2)";
    case MechanismFault::kRepeatedParameter:
      return "a parameter stands twice";
    case MechanismFault::kBadAlgorithms:
      return "alg is missing or unknown, ealg unknown, or the pair not legal (TS 33.203 annex H)";
    case MechanismFault::kNotEsp:
      return "prot is not esp (TS 33.203 annex H)";
    case MechanismFault::kBadSpi:
      return "spi-c or spi-s is missing or not 256 to 4294967295; or both are the same";
    case MechanismFault::kBadPort:
      return "port-c or port-s is missing, no port, or 5060 or 5061; or both are the same";
    case MechanismFault::kMediasec:
      return "mediasec: for media, not for signalling (TS 24.229 7.2A.7)";
  }
  return "";
}

}  // namespace tools
