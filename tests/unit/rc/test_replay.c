/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures of Linux's soft-RoCE played again with one end replaced by ours: our responder, asked
 * what theirs was asked, answers with the same bytes; our requester, given the same work and their
 * answers, asks with the same bytes and completes it.
 *
 * usage: test_rc_replay CAPTURE... */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "icrc.h"
#include "rc.h"
#include "replay.h"
#include "san_err.h"

#define PMTU	1024u /* of Ethernet's 1500 */
#define PD	1
#define SLOTS	64u
#define REGIONS 4u
#define BYTES	(1u << 20)

static int capture_count;
static char **captures;

/* The memory of the end that was asked, as far as the capture shows it. */
static struct region {
	uint32_t key;
	uint64_t va;
	uint8_t bytes[BYTES] __attribute__((aligned(8)));
} region[REGIONS];
static uint32_t regions;
static struct rc_mr slot[SLOTS];
static struct rc_mrs mrs;

static struct replay_flow flow;
static struct rc_resource resources[16];
static struct rc_qp qp;
static struct san_time now;
static char where[256];
static uint32_t equal; /* packets */

static bool
has_key(uint8_t opcode)
{
	return opcode == ROCE_RC_WRITE_FIRST || opcode == ROCE_RC_WRITE_ONLY ||
	       opcode == ROCE_RC_WRITE_ONLY_IMM || opcode == ROCE_RC_READ_REQ ||
	       opcode == ROCE_RC_CMP_SWAP || opcode == ROCE_RC_FETCH_ADD;
}

/* An empty one's is never looked at: rsockets leaves there what it finds. */
static bool
uses_key(const struct roce_pkt *p)
{
	bool atomic = p->opcode == ROCE_RC_CMP_SWAP || p->opcode == ROCE_RC_FETCH_ADD;

	return has_key(p->opcode) && (atomic || p->ext.dma_len != 0);
}

static struct region *
region_find(uint32_t key)
{
	for (uint32_t i = 0; i < regions; i++)
		if (region[i].key == key)
			return &region[i];
	return NULL;
}

static uint8_t *
byte_at(const struct roce_pkt *p)
{
	return region_find(p->ext.rkey)->bytes + (p->ext.va - region_find(p->ext.rkey)->va);
}

/* Every key used in the flow is a region from the lowest address used on. */
static void
regions_make(void)
{
	uint32_t i;

	memset(slot, 0, sizeof slot);
	memset(region, 0, sizeof region);
	assert_int_equal(rc_mrs_init(&mrs, slot, SLOTS, (struct prng){1}), 0);
	for (i = 0, regions = 0; i < flow.count; i++) {
		const struct roce_pkt *p = &flow.packet[i].p;
		struct region *r = region_find(p->ext.rkey);

		if (!flow.packet[i].request || !uses_key(p))
			continue;
		if (r == NULL) {
			assert_true(regions < REGIONS && p->ext.rkey >> 8 < SLOTS);
			r = &region[regions++];
			r->key = p->ext.rkey;
			r->va = p->ext.va;
		}
		if (p->ext.va < r->va)
			r->va = p->ext.va;
	}
	for (i = 0; i < regions; i++) {
		region[i].va &= ~UINT64_C(7);
		slot[region[i].key >> 8] = (struct rc_mr){.va = region[i].va,
		    .len = BYTES,
		    .base = region[i].bytes,
		    .key = region[i].key,
		    .pd = PD,
		    .access =
			RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE | RC_ACCESS_REMOTE_ATOMIC,
		    .valid = true};
	}
}

static void
open_qp(bool asker)
{
	struct rc_open o = {
	    .qpn = asker ? flow.asker_qpn : flow.first.dest_qp,
	    .peer_qpn = asker ? flow.first.dest_qp : flow.asker_qpn,
	    .sq_psn = asker ? flow.first.psn : 1,
	    .rq_psn = asker ? 1 : flow.first.psn,
	    .pmtu = PMTU,
	    .recv_size = 65536,
	    .mrs = &mrs,
	    .pd = PD,
	    .resources = resources,
	    .resource_count = 16,
	    .initiator_depth = 16,
	    .cc.algo = CC_NONE, /* Linux has none */
	    .params =
		{
		    .retry_count = 7,
		    .rnr_retry = 7,
		    .min_rnr_timer = 12,
		    .window_packets = 128,
		    .rto_initial = SAN_DURATION_MS(60),
		    .rto_min = SAN_DURATION_MS(60),
		    .rto_max = SAN_DURATION_MS(60),
		    .ack_delay = SAN_DURATION_US(20),
		},
	};

	now.ns = 1000000;
	assert_int_equal(rc_init(&qp, &o, now), 0);
}

/* The answer captured for `psn` at `from` or later; NULL = it was lost. */
static const struct replay_packet *
answer_of(uint32_t psn, uint32_t from)
{
	for (uint32_t i = from; i < flow.count; i++)
		if (!flow.packet[i].request && flow.packet[i].p.psn == psn &&
		    flow.packet[i].p.ext.syndrome != AETH_NAK_SEQ)
			return &flow.packet[i];
	return NULL;
}

