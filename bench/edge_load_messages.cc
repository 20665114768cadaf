#include "bench/edge_load_messages.h"

#include <unistd.h>

#include <cassert>
#include <charconv>
#include <vector>

#include "sip/writer.h"

namespace bench {
namespace {

constexpr std::string_view kRealm = "ims.mnc001.mcc001.3gppnetwork.org";
constexpr std::string_view kFeatures =
    ";+sip.instance=\"<urn:gsma:imei:90420156-025763-0>\";"
    "+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\";+g.3gpp.smsip;audio";
constexpr std::string_view kAllow =
    "Allow: INVITE,ACK,CANCEL,BYE,UPDATE,PRACK,MESSAGE,REFER,NOTIFY,INFO,OPTIONS\r\n";
constexpr std::string_view kPhone =
    "User-Agent: SyntheticUE/1.0 IMS\r\n"
    "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=001010001019B01\r\n";
constexpr std::string_view kRequire = "Require: sec-agree\r\nProxy-Require: sec-agree\r\n";
constexpr std::string_view kMechanisms[] = {
    "alg=hmac-sha-1-96;ealg=aes-cbc",    "alg=hmac-sha-1-96;ealg=des-ede3-cbc",
    "alg=hmac-sha-1-96;ealg=null",       "alg=hmac-md5-96;ealg=aes-cbc",
    "alg=hmac-md5-96;ealg=des-ede3-cbc", "alg=hmac-md5-96;ealg=null"};
constexpr std::string_view kText =
    "Content-Type: text/plain\r\nContent-Length: 72\r\n\r\n"
    "A short message, as long as the ones that people really send each other.";

constexpr std::string_view kPeer = "+15551230002@ims.mnc001.mcc001.3gppnetwork.org";
// What a phone offers for a voice call (3GPP TS 26.114, annex A), of usual length.
constexpr std::string_view kSession =
    "Content-Type: application/sdp\r\nContent-Length: 620\r\n\r\n"
    "v=0\r\no=- 2890844526 2890844526 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\n"
    "b=AS:49\r\nb=RS:600\r\nb=RR:2000\r\nt=0 0\r\nm=audio 49152 RTP/AVP 116 107 118 96 111 110\r\n"
    "a=rtpmap:116 EVS/16000/1\r\na=fmtp:116 br=9.6-24.4;bw=nb-swb;mode-set=0,1,2;max-red=220\r\n"
    "a=rtpmap:107 AMR-WB/16000/1\r\na=fmtp:107 octet-align=1;mode-change-capability=2;max-red=0\r\n"
    "a=rtpmap:118 AMR/8000/1\r\na=fmtp:118 octet-align=1;mode-change-capability=2;max-red=0\r\n"
    "a=rtpmap:111 telephone-event/16000\r\na=rtpmap:110 telephone-event/8000\r\n"
    "a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"
    "a=ptime:20\r\na=maxptime:240\r\na=sendrecv\r\n";

void PutIp(uint32_t ip, sip::Writer* writer) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    writer->PutNumber((ip >> shift) & 0xff);
    if (shift > 0) writer->Put(".");
  }
}

void PutHostPort(Address address, sip::Writer* writer) {
  PutIp(address.ip, writer);
  writer->Put(":").PutNumber(address.port);
}

// "sip:001010000000042@realm" without its scheme.
void PutIdentity(const LoadPhone& phone, sip::Writer* writer) {
  writer->Put("00").PutNumber(1'010'000'000'000 + phone.index).Put("@").Put(kRealm);
}

// 44 characters that no other phone has: as long as RAND and AUTN in base64.
void PutNonce(TransactionId id, sip::Writer* writer) {
  writer->PutHex(id, 16).Put("T8rpG1pQw2o0dZB5hGx1fRk4JmN=");
}

// The lines every request starts with.
struct Head {
  LoadTransport transport;
  std::string_view method;
  Address sent_by;
  TransactionId id;
  uint32_t cseq;
};

void PutHead(const Head& head, sip::Writer* writer) {
  writer->Put("Via: SIP/2.0/").Put(Name(head.transport)).Put(" ");
  PutHostPort(head.sent_by, writer);
  writer->Put(";branch=z9hG4bK")
      .PutHex(head.id, 16)
      .PutHex(head.cseq, 8)
      .Put(head.method.substr(0, 1));
  writer->Put("\r\nMax-Forwards: 70\r\nCall-ID: ").PutHex(head.id, 16).Put("@load\r\nCSeq: ");
  writer->PutNumber(head.cseq).Put(" ").Put(head.method).Put("\r\n");
}

