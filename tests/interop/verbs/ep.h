/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection of ours in rdma_cm's TCP port space: how it is made and unmade, and blocking calls
 * around its work requests. */
#ifndef SAND_INTEROP_EP_H
#define SAND_INTEROP_EP_H

#include "net.h"
#include "verbs.h"

#define EP_RESOURCES 16 /* READs and atomics either way */

enum ep_state {
	EP_NEW,
	EP_CALLING, /* REQ sent */
	EP_ASKED,   /* REP or REQ arrived: ours to confirm */
	EP_WAITING, /* REP sent */
	EP_OPEN,    /* both sides know */
	EP_LEAVING, /* DREQ sent */
	EP_OVER,
};

struct ep {
	struct net *net;
	uint32_t at; /* in net->ep */
	enum ep_state state;
	int error;	 /* why it is over; 0 = orderly */
	uint16_t reason; /* of a REJ */
	bool ready;	 /* the queue pair is there */
	bool passive;
	uint32_t cm_id, qpn, rq_psn, depth; /* depth: of each queue, power of two */
	uint8_t resources;		    /* READs and atomics wanted, either way */
	struct cm_event asked;		    /* the REQ or REP to confirm */
	struct roce_path path;
	struct verbs verbs;
	struct verbs_send_slot *send;
	struct verbs_recv_slot *recv;
	struct rc_resource resource[EP_RESOURCES];
};

/* `depth`: requests in each queue, power of two. `resources`: READs and atomics at once. 0 or an
 * enum san_err; then ep_reason says more. */
int ep_call(struct ep *e, struct net *n, const struct san_ip *peer, uint16_t port, uint32_t depth,
    uint8_t resources);
/* Wait for somebody to call our port. */
int ep_listen(struct ep *e, struct net *n, uint32_t depth, uint8_t resources);
/* After either of them, once receives are posted. */
int ep_confirm(struct ep *e);
/* Say goodbye, or take the peer's; frees what the calls above made. */
void ep_close(struct ep *e);
/* Wait until the peer has said goodbye. False if it did not in time. */
bool ep_wait_over(struct ep *e);
const char *ep_reason(const struct ep *e);

/* Post what must be possible: 0 or an enum san_err. */
int ep_post_recv(struct ep *e, uint64_t cookie, void *base, uint32_t len);
int ep_post(struct ep *e, uint8_t op, uint64_t cookie, void *base, uint32_t len);
int ep_post_remote(struct ep *e, uint8_t op, uint64_t cookie, void *base, uint32_t len,
    uint32_t rkey, uint64_t va);
/* The next good completion of sends or receives. SAN_ENOTCONN: the peer left in good order and
 * there will be none; another enum san_err after a sentence on stderr. */
int ep_next(struct ep *e, bool recv, struct verbs_done *out);
/* The same where the peer may not leave. */
int ep_expect(struct ep *e, bool recv, struct verbs_done *out);

void ep_cm_event(struct ep *e, const struct cm_event *ev);

#endif
