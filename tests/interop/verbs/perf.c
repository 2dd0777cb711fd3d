/* SPDX-License-Identifier: BSD-3-Clause */
/* perftest's bandwidth programs: one kind of operation, many times, the client asking. The server
 * of SEND receives; the others' servers only own the memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "perf_talk.h"
#include "san_err.h"

#define COUNT_DEFAULT 1000
#define SIZE_DEFAULT  65536
#define ATOMIC_SIZE   8
#define DEPTH	      512
#define OUTSTANDING   128
#define MEMORY_MIN    4096 /* a client spreads small operations over a page */
#define CONNECT_TRIES 30   /* the server listens a second time only when it is ready */
#define CONNECT_PAUSE SAN_DURATION_MS(100)

struct perf {
	struct net *net;
	const struct command_options *o;
	const struct perf_kind *kind;
	struct perf_talk talk;
	struct ep ep;
	uint32_t count, size;
	uint8_t *memory;
	struct perf_memory own, peers;
	/* READ: what the first one brought. Atomics: where old values arrive, and the first one. */
	uint8_t *first;
	uint64_t old[OUTSTANDING], value;
};

struct perf_kind {
	const char *name;
	uint8_t op;
	uint8_t resources;
	uint32_t access; /* of the peer to our memory */
	bool reports;	 /* results are exchanged at the end */
	/* Request i has completed: is what it brought right? NULL = nothing to see. */
	bool (*right)(struct perf *p, uint32_t i);
};

/* --- requests of the client ------------------------------------------------------------------- */

static bool
read_right(struct perf *p, uint32_t i)
{
	if (i == 0)
		memcpy(p->first, p->memory, p->size);
	/* All bring the same bytes to the same place. */
	if (memcmp(p->first, p->memory, p->size) == 0)
		return true;
	fprintf(stderr, "READ %u brought other bytes than the first\n", i);
	return false;
}

/* FetchAdd adds one each time; CmpSwap replaces each value by its successor. */
static bool
atomic_right(struct perf *p, uint32_t i)
{
	uint64_t old = p->old[i % OUTSTANDING];

	if (i == 0)
		p->value = old;
	if (old == p->value + i)
		return true;
	fprintf(stderr, "%s %u found %llu, expected %llu\n", verbs_op_name(p->kind->op), i,
	    (unsigned long long)old, (unsigned long long)(p->value + i));
	return false;
}

static int
request_post(struct perf *p, uint32_t i)
{
	struct verbs_send wr = {
	    .op = p->kind->op,
	    .cookie = i,
	    .sge_count = 1,
	    .sge[0] = {p->memory, p->size},
	    .rkey = p->peers.key,
	    .va = p->peers.va,
	    .swap_add = 1,
	};

	if (p->kind->right == atomic_right)
		wr.sge[0] = (struct verbs_sge){(uint8_t *)&p->old[i % OUTSTANDING], ATOMIC_SIZE};
	if (p->kind->op == VERBS_CMP_SWAP) {
		wr.compare = p->value + i;
		wr.swap_add = p->value + i + 1;
	}
	return verbs_post_send(&p->ep.verbs, &wr);
}

/* CmpSwap needs to know what is there: swapped against itself it stays. */
static bool
value_learn(struct perf *p)
{
	struct verbs_send wr = {.op = VERBS_CMP_SWAP,
	    .sge_count = 1,
	    .sge[0] = {(uint8_t *)&p->value, ATOMIC_SIZE},
	    .rkey = p->peers.key,
	    .va = p->peers.va};
	struct verbs_done d;

	return verbs_post_send(&p->ep.verbs, &wr) == 0 && ep_expect(&p->ep, false, &d) == 0;
}

static bool
client_run(struct perf *p)
{
	uint32_t posted = 0, done = 0;
	struct verbs_done d;

	if (p->kind->op == VERBS_CMP_SWAP && !value_learn(p))
		return false;
	while (done < p->count) {
		while (posted < p->count && posted - done < OUTSTANDING)
			if (request_post(p, posted++) != 0)
				return false;
		if (ep_expect(&p->ep, false, &d) != 0)
			return false;
		if (p->kind->right != NULL && !p->kind->right(p, done))
			return false;
		done++;
	}
	return true;
}

/* --- the server ------------------------------------------------------------------------------- */

static bool
receives_post(struct perf *p, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < DEPTH; i++)
		if (ep_post_recv(&p->ep, i, p->memory, p->size) != 0)
			return false;
	return true;
}

static bool
server_receive(struct perf *p)
{
	struct verbs_done d;

	for (uint32_t i = 0; i < p->count; i++) {
		if (ep_expect(&p->ep, true, &d) != 0)
			return false;
		if (d.len != p->size) {
			fprintf(stderr, "a message of %u bytes, expected %u\n", d.len, p->size);
			return false;
		}
		if (i + DEPTH < p->count)
			ep_post_recv(&p->ep, i, p->memory, p->size);
	}
	return true;
}

/* perftest's FetchAdds add one each, wherever; its CmpSwaps and READs leave no trace but packets.
 */
static bool
server_check(struct perf *p)
{
	uint32_t requests = p->ep.verbs.qp.counters.rx_requests;
	uint64_t sum = 0, word;

	if (requests < p->count) {
		fprintf(stderr, "%u requests came, expected %u\n", requests, p->count);
		return false;
	}
	if (p->kind->op != VERBS_FETCH_ADD)
		return true;
	for (uint32_t at = 0; at < 2 * MEMORY_MIN; at += sizeof word) {
		memcpy(&word, p->memory + at, sizeof word);
		sum += word;
	}
	if (sum == p->count)
		return true;
	fprintf(stderr, "all counters together say %llu, expected %u\n", (unsigned long long)sum,
	    p->count);
	return false;
}

