#include "xfrm/fake_check.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "xfrm/wire.h"

namespace xfrm {
namespace {

using Bytes = std::span<const std::byte>;

constexpr Refusal kFine{};
constexpr Refusal kInvalid{std::errc::invalid_argument, {}};
constexpr Refusal kUnmodelled{std::errc::operation_not_supported,
                              "the fake kernel does not model this"};
constexpr size_t kTemplatesMax = 6;  // XFRM_MAX_DEPTH.

// What the kernel's algorithm lists and ciphers accept. Names in a list but with another ICV are
// not found either (xfrm_aead_get_byname).
struct Known {
  int attribute;
  std::string_view name;
  uint32_t icv_bits_max;              // AUTH: the whole digest; AEAD: unused.
  std::array<uint32_t, 3> icv_bits;   // AEAD: those in the list.
  std::array<uint32_t, 3> key_sizes;  // Octets without salt; none: any length.
  uint32_t salt_size;
};
constexpr Known kKnown[] = {
    {XFRMA_ALG_AUTH_TRUNC, "hmac(md5)", 128, {}, {}, 0},
    {XFRMA_ALG_AUTH_TRUNC, "hmac(sha1)", 160, {}, {}, 0},
    {XFRMA_ALG_CRYPT, "ecb(cipher_null)", 0, {}, {0, 0, 0}, 0},
    {XFRMA_ALG_CRYPT, "cbc(des3_ede)", 0, {}, {24, 24, 24}, 0},
    {XFRMA_ALG_CRYPT, "cbc(aes)", 0, {}, {16, 24, 32}, 0},
    {XFRMA_ALG_AEAD, "rfc4106(gcm(aes))", 0, {64, 96, 128}, {16, 24, 32}, 4},
    {XFRMA_ALG_AEAD, "rfc4543(gcm(aes))", 0, {128, 128, 128}, {16, 24, 32}, 4},
};

// An algorithm attribute taken apart.
struct Algorithm {
  const Known* known = nullptr;
  uint32_t key_size = 0;
  uint32_t icv_bits = 0;
};

size_t FixedSizeOfAlgorithm(int attribute) {
  return attribute == XFRMA_ALG_CRYPT ? sizeof(xfrm_algo) : sizeof(xfrm_algo_auth);
}

uint32_t KeySizeOf(Bytes payload) {
  uint32_t key_bits = 0;
  static_cast<void>(ReadAt(payload, offsetof(xfrm_algo, alg_key_len), &key_bits));
  return key_bits / 8 + (key_bits % 8 != 0 ? 1 : 0);
}

// verify_aead, verify_auth_trunc, verify_one_alg: the key is all there.
Refusal CheckKeyIsThere(int attribute, const RequestAttributes& attributes) {
  if (!attributes.has(attribute)) return kFine;
  const Bytes payload = attributes.of(attribute);
  if (payload.size() - FixedSizeOfAlgorithm(attribute) < KeySizeOf(payload)) return kInvalid;
  return kFine;
}

// attach_aead, attach_auth_trunc, attach_crypt: ENOSYS for what is in no list.
Refusal FindAlgorithm(int attribute, const RequestAttributes& attributes, Algorithm* algorithm) {
  if (!attributes.has(attribute)) return kFine;
  const Bytes payload = attributes.of(attribute);
  const char* text = reinterpret_cast<const char*>(payload.data());
  const std::string_view name(text, strnlen(text, sizeof(xfrm_algo::alg_name) - 1));
  if (attribute != XFRMA_ALG_CRYPT) {
    static_cast<void>(
        ReadAt(payload, offsetof(xfrm_algo_auth, alg_trunc_len), &algorithm->icv_bits));
  }
  algorithm->key_size = KeySizeOf(payload);
  for (const Known& known : kKnown) {
    if (known.attribute != attribute || known.name != name) continue;
    const auto& listed = known.icv_bits;
    const bool icv_fits =
        std::find(listed.begin(), listed.end(), algorithm->icv_bits) != listed.end();
    if (attribute == XFRMA_ALG_AEAD && !icv_fits) continue;
    algorithm->known = &known;
  }
  if (algorithm->known == nullptr) return {std::errc::function_not_supported, {}};
  if (attribute == XFRMA_ALG_AUTH_TRUNC && algorithm->icv_bits > algorithm->known->icv_bits_max) {
    return kInvalid;
  }
  return kFine;
}

// The cipher's own setkey.
bool KeyFits(const Algorithm& algorithm) {
  if (algorithm.known == nullptr || algorithm.known->attribute == XFRMA_ALG_AUTH_TRUNC) return true;
  const Known& known = *algorithm.known;
  return std::any_of(known.key_sizes.begin(), known.key_sizes.end(),
                     [&](uint32_t size) { return algorithm.key_size == size + known.salt_size; });
}

Refusal CheckPrefixes(const xfrm_selector& selector) {
  const int bits = selector.family == AF_INET ? 32 : 128;
  if (selector.prefixlen_d > bits || selector.prefixlen_s > bits) return kInvalid;
  return kFine;
}

// verify_newsa_info.
Refusal CheckFields(const xfrm_usersa_info& info, const RequestAttributes& attributes) {
  if (info.family != AF_INET && info.family != AF_INET6) return kInvalid;
  if (info.sel.family == AF_INET || info.sel.family == AF_INET6) {
    if (const Refusal refusal = CheckPrefixes(info.sel)) return refusal;
  } else if (info.sel.family != AF_UNSPEC) {
    return kInvalid;
  }
  if (info.id.proto != IPPROTO_ESP) return kUnmodelled;

  const bool aead = attributes.has(XFRMA_ALG_AEAD);
  const bool other = attributes.has(XFRMA_ALG_AUTH_TRUNC) || attributes.has(XFRMA_ALG_CRYPT);
  if (aead == other) return kInvalid;  // None at all, or both kinds.
  for (const int attribute : {XFRMA_ALG_AEAD, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_CRYPT}) {
    if (const Refusal refusal = CheckKeyIsThere(attribute, attributes)) return refusal;
  }
  return kFine;
}

// verify_replay.
Refusal CheckReplay(const xfrm_usersa_info& info, const RequestAttributes& attributes) {
  if (!attributes.has(XFRMA_REPLAY_ESN_VAL)) {
    return (info.flags & XFRM_STATE_ESN) != 0 ? kInvalid : kFine;
  }
  const Bytes payload = attributes.of(XFRMA_REPLAY_ESN_VAL);
  xfrm_replay_state_esn state;
  if (!ReadAt(payload, 0, &state)) return kInvalid;
  const size_t words_max = XFRMA_REPLAY_ESN_MAX / sizeof(uint32_t) / 8;
  if (state.bmp_len > words_max) return kInvalid;
  const size_t whole = sizeof(state) + state.bmp_len * sizeof(uint32_t);
  if (payload.size() < whole && payload.size() != sizeof(state)) return kInvalid;
  if (info.replay_window != 0) return kInvalid;
  // xfrm_init_replay: the window must fit its bitmap.
  return state.replay_window > state.bmp_len * 32 ? kInvalid : kFine;
}

}  // namespace

size_t FixedSizeOf(int type) {
  switch (type) {
    case XFRM_MSG_NEWSA:
    case XFRM_MSG_UPDSA:
      return sizeof(xfrm_usersa_info);
    case XFRM_MSG_GETSA:
    case XFRM_MSG_DELSA:
      return sizeof(xfrm_usersa_id);
    case XFRM_MSG_NEWPOLICY:
    case XFRM_MSG_UPDPOLICY:
      return sizeof(xfrm_userpolicy_info);
    case XFRM_MSG_GETPOLICY:
    case XFRM_MSG_DELPOLICY:
      return sizeof(xfrm_userpolicy_id);
    default:
      return 0;
  }
}

// Types of zero and beyond the last known are looked past, as is a malformed rest: the kernel
// parses XFRM requests in its old, lenient way.
Refusal ParseAttributes(Bytes bytes, RequestAttributes* parsed) {
  AttributeView attribute;
  while (TakeAttribute(&bytes, &attribute)) {
    if (attribute.type == XFRMA_UNSPEC || attribute.type > XFRMA_MAX) continue;
    size_t size_min = 0;
    switch (attribute.type) {
      case XFRMA_ALG_CRYPT:
      case XFRMA_ALG_AUTH_TRUNC:
      case XFRMA_ALG_AEAD:
        size_min = FixedSizeOfAlgorithm(attribute.type);
        break;
      case XFRMA_TMPL:
        size_min = sizeof(xfrm_user_tmpl);
        break;
      case XFRMA_REPLAY_ESN_VAL:
        size_min = sizeof(xfrm_replay_state_esn);
        break;
      default:
        return kUnmodelled;
    }
    if (attribute.payload.size() < size_min) {
      return {std::errc::result_out_of_range, "Attribute failed policy validation"};
    }
    parsed->payloads[attribute.type] = attribute.payload;
    parsed->present[attribute.type] = true;
  }
  return kFine;
}

Refusal CheckSa(const xfrm_usersa_info& info, const RequestAttributes& attributes) {
  if (const Refusal refusal = CheckFields(info, attributes)) return refusal;
  if (const Refusal refusal = CheckReplay(info, attributes)) return refusal;
  if (info.mode >= XFRM_MODE_MAX) return kInvalid;
  if (info.mode != XFRM_MODE_TRANSPORT && info.mode != XFRM_MODE_TUNNEL) return kUnmodelled;

  Algorithm aead;
  Algorithm auth;
  Algorithm crypt;
  if (const Refusal refusal = FindAlgorithm(XFRMA_ALG_AEAD, attributes, &aead)) return refusal;
  if (const Refusal refusal = FindAlgorithm(XFRMA_ALG_AUTH_TRUNC, attributes, &auth)) {
    return refusal;
  }
  if (const Refusal refusal = FindAlgorithm(XFRMA_ALG_CRYPT, attributes, &crypt)) return refusal;

  // __xfrm_init_state: only a tunnel may carry another family than its own.
  const bool same_family = info.sel.family == AF_UNSPEC || info.sel.family == info.family;
  if (info.mode == XFRM_MODE_TRANSPORT && !same_family) {
    return {std::errc::protocol_not_supported, {}};
  }
  // esp_init_authenc: ESP without encryption still names a cipher.
  if (aead.known == nullptr && crypt.known == nullptr) return kInvalid;
  return KeyFits(aead) && KeyFits(crypt) ? kFine : kInvalid;
}

Refusal CheckSaId(const xfrm_usersa_id& id, const RequestAttributes&) {
  return id.proto == IPPROTO_ESP ? kFine : kUnmodelled;
}

Refusal CheckPolicy(const xfrm_userpolicy_info& info, const RequestAttributes& attributes) {
  if (info.share > XFRM_SHARE_UNIQUE) return kInvalid;
  if (info.action != XFRM_POLICY_ALLOW && info.action != XFRM_POLICY_BLOCK) return kInvalid;
  if (info.sel.family != AF_INET && info.sel.family != AF_INET6) return kInvalid;
  if (const Refusal refusal = CheckPrefixes(info.sel)) return refusal;
  if (info.dir > XFRM_POLICY_FWD) return kInvalid;
  if (!attributes.has(XFRMA_TMPL)) return kFine;

  const Bytes payload = attributes.of(XFRMA_TMPL);
  const size_t count = payload.size() / sizeof(xfrm_user_tmpl);
  if (count > kTemplatesMax) return kInvalid;
  for (size_t i = 0; i < count; ++i) {
    xfrm_user_tmpl entry;
    if (!ReadAt(payload, i * sizeof(entry), &entry)) return kInvalid;
    const bool tunnel = entry.mode == XFRM_MODE_TUNNEL || entry.mode == XFRM_MODE_BEET;
    const uint16_t family = entry.family == AF_UNSPEC ? info.sel.family : entry.family;
    if (!tunnel && family != info.sel.family) return kInvalid;
    if (entry.mode >= XFRM_MODE_MAX) return kInvalid;
    if (entry.id.proto != IPPROTO_ESP) return kUnmodelled;
  }
  return kFine;
}

}  // namespace xfrm
