// Real sockets on the loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/free_ports.h"
#include "tests/tools_texts.h"
#include "tools/respond.h"
#include "tools/sip_sockets.h"
#include "tools/tcp_sockets.h"

namespace tools {
namespace {

using testing::ElementsAre;

struct Collector : UdpSink {
  void OnDatagram(const reactor::Endpoint& local, const reactor::Endpoint& source,
                  sip::PaddedView bytes) override {
    locals.push_back(local);
    sources.push_back(source);
    texts.emplace_back(bytes.bytes());
  }
  std::vector<reactor::Endpoint> locals, sources;
  std::vector<std::string> texts;
};

std::string Message(const std::string& transport, size_t body_size = 0) {
  return "MESSAGE sip:a SIP/2.0\r\nVia: SIP/2.0/" + transport +
         " 127.0.0.1\r\nContent-Length: " + std::to_string(body_size) + "\r\n\r\n" +
         std::string(body_size, 'b');
}

reactor::Endpoint FreePort() {
  return reactor::FreePorts(At("127.0.0.1:0"), 1)[0];
}

std::unique_ptr<SipSockets> Open(const reactor::Endpoint& local) {
  std::string error;
  auto sockets = SipSockets::Open({&local, 1}, {}, &error);
  EXPECT_EQ(error, "");
  return sockets;
}

bool Until(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!done() && std::chrono::steady_clock::now() < end) continue;
  return done();
}

TEST(TcpSockets, AMessageTakesTheTransportOfItsVia) {
  const reactor::Endpoint core_at = FreePort();
  reactor::Endpoint phone_at = FreePort();
  const auto core = Open(core_at);
  reactor::Endpoint any = At("0.0.0.0:0");
  any.set_port(phone_at.port());
  const auto phones = Open(any);
  ASSERT_TRUE(core && phones);
  reactor::Endpoint phone = At("127.9.8.7:0");
  phone.set_port(phone_at.port());

  Collector at_core;
  Collector at_phone;
  Outbox outbox;
  outbox.Send(phone, core_at, Message("UDP"));
  outbox.Send(phone, core_at, Message("TCP", 3000));
  phones->Send(&outbox);
  ASSERT_TRUE(Until([&] {
    core->Receive(10, &at_core);
    return at_core.texts.size() == 2;
  }));
  EXPECT_THAT(at_core.texts, ElementsAre(Message("UDP"), Message("TCP", 3000)));
  for (const reactor::Endpoint& source : at_core.sources) EXPECT_EQ(Text(source), Text(phone));

  // Back on the same connection, as often as one likes.
  for (int i = 0; i < 3; ++i) outbox.Send(core_at, phone, Message("TCP", 1));
  core->Send(&outbox);
  ASSERT_TRUE(Until([&] {
    phones->Receive(10, &at_phone);
    return at_phone.texts.size() == 3;
  }));
  EXPECT_EQ(Text(at_phone.locals[0]), Text(phone));
  EXPECT_EQ(phones->tcp().counters().connected, 1u);
  EXPECT_EQ(core->tcp().counters().accepted, 1u);
  EXPECT_EQ(core->tcp().counters().connected, 0u);
}

TEST(TcpSockets, AConnectionThatWasClosedIsMadeAnew) {
  const reactor::Endpoint core_at = FreePort();
  const reactor::Endpoint phone = FreePort();
  const auto core = Open(core_at);
  const auto phones = Open(phone);
  ASSERT_TRUE(core && phones);
  Collector at_core;
  for (uint64_t i = 1; i <= 2; ++i) {
    Outbox outbox;
    outbox.Send(phone, core_at, Message("TCP"));
    phones->Send(&outbox);
    ASSERT_TRUE(Until([&] {
      core->Receive(10, &at_core);
      return at_core.texts.size() == i;
    }));
    // The other side closes, so that the pair of ports is free at once.
    core->Close(core_at, phone);
    core->Close(core_at, phone);
    Collector nothing;
    phones->Receive(100, &nothing);
  }
  EXPECT_EQ(core->tcp().counters().accepted, 2u);
}

TEST(TcpSockets, WhatFindsNobodyIsCounted) {
  const reactor::Endpoint phone = FreePort();
  const reactor::Endpoint nobody = FreePort();
  const auto phones = Open(phone);
  Outbox outbox;
  outbox.Send(phone, nobody, Message("TCP"));
  outbox.Send(At("192.0.2.1:5060"), nobody, Message("TCP"));
  phones->Send(&outbox);
  EXPECT_TRUE(outbox.empty());
  Collector nothing;
  EXPECT_TRUE(Until([&] {
    phones->Receive(10, &nothing);
    return phones->tcp().counters().failed == 2;
  }));
}

TEST(TcpSockets, SaysWhatIsWrong) {
  std::string error;
  const reactor::Endpoint nowhere = At("192.0.2.1:5060");
  EXPECT_EQ(TcpSockets::Open({&nowhere, 1}, &error), nullptr);
  EXPECT_EQ(error, "TCP 192.0.2.1:5060: Cannot assign requested address");
}

}  // namespace
}  // namespace tools
