/* SPDX-License-Identifier: BSD-3-Clause */
/* The matrices of messages twice: against the sentences of the standard they are made from, and
 * against a connection brought into each of their columns by real messages. */
#include "fixture.h"

#define MODE(s, mode) ((uint8_t)((s) << 7 | (mode) << 4))

/* One message of each kind, as it comes over the wire. */
static const struct {
	enum sdp_kind kind;
	uint8_t mid, mode;
	uint32_t payload, size;
} sample[] = {
    {SDP_KIND_DATA, SDP_DATA, 0, 5, 0},
    {SDP_KIND_UPDATE, SDP_DATA, 0, 0, 0},
    {SDP_KIND_SRC_AVAIL, SDP_SRC_AVAIL, 0, 5, 100},
    {SDP_KIND_SRC_AVAIL_BARE, SDP_SRC_AVAIL, 0, 0, 100},
    {SDP_KIND_SRC_AVAIL_CANCEL, SDP_SRC_AVAIL_CANCEL, 0, 0, 0},
    {SDP_KIND_RDMA_WR_COMPL, SDP_RDMA_WR_COMPL, 0, 0, 10},
    {SDP_KIND_SINK_CANCEL_ACK, SDP_SINK_CANCEL_ACK, 0, 0, 0},
    {SDP_KIND_TO_BUFFERED, SDP_MODE_CHANGE, MODE(0, 0), 0, 0},
    {SDP_KIND_TO_COMBINED, SDP_MODE_CHANGE, MODE(0, 1), 0, 0},
    {SDP_KIND_TO_PIPELINED, SDP_MODE_CHANGE, MODE(0, 2), 0, 0},
    {SDP_KIND_TO_NOWHERE, SDP_MODE_CHANGE, MODE(0, 7), 0, 0},
    {SDP_KIND_CH_RCV_BUF, SDP_CH_RCV_BUF, 0, 0, 4096},
    {SDP_KIND_DISCONN, SDP_DISCONN, 0, 0, 0},
    {SDP_KIND_ABORT_CONN, SDP_ABORT_CONN, 0, 0, 0},
    {SDP_KIND_SUSP_COMM, SDP_SUSP_COMM, 0, 0, 0},
    {SDP_KIND_SUSP_COMM_ACK, SDP_SUSP_COMM_ACK, 0, 0, 0},
    {SDP_KIND_HELLO, SDP_HELLO, 0, 0, 0},
    {SDP_KIND_HELLO_ACK, SDP_HELLO_ACK, 0, 0, 0},
    {SDP_KIND_UNKNOWN, 0x33, 0, 0, 0},
    {SDP_KIND_SEND_SM, SDP_SEND_SM, 0, 0, 0},
    {SDP_KIND_RDMA_RD_COMPL, SDP_RDMA_RD_COMPL, 0, 0, 10},
    {SDP_KIND_SINK_AVAIL, SDP_SINK_AVAIL, 0, 0, 100},
    {SDP_KIND_SINK_AVAIL_CANCEL, SDP_SINK_AVAIL_CANCEL, 0, 0, 0},
    {SDP_KIND_SINK_BUFFERED, SDP_MODE_CHANGE, MODE(1, 0), 0, 0},
    {SDP_KIND_SINK_COMBINED, SDP_MODE_CHANGE, MODE(1, 1), 0, 0},
    {SDP_KIND_SINK_PIPELINED, SDP_MODE_CHANGE, MODE(1, 2), 0, 0},
    {SDP_KIND_SINK_NOWHERE, SDP_MODE_CHANGE, MODE(1, 3), 0, 0},
    {SDP_KIND_CH_RCV_BUF_ACK, SDP_CH_RCV_BUF_ACK, 0, 0, PMTU},
};
#define SAMPLES (sizeof sample / sizeof *sample)

static void
send_sample(struct bench *b, size_t i)
{
	bench_message(b, sample[i].mid, 0, sample[i].payload,
	    (struct sdp_ext){.mode = sample[i].mode, .size = sample[i].size});
}

