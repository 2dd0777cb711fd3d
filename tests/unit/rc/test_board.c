/* SPDX-License-Identifier: BSD-3-Clause */
/* What is sent again, against a model that knows every copy that left. The line keeps the order and
 * loses at random, answers too; the peer keeps everything and tells of it. Then a packet is lost,
 * and known to be, as soon as something is known to have come that left after its newest copy:
 * exactly those must leave again, each once, at the next opportunity. */
#include "fixture.h"

#include "prng.h"
#include "sack.h"

#define PACKETS 3000u
#define WINDOW	100u
#define ONE_WAY 5u /* ticks */
#define TICK	SAN_DURATION_US(1)
#define SEEDS	300u
/* Ticks without news from which on nothing is lost, so that no timer runs out. */
#define SILENCE 12u
#define CALM	30u	   /* nothing is lost at first, so that a round trip is known */
#define LINE	(1u << 14) /* copies under way at most, either way; power of two */

static struct rc_block blocks[2];
static struct rc_pool pool;

struct copy {
	uint32_t packet, at;
};

struct answer {
	uint32_t at, base;
	struct sack sack;
};

static struct {
	struct prng g;
	uint32_t tick, news_at, loss, answer_loss; /* ... percent */
	/* The line there and back. */
	struct copy there[LINE];
	struct answer back[LINE];
	uint32_t there_head, there_tail, back_head, back_tail;
	/* The peer. */
	bool came[PACKETS + SACK_PACKETS + 1];
	uint32_t base;
	uint16_t duplicates;
	/* What the sender can know. */
	bool known[PACKETS];
	uint32_t high, known_base;
	uint32_t copies, newest[PACKETS], proved; /* counted from 1; 0 = none */
	uint32_t lost, repeats, probes;
} m;

static bool
chance(uint32_t percent)
{
	return m.tick > CALM && m.tick - m.news_at < SILENCE && prng_below(&m.g, 100) < percent;
}

/* --- the model -------------------------------------------------------------------------------- */

static bool
is_lost(uint32_t packet)
{
	return !m.known[packet] && m.newest[packet] < m.proved;
}

static void
learn(uint32_t packet)
{
	if (m.known[packet])
		return;
	m.known[packet] = true;
	if (m.newest[packet] > m.proved)
		m.proved = m.newest[packet];
}

static void
learn_answer(const struct answer *a)
{
	uint32_t i;

	for (; m.known_base < a->base; m.known_base++)
		learn(m.known_base);
	for (i = 0; i < SACK_PACKETS; i++)
		if ((a->sack.have[i / 64] >> i % 64 & 1) != 0)
			learn(a->base + 1 + i);
}

/* The sender sent `packet`; `probe`: it may, without any sign of loss. */
static void
model_sent(uint32_t packet, bool probe)
{
	if (packet == m.high) {
		m.high++;
	} else if (probe && !is_lost(packet)) {
		m.probes++;
		if (packet == m.high - 1)
			goto out; /* of two copies of the last one nobody knows which came */
	} else {
		assert_true(is_lost(packet));
		m.lost++;
		m.repeats++;
	}
	m.newest[packet] = ++m.copies;
out:
	if (!chance(m.loss))
		m.there[m.there_tail++ % LINE] = (struct copy){packet, m.tick + ONE_WAY};
	assert_in_range(m.there_tail - m.there_head, 0, LINE);
}

static void
peer_answer(void)
{
	struct answer a = {m.tick + ONE_WAY, m.base, {.duplicates = m.duplicates}};
	uint32_t i;

	for (i = 0; i < SACK_PACKETS; i++)
		a.sack.have[i / 64] |= (uint64_t)m.came[m.base + 1 + i] << i % 64;
	if (!chance(m.answer_loss))
		m.back[m.back_tail++ % LINE] = a;
}

static void
peer_step(void)
{
	bool heard = false;

	for (; m.there_head != m.there_tail && m.there[m.there_head % LINE].at <= m.tick;
	     m.there_head++) {
		bool *came = &m.came[m.there[m.there_head % LINE].packet];

		m.duplicates += *came;
		*came = heard = true;
	}
	while (m.came[m.base])
		m.base++;
	if (heard)
		peer_answer();
}

/* --- the sender ------------------------------------------------------------------------------- */

static void
emit(struct bench *b)
{
	struct rc_chunk chunk;
	struct roce_tx out;
	uint32_t packet;

	while (rc_emit(&b->qp, &out, &chunk, b->now) != RC_OUT_NONE) {
		packet = psn_span(out.psn, SQ_PSN);
		assert_int_equal(chunk.again, packet != m.high);
		assert_int_equal(chunk.run->tag + chunk.index, packet);
		model_sent(packet, b->qp.counters.tail_probes != m.probes);
	}
	for (packet = m.known_base; packet < m.high; packet++)
		assert_false(is_lost(packet));
}

static void
hear(struct bench *b, const struct answer *a)
{
	uint8_t bytes[SACK_LEN_MAX];
	size_t len = sack_encode(bytes, &a->sack);
	/* A NAK where something is known to be missing, once per gap; else ACKs tell. */
	bool gap = len > 4 && prng_below(&m.g, 2) == 0;
	struct roce_pkt p = {.opcode = ROCE_RC_ACK,
	    .dest_qp = 0x11,
	    .psn = psn_add(SQ_PSN, a->base + (gap ? 0 : PSN_MASK)),
	    .ext.syndrome = gap ? AETH_NAK_SEQ : AETH_ACK_UNLIMITED,
	    .payload = bytes,
	    .payload_len = (uint16_t)len};

	learn_answer(a);
	rc_receive(&b->qp, &p, b->now, &b->in);
	assert_int_equal(b->qp.una, psn_add(SQ_PSN, m.known_base));
	m.news_at = m.tick;
}

static void
hear_all(struct bench *b)
{
	for (; m.back_head != m.back_tail && m.back[m.back_head % LINE].at <= m.tick; m.back_head++)
		hear(b, &m.back[m.back_head % LINE]);
}

static void
post(struct bench *b, uint32_t *posted)
{
	while (*posted < PACKETS && bench_post(b, 10, 1, *posted) == 0)
		++*posted;
}

static void
run(uint64_t seed, struct bench *b)
{
	struct rc_open o = bench_defaults();
	uint32_t posted = 0, reaped = 0;

	memset(&m, 0, sizeof m);
	m.g.state = seed;
	m.loss = 1 + prng_below(&m.g, 30);
	m.answer_loss = prng_below(&m.g, 30);
	rc_pool_init(&pool, blocks, sizeof blocks / sizeof *blocks, 0);
	o.pool = &pool;
	o.features = RC_FEATURE_SACK;
	o.params.window_packets = WINDOW;
	bench_open(b, &o);
	while (reaped < PACKETS) {
		post(b, &posted);
		emit(b);
		m.tick++;
		bench_wait(b, TICK);
		peer_step();
		hear_all(b);
		reaped += bench_reaped(b);
		assert_in_range(pool.lent, 0, 1);
	}
	assert_int_equal(reaped, PACKETS);
}

/* --- what is promised ------------------------------------------------------------------------- */

static void
board__repeats_what_the_model_says(void **state)
{
	struct bench b;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run(seed, &b);
		assert_int_equal(b.qp.counters.timeouts, 0);
		assert_int_equal(b.qp.counters.mistakes, 0);
		assert_int_equal(b.qp.counters.lost, m.lost);
		assert_int_equal(b.qp.counters.tx_repeats, m.repeats + m.probes);
		assert_int_equal(pool.lent, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(board__repeats_what_the_model_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
