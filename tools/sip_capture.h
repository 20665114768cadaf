// Packets in, SIP messages out: UDP datagrams and TCP streams of a capture, on whatever ports.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "tools/capture.h"
#include "tools/ip_fragments.h"
#include "tools/packet.h"
#include "tools/sip_stream.h"
#include "tools/tcp_stream.h"

namespace tools {

struct CaptureCounts {
  uint64_t packets = 0;
  uint64_t cut_packets = 0;  // Not captured to their end.
  uint64_t broken_packets = 0;
  uint64_t esp_packets = 0;  // Those that stayed closed.
  uint64_t udp_datagrams = 0;
  uint64_t tcp_streams = 0;  // Directions that carry bytes.
  uint64_t keep_alives = 0;  // On ports that carried SIP before.
  uint64_t not_sip_datagrams = 0;
  uint64_t not_sip_streams = 0;
  uint64_t incomplete_datagrams = 0;  // Fragments that never came.
  uint64_t gaps = 0;                  // Holes in streams that carry SIP.
  uint64_t missing_bytes = 0;         // In them.
  uint64_t skipped_bytes = 0;         // Of streams that carry SIP, in no message.
  uint64_t dropped_streams = 0;       // Given up because there were too many.
};

// Where a message was heard.
struct Heard {
  StreamItem item;  // A datagram is a kMessage.
  reactor::Endpoint source;
  reactor::Endpoint destination;
  bool is_tcp = false;
  bool is_esp = false;
  uint64_t missing = 0;  // Of a kCutShort: the bytes of the hole; 0 when the stream ended.
};

class HeardSink {
 public:
  virtual ~HeardSink() = default;
  // kMessage, kFault, kCutShort or kSkipped; valid until it returns.
  virtual void OnHeard(const Heard& heard) = 0;
};

class SipCapture {
 public:
  static constexpr size_t kStreamsMax = 256;  // Beyond it the one silent for longest is ended.

  struct Options {
    LinkType link_type = LinkType::kEthernet;
    bool esp_null = false;  // Look into ESP for null encryption.
  };

  SipCapture(const Options& options, HeardSink* sink) : options_(options), sink_(sink) {}

  void OnPacket(const Packet& packet);
  // No more packets come.
  void Finish();

  const CaptureCounts& counts() const { return counts_; }

 private:
  // One direction of a connection; feeds what it cuts to the sink.
  struct Stream : StreamSink {
    void OnItem(const StreamItem& item) override { owner->OnStreamItem(*this, item); }

    SipCapture* owner = nullptr;
    reactor::Endpoint source;
    reactor::Endpoint destination;
    bool is_esp = false;
    TcpStream tcp;
    std::unique_ptr<SipStream> sip = std::make_unique<SipStream>();  // Null: no SIP.
    uint64_t missing = 0;  // Of the hole that is told of right now.
    uint64_t last_packet = 0;
    bool has_bytes = false;
  };
  using Streams = std::map<std::string, std::unique_ptr<Stream>>;

  void OnIp(const PacketStamp& stamp, IpPacket* packet);
  void OnUdp(const PacketStamp& stamp, bool is_esp, const UdpDatagram& datagram);
  void OnTcp(const PacketStamp& stamp, bool is_esp, const TcpSegment& segment);
  void OnStreamItem(const Stream& stream, const StreamItem& item);
  Stream* FindStream(const TcpSegment& segment, bool is_esp);
  void Drain(Stream* stream);
  void End(Streams::iterator entry);
  void EndOldest();
  bool CarriedSip(const reactor::Endpoint& a, const reactor::Endpoint& b) const;
  void NoteSip(const reactor::Endpoint& a, const reactor::Endpoint& b);

  const Options options_;
  HeardSink* const sink_;
  CaptureCounts counts_;
  IpFragments fragments_;
  Streams streams_;  // By addresses and ports of the direction.
  std::bitset<65536> sip_ports_;
};

}  // namespace tools
