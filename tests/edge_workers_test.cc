// Two workers over loopback, with one fake kernel: whose ports are whose, phones that come to the
// other one, streams through both, and the end of both.
#include <gmock/gmock.h>
#include <signal.h>
#include <sodium.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <future>
#include <optional>
#include <set>
#include <thread>

#include "edge/cpus.h"
#include "edge/worker_settings.h"
#include "edge/workers.h"
#include "reactor/udp_socket.h"
#include "tests/edge_loopback.h"
#include "tests/edge_phone.h"
#include "tests/free_ports.h"

namespace edge {
namespace {

using testing::HasSubstr;
using testing::Not;
using Clock = std::chrono::steady_clock;

bool WaitUntil(const std::function<bool()>& done) {
  const auto deadline = Clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// A phone with the sockets of one agreement.
struct LoopbackPhone : TestPhone {
  explicit LoopbackPhone(const std::string& address_in, const reactor::Endpoint& gm) : at_gm(gm) {
    address = address_in;
    pcscf = "127.0.0.1";
    MoveClear();
    OpenProtected();
  }
  // Another port in clear, so that any worker may be the next.
  void MoveClear() { clear = std::make_unique<UdpEnd>(edge::At(At(0))); }
  void OpenProtected() {
    client = std::make_unique<UdpEnd>(edge::At(At(0)));
    server = std::make_unique<UdpEnd>(edge::At(At(0)));
    port_uc = client->port();
    port_us = server->port();
  }
  std::string Begin() {
    const std::string request =
        Register(clear->port(), "nonce=\"\",response=\"\"", SecurityClient());
    clear->Send(at_gm, request);
    return request;
  }
  void Speak(const std::string& text) { client->Send(edge::At(set.server), text); }

  reactor::Endpoint at_gm;
  std::unique_ptr<UdpEnd> clear;
  std::unique_ptr<UdpEnd> client;
  std::unique_ptr<UdpEnd> server;
};

class EdgeWorkers : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_GE(sodium_init(), 0);
    spdlog::set_level(spdlog::level::err);
    // Sent to this very process; the workers' own thread takes it.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  }

  void SetUp() override {
    const std::vector<reactor::Endpoint> free = reactor::FreePorts(At("127.0.0.1:0"), 9);
    settings_.process.workers = 2;
    settings_.process.drain_s = 30;
    settings_.gm.listen = {free[0]};
    settings_.ipsec.sockets.assign(free.begin() + 1, free.begin() + 7);
    settings_.core.listens.assign(free.begin() + 7, free.begin() + 9);
    settings_.core.listen = settings_.core.listens[0];
    settings_.core.host = "127.0.0.1";
    settings_.core.next_hops = {core_.local()};
    settings_.core.reg_event = false;
    settings_.limits.half_open_per_source_max = 1000;
  }
  void TearDown() override { End(); }

  // As the daemon does: one thread opens them, and runs them to their end.
  std::string Open() {
    workers_ = std::make_unique<Workers>(
        settings_, [this] { return std::make_unique<WayToKernel>(&kernel_); }, &random_);
    std::promise<std::string> opened;
    std::future<std::string> error = opened.get_future();
    thread_ = std::thread([this, &opened] {
      std::string why;
      const bool is_open = workers_->Open(&why);
      opened.set_value(why);
      if (is_open) workers_->Run([this] { return reread_; });
    });
    const std::string why = error.get();
    if (!why.empty()) thread_.join();
    return why;
  }
  void Start() { ASSERT_EQ(Open(), ""); }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }
  void End() {
    if (!thread_.joinable()) return;
    workers_->Stop();
    workers_->Stop();
    thread_.join();
  }

  // A phone at an address of its own, whatever else runs on this machine.
  LoopbackPhone MakePhone(int number) const {
    const int pid = static_cast<int>(getpid());
    LoopbackPhone phone("127." + std::to_string(64 + pid % 64) + "." +
                            std::to_string(pid / 64 % 256) + "." + std::to_string(10 + number),
                        settings_.gm.listen[0]);
    phone.imsi = "00101000000" + std::to_string(1000 + number);
    return phone;
  }

  // What the core gets, and whose it is.
  std::string AtCore(size_t* worker) {
    reactor::Endpoint from;
    const std::string text = core_.Receive(&from);
    for (*worker = 0; *worker < 2; ++*worker) {
      if (from == settings_.core.listens[*worker]) return text;
    }
    ADD_FAILURE() << "from " << TextOf(from) << ": " << text;
    *worker = 0;
    return text;
  }
  void FromCore(size_t worker, const std::string& text) {
    core_.Send(settings_.core.listens[worker], text);
  }

