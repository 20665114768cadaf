// Any bytes as requests to the fake kernel: it answers in well-formed datagrams, and what it holds
// afterwards can be listed, expires and can be deleted.
#include <algorithm>
#include <cstdlib>

#include "xfrm/batch.h"
#include "xfrm/fake_kernel.h"

namespace {

using Datagrams = std::vector<std::vector<std::byte>>;

constexpr uint64_t kNow = 1'700'000'000;

void Require(bool condition) {
  if (!condition) std::abort();
}

std::vector<xfrm::Reply> ReadAll(const Datagrams& datagrams) {
  std::vector<xfrm::Reply> replies;
  for (const std::vector<std::byte>& datagram : datagrams) {
    xfrm::ReplyReader reader(datagram);
    xfrm::Reply reply;
    while (reader.Next(&reply)) {
      reply.explanation = {};
      replies.push_back(reply);
    }
    Require(reader.ok());
  }
  return replies;
}

xfrm::BatchVerdict Run(xfrm::Batch* batch, xfrm::FakeKernel* kernel, size_t* listed) {
  Datagrams answers;
  kernel->Send(batch->Seal(), kNow, &answers);
  xfrm::BatchVerdict verdict;
  verdict.Start(batch->first(), batch->count());
  *listed = 0;
  for (const xfrm::Reply& reply : ReadAll(answers)) {
    Require(verdict.Apply(reply));
    *listed += reply.kind == xfrm::ReplyKind::kSa ? 1 : 0;
  }
  Require(verdict.all_ok());
  return verdict;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  xfrm::FakeKernel kernel;
  Datagrams answers;
  kernel.Send(std::as_bytes(std::span(data, size)), kNow, &answers);
  ReadAll(answers);

  xfrm::Batch batch;
  size_t listed = 0;
  batch.Clear(1);
  batch.DumpSas();
  Run(&batch, &kernel, &listed);
  Require(listed == kernel.sa_count());
  Require(kernel.Sas().size() == kernel.sa_count());
  Require(kernel.Policies().size() <= kernel.policy_count());  // Less the forwarding ones.

  const size_t before = kernel.sa_count();
  Datagrams events;
  kernel.Advance(kNow + 100, &events);
  const std::vector<xfrm::Reply> told = ReadAll(events);
  const auto ends =
      std::count_if(told.begin(), told.end(), [](const xfrm::Reply& reply) { return reply.hard; });
  Require(static_cast<size_t>(ends) == before - kernel.sa_count());

  for (const xfrm::SaInfo& sa : kernel.Sas()) {
    batch.Clear(1);
    batch.DeleteSa(sa.id);
    Run(&batch, &kernel, &listed);
  }
  Require(kernel.sa_count() == 0);
  return 0;
}
