/* SPDX-License-Identifier: BSD-3-Clause */
#include "beside.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "mr.h"
#include "san_err.h"
#include "sdp_host.h"
#include "seq.h"

#define VA_BASE UINT64_C(0x7f0000000000)

static void
bytes_fill(uint8_t *to, uint32_t qpn, uint32_t number, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		to[i] = program_byte(qpn + number, ((uint64_t)number << 20) + i);
}

/* Work number `i` of this queue pair writes these; those of UINT32_MAX are in its memory at first.
 */
static void
work_bytes(uint32_t qpn, uint32_t i, uint8_t *to, uint32_t len)
{
	bytes_fill(to, qpn, i + 1, len);
}

static struct beside_work
work_draw(struct stream *s)
{
	const struct beside_script *x = &s->setup.beside;
	bool can_read = x->reads != 0 && s->open.initiator_depth != 0;
	struct beside_work w = {.read = can_read && prng_below(&s->prng, x->reads) == 0};
	uint32_t most = w.read ? shm_read_max(x->ring) : shm_record_max(x->ring);

	w.len = prng_below(&s->prng, x->len_max + 1);
	if (prng_below(&s->prng, 4) == 0) /* the edges of packets */
		w.len = w.len / s->setup.pmtu * s->setup.pmtu + prng_below(&s->prng, 2);
	if (w.len > most)
		w.len = most;
	if (w.len > BESIDE_MEMORY)
		w.len = BESIDE_MEMORY;
	w.off = prng_below(&s->prng, BESIDE_MEMORY - w.len + 1);
	return w;
}

static void
memory_lend(struct stream *s)
{
	struct beside *b = s->beside;

	b->memory = malloc(BESIDE_MEMORY);
	b->final = malloc(BESIDE_MEMORY);
	b->model = malloc(BESIDE_MEMORY);
	san_check(b->memory != NULL && b->final != NULL && b->model != NULL);
	work_bytes(s->qpn, UINT32_MAX, b->memory, BESIDE_MEMORY);
	work_bytes(s->peer_qpn, UINT32_MAX, b->model, BESIDE_MEMORY);
	b->va = VA_BASE + ((uint64_t)s->qpn << 20) + prng_below(&s->prng, 1000);
	san_check(
	    rc_mr_register(&s->host->mrs, s->qpn, b->va, s->setup.beside.far ? NULL : b->memory,
		BESIDE_MEMORY, RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE, &b->key) == 0);
}

void
beside_open(struct stream *s, struct sdp_open *o)
{
	const struct beside_script *x = &s->setup.beside;
	struct beside *b = s->beside = calloc(1, sizeof *b);

	san_check(b != NULL);
	b->ring_bytes = malloc(2 * (size_t)x->ring);
	b->expected = malloc(x->ring);
	b->work = calloc(x->works + 1, sizeof *b->work);
	san_check(b->ring_bytes != NULL && b->expected != NULL && b->work != NULL);
	rdma_rings_init(&b->rings, b->ring_bytes, x->ring);
	for (uint32_t i = 0; i < x->works; i++)
		b->work[i] = work_draw(s);
	memory_lend(s);
	o->lent = &b->lent;
	o->mrs = &s->host->mrs;
	o->zcopy_threshold = s->setup.zcopy_threshold;
	o->zcopy = o->zcopy_threshold != 0 && o->initiator_depth + o->responder_resources != 0;
}

void
beside_drop(struct stream *s)
{
	struct beside *b = s->beside;

	if (b->key == 0)
		return;
	san_check(rc_mr_deregister(&s->host->mrs, b->key) == 0);
	b->key = 0;
	memcpy(b->final, b->memory, BESIDE_MEMORY);
}

void
beside_fini(struct stream *s)
{
	struct beside *b = s->beside;

	if (b == NULL)
		return;
	if (b->memory != NULL) {
		beside_drop(s);
		san_check(memcmp(b->final, b->memory, BESIDE_MEMORY) == 0);
	}
	free(b->ring_bytes);
	free(b->expected);
	free(b->work);
	free(b->memory);
	free(b->final);
	free(b->model);
	free(b);
}

/* --- far memory ------------------------------------------------------------------------------- */

void
beside_received(struct stream *s)
{
	struct beside *b = s->beside;
	struct rc_far far;

	b->look = true;
	if (!sdp_far_write(&s->conn, &far))
		return;
	san_check(
	    far.key == b->key && far.va >= b->va && far.va + far.len <= b->va + BESIDE_MEMORY);
	memcpy(b->memory + (far.va - b->va), far.bytes, far.len);
}

