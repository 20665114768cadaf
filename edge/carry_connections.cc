// Connections, to another process or from one (edge/state_archive.h).
#include <algorithm>
#include <utility>

#include "edge/connections.h"
#include "edge/state_archive.h"

namespace edge {
using reactor::TcpConnection;

namespace {

constexpr uint32_t kConnectionsMark = 0x636f6e6e;
constexpr size_t kConnectionLeast = 80;
constexpr size_t kMessageLeast = 5;

}  // namespace

void Connections::Rest() {
  is_resting_ = true;
  for (const auto& listener : listeners_) listener->Rest();
  pool_->Rest();
}

bool Connections::AreListenersResting() const {
  return std::all_of(listeners_.begin(), listeners_.end(),
                     [](const auto& listener) { return listener->resting(); });
}

void Connections::GoOn() {
  if (!std::exchange(is_resting_, false)) return;
  pool_->GoOn();
  for (const auto& listener : listeners_) listener->GoOn();
  for (auto& [flow, message] : std::exchange(unsent_, std::vector<std::pair<Flow, Waiting>>()))
    Fail(flow, &message);
}

void Connections::LetGo() {
  for (const auto& listener : listeners_) listener->Close();
  pool_->LetGo();
}

void Connections::Carry(StateArchive* archive, std::vector<int>* files) {
  archive->Mark(kConnectionsMark);
  size_t count = 0;
  pool_->ForEachOpen([&](TcpConnection&) { ++count; });
  count = archive->Count(count, settings_.limits.connections_max, kConnectionLeast);
  if (!archive->is_reading()) {
    for (const auto& listener : listeners_) files->push_back(listener->fd());
    pool_->ForEachOpen([&](TcpConnection& connection) { CarryLink(archive, &connection, files); });
  } else if (count != files->size()) {
    archive->Fail();
  } else {
    for (size_t i = 0; i < count && archive->ok(); ++i) CarryLink(archive, nullptr, files);
  }
  CarryConnects(archive);
}

void Connections::CarryLink(StateArchive* archive, TcpConnection* connection,
                            std::vector<int>* files) {
  reactor::TcpKept kept;
  std::string unfinished;
  uint32_t unanswered = 0;
  if (connection != nullptr) {
    kept = connection->kept();
    files->push_back(kept.fd);
    unfinished = LinkOf(*connection)->stream.unfinished();
    unanswered = LinkOf(*connection)->unanswered;
  }
  archive->Address(&kept.local);
  archive->Address(&kept.peer);
  archive->Number(&kept.tag);
  archive->Bool(&kept.accepted);
  archive->Bool(&kept.counted);
  archive->Number(&kept.active_ms);
  archive->Number(&kept.deadline_ms);
  archive->Text(&kept.unsent, kCoreBacklogSizeMax + kDatagramSizeMax);
  archive->Text(&unfinished, kStreamLimits.message_size_max);
  archive->Number(&unanswered);
  if (!archive->is_reading() || !archive->ok()) return;

  kept.fd = std::exchange(files->back(), -1);
  files->pop_back();
  const bool is_ours = kept.tag < ports_->size();
  const Flow flow{static_cast<PortIndex>(kept.tag), kept.peer, Transport::kTcp};
  const bool is_stranger = is_ours && SideOf(flow) == Side::kGm;
  TcpConnection* const adopted =
      is_ours ? pool_->Adopt(kept, is_stranger ? stranger_buffers_ : nullptr) : nullptr;
  if (adopted == nullptr) return archive->Fail();
  Link* const link = AddLink(*adopted, flow);
  if (SideOf(flow) == Side::kCore) adopted->set_backlog_size_max(kCoreBacklogSizeMax);
  link->unanswered = unanswered;
  const Stream::State state = link->stream.Continue(unfinished);
  link->in_message = state == Stream::State::kInMessage;
  const bool is_whole = link->in_message || state == Stream::State::kBetween;
  if (!is_whole || !sink_->OnConnection(flow)) archive->Fail();
}

void Connections::CarryMessages(StateArchive* archive, std::vector<Waiting>* messages) {
  const size_t count = archive->Count(messages->size(), kWaitingSizeMax, kMessageLeast);
  messages->resize(count);
  for (Waiting& message : *messages) {
    archive->Text(&message.text, kWaitingSizeMax);
    archive->Bool(&message.or_udp);
  }
}

// What waits for a connect takes the way it takes when that fails.
void Connections::CarryConnects(StateArchive* archive) {
  std::vector<TcpConnection*> connects;
  if (!archive->is_reading()) {
    pool_->ForEachConnecting([&](TcpConnection& connection) { connects.push_back(&connection); });
  }
  const size_t count =
      archive->Count(connects.size(), settings_.limits.connections_max, kMessageLeast);
  for (size_t i = 0; i < count && archive->ok(); ++i) {
    Flow flow;
    std::vector<Waiting> messages;
    if (!archive->is_reading()) {
      flow = LinkOf(*connects[i])->flow;
      messages = LinkOf(*connects[i])->waiting;
    }
    archive->Way(&flow, ports_->size());
    CarryMessages(archive, &messages);
    if (!archive->is_reading() || !archive->ok()) continue;
    for (Waiting& message : messages) unsent_.emplace_back(flow, std::move(message));
  }
}

}  // namespace edge
