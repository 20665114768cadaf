#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "reactor/netlink.h"
#include "tests/reactor_peer.h"

namespace reactor {
namespace {

std::vector<std::byte> GetLink(int index, uint16_t flags, uint32_t sequence) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header = {sizeof(request), RTM_GETLINK, static_cast<uint16_t>(NLM_F_REQUEST | flags),
                    sequence, 0};
  request.link.ifi_index = index;
  const std::byte* const bytes = reinterpret_cast<const std::byte*>(&request);
  return {bytes, bytes + sizeof(request)};
}

class ReactorNetlink : public testing::Test, public NetlinkSink {
 protected:
  struct Answer {
    uint16_t type;
    uint32_t sequence;
    std::string bytes;
  };

  ReactorNetlink() : reactor_(MakeReactor()) {}

  ~ReactorNetlink() override {
    if (port_ == nullptr) return;
    port_->Close();
    EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return port_->closed(); }));
  }

  // Returns the descriptor, which is the port's.
  int Open(int protocol = NETLINK_ROUTE, int receive_buffer_size = 0) {
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    if (receive_buffer_size != 0) {
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_size, sizeof(receive_buffer_size));
    }
    std::string error;
    port_ = NetlinkPort::Open(reactor_.get(), fd, this, &error);
    EXPECT_NE(port_, nullptr) << error;
    return fd;
  }

  void OnNetlink(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      nlmsghdr header;
      ASSERT_GE(bytes.size(), sizeof(header));
      std::memcpy(&header, bytes.data(), sizeof(header));
      ASSERT_GE(header.nlmsg_len, sizeof(header));
      ASSERT_LE(header.nlmsg_len, bytes.size());
      const char* const text = reinterpret_cast<const char*>(bytes.data());
      answers_.push_back(
          {header.nlmsg_type, header.nlmsg_seq, std::string(text, header.nlmsg_len)});
      bytes = bytes.subspan(std::min(bytes.size(), size_t{NLMSG_ALIGN(header.nlmsg_len)}));
    }
  }
  void OnNetlinkLoss(int error) override { losses_.push_back(error); }

  bool WaitForAnswer(uint16_t type, uint32_t sequence) {
    return RunUntil(reactor_.get(), [&] {
      return std::any_of(answers_.begin(), answers_.end(), [&](const Answer& answer) {
        return answer.type == type && answer.sequence == sequence;
      });
    });
  }

  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<NetlinkPort> port_;
  std::vector<Answer> answers_;
  std::vector<int> losses_;
};

TEST_F(ReactorNetlink, CarriesADump) {
  Open();
  for (const uint32_t sequence : {7u, 8u, 9u}) {
    ASSERT_TRUE(port_->Send(GetLink(0, NLM_F_DUMP, sequence)));
    ASSERT_TRUE(WaitForAnswer(NLMSG_DONE, sequence));
  }
  const bool has_loopback = std::any_of(answers_.begin(), answers_.end(), [](const Answer& answer) {
    return answer.type == RTM_NEWLINK && answer.sequence == 7 &&
           answer.bytes.find("lo") != std::string::npos;
  });
  EXPECT_TRUE(has_loopback);
  EXPECT_TRUE(losses_.empty());
}

TEST_F(ReactorNetlink, AnswersABatchInOrder) {
  Open();
  const int loopback = static_cast<int>(if_nametoindex("lo"));
  std::vector<std::byte> batch;
  for (uint32_t sequence = 1; sequence <= 50; ++sequence) {
    // Every tenth asks for what does not exist: its failure is one more datagram.
    const int index = sequence % 10 == 0 ? 0x7ffffff : loopback;
    const std::vector<std::byte> request = GetLink(index, 0, sequence);
    batch.insert(batch.end(), request.begin(), request.end());
  }
  ASSERT_TRUE(port_->Send(batch));
  std::fill(batch.begin(), batch.end(), std::byte{0xff});  // The port has its own copy.
  ASSERT_TRUE(WaitForAnswer(NLMSG_ERROR, 50));
  ASSERT_EQ(answers_.size(), 50u);
  for (uint32_t i = 0; i < 50; ++i) {
    EXPECT_EQ(answers_[i].sequence, i + 1);
    EXPECT_EQ(answers_[i].type, (i + 1) % 10 == 0 ? NLMSG_ERROR : RTM_NEWLINK);
  }
}