/* A connection whose peer's source half stands at `at`. */
static void
bench_at(struct bench *b, enum sdp_rx_at at)
{
	bench_init(b);
	if (at == SDP_RX_BUFFERED)
		bench_message(b, SDP_MODE_CHANGE, 0, 0, (struct sdp_ext){.mode = MODE(0, 0)});
	if (at == SDP_RX_PIPELINED || at == SDP_RX_PIPELINED_ADVERT)
		bench_message(b, SDP_MODE_CHANGE, 0, 0, (struct sdp_ext){.mode = MODE(0, 2)});
	if (at == SDP_RX_COMBINED_ADVERT)
		bench_message(b, SDP_SRC_AVAIL, 0, 5, (struct sdp_ext){.size = 100});
	if (at == SDP_RX_PIPELINED_ADVERT)
		bench_message(b, SDP_SRC_AVAIL, 0, 0, (struct sdp_ext){.size = 100});
	if (at == SDP_RX_ENDED)
		bench_simple(b, SDP_DISCONN);
	assert_int_equal(b->c.s.rx_at, at);
}

/* A connection whose own source half stands at `at`. The first message is the SrcAvail, the second
 * its cancel. */
static void
bench_at_tx(struct bench *b, enum sdp_tx_at at)
{
	bench_init_zcopy(b, 500);
	b->peer_mseq_ack = 0;
	if (at == SDP_TX_PLAIN)
		return;
	bench_write(b, 1000);
	assert_int_equal(bench_expect_one(b, SDP_SRC_AVAIL)->h.mseq, 1);
	b->peer_mseq_ack = 1;
	if (at == SDP_TX_CANCEL || at == SDP_TX_CANCELLED) {
		bench_write(b, 1);
		sdp_tx_urgent(&b->c, b->produced);
		assert_int_equal(bench_expect_one(b, SDP_SRC_AVAIL_CANCEL)->h.mseq, 2);
	}
	if (at == SDP_TX_CANCELLED)
		bench_simple(b, SDP_SEND_SM); /* to the SrcAvail: it crossed with the cancel */
	assert_int_equal(b->c.s.tx_at, at);
}

/* --- the standard, sentence by sentence ------------------------------------------------------- */

static bool
advert_pending(enum sdp_rx_at at)
{
	return at == SDP_RX_COMBINED_ADVERT || at == SDP_RX_PIPELINED_ADVERT;
}

static bool
pipelined(enum sdp_rx_at at)
{
	return at == SDP_RX_PIPELINED || at == SDP_RX_PIPELINED_ADVERT;
}

/* "In Buffered mode there is no SrcAvail; in Combined mode one at a time, with payload; in
 * Pipelined mode without any, and as many as we said: one." */
static enum sdp_rule
src_avail_rule(bool payload, enum sdp_rx_at at)
{
	if (at == SDP_RX_ENDED)
		return SDP_RULE_ENDED;
	if (at == SDP_RX_BUFFERED)
		return SDP_RULE_MODE;
	if (payload == pipelined(at))
		return SDP_RULE_INLINE;
	return advert_pending(at) ? SDP_RULE_PENDING : SDP_RULE_TAKE;
}

/* "The source goes Combined -> Buffered, not with a SrcAvail pending; Combined -> Pipelined;
 * Pipelined -> Combined. The sink asks Buffered -> Combined." And we never are in Buffered. */
static enum sdp_rule
mode_rule(uint8_t byte, enum sdp_rx_at at)
{
	bool from_combined = at == SDP_RX_COMBINED || at == SDP_RX_COMBINED_ADVERT;

	if ((byte & 0x80) != 0 || byte >> 4 > 2)
		return SDP_RULE_MODE;
	if (at == SDP_RX_ENDED)
		return SDP_RULE_ENDED;
	if (byte == 0x00 && from_combined)
		return advert_pending(at) ? SDP_RULE_PENDING : SDP_RULE_TAKE;
	if (byte == 0x20 && from_combined)
		return SDP_RULE_TAKE;
	return byte == 0x10 && pipelined(at) ? SDP_RULE_TAKE : SDP_RULE_MODE;
}

/* "While a SrcAvail waits no payload follows it; DisConn is behind all payload." */
static enum sdp_rule
payload_rule(enum sdp_rx_at at)
{
	if (at == SDP_RX_ENDED)
		return SDP_RULE_ENDED;
	return advert_pending(at) ? SDP_RULE_PENDING : SDP_RULE_TAKE;
}

static enum sdp_rule
cancel_rule(enum sdp_rx_at at)
{
	if (at == SDP_RX_ENDED)
		return SDP_RULE_ENDED;
	if (at == SDP_RX_BUFFERED)
		return SDP_RULE_MODE;
	return SDP_RULE_TAKE; /* if our answer crossed it, the cancel still wants its own */
}

