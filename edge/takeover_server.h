// Where the next gmedge asks to take over: a UNIX socket that its owner alone may open, and whoever
// opens it must be the same user, or root.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "edge/takeover_link.h"
#include "reactor/reactor.h"
#include "reactor/readable.h"

namespace edge {

class TakeoverServer final : reactor::ReadableSink {
 public:
  // Listens at the path, whose directory is there. One that nobody listens at any more is replaced.
  // Null: *error.
  static std::unique_ptr<TakeoverServer> Open(reactor::Reactor* reactor, const std::string& path,
                                              std::string* error);
  // Goes on with the socket of a process that hands over; it is taken. The path is not ours yet.
  static std::unique_ptr<TakeoverServer> Adopt(reactor::Reactor* reactor, int fd,
                                               const std::string& path);
  // The path goes with it, if it is ours. REQUIRES: the reactor is
  // gone.
  ~TakeoverServer() override;

  // Somebody who wants to take over, once; nothing: nobody, or one who may not, of whom *refused
  // tells.
  std::optional<TakeoverLink> Take(std::string* refused);
  int fd() const { return fd_; }
  // The path is another process's now; nobody is heard any more.
  void LetGo() {
    is_ours_ = false;
    readable_.Close();
  }
  // It is ours now, after Adopt().
  void Own() { is_ours_ = true; }

 private:
  TakeoverServer(reactor::Reactor* reactor, int fd, const std::string& path);
  void OnReadable() override { has_guest_ = true; }

  const int fd_;
  const std::string path_;
  bool has_guest_ = false;
  bool is_ours_ = false;
  reactor::Readable readable_;
};

}  // namespace edge
