/* SPDX-License-Identifier: BSD-3-Clause */
/* Our source half: what it advertises, what it says meanwhile, and what each answer does. */
#include "fixture.h"

#define THRESHOLD 500u
#define INLINE	  (PAYLOAD - 16u)

static struct sdp_ext
bytes(uint32_t n)
{
	return (struct sdp_ext){.size = n};
}

static void
expect_violation(struct bench *b, enum sdp_violation what)
{
	assert_int_equal(sdp_violation(&b->c), what);
	bench_expect_dead(b, SAN_EPROTO);
	assert_int_equal(b->mrs.used, 0);
}

/* The peer may read, and has posted so few buffers. */
static void
init_with_credits(struct bench *b, uint16_t credits)
{
	struct sdp_open o;

	bench_init_zcopy(b, THRESHOLD);
	o = bench_defaults(b);
	o.lent = &b->lent;
	o.zcopy = true;
	o.mrs = &b->mrs;
	o.responder_resources = 1;
	o.zcopy_threshold = THRESHOLD;
	o.peer_credits = credits;
	bench_open(b, &o);
}

/* A SrcAvail over `n` bytes that the peer has received. */
static struct sdp_ext
advertise(struct bench *b, uint32_t n)
{
	struct sdp_ext ext;

	bench_write(b, n);
	ext = bench_expect_one(b, SDP_SRC_AVAIL)->ext;
	b->peer_mseq_ack = b->c.s.mseq_posted;
	return ext;
}

static void
rd_compl(struct bench *b, uint32_t n)
{
	bench_message(b, SDP_RDMA_RD_COMPL, 0, 0, bytes(n));
}

static void
src_avail__offers_all_that_waits_and_carries_a_packet_full(void **state)
{
	const struct sdp_msg *m;
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	bench_write(&b, 1000);
	m = bench_expect_one(&b, SDP_SRC_AVAIL);
	assert_int_equal(m->ext.size, 1000);
	assert_int_equal(m->payload_len, INLINE);
	for (uint32_t i = 0; i < INLINE; i++)
		assert_int_equal(m->payload[i], (uint8_t)i);
	assert_false(b.out[0].tx.se);
	assert_int_equal(b.mrs.used, 1);
	assert_int_equal(sdp_zcopy_counters(&b.c)->tx_adverts, 1);
}

/* The peer can read what is offered, and no byte beside it: the ring holds old bytes. */
static void
src_avail__region_is_what_is_offered(void **state)
{
	struct sdp_ext e;
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	bench_write(&b, 100);
	bench_emit(&b);
	e = advertise(&b, 1000);
	assert_ptr_equal(
	    rc_mr_find(&b.mrs, 0x11, e.rkey, e.va, 1000, RC_ACCESS_REMOTE_READ), b.tx + 100);
	assert_null(rc_mr_find(&b.mrs, 0x11, e.rkey, e.va - 1, 1, RC_ACCESS_REMOTE_READ));
	assert_null(rc_mr_find(&b.mrs, 0x11, e.rkey, e.va + 1000, 1, RC_ACCESS_REMOTE_READ));
	assert_null(rc_mr_find(&b.mrs, 0x12, e.rkey, e.va, 1, RC_ACCESS_REMOTE_READ));
	assert_null(rc_mr_find(&b.mrs, 0x11, e.rkey, e.va, 1, RC_ACCESS_REMOTE_WRITE));
	rd_compl(&b, 1000 - INLINE);
	assert_null(rc_mr_find(&b.mrs, 0x11, e.rkey, e.va, 1, RC_ACCESS_REMOTE_READ));
}

static void
src_avail__from_the_threshold_on(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	bench_write(&b, THRESHOLD - 1);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_DATA);
	assert_int_equal(advertise(&b, THRESHOLD).size, THRESHOLD);
	bench_init_zcopy(&b, 0); /* off */
	bench_write(&b, 2000);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_DATA);
	bench_init_zcopy(&b, 1); /* what fits into a packet never is worth one */
	bench_write(&b, PMTU - 1);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_DATA);
	assert_int_equal(advertise(&b, PMTU).size, PMTU);
}

