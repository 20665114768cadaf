#include "sip/response.h"

#include <algorithm>
#include <cassert>

#include "sip/address.h"
#include "sip/chars.h"
#include "sip/list.h"
#include "sip/via.h"

namespace sip {
namespace {

struct Phrase {
  int status;
  std::string_view text;
};

// RFC 3261 21 and the codes registered since that a P-CSCF sends or its tools do.
constexpr Phrase kPhrases[] = {
    {100, "Trying"},
    {180, "Ringing"},
    {181, "Call Is Being Forwarded"},
    {182, "Queued"},
    {183, "Session Progress"},
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Notification"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Moved Temporarily"},
    {305, "Use Proxy"},
    {380, "Alternative Service"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Unsupported URI Scheme"},
    {420, "Bad Extension"},
    {421, "Extension Required"},
    {422, "Session Interval Too Small"},
    {423, "Interval Too Brief"},
    {430, "Flow Failed"},
    {439, "First Hop Lacks Outbound Support"},
    {480, "Temporarily Unavailable"},
    {481, "Call/Transaction Does Not Exist"},
    {482, "Loop Detected"},
    {483, "Too Many Hops"},
    {484, "Address Incomplete"},
    {485, "Ambiguous"},
    {486, "Busy Here"},
    {487, "Request Terminated"},
    {488, "Not Acceptable Here"},
    {489, "Bad Event"},
    {491, "Request Pending"},
    {493, "Undecipherable"},
    {494, "Security Agreement Required"},
    {500, "Server Internal Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Server Time-out"},
    {505, "Version Not Supported"},
    {513, "Message Too Large"},
    {580, "Precondition Failure"},
    {600, "Busy Everywhere"},
    {603, "Decline"},
    {604, "Does Not Exist Anywhere"},
    {606, "Not Acceptable"},
};

// No control characters but HT: neither a line end, whoever reads it, nor what cuts a C string.
bool IsPlain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<uint8_t>(c) < 0x20 && c != '\t') || c == '\x7f';
  });
}

// A host with or without port, or a token.
bool IsHost(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return Is(c, kTokenChar | kHostChar) || c == ':' || c == '[' || c == ']';
  });
}

// Every line ends with CRLF, folds included, and none is empty or goes on with what stands before.
bool AreLines(std::string_view lines) {
  if (!lines.empty() && Is(lines.front(), kBlankChar)) return false;
  while (!lines.empty()) {
    const size_t end = lines.find('\r');
    if (end == 0 || end == lines.npos || lines.substr(end, 2) != "\r\n") return false;
    if (!IsPlain(lines.substr(0, end))) return false;
    lines.remove_prefix(end + 2);
  }
  return true;
}

bool IsGood(const ResponseHead& head) {
  return IsPlain(head.reason) && (head.to_tag.empty() || IsToken(head.to_tag)) &&
         IsHost(head.received) && IsPlain(head.security_server) && IsHost(head.warning.agent) &&
         IsPlain(head.warning.text) && IsPlain(head.content_type);
}

// A value of the request. CR and LF stand in it only as folds and, in a malformed one, as a CR that
// somebody else might take for a line end.
void PutCopied(std::string_view value, Writer* writer) {
  while (!value.empty()) {
    const size_t end = std::min({value.find('\r'), value.find('\n'), value.size()});
    writer->Put(value.substr(0, end));
    if (end == value.size()) return;
    writer->Put(" ");
    value.remove_prefix(SkipBlanks(value, end));
  }
}

void PutCopiedLine(std::string_view name, std::string_view value, Writer* writer) {
  writer->Put(name).Put(": ");
  PutCopied(value, writer);
  writer->Put("\r\n");
}

// The topmost Via, its received and rport as the transport saw them (RFC 3261 18.2.1, RFC 3581 4).
// Whatever `received` the sender wrote there himself is replaced.
void PutTopVia(const Via& via, const ResponseHead& head, Writer* writer) {
  std::string_view received;
  if (!head.received.empty()) {
    const std::optional<Param> given = FindParam(via.params, "received");
    if (given.has_value()) received = given->with_separator;
  }
  const std::string_view rport = head.rport == 0 ? std::string_view() : via.rport_text;

  const char* at = via.text.data();
  const char* const end = at + via.text.size();
  const auto put_until = [&at, writer](const char* until) {
    PutCopied({at, static_cast<size_t>(until - at)}, writer);
    at = until;
  };
  const auto put_rport = [&] {
    if (rport.empty()) return;
    put_until(rport.data());
    writer->Put("rport=").PutNumber(head.rport);
    at += rport.size();
  };
  const bool rport_first = received.empty() || rport.empty() || rport.data() < received.data();
  if (rport_first) put_rport();
  if (!received.empty()) {
    put_until(received.data());
    at += received.size();
  }
  if (!rport_first) put_rport();
  put_until(end);
  if (!head.received.empty()) writer->Put(";received=").Put(head.received);
}

