// What a phone costs before and after the kernel: its keys, its four SAs as netlink bytes, and the
// reading of the answers. What the kernel itself takes is not in here.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>

#include <array>

#include "xfrm/batch.h"
#include "xfrm/fake_kernel.h"
#include "xfrm/reply.h"

namespace xfrm {
namespace {

constexpr Algorithms kAlgorithms[] = {
    {Integrity::kHmacSha1_96, Encryption::kNull},
    {Integrity::kHmacSha1_96, Encryption::kAesCbc},
    {Integrity::kNull, Encryption::kAesGcm},
};

Key SomeKey(uint8_t first) {
  std::array<uint8_t, Key::kSize> bytes;
  for (uint8_t& byte : bytes) byte = first++;
  return Key(bytes);
}

Address At(const char* text) {
  Address address;
  address.family = AF_INET;
  inet_pton(AF_INET, text, address.bytes.data());
  return address;
}

EspKeys KeysFor(int64_t row) {
  return EspKeys(kAlgorithms[row], SomeKey(1), SomeKey(101));
}

// The four SAs of one phone: both directions of both port pairs (TS 33.203 7.1).
void AddPhone(uint32_t phone, const EspKeys& keys, Batch* batch) {
  const Address edge = At("192.0.2.10");
  Address phone_address = At("198.51.100.0");
  phone_address.bytes[3] = static_cast<uint8_t>(phone);
  for (uint32_t i = 0; i < 4; ++i) {
    const bool inbound = i % 2 == 0;
    Sa sa;
    sa.selector.source = inbound ? phone_address : edge;
    sa.selector.destination = inbound ? edge : phone_address;
    sa.selector.source_port = static_cast<uint16_t>(30000 + i);
    sa.selector.destination_port = static_cast<uint16_t>(6101 + i);
    sa.spi = 65536 + phone * 4 + i;
    sa.reqid = 4711;
    sa.hard_seconds = 60;
    sa.keys = &keys;
    batch->AddSa(sa);
  }
}

std::string LabelOf(int64_t row) {
  return std::string(Name(kAlgorithms[row].integrity)) + "=" +
         std::string(Name(kAlgorithms[row].encryption));
}

void ExpandKeys(benchmark::State& state) {
  const Key ik = SomeKey(1);
  const Key ck = SomeKey(101);
  for (auto _ : state) {
    const EspKeys keys(kAlgorithms[state.range(0)], ik, ck);
    benchmark::DoNotOptimize(keys.encryption_key().data());
  }
  state.SetLabel(LabelOf(state.range(0)));
}
BENCHMARK(ExpandKeys)->DenseRange(0, 2);

// Arguments: algorithms, phones a batch. Wiping the batch before is in the time.
void BuildBatch(benchmark::State& state) {
  const EspKeys keys = KeysFor(state.range(0));
  const int64_t phones = state.range(1);
  Batch batch;
  size_t size = 0;
  for (auto _ : state) {
    batch.Clear(1);
    for (int64_t phone = 0; phone < phones; ++phone) {
      AddPhone(static_cast<uint32_t>(phone), keys, &batch);
    }
    const std::span<const std::byte> bytes = batch.Seal();
    benchmark::DoNotOptimize(bytes.data());
    size = bytes.size();
  }
  state.SetItemsProcessed(state.iterations() * phones);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(size));
  state.SetLabel(LabelOf(state.range(0)) + ", items are phones");
}
BENCHMARK(BuildBatch)->ArgsProduct({{0, 1, 2}, {1, 16, 64}});

// Answers to a batch of 64 phones: all well, and all refused.
void ReadAnswers(benchmark::State& state) {
  const bool refused = state.range(0) != 0;
  const EspKeys keys = KeysFor(0);
  FakeKernel kernel;
  Batch batch;
  std::vector<std::vector<std::byte>> answers;
  for (int round = 0; round < (refused ? 2 : 1); ++round) {
    answers.clear();
    batch.Clear(1);
    for (uint32_t phone = 0; phone < 64; ++phone) AddPhone(phone, keys, &batch);
    kernel.Send(batch.Seal(), 0, &answers);
  }
  BatchVerdict verdict;
  for (auto _ : state) {
    verdict.Start(1, batch.count());
    for (const std::vector<std::byte>& answer : answers) {
      ReplyReader reader(answer);
      Reply reply;
      while (reader.Next(&reply)) verdict.Apply(reply);
    }
    benchmark::DoNotOptimize(verdict.all_ok());
  }
  if (verdict.all_ok() == refused) state.SkipWithError("not the answers that were meant");
  state.SetItemsProcessed(state.iterations() * 64);
  state.SetLabel(refused ? "256 refusals" : "one fence");
}
BENCHMARK(ReadAnswers)->Arg(0)->Arg(1);

// All that user space does for a phone between its keys and the verdict: a batch built, and the
// fence that answers it read. Arguments as of BuildBatch.
void BuildBatchAndReadFence(benchmark::State& state) {
  const EspKeys keys = KeysFor(state.range(0));
  const int64_t phones = state.range(1);
  const auto build = [&keys, phones](Batch* batch) {
    batch->Clear(1);
    for (int64_t phone = 0; phone < phones; ++phone) {
      AddPhone(static_cast<uint32_t>(phone), keys, batch);
    }
    return batch->Seal();
  };
  FakeKernel kernel;
  Batch batch;
  std::vector<std::vector<std::byte>> answers;
  kernel.Send(build(&batch), 0, &answers);
  BatchVerdict verdict;
  for (auto _ : state) {
    const std::span<const std::byte> bytes = build(&batch);
    benchmark::DoNotOptimize(bytes.data());
    verdict.Start(batch.first(), batch.count());
    for (const std::vector<std::byte>& answer : answers) {
      ReplyReader reader(answer);
      Reply reply;
      while (reader.Next(&reply)) verdict.Apply(reply);
    }
    benchmark::DoNotOptimize(verdict.all_ok());
  }
  if (!verdict.all_ok()) state.SkipWithError("not the answers that were meant");
  state.SetItemsProcessed(state.iterations() * phones);
  state.SetLabel(LabelOf(state.range(0)) + ", items are phones");
}
BENCHMARK(BuildBatchAndReadFence)->ArgsProduct({{0, 2}, {1, 16, 64}});

}  // namespace
}  // namespace xfrm

BENCHMARK_MAIN();
