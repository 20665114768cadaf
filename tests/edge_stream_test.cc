#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "edge/stream.h"

namespace edge {
namespace {

std::string Message(size_t body_size) {
  return "OPTIONS sip:a SIP/2.0\r\nContent-Length: " + std::to_string(body_size) + "\r\n\r\n" +
         std::string(body_size, 'b');
}

class EdgeStream : public testing::Test {
 protected:
  Stream::State Feed(Stream* stream, const std::string& text, size_t stop_at = SIZE_MAX) {
    std::string padded = text;
    padded.append(sip::kPaddingSize, '\xff');
    const auto bytes = sip::PaddedView::Promise({padded.data(), text.size()});
    return stream->Feed(bytes, [&](const sip::Frame& frame) {
      const std::string_view got = frame.text.bytes();
      frames_.push_back(frame.kind == sip::FrameKind::kMessage ? std::string(got)
                                                               : std::string(Name(frame.kind)));
      const bool lies_in_feed = got.data() >= padded.data() && got.data() < &padded.back();
      if (frame.kind == sip::FrameKind::kMessage && !lies_in_feed) ++copied_;
      return frames_.size() < stop_at;
    });
  }
  std::vector<std::string> frames_;
  int copied_ = 0;
};

TEST_F(EdgeStream, MessagesOfOneReadAreNotCopiedAndHoldNoStorage) {
  FrameStorages storages(1);
  Stream stream(&storages);
  std::string all;
  std::vector<std::string> wanted;
  for (size_t i = 0; i < 1000; ++i) {
    wanted.push_back(Message(i % 50));
    all += wanted.back();
  }
  EXPECT_EQ(Feed(&stream, all), Stream::State::kBetween);
  EXPECT_EQ(frames_, wanted);
  EXPECT_EQ(copied_, 0);
  EXPECT_EQ(storages.available(), 1u);
}

TEST_F(EdgeStream, AMessageOfManyReadsHoldsAStorageUntilItHasEnded) {
  FrameStorages storages(1);
  Stream stream(&storages);
  const std::string text = Message(20);
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    EXPECT_EQ(Feed(&stream, text.substr(i, 1)), Stream::State::kInMessage);
    EXPECT_EQ(storages.available(), 0u);
    EXPECT_TRUE(stream.in_message());
  }
  EXPECT_EQ(Feed(&stream, text.substr(text.size() - 1) + "\r\n\r\n"), Stream::State::kBetween);
  EXPECT_EQ(frames_, (std::vector<std::string>{text, "Pong", "Ping"}));
  EXPECT_EQ(copied_, 1);
  EXPECT_EQ(storages.available(), 1u);
  EXPECT_EQ(Feed(&stream, text), Stream::State::kBetween);
  EXPECT_EQ(copied_, 1);
}

TEST_F(EdgeStream, StreamsTakeTurnsWithTheStorages) {
  FrameStorages storages(2);
  Stream first(&storages);
  Stream second(&storages);
  Stream third(&storages);
  const std::string text = Message(5);
  EXPECT_EQ(Feed(&first, text.substr(0, 9)), Stream::State::kInMessage);
  EXPECT_EQ(Feed(&second, text.substr(0, 30)), Stream::State::kInMessage);
  EXPECT_EQ(Feed(&third, text), Stream::State::kNoStorage);
  EXPECT_EQ(Feed(&first, text.substr(9)), Stream::State::kBetween);
  {
    Stream fourth(&storages);
    EXPECT_EQ(Feed(&fourth, text + text.substr(0, 1)), Stream::State::kInMessage);
    EXPECT_EQ(storages.available(), 0u);
  }  // It goes in the middle of a message.
  EXPECT_EQ(storages.available(), 1u);
  EXPECT_EQ(Feed(&second, text.substr(30)), Stream::State::kBetween);
  EXPECT_EQ(frames_, (std::vector<std::string>{text, text, text}));
}

TEST_F(EdgeStream, WhatCannotBeCutBreaksIt) {
  FrameStorages storages(1);
  const std::string head = "OPTIONS sip:a SIP/2.0\r\n";
  const struct {
    std::string text;
    sip::FrameError error;
  } kRows[] = {
      {head + "\r\n", sip::FrameError::kNoContentLength},
      {head + "l: x\r\n\r\n", sip::FrameError::kBadContentLength},
      {head + "l: 1\r\nContent-Length: 2\r\n\r\n", sip::FrameError::kUnequalContentLength},
      {head + "l: 65508\r\n\r\n", sip::FrameError::kBodyTooLarge},
      {head + "l: 65507\r\n\r\n", sip::FrameError::kMessageTooLarge},
      {std::string(32768, 'x'), sip::FrameError::kHeadersTooLarge},
  };
  for (const auto& row : kRows) {
    Stream stream(&storages);
    EXPECT_EQ(Feed(&stream, row.text), Stream::State::kBroken);
    EXPECT_EQ(stream.error(), row.error);
  }
  EXPECT_TRUE(frames_.empty());
  EXPECT_EQ(storages.available(), 1u);
}

TEST_F(EdgeStream, TheVisitorMayStop) {
  FrameStorages storages(1);
  {
    Stream stream(&storages);
    EXPECT_EQ(Feed(&stream, Message(1) + Message(2) + Message(3), 2), Stream::State::kStopped);
  }
  EXPECT_EQ(frames_, (std::vector<std::string>{Message(1), Message(2)}));
  EXPECT_EQ(storages.available(), 1u);
}

}  // namespace
}  // namespace edge
