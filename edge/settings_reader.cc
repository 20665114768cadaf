#include "edge/settings_reader.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "edge/emergency.h"
#include "edge/emergency_limits.h"
#include "edge/limits.h"

namespace edge {
namespace {

using Kind = TomlValue::Kind;
using reactor::Endpoint;

constexpr uint16_t kSipPort = 5060;
constexpr std::string_view kAddressForm =
    "\"IP\" or \"IP:port\", IPv6 as \"[v6]:port\"; names are not resolved";
constexpr std::string_view kSocketForm =
    "\"ipsec:IP\" or \"ipsec:IP:port\", IPv6 as \"ipsec:[v6]:port\"; names are not resolved";

// What an address of ours or of the core cannot be, or nothing. A wildcard has no address that
// could stand in an SA, a Via or a Path.
std::string_view WhyUnusable(const Endpoint& endpoint) {
  if (endpoint.family() == AF_INET) {
    const uint32_t address = ntohl(endpoint.v4.sin_addr.s_addr);
    if (address == INADDR_ANY) return "a wildcard is no address: name each one";
    if (address == INADDR_BROADCAST || IN_MULTICAST(address)) return "not a unicast address";
    return {};
  }
  const in6_addr& address = endpoint.v6.sin6_addr;
  if (IN6_IS_ADDR_UNSPECIFIED(&address)) return "a wildcard is no address: name each one";
  if (IN6_IS_ADDR_MULTICAST(&address)) return "not a unicast address";
  if (IN6_IS_ADDR_LINKLOCAL(&address)) return "link-local addresses are not supported";
  return {};
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.';
}

}  // namespace

void SettingsReader::Integer(int64_t min, int64_t max, std::string_view what, uint32_t* out) {
  const std::string allowed = fmt::format("allowed are {}..{} ({})", min, max, what);
  if (!Is(Kind::kInteger, allowed)) return;
  if (value_.integer < min || value_.integer > max) return Fail(value_, allowed);
  *out = static_cast<uint32_t>(value_.integer);
}

void SettingsReader::Port(uint16_t* out) {
  constexpr std::string_view kAllowed = "a port is 1..65535";
  if (!Is(Kind::kInteger, kAllowed)) return;
  if (value_.integer < 1 || value_.integer > UINT16_MAX) return Fail(value_, kAllowed);
  *out = static_cast<uint16_t>(value_.integer);
}

void SettingsReader::Port(std::optional<uint16_t>* out) {
  uint16_t port = 0;
  Port(&port);
  if (is_good_) *out = port;
}

void SettingsReader::Boolean(bool* out) {
  const bool is_yes = value_.kind == Kind::kString && value_.string == "yes";
  const bool is_no = value_.kind == Kind::kString && value_.string == "no";
  const bool is_bit = value_.kind == Kind::kInteger && (value_.integer == 0 || value_.integer == 1);
  if (value_.kind == Kind::kBoolean) {
    *out = value_.boolean;
  } else if (is_bit) {
    *out = value_.integer == 1;
  } else if (is_yes || is_no) {
    *out = is_yes;
  } else {
    Fail(value_, "allowed are true, false, 1, 0, \"yes\", \"no\"");
  }
}

void SettingsReader::Cpus(bool* is_pinned, std::vector<uint32_t>* out) {
  constexpr int64_t kCpuMax = 1023;  // Of cpu_set_t.
  const std::string allowed =
      fmt::format("allowed are true, false or an array of CPUs, each 0..{} and once", kCpuMax);
  if (value_.kind != Kind::kArray) {
    if (value_.kind != Kind::kBoolean) return Fail(value_, allowed);
    *is_pinned = value_.boolean;
    return;
  }
  std::vector<uint32_t> cpus;
  for (const TomlValue& item : value_.items) {
    const bool is_cpu = item.kind == Kind::kInteger && item.integer >= 0 && item.integer <= kCpuMax;
    const auto cpu = static_cast<uint32_t>(is_cpu ? item.integer : 0);
    if (!is_cpu || std::find(cpus.begin(), cpus.end(), cpu) != cpus.end()) {
      return Fail(value_, allowed);
    }
    cpus.push_back(cpu);
  }
  if (cpus.empty()) return Fail(value_, allowed);
  *is_pinned = true;
  *out = std::move(cpus);
}

void SettingsReader::Word(std::span<const std::string_view> words, size_t* index) {
  const std::string allowed = fmt::format("allowed are \"{}\"", fmt::join(words, "\", \""));
  if (!Is(Kind::kString, allowed)) return;
  const auto found = std::find(words.begin(), words.end(), value_.string);
  if (found == words.end()) return Fail(value_, allowed);
  *index = static_cast<size_t>(found - words.begin());
}

void SettingsReader::Words(std::span<const std::string_view> words, std::vector<size_t>* indices) {
  std::span<const TomlValue> values(&value_, 1);
  if (value_.kind == Kind::kArray) values = value_.items;
  for (const TomlValue& value : values) {
    const bool is_text = value.kind == Kind::kString;
    const auto found = is_text ? std::find(words.begin(), words.end(), value.string) : words.end();
    if (found == words.end()) {
      return Fail(value,
                  fmt::format("allowed are \"{}\", one or an array", fmt::join(words, "\", \"")));
    }
    indices->push_back(static_cast<size_t>(found - words.begin()));
  }
}

void SettingsReader::Numbers(std::vector<std::string>* out) {
  std::span<const TomlValue> values(&value_, 1);
  if (value_.kind == Kind::kArray) values = value_.items;
  if (values.size() > kEmergencyNumbersMax) {
    return Fail(value_, fmt::format("allowed are 0..{} numbers", kEmergencyNumbersMax));
  }
  for (const TomlValue& value : values) {
    if (value.kind != Kind::kString || !IsDialString(value.string) ||
        value.string.size() > kEmergencyNumberSizeMax) {
      return Fail(value, fmt::format("allowed are \"112\" and such, of at most {} of 0..9, *, #, +",
                                     kEmergencyNumberSizeMax));
    }
    out->push_back(value.string);
  }
}

void SettingsReader::Networks(std::vector<Network>* out) {
  std::span<const TomlValue> values(&value_, 1);
  if (value_.kind == Kind::kArray) values = value_.items;
  if (values.empty() || values.size() > kNetworksMax) {
    return Fail(value_, fmt::format("allowed are 1..{} networks", kNetworksMax));
  }
  for (const TomlValue& value : values) OneNetwork(value, out);
}

void SettingsReader::OneNetwork(const TomlValue& value, std::vector<Network>* out) {
  constexpr std::string_view kAllowed = "allowed are \"192.0.2.0/24\", \"2001:db8::/32\" and such";
  if (value.kind != Kind::kString) {
    return Fail(value, fmt::format("this is {}; {}", Name(value.kind), kAllowed));
  }
  Network network;
  switch (ParseNetwork(value.string, &network)) {
    case NetworkError::kOk:
      return out->push_back(network);
    case NetworkError::kMalformed:
      return Fail(value, kAllowed);
    case NetworkError::kHostBits:
      return Fail(value, "bits are set behind the prefix");
  }
}

void SettingsReader::Pattern(std::optional<Glob>* out) {
  if (!Is(Kind::kString, "a string is allowed, with * for any text and ? for a character")) return;
  *out = Glob::Parse(value_.string);
  if (*out) return;
  Fail(value_, fmt::format("at most {} characters are allowed beside *", kGlobSizeMax));
}

void SettingsReader::Format(Template* out) {
  std::string text;
  Text(false, &text);
  std::string error;
  if (is_good_ && !Template::Parse(text, out, &error)) Fail(value_, error);
}

void SettingsReader::HeaderName(std::string* out) {
  constexpr std::string_view kAllowed =
      "allowed is a header name that gmedge has no rule for, such as \"X-IPsec\"";
  if (!Is(Kind::kString, kAllowed)) return;
  if (!IsFreeHeaderName(value_.string) || value_.string.size() > kHeaderNameSizeMax) {
    return Fail(value_, kAllowed);
  }
  *out = value_.string;
}

void SettingsReader::When(Condition* out) {
  constexpr std::string_view kAllowed =
      "allowed are \"request\", \"response\", a method such as \"REGISTER\", or an array of them";
  std::span<const TomlValue> values(&value_, 1);
  if (value_.kind == Kind::kArray) values = value_.items;
  std::optional<Condition> all;
  for (const TomlValue& value : values) {
    const std::optional<Condition> one =
        value.kind == Kind::kString ? Condition::Of(value.string) : std::nullopt;
    if (!one) return Fail(value, kAllowed);
    if (!all) all = one;
    all->Add(*one);
  }
  if (!all) return Fail(value_, kAllowed);
  *out = *all;
}

void SettingsReader::Text(bool will_be_quoted, std::string* out) {
  if (!Is(Kind::kString, "a string is allowed")) return;
  for (const char c : value_.string) {
    // A line break would start a header line of its own.
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (is_control) return Fail(value_, "no control characters are allowed");
    if (will_be_quoted && (c == '"' || c == '\\')) {
      return Fail(value_, "it is put between quotes: no \" and no \\ are allowed");
    }
  }
  *out = value_.string;
}

void SettingsReader::Host(std::string* out) {
  constexpr std::string_view kAllowed =
      "allowed are a host name, an IPv4 address or an IPv6 address, without port";
  if (!Is(Kind::kString, kAllowed)) return;
  const std::string& text = value_.string;
  Endpoint address;
  if (reactor::ParseAddress(text, kSipPort, &address) && address.family() == AF_INET6) {
    char written[reactor::kEndpointTextMax];
    out->assign(written, reactor::WriteAddress(address, true, written));
  } else if (!text.empty() && std::all_of(text.begin(), text.end(), IsHostCharacter)) {
    *out = text;
  } else {
    Fail(value_, kAllowed);
  }
}

void SettingsReader::Algorithms(AlgorithmList* out) {
  if (!Is(Kind::kString, "a string is allowed, items separated by commas")) return;
  std::string error;
  std::string warning;
  if (!ParseAlgorithmList(value_.string, out, &error, &warning)) return Fail(value_, error);
  if (warning.empty()) return;
  draft_->Warning(value_.line, fmt::format("{}.{}: {}", path_.table, path_.key, warning));
}

void SettingsReader::Address(std::optional<Endpoint>* out) {
  SettingsDraft::Socket socket;
  if (ReadAddress(value_, &socket)) *out = socket.endpoint;
}

void SettingsReader::Addresses(std::vector<SettingsDraft::Socket>* out) {
  EachSocket(&SettingsReader::ReadAddress, out);
}

void SettingsReader::ProtectedSockets(std::vector<SettingsDraft::Socket>* out) {
  EachSocket(&SettingsReader::ReadProtectedSocket, out);
}

bool SettingsReader::Is(TomlValue::Kind kind, std::string_view allowed) {
  if (value_.kind == kind) return true;
  Fail(value_, fmt::format("this is {}; {}", Name(value_.kind), allowed));
  return false;
}

void SettingsReader::Fail(const TomlValue& value, std::string_view why) {
  is_good_ = false;
  draft_->Error(value.line,
                fmt::format("{}.{} = {}: {}", path_.table, path_.key, value.Show(), why));
}

void SettingsReader::EachSocket(OneSocket read, std::vector<SettingsDraft::Socket>* out) {
  std::span<const TomlValue> values(&value_, 1);
  if (value_.kind == Kind::kArray) values = value_.items;
  if (values.size() > kPortsMax) {
    return Fail(value_, fmt::format("at most {} are allowed", kPortsMax));
  }
  for (const TomlValue& value : values) {
    SettingsDraft::Socket socket;
    if ((this->*read)(value, &socket)) out->push_back(socket);
  }
}

bool SettingsReader::ReadAddress(const TomlValue& value, SettingsDraft::Socket* socket) {
  if (value.kind != Kind::kString) {
    Fail(value, fmt::format("this is {}; allowed is {}", Name(value.kind), kAddressForm));
    return false;
  }
  if (!ReadEndpoint(value, value.string, kAddressForm, socket)) return false;
  if (!socket->has_port) socket->endpoint.set_port(kSipPort);
  return true;
}

bool SettingsReader::ReadProtectedSocket(const TomlValue& value, SettingsDraft::Socket* socket) {
  constexpr std::string_view kPrefix = "ipsec:";
  if (value.kind != Kind::kString) {
    Fail(value, fmt::format("this is {}; allowed is {}", Name(value.kind), kSocketForm));
    return false;
  }
  const std::string_view text = value.string;
  if (!text.starts_with(kPrefix)) {
    Fail(value, fmt::format("it does not start with \"ipsec:\"; allowed is {}", kSocketForm));
    return false;
  }
  return ReadEndpoint(value, text.substr(kPrefix.size()), kSocketForm, socket);
}

bool SettingsReader::ReadEndpoint(const TomlValue& value, std::string_view text,
                                  std::string_view form, SettingsDraft::Socket* socket) {
  socket->line = value.line;
  socket->has_port = !reactor::ParseAddress(text, 0, &socket->endpoint);
  if (socket->has_port && !reactor::ParseEndpoint(text, 0, &socket->endpoint)) {
    Fail(value, fmt::format("allowed is {}", form));
    return false;
  }
  std::string_view why = WhyUnusable(socket->endpoint);
  if (why.empty() && socket->has_port && socket->endpoint.port() == 0) why = "a port is 1..65535";
  if (why.empty()) return true;
  Fail(value, why);
  return false;
}

}  // namespace edge
