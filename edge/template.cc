#include "edge/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "edge/binding.h"
#include "xfrm/algorithm.h"

namespace edge {
namespace {

// In the order of Template::Variable, from kIk on.
constexpr std::array<std::string_view, 9> kFields = {"ik",    "ck",    "alg",    "ealg",  "ip",
                                                     "spi-c", "spi-s", "port-c", "port-s"};
constexpr std::array<std::string_view, 3> kOfMessage = {"rm", "rs", "ci"};  // From kMethod on.
constexpr std::string_view kAllowed =
    "allowed are $ipsec(field), $ipsec_ue(field), $rm, $rs, $ci and $$ for a $";

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void PutPrintable(std::string_view text, sip::Writer* writer) {
  char shown[kVariableSizeMax];
  const size_t size = std::min(text.size(), sizeof(shown));
  std::replace_copy_if(
      text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size), shown,
      [](char c) { return c <= ' ' || c > '~'; }, '?');
  writer->Put(size > 0 ? std::string_view(shown, size) : "-");
}

void PutKey(const xfrm::Key& key, sip::Writer* writer) {
  for (const uint8_t byte : key.bytes()) writer->PutHex(byte, 2);
}

void PutAddress(const reactor::Endpoint& endpoint, sip::Writer* writer) {
  char text[reactor::kEndpointTextMax];
  writer->Put({text, reactor::WriteAddress(endpoint, false, text)});
}

}  // namespace

bool Template::Parse(std::string_view text, Template* parsed, std::string* error) {
  *parsed = {};
  if (text.size() > kTemplateSizeMax) {
    *error = fmt::format("it has {} bytes: at most {}", text.size(), kTemplateSizeMax);
    return false;
  }
  Template result;
  while (!text.empty()) {
    Piece piece;
    const size_t literal = std::min(text.find('$'), text.size());
    if (literal > 0) {
      piece.text = text.substr(0, literal);
      text.remove_prefix(literal);
    } else if (!ParseVariable(&text, &piece, error)) {
      return false;
    }
    if (result.pieces_.size() == kTemplatePiecesMax) {
      *error = fmt::format("more than {} variables and texts between them", kTemplatePiecesMax);
      return false;
    }
    const bool is_key = piece.variable == Variable::kIk || piece.variable == Variable::kCk;
    result.reveals_keys_ = result.reveals_keys_ || is_key;
    result.pieces_.push_back(std::move(piece));
  }
  *parsed = std::move(result);
  return true;
}

// REQUIRES: *rest begins with '$'; what is read of it goes.
bool Template::ParseVariable(std::string_view* rest, Piece* piece, std::string* error) {
  std::string_view text = rest->substr(1);
  if (text.starts_with('$')) {
    piece->text = "$";
    rest->remove_prefix(2);
    return true;
  }
  const auto word_end = std::find_if_not(text.begin(), text.end(), IsWord);
  const auto size = static_cast<size_t>(word_end - text.begin());
  const std::string_view name = text.substr(0, size);
  text.remove_prefix(size);
  const auto of_message = std::find(kOfMessage.begin(), kOfMessage.end(), name);
  if (of_message != kOfMessage.end()) {
    piece->variable = static_cast<Variable>(static_cast<long>(Variable::kMethod) +
                                            (of_message - kOfMessage.begin()));
    *rest = text;
    return true;
  }
  const size_t close = text.find(')');
  const bool is_tunnel = name == "ipsec" || name == "ipsec_ue";
  if (!is_tunnel || !text.starts_with('(') || close == text.npos) {
    *error = fmt::format("${} is no variable: {}", name, kAllowed);
    return false;
  }
  const std::string_view field = text.substr(1, close - 1);
  const auto found = std::find(kFields.begin(), kFields.end(), field);
  if (found == kFields.end()) {
    *error = fmt::format("${}({}): the fields are {}", name, field, fmt::join(kFields, ", "));
    return false;
  }
  piece->is_ue = name == "ipsec_ue";
  piece->variable =
      static_cast<Variable>(static_cast<long>(Variable::kIk) + (found - kFields.begin()));
  *rest = text.substr(close + 1);
  return true;
}

size_t Template::size_max() const {
  size_t size = 0;
  for (const Piece& piece : pieces_) {
    const bool is_text = piece.variable == Variable::kText;
    size += is_text ? piece.text.size() : kVariableSizeMax;
  }
  return size;
}

std::string_view Template::Expand(const SaSet& set, const sip::Message& message,
                                  std::span<char> out) const {
  sip::Writer writer(out);
  for (const Piece& piece : pieces_) Put(piece, set, message, &writer);
  return writer.text();
}

void Template::Put(const Piece& piece, const SaSet& set, const sip::Message& message,
                   sip::Writer* writer) {
  const Agreement& a = set.agreement;
  const auto either = [&](auto ours, auto of_ue) { return piece.is_ue ? of_ue : ours; };
  switch (piece.variable) {
    case Variable::kText:
      writer->Put(piece.text);
      return;
    case Variable::kIk:  // Both ends have the same keys and algorithms.
      return PutKey(set.ik, writer);
    case Variable::kCk:
      return PutKey(set.ck, writer);
    case Variable::kAlg:
      writer->Put(xfrm::Name(a.algorithms.integrity));
      return;
    case Variable::kEalg:
      writer->Put(xfrm::Name(a.algorithms.encryption));
      return;
    case Variable::kIp:
      return PutAddress(either(a.pcscf, a.ue), writer);
    case Variable::kSpiC:
      writer->PutNumber(either(a.spis.client, a.spi_uc));
      return;
    case Variable::kSpiS:
      writer->PutNumber(either(a.spis.server, a.spi_us));
      return;
    case Variable::kPortC:
      writer->PutNumber(either(a.port_pc, a.port_uc));
      return;
    case Variable::kPortS:
      writer->PutNumber(either(a.port_ps, a.port_us));
      return;
    case Variable::kMethod:
      return PutPrintable(message.is_request() ? message.method_text() : "", writer);
    case Variable::kStatus:
      if (message.is_request()) return PutPrintable("", writer);
      writer->PutNumber(static_cast<uint64_t>(message.status()));
      return;
    case Variable::kCallId:
      return PutPrintable(message.Value(sip::HeaderId::kCallId), writer);
  }
}

}  // namespace edge
