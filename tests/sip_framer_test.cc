#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "sip/framer.h"
#include "tests/sip_fixture.h"

namespace sip {
namespace {

using gmedge_test::GuardedText;
using gmedge_test::Parsed;
using gmedge_test::ReadData;
using testing::ElementsAre;

constexpr FrameLimits kLimits = {
    .headers_size_max = 8192, .body_size_max = 4096, .message_size_max = 10000};

// "Ping", "Error BadContentLength", or the text of a message.
using Frames = std::vector<std::string>;

// A framer whose storage, and every feed with its padding, ends at a page that cannot be touched.
class Stream {
 public:
  explicit Stream(const FrameLimits& limits = kLimits)
      : storage_(std::string(limits.message_size_max, '\0')),
        framer_({const_cast<char*>(storage_.text().data()), limits.message_size_max + kPaddingSize},
                limits) {}

  // False once the stream is in error.
  bool Feed(std::string_view bytes) {
    const GuardedText feed(bytes);
    framer_.Feed(feed.padded());
    for (Frame frame = framer_.Next(); frame.kind != FrameKind::kNeedMore; frame = framer_.Next()) {
      if (frame.kind == FrameKind::kError) {
        frames_.push_back("Error " + std::string(Name(frame.error)));
        return false;
      }
      const bool message = frame.kind == FrameKind::kMessage;
      frames_.emplace_back(message ? frame.text.bytes() : Name(frame.kind));
      if (message) CheckPlace(frame.text.bytes(), feed.text());
    }
    return true;
  }

  const Frames& frames() const { return frames_; }
  int copied_count() const { return copied_count_; }
  const Framer& framer() const { return framer_; }

 private:
  static bool IsInside(std::string_view piece, std::string_view whole) {
    return piece.data() >= whole.data() &&
           piece.data() + piece.size() <= whole.data() + whole.size();
  }

  void CheckPlace(std::string_view message, std::string_view feed) {
    if (IsInside(message, feed)) return;
    EXPECT_TRUE(IsInside(message, storage_.text()));
    ++copied_count_;
  }

