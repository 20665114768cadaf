#include <gmock/gmock.h>
#include <sodium.h>
#include <sys/stat.h>

#include <set>

#include "edge/journal_key.h"
#include "tests/edge_journal.h"

namespace edge {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes Text(std::string_view text) {
  return {text.begin(), text.end()};
}

class JournalKeyFile : public testing::Test {
 protected:
  JournalKeyFile() : key_(std::array<uint8_t, JournalKey::kSize>{7}) {}

  Bytes Seal(const Bytes& plain, const Bytes& belongs_to) {
    JournalKey::Sealed sealed;
    const size_t size = key_.Seal(plain, belongs_to, &sealed);
    return {sealed.begin(), sealed.begin() + static_cast<ptrdiff_t>(size)};
  }
  KeyFileResult Read() { return ReadKeyFile(file_, &read_, &error_); }

  JournalKey key_;
  TestFolder folder_;
  std::string file_ = folder_.File("key");
  std::unique_ptr<JournalKey> read_;
  std::string error_;
};

TEST_F(JournalKeyFile, OpensWhatItSealedForTheSameThing) {
  const Bytes plain = Text("thirty-two bytes of two AKA keys");
  const Bytes sealed = Seal(plain, Text("row 1"));
  EXPECT_EQ(sealed.size(), plain.size() + JournalKey::kSealedExtra);
  Bytes opened(plain.size());
  EXPECT_TRUE(key_.Open(sealed, Text("row 1"), opened));
  EXPECT_EQ(opened, plain);
  EXPECT_FALSE(key_.Open(sealed, Text("row 2"), opened));
  Bytes longer(plain.size() + 1);
  EXPECT_FALSE(key_.Open(sealed, Text("row 1"), longer));
  EXPECT_FALSE(key_.Open({}, Text("row 1"), opened));
  JournalKey other(std::array<uint8_t, JournalKey::kSize>{8});
  EXPECT_FALSE(other.Open(sealed, Text("row 1"), opened));
}

TEST_F(JournalKeyFile, SeesAnyBitThatChanged) {
  const Bytes plain = Text("secret");
  const Bytes sealed = Seal(plain, {});
  Bytes opened(plain.size());
  for (size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(key_.Open(changed, {}, opened)) << bit;
  }
}

// A nonce that came twice would give away what both sealed.
TEST_F(JournalKeyFile, NeverSealsTwiceWithOneNonce) {
  std::set<Bytes> nonces;
  for (int i = 0; i < 1000; ++i) {
    const Bytes sealed = Seal(Text("x"), {});
    nonces.insert(Bytes(sealed.begin() + 1, sealed.begin() + 13));
  }
  EXPECT_EQ(nonces.size(), 1000u);
  JournalKey again(std::array<uint8_t, JournalKey::kSize>{7});
  JournalKey::Sealed sealed;
  const size_t size = again.Seal(Text("x"), {}, &sealed);
  EXPECT_EQ(size, 1 + JournalKey::kSealedExtra);
  EXPECT_FALSE(nonces.contains(Bytes(sealed.begin() + 1, sealed.begin() + 13)))
      << "nor does the next process";
}

TEST_F(JournalKeyFile, IsMadeOnceForItsOwnerAlone) {
  EXPECT_EQ(Read(), KeyFileResult::kMissing);
  std::unique_ptr<JournalKey> made;
  ASSERT_TRUE(CreateKeyFile(file_, &made, &error_)) << error_;
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  ASSERT_EQ(Read(), KeyFileResult::kOk) << error_;
  JournalKey::Sealed sealed;
  const Bytes plain = Text("x");
  const size_t size = made->Seal(plain, {}, &sealed);
  Bytes opened(1);
  EXPECT_TRUE(read_->Open(std::span(sealed).first(size), {}, opened));
  EXPECT_FALSE(CreateKeyFile(file_, &made, &error_));
  EXPECT_EQ(error_, "journal.key_file " + file_ + ": cannot create it: File exists");
}

TEST_F(JournalKeyFile, ThatOthersMayReadIsRefused) {
  std::unique_ptr<JournalKey> made;
  ASSERT_TRUE(CreateKeyFile(file_, &made, &error_));
  ASSERT_EQ(chmod(file_.c_str(), 0640), 0);
  EXPECT_EQ(Read(), KeyFileResult::kFailed);
  EXPECT_EQ(error_,
            "journal.key_file " + file_ + ": others may read or write it (mode 0640): chmod 600");
}

TEST_F(JournalKeyFile, ThatIsNoKeyIsRefused) {
  for (const std::string text : {"", "00", "zz", "\n"}) {
    std::ofstream(file_) << text << std::string(64 - text.size(), 'z') << "\n";
    ASSERT_EQ(chmod(file_.c_str(), 0600), 0);
    EXPECT_EQ(Read(), KeyFileResult::kFailed);
    EXPECT_EQ(error_,
              "journal.key_file " + file_ + ": it is no key: 64 hex digits and a line feed");
  }
  std::ofstream(file_) << std::string(66, '0') << "\n";
  EXPECT_EQ(Read(), KeyFileResult::kFailed) << "too long";
  std::filesystem::remove(file_);
  std::filesystem::create_directory(file_);
  EXPECT_EQ(Read(), KeyFileResult::kFailed);
  EXPECT_EQ(error_, "journal.key_file " + file_ + ": cannot read it: Is a directory");
}

}  // namespace
}  // namespace edge
