/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream.h"

#include <string.h>

#include "bytes.h"
#include "ring.h"
#include "seq.h"
#include "sock.h"
#include "wsp_err.h"

/* Positions are published in pieces, so that the other side works on the first while we copy the
 * next. */
#define STREAM_PIECE 32768u

/* Our words of a slot. All but ERROR_TAKEN are touched under the lock of their side only. */
enum { TX_CORKED_BY_MORE }; /* tx_priv */
enum {
	RX_ERROR_TAKEN,
	RX_INLINE,
	RX_URG_TAKEN,
	RX_URG
}; /* rx_priv; RX_URG: urg_pos that was taken */

/* Where we are in a caller's vector. */
struct cursor {
	const struct iovec *iov;
	size_t off;
};

static uint32_t
vector_bytes(const struct iovec *iov, int count)
{
	size_t sum = 0;

	for (int i = 0; i < count; i++) {
		sum += iov[i].iov_len;
		if (sum > INT32_MAX || iov[i].iov_len > INT32_MAX)
			return INT32_MAX;
	}
	return (uint32_t)sum;
}

/* The next contiguous piece of at most `most` bytes (> 0, and the vector holds that many). */
static void *
cursor_next(struct cursor *c, uint32_t most, uint32_t *len)
{
	uint8_t *at;
	size_t left;

	while (c->off == c->iov->iov_len) {
		c->iov++;
		c->off = 0;
	}
	left = c->iov->iov_len - c->off;
	at = (uint8_t *)c->iov->iov_base + c->off;
	*len = left < most ? (uint32_t)left : most;
	c->off += *len;
	return at;
}

/* A socket whose rings hold bytes, not records. */
static struct wsp_sock *
find(SOCKET s, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);

	if (ws == NULL || __builtin_expect(!ws->message, 1))
		return ws;
	*err = WSAEOPNOTSUPP;
	return NULL;
}

/* --- errors --- */

int
stream_error(SOCKET s)
{
	struct shm_sock *k = prov_shm(s);
	enum sock_phase phase = sock_phase(s);
	uint32_t flags;
	int code;

	if (__atomic_load_n(&k->rx_priv[RX_ERROR_TAKEN], __ATOMIC_RELAXED) != 0)
		return 0;
	if (phase == SOCK_FAILED)
		return sock_failure(s);
	if (phase != SOCK_CONNECTED)
		return 0;
	/* Acquire: wire_err was stored before the flag. */
	flags = atomic_load_explicit(&k->wire_flags, memory_order_acquire);
	if ((flags & SHM_WIRE_ERROR) != 0) {
		code = wsp_err_from_san(atomic_load_explicit(&k->wire_err, memory_order_relaxed));
		/* A reset behind the peer's end of stream says only that it reads no more: EPIPE in
		 * Linux. */
		return code == WSAECONNRESET && (flags & SHM_WIRE_EOF) != 0 ? WSAESHUTDOWN : code;
	}
	return prov_gone() ? WSAECONNRESET : 0;
}

int
stream_take_error(SOCKET s)
{
	int unused, code;

	if (prov_find(s, &unused) == NULL)
		return unused;
	code = stream_error(s);
	/* Once in the whole family, whoever asks first. */
	if (code != 0 &&
	    __atomic_exchange_n(&prov_shm(s)->rx_priv[RX_ERROR_TAKEN], 1u, __ATOMIC_ACQ_REL) != 0)
		return 0;
	return code;
}

/* --- sending --- */

/* Why nothing can be sent now; 0 = nothing stands in the way. */
static int
send_obstacle(SOCKET s, const struct shm_sock *k)
{
	enum sock_phase phase;
	int code;

	if (__builtin_expect(
		atomic_load_explicit(&k->state, memory_order_acquire) == SHM_STATE_CONNECTED &&
		    (atomic_load_explicit(&k->wire_flags, memory_order_relaxed) &
			(SHM_WIRE_ERROR | SHM_WIRE_DEAD)) == 0 &&
		    (atomic_load_explicit(&k->app_flags, memory_order_relaxed) &
			(SHM_APP_SHUT_WR | SHM_APP_CLOSED)) == 0 &&
		    !prov_gone(),
		1))
		return 0;
	code = stream_take_error(s);
	if (code != 0)
		return code;
	phase = sock_phase(s);
	if (phase == SOCK_PENDING)
		return WSAEWOULDBLOCK;
	return phase == SOCK_CONNECTED || phase == SOCK_FAILED ? WSAESHUTDOWN : WSAENOTCONN;
}

