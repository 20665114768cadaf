// Key expansion against vectors, and against whole ESP packets: the keys are right if OpenSSL with
// these keys makes the very bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <fstream>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>

#include "tests/xfrm_samples.h"
#include "xfrm/algorithm.h"

namespace xfrm {
namespace {

using Json = nlohmann::json;
using Bytes = std::vector<uint8_t>;
using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Json Vectors(const char* file) {
  std::ifstream stream(std::string(GMEDGE_SOURCE_DIR "/tests/data/vectors/") + file);
  return Json::parse(stream);
}

template <typename Enum>
Enum Named(std::string_view name, std::initializer_list<Enum> all) {
  for (const Enum value : all) {
    if (Name(value) == name) return value;
  }
  ADD_FAILURE() << "unknown algorithm " << name;
  return *all.begin();
}

Integrity IntegrityNamed(std::string_view name) {
  return Named(name, {Integrity::kNull, Integrity::kHmacMd5_96, Integrity::kHmacSha1_96,
                      Integrity::kAesGmac});
}

Encryption EncryptionNamed(std::string_view name) {
  return Named(
      name, {Encryption::kNull, Encryption::kDesEde3Cbc, Encryption::kAesCbc, Encryption::kAesGcm});
}

Attribute AttributeNamed(const std::string& name) {
  if (name == "XFRMA_ALG_AEAD") return Attribute::kAead;
  if (name == "XFRMA_ALG_AUTH_TRUNC") return Attribute::kAuthTrunc;
  EXPECT_EQ(name, "XFRMA_ALG_CRYPT");
  return Attribute::kCrypt;
}

// A legal partner, so that one algorithm can be expanded alone.
Algorithms With(Integrity integrity) {
  return {integrity, Encryption::kNull};
}
Algorithms With(Encryption encryption) {
  const bool gcm = encryption == Encryption::kAesGcm;
  return {gcm ? Integrity::kNull : Integrity::kHmacSha1_96, encryption};
}

TEST(XfrmAlgorithm, ExpandsEveryIntegrityKeyOfTheVectors) {
  const Json file = Vectors("keys.json");
  for (const Json& set : file.at("vectors")) {
    for (const auto& [name, row] : set.at("integrity").items()) {
      SCOPED_TRACE(name + " of set " + set.at("set").dump());
      const EspKeys keys(With(IntegrityNamed(name)), KeyFromHex(set.at("ik")),
                         KeyFromHex(set.at("ck")));
      EXPECT_THAT(keys.integrity_key(), ElementsAreArray(FromHex(row.at("key"))));
      EXPECT_THAT(keys.encryption_key(), IsEmpty());
    }
  }
}

TEST(XfrmAlgorithm, ExpandsEveryEncryptionKeyOfTheVectors) {
  const Json file = Vectors("keys.json");
  for (const Json& set : file.at("vectors")) {
    for (const auto& [name, row] : set.at("encryption").items()) {
      SCOPED_TRACE(name + " of set " + set.at("set").dump());
      const EspKeys keys(With(EncryptionNamed(name)), KeyFromHex(set.at("ik")),
                         KeyFromHex(set.at("ck")));
      const char* which = row.contains("key_parity_adjusted") ? "key_parity_adjusted" : "key";
      EXPECT_THAT(keys.encryption_key(), ElementsAreArray(FromHex(row.at(which))));
    }
  }
}

TEST(XfrmAlgorithm, TellsTheKernelWhatTheVectorsTell) {
  const Json set = Vectors("keys.json").at("vectors").at(0);
  const auto expect_row = [](const KernelAlgorithm& row, const Json& expected) {
    EXPECT_EQ(row.attribute, AttributeNamed(expected.at("attr")));
    EXPECT_EQ(row.name, expected.at("name").get<std::string>());
    EXPECT_EQ(row.key_bits, expected.at("key_bits").get<int>());
    EXPECT_EQ(row.icv_bits, expected.value("trunc_bits", expected.value("icv_bits", 0)));
  };
  for (const auto& [name, row] : set.at("integrity").items()) {
    expect_row(KernelNameOf(IntegrityNamed(name)), row);
  }
  for (const auto& [name, row] : set.at("encryption").items()) {
    expect_row(KernelNameOf(EncryptionNamed(name)), row);
  }
  EXPECT_EQ(KernelNameOf(Integrity::kNull).attribute, Attribute::kNone);
}

TEST(XfrmAlgorithm, Pitfall02ThirdDesKeyIsTheFirst) {
  const EspKeys keys(With(Encryption::kDesEde3Cbc), SampleIk(), SampleCk());
  const std::span<const uint8_t> key = keys.encryption_key();
  ASSERT_THAT(key, SizeIs(24));
  EXPECT_THAT(key.last(8), ElementsAreArray(key.first(8)));
}

TEST(XfrmAlgorithm, KeyLengthsAreThoseOfTheTable) {
  for (const Algorithms algorithms : kLegalAlgorithms) {
    const EspKeys keys(algorithms, SampleIk(), SampleCk());
    EXPECT_EQ(keys.integrity_key().size() * 8, KernelNameOf(algorithms.integrity).key_bits);
    EXPECT_EQ(keys.encryption_key().size() * 8, KernelNameOf(algorithms.encryption).key_bits);
  }
}

TEST(XfrmAlgorithm, LegalPairsAreThoseOfAnnexH) {
  int legal = 0;
  for (int integrity = 0; integrity < 4; ++integrity) {
    for (int encryption = 0; encryption < 4; ++encryption) {
      const Algorithms pair = {static_cast<Integrity>(integrity),
                               static_cast<Encryption>(encryption)};
      const bool listed =
          std::count(std::begin(kLegalAlgorithms), std::end(kLegalAlgorithms), pair) == 1;
      EXPECT_EQ(IsLegal(pair), listed) << Name(pair.integrity) << "=" << Name(pair.encryption);
      legal += listed ? 1 : 0;
    }
  }
  EXPECT_EQ(legal, 8);
}

TEST(XfrmAlgorithm, RefusesToExpandAnIllegalPair) {
  EXPECT_DEATH(EspKeys({Integrity::kNull, Encryption::kNull}, SampleIk(), SampleCk()), "IsLegal");
}

// Lives in storage that outlasts it, so that one can look at the bytes it leaves.
template <typename T>
struct Grave {
  alignas(T) std::array<unsigned char, sizeof(T)> bytes;

