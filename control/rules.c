/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules.h"

#include <string.h>
#include <sys/socket.h>

#include "daemon_priv.h"
#include "net.h"
#include "wake.h"

static void
rule_fill(struct shm_rule *out, const struct config_rule *in)
{
	memcpy(out->net, in->net.b, sizeof out->net);
	out->bits = in->bits;
	out->action = in->action;
	out->port_lo = in->port_lo;
	out->port_hi = in->port_hi;
	out->role = in->role;
	strlcpy(out->program, in->program, sizeof out->program);
}

static uint32_t
locals_fill(struct shm_local *out, const struct config_port *p, bool started)
{
	for (uint32_t i = 0; i < p->addr_count; i++) {
		memcpy(out[i].ip, p->addr[i].ip.b, sizeof out[i].ip);
		out[i].started = started;
		out[i].family = san_ip_is_v4(&p->addr[i].ip) ? AF_INET : AF_INET6;
	}
	return p->addr_count;
}

static void
net_fill(const struct daemon *d, struct shm_net *net)
{
	const struct san_config *c = &d->config;

	memset(net, 0, sizeof *net);
	for (uint32_t i = 0; i < c->rule_count; i++)
		rule_fill(&net->rules[i], &c->rule[i]);
	net->rule_count = c->rule_count;
	for (uint32_t i = 0; i < c->port_count; i++)
		net->local_count +=
		    locals_fill(&net->locals[net->local_count], &c->port[i], d->ports.wanted[i]);
}

void
rules_publish(const struct daemon *d, struct shm_region *header)
{
	const struct san_config *c = &d->config;
	struct shm_net net;

	net_fill(d, &net);
	shm_net_write(header, &net);
	header->spin_us = c->profile == CONFIG_PROFILE_SAVER ? 0 : c->idle_spin_us;
	strlcpy(header->daemon_name, c->name, sizeof header->daemon_name);
}

void
rules_changed(struct daemon *d)
{
	struct shm_net net;

	net_fill(d, &net);
	for (uint32_t i = 0; i < SAN_SESSIONS_MAX; i++) {
		struct session *s = d->session[i];

		if (s != NULL && shm_net_write(region_header(&s->region), &net))
			wake_session(s);
	}
}
