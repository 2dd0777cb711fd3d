/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "own_fd.h"
#include "provider.h"
#include "wsp_sys.h"

#define LINK_LIMIT_MS 1000

struct reply {
	struct proto_msg msg;
	int fds[PROTO_FDS_MAX];
	unsigned fd_count;
};

static void
reply_close(struct reply *r)
{
	for (unsigned i = 0; i < r->fd_count; i++)
		sys_close(r->fds[i]);
	r->fd_count = 0;
}

/* Where the daemon listens. False if the name does not fit a socket address. */
static bool
address(struct sockaddr_un *un)
{
	const char *path = secure_getenv(SAND_SOCKET_ENV);
	size_t len;

	if (path == NULL || *path == 0)
		path = SAND_SOCKET_DEFAULT;
	memset(un, 0, sizeof *un);
	un->sun_family = AF_UNIX;
	len = strlen(path);
	if (len >= sizeof un->sun_path)
		return false;
	memcpy(un->sun_path, path, len + 1);
	return true;
}

static int
link_open(uint64_t until_ms)
{
	const struct timespec pause = {0, 1000000};
	struct sockaddr_un un;
	int fd;

	if (!address(&un))
		return SAN_ENOENT;
	fd = sys_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return SAN_ELIMIT;
	while (sys_connect(fd, (const struct sockaddr *)&un, sizeof un) != 0) {
		/* EAGAIN: its accept queue is full for the moment. Everything else: nobody is
		 * there. */
		if ((errno != EAGAIN && errno != EINTR) || prov_now_ms() >= until_ms) {
			int err = errno == EACCES ? SAN_EPERM : SAN_ENOENT;

			sys_close(fd);
			return err;
		}
		syscall(SYS_nanosleep, &pause, NULL);
	}
	return sys_fd_hide(fd);
}

/* With the descriptor `pass`, unless it is -1. */
static int
msg_send(int fd, const struct proto_msg *m, int pass)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof pass),
			 .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {(void *)(uintptr_t)m, sizeof *m};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	if (pass >= 0) {
		memcpy(CMSG_DATA(&control.head), &pass, sizeof pass);
		mh.msg_control = &control;
		mh.msg_controllen = sizeof control.bytes;
	}
	return sys_sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof *m
		   ? 0
		   : SAN_ENETDOWN;
}

static void
take_fds(struct reply *r, struct msghdr *mh)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (r->fd_count < PROTO_FDS_MAX)
				r->fds[r->fd_count++] = sys_fd_hide(fd);
			else
				sys_close(fd);
		}
	}
}

static int
msg_receive(int fd, struct reply *r)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * PROTO_FDS_MAX)];
	} control;
	struct iovec iov = {&r->msg, sizeof r->msg};
	struct msghdr mh = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	ssize_t n = sys_recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? SAN_EAGAIN : SAN_ENETDOWN;
	take_fds(r, &mh);
	if (n == 0)
		return SAN_ENETDOWN;
	if (n != (ssize_t)sizeof r->msg || (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    r->msg.magic != PROTO_MAGIC)
		return SAN_EPROTO;
	return r->msg.version == PROTO_VERSION ? 0 : SAN_EVERSION;
}

/* Send a request, with the descriptor `pass` unless it is -1, and wait for its answer of type
 * `want` with so many descriptors. On success they are the caller's, on failure there are none. */
static int
ask_with(int fd, struct proto_msg *m, int pass, uint32_t want, unsigned fds_min, unsigned fds_max,
    struct reply *r)
{
	uint64_t until = prov_now_ms() + LINK_LIMIT_MS, now;
	int err;

	m->magic = PROTO_MAGIC;
	m->version = PROTO_VERSION;
	/* An answer to an earlier request that timed out is not ours. */
	do {
		memset(r, 0, sizeof *r);
		err = msg_receive(fd, r);
		reply_close(r);
	} while (err != SAN_EAGAIN && err != SAN_ENETDOWN);
	err = msg_send(fd, m, pass);
	while (err == 0) {
		struct pollfd p = {fd, POLLIN, 0};

		now = prov_now_ms();
		if (now >= until)
			return SAN_ETIMEDOUT;
		(void)sys_poll(&p, 1, (int)(until - now));
		err = msg_receive(fd, r);
		if (err == SAN_EAGAIN) {
			err = 0;
			continue;
		}
		break;
	}
	if (err == 0 && r->msg.type == PROTO_REFUSED)
		err = r->msg.err < 0 ? r->msg.err : SAN_EPROTO;
	else if (err == 0 &&
		 (r->msg.type != want || r->fd_count < fds_min || r->fd_count > fds_max))
		err = SAN_EPROTO;
	if (err != 0)
		reply_close(r);
	return err;
}

