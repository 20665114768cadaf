#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "edge/takeover_link.h"
#include "edge/takeover_server.h"
#include "tests/edge_journal.h"

namespace edge {
namespace {

using Result = TakeoverLink::Result;

struct Ends {
  Ends() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    raw = fds[1];
    one = std::make_unique<TakeoverLink>(fds[0]);
    other = std::make_unique<TakeoverLink>(fds[1]);
  }
  std::unique_ptr<TakeoverLink> one;
  std::unique_ptr<TakeoverLink> other;
  int raw;  // Of `other`.
};

TEST(EdgeTakeoverLink, CarriesTextAndDescriptors) {
  Ends ends;
  const int file = memfd_create("test", MFD_CLOEXEC);
  ASSERT_EQ(write(file, "hello", 5), 5);
  const std::vector<int> files(kTakeoverFilesMax, file);
  const std::string text(kTakeoverTextMax, 'x');
  ASSERT_TRUE(ends.one->Send(TakeoverStep::kFiles, text, files));
  TakeoverLink::Packet packet;
  ASSERT_EQ(ends.other->Receive(&packet, 1'000), Result::kOk);
  EXPECT_EQ(packet.step, TakeoverStep::kFiles);
  EXPECT_EQ(packet.text, text);
  ASSERT_EQ(packet.files.size(), kTakeoverFilesMax);
  char bytes[5];
  EXPECT_EQ(pread(packet.files.back(), bytes, 5, 0), 5);
  EXPECT_EQ(std::string_view(bytes, 5), "hello");
  EXPECT_EQ(fcntl(packet.files[0], F_GETFD), FD_CLOEXEC);
  for (const int fd : packet.files) close(fd);
  close(file);
}

TEST(EdgeTakeoverLink, RefusesToSendMoreThanFits) {
  Ends ends;
  EXPECT_FALSE(ends.one->Send(TakeoverStep::kHello, std::string(kTakeoverTextMax + 1, 'x')));
  EXPECT_FALSE(ends.one->Send(TakeoverStep::kFiles, {}, std::vector<int>(kTakeoverFilesMax + 1)));
}

TEST(EdgeTakeoverLink, WhatIsTooLongOrUnknownIsBroken) {
  Ends ends;
  TakeoverLink::Packet packet;
  const std::string unknown = "\x08 and more";
  ASSERT_GT(send(ends.raw, unknown.data(), unknown.size(), 0), 0);
  EXPECT_EQ(ends.one->Receive(&packet, 1'000), Result::kBroken);
  const std::string large(kTakeoverTextMax + 3, '\0');
  ASSERT_GT(send(ends.raw, large.data(), large.size(), 0), 0);
  EXPECT_EQ(ends.one->Receive(&packet, 1'000), Result::kBroken);
}

TEST(EdgeTakeoverLink, SaysWhyWhatWasWaitedForDidNotCome) {
  Ends ends;
  std::string error;
  TakeoverLink::Packet packet;
  EXPECT_FALSE(ends.one->Await(TakeoverStep::kReady, "it", 0, &packet, &error));
  EXPECT_EQ(error, "it did not say Ready within 0 s");
  ends.other->Send(TakeoverStep::kTaken);
  EXPECT_FALSE(ends.one->Await(TakeoverStep::kReady, "it", 1'000, &packet, &error));
  EXPECT_EQ(error, "it said Taken instead of Ready");
  ends.other->Send(TakeoverStep::kRefused, "words");
  EXPECT_FALSE(ends.one->Await(TakeoverStep::kReady, "it", 1'000, &packet, &error));
  EXPECT_EQ(error, "words");
  ends.other.reset();
  EXPECT_FALSE(ends.one->Await(TakeoverStep::kReady, "it", 1'000, &packet, &error));
  EXPECT_EQ(error, "it has ended before Ready");
}

// The point of no return: a word is heard or its sender knows that it was not.
TEST(EdgeTakeoverLink, WhoStopsHearingHasAllThatWasSentAndWhoSendsAfterwardsKnows) {
  Ends ends;
  EXPECT_TRUE(ends.other->Send(TakeoverStep::kTaken));
  ends.one->StopHearing();
  EXPECT_FALSE(ends.other->Send(TakeoverStep::kTaken));
  TakeoverLink::Packet packet;
  EXPECT_EQ(ends.one->Receive(&packet, 0), Result::kOk);
  EXPECT_EQ(packet.step, TakeoverStep::kTaken);
  EXPECT_EQ(ends.one->Receive(&packet, 0), Result::kEnded);
}

TEST(EdgeTakeoverLink, WaitsForTheEndOfTheOther) {
  Ends ends;
  EXPECT_FALSE(ends.one->AwaitEnd(10));
  TakeoverLink::Packet packet;
  EXPECT_EQ(ends.other->Receive(&packet, 0), Result::kEnded) << "it is told that we are done";
  ends.other.reset();
  EXPECT_TRUE(ends.one->AwaitEnd(1'000));
}

class EdgeTakeoverServer : public testing::Test {
 protected:
  EdgeTakeoverServer() {
    reactor_ = reactor::Reactor::Create(
        {.submission_entries = 8, .completion_entries = 64, .files_max = 1}, &error_);
  }
  ~EdgeTakeoverServer() override { reactor_.reset(); }
  std::unique_ptr<TakeoverServer> Open() {
    return TakeoverServer::Open(reactor_.get(), path_, &error_);
  }
  std::optional<TakeoverLink> Take(TakeoverServer* server, std::string* refused) {
    reactor_->SubmitAndWait(1'000'000);
    reactor_->Dispatch();
    return server->Take(refused);
  }

  TestFolder folder_;
  std::string path_ = folder_.File("takeover");
  std::string error_;
  std::unique_ptr<reactor::Reactor> reactor_;
};

TEST_F(EdgeTakeoverServer, IsItsOwnersAloneAndGoesWithIt) {
  std::unique_ptr<TakeoverServer> server = Open();
  ASSERT_NE(server, nullptr) << error_;
  struct stat status {};
  ASSERT_EQ(lstat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const int fd = TakeoverLink::Connect(path_, &error_);
  ASSERT_GE(fd, 0) << error_;
  const TakeoverLink guest(fd);
  std::string refused;
  EXPECT_TRUE(Take(server.get(), &refused).has_value());
  EXPECT_EQ(refused, "");
  EXPECT_FALSE(server->Take(&refused).has_value()) << "one guest, one link";
  reactor_.reset();
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(EdgeTakeoverServer, APathThatAnotherProcessHasStays) {
  std::unique_ptr<TakeoverServer> server = Open();
  ASSERT_NE(server, nullptr) << error_;
  server->LetGo();
  reactor_.reset();
  server.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(EdgeTakeoverServer, ReplacesWhatADeadProcessLeftAndNothingElse) {
  {
    std::unique_ptr<TakeoverServer> dead = Open();
    ASSERT_NE(dead, nullptr) << error_;
    EXPECT_EQ(Open(), nullptr);
    EXPECT_EQ(error_, "process.takeover_socket = \"" + path_ + "\": Address already in use");
    dead->LetGo();
    reactor_.reset();
    dead.reset();
  }
  reactor_ = reactor::Reactor::Create(
      {.submission_entries = 8, .completion_entries = 64, .files_max = 1}, &error_);
  const std::unique_ptr<TakeoverServer> next = Open();
  EXPECT_NE(next, nullptr) << error_;
  path_ = folder_.File("a file");
  close(open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_EQ(Open(), nullptr) << "what is no socket is not ours to remove";
  EXPECT_TRUE(std::filesystem::exists(path_));
  path_ = folder_.File("none") + "/takeover";
  EXPECT_EQ(Open(), nullptr);
  EXPECT_EQ(error_, "process.takeover_socket = \"" + path_ + "\": No such file or directory");
  reactor_.reset();
}

TEST_F(EdgeTakeoverServer, AnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const std::unique_ptr<TakeoverServer> server = Open();
  ASSERT_NE(server, nullptr) << error_;
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0777), 0);
  const pid_t child = fork();
  if (child == 0) {
    std::string error;
    if (setuid(65534) != 0) _exit(3);
    const int fd = TakeoverLink::Connect(path_, &error);
    if (fd < 0) _exit(2);
    TakeoverLink guest(fd);
    TakeoverLink::Packet packet;
    const bool is_refused = !guest.Await(TakeoverStep::kState, "it", 10'000, &packet, &error) &&
                            error == "user 65534 may not take over from user 0";
    _exit(is_refused ? 0 : 1);
  }
  std::string refused;
  std::optional<TakeoverLink> link = Take(server.get(), &refused);
  EXPECT_FALSE(link.has_value());
  EXPECT_EQ(refused, "user 65534 may not take over from user 0");
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  reactor_.reset();
}

}  // namespace
}  // namespace edge
