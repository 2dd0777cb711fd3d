/* SPDX-License-Identifier: BSD-3-Clause */
/* rping: the client tells by SEND where its text is, the server READs it, says go; the client tells
 * where it wants it back, the server WRITEs it there, says go; again. What a text must be follows
 * from its number, so both sides check it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "command.h"
#include "san_err.h"

#define COUNT_DEFAULT 3
#define SIZE_DEFAULT  64
#define SIZE_MIN      32
#define DEPTH	      16
#define INFO_LEN      16
#define INFO_BUFFERS  2

/* Where a text is, or where one is wanted: big-endian address, key, length. */
struct info {
	uint64_t va;
	uint32_t key, len;
};

struct rping {
	struct ep ep;
	uint8_t out[INFO_LEN], in[INFO_BUFFERS][INFO_LEN];
	uint32_t size, key;
	uint8_t *text;
	char *expected;
};

/* Text number `ping`: a head, then letters from a start that moves by one, a NUL at the end. */
static void
text_make(char *text, uint32_t size, uint32_t ping)
{
	const char low = 'A', high = 'z';
	int head = snprintf(text, size, "rdma-ping-%u: ", ping);
	char c = (char)(low + ping % (uint32_t)(high - low + 1));

	for (uint32_t i = (uint32_t)head; i < size; i++) {
		text[i] = c;
		c = c == high ? low : (char)(c + 1);
	}
	text[size - 1] = '\0';
}

static bool
text_right(struct rping *r, const uint8_t *text, uint32_t ping)
{
	text_make(r->expected, r->size, ping);
	if (memcmp(text, r->expected, r->size) == 0) {
		net_say(r->ep.net, "ping %u: %.60s", ping, (const char *)text);
		return true;
	}
	fprintf(stderr, "ping %u: %u bytes that differ from what was sent\n", ping, r->size);
	return false;
}

static int
info_post_recv(struct rping *r, uint64_t at)
{
	return ep_post_recv(&r->ep, at, r->in[at], INFO_LEN);
}

/* Its SEND has completed before the next one uses the buffer; or, after the last of all, the peer
 * has heard enough and leaves. */
static int
info_send(struct rping *r, const uint8_t *text, uint32_t key, bool last)
{
	struct verbs_done d;
	int err;

	be64_put(r->out, (uint64_t)(uintptr_t)text);
	be32_put(r->out + 8, key);
	be32_put(r->out + 12, text == NULL ? 0 : r->size);
	ep_post(&r->ep, VERBS_SEND, 0, r->out, INFO_LEN);
	err = (last ? ep_next : ep_expect)(&r->ep, false, &d);
	return last && err == SAN_ENOTCONN ? 0 : err;
}

/* The first message may be missing if the peer is done: SAN_ENOTCONN. */
static int
info_receive(struct rping *r, bool first, struct info *out)
{
	struct verbs_done d;
	int err = (first ? ep_next : ep_expect)(&r->ep, true, &d);

	if (err != 0)
		return err;
	if (d.len != INFO_LEN) {
		fprintf(stderr, "a message of %u bytes, not %d\n", d.len, INFO_LEN);
		return SAN_EPROTO;
	}
	out->va = be64_get(r->in[d.cookie]);
	out->key = be32_get(r->in[d.cookie] + 8);
	out->len = be32_get(r->in[d.cookie] + 12);
	return info_post_recv(r, d.cookie);
}

static int
server_move(struct rping *r, uint8_t op, const struct info *where)
{
	struct verbs_done d;

	if (where->len != r->size) {
		fprintf(stderr, "the peer has %u bytes, expected %u\n", where->len, r->size);
		return SAN_EMSGSIZE;
	}
	ep_post_remote(&r->ep, op, 0, r->text, r->size, where->key, where->va);
	return ep_expect(&r->ep, false, &d);
}

/* 0; SAN_ENOTCONN: the client is done; another error. */
static int
server_ping(struct rping *r, uint32_t ping)
{
	struct info where;
	int err = info_receive(r, true, &where);

	if (err != 0 || (err = server_move(r, VERBS_READ, &where)) != 0)
		return err;
	if (!text_right(r, r->text, ping))
		return SAN_EIO;
	if ((err = info_send(r, NULL, 0, false)) != 0 ||
	    (err = info_receive(r, false, &where)) != 0 ||
	    (err = server_move(r, VERBS_WRITE, &where)) != 0)
		return err;
	return info_send(r, NULL, 0, true);
}

static int
client_ping(struct rping *r, uint32_t ping, uint8_t *source, uint32_t source_key)
{
	struct info unused;
	int err;

	text_make((char *)source, r->size, ping);
	memset(r->text, 0, r->size);
	if ((err = info_send(r, source, source_key, false)) != 0 ||
	    (err = info_receive(r, false, &unused)) != 0 ||
	    (err = info_send(r, r->text, r->key, false)) != 0 ||
	    (err = info_receive(r, false, &unused)) != 0)
		return err;
	return text_right(r, r->text, ping) ? 0 : SAN_EIO;
}

/* True, and how many pings were right. */
static bool
talk(struct rping *r, const struct command_options *o, uint32_t *pings)
{
	uint32_t count = o->count == 0 && o->client ? COUNT_DEFAULT : o->count, key = 0;
	uint8_t *source = NULL;
	int err = 0;

	if (o->client)
		source = command_memory(r->ep.net, r->size, RC_ACCESS_REMOTE_READ, &key);
	if (o->client && source == NULL)
		return false;
	for (*pings = 0; err == 0 && (*pings < count || !o->client); *pings += err == 0)
		err = o->client ? client_ping(r, *pings, source, key) : server_ping(r, *pings);
	/* A server is done when its client is. */
	if (!o->client && err == SAN_ENOTCONN && *pings > 0 && (count == 0 || *pings == count))
		err = 0;
	free(source);
	return err == 0;
}

static bool
rping_connect(struct rping *r, struct net *n, const struct command_options *o)
{
	if (!command_connect(&r->ep, n, o, DEPTH, 1))
		return false;
	for (uint64_t i = 0; i < INFO_BUFFERS; i++)
		if (info_post_recv(r, i) != 0)
			return false;
	if (ep_confirm(&r->ep) == 0)
		return true;
	fprintf(stderr, "no connection: %s\n", ep_reason(&r->ep));
	return false;
}

bool
rping_run(struct net *n, const struct command_options *o)
{
	struct rping r = {.size = o->size == 0 ? SIZE_DEFAULT : o->size};
	uint32_t pings = 0;
	bool good;

	if (r.size < SIZE_MIN)
		r.size = SIZE_MIN;
	r.expected = malloc(r.size);
	r.text = command_memory(n, r.size, RC_ACCESS_REMOTE_WRITE, &r.key);
	if (r.expected == NULL || r.text == NULL)
		return false;
	good = rping_connect(&r, n, o) && talk(&r, o, &pings);
	ep_close(&r.ep);
	printf("rping %s: %s: %u pings of %u bytes verified\n", o->client ? "client" : "server",
	    good ? "passed" : "FAILED", pings, r.size);
	free(r.expected);
	free(r.text);
	return good;
}