  template <typename... Arguments>
  void LiveAndDie(const std::vector<uint8_t>& secret, const Arguments&... arguments) {
    bytes.fill(0x5a);
    T* value = new (bytes.data()) T(arguments...);
    EXPECT_TRUE(Holds(secret)) << "the test looks in the wrong place";
    std::destroy_at(value);
  }
  bool Holds(const std::vector<uint8_t>& secret) const {
    return std::search(bytes.begin(), bytes.end(), secret.begin(), secret.end()) != bytes.end();
  }
};

TEST(XfrmAlgorithm, EspKeysWipeThemselves) {
  const EspKeys keys({Integrity::kHmacSha1_96, Encryption::kAesCbc}, SampleIk(), SampleCk());
  Grave<EspKeys> grave;
  const Bytes ik(keys.integrity_key().begin(), keys.integrity_key().end());
  const Bytes ck(keys.encryption_key().begin(), keys.encryption_key().end());
  grave.LiveAndDie(ck, keys);
  EXPECT_FALSE(grave.Holds({ik.begin(), ik.begin() + 4}));
  EXPECT_FALSE(grave.Holds({ck.begin(), ck.begin() + 4}));
}

TEST(XfrmAlgorithm, KeyWipesItself) {
  Grave<Key> grave;
  const Key key = SampleIk();
  grave.LiveAndDie({key.bytes().begin(), key.bytes().end()}, key);
  EXPECT_THAT(grave.bytes, Each(0));
}

// ESP in transport mode, built the plain way (RFC 4303, 4106, 4543):
//   | SPI | sequence | IV | payload | padding 1 2 .. | pad length | next header | ICV |
class EspBuilder {
 public:
  EspBuilder(const EspKeys& keys, const Json& packet) : keys_(keys) {
    const uint32_t fields[] = {htonl(packet.at("spi").get<uint32_t>()),
                               htonl(packet.at("seq").get<uint32_t>())};
    Append(std::as_bytes(std::span(fields)));
    iv_ = FromHex(packet.at("iv"));
    payload_ = FromHex(packet.at("payload"));
    next_header_ = packet.at("next_header").get<uint8_t>();
  }

  Bytes Build() {
    switch (keys_.algorithms().encryption) {
      case Encryption::kNull:
        return keys_.algorithms().integrity == Integrity::kAesGmac ? Gmac() : Plain();
      case Encryption::kAesCbc:
        return Cbc(EVP_aes_128_cbc(), 16);
      case Encryption::kDesEde3Cbc:
        return Cbc(EVP_des_ede3_cbc(), 8);
      case Encryption::kAesGcm:
        return Gcm();
    }
    return {};
  }

 private:
  void Append(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) esp_.push_back(static_cast<uint8_t>(byte));
  }
  void AppendBytes(const Bytes& bytes) { esp_.insert(esp_.end(), bytes.begin(), bytes.end()); }

