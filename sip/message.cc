#include "sip/message.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "sip/bytes16.h"
#include "sip/chars.h"
#include "sip/header_table.h"
#include "sip/list.h"
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

// Senders write upper case, receivers do not care (RFC 3261 7.1).
bool IsVersion(std::string_view text) {
  return text == kVersion || EqualsIgnoreCase(text, kVersion);
}

// "SIP/" begins a status line only: '/' stands in no method.
bool BeginsStatusLine(std::string_view line) {
  return line.starts_with("SIP/") || EqualsIgnoreCase(line.substr(0, 4), "SIP/");
}

// Only what a keep-alive consists of (RFC 5626 4.4.1, and the NULs that some phones send).
bool IsKeepAlive(std::string_view text) {
  return text.find_first_not_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// What a line begins with that goes on with the one before.
bool IsFold(char c) {
  return static_cast<uint8_t>(c) <= ' ' && (c == ' ' || c == '\t');
}

bool IsBlankOrLess(char c) {
  return static_cast<uint8_t>(c) <= ' ';
}

// Where a CR stands that no LF follows. REQUIRES: there is one.
size_t StrayCr(std::string_view text) {
  size_t at = text.find('\r');
  while (at + 1 < text.size() && text[at + 1] == '\n') at = text.find('\r', at + 1);
  return at;
}

}  // namespace

Method LookUpMethod(std::string_view text) {
  const auto is = [text](Method method) { return text == Name(method) ? method : Method::kOther; };
  // The first letter and the last tell nearly all methods apart.
  if (text.empty()) return Method::kOther;
  switch (text.front() << 8 | text.back()) {
    case 'A' << 8 | 'K':
      return is(Method::kAck);
    case 'B' << 8 | 'E':
      return is(Method::kBye);
    case 'C' << 8 | 'L':
      return is(Method::kCancel);
    case 'I' << 8 | 'O':
      return is(Method::kInfo);
    case 'I' << 8 | 'E':
      return is(Method::kInvite);
    case 'M' << 8 | 'E':
      return is(Method::kMessage);
    case 'N' << 8 | 'Y':
      return is(Method::kNotify);
    case 'O' << 8 | 'S':
      return is(Method::kOptions);
    case 'P' << 8 | 'K':
      return is(Method::kPrack);
    case 'P' << 8 | 'H':
      return is(Method::kPublish);
    case 'R' << 8 | 'R':
      return text.size() == 5 ? is(Method::kRefer) : is(Method::kRegister);
    case 'S' << 8 | 'E':
      return is(Method::kSubscribe);
    case 'U' << 8 | 'E':
      return is(Method::kUpdate);
    default:
      return Method::kOther;
  }
}

std::string_view Name(Method method) {
  return kMethodNames[static_cast<size_t>(method)];
}

const Header* Message::Find(HeaderId id) const {
  const uint8_t first = first_of_[static_cast<size_t>(id)] & static_cast<uint8_t>(~kMore);
  return first == 0 ? nullptr : &headers_[first - 1U];
}

const Header* Message::FindNext(const Header* header) const {
  if ((first_of_[static_cast<size_t>(header->id)] & kMore) == 0) return nullptr;
  const Header* const end = headers_.data() + header_count_;
  for (const Header* next = header + 1; next < end; ++next) {
    if (next->id == header->id) return next;
  }
  return nullptr;
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
  void ParseStartLine(size_t end, size_t next);
  void ParseRequestLine(PaddedView line);
  void ParseStatusLine(std::string_view line);
  // A header line: where it begins and its text ends, and where its name is looked for. The next
  // one in the array begins where its line end does.
  struct Line {
    uint16_t begin;
    uint16_t end;
    uint8_t name_size;
    uint8_t slot;
  };
  Line* EndLine(const LineFeeds& feeds, size_t feed, Line* line, size_t* bare) const;
  static void Measure(const char* text, size_t end, Line* line);
  void ParseHeaderLine(const Line& line);
  void ParseOddLine(size_t begin, size_t end, size_t next);
  void NoteFirst(HeaderId id);
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
  FindBody(feeds.body);
  return error_;
}

