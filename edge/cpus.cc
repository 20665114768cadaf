#include "edge/cpus.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <cstring>

namespace edge {

std::vector<uint32_t> AllowedCpus() {
  std::vector<uint32_t> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  // It fails on machines with more than 1024 CPUs only: there nothing is known.
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

bool PinThisThread(uint32_t cpu, std::string* error) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int refused = EINVAL;
  if (cpu < CPU_SETSIZE) {
    CPU_SET(cpu, &set);
    refused = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  }
  if (refused == 0) return true;
  *error = fmt::format("cannot run on CPU {}: {}; the CPUs we may use are {}", cpu,
                       std::strerror(refused), fmt::join(AllowedCpus(), ", "));
  return false;
}

}  // namespace edge
