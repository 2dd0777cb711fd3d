/* SPDX-License-Identifier: BSD-3-Clause */
#include "ep.h"

#include <stdlib.h>
#include <string.h>

#include "ip_cm.h"
#include "san_err.h"

#define RETRIES		7
#define RNR_RETRIES	7  /* for ever */
#define RNR_TIMER	12 /* 0.64 ms */
#define WINDOW		64 /* soft-RoCE keeps 128 requests at most */
#define SOURCE_PORT_MIN 32768

/* --- life --------------------------------------------------------------------------------------*/

static uint32_t
qpn_choose(struct net *n)
{
	return 16 + prng_below(&n->prng, 0xffffff - 16);
}

static int
ep_init(struct ep *e, struct net *n, uint32_t depth, uint8_t resources)
{
	uint32_t at = 0;

	memset(e, 0, sizeof *e);
	while (at < NET_EPS_MAX && n->ep[at] != NULL)
		at++;
	if (at == NET_EPS_MAX)
		return SAN_ELIMIT;
	e->send = calloc(depth, sizeof *e->send);
	e->recv = calloc(depth, sizeof *e->recv);
	if (e->send == NULL || e->recv == NULL)
		return SAN_ENOMEM;
	e->net = n;
	e->at = at;
	e->depth = depth;
	e->resources = resources;
	e->qpn = qpn_choose(n);
	e->rq_psn = (uint32_t)prng_u64(&n->prng) & 0xffffffu;
	n->ep[at] = e;
	return 0;
}

static struct cm_qp
own_qp(const struct ep *e, uint8_t pmtu_code)
{
	return (struct cm_qp){
	    .qpn = e->qpn,
	    .psn = e->rq_psn,
	    .responder_resources = e->resources,
	    .initiator_depth = e->resources,
	    .retry_count = RETRIES,
	    .rnr_retry = RNR_RETRIES,
	    .pmtu_code = pmtu_code,
	};
}

