// What the tests of sip/ share: messages from text and from files.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "sip/message.h"
#include "tests/guard_page.h"

namespace gmedge_test {

// The bytes of tests/data/<path>.
inline std::string ReadData(const std::string& path) {
  std::ifstream file(std::string(GMEDGE_SOURCE_DIR "/tests/data/") + path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// LF becomes CRLF, for messages written as raw strings or kept in files one can read.
inline std::string WithCrlf(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') result += '\r';
    result += c;
  }
  return result;
}

// A message parsed where its padding ends at a guard page.
struct Parsed {
  explicit Parsed(std::string_view bytes) : guarded(bytes) {
    error = sip::Parse(guarded.padded(), &message);
  }

  GuardedText guarded;
  sip::Message message;
  sip::ParseError error;
};

// A good request with `lines` (each with its CRLF) before its end.
inline std::string RequestWith(std::string_view lines, std::string_view method = "MESSAGE") {
  std::string text(method);
  text += " sip:b@example.net SIP/2.0\r\n";
  text += "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n";
  text += "From: <sip:a@example.net>;tag=1\r\n";
  text += "To: <sip:b@example.net>\r\n";
  text += "Call-ID: 1@example.net\r\n";
  text += "CSeq: 1 ";
  text += method;
  text += "\r\n";
  text += lines;
  text += "\r\n";
  return text;
}

}  // namespace gmedge_test
