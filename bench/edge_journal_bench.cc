// What the journal costs: records written a second, beside SQLite given the same rows ready made;
// and a start with many phones in it, part by part.
//
//   edge_journal_bench [--benchmark_filter=Start]     phones: 1,000,000; takes a gigabyte of memory
#include <benchmark/benchmark.h>
#include <sodium.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "edge/restore.h"
#include "edge/sqlite_store.h"
#include "tests/edge_values.h"
#include "xfrm/fake_kernel.h"
#include "xfrm/reconcile.h"

namespace edge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kEpochMs = 1'800'000'000'000;

RegistrationRecord MakeRegistration(RecordId id) {
  RegistrationRecord record;
  record.id = id;
  record.impi = std::to_string(1'010'000'000'000 + id) + "@ims.mnc001.mcc001.3gppnetwork.org";
  record.ue = At("10." + std::to_string(id >> 16) + "." + std::to_string(id >> 8 & 255) + "." +
                 std::to_string(id & 255) + ":0");
  record.until_ms = kEpochMs + 3'600'000;
  record.default_identity = "sip:" + record.impi;
  record.associated = "<sip:" + record.impi + ">, <tel:+" + std::to_string(id) + ">";
  record.service_route = "<sip:orig@scscf1.ims.mnc001.mcc001.3gppnetwork.org:6060;lr>";
  return record;
}

SetRecord MakeSet(RecordId id) {
  SetRecord record;
  record.id = record.registration = id;
  Agreement& a = record.agreement;
  a.ue = MakeRegistration(id).ue;
  a.port_uc = 37001;
  a.port_us = 37002;
  a.spi_uc = 2'137'441'234;
  a.spi_us = 2'137'441'235;
  a.pcscf = At("192.0.2.10:0");
  a.port_ps = 6101;
  a.port_pc = 6102;
  const auto number = static_cast<uint32_t>(id);
  a.spis = {65536 + number, 65536 + 2'000'000 + number};
  a.algorithms = {xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc};
  record.installed_ms = kEpochMs - 60'000;
  record.expires_ms = kEpochMs + 3'630'000;
  return record;
}

class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "edge_journal.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  SqliteOptions Options() const { return {path_ + "/journal", path_ + "/key", Synchronous::kOff}; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void Commit(JournalStore* store, RecordId first, RecordId count) {
  std::vector<JournalOp> ops;
  for (RecordId id = first; id < first + count; ++id) {
    ops.emplace_back(MakeRegistration(id));
    ops.emplace_back(MakeSet(id));
  }
  std::vector<const JournalOp*> pointers;
  for (const JournalOp& op : ops) pointers.push_back(&op);
  std::string error;
  if (!store->Commit(pointers, &error)) abort();
}

SqliteOpened OpenIn(const Folder& folder) {
  SqliteOpened opened;
  std::string error;
  if (sodium_init() < 0 || !OpenSqliteStore(folder.Options(), &opened, &error)) abort();
  return opened;
}

