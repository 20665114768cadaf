#include "tools/sim_process.h"

#include "edge/kernel.h"
#include "edge/restart.h"

namespace tools {

namespace {

// A phone's own, those at addresses it had, and those that somebody begins in its name: as many as
// an address may have half open.
constexpr size_t kBindingsPerPhoneMax = 24;

}  // namespace

SimProcess::SimProcess(const SimPlan& plan, World world)
    : plan_(plan),
      world_(std::move(world)),
      host_(*world_.host),
      random_(world_.chance),
      spis_({.min_spi = plan.settings.ipsec.min_spi,
             .max_spi = plan.settings.ipsec.max_spi,
             .quarantine_ms = plan.quarantine_ms,
             .permutation_key = {random_.Next(), random_.Next()}}),
      ledger_(plan.rest_ms) {}

bool SimProcess::Start() {
  edge::JournalGround ground;
  ground.open = [this](const edge::Settings&, edge::OpenedStore* opened, std::string*) {
    opened->store = std::make_unique<SimStore>(&host_);
    opened->contents = host_.disk().Contents();
    if (host_.disk_is_full) opened->cannot_write = "disk full";
    return true;
  };
  ground.now_ms = [this] { return host_.mono_ms(); };
  ground.epoch_ms = [this] { return host_.epoch_ms(); };
  ground.has_thread = false;
  journal_ = std::make_unique<edge::Journal>(
      plan_.settings, &spis_, [](size_t) {}, ground);
  std::string error;
  if (!journal_->Open(&error)) return false;
  const edge::KeyedHash phones = journal_->PhonesKey();
  if (!PutKernelRight() || !journal_->Start(&error) || host_.is_dead()) return false;
  for (size_t i = 0; i < plan_.settings.process.workers; ++i) {
    workers_.push_back(
        std::make_unique<SimWorker>(plan_.settings, i,
                                    SimWorker::Parts{&host_, this, &spis_, &random_, &ledger_,
                                                     world_.chance, &phones, journal_.get()}));
    cores_.push_back(&workers_.back()->core());
  }
  wants_to_write_ = true;  // What is void of the run before.
  Scan();
  return true;
}

// As RealKernel::Prepare, on the kernel of the machine.
bool SimProcess::PutKernelRight() {
  const edge::Transaction transact = [this](xfrm::Batch* batch, xfrm::BatchVerdict* verdict,
                                            const std::function<void(const xfrm::Reply&)>& look) {
    verdict->Start(batch->first(), batch->count());
    if (!host_.Effect()) return std::errc::timed_out;
    std::vector<std::vector<std::byte>> answers;
    host_.kernel().Send(batch->Seal(), host_.epoch_ms() / 1000, &answers);
    if (host_.kernel_is_silent && world_.chance->Percent(50)) return std::errc::timed_out;
    for (const std::vector<std::byte>& answer : answers) {
      xfrm::ReplyReader reader(answer);
      for (xfrm::Reply reply; reader.Next(&reply);) {
        if (verdict->Apply(reply)) look(reply);
      }
    }
    return verdict->complete() ? std::errc{} : std::errc::timed_out;
  };
  const std::vector<xfrm::Policy> policies = edge::SharedPolicies(plan_.settings);
  const edge::KnownSas known = journal_->Known();
  edge::RestartCounts counts;
  std::string error;
  return edge::PutRight(transact, {known.sas, policies, known.lifetimes, known.before_install},
                        plan_.settings.ipsec.reqid, random_.Next(), &counts, &error);
}

SimWorker& SimProcess::WorkerFor(const reactor::Endpoint& from) {
  uint64_t sum = from.port();
  for (const uint8_t byte : from.address()) sum = sum * 31 + byte;
  return *workers_[sum / 7 % workers_.size()];
}

bool SimProcess::Receive(SimMessage message) {
  if (message.to == plan_.settings.gm.listen[0]) {
    WorkerFor(message.from).Receive(std::move(message));
    return true;
  }
  for (const std::unique_ptr<SimWorker>& worker : workers_) {
    if (!worker->Has(message.to)) continue;
    worker->Receive(std::move(message));
    return true;
  }
  return false;
}

void SimProcess::Turn() {
  for (const std::unique_ptr<SimWorker>& worker : workers_) worker->Turn();
  if (host_.is_dead()) return;
  for (edge::Core* const core : cores_) {
    const std::string wrong =
        CheckBounds(core, kBindingsPerPhoneMax * plan_.phones, spis_.capacity());
    if (!wrong.empty()) world_.violation(wrong);
  }
}

void SimProcess::WriteJournal() {
  wants_to_write_ = false;
  journal_->writer()->Turn(host_.mono_ms());
  if (journal_->writer()->is_failing()) wants_to_write_ = true;
}

void SimProcess::OnLetter(size_t worker, const edge::Letter& letter) {
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (i != worker) workers_[i]->Hear(letter);
  }
}

uint64_t SimProcess::NextExpiry() const {
  uint64_t next_ms = UINT64_MAX;
  for (const std::unique_ptr<SimWorker>& worker : workers_) {
    next_ms = std::min(next_ms, worker->NextExpiry());
  }
  return next_ms;
}

void SimProcess::Scan() {
  const std::string wrong = tables_.Scan(cores_, spis_, host_.kernel());
  if (!wrong.empty()) world_.violation(wrong);
}

bool SimProcess::Serves(const std::string& impi, const reactor::Endpoint& client,
                        const reactor::Endpoint& server) {
  for (const std::unique_ptr<SimWorker>& worker : workers_) {
    edge::Registrar& registrar = worker->core().registrar();
    const edge::Binding* binding = registrar.FindBinding(impi, client);
    const edge::PortIndex port = worker->PortAt(server);
    if (binding == nullptr || !binding->registered() || port == SimWorker::kNoPort) continue;
    for (const edge::SetId id : registrar.SetsAt({port, client})) {
      const edge::SaSet* set = registrar.FindSet(id);
      if (set->binding == binding->id && edge::CarriesTraffic(set->state)) return true;
    }
  }
  return false;
}

const edge::SaSet* SimProcess::SetTowards(const std::string& impi, const SimMessage& message) {
  for (const std::unique_ptr<SimWorker>& worker : workers_) {
    edge::Registrar& registrar = worker->core().registrar();
    const edge::Binding* binding = registrar.FindBinding(impi, message.to);
    if (binding == nullptr || !worker->Has(message.from)) continue;
    for (auto id = binding->sets.rbegin(); id != binding->sets.rend(); ++id) {
      const edge::SaSet* set = registrar.FindSet(*id);
      const bool is_there =
          set->state == edge::SetState::kNew || set->state == edge::SetState::kCurrent;
      const edge::Agreement& a = set->agreement;
      if (is_there && a.port_us == message.to.port() && a.port_pc == message.from.port()) {
        return set;
      }
    }
  }
  return nullptr;
}

}  // namespace tools