void PutFromTo(const LoadPhone& phone, std::string_view to, sip::Writer* writer) {
  writer->Put("From: <sip:");
  PutIdentity(phone, writer);
  writer->Put(">;tag=4f2a91c7\r\nTo: <sip:").Put(to);
  if (to.empty()) PutIdentity(phone, writer);
  writer->Put(">\r\n");
}

void PutContact(const LoadPhone& phone, uint16_t port, std::string_view features,
                sip::Writer* writer) {
  writer->Put("Contact: <sip:00").PutNumber(1'010'000'000'000 + phone.index).Put("@");
  PutHostPort({phone.ip, port}, writer);
  writer->Put(">").Put(features).Put("\r\n");
}

void PutSecurityClient(const LoadPhone& phone, const LoadNetwork& network, sip::Writer* writer) {
  writer->Put("Security-Client: ");
  bool is_first = true;
  for (const std::string_view mechanism : kMechanisms) {
    writer->Put(is_first ? "" : ",").Put("ipsec-3gpp;prot=esp;mod=trans;spi-c=");
    writer->PutNumber(1'000'000'000 + 2 * phone.index).Put(";spi-s=");
    writer->PutNumber(1'000'000'001 + 2 * phone.index);
    writer->Put(";port-c=").PutNumber(network.port_uc).Put(";port-s=").PutNumber(network.port_us);
    writer->Put(";").Put(mechanism);
    is_first = false;
  }
  writer->Put("\r\n");
}

// Hands each line before the empty one to `line`, with its CRLF.
template <typename Line>
void ForEachLine(std::string_view message, Line&& line) {
  size_t begin = message.find('\n') + 1;  // The start line is not one of them.
  while (begin < message.size() && message[begin] != '\r') {
    const size_t end = message.find('\n', begin) + 1;
    if (end == 0) return;
    line(message.substr(begin, end - begin));
    begin = end;
  }
}

// RFC 3261 8.2.6.2: what a response takes over.
void PutResponseHead(std::string_view status_line, std::string_view request, sip::Writer* writer) {
  writer->Put(status_line);
  ForEachLine(request, [writer](std::string_view line) {
    if (line.starts_with("To:")) {
      writer->Put(line.substr(0, line.size() - 2)).Put(";tag=b27e1a1d33761e85\r\n");
    } else if (line.starts_with("Via:") || line.starts_with("From:") ||
               line.starts_with("Call-ID:") || line.starts_with("CSeq:") ||
               line.starts_with("Record-Route:")) {
      writer->Put(line);
    }
  });
}

size_t Finished(const sip::Writer& writer) {
  assert(writer.ok());
  return writer.size();
}

}  // namespace

LoadNetwork MakeLoadNetwork(LoadTransport transport, uint32_t side) {
  const uint32_t run = static_cast<uint32_t>(getpid()) % 8;
  const uint32_t base = (127u << 24) | ((64 + 16 * run + 8 * side) << 16);
  LoadNetwork network;
  network.transport = transport;
  network.edge_gm = {base | 1, 5060};
  network.edge_core = {base | 3, 5060};
  network.core = {base | 2, 5060};
  network.phones_ip = base | 0x100;
  return network;
}

std::string_view Name(LoadTransport transport) {
  return transport == LoadTransport::kTcp ? "TCP" : "UDP";
}

size_t LoadMessages::Register(const LoadPhone& phone, TransactionId id, Credentials credentials,
                              std::span<char> out) const {
  sip::Writer writer(out);
  const bool is_protected = phone.port_ps != 0;
  const bool has_answer = credentials == Credentials::kAnswer;
  const uint16_t port = is_protected ? network_.port_us : network_.port_plain;
  writer.Put("REGISTER sip:").Put(kRealm).Put(" SIP/2.0\r\n");
  PutHead({network_.transport, "REGISTER", {phone.ip, port}, id, phone.cseq}, &writer);
  PutFromTo(phone, "", &writer);
  PutContact(phone, port, kFeatures, &writer);
  writer.Put("Authorization: Digest username=\"");
  PutIdentity(phone, &writer);
  writer.Put("\",realm=\"").Put(kRealm).Put("\",uri=\"sip:").Put(kRealm).Put("\",nonce=\"");
  if (has_answer) PutNonce(id, &writer);
  writer.Put("\",response=\"").Put(has_answer ? "1125a3c2e293453f07e08957ff235efc" : "");
  writer.Put("\",algorithm=AKAv1-MD5\r\n").Put(kRequire);
  PutSecurityClient(phone, network_, &writer);
  if (is_protected) writer.Line("Security-Verify", {phone.security_server});
  writer.Put("Supported: path,sec-agree,gruu\r\nExpires: 600000\r\n").Put(kAllow).Put(kPhone);
  writer.Put("Content-Length: 0\r\n\r\n");
  return Finished(writer);
}

size_t LoadMessages::MoRequest(std::string_view method, const LoadPhone& phone, TransactionId id,
                               std::span<char> out) const {
  sip::Writer writer(out);
  writer.Put(method).Put(" sip:").Put(kPeer).Put(" SIP/2.0\r\n");
  PutHead({network_.transport, method, {phone.ip, network_.port_us}, id, phone.cseq}, &writer);
  writer.Put("Route: <sip:");
  PutHostPort({network_.edge_gm.ip, phone.port_ps}, &writer);
  writer.Put(";lr>,<sip:orig@");
  PutHostPort(network_.core, &writer);
  writer.Put(";lr>\r\n");
  PutFromTo(phone, kPeer, &writer);
  PutContact(phone, network_.port_us, kFeatures, &writer);
  writer.Put("P-Preferred-Identity: <sip:");
  PutIdentity(phone, &writer);
  writer.Put(">\r\n").Put(kRequire).Line("Security-Verify", {phone.security_server});
  writer.Put("Supported: sec-agree\r\n").Put(kAllow).Put(kPhone);
  writer.Put(method == "MESSAGE"  ? kText
             : method == "INVITE" ? kSession
                                  : "Content-Length: 0\r\n\r\n");
  return Finished(writer);
}

size_t LoadMessages::Ack(const LoadPhone& phone, TransactionId id, std::string_view response,
                         std::span<char> out) const {
  sip::Writer writer(out);
  const std::string_view contact = ValueOf(response, "Contact");
  writer.Put("ACK ").Put(contact.substr(1, contact.size() - 2)).Put(" SIP/2.0\r\n");
  // A transaction of its own with the INVITE's number (RFC 3261 13.2.2.4).
  PutHead({network_.transport, "ACK", {phone.ip, network_.port_us}, id, phone.cseq}, &writer);
  std::vector<std::string_view> route;
  ForEachLine(response, [&route](std::string_view line) {
    if (line.starts_with("Record-Route: ")) route.push_back(line.substr(14, line.size() - 16));
  });
  for (auto value = route.rbegin(); value != route.rend(); ++value) writer.Line("Route", {*value});
  writer.Line("From", {ValueOf(response, "From")}).Line("To", {ValueOf(response, "To")});
  writer.Put(kRequire).Line("Security-Verify", {phone.security_server});
  writer.Put(kPhone).Put("Content-Length: 0\r\n\r\n");
  return Finished(writer);
}

size_t LoadMessages::MtRequest(const LoadPhone& phone, TransactionId id,
                               std::span<char> out) const {
  sip::Writer writer(out);
  writer.Put("MESSAGE sip:00").PutNumber(1'010'000'000'000 + phone.index).Put("@");
  PutHostPort({phone.ip, network_.port_us}, &writer);
  writer.Put(" SIP/2.0\r\n");
  PutHead({LoadTransport::kUdp, "MESSAGE", network_.core, id, phone.cseq}, &writer);
  writer.Put("Via: SIP/2.0/UDP as.").Put(kRealm).Put(":5060;branch=z9hG4bK7c1e.5f0a9d3b21c4.0\r\n");
  writer.Line("Route", {phone.path});
  writer.Put("From: <sip:+15551230002@").Put(kRealm).Put(">;tag=9be1d7c4\r\nTo: <sip:");
  PutIdentity(phone, &writer);
  writer.Put(">\r\nP-Asserted-Identity: <sip:+15551230002@").Put(kRealm);
  writer.Put(">\r\nP-Called-Party-ID: <sip:");
  PutIdentity(phone, &writer);
  writer.Put(">\r\nP-Charging-Vector: icid-value=5A1F0B7C9E3D4420A7;orig-ioi=home.example\r\n");
  writer.Put(kAllow).Put(kText);
  return Finished(writer);
}

size_t LoadMessages::Challenge(std::string_view request, std::span<char> out) const {
  sip::Writer writer(out);
  const TransactionId id = TransactionOf(request);
  PutResponseHead("SIP/2.0 401 Unauthorized\r\n", request, &writer);
  writer.Put("WWW-Authenticate: Digest realm=\"").Put(kRealm).Put("\",nonce=\"");
  PutNonce(id, &writer);
  writer.Put("\",algorithm=AKAv1-MD5,ik=\"f769bcd75104460412767271").PutHex(id, 8);
  writer.Put("\",ck=\"b40ba9a3c58b2a05bbf0d987").PutHex(id, 8).Put("\",qop=\"auth\"\r\n");
  writer.Put("Server: SyntheticSCSCF/1.0\r\nContent-Length: 0\r\n\r\n");
  return Finished(writer);
}

size_t LoadMessages::Accept(std::string_view request, std::span<char> out) const {
  sip::Writer writer(out);
  PutResponseHead("SIP/2.0 200 OK\r\n", request, &writer);
  writer.Line("Contact", {ValueOf(request, "Contact"), ";expires=600000"});
  writer.Line("Path", {ValueOf(request, "Path")});
  writer.Put("Service-Route: <sip:orig@");
  PutHostPort(network_.core, &writer);
  const std::string_view to = ValueOf(request, "To");
  writer.Put(";lr>\r\n").Line("P-Associated-URI", {to, ",<tel:+15551230001>"});
  writer.Put("P-Charging-Vector: icid-value=5A1F0B7C9E3D4420A7;orig-ioi=home.example\r\n");
  writer.Put("Supported: path,gruu\r\n").Put(kAllow);
  writer.Put("Server: SyntheticSCSCF/1.0\r\nContent-Length: 0\r\n\r\n");
  return Finished(writer);
}

size_t LoadMessages::AcceptCall(std::string_view request, std::span<char> out) const {
  sip::Writer writer(out);
  PutResponseHead("SIP/2.0 200 OK\r\n", request, &writer);
  writer.Put("Contact: <sip:peer@");
  PutHostPort(network_.core, &writer);
  writer.Put(">\r\n").Put(kAllow).Put(kSession);
  return Finished(writer);
}

size_t LoadMessages::Ok(std::string_view request, std::span<char> out) const {
  sip::Writer writer(out);
  PutResponseHead("SIP/2.0 200 OK\r\n", request, &writer);
  writer.Put(kAllow).Put("Content-Length: 0\r\n\r\n");
  return Finished(writer);
}

TransactionId TransactionOf(std::string_view message) {
  const std::string_view value = ValueOf(message, "Call-ID");
  TransactionId id = 0;
  if (value.size() < 16) return 0;
  const std::from_chars_result result = std::from_chars(value.data(), value.data() + 16, id, 16);
  return result.ptr == value.data() + 16 ? id : 0;
}

std::string_view ValueOf(std::string_view message, std::string_view name) {
  std::string_view value;
  ForEachLine(message, [&](std::string_view line) {
    if (!value.empty() || !line.starts_with(name)) return;
    if (line.size() < name.size() + 4 || line[name.size()] != ':') return;
    value = line.substr(name.size() + 2, line.size() - name.size() - 4);
  });
  return value;
}

int StatusOf(std::string_view message) {
  constexpr std::string_view kVersion = "SIP/2.0 ";
  int status = 0;
  if (message.starts_with(kVersion) && message.size() > kVersion.size() + 3) {
    std::from_chars(message.data() + kVersion.size(), message.data() + kVersion.size() + 3, status);
  }
  return status;
}

size_t SizeOfMessage(std::string_view stream) {
  const size_t end = stream.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const std::string_view length = ValueOf(stream.substr(0, end + 4), "Content-Length");
  size_t body_size = 0;
  std::from_chars(length.data(), length.data() + length.size(), body_size);
  return end + 4 + body_size;
}

uint16_t ServerPortOf(std::string_view security_server) {
  constexpr std::string_view kName = "port-s=";
  uint16_t port = 0;
  if (const size_t at = security_server.find(kName); at != std::string_view::npos) {
    const char* const end = security_server.data() + security_server.size();
    std::from_chars(security_server.data() + at + kName.size(), end, port);
  }
  return port;
}

}  // namespace bench
