// What the kernel counts of IPsec in one network namespace: /proc/net/xfrm_stat (there if the
// kernel has CONFIG_XFRM_STATISTICS). Each counts packets that went no further, for one reason.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace xfrm {

// field, the kernel's name. As of Linux 6.18 (Documentation/networking/xfrm_proc.rst).
#define GMEDGE_XFRM_COUNTERS(X)                        \
  X(in_error, "XfrmInError")                           \
  X(in_buffer_error, "XfrmInBufferError")              \
  X(in_header_error, "XfrmInHdrError")                 \
  X(in_no_states, "XfrmInNoStates")                    \
  X(in_state_proto_error, "XfrmInStateProtoError")     \
  X(in_state_mode_error, "XfrmInStateModeError")       \
  X(in_state_seq_error, "XfrmInStateSeqError")         \
  X(in_state_expired, "XfrmInStateExpired")            \
  X(in_state_mismatch, "XfrmInStateMismatch")          \
  X(in_state_invalid, "XfrmInStateInvalid")            \
  X(in_template_mismatch, "XfrmInTmplMismatch")        \
  X(in_no_policies, "XfrmInNoPols")                    \
  X(in_policy_block, "XfrmInPolBlock")                 \
  X(in_policy_error, "XfrmInPolError")                 \
  X(out_error, "XfrmOutError")                         \
  X(out_bundle_gen_error, "XfrmOutBundleGenError")     \
  X(out_bundle_check_error, "XfrmOutBundleCheckError") \
  X(out_no_states, "XfrmOutNoStates")                  \
  X(out_state_proto_error, "XfrmOutStateProtoError")   \
  X(out_state_mode_error, "XfrmOutStateModeError")     \
  X(out_state_seq_error, "XfrmOutStateSeqError")       \
  X(out_state_expired, "XfrmOutStateExpired")          \
  X(out_policy_block, "XfrmOutPolBlock")               \
  X(out_policy_dead, "XfrmOutPolDead")                 \
  X(out_policy_error, "XfrmOutPolError")               \
  X(forward_header_error, "XfrmFwdHdrError")           \
  X(out_state_invalid, "XfrmOutStateInvalid")          \
  X(acquire_error, "XfrmAcquireError")                 \
  X(out_state_direction_error, "XfrmOutStateDirError") \
  X(in_state_direction_error, "XfrmInStateDirError")   \
  X(in_iptfs_error, "XfrmInIptfsError")                \
  X(out_no_queue_space, "XfrmOutNoQueueSpace")

struct KernelCounters {
#define GMEDGE_XFRM_FIELD(field, name) uint64_t field = 0;
  GMEDGE_XFRM_COUNTERS(GMEDGE_XFRM_FIELD)
#undef GMEDGE_XFRM_FIELD
  uint32_t unknown = 0;  // Lines with a name that is none of these.

  bool operator==(const KernelCounters&) const = default;
};

struct KernelCounterInfo {
  std::string_view name;  // The kernel's.
  uint64_t KernelCounters::*field;
};
// All of them, in the order above, which is that of the file.
std::span<const KernelCounterInfo> KernelCounterInfos();

// Reads the file's text: "XfrmInError \t 3" a line. A name that is not there counts 0 (an older
// kernel). False: a line is not of that form, or a number is none; *counters is then as it was.
[[nodiscard]] bool ParseKernelCounters(std::string_view text, KernelCounters* counters);

}  // namespace xfrm
