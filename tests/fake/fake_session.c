/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"
#include "san_err.h"
#include "waiters.h"

/* --- the region --- */

static void
rule_add(const struct fake_daemon *d, struct shm_net *net, const struct san_ip *ip, unsigned bits)
{
	struct shm_rule *r = &net->rules[net->rule_count++];

	memcpy(r->net, ip->b, 16);
	r->bits = (uint8_t)bits;
	r->action = d->opt.san_only ? SHM_ACTION_SAN_ONLY : SHM_ACTION_SAN;
	r->port_hi = 65535;
	r->role = 3;
}

static void
local_add(struct shm_net *net, const char *text, bool started)
{
	struct shm_local *l = &net->locals[net->local_count++];
	struct san_ip ip;

	(void)san_ip_parse(text, &ip);
	memcpy(l->ip, ip.b, 16);
	l->family = san_ip_is_v4(&ip) ? AF_INET : AF_INET6;
	l->started = started;
}

/* Two addresses: .1 and .2 of 10.77.0.0/24, one IPv6; after a change one more, in a net of its own
 * that leads over the SAN, too. */
static void
net_fill(struct fake_daemon *d, struct shm_region *r)
{
	struct shm_net net = {0};
	struct san_ip more;

	if (d->opt.rule != NULL)
		rule_add(d, &net, &d->net, d->net_bits);
	local_add(&net, "10.77.0.1", true);
	local_add(&net, "10.77.0.2", true);
	local_add(&net, "fd77::1", true);
	local_add(&net, "10.79.0.1", false); /* of a port that is stopped */
	if (d->moved) {
		local_add(&net, FAKE_MOVED_IP, true);
		(void)san_ip_parse(FAKE_MOVED_IP, &more);
		more.b[15] = 0;
		rule_add(d, &net, &more, 120);
	}
	(void)shm_net_write(r, &net);
}

void
fake_session_net(struct fake_session *s)
{
	net_fill(s->daemon, fake_region(s));
	for (uint32_t i = 0; i < SAN_WAKES_MAX; i++)
		if (s->wake_fds[i] >= 0)
			shm_wake_fire(&fake_region(s)->wake[i], s->wake_fds[i]);
}

static void
header_fill(struct fake_session *s)
{
	struct shm_region *r = fake_region(s);

	r->magic = SHM_MAGIC;
	r->version = SHM_VERSION;
	r->bytes = s->bytes;
	r->session = s->id;
	r->socks = s->socks;
	r->tx_ring_bytes = r->rx_ring_bytes = s->ring_bytes;
	r->polls = FAKE_POLLS;
	r->spin_us = s->daemon->opt.spin_us;
	r->sock_off = (uint64_t)((uint8_t *)s->sock - s->base);
	r->attach_off = (uint64_t)((uint8_t *)s->attach - s->base);
	r->ring_off = (uint64_t)(s->rings - s->base);
	r->heap_off = s->heap_off;
	r->heap_bytes = FAKE_HEAP;
	memcpy(r->daemon_name, "fake", 5);
	net_fill(s->daemon, r);
	for (unsigned i = 0; i < FAKE_POLLS; i++)
		atomic_store(&r->doorbell[i].cpu, -1);
}

static void
header_spoil(struct fake_session *s)
{
	struct shm_region *r = fake_region(s);

	switch (s->daemon->opt.fault) {
	case FAKE_REGION_MAGIC:
		r->magic ^= 1;
		break;
	case FAKE_REGION_VERSION:
		r->version++;
		break;
	case FAKE_REGION_TORN:
		memset(r, 0, sizeof *r);
		break;
	case FAKE_REGION_SHORT:
		r->bytes += 4096;
		break;
	case FAKE_REGION_OFFSETS:
		r->ring_off = s->bytes - 4096;
		break;
	case FAKE_REGION_RINGS:
		r->rx_ring_bytes = 65000;
		break;
	default:
		break;
	}
}

