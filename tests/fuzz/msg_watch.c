/* SPDX-License-Identifier: BSD-3-Clause */
#include "msg_watch.h"

#include "record.h"
#include "san_limits.h"

enum { NEAR, READ_ONLY, FAR, FOREIGN };

/* --- memory --- */

static uint32_t
memory_size(const struct msg_watch *w)
{
	return w->tx.size + w->rx.size + WATCH_REGIONS * WATCH_REGION;
}

static void
memory_copy(const struct msg_watch *w, uint8_t *to)
{
	memcpy(to, w->tx.base, w->tx.size);
	to += w->tx.size;
	memcpy(to, w->rx.base, w->rx.size);
	to += w->rx.size;
	for (uint32_t i = 0; i < WATCH_REGIONS; i++, to += WATCH_REGION)
		memcpy(to, w->region[i].bytes, WATCH_REGION);
}

static bool
memory_same(const struct msg_watch *w, const uint8_t *as)
{
	if (memcmp(as, w->tx.base, w->tx.size) != 0 ||
	    memcmp(as + w->tx.size, w->rx.base, w->rx.size) != 0)
		return false;
	as += w->tx.size + w->rx.size;
	for (uint32_t i = 0; i < WATCH_REGIONS; i++, as += WATCH_REGION)
		if (memcmp(as, w->region[i].bytes, WATCH_REGION) != 0)
			return false;
	return true;
}

void
msg_watch_init(struct msg_watch *w, struct rc_mrs *mrs, uint32_t pd, uint32_t tx, uint32_t rx)
{
	const uint32_t both = RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE;

	memset(w, 0, sizeof *w);
	w->tx = (struct byte_ring){calloc(1, tx), tx};
	w->rx = (struct byte_ring){calloc(1, rx), rx};
	w->after = malloc(memory_size(w));
	promise(w->tx.base != NULL && w->rx.base != NULL && w->after != NULL);
	for (uint32_t i = 0; i < WATCH_REGIONS; i++) {
		struct watch_region *g = &w->region[i];

		g->va = UINT64_C(0x10000000) * (i + 1);
		g->bytes = calloc(1, WATCH_REGION);
		promise(g->bytes != NULL);
		promise(rc_mr_register(mrs, i == FOREIGN ? pd + 1 : pd, g->va,
			    i == FAR ? NULL : g->bytes, WATCH_REGION,
			    i == READ_ONLY ? RC_ACCESS_REMOTE_READ : both, &g->key) == 0);
	}
}

void
msg_watch_free(struct msg_watch *w)
{
	for (uint32_t i = 0; i < WATCH_REGIONS; i++)
		free(w->region[i].bytes);
	free(w->tx.base);
	free(w->rx.base);
	free(w->after);
}

/* --- the program --- */

void
msg_watch_put(struct msg_watch *w, struct msg_conn *c, struct script *s, struct san_time now)
{
	struct shm_tx_record r = {
	    .op = 1 + script_byte(s) % 3, .flags = script_byte(s) & SHM_TX_FLAGS};
	uint32_t limit = r.op == SHM_TX_SEND	? c->limits.send
			 : r.op == SHM_TX_WRITE ? c->limits.write
						: c->limits.read;
	uint8_t len = script_byte(s);

	r.len = len < 128 ? len : (len - 127u) * limit / 128;
	if (r.len > limit)
		r.len = limit;
	if (r.op != SHM_TX_SEND) {
		r.key = script_byte(s);
		r.va = r.key * 64u;
	}
	if (w->tx.size - (w->tx_tail - msg_tx_released(c)) < shm_record_bytes(shm_tx_payload(&r)))
		return;
	if (r.op == SHM_TX_READ) {
		r.tag = w->reads;
		w->read_len[w->reads++ % WATCH_READS] = r.len;
		w->hostile |= !c->v.reads;
	}
	shm_tx_record_put(&w->tx, w->tx_tail, &r);
	w->tx_tail += shm_record_bytes(shm_tx_payload(&r));
	promise(msg_tx_produced(c, w->tx_tail, now) == 0);
}

void
msg_watch_scribble(struct msg_watch *w, struct msg_conn *c, struct script *s, struct san_time now)
{
	uint8_t bytes[64];
	uint32_t at = w->tx_tail + (int8_t)script_byte(s), tail = w->tx_tail + script_byte(s) * 4u,
		 n = (uint32_t)script_bytes(s, bytes, script_byte(s) % sizeof bytes);

	w->hostile = true;
	byte_ring_write(&w->tx, at, bytes, n);
	if (msg_tx_produced(c, tail, now) == 0)
		w->tx_tail = tail;
}

/* Of successive packets, each full but the last. */
static void
check_bytes(const struct byte_ring *ring, uint32_t at, uint32_t len, uint32_t pmtu)
{
	uint8_t bytes[SAN_PMTU_MAX], first = 0;

	for (uint32_t done = 0, n; done < len; done += n) {
		n = len - done < pmtu ? len - done : pmtu;
		byte_ring_read(ring, at + done, bytes, n);
		if (done == 0)
			first = bytes[0];
		promise(bytes[0] == (uint8_t)(first + done / pmtu));
		promise(memcmp(bytes, bytes + 1, n - 1) == 0);
	}
}

