// Phones and an IMS core on both sides of a gmedge, in one thread: registrations, and requests both
// ways, at a given rate or with so many under way at once. Over TCP a phone's first REGISTER has a
// connection of its own; the one from port_uc to port_ps carries everything else, both ways.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/edge_load_messages.h"
#include "bench/edge_load_socket.h"
#include "bench/edge_load_streams.h"

namespace bench {

// What one transaction is, and how many messages of it pass the edge.
enum class LoadFlow : uint8_t {
  kRegistration,  // 4: REGISTER, 401, REGISTER with the answer, 200. A phone does it once.
  kRefresh,       // 2: protected REGISTER, 200.
  kMoOptions,     // 2: request of a phone, 200.
  kMoMessage,     // 2.
  kMoInvite,      // 3: INVITE of a phone, 200, ACK.
  kMtMessage,     // 2: request to a phone, 200.
};
std::string_view Name(LoadFlow flow);

// When the next transaction starts.
struct LoadPace {
  double per_second = 0;  // At fixed times, whatever comes back (open loop); 0: as soon as...
  int window = 64;        // ...fewer than so many are under way.
  double seconds = 1;
  bool gives_up = false;  // At the end, on what is under way.
};

struct LoadResult {
  uint64_t started = 0;
  uint64_t completed = 0;
  uint64_t refused = 0;       // Ended by an answer other than 200.
  uint64_t lost = 0;          // Not ended within two seconds, or given up.
  uint64_t disconnected = 0;  // Connections that the edge has ended.
  uint64_t forwarded = 0;     // Messages that came through the edge...
  uint64_t forwarded_bytes = 0;
  double seconds = 0;                // From the first start to the last end.
  std::vector<uint32_t> latency_ns;  // Of the completed, from when they should have started.
  std::vector<uint32_t> late_ns;     // Of that, how late we were to start each.
  std::string surprise;              // Start line of the first answer that was none of ours.
};

class LoadTraffic {
 public:
  LoadTraffic(const LoadNetwork& network, uint32_t phones);

  // Opens the sockets; fills in the ports of the phones.
  bool Open(std::string* error);
  const LoadNetwork& network() const { return network_; }
  // Runs until the time is over and every transaction has ended. kRegistration takes phones that
  // are not registered and stops when there are none; at most `transactions_max` start.
  LoadResult Run(LoadFlow flow, const LoadPace& pace, uint64_t transactions_max = UINT64_MAX);

  // Takes all phones for registered at this port of the edge: for a peer that keeps none.
  void Assume(uint16_t port);

  size_t registered() const { return registered_.size(); }
  size_t fresh() const { return phones_.size() - next_fresh_; }

 private:
  struct Transaction {
    TransactionId id = 0;  // 0: the slot is free.
    uint32_t phone = 0;
    uint64_t started_ns = 0;
  };
  struct Started {
    TransactionId id = 0;
    uint64_t started_ns = 0;
  };
  static constexpr size_t kTransactionsMax = 1 << 16;

  bool StartDue(const LoadPace& pace, uint64_t now_ns);
  bool StartOne(uint64_t started_ns, uint64_t now_ns);
  void SendRequest(LoadPhone* phone, TransactionId id);
  // Where the next message of a phone is written, and its way from there.
  std::span<char> PhoneRoom(LoadSocket* socket) {
    return is_tcp() ? std::span<char>(stream_room_) : RoomOf(socket);
  }
  void SendPlain(LoadPhone* phone, size_t size);
  void SendProtected(LoadPhone* phone, size_t size);
  void SendOnStream(LoadPhone* phone, Address from, Address to, size_t size);
  bool is_tcp() const { return network_.transport == LoadTransport::kTcp; }
  bool Receive();
  void OnPlain(std::string_view message);
  void OnProtected(std::string_view message);
  void OnStream(LoadPhone* phone, std::string_view message);
  void OnCore(const LoadSocket::Received& received);
  void OnChallenge(LoadPhone* phone, std::string_view message);
  void Count(std::string_view message);
  // Null when the message belongs to nothing that is under way.
  Transaction* Find(std::string_view message);
  void End(Transaction* transaction, int status, std::string_view message);
  void Expire(uint64_t now_ns);
  void GiveUp();
  void Flush();
  void Wait(const LoadPace& pace, uint64_t now_ns);
  size_t under_way() const { return kTransactionsMax - free_slots_.size(); }
  static std::span<char> RoomOf(LoadSocket* socket) {
    return {socket->Room(), LoadSocket::kDatagramSizeMax};
  }

  LoadNetwork network_;
  LoadSocket plain_;  // The phones', unprotected.
  LoadSocket uc_;     // The phones' port_uc: all they send.
  LoadSocket us_;     // The phones' port_us: all they receive.
  LoadSocket core_;
  LoadStreams streams_{SizeOfMessage};  // The phones', over TCP.
  std::array<char, LoadSocket::kDatagramSizeMax> stream_room_;
  std::vector<LoadPhone> phones_;
  std::vector<uint32_t> registered_;
  size_t next_fresh_ = 0;
  size_t next_registered_ = 0;

  LoadFlow flow_ = LoadFlow::kRegistration;
  LoadResult result_;
  uint64_t transactions_left_ = 0;
  uint64_t begin_ns_ = 0;
  uint64_t last_end_ns_ = 0;
  uint32_t generation_ = 0;
  std::vector<Transaction> slots_;
  std::vector<uint32_t> free_slots_;
  std::deque<Started> order_;  // In the order of their starts: what may time out first.
};

uint64_t NowNs();
// In microseconds; `share` 0.5 is the median. 0 of none.
double LatencyUs(std::vector<uint32_t> latency_ns, double share);

}  // namespace bench
