/* SPDX-License-Identifier: BSD-3-Clause */
#include "beside_watch.h"

#include "san_err.h"
#include "san_limits.h"
#include "sdp_msg.h"
#include "seq.h"

void
beside_watch_init(struct beside_watch *w, uint32_t size, uint32_t psn, bool reads)
{
	uint8_t *bytes = calloc(2, size);

	memset(w, 0, sizeof *w);
	w->size = size;
	w->copy = calloc(2, size);
	w->final = malloc(size);
	w->wire_psn = psn;
	w->reads = reads;
	promise(bytes != NULL && w->copy != NULL && w->final != NULL);
	rdma_rings_init(&w->rings, bytes, size);
}

void
beside_watch_free(struct beside_watch *w)
{
	free(w->rings.tx.base);
	free(w->copy);
	free(w->final);
}

static struct watch_work *
work_at(struct beside_watch *w, uint32_t i)
{
	return &w->work[i & (WATCH_WORKS - 1)];
}

static struct byte_ring
copy_of(const struct beside_watch *w, bool answers)
{
	return (struct byte_ring){answers ? w->copy + w->size : w->copy, w->size};
}

/* --- the program ------------------------------------------------------------------------------ */

void
beside_watch_put(struct beside_watch *w, struct script *s)
{
	struct watch_work *k = work_at(w, w->put);
	struct byte_ring copy = copy_of(w, false);
	uint8_t how = script_byte(s), len = script_byte(s), where = script_byte(s);
	uint32_t most = how & 1 ? shm_read_max(w->size) : shm_record_max(w->size), bytes;

	*k = (struct watch_work){.r = {.op = how & 1 ? SHM_TX_READ : SHM_TX_WRITE,
				     .len = len < 128 ? len : (len - 127u) * most / 128,
				     .tag = w->put,
				     .key = 1u + where, /* 0: a probe */
				     .va = where * UINT64_C(0x123456789),
				     .after = w->produced},
	    .at = w->rings.tail};
	if (k->r.len > most)
		k->r.len = most;
	bytes = shm_record_bytes(shm_tx_payload(&k->r));
	if (w->size - (w->rings.tail - w->rings.head) < bytes || w->hostile)
		return;
	k->end = k->at + bytes;
	shm_tx_record_put(&w->rings.tx, k->at, &k->r);
	shm_tx_record_put(&copy, k->at, &k->r);
	promise(rdma_rings_produced(&w->rings, k->end));
	w->put++;
	w->hostile = k->r.op == SHM_TX_READ && !w->reads;
}

void
beside_watch_scribble(struct beside_watch *w, struct script *s)
{
	struct byte_ring copy = copy_of(w, false);
	uint32_t at = w->rings.tail + (int8_t)script_byte(s), head = w->rings.rx_head,
		 was = w->rings.tail, tail = was + (uint32_t)(int8_t)script_byte(s) * 4u;
	uint8_t bytes[64];
	uint32_t n = (uint32_t)script_bytes(s, bytes, script_byte(s) % sizeof bytes);

	/* More answers than there are: refused, and nothing changes. */
	promise(!rdma_rings_consumed(&w->rings, w->rings.rx_tail + 1u + script_byte(s)));
	promise(w->rings.rx_head == head);
	w->hostile = true;
	byte_ring_write(&w->rings.tx, at, bytes, n);
	byte_ring_write(&copy, at, bytes, n);
	if (!rdma_rings_produced(&w->rings, tail))
		w->deaf = true;
	promise(w->rings.tail - was <= w->size && w->rings.tail - w->rings.head <= w->size);
}

static void
ring_same(const struct byte_ring *a, const struct byte_ring *b, uint32_t from, uint32_t to)
{
	for (uint32_t at = from; at != to; at++)
		promise(a->base[at & (a->size - 1)] == b->base[at & (b->size - 1)]);
}

void
beside_watch_take(struct beside_watch *w)
{
	struct shm_rx_record r;
	int n = shm_rx_record_get(&w->rings.rx, w->rings.rx_head, w->rings.rx_tail, &r);

	promise(n >= 0);
	promise(rdma_rings_consumed(&w->rings, w->rings.rx_head + (uint32_t)n));
}

