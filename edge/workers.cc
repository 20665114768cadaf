#include "edge/workers.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstring>

#include "edge/cpus.h"
#include "edge/held_ports.h"
#include "edge/reload.h"
#include "edge/worker.h"
#include "reactor/udp_socket.h"

namespace edge {

Workers::Workers(const Settings& settings, const MakeKernel& make_kernel, Random* random)
    : settings_(settings),
      random_(random),
      spis_({.min_spi = settings.ipsec.min_spi,
             .max_spi = settings.ipsec.max_spi,
             .permutation_key = {random->Next(), random->Next()}}),
      exchange_(settings.process.workers, random) {
  for (size_t i = 0; i < settings.process.workers; ++i) {
    auto seat = std::make_unique<Seat>();
    seat->all = this;
    seat->index = i;
    seat->kernel = make_kernel();
    seats_.push_back(std::move(seat));
  }
}

// The ring goes before what it may still answer to.
Workers::~Workers() {
  reactor_.reset();
}

bool Workers::Open(std::string* error, Takeover* takeover) {
  takeover_ = takeover;
  const reactor::ReactorOptions small{
      .submission_entries = 8, .completion_entries = 64, .files_max = 1};
  reactor_ = reactor::Reactor::Create(small, error);
  if (reactor_ == nullptr) return false;
  signals_ = reactor::Signals::Open(reactor_.get(), error);
  end_ = signals_ == nullptr ? nullptr : reactor::Wake::Open(reactor_.get(), this, error);
  if (end_ == nullptr) return false;

  if (!OpenTakeover(error)) return false;
  if (takeover_ != nullptr) {
    if (!Inherit(error)) return false;
  } else if (!OpenJournal(error) || !PrepareKernels(error)) {
    return false;
  }
  if (journal_ != nullptr && !journal_->Start(error)) return false;
  if (takeover_ == nullptr) AwaitHeldPorts(settings_);
  bool is_open = takeover_ != nullptr || ArePortsOurs(error);
  for (const std::unique_ptr<Seat>& seat : seats_) {
    is_open = is_open && Start(seat.get(), error);
  }
  for (const std::unique_ptr<Seat>& seat : seats_) {
    if (!seat->is_running || seat->opened.get_future().get()) continue;
    if (is_open) {
      *error =
          seats_.size() == 1 ? seat->error : fmt::format("worker {}: {}", seat->index, seat->error);
    }
    is_open = false;
  }
  // From here on another process does not serve any more, or does as before.
  is_open = is_open && (takeover_ == nullptr || takeover_->Commit(error));
  if (is_open && server_ != nullptr) server_->Own();
  go_.set_value(is_open);
  if (!is_open) {
    Join();
    RetireKernel();
  }
  return is_open;
}

bool Workers::OpenJournal(std::string* error) {
  if (!settings_.journal.is_on()) return true;
  journal_ = std::make_unique<Journal>(settings_, &spis_,
                                       [this](size_t worker) { exchange_.Ring(worker); });
  if (!journal_->Open(error)) return false;
  exchange_.set_phones(journal_->PhonesKey());
  return true;
}

// Makes the kernel hold what goes on of an earlier run, which without a journal is nothing.
bool Workers::PrepareKernels(std::string* error) {
  Kernel& first = *seats_[0]->kernel;
  const KnownSas known = journal_ != nullptr ? journal_->Known() : KnownSas{};
  if (!first.Prepare(settings_, known, error)) return false;
  for (const std::string& fallback : first.offload().fallbacks()) {
    spdlog::warn("{}", fallback);
    ++stats_.offload_fallbacks;
  }
  for (const std::unique_ptr<Seat>& seat : seats_) {
    if (seat->index > 0) seat->kernel->offload() = first.offload();
    if (journal_ != nullptr) seat->kernel->Adopt(journal_->SasOf(seat->index));
  }
  return true;
}

// With a journal SAs and policies stay: the ports are closed to plain text until the next run.
void Workers::RetireKernel() {
  const bool is_others = has_left_ || takeover_ != nullptr;
  if (journal_ == nullptr && !is_others) seats_[0]->kernel->Retire(settings_);
}

// SO_REUSEPORT would let another process have a part of the phones; without it this bind fails.
bool Workers::ArePortsOurs(std::string* error) const {
  if (seats_.size() == 1) return true;
  for (const reactor::Endpoint& port : settings_.gm.listen) {
    reactor::DatagramOptions options;
    options.local = port;
    reactor::Endpoint bound;
    const int fd = reactor::OpenUdpSocket(options, &bound, error);
    if (fd < 0) return false;
    close(fd);
  }
  return true;
}

bool Workers::Start(Seat* seat, std::string* error) {
  const int refused = pthread_create(&seat->thread, nullptr, ServeSeat, seat);
  seat->is_running = refused == 0;
  if (!seat->is_running) {
    *error =
        fmt::format("cannot start a thread for worker {}: {}", seat->index, std::strerror(refused));
  }
  return seat->is_running;
}

void* Workers::ServeSeat(void* seat) {
  Seat* const mine = static_cast<Seat*>(seat);
  mine->all->Serve(mine);
  return nullptr;
}

void Workers::Serve(Seat* seat) {
  {
    Worker worker(settings_, seat->index, seat->kernel.get(), &spis_, random_, &exchange_,
                  journal_.get());
    if (takeover_ != nullptr)
      worker.rest().Inherit(&takeover_->workers[seat->index], common_.since_ms);
    seat->opened.set_value(OpenWorker(seat, &worker));
    if (may_go_.get()) worker.Run();
    seat->stats = worker.stats();
  }
  ended_.fetch_add(1, std::memory_order_acq_rel);
  end_->Ring();
}

// The name is what `top -H` shows.
bool Workers::OpenWorker(Seat* seat, Worker* worker) {
  pthread_setname_np(pthread_self(), fmt::format("worker {}", seat->index).c_str());
  const std::vector<uint32_t>& cpus = settings_.process.pin_cpus;
  const bool is_placed = cpus.empty() || PinThisThread(cpus[seat->index], &seat->error);
  return is_placed && worker->Open(&seat->error);
}

void Workers::Run(const ReadSettings& read) {
  int told = 0;
  int reloads = 0;
  takeover_ = nullptr;
  while (ended_.load(std::memory_order_acquire) < seats_.size()) {
    reactor_->SubmitAndWait(-1);
    reactor_->Dispatch();
    ServeTakeover();
    for (; told < signals_->stops(); ++told) Stop();
    for (; reloads < signals_->hangups() && told == 0; ++reloads) {
      if (const std::optional<Settings> wanted = read()) Reload(*wanted);
    }
  }
  Join();
  for (const std::unique_ptr<Seat>& seat : seats_) Add(seat->stats, &stats_);
  RetireKernel();
}

void Workers::Reload(const Settings& wanted) {
  const edge::Reload reload = PlanReload(settings_, wanted);
  if (!reload.refused.empty()) {
    spdlog::warn("reload: needs a restart, stays as it was: {}", fmt::join(reload.refused, ", "));
  }
  spdlog::info("reload: taken over: {}", reload.taken.empty()
                                             ? "nothing has changed"
                                             : fmt::format("{}", fmt::join(reload.taken, ", ")));
  if (reload.taken.empty()) return;
  ++stats_.reloads;
  settings_ = reload.settings;
  spdlog::set_level(spdlog::level::from_str(settings_.log.level));
  exchange_.Offer(std::make_shared<const Settings>(settings_));
}

void Workers::Join() {
  for (const std::unique_ptr<Seat>& seat : seats_) {
    if (seat->is_running) pthread_join(seat->thread, nullptr);
  }
  if (journal_ != nullptr) journal_->Stop();
}

}  // namespace edge
