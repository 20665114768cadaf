// Records in a file and back, and everything that can be wrong with the file: what is said, and
// that nobody who could be read is lost.
#include <gmock/gmock.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "edge/sqlite_store.h"
#include "tests/edge_journal.h"

namespace edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

class SqliteStoreFile : public testing::Test {
 protected:
  void Open() { ASSERT_TRUE(TryOpen()) << error_; }
  bool TryOpen() {
    opened_ = {};
    error_.clear();
    return OpenSqliteStore(options_, &opened_, &error_);
  }
  void Write(const std::vector<JournalOp>& ops) {
    std::vector<const JournalOp*> pointers;
    for (const JournalOp& op : ops) pointers.push_back(&op);
    std::string error;
    ASSERT_TRUE(opened_.store->Commit(pointers, &error)) << error;
  }
  // `count` phones with a set each, in one commit.
  void WritePhones(RecordId count) {
    std::vector<JournalOp> ops;
    for (RecordId id = 1; id <= count; ++id) {
      ops.emplace_back(MakeRegistration(id));
      ops.emplace_back(MakeSet(id, id));
    }
    Write(ops);
  }
  // As kill -9 leaves it: the log is not moved into the file.
  void Crash() {
    std::filesystem::copy(folder_.path(), copy_.path(), std::filesystem::copy_options::recursive);
    opened_ = {};
    std::filesystem::remove_all(folder_.path());
    std::filesystem::copy(copy_.path(), folder_.path(), std::filesystem::copy_options::recursive);
  }
  void Close() { opened_ = {}; }
  // Other bytes at a place of the file.
  void Overwrite(const std::string& file, size_t at, size_t size) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(at));
    stream << std::string(size, '\x5a');
  }
  std::string Sql(const std::string& text) {
    int result = 0;
    const SqliteDb db = OpenSqlite(options_.file, SQLITE_OPEN_READWRITE, nullptr, &result);
    return Execute(db.get(), text.c_str()) == SQLITE_OK ? "" : sqlite3_errmsg(db.get());
  }
  std::vector<std::string> SetAside() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename();
      if (name.find(".damaged-") != std::string::npos && !name.ends_with("-wal") &&
          !name.ends_with("-shm")) {
        names.push_back(entry.path());
      }
    }
    return names;
  }

  FaultyDisk disk_;
  TestFolder folder_;
  TestFolder copy_;
  SqliteOptions options_{folder_.File("journal"), folder_.File("journal.key")};
  SqliteOpened opened_;
  std::string error_;
};

TEST_F(SqliteStoreFile, KeepsEveryFieldOfARecord) {
  Open();
  EXPECT_THAT(opened_.remarks,
              ElementsAre("journal " + options_.file + ": there was none, a new one begins"));
  RegistrationRecord in_clear = MakeRegistration(2);
  in_clear.ue = At("[2001:db8::7]:0");
  in_clear.is_in_clear = true;
  in_clear.is_emergency = true;
  in_clear.reg_id = 7;
  in_clear.clear_local = At("[2001:db8::1]:5060");
  in_clear.clear_from = At("[2001:db8::7]:40000");
  in_clear.clear_to = At("[2001:db8::7]:5070");
  in_clear.clear_transport = Transport::kTcp;
  in_clear.clear_connect_port = 5071;
  SetRecord old = MakeSet(5, 1);
  old.state = SetState::kOld;
  old.after_initial = false;
  old.rule = 7;
  old.sequence_bound = kSequenceBoundMax;
  old.agreement.algorithms = {xfrm::Integrity::kNull, xfrm::Encryption::kAesGcm};
  Write({MakeRegistration(1), in_clear, MakeSet(4, 1), old});
  const std::array<uint8_t, 32> secret = opened_.store->secret();
  Close();
  Open();
  EXPECT_THAT(opened_.remarks, IsEmpty());
  EXPECT_EQ(opened_.store->secret(), secret);
  EXPECT_THAT(opened_.contents.registrations, ElementsAre(MakeRegistration(1), in_clear));
  EXPECT_THAT(opened_.contents.sets, ElementsAre(MakeSet(4, 1), old));
}

