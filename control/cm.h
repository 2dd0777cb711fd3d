/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection manager: REQ/REP/RTU/REJ/MRA/DREQ/DREP of InfiniBand's communication management,
 * as a sans-IO engine. CM messages and time in; CM messages, events and the next deadline out.
 * Knows nothing of sockets, SDP or MAC addresses: private data is opaque bytes, and where a message
 * goes is an IP address. One per daemon, owned by the control thread. Everything is bounded by
 * cm_limits; strangers cost no memory beyond pending_max, and when that is used up, the oldest
 * half-open attempt makes room. What can happen to a connection is in cm.md. */
#ifndef SAND_CONTROL_CM_H
#define SAND_CONTROL_CM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mad.h"
#include "prng.h"
#include "san_time.h"

struct cm;

/* X(name, meaning) */
#define CM_EVENT_LIST(X)                                                                           \
	X(REQ, "a peer asks to connect: answer with cm_accept or cm_reject (id is new)")           \
	X(REP, "our REQ was answered: answer with cm_confirm or cm_reject")                        \
	X(ESTABLISHED, "passive side: the RTU arrived (or cm_data_arrived was told)")              \
	X(REJECTED, "our REQ or REP was rejected; reason; the id is gone")                         \
	X(TIMEDOUT, "no answer to our REQ or REP within its retries; the id is gone")              \
	X(DREQ, "the peer leaves (reason 0: by DREQ, DREP has been sent; else by REJ); time-wait") \
	X(DREQ_DONE, "our DREQ was answered or given up; the id goes to time-wait")                \
	X(GONE, "time-wait is over: the QPN may be used again; the id is gone")

enum cm_event_type {
#define X(name, text) CM_EV_##name,
	CM_EVENT_LIST(X)
#undef X
};

struct cm_event {
	enum cm_event_type type;
	uint32_t id;	    /* the engine's handle of the connection attempt, never 0 */
	uint64_t cookie;    /* what the owner gave with cm_connect or cm_accept */
	uint16_t reason;    /* REJECTED: enum cm_rej_reason */
	struct san_ip peer; /* source address of the datagram */
	struct san_ip local;
	uint16_t port;	   /* which Ethernet port it came in on: handed through */
	struct cm_msg msg; /* REQ, REP, REJECTED: the decoded message, with private data */
};

/* A message to send, built by the engine. */
struct cm_out {
	struct san_ip src, dst;
	uint16_t port;
	uint8_t mad[MAD_LEN];
};

struct cm_limits {
	uint32_t conns_max;	   /* handles in all states */
	uint32_t pending_max;	   /* passive attempts not yet established (REQ flood bound) */
	uint32_t pending_peer_max; /* the same, per peer address */
	/* A half-open attempt younger than this is never given up for a newer one. */
	struct san_duration pending_grace;
	struct san_duration req_interval; /* to the first repeat of a REQ */
	uint8_t req_retries;		  /* at most 15 are told to the peer */
	struct san_duration rep_interval;
	uint8_t rep_retries; /* or what the REQ says, if that is less */
	uint8_t backoff_max; /* intervals between REQs and between REPs double this often */
	struct san_duration dreq_interval;
	uint8_t dreq_retries;
	struct san_duration timewait;
	struct san_duration pending_timeout; /* owner did not accept or reject a REQ */
};

/* What one side tells the other about its QP. */
struct cm_qp {
	uint32_t qpn, psn; /* psn: first PSN we expect to receive */
	uint8_t responder_resources, initiator_depth;
	uint8_t retry_count, rnr_retry, pmtu_code, flow_control;
};

/* READs and atomics each way, by what both ends offered: the peer may have as many outstanding as
 * it wants to and we have resources for, and the reverse. `own` is what we offer, and gets the
 * result, to be sent in a REP or used after one. */
void cm_qp_meet(struct cm_qp *own, const struct cm_msg *peer);

struct cm *cm_create(const struct cm_limits *limits, uint64_t ca_guid, struct prng seed);
void cm_destroy(struct cm *cm);

/* Active open: sends a REQ. Returns a handle > 0 or a negative san_err (LIMIT, NOMEM, INVAL). */
int64_t cm_connect(struct cm *cm, uint64_t cookie, uint16_t port, const struct san_ip *src,
    const struct san_ip *dst, uint64_t service_id, const struct cm_qp *qp, const void *priv,
    size_t priv_len, struct san_time now);