  // The payload with its trailer, filled up to a multiple of `block` (4 at least).
  Bytes Padded(size_t block) const {
    Bytes text = payload_;
    uint8_t count = 0;
    while ((text.size() + 2) % block != 0) text.push_back(++count);
    text.push_back(count);
    text.push_back(next_header_);
    return text;
  }

  void Sign() {
    const EVP_MD* digest =
        keys_.algorithms().integrity == Integrity::kHmacMd5_96 ? EVP_md5() : EVP_sha1();
    std::array<uint8_t, EVP_MAX_MD_SIZE> mac;
    unsigned size = 0;
    HMAC(digest, keys_.integrity_key().data(), static_cast<int>(keys_.integrity_key().size()),
         esp_.data(), esp_.size(), mac.data(), &size);
    const size_t icv_size = KernelNameOf(keys_.algorithms().integrity).icv_bits / 8;
    esp_.insert(esp_.end(), mac.begin(), mac.begin() + static_cast<std::ptrdiff_t>(icv_size));
  }

  Bytes Plain() {
    AppendBytes(Padded(4));
    Sign();
    return esp_;
  }

  Bytes Cbc(const EVP_CIPHER* cipher, size_t block) {
    const Bytes text = Padded(block);
    iv_.resize(block);
    AppendBytes(iv_);
    AppendBytes(Encrypt(cipher, keys_.encryption_key(), iv_, {}, text, nullptr));
    Sign();
    return esp_;
  }

  // The key's last four octets are the salt; nonce = salt, then the 8 octets of IV.
  Bytes Gcm() {
    iv_.resize(8);
    const std::span<const uint8_t> key = keys_.encryption_key();
    Bytes icv;
    const Bytes text =
        Encrypt(EVP_aes_128_gcm(), key.first(16), Nonce(key.last(4)), esp_, Padded(4), &icv);
    AppendBytes(iv_);
    AppendBytes(text);
    AppendBytes(icv);
    return esp_;
  }

  // All of it is additional data, the IV too, and nothing is encrypted (RFC 4543 3.3).
  Bytes Gmac() {
    iv_.resize(8);
    const std::span<const uint8_t> key = keys_.integrity_key();
    AppendBytes(iv_);
    AppendBytes(Padded(4));
    Bytes icv;
    Encrypt(EVP_aes_128_gcm(), key.first(16), Nonce(key.last(4)), esp_, {}, &icv);
    AppendBytes(icv);
    return esp_;
  }

  Bytes Nonce(std::span<const uint8_t> salt) const {
    Bytes nonce(salt.begin(), salt.end());
    nonce.insert(nonce.end(), iv_.begin(), iv_.end());
    return nonce;
  }

  static Bytes Encrypt(const EVP_CIPHER* cipher, std::span<const uint8_t> key, const Bytes& iv,
                       const Bytes& additional, const Bytes& text, Bytes* icv) {
    const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context(EVP_CIPHER_CTX_new(),
                                                                             EVP_CIPHER_CTX_free);
    Bytes out(text.size());
    int size = 0;
    EXPECT_EQ(EVP_EncryptInit_ex(context.get(), cipher, nullptr, key.data(), iv.data()), 1);
    EVP_CIPHER_CTX_set_padding(context.get(), 0);
    if (!additional.empty()) {
      EVP_EncryptUpdate(context.get(), nullptr, &size, additional.data(),
                        static_cast<int>(additional.size()));
    }
    if (!text.empty()) {
      EVP_EncryptUpdate(context.get(), out.data(), &size, text.data(),
                        static_cast<int>(text.size()));
    }
    std::array<uint8_t, EVP_MAX_BLOCK_LENGTH> rest;
    EXPECT_EQ(EVP_EncryptFinal_ex(context.get(), rest.data(), &size), 1);
    if (icv != nullptr) {
      icv->resize(16);
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, 16, icv->data());
    }
    return out;
  }

  const EspKeys& keys_;
  Bytes esp_;
  Bytes iv_;
  Bytes payload_;
  uint8_t next_header_ = 0;
};

TEST(XfrmAlgorithm, KeysMakeTheEspPacketsOfTheVectors) {
  const Json packets = Vectors("esp_packets.json").at("packets");
  EXPECT_THAT(packets, SizeIs(7));
  for (const Json& packet : packets) {
    SCOPED_TRACE(packet.at("alg").dump() + "=" + packet.at("ealg").dump());
    const Algorithms algorithms = {IntegrityNamed(packet.at("alg").get<std::string>()),
                                   EncryptionNamed(packet.at("ealg").get<std::string>())};
    const EspKeys keys(algorithms, SampleIk(), SampleCk());
    EXPECT_THAT(EspBuilder(keys, packet).Build(), ElementsAreArray(FromHex(packet.at("esp"))));
  }
}

}  // namespace
}  // namespace xfrm
