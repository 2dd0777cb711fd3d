/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_daemon.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "doorbell.h"
#include "fake_priv.h"

struct running {
	struct fake_daemon d;
	pthread_t thread;
};

/* --- start and end --- */

static int
listen_at(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path) + 1);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&un, sizeof un) != 0 || listen(fd, 32) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
rule_parse(struct fake_daemon *d, const char *rule)
{
	char text[SAN_IP_TEXT_MAX + 4], *slash;

	if (rule == NULL)
		return 0;
	if (strlen(rule) >= sizeof text)
		return -1;
	memcpy(text, rule, strlen(rule) + 1);
	slash = strchr(text, '/');
	if (slash == NULL)
		return -1;
	*slash = 0;
	if (san_ip_parse(text, &d->net) != 0)
		return -1;
	d->net_bits = (unsigned)strtoul(slash + 1, NULL, 10) + (san_ip_is_v4(&d->net) ? 96 : 0);
	return d->net_bits <= 128 ? 0 : -1;
}

static int
daemon_init(struct fake_daemon *d, const struct fake_options *opt)
{
	memset(d, 0, sizeof *d);
	d->opt = *opt;
	if (d->opt.socks == 0)
		d->opt.socks = 256;
	if (d->opt.ring_bytes == 0)
		d->opt.ring_bytes = 65536;
	for (unsigned i = 0; i < sizeof d->guest / sizeof d->guest[0]; i++)
		d->guest[i].fd = -1;
	if (rule_parse(d, opt->rule) != 0) {
		errno = EINVAL;
		return -1;
	}
	d->listen_fd = listen_at(opt->socket);
	if (d->listen_fd < 0)
		return -1;
	for (unsigned i = 0; i < FAKE_POLLS; i++)
		d->bell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return 0;
}

static void
daemon_fini(struct fake_daemon *d)
{
	for (unsigned i = 0; i < FAKE_SESSIONS; i++) {
		struct fake_session *s = &d->session[i];

		if (!s->used)
			continue;
		atomic_store(&fake_region(s)->daemon_gone, 1);
		fake_sock_wake_all(s);
		fake_session_destroy(s);
	}
	for (unsigned i = 0; i < sizeof d->guest / sizeof d->guest[0]; i++)
		if (d->guest[i].fd >= 0)
			close(d->guest[i].fd);
	for (unsigned i = 0; i < FAKE_POLLS; i++)
		close(d->bell[i]);
	close(d->listen_fd);
	unlink(d->opt.socket);
}

/* --- the loop --- */

static bool
serve(struct fake_session *s)
{
	uint32_t slots[64];
	bool worked = false;

	for (unsigned i = 0; i < FAKE_POLLS; i++) {
		struct shm_doorbell *bell = &fake_region(s)->doorbell[i];
		unsigned n =
		    shm_doorbell_pending(bell) ? shm_doorbell_serve(bell, s->socks, slots, 64) : 0;

		for (unsigned k = 0; k < n; k++)
			fake_sock_look(s, slots[k]);
		atomic_fetch_add_explicit(&s->daemon->doorbells, n, memory_order_relaxed);
		worked |= n > 0;
	}
	return fake_sock_pump(s) || worked;
}

static bool
serve_all(struct fake_daemon *d)
{
	bool move = atomic_load(&d->want_moved) != d->moved, worked = false;
	int err = atomic_load(&d->break_err);

	d->moved ^= move;

	for (unsigned i = 0; i < FAKE_SESSIONS; i++) {
		struct fake_session *s = &d->session[i];

		if (!s->used)
			continue;
		if (err != 0)
			fake_sock_break(s, err);
		if (move)
			fake_session_net(s);
		worked |= serve(s);
		fake_session_reap(s);
	}
	if (err != 0)
		atomic_store(&d->break_err, 0);
	if (move)
		atomic_store(&d->move_seen, d->moved);
	return worked;
}

/* Everything that can wake it. Who each entry is follows from the order. */
static unsigned
fds_fill(struct fake_daemon *d, struct pollfd *p)
{
	unsigned n = 0;

	p[n++] = (struct pollfd){d->listen_fd, POLLIN, 0};
	for (unsigned i = 0; i < FAKE_POLLS; i++)
		p[n++] = (struct pollfd){d->bell[i], POLLIN, 0};
	for (unsigned i = 0; i < sizeof d->guest / sizeof d->guest[0]; i++)
		p[n++] = (struct pollfd){d->guest[i].fd, POLLIN, 0};
	for (unsigned i = 0; i < FAKE_SESSIONS; i++)
		for (unsigned a = 0; d->session[i].used && a < SAN_ATTACH_MAX; a++)
			if (d->session[i].process[a].fd >= 0)
				p[n++] = (struct pollfd){d->session[i].process[a].fd, POLLIN, 0};
	return n;
}

