#include "edge/memory_store.h"

namespace edge {

bool MemoryStore::Commit(std::span<const JournalOp* const> ops, std::string* error) {
  if (!fault_.empty()) {
    *error = fault_;
    return false;
  }
  for (const JournalOp* op : ops) {
    if (const auto* registration = std::get_if<RegistrationRecord>(op)) {
      registrations_[registration->id] = *registration;
    } else if (const auto* set = std::get_if<SetRecord>(op)) {
      sets_[set->id] = *set;
    } else if (const auto* gone = std::get_if<ErasedRegistration>(op)) {
      registrations_.erase(gone->id);
    } else {
      sets_.erase(std::get<ErasedSet>(*op).id);
    }
  }
  return true;
}

JournalContents MemoryStore::Contents() const {
  JournalContents contents;
  for (const auto& [id, record] : registrations_) contents.registrations.push_back(record);
  for (const auto& [id, record] : sets_) contents.sets.push_back(record);
  return contents;
}

}  // namespace edge
