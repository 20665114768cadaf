#include "bench/edge_load_traffic.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

constexpr uint64_t kTimeoutNs = 2'000'000'000;
// What a phone repeats in each request (RFC 3329 2.3.1), as long as gmedge's.
constexpr std::string_view kSecurityServer =
    "ipsec-3gpp;q=0.9;prot=esp;mod=trans;spi-c=1234567;spi-s=1234568;port-c=6101;port-s=6100;"
    "alg=hmac-sha-1-96;ealg=aes-cbc";
constexpr uint64_t kNsPerSecond = 1'000'000'000;

}  // namespace

uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<uint64_t>(now.tv_nsec);
}

double LatencyUs(std::vector<uint32_t> latency_ns, double share) {
  if (latency_ns.empty()) return 0;
  const size_t index = static_cast<size_t>(share * static_cast<double>(latency_ns.size() - 1));
  const auto nth = latency_ns.begin() + static_cast<std::ptrdiff_t>(index);
  std::nth_element(latency_ns.begin(), nth, latency_ns.end());
  return *nth / 1e3;
}

std::string_view Name(LoadFlow flow) {
  switch (flow) {
    case LoadFlow::kRegistration:
      return "registration";
    case LoadFlow::kRefresh:
      return "REGISTER refresh";
    case LoadFlow::kMoOptions:
      return "MO OPTIONS";
    case LoadFlow::kMoMessage:
      return "MO MESSAGE";
    case LoadFlow::kMoInvite:
      return "MO INVITE";
    case LoadFlow::kMtMessage:
      return "MT MESSAGE";
  }
  return "?";
}

LoadTraffic::LoadTraffic(const LoadNetwork& network, uint32_t phones)
    : network_(network), phones_(phones), slots_(kTransactionsMax) {
  for (uint32_t i = 0; i < phones; ++i) {
    phones_[i].index = i;
    phones_[i].ip = network.phones_ip + i;
  }
  for (uint32_t i = kTransactionsMax; i > 0; --i) free_slots_.push_back(i - 1);
}

bool LoadTraffic::Open(std::string* error) {
  if (!plain_.Open({}, error) || !uc_.Open({}, error) || !us_.Open({}, error)) return false;
  if (!core_.Open(network_.core, error) || !streams_.Open(error)) return false;
  network_.port_plain = plain_.port();
  network_.port_uc = uc_.port();
  network_.port_us = us_.port();
  return true;
}

void LoadTraffic::Assume(uint16_t port) {
  for (LoadPhone& phone : phones_) {
    phone.port_ps = port;
    phone.security_server = kSecurityServer;
    registered_.push_back(phone.index);
  }
  next_fresh_ = phones_.size();
}

LoadResult LoadTraffic::Run(LoadFlow flow, const LoadPace& pace, uint64_t transactions_max) {
  flow_ = flow;
  result_ = {};
  transactions_left_ = transactions_max;
  begin_ns_ = NowNs();
  last_end_ns_ = begin_ns_;
  const uint64_t end_ns = begin_ns_ + static_cast<uint64_t>(pace.seconds * 1e9);
  bool is_starting = true;
  while (is_starting || under_way() > 0) {
    const uint64_t now_ns = NowNs();
    if (is_starting) is_starting = now_ns < end_ns && StartDue(pace, now_ns);
    if (!is_starting && pace.gives_up) GiveUp();
    Flush();
    const bool has_received = Receive();
    Expire(now_ns);
    if (!has_received) Wait(pace, now_ns);
  }
  Flush();
  result_.seconds = static_cast<double>(last_end_ns_ - begin_ns_) / 1e9;
  return std::move(result_);
}

// Starts what is due; false when there is nothing left to start.
bool LoadTraffic::StartDue(const LoadPace& pace, uint64_t now_ns) {
  if (pace.per_second == 0) {
    while (under_way() < static_cast<size_t>(pace.window)) {
      if (!StartOne(now_ns, now_ns)) return false;
    }
    return true;
  }
  const double elapsed_s = static_cast<double>(now_ns - begin_ns_) / 1e9;
  const uint64_t due = static_cast<uint64_t>(elapsed_s * pace.per_second);
  while (result_.started < due && !free_slots_.empty()) {
    const double at_s = static_cast<double>(result_.started) / pace.per_second;
    if (!StartOne(begin_ns_ + static_cast<uint64_t>(at_s * 1e9), now_ns)) return false;
  }
  return true;
}

