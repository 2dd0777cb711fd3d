/* SPDX-License-Identifier: BSD-3-Clause */
/* Owns the entries: found by (port, address) in a keyed hash, bounded, the least recently used one
 * makes room. An entry somebody waits for is never evicted. Deadlines exist only while something is
 * asked, or will be. */
#include <stdlib.h>

#include "bytes.h"
#include "neigh_priv.h"
#include "san_err.h"

static struct neigh_bucket *
bucket_of(const struct neigh *n, uint16_t port, const struct san_ip *ip)
{
	uint64_t h = n->hash_key ^ port, w[2];

	memcpy(w, ip->b, sizeof w);
	for (int i = 0; i < 2; i++) {
		h = (h ^ w[i]) * 0xd6e8feb86659fd93ull;
		h ^= h >> 32;
		h *= 0xd6e8feb86659fd93ull;
	}
	return &n->buckets[(uint32_t)(h >> 32) & n->bucket_mask];
}

int
neigh_table_init(struct neigh *n)
{
	uint32_t buckets = 16;

	while (buckets < n->limits.entries_max)
		buckets *= 2;
	n->bucket_mask = buckets - 1;
	n->entries = calloc(n->limits.entries_max, sizeof *n->entries);
	n->buckets = calloc(buckets, sizeof *n->buckets);
	n->timers.nodes = calloc(n->limits.entries_max, sizeof(struct timer_node *));
	n->timers.max = n->limits.entries_max;
	TAILQ_INIT(&n->unused);
	TAILQ_INIT(&n->evictable);
	if (n->entries == NULL || n->buckets == NULL || n->timers.nodes == NULL)
		return SAN_ENOMEM;
	for (uint32_t i = 0; i < n->limits.entries_max; i++)
		TAILQ_INSERT_TAIL(&n->unused, &n->entries[i], lru);
	return 0;
}

void
neigh_table_fini(struct neigh *n)
{
	free(n->timers.nodes);
	free(n->buckets);
	free(n->entries);
}

struct neigh_entry *
neigh_entry_find(const struct neigh *n, uint16_t port, const struct san_ip *ip)
{
	struct neigh_entry *e;

	LIST_FOREACH(e, bucket_of(n, port, ip), by_ip) {
		if (e->port == port && san_ip_equal(&e->ip, ip))
			return e;
	}
	return NULL;
}

/* The only writer of the state; keeps the rule that exactly the entries nobody waits for are
 * evictable. */
static void
state_set(struct neigh *n, struct neigh_entry *e, enum neigh_state s)
{
	bool was = e->state != NEIGH_ST_INCOMPLETE, is = s != NEIGH_ST_INCOMPLETE;

	e->state = s;
	if (was && !is)
		TAILQ_REMOVE(&n->evictable, e, lru);
	if (!was && is)
		TAILQ_INSERT_TAIL(&n->evictable, e, lru);
}

static void
touch(struct neigh *n, struct neigh_entry *e)
{
	if (e->state == NEIGH_ST_INCOMPLETE)
		return;
	TAILQ_REMOVE(&n->evictable, e, lru);
	TAILQ_INSERT_TAIL(&n->evictable, e, lru);
}

static void
entry_free(struct neigh *n, struct neigh_entry *e)
{
	timer_heap_cancel(&n->timers, &e->timer);
	LIST_REMOVE(e, by_ip);
	if (e->state != NEIGH_ST_INCOMPLETE)
		TAILQ_REMOVE(&n->evictable, e, lru);
	e->in_use = false;
	TAILQ_INSERT_TAIL(&n->unused, e, lru);
}

static void
entry_init(struct neigh_entry *e, uint16_t port, const struct san_ip *ip)
{
	*e = (struct neigh_entry){
	    .state = NEIGH_ST_INCOMPLETE, .in_use = true, .port = port, .ip = *ip};
}

