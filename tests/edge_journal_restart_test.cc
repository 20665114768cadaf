// Whole runs of gmedge's workers, one after the other, with one journal: ended, killed at any
// moment, after a reboot of the host. Who had got a 200 is served by the next run as if nothing had
// been.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <random>
#include <set>
#include <thread>

#include "edge/clock.h"
#include "edge/sqlite_store.h"
#include "edge/worker_settings.h"
#include "edge/workers.h"
#include "tests/edge_journal.h"
#include "tests/edge_loopback.h"
#include "tests/edge_phone.h"
#include "tests/free_ports.h"

namespace edge {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A phone with the sockets of its agreement.
struct JournalPhone : TestPhone {
  JournalPhone(int number, const reactor::Endpoint& gm) : at_gm(gm) {
    const int pid = static_cast<int>(getpid());
    address = "127." + std::to_string(64 + pid % 64) + "." + std::to_string(pid / 64 % 200) + "." +
              std::to_string(10 + number % 240);
    pcscf = "127.0.0.1";
    imsi = "0010100" + std::to_string(10'000'000 + number);
    spi_uc += static_cast<uint32_t>(2 * number);
    spi_us += static_cast<uint32_t>(2 * number);
    client = std::make_unique<UdpEnd>(edge::At(At(0)));
    server = std::make_unique<UdpEnd>(edge::At(At(0)));
    port_uc = client->port();
    port_us = server->port();
  }
  void Speak(const std::string& text) { client->Send(edge::At(set.server), text); }