bool LoadTraffic::StartOne(uint64_t started_ns, uint64_t now_ns) {
  if (transactions_left_ == 0) return false;
  uint32_t phone = 0;
  if (flow_ == LoadFlow::kRegistration) {
    if (next_fresh_ == phones_.size()) return false;
    phone = static_cast<uint32_t>(next_fresh_++);
  } else {
    if (registered_.empty()) return false;
    phone = registered_[next_registered_++ % registered_.size()];
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  const TransactionId id = (static_cast<TransactionId>(++generation_) << 32) | slot;
  slots_[slot] = {id, phone, started_ns};
  order_.push_back({id, started_ns});
  --transactions_left_;
  ++result_.started;
  result_.late_ns.push_back(static_cast<uint32_t>(now_ns - std::min(started_ns, now_ns)));
  SendRequest(&phones_[phone], id);
  return true;
}

void LoadTraffic::SendRequest(LoadPhone* phone, TransactionId id) {
  const LoadMessages messages(network_);
  ++phone->cseq;
  if (flow_ == LoadFlow::kMtMessage) {
    const Address worker = {network_.edge_core.ip, phone->port_core};
    core_.Commit(0, worker, messages.MtRequest(*phone, id, RoomOf(&core_)));
  } else if (flow_ == LoadFlow::kRegistration) {
    SendPlain(phone,
              messages.Register(*phone, id, LoadMessages::Credentials::kEmpty, PhoneRoom(&plain_)));
  } else if (flow_ == LoadFlow::kRefresh) {
    SendProtected(
        phone, messages.Register(*phone, id, LoadMessages::Credentials::kAnswer, PhoneRoom(&uc_)));
  } else {
    const std::string_view method = flow_ == LoadFlow::kMoOptions  ? "OPTIONS"
                                    : flow_ == LoadFlow::kMoInvite ? "INVITE"
                                                                   : "MESSAGE";
    SendProtected(phone, messages.MoRequest(method, *phone, id, PhoneRoom(&uc_)));
  }
}

void LoadTraffic::SendPlain(LoadPhone* phone, size_t size) {
  if (is_tcp()) return SendOnStream(phone, {phone->ip, 0}, network_.edge_gm, size);
  plain_.Commit(phone->ip, network_.edge_gm, size);
}

void LoadTraffic::SendProtected(LoadPhone* phone, size_t size) {
  const Address to = {network_.edge_gm.ip, phone->port_ps};
  if (is_tcp()) return SendOnStream(phone, {phone->ip, network_.port_uc}, to, size);
  uc_.Commit(phone->ip, to, size);
}

// What cannot be sent is lost; its transaction will time out and be counted.
void LoadTraffic::SendOnStream(LoadPhone* phone, Address from, Address to, size_t size) {
  if (phone->connection < 0) phone->connection = streams_.Connect(from, to, phone->index);
  if (phone->connection < 0) return;
  if (!streams_.Send(phone->connection, {stream_room_.data(), size})) {
    streams_.Close(phone->connection);
    phone->connection = -1;
  }
}

bool LoadTraffic::Receive() {
  int count = core_.Receive([this](const LoadSocket::Received& received) { OnCore(received); });
  if (is_tcp()) {
    count += streams_.Receive(
        [this](uint32_t phone, std::string_view message) { OnStream(&phones_[phone], message); });
    return count > 0;
  }
  count +=
      us_.Receive([this](const LoadSocket::Received& received) { OnProtected(received.payload); });
  count +=
      plain_.Receive([this](const LoadSocket::Received& received) { OnPlain(received.payload); });
  return count > 0;
}

void LoadTraffic::OnStream(LoadPhone* phone, std::string_view message) {
  if (message.empty()) {
    ++result_.disconnected;
    phone->connection = -1;
  } else if (phone->port_ps == 0) {
    OnPlain(message);
  } else {
    OnProtected(message);
  }
}

// On the unprotected port of a phone: the challenge, or the end.
void LoadTraffic::OnPlain(std::string_view message) {
  Count(message);
  Transaction* const transaction = Find(message);
  if (transaction == nullptr) return;
  const int status = StatusOf(message);
  if (status != 401) return End(transaction, status, message);
  OnChallenge(&phones_[transaction->phone], message);
}

void LoadTraffic::OnChallenge(LoadPhone* phone, std::string_view message) {
  phone->security_server = ValueOf(message, "Security-Server");
  phone->port_ps = ServerPortOf(phone->security_server);
  if (phone->port_ps == 0) return End(Find(message), 401, message);
  if (is_tcp()) {
    streams_.Close(phone->connection);
    phone->connection = -1;
  }
  ++phone->cseq;
  SendProtected(
      phone, LoadMessages(network_).Register(*phone, TransactionOf(message),
                                             LoadMessages::Credentials::kAnswer, PhoneRoom(&uc_)));
}

// On port_us of a phone, or its connection: answers to what it sent from port_uc, and requests.
void LoadTraffic::OnProtected(std::string_view message) {
  Count(message);
  Transaction* const transaction = Find(message);
  if (transaction == nullptr) return;
  LoadPhone* const phone = &phones_[transaction->phone];
  const LoadMessages messages(network_);
  if (const int status = StatusOf(message); status == 0) {
    SendProtected(phone, messages.Ok(message, PhoneRoom(&uc_)));
  } else if (flow_ == LoadFlow::kMoInvite && status == 200) {
    SendProtected(phone, messages.Ack(*phone, transaction->id, message, PhoneRoom(&uc_)));
  } else {
    End(transaction, status, message);
  }
}

void LoadTraffic::OnCore(const LoadSocket::Received& received) {
  const std::string_view message = received.payload;
  Count(message);
  Transaction* const transaction = Find(message);
  if (transaction == nullptr) return;
  if (const int status = StatusOf(message); status != 0) {
    return End(transaction, status, message);
  }
  if (message.starts_with("ACK ")) return End(transaction, 200, message);
  const LoadMessages messages(network_);
  size_t size = 0;
  if (message.starts_with("INVITE ")) {
    size = messages.AcceptCall(message, RoomOf(&core_));
  } else if (!message.starts_with("REGISTER ")) {
    size = messages.Ok(message, RoomOf(&core_));
  } else if (message.find("response=\"\"") != std::string_view::npos) {
    size = messages.Challenge(message, RoomOf(&core_));
  } else {
    size = messages.Accept(message, RoomOf(&core_));
    if (flow_ == LoadFlow::kRegistration) {
      phones_[transaction->phone].path = ValueOf(message, "Path");
      phones_[transaction->phone].port_core = received.from.port;
    }
  }
  core_.Commit(0, received.from, size);
}

void LoadTraffic::Count(std::string_view message) {
  ++result_.forwarded;
  result_.forwarded_bytes += message.size();
}

LoadTraffic::Transaction* LoadTraffic::Find(std::string_view message) {
  const TransactionId id = TransactionOf(message);
  Transaction& transaction = slots_[id % kTransactionsMax];
  return id != 0 && transaction.id == id ? &transaction : nullptr;
}

void LoadTraffic::End(Transaction* transaction, int status, std::string_view message) {
  const uint64_t now_ns = NowNs();
  last_end_ns_ = std::max(last_end_ns_, now_ns);
  if (status == 200) {
    const uint64_t latency_ns = now_ns - transaction->started_ns;
    ++result_.completed;
    result_.latency_ns.push_back(static_cast<uint32_t>(std::min<uint64_t>(latency_ns, UINT32_MAX)));
    if (flow_ == LoadFlow::kRegistration) registered_.push_back(transaction->phone);
  } else {
    ++result_.refused;
    if (result_.surprise.empty()) result_.surprise = message.substr(0, message.find('\r'));
  }
  free_slots_.push_back(static_cast<uint32_t>(transaction->id % kTransactionsMax));
  transaction->id = 0;
}

void LoadTraffic::Expire(uint64_t now_ns) {
  while (!order_.empty()) {
    const Started& oldest = order_.front();
    Transaction& transaction = slots_[oldest.id % kTransactionsMax];
    if (transaction.id == oldest.id) {
      if (now_ns < oldest.started_ns + kTimeoutNs) return;
      ++result_.lost;
      free_slots_.push_back(static_cast<uint32_t>(oldest.id % kTransactionsMax));
      transaction.id = 0;
    }
    order_.pop_front();
  }
}

void LoadTraffic::GiveUp() {
  for (const Started& started : order_) {
    Transaction& transaction = slots_[started.id % kTransactionsMax];
    if (transaction.id != started.id) continue;
    ++result_.lost;
    free_slots_.push_back(static_cast<uint32_t>(started.id % kTransactionsMax));
    transaction.id = 0;
  }
  order_.clear();
}

void LoadTraffic::Flush() {
  plain_.Flush();
  uc_.Flush();
  us_.Flush();
  core_.Flush();
}

// Until something arrives or the next start is due.
void LoadTraffic::Wait(const LoadPace& pace, uint64_t now_ns) {
  uint64_t wait_ns = 10'000'000;
  if (pace.per_second > 0) {
    const double next_s = static_cast<double>(result_.started + 1) / pace.per_second;
    const uint64_t next_ns = begin_ns_ + static_cast<uint64_t>(next_s * 1e9);
    wait_ns = next_ns > now_ns ? std::min(next_ns - now_ns, wait_ns) : 0;
  }
  pollfd sockets[] = {{core_.fd(), POLLIN, 0},
                      {is_tcp() ? streams_.fd() : us_.fd(), POLLIN, 0},
                      {is_tcp() ? -1 : plain_.fd(), POLLIN, 0}};
  const timespec timeout = {0, static_cast<long>(wait_ns)};
  Flush();
  ppoll(sockets, std::size(sockets), &timeout, nullptr);
}

}  // namespace bench