/* --- both ------------------------------------------------------------------------------------- */

/* The tools wait for each other at many places; each is an exchange of what is known already. */
static bool
meet(struct perf *p, int times)
{
	while (times-- > 0)
		if (!perf_talk_memory(&p->talk, &p->own, &p->peers))
			return false;
	return true;
}

static bool
data_connect(struct perf *p)
{
	struct san_time until;
	int err;

	for (int tries = 0; p->o->client && tries < CONNECT_TRIES; tries++) {
		err = ep_call(&p->ep, p->net, &p->o->peer, p->o->port, DEPTH, p->kind->resources);
		if (err != SAN_ECONNREFUSED || p->ep.reason != CM_REJ_INVALID_SERVICE_ID)
			return err == 0;
		ep_close(&p->ep);
		until = san_time_add(nic_now(), CONNECT_PAUSE);
		while (!san_time_reached(until, nic_now()))
			net_step(p->net, until);
	}
	return !p->o->client && ep_listen(&p->ep, p->net, DEPTH, p->kind->resources) == 0;
}

static bool
connect_both(struct perf *p)
{
	bool receives = !p->o->client && p->kind->op == VERBS_SEND;

	if (!perf_talk_open(&p->talk, p->net, p->o) || !meet(p, 1))
		return false;
	if (!data_connect(p) || (receives && !receives_post(p, p->count)) ||
	    ep_confirm(&p->ep) != 0) {
		fprintf(stderr, "no connection for the data: %s\n", ep_reason(&p->ep));
		return false;
	}
	p->own.qpn = p->ep.qpn;
	p->own.va = (uint64_t)(uintptr_t)p->memory;
	/* Connected; memory; seen; and once more, for SEND twice, before it starts. */
	return meet(p, p->kind->op == VERBS_SEND ? 5 : 4);
}

static bool
talk(struct perf *p, double *mb_per_s)
{
	struct san_time start = nic_now();
	double bytes = (double)p->size * p->count;

	if (p->o->client ? !client_run(p) : p->kind->op == VERBS_SEND && !server_receive(p))
		return false;
	if (p->kind->reports && !meet(p, 1))
		return false;
	*mb_per_s = bytes * 1e3 / (double)(san_time_since(nic_now(), start).ns + 1);
	if (!p->o->client && p->kind->op != VERBS_SEND && !server_check(p))
		return false;
	if (p->kind->reports && !perf_talk_report(&p->talk, p->size, p->count, *mb_per_s))
		return false;
	return meet(p, 1);
}

static bool
perf_run(struct net *n, const struct command_options *o, const struct perf_kind *kind,
    uint32_t size_default)
{
	struct perf p = {.net = n,
	    .o = o,
	    .kind = kind,
	    .count = o->count == 0 ? COUNT_DEFAULT : o->count,
	    .size = o->size == 0 ? size_default : o->size};
	uint32_t room = 2 * (p.size < MEMORY_MIN ? MEMORY_MIN : p.size);
	double mb_per_s = 0;
	bool good;

	p.memory = command_memory(n, room, kind->access, &p.own.key);
	p.first = malloc(p.size);
	good = p.memory != NULL && p.first != NULL && connect_both(&p) && talk(&p, &mb_per_s);
	/* The client leaves first. */
	if (p.ep.net != NULL && !o->client && good)
		ep_wait_over(&p.ep);
	if (p.ep.net != NULL)
		ep_close(&p.ep);
	perf_talk_close(&p.talk);
	printf("%s %s: %s: %u x %u bytes, %.2f MB/s\n", kind->name, o->client ? "client" : "server",
	    good ? "passed" : "FAILED", p.count, p.size, mb_per_s);
	free(p.memory);
	free(p.first);
	return good;
}

bool
send_bw_run(struct net *n, const struct command_options *o)
{
	static const struct perf_kind kind = {.name = "send_bw", .op = VERBS_SEND};

	return perf_run(n, o, &kind, SIZE_DEFAULT);
}

bool
write_bw_run(struct net *n, const struct command_options *o)
{
	static const struct perf_kind kind = {.name = "write_bw",
	    .op = VERBS_WRITE,
	    .access = RC_ACCESS_REMOTE_WRITE,
	    .reports = true};

	return perf_run(n, o, &kind, SIZE_DEFAULT);
}

bool
read_bw_run(struct net *n, const struct command_options *o)
{
	static const struct perf_kind kind = {.name = "read_bw",
	    .op = VERBS_READ,
	    .resources = EP_RESOURCES,
	    .access = RC_ACCESS_REMOTE_READ,
	    .reports = true,
	    .right = read_right};

	return perf_run(n, o, &kind, SIZE_DEFAULT);
}

bool
atomic_bw_run(struct net *n, const struct command_options *o)
{
	static const struct perf_kind add = {.name = "atomic_bw fetch-add",
	    .op = VERBS_FETCH_ADD,
	    .resources = EP_RESOURCES,
	    .access = RC_ACCESS_REMOTE_ATOMIC,
	    .reports = true,
	    .right = atomic_right};
	static const struct perf_kind swap = {.name = "atomic_bw cmp-swap",
	    .op = VERBS_CMP_SWAP,
	    .resources = EP_RESOURCES,
	    .access = RC_ACCESS_REMOTE_ATOMIC,
	    .reports = true,
	    .right = atomic_right};

	return perf_run(n, o, o->swap ? &swap : &add, ATOMIC_SIZE);
}
