// The part of a worker that rests: so that another process can take over what the worker holds, or
// to begin with what another held (design D22).
//
// Thread safety: the worker's thread, but for Inherit().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "edge/takeover.h"

namespace edge {

class Worker;

class WorkerRest {
 public:
  explicit WorkerRest(Worker* worker) : worker_(*worker) {}

  // Before Worker::Open(), in which `inherited` is taken. `since_ms`: since when nobody serves.
  void Inherit(Takeover::OfWorker* inherited, uint64_t since_ms);
  bool is_heir() const { return inherited_ != nullptr; }
  // In the place of opening ports. False: *error.
  bool Restore(std::string* error);
  // The sockets that come with it: one for each port, then a listener for each; empty: none do.
  std::vector<int>& files() { return files_; }

  // Takes part in what edge/rest.h asks for. False: another process has taken over.
  bool Stay();
  bool has_left() const { return has_left_; }
  // Ports that rest go on.
  void Serve();

 private:
  void AdoptSas();
  void RestPorts();
  const char* Unrest() const;
  void Write();
  void LetGo();

  Worker& worker_;
  Takeover::OfWorker* inherited_ = nullptr;  // During Open().
  std::vector<int> files_;
  uint64_t since_ms_ = 0;  // Nobody has served, or 0.
  uint64_t asked_ms_ = 0;  // When it was asked to rest.
  bool has_left_ = false;
};

}  // namespace edge
