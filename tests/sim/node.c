/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define ECT_0 2u

struct node_setup
node_defaults(void)
{
	return (struct node_setup){.rx_max = 4096};
}

void
node_init(struct node *n, const struct node_ops *ops, struct net *net, uint32_t id,
    const struct node_setup *s)
{
	memset(n, 0, sizeof *n);
	n->ops = ops;
	n->net = net;
	n->id = id;
	n->setup = *s;
	n->pause_from = n->pause_to = SAN_TIME_NEVER;
	STAILQ_INIT(&n->rx);
}

void
node_drain(struct node *n)
{
	struct sim_frame *f;

	while ((f = STAILQ_FIRST(&n->rx)) != NULL) {
		STAILQ_REMOVE_HEAD(&n->rx, next);
		sim_frame_put(&n->net->frames, f);
	}
	n->rx_count = 0;
}

struct san_ip
node_ip(const struct node *n, uint32_t id)
{
	struct san_ip ip = {{0xfd}};

	if (!n->setup.v6)
		return san_ip_v4(0x0a000001u + id);
	ip.b[15] = (uint8_t)(1 + id);
	return ip;
}

void
node_rx_put(struct node *n, struct sim_frame *f)
{
	if (n->rx_count == n->setup.rx_max) {
		n->rx_missed++;
		sim_frame_put(&n->net->frames, f);
		return;
	}
	n->rx_count++;
	STAILQ_INSERT_TAIL(&n->rx, f, next);
}

struct sim_frame *
node_rx_take(struct node *n)
{
	struct sim_frame *f;

	while ((f = STAILQ_FIRST(&n->rx)) != NULL) {
		STAILQ_REMOVE_HEAD(&n->rx, next);
		n->rx_count--;
		if (roce_decode(f->bytes, f->len, &f->pkt) == ROCE_OK) {
			san_check(!f->damaged); /* what the ICRC is for */
			return f;
		}
		san_check(f->damaged);
		n->rx_bad++;
		sim_frame_put(&n->net->frames, f);
	}
	return NULL;
}

void
node_frame_done(struct node *n, struct sim_frame *f)
{
	sim_frame_put(&n->net->frames, f);
}

bool
node_tx_room(const struct node *n, struct san_time now)
{
	return n->setup.tx_ring == 0 || net_room_at(n->net, n->id, n->setup.tx_ring).ns <= now.ns;
}

void
node_send(struct node *n, uint32_t to, uint32_t qpn, uint32_t peer_qpn, const struct roce_tx *tx,
    struct san_time now)
{
	struct roce_path path = {
	    .src = node_ip(n, n->id),
	    .dst = node_ip(n, to),
	    .vlan = ROCE_VLAN_NONE,
	    .sport = roce_sport(qpn, peer_qpn),
	    .tclass = n->setup.ecn ? ECT_0 : 0,
	    .hop_limit = 64,
	};
	struct sim_frame *f = sim_frame_get(&n->net->frames);
	int len = roce_encode(f->bytes, sizeof f->bytes, &path, tx);

	san_check(len > 0);
	f->len = (uint32_t)len;
	f->from = n->id;
	f->to = to;
	net_send(n->net, f, now);
}

struct san_time
node_when(const struct node *n, struct san_time at)
{
	if (at.ns >= n->pause_from.ns && at.ns < n->pause_to.ns)
		return n->pause_to;
	return at;
}

void
node_trace(const struct node *n, struct san_time now, uint32_t qpn, const char *what,
    uint64_t value, const char *state)
{
	if (n->setup.trace)
		printf("%12.3f us  %2u.%u  %-14s %" PRIu64 "  [%s]\n", (double)now.ns / 1e3, n->id,
		    qpn & 0xffff, what, value, state);
}
