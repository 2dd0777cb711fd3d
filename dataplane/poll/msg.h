/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything the control thread and the poll threads say to each other. Fixed-size messages on
 * single-producer single-consumer rings (rte_ring element rings), one pair per poll thread; whoever
 * puts a message wakes the other only if it sleeps. Ownership of what a message points to moves
 * with the message unless it says otherwise. */
#ifndef SAND_POLL_MSG_H
#define SAND_POLL_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "roce.h"
#include "sdp.h"

struct frame; /* port/frame.h: a DPDK packet buffer */

/* Control -> poll thread. X(name, meaning) */
#define POLL_CMD_LIST(X)                                                                   \
	X(SESSION_ADD, "serve this region's doorbells from now on")                        \
	X(SESSION_DEL, "stop touching the region; answered by SESSION_GONE")               \
	X(CONN_OPEN, "create a connection; answered by CONN_OPENED")                       \
	X(CONN_CLOSE, "the program is gone: close orderly or abort")                       \
	X(CONN_DREQ, "the peer's DREQ arrived")                                            \
	X(CONN_DREQ_DONE, "our DREQ was answered or given up")                             \
	X(CONN_PATH, "the peer's MAC changed")                                             \
	X(CONN_MEM, "let the peer reach memory, or no longer; answered by MEM_DONE")       \
	X(CONN_RELEASE, "control is done with it: free once DEAD; answered by CONN_FREED") \
	X(FRAME_TX, "send this frame, built by control, out of the port")                  \
	X(PORT_UP, "start polling a port")                                                 \
	X(PORT_DOWN, "stop polling a port; answered by PORT_QUIET")                        \
	X(STOP, "leave the loop")

/* Poll thread -> control. */
#define POLL_EVENT_LIST(X)                                                                   \
	X(SOCK_CMD, "a slot's mailbox has a new command (copied, unchecked)")                \
	X(SOCK_FLAGS, "a slot's app_flags changed where control must know (CLOSED, ABORT)")  \
	X(SOCK_SYNC, "unused, kept for numbering")                                           \
	X(CONN_OPENED, "the connection exists; err = 0 or enum san_err")                     \
	X(CONN_EVENT,                                                                        \
	    "SDP_EV_* bits that concern control: ESTABLISHED, EOF, WANT_DREQ, DEAD; err")    \
	X(CONN_FREED, "the connection index may be used again")                              \
	X(FRAME_RX,                                                                          \
	    "a frame for control: ARP, ICMP, ND, or a QP1 datagram (ICRC already verified)") \
	X(SESSION_GONE, "no pointer into the region is left in this poll thread")            \
	X(PORT_QUIET, "the port is not polled any more")                                     \
	X(MEM_DONE, "CONN_MEM was done or refused: err, key")

enum poll_cmd_type {
#define X(name, text) POLL_CMD_##name,
	POLL_CMD_LIST(X)
#undef X
};
enum poll_event_type {
#define X(name, text) POLL_EV_##name,
	POLL_EVENT_LIST(X)
#undef X
};

/* Which slot of which session. gen is the slot generation control knows. */
struct sock_ref {
	uint16_t session;
	uint16_t slot;
	uint32_t gen;
};

struct poll_cmd {
	uint16_t type; /* enum poll_cmd_type */
	uint16_t port;
	uint32_t conn; /* connection index: QPN = generation << 16 | index */
	union {
		struct { /* SESSION_ADD: geometry is control's own copy, not what stands in the
			    region */
			void *base;
			uint16_t session;
			uint32_t socks, tx_ring_bytes, rx_ring_bytes;
			uint64_t sock_off, ring_off;
			int *wake_fds; /* [SAN_WAKES_MAX], owned by control, -1 = none; valid until
					  SESSION_GONE */
		} session;
		struct { /* CONN_OPEN. Ring views, pools and tables are filled in by the poll thread
			  */
			struct sock_ref sock;
			uint8_t type;		   /* enum shm_type */
			struct sdp_open open;	   /* STREAM; the common part also of SEQPACKET */
			struct {		   /* SEQPACKET */
				uint32_t send_max; /* longest message the peer takes */
				bool flow_control;
			} msg;
			struct roce_path path;
		} open;
		struct { /* CONN_MEM, checked by control; who asked comes back with the answer */
			uint16_t session, attach;
			uint32_t serial;
			bool add;
			uint32_t rights;       /* PROTO_MEM_* */
			uint64_t va, len, off; /* off: in the session's region, if fd is -1 */
			int fd;		       /* /proc/PID/mem, the poll thread's from now on */
			uint32_t key;	       /* to be forgotten */
		} mem;
		struct {
			enum sdp_close_how how;
		} close;
		struct {
			uint8_t dmac[6];
		} path;
		struct frame *frame;
	};
};

struct poll_event {
	uint16_t type; /* enum poll_event_type */
	uint16_t port; /* FRAME_RX, PORT_QUIET */
	uint32_t conn;
	struct sock_ref sock;
	union {
		struct { /* SOCK_CMD: one copy of the mailbox */
			uint32_t seq, cmd, arg, type;
			struct shm_addr local, peer;
		} cmd;
		uint32_t app_flags; /* SOCK_FLAGS */
		struct {
			uint16_t attach;
			bool add;
			uint32_t serial, key;
			int32_t err;
		} mem;
		struct {
			uint32_t bits;
			int32_t err;
			enum sdp_violation violation; /* with err SAN_EPROTO: what the peer did */
		} ev;
		struct frame *frame;
	};
};

#endif
