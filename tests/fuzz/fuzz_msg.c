/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection in message mode against a peer that sends any packets, a program that puts anything
 * into its ring, and an owner that does anything at any time. Whatever they are: what the program
 * is shown are whole records, messages and answers in order and each made of the bytes of
 * successive packets; requests are done in order, record by record; nothing is written where it may
 * not be, and nothing at all once the connection is over; emission ends; DEAD comes once and in
 * time; all that was lent comes back. */
#include "fuzz.h"
#include "msg_conn.h"
#include "msg_watch.h"
#include "san_err.h"
#include "san_limits.h"
#include "seq.h"

#define QPN	   0x11u
#define PEER_QPN   0x22u
#define PD	   1u
#define STEPS_MAX  2000
#define EMIT_BURST 8
#define EMIT_MAX   20000u
#define RESOURCES  4u
/* Few, so that they run out. */
#define POOL_BLOCKS 2u
#define POOL_FRAMES 24u

struct held {
	struct roce_pkt p; /* its payload is the bytes behind */
	uint8_t bytes[];
};

struct world {
	struct script *s;
	struct san_time now;
	struct msg_conn c;
	struct msg_watch watch;
	struct verbs_send_slot slots[MSG_SLOTS];
	struct rc_resource resources[RESOURCES];
	struct rc_mrs mrs;
	struct rc_mr mr[8];
	struct rc_pool pool;
	struct rc_block blocks[POOL_BLOCKS];
	uint32_t held, pmtu;
	bool died;
};

/* What the peer's packet is, byte for byte in the script. */
struct packet_step {
	uint8_t opcode; /* from 0xe0 on itself, else modulo 32 */
	uint8_t psn;	/* below 192 the one that is due, else up to 32 off; 255: any */
	uint8_t len;	/* below 128 itself, below 240 the path MTU, else sixteenths of it */
	uint8_t where;	/* region, and offset in it in 64ths; 0x80: a wrong key */
	uint8_t total;	/* RETH: below 128 the payload's length, else in quarters of a path MTU */
	uint8_t syndrome;
	uint8_t flags;
};

enum {
	STEP_ACKREQ = 1,
	STEP_SOLICITED = 2,
	STEP_CE = 4,
	STEP_REFUSE = 8 /* far memory is gone */
};

/* From nothing to seconds. Finite, so that the number of repeats is. */
static struct san_duration
duration(struct script *s)
{
	return (struct san_duration){(uint64_t)script_byte(s) << (script_byte(s) % 25)};
}

static void
params_init(struct rc_params *p, struct script *s)
{
	p->retry_count = script_byte(s) % 8;
	p->rnr_retry = script_byte(s) % 8;
	p->min_rnr_timer = script_byte(s) % 32;
	p->window_packets = 1 + script_byte(s);
	p->rto_initial = p->rto_min = SAN_DURATION_US(1 + script_byte(s));
	p->rto_max = SAN_DURATION_MS(1 + script_byte(s));
	p->give_up = duration(s);
	p->ack_delay = duration(s);
}

static void
world_init(struct world *w, struct script *s)
{
	static const uint32_t pmtus[] = {256, 512, 1024, 2048, 4096};
	struct msg_open o = {.slots = w->slots};
	uint8_t how = script_byte(s);

	memset(w, 0, sizeof *w);
	w->s = s;
	w->now.ns = 1;
	w->pmtu = pmtus[script_byte(s) % 5];
	rc_pool_init(&w->pool, w->blocks, POOL_BLOCKS, POOL_FRAMES);
	promise(rc_mrs_init(&w->mrs, w->mr, 8, (struct prng){2}) == 0);
	msg_watch_init(
	    &w->watch, &w->mrs, PD, 1024u << script_byte(s) % 5, 1024u << script_byte(s) % 5);
	o.tx = w->watch.tx;
	o.rx = w->watch.rx;
	o.rc = (struct rc_open){.qpn = QPN,
	    .peer_qpn = PEER_QPN,
	    .mrs = &w->mrs,
	    .pd = PD,
	    .pmtu = w->pmtu,
	    .features = how & 3,
	    .pool = how & 4 ? &w->pool : NULL,
	    .flow_control = how & 8,
	    .resources = w->resources,
	    .resource_count = script_byte(s) % (RESOURCES + 1),
	    .initiator_depth = script_byte(s) % 5};
	o.rc.rq_psn = script_u32(s) & PSN_MASK;
	o.rc.sq_psn = script_u32(s) & PSN_MASK;
	params_init(&o.rc.params, s);
	o.send_max = script_byte(s) * 64u;
	o.linger_timeout = duration(s);
	o.linger_timeout.ns++;
	promise(msg_conn_init(&w->c, &o, w->now) == 0);
}

