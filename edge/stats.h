// Counters of one worker. Plain numbers: one writer; a reader in another thread takes a copy
// through the worker.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace edge {

// name, what it counts.
#define GMEDGE_COUNTERS(X)                                                          \
  X(received, "SIP messages received")                                              \
  X(sent, "SIP messages sent")                                                      \
  X(registrations, "registrations confirmed")                                       \
  X(registrations_in_clear, "of them, those without a security agreement")          \
  X(refreshes, "registrations refreshed without a challenge")                       \
  X(deregistrations, "registrations ended by the phone")                            \
  X(expirations, "registrations that ran out")                                      \
  X(superseded, "registrations void: the phone came to another worker")             \
  X(superseded_at_address, "registrations void: another took address and port")     \
  X(network_deregistrations, "registrations ended by the core, by NOTIFY")          \
  X(subscribes, "SUBSCRIBEs to the core, repetitions aside")                        \
  X(subscribes_failed, "of them, those refused or not answered")                    \
  X(notifies, "NOTIFYs of our subscriptions taken")                                 \
  X(notifies_stale, "of them, those with a version seen before")                    \
  X(notifies_lost, "times a NOTIFY was missing before one that came")               \
  X(notifies_refused, "NOTIFYs of our subscriptions answered with an error")        \
  X(letters, "letters to other workers, each to all")                               \
  X(letters_lost, "of them, those whose mailbox was full")                          \
  X(refused_draining, "REGISTERs refused because the process is ending")            \
  X(anonymous_calls, "calls for help of phones that are not registered")            \
  X(emergency_numbers, "calls to emergency numbers answered 380")                   \
  X(registers_moved, "REGISTERs answered 503, for which another hop was asked")     \
  X(challenges, "401 sent with Security-Server")                                    \
  X(sets_installed, "SA sets the kernel took")                                      \
  X(sets_refused, "SA sets the kernel refused")                                     \
  X(sets_unknown, "SA sets whose outcome the kernel left unknown")                  \
  X(sets_deleted, "SA sets deleted")                                                \
  X(sets_timed_out, "temporary SA sets nobody answered on")                         \
  X(responses_made, "responses of gmedge's own")                                    \
  X(drop_keepalive, "keep-alives (CRLF, NUL)")                                      \
  X(drop_malformed, "messages that are not SIP and cannot be answered")             \
  X(drop_truncated, "datagrams over the buffer size")                               \
  X(keys_revealed, "lines of the access log, and headers, with keys in them")       \
  X(drop_no_set, "messages on a protected port without an SA set")                  \
  X(drop_answer_no_set, "answers to REGISTERs whose SA set was gone by then")       \
  X(drop_not_carried, "messages a set in its state must not carry")                 \
  X(drop_not_registered, "requests of a phone without a binding")                   \
  X(refused_dialogs, "requests in a dialog that is not the phone's: 403")           \
  X(refused_routes, "requests that do not take the Service-Route: 400")             \
  X(drop_unknown_response, "responses to nothing we sent")                          \
  X(drop_unprotected, "messages an unprotected port does not take")                 \
  X(drop_nat, "REGISTERs from behind a NAT without UDP-enc-tun")                    \
  X(nat_sets, "SA sets in UDP, for phones behind a NAT")                            \
  X(nat_ports_learnt, "times the kernel was told of a phone's port at its NAT")     \
  X(nat_address_changed, "ESP in UDP from another address than its phone's")        \
  X(drop_edit, "messages with more to change than the limits allow")                \
  X(drop_spoofed, "protected messages whose Via is not their source")               \
  X(kernel_batches, "batches of XFRM requests sent")                                \
  X(kernel_batches_full, "of them, those that left requests waiting")               \
  X(kernel_full, "SA sets refused because too many waited for the kernel")          \
  X(kernel_lost, "of the batches, those whose answer was lost or late")             \
  X(kernel_blocked, "SA sets that waited for a deletion of their ids")              \
  X(kernel_repeated, "deletions the kernel did not confirm, repeated")              \
  X(kernel_looks, "SA sets looked for in the kernel before deletion")               \
  X(kernel_not_ours, "SAs found there that another set has, left alone")            \
  X(offload_fallbacks, "times ESP stayed in the kernel, not on a device")           \
  X(overloads, "times the worker began to refuse: it could not keep up")            \
  X(refused_overload, "unprotected requests refused with 503 in overload")          \
  X(drop_overload, "unprotected messages dropped in overload, unanswered")          \
  X(refused_rate, "new REGISTERs over registers_per_second_max: 503")               \
  X(drop_rate, "of those, the ones not even answered")                              \
  X(refused_full, "REGISTERs refused with 503 because a table was full")            \
  X(drop_socket_full, "datagrams the kernel dropped at full sockets")               \
  X(receive_no_buffers, "times a receive had to wait for a buffer")                 \
  X(journal_records, "records the journal has taken")                               \
  X(journal_failed, "batches of records the journal did not take, or late")         \
  X(refused_journal, "REGISTERs refused because the journal fails")                 \
  X(drop_journal, "of those, the ones not even answered")                           \
  X(restored_registrations, "registrations that an earlier run left")               \
  X(restored_sets, "and SA sets")                                                   \
  X(no_spi, "challenges refused because no SPI was free")                           \
  X(send_failed, "sends the kernel refused or that found no slot")                  \
  X(requests_too_large_for_udp, "requests that tried TCP for their size")           \
  X(sent_over_udp_instead, "requests that found no TCP connection")                 \
  X(tcp_accepted, "TCP connections accepted")                                       \
  X(tcp_connected, "TCP connections made")                                          \
  X(tcp_connects_failed, "TCP connections that did not come to be")                 \
  X(tcp_pings, "keep-alives (CRLF CRLF) answered")                                  \
  X(tcp_no_set, "connections to a protected port without an SA set: reset")         \
  X(tcp_refused_full, "connections reset because there were too many")              \
  X(tcp_refused_source, "connections reset because their source had too many")      \
  X(tcp_accept_errors, "connections the kernel could not hand over")                \
  X(tcp_reset, "connections the peer or the network ended")                         \
  X(tcp_timed_out, "connections ended for being idle or slow")                      \
  X(tcp_stalled, "connections ended because the peer did not read")                 \
  X(next_hops_lost, "next hops found dead")                                         \
  X(failovers, "times requests to the core began to take another next hop")         \
  X(probes, "OPTIONS sent to next hops, without their retransmissions")             \
  X(probes_unanswered, "of them, those without an answer")                          \
  X(dns_lookups, "names looked up in DNS")                                          \
  X(dns_failures, "of them, those that lead nowhere")                               \
  X(dns_refused, "requests refused because DNS knows no way or is too slow")        \
  X(drop_frame_size, "streams with a message over the limits")                      \
  X(drop_frame_length, "streams with a message without a good Content-Length")      \
  X(drop_frame_cut, "messages cut short by the end of their connection")            \
  X(drop_frame_storage, "streams with no room to put their message together")       \
  X(drop_connect_queue, "messages too many for one connect to wait for")            \
  X(drop_no_connection, "messages whose connection is gone, or did not come to be") \
  X(reloads, "times that changed settings were taken over (SIGHUP)")                \
  X(takeovers_failed, "times another gmedge wanted to take over, and could not")    \
  X(inherited_registrations, "registrations taken over from another gmedge")        \
  X(inherited_sets, "and SA sets")

struct Stats {
#define GMEDGE_COUNTER_FIELD(name, text) uint64_t name = 0;
  GMEDGE_COUNTERS(GMEDGE_COUNTER_FIELD)
#undef GMEDGE_COUNTER_FIELD
};

struct CounterInfo {
  std::string_view name;
  std::string_view text;
  uint64_t Stats::*field;
};

// All of them, in the order above.
std::span<const CounterInfo> Counters();

// Adds the counters of one worker to those of others.
void Add(const Stats& stats, Stats* sum);

}  // namespace edge
