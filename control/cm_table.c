/* SPDX-License-Identifier: BSD-3-Clause */
/* Owns the memory of the engine: handles, half-open accounting, and the three ways to find a
 * handle. All of it is reserved at start; hashes are keyed, so that nobody outside can aim at one
 * bucket. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cm_priv.h"
#include "san_err.h"

static uint32_t
hash_ip(const struct cm *cm, const struct san_ip *ip, uint64_t a, uint64_t b)
{
	uint64_t w[4] = {[2] = a, [3] = b};

	memcpy(w, ip->b, sizeof ip->b);
	return (uint32_t)siphash(&cm->hash_key, w, sizeof w) & cm->bucket_mask;
}

static uint32_t
hash_id(const struct cm *cm, uint32_t id)
{
	return (uint32_t)siphash(&cm->hash_key, &id, sizeof id) & cm->bucket_mask;
}

int
cm_table_init(struct cm *cm)
{
	uint32_t buckets = 16;

	while (buckets < cm->limits.conns_max)
		buckets *= 2;
	cm->bucket_mask = buckets - 1;
	cm->conns = calloc(cm->limits.conns_max, sizeof *cm->conns);
	cm->peers = calloc(cm->limits.pending_max, sizeof *cm->peers);
	cm->id_buckets = calloc(buckets, sizeof *cm->id_buckets);
	cm->req_buckets = calloc(buckets, sizeof *cm->req_buckets);
	cm->qp_buckets = calloc(buckets, sizeof *cm->qp_buckets);
	cm->peer_buckets = calloc(buckets, sizeof *cm->peer_buckets);
	cm->timers.nodes = calloc(cm->limits.conns_max, sizeof(struct timer_node *));
	cm->timers.max = cm->limits.conns_max;
	LIST_INIT(&cm->free_conns);
	LIST_INIT(&cm->free_peers);
	TAILQ_INIT(&cm->pending);
	return cm->conns && cm->peers && cm->id_buckets && cm->req_buckets && cm->qp_buckets &&
		       cm->peer_buckets && cm->timers.nodes
		   ? 0
		   : SAN_ENOMEM;
}

void
cm_table_fini(struct cm *cm)
{
	free(cm->timers.nodes);
	free(cm->peer_buckets);
	free(cm->qp_buckets);
	free(cm->req_buckets);
	free(cm->id_buckets);
	free(cm->peers);
	free(cm->conns);
}

/* Random, so that nobody who has not seen our messages can name a connection of ours. */
static uint32_t
fresh_id(struct cm *cm)
{
	uint32_t id;

	do
		id = (uint32_t)nonce_u64(&cm->nonce);
	while (id == 0 || cm_conn_by_id(cm, id) != NULL);
	return id;
}

struct cm_conn *
cm_conn_get(struct cm *cm)
{
	struct cm_conn *c = LIST_FIRST(&cm->free_conns);

	if (c != NULL)
		LIST_REMOVE(c, by_id);
	else if (cm->conns_fresh < cm->limits.conns_max)
		c = &cm->conns[cm->conns_fresh++];
	else
		return NULL;
	memset(c, 0, sizeof *c);
	c->id = fresh_id(cm);
	LIST_INSERT_HEAD(&cm->id_buckets[hash_id(cm, c->id)], c, by_id);
	cm->count++;
	return c;
}

void
cm_conn_put(struct cm *cm, struct cm_conn *c)
{
	timer_heap_cancel(&cm->timers, &c->timer);
	cm_conn_unpend(cm, c);
	LIST_REMOVE(c, by_id);
	if (c->passive)
		LIST_REMOVE(c, by_req);
	if (c->has_qp)
		LIST_REMOVE(c, by_qp);
	LIST_INSERT_HEAD(&cm->free_conns, c, by_id);
	cm->count--;
}

struct cm_conn *
cm_conn_by_id(const struct cm *cm, uint32_t id)
{
	struct cm_conn *c;

	LIST_FOREACH(c, &cm->id_buckets[hash_id(cm, id)], by_id) {
		if (c->id == id)
			return c;
	}
	return NULL;
}