// A line goes on with the next while that begins with a blank (RFC 3261 7.3.1). What stands behind
// the last line feed when no empty line follows is a line too, cut short. A CR that no LF follows
// has no place in RFC 3261, and a peer that ends lines there would read headers that we did not.
//
// Two loops, since a name is found at the end of a long chain of loads that wait for one another:
// the first loop ends half way along it, so that the CPU has the chains of many lines under way.
void MessageParser::ParseLines(const LineFeeds& feeds) {
  const char* const text = message_.bytes_.data();
  Line lines[kLinesMax + 2];  // One more that is cut short, and where the last one ends.
  Line* line = lines;
  size_t bare = 0;  // Line feeds without a CR.
  size_t i = 0;
  line->begin = 0;
  for (; i < feeds.count && line == lines; ++i) {
    line = EndLine(feeds, feeds.at[i], line, &bare);
  }
  for (; i < feeds.count; ++i) {
    const size_t feed = feeds.at[i];
    if (text[feed - 1] != '\r' || IsBlankOrLess(text[feed + 1])) [[unlikely]] {
      line = EndLine(feeds, feed, line, &bare);
      continue;
    }
    Measure(text, feed - 1, line);
    (++line)->begin = static_cast<uint16_t>(feed + 1);
  }
  if (line->begin < feeds.empty_line) {  // Cut short.
    if (line != lines) Measure(text, feeds.empty_line, line);
    line->end = feeds.empty_line;
    (++line)->begin = feeds.empty_line;
  }
  assert(line > lines);  // The first byte ends no line.

  ParseStartLine(lines[0].end, lines[1].begin);
  for (const Line* header = lines + 1; header != line; ++header) ParseHeaderLine(*header);
  const bool stray_cr = feeds.cr_count + bare != feeds.count;
  if (stray_cr) Fail(ParseError::kBadHeader, StrayCr(message_.bytes_));
}

// Takes a line feed that is the first of the message or the last, without a CR, or before a fold.
// Yields the line that goes on behind it.
[[gnu::noinline]] MessageParser::Line* MessageParser::EndLine(const LineFeeds& feeds, size_t feed,
                                                              Line* line, size_t* bare) const {
  const char* const text = message_.bytes_.data();
  const bool is_bare = text[feed - 1] != '\r';
  if (is_bare) ++*bare;
  if (IsFold(text[feed + 1]) && feed + 1 < feeds.empty_line) return line;
  const size_t end = is_bare ? feed : feed - 1;
  if (line->begin != 0) Measure(text, end, line);
  line->end = static_cast<uint16_t>(end);
  (++line)->begin = static_cast<uint16_t>(feed + 1);
  return line;
}

// Reads one byte before the line: not for the first, which has no name either.
[[gnu::always_inline]] inline void MessageParser::Measure(const char* text, size_t end,
                                                          Line* line) {
  const char* const name = text + line->begin;
  const uint32_t size = NameSize(name);
  line->end = static_cast<uint16_t>(end);
  line->name_size = static_cast<uint8_t>(size);
  line->slot = SlotAt(name, size);
}

void MessageParser::ParseStartLine(size_t end, size_t next) {
  const PaddedView line = message_.bytes_.Part(0, end);
  message_.start_line_ = {0, static_cast<uint16_t>(end)};
  message_.headers_begin_ = static_cast<uint16_t>(next);
  if (BeginsStatusLine(line)) {
    ParseStatusLine(line);
  } else {
    ParseRequestLine(line);
  }
}

