#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/sip_fixture.h"
#include "tests/tools_trace.h"
#include "tools/sip_dumper.h"

namespace tools {
namespace {

using gmedge_test::Ip4;
using gmedge_test::kAck;
using gmedge_test::ReadData;
using gmedge_test::RequestWith;
using gmedge_test::Tcp;
using gmedge_test::Trace;
using gmedge_test::Udp;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

struct Result {
  int status;
  std::string out;
  std::string errors;
};

// What becomes of one file after the other.
Result Dump(const DumpOptions& options, std::initializer_list<std::string> files) {
  char* out = nullptr;
  char* errors = nullptr;
  size_t out_size = 0;
  size_t errors_size = 0;
  std::FILE* const out_file = open_memstream(&out, &out_size);
  std::FILE* const errors_file = open_memstream(&errors, &errors_size);
  SipDumper dumper(options, out_file, errors_file);
  for (const std::string& bytes : files) {
    std::FILE* const file = std::tmpfile();
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::rewind(file);
    dumper.Dump("file\x1b", file);
  }
  std::fclose(out_file);
  std::fclose(errors_file);
  const Result result = {dumper.status(), {out, out_size}, {errors, errors_size}};
  std::free(out);
  std::free(errors);
  return result;
}

std::vector<nlohmann::json> JsonLines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(nlohmann::json::parse(line));
  }
  return lines;
}

const std::string kGood = RequestWith("Content-Length: 0\r\n");
const std::string kBad = "OPTIONS sip:a SIP/2.0\r\nVia: x\r\nContent-Length: 0\r\n\r\n";

std::string Packet(std::string_view payload) {
  return Ip4({}, 17, Udp(5060, 5062, payload));
}

TEST(SipDumper, TheStatusIsTheWorstOfAll) {
  EXPECT_EQ(Dump({}, {kGood}).status, 0);
  EXPECT_EQ(Dump({}, {kGood, kBad, kGood}).status, 1);
  EXPECT_EQ(Dump({}, {""}).status, 1);
  const std::string trace = Trace(101).Add(Packet(kGood)).bytes();
  EXPECT_EQ(Dump({}, {trace}).status, 0);
  const Result broken = Dump({}, {kBad, trace.substr(0, trace.size() - 1), kGood});
  EXPECT_EQ(broken.status, 2);
  EXPECT_THAT(broken.errors, StartsWith("sip_dump: file\\x1b: after packet 0: "));
  EXPECT_THAT(broken.out, HasSubstr("0 packets"));
  const Result no_capture = Dump({}, {trace.substr(0, 10)});
  EXPECT_EQ(no_capture.status, 2);
  EXPECT_THAT(no_capture.errors, Not(IsEmpty()));
}

TEST(SipDumper, AFileThatCannotBeOpened) {
  std::FILE* const nowhere = std::tmpfile();
  SipDumper dumper({}, nowhere, nowhere);
  dumper.Dump("no_such_file", std::fopen("/no_such_file", "rb"));
  EXPECT_EQ(dumper.status(), 2);
  std::fclose(nowhere);
}

TEST(SipDumper, SaysWherePacketsWentAndSumsUp) {
  const std::string trace = Trace(101)
                                .Add(Packet(kGood))
                                .Add(Packet(kBad))
                                .Add(Packet("\r\n\r\n"))
                                .Add(Packet("dns"))
                                .Add(Ip4({}, 50, std::string(40, 'e')))
                                .Add(Ip4({}, 6, Tcp(4000, 5060, 1, kAck, kGood)))
                                .bytes();
  const Result text = Dump({}, {trace});
  EXPECT_EQ(text.status, 1);
  EXPECT_THAT(text.out,
              StartsWith("== file\\x1b #1  2023-11-14T22:13:20.000000Z  192.0.2.1:5060 -> "
                         "192.0.2.10:5062  UDP  " +
                         std::to_string(kGood.size()) +
                         " bytes\nMESSAGE sip:b@example.net SIP/2.0\nvalid\n"));
  EXPECT_THAT(text.out, HasSubstr("192.0.2.1:4000 -> 192.0.2.10:5060  TCP"));
  EXPECT_THAT(text.out, testing::EndsWith(
                            "== file\\x1b: 6 packets, 4 UDP datagrams, 1 TCP streams; 3 messages: "
                            "2 valid, 1 invalid; 1 keep-alives, 1 not SIP, 1 ESP packets "
                            "(--esp-null looks into them)\n"));

  const std::vector<nlohmann::json> lines = JsonLines(Dump({.json = true}, {trace}).out);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["packet"], 1);
  EXPECT_EQ(lines[0]["source"], "192.0.2.1:5060");
  EXPECT_EQ(lines[0]["verdict"], "valid");
  EXPECT_EQ(lines[1]["error"]["rule"], "MissingHeader");
  EXPECT_EQ(lines[2]["transport"], "TCP");
  EXPECT_EQ(lines[3]["summary"]["invalid"], 1);
  EXPECT_EQ(lines[3]["summary"]["keep_alives"], 1);
}

