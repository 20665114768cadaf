#include "tools/sip_capture.h"

#include <algorithm>

namespace tools {
namespace {

std::string KeyOf(const TcpSegment& segment) {
  std::string key;
  for (const reactor::Endpoint* endpoint : {&segment.source, &segment.destination}) {
    const std::span<const uint8_t> address = endpoint->address();
    key.append(address.begin(), address.end());
    key += static_cast<char>(endpoint->port() >> 8);
    key += static_cast<char>(endpoint->port() & 255);
  }
  return key;
}

}  // namespace

void SipCapture::OnPacket(const Packet& packet) {
  ++counts_.packets;
  if (packet.is_cut) ++counts_.cut_packets;
  std::string_view ip;
  if (!DecodeLink(options_.link_type, packet.bytes, &ip)) return;  // ARP and its like.
  IpPacket inside;
  if (!DecodeIp(ip, &inside)) {
    ++counts_.broken_packets;
    return;
  }
  if (inside.is_fragment) {
    const bool is_whole = fragments_.Add(packet.stamp, &inside);
    counts_.incomplete_datagrams = fragments_.incomplete();
    if (!is_whole) return;
    if (!SkipExtensions(&inside)) {
      ++counts_.broken_packets;
      return;
    }
  }
  OnIp(packet.stamp, &inside);
}

void SipCapture::OnIp(const PacketStamp& stamp, IpPacket* packet) {
  const bool is_esp = packet->protocol == kProtocolEsp;
  if (is_esp && (!options_.esp_null || packet->is_cut || !DecodeEspNull(packet))) {
    ++counts_.esp_packets;
    return;
  }
  if (packet->protocol == kProtocolUdp) {
    UdpDatagram datagram;
    if (DecodeUdp(*packet, &datagram)) {
      OnUdp(stamp, is_esp, datagram);
    } else if (!packet->is_cut) {
      ++counts_.broken_packets;
    }
  } else if (packet->protocol == kProtocolTcp) {
    TcpSegment segment;
    if (DecodeTcp(*packet, &segment)) {
      OnTcp(stamp, is_esp, segment);
    } else if (!packet->is_cut) {
      ++counts_.broken_packets;
    }
  }
}

void SipCapture::OnUdp(const PacketStamp& stamp, bool is_esp, const UdpDatagram& datagram) {
  ++counts_.udp_datagrams;
  if (IsKeepAlive(datagram.payload) && CarriedSip(datagram.source, datagram.destination)) {
    ++counts_.keep_alives;
    return;
  }
  if (!LooksLikeSip(datagram.payload)) {
    ++counts_.not_sip_datagrams;
    return;
  }
  NoteSip(datagram.source, datagram.destination);
  std::string padded(datagram.payload);
  padded.resize(padded.size() + sip::kPaddingSize);
  Heard heard;
  heard.item.stamp = stamp;
  heard.item.text =
      sip::PaddedView::Promise(std::string_view(padded).substr(0, datagram.payload.size()));
  heard.source = datagram.source;
  heard.destination = datagram.destination;
  heard.is_esp = is_esp;
  sink_->OnHeard(heard);
}

void SipCapture::OnTcp(const PacketStamp& stamp, bool is_esp, const TcpSegment& segment) {
  Stream* const stream = FindStream(segment, is_esp);
  if (stream == nullptr) return;
  stream->last_packet = stamp.number;
  if (stream->sip == nullptr) return;
  stream->tcp.Add(segment, stamp);
  Drain(stream);
  if (!segment.rst) return;
  // A reset ends the other direction, too.
  TcpSegment back;
  back.source = segment.destination;
  back.destination = segment.source;
  const Streams::iterator other = streams_.find(KeyOf(back));
  if (other != streams_.end()) End(other);
}

// A direction without bytes needs no stream; one that was over before starts anew.
SipCapture::Stream* SipCapture::FindStream(const TcpSegment& segment, bool is_esp) {
  const std::string key = KeyOf(segment);
  const Streams::iterator known = streams_.find(key);
  if (known != streams_.end()) {
    if (!known->second->tcp.IsOther(segment)) return known->second.get();
    End(known);
  }
  if (segment.rst || (segment.payload.empty() && !segment.syn)) return nullptr;
  if (streams_.size() == kStreamsMax) EndOldest();
  std::unique_ptr<Stream> stream = std::make_unique<Stream>();
  stream->owner = this;
  stream->source = segment.source;
  stream->destination = segment.destination;
  stream->is_esp = is_esp;
  return streams_.emplace(key, std::move(stream)).first->second.get();
}

void SipCapture::Drain(Stream* stream) {
  for (TcpEvent event = stream->tcp.Next(); stream->sip != nullptr; event = stream->tcp.Next()) {
    switch (event.kind) {
      case TcpEventKind::kNone:
        return;
      case TcpEventKind::kData:
        if (!stream->has_bytes) ++counts_.tcp_streams;
        stream->has_bytes = true;
        stream->sip->Feed(event.bytes, event.stamp, stream);
        if (!stream->sip->is_given_up()) break;
        ++counts_.not_sip_streams;
        stream->sip = nullptr;
        return;
      case TcpEventKind::kGap:
        stream->missing = event.missing;
        stream->sip->Break(stream);
        stream->missing = 0;
        if (!stream->sip->is_sip()) break;
        ++counts_.gaps;
        counts_.missing_bytes += event.missing;
        break;
      case TcpEventKind::kEnd:
        stream->sip->Finish(stream);
        if (stream->has_bytes && !stream->sip->is_sip()) ++counts_.not_sip_streams;
        stream->sip = nullptr;
        return;
    }
  }
}

void SipCapture::End(Streams::iterator entry) {
  Stream* const stream = entry->second.get();
  if (stream->sip != nullptr) {
    stream->tcp.Finish();
    Drain(stream);
  }
  streams_.erase(entry);
}

void SipCapture::EndOldest() {
  ++counts_.dropped_streams;
  End(std::min_element(streams_.begin(), streams_.end(), [](const auto& a, const auto& b) {
    return a.second->last_packet < b.second->last_packet;
  }));
}

void SipCapture::Finish() {
  while (!streams_.empty()) End(streams_.begin());
}

void SipCapture::OnStreamItem(const Stream& stream, const StreamItem& item) {
  if (item.kind == StreamItemKind::kKeepAlive) {
    ++counts_.keep_alives;
    return;
  }
  if (item.kind == StreamItemKind::kSkipped) counts_.skipped_bytes += item.skipped;
  NoteSip(stream.source, stream.destination);
  Heard heard;
  heard.item = item;
  heard.source = stream.source;
  heard.destination = stream.destination;
  heard.is_tcp = true;
  heard.is_esp = stream.is_esp;
  heard.missing = stream.missing;
  sink_->OnHeard(heard);
}

// Ports of phones and servers alike: a keep-alive goes between two that spoke SIP.
bool SipCapture::CarriedSip(const reactor::Endpoint& a, const reactor::Endpoint& b) const {
  return sip_ports_[a.port()] && sip_ports_[b.port()];
}

void SipCapture::NoteSip(const reactor::Endpoint& a, const reactor::Endpoint& b) {
  sip_ports_.set(a.port());
  sip_ports_.set(b.port());
}

}  // namespace tools