/* MSG_MORE is a cork for one call; a cork the program set itself stays. */
static void
cork_for_more(struct shm_sock *k, bool more)
{
	uint32_t flags = atomic_load_explicit(&k->app_flags, memory_order_relaxed);

	if (more && (flags & SHM_APP_CORK) == 0) {
		k->tx_priv[TX_CORKED_BY_MORE] = 1;
		atomic_fetch_or_explicit(&k->app_flags, SHM_APP_CORK, memory_order_relaxed);
	} else if (!more && k->tx_priv[TX_CORKED_BY_MORE] != 0) {
		k->tx_priv[TX_CORKED_BY_MORE] = 0;
		atomic_fetch_and_explicit(&k->app_flags, ~SHM_APP_CORK, memory_order_relaxed);
	}
}

static void
urgent_mark(struct shm_sock *k, uint32_t behind)
{
	atomic_store_explicit(&k->tx_urg, behind, memory_order_relaxed);
	/* Release: whoever sees the new number sees its position. Before tx_tail, so that the mark
	 * never comes late. */
	atomic_fetch_add_explicit(&k->tx_urg_seq, 1, memory_order_release);
}

/* tx_lock held. Bytes taken; 0 = the ring is full. */
static uint32_t
send_copy(SOCKET s, struct shm_sock *k, const struct iovec *iov, uint32_t want, int flags)
{
	struct byte_ring ring = shm_map_tx(&prov.map, prov_slot(s));
	struct cursor c = {iov, 0};
	uint32_t tail = atomic_load_explicit(&k->tx_tail, memory_order_relaxed), used, n, done = 0;

	/* Acquire: the daemon has read the bytes before tx_head. */
	if (shm_ring_used(atomic_load_explicit(&k->tx_head, memory_order_acquire), tail, ring.size,
		&used) != 0)
		return 0;
	n = want < ring.size - used ? want : ring.size - used;
	while (done < n) {
		uint32_t stop = n - done > STREAM_PIECE ? done + STREAM_PIECE : n;

		while (done < stop) {
			uint32_t len;
			const void *from = cursor_next(&c, stop - done, &len);

			byte_ring_write(&ring, tail + done, from, len);
			done += len;
		}
		if (done == want && (flags & SAN_SEND_OOB) != 0)
			urgent_mark(k, tail + done);
		/* Release for the bytes; seq_cst for prov_tell. */
		atomic_store_explicit(&k->tx_tail, tail + done, memory_order_seq_cst);
		prov_tell(k, SHM_NEED_TX, s);
	}
	return n;
}

/* A lock that could not be had: our own signal handler sits on top of a call that holds it (waiting
 * would be for ever), or a stopped process holds it. */
static int
lock_failed(int err)
{
	return err == SAN_EALREADY ? WSAENOBUFS : WSAEWOULDBLOCK;
}

ssize_t
stream_send(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err)
{
	struct shm_sock *k = prov_shm(s);
	uint32_t want = vector_bytes(iov, count), sent = 0;
	struct prov_hold hold;
	int code;

	if (find(s, err) == NULL)
		return SOCKET_ERROR;
	code = prov_hold(&hold, &k->tx_lock);
	if (code != 0)
		return wsp_fail(err, lock_failed(code));
	/* Whoever closed the descriptor since takes this lock after doing so. */
	code = prov_is_open(s) ? send_obstacle(s, k) : WSAENOTSOCK;
	if (code == 0) {
		if (__builtin_expect(
			(flags & SAN_SEND_MORE) != 0 || k->tx_priv[TX_CORKED_BY_MORE] != 0, 0))
			cork_for_more(k, (flags & SAN_SEND_MORE) != 0);
		sent = send_copy(s, k, iov, want, flags);
		if (sent == 0 && want != 0)
			code = WSAEWOULDBLOCK;
	}
	prov_release(&hold);
	return code != 0 ? wsp_fail(err, code) : (ssize_t)sent;
}

/* --- receiving --- */

/* What of the ring may be read in one go, with regard to an urgent byte. */
struct window {
	uint32_t head;	/* first byte to read */
	uint32_t bytes; /* from there */
};

/* An out-of-band byte is not part of the stream unless the program wants it inline; reading stops
 * before it either way. */
