// The CPUs of this machine that we may run on, and a thread's place on one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edge {

// In rising order; at least one.
std::vector<uint32_t> AllowedCpus();
// Keeps the calling thread on that CPU. False: there is no such CPU for us; *error says so.
bool PinThisThread(uint32_t cpu, std::string* error);

}  // namespace edge
