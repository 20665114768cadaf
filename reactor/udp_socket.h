// The system calls that set a UDP socket up.
#pragma once

#include <cstdint>
#include <string>

#include "reactor/datagram.h"

namespace reactor {

// A bound socket, and *local with the port the kernel gave for 0. -1 and *error on failure.
int OpenUdpSocket(const DatagramOptions& options, Endpoint* local, std::string* error);

// Is it a UDP socket bound to `local`, whose port 0 stands for any? *bound: where it is.
bool IsUdpSocketAt(int fd, const Endpoint& local, Endpoint* bound);

// Sets SO_RCVBUF or SO_SNDBUF: past net.core.rmem_max or wmem_max with CAP_NET_ADMIN, else as far
// as they allow. Never shrinks a buffer that is larger already.
void GrowReceiveBuffer(int fd, int size);
void GrowSendBuffer(int fd, int size);

// Datagrams that the kernel dropped since the socket was opened, most of them for want of room in
// its receive buffer. Modulo 2^32.
uint32_t DropsOf(int fd);

// Takes the next ICMP message about a datagram of the socket, which was opened with
// report_unreachable: whom that went to, and the errno the message stands for. False: none waits.
bool TakeIcmpError(int fd, Endpoint* to, int* error);
// Does it say that nothing arrives there? EMSGSIZE, for one, does not.
bool IsUnreachable(int error);

}  // namespace reactor
