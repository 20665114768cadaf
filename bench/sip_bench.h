// What the benches of sip/ share: the messages of tests/data/messages with their padding, and rings
// of variants of them.
#pragma once

#include <algorithm>
#include <cassert>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sip/message.h"

namespace sip_bench {

inline constexpr const char* kMessages[] = {"a-register", "b-401", "c-invite", "d-200-register"};

inline std::string ReadMessage(const std::string& name) {
  std::ifstream file(GMEDGE_SOURCE_DIR "/tests/data/messages/" + name + ".sip", std::ios::binary);
  assert(file.is_open());
  return {std::istreambuf_iterator<char>(file), {}};
}

class PaddedMessage {
 public:
  explicit PaddedMessage(std::string_view text) : bytes_(text), size_(text.size()) {
    bytes_.resize(size_ + sip::kPaddingSize);
  }

  size_t size() const { return size_; }
  sip::PaddedView view() const { return sip::PaddedView::Promise({bytes_.data(), size_}); }

 private:
  std::string bytes_;
  size_t size_ = 0;
};

// Makes other messages of the same kind: what one phone, one call or one registration would have of
// its own is replaced, also by text of another length.
class Variants {
 public:
  explicit Variants(const std::string& name) : original_(ReadMessage(name)) {}

  std::string Next(bool shuffled) {
    std::string text = original_;
    Replace("10.45.0.2", "10." + Number(255) + "." + Number(255) + "." + Number(254), &text);
    for (const char* digits : {"001017712345678", "15551230001", "15551230002"}) {
      Replace(digits, Text("0123456789", std::string_view(digits).size()), &text);
    }
    for (const char* spi : {"61012", "61013", "4096", "4097"}) {
      Replace("=" + std::string(spi) + ";", "=" + Number(4294967295) + ";", &text);
    }
    for (const char* port : {"45061", "5100", "5101"}) Replace(port, Number(65535), &text);
    for (const char* tag : {"4f2a91c7", "9be1d7c4", "5f0a9d3b21c4", "6a1b8e4c32d5", "0a9f2c7be1",
                            "7d41e0c9b3", "2b8e90aa17", "3c26a7b0e91d44f8", "81c7f0ab23de4956",
                            "b27e1a1d33761e85846fc98f5f3a7e58", "5A1F0B7C9E3D4420A7"}) {
      Replace(tag, Hex(std::string_view(tag).size() + random_() % 9 - 2), &text);
    }
    Replace("00112233445566778899aabbccddeeff", Hex(32), &text);
    Replace("ffeeddccbbaa99887766554433221100", Hex(32), &text);
    Replace("T8rpG1pQw2o0dZB5hGx1fRk4JmN7vXqLcYs9uE3aHtI",
            Text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 43), &text);
    return shuffled ? Shuffled(text) : text;
  }

 private:
  std::string Text(std::string_view letters, size_t size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += letters[random_() % letters.size()];
    return text;
  }
  std::string Hex(size_t size) { return Text("0123456789abcdef", size); }
  std::string Number(uint32_t max) { return std::to_string(1 + random_() % max); }

  static void Replace(std::string_view from, const std::string& to, std::string* text) {
    for (size_t at = text->find(from); at != text->npos; at = text->find(from, at + to.size())) {
      text->replace(at, from.size(), to);
    }
  }

  // The header lines in another order.
  std::string Shuffled(const std::string& text) {
    const size_t end = text.find("\r\n\r\n") + 2;
    std::vector<std::string> lines;
    for (size_t at = 0; at < end;) {
      const size_t next = text.find("\r\n", at) + 2;
      lines.push_back(text.substr(at, next - at));
      at = next;
    }
    for (size_t i = lines.size() - 1; i > 1; --i) std::swap(lines[i], lines[1 + random_() % i]);
    std::string shuffled;
    for (const std::string& line : lines) shuffled += line;
    return shuffled + text.substr(end);
  }

  std::string original_;
  std::mt19937 random_{1};  // The same variants in every run, with every library.
};

// "hot": the message itself, again and again. "mix": 256 variants in turn, every second of them
// with its headers shuffled, so that no branch predictor knows the message by heart.
class Ring {
 public:
  Ring(const std::string& name, bool mix) {
    Variants variants(name);
    if (!mix) messages_.emplace_back(ReadMessage(name));
    for (int i = 0; mix && i < 256; ++i) messages_.emplace_back(variants.Next(i % 2 != 0));
    for (const PaddedMessage& message : messages_) bytes_ += message.size();
  }

  const PaddedMessage& Next() {
    const PaddedMessage& message = messages_[at_];
    at_ = at_ + 1 == messages_.size() ? 0 : at_ + 1;
    return message;
  }
  const std::vector<PaddedMessage>& messages() const { return messages_; }
  // In the mean.
  size_t message_size() const { return bytes_ / messages_.size(); }

 private:
  std::vector<PaddedMessage> messages_;
  size_t at_ = 0;
  size_t bytes_ = 0;
};

}  // namespace sip_bench
