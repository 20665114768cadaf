#include "xfrm/fake_check.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "xfrm/wire.h"

namespace xfrm {
namespace {

using Bytes = std::span<const std::byte>;

constexpr Refusal kFine{};
constexpr Refusal Invalid(std::string_view text) {
  return {std::errc::invalid_argument, text};
}
constexpr Refusal kUnmodelled{std::errc::operation_not_supported,
                              "the fake kernel does not model this"};
constexpr size_t kTemplatesMax = 6;  // XFRM_MAX_DEPTH.
constexpr size_t kBitmapWordsMax = XFRMA_REPLAY_ESN_MAX / sizeof(uint32_t) / 8;

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

// Wraps for a length near 2^32 as the kernel's own sum does.
uint32_t KeySizeOf(Bytes payload) {
  uint32_t key_bits = 0;
  static_cast<void>(ReadAt(payload, offsetof(xfrm_algo, alg_key_len), &key_bits));
  return (key_bits + 7) / 8;
}

// verify_aead, verify_auth_trunc, verify_one_alg: the key is all there.
Refusal CheckKeyIsThere(int attribute, const RequestAttributes& attributes) {
  if (!attributes.has(attribute)) return kFine;
  const Bytes payload = attributes.of(attribute);
  if (payload.size() - FixedSizeOfAlgorithm(attribute) >= KeySizeOf(payload)) return kFine;
  switch (attribute) {
    case XFRMA_ALG_AEAD:
      return Invalid("Invalid AEAD attribute length");
    case XFRMA_ALG_AUTH_TRUNC:
      return Invalid("Invalid AUTH_TRUNC attribute length");
    default:
      return Invalid("Invalid AUTH/CRYPT/COMP attribute length");
  }
}

Refusal NotFound(int attribute) {
  switch (attribute) {
    case XFRMA_ALG_AEAD:
      return {std::errc::function_not_supported, "Requested AEAD algorithm not found"};
    case XFRMA_ALG_AUTH_TRUNC:
      return {std::errc::function_not_supported, "Requested AUTH_TRUNC algorithm not found"};
    default:
      return {std::errc::function_not_supported, "Requested CRYPT algorithm not found"};
  }
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
  if (algorithm->known == nullptr) return NotFound(attribute);
  if (attribute == XFRMA_ALG_AUTH_TRUNC && algorithm->icv_bits > algorithm->known->icv_bits_max) {
    return Invalid("Invalid length requested for truncated ICV");
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

// ParseAttributes has seen to its size.
xfrm_replay_state_esn ReplayStateOf(const RequestAttributes& attributes) {
  xfrm_replay_state_esn state = Zeroed<xfrm_replay_state_esn>();
  static_cast<void>(ReadAt(attributes.of(XFRMA_REPLAY_ESN_VAL), 0, &state));
  return state;
}

Refusal CheckPrefixes(const xfrm_selector& selector) {
  const bool v4 = selector.family == AF_INET;
  const int bits = v4 ? 32 : 128;
  if (selector.prefixlen_d <= bits && selector.prefixlen_s <= bits) return kFine;
  return Invalid(v4 ? "Invalid prefix length in selector (must be <= 32 for IPv4)"
                    : "Invalid prefix length in selector (must be <= 128 for IPv6)");
}

Refusal CheckProtocol(uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_ESP:
      return kFine;
    case IPPROTO_AH:
    case IPPROTO_COMP:
    case IPPROTO_DSTOPTS:
    case IPPROTO_ROUTING:
      return kUnmodelled;
    default:
      return Invalid("Unsupported protocol");
  }
}

// verify_newsa_info, first half.
Refusal CheckFields(const xfrm_usersa_info& info, const RequestAttributes& attributes) {
  if (info.family != AF_INET && info.family != AF_INET6) return Invalid("Invalid address family");
  if (info.sel.family == AF_INET || info.sel.family == AF_INET6) {
    if (const Refusal refusal = CheckPrefixes(info.sel)) return refusal;
  } else if (info.sel.family != AF_UNSPEC) {
    return Invalid("Invalid address family in selector");
  }
  if (const Refusal refusal = CheckProtocol(info.id.proto)) return refusal;

  const bool aead = attributes.has(XFRMA_ALG_AEAD);
  const bool other = attributes.has(XFRMA_ALG_AUTH_TRUNC) || attributes.has(XFRMA_ALG_CRYPT);
  if (!aead && !other) {
    return Invalid(
        "Missing required attribute for ESP: at least one of AUTH, AUTH_TRUNC, CRYPT, AEAD");
  }
  if (aead && other) {
    return Invalid(
        "Invalid attribute combination for ESP: AEAD can't be used with AUTH, AUTH_TRUNC, CRYPT");
  }
  for (const int attribute : {XFRMA_ALG_AEAD, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_CRYPT}) {
    if (const Refusal refusal = CheckKeyIsThere(attribute, attributes)) return refusal;
  }
  return kFine;
}

// verify_replay.
Refusal CheckReplay(const xfrm_usersa_info& info, const RequestAttributes& attributes) {
  if (!attributes.has(XFRMA_REPLAY_ESN_VAL)) {
    const bool esn = (info.flags & XFRM_STATE_ESN) != 0;
    return esn ? Invalid("Missing required attribute for ESN") : kFine;
  }
  const Bytes payload = attributes.of(XFRMA_REPLAY_ESN_VAL);
  const xfrm_replay_state_esn state = ReplayStateOf(attributes);
  if (state.bmp_len > kBitmapWordsMax) return Invalid("ESN bitmap length must be <= 128");
  const size_t whole = sizeof(state) + state.bmp_len * sizeof(uint32_t);
  if (payload.size() < whole && payload.size() != sizeof(state)) {
    return Invalid("ESN attribute is too short to fit the full bitmap length");
  }
  if (info.replay_window != 0) return Invalid("ESN not compatible with legacy replay_window");
  return kFine;
}

// verify_newsa_info, the end.
Refusal CheckMode(uint8_t mode) {
  switch (mode) {
    case XFRM_MODE_TRANSPORT:
    case XFRM_MODE_TUNNEL:
    case XFRM_MODE_ROUTEOPTIMIZATION:
    case XFRM_MODE_BEET:
      return kFine;
    default:
      return Invalid("Unsupported mode");
  }
}

// __xfrm_init_state, esp_init_state, xfrm_init_replay.
Refusal CheckInitialisation(const xfrm_usersa_info& info, const RequestAttributes& attributes,
                            const Algorithm& aead, const Algorithm& crypt) {
  if (info.mode == XFRM_MODE_ROUTEOPTIMIZATION) {
    return {std::errc::protocol_not_supported, "Requested mode not found"};
  }
  const bool same_family = info.sel.family == AF_UNSPEC || info.sel.family == info.family;
  if (info.mode == XFRM_MODE_TRANSPORT && !same_family) {
    return {std::errc::protocol_not_supported,
            "Only tunnel modes can accommodate a change of family"};
  }
  if (attributes.has(XFRMA_ENCAP)) {
    xfrm_encap_tmpl encapsulation = Zeroed<xfrm_encap_tmpl>();
    static_cast<void>(ReadAt(attributes.of(XFRMA_ENCAP), 0, &encapsulation));
    if (encapsulation.encap_type != UDP_ENCAP_ESPINUDP) return kUnmodelled;
  }
  if (aead.known == nullptr && crypt.known == nullptr) {
    return Invalid("ESP: AEAD or CRYPT must be provided");
  }
  if (!KeyFits(aead)) return Invalid("Kernel was unable to initialize cryptographic operations");
  if (!KeyFits(crypt)) return Invalid({});
  if (!attributes.has(XFRMA_REPLAY_ESN_VAL)) return kFine;
  const xfrm_replay_state_esn state = ReplayStateOf(attributes);
  if (state.replay_window > state.bmp_len * 32) {
    return Invalid("ESN replay window is too large for the chosen bitmap size");
  }
  return kFine;
}

Refusal CheckTemplate(const xfrm_user_tmpl& entry, uint16_t policy_family) {
  const uint16_t family = entry.family == AF_UNSPEC ? policy_family : entry.family;
  const bool tunnel = entry.mode == XFRM_MODE_TUNNEL || entry.mode == XFRM_MODE_BEET;
  if (!tunnel && family != policy_family) {
    return Invalid("Mode in template doesn't support a family change");
  }
  if (entry.mode >= XFRM_MODE_MAX) return Invalid("Mode in template must be < XFRM_MODE_MAX (5)");
  if (family != AF_INET && family != AF_INET6) return Invalid("Invalid family in template");
  const Refusal refusal = CheckProtocol(entry.id.proto);
  const bool invalid = refusal.error == std::errc::invalid_argument;
  return invalid ? Invalid("Invalid XFRM protocol in template") : refusal;
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
    case XFRM_MSG_GETAE:
    case XFRM_MSG_NEWAE:
      return sizeof(xfrm_aevent_id);
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
      case XFRMA_ENCAP:
        size_min = sizeof(xfrm_encap_tmpl);
        break;
      case XFRMA_OFFLOAD_DEV:
        size_min = sizeof(xfrm_user_offload);
        break;
      case XFRMA_SET_MARK:
      case XFRMA_SET_MARK_MASK:
        size_min = sizeof(uint32_t);
        break;
      case XFRMA_REPLAY_VAL:
        size_min = sizeof(xfrm_replay_state);
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
  if (const Refusal refusal = CheckMode(info.mode)) return refusal;

  Algorithm aead;
  Algorithm auth;
  Algorithm crypt;
  if (const Refusal refusal = FindAlgorithm(XFRMA_ALG_AEAD, attributes, &aead)) return refusal;
  if (const Refusal refusal = FindAlgorithm(XFRMA_ALG_AUTH_TRUNC, attributes, &auth)) {
    return refusal;
  }
  if (const Refusal refusal = FindAlgorithm(XFRMA_ALG_CRYPT, attributes, &crypt)) return refusal;
  return CheckInitialisation(info, attributes, aead, crypt);
}

Refusal CheckSaId(const xfrm_usersa_id& id) {
  return id.proto == IPPROTO_ESP ? kFine : kUnmodelled;
}

Refusal CheckReplayRequest(const nlmsghdr& header, const RequestAttributes& attributes) {
  if (!attributes.has(XFRMA_REPLAY_VAL) && !attributes.has(XFRMA_REPLAY_ESN_VAL)) {
    return Invalid({});
  }
  return (header.nlmsg_flags & NLM_F_REPLACE) != 0 ? kFine : Invalid({});
}

// xfrm_replay_verify_len.
Refusal CheckSameWindow(Bytes held, Bytes given) {
  xfrm_replay_state_esn now = Zeroed<xfrm_replay_state_esn>();
  xfrm_replay_state_esn wanted = Zeroed<xfrm_replay_state_esn>();
  if (!ReadAt(held, 0, &now) || !ReadAt(given, 0, &wanted)) return Invalid({});
  const size_t whole = sizeof(wanted) + wanted.bmp_len * sizeof(uint32_t);
  if (given.size() < whole || wanted.bmp_len != now.bmp_len) return Invalid({});
  return wanted.replay_window <= wanted.bmp_len * 32 ? kFine : Invalid({});
}

// verify_newpolicy_info, validate_tmpl.
Refusal CheckPolicy(const xfrm_userpolicy_info& info, const RequestAttributes& attributes) {
  if (info.share > XFRM_SHARE_UNIQUE) return Invalid("Invalid policy share");
  if (info.action > XFRM_POLICY_BLOCK) return Invalid("Invalid policy action");
  if (info.sel.family != AF_INET && info.sel.family != AF_INET6) {
    return Invalid("Invalid selector family");
  }
  if (const Refusal refusal = CheckPrefixes(info.sel)) return refusal;
  if (info.dir > XFRM_POLICY_FWD) return Invalid("Invalid policy direction");
  if (info.index != 0 && info.index % 8 != info.dir) {
    return Invalid("Policy index doesn't match direction");
  }
  if (!attributes.has(XFRMA_TMPL)) return kFine;

  const Bytes payload = attributes.of(XFRMA_TMPL);
  const size_t count = payload.size() / sizeof(xfrm_user_tmpl);
  if (count > kTemplatesMax) return Invalid("Template count must be <= XFRM_MAX_DEPTH (6)");
  for (size_t i = 0; i < count; ++i) {
    xfrm_user_tmpl entry = Zeroed<xfrm_user_tmpl>();
    static_cast<void>(ReadAt(payload, i * sizeof(entry), &entry));
    if (const Refusal refusal = CheckTemplate(entry, info.sel.family)) return refusal;
  }
  return kFine;
}

}  // namespace xfrm
