/* SPDX-License-Identifier: BSD-3-Clause */
#include "prog.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "doorbell.h"
#include "san_err.h"

#define ANSWER_MS 2000u

uint64_t
prog_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void
prog_pause(struct prog *p)
{
	if (p->pump != NULL)
		p->pump(p->pump_arg);
	else
		usleep(200);
}

/* --- messages --------------------------------------------------------------------------------- */

bool
prog_connect(struct prog *p, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	p->attach = 0;
	p->memfd = -1;
	p->doorbells = 0;
	memset(&p->map, 0, sizeof p->map);
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	p->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return p->fd >= 0 && connect(p->fd, (struct sockaddr *)&sa, sizeof sa) == 0;
}

void
prog_send(struct prog *p, const struct proto_msg *m, size_t len)
{
	(void)!send(p->fd, m, len, MSG_NOSIGNAL);
}

/* 1 a message, 0 hung up, -1 nothing yet */
static int
receive_once(struct prog *p, struct proto_msg *m)
{
	char space[CMSG_SPACE(PROTO_FDS_MAX * sizeof(int))];
	struct iovec iov = {m, sizeof *m};
	struct msghdr h = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
	ssize_t n = recvmsg(p->fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;
	int fds[PROTO_FDS_MAX];
	size_t count = 0;

	if (n < 0)
		return errno == EAGAIN ? -1 : 0;
	if (n == 0)
		return 0;
	c = CMSG_FIRSTHDR(&h);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS) {
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
	}
	for (size_t i = 0; i < count; i++) {
		if (m->type == PROTO_ATTACH_OK && i == 0)
			p->memfd = fds[i];
		else if (m->type == PROTO_ATTACH_OK)
			p->doorbell[p->doorbells++] = fds[i];
		else
			p->doorbell[SAN_POLLS_MAX - 1] = fds[i]; /* WAKE_OK: the test looks there */
	}
	return 1;
}

bool
prog_receive(struct prog *p, struct proto_msg *m)
{
	uint64_t until = prog_now_ms() + ANSWER_MS;
	int got;

	while ((got = receive_once(p, m)) < 0 && prog_now_ms() < until)
		prog_pause(p);
	return got > 0;
}

bool
prog_hung_up(struct prog *p)
{
	uint64_t until = prog_now_ms() + ANSWER_MS;
	struct proto_msg m;
	int got;

	while ((got = receive_once(p, &m)) != 0 && prog_now_ms() < until)
		prog_pause(p);
	return got == 0;
}

struct proto_msg
prog_msg(const struct prog *p, uint32_t type)
{
	return (struct proto_msg){
	    .magic = PROTO_MAGIC,
	    .version = PROTO_VERSION,
	    .type = type,
	    .attach = p->attach,
	    .session = p->map.session,
	    .program = "prog",
	};
}

bool
prog_attach(struct prog *p, const char *path, const char *name)
{
	struct proto_msg m;

	if (!prog_connect(p, path))
		return false;
	m = prog_msg(p, PROTO_ATTACH);
	snprintf(m.program, sizeof m.program, "%s", name);
	prog_send(p, &m, sizeof m);
	if (!prog_receive(p, &m) || m.type != PROTO_ATTACH_OK || p->memfd < 0)
		return false;
	p->attach = m.attach;
	return shm_map_open(&p->map, p->memfd) == 0;
}

bool
prog_fork(struct prog *child, const struct prog *parent, const char *path)
{
	struct proto_msg m;

	child->pump = parent->pump;
	child->pump_arg = parent->pump_arg;
	if (!prog_connect(child, path))
		return false;
	m = prog_msg(parent, PROTO_FORK);
	prog_send(child, &m, sizeof m);
	if (!prog_receive(child, &m) || m.type != PROTO_FORK_OK)
		return false;
	child->attach = m.attach;
	child->doorbells = parent->doorbells;
	for (uint32_t i = 0; i < parent->doorbells; i++)
		child->doorbell[i] = dup(parent->doorbell[i]);
	child->memfd = dup(parent->memfd);
	return shm_map_open(&child->map, child->memfd) == 0;
}

void
prog_die(struct prog *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	if (p->memfd >= 0)
		close(p->memfd);
	p->memfd = -1;
	for (uint32_t i = 0; i < p->doorbells; i++)
		close(p->doorbell[i]);
	p->doorbells = 0;
	if (p->map.region != NULL)
		shm_map_close(&p->map);
}

