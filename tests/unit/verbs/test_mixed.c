/* SPDX-License-Identifier: BSD-3-Clause */
/* All operations mixed, both ways, over air that loses, doubles and reorders; beside it a model
 * that does each request the moment it is posted. What the model has and what came out must agree
 * to the byte. A failure is a seed: the program takes one as its argument. */
#include "pair.h"

#include <stdio.h>

#define VA	 0x10000u
#define REGION	 4096u
#define WORDS	 8u /* atomics use the first WORDS * 8 bytes, WRITEs what is behind */
#define LEN_MAX	 2000u
#define MESSAGES 400u /* per side and seed */
#define SEEDS	 150u
#define HISTORY	 1024u

/* What must come of a request. */
struct wish {
	uint8_t op;
	uint32_t len;
	uint8_t *got;  /* READ, atomic: where the answer arrives */
	uint8_t *want; /* and what it must be */
};

struct side {
	uint8_t region[REGION]; /* the peer works on it */
	uint8_t model[REGION];	/* what the peer's requests, done in order, make of it */
	uint32_t key;
	struct wish sent[HISTORY];
	uint32_t posted, done;
	/* Messages on their way to this side, and receives for them. */
	uint8_t *message[HISTORY];
	uint32_t message_len[HISTORY], message_imm[HISTORY];
	bool message_write[HISTORY];
	uint8_t *buffer[HISTORY];
	uint32_t expected, receives, received;
	bool reading; /* a READ is on its way: what changes memory now needs the fence */
};

struct mixed {
	struct pair p;
	struct side side[2];
	struct prng prng;
};

static uint32_t
draw(struct mixed *m, uint32_t bound)
{
	return prng_below(&m->prng, bound);
}

static uint8_t *
bytes_new(struct mixed *m, uint32_t len)
{
	uint8_t *b = test_malloc(len + 1);

	for (uint32_t i = 0; i < len; i++)
		b[i] = (uint8_t)prng_u64(&m->prng);
	return b;
}

static void
receive_post(struct mixed *m, int to)
{
	struct side *s = &m->side[to];

	s->buffer[s->receives] = test_malloc(LEN_MAX);
	pair_post_recv(&m->p, to, s->receives, s->buffer[s->receives], LEN_MAX);
	s->receives++;
}

static void
message_expect(struct mixed *m, int to, uint8_t *bytes, uint32_t len, const struct verbs_send *wr)
{
	struct side *s = &m->side[to];

	s->message[s->expected] = bytes;
	s->message_len[s->expected] = len;
	s->message_write[s->expected] = wr->op == VERBS_WRITE_IMM;
	s->message_imm[s->expected] = wr->op == VERBS_SEND ? 0 : wr->imm;
	s->expected++;
}

/* A request of `from`, and what the model makes of it. */
static bool
request_post(struct mixed *m, int from)
{
	static const uint8_t ops[] = {VERBS_SEND, VERBS_SEND_IMM, VERBS_WRITE, VERBS_WRITE_IMM,
	    VERBS_READ, VERBS_CMP_SWAP, VERBS_FETCH_ADD};
	struct side *s = &m->side[from], *peer = &m->side[!from];
	struct wish *w = &s->sent[s->posted];
	uint8_t op = ops[draw(m, sizeof ops)];
	bool atomic = op == VERBS_CMP_SWAP || op == VERBS_FETCH_ADD;
	uint32_t len = atomic ? 8 : draw(m, 4) == 0 ? draw(m, LEN_MAX) : draw(m, 40);
	uint32_t at = atomic ? draw(m, WORDS) * 8 : WORDS * 8 + draw(m, REGION - WORDS * 8 - len);
	struct verbs_send wr = pair_send(op, s->posted, bytes_new(m, len), len);
	uint32_t cut = len == 0 ? 0 : draw(m, len);
	uint64_t value;

	wr.sge_count = 2;
	wr.sge[0].len = cut;
	wr.sge[1] = (struct verbs_sge){wr.sge[0].base + cut, len - cut};
	wr.va = VA + at;
	wr.rkey = peer->key;
	wr.imm = (uint32_t)prng_u64(&m->prng);
	wr.swap_add = draw(m, 3);
	wr.compare = draw(m, 3);
	wr.fence = s->reading;
	if (verbs_post_send(&m->p.end[from].v, &wr) != 0) {
		test_free(wr.sge[0].base);
		return false;
	}
	*w = (struct wish){.op = op, .len = len, .got = wr.sge[0].base};
	s->posted++;
	if (op == VERBS_READ || atomic) {
		s->reading = true;
		w->want = test_malloc(len + 1);
		memcpy(w->want, peer->model + at, len);
	}
	if (op == VERBS_WRITE || op == VERBS_WRITE_IMM)
		memcpy(peer->model + at, w->got, len);
	memcpy(&value, peer->model + at, sizeof value);
	if (op == VERBS_FETCH_ADD)
		value += wr.swap_add;
	if (op == VERBS_CMP_SWAP && value == wr.compare)
		value = wr.swap_add;
	if (atomic)
		memcpy(peer->model + at, &value, sizeof value);
	if (op <= VERBS_SEND_IMM || op == VERBS_WRITE_IMM)
		message_expect(m, !from, w->got, len, &wr);
	return true;
}

