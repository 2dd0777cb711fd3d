/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program and the daemon share: one memory region per session (a program and the processes
 * it forked). Together with proto.h this is the whole contract between shim and daemon, and the
 * only code both compile.
 *
 * There are no queues of commands or events: a socket is a slot, and everything about it is level
 * state in that slot. Whoever changes something that the other side must look at sets the slot's
 * bit in a doorbell bitmap (program -> daemon) or wakes the waiters named in the slot (daemon ->
 * program). So nothing can overflow, a close can always be expressed, and several processes of one
 * family may use a socket.
 *
 * Trust: the daemon treats every word here as hostile. It reads a word once into private memory,
 * checks it, then uses the copy; geometry comes from its own copy, never from the region. The
 * program trusts the daemon.
 *
 * Writers: each field says who writes it: P program side (under the slot's lock named), W poll
 * thread ("wire"), C control thread, A any by atomic read-modify-write. Fields of different writers
 * sit on different cache lines. All cross-process fields are C11 atomics; offsets, never pointers;
 * positions are free-running 32-bit counters. */
#ifndef SAND_SHM_ABI_H
#define SAND_SHM_ABI_H

#include <stdatomic.h>
#include <stdint.h>

#include "san_limits.h"

#define SHM_MAGIC   0x444e4153u /* "SAND" little-endian */
#define SHM_VERSION 4u
#define SHM_LINE    64

/* 20 bytes, alignment 4: an address with port and family. ip is v4-mapped for IPv4. */
struct shm_addr {
	uint8_t ip[16];
	uint16_t port;	 /* host order */
	uint16_t family; /* AF_INET or AF_INET6; 0 = unset */
};
_Static_assert(sizeof(struct shm_addr) == 20, "ABI");

/* --- doorbells: program -> poll thread --- */

/* One per poll thread. A word of `bits` covers 64 slots; bit w of summary says word w is not zero
 * (one summary word covers 64 words = 4096 slots, hence two). To ring: set the slot's bit, then the
 * summary bit (both release fetch_or), then, if sleeping, write the poll thread's eventfd. To
 * serve: exchange summary word with 0, then each named word with 0. Both sides put a seq_cst fence
 * between publishing and looking. */
struct shm_doorbell {
	_Alignas(SHM_LINE) _Atomic uint64_t summary[SAN_SOCKS_MAX / 64 / 64]; /* A */
	_Alignas(SHM_LINE) _Atomic uint64_t bits[SAN_SOCKS_MAX / 64];	      /* A */
	_Alignas(SHM_LINE) _Atomic uint32_t sleeping; /* W: 1 while the poll thread naps */
	_Atomic int32_t cpu; /* W: where it runs, -1 if it may move; see shim/wsp/ready.c */
};

/* --- wake objects: poll or control thread -> program --- */

/* An eventfd that a process puts into its own kernel epoll set. The daemon writes the eventfd only
 * while armed is not 0 and sets it to 0 first. */
struct shm_wake {
	_Alignas(SHM_LINE) _Atomic uint32_t armed; /* A */
};

/* --- a socket --- */

/* What a socket is. X(name, value, meaning) */
#define SHM_TYPE_LIST(X)                              \
	X(STREAM, 0, "a byte stream, carried by SDP") \
	X(SEQPACKET, 1, "message mode: its rings hold records, see record.h")

enum shm_type {
#define X(name, value, text) SHM_TYPE_##name = value,
	SHM_TYPE_LIST(X)
#undef X
};

/* Commands a program gives through a slot's mailbox. X(name, value, meaning) */
#define SHM_CMD_LIST(X)                                                \
	X(NONE, 0, "")                                                 \
	X(CONNECT, 1, "connect from `local` (may be unset) to `peer`") \
	X(LISTEN, 2, "listen on `local` with backlog arg")

enum shm_cmd {
#define X(name, value, text) SHM_CMD_##name = value,
	SHM_CMD_LIST(X)
#undef X
};

/* State of a slot as the control thread publishes it. Order means nothing. X(name, value, meaning)
 */
#define SHM_STATE_LIST(X)                                                                   \
	X(FREE, 0, "not in use; the program may take slots of its half")                    \
	X(CONNECTING, 1, "CM handshake under way")                                          \
	X(CONNECTED, 2, "rings are live; stays so after the peer is gone, see wire_flags")  \
	X(LISTENING, 3, "accept queue is live")                                             \
	X(FAILED, 4, "connect or listen failed, ctl_err says why; wants only to be closed") \
	X(CLOSING, 5, "the program closed; the daemon still works for it")

enum shm_state {
#define X(name, value, text) SHM_STATE_##name = value,
	SHM_STATE_LIST(X)
#undef X
};

/* app_flags: monotonic while the slot is in use, set by fetch_or, then ring the doorbell. */
#define SHM_APP_SHUT_WR	  0x01u /* no byte will be produced after tx_tail */
#define SHM_APP_SHUT_RD	  0x02u /* the program reads no more; arriving data is dropped */
#define SHM_APP_CLOSED	  0x04u /* last reference gone: run the close sequence */
#define SHM_APP_ABORT	  0x08u /* with CLOSED: reset (linger 0, or the program saw unread data) */
#define SHM_APP_TAKEN	  0x10u /* program-side allocation mark of a slot of its half */
#define SHM_APP_NODELAY	  0x20u /* hint only: bytes leave as soon as they are seen anyway */
#define SHM_APP_CORK	  0x40u /* hold partial packets back (TCP_CORK, MSG_MORE), at most 200 ms */
#define SHM_APP_KEEPALIVE 0x80u

/* wire_flags: written by the poll thread, release; monotonic while the slot is in use. */
#define SHM_WIRE_EOF	0x01u /* peer's DisConn arrived: after rx_tail there is nothing more */
#define SHM_WIRE_ERROR	0x02u /* broken, see wire_err; bytes up to rx_tail may still be read */
#define SHM_WIRE_DEAD	0x04u /* nothing will be sent or received again */
#define SHM_WIRE_URGENT 0x08u /* urg_pos is valid */
#define SHM_WIRE_QUIET	0x10u /* the daemon touches neither rings nor registered memory any more */

/* waiters: set by a program before it sleeps or asks to be told; the daemon fetch_and's the bits
 * that apply and wakes. *_FUTEX: threads sleep on wake_seq (the daemon increments it, then
 * FUTEX_WAKEs all). *_POLL: wake objects named by poll_mask want their eventfd. IN: rx data, EOF,
 * error, accept queue. OUT: tx room, connect result, error. */
#define SHM_WAIT_IN_FUTEX  0x01u
#define SHM_WAIT_OUT_FUTEX 0x02u
#define SHM_WAIT_IN_POLL   0x04u
#define SHM_WAIT_OUT_POLL  0x08u

/* Doorbell policy for the data path: the poll thread sets the bit when it stops looking at the ring
 * by itself; the program, after publishing its position and a seq_cst fence, tests it, clears it
 * (fetch_and) and rings. */
#define SHM_NEED_TX 0x01u /* ring when tx_tail has moved */
#define SHM_NEED_RX 0x02u /* ring when rx_head has moved (peer is short of credits) */

struct shm_sock {
	/* P, tx_lock */
	_Alignas(SHM_LINE) _Atomic uint32_t tx_tail; /* produced by the program */
	_Atomic uint32_t tx_urg;     /* position behind the last MSG_OOB byte; see tx_urg_seq */
	_Atomic uint32_t tx_urg_seq; /* incremented after tx_urg was set */
	_Atomic uint32_t tx_lock;    /* P among themselves, see lock.h; the daemon never looks */
	_Atomic uint32_t rdma_tail;  /* RDMA of a stream (record.h): records produced; stored
				      * ahead of what tx_tail counts behind them */
	uint32_t tx_priv[11];	     /* P, tx_lock: program's own use */
	/* P, rx_lock */
	_Alignas(SHM_LINE) _Atomic uint32_t rx_head; /* consumed by the program */
	_Atomic uint32_t rx_lock;		     /* P among themselves */
	_Atomic uint32_t rdma_rx_head;		     /* answers to its READs, consumed */
	uint32_t rx_priv[13];			     /* P, rx_lock: program's own use */
	/* W; of a listener C: its rx ring holds uint32_t slot numbers of accepted sockets */
	_Alignas(SHM_LINE) _Atomic uint32_t rx_tail; /* produced by the daemon */
	_Atomic uint32_t tx_head;      /* acknowledged by the peer: may be overwritten */
	_Atomic uint32_t wire_flags;   /* SHM_WIRE_* */
	_Atomic int32_t wire_err;      /* enum san_err, before SHM_WIRE_ERROR */
	_Atomic uint32_t urg_pos;      /* position just behind the urgent byte in the rx ring */
	_Atomic uint32_t rdma_head;    /* RDMA of a stream: records done */
	_Atomic uint32_t rdma_rx_tail; /* answers to its READs, produced */
	/* A */
	_Alignas(SHM_LINE) _Atomic uint32_t waiters; /* SHM_WAIT_* */
	_Atomic uint32_t wake_seq;		     /* futex word */
	_Atomic uint64_t poll_mask; /* wake objects that want to be told, bit i = wake i */
	_Atomic uint32_t need;	    /* SHM_NEED_* */
	_Atomic uint32_t app_flags; /* SHM_APP_* */
	/* C */
	_Alignas(SHM_LINE) _Atomic uint32_t state; /* enum shm_state */
	_Atomic uint32_t gen;			   /* incremented each time the slot becomes FREE */
	_Atomic int32_t ctl_err;		   /* enum san_err of a failed command */
	_Atomic uint32_t cmd_done; /* equals cmd_seq once the command was taken (not: finished) */
	_Atomic uint32_t poll_id;  /* which doorbell to ring for this slot */
	_Atomic uint32_t ident;	   /* number in `show socket`; 0 = none */
	/* valid once CONNECTED or LISTENING (release through state) */
	struct shm_addr ctl_local, ctl_peer;
	/* P, cmd_lock */
	_Alignas(SHM_LINE) _Atomic uint32_t cmd_seq; /* + 1 (release) after the fields below */
	uint32_t cmd;				     /* enum shm_cmd */
	uint32_t cmd_arg;
	struct shm_addr local, peer;
	uint32_t type;		   /* enum shm_type; of a socket to be accepted C, its listener's */
	_Atomic uint32_t cmd_lock; /* P among themselves */
	uint32_t cmd_priv;
	/* C, valid once CONNECTED */
	_Alignas(SHM_LINE) uint32_t msg_max; /* message mode: the longest SEND the peer takes */
	uint32_t read_depth; /* READs the peer lets us have under way; 0: it takes none */
};
_Static_assert(sizeof(struct shm_sock) == 7 * SHM_LINE, "ABI");

/* --- rules --- */

/* What to do with a destination (connect) or a local address (listen). First match counts; no
 * match: TCP. */
enum shm_action {
	SHM_ACTION_TCP = 0,	 /* kernel TCP, always */
	SHM_ACTION_SAN = 1,	 /* SAN first, kernel TCP where the provider's error allows */
	SHM_ACTION_SAN_ONLY = 2, /* SAN or fail */
};

struct shm_rule {
	uint8_t net[16];	   /* v4-mapped for IPv4 */
	uint8_t bits;		   /* 96 + n for IPv4 */
	uint8_t action;		   /* enum shm_action */
	uint16_t port_lo, port_hi; /* destination (connect) or local (listen), inclusive */
	uint8_t role;		   /* bit 0: connect, bit 1: listen */
	uint8_t pad[9];
	char program[32]; /* basename; empty = any */
};
_Static_assert(sizeof(struct shm_rule) == 64, "ABI");

/* One of the SAN's addresses on this host. */
struct shm_local {
	uint8_t ip[16];	  /* v4-mapped for IPv4 */
	uint32_t family;  /* AF_INET or AF_INET6 */
	uint32_t started; /* its port is; a stopped one leads nowhere */
};
_Static_assert(sizeof(struct shm_local) == 24, "ABI");

/* What is on the SAN. The operator may change it while programs run; see net.h. */
struct shm_net {
	uint32_t rule_count, local_count;
	struct shm_rule rules[SAN_RULES_MAX];
	struct shm_local locals[SAN_PORTS_MAX * SAN_PORT_ADDRS_MAX];
};
#define SHM_NET_WORDS (sizeof(struct shm_net) / sizeof(uint32_t))

/* --- the region --- */

/* Which slots a process of the family holds: bit per slot, written by that process (or by the
 * daemon on its behalf while it forks); read by the daemon when the process is gone. */
struct shm_attach {
	_Atomic uint64_t holds[SAN_SOCKS_MAX / 64]; /* P, ref_lock; C at attach and detach */
};
/* The last row is the daemon's: sockets on their way from one process to another. Nobody takes
 * itself for the last one that holds those. */
#define SHM_ATTACH_DAEMON (SAN_ATTACH_MAX - 1)

/* Offset 0 of the region. Constant after creation unless a writer is named. All offsets from the
 * region's start. */
struct shm_region {
	uint32_t magic, version;
	uint64_t bytes;	  /* whole region; sealed against shrinking and growing */
	uint32_t session; /* the daemon's number for it */
	uint32_t socks;	  /* slots; programs allocate the lower half, the daemon the upper */
	uint32_t tx_ring_bytes, rx_ring_bytes; /* power of two, each slot's */
	uint32_t polls;			       /* doorbells */
	uint32_t spin_us;    /* how long a program spins or yields before it sleeps (profile) */
	uint64_t sock_off;   /* struct shm_sock [socks] */
	uint64_t ring_off;   /* slot i: at ring_off + i * shm_slot_rings() tx, rx, RDMA tx, rx */
	uint64_t attach_off; /* struct shm_attach [SAN_ATTACH_MAX] */
	/* Memory programs may hand to peers without a copy in between (MEM_ADD, proto.h): chunks of
	 * SAN_HEAP_CHUNK bytes, none if heap_bytes is 0. What is mapped where is theirs. */
	uint64_t heap_off, heap_bytes;
	char daemon_name[32];
	/* C: incremented before and after each change of `net`: odd while it is being written */
	_Alignas(SHM_LINE) _Atomic uint32_t net_gen;
	_Atomic uint32_t net[SHM_NET_WORDS];		 /* C: a struct shm_net, word by word */
	_Alignas(SHM_LINE) _Atomic uint32_t daemon_gone; /* C: 1 when the daemon stops in order */
	/* C: incremented when a hold was copied to another row, before the first may go. Who looked
	 * at all rows and finds it as it was before has missed none. */
	_Atomic uint32_t hold_moves;
	_Alignas(SHM_LINE) _Atomic uint32_t ref_lock; /* P */
	_Atomic uint32_t alloc_hint;		      /* P, ref_lock */
	/* P, ref_lock: bit per chunk; the first one of each piece that was handed out */
	_Atomic uint64_t heap_used[SAN_HEAP_CHUNKS / 64], heap_first[SAN_HEAP_CHUNKS / 64];
	struct shm_doorbell doorbell[SAN_POLLS_MAX];
	struct shm_wake wake[SAN_WAKES_MAX];
};

/* Bytes of one slot's rings: two of bytes or records, two of the RDMA beside a stream. */
static inline uint64_t
shm_slot_rings(uint32_t tx_ring_bytes, uint32_t rx_ring_bytes)
{
	return (uint64_t)tx_ring_bytes + rx_ring_bytes + 2 * SAN_RDMA_RING;
}

#endif
