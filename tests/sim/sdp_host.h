/* SPDX-License-Identifier: BSD-3-Clause */
/* A simulated host that speaks streams: the daemon's connection manager engine, a listener, and any
 * number of streams, each used once. */
#ifndef SAND_TESTS_SIM_SDP_HOST_H
#define SAND_TESTS_SIM_SDP_HOST_H

#include "cm.h"
#include "mr.h"
#include "node.h"
#include "stream.h"

#define SDP_HOST_QPN_FIRST 16u
#define SDP_HOST_SERVICE   7777
#define SDP_HOST_REGIONS   16u

struct sdp_host_setup {
	struct node_setup node;
	bool deaf;  /* nobody listens: REQs are rejected */
	bool reuse; /* a passive stream whose handshake failed serves again; while all are taken,
		       REQs are not answered instead of rejected */
	struct cm_limits cm;
	uint32_t blocks, frames_kept_max; /* for packets that came early */
	uint32_t qpn_high;		  /* upper 8 bits of its QPNs */
};

struct sdp_host {
	struct node node;
	struct sdp_host_setup setup;
	struct prng prng;
	struct rc_pool pool;
	struct rc_block *block;
	struct rc_mrs mrs; /* memory lent to peers, a thread's worth */
	struct rc_mr mr[SDP_HOST_REGIONS];
	struct cm *cm;
	struct stream *stream;
	uint32_t streams;
	struct sdp_host *others; /* all hosts, by id: for what must hold between two ends */
};

struct sdp_host_setup sdp_host_defaults(void);
/* Number `id` of `hosts`. `seed` is the host's own: identifiers, what its programs do. */
void sdp_host_init(struct sdp_host *hosts, struct net *net, uint32_t id,
    const struct sdp_host_setup *s, uint64_t seed);
/* The stream with this QPN at host `id`, if it has come so far as to have an engine; else NULL. */
const struct stream *sdp_host_find(const struct sdp_host *hosts, uint32_t id, uint32_t qpn);
/* Before the first run, at most `max` in all as told first. */
void sdp_host_streams(struct sdp_host *h, uint32_t max);
struct stream *sdp_host_stream(struct sdp_host *h, const struct stream_setup *s);

#endif
