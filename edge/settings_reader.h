// Reads one value of the settings file: kind, range, words, addresses. What is wrong becomes a note
// that says what was read and what is allowed, and the setting keeps its default.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/settings_draft.h"
#include "edge/settings_toml.h"

namespace edge {

// By the values of SecAgree, SecurityServer and Transport.
inline constexpr std::array<std::string_view, 3> kSecAgreeWords = {"require", "prefer", "off"};
inline constexpr std::array<std::string_view, 2> kSecurityServerWords = {"static", "selected"};
inline constexpr std::array<std::string_view, 2> kTransportWords = {"udp", "tcp"};

class SettingsReader {
 public:
  // `draft` takes the notes. Views and references live as long as the reader.
  SettingsReader(SettingsPath path, const TomlValue& value, SettingsDraft* draft)
      : path_(path), value_(value), draft_(draft) {}

  // False once something was wrong.
  bool is_good() const { return is_good_; }

  // `what` names the values: "packets", "seconds".
  void Integer(int64_t min, int64_t max, std::string_view what, uint32_t* out);
  void Seconds(uint32_t max, uint32_t* out) { Integer(1, max, "seconds", out); }
  // 1..65535.
  void Port(uint16_t* out);
  void Port(std::optional<uint16_t>* out);
  // What of a message over UDP is too much: 0..65535 bytes.
  void UdpSize(uint32_t* out) { Integer(0, 65'535, "bytes; 0: TCP first, 65535: UDP", out); }
  // Boolean, 0 or 1, "yes" or "no".
  void Boolean(bool* out);
  // Boolean, or an array of the numbers of CPUs, none twice. *is_pinned: true, or the array.
  void Cpus(bool* is_pinned, std::vector<uint32_t>* out);
  // `index` of the word in `words`.
  void Word(std::span<const std::string_view> words, size_t* index);
  // One of them, or an array.
  void Words(std::span<const std::string_view> words, std::vector<size_t>* indices);
  // "192.0.2.0/24", "2001:db8::/32", an address alone, or an array of them.
  void Networks(std::vector<Network>* out);
  void Pattern(std::optional<Glob>* out);
  // Text with variables.
  void Format(Template* out);
  // Of a header that gmedge has no rule of its own for.
  void HeaderName(std::string* out);
  // One word of Condition::Of() or an array of them.
  void When(Condition* out);
  // Printable text that can stand in a header; without " and \ when it will stand in quotes.
  void Text(bool will_be_quoted, std::string* out);
  // "112" or an array of such, as they are dialled.
  void Numbers(std::vector<std::string>* out);
  // A host name, an IPv4 address, or an IPv6 address (brackets are added when missing).
  void Host(std::string* out);
  void Algorithms(AlgorithmList* out);
  // "IP" or "IP:port", port 5060 when missing; and one of that form or an array of them.
  void Address(std::optional<reactor::Endpoint>* out);
  void Addresses(std::vector<SettingsDraft::Socket>* out);
  // Likewise, each "ipsec:IP[:port]".
  void ProtectedSockets(std::vector<SettingsDraft::Socket>* out);

 private:
  using OneSocket = bool (SettingsReader::*)(const TomlValue& value, SettingsDraft::Socket* socket);

  void OneNetwork(const TomlValue& value, std::vector<Network>* out);
  bool Is(TomlValue::Kind kind, std::string_view allowed);
  void Fail(const TomlValue& value, std::string_view why);
  void EachSocket(OneSocket read, std::vector<SettingsDraft::Socket>* out);
  bool ReadAddress(const TomlValue& value, SettingsDraft::Socket* socket);
  bool ReadProtectedSocket(const TomlValue& value, SettingsDraft::Socket* socket);
  bool ReadEndpoint(const TomlValue& value, std::string_view text, std::string_view form,
                    SettingsDraft::Socket* socket);

  SettingsPath path_;
  const TomlValue& value_;
  SettingsDraft* draft_;
  bool is_good_ = true;
};

}  // namespace edge
