// Workers where one process hands over to another (design D22): the side that has all, and what the
// other side begins with.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "edge/clock.h"
#include "edge/limits.h"
#include "edge/takeover_terms.h"
#include "edge/workers.h"

namespace edge {
namespace {

constexpr int64_t kRestStepUs = 500;  // How often the workers are looked at.

std::string_view Kind(const Kernel& kernel) {
  return kernel.is_simulated() ? "sim" : "kernel";
}

}  // namespace

bool Workers::OpenTakeover(std::string* error) {
  const std::string& path = settings_.process.takeover_socket;
  if (takeover_ != nullptr) {
    server_ = TakeoverServer::Adopt(reactor_.get(), takeover_->listener.Take(), path);
  } else if (!path.empty()) {
    server_ = TakeoverServer::Open(reactor_.get(), path, error);
    if (server_ == nullptr) return false;
  }
  return true;
}

// The journal and the kernel are as the other process has left them; what it knows of them comes
// with the workers' state.
bool Workers::Inherit(std::string* error) {
  if (settings_.journal.is_on()) {
    journal_ = std::make_unique<Journal>(settings_, &spis_,
                                         [this](size_t worker) { exchange_.Ring(worker); });
    if (!journal_->OpenKnown(error)) return false;
  }
  const StateFile file(takeover_->state.fd());
  StateArchive archive = StateArchive::Reader(file.bytes());
  CarryCommon(&archive, NowMs(), &common_, exchange_.mutable_phones(), &spis_);
  if (!archive.Finish() || takeover_->workers.size() != seats_.size()) {
    *error = "the running gmedge hands over something else than was asked for";
    return false;
  }
  Kernel& first = *seats_[0]->kernel;
  std::vector<int> files;
  for (Takeover::File& one : takeover_->kernel) files.push_back(one.Take());
  if (!first.Inherit(settings_, std::move(files), error)) return false;
  for (const std::unique_ptr<Seat>& seat : seats_) {
    if (seat->index > 0) seat->kernel->offload() = first.offload();
  }
  return true;
}

void Workers::ServeTakeover() {
  if (server_ == nullptr || has_left_) return;
  std::string error;
  std::optional<TakeoverLink> link = server_->Take(&error);
  if (link.has_value() && HandOver(&*link, &error)) return;
  if (error.empty()) return;
  ++stats_.takeovers_failed;
  spdlog::error("takeover: {}; everything goes on here", error);
}

bool Workers::HandOver(TakeoverLink* link, std::string* error) {
  TakeoverLink::Packet hello;
  if (!link->Await(TakeoverStep::kHello, "the new gmedge", Takeover::kAnswerMs, &hello, error)) {
    return false;
  }
  *error = CompareTerms(hello.text, TermsOf(settings_, Kind(*seats_[0]->kernel)));
  if (error->empty() && exchange_.stop_requests() > 0)
    *error = "the running gmedge is about to end";
  if (error->empty() && journal_ != nullptr && journal_->is_failing()) {
    *error =
        "the journal of the running gmedge cannot be written, and what it has missed would be lost";
  }
  if (!error->empty()) {
    link->Send(TakeoverStep::kRefused, *error);
    return false;
  }
  spdlog::info("takeover: another gmedge asks for all there is");
  common_.since_ms = NowMs();
  if (BringToRest(error)) {
    if (journal_ != nullptr) journal_->Release();
    if (SendAll(link, error) && AwaitTaken(link, error)) {
      has_left_ = true;
      server_->LetGo();
      exchange_.AskRest(Rest::Phase::kLeave);
      spdlog::info("takeover: another gmedge serves now; without service: {} ms",
                   NowMs() - common_.since_ms);
      return true;
    }
    link->Send(TakeoverStep::kRefused, *error);
    ServeAgain(link);
  } else {
    link->Send(TakeoverStep::kRefused, *error);
    exchange_.AskRest(Rest::Phase::kServe);
  }
  return false;
}

bool Workers::BringToRest(std::string* error) {
  const uint64_t deadline_ms = NowMs() + Takeover::kRestMs;
  for (const Rest::Phase phase :
       {Rest::Phase::kSettle, Rest::Phase::kLetters, Rest::Phase::kWrite}) {
    exchange_.AskRest(phase);
    if (!AwaitRest(phase, deadline_ms, error)) return false;
  }
  return true;
}

bool Workers::AwaitRest(Rest::Phase phase, uint64_t deadline_ms, std::string* error) {
  const Rest& rest = exchange_.rest();
  while (!rest.AllAt(phase)) {
    if (NowMs() < deadline_ms) {
      usleep(kRestStepUs);
      continue;
    }
    *error = fmt::format("the running gmedge did not come to rest within {} s",
                         Takeover::kRestMs / 1000);
    for (size_t worker = 0; worker < seats_.size(); ++worker) {
      const std::string_view unrest = rest.Unrest(worker);
      if (!unrest.empty()) *error += fmt::format("; worker {} waits for {}", worker, unrest);
    }
    return false;
  }
  return true;
}

bool Workers::SendAll(TakeoverLink* link, std::string* error) {
  std::vector<Takeover::File> states;
  std::vector<uint32_t> counts;
  std::vector<int> files;
  states.emplace_back(MakeStateFile());
  StateArchive archive = StateArchive::Writer(states[0].fd());
  CarryCommon(&archive, NowMs(), &common_, exchange_.mutable_phones(), &spis_);
  if (!archive.Finish() || !SealStateFile(states[0].fd())) *error = "no memory for the state";
  files = {states[0].fd(), server_->fd()};
  const std::vector<int> of_kernel = seats_[0]->kernel->files();
  files.insert(files.end(), of_kernel.begin(), of_kernel.end());
  counts.push_back(static_cast<uint32_t>(files.size()));
  for (const std::unique_ptr<Seat>& seat : seats_) {
    Rest::Kept kept = exchange_.rest().TakeKept(seat->index);
    if (!kept.error.empty()) *error = kept.error;
    files.push_back(states.emplace_back(kept.state).fd());
    files.insert(files.end(), kept.files.begin(), kept.files.end());
    counts.push_back(static_cast<uint32_t>(kept.files.size() + 1));
  }
  if (!error->empty()) return false;
  const std::string_view text(reinterpret_cast<const char*>(counts.data()),
                              counts.size() * sizeof(counts[0]));
  // Whether it has heard is told by its answers.
  link->Send(TakeoverStep::kState, text);
  for (std::span<const int> left = files; !left.empty();) {
    const auto some = left.first(std::min(left.size(), kTakeoverFilesMax));
    left = left.subspan(some.size());
    TakeoverLink::Packet taken;
    if (!link->Send(TakeoverStep::kFiles, {}, some)) {
      *error = fmt::format("descriptors cannot be handed over: {}", strerror(errno));
      return false;
    }
    if (!link->Await(TakeoverStep::kFilesTaken, "the new gmedge", Takeover::kAnswerMs, &taken,
                     error)) {
      return false;
    }
  }
  return true;
}

// The point of no return is kTaken in our queue: who has sent it serves, who has not never will.
bool Workers::AwaitTaken(TakeoverLink* link, std::string* error) {
  constexpr std::string_view kNew = "the new gmedge";
  TakeoverLink::Packet packet;
  if (!link->Await(TakeoverStep::kReady, kNew, Takeover::kReadyMs, &packet, error)) return false;
  link->Send(TakeoverStep::kGo);
  if (link->Await(TakeoverStep::kTaken, kNew, Takeover::kGoMs, &packet, error)) return true;
  link->StopHearing();
  return link->Receive(&packet, 0) == TakeoverLink::Result::kOk &&
         packet.step == TakeoverStep::kTaken;
}

// The other process may have the journal's file open still: it is waited for a moment. If it hangs,
// the journal counts as failing until it has gone.
void Workers::ServeAgain(TakeoverLink* link) {
  link->AwaitEnd(Takeover::kAnswerMs);
  std::string error;
  if (journal_ != nullptr && !journal_->Resume(&error)) spdlog::error("takeover: {}", error);
  exchange_.AskRest(Rest::Phase::kServe);
}

}  // namespace edge
