#include "edge/branch_cookie.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "sip/via.h"

namespace edge {
namespace {

constexpr size_t kTagSize = crypto_stream_chacha20_NONCEBYTES;
static_assert(kTagSize == sizeof(uint64_t));
static_assert(crypto_stream_chacha20_KEYBYTES == 32);
constexpr int kBase64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

// kToPhone:         kind(1) transport(1) phone(8) port(2)
// kToPhoneInClear:  the same, then size(1) port(2) address(4 or 16)
// kToCore:          kind(1) transport(1), then size(1) port(2) address(4 or 16),
//                   then identity(1) size(1) icid size(1) ioi
// kToCoreInClear:   as kToCore with phone(8) behind the transport
struct PlainWriter {
  unsigned char* at;
  void Put(const void* data, size_t size) {
    if (size == 0) return;  // An empty view may point nowhere.
    std::memcpy(at, data, size);
    at += size;
  }
  void PutByte(size_t byte) { *at++ = static_cast<unsigned char>(byte); }
  void PutText(std::string_view text) {
    if (text.size() > BranchCookie::kTextSizeMax) text = {};
    PutByte(text.size());
    Put(text.data(), text.size());
  }
  void PutEndpoint(const reactor::Endpoint& endpoint) {
    const std::span<const uint8_t> address = endpoint.address();
    const uint16_t port = endpoint.port();
    PutByte(address.size());
    Put(&port, sizeof(port));
    Put(address.data(), address.size());
  }
};

struct PlainReader {
  const unsigned char* at;
  size_t left;
  bool ok = true;
  bool Get(void* data, size_t size) {
    ok = ok && size <= left;
    if (!ok) return false;
    std::memcpy(data, at, size);
    at += size;
    left -= size;
    return true;
  }
  std::string_view GetText() {
    uint8_t size = 0;
    ok = Get(&size, 1) && size <= left;
    if (!ok) return {};
    const std::string_view text(reinterpret_cast<const char*>(at), size);
    at += size;
    left -= size;
    return text;
  }
  void GetEndpoint(reactor::Endpoint* endpoint) {
    uint8_t size = 0;
    uint16_t port = 0;
    Get(&size, 1);
    Get(&port, sizeof(port));
    if (size == sizeof(in6_addr)) {
      endpoint->any.sa_family = AF_INET6;
      Get(&endpoint->v6.sin6_addr, sizeof(in6_addr));
    } else if (size == sizeof(in_addr)) {
      endpoint->any.sa_family = AF_INET;
      Get(&endpoint->v4.sin_addr, sizeof(in_addr));
    } else {
      ok = false;
    }
    if (ok) endpoint->set_port(port);
  }
};

using Kind = BranchCookie::Kind;

bool IsToPhone(Kind kind) {
  return kind == Kind::kToPhone || kind == Kind::kToPhoneInClear;
}

size_t WritePlain(const BranchCookie& cookie, unsigned char* out) {
  PlainWriter writer{out};
  writer.PutByte(static_cast<size_t>(cookie.kind));
  writer.PutByte(static_cast<size_t>(cookie.transport));
  if (cookie.kind != Kind::kToCore) writer.Put(&cookie.phone, sizeof(cookie.phone));
  if (IsToPhone(cookie.kind)) writer.Put(&cookie.port, sizeof(cookie.port));
  if (cookie.kind != Kind::kToPhone) writer.PutEndpoint(cookie.peer);
  if (!IsToPhone(cookie.kind)) {
    writer.PutByte(cookie.called_identity);
    writer.PutText(cookie.icid);
    writer.PutText(cookie.orig_ioi);
  }
  return static_cast<size_t>(writer.at - out);
}

bool ReadPlain(const unsigned char* plain, size_t size, BranchCookie* cookie) {
  PlainReader reader{plain, size};
  uint8_t kind = 0;
  uint8_t transport = 0;
  reader.Get(&kind, 1);
  reader.Get(&transport, 1);
  cookie->kind = static_cast<BranchCookie::Kind>(kind);
  cookie->transport = static_cast<Transport>(transport);
  if (kind < static_cast<uint8_t>(Kind::kToPhone) ||
      kind > static_cast<uint8_t>(Kind::kToCoreInClear)) {
    return false;
  }
  if (cookie->kind != Kind::kToCore) reader.Get(&cookie->phone, sizeof(cookie->phone));
  if (IsToPhone(cookie->kind)) reader.Get(&cookie->port, sizeof(cookie->port));
  if (cookie->kind != Kind::kToPhone) reader.GetEndpoint(&cookie->peer);
  if (!IsToPhone(cookie->kind)) {
    reader.Get(&cookie->called_identity, 1);
    cookie->icid = reader.GetText();
    cookie->orig_ioi = reader.GetText();
  }
  return reader.ok && reader.left == 0;
}

std::string_view AsText(const unsigned char* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

CookieJar::CookieJar(Random* random) : hash_(random) {
  for (size_t i = 0; i < stream_key_.size(); i += sizeof(uint64_t)) {
    const uint64_t word = random->Next();
    std::memcpy(stream_key_.data() + i, &word, sizeof(word));
  }
}

CookieJar::~CookieJar() {
  sodium_memzero(stream_key_.data(), stream_key_.size());
}

std::string_view CookieJar::Seal(const BranchCookie& cookie, std::string_view via_branch,
                                 std::string_view call_id, Branch* branch) const {
  Plain plain;
  const size_t size = WritePlain(cookie, plain.data());
  const uint64_t tag = hash_.Hash({AsText(plain.data(), size), via_branch, call_id});

  std::array<unsigned char, kTagSize + std::tuple_size_v<Plain>> sealed;
  std::memcpy(sealed.data(), &tag, kTagSize);
  crypto_stream_chacha20_xor(sealed.data() + kTagSize, plain.data(), size, sealed.data(),
                             stream_key_.data());
  static_assert(sip::kMagicCookie.size() +
                    sodium_base64_ENCODED_LEN(kTagSize + std::tuple_size_v<Plain>,
                                              sodium_base64_VARIANT_URLSAFE_NO_PADDING) <=
                kBranchSizeMax);
  std::memcpy(branch->data(), sip::kMagicCookie.data(), sip::kMagicCookie.size());
  char* text = branch->data() + sip::kMagicCookie.size();
  sodium_bin2base64(text, branch->size() - sip::kMagicCookie.size(), sealed.data(), kTagSize + size,
                    kBase64);
  return {branch->data(), sip::kMagicCookie.size() + std::strlen(text)};
}

bool CookieJar::Open(std::string_view branch, std::string_view via_branch, std::string_view call_id,
                     Plain* plain, BranchCookie* cookie) const {
  if (!branch.starts_with(sip::kMagicCookie)) return false;
  branch.remove_prefix(sip::kMagicCookie.size());
  // libsodium takes 0xdf for '_'; a branch has one spelling.
  if (std::any_of(branch.begin(), branch.end(), [](char c) { return (c & 0x80) != 0; })) {
    return false;
  }
  std::array<unsigned char, kTagSize + std::tuple_size_v<Plain>> sealed;
  size_t size = 0;
  if (sodium_base642bin(sealed.data(), sealed.size(), branch.data(), branch.size(), nullptr, &size,
                        nullptr, kBase64) != 0 ||
      size <= kTagSize) {
    return false;
  }
  size -= kTagSize;
  crypto_stream_chacha20_xor(plain->data(), sealed.data() + kTagSize, size, sealed.data(),
                             stream_key_.data());
  uint64_t tag;
  std::memcpy(&tag, sealed.data(), kTagSize);
  // Found by trial it would take 2^63 datagrams; no secret is compared byte by byte.
  if (tag != hash_.Hash({AsText(plain->data(), size), via_branch, call_id})) return false;
  return ReadPlain(plain->data(), size, cookie);
}

}  // namespace edge
