/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_priv.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_record.h"
#include "ring.h"
#include "san_err.h"
#include "seq.h"
#include "waiters.h"

#define PUMP_BYTES 65536u /* of one connection in one round */

static struct shm_sock *
shm_of(const struct fake_slot *k)
{
	return &k->session->sock[k->slot];
}

static struct byte_ring
ring_of(const struct fake_slot *k, bool rx)
{
	uint32_t n = k->session->ring_bytes;
	uint8_t *rings = k->session->rings + k->slot * shm_slot_rings(n, n);

	return (struct byte_ring){rx ? rings + n : rings, n};
}

static void
tell(struct fake_slot *k, uint32_t bits)
{
	shm_waiters_tell(shm_of(k), bits, fake_region(k->session)->wake, k->session->wake_fds);
}

static void
state_set(struct fake_slot *k, uint32_t state)
{
	atomic_store_explicit(&shm_of(k)->state, state, memory_order_release);
}

/* --- slots --- */

/* All words zero, generation + 1, FREE; app_flags last: only then may a program take it. */
static void
slot_reset(struct fake_slot *k)
{
	struct shm_sock *shm = shm_of(k);
	uint32_t slot = k->slot, flags_off = offsetof(struct shm_sock, app_flags);
	struct fake_session *s = k->session;
	uint32_t gen = k->gen + 1;

	if (k->kind != FAKE_FREE)
		atomic_fetch_sub(&s->daemon->slots_used, 1);
	fake_memory_forget(s, slot);
	memset(k, 0, sizeof *k);
	k->session = s;
	k->slot = slot;
	k->gen = gen;
	memset(shm, 0, flags_off);
	memset((uint8_t *)shm + flags_off + 4, 0, sizeof *shm - flags_off - 4);
	atomic_store(&shm->gen, gen);
	atomic_store_explicit(&shm->app_flags, 0, memory_order_release);
}

static void
slot_begin(struct fake_slot *k, enum fake_kind kind)
{
	if (k->kind == FAKE_FREE)
		atomic_fetch_add(&k->session->daemon->slots_used, 1);
	k->kind = kind;
	atomic_store(&shm_of(k)->poll_id, k->slot % FAKE_POLLS);
	atomic_store(&shm_of(k)->ident, ++k->session->daemon->idents);
}

static void
fail(struct fake_slot *k, int err)
{
	slot_begin(k, FAKE_FAILED);
	atomic_store(&shm_of(k)->ctl_err, err);
	state_set(k, SHM_STATE_FAILED);
	tell(k, SHM_WAIT_ALL);
}

static void
live(struct fake_slot *k, uint32_t state)
{
	shm_of(k)->msg_max = k->session->daemon->opt.msg_max != 0 ? k->session->daemon->opt.msg_max
								  : k->session->ring_bytes / 4 - 32;
	shm_of(k)->read_depth = k->session->daemon->opt.no_reads ? 0 : 4;
	shm_of(k)->ctl_local = k->local;
	shm_of(k)->ctl_peer = k->peer_addr;
	state_set(k, state);
	tell(k, SHM_WAIT_ALL);
}

static void
wire_set(struct fake_slot *k, uint32_t flags, int err)
{
	if ((k->wire_flags & flags) == flags)
		return;
	k->wire_flags |= flags;
	if ((flags & SHM_WIRE_ERROR) != 0)
		atomic_store(&shm_of(k)->wire_err, err);
	atomic_store_explicit(&shm_of(k)->wire_flags, k->wire_flags, memory_order_release);
	tell(k, SHM_WAIT_ALL);
}

static void
reset(struct fake_slot *k, int err)
{
	wire_set(k, SHM_WIRE_ERROR | SHM_WIRE_DEAD, err);
}

/* --- commands --- */

static bool
addr_is_any(const struct shm_addr *a)
{
	struct san_ip ip;

	memcpy(ip.b, a->ip, 16);
	return a->family == 0 || san_ip_is_any(&ip);
}

