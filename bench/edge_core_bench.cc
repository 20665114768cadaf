// What the core takes for one message it forwards, without sockets: bytes in, the decision, slices
// out. The message of another phone each time, so that with many phones tables and messages come
// from memory and not from the cache. heap_calls counts operator new; it is to be 0.
//
// And what it takes for a phone's registration, of which each is a new one: four messages, and the
// kernel's two verdicts.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "tests/edge_phone.h"
#include "tests/edge_world.h"

namespace {

uint64_t heap_calls = 0;

}  // namespace

// Not inlined, or g++ takes malloc and free for a mismatched pair of new and delete.
[[gnu::noinline]] void* operator new(size_t size) {
  ++heap_calls;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace edge {
namespace {

constexpr std::string_view kCore = "10.0.0.10:5060";
constexpr std::string_view kIcscf = "10.0.0.20:5060";
constexpr std::string_view kServiceRoute = "<sip:orig@10.0.0.20:6060;lr>";

// Takes what is sent and does nothing with it.
class NullActions final : public Actions {
 public:
  void Send(const Flow&, std::span<const std::string_view> pieces) override {
    ++sends;
    benchmark::DoNotOptimize(pieces.data());
  }
  void Disconnect(const Flow&) override {}
  void Install(SetId, std::span<const xfrm::Sa>) override {}
  void Extend(SetId, std::span<const xfrm::Sa>, std::span<const xfrm::Sa>) override {}
  void Delete(SetId, const SaIds&, bool) override {}
  void Look(SetId, std::span<const xfrm::SaId>) override {}
  void Report(const Attempt&) override {}

  uint64_t sends = 0;
};

struct Input {
  Flow flow;
  std::string padded;
  size_t size = 0;

  sip::PaddedView view() const { return sip::PaddedView::Promise({padded.data(), size}); }
};

// What one phone and the core say to one another, each message as the core gets it.
struct Messages {
  Input mo_request;
  Input mo_response;
  Input mt_request;
  Input mt_response;
};

Settings BenchSettings() {
  Settings settings;
  settings.gm.listen = {At("192.0.2.10:5060")};
  settings.ipsec.sockets = {At("192.0.2.10:6101"), At("192.0.2.10:6102")};
  settings.core.listen = At(kCore);
  settings.core.next_hops = {At(kIcscf)};
  settings.core.host = "pcscf.example.org";
  settings.core.reg_event = false;
  settings.core.visited_network_id = "visited.example.org";
  settings.core.orig_ioi = "ioi.example.org";
  settings.core.access_network_info = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=0010100010019C01";
  return settings;
}

// Each with an address of its own.
TestPhone PhoneAt(int64_t index) {
  TestPhone phone;
  phone.imsi = std::to_string(1'010'000'000'001 + index);
  phone.address = "198." + std::to_string(18 + index / 65536) + "." +
                  std::to_string(index / 256 % 256) + "." + std::to_string(index % 256);
  return phone;
}

class Phones {
 public:
  explicit Phones(int64_t count) : world_(BenchSettings()) {
    for (int64_t i = 0; i < count; ++i) {
      TestPhone phone = PhoneAt(i);
      messages_.push_back(Play(&phone));
    }
  }

  Core& core() { return world_.core(); }
  uint64_t now_ms() const { return world_.now_ms(); }
  const std::vector<Messages>& messages() const { return messages_; }

 private:
  std::string Deliver(std::string_view from, std::string_view to, const std::string& text) {
    world_.Deliver(from, to, text);
    const std::string sent = world_.Pop().text;
    if (sent.empty()) std::abort();  // Or what follows would measure a refusal.
    return sent;
  }
  Input InputOf(std::string_view from, std::string_view to, const std::string& text) const {
    return {
        {world_.PortAt(to), At(from)}, text + std::string(sip::kPaddingSize, '\0'), text.size()};
  }

  // Registers, and sends one request in each direction.
  Messages Play(TestPhone* phone) {
    const std::string first = Deliver(phone->Clear(), phone->Gm(), phone->Initial());
    phone->TakeChallenge(Deliver(kIcscf, kCore, Answer(first, 401, ChallengeLine(phone->imsi))));
    const std::string second = Deliver(phone->set.client, phone->set.server, phone->Protected());
    const std::string lines = LinesOf(second, "Contact") +
                              "Expires: 600000\r\nService-Route: " + std::string(kServiceRoute) +
                              "\r\nP-Associated-URI: <sip:" + phone->Impi() + ">, <tel:+" +
                              phone->imsi + ">\r\n";
    if (StatusOf(Deliver(kIcscf, kCore, Answer(second, 200, lines))) != 200) std::abort();

    Messages messages;
    const std::string common = "Supported: 100rel, timer, sec-agree\r\nUser-Agent: phone\r\n";
    const std::string mo =
        phone->Request("OPTIONS", "sip:bob@example.net", phone->port_us,
                       "Route: <sip:" + phone->set.server + ";lr>, " + std::string(kServiceRoute) +
                           "\r\nP-Preferred-Identity: <tel:+" + phone->imsi +
                           ">\r\nP-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=1\r\n"
                           "Require: sec-agree\r\nProxy-Require: sec-agree\r\nSecurity-Verify: " +
                           phone->set.security_server + "\r\n" + common);
    messages.mo_request = InputOf(phone->set.client, phone->set.server, mo);
    const std::string forwarded = Deliver(phone->set.client, phone->set.server, mo);
    messages.mo_response = InputOf(kIcscf, kCore, Answer(forwarded, 200, common));
    const std::string mt = "OPTIONS sip:" + phone->imsi + "@" + phone->set.to + " SIP/2.0\r\n" +
                           "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK-s-" + phone->imsi +
                           "\r\nMax-Forwards: 66\r\nRoute: " + ValueOf(second, "Path") +
                           "\r\nFrom: <sip:bob@example.net>;tag=1\r\nTo: <tel:+" + phone->imsi +
                           ">\r\nCall-ID: mt-" + phone->imsi +
                           "\r\nCSeq: 1 OPTIONS\r\nP-Called-Party-ID: <tel:+" + phone->imsi +
                           ">\r\nP-Charging-Vector: icid-value=AA17;orig-ioi=home.example.net\r\n" +
                           common + "Content-Length: 0\r\n\r\n";
    messages.mt_request = InputOf(kIcscf, kCore, mt);
    const std::string at_phone = Deliver(kIcscf, kCore, mt);
    messages.mt_response =
        InputOf(phone->set.client, phone->set.server, Answer(at_phone, 200, common));
    return messages;
  }

  World world_;
  std::vector<Messages> messages_;
};

// Registered once for all benches.
Phones& PhonesOf(int64_t count) {
  static std::map<int64_t, Phones> all;
  return all.try_emplace(count, count).first->second;
}

void Forward(benchmark::State& state, Input Messages::*kind) {
  Phones& phones = PhonesOf(state.range(0));
  NullActions actions;
  size_t next = 0;
  uint64_t bytes = 0;
  const uint64_t heap_before = heap_calls;
  for (auto _ : state) {
    const Input& input = phones.messages()[next].*kind;
    if (++next == phones.messages().size()) next = 0;
    phones.core().OnMessage(input.flow, input.view(), phones.now_ms(), &actions);
    bytes += input.size;
  }
  const uint64_t calls = heap_calls - heap_before;
  const auto count = static_cast<uint64_t>(state.iterations());
  if (actions.sends != count) state.SkipWithError("not every message was forwarded");
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.counters["heap_calls"] = static_cast<double>(calls) / static_cast<double>(count);
}

// A registration at a time: keeps the last that was sent, and what the kernel is asked.
class RegistrationActions final : public Actions {
 public:
  void Send(const Flow&, std::span<const std::string_view> pieces) override {
    size = 0;
    for (const std::string_view piece : pieces)
      size += piece.copy(text.data() + size, piece.size());
  }
  void Disconnect(const Flow&) override {}
  void Install(SetId set, std::span<const xfrm::Sa>) override { installing = set; }
  void Extend(SetId set, std::span<const xfrm::Sa>, std::span<const xfrm::Sa>) override {
    extending = set;
  }
  void Delete(SetId, const SaIds&, bool) override {}
  void Look(SetId, std::span<const xfrm::SaId>) override {}
  void Report(const Attempt& attempt) override { registered += attempt.status == 200 ? 1 : 0; }

  std::string sent() const { return {text.data(), size}; }

  std::array<char, 16384> text;
  size_t size = 0;
  SetId installing = 0;
  SetId extending = 0;
  int64_t registered = 0;
};

// Time is that of the core alone; the texts are written beside it.
class Registration {
 public:
  Registration()
      : settings_(BenchSettings()),
        ports_(PortsOf(settings_)),
        spis_({.min_spi = 65536, .max_spi = 4'000'000, .permutation_key = {1, 2}}),
        core_(settings_, ports_, &spis_, &random_, kNowMs) {}

  void Play(TestPhone* phone) {
    const std::string first = Deliver(phone->Clear(), phone->Gm(), phone->Initial());
    phone->TakeChallenge(Deliver(kIcscf, kCore, Answer(first, 401, ChallengeLine(phone->imsi))));
    const std::string second = Deliver(phone->set.client, phone->set.server, phone->Protected());
    Deliver(kIcscf, kCore,
            Answer(second, 200,
                   LinesOf(second, "Contact") +
                       "Expires: 600000\r\nService-Route: " + std::string(kServiceRoute) +
                       "\r\nP-Associated-URI: <sip:" + phone->Impi() + ">\r\n"));
  }
  int64_t registered() const { return actions_.registered; }
  double seconds() const { return seconds_; }
  uint64_t heap_calls_within() const { return heap_calls_within_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr uint64_t kNowMs = 1'000'000;

  std::string Deliver(std::string_view from, std::string_view to, std::string text) {
    const auto is_there = [&](const Port& port) { return port.local == At(to); };
    const auto port = std::find_if(ports_.begin(), ports_.end(), is_there);
    const Flow flow{static_cast<PortIndex>(port - ports_.begin()), At(from)};
    const size_t size = text.size();
    text.append(sip::kPaddingSize, '\0');
    const uint64_t heap_before = heap_calls;
    const Clock::time_point begin = Clock::now();
    core_.OnMessage(flow, sip::PaddedView::Promise({text.data(), size}), kNowMs, &actions_);
    if (actions_.installing != 0) core_.OnInstalled(actions_.installing, {}, {}, kNowMs, &actions_);
    if (actions_.extending != 0) core_.OnExtended(actions_.extending, {}, {}, kNowMs, &actions_);
    seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
    heap_calls_within_ += heap_calls - heap_before;
    actions_.installing = actions_.extending = 0;
    return actions_.sent();
  }

  Settings settings_;
  std::vector<Port> ports_;
  CountingRandom random_;
  xfrm::SpiPool spis_;
  Core core_;
  RegistrationActions actions_;
  double seconds_ = 0;
  uint64_t heap_calls_within_ = 0;
};

void Register(benchmark::State& state) {
  Registration registration;
  int64_t count = 0;
  for (auto _ : state) {
    TestPhone phone = PhoneAt(count++);
    const double before = registration.seconds();
    registration.Play(&phone);
    state.SetIterationTime(registration.seconds() - before);
  }
  if (registration.registered() != count) state.SkipWithError("not every phone was registered");
  state.SetItemsProcessed(count);
  state.counters["heap_calls"] =
      static_cast<double>(registration.heap_calls_within()) / static_cast<double>(count);
}

BENCHMARK(Register)->Iterations(20'000)->UseManualTime();
BENCHMARK_CAPTURE(Forward, mo_request, &Messages::mo_request)->Arg(1)->Arg(10'000);
BENCHMARK_CAPTURE(Forward, mo_response, &Messages::mo_response)->Arg(1)->Arg(10'000);
BENCHMARK_CAPTURE(Forward, mt_request, &Messages::mt_request)->Arg(1)->Arg(10'000);
BENCHMARK_CAPTURE(Forward, mt_response, &Messages::mt_response)->Arg(1)->Arg(10'000);

}  // namespace
}  // namespace edge

BENCHMARK_MAIN();
