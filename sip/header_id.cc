#include "sip/header_id.h"

#include <cstring>

#include "sip/header_names.h"
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
  const uint32_t size = NameSize(text);
  if (size != name.size()) return HeaderId::kOther;  // It has a colon in it.
  return FindHeader(text, size, SlotAt(text, size));
}

std::string_view Name(HeaderId id) {
  return kHeaderNames[static_cast<size_t>(id)];
}

}  // namespace sip
