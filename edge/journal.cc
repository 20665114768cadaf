#include "edge/journal.h"

#include <spdlog/spdlog.h>

#include <cstring>

#include "edge/clock.h"
#include "edge/sqlite_store.h"

namespace edge {
namespace {

// Hands out words that are given.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(const std::array<uint8_t, 32>& bytes) {
    std::memcpy(words_.data(), bytes.data(), bytes.size());
  }
  uint64_t Next() override { return words_[next_++ % words_.size()]; }

 private:
  std::array<uint64_t, 4> words_;
  size_t next_ = 0;
};

bool OpenFile(const Settings& settings, bool is_known, OpenedStore* opened, std::string* error) {
  const Settings::Journal& journal = settings.journal;
  SqliteOptions options{journal.file, journal.key_file, journal.synchronous};
  options.is_known = is_known;
  options.progress = [&](size_t rows) {
    spdlog::info("journal {}: {} records read so far", journal.file, rows);
  };
  SqliteOpened file;
  if (!OpenSqliteStore(options, &file, error)) return false;
  for (const std::string& remark : file.remarks) spdlog::warn("{}", remark);
  *opened = {std::move(file.store), std::move(file.contents), std::move(file.cannot_write)};
  return true;
}

}  // namespace

JournalGround RealGround() {
  const auto open = [](const Settings& settings, OpenedStore* opened, std::string* error) {
    return OpenFile(settings, false, opened, error);
  };
  return {open, NowMs, EpochMs};
}

Journal::Journal(const Settings& settings, xfrm::SpiPool* spis,
                 std::function<void(size_t worker)> ring, JournalGround ground)
    : settings_(settings), spis_(spis), ring_(std::move(ring)), ground_(std::move(ground)) {}

Journal::~Journal() = default;

void Journal::Take(OpenedStore* opened) {
  store_ = std::move(opened->store);
  is_failing_ = !opened->cannot_write.empty();
  if (is_failing_) Tell(opened->cannot_write, 0);
}

bool Journal::Open(std::string* error) {
  const uint64_t begin_ms = ground_.now_ms();
  OpenedStore opened;
  if (!ground_.open(settings_, &opened, error)) return false;
  Take(&opened);
  const uint64_t read_ms = ground_.now_ms();
  const uint64_t epoch_ms = ground_.epoch_ms();
  sas_from_s_ = epoch_ms / 1000;
  const size_t records = opened.contents.registrations.size() + opened.contents.sets.size();
  plan_ = PlanRestore(std::move(opened.contents), settings_, spis_, epoch_ms);
  keys_.reserve(plan_.sets);
  sas_.reserve(plan_.sets * kSasPerSet);
  for (std::vector<RestoredPhone>& phones : plan_.workers) {
    begins_.push_back(sas_.size());
    for (RestoredPhone& phone : phones) {
      AppendSas(phone, settings_, epoch_ms, &keys_, &sas_);
      for (RestoredSet& set : phone.sets) sets_.push_back(&set);
    }
  }
  begins_.push_back(sas_.size());
  spdlog::info("journal {}: {} records read in {} ms, sorted in {} ms: {}", store_->name(), records,
               read_ms - begin_ms, ground_.now_ms() - read_ms, Describe(plan_));
  return true;
}

bool Journal::OpenKnown(std::string* error) {
  OpenedStore opened;
  if (!OpenFile(settings_, true, &opened, error)) return false;
  Take(&opened);
  plan_.workers.resize(settings_.process.workers);
  begins_.assign(settings_.process.workers + 1, 0);
  return true;
}

void Journal::Release() {
  writer_->Stop();
  store_->Release();
}

bool Journal::Resume(std::string* error) {
  return writer_->Start(error);
}

KeyedHash Journal::PhonesKey() const {
  FixedRandom random(store_->secret());
  return KeyedHash(&random);
}

// Half of the slack bears rounding and a clock that is set right; what ends earlier than that is
// not what the journal says.
KnownSas Journal::Known() {
  return {sas_,
          {.now_s = sas_from_s_, .early_s_max = settings_.ipsec.lifetime_slack_s / 2},
          [this](std::span<const uint32_t> missing) { BeginNewLives(missing); }};
}

std::span<const xfrm::Sa> Journal::SasOf(size_t worker) const {
  return std::span(sas_).subspan(begins_[worker], begins_[worker + 1] - begins_[worker]);
}

// SAs that are made again count on from the bound of their earlier lives, so the next life's bound
// is kept first: whatever dies in between, no number is used twice. A set stays as old as it is:
// its age orders a phone's sets, and the lifetimes that the kernel is given count from it, also for
// those of its SAs that are still there.
void Journal::BeginNewLives(std::span<const uint32_t> missing) {
  std::vector<bool> is_new(sets_.size());
  for (const uint32_t sa : missing) is_new[sa / kSasPerSet] = true;
  std::vector<JournalOp> ops;
  for (size_t i = 0; i < sets_.size(); ++i) {
    if (!is_new[i]) continue;
    SetRecord& record = sets_[i]->record;
    record.sequence_bound += kSequenceStride;
    ops.emplace_back(record);
  }
  std::vector<const JournalOp*> pointers;
  for (const JournalOp& op : ops) pointers.push_back(&op);
  spdlog::info("journal {}: {} SA sets are not in the kernel as they were: made again",
               store_->name(), ops.size());
  std::string error;
  if (store_->Commit(pointers, &error)) return;
  is_failing_ = true;
  Tell(error, 0);
  // They are owed: the life after this one must not begin where this one did.
  for (JournalOp& op : ops) owed_.push_back(std::move(op));
}

bool Journal::Start(std::string* error) {
  sas_ = {};
  keys_ = {};
  sets_ = {};
  const size_t workers = settings_.process.workers;
  writer_ = std::make_unique<JournalWriter>(
      store_.get(), workers, ring_,
      [this](const std::string& words, size_t written) { Tell(words, written); }, is_failing_);
  writer_->Owe(std::move(plan_.void_ones));
  writer_->Owe(std::move(owed_));
  for (size_t worker = 0; worker < workers; ++worker) {
    clients_.push_back(std::make_unique<JournalClient>(writer_.get(), worker));
  }
  return !ground_.has_thread || writer_->Start(error);
}

void Journal::Stop() {
  if (writer_ != nullptr) writer_->Stop();
  store_.reset();
}

std::vector<RestoredPhone> Journal::TakePhones(size_t worker) {
  return std::move(plan_.workers[worker]);
}

RecordId Journal::first_id(size_t worker) const {
  return (plan_.id_max / kIdStep + 1) * kIdStep + worker + 1;
}

void Journal::Tell(const std::string& error, size_t written) const {
  if (error.empty()) {
    return spdlog::warn("journal {}: it can be written again; {} records that waited are written",
                        settings_.journal.file, written);
  }
  const bool refuses = settings_.journal.on_failure == OnJournalFailure::kRefuseNew;
  spdlog::error("journal {}: cannot write it: {}; {} (journal.on_failure)", settings_.journal.file,
                error,
                refuses ? "phones that are not registered are refused until it can be written"
                        : "registrations from now on may not outlive this process");
}

}  // namespace edge
