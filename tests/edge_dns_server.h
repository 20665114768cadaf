// DNS as tests need it: responses from records, and a server on loopback that has a few of them.
#pragma once

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "edge/location.h"
#include "tests/edge_loopback.h"

namespace edge {

inline void PutNumber(uint16_t number, std::string* out) {
  *out += static_cast<char>(number >> 8);
  *out += static_cast<char>(number & 0xff);
}
// "a.example" as labels.
inline std::string DnsName(const std::string& name) {
  std::string out;
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    out += static_cast<char>(end - at);
    out += name.substr(at, end - at);
    at = end + 1;
  }
  return out + '\0';
}
inline std::string DnsText(const std::string& text) {
  return static_cast<char>(text.size()) + text;
}

// Record data.
inline std::string AddressData(const std::string& address) {
  const reactor::Endpoint endpoint = At(address);
  return {reinterpret_cast<const char*>(endpoint.address().data()), endpoint.address().size()};
}
inline std::string SrvData(uint16_t priority, uint16_t weight, uint16_t port,
                           const std::string& host) {
  std::string out;
  for (const uint16_t number : {priority, weight, port}) PutNumber(number, &out);
  return out + DnsName(host);
}
inline std::string NaptrData(uint16_t order, uint16_t preference, const std::string& flags,
                             const std::string& service, const std::string& replacement) {
  std::string out;
  for (const uint16_t number : {order, preference}) PutNumber(number, &out);
  return out + DnsText(flags) + DnsText(service) + DnsText("") + DnsName(replacement);
}

struct DnsRecord {
  std::string name;
  DnsType type;
  uint32_t ttl_s;
  std::string data;
};

// The response to a query, whose header and question it repeats.
inline std::string DnsResponse(const std::string& query, const std::vector<DnsRecord>& records,
                               int code) {
  std::string out = query.substr(0, 2);
  out += "\x85";
  out += static_cast<char>(0x80 | code);
  for (const size_t count : {size_t{1}, records.size(), size_t{0}, size_t{0}}) {
    PutNumber(static_cast<uint16_t>(count), &out);
  }
  const size_t question_end = query.find('\0', 12) + 5;
  out += query.substr(12, question_end - 12);
  for (const DnsRecord& record : records) {
    out += DnsName(record.name);
    PutNumber(static_cast<uint16_t>(record.type), &out);
    PutNumber(1, &out);
    PutNumber(static_cast<uint16_t>(record.ttl_s >> 16), &out);
    PutNumber(static_cast<uint16_t>(record.ttl_s & 0xffff), &out);
    PutNumber(static_cast<uint16_t>(record.data.size()), &out);
    out += record.data;
  }
  return out;
}

// Has what it was told, and else NXDOMAIN.
class DnsServer {
 public:
  DnsServer() : socket_(At("127.0.0.1:0")), thread_([this] { Serve(); }) {}
  ~DnsServer() {
    stopping_ = true;
    thread_.join();
  }

  const reactor::Endpoint& address() const { return socket_.local(); }
  void Add(const std::string& name, DnsType type, const std::string& data, uint32_t ttl_s = 60) {
    const std::lock_guard<std::mutex> lock(mutex_);
    records_.push_back({name, type, ttl_s, data});
  }
  void Clear() {
    const std::lock_guard<std::mutex> lock(mutex_);
    records_.clear();
  }
  // From now on it answers nothing; or, with a code above 0, that and nothing else.
  void set_silent(bool silent) { silent_ = silent; }
  void set_code(int code) { code_ = code; }
  // "NAME TYPE" of the questions so far, repeated ones included.
  std::vector<std::string> questions() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return questions_;
  }

 private:
  void Serve() {
    while (!stopping_) {
      pollfd waits{socket_.fd(), POLLIN, 0};
      if (poll(&waits, 1, 20) <= 0) continue;
      reactor::Endpoint from;
      const std::string query = socket_.Receive(&from, MSG_DONTWAIT);
      if (query.size() < 17) continue;
      const std::string response = Answer(query);
      if (!silent_) socket_.Send(from, response);
    }
  }
  std::string Answer(const std::string& query) {
    std::string name;
    size_t at = 12;
    for (size_t size; at < query.size() && (size = static_cast<uint8_t>(query[at])) != 0;
         at += size + 1) {
      name += (name.empty() ? "" : ".") + query.substr(at + 1, size);
    }
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto type = static_cast<DnsType>(static_cast<uint8_t>(query[at + 1]) << 8 |
                                           static_cast<uint8_t>(query[at + 2]));
    const std::lock_guard<std::mutex> lock(mutex_);
    questions_.push_back(name + " " + std::to_string(static_cast<int>(type)));
    std::vector<DnsRecord> found;
    bool is_known = false;
    for (const DnsRecord& record : records_) {
      is_known = is_known || record.name == name;
      if (record.name == name && record.type == type) found.push_back(record);
    }
    if (code_ != 0) return DnsResponse(query, {}, code_);
    return DnsResponse(query, found, is_known ? 0 : 3);
  }

  UdpEnd socket_;
  std::mutex mutex_;
  std::vector<DnsRecord> records_;
  std::vector<std::string> questions_;
  std::atomic<bool> silent_ = false;
  std::atomic<int> code_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace edge
