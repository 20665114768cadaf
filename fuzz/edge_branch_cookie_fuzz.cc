// Branches as a peer may send them: nothing opens but what the jar itself has sealed, and what it
// has sealed opens to what went in.
//
//   'B' text of a branch
//   'D' text of details beside the branch kVia
//   'C' flip(2) kind(1) set(8) family(1) port(2) address(16) identity(1) icid size(1) icid,
//   orig-ioi: a cookie and details
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "edge/branch_cookie.h"

namespace {

using edge::BranchCookie;
using edge::CookieDetails;
using edge::CookieJar;

constexpr std::string_view kVia = "z9hG4bK-ue-1";
constexpr std::string_view kCallId = "1@192.0.2.1";

void Check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

// The same numbers in every run, so that a corpus can hold sealed branches.
class FixedRandom final : public edge::Random {
 public:
  uint64_t Next() override { return state_ = state_ * 6364136223846793005u + 1; }

 private:
  uint64_t state_ = 1;
};

const CookieJar& Jar() {
  static FixedRandom random;
  static const CookieJar jar(edge::KeyedHash(&random), &random);
  return jar;
}

bool Opens(std::string_view branch, std::string_view via, std::string_view call_id) {
  BranchCookie cookie;
  return Jar().Open(branch, via, call_id, &cookie);
}

bool OpensDetails(std::string_view text, std::string_view branch) {
  CookieJar::Plain plain;
  CookieDetails details;
  return Jar().OpenDetails(text, branch, &plain, &details);
}

bool Inside(std::string_view piece, const CookieJar::Plain& plain) {
  const char* const begin = reinterpret_cast<const char*>(plain.data());
  return piece.empty() || (piece.data() >= begin && piece.size() <= plain.size() &&
                           piece.data() + piece.size() <= begin + plain.size());
}

void TryBranch(std::string_view branch) {
  BranchCookie cookie;
  if (!Jar().Open(branch, kVia, kCallId, &cookie)) return;
  CookieJar::Branch buffer;
  Check(Jar().Seal(cookie, kVia, kCallId, &buffer) == branch, "a branch has one spelling");
}

void TryDetails(std::string_view text, std::string_view branch) {
  CookieJar::Plain plain;
  CookieDetails details;
  if (!Jar().OpenDetails(text, branch, &plain, &details)) return;
  Check(Inside(details.icid, plain) && Inside(details.orig_ioi, plain), "texts lie in *plain");
  CookieJar::Branch buffer;
  Check(Jar().SealDetails(details, branch, &buffer) == text, "details have one spelling");
}

struct Reader {
  const uint8_t* at;
  size_t left;
  template <typename T>
  T Take() {
    T value{};
    const size_t size = left < sizeof(value) ? left : sizeof(value);
    std::memcpy(&value, at, size);
    at += size;
    left -= size;
    return value;
  }
  std::string_view Text(size_t size) {
    if (size > left) size = left;
    const std::string_view text(reinterpret_cast<const char*>(at), size);
    at += size;
    left -= size;
    return text;
  }
};

BranchCookie TakeCookie(Reader* reader) {
  BranchCookie cookie;
  // 0 is kToPhone and 1 is kToCore, as in the kept corpus.
  constexpr BranchCookie::Kind kKinds[] = {
      BranchCookie::Kind::kToPhone, BranchCookie::Kind::kToCore,
      BranchCookie::Kind::kToPhoneInClear, BranchCookie::Kind::kToCoreInClear};
  cookie.kind = kKinds[reader->Take<uint8_t>() % std::size(kKinds)];
  cookie.phone = reader->Take<uint64_t>();
  const bool is_ipv6 = (reader->Take<uint8_t>() & 1) != 0;
  cookie.peer.any.sa_family = is_ipv6 ? AF_INET6 : AF_INET;
  cookie.peer.set_port(reader->Take<uint16_t>());
  const in6_addr address = reader->Take<in6_addr>();
  std::memcpy(is_ipv6 ? static_cast<void*>(&cookie.peer.v6.sin6_addr)
                      : static_cast<void*>(&cookie.peer.v4.sin_addr),
              &address, is_ipv6 ? sizeof(in6_addr) : sizeof(in_addr));
  return cookie;
}

CookieDetails TakeDetails(Reader* reader) {
  CookieDetails details;
  details.called_identity = reader->Take<uint8_t>();
  details.via_count = static_cast<uint8_t>(reader->left);
  details.icid = reader->Text(reader->Take<uint8_t>());
  details.orig_ioi = reader->Text(reader->left);
  return details;
}

std::string_view Kept(std::string_view text) {
  return text.size() > CookieDetails::kTextSizeMax ? std::string_view() : text;
}

void CheckSame(const BranchCookie& opened, const BranchCookie& sealed) {
  Check(opened.kind == sealed.kind, "the kind comes back");
  const bool is_protected = sealed.kind == BranchCookie::Kind::kToPhone;
  const bool is_to_core = sealed.kind == BranchCookie::Kind::kToCore;
  Check(is_to_core || opened.phone == sealed.phone, "the set or the binding comes back");
  Check(is_protected || opened.peer == sealed.peer, "the address comes back");
}

void CheckSame(const CookieDetails& opened, const CookieDetails& sealed) {
  Check(opened.via_count == sealed.via_count, "the count of Vias comes back");
  Check(opened.called_identity == sealed.called_identity, "the identity comes back");
  Check(opened.icid == Kept(sealed.icid), "the icid comes back");
  Check(opened.orig_ioi == Kept(sealed.orig_ioi), "the orig-ioi comes back");
}

void Flip(uint16_t bit, std::string* text) {
  (*text)[bit / 8 % text->size()] ^= static_cast<char>(1 << bit % 8);
}

void TryCookie(Reader reader) {
  const uint16_t flip = reader.Take<uint16_t>();
  const BranchCookie sealed = TakeCookie(&reader);
  CookieJar::Branch buffer;
  const std::string_view branch = Jar().Seal(sealed, kVia, kCallId, &buffer);
  Check(branch.size() <= CookieJar::kBranchSizeMax, "it fits");

  BranchCookie opened;
  Check(Jar().Open(branch, kVia, kCallId, &opened), "what was sealed opens");
  CheckSame(opened, sealed);
  TryBranch(branch);
  Check(!Opens(branch, kCallId, kVia), "of another transaction it does not");
  std::string forged(branch);
  Flip(flip, &forged);
  Check(!Opens(forged, kVia, kCallId), "a flipped bit is found");

  const CookieDetails details = TakeDetails(&reader);
  CookieJar::Branch details_buffer;
  const std::string_view text = Jar().SealDetails(details, branch, &details_buffer);
  CookieJar::Plain plain;
  CookieDetails opened_details;
  Check(Jar().OpenDetails(text, branch, &plain, &opened_details), "sealed details open");
  CheckSame(opened_details, details);
  TryDetails(text, branch);
  Check(!OpensDetails(text, kVia), "beside another branch they do not");
  forged = text;
  Flip(flip, &forged);
  Check(!OpensDetails(forged, branch), "a flipped bit is found");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  if (data[0] == 'C') {
    TryCookie({data + 1, size - 1});
  } else if (data[0] == 'D') {
    TryDetails({reinterpret_cast<const char*>(data + 1), size - 1}, kVia);
  } else {
    TryBranch({reinterpret_cast<const char*>(data + 1), size - 1});
  }
  return 0;
}