static bool
region_make(struct fake_session *s)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	size_t sock_off = (sizeof(struct shm_region) + 4095) & ~(size_t)4095;
	size_t attach_off = sock_off + s->socks * sizeof(struct shm_sock);
	size_t ring_off =
	    (attach_off + SAN_ATTACH_MAX * sizeof(struct shm_attach) + 4095) & ~(size_t)4095;

	s->heap_off = (ring_off + s->socks * shm_slot_rings(s->ring_bytes, s->ring_bytes) + 4095) &
		      ~(size_t)4095;
	s->bytes = s->heap_off + FAKE_HEAP;
	s->memfd = memfd_create("fake-region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->memfd < 0 || ftruncate(s->memfd, (off_t)s->bytes) != 0)
		return false;
	if (s->daemon->opt.fault != FAKE_REGION_UNSEALED &&
	    fcntl(s->memfd, F_ADD_SEALS, seals) != 0)
		return false;
	s->base = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->memfd, 0);
	if (s->base == MAP_FAILED)
		return false;
	s->sock = (struct shm_sock *)(void *)(s->base + sock_off);
	s->attach = (struct shm_attach *)(void *)(s->base + attach_off);
	s->rings = s->base + ring_off;
	header_fill(s);
	header_spoil(s);
	return true;
}

static struct fake_session *
session_create(struct fake_daemon *d)
{
	for (uint32_t i = 0; i < FAKE_SESSIONS; i++) {
		struct fake_session *s = &d->session[i];

		if (s->used)
			continue;
		memset(s, 0, sizeof *s);
		s->daemon = d;
		s->id = i;
		s->socks = d->opt.socks;
		s->ring_bytes = d->opt.ring_bytes;
		s->slots = calloc(s->socks, sizeof *s->slots);
		if (s->slots == NULL || !region_make(s))
			return NULL;
		for (uint32_t n = 0; n < s->socks; n++) {
			s->slots[n].session = s;
			s->slots[n].slot = n;
		}
		for (uint32_t n = 0; n < SAN_ATTACH_MAX; n++)
			s->process[n].fd = -1;
		for (uint32_t n = 0; n < SAN_WAKES_MAX; n++)
			s->wake_fds[n] = -1;
		s->used = true;
		atomic_fetch_add(&d->sessions, 1);
		return s;
	}
	return NULL;
}

void
fake_session_destroy(struct fake_session *s)
{
	for (uint32_t n = 0; n < SAN_ATTACH_MAX; n++)
		if (s->process[n].fd >= 0)
			close(s->process[n].fd);
	for (uint32_t n = 0; n < SAN_WAKES_MAX; n++)
		if (s->wake_fds[n] >= 0)
			close(s->wake_fds[n]);
	munmap(s->base, s->bytes);
	close(s->memfd);
	free(s->slots);
	s->used = false;
	atomic_fetch_sub(&s->daemon->sessions, 1);
}

void
fake_session_reap(struct fake_session *s)
{
	for (uint32_t n = 0; n < SAN_ATTACH_MAX; n++)
		if (s->process[n].fd >= 0)
			return;
	for (uint32_t n = 0; n < s->socks; n++)
		if (s->slots[n].kind != FAKE_FREE)
			return;
	fake_session_destroy(s);
}

bool
fake_slot_held(const struct fake_session *s, uint32_t slot)
{
	if (s->slots[slot].ticket != 0 || s->slots[slot].claims != 0)
		return true;
	for (uint32_t n = 0; n < SAN_ATTACH_MAX; n++)
		if (s->process[n].fd >= 0 &&
		    (atomic_load(&s->attach[n].holds[slot / 64]) >> slot % 64 & 1) != 0)
			return true;
	return false;
}

/* --- messages --- */

static void
reply(struct fake_daemon *d, int fd, struct proto_msg *m, const int *fds, unsigned count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * PROTO_FDS_MAX)];
	} control;
	struct iovec iov = {m, sizeof *m};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	m->magic = PROTO_MAGIC;
	m->version = PROTO_VERSION;
	if (d->opt.fault == FAKE_PROTO_MAGIC)
		m->magic++;
	if (d->opt.fault == FAKE_PROTO_VERSION)
		m->version++;
	if (d->opt.fault == FAKE_SHORT_REPLY)
		iov.iov_len = 40;
	if (count > 0) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof control);
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	(void)!sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
refuse(struct fake_daemon *d, int fd, int err)
{
	struct proto_msg m = {.type = PROTO_REFUSED, .err = err, .text = "the fake says no"};

	reply(d, fd, &m, NULL, 0);
}

