// What each option of io_uring does to the CPU time of an echoed datagram: one at a time against
// what the reactor uses, by the raw echo.
//
//   reactor_options [ROUNDS [DATAGRAMS]]    servers on CPU 0, load on CPU 1, 1200 bytes each
//
// Rounds go through all of them in turn, in the other order every other time, so that whatever else
// the machine does hits all alike; the base runs twice, which is how much is noise. What this
// kernel lacks is named and left out.
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/echo_contest.h"
#include "bench/reactor_option_echo.h"
#include "bench/udp_load.h"

namespace bench {
namespace {

using Send = EchoOptions::Send;

constexpr unsigned kPlain = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
constexpr EchoOptions kOptions[] = {
    {.name = "base: as the reactor"},
    {.name = "base again"},
    {.name = "no DEFER_TASKRUN, no SINGLE_ISSUER", .ring_flags = kPlain},
    {.name = "COOP_TASKRUN in their place", .ring_flags = kPlain | IORING_SETUP_COOP_TASKRUN},
    {.name = "COOP_TASKRUN, SINGLE_ISSUER",
     .ring_flags = kPlain | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER},
    {.name = "SQPOLL on the same CPU",
     .ring_flags = kPlain | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF},
    {.name = "ring not registered", .ring_registered = false},
    {.name = "file not registered", .file_registered = false},
    {.name = "RECVSEND_POLL_FIRST", .poll_first = true},
    {.name = "SEND with an address", .send = Send::kSend},
    {.name = "SENDMSG_ZC", .send = Send::kSendmsgZeroCopy},
    {.name = "SEND_ZC, registered buffers", .send = Send::kSendZeroCopyFixed},
    {.name = "busy poll, 50 us", .busy_poll_us = 50},
    {.name = "spin for 20 us before sleep", .spin_us = 20},
    {.name = "huge pages", .huge_pages = true},
};

struct Contestant {
  const char* name = nullptr;
  std::unique_ptr<OptionEcho> echo;
  std::unique_ptr<UdpLoad> load;
  std::vector<double> rounds;
  std::vector<double> ratios;
};

bool Round(Contestant* contestant, int count) {
  const double before = contestant->echo->CpuSeconds();
  if (!contestant->load->Run(count)) {
    std::fprintf(stderr, "reactor_options: %s: an answer is missing\n", contestant->name);
    return false;
  }
  contestant->rounds.push_back((contestant->echo->CpuSeconds() - before) * 1e6 / count);
  return true;
}

double Quartile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

int Run(int rounds, int count) {
  PinToCpu(kLoadCpu);
  std::vector<Contestant> contestants;
  for (const EchoOptions& options : kOptions) {
    Contestant contestant{options.name, std::make_unique<OptionEcho>(options), nullptr, {}, {}};
    uint16_t port = 0;
    std::string error;
    if (!contestant.echo->Start(kServerCpu, &port, &error)) {
      std::printf("not here: %s\n", error.c_str());
      continue;
    }
    contestant.load = std::make_unique<UdpLoad>(port);
    if (!Round(&contestant, 10'000)) return EXIT_FAILURE;  // Warm.
    contestant.rounds.clear();
    contestants.push_back(std::move(contestant));
  }
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < contestants.size(); ++i) {
      const size_t index = round % 2 == 0 ? i : contestants.size() - 1 - i;
      if (!Round(&contestants[index], count)) return EXIT_FAILURE;
    }
    for (Contestant& one : contestants) {
      one.ratios.push_back(one.rounds.back() / contestants[0].rounds.back());
    }
  }
  utsname system{};
  uname(&system);
  std::printf("echo of %zu-byte datagrams, %u under way, %d rounds of %d, Linux %s\n", kPayloadSize,
              kWindow, rounds, count, system.release);
  std::printf(
      "| option | CPU us per datagram | ratio to base: median | quartiles |\n"
      "|---|--:|--:|--:|\n");
  for (const Contestant& one : contestants) {
    std::printf("| %s | %.3f | %.3f | %.3f – %.3f |\n", one.name, Median(one.rounds),
                Median(one.ratios), Quartile(one.ratios, 0.25), Quartile(one.ratios, 0.75));
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 15;
  const int count = argc > 2 ? std::atoi(argv[2]) : 50'000;
  if (rounds <= 0 || count <= 0) {
    std::fprintf(stderr, "usage: reactor_options [ROUNDS [DATAGRAMS]]\n");
    return 2;
  }
  return bench::Run(rounds, count);
}
