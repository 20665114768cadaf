#include "bench/edge_load_peer.h"

#include <fmt/format.h>

namespace bench {

const std::vector<PeerSetup>& PeerSetups() {
  static const std::vector<PeerSetup> setups = {{"stateless, tuned", false, true},
                                                {"stateful, tuned", true, true},
                                                {"stateless, default", false, false},
                                                {"stateful, default", true, false}};
  return setups;
}

bool StartPeer(const std::string& program, const std::string& config, const PeerSetup& setup,
               const LoadNetwork& network, int cpu, const std::string& log_path,
               LoadProcess* process, std::string* error) {
  const Address at = network.edge_gm;
  std::vector<std::string> command = {program, "-DD", "-E", "-f", config,
                                      "-m",    "512", "-M", "16", "-l"};
  command.push_back(fmt::format("udp:{}:{}", IpText(at.ip), at.port));
  command.insert(command.end(), {"-Y", log_path + ".run", "-P", log_path + ".pid"});
  if (setup.is_stateful) command.insert(command.end(), {"-A", "STATEFUL"});
  if (setup.is_tuned) command.insert(command.end(), {"-x", "fm", "-X", "fm"});
  return process->Start(command, cpu, log_path, error) && process->AwaitUdp(at, error);
}

}  // namespace bench
