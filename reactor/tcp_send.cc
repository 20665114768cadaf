// The sending half of TcpConnection.
//
//   Send() ──► slots ──► one sendmsg that does not wait ──► all taken: done
//                                                       └─► some left: copied to the backlog, the
//              later messages too ──► sends that wait ──► empty: as before
//
// One send is under way at a time: two could change places when the first takes only a part.
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "reactor/gather.h"
#include "reactor/send_slot.h"
#include "reactor/tcp_connection.h"
#include "reactor/tcp_pool.h"

namespace reactor {
namespace {

constexpr size_t kSlicesMax = 255;

}  // namespace

bool TcpConnection::Send(std::span<const std::string_view> slices, const BufferLease& lease) {
  if (state_ != State::kOpen) return false;
  // What comes behind bytes that wait must wait behind them.
  const bool queued = backlog_.empty() && AppendSlot(slices, lease);
  if (!queued && !AppendCopy(slices)) return false;
  if (!send_armed_) StartSend();
  return true;
}

// False: no slot takes it.
bool TcpConnection::AppendSlot(std::span<const std::string_view> slices, const BufferLease& lease) {
  Gather gather(lease);
  gather.Count(slices);
  if (slices.size() > kSlicesMax) return false;
  SendSlot* const slot = pool_->sends_->state_->Take(gather.piece_count(), gather.text_size());
  if (slot == nullptr) return false;
  const SendArea& area = slot->large != nullptr ? *slot->large : slot->own;
  gather.Fill(slices, area);
  if (gather.text_size() != gather.size()) slot->lease = lease;
  slot->message = {};
  slot->message.msg_iov = area.pieces;
  slot->message.msg_iovlen = gather.piece_count();
  slot->size = gather.size();
  slot->next = nullptr;
  if (first_ == nullptr) {
    first_ = slot;
  } else {
    last_->next = slot;
  }
  last_ = slot;
  return true;
}

// False, and nothing was queued: no chunk is left. What reaches the limit of one peer ends it.
bool TcpConnection::AppendCopy(std::span<const std::string_view> slices) {
  size_t size = 0;
  for (const std::string_view slice : slices) size += slice.size();
  if (!backlog_.HasRoom(size, pool_->chunks_)) {
    ++pool_->counters_.send_no_slot;
    return false;
  }
  for (const std::string_view slice : slices) backlog_.Append(slice, &pool_->chunks_);
  if (backlog_.size() <= backlog_size_max_) return true;
  End(TcpEnd::kStalled, 0);
  return false;
}

// The next send, or what comes when there is none.
void TcpConnection::StartSend() {
  if (first_ != nullptr) return SendSlots();
  const bool is_rest = state_ == State::kOpen && pool_->at_rest_;
  if (!backlog_.empty()) return is_rest ? void() : SendBacklog();
  if (state_ != State::kDraining) return;
  state_ = State::kShut;
  if (fin_received_) return End(TcpEnd::kClosed, 0);
  shutdown(fd_, SHUT_WR);
}

// As many slots as there is room for in the first one's list of pieces.
void TcpConnection::SendSlots() {
  const SendArea& area = first_->large != nullptr ? *first_->large : first_->own;
  const size_t pieces_max =
      first_->large != nullptr ? SendPool::State::kLargePiecesMax : SendPool::State::kPiecesMax;
  size_t pieces = first_->message.msg_iovlen;
  slots_under_way_ = 1;
  for (SendSlot* slot = first_->next; slot != nullptr; slot = slot->next) {
    const msghdr& message = slot->message;
    if (pieces + message.msg_iovlen > pieces_max) break;
    std::copy_n(message.msg_iov, message.msg_iovlen, area.pieces + pieces);
    pieces += message.msg_iovlen;
    ++slots_under_way_;
  }
  io_uring_sqe* const sqe = pool_->reactor_->GetSqe(&send_);
  if (pieces == 1) {
    io_uring_prep_send(sqe, fd_, area.pieces->iov_base, area.pieces->iov_len,
                       MSG_DONTWAIT | MSG_NOSIGNAL);
  } else {
    first_->message.msg_iovlen = pieces;
    io_uring_prep_sendmsg(sqe, fd_, &first_->message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  send_armed_ = true;
}

void TcpConnection::SendBacklog() {
  const std::string_view front = backlog_.front();
  io_uring_sqe* const sqe = pool_->reactor_->GetSqe(&send_);
  io_uring_prep_send(sqe, fd_, front.data(), front.size(), MSG_NOSIGNAL);
  send_armed_ = true;
}

void TcpConnection::OnSent(int32_t result) {
  if (connect_armed_) return OnConnected(result);
  send_armed_ = false;
  const int slots = std::exchange(slots_under_way_, 0);
  if (state_ == State::kEnding) return EndWhenQuiet();
  // Cancelled: by Rest().
  if (result < 0 && result != -EAGAIN && result != -ECANCELED) return End(TcpEnd::kReset, -result);
  if (result > 0) {
    active_ms_ = pool_->timers_.now_ms();
    pool_->counters_.bytes_sent += static_cast<uint64_t>(result);
  }
  const size_t size = result > 0 ? static_cast<size_t>(result) : 0;
  if (slots == 0) {
    backlog_.Drop(size, &pool_->chunks_);
  } else {
    OnSlotsSent(slots, size);
  }
  if (state_ != State::kEnding) StartSend();
}

void TcpConnection::OnSlotsSent(int slots, size_t size) {
  while (slots > 0 && size >= first_->size) {
    size -= first_->size;
    FreeSlot();
    --slots;
  }
  if (slots > 0) CopyRest(size);
}

// The socket took no more: what is left of all slots, but for the first `skip` bytes, goes before
// what waits already.
void TcpConnection::CopyRest(size_t skip) {
  Backlog rest;
  while (first_ != nullptr) {
    if (!rest.HasRoom(first_->size, pool_->chunks_)) {
      rest.Clear(&pool_->chunks_);
      return End(TcpEnd::kStalled, 0);
    }
    // The first slot's list may go on with the pieces of those behind it.
    size_t left = first_->size;
    for (const iovec* piece = first_->message.msg_iov; left > 0; ++piece) {
      const std::string_view bytes(static_cast<const char*>(piece->iov_base), piece->iov_len);
      const size_t skipped = std::min(skip, bytes.size());
      rest.Append(bytes.substr(skipped), &pool_->chunks_);
      skip -= skipped;
      left -= bytes.size();
    }
    FreeSlot();
  }
  rest.Splice(&backlog_);
  backlog_.Splice(&rest);
  if (backlog_.size() > backlog_size_max_) End(TcpEnd::kStalled, 0);
}

void TcpConnection::FreeSlot() {
  SendSlot* const slot = std::exchange(first_, first_->next);
  pool_->sends_->state_->Free(slot);
}

void TcpConnection::FreeAll() {
  while (first_ != nullptr) FreeSlot();
  backlog_.Clear(&pool_->chunks_);
}

}  // namespace reactor
