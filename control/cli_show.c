/* SPDX-License-Identifier: BSD-3-Clause */
/* The show commands: each walks a view of the daemon and says what it finds. */
#include <stdio.h>
#include <string.h>

#include <rte_version.h>

#include "cli_call.h"
#include "cli_values.h"
#include "daemon.h"
#include "san_err.h"
#include "view.h"

static bool
port_is(const struct view_port *port, const char *word)
{
	char number[8];

	snprintf(number, sizeof number, "%u", port->port);
	return is_all(word) || strcmp(word, number) == 0 || strcmp(word, port->name) == 0;
}

static void
ports_show(struct cli_call *c, const char *section, const char *word, bool table,
    void (*show)(struct cli_call *c, const struct view_port *port))
{
	struct view_port port;
	uint32_t cursor = 0, found = 0;

	if (table)
		cli_out_table(c->out, section);
	else
		cli_out_records(c->out, section);
	while (view_port_next(c->daemon, &cursor, &port)) {
		if (!port_is(&port, word))
			continue;
		cli_out_row(c->out);
		show(c, &port);
		found++;
	}
	cli_out_end(c->out);
	if (found == 0 && !is_all(word))
		cli_out_fail(c->out, SAN_ENOENT, "there is no port '%s'", word);
}

static void
port_info(struct cli_call *c, const struct view_port *port)
{
	static const struct san_ip none;
	char text[SAN_IP_TEXT_MAX + 8];
	struct cli_out *out = c->out;

	cli_out_number(out, "port", port->port);
	cli_out_string(out, "name", port->name);
	cli_out_string(out, "device", port->device);
	cli_out_string(out, "driver", port->driver);
	cli_out_flag(out, "started", port->started);
	cli_out_string(out, "link", port->link_up ? "up" : "down");
	cli_out_number(out, "speed_mbps", port->speed_mbps);
	mac_put(out, "mac", port->mac);
	if (port->vlan == 0xffff)
		cli_out_string(out, "vlan", "none");
	else
		cli_out_format(out, "vlan", "%u", port->vlan);
	cli_out_number(out, "mtu", port->mtu);
	cli_out_number(out, "pmtu", port->pmtu);
	cli_out_list(out, "addresses");
	for (uint32_t i = 0; i < port->addr_count; i++) {
		prefix_format(&port->addr[i].ip, port->addr[i].bits, text, sizeof text);
		cli_out_item(out, text);
	}
	cli_out_list(out, "gateways");
	if (!san_ip_equal(&port->gateway4, &none))
		cli_out_item(out, san_ip_format(&port->gateway4, text));
	if (!san_ip_equal(&port->gateway6, &none))
		cli_out_item(out, san_ip_format(&port->gateway6, text));
	cli_out_number(out, "poll", port->poll);
	cli_out_flag(out, "core_shared", port->core_shared);
	cli_out_string(out, "icrc", port->icrc);
}

static void
port_stats(struct cli_call *c, const struct view_port *port)
{
	cli_out_number(c->out, "port", port->port);
	cli_out_string(c->out, "name", port->name);
	cli_out_number(c->out, "rx_packets", port->rx_packets);
	cli_out_number(c->out, "rx_bytes", port->rx_bytes);
	cli_out_number(c->out, "rx_missed", port->rx_missed);
	cli_out_number(c->out, "rx_nombuf", port->rx_nombuf);
	cli_out_number(c->out, "rx_errors", port->rx_errors);
	cli_out_number(c->out, "tx_packets", port->tx_packets);
	cli_out_number(c->out, "tx_bytes", port->tx_bytes);
	cli_out_number(c->out, "tx_errors", port->tx_errors);
}

void
cli_show_port_info(struct cli_call *c)
{
	ports_show(c, "ports", c->word[3], false, port_info);
}

void
cli_show_port_stats(struct cli_call *c)
{
	ports_show(c, "port_stats", c->word[3], true, port_stats);
}

void
cli_show_port_xstats(struct cli_call *c)
{
	struct view_port port;
	struct view_xstat stat;
	uint32_t cursor = 0, found = 0;

	cli_out_table(c->out, "port_xstats");
	while (view_port_next(c->daemon, &cursor, &port)) {
		uint32_t at = 0;

		if (!port_is(&port, c->word[3]))
			continue;
		found++;
		while (view_xstat_next(c->daemon, port.port, &at, &stat)) {
			cli_out_row(c->out);
			cli_out_number(c->out, "port", port.port);
			cli_out_string(c->out, "statistic", stat.name);
			cli_out_number(c->out, "value", stat.value);
		}
	}
	cli_out_end(c->out);
	if (found == 0 && !is_all(c->word[3]))
		cli_out_fail(c->out, SAN_ENOENT, "there is no port '%s'", c->word[3]);
}

