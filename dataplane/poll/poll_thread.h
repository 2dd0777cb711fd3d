/* SPDX-License-Identifier: BSD-3-Clause */
/* Poll threads as the control thread sees them: create, launch, talk (msg.h), look at counters.
 * Poll threads are numbered 0..SAN_POLLS_MAX-1; Ethernet port p belongs to poll thread p % number
 * of poll threads, and so does every connection of it. All functions are for the control thread,
 * and none of them blocks except poll_join.
 *
 * Life: poll_create for each, poll_launch for each, then SESSION_ADD, PORT_UP ... ; at the end STOP
 * for each, poll_join, poll_destroy. */
#ifndef SAND_POLL_POLL_THREAD_H
#define SAND_POLL_POLL_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"
#include "san_time.h"
#include "sdp_fsm.h"

/* idle_spin_us etc.: see config. A thread with `nap_max` 0 never naps (profile latency). */
struct poll_params {
	unsigned lcore;	  /* EAL worker to run on */
	int cpu;	  /* eal_lcore_cpu: published to programs */
	bool core_shared; /* eal_lcore_shared: others may need this processor, so hand it over at
			     once */
	uint32_t conns_max;
	uint32_t frames_kept_max; /* that came before their turn; 0: they are dropped */
	struct san_duration
	    idle_spin; /* busy waiting after the last work; ignored when the core is shared */
	struct san_duration idle_yield; /* then sched_yield for this long */
	struct san_duration nap_max;	/* then naps growing up to this */
	struct san_duration
	    keepalive; /* idle time after which SHM_APP_KEEPALIVE connections are probed; 0 = 2 h */
};

/* 0, SAN_EINVAL, SAN_EEXIST, SAN_ENOMEM, SAN_EIO (no eventfd). */
int poll_create(unsigned poll, const struct poll_params *params);
void poll_destroy(unsigned poll);
/* Run the loop on its lcore. SAN_EIO if that is busy. */
int poll_launch(unsigned poll);
/* Wait until the loop was left (STOP was put before). */
void poll_join(unsigned poll);

/* ---- messages ---- */

/* Copies the command and wakes the poll thread if it naps. SAN_EAGAIN: its ring is full; drain
 * events and retry. */
int poll_cmd_put(unsigned poll, const struct poll_cmd *cmd);
/* The next event; false if there is none. */
bool poll_event_get(unsigned poll, struct poll_event *event);
/* An eventfd that becomes readable when an event was put while control slept. To sleep:
 * poll_control_sleeping(true); if it returns false there are events already: do not sleep; else
 * wait for poll_control_fd (and everything else); afterwards poll_control_sleeping(false), which
 * also drains the eventfd. */
int poll_control_fd(void);
bool poll_control_sleeping(bool sleeping);
/* The eventfd programs write when the poll thread naps: goes out with ATTACH_OK. */
int poll_doorbell_fd(unsigned poll);

/* Rules of the message flow, beyond msg.h:
 *  - CONN_OPEN needs its session added and its port up before. A slot has one connection at a time;
 * SAN_EEXIST otherwise.
 *  - The poll thread tells control about a slot's mailbox (SOCK_CMD) once per cmd_seq, and about
 * CLOSED/ABORT (SOCK_FLAGS) once per change. It forwards SHUT_WR to the connection by itself. It
 * does NOT begin the close by itself: control answers SOCK_FLAGS with CONN_CLOSE (it alone knows
 * whether data is unread or a process is left).
 *  - Between CONN_CLOSE and CONN_FREED the slot's tx ring is still read, so the slot must not
 * become FREE.
 *  - CONN_RELEASE is remembered: CONN_FREED follows once the wire side is DEAD and nothing points
 * to the slot.
 *  - SESSION_DEL aborts connections that are left and frees their view of the region at once; each
 * still needs its CONN_RELEASE. Poll threads never touch the region after SESSION_GONE.
 *  - SESSION_ADD goes to every poll thread.
 *  - A frame whose destination MAC equals its source MAC (set path.dmac = path.smac) is for this
 * host: it is looped back inside the poll thread and never reaches the NIC. Holds for FRAME_TX,
 * too.
 *  - FRAME_RX: the frame becomes control's (frame_free it). FRAME_TX: it becomes the poll thread's.
 */

/* ---- counters ---- */

/* What each queue pair counts by these names (rc.h) of losses and congestion: told per connection,
 * and summed up, finished connections included. X(name, text) */
