#include "tools/sip_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sip/address.h"
#include "sip/digest.h"
#include "sip/message.h"
#include "sip/number.h"
#include "sip/security.h"
#include "sip/uri.h"
#include "sip/via.h"
#include "tools/shown_text.h"
#include "tools/sip_explain.h"
#include "tools/sip_report_fields.h"
#include "tools/sip_stream.h"
#include "tools/sip_values.h"

namespace tools {
namespace {

using sip::Header;
using sip::HeaderId;
using sip::Message;
using sip::ParseError;

// Each line of one of these is a value of its own, and only the first is taken apart.
bool IsSingle(FieldKind kind) {
  return kind == FieldKind::kText || kind == FieldKind::kCSeq || kind == FieldKind::kAddress;
}

std::string_view SchemeName(const sip::Uri& uri) {
  return uri.text.substr(0, uri.text.find(':'));
}

// Takes one message apart.
class Reporter {
 public:
  Reporter(sip::PaddedView bytes, const ReportOptions& options)
      : bytes_(bytes), options_(options), shown_(bytes.bytes(), options.reveal_keys) {}

  Json Run();

 private:
  size_t PlaceInBytes(size_t offset) const;
  uint64_t LineOf(const TextPlace& place) const { return place.line + options_.first_line - 1; }
  void Judge();
  void SetError(std::string_view rule, std::string_view reason, size_t offset);
  void JudgeFault();
  void Note(std::string note) { notes_.push_back(std::move(note)); }
  void NoteLineEnds();
  void NoteBadValues();
  void NoteBroken(HeaderId id, ParseError error, std::string_view text);

  void AddStartLine();
  Json UriOf(std::string_view text);
  void AddField(const Field& field);
  Json Single(const Field& field, std::string_view value);
  Json AddressOf(HeaderId id, std::string_view text);
  Json Addresses(HeaderId id);
  Json Vias();
  Json Mechanisms(HeaderId id);
  Json MechanismOf(const sip::SecurityMechanism& mechanism);
  Json Digests(HeaderId id);
  void AddOtherHeaders();
  void AddBody();

  Json Broken(HeaderId id, ParseError error, std::string_view text) {
    NoteBroken(id, error, text);
    return {{"text", shown_.Of(text)}, {"error", sip::Name(error)}};
  }
  void Put(Json* json, const char* key, std::string_view value) {
    if (!value.empty()) (*json)[key] = shown_.Of(value);
  }