static void
src_avail__ends_at_the_rings_end(void **state)
{
	struct sdp_ext e;
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	for (uint32_t i = 0; i < 30; i++) { /* up to 1000 bytes before the end */
		bench_write(&b, i < 29 ? 100 : RING - 3900);
		bench_emit(&b);
		b.peer_mseq_ack = b.c.s.mseq_posted;
		bench_data(&b, 0);
	}
	assert_int_equal(b.produced, RING - 1000);
	e = advertise(&b, 1800);
	assert_int_equal(e.size, 1000);
	rd_compl(&b, 1000 - INLINE);
	e = bench_expect_one(&b, SDP_SRC_AVAIL)->ext; /* the rest is one of its own */
	assert_int_equal(e.size, 800);
	assert_ptr_equal(rc_mr_find(&b.mrs, 0x11, e.rkey, e.va, 800, RC_ACCESS_REMOTE_READ), b.tx);
}

static void
src_avail__needs_a_peer_that_may_read(void **state)
{
	struct sdp_open o;
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	o = bench_defaults(&b);
	o.lent = &b.lent;
	o.zcopy = true;
	o.mrs = &b.mrs;
	o.initiator_depth = 4;
	o.zcopy_threshold = THRESHOLD;
	bench_open(&b, &o); /* responder resources 0 */
	bench_write(&b, 2000);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_DATA);
}

static void
src_avail__table_of_regions_is_full(void **state)
{
	uint32_t key;
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	while (rc_mr_register(&b.mrs, 1, 0, b.tx, 1, RC_ACCESS_REMOTE_READ, &key) == 0)
		;
	bench_write(&b, 2000);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 2000 / PAYLOAD + 1);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_DATA);
}

/* Payload carries three credits, like Data. */
static void
src_avail__needs_credits_like_data(void **state)
{
	struct bench b;

	init_with_credits(&b, 2);
	bench_write(&b, 2000);
	assert_int_equal(bench_emit(&b), 0);
	b.peer_bufs = 3;
	bench_data(&b, 0);
	bench_expect_one(&b, SDP_SRC_AVAIL);
}

static void
pending__nothing_with_payload_follows(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	bench_write(&b, 2000); /* waits */
	sdp_shut(&b.c, b.now); /* so does DisConn */
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	assert_false(sdp_has_work(&b.c, b.now));
	for (i = 0; i < RING / PAYLOAD / 2; i++)
		bench_data(&b, PAYLOAD);
	bench_read(&b); /* but credits are granted */
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, 0);
	bench_message(&b, SDP_CH_RCV_BUF, 0, 0, bytes(512)); /* and questions answered */
	bench_expect_one(&b, SDP_CH_RCV_BUF_ACK);
}

static void
completed__in_pieces_releases_the_ring(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	bench_write(&b, 50);
	sdp_events_take(&b.c);
	assert_int_equal(sdp_tx_released(&b.c), 0);
	rd_compl(&b, 100); /* acknowledges the SrcAvail, and with it the bytes inline */
	assert_int_equal(sdp_tx_released(&b.c), INLINE + 100);
	assert_int_equal(sdp_events_take(&b.c), SDP_EV_TX_ROOM);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	rd_compl(&b, 1000 - INLINE - 100);
	assert_int_equal(sdp_tx_released(&b.c), 1000);
	assert_int_equal(b.mrs.used, 0);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, 50);
	assert_int_equal(bench_out(&b, 0)->payload[0], (uint8_t)1000);
	bench_ack(&b);
	assert_true(sdp_events_take(&b.c) & SDP_EV_TX_DRAINED);
	assert_int_equal(sdp_zcopy_counters(&b.c)->tx_bytes, 1000 - INLINE);
}

static void
completed__must_be_true(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	rd_compl(&b, 0);
	expect_violation(&b, SDP_VIOLATION_SIZE);
	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	rd_compl(&b, 1001 - INLINE);
	expect_violation(&b, SDP_VIOLATION_SIZE);
	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	b.peer_mseq_ack = 0; /* from before it can have known */
	rd_compl(&b, 10);
	expect_violation(&b, SDP_VIOLATION_UNASKED);
	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	rd_compl(&b, 1000 - INLINE);
	rd_compl(&b, 1);
	expect_violation(&b, SDP_VIOLATION_UNASKED);
}

static void
refused__rest_goes_as_data(void **state)
{
	struct bench b;
	uint32_t i, pos;

	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	rd_compl(&b, 200);
	bench_simple(&b, SDP_SEND_SM);
	assert_int_equal(b.mrs.used, 0);
	bench_emit(&b);
	for (i = 0, pos = INLINE + 200; i < bench_out_count(&b); i++) {
		assert_int_equal(bench_out(&b, i)->h.mid, SDP_DATA);
		assert_int_equal(bench_out(&b, i)->payload[0], (uint8_t)pos);
		pos += bench_out(&b, i)->payload_len;
	}
	assert_int_equal(pos, 1000);
	assert_int_equal(sdp_zcopy_counters(&b.c)->tx_refused, 1);
}