/* --- the peer --- */

/* A frame comes back: look at its packet again, if it is its turn, and let go of it. */
static void
frame_back(struct world *w, struct held *h, bool turn)
{
	promise(w->held > 0);
	w->held--;
	if (turn) {
		promise(!msg_packet_receive(&w->c, &h->p, NULL, w->now));
		msg_watch_far(&w->watch, &w->c, false, w->now);
	}
	free(h);
}

static void
frames_back(struct world *w)
{
	struct held *h;

	while ((h = msg_frame_next(&w->c)) != NULL)
		frame_back(w, h, true);
	while ((h = msg_frame_drop(&w->c)) != NULL)
		frame_back(w, h, false);
	promise(w->held <= POOL_FRAMES && w->held == w->pool.frames);
}

static bool
is_response(uint8_t opcode)
{
	return opcode >= ROCE_RC_READ_RESP_FIRST && opcode <= ROCE_RC_ATOMIC_ACK;
}

static uint16_t
length_of(const struct world *w, uint8_t len)
{
	if (len < 128)
		return len;
	return (uint16_t)(len < 240 ? w->pmtu : (len - 239u) * w->pmtu / 16);
}

static void
packet_make(struct world *w, struct roce_pkt *p, const struct packet_step *k)
{
	const struct watch_region *g = &w->watch.region[k->where / 16 % WATCH_REGIONS];
	uint32_t due;

	p->opcode = k->opcode >= 0xe0 ? k->opcode : k->opcode % 32;
	p->dest_qp = QPN;
	due = is_response(p->opcode) ? w->c.v.qp.una : w->c.v.qp.expected;
	p->psn = psn_add(due, k->psn < 192 ? 0 : k->psn - 224u);
	if (k->psn == 255)
		p->psn = script_u32(w->s) & PSN_MASK;
	p->payload_len = length_of(w, k->len);
	p->ext.rkey = g->key ^ (k->where & 0x80 ? 1u << k->where % 32 : 0);
	p->ext.va = g->va + k->where % 16 * (WATCH_REGION / 16);
	p->ext.dma_len = k->total < 128 ? p->payload_len : (k->total - 128u) * w->pmtu / 4;
	if (k->total == 255)
		p->ext.dma_len = script_u32(w->s);
	p->ext.syndrome = k->syndrome;
	p->ext.imm = k->where;
	p->ackreq = k->flags & STEP_ACKREQ;
	p->se = k->flags & STEP_SOLICITED;
	p->tclass = k->flags & STEP_CE ? 3 : 2;
	p->vlan = ROCE_VLAN_NONE;
}

static void
receive(struct world *w)
{
	struct packet_step k = {0};
	struct roce_pkt p = {0};
	struct held *h;
	bool kept;

	script_bytes(w->s, (uint8_t *)&k, sizeof k);
	packet_make(w, &p, &k);
	h = malloc(sizeof *h + p.payload_len);
	promise(h != NULL);
	h->p = p;
	h->p.payload = h->bytes;
	memset(h->bytes, watch_byte(p.psn), p.payload_len);
	kept = msg_packet_receive(&w->c, &h->p, h, w->now);
	w->held += kept;
	msg_watch_far(&w->watch, &w->c, k.flags & STEP_REFUSE, w->now);
	if (!kept)
		free(h);
	frames_back(w);
}

/* --- the program and the owner --- */

