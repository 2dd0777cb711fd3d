/* SPDX-License-Identifier: BSD-3-Clause */
/* What Linux's connection manager really sends, put to our engine: each captured message is
 * delivered with only our own ids put in place of those its peer had, and must do what it did
 * there. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "hand_peer.h"
#include "icrc.h"
#include "pcap_file.h"
#include "roce.h"
#include "san_err.h"

static int capture_count;
static char **captures;

/* One engine that plays whichever side a message goes to; attempts are found by the sender's id. */
struct replay {
	struct cm *cm;
	struct san_time now;
	uint32_t sent_id[16], our_id[16];
	unsigned known;
	unsigned seen[CM_APR + 1];
};

static uint32_t
our_id(const struct replay *r, uint32_t sender_id)
{
	for (unsigned i = 0; i < r->known; i++) {
		if (r->sent_id[i] == sender_id)
			return r->our_id[i];
	}
	return 0;
}

static void
remember(struct replay *r, uint32_t sender_id, uint32_t ours)
{
	assert_true(r->known < 16);
	r->sent_id[r->known] = sender_id;
	r->our_id[r->known++] = ours;
}

static int
deliver(struct replay *r, const struct roce_pkt *p, const struct cm_msg *m)
{
	uint8_t mad[MAD_LEN];

	/* Our own encoding must say the same as the captured bytes: only ids were changed. */
	assert_int_equal(cm_msg_encode(mad, m), 0);
	return cm_mad_receive(r->cm, 0, &p->src, &p->dst, mad, MAD_LEN, r->now);
}

static enum cm_event_type
next_event(struct replay *r, uint32_t *id)
{
	struct cm_event ev;

	assert_true(cm_event_take(r->cm, &ev));
	*id = ev.id;
	return ev.type;
}

static uint16_t
next_sent(struct replay *r)
{
	struct cm_out out;
	uint16_t attr = 0;

	while (cm_out_take(r->cm, &out))
		attr = be16_get(out.mad + 16);
	return attr;
}

static void
replay_req(struct replay *r, const struct roce_pkt *p, const struct cm_msg *m)
{
	uint32_t id;

	if (our_id(r, m->local_id) != 0) { /* cm-no-answer: repeated after some seconds */
		assert_int_equal(deliver(r, p, m), 0);
		assert_int_equal(next_sent(r), CM_REP);
		return;
	}
	assert_int_equal(deliver(r, p, m), 0);
	assert_int_equal(next_event(r, &id), CM_EV_REQ);
	remember(r, m->local_id, id);
	assert_int_equal(cm_accept(r->cm, id, 1, &hand_qp, NULL, 0, r->now), 0);
	assert_int_equal(next_sent(r), CM_REP);
}

/* A REP or REJ needs a REQ of ours to answer. */
static void
replay_answer(struct replay *r, const struct roce_pkt *p, struct cm_msg *m)
{
	int64_t id =
	    cm_connect(r->cm, 1, 0, &p->dst, &p->src, CM_SID_TCP | 7, &hand_qp, NULL, 0, r->now);
	uint32_t got;

	assert_true(id > 0);
	next_sent(r);
	m->remote_id = (uint32_t)id;
	assert_int_equal(deliver(r, p, m), 0);
	if (m->attr == CM_REJ) {
		assert_int_equal(next_event(r, &got), CM_EV_REJECTED);
		return;
	}
	assert_int_equal(next_event(r, &got), CM_EV_REP);
	remember(r, m->local_id, got);
	assert_int_equal(cm_confirm(r->cm, got, r->now), 0);
	assert_int_equal(next_sent(r), CM_RTU);
}

static void
replay_message(struct replay *r, const struct roce_pkt *p, struct cm_msg *m)
{
	uint32_t id;

	r->seen[m->attr]++;
	switch (m->attr) {
	case CM_REQ:
		replay_req(r, p, m);
		break;
	case CM_REP:
	case CM_REJ:
		replay_answer(r, p, m);
		break;
	case CM_RTU:
		m->remote_id = our_id(r, m->local_id);
		assert_int_equal(deliver(r, p, m), 0);
		assert_int_equal(next_event(r, &id), CM_EV_ESTABLISHED);
		break;
	case CM_DREQ:
		m->remote_id = our_id(r, m->local_id);
		m->remote_qpn = hand_qp.qpn;
		assert_int_equal(deliver(r, p, m), 0);
		assert_int_equal(next_event(r, &id), CM_EV_DREQ);
		assert_int_equal(next_sent(r), CM_DREP);
		break;
	case CM_SIDR_REQ:
		assert_int_equal(deliver(r, p, m), 0);
		assert_int_equal(next_sent(r), CM_SIDR_REP);
		break;
	default: /* DREP: its DREQ was not ours */
		assert_int_not_equal(deliver(r, p, m), SAN_EPROTO);
		break;
	}
}

static void
replay_file(struct replay *r, const char *path)
{
	struct pcap_file file;

	if (!pcap_file_open(&file, path))
		fail_msg("cannot read %s", path);
	r->known = 0;
	r->cm = cm_create(&world_limits, 0x0102030405060708, (struct prng){5});
	while (pcap_file_next(&file)) {
		struct roce_pkt p;
		struct cm_msg m;

		r->now = (struct san_time){file.time_us * 1000};
		if (roce_decode(file.frame, file.len, &p) == ROCE_OK && p.dest_qp == MAD_QP) {
			assert_int_equal(cm_msg_decode(p.payload, p.payload_len, &m), 0);
			replay_message(r, &p, &m);
		}
	}
	cm_destroy(r->cm);
	pcap_file_close(&file);
}

static void
captures__replayed(void **state)
{
	static struct replay r;

	for (int i = 0; i < capture_count; i++)
		replay_file(&r, captures[i]);
	print_message("REQ %u REP %u RTU %u REJ %u DREQ %u DREP %u SIDR_REQ %u\n", r.seen[CM_REQ],
	    r.seen[CM_REP], r.seen[CM_RTU], r.seen[CM_REJ], r.seen[CM_DREQ], r.seen[CM_DREP],
	    r.seen[CM_SIDR_REQ]);
	assert_true(r.seen[CM_REQ] && r.seen[CM_REP] && r.seen[CM_RTU] && r.seen[CM_REJ] &&
		    r.seen[CM_DREQ] && r.seen[CM_DREP] && r.seen[CM_SIDR_REQ]);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(captures__replayed)};

	capture_count = argc - 1;
	captures = argv + 1;
	icrc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
