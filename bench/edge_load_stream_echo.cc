#include "bench/edge_load_stream_echo.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <type_traits>
#include <vector>

#include "bench/edge_load_streams.h"
#include "bench/raw_tcp_echo.h"

namespace bench {
namespace {

constexpr uint32_t kLoopback = 0x7f000001;

struct Question {
  size_t size;
  LoadPace pace;
  size_t connections;
};

// Both ends are of one program: values go as they lie in memory.
template <typename T>
bool Write(int socket, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return send(socket, &value, sizeof(value), MSG_NOSIGNAL) == sizeof(value);
}
template <typename T>
bool Read(int socket, T* value) {
  return recv(socket, value, sizeof(*value), MSG_WAITALL) == sizeof(*value);
}

// Tells the port (0: it could not start), then its CPU time whenever it is asked.
void ServeEcho(int cpu, int socket) {
  RawTcpEcho echo;
  uint16_t port = 0;
  std::string error;
  if (!echo.Start(cpu, &port, &error)) port = 0;
  Write(socket, port);
  for (char question; Read(socket, &question);) Write(socket, echo.CpuSeconds());
}

// Each message on the next connection.
class StreamWay final : public EchoWay {
 public:
  StreamWay(Address to, uint32_t first_ip) : to_(to), first_ip_(first_ip) {}

  bool Open() {
    std::string error;
    return streams_.Open(&error);
  }
  bool ConnectTo(size_t count) {
    while (connections_.size() < count) {
      const uint32_t index = static_cast<uint32_t>(connections_.size());
      const int connection = streams_.Connect({first_ip_ + index, 0}, to_, index);
      if (connection < 0) return false;
      connections_.push_back(connection);
    }
    return true;
  }
  void CloseAll() {
    for (const int connection : connections_) streams_.Close(connection);
    connections_.clear();
  }
  void set_message_size(size_t size) { message_size_ = size; }

  void Send(std::string_view payload) override {
    streams_.Send(connections_[next_++ % connections_.size()], payload);
  }
  void Flush() override {}
  int Receive() override {
    return streams_.Receive([](uint32_t, std::string_view) {});
  }
  int fd() const override { return streams_.fd(); }

 private:
  const Address to_;
  const uint32_t first_ip_;
  size_t message_size_ = 0;
  size_t next_ = 0;
  std::vector<int> connections_;
  LoadStreams streams_{
      [this](std::string_view bytes) { return bytes.size() < message_size_ ? 0 : message_size_; }};
};

void ServeLoad(int cpu, Address to, uint32_t first_ip, int socket) {
  PinToCpu(cpu);
  StreamWay way(to, first_ip);
  if (!way.Open()) return;
  for (Question question; Read(socket, &question);) {
    way.set_message_size(question.size);
    EchoResult result;
    if (way.ConnectTo(question.connections)) {
      result = DriveEcho(&way, question.size, question.pace);
    }
    // What comes late would be taken for messages of the next size.
    if (result.lost > 0) way.CloseAll();
    Write(socket, result);
  }
}

}  // namespace

StreamEcho::~StreamEcho() {
  End(&load_);
  End(&server_);
}

template <typename Serve>
bool StreamEcho::Fork(Serve&& serve, Child* child, std::string* error) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0) child->pid = fork();
  if (child->pid < 0) {
    *error = std::string("raw TCP echo: ") + strerror(errno);
    return false;
  }
  if (child->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(sockets[0]);
    serve(sockets[1]);
    _exit(0);
  }
  close(sockets[1]);
  child->socket = sockets[0];
  return true;
}

// The end of the socket is the child's.
void StreamEcho::End(Child* child) {
  if (child->pid <= 0) return;
  close(child->socket);
  waitpid(child->pid, nullptr, 0);
  child->pid = -1;
}

bool StreamEcho::Open(int cpu, std::string* error) {
  if (!Fork([cpu](int socket) { ServeEcho(cpu, socket); }, &server_, error)) return false;
  Address to = {kLoopback, 0};
  if (!Read(server_.socket, &to.port) || to.port == 0) {
    *error = "raw TCP echo: it does not start";
    return false;
  }
  return Fork([this, to](int socket) { ServeLoad(load_cpu_, to, first_ip_, socket); }, &load_,
              error);
}

EchoResult StreamEcho::Run(size_t size, const LoadPace& pace, size_t connections) {
  // Those that are missing are not part of the time.
  EchoResult result;
  Write(load_.socket, Question{size, {1, 1, 0}, connections});
  Read(load_.socket, &result);
  const double before = CpuSeconds();
  Write(load_.socket, Question{size, pace, connections});
  if (!Read(load_.socket, &result)) return {};
  result.cpu_seconds = CpuSeconds() - before;
  return result;
}

double StreamEcho::CpuSeconds() {
  double seconds = 0;
  if (!Write(server_.socket, 'c') || !Read(server_.socket, &seconds)) return 0;
  return seconds;
}

}  // namespace bench
