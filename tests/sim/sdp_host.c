/* SPDX-License-Identifier: BSD-3-Clause */
#include "sdp_host.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "mad.h"

struct sdp_host_setup
sdp_host_defaults(void)
{
	return (struct sdp_host_setup){
	    .node = node_defaults(),
	    .cm =
		{
		    .conns_max = 64,
		    .pending_max = 32,
		    .pending_peer_max = 32,
		    .req_interval = SAN_DURATION_MS(20),
		    .req_retries = 250,
		    .rep_interval = SAN_DURATION_MS(20),
		    .rep_retries = 250, /* 15 as the REQ says: four seconds with the back-off */
		    .backoff_max = 4,
		    .dreq_interval = SAN_DURATION_MS(20),
		    .dreq_retries = 40,
		    .timewait = SAN_DURATION_MS(500),
		    .pending_timeout = SAN_DURATION_S(5),
		},
	    .blocks = 16,
	    .frames_kept_max = 4096,
	    .qpn_high = 1,
	};
}

static struct sdp_host *
host_of(const struct node *n)
{
	return (struct sdp_host *)(uintptr_t)n; /* node is the first member */
}

/* --- the wire --------------------------------------------------------------------------------- */

static void
mads_send(struct sdp_host *h, struct san_time now)
{
	struct roce_tx tx = {.opcode = ROCE_UD_SEND_ONLY, .dest_qp = MAD_QP, .seg_count = 1};
	struct cm_out out;

	tx.ext.qkey = MAD_QKEY;
	tx.ext.src_qp = MAD_QP;
	tx.seg[0].base = out.mad;
	tx.seg[0].len = MAD_LEN;
	while (cm_out_take(h->cm, &out)) {
		struct cm_msg m;

		san_check(cm_msg_decode(out.mad, MAD_LEN, &m) == 0);
		node_trace(&h->node, now, 1, cm_attr_name(m.attr), m.local_id, "sent");
		/* The addresses end in the number of the host, counted from 1. */
		node_send(&h->node, out.dst.b[15] - 1u, MAD_QP, MAD_QP, &tx, now);
	}
}

static void
frame_receive(struct sdp_host *h, struct sim_frame *f, struct san_time now)
{
	const struct roce_pkt *p = &f->pkt;
	uint32_t i = (p->dest_qp & 0xffff) - SDP_HOST_QPN_FIRST;

	if (p->opcode == ROCE_UD_SEND_ONLY) {
		(void)cm_mad_receive(h->cm, 0, &p->src, &p->dst, p->payload, p->payload_len, now);
		node_frame_done(&h->node, f);
	} else if (i < h->streams && h->stream[i].engine && h->stream[i].qpn == p->dest_qp) {
		stream_frame(&h->stream[i], f, now);
	} else { /* refused before the engine knows of the REP's QPN, or long gone */
		node_frame_done(&h->node, f);
	}
}

/* --- a host's life ---------------------------------------------------------------------------- */

static void
cm_events(struct sdp_host *h, struct san_time now)
{
	struct cm_event ev;

	while (cm_event_take(h->cm, &ev))
		handshake_cm_event(h, &ev, now);
}

static void
step(struct node *n, struct san_time now)
{
	struct sdp_host *h = host_of(n);
	struct sim_frame *f;
	uint32_t i;

	while ((f = node_rx_take(n)) != NULL) {
		frame_receive(h, f, now);
		cm_events(h, now);
	}
	while (san_time_reached(cm_deadline(h->cm), now)) {
		cm_deadline_expire(h->cm, now);
		cm_events(h, now);
		mads_send(h, now);
	}
	for (i = 0; i < h->streams; i++) {
		stream_step(&h->stream[i], now);
		cm_events(h, now);
	}
	mads_send(h, now);
	for (i = 0; i < h->streams; i++)
		stream_check(&h->stream[i], now);
	san_check(cm_deadline(h->cm).ns > now.ns);
}

static struct san_time
next(const struct node *n)
{
	const struct sdp_host *h = host_of(n);
	struct san_time t = cm_deadline(h->cm);
	uint32_t i;

	for (i = 0; i < h->streams; i++)
		t = san_time_min(t, stream_next(&h->stream[i]));
	return t;
}

static bool
finished(const struct node *n)
{
	const struct sdp_host *h = host_of(n);
	uint32_t i;

	for (i = 0; i < h->streams; i++)
		if (!stream_finished(&h->stream[i]))
			return false;
	return cm_count(h->cm) == 0;
}

static void
fini(struct node *n)
{
	struct sdp_host *h = host_of(n);

	for (uint32_t i = 0; i < h->streams; i++)
		stream_fini(&h->stream[i]);
	san_check(h->pool.lent == 0 && h->pool.frames == 0 && h->mrs.used == 0);
	free(h->stream);
	free(h->block);
	cm_destroy(h->cm);
}

static const struct node_ops ops = {step, next, finished, fini};

void
sdp_host_init(struct sdp_host *hosts, struct net *net, uint32_t id, const struct sdp_host_setup *s,
    uint64_t seed)
{
	struct sdp_host *h = &hosts[id];

	memset(h, 0, sizeof *h);
	node_init(&h->node, &ops, net, id, &s->node);
	h->setup = *s;
	h->prng.state = seed;
	h->block = calloc(s->blocks, sizeof *h->block);
	san_check(h->block != NULL);
	rc_pool_init(&h->pool, h->block, s->blocks, s->frames_kept_max);
	san_check(rc_mrs_init(&h->mrs, h->mr, SDP_HOST_REGIONS, (struct prng){seed}) == 0);
	h->others = hosts;
	h->cm = cm_create(&s->cm, prng_u64(&h->prng) | 1, (struct prng){prng_u64(&h->prng)});
	san_check(h->cm != NULL);
}

void
sdp_host_streams(struct sdp_host *h, uint32_t max)
{
	h->stream = calloc(max, sizeof *h->stream);
	san_check(h->stream != NULL);
}

struct stream *
sdp_host_stream(struct sdp_host *h, const struct stream_setup *s)
{
	struct stream *x = &h->stream[h->streams];

	stream_init(x, h, h->setup.qpn_high << 16 | (SDP_HOST_QPN_FIRST + h->streams), s);
	h->streams++;
	return x;
}

const struct stream *
sdp_host_find(const struct sdp_host *hosts, uint32_t id, uint32_t qpn)
{
	const struct sdp_host *h = &hosts[id];
	uint32_t i = (qpn & 0xffff) - SDP_HOST_QPN_FIRST;

	return i < h->streams && h->stream[i].engine && h->stream[i].qpn == qpn ? &h->stream[i]
										: NULL;
}
