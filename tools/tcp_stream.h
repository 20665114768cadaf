// One direction of a TCP connection, put back in order.
#pragma once

#include <cstdint>
#include <string>

#include "tools/byte_pieces.h"
#include "tools/packet.h"

namespace tools {

enum class TcpEventKind : uint8_t {
  kNone,  // Nothing to tell until more segments come.
  kData,  // The next bytes.
  kGap,   // `missing` bytes are not in the capture; what follows comes behind them.
  kEnd,   // FIN or RST: nothing follows.
};
std::string_view Name(TcpEventKind kind);

struct TcpEvent {
  TcpEventKind kind = TcpEventKind::kNone;
  std::string bytes;
  uint64_t missing = 0;
  PacketStamp stamp;  // Of the packet that brought the bytes.
};

// Segments may come out of order, twice, and overlapping: what came first for a place stays. The
// start is the SYN, or the first segment where the capture has none. A hole is waited for until
// kWaitingMax bytes or kPiecesMax pieces stand behind it, kPatienceUs have passed, or the stream
// ends; then it is a gap.
class TcpStream {
 public:
  static constexpr size_t kWaitingMax = 256 * 1024;
  static constexpr size_t kPiecesMax = 256;
  static constexpr int64_t kPatienceUs = 30'000'000;  // Capture time.

  void Add(const TcpSegment& segment, const PacketStamp& stamp);
  // No more segments come: what waits behind holes is handed out.
  void Finish() { is_finished_ = true; }
  // After Add() and Finish(), until kNone or kEnd.
  TcpEvent Next();

  // A SYN of another connection between the same ports: this one is over.
  bool IsOther(const TcpSegment& segment) const;

 private:
  uint64_t PlaceOf(uint32_t sequence) const;
  bool MustGoOn() const;

  BytePieces waiting_;
  uint64_t next_ = 0;  // Sequence numbers, counted on past 2^32; those below it are through.
  uint64_t end_ = 0;   // Behind the last byte, once a FIN has told it; 0: not known.
  uint32_t syn_sequence_ = 0;
  int64_t now_us_ = 0;
  bool is_begun_ = false;
  bool has_syn_ = false;
  bool is_finished_ = false;
  bool is_ended_ = false;
};

}  // namespace tools
