// Many TCP connections of one thread, each with an address of its own: whole messages out and in.
// IPv4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/edge_load_socket.h"

namespace bench {

// Sets the limit of descriptors as high as it may be and returns it.
size_t RaiseFileLimit();

class LoadStreams {
 public:
  // Bytes of the message at the start of these; 0: its end is still to come.
  using SizeOf = std::function<size_t(std::string_view)>;

  explicit LoadStreams(SizeOf size_of);
  // Closes all.
  ~LoadStreams();
  LoadStreams(const LoadStreams&) = delete;
  LoadStreams& operator=(const LoadStreams&) = delete;

  bool Open(std::string* error);
  // What epoll(7) and poll(2) tell of all connections.
  int fd() const { return epoll_; }

  // A connection from there (port 0: any), named by a number from 0 on; -1 and errno. Returns when
  // it stands: on the loopback that takes no turn of the other side.
  int Connect(Address from, Address to, uint32_t owner);
  // Whole or not at all.
  bool Send(int connection, std::string_view message);
  // By FIN; what still comes is not heard.
  void Close(int connection);

  // Takes what is there, at most one batch, and hands each message to handler(owner, message); an
  // empty one says that the peer has ended the connection. Returns how many it took. The handler
  // may connect, send and close.
  template <typename Handler>
  int Receive(Handler&& handler) {
    int count = 0;
    const int ready = Poll();
    for (int i = 0; i < ready; ++i) count += ReceiveFrom(ConnectionAt(i), handler);
    return count;
  }

  uint64_t send_failures() const { return send_failures_; }

 private:
  static constexpr int kBatch = 64;
  struct Events;
  struct Connection {
    bool open = false;
    uint32_t owner = 0;
    std::string rest;  // The start of a message.
  };

  template <typename Handler>
  int ReceiveFrom(int connection, Handler& handler) {
    int count = 0;
    const uint32_t owner = connections_[static_cast<size_t>(connection)].owner;
    std::string_view bytes = Read(connection);
    while (!bytes.empty()) {
      const size_t size = size_of_(bytes);
      if (size == 0 || size > bytes.size()) break;
      handler(owner, bytes.substr(0, size));
      bytes.remove_prefix(size);
      ++count;
    }
    if (!Keep(connection, bytes)) handler(owner, std::string_view());
    return count;
  }

  int Poll();
  int ConnectionAt(int index) const;
  std::string_view Read(int connection);
  bool Keep(int connection, std::string_view rest);

  const SizeOf size_of_;
  int epoll_ = -1;
  bool ended_ = false;  // What Read() found last.
  uint64_t send_failures_ = 0;
  std::unique_ptr<Events> events_;
  std::vector<Connection> connections_;  // By descriptor.
  std::string buffer_;
};

}  // namespace bench
