/* SPDX-License-Identifier: BSD-3-Clause */
/* Credits against a peer that takes everything the rules allow, in random order: it uses each of
 * its credits at once, posts few buffers and late, and gives up at the first RNR NAK (rnr_retry 0).
 * Oracle: it never gets one, is never sent more than it posted, and once both programs read, every
 * byte arrives: no two sides wait for each other. */
#include "fixture.h"

#include "prng.h"

struct peer {
	struct prng prng;
	/* Its receive side: buffers posted and not yet used, and those it has to post again. */
	uint32_t posted, used;
	uint32_t got;  /* messages of ours */
	uint32_t told; /* newest message of ours it told us we may send */
	uint32_t read; /* bytes of ours */
	/* Its send side, by the formula of the standard: Bufs - (last sent - MSeqAck). */
	uint32_t sent, limit, written, total;
	bool asked; /* ChRcvBuf under way */
};

static uint32_t
peer_credits(const struct peer *p)
{
	return p->limit - p->sent;
}

static void
peer_say(struct bench *b, struct peer *p, uint8_t mid, uint32_t len)
{
	b->peer_mseq = p->sent + 1;
	b->peer_mseq_ack = p->got;
	b->peer_bufs = (uint16_t)p->posted;
	p->told = p->got + p->posted;
	p->sent++;
	p->written += len;
	bench_message(b, mid, 0, len, (struct sdp_ext){.size = 4096});
	assert_int_equal(sdp_violation(&b->c), SDP_VIOLATION_NONE);
	assert_int_equal(sdp_state(&b->c), SDP_STATE_OPEN);
}

/* One message if the rules allow any; a reason to speak is drawn, not needed. */
static void
peer_speak(struct bench *b, struct peer *p)
{
	uint32_t left = p->total - p->written, len = PAYLOAD;

	if (prng_below(&p->prng, 3) == 0)
		len = 1 + prng_below(&p->prng, PAYLOAD);
	if (len > left)
		len = left;
	if (peer_credits(p) >= 3 && len != 0)
		peer_say(b, p, SDP_DATA, len);
	else if (peer_credits(p) >= 2 && !p->asked && prng_below(&p->prng, 8) == 0) {
		p->asked = true;
		peer_say(b, p, SDP_CH_RCV_BUF, 0);
	} else if (peer_credits(p) >= 1 && p->got + p->posted - p->told >= 1)
		peer_say(b, p, SDP_DATA, 0);
}

static int32_t
reserve_of(const struct sdp_msg *m)
{
	if (m->payload_len != 0)
		return 2;
	return m->h.mid == SDP_DATA ? 0 : 1;
}

/* Everything we have to say reaches it. */
static void
peer_listen(struct bench *b, struct peer *p)
{
	bench_emit(b);
	for (uint32_t i = 0; i < b->count; i++) {
		const struct sdp_msg *m = &b->out[i].m;

		assert_int_not_equal(b->out[i].tx.ext.syndrome & 0xe0, AETH_RNR);
		if (!b->out[i].is_msg)
			continue;
		assert_true(p->posted > 0); /* it would answer RNR */
		p->posted--;
		p->used++;
		assert_int_equal(m->h.mseq, ++p->got);
		/* Payload leaves two buffers, control one; only an update may take the last. */
		assert_true(seq32_diff(p->told, p->got) >= reserve_of(m));
		for (uint32_t k = 0; k < m->payload_len; k++)
			assert_int_equal(m->payload[k], (uint8_t)(p->read + k));
		p->read += m->payload_len;
		if (m->h.mid == SDP_CH_RCV_BUF_ACK)
			p->asked = false;
		assert_true(seq32_diff(m->h.mseq_ack + m->h.bufs, p->limit) >= 0);
		p->limit = m->h.mseq_ack + m->h.bufs;
	}
	bench_ack(b);
	assert_int_equal(sdp_rc_counters(&b->c)->rnr_sent, 0);
}