/* --- sockets
 * -------------------------------------------------------------------------------------- */

static void
socket_brief(struct cli_out *out, const struct view_socket *s)
{
	cli_out_row(out);
	cli_out_number(out, "id", s->ident);
	cli_out_number(out, "pid", (uint64_t)s->pid);
	cli_out_string(out, "program", s->program);
	cli_out_string(out, "type", s->type);
	cli_out_string(out, "app_state", s->app_state);
	cli_out_string(out, "wire_state", s->wire_state);
	endpoint_put(out, "local", &s->local);
	endpoint_put(out, "peer", &s->peer);
	cli_out_number(out, "tx_queued", s->tx_queued);
	cli_out_number(out, "rx_queued", s->rx_queued);
	cli_out_number(out, "tx_bytes", s->tx_bytes);
	cli_out_number(out, "rx_bytes", s->rx_bytes);
	cli_out_number(out, "retransmits", s->retransmits);
}

static void
socket_states(struct cli_out *out, const struct view_socket *s)
{
	cli_out_string(out, "opened", s->active ? "connect" : "accept");
	cli_out_string(out, "app_state", s->app_state);
	cli_out_string(out, "wire_state", s->wire_state);
	cli_out_string(out, "setup_state", s->setup_state);
	cli_out_string(out, "waits_for", s->deadline);
	cli_out_string(out, "error", s->err == 0 ? "" : san_err_name(s->err));
	cli_out_string(out, "error_text", s->why);
	cli_out_number(out, "age_ms", duration_ms(s->age));
}

static void
congestion_put(struct cli_out *out, const struct view_congestion *v)
{
	cli_out_string(out, "congestion", v->algorithm);
	cli_out_number(out, "outstanding", v->outstanding);
	cli_out_number(out, "window", v->window);
	cli_out_number(out, "rate_bytes_s", v->rate);
	cli_out_number(out, "rtt_base_ns", v->rtt_base.ns);
	cli_out_number(out, "rtt_queue_ns", v->rtt_queue.ns);
	cli_out_number(out, "marked_ppm", v->marked_ppm);
#define X(name) cli_out_number(out, #name, v->name);
	VIEW_QP_COUNTER_LIST(X)
#undef X
}

static void
socket_full(struct cli_out *out, const struct view_socket *s)
{
	cli_out_record(out, "socket");
	cli_out_number(out, "id", s->ident);
	cli_out_number(out, "session", s->session);
	cli_out_number(out, "slot", s->slot);
	cli_out_number(out, "pid", (uint64_t)s->pid);
	cli_out_string(out, "program", s->program);
	cli_out_string(out, "type", s->type);
	cli_out_number(out, "port", s->port);
	endpoint_put(out, "local", &s->local);
	endpoint_put(out, "peer", &s->peer);
	socket_states(out, s);
	cli_out_format(out, "qpn", "0x%06x", s->qpn);
	cli_out_format(out, "peer_qpn", "0x%06x", s->peer_qpn);
	cli_out_number(out, "pmtu", s->pmtu);
	cli_out_number(out, "tx_queued", s->tx_queued);
	cli_out_number(out, "rx_queued", s->rx_queued);
	cli_out_number(out, "tx_bytes", s->tx_bytes);
	cli_out_number(out, "rx_bytes", s->rx_bytes);
	cli_out_number(out, "tx_messages", s->tx_messages);
	cli_out_number(out, "rx_messages", s->rx_messages);
	cli_out_number(out, "retransmits", s->retransmits);
	cli_out_number(out, "rtt_ns", s->rtt.ns);
	congestion_put(out, &s->cc);
	cli_out_string(out, "features", s->features);
	cli_out_number(out, "credits_local", s->credits_local);
	cli_out_number(out, "credits_peer", s->credits_peer);
	cli_out_number(out, "keys", s->keys);
	cli_out_number(out, "rdma_reads", s->rdma_reads);
	cli_out_number(out, "rdma_writes", s->rdma_writes);
#define X(name) cli_out_number(out, #name, s->name);
	VIEW_ZCOPY_COUNTER_LIST(X)
#undef X
	cli_out_end(out);
}

static void
socket_show_one(struct cli_call *c, const char *word)
{
	struct view_socket s;
	uint32_t cursor = 0;
	uint32_t ident;

	if (!socket_number(c, "show socket", word, &ident))
		return;
	while (view_socket_next(c->daemon, &cursor, &s)) {
		if (s.ident == ident) {
			socket_full(c->out, &s);
			return;
		}
	}
	cli_out_fail(c->out, SAN_ENOENT, "there is no socket %u", ident);
}

