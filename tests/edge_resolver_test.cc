// The resolver and a DNS server over loopback: what it says, what it does not say, and the end.
#include <gmock/gmock.h>

#include <map>

#include "edge/resolver.h"
#include "tests/edge_dns_server.h"
#include "tests/reactor_peer.h"

namespace edge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class EdgeResolver : public testing::Test, public ResolverSink {
 protected:
  EdgeResolver() : reactor_(reactor::MakeReactor()) {
    core_.listen = At("127.0.0.1:5060");
    core_.resolvers = {server_.address()};
  }
  ~EdgeResolver() override {
    if (resolver_ == nullptr) return;
    resolver_->Close();
    EXPECT_TRUE(reactor::RunUntil(reactor_.get(), [this] { return resolver_->closed(); }));
  }
  void Open() {
    std::string error;
    resolver_ = std::make_unique<Resolver>(core_, this);
    ASSERT_TRUE(resolver_->Open(reactor_.get(), &error)) << error;
  }
  void OnResolved(SlotId name, const Resolved& resolved) override { answers_[name] = resolved; }

  // As a worker turns.
  void TurnUntil(size_t answers) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (answers_.size() < answers && std::chrono::steady_clock::now() < deadline) {
      const int64_t wait_ms = resolver_->WaitMs();
      reactor_->SubmitAndWait(wait_ms < 0 ? 50'000 : wait_ms * 1000);
      reactor_->Dispatch();
      resolver_->OnTime();
    }
  }
  std::vector<std::string> Locate(const NameQuery& query) {
    if (resolver_ == nullptr) Open();
    answers_.clear();
    resolver_->Resolve(++name_, query);
    EXPECT_THAT(answers_, IsEmpty()) << "never from within the call";
    TurnUntil(1);
    std::vector<std::string> targets;
    for (const Target& target : answers_[name_].targets) {
      targets.push_back(std::string(Name(target.transport)) + " " + TextOf(target.endpoint));
    }
    return targets;
  }

  DnsServer server_;
  Settings::Core core_;
  std::unique_ptr<reactor::Reactor> reactor_;
  std::unique_ptr<Resolver> resolver_;
  std::map<SlotId, Resolved> answers_;
  SlotId name_ = 0;
};

TEST_F(EdgeResolver, GoesFromNaptrToSrvToAddresses) {
  server_.Add("ims.example", DnsType::kNaptr, NaptrData(1, 1, "s", "SIP+D2T", "t.ims.example"), 90);
  server_.Add("t.ims.example", DnsType::kSrv, SrvData(2, 0, 5072, "b.example"), 80);
  server_.Add("t.ims.example", DnsType::kSrv, SrvData(1, 0, 5071, "a.example"), 80);
  server_.Add("a.example", DnsType::kA, AddressData("10.0.0.1:0"), 70);
  server_.Add("b.example", DnsType::kA, AddressData("10.0.0.2:0"), 75);
  EXPECT_THAT(Locate({"IMS.example", 0, {}}),
              ElementsAre("TCP 10.0.0.1:5071", "TCP 10.0.0.2:5072"));
  EXPECT_EQ(answers_[name_].ttl_s, 70u);
  EXPECT_THAT(server_.questions(), UnorderedElementsAre("ims.example 35", "t.ims.example 33",
                                                        "a.example 1", "b.example 1"));
  EXPECT_EQ(resolver_->WaitMs(), -1) << "nothing is under way";
}

TEST_F(EdgeResolver, AsksForIpv6AddressesWhereTheCoreIsReachedByThem) {
  core_.listen = At("[::1]:5060");
  server_.Add("ims.example", DnsType::kAaaa, AddressData("[2001:db8::5]:0"));
  server_.Add("ims.example", DnsType::kA, AddressData("10.0.0.1:0"));
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("UDP [2001:db8::5]:5060"));
}

TEST_F(EdgeResolver, ANameThatIsNowhereIsToldSo) {
  EXPECT_THAT(Locate({"ims.example", 0, {}}), IsEmpty());
  EXPECT_FALSE(answers_[name_].is_silent);
}

TEST_F(EdgeResolver, ASilentServerIsAskedThriceAndThenGivenUp) {
  server_.set_silent(true);
  EXPECT_THAT(Locate({"ims.example", 0, {}}), IsEmpty());
  EXPECT_TRUE(answers_[name_].is_silent);
  EXPECT_THAT(server_.questions(),
              ElementsAre("ims.example 35", "ims.example 35", "ims.example 35"));
  // And it may come back.
  server_.set_silent(false);
  server_.Add("ims.example", DnsType::kA, AddressData("10.0.0.1:0"));
  EXPECT_THAT(Locate({"ims.example", 0, {}}), ElementsAre("UDP 10.0.0.1:5060"));
}

TEST_F(EdgeResolver, AnotherServerAnswersForASilentOne) {
  DnsServer silent;
  silent.set_silent(true);
  core_.resolvers = {silent.address(), server_.address()};
  server_.Add("ims.example", DnsType::kA, AddressData("10.0.0.1:0"));
  EXPECT_THAT(Locate({"ims.example", 5060, {}}), ElementsAre("UDP 10.0.0.1:5060"));
}

TEST_F(EdgeResolver, WhereNobodyListensItIsSilent) {
  core_.resolvers = {UdpEnd(At("127.0.0.1:0")).local()};
  EXPECT_THAT(Locate({"ims.example", 0, {}}), IsEmpty());
  EXPECT_TRUE(answers_[name_].is_silent);
}

TEST_F(EdgeResolver, AServerThatFailsHasSaidNothing) {
  server_.set_code(2);  // SERVFAIL.
  EXPECT_THAT(Locate({"ims.example", 5060, {}}), IsEmpty());
  EXPECT_TRUE(answers_[name_].is_silent);
}

TEST_F(EdgeResolver, ManyNamesAreAskedForAtOnce) {
  Open();
  for (int i = 1; i <= 100; ++i) {
    const std::string host = "h" + std::to_string(i) + ".example";
    server_.Add(host, DnsType::kA, AddressData("10.0.0." + std::to_string(i) + ":0"));
    resolver_->Resolve(static_cast<SlotId>(i), {host, 5060, {}});
  }
  TurnUntil(100);
  ASSERT_EQ(answers_.size(), 100u);
  for (int i = 1; i <= 100; ++i) {
    ASSERT_EQ(answers_[static_cast<SlotId>(i)].targets.size(), 1u) << i;
    EXPECT_EQ(TextOf(answers_[static_cast<SlotId>(i)].targets[0].endpoint),
              "10.0.0." + std::to_string(i) + ":5060");
  }
}

TEST_F(EdgeResolver, ANameThatCannotBeAskedForHasNoAnswer) {
  EXPECT_THAT(Locate({std::string(80, 'a') + ".example", 0, {}}), IsEmpty());
  EXPECT_THAT(Locate({"a..example", 0, {}}), IsEmpty());
  EXPECT_THAT(server_.questions(), IsEmpty());
}

TEST_F(EdgeResolver, MayBeClosedWhileItWaits) {
  server_.set_silent(true);
  Open();
  resolver_->Resolve(1, {"ims.example", 0, {}});
  reactor_->SubmitAndWait(10'000);
  reactor_->Dispatch();
  resolver_->Close();
  EXPECT_TRUE(reactor::RunUntil(reactor_.get(), [this] { return resolver_->closed(); }));
  EXPECT_THAT(answers_, IsEmpty());
}

}  // namespace
}  // namespace edge
