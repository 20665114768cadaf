// One batch of requests on its way to the kernel and back: what each request is for, and what the
// kernel said to it. Plain book-keeping for edge/kernel_queue; decides nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "edge/registrar.h"
#include "edge/sa_set.h"
#include "xfrm/batch.h"
#include "xfrm/reply.h"

namespace edge {

enum class JobKind : uint8_t {
  kInstall,   // NEWSA for each, and UPDPOLICY for those in UDP, each of which has its policies.
  kExtend,    // UPDSA for those that are there, NEWSA for those that come now.
  kRedirect,  // UPDSA for each, with other ports outside.
  kLook,      // GETSA for each: is it there, and whose is it?
  kDelete,    // DELSA for each.
};

// What a set asks for. Its own copy of the keys, as it may wait; they wipe themselves.
struct SetRequest {
  // `updated` are there already, `added` come now; four at most, all with the same keys.
  SetRequest(JobKind kind, SetId set, std::span<const xfrm::Sa> updated,
             std::span<const xfrm::Sa> added);

  JobKind kind;
  SetId set;
  size_t updated_count = 0;
  size_t count = 0;
  // Of the kernel.
  size_t requests() const { return count + (sas[0].tunnel ? count - updated_count : 0); }
  SaArray sas;  // Those to update first. Their `keys` is void.
  xfrm::EspKeys keys;
};

// A set's requests in the batch.
struct Job {
  JobKind kind;
  SetId set;
  SaIds sas;
  int first_index = 0;
  size_t policies = 0;  // Requests for them stand behind those for the SAs.
  // Of a kLook, bit i for sas.ids[i]: the SA found there is of this set, or it is not.
  uint8_t ours = 0;
  uint8_t others = 0;
  bool is_refused = false;
  std::string words = {};  // The kernel's on the first request it refused; often empty.
};

class KernelRound {
 public:
  // Empties it. The first request gets this sequence; `reqid` marks what is ours in the kernel.
  void Start(uint32_t sequence, uint32_t reqid);
  // REQUIRES: there is room in the batch.
  void Add(const SetRequest& request);
  void Add(JobKind kind, SetId set, const SaIds& sas);  // kLook or kDelete.

  int count() const { return batch_.count(); }  // Of requests.
  // The bytes to send.
  std::span<const std::byte> Seal() { return batch_.Seal(); }
  // They have been sent: wipes them, and answers count from now on. No answer after `deadline_ms`.
  void OnSent(uint64_t deadline_ms);
  uint64_t deadline_ms() const { return deadline_ms_; }
  void GiveUpBy(uint64_t deadline_ms) { deadline_ms_ = deadline_ms; }

  // False: an answer to another batch.
  bool Take(const xfrm::Reply& reply);
  bool complete() const { return verdict_.complete(); }
  std::span<const Job> jobs() const { return jobs_; }
  // Of request `i` of a job. REQUIRES: complete().
  std::errc ErrorOf(const Job& job, size_t i) const {
    return verdict_.error(job.first_index + static_cast<int>(i));
  }
  // Of the first request of a job that failed otherwise than by `harmless`; std::errc{}: none did.
  // REQUIRES: complete().
  std::errc FirstErrorOf(const Job& job, std::errc harmless = {}) const;

 private:
  Job* JobOf(int index);

  xfrm::Batch batch_;
  xfrm::BatchVerdict verdict_;
  std::vector<Job> jobs_;  // By first_index.
  uint32_t sequence_ = 1;
  uint32_t reqid_ = 0;
  int sent_count_ = 0;
  uint64_t deadline_ms_ = 0;
};

}  // namespace edge
