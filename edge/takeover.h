// The side that takes over: asks the running gmedge for all it has, and tells it when it may leave.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edge/exchange.h"
#include "edge/settings.h"
#include "edge/state_archive.h"
#include "edge/takeover_link.h"
#include "xfrm/spi_pool.h"

namespace edge {

// What no worker has for itself, to another process or from one.
struct CommonState {
  uint64_t since_ms = 0;  // Of the monotonic clock: since when nobody serves.
};
void CarryCommon(StateArchive* archive, uint64_t now_ms, CommonState* common, KeyedHash* phones,
                 xfrm::SpiPool* spis);

// A file that can be written until it is sealed. -1: the system refuses.
int MakeStateFile();
// Nobody changes it any more, whoever has it.
bool SealStateFile(int fd);
// Such a file to be read; empty: it is none.
class StateFile {
 public:
  explicit StateFile(int fd);
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;
  std::span<const std::byte> bytes() const { return {bytes_, size_}; }

 private:
  const std::byte* bytes_ = nullptr;
  size_t size_ = 0;
};

class Takeover {
 public:
  // A descriptor that is closed unless somebody takes it.
  class File {
   public:
    explicit File(int fd = -1) : fd_(fd) {}
    File(File&& other) noexcept : fd_(other.Take()) {}
    File& operator=(File&& other) noexcept {
      std::swap(fd_, other.fd_);
      return *this;
    }
    ~File();
    int fd() const { return fd_; }
    int Take() { return std::exchange(fd_, -1); }

   private:
    int fd_;
  };
  struct OfWorker {
    File state;
    std::vector<File> files;  // UDP sockets, listeners, connections.
  };

  // Asks at the path, and waits until all is here. Null: *error, and the other one goes on.
  static std::unique_ptr<Takeover> Ask(const std::string& path, const Settings& settings,
                                       std::string_view xfrm, std::string* error);

  File state;
  File listener;             // Of the takeover's own socket.
  std::vector<File> kernel;  // Kernel::files().
  std::vector<OfWorker> workers;

  // All is in place. True: the other one does not read any more, and never will; from here on the
  // calls are ours. False: *error, and it goes on, or has ended by itself.
  [[nodiscard]] bool Commit(std::string* error);

  // How long the running one may take before it hands over, and the new one until it is ready.
  static constexpr int64_t kAnswerMs = 2'000;
  static constexpr int64_t kRestMs = 3'000;
  static constexpr int64_t kReadyMs = 15'000;
  static constexpr int64_t kGoMs = 5'000;

 private:
  explicit Takeover(TakeoverLink link) : link_(std::move(link)) {}
  bool Receive(size_t worker_count, std::string* error);

  TakeoverLink link_;
};

}  // namespace edge