static struct neigh_entry *
entry_alloc(struct neigh *n, uint16_t port, const struct san_ip *ip)
{
	struct neigh_entry *e = TAILQ_FIRST(&n->unused);

	if (e == NULL && TAILQ_FIRST(&n->evictable) != NULL) {
		entry_free(n, TAILQ_FIRST(&n->evictable));
		e = TAILQ_FIRST(&n->unused);
	}
	if (e == NULL)
		return NULL;
	TAILQ_REMOVE(&n->unused, e, lru);
	entry_init(e, port, ip);
	LIST_INSERT_HEAD(bucket_of(n, port, ip), e, by_ip);
	return e;
}

/* Ask once; while nothing is known everybody is asked, later only the station we know. */
static void
ask(struct neigh *n, struct neigh_entry *e, struct san_time now)
{
	const uint8_t *mac = e->state == NEIGH_ST_PROBING ? e->mac : NULL;

	if (san_ip_is_v4(&e->ip))
		neigh_arp_ask(n, e->port, &e->ip, mac);
	else
		neigh_nd_ask(n, e->port, &e->ip, mac);
	timer_heap_arm(&n->timers, &e->timer, san_time_add(now, n->limits.retry_interval));
}

static void
ask_start(struct neigh *n, struct neigh_entry *e, enum neigh_state s, struct san_time now)
{
	state_set(n, e, s);
	e->asks_left = n->limits.retries;
	ask(n, e, now);
}

/* Time 0 stands for "not since the port changed". */
static struct san_time
aged_at(const struct neigh *n, const struct neigh_entry *e)
{
	return e->confirmed.ns == 0 ? e->confirmed
				    : san_time_add(e->confirmed, n->limits.reachable);
}

/* It is there: no question is open, the next one comes when it has aged. */
static void
confirm(struct neigh *n, struct neigh_entry *e, struct san_time now)
{
	e->confirmed = now;
	state_set(n, e, NEIGH_ST_REACHABLE);
	touch(n, e);
	timer_heap_arm(&n->timers, &e->timer, aged_at(n, e));
}

void
neigh_entry_learn(struct neigh *n, uint16_t port, const struct san_ip *ip, const uint8_t *mac,
    struct san_time now)
{
	struct neigh_entry *e = neigh_entry_find(n, port, ip);
	bool news;

	if (e == NULL)
		return;
	news = e->state == NEIGH_ST_INCOMPLETE || e->state == NEIGH_ST_FAILED ||
	       memcmp(e->mac, mac, MAC_LEN) != 0;
	memcpy(e->mac, mac, MAC_LEN);
	confirm(n, e, now);
	if (news)
		neigh_event_emit(n, e, NEIGH_EV_RESOLVED);
}

void
neigh_confirmed(struct neigh *n, uint16_t port, const struct san_ip *ip, struct san_time now)
{
	struct neigh_entry *e = neigh_entry_find(n, port, ip);

	if (e == NULL || e->state == NEIGH_ST_INCOMPLETE || e->state == NEIGH_ST_FAILED)
		return;
	/* Called for many packets: the armed deadline is only looked at when it comes. */
	if (e->state == NEIGH_ST_PROBING)
		confirm(n, e, now);
	e->confirmed = now;
	touch(n, e);
}

static int
resolve_new(struct neigh *n, uint16_t port, const struct san_ip *ip, struct san_time now)
{
	struct neigh_entry *e = entry_alloc(n, port, ip);

	if (e == NULL) {
		n->counters.table_full++;
		return SAN_ENOBUFS;
	}
	e->used = now;
	ask_start(n, e, NEIGH_ST_INCOMPLETE, now);
	return 0;
}

static int
resolve_known(struct neigh *n, struct neigh_entry *e, uint8_t *mac, struct san_time now)
{
	e->used = now;
	touch(n, e);
	switch (e->state) {
	case NEIGH_ST_INCOMPLETE:
		return 0;
	case NEIGH_ST_FAILED:
		ask_start(n, e, NEIGH_ST_INCOMPLETE, now);
		return 0;
	case NEIGH_ST_REACHABLE:
		if (san_time_reached(aged_at(n, e), now))
			ask_start(n, e, NEIGH_ST_PROBING, now);
		break;
	case NEIGH_ST_PROBING:
		break;
	}
	memcpy(mac, e->mac, MAC_LEN);
	return 1;
}

