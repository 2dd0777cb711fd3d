/* SPDX-License-Identifier: BSD-3-Clause */
#include "rc_store.h"

#include "fuzz.h"
#include "rc_model.h"

void
rc_store_offer(struct rc_store *s, struct rc_qp *qp, const struct roce_pkt *p, struct san_time now)
{
	struct store_frame *f;

	if (s->count == STORE_MAX)
		return;
	f = malloc(sizeof *f + p->payload_len);
	promise(f != NULL);
	f->p = *p;
	f->p.payload = f->payload;
	memcpy(f->payload, p->payload, p->payload_len);
	if (rc_keep(qp, &f->p, f, now) == 0)
		s->frame[s->count++] = f;
	else
		free(f);
}

struct store_frame *
rc_store_take(struct rc_store *s, void *frame)
{
	for (uint32_t i = 0; i < s->count; i++) {
		if (s->frame[i] == frame) {
			s->frame[i] = s->frame[--s->count];
			return frame;
		}
	}
	promise(!"a frame that is not kept");
	return NULL;
}

bool
rc_store_has(const struct rc_store *s, uint32_t psn)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->frame[i]->p.psn == psn && !rc_model_is_response(s->frame[i]->p.opcode))
			return true;
	return false;
}