/* What their memory held when request `i` was executed, from what they answered. */
static void
memory_know(uint32_t i)
{
	const struct roce_pkt *p = &flow.packet[i].p;
	const struct replay_packet *a;
	uint32_t at;

	if (p->opcode == ROCE_RC_READ_REQ) {
		for (at = 0; at < p->ext.dma_len; at += PMTU) {
			a = answer_of((p->psn + at / PMTU) & 0xffffff, i);
			if (a != NULL)
				memcpy(byte_at(p) + at, a->p.payload, a->p.payload_len);
		}
	} else if (p->opcode == ROCE_RC_CMP_SWAP || p->opcode == ROCE_RC_FETCH_ADD) {
		a = answer_of(p->psn, i);
		assert_non_null(a);
		memcpy(byte_at(p), &a->p.ext.compare, 8);
	}
}

/* Did they have a receive buffer for request `i`? `*at`: how far their answers were looked at. */
static bool
had_buffer(uint32_t i, uint32_t *at)
{
	for (; *at < flow.count; (*at)++) {
		const struct replay_packet *a = &flow.packet[*at];

		if (a->request || a->p.psn != flow.packet[i].p.psn ||
		    a->p.ext.syndrome == AETH_NAK_SEQ)
			continue;
		(*at)++;
		return a->p.ext.syndrome >> 5 != 1;
	}
	return true;
}

/* Their next answer. Behind an RNR NAK they also report what was under way as a gap, which we do
 * not. */
static const struct replay_packet *
next_answer(uint32_t *i)
{
	for (; *i < flow.count; (*i)++) {
		const struct replay_packet *a = &flow.packet[*i];
		static uint32_t rnr_psn = UINT32_MAX;

		if (a->request)
			continue;
		if (a->p.ext.syndrome == AETH_NAK_SEQ && a->p.psn == rnr_psn)
			continue;
		rnr_psn = a->p.ext.syndrome >> 5 == 1 ? a->p.psn : UINT32_MAX;
		return a;
	}
	return NULL;
}

/* The rest of a READ begins with First or Only, as the standard says; Linux 6.1 goes on with Middle
 * or Last, without the header those lack. */
static void
as_linux_resumes(struct roce_tx *tx, uint8_t theirs)
{
	if (tx->opcode == ROCE_RC_READ_RESP_FIRST && theirs == ROCE_RC_READ_RESP_MIDDLE)
		tx->opcode = theirs;
	if (tx->opcode == ROCE_RC_READ_RESP_ONLY && theirs == ROCE_RC_READ_RESP_LAST)
		tx->opcode = theirs;
}

/* What we answer must be their next answer; where the network lost some of theirs, we may say more.
 */
static void
expect_answers(uint32_t *next, bool lossy)
{
	const struct replay_packet *want;
	struct rc_chunk chunk;
	struct roce_tx tx;

	while (rc_emit(&qp, &tx, &chunk, now) != RC_OUT_NONE) {
		want = next_answer(next);
		if (lossy && (want == NULL || want->p.psn != tx.psn))
			continue;
		assert_non_null(want);
		as_linux_resumes(&tx, want->p.opcode);
		replay_expect(&tx, want, where);
		equal++;
		(*next)++;
	}
}

static void
answer_flow(bool lossy)
{
	static uint8_t *write_at;
	uint32_t i, next = 0, looked = 0, expected;
	struct rc_in in;

	regions_make();
	open_qp(false);
	for (i = 0; i < flow.count; i++) {
		const struct roce_pkt *p = &flow.packet[i].p;

		if (!flow.packet[i].request)
			continue;
		if (p->psn == qp.expected) {
			memory_know(i);
			if (had_buffer(i, &looked))
				rc_recv_limit(&qp, qp.recv_count + 1);
		}
		expected = qp.expected;
		rc_receive(&qp, p, now, &in);
		assert_int_equal(rc_error(&qp), 0);
		if (qp.expected != expected && p->ackreq)
			rc_ack_now(&qp);
		if (qp.expected != expected && p->payload_len != 0 && !in.payload) {
			write_at = has_key(p->opcode) ? byte_at(p) : write_at;
			assert_memory_equal(write_at, p->payload, p->payload_len);
			write_at += p->payload_len;
		}
		expect_answers(&next, lossy);
	}
	if (next_answer(&next) != NULL)
		fail_msg("%s: an answer is missing", where);
}

/* ---- our requester ---- */

static uint32_t begun[REPLAY_PACKETS]; /* messages in order of posting: first request */

