/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_check.h"

#include <stdio.h>
#include <string.h>

#include "san_err.h"

/* RFC 8200 section 5: smallest MTU of a link that carries IPv6. */
#define IPV6_MTU_MIN 1280

/* Where to point for a key: at its value, else at its section's heading. */
static struct config_pos
mark_of(const struct config_marks *marks, enum config_key_id id, uint32_t instance)
{
	struct config_pos pos = marks->key[id][instance];

	return pos.line != 0 ? pos : marks->section[config_keys[id].section][instance];
}

/* Of two keys that do not fit together, the one written last is to blame. */
static struct config_pos
mark_later(const struct config_marks *marks, enum config_key_id a, enum config_key_id b)
{
	struct config_pos pa = marks->key[a][0], pb = marks->key[b][0];

	return pa.line > pb.line ? pa : pb;
}

static int
rings_check(const struct san_config *c, const struct config_marks *m, struct config_error *err)
{
	if ((c->tx_ring_bytes & (c->tx_ring_bytes - 1)) != 0)
		return config_error_set(err, m->key[CONFIG_KEY_sockets_tx_ring_bytes][0],
		    "tx_ring_bytes: expected a power of two, found %u", c->tx_ring_bytes);
	if ((c->rx_ring_bytes & (c->rx_ring_bytes - 1)) != 0)
		return config_error_set(err, m->key[CONFIG_KEY_sockets_rx_ring_bytes][0],
		    "rx_ring_bytes: expected a power of two, found %u", c->rx_ring_bytes);
	return 0;
}

static int
sockets_check(const struct san_config *c, const struct config_marks *m, struct config_error *err)
{
	if (c->sockets_per_program % 2 != 0)
		return config_error_set(err, m->key[CONFIG_KEY_sockets_sockets_per_program][0],
		    "sockets_per_program: expected an even number, found %u",
		    c->sockets_per_program);
	if (c->sessions_per_user > c->sessions_max)
		return config_error_set(err,
		    mark_later(
			m, CONFIG_KEY_sockets_sessions_per_user, CONFIG_KEY_sockets_sessions_max),
		    "sessions_per_user: expected at most sessions_max (%u), found %u",
		    c->sessions_max, c->sessions_per_user);
	return rings_check(c, m, err);
}

static int
timers_check(const struct san_config *c, const struct config_marks *m, struct config_error *err)
{
	uint64_t rto_max_us = (uint64_t)c->rto_max_ms * 1000;

	if (c->rto_initial_us < c->rto_min_us)
		return config_error_set(err,
		    mark_later(
			m, CONFIG_KEY_transport_rto_initial_us, CONFIG_KEY_transport_rto_min_us),
		    "rto_initial_us: expected at least rto_min_us (%u), found %u", c->rto_min_us,
		    c->rto_initial_us);
	if (rto_max_us < c->rto_initial_us)
		return config_error_set(err,
		    mark_later(
			m, CONFIG_KEY_transport_rto_max_ms, CONFIG_KEY_transport_rto_initial_us),
		    "rto_max_ms: expected at least rto_initial_us (%u us), found %u ms",
		    c->rto_initial_us, c->rto_max_ms);
	if (c->ack_delay_us >= c->rto_min_us)
		return config_error_set(err,
		    mark_later(
			m, CONFIG_KEY_transport_ack_delay_us, CONFIG_KEY_transport_rto_min_us),
		    "ack_delay_us: expected less than rto_min_us (%u), found %u", c->rto_min_us,
		    c->ack_delay_us);
	if (c->give_up_ms != 0 && c->give_up_ms < c->rto_max_ms)
		return config_error_set(err,
		    mark_later(m, CONFIG_KEY_transport_give_up_ms, CONFIG_KEY_transport_rto_max_ms),
		    "give_up_ms: expected 0 or at least rto_max_ms (%u), found %u", c->rto_max_ms,
		    c->give_up_ms);
	return 0;
}

/* --- ports
 * ------------------------------------------------------------------------------------------ */

static int
port_complete_check(
    const struct san_config *c, uint32_t i, const struct config_marks *m, struct config_error *err)
{
	struct config_pos heading = m->section[CONFIG_SECTION_port][i];

	if (c->port[i].device[0] == '\0')
		return config_error_set(
		    err, heading, "expected a 'device' in [port.%s]", c->port[i].name);
	if (c->port[i].addr_count == 0)
		return config_error_set(
		    err, heading, "expected an 'address' in [port.%s]", c->port[i].name);
	return 0;
}

static int
port_mtu_check(
    const struct san_config *c, uint32_t i, const struct config_marks *m, struct config_error *err)
{
	const struct config_port *port = &c->port[i];

	for (uint32_t a = 0; a < port->addr_count; a++)
		if (!san_ip_is_v4(&port->addr[a].ip) && port->mtu < IPV6_MTU_MIN)
			return config_error_set(err, mark_of(m, CONFIG_KEY_port_mtu, i),
			    "mtu: expected at least %u because [port.%s] has an IPv6 address, "
			    "found %u",
			    IPV6_MTU_MIN, port->name, port->mtu);
	return 0;
}

static bool
gateway_reachable(const struct config_port *port, const struct san_ip *gateway)
{
	static const struct san_ip none;

	if (san_ip_equal(gateway, &none))
		return true;
	for (uint32_t a = 0; a < port->addr_count; a++)
		if (san_ip_in_prefix(gateway, &port->addr[a].ip, port->addr[a].bits) &&
		    !san_ip_equal(gateway, &port->addr[a].ip))
			return true;
	return false;
}

