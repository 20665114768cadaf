// SQLite's connection and statements, closed by themselves. Errors are its result codes.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace edge {

class SqliteStatement {
 public:
  SqliteStatement() = default;
  SqliteStatement(sqlite3* db, const char* sql) {
    result_ = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  }
  ~SqliteStatement() { sqlite3_finalize(statement_); }
  SqliteStatement(SqliteStatement&& other) noexcept
      : statement_(std::exchange(other.statement_, nullptr)), result_(other.result_) {}
  SqliteStatement& operator=(SqliteStatement&& other) noexcept {
    std::swap(statement_, other.statement_);
    result_ = other.result_;
    return *this;
  }

  // SQLITE_OK, or why it could not be prepared.
  int result() const { return result_; }
  // Parameters from 1. The bytes are good until Reset().
  void Bind(int index, int64_t value) { sqlite3_bind_int64(statement_, index, value); }
  void Bind(int index, std::string_view text) {
    sqlite3_bind_text(statement_, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  void Bind(int index, std::span<const uint8_t> bytes) {
    sqlite3_bind_blob(statement_, index, bytes.data(), static_cast<int>(bytes.size()),
                      SQLITE_STATIC);
  }
  void BindNull(int index) { sqlite3_bind_null(statement_, index); }
  // SQLITE_ROW, SQLITE_DONE or an error.
  int Step() { return statement_ == nullptr ? result_ : sqlite3_step(statement_); }
  void Reset() { sqlite3_reset(statement_); }
  // Columns from 0; of another type they are empty. Good until the next Step().
  bool IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  // False: no whole number of 0..`max`.
  bool Number(int column, uint64_t max, uint64_t* value) const;
  std::string_view Text(int column) const;
  std::span<const uint8_t> Bytes(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
  int result_ = SQLITE_MISUSE;
};

struct SqliteCloser {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using SqliteDb = std::unique_ptr<sqlite3, SqliteCloser>;

// `flags` as for sqlite3_open_v2. Null: *result is why. What stands in the file is not trusted: no
// function or view of its own runs.
SqliteDb OpenSqlite(const std::string& file, int flags, const char* vfs, int* result);
// SQLITE_OK or why not.
int Execute(sqlite3* db, const char* sql);
// Of a statement that yields one number; `otherwise` when it yields none.
int64_t NumberOf(sqlite3* db, const char* sql, int64_t otherwise);

// Is it the file itself that is wrong?
bool IsDamage(int result);

}  // namespace edge
