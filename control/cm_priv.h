/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the CM engine; only cm_*.c and their unit tests include it.
 * cm.c owns the engine and its public face, cm_table.c finds and bounds connections, cm_rx.c turns
 * a datagram into (connection, input), cm_fsm.c looks up in cm_matrix.h what happens, cm_act.c does
 * it, cm_tx.c builds what is sent. */
#ifndef SAND_CONTROL_CM_PRIV_H
#define SAND_CONTROL_CM_PRIV_H

#include <sys/queue.h>

#include "cm.h"
#include "cm_matrix.h"
#include "siphash.h"
#include "timer_heap.h"

struct cm_input {
	enum cm_input_type type;
	struct san_time now;
	const struct cm_msg *msg; /* messages */
	const struct cm_qp *qp;	  /* ACCEPT */
	uint64_t cookie;	  /* ACCEPT */
	const void *priv;	  /* ACCEPT, REJECT */
	size_t priv_len;
	uint16_t reason;   /* REJECT, STALE, REJ */
	uint8_t pmtu_code; /* REJECT because of the MTU: what we could do; else 0 */
};

/* One peer address with half-open passive attempts. */
TAILQ_HEAD(cm_pending_list, cm_conn); /* oldest first */
struct cm_peer {
	LIST_ENTRY(cm_peer) link; /* in its bucket, or on the free list */
	struct san_ip ip;
	uint32_t count;
	struct cm_pending_list pending;
};
LIST_HEAD(cm_peer_list, cm_peer);

struct cm_conn {
	LIST_ENTRY(cm_conn) by_id;  /* or on the free list */
	LIST_ENTRY(cm_conn) by_req; /* passive: what a repeated REQ or a REJ without our id finds */
	LIST_ENTRY(cm_conn) by_qp;  /* the peer's QP is known */
	struct timer_node timer;
	enum cm_state state; /* written by cm_fsm.c only */
	bool passive, has_qp;
	bool alternate; /* passive: the REQ gave a second path */
	uint8_t retries_left, mras_left;
	uint8_t repeats;	/* of the last message; counted up to backoff_max */
	uint8_t retries_max;	/* passive: what the REQ allows us */
	uint32_t id, remote_id; /* communication ids; ours is also the owner's handle */
	uint64_t cookie;
	uint64_t tid; /* of the REQ */
	uint16_t port;
	struct san_ip local, peer;
	uint32_t qpn, remote_qpn;
	uint64_t remote_guid;
	struct cm_peer *pending; /* counted there while half-open */
	TAILQ_ENTRY(cm_conn) by_age, by_peer_age;
	struct san_time since; /* half-open */
	uint8_t mad[MAD_LEN];  /* our last REQ, REP or DREQ: what a repeat sends */
};
LIST_HEAD(cm_conn_list, cm_conn);

#define CM_MRA_MAX   4	/* a peer may ask for more time this often in one state */
#define CM_OUT_MAX   64 /* both queues: powers of two */
#define CM_EVENT_MAX 64
/* No input emits more than this many messages or events (a stale REP: REJ, and DREQ for the old
 * one). */
#define CM_EMIT_MAX 3

struct cm {
	struct cm_limits limits;
	uint64_t ca_guid;
	struct siphash_key hash_key;
	struct nonce nonce; /* our communication and transaction ids */
	uint64_t tid_base;  /* upper half of our transaction ids */
	uint32_t count, pending_count;
	struct cm_conn *conns; /* conns_max of them; pages never used cost nothing */
	struct cm_peer *peers; /* pending_max of them */
	struct cm_conn_list free_conns;
	struct cm_peer_list free_peers;
	uint32_t conns_fresh, peers_fresh; /* from here on never used */
	uint32_t bucket_mask;
	struct cm_conn_list *id_buckets, *req_buckets, *qp_buckets;
	struct cm_peer_list *peer_buckets;
	struct cm_pending_list pending;
	struct timer_heap timers;
	struct cm_counters counters;
	uint32_t out_head, out_tail, event_head, event_tail; /* free-running */
	struct cm_out out[CM_OUT_MAX];
	struct cm_event events[CM_EVENT_MAX];
};

