/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA beside a stream: a program that puts any records into its ring among its bytes, a peer that
 * sends any packets, an owner that does anything at any time. Whatever they are: what leaves for
 * the first time has the place its record gives it among the bytes, nothing overtakes a READ or a
 * DisConn; requests are done in order, record by record; answers are whole, made of the bytes of
 * successive packets, and stay as they are until they are taken; nothing else is written, and
 * nothing at all once the connection is over; malformed records end it; emission ends. */
#include "beside_watch.h"
#include "recovery.h"
#include "san_err.h"
#include "san_limits.h"
#include "sdp_priv.h"

#define QPN	   0x11u
#define PEER_QPN   0x22u
#define STEPS_MAX  2000
#define EMIT_BURST 8
#define EMIT_MAX   20000u

struct world {
	struct script *s;
	struct san_time now;
	struct sdp_conn c;
	struct sdp_lent lent;
	struct beside_watch watch;
	struct rc_pool pool;
	struct rc_block block;
	struct byte_ring tx, rx;
	uint32_t pmtu;
	bool shut, shut_due, closed, died;
};

/* The peer's packet, byte for byte in the script. */
struct packet_step {
	uint8_t opcode; /* from 0xe0 on itself, else modulo 32 */
	uint8_t psn;	/* below 192 the one that is due, else up to 32 off */
	uint8_t len;	/* below 128 itself, below 240 the path MTU, else sixteenths of it */
	uint8_t syndrome;
};

/* From nothing to seconds. Finite, so that the number of repeats is. */
static struct san_duration
duration(struct script *s)
{
	return (struct san_duration){(uint64_t)script_byte(s) << (script_byte(s) % 25)};
}

static struct byte_ring
ring_new(uint32_t size)
{
	struct byte_ring r = {calloc(1, size), size};

	promise(r.base != NULL);
	return r;
}

static void
params_init(struct rc_params *p, struct script *s)
{
	p->retry_count = script_byte(s) % 8;
	p->rnr_retry = script_byte(s) % 8;
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
	struct sdp_open o = {.active = true, .qpn = QPN, .peer_qpn = PEER_QPN};
	uint8_t how = script_byte(s);

	memset(w, 0, sizeof *w);
	w->s = s;
	w->now.ns = 1;
	w->pmtu = pmtus[script_byte(s) % 5];
	/* Two packets' worth at least. */
	w->tx = ring_new(8192u << script_byte(s) % 2);
	w->rx = ring_new(8192u << script_byte(s) % 2);
	rc_pool_init(&w->pool, &w->block, 1, 1);
	o.features = how & 3;
	o.pool = how & 4 ? &w->pool : NULL;
	o.lent = &w->lent;
	o.initiator_depth = how >> 3 & 3;
	o.rq_psn = script_u32(s) & PSN_MASK;
	o.sq_psn = script_u32(s) & PSN_MASK;
	o.pmtu = o.local_rcv_size = o.peer_rcv_size = w->pmtu;
	o.local_credits = sdp_initial_credits(w->rx.size, w->pmtu);
	o.peer_credits = script_byte(s);
	o.tx = w->tx;
	o.rx = w->rx;
	params_init(&o.rc, s);
	o.disconn_timeout = duration(s);
	o.linger_timeout = duration(s);
	beside_watch_init(&w->watch, 1024u << script_byte(s) % 4, o.sq_psn, o.initiator_depth != 0);
	promise(sdp_conn_init(&w->c, &o, w->now) == 0);
}

/* --- the peer --------------------------------------------------------------------------------- */

static bool
is_answer(uint8_t opcode)
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
receive(struct world *w)
{
	struct packet_step k = {0};
	uint8_t bytes[SAN_PMTU_MAX];
	struct roce_pkt p = {.dest_qp = QPN, .payload = bytes, .vlan = ROCE_VLAN_NONE};

	script_bytes(w->s, (uint8_t *)&k, sizeof k);
	p.opcode = k.opcode >= 0xe0 ? k.opcode : k.opcode % 32;
	p.psn = is_answer(p.opcode) ? w->c.s.qp.una : w->c.s.qp.expected;
	p.psn = psn_add(p.psn, k.psn < 192 ? 0 : (k.psn - 224u) & PSN_MASK);
	p.payload_len = length_of(w, k.len);
	p.ext.syndrome = k.syndrome;
	memset(bytes, watch_byte(p.psn), p.payload_len);
	promise(!sdp_packet_receive(&w->c, &p, NULL, w->now));
}

/* The next message of a peer that keeps the numbers right. */
static void
receive_message(struct world *w)
{
	static const uint8_t mid[] = {SDP_DATA, SDP_DATA, SDP_DATA, SDP_DISCONN, SDP_ABORT_CONN,
	    SDP_SEND_SM, SDP_SUSP_COMM, SDP_SRC_AVAIL_CANCEL};
	const struct sdp_session *s = &w->c.s;
	struct sdp_ext ext = {0};
	struct sdp_bsdh h = {.mid = mid[script_byte(w->s) % sizeof mid],
	    .bufs = script_byte(w->s),
	    .mseq = s->mseq_received + 1,
	    .mseq_ack = s->mseq_confirmed + script_byte(w->s) % 3};
	uint8_t bytes[SAN_PMTU_MAX] = {0};
	uint32_t len = h.mid == SDP_DATA ? length_of(w, script_byte(w->s)) : 0;
	struct roce_pkt p = {.opcode = ROCE_RC_SEND_ONLY,
	    .dest_qp = QPN,
	    .psn = s->qp.expected,
	    .payload = bytes,
	    .vlan = ROCE_VLAN_NONE,
	    .ackreq = true};

	h.len = SDP_BSDH_LEN + len > w->pmtu ? w->pmtu : SDP_BSDH_LEN + len;
	sdp_msg_encode_header(bytes, &h, &ext);
	p.payload_len = (uint16_t)h.len;
	promise(!sdp_packet_receive(&w->c, &p, NULL, w->now));
}