TEST_F(SqliteStoreFile, ReplacesAndErasesByIdAndDoesAllOfACommitOrNothing) {
  Open();
  WritePhones(3);
  SetRecord changed = MakeSet(2, 2);
  changed.expires_ms += 5;
  Write({changed, ErasedSet{1}, ErasedRegistration{1}, ErasedSet{99}});
  Crash();
  Open();
  EXPECT_THAT(opened_.contents.registrations,
              ElementsAre(MakeRegistration(2), MakeRegistration(3)));
  EXPECT_THAT(opened_.contents.sets, ElementsAre(changed, MakeSet(3, 3)));
}

TEST_F(SqliteStoreFile, HasNoKeyInItsBytesAndItsKeyFileIsForTheOwnerAlone) {
  Open();
  Write({MakeRegistration(1), MakeSet(1, 1)});
  const SetRecord set = MakeSet(1, 1);
  const std::span<const uint8_t> ik = set.ik.bytes();
  const std::string key(reinterpret_cast<const char*>(ik.data()), ik.size());
  for (const char* part : {"", "-wal"}) {
    const std::string bytes = BytesOf(options_.file + part);
    EXPECT_EQ(bytes.find(key), std::string::npos) << part;
  }
  EXPECT_THAT(BytesOf(options_.file + "-wal"), HasSubstr("impi-1@example.org"))
      << "all else can be read";
  struct stat status {};
  for (const std::string& file : {options_.key_file, options_.file, options_.file + "-wal"}) {
    ASSERT_EQ(stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u) << file;
  }
}

TEST_F(SqliteStoreFile, IsOpenInOneGmedgeOnly) {
  Open();
  SqliteOpened second;
  EXPECT_FALSE(OpenSqliteStore(options_, &second, &error_));
  EXPECT_EQ(error_, "journal " + options_.file + ": another gmedge has it open");
}

TEST_F(SqliteStoreFile, WithoutItsKeyFileDoesNotStart) {
  Open();
  WritePhones(2);
  Close();
  std::filesystem::rename(options_.key_file, folder_.File("elsewhere"));
  EXPECT_FALSE(TryOpen());
  EXPECT_EQ(error_, "journal " + options_.file + ": its key file " + options_.key_file +
                        " is missing: put it back, or move the journal away to begin without its "
                        "registrations");
  std::filesystem::rename(folder_.File("elsewhere"), options_.key_file);
  Open();
  EXPECT_EQ(opened_.contents.sets.size(), 2u);
}

TEST_F(SqliteStoreFile, WithAnotherKeyFileDoesNotStart) {
  Open();
  WritePhones(2);
  Close();
  std::filesystem::rename(options_.key_file, folder_.File("right"));
  std::unique_ptr<JournalKey> other;
  ASSERT_TRUE(CreateKeyFile(options_.key_file, &other, &error_));
  EXPECT_FALSE(TryOpen());
  EXPECT_EQ(error_, "journal " + options_.file + ": " + options_.key_file +
                        " is not its key file: put the right one back, or move the journal away "
                        "to begin without its registrations");
  std::filesystem::rename(folder_.File("right"), options_.key_file);
  Open();
  EXPECT_EQ(opened_.contents.sets.size(), 2u);
  EXPECT_THAT(SetAside(), IsEmpty());
}

