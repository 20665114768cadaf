#include "edge/sqlite_rows.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "edge/limits.h"

namespace edge {
namespace {

constexpr std::string_view kSelectRegistrations =
    "SELECT id, impi, ue, until_ms, default_identity, associated, service_route, clear_local,"
    " clear_from, clear_to, clear_transport, clear_connect_port, is_emergency, reg_id"
    " FROM registration";
constexpr std::string_view kSelectSets =
    "SELECT id, registration, state, after_initial, ue, port_uc, port_us, spi_uc, spi_us, pcscf,"
    " port_pc, port_ps, spi_pc, spi_ps, integrity, encryption, rule, installed_ms, expires_ms,"
    " sequence_bound, keys, port_uenc FROM sa_set";

constexpr size_t kProgressRows = 100'000;
// How many times in a row nothing is found around damage before it is given up. A page has ids of
// some hundred in its range, each of which takes two.
constexpr int kFruitlessMax = 4'096;
constexpr size_t kKeysSize = 2 * xfrm::Key::kSize;

// Keys are sealed for their row: the record and the SPIs of ours.
using Belonging = std::array<uint8_t, 16>;
Belonging BelongingOf(const SetRecord& record) {
  Belonging belonging;
  const uint64_t words[] = {record.id, LabelOf(record.agreement.spis)};
  std::memcpy(belonging.data(), words, sizeof(words));
  return belonging;
}

std::string_view WriteText(const reactor::Endpoint& endpoint, bool with_port, char* out) {
  const size_t size = with_port ? reactor::WriteEndpoint(endpoint, out)
                                : reactor::WriteAddress(endpoint, false, out);
  return {out, size};
}

bool ReadPort(const SqliteStatement& row, int column, uint16_t* port) {
  uint64_t value = 0;
  if (!row.Number(column, UINT16_MAX, &value) || value == 0) return false;
  *port = static_cast<uint16_t>(value);
  return true;
}

// RFC 4303 2.1: below 256 there is none.
bool ReadSpi(const SqliteStatement& row, int column, uint32_t* spi) {
  uint64_t value = 0;
  if (!row.Number(column, UINT32_MAX, &value) || value < 256) return false;
  *spi = static_cast<uint32_t>(value);
  return true;
}

bool ReadBounded(const SqliteStatement& row, int column, size_t size_max, std::string* out) {
  const std::string_view text = row.Text(column);
  *out = text;
  return text.size() <= size_max;
}

template <typename Enum>
bool ReadName(std::string_view text, std::initializer_list<Enum> values, Enum* out) {
  const auto found =
      std::find_if(values.begin(), values.end(), [&](Enum value) { return Name(value) == text; });
  if (found == values.end()) return false;
  *out = *found;
  return true;
}

bool ReadClear(const SqliteStatement& row, RegistrationRecord* record) {
  record->is_in_clear = !row.IsNull(7);
  if (!record->is_in_clear) return true;
  uint64_t port = 0;
  record->clear_transport = row.Text(10) == "TCP" ? Transport::kTcp : Transport::kUdp;
  const bool is_good = row.Number(11, UINT16_MAX, &port) &&
                       reactor::ParseEndpoint(row.Text(7), 0, &record->clear_local) &&
                       reactor::ParseEndpoint(row.Text(8), 0, &record->clear_from) &&
                       reactor::ParseEndpoint(row.Text(9), 0, &record->clear_to);
  record->clear_connect_port = static_cast<uint16_t>(port);
  return is_good && record->clear_from.family() == record->ue.family() &&
         record->clear_to.family() == record->ue.family();
}

bool ReadFlow(const SqliteStatement& row, RegistrationRecord* record) {
  uint64_t is_emergency = 0;
  uint64_t reg_id = 0;
  const bool is_good = row.Number(12, 1, &is_emergency) && row.Number(13, UINT32_MAX, &reg_id);
  record->is_emergency = is_emergency == 1;
  record->reg_id = static_cast<uint32_t>(reg_id);
  return is_good;
}

bool ReadRow(const SqliteStatement& row, RegistrationRecord* record) {
  return row.Number(0, INT64_MAX, &record->id) && record->id != 0 &&
         ReadBounded(row, 1, kImpiSizeMax, &record->impi) && !record->impi.empty() &&
         reactor::ParseAddress(row.Text(2), 0, &record->ue) &&
         row.Number(3, INT64_MAX, &record->until_ms) &&
         ReadBounded(row, 4, kRouteSetSizeMax, &record->default_identity) &&
         ReadBounded(row, 5, kRouteSetSizeMax, &record->associated) &&
         ReadBounded(row, 6, kRouteSetSizeMax, &record->service_route) && ReadFlow(row, record) &&
         ReadClear(row, record);
}

bool ReadAgreement(const SqliteStatement& row, Agreement* agreement) {
  using xfrm::Encryption;
  using xfrm::Integrity;
  xfrm::Algorithms& algorithms = agreement->algorithms;
  return reactor::ParseAddress(row.Text(4), 0, &agreement->ue) &&
         ReadPort(row, 5, &agreement->port_uc) && ReadPort(row, 6, &agreement->port_us) &&
         ReadSpi(row, 7, &agreement->spi_uc) && ReadSpi(row, 8, &agreement->spi_us) &&
         reactor::ParseAddress(row.Text(9), 0, &agreement->pcscf) &&
         agreement->ue.family() == agreement->pcscf.family() &&
         ReadPort(row, 10, &agreement->port_pc) && ReadPort(row, 11, &agreement->port_ps) &&
         ReadSpi(row, 12, &agreement->spis.client) && ReadSpi(row, 13, &agreement->spis.server) &&
         ReadName(row.Text(14),
                  {Integrity::kNull, Integrity::kHmacMd5_96, Integrity::kHmacSha1_96,
                   Integrity::kAesGmac},
                  &algorithms.integrity) &&
         ReadName(
             row.Text(15),
             {Encryption::kNull, Encryption::kDesEde3Cbc, Encryption::kAesCbc, Encryption::kAesGcm},
             &algorithms.encryption) &&
         xfrm::IsLegal(algorithms);
}

bool ReadKeys(const SqliteStatement& row, JournalKey* key, SetRecord* record) {
  std::array<uint8_t, kKeysSize> keys;
  const bool is_open = key->Open(row.Bytes(20), BelongingOf(*record), keys);
  if (is_open) {
    record->ik = xfrm::Key(std::span(keys).first<xfrm::Key::kSize>());
    record->ck = xfrm::Key(std::span(keys).last<xfrm::Key::kSize>());
  }
  xfrm::Wipe(keys.data(), keys.size());
  return is_open;
}

bool ReadRow(const SqliteStatement& row, JournalKey* key, SetRecord* record) {
  uint64_t after_initial = 0;
  uint64_t rule = 0;
  uint64_t bound = 0;
  uint64_t port_uenc = 0;
  const bool is_good =
      row.Number(0, INT64_MAX, &record->id) && record->id != 0 &&
      row.Number(1, INT64_MAX, &record->registration) &&
      ReadName(row.Text(2), {SetState::kNew, SetState::kCurrent, SetState::kOld}, &record->state) &&
      row.Number(3, 1, &after_initial) && ReadAgreement(row, &record->agreement) &&
      row.Number(16, UINT16_MAX, &rule) && row.Number(17, INT64_MAX, &record->installed_ms) &&
      row.Number(18, INT64_MAX, &record->expires_ms) && row.Number(19, UINT32_MAX, &bound) &&
      row.Number(21, UINT16_MAX, &port_uenc) && ReadKeys(row, key, record);
  record->after_initial = after_initial == 1;
  record->rule = static_cast<RuleIndex>(rule);
  record->sequence_bound = static_cast<uint32_t>(bound);
  record->agreement.port_uenc = static_cast<uint16_t>(port_uenc);
  return is_good;
}

// The rows of a table whose ids lie in a range, from both ends up to what SQLite cannot read, then
// likewise in both halves of what is left.
class Salvage {
 public:
  // Takes one row; false: it makes no sense.
  using Take = std::function<bool(const SqliteStatement& row)>;
  Salvage(sqlite3* db, std::string_view select, const Take& take,
          const std::function<void(size_t)>& progress, UnreadRows* unread)
      : db_(db), select_(select), take_(take), progress_(progress), unread_(*unread) {}