void
beside_far_read(const struct stream *s, struct roce_tx *tx)
{
	const struct beside *b = s->beside;

	if (tx->seg_count == 0 || tx->seg[0].base != NULL || tx->seg[0].len == 0)
		return;
	san_check(tx->ext.rkey == b->key && tx->ext.va >= b->va &&
		  tx->ext.va + tx->seg[0].len <= b->va + BESIDE_MEMORY);
	tx->seg[0].base = b->memory + (tx->ext.va - b->va);
}

/* --- what must come of it --------------------------------------------------------------------- */

static void
model_advance(const struct stream *s, uint32_t to)
{
	struct beside *b = s->beside;

	for (; b->applied < to; b->applied++) {
		const struct beside_work *w = &b->work[b->applied];

		if (!w->read)
			work_bytes(s->qpn, b->applied, b->model + w->off, w->len);
	}
}

/* The memory is the model with works up to `high`, or with a part of them: packet by packet. */
static bool
model_reaches(const struct stream *s, const uint8_t *memory, uint32_t high)
{
	const struct beside *b = s->beside;
	uint8_t scratch[BESIDE_MEMORY], bytes[BESIDE_MEMORY];

	if (memcmp(memory, b->model, BESIDE_MEMORY) == 0)
		return true;
	memcpy(scratch, b->model, BESIDE_MEMORY);
	for (uint32_t i = b->applied; i < high; i++) {
		const struct beside_work *w = &b->work[i];
		uint32_t at, len;

		work_bytes(s->qpn, i, bytes, w->len);
		for (at = 0; !w->read && at < w->len; at += len) {
			len = w->len - at < s->setup.pmtu ? w->len - at : s->setup.pmtu;
			memcpy(scratch + w->off + at, bytes + at, len);
			if (memcmp(memory, scratch, BESIDE_MEMORY) == 0)
				return true;
		}
	}
	return false;
}

void
beside_check(const struct stream *s)
{
	const struct stream *peer = stream_peer(s);
	const struct beside *b = s->beside;
	uint32_t arrived, low = b->done, high;

	if (peer == NULL)
		return;
	arrived = sdp_rx_produced(&peer->conn);
	for (; low < b->put && seq32_diff(arrived, b->work[low].after) > 0; low++)
		san_check(!b->work[low].read); /* bytes overtook it */
	model_advance(s, low);
	for (high = low; high < b->put && seq32_diff(arrived, b->work[high].after) >= 0; high++)
		if (b->work[high].read)
			break;
	san_check(model_reaches(s, peer->beside->memory, high));
}

/* --- the program ------------------------------------------------------------------------------ */

/* The answer to work number `i`, a READ, as it is now and must still be when it is taken. */
static uint32_t
answer_check(struct stream *s, uint32_t i, uint32_t at)
{
	const struct beside_work *w = &s->beside->work[i];
	struct beside *b = s->beside;
	const struct byte_ring expected = {b->expected, s->setup.beside.ring};
	struct shm_rx_record r;
	uint8_t bytes[BESIDE_MEMORY];
	int n = shm_rx_record_get(&b->rings.rx, at, b->rings.rx_tail, &r);

	san_check(n > 0 && r.kind == SHM_RX_READ_DATA && r.len == w->len && r.tag == i);
	byte_ring_read(&b->rings.rx, at + SHM_RECORD_HEAD, bytes, r.len);
	san_check(memcmp(bytes, b->model + w->off, r.len) == 0);
	shm_rx_record_put(&expected, at, &r);
	byte_ring_write(&expected, at + SHM_RECORD_HEAD, bytes, r.len);
	return at + (uint32_t)n;
}

static void
works_done(struct stream *s, struct san_time now)
{
	struct beside *b = s->beside;
	uint32_t answer = b->rings.rx_tail;

	if (!rdma_rings_done(&b->rings, &s->conn))
		return;
	b->look = true;
	while (b->done < b->put && seq32_diff(b->work[b->done].end, b->rings.head) <= 0) {
		if (b->work[b->done].read) {
			/* Nothing behind it has begun: the peer's memory is what it found. */
			beside_check(s);
			san_check(b->applied == b->done);
			answer = answer_check(s, b->done, answer);
		}
		stream_trace(s, now, "RDMA done", b->done);
		b->done++;
	}
	san_check(b->done > 0 && b->work[b->done - 1].end == b->rings.head);
	san_check(answer == b->rings.rx_tail);
}

static struct san_time
pause(struct stream *s, struct san_time now, struct san_duration max)
{
	return san_time_add(
	    now, (struct san_duration){max.ns == 0 ? 0 : prng_u64(&s->prng) % max.ns});
}

