/* SPDX-License-Identifier: BSD-3-Clause */
/* How perftest's programs agree before and after a measurement (-R: all of it over rdma_cm): a
 * connection for talk, on which the client says something and the server answers with as many
 * bytes, and a second one for the data. */
#ifndef SAND_INTEROP_PERF_TALK_H
#define SAND_INTEROP_PERF_TALK_H

#include "command.h"

#define PERF_TALK_MAX 64

/* What one side tells the other of its memory. */
struct perf_memory {
	uint32_t qpn, key;
	uint64_t va;
};

struct perf_talk {
	struct ep ep;
	bool client;
	/* in: what the peer said last; the receive has memory of its own, as the next may come
	 * any time. */
	uint8_t out[PERF_TALK_MAX], in[PERF_TALK_MAX], receive[PERF_TALK_MAX];
};

/* All return true if all is well, else after a sentence on stderr. */
/* Connect, compare versions and sizes. */
bool perf_talk_open(struct perf_talk *t, struct net *n, const struct command_options *o);
/* Tell ours, learn the peer's; the tools also use it where they only wait for each other. */
bool perf_talk_memory(
    struct perf_talk *t, const struct perf_memory *own, struct perf_memory *peers);
/* Tell each other how fast it was: `bytes` a message, `count` messages. */
bool perf_talk_report(struct perf_talk *t, uint64_t bytes, uint64_t count, double mb_per_s);
void perf_talk_close(struct perf_talk *t);

#endif
