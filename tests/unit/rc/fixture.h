/* SPDX-License-Identifier: BSD-3-Clause */
/* One queue pair on a bench: hand-made packets in, emitted packets out. PSNs start just below the
 * wrap, so that every test crosses it. */
#ifndef SAND_TESTS_UNIT_RC_FIXTURE_H
#define SAND_TESTS_UNIT_RC_FIXTURE_H

#include "test.h"

#include <string.h>

#include "rc.h"
#include "san_err.h"
#include "seq.h"

#define PMTU   256u
#define SQ_PSN 0xfffffeu /* ours */
#define RQ_PSN 0xfffffdu /* the peer's */
#define EMIT   512

struct bench {
	struct rc_qp qp;
	struct san_time now;
	struct rc_in in; /* of the last packet received */
	struct {
		enum rc_out kind;
		struct roce_tx tx;
		struct rc_chunk chunk;
	} out[EMIT]; /* of the last emission */
	uint32_t count;
};

static inline struct rc_open
bench_defaults(void)
{
	return (struct rc_open){
	    .qpn = 0x11,
	    .peer_qpn = 0x22,
	    .rq_psn = RQ_PSN,
	    .sq_psn = SQ_PSN,
	    .pmtu = PMTU,
	    .recv_size = 4 * PMTU,
	    .recv_limit = 1000,
	    .cc.algo = CC_NONE,
	    .params =
		{
		    .retry_count = 3,
		    .rnr_retry = 2,
		    .min_rnr_timer = 12,
		    .window_packets = 64,
		    .rto_initial = SAN_DURATION_MS(10),
		    .rto_min = SAN_DURATION_MS(1),
		    .rto_max = SAN_DURATION_MS(50),
		    .ack_delay = SAN_DURATION_US(20),
		},
	};
}

static inline void
bench_open(struct bench *b, const struct rc_open *o)
{
	memset(b, 0, sizeof *b);
	b->now.ns = 1000000;
	assert_int_equal(rc_init(&b->qp, o, b->now), 0);
}

static inline void
bench_init(struct bench *b)
{
	struct rc_open o = bench_defaults();

	bench_open(b, &o);
}

static inline void
bench_wait(struct bench *b, struct san_duration d)
{
	b->now = san_time_add(b->now, d);
	rc_deadline_expire(&b->qp, b->now);
}

/* Emit until there is nothing left. */
static inline uint32_t
bench_emit(struct bench *b)
{
	b->count = 0;
	for (;;) {
		assert_true(b->count < EMIT);
		b->out[b->count].kind =
		    rc_emit(&b->qp, &b->out[b->count].tx, &b->out[b->count].chunk, b->now);
		if (b->out[b->count].kind == RC_OUT_NONE)
			break;
		b->count++;
	}
	assert_false(rc_has_work(&b->qp, b->now));
	return b->count;
}

static inline int
bench_post(struct bench *b, uint32_t len, uint16_t count, uint32_t tag)
{
	struct rc_run m = {.kind = RC_SEND, .len = len, .count = count, .tag = tag};

	return rc_post(&b->qp, &m);
}

static inline void
bench_packet(struct bench *b, struct roce_pkt p)
{
	static const uint8_t bytes[8 * PMTU];

	p.dest_qp = 0x11;
	p.psn &= PSN_MASK;
	p.payload = bytes;
	rc_receive(&b->qp, &p, b->now, &b->in);
}

/* A request, `ahead` packets from the first one the peer sends. */
static inline void
bench_request(struct bench *b, uint8_t opcode, uint32_t ahead, uint16_t len, bool ackreq)
{
	bench_packet(
	    b, (struct roce_pkt){
		   .opcode = opcode, .psn = RQ_PSN + ahead, .payload_len = len, .ackreq = ackreq});
}

/* An answer to the packet `ahead` from the first one we send. */
static inline void
bench_answer(struct bench *b, uint8_t syndrome, uint32_t ahead)
{
	bench_packet(
	    b, (struct roce_pkt){
		   .opcode = ROCE_RC_ACK, .psn = SQ_PSN + ahead, .ext.syndrome = syndrome});
}

/* Number of the emitted packet, counted from the first PSN. */
static inline uint32_t
bench_sent(const struct bench *b, uint32_t i)
{
	assert_true(i < b->count);
	assert_int_equal(b->out[i].kind, RC_OUT_REQUEST);
	return psn_add(b->out[i].tx.psn, 0x1000000u - SQ_PSN);
}

/* The only thing emitted is this response. */
static inline void
bench_expect_response(struct bench *b, uint8_t syndrome, uint32_t ahead, uint32_t msn)
{
	assert_int_equal(bench_emit(b), 1);
	assert_int_equal(b->out[0].kind, RC_OUT_RESPONSE);
	assert_int_equal(b->out[0].tx.opcode, ROCE_RC_ACK);
	assert_int_equal(b->out[0].tx.dest_qp, 0x22);
	assert_int_equal(b->out[0].tx.ext.syndrome, syndrome);
	assert_int_equal(b->out[0].tx.psn, psn_add(RQ_PSN, ahead));
	assert_int_equal(b->out[0].tx.ext.msn, msn);
}

/* Messages reaped since the last call. */
static inline uint32_t
bench_reaped(struct bench *b)
{
	uint32_t first, count, n = 0;
	struct rc_run run;

	while (rc_reap(&b->qp, &run, &first, &count))
		n += count;
	return n;
}

#endif