static void
answer_take(struct stream *s, struct san_time now)
{
	struct beside *b = s->beside;
	const struct byte_ring expected = {b->expected, s->setup.beside.ring};
	uint8_t is[BESIDE_MEMORY + SHM_RECORD_HEAD], was[BESIDE_MEMORY + SHM_RECORD_HEAD];
	struct shm_rx_record r;
	int n;

	if (!san_time_reached(b->take_at, now))
		return;
	n = shm_rx_record_get(&b->rings.rx, b->rings.rx_head, b->rings.rx_tail, &r);
	san_check(n >= 0);
	if (n == 0)
		return;
	byte_ring_read(&b->rings.rx, b->rings.rx_head, is, SHM_RECORD_HEAD + r.len);
	byte_ring_read(&expected, b->rings.rx_head, was, SHM_RECORD_HEAD + r.len);
	san_check(memcmp(is, was, SHM_RECORD_HEAD + r.len) == 0);
	san_check(rdma_rings_consumed(&b->rings, b->rings.rx_head + (uint32_t)n));
	b->take_at = pause(s, now, s->setup.beside.take_pause_max);
}

static uint32_t
record_bytes(const struct beside_work *w)
{
	return shm_record_bytes(w->read ? 0 : w->len);
}

static bool
put_room(const struct stream *s)
{
	const struct beside *b = s->beside;
	uint32_t used = b->rings.tail - b->rings.head;

	san_check(used <= s->setup.beside.ring);
	return b->put < s->setup.beside.works && !s->shut && !s->dead &&
	       used + record_bytes(&b->work[b->put]) <= s->setup.beside.ring;
}

static void
work_put(struct stream *s, struct san_time now)
{
	struct beside *b = s->beside;
	struct beside_work *w = &b->work[b->put];
	const struct stream *peer = stream_peer(s);
	uint8_t bytes[BESIDE_MEMORY];
	struct shm_tx_record r;

	if (!put_room(s) || !san_time_reached(b->put_at, now))
		return;
	san_check(peer != NULL);
	w->after = (uint32_t)s->written;
	r = (struct shm_tx_record){.op = w->read ? SHM_TX_READ : SHM_TX_WRITE,
	    .len = w->len,
	    .tag = b->put,
	    .key = peer->beside->key,
	    .va = peer->beside->va + w->off,
	    .after = w->after};
	shm_tx_record_put(&b->rings.tx, b->rings.tail, &r);
	if (!w->read) {
		work_bytes(s->qpn, b->put, bytes, w->len);
		byte_ring_write(&b->rings.tx, b->rings.tail + SHM_RECORD_HEAD, bytes, w->len);
	}
	w->end = b->rings.tail + record_bytes(w);
	stream_trace(s, now, w->read ? "RDMA READ" : "RDMA WRITE", b->put);
	b->put++;
	san_check(rdma_rings_produced(&b->rings, w->end));
	b->put_at = pause(s, now, s->setup.beside.put_pause_max);
}

/* --- between program and engine: what poll/ does ---------------------------------------------- */

static void
bytes_give(struct stream *s, uint32_t pos, struct san_time now)
{
	struct beside *b = s->beside;

	b->told = pos;
	san_check(sdp_tx_produced(&s->conn, pos, now) == 0);
	if (b->urgent_due && seq32_diff(s->urgent_sent, pos) <= 0) {
		b->urgent_due = false;
		sdp_tx_urgent(&s->conn, s->urgent_sent);
	}
}

void
beside_push(struct stream *s, struct san_time now)
{
	struct beside *b = s->beside;
	struct shm_tx_record r;
	int n, err = 0;

	while (
	    err == 0 && (n = rdma_rings_next(&b->rings, b->told, (uint32_t)s->written, &r)) > 0) {
		bytes_give(s, r.after, now);
		err = rdma_rings_post(&b->rings, &s->conn, &r, (uint32_t)n);
	}
	san_check(n >= 0 && (err == 0 || err == SAN_EAGAIN));
	if (err != 0)
		return;
	bytes_give(s, (uint32_t)s->written, now);
	if (b->shut_due) {
		b->shut_due = false;
		sdp_shut(&s->conn, now);
	}
}

void
beside_step(struct stream *s, struct san_time now)
{
	works_done(s, now);
	answer_take(s, now);
	work_put(s, now);
}

struct san_time
beside_next(const struct stream *s)
{
	const struct beside *b = s->beside;
	struct san_time t = SAN_TIME_NEVER;

	if (put_room(s))
		t = b->put_at;
	if (b->rings.rx_head != b->rings.rx_tail)
		t = san_time_min(t, b->take_at);
	return t;
}

bool
beside_all_put(const struct stream *s)
{
	return s->beside == NULL || s->beside->put == s->setup.beside.works;
}

bool
beside_all_done(const struct stream *s)
{
	return s->beside == NULL || s->beside->done == s->setup.beside.works;
}