void
cli_show_socket(struct cli_call *c)
{
	struct view_socket s;
	uint32_t cursor = 0;

	if (!is_all(c->word[2])) {
		socket_show_one(c, c->word[2]);
		return;
	}
	cli_out_table(c->out, "sockets");
	while (view_socket_next(c->daemon, &cursor, &s))
		socket_brief(c->out, &s);
	cli_out_end(c->out);
}

/* Begun to close on either side, and not yet gone. */
static bool
socket_is_closing(const struct view_socket *s)
{
	return strcmp(s->app_state, "ATTACHED") != 0 ||
	       (strcmp(s->wire_state, "OPENING") != 0 && strcmp(s->wire_state, "OPEN") != 0);
}

void
cli_show_closing(struct cli_call *c)
{
	struct view_socket s;
	uint32_t cursor = 0;

	cli_out_table(c->out, "closing_sockets");
	while (view_socket_next(c->daemon, &cursor, &s)) {
		if (!socket_is_closing(&s))
			continue;
		cli_out_row(c->out);
		cli_out_number(c->out, "id", s.ident);
		cli_out_number(c->out, "pid", (uint64_t)s.pid);
		cli_out_string(c->out, "program", s.program);
		cli_out_string(c->out, "app_state", s.app_state);
		cli_out_string(c->out, "wire_state", s.wire_state);
		cli_out_string(c->out, "waits_for", s.deadline);
		endpoint_put(c->out, "peer", &s.peer);
		cli_out_number(c->out, "tx_queued", s.tx_queued);
		cli_out_string(c->out, "error", s.err == 0 ? "" : san_err_name(s.err));
		cli_out_number(c->out, "age_ms", duration_ms(s.age));
	}
	cli_out_end(c->out);
}

void
cli_show_listener(struct cli_call *c)
{
	struct view_listener l;
	uint32_t cursor = 0;

	cli_out_table(c->out, "listeners");
	while (view_listener_next(c->daemon, &cursor, &l)) {
		cli_out_row(c->out);
		cli_out_number(c->out, "id", l.ident);
		cli_out_number(c->out, "session", l.session);
		cli_out_number(c->out, "pid", (uint64_t)l.pid);
		cli_out_string(c->out, "program", l.program);
		cli_out_string(c->out, "type", l.type);
		endpoint_put(c->out, "local", &l.local);
		cli_out_number(c->out, "backlog", l.backlog);
		cli_out_number(c->out, "queued", l.queued);
		cli_out_number(c->out, "pending", l.pending);
		cli_out_number(c->out, "accepted", l.accepted);
		cli_out_number(c->out, "refused", l.refused);
	}
	cli_out_end(c->out);
}

void
cli_show_session(struct cli_call *c)
{
	struct view_session s;
	uint32_t cursor = 0;
	char pid[16];

	cli_out_table(c->out, "sessions");
	while (view_session_next(c->daemon, &cursor, &s)) {
		cli_out_row(c->out);
		cli_out_number(c->out, "session", s.session);
		cli_out_string(c->out, "program", s.program);
		cli_out_number(c->out, "uid", s.uid);
		cli_out_number(c->out, "processes", s.pid_count);
		cli_out_list(c->out, "pids");
		for (uint32_t i = 0; i < s.pid_count && i < VIEW_PIDS_MAX; i++) {
			snprintf(pid, sizeof pid, "%d", (int)s.pid[i]);
			cli_out_item(c->out, pid);
		}
		cli_out_number(c->out, "sockets", s.sockets);
		cli_out_number(c->out, "listeners", s.listeners);
		cli_out_number(c->out, "slots", s.slots);
		cli_out_number(c->out, "region_bytes", s.region_bytes);
		cli_out_number(c->out, "resident_bytes", s.resident_bytes);
		cli_out_string(c->out, "state", s.ending ? "ending" : "attached");
		cli_out_number(c->out, "age_ms", duration_ms(s.age));
	}
	cli_out_end(c->out);
}

/* --- the rest
 * ------------------------------------------------------------------------------------- */

void
cli_show_neighbour(struct cli_call *c)
{
	struct view_neighbour n;
	uint32_t cursor = 0;
	char text[SAN_IP_TEXT_MAX];

	cli_out_table(c->out, "neighbours");
	while (view_neighbour_next(c->daemon, &cursor, &n)) {
		cli_out_row(c->out);
		cli_out_number(c->out, "port", n.port);
		cli_out_string(c->out, "address", san_ip_format(&n.ip, text));
		mac_put(c->out, "mac", n.mac);
		cli_out_string(c->out, "state", n.state);
		cli_out_number(c->out, "age_ms", duration_ms(n.age));
	}
	cli_out_end(c->out);
}

