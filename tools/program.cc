#include "tools/program.h"

#include <absl/flags/parse.h>
#include <absl/flags/usage.h>
#include <absl/flags/usage_config.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <vector>

namespace tools {
namespace {

constexpr int kBadFlags = 2;

volatile std::sig_atomic_t stop_signals = 0;

void OnStopSignal(int) {
  stop_signals = stop_signals + 1;
}

// What an exit from within absl's flag parsing means; negative when it is not absl's.
int status_of_exit = -1;

// absl ends with status 1 for bad flags and for --help alike.
void CorrectExitStatus() {
  if (status_of_exit < 0) return;
  std::fflush(nullptr);
  _exit(status_of_exit);
}

bool AsksForHelp(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string_view flag = argv[i];
    flag.remove_prefix(std::min(flag.find_first_not_of('-'), flag.size()));
    if (flag.starts_with("help") || flag == "version") return true;
  }
  return false;
}

// absl knows --port_c and --noretransmit; people write --port-c and --no-retransmit too.
std::string AbslSpelling(std::string flag) {
  if (!flag.starts_with("--")) return flag;
  if (flag.starts_with("--no-")) flag.erase(4, 1);
  const size_t end = std::min(flag.find('='), flag.size());
  std::replace(flag.begin() + 2, flag.begin() + static_cast<std::ptrdiff_t>(end), '-', '_');
  return flag;
}

}  // namespace

void ParseFlags(int argc, char** argv, const std::string& usage) {
  const std::vector<std::string> arguments = ParseFlagsAndArguments(argc, argv, usage);
  if (!arguments.empty()) BadFlag(fmt::format("\"{}\" is not a flag", arguments[0]));
}

std::vector<std::string> ParseFlagsAndArguments(int argc, char** argv, const std::string& usage) {
  absl::SetProgramUsageMessage(usage);
  absl::FlagsUsageConfig config;
  config.version_string = [] { return std::string("gmedge " GMEDGE_VERSION "\n"); };
  absl::SetFlagsUsageConfig(config);

  status_of_exit = AsksForHelp(argc, argv) ? 0 : kBadFlags;
  std::atexit(CorrectExitStatus);
  std::vector<std::string> texts(argv, argv + argc);
  for (size_t i = 1; i < texts.size(); ++i) texts[i] = AbslSpelling(texts[i]);
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  const std::vector<char*> arguments = absl::ParseCommandLine(argc, pointers.data());
  status_of_exit = -1;
  return {arguments.begin() + 1, arguments.end()};
}

void BadFlag(const std::string& message) {
  std::fputs((message + "\n").c_str(), stderr);
  std::exit(kBadFlags);
}

uint64_t NowUs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

void CountStopSignals() {
  struct sigaction action = {};
  action.sa_handler = OnStopSignal;  // Without SA_RESTART: waiting ends.
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int StopSignals() {
  return stop_signals;
}

}  // namespace tools
