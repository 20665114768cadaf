// Messages of tests and simulated runs as text: what a line of them says, and the plain answer.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tools {

inline constexpr std::string_view kPlainRealm = "ims.mnc001.mcc001.3gppnetwork.org";

// All lines of that name, as written by hand.
inline std::string LinesOf(const std::string& message, const std::string& name) {
  std::string lines;
  const std::string begin = "\r\n" + name + ": ";
  for (size_t at = 0; (at = message.find(begin, at)) != std::string::npos; at += 2) {
    lines += message.substr(at + 2, message.find("\r\n", at + 2) - at);
  }
  return lines;
}

// The value of the first; "" when there is none.
inline std::string ValueOf(const std::string& message, const std::string& name) {
  const std::string lines = LinesOf(message, name);
  if (lines.empty()) return {};
  return lines.substr(name.size() + 2, lines.find("\r\n") - name.size() - 2);
}

// What follows `name=` up to a separator, without quotes; "" when there is none.
inline std::string ParamOf(const std::string& text, const std::string& name) {
  const size_t at = text.find(name + "=");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 1 + (text[at + name.size() + 1] == '"' ? 1 : 0);
  return text.substr(begin, text.find_first_of("\",;\r", begin) - begin);
}

// REQUIRES: `from` is there, so that a test cannot lose its point.
inline std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) {
    std::fprintf(stderr, "\"%s\" is not in:\n%s", from.c_str(), text.c_str());
    abort();
  }
  return text.replace(at, from.size(), to);
}

inline int StatusOf(const std::string& message) {
  return message.starts_with("SIP/2.0 ") ? std::atoi(message.c_str() + 8) : 0;
}

// A response as the other side of a request writes it. `lines`: more headers.
inline std::string Answer(const std::string& request, int status, const std::string& lines = "") {
  return "SIP/2.0 " + std::to_string(status) + " Text\r\n" + LinesOf(request, "Via") +
         LinesOf(request, "From") + "To: " + ValueOf(request, "To") + ";tag=core\r\n" +
         LinesOf(request, "Call-ID") + LinesOf(request, "CSeq") + lines +
         "Content-Length: 0\r\n\r\n";
}

}  // namespace tools
