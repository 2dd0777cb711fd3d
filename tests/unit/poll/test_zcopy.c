/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP's Read-Zcopy through the whole data path: one program's ring read straight into the other's;
 * what a peer may read, and that nothing of it outlives the connection. */
#include "rig.h"

#include "test.h"

#include <string.h>

#include "flow.h"
#include "msg_rule.h"

enum { CONN = 20, OTHER = 21, SLOT = 3, OTHER_SLOT = 4, THRESHOLD = 8192 };

static struct rig rig;
static uint8_t bytes[RIG_TX_RING], got[RIG_RX_RING];

static void
conn_add(uint32_t conn, uint32_t slot)
{
	for (unsigned i = 0; i < RIG_SIDES; i++) {
		struct poll_cmd cmd = rig_conn_open(&rig, i, conn, slot);

		cmd.open.open.zcopy_threshold = THRESHOLD;
		cmd.open.open.initiator_depth = cmd.open.open.responder_resources = SDP_READS_MAX;
		rig_put(&rig.side[i], &cmd);
	}
	rig_step(&rig);
	for (unsigned i = 0; i < RIG_SIDES; i++)
		assert_int_equal(rig.side[i].last[POLL_EV_CONN_OPENED].ev.err, 0);
}

static void
open_both(void)
{
	rig_open(&rig);
	conn_add(CONN, SLOT);
	for (uint32_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
}

/* Left writes, right reads, all day long. */
static void
bytes_are_read_in_place(void **state)
{
	uint32_t sent = 0, received = 0, n;
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];

	(void)state;
	open_both();
	while (received < 4000000) {
		n = sent % 60000;
		sent += rig_send(a, SLOT, bytes + n, 60000 - n);
		rig_run(&rig, 20);
		n = received % 60000;
		n = rig_recv(b, SLOT, got, 60000 - n);
		assert_memory_equal(got, bytes + received % 60000, n);
		received += n;
	}
	rig_run(&rig, 5000); /* until the counters are told */
	assert_true(rig_count(b, POLL_COUNT_zcopy_reads) > 30);
	assert_int_equal(
	    rig_count(a, POLL_COUNT_zcopy_offers), rig_count(b, POLL_COUNT_zcopy_offered));
	assert_int_equal(rig_wire_flags(a, SLOT) | rig_wire_flags(b, SLOT), 0);
	rig_close(&rig);
}

/* Left offers; only left's poll thread runs on. */
static const struct sdp_source *
offer(uint32_t conn, uint32_t slot)
{
	struct rig_side *a = &rig.side[0];

	rig_send(a, slot, bytes, 20000);
	rig_ring(a, slot);
	poll_iterate(a->poll, rig.now);
	assert_int_equal(flow_find(a->poll, conn)->engine.sdp.s.tx_at, SDP_TX_ADVERT);
	return &flow_find(a->poll, conn)->engine.sdp.s.lent->zcopy.source;
}

/* The right side's machine asks to read what it likes; the syndrome of the answer. */
static uint8_t
read_hostile(uint64_t va, uint32_t key, uint32_t len)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	const struct flow *f = flow_find(a->poll, CONN);
	struct roce_tx tx = {.opcode = ROCE_RC_READ_REQ,
	    .dest_qp = f->qpn,
	    .psn = f->engine.sdp.s.qp.expected,
	    .ackreq = true,
	    .ext = {.va = va, .rkey = key, .dma_len = len}};
	uint8_t frame[256];
	struct frame *m = NULL;
	int n = roce_encode(frame, sizeof frame, &b->path, &tx);
	struct roce_pkt p = {0};

	assert_true(n > 0);
	while (rte_ring_dequeue(b->wire_in, (void **)&m) == 0)
		frame_free(m);
	rig_inject(a, frame, (uint32_t)n);
	poll_iterate(a->poll, rig.now);
	assert_int_equal(rte_ring_dequeue(b->wire_in, (void **)&m), 0);
	assert_int_equal(roce_decode(frame_data(m), frame_len(m), &p), ROCE_OK);
	assert_int_equal(p.opcode, ROCE_RC_ACK);
	frame_free(m);
	return p.ext.syndrome;
}

static void
nothing_beside_what_is_offered(void **state)
{
	static const struct {
		int32_t va, len;
	} outside[] = {{-1, 2}, {0, 20001}, {20000, 1}, {19999, 2}, {0x40000, 16}};

	(void)state;
	for (unsigned i = 0; i < sizeof outside / sizeof outside[0]; i++) {
		const struct sdp_source *o;
		struct poll *p;

		open_both();
		p = rig.side[0].poll;
		o = offer(CONN, SLOT);
		assert_int_equal(read_hostile(o->pos + (uint64_t)(int64_t)outside[i].va, o->key,
				     (uint32_t)outside[i].len),
		    AETH_NAK_ACCESS);
		assert_int_equal(engine_state(&flow_find(p, CONN)->engine), SDP_STATE_DEAD);
		assert_int_equal(p->mrs.used, 0);
		rig_close(&rig);
	}
}

/* The key of another connection of the same program is none. */
static void
nothing_of_another_connection(void **state)
{
	const struct sdp_source *other;

	(void)state;
	open_both();
	conn_add(OTHER, OTHER_SLOT);
	other = offer(OTHER, OTHER_SLOT);
	offer(CONN, SLOT);
	assert_int_equal(read_hostile(other->pos, other->key, 16), AETH_NAK_ACCESS);
	assert_int_equal(rig.side[0].poll->mrs.used, 1);
	rig_close(&rig);
}

/* The program's memory goes: its region is out of reach before control hears of it. */
static void
memory_goes_while_it_is_offered(void **state)
{
	struct rig_side *a = &rig.side[0];
	struct poll_cmd cmd = {.type = POLL_CMD_SESSION_DEL, .session.session = a->session};

	(void)state;
	open_both();
	cmd.session.session = a->session;
	offer(CONN, SLOT);
	assert_int_equal(a->poll->mrs.used, 1);
	rig_put(a, &cmd);
	rig_step(&rig);
	assert_int_equal(a->events[POLL_EV_SESSION_GONE], 1);
	assert_int_equal(a->poll->mrs.used, 0);
	rig_run(&rig, 1000); /* the peer's READs come to nothing */
	rig_close(&rig);
}

static int
start(void **state)
{
	(void)state;
	rig_start();
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rig_stop();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_are_read_in_place),
	    cmocka_unit_test(nothing_beside_what_is_offered),
	    cmocka_unit_test(nothing_of_another_connection),
	    cmocka_unit_test(memory_goes_while_it_is_offered),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
