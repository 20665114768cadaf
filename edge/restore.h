// From the records of an earlier run to what this one begins with: which phones and sets go on, at
// which worker, and what is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "edge/journal_record.h"
#include "edge/settings.h"
#include "xfrm/sa.h"
#include "xfrm/spi_pool.h"

namespace edge {

struct Context;

struct RestoredSet {
  SetRecord record;
  bool has_pool_spis = true;
};
// A phone with its sets, oldest first; it may have none (in clear), or be registered no more while
// they drain.
struct RestoredPhone {
  RegistrationRecord registration;
  std::vector<RestoredSet> sets;
};

struct RestorePlan {
  std::vector<std::vector<RestoredPhone>> workers;
  std::vector<JournalOp> void_ones;  // Records to erase.
  RecordId id_max = 0;
  size_t registrations = 0;  // That go on...
  size_t sets = 0;
  // ...and that do not: their time was over while nobody ran; the settings name their ports no
  // more; the phone has registered at another worker since; what is left makes no whole.
  size_t expired = 0;
  size_t without_ports = 0;
  size_t superseded = 0;
  size_t unusable = 0;
};
// "3 registrations and 4 SA sets go on; ...": the line of the log.
std::string Describe(const RestorePlan& plan);

// `settings` are those of all workers. Takes the SPIs of the sets out of the pool. Times in records
// are since the epoch, as `epoch_ms` is.
RestorePlan PlanRestore(JournalContents contents, const Settings& settings, xfrm::SpiPool* spis,
                        uint64_t epoch_ms);

// What the kernel is to hold for a phone's sets; appended four for each set, in their order. SAs
// that are made anew begin where the sequence numbers of none of their earlier lives end. `keys`
// has room for one more for each set, and outlives the SAs.
void AppendSas(const RestoredPhone& phone, const Settings& settings, uint64_t epoch_ms,
               std::vector<xfrm::EspKeys>* keys, std::vector<xfrm::Sa>* sas);

// Puts one into the tables of its worker, its timers armed for what is left of its time.
void RestorePhone(const RestoredPhone& phone, uint64_t epoch_ms, Context* context);

}  // namespace edge
