#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "edge/access_log.h"
#include "tests/edge_steps.h"

namespace edge {
namespace {

Template FormatOf(std::string_view text) {
  Template format;
  std::string error;
  EXPECT_TRUE(Template::Parse(text, &format, &error)) << error;
  return format;
}

// What is written while it lives.
class CapturedLog {
 public:
  CapturedLog() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>(
        "captured", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~CapturedLog() { spdlog::set_default_logger(before_); }
  std::string text() const { return lines_.str(); }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream lines_;
};

class EdgeAccessLog : public EdgeSteps {
 protected:
  std::vector<std::string> Lines() const { return world_.accesses(); }
  TestPhone phone_;
};

TEST_F(EdgeAccessLog, IsOffByDefault) {
  Register(&phone_);
  EXPECT_TRUE(Lines().empty());
}

TEST_F(EdgeAccessLog, Pitfall29HasALineForEachMessageOverATunnelAndNoOther) {
  world_.settings().log.access_format = FormatOf("$rm $rs $ipsec_ue(port-c)>$ipsec(port-s)");
  Register(&phone_);
  const std::string server = phone_.set.server.substr(phone_.set.server.find(':') + 1);
  const std::string flow = " 37001>" + server;
  // SM7 alone: SM1 came in clear, the rest from the core.
  EXPECT_EQ(Lines(), std::vector<std::string>{"REGISTER -" + flow});
  OnSet(phone_.set, phone_.Request("OPTIONS", "sip:b@x", phone_.port_us, ""));
  OnSet(phone_.set, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x\r\n\r\n");
  ASSERT_EQ(Lines().size(), 3u);
  EXPECT_EQ(Lines()[1], "OPTIONS -" + flow);
  EXPECT_EQ(Lines()[2], "- 200" + flow);
  // A malformed one came, too; a keep-alive is no message, and a stranger has no tunnel.
  OnSet(phone_.set, "OPTIONS sip:b SIP/2.0\r\nTo: <\r\n\r\n");
  EXPECT_EQ(Lines().size(), 4u);
  OnSet(phone_.set, "\r\n\r\n");
  Deliver("203.0.113.5:5060", phone_.set.server, phone_.Protected());
  EXPECT_EQ(Lines().size(), 4u);
  EXPECT_EQ(stats().keys_revealed, 0u);
}

TEST_F(EdgeAccessLog, RevealsKeysWhereAskedToAndCountsIt) {
  world_.settings().log.access_format = FormatOf("$ipsec(ik) $ipsec_ue(ck)");
  Register(&phone_);
  EXPECT_EQ(Lines(), std::vector<std::string>{std::string(kIk) + " " + std::string(kCk)});
  EXPECT_EQ(stats().keys_revealed, 1u);
}

TEST(EdgeAccessLine, IsWrittenAndARevealIsSaid) {
  const CapturedLog log;
  WriteAccess({"a line", false, "me"});
  EXPECT_EQ(log.text(), "info access a line\n");
  WriteAccess({"a key", true, "m\ne"});
  EXPECT_EQ(log.text(),
            "info access a line\ninfo access a key\n"
            "warning keys of impi=m?e revealed by log.access_format\n");
}

TEST(EdgeAccessLine, ARevealOfAHeaderIsSaid) {
  const CapturedLog log;
  WriteReveal("", "X-Keys");
  EXPECT_EQ(log.text(), "warning keys of impi=- revealed by X-Keys\n");
}

}  // namespace
}  // namespace edge