static void
control(struct fake_daemon *d, int wait_ms)
{
	static __thread struct pollfd p[1 + FAKE_POLLS + 16 + 4096];
	uint64_t count;
	unsigned n = fds_fill(d, p);

	if (poll(p, n, wait_ms) <= 0)
		return;
	if (p[0].revents != 0)
		fake_guest_new(d);
	for (unsigned i = 0; i < FAKE_POLLS; i++)
		if (p[1 + i].revents != 0)
			(void)!read(d->bell[i], &count, sizeof count);
	for (unsigned i = 0; i < sizeof d->guest / sizeof d->guest[0]; i++)
		if (d->guest[i].fd >= 0)
			fake_guest_message(d, i);
	for (unsigned i = 0; i < FAKE_SESSIONS; i++)
		for (unsigned a = 0; d->session[i].used && a < SAN_ATTACH_MAX; a++)
			if (d->session[i].process[a].fd >= 0)
				fake_process_message(&d->session[i], a);
}

/* Ask for doorbells, say that we sleep, look once more, sleep. */
static void
nap(struct fake_daemon *d)
{
	bool quiet = true;

	for (unsigned i = 0; i < FAKE_SESSIONS; i++) {
		struct fake_session *s = &d->session[i];

		if (!s->used)
			continue;
		fake_sock_ask_doorbells(s);
		for (unsigned b = 0; b < FAKE_POLLS; b++)
			quiet &= shm_doorbell_nap(&fake_region(s)->doorbell[b]);
	}
	if (quiet && !serve_all(d))
		control(d, 100);
	for (unsigned i = 0; i < FAKE_SESSIONS; i++)
		for (unsigned b = 0; d->session[i].used && b < FAKE_POLLS; b++)
			shm_doorbell_awake(&fake_region(&d->session[i])->doorbell[b]);
}

static void
loop(struct fake_daemon *d, const int *stop)
{
	uint32_t idle = 0, round = 0;

	while (!atomic_load_explicit(&d->stop, memory_order_relaxed) &&
	       (stop == NULL || !__atomic_load_n(stop, __ATOMIC_RELAXED))) {
		if (serve_all(d))
			idle = 0;
		else
			idle++;
		if (++round % 256 == 0)
			control(d, 0);
		if (idle > d->opt.idle_yields && !d->opt.poll_always)
			nap(d);
		else if (idle > 0 && !d->opt.poll_always)
			sched_yield();
	}
}

static void *
run(void *arg)
{
	struct running *r = arg;

	loop(&r->d, NULL);
	return NULL;
}

struct fake_daemon *
fake_start(const struct fake_options *opt)
{
	struct running *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	if (daemon_init(&r->d, opt) != 0 || pthread_create(&r->thread, NULL, run, r) != 0) {
		free(r);
		return NULL;
	}
	return &r->d;
}

void
fake_stop(struct fake_daemon *d)
{
	struct running *r = (struct running *)d;

	const uint64_t one = 1;

	atomic_store(&d->stop, 1);
	(void)!write(d->bell[0], &one, sizeof one);
	pthread_join(r->thread, NULL);
	daemon_fini(d);
	free(r);
}

int
fake_run(const struct fake_options *opt, const int *stop)
{
	struct fake_daemon *d = calloc(1, sizeof *d);

	if (d == NULL)
		return -ENOMEM;
	if (daemon_init(d, opt) != 0) {
		int err = errno;

		free(d);
		return -err;
	}
	loop(d, stop);
	daemon_fini(d);
	free(d);
	return 0;
}

uint32_t
fake_slots_used(struct fake_daemon *d)
{
	return atomic_load(&d->slots_used);
}

uint32_t
fake_sessions(struct fake_daemon *d)
{
	return atomic_load(&d->sessions);
}

uint32_t
fake_attached(struct fake_daemon *d)
{
	return atomic_load(&d->attached);
}

uint64_t
fake_doorbells(struct fake_daemon *d)
{
	return atomic_load(&d->doorbells);
}

void
fake_hold_data(struct fake_daemon *d, bool hold)
{
	atomic_store(&d->hold, hold);
}

void
fake_break_all(struct fake_daemon *d, int err)
{
	atomic_store(&d->break_err, err);
	while (atomic_load(&d->break_err) != 0)
		sched_yield();
}

void
fake_address_add(struct fake_daemon *d, bool add)
{
	atomic_store(&d->want_moved, add);
	while (atomic_load(&d->move_seen) != add)
		sched_yield();
}

void
fake_memories(struct fake_daemon *d, uint32_t *in_heap, uint32_t *outside)
{
	*in_heap = atomic_load(&d->in_heap);
	*outside = atomic_load(&d->outside);
}