static void
program(struct world *w)
{
	uint8_t what = script_byte(w->s);

	if (w->c.state != MSG_STATE_OPEN)
		return;
	switch (what % 8) {
	case 0:
		msg_watch_scribble(&w->watch, &w->c, w->s, w->now);
		break;
	case 1:
		/* More than there is: refused, and nothing changes. */
		promise(msg_rx_consumed(&w->c, msg_rx_produced(&w->c) + 1 + script_byte(w->s),
			    w->now) == SAN_EPROTO);
		break;
	case 2:
	case 3:
	case 4:
		for (unsigned n = script_byte(w->s) % 8; n > 0; n--)
			msg_watch_take(&w->watch, &w->c, w->now);
		break;
	default:
		msg_watch_put(&w->watch, &w->c, w->s, w->now);
		break;
	}
}

static void
owner_event(struct world *w)
{
	switch (script_byte(w->s) % 16) {
	case 0:
		msg_close(&w->c, w->now);
		break;
	case 1:
		msg_dreq_received(&w->c, w->now);
		break;
	case 2:
		msg_dreq_finished(&w->c, w->now);
		break;
	case 3:
		msg_port_down(&w->c, w->now);
		break;
	default:
		msg_keepalive(&w->c, w->now);
		break;
	}
}

static void
emit(struct world *w, bool refuse)
{
	struct roce_tx out[EMIT_BURST];
	size_t n, total = 0;

	while ((n = msg_emit(&w->c, out, EMIT_BURST, w->now)) != 0) {
		promise(w->c.state != MSG_STATE_DEAD && (total += n) < EMIT_MAX);
		for (size_t i = 0; i < n; i++) {
			promise(out[i].dest_qp == PEER_QPN && out[i].psn <= PSN_MASK);
			promise(roce_tx_payload_len(&out[i]) <= w->pmtu);
			/* Of what was emitted with it nothing leaves. */
			if (msg_watch_emitted(&w->watch, &w->c, &out[i], refuse, w->now))
				break;
		}
	}
}

/* All that may leave leaves; then everything is as it must be. */
static void
settle(struct world *w)
{
	uint32_t events;

	if (san_time_reached(msg_deadline(&w->c), w->now))
		msg_deadline_expire(&w->c, w->now);
	frames_back(w);
	emit(w, false);
	promise(!msg_has_work(&w->c, w->now) && msg_deadline(&w->c).ns > w->now.ns);
	events = msg_events_take(&w->c);
	promise(!w->died || events == 0);
	promise(((events & MSG_EV_DEAD) != 0) == (!w->died && msg_state(&w->c) == MSG_STATE_DEAD));
	promise((events & MSG_EV_MALFORMED) == 0 || w->watch.hostile);
	promise((msg_error(&w->c) == 0) == (msg_state(&w->c) == MSG_STATE_OPEN));
	w->died = msg_state(&w->c) == MSG_STATE_DEAD;
	msg_watch_check(&w->watch, &w->c);
}

/* The peer falls silent: what is under way fails, within a bounded number of attempts. Then the
 * program goes: DEAD after linger_timeout at the latest. */
static void
check_ends(struct world *w)
{
	struct san_time limit;
	unsigned rounds = 0;

	settle(w);
	while (w->c.state == MSG_STATE_OPEN && msg_deadline(&w->c).ns != SAN_TIME_NEVER.ns) {
		promise(++rounds < 20000);
		w->now = msg_deadline(&w->c);
		settle(w);
	}
	promise(w->c.state != MSG_STATE_OPEN || verbs_send_idle(&w->c.v));
	limit = san_time_add(w->now, w->c.linger_timeout);
	msg_close(&w->c, w->now);
	settle(w);
	while (msg_state(&w->c) != MSG_STATE_DEAD) {
		promise(msg_deadline(&w->c).ns <= limit.ns);
		w->now = msg_deadline(&w->c);
		settle(w);
	}
	promise(w->held == 0 && w->pool.lent == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct script s = {data, size};

	world_init(&w, &s);
	for (int i = 0; i < STEPS_MAX && s.left > 0; i++) {
		switch (script_byte(&s) % 16) {
		case 0:
			owner_event(&w);
			break;
		case 1:
			w.now = san_time_add(w.now, duration(&s));
			break;
		case 2:
			emit(&w, true);
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			program(&w);
			break;
		default:
			receive(&w);
			break;
		}
		settle(&w);
	}
	check_ends(&w);
	msg_watch_free(&w.watch);
	return 0;
}
