/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#define ALIGN 4096

bool
command_connect(
    struct ep *e, struct net *n, const struct command_options *o, uint32_t depth, uint8_t resources)
{
	int err;

	n->listen_port = o->client ? 0 : o->port;
	err = o->client ? ep_call(e, n, &o->peer, o->port, depth, resources)
			: ep_listen(e, n, depth, resources);
	if (err != 0)
		fprintf(stderr, "no connection: %s\n", ep_reason(e));
	return err == 0;
}

uint8_t *
command_memory(struct net *n, uint32_t len, uint32_t access, uint32_t *key)
{
	size_t room = ((size_t)len + ALIGN - 1) / ALIGN * ALIGN;
	uint8_t *p = aligned_alloc(ALIGN, room == 0 ? ALIGN : room);

	if (p != NULL && access != 0 &&
	    rc_mr_register(&n->regions, NET_PD, (uint64_t)(uintptr_t)p, p, len, access, key) != 0) {
		free(p);
		p = NULL;
	}
	if (p == NULL) {
		fprintf(stderr, "no memory for %u bytes\n", len);
		return NULL;
	}
	for (size_t i = 0; i < len; i++)
		p[i] = 0;
	return p;
}
