// One SIP message as it lies in the receive buffer: start line and header lines found, nothing
// copied, no value decoded.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/error.h"
#include "sip/header_id.h"
#include "sip/span.h"

namespace sip {

enum class Method : uint8_t {
  kOther,
  kAck,
  kBye,
  kCancel,
  kInfo,
  kInvite,
  kMessage,
  kNotify,
  kOptions,
  kPrack,
  kPublish,
  kRefer,
  kRegister,
  kSubscribe,
  kUpdate,
};

// Methods are case-sensitive (RFC 3261 7.1).
Method LookUpMethod(std::string_view text);
// "INVITE"; "" for kOther.
std::string_view Name(Method method);

// One header line, folds included.
//
//   Security-Client :  ipsec-3gpp;alg=null,\r\n
//                      ipsec-3gpp;alg=x   \r\n
//   ^name                ^value           ^value.end()
//   ^line.begin                               line.end()^
struct alignas(16) Header {  // Aligned so that the n-th is found by a shift.
  HeaderId id = HeaderId::kOther;
  Span name;
  Span value;  // Without the white space around it; folds stay inside.
  Span line;   // With its line end: what to cut to remove the header.
};

// Owns nothing: valid while the bytes are, trivially copyable. Offsets stay right for a copy of the
// bytes (Rebase()).
class Message {
 public:
  static constexpr int kHeadersMax = 96;
  static constexpr uint16_t kStatusBad = 999;

  bool is_request() const { return status_ == 0; }
  Method method() const { return method_; }  // Of a request.
  std::string_view method_text() const { return Text(method_text_); }
  PaddedView request_uri() const { return Text(request_uri_); }
  // Of a response; 0 for a request, kStatusBad for a status line that Parse() refused.
  int status() const { return status_; }
  std::string_view reason() const { return Text(reason_); }

  // The whole start line without its line end.
  std::string_view start_line() const { return Text(start_line_); }
  // Where the first header line begins.
  uint16_t headers_begin() const { return headers_begin_; }
  // Where the empty line begins: header lines are appended here.
  uint16_t headers_end() const { return headers_end_; }

  std::span<const Header> headers() const { return {headers_.data(), header_count_}; }
  // First of that name, or null.
  const Header* Find(HeaderId id) const;
  // Next of the same name after `header`, or null.
  const Header* FindNext(const Header* header) const;
  bool Has(HeaderId id) const { return Find(id) != nullptr; }
  // The value of the first of that name, or "".
  PaddedView Value(HeaderId id) const;

  // The message without what lies beyond Content-Length.
  PaddedView bytes() const { return bytes_; }
  std::string_view body() const { return bytes_.substr(body_begin_); }
  uint16_t body_begin() const { return body_begin_; }
  PaddedView Text(Span span) const { return bytes_.Part(span.begin, span.size); }
  PaddedView Value(const Header& header) const { return Text(header.value); }
  // Where a piece that lies in this message begins. REQUIRES: piece lies inside bytes().
  Span SpanOf(std::string_view piece) const;

  // Where in bytes() that begins what Parse() refused; 0 when it refused nothing.
  uint16_t error_offset() const { return error_offset_; }

  // The same offsets over a copy of the same bytes.
  void Rebase(PaddedView bytes) { bytes_ = bytes.Part(0, bytes_.size()); }

 private:
  friend ParseError Parse(PaddedView, Message*);
  friend class MessageParser;

  PaddedView bytes_;
  Method method_ = Method::kOther;
  uint16_t status_ = 0;
  uint16_t error_offset_ = 0;
  uint16_t header_count_ = 0;
  uint16_t headers_begin_ = 0;
  uint16_t headers_end_ = 0;
  uint16_t body_begin_ = 0;
  Span start_line_, method_text_, request_uri_, reason_;
  // By id, 1 + the index of its first header, and kMore when there are others; 0: none.
  static constexpr uint8_t kMore = 0x80;
  static_assert(kHeadersMax < kMore);
  std::array<uint8_t, kHeaderIdCount> first_of_{};
  std::array<Header, kHeadersMax> headers_;  // [0, header_count_) are set.
};

// Parses one datagram (RFC 3261 18.3): bytes beyond Content-Length are dropped, a body shorter
// than it is kTruncatedBody; without Content-Length the body is the rest. Leading CR LF are skipped
// (RFC 3261 7.5). Header values are not looked at, but for Content-Length. On an error *message
// holds what was read until then: enough to answer 400 when Via, From, To, Call-ID and CSeq are
// there.
[[nodiscard]] ParseError Parse(PaddedView bytes, Message* message);

// What a proxy checks of a message before it believes it (RFC 3261 16.3, 8.1.1; verdicts of RFC
// 4475): mandatory headers once each, CSeq and its method, top Via, From and To, Max-Forwards when
// present, Request-URI syntax and scheme, the Contacts of a REGISTER. Reads values; the rest of the
// message stays opaque. A From without tag and a Via without branch pass (RFC 2543 peers).
// *error_offset gets where in bytes() the header value, list member or URI begins that is refused;
// for a header that is missing, where the headers end.
[[nodiscard]] ParseError Validate(const Message& message, uint16_t* error_offset = nullptr);

}  // namespace sip
