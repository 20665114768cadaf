// What a core hands over, as bytes.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "edge/core.h"
#include "edge/state_archive.h"

namespace edge {

// Written by `carry`, which is handed the archive.
template <typename Carry>
std::string Written(Carry&& carry) {
  const int fd = memfd_create("test", MFD_CLOEXEC);
  StateArchive archive = StateArchive::Writer(fd);
  carry(&archive);
  if (!archive.Finish()) abort();
  std::string bytes(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  if (pread(fd, bytes.data(), bytes.size(), 0) != std::ssize(bytes)) abort();
  close(fd);
  return bytes;
}

inline StateArchive ReaderOf(std::string_view bytes) {
  return StateArchive::Reader(std::as_bytes(std::span(bytes)));
}

inline std::string CarriedOut(Core* core, uint64_t now_ms) {
  return Written([&](StateArchive* archive) {
    if (!core->Carry(archive, now_ms)) abort();
  });
}
// False: they make no whole.
inline bool CarryIn(std::string_view bytes, Core* core, uint64_t now_ms) {
  StateArchive archive = ReaderOf(bytes);
  return core->Carry(&archive, now_ms) && archive.Finish();
}

}  // namespace edge
