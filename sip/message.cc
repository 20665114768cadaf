#include "sip/message.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "sip/bytes16.h"
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

// The line's first colon, its end when it has none. Nearly all names fit into one step.
size_t FindColon(const char* text, size_t begin, size_t end) {
  for (size_t at = begin; at < end; at += 32) {
    const Bytes16 colon = Splat16(':');
    const uint32_t bits =
        EqualBits(Load16(text + at + 16), colon) << 16 | EqualBits(Load16(text + at), colon);
    if (bits == 0) continue;
    return std::min(at + static_cast<size_t>(std::countr_zero(bits)), end);
  }
  return end;
}

// Where a CR stands that no LF follows. REQUIRES: there is one.
size_t StrayCr(std::string_view text) {
  size_t at = text.find('\r');
  while (at + 1 < text.size() && text[at + 1] == '\n') at = text.find('\r', at + 1);
  return at;
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
  return header->next == 0 ? nullptr : &headers_[header->next - 1U];
}

PaddedView Message::Value(HeaderId id) const {
  const Header* const header = Find(id);
  return header == nullptr ? PaddedView() : Value(*header);
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
  void Fail(ParseError error, size_t at) {
    if (error_ != ParseError::kOk) return;
    error_ = error;
    message_.error_offset_ = static_cast<uint16_t>(at);
  }
  void Reset();
  void ParseLines(const LineFeeds& feeds);
  void ParseStartLine(size_t end);
  void ParseRequestLine(std::string_view line);
  void ParseStatusLine(std::string_view line);
  void ParseHeaderLine(size_t begin, size_t end, size_t next);
  void StoreHeader(const Header& header);
  void FindBody(uint16_t body_begin);

  Message& message_;
  ParseError error_ = ParseError::kOk;
};

ParseError Parse(PaddedView bytes, Message* message) {
  return MessageParser(message).Run(bytes);
}

void MessageParser::Reset() {
  message_.bytes_ = {};
  message_.method_ = Method::kOther;
  message_.status_ = 0;
  message_.error_offset_ = message_.header_count_ = 0;
  message_.headers_begin_ = message_.headers_end_ = message_.body_begin_ = 0;
  message_.start_line_ = message_.method_text_ = message_.request_uri_ = message_.reason_ = {};
  message_.first_of_.fill(0);
  message_.last_of_.fill(0);
}

ParseError MessageParser::Run(PaddedView input) {
  Reset();
  if (input.size() > kMessageSizeMax) return ParseError::kTooLarge;
  size_t blank = 0;
  while (blank < input.size() && (input[blank] == '\r' || input[blank] == '\n')) ++blank;
  const PaddedView bytes = input.Part(blank, input.size() - blank);
  if (bytes.empty() || (bytes.front() == '\0' && IsKeepAlive(bytes))) return ParseError::kEmpty;
  message_.bytes_ = bytes;

  LineFeeds feeds;
  const ScanResult result = ScanLines(bytes, &feeds);
  message_.headers_end_ = feeds.empty_line;
  ParseLines(feeds);
  if (result == ScanResult::kTooManyLines) Fail(ParseError::kTooManyHeaders, feeds.empty_line);
  if (result == ScanResult::kNoEmptyLine) Fail(ParseError::kNoEmptyLine, feeds.empty_line);
  if (feeds.stray_cr) Fail(ParseError::kBadHeader, StrayCr(bytes));
  FindBody(feeds.body);
  return error_;
}

// A line goes on with the next while that begins with a blank (RFC 3261 7.3.1). What stands behind
// the last line feed when no empty line follows is a line too, cut short.
void MessageParser::ParseLines(const LineFeeds& feeds) {
  const PaddedView bytes = message_.bytes_;
  const char* const text = bytes.data();
  size_t begin = 0;
  const auto end_line = [&](size_t end, size_t next) {
    if (begin == 0) {
      message_.headers_begin_ = static_cast<uint16_t>(next);
      ParseStartLine(end);
    } else {
      ParseHeaderLine(begin, end, next);
    }
    begin = next;
  };
  for (size_t i = 0; i < feeds.count; ++i) {
    const size_t feed = feeds.at[i];
    const size_t next = feed + 1;
    if ((text[next] == ' ' || text[next] == '\t') && next < feeds.empty_line) continue;
    end_line(feed - (text[feed - 1] == '\r' ? 1 : 0), next);
  }
  if (begin < feeds.empty_line) end_line(feeds.empty_line, feeds.empty_line);
}

void MessageParser::ParseStartLine(size_t end) {
  const PaddedView line = message_.bytes_.Part(0, end);
  message_.start_line_ = {0, static_cast<uint16_t>(end)};
  if (BeginsStatusLine(line)) {
    ParseStatusLine(line);
  } else {
    ParseRequestLine(line);
  }
}