static void
window_urgent(const struct shm_sock *k, struct window *w)
{
	uint32_t at = atomic_load_explicit(&k->urg_pos, memory_order_relaxed) - 1;
	int32_t ahead = seq32_diff(at, w->head);

	if (ahead > 0 && (uint32_t)ahead < w->bytes)
		w->bytes = (uint32_t)ahead;
	if (ahead == 0 && w->bytes > 0 && k->rx_priv[RX_INLINE] == 0) {
		w->head++;
		w->bytes--;
	}
}

static struct window
window(const struct shm_sock *k)
{
	struct window w = {atomic_load_explicit(&k->rx_head, memory_order_relaxed), 0};
	/* Acquire: the bytes before rx_tail, and what wire_flags announced before them. */
	uint32_t tail = atomic_load_explicit(&k->rx_tail, memory_order_acquire);

	if (shm_ring_used(w.head, tail, prov.map.rx_ring_bytes, &w.bytes) != 0)
		w.bytes = 0;
	if (__builtin_expect(
		(atomic_load_explicit(&k->wire_flags, memory_order_acquire) & SHM_WIRE_URGENT) != 0,
		0))
		window_urgent(k, &w);
	return w;
}

/* Nothing to read: 0 = end of stream, else a Winsock code. Linux's order: end of stream before an
 * error. */
static int
recv_obstacle(SOCKET s, const struct shm_sock *k)
{
	enum sock_phase phase = sock_phase(s);
	uint32_t flags = atomic_load_explicit(&k->wire_flags, memory_order_acquire);
	int code;

	if (phase == SOCK_IDLE || phase == SOCK_LISTENING)
		return WSAENOTCONN;
	if (phase == SOCK_PENDING)
		return WSAEWOULDBLOCK;
	if (phase == SOCK_CONNECTED && (flags & SHM_WIRE_EOF) != 0)
		return 0;
	code = stream_take_error(s);
	if (code != 0)
		return code;
	if (phase == SOCK_FAILED || (flags & (SHM_WIRE_ERROR | SHM_WIRE_DEAD)) != 0 ||
	    prov_gone() ||
	    (atomic_load_explicit(&k->app_flags, memory_order_relaxed) & SHM_APP_SHUT_RD) != 0)
		return 0;
	return WSAEWOULDBLOCK;
}

static void
consumed(SOCKET s, struct shm_sock *k, uint32_t head)
{
	/* Release: we have read the bytes before rx_head; seq_cst for prov_tell. */
	atomic_store_explicit(&k->rx_head, head, memory_order_seq_cst);
	prov_tell(k, SHM_NEED_RX, s);
}

/* rx_lock held. */
static uint32_t
recv_copy(SOCKET s, struct shm_sock *k, const struct window *w, const struct iovec *iov,
    uint32_t want, int flags)
{
	struct byte_ring ring = shm_map_rx(&prov.map, prov_slot(s));
	struct cursor c = {iov, 0};
	uint32_t n = want < w->bytes ? want : w->bytes, done = 0;

	while (done < n) {
		uint32_t stop = n - done > STREAM_PIECE ? done + STREAM_PIECE : n;

		while (done < stop) {
			uint32_t len = stop - done;

			if ((flags & SAN_RECV_DISCARD) == 0) {
				void *to = cursor_next(&c, stop - done, &len);

				byte_ring_read(&ring, w->head + done, to, len);
			}
			done += len;
		}
		if ((flags & SAN_RECV_PEEK) == 0)
			consumed(s, k, w->head + done);
	}
	return n;
}

/* rx_lock held. The urgent byte: 1, or a Winsock code negated. */
static int
recv_urgent(SOCKET s, struct shm_sock *k, const struct iovec *iov, uint32_t want, int flags)
{
	struct byte_ring ring = shm_map_rx(&prov.map, prov_slot(s));
	uint32_t len, behind, tail;

	if (sock_phase(s) != SOCK_CONNECTED)
		return -WSAENOTCONN;
	if (!stream_urgent(s) || want == 0)
		return -WSAEINVAL;
	behind = atomic_load_explicit(&k->urg_pos, memory_order_relaxed);
	tail = atomic_load_explicit(&k->rx_tail, memory_order_acquire);
	if (seq32_diff(tail, behind) < 0)
		return -WSAEWOULDBLOCK; /* announced, still on its way */
	if ((flags & SAN_RECV_DISCARD) == 0) {
		struct cursor c = {iov, 0};

		byte_ring_read(&ring, behind - 1, cursor_next(&c, 1, &len), 1);
	}
	if ((flags & SAN_RECV_PEEK) == 0) {
		__atomic_store_n(&k->rx_priv[RX_URG], behind, __ATOMIC_RELAXED);
		__atomic_store_n(&k->rx_priv[RX_URG_TAKEN], 1u, __ATOMIC_RELEASE);
	}
	return 1;
}

