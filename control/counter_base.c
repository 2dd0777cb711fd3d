/* SPDX-License-Identifier: BSD-3-Clause */
#include "counter_base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_priv.h"
#include "poll_thread.h"
#include "port.h"
#include "san_err.h"
#include "view.h"

struct counter_text {
	const char *name, *text;
};

#define X(name, text) {#name, text},
static const struct counter_text cm_text[] = {CM_COUNTER_LIST(X)};
static const struct counter_text neigh_text[] = {NEIGH_COUNTER_LIST(X)};
static const struct counter_text control_text[] = {CONTROL_COUNTER_LIST(X)};
#undef X

enum {
	CM_COUNT = sizeof cm_text / sizeof cm_text[0],
	NEIGH_COUNT = sizeof neigh_text / sizeof neigh_text[0],
	CONTROL_COUNT = sizeof control_text / sizeof control_text[0],
	COUNTERS_MAX = SAN_POLLS_MAX * POLL_COUNTER_COUNT + CM_COUNT + NEIGH_COUNT + CONTROL_COUNT,
};
_Static_assert(sizeof(struct cm_counters) == CM_COUNT * sizeof(uint64_t), "one list");
_Static_assert(sizeof(struct neigh_counters) == NEIGH_COUNT * sizeof(uint64_t), "one list");
_Static_assert(sizeof(struct control_counters) == CONTROL_COUNT * sizeof(uint64_t), "one list");

struct counter_base {
	uint64_t value[COUNTERS_MAX];
	struct port_stats port[SAN_PORTS_MAX];
};

/* One group made of an X-macro list: true if counter `i` lies in it, else i is moved on. */
static bool
group_get(const char *group, const struct counter_text *text, uint32_t count, const void *values,
    uint32_t *i, struct view_counter *out)
{
	if (*i >= count) {
		*i -= count;
		return false;
	}
	snprintf(out->group, sizeof out->group, "%s", group);
	out->name = text[*i].name;
	out->text = text[*i].text;
	memcpy(&out->value, (const uint64_t *)values + *i, sizeof out->value);
	return true;
}

static bool
poll_get(const struct daemon *d, uint32_t *i, struct view_counter *out)
{
	uint32_t poll = *i / POLL_COUNTER_COUNT;
	enum poll_counter counter = (enum poll_counter)(*i % POLL_COUNTER_COUNT);

	if (poll >= d->pollers.count) {
		*i -= d->pollers.count * POLL_COUNTER_COUNT;
		return false;
	}
	snprintf(out->group, sizeof out->group, "poll%u", poll);
	out->name = poll_counter_name(counter);
	out->text = poll_counter_text(counter);
	out->value = poll_counter_read(poll, counter);
	return true;
}

/* Counter number i as it stands. */
static bool
counter_get(const struct daemon *d, uint32_t i, struct view_counter *out)
{
	return poll_get(d, &i, out) ||
	       group_get("cm", cm_text, CM_COUNT, cm_counters(d->netio.cm), &i, out) ||
	       group_get(
		   "neigh", neigh_text, NEIGH_COUNT, neigh_counters(d->netio.neigh), &i, out) ||
	       group_get("control", control_text, CONTROL_COUNT, &d->count, &i, out);
}

bool
view_counter_next(struct daemon *d, uint32_t *cursor, struct view_counter *out)
{
	if (*cursor >= COUNTERS_MAX || !counter_get(d, *cursor, out))
		return false;
	if (d->base != NULL)
		out->value -= d->base->value[*cursor];
	(*cursor)++;
	return true;
}

int
counter_base_take(struct daemon *d)
{
	struct view_counter c;

	if (d->base == NULL)
		d->base = calloc(1, sizeof *d->base);
	if (d->base == NULL)
		return SAN_ENOMEM;
	for (uint32_t i = 0; i < COUNTERS_MAX && counter_get(d, i, &c); i++)
		d->base->value[i] = c.value;
	for (uint16_t p = 0; p < d->ports.count; p++)
		(void)port_stats_get(p, &d->base->port[p]);
	return 0;
}

void
counter_base_free(struct daemon *d)
{
	free(d->base);
	d->base = NULL;
}

void
counter_base_port(const struct counter_base *base, uint16_t port, struct port_stats *s)
{
	const struct port_stats *b;

	if (base == NULL)
		return;
	b = &base->port[port];
	s->rx_packets -= b->rx_packets;
	s->tx_packets -= b->tx_packets;
	s->rx_bytes -= b->rx_bytes;
	s->tx_bytes -= b->tx_bytes;
	s->rx_missed -= b->rx_missed;
	s->rx_nombuf -= b->rx_nombuf;
	s->rx_errors -= b->rx_errors;
	s->tx_errors -= b->tx_errors;
}
