#include "sip/via.h"

#include "sip/chars.h"
#include "sip/number.h"
#include "sip/uri.h"

namespace sip {
namespace {

constexpr ParseError kBad = ParseError::kBadVia;

Transport LookUpTransport(std::string_view text) {
  if (EqualsIgnoreCase(text, "UDP")) return Transport::kUdp;
  if (EqualsIgnoreCase(text, "TCP")) return Transport::kTcp;
  if (EqualsIgnoreCase(text, "TLS")) return Transport::kTls;
  if (EqualsIgnoreCase(text, "SCTP")) return Transport::kSctp;
  return Transport::kOther;
}

// Cuts the token at the front of *text, and the blanks before it.
std::string_view CutToken(std::string_view* text) {
  const size_t begin = SkipBlanks(*text, 0);
  size_t end = begin;
  while (end < text->size() && Is((*text)[end], kTokenChar)) ++end;
  const std::string_view token = text->substr(begin, end - begin);
  text->remove_prefix(end);
  return token;
}

// Cuts `*LWS "/"` at the front of *text.
bool CutSlash(std::string_view* text) {
  const size_t slash = SkipBlanks(*text, 0);
  if (slash == text->size() || (*text)[slash] != '/') return false;
  text->remove_prefix(slash + 1);
  return true;
}

// Two of one kind could be read differently by the next hop: neither is believed.
ParseError DecodeParams(std::string_view params, Via* via) {
  ParamReader reader(params);
  for (Param param; reader.Next(&param);) {
    if (EqualsIgnoreCase(param.name, "branch")) {
      if (!via->branch.empty() || param.value.empty()) return kBad;
      via->branch = param.value;
    } else if (EqualsIgnoreCase(param.name, "received")) {
      if (!via->received.empty() || param.value.empty()) return kBad;
      via->received = param.value;
      if (param.value.front() == '[' && param.value.back() == ']') {
        via->received = param.value.substr(1, param.value.size() - 2);
      }
    } else if (EqualsIgnoreCase(param.name, "rport")) {
      if (via->has_rport) return kBad;
      via->has_rport = true;
      via->rport_text = param.text;
      if (param.value.empty()) continue;
      const std::optional<uint32_t> port = DecodeNumber(param.value, 65535);
      if (!port.has_value() || *port == 0) return kBad;
      via->rport = static_cast<uint16_t>(*port);
    }
  }
  return reader.ok() ? ParseError::kOk : kBad;
}

}  // namespace

// via-parm = "SIP" SLASH "2.0" SLASH transport LWS sent-by *( SEMI via-params )
ParseError DecodeVia(std::string_view text, Via* via) {
  *via = {};
  via->text = Trim(text);
  std::string_view rest = via->text;
  if (!EqualsIgnoreCase(CutToken(&rest), "SIP") || !CutSlash(&rest)) return kBad;
  if (CutToken(&rest) != "2.0" || !CutSlash(&rest)) return kBad;
  via->transport_text = CutToken(&rest);
  via->transport = LookUpTransport(via->transport_text);
  if (via->transport_text.empty() || rest.empty() || !Is(rest[0], kBlankChar)) return kBad;

  const size_t semicolon = rest.find(';');
  HostPort sent_by;
  if (!DecodeHostPort(Trim(rest.substr(0, semicolon)), &sent_by)) return kBad;
  via->host = sent_by.host;
  via->host_is_ipv6 = sent_by.is_ipv6;
  via->port = sent_by.port;
  if (semicolon == std::string_view::npos) return ParseError::kOk;
  via->params = rest.substr(semicolon);
  return DecodeParams(via->params, via);
}

ParseError DecodeTopVia(const Message& message, Via* via) {
  *via = {};
  const Header* const header = message.Find(HeaderId::kVia);
  if (header == nullptr) return ParseError::kMissingHeader;
  std::string_view rest;
  return DecodeVia(CutMember(message.Value(*header), &rest), via);
}

}  // namespace sip