  // REGISTERs in clear until one comes to `worker`; the core's view of that one.
  std::string BeginAt(size_t worker, LoopbackPhone* phone) {
    for (int i = 0; i < 200; ++i) {
      phone->Begin();
      size_t at = 0;
      const std::string forwarded = AtCore(&at);
      if (at == worker) return forwarded;
      FromCore(at, Answer(forwarded, 403));
      EXPECT_EQ(StatusOf(phone->clear->Receive()), 403);
      phone->MoveClear();
    }
    ADD_FAILURE() << "never came to worker " << worker;
    return {};
  }
  void Challenge(size_t worker, LoopbackPhone* phone, const std::string& forwarded) {
    FromCore(worker, Answer(forwarded, 401, ChallengeLine("nonce-" + phone->imsi)));
    const std::string challenge = phone->clear->Receive();
    ASSERT_EQ(StatusOf(challenge), 401) << challenge;
    phone->TakeChallenge(challenge);
  }
  // Its answer over the new set, and the core's 200. Returns what the core got.
  std::string Complete(size_t worker, LoopbackPhone* phone, const std::string& route = "") {
    phone->Speak(phone->Protected());
    size_t at = 0;
    const std::string forwarded = AtCore(&at);
    EXPECT_EQ(at, worker);
    FromCore(worker,
             Answer(forwarded, 200, LinesOf(forwarded, "Contact") + "Expires: 3600\r\n" + route));
    EXPECT_EQ(StatusOf(phone->server->Receive()), 200);
    return forwarded;
  }
  // Registers at that worker. Returns the REGISTER that the core accepted.
  std::string RegisterAt(size_t worker, LoopbackPhone* phone, const std::string& route = "") {
    Challenge(worker, phone, BeginAt(worker, phone));
    if (phone->set.server.empty()) return {};
    return Complete(worker, phone, route);
  }

  bool IsOwn(size_t worker, const std::string& endpoint) const {
    const Settings own = SettingsOf(settings_, worker);
    for (const reactor::Endpoint& socket : own.ipsec.sockets) {
      if (TextOf(socket) == endpoint) return true;
    }
    return TextOf(own.core.listen) == endpoint;
  }
  // Every end of ours that a header names, but the unprotected one, is this worker's.
  void ExpectOwn(size_t worker, const std::string& lines) const {
    size_t count = 0;
    for (size_t at = 0; (at = lines.find("127.0.0.1:", at)) != std::string::npos; ++at) {
      const std::string endpoint =
          lines.substr(at, lines.find_first_not_of("0123456789.:", at) - at);
      EXPECT_TRUE(IsOwn(worker, endpoint)) << endpoint << " in " << lines;
      ++count;
    }
    EXPECT_GT(count, 0u) << lines;
  }
  // A request each way and its answer.
  void ExpectServed(size_t worker, LoopbackPhone* phone, const std::string& path) {
    const std::string invite =
        phone->Request("INVITE", "sip:bob@" + std::string(kRealm), phone->port_us, "");
    phone->Speak(invite);
    size_t at = 0;
    const std::string forwarded = AtCore(&at);
    EXPECT_EQ(at, worker);
    ASSERT_TRUE(forwarded.starts_with("INVITE ")) << forwarded;
    ExpectOwn(worker, LinesOf(forwarded, "Record-Route"));
    ExpectOwn(worker, LinesOf(forwarded, "Via"));
    FromCore(worker, Answer(forwarded, 486));
    EXPECT_EQ(StatusOf(phone->server->Receive()), 486);

    FromCore(worker, "MESSAGE sip:" + phone->imsi + "@" + phone->At(phone->port_us) +
                         " SIP/2.0\r\nVia: SIP/2.0/UDP " + TextOf(core_.local()) +
                         ";branch=z9hG4bK-mt-" + phone->imsi + "\r\nMax-Forwards: 70\r\nRoute: " +
                         path + "\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:" + phone->imsi +
                         "@x>\r\nCall-ID: mt\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n");
    const std::string heard = phone->server->Receive();
    ASSERT_TRUE(heard.starts_with("MESSAGE ")) << heard;
    phone->Speak(Answer(heard, 200));
    EXPECT_EQ(StatusOf(AtCore(&at)), 200);
    EXPECT_EQ(at, worker);
  }

