#include "reactor/reactor.h"

#include <cassert>
#include <cerrno>
#include <vector>

#include "reactor/error_text.h"
#include "reactor/ring_check.h"

namespace reactor {
namespace {

// What a completion said, copied out of the ring so that its slot is free before anyone is called.
struct Answer {
  Completion* completion;
  int32_t result;
  uint32_t flags;
};

std::string SetupErrorText(int error) {
  RingReport report;
  report.failed = RingReport::Step::kSetup;
  report.error = error;
  ReadRingReasons(&report);
  return Explain(report);
}

std::string FilesErrorText(unsigned files_max, int error) {
  std::string text = ErrorText("io_uring: registering file slots", error);
  if (error == EMFILE) {
    text += " (files_max = " + std::to_string(files_max) +
            " is above RLIMIT_NOFILE or the kernel's limit)";
  }
  return text;
}

// Nothing may answer into our memory once the ring is gone: closing it alone cancels in the
// background, so what is under way is cancelled, and waited for, here.
void CancelEverything(io_uring* ring) {
  io_uring_sync_cancel_reg cancel{};
  cancel.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
  cancel.timeout.tv_sec = 1;
  io_uring_register_sync_cancel(ring, &cancel);
}

}  // namespace

struct Reactor::Files {
  std::vector<int> free_slots;
};

Reactor::Reactor() = default;

std::unique_ptr<Reactor> Reactor::Create(const ReactorOptions& options, std::string* error) {
  std::unique_ptr<Reactor> reactor(new Reactor());
  if (!reactor->Open(options, error)) return nullptr;
  return reactor;
}

bool Reactor::Open(const ReactorOptions& options, std::string* error) {
  io_uring_params params{};
  params.flags = kRingFlags;
  params.cq_entries = options.completion_entries;
  int result = io_uring_queue_init_params(options.submission_entries, &ring_, &params);
  if (result < 0) {
    *error = SetupErrorText(-result);
    return false;
  }
  ring_open_ = true;

  // Saves the look-up of the ring's descriptor in each system call. A thread may hold sixteen such
  // rings; one more works without.
  io_uring_register_ring_fd(&ring_);

  // The same for sockets: a slot in a table of the ring instead of a counted look-up per request.
  result = io_uring_register_files_sparse(&ring_, options.files_max);
  if (result < 0) {
    *error = FilesErrorText(options.files_max, -result);
    return false;
  }
  files_ = std::make_unique<Files>();
  files_->free_slots.reserve(options.files_max);
  for (unsigned i = options.files_max; i > 0; --i) {
    files_->free_slots.push_back(static_cast<int>(i - 1));
  }
  lifetime_ = std::make_shared<const char>('\0');
  return true;
}

Reactor::~Reactor() {
  if (!ring_open_) return;
  CancelEverything(&ring_);
  // Waits until the kernel has let go of the sockets: their ports are free when we return.
  if (files_ != nullptr) io_uring_unregister_files(&ring_);
  io_uring_queue_exit(&ring_);
}

io_uring_sqe* Reactor::GetSqe(Completion* completion) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  // A submission takes all that is queued unless the kernel is out of memory for a moment.
  for (int attempt = 0; sqe == nullptr; ++attempt) {
    assert(attempt < 1000 && "io_uring: the submission queue stays full");
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  *sqe = io_uring_sqe{};
  io_uring_sqe_set_data(sqe, completion);
  return sqe;
}

int Reactor::RegisterFile(int fd) {
  if (files_->free_slots.empty()) return -1;
  const int slot = files_->free_slots.back();
  if (io_uring_register_files_update(&ring_, static_cast<unsigned>(slot), &fd, 1) != 1) return -1;
  files_->free_slots.pop_back();
  return slot;
}

void Reactor::UnregisterFile(int slot) {
  const int none = -1;
  io_uring_register_files_update(&ring_, static_cast<unsigned>(slot), &none, 1);
  files_->free_slots.push_back(slot);
}

int Reactor::Dispatch() {
  assert(!dispatching_ && "Dispatch() called from a handler");
  // What did not fit into the queue waits in the kernel, in order, behind what did.
  if (io_uring_cq_ready(&ring_) == 0 && io_uring_cq_has_overflow(&ring_)) {
    io_uring_get_events(&ring_);
  }

  Answer answers[kDispatchMax];
  int count = 0;
  unsigned head;
  io_uring_cqe* cqe;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    if (count == kDispatchMax) break;
    Completion* const completion = static_cast<Completion*>(io_uring_cqe_get_data(cqe));
    answers[count++] = {completion, cqe->res, cqe->flags};
  }
  io_uring_cq_advance(&ring_, static_cast<unsigned>(count));

  dispatching_ = true;
  for (int i = 0; i < count; ++i) {
    const Answer& answer = answers[i];
    if (answer.completion == nullptr) continue;
    answer.completion->handler(answer.completion->owner, answer.completion, answer.result,
                               answer.flags);
  }
  dispatching_ = false;
  completions_ += static_cast<uint64_t>(count);
  return count;
}

void Reactor::SubmitAndWait(int64_t timeout_us) {
  int result;
  if (timeout_us == 0) {
    result = io_uring_submit_and_get_events(&ring_);
  } else {
    __kernel_timespec timeout{};
    timeout.tv_sec = timeout_us / 1'000'000;
    timeout.tv_nsec = timeout_us % 1'000'000 * 1'000;
    io_uring_cqe* first;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1,
                                              timeout_us < 0 ? nullptr : &timeout, nullptr);
  }
  // Time out, a signal, a moment without memory: the caller's next turn goes on. Anything else is
  // a mistake of ours, such as a call from another thread (EEXIST).
  assert(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
         result == -EBUSY || result == -ENOMEM);
}

}  // namespace reactor
