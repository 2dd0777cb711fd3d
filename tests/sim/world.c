/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "icrc.h"

struct rc_params
world_rc_defaults(void)
{
	return (struct rc_params){
	    .retry_count = 7,
	    .rnr_retry = 7,
	    .min_rnr_timer = 12,
	    .window_packets = 128,
	    .rto_initial = SAN_DURATION_MS(10),
	    .rto_min = SAN_DURATION_MS(1),
	    .rto_max = SAN_DURATION_MS(200),
	    .give_up = SAN_DURATION_S(30),
	    .ack_delay = SAN_DURATION_US(50),
	};
}

struct world_setup
world_setup_defaults(void)
{
	return (struct world_setup){
	    .pmtu = 1024,
	    .ring_tx = {65536, 65536},
	    .ring_rx = {65536, 65536},
	    .psn = {0xfffffa, 7},
	    .rc = {world_rc_defaults(), world_rc_defaults()},
	    .disconn_timeout = SAN_DURATION_S(10),
	    .linger_timeout = SAN_DURATION_S(2),
	};
}

void
world_init(struct world *w, const struct world_setup *s, uint64_t seed)
{
	static bool icrc_chosen; /* asking the processor takes longer than a short run */
	struct prng p = {seed};
	uint8_t i;

	if (!icrc_chosen)
		icrc_init();
	icrc_chosen = true;
	memset(w, 0, sizeof *w);
	w->now.ns = 1000;
	link_init(&w->link, prng_u64(&p));
	for (i = 0; i < 2; i++) {
		struct host_setup hs = {
		    .active = i == 0,
		    .qpn = 0x010010u + i,
		    .peer_qpn = 0x010010u + !i,
		    .psn = s->psn[i],
		    .peer_psn = s->psn[!i],
		    .pmtu = s->pmtu,
		    .ring_tx = s->ring_tx[i],
		    .ring_rx = s->ring_rx[i],
		    .peer_ring_rx = s->ring_rx[!i],
		    .rc = s->rc[i],
		    .disconn_timeout = s->disconn_timeout,
		    .linger_timeout = s->linger_timeout,
		};

		w->host[i].side = i;
		host_init(&w->host[i], &w->link, &hs, prng_u64(&p), w->now);
		w->host[i].trace = s->trace;
		w->host[i].script = (struct host_script){
		    .write_max = 65536,
		    .read_max = 65536,
		    .ending = HOST_WAIT,
		    .end_at = SAN_TIME_NEVER,
		};
	}
}

void
world_fini(struct world *w)
{
	host_fini(&w->host[0]);
	host_fini(&w->host[1]);
	link_fini(&w->link);
}

bool
world_run(struct world *w, struct san_time limit)
{
	struct link_frame f;
	struct san_time next;

	for (;;) {
		while (link_take(&w->link, w->now, &f)) {
			host_frame(&w->host[f.to], f.bytes, f.len, w->now);
			free(f.bytes);
		}
		host_step(&w->host[0], w->now);
		host_step(&w->host[1], w->now);
		w->steps++;
		if (host_done(&w->host[0]) && host_done(&w->host[1]))
			return true;
		next = san_time_min(link_next(&w->link),
		    san_time_min(host_next(&w->host[0]), host_next(&w->host[1])));
		if (next.ns > limit.ns)
			return false;
		if (next.ns > w->now.ns)
			w->now = next;
	}
}
