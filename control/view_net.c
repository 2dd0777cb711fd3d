/* SPDX-License-Identifier: BSD-3-Clause */
/* Snapshots of rules, neighbours, ports and memory. */
#include <string.h>

#include "counter_base.h"
#include "daemon_priv.h"
#include "eal.h"
#include "icrc.h"
#include "poll_thread.h"
#include "port.h"
#include "san_err.h"
#include "view.h"

bool
view_rule_next(struct daemon *d, uint32_t *cursor, struct view_rule *out)
{
	const struct config_rule *r;

	if (*cursor >= d->config.rule_count)
		return false;
	r = &d->config.rule[(*cursor)++];
	memset(out, 0, sizeof *out);
	out->number = *cursor;
	memcpy(out->name, r->name, sizeof out->name);
	out->net = r->net;
	out->bits = r->bits;
	out->port_lo = r->port_lo;
	out->port_hi = r->port_hi;
	memcpy(out->program, r->program, sizeof out->program);
	out->connect = (r->role & 1) != 0;
	out->listen = (r->role & 2) != 0;
	out->action = r->action;
	return true;
}

bool
view_neighbour_next(struct daemon *d, uint32_t *cursor, struct view_neighbour *out)
{
	struct neigh_info info;

	if (!neigh_info_get(d->netio.neigh, *cursor, loop_now(), &info))
		return false;
	(*cursor)++;
	out->port = info.port;
	out->ip = info.ip;
	memcpy(out->mac, info.mac, sizeof out->mac);
	out->state = info.state;
	out->age = info.age;
	return true;
}

static void
port_stats_fill(struct daemon *d, uint16_t port, struct view_port *v)
{
	struct port_stats now = {0};

	if (port_stats_get(port, &now) != 0)
		return;
	counter_base_port(d->base, port, &now);
	v->rx_packets = now.rx_packets;
	v->tx_packets = now.tx_packets;
	v->rx_bytes = now.rx_bytes;
	v->tx_bytes = now.tx_bytes;
	v->rx_missed = now.rx_missed;
	v->rx_nombuf = now.rx_nombuf;
	v->rx_errors = now.rx_errors;
	v->tx_errors = now.tx_errors;
}

static const char *
driver_name(const struct port_info *info)
{
	/* Constant for the daemon's life, and there are few: keep what the snapshot may point to.
	 */
	static char name[SAN_PORTS_MAX][sizeof info->driver];

	for (int i = 0; i < SAN_PORTS_MAX; i++) {
		if (name[i][0] == '\0')
			memcpy(name[i], info->driver, sizeof name[i]);
		if (strcmp(name[i], info->driver) == 0)
			return name[i];
	}
	return "";
}

bool
view_port_next(struct daemon *d, uint32_t *cursor, struct view_port *out)
{
	const struct config_port *c;
	struct port_info info;
	uint16_t port;

	if (*cursor >= d->ports.count)
		return false;
	port = (uint16_t)(*cursor)++;
	c = &d->config.port[port];
	memset(out, 0, sizeof *out);
	out->port = port;
	memcpy(out->name, c->name, sizeof out->name);
	memcpy(out->device, c->device, sizeof out->device);
	out->driver = "";
	out->vlan = c->vlan;
	out->mtu = c->mtu;
	out->pmtu = roce_pmtu_from_mtu(c->mtu);
	out->addr_count = c->addr_count;
	for (uint32_t i = 0; i < c->addr_count; i++) {
		out->addr[i].ip = c->addr[i].ip;
		out->addr[i].bits = c->addr[i].bits;
	}
	out->gateway4 = c->gateway4;
	out->gateway6 = c->gateway6;
	out->poll = pollers_of_port(d, port);
	out->core_shared = d->pollers.core_shared[out->poll];
	out->icrc = icrc_algorithm_name();
	out->started = d->ports.wanted[port];
	if (port_info_get(port, &info) == 0) {
		out->driver = driver_name(&info);
		out->link_up = info.link_up;
		out->speed_mbps = info.speed_mbps;
		memcpy(out->mac, info.mac, sizeof out->mac);
	}
	port_stats_fill(d, port, out);
	return true;
}

bool
view_xstat_next(struct daemon *d, uint16_t port, uint32_t *cursor, struct view_xstat *out)
{
	struct port_xstat x;

	if (port >= d->ports.count || port_xstat_get(port, *cursor, &x) != 0)
		return false;
	(*cursor)++;
	memcpy(out->name, x.name, sizeof out->name);
	out->value = x.value;
	return true;
}

static uint64_t
neighbours_count(const struct daemon *d)
{
	struct neigh_info info;
	uint32_t n = 0;

	while (neigh_info_get(d->netio.neigh, n, loop_now(), &info))
		n++;
	return n;
}

static uint64_t
regions_resident(const struct daemon *d)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < SAN_SESSIONS_MAX; i++)
		if (d->session[i] != NULL)
			bytes += region_resident_bytes(&d->session[i]->region);
	return bytes;
}

static uint64_t
poll_conns(const struct daemon *d)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < d->pollers.count; i++)
		n += poll_conn_count(i);
	return n;
}

bool
view_memory_next(struct daemon *d, uint32_t *cursor, struct view_memory *out)
{
	const struct san_config *c = &d->config;
	const struct conn_table *t = &d->conns;
	struct eal_frame_pool_info pool;

	eal_frame_pool_info(&pool);
	switch ((*cursor)++) {
	case 0:
		*out =
		    (struct view_memory){"frames", "packet buffers", "", pool.in_use, pool.frames};
		return true;
	case 1:
		*out = (struct view_memory){"frame_pool", "memory of the packet buffers", "bytes",
		    pool.bytes, (uint64_t)c->memory_mb << 20};
		return true;
	case 2:
		*out = (struct view_memory){"connections",
		    "connection numbers, those in time-wait included", "", t->size - t->free_count,
		    t->size};
		return true;
	case 3:
		*out = (struct view_memory){"wire_connections", "connections of the poll threads",
		    "", poll_conns(d), t->size};
		return true;
	case 4:
		*out = (struct view_memory){"cm_handles", "connection manager handles", "",
		    cm_count(d->netio.cm), 2 * t->size};
		return true;
	case 5:
		*out = (struct view_memory){"sockets", "sockets of programs", "", d->sock_count, 0};
		return true;
	case 6:
		*out = (struct view_memory){
		    "sessions", "attached programs", "", d->session_count, c->sessions_max};
		return true;
	case 7:
		*out = (struct view_memory){
		    "regions", "memory shared with programs", "bytes", regions_resident(d), 0};
		return true;
	case 8:
		*out = (struct view_memory){
		    "neighbours", "neighbour entries", "", neighbours_count(d), SAN_NEIGH_MAX};
		return true;
	default:
		return false;
	}
}
