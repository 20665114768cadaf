// Records as rows of SQLite, and back. Everything but the keys can be read with the sqlite3 shell.
#pragma once

#include <functional>
#include <string>

#include "edge/journal_key.h"
#include "edge/journal_record.h"
#include "edge/sqlite_db.h"

namespace edge {

// The tables of each version, as what leads there from the one before.
inline constexpr int kSchemaVersion = 2;
extern const char* const kSchemaSteps[kSchemaVersion];

extern const char kWriteRegistrationSql[];
extern const char kWriteSetSql[];

// The parameters of those. Texts lie in the record and in *buffer until the statement is reset.
struct RowBuffer {
  std::array<char, 4 * reactor::kEndpointTextMax> texts;
  JournalKey::Sealed sealed;
};
void BindRow(const RegistrationRecord& record, RowBuffer* buffer, SqliteStatement* statement);
void BindRow(const SetRecord& record, JournalKey* key, RowBuffer* buffer,
             SqliteStatement* statement);

// What could not be read.
struct UnreadRows {
  size_t rows = 0;          // They make no sense: what is in them is not what we write there.
  bool is_damaged = false;  // SQLite found the file damaged, there may have been more.
  std::string words;        // Its words, or ours.
};
// Every record that can be read, in the order of ids; around what SQLite cannot read it looks for
// more. `progress` is told how many, now and then; it may be null.
void ReadRows(sqlite3* db, JournalKey* key, const std::function<void(size_t)>& progress,
              JournalContents* contents, UnreadRows* unread);

}  // namespace edge