static int
ask(int fd, struct proto_msg *m, uint32_t want, unsigned fds_min, unsigned fds_max, struct reply *r)
{
	return ask_with(fd, m, -1, want, fds_min, fds_max, r);
}

static void
program_name(void)
{
	const char *name = program_invocation_short_name;
	size_t n = strnlen(name, sizeof prov.program - 1);

	memcpy(prov.program, name, n);
	prov.program[n] = 0;
}

/* The region and one doorbell per poll thread; takes over the reply's descriptors. */
static int
adopt(struct reply *r, int fd)
{
	int err = shm_map_open(&prov.map, r->fds[0]);

	if (err == 0 && (r->fd_count != 1 + prov.map.polls || r->msg.attach >= SAN_ATTACH_MAX)) {
		shm_map_close(&prov.map);
		err = SAN_EPROTO;
	}
	if (err != 0) {
		reply_close(r);
		return err;
	}
	sys_close(r->fds[0]);
	for (uint32_t i = 0; i < SAN_POLLS_MAX; i++)
		own_fd_add(prov.bell[i] = i < prov.map.polls ? r->fds[1 + i] : -1);
	own_fd_add(prov.fd = fd);
	prov.attach = r->msg.attach;
	return 0;
}

int
link_attach(void)
{
	struct proto_msg m = {.type = PROTO_ATTACH, .pid = (uint32_t)syscall(SYS_getpid)};
	struct reply r;
	int fd, err;

	program_name();
	memcpy(m.program, prov.program, sizeof m.program);
	fd = link_open(prov_now_ms() + LINK_LIMIT_MS);
	if (fd < 0)
		return fd;
	err = ask(fd, &m, PROTO_ATTACH_OK, 2, 1 + SAN_POLLS_MAX, &r);
	if (err == 0)
		err = adopt(&r, fd);
	if (err != 0)
		sys_close(fd);
	return err;
}

void
link_detach(void)
{
	own_fd_drop(prov.fd);
	if (prov.fd >= 0)
		sys_close(prov.fd);
	prov.fd = -1;
	for (uint32_t i = 0; i < SAN_POLLS_MAX; i++) {
		own_fd_drop(prov.bell[i]);
		if (prov.bell[i] >= 0)
			sys_close(prov.bell[i]);
		prov.bell[i] = -1;
	}
	shm_map_close(&prov.map);
}

int
link_fork(int *fd, uint32_t *attach)
{
	struct proto_msg m = {.type = PROTO_FORK,
	    .attach = prov.attach,
	    .session = prov.map.session,
	    .pid = (uint32_t)syscall(SYS_getpid)};
	struct reply r;
	int err;

	memcpy(m.program, prov.program, sizeof m.program);
	*fd = link_open(prov_now_ms() + LINK_LIMIT_MS);
	if (*fd < 0)
		return *fd;
	err = ask(*fd, &m, PROTO_FORK_OK, 0, 0, &r);
	if (err == 0 && r.msg.attach >= SAN_ATTACH_MAX)
		err = SAN_EPROTO;
	if (err != 0) {
		sys_close(*fd);
		*fd = -1;
		return err;
	}
	*attach = r.msg.attach;
	return 0;
}

int
link_wake_new(uint32_t *index, int *event_fd)
{
	struct proto_msg m = {.type = PROTO_WAKE_NEW, .attach = prov.attach};
	struct reply r;
	int err = ask(prov.fd, &m, PROTO_WAKE_OK, 1, 1, &r);

	if (err == 0 && r.msg.arg >= SAN_WAKES_MAX) {
		reply_close(&r);
		err = SAN_EPROTO;
	}
	if (err != 0)
		return err;
	*index = r.msg.arg;
	*event_fd = r.fds[0];
	/* Several threads may drain it. */
	syscall(SYS_fcntl, *event_fd, F_SETFL, O_NONBLOCK);
	return 0;
}

void
link_wake_free(uint32_t index)
{
	struct proto_msg m = {.magic = PROTO_MAGIC,
	    .version = PROTO_VERSION,
	    .type = PROTO_WAKE_FREE,
	    .attach = prov.attach,
	    .arg = index};

	/* If it does not go out, the daemon frees the object when the process ends. */
	(void)msg_send(prov.fd, &m, -1);
}

int
link_sync(uint32_t slot)
{
	struct proto_msg m = {.type = PROTO_SYNC, .attach = prov.attach, .arg = slot};
	struct reply r;

	return ask(prov.fd, &m, PROTO_SYNC_OK, 0, 0, &r);
}

