// A UDP socket that stands for many addresses: sends and receives in batches, with the local
// address of every datagram. IPv4. One thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace bench {

// In host order.
struct Address {
  uint32_t ip = 0;
  uint16_t port = 0;
};
sockaddr_in ToSockaddr(Address address);

class LoadSocket {
 public:
  static constexpr size_t kDatagramSizeMax = 4096;

  LoadSocket();
  ~LoadSocket();
  LoadSocket(const LoadSocket&) = delete;
  LoadSocket& operator=(const LoadSocket&) = delete;

  // `local.ip` 0 takes every address of this host, `local.port` 0 any free port.
  bool Open(Address local, std::string* error);
  int fd() const { return fd_; }
  uint16_t port() const { return port_; }

  // Copies `payload` and sends it with the rest of the batch, from `from_ip` (0: the bound
  // address).
  void Send(uint32_t from_ip, Address to, std::string_view payload);
  void Flush();
  // The room of the next datagram, to write it in place: then Commit() instead of Send().
  char* Room();
  void Commit(uint32_t from_ip, Address to, size_t size);

  struct Received {
    uint32_t local_ip = 0;
    Address from;
    std::string_view payload;
  };
  // Takes what is there, at most one batch; returns how many.
  template <typename Handler>
  int Receive(Handler&& handler) {
    const int count = Fill();
    for (int i = 0; i < count; ++i) handler(At(i));
    return count;
  }

  uint64_t sent() const { return sent_; }
  uint64_t send_failures() const { return send_failures_; }

 private:
  static constexpr int kBatch = 64;
  struct Batch;

  int Fill();
  Received At(int index) const;

  int fd_ = -1;
  uint16_t port_ = 0;
  int queued_ = 0;
  uint64_t sent_ = 0;
  uint64_t send_failures_ = 0;
  std::unique_ptr<Batch> out_;
  std::unique_ptr<Batch> in_;
};

}  // namespace bench
