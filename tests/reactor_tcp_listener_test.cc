#include <sys/resource.h>

#include "reactor/tcp_listener.h"
#include "tests/reactor_tcp_fixture.h"

namespace reactor {
namespace {

using ReactorTcpListener = TcpFixture;

TEST_F(ReactorTcpListener, AcceptsManyAtOnce) {
  TcpListener* const listener = Listen();
  std::vector<TcpPeer> peers;
  for (int i = 0; i < 200; ++i) peers.push_back(TcpPeer::ConnectTo(listener->local()));
  ASSERT_TRUE(Run([&] { return told_.size() == 200; }));
  for (TcpPeer& peer : peers) peer.Send("here");
  ASSERT_TRUE(Run([&] {
    for (const auto& [id, told] : told_) {
      if (told.bytes != "here") return false;
    }
    return true;
  }));
}

TEST_F(ReactorTcpListener, SaysWhyItCannotListen) {
  std::string error;
  EXPECT_EQ(
      TcpListener::Open(reactor_.get(), pool_.get(), {.local = At("192.0.2.1:5062")}, 0, &error),
      nullptr);
  EXPECT_EQ(error, "TCP 192.0.2.1:5062: Cannot assign requested address");
}

TEST_F(ReactorTcpListener, ClosedItRefusesAndWhatItAcceptedLivesOn) {
  TcpListener* const listener = Listen();
  TcpPeer peer = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 1; }));
  listener->Close();
  listener->Close();  // Once more: no effect.
  ASSERT_TRUE(Run([&] { return listener->closed(); }));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_NE(connect(fd, &listener->local().any, listener->local().size()), 0);
  EXPECT_EQ(errno, ECONNREFUSED);
  close(fd);
  peer.Send("still here");
  EXPECT_TRUE(Run([&] { return told_[last_open_].bytes == "still here"; }));
  // The port is free at once.
  EXPECT_NE(Listen(Text(listener->local())), nullptr);
}

TEST_F(ReactorTcpListener, PausesWithoutDescriptorsAndGoesOn) {
  TcpListener* const listener = Listen();
  TcpPeer first = TcpPeer::ConnectTo(listener->local());
  ASSERT_TRUE(Run([&] { return told_.size() == 1; }));
  TcpPeer second = TcpPeer::ConnectTo(listener->local());

  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{1, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  // Armed when there was none: the accept under way keeps what it was granted.
  EXPECT_TRUE(Run([&] { return told_.size() == 2 || pool_->counters().accept_errors > 0; }));
  const uint64_t errors = pool_->counters().accept_errors;
  RunIdle(reactor_.get(), 5);
  EXPECT_EQ(pool_->counters().accept_errors, errors) << "it pauses and does not spin";
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  listener->Resume();
  listener->Resume();
  EXPECT_TRUE(Run([&] { return told_.size() == 2; }));
}

}  // namespace
}  // namespace reactor