static int
port_gateway_check(
    const struct san_config *c, uint32_t i, const struct config_marks *m, struct config_error *err)
{
	const struct config_port *port = &c->port[i];
	const struct san_ip *bad = NULL;
	char text[SAN_IP_TEXT_MAX];

	if (!gateway_reachable(port, &port->gateway4))
		bad = &port->gateway4;
	else if (!gateway_reachable(port, &port->gateway6))
		bad = &port->gateway6;
	if (bad == NULL)
		return 0;
	return config_error_set(err, mark_of(m, CONFIG_KEY_port_gateway, i),
	    "gateway: expected another host on a prefix of [port.%s], found %s", port->name,
	    san_ip_format(bad, text));
}

/* Is addr[a] of port i also an earlier address of the same or an earlier port? */
static const struct config_port *
address_owner(const struct san_config *c, uint32_t i, uint32_t a)
{
	for (uint32_t p = 0; p <= i; p++)
		for (uint32_t n = 0; n < (p == i ? a : c->port[p].addr_count); n++)
			if (san_ip_equal(&c->port[p].addr[n].ip, &c->port[i].addr[a].ip))
				return &c->port[p];
	return NULL;
}

static int
port_unique_check(
    const struct san_config *c, uint32_t i, const struct config_marks *m, struct config_error *err)
{
	const struct config_port *port = &c->port[i], *owner;
	char text[SAN_IP_TEXT_MAX];

	for (uint32_t p = 0; p < i; p++)
		if (strcmp(c->port[p].device, port->device) == 0)
			return config_error_set(err, mark_of(m, CONFIG_KEY_port_device, i),
			    "device: expected another device than that of [port.%s]",
			    c->port[p].name);
	for (uint32_t a = 0; a < port->addr_count; a++) {
		owner = address_owner(c, i, a);
		if (owner != NULL)
			return config_error_set(err, mark_of(m, CONFIG_KEY_port_address, i),
			    "address: expected every address once, but %s is also in [port.%s]",
			    san_ip_format(&port->addr[a].ip, text), owner->name);
	}
	return 0;
}

static int
ports_check(const struct san_config *c, const struct config_marks *m, struct config_error *err)
{
	int ret = 0;

	if (c->port_count == 0)
		return config_error_set(err, (struct config_pos){0, 0},
		    "expected at least one [port.NAME] section with a device and an address");
	for (uint32_t i = 0; i < c->port_count && ret == 0; i++) {
		ret = port_complete_check(c, i, m, err);
		if (ret == 0)
			ret = port_mtu_check(c, i, m, err);
		if (ret == 0)
			ret = port_gateway_check(c, i, m, err);
		if (ret == 0)
			ret = port_unique_check(c, i, m, err);
	}
	return ret;
}

/* --- rules
 * ------------------------------------------------------------------------------------------ */

/* Does `a` match everything that `b` matches? */
static bool
rule_covers(const struct config_rule *a, const struct config_rule *b)
{
	return a->bits <= b->bits && san_ip_in_prefix(&b->net, &a->net, a->bits) &&
	       a->port_lo <= b->port_lo && a->port_hi >= b->port_hi &&
	       (a->role & b->role) == b->role &&
	       (a->program[0] == '\0' || strcmp(a->program, b->program) == 0);
}

static int
rules_check(const struct san_config *c, const struct config_marks *m, struct config_error *err)
{
	for (uint32_t i = 1; i < c->rule_count; i++)
		for (uint32_t e = 0; e < i; e++)
			if (rule_covers(&c->rule[e], &c->rule[i]))
				return config_error_set(err, m->section[CONFIG_SECTION_rule][i],
				    "[rule.%s] can never match: [rule.%s] in line %u comes first "
				    "and matches everything it does",
				    c->rule[i].name, c->rule[e].name,
				    m->section[CONFIG_SECTION_rule][e].line);
	return 0;
}

/* No rules were written: the prefixes of every port use the SAN. */
static void
rules_default(struct san_config *c)
{
	_Static_assert(SAN_RULES_MAX >= SAN_PORTS_MAX * SAN_PORT_ADDRS_MAX, "a rule per address");

	memset(c->rule, 0, sizeof c->rule);
	c->rules_default = true;
	for (uint32_t i = 0; i < c->port_count; i++) {
		for (uint32_t a = 0; a < c->port[i].addr_count; a++) {
			struct config_rule *rule = &c->rule[c->rule_count++];
			char name[CONFIG_NAME_MAX];

			snprintf(name, sizeof name, "%.20s-%u", c->port[i].name, a + 1);
			memcpy(rule->name, name, sizeof name);
			rule->bits = c->port[i].addr[a].bits;
			rule->net = c->port[i].addr[a].ip;
			for (unsigned bit = rule->bits; bit < 128; bit++)
				rule->net.b[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
			rule->port_hi = 65535;
			rule->role = 3;
			rule->action = 1;
		}
	}
}

int
config_check(struct san_config *config, const struct config_marks *marks, struct config_error *err)
{
	int ret = sockets_check(config, marks, err);

	if (marks->key[CONFIG_KEY_daemon_runtime_dir][0].line == 0)
		snprintf(config->runtime_dir, sizeof config->runtime_dir, "/run/%s", config->name);
	if (ret == 0)
		ret = timers_check(config, marks, err);
	if (ret == 0)
		ret = ports_check(config, marks, err);
	if (ret == 0)
		ret = rules_check(config, marks, err);
	if (ret == 0 && config->rule_count == 0)
		rules_default(config);
	return ret;
}
