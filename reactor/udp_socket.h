// The system calls that set a UDP socket up.
#pragma once

#include <cstdint>
#include <string>

#include "reactor/datagram.h"

namespace reactor {

// A bound socket, and *local with the port the kernel gave for 0. -1 and *error on failure.
int OpenUdpSocket(const DatagramOptions& options, Endpoint* local, std::string* error);

// Sets SO_RCVBUF or SO_SNDBUF: past net.core.rmem_max or wmem_max with CAP_NET_ADMIN, else as far
// as they allow. Never shrinks a buffer that is larger already.
void GrowReceiveBuffer(int fd, int size);
void GrowSendBuffer(int fd, int size);

// Datagrams that the kernel dropped since the socket was opened, most of them for want of room in
// its receive buffer. Modulo 2^32.
uint32_t DropsOf(int fd);

}  // namespace reactor
