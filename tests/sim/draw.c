/* SPDX-License-Identifier: BSD-3-Clause */
#include "draw.h"

#include <inttypes.h>
#include <stdio.h>

uint32_t
draw_of(struct prng *p, const uint32_t *list, uint32_t n)
{
	return list[prng_below(p, n)];
}

bool
draw_one_in(struct prng *p, uint32_t n)
{
	return prng_below(p, n) == 0;
}

struct san_time
draw_moment(struct prng *p)
{
	return (struct san_time){prng_u64(p) % SAN_DURATION_US(DRAW_OF(p, 20, 1000, 50000)).ns};
}

/* Half of them wrap around soon. */
uint32_t
draw_psn(struct prng *p)
{
	return draw_one_in(p, 2) ? 0xffffffu - prng_below(p, 64) : prng_below(p, 0x1000000);
}

static struct hop_shape
draw_hop(struct prng *p, uint64_t bytes_per_s)
{
	struct hop_shape h = {
	    .bytes_per_s = bytes_per_s,
	    .latency = SAN_DURATION_US(DRAW_OF(p, 0, 1, 5, 50, 1000)),
	    .queue_max = DRAW_OF(p, 10000, 50000, 300000, 100000000),
	};

	if (draw_one_in(p, 2)) {
		h.ecn.min = h.queue_max / 8;
		h.ecn.max = h.queue_max / 2;
		h.ecn.ppb = PPB_ALL / 10;
	}
	return h;
}

struct net_setup
draw_net(struct prng *p, uint32_t hosts)
{
	uint64_t rate = DRAW_OF(p, 10000000, 125000000, 1250000000);
	struct net_setup s = {.hosts = hosts, .kind = NET_SWITCH, .seed = prng_u64(p)};
	uint32_t i;

	if (draw_one_in(p, 4))
		s.kind = NET_PATHS;
	else if (hosts == 2 && draw_one_in(p, 2))
		s.kind = NET_CABLE;
	s.up = draw_hop(p, rate);
	s.up.queue_max = DRAW_OF(p, 10000, 100000000);
	s.down = draw_hop(p, rate);
	s.paths = 1 + prng_below(p, NET_PATHS_MAX);
	for (i = 0; i < s.paths; i++)
		s.path[i] = draw_hop(p, rate);
	return s;
}

static void
draw_bursts(struct prng *p, struct faults *f)
{
	f->burst_enter = DRAW_OF(p, 100, 1000, 10000) * PPB_PPM;
	f->burst_leave = DRAW_OF(p, 20000, 100000, 500000) * PPB_PPM;
	f->burst_loss = DRAW_OF(p, 300000, 1000000) * PPB_PPM;
}

struct faults
draw_faults(struct prng *p, uint32_t hosts, bool patient)
{
	struct faults f = faults_none();

	f.until.ns = SAN_DURATION_MS(DRAW_OF(p, 0, 1, 20, 500, 3000)).ns;
	f.loss = DRAW_OF(p, 0, 0, 1000, 10000, 100000) * PPB_PPM;
	f.duplicate = DRAW_OF(p, 0, 0, 1000, 50000) * PPB_PPM;
	f.reorder = DRAW_OF(p, 0, 0, 1000, 50000) * PPB_PPM;
	f.corrupt = DRAW_OF(p, 0, 0, 1000, 20000) * PPB_PPM;
	f.reorder_max = SAN_DURATION_US(DRAW_OF(p, 1, 20, 500, 5000));
	if (draw_one_in(p, 4))
		draw_bursts(p, &f);
	if (draw_one_in(p, 5)) {
		f.cut_from.ns = prng_u64(p) % SAN_DURATION_MS(50).ns;
		f.cut_to.ns =
		    f.cut_from.ns + prng_u64(p) % SAN_DURATION_MS(patient ? 500 : 2000).ns;
		if (hosts > 2)
			f.group = prng_below(p, 1u << hosts);
	}
	return f;
}

struct node_setup
draw_node(struct prng *p)
{
	struct node_setup s = node_defaults();

	s.poll.ns = DRAW_OF(p, 0, 200, 1000, 10000, 100000);
	s.rx_max = DRAW_OF(p, 32, 512, 4096);
	s.tx_ring = DRAW_OF(p, 0, 5000, 65536);
	s.v6 = draw_one_in(p, 2);
	s.ecn = draw_one_in(p, 2);
	return s;
}

struct rc_params
draw_rc(struct prng *p, bool patient)
{
	struct rc_params rc = {
	    .retry_count = 7,
	    .rnr_retry = 7,
	    .min_rnr_timer = (uint8_t)DRAW_OF(p, 1, 12, 20),
	    .window_packets = (uint16_t)DRAW_OF(p, 1, 2, 7, 64, 128, 256),
	    .rto_initial = SAN_DURATION_MS(DRAW_OF(p, 1, 10, 100)),
	    .rto_min = SAN_DURATION_MS(1),
	    .rto_max = SAN_DURATION_MS(200),
	    .give_up = SAN_DURATION_S(30),
	    .ack_delay = SAN_DURATION_US(DRAW_OF(p, 0, 5, 50, 500)),
	};

	if (!patient) {
		rc.give_up = SAN_DURATION_MS(draw_one_in(p, 2) ? 0 : 200);
		rc.retry_count = (uint8_t)prng_below(p, 8);
	}
	return rc;
}

struct cc_params
draw_cc(struct prng *p, const struct net_setup *net)
{
	struct cc_params cc = {.algo = (uint8_t)prng_below(p, CC_COUNT)};

	if (!draw_one_in(p, 4))
		cc.line_rate_mbit = (uint32_t)(net->up.bytes_per_s / 125000);
	if (draw_one_in(p, 4))
		cc.target_delay = SAN_DURATION_US(DRAW_OF(p, 1, 20, 1000));
	return cc;
}

void
draw_pause(struct prng *p, struct node *n, bool patient)
{
	if (!draw_one_in(p, 8))
		return;
	n->pause_from = draw_moment(p);
	n->pause_to = san_time_add(n->pause_from,
	    (struct san_duration){prng_u64(p) % SAN_DURATION_MS(patient ? 300 : 2000).ns});
}

void
draw_print_net(const struct net_setup *s, const struct faults *f)
{
	static const char *const name[] = {"cable", "switch", "paths"};

	printf("  %s, %u hosts, %" PRIu64 " MB/s, latency %" PRIu64 " + %" PRIu64
	       " us, queue %" PRIu64 "\n",
	    name[s->kind], s->hosts, s->up.bytes_per_s / 1000000, s->up.latency.ns / 1000,
	    s->down.latency.ns / 1000, s->down.queue_max);
	printf("  faults until %" PRIu64 " ms: loss %u (bursts %u/%u) duplicate %u reorder %u "
	       "corrupt %u ppm\n",
	    f->until.ns / 1000000, f->loss / PPB_PPM, f->burst_enter / PPB_PPM,
	    f->burst_leave / PPB_PPM, f->duplicate / PPB_PPM, f->reorder / PPB_PPM,
	    f->corrupt / PPB_PPM);
}
