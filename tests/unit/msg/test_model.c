/* SPDX-License-Identifier: BSD-3-Clause */
/* Both programs do all they can, at random, over air that loses, doubles and reorders; each looks
 * into its rx ring only now and then, so that rings fill up. Whatever happens: messages arrive
 * whole, once and in order; READs are answered in order with what stands there; WRITEs are in place
 * once they are done; requests are done in order. */
#include "pair.h"

enum { STEPS = 60000, WRITE_PART = REGION / 2 };

/* What one program has done and must see. */
struct program {
	uint32_t sent, sent_len[4096]; /* messages */
	uint32_t seen;
	uint32_t reads, answered;
	struct {
		uint32_t at, len;
	} read[4096];
	uint8_t shadow[WRITE_PART]; /* what the peer's region shall look like */
};

static struct pair pair;
static struct program program[2];

/* Byte `i` of message `n` of `side`. */
static uint8_t
message_byte(int side, uint32_t n, uint32_t i)
{
	return (uint8_t)(side * 101 + n * 31 + i * 7 + (i >> 8));
}

static void
do_send(int side)
{
	struct program *g = &program[side];
	uint8_t bytes[RING / 4];
	uint32_t len = prng_below(&pair.prng, 3) == 0
			   ? prng_below(&pair.prng, shm_record_max(RING) + 1)
			   : prng_below(&pair.prng, 64);

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = message_byte(side, g->sent, i);
	if (pair_send(&pair, side, bytes, len))
		g->sent_len[g->sent++ % 4096] = len;
}

/* The same memory, reached one way or the other. */
static uint32_t
some_key(int side)
{
	return pair_chance(&pair, 500) ? pair.end[side].key : pair.end[side].far_key;
}

static void
do_write(int side)
{
	uint8_t bytes[WRITE_PART];
	uint32_t len = prng_below(&pair.prng, WRITE_PART / 4),
		 at = prng_below(&pair.prng, WRITE_PART - len);
	const struct shm_tx_record r = {
	    .op = SHM_TX_WRITE, .len = len, .key = some_key(!side), .va = VA + at};

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)prng_u64(&pair.prng);
	if (pair_put(&pair, side, &r, bytes))
		memcpy(program[side].shadow + at, bytes, len);
}

static void
do_read(int side)
{
	struct program *g = &program[side];
	uint32_t len = prng_below(&pair.prng, shm_read_max(RING) + 1),
		 at = WRITE_PART + prng_below(&pair.prng, REGION - WRITE_PART - len);
	const struct shm_tx_record r = {.op = SHM_TX_READ,
	    .flags = pair_chance(&pair, 300) ? SHM_TX_FENCE : 0,
	    .len = len,
	    .key = some_key(!side),
	    .va = VA + at,
	    .tag = g->reads};

	if (!pair_put(&pair, side, &r, ""))
		return;
	g->read[g->reads % 4096].at = at;
	g->read[g->reads++ % 4096].len = len;
}

static void
message_check(int side, const struct shm_rx_record *r, const uint8_t *bytes)
{
	struct program *g = &program[!side];

	assert_true(g->seen != g->sent);
	assert_int_equal(r->len, g->sent_len[g->seen % 4096]);
	for (uint32_t i = 0; i < r->len; i++)
		assert_int_equal(bytes[i], message_byte(!side, g->seen, i));
	g->seen++;
}

static void
answer_check(int side, const struct shm_rx_record *r, const uint8_t *bytes)
{
	struct program *g = &program[side];

	assert_int_equal(r->tag, g->answered);
	assert_int_equal(r->len, g->read[g->answered % 4096].len);
	assert_memory_equal(bytes, pair.end[!side].region + g->read[g->answered % 4096].at, r->len);
	g->answered++;
}

static bool
do_take(int side)
{
	uint8_t bytes[RING / 4];
	struct shm_rx_record r;

	if (!pair_take(&pair, side, &r, bytes))
		return false;
	if (r.kind == SHM_RX_MESSAGE)
		message_check(side, &r, bytes);
	else
		answer_check(side, &r, bytes);
	return true;
}

static void
do_something(int side)
{
	uint32_t what = prng_below(&pair.prng, 100);

	if (what < 15)
		do_send(side);
	else if (what < 20)
		do_write(side);
	else if (what < 28)
		do_read(side);
	else if (what < 30)
		while (do_take(side))
			;
	else if (what < 45)
		do_take(side);
}

static bool
finished(void)
{
	for (int side = 0; side < 2; side++)
		if (msg_error(&pair.end[side].c) == 0 &&
		    msg_tx_released(&pair.end[side].c) != pair.end[side].tx_tail)
			return false;
	return true;
}

static void
play(uint64_t seed, uint32_t trouble)
{
	memset(program, 0, sizeof program);
	pair_init(&pair, seed);
	for (int side = 0; side < 2; side++)
		for (uint32_t i = WRITE_PART; i < REGION; i++)
			pair.end[side].region[i] = (uint8_t)prng_u64(&pair.prng);
	pair.loss = pair.duplicate = pair.reorder = trouble;
	for (int step = 0; step < STEPS; step++) {
		do_something(step & 1);
		pair_step(&pair);
	}
	while (!finished()) {
		assert_true(pair_step(&pair));
		while (do_take(0) || do_take(1))
			;
	}
	for (int side = 0; side < 2; side++) {
		struct program *g = &program[side];

		assert_int_equal(msg_error(&pair.end[side].c), 0);
		assert_int_equal(msg_tx_released(&pair.end[side].c), pair.end[side].tx_tail);
		assert_int_equal(g->seen, g->sent);
		assert_int_equal(g->answered, g->reads);
		assert_memory_equal(pair.end[!side].region, g->shadow, WRITE_PART);
		assert_true(g->sent > 100 && g->reads > 100);
	}
}

static void
over_good_air(void **state)
{
	play(1, 0);
	/* Rings were full at times: the peer had to wait, and did. */
	assert_true(pair.end[0].c.v.qp.counters.rnr_sent > 0);
}

static void
over_bad_air(void **state)
{
	for (uint64_t seed = 2; seed < 8; seed++)
		play(seed, 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(over_good_air),
	    cmocka_unit_test(over_bad_air),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
