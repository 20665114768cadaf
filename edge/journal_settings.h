// [journal] of the settings: what outlives the process.
#pragma once

#include <cstdint>
#include <string>

namespace edge {

// When the journal waits for the disk: after each commit; now and then; never, the system does.
enum class Synchronous : uint8_t { kFull, kNormal, kOff };
// Does a 200 to a REGISTER wait for the journal, and what if the journal cannot be written?
enum class Durability : uint8_t { kStrict, kRelaxed };
enum class OnJournalFailure : uint8_t { kRefuseNew, kCarryOn };

struct JournalSettings {
  std::string file;      // "": there is none, and a restart ends all registrations.
  std::string key_file;  // Default: the file's name and ".key".
  Durability durability = Durability::kStrict;
  Synchronous synchronous = Synchronous::kFull;
  OnJournalFailure on_failure = OnJournalFailure::kRefuseNew;

  bool is_on() const { return !file.empty(); }
};

}  // namespace edge