bool
prog_sync(struct prog *p, uint32_t slot)
{
	struct proto_msg m = prog_msg(p, PROTO_SYNC);

	m.arg = slot;
	prog_send(p, &m, sizeof m);
	return prog_receive(p, &m) && m.type == PROTO_SYNC_OK;
}

void
prog_ring(struct prog *p, uint32_t slot)
{
	/* A test may have written anything there. */
	uint32_t poll = atomic_load(&prog_slot(p, slot)->poll_id) % p->doorbells;

	shm_doorbell_ring(&p->map.region->doorbell[poll], p->doorbell[poll], slot);
}

/* --- sockets ---------------------------------------------------------------------------------- */

struct shm_addr
prog_addr(const char *ip, uint16_t port)
{
	struct shm_addr a = {.port = port};
	struct san_ip parsed = {{0}};

	(void)san_ip_parse(ip, &parsed);
	memcpy(a.ip, parsed.b, sizeof a.ip);
	a.family = san_ip_is_v4(&parsed) ? AF_INET : AF_INET6;
	return a;
}

struct shm_sock *
prog_slot(const struct prog *p, uint32_t slot)
{
	return &p->map.sock[slot];
}

void
prog_hold(struct prog *p, uint32_t slot)
{
	atomic_fetch_or(&p->map.attach[p->attach].holds[slot / 64], 1ull << (slot % 64));
}

void
prog_unhold(struct prog *p, uint32_t slot)
{
	atomic_fetch_and(&p->map.attach[p->attach].holds[slot / 64], ~(1ull << (slot % 64)));
}

int
prog_take(struct prog *p)
{
	for (uint32_t i = 0; i < p->map.socks / 2; i++) {
		struct shm_sock *k = prog_slot(p, i);
		uint32_t none = 0;

		if (atomic_load(&k->state) != SHM_STATE_FREE || atomic_load(&k->app_flags) != 0)
			continue;
		prog_hold(p, i);
		if (atomic_compare_exchange_strong(&k->app_flags, &none, SHM_APP_TAKEN))
			return (int)i;
		prog_unhold(p, i);
	}
	return -1;
}

void
prog_command(struct prog *p, uint32_t slot, enum shm_cmd cmd, uint32_t arg,
    const struct shm_addr *local, const struct shm_addr *peer)
{
	struct shm_sock *k = prog_slot(p, slot);

	k->cmd = cmd;
	k->cmd_arg = arg;
	k->type = p->type;
	k->local = local != NULL ? *local : (struct shm_addr){.family = 0};
	k->peer = peer != NULL ? *peer : (struct shm_addr){.family = 0};
	atomic_fetch_add(&k->cmd_seq, 1);
}

int
prog_sock_connect(struct prog *p, const char *ip, uint16_t port)
{
	struct shm_addr peer = prog_addr(ip, port);
	int slot = prog_take(p);

	if (slot < 0)
		return -1;
	prog_command(p, (uint32_t)slot, SHM_CMD_CONNECT, 0, NULL, &peer);
	prog_ring(p, (uint32_t)slot);
	return slot;
}

int
prog_sock_listen(struct prog *p, const char *ip, uint16_t port, uint32_t backlog)
{
	struct shm_addr local = prog_addr(ip, port);
	int slot = prog_take(p);

	if (slot < 0)
		return -1;
	prog_command(p, (uint32_t)slot, SHM_CMD_LISTEN, backlog, &local, NULL);
	prog_ring(p, (uint32_t)slot);
	return slot;
}

enum shm_state
prog_state(const struct prog *p, uint32_t slot)
{
	return (enum shm_state)atomic_load(&prog_slot(p, slot)->state);
}

bool
prog_wait_state(struct prog *p, uint32_t slot, enum shm_state s, uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;

	while (prog_state(p, slot) != s && prog_now_ms() < until)
		prog_pause(p);
	return prog_state(p, slot) == s;
}

int
prog_wait_connect(struct prog *p, uint32_t slot, uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;

	while (prog_now_ms() < until) {
		if (prog_state(p, slot) == SHM_STATE_CONNECTED)
			return 0;
		if (prog_state(p, slot) == SHM_STATE_FAILED)
			return atomic_load(&prog_slot(p, slot)->ctl_err);
		prog_pause(p);
	}
	return SAN_EAGAIN;
}