static enum sdp_rule
source_standard(size_t i, enum sdp_rx_at at)
{
	switch (sample[i].mid) {
	case SDP_DATA:
		return sample[i].payload == 0 ? SDP_RULE_TAKE : payload_rule(at);
	case SDP_DISCONN:
		return payload_rule(at);
	case SDP_SRC_AVAIL:
		return src_avail_rule(sample[i].payload != 0, at);
	case SDP_SRC_AVAIL_CANCEL:
		return cancel_rule(at);
	case SDP_MODE_CHANGE:
		return mode_rule(sample[i].mode, at);
	case SDP_ABORT_CONN: /* at any time */
	case SDP_CH_RCV_BUF:
		return SDP_RULE_TAKE;
	case SDP_SUSP_COMM: /* no answer is a legal one */
		return SDP_RULE_SKIP;
	case SDP_RDMA_WR_COMPL: /* we offer nothing to write into */
	case SDP_SINK_CANCEL_ACK:
	case SDP_SUSP_COMM_ACK:
		return SDP_RULE_UNASKED;
	default:
		return SDP_RULE_MID;
	}
}

/* "Reading is told of while there is something to read. SendSm answers a SrcAvail or a cancel; one
 * that comes when all is over crossed with something and means nothing. Only a source in Pipelined
 * mode is told of buffers to write into, only one in Buffered mode is asked to leave it." */
static enum sdp_rule
sink_standard(size_t i, enum sdp_tx_at at)
{
	bool waits = at == SDP_TX_ADVERT || at == SDP_TX_CANCEL;

	switch (sample[i].mid) {
	case SDP_SEND_SM:
		return at == SDP_TX_PLAIN ? SDP_RULE_SKIP : SDP_RULE_TAKE;
	case SDP_RDMA_RD_COMPL:
		return waits ? SDP_RULE_TAKE : SDP_RULE_UNASKED;
	case SDP_CH_RCV_BUF_ACK: /* if asked, which is not the matrix's business */
		return SDP_RULE_TAKE;
	default:
		return SDP_RULE_MODE;
	}
}

static void
expect_rule(size_t i, int at, enum sdp_rule got, enum sdp_rule want)
{
	assert_int_equal(sample[i].kind, i); /* each row once, in order */
	if (got != want)
		fail_msg("%s in column %d", sdp_kind_name(sample[i].kind), at);
}

static void
tables__are_what_the_standard_says(void **state)
{
	size_t i = 0;

	assert_int_equal(SAMPLES, SDP_KIND_COUNT);
	for (; i < SDP_KIND_SINK_FIRST; i++)
		for (int at = 0; at < SDP_RX_COUNT; at++)
			expect_rule(i, at,
			    sdp_rule_of(sample[i].kind, (enum sdp_rx_at)at, SDP_TX_PLAIN),
			    source_standard(i, (enum sdp_rx_at)at));
	for (; i < SAMPLES; i++)
		for (int at = 0; at < SDP_TX_COUNT; at++)
			expect_rule(i, at,
			    sdp_rule_of(sample[i].kind, SDP_RX_COMBINED, (enum sdp_tx_at)at),
			    sink_standard(i, (enum sdp_tx_at)at));
}

/* --- the engine ------------------------------------------------------------------------------- */

/* A message the engine refused for `what` changed nothing else. */
static void
expect_refused(struct bench *b, enum sdp_rule what)
{
	assert_int_equal(sdp_violation(&b->c), what);
	assert_int_equal(sdp_counters(&b->c)->rx_violations, 1);
	assert_int_equal(sdp_state(&b->c), SDP_STATE_DEAD);
	assert_int_equal(sdp_error(&b->c), SAN_EPROTO);
}

static void
expect_taken(struct bench *b, size_t i, enum sdp_rule rule)
{
	const struct sdp_counters *c = sdp_counters(&b->c);

	assert_int_equal(c->rx_violations, 0);
	assert_int_equal(c->rx_ignored, rule == SDP_RULE_SKIP);
	if (sample[i].kind == SDP_KIND_ABORT_CONN)
		assert_int_equal(sdp_error(&b->c), SAN_ECONNRESET);
	else
		assert_int_not_equal(sdp_state(&b->c), SDP_STATE_DEAD);
}

