// The names behind HeaderId as the parser wants them: a perfect hash, and each name laid out for
// two wide comparisons. For header_id.cc and message.cc; others call LookUpHeader().
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "sip/bytes16.h"
#include "sip/header_names.h"

namespace sip {

// Names by a perfect hash: length, the first two and the last two characters tell them all apart,
// and the multiplier, found by trial, sends no two of them to one slot (the build fails if it
// does).
inline constexpr int kSlotBits = 8;
inline constexpr uint32_t kMultiplier = 0x4aebaa0d;

// The two characters at `at` as a number, as a little-endian load has them.
constexpr uint32_t Two(std::string_view text, size_t at) {
  return static_cast<uint32_t>(static_cast<uint8_t>(text[at])) |
         static_cast<uint32_t>(static_cast<uint8_t>(text[at + 1])) << 8;
}
inline uint32_t LoadTwo(const char* text) {
  uint16_t two;
  std::memcpy(&two, text, sizeof(two));
  if constexpr (std::endian::native == std::endian::big) two = __builtin_bswap16(two);
  return two;
}
constexpr uint32_t SlotOf(std::string_view name) {
  const uint32_t ends = Two(name, name.size() - 2) << 16 | Two(name, 0) | 0x20202020;
  return (ends + static_cast<uint32_t>(name.size() << 9)) * kMultiplier >> (32 - kSlotBits);
}

// A name in lower case with ':' behind it, and in the last byte its id.
inline constexpr size_t kSlotSize = 32;
struct Slot {
  alignas(kSlotSize) char text[kSlotSize] = {};
  constexpr HeaderId id() const { return static_cast<HeaderId>(text[kSlotSize - 1]); }
};
inline constexpr std::array<Slot, size_t{1} << kSlotBits> kSlots = [] {
  std::array<Slot, size_t{1} << kSlotBits> slots{};
  for (size_t id = 1; id < kHeaderNames.size(); ++id) {
    Slot& slot = slots[SlotOf(kHeaderNames[id])];
    size_t at = 0;
    for (const char c : kHeaderNames[id]) slot.text[at++] = static_cast<char>(c | 0x20);
    slot.text[at] = ':';
    slot.text[kSlotSize - 1] = static_cast<char>(id);
  }
  return slots;
}();

constexpr bool EveryNameHasItsSlot() {
  for (size_t id = 1; id < kHeaderNames.size(); ++id) {
    if (kHeaderNames[id].size() > kSlotSize - 2) return false;
    if (kSlots[SlotOf(kHeaderNames[id])].id() != static_cast<HeaderId>(id)) return false;
  }
  return true;
}
static_assert(EveryNameHasItsSlot());

// How long the name is that the line begins with: up to its first colon. Too long for any name, but
// less than kSlotSize, when the colon is far away. REQUIRES: 32 readable bytes.
inline uint32_t NameSize(const char* line) {
  const Bytes16 colon = Splat16(':');
  const uint32_t colons =
      EqualBits(Load16(line + 16), colon) << 16 | EqualBits(Load16(line), colon);
  return static_cast<uint32_t>(std::countr_zero(colons | uint32_t{1} << (kSlotSize - 1)));
}

// Where in kSlots a name of that size is looked for. REQUIRES: readable from name[-1] on.
inline uint8_t SlotAt(const char* name, uint32_t size) {
  const uint32_t ends = LoadTwo(name + size - 2) << 16 | LoadTwo(name) | 0x20202020;
  return static_cast<uint8_t>((ends + (size << 9)) * kMultiplier >> (32 - kSlotBits));
}

// Which header's name the line begins with, when it is the one in that slot or a compact form.
// Setting 0x20 folds the case of letters and makes one more character look like part of a name: a
// CR becomes '-', so whoever finds a CR without LF in the line must not believe the name. A name
// that is found has no colon, blank or line feed in it: the first colon is the one that ends it, in
// the same line. REQUIRES: size is NameSize(line).
inline HeaderId FindHeader(const char* line, uint32_t size, uint8_t slot) {
  if (size == 1) return kOneLetter[static_cast<uint8_t>(line[0])];
  const Slot& wanted = kSlots[slot];
  const Bytes16 fold = Splat16(0x20);
  const uint32_t same = EqualBits(Load16(line) | fold, Load16(wanted.text)) |
                        EqualBits(Load16(line + 16) | fold, Load16(wanted.text + 16)) << 16;
  const uint32_t up_to_colon = (uint32_t{2} << size) - 1;
  return (~same & up_to_colon) == 0 ? wanted.id() : HeaderId::kOther;
}

}  // namespace sip
