/* SPDX-License-Identifier: BSD-3-Clause */
#include "fig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

const struct fig_way fig_ways[] = {
    {"none, go-back-N", CC_NONE, FIG_GO_BACK_N},
    {"none", CC_NONE, FIG_SACK},
    {"window", CC_WINDOW, FIG_SACK},
    {"DCQCN", CC_DCQCN, FIG_SACK},
    {NULL, 0, 0},
};

struct net_setup
fig_switch(uint32_t hosts)
{
	const struct hop_shape line = {
	    .bytes_per_s = UINT64_C(12500000000),
	    .latency = SAN_DURATION_US(2),
	    .queue_max = 2000000,
	    .ecn = {.min = 100000, .max = 400000, .ppb = PPB_ALL / 10},
	};

	return (struct net_setup){
	    .kind = NET_SWITCH, .hosts = hosts, .up = line, .down = line, .seed = 2026};
}

struct rc_end_setup
fig_end(const struct fig_way *way, uint32_t window)
{
	return (struct rc_end_setup){
	    .pmtu = FIG_PMTU,
	    .recv_size = RC_WORK_BYTES,
	    .keep = way->recovery != FIG_GO_BACK_N,
	    .rxe = way->recovery == FIG_RXE,
	    .features = way->recovery == FIG_SACK ? RC_FEATURE_SACK | RC_FEATURE_ECN_ECHO : 0,
	    .rc =
		{
		    .retry_count = 7,
		    .rnr_retry = 7,
		    .min_rnr_timer = 1,
		    .window_packets = (uint16_t)window,
		    .rto_initial = SAN_DURATION_MS(5),
		    .rto_min = SAN_DURATION_US(500),
		    .rto_max = SAN_DURATION_MS(100),
		    .give_up = SAN_DURATION_S(30),
		    .ack_delay = SAN_DURATION_US(20),
		},
	    .cc = {.algo = way->algo, .line_rate_mbit = 100000},
	    .script = {.recv_depth = RC_WORKS, .stop_at = SAN_TIME_NEVER},
	};
}

void
fig_open(struct fig *f, const struct net_setup *net, uint32_t ends_max)
{
	struct rc_host_setup hs = {.node = node_defaults(),
	    .ends_max = ends_max,
	    .blocks = 2 * ends_max,
	    .kept_max = 65536};
	uint32_t i;

	memset(f, 0, sizeof *f);
	world_init(&f->world, net);
	f->host = calloc(net->hosts, sizeof *f->host);
	san_check(f->host != NULL);
	hs.node.tx_ring = 65536;
	hs.node.poll = SAN_DURATION_US(1);
	hs.node.ecn = true;
	for (i = 0; i < net->hosts; i++) {
		hs.qpn_high = i + 1;
		rc_host_init(&f->host[i], &f->world.net, i, &hs, net->seed + i);
		world_add(&f->world, &f->host[i].node);
	}
}

void
fig_close(struct fig *f)
{
	world_fini(&f->world);
	free(f->host);
}

struct rc_end *
fig_flow(
    struct fig *f, const struct fig_flow *flow, const struct rc_end_setup *end, struct rc_meter *m)
{
	struct rc_end_setup from = *end;
	struct rc_end *e;

	from.rxe = false;
	from.script.works = UINT32_MAX;
	from.script.weight[flow->kind] = 1;
	from.script.len = flow->len;
	from.script.outstanding = flow->outstanding;
	from.script.pause_max = flow->pause_max;
	from.script.start = flow->start;
	e = rc_host_join(&f->host[flow->from], &from, &f->host[flow->to], end, f->world.now);
	(flow->kind == RC_READ ? e : e->peer)->meter = m;
	return e;
}

void
fig_run(struct fig *f, struct san_duration d)
{
	struct san_time until = san_time_add(f->world.now, d);

	world_run(&f->world, until);
	f->world.now = until; /* nothing was due any more before that */
}

double
fig_gbit(double bytes_per_s)
{
	return bytes_per_s * 8 / 1e9;
}

bool
fig_print(const char *which, bool heads)
{
	static const struct {
		const char *name, *title;
		void (*print)(bool heads);
	} figs[] = {
#define X(name, title) {#name, title, fig_##name},
	    FIG_LIST(X)
#undef X
	};
	bool found = false;

	for (size_t i = 0; i < sizeof figs / sizeof *figs; i++) {
		if (which != NULL && strcmp(which, figs[i].name) != 0)
			continue;
		printf("## %s\n\n    sim --figures %s\n\n", figs[i].title, figs[i].name);
		figs[i].print(heads);
		printf("\n");
		fflush(stdout);
		found = true;
	}
	return found;
}