static bool
addr_is_local(const struct fake_daemon *d, const struct shm_addr *a)
{
	struct san_ip ip;

	memcpy(ip.b, a->ip, 16);
	return d->net_bits == 0 || san_ip_in_prefix(&ip, &d->net, d->net_bits) || ip.b[0] == 0xfd;
}

static struct fake_slot *
listener_find(struct fake_daemon *d, const struct shm_addr *a, uint32_t type, bool exact)
{
	for (unsigned i = 0; i < FAKE_SESSIONS; i++) {
		struct fake_session *s = &d->session[i];

		for (uint32_t n = 0; s->used && n < s->socks; n++) {
			struct fake_slot *k = &s->slots[n];
			bool same = memcmp(k->local.ip, a->ip, 16) == 0;

			if (k->kind == FAKE_LISTENING && k->local.port == a->port && !k->closed &&
			    shm_of(k)->type == type && (same || (!exact && addr_is_any(&k->local))))
				return k;
		}
	}
	return NULL;
}

static uint16_t
port_next(struct fake_daemon *d)
{
	if (++d->next_port < 40000)
		d->next_port = 40000;
	return d->next_port;
}

static void
command_listen(struct fake_slot *k, uint32_t backlog)
{
	struct fake_daemon *d = k->session->daemon;
	struct fake_slot *other;

	if (d->opt.fault == FAKE_DIE_ON_LISTEN)
		_exit(9);
	if (k->kind == FAKE_LISTENING) {
		k->backlog = backlog;
		return;
	}
	if (!addr_is_any(&k->local) && !addr_is_local(d, &k->local)) {
		fail(k, SAN_EADDRNOTAVAIL);
		return;
	}
	if (k->local.port == 0)
		k->local.port = port_next(d);
	other = listener_find(d, &k->local, shm_of(k)->type, true);
	if (other != NULL) {
		fail(k, SAN_EADDRINUSE);
		return;
	}
	slot_begin(k, FAKE_LISTENING);
	k->backlog = backlog;
	live(k, SHM_STATE_LISTENING);
	if (d->opt.fault == FAKE_BAD_SLOTS) {
		static const uint32_t bad[] = {0, 0xffffffff, 123456};
		struct byte_ring rx = ring_of(k, true);

		byte_ring_write(&rx, 0, bad, sizeof bad);
		atomic_store_explicit(&shm_of(k)->rx_tail, sizeof bad, memory_order_release);
	}
}

static struct fake_slot *
child_find(struct fake_session *s)
{
	for (uint32_t n = s->socks / 2; n < s->socks; n++)
		if (s->slots[n].kind == FAKE_FREE)
			return &s->slots[n];
	return NULL;
}

static uint32_t
queued(const struct fake_slot *l)
{
	return (l->tail - atomic_load(&shm_of(l)->rx_head)) / 4;
}

static void
child_queue(struct fake_slot *l, struct fake_slot *child)
{
	struct byte_ring rx = ring_of(l, true);

	child->parent = l;
	child->queue_pos = l->tail;
	byte_ring_write(&rx, l->tail, &child->slot, 4);
	l->tail += 4;
	atomic_store_explicit(&shm_of(l)->rx_tail, l->tail, memory_order_release);
	tell(l, SHM_WAIT_IN);
}

