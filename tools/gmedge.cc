// The daemon.

#include <getopt.h>
#include <sodium.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "edge/kernel_check.h"
#include "edge/settings.h"
#include "edge/sqlite_store.h"
#include "edge/workers.h"
#include "reactor/ring_check.h"
#include "tools/opensips_convert.h"

namespace {

constexpr char kHelp[] =
    R"(gmedge: the Gm edge of an IMS network (P-CSCF): registers phones with IMS AKA, keeps their
IPsec security associations in the Linux kernel and relays SIP between them and the core.

usage: gmedge --config FILE [--xfrm=kernel|sim] [--takeover]
       gmedge --config FILE --check-config
       gmedge --config FILE --rekey-journal
       gmedge --convert OPENSIPS.CFG

  --config FILE     settings, TOML (docs/gmedge.toml has every one with its default)
  --check-config    read the settings, report every mistake with its line; ask the kernel for
                    io_uring and for each algorithm (not with --xfrm=sim); start nothing
  --rekey-journal   seal the journal's keys under a new key, which takes the old one's place in
                    journal.key_file; gmedge must not be running
  --takeover        take over from the gmedge that runs: its sockets, connections and registrations,
                    over process.takeover_socket; it ends then. If that fails, it goes on
  --convert FILE    print the settings that do what an OpenSIPS configuration has proto_ipsec do,
                    with remarks on what could not be carried over
  --xfrm=kernel     IPsec by the Linux kernel (default; needs CAP_NET_ADMIN, ESP and its algorithms)
  --xfrm=sim        no IPsec at all, security associations are pretended: for tests and benches
  --version         print the version
  --help            print this

SIGTERM or SIGINT ends it: phones that come are refused, what is under way is finished, the security
associations are removed. A second one does not wait for what is under way. SIGHUP reads the
settings again: rules, algorithms, limits and what else can change in a running gmedge are taken
over, and what needs a restart is named in the log.
exit status: 0 ended as asked, or another has taken over, 1 could not start (here), 2 wrong settings
or usage;
of --convert: 0 all carried over, 1 there are remarks, 2 nothing to convert
)";

struct Arguments {
  std::string config;
  std::string convert;
  bool check_config = false;
  bool rekey = false;
  bool simulate = false;
  bool take_over = false;
};

enum : int {
  kConfig = 256,
  kCheckConfig,
  kConvert,
  kXfrm,
  kRekey,
  kTakeover,
  kVersion,
  kHelpOption
};