int
neigh_resolve(struct neigh *n, uint16_t port, const struct san_ip *next_hop, uint8_t mac[6],
    struct san_time now)
{
	const struct neigh_port *p = neigh_port_get(n, port);
	struct neigh_entry *e;

	if (p == NULL || !neigh_ip_is_host(p, next_hop) || neigh_port_owns(p, next_hop))
		return SAN_EINVAL;
	if (!p->up)
		return SAN_ENETDOWN;
	if (neigh_port_source(p, next_hop) == NULL)
		return SAN_ENETUNREACH;
	e = neigh_entry_find(n, port, next_hop);
	return e != NULL ? resolve_known(n, e, mac, now) : resolve_new(n, port, next_hop, now);
}

static void
entry_expire(struct neigh *n, struct neigh_entry *e, struct san_time now)
{
	if (e->state == NEIGH_ST_REACHABLE) {
		if (!san_time_reached(aged_at(n, e), now))
			timer_heap_arm(&n->timers, &e->timer, aged_at(n, e));
		else if (san_time_before(e->used, e->confirmed))
			timer_heap_cancel(&n->timers, &e->timer); /* asked again when next needed */
		else
			ask_start(n, e, NEIGH_ST_PROBING, now);
		return;
	}
	if (e->asks_left > 0) {
		e->asks_left--;
		ask(n, e, now);
		return;
	}
	timer_heap_cancel(&n->timers, &e->timer);
	state_set(n, e, NEIGH_ST_FAILED);
	n->counters.failed++;
	neigh_event_emit(n, e, NEIGH_EV_FAILED);
}

struct san_time
neigh_deadline(const struct neigh *n)
{
	return timer_heap_next(&n->timers);
}

/* Stops early when a queue is full; what is left is still due, and neigh_deadline says so.
 */
void
neigh_deadline_expire(struct neigh *n, struct san_time now)
{
	struct timer_node *t;

	while (neigh_queues_have_room(n) && (t = timer_heap_due(&n->timers, now)) != NULL)
		entry_expire(n, TIMER_OWNER(t, struct neigh_entry, timer), now);
}

/* The port changed: what we know must be asked again before it is believed. `drop`: it is not even
 * the same link any more; questions fail at the next deadline, which is now. */
void
neigh_entries_age(struct neigh *n, uint16_t port, bool drop, struct san_time now)
{
	for (uint32_t i = 0; i < n->limits.entries_max; i++) {
		struct neigh_entry *e = &n->entries[i];

		if (!e->in_use || e->port != port)
			continue;
		e->confirmed = (struct san_time){0};
		if (!drop)
			continue;
		if (e->state == NEIGH_ST_INCOMPLETE || e->state == NEIGH_ST_PROBING) {
			e->asks_left = 0;
			timer_heap_arm(&n->timers, &e->timer, now);
		} else {
			entry_free(n, e);
		}
	}
}

bool
neigh_info_get(const struct neigh *n, uint32_t i, struct san_time now, struct neigh_info *out)
{
	static const char *const names[] = {
#define X(name, text) text,
	    NEIGH_STATE_LIST(X)
#undef X
	};
	struct san_time since;

	for (uint32_t slot = 0; slot < n->limits.entries_max; slot++) {
		const struct neigh_entry *e = &n->entries[slot];

		if (!e->in_use || i-- > 0)
			continue;
		since = e->confirmed.ns > 0 ? e->confirmed : e->used;
		*out = (struct neigh_info){
		    e->port, e->ip, {0}, names[e->state], san_time_since(now, since)};
		memcpy(out->mac, e->mac, MAC_LEN);
		return true;
	}
	return false;
}
