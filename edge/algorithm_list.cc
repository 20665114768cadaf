#include "edge/algorithm_list.h"

#include <fmt/format.h>

#include <cassert>
#include <optional>

namespace edge {
namespace {

using xfrm::Algorithms;
using xfrm::Encryption;
using xfrm::Integrity;

// Strongest first (TS 33.203 §7.2: the P-CSCF's order decides).
constexpr std::array<Algorithms, AlgorithmList::kPairsMax> kAllPairs = {{
    {Integrity::kNull, Encryption::kAesGcm},
    {Integrity::kAesGmac, Encryption::kNull},
    {Integrity::kHmacSha1_96, Encryption::kAesCbc},
    {Integrity::kHmacSha1_96, Encryption::kNull},
    {Integrity::kHmacSha1_96, Encryption::kDesEde3Cbc},
    {Integrity::kHmacMd5_96, Encryption::kAesCbc},
    {Integrity::kHmacMd5_96, Encryption::kNull},
    {Integrity::kHmacMd5_96, Encryption::kDesEde3Cbc},
}};

constexpr std::array kIntegrities = {Integrity::kHmacMd5_96, Integrity::kHmacSha1_96,
                                     Integrity::kAesGmac, Integrity::kNull};
constexpr std::array kEncryptions = {Encryption::kDesEde3Cbc, Encryption::kAesCbc,
                                     Encryption::kAesGcm, Encryption::kNull};

constexpr std::string_view kIntegrityWords = "hmac-md5-96, hmac-sha-1-96, aes-gmac, null";
constexpr std::string_view kEncryptionWords = "des-ede3-cbc, aes-cbc, aes-gcm, null";
constexpr std::string_view kLegalPairs =
    "null=aes-gcm, aes-gmac=null, and hmac-sha-1-96 or hmac-md5-96 = aes-cbc, null or des-ede3-cbc";

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Whole words only: "hmac" or "h" is none of the algorithms.
bool SameWord(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

std::string_view WithoutBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::optional<Integrity> FindIntegrity(std::string_view word) {
  for (const Integrity integrity : kIntegrities) {
    if (SameWord(word, xfrm::Name(integrity))) return integrity;
  }
  return std::nullopt;
}

std::optional<Encryption> FindEncryption(std::string_view word) {
  for (const Encryption encryption : kEncryptions) {
    if (SameWord(word, xfrm::Name(encryption))) return encryption;
  }
  return std::nullopt;
}

// Adds one item, or says in *error why not.
class ItemReader {
 public:
  ItemReader(AlgorithmList* list, std::string* error, std::string* warning)
      : list_(list), error_(error), warning_(warning) {}

  void Read(std::string_view item) {
    const size_t equals = item.find('=');
    if (item.empty()) {
      Fail("an item between two commas is empty");
    } else if (equals == std::string_view::npos) {
      ReadOne(item);
    } else {
      ReadPair(item, WithoutBlanks(item.substr(0, equals)), WithoutBlanks(item.substr(equals + 1)));
    }
  }

 private:
  void ReadOne(std::string_view word) {
    const std::optional<Integrity> integrity = FindIntegrity(word);
    const std::optional<Encryption> encryption = FindEncryption(word);
    if (!integrity && !encryption) {
      Fail(fmt::format("\"{}\" is no algorithm: {}, {} or a pair integrity=encryption", word,
                       "hmac-md5-96, hmac-sha-1-96, aes-gmac, des-ede3-cbc, aes-cbc, aes-gcm",
                       "null"));
    }
    for (const Algorithms pair : kAllPairs) {
      if (integrity == pair.integrity || encryption == pair.encryption) list_->Add(pair);
    }
  }

  void ReadPair(std::string_view item, std::string_view left, std::string_view right) {
    const std::optional<Integrity> integrity = FindIntegrity(left);
    const std::optional<Encryption> encryption = FindEncryption(right);
    if (!integrity) {
      Fail(fmt::format("in \"{}\", \"{}\" is no integrity algorithm: {}", item, left,
                       kIntegrityWords));
    }
    if (!encryption) {
      Fail(fmt::format("in \"{}\", \"{}\" is no encryption algorithm: {}", item, right,
                       kEncryptionWords));
    }
    if (!integrity || !encryption) return;

    const Algorithms pair{*integrity, *encryption};
    if (xfrm::IsLegal(pair)) return list_->Add(pair);
    if (pair == Algorithms{Integrity::kAesGmac, Encryption::kAesGcm}) return AddGmacAndGcm(item);
    Fail(fmt::format("\"{}\" is no pair of TS 33.203 annex H: {}", item, kLegalPairs));
  }

  // The example in proto_ipsec's manual. An SA has one AEAD, so the two cannot work together
  // (RFC 4543 §3); whoever copied it wants both.
  void AddGmacAndGcm(std::string_view item) {
    list_->Add({Integrity::kAesGmac, Encryption::kNull});
    list_->Add({Integrity::kNull, Encryption::kAesGcm});
    *warning_ = fmt::format(
        "\"{}\" is no legal pair (RFC 4543 3): read as aes-gmac=null,null=aes-gcm", item);
  }

  void Fail(std::string_view what) {
    if (!error_->empty()) error_->append("; ");
    error_->append(what);
  }

  AlgorithmList* list_;
  std::string* error_;
  std::string* warning_;
};

}  // namespace

AlgorithmList AlgorithmList::All() {
  AlgorithmList list;
  for (const Algorithms pair : kAllPairs) list.Add(pair);
  return list;
}

void AlgorithmList::Add(Algorithms pair) {
  assert(xfrm::IsLegal(pair));
  if (Contains(pair)) return;
  assert(count_ < pairs_.size());
  pairs_[count_++] = pair;
}

bool AlgorithmList::Contains(Algorithms pair) const {
  for (const Algorithms own : pairs()) {
    if (own == pair) return true;
  }
  return false;
}

AlgorithmList AlgorithmList::WithoutDeprecated() const {
  AlgorithmList list;
  for (const Algorithms pair : pairs()) {
    const bool integrity_lives =
        pair.integrity == Integrity::kNull || pair.integrity == Integrity::kAesGmac;
    const bool encryption_lives =
        pair.encryption == Encryption::kNull || pair.encryption == Encryption::kAesGcm;
    if (integrity_lives && encryption_lives) list.Add(pair);
  }
  return list;
}

bool ParseAlgorithmList(std::string_view text, AlgorithmList* list, std::string* error,
                        std::string* warning) {
  error->clear();
  warning->clear();
  if (WithoutBlanks(text).empty()) {
    *list = AlgorithmList::All();
    return true;
  }
  AlgorithmList read;
  ItemReader items(&read, error, warning);
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    items.Read(WithoutBlanks(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  if (!error->empty()) return false;
  *list = read;
  return true;
}

}  // namespace edge