  reactor::Endpoint at_gm;
  std::unique_ptr<UdpEnd> client;
  std::unique_ptr<UdpEnd> server;
  std::string path;  // As the core was told.
};

class EdgeJournalRestart : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_GE(sodium_init(), 0);
    spdlog::set_level(spdlog::level::err);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  }

  void SetUp() override {
    const std::vector<reactor::Endpoint> free = reactor::FreePorts(At("127.0.0.1:0"), 9);
    settings_.process.workers = 2;
    settings_.gm.listen = {free[0]};
    settings_.ipsec.sockets.assign(free.begin() + 1, free.begin() + 7);
    settings_.core.listens.assign(free.begin() + 7, free.begin() + 9);
    settings_.core.listen = settings_.core.listens[0];
    settings_.core.host = "127.0.0.1";
    settings_.core.next_hops = {core_.local()};
    settings_.core.reg_event = false;  // The core here answers no SUBSCRIBE.
    settings_.limits.half_open_per_source_max = 1000;
    settings_.journal.file = folder_.File("journal");
    settings_.journal.key_file = folder_.File("journal.key");
    // Kill -9 takes nothing that the system has been given.
    settings_.journal.synchronous = Synchronous::kOff;
  }
  void TearDown() override { End(); }

  std::string Open() {
    workers_ = std::make_unique<Workers>(
        settings_, [this] { return std::make_unique<WayToKernel>(&kernel_); }, &random_);
    std::promise<std::string> opened;
    std::future<std::string> error = opened.get_future();
    thread_ = std::thread([this, &opened] {
      std::string why;
      const bool is_open = workers_->Open(&why);
      opened.set_value(why);
      if (is_open) workers_->Run();
    });
    const std::string why = error.get();
    if (!why.empty()) thread_.join();
    return why;
  }
  void Start() { ASSERT_EQ(Open(), ""); }
  void End() {
    if (!thread_.joinable()) return;
    workers_->Stop();
    workers_->Stop();
    thread_.join();
  }

  // "" when nothing comes for a while.
  static std::string Receive(UdpEnd* end, reactor::Endpoint* from = nullptr, int wait_ms = 5'000) {
    pollfd ready{end->fd(), POLLIN, 0};
    return poll(&ready, 1, wait_ms) == 1 ? end->Receive(from, MSG_DONTWAIT) : "";
  }
  // The core's next request; who asked is answered.
  std::string AtCore(int wait_ms = 5'000) { return Receive(&core_, &asked_from_, wait_ms); }
  void FromCore(const std::string& text) { core_.Send(asked_from_, text); }

  // True: it has its 200. False: gmedge has gone.
  bool Register(JournalPhone* phone, int wait_ms = 5'000) {
    UdpEnd clear(At(phone->At(0)));
    clear.Send(phone->at_gm,
               phone->Register(clear.port(), "nonce=\"\",response=\"\"", phone->SecurityClient()));
    std::string forwarded = NextOf(*phone, wait_ms);
    if (forwarded.empty()) return false;
    FromCore(Answer(forwarded, 401, ChallengeLine("nonce-" + phone->imsi)));
    const std::string challenge = Receive(&clear, nullptr, wait_ms);
    if (StatusOf(challenge) != 401) return false;
    phone->TakeChallenge(challenge);
    phone->Speak(phone->Protected());
    forwarded = NextOf(*phone, wait_ms);
    if (forwarded.empty()) return false;
    phone->path = ValueOf(forwarded, "Path");
    FromCore(Answer(forwarded, 200, LinesOf(forwarded, "Contact") + "Expires: 3600\r\n"));
    return StatusOf(Receive(phone->server.get(), nullptr, wait_ms)) == 200;
  }
  // What the core gets of that phone; what others left is passed over.
  std::string NextOf(const JournalPhone& phone, int wait_ms) {
    for (std::string text; !(text = AtCore(wait_ms)).empty();) {
      if (text.find(phone.imsi) != std::string::npos) return text;
    }
    return {};
  }
  // A request each way, by what phone and core knew before.
  void ExpectServed(JournalPhone* phone) {
    phone->Speak(phone->Request("OPTIONS", "sip:bob@example.org", phone->port_us, ""));
    const std::string forwarded = NextOf(*phone, 5'000);
    ASSERT_THAT(forwarded, StartsWith("OPTIONS ")) << phone->imsi;
    FromCore(Answer(forwarded, 202));
    EXPECT_EQ(StatusOf(Receive(phone->server.get())), 202);
    EXPECT_THAT(AskPhone(phone), StartsWith("MESSAGE "));
  }
  // A request of the core, as the phone gets it.
  std::string AskPhone(JournalPhone* phone, reactor::Endpoint* from = nullptr) {
    const std::string port = phone->path.substr(phone->path.find("127.0.0.1:"));
    core_.Send(At(port.substr(0, port.find_first_of(";>"))),
               "MESSAGE sip:" + phone->imsi + "@" + phone->At(phone->port_us) +
                   " SIP/2.0\r\nVia: SIP/2.0/UDP " + TextOf(core_.local()) +
                   ";branch=z9hG4bK-mt\r\nMax-Forwards: 70\r\nRoute: " + phone->path +
                   "\r\nFrom: <sip:bob@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: mt\r\n"
                   "CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n");
    return Receive(phone->server.get(), from);
  }
  JournalContents Read() {
    SqliteOpened opened;
    std::string error;
    EXPECT_TRUE(
        OpenSqliteStore({settings_.journal.file, settings_.journal.key_file}, &opened, &error))
        << error;
    return opened.contents;
  }
  // The last number used on each outbound SA.
  std::set<uint32_t> SentNumbers() {
    std::set<uint32_t> numbers;
    for (const xfrm::SaInfo& sa : kernel_.fake.Sas()) {
      if (sa.selector.source_port < 1024) continue;
      xfrm::Batch batch;
      batch.Clear(1);
      batch.GetReplay(sa.id);
      std::vector<std::vector<std::byte>> answers;
      kernel_.fake.Send(batch.Seal(), EpochMs() / 1000, &answers);
      for (const std::vector<std::byte>& answer : answers) {
        xfrm::ReplyReader reader(answer);
        for (xfrm::Reply reply; reader.Next(&reply);) {
          if (reply.kind == xfrm::ReplyKind::kReplay) numbers.insert(reply.replay.sent);
        }
      }
    }
    return numbers;
  }

  TestFolder folder_;
  Settings settings_;
  UdpEnd core_{At("127.0.0.1:0")};
  reactor::Endpoint asked_from_;
  OneKernel kernel_;
  SystemRandom random_;
  std::unique_ptr<Workers> workers_;
  std::thread thread_;
};

TEST_F(EdgeJournalRestart, TheNextRunServesWhoWasRegisteredOverTheSasThatAreThere) {
  Start();
  std::vector<JournalPhone> phones;
  for (int i = 0; i < 12; ++i) {
    phones.emplace_back(i, settings_.gm.listen[0]);
    ASSERT_TRUE(Register(&phones.back()));
  }
  End();
  EXPECT_EQ(workers_->stats().sets_deleted, 0u);
  EXPECT_GE(workers_->stats().journal_records, 24u);
  EXPECT_EQ(kernel_.sa_count(), 48u) << "they are the next run's";
  EXPECT_EQ(kernel_.policy_count(), 12u) << "no plain text comes in meanwhile";

  for (int run = 0; run < 2; ++run) {
    Start();
    EXPECT_EQ(kernel_.put_right.sas_kept, 48u);
    EXPECT_EQ(kernel_.put_right.sas_installed, 0u);
    EXPECT_EQ(kernel_.put_right.sas_removed, 0u);
    for (JournalPhone& phone : phones) ExpectServed(&phone);
    End();
    EXPECT_EQ(workers_->stats().restored_registrations, 12u);
    EXPECT_EQ(workers_->stats().drop_no_set, 0u);
  }
}

TEST_F(EdgeJournalRestart, WhatNobodyGotA200ForIsRemovedFromTheKernel) {
  Start();
  JournalPhone phone(0, settings_.gm.listen[0]);
  ASSERT_TRUE(Register(&phone));
  JournalPhone half(1, settings_.gm.listen[0]);
  UdpEnd clear(At(half.At(0)));
  clear.Send(half.at_gm,
             half.Register(clear.port(), "nonce=\"\",response=\"\"", half.SecurityClient()));
  FromCore(Answer(NextOf(half, 5'000), 401, ChallengeLine("n")));
  EXPECT_EQ(StatusOf(Receive(&clear)), 401);
  EXPECT_EQ(kernel_.sa_count(), 8u);
  End();
  Start();
  EXPECT_EQ(kernel_.put_right.sas_kept, 4u);
  EXPECT_EQ(kernel_.put_right.sas_removed, 4u);
  ExpectServed(&phone);
}

// So the core takes it for a retransmission too, and repeats its answer (RFC 3261 17.2.3).
TEST_F(EdgeJournalRestart, WhatAPhoneRepeatsGoesToTheCoreWithTheBranchOfBefore) {
  Start();
  JournalPhone phone(0, settings_.gm.listen[0]);
  ASSERT_TRUE(Register(&phone));
  const std::string refresh = phone.Protected();
  phone.Speak(refresh);
  const std::string before = NextOf(phone, 5'000);
  ASSERT_THAT(before, StartsWith("REGISTER "));
  End();
  Start();
  phone.Speak(refresh);
  EXPECT_EQ(ValueOf(NextOf(phone, 5'000), "Via"), ValueOf(before, "Via"));
}

// A phone may ring for long.
TEST_F(EdgeJournalRestart, WhatAPhoneAnswersGoesToTheCoreThatHadAskedBefore) {
  Start();
  JournalPhone phone(0, settings_.gm.listen[0]);
  ASSERT_TRUE(Register(&phone));
  reactor::Endpoint from;
  const std::string before = AskPhone(&phone, &from);
  ASSERT_THAT(before, StartsWith("MESSAGE "));
  End();
  Start();
  EXPECT_EQ(ValueOf(AskPhone(&phone), "Via"), ValueOf(before, "Via")) << "if the core repeats it";
  phone.server->Send(from, Answer(before, 200));
  const std::string answer = AtCore();
  EXPECT_EQ(StatusOf(answer), 200);
  EXPECT_THAT(ValueOf(answer, "Via"), HasSubstr("z9hG4bK-mt"));
}

// What a phone has seen it takes for a replay: each life begins above the one before.
TEST_F(EdgeJournalRestart, AfterARebootOfTheHostSasAreMadeAgainAndCountOn) {
  Start();
  JournalPhone phone(0, settings_.gm.listen[0]);
  ASSERT_TRUE(Register(&phone));
  End();
  for (uint32_t life = 1; life < 4; ++life) {
    kernel_.fake.Advance(UINT32_MAX);
    ASSERT_EQ(kernel_.sa_count(), 0u);
    Start();
    EXPECT_EQ(kernel_.put_right.sas_installed, 4u);
    EXPECT_EQ(SentNumbers(), (std::set<uint32_t>{0, life * kSequenceStride}));
    ExpectServed(&phone);
    End();
    EXPECT_EQ(Read().sets[0].sequence_bound, (life + 1) * kSequenceStride);
  }
}

TEST_F(EdgeJournalRestart, OtherPortsInTheSettingsEndThoseThatHadThem) {
  Start();
  std::vector<JournalPhone> phones;
  for (int i = 0; i < 8; ++i) {
    phones.emplace_back(i, settings_.gm.listen[0]);
    ASSERT_TRUE(Register(&phones.back()));
  }
  End();
  // One worker with the ports that the first of two had.
  settings_.ipsec.sockets = SettingsOf(settings_, 0).ipsec.sockets;
  settings_.process.workers = 1;
  Start();
  const size_t kept = kernel_.put_right.sas_kept;
  EXPECT_EQ(kept + kernel_.put_right.sas_removed, 32u);
  for (JournalPhone& phone : phones) {
    const bool is_ours = std::any_of(
        settings_.ipsec.sockets.begin(), settings_.ipsec.sockets.end(),
        [&](const reactor::Endpoint& socket) { return TextOf(socket) == phone.set.server; });
    if (is_ours) ExpectServed(&phone);
  }
  End();
  EXPECT_EQ(workers_->stats().restored_sets, kept / 4);
  EXPECT_EQ(Read().sets.size(), kept / 4) << "what is void is erased";
}

TEST_F(EdgeJournalRestart, AJournalThatCannotBeUsedKeepsItFromStarting) {
  Start();
  JournalPhone phone(0, settings_.gm.listen[0]);
  ASSERT_TRUE(Register(&phone));
  End();
  std::filesystem::rename(settings_.journal.key_file, folder_.File("elsewhere"));
  EXPECT_THAT(Open(), HasSubstr(": its key file "));
  EXPECT_EQ(kernel_.sa_count(), 4u) << "nothing was touched";
  std::filesystem::rename(folder_.File("elsewhere"), settings_.journal.key_file);
  Start();
  ExpectServed(&phone);
}

// --- Killed ---

class EdgeJournalKill : public EdgeJournalRestart {
 protected:
  // gmedge with simulated IPsec in a process of its own, which serves when this returns.
  void StartChild() {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    child_ = fork();
    if (child_ == 0) {
      Workers workers(settings_, &MakeSimulatedKernel, &random_);
      std::string error;
      const bool is_open = workers.Open(&error);
      if (!is_open) fprintf(stderr, "%s\n", error.c_str());
      const char byte = is_open ? 'o' : 'x';
      if (write(ends[1], &byte, 1) == 1 && is_open) workers.Run();
      _exit(0);
    }
    close(ends[1]);
    char byte = 0;
    EXPECT_EQ(read(ends[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'o');
    close(ends[0]);
  }
  void KillChild() {
    kill(child_, SIGKILL);
    int status = 0;
    waitpid(child_, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
  }

  pid_t child_ = -1;
};

// GMEDGE_KILLS names how many times; some dozens show that it works at all.
TEST_F(EdgeJournalKill, WhoHadGotA200IsServedByTheNextRunWhateverTheInstant) {
  constexpr size_t kPhonesMax = 60;  // So many are looked at.
  const char* const asked = std::getenv("GMEDGE_KILLS");
  const int kills = asked != nullptr ? std::atoi(asked) : 20;
  std::mt19937 random(1);
  std::deque<JournalPhone> phones;
  int number = 0;
  size_t registered = 0;
  size_t cut = 0;
  for (int i = 0; i < kills; ++i) {
    StartChild();
    for (JournalPhone& phone : phones) {
      ExpectServed(&phone);
      ASSERT_FALSE(testing::Test::HasFailure()) << "kill " << i;
    }
    const auto life = std::chrono::microseconds(500 + random() % 60'000);
    std::thread killer([&] {
      std::this_thread::sleep_for(life);
      KillChild();
    });
    for (;;) {
      JournalPhone phone(number++, settings_.gm.listen[0]);
      if (!Register(&phone, 300)) break;
      phones.push_back(std::move(phone));
      ++registered;
      if (phones.size() > kPhonesMax) phones.pop_front();
    }
    ++cut;
    killer.join();
    while (!AtCore(0).empty()) {
    }
  }
  EXPECT_EQ(cut, static_cast<size_t>(kills));
  EXPECT_GT(registered, static_cast<size_t>(kills));

  JournalContents contents = Read();
  std::set<std::string> written;
  for (const RegistrationRecord& record : contents.registrations) written.insert(record.impi);
  for (const JournalPhone& phone : phones) EXPECT_TRUE(written.contains(phone.Impi()));
  std::set<uint32_t> spis;
  for (const SetRecord& set : contents.sets) {
    EXPECT_TRUE(spis.insert(set.agreement.spis.client).second) << "one SPI in two sets";
    EXPECT_TRUE(spis.insert(set.agreement.spis.server).second) << "one SPI in two sets";
  }
  EXPECT_GE(contents.sets.size(), registered);
  xfrm::SpiPool pool({.permutation_key = {1, 2}});
  const RestorePlan plan = PlanRestore(contents, settings_, &pool, EpochMs());
  EXPECT_EQ(plan.unusable + plan.superseded + plan.without_ports, 0u);
  RecordProperty("registered", static_cast<int>(registered));
}

}  // namespace
}  // namespace edge
