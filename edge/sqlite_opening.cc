// How a journal is opened: its lock and key, what is wrong with it, what of it can be kept.

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "edge/sqlite_store.h"

namespace edge {
namespace {

bool IsThere(const std::string& file) {
  return access(file.c_str(), F_OK) == 0;
}

// "20261126T104500Z": in a name it sorts by time.
std::string Now() {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return {text, strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts)};
}

// The parts of a database that lie beside it.
constexpr const char* kParts[] = {"", "-wal", "-shm"};

void RemoveAll(const std::string& file) {
  for (const char* part : kParts) unlink((file + part).c_str());
}

// A log holds a head and whole frames, each a page and its head. The page size is in the head.
bool IsLogCut(const std::string& file) {
  constexpr size_t kHead = 32;
  constexpr size_t kFrameHead = 24;
  const int fd = open((file + "-wal").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  std::array<uint8_t, 12> head{};
  struct stat status {};
  const bool is_read = pread(fd, head.data(), head.size(), 0) == std::ssize(head);
  const bool is_known = fstat(fd, &status) == 0;
  close(fd);
  const auto size = static_cast<size_t>(status.st_size);
  if (!is_known || size == 0) return false;
  if (size < kHead || !is_read) return true;
  const size_t page =
      size_t{head[8]} << 24 | size_t{head[9]} << 16 | size_t{head[10]} << 8 | head[11];
  return page != 0 && (size - kHead) % (page + kFrameHead) != 0;
}

}  // namespace

class SqliteOpening {
 public:
  SqliteOpening(const SqliteOptions& options, SqliteOpened* opened, std::string* error)
      : options_(options), opened_(*opened), error_(*error), store_(new SqliteStore(options)) {}
  ~SqliteOpening() { umask(umask_); }

  bool Open();
  int64_t Rekey();

 private:
  bool Lock();
  bool FinishSettingAside();
  bool TakeKey(bool is_new);
  bool OpenForWriting();
  bool OpenForReading(int why);
  SqliteDb OpenUnwritable() const;
  bool CheckVersion(sqlite3* db);
  bool TakeSecret(sqlite3* db);
  bool OpensAnyKeys(sqlite3* db, JournalKey* key) const;
  void Read(sqlite3* db);
  bool SetAside();
  bool WriteAgain(const std::string& file);

  bool Fail(std::string words) {
    error_ = std::move(words);
    return false;
  }
  std::string Journal() const { return "journal " + options_.file; }