/* --- the program and the owner ---------------------------------------------------------------- */

static void
bytes_put(struct world *w)
{
	uint32_t room = w->tx.size - (w->watch.produced - sdp_tx_released(&w->c));
	uint32_t n = script_byte(w->s) * 8u;

	if (!w->shut)
		w->watch.produced += n < room ? n : room;
}

static void
program(struct world *w)
{
	uint8_t what = script_byte(w->s);

	if (w->closed || w->watch.deaf || w->died)
		return;
	switch (what % 8) {
	case 0:
		beside_watch_scribble(&w->watch, w->s);
		break;
	case 1:
	case 2:
		beside_watch_take(&w->watch);
		break;
	case 3:
	case 4:
		bytes_put(w);
		break;
	case 5:
		promise(sdp_rx_consumed(&w->c, sdp_rx_produced(&w->c), w->now) == 0);
		break;
	default:
		if (!w->shut)
			beside_watch_put(&w->watch, w->s);
		break;
	}
}

/* As poll/ does: what malformed records or a close leave undone is no orderly end. */
static void
push(struct world *w)
{
	if (w->closed || w->died)
		return;
	beside_watch_push(&w->watch, &w->c, w->now);
	if (w->watch.deaf) {
		w->closed = true;
		sdp_close(&w->c, SDP_CLOSE_ABORT, w->now);
	} else if (w->shut_due && w->watch.rings.next == w->watch.rings.tail) {
		w->shut_due = false;
		sdp_shut(&w->c, w->now);
	}
}

static void
owner_close(struct world *w, enum sdp_close_how how)
{
	push(w);
	if (rdma_rings_pending(&w->watch.rings))
		how = SDP_CLOSE_ABORT;
	w->closed = true;
	sdp_close(&w->c, how, w->now);
}

static void
owner_event(struct world *w)
{
	switch (script_byte(w->s) % 16) {
	case 0:
	case 1:
	case 2:
		w->shut_due |= !w->shut;
		w->shut = true;
		break;
	case 3:
		owner_close(w, SDP_CLOSE_GRACEFUL);
		break;
	case 4:
		owner_close(w, SDP_CLOSE_ABORT);
		break;
	case 5:
		sdp_dreq_received(&w->c, w->now);
		break;
	case 6:
		sdp_dreq_finished(&w->c, w->now);
		break;
	case 7:
		sdp_port_down(&w->c, w->now);
		break;
	default:
		sdp_keepalive(&w->c, w->now);
		break;
	}
}

static void
emit(struct world *w)
{
	struct roce_tx out[EMIT_BURST];
	size_t n, total = 0;

	while ((n = sdp_emit(&w->c, out, EMIT_BURST, w->now)) != 0) {
		promise((total += n) < EMIT_MAX);
		for (size_t i = 0; i < n; i++) {
			promise(out[i].dest_qp == PEER_QPN && out[i].psn <= PSN_MASK);
			promise(roce_tx_payload_len(&out[i]) <= w->pmtu);
			beside_watch_sent(&w->watch, &out[i], w->pmtu);
		}
	}
}

/* All that may leave leaves; then everything is as it must be. */
static void
settle(struct world *w)
{
	if (san_time_reached(sdp_deadline(&w->c), w->now))
		sdp_deadline_expire(&w->c, w->now);
	beside_watch_done(&w->watch, &w->c, w->pmtu);
	push(w);
	emit(w);
	promise(!sdp_has_work(&w->c, w->now) && sdp_deadline(&w->c).ns > w->now.ns);
	w->died = sdp_state(&w->c) == SDP_STATE_DEAD;
	beside_watch_check(&w->watch, w->died);
}

/* The program goes, the peer falls silent: DEAD after linger_timeout at the latest. */
static void
check_ends(struct world *w)
{
	struct san_time limit = san_time_add(w->now, san_short_long(w->c.s.linger_timeout));

	owner_close(w, SDP_CLOSE_ABORT);
	settle(w);
	while (sdp_state(&w->c) != SDP_STATE_DEAD) {
		promise(sdp_deadline(&w->c).ns <= limit.ns);
		w->now = sdp_deadline(&w->c);
		settle(w);
	}
	promise(sdp_frame_drop(&w->c) == NULL && w->pool.lent == 0);
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
		case 3:
			receive_message(&w);
			break;
		case 4:
		case 5:
		case 6:
		case 7:
		case 8:
			program(&w);
			break;
		default:
			receive(&w);
			break;
		}
		settle(&w);
	}
	check_ends(&w);
	beside_watch_free(&w.watch);
	free(w.tx.base);
	free(w.rx.base);
	return 0;
}