/* Position of the SrcAvail in the last emission; false: there is none. */
static bool
find_advert(const struct bench *b, uint32_t *pos)
{
	uint32_t n = bench_out_count(b);

	if (n == 0 || bench_out(b, n - 1)->h.mid != SDP_SRC_AVAIL)
		return false;
	*pos = (uint32_t)bench_out(b, n - 1)->ext.va;
	return true;
}

/* A peer that does not want to is asked less and less often. */
static void
refused__asked_again_after_ever_more_data(void **state)
{
	uint32_t pos = 0, last = 0, refused = 0;
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	while (refused < 5) {
		if (bench_emit(&b) == 0)
			bench_write(&b, 1000);
		b.peer_mseq_ack = b.c.s.mseq_posted;
		if (!find_advert(&b, &pos)) {
			bench_data(&b, 0);
			continue;
		}
		assert_true(refused == 0 || pos - last - INLINE >= THRESHOLD << refused);
		assert_true(refused == 0 || pos - last - INLINE < (THRESHOLD << refused) + 1000);
		last = pos;
		bench_simple(&b, SDP_SEND_SM);
		refused++;
	}
	assert_int_equal(sdp_zcopy_counters(&b.c)->tx_refused, 5);
}

/* SendSm for a cancel of long ago must not be taken for an answer to what came after it. */
static void
refused__too_old_an_answer_is_none(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	b.peer_mseq_ack = 0;
	bench_simple(&b, SDP_SEND_SM);
	assert_int_equal(sdp_counters(&b.c)->rx_ignored, 1);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	b.peer_mseq_ack = 1;
	rd_compl(&b, 1000 - INLINE);
	assert_int_equal(sdp_tx_released(&b.c), 1000);
}

/* Urgent bytes overtake what waits to be read: it is taken back. Returns the cancel's MSeq. */
static uint32_t
advertise_and_cancel(struct bench *b)
{
	advertise(b, 1000);
	bench_write(b, 1);
	sdp_tx_urgent(&b->c, b->produced);
	return bench_expect_one(b, SDP_SRC_AVAIL_CANCEL)->h.mseq;
}

static void
expect_rest_with_urgent(struct bench *b, uint32_t from)
{
	uint32_t n, pos = from;

	bench_emit(b);
	n = bench_out_count(b);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(bench_out(b, i)->h.mid, SDP_DATA);
		pos += bench_out(b, i)->payload_len;
		assert_int_equal((bench_out(b, i)->h.flags & SDP_FLAG_OOB_PRES) != 0, i == n - 1);
	}
	assert_int_equal(pos, 1001);
}

static void
cancel__is_answered(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	b.peer_mseq_ack = advertise_and_cancel(&b);
	assert_true(b.out[0].tx.se);
	assert_int_equal(b.mrs.used, 1); /* it may still be reading */
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	rd_compl(&b, 300);
	bench_simple(&b, SDP_SEND_SM);
	assert_int_equal(b.mrs.used, 0);
	expect_rest_with_urgent(&b, INLINE + 300);
	b.peer_mseq_ack = b.c.s.mseq_posted;
	advertise(&b, 1000); /* no hard feelings: that was no refusal */
}

/* The peer had read everything when the cancel came. Its SendSm is still to come, and until then
 * nothing is advertised: it could be taken for an answer to that. */
static void
cancel__crossed_with_the_last_completion(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	advertise_and_cancel(&b);
	rd_compl(&b, 1000 - INLINE);
	assert_int_equal(b.mrs.used, 0);
	assert_int_equal(b.c.s.tx_at, SDP_TX_CANCELLED);
	expect_rest_with_urgent(&b, 1000);
	bench_write(&b, 1000);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_DATA);
	b.peer_mseq_ack = b.c.s.mseq_posted;
	bench_simple(&b, SDP_SEND_SM);
	assert_int_equal(b.c.s.tx_at, SDP_TX_PLAIN);
	advertise(&b, 1000);
}

static void
cancel__crossed_with_a_refusal(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	advertise_and_cancel(&b);
	bench_simple(&b, SDP_SEND_SM); /* knows of the SrcAvail only */
	assert_int_equal(b.mrs.used, 0);
	expect_rest_with_urgent(&b, INLINE);
	assert_int_equal(b.c.s.tx_at, SDP_TX_CANCELLED);
	b.peer_mseq_ack = 2;
	bench_simple(&b, SDP_SEND_SM); /* and of the cancel */
	assert_int_equal(b.c.s.tx_at, SDP_TX_PLAIN);
}

