// One TCP connection: multishot receive into lent buffers, sends from slices in order, and its end.
//
// A peer that reads is sent to straight from the slices: one send under way, the next ones join
// behind it and leave together. A peer that does not read would keep receive buffers from others,
// so what its socket does not take at once is copied to a backlog (reactor/backlog.h), which is
// bounded: at its limit the connection ends (TcpEnd::kStalled).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "reactor/backlog.h"
#include "reactor/buffer_ring.h"
#include "reactor/completion.h"
#include "reactor/endpoint.h"
#include "reactor/tcp_sink.h"
#include "reactor/timer_wheel.h"

namespace reactor {

class TcpPool;
struct SendSlot;

class TcpConnection {
 public:
  TcpConnection() = default;
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  TcpId id() const { return id_; }
  // Its place in the pool: below TcpOptions::connections_max, and no other's until it has ended.
  uint32_t slot() const { return timer_.index; }
  const Endpoint& local() const { return local_; }
  const Endpoint& peer() const { return peer_; }
  bool accepted() const { return accepted_; }
  bool opened() const { return opened_; }  // OnTcpOpen was called.
  bool connecting() const { return state_ == State::kConnecting; }
  // May be sent to.
  bool open() const { return state_ == State::kOpen; }
  uint32_t tag() const { return tag_; }  // Of the listener or the connect.

  // Queues the slices, as DatagramPort::Send() does: what lies in the lease is pointed to while the
  // peer reads. False: nothing was queued, because it is not open, because no send slot is free
  // (counted), or because the peer does not read (then it ends).
  bool Send(std::span<const std::string_view> slices, const BufferLease& lease);

  // What is queued goes out, then FIN; what still comes in is dropped. It ends with the peer's FIN,
  // or by RST after TcpOptions::close_ms.
  void Close();
  // Ends with RST; what is queued is dropped.
  void Abort() { End(TcpEnd::kAborted, 0); }
  // Instead of TcpOptions::backlog_size_max.
  void set_backlog_size_max(size_t size) { backlog_size_max_ = size; }
  TcpKept kept() const;
  // It ends at this time unless told otherwise, however active it is; kNever: idle time alone.
  void SetDeadline(uint64_t at_ms);

 private:
  friend class TcpPool;
  enum class State : uint8_t {
    kFree,
    kConnecting,
    kOpen,
    kDraining,  // Close() was called: what is queued goes out.
    kShut,      // Our FIN is out.
    kEnding,    // The kernel is asked to let go; then OnTcpEnd.
  };

  // From the pool.
  void Adopt(TcpPool* pool, int fd, uint32_t tag);
  void Begin();
  void StartConnect();
  void OnTimer();

  void Rest();
  bool resting() const;
  void GoOn();
  void LetGo();

  void ArmReceive();
  void OnReceive(int32_t result, uint32_t flags);
  void OnReceiveEnd(int32_t result);
  void OnFin();
  void OnConnected(int32_t result);
  void OnCancelled(int32_t result);
  void ArmCancels();
  void ArmCancel(Completion* target);
  bool AtWork() const { return receive_armed_ || send_armed_ || connect_armed_; }
  void End(TcpEnd end, int error);
  void EndWhenQuiet();
  void ArmTimer();

  // Sends (tcp_send.cc).
  bool AppendSlot(std::span<const std::string_view> slices, const BufferLease& lease);
  bool AppendCopy(std::span<const std::string_view> slices);
  void StartSend();
  void SendSlots();
  void SendBacklog();
  void OnSent(int32_t result);
  void OnSlotsSent(int slots, size_t size);
  void CopyRest(size_t skip);
  void FreeSlot();
  void FreeAll();
  bool Idle() const { return !send_armed_ && first_ == nullptr && backlog_.empty(); }

  TcpPool* pool_ = nullptr;
  BufferRing* buffers_ = nullptr;  // What it receives into.
  TcpId id_ = 0;
  Endpoint local_;
  Endpoint peer_;
  uint32_t tag_ = 0;
  int fd_ = -1;
  State state_ = State::kFree;
  TcpEnd end_ = TcpEnd::kClosed;
  bool accepted_ = false;
  bool opened_ = false;
  bool counted_ = false;  // For its source.
  bool fin_received_ = false;
  bool receive_armed_ = false;
  bool send_armed_ = false;
  bool connect_armed_ = false;
  bool cancel_again_ = false;  // What was to be cancelled was being worked on.
  uint8_t cancels_armed_ = 0;
  int error_ = 0;

  // To be sent, in this order: the slots, of which the first slots_under_way_ are the kernel's,
  // then the backlog.
  SendSlot* first_ = nullptr;
  SendSlot* last_ = nullptr;
  int slots_under_way_ = 0;
  Backlog backlog_;
  size_t backlog_size_max_ = 0;

  Completion receive_;
  Completion send_;
  Completion cancel_;
  BufferWaiter waiter_;
  Timer timer_;
  uint64_t active_ms_ = 0;  // When a byte was received or taken by the kernel last.
  uint64_t deadline_ms_ = TimerWheel::kNever;
  // The pool's: the list of free slots, or of connections from one source.
  TcpConnection* next_ = nullptr;
};

}  // namespace reactor