  std::optional<Settings> reread_;  // At a SIGHUP.
  Settings settings_;
  UdpEnd core_{At("127.0.0.1:0")};
  OneKernel kernel_;
  SystemRandom random_;
  std::unique_ptr<Workers> workers_;
  std::thread thread_;
};

TEST_F(EdgeWorkers, EachServesItsPhonesBothWaysOverItsOwnPorts) {
  Start();
  for (size_t worker = 0; worker < 2; ++worker) {
    for (int i = 0; i < 3; ++i) {
      LoopbackPhone phone = MakePhone(static_cast<int>(worker) * 3 + i);
      const std::string accepted = RegisterAt(worker, &phone);
      ExpectOwn(worker, "Security-Server: " + phone.set.server + " " + phone.set.from);
      ExpectOwn(worker, LinesOf(accepted, "Path"));
      ExpectServed(worker, &phone, ValueOf(accepted, "Path"));
    }
  }
  EXPECT_EQ(kernel_.sa_count(), 24u);
  EXPECT_EQ(kernel_.policy_count(), 12u) << "those of all workers, once";
  End();
  EXPECT_EQ(workers_->stats().registrations, 6u);
  EXPECT_EQ(workers_->stats().sets_deleted, workers_->stats().sets_installed);
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_EQ(kernel_.policy_count(), 0u);
}

// Its REGISTER comes to the worker that has its transaction, whose branch it then bears.
TEST_F(EdgeWorkers, ARetransmissionInClearComesToTheSameWorker) {
  Start();
  for (int i = 0; i < 16; ++i) {
    LoopbackPhone phone = MakePhone(i);
    const std::string request = phone.Begin();
    size_t first = 0;
    const std::string forwarded = AtCore(&first);
    for (int again = 0; again < 3; ++again) {
      phone.clear->Send(phone.at_gm, request);
      size_t at = 0;
      EXPECT_EQ(AtCore(&at), forwarded);
      EXPECT_EQ(at, first);
    }
  }
}

TEST_F(EdgeWorkers, APhoneThatRegistersAnewAtTheOtherSupersedesItsRegistration) {
  Start();
  for (size_t old_one = 0; old_one < 2; ++old_one) {
    const size_t new_one = 1 - old_one;
    LoopbackPhone phone = MakePhone(static_cast<int>(old_one));
    RegisterAt(old_one, &phone);
    const auto old_spi =
        static_cast<uint32_t>(std::stoul(ParamOf(phone.set.security_server, "spi-s")));
    const std::unique_ptr<UdpEnd> old_client = std::move(phone.client);
    const std::string old_server = phone.set.server;
    EXPECT_TRUE(kernel_.HasSpi(old_spi));
    const size_t before = kernel_.sa_count();

    phone.OfferAnew();
    phone.OpenProtected();
    phone.MoveClear();
    Challenge(new_one, &phone, BeginAt(new_one, &phone));
    EXPECT_EQ(kernel_.sa_count(), before + 4) << "the old set stays until the 200 (event 9)";
    const std::string accepted = Complete(new_one, &phone);
    EXPECT_TRUE(WaitUntil([&] { return kernel_.sa_count() == before; }));
    EXPECT_FALSE(kernel_.HasSpi(old_spi));
    EXPECT_TRUE(kernel_.HasSpi(
        static_cast<uint32_t>(std::stoul(ParamOf(phone.set.security_server, "spi-s")))));

    // Nobody hears the old set any more; the new one is served.
    old_client->Send(At(old_server), phone.Request("OPTIONS", "sip:x@y", phone.port_us, ""));
    ExpectServed(new_one, &phone, ValueOf(accepted, "Path"));
    LoopbackPhone other = MakePhone(static_cast<int>(10 + old_one));
    RegisterAt(old_one, &other);  // What was written to that worker before, it has read by then.
  }
  End();
  EXPECT_EQ(workers_->stats().superseded, 2u);
  EXPECT_EQ(workers_->stats().letters_lost, 0u);
  EXPECT_EQ(workers_->stats().drop_no_set, 2u);
}

// The kernel knows what goes to a phone by the phone's SPI alone: it would refuse the new set.
TEST_F(EdgeWorkers, APhoneThatLostItsStateMayBringTheSameSpisToTheOther) {
  Start();
  LoopbackPhone phone = MakePhone(0);
  RegisterAt(0, &phone);
  ASSERT_EQ(kernel_.sa_count(), 4u);
  phone.MoveClear();
  const std::string forwarded = BeginAt(1, &phone);
  EXPECT_TRUE(WaitUntil([&] { return kernel_.sa_count() == 0; }));
  Challenge(1, &phone, forwarded);
  const std::string accepted = Complete(1, &phone);
  ExpectServed(1, &phone, ValueOf(accepted, "Path"));
  EXPECT_EQ(kernel_.sa_count(), 4u);
  LoopbackPhone other = MakePhone(1);
  RegisterAt(0, &other);  // What was written to the first worker before, it has read by then.
  End();
  EXPECT_EQ(workers_->stats().superseded, 1u);
  EXPECT_EQ(workers_->stats().sets_refused, 0u);
}

// Two phones, one at each worker, speak at once, in pieces that end anywhere.
TEST_F(EdgeWorkers, StreamsStayInOrderThroughBoth) {
  constexpr int kRequests = 300;
  TcpServer core(At("127.0.0.1:0"));
  const std::string route =
      "Service-Route: <sip:orig@" + TextOf(core.local()) + ";lr;transport=tcp>\r\n";
  Start();
  const auto converse = [&](LoopbackPhone* phone) {
    std::string requests;
    for (int i = 0; i < kRequests; ++i) {
      requests += phone->Request("MESSAGE", "sip:bob@x", phone->port_us, "");
    }
    const int last = phone->cseq;
    TcpEnd stream(At(phone->At(phone->port_uc)), At(phone->set.server));
    std::thread sender([&] {
      for (size_t at = 0, size = 1; at < requests.size(); at += size, size = size % 1500 + 37) {
        stream.Send(std::string_view(requests).substr(at, size));
      }
    });
    for (int i = 0; i < kRequests; ++i) {
      const std::string answer = stream.Receive();
      ASSERT_EQ(StatusOf(answer), 202) << answer;
      ASSERT_EQ(ValueOf(answer, "CSeq"), std::to_string(last - kRequests + 1 + i) + " MESSAGE");
    }
    sender.join();
  };
  const auto serve = [&](TcpEnd* stream) {
    int last = 0;
    for (int i = 0; i < kRequests; ++i) {
      const std::string request = stream->Receive();
      const int number = std::atoi(ValueOf(request, "CSeq").c_str());
      ASSERT_TRUE(last == 0 || number == last + 1) << number << " after " << last;
      last = number;
      stream->Send(Answer(request, 202));
    }
  };
  LoopbackPhone phones[] = {MakePhone(0), MakePhone(1)};
  for (size_t worker = 0; worker < 2; ++worker) RegisterAt(worker, &phones[worker], route);
  std::thread speakers[] = {std::thread(converse, &phones[0]), std::thread(converse, &phones[1])};
  TcpEnd ends[] = {core.Accept(), core.Accept()};
  std::thread servers[] = {std::thread(serve, &ends[0]), std::thread(serve, &ends[1])};
  for (std::thread& thread : speakers) thread.join();
  for (std::thread& thread : servers) thread.join();
  End();
  EXPECT_EQ(workers_->stats().tcp_connected, 2u) << "one to the core from each";
}

TEST_F(EdgeWorkers, AfterSigtermWhatIsUnderWayEndsAndPhonesThatComeAreToldToComeLater) {
  Start();
  LoopbackPhone phone = MakePhone(0);
  const std::string forwarded = BeginAt(1, &phone);
  kill(getpid(), SIGTERM);

  std::set<std::string> told;
  for (int i = 1; i < 40; ++i) {
    LoopbackPhone late = MakePhone(i);
    std::string answer;
    // The signal may not have been heard yet.
    EXPECT_TRUE(WaitUntil([&] {
      late.Begin();
      size_t at = 0;
      reactor::Endpoint from;
      WaitUntil([&] {
        answer = late.clear->Receive(nullptr, MSG_DONTWAIT);
        if (answer.empty()) {
          const std::string passed = core_.Receive(&from, MSG_DONTWAIT);
          at = from == settings_.core.listens[1] ? 1 : 0;
          if (!passed.empty()) FromCore(at, Answer(passed, 403));
        }
        return !answer.empty();
      });
      return StatusOf(answer) == 503;
    })) << answer;
    EXPECT_EQ(ValueOf(answer, "Retry-After"), std::to_string(kDrainRetryAfterS));
  }
  Challenge(1, &phone, forwarded);
  Complete(1, &phone);
  Join();  // By itself, well before process.drain is over.
  const Stats& stats = workers_->stats();
  EXPECT_EQ(stats.registrations, 1u);
  EXPECT_EQ(stats.refused_draining, 39u);
  EXPECT_EQ(kernel_.sa_count(), 0u);
  EXPECT_EQ(kernel_.policy_count(), 0u);
}

TEST_F(EdgeWorkers, TheEndWaitsNoLongerThanItMay) {
  settings_.process.drain_s = 1;
  Start();
  LoopbackPhone phone = MakePhone(0);
  BeginAt(0, &phone);  // And no answer.
  const auto begin = Clock::now();
  workers_->Stop();
  Join();
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(900));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(15));
}