  sip::PaddedView bytes_;
  const ReportOptions& options_;
  ShownText shown_;
  std::unique_ptr<Message> message_ = std::make_unique<Message>();
  ParseError parse_error_ = ParseError::kOk;
  Json json_;
  Json notes_ = Json::array();
};

Json Reporter::Run() {
  parse_error_ = sip::Parse(bytes_, message_.get());
  json_["size"] = bytes_.size();
  json_["start_line"] = shown_.Of(message_->start_line());
  json_["verdict"] = "valid";
  Judge();
  json_["notes"] = nullptr;  // Its place; it is known last.
  AddStartLine();
  for (const Field& field : ReportFields()) AddField(field);
  AddOtherHeaders();
  AddBody();
  NoteBadValues();
  NoteLineEnds();
  if (notes_.empty()) {
    json_.erase("notes");
  } else {
    json_["notes"] = notes_;
  }
  return std::move(json_);
}

// The message begins behind the blank lines that Parse() skips.
size_t Reporter::PlaceInBytes(size_t offset) const {
  const std::string_view whole = bytes_.bytes();
  const char* const begin = message_->bytes().data();
  const size_t skipped = begin == nullptr ? 0 : static_cast<size_t>(begin - whole.data());
  return std::min(skipped + offset, whole.size());
}

void Reporter::Judge() {
  if (options_.is_incomplete) {
    json_["verdict"] = "incomplete";
    return;
  }
  uint16_t offset = message_->error_offset();
  ParseError error = parse_error_;
  if (error == ParseError::kOk) error = sip::Validate(*message_, &offset);
  if (options_.fault != sip::FrameError::kOk) {
    JudgeFault();
  } else if (error != ParseError::kOk) {
    SetError(sip::Name(error), Explain(error), PlaceInBytes(offset));
    // The status line itself may be what is broken: nothing is answered then.
    if (message_->is_request() && error != ParseError::kEmpty) {
      json_["error"]["status"] = sip::StatusFor(error);
    }
  }
}

void Reporter::SetError(std::string_view rule, std::string_view reason, size_t offset) {
  const TextPlace place = shown_.PlaceOf(offset);
  json_["verdict"] = "invalid";
  json_["error"] = {{"rule", rule},           {"reason", reason},   {"line", LineOf(place)},
                    {"column", place.column}, {"text", place.text}, {"caret", place.caret}};
}

// At the last Content-Length, or where one should stand.
void Reporter::JudgeFault() {
  size_t offset = message_->headers_end();
  for (const Header& header : message_->headers()) {
    if (header.id == HeaderId::kContentLength) offset = header.value.begin;
  }
  SetError(sip::Name(options_.fault), Explain(options_.fault), PlaceInBytes(offset));
}

void Reporter::NoteLineEnds() {
  const std::string_view whole = bytes_.bytes();
  const std::string_view head = whole.substr(0, PlaceInBytes(message_->body_begin()));
  size_t bare = 0;
  for (size_t at = head.find('\n'); at != head.npos; at = head.find('\n', at + 1)) {
    if (at == 0 || head[at - 1] != '\r') ++bare;
  }
  if (bare > 0) Note(fmt::format("{} lines end with LF alone, not CR LF (RFC 3261 7)", bare));
  const size_t end = PlaceInBytes(message_->bytes().size());
  if (!message_->bytes().empty() && end < whole.size()) {
    Note(fmt::format("{} bytes behind the body are ignored (RFC 3261 18.3){}", whole.size() - end,
                     LooksLikeSip(whole.substr(end)) ? "; a message begins there" : ""));
  }
}

void Reporter::NoteBadValues() {
  for (const ValueCheck& check : ValueChecks()) {
    if (check.is_list) {
      sip::ListReader reader(*message_, check.id);
      for (sip::ListMember member; reader.Next(&member);) {
        const ParseError error = check.check(member.text);
        if (error != ParseError::kOk) NoteBroken(check.id, error, member.text);
      }
      continue;
    }
    for (const Header* header = message_->Find(check.id); header != nullptr;
         header = message_->FindNext(header)) {
      const ParseError error = check.check(message_->Value(*header));
      if (error != ParseError::kOk) NoteBroken(check.id, error, message_->Value(*header));
    }
  }
}

void Reporter::NoteBroken(HeaderId id, ParseError error, std::string_view text) {
  const size_t offset = text.empty() ? 0 : message_->SpanOf(text).begin;
  const TextPlace place = shown_.PlaceOf(PlaceInBytes(offset));
  const auto told = json_.find("error");
  if (told != json_.end() && (*told)["line"] == LineOf(place) &&
      (*told)["column"] == place.column) {
    return;  // The verdict says so.
  }
  Note(fmt::format("{} in {}, line {}, column {}: {}", sip::Name(error), sip::Name(id),
                   LineOf(place), place.column, Explain(error)));
}

void Reporter::AddStartLine() {
  if (message_->is_request()) {
    Put(&json_, "method", message_->method_text());
    if (!message_->request_uri().empty()) json_["request_uri"] = UriOf(message_->request_uri());
    return;
  }
  if (message_->status() != Message::kStatusBad) json_["status"] = message_->status();
  Put(&json_, "reason", message_->reason());
}

Json Reporter::UriOf(std::string_view text) {
  Json json = {{"text", shown_.Of(text)}};
  sip::Uri uri;
  const ParseError error = sip::DecodeUri(text, &uri);
  if (error != ParseError::kOk) {
    json["error"] = sip::Name(error);
    return json;
  }
  Put(&json, "scheme", SchemeName(uri));
  Put(&json, "user", uri.user);
  Put(&json, "password", uri.password);
  Put(&json, "host", uri.host);
  if (uri.port != 0) json["port"] = uri.port;
  Put(&json, "params", uri.params);
  Put(&json, "headers", uri.headers);
  return json;
}

void Reporter::AddField(const Field& field) {
  const Header* const header = message_->Find(field.id);
  if (header == nullptr) return;
  Json& json = json_[KeyOf(field.id)];
  switch (field.kind) {
    case FieldKind::kText:
    case FieldKind::kCSeq:
    case FieldKind::kAddress:
      json = Single(field, message_->Value(*header));
      return;
    case FieldKind::kAddresses:
      json = Addresses(field.id);
      return;
    case FieldKind::kVias:
      json = Vias();
      return;
    case FieldKind::kMechanisms:
      json = Mechanisms(field.id);
      return;
    case FieldKind::kDigests:
      json = Digests(field.id);
      return;
  }
}

Json Reporter::Single(const Field& field, std::string_view value) {
  if (field.kind == FieldKind::kText) return shown_.Of(value);
  if (field.kind == FieldKind::kAddress) return AddressOf(field.id, value);
  sip::CSeq cseq;
  const ParseError error = sip::DecodeCSeq(value, &cseq);
  if (error != ParseError::kOk) return Broken(field.id, error, value);
  return {{"number", cseq.number}, {"method", shown_.Of(cseq.method_text)}};
}

Json Reporter::AddressOf(HeaderId id, std::string_view text) {
  sip::Address address;
  const ParseError error = sip::DecodeAddress(text, &address);
  if (error != ParseError::kOk) return Broken(id, error, text);
  Json json;
  Put(&json, "display", address.display);
  Put(&json, "uri", address.uri);
  const std::optional<sip::Param> tag = sip::FindParam(address.params, "tag");
  if (tag.has_value()) Put(&json, "tag", tag->value);
  Put(&json, "params", address.params);
  Put(&json, "text", text);
  return json;
}

Json Reporter::Addresses(HeaderId id) {
  Json list = Json::array();
  sip::ListReader reader(*message_, id);
  for (sip::ListMember member; reader.Next(&member);) list.push_back(AddressOf(id, member.text));
  return list;
}

Json Reporter::Vias() {
  Json list = Json::array();
  sip::ListReader reader(*message_, HeaderId::kVia);
  for (sip::ListMember member; reader.Next(&member);) {
    sip::Via via;
    const ParseError error = sip::DecodeVia(member.text, &via);
    if (error != ParseError::kOk) {
      list.push_back(Broken(HeaderId::kVia, error, member.text));
      continue;
    }
    Json& json = list.emplace_back(Json::object());
    Put(&json, "transport", via.transport_text);
    Put(&json, "host", via.host);
    if (via.port != 0) json["port"] = via.port;
    Put(&json, "branch", via.branch);
    Put(&json, "received", via.received);
    if (via.has_rport) json["rport"] = via.rport == 0 ? Json(true) : Json(via.rport);
    Put(&json, "params", via.params);
    Put(&json, "text", via.text);
  }
  return list;
}

Json Reporter::Mechanisms(HeaderId id) {
  const std::unique_ptr<sip::SecurityList> list = std::make_unique<sip::SecurityList>();
  const ParseError error = sip::DecodeSecurity(*message_, id, list.get());
  Json json = Json::array();
  if (error != ParseError::kOk) {
    const Header* header = message_->Find(id);
    json.push_back(Broken(id, error, message_->Value(*header)));
    while ((header = message_->FindNext(header)) != nullptr) {
      json.push_back({{"text", shown_.Of(message_->Value(*header))}, {"error", sip::Name(error)}});
    }
    return json;
  }
  bool is_usable = list->empty();
  for (const sip::SecurityMechanism& mechanism : list->mechanisms()) {
    json.push_back(MechanismOf(mechanism));
    is_usable = is_usable || mechanism.fault == sip::MechanismFault::kNone;
  }
  if (!is_usable) Note(fmt::format("no mechanism of {} can be used", sip::Name(id)));
  return json;
}

// Values as they stand: what is unknown or out of range is what people look for.
Json Reporter::MechanismOf(const sip::SecurityMechanism& mechanism) {
  const size_t semicolon = std::min(mechanism.text.find(';'), mechanism.text.size());
  const std::string_view params = mechanism.text.substr(semicolon);
  Json json;
  Put(&json, "mechanism", sip::Trim(mechanism.text.substr(0, semicolon)));
  for (const char* name :
       {"alg", "ealg", "prot", "mod", "spi-c", "spi-s", "port-c", "port-s", "q"}) {
    const std::optional<sip::Param> param = sip::FindParam(params, name);
    if (param.has_value()) json[name] = shown_.Of(param->value);
  }
  json["fault"] = sip::Name(mechanism.fault);
  const std::string_view why = Explain(mechanism.fault);
  if (!why.empty()) json["why"] = why;
  Put(&json, "text", mechanism.text);
  return json;
}

Json Reporter::Digests(HeaderId id) {
  Json list = Json::array();
  for (const Header* header = message_->Find(id); header != nullptr;
       header = message_->FindNext(header)) {
    const std::string_view value = message_->Value(*header);
    sip::Digest digest;
    const ParseError error = sip::DecodeDigest(value, &digest);
    if (error != ParseError::kOk) {
      list.push_back(Broken(id, error, value));
      continue;
    }
    Json& json = list.emplace_back(Json::object());
    Put(&json, "scheme", digest.scheme);
    Json params = Json::array();
    sip::ParamReader reader(digest.params, ',');
    for (sip::Param param; reader.Next(&param);) {
      params.push_back({{"name", shown_.Of(param.name)}, {"value", shown_.Of(param.value)}});
    }
    if (reader.ok()) json["params"] = std::move(params);  // Another scheme may have no such list.
    Put(&json, "text", value);
  }
  return list;
}

void Reporter::AddOtherHeaders() {
  const std::span<const Field> fields = ReportFields();
  Json list = Json::array();
  for (const Header& header : message_->headers()) {
    const bool is_first = message_->Find(header.id) == &header;
    const bool is_shown = std::any_of(fields.begin(), fields.end(), [&](const Field& field) {
      return field.id == header.id && (is_first || !IsSingle(field.kind));
    });
    if (is_shown) continue;
    list.push_back({{"name", shown_.Of(message_->Text(header.name))},
                    {"value", shown_.Of(message_->Value(header))}});
  }
  if (!list.empty()) json_["headers"] = std::move(list);
}

void Reporter::AddBody() {
  Json body = {{"size", message_->body().size()}};
  Put(&body, "type", message_->Value(HeaderId::kContentType));
  json_["body"] = std::move(body);
}

}  // namespace

Json ReportOn(sip::PaddedView bytes, const ReportOptions& options) {
  return Reporter(bytes, options).Run();
}

}  // namespace tools
