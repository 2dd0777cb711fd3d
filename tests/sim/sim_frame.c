/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_frame.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "check.h"

#define ETH_LEN	       14u
#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu
#define ECN_CE	       3u

void
sim_frames_init(struct sim_frames *p)
{
	STAILQ_INIT(&p->free);
	p->live = 0;
}

void
sim_frames_fini(struct sim_frames *p)
{
	struct sim_frame *f;

	san_check(p->live == 0);
	while ((f = STAILQ_FIRST(&p->free)) != NULL) {
		STAILQ_REMOVE_HEAD(&p->free, next);
		free(f);
	}
}

struct sim_frame *
sim_frame_get(struct sim_frames *p)
{
	struct sim_frame *f = STAILQ_FIRST(&p->free);

	if (f != NULL)
		STAILQ_REMOVE_HEAD(&p->free, next);
	else
		f = malloc(sizeof *f);
	san_check(f != NULL);
	p->live++;
	f->due.place = 0;
	f->damaged = false;
	return f;
}

struct sim_frame *
sim_frame_copy(struct sim_frames *p, const struct sim_frame *f)
{
	struct sim_frame *c = sim_frame_get(p);

	c->hop = f->hop;
	c->from = f->from;
	c->to = f->to;
	c->len = f->len;
	c->damaged = f->damaged;
	memcpy(c->bytes, f->bytes, f->len);
	return c;
}

void
sim_frame_put(struct sim_frames *p, struct sim_frame *f)
{
	san_check(p->live > 0 && f->due.place == 0);
	p->live--;
	STAILQ_INSERT_HEAD(&p->free, f, next);
}

/* RFC 1624: the header checksum after a 16-bit word became another. */
static void
checksum_update(uint8_t *checksum, uint16_t was, uint16_t is)
{
	uint32_t sum = (uint32_t)(uint16_t)~be16_get(checksum) + (uint16_t)~was + is;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	be16_put(checksum, (uint16_t)~sum);
}

bool
sim_frame_mark(struct sim_frame *f)
{
	uint8_t *ip = f->bytes + ETH_LEN;
	uint16_t ethertype = be16_get(f->bytes + 12), word = be16_get(ip);
	unsigned shift = ethertype == ETHERTYPE_IPV4 ? 0 : 4; /* of the ECN field in that word */

	if (ethertype != ETHERTYPE_IPV4 && ethertype != ETHERTYPE_IPV6)
		return false;
	if ((word >> shift & ECN_CE) == 0)
		return false;
	be16_put(ip, (uint16_t)(word | ECN_CE << shift));
	if (ethertype == ETHERTYPE_IPV4)
		checksum_update(ip + 10, word, be16_get(ip));
	return true;
}