// An exit status, or -1 to go on.
int ReadArguments(int argc, char** argv, Arguments* arguments) {
  static const option kOptions[] = {{"config", required_argument, nullptr, kConfig},
                                    {"check-config", no_argument, nullptr, kCheckConfig},
                                    {"convert", required_argument, nullptr, kConvert},
                                    {"xfrm", required_argument, nullptr, kXfrm},
                                    {"rekey-journal", no_argument, nullptr, kRekey},
                                    {"takeover", no_argument, nullptr, kTakeover},
                                    {"version", no_argument, nullptr, kVersion},
                                    {"help", no_argument, nullptr, kHelpOption},
                                    {nullptr, 0, nullptr, 0}};
  for (int choice; (choice = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (choice) {
      case kConfig:
        arguments->config = optarg;
        break;
      case kCheckConfig:
        arguments->check_config = true;
        break;
      case kConvert:
        arguments->convert = optarg;
        break;
      case kXfrm:
        arguments->simulate = std::strcmp(optarg, "sim") == 0;
        if (arguments->simulate || std::strcmp(optarg, "kernel") == 0) break;
        std::fprintf(stderr, "gmedge: --xfrm=%s: kernel or sim\n", optarg);
        return 2;
      case kRekey:
        arguments->rekey = true;
        break;
      case kTakeover:
        arguments->take_over = true;
        break;
      case kVersion:
        std::printf("gmedge %s\n", GMEDGE_VERSION);
        return 0;
      case kHelpOption:
        std::fputs(kHelp, stdout);
        return 0;
      default:
        std::fputs("try gmedge --help\n", stderr);
        return 2;
    }
  }
  if (optind < argc || (arguments->config.empty() && arguments->convert.empty())) {
    std::fputs(optind < argc ? "gmedge: it takes options only; try gmedge --help\n"
                             : "gmedge: --config FILE is needed; try gmedge --help\n",
               stderr);
    return 2;
  }
  return -1;
}

void SetUpLog(const std::string& level) {
  auto logger = spdlog::stderr_color_mt("gmedge");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  spdlog::set_default_logger(logger);
  spdlog::set_level(spdlog::level::from_str(level));
  spdlog::flush_on(spdlog::level::info);
}

// Keys must not reach a core file or another process (design D9).
void GuardMemory() {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  prctl(PR_SET_DUMPABLE, 0);
}

// A TCP connection takes a descriptor; what we may have is often more than what we are given.
void RaiseFileLimit(const edge::Settings& settings) {
  constexpr rlim_t kOthers = 256;   // Ports, rings, logs...
  constexpr rlim_t kOfWorker = 16;  // ...and of each worker its unprotected ports, ring, netlink.
  const rlim_t wanted =
      settings.limits.connections_max + kOthers + kOfWorker * settings.process.workers;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur == wanted) return;
  spdlog::warn("limits.connections_max = {}: only {} descriptors are allowed (RLIMIT_NOFILE)",
               settings.limits.connections_max, limit.rlim_cur);
}

void LogCounters(const edge::Stats& stats) {
  std::string line = "counters:";
  for (const edge::CounterInfo& counter : edge::Counters()) {
    const uint64_t value = stats.*counter.field;
    if (value > 0) line += " " + std::string(counter.name) + "=" + std::to_string(value);
  }
  spdlog::info("{}", line);
}

void ShowLacks(const edge::KernelVerdict& kernel) {
  for (const std::string& lack : kernel.lacks) {
    std::fprintf(stderr, "gmedge: %s\n", lack.c_str());
  }
}

void ShowRingLack(const std::string& lack) {
  if (!lack.empty()) std::fprintf(stderr, "gmedge: io_uring: %s\n", lack.c_str());
}

// What was checked, and what became of it.
int ShowCheck(const std::string& file, bool simulate, const edge::SettingsResult& result,
              const std::string& ring_lack) {
  const edge::KernelVerdict& kernel = result.kernel;
  std::printf("%s: checked: settings\n", file.c_str());
  std::puts("kernel: checked: io_uring");
  ShowRingLack(ring_lack);
  if (simulate) {
    std::puts("kernel: not checked: --xfrm=sim needs nothing of it");
  } else if (kernel.is_unknown) {
    std::printf("kernel: not checked: %s\n", kernel.lacks[0].c_str());
  } else {
    std::printf("kernel: checked: %s\n", kernel.works.empty() ? "nothing" : kernel.works.c_str());
    ShowLacks(kernel);
  }
  if (!result.ok()) return 2;
  if (!ring_lack.empty() || (!kernel.lacks.empty() && !kernel.is_unknown)) return 1;
  std::printf("%s: ok\n", file.c_str());
  return 0;
}

// SIGHUP. What is wrong with the file is told as at start, and everything stays as it was.
std::optional<edge::Settings> ReadAgain(const std::string& path, const edge::KernelProbe& probe) {
  edge::SettingsResult result = edge::LoadSettings(path, probe);
  for (const edge::SettingsNote& note : result.notes) {
    spdlog::log(note.is_error ? spdlog::level::err : spdlog::level::warn, "reload: {}",
                note.Text(path));
  }
  for (const std::string& lack : result.kernel.lacks) spdlog::error("reload: {}", lack);
  if (result.ok() && result.kernel.lacks.empty()) return std::move(result.settings);
  spdlog::error("reload: nothing is taken over from {}", path);
  return std::nullopt;
}

