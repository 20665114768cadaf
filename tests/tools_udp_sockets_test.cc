// Real sockets on the loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/tools_texts.h"
#include "tools/respond.h"
#include "tools/udp_sockets.h"

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

std::unique_ptr<UdpSockets> Open(const reactor::Endpoint& local) {
  std::string error;
  auto sockets = UdpSockets::Open({&local, 1}, &error);
  EXPECT_EQ(error, "");
  return sockets;
}

TEST(UdpSockets, OneSocketServesManyAddresses) {
  const auto phones = Open(At("0.0.0.0:0"));
  const auto core = Open(At("127.0.0.1:0"));
  ASSERT_TRUE(phones && core);
  reactor::Endpoint phone = At("127.9.8.7:0");
  phone.set_port(phones->local(0).port());
  Outbox outbox;
  outbox.Send(phone, core->local(0), "hello");
  phones->Send(&outbox);
  EXPECT_TRUE(outbox.empty());
  Collector at_core;
  core->Receive(1000, &at_core);
  ASSERT_THAT(at_core.texts, ElementsAre("hello"));
  EXPECT_EQ(Text(at_core.sources[0]), Text(phone));

  outbox.Send(core->local(0), phone, "back");
  core->Send(&outbox);
  Collector at_phones;
  phones->Receive(1000, &at_phones);
  ASSERT_THAT(at_phones.texts, ElementsAre("back"));
  EXPECT_EQ(Text(at_phones.locals[0]), Text(phone));
  EXPECT_EQ(Text(at_phones.sources[0]), Text(core->local(0)));
}

TEST(UdpSockets, TakesMoreThanABatchAtATime) {
  const auto sender = Open(At("127.0.0.1:0"));
  const auto receiver = Open(At("127.0.0.1:0"));
  ASSERT_TRUE(sender && receiver);
  Outbox outbox;
  constexpr size_t kCount = 200;
  for (size_t i = 0; i < kCount; ++i) {
    outbox.Send(sender->local(0), receiver->local(0), std::to_string(i));
  }
  sender->Send(&outbox);
  EXPECT_EQ(sender->counters().sent, kCount);
  Collector collector;
  while (collector.texts.size() < kCount) {
    const size_t before = collector.texts.size();
    receiver->Receive(1000, &collector);
    ASSERT_GT(collector.texts.size(), before);
  }
  for (size_t i = 0; i < kCount; ++i) EXPECT_EQ(collector.texts[i], std::to_string(i));
}

TEST(UdpSockets, WaitsNoLongerThanTold) {
  const auto sockets = Open(At("127.0.0.1:0"));
  ASSERT_TRUE(sockets);
  Collector collector;
  sockets->Receive(1, &collector);
  EXPECT_TRUE(collector.texts.empty());
}

TEST(UdpSockets, CountsWhatCannotBeSent) {
  const auto sockets = Open(At("127.0.0.1:0"));
  ASSERT_TRUE(sockets);
  const reactor::Endpoint local = sockets->local(0);
  Outbox outbox;
  outbox.Send(At("127.0.0.1:1"), local, "no such socket");
  outbox.Send(local, At("127.0.0.1:0"), "no such port");
  outbox.Send(local, local, "to myself");
  sockets->Send(&outbox);
  EXPECT_EQ(sockets->counters().send_errors, 2u);
  Collector collector;
  sockets->Receive(1000, &collector);
  EXPECT_THAT(collector.texts, ElementsAre("to myself"));
}

TEST(UdpSockets, SaysWhatCannotBeOpened) {
  const auto first = Open(At("127.0.0.1:0"));
  ASSERT_TRUE(first);
  std::string error;
  const reactor::Endpoint local = first->local(0);
  EXPECT_EQ(UdpSockets::Open({&local, 1}, &error), nullptr);
  EXPECT_EQ(error, Text(local) + ": Address already in use");
}

}  // namespace
}  // namespace tools
