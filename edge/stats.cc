#include "edge/stats.h"

namespace edge {

std::span<const CounterInfo> Counters() {
  static constexpr CounterInfo kCounters[] = {
#define GMEDGE_COUNTER_INFO(name, text) {#name, text, &Stats::name},
      GMEDGE_COUNTERS(GMEDGE_COUNTER_INFO)
#undef GMEDGE_COUNTER_INFO
  };
  return kCounters;
}

}  // namespace edge
