/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that came before a receive was posted for them, in a ring of bytes: whole ones from
 * early_head to early_tail, each behind what its completion will say, and behind early_tail the one
 * that is arriving. */
#include "verbs_priv.h"

#define HEAD	((uint32_t)sizeof(struct verbs_done))
#define COPY_AT 256u /* bytes moved at once: the ring wraps, the receive is in pieces */

static uint32_t
record_len(uint32_t payload)
{
	return HEAD + ((payload + 7u) & ~7u);
}

bool
verbs_early_room(const struct verbs *v)
{
	return v->early.ring.size - (v->early_tail - v->early_head) >=
	       record_len(v->early.message_max);
}

void
verbs_early_append(struct verbs *v, const struct rc_in *in)
{
	byte_ring_write(
	    &v->early.ring, v->early_tail + HEAD + v->message_len, in->payload, in->len);
}

/* Data of a WRITE is where the peer wanted it, not here. */
static uint32_t
payload_len(const struct verbs_done *done)
{
	return done->write ? 0 : done->len;
}

void
verbs_early_finish(struct verbs *v, const struct verbs_done *done)
{
	byte_ring_write(&v->early.ring, v->early_tail, done, HEAD);
	v->early_tail += record_len(payload_len(done));
}

bool
verbs_early_take(struct verbs *v, struct verbs_recv_slot *slot)
{
	uint32_t from = v->early_head + HEAD, at, n, left;
	uint8_t bytes[COPY_AT];

	if (v->early_head == v->early_tail)
		return false;
	byte_ring_read(&v->early.ring, v->early_head, &slot->done, HEAD);
	left = payload_len(&slot->done);
	v->early_head += record_len(left);
	if (left > slot->room)
		left = slot->room;
	for (at = 0; left > 0; at += n, left -= n) {
		n = left < COPY_AT ? left : COPY_AT;
		byte_ring_read(&v->early.ring, from + at, bytes, n);
		verbs_sge_scatter(slot->wr.sge, slot->wr.sge_count, at, bytes, n);
	}
	return true;
}
