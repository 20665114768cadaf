// More new REGISTERs at the unprotected port than the worker can take: phones that are registered
// must not notice.
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/edge_phone.h"
#include "tests/tools_edge_flow.h"

namespace tools {
namespace {

// REGISTERs of strangers in clear, as fast as a thread of its own can send them.
class Flood {
 public:
  // From a port of its own on `address` ("127.0.0.1", "[::1]"), to `to`.
  Flood(const std::string& address, const reactor::Endpoint& to)
      : address_(address), fd_(socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    reactor::Endpoint local = edge::At(address + ":0");
    EXPECT_EQ(bind(fd_, &local.any, local.size()), 0);
    socklen_t size = sizeof(local);
    EXPECT_EQ(getsockname(fd_, &local.any, &size), 0);
    EXPECT_EQ(connect(fd_, &to.any, to.size()), 0);
    port_ = local.port();
    thread_ = std::thread([this] { Run(); });
  }
  ~Flood() { Stop(); }

  void Stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    thread_.join();
    while (TakeAnswer(50)) continue;
    close(fd_);
  }
  uint64_t sent() const { return sent_; }
  // After Stop(): how many answers of each status; and the Retry-Afters of the 503s.
  const std::map<int, uint64_t>& statuses() const { return statuses_; }
  const std::map<int, uint64_t>& retry_afters() const { return retry_afters_; }

 private:
  // One REGISTER, and where the digits of its subscriber stand.
  struct Text {
    std::string bytes;
    std::vector<size_t> digits;
    iovec piece{};
  };

  void Run() {
    std::vector<Text> texts(kBatch, MakeText());
    std::vector<mmsghdr> messages(kBatch);
    for (size_t i = 0; i < kBatch; ++i) {
      texts[i].piece = {texts[i].bytes.data(), texts[i].bytes.size()};
      messages[i].msg_hdr.msg_iov = &texts[i].piece;
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    uint64_t next = kFirst;
    while (!stopping_) {
      for (Text& text : texts) {
        const std::string digits = std::to_string(next++);
        for (const size_t at : text.digits) text.bytes.replace(at, digits.size(), digits);
      }
      const int count = sendmmsg(fd_, messages.data(), kBatch, 0);
      if (count > 0) sent_ += static_cast<uint64_t>(count);
      while (TakeAnswer(0)) continue;
    }
  }

  Text MakeText() const {
    edge::TestPhone phone;
    phone.address = address_;
    phone.imsi = std::to_string(kFirst);
    Text text;
    text.bytes = phone.Register(port_, "nonce=\"\",response=\"\"", phone.SecurityClient());
    for (size_t at = text.bytes.find(phone.imsi); at != std::string::npos;
         at = text.bytes.find(phone.imsi, at + 1)) {
      text.digits.push_back(at);
    }
    return text;
  }

  bool TakeAnswer(int timeout_ms) {
    pollfd wait{fd_, POLLIN, 0};
    if (poll(&wait, 1, timeout_ms) <= 0) return false;
    char buffer[8192];
    const ssize_t size = recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size <= 0) return false;
    const std::string text(buffer, static_cast<size_t>(size));
    const int status = edge::StatusOf(text);
    ++statuses_[status];
    if (status == 503) ++retry_afters_[std::atoi(edge::ValueOf(text, "Retry-After").c_str())];
    return true;
  }

  static constexpr size_t kBatch = 64;
  static constexpr uint64_t kFirst = 262'010'000'000'000;  // Fifteen digits, as all that follow.

  const std::string address_;
  const int fd_;
  uint16_t port_ = 0;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> sent_ = 0;
  std::map<int, uint64_t> statuses_;
  std::map<int, uint64_t> retry_afters_;
};

class ToolsFlood : public EdgeFlow, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override { SetUpAt(GetParam()); }
};

// Those it admits are few (a source's half-open share), so that it is gmedge that is loaded, and
// not the core of this test.
TEST_P(ToolsFlood, RegisteredPhonesAreServedWhateverFloodsTheUnprotectedPort) {
  options_.hold_ms = 600'000;
  Begin(
      "register,hold,message,options,invite,mt-message,mt-invite,reregister,reauth,message,"
      "deregister");
  TurnUntil([this] { return fleet_->Report(NowUs()).registered == 8; });
  Flood flood(host_.substr(0, host_.size() - 1), settings_.gm.listen[0]);
  constexpr uint64_t kFlooded = 200'000;
  const uint64_t since_us = NowUs();
  TurnUntil([&] { return flood.sent() > kFlooded && NowUs() > since_us + 500'000; });
  fleet_->EndHolds();
  TurnUntil([this] { return fleet_->done(); });
  flood.Stop();

  const FleetReport report = fleet_->Report(NowUs());
  EXPECT_TRUE(report.Ok()) << report.Table() << log_.str();
  worker_->Stop();
  const edge::Stats& stats = worker_->stats();
  EXPECT_EQ(stats.registrations, 16u);  // Eight phones, each authenticated twice.
  EXPECT_EQ(stats.refreshes, 8u);
  EXPECT_EQ(stats.deregistrations, 8u);
  EXPECT_GT(stats.overloads, 0u);
  EXPECT_GT(stats.refused_overload, 0u);
  EXPECT_GT(stats.drop_overload, 0u);
  EXPECT_GT(flood.sent(), kFlooded);
  // Every one was answered, or its drop was counted.
  uint64_t answered = 0;
  for (const auto& [status, count] : flood.statuses()) {
    EXPECT_TRUE(status == 503 || status == 403 || status == 404) << status;
    answered += count;
  }
  EXPECT_LE(flood.statuses().at(503), stats.refused_overload + stats.refused_full);
  EXPECT_GE(flood.sent(), answered + stats.drop_overload);
  for (const auto& [seconds, count] : flood.retry_afters()) {
    EXPECT_TRUE(seconds >= 10 && seconds <= 20) << seconds;
  }
  EXPECT_GT(flood.retry_afters().size(), 5u) << "phones would come back together";
}

INSTANTIATE_TEST_SUITE_P(Families, ToolsFlood, testing::Values("127.0.0.1", "::1"),
                         [](const auto& row) {
                           return std::string(row.param) == "::1" ? "IPv6" : "IPv4";
                         });

}  // namespace
}  // namespace tools
