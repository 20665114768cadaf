#include "edge/takeover_terms.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

namespace edge {
namespace {

constexpr std::string_view kFirstLine = "gmedge takeover ";

std::string TextOf(const std::vector<reactor::Endpoint>& endpoints) {
  std::string text;
  for (const reactor::Endpoint& endpoint : endpoints) {
    char one[reactor::kEndpointTextMax];
    if (!text.empty()) text += ", ";
    text.append(one, reactor::WriteEndpoint(endpoint, one));
  }
  return text;
}

// SAs belong to a network namespace, sockets to the one they were made in.
std::string NetworkNamespace() {
  char name[64];
  const ssize_t size = readlink("/proc/self/ns/net", name, sizeof(name));
  return {name, size > 0 ? static_cast<size_t>(size) : 0};
}

std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

}  // namespace

TakeoverTerms TermsOf(const Settings& settings, std::string_view xfrm) {
  const Settings::Ipsec& ipsec = settings.ipsec;
  std::vector<reactor::Endpoint> listens = settings.core.listens;
  if (listens.empty()) listens.push_back(settings.core.listen);
  return {
      {"process.workers", std::to_string(settings.process.workers)},
      {"gm.listen", TextOf(settings.gm.listen)},
      {"ipsec.socket", TextOf(ipsec.sockets)},
      {"core.listen", TextOf(listens)},
      {"ipsec.reqid", std::to_string(ipsec.reqid)},
      {"ipsec.min_spi", std::to_string(ipsec.min_spi)},
      {"ipsec.max_spi", std::to_string(ipsec.max_spi)},
      {"ipsec.udp_enc_tun", ipsec.udp_enc_tun ? "true" : "false"},
      {"limits.connections_max", std::to_string(settings.limits.connections_max)},
      {"journal.file", settings.journal.file},
      {"journal.key_file", settings.journal.key_file},
      {"--xfrm", std::string(xfrm)},
      {"the network namespace", NetworkNamespace()},
  };
}

std::string WriteTerms(const TakeoverTerms& terms, int version) {
  std::string text = fmt::format("{}{}\n", kFirstLine, version);
  for (const auto& [name, value] : terms) text += fmt::format("{}={}\n", name, value);
  return text;
}

std::string CompareTerms(std::string_view text, const TakeoverTerms& ours) {
  const std::string_view first = TakeLine(&text);
  int version = 0;
  const bool is_hello =
      first.starts_with(kFirstLine) &&
      std::from_chars(first.data() + kFirstLine.size(), first.data() + first.size(), version).ec ==
          std::errc{};
  if (!is_hello) return "who wants to take over is no gmedge";
  if (version != kTakeoverVersion) {
    return fmt::format(
        "the running gmedge speaks version {} of the takeover and the new one version {}: end the "
        "one and start the other",
        kTakeoverVersion, version);
  }
  for (const auto& [name, value] : ours) {
    const std::string_view line = TakeLine(&text);
    const size_t mark = std::min(line.find('='), line.size());
    if (line.substr(0, mark) != name) return "who wants to take over is no gmedge";
    const std::string_view theirs = line.substr(std::min(mark + 1, line.size()));
    if (theirs == value) continue;
    return fmt::format(
        "{} is \"{}\" in the running gmedge and \"{}\" in the new one: what differs there cannot "
        "be "
        "taken over",
        name, value, theirs);
  }
  return text.empty() ? "" : "who wants to take over is no gmedge";
}

}  // namespace edge
