// The journal as an SQLite file with a write-ahead log: readable with the sqlite3 shell while
// gmedge runs, but for the keys.
//
// What is wrong with a file is said and never passed over. Of a damaged one what can be read is
// kept, and the file itself set aside under a name that says when; one that a newer gmedge wrote or
// whose key is not there is left as it is, and nothing starts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "edge/journal_key.h"
#include "edge/journal_store.h"
#include "edge/settings.h"
#include "edge/sqlite_db.h"
#include "edge/sqlite_rows.h"

namespace edge {

struct SqliteOptions {
  std::string file;
  std::string key_file;
  Synchronous synchronous = Synchronous::kFull;
  const char* vfs = nullptr;                  // Another than the system's, for tests.
  std::function<void(size_t)> progress = {};  // Rows read so far, now and then.
  bool is_known = false;  // Another process has handed over what is in it: it is not read.
};

class SqliteStore;
struct SqliteOpened {
  std::unique_ptr<SqliteStore> store;
  JournalContents contents;
  std::vector<std::string> remarks;  // For the log: what was mended, and what is lost.
  // Not "": the file could be read, but cannot be written for now, and this is why.
  std::string cannot_write;
};

// Opens the file, or makes it and its key file where there are none. False: *error says why not and
// what to do; nothing was changed.
[[nodiscard]] bool OpenSqliteStore(const SqliteOptions& options, SqliteOpened* opened,
                                   std::string* error);

// Seals all keys under a new key, which takes the place of the one in the key file. At any instant
// one of the two files opens the journal. Returns how many sets there are, or -1 and *error.
int64_t RekeySqliteStore(const SqliteOptions& options, std::string* error);

class SqliteStore final : public JournalStore {
 public:
  ~SqliteStore() override;
  [[nodiscard]] bool Commit(std::span<const JournalOp* const> ops, std::string* error) override;
  void Release() override;
  std::array<uint8_t, 32> secret() const override { return secret_; }
  std::string name() const override { return options_.file; }

 private:
  friend class SqliteOpening;
  explicit SqliteStore(SqliteOptions options) : options_(std::move(options)) {}

  // False: another gmedge has it open. The file itself may be on a disk that cannot be written.
  bool Lock();
  // For writing; SQLITE_OK or why not.
  int Connect();
  int PutSecret();
  int Put(const JournalOp& op);

  SqliteOptions options_;
  std::unique_ptr<JournalKey> key_;
  std::array<uint8_t, 32> secret_{};
  int lock_fd_ = -1;
  bool is_released_ = false;
  SqliteDb db_;  // Null while the file cannot be written.
  SqliteStatement begin_, commit_, rollback_;
  SqliteStatement write_registration_, write_set_, erase_registration_, erase_set_;
  RowBuffer buffer_;
};

}  // namespace edge
