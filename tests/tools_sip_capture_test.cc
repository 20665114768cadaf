#include <gtest/gtest.h>

#include <string>

#include "tests/sip_fixture.h"
#include "tests/tools_trace.h"
#include "tools/sip_capture.h"

namespace tools {
namespace {

using gmedge_test::EspNull;
using gmedge_test::Ip4;
using gmedge_test::Ip6;
using gmedge_test::kAck;
using gmedge_test::kFin;
using gmedge_test::kRst;
using gmedge_test::kSyn;
using gmedge_test::ReadData;
using gmedge_test::RequestWith;
using gmedge_test::Tcp;
using gmedge_test::Trace;
using gmedge_test::Udp;

std::string Text(const reactor::Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

// Reads a trace of raw IP; writes down what is heard, a line each.
class Listener : public HeardSink {
 public:
  explicit Listener(const Trace& trace, bool esp_null = false)
      : sip_({.link_type = LinkType::kRawIp, .esp_null = esp_null}, this) {
    std::FILE* const file = fmemopen(nullptr, trace.bytes().size() + 1, "w+");
    std::fwrite(trace.bytes().data(), 1, trace.bytes().size(), file);
    std::rewind(file);
    std::string error;
    const std::unique_ptr<Capture> capture = Capture::Open(file, &error);
    EXPECT_NE(capture, nullptr) << error;
    for (Packet packet; capture->Next(&packet);) sip_.OnPacket(packet);
    sip_.Finish();
  }

  void OnHeard(const Heard& heard) override {
    told += "#" + std::to_string(heard.item.stamp.number) + " " +
            std::string(Name(heard.item.kind)) + " " + Text(heard.source) + " > " +
            Text(heard.destination) + (heard.is_tcp ? " TCP" : " UDP");
    if (heard.is_esp) told += " ESP";
    if (heard.missing > 0) told += " missing " + std::to_string(heard.missing);
    if (heard.item.skipped > 0) told += " skipped " + std::to_string(heard.item.skipped);
    told += "\n";
    last = heard.item.text.bytes();
  }
  const CaptureCounts& counts() const { return sip_.counts(); }

  std::string told;
  std::string last;

 private:
  SipCapture sip_;
};

std::string Message(std::string_view body = "") {
  return RequestWith("Content-Length: " + std::to_string(body.size()) + "\r\n") + std::string(body);
}

std::string UdpPacket(std::string_view payload, uint16_t source = 5060) {
  return Ip4({}, 17, Udp(source, 5060, payload));
}
std::string TcpPacket(uint32_t sequence, uint8_t flags, std::string_view payload = "") {
  return Ip4({}, 6, Tcp(40000, 5060, sequence, flags, payload));
}

// A REGISTER in three segments, the second after the third, the first twice.
TEST(SipCapture, ReassemblesARegister) {
  const std::string text = ReadData("messages/a-register.sip");
  Trace trace(101);
  trace.Add(TcpPacket(999, kSyn))
      .Add(TcpPacket(1000, kAck, text.substr(0, 700)))
      .Add(TcpPacket(2400, kAck, text.substr(1400)))
      .Add(TcpPacket(1000, kAck, text.substr(0, 700)))
      .Add(TcpPacket(1700, kAck, text.substr(700, 700)))
      .Add(TcpPacket(static_cast<uint32_t>(1000 + text.size()), kAck | kFin));
  const Listener listener(trace);
  // The last byte came with packet 3, but packet 5 was what it waited for.
  EXPECT_EQ(listener.told, "#5 Message 192.0.2.1:40000 > 192.0.2.10:5060 TCP\n");
  EXPECT_EQ(listener.last, text);
  EXPECT_EQ(listener.counts().packets, 6U);
  EXPECT_EQ(listener.counts().tcp_streams, 1U);
  EXPECT_EQ(listener.counts().gaps, 0U);
}

TEST(SipCapture, HearsDatagramsOnAnyPort) {
  Trace trace(101);
  trace.Add(UdpPacket(Message(), 31000)).Add(Ip6({}, 17, Udp(6101, 6102, Message("body"))));
  const Listener listener(trace);
  EXPECT_EQ(listener.told,
            "#1 Message 192.0.2.1:31000 > 192.0.2.10:5060 UDP\n"
            "#2 Message [2001:db8::1]:6101 > [2001:db8::a]:6102 UDP\n");
  EXPECT_EQ(listener.last, Message("body"));
}

TEST(SipCapture, PutsFragmentsTogether) {
  const std::string text = ReadData("messages/c-invite.sip");
  const std::string udp = Udp(5060, 5060, text);
  Trace trace(101);
  trace.Add(Ip4({}, 17, udp.substr(1600), {.more = false, .at = 1600}))
      .Add(Ip4({}, 17, udp.substr(0, 800), {.more = true, .at = 0}))
      .Add(Ip4({}, 17, udp.substr(800, 800), {.more = true, .at = 800}))
      .Add(Ip4({}, 17, udp.substr(0, 800), {.more = true, .at = 0, .id = 8}))
      .Add(Ip6({}, 44, gmedge_test::Fragment6(17, {.more = true, .at = 0}, udp.substr(0, 1200))))
      .Add(Ip6({}, 44, gmedge_test::Fragment6(17, {.more = false, .at = 1200}, udp.substr(1200))));
  const Listener listener(trace);
  EXPECT_EQ(listener.told,
            "#3 Message 192.0.2.1:5060 > 192.0.2.10:5060 UDP\n"
            "#6 Message [2001:db8::1]:5060 > [2001:db8::a]:5060 UDP\n");
  EXPECT_EQ(listener.last, text);
  EXPECT_EQ(listener.counts().incomplete_datagrams, 1U);
}

TEST(SipCapture, LooksIntoEspWhenAsked) {
  Trace trace(101);
  trace.Add(Ip4({}, 50, EspNull(17, Udp(6101, 6102, Message()), 0, 12)))
      .Add(Ip6({}, 50, EspNull(17, Udp(6101, 6102, Message()), 8, 16)))
      .Add(Ip4({}, 50, EspNull(6, Tcp(6101, 6102, 1, kAck, Message()), 0, 16)))
      .Add(Ip4({}, 50, std::string(100, 'e')));
  const Listener closed(trace);
  EXPECT_EQ(closed.told, "");
  EXPECT_EQ(closed.counts().esp_packets, 4U);
  const Listener open(trace, true);
  EXPECT_EQ(open.told,
            "#1 Message 192.0.2.1:6101 > 192.0.2.10:6102 UDP ESP\n"
            "#2 Message [2001:db8::1]:6101 > [2001:db8::a]:6102 UDP ESP\n"
            "#3 Message 192.0.2.1:6101 > 192.0.2.10:6102 TCP ESP\n");
  EXPECT_EQ(open.counts().esp_packets, 1U);
}

TEST(SipCapture, TellsWhatIsMissing) {
  const std::string text = Message("body");
  const uint32_t size = static_cast<uint32_t>(text.size());
  Trace trace(101);
  trace.Add(TcpPacket(0, kSyn))
      .Add(TcpPacket(1, kAck, text + text.substr(0, 100)))
      .Add(TcpPacket(1 + size + 150, kAck, text.substr(150) + text))
      .Add(TcpPacket(1 + 3 * size, kAck, text));
  const Listener listener(trace);
  EXPECT_EQ(listener.told,
            "#2 Message 192.0.2.1:40000 > 192.0.2.10:5060 TCP\n"
            "#2 CutShort 192.0.2.1:40000 > 192.0.2.10:5060 TCP missing 50\n"
            "#3 Skipped 192.0.2.1:40000 > 192.0.2.10:5060 TCP skipped " +
                std::to_string(std::count_if(text.begin() + 150, text.end(),
                                             [](char c) { return c != '\r' && c != '\n'; })) +
                "\n#3 Message 192.0.2.1:40000 > 192.0.2.10:5060 TCP\n"
                "#4 Message 192.0.2.1:40000 > 192.0.2.10:5060 TCP\n");
  EXPECT_EQ(listener.counts().gaps, 1U);
  EXPECT_EQ(listener.counts().missing_bytes, 50U);
}

TEST(SipCapture, AResetCutsBothDirections) {
  const std::string text = Message("body");
  Trace trace(101);
  trace.Add(TcpPacket(1, kAck, text.substr(0, 50)))
      .Add(
          Ip4({.source = 10, .destination = 1}, 6, Tcp(5060, 40000, 1, kAck, "SIP/2.0 200 OK\r\n")))
      .Add(TcpPacket(51, kRst))
      .Add(TcpPacket(7000, kSyn))
      .Add(TcpPacket(7001, kAck, text));
  const Listener listener(trace);
  EXPECT_EQ(listener.told,
            "#1 CutShort 192.0.2.1:40000 > 192.0.2.10:5060 TCP\n"
            "#2 CutShort 192.0.2.10:5060 > 192.0.2.1:40000 TCP\n"
            "#5 Message 192.0.2.1:40000 > 192.0.2.10:5060 TCP\n");
  EXPECT_EQ(listener.counts().tcp_streams, 3U);
}

TEST(SipCapture, TheNextConnectionOfTheSamePortsIsAnother) {
  Trace trace(101);
  trace.Add(TcpPacket(10, kSyn))
      .Add(TcpPacket(11, kAck, Message().substr(0, 60)))
      .Add(TcpPacket(5, kSyn))
      .Add(TcpPacket(6, kAck, Message()));
  const Listener listener(trace);
  EXPECT_EQ(listener.told,
            "#2 CutShort 192.0.2.1:40000 > 192.0.2.10:5060 TCP\n"
            "#4 Message 192.0.2.1:40000 > 192.0.2.10:5060 TCP\n");
}

TEST(SipCapture, CountsKeepAlivesOfSipPorts) {
  Trace trace(101);
  trace
      .Add(UdpPacket("\r\n\r\n"))  // Before any SIP it is nothing.
      .Add(UdpPacket(Message()))
      .Add(UdpPacket("\r\n\r\n"))
      .Add(UdpPacket(std::string(4, '\0')))
      .Add(UdpPacket("\r\n\r\n", 9))
      .Add(TcpPacket(1, kAck, Message() + "\r\n"));
  const Listener listener(trace);
  EXPECT_EQ(listener.counts().keep_alives, 3U);
  EXPECT_EQ(listener.counts().not_sip_datagrams, 2U);
}

TEST(SipCapture, CountsWhatIsNoSip) {
  Trace trace(101);
  trace.Add(UdpPacket("\x12\x34 dns"))
      .Add(TcpPacket(1, kAck, "GET / HTTP/1.1\r\n\r\n"))
      .Add(Ip4({}, 6, Tcp(40001, 80, 1, kAck, std::string(70000, 'x')).substr(0, 60000)))
      .Add(Ip4({}, 1, "ping"))
      .Add("\x45 broken")
      .Add(Ip4({}, 17, "short"))
      .Add(UdpPacket(Message()), 60);
  const Listener listener(trace);
  EXPECT_EQ(listener.told, "");
  const CaptureCounts& counts = listener.counts();
  EXPECT_EQ(counts.udp_datagrams, 1U);
  EXPECT_EQ(counts.not_sip_datagrams, 1U);
  EXPECT_EQ(counts.tcp_streams, 2U);
  EXPECT_EQ(counts.not_sip_streams, 2U);
  EXPECT_EQ(counts.broken_packets, 2U);
  EXPECT_EQ(counts.cut_packets, 1U);
  EXPECT_EQ(counts.packets, 7U);
}

TEST(SipCapture, TheStreamThatIsSilentForLongestGoes) {
  Trace trace(101);
  const std::string text = Message();
  for (size_t i = 0; i <= SipCapture::kStreamsMax; ++i) {
    const uint16_t port = static_cast<uint16_t>(10000 + i);
    trace.Add(Ip4({}, 6, Tcp(port, 5060, 1, kAck, text.substr(0, 50))));
  }
  trace.Add(Ip4({}, 6, Tcp(10001, 5060, 51, kAck, text.substr(50))));
  const Listener listener(trace);
  EXPECT_EQ(listener.counts().dropped_streams, 1U);
  EXPECT_EQ(listener.told.substr(0, 53), "#1 CutShort 192.0.2.1:10000 > 192.0.2.10:5060 TCP\n#25");
  EXPECT_NE(listener.told.find("#258 Message 192.0.2.1:10001"), std::string::npos);
}

}  // namespace
}  // namespace tools
