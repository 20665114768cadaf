#include "bench/edge_load_process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "bench/raw_echo.h"

namespace bench {
namespace {

// Runs in the child until exec: only async-signal-safe calls.
[[noreturn]] void Become(char* const* arguments, int cpu, int log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  PinToCpu(cpu);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(arguments[0], arguments);
  const char failed[] = "cannot execute it\n";
  if (write(STDERR_FILENO, failed, sizeof(failed) - 1) < 0) _exit(126);
  _exit(127);
}

// The directories of the threads of a process and of its children.
template <typename Visit>
void ForEachTask(pid_t pid, Visit&& visit) {
  const std::string tasks = fmt::format("/proc/{}/task", pid);
  DIR* const directory = opendir(tasks.c_str());
  if (directory == nullptr) return;
  while (const dirent* const entry = readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    const std::string task = fmt::format("{}/{}", tasks, entry->d_name);
    visit(task);
    std::ifstream children(task + "/children");
    for (pid_t child; children >> child;) ForEachTask(child, visit);
  }
  closedir(directory);
}

// Is a UDP socket bound to this IPv4 address and port?
bool IsUdpBound(Address local) {
  // The kernel prints the address as it lies in memory.
  const std::string wanted = fmt::format(" {:08X}:{:04X} ", htonl(local.ip), local.port);
  std::ifstream sockets("/proc/net/udp");
  for (std::string line; std::getline(sockets, line);) {
    if (line.find(wanted) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

LoadProcess::~LoadProcess() {
  Stop();
}

bool LoadProcess::Start(const std::vector<std::string>& command, int cpu,
                        const std::string& log_path, std::string* error) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int log = open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (log >= 0) pid_ = fork();
  if (pid_ == 0) Become(arguments.data(), cpu, log);
  if (pid_ < 0) *error = fmt::format("{}: {}", command[0], strerror(errno));
  if (log >= 0) close(log);
  return pid_ > 0;
}

bool LoadProcess::running() {
  if (pid_ <= 0) return false;
  if (waitpid(pid_, &status_, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

bool LoadProcess::AwaitUdp(Address local, std::string* error) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!IsUdpBound(local)) {
    if (!running() || std::chrono::steady_clock::now() > deadline) {
      *error = fmt::format("nobody listens on {}:{}; the log:", IpText(local.ip), local.port);
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

double LoadProcess::CpuSeconds() const {
  uint64_t sum_ns = 0;
  ForEachTask(pid_, [&sum_ns](const std::string& task) {
    uint64_t ns = 0;
    std::ifstream(task + "/schedstat") >> ns;
    sum_ns += ns;
  });
  return static_cast<double>(sum_ns) / 1e9;
}

double LoadProcess::UserSeconds() const {
  uint64_t sum_ticks = 0;
  ForEachTask(pid_, [&sum_ticks](const std::string& task) {
    std::ifstream stat(task + "/stat");
    std::string word;
    // Field 14, counted from 1, is utime (proc(5)); no name of ours has blanks.
    for (int field = 1; field < 14; ++field) stat >> word;
    uint64_t ticks = 0;
    stat >> ticks;
    sum_ticks += ticks;
  });
  return static_cast<double>(sum_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

uint64_t LoadProcess::MemorySize() const {
  uint64_t total = 0;
  uint64_t resident = 0;
  std::ifstream(fmt::format("/proc/{}/statm", pid_)) >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void LoadProcess::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, &status_, 0);
  pid_ = -1;
}

int LoadProcess::AwaitEnd(int seconds_max) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds_max);
  while (running()) {
    if (std::chrono::steady_clock::now() > deadline) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
}

int LoadProcess::Stop() {
  if (running()) {
    kill(pid_, SIGTERM);
    for (int i = 0; i < 6000 && running(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  Kill();
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
}

std::string IpText(uint32_t ip) {
  return fmt::format("{}.{}.{}.{}", ip >> 24, (ip >> 16) & 255, (ip >> 8) & 255, ip & 255);
}

}  // namespace bench