static void
command_connect(struct fake_slot *k)
{
	struct fake_daemon *d = k->session->daemon;
	struct fake_slot *l, *child;

	if (d->opt.fault == FAKE_DIE_ON_CONNECT)
		_exit(9);
	slot_begin(k, FAKE_CONNECTING);
	state_set(k, SHM_STATE_CONNECTING);
	if (k->peer_addr.port == FAKE_PORT_NEVER)
		return;
	l = listener_find(d, &k->peer_addr, shm_of(k)->type, false);
	if (k->peer_addr.port == FAKE_PORT_TIMEOUT)
		fail(k, SAN_ETIMEDOUT);
	else if (k->peer_addr.port == FAKE_PORT_NOHOST || !addr_is_local(d, &k->peer_addr))
		fail(k, SAN_EHOSTUNREACH);
	else if (l == NULL)
		fail(k, SAN_ENOLISTENER);
	else if (queued(l) >= l->backlog || (child = child_find(l->session)) == NULL)
		fail(k, SAN_ECONNREFUSED);
	else {
		if (addr_is_any(&k->local)) {
			memcpy(k->local.ip, k->peer_addr.ip, 16);
			k->local.family = k->peer_addr.family;
		}
		if (k->local.port == 0)
			k->local.port = port_next(d);
		k->kind = FAKE_CONNECTED;
		slot_begin(child, FAKE_CONNECTED);
		shm_of(child)->type = shm_of(k)->type;
		child->local = k->peer_addr;
		child->peer_addr = k->local;
		child->peer = k;
		k->peer = child;
		live(child, SHM_STATE_CONNECTED);
		live(k, SHM_STATE_CONNECTED);
		child_queue(l, child);
	}
}

static void
command(struct fake_slot *k)
{
	struct shm_sock *shm = shm_of(k);
	uint32_t seq = atomic_load_explicit(&shm->cmd_seq, memory_order_acquire);

	if (seq == k->cmd_seen || k->closed)
		return;
	k->cmd_seen = seq;
	if (shm->cmd == SHM_CMD_CONNECT && k->kind == FAKE_FREE) {
		k->local = shm->local;
		k->peer_addr = shm->peer;
		command_connect(k);
	} else if (shm->cmd == SHM_CMD_LISTEN &&
		   (k->kind == FAKE_FREE || k->kind == FAKE_LISTENING)) {
		if (k->kind == FAKE_FREE)
			k->local = shm->local;
		command_listen(k, shm->cmd_arg);
	}
	atomic_store_explicit(&shm->cmd_done, seq, memory_order_release);
	tell(k, SHM_WAIT_ALL);
}

/* --- closing --- */

static void
unpair(struct fake_slot *k)
{
	if (k->peer != NULL)
		k->peer->peer = NULL;
	k->peer = NULL;
}

static void
close_begin(struct fake_slot *k, bool abort)
{
	if (k->closed)
		return;
	k->closed = true;
	k->aborted = abort;
	if (k->kind == FAKE_LISTENING) {
		struct fake_session *s = k->session;

		for (uint32_t n = 0; n < s->socks; n++)
			if (s->slots[n].parent == k && seq32_diff(s->slots[n].queue_pos,
							   atomic_load(&shm_of(k)->rx_head)) >= 0)
				close_begin(&s->slots[n], true);
			else if (s->slots[n].parent == k)
				s->slots[n].parent = NULL;
	}
	fake_memory_forget(k->session, k->slot);
	if (abort && k->peer != NULL)
		reset(k->peer, SAN_ECONNRESET);
}

/* True when a closed slot has nothing left to do. */
static bool
close_finished(struct fake_slot *k)
{
	uint32_t tail = atomic_load_explicit(&shm_of(k)->tx_tail, memory_order_acquire);

	if (!k->closed || fake_slot_held(k->session, k->slot))
		return false;
	if (k->kind != FAKE_CONNECTED || k->aborted || k->peer == NULL || k->peer->closed)
		return true;
	/* All delivered and end of stream said; from then on whatever the peer sends resets it. */
	return k->tx_head == tail && (k->peer->wire_flags & SHM_WIRE_EOF) != 0;
}

void
fake_sock_orphans(struct fake_session *s)
{
	for (uint32_t n = 0; n < s->socks; n++) {
		struct fake_slot *k = &s->slots[n];
		struct shm_sock *shm = shm_of(k);

		if (fake_slot_held(s, n))
			continue;
		if (k->parent != NULL &&
		    seq32_diff(k->queue_pos, atomic_load(&shm_of(k->parent)->rx_head)) >= 0)
			continue; /* nobody has accepted it yet */
		if (k->kind != FAKE_FREE)
			close_begin(k,
			    k->kind == FAKE_CONNECTED && atomic_load(&shm->rx_head) != k->rx_tail);
		else if (atomic_load(&shm->app_flags) != 0)
			slot_reset(k);
	}
}