int
link_mem_add(uint32_t slot, const struct proto_mem *mem, int mem_fd, uint32_t *key)
{
	struct proto_msg m = {
	    .type = PROTO_MEM_ADD, .attach = prov.attach, .arg = slot, .mem = *mem};
	struct reply r;
	int err = ask_with(prov.fd, &m, mem_fd, PROTO_MEM_OK, 0, 0, &r);

	if (err == 0)
		*key = r.msg.arg;
	return err;
}

int
link_mem_del(uint32_t slot, uint32_t key)
{
	struct proto_msg m = {
	    .type = PROTO_MEM_DEL, .attach = prov.attach, .arg = slot, .mem.key = key};
	struct reply r;

	return ask(prov.fd, &m, PROTO_MEM_GONE, 0, 0, &r);
}

int
link_hand(uint32_t slot, uint32_t pid, uint32_t *ticket)
{
	struct proto_msg m = {.type = PROTO_HAND, .attach = prov.attach, .arg = slot, .pid = pid};
	struct reply r;
	int err = ask(prov.fd, &m, PROTO_HANDED, 0, 0, &r);

	if (err == 0 && r.msg.arg == 0)
		err = SAN_EPROTO;
	if (err == 0)
		*ticket = r.msg.arg;
	return err;
}

/* What the daemon says of a socket that is ours now. */
static int
claimed(struct link_claim *c, const struct proto_msg *m)
{
	if (m->arg >= prov.map.socks)
		return SAN_EPROTO;
	c->slot = m->arg;
	c->note = m->offer.note;
	return 0;
}

int
link_take(struct link_claim *c)
{
	struct proto_msg m = {
	    .type = PROTO_TAKE, .attach = prov.attach, .arg = c->ticket, .offer.key = c->key};
	struct reply r;
	int err = ask(prov.fd, &m, PROTO_TAKEN, 0, 0, &r);

	return err != 0 ? err : claimed(c, &r.msg);
}

int
link_join(struct link_claim *c)
{
	struct proto_msg m = {.type = PROTO_JOIN, .arg = c->ticket, .offer.key = c->key};
	struct reply r;
	int err, fd = link_open(prov_now_ms() + LINK_LIMIT_MS);

	if (fd < 0)
		return fd;
	memcpy(m.program, prov.program, sizeof m.program);
	err = ask(fd, &m, PROTO_ATTACH_OK, 2, 1 + SAN_POLLS_MAX, &r);
	if (err == 0) {
		prov_detach();
		err = adopt(&r, fd);
		if (err == 0)
			err = claimed(c, &r.msg);
		atomic_store_explicit(&prov.alone, 0, memory_order_relaxed);
		atomic_store_explicit(&prov.gone, err != 0, memory_order_relaxed);
	}
	if (err != 0 && prov.fd != fd)
		sys_close(fd);
	return err;
}

int
link_offers_open(void)
{
	return link_open(prov_now_ms() + LINK_LIMIT_MS);
}

static struct proto_msg
offer_msg(uint32_t type, uint32_t slot, uint64_t key)
{
	return (struct proto_msg){.magic = PROTO_MAGIC,
	    .version = PROTO_VERSION,
	    .type = type,
	    .attach = prov.attach,
	    .session = prov.map.session,
	    .arg = slot,
	    .offer.key = key};
}

int
link_offer(int fd, uint32_t slot, uint64_t key, uint32_t note)
{
	struct proto_msg m = offer_msg(PROTO_OFFER, slot, key);
	struct reply r;

	m.offer.note = note;
	return ask(fd, &m, PROTO_OFFERED, 0, 0, &r);
}

void
link_withdraw(int fd, uint32_t slot, uint64_t key)
{
	const struct proto_msg m = offer_msg(PROTO_WITHDRAW, slot, key);

	/* If it does not go out, the offer ends by itself. */
	(void)msg_send(fd, &m, -1);
}

void
link_let_go(uint32_t slot)
{
	struct proto_msg m = {.magic = PROTO_MAGIC,
	    .version = PROTO_VERSION,
	    .type = PROTO_LET_GO,
	    .attach = prov.attach,
	    .arg = slot};

	/* If it does not go out, the daemon finds out when the process ends. */
	(void)msg_send(prov.fd, &m, -1);
}

bool
link_alive(int fd)
{
	struct pollfd p = {fd, POLLRDHUP, 0};

	return sys_poll(&p, 1, 0) <= 0 || (p.revents & (POLLHUP | POLLRDHUP | POLLERR)) == 0;
}
