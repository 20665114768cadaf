#include "sip/message.h"

#include <cassert>
#include <cstring>

#include "sip/chars.h"
#include "sip/number.h"
#include "sip/scan.h"

namespace sip {
namespace {

// Indexed by Method.
constexpr std::array<std::string_view, 15> kMethodNames = {
    "",        "ACK",   "BYE",     "CANCEL", "INFO",     "INVITE",    "MESSAGE", "NOTIFY",
    "OPTIONS", "PRACK", "PUBLISH", "REFER",  "REGISTER", "SUBSCRIBE", "UPDATE"};
static_assert(static_cast<size_t>(Method::kUpdate) + 1 == kMethodNames.size());

constexpr std::string_view kVersion = "SIP/2.0";

bool IsVersion(std::string_view text) {
  if (text == kVersion) return true;
  // Senders write upper case, receivers do not care (RFC 3261 7.1).
  return text.size() == kVersion.size() && ToLower(text[0]) == 's' && ToLower(text[1]) == 'i' &&
         ToLower(text[2]) == 'p' && text.substr(3) == kVersion.substr(3);
}

// "SIP/" begins a status line only: '/' stands in no method.
bool BeginsStatusLine(std::string_view line) {
  return line.size() >= 4 && ToLower(line[0]) == 's' && ToLower(line[1]) == 'i' &&
         ToLower(line[2]) == 'p' && line[3] == '/';
}

// Only what a keep-alive consists of (RFC 5626 4.4.1, and the NULs that some phones send).
bool IsKeepAlive(std::string_view text) {
  return text.find_first_not_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

Method LookUpMethod(std::string_view text) {
  for (size_t i = 1; i < kMethodNames.size(); ++i) {
    if (text == kMethodNames[i]) return static_cast<Method>(i);
  }
  return Method::kOther;
}

std::string_view Name(Method method) {
  return kMethodNames[static_cast<size_t>(method)];
}

const Header* Message::Find(HeaderId id) const {
  const uint8_t first = first_of_[static_cast<size_t>(id)];
  return first == 0 ? nullptr : &headers_[first - 1U];
}

const Header* Message::FindNext(const Header* header) const {
  const Header* const end = headers_.data() + header_count_;
  for (const Header* next = header + 1; next < end; ++next) {
    if (next->id == header->id) return next;
  }
  return nullptr;
}

std::string_view Message::Value(HeaderId id) const {
  const Header* const header = Find(id);
  return header == nullptr ? std::string_view() : Value(*header);
}

Span Message::SpanOf(std::string_view piece) const {
  const ptrdiff_t begin = piece.data() - bytes_.data();
  assert(begin >= 0 && static_cast<size_t>(begin) + piece.size() <= bytes_.size());
  return {static_cast<uint16_t>(begin), static_cast<uint16_t>(piece.size())};
}

// Stage 2. An error in one place does not stop the reading of the others, so that a refused request
// can be answered; the first error is the one that is told.
class MessageParser {
 public:
  explicit MessageParser(Message* message) : message_(*message) {}

  ParseError Run(PaddedView input);

 private:
  void Fail(ParseError error) {
    if (error_ == ParseError::kOk) error_ = error;
  }
  void ParseStartLine(const LineMark& mark);
  void ParseRequestLine(std::string_view line);
  void ParseStatusLine(std::string_view line);
  void ParseHeaderLine(const LineMark& mark);
  void FindBody(uint16_t body_begin);

  Message& message_;
  ParseError error_ = ParseError::kOk;
};

ParseError Parse(PaddedView bytes, Message* message) {
  return MessageParser(message).Run(bytes);
}

ParseError MessageParser::Run(PaddedView input) {
  message_.bytes_ = {};
  message_.method_ = Method::kOther;
  message_.status_ = 0;
  message_.header_count_ = 0;
  message_.headers_begin_ = message_.headers_end_ = message_.body_begin_ = 0;
  message_.start_line_ = message_.method_text_ = message_.request_uri_ = message_.reason_ = {};
  message_.first_of_.fill(0);

  std::string_view bytes = input.bytes();
  if (bytes.size() > kMessageSizeMax) return ParseError::kTooLarge;
  size_t blank = 0;
  while (blank < bytes.size() && (bytes[blank] == '\r' || bytes[blank] == '\n')) ++blank;
  bytes.remove_prefix(blank);
  if (bytes.empty() || (bytes.front() == '\0' && IsKeepAlive(bytes))) return ParseError::kEmpty;
  message_.bytes_ = bytes;

  LineMark marks[Message::kHeadersMax + 1];
  LineIndex index{.marks = marks, .capacity = Message::kHeadersMax + 1};
  const ScanResult result = ScanLines(PaddedView::Promise(bytes), &index);
  assert(index.count > 0);  // The first byte is no line end.

  ParseStartLine(marks[0]);
  message_.headers_begin_ = marks[0].next;
  message_.headers_end_ = index.empty_line;
  for (int i = 1; i < index.count; ++i) ParseHeaderLine(marks[i]);

  if (result == ScanResult::kTooManyLines) Fail(ParseError::kTooManyHeaders);
  if (result == ScanResult::kNoEmptyLine) Fail(ParseError::kNoEmptyLine);
  if (index.stray_cr) Fail(ParseError::kBadHeader);
  FindBody(index.body);
  return error_;
}

void MessageParser::ParseStartLine(const LineMark& mark) {
  const std::string_view line = message_.bytes_.substr(mark.begin, size_t{mark.end} - mark.begin);
  message_.start_line_ = {mark.begin, static_cast<uint16_t>(line.size())};
  if (BeginsStatusLine(line)) {
    ParseStatusLine(line);
  } else {
    ParseRequestLine(line);
  }
}

// Request-Line = Method SP Request-URI SP SIP-Version, one blank each (RFC 3261 7.1).
void MessageParser::ParseRequestLine(std::string_view line) {
  const size_t first = line.find(' ');
  const std::string_view method = line.substr(0, first);
  if (!IsToken(method)) return Fail(ParseError::kBadStartLine);
  message_.method_text_ = message_.SpanOf(method);
  message_.method_ = LookUpMethod(method);
  if (first == std::string_view::npos) return Fail(ParseError::kBadStartLine);

  const size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return Fail(ParseError::kBadStartLine);
  const std::string_view uri = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (uri.empty()) return Fail(ParseError::kBadStartLine);
  message_.request_uri_ = message_.SpanOf(uri);
  if (IsVersion(version)) return;
  const bool other_version = BeginsStatusLine(version) && version.find(' ') == version.npos;
  Fail(other_version ? ParseError::kBadVersion : ParseError::kBadStartLine);
}

// Status-Line = SIP-Version SP 3DIGIT SP Reason-Phrase (RFC 3261 7.2).
void MessageParser::ParseStatusLine(std::string_view line) {
  message_.status_ = Message::kStatusBad;  // Never to be taken for a request.
  if (line.size() <= kVersion.size() || !IsVersion(line.substr(0, kVersion.size())) ||
      line[kVersion.size()] != ' ') {
    return Fail(ParseError::kBadStartLine);
  }
  const std::string_view rest = line.substr(kVersion.size() + 1);
  const size_t blank = rest.find(' ');
  if (blank == std::string_view::npos) return Fail(ParseError::kBadStartLine);
  const std::string_view code = rest.substr(0, blank);
  if (code.size() != 3 || !AllOf(code, kDigitChar)) return Fail(ParseError::kBadStatusCode);
  const int status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  if (status < 100 || status > 699) return Fail(ParseError::kBadStatusCode);
  message_.status_ = static_cast<uint16_t>(status);
  message_.reason_ = message_.SpanOf(rest.substr(blank + 1));
}

// message-header = name HCOLON value; HCOLON = *( SP / HTAB ) ":" SWS (RFC 3261 25.1).
void MessageParser::ParseHeaderLine(const LineMark& mark) {
  const char* const text = message_.bytes_.data();
  uint16_t name_end = mark.colon;
  while (name_end > mark.begin && (text[name_end - 1] == ' ' || text[name_end - 1] == '\t')) {
    --name_end;
  }
  const std::string_view name(text + mark.begin, static_cast<size_t>(name_end - mark.begin));
  const HeaderId id = LookUpHeader(name);
  if (mark.colon == mark.end || (id == HeaderId::kOther && !IsToken(name))) {
    return Fail(ParseError::kBadHeader);
  }
  uint16_t begin = static_cast<uint16_t>(mark.colon + 1);
  uint16_t end = mark.end;
  while (begin < end && Is(text[begin], kBlankChar)) ++begin;
  while (end > begin && Is(text[end - 1], kBlankChar)) --end;

  Header& header = message_.headers_[message_.header_count_++];
  header.id = id;
  header.name = {mark.begin, static_cast<uint16_t>(name.size())};
  header.value = {begin, static_cast<uint16_t>(end - begin)};
  header.line = {mark.begin, static_cast<uint16_t>(mark.next - mark.begin)};
  uint8_t& first = message_.first_of_[static_cast<size_t>(id)];
  if (first == 0) first = static_cast<uint8_t>(message_.header_count_);
}

void MessageParser::FindBody(uint16_t body_begin) {
  message_.body_begin_ = body_begin;
  const Header* const header = message_.Find(HeaderId::kContentLength);
  if (header == nullptr) return;
  const std::optional<uint32_t> size = DecodeNumber(message_.Value(*header));
  if (!size.has_value()) return Fail(ParseError::kBadContentLength);
  // Two that differ would be two messages, one for us and one for who reads the other.
  for (const Header* next = message_.FindNext(header); next != nullptr;
       next = message_.FindNext(next)) {
    if (DecodeNumber(message_.Value(*next)) != size) return Fail(ParseError::kBadContentLength);
  }
  if (*size > message_.bytes_.size() - body_begin) return Fail(ParseError::kTruncatedBody);
  message_.bytes_ = message_.bytes_.substr(0, body_begin + *size);
}

}  // namespace sip