TEST_F(ReactorNetlink, LimitsTheBatchesUnderWay) {
  Open();
  for (uint32_t i = 1; i <= NetlinkPort::kInFlightMax; ++i) {
    EXPECT_TRUE(port_->Send(GetLink(1, NLM_F_ACK, i)));
  }
  EXPECT_FALSE(port_->Send(GetLink(1, NLM_F_ACK, 99)));
  ASSERT_TRUE(WaitForAnswer(NLMSG_ERROR, NetlinkPort::kInFlightMax));
  EXPECT_TRUE(port_->Send(GetLink(1, NLM_F_ACK, 100)));
  EXPECT_TRUE(WaitForAnswer(NLMSG_ERROR, 100));
}

TEST_F(ReactorNetlink, TellsWhenAnswersWereLostAndGoesOn) {
  Open(NETLINK_ROUTE, 4096);
  std::vector<std::byte> batch;
  for (uint32_t sequence = 1; sequence <= 200; ++sequence) {
    const std::vector<std::byte> request = GetLink(1, 0, sequence);
    batch.insert(batch.end(), request.begin(), request.end());
  }
  ASSERT_TRUE(port_->Send(batch));
  ASSERT_TRUE(RunUntil(reactor_.get(), [&] { return !losses_.empty(); }));
  EXPECT_EQ(losses_.front(), ENOBUFS);
  RunIdle(reactor_.get(), 20);
  EXPECT_LT(answers_.size(), 200u);
  ASSERT_TRUE(port_->Send(GetLink(1, NLM_F_ACK, 1000)));
  EXPECT_TRUE(WaitForAnswer(NLMSG_ERROR, 1000));
}

TEST_F(ReactorNetlink, SendsTheLargestBatch) {
  Open();
  std::vector<std::byte> batch;
  uint32_t sequence = 0;
  while (batch.size() + 32 <= NetlinkPort::kSendSizeMax) {
    // The kernel skips these, and answers the last one's wish for an ack.
    nlmsghdr header{32, NLMSG_NOOP, NLM_F_REQUEST, ++sequence, 0};
    if (batch.size() + 64 > NetlinkPort::kSendSizeMax) header.nlmsg_flags |= NLM_F_ACK;
    const size_t begin = batch.size();
    batch.resize(begin + 32);
    std::memcpy(batch.data() + begin, &header, sizeof(header));
  }
  ASSERT_EQ(batch.size(), NetlinkPort::kSendSizeMax);
  ASSERT_TRUE(port_->Send(batch));
  EXPECT_TRUE(WaitForAnswer(NLMSG_ERROR, sequence));
  EXPECT_TRUE(losses_.empty());
}

TEST_F(ReactorNetlink, TellsWhenASendFailed) {
  const int fd = Open();
  const int tiny = 1;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &tiny, sizeof(tiny));
  std::vector<std::byte> batch(NetlinkPort::kSendSizeMax);
  ASSERT_TRUE(port_->Send(batch));
  ASSERT_TRUE(RunUntil(reactor_.get(), [&] { return !losses_.empty(); }));
  EXPECT_EQ(losses_, (std::vector<int>{EMSGSIZE}));
}

TEST_F(ReactorNetlink, HearsTheKernelOnly) {
  const int fd = Open(NETLINK_USERSOCK);
  sockaddr_nl address{};
  socklen_t size = sizeof(address);
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const int stranger = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK);
  const nlmsghdr forged{sizeof(forged), NLMSG_ERROR, 0, 1, 0};
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(sendto(stranger, &forged, sizeof(forged), 0, reinterpret_cast<sockaddr*>(&address),
                     sizeof(address)),
              static_cast<ssize_t>(sizeof(forged)));
    RunIdle(reactor_.get(), 3);
  }
  // Taken off the socket, and thrown away.
  char left[64];
  EXPECT_EQ(recv(fd, left, sizeof(left), MSG_DONTWAIT), -1);
  EXPECT_TRUE(answers_.empty());
  EXPECT_TRUE(losses_.empty());
  close(stranger);
}

