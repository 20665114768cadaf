// Asks DNS where requests to a name may go: edge/location.h decides what, c-ares asks, the ring
// tells when its sockets have something. Nothing here blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "edge/location.h"
#include "edge/settings.h"
#include "edge/slot_pool.h"
#include "reactor/readable.h"

struct ares_channeldata;

namespace edge {

class ResolverSink {
 public:
  virtual ~ResolverSink() = default;
  virtual void OnResolved(SlotId name, const Resolved& resolved) = 0;
};

class Resolver final : reactor::ReadableSink {
 public:
  // `core`: core.resolvers, and what can be reached by which transport. All outlive it.
  Resolver(const Settings::Core& core, ResolverSink* sink);
  // REQUIRES: closed() or the reactor is gone.
  ~Resolver() override;

  // Reads /etc/resolv.conf, unless the settings name servers. False: *error.
  bool Open(reactor::Reactor* reactor, std::string* error);

  // Once for each name until it is told; the answer comes from OnTime(), however fast it was.
  void Resolve(SlotId name, const NameQuery& query);
  // Questions that had their time are asked again or given up; answers are told.
  void OnTime();
  // Milliseconds until OnTime() has something to do; -1: nothing.
  int64_t WaitMs() const;

  // What is under way is not told any more.
  void Close();
  bool closed() const { return readable_ == nullptr || readable_->closed(); }

 private:
  // What c-ares gives back with an answer.
  struct Question {
    Resolver* resolver;
    SlotId name;
    uint32_t tag;
    DnsType type;
  };
  struct Arrived {
    SlotId name;
    uint32_t tag;
    DnsAnswer answer;
  };

  void OnReadable() override;
  void Ask(SlotId name, Location* location);
  void TakeAnswers();
  static void OnAnswer(void* question, int status, int timeouts, unsigned char* bytes, int size);
  static void OnSocket(void* resolver, int fd, int readable, int writable);

  const Settings::Core& core_;
  ResolverSink* sink_;
  ares_channeldata* channel_ = nullptr;
  int epoll_ = -1;
  std::unique_ptr<reactor::Readable> readable_;
  std::unordered_map<SlotId, Location> under_way_;
  std::vector<Arrived> arrived_;
  std::vector<SlotId> done_;
  bool closing_ = false;
};

}  // namespace edge