static void
expect_obeyed(struct bench *b, size_t i, enum sdp_rule rule)
{
	uint32_t before = sdp_rx_produced(&b->c);

	send_sample(b, i);
	if (rule == SDP_RULE_TAKE || rule == SDP_RULE_SKIP)
		expect_taken(b, i, rule);
	else
		expect_refused(b, rule);
	assert_int_equal(
	    sdp_rx_produced(&b->c) - before, rule == SDP_RULE_TAKE ? sample[i].payload : 0);
}

static void
engine__obeys_the_source_table(void **state)
{
	struct bench b;

	for (size_t i = 0; i < SDP_KIND_SINK_FIRST; i++)
		for (int at = 0; at < SDP_RX_COUNT; at++) {
			bench_at(&b, (enum sdp_rx_at)at);
			expect_obeyed(
			    &b, i, sdp_rule_of(sample[i].kind, (enum sdp_rx_at)at, SDP_TX_PLAIN));
		}
}

static void
engine__obeys_the_sink_table(void **state)
{
	struct bench b;

	for (size_t i = SDP_KIND_SINK_FIRST; i < SAMPLES; i++)
		for (int at = 0; at < SDP_TX_COUNT; at++) {
			enum sdp_rule rule =
			    sdp_rule_of(sample[i].kind, SDP_RX_COMBINED, (enum sdp_tx_at)at);

			bench_at_tx(&b, (enum sdp_tx_at)at);
			if (sample[i].kind == SDP_KIND_CH_RCV_BUF_ACK)
				rule = SDP_RULE_UNASKED;
			b.peer_mseq_ack = b.c.s.mseq_posted;
			expect_obeyed(&b, i, rule);
		}
}

/* Whatever came, a message that would be legal is not looked at any more once given up. */
static void
engine__given_up_it_discards_everything(void **state)
{
	struct bench b;

	for (size_t i = 0; i < SAMPLES; i++) {
		bench_init(&b);
		sdp_close(&b.c, SDP_CLOSE_ABORT, b.now);
		send_sample(&b, i);
		assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
		assert_int_equal(sdp_counters(&b.c)->rx_discarded, 1);
		assert_int_equal(sdp_violation(&b.c), SDP_VIOLATION_NONE);
	}
}

/* Every byte a ModeChange can carry, in every column: the reserved low bits mean nothing. */
static void
mode_change__every_byte_in_every_mode(void **state)
{
	struct bench b;

	for (int at = 0; at < SDP_RX_COUNT; at++)
		for (unsigned byte = 0; byte < 256; byte++) {
			enum sdp_rule want = mode_rule(byte & 0xf0, (enum sdp_rx_at)at);

			bench_at(&b, (enum sdp_rx_at)at);
			bench_message(
			    &b, SDP_MODE_CHANGE, 0, 0, (struct sdp_ext){.mode = (uint8_t)byte});
			if (want != SDP_RULE_TAKE)
				expect_refused(&b, want);
			else
				assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
		}
}

static void
change_mode(struct bench *b, uint8_t byte, enum sdp_rx_at then)
{
	bench_message(b, SDP_MODE_CHANGE, 0, 0, (struct sdp_ext){.mode = byte});
	assert_int_equal(b->c.s.rx_at, then);
}

/* What a change leads to, with and without a SrcAvail that waits. */
static void
mode_change__leads_where_it_says(void **state)
{
	struct bench b;

	bench_at(&b, SDP_RX_COMBINED);
	change_mode(&b, 0x20, SDP_RX_PIPELINED);
	change_mode(&b, 0x10, SDP_RX_COMBINED);
	change_mode(&b, 0x00, SDP_RX_BUFFERED);
	bench_at(&b, SDP_RX_COMBINED_ADVERT);
	change_mode(&b, 0x20, SDP_RX_PIPELINED_ADVERT);
	bench_expect_one(&b, SDP_SEND_SM);
	assert_int_equal(b.c.s.rx_at, SDP_RX_PIPELINED);
	bench_at(&b, SDP_RX_PIPELINED_ADVERT);
	change_mode(&b, 0x10, SDP_RX_COMBINED_ADVERT);
	bench_expect_one(&b, SDP_SEND_SM);
	assert_int_equal(b.c.s.rx_at, SDP_RX_COMBINED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tables__are_what_the_standard_says),
	    cmocka_unit_test(engine__obeys_the_source_table),
	    cmocka_unit_test(engine__obeys_the_sink_table),
	    cmocka_unit_test(engine__given_up_it_discards_everything),
	    cmocka_unit_test(mode_change__every_byte_in_every_mode),
	    cmocka_unit_test(mode_change__leads_where_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
