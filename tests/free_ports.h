// Ports for programs that a test starts, and for their peers.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "reactor/endpoint.h"

namespace reactor {

// Tests that run at once are told apart by this, 0..49. It is claimed by the name of a socket,
// which belongs to the network namespace, as ports do, and goes with its process.
inline constexpr int kTestPrograms = 50;
inline int ClaimTestProgram() {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (int i = 0; i < kTestPrograms; ++i) {
    const int number = (getpid() + i) % kTestPrograms;
    const std::string name = "gmedge-test-ports-" + std::to_string(number);
    sockaddr_un claim{};
    claim.sun_family = AF_UNIX;
    name.copy(claim.sun_path + 1, sizeof(claim.sun_path) - 1);
    const size_t size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
    if (bind(fd, reinterpret_cast<sockaddr*>(&claim), static_cast<socklen_t>(size)) == 0) {
      return number;
    }
  }
  ADD_FAILURE() << "more than " << kTestPrograms << " test programs want ports at once";
  return 0;
}
inline int TestProgram() {
  static const int number = ClaimTestProgram();
  return number;
}

// A part of 10,000 ports that is this program's alone.
inline constexpr uint16_t kTestPortsMax = 200;
inline uint16_t TestPort(uint16_t first_of_all, uint32_t index) {
  const auto own = static_cast<uint32_t>(TestProgram()) * kTestPortsMax;
  return static_cast<uint16_t>(first_of_all + own + index % kTestPortsMax);
}

// Could such a socket be bound there?
inline bool IsFree(int type, const Endpoint& local) {
  const int fd = socket(local.family(), type | SOCK_CLOEXEC, 0);
  const bool is_free = bind(fd, &local.any, local.size()) == 0;
  close(fd);
  return is_free;
}

// Ports of that address that nobody has, UDP and TCP. No connection is given one of them by the
// kernel meanwhile: those have ports from 32768 on (net.ipv4.ip_local_port_range).
inline std::vector<Endpoint> FreePorts(const Endpoint& address, size_t count) {
  static uint32_t next = 0;
  std::vector<Endpoint> ports;
  for (int tried = 0; ports.size() < count && tried < kTestPortsMax; ++tried) {
    Endpoint local = address;
    local.set_port(TestPort(10'000, next++));
    if (IsFree(SOCK_DGRAM, local) && IsFree(SOCK_STREAM, local)) ports.push_back(local);
  }
  EXPECT_EQ(ports.size(), count) << "no free ports";
  return ports;
}

}  // namespace reactor