  GuardedText storage_;
  Framer framer_;
  Frames frames_;
  int copied_count_ = 0;
};

Frames Whole(std::string_view bytes, const FrameLimits& limits = kLimits) {
  Stream stream(limits);
  stream.Feed(bytes);
  return stream.frames();
}

Frames SplitAt(std::string_view bytes, size_t at, const FrameLimits& limits = kLimits) {
  Stream stream(limits);
  if (stream.Feed(bytes.substr(0, at))) stream.Feed(bytes.substr(at));
  return stream.frames();
}

Frames ByteByByte(std::string_view bytes, const FrameLimits& limits = kLimits) {
  Stream stream(limits);
  for (size_t i = 0; i < bytes.size() && stream.Feed(bytes.substr(i, 1)); ++i) {
  }
  return stream.frames();
}

// The frames of a stream, which no split changes.
Frames FramesOf(const std::string& bytes, const FrameLimits& limits = kLimits) {
  const Frames frames = Whole(bytes, limits);
  for (size_t at = 0; at <= bytes.size(); ++at) {
    EXPECT_EQ(SplitAt(bytes, at, limits), frames) << "split at " << at;
  }
  EXPECT_EQ(ByteByByte(bytes, limits), frames);
  return frames;
}

std::string Register() {
  return ReadData("messages/a-register.sip");
}

// A message of just these header lines, each with its line end.
std::string With(std::string_view lines, std::string_view body = "") {
  return "MESSAGE sip:b SIP/2.0\r\n" + std::string(lines) + "\r\n" + std::string(body);
}

TEST(SipFramer, CutsMessagesOfFiles) {
  const std::string stream = Register() + ReadData("messages/b-401.sip") +
                             ReadData("messages/c-invite.sip") +
                             ReadData("messages/d-200-register.sip");
  EXPECT_THAT(FramesOf(stream), ElementsAre(Register(), ReadData("messages/b-401.sip"),
                                            ReadData("messages/c-invite.sip"),
                                            ReadData("messages/d-200-register.sip")));
}

TEST(SipFramer, TellsKeepAlives) {
  const std::string message = With("l: 2\r\n", "\r\n");
  EXPECT_THAT(FramesOf("\r\n"), ElementsAre("Pong"));
  EXPECT_THAT(FramesOf("\r\n\r\n"), ElementsAre("Pong", "Ping"));
  EXPECT_THAT(FramesOf("\r\n\r\n\r\n"), ElementsAre("Pong", "Ping", "Pong"));
  EXPECT_THAT(FramesOf("\r\n\r\n\r\n\r\n"), ElementsAre("Pong", "Ping", "Pong", "Ping"));
  EXPECT_THAT(FramesOf(message + "\r\n" + message + "\r\n\r\n" + message),
              ElementsAre(message, "Pong", message, "Pong", "Ping", message));
  EXPECT_THAT(FramesOf("\r\n" + message + "\r\n"), ElementsAre("Pong", message, "Pong"));
}

TEST(SipFramer, SkipsWhatIsNoKeepAlive) {
  using std::string_literals::operator""s;
  const std::string message = With("l: 0\r\n");
  EXPECT_THAT(FramesOf("\0\0\n\r\r\n\n\r\0"s), ElementsAre("Pong"));
  EXPECT_THAT(FramesOf("\r\n\0\r\n"s), ElementsAre("Pong", "Pong"));
  EXPECT_THAT(FramesOf("\r\n\n\r\n"s), ElementsAre("Pong", "Pong"));
  EXPECT_THAT(FramesOf("\r\n\r\r\n"s), ElementsAre("Pong", "Pong"));
  EXPECT_THAT(FramesOf("\0"s + message + "\0\n"s + message), ElementsAre(message, message));
}

TEST(SipFramer, ReadsContentLengthAsTheParserDoes) {
  for (const char* line :
       {"Content-Length: 4\r\n", "CONTENT-LENGTH:4\r\n", "l: 4\r\n", "L \t:\t4 \r\n",
        "Content-Length :\r\n 4\r\n", "l:\n\t4\n \n", "l: 0004\r\n",
        "l: 4\r\nContent-Length: 04\r\n", "Subject: l: 9\r\n l: 8\r\nl: 4\r\n",
        ": l: 5\r\nno colon\r\nl: 4\r\nC: 1\r\n", "a: b\r\r\n\rl: 5\r\nl: 4\r\n"}) {
    const std::string message = With(line, "body");
    EXPECT_THAT(FramesOf(message + "\r\n"), ElementsAre(message, "Pong")) << line;
    EXPECT_EQ(Parsed(message).message.body(), "body") << line;
  }
  // LF alone ends lines, and the headers.
  EXPECT_THAT(FramesOf("x\nl: 1\n\n\n"), ElementsAre("x\nl: 1\n\n\n"));
  // The start line is no header.
  EXPECT_THAT(FramesOf("l: 3\r\nl: 1\r\n\r\n."), ElementsAre("l: 3\r\nl: 1\r\n\r\n."));
}

TEST(SipFramer, RefusesAContentLengthThatCutsNothing) {
  EXPECT_THAT(FramesOf(With("")), ElementsAre("Error NoContentLength"));
  EXPECT_THAT(FramesOf("x\r\n\r\n"), ElementsAre("Error NoContentLength"));
  EXPECT_THAT(FramesOf(With("X-Content-Length: 0\r\n")), ElementsAre("Error NoContentLength"));
  for (const char* line : {"l:\r\n", "l: -1\r\n", "l: +1\r\n", "l: 1 1\r\n", "l: 1,1\r\n",
                           "l: 0x1\r\n", "l: 4294967296\r\n", "l: 1\r\nl: x\r\n", "l: 1;a\r\n",
                           "l: 1\r\n 1\r\n", "l: 99999999999999999999\r\n"}) {
    EXPECT_THAT(FramesOf(With(line)), ElementsAre("Error BadContentLength")) << line;
  }
  EXPECT_THAT(FramesOf(With("l: 1\r\nContent-Length: 2\r\n")),
              ElementsAre("Error UnequalContentLength"));
}

TEST(SipFramer, StaysInError) {
  const GuardedText bad(With("l: x\r\n") + With("l: 0\r\n"));
  std::vector<char> storage(kLimits.message_size_max + kPaddingSize);
  Framer framer(storage, kLimits);
  framer.Feed(bad.padded());
  for (int i = 0; i < 3; ++i) {
    const Frame frame = framer.Next();
    EXPECT_EQ(frame.kind, FrameKind::kError);
    EXPECT_EQ(frame.error, FrameError::kBadContentLength);
    EXPECT_EQ(frame.text.size(), 0U);
  }
  const GuardedText good(With("l: 0\r\n"));
  framer.Feed(good.padded());
  EXPECT_EQ(framer.Next().kind, FrameKind::kError);
  EXPECT_FALSE(framer.in_message());
}

TEST(SipFramer, TakesEachSizeUpToItsLimit) {
  const std::string message = With("l: 10\r\n", "0123456789");
  const size_t headers = message.size() - 10;
  const FrameLimits exact = {
      .headers_size_max = headers, .body_size_max = 10, .message_size_max = message.size()};
  EXPECT_THAT(FramesOf(message + message, exact), ElementsAre(message, message));

  FrameLimits limits = exact;
  --limits.headers_size_max;
  EXPECT_THAT(FramesOf(message, limits), ElementsAre("Error HeadersTooLarge"));
  limits = exact;
  --limits.body_size_max;
  EXPECT_THAT(FramesOf(message, limits), ElementsAre("Error BodyTooLarge"));
  limits = exact;
  --limits.message_size_max;
  EXPECT_THAT(FramesOf(message, limits), ElementsAre("Error MessageTooLarge"));
}

TEST(SipFramer, TakesTheLargestMessage) {
  const FrameLimits limits = {.headers_size_max = kMessageSizeMax,
                              .body_size_max = kMessageSizeMax,
                              .message_size_max = kMessageSizeMax};
  const std::string start = "x\r\nl: 65000\r\nX: ";
  const std::string body(65000, '\n');
  const std::string padding(kMessageSizeMax - start.size() - 4 - body.size(), 'x');
  const std::string message = start + padding + "\r\n\r\n" + body;
  ASSERT_EQ(message.size(), kMessageSizeMax);
  for (const size_t at : {size_t{0}, size_t{1}, message.size() - body.size(), message.size() - 1}) {
    EXPECT_THAT(SplitAt(message, at, limits), ElementsAre(message));
  }
  std::string larger = message;
  larger.insert(start.size(), "x");
  EXPECT_THAT(Whole(larger, limits), ElementsAre("Error MessageTooLarge"));
}

// No byte more than the limit is waited for.
TEST(SipFramer, TellsHeadersWithoutEndAtTheirLimit) {
  const FrameLimits limits = {
      .headers_size_max = 100, .body_size_max = 1000, .message_size_max = 1100};
  const std::string line = "MESSAGE sip:b SIP/2.0\r\n";
  for (const char* filling : {"x", "\r", " ", " \r\n", ",", "x\n"}) {
    std::string headers = line;
    while (headers.size() < 100) headers += filling;
    headers.resize(100);
    EXPECT_THAT(FramesOf(headers, limits), ElementsAre("Error HeadersTooLarge"));
    headers.resize(99);
    EXPECT_THAT(FramesOf(headers, limits), ElementsAre());
  }
}

TEST(SipFramer, CopiesOnlyWhatIsSplit) {
  const std::string message = Register();
  std::string thousand;
  for (int i = 0; i < 1000; ++i) thousand += message;
  Stream stream;
  EXPECT_TRUE(stream.Feed(thousand));
  EXPECT_EQ(stream.frames(), Frames(1000, message));
  EXPECT_EQ(stream.copied_count(), 0);
  EXPECT_FALSE(stream.framer().in_message());

  // Half a message, two whole ones, and half a message.
  EXPECT_TRUE(stream.Feed(message.substr(0, 700)));
  EXPECT_TRUE(stream.framer().in_message());
  EXPECT_TRUE(stream.Feed(message.substr(700) + message + message + message.substr(0, 3)));
  EXPECT_EQ(stream.copied_count(), 1);
  EXPECT_TRUE(stream.Feed(""));
  EXPECT_TRUE(stream.Feed(message.substr(3)));
  EXPECT_EQ(stream.copied_count(), 2);
  EXPECT_EQ(stream.frames(), Frames(1004, message));
}

// Whatever is in a message, and more lines than the parser takes: the framer cuts it all the same.
TEST(SipFramer, CutsMessagesThatAreNoSip) {
  std::string many = "?\r\n";
  for (int i = 0; i < 120; ++i) many += "a: b\r\n";
  const std::string last = many + "l: 1\r\n\r\n.";
  const std::string first = "?\r\nl: 1\r\n" + many + "\r\n.";
  EXPECT_THAT(FramesOf(last + "\r\n"), ElementsAre(last, "Pong"));
  EXPECT_THAT(FramesOf(first), ElementsAre(first));
  EXPECT_THAT(FramesOf("?\r\nl: 1\r\n" + many + "l: 2\r\n\r\n"),
              ElementsAre("Error UnequalContentLength"));
}

// Nanoseconds per byte of a message of that size, fed byte by byte, its header section made of what
// steers the scan.
double ByteByByteCost(std::string_view filling, size_t size) {
  std::string message = "x\r\n";
  while (message.size() < size) message += filling;
  message += " \r\nl:1\r\n\r\n.";
  const std::string padded = message + std::string(kPaddingSize, '\0');
  const FrameLimits limits = {
      .headers_size_max = 65000, .body_size_max = 10, .message_size_max = kMessageSizeMax};
  std::vector<char> storage(limits.message_size_max + kPaddingSize);
  Framer framer(storage, limits);
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < message.size(); ++i) {
    framer.Feed(PaddedView::Promise(std::string_view(padded).substr(i, 1)));
    const Frame frame = framer.Next();
    const bool last = i + 1 == message.size();
    EXPECT_EQ(frame.kind, last ? FrameKind::kMessage : FrameKind::kNeedMore);
    EXPECT_EQ(frame.text.bytes(), last ? message : "");
  }
  const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
  return time.count() / static_cast<double>(message.size());
}

// A message of 64 KiB costs per byte what one of 1 KiB does. Were anything scanned again at each
// byte, it would be some hundred times as much; 20 leaves room for a busy machine.
TEST(SipFramer, TakesLinearTime) {
  for (const char* filling : {" \r\n", ",", "\r", "l:1\n", "l:\r\n 1\r\n", "\t\r\n \r\n", ":"}) {
    double small = 1e9;
    double large = 1e9;
    for (int round = 0; round < 5; ++round) {
      small = std::min(small, ByteByByteCost(filling, 1000));
      large = std::min(large, ByteByByteCost(filling, 64900));
    }
    EXPECT_LT(large, 20 * small) << filling;
  }
}

TEST(SipFramerDeathTest, WantsRoomAndItsOrder) {
  std::vector<char> storage(kLimits.message_size_max + kPaddingSize);
  EXPECT_DEATH(Framer({storage.data(), storage.size() - 1}, kLimits), "");
  EXPECT_DEATH(Framer(storage, FrameLimits{}), "");
  FrameLimits limits = kLimits;
  limits.headers_size_max = limits.message_size_max + 1;
  EXPECT_DEATH(Framer(storage, limits), "");
  limits = kLimits;
  limits.message_size_max = kMessageSizeMax + 1;
  EXPECT_DEATH(Framer(std::span<char>(storage.data(), 2 * kMessageSizeMax), limits), "");
  Framer framer(storage, kLimits);
  const GuardedText feed("x");
  framer.Feed(feed.padded());
  EXPECT_DEATH(framer.Feed(feed.padded()), "");
}

TEST(SipFrame, EveryKindAndErrorHasItsName) {
  EXPECT_EQ(Name(FrameKind::kNeedMore), "NeedMore");
  EXPECT_EQ(Name(FrameKind::kMessage), "Message");
  EXPECT_EQ(Name(FrameKind::kPong), "Pong");
  EXPECT_EQ(Name(FrameKind::kPing), "Ping");
  EXPECT_EQ(Name(FrameKind::kError), "Error");
  EXPECT_EQ(Name(FrameError::kOk), "Ok");
  EXPECT_EQ(Name(FrameError::kHeadersTooLarge), "HeadersTooLarge");
  EXPECT_EQ(Name(FrameError::kBodyTooLarge), "BodyTooLarge");
  EXPECT_EQ(Name(FrameError::kMessageTooLarge), "MessageTooLarge");
  EXPECT_EQ(Name(FrameError::kNoContentLength), "NoContentLength");
  EXPECT_EQ(Name(FrameError::kBadContentLength), "BadContentLength");
  EXPECT_EQ(Name(FrameError::kUnequalContentLength), "UnequalContentLength");
}

TEST(SipFramer, TakesAnotherStorageBetweenMessages) {
  const std::string message = "OPTIONS sip:a SIP/2.0\r\nl: 2\r\n\r\nab";
  std::vector<char> first(kLimits.message_size_max + kPaddingSize);
  std::vector<char> second(first.size());
  Framer framer(first, kLimits);
  for (std::vector<char>* storage : {&second, &first, &second}) {
    framer.set_storage(*storage);
    const GuardedText begin(message.substr(0, 10));
    framer.Feed(begin.padded());
    EXPECT_EQ(framer.Next().kind, FrameKind::kNeedMore);
    const GuardedText rest(message.substr(10));
    framer.Feed(rest.padded());
    const Frame frame = framer.Next();
    ASSERT_EQ(frame.kind, FrameKind::kMessage);
    EXPECT_EQ(frame.text.bytes(), message);
    EXPECT_EQ(frame.text.bytes().data(), storage->data());
    EXPECT_EQ(framer.Next().kind, FrameKind::kNeedMore);
  }
}

// Another process may go on with a stream, wherever it was cut.
TEST(SipFramer, WhatIsUnfinishedIsAllThatAnotherFramerNeeds) {
  const std::string message =
      "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 4\r\n\r\nbody";
  const std::string bytes = message + "\r\n\r\n" + message + "\r\n\r\n\r\n\r\n" + message;
  const auto without_pongs = [](Frames frames) {
    std::erase(frames, "Pong");
    return frames;
  };
  for (size_t at = 0; at <= bytes.size(); ++at) {
    Stream first;
    first.Feed(bytes.substr(0, at));
    Stream second;
    second.Feed(std::string(first.framer().unfinished()));
    EXPECT_THAT(without_pongs(second.frames()), testing::IsEmpty()) << at;
    second.Feed(bytes.substr(at));
    Frames all = without_pongs(first.frames());
    for (const std::string& frame : without_pongs(second.frames())) all.push_back(frame);
    EXPECT_EQ(all, without_pongs(Whole(bytes))) << at;
  }
}

}  // namespace
}  // namespace sip
