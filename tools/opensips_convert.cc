#include "tools/opensips_convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include "edge/settings.h"
#include "tools/opensips_config.h"

namespace tools {
namespace {

using reactor::Endpoint;
using Argument = OpensipsArgument;
using Kind = OpensipsStatement::Kind;

constexpr uint16_t kSipPort = 5060;
constexpr uint16_t kIpsecPort = 5062;  // proto_ipsec's own default.

// Names of proto_ipsec that are settings of [ipsec].
constexpr std::string_view kIntegers[] = {"port",
                                          "min_spi",
                                          "max_spi",
                                          "temporary_timeout",
                                          "default_client_port",
                                          "default_server_port"};
constexpr std::string_view kAllowed = "allowed_algorithms";
constexpr std::string_view kDisable = "disable_deprecated_algorithms";

// As it may stand in a comment: printable, on one line, shortened.
std::string Shown(std::string_view text, size_t size_max = 80) {
  std::string shown;
  for (const char c : text.substr(0, size_max)) shown += c >= 0x20 && c < 0x7f ? c : '?';
  return text.size() > size_max ? shown + "..." : shown;
}

std::string Text(const Endpoint& endpoint) {
  char text[reactor::kEndpointTextMax];
  return {text, reactor::WriteEndpoint(endpoint, text)};
}

std::optional<uint32_t> NumberOf(const Argument& argument) {
  uint32_t value = 0;
  const char* const end = argument.text.data() + argument.text.size();
  const auto [at, error] = std::from_chars(argument.text.data(), end, value);
  if (argument.text.empty() || error != std::errc{} || at != end) return std::nullopt;
  return value;
}

bool IsAlgorithms(const std::string& text) {
  edge::AlgorithmList list;
  std::string error;
  std::string warning;
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  });
  return is_plain && edge::ParseAlgorithmList(text, &list, &error, &warning);
}

class Converter {
 public:
  Conversion Convert(std::string_view text) {
    for (const OpensipsStatement& statement : ReadOpensipsConfig(text)) Take(statement);
    Write();
    return std::move(result_);
  }

 private:
  // An ipsec_create() and where it stands.
  struct Create {
    uint32_t line = 0;
    std::string table;  // "{ port_server = 6100 }"
  };

  void Take(const OpensipsStatement& statement);
  void TakeSocket(const OpensipsStatement& statement);
  void TakeParam(const OpensipsStatement& statement);
  std::string ValueOf(const std::string& name, const Argument& value) const;
  void TakeCreate(const OpensipsStatement& statement);
  void Remark(uint32_t line, std::string_view what, std::string_view why) {
    ++result_.remarks;
    remarks_ += line != 0 ? fmt::format("# line {}: {}: {}\n", line, what, why)
                          : fmt::format("# {}: {}\n", what, why);
  }
  bool IsProtected(const Endpoint& address) const {
    return std::any_of(ipsec_.begin(), ipsec_.end(), [&](const Endpoint& socket) {
      return reactor::SameAddress(socket, address);
    });
  }
  static void AddOnce(const Endpoint& endpoint, std::vector<Endpoint>* list) {
    if (std::find(list->begin(), list->end(), endpoint) == list->end()) list->push_back(endpoint);
  }

  void Write();
  void WriteIpsec();
  void WriteGm();
  void WriteCore();
  void WriteRules();
  void CheckIt();

  Conversion result_;
  std::string remarks_;
  std::string settings_;
  std::vector<Endpoint> ipsec_;
  std::vector<std::string> ipsec_texts_;
  std::vector<Endpoint> plain_;                                     // udp: and tcp: ones.
  std::map<std::string, std::pair<uint32_t, std::string>> params_;  // To line and value.
  std::vector<Create> creates_;
};

void Converter::Take(const OpensipsStatement& statement) {
  switch (statement.kind) {
    case Kind::kSocket:
      return TakeSocket(statement);
    case Kind::kParam:
      return TakeParam(statement);
    case Kind::kCreate:
      return TakeCreate(statement);
    case Kind::kVariable:
      return Remark(statement.line, Shown(statement.arguments[0].text),
                    "no script here; log lines have it (log.access_format)");
    case Kind::kBroken:
      return Remark(statement.line, statement.arguments[0].text, "it does not end");
  }
}

