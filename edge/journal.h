// The journal of a process: opened before the kernel is prepared, when it tells what an earlier run
// left; then a thread that writes, and an end for each worker.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "edge/journal_client.h"
#include "edge/journal_store.h"
#include "edge/journal_writer.h"
#include "edge/kernel.h"
#include "edge/restore.h"
#include "edge/secrets.h"
#include "edge/settings.h"

namespace edge {

// A store that has been opened, and what is in it.
struct OpenedStore {
  std::unique_ptr<JournalStore> store;
  JournalContents contents;
  std::string cannot_write;  // As in SqliteOpened.
};

// What a journal stands on. A simulated run has another ground.
struct JournalGround {
  // False: *error.
  std::function<bool(const Settings& settings, OpenedStore* opened, std::string* error)> open;
  std::function<uint64_t()> now_ms;
  std::function<uint64_t()> epoch_ms;
  bool has_thread = true;  // False: JournalWriter::Turn() is called by who made it.
};
// The file of the settings, the machine's clocks, a thread.
JournalGround RealGround();

class Journal {
 public:
  // `spis` outlives it. `ring` asks a worker for a turn, from any thread.
  Journal(const Settings& settings, xfrm::SpiPool* spis, std::function<void(size_t worker)> ring,
          JournalGround ground = RealGround());
  ~Journal();

  // Reads what is there and decides what of it goes on. False: *error, and nothing is changed.
  bool Open(std::string* error);
  // Opens it without a look at what is in it, which another process has handed over.
  bool OpenKnown(std::string* error);
  // By which all workers name phones, in this run as in the one before.
  KeyedHash PhonesKey() const;

  // For Kernel::Prepare, good until Start(); and those of a worker.
  KnownSas Known();
  std::span<const xfrm::Sa> SasOf(size_t worker) const;
  // Begins to write. What it told of SAs is given back, and what each worker restores handed over.
  bool Start(std::string* error);
  // Writes what is left and lets go of the file, for another process, and takes it again. Nobody
  // hands anything over between the two.
  void Release();
  bool Resume(std::string* error);
  bool is_failing() const { return writer_->is_failing(); }
  // After the last worker has ended: writes what is left and closes the store.
  void Stop();

  JournalClient* client(size_t worker) { return clients_[worker].get(); }
  JournalWriter* writer() { return writer_.get(); }
  std::vector<RestoredPhone> TakePhones(size_t worker);
  RecordId first_id(size_t worker) const;
  static constexpr RecordId kIdStep = kWorkersMax;

 private:
  void Take(OpenedStore* opened);
  void BeginNewLives(std::span<const uint32_t> missing);
  void Tell(const std::string& error, size_t written) const;

  const Settings settings_;  // As they were at start.
  xfrm::SpiPool* spis_;
  std::function<void(size_t)> ring_;
  const JournalGround ground_;
  std::unique_ptr<JournalStore> store_;
  bool is_failing_ = false;
  RestorePlan plan_;
  std::vector<JournalOp> owed_;  // What could not be written yet.
  // What the kernel is to have: four SAs for each of `sets_`, whose keys are beside.
  std::vector<xfrm::Sa> sas_;
  uint64_t sas_from_s_ = 0;  // Since the epoch: from when their lifetimes count.
  std::vector<xfrm::EspKeys> keys_;
  std::vector<RestoredSet*> sets_;
  std::vector<size_t> begins_;  // Where a worker's begin in `sas_`; one more is the end.
  std::unique_ptr<JournalWriter> writer_;
  std::vector<std::unique_ptr<JournalClient>> clients_;
};

}  // namespace edge