static void
sends_check(struct mixed *m, int at)
{
	struct side *s = &m->side[at];
	struct verbs_done d;

	while (verbs_send_take(&m->p.end[at].v, &d)) {
		struct wish *w = &s->sent[s->done];

		assert_int_equal(d.cookie, s->done);
		assert_int_equal(d.status, VERBS_STATUS_OK);
		assert_int_equal(d.op, w->op);
		if (w->want != NULL)
			assert_memory_equal(w->got, w->want, w->len);
		s->done++;
		s->reading = s->reading && s->done != s->posted;
	}
}

static void
receives_check(struct mixed *m, int at)
{
	struct side *s = &m->side[at];
	struct verbs_done d;

	while (verbs_recv_take(&m->p.end[at].v, &d)) {
		uint32_t i = s->received++;

		assert_true(i < s->expected);
		assert_int_equal(d.cookie, i);
		assert_int_equal(d.status, VERBS_STATUS_OK);
		assert_int_equal(d.len, s->message_len[i]);
		assert_int_equal(d.write, s->message_write[i]);
		assert_int_equal(d.value, s->message_imm[i]);
		if (!d.write)
			assert_memory_equal(s->buffer[i], s->message[i], d.len);
	}
}

static void
mixed_init(struct mixed *m, uint64_t seed)
{
	memset(m, 0, sizeof *m);
	m->prng.state = seed;
	pair_init(&m->p, prng_u64(&m->prng));
	m->p.loss = draw(m, 100);
	m->p.duplicate = draw(m, 50);
	m->p.reorder = draw(m, 100);
	if (draw(m, 3) == 0)
		m->p.loss = m->p.duplicate = m->p.reorder = 0;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    rc_mr_register(&m->p.end[i].mrs, PD, VA, m->side[i].region, REGION,
			RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE | RC_ACCESS_REMOTE_ATOMIC,
			&m->side[i].key),
		    0);
}

static void
mixed_fini(struct mixed *m)
{
	for (int i = 0; i < 2; i++) {
		struct side *s = &m->side[i];

		for (uint32_t k = 0; k < s->posted; k++) {
			test_free(s->sent[k].got);
			if (s->sent[k].want != NULL)
				test_free(s->sent[k].want);
		}
		for (uint32_t k = 0; k < s->receives; k++)
			test_free(s->buffer[k]);
	}
}

/* The same number of receives as messages in the end; sometimes early, sometimes late. */
static void
act(struct mixed *m, int at)
{
	struct side *s = &m->side[at];

	if (s->posted < MESSAGES && draw(m, 3) == 0)
		request_post(m, at);
	if (s->receives < s->expected && draw(m, 3) == 0)
		receive_post(m, at);
	sends_check(m, at);
	receives_check(m, at);
}

static bool
finished(const struct side *s)
{
	return s->posted == MESSAGES && s->done == s->posted && s->received == s->expected;
}

static void
mixed_run(uint64_t seed)
{
	static struct mixed m;

	mixed_init(&m, seed);
	for (uint32_t steps = 0; !finished(&m.side[0]) || !finished(&m.side[1]); steps++) {
		assert_true(steps < 1000000);
		assert_int_equal(verbs_error(&m.p.end[0].v), 0);
		assert_int_equal(verbs_error(&m.p.end[1].v), 0);
		act(&m, 0);
		act(&m, 1);
		pair_step(&m.p);
	}
	for (int i = 0; i < 2; i++)
		assert_memory_equal(m.side[i].region, m.side[i].model, REGION);
	mixed_fini(&m);
}

static uint64_t first_seed = 1, seeds = SEEDS;

static void
everything__in_order_exactly_once(void **state)
{
	for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
		print_message("seed %llu\n", (unsigned long long)seed);
		mixed_run(seed);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(everything__in_order_exactly_once)};

	if (argc > 1) {
		first_seed = strtoull(argv[1], NULL, 0);
		seeds = 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