// "proto:address[:port]" and words that say more of it.
void Converter::TakeSocket(const OpensipsStatement& statement) {
  const std::string& text = statement.arguments[0].text;
  const std::string shown = "socket=" + Shown(text);
  const std::string_view value = std::string_view(text).substr(0, text.find_first_of(" \t"));
  const size_t colon = std::min(value.find(':'), value.size());
  const std::string_view protocol = value.substr(0, colon);
  const std::string_view rest = value.substr(std::min(colon + 1, value.size()));
  const bool is_ipsec = protocol == "ipsec";
  if (!is_ipsec && protocol != "udp" && protocol != "tcp") {
    return Remark(statement.line, shown, "there are UDP and TCP only");
  }
  Endpoint endpoint;
  const bool has_port = !reactor::ParseAddress(rest, is_ipsec ? kIpsecPort : kSipPort, &endpoint);
  if (has_port && !reactor::ParseEndpoint(rest, 0, &endpoint)) {
    return Remark(statement.line, shown,
                  "an address is needed: no name, interface or \"*\"; IPv6 in brackets");
  }
  if (value.size() < text.size()) {
    Remark(statement.line, shown, "what follows the address is left out");
  }
  if (!is_ipsec) return AddOnce(endpoint, &plain_);
  ipsec_.push_back(endpoint);
  ipsec_texts_.push_back("ipsec:" + std::string(rest));
}

void Converter::TakeParam(const OpensipsStatement& statement) {
  const std::vector<Argument>& arguments = statement.arguments;
  if (arguments.empty() || arguments[0].text != "proto_ipsec") return;
  if (arguments.size() != 3) {
    return Remark(statement.line, "modparam(\"proto_ipsec\", ...)", "module, name, value");
  }
  const std::string& name = arguments[1].text;
  const std::string what = fmt::format("{} = {}", Shown(name), Shown(arguments[2].text));
  const bool is_known =
      name == kAllowed || name == kDisable ||
      std::find(std::begin(kIntegers), std::end(kIntegers), name) != std::end(kIntegers);
  if (!is_known) return Remark(statement.line, what, "proto_ipsec has no such parameter");
  const std::string value = ValueOf(name, arguments[2]);
  if (value.empty()) return Remark(statement.line, what, "a value gmedge does not take");
  if (const auto before = params_.find(name); before != params_.end()) {
    Remark(before->second.first, name, fmt::format("set again in line {}", statement.line));
  }
  params_[name] = {statement.line, value};
}

// As TOML; "" for one that cannot be.
std::string Converter::ValueOf(const std::string& name, const Argument& value) const {
  if (name == kAllowed) return IsAlgorithms(value.text) ? '"' + value.text + '"' : "";
  if (name == kDisable) {
    for (const std::string_view yes : {"yes", "true", "1", "on"}) {
      if (value.text == yes) return "true";
    }
    for (const std::string_view no : {"no", "false", "0", "off"}) {
      if (value.text == no) return "false";
    }
    return "";
  }
  const std::optional<uint32_t> number = NumberOf(value);
  return number ? std::to_string(*number) : "";
}

// Its ports are named the right way round, whatever is said of what they are when left out.
void Converter::TakeCreate(const OpensipsStatement& statement) {
  constexpr std::string_view kNames[] = {"port_server", "port_client", "algos"};
  const std::vector<Argument>& arguments = statement.arguments;
  std::string what = "ipsec_create(";
  for (const Argument& argument : arguments) {
    what += (what.back() == '(' ? "" : ", ") + Shown(argument.text);
  }
  what += ")";
  if (arguments.size() > std::size(kNames)) {
    return Remark(statement.line, Shown(what), "it has three parameters");
  }
  Create create{statement.line, ""};
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument& argument = arguments[i];
    if (argument.text.empty()) continue;
    const std::optional<uint32_t> port = NumberOf(argument);
    const bool is_good = i == 2 ? IsAlgorithms(argument.text) : port && *port <= UINT16_MAX;
    if (!is_good) {
      Remark(statement.line, Shown(what),
             fmt::format("{} = {} is no value gmedge takes", kNames[i], Shown(argument.text)));
      continue;
    }
    const std::string value = i == 2 ? '"' + argument.text + '"' : std::to_string(*port);
    create.table += fmt::format("{}{} = {}", create.table.empty() ? "" : ", ", kNames[i], value);
  }
  const auto same = std::find_if(creates_.begin(), creates_.end(),
                                 [&](const Create& other) { return other.table == create.table; });
  if (same == creates_.end()) creates_.push_back(create);
}

