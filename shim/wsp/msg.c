/* SPDX-License-Identifier: BSD-3-Clause */
#include "msg.h"

#include "bytes.h"
#include "ring.h"
#include "seq.h"
#include "sock.h"
#include "wsp_err.h"

/* Our word of a slot, under rx_lock: every answer before this position has been taken. Never behind
 * rx_head. */
enum { RX_ANSWERED = 4 }; /* rx_priv; the words before it are stream.c's */

/* Where a socket's records are: in message mode its rings hold them, else those beside the stream.
 */
struct lane {
	struct byte_ring tx, rx;
	_Atomic uint32_t *tx_tail, *tx_head, *rx_tail, *rx_head;
	bool beside;
};

static struct lane
lane_of(SOCKET s)
{
	struct shm_sock *k = prov_shm(s);
	uint32_t slot = prov_slot(s);

	if (prov.socks[slot].message)
		return (struct lane){shm_map_tx(&prov.map, slot), shm_map_rx(&prov.map, slot),
		    &k->tx_tail, &k->tx_head, &k->rx_tail, &k->rx_head, false};
	return (struct lane){shm_map_rdma_tx(&prov.map, slot), shm_map_rdma_rx(&prov.map, slot),
	    &k->rdma_tail, &k->rdma_head, &k->rdma_rx_tail, &k->rdma_rx_head, true};
}

int
msg_error(SOCKET s)
{
	struct shm_sock *k = prov_shm(s);
	/* The end of what a stream's peer sends is not the connection's. */
	uint32_t over =
	    prov.socks[prov_slot(s)].message ? SHM_WIRE_EOF | SHM_WIRE_DEAD : SHM_WIRE_DEAD;
	uint32_t flags;

	if (sock_phase(s) != SOCK_CONNECTED)
		return sock_phase(s) == SOCK_FAILED ? sock_failure(s) : WSAENOTCONN;
	/* Acquire: wire_err, and the last positions, were stored before the flag. */
	flags = atomic_load_explicit(&k->wire_flags, memory_order_acquire);
	if ((flags & SHM_WIRE_ERROR) != 0)
		return wsp_err_from_san(atomic_load_explicit(&k->wire_err, memory_order_relaxed));
	if ((flags & over) != 0 || prov_gone())
		return WSAECONNRESET;
	return 0;
}

uint32_t
msg_max(SOCKET s)
{
	uint32_t ours = shm_record_max(prov.map.tx_ring_bytes);

	if (sock_phase(s) != SOCK_CONNECTED)
		return ours;
	return prov_shm(s)->msg_max < ours ? prov_shm(s)->msg_max : ours;
}

uint32_t
msg_write_max(SOCKET s)
{
	return shm_record_max(lane_of(s).tx.size);
}

uint32_t
msg_read_max(SOCKET s)
{
	return shm_read_max(lane_of(s).rx.size);
}

/* --- to the daemon --- */

static void
gather(const struct byte_ring *tx, uint32_t pos, const struct iovec *iov, uint32_t len)
{
	for (; len > 0; iov++) {
		uint32_t n = iov->iov_len < len ? (uint32_t)iov->iov_len : len;

		byte_ring_write(tx, pos, iov->iov_base, n);
		pos += n;
		len -= n;
	}
}

/* tx_lock held. */
static int
put_locked(SOCKET s, const struct shm_tx_record *r, const struct iovec *iov, uint32_t *end)
{
	struct shm_sock *k = prov_shm(s);
	const struct lane l = lane_of(s);
	uint32_t tail = atomic_load_explicit(l.tx_tail, memory_order_relaxed), used;
	uint32_t bytes = shm_record_bytes(shm_tx_payload(r));
	struct shm_tx_record put = *r;

	if (l.beside) {
		if ((atomic_load_explicit(&k->app_flags, memory_order_relaxed) & SHM_APP_SHUT_WR) !=
		    0)
			return WSAESHUTDOWN;
		put.after = atomic_load_explicit(&k->tx_tail, memory_order_relaxed);
	}
	/* Acquire: the daemon has read the bytes before the head. */
	if (shm_ring_used(atomic_load_explicit(l.tx_head, memory_order_acquire), tail, l.tx.size,
		&used) != 0 ||
	    l.tx.size - used < bytes)
		return WSAEWOULDBLOCK;
	shm_tx_record_put(&l.tx, tail, &put);
	gather(&l.tx, tail + SHM_RECORD_HEAD, iov, shm_tx_payload(r));
	*end = tail + bytes;
	/* Release for the bytes; seq_cst for prov_tell. */
	atomic_store_explicit(l.tx_tail, *end, memory_order_seq_cst);
	prov_tell(k, SHM_NEED_TX, s);
	return 0;
}

int
msg_put(SOCKET s, const struct shm_tx_record *r, const struct iovec *iov, uint32_t *end)
{
	struct prov_hold hold;
	int err;

	if (prov_hold(&hold, &prov_shm(s)->tx_lock) != 0)
		return WSAEWOULDBLOCK;
	err = prov_is_open(s) ? put_locked(s, r, iov, end) : WSAENOTSOCK;
	prov_release(&hold);
	return err;
}

bool
msg_done(SOCKET s, uint32_t end)
{
	uint32_t head = atomic_load_explicit(lane_of(s).tx_head, memory_order_acquire);

	return seq32_diff(head, end) >= 0;
}

/* --- from the daemon --- */

