#include "edge/takeover_link.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "edge/clock.h"

namespace edge {

std::string_view Name(TakeoverStep step) {
  switch (step) {
    case TakeoverStep::kHello:
      return "Hello";
    case TakeoverStep::kRefused:
      return "Refused";
    case TakeoverStep::kState:
      return "State";
    case TakeoverStep::kFiles:
      return "Files";
    case TakeoverStep::kFilesTaken:
      return "FilesTaken";
    case TakeoverStep::kReady:
      return "Ready";
    case TakeoverStep::kGo:
      return "Go";
    case TakeoverStep::kTaken:
      return "Taken";
  }
  return "?";
}

TakeoverLink::TakeoverLink(TakeoverLink&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

TakeoverLink::~TakeoverLink() {
  if (fd_ >= 0) close(fd_);
}

int TakeoverLink::Connect(const std::string& path, std::string* error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd >= 0 && path.size() < sizeof(address.sun_path)) {
    std::memcpy(address.sun_path, path.data(), path.size());
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  }
  *error = fmt::format("no gmedge to take over from at {}: {}", path, strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

bool TakeoverLink::Send(TakeoverStep step, std::string_view text, std::span<const int> files) {
  if (text.size() > kTakeoverTextMax || files.size() > kTakeoverFilesMax) return false;
  std::array<iovec, 2> pieces = {iovec{&step, sizeof(step)},
                                 iovec{const_cast<char*>(text.data()), text.size()}};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kTakeoverFilesMax)> control{};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  if (!files.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(files.size_bytes());
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(files.size_bytes());
    std::memcpy(CMSG_DATA(head), files.data(), files.size_bytes());
  }
  return sendmsg(fd_, &message, MSG_NOSIGNAL) >= 0;
}

TakeoverLink::Result TakeoverLink::Receive(Packet* packet, int64_t timeout_ms) {
  *packet = {};
  pollfd readable{fd_, POLLIN, 0};
  if (poll(&readable, 1, static_cast<int>(timeout_ms)) <= 0) return Result::kLate;
  std::string text(kTakeoverTextMax + 1, '\0');
  uint8_t step = 0;
  std::array<iovec, 2> pieces = {iovec{&step, sizeof(step)}, iovec{text.data(), text.size()}};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kTakeoverFilesMax)> control{};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd_, &message, MSG_CMSG_CLOEXEC);
  if (size == 0 || (size < 0 && errno == ECONNRESET)) return Result::kEnded;
  if (size < 0) return Result::kBroken;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    packet->files.resize((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(packet->files.data(), CMSG_DATA(part), packet->files.size() * sizeof(int));
  }
  text.resize(static_cast<size_t>(size) - 1);
  packet->text = std::move(text);
  packet->step = static_cast<TakeoverStep>(step);
  const bool is_cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  if (!is_cut && step <= static_cast<uint8_t>(TakeoverStep::kTaken)) return Result::kOk;
  for (const int fd : std::exchange(packet->files, {})) close(fd);
  return Result::kBroken;
}

bool TakeoverLink::Await(TakeoverStep step, std::string_view who, int64_t timeout_ms,
                         Packet* packet, std::string* error) {
  switch (Receive(packet, timeout_ms)) {
    case Result::kOk:
      if (packet->step == step) return true;
      if (packet->step == TakeoverStep::kRefused) {
        *error = packet->text;
        return false;
      }
      for (const int fd : std::exchange(packet->files, {})) close(fd);
      *error = fmt::format("{} said {} instead of {}", who, Name(packet->step), Name(step));
      return false;
    case Result::kEnded:
      *error = fmt::format("{} has ended before {}", who, Name(step));
      return false;
    case Result::kLate:
      *error = fmt::format("{} did not say {} within {} s", who, Name(step), timeout_ms / 1000);
      return false;
    case Result::kBroken:
      *error = fmt::format(
          "{} cannot be understood, or its descriptors are too many (RLIMIT_NOFILE)", who);
      return false;
  }
  return false;
}

void TakeoverLink::StopHearing() {
  shutdown(fd_, SHUT_RD);
}

bool TakeoverLink::AwaitEnd(int64_t timeout_ms) {
  const uint64_t deadline_ms = NowMs() + static_cast<uint64_t>(timeout_ms);
  shutdown(fd_, SHUT_WR);
  for (uint64_t now_ms = NowMs(); now_ms < deadline_ms; now_ms = NowMs()) {
    Packet packet;
    const Result result = Receive(&packet, static_cast<int64_t>(deadline_ms - now_ms));
    for (const int fd : packet.files) close(fd);
    if (result == Result::kEnded) return true;
  }
  return false;
}

}  // namespace edge
