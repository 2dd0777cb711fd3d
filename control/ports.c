/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "change.h"
#include "daemon_priv.h"
#include "log.h"
#include "port.h"
#include "rules.h"
#include "san_err.h"

#define LINK_LOOK SAN_DURATION_MS(100)

/* Tell the engines what the port is like now. */
static void
port_publish(struct daemon *d, uint16_t port)
{
	struct ports *p = &d->ports;
	struct netio_port now = {.open = true};
	struct port_info info;

	if (port_info_get(port, &info) != 0)
		return;
	now.up = p->wanted[port] && info.link_up;
	memcpy(now.mac, info.mac, sizeof now.mac);
	now.vlan = d->config.port[port].vlan;
	now.mtu = info.mtu;
	now.pmtu = roce_pmtu_from_mtu(info.mtu);
	now.speed_mbps = info.speed_mbps;
	netio_port_update(d, port, &now);
}

static void
link_look(struct daemon *d)
{
	for (uint16_t i = 0; i < d->ports.count; i++) {
		bool up;

		if (!port_link_changed(i, &up))
			continue;
		log_notice(
		    "port %u (%s): link is %s", i, d->config.port[i].name, up ? "up" : "down");
		port_publish(d, i);
	}
}

static void
link_timer(struct loop_timer *t)
{
	struct daemon *d = t->owner;

	link_look(d);
	loop_timer_set(d->loop, t, san_time_add(loop_now(), LINK_LOOK));
}

static void
link_event(struct loop_source *s, uint32_t events)
{
	uint64_t count;

	(void)events;
	(void)!read(s->fd, &count, sizeof count);
	link_look(s->owner);
}

static void
poll_tell(struct daemon *d, uint16_t port, enum poll_cmd_type type)
{
	const struct poll_cmd cmd = {.type = (uint16_t)type, .port = port};

	pollers_put(d, pollers_of_port(d, port), &cmd);
}

int
ports_start(struct daemon *d, uint16_t port)
{
	int err;

	if (port >= d->ports.count)
		return SAN_ENOENT;
	if (d->ports.quieting[port])
		return SAN_EAGAIN; /* still being stopped */
	if (d->ports.wanted[port])
		return 0;
	err = port_start(port);
	if (err != 0)
		return err;
	d->ports.wanted[port] = true;
	poll_tell(d, port, POLL_CMD_PORT_UP);
	port_publish(d, port);
	rules_changed(d);
	return 0;
}

int
ports_stop(struct daemon *d, uint16_t port)
{
	if (port >= d->ports.count)
		return SAN_ENOENT;
	if (!d->ports.wanted[port])
		return 0;
	d->ports.wanted[port] = false;
	d->ports.quieting[port] = true;
	port_publish(d, port);
	poll_tell(d, port, POLL_CMD_PORT_DOWN);
	rules_changed(d);
	return 0;
}

int
ports_address_set(struct daemon *d, uint16_t port, const char *text, char *why, size_t why_size)
{
	int err;

	if (port >= d->ports.count) {
		snprintf(why, why_size, "there is no such port");
		return SAN_ENOENT;
	}
	err = config_address_set(&d->config, port, text, why, why_size);
	if (err != 0)
		return err;
	log_notice("port %u (%s): address is %s", port, d->config.port[port].name, text);
	port_publish(d, port);
	rules_changed(d);
	return 0;
}

void
ports_quiet(struct daemon *d, uint16_t port)
{
	if (port >= d->ports.count || !d->ports.quieting[port])
		return;
	d->ports.quieting[port] = false;
	if (port_stop(port) != 0)
		log_warning(
		    "port %u (%s): the driver did not stop", port, d->config.port[port].name);
}

static int
one_open(struct daemon *d, uint16_t port, char *why, size_t why_size)
{
	const struct config_port *c = &d->config.port[port];
	struct port_params params = {
	    .name = c->name,
	    .device = c->device,
	    .mtu = c->mtu,
	    .vlan = c->vlan,
	};
	int err;

	memcpy(params.mac, c->mac, sizeof params.mac);
	err = port_open(port, &params, why, why_size);
	if (err != 0)
		return err;
	d->ports.count++;
	err = ports_start(d, port);
	if (err != 0)
		snprintf(why, why_size, "port %s: cannot start: %s", c->name, san_err_text(err));
	return err;
}

int
ports_open(struct daemon *d, char *why, size_t why_size)
{
	struct ports *p = &d->ports;

	for (uint32_t i = 0; i < d->config.port_count; i++) {
		int err = one_open(d, (uint16_t)i, why, why_size);

		if (err != 0)
			return err;
	}
	p->link = (struct loop_source){.fd = port_link_fd(), .handle = link_event, .owner = d};
	if (p->link.fd >= 0 && loop_add(d->loop, &p->link, EPOLLIN) != 0)
		p->link.fd = -1; /* looking every 100 ms does it as well */
	p->look = (struct loop_timer){.handle = link_timer, .owner = d};
	link_timer(&p->look);
	return 0;
}

void
ports_close(struct daemon *d)
{
	struct ports *p = &d->ports;

	loop_timer_clear(d->loop, &p->look);
	if (p->look.handle != NULL && p->link.fd >= 0)
		loop_remove(d->loop, &p->link);
	for (uint16_t i = 0; i < p->count; i++) {
		if (p->wanted[i] || p->quieting[i])
			(void)port_stop(i);
		port_close(i);
	}
	p->count = 0;
}
