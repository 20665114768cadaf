// A journal file made of arbitrary bytes: whatever stands in it, what is read of it are records
// that the core can go on with, and written again they read the same.
#include <sodium.h>

#include <cstdlib>
#include <cstring>

#include "edge/restore.h"
#include "edge/sqlite_rows.h"

namespace edge {
namespace {

JournalKey& Key() {
  static JournalKey key(std::array<uint8_t, JournalKey::kSize>{'f', 'u', 'z', 'z'});
  return key;
}

void Check(bool is_good) {
  if (!is_good) abort();
}

SqliteDb FromBytes(const uint8_t* data, size_t size) {
  int result = SQLITE_OK;
  SqliteDb db =
      OpenSqlite(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, nullptr, &result);
  Check(db != nullptr);
  if (size == 0) return db;
  auto* const bytes = static_cast<unsigned char*>(sqlite3_malloc64(size));
  std::memcpy(bytes, data, size);
  // A file in WAL mode cannot be in memory; the same bytes without say the same.
  if (size > 19) bytes[18] = bytes[19] = 1;
  const auto length = static_cast<sqlite3_int64>(size);
  sqlite3_deserialize(db.get(), "main", bytes, length, length, SQLITE_DESERIALIZE_FREEONCLOSE);
  return db;
}

void CheckRecords(const JournalContents& contents) {
  for (const RegistrationRecord& record : contents.registrations) {
    Check(record.id != 0 && !record.impi.empty() && record.ue.family() != AF_UNSPEC);
  }
  for (const SetRecord& record : contents.sets) {
    const Agreement& a = record.agreement;
    Check(record.id != 0 && CarriesTraffic(record.state) && xfrm::IsLegal(a.algorithms));
    Check(a.port_uc != 0 && a.port_us != 0 && a.port_pc != 0 && a.port_ps != 0);
    Check(a.spi_uc >= 256 && a.spi_us >= 256 && a.spis.client >= 256 && a.spis.server >= 256);
    Check(a.ue.family() == a.pcscf.family() && a.ue.family() != AF_UNSPEC);
  }
}

// By ids, each once: a table has no two rows with one.
void CheckWrittenAgain(const JournalContents& contents) {
  int result = SQLITE_OK;
  const SqliteDb db =
      OpenSqlite(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, nullptr, &result);
  for (const char* const step : kSchemaSteps) Check(Execute(db.get(), step) == SQLITE_OK);
  SqliteStatement registration(db.get(), kWriteRegistrationSql);
  SqliteStatement set(db.get(), kWriteSetSql);
  RowBuffer buffer;
  for (const RegistrationRecord& record : contents.registrations) {
    BindRow(record, &buffer, &registration);
    Check(registration.Step() == SQLITE_DONE);
    registration.Reset();
  }
  for (const SetRecord& record : contents.sets) {
    BindRow(record, &Key(), &buffer, &set);
    Check(set.Step() == SQLITE_DONE);
    set.Reset();
  }
  JournalContents again;
  UnreadRows unread;
  ReadRows(db.get(), &Key(), nullptr, &again, &unread);
  Check(unread.rows == 0 && !unread.is_damaged);
  Check(again.registrations.size() <= contents.registrations.size());
  Check(again.sets.size() <= contents.sets.size());
}

void CheckPlan(const JournalContents& contents) {
  Settings settings;
  for (const uint16_t port : {uint16_t{6101}, uint16_t{6102}}) {
    reactor::Endpoint endpoint;
    Check(reactor::ParseEndpoint("192.0.2.10", port, &endpoint));
    settings.ipsec.sockets.push_back(endpoint);
  }
  xfrm::SpiPool spis({.min_spi = 65536, .max_spi = 66560, .permutation_key = {1, 2}});
  const RestorePlan plan = PlanRestore(contents, settings, &spis, 1'800'000'000'000);
  std::vector<xfrm::EspKeys> keys;
  keys.reserve(plan.sets);
  std::vector<xfrm::Sa> sas;
  for (const RestoredPhone& phone : plan.workers[0]) {
    AppendSas(phone, settings, 1'800'000'000'000, &keys, &sas);
  }
  Check(sas.size() == kSasPerSet * plan.sets);
}

}  // namespace
}  // namespace edge

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool is_ready = sodium_init() >= 0;
  edge::Check(is_ready);
  std::array<uint8_t, 32> plain;
  edge::Check(!edge::Key().Open({data, size}, {}, plain));

  const edge::SqliteDb db = edge::FromBytes(data, size);
  edge::JournalContents contents;
  edge::UnreadRows unread;
  edge::ReadRows(db.get(), &edge::Key(), nullptr, &contents, &unread);
  edge::CheckRecords(contents);
  edge::CheckWrittenAgain(contents);
  edge::CheckPlan(contents);
  return 0;
}
