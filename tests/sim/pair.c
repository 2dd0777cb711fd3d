/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

#include "check.h"

struct pair_setup
pair_defaults(void)
{
	struct pair_setup s = {
	    .cable =
		{
		    .bytes_per_s = 1250000000,
		    .latency = SAN_DURATION_US(5),
		    .queue_max = UINT64_C(1) << 40,
		},
	    .host = sdp_host_defaults(),
	    .end = {stream_defaults(), stream_defaults()},
	    .seed = 1,
	};

	s.end[0].active = true;
	s.end[0].peer = 1;
	s.end[0].service = SDP_HOST_SERVICE;
	s.end[1].psn = 7;
	return s;
}

void
pair_init(struct pair *p, const struct pair_setup *s)
{
	const struct net_setup net = {
	    .kind = NET_CABLE, .hosts = 2, .up = s->cable, .seed = s->seed};
	struct sdp_host_setup hs = s->host;
	uint32_t i;

	world_init(&p->w, &net);
	for (i = 0; i < 2; i++) {
		hs.qpn_high = i + 1;
		sdp_host_init(p->host, &p->w.net, i, &hs, s->seed + i);
		sdp_host_streams(&p->host[i], 1);
		p->end[i] = sdp_host_stream(&p->host[i], &s->end[i]);
		world_add(&p->w, &p->host[i].node);
	}
}

void
pair_fini(struct pair *p)
{
	world_fini(&p->w);
}

bool
pair_run(struct pair *p, uint64_t ms)
{
	world_wake(&p->w, &p->host[0].node);
	world_wake(&p->w, &p->host[1].node);
	return world_run(&p->w, (struct san_time){SAN_DURATION_MS(ms).ns});
}

void
pair_connect(struct pair *p)
{
	struct san_time t = p->w.now;

	while (p->end[0]->phase != STREAM_OPEN || p->end[1]->phase != STREAM_OPEN) {
		t = san_time_add(t, SAN_DURATION_US(1));
		world_run(&p->w, t);
		san_check(t.ns < SAN_DURATION_S(1).ns);
	}
}

void
pair_mask(struct pair *p, uint64_t mask)
{
	p->w.net.mask = mask;
	p->w.net.mask_from = p->w.net.count.sent;
	p->w.net.mask_on = true;
}
