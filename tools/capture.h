// Capture files (pcap, pcapng) as packets. libpcap is known here alone.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "tools/byte_pieces.h"
#include "tools/packet.h"

struct pcap;

namespace tools {

// The first bytes that tell a capture from text.
inline constexpr size_t kCaptureMagicSize = 4;
// True for those of pcap (either byte order, micro- or nanoseconds) and pcapng.
bool IsCaptureMagic(std::string_view bytes);

struct Packet {
  PacketStamp stamp;
  std::string_view bytes;  // As far as they were captured; valid until the next call.
  bool is_cut = false;     // There was more of it on the wire (snaplen).
};

// Reads a file from the front, packet by packet.
class Capture {
 public:
  // Takes `file`, which may be a pipe. Null, with the reason, when it is no capture, or one of a
  // link type that is not LinkType's.
  static std::unique_ptr<Capture> Open(FILE* file, std::string* error);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  LinkType link_type() const { return link_type_; }
  // False at the end of the file, or where it is broken (then error() says how).
  bool Next(Packet* packet);
  // "" as long as all is well.
  const std::string& error() const { return error_; }

 private:
  Capture(pcap* handle, LinkType link_type) : handle_(handle), link_type_(link_type) {}

  pcap* handle_;
  LinkType link_type_;
  uint64_t packets_ = 0;
  std::string error_;
};

}  // namespace tools
