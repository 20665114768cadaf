#include "edge/worker_rest.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "edge/clock.h"
#include "edge/worker.h"

namespace edge {
namespace {

constexpr int64_t kRestStepUs = 500;
// Connects are waited for so long; one that takes longer has failed.
constexpr uint64_t kRestConnectMs = 200;

}  // namespace

void WorkerRest::Inherit(Takeover::OfWorker* inherited, uint64_t since_ms) {
  inherited_ = inherited;
  since_ms_ = since_ms;
}

// The core before the sockets: connections are asked for their SA sets.
bool WorkerRest::Restore(std::string* error) {
  Core& core = worker_.core_;
  worker_.now_ms_ = NowMs();
  const StateFile file(inherited_->state.fd());
  StateArchive archive = StateArchive::Reader(file.bytes());
  const size_t ports = 2 * worker_.ports_.size();
  if (!core.Carry(&archive, worker_.now_ms_) || inherited_->files.size() < ports) {
    *error = "the running gmedge hands over tables that make no whole";
    return false;
  }
  core.registrar().sets().ForEach([this](SaSet* set) {
    worker_.queue_.policies().Need(set->id, set->agreement, worker_.settings_.ipsec.reqid);
  });
  AdoptSas();
  std::vector<int> connections;
  for (Takeover::File& one : std::exchange(inherited_, nullptr)->files) {
    (files_.size() < ports ? files_ : connections).push_back(one.Take());
  }
  const bool is_open = worker_.OpenPorts(error);
  // From the last one on, which they are taken from.
  std::reverse(connections.begin(), connections.end());
  if (is_open) worker_.connections_.Carry(&archive, &connections);
  files_.insert(files_.end(), connections.begin(), connections.end());
  for (const int fd : std::exchange(files_, {})) {
    if (fd >= 0) close(fd);
  }
  if (!is_open) return false;
  if (!archive.Finish()) {
    *error = "the running gmedge hands over connections that make no whole";
    return false;
  }
  core.stats().inherited_registrations = core.registrar().registered();
  core.stats().inherited_sets = core.registrar().sets().in_use();
  return true;
}

// A simulated kernel went with its process.
void WorkerRest::AdoptSas() {
  Kernel* const kernel = worker_.kernel_;
  if (!kernel->is_simulated()) return;
  const Settings::Ipsec& ipsec = worker_.settings_.ipsec;
  worker_.core_.registrar().sets().ForEach([&](SaSet* set) {
    const xfrm::EspKeys keys(set->agreement.algorithms, set->ik, set->ck);
    const uint64_t left_ms = set->kernel_until_ms - std::min(set->kernel_until_ms, worker_.now_ms_);
    SaArray sas =
        MakeSas(set->agreement, keys, ipsec.reqid, static_cast<uint32_t>(left_ms / 1000 + 1),
                ipsec.replay_window, ipsec.mark);
    if (set->sa3_later) std::swap(sas[kSa3], sas.back());
    kernel->Adopt(std::span(sas).first(sas.size() - (set->sa3_later ? 1 : 0)));
  });
}

bool WorkerRest::Stay() {
  Rest& rest = worker_.exchange_->rest();
  const size_t index = worker_.index_;
  Rest::Phase at = Rest::Phase::kServe;
  asked_ms_ = NowMs();
  RestPorts();
  for (;;) {
    const Rest::Phase asked = rest.asked();
    if (asked == Rest::Phase::kLeave) {
      LetGo();
      return false;
    }
    if (asked < at || asked == Rest::Phase::kServe) break;
    if (at == Rest::Phase::kWrite) {
      // What is written holds: not even a completion is looked at.
      usleep(kRestStepUs);
      continue;
    }
    worker_.Turn(kRestStepUs);
    worker_.OnWake();  // What others have told, whether or not it has rung.
    const char* const unrest = Unrest();
    rest.Tell(index, unrest);
    if (*unrest != '\0' || asked <= at) continue;
    if (asked == Rest::Phase::kWrite) Write();
    at = asked;
    rest.Arrive(index, at);
  }
  worker_.now_ms_ = NowMs();
  Serve();
  rest.Arrive(index, Rest::Phase::kServe);
  return true;
}

void WorkerRest::RestPorts() {
  for (const auto& socket : worker_.sockets_) socket->Rest();
  worker_.connections_.Rest();
}

void WorkerRest::Serve() {
  for (const auto& socket : worker_.sockets_) socket->GoOn();
  worker_.connections_.GoOn();
  if (since_ms_ == 0) return;
  const Stats& stats = worker_.core_.stats();
  spdlog::info("takeover: {}{} registrations and {} SA sets go on; without service: {} ms",
               worker_.exchange_->workers() > 1 ? fmt::format("worker {}: ", worker_.index_) : "",
               stats.inherited_registrations, stats.inherited_sets, NowMs() - since_ms_);
  since_ms_ = 0;
}

// What it waits for before it can rest; "": nothing.
const char* WorkerRest::Unrest() const {
  const Connections& connections = worker_.connections_;
  const auto rests = [](const auto& socket) { return socket->resting(); };
  const auto& sockets = worker_.sockets_;
  if (!std::all_of(sockets.begin(), sockets.end(), rests) || !worker_.strangers_.empty()) {
    return "datagrams";
  }
  if (!worker_.queue_.idle() || worker_.kernel_->has_answers()) return "the kernel";
  if (worker_.records_ != nullptr && !worker_.records_->idle()) return "the journal";
  if (worker_.core_.waiting_for_dns() > 0) return "DNS";
  if (!connections.resting()) return "TCP connections";
  if (worker_.sends_->in_flight() + worker_.stranger_sends_->in_flight() > 0) return "sends";
  if (connections.connecting() && worker_.now_ms_ < asked_ms_ + kRestConnectMs) {
    return "TCP connects";
  }
  return "";
}

void WorkerRest::Write() {
  Rest::Kept kept;
  kept.state = MakeStateFile();
  StateArchive archive = StateArchive::Writer(kept.state);
  for (const auto& socket : worker_.sockets_) kept.files.push_back(socket->fd());
  const bool is_whole = worker_.core_.Carry(&archive, worker_.now_ms_);
  worker_.connections_.Carry(&archive, &kept.files);
  if (!is_whole || !archive.Finish() || !SealStateFile(kept.state)) {
    kept.error = fmt::format("worker {} cannot write down what it knows", worker_.index_);
  }
  worker_.exchange_->rest().Keep(worker_.index_, std::move(kept));
}

// Sockets live on elsewhere: nothing is said on them. What was closing already ends here.
void WorkerRest::LetGo() {
  has_left_ = true;
  worker_.connections_.LetGo();
  worker_.exchange_->Leave();
}

}  // namespace edge
