// The system calls that set TCP sockets up.
#pragma once

#include <string>

#include "reactor/endpoint.h"

namespace reactor {

// What a listener's socket and those it accepts have in common, and those that connect.
struct TcpSocketOptions {
  Endpoint local;  // Its port 0: the kernel's choice.
  // SO_SNDBUF, bytes: with what a connection may have waiting in our own memory, all that a peer
  // that does not read can hold.
  int send_buffer_size = 256 * 1024;
  // TCP_USER_TIMEOUT: what was sent and not acknowledged for so long ends the connection.
  unsigned unacknowledged_ms = 32'000;
};

// A listening socket, and *local with the port the kernel gave for 0. -1 and *error on failure. The
// same port may be bound again for connections that leave from it (OpenTcpSocket).
int OpenTcpListener(const TcpSocketOptions& options, int backlog, Endpoint* local,
                    std::string* error);

// Is it a listener bound to `local`, whose port 0 stands for any? *bound: where it is.
bool IsTcpListenerAt(int fd, const Endpoint& local, Endpoint* bound);
// Is it a socket that is, or was, a connection from there?
bool IsTcpSocketAt(int fd, const Endpoint& local);

// A bound socket that is to be connected. -1 and *error, a positive errno, on failure.
int OpenTcpSocket(const TcpSocketOptions& options, int* error);

// The ends of a connection, or false: it is gone already.
bool PeerOf(int fd, Endpoint* peer);
bool LocalOf(int fd, Endpoint* local);

// Closes with RST instead of FIN: nothing waits in the kernel for a peer that may not answer, and
// no TIME_WAIT keeps the pair of addresses and ports from being used again.
void CloseWithReset(int fd);

}  // namespace reactor