/* At `at`, before `tail`. Returns its bytes. */
static uint32_t
check_record(
    const struct msg_watch *w, uint32_t at, uint32_t tail, uint32_t pmtu, struct shm_rx_record *r)
{
	int bytes = shm_rx_record_get(&w->rx, at, tail, r);

	promise(bytes > 0 && r->zero == 0 && r->zero2[0] == 0 && r->zero2[1] == 0);
	promise((r->flags & ~(SHM_RX_SOLICITED | SHM_RX_IMM | SHM_RX_WRITTEN)) == 0);
	if ((r->flags & SHM_RX_WRITTEN) == 0)
		check_bytes(&w->rx, at + SHM_RECORD_HEAD, r->len, pmtu);
	return (uint32_t)bytes;
}

void
msg_watch_take(struct msg_watch *w, struct msg_conn *c, struct san_time now)
{
	struct shm_rx_record r;

	if (w->rx_head == w->rx_seen)
		return;
	/* It is as it was when it was first seen. */
	w->rx_head += check_record(w, w->rx_head, w->rx_seen, c->v.qp.pmtu, &r);
	promise(msg_rx_consumed(c, w->rx_head, now) == 0);
}

/* --- far memory and packets --- */

static uint8_t *
far_at(const struct msg_watch *w, uint32_t key, uint64_t va, uint32_t len)
{
	const struct watch_region *g = &w->region[FAR];

	promise(key == g->key && va >= g->va && va + len <= g->va + WATCH_REGION);
	return g->bytes + (va - g->va);
}

void
msg_watch_far(struct msg_watch *w, struct msg_conn *c, bool refuse, struct san_time now)
{
	struct rc_far far;
	uint8_t *to;

	if (!msg_far_write(c, &far))
		return;
	to = far_at(w, far.key, far.va, far.len);
	promise(c->state == MSG_STATE_OPEN);
	if (refuse)
		msg_far_refuse(c, now);
	else
		memcpy(to, far.bytes, far.len);
	promise(!refuse || c->state != MSG_STATE_OPEN);
}

static bool
inside(const uint8_t *base, uint32_t size, const uint8_t *at, uint32_t len)
{
	return at >= base && at + len <= base + size;
}

/* A request's bytes stand in records that are not released, an answer's in memory that may be read.
 */
static void
check_segment(
    const struct msg_watch *w, const struct msg_conn *c, const uint8_t *base, uint32_t len)
{
	uint32_t released = msg_tx_released(c), at;

	if (inside(w->tx.base, w->tx.size, base, len)) {
		at = ((uint32_t)(base - w->tx.base) - released) & (w->tx.size - 1);
		promise(at + len <= c->tx_produced - released);
		return;
	}
	promise(inside(w->region[NEAR].bytes, WATCH_REGION, base, len) ||
		inside(w->region[READ_ONLY].bytes, WATCH_REGION, base, len) ||
		inside(w->region[FAR].bytes, WATCH_REGION, base, len));
}

bool
msg_watch_emitted(
    struct msg_watch *w, struct msg_conn *c, struct roce_tx *tx, bool refuse, struct san_time now)
{
	bool far = tx->seg_count > 0 && tx->seg[0].base == NULL && tx->seg[0].len > 0;

	if (far) {
		tx->seg[0].base = far_at(w, tx->ext.rkey, tx->ext.va, tx->seg[0].len);
		if (refuse) {
			msg_answer_refuse(c, tx, now);
			promise(c->state != MSG_STATE_OPEN);
		}
	}
	if (tx->opcode != ROCE_RC_ACK) /* whose bytes are the engine's own */
		for (uint8_t i = 0; i < tx->seg_count; i++)
			check_segment(w, c, tx->seg[i].base, tx->seg[i].len);
	return far && refuse;
}

/* --- what must hold --- */

static void
check_answer(struct msg_watch *w, const struct shm_rx_record *r)
{
	if (!w->hostile)
		promise(w->answers != w->reads && r->tag == w->answers &&
			r->len == w->read_len[w->answers % WATCH_READS]);
	w->answers++;
}

static void
check_rx(struct msg_watch *w, const struct msg_conn *c)
{
	uint32_t tail = msg_rx_produced(c);
	struct shm_rx_record r;

	promise(tail - w->rx_head <= w->rx.size && c->rx_written - w->rx_head <= w->rx.size);
	while (w->rx_seen != tail) {
		w->rx_seen += check_record(w, w->rx_seen, tail, c->v.qp.pmtu, &r);
		if (r.kind == SHM_RX_MESSAGE)
			w->messages++;
		else
			check_answer(w, &r);
	}
}

/* What is released are whole records. */
static void
check_tx(struct msg_watch *w, const struct msg_conn *c)
{
	const struct shm_tx_limits any = {
	    .send = w->tx.size, .write = w->tx.size, .read = w->rx.size};
	uint32_t released = msg_tx_released(c);
	struct shm_tx_record r;

	promise(released - w->tx_seen <= w->tx_tail - w->tx_seen);
	while (!w->hostile && w->tx_seen != released) {
		int bytes = shm_tx_record_get(&w->tx, w->tx_seen, released, &any, &r);

		promise(bytes > 0);
		w->tx_seen += (uint32_t)bytes;
	}
	w->tx_seen = released;
}

void
msg_watch_check(struct msg_watch *w, const struct msg_conn *c)
{
	static const uint8_t zeros[WATCH_REGION];
	bool over = c->state != MSG_STATE_OPEN;

	check_rx(w, c);
	check_tx(w, c);
	promise(memcmp(w->region[READ_ONLY].bytes, zeros, WATCH_REGION) == 0);
	promise(memcmp(w->region[FOREIGN].bytes, zeros, WATCH_REGION) == 0);
	promise(w->messages <= c->counters.rx_messages);
	if (over && w->ended)
		promise(memory_same(w, w->after));
	else if (over)
		memory_copy(w, w->after);
	w->ended = over;
}