static int
process_add(struct fake_session *s, int fd)
{
	for (uint32_t n = 0; n < SHM_ATTACH_DAEMON; n++)
		if (s->process[n].fd < 0) {
			s->process[n] = (struct fake_process){.fd = fd};
			memset(&s->attach[n], 0, sizeof s->attach[n]);
			atomic_fetch_add(&s->daemon->attached, 1);
			return (int)n;
		}
	return -1;
}

/* Introduces a process to its region; m: what else it is told. */
static bool
welcome(struct fake_session *s, int fd, struct proto_msg *m)
{
	int fds[3 + FAKE_POLLS], id = process_add(s, fd);
	unsigned count = 1 + FAKE_POLLS;

	if (id < 0)
		return false;
	m->type = PROTO_ATTACH_OK;
	m->attach = (uint32_t)id;
	m->session = s->id;
	fds[0] = s->memfd;
	for (unsigned i = 0; i < FAKE_POLLS; i++)
		fds[1 + i] = s->daemon->bell[i];
	fds[1 + FAKE_POLLS] = fds[2 + FAKE_POLLS] = s->memfd;
	if (s->daemon->opt.fault == FAKE_NO_FDS)
		count = 0;
	if (s->daemon->opt.fault == FAKE_MANY_FDS)
		count += 2;
	reply(s->daemon, fd, m, fds, count);
	return true;
}

static bool
guest_attach(struct fake_daemon *d, int fd)
{
	struct proto_msg m = {0};
	struct fake_session *s;

	if (d->opt.fault == FAKE_SILENT)
		return true; /* stays a guest for ever */
	if (d->opt.fault == FAKE_HANG_UP)
		return false;
	s = d->opt.fault == FAKE_REFUSE ? NULL : session_create(d);
	if (s == NULL) {
		refuse(d, fd, SAN_ELIMIT);
		return false;
	}
	return welcome(s, fd, &m);
}

static bool
guest_fork(struct fake_daemon *d, int fd, const struct proto_msg *in)
{
	struct proto_msg m = {.type = PROTO_FORK_OK, .session = in->session};
	struct fake_session *s;
	int id;

	if (d->opt.fault == FAKE_FORK_REFUSED || in->session >= FAKE_SESSIONS ||
	    !d->session[in->session].used || in->attach >= SAN_ATTACH_MAX) {
		refuse(d, fd, SAN_ELIMIT);
		return false;
	}
	s = &d->session[in->session];
	id = process_add(s, fd);
	if (id < 0) {
		refuse(d, fd, SAN_ELIMIT);
		return false;
	}
	for (unsigned w = 0; w < SAN_SOCKS_MAX / 64; w++)
		atomic_store(&s->attach[id].holds[w], atomic_load(&s->attach[in->attach].holds[w]));
	atomic_fetch_add(&fake_region(s)->hold_moves, 1);
	m.attach = (uint32_t)id;
	reply(d, fd, &m, NULL, 0);
	return true;
}

/* --- sockets on their way. Of processes, users and time the fake knows nothing: who comes with the
 * ticket or the key has the socket, whenever. --- */

static struct fake_slot *
waiting_in(struct fake_session *s, const struct proto_msg *m)
{
	for (uint32_t n = 0; n < s->socks; n++) {
		struct fake_slot *k = &s->slots[n];

		if (m->offer.key != 0 ? k->claims != 0 && k->key == m->offer.key
				      : k->ticket != 0 && k->ticket == m->arg)
			return k;
	}
	return NULL;
}

static struct fake_slot *
waiting(struct fake_daemon *d, const struct proto_msg *m)
{
	struct fake_slot *k = NULL;

	for (uint32_t i = 0; i < FAKE_SESSIONS && k == NULL; i++)
		if (d->session[i].used)
			k = waiting_in(&d->session[i], m);
	return k;
}

/* The library sees by a row of the daemon's own that the slot is held. */
static void
on_its_way(struct fake_slot *k)
{
	_Atomic uint64_t *word = &k->session->attach[SHM_ATTACH_DAEMON].holds[k->slot / 64];
	uint64_t bit = UINT64_C(1) << k->slot % 64;

	if (k->ticket != 0 || k->claims != 0)
		atomic_fetch_or(word, bit);
	atomic_fetch_add(&fake_region(k->session)->hold_moves, 1);
	if (k->ticket == 0 && k->claims == 0)
		atomic_fetch_and(word, ~bit);
}

