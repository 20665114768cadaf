#include <fcntl.h>

#include "reactor/tcp_socket.h"
#include "tests/reactor_tcp_fixture.h"

namespace reactor {
namespace {

int Option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

TEST(ReactorTcpSocket, WhatIsAcceptedHasTheOptionsOfTheListener) {
  std::string error;
  Endpoint local;
  TcpPeer listener(OpenTcpListener({At("127.0.0.1:0"), 50'000, 9'000}, 8, &local, &error));
  ASSERT_GE(listener.fd(), 0) << error;
  EXPECT_NE(local.port(), 0);
  TcpPeer peer = TcpPeer::ConnectTo(local);
  TcpPeer accepted = listener.Accept();
  EXPECT_EQ(Option(accepted.fd(), IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(Option(accepted.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT), 9'000);
  EXPECT_EQ(Option(accepted.fd(), SOL_SOCKET, SO_SNDBUF), 100'000);  // The kernel doubles it.

  Endpoint end;
  EXPECT_TRUE(LocalOf(accepted.fd(), &end));
  EXPECT_TRUE(end == local);
  EXPECT_TRUE(PeerOf(peer.fd(), &end));
  EXPECT_TRUE(end == local);
  EXPECT_FALSE(PeerOf(listener.fd(), &end));
}

TEST(ReactorTcpSocket, LeavesFromAPortThatListens) {
  std::string error;
  int why = 0;
  for (const char* any : {"127.0.0.1:0", "[::1]:0"}) {
    Endpoint local;
    TcpPeer listener(OpenTcpListener({At(any)}, 8, &local, &error));
    ASSERT_GE(listener.fd(), 0) << error;
    TcpPeer first(OpenTcpSocket({local}, &why));
    EXPECT_GE(first.fd(), 0) << strerror(why);
    TcpPeer second(OpenTcpSocket({local}, &why));
    EXPECT_GE(second.fd(), 0) << strerror(why);
    EXPECT_EQ(fcntl(first.fd(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST(ReactorTcpSocket, SaysWhatIsWrong) {
  std::string error;
  Endpoint local;
  int why = 0;
  EXPECT_EQ(OpenTcpListener({At("[2001:db8::1]:5062")}, 8, &local, &error), -1);
  EXPECT_EQ(error, "TCP [2001:db8::1]:5062: Cannot assign requested address");
  EXPECT_EQ(OpenTcpSocket({At("192.0.2.1:0")}, &why), -1);
  EXPECT_EQ(why, EADDRNOTAVAIL);
}

TEST(ReactorTcpSocket, AResetLeavesThePairOfPortsFree) {
  Endpoint there;
  TcpPeer listener = TcpPeer::ListenAt("127.0.0.1:0", &there);
  Endpoint here;
  TcpPeer::ListenAt("127.0.0.1:0", &here).Close();
  for (int i = 0; i < 3; ++i) {
    int why = 0;
    const int fd = OpenTcpSocket({here}, &why);
    ASSERT_GE(fd, 0) << strerror(why);
    ASSERT_EQ(connect(fd, &there.any, there.size()), 0) << strerror(errno);
    TcpPeer accepted = listener.Accept();
    CloseWithReset(fd);
    EXPECT_EQ(accepted.ReceiveEnd(), "RST");
  }
}

}  // namespace
}  // namespace reactor