void
fake_sock_look(struct fake_session *s, uint32_t slot)
{
	struct fake_slot *k = &s->slots[slot];
	uint32_t flags = atomic_load_explicit(&shm_of(k)->app_flags, memory_order_acquire);

	command(k);
	if ((flags & SHM_APP_CLOSED) != 0) {
		if (k->kind == FAKE_FREE) /* closed before its command was seen */
			slot_begin(k, FAKE_FAILED);
		close_begin(k, (flags & SHM_APP_ABORT) != 0);
	}
}

/* --- data --- */

static void
urgent(struct fake_slot *from, struct fake_slot *to)
{
	uint32_t seq = atomic_load_explicit(&shm_of(from)->tx_urg_seq, memory_order_acquire);

	if (seq == from->urg_seq)
		return;
	from->urg_seq = seq;
	/* Both streams count from 0, so a position is the same in both rings. */
	atomic_store(&shm_of(to)->urg_pos, atomic_load(&shm_of(from)->tx_urg));
	if ((to->wire_flags & SHM_WIRE_URGENT) == 0)
		wire_set(to, SHM_WIRE_URGENT, 0);
	else
		tell(to, SHM_WAIT_IN);
}

/* What the receiver has room for; a position that makes no sense resets it, like the real daemon
 * does. */
static uint32_t
room(struct fake_slot *to)
{
	uint32_t used, size = to->session->ring_bytes;

	if (shm_ring_used(atomic_load_explicit(&shm_of(to)->rx_head, memory_order_acquire),
		to->rx_tail, size, &used) != 0) {
		reset(to, SAN_ECONNRESET);
		return 0;
	}
	return size - used;
}

static void
copy(struct fake_slot *from, struct fake_slot *to, uint32_t n)
{
	struct byte_ring tx = ring_of(from, false), rx = ring_of(to, true);
	uint8_t buf[4096];

	while (n > 0) {
		uint32_t part = n < sizeof buf ? n : (uint32_t)sizeof buf;

		byte_ring_read(&tx, from->tx_head, buf, part);
		byte_ring_write(&rx, to->rx_tail, buf, part);
		from->tx_head += part;
		to->rx_tail += part;
		n -= part;
	}
}

/* Message mode. READ answers go the other way: both rx positions are told. */
static bool
pump_records(struct fake_slot *from, struct fake_slot *to)
{
	int64_t moved = fake_record_pump(from);

	if (moved < 0) {
		reset(from, SAN_ECONNABORTED);
		reset(to, SAN_ECONNRESET);
		return true;
	}
	if (moved == 0)
		return false;
	atomic_store_explicit(&shm_of(to)->rx_tail, to->rx_tail, memory_order_release);
	atomic_store_explicit(&shm_of(from)->rx_tail, from->rx_tail, memory_order_release);
	atomic_store_explicit(&shm_of(from)->tx_head, from->tx_head, memory_order_release);
	tell(to, SHM_WAIT_IN);
	tell(from, SHM_WAIT_ALL);
	return true;
}

/* RDMA beside a stream; *end as fake_rdma_pump has it. */
static bool
pump_rdma(struct fake_slot *from, struct fake_slot *to, uint32_t *end)
{
	int64_t moved = fake_rdma_pump(from, end);

	if (moved < 0) {
		reset(from, SAN_ECONNABORTED);
		reset(to, SAN_ECONNRESET);
		return true;
	}
	if (moved == 0)
		return false;
	atomic_store_explicit(
	    &shm_of(from)->rdma_rx_tail, from->rdma_rx_tail, memory_order_release);
	atomic_store_explicit(&shm_of(from)->rdma_head, from->rdma_head, memory_order_release);
	tell(from, SHM_WAIT_ALL);
	return true;
}

