#include "edge/branch_cookie.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "edge/base64url.h"
#include "sip/via.h"

namespace edge {
namespace {

constexpr size_t kTagSize = crypto_stream_chacha20_NONCEBYTES;
static_assert(kTagSize == sizeof(uint64_t));
static_assert(crypto_stream_chacha20_KEYBYTES == 32);
constexpr std::string_view kDetails = "details";

// kToPhone:         kind(1) transport(1) phone(8) port(2)
// kToPhoneInClear:  the same, then size(1) port(2) address(4 or 16)
// kToCore:          kind(1) transport(1), then size(1) port(2) address(4 or 16)
// kToCoreInClear:   as kToCore with phone(8) behind the transport
// details:          identity(1) vias(1) size(1) icid size(1) ioi
struct PlainWriter {
  unsigned char* at;
  void Put(const void* data, size_t size) {
    if (size == 0) return;  // An empty view may point nowhere.
    std::memcpy(at, data, size);
    at += size;
  }
  void PutByte(size_t byte) { *at++ = static_cast<unsigned char>(byte); }
  void PutText(std::string_view text) {
    if (text.size() > CookieDetails::kTextSizeMax) text = {};
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
  return static_cast<size_t>(writer.at - out);
}

size_t WritePlain(const CookieDetails& details, unsigned char* out) {
  PlainWriter writer{out};
  writer.PutByte(details.called_identity);
  writer.PutByte(details.via_count);
  writer.PutText(details.icid);
  writer.PutText(details.orig_ioi);
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
  return reader.ok && reader.left == 0;
}

bool ReadPlain(const unsigned char* plain, size_t size, CookieDetails* details) {
  PlainReader reader{plain, size};
  reader.Get(&details->called_identity, 1);
  reader.Get(&details->via_count, 1);
  details->icid = reader.GetText();
  details->orig_ioi = reader.GetText();
  return reader.ok && reader.left == 0;
}

std::string_view AsText(const unsigned char* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// Numbers that follow from a key, for one purpose.
class Numbers final : public Random {
 public:
  Numbers(const KeyedHash& key, std::string_view purpose) : key_(key), purpose_(purpose) {}
  uint64_t Next() override {
    const unsigned char count = count_++;
    return key_.Hash({purpose_, AsText(&count, 1)});
  }
  KeyedHash Key() { return KeyedHash(this); }

 private:
  const KeyedHash& key_;
  const std::string_view purpose_;
  unsigned char count_ = 0;
};

}  // namespace

CookieJar::CookieJar(const KeyedHash& lasting, Random* random)
    : hash_(Numbers(lasting, "cookie tag").Key()), life_(random->Next()) {
  Numbers numbers(lasting, "cookie stream");
  for (size_t i = 0; i < stream_key_.size(); i += sizeof(uint64_t)) {
    const uint64_t word = numbers.Next();
    std::memcpy(stream_key_.data() + i, &word, sizeof(word));
  }
}

CookieJar::~CookieJar() {
  sodium_memzero(stream_key_.data(), stream_key_.size());
}

std::string_view CookieJar::Close(uint64_t tag, std::string_view plain, std::string_view begin,
                                  Branch* out) const {
  std::array<unsigned char, kTagSize + std::tuple_size_v<Plain>> sealed;
  std::memcpy(sealed.data(), &tag, kTagSize);
  crypto_stream_chacha20_xor(sealed.data() + kTagSize,
                             reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                             sealed.data(), stream_key_.data());
  static_assert(sip::kMagicCookie.size() + Base64UrlSize(sealed.size()) <= kBranchSizeMax);
  char* end = std::copy(begin.begin(), begin.end(), out->data());
  end = WriteBase64Url({sealed.data(), kTagSize + plain.size()}, end);
  return {out->data(), static_cast<size_t>(end - out->data())};
}

bool CookieJar::Unclose(std::string_view text, uint64_t* tag, Plain* plain, size_t* size) const {
  std::array<unsigned char, kTagSize + std::tuple_size_v<Plain>> sealed;
  size_t sealed_size = 0;
  if (!ReadBase64Url(text, sealed, &sealed_size) || sealed_size <= kTagSize) return false;
  *size = sealed_size - kTagSize;
  crypto_stream_chacha20_xor(plain->data(), sealed.data() + kTagSize, *size, sealed.data(),
                             stream_key_.data());
  std::memcpy(tag, sealed.data(), kTagSize);
  return true;
}

uint64_t CookieJar::TagOf(std::string_view plain, std::string_view via_branch,
                          std::string_view call_id) const {
  const bool is_lasting = static_cast<Kind>(plain.front()) == Kind::kToCore;
  const std::string_view life(reinterpret_cast<const char*>(&life_), sizeof(life_));
  return hash_.Hash({plain, via_branch, call_id, is_lasting ? std::string_view() : life});
}

std::string_view CookieJar::Seal(const BranchCookie& cookie, std::string_view via_branch,
                                 std::string_view call_id, Branch* branch) const {
  Plain bytes;
  const std::string_view plain = AsText(bytes.data(), WritePlain(cookie, bytes.data()));
  return Close(TagOf(plain, via_branch, call_id), plain, sip::kMagicCookie, branch);
}

std::string_view CookieJar::SealDetails(const CookieDetails& details, std::string_view branch,
                                        Branch* text) const {
  Plain bytes;
  const std::string_view plain = AsText(bytes.data(), WritePlain(details, bytes.data()));
  return Close(hash_.Hash({kDetails, plain, branch}), plain, "", text);
}

// Found by trial a tag would take 2^63 datagrams; no secret is compared byte by byte.
bool CookieJar::Open(std::string_view branch, std::string_view via_branch, std::string_view call_id,
                     BranchCookie* cookie) const {
  if (!branch.starts_with(sip::kMagicCookie)) return false;
  branch.remove_prefix(sip::kMagicCookie.size());
  Plain plain;
  uint64_t tag;
  size_t size;
  return Unclose(branch, &tag, &plain, &size) &&
         tag == TagOf(AsText(plain.data(), size), via_branch, call_id) &&
         ReadPlain(plain.data(), size, cookie);
}

bool CookieJar::OpenDetails(std::string_view text, std::string_view branch, Plain* plain,
                            CookieDetails* details) const {
  uint64_t tag;
  size_t size;
  return Unclose(text, &tag, plain, &size) &&
         tag == hash_.Hash({kDetails, AsText(plain->data(), size), branch}) &&
         ReadPlain(plain->data(), size, details);
}

}  // namespace edge