void PutVias(const Message& request, const ResponseHead& head, Writer* writer) {
  const Header* const top = request.Find(HeaderId::kVia);
  for (const Header* header = top; header != nullptr; header = request.FindNext(header)) {
    const std::string_view value = request.Value(*header);
    Via via;
    writer->Put("Via: ");
    // A Via that cannot be read is given back as it came: it is what the 400 is about.
    if (header == top && DecodeTopVia(request, &via) == ParseError::kOk) {
      PutTopVia(via, head, writer);
      const size_t rest = static_cast<size_t>(via.text.data() - value.data()) + via.text.size();
      PutCopied(value.substr(rest), writer);
    } else {
      PutCopied(value, writer);
    }
    writer->Put("\r\n");
  }
}

void PutTo(std::string_view to, std::string_view tag, Writer* writer) {
  Address address;
  const bool untagged = DecodeAddress(to, &address) == ParseError::kOk &&
                        !FindParam(address.params, "tag").has_value();
  writer->Put("To: ");
  PutCopied(to, writer);
  if (!tag.empty() && untagged) writer->Put(";tag=").Put(tag);
  writer->Put("\r\n");
}

// For the sender to measure the round trip by (RFC 3261 20.38).
void PutTimestamp(const Message& request, Writer* writer) {
  for (const Header& header : request.headers()) {
    if (!EqualsIgnoreCase(request.Text(header.name), "Timestamp")) continue;
    return PutCopiedLine("Timestamp", request.Value(header), writer);
  }
}

bool IsSupported(std::string_view tag, std::span<const std::string_view> supported) {
  return std::any_of(supported.begin(), supported.end(),
                     [tag](std::string_view each) { return EqualsIgnoreCase(each, tag); });
}

void PutUnsupported(const Message& request, const ResponseHead& head, Writer* writer) {
  ListReader reader(request, head.unsupported_of);
  bool first = true;
  for (ListMember member; reader.Next(&member);) {
    if (!IsToken(member.text) || IsSupported(member.text, head.supported)) continue;
    writer->Put(first ? "Unsupported: " : ", ").Put(member.text);
    first = false;
  }
  if (!first) writer->Put("\r\n");
}

// Warning = warn-code SP warn-agent SP quoted-string (RFC 3261 25.1).
void PutWarning(const ResponseWarning& warning, Writer* writer) {
  assert(warning.code >= 100 && warning.code <= 999);
  writer->Put("Warning: ").PutNumber(warning.code).Put(" ").Put(warning.agent).Put(" \"");
  for (std::string_view rest = warning.text; !rest.empty();) {
    const size_t end = std::min(rest.find_first_of("\"\\"), rest.size());
    writer->Put(rest.substr(0, end));
    if (end < rest.size()) writer->Put("\\").Put(rest.substr(end, 1));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  writer->Put("\"\r\n");
}

void PutFields(const Message& request, const ResponseHead& head, Writer* writer) {
  if (!head.security_server.empty()) writer->Line("Security-Server", {head.security_server});
  if (head.requires_sec_agree) writer->Put("Require: sec-agree\r\n");
  if (head.unsupported_of != HeaderId::kOther) PutUnsupported(request, head, writer);
  if (head.retry_after_s.has_value()) {
    writer->Put("Retry-After: ").PutNumber(*head.retry_after_s).Put("\r\n");
  }
  if (!head.warning.agent.empty()) PutWarning(head.warning, writer);
}

}  // namespace

bool WriteResponse(const Message& request, const ResponseHead& head, std::string_view extra,
                   Writer* writer) {
  assert(head.status >= 100 && head.status <= 699);
  if (!IsGood(head) || !AreLines(extra)) return false;
  for (const HeaderId id :
       {HeaderId::kVia, HeaderId::kFrom, HeaderId::kTo, HeaderId::kCallId, HeaderId::kCSeq}) {
    if (!request.Has(id)) return false;
  }
  const bool trying = head.status == 100;
  writer->Put("SIP/2.0 ").PutNumber(static_cast<uint64_t>(head.status)).Put(" ");
  writer->Put(head.reason.empty() ? ReasonPhrase(head.status) : head.reason).Put("\r\n");
  PutVias(request, head, writer);
  PutCopiedLine("From", request.Value(HeaderId::kFrom), writer);
  PutTo(request.Value(HeaderId::kTo), trying ? std::string_view() : head.to_tag, writer);
  PutCopiedLine("Call-ID", request.Value(HeaderId::kCallId), writer);
  PutCopiedLine("CSeq", request.Value(HeaderId::kCSeq), writer);
  if (trying) PutTimestamp(request, writer);
  PutFields(request, head, writer);
  writer->Put(extra);
  if (!head.body.empty()) writer->Line("Content-Type", {head.content_type});
  writer->Put("Content-Length: ").PutNumber(head.body.size()).Put("\r\n\r\n").Put(head.body);
  return writer->ok();
}

bool RequiresMore(const Message& request, HeaderId id,
                  std::span<const std::string_view> supported) {
  ListReader reader(request, id);
  for (ListMember member; reader.Next(&member);) {
    if (!IsSupported(member.text, supported)) return true;
  }
  return false;
}

std::string_view ReasonPhrase(int status) {
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Unknown";
}

}  // namespace sip
