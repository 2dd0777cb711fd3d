/* SPDX-License-Identifier: BSD-3-Clause */
/* Every code an AETH can carry besides a plain ACK, one named test each way: what makes us say it,
 * and what we do when told. Times and meanings are the standard's tables (InfiniBand architecture
 * vol. 1, tables 44 to 46), written down here a second time. */
#include "fixture.h"

#define VA 0x1000u
#define PD 2

/* X(code, microseconds). The formatter never comes to rest on this one. */
/* clang-format off */
#define RNR_CODES(X) \
	X(0, 655360) X(1, 10) X(2, 20) X(3, 30) \
	X(4, 40) X(5, 60) X(6, 80) X(7, 120) \
	X(8, 160) X(9, 240) X(10, 320) X(11, 480) \
	X(12, 640) X(13, 960) X(14, 1280) X(15, 1920) \
	X(16, 2560) X(17, 3840) X(18, 5120) X(19, 7680) \
	X(20, 10240) X(21, 15360) X(22, 20480) X(23, 30720) \
	X(24, 40960) X(25, 61440) X(26, 81920) X(27, 122880) \
	X(28, 163840) X(29, 245760) X(30, 327680) X(31, 491520)
/* clang-format on */

struct rnr {
	uint8_t code;
	uint32_t us;
};

static struct rnr rnrs[] = {
#define X(code, us) {code, us},
    RNR_CODES(X)
#undef X
};

static void
rnr_said(void **state)
{
	const struct rnr *r = *state;
	struct rc_open o = bench_defaults();
	struct bench b;

	o.recv_limit = 0;
	o.params.min_rnr_timer = r->code;
	bench_open(&b, &o);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	assert_false(b.in.delivered);
	bench_expect_response(&b, (uint8_t)(0x20 | r->code), 0, 0);
	assert_int_equal(rc_error(&b.qp), 0);
}

static void
rnr_heard(void **state)
{
	const struct rnr *r = *state;
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 2, 1);
	bench_emit(&b);
	bench_answer(&b, (uint8_t)(0x20 | r->code), 1);
	assert_int_equal(bench_reaped(&b), 1); /* what was before has arrived */
	bench_wait(&b, SAN_DURATION_US(r->us - 1));
	assert_int_equal(bench_emit(&b), 0);
	bench_wait(&b, SAN_DURATION_US(1));
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(bench_sent(&b, 0), 1);
}

/* ---- NAKs we say ---- */

static struct rc_mr slots[2];
static struct rc_mrs mrs;

static void
open_with_mrs(struct bench *b)
{
	struct rc_open o = bench_defaults();

	assert_int_equal(rc_mrs_init(&mrs, slots, 2, (struct prng){1}), 0);
	o.mrs = &mrs;
	o.pd = PD;
	bench_open(b, &o);
}

static void
nak_60_sequence__said(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 1, 5, true);
	bench_expect_response(&b, 0x60, 0, 0);
	assert_int_equal(rc_error(&b.qp), 0);
}

static void
nak_61_invalid_request__said(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_LAST, 0, 5, true);
	bench_expect_response(&b, 0x61, 0, 0);
	assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
}

static void
nak_62_remote_access__said(void **state)
{
	struct bench b;

	open_with_mrs(&b);
	bench_packet(&b, (struct roce_pkt){.opcode = ROCE_RC_WRITE_ONLY,
			     .psn = RQ_PSN,
			     .payload_len = 8,
			     .ext = {.va = VA, .rkey = 0x100, .dma_len = 8}});
	bench_expect_response(&b, 0x62, 0, 0);
	assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
}

static void
nak_63_remote_operation__said(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	rc_refuse(&b.qp, &b.in);
	bench_expect_response(&b, 0x63, 0, 0);
	assert_int_equal(rc_error(&b.qp), SAN_EIO);
}

/* ---- NAKs we hear: three messages under way, the second is meant ---- */

static void
hear(struct bench *b, uint8_t syndrome)
{
	bench_init(b);
	bench_post(b, 10, 3, 1);
	bench_emit(b);
	bench_answer(b, syndrome, 1);
}

static void
nak_60_sequence__heard(void **state)
{
	struct bench b;

	hear(&b, 0x60);
	assert_int_equal(bench_reaped(&b), 1);
	assert_true(bench_emit(&b) > 0);
	assert_int_equal(bench_sent(&b, 0), 1);
	assert_int_equal(rc_error(&b.qp), 0);
}

static void
expect_fatal(uint8_t syndrome)
{
	uint32_t first, count;
	struct rc_run run;
	struct bench b;

	hear(&b, syndrome);
	assert_int_equal(rc_error(&b.qp), SAN_ECONNRESET);
	assert_int_equal(b.qp.fatal, syndrome);
	assert_int_equal(bench_reaped(&b), 1);
	assert_true(rc_flush(&b.qp, &run, &first, &count));
	assert_int_equal(first, 1); /* the one refused, and what came behind it */
	assert_int_equal(count, 2);
	assert_int_equal(bench_emit(&b), 0);
}

static void
nak_61_invalid_request__heard(void **state)
{
	expect_fatal(0x61);
}

static void
nak_62_remote_access__heard(void **state)
{
	expect_fatal(0x62);
}

static void
nak_63_remote_operation__heard(void **state)
{
	expect_fatal(0x63);
}

/* Of reliable datagrams: nobody can mean it, but whoever says it has given up. */
static void
nak_64_invalid_datagram__heard(void **state)
{
	expect_fatal(0x64);
}

/* Codes without a meaning change nothing but a counter. */
static void
reserved_syndromes__heard(void **state)
{
	struct bench b;

	for (unsigned syndrome = 0x40; syndrome < 0x100; syndrome++) {
		if (syndrome >= 0x60 && syndrome < 0x80)
			continue;
		hear(&b, (uint8_t)syndrome);
		assert_int_equal(rc_error(&b.qp), 0);
		assert_int_equal(b.qp.counters.rx_acks_stale, 1);
		assert_int_equal(bench_reaped(&b), 0);
		assert_int_equal(bench_emit(&b), 0);
	}
}

static const struct CMUnitTest fixed[] = {
    cmocka_unit_test(nak_60_sequence__said),
    cmocka_unit_test(nak_61_invalid_request__said),
    cmocka_unit_test(nak_62_remote_access__said),
    cmocka_unit_test(nak_63_remote_operation__said),
    cmocka_unit_test(nak_60_sequence__heard),
    cmocka_unit_test(nak_61_invalid_request__heard),
    cmocka_unit_test(nak_62_remote_access__heard),
    cmocka_unit_test(nak_63_remote_operation__heard),
    cmocka_unit_test(nak_64_invalid_datagram__heard),
    cmocka_unit_test(reserved_syndromes__heard),
};

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define X(code, us)                                                           \
	{"rnr_" #code "_" #us "us__said", rnr_said, NULL, NULL, &rnrs[code]}, \
	    {"rnr_" #code "_" #us "us__heard", rnr_heard, NULL, NULL, &rnrs[code]},
	    RNR_CODES(X)
#undef X
	};

	return cmocka_run_group_tests_name("naks", fixed, NULL, NULL) +
	       cmocka_run_group_tests_name("rnr", tests, NULL, NULL);
}