// Request-Line = Method SP Request-URI SP SIP-Version, one blank each (RFC 3261 7.1).
void MessageParser::ParseRequestLine(std::string_view line) {
  const size_t first = std::min(line.find(' '), line.size());
  const std::string_view method = line.substr(0, first);
  message_.method_ = LookUpMethod(method);
  if (message_.method_ == Method::kOther && !IsToken(method)) {
    return Fail(ParseError::kBadStartLine, 0);
  }
  message_.method_text_ = {0, static_cast<uint16_t>(first)};
  if (first == line.size()) return Fail(ParseError::kBadStartLine, first);

  const size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return Fail(ParseError::kBadStartLine, line.size());
  if (second == first + 1) return Fail(ParseError::kBadStartLine, second);
  message_.request_uri_ = {static_cast<uint16_t>(first + 1),
                           static_cast<uint16_t>(second - first - 1)};
  const std::string_view version = line.substr(second + 1);
  if (IsVersion(version)) return;
  const bool other_version = BeginsStatusLine(version) && version.find(' ') == version.npos;
  Fail(other_version ? ParseError::kBadVersion : ParseError::kBadStartLine, second + 1);
}

// Status-Line = SIP-Version SP 3DIGIT SP Reason-Phrase (RFC 3261 7.2).
void MessageParser::ParseStatusLine(std::string_view line) {
  message_.status_ = Message::kStatusBad;  // Never to be taken for a request.
  constexpr size_t kCode = kVersion.size() + 1;
  if (line.size() < kCode || !IsVersion(line.substr(0, kVersion.size())) ||
      line[kCode - 1] != ' ') {
    return Fail(ParseError::kBadStartLine, 0);
  }
  const size_t blank = line.find(' ', kCode);
  if (blank == std::string_view::npos) return Fail(ParseError::kBadStartLine, line.size());
  const std::string_view code = line.substr(kCode, blank - kCode);
  if (code.size() != 3 || !AllOf(code, kDigitChar)) return Fail(ParseError::kBadStatusCode, kCode);
  const int status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  if (status < 100 || status > 699) return Fail(ParseError::kBadStatusCode, kCode);
  message_.status_ = static_cast<uint16_t>(status);
  message_.reason_ = {static_cast<uint16_t>(blank + 1),
                      static_cast<uint16_t>(line.size() - blank - 1)};
}

// message-header = name HCOLON value; HCOLON = *( SP / HTAB ) ":" SWS (RFC 3261 25.1). The line is
// [begin, end), its line end goes up to `next`.
void MessageParser::ParseHeaderLine(size_t begin, size_t end, size_t next) {
  const PaddedView bytes = message_.bytes_;
  const char* const text = bytes.data();
  const size_t colon = FindColon(text, begin, end);
  size_t name_end = colon;
  while (name_end > begin && (text[name_end - 1] == ' ' || text[name_end - 1] == '\t')) --name_end;
  const PaddedView name = bytes.Part(begin, name_end - begin);
  const HeaderId id = LookUpHeader(name);
  if (colon == end || (id == HeaderId::kOther && !IsToken(name))) {
    return Fail(ParseError::kBadHeader, begin);
  }
  size_t value = colon + 1;
  size_t value_end = end;
  while (value < value_end && Is(text[value], kBlankChar)) ++value;
  while (value_end > value && Is(text[value_end - 1], kBlankChar)) --value_end;
  StoreHeader({.id = id,
               .name = {static_cast<uint16_t>(begin), static_cast<uint16_t>(name.size())},
               .value = {static_cast<uint16_t>(value), static_cast<uint16_t>(value_end - value)},
               .line = {static_cast<uint16_t>(begin), static_cast<uint16_t>(next - begin)}});
}

void MessageParser::StoreHeader(const Header& header) {
  if (message_.header_count_ == Message::kHeadersMax) {
    return Fail(ParseError::kTooManyHeaders, header.line.begin);
  }
  message_.headers_[message_.header_count_] = header;
  const uint8_t number = static_cast<uint8_t>(++message_.header_count_);
  uint8_t& last = message_.last_of_[static_cast<size_t>(header.id)];
  if (last == 0) {
    message_.first_of_[static_cast<size_t>(header.id)] = number;
  } else {
    message_.headers_[last - 1U].next = number;
  }
  last = number;
}

void MessageParser::FindBody(uint16_t body_begin) {
  message_.body_begin_ = body_begin;
  const Header* const header = message_.Find(HeaderId::kContentLength);
  if (header == nullptr) return;
  const std::optional<uint32_t> size = DecodeNumber(message_.Value(*header));
  if (!size.has_value()) return Fail(ParseError::kBadContentLength, header->value.begin);
  // Two that differ would be two messages, one for us and one for who reads the other.
  for (const Header* next = message_.FindNext(header); next != nullptr;
       next = message_.FindNext(next)) {
    if (DecodeNumber(message_.Value(*next)) != size) {
      return Fail(ParseError::kBadContentLength, next->value.begin);
    }
  }
  if (*size > message_.bytes_.size() - body_begin) {
    return Fail(ParseError::kTruncatedBody, header->value.begin);
  }
  message_.bytes_ = message_.bytes_.Part(0, body_begin + *size);
}

}  // namespace sip
