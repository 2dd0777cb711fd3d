/* SPDX-License-Identifier: BSD-3-Clause */
#include "pollers.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "daemon_priv.h"
#include "eal.h"
#include "log.h"
#include "poll_thread.h"
#include "san_err.h"

#define DRAIN_BURST   256 /* events per poll thread and turn: sockets and timers want theirs */
#define BACKLOG_FIRST 64u
#define KEPT_PART     4u /* of the packet memory, for all threads: the rest stays with the NICs */

static void
wake_handle(struct loop_source *s, uint32_t events)
{
	(void)s;
	(void)events;
	/* What woke us is taken by pollers_drain, the eventfd is emptied by
	 * poll_control_sleeping(false). */
}

static struct poll_params
params(const struct daemon *d, unsigned lcore, unsigned threads)
{
	const struct san_config *c = &d->config;
	bool saver = c->profile == CONFIG_PROFILE_SAVER;
	struct eal_frame_pool_info pool;

	eal_frame_pool_info(&pool);
	return (struct poll_params){
	    .lcore = lcore,
	    .cpu = eal_lcore_cpu(lcore),
	    .core_shared = eal_lcore_shared(lcore),
	    .conns_max = c->connections_max,
	    .frames_kept_max = pool.frames / KEPT_PART / threads,
	    .idle_spin = saver ? SAN_DURATION_US(0) : SAN_DURATION_US(c->idle_spin_us),
	    .idle_yield = saver ? SAN_DURATION_US(0) : SAN_DURATION_US(c->idle_yield_us),
	    .keepalive = SAN_DURATION_MS(c->keepalive_ms),
	    .nap_max = SAN_DURATION_US(c->profile == CONFIG_PROFILE_LATENCY ? 0 : c->nap_max_us),
	};
}

int
pollers_open(struct daemon *d)
{
	struct pollers *p = &d->pollers;
	unsigned lcore[SAN_POLLS_MAX], n = eal_workers(lcore, SAN_POLLS_MAX);
	int err = 0;

	if (n > SAN_POLLS_MAX)
		n = SAN_POLLS_MAX;
	if (n == 0)
		return SAN_ENOENT;
	for (unsigned i = 0; i < n && err == 0; i++) {
		struct poll_params q = params(d, lcore[i], n);

		err = poll_create(i, &q);
		if (err != 0)
			break;
		p->core_shared[i] = q.core_shared;
		p->count++;
	}
	if (err != 0) {
		while (p->count > 0)
			poll_destroy(--p->count);
		return err;
	}
	p->wake = (struct loop_source){.fd = poll_control_fd(), .handle = wake_handle, .owner = d};
	return loop_add(d->loop, &p->wake, EPOLLIN);
}

int
pollers_launch(struct daemon *d)
{
	for (uint32_t i = 0; i < d->pollers.count; i++) {
		int err = poll_launch(i);

		if (err != 0)
			return err;
		d->pollers.launched++;
	}
	return 0;
}

void
pollers_close(struct daemon *d)
{
	struct pollers *p = &d->pollers;
	const struct poll_cmd stop = {.type = POLL_CMD_STOP};

	if (p->count == 0)
		return;
	for (uint32_t i = 0; i < p->launched; i++) {
		pollers_put(d, i, &stop);
		while (p->backlog[i].count > 0) {
			pollers_drain(d);
			sched_yield();
		}
		poll_join(i);
	}
	pollers_drain(d); /* frames on their way up are freed */
	loop_remove(d->loop, &p->wake);
	for (uint32_t i = 0; i < p->count; i++) {
		poll_destroy(i);
		free(p->backlog[i].cmd);
	}
	p->count = p->launched = 0;
}

int
pollers_doorbell_fd(const struct daemon *d, uint32_t poll)
{
	(void)d;
	return poll_doorbell_fd(poll);
}

uint32_t
pollers_of_port(const struct daemon *d, uint16_t port)
{
	return port % d->pollers.count;
}

static bool
backlog_grow(struct pollers_backlog *b)
{
	uint32_t size = b->size == 0 ? BACKLOG_FIRST : 2 * b->size;
	struct poll_cmd *cmd = reallocarray(NULL, size, sizeof cmd[0]);

	if (cmd == NULL)
		return false;
	for (uint32_t i = 0; i < b->count; i++)
		cmd[i] = b->cmd[(b->head + i) & (b->size - 1)];
	free(b->cmd);
	*b = (struct pollers_backlog){.cmd = cmd, .head = 0, .count = b->count, .size = size};
	return true;
}

static void
backlog_flush(struct daemon *d, uint32_t poll)
{
	struct pollers_backlog *b = &d->pollers.backlog[poll];

	while (b->count > 0 && poll_cmd_put(poll, &b->cmd[b->head]) == 0) {
		b->head = (b->head + 1) & (b->size - 1);
		b->count--;
	}
}

void
pollers_put(struct daemon *d, uint32_t poll, const struct poll_cmd *cmd)
{
	struct pollers_backlog *b = &d->pollers.backlog[poll];

	backlog_flush(d, poll);
	if (b->count == 0 && poll_cmd_put(poll, cmd) == 0)
		return;
	while (b->count == b->size && !backlog_grow(b)) {
		/* No memory: the poll thread takes commands all the time, so room comes. */
		sched_yield();
		backlog_flush(d, poll);
	}
	b->cmd[(b->head + b->count++) & (b->size - 1)] = *cmd;
}

void
pollers_put_all(struct daemon *d, const struct poll_cmd *cmd)
{
	for (uint32_t i = 0; i < d->pollers.count; i++)
		pollers_put(d, i, cmd);
}

static void
session_gone(struct daemon *d, const struct poll_event *ev)
{
	struct session *s = session_find(d, ev->sock.session);

	if (s != NULL && s->state == SESSION_QUIET)
		session_poll_gone(s);
}

static void
event_handle(struct daemon *d, const struct poll_event *ev)
{
	switch ((enum poll_event_type)ev->type) {
	case POLL_EV_SOCK_CMD:
		sock_command(d, ev);
		break;
	case POLL_EV_SOCK_FLAGS:
		sock_flags(d, ev->sock.session, ev->sock.slot, ev->sock.gen, ev->app_flags);
		break;
	case POLL_EV_SOCK_SYNC:
		break;
	case POLL_EV_CONN_OPENED:
		conn_opened(d, ev);
		break;
	case POLL_EV_CONN_EVENT:
		conn_event(d, ev);
		break;
	case POLL_EV_CONN_FREED:
		conn_freed(d, ev);
		break;
	case POLL_EV_FRAME_RX:
		netio_frame_receive(d, ev->port, ev->frame);
		break;
	case POLL_EV_SESSION_GONE:
		session_gone(d, ev);
		break;
	case POLL_EV_MEM_DONE:
		attach_memory_done(d, ev);
		break;
	case POLL_EV_PORT_QUIET:
		ports_quiet(d, ev->port);
		break;
	}
}

bool
pollers_drain(struct daemon *d)
{
	bool any = false;

	for (uint32_t i = 0; i < d->pollers.count; i++) {
		struct poll_event ev;

		for (int n = 0; n < DRAIN_BURST && poll_event_get(i, &ev); n++) {
			event_handle(d, &ev);
			any = true;
		}
		backlog_flush(d, i);
		/* A ring that is full makes no noise when it has room again. */
		any = any || d->pollers.backlog[i].count > 0;
	}
	return any;
}
