// A network namespace with traffic in it, with the help of ip(8): packets of ours leave towards
// addresses nobody has, and ESP packets made by hand come in by the loopback interface.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "xfrm/sa.h"

namespace xfrm {

class Socket {
 public:
  Socket(int family, int type, int protocol) : fd_(socket(family, type | SOCK_CLOEXEC, protocol)) {}
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

  bool Bind(const Address& address, uint16_t port) const {
    const sockaddr_storage name = NameOf(address, port);
    return bind(fd_, reinterpret_cast<const sockaddr*>(&name), SizeOf(address)) == 0;
  }
  bool SendTo(const Address& address, uint16_t port, const std::vector<uint8_t>& bytes) const {
    const sockaddr_storage name = NameOf(address, port);
    return sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&name),
                  SizeOf(address)) == static_cast<ssize_t>(bytes.size());
  }
  // The next datagram; empty if none comes within `milliseconds`.
  std::vector<uint8_t> Receive(int milliseconds) const {
    pollfd entry = {fd_, POLLIN, 0};
    std::vector<uint8_t> bytes(2048);
    const bool is_there = poll(&entry, 1, milliseconds) > 0;
    const ssize_t size = is_there ? recv(fd_, bytes.data(), bytes.size(), 0) : 0;
    bytes.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return bytes;
  }

 private:
  static socklen_t SizeOf(const Address& address) {
    return address.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  }
  static sockaddr_storage NameOf(const Address& address, uint16_t port) {
    sockaddr_storage storage{};
    if (address.family == AF_INET) {
      sockaddr_in name{};
      name.sin_family = AF_INET;
      name.sin_port = htons(port);
      std::memcpy(&name.sin_addr, address.bytes.data(), sizeof(name.sin_addr));
      std::memcpy(&storage, &name, sizeof(name));
    } else {
      sockaddr_in6 name{};
      name.sin6_family = AF_INET6;
      name.sin6_port = htons(port);
      std::memcpy(&name.sin6_addr, address.bytes.data(), sizeof(name.sin6_addr));
      std::memcpy(&storage, &name, sizeof(name));
    }
    return storage;
  }

  int fd_;
};

inline bool WriteFile(const std::string& path, const std::string& text) {
  std::ofstream stream(path);
  stream << text;
  stream.close();
  return stream.good();
}

// Puts an address on the loopback interface, which comes up with it and, unlike as it is made, lets
// policies have their say over IPv4.
inline bool AddLocalAddress(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(address.family, address.bytes.data(), text, sizeof(text));
  const std::string settings = "/proc/sys/net/ipv4/conf/lo/";
  const std::string command =
      std::string("ip address add ") + text + " dev lo && ip link set lo up";
  return WriteFile(settings + "disable_xfrm", "0") && WriteFile(settings + "disable_policy", "0") &&
         std::system(command.c_str()) == 0;
}

// Whatever has no other way goes out of an interface behind which nobody is.
inline bool RouteAllToNowhere() {
  return std::system(
             "ip link add nowhere type veth peer name nobody && ip link set nobody up &&"
             "ip link set nowhere arp off up && ip route add default dev nowhere &&"
             "ip -6 route add default dev nowhere") == 0;
}

}  // namespace xfrm
