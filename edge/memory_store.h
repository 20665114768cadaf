// Records in memory, and faults on demand: a disk that is full, a crash that forgets what was not
// committed.
#pragma once

#include <map>

#include "edge/journal_store.h"

namespace edge {

class MemoryStore final : public JournalStore {
 public:
  [[nodiscard]] bool Commit(std::span<const JournalOp* const> ops, std::string* error) override;
  std::array<uint8_t, 32> secret() const override { return secret_; }
  std::string name() const override { return "memory"; }

  // From now on every Commit() fails with these words; "" ends it.
  void SetFault(std::string words) { fault_ = std::move(words); }
  // What a start would find, in the order of ids.
  JournalContents Contents() const;
  const std::map<RecordId, RegistrationRecord>& registrations() const { return registrations_; }
  const std::map<RecordId, SetRecord>& sets() const { return sets_; }

 private:
  std::map<RecordId, RegistrationRecord> registrations_;
  std::map<RecordId, SetRecord> sets_;
  std::array<uint8_t, 32> secret_{1, 2, 3};
  std::string fault_;
};

}  // namespace edge
