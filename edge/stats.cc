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

void Add(const Stats& stats, Stats* sum) {
  for (const CounterInfo& counter : Counters()) sum->*counter.field += stats.*counter.field;
}

}  // namespace edge