static void
taken(struct fake_slot *k, uint32_t attach, struct proto_msg *m)
{
	uint32_t n = k->slot;

	atomic_fetch_or(&k->session->attach[attach].holds[n / 64], UINT64_C(1) << n % 64);
	m->arg = n;
	m->offer.note = k->note;
	k->ticket = 0;
	if (k->claims > 0)
		k->claims--;
	on_its_way(k);
}

static bool
guest_join(struct fake_daemon *d, int fd, struct proto_msg *m)
{
	struct fake_slot *k = waiting(d, m);
	uint32_t id;

	if (k == NULL) {
		refuse(d, fd, SAN_ENOENT);
		return false;
	}
	for (id = 0; id < SHM_ATTACH_DAEMON && k->session->process[id].fd >= 0; id++)
		;
	if (id == SHM_ATTACH_DAEMON) {
		refuse(d, fd, SAN_ELIMIT);
		return false;
	}
	m->arg = k->slot;
	m->offer.note = k->note;
	if (!welcome(k->session, fd, m))
		return false;
	taken(k, id, m);
	return true;
}

static void
guest_offer(struct fake_daemon *d, int fd, struct proto_msg *m)
{
	struct fake_session *s = m->session < FAKE_SESSIONS ? &d->session[m->session] : NULL;
	struct fake_slot *k;

	if (s == NULL || !s->used || m->arg >= s->socks) {
		refuse(d, fd, SAN_EPERM);
		return;
	}
	k = &s->slots[m->arg];
	if (m->type == PROTO_WITHDRAW && k->claims > 0) {
		k->claims--;
		on_its_way(k);
		fake_sock_orphans(s);
	} else if (m->type == PROTO_OFFER && k->kind != FAKE_CONNECTED &&
		   k->kind != FAKE_LISTENING) {
		refuse(d, fd, SAN_ENOTCONN);
	} else if (m->type == PROTO_OFFER) {
		k->key = m->offer.key;
		k->note = m->offer.note;
		k->claims++;
		on_its_way(k);
		m->type = PROTO_OFFERED;
		reply(d, fd, m, NULL, 0);
	}
}

/* 1: a good message; 0: nothing there; -1: gone or nonsense. *passed: the descriptor that came with
 * it, -1 = none. */
static int
receive(int fd, struct proto_msg *m, int *passed)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {m, sizeof *m};
	struct msghdr mh = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&mh) : NULL;

	*passed = -1;
	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(c), sizeof *passed);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n == (ssize_t)sizeof *m && m->magic == PROTO_MAGIC && m->version == PROTO_VERSION
		   ? 1
		   : -1;
}

void
fake_guest_new(struct fake_daemon *d)
{
	int fd = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (unsigned i = 0; i < sizeof d->guest / sizeof d->guest[0]; i++)
		if (d->guest[i].fd < 0) {
			d->guest[i].fd = fd;
			return;
		}
	close(fd);
}

void
fake_guest_message(struct fake_daemon *d, unsigned guest)
{
	int fd = d->guest[guest].fd, got, passed;
	struct proto_msg m;
	bool keep = false;

	got = receive(fd, &m, &passed);
	if (passed >= 0)
		close(passed);
	if (got == 0)
		return;
	if (got > 0 && m.type == PROTO_ATTACH)
		keep = guest_attach(d, fd);
	else if (got > 0 && m.type == PROTO_FORK)
		keep = guest_fork(d, fd, &m);
	else if (got > 0 && m.type == PROTO_JOIN)
		keep = guest_join(d, fd, &m);
	else if (got > 0 && (m.type == PROTO_OFFER || m.type == PROTO_WITHDRAW))
		guest_offer(d, fd, &m);
	if (got > 0 &&
	    (m.type == PROTO_OFFER || m.type == PROTO_OFFERED || m.type == PROTO_WITHDRAW))
		return; /* and may say more */
	if (!keep)
		close(fd);
	if (!keep || d->opt.fault != FAKE_SILENT)
		d->guest[guest].fd = -1;
}

static void
wake_new(struct fake_session *s, struct fake_process *p)
{
	struct proto_msg m = {.type = PROTO_WAKE_OK};

	for (uint32_t i = 0; i < SAN_WAKES_MAX; i++) {
		if (s->wake_fds[i] >= 0 || s->daemon->opt.fault == FAKE_WAKE_REFUSED)
			continue;
		s->wake_fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		p->wakes |= UINT64_C(1) << i;
		m.arg = i;
		reply(s->daemon, p->fd, &m, &s->wake_fds[i], 1);
		return;
	}
	refuse(s->daemon, p->fd, SAN_ELIMIT);
}