TEST_F(EdgeWorkers, SighupChangesWhatAllOffer) {
  reread_ = settings_;
  reread_->ipsec.security_server = SecurityServer::kSelected;
  reread_->limits.connections_max = 17;  // Not before a restart.
  Start();
  LoopbackPhone phone = MakePhone(0);
  RegisterAt(0, &phone);
  ASSERT_NE(phone.set.security_server.find(','), std::string::npos);
  kill(getpid(), SIGHUP);
  int number = 0;
  for (size_t worker = 0; worker < 2; ++worker) {
    // The signal may not have been heard yet. Another phone each time: one that comes to the other
    // worker with the SPIs it had may be faster than their deletion.
    EXPECT_TRUE(WaitUntil([&] {
      LoopbackPhone next = MakePhone(++number % 200);
      Challenge(worker, &next, BeginAt(worker, &next));
      return next.set.security_server.find(',') == std::string::npos;
    })) << worker;
  }
  End();
  EXPECT_EQ(workers_->stats().reloads, 1u);
}

TEST_F(EdgeWorkers, ASighupWithNothingGoodToReadChangesNothing) {
  Start();
  kill(getpid(), SIGHUP);
  LoopbackPhone phone = MakePhone(0);
  RegisterAt(1, &phone);
  EXPECT_NE(phone.set.security_server.find(','), std::string::npos);
  End();
  EXPECT_EQ(workers_->stats().reloads, 0u);
}