#define POLL_QP_COUNTER_LIST(X)                                                              \
	X(lost, "packets deemed lost")                                                       \
	X(mistakes, "packets sent again that had only been late")                            \
	X(timeouts, "retransmission timers expired")                                         \
	X(refused, "requests of a peer that ended its connection: sequence, length, access") \
	X(rx_ce, "packets received that were marked: they met a long queue")                 \
	X(tx_cnps, "congestion notifications sent")                                          \
	X(rx_cnps, "congestion notifications received")                                      \
	X(cc_slowed, "times congestion control slowed a connection down")                    \
	X(pauses, "times a packet waited for its turn at the rate congestion control allows")

/* What a stream counts of SDP's Read-Zcopy: told per connection, and summed up likewise. X(name,
 * text) */
#define POLL_ZCOPY_COUNTER_LIST(X)                                       \
	X(zcopy_offers, "offers to be read sent (SrcAvail)")             \
	X(zcopy_refused, "offers the peer refused, in whole or part")    \
	X(zcopy_cancels, "offers taken back")                            \
	X(zcopy_tx, "bytes peers read from rings of ours")               \
	X(zcopy_offered, "offers received")                              \
	X(zcopy_denied, "offers we refused, or did not read to the end") \
	X(zcopy_reads, "RDMA READs of ours")                             \
	X(zcopy_rx, "bytes we read into rings of ours")

/* X(name, text). The rx_* verdicts are in the order of ROCE_VERDICT_LIST, the sdp_* ones in that of
 * SDP_VIOLATION_LIST. */
#define POLL_COUNTER_LIST(X)                                                                      \
	X(rx_frames, "frames received, looped ones included")                                     \
	X(rx_bytes, "bytes of them")                                                              \
	X(rx_roce, "RoCEv2 packets with a good ICRC")                                             \
	X(rx_arp, "ARP")                                                                          \
	X(rx_icmp, "ICMP and ICMPv6")                                                             \
	X(rx_not_ours, "other protocols: ignored")                                                \
	X(rx_malformed, "header lengths that do not fit, or all zeros: dropped")                  \
	X(rx_fragment, "IP fragments: dropped")                                                   \
	X(rx_ip_version, "IP version, header length or header checksum wrong: dropped")           \
	X(rx_bth_version, "transport version not 0: dropped")                                     \
	X(rx_opcode, "reserved or unsupported opcode: dropped")                                   \
	X(rx_short, "shorter than the opcode's headers: dropped")                                 \
	X(rx_icrc, "invariant CRC wrong: dropped")                                                \
	X(rx_vlan, "RoCEv2 packets with another VLAN than the connection's: dropped")             \
	X(rx_unknown_qp, "packets for a QP that does not exist (any more): dropped")              \
	X(rx_wrong_peer, "packets for a QP from or to an address that is not its own: dropped")   \
	X(rx_other_port, "packets for a QP that belongs to another port: dropped")                \
	X(rx_ud, "datagrams for another queue pair than 1: dropped")                              \
	X(rx_ring_full, "frames for control dropped because it is too slow")                      \
	X(tx_frames, "frames sent, looped ones included")                                         \
	X(tx_bytes, "bytes of them")                                                              \
	X(tx_full, "times the NIC did not take all frames of a burst (sent later)")               \
	X(tx_dropped, "frames dropped because their port went away")                              \
	X(tx_nombuf, "times no frame buffer was free to build a packet in")                       \
	X(loop_frames, "frames for this host, passed on without the NIC")                         \
	X(retransmits, "packets sent again, finished connections included")                       \
	POLL_QP_COUNTER_LIST(X)                                                                   \
	POLL_ZCOPY_COUNTER_LIST(X)                                                                \
	X(far_reads, "packets read from memory of programs by a system call, not in place")       \
	X(far_writes, "packets written to memory of programs by a system call, not in place")     \
	X(hostile_tx_pos, "connections reset: the program's tx_tail makes no sense")              \
	X(hostile_rx_pos, "connections reset: the program's rx_head makes no sense")              \
	X(hostile_record, "connections reset: the program's ring holds what is no record")        \
	X(stale_doorbell, "doorbells of slots without a connection or command")                   \
	X(doorbells, "doorbells served")                                                          \
	X(sdp_length, "connections ended: Len is not what came, or does not fit the message")     \
	X(sdp_mid, "connections ended: no such message, or one that belongs into the handshake")  \
	X(sdp_carriage, "connections ended: not a plain SEND: immediate data, or Invalidate")     \
	X(sdp_mseq, "connections ended: MSeq does not rise by one")                               \
	X(sdp_mseq_ack, "connections ended: MSeqAck names a message we never sent")               \
	X(sdp_overrun, "connections ended: payload beyond the buffers we posted")                 \
	X(sdp_urgent,                                                                             \
	    "connections ended: OOB_PRES without a byte, or in another message than Data")        \
	X(sdp_pending, "connections ended: must not come while a SrcAvail waits for our answer")  \
	X(sdp_mode, "connections ended: not in this flow control mode, or no such change of it")  \
	X(sdp_inline, "connections ended: SrcAvail with payload in Pipelined mode; without, or "  \
		      "with all, in Combined")                                                    \
	X(sdp_unasked, "connections ended: answers what we never asked")                          \
	X(sdp_size, "connections ended: ChRcvBufAck below what was promised; RdmaRdCompl beyond " \
		    "what was offered")                                                           \
	X(sdp_unanswered, "connections ended: no SendSm within 5 s of our SrcAvailCancel")        \
	X(sdp_ended, "connections ended: must not come behind DisConn")                           \
	X(conns_opened, "connections opened")                                                     \
	X(conns_refused, "CONN_OPEN refused")                                                     \
	X(conns_freed, "connections freed")                                                       \
	X(keepalives, "keepalive probes sent")                                                    \
	X(futex_wakes, "programs woken by futex")                                                 \
	X(eventfd_wakes, "programs woken by eventfd")                                             \
	X(control_wakes, "times the control thread was woken")                                    \
	X(event_ring_full, "times an event had to wait for the control thread")                   \
	X(iterations, "rounds of the loop")                                                       \
	X(busy_iterations, "rounds that found work")                                              \
	X(yields, "times the processor was offered to others")                                    \
	X(crowded, "times yielding cost whole time slices: short naps for a while")               \
	X(naps, "naps taken")                                                                     \
	X(nap_wakes, "naps ended by a doorbell")