/* Decided, but not said yet, when all was read. */
static void
cancel__not_needed_any_more(void **state)
{
	struct bench b;

	init_with_credits(&b, 3);
	advertise(&b, 1000);
	b.peer_bufs = 0;
	bench_message(&b, SDP_CH_RCV_BUF, 0, 0, bytes(512));
	bench_expect_one(&b, SDP_CH_RCV_BUF_ACK); /* one credit left: no cancel can be sent */
	bench_write(&b, 1);
	sdp_tx_urgent(&b.c, b.produced);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	b.peer_bufs = CREDITS;
	rd_compl(&b, 1000 - INLINE);
	expect_rest_with_urgent(&b, 1000);
}

static void
cancel__unanswered_ends_the_connection(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	advertise_and_cancel(&b);
	bench_ack(&b);
	assert_int_equal(sdp_deadline(&b.c).ns, san_time_add(b.now, SAN_DURATION_S(5)).ns);
	bench_wait(&b, SAN_DURATION_S(5));
	expect_violation(&b, SDP_VIOLATION_UNANSWERED);
}

/* The program wrote it while it was offered, the peer read it: it has left as an ordinary byte. */
static void
urgent__byte_was_read_in_place(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	sdp_tx_urgent(&b.c, 900);
	bench_expect_one(&b, SDP_SRC_AVAIL_CANCEL);
	b.peer_mseq_ack = 2;
	rd_compl(&b, 1000 - INLINE);
	bench_simple(&b, SDP_SEND_SM);
	advertise(&b, 1000); /* nothing urgent is left */
}

static void
end__region_goes_with_the_connection(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	sdp_port_down(&b.c, b.now);
	assert_int_equal(b.mrs.used, 0);
	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	bench_simple(&b, SDP_ABORT_CONN);
	bench_expect_dead(&b, SAN_ECONNRESET);
	assert_int_equal(b.mrs.used, 0);
	bench_init_zcopy(&b, THRESHOLD);
	advertise_and_cancel(&b);
	sdp_close(&b.c, SDP_CLOSE_ABORT, b.now);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
	bench_wait(&b, SAN_DURATION_S(2)); /* nobody minds the cancel any more */
	assert_int_equal(sdp_violation(&b.c), SDP_VIOLATION_NONE);
	assert_int_equal(b.mrs.used, 0);
}

/* Half-close and close wait for the reader, like for Data that waits for credits. */
static void
end__disconn_is_behind_what_is_read(void **state)
{
	struct bench b;

	bench_init_zcopy(&b, THRESHOLD);
	advertise(&b, 1000);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	bench_wait(&b, SAN_DURATION_S(3));
	rd_compl(&b, 10); /* it goes on: patience begins anew */
	bench_wait(&b, SAN_DURATION_S(3));
	assert_int_equal(sdp_state(&b.c), SDP_STATE_DISCONN_SENT);
	rd_compl(&b, 990 - INLINE);
	bench_expect_one(&b, SDP_DISCONN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(src_avail__offers_all_that_waits_and_carries_a_packet_full),
	    cmocka_unit_test(src_avail__region_is_what_is_offered),
	    cmocka_unit_test(src_avail__from_the_threshold_on),
	    cmocka_unit_test(src_avail__ends_at_the_rings_end),
	    cmocka_unit_test(src_avail__needs_a_peer_that_may_read),
	    cmocka_unit_test(src_avail__table_of_regions_is_full),
	    cmocka_unit_test(src_avail__needs_credits_like_data),
	    cmocka_unit_test(pending__nothing_with_payload_follows),
	    cmocka_unit_test(completed__in_pieces_releases_the_ring),
	    cmocka_unit_test(completed__must_be_true),
	    cmocka_unit_test(refused__rest_goes_as_data),
	    cmocka_unit_test(refused__asked_again_after_ever_more_data),
	    cmocka_unit_test(refused__too_old_an_answer_is_none),
	    cmocka_unit_test(cancel__is_answered),
	    cmocka_unit_test(cancel__crossed_with_the_last_completion),
	    cmocka_unit_test(cancel__crossed_with_a_refusal),
	    cmocka_unit_test(cancel__not_needed_any_more),
	    cmocka_unit_test(cancel__unanswered_ends_the_connection),
	    cmocka_unit_test(urgent__byte_was_read_in_place),
	    cmocka_unit_test(end__region_goes_with_the_connection),
	    cmocka_unit_test(end__disconn_is_behind_what_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
