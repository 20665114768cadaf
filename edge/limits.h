// Every limit of the edge that is not a setting, and what happens at it (and *_limits.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "reactor/buffer_ring.h"
#include "sip/edit.h"
#include "sip/framer.h"
#include "sip/span.h"

namespace edge {

// Ports that the settings name (protected, unprotected, core side), of all workers. More is a
// settings error.
inline constexpr size_t kPortsMax = 64;

// Workers of a process. More is a settings error.
inline constexpr uint32_t kWorkersMax = 32;
// [[rule]] tables. More is a settings error.
inline constexpr size_t kRulesMax = 64;
// [[header]] tables, the name of one, and what all of them may add to a message, in bytes: half of
// what the editor takes. Likewise.
inline constexpr size_t kHeaderLinesMax = 16;
inline constexpr size_t kHeaderNameSizeMax = 64;
inline constexpr size_t kHeaderLinesSizeMax = 4096;
static_assert(kHeaderLinesSizeMax <= sip::Editor::kTextMax / 2);
// Networks of one rule's source. Likewise.
inline constexpr size_t kNetworksMax = 256;
// Letters from one worker to another that wait. More are dropped and counted (edge/exchange.h).
inline constexpr size_t kLettersMax = 1024;
// While the process ends: what REGISTERs in clear are told, in seconds; and so long nothing must
// have been relayed before requests are taken for answered, of which there is no memory (DESIGN.md
// D7). It is twice the first retransmission's time (RFC 3261 17.1.1.1).
inline constexpr int kDrainRetryAfterS = 30;
inline constexpr uint64_t kQuietMs = 1'000;

// SA sets of one binding at once: old or current, new, temporary (TS 33.203 7.1: six SAs per
// direction are three sets of two). A fourth is refused with 403.
inline constexpr size_t kSetsPerBindingMax = 3;

// Timers of TS 24.229 table 7.8 and RFC 3261 17.1.1.1; T1 towards the phone is 2 s.
inline constexpr uint64_t kDrainMs = 128'000;  // 64*T1: an old set goes.
inline constexpr uint64_t kRegistrationSlackMs =
    30'000;  // A set outlives its registration by this.
inline constexpr uint64_t kTransactionLingerMs =
    32'000;  // A finished REGISTER answers retransmissions.

// A lost verdict of the kernel is given up, and the sets rolled back, after this. A deletion that
// the kernel has not confirmed is repeated after as long.
inline constexpr uint64_t kKernelAnswerMs = 1'000;

// Timers that a turn fires, or moves in the wheel, each cold in memory: some 50 us. Hundreds of
// thousands may lie in one coarse slot; a turn that moved them all held up every phone for 15 to
// 100 ms. The rest waits for the next turn, which comes at once.
inline constexpr uint64_t kTimerWorkPerTurn = 512;

// XFRM requests of a worker's turn: 32 phones of four. The kernel works within the call that sends
// them, so more would hold the turn over a millisecond when another worker's batch of as many is
// in front (DESIGN.md D2). More wait for the next turn.
inline constexpr int kKernelRequestsPerTurn = 128;
// SA sets that wait to be installed or extended; more are refused (the phone gets a 500). It is
// what 32 turns take.
inline constexpr size_t kKernelWaitingMax = 1024;
// From so many on new registrations are refused (edge/overload.h), until there are so few.
inline constexpr size_t kKernelWaitingDeep = kKernelWaitingMax / 2;
inline constexpr size_t kKernelWaitingShallow = kKernelWaitingMax / 8;
// Batches whose fence is missing. At the limit no more are sent before one is given up.
inline constexpr size_t kKernelBatchesMax = 16;

// REGISTERs of one phone at one address under way; one more is refused with 503 (RFC 3261 10.2
// allows one). And of all that are remembered, under way or answered: beyond, what was answered is
// forgotten at once, so that a retransmission of it is forwarded anew.
inline constexpr int kRegistersPerBindingMax = 8;
inline constexpr size_t kTransactionsMax = 1 << 20;

// Longest texts kept of a phone's messages; longer ones refuse the registration (400), they are
// never cut: IMPI (RFC 7542 allows 253), lists of Security-Client, nonce.
inline constexpr size_t kImpiSizeMax = 255;
inline constexpr size_t kAgreementSizeMax = 4096;
inline constexpr size_t kNonceSizeMax = 256;
// Service-Route, P-Associated-URI and their like from the core; a longer one fails the
// registration with 500.
inline constexpr size_t kRouteSetSizeMax = 2048;

// A datagram to send: IPv4's largest UDP payload.
inline constexpr size_t kDatagramSizeMax = 65507;
static_assert(kDatagramSizeMax <= sip::kMessageSizeMax);

// What UDP puts before a message, in bytes: part of what ESP protects.
inline constexpr size_t kUdpHeaderSize = 8;

// Over TCP, in bytes: a message must fit a datagram too, since it may have to go on in one. A
// stream with a larger one cannot be cut any further: the connection ends.
inline constexpr sip::FrameLimits kStreamLimits{.headers_size_max = 32768,
                                                .body_size_max = kDatagramSizeMax,
                                                .message_size_max = kDatagramSizeMax};
// Messages that are put together from several reads at once; unprotected connections may take half.
// At the limit a connection whose message does not lie in one read ends.
inline constexpr size_t kFrameStorages = 1024;
// A message must end so long after it began, and a connection to an unprotected port must bring one
// so long after the last; else the connection ends.
inline constexpr uint64_t kMessageMs = 10'000;
inline constexpr uint64_t kGmConnectionMs = 64'000;
// Bytes of messages that wait for one connect; more are dropped.
inline constexpr size_t kWaitingSizeMax = 256 * 1024;
// After a connect that failed, requests that may go over UDP do so at once for this long; the table
// of such destinations is emptied when it is full.
inline constexpr uint64_t kConnectHoldOffMs = 10'000;
inline constexpr size_t kHeldOffMax = 65536;
// Bytes that may wait for a core that does not read; then the connection ends.
inline constexpr size_t kCoreBacklogSizeMax = 4 << 20;
// How long a listener waits after an accept that failed for want of descriptors or memory.
inline constexpr uint64_t kAcceptPauseMs = 100;

// Receive buffers of a worker. One holds the largest datagram and what the kernel puts before it,
// with the parser's padding behind; only pages that are written to take memory. When all are lent
// out, datagrams wait in the sockets' own buffers.
inline constexpr reactor::BufferRingOptions kReceiveBuffers{
    .count = 2048, .size = 65536, .tail_padding = sip::kPaddingSize, .group = 0};
// And those of the unprotected ports, which are also how many messages may wait there
// (edge/stranger_queue.h). Likewise their sends over UDP have slots of their own.
inline constexpr reactor::BufferRingOptions kStrangerBuffers{
    .count = 512, .size = 65536, .tail_padding = sip::kPaddingSize, .group = 1};
inline constexpr int kStrangerSends = 1024;
// Connections to unprotected ports are read so much at once; the rest waits in their sockets, which
// holds up those who send. So this is how much work strangers can bring over TCP in a turn. A
// message that does not fit one is put together.
inline constexpr reactor::BufferRingOptions kStrangerStreamBuffers{
    .count = 32, .size = 8192, .tail_padding = sip::kPaddingSize, .group = 2};

// Messages of the unprotected ports in a turn, by Overload::Level: after all else has been served,
// so it is how long the next turn of phones and core may have to wait, up to a
// millisecond. A refusal is cheaper than a REGISTER, and silence cheaper than a refusal. With 8 in
// place of 32 a flood left a tenth of the registrations beside it, and phones waited no less.
inline constexpr size_t kStrangersPerTurn[] = {32, 64, 256};
// When phones and core alone fill the turns: enough to move on.
inline constexpr size_t kStrangersPerFullTurn = 4;
// How many of them waiting is too much, and how few is none (edge/overload.h). A worker that keeps
// up empties the queue in every turn; half of it deep is what it takes some 10 ms for.
inline constexpr size_t kStrangersDeep = kStrangerBuffers.count / 2;
inline constexpr size_t kStrangersShallow = kStrangerBuffers.count / 8;
// How long it must be deep or shallow before the level changes: a burst is not a flood, and the
// less time is spent refusing, the more phones register beside one.
inline constexpr uint64_t kStandingMs = 50;
inline constexpr uint64_t kCalmMs = 10;
// How often what the kernel dropped at full sockets is asked for.
inline constexpr uint64_t kDropsMs = 1'000;

}  // namespace edge