static void
scatter(const struct byte_ring *rx, uint32_t pos, const struct iovec *iov, uint32_t len)
{
	for (; len > 0; iov++) {
		uint32_t n = iov->iov_len < len ? (uint32_t)iov->iov_len : len;

		byte_ring_read(rx, pos, iov->iov_base, n);
		pos += n;
		len -= n;
	}
}

/* A place in the rx ring; rx_lock held. */
struct reader {
	struct shm_sock *k;
	struct byte_ring ring;
	_Atomic uint32_t *head;
	uint32_t pos, tail;
	struct shm_rx_record record; /* what stands at pos */
};

static void
reader_start(struct reader *r, SOCKET s, bool answers)
{
	const struct lane l = lane_of(s);

	r->k = prov_shm(s);
	r->ring = l.rx;
	r->head = l.rx_head;
	r->pos = answers ? r->k->rx_priv[RX_ANSWERED]
			 : atomic_load_explicit(l.rx_head, memory_order_relaxed);
	/* Acquire: the records before the tail. */
	r->tail = atomic_load_explicit(l.rx_tail, memory_order_acquire);
}

/* Bytes of the record at pos; 0 if there is none, or what stands there is none. */
static uint32_t
reader_look(struct reader *r)
{
	int bytes = shm_rx_record_get(&r->ring, r->pos, r->tail, &r->record);

	return bytes > 0 ? (uint32_t)bytes : 0;
}

static void
head_set(SOCKET s, const struct reader *r, uint32_t head)
{
	if (seq32_diff(r->k->rx_priv[RX_ANSWERED], head) < 0)
		r->k->rx_priv[RX_ANSWERED] = head;
	/* Release: we have read the bytes before the head; seq_cst for prov_tell. */
	atomic_store_explicit(r->head, head, memory_order_seq_cst);
	prov_tell(r->k, SHM_NEED_RX, s);
}

/* rx_lock held: from the head to the first message, over answers that were taken. Bytes of the
 * message's record, 0 if there is none yet. */
static uint32_t
message_find(SOCKET s, struct reader *r)
{
	uint32_t bytes, from, end;

	reader_start(r, s, false);
	from = r->pos;
	end = r->k->rx_priv[RX_ANSWERED];
	while ((bytes = reader_look(r)) != 0 && r->record.kind != SHM_RX_MESSAGE) {
		if (seq32_diff(r->pos, end) >= 0) { /* an answer nobody took yet */
			bytes = 0;
			break;
		}
		r->pos += bytes;
	}
	if (r->pos != from)
		head_set(s, r, r->pos);
	return bytes;
}

/* rx_lock held. */
static int
take_locked(SOCKET s, const struct iovec *iov, int count, DWORD *got)
{
	struct reader r;
	/* Before the ring is looked at: the flags are stored behind the last record. */
	int gone = msg_error(s);
	uint32_t bytes = message_find(s, &r), len;
	size_t room = 0;

	*got = 0;
	if (bytes == 0)
		return gone != 0 ? gone : WSAEWOULDBLOCK;
	for (int i = 0; i < count; i++)
		room += iov[i].iov_len;
	len = (r.record.flags & SHM_RX_WRITTEN) != 0 ? 0 : r.record.len;
	*got = room < len ? (DWORD)room : len;
	scatter(&r.ring, r.pos + SHM_RECORD_HEAD, iov, *got);
	head_set(s, &r, r.pos + bytes);
	return *got < len ? WSAEMSGSIZE : 0;
}

int
msg_take(SOCKET s, const struct iovec *iov, int count, DWORD *bytes)
{
	struct prov_hold hold;
	int err;

	*bytes = 0;
	if (prov_hold(&hold, &prov_shm(s)->rx_lock) != 0)
		return WSAEWOULDBLOCK;
	err = prov_is_open(s) ? take_locked(s, iov, count, bytes) : WSAENOTSOCK;
	prov_release(&hold);
	return err;
}

bool
msg_waiting(SOCKET s)
{
	struct prov_hold hold;
	struct reader r;
	bool found;

	if (prov_hold(&hold, &prov_shm(s)->rx_lock) != 0)
		return false;
	found = prov_is_open(s) && message_find(s, &r) != 0;
	prov_release(&hold);
	return found;
}

/* rx_lock held. */
static int
answer_locked(SOCKET s, const struct iovec *iov, uint32_t most, uint32_t *tag, uint32_t *len)
{
	struct reader r;
	uint32_t bytes;
	int err = WSAEWOULDBLOCK;

	reader_start(&r, s, true);
	while ((bytes = reader_look(&r)) != 0 && r.record.kind == SHM_RX_MESSAGE)
		r.pos += bytes;
	if (bytes != 0) {
		*tag = r.record.tag;
		*len = r.record.len;
		err = *len > most ? WSAEMSGSIZE : 0;
	}
	if (err == 0) {
		scatter(&r.ring, r.pos + SHM_RECORD_HEAD, iov, *len);
		r.pos += bytes;
	}
	r.k->rx_priv[RX_ANSWERED] = r.pos;
	if (err == 0)
		(void)message_find(
		    s, &r); /* gives back its room, unless a message stands before it */
	return err;
}

int
msg_answer(SOCKET s, const struct iovec *iov, uint32_t most, uint32_t *tag, uint32_t *len)
{
	struct prov_hold hold;
	int err;

	if (prov_hold(&hold, &prov_shm(s)->rx_lock) != 0)
		return WSAEWOULDBLOCK;
	err = prov_is_open(s) ? answer_locked(s, iov, most, tag, len) : WSAENOTSOCK;
	prov_release(&hold);
	return err;
}