static void
wake_free(struct fake_session *s, struct fake_process *p, uint32_t i)
{
	if (i >= SAN_WAKES_MAX || (p->wakes >> i & 1) == 0)
		return;
	p->wakes &= ~(UINT64_C(1) << i);
	close(s->wake_fds[i]);
	s->wake_fds[i] = -1;
}

static void
process_gone(struct fake_session *s, uint32_t attach)
{
	struct fake_process *p = &s->process[attach];

	for (uint32_t i = 0; i < SAN_WAKES_MAX; i++)
		wake_free(s, p, i);
	close(p->fd);
	p->fd = -1;
	atomic_fetch_sub(&s->daemon->attached, 1);
	for (unsigned w = 0; w < SAN_SOCKS_MAX / 64; w++)
		atomic_store(&s->attach[attach].holds[w], 0);
	fake_sock_orphans(s);
	fake_session_reap(s);
}

/* Returns the descriptor if it is not needed. */
static int
memory_add(struct fake_session *s, struct fake_process *p, struct proto_msg *m, int fd)
{
	int64_t key = fake_memory_add(s, m->arg, &m->mem, fd);

	if (key < 0) {
		refuse(s->daemon, p->fd, (int)key);
		return fd;
	}
	m->type = PROTO_MEM_OK;
	m->arg = (uint32_t)key;
	reply(s->daemon, p->fd, m, NULL, 0);
	return -1;
}

static void
memory_del(struct fake_session *s, struct fake_process *p, struct proto_msg *m)
{
	int err = fake_memory_del(s, m->arg, m->mem.key);

	if (err != 0) {
		refuse(s->daemon, p->fd, err);
		return;
	}
	m->type = PROTO_MEM_GONE;
	reply(s->daemon, p->fd, m, NULL, 0);
}

static void
hand(struct fake_session *s, struct fake_process *p, struct proto_msg *m)
{
	struct fake_slot *k = &s->slots[m->arg % s->socks];

	if (k->kind != FAKE_CONNECTED && k->kind != FAKE_LISTENING) {
		refuse(s->daemon, p->fd, SAN_ENOTCONN);
		return;
	}
	k->ticket = ++s->daemon->tickets;
	on_its_way(k);
	m->type = PROTO_HANDED;
	m->arg = k->ticket;
	reply(s->daemon, p->fd, m, NULL, 0);
}

static void
take(struct fake_session *s, uint32_t attach, struct proto_msg *m)
{
	struct fake_slot *k = waiting(s->daemon, m);

	if (k == NULL || k->session != s) {
		refuse(s->daemon, s->process[attach].fd, k == NULL ? SAN_ENOENT : SAN_EPERM);
		return;
	}
	taken(k, attach, m);
	m->type = PROTO_TAKEN;
	reply(s->daemon, s->process[attach].fd, m, NULL, 0);
}

void
fake_process_message(struct fake_session *s, uint32_t attach)
{
	struct fake_process *p = &s->process[attach];
	struct proto_msg m;
	int passed, got = receive(p->fd, &m, &passed);

	if (got == 0)
		return;
	if (got < 0) {
		process_gone(s, attach);
	} else if (m.type == PROTO_WAKE_NEW) {
		wake_new(s, p);
	} else if (m.type == PROTO_WAKE_FREE) {
		wake_free(s, p, m.arg);
	} else if (m.type == PROTO_SYNC) {
		m.type = PROTO_SYNC_OK;
		reply(s->daemon, p->fd, &m, NULL, 0);
	} else if (m.type == PROTO_MEM_ADD) {
		passed = memory_add(s, p, &m, passed);
	} else if (m.type == PROTO_MEM_DEL) {
		memory_del(s, p, &m);
	} else if (m.type == PROTO_HAND) {
		hand(s, p, &m);
	} else if (m.type == PROTO_TAKE) {
		take(s, attach, &m);
	} else if (m.type == PROTO_LET_GO) {
		fake_sock_orphans(s);
	} else {
		refuse(s->daemon, p->fd, SAN_EINVAL);
	}
	if (passed >= 0)
		close(passed);
}