int Rekey(const edge::Settings::Journal& journal) {
  if (!journal.is_on()) {
    std::fputs("gmedge: --rekey-journal: journal.file is not set\n", stderr);
    return 2;
  }
  std::string error;
  const int64_t sets = edge::RekeySqliteStore({journal.file, journal.key_file}, &error);
  if (sets < 0) {
    std::fprintf(stderr, "gmedge: %s\n", error.c_str());
    return 1;
  }
  std::printf("journal %s: the keys of %lld SA sets are sealed under a new key, in %s\n",
              journal.file.c_str(), static_cast<long long>(sets), journal.key_file.c_str());
  return 0;
}

int Serve(const Arguments& arguments, const edge::KernelProbe& probe,
          const edge::Settings& settings) {
  const bool simulate = arguments.simulate;
  RaiseFileLimit(settings);
  edge::SystemRandom random;
  // The other one goes on when this goes, so it goes last.
  std::unique_ptr<edge::Takeover> takeover;
  edge::Workers workers(settings, simulate ? &edge::MakeSimulatedKernel : &edge::MakeRealKernel,
                        &random);
  std::string error;
  if (arguments.take_over) {
    takeover = edge::Takeover::Ask(settings.process.takeover_socket, settings,
                                   simulate ? "sim" : "kernel", &error);
    if (takeover == nullptr) spdlog::error("takeover: {}", error);
    if (takeover == nullptr) return 1;
  }
  if (!workers.Open(&error, takeover.get())) {
    spdlog::error("{}{}", arguments.take_over ? "takeover: " : "", error);
    return 1;
  }
  takeover.reset();
  if (simulate) {
    spdlog::warn(
        "SIMULATED IPSEC: nothing is encrypted, protected ports take plain text. "
        "Never use --xfrm=sim towards real phones.");
  }
  spdlog::info("gmedge {} ready: {} unprotected and {} protected ports, workers: {}, IPsec by {}",
               GMEDGE_VERSION, settings.gm.listen.size(), settings.ipsec.sockets.size(),
               settings.process.workers, simulate ? "the simulator" : "the kernel");
  workers.Run([&] { return ReadAgain(arguments.config, probe); });
  LogCounters(workers.stats());
  spdlog::info("ended");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (const int status = ReadArguments(argc, argv, &arguments); status >= 0) return status;
  if (!arguments.convert.empty()) return tools::ConvertOpensipsFile(arguments.convert);
  const edge::KernelProbe probe =
      arguments.simulate || arguments.rekey ? nullptr : &edge::ProbeThisKernel;
  const edge::SettingsResult result = edge::LoadSettings(arguments.config, probe);
  const std::string report = result.Report(arguments.config);
  if (!report.empty()) std::fputs(report.c_str(), stderr);
  if (arguments.rekey) {
    if (!result.ok()) return 2;
    if (sodium_init() < 0) return 1;
    return Rekey(result.settings.journal);
  }
  const std::string ring_lack = reactor::Explain(reactor::TryRing());
  if (arguments.check_config) {
    return ShowCheck(arguments.config, arguments.simulate, result, ring_lack);
  }
  ShowLacks(result.kernel);
  ShowRingLack(ring_lack);
  if (!result.ok()) return 2;
  if (arguments.take_over && result.settings.process.takeover_socket.empty()) {
    std::fputs("gmedge: --takeover: process.takeover_socket is not set\n", stderr);
    return 2;
  }
  if (!result.kernel.lacks.empty() || !ring_lack.empty()) return 1;
  GuardMemory();
  if (sodium_init() < 0) {
    std::fputs("gmedge: libsodium found no source of random numbers\n", stderr);
    return 1;
  }
  SetUpLog(result.settings.log.level);
  return Serve(arguments, probe, result.settings);
}
