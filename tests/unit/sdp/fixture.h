/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection on a bench: hand-made SDP messages in, decoded emissions out. The peer is a
 * script. */
#ifndef SAND_TESTS_UNIT_SDP_FIXTURE_H
#define SAND_TESTS_UNIT_SDP_FIXTURE_H

#include "test.h"

#include <string.h>

#include "san_err.h"
#include "sdp_msg.h"
#include "sdp_priv.h"

#define PMTU	256u
#define PAYLOAD (PMTU - SDP_BSDH_LEN)
#define RING	4096u
#define CREDITS (RING / PAYLOAD + 2)
#define SQ_PSN	0xfffffeu
#define RQ_PSN	0xfffffdu
#define EMIT	256

struct bench {
	struct sdp_conn c;
	struct san_time now;
	uint8_t tx[RING], rx[RING];
	struct sdp_lent lent;
	struct rc_mr mr[4];
	struct rc_mrs mrs;
	uint32_t produced; /* by our program */
	/* the peer */
	uint32_t peer_psn, peer_mseq, peer_mseq_ack;
	uint16_t peer_bufs;
	/* the last emission */
	struct {
		struct roce_tx tx;
		struct sdp_msg m; /* valid if is_msg */
		bool is_msg;
		uint8_t bytes[PMTU];
	} out[EMIT];
	uint32_t count;
};

static inline struct sdp_open
bench_defaults(struct bench *b)
{
	return (struct sdp_open){
	    .active = true,
	    .qpn = 0x11,
	    .peer_qpn = 0x22,
	    .rq_psn = RQ_PSN,
	    .sq_psn = SQ_PSN,
	    .pmtu = PMTU,
	    .local_rcv_size = PMTU,
	    .peer_rcv_size = PMTU,
	    .local_credits = CREDITS,
	    .peer_credits = CREDITS,
	    .tx = {b->tx, RING},
	    .rx = {b->rx, RING},
	    .cc.algo = CC_NONE,
	    .rc =
		{
		    .retry_count = 3,
		    .rnr_retry = 7,
		    .min_rnr_timer = 12,
		    .window_packets = 64,
		    .rto_initial = SAN_DURATION_MS(10),
		    .rto_min = SAN_DURATION_MS(1),
		    .rto_max = SAN_DURATION_MS(50),
		    .ack_delay = SAN_DURATION_US(20),
		},
	    .disconn_timeout = SAN_DURATION_S(5),
	    .linger_timeout = SAN_DURATION_S(2),
	};
}

static inline void
bench_open(struct bench *b, const struct sdp_open *o)
{
	assert_int_equal(sdp_conn_init(&b->c, o, b->now), 0);
	b->peer_psn = RQ_PSN;
	b->peer_mseq = 1;
	b->peer_bufs = o->peer_credits;
}

static inline void
bench_init(struct bench *b)
{
	struct sdp_open o;

	memset(b, 0, sizeof *b);
	b->now.ns = 1000000;
	o = bench_defaults(b);
	bench_open(b, &o);
}

/* A connection that advertises from `threshold` bytes on, to a peer that may read. */
static inline void
bench_init_zcopy(struct bench *b, uint32_t threshold)
{
	struct sdp_open o;

	bench_init(b);
	assert_int_equal(rc_mrs_init(&b->mrs, b->mr, 4, (struct prng){1}), 0);
	o = bench_defaults(b);
	o.lent = &b->lent;
	o.zcopy = true;
	o.mrs = &b->mrs;
	o.responder_resources = o.initiator_depth = SDP_READS_MAX;
	o.zcopy_threshold = threshold;
	bench_open(b, &o);
}

/* Receive the peer's next packet: this opcode, these bytes. */
static inline void
bench_packet(struct bench *b, uint8_t opcode, const uint8_t *bytes, uint32_t len)
{
	struct roce_pkt p = {.opcode = opcode,
	    .dest_qp = 0x11,
	    .psn = b->peer_psn,
	    .payload = bytes,
	    .payload_len = (uint16_t)len,
	    .ackreq = true};

	b->peer_psn = psn_add(b->peer_psn, 1);
	sdp_packet_receive(&b->c, &p, NULL, b->now);
}