/* --- to the engine, and back ------------------------------------------------------------------ */

static bool
give(struct beside_watch *w, struct sdp_conn *c, uint32_t pos, struct san_time now)
{
	w->told = pos;
	return sdp_tx_produced(c, pos, now) == 0;
}

void
beside_watch_push(struct beside_watch *w, struct sdp_conn *c, struct san_time now)
{
	struct shm_tx_record r;
	int n, err = 0;

	while (!w->deaf && err == 0 &&
	       (n = rdma_rings_next(&w->rings, w->told, w->produced, &r)) != 0) {
		err = n;
		if (n < 0)
			break;
		promise(give(w, c, r.after, now));
		err = rdma_rings_post(&w->rings, c, &r, (uint32_t)n);
	}
	promise(err == 0 || err == SAN_EAGAIN || err == SAN_EPROTO);
	if (!w->deaf && err == 0)
		promise(give(w, c, w->produced, now));
	if (err == SAN_EPROTO)
		w->deaf = true;
	promise(w->hostile || !w->deaf);
}

/* Of successive packets, each full but the last. */
static void
check_bytes(const struct byte_ring *ring, uint32_t at, uint32_t len, uint32_t pmtu)
{
	uint8_t first = ring->base[at & (ring->size - 1)];

	for (uint32_t i = 0; i < len; i++)
		promise(ring->base[(at + i) & (ring->size - 1)] == (uint8_t)(first + i / pmtu));
}

static uint32_t
check_answer(struct beside_watch *w, const struct watch_work *k, uint32_t at, uint32_t pmtu)
{
	struct byte_ring copy = copy_of(w, true);
	uint8_t bytes[SAN_PMTU_MAX];
	struct shm_rx_record r;
	int n = shm_rx_record_get(&w->rings.rx, at, w->rings.rx_tail, &r);

	promise(n > 0 && r.kind == SHM_RX_READ_DATA && r.flags == 0 && r.imm == 0);
	promise(w->hostile || (r.tag == k->r.tag && r.len == k->r.len));
	promise(r.len <= sizeof bytes);
	check_bytes(&w->rings.rx, at + SHM_RECORD_HEAD, r.len, pmtu);
	byte_ring_read(&w->rings.rx, at + SHM_RECORD_HEAD, bytes, r.len);
	shm_rx_record_put(&copy, at, &r);
	byte_ring_write(&copy, at + SHM_RECORD_HEAD, bytes, r.len);
	return at + (uint32_t)n;
}

void
beside_watch_done(struct beside_watch *w, struct sdp_conn *c, uint32_t pmtu)
{
	uint32_t answer = w->rings.rx_tail;
	bool some = rdma_rings_done(&w->rings, c);

	for (; !w->hostile && w->done != w->sent; w->done++) {
		const struct watch_work *k = work_at(w, w->done);

		if (seq32_diff(k->end, w->rings.head) > 0)
			break;
		if (k->r.op == SHM_TX_READ)
			answer = check_answer(w, k, answer, pmtu);
	}
	promise(w->hostile || !some || work_at(w, w->done - 1)->end == w->rings.head);
	while (w->hostile && answer != w->rings.rx_tail)
		answer = check_answer(w, NULL, answer, pmtu);
	promise(answer == w->rings.rx_tail && seq32_diff(w->rings.next, w->rings.head) >= 0);
}

/* --- the wire --------------------------------------------------------------------------------- */

static bool
read_waits(struct beside_watch *w)
{
	for (uint32_t i = w->done; i != w->sent; i++)
		if (work_at(w, i)->r.op == SHM_TX_READ)
			return true;
	return false;
}

/* The record's turn: all bytes ahead of it have left, and none behind it. */
static const struct watch_work *
record_begin(struct beside_watch *w, uint8_t op)
{
	const struct watch_work *k = work_at(w, w->sent);

	promise(w->sent != w->put && w->wire_left == 0);
	promise(k->r.op == op && w->wire_bytes == k->r.after);
	w->wire_left = k->r.len;
	return k;
}