struct cm_conn *
cm_conn_by_req(const struct cm *cm, const struct san_ip *peer, uint32_t remote_id)
{
	struct cm_conn *c;

	LIST_FOREACH(c, &cm->req_buckets[hash_ip(cm, peer, remote_id, 0)], by_req) {
		if (c->remote_id == remote_id && san_ip_equal(&c->peer, peer))
			return c;
	}
	return NULL;
}

struct cm_conn *
cm_conn_by_qp(const struct cm *cm, const struct san_ip *peer, uint64_t guid, uint32_t qpn)
{
	struct cm_conn *c;

	LIST_FOREACH(c, &cm->qp_buckets[hash_ip(cm, peer, guid, qpn)], by_qp) {
		if (c->remote_qpn == qpn && c->remote_guid == guid && san_ip_equal(&c->peer, peer))
			return c;
	}
	return NULL;
}

void
cm_conn_index_req(struct cm *cm, struct cm_conn *c)
{
	c->passive = true;
	LIST_INSERT_HEAD(&cm->req_buckets[hash_ip(cm, &c->peer, c->remote_id, 0)], c, by_req);
}

void
cm_conn_index_qp(struct cm *cm, struct cm_conn *c, uint64_t guid, uint32_t qpn)
{
	san_check(!c->has_qp);
	c->has_qp = true;
	c->remote_guid = guid;
	c->remote_qpn = qpn;
	LIST_INSERT_HEAD(&cm->qp_buckets[hash_ip(cm, &c->peer, guid, qpn)], c, by_qp);
}

static struct cm_peer_list *
peer_bucket(const struct cm *cm, const struct san_ip *ip)
{
	return &cm->peer_buckets[hash_ip(cm, ip, 0, 0)];
}

static struct cm_peer *
peer_find(const struct cm *cm, const struct san_ip *ip)
{
	struct cm_peer *p;

	LIST_FOREACH(p, peer_bucket(cm, ip), link) {
		if (san_ip_equal(&p->ip, ip))
			return p;
	}
	return NULL;
}

static struct cm_peer *
peer_get(struct cm *cm, const struct san_ip *ip)
{
	struct cm_peer *p = peer_find(cm, ip);

	if (p != NULL)
		return p;
	p = LIST_FIRST(&cm->free_peers);
	if (p != NULL)
		LIST_REMOVE(p, link);
	else
		p = &cm->peers[cm->peers_fresh++]; /* one per half-open attempt at most */
	p->ip = *ip;
	p->count = 0;
	TAILQ_INIT(&p->pending);
	LIST_INSERT_HEAD(peer_bucket(cm, ip), p, link);
	return p;
}

struct cm_conn *
cm_pending_excess(const struct cm *cm, const struct san_ip *peer)
{
	const struct cm_peer *p = peer_find(cm, peer);

	if (p != NULL && p->count >= cm->limits.pending_peer_max)
		return TAILQ_FIRST(&p->pending);
	return cm->pending_count >= cm->limits.pending_max ? TAILQ_FIRST(&cm->pending) : NULL;
}

void
cm_conn_pend(struct cm *cm, struct cm_conn *c, struct san_time now)
{
	struct cm_peer *p = peer_get(cm, &c->peer);

	p->count++;
	cm->pending_count++;
	c->pending = p;
	c->since = now;
	TAILQ_INSERT_TAIL(&p->pending, c, by_peer_age);
	TAILQ_INSERT_TAIL(&cm->pending, c, by_age);
}

void
cm_conn_unpend(struct cm *cm, struct cm_conn *c)
{
	struct cm_peer *p = c->pending;

	if (p == NULL)
		return;
	c->pending = NULL;
	TAILQ_REMOVE(&p->pending, c, by_peer_age);
	TAILQ_REMOVE(&cm->pending, c, by_age);
	cm->pending_count--;
	if (--p->count > 0)
		return;
	LIST_REMOVE(p, link);
	LIST_INSERT_HEAD(&cm->free_peers, p, link);
}
