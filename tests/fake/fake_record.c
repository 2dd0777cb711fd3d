/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_record.h"

#include <string.h>
#include <unistd.h>

#include "ring.h"
#include "san_err.h"

#define HEAD	 32u
#define MEMORIES 64

enum { SEND = 1, WRITE = 2, READ = 3 }; /* tx */
enum { MESSAGE = 1, READ_DATA = 2 };	/* rx */

struct head {
	uint8_t op, flags;
	uint16_t zero;
	uint32_t len, tag, key;
	uint64_t va, zero2;
};

/* --- memory --- */

static struct fake_memory memories[MEMORIES];
static uint32_t last_key = 0x1000;

int64_t
fake_memory_add(struct fake_session *s, uint32_t slot, const struct proto_mem *m, int fd)
{
	const struct fake_slot *k = slot < s->socks ? &s->slots[slot] : NULL;

	if (k == NULL || fd < 0 || m->off != PROTO_MEM_OUTSIDE || m->va + m->len < m->va ||
	    m->rights == 0 || m->rights > (PROTO_MEM_READ | PROTO_MEM_WRITE))
		return SAN_EINVAL;
	if (k->kind != FAKE_CONNECTED || k->wire_flags != 0)
		return SAN_ENOTCONN;
	if (s->sock[slot].type != SHM_TYPE_SEQPACKET)
		return SAN_EOPNOTSUPP;
	for (unsigned i = 0; i < MEMORIES; i++) {
		if (memories[i].used)
			continue;
		memories[i] =
		    (struct fake_memory){true, s, slot, ++last_key, m->rights, m->va, m->len, fd};
		return last_key;
	}
	return SAN_ENOBUFS;
}

static void
memory_free(struct fake_memory *m)
{
	close(m->fd);
	m->used = false;
}

int
fake_memory_del(struct fake_session *s, uint32_t slot, uint32_t key)
{
	for (unsigned i = 0; i < MEMORIES; i++) {
		struct fake_memory *m = &memories[i];

		if (m->used && m->session == s && m->slot == slot && m->key == key) {
			memory_free(m);
			return 0;
		}
	}
	return SAN_ENOENT;
}

void
fake_memory_forget(struct fake_session *s, uint32_t slot)
{
	for (unsigned i = 0; i < MEMORIES; i++)
		if (memories[i].used && memories[i].session == s && memories[i].slot == slot)
			memory_free(&memories[i]);
}

static const struct fake_memory *
memory_find(const struct fake_slot *owner, const struct head *h, uint32_t right)
{
	for (unsigned i = 0; i < MEMORIES; i++) {
		const struct fake_memory *m = &memories[i];

		if (m->used && m->session == owner->session && m->slot == owner->slot &&
		    m->key == h->key && (m->rights & right) != 0 && h->va >= m->va &&
		    h->len <= m->len && h->va - m->va <= m->len - h->len)
			return m;
	}
	return NULL;
}

/* --- records --- */

static struct byte_ring
ring_of(const struct fake_slot *k, bool rx)
{
	uint32_t n = k->session->ring_bytes;

	return (struct byte_ring){k->session->rings + (size_t)k->slot * 2 * n + (rx ? n : 0), n};
}

static uint32_t
padded(uint32_t len)
{
	return HEAD + (len + 7) / 8 * 8;
}

/* Free bytes of the rx ring; 0 also if the program's position makes no sense. */
static uint32_t
room(const struct fake_slot *to)
{
	uint32_t used;

	if (shm_ring_used(atomic_load(&to->session->sock[to->slot].rx_head), to->rx_tail,
		to->session->ring_bytes, &used) != 0)
		return 0;
	return to->session->ring_bytes - used;
}

static void
rx_put(struct fake_slot *to, uint8_t kind, uint32_t tag, const uint8_t *payload, uint32_t len)
{
	struct byte_ring rx = ring_of(to, true);
	struct head h = {.op = kind, .len = len, .tag = tag};

	byte_ring_write(&rx, to->rx_tail, &h, sizeof h);
	byte_ring_write(&rx, to->rx_tail + HEAD, payload, len);
	to->rx_tail += padded(len);
}

/* 1: done, 0: not now, -1: refused. */
static int
carry_out(struct fake_slot *from, struct fake_slot *to, const struct head *h)
{
	struct byte_ring tx = ring_of(from, false);
	static uint8_t payload[1 << 20];
	const struct fake_memory *m;

	if (h->op != READ)
		byte_ring_read(&tx, from->tx_head + HEAD, payload, h->len);
	switch (h->op) {
	case SEND:
		if (room(to) < padded(h->len))
			return 0;
		rx_put(to, MESSAGE, 0, payload, h->len);
		return 1;
	case WRITE:
		m = memory_find(to, h, PROTO_MEM_WRITE);
		return m != NULL && pwrite(m->fd, payload, h->len, (off_t)h->va) == (ssize_t)h->len
			   ? 1
			   : -1;
	default:
		m = memory_find(to, h, PROTO_MEM_READ);
		if (m == NULL)
			return -1;
		/* Room for the answer and the longest message behind it. */
		if (room(from) < padded(h->len) + from->session->ring_bytes / 4)
			return 0;
		if (pread(m->fd, payload, h->len, (off_t)h->va) != (ssize_t)h->len)
			return -1;
		rx_put(from, READ_DATA, h->tag, payload, h->len);
		return 1;
	}
}

static bool
valid(const struct fake_slot *from, const struct head *h, uint32_t used)
{
	uint32_t ring = from->session->ring_bytes;
	uint32_t most = h->op == READ ? ring / 8 : ring / 4 - HEAD;

	return used >= HEAD && h->op >= SEND && h->op <= READ && (h->flags & ~3u) == 0 &&
	       h->zero == 0 && h->zero2 == 0 && h->len <= most &&
	       (h->op == READ || padded(h->len) <= used) &&
	       (h->op != SEND || (h->key == 0 && h->va == 0));
}

int64_t
fake_record_pump(struct fake_slot *from)
{
	struct shm_sock *shm = &from->session->sock[from->slot];
	struct byte_ring tx = ring_of(from, false);
	uint32_t tail = atomic_load_explicit(&shm->tx_tail, memory_order_acquire);
	int64_t moved = 0;
	uint32_t used;
	struct head h;

	for (;;) {
		uint32_t bytes;
		int done;

		if (shm_ring_used(from->tx_head, tail, tx.size, &used) != 0)
			return -1;
		if (used == 0)
			return moved;
		byte_ring_read(&tx, from->tx_head, &h, sizeof h);
		if (!valid(from, &h, used))
			return -1;
		done = carry_out(from, from->peer, &h);
		if (done <= 0)
			return done < 0 ? -1 : moved;
		bytes = h.op == READ ? HEAD : padded(h.len);
		from->tx_head += bytes;
		moved += bytes;
	}
}
