// One gmedge takes over from another while phones speak: nothing that is under way is lost, and
// whenever it cannot be done the first goes on.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <spdlog/spdlog.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "edge/sqlite_store.h"
#include "edge/takeover_terms.h"
#include "edge/workers.h"
#include "tests/edge_journal.h"
#include "tests/edge_loopback.h"
#include "tests/edge_phone.h"
#include "tests/free_ports.h"

namespace edge {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// "" when nothing comes for a while.
std::string Receive(UdpEnd* end, int wait_ms = 10'000, reactor::Endpoint* from = nullptr) {
  pollfd ready{end->fd(), POLLIN, 0};
  return poll(&ready, 1, wait_ms) == 1 ? end->Receive(from, MSG_DONTWAIT) : "";
}

// A phone with the sockets of its agreement.
struct LivePhone : TestPhone {
  LivePhone(int number, const reactor::Endpoint& gm) : at_gm(gm) {
    const int pid = static_cast<int>(getpid());
    address = "127." + std::to_string(64 + pid % 64) + "." + std::to_string(pid / 64 % 200) + "." +
              std::to_string(10 + number);
    pcscf = "127.0.0.1";
    imsi = "0010100" + std::to_string(10'000'000 + number);
    spi_uc += static_cast<uint32_t>(2 * number);
    spi_us += static_cast<uint32_t>(2 * number);
    clear = std::make_unique<UdpEnd>(edge::At(At(0)));
    Open();
  }
  void Open() {
    client = std::make_unique<UdpEnd>(edge::At(At(0)));
    server = std::make_unique<UdpEnd>(edge::At(At(0)));
    port_uc = client->port();
    port_us = server->port();
  }
  void Begin() {
    clear->Send(at_gm, Register(clear->port(), "nonce=\"\",response=\"\"", SecurityClient()));
  }
  void Speak(const std::string& text) { client->Send(edge::At(set.server), text); }

  reactor::Endpoint at_gm;
  std::unique_ptr<UdpEnd> clear;
  std::unique_ptr<UdpEnd> client;
  std::unique_ptr<UdpEnd> server;
  std::string path;  // As the core was told.
};

// What is one process in the field: its workers, and the thread that runs them.
struct Process {
  std::unique_ptr<Workers> workers;
  std::thread thread;
};

class EdgeTakeover : public testing::TestWithParam<size_t> {
 protected:
  static void SetUpTestSuite() {
    ASSERT_GE(sodium_init(), 0);
    spdlog::set_level(spdlog::level::off);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  }

  void SetUp() override {
    const std::vector<reactor::Endpoint> free = reactor::FreePorts(At("127.0.0.1:0"), 9);
    settings_.process.workers = static_cast<uint32_t>(GetParam());
    settings_.process.takeover_socket = folder_.File("takeover");
    settings_.gm.listen = {free[0]};
    settings_.ipsec.sockets.assign(free.begin() + 1, free.begin() + 7);
    settings_.core.listens.assign(free.begin() + 7,
                                  free.begin() + 7 + static_cast<ptrdiff_t>(GetParam()));
    settings_.core.listen = settings_.core.listens[0];
    settings_.core.host = "127.0.0.1";
    settings_.core.next_hops = {core_.local()};
    settings_.core.reg_event = false;
    settings_.limits.half_open_per_source_max = 1000;
  }
  void TearDown() override { End(&process_); }

  void KeepJournal() {
    settings_.journal.file = folder_.File("journal");
    settings_.journal.key_file = folder_.File("journal.key");
    settings_.journal.synchronous = Synchronous::kOff;
  }

