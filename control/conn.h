/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection as the control thread knows it: from the first packet of the handshake to the end of
 * time-wait. Three parties have a hand in it, each with its own state below: the handshake itself,
 * the CM engine, and the poll thread that owns the wire side. It goes when all three have let go
 * and the sock is gone; then its index may be used again, with the next QPN generation. */
#ifndef SAND_CONTROL_CONN_H
#define SAND_CONTROL_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "addr.h"
#include "cm.h"
#include "feature.h"
#include "loop.h"
#include "neigh.h"
#include "san_limits.h"
#include "sdp.h"
#include "siphash.h"

struct daemon;
struct poll_event;
struct sock;

/* X(name, what it waits for) */
#define CONN_SETUP_LIST(X)                      \
	X(RESOLVING, "the neighbour's address") \
	X(REQ_SENT, "the peer's REP")           \
	X(OPENING, "the poll thread")           \
	X(REP_SENT, "the peer's RTU")           \
	X(OPEN, "")                             \
	X(ENDED, "")

enum conn_setup {
#define X(name, text) CONN_SETUP_##name,
	CONN_SETUP_LIST(X)
#undef X
	    CONN_SETUP_COUNT
};

/* What the CM engine holds for us. X(name, meaning) */
#define CONN_CM_LIST(X)                                \
	X(NONE, "nothing yet")                         \
	X(LIVE, "a handle; connecting or established") \
	X(DISCONNECTING, "our DREQ is out")            \
	X(TIMEWAIT, "disconnected; the QPN must rest") \
	X(GONE, "nothing any more")

enum conn_cm {
#define X(name, text) CONN_CM_##name,
	CONN_CM_LIST(X)
#undef X
};

/* What the poll thread holds for us. X(name, meaning) */
#define CONN_POLL_LIST(X)                                                   \
	X(NONE, "nothing yet")                                              \
	X(OPENING, "CONN_OPEN sent")                                        \
	X(OPEN, "wire side alive")                                          \
	X(DEAD, "wire side DEAD, kept for what the program may still read") \
	X(RELEASING, "CONN_RELEASE sent")                                   \
	X(FREED, "nothing any more")

enum conn_poll {
#define X(name, text) CONN_POLL_##name,
	CONN_POLL_LIST(X)
#undef X
};

struct conn {
	struct daemon *daemon;
	uint32_t index, qpn;
	uint64_t cookie; /* what the CM engine knows us by; never used twice */
	uint32_t cm_id;
	enum conn_setup setup;
	enum conn_cm cm;
	enum conn_poll poll_state;
	bool active;
	bool routed;	   /* route, poll and pmtu are set */
	bool resolving;	   /* on the list of those waiting for a neighbour */
	bool established;  /* the handshake succeeded once */
	struct sock *sock; /* NULL once the program and the poll thread are done with it */
	struct neigh_route route;
	uint32_t poll;
	uint8_t dmac[6];
	uint32_t rq_psn, sq_psn, peer_qpn, pmtu;
	uint32_t peer_rcv_size;
	uint16_t credits, peer_credits; /* of a stream */
	struct {			/* of message mode */
		uint32_t send_max;	/* longest message the peer takes */
		bool flow_control;
	} msg;
	/* READs each way: what we offer, then what both have room for. */
	uint8_t initiator_depth, responder_resources;
	uint8_t peer_retry_count, peer_rnr_retry;
	uint8_t features;	    /* FEATURE_* both ends have */
	uint8_t stale_left;	    /* active: how often the peer may still call our QPN stale */
	struct loop_timer deadline; /* of the handshake */
	struct loop_timer resolve_again;
	TAILQ_ENTRY(conn) waiting; /* while resolving */
};
TAILQ_HEAD(conn_list, conn);

/* READs and atomics each way that we offer in message mode. */
#define CONN_READS 16u

/* Connection numbers start here: 0 and 1 are management queue pairs, the rest is reserved. */
#define CONN_INDEX_FIRST 16u

/* Connection numbers: which are free, in the order they became so, and the generation of each. */
struct conn_table {
	struct conn *conn[SAN_CONNS_MAX];
	uint8_t generation[SAN_CONNS_MAX];
	uint16_t free[SAN_CONNS_MAX]; /* circular, oldest first */
	uint32_t free_head, free_count, size;
	uint64_t serial;
	struct conn_list resolving;
};

void conn_table_init(struct conn_table *t, uint32_t size, struct nonce *nonce);
/* At the very end: forget what is left. */
void conn_table_fini(struct conn_table *t);
/* A new connection for `k`; SAN_ELIMIT or SAN_ENOMEM. */
int conn_create(struct sock *k, struct conn **out);
/* By connection index; by CM cookie. NULL: gone. */
struct conn *conn_find(struct daemon *d, uint32_t index);
struct conn *conn_find_cookie(struct daemon *d, uint64_t cookie);
/* The only writers of the three states; each change is traced. */
void conn_setup_enter(struct conn *c, enum conn_setup next);
void conn_cm_enter(struct conn *c, enum conn_cm next);
void conn_poll_enter(struct conn *c, enum conn_poll next);
const char *conn_setup_name(enum conn_setup s);
const char *conn_setup_text(enum conn_setup s);

