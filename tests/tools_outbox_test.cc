#include <gtest/gtest.h>

#include <string>

#include "tests/tools_texts.h"
#include "tools/outbox.h"

namespace tools {
namespace {

TEST(Outbox, KeepsTextsInOrder) {
  Outbox outbox;
  const reactor::Endpoint local = At("192.0.2.1:1");
  const reactor::Endpoint peer = At("192.0.2.2:2");
  for (int i = 0; i < 1000; ++i)
    outbox.Send(local, peer, std::string(100, 'a') + std::to_string(i));
  ASSERT_EQ(outbox.datagrams().size(), 1000u);
  EXPECT_EQ(outbox.Text(outbox.datagrams()[0]), std::string(100, 'a') + "0");
  EXPECT_EQ(outbox.Text(outbox.datagrams()[999]), std::string(100, 'a') + "999");
  EXPECT_EQ(outbox.datagrams()[5].local, local);
  EXPECT_EQ(outbox.datagrams()[5].peer, peer);
}

TEST(Outbox, CountsWhatWasNotWritten) {
  Outbox outbox;
  outbox.Reserve();
  outbox.Commit(At("192.0.2.1:1"), At("192.0.2.2:2"), 0);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.dropped(), 1u);
}

TEST(Outbox, TakesTheLargestMessage) {
  Outbox outbox;
  const std::string text(Outbox::kMessageSizeMax, 'x');
  outbox.Send(At("192.0.2.1:1"), At("192.0.2.2:2"), text);
  EXPECT_EQ(outbox.Text(outbox.datagrams()[0]), text);
  outbox.Clear();
  EXPECT_TRUE(outbox.empty());
}

// The sanitizers watch: the parser reads this far.
TEST(Outbox, PaysThePaddingPromise) {
  Outbox outbox;
  outbox.Send(At("192.0.2.1:1"), At("192.0.2.2:2"), std::string(Outbox::kMessageSizeMax, 'x'));
  const std::string_view bytes = outbox.Payload(outbox.datagrams()[0]).bytes();
  volatile char sum = 0;
  for (size_t i = 0; i < sip::kPaddingSize; ++i) {
    sum = static_cast<char>(sum + bytes.data()[bytes.size() + i]);
  }
  EXPECT_EQ(bytes.size(), Outbox::kMessageSizeMax);
}

}  // namespace
}  // namespace tools
