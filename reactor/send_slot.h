// What a send points to while it is under way. Only for the sources that send.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "reactor/buffer_ring.h"
#include "reactor/completion.h"
#include "reactor/datagram.h"
#include "reactor/endpoint.h"

namespace reactor {

// The parts of a slot that hold many or large pieces: iovecs and text.
struct SendArea {
  iovec* pieces = nullptr;
  char* text = nullptr;
};

// Taken by Send(), given back by its completion.
struct SendSlot {
  Completion completion;
  void* port = nullptr;      // The sending DatagramPort's state.
  SendSlot* next = nullptr;  // In the pool: the next free one. With a TcpConnection: sent after it.
  SendArea own;              // pool.pieces_max iovecs, slot_text_size bytes.
  SendArea* large = nullptr;  // Instead of `own` when that is too small.
  BufferLease lease;
  Endpoint to;
  msghdr message{};
  size_t size = 0;  // Bytes to send, all pieces together. Of TCP alone.
};

struct SendPool::State {
  static constexpr size_t kPiecesMax = 64;  // In a slot of its own; SIP edits stay far below.
  static constexpr size_t kLargePiecesMax = 255;

  SendPoolOptions options;
  std::unique_ptr<SendSlot[]> slots;
  std::unique_ptr<SendArea[]> large;
  // The memory the areas point into, taken at once.
  std::unique_ptr<iovec[]> pieces;
  std::unique_ptr<char[]> text;

  SendSlot* free_slots = nullptr;  // Last in, first out: the one used last is warm.
  std::vector<SendArea*> free_large;
  int in_flight = 0;

  // Null when a send that copies text_size bytes in piece_count pieces cannot be taken now.
  SendSlot* Take(size_t piece_count, size_t text_size);
  void Free(SendSlot* slot);
};

}  // namespace reactor