/* Receive the peer's next message. `len` bytes of payload count up from the first. */
static inline void
bench_message(struct bench *b, uint8_t mid, uint8_t flags, uint32_t len, struct sdp_ext ext)
{
	uint8_t bytes[2 * PMTU];
	struct sdp_bsdh h = {.mid = mid,
	    .flags = flags,
	    .bufs = b->peer_bufs,
	    .mseq = b->peer_mseq++,
	    .mseq_ack = b->peer_mseq_ack};
	size_t head = sdp_msg_encode_header(bytes, &h, &ext);
	uint32_t i;

	h.len = (uint32_t)head + len;
	sdp_msg_encode_header(bytes, &h, &ext);
	for (i = 0; i < len; i++)
		bytes[head + i] = (uint8_t)i;
	bench_packet(b, ROCE_RC_SEND_ONLY, bytes, h.len);
}

static inline void
bench_data(struct bench *b, uint32_t len)
{
	bench_message(b, SDP_DATA, 0, len, (struct sdp_ext){0});
}

static inline void
bench_simple(struct bench *b, uint8_t mid)
{
	bench_message(b, mid, 0, 0, (struct sdp_ext){0});
}

/* The peer acknowledges everything we have sent, on the transport only. */
static inline void
bench_ack(struct bench *b)
{
	struct roce_pkt p = {.opcode = ROCE_RC_ACK,
	    .dest_qp = 0x11,
	    .psn = psn_add(b->c.s.qp.high, PSN_MASK),
	    .ext.syndrome = AETH_ACK_UNLIMITED};

	sdp_packet_receive(&b->c, &p, NULL, b->now);
}

static inline void
bench_wait(struct bench *b, struct san_duration d)
{
	b->now = san_time_add(b->now, d);
	sdp_deadline_expire(&b->c, b->now);
}

/* Emit everything; SDP messages are decoded, RC answers counted as such. */
static inline uint32_t
bench_emit(struct bench *b)
{
	uint32_t i, j, at;

	b->count = 0;
	while (sdp_emit(&b->c, &b->out[b->count].tx, 1, b->now) == 1) {
		struct roce_tx *tx = &b->out[b->count].tx;
		uint8_t *bytes = b->out[b->count].bytes;

		i = b->count++;
		assert_true(b->count < EMIT);
		memcpy(bytes, tx->inline_bytes, tx->inline_len);
		for (j = 0, at = tx->inline_len; j < tx->seg_count; at += tx->seg[j++].len)
			memcpy(bytes + at, tx->seg[j].base, tx->seg[j].len);
		b->out[i].is_msg = tx->opcode == ROCE_RC_SEND_ONLY;
		if (b->out[i].is_msg)
			assert_int_equal(sdp_msg_decode(bytes, at, &b->out[i].m), 0);
	}
	assert_false(sdp_has_work(&b->c, b->now));
	return b->count;
}

/* The n-th SDP message of the last emission, NULL if there are fewer. */
static inline const struct sdp_msg *
bench_out(const struct bench *b, uint32_t n)
{
	for (uint32_t i = 0; i < b->count; i++)
		if (b->out[i].is_msg && n-- == 0)
			return &b->out[i].m;
	return NULL;
}

static inline uint32_t
bench_out_count(const struct bench *b)
{
	uint32_t n = 0;

	while (bench_out(b, n) != NULL)
		n++;
	return n;
}

/* Our program writes `n` bytes that count up with their position. */
static inline void
bench_write(struct bench *b, uint32_t n)
{
	for (; n > 0; n--, b->produced++)
		b->tx[b->produced & (RING - 1)] = (uint8_t)b->produced;
	assert_int_equal(sdp_tx_produced(&b->c, b->produced, b->now), 0);
}

/* Our program reads everything. */
static inline void
bench_read(struct bench *b)
{
	assert_int_equal(sdp_rx_consumed(&b->c, sdp_rx_produced(&b->c), b->now), 0);
}

/* The only message emitted. */
static inline const struct sdp_msg *
bench_expect_one(struct bench *b, uint8_t mid)
{
	bench_emit(b);
	assert_int_equal(bench_out_count(b), 1);
	assert_int_equal(bench_out(b, 0)->h.mid, mid);
	return bench_out(b, 0);
}

static inline void
bench_expect_dead(struct bench *b, int error)
{
	assert_int_equal(sdp_state(&b->c), SDP_STATE_DEAD);
	assert_int_equal(sdp_error(&b->c), error);
	assert_true(sdp_events_take(&b->c) & SDP_EV_DEAD);
	assert_int_equal(bench_emit(b), 0);
	assert_int_equal(sdp_deadline(&b->c).ns, UINT64_MAX);
}

#endif