static void
sent_write(struct beside_watch *w, const struct roce_tx *tx, bool first, bool last)
{
	const struct watch_work *k = work_at(w, w->sent);
	uint32_t len = roce_tx_payload_len(tx), at;

	if (first && tx->ext.rkey == 0)
		return; /* a probe */
	if (first) {
		k = record_begin(w, SHM_TX_WRITE);
		promise(tx->ext.rkey == k->r.key && tx->ext.va == k->r.va);
		promise(tx->ext.dma_len == k->r.len && !read_waits(w));
	}
	at = k->at + SHM_RECORD_HEAD + k->r.len - w->wire_left;
	promise(len <= w->wire_left);
	promise(len == 0 || tx->seg[0].base == w->rings.tx.base + (at & (w->size - 1)));
	w->wire_left -= len;
	promise(last == (w->wire_left == 0));
	w->sent += last;
}

static void
sent_message(struct beside_watch *w, const struct roce_tx *tx)
{
	uint32_t payload = roce_tx_payload_len(tx) - SDP_BSDH_LEN;

	promise(w->wire_left == 0);
	if (tx->inline_bytes[0] == SDP_DISCONN)
		promise(w->done == w->put && w->wire_bytes == w->told);
	if (tx->inline_bytes[0] != SDP_DATA || payload == 0)
		return;
	promise(!read_waits(w));
	w->wire_bytes += payload;
	promise(w->sent == w->put || seq32_diff(w->wire_bytes, work_at(w, w->sent)->r.after) <= 0);
}

/* Or a part of it, no larger than the window. Returns how many PSNs it takes. */
static uint32_t
sent_read(struct beside_watch *w, const struct roce_tx *tx, uint32_t pmtu)
{
	const struct watch_work *k = work_at(w, w->sent);
	uint32_t len = tx->ext.dma_len;

	if (w->wire_left == 0)
		k = record_begin(w, SHM_TX_READ);
	promise(k->r.op == SHM_TX_READ && tx->ext.rkey == k->r.key && len <= w->wire_left);
	promise(tx->ext.va == k->r.va + k->r.len - w->wire_left);
	w->wire_left -= len;
	promise(w->wire_left == 0 || (len != 0 && len % pmtu == 0));
	w->sent += w->wire_left == 0;
	return len == 0 ? 1 : (len + pmtu - 1) / pmtu;
}

void
beside_watch_sent(struct beside_watch *w, const struct roce_tx *tx, uint32_t pmtu)
{
	uint32_t psns = 1;

	if (w->hostile || tx->opcode > ROCE_RC_READ_REQ)
		return;
	if (tx->psn != w->wire_psn) {
		promise(psn_span(w->wire_psn, tx->psn) < 1u << 23); /* again */
		return;
	}
	switch (tx->opcode) {
	case ROCE_RC_WRITE_ONLY:
		sent_write(w, tx, true, true);
		break;
	case ROCE_RC_WRITE_FIRST:
		sent_write(w, tx, true, false);
		break;
	case ROCE_RC_WRITE_MIDDLE:
		sent_write(w, tx, false, false);
		break;
	case ROCE_RC_WRITE_LAST:
		sent_write(w, tx, false, true);
		break;
	case ROCE_RC_READ_REQ:
		psns = sent_read(w, tx, pmtu);
		break;
	default:
		promise(tx->opcode == ROCE_RC_SEND_ONLY);
		sent_message(w, tx);
		break;
	}
	w->wire_psn = psn_add(w->wire_psn, psns);
}

/* --- memory ----------------------------------------------------------------------------------- */

void
beside_watch_check(struct beside_watch *w, bool over)
{
	struct byte_ring copy = copy_of(w, true);
	const struct rdma_rings *r = &w->rings;

	promise(memcmp(r->tx.base, w->copy, w->size) == 0);
	ring_same(&r->rx, &copy, r->rx_head, r->rx_tail);
	promise(r->tail - r->head <= w->size && r->rx_next - r->rx_head <= w->size);
	if (over && w->over)
		promise(memcmp(r->rx.base, w->final, w->size) == 0);
	else if (over)
		memcpy(w->final, r->rx.base, w->size);
	w->over = over;
}
