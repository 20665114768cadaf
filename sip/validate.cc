// What a proxy checks of a message before it believes it: Validate() of message.h.
#include <array>

#include "sip/address.h"
#include "sip/list.h"
#include "sip/message.h"
#include "sip/number.h"
#include "sip/uri.h"
#include "sip/via.h"

namespace sip {
namespace {

constexpr std::array kMandatory = {HeaderId::kVia, HeaderId::kFrom, HeaderId::kTo,
                                   HeaderId::kCallId, HeaderId::kCSeq};

// Two of one of these, and two readers may believe different ones (RFC 4475 3.3.8).
constexpr std::array kOnce = {HeaderId::kFrom,          HeaderId::kTo,          HeaderId::kCallId,
                              HeaderId::kCSeq,          HeaderId::kMaxForwards, HeaderId::kExpires,
                              HeaderId::kContentLength, HeaderId::kContentType};

// One walk over what a proxy checks; the first thing that is wrong ends it.
class Validator {
 public:
  explicit Validator(const Message& message) : message_(message) {}

  ParseError Run();
  uint16_t error_offset() const { return error_offset_; }

 private:
  // Passes `error` on; when it is one, `piece` is where it stands.
  ParseError At(std::string_view piece, ParseError error) {
    if (error != ParseError::kOk) error_offset_ = message_.SpanOf(piece).begin;
    return error;
  }
  ParseError CheckPresence();
  ParseError CheckCSeq();
  ParseError CheckAddress(HeaderId id);
  ParseError CheckMaxForwards();
  ParseError CheckRequestUri();
  ParseError CheckContacts();

  const Message& message_;
  uint16_t error_offset_ = 0;
};

ParseError Validator::Run() {
  const PaddedView via_line = message_.Value(HeaderId::kVia);
  Via via;
  ParseError error = CheckPresence();
  if (error == ParseError::kOk) error = At(via_line, DecodeTopVia(message_, &via));
  if (error == ParseError::kOk) error = CheckCSeq();
  if (error == ParseError::kOk) error = CheckAddress(HeaderId::kFrom);
  if (error == ParseError::kOk) error = CheckAddress(HeaderId::kTo);
  if (error == ParseError::kOk) error = CheckMaxForwards();
  if (!message_.is_request()) return error;
  if (error == ParseError::kOk) error = CheckRequestUri();
  if (error == ParseError::kOk && message_.method() == Method::kRegister) error = CheckContacts();
  return error;
}

ParseError Validator::CheckPresence() {
  for (const HeaderId id : kMandatory) {
    const Header* const header = message_.Find(id);
    if (header != nullptr && !header->value.empty()) continue;
    error_offset_ = header == nullptr ? message_.headers_end() : header->value.begin;
    return ParseError::kMissingHeader;
  }
  for (const HeaderId id : kOnce) {
    const Header* const header = message_.Find(id);
    const Header* const second = header == nullptr ? nullptr : message_.FindNext(header);
    if (second == nullptr) continue;
    error_offset_ = second->line.begin;
    return ParseError::kRepeatedHeader;
  }
  return ParseError::kOk;
}

ParseError Validator::CheckCSeq() {
  const PaddedView value = message_.Value(HeaderId::kCSeq);
  CSeq cseq;
  const ParseError error = DecodeCSeq(value, &cseq);
  if (error != ParseError::kOk || !message_.is_request()) return At(value, error);
  if (cseq.method_text == message_.method_text()) return ParseError::kOk;
  return At(cseq.method_text, ParseError::kMethodMismatch);
}

ParseError Validator::CheckAddress(HeaderId id) {
  const PaddedView value = message_.Value(id);
  Address address;
  const ParseError error = DecodeAddress(value, &address);
  if (error == ParseError::kOk && address.uri == "*") {  // Only Contact may be that.
    return At(value, ParseError::kBadAddress);
  }
  return At(value, error);
}

ParseError Validator::CheckMaxForwards() {
  const Header* const header = message_.Find(HeaderId::kMaxForwards);
  if (header == nullptr) return ParseError::kOk;
  const PaddedView value = message_.Value(*header);
  const bool good = DecodeNumber(value, 255).has_value();
  return good ? ParseError::kOk : At(value, ParseError::kBadMaxForwards);
}

// Headers in a Request-URI are for documents, never for the wire (RFC 3261 19.1.1; RFC 4475
// 3.1.2.11).
ParseError Validator::CheckRequestUri() {
  Uri uri;
  const ParseError error = DecodeUri(message_.request_uri(), &uri);
  if (error != ParseError::kOk) return At(message_.request_uri(), error);
  return uri.headers.empty() ? ParseError::kOk : At(uri.headers, ParseError::kBadRequestUri);
}

// A registration stands or falls with its contacts, so a proxy that will use them reads all.
ParseError Validator::CheckContacts() {
  ListReader contacts(message_, HeaderId::kContact);
  for (ListMember contact; contacts.Next(&contact);) {
    Address address;
    const ParseError error = DecodeAddress(contact.text, &address);
    if (error != ParseError::kOk) return At(contact.text, error);
  }
  return ParseError::kOk;
}

}  // namespace

ParseError Validate(const Message& message, uint16_t* error_offset) {
  Validator validator(message);
  const ParseError error = validator.Run();
  if (error_offset != nullptr) *error_offset = validator.error_offset();
  return error;
}

}  // namespace sip