  // Starts a process, or one that takes over. "": it serves.
  std::string Open(Process* process, const Settings& settings, bool take_over) {
    process->workers = std::make_unique<Workers>(
        settings, [this] { return std::make_unique<WayToKernel>(&kernel_); }, &random_);
    std::promise<std::string> opened;
    std::future<std::string> error = opened.get_future();
    process->thread = std::thread([process, &settings, &opened, take_over] {
      std::string why;
      std::unique_ptr<Takeover> takeover;
      if (take_over) {
        takeover = Takeover::Ask(settings.process.takeover_socket, settings, "kernel", &why);
      }
      const bool is_open =
          (!take_over || takeover != nullptr) && process->workers->Open(&why, takeover.get());
      takeover.reset();
      opened.set_value(is_open ? "" : why.empty() ? "?" : why);
      if (is_open) process->workers->Run();
    });
    const std::string why = error.get();
    if (!why.empty()) {
      process->thread.join();
      process->workers.reset();
    }
    return why;
  }
  void Start() { ASSERT_EQ(Open(&process_, settings_, false), ""); }
  // The next one has all, and the one before has ended by itself.
  void TakeOver() {
    Process next;
    ASSERT_EQ(Open(&next, settings_, true), "");
    process_.thread.join();
    EXPECT_TRUE(process_.workers->has_left());
    process_ = std::move(next);
  }
  static void End(Process* process) {
    if (!process->thread.joinable()) return;
    process->workers->Stop();
    process->workers->Stop();
    process->thread.join();
  }

  LivePhone MakePhone(int number) const { return {number, settings_.gm.listen[0]}; }