static void
programs_move(struct bench *b, struct peer *p, uint32_t total, bool all)
{
	uint32_t room = RING - (b->produced - sdp_tx_released(&b->c)), n = total - b->produced;
	uint32_t unread = sdp_rx_produced(&b->c) - b->c.s.rx_consumed;
	uint32_t post = all ? p->used : prng_below(&p->prng, p->used + 1);

	n = n > room ? room : n;
	bench_write(b, all ? n : prng_below(&p->prng, n + 1));
	if (all || prng_below(&p->prng, 4) == 0)
		bench_read(b);
	else if (unread != 0)
		assert_int_equal(sdp_rx_consumed(&b->c,
				     b->c.s.rx_consumed + prng_below(&p->prng, unread), b->now),
		    0);
	p->posted += post;
	p->used -= post;
}

static void
conserved(const struct bench *b, const struct peer *p)
{
	const struct sdp_session *s = &b->c.s;
	uint32_t room = RING - (s->rx_produced - s->rx_consumed);

	/* What it may still send fits the ring, but for the two that carry no payload. */
	assert_true(seq32_diff(s->announced, p->sent) >= 0);
	assert_true(
	    (seq32_diff(s->announced, s->mseq_received) - 2) * (int32_t)PAYLOAD <= (int32_t)room);
	assert_true(seq32_diff(s->tx_limit, p->got + p->posted) <= 0);
}

struct play {
	uint64_t seed;
	uint16_t ours, peers; /* credits at first: the peer's use of our buffers, ours of its */
	uint32_t pool;	      /* buffers it ever has */
	uint32_t total;	      /* bytes of ours */
};

#define PEER_TOTAL 20000u

static void
play(const struct play *how)
{
	struct peer p = {.prng = {how->seed},
	    .limit = how->ours,
	    .posted = how->peers,
	    .told = how->peers,
	    .used = how->pool - how->peers,
	    .total = PEER_TOTAL};
	struct sdp_open o;
	struct bench b;
	uint32_t i;

	bench_init(&b);
	o = bench_defaults(&b);
	o.local_credits = how->ours;
	o.peer_credits = how->peers;
	bench_open(&b, &o);
	for (i = 0; i < 20000 && (p.written < PEER_TOTAL || p.read < how->total); i++) {
		programs_move(&b, &p, how->total, i > 2000);
		peer_speak(&b, &p);
		if (i > 2000 || prng_below(&p.prng, 3) == 0)
			peer_listen(&b, &p);
		conserved(&b, &p);
	}
	if (p.written != PEER_TOTAL || p.read != how->total)
		fail_msg("seed %llu, %u/%u: stuck at %u and %u", (unsigned long long)how->seed,
		    how->ours, how->peers, p.written, p.read);
	assert_int_equal(sdp_rx_produced(&b.c), PEER_TOTAL);
}

static void
greedy__peer_never_meets_a_missing_buffer(void **state)
{
	for (uint64_t seed = 1; seed <= 30; seed++)
		play(&(struct play){
		    seed, CREDITS, (uint16_t)(3 + seed % 12), (uint32_t)(3 + seed % 12), 20000});
}

/* Both sides begin with one credit, or two, in one direction or both: only messages that grant more
 * may be sent, and they are. */
static void
greedy__starved_sides_come_to_life(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++)
		for (uint16_t ours = 1; ours <= 3; ours++)
			for (uint16_t peers = 1; peers <= 3; peers++)
				play(&(struct play){seed, ours, peers, 4, 20000});
}

/* A peer with a single buffer will never get a byte of ours, but can send: what grants it more is
 * what the last credit is for. */
static void
greedy__single_buffer_carries_the_updates(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++)
		play(&(struct play){seed, CREDITS, 1, 1, 0});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(greedy__peer_never_meets_a_missing_buffer),
	    cmocka_unit_test(greedy__starved_sides_come_to_life),
	    cmocka_unit_test(greedy__single_buffer_carries_the_updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
