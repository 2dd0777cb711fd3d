/* SPDX-License-Identifier: BSD-3-Clause */
/* What the operator may look at: read-only snapshots of the daemon, one struct per kind of thing. A
 * cursor starts at 0 and is the caller's; each *_next call fills one snapshot and moves the cursor
 * on, false past the end. Things may come and go between two calls: a snapshot is true for the
 * moment it was taken and holds no pointer into the daemon, except constant strings. Called by the
 * control thread only (the CLI runs there). Never changes anything. */
#ifndef SAND_CONTROL_VIEW_H
#define SAND_CONTROL_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"
#include "addr.h"
#include "san_limits.h"
#include "san_time.h"

struct daemon;

#define VIEW_NAME_MAX 32

/* Losses and congestion as a connection's poll thread counts them. X(name) */
#define VIEW_QP_COUNTER_LIST(X) \
	X(lost)                 \
	X(mistakes)             \
	X(timeouts)             \
	X(rx_ce)                \
	X(tx_cnps)              \
	X(rx_cnps)              \
	X(cc_slowed)            \
	X(refused)              \
	X(pauses)

/* The names of POLL_ZCOPY_COUNTER_LIST. X(name) */
#define VIEW_ZCOPY_COUNTER_LIST(X) \
	X(zcopy_offers)            \
	X(zcopy_refused)           \
	X(zcopy_cancels)           \
	X(zcopy_tx)                \
	X(zcopy_offered)           \
	X(zcopy_denied)            \
	X(zcopy_reads)             \
	X(zcopy_rx)

/* What congestion control makes of a connection: how much may be on its way, how fast. */
struct view_congestion {
	const char *algorithm;			 /* as in sand.conf; "" = no connection yet */
	uint32_t outstanding, window;		 /* packets on their way; most there may be */
	uint64_t rate;				 /* bytes a second allowed; 0 = not limited */
	struct san_duration rtt_base, rtt_queue; /* least round trip lately; of the last one what
						    is above that. 0 = not known */
	uint32_t marked_ppm;			 /* share of packets that meet congestion */
#define X(name) uint32_t name;
	VIEW_QP_COUNTER_LIST(X)
#undef X
};

/* A connected or connecting socket. Counters that only the poll thread knows are zero until it
 * opened the connection. */
struct view_socket {
	uint32_t
	    ident; /* the number `show socket ID` takes; never used twice while the daemon runs */
	uint32_t session, slot;
	const char *type; /* enum shm_type by name, see view_type_name */
	pid_t pid;	  /* a process that holds it; 0 = none any more */
	char program[VIEW_NAME_MAX];
	const char *app_state;	/* ATTACHED, SHUT_WR, CLOSED, GONE */
	const char *wire_state; /* enum sdp_state by name; OPENING before the connection exists */
	const char
	    *setup_state;     /* where the connect or accept handshake stands, "done" afterwards */
	const char *deadline; /* what the state waits for, "" = nothing timed */
	bool active;	      /* we connected; false: we accepted */
	uint16_t port;
	struct shm_addr local, peer;
	uint32_t qpn, peer_qpn, pmtu;
	uint32_t tx_queued, rx_queued; /* bytes in the two rings */
	uint64_t tx_bytes, rx_bytes, tx_messages, rx_messages;
	uint64_t retransmits; /* packets sent again */
#define X(name) uint64_t name;
	VIEW_ZCOPY_COUNTER_LIST(X)
#undef X
	struct san_duration rtt;
	struct view_congestion cc;
	uint32_t rdma_reads, rdma_writes; /* of the program, done */
	uint32_t keys;			  /* regions of memory its peer may reach */
	char features[VIEW_NAME_MAX];	  /* beyond the standard, agreed with the peer; "" = none */
	uint32_t credits_local, credits_peer; /* receive buffers we announced, the peer announced
						 and we have not used */
	int err;			      /* enum san_err of the last error, 0 = none */
	const char *why;		      /* the same as a sentence, "" = none */
	struct san_duration age;
};
bool view_socket_next(struct daemon *d, uint32_t *cursor, struct view_socket *out);
struct sock;
const char *view_type_name(uint8_t type);
void view_socket_take(const struct sock *k, struct view_socket *out);

