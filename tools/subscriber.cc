#include "tools/subscriber.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include "sip/list.h"

namespace tools {
namespace {

constexpr uint64_t kNumbers = 10'000'000'000;  // Ten digits.

std::optional<uint64_t> Digits(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// Cuts a prefix, case-insensitively (URI schemes).
bool CutPrefix(std::string_view prefix, std::string_view* text) {
  if (!sip::EqualsIgnoreCase(text->substr(0, prefix.size()), prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string SubscriberRange::Check(const SubscriberOptions& options) {
  const std::optional<uint64_t> first = Digits(options.first_imsi);
  if (!first || options.first_imsi.size() < 6 || options.first_imsi.size() > 15) {
    return fmt::format("imsi = \"{}\": 6 to 15 digits are allowed", options.first_imsi);
  }
  if (options.count == 0) return "at least one subscriber is needed";
  const std::string last = std::to_string(*first + options.count - 1);
  if (last.size() > options.first_imsi.size()) {
    return fmt::format("{} subscribers from IMSI {} need more digits than it has", options.count,
                       options.first_imsi);
  }
  if (options.realm.empty() ||
      options.realm.find_first_of(" \t\r\n\"<>@;,:/") != std::string::npos) {
    return fmt::format("realm = \"{}\": a domain name is needed", options.realm);
  }
  return "";
}

SubscriberRange::SubscriberRange(const SubscriberOptions& options)
    : options_(options), first_(Digits(options.first_imsi).value_or(0)) {
  assert(Check(options).empty());
}

std::string SubscriberRange::Imsi(uint32_t index) const {
  assert(index < options_.count);
  return fmt::format("{:0{}}", first_ + index, options_.first_imsi.size());
}

std::string SubscriberRange::PrivateIdentity(uint32_t index) const {
  return Imsi(index) + "@" + options_.realm;
}

std::string SubscriberRange::PublicIdentity(uint32_t index) const {
  return "sip:" + PrivateIdentity(index);
}

std::string SubscriberRange::Number(uint32_t index) const {
  assert(index < options_.count);
  return fmt::format("+1{:010}", (first_ + index) % kNumbers);
}

Milenage SubscriberRange::Keys(uint32_t index) const {
  const std::string text = "gmedge subscriber " + Imsi(index);
  std::array<uint8_t, 32> mac;
  unsigned size = 0;
  HMAC(EVP_sha256(), options_.seed.data(), static_cast<int>(options_.seed.size()),
       reinterpret_cast<const uint8_t*>(text.data()), text.size(), mac.data(), &size);
  Bytes16 k, opc;
  std::copy_n(mac.begin(), 16, k.begin());
  std::copy_n(mac.begin() + 16, 16, opc.begin());
  return Milenage(options_.k.value_or(k), options_.opc.value_or(opc));
}

std::optional<uint32_t> SubscriberRange::Find(std::string_view identity) const {
  if (!CutPrefix("sip:", &identity)) CutPrefix("tel:", &identity);
  identity = identity.substr(0, identity.find(';'));
  if (const size_t at = identity.find('@'); at != std::string_view::npos) {
    if (!sip::EqualsIgnoreCase(identity.substr(at + 1), options_.realm)) return {};
    identity = identity.substr(0, at);
  }
  uint64_t index = 0;
  if (CutPrefix("+1", &identity)) {
    const std::optional<uint64_t> number = Digits(identity);
    if (!number || identity.size() != 10) return {};
    index = (*number + kNumbers - first_ % kNumbers) % kNumbers;
  } else {
    const std::optional<uint64_t> imsi = Digits(identity);
    if (!imsi || identity.size() != options_.first_imsi.size() || *imsi < first_) return {};
    index = *imsi - first_;
  }
  if (index >= options_.count) return {};
  return static_cast<uint32_t>(index);
}

}  // namespace tools