enum poll_counter {
#define X(name, text) POLL_COUNT_##name,
	POLL_COUNTER_LIST(X)
#undef X
	    POLL_COUNTER_COUNT
};
/* Racy by nature, never torn, never going back. */
uint64_t poll_counter_read(unsigned poll, enum poll_counter counter);
const char *poll_counter_name(enum poll_counter counter);
const char *poll_counter_text(enum poll_counter counter);
/* Connections in use of at most (poll_params.conns_max). */
uint32_t poll_conn_count(unsigned poll);

/* ---- one connection ---- */

/* A consistent picture, at most about 10 ms old while the connection is active, exact when it is
 * idle. */
struct poll_conn_view {
	uint32_t qpn, peer_qpn, pmtu;
	enum sdp_state state;
	int err; /* enum san_err once it ended */
	uint32_t tx_queued,
	    rx_queued; /* bytes produced and not acknowledged; delivered and not read */
	uint64_t tx_bytes, rx_bytes;	   /* payload since open: acknowledged, delivered */
	uint64_t tx_packets, rx_packets;   /* RoCE packets, acknowledgements included */
	uint64_t tx_messages, rx_messages; /* SDP messages, or those of message mode */
	uint64_t retransmits;		   /* packets sent again */
	uint32_t psn_next, psn_unacked,
	    psn_expected;	      /* next to send, oldest outstanding, next to receive */
	uint32_t outstanding, window; /* packets */
	enum cc_algo congestion;
	struct cc_view cc;
#define X(name, text) uint32_t name;
	POLL_QP_COUNTER_LIST(X)
#undef X
#define X(name, text) uint64_t name;
	POLL_ZCOPY_COUNTER_LIST(X)
#undef X
	uint32_t credits_local, credits_peer;
	uint32_t rdma_reads, rdma_writes; /* of the program, done */
	uint32_t keys;			  /* regions its peer may reach */
	struct san_duration rtt;	  /* smoothed; 0 = no sample yet */
	struct san_duration deadline_in;  /* from the time of the picture; 0 = none pending */
};
/* SAN_ENOENT: no such connection here. SAN_EAGAIN: could not get a consistent picture in a few
 * tries. */
int poll_conn_read(unsigned poll, uint32_t conn, struct poll_conn_view *out);

#endif