#define VIEW_STEPS_MAX 8
struct view_step {
	const char *what;	/* event of the app side, see close.md */
	struct san_duration at; /* after the first step of the close */
};

/* A socket that is gone, as it was in the end. Newest first. */
struct view_closed {
	struct view_socket socket;
	bool aborted, died;	       /* abortively; because its program ended */
	struct san_duration took, ago; /* from the first step until it was freed; since then */
	uint32_t step_count;
	struct view_step step[VIEW_STEPS_MAX];
};
bool view_closed_next(struct daemon *d, uint32_t *cursor, struct view_closed *out);

struct view_listener {
	uint32_t ident, session, slot;
	const char *type; /* as a socket's */
	pid_t pid;
	char program[VIEW_NAME_MAX];
	struct shm_addr local;		   /* ip all zero = every SAN address */
	uint32_t backlog, queued, pending; /* limit; ready to be accepted; still in the handshake */
	uint64_t accepted, refused;	   /* since listen */
};
bool view_listener_next(struct daemon *d, uint32_t *cursor, struct view_listener *out);

#define VIEW_PIDS_MAX 8
/* A program family: a process and what it forked, sharing one memory region. */
struct view_session {
	uint32_t session;
	uid_t uid;
	char program[VIEW_NAME_MAX];
	pid_t pid[VIEW_PIDS_MAX]; /* the first few; pid_count may be larger */
	uint32_t pid_count;
	uint32_t sockets, listeners, slots; /* in use, in use, available */
	uint64_t region_bytes, resident_bytes;
	bool ending; /* all processes are gone, sockets still close */
	struct san_duration age;
};
bool view_session_next(struct daemon *d, uint32_t *cursor, struct view_session *out);

struct view_rule {
	uint32_t number; /* in order of evaluation, from 1 */
	char name[VIEW_NAME_MAX];
	struct san_ip net;
	uint8_t bits; /* 96 + n for IPv4 */
	uint16_t port_lo, port_hi;
	char program[VIEW_NAME_MAX]; /* "" = any */
	bool connect, listen;
	uint8_t action; /* enum shm_action */
};
bool view_rule_next(struct daemon *d, uint32_t *cursor, struct view_rule *out);

struct view_neighbour {
	uint16_t port;
	struct san_ip ip;
	uint8_t mac[6];
	const char *state;
	struct san_duration age;
};
bool view_neighbour_next(struct daemon *d, uint32_t *cursor, struct view_neighbour *out);

struct view_port {
	uint16_t port;
	char name[VIEW_NAME_MAX];
	char device[256];
	const char *driver;
	bool started, link_up;
	uint32_t speed_mbps; /* 0 = unknown */
	uint8_t mac[6];
	uint16_t vlan; /* 0xffff = untagged */
	uint32_t mtu, pmtu;
	uint32_t addr_count;
	struct {
		struct san_ip ip;
		uint8_t bits;
	} addr[SAN_PORT_ADDRS_MAX];
	struct san_ip gateway4, gateway6;
	uint32_t poll;	  /* poll thread that owns it */
	bool core_shared; /* programs may run on the poll thread's core */
	const char *icrc; /* which CRC implementation this CPU runs */
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_missed, rx_nombuf, rx_errors,
	    tx_errors;
};
bool view_port_next(struct daemon *d, uint32_t *cursor, struct view_port *out);

/* The driver's extended statistics of one port. */
struct view_xstat {
	char name[64];
	uint64_t value;
};
bool view_xstat_next(struct daemon *d, uint16_t port, uint32_t *cursor, struct view_xstat *out);

/* What the daemon holds, each "in use of at most". max 0 = unbounded; unit is "" for plain numbers
 * or "bytes". */
struct view_memory {
	const char *name, *text, *unit;
	uint64_t used, max;
};
bool view_memory_next(struct daemon *d, uint32_t *cursor, struct view_memory *out);

/* Every counter of the daemon. group: "poll0" .. "poll7", "cm", "neigh", "control". */
struct view_counter {
	char group[16];
	const char *name, *text;
	uint64_t value;
};
bool view_counter_next(struct daemon *d, uint32_t *cursor, struct view_counter *out);

#endif
