/* SPDX-License-Identifier: BSD-3-Clause */
#include "history.h"

#include <stdlib.h>

#include "daemon_priv.h"
#include "sock.h"

struct history_record *
history_record_create(void)
{
	return calloc(1, sizeof(struct history_record));
}

void
history_event(struct history_record *r, enum app_event event, struct san_time now)
{
	if (r->at[event].ns == 0)
		r->at[event] = now;
}

void
history_look(struct sock *k)
{
	struct history_record *r = k->record;

	if (r->looked)
		return;
	view_socket_take(k, &r->socket);
	r->looked = true;
}

void
history_add(struct history *h, struct sock *k)
{
	struct history_record *r = k->record;

	history_look(k);
	r->socket.err = k->err;
	r->socket.why = k->why;
	r->aborted = k->aborted;
	r->freed = loop_now();
	k->record = NULL;
	free(h->record[h->next]);
	h->record[h->next] = r;
	h->next = (h->next + 1) % HISTORY_MAX;
}

void
history_clear(struct history *h)
{
	for (uint32_t i = 0; i < HISTORY_MAX; i++)
		free(h->record[i]);
	*h = (struct history){0};
}

/* When the close began: the first step of it that is known. */
static struct san_time
began(const struct history_record *r)
{
	struct san_time first = r->freed;

	for (unsigned e = 0; e < APP_EVENT_COUNT; e++)
		if (r->at[e].ns != 0 && r->at[e].ns < first.ns)
			first = r->at[e];
	return first;
}

static void
steps_fill(struct view_closed *out, const struct history_record *r, struct san_time start)
{
	out->step_count = 0;
	for (unsigned e = 0; e < APP_EVENT_COUNT; e++) {
		struct view_step step = {app_event_name(e), san_time_since(r->at[e], start)};
		uint32_t at = out->step_count;

		if (r->at[e].ns == 0)
			continue;
		for (; at > 0 && out->step[at - 1].at.ns > step.at.ns; at--)
			out->step[at] = out->step[at - 1];
		out->step[at] = step;
		out->step_count++;
	}
}

bool
view_closed_next(struct daemon *d, uint32_t *cursor, struct view_closed *out)
{
	const struct history *h = &d->history;
	const struct history_record *r;
	struct san_time start;

	if (*cursor >= HISTORY_MAX)
		return false;
	/* the newest first */
	r = h->record[(h->next + HISTORY_MAX - 1 - (*cursor)++) % HISTORY_MAX];
	if (r == NULL)
		return false;
	start = began(r);
	out->socket = r->socket;
	out->aborted = r->aborted;
	out->died = r->died;
	out->took = san_time_since(r->freed, start);
	out->ago = san_time_since(loop_now(), r->freed);
	steps_fill(out, r, start);
	return true;
}