// Phones a commit: range(0). The records are made beside.
void Write(benchmark::State& state) {
  const Folder folder;
  const SqliteOpened opened = OpenIn(folder);
  const auto count = static_cast<RecordId>(state.range(0));
  RecordId next = 1;
  for (auto _ : state) {
    std::vector<JournalOp> ops;
    for (RecordId id = next; id < next + count; ++id) {
      ops.emplace_back(MakeRegistration(id));
      ops.emplace_back(MakeSet(id));
    }
    next += count;
    std::vector<const JournalOp*> pointers;
    for (const JournalOp& op : ops) pointers.push_back(&op);
    std::string error;
    const Clock::time_point begin = Clock::now();
    if (!opened.store->Commit(pointers, &error)) state.SkipWithError(error.c_str());
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// The same rows into the same tables, by SQLite alone: bound once, only the id changes.
void WriteRaw(benchmark::State& state) {
  const Folder folder;
  OpenIn(folder);
  int result = SQLITE_OK;
  const SqliteDb db = OpenSqlite(folder.Options().file, SQLITE_OPEN_READWRITE, nullptr, &result);
  Execute(db.get(), "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 8192;");
  JournalKey key(std::array<uint8_t, JournalKey::kSize>{1});
  SqliteStatement registration(db.get(), kWriteRegistrationSql);
  SqliteStatement set(db.get(), kWriteSetSql);
  RowBuffer buffers[2];
  const RegistrationRecord registration_record = MakeRegistration(1);
  BindRow(registration_record, &buffers[0], &registration);
  BindRow(MakeSet(1), &key, &buffers[1], &set);
  int64_t next = 1;
  for (auto _ : state) {
    const Clock::time_point begin = Clock::now();
    Execute(db.get(), "BEGIN IMMEDIATE");
    for (int64_t i = 0; i < state.range(0); ++i, ++next) {
      registration.Bind(1, next);
      registration.Step();
      registration.Reset();
      set.Bind(1, next);
      set.Step();
      set.Reset();
    }
    if (Execute(db.get(), "COMMIT") != SQLITE_OK) state.SkipWithError(sqlite3_errmsg(db.get()));
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// Seconds since the last call.
class Laps {
 public:
  double Next() {
    const Clock::time_point now = Clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  Clock::time_point last_ = Clock::now();
};

// As Workers::Open does it, once with all SAs in the kernel and once with none.
void Start(benchmark::State& state) {
  const auto phones = static_cast<RecordId>(state.range(0));
  const Folder folder;
  {
    const SqliteOpened opened = OpenIn(folder);
    for (RecordId id = 1; id <= phones; id += 1000) Commit(opened.store.get(), id, 1000);
  }
  state.counters["bytes_per_phone"] =
      static_cast<double>(std::filesystem::file_size(folder.Options().file)) /
      static_cast<double>(phones);
  Settings settings;
  settings.ipsec.sockets = {At("192.0.2.10:6101"), At("192.0.2.10:6102")};
  settings.ipsec.max_spi = 65536 + 4'000'000 - 1;
  for (auto _ : state) {
    Laps laps;
    SqliteOpened opened = OpenIn(folder);
    state.counters["s_read"] = laps.Next();
    xfrm::SpiPool spis({.min_spi = settings.ipsec.min_spi,
                        .max_spi = settings.ipsec.max_spi,
                        .permutation_key = {1, 2}});
    const RestorePlan plan = PlanRestore(std::move(opened.contents), settings, &spis, kEpochMs);
    if (plan.sets != phones) state.SkipWithError("not every phone goes on");
    std::vector<xfrm::EspKeys> keys;
    keys.reserve(plan.sets);
    std::vector<xfrm::Sa> sas;
    sas.reserve(kSasPerSet * plan.sets);
    for (const RestoredPhone& phone : plan.workers[0]) {
      AppendSas(phone, settings, kEpochMs, &keys, &sas);
    }
    state.counters["s_plan"] = laps.Next();
    std::vector<xfrm::SaInfo> dump;
    for (const xfrm::Sa& sa : sas) {
      xfrm::SaInfo info;
      info.id = sa.id();
      info.source = sa.selector.source;
      info.selector = sa.selector;
      info.reqid = sa.reqid;
      info.algorithms = sa.keys->algorithms();
      info.hard_packets = sa.hard_packets;
      info.hard_seconds = sa.hard_seconds;
      info.added_at = kEpochMs / 1000;
      info.is_exact = true;
      dump.push_back(info);
    }
    laps.Next();
    const xfrm::ReconcilePlan there =
        xfrm::Reconcile(dump, sas, {kEpochMs / 1000}, settings.ipsec.reqid, 1);
    state.counters["s_reconcile"] = laps.Next();
    if (there.kept != sas.size()) state.SkipWithError("SAs were not recognized");
    xfrm::FakeKernel kernel;
    std::vector<std::vector<std::byte>> answers;
    const xfrm::ReconcilePlan none =
        xfrm::Reconcile({}, sas, {kEpochMs / 1000}, settings.ipsec.reqid, 1);
    xfrm::ReconcileRun run(none, sas);
    xfrm::Batch batch;
    for (batch.Clear(1); run.Fill(&batch, 128); batch.Clear(1)) {
      xfrm::BatchVerdict verdict;
      verdict.Start(1, batch.count());
      kernel.Send(batch.Seal(), kEpochMs / 1000, &answers);
      for (const std::vector<std::byte>& answer : answers) {
        xfrm::ReplyReader reader(answer);
        for (xfrm::Reply reply; reader.Next(&reply);) verdict.Apply(reply);
      }
      answers.clear();
      run.Take(verdict);
    }
    state.counters["s_install_fake"] = laps.Next();
  }
}

BENCHMARK(Write)->Arg(1)->Arg(16)->Arg(256)->UseManualTime();
BENCHMARK(WriteRaw)->Arg(1)->Arg(16)->Arg(256)->UseManualTime();
BENCHMARK(Start)->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace edge

BENCHMARK_MAIN();