static uint8_t
smaller(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

/* The queue pair, by what the peer said of its own. */
static int
qp_make(struct ep *e, const struct cm_msg *m, uint8_t pmtu_code, uint8_t retries)
{
	struct verbs_open o = {
	    .rc =
		{
		    .qpn = e->qpn,
		    .peer_qpn = m->qpn,
		    .rq_psn = e->rq_psn,
		    .sq_psn = m->psn,
		    .pmtu = roce_pmtu_from_code(pmtu_code),
		    .mrs = &e->net->regions,
		    .pd = NET_PD,
		    .resources = e->resource,
		    .resource_count = e->resources,
		    .initiator_depth = smaller(e->resources, m->responder_resources),
		    .params =
			{
			    .retry_count = retries,
			    .rnr_retry = m->rnr_retry,
			    .min_rnr_timer = RNR_TIMER,
			    .window_packets = WINDOW,
			    .rto_initial = SAN_DURATION_MS(200),
			    .rto_min = SAN_DURATION_MS(10),
			    .rto_max = SAN_DURATION_S(1),
			    /* Before whoever waits for it does: it knows the reason. */
			    .give_up = {e->net->options->patience.ns / 2},
			    .ack_delay = SAN_DURATION_US(50),
			},
		},
	    .send = e->send,
	    .send_count = e->depth,
	    .recv = e->recv,
	    .recv_count = e->depth,
	};
	int err = verbs_init(&e->verbs, &o, nic_now());

	if (err == 0) {
		e->ready = true;
		e->path.sport = roce_sport(e->qpn, m->qpn);
	}
	net_say(e->net, "QP %06x <-> %06x, MTU %u: %s", e->qpn, m->qpn, o.rc.pmtu,
	    err == 0 ? "ready" : san_err_name(err));
	return err;
}

void
ep_close(struct ep *e)
{
	struct san_time until = net_patience(e->net);

	if (e->state == EP_OPEN || e->state == EP_WAITING) {
		rc_ack_now(&e->verbs.qp); /* what we heard was heard */
		net_step(e->net, nic_now());
		if (cm_disconnect(e->net->cm, e->cm_id, nic_now()) == 0)
			e->state = EP_LEAVING;
		while (e->state == EP_LEAVING && !san_time_reached(until, nic_now()))
			net_step(e->net, until);
	}
	if (e->ready)
		verbs_stop(&e->verbs);
	if (e->send != NULL)
		e->net->ep[e->at] = NULL;
	free(e->send);
	free(e->recv);
	e->send = NULL;
	e->recv = NULL;
	e->ready = false;
}

bool
ep_wait_over(struct ep *e)
{
	struct san_time until = net_patience(e->net);

	while (e->state != EP_OVER && !san_time_reached(until, nic_now()))
		net_step(e->net, until);
	return e->state == EP_OVER;
}

const char *
ep_reason(const struct ep *e)
{
	return e->reason != 0 ? cm_rej_name(e->reason) : san_err_text(e->error);
}

/* --- connecting ------------------------------------------------------------------------------- */

static int
wait_while(struct ep *e, enum ep_state state)
{
	struct san_time until = net_patience(e->net);

	while (e->state == state && !san_time_reached(until, nic_now()))
		net_step(e->net, until);
	if (e->state == EP_OVER)
		return e->error != 0 ? e->error : SAN_ENOTCONN;
	return e->state == state ? SAN_ETIMEDOUT : 0;
}

int
ep_call(struct ep *e, struct net *n, const struct san_ip *peer, uint16_t port, uint32_t depth,
    uint8_t resources)
{
	uint8_t header[IP_CM_LEN], pmtu_code = roce_pmtu_code(roce_pmtu_from_mtu(n->nic.mtu));
	struct ip_cm ip = {.dst = *peer};
	struct cm_qp qp;
	int64_t id;
	int err = ep_init(e, n, depth, resources);

	if (err != 0 || (err = net_path(n, NULL, peer, &e->path)) != 0) {
		e->error = err;
		return err;
	}
	ip.src = e->path.src;
	ip.src_port = (uint16_t)(SOURCE_PORT_MIN + prng_below(&n->prng, SOURCE_PORT_MIN));
	ip_cm_encode(header, &ip);
	qp = own_qp(e, pmtu_code);
	id = cm_connect(n->cm, e->at + 1, 0, &ip.src, peer, CM_SID_TCP | port, &qp, header,
	    sizeof header, nic_now());
	if (id < 0)
		return (int)id;
	e->cm_id = (uint32_t)id;
	e->state = EP_CALLING;
	err = wait_while(e, EP_CALLING);
	return err != 0 ? err : qp_make(e, &e->asked.msg, pmtu_code, RETRIES);
}

int
ep_listen(struct ep *e, struct net *n, uint32_t depth, uint8_t resources)
{
	int err = ep_init(e, n, depth, resources);

	if (err != 0)
		return err;
	if (!net_request_take(n, &e->asked, net_patience(n)))
		return e->error = SAN_ETIMEDOUT;
	e->passive = true;
	e->cm_id = e->asked.id;
	e->state = EP_ASKED;
	if (roce_pmtu_from_code(e->asked.msg.pmtu_code) > roce_pmtu_from_mtu(n->nic.mtu))
		err = SAN_EMSGSIZE;
	if (err == 0)
		err = net_path(n, &e->asked.local, &e->asked.peer, &e->path);
	if (err == 0)
		err = qp_make(e, &e->asked.msg, e->asked.msg.pmtu_code, e->asked.msg.retry_count);
	if (err != 0)
		cm_reject(n->cm, e->cm_id, CM_REJ_NO_RESOURCES, NULL, 0, nic_now());
	return e->error = err;
}

int
ep_confirm(struct ep *e)
{
	struct cm_qp qp;
	int err;

	if (!e->passive) {
		err = cm_confirm(e->net->cm, e->cm_id, nic_now());
		if (err == 0)
			e->state = EP_OPEN;
		return err;
	}
	qp = own_qp(e, e->asked.msg.pmtu_code);
	qp.responder_resources = smaller(e->resources, e->asked.msg.initiator_depth);
	qp.initiator_depth = smaller(e->resources, e->asked.msg.responder_resources);
	err = cm_accept(e->net->cm, e->cm_id, e->at + 1, &qp, NULL, 0, nic_now());
	if (err != 0)
		return err;
	e->state = EP_WAITING;
	return wait_while(e, EP_WAITING);
}

static void
over(struct ep *e, int error, uint16_t reason)
{
	e->state = EP_OVER;
	e->error = error;
	e->reason = reason;
	if (e->ready)
		verbs_stop(&e->verbs);
}

void
ep_cm_event(struct ep *e, const struct cm_event *ev)
{
	switch (ev->type) {
	case CM_EV_REP:
		net_say(e->net, "REP: QP %06x", ev->msg.qpn);
		e->asked = *ev;
		e->state = EP_ASKED;
		break;
	case CM_EV_ESTABLISHED:
		net_say(e->net, "established");
		if (e->state == EP_WAITING)
			e->state = EP_OPEN;
		break;
	case CM_EV_REJECTED:
		over(e, SAN_ECONNREFUSED, ev->reason);
		break;
	case CM_EV_TIMEDOUT:
		over(e, SAN_ETIMEDOUT, 0);
		break;
	case CM_EV_DREQ:
		net_say(e->net, "the peer disconnects");
		over(e, ev->reason != 0 ? SAN_ECONNRESET : 0, ev->reason);
		break;
	case CM_EV_DREQ_DONE:
		over(e, 0, 0);
		break;
	case CM_EV_GONE:
	case CM_EV_REQ:
		break;
	}
}

/* --- work requests ---------------------------------------------------------------------------- */

int
ep_post_recv(struct ep *e, uint64_t cookie, void *base, uint32_t len)
{
	struct verbs_recv wr = {.cookie = cookie, .sge_count = 1, .sge[0] = {base, len}};

	return verbs_post_recv(&e->verbs, &wr);
}

int
ep_post(struct ep *e, uint8_t op, uint64_t cookie, void *base, uint32_t len)
{
	return ep_post_remote(e, op, cookie, base, len, 0, 0);
}

int
ep_post_remote(
    struct ep *e, uint8_t op, uint64_t cookie, void *base, uint32_t len, uint32_t rkey, uint64_t va)
{
	struct verbs_send wr = {.op = op,
	    .cookie = cookie,
	    .sge_count = 1,
	    .sge[0] = {base, len},
	    .rkey = rkey,
	    .va = va};

	return verbs_post_send(&e->verbs, &wr);
}

/* 0 with the next completion, or why there will be none. */
static int
take(struct ep *e, bool recv, struct verbs_done *out)
{
	struct san_time until = net_patience(e->net);

	while (!(recv ? verbs_recv_take : verbs_send_take)(&e->verbs, out)) {
		if (e->state == EP_OVER)
			return SAN_ENOTCONN;
		if (san_time_reached(until, nic_now()))
			return SAN_ETIMEDOUT;
		net_step(e->net, until);
	}
	return 0;
}

/* A receive that was flushed does not say why; the send that failed does. */
static const char *
cause(struct ep *e, const struct verbs_done *d)
{
	struct verbs_done send = *d;

	while (send.status == VERBS_STATUS_OK || send.status == VERBS_STATUS_FLUSHED)
		if (!verbs_send_take(&e->verbs, &send))
			return verbs_status_text(d->status);
	return verbs_status_text(send.status);
}

int
ep_next(struct ep *e, bool recv, struct verbs_done *out)
{
	int err = take(e, recv, out);

	if (err == 0 && out->status == VERBS_STATUS_OK)
		return 0;
	if (e->state == EP_OVER && e->error == 0 &&
	    (err != 0 || out->status == VERBS_STATUS_FLUSHED))
		return SAN_ENOTCONN;
	if (err == 0) {
		fprintf(
		    stderr, "%s: %s\n", recv ? "receive" : verbs_op_name(out->op), cause(e, out));
		return SAN_EIO;
	}
	fprintf(stderr, "waiting for a %s: %s\n", recv ? "message" : "send to complete",
	    san_err_text(err));
	return err;
}

int
ep_expect(struct ep *e, bool recv, struct verbs_done *out)
{
	int err = ep_next(e, recv, out);

	if (err == SAN_ENOTCONN)
		fprintf(stderr, "the peer left too early\n");
	return err;
}