TEST_F(SqliteStoreFile, OfANewerGmedgeIsLeftAsItIs) {
  Open();
  WritePhones(2);
  Close();
  ASSERT_EQ(Sql("PRAGMA user_version = 7"), "");
  const std::string before = BytesOf(options_.file);
  EXPECT_FALSE(TryOpen());
  EXPECT_EQ(error_, "journal " + options_.file +
                        ": it has schema version 7, and this gmedge knows up to 2: start the newer "
                        "gmedge that wrote it, or move it away to begin without its registrations");
  EXPECT_EQ(BytesOf(options_.file), before);
  ASSERT_EQ(Sql("PRAGMA user_version = 2"), "");
  Open();
  EXPECT_EQ(opened_.contents.sets.size(), 2u);
}

TEST_F(SqliteStoreFile, OfTheFirstSchemaIsBroughtToOursAndItsSetsAreInTransportMode) {
  Open();
  WritePhones(2);
  Close();
  ASSERT_EQ(Sql("ALTER TABLE sa_set DROP COLUMN port_uenc"), "");
  ASSERT_EQ(Sql("PRAGMA user_version = 1"), "");
  Open();
  ASSERT_EQ(opened_.contents.sets.size(), 2u);
  for (const SetRecord& set : opened_.contents.sets) EXPECT_FALSE(set.agreement.in_udp());
}

// Everything outside of the damaged pages is kept, and the damaged file too.
TEST_F(SqliteStoreFile, WithADamagedPageKeepsWhatCanBeReadAndSetsTheFileAside) {
  constexpr RecordId kPhones = 2'000;
  Open();
  WritePhones(kPhones);
  Close();
  const std::string bytes = BytesOf(options_.file);
  // Leaves of the table of sets, which came last.
  const size_t pages = bytes.size() / 4096;
  for (const size_t page : {pages / 2, pages / 2 + 7, pages - 3}) {
    Overwrite(options_.file, page * 4096, 4096);
  }
  Open();
  const size_t registrations = opened_.contents.registrations.size();
  const size_t sets = opened_.contents.sets.size();
  EXPECT_GT(registrations + sets, 2 * kPhones - 3 * 40) << "three pages hold no more";
  EXPECT_LT(registrations + sets, 2 * kPhones);
  ASSERT_EQ(SetAside().size(), 1u);
  ASSERT_EQ(opened_.remarks.size(), 1u);
  EXPECT_EQ(opened_.remarks[0],
            "journal " + options_.file + ": it is damaged (database disk image is malformed): " +
                std::to_string(registrations) + " registrations and " + std::to_string(sets) +
                " SA sets could be read and are kept, 0 records were read and make no sense; the "
                "damaged file is set aside as " +
                SetAside()[0]);
  EXPECT_TRUE(std::regex_search(SetAside()[0], std::regex("journal.damaged-\\d{8}T\\d{6}Z$")));
  // The next start has nothing to say.
  Write({MakeRegistration(kPhones + 1)});
  Close();
  Open();
  EXPECT_THAT(opened_.remarks, IsEmpty());
  EXPECT_EQ(opened_.contents.registrations.size(), registrations + 1);
  EXPECT_EQ(opened_.contents.sets.size(), sets);
}

TEST_F(SqliteStoreFile, ThatIsNoDatabaseIsSetAsideAndSaidSo) {
  Open();
  WritePhones(5);
  Close();
  Overwrite(options_.file, 0, 4096);
  Open();
  ASSERT_EQ(SetAside().size(), 1u);
  EXPECT_THAT(opened_.remarks,
              ElementsAre("journal " + options_.file +
                          ": it is damaged (file is not a database): 0 registrations and 0 SA sets "
                          "could be read and are kept, 0 records were read and make no sense; the "
                          "damaged file is set aside as " +
                          SetAside()[0]));
}

TEST_F(SqliteStoreFile, ThatIsEmptyIsNotTakenForANewOne) {
  Open();
  WritePhones(5);
  Close();
  std::filesystem::resize_file(options_.file, 0);
  Open();
  ASSERT_EQ(SetAside().size(), 1u);
  EXPECT_THAT(opened_.remarks.back(),
              StartsWith("journal " + options_.file +
                         ": it is damaged (no such table: registration): 0 registrations"));
}