int
prog_accept(struct prog *p, uint32_t listener, uint32_t ms)
{
	struct byte_ring ring = shm_map_rx(&p->map, listener);
	struct shm_sock *k = prog_slot(p, listener);
	uint64_t until = prog_now_ms() + ms;
	uint32_t head = atomic_load(&k->rx_head), slot;

	while (atomic_load(&k->rx_tail) == head) {
		if (prog_now_ms() >= until)
			return -1;
		prog_pause(p);
	}
	byte_ring_read(&ring, head, &slot, sizeof slot);
	prog_hold(p, slot);
	atomic_store(&k->rx_head, head + (uint32_t)sizeof slot);
	return (int)slot;
}

void
prog_close(struct prog *p, uint32_t slot, uint32_t flags)
{
	atomic_fetch_or(&prog_slot(p, slot)->app_flags, SHM_APP_CLOSED | flags);
	prog_unhold(p, slot);
	prog_ring(p, slot);
}

void
prog_shut(struct prog *p, uint32_t slot)
{
	atomic_fetch_or(&prog_slot(p, slot)->app_flags, SHM_APP_SHUT_WR);
	prog_ring(p, slot);
}

uint32_t
prog_gen(const struct prog *p, uint32_t slot)
{
	return atomic_load(&prog_slot(p, slot)->gen);
}

bool
prog_wait_freed(struct prog *p, uint32_t slot, uint32_t gen, uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;

	while (prog_gen(p, slot) == gen && prog_now_ms() < until)
		prog_pause(p);
	return prog_gen(p, slot) != gen;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void
ring_if_needed(struct prog *p, uint32_t slot, uint32_t need)
{
	struct shm_sock *k = prog_slot(p, slot);

	atomic_thread_fence(memory_order_seq_cst);
	if ((atomic_fetch_and(&k->need, ~need) & need) != 0)
		prog_ring(p, slot);
}

uint32_t
prog_write(struct prog *p, uint32_t slot, const void *buf, uint32_t len)
{
	struct byte_ring ring = shm_map_tx(&p->map, slot);
	struct shm_sock *k = prog_slot(p, slot);
	uint32_t tail = atomic_load(&k->tx_tail),
		 room = ring.size - (tail - atomic_load(&k->tx_head));

	if (len > room)
		len = room;
	if (len == 0)
		return 0;
	byte_ring_write(&ring, tail, buf, len);
	atomic_store(&k->tx_tail, tail + len);
	ring_if_needed(p, slot, SHM_NEED_TX);
	return len;
}

uint32_t
prog_read(struct prog *p, uint32_t slot, void *buf, uint32_t len)
{
	struct byte_ring ring = shm_map_rx(&p->map, slot);
	struct shm_sock *k = prog_slot(p, slot);
	uint32_t head = atomic_load(&k->rx_head), used = atomic_load(&k->rx_tail) - head;

	if (len > used)
		len = used;
	if (len == 0)
		return 0;
	byte_ring_read(&ring, head, buf, len);
	atomic_store(&k->rx_head, head + len);
	ring_if_needed(p, slot, SHM_NEED_RX);
	return len;
}

bool
prog_write_all(struct prog *p, uint32_t slot, const void *buf, uint32_t len, uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;
	uint32_t done = 0;

	while (done < len && prog_now_ms() < until) {
		uint32_t n = prog_write(p, slot, (const uint8_t *)buf + done, len - done);

		done += n;
		if (n == 0)
			prog_pause(p);
	}
	return done == len;
}

bool
prog_read_all(struct prog *p, uint32_t slot, void *buf, uint32_t len, uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;
	uint32_t done = 0;

	while (done < len && prog_now_ms() < until) {
		uint32_t n = prog_read(p, slot, (uint8_t *)buf + done, len - done);

		done += n;
		if (n == 0)
			prog_pause(p);
	}
	return done == len;
}

bool
prog_wait_wire(struct prog *p, uint32_t slot, uint32_t bits, uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;

	while (
	    (atomic_load(&prog_slot(p, slot)->wire_flags) & bits) != bits && prog_now_ms() < until)
		prog_pause(p);
	return (atomic_load(&prog_slot(p, slot)->wire_flags) & bits) == bits;
}
