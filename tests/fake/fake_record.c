/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_record.h"

#include <string.h>
#include <unistd.h>

#include "ring.h"
#include "san_err.h"
#include "seq.h"

#define HEAD	 32u
#define MEMORIES 64

enum { SEND = 1, WRITE = 2, READ = 3 }; /* tx */
enum { MESSAGE = 1, READ_DATA = 2 };	/* rx */

struct head {
	uint8_t op, flags;
	uint16_t zero;
	uint32_t len, tag, key;
	uint64_t va;
	uint32_t after, zero2;
};

/* --- memory --- */

static struct fake_memory memories[MEMORIES];
static uint32_t last_key = 0x1000;

int64_t
fake_memory_add(struct fake_session *s, uint32_t slot, const struct proto_mem *m, int fd)
{
	const struct fake_slot *k = slot < s->socks ? &s->slots[slot] : NULL;

	const struct shm_region *r = fake_region(s);
	bool heap = m->off != PROTO_MEM_OUTSIDE;

	if (k == NULL || (fd >= 0) == heap || m->va + m->len < m->va || m->rights == 0 ||
	    m->rights > (PROTO_MEM_READ | PROTO_MEM_WRITE))
		return SAN_EINVAL;
	if (heap && (m->off < r->heap_off || m->len > r->heap_bytes ||
			m->off - r->heap_off > r->heap_bytes - m->len))
		return SAN_EINVAL;
	if (k->kind != FAKE_CONNECTED || k->wire_flags != 0)
		return SAN_ENOTCONN;
	for (unsigned i = 0; i < MEMORIES; i++) {
		if (memories[i].used)
			continue;
		memories[i] = (struct fake_memory){true, s, slot, ++last_key, m->rights, m->va,
		    m->len, fd, heap ? s->base + m->off : NULL};
		atomic_fetch_add(heap ? &s->daemon->in_heap : &s->daemon->outside, 1);
		return last_key;
	}
	return SAN_ENOBUFS;
}

