#include "tools/ue_text.h"

namespace tools {
namespace {

constexpr std::string_view kContactFeatures =
    ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\";+g.3gpp.smsip";
constexpr std::string_view kAllow =
    "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, MESSAGE, REFER, NOTIFY, INFO, OPTIONS\r\n";
constexpr std::string_view kUserAgent = "User-Agent: gmue\r\n";
constexpr std::string_view kAccessNetwork =
    "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=0010100010019C01\r\n";
constexpr std::string_view kRequireAgreement = "Require: sec-agree\r\nProxy-Require: sec-agree\r\n";

void WriteHead(const RequestHead& head, sip::Writer* writer) {
  writer->Put(head.method).Put(" ").Put(head.uri).Put(" SIP/2.0\r\n");
  const std::string_view protocol = head.over_tcp ? "SIP/2.0/TCP " : "SIP/2.0/UDP ";
  writer->Line("Via", {protocol, head.sent_by, ";branch=", head.branch});
  writer->Line("Max-Forwards", {"70"});
  writer->Line("From", {"<sip:", head.imsi, "@", head.realm, ">;tag=", head.from_tag});
  writer->Line("To", {head.to});
  writer->Line("Call-ID", {head.call_id});
  writer->Put("CSeq: ").PutNumber(head.cseq).Put(" ").Put(head.method).Put("\r\n");
}

void WriteContact(const RequestHead& head, std::string_view features, sip::Writer* writer) {
  writer->Line("Contact", {"<sip:", head.imsi, "@", head.sent_by, ">", features});
}

void WriteEnd(std::string_view body, sip::Writer* writer) {
  writer->Put("Content-Length: ").PutNumber(body.size()).Put("\r\n\r\n").Put(body);
}

}  // namespace

void WriteRegister(const RequestHead& head, const RegisterParts& parts, sip::Writer* writer) {
  WriteHead(head, writer);
  WriteContact(head, kContactFeatures, writer);
  writer->Line("Authorization", {parts.authorization});
  writer->Put("Expires: ").PutNumber(parts.expires_s).Put("\r\n");
  if (!parts.agreement.client.empty()) {
    writer->Put(kRequireAgreement);
    writer->Line("Supported", {"path, sec-agree"});
    writer->Line("Security-Client", {parts.agreement.client});
    writer->Put(parts.agreement.verify_lines);
  } else {
    writer->Line("Supported", {"path"});
  }
  writer->Put(parts.extra).Put(kAccessNetwork).Put(kAllow).Put(kUserAgent);
  WriteEnd("", writer);
}

void WriteRequest(const RequestHead& head, const RequestParts& parts, sip::Writer* writer) {
  WriteHead(head, writer);
  if (!parts.route.empty()) writer->Line("Route", {parts.route});
  if (parts.identify) {
    WriteContact(head, "", writer);
    writer->Line("P-Preferred-Identity", {"<sip:", head.imsi, "@", head.realm, ">"});
  }
  if (!parts.agreement.verify_lines.empty()) {
    writer->Put(kRequireAgreement).Put(parts.agreement.verify_lines);
  }
  writer->Put(kAccessNetwork).Put(kUserAgent);
  if (!parts.body.empty()) writer->Line("Content-Type", {parts.content_type});
  WriteEnd(parts.body, writer);
}

std::string_view WriteSdp(std::string_view address, bool is_ipv6, std::span<char> out) {
  const std::string_view family = is_ipv6 ? "IP6 " : "IP4 ";
  sip::Writer writer(out);
  writer.Put("v=0\r\no=- 1 1 IN ").Put(family).Put(address);
  writer.Put("\r\ns=-\r\nc=IN ").Put(family).Put(address);
  writer.Put("\r\nt=0 0\r\nm=audio 50010 RTP/AVP 97 101\r\na=rtpmap:97 AMR-WB/16000/1\r\n");
  writer.Put("a=rtpmap:101 telephone-event/16000\r\na=sendrecv\r\n");
  return writer.text();
}

}  // namespace tools
