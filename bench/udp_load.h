// The load of the UDP echo benches.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace bench {

inline constexpr size_t kPayloadSize = 1200;
inline constexpr unsigned kWindow = 64;  // Datagrams under way at once.

// Keeps kWindow datagrams under way towards a port.
class UdpLoad {
 public:
  explicit UdpLoad(uint16_t port) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    const timeval patience{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    // A datagram sent without a copy counts as the whole pages it lies in.
    const int size = 8 << 20;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) std::abort();
    for (unsigned i = 0; i < kWindow; ++i) {
      pieces_[i] = {bytes_[i], kPayloadSize};
      messages_[i] = {};
      messages_[i].msg_hdr.msg_iov = &pieces_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  ~UdpLoad() { close(fd_); }

  // False when an answer is missing.
  bool Run(int datagrams) {
    for (int done = 0; done < datagrams; done += static_cast<int>(kWindow)) {
      for (unsigned sent = 0; sent < kWindow;) {
        const int result = sendmmsg(fd_, messages_ + sent, kWindow - sent, 0);
        if (result <= 0) return false;
        sent += static_cast<unsigned>(result);
      }
      for (unsigned received = 0; received < kWindow;) {
        const int result =
            recvmmsg(fd_, messages_ + received, kWindow - received, MSG_WAITFORONE, nullptr);
        if (result <= 0) return false;
        received += static_cast<unsigned>(result);
      }
    }
    return true;
  }

 private:
  int fd_;
  mmsghdr messages_[kWindow];
  iovec pieces_[kWindow];
  char bytes_[kWindow][kPayloadSize] = {};
};

}  // namespace bench