  // Who is registered from where is nobody's business: what is made here is its owner's alone, and
  // the files that SQLite makes beside are as the one they belong to.
  const mode_t umask_ = umask(077);
  const SqliteOptions& options_;
  SqliteOpened& opened_;
  std::string& error_;
  std::unique_ptr<SqliteStore> store_;
  UnreadRows unread_;
};

bool SqliteOpening::Open() {
  if (!Lock() || !FinishSettingAside()) return false;
  const bool is_new = !IsThere(options_.file);
  if (!TakeKey(is_new)) return false;
  if (is_new) {
    randombytes_buf(store_->secret_.data(), store_->secret_.size());
    int result = store_->Connect();
    if (result == SQLITE_OK) result = store_->PutSecret();
    if (result != SQLITE_OK) {
      return Fail(fmt::format("{}: cannot create it: {}", Journal(), sqlite3_errstr(result)));
    }
    opened_.remarks.push_back(fmt::format("{}: there was none, a new one begins", Journal()));
  } else {
    if (IsLogCut(options_.file)) {
      opened_.remarks.push_back(fmt::format(
          "{}: its write-ahead log is cut short: the commits that are whole in it are kept",
          Journal()));
    }
    if (!OpenForWriting()) return false;
  }
  opened_.store = std::move(store_);
  return true;
}

// Two that write into one journal would each lose the other's phones.
bool SqliteOpening::Lock() {
  if (!store_->Lock()) return Fail(fmt::format("{}: another gmedge has it open", Journal()));
  // On a disk that cannot be written nobody writes.
  if (store_->lock_fd_ < 0 && !IsThere(options_.file)) {
    return Fail(fmt::format("{}: cannot create it: {}.lock: {}", Journal(), options_.file,
                            strerror(errno)));
  }
  return true;
}

// A start that died between the two renames of SetAside(), or before them.
bool SqliteOpening::FinishSettingAside() {
  const std::string fresh = options_.file + ".new";
  if (!IsThere(fresh)) return true;
  if (IsThere(options_.file)) {
    RemoveAll(fresh);
    return true;
  }
  if (rename(fresh.c_str(), options_.file.c_str()) == 0) return true;
  return Fail(fmt::format("{}: cannot rename {} to it: {}", Journal(), fresh, strerror(errno)));
}

bool SqliteOpening::TakeKey(bool is_new) {
  switch (ReadKeyFile(options_.key_file, &store_->key_, &error_)) {
    case KeyFileResult::kOk:
      return true;
    case KeyFileResult::kFailed:
      return false;
    case KeyFileResult::kMissing:
      break;
  }
  if (is_new) return CreateKeyFile(options_.key_file, &store_->key_, &error_);
  return Fail(
      fmt::format("{}: its key file {} is missing: put it back, or move the journal away to begin "
                  "without its registrations",
                  Journal(), options_.key_file));
}

bool SqliteOpening::OpenForWriting() {
  int result = SQLITE_OK;
  SqliteDb db = OpenSqlite(options_.file, SQLITE_OPEN_READWRITE, options_.vfs, &result);
  if (db == nullptr) return OpenForReading(result);
  // What SQLite does at the first look: the log's index is made.
  result = Execute(db.get(), "SELECT count(*) FROM sqlite_schema");
  if (IsDamage(result)) {
    unread_ = {.is_damaged = true, .words = sqlite3_errmsg(db.get())};
    randombytes_buf(store_->secret_.data(), store_->secret_.size());
    sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    db.reset();
    return SetAside();
  }
  if (result != SQLITE_OK) {
    db.reset();
    return OpenForReading(result);
  }
  if (!CheckVersion(db.get()) || !TakeSecret(db.get())) return false;
  // Tables of an older gmedge become ours before they are read.
  const int64_t version = NumberOf(db.get(), "PRAGMA user_version", 0);
  if (version > 0 && version < kSchemaVersion) {
    result = store_->Connect();
    if (result != SQLITE_OK) {
      return Fail(fmt::format("{}: cannot bring it from schema version {} to {}: {}", Journal(),
                              version, kSchemaVersion, sqlite3_errstr(result)));
    }
  }
  Read(db.get());
  const bool is_whole = !unread_.is_damaged && unread_.rows == 0;
  if (!is_whole) {
    sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    db.reset();
    return SetAside();
  }
  db.reset();
  result = store_->Connect();
  if (result == SQLITE_OK) result = store_->PutSecret();
  if (result != SQLITE_OK) {
    store_->db_.reset();
    opened_.cannot_write = sqlite3_errstr(result);
  }
  return true;
}

// A full or read-only disk: what is there can be read all the same.
bool SqliteOpening::OpenForReading(int why) {
  SqliteDb db = OpenUnwritable();
  if (db == nullptr) {
    return Fail(fmt::format("{}: cannot read it: {}", Journal(), sqlite3_errstr(why)));
  }
  if (!CheckVersion(db.get()) || !TakeSecret(db.get())) return false;
  Read(db.get());
  if (unread_.is_damaged || unread_.rows > 0) {
    opened_.remarks.push_back(fmt::format("{}: it is damaged: {}", Journal(), unread_.words));
  }
  opened_.cannot_write = sqlite3_errstr(why);
  return true;
}

// The log needs an index, in a file beside: on a full disk it is had in memory instead, by a
// connection that locks all others out; on one that is read-only the file may be there already.
SqliteDb SqliteOpening::OpenUnwritable() const {
  for (const int flags : {SQLITE_OPEN_READWRITE, SQLITE_OPEN_READONLY}) {
    int result = SQLITE_OK;
    SqliteDb db = OpenSqlite(options_.file, flags, options_.vfs, &result);
    if (db == nullptr) continue;
    sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    if (flags == SQLITE_OPEN_READWRITE) {
      result = Execute(db.get(), "PRAGMA locking_mode = EXCLUSIVE");
    }
    if (result == SQLITE_OK) result = Execute(db.get(), "SELECT count(*) FROM sqlite_schema");
    if (result == SQLITE_OK) return db;
  }
  return nullptr;
}

bool SqliteOpening::CheckVersion(sqlite3* db) {
  const int64_t version = NumberOf(db, "PRAGMA user_version", 0);
  if (version <= kSchemaVersion) return true;
  return Fail(
      fmt::format("{}: it has schema version {}, and this gmedge knows up to {}: start the newer "
                  "gmedge that wrote it, or move it away to begin without its registrations",
                  Journal(), version, kSchemaVersion));
}

bool SqliteOpening::TakeSecret(sqlite3* db) {
  SqliteStatement rows(db, "SELECT sealed FROM secret WHERE id = 1");
  const bool is_there = rows.Step() == SQLITE_ROW;
  if (is_there && store_->key_->Open(rows.Bytes(0), {}, store_->secret_)) return true;
  // A rotation that died before its last step left the new key beside the old one.
  std::unique_ptr<JournalKey> next;
  std::string ignored;
  const std::string next_file = options_.key_file + ".new";
  if (is_there && ReadKeyFile(next_file, &next, &ignored) == KeyFileResult::kOk &&
      next->Open(rows.Bytes(0), {}, store_->secret_)) {
    if (rename(next_file.c_str(), options_.key_file.c_str()) != 0) {
      return Fail(fmt::format("journal.key_file {}: cannot rename {} to it: {}", options_.key_file,
                              next_file, strerror(errno)));
    }
    store_->key_ = std::move(next);
    opened_.remarks.push_back(fmt::format("{}: the rotation of its key is finished", Journal()));
    return true;
  }
  const bool is_empty = NumberOf(db, "SELECT count(*) FROM sa_set", 0) == 0;
  if (is_there ? !OpensAnyKeys(db, store_->key_.get())
               : !is_empty && !unread_.is_damaged && !OpensAnyKeys(db, store_->key_.get())) {
    return Fail(
        fmt::format("{}: {} is not its key file: put the right one back, or move the "
                    "journal away to begin without its registrations",
                    Journal(), options_.key_file));
  }
  randombytes_buf(store_->secret_.data(), store_->secret_.size());
  opened_.remarks.push_back(fmt::format(
      "{}: its secret is damaged: requests to phones registered before find them no more until "
      "they register again",
      Journal()));
  return true;
}

// Then it is the right key, whatever else is wrong.
bool SqliteOpening::OpensAnyKeys(sqlite3* db, JournalKey* key) const {
  JournalContents contents;
  UnreadRows unread;
  ReadRows(db, key, nullptr, &contents, &unread);
  return !contents.sets.empty();
}

void SqliteOpening::Read(sqlite3* db) {
  if (options_.is_known) return;
  ReadRows(db, store_->key_.get(), options_.progress, &opened_.contents, &unread_);
}

// What could be read is written anew beside, then both change places: whenever it dies, one of the
// two is found whole.
bool SqliteOpening::SetAside() {
  const std::string fresh = options_.file + ".new";
  const std::string aside = fmt::format("{}.damaged-{}", options_.file, Now());
  if (!WriteAgain(fresh)) return false;
  for (const char* part : kParts) {
    const std::string from = options_.file + part;
    if (!IsThere(from)) continue;
    if (rename(from.c_str(), (aside + part).c_str()) != 0) {
      return Fail(fmt::format("{}: it is damaged ({}), and cannot be set aside as {}: {}",
                              Journal(), unread_.words, aside, strerror(errno)));
    }
  }
  if (rename(fresh.c_str(), options_.file.c_str()) != 0) {
    return Fail(fmt::format("{}: cannot rename {} to it: {}", Journal(), fresh, strerror(errno)));
  }
  const JournalContents& kept = opened_.contents;
  opened_.remarks.push_back(fmt::format(
      "{}: it is damaged ({}): {} registrations and {} SA sets could be read and are kept, {} "
      "records were read and make no sense; the damaged file is set aside as {}",
      Journal(), unread_.words, kept.registrations.size(), kept.sets.size(), unread_.rows, aside));
  const int result = store_->Connect();
  if (result == SQLITE_OK) return true;
  return Fail(fmt::format("{}: cannot open it again: {}", Journal(), sqlite3_errstr(result)));
}

bool SqliteOpening::WriteAgain(const std::string& file) {
  RemoveAll(file);
  SqliteOptions options = options_;
  options.file = file;
  SqliteStore fresh(options);
  fresh.key_ = std::move(store_->key_);
  fresh.secret_ = store_->secret_;
  std::vector<JournalOp> ops;
  std::vector<const JournalOp*> pointers;
  const JournalContents& contents = opened_.contents;
  for (const RegistrationRecord& record : contents.registrations) ops.emplace_back(record);
  for (const SetRecord& record : contents.sets) ops.emplace_back(record);
  for (const JournalOp& op : ops) pointers.push_back(&op);
  std::string words;
  const bool is_written = fresh.Commit(pointers, &words);
  store_->key_ = std::move(fresh.key_);
  if (is_written) return true;
  RemoveAll(file);
  return Fail(
      fmt::format("{}: it is damaged ({}), and what can be read of it cannot be written again: {}",
                  Journal(), unread_.words, words));
}

int64_t SqliteOpening::Rekey() {
  if (!IsThere(options_.file)) {
    Fail(fmt::format("{}: there is none", Journal()));
    return -1;
  }
  if (!Open()) return -1;
  SqliteStore& store = *opened_.store;
  if (!opened_.cannot_write.empty()) {
    Fail(fmt::format("{}: cannot write it: {}", Journal(), opened_.cannot_write));
    return -1;
  }
  const std::string next_file = options_.key_file + ".new";
  unlink(next_file.c_str());
  if (!CreateKeyFile(next_file, &store.key_, &error_)) return -1;
  int result = Execute(store.db_.get(), "BEGIN IMMEDIATE");
  for (const SetRecord& record : opened_.contents.sets) {
    if (result == SQLITE_OK) result = store.Put(JournalOp(record));
  }
  if (result == SQLITE_OK) result = store.PutSecret();
  if (result == SQLITE_OK) result = Execute(store.db_.get(), "COMMIT");
  // So that what was sealed under the old key is in no page of the log either.
  if (result == SQLITE_OK) result = Execute(store.db_.get(), "VACUUM");
  if (result == SQLITE_OK) result = Execute(store.db_.get(), "PRAGMA wal_checkpoint(TRUNCATE)");
  if (result != SQLITE_OK) {
    Fail(fmt::format("{}: cannot write it: {}", Journal(), sqlite3_errstr(result)));
    return -1;
  }
  if (rename(next_file.c_str(), options_.key_file.c_str()) != 0) {
    Fail(fmt::format("journal.key_file {}: cannot rename {} to it: {}", options_.key_file,
                     next_file, strerror(errno)));
    return -1;
  }
  return static_cast<int64_t>(opened_.contents.sets.size());
}

bool OpenSqliteStore(const SqliteOptions& options, SqliteOpened* opened, std::string* error) {
  return SqliteOpening(options, opened, error).Open();
}

int64_t RekeySqliteStore(const SqliteOptions& options, std::string* error) {
  SqliteOpened opened;
  return SqliteOpening(options, &opened, error).Rekey();
}

}  // namespace edge
