/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules.h"

#include <string.h>
#include <sys/socket.h>

#include "daemon_priv.h"

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
locals_fill(struct shm_addr *out, const struct config_port *p)
{
	for (uint32_t i = 0; i < p->addr_count; i++) {
		memcpy(out[i].ip, p->addr[i].ip.b, sizeof out[i].ip);
		out[i].family = san_ip_is_v4(&p->addr[i].ip) ? AF_INET : AF_INET6;
	}
	return p->addr_count;
}

void
rules_publish(const struct daemon *d, struct shm_region *header)
{
	const struct san_config *c = &d->config;

	for (uint32_t i = 0; i < c->rule_count; i++)
		rule_fill(&header->rules[i], &c->rule[i]);
	header->rule_count = c->rule_count;
	header->local_count = 0;
	for (uint32_t i = 0; i < c->port_count; i++)
		header->local_count +=
		    locals_fill(&header->locals[header->local_count], &c->port[i]);
	header->spin_us = c->profile == CONFIG_PROFILE_SAVER ? 0 : c->idle_spin_us;
	strlcpy(header->daemon_name, c->name, sizeof header->daemon_name);
}