/* Steps of the handshake. Any of them may end in conn_fail, so `c` may be gone when they return.
 *   active:  conn_connect -> conn_connect_route -> conn_resolve -> conn_connect_resolved (REQ) ..
 * conn_reply (REP) -> conn_open
 *            .. conn_opened -> conn_connect_opened (RTU)
 *   passive: conn_request (REQ) -> conn_resolve -> conn_open .. conn_opened -> conn_accept_opened
 * (REP)
 *            .. conn_accept_established (RTU) */
void conn_connect(struct sock *k);
void conn_connect_route(struct conn *c);
void conn_connect_resolved(struct conn *c);
void conn_reply(struct conn *c, const struct cm_event *ev);
void conn_connect_opened(struct conn *c);
void conn_request(struct daemon *d, const struct cm_event *ev);
void conn_accept_opened(struct conn *c);
void conn_accept_established(struct conn *c);
/* In message mode: the program may read what the peer allows. */
void conn_msg_publish(const struct conn *c);
void conn_resolve(struct conn *c);
void conn_open(struct conn *c);
/* What we tell the peer about our queue pair. */
void conn_qp(const struct conn *c, struct cm_qp *qp);
/* The peer rejected our REQ for a reason we can do something about: it has a connection of this QPN
 * (then another QPN and PSN), or our path MTU is too large for it. Asks again; false: it is not
 * such a reason, or was often enough, or the handshake is beyond that. */
bool conn_connect_again(struct conn *c, const struct cm_event *ev);
/* A QPN and a first PSN that were not used lately. */
void conn_number(struct conn *c);
/* What we offer the peer beyond the standard, or answer its offer with; false: nothing. */
bool conn_offer(const struct conn *c, struct feature_offer *out);
/* What the two ends of a handshake tell each other in private data; each side's words differ by the
 * socket's type. */
struct conn_hello {
	uint16_t port; /* of the side that connects; 0 in an answer */
	uint32_t rcv_size;
	uint16_t credits; /* streams */
	uint32_t msg_max; /* message mode: 0 = nothing said */
	bool offered;
	struct feature_offer offer;
};
#define CONN_HELLO_MAX 196u
/* Length of what goes into the REQ, or REP. */
size_t conn_hello_write(const struct conn *c, uint8_t priv[CONN_HELLO_MAX]);
/* What came in one; false: it is not valid. `type`: enum shm_type. */
bool conn_hello_read(uint8_t type, const struct cm_event *ev, struct conn_hello *out);
/* The peer's words, and what it says about its queue pair, are known now. */
/* READs each way that we offer. */
uint8_t conn_reads(const struct conn *c);
void conn_hello_agree(struct conn *c, const struct conn_hello *theirs, const struct cm_msg *msg);
/* What the peer offered is known now. */
void conn_agree(struct conn *c, bool offered, const struct feature_offer *theirs);
/* The names of c->features; returns buf. */
char *conn_features_text(const struct conn *c, char *buf, size_t size);
/* Congestion control of what leaves by this port, by the configuration. */
struct cc_params conn_cc_params(const struct daemon *d, uint16_t port);
/* No timer and no neighbour concerns the handshake any more. */
void conn_setup_end(struct conn *c);

/* What the CM engine, the poll thread and the neighbour engine say. */
void conn_cm_event(struct daemon *d, const struct cm_event *ev);
void conn_opened(struct daemon *d, const struct poll_event *ev);
void conn_event(struct daemon *d, const struct poll_event *ev);
void conn_freed(struct daemon *d, const struct poll_event *ev);
void conn_neigh_resolved(
    struct daemon *d, uint16_t port, const struct san_ip *ip, const uint8_t mac[6]);
void conn_neigh_failed(struct daemon *d, uint16_t port, const struct san_ip *ip);

/* The program closed. `c` stays until conn_let_go is called. */
void conn_close(struct conn *c, enum sdp_close_how how);
/* The handshake failed: tells program, peer and poll thread. */
void conn_fail(struct conn *c, int err, const char *why);
/* Send DREQ. */
void conn_disconnect(struct conn *c);
/* The wire side wants the CM to disconnect. */
void conn_want_disconnect(struct conn *c);
void conn_poll_close(struct conn *c, enum sdp_close_how how);
/* Call when one of the parties let go: releases, detaches and frees as far as possible. */
void conn_let_go(struct conn *c);

#endif
