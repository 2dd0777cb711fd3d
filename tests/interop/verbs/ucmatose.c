/* SPDX-License-Identifier: BSD-3-Clause */
/* ucmatose: several connections at once; the server sends its messages on each, then the client,
 * then the server says goodbye. What is in them nobody says: counted are messages and bytes. */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "san_err.h"

#define COUNT_DEFAULT 10
#define SIZE_DEFAULT  100

struct cmatose {
	struct ep ep;
	uint8_t *out, *in;
};

static uint32_t
depth_for(uint32_t count)
{
	uint32_t depth = 1;

	while (depth < count)
		depth *= 2;
	return depth;
}

static bool
node_connect(struct cmatose *c, struct net *n, const struct command_options *o)
{
	c->out = command_memory(n, o->size, 0, NULL);
	c->in = command_memory(n, o->size, 0, NULL);
	if (c->out == NULL || c->in == NULL ||
	    !command_connect(&c->ep, n, o, depth_for(o->count), 1))
		return false;
	for (uint32_t i = 0; i < o->count; i++)
		if (ep_post_recv(&c->ep, i, c->in, o->size) != 0)
			return false;
	if (ep_confirm(&c->ep) == 0)
		return true;
	fprintf(stderr, "no connection: %s\n", ep_reason(&c->ep));
	return false;
}

static bool
node_send(struct cmatose *c, const struct command_options *o)
{
	struct verbs_done d;

	for (uint32_t i = 0; i < o->count; i++)
		if (ep_post(&c->ep, VERBS_SEND, i, c->out, o->size) != 0)
			return false;
	for (uint32_t i = 0; i < o->count; i++)
		if (ep_expect(&c->ep, false, &d) != 0)
			return false;
	return true;
}

static bool
node_receive(struct cmatose *c, const struct command_options *o)
{
	struct verbs_done d;

	for (uint32_t i = 0; i < o->count; i++) {
		if (ep_expect(&c->ep, true, &d) != 0)
			return false;
		if (d.len != o->size) {
			fprintf(stderr, "a message of %u bytes, not %u\n", d.len, o->size);
			return false;
		}
	}
	return true;
}

static bool
talk(struct cmatose *c, const struct command_options *o)
{
	bool (*first)(struct cmatose *, const struct command_options *) =
	    o->client ? node_receive : node_send;
	bool (*second)(struct cmatose *, const struct command_options *) =
	    o->client ? node_send : node_receive;

	for (uint32_t i = 0; i < o->connections; i++)
		if (!first(&c[i], o))
			return false;
	for (uint32_t i = 0; i < o->connections; i++)
		if (!second(&c[i], o))
			return false;
	return true;
}

/* The server goes first; a client that heard nothing of it does not wait for ever. */
static bool
leave(struct cmatose *c, const struct command_options *o)
{
	bool good = true;

	for (uint32_t i = 0; i < o->connections; i++) {
		if (o->client && c[i].ep.net != NULL && !ep_wait_over(&c[i].ep)) {
			fprintf(stderr, "the server did not disconnect\n");
			good = false;
		}
		if (c[i].ep.net != NULL)
			ep_close(&c[i].ep);
	}
	return good;
}

bool
ucmatose_run(struct net *n, const struct command_options *given)
{
	struct command_options o = *given;
	struct cmatose *c;
	bool good = true;

	if (o.count == 0)
		o.count = COUNT_DEFAULT;
	if (o.size == 0)
		o.size = SIZE_DEFAULT;
	if (o.connections == 0)
		o.connections = 1;
	c = calloc(o.connections, sizeof *c);
	for (uint32_t i = 0; good && i < o.connections; i++)
		good = node_connect(&c[i], n, &o);
	good = good && talk(c, &o);
	good = leave(c, &o) && good;
	printf("ucmatose %s: %s: %u connections, %u messages of %u bytes each way\n",
	    o.client ? "client" : "server", good ? "passed" : "FAILED", o.connections, o.count,
	    o.size);
	for (uint32_t i = 0; i < o.connections; i++) {
		free(c[i].out);
		free(c[i].in);
	}
	free(c);
	return good;
}
