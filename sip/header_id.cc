#include "sip/header_id.h"

#include <cstring>

#include "sip/header_table.h"

namespace sip {

HeaderId LookUpHeader(std::string_view name) {
  // A CR would pass for a '-': see FindHeader().
  if (name.find('\r') != std::string_view::npos) return HeaderId::kOther;
  if (name.empty() || name.size() > kSlotSize - 2) return HeaderId::kOther;
  char line[1 + kSlotSize] = {};
  char* const text = line + 1;
  std::memcpy(text, name.data(), name.size());
  text[name.size()] = ':';
  const Bytes16 low = Load16(text);
  const Bytes16 high = Load16(text + 16);
  const uint32_t colons = EqualBits(high, Splat16(':')) << 16 | EqualBits(low, Splat16(':'));
  const bool whole = static_cast<size_t>(std::countr_zero(colons)) == name.size();
  return whole ? FindHeader(text, colons, low, high) : HeaderId::kOther;
}

std::string_view Name(HeaderId id) {
  return kHeaderNames[static_cast<size_t>(id)];
}

}  // namespace sip