/* One direction. True if something moved. */
static bool
pump(struct fake_slot *from)
{
	struct fake_slot *to = from->peer;
	uint32_t tail = atomic_load_explicit(&shm_of(from)->tx_tail, memory_order_acquire);
	uint32_t flags = atomic_load_explicit(&shm_of(from)->app_flags, memory_order_acquire);
	uint32_t used, n, end = tail;
	bool rdma;

	if ((from->wire_flags & SHM_WIRE_DEAD) != 0 || from->aborted)
		return false;
	if (shm_ring_used(from->tx_head, tail, from->session->ring_bytes, &used) != 0) {
		reset(from, SAN_ECONNRESET);
		return true;
	}
	if (to == NULL || to->closed) {
		if (used > 0)
			reset(from, SAN_ECONNRESET);
		return used > 0;
	}
	if (shm_of(from)->type == SHM_TYPE_SEQPACKET)
		return pump_records(from, to);
	rdma = pump_rdma(from, to, &end);
	if ((from->wire_flags & SHM_WIRE_DEAD) != 0)
		return true;
	urgent(from, to);
	n = room(to);
	n = n < end - from->tx_head ? n : end - from->tx_head;
	n = n < PUMP_BYTES ? n : PUMP_BYTES;
	if (n > 0) {
		copy(from, to, n);
		atomic_store_explicit(&shm_of(to)->rx_tail,
		    from->session->daemon->opt.fault == FAKE_BAD_TAIL ? to->rx_tail + (64u << 20)
								      : to->rx_tail,
		    memory_order_release);
		tell(to, SHM_WAIT_IN);
		atomic_store_explicit(&shm_of(from)->tx_head, from->tx_head, memory_order_release);
		if (shm_ring_writable(used - n, from->session->ring_bytes))
			tell(from, SHM_WAIT_OUT);
	}
	/* tail was read before flags: bytes published before SHUT_WR are seen here or in the next
	 * round. */
	if ((from->closed || (flags & SHM_APP_SHUT_WR) != 0) &&
	    from->tx_head == atomic_load_explicit(&shm_of(from)->tx_tail, memory_order_acquire) &&
	    from->rdma_head == atomic_load(&shm_of(from)->rdma_tail) &&
	    (to->wire_flags & SHM_WIRE_EOF) == 0) {
		wire_set(to, SHM_WIRE_EOF, 0);
		return true;
	}
	return n > 0 || rdma;
}

bool
fake_sock_pump(struct fake_session *s)
{
	bool hold = atomic_load(&s->daemon->hold) != 0, worked = false;

	for (uint32_t n = 0; n < s->socks; n++) {
		struct fake_slot *k = &s->slots[n];

		if (k->kind == FAKE_FREE)
			continue;
		if (k->kind == FAKE_CONNECTED && !hold)
			worked |= pump(k);
		if (close_finished(k)) {
			if (k->peer != NULL && !k->aborted)
				wire_set(k->peer, SHM_WIRE_EOF, 0);
			unpair(k);
			slot_reset(k);
			worked = true;
		}
	}
	return worked;
}

void
fake_sock_ask_doorbells(struct fake_session *s)
{
	for (uint32_t n = 0; n < s->socks; n++)
		if (s->slots[n].kind == FAKE_CONNECTED)
			atomic_fetch_or(&s->sock[n].need, SHM_NEED_TX | SHM_NEED_RX);
}

void
fake_sock_break(struct fake_session *s, int err)
{
	for (uint32_t n = 0; n < s->socks; n++)
		if (s->slots[n].kind == FAKE_CONNECTED)
			reset(&s->slots[n], err);
}

void
fake_sock_wake_all(struct fake_session *s)
{
	for (uint32_t n = 0; n < s->socks; n++)
		tell(&s->slots[n], SHM_WAIT_ALL);
}