static void
memory_free(struct fake_memory *m)
{
	if (m->fd >= 0)
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

/* The rings that hold a socket's records, and how far they have come. */
struct lane {
	struct byte_ring tx, rx;
	uint32_t *head, *rx_tail;
	_Atomic uint32_t *tail, *rx_head;
	bool beside;
};

static struct lane
lane_of(struct fake_slot *k)
{
	struct shm_sock *shm = &k->session->sock[k->slot];
	uint32_t n = k->session->ring_bytes;
	uint8_t *rings = k->session->rings + k->slot * shm_slot_rings(n, n),
		*beside = rings + 2 * n;

	if (shm->type == SHM_TYPE_SEQPACKET)
		return (struct lane){{rings, n}, {rings + n, n}, &k->tx_head, &k->rx_tail,
		    &shm->tx_tail, &shm->rx_head, false};
	return (struct lane){{beside, SAN_RDMA_RING}, {beside + SAN_RDMA_RING, SAN_RDMA_RING},
	    &k->rdma_head, &k->rdma_rx_tail, &shm->rdma_tail, &shm->rdma_rx_head, true};
}

static uint32_t
padded(uint32_t len)
{
	return HEAD + (len + 7) / 8 * 8;
}

/* Free bytes of the rx ring; 0 also if the program's position makes no sense. */
static uint32_t
room(const struct lane *to)
{
	uint32_t used;

	if (shm_ring_used(atomic_load(to->rx_head), *to->rx_tail, to->rx.size, &used) != 0)
		return 0;
	return to->rx.size - used;
}

static void
rx_put(const struct lane *to, uint8_t kind, uint32_t tag, const uint8_t *payload, uint32_t len)
{
	struct head h = {.op = kind, .len = len, .tag = tag};

	byte_ring_write(&to->rx, *to->rx_tail, &h, sizeof h);
	byte_ring_write(&to->rx, *to->rx_tail + HEAD, payload, len);
	*to->rx_tail += padded(len);
}

static uint8_t payload[1 << 20];

/* 1: done, 0: not now, -1: refused. */
static int
send_message(const struct lane *l, struct fake_slot *to, const struct head *h)
{
	struct lane peer = lane_of(to);

	if (room(&peer) < padded(h->len))
		return 0;
	byte_ring_read(&l->tx, *l->head + HEAD, payload, h->len);
	rx_put(&peer, MESSAGE, 0, payload, h->len);
	return 1;
}

static int
write_memory(const struct lane *l, struct fake_slot *to, const struct head *h)
{
	const struct fake_memory *m = memory_find(to, h, PROTO_MEM_WRITE);

	byte_ring_read(&l->tx, *l->head + HEAD, payload, h->len);
	if (m == NULL)
		return -1;
	if (m->at != NULL) {
		memcpy(m->at + (h->va - m->va), payload, h->len);
		return 1;
	}
	return pwrite(m->fd, payload, h->len, (off_t)h->va) == (ssize_t)h->len ? 1 : -1;
}

static int
read_memory(const struct lane *l, struct fake_slot *to, const struct head *h)
{
	const struct fake_memory *m = memory_find(to, h, PROTO_MEM_READ);
	/* Room for the answer and the longest message behind it. */
	uint32_t need = padded(h->len) + (l->beside ? 0 : l->rx.size / 4);

	if (m == NULL)
		return -1;
	if (room(l) < need)
		return 0;
	if (m->at != NULL)
		memcpy(payload, m->at + (h->va - m->va), h->len);
	else if (pread(m->fd, payload, h->len, (off_t)h->va) != (ssize_t)h->len)
		return -1;
	rx_put(l, READ_DATA, h->tag, payload, h->len);
	return 1;
}

static bool
valid(const struct lane *l, const struct head *h, uint32_t used)
{
	uint32_t most = h->op == READ ? l->rx.size / 8 : l->tx.size / 4 - HEAD;

	return used >= HEAD && h->op >= (l->beside ? WRITE : SEND) && h->op <= READ &&
	       (h->flags & ~3u) == 0 && h->zero == 0 && h->zero2 == 0 && h->len <= most &&
	       (h->op == READ || padded(h->len) <= used) &&
	       (h->op != SEND || (h->key == 0 && h->va == 0)) && (l->beside || h->after == 0);
}

/* The next record: its bytes, 0 if there is none, -1 if it is none. */
static int64_t
look(const struct lane *l, uint32_t tail, struct head *h)
{
	uint32_t used;

	if (shm_ring_used(*l->head, tail, l->tx.size, &used) != 0)
		return -1;
	if (used == 0)
		return 0;
	byte_ring_read(&l->tx, *l->head, h, sizeof *h);
	if (!valid(l, h, used))
		return -1;
	return h->op == READ ? HEAD : padded(h->len);
}

/* Records, as long as none has to wait: for room, or for bytes of the stream. */
static int64_t
lane_pump(struct fake_slot *from, const struct lane *l, uint32_t *end)
{
	uint32_t tail = atomic_load_explicit(l->tail, memory_order_acquire);
	int64_t moved = 0, bytes;
	struct head h;

	while ((bytes = look(l, tail, &h)) > 0) {
		int done = 0;

		if (l->beside && seq32_diff(h.after, *end) < 0)
			*end = h.after;
		if (l->beside && seq32_diff(from->tx_head, h.after) < 0)
			return moved;
		if (h.op == SEND)
			done = send_message(l, from->peer, &h);
		else if (h.op == WRITE)
			done = write_memory(l, from->peer, &h);
		else
			done = read_memory(l, from->peer, &h);
		if (done <= 0)
			return done < 0 ? -1 : moved;
		*l->head += (uint32_t)bytes;
		moved += bytes;
	}
	return bytes < 0 ? -1 : moved;
}

int64_t
fake_record_pump(struct fake_slot *from)
{
	struct lane l = lane_of(from);

	return lane_pump(from, &l, NULL);
}

int64_t
fake_rdma_pump(struct fake_slot *from, uint32_t *end)
{
	struct lane l = lane_of(from);
	uint32_t all = *end;
	int64_t moved = lane_pump(from, &l, end);
	struct head h;

	/* What held the bytes back may be done. */
	if (moved > 0 && look(&l, atomic_load(l.tail), &h) == 0)
		*end = all;
	return moved;
}
