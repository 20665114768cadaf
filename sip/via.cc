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
  return DecodePort(param.value, &via->rport);
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

ParseError DecodeSentBy(LentText text, Via* via) {
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

// Stores what of a plain parameter is wanted. False when it needs the closer look of DecodeOdd(),
// also to be refused.
bool StorePlain(const char* text, const PlainParam& param, Via* via) {
  const std::string_view value(text + param.value, param.value_end - param.value);
  switch (LoadFoldedWord(text + param.name, param.name_end - param.name)) {
    case FoldedWord("branch"):
      if (!via->branch.empty() || value.empty()) return false;
      via->branch = value;
      return true;
    case FoldedWord("received"):
      if (param.name_end - param.name != 8) return true;
      if (!via->received.empty() || value.empty() || value[0] == '[') return false;
      via->received = value;
      return true;
    case FoldedWord("rport"):
      if (via->has_rport || (param.has_value() && !DecodePort(value, &via->rport))) return false;
      via->has_rport = true;
      via->rport_text = {text + param.name, param.end - param.name};
      return true;
    default:
      return true;
  }
}

// via-parm = "SIP" SLASH "2.0" SLASH transport LWS sent-by *( SEMI via-params ) without a blank but
// the one before sent-by. *end gets where it ends: at a comma, or with the text. False for anything
// else, and *via is anyhow then.
bool DecodePlain(PaddedView text, Via* via, size_t* end) {
  constexpr std::string_view kProtocol = "SIP/2.0/";
  if (!text.starts_with(kProtocol)) return false;
  const char* const chars = text.data();
  Marks marks(text);
  const size_t blank = marks.Next();
  if (blank == text.size() || chars[blank] != ' ') return false;
  marks.Step();
  via->transport_text = {chars + kProtocol.size(), blank - kProtocol.size()};
  via->transport = LookUpTransport(via->transport_text);
  size_t at = marks.Next();
  if (via->transport == Transport::kOther ||
      DecodeSentBy(text.Part(blank + 1, at - blank - 1), via) != ParseError::kOk) {
    return false;
  }
  const size_t params = at;
  while (at < text.size() && chars[at] == ';') {
    PlainParam param;
    marks.Step();
    if (!ReadPlainParam(chars, text.size(), at + 1, true, &marks, &param)) return false;
    if (!StorePlain(chars, param, via)) return false;
    at = param.end;
  }
  if (at < text.size() && chars[at] != ',') return false;
  via->params = {chars + params, at - params};
  via->text = {chars, at};
  *end = at;
  return true;
}

}  // namespace

ParseError DecodeVia(LentText text, Via* via) {
  *via = {};
  if (text.padded()) {
    size_t end = 0;
    const bool plain = DecodePlain(PaddedView::Promise(text.view()), via, &end);
    if (plain && end == text.size()) return ParseError::kOk;
    *via = {};
  }
  return DecodeOdd(text.view(), via);
}

ParseError DecodeTopVia(const Message& message, Via* via) {
  *via = {};
  const Header* const header = message.Find(HeaderId::kVia);
  if (header == nullptr) return ParseError::kMissingHeader;
  const PaddedView value = message.Value(*header);
  size_t end;
  if (DecodePlain(value, via, &end)) return ParseError::kOk;
  *via = {};
  std::string_view rest;
  return DecodeOdd(CutMember(value, &rest), via);
}

}  // namespace sip
