#include "xfrm/probe.h"

#include <algorithm>
#include <array>
#include <span>

namespace xfrm {
namespace {

// Of IANA's reserved ones (RFC 4303 2.1): no SA of anybody has it.
constexpr uint32_t kSpi = 1;
constexpr uint32_t kReqid = 0x676d3f3f;   // Nobody's policy names it.
constexpr uint32_t kLifetimeSeconds = 5;  // Should the deletion be lost.

constexpr Algorithms kPairs[] = {
    {Integrity::kHmacMd5_96, Encryption::kNull},
    {Integrity::kHmacMd5_96, Encryption::kDesEde3Cbc},
    {Integrity::kHmacMd5_96, Encryption::kAesCbc},
    {Integrity::kHmacSha1_96, Encryption::kNull},
    {Integrity::kHmacSha1_96, Encryption::kDesEde3Cbc},
    {Integrity::kHmacSha1_96, Encryption::kAesCbc},
    {Integrity::kAesGmac, Encryption::kNull},
    {Integrity::kNull, Encryption::kAesGcm},
};
constexpr size_t kPairCount = std::size(kPairs);
using Errors = std::array<std::errc, kPairCount>;

// In the order of the enum.
struct Row {
  std::string_view name;
  LackInfo info;
};
constexpr Row kRows[] = {
    {"None", {"nothing", "", ""}},
    {"Xfrm", {"XFRM netlink", "CONFIG_XFRM_USER", "xfrm_user"}},
    {"Right", {"the right to change SAs: CAP_NET_ADMIN", "", ""}},
    {"Ipv6", {"IPv6", "CONFIG_IPV6", "ipv6"}},
    {"EspIpv4", {"ESP for IPv4", "CONFIG_INET_ESP", "esp4"}},
    {"EspIpv6", {"ESP for IPv6", "CONFIG_INET6_ESP", "esp6"}},
    {"Authenc",
     {"authenc, which joins cipher and hash", "CONFIG_CRYPTO_AUTHENC, CONFIG_CRYPTO_ECHAINIV",
      "authenc echainiv"}},
    {"NullCipher", {"the null cipher", "CONFIG_CRYPTO_NULL", "crypto_null"}},
    {"HmacMd5", {"HMAC-MD5", "CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_MD5", "hmac md5"}},
    {"HmacSha1", {"HMAC-SHA-1", "CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_SHA1", "hmac sha1_generic"}},
    {"DesEde3Cbc", {"3DES in CBC mode", "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_DES", "cbc des_generic"}},
    {"AesCbc", {"AES in CBC mode", "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_AES", "cbc aes_generic"}},
    {"AesGcm",
     {"AES-GCM and AES-GMAC", "CONFIG_CRYPTO_GCM, CONFIG_CRYPTO_SEQIV",
      "gcm ctr ghash-generic seqiv"}},
    {"Other", {"something unknown", "", ""}},
};

bool IsAead(Algorithms pair) {
  return pair.integrity == Integrity::kAesGmac || pair.encryption == Encryption::kAesGcm;
}

Lack LackOf(Integrity integrity) {
  switch (integrity) {
    case Integrity::kHmacMd5_96:
      return Lack::kHmacMd5;
    case Integrity::kHmacSha1_96:
      return Lack::kHmacSha1;
    case Integrity::kAesGmac:
    case Integrity::kNull:
      return Lack::kAesGcm;
  }
  return Lack::kOther;
}

Lack LackOf(Encryption encryption) {
  switch (encryption) {
    case Encryption::kNull:
      return Lack::kNullCipher;
    case Encryption::kDesEde3Cbc:
      return Lack::kDesEde3Cbc;
    case Encryption::kAesCbc:
      return Lack::kAesCbc;
    case Encryption::kAesGcm:
      return Lack::kAesGcm;
  }
  return Lack::kOther;
}

// ENOSYS is the kernel's word for a name it does not find (attach_auth_trunc, attach_crypt): what
// stands in a pair that got further was found.
void SetUnknownName(const Errors& errors, ProbeRefusal* refusal) {
  bool found_integrity = false;
  bool found_encryption = false;
  for (size_t i = 0; i < kPairCount; ++i) {
    if (errors[i] == std::errc::function_not_supported || IsAead(kPairs[i])) continue;
    found_integrity = found_integrity || kPairs[i].integrity == refusal->algorithms.integrity;
    found_encryption = found_encryption || kPairs[i].encryption == refusal->algorithms.encryption;
  }
  const Lack integrity = LackOf(refusal->algorithms.integrity);
  const Lack encryption = LackOf(refusal->algorithms.encryption);
  refusal->lack = found_integrity ? encryption : integrity;
  if (!found_integrity && !found_encryption) refusal->also = encryption;
}

ProbeRefusal Judge(uint8_t family, size_t index, const Errors& errors) {
  ProbeRefusal refusal;
  refusal.family = family;
  refusal.algorithms = kPairs[index];
  refusal.error = errors[index];
  const bool is_aead = IsAead(refusal.algorithms);
  switch (refusal.error) {
    case std::errc::address_family_not_supported:
      refusal.lack = Lack::kIpv6;
      break;
    case std::errc::protocol_not_supported:
      refusal.lack = family == AF_INET ? Lack::kEspIpv4 : Lack::kEspIpv6;
      break;
    case std::errc::function_not_supported:
      if (is_aead) {
        refusal.lack = Lack::kAesGcm;
      } else {
        SetUnknownName(errors, &refusal);
      }
      break;
    case std::errc::no_such_file_or_directory:  // Both names are there, what joins them is not.
      refusal.lack = is_aead ? Lack::kAesGcm : Lack::kAuthenc;
      break;
    default:
      refusal.lack = Lack::kOther;
      break;
  }
  return refusal;
}

Address Documented(uint8_t family, uint8_t host) {
  Address address;
  address.family = family;
  if (family == AF_INET) {
    address.bytes = {192, 0, 2, host};  // RFC 5737.
  } else {
    address.bytes = {0x20, 0x01, 0x0d, 0xb8};  // RFC 3849.
    address.bytes[15] = host;
  }
  return address;
}

Sa ProbeSa(uint8_t family, const EspKeys* keys) {
  Sa sa;
  sa.selector = {Documented(family, 1), Documented(family, 2), 5062, 5064};
  sa.spi = kSpi;
  sa.reqid = kReqid;
  sa.hard_seconds = kLifetimeSeconds;
  sa.keys = keys;
  return sa;
}

// Not secret, but no weak key of DES.
Key SampleKey(uint8_t first) {
  std::array<uint8_t, Key::kSize> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(first + 7 * i);
  return Key(std::span<const uint8_t, Key::kSize>(bytes));
}

Lack WholeLack(std::errc error) {
  if (error == std::errc{}) return Lack::kNone;
  switch (error) {
    case std::errc::protocol_not_supported:  // Of socket(2): the netlink family is not there.
    case std::errc::address_family_not_supported:
      return Lack::kXfrm;
    case std::errc::operation_not_permitted:
    case std::errc::permission_denied:
      return Lack::kRight;
    default:
      return Lack::kOther;
  }
}

// All pairs of one family in one batch. False: nothing could be asked, the report says why.
bool AskFamily(const ProbeExchange& exchange, uint8_t family, ProbeWay way, ProbeReport* report) {
  const Key ik = SampleKey(1);
  const Key ck = SampleKey(2);
  Batch batch;
  batch.Clear(1);
  for (const Algorithms pair : kPairs) {
    const EspKeys keys(pair, ik, ck);
    const Sa sa = ProbeSa(family, &keys);
    if (way == ProbeWay::kInstall) {
      batch.AddSa(sa);
      batch.DeleteSa(sa.id());
    } else {
      batch.UpdateSa(sa);
    }
  }
  BatchVerdict verdict;
  report->error = exchange(&batch, &verdict);
  report->lack = WholeLack(report->error);
  if (!report->is_complete()) return false;

  Errors errors;
  const int step = way == ProbeWay::kInstall ? 2 : 1;
  for (size_t i = 0; i < kPairCount; ++i) {
    const int index = static_cast<int>(i) * step;
    errors[i] = verdict.error(index);
    if (way == ProbeWay::kPretend) {
      if (errors[i] == std::errc::no_such_process) errors[i] = std::errc{};
    } else if (errors[i] == std::errc{}) {
      errors[i] = verdict.error(index + 1);
    }
    if (errors[i] != std::errc::operation_not_permitted) continue;
    report->error = errors[i];
    report->lack = Lack::kRight;
    return false;
  }
  for (size_t i = 0; i < kPairCount; ++i) {
    if (errors[i] != std::errc{}) report->refusals.push_back(Judge(family, i, errors));
  }
  return true;
}

}  // namespace

const LackInfo& InfoOf(Lack lack) {
  return kRows[static_cast<size_t>(lack)].info;
}

std::string_view Name(Lack lack) {
  return kRows[static_cast<size_t>(lack)].name;
}

bool ProbeReport::Lacks(Lack wanted) const {
  return lack == wanted ||
         std::any_of(refusals.begin(), refusals.end(), [&](const ProbeRefusal& refusal) {
           return refusal.lack == wanted || refusal.also == wanted;
         });
}

const ProbeRefusal* ProbeReport::RefusalOf(Algorithms algorithms) const {
  for (const ProbeRefusal& refusal : refusals) {
    const bool is_own = refusal.lack != Lack::kEspIpv4 && refusal.lack != Lack::kEspIpv6 &&
                        refusal.lack != Lack::kIpv6;
    if (refusal.algorithms == algorithms && is_own) return &refusal;
  }
  return nullptr;
}

Lack ProbeAccess(const ProbeExchange& exchange, std::errc* error) {
  Batch batch;
  batch.Clear(1);
  batch.GetSa(ProbeSa(AF_INET, nullptr).id());  // The kernel asks for the right at reading, too.
  BatchVerdict verdict;
  *error = exchange(&batch, &verdict);
  if (*error == std::errc{}) *error = verdict.error(0);
  if (*error == std::errc::no_such_process) *error = std::errc{};
  return WholeLack(*error);
}

ProbeReport Probe(const ProbeExchange& exchange, ProbeFamilies families, ProbeWay way) {
  ProbeReport report;
  if (families.ipv4 && !AskFamily(exchange, AF_INET, way, &report)) return report;
  if (families.ipv6 && !AskFamily(exchange, AF_INET6, way, &report)) return report;
  return report;
}

}  // namespace xfrm
