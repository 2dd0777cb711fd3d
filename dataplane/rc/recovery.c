/* SPDX-License-Identifier: BSD-3-Clause */
#include "recovery.h"

#include <string.h>

#include "check.h"
#include "rc_priv.h"

void
rc_pool_init(struct rc_pool *p, struct rc_block *block, uint32_t count, uint32_t frames_max)
{
	memset(p, 0, sizeof *p);
	p->block = block;
	p->count = count;
	p->frames_max = frames_max;
}

struct rc_block *
rc_block_lend(struct rc_pool *p)
{
	struct rc_block *b;

	if (p == NULL)
		return NULL;
	b = p->free;
	if (b != NULL) {
		p->free = b->next;
	} else if (p->fresh < p->count) {
		b = &p->block[p->fresh++];
	} else {
		p->refused++;
		return NULL;
	}
	p->lent++;
	return b;
}

void
rc_block_return(struct rc_pool *p, struct rc_block *b)
{
	san_check(p->lent > 0);
	p->lent--;
	b->next = p->free;
	p->free = b;
}
