// The raw TCP echo, driven over as many connections as gmedge has. Server and load are processes of
// their own: each connection takes a descriptor at both ends, and a process may have only so many.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "bench/edge_load_echo.h"

namespace bench {

class StreamEcho final : public LoadEcho {
 public:
  // The load runs on that CPU; its connections come from addresses of their own, from `first_ip`.
  StreamEcho(int load_cpu, uint32_t first_ip) : load_cpu_(load_cpu), first_ip_(first_ip) {}
  ~StreamEcho() override;

  // REQUIRES: no other thread in this process, and no descriptors that matter: both are inherited.
  bool Open(int cpu, std::string* error) override;
  EchoResult Run(size_t size, const LoadPace& pace, size_t connections) override;

 private:
  // A process that answers one question at a time.
  struct Child {
    pid_t pid = -1;
    int socket = -1;
  };
  template <typename Serve>
  static bool Fork(Serve&& serve, Child* child, std::string* error);
  static void End(Child* child);
  double CpuSeconds();

  const int load_cpu_;
  const uint32_t first_ip_;
  Child server_;
  Child load_;
};

}  // namespace bench