TEST_F(EdgeWorkers, ASecondSignalDoesNotWait) {
  settings_.process.drain_s = 600;
  Start();
  LoopbackPhone phone = MakePhone(0);
  RegisterAt(0, &phone);
  BeginAt(1, &phone);  // And no answer.
  workers_->Stop();
  workers_->Stop();
  Join();
  EXPECT_EQ(kernel_.sa_count(), 0u);
}

TEST_F(EdgeWorkers, NothingUnderWayIsNothingToWaitFor) {
  settings_.process.drain_s = 600;
  Start();
  std::this_thread::sleep_for(std::chrono::milliseconds(kQuietMs));
  const auto begin = Clock::now();
  workers_->Stop();
  Join();
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(EdgeWorkers, OneThatCannotOpenIsNamedAndNoneRuns) {
  const std::vector<reactor::Endpoint> sockets = SettingsOf(settings_, 1).ipsec.sockets;
  {
    const UdpEnd taken(sockets[1]);
    EXPECT_THAT(Open(), testing::StartsWith("worker 1: udp:" + TextOf(sockets[1]) + ": "));
    EXPECT_EQ(kernel_.policy_count(), 0u);
  }
  Start();  // All that the others had opened is free.
}

TEST_F(EdgeWorkers, ShareTheirPortsWithOneAnotherAndWithNobodyElse) {
  reactor::DatagramOptions sharing;
  sharing.local = settings_.gm.listen[0];
  sharing.reuse_port = true;
  reactor::Endpoint bound;
  std::string error;
  const int other = reactor::OpenUdpSocket(sharing, &bound, &error);
  ASSERT_GE(other, 0) << error;
  EXPECT_EQ(Open(), "UDP " + TextOf(sharing.local) + ": bind: Address already in use");
  close(other);
  Start();
}

TEST_F(EdgeWorkers, RunOnTheirCpus) {
  settings_.process.pin_cpus = {AllowedCpus().front(), AllowedCpus().back()};
  Start();
  End();
  settings_.process.pin_cpus = {AllowedCpus().front(), 1023};
  EXPECT_THAT(Open(), HasSubstr("worker 1: cannot run on CPU 1023: "));
}

TEST_F(EdgeWorkers, OneAloneHasNoNumberInItsMessages) {
  settings_.process.workers = 1;
  const UdpEnd taken(settings_.ipsec.sockets[0]);
  EXPECT_THAT(Open(), testing::StartsWith("udp:" + TextOf(settings_.ipsec.sockets[0])));
}

}  // namespace
}  // namespace edge