/* cm_table.c */
int cm_table_init(struct cm *cm);
void cm_table_fini(struct cm *cm);
/* A handle with a fresh random id, in no index but by_id; NULL at the limit. */
struct cm_conn *cm_conn_get(struct cm *cm);
void cm_conn_put(struct cm *cm, struct cm_conn *c);
struct cm_conn *cm_conn_by_id(const struct cm *cm, uint32_t id);
struct cm_conn *cm_conn_by_req(const struct cm *cm, const struct san_ip *peer, uint32_t remote_id);
struct cm_conn *cm_conn_by_qp(
    const struct cm *cm, const struct san_ip *peer, uint64_t guid, uint32_t qpn);
void cm_conn_index_req(struct cm *cm, struct cm_conn *c);
void cm_conn_index_qp(struct cm *cm, struct cm_conn *c, uint64_t guid, uint32_t qpn);
/* The half-open attempt that must go before one more of `peer` may begin; NULL: there is room. */
struct cm_conn *cm_pending_excess(const struct cm *cm, const struct san_ip *peer);
/* A passive attempt is half-open from now on, and no longer. There is room. */
void cm_conn_pend(struct cm *cm, struct cm_conn *c, struct san_time now);
void cm_conn_unpend(struct cm *cm, struct cm_conn *c);

/* cm_fsm.c: the only writer of cm_conn.state. The handle may be gone afterwards. */
void cm_conn_start(struct cm *cm, struct cm_conn *c, enum cm_state state, struct san_time now);
int cm_conn_step(struct cm *cm, struct cm_conn *c, const struct cm_input *in);

/* cm_act.c: 0, or an error that keeps the state as it is. */
int cm_action_run(
    struct cm *cm, struct cm_conn *c, enum cm_action action, const struct cm_input *in);

/* cm_tx.c */
struct cm_connect_args {
	uint64_t service_id;
	const struct cm_qp *qp;
	const void *priv;
	size_t priv_len;
};
int cm_send_req(struct cm *cm, struct cm_conn *c, const struct cm_connect_args *args);
int cm_send_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in);
void cm_send_rtu(struct cm *cm, const struct cm_conn *c);
void cm_send_mra(struct cm *cm, const struct cm_conn *c);
/* As the input says: reason, private data, and what goes with the reason. */
int cm_send_rej(
    struct cm *cm, const struct cm_conn *c, enum cm_msg_named named, const struct cm_input *in);
void cm_send_dreq(struct cm *cm, struct cm_conn *c);
void cm_send_again(struct cm *cm, const struct cm_conn *c);

/* Where a datagram came from; answers go back there. */
struct cm_via {
	uint16_t port;
	struct san_ip peer, local;
};
/* Answers that need no handle: REJ, DREP, SIDR_REP and APR to the message `m`. */
void cm_answer_rej(
    struct cm *cm, const struct cm_via *via, const struct cm_msg *m, uint16_t reason);
void cm_answer_drep(struct cm *cm, const struct cm_via *via, const struct cm_msg *m);
void cm_answer_sidr(struct cm *cm, const struct cm_via *via, const struct cm_msg *m);
void cm_answer_apr(
    struct cm *cm, const struct cm_via *via, const struct cm_msg *m, enum cm_apr_status status);

/* cm.c: queue an event about `c`; `msg` NULL if none. */
void cm_event_emit(struct cm *cm, const struct cm_conn *c, enum cm_event_type type, uint16_t reason,
    const struct cm_msg *msg);
void cm_out_emit(struct cm *cm, const struct cm_via *via, const uint8_t *mad);
/* Room for whatever one input may emit. */
bool cm_queues_have_room(const struct cm *cm);

#endif