/* rx_lock held. Bytes, or a Winsock code negated. */
static ssize_t
recv_locked(SOCKET s, struct shm_sock *k, const struct iovec *iov, uint32_t want, int flags)
{
	struct window w = window(k);
	int code;

	if ((flags & SAN_RECV_OOB) != 0)
		return recv_urgent(s, k, iov, want, flags);
	if (__builtin_expect(w.bytes == 0, 0)) {
		code = recv_obstacle(s, k);
		/* Flags are stored behind the last byte: look at the ring once more after them. */
		w = window(k);
		if (w.bytes == 0 || code == WSAENOTCONN)
			return -code;
		/* An error that was taken came behind these bytes: it is the next one's. */
		if (code != 0 && code != WSAEWOULDBLOCK)
			__atomic_store_n(&k->rx_priv[RX_ERROR_TAKEN], 0u, __ATOMIC_RELEASE);
	}
	if (want == 0)
		return 0;
	return recv_copy(s, k, &w, iov, want, flags);
}

ssize_t
stream_recv(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err)
{
	struct shm_sock *k = prov_shm(s);
	uint32_t want = vector_bytes(iov, count);
	struct prov_hold hold;
	ssize_t n;
	int code;

	if (find(s, err) == NULL)
		return SOCKET_ERROR;
	code = prov_hold(&hold, &k->rx_lock);
	if (code != 0)
		return wsp_fail(err, lock_failed(code));
	n = prov_is_open(s) ? recv_locked(s, k, iov, want, flags) : -WSAENOTSOCK;
	prov_release(&hold);
	return n < 0 ? wsp_fail(err, (int)-n) : n;
}

/* --- questions --- */

bool
stream_inline(SOCKET s)
{
	return __atomic_load_n(&prov_shm(s)->rx_priv[RX_INLINE], __ATOMIC_RELAXED) != 0;
}

void
stream_set_inline(SOCKET s, bool on)
{
	__atomic_store_n(&prov_shm(s)->rx_priv[RX_INLINE], on ? 1u : 0u, __ATOMIC_RELAXED);
}

bool
stream_urgent(SOCKET s)
{
	struct shm_sock *k = prov_shm(s);
	uint32_t behind, head;

	if ((atomic_load_explicit(&k->wire_flags, memory_order_acquire) & SHM_WIRE_URGENT) == 0 ||
	    stream_inline(s))
		return false;
	behind = atomic_load_explicit(&k->urg_pos, memory_order_relaxed);
	head = atomic_load_explicit(&k->rx_head, memory_order_relaxed);
	if (__atomic_load_n(&k->rx_priv[RX_URG_TAKEN], __ATOMIC_ACQUIRE) != 0 &&
	    __atomic_load_n(&k->rx_priv[RX_URG], __ATOMIC_RELAXED) == behind)
		return false;
	return seq32_diff(behind, head) > 0;
}

int
stream_queue(SOCKET s, uint32_t *in, uint32_t *out, uint32_t *room, int *at_mark, LPINT err)
{
	struct shm_sock *k = prov_shm(s);
	struct window w;
	uint32_t used;

	if (prov_find(s, err) == NULL)
		return SOCKET_ERROR;
	*in = *out = *room = 0;
	*at_mark = 0;
	if (sock_phase(s) != SOCK_CONNECTED)
		return 0;
	w = window(k);
	*in = w.bytes;
	if (shm_ring_used(atomic_load_explicit(&k->tx_head, memory_order_acquire),
		atomic_load_explicit(&k->tx_tail, memory_order_relaxed), prov.map.tx_ring_bytes,
		&used) == 0) {
		*out = used;
		*room = prov.map.tx_ring_bytes - used;
	}
	if ((atomic_load_explicit(&k->wire_flags, memory_order_acquire) & SHM_WIRE_URGENT) != 0)
		*at_mark = atomic_load_explicit(&k->urg_pos, memory_order_relaxed) - 1 ==
			   atomic_load_explicit(&k->rx_head, memory_order_relaxed);
	return 0;
}