TEST(SipDumper, QuietIsOnlyWhatIsWrong) {
  const std::string trace = Trace(101).Add(Packet(kGood)).bytes();
  EXPECT_EQ(Dump({.quiet = true}, {kGood, trace}).out, "");
  const std::string out = Dump({.quiet = true}, {kGood, kBad}).out;
  EXPECT_THAT(out, HasSubstr("invalid: MissingHeader at line 4, column 1"));
  EXPECT_THAT(out, Not(HasSubstr("body")));
  EXPECT_EQ(JsonLines(Dump({.json = true, .quiet = true}, {kGood, kBad, trace}).out).size(), 1U);
}

TEST(SipDumper, StreamsOfText) {
  const std::string text = kGood + "\r\n" + kBad + kGood;
  const Result result = Dump({.stream = true}, {text});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("== file\\x1b, line 1  "));
  // Lines are those of the file.
  EXPECT_THAT(result.out, HasSubstr("== file\\x1b, line 10  "));
  EXPECT_THAT(result.out, HasSubstr("invalid: MissingHeader at line 13, column 1"));
  EXPECT_THAT(result.out, HasSubstr("== file\\x1b, line 14  "));
  // As over TCP, what stands between messages begins the next one.
  EXPECT_THAT(Dump({.stream = true}, {kGood + "-- pasted --\r\n" + kGood}).out,
              HasSubstr("invalid: BadStartLine at line 9, column 11"));
  EXPECT_EQ(JsonLines(Dump({.json = true, .stream = true}, {text}).out).at(1)["first_line"], 10);

  EXPECT_THAT(Dump({.stream = true}, {kGood.substr(0, 90)}).out, HasSubstr("invalid: NoEmptyLine"));
  EXPECT_THAT(Dump({.stream = true}, {RequestWith("")}).out,
              HasSubstr("invalid: NoContentLength at line 7"));
  const Result none = Dump({.stream = true}, {"nothing\n"});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.out, HasSubstr("invalid: NoMessage: no SIP message"));
  EXPECT_EQ(JsonLines(Dump({.json = true, .stream = true}, {""}).out).at(0)["error"]["rule"],
            "NoMessage");
  // Without the option the second message is only noted.
  EXPECT_THAT(Dump({}, {text}).out, HasSubstr("bytes behind the body are ignored"));
}

TEST(SipDumper, TellsHolesInStreams) {
  const std::string trace = Trace(101)
                                .Add(Ip4({}, 6, Tcp(4000, 5060, 1, kAck, kGood.substr(0, 50))))
                                .Add(Ip4({}, 6, Tcp(4000, 5060, 101, kAck, kGood)))
                                .bytes();
  const Result result = Dump({}, {trace});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("TCP  50 bytes are missing  50 bytes\n"));
  EXPECT_THAT(result.out, HasSubstr("\nincomplete\n"));
  EXPECT_THAT(result.out, HasSubstr("2 messages: 1 valid, 0 invalid, 1 incomplete;"));
  EXPECT_THAT(result.out, HasSubstr(", 1 gaps with 50 bytes\n"));
}

TEST(SipDumper, KeysStayHiddenInEveryOutput) {
  const std::string text = ReadData("sip_dump/keys.sip");
  const std::string trace =
      Trace(101)
          .Add(Packet(text))
          .Add(Ip4({}, 6, Tcp(4000, 5060, 1, kAck, text)))
          // A hole in the middle of a challenge: the stream goes on within a key.
          .Add(Ip4({}, 6, Tcp(4001, 5060, 1, kAck, text.substr(0, 400))))
          .Add(Ip4({}, 6, Tcp(4001, 5060, 410, kAck, text.substr(409) + text)))
          .bytes();
  for (int i = 0; i < 8; ++i) {
    const DumpOptions options = {
        .json = (i & 1) != 0, .quiet = (i & 2) != 0, .stream = (i & 4) != 0};
    const std::string out = Dump(options, {text, trace}).out;
    EXPECT_THAT(out, Not(HasSubstr("445566778899")));
    EXPECT_THAT(out, Not(HasSubstr("bbaa9988776655")));
    EXPECT_THAT(out, HasSubstr("(hidden)"));
  }
  EXPECT_THAT(Dump({.reveal_keys = true}, {trace}).out, HasSubstr("445566778899"));
}

TEST(SipDumper, TooLargeAFileIsOneTooLargeMessage) {
  const Result result = Dump({}, {std::string(1'000'000, 'x')});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("invalid: TooLarge"));
}

}  // namespace
}  // namespace tools