void Converter::Write() {
  result_.has_sockets = !ipsec_.empty();
  if (result_.has_sockets) {
    WriteIpsec();
    WriteGm();
    WriteCore();
    WriteRules();
    CheckIt();
  }
  result_.settings =
      "# Settings of gmedge, made of an OpenSIPS configuration by gmedge --convert.\n";
  if (!remarks_.empty()) result_.settings += "# What could not be carried over as it is:\n";
  result_.settings += remarks_ + settings_;
}

void Converter::WriteIpsec() {
  settings_ += "\n[ipsec]\nsocket = [\n";
  for (const std::string& text : ipsec_texts_) settings_ += fmt::format("  \"{}\",\n", text);
  settings_ += "]\n";
  for (const auto& [name, param] : params_) {
    settings_ += fmt::format("{} = {}\n", name, param.second);
  }
}

// Phones register at the addresses that have protected ports.
void Converter::WriteGm() {
  std::vector<Endpoint> listens;
  for (const Endpoint& socket : plain_) {
    if (IsProtected(socket)) AddOnce(socket, &listens);
  }
  if (listens.empty()) {
    for (const Endpoint& socket : ipsec_) {
      Endpoint listen = socket;
      listen.set_port(kSipPort);
      AddOnce(listen, &listens);
    }
  }
  settings_ += "\n[gm]\nlisten = [\n";
  for (const Endpoint& listen : listens) settings_ += fmt::format("  \"{}\",\n", Text(listen));
  settings_ += "]\n";
}

// Where OpenSIPS sends REGISTER is in its script.
void Converter::WriteCore() {
  std::optional<Endpoint> listen;
  for (const Endpoint& socket : plain_) {
    if (IsProtected(socket)) continue;
    if (listen) {
      Remark(0, "socket " + Text(socket), "gmedge has one address towards the core");
    } else {
      listen = socket;
    }
  }
  const bool is_ipv6 = listen ? listen->family() == AF_INET6 : false;
  settings_ += "\n[core]\n";
  if (!listen) settings_ += "# Set it: no other socket is there for the core.\n";
  settings_ += fmt::format("listen = \"{}\"\n", listen ? Text(*listen) : "127.0.0.1:5070");
  settings_ += "# Set it: where REGISTER goes is in the script.\n";
  settings_ += fmt::format("next_hop = \"{}\"\n", is_ipv6 ? "[::1]:5080" : "127.0.0.1:5080");
}

// One call is for every phone. Of several the script chooses by what only people can read.
void Converter::WriteRules() {
  if (creates_.size() == 1) {
    if (creates_[0].table.empty()) return;
    settings_ += fmt::format("\n[[rule]]  # Line {}.\nipsec_create = {{ {} }}\n", creates_[0].line,
                             creates_[0].table);
    return;
  }
  for (const Create& create : creates_) {
    Remark(create.line, "ipsec_create()",
           "one of several calls: say in its [[rule]] below whom it is for, and take the # away");
    settings_ += fmt::format(
        "\n# [[rule]]  # Line {}.\n# source = \"192.0.2.0/24\"\n# ipsec_create = {{ {} }}\n",
        create.line, create.table);
  }
}

// What gmedge says of it belongs to it.
void Converter::CheckIt() {
  const edge::SettingsResult checked = edge::ParseSettings(settings_);
  for (const edge::SettingsNote& note : checked.notes) {
    Remark(0, note.is_error ? "gmedge refuses" : "gmedge warns", Shown(note.message, 400));
  }
}

}  // namespace

Conversion ConvertOpensips(std::string_view text) {
  return Converter().Convert(text);
}

int ConvertOpensipsFile(const std::string& path) {
  const auto fail = [&](std::string_view why) {
    std::fprintf(stderr, "gmedge: %s: %s\n", path.c_str(), std::string(why).c_str());
    return 2;
  };
  FILE* const file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return fail(strerror(errno));
  std::string text(kOpensipsSizeMax + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file));
  const int error = std::ferror(file) != 0 ? errno : 0;
  std::fclose(file);
  if (error != 0) return fail(strerror(error));
  if (text.size() > kOpensipsSizeMax) {
    return fail(fmt::format("more than {} bytes are not read", kOpensipsSizeMax));
  }
  const Conversion conversion = ConvertOpensips(text);
  std::fputs(conversion.settings.c_str(), stdout);
  if (!conversion.has_sockets) return fail("no socket=ipsec:... that could be taken");
  return conversion.remarks > 0 ? 1 : 0;
}

}  // namespace tools
