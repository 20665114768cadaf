#include "edge/sqlite_db.h"

namespace edge {
namespace {

// Another process that looks into the file holds a writer up for moments only.
constexpr int kBusyMs = 5'000;

}  // namespace

bool SqliteStatement::Number(int column, uint64_t max, uint64_t* value) const {
  if (sqlite3_column_type(statement_, column) != SQLITE_INTEGER) return false;
  const int64_t number = sqlite3_column_int64(statement_, column);
  *value = static_cast<uint64_t>(number);
  return number >= 0 && *value <= max;
}

std::string_view SqliteStatement::Text(int column) const {
  if (sqlite3_column_type(statement_, column) != SQLITE_TEXT) return {};
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const uint8_t> SqliteStatement::Bytes(int column) const {
  if (sqlite3_column_type(statement_, column) != SQLITE_BLOB) return {};
  const auto* bytes = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

SqliteDb OpenSqlite(const std::string& file, int flags, const char* vfs, int* result) {
  sqlite3* opened = nullptr;
  *result = sqlite3_open_v2(file.c_str(), &opened, flags, vfs);
  SqliteDb db(opened);
  if (*result != SQLITE_OK) return nullptr;
  sqlite3_extended_result_codes(db.get(), 1);
  sqlite3_busy_timeout(db.get(), kBusyMs);
  sqlite3_db_config(db.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return db;
}

int Execute(sqlite3* db, const char* sql) {
  return sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
}

int64_t NumberOf(sqlite3* db, const char* sql, int64_t otherwise) {
  SqliteStatement statement(db, sql);
  uint64_t value = 0;
  if (statement.Step() != SQLITE_ROW || !statement.Number(0, INT64_MAX, &value)) return otherwise;
  return static_cast<int64_t>(value);
}

bool IsDamage(int result) {
  const int kind = result & 0xff;
  return kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
}

}  // namespace edge
