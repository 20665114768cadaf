#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tools/tcp_stream.h"

namespace tools {
namespace {

TcpSegment Segment(uint32_t sequence, std::string_view payload) {
  TcpSegment segment;
  segment.sequence = sequence;
  segment.payload = payload;
  return segment;
}
TcpSegment Syn(uint32_t sequence) {
  TcpSegment segment = Segment(sequence, "");
  segment.syn = true;
  return segment;
}
TcpSegment Fin(uint32_t sequence, std::string_view payload = "") {
  TcpSegment segment = Segment(sequence, payload);
  segment.fin = true;
  return segment;
}

// Everything the stream has to tell: bytes, "<n>" for a gap, "." for the end.
std::string Told(TcpStream* stream) {
  std::string text;
  for (;;) {
    const TcpEvent event = stream->Next();
    switch (event.kind) {
      case TcpEventKind::kNone:
        return text;
      case TcpEventKind::kData:
        text += event.bytes;
        break;
      case TcpEventKind::kGap:
        text += "<" + std::to_string(event.missing) + ">";
        break;
      case TcpEventKind::kEnd:
        return text + ".";
    }
  }
}

TEST(TcpStream, InOrder) {
  TcpStream stream;
  stream.Add(Syn(99), {});
  stream.Add(Segment(100, "abc"), {});
  EXPECT_EQ(Told(&stream), "abc");
  stream.Add(Segment(103, "de"), {});
  EXPECT_EQ(Told(&stream), "de");
  stream.Add(Fin(105, "f"), {});
  EXPECT_EQ(Told(&stream), "f.");
}

TEST(TcpStream, OutOfOrderAndRetransmitted) {
  TcpStream stream;
  stream.Add(Syn(99), {});
  stream.Add(Segment(103, "def"), {});
  EXPECT_EQ(Told(&stream), "");
  stream.Add(Segment(100, "abc"), {});
  EXPECT_EQ(Told(&stream), "abcdef");
  stream.Add(Segment(100, "abc"), {});
  EXPECT_EQ(Told(&stream), "");
  stream.Add(Segment(104, "XXgh"), {});
  EXPECT_EQ(Told(&stream), "gh");
}

TEST(TcpStream, FirstDataWins) {
  TcpStream stream;
  stream.Add(Syn(99), {});
  stream.Add(Segment(102, "CC"), {});
  stream.Add(Segment(100, "aaxxx"), {});
  EXPECT_EQ(Told(&stream), "aaCCx");
}

TEST(TcpStream, SequenceNumbersWrap) {
  TcpStream stream;
  stream.Add(Syn(0xfffffffd), {});
  stream.Add(Segment(1, "def"), {});
  stream.Add(Segment(0xfffffffe, "abc"), {});
  EXPECT_EQ(Told(&stream), "abcdef");
}

TEST(TcpStream, ACaptureMayBeginInTheMiddle) {
  TcpStream stream;
  stream.Add(Segment(5000, "middle"), {});
  stream.Add(Segment(4000, "older"), {});
  EXPECT_EQ(Told(&stream), "middle");
}

TEST(TcpStream, TheEndWaitsForWhatIsMissing) {
  TcpStream stream;
  stream.Add(Syn(99), {});
  stream.Add(Fin(103), {});
  EXPECT_EQ(Told(&stream), "");
  stream.Add(Segment(100, "abc"), {});
  EXPECT_EQ(Told(&stream), "abc.");
  EXPECT_EQ(Told(&stream), ".");
}

TEST(TcpStream, WhatNeverComesIsAGapAtTheEnd) {
  TcpStream stream;
  stream.Add(Syn(99), {});
  stream.Add(Segment(105, "fg"), {});
  stream.Add(Segment(110, "kl"), {});
  EXPECT_EQ(Told(&stream), "");
  stream.Finish();
  EXPECT_EQ(Told(&stream), "<5>fg<3>kl.");
}

TEST(TcpStream, AResetEndsIt) {
  TcpStream stream;
  stream.Add(Syn(99), {});
  stream.Add(Segment(102, "cd"), {});
  TcpSegment reset = Segment(104, "why");
  reset.rst = true;
  stream.Add(reset, {});
  EXPECT_EQ(Told(&stream), "<2>cd.");
}

TEST(TcpStream, AHoleIsWaitedForSoLong) {
  TcpStream stream;
  stream.Add(Syn(99), {.number = 1, .time_us = 0});
  stream.Add(Segment(102, "cd"), {.number = 2, .time_us = 1000});
  stream.Add(Segment(104, "ef"), {.number = 3, .time_us = 1000 + TcpStream::kPatienceUs});
  EXPECT_EQ(Told(&stream), "");
  stream.Add(Segment(106, "g"), {.number = 4, .time_us = 1001 + TcpStream::kPatienceUs});
  EXPECT_EQ(Told(&stream), "<2>cdefg");
  stream.Add(Segment(100, "ab"), {.number = 5, .time_us = 1002 + TcpStream::kPatienceUs});
  EXPECT_EQ(Told(&stream), "");
}

TEST(TcpStream, AHoleIsWaitedForWithSoMuchBehindIt) {
  TcpStream bytes;
  bytes.Add(Syn(99), {});
  const std::string large(TcpStream::kWaitingMax, 'x');
  bytes.Add(Segment(102, large), {});
  EXPECT_EQ(Told(&bytes), "");
  bytes.Add(Segment(static_cast<uint32_t>(102 + large.size()), "y"), {});
  EXPECT_EQ(Told(&bytes), "<2>" + large + "y");

  TcpStream pieces;
  pieces.Add(Syn(99), {});
  for (uint32_t i = 1; i <= TcpStream::kPiecesMax; ++i) pieces.Add(Segment(100 + 2 * i, "x"), {});
  EXPECT_EQ(Told(&pieces), "");
  pieces.Add(Segment(90000, "x"), {});
  EXPECT_EQ(Told(&pieces), "<2>x");
}

TEST(TcpStream, TellsWhichPacketBroughtTheBytes) {
  TcpStream stream;
  stream.Add(Syn(99), {.number = 1, .time_us = 10});
  stream.Add(Segment(102, "b"), {.number = 2, .time_us = 20});
  stream.Add(Segment(100, "aa"), {.number = 3, .time_us = 30});
  EXPECT_EQ(stream.Next().stamp.number, 3U);
  EXPECT_EQ(stream.Next().stamp.number, 2U);
}

TEST(TcpStream, ANewSynIsAnotherConnection) {
  TcpStream stream;
  EXPECT_FALSE(stream.IsOther(Syn(99)));
  stream.Add(Syn(99), {});
  EXPECT_FALSE(stream.IsOther(Syn(99)));
  EXPECT_FALSE(stream.IsOther(Segment(500, "x")));
  EXPECT_TRUE(stream.IsOther(Syn(98)));
  TcpStream middle;
  middle.Add(Segment(5000, "x"), {});
  EXPECT_TRUE(middle.IsOther(Syn(98)));
}

TEST(TcpStream, AnyOrderGivesTheSameBytes) {
  std::minstd_rand random(7);
  std::string text;
  for (int i = 0; i < 200; ++i) text += static_cast<char>('a' + i % 26);
  for (int round = 0; round < 200; ++round) {
    std::vector<TcpSegment> segments;
    for (size_t at = 0; at < text.size();) {
      const size_t size = 1 + random() % 20;
      const size_t back = std::min<size_t>(random() % 5, at);
      segments.push_back(Segment(static_cast<uint32_t>(at - back),
                                 std::string_view(text).substr(at - back, size + back)));
      at += size;
    }
    std::shuffle(segments.begin(), segments.end(), random);
    TcpStream stream;
    stream.Add(Syn(0xffffffff), {});
    std::string told;
    for (const TcpSegment& segment : segments) {
      stream.Add(segment, {});
      told += Told(&stream);
    }
    EXPECT_EQ(told, text);
  }
}

TEST(TcpStream, EventsHaveNames) {
  EXPECT_EQ(Name(TcpEventKind::kGap), "Gap");
}

}  // namespace
}  // namespace tools