  void Run(uint64_t low, uint64_t high) {
    if (fruitless_ > kFruitlessMax) return;
    uint64_t after = low;  // The lowest id that may be unread.
    if (Scan(low, high, false, &after)) return;
    uint64_t before = high;
    if (after > high || Scan(after, high, true, &before) || before <= after) return;
    const uint64_t middle = after + (before - after) / 2;
    Run(after, middle);
    if (middle < before) Run(middle + 1, before);
  }

 private:
  // False: it ends at something unreadable, and *limit is the first id not read.
  bool Scan(uint64_t low, uint64_t high, bool is_downwards, uint64_t* limit) {
    std::string sql(select_);
    sql += " WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
    if (is_downwards) sql += " DESC";
    SqliteStatement rows(db_, sql.c_str());
    rows.Bind(1, static_cast<int64_t>(low));
    rows.Bind(2, static_cast<int64_t>(high));
    int result;
    while ((result = rows.Step()) == SQLITE_ROW) {
      uint64_t id = 0;
      fruitless_ = 0;
      const bool has_id = rows.Number(0, INT64_MAX, &id);
      if (has_id) *limit = is_downwards ? id - 1 : id + 1;
      if (!take_(rows)) {
        ++unread_.rows;
        if (unread_.words.empty()) unread_.words = "a record makes no sense";
      }
      if (++count_ % kProgressRows == 0 && progress_) progress_(count_);
    }
    if (result == SQLITE_DONE) return true;
    // There is no such table: no other range has it either.
    fruitless_ = rows.result() == SQLITE_OK ? fruitless_ + 1 : kFruitlessMax + 1;
    if (!unread_.is_damaged) unread_.words = sqlite3_errmsg(db_);
    unread_.is_damaged = true;
    return false;
  }

