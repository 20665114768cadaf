// A journal from its opening to its end, on a ground of the test's: no file, no thread.
#include "tests/edge_journal.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "edge/journal.h"
#include "edge/memory_store.h"

namespace edge {
namespace {

// A handle of the test's store, which outlives the journal.
class Handle final : public JournalStore {
 public:
  explicit Handle(MemoryStore* store) : store_(store) {}
  bool Commit(std::span<const JournalOp* const> ops, std::string* error) override {
    return store_->Commit(ops, error);
  }
  std::array<uint8_t, 32> secret() const override { return store_->secret(); }
  std::string name() const override { return "test"; }

 private:
  MemoryStore* store_;
};

class EdgeJournal : public testing::Test {
 protected:
  EdgeJournal() {
    spdlog::set_level(spdlog::level::off);
    settings_.ipsec.sockets = {At("192.0.2.10:6101"), At("192.0.2.10:6102")};
    settings_.gm.listen = {At("192.0.2.10:5060")};
    settings_.core.listens = {At("10.0.0.10:5060")};
    settings_.core.listen = settings_.core.listens[0];
    settings_.journal.file = "test";
    const JournalOp registration = MakeRegistration(1);
    const JournalOp set = MakeSet(2, 1);
    const JournalOp* ops[] = {&registration, &set};
    std::string error;
    EXPECT_TRUE(store_.Commit(ops, &error));
  }
  ~EdgeJournal() override { spdlog::set_level(spdlog::level::info); }

  std::unique_ptr<Journal> Open() {
    JournalGround ground;
    ground.open = [this](const Settings&, OpenedStore* opened, std::string*) {
      opened->store = std::make_unique<Handle>(&store_);
      opened->contents = store_.Contents();
      return true;
    };
    ground.now_ms = [] { return uint64_t{1'000}; };
    ground.epoch_ms = [] { return kTestEpochMs; };
    ground.has_thread = false;
    auto journal = std::make_unique<Journal>(
        settings_, &spis_, [](size_t) {}, ground);
    std::string error;
    EXPECT_TRUE(journal->Open(&error)) << error;
    return journal;
  }
  // As the kernel's preparation does when it lacks all SAs.
  static void MakeAgain(const KnownSas& known) {
    std::vector<uint32_t> all;
    for (uint32_t i = 0; i < known.sas.size(); ++i) all.push_back(i);
    known.before_install(all);
  }
  uint32_t Bound() const { return store_.sets().at(2).sequence_bound; }

  Settings settings_;
  xfrm::SpiPool spis_{{}};
  MemoryStore store_;
};

TEST_F(EdgeJournal, ABoundIsKeptBeforeTheSasOfANewLifeAreMade) {
  const std::unique_ptr<Journal> journal = Open();
  MakeAgain(journal->Known());
  EXPECT_EQ(Bound(), 2 * kSequenceStride);
}

// Found by gmsim: of a set that was being deleted when the process died one SA was left and three
// were made again. Their time became the set's, and at the next refresh the kernel, which counts
// from when it added each, was told too early an end for the one.
TEST_F(EdgeJournal, ASetOfWhichSasAreMadeAgainKeepsItsAge) {
  const uint64_t before = store_.sets().at(2).installed_ms;
  const std::unique_ptr<Journal> journal = Open();
  const std::vector<uint32_t> three = {0, 1, 2};
  journal->Known().before_install(three);
  EXPECT_EQ(Bound(), 2 * kSequenceStride);
  EXPECT_EQ(store_.sets().at(2).installed_ms, before);
}

// Found by gmsim: the bound was lost with the commit that failed, and the life after this one began
// with the same numbers.
TEST_F(EdgeJournal, ABoundThatTheDiskDidNotTakeIsWrittenWhenItIsWell) {
  const std::unique_ptr<Journal> journal = Open();
  store_.SetFault("disk full");
  MakeAgain(journal->Known());
  std::string error;
  ASSERT_TRUE(journal->Start(&error)) << error;
  journal->writer()->Turn(2'000);
  EXPECT_EQ(Bound(), kSequenceStride);
  store_.SetFault("");
  journal->writer()->Turn(4'000);
  EXPECT_EQ(Bound(), 2 * kSequenceStride);
}

}  // namespace
}  // namespace edge
