// Where records are kept. Two of them: SqliteStore, a file, and MemoryStore, for tests and
// simulation.
//
// Thread safety: none. What is done before the writer's thread begins is done by the thread that
// starts it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "edge/journal_record.h"

namespace edge {

class JournalStore {
 public:
  virtual ~JournalStore() = default;
  // All of them in this order, or, when it returns false, none; *error says why.
  [[nodiscard]] virtual bool Commit(std::span<const JournalOp* const> ops, std::string* error) = 0;
  // Lets go of the file, for another process; the next Commit() takes it again, or fails.
  virtual void Release() {}
  // 32 bytes that stay the same as long as the store is there: what phones and the core were told
  // and must find again is made from it (tokens in Path and Record-Route).
  virtual std::array<uint8_t, 32> secret() const = 0;
  // For messages: the file's name.
  virtual std::string name() const = 0;
};

}  // namespace edge