  // What the core gets next of that phone; it answers where that came from.
  std::string AtCore(const LivePhone& phone, reactor::Endpoint* from) {
    for (std::string text; !(text = Receive(&core_, 10'000, from)).empty();) {
      if (text.find(phone.imsi) != std::string::npos) return text;
    }
    return {};
  }
  std::string AtCore(const LivePhone& phone) { return AtCore(phone, &asked_from_); }
  void FromCore(const std::string& text) { core_.Send(asked_from_, text); }
  static std::string Ok(const std::string& request) {
    return Answer(request, 200, LinesOf(request, "Contact") + "Expires: 3600\r\n");
  }

  void BeginAndChallenge(LivePhone* phone) {
    phone->Begin();
    Challenge(phone, AtCore(*phone));
  }
  void Challenge(LivePhone* phone, const std::string& forwarded) {
    FromCore(Answer(forwarded, 401, ChallengeLine("nonce-" + phone->imsi)));
    const std::string challenge = Receive(phone->clear.get());
    ASSERT_EQ(StatusOf(challenge), 401) << challenge;
    phone->TakeChallenge(challenge);
  }
  void Complete(LivePhone* phone) {
    phone->Speak(phone->Protected());
    const std::string forwarded = AtCore(*phone);
    phone->path = ValueOf(forwarded, "Path");
    FromCore(Ok(forwarded));
    ASSERT_EQ(StatusOf(Receive(phone->server.get())), 200);
  }
  void Register(LivePhone* phone) {
    BeginAndChallenge(phone);
    Complete(phone);
  }
  // A request each way, by what phone and core knew before.
  void ExpectServed(LivePhone* phone) {
    ExpectAnswered(phone);
    core_.Send(CoreSideOf(*phone), Message(*phone));
    EXPECT_THAT(Receive(phone->server.get()), StartsWith("MESSAGE "));
  }
  void ExpectAnswered(LivePhone* phone) {
    phone->Speak(phone->Request("OPTIONS", "sip:bob@example.org", phone->port_us, ""));
    const std::string forwarded = AtCore(*phone);
    ASSERT_THAT(forwarded, StartsWith("OPTIONS ")) << phone->imsi;
    FromCore(Answer(forwarded, 202));
    EXPECT_EQ(StatusOf(Receive(phone->server.get())), 202);
  }
  static reactor::Endpoint CoreSideOf(const LivePhone& phone) {
    const std::string port = phone.path.substr(phone.path.find("127.0.0.1:"));
    return At(port.substr(0, port.find_first_of(";>")));
  }
  std::string Message(const LivePhone& phone) const {
    return "MESSAGE sip:" + phone.imsi + "@" + phone.At(phone.port_us) +
           " SIP/2.0\r\nVia: SIP/2.0/UDP " + TextOf(core_.local()) +
           ";branch=z9hG4bK-mt\r\nMax-Forwards: 70\r\nRoute: " + phone.path +
           "\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt\r\n"
           "CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n";
  }

  // Who asks as the new gmedge does, as far as a test likes.
  TakeoverLink Guest() {
    std::string error;
    const int fd = TakeoverLink::Connect(settings_.process.takeover_socket, &error);
    EXPECT_GE(fd, 0) << error;
    return TakeoverLink(fd);
  }
  std::string Hello() const { return WriteTerms(TermsOf(settings_, "kernel")); }
  // All up to its kReady.
  static bool TakeAll(TakeoverLink* guest, std::vector<int>* files, std::string* error) {
    TakeoverLink::Packet packet;
    if (!guest->Await(TakeoverStep::kState, "it", 10'000, &packet, error)) return false;
    std::vector<uint32_t> counts(packet.text.size() / sizeof(uint32_t));
    std::memcpy(counts.data(), packet.text.data(), counts.size() * sizeof(uint32_t));
    size_t missing = 0;
    for (const uint32_t count : counts) missing += count;
    while (missing > 0) {
      if (!guest->Await(TakeoverStep::kFiles, "it", 10'000, &packet, error)) return false;
      missing -= packet.files.size();
      files->insert(files->end(), packet.files.begin(), packet.files.end());
      guest->Send(TakeoverStep::kFilesTaken);
    }
    return true;
  }

  TestFolder folder_;
  Settings settings_;
  UdpEnd core_{At("127.0.0.1:0")};
  reactor::Endpoint asked_from_;
  OneKernel kernel_;
  SystemRandom random_;
  Process process_;
};

TEST_P(EdgeTakeover, WhatIsUnderWayAtAnyStepGoesOnInTheNextProcess) {
  Start();
  LivePhone registered = MakePhone(0);
  Register(&registered);
  LivePhone challenged = MakePhone(1);  // Its 401 is out.
  BeginAndChallenge(&challenged);
  LivePhone waiting = MakePhone(2);  // The core has not said anything yet.
  waiting.Begin();
  reactor::Endpoint waiting_from;
  const std::string waiting_register = AtCore(waiting, &waiting_from);
  LivePhone answering = MakePhone(3);  // And not to the answer to its challenge either.
  BeginAndChallenge(&answering);
  answering.Speak(answering.Protected());
  reactor::Endpoint answering_from;
  const std::string answering_register = AtCore(answering, &answering_from);
  answering.path = ValueOf(answering_register, "Path");
  registered.Speak(registered.Request("OPTIONS", "sip:bob@example.org", registered.port_us, ""));
  reactor::Endpoint options_from;
  const std::string options = AtCore(registered, &options_from);
  core_.Send(CoreSideOf(registered), Message(registered));
  const std::string message = Receive(registered.server.get());
  const size_t sas = kernel_.sa_count();
  const RestartCounts put_right = kernel_.put_right;

  TakeOver();
  EXPECT_EQ(kernel_.sa_count(), sas);
  EXPECT_EQ(kernel_.put_right.batches, put_right.batches) << "nothing is re-created";

  // Answers to requests that the one before has issued.
  core_.Send(options_from, Answer(options, 299));
  EXPECT_EQ(StatusOf(Receive(registered.server.get())), 299);
  registered.Speak(Answer(message, 298));
  EXPECT_EQ(StatusOf(Receive(&core_)), 298);
  asked_from_ = waiting_from;
  Challenge(&waiting, waiting_register);
  core_.Send(answering_from, Ok(answering_register));
  EXPECT_EQ(StatusOf(Receive(answering.server.get())), 200);
  Complete(&challenged);
  Complete(&waiting);
  for (LivePhone* phone : {&registered, &challenged, &waiting, &answering}) ExpectServed(phone);
  // A retransmission finds its transaction.
  registered.Speak(registered.Protected());
  const std::string refresh = AtCore(registered);
  FromCore(Ok(refresh));
  EXPECT_EQ(StatusOf(Receive(registered.server.get())), 200);
  EXPECT_EQ(kernel_.sa_count(), 16u);
  End(&process_);
  EXPECT_EQ(process_.workers->stats().inherited_registrations, 1u);
  EXPECT_EQ(process_.workers->stats().inherited_sets, 3u);
  EXPECT_EQ(kernel_.sa_count(), 0u) << "the last one cleans up";
}

TEST_P(EdgeTakeover, OneAfterTheOtherAndNoPhoneNotices) {
  KeepJournal();
  Start();
  std::vector<LivePhone> phones;
  for (int i = 0; i < 6; ++i) {
    phones.push_back(MakePhone(i));
    Register(&phones.back());
    TakeOver();
    for (LivePhone& phone : phones) ExpectServed(&phone);
  }
  EXPECT_EQ(kernel_.sa_count(), 24u);
  // The journal has been handed on: a restart finds all of them.
  End(&process_);
  Start();
  EXPECT_EQ(kernel_.put_right.sas_kept, 24u);
  EXPECT_EQ(kernel_.put_right.sas_installed, 0u);
  for (LivePhone& phone : phones) ExpectServed(&phone);
}

TEST_P(EdgeTakeover, WhatComesMeanwhileWaitsInTheSockets) {
  constexpr size_t kUnderWayMax = 64;  // What the sockets of a test hold.
  Start();
  LivePhone phone = MakePhone(0);
  Register(&phone);
  std::atomic<bool> is_over = false;
  size_t asked = 0;
  size_t answered = 0;
  std::thread core([&] {
    while (!is_over) {
      reactor::Endpoint from;
      const std::string request = Receive(&core_, 10, &from);
      if (!request.empty()) core_.Send(from, Answer(request, 200));
    }
  });
  std::thread talk([&] {
    while (!is_over) {
      if (asked - answered < kUnderWayMax) {
        phone.Speak(phone.Request("OPTIONS", "sip:bob@example.org", phone.port_us, ""));
        ++asked;
      }
      while (!Receive(phone.server.get(), 1).empty()) ++answered;
    }
  });
  for (int i = 0; i < 3; ++i) TakeOver();
  is_over = true;
  talk.join();
  // The core's part goes on until all is answered.
  core.join();
  is_over = false;
  std::thread rest([&] {
    while (!is_over) {
      reactor::Endpoint from;
      const std::string request = Receive(&core_, 10, &from);
      if (!request.empty()) core_.Send(from, Answer(request, 200));
    }
  });
  while (answered < asked && !Receive(phone.server.get()).empty()) ++answered;
  is_over = true;
  rest.join();
  EXPECT_EQ(answered, asked);
  EXPECT_GT(asked, 3u);
}

TEST_P(EdgeTakeover, ConnectionsStayWithHalfAMessageInThem) {
  settings_.gm.sec_agree = SecAgree::kRequire;
  Start();
  LivePhone phone = MakePhone(0);
  Register(&phone);
  TcpEnd stream(At(phone.At(phone.port_uc)), At(phone.set.server));
  const auto request = [&] {
    return Replaced(phone.Request("OPTIONS", "sip:bob@example.org", phone.port_us, ""), "UDP",
                    "TCP");
  };
  stream.Send(request());
  FromCore(Answer(AtCore(phone), 201));
  EXPECT_EQ(StatusOf(stream.Receive()), 201);
  const std::string cut = request();
  stream.Send(cut.substr(0, 100));
  const std::string waiting = request();
  TcpEnd stranger(At(phone.At(0)), settings_.gm.listen[0]);
  stranger.Send("OPTIONS sip:x SIP/2.0\r\n");

  TakeOver();
  stream.Send(cut.substr(100) + waiting);
  for (int i = 0; i < 2; ++i) {
    FromCore(Answer(AtCore(phone), 202));
    EXPECT_EQ(StatusOf(stream.Receive()), 202);
  }
  stranger.Send("Via: SIP/2.0/TCP " + TextOf(stranger.local()) +
                ";branch=z9hG4bK-x\r\nFrom: <sip:x>;tag=1\r\nTo: <sip:x>\r\nCall-ID: x\r\n"
                "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(StatusOf(stranger.Receive()), 403);
  // And new ones are accepted.
  TcpEnd next(At(phone.At(0)), settings_.gm.listen[0]);
  next.Send("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP " + TextOf(next.local()) +
            ";branch=z9hG4bK-y\r\nFrom: <sip:x>;tag=1\r\nTo: <sip:x>\r\nCall-ID: y\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(StatusOf(next.Receive()), 403);
}

TEST_P(EdgeTakeover, SpisAreNobodyElsesAfterwards) {
  settings_.ipsec.min_spi = 1000;
  settings_.ipsec.max_spi = 1007;  // Four pairs.
  Start();
  LivePhone first = MakePhone(0);
  Register(&first);
  LivePhone second = MakePhone(1);
  BeginAndChallenge(&second);
  TakeOver();
  Complete(&second);
  LivePhone third = MakePhone(2);
  Register(&third);
  LivePhone fourth = MakePhone(3);
  Register(&fourth);
  LivePhone fifth = MakePhone(4);
  fifth.Begin();
  FromCore(Answer(AtCore(fifth), 401, ChallengeLine("n")));
  EXPECT_EQ(StatusOf(Receive(fifth.clear.get())), 500) << "all four are in use";
  EXPECT_EQ(kernel_.sa_count(), 16u);
}

// The one that dies does so before it has said that it serves, so the other serves as before.
TEST_P(EdgeTakeover, WhoeverDiesOnTheWayTheRunningOneGoesOn) {
  KeepJournal();
  Start();
  LivePhone phone = MakePhone(0);
  Register(&phone);
  TcpEnd stream(At(phone.At(phone.port_uc)), At(phone.set.server));
  for (int step = 0; step < 4; ++step) {
    {
      TakeoverLink guest = Guest();
      std::string error;
      TakeoverLink::Packet packet;
      if (step > 0) guest.Send(TakeoverStep::kHello, Hello());
      if (step > 1) {
        EXPECT_TRUE(guest.Await(TakeoverStep::kState, "it", 10'000, &packet, &error)) << error;
      }
      if (step > 2) guest.Send(TakeoverStep::kFilesTaken);
    }
    ExpectAnswered(&phone);
  }
  for (const bool is_go_awaited : {false, true}) {
    std::vector<int> files;
    std::string error;
    TakeoverLink guest = Guest();
    guest.Send(TakeoverStep::kHello, Hello());
    EXPECT_TRUE(TakeAll(&guest, &files, &error)) << error;
    EXPECT_FALSE(files.empty());
    guest.Send(TakeoverStep::kReady);
    TakeoverLink::Packet packet;
    if (is_go_awaited) {
      EXPECT_TRUE(guest.Await(TakeoverStep::kGo, "it", 10'000, &packet, &error)) << error;
    }
    for (const int fd : files) close(fd);
  }
  ExpectAnswered(&phone);
  // It has the journal again, and its connections.
  LivePhone next = MakePhone(1);
  Register(&next);
  TakeOver();
  stream.Send(Replaced(phone.Request("OPTIONS", "sip:b@x", phone.port_us, ""), "UDP", "TCP"));
  FromCore(Answer(AtCore(phone), 203));
  EXPECT_EQ(StatusOf(stream.Receive()), 203);
  ExpectServed(&next);
}

// A worker may be asked to rest again before it has looked at the ring that let it go on.
TEST_P(EdgeTakeover, WhoAsksRightAfterAnotherHasGivenUpIsHeard) {
  Start();
  for (int i = 0; i < 200; ++i) {
    std::string error;
    TakeoverLink::Packet packet;
    TakeoverLink guest = Guest();
    guest.Send(TakeoverStep::kHello, Hello());
    ASSERT_TRUE(guest.Await(TakeoverStep::kState, "it", 10'000, &packet, &error)) << error;
  }
}

using EdgeTakeoverHangs = EdgeTakeover;

// As a process does that is stopped, or waits for a disk: its end of the socket stays open.
TEST_P(EdgeTakeoverHangs, WhoeverSaysNoMoreIsGivenUpAndTheRunningOneGoesOn) {
  KeepJournal();
  Start();
  LivePhone phone = MakePhone(0);
  Register(&phone);
  for (const bool says_it_is_ready : {false, true}) {
    std::vector<int> files;
    std::string error;
    TakeoverLink::Packet packet;
    TakeoverLink guest = Guest();
    guest.Send(TakeoverStep::kHello, Hello());
    ASSERT_TRUE(TakeAll(&guest, &files, &error)) << error;
    if (says_it_is_ready) {
      guest.Send(TakeoverStep::kReady);
      ASSERT_TRUE(guest.Await(TakeoverStep::kGo, "it", 10'000, &packet, &error)) << error;
    }
    const int64_t patience_ms = says_it_is_ready ? Takeover::kGoMs : Takeover::kReadyMs;
    EXPECT_FALSE(guest.Await(TakeoverStep::kGo, "it", patience_ms + 5'000, &packet, &error));
    EXPECT_THAT(error, HasSubstr("new gmedge")) << "that is what it says";
    ExpectAnswered(&phone);
    // Awake again it is told that it is too late, and the one that serves does not hear it.
    guest.Send(says_it_is_ready ? TakeoverStep::kTaken : TakeoverStep::kReady);
    EXPECT_FALSE(guest.Await(TakeoverStep::kGo, "it", 1'000, &packet, &error));
    ExpectAnswered(&phone);
    for (const int fd : files) close(fd);
  }
  LivePhone next = MakePhone(1);
  Register(&next);
  TakeOver();
  ExpectServed(&next);
}

TEST_P(EdgeTakeover, OtherSettingsAreNamedAndTheRunningOneGoesOn) {
  Start();
  LivePhone phone = MakePhone(0);
  Register(&phone);
  Settings other = settings_;
  other.ipsec.max_spi = 262145;
  Process next;
  EXPECT_EQ(Open(&next, other, true),
            "ipsec.max_spi is \"262144\" in the running gmedge and \"262145\" in the new one: what "
            "differs there cannot be taken over");
  ExpectServed(&phone);
  TakeoverLink guest = Guest();
  guest.Send(TakeoverStep::kHello, WriteTerms(TermsOf(settings_, "kernel"), 999));
  TakeoverLink::Packet packet;
  std::string error;
  EXPECT_FALSE(guest.Await(TakeoverStep::kState, "it", 10'000, &packet, &error));
  EXPECT_EQ(error,
            "the running gmedge speaks version " + std::to_string(kTakeoverVersion) +
                " of the takeover and the new one version 999: end the one and start the other");
  ExpectServed(&phone);
}

TEST_P(EdgeTakeover, WithNobodyThereItSaysSo) {
  Process next;
  EXPECT_EQ(Open(&next, settings_, true), "no gmedge to take over from at " +
                                              settings_.process.takeover_socket +
                                              ": No such file or directory");
}

// What it has missed so far would be lost.
TEST_P(EdgeTakeover, AJournalThatCannotBeWrittenIsNotHandedOver) {
  KeepJournal();
  settings_.journal.on_failure = OnJournalFailure::kCarryOn;
  Start();
  LivePhone phone = MakePhone(0);
  Register(&phone);
  {
    int result = SQLITE_OK;
    const SqliteDb other =
        OpenSqlite(settings_.journal.file, SQLITE_OPEN_READWRITE, nullptr, &result);
    ASSERT_EQ(Execute(other.get(),
                      "CREATE TRIGGER full BEFORE INSERT ON sa_set BEGIN "
                      "SELECT RAISE(FAIL, 'the disk is full'); END"),
              SQLITE_OK);
  }
  LivePhone next = MakePhone(1);
  Register(&next);
  Process failed;
  EXPECT_EQ(Open(&failed, settings_, true),
            "the journal of the running gmedge cannot be written, and what it has missed would be "
            "lost");
  ExpectServed(&phone);
  ExpectServed(&next);
}

INSTANTIATE_TEST_SUITE_P(Workers, EdgeTakeover, testing::Values(1, 2),
                         [](const testing::TestParamInfo<size_t>& info) {
                           return info.param == 1 ? "One" : "Two";
                         });

INSTANTIATE_TEST_SUITE_P(Workers, EdgeTakeoverHangs, testing::Values(2));

}  // namespace
}  // namespace edge
