#include "edge/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace edge {
namespace {

// Pages of a log that is moved into the file at once: few of them, so that each page that many
// commits changed is written there once.
constexpr char kPragmas[] =
    "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 8192; PRAGMA cache_size = -65536;";

}  // namespace

SqliteStore::~SqliteStore() {
  if (lock_fd_ >= 0) close(lock_fd_);
}

int SqliteStore::Connect() {
  constexpr const char* kLevels[] = {"PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL",
                                     "PRAGMA synchronous = OFF"};
  int result = SQLITE_OK;
  SqliteDb db =
      OpenSqlite(options_.file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, options_.vfs, &result);
  if (db == nullptr) return result;
  if ((result = Execute(db.get(), kPragmas)) != SQLITE_OK) return result;
  if (sqlite3_db_readonly(db.get(), "main") == 1) return SQLITE_READONLY;
  const size_t level = static_cast<size_t>(options_.synchronous);
  if ((result = Execute(db.get(), kLevels[level])) != SQLITE_OK) return result;
  const int64_t version = NumberOf(db.get(), "PRAGMA user_version", -1);
  for (int64_t step = version; step < kSchemaVersion; ++step) {
    if (step < 0) return sqlite3_extended_errcode(db.get());
    // One transaction a step: a crash leaves the version before or the one after.
    const std::string sql = fmt::format("BEGIN IMMEDIATE; {} PRAGMA user_version = {}; COMMIT;",
                                        kSchemaSteps[step], step + 1);
    if ((result = Execute(db.get(), sql.c_str())) != SQLITE_OK) return result;
  }
  db_ = std::move(db);
  begin_ = SqliteStatement(db_.get(), "BEGIN IMMEDIATE");
  commit_ = SqliteStatement(db_.get(), "COMMIT");
  rollback_ = SqliteStatement(db_.get(), "ROLLBACK");
  write_registration_ = SqliteStatement(db_.get(), kWriteRegistrationSql);
  write_set_ = SqliteStatement(db_.get(), kWriteSetSql);
  erase_registration_ = SqliteStatement(db_.get(), "DELETE FROM registration WHERE id = ?1");
  erase_set_ = SqliteStatement(db_.get(), "DELETE FROM sa_set WHERE id = ?1");
  for (const SqliteStatement* statement : {&begin_, &commit_, &rollback_, &write_registration_,
                                           &write_set_, &erase_registration_, &erase_set_}) {
    if (statement->result() != SQLITE_OK) return statement->result();
  }
  return SQLITE_OK;
}

int SqliteStore::PutSecret() {
  SqliteStatement put(db_.get(), "INSERT OR REPLACE INTO secret(id, sealed) VALUES(1, ?1)");
  JournalKey::Sealed sealed;
  const size_t size = key_->Seal(secret_, {}, &sealed);
  put.Bind(1, std::span<const uint8_t>(sealed.data(), size));
  const int result = put.Step();
  return result == SQLITE_DONE ? SQLITE_OK : result;
}

int SqliteStore::Put(const JournalOp& op) {
  SqliteStatement* statement = nullptr;
  if (const auto* registration = std::get_if<RegistrationRecord>(&op)) {
    statement = &write_registration_;
    BindRow(*registration, &buffer_, statement);
  } else if (const auto* set = std::get_if<SetRecord>(&op)) {
    statement = &write_set_;
    BindRow(*set, key_.get(), &buffer_, statement);
  } else if (const auto* gone = std::get_if<ErasedRegistration>(&op)) {
    statement = &erase_registration_;
    statement->Bind(1, static_cast<int64_t>(gone->id));
  } else {
    statement = &erase_set_;
    statement->Bind(1, static_cast<int64_t>(std::get<ErasedSet>(op).id));
  }
  const int result = statement->Step();
  statement->Reset();
  return result == SQLITE_DONE ? SQLITE_OK : result;
}

bool SqliteStore::Lock() {
  lock_fd_ = open((options_.file + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  return lock_fd_ < 0 || flock(lock_fd_, LOCK_EX | LOCK_NB) == 0;
}

void SqliteStore::Release() {
  for (SqliteStatement* statement : {&begin_, &commit_, &rollback_, &write_registration_,
                                     &write_set_, &erase_registration_, &erase_set_}) {
    *statement = {};
  }
  db_.reset();
  if (lock_fd_ >= 0) close(std::exchange(lock_fd_, -1));
  is_released_ = true;
}

bool SqliteStore::Commit(std::span<const JournalOp* const> ops, std::string* error) {
  if (is_released_) {
    if (!Lock()) {
      close(std::exchange(lock_fd_, -1));
      *error = "another gmedge has it open";
      return false;
    }
    is_released_ = false;
  }
  if (db_ == nullptr) {
    int result = Connect();
    if (result == SQLITE_OK) result = PutSecret();
    if (result != SQLITE_OK) {
      db_.reset();
      *error = sqlite3_errstr(result);
      return false;
    }
  }
  const auto run = [](SqliteStatement& statement) {
    const int result = statement.Step();
    statement.Reset();
    return result == SQLITE_DONE ? SQLITE_OK : result;
  };
  int result = run(begin_);
  for (size_t i = 0; i < ops.size() && result == SQLITE_OK; ++i) result = Put(*ops[i]);
  if (result == SQLITE_OK) result = run(commit_);
  if (result == SQLITE_OK) return true;
  *error = sqlite3_errmsg(db_.get());
  run(rollback_);
  return false;
}

}  // namespace edge
