#include "xfrm/counters.h"

#include <charconv>

namespace xfrm {
namespace {

constexpr KernelCounterInfo kInfos[] = {
#define GMEDGE_XFRM_INFO(field, name) {name, &KernelCounters::field},
    GMEDGE_XFRM_COUNTERS(GMEDGE_XFRM_INFO)
#undef GMEDGE_XFRM_INFO
};

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}

// | name | blanks | number |
bool ParseLine(std::string_view line, std::string_view* name, uint64_t* value) {
  size_t name_size = 0;
  while (name_size < line.size() && !IsBlank(line[name_size])) ++name_size;
  size_t number_at = name_size;
  while (number_at < line.size() && IsBlank(line[number_at])) ++number_at;
  *name = line.substr(0, name_size);
  const char* const end = line.data() + line.size();
  const std::from_chars_result result = std::from_chars(line.data() + number_at, end, *value);
  return name_size > 0 && number_at > name_size && result.ec == std::errc{} && result.ptr == end;
}

}  // namespace

std::span<const KernelCounterInfo> KernelCounterInfos() {
  return kInfos;
}

bool ParseKernelCounters(std::string_view text, KernelCounters* counters) {
  KernelCounters read;
  size_t next = 0;  // The lines come in our order, so the first guess is right.
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    std::string_view name;
    uint64_t value = 0;
    if (!ParseLine(line, &name, &value)) return false;
    size_t tried = 0;
    while (tried < std::size(kInfos) && kInfos[next].name != name) {
      next = (next + 1) % std::size(kInfos);
      ++tried;
    }
    if (tried == std::size(kInfos)) {
      ++read.unknown;
      continue;
    }
    read.*kInfos[next].field = value;
    next = (next + 1) % std::size(kInfos);
  }
  *counters = read;
  return true;
}

}  // namespace xfrm
