// The messages of emulated phones and of the core behind them: as long and as full as real ones,
// and cheap to make. Nothing here is checked or computed: the edge does not look at the digest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bench/edge_load_socket.h"

namespace bench {

enum class LoadTransport : uint8_t { kUdp, kTcp };
std::string_view Name(LoadTransport transport);

// Who is where. All phones use the same three ports, each on an address of its own.
struct LoadNetwork {
  Address edge_gm;
  Address edge_core;
  Address core;
  uint32_t phones_ip = 0;  // Of the first phone; the next has the next address.
  uint16_t port_plain = 0;
  uint16_t port_uc = 0;
  uint16_t port_us = 0;
  LoadTransport transport = LoadTransport::kUdp;  // Of the phones; the core's is UDP.
};

// Several runs may share a machine: each has a 127.x.0.0/12 of its own, and each of the two sides
// of a run half of it.
LoadNetwork MakeLoadNetwork(LoadTransport transport = LoadTransport::kUdp, uint32_t side = 0);

struct LoadPhone {
  uint32_t index = 0;
  uint32_t ip = 0;
  uint16_t port_ps = 0;    // The edge's, from Security-Server...
  uint16_t port_core = 0;  // ...and where its worker is found from the core.
  uint32_t cseq = 0;
  bool is_registered = false;
  std::string security_server;  // As received: goes back as Security-Verify.
  std::string path;             // The edge's URI for this phone, "<sip:...>".
  int connection = -1;          // Over TCP: of LoadStreams.
};

// Names a transaction in its Call-ID.
using TransactionId = uint64_t;

class LoadMessages {
 public:
  explicit LoadMessages(const LoadNetwork& network) : network_(network) {}

  // Each writes into `out` and returns the size; asserts that it fits.
  enum class Credentials : uint8_t { kEmpty, kAnswer };
  size_t Register(const LoadPhone& phone, TransactionId id, Credentials credentials,
                  std::span<char> out) const;
  // OPTIONS, MESSAGE or INVITE of a phone.
  size_t MoRequest(std::string_view method, const LoadPhone& phone, TransactionId id,
                   std::span<char> out) const;
  // A phone's ACK of the core's 200 to its INVITE, along the route the 200 recorded.
  size_t Ack(const LoadPhone& phone, TransactionId id, std::string_view response,
             std::span<char> out) const;
  // MESSAGE of the core to a phone.
  size_t MtRequest(const LoadPhone& phone, TransactionId id, std::span<char> out) const;
  // The core's 401 with keys.
  size_t Challenge(std::string_view request, std::span<char> out) const;
  // The core's 200 to a REGISTER.
  size_t Accept(std::string_view request, std::span<char> out) const;
  // The core's 200 to an INVITE.
  size_t AcceptCall(std::string_view request, std::span<char> out) const;
  // 200 to anything else, of either side.
  size_t Ok(std::string_view request, std::span<char> out) const;

 private:
  const LoadNetwork network_;
};

// 0 when it is none of ours.
TransactionId TransactionOf(std::string_view message);
// The value of the first header of this name, written like this; "" when there is none.
std::string_view ValueOf(std::string_view message, std::string_view name);
// 0 for a request.
int StatusOf(std::string_view message);
// Bytes of the message at the start of a stream; 0: its header is not complete.
size_t SizeOfMessage(std::string_view stream);
// port-s of a Security-Server; 0 when there is none.
uint16_t ServerPortOf(std::string_view security_server);

}  // namespace bench