static void
rule_show(struct cli_out *out, const struct view_rule *r)
{
	static const char *const action[] = {
	    [SHM_ACTION_TCP] = "tcp", [SHM_ACTION_SAN] = "san", [SHM_ACTION_SAN_ONLY] = "san-only"};
	char net[SAN_IP_TEXT_MAX + 8];

	prefix_format(&r->net, r->bits, net, sizeof net);
	cli_out_row(out);
	cli_out_number(out, "number", r->number);
	cli_out_string(out, "name", r->name);
	cli_out_string(out, "to", net);
	if (r->port_lo == 0 && r->port_hi == 65535)
		cli_out_string(out, "ports", "any");
	else if (r->port_lo == r->port_hi)
		cli_out_format(out, "ports", "%u", r->port_lo);
	else
		cli_out_format(out, "ports", "%u-%u", r->port_lo, r->port_hi);
	cli_out_string(out, "program", r->program[0] == '\0' ? "any" : r->program);
	cli_out_string(out, "role",
	    r->connect && r->listen ? "both"
	    : r->listen		    ? "listen"
				    : "connect");
	cli_out_string(out, "action", r->action <= SHM_ACTION_SAN_ONLY ? action[r->action] : "?");
}

void
cli_show_rule(struct cli_call *c)
{
	struct view_rule r;
	uint32_t cursor = 0;

	cli_out_table(c->out, "rules");
	while (view_rule_next(c->daemon, &cursor, &r))
		rule_show(c->out, &r);
	cli_out_end(c->out);
}

void
cli_show_memory(struct cli_call *c)
{
	struct view_memory m;
	uint32_t cursor = 0;

	cli_out_table(c->out, "memory");
	while (view_memory_next(c->daemon, &cursor, &m)) {
		cli_out_row(c->out);
		cli_out_string(c->out, "name", m.name);
		cli_out_number(c->out, "used", m.used);
		if (m.max == 0)
			cli_out_string(c->out, "max", "unbounded");
		else
			cli_out_number(c->out, "max", m.max);
		cli_out_string(c->out, "unit", m.unit);
		cli_out_string(c->out, "what", m.text);
	}
	cli_out_end(c->out);
}

void
cli_show_counters(struct cli_call *c)
{
	const char *group = c->word[2];
	struct view_counter v;
	uint32_t cursor = 0;
	bool known = is_all(group);

	cli_out_table(c->out, "counters");
	while (view_counter_next(c->daemon, &cursor, &v)) {
		if (!is_all(group) && strcmp(v.group, group) != 0)
			continue;
		known = true;
		if (v.value == 0)
			continue;
		cli_out_row(c->out);
		cli_out_string(c->out, "group", v.group);
		cli_out_string(c->out, "counter", v.name);
		cli_out_number(c->out, "value", v.value);
		cli_out_string(c->out, "what", v.text);
	}
	cli_out_end(c->out);
	if (!known)
		cli_out_fail(c->out, SAN_ENOENT, "there is no group of counters '%s'", group);
}

/* The ports of the poll thread whose counters are called `group`. */
static void
poll_ports(struct cli_call *c, const char *group)
{
	struct view_port port;
	uint32_t cursor = 0;
	char name[16];

	cli_out_list(c->out, "ports");
	while (view_port_next(c->daemon, &cursor, &port)) {
		snprintf(name, sizeof name, "poll%u", port.poll);
		if (strcmp(name, group) == 0)
			cli_out_item(c->out, port.name);
	}
}

void
cli_show_poll(struct cli_call *c)
{
	struct view_counter v;
	uint32_t cursor = 0;
	char group[sizeof v.group] = "";

	cli_out_records(c->out, "polls");
	while (view_counter_next(c->daemon, &cursor, &v)) {
		if (strncmp(v.group, "poll", 4) != 0)
			continue;
		if (strcmp(v.group, group) != 0) {
			memcpy(group, v.group, sizeof group);
			cli_out_row(c->out);
			cli_out_string(c->out, "poll", group);
			poll_ports(c, group);
		}
		cli_out_number(c->out, v.name, v.value);
	}
	cli_out_end(c->out);
}

void
cli_show_version(struct cli_call *c)
{
	cli_out_record(c->out, "version");
	cli_out_string(c->out, "sand", daemon_version());
	cli_out_string(c->out, "dpdk", rte_version());
	cli_out_end(c->out);
}