// How often `pattern` lies in the mappings of this process that are kept out of core dumps.
int CountInHiddenMemory(const std::string& pattern) {
  constexpr size_t kSizeMax = 64 << 20;  // A sanitizer's shadow is hidden as well, and huge.
  int count = 0;
  size_t begin = 0;
  size_t end = 0;
  std::ifstream maps("/proc/self/smaps");
  for (std::string line; std::getline(maps, line);) {
    size_t range[2];
    char access[5];
    if (std::sscanf(line.c_str(), "%zx-%zx %4s", &range[0], &range[1], access) == 3) {
      begin = range[0];
      end = access[1] == 'w' ? range[1] : begin;  // Not the kernel's own, as [vvar].
    }
    if (line.rfind("VmFlags:", 0) != 0 || line.find(" dd") == std::string::npos) continue;
    if (end - begin > kSizeMax) continue;
    const std::string_view bytes(reinterpret_cast<const char*>(begin), end - begin);
    for (size_t at = bytes.find(pattern); at != bytes.npos; at = bytes.find(pattern, at + 1)) {
      ++count;
    }
  }
  return count;
}

TEST_F(ReactorNetlink, KeysDoNotStayBehind) {
  Open();
  std::string key = "key";
  for (int i = 0; i < 10; ++i) key += static_cast<char>('A' + i * 2);
  std::vector<std::byte> batch = GetLink(1, NLM_F_ACK, 5);
  const size_t begin = batch.size();
  batch.resize(begin + NLMSG_ALIGN(NLMSG_HDRLEN + key.size()));
  const nlmsghdr carrier{static_cast<uint32_t>(batch.size() - begin), NLMSG_NOOP, 0, 6, 0};
  std::memcpy(batch.data() + begin, &carrier, sizeof(carrier));
  std::memcpy(batch.data() + begin + NLMSG_HDRLEN, key.data(), key.size());
  ASSERT_TRUE(port_->Send(batch));
  EXPECT_EQ(CountInHiddenMemory(key), 1);
  ASSERT_TRUE(WaitForAnswer(NLMSG_ERROR, 5));
  EXPECT_EQ(CountInHiddenMemory(key), 0);
}

TEST_F(ReactorNetlink, ClosesWithBatchesUnderWay) {
  Open();
  for (uint32_t i = 1; i <= 5; ++i) EXPECT_TRUE(port_->Send(GetLink(0, NLM_F_DUMP, i)));
  port_->Close();
  port_->Close();  // No effect.
  EXPECT_FALSE(port_->closed());
  EXPECT_FALSE(port_->Send(GetLink(0, NLM_F_DUMP, 6)));
  EXPECT_TRUE(RunUntil(reactor_.get(), [this] { return port_->closed(); }));
  port_.reset();
  RunIdle(reactor_.get(), 2);
}

TEST_F(ReactorNetlink, MayOutliveTheReactor) {
  Open();
  ASSERT_TRUE(port_->Send(GetLink(0, NLM_F_DUMP, 1)));
  reactor_.reset();
  port_.reset();
}

TEST_F(ReactorNetlink, OpenSaysWhenNoFileSlotIsLeft) {
  reactor_ = MakeReactor({.files_max = 1});
  EXPECT_EQ(reactor_->RegisterFile(0), 0);
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  std::string error;
  EXPECT_EQ(NetlinkPort::Open(reactor_.get(), fd, this, &error), nullptr);
  EXPECT_EQ(error, "netlink: all registered file slots are taken");
  EXPECT_EQ(close(fd), -1);  // It was the port's to close.
}

}  // namespace
}  // namespace reactor
