#include <gtest/gtest.h>

#include <memory>

#include "tests/sip_fixture.h"
#include "tools/sip_stream.h"

namespace tools {
namespace {

using gmedge_test::RequestWith;

std::string Message(std::string_view body = "") {
  return RequestWith("Content-Length: " + std::to_string(body.size()) + "\r\n") + std::string(body);
}

// Writes down what it is told, and where.
class Listener : public StreamSink {
 public:
  void OnItem(const StreamItem& item) override {
    told += std::string(Name(item.kind)) + "@" + std::to_string(item.at);
    switch (item.kind) {
      case StreamItemKind::kMessage:
      case StreamItemKind::kCutShort:
        told += " " + std::to_string(item.text.size());
        break;
      case StreamItemKind::kFault:
        told += " " + std::string(sip::Name(item.fault));
        break;
      case StreamItemKind::kSkipped:
        told += " " + std::to_string(item.skipped);
        break;
      case StreamItemKind::kKeepAlive:
        break;
    }
    told += "\n";
    last = item.text.bytes();
    stamp = item.stamp;
  }
  std::string told;
  std::string last;
  PacketStamp stamp;
};

std::string Told(std::string_view text, size_t step) {
  Listener listener;
  const std::unique_ptr<SipStream> stream = std::make_unique<SipStream>();
  for (size_t at = 0; at < text.size(); at += step) {
    stream->Feed(text.substr(at, step), {}, &listener);
  }
  stream->Finish(&listener);
  return listener.told;
}

// The same however it is fed.
std::string Told(const std::string& text) {
  const std::string told = Told(text, text.size());
  for (const size_t step : {1U, 2U, 7U, 100U}) EXPECT_EQ(Told(text, step), told) << step;
  return told;
}

TEST(SipStream, KnowsSipByItsFirstLine) {
  EXPECT_TRUE(LooksLikeSip("REGISTER sip:a SIP/2.0\r\n"));
  EXPECT_TRUE(LooksLikeSip("\r\n\r\nREGISTER sip:a SIP/2.0\n"));
  EXPECT_TRUE(LooksLikeSip("SIP/2.0 200 OK\r\n"));
  EXPECT_TRUE(LooksLikeSip("INVITE  sip:a  SIP/7.0  "));  // Broken, but meant to be.
  EXPECT_FALSE(LooksLikeSip("GET / HTTP/1.1\r\nX: a SIP/2.0\r\n"));
  EXPECT_FALSE(LooksLikeSip("RTSP/1.0 200 OK\r\n"));
  EXPECT_FALSE(LooksLikeSip("\x16\x03\x01 a SIP/2.0\r\n"));
  EXPECT_FALSE(LooksLikeSip("Via: SIP/2.0/UDP a\r\n"));
  EXPECT_FALSE(LooksLikeSip(" SIP/2.0\r\n"));
  EXPECT_FALSE(LooksLikeSip("SIP/"));
  EXPECT_FALSE(LooksLikeSip("SIP/2.0/UDP 192.0.2.1\r\n"));
  EXPECT_FALSE(LooksLikeSip("\r\n"));
  EXPECT_FALSE(LooksLikeSip(""));
}

TEST(SipStream, KnowsKeepAlives) {
  EXPECT_TRUE(IsKeepAlive("\r\n\r\n"));
  EXPECT_TRUE(IsKeepAlive(std::string_view("\0\0\0\0", 4)));
  EXPECT_TRUE(IsKeepAlive(""));
  EXPECT_FALSE(IsKeepAlive("\r\n."));
}

TEST(SipStream, CutsMessages) {
  const std::string one = Message("body");
  const std::string two = Message();
  EXPECT_EQ(Told(one + two + "\r\n" + one),
            "Message@0 " + std::to_string(one.size()) + "\nMessage@" + std::to_string(one.size()) +
                " " + std::to_string(two.size()) + "\nKeepAlive@0\nMessage@" +
                std::to_string(one.size() + two.size() + 2) + " " + std::to_string(one.size()) +
                "\n");
}

TEST(SipStream, FindsTheFirstMessageOfAStreamThatBeganBefore) {
  const std::string text = Message();
  EXPECT_EQ(Told("ngth: 3\r\n\r\nabc\r\n" + text),
            "Skipped@16 10\nMessage@16 " + std::to_string(text.size()) + "\n");
}

TEST(SipStream, GoesOnBehindAFault) {
  const std::string bad = RequestWith("");
  const std::string good = Message();
  const std::string size = std::to_string(bad.size());
  EXPECT_EQ(Told(bad + good),
            "Fault@0 NoContentLength\nMessage@" + size + " " + std::to_string(good.size()) + "\n");
  EXPECT_EQ(Told(bad + "v=0\r\n" + good),
            "Fault@0 NoContentLength\nSkipped@" + std::to_string(bad.size() + 5) + " 3\nMessage@" +
                std::to_string(bad.size() + 5) + " " + std::to_string(good.size()) + "\n");
  EXPECT_EQ(Told(RequestWith("l: 1\r\nl: 2\r\n")), "Fault@0 UnequalContentLength\n");
  EXPECT_EQ(Told(RequestWith("l: 70000\r\n")), "Fault@0 BodyTooLarge\n");
}

TEST(SipStream, ATextOfAFaultIsItsHeaders) {
  Listener listener;
  SipStream stream;
  stream.Feed("\r\n" + RequestWith("l: x\r\n") + "rest", {.number = 8, .time_us = 9}, &listener);
  EXPECT_EQ(listener.last, RequestWith("l: x\r\n"));
  EXPECT_EQ(listener.stamp.number, 8U);
}

TEST(SipStream, HeadersWithoutEndAreAFault) {
  const std::string head = "OPTIONS sip:a SIP/2.0\r\n";
  std::string text = head;
  while (text.size() < 70000) text += "X: y\r\n";
  const std::string good = "\r\n" + Message();
  EXPECT_EQ(Told(text + good, 1000).substr(0, 24), "Fault@0 HeadersTooLarge\n");
  EXPECT_NE(Told(text + good, 1000).find("\nMessage@"), std::string::npos);
}

TEST(SipStream, WhatTheEndCutsShort) {
  const std::string text = Message("body");
  const std::string cut = text.substr(0, text.size() - 1);
  EXPECT_EQ(Told(cut), "CutShort@0 " + std::to_string(cut.size()) + "\n");
  EXPECT_EQ(Told(text + "OPTIONS sip:"), "Message@0 " + std::to_string(text.size()) +
                                             "\nCutShort@" + std::to_string(text.size()) + " 12\n");
}

TEST(SipStream, GoesOnBehindAHole) {
  Listener listener;
  SipStream stream;
  const std::string text = Message("body");
  stream.Feed(text.substr(0, 50), {}, &listener);
  stream.Break(&listener);
  stream.Feed(text.substr(80) + text, {}, &listener);
  const std::string size = std::to_string(text.size());
  EXPECT_EQ(listener.told.substr(0, 14), "CutShort@0 50\n");
  EXPECT_EQ(listener.last, text);
  // A status line behind a body, too.
  stream.Feed(text.substr(0, text.size() - 2), {}, &listener);
  stream.Break(&listener);
  stream.Feed("</x>SIP/2.0 200 OK\r\nl: 0\r\n\r\n", {}, &listener);
  EXPECT_EQ(listener.last, "SIP/2.0 200 OK\r\nl: 0\r\n\r\n");
  // The rest of a header is none.
  stream.Feed(text.substr(0, 20), {}, &listener);
  stream.Break(&listener);
  stream.Feed("Via: SIP/2.0/UDP x\r\nSIP/2.0/TCP y\r\n" + text, {}, &listener);
  EXPECT_EQ(listener.last, text);
  // Between messages nothing is lost.
  listener.told.clear();
  stream.Break(&listener);
  stream.Feed(text, {}, &listener);
  EXPECT_EQ(listener.told.find("CutShort"), std::string::npos);
  EXPECT_EQ(listener.last, text);
}

TEST(SipStream, GivesUpWhatIsNoSip) {
  Listener listener;
  SipStream stream;
  for (int i = 0; i < 100 && !stream.is_given_up(); ++i) {
    stream.Feed("GET / HTTP/1.1\r\n" + std::string(1000, 'x'), {}, &listener);
  }
  EXPECT_TRUE(stream.is_given_up());
  EXPECT_FALSE(stream.is_sip());
  stream.Feed(Message(), {}, &listener);
  stream.Break(&listener);
  stream.Finish(&listener);
  EXPECT_EQ(listener.told, "");
}

TEST(SipStream, ALargeStreamIsCutInLinearTime) {
  const std::string one = Message(std::string(100, 'x'));
  std::string text;
  while (text.size() < 8'000'000) text += one;
  Listener listener;
  SipStream stream;
  stream.Feed(text, {}, &listener);  // All at once is the worst there is.
  EXPECT_EQ(static_cast<size_t>(std::count(listener.told.begin(), listener.told.end(), '\n')),
            text.size() / one.size());
}

}  // namespace
}  // namespace tools
