#include "sip/writer.h"

#include <cassert>
#include <charconv>
#include <cstring>

#include "sip/address.h"
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
    writer->Put({at, static_cast<size_t>(until - at)});
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
      writer->Put(value.substr(rest));
    } else {
      writer->Put(value);
    }
    writer->Put("\r\n");
  }
}

void PutTo(std::string_view to, std::string_view tag, Writer* writer) {
  Address address;
  const bool untagged = DecodeAddress(to, &address) == ParseError::kOk &&
                        !FindParam(address.params, "tag").has_value();
  if (tag.empty() || !untagged) {
    writer->Line("To", {to});
  } else {
    writer->Line("To", {to, ";tag=", tag});
  }
}

}  // namespace

Writer& Writer::Put(std::string_view text) {
  if (text.size() > out_.size() - size_) ok_ = false;
  if (!ok_ || text.empty()) return *this;
  std::memcpy(out_.data() + size_, text.data(), text.size());
  size_ += text.size();
  return *this;
}

Writer& Writer::PutNumber(uint64_t number) {
  char digits[20];
  const std::to_chars_result result = std::to_chars(digits, digits + sizeof(digits), number);
  return Put({digits, static_cast<size_t>(result.ptr - digits)});
}

Writer& Writer::PutHex(uint64_t number, int digits) {
  assert(digits > 0 && digits <= 16);
  char text[16];
  for (int i = digits - 1; i >= 0; --i, number >>= 4) text[i] = "0123456789abcdef"[number & 15];
  return Put({text, static_cast<size_t>(digits)});
}

Writer& Writer::Line(std::string_view name, std::initializer_list<std::string_view> text) {
  Put(name).Put(": ");
  for (const std::string_view part : text) Put(part);
  return Put("\r\n");
}

bool WriteResponse(const Message& request, const ResponseHead& head, std::string_view extra,
                   Writer* writer) {
  for (const HeaderId id :
       {HeaderId::kVia, HeaderId::kFrom, HeaderId::kTo, HeaderId::kCallId, HeaderId::kCSeq}) {
    if (!request.Has(id)) return false;
  }
  writer->Put("SIP/2.0 ").PutNumber(static_cast<uint64_t>(head.status)).Put(" ");
  writer->Put(head.reason.empty() ? ReasonPhrase(head.status) : head.reason).Put("\r\n");
  PutVias(request, head, writer);
  writer->Line("From", {request.Value(HeaderId::kFrom)});
  PutTo(request.Value(HeaderId::kTo), head.to_tag, writer);
  writer->Line("Call-ID", {request.Value(HeaderId::kCallId)});
  writer->Line("CSeq", {request.Value(HeaderId::kCSeq)});
  writer->Put(extra).Put("Content-Length: 0\r\n\r\n");
  return writer->ok();
}

std::string_view ReasonPhrase(int status) {
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Unknown";
}

}  // namespace sip