TEST_F(SqliteStoreFile, WithARecordThatMakesNoSenseKeepsTheOthers) {
  Open();
  WritePhones(5);
  Close();
  ASSERT_EQ(Sql("UPDATE sa_set SET keys = zeroblob(61) WHERE id = 2;"
                "UPDATE sa_set SET spi_pc = 7 WHERE id = 3;"
                "UPDATE registration SET ue = 'nowhere' WHERE id = 4"),
            "");
  Open();
  ASSERT_EQ(SetAside().size(), 1u);
  EXPECT_THAT(
      opened_.remarks,
      ElementsAre("journal " + options_.file +
                  ": it is damaged (a record makes no sense): 4 registrations and 3 SA sets "
                  "could be read and are kept, 3 records were read and make no sense; the "
                  "damaged file is set aside as " +
                  SetAside()[0]));
  EXPECT_THAT(opened_.contents.sets, ElementsAre(MakeSet(1, 1), MakeSet(4, 4), MakeSet(5, 5)));
}

// Keys belong to their row: they open in no other.
TEST_F(SqliteStoreFile, WithKeysPutIntoAnotherRowDoesNotTakeThem) {
  Open();
  WritePhones(2);
  Close();
  ASSERT_EQ(Sql("UPDATE sa_set SET keys = (SELECT keys FROM sa_set WHERE id = 1) WHERE id = 2"),
            "");
  Open();
  EXPECT_THAT(opened_.contents.sets, ElementsAre(MakeSet(1, 1)));
}

TEST_F(SqliteStoreFile, WithItsLogCutShortKeepsTheWholeCommits) {
  Open();
  WritePhones(3);
  Write({MakeRegistration(4)});
  Crash();
  const std::string log = options_.file + "-wal";
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 1000);
  Open();
  EXPECT_THAT(opened_.remarks,
              ElementsAre("journal " + options_.file +
                          ": its write-ahead log is cut short: the commits that are whole in it "
                          "are kept"));
  EXPECT_EQ(opened_.contents.registrations.size(), 3u) << "the last commit was not whole";
  EXPECT_EQ(opened_.contents.sets.size(), 3u);
}

TEST_F(SqliteStoreFile, OnAFullDiskIsReadAndTakesRecordsAgainWhenThereIsRoom) {
  options_.vfs = disk_.name();
  Open();
  WritePhones(3);
  Crash();
  disk_.set_fault(SQLITE_FULL);
  Open();
  EXPECT_EQ(opened_.contents.sets.size(), 3u);
  EXPECT_EQ(opened_.cannot_write, "database or disk is full");
  const JournalOp op = MakeRegistration(4);
  const JournalOp* const ops[] = {&op};
  EXPECT_FALSE(opened_.store->Commit(ops, &error_));
  EXPECT_EQ(error_, "database or disk is full");
  disk_.set_fault(SQLITE_OK);
  EXPECT_TRUE(opened_.store->Commit(ops, &error_)) << error_;
  Close();
  Open();
  EXPECT_EQ(opened_.contents.registrations.size(), 4u);
}

TEST_F(SqliteStoreFile, ThatFillsTheDiskWhileItRunsGoesOnAfterwards) {
  options_.vfs = disk_.name();
  Open();
  WritePhones(3);
  disk_.set_fault(SQLITE_FULL);
  const JournalOp op = MakeRegistration(4);
  const JournalOp* const ops[] = {&op};
  EXPECT_FALSE(opened_.store->Commit(ops, &error_));
  EXPECT_EQ(error_, "database or disk is full");
  disk_.set_fault(SQLITE_OK);
  EXPECT_TRUE(opened_.store->Commit(ops, &error_)) << error_;
}

