// The TCP side of the sockets around a node of the test network: connections by their two ends,
// messages cut out of their streams.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "reactor/endpoint.h"
#include "tools/udp_sockets.h"

namespace tools {

// Listens on each address; a wildcard serves all addresses of the host. A message goes out on the
// connection between its ends, which is made when there is none: from the very address and port it
// names, as protected ports demand.
class TcpSockets {
 public:
  struct Counters {
    uint64_t received = 0;  // Messages.
    uint64_t sent = 0;      // Messages handed to a connection.
    uint64_t accepted = 0;
    uint64_t connected = 0;
    uint64_t failed = 0;  // Connections that ended with an error, and messages that found none.
  };

  // Null, and *error names the address and the reason.
  static std::unique_ptr<TcpSockets> Open(std::span<const reactor::Endpoint> locals,
                                          std::string* error);
  ~TcpSockets();

  // Readable when Receive() has something to do.
  int fd() const;
  // Hands over the messages that are there; does not wait.
  void Receive(UdpSink* sink);
  // Sends what is for TCP; the rest stays in the outbox.
  void Send(const Outbox& outbox);
  // Closes the connection between these ends by RST, if there is one.
  void Close(const reactor::Endpoint& local, const reactor::Endpoint& peer);

  const Counters& counters() const;

 private:
  TcpSockets();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tools
