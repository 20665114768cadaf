#include "sip/via.h"

#include <algorithm>

#include "sip/chars.h"
#include "sip/marks.h"
#include "sip/number.h"
#include "sip/uri.h"
#include "sip/value.h"

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

// Cuts `*LWS "/"` at the front of *text.
bool CutSlash(std::string_view* text) {
  const size_t slash = SkipBlanks(*text, 0);
  if (slash == text->size() || (*text)[slash] != '/') return false;
  text->remove_prefix(slash + 1);
  return true;
}

bool StoreRport(const Param& param, Via* via) {
  if (via->has_rport) return false;
  via->has_rport = true;
  via->rport_text = param.text;
  if (param.value.empty()) return true;
  const std::optional<uint32_t> port = DecodeNumber(param.value, 65535);
  if (!port.has_value() || *port == 0) return false;
  via->rport = static_cast<uint16_t>(*port);
  return true;
}

// Two of one kind could be read differently by the next hop: neither is believed.
ParseError DecodeParams(LentText params, Via* via) {
  via->params = params.view();
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
      if (!StoreRport(param, via)) return kBad;
    }
  }
  return reader.ok() ? ParseError::kOk : kBad;
}

ParseError DecodeSentBy(std::string_view text, Via* via) {
  HostPort sent_by;
  if (!DecodeHostPort(text, &sent_by)) return kBad;
  via->host = sent_by.host;
  via->host_is_ipv6 = sent_by.is_ipv6;
  via->port = sent_by.port;
  return ParseError::kOk;
}

ParseError DecodeOdd(std::string_view text, Via* via) {
  std::string_view rest = via->text = Trim(text);
  if (!EqualsIgnoreCase(CutToken(&rest), "SIP") || !CutSlash(&rest)) return kBad;
  if (CutToken(&rest) != "2.0" || !CutSlash(&rest)) return kBad;
  via->transport_text = CutToken(&rest);
  via->transport = LookUpTransport(via->transport_text);
  if (via->transport_text.empty() || rest.empty() || !Is(rest[0], kBlankChar)) return kBad;
  const size_t semicolon = std::min(rest.find(';'), rest.size());
  const ParseError error = DecodeSentBy(Trim(rest.substr(0, semicolon)), via);
  return error == ParseError::kOk ? DecodeParams(rest.substr(semicolon), via) : error;
}

}  // namespace

// via-parm = "SIP" SLASH "2.0" SLASH transport LWS sent-by *( SEMI via-params ); nearly always
// without a blank but the one before sent-by.
ParseError DecodeVia(LentText text, Via* via) {
  *via = {};
  constexpr std::string_view kProtocol = "SIP/2.0/";
  const std::string_view view = text.view();
  Marks marks(text);
  const size_t blank = marks.Next();
  if (!view.starts_with(kProtocol) || blank >= view.size() - 1 || view[blank] != ' ') {
    return DecodeOdd(view, via);
  }
  marks.Step();
  const size_t end = marks.Next();
  via->transport_text = view.substr(kProtocol.size(), blank - kProtocol.size());
  via->transport = LookUpTransport(via->transport_text);
  if (via->transport == Transport::kOther || (end < view.size() && view[end] != ';')) {
    *via = {};
    return DecodeOdd(view, via);
  }
  via->text = view;
  const ParseError error = DecodeSentBy(view.substr(blank + 1, end - blank - 1), via);
  return error == ParseError::kOk ? DecodeParams(text.Part(end, view.size()), via) : error;
}

ParseError DecodeTopVia(const Message& message, Via* via) {
  *via = {};
  const Header* const header = message.Find(HeaderId::kVia);
  if (header == nullptr) return ParseError::kMissingHeader;
  const PaddedView value = message.Value(*header);
  std::string_view rest;
  const std::string_view top = CutMember(value, &rest);
  return DecodeVia(PaddedView::Promise(top), via);
}

}  // namespace sip