/* An owner that cannot answer a REQ event at once gives its cookie now, so that it recognizes what
 * happens to the attempt meanwhile. */
void cm_own(struct cm *cm, uint32_t id, uint64_t cookie);
/* Answer a REQ event: sends REP (SAN_ENOENT if the attempt is gone meanwhile). */
int cm_accept(struct cm *cm, uint32_t id, uint64_t cookie, const struct cm_qp *qp, const void *priv,
    size_t priv_len, struct san_time now);
/* Answer a REQ or REP event negatively; the id is gone afterwards. */
int cm_reject(struct cm *cm, uint32_t id, uint16_t reason, const void *priv, size_t priv_len,
    struct san_time now);
/* Reject a REQ event because of its path MTU: `pmtu_code` is the largest that would do. */
int cm_reject_mtu(struct cm *cm, uint32_t id, uint8_t pmtu_code, struct san_time now);
/* Do not answer a REQ event: as if it had never come; the peer will repeat it. For when a resource
 * is missing that will be there in a moment. */
int cm_ignore(struct cm *cm, uint32_t id, struct san_time now);
/* Answer a REP event: sends RTU; the connection is established. */
int cm_confirm(struct cm *cm, uint32_t id, struct san_time now);
/* Passive side: a data packet arrived before the RTU; counts as one. */
void cm_data_arrived(struct cm *cm, uint32_t id, struct san_time now);
/* Established: send DREQ. Not yet established: cancel (REJ where the peer waits for us) and go. */
int cm_disconnect(struct cm *cm, uint32_t id, struct san_time now);

/* A QP1 datagram arrived. 0 or why it was ignored (counted by reason). */
int cm_mad_receive(struct cm *cm, uint16_t port, const struct san_ip *src, const struct san_ip *dst,
    const uint8_t *mad, size_t len, struct san_time now);
/* Take one message to send / one event; false when there is none. Bounded: drain both after every
 * call. */
bool cm_out_take(struct cm *cm, struct cm_out *out);
bool cm_event_take(struct cm *cm, struct cm_event *out);
struct san_time cm_deadline(const struct cm *cm);
void cm_deadline_expire(struct cm *cm, struct san_time now);

/* Counters: sent and received per attribute, ignored per reason, retries, refused floods. X(name,
 * text) */
#define CM_COUNTER_LIST(X)                                                      \
	X(req_rx, "REQ received")                                               \
	X(req_tx, "REQ sent, repeats included")                                 \
	X(rep_rx, "REP received")                                               \
	X(rep_tx, "REP sent, repeats included")                                 \
	X(rtu_rx, "RTU received")                                               \
	X(rtu_tx, "RTU sent, repeats included")                                 \
	X(rej_rx, "REJ received")                                               \
	X(rej_tx, "REJ sent")                                                   \
	X(mra_rx, "MRA received")                                               \
	X(mra_tx, "MRA sent")                                                   \
	X(dreq_rx, "DREQ received")                                             \
	X(dreq_tx, "DREQ sent, repeats included")                               \
	X(drep_rx, "DREP received")                                             \
	X(drep_tx, "DREP sent")                                                 \
	X(sidr_rx, "SIDR_REQ received (answered: unsupported)")                 \
	X(lap_rx, "LAP received (answered: unsupported)")                       \
	X(retries, "messages sent again because no answer came")                \
	X(duplicates, "messages received again")                                \
	X(stale, "REQ or REP for a QP still in use: rejected as stale")         \
	X(malformed, "datagrams that are no CM message of a known kind")        \
	X(unknown, "messages for a connection we do not know")                  \
	X(wrong_qpn, "DREQ for another QPN than the connection's: ignored")     \
	X(flawed, "REQ or REP rejected for what it says: addresses, MTU, QPN")  \
	X(evicted, "half-open attempts given up for newer ones")                \
	X(refused_pending, "REQ refused: too many half-open attempts")          \
	X(refused_peer, "REQ refused: too many half-open attempts of one peer") \
	X(refused_conns, "REQ or connect refused: connection limit")            \
	X(timeouts, "attempts or disconnects given up")

struct cm_counters {
#define X(name, text) uint64_t name;
	CM_COUNTER_LIST(X)
#undef X
};
const struct cm_counters *cm_counters(const struct cm *cm);
/* Number of handles in use, for `show memory`. */
uint32_t cm_count(const struct cm *cm);

#endif