  sqlite3* db_;
  std::string_view select_;
  const Take& take_;
  const std::function<void(size_t)>& progress_;
  UnreadRows& unread_;
  size_t count_ = 0;
  int fruitless_ = 0;
};

}  // namespace

const char* const kSchemaSteps[kSchemaVersion] = {
    // 1. Times in milliseconds since the epoch; clear_* is null but for phones registered in clear.
    "CREATE TABLE registration(id INTEGER PRIMARY KEY, impi TEXT NOT NULL, ue TEXT NOT NULL,"
    " until_ms INTEGER NOT NULL, default_identity TEXT NOT NULL, associated TEXT NOT NULL,"
    " service_route TEXT NOT NULL, clear_local TEXT, clear_from TEXT, clear_to TEXT,"
    " clear_transport TEXT, clear_connect_port INTEGER,"
    " is_emergency INTEGER NOT NULL DEFAULT 0, reg_id INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE sa_set(id INTEGER PRIMARY KEY, registration INTEGER NOT NULL,"
    " state TEXT NOT NULL, after_initial INTEGER NOT NULL, ue TEXT NOT NULL,"
    " port_uc INTEGER NOT NULL, port_us INTEGER NOT NULL, spi_uc INTEGER NOT NULL,"
    " spi_us INTEGER NOT NULL, pcscf TEXT NOT NULL, port_pc INTEGER NOT NULL,"
    " port_ps INTEGER NOT NULL, spi_pc INTEGER NOT NULL, spi_ps INTEGER NOT NULL,"
    " integrity TEXT NOT NULL, encryption TEXT NOT NULL, rule INTEGER NOT NULL,"
    " installed_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    " sequence_bound INTEGER NOT NULL, keys BLOB NOT NULL);"
    "CREATE TABLE secret(id INTEGER PRIMARY KEY CHECK(id = 1), sealed BLOB NOT NULL);",
    // 2. Sets in UDP; 0: in transport mode.
    "ALTER TABLE sa_set ADD COLUMN port_uenc INTEGER NOT NULL DEFAULT 0;",
};

const char kWriteRegistrationSql[] =
    "INSERT OR REPLACE INTO registration(id, impi, ue, until_ms, default_identity, associated,"
    " service_route, clear_local, clear_from, clear_to, clear_transport, clear_connect_port,"
    " is_emergency, reg_id) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
const char kWriteSetSql[] =
    "INSERT OR REPLACE INTO sa_set(id, registration, state, after_initial, ue, port_uc, port_us,"
    " spi_uc, spi_us, pcscf, port_pc, port_ps, spi_pc, spi_ps, integrity, encryption, rule,"
    " installed_ms, expires_ms, sequence_bound, keys, port_uenc) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7,"
    " ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";

