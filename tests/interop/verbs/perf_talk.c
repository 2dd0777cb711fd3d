/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "san_err.h"

#define VERSION	    "6.06" /* of perftest's protocol; below 5.70 it refuses */
#define VERSION_MIN 5.70
#define VERSION_LEN 16
#define PAGE	    4096
#define CACHE_LINE  64
#define MEMORY_LEN  56
#define DEPTH	    4

/* The client speaks first. What the peer said is in t->in. */
static bool
exchange(struct perf_talk *t, uint32_t len)
{
	struct verbs_done d;

	for (int turn = 0; turn < 2; turn++) {
		if ((turn == 0) == t->client) {
			ep_post(&t->ep, VERBS_SEND, 0, t->out, len);
			if (ep_expect(&t->ep, false, &d) != 0)
				return false;
			continue;
		}
		if (ep_expect(&t->ep, true, &d) != 0)
			return false;
		if (d.len != len) {
			fprintf(stderr, "%u bytes of talk, expected %u\n", d.len, len);
			return false;
		}
		memcpy(t->in, t->receive, len);
		ep_post_recv(&t->ep, 0, t->receive, sizeof t->receive);
	}
	return true;
}

static bool
greet(struct perf_talk *t, uint32_t mtu)
{
	memset(t->out, 0, sizeof t->out);
	memcpy(t->out, VERSION, sizeof VERSION);
	if (!exchange(t, VERSION_LEN))
		return false;
	t->in[VERSION_LEN - 1] = '\0';
	if (strtod((const char *)t->in, NULL) < VERSION_MIN) {
		fprintf(stderr, "perftest %s is too old\n", (const char *)t->in);
		return false;
	}
	be32_put(t->out, PAGE);
	if (!exchange(t, 4))
		return false;
	be32_put(t->out, CACHE_LINE);
	if (!exchange(t, 4))
		return false;
	/* The MTU's code as a digit and a NUL. */
	t->out[0] = (uint8_t)('0' + roce_pmtu_code(roce_pmtu_from_mtu(mtu)));
	t->out[1] = 0;
	return exchange(t, 2);
}

bool
perf_talk_open(struct perf_talk *t, struct net *n, const struct command_options *o)
{
	t->client = o->client;
	if (!command_connect(&t->ep, n, o, DEPTH, 0))
		return false;
	ep_post_recv(&t->ep, 0, t->receive, sizeof t->receive);
	if (ep_confirm(&t->ep) != 0) {
		fprintf(stderr, "no connection: %s\n", ep_reason(&t->ep));
		return false;
	}
	return greet(t, n->nic.mtu);
}

/* LID, outstanding READs, QPN, PSN, key: 4 bytes each; 4 unused; address; GID; SRQ; GID index. */
bool
perf_talk_memory(struct perf_talk *t, const struct perf_memory *own, struct perf_memory *peers)
{
	memset(t->out, 0, sizeof t->out);
	be32_put(t->out + 8, own->qpn);
	be32_put(t->out + 16, own->key);
	be64_put(t->out + 24, own->va);
	memcpy(t->out + 32, t->ep.path.src.b, 16);
	if (!exchange(t, MEMORY_LEN))
		return false;
	*peers = (struct perf_memory){
	    .qpn = be32_get(t->in + 8), .key = be32_get(t->in + 16), .va = be64_get(t->in + 24)};
	return true;
}

static bool
report_double(struct perf_talk *t, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	be64_put(t->out, bits);
	return exchange(t, 8);
}

bool
perf_talk_report(struct perf_talk *t, uint64_t bytes, uint64_t count, double mb_per_s)
{
	be64_put(t->out, bytes);
	if (!exchange(t, 8))
		return false;
	be64_put(t->out, count);
	if (!exchange(t, 8))
		return false;
	/* Peak, average, messages a microsecond. */
	return report_double(t, mb_per_s) && report_double(t, mb_per_s) &&
	       report_double(t, bytes == 0 ? 0 : mb_per_s / (double)bytes);
}

void
perf_talk_close(struct perf_talk *t)
{
	if (t->ep.net != NULL)
		ep_close(&t->ep);
}
