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

ParseError CheckPresence(const Message& message) {
  for (const HeaderId id : kMandatory) {
    if (message.Value(id).empty()) return ParseError::kMissingHeader;
  }
  for (const HeaderId id : kOnce) {
    const Header* const header = message.Find(id);
    if (header != nullptr && message.FindNext(header) != nullptr) {
      return ParseError::kRepeatedHeader;
    }
  }
  return ParseError::kOk;
}

// Headers in a Request-URI are for documents, never for the wire (RFC 3261 19.1.1; RFC 4475
// 3.1.2.11).
ParseError CheckRequestUri(const Message& message) {
  Uri uri;
  const ParseError error = DecodeUri(message.request_uri(), &uri);
  if (error != ParseError::kOk) return error;
  return uri.headers.empty() ? ParseError::kOk : ParseError::kBadRequestUri;
}

ParseError CheckCSeq(const Message& message) {
  CSeq cseq;
  const ParseError error = DecodeCSeq(message.Value(HeaderId::kCSeq), &cseq);
  if (error != ParseError::kOk || !message.is_request()) return error;
  return cseq.method_text == message.method_text() ? ParseError::kOk : ParseError::kMethodMismatch;
}

// A registration stands or falls with its contacts, so a proxy that will use them reads all.
ParseError CheckContacts(const Message& message) {
  ListReader contacts(message, HeaderId::kContact);
  for (ListMember contact; contacts.Next(&contact);) {
    Address address;
    const ParseError error = DecodeAddress(contact.text, &address);
    if (error != ParseError::kOk) return error;
  }
  return ParseError::kOk;
}

}  // namespace

ParseError Validate(const Message& message) {
  ParseError error = CheckPresence(message);
  if (error != ParseError::kOk) return error;

  Via via;
  error = DecodeTopVia(message, &via);
  if (error != ParseError::kOk) return error;
  error = CheckCSeq(message);
  if (error != ParseError::kOk) return error;
  for (const HeaderId id : {HeaderId::kFrom, HeaderId::kTo}) {
    Address address;
    error = DecodeAddress(message.Value(id), &address);
    if (error != ParseError::kOk) return error;
    if (address.uri == "*") return ParseError::kBadAddress;  // Only Contact may be that.
  }
  const Header* const max_forwards = message.Find(HeaderId::kMaxForwards);
  if (max_forwards != nullptr && !DecodeNumber(message.Value(*max_forwards), 255).has_value()) {
    return ParseError::kBadMaxForwards;
  }
  if (!message.is_request()) return ParseError::kOk;
  error = CheckRequestUri(message);
  if (error != ParseError::kOk) return error;
  return message.method() == Method::kRegister ? CheckContacts(message) : ParseError::kOk;
}

}  // namespace sip
