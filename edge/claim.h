// One gmedge per reqid and network namespace: the SAs and policies of a reqid are all its own, and
// a second one would take those of the first for what an earlier run left behind.
#pragma once

#include <cstdint>
#include <string>

namespace edge {

// An abstract UNIX socket under a name made of the reqid. Such names belong to a network namespace,
// as SAs do, and end with the process however it ends. Nothing is ever sent to it.
class Claim {
 public:
  Claim() = default;
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  // False: another process has it, or there is no such socket to be had; *error says so.
  [[nodiscard]] bool Take(uint32_t reqid, std::string* error);
  // The claim of a process that hands over, which is one for both from then on: a descriptor, which
  // it takes. False: it is of no such claim.
  [[nodiscard]] bool Adopt(int fd, uint32_t reqid, std::string* error);
  int fd() const { return fd_; }  // -1: nothing was claimed.

 private:
  int fd_ = -1;
};

}  // namespace edge
