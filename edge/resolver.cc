#include "edge/resolver.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "edge/dns_message.h"
#include "edge/next_hop_limits.h"

namespace edge {
namespace {

std::string ServerList(const std::vector<reactor::Endpoint>& servers) {
  std::string list;
  for (const reactor::Endpoint& server : servers) {
    char text[reactor::kEndpointTextMax];
    if (!list.empty()) list += ',';
    list.append(text, reactor::WriteEndpoint(server, text));
  }
  return list;
}

// Nobody there, or nobody who answers in time.
bool IsSilence(int status) {
  return status == ARES_ETIMEOUT || status == ARES_ECONNREFUSED || status == ARES_ECANCELLED ||
         status == ARES_EDESTRUCTION || status == ARES_ENOMEM;
}

}  // namespace

Resolver::Resolver(const Settings::Core& core, ResolverSink* sink) : core_(core), sink_(sink) {}

Resolver::~Resolver() {
  if (channel_ != nullptr) ares_destroy(channel_);
  if (epoll_ >= 0) close(epoll_);
}

bool Resolver::Open(reactor::Reactor* reactor, std::string* error) {
  ares_options options{};
  options.timeout = kDnsTimeoutMs;
  options.tries = kDnsTries;
  options.sock_state_cb = OnSocket;
  options.sock_state_cb_data = this;
  // No question is answered from a file, or completed by a search list.
  options.lookups = const_cast<char*>("b");
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  const int status = ares_init_options(&channel_, &options,
                                       ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_FLAGS |
                                           ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) {
    *error = std::string("DNS: ") + ares_strerror(status);
    channel_ = nullptr;
    return false;
  }
  const std::string servers = ServerList(core_.resolvers);
  if (!servers.empty() && ares_set_servers_ports_csv(channel_, servers.c_str()) != ARES_SUCCESS) {
    *error = "DNS: cannot take the servers " + servers;
    return false;
  }
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) {
    *error = std::string("DNS: epoll_create1: ") + std::strerror(errno);
    return false;
  }
  readable_.reset(new reactor::Readable(reactor, epoll_, this));
  return true;
}

void Resolver::Resolve(SlotId name, const NameQuery& query) {
  const auto [entry, is_new] =
      under_way_.try_emplace(name, Location(query, core_.listen.family(), core_.transport));
  if (is_new) Ask(name, &entry->second);
}

// c-ares may answer from within, so answers are noted and taken later.
void Resolver::Ask(SlotId name, Location* location) {
  for (const DnsQuestion& question : location->TakeQuestions()) {
    ares_query(channel_, question.name.c_str(), ns_c_in, static_cast<int>(question.type), OnAnswer,
               new Question{this, name, question.tag, question.type});
  }
}

void Resolver::OnAnswer(void* argument, int status, int, unsigned char* bytes, int size) {
  const std::unique_ptr<Question> question(static_cast<Question*>(argument));
  Resolver& resolver = *question->resolver;
  if (resolver.closing_) return;
  DnsAnswer answer;
  if (status == ARES_SUCCESS && bytes != nullptr && size > 0) {
    answer = ReadDnsResponse({bytes, static_cast<size_t>(size)}, question->type);
  } else if (IsSilence(status)) {
    answer.status = DnsStatus::kSilent;
  } else if (status != ARES_ENOTFOUND && status != ARES_ENODATA) {
    answer.status = DnsStatus::kRefused;
  }
  resolver.arrived_.push_back({question->name, question->tag, std::move(answer)});
}

void Resolver::TakeAnswers() {
  while (!arrived_.empty()) {
    for (const Arrived& arrived : std::exchange(arrived_, {})) {
      const auto entry = under_way_.find(arrived.name);
      Location& location = entry->second;
      location.OnAnswer(arrived.tag, arrived.answer);
      Ask(arrived.name, &location);
      if (location.done()) done_.push_back(arrived.name);
    }
  }
}

void Resolver::OnReadable() {
  epoll_event events[16];
  const int count = epoll_wait(epoll_, events, 16, 0);
  for (int i = 0; i < count; ++i) {
    const bool writes = (events[i].events & EPOLLOUT) != 0;
    const bool reads = (events[i].events & ~uint32_t{EPOLLOUT}) != 0;
    ares_process_fd(channel_, reads ? events[i].data.fd : ARES_SOCKET_BAD,
                    writes ? events[i].data.fd : ARES_SOCKET_BAD);
  }
}

// A socket of c-ares: what it waits for, and its end, before it is closed.
void Resolver::OnSocket(void* owner, int fd, int readable, int writable) {
  const int epoll = static_cast<Resolver*>(owner)->epoll_;
  epoll_event event{};
  event.data.fd = fd;
  event.events = (readable != 0 ? EPOLLIN : 0u) | (writable != 0 ? EPOLLOUT : 0u);
  if (event.events == 0) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
  } else if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0) {
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

void Resolver::OnTime() {
  if (under_way_.empty()) return;
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  TakeAnswers();
  for (const SlotId name : std::exchange(done_, {})) {
    const auto entry = under_way_.find(name);
    const Location& location = entry->second;
    const Resolved resolved{location.targets(), location.ttl_s(), location.is_silent()};
    under_way_.erase(entry);
    sink_->OnResolved(name, resolved);
  }
}

int64_t Resolver::WaitMs() const {
  if (!arrived_.empty() || !done_.empty()) return 0;
  timeval next;
  if (under_way_.empty() || ares_timeout(channel_, nullptr, &next) == nullptr) return -1;
  return int64_t{next.tv_sec} * 1000 + next.tv_usec / 1000 + 1;
}

void Resolver::Close() {
  closing_ = true;
  under_way_.clear();
  arrived_.clear();
  done_.clear();
  if (channel_ != nullptr) ares_cancel(channel_);
  if (readable_ != nullptr) readable_->Close();
}

}  // namespace edge
