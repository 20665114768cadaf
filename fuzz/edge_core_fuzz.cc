// Any order of events into the core: phones that register, answer, refresh, leave, repeat and lie;
// a core that answers as it likes; a kernel that refuses, falls silent or answers late; time.
// Whatever comes, no SPI is given out twice or lost, the kernel holds no SA that is nobody's, and
// no key goes to a phone. Where phones may register in clear, one that has SAs is not reached so.
//
// The input is a program: one byte says what happens, the bytes behind it to whom and how.
#include <linux/xfrm.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "edge/limits.h"
#include "tests/edge_phone.h"

namespace {

using edge::Answer;
using edge::LinesOf;
using edge::Replaced;
using edge::Sent;
using edge::TestPhone;
using edge::ValueOf;

constexpr int kStepsMax = 300;
constexpr std::string_view kCorePort = "10.0.0.10:5060";
constexpr std::string_view kGmPort = "192.0.2.10:5060";
constexpr std::string_view kCorePeer = "10.0.0.20:5060";
constexpr uint32_t kSpiMin = 256;
constexpr uint32_t kSpiMax = 275;  // Ten pairs, so that they run out.

void Require(bool condition) {
  if (!condition) std::abort();
}

// Bytes of the input, then zeros.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  uint8_t Byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::string Bytes(size_t count) {
    std::string bytes;
    while (count-- > 0 && size_ > 0) bytes += static_cast<char>(Byte());
    return bytes;
  }
  // One of a list.
  template <typename List>
  auto& Of(List& list) {
    return list[Byte() % std::size(list)];
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

edge::Settings FuzzSettings(int protected_ports) {
  edge::Settings settings;
  settings.gm.listen = {edge::At("192.0.2.10:5060")};
  for (int i = 0; i < protected_ports; ++i) {
    settings.ipsec.sockets.push_back(edge::At("192.0.2.10:" + std::to_string(6101 + i)));
  }
  settings.core.listen = edge::At(kCorePort);
  settings.core.next_hops = {edge::At(kCorePeer)};
  settings.core.host = "pcscf.example.org";
  return settings;
}

class Play {
 public:
  Play(const uint8_t* data, size_t size)
      : input_(data, size),
        first_(input_.Byte()),
        ports_(2 + first_ % 2),
        world_(FuzzSettings(ports_), kSpiMin, kSpiMax) {
    world_.settings().gm.sec_agree = edge::SecAgree(first_ / 2 % 3);
    world_.settings().core.reg_event = first_ / 6 % 2 == 1;
    for (size_t i = 0; i < phones_.size(); ++i) {
      TestPhone& phone = phones_[i];
      phone.imsi = "00101000000000" + std::to_string(i);
      // The first two share an address and its ports; one has SPIs of our own range.
      phone.address = i < 2 ? "198.51.100.77" : "198.51.100.78";
      phone.spi_uc = i == 2 ? kSpiMin : 4000;
      phone.spi_us = phone.spi_uc + 11;
      phone.set = {phone.At(phone.port_uc), "192.0.2.10:6101", "192.0.2.10:6102",
                   phone.At(phone.port_us), "ipsec-3gpp"};
    }
  }

  void Run() {
    for (int i = 0; i < kStepsMax && !input_.empty(); ++i) {
      Step();
      CheckInvariants();
    }
    End();
  }

 private:
  void Step() {
    const uint8_t who = input_.Byte();
    TestPhone& phone = phones_[who % phones_.size()];
    if (who / phones_.size() % 8 == 7) return InClear(&phone);
    switch (input_.Byte() % 16) {
      case 0:
        return Deliver(phone.Clear(), phone.Gm(), phone.Initial());
      case 1:
      case 2:
        return Deliver(phone.set.client, phone.set.server, phone.Protected());
      case 3:
        return Deliver(phone.set.client, phone.set.server,
                       Replaced(phone.Protected(), "Expires: 600000", "Expires: 0"));
      case 4:
        return phone.OfferAnew();
      case 5:
      case 6:
        return AnswerOfCore(&phone);
      case 7:
        return Challenge(&phone);
      case 8:
        return FailedChallenge(&phone);
      case 9:
        return Deliver(phone.set.client, phone.set.server,
                       phone.Request("INVITE", "sip:b@x", phone.port_us, ""));
      case 10:
        return ToPhone();
      case 11:
        return Time();
      case 12:
      case 13:
        return Kernel();
      case 14:
        return Again(phone);
      default:
        return Raw(phone);
    }
  }

  void InClear(TestPhone* phone) {
    const uint8_t what = input_.Byte();
    const std::string method = what % 4 == 2 ? "OPTIONS" : what % 4 == 3 ? "INVITE" : "REGISTER";
    const std::string lines = "Contact: <sip:a@" + phone->Clear() +
                              ">\r\nAuthorization: Digest username=\"" + phone->Impi() +
                              "\"\r\nExpires: " + (what % 4 == 0 ? "600" : "0") + "\r\n";
    Deliver(phone->Clear(), phone->Gm(), phone->Request(method, "sip:x", 5060, lines));
  }

  void Raw(const TestPhone& phone) {
    const int port = input_.Byte() % (ports_ + 2);
    const size_t size = input_.Byte();
    const std::string text = input_.Bytes(size);
    if (port == ports_) return FromCore(text);
    Deliver(phone.Clear(), "192.0.2.10:" + std::to_string(port > ports_ ? 5060 : 6101 + port),
            text);
  }

  // The last requests that reached the core; none: an empty text.
  std::string Forwarded() {
    if (forwarded_.empty()) return {};
    const size_t back = input_.Byte() % std::min<size_t>(forwarded_.size(), 4);
    return forwarded_[forwarded_.size() - 1 - back];
  }
  void FromCore(const std::string& text) {
    Deliver(std::string(kCorePeer), std::string(kCorePort), text);
  }
  void AnswerOfCore(TestPhone* phone) {
    static constexpr int kStatuses[] = {200, 200, 200, 100, 180, 403, 401, 407, 500, 604};
    static constexpr const char* kLines[] = {
        "Expires: 3600\r\n",
        "Expires: 60\r\n",
        "Expires: 0\r\n",
        "",
        "Contact: *\r\n",
        "Expires: 4294967295\r\n",
        "Service-Route: <sip:orig@10.0.0.30;lr>\r\nExpires: 600\r\n"};
    const std::string request = Forwarded();
    if (request.empty()) return;
    const int status = input_.Of(kStatuses);
    std::string lines = input_.Of(kLines);
    if ((input_.Byte() & 1) == 0) lines += LinesOf(request, "Contact");
    if (status >= 400) lines += edge::ChallengeLine("nonce");
    FromCore(Answer(request, status, lines));
    Learn(phone);
  }
  void Challenge(TestPhone* phone) {
    const std::string request = Forwarded();
    if (request.empty()) return;
    FromCore(Answer(request, 401, edge::ChallengeLine("n" + std::to_string(++challenges_))));
    Learn(phone);
  }
  // A phone hears its 401s, whoever was meant to move.
  void Learn(TestPhone* phone) {
    for (const Sent& sent : last_sent_) {
      if (edge::StatusOf(sent.text) != 401 || LinesOf(sent.text, "Security-Server").empty()) {
        continue;
      }
      if (sent.to.starts_with(phone->address + ":")) phone->TakeChallenge(sent.text);
    }
  }
  void FailedChallenge(TestPhone* phone) {
    const uint8_t how = input_.Byte();
    const std::string credentials =
        "nonce=\"" + phone->nonce + "\"," +
        ((how & 1) != 0 ? "response=\"\"" : "response=\"f0\",auts=\"uoU/PBIctV7bggBAq0E=\"");
    const std::string lines =
        phone->SecurityClient() + "Security-Verify: " + phone->set.security_server + "\r\n";
    if ((how & 2) != 0) {
      return Deliver(phone->set.client, phone->set.server,
                     phone->Register(phone->port_us, credentials, lines));
    }
    Deliver(phone->Clear(), phone->Gm(), phone->Register(5060, credentials, lines));
  }
  // A request of the core along a Path it was given, and the phone's answer.
  void ToPhone() {
    const std::string path = ValueOf(Forwarded(), "Path");
    if (path.empty()) return;
    FromCore(
        "INVITE sip:a@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.30:6060;branch=z9hG4bK-mt\r\n"
        "Max-Forwards: 70\r\nRoute: " +
        path.substr(0, path.find('>') + 1) +
        "\r\nFrom: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt\r\nCSeq: 1 INVITE\r\n\r\n");
    if (last_sent_.empty() || !last_sent_[0].text.starts_with("INVITE")) return;
    const std::string request = last_sent_[0].text;
    for (const TestPhone& phone : phones_) {
      Deliver(phone.set.client, phone.set.server, Answer(request, 200));
      Deliver(phone.Clear(), phone.Gm(), Answer(request, 200));
    }
  }

  void Time() {
    static constexpr uint64_t kSteps[] = {1,      500,    1'000,   2'000,   10'000,
                                          30'000, 64'000, 128'000, 600'000, 3'600'000};
    world_.Advance(input_.Of(kSteps));
    TakeSent();
  }

  void Kernel() {
    static constexpr std::errc kErrors[] = {
        std::errc::operation_not_permitted, std::errc::protocol_not_supported,
        std::errc::file_exists, std::errc::invalid_argument, std::errc::not_enough_memory};
    static constexpr uint16_t kTypes[] = {XFRM_MSG_NEWSA, XFRM_MSG_UPDSA, XFRM_MSG_DELSA,
                                          XFRM_MSG_GETSA};
    switch (input_.Byte() % 6) {
      case 0: {
        const std::errc error = input_.Of(kErrors);
        const uint16_t type = input_.Of(kTypes);
        const int ordinal = input_.Byte() % 8;
        world_.kernel().SetFault([=](uint16_t asked, int number) {
          return asked == type && number >= ordinal ? error : std::errc{};
        });
        break;
      }
      case 1:
        world_.kernel().SetFault(nullptr);
        return;
      case 2:
        world_.set_kernel_deaf(true);
        break;
      case 3:
        world_.set_kernel_deaf(false);
        return;
      case 4:
        world_.kernel().DropNextAnswers(1);
        break;
      default:
        world_.kernel().HoldAnswers(true);
        break;
    }
    kernel_is_good_ = false;
  }

  // Something that was sent before: as it was, from another flow, or with a byte changed.
  void Again(const TestPhone& phone) {
    if (history_.empty()) return;
    const auto [from, to, text] = history_[history_.size() - 1 - input_.Byte() % history_.size()];
    const uint8_t how = input_.Byte();
    // What the core writes stays as it is: a changed name of a key's parameter is no key's.
    if (how % 3 == 0 || to == kCorePort) return Deliver(from, to, text);
    if (how % 3 == 1) return Deliver(phone.set.client, phone.set.server, text);
    std::string changed = text;
    size_t at = input_.Byte();
    at = at * 256 + input_.Byte();
    if (!changed.empty()) changed[at % changed.size()] = static_cast<char>(input_.Byte());
    Deliver(from, to, changed);
  }

  void Deliver(const std::string& from, const std::string& to, const std::string& text) {
    history_.emplace_back(from, to, text);
    if (history_.size() > 64) history_.erase(history_.begin());
    // A phone that knows the keys may say them, and hear itself.
    if (to != kCorePort) phones_know_ = phones_know_ || HasKey(text);
    world_.Deliver(from, to, text);
    TakeSent();
  }
  void TakeSent() {
    last_sent_.clear();
    while (!world_.sent().empty()) {
      last_sent_.push_back(world_.Pop());
      const Sent& sent = last_sent_.back();
      if (sent.from == kCorePort && edge::StatusOf(sent.text) == 0) {
        forwarded_.push_back(sent.text);
      } else if (sent.from != kCorePort) {
        Require(phones_know_ || !HasKey(sent.text));
        if (sent.from == kGmPort && edge::StatusOf(sent.text) == 0) RequireInClear(sent.to);
      }
    }
  }
  // A request left in clear: to a phone that is registered so and has no SAs in use.
  void RequireInClear(const std::string& to) {
    edge::Registrar& registrar = world_.core().registrar();
    bool found = false;
    registrar.bindings().ForEach([&](edge::Binding* one) {
      found |= registrar.IsInClear(*one) && edge::TextOf(one->clear->to.remote) == to;
    });
    Require(found && first_ / 2 % 3 != 0);
  }
  static bool HasKey(const std::string& text) {
    return text.find(edge::kIk.substr(0, 8)) != std::string::npos ||
           text.find(edge::kCk.substr(0, 8)) != std::string::npos;
  }

  void CheckInvariants() {
    edge::Registrar& registrar = world_.core().registrar();
    const xfrm::SpiPool::Counts counts = world_.spis().counts();
    Require(counts.free + counts.used + counts.quarantined == world_.spis().capacity());
    Require(counts.used == registrar.sets().in_use());

    // An SA by what the kernel knows it by and whose it is.
    using Id = std::tuple<std::array<uint8_t, 16>, uint32_t, uint64_t>;
    std::set<uint32_t> spis;
    std::set<Id> known;
    std::set<Id> certain;
    registrar.sets().ForEach([&](edge::SaSet* set) {
      const edge::Agreement& agreement = set->agreement;
      for (const uint32_t spi : {agreement.spis.client, agreement.spis.server}) {
        Require(spi >= kSpiMin && spi <= kSpiMax && spis.insert(spi).second);
        Require(spi != agreement.spi_uc && spi != agreement.spi_us);
      }
      edge::Binding* binding = registrar.FindBinding(set->binding);
      Require(binding != nullptr);
      Require(registrar.CountLive(*binding) <= edge::kSetsPerBindingMax);
      for (const xfrm::SaId& id : edge::MakeSaIds(agreement)) {
        const Id mine = {id.destination.bytes, id.spi, edge::LabelOf(agreement.spis)};
        known.insert(mine);
        if (edge::CarriesTraffic(set->state)) certain.insert(mine);
      }
      Require(!kernel_is_good_ || set->state != edge::SetState::kDeleting);
    });
    std::set<Id> held;
    for (const xfrm::SaInfo& sa : world_.kernel().Sas()) {
      const Id there = {sa.id.destination.bytes, sa.id.spi, sa.hard_packets};
      held.insert(there);
      Require(known.count(there) == 1);
    }
    // However the kernel behaves: no set's end takes an SA of another's (DESIGN.md D12).
    for (const Id& id : certain) Require(held.count(id) == 1);
  }

  // With a kernel that works again everything goes back to where it came from.
  void End() {
    world_.kernel().SetFault(nullptr);
    world_.set_kernel_deaf(false);
    world_.ReleaseAnswers();
    world_.core().DeleteAll(world_.now_ms(), &world_);
    for (int i = 0; i < 70; ++i) world_.Advance(1'000);
    TakeSent();
    CheckInvariants();
    edge::Registrar& registrar = world_.core().registrar();
    Require(world_.kernel().sa_count() == 0);
    Require(registrar.sets().in_use() == 0);
    Require(world_.core().transactions() == 0);
    Require(registrar.bindings().in_use() == registrar.registered());
  }

  Input input_;
  const uint8_t first_;
  const int ports_;
  edge::World world_;
  std::array<TestPhone, 3> phones_;
  std::vector<std::string> forwarded_;
  std::vector<std::tuple<std::string, std::string, std::string>> history_;
  std::vector<Sent> last_sent_;
  int challenges_ = 0;
  bool kernel_is_good_ = true;
  bool phones_know_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Play(data, size).Run();
  return 0;
}