/* Message `n`, which begins with request `i`, from what they sent. */
static struct rc_run
message_of(uint32_t n, uint32_t i)
{
	const struct roce_pkt *p = &flow.packet[i].p;
	struct rc_run m = {
	    .count = 1, .tag = n, .kind = RC_SEND, .se = p->se, .len = p->payload_len};
	uint32_t psn = p->psn;

	begun[n] = i;
	if (p->opcode == ROCE_RC_READ_REQ)
		m.kind = RC_READ;
	else if (p->opcode == ROCE_RC_CMP_SWAP || p->opcode == ROCE_RC_FETCH_ADD)
		m.kind = p->opcode == ROCE_RC_CMP_SWAP ? RC_CMP_SWAP : RC_FETCH_ADD;
	else if (has_key(p->opcode))
		m.kind = p->opcode == ROCE_RC_WRITE_ONLY_IMM ? RC_WRITE_IMM : RC_WRITE;
	if (m.kind == RC_CMP_SWAP || m.kind == RC_FETCH_ADD)
		m.len = 8;
	else if (has_key(p->opcode))
		m.len = p->ext.dma_len;
	if (p->opcode != ROCE_RC_SEND_FIRST && p->opcode != ROCE_RC_WRITE_FIRST)
		return m;
	while (++i < flow.count) {
		p = &flow.packet[i].p;
		if (!flow.packet[i].request || p->psn != ((psn + 1) & 0xffffff))
			continue;
		psn = p->psn;
		if (m.kind == RC_SEND)
			m.len += p->payload_len;
		m.se = p->se;
		if (p->opcode == ROCE_RC_WRITE_LAST_IMM)
			m.kind = RC_WRITE_IMM;
		if (p->opcode != ROCE_RC_SEND_MIDDLE && p->opcode != ROCE_RC_WRITE_MIDDLE)
			break;
	}
	return m;
}

/* Our next request is their request `i`, if need be after a timeout. */
static void
expect_request(uint32_t i)
{
	const struct roce_pkt *p = &flow.packet[i].p, *first;
	struct rc_chunk chunk;
	struct roce_tx tx;
	int tries = 0;

	while (rc_emit(&qp, &tx, &chunk, now) == RC_OUT_NONE) {
		assert_true(tries++ < 3);
		now = rc_deadline(&qp);
		rc_deadline_expire(&qp, now);
	}
	first = &flow.packet[begun[chunk.run->tag + chunk.index]].p;
	tx.ext.va = first->ext.va + (chunk.run->kind == RC_READ ? chunk.offset : 0);
	tx.ext.rkey = first->ext.rkey;
	tx.ext.swap_add = first->ext.swap_add;
	tx.ext.compare = first->ext.compare;
	tx.ext.imm = p->ext.imm;
	if (chunk.run->kind < RC_READ && chunk.len != 0) {
		assert_int_equal(chunk.len, p->payload_len);
		tx.seg[0].base = p->payload;
		tx.seg[0].len = chunk.len;
		tx.seg_count = 1;
	}
	replay_expect(&tx, &flow.packet[i], where);
	equal++;
}

static bool
begins(uint8_t opcode)
{
	return has_key(opcode) || opcode == ROCE_RC_SEND_FIRST || opcode == ROCE_RC_SEND_ONLY ||
	       opcode == ROCE_RC_SEND_ONLY_IMM;
}

static void
ask_flow(void)
{
	uint32_t i, posted = 0, done = 0, answers = 0, first, count;
	struct rc_run run;
	struct rc_in in;

	open_qp(true);
	for (i = 0; i < flow.count; i++) {
		const struct roce_pkt *p = &flow.packet[i].p;

		now.ns += 1000;
		if (!flow.packet[i].request) {
			rc_receive(&qp, p, now, &in);
			answers += in.response;
			while (in.acked && rc_reap(&qp, &run, &first, &count))
				done += count;
			continue;
		}
		if (p->psn == qp.nxt) {
			assert_true(begins(p->opcode));
			run = message_of(posted++, i);
			assert_int_equal(rc_post(&qp, &run), 0);
		}
		expect_request(i);
	}
	assert_int_equal(rc_error(&qp), 0);
	assert_int_equal(done, posted);
	assert_int_equal(qp.una, qp.nxt);
	assert_int_equal(qp.counters.rx_responses, answers);
}

static bool
named(const char *path, const char *name)
{
	return strstr(path, name) != NULL;
}

static void
replay__our_responder_answers_as_theirs(void **state)
{
	uint32_t flows = 0;

	equal = 0;
	for (int i = 0; i < capture_count; i++)
		for (uint32_t n = 0; replay_load(&flow, captures[i], n); n++, flows++) {
			snprintf(where, sizeof where, "%s, flow %u", captures[i], n);
			answer_flow(named(captures[i], "loss-read"));
		}
	print_message("%u answers in %u flows as Linux gave them\n", equal, flows);
	assert_true(flows >= (uint32_t)capture_count);
}

static void
replay__our_requester_asks_as_theirs(void **state)
{
	equal = 0;
	for (int i = 0; i < capture_count; i++)
		for (uint32_t n = 0; replay_load(&flow, captures[i], n); n++) {
			/* Theirs goes on sending for a while after an RNR NAK. */
			if (named(captures[i], "send-bw-rnr"))
				continue;
			snprintf(where, sizeof where, "%s, flow %u", captures[i], n);
			ask_flow();
		}
	print_message("%u requests as Linux made them\n", equal);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replay__our_responder_answers_as_theirs),
	    cmocka_unit_test(replay__our_requester_asks_as_theirs),
	};

	capture_count = argc - 1;
	captures = argv + 1;
	if (capture_count == 0)
		return 1;
	icrc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