void BindRow(const RegistrationRecord& record, RowBuffer* buffer, SqliteStatement* statement) {
  char* const texts = buffer->texts.data();
  statement->Bind(1, static_cast<int64_t>(record.id));
  statement->Bind(2, record.impi);
  statement->Bind(3, WriteText(record.ue, false, texts));
  statement->Bind(4, static_cast<int64_t>(record.until_ms));
  statement->Bind(5, record.default_identity);
  statement->Bind(6, record.associated);
  statement->Bind(7, record.service_route);
  statement->Bind(13, int64_t{record.is_emergency});
  statement->Bind(14, int64_t{record.reg_id});
  if (!record.is_in_clear) {
    for (int i = 8; i <= 12; ++i) statement->BindNull(i);
    return;
  }
  const reactor::Endpoint* const ends[] = {&record.clear_local, &record.clear_from,
                                           &record.clear_to};
  char* out = texts;
  int index = 8;
  for (const reactor::Endpoint* end : ends) {
    statement->Bind(index++, WriteText(*end, true, out += reactor::kEndpointTextMax));
  }
  statement->Bind(11, Name(record.clear_transport));
  statement->Bind(12, int64_t{record.clear_connect_port});
}

void BindRow(const SetRecord& record, JournalKey* key, RowBuffer* buffer,
             SqliteStatement* statement) {
  const Agreement& a = record.agreement;
  char* const texts = buffer->texts.data();
  statement->Bind(1, static_cast<int64_t>(record.id));
  statement->Bind(2, static_cast<int64_t>(record.registration));
  statement->Bind(3, Name(record.state));
  statement->Bind(4, int64_t{record.after_initial});
  statement->Bind(5, WriteText(a.ue, false, texts));
  statement->Bind(6, int64_t{a.port_uc});
  statement->Bind(7, int64_t{a.port_us});
  statement->Bind(8, int64_t{a.spi_uc});
  statement->Bind(9, int64_t{a.spi_us});
  statement->Bind(10, WriteText(a.pcscf, false, texts + reactor::kEndpointTextMax));
  statement->Bind(11, int64_t{a.port_pc});
  statement->Bind(12, int64_t{a.port_ps});
  statement->Bind(13, int64_t{a.spis.client});
  statement->Bind(14, int64_t{a.spis.server});
  statement->Bind(15, Name(a.algorithms.integrity));
  statement->Bind(16, Name(a.algorithms.encryption));
  statement->Bind(17, int64_t{record.rule});
  statement->Bind(18, static_cast<int64_t>(record.installed_ms));
  statement->Bind(19, static_cast<int64_t>(record.expires_ms));
  statement->Bind(20, int64_t{record.sequence_bound});
  statement->Bind(22, int64_t{a.port_uenc});
  std::array<uint8_t, kKeysSize> keys;
  std::memcpy(keys.data(), record.ik.bytes().data(), xfrm::Key::kSize);
  std::memcpy(keys.data() + xfrm::Key::kSize, record.ck.bytes().data(), xfrm::Key::kSize);
  const size_t size = key->Seal(keys, BelongingOf(record), &buffer->sealed);
  xfrm::Wipe(keys.data(), keys.size());
  statement->Bind(21, std::span<const uint8_t>(buffer->sealed.data(), size));
}

void ReadRows(sqlite3* db, JournalKey* key, const std::function<void(size_t)>& progress,
              JournalContents* contents, UnreadRows* unread) {
  const Salvage::Take take_registration = [&](const SqliteStatement& row) {
    RegistrationRecord record;
    if (!ReadRow(row, &record)) return false;
    contents->registrations.push_back(std::move(record));
    return true;
  };
  const Salvage::Take take_set = [&](const SqliteStatement& row) {
    SetRecord record;
    if (!ReadRow(row, key, &record)) return false;
    contents->sets.push_back(record);
    return true;
  };
  Salvage(db, kSelectRegistrations, take_registration, progress, unread).Run(1, INT64_MAX);
  Salvage(db, kSelectSets, take_set, progress, unread).Run(1, INT64_MAX);
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  if (!unread->is_damaged) return;
  std::sort(contents->registrations.begin(), contents->registrations.end(), by_id);
  std::sort(contents->sets.begin(), contents->sets.end(), by_id);
}

}  // namespace edge
