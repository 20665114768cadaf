// Who is told when the kernel is done.
#pragma once

#include <cstdint>

namespace reactor {

// Lives in an object that outlives the kernel's last answer; its address is the SQE's user_data.
struct Completion {
  // `result` and `flags` as in io_uring_cqe.
  void (*handler)(void* owner, Completion* completion, int32_t result, uint32_t flags) = nullptr;
  void* owner = nullptr;
};

}  // namespace reactor
