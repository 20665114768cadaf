// What a running gmedge and the one that takes over say to each other: packets over a UNIX socket,
// with descriptors in some of them.
//
//   new: kHello ──►                  ◄── kRefused, with words; or
//                                    ◄── kState: how many descriptors come; kFiles, again and again
//        kFilesTaken, for each ──►
//        kReady ──►                  ◄── kGo
//        kTaken ──►
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edge {

enum class TakeoverStep : uint8_t {
  kHello,
  kRefused,
  kState,
  kFiles,
  kFilesTaken,
  kReady,
  kGo,
  kTaken,
};
std::string_view Name(TakeoverStep step);

// Descriptors in a packet: the kernel takes 253 at once.
inline constexpr size_t kTakeoverFilesMax = 250;
inline constexpr size_t kTakeoverTextMax = 16384;
// A UNIX socket's path, without the NUL that ends it: an error in the settings above.
inline constexpr size_t kTakeoverPathMax = 107;

class TakeoverLink {
 public:
  // Takes the descriptor of a connected SOCK_SEQPACKET socket.
  explicit TakeoverLink(int fd) : fd_(fd) {}
  TakeoverLink(TakeoverLink&& other) noexcept;
  TakeoverLink& operator=(TakeoverLink&&) = delete;
  ~TakeoverLink();

  // To the one that listens at that path. -1 and *error.
  static int Connect(const std::string& path, std::string* error);

  // False: the other one is gone, or does not listen. Descriptors stay ours.
  bool Send(TakeoverStep step, std::string_view text = {}, std::span<const int> files = {});

  struct Packet {
    TakeoverStep step = TakeoverStep::kRefused;
    std::string text;
    std::vector<int> files;  // Whoever receives them closes them.
  };
  enum class Result : uint8_t { kOk, kEnded, kLate, kBroken };
  // A packet that is not what it should be is kBroken, and its descriptors are closed.
  Result Receive(Packet* packet, int64_t timeout_ms);
  // One of that step; false: *error, for which the other one is `who`.
  bool Await(TakeoverStep step, std::string_view who, int64_t timeout_ms, Packet* packet,
             std::string* error);
  // No packet comes any more but those that have come already: what is sent from now on fails.
  void StopHearing();
  // Until the other one has closed its end, by ending if need be.
  bool AwaitEnd(int64_t timeout_ms);

 private:
  int fd_;
};

}  // namespace edge
