/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli_server.h"
#include "counter_base.h"
#include "daemon_life.h"
#include "daemon_priv.h"
#include "log.h"
#include "poll_thread.h"
#include "port.h"
#include "san_err.h"
#include "wake.h"

#define CAPTURE_EVERY SAN_DURATION_MS(5)
#define STOP_LIMIT    SAN_DURATION_S(3) /* for what programs had closed before */
#define OTHER_TIMERS  64u

static void
capture_timer(struct loop_timer *t)
{
	struct daemon *d = t->owner;

	if (!port_capture_running())
		return;
	if (port_capture_poll() != 0) {
		log_error("capture: cannot write the file, stopped");
		(void)port_capture_stop(NULL, NULL);
		return;
	}
	loop_timer_set(d->loop, t, san_time_add(loop_now(), CAPTURE_EVERY));
}

/* Most timers that can be set at once: two per connection, one per socket and process. */
static uint32_t
timers_max(const struct san_config *c)
{
	return 2 * c->connections_max + c->sessions_max * SAN_SOCKS_MAX + ATTACH_STRANGERS_MAX +
	       CLI_SERVER_TIMERS + OTHER_TIMERS;
}

int
daemon_create(const struct san_config *config, struct daemon **out)
{
	struct daemon *d = calloc(1, sizeof *d);
	int err = SAN_ENOMEM;

	if (d == NULL)
		return SAN_ENOMEM;
	d->config = *config;
	d->attach_server.source.fd = -1;
	d->started = loop_now();
	TAILQ_INIT(&d->socks);
	TAILQ_INIT(&d->sweep);
	TAILQ_INIT(&d->leaving);
	d->capture = (struct loop_timer){.handle = capture_timer, .owner = d};
	if (getrandom(&d->nonce.key, sizeof d->nonce.key, 0) != sizeof d->nonce.key) {
		err = SAN_EIO;
		goto free_daemon;
	}
	portnum_init(&d->portnum, (struct prng){nonce_u64(&d->nonce)});
	conn_table_init(&d->conns, config->connections_max, &d->nonce);
	d->loop = loop_create(timers_max(config));
	if (d->loop == NULL)
		goto free_daemon;
	err = netio_open(d);
	if (err != 0)
		goto close_netio;
	*out = d;
	return 0;
close_netio:
	netio_close(d);
	loop_destroy(d->loop);
free_daemon:
	free(d);
	return err;
}

/* What poll threads say, what descriptors and timers say, then free what is finished. */
void
daemon_turn(struct daemon *d, struct san_time until)
{
	bool busy = pollers_drain(d);

	sock_sweep(d);
	if (busy || !poll_control_sleeping(true)) {
		loop_step(d->loop, loop_now());
	} else {
		loop_step(d->loop, until);
		(void)poll_control_sleeping(false);
	}
	sock_sweep(d);
}

void
daemon_run(struct daemon *d)
{
	while (!d->quit)
		daemon_turn(d, SAN_TIME_NEVER);
}

/* Programs learn that we are going; what they still hold is reset, since nobody will carry it on.
 */
static void
programs_dismiss(struct daemon *d)
{
	struct sock *k;

	TAILQ_FOREACH(k, &d->socks, all)
		k->reset = true;
	for (uint32_t i = 0; i < SAN_SESSIONS_MAX; i++) {
		struct session *s = d->session[i];

		if (s == NULL)
			continue;
		/* release: pairs with the program's acquire when it wakes */
		atomic_store_explicit(
		    &region_header(&s->region)->daemon_gone, 1, memory_order_release);
		wake_session(s);
	}
	attach_server_close(d);
}

void
daemon_stop(struct daemon *d)
{
	struct san_time until = san_time_add(loop_now(), STOP_LIMIT);

	d->stopping = true;
	programs_dismiss(d);
	while (d->session_count > 0 && san_time_before(loop_now(), until))
		daemon_turn(d, until);
	if (d->session_count > 0)
		log_notice("%u sockets had not finished closing", d->sock_count);
}

/* After the poll threads have stopped: nothing refers to anything any more. */
static void
leftovers_free(struct daemon *d)
{
	struct sock *k;

	while ((k = TAILQ_FIRST(&d->socks)) != NULL) {
		TAILQ_REMOVE(&d->socks, k, all);
		loop_timer_clear(d->loop, &k->upcalls);
		handover_drop(k);
		free(k->listener);
		free(k->record);
		free(k);
	}
	conn_table_fini(&d->conns);
	for (uint32_t i = 0; i < SAN_SESSIONS_MAX; i++)
		if (d->session[i] != NULL)
			session_destroy(d->session[i]);
}

void
daemon_destroy(struct daemon *d)
{
	if (port_capture_running())
		(void)port_capture_stop(NULL, NULL);
	attach_server_close(d);
	pollers_close(d);
	leftovers_free(d);
	ports_close(d);
	netio_close(d);
	history_clear(&d->history);
	counter_base_free(d);
	loop_destroy(d->loop);
	free(d);
}

/* --- what the operator may do ----------------------------------------------------------------- */

const struct san_config *
daemon_config(const struct daemon *d)
{
	return &d->config;
}

const char *
daemon_version(void)
{
	return SAND_VERSION;
}

const char *
daemon_runtime_dir(const struct daemon *d)
{
	return d->config.runtime_dir;
}

struct loop *
daemon_loop(struct daemon *d)
{
	return d->loop;
}

int
daemon_log_level_set(struct daemon *d, uint32_t level)
{
	if (level >= LOG_LEVEL_COUNT)
		return SAN_EINVAL;
	d->config.log_level = level;
	log_level_set(level);
	return 0;
}

uint32_t
daemon_log_level(const struct daemon *d)
{
	return d->config.log_level;
}

int
daemon_stats_clear(struct daemon *d)
{
	return counter_base_take(d);
}

int
daemon_port_start(struct daemon *d, uint16_t port)
{
	return ports_start(d, port);
}

int
daemon_port_stop(struct daemon *d, uint16_t port)
{
	return ports_stop(d, port);
}

int
daemon_port_address_set(
    struct daemon *d, uint16_t port, const char *text, char *why, size_t why_size)
{
	return ports_address_set(d, port, text, why, why_size);
}

int
daemon_capture_start(struct daemon *d, const char *path, char *why, size_t why_size)
{
	int err = port_capture_start(path, why, why_size);

	if (err != 0) {
		log_warning("capture: %s", why);
		return err;
	}
	loop_timer_set(d->loop, &d->capture, san_time_add(loop_now(), CAPTURE_EVERY));
	return 0;
}

int
daemon_capture_stop(struct daemon *d, uint64_t *frames, uint64_t *dropped)
{
	loop_timer_clear(d->loop, &d->capture);
	return port_capture_stop(frames, dropped);
}

void
daemon_quit(struct daemon *d)
{
	d->quit = true;
}
