// What tests of the journal are made of: records, folders that go with the test, a disk with
// faults.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <tuple>

#include "edge/journal_record.h"
#include "tests/edge_values.h"

namespace edge {

inline bool operator==(const Agreement& a, const Agreement& b) {
  return reactor::SameAddress(a.ue, b.ue) && reactor::SameAddress(a.pcscf, b.pcscf) &&
         a.port_uenc == b.port_uenc &&
         std::tie(a.port_uc, a.port_us, a.spi_uc, a.spi_us, a.port_pc, a.port_ps) ==
             std::tie(b.port_uc, b.port_us, b.spi_uc, b.spi_us, b.port_pc, b.port_ps) &&
         a.spis == b.spis && a.algorithms == b.algorithms;
}
inline bool operator==(const RegistrationRecord& a, const RegistrationRecord& b) {
  return std::tie(a.id, a.impi, a.until_ms, a.default_identity, a.associated, a.service_route,
                  a.is_in_clear, a.is_emergency, a.reg_id, a.clear_local, a.clear_from, a.clear_to,
                  a.clear_transport, a.clear_connect_port) ==
             std::tie(b.id, b.impi, b.until_ms, b.default_identity, b.associated, b.service_route,
                      b.is_in_clear, b.is_emergency, b.reg_id, b.clear_local, b.clear_from,
                      b.clear_to, b.clear_transport, b.clear_connect_port) &&
         reactor::SameAddress(a.ue, b.ue);
}
inline bool operator==(const SetRecord& a, const SetRecord& b) {
  return std::tie(a.id, a.registration, a.state, a.after_initial, a.rule, a.installed_ms,
                  a.expires_ms, a.sequence_bound) ==
             std::tie(b.id, b.registration, b.state, b.after_initial, b.rule, b.installed_ms,
                      b.expires_ms, b.sequence_bound) &&
         a.agreement == b.agreement && std::ranges::equal(a.ik.bytes(), b.ik.bytes()) &&
         std::ranges::equal(a.ck.bytes(), b.ck.bytes());
}

inline constexpr uint64_t kTestEpochMs = 1'800'000'000'000;

// Each with an address of its own.
inline reactor::Endpoint UeOf(RecordId id) {
  return At("10." + std::to_string(id / 65536) + "." + std::to_string(id / 256 % 256) + "." +
            std::to_string(id % 256) + ":0");
}

inline RegistrationRecord MakeRegistration(RecordId id) {
  RegistrationRecord record;
  record.id = id;
  record.impi = "impi-" + std::to_string(id) + "@example.org";
  record.ue = UeOf(id);
  record.until_ms = kTestEpochMs + 3'600'000;
  record.default_identity = "sip:" + record.impi;
  record.associated = "<sip:" + record.impi + ">, <tel:+1" + std::to_string(id) + ">";
  record.service_route = "<sip:orig@10.0.0.30:6060;lr>";
  return record;
}

// Between 192.0.2.10:6101 and 6102 and its phone.
inline SetRecord MakeSet(RecordId id, RecordId registration) {
  SetRecord record;
  record.id = id;
  record.registration = registration;
  record.agreement.ue = UeOf(registration);
  record.agreement.port_uc = 37001;
  record.agreement.port_us = 37002;
  record.agreement.spi_uc = 2137441234;
  record.agreement.spi_us = 2137441235;
  record.agreement.pcscf = At("192.0.2.10:0");
  record.agreement.port_ps = 6101;
  record.agreement.port_pc = 6102;
  const auto number = static_cast<uint32_t>(id);
  record.agreement.spis = {65536 + number, 65536 + 98304 + number};
  record.agreement.algorithms = {xfrm::Integrity::kHmacSha1_96, xfrm::Encryption::kAesCbc};
  std::array<uint8_t, xfrm::Key::kSize> key{'i', 'k', '-', 'o', 'f', '-', 's', 'e', 't', ':'};
  std::memcpy(key.data() + 10, &number, sizeof(number));
  record.ik = xfrm::Key(key);
  key[0] = 'c';
  record.ck = xfrm::Key(key);
  record.installed_ms = kTestEpochMs - 60'000;
  record.expires_ms = kTestEpochMs + 3'630'000;
  return record;
}

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = testing::TempDir() + "edge_journal.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string BytesOf(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// The system's files, but writes fail with a result of SQLite's, or nothing can be written or read.
class FaultyDisk {
 public:
  FaultyDisk() : real_(*sqlite3_vfs_find(nullptr)) {
    current_ = this;
    vfs_ = real_;
    vfs_.zName = "faulty";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_.szOsFile;
    vfs_.xOpen = Open;
    vfs_.xAccess = [](sqlite3_vfs*, const char* name, int flags, int* yes) {
      const int result = current_->real_.xAccess(&current_->real_, name, flags, yes);
      if (flags == SQLITE_ACCESS_READWRITE && current_->is_read_only_) *yes = 0;
      return result;
    };
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~FaultyDisk() {
    sqlite3_vfs_unregister(&vfs_);
    current_ = nullptr;
  }
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  const char* name() const { return vfs_.zName; }
  void set_fault(int result) { fault_ = result; }
  void set_read_only(bool yes) { is_read_only_ = yes; }
  void set_unreadable(bool yes) { is_unreadable_ = yes; }

 private:
  struct File {
    sqlite3_file base;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    static File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  };

  static int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    FaultyDisk& disk = *current_;
    file->pMethods = nullptr;
    if (disk.is_read_only_ && (flags & SQLITE_OPEN_READWRITE) != 0) {
      flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    }
    sqlite3_file* const real = File::Of(file)->real();
    const int result = disk.real_.xOpen(&disk.real_, name, real, flags, out);
    if (real->pMethods != nullptr) file->pMethods = Methods();
    return result;
  }
  static const sqlite3_io_methods* Methods() {
    static const sqlite3_io_methods kMethods = {
        3,
        [](sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); },
        [](sqlite3_file* f, void* data, int size, sqlite3_int64 at) {
          if (current_->is_unreadable_) return SQLITE_IOERR_READ;
          return Real(f)->pMethods->xRead(Real(f), data, size, at);
        },
        [](sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
          if (current_->fault_ != SQLITE_OK) return current_->fault_;
          return Real(f)->pMethods->xWrite(Real(f), data, size, at);
        },
        [](sqlite3_file* f, sqlite3_int64 size) {
          return Real(f)->pMethods->xTruncate(Real(f), size);
        },
        [](sqlite3_file* f, int flags) { return Real(f)->pMethods->xSync(Real(f), flags); },
        [](sqlite3_file* f, sqlite3_int64* size) {
          return Real(f)->pMethods->xFileSize(Real(f), size);
        },
        [](sqlite3_file* f, int level) { return Real(f)->pMethods->xLock(Real(f), level); },
        [](sqlite3_file* f, int level) { return Real(f)->pMethods->xUnlock(Real(f), level); },
        [](sqlite3_file* f, int* out) {
          return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
        },
        [](sqlite3_file* f, int op, void* out) {
          return Real(f)->pMethods->xFileControl(Real(f), op, out);
        },
        [](sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); },
        [](sqlite3_file* f) { return Real(f)->pMethods->xDeviceCharacteristics(Real(f)); },
        [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
          const bool grows = extend != 0 && (current_->fault_ != SQLITE_OK);
          if (grows) return current_->fault_;
          return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
        },
        [](sqlite3_file* f, int offset, int count, int flags) {
          return Real(f)->pMethods->xShmLock(Real(f), offset, count, flags);
        },
        [](sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); },
        [](sqlite3_file* f, int remove) { return Real(f)->pMethods->xShmUnmap(Real(f), remove); },
        [](sqlite3_file*, sqlite3_int64, int, void** out) {
          *out = nullptr;
          return SQLITE_OK;
        },
        [](sqlite3_file*, sqlite3_int64, void*) { return SQLITE_OK; },
    };
    return &kMethods;
  }
  static sqlite3_file* Real(sqlite3_file* file) { return File::Of(file)->real(); }

  static inline FaultyDisk* current_ = nullptr;
  sqlite3_vfs real_;
  sqlite3_vfs vfs_;
  int fault_ = SQLITE_OK;
  bool is_read_only_ = false;
  bool is_unreadable_ = false;
};

}  // namespace edge