TEST_F(SqliteStoreFile, OnAReadOnlyDiskIsRead) {
  options_.vfs = disk_.name();
  Open();
  WritePhones(3);
  Crash();
  disk_.set_read_only(true);
  Open();
  EXPECT_EQ(opened_.contents.sets.size(), 3u);
  EXPECT_EQ(opened_.cannot_write, "attempt to write a readonly database");
}

TEST_F(SqliteStoreFile, ThatCannotBeReadAtAllIsAnErrorAndStays) {
  Open();
  WritePhones(3);
  Close();
  options_.vfs = disk_.name();
  disk_.set_unreadable(true);
  EXPECT_FALSE(TryOpen());
  EXPECT_EQ(error_, "journal " + options_.file + ": cannot read it: disk I/O error");
  EXPECT_THAT(SetAside(), IsEmpty());
}

TEST_F(SqliteStoreFile, WhereItsFolderIsMissingSaysSo) {
  options_.file = folder_.File("missing/journal");
  EXPECT_FALSE(TryOpen());
  EXPECT_EQ(error_, "journal " + options_.file + ": cannot create it: " + options_.file +
                        ".lock: No such file or directory");
}

// Whenever the change of the damaged and the new file was cut, one of them is found.
TEST_F(SqliteStoreFile, FinishesASettingAsideThatWasCutShort) {
  Open();
  WritePhones(3);
  Close();
  std::filesystem::rename(options_.file, options_.file + ".new");
  Open();
  EXPECT_EQ(opened_.contents.sets.size(), 3u);
  Close();
  std::ofstream(options_.file + ".new") << "half of it";
  Open();
  EXPECT_EQ(opened_.contents.sets.size(), 3u);
  EXPECT_FALSE(std::filesystem::exists(options_.file + ".new"));
}

TEST_F(SqliteStoreFile, GetsANewKey) {
  Open();
  WritePhones(3);
  const std::array<uint8_t, 32> secret = opened_.store->secret();
  Close();
  const std::string old_key = BytesOf(options_.key_file);
  EXPECT_EQ(RekeySqliteStore(options_, &error_), 3) << error_;
  EXPECT_NE(BytesOf(options_.key_file), old_key);
  Open();
  EXPECT_EQ(opened_.contents.sets.size(), 3u);
  EXPECT_EQ(opened_.store->secret(), secret);
  Close();
  std::ofstream(options_.key_file) << old_key;
  EXPECT_FALSE(TryOpen());
  EXPECT_THAT(error_, HasSubstr("is not its key file"));
}

TEST_F(SqliteStoreFile, FinishesARotationThatWasCutShort) {
  Open();
  WritePhones(3);
  Close();
  const std::string old_key = BytesOf(options_.key_file);
  EXPECT_EQ(RekeySqliteStore(options_, &error_), 3) << error_;
  // As if it had died before the new key took the old one's place.
  std::filesystem::rename(options_.key_file, options_.key_file + ".new");
  std::ofstream(options_.key_file) << old_key;
  std::filesystem::permissions(options_.key_file, std::filesystem::perms::owner_read);
  Open();
  EXPECT_THAT(opened_.remarks,
              ElementsAre("journal " + options_.file + ": the rotation of its key is finished"));
  EXPECT_EQ(opened_.contents.sets.size(), 3u);
}

TEST_F(SqliteStoreFile, ThatIsNotThereGetsNoNewKey) {
  EXPECT_EQ(RekeySqliteStore(options_, &error_), -1);
  EXPECT_EQ(error_, "journal " + options_.file + ": there is none");
}

TEST_F(SqliteStoreFile, SaysHowFarItIsWhenThereIsMuchToRead) {
  Open();
  WritePhones(120'000);
  Close();
  std::vector<size_t> told;
  options_.progress = [&](size_t rows) { told.push_back(rows); };
  Open();
  EXPECT_THAT(told, ElementsAre(100'000u, 100'000u)) << "of each table";
  EXPECT_EQ(opened_.contents.sets.size(), 120'000u);
}

}  // namespace
}  // namespace edge