// Request-Line = Method SP Request-URI SP SIP-Version, one blank each (RFC 3261 7.1).
void MessageParser::ParseRequestLine(PaddedView line) {
  const char* const text = line.data();
  const size_t first = FindNear(text, 0, line.size(), ' ');
  const std::string_view method(text, first);
  message_.method_ = LookUpMethod(method);
  if (message_.method_ == Method::kOther && !IsToken(method)) {
    return Fail(ParseError::kBadStartLine, 0);
  }
  message_.method_text_ = {0, static_cast<uint16_t>(first)};
  if (first == line.size()) return Fail(ParseError::kBadStartLine, first);

  const size_t second = FindNear(text, first + 1, line.size(), ' ');
  if (second == line.size() || second == first + 1) return Fail(ParseError::kBadStartLine, second);
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
  size_t blank = kCode + 3;  // Where it must be.
  if (line.size() <= blank || line[blank] != ' ') {
    blank = line.find(' ', kCode);
    if (blank == std::string_view::npos) return Fail(ParseError::kBadStartLine, line.size());
  }
  const std::string_view code = line.substr(kCode, blank - kCode);
  if (code.size() != 3 || !AllOf(code, kDigitChar)) return Fail(ParseError::kBadStatusCode, kCode);
  const int status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  if (status < 100 || status > 699) return Fail(ParseError::kBadStatusCode, kCode);
  message_.status_ = static_cast<uint16_t>(status);
  message_.reason_ = {static_cast<uint16_t>(blank + 1),
                      static_cast<uint16_t>(line.size() - blank - 1)};
}

// message-header = name HCOLON value; HCOLON = *( SP / HTAB ) ":" SWS (RFC 3261 25.1). A known name
// has its value behind a colon and, nearly always, one blank.
[[gnu::always_inline]] inline void MessageParser::ParseHeaderLine(const Line& line) {
  const char* const text = message_.bytes_.data();
  const uint16_t next = (&line + 1)->begin;
  const uint32_t size = line.name_size;
  const HeaderId id = FindHeader(text + line.begin, size, line.slot);
  const uint32_t value = line.begin + size + 2;
  if (id == HeaderId::kOther || text[value - 1] != ' ' || IsBlankOrLess(text[value]) ||
      IsBlankOrLess(text[line.end - 1]) || message_.header_count_ == Message::kHeadersMax)
      [[unlikely]] {
    return ParseOddLine(line.begin, line.end, next);
  }
  Header& header = message_.headers_[message_.header_count_++];
  header.name = {line.begin, line.name_size};
  header.value = {static_cast<uint16_t>(value), static_cast<uint16_t>(line.end - value)};
  header.line = {line.begin, static_cast<uint16_t>(next - line.begin)};
  header.id = id;
  NoteFirst(id);
}

// A name that is not in the table, blanks in other places, the colon far away, or none.
[[gnu::noinline]] void MessageParser::ParseOddLine(size_t begin, size_t end, size_t next) {
  const PaddedView line = message_.bytes_.Part(begin, end - begin);
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Fail(ParseError::kBadHeader, begin);
  size_t size = colon;
  while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t')) --size;
  const std::string_view name = line.substr(0, size);
  if (!IsToken(name)) return Fail(ParseError::kBadHeader, begin);
  if (message_.header_count_ == Message::kHeadersMax) {
    return Fail(ParseError::kTooManyHeaders, begin);
  }
  size_t value = colon + 1;
  size_t value_end = line.size();
  while (value < value_end && Is(line[value], kBlankChar)) ++value;
  while (value_end > value && Is(line[value_end - 1], kBlankChar)) --value_end;
  Header& header = message_.headers_[message_.header_count_++];
  header.name = {static_cast<uint16_t>(begin), static_cast<uint16_t>(size)};
  header.value = {static_cast<uint16_t>(begin + value), static_cast<uint16_t>(value_end - value)};
  header.line = {static_cast<uint16_t>(begin), static_cast<uint16_t>(next - begin)};
  header.id = LookUpHeader(name);
  NoteFirst(header.id);
}

// Of the header stored last.
inline void MessageParser::NoteFirst(HeaderId id) {
  uint8_t& first = message_.first_of_[static_cast<size_t>(id)];
  if (first == 0) [[likely]] {
    first = static_cast<uint8_t>(message_.header_count_);
  } else {
    first |= Message::kMore;
  }
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
