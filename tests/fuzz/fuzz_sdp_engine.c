/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole connection against a peer and a program that do anything at any time: the script's bytes
 * choose packets, positions, events and pauses. Whatever they are, memory outside the rings stays
 * untouched, emission ends, nothing is said beyond the peer's credits, RDMA is done in its order
 * and nothing overtakes it, DEAD is final, after a close the connection is DEAD within its
 * deadlines, and all it was lent comes back. */
#include "fuzz.h"
#include "mr.h"
#include "recovery.h"
#include "sack.h"
#include "san_err.h"
#include "san_limits.h"
#include "sdp_priv.h"

#define QPN	   0x11u
#define PEER_QPN   0x22u
#define STEPS_MAX  2000
#define EMIT_BURST 16
#define BLOCKS	   2
#define FRAMES_MAX 40
#define LOCAL	   1024u /* bytes RDMA of the program's comes from and goes to */
#define MEMORY	   512u	 /* that the peer may reach: so much here, and as much far away */
#define VA	   0x1000u

/* A packet as its owner keeps it. */
struct held {
	struct roce_pkt p;
	uint8_t bytes[];
};

struct world {
	struct script *s;
	struct sdp_conn c;
	struct san_time now;
	uint8_t *tx, *rx; /* of exactly the rings' sizes: a sanitizer sees every byte beyond */
	uint32_t tx_size, rx_size, pmtu;
	bool died;
	struct rc_pool pool;
	struct rc_block *block;
	uint32_t held;
	struct sdp_lent lent;
	struct rc_mr mr[4];
	struct rc_mrs mrs;
	uint8_t *local, *memory;
	uint32_t near_key, far_key;
	uint32_t rdma_posted, rdma_taken;
};

/* From nothing to seconds. Finite, so that the number of repeats is. */
static struct san_duration
duration(struct script *s)
{
	return (struct san_duration){(uint64_t)script_byte(s) << (script_byte(s) % 25)};
}

static bool
world_init(struct world *w, struct script *s)
{
	static const uint32_t pmtus[] = {256, 512, 1024, 2048, 4096};
	struct sdp_open o = {.qpn = QPN, .peer_qpn = PEER_QPN};
	uint8_t how;

	memset(w, 0, sizeof *w);
	w->s = s;
	w->now.ns = 1;
	w->pmtu = pmtus[script_byte(s) % 5];
	w->tx_size = 1024u << script_byte(s) % 5;
	w->rx_size = 1024u << script_byte(s) % 5;
	w->tx = calloc(1, w->tx_size);
	w->rx = calloc(1, w->rx_size);
	promise(w->tx != NULL && w->rx != NULL);
	w->block = malloc(BLOCKS * sizeof *w->block);
	rc_pool_init(&w->pool, w->block, BLOCKS, FRAMES_MAX);
	how = script_byte(s);
	o.active = how & 1;
	o.features = how & 2 ? FEATURE_SACK : 0;
	o.pool = how & 4 ? &w->pool : NULL;
	promise(rc_mrs_init(&w->mrs, w->mr, 4, (struct prng){how}) == 0);
	w->local = calloc(1, LOCAL);
	w->memory = calloc(1, MEMORY);
	promise(w->local != NULL && w->memory != NULL);
	promise(rc_mr_register(&w->mrs, QPN, VA, w->memory, MEMORY,
		    RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE, &w->near_key) == 0);
	promise(rc_mr_register(&w->mrs, QPN, VA, NULL, MEMORY,
		    RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE, &w->far_key) == 0);
	if (how & 8) {
		o.lent = &w->lent;
		o.zcopy = true;
		o.mrs = &w->mrs;
		o.zcopy_threshold = how & 16 ? 300 : 0;
		o.initiator_depth = how >> 5 & 3;
		o.responder_resources = how >> 6;
	}
	o.rq_psn = script_u32(s) & PSN_MASK;
	o.sq_psn = script_u32(s) & PSN_MASK;
	o.pmtu = w->pmtu;
	o.local_rcv_size = w->pmtu;
	o.peer_rcv_size = 17u + script_byte(s) * 20u;
	o.local_credits = sdp_initial_credits(w->rx_size, w->pmtu);
	o.peer_credits = script_byte(s);
	o.tx = (struct byte_ring){w->tx, w->tx_size};
	o.rx = (struct byte_ring){w->rx, w->rx_size};
	o.rc.retry_count = script_byte(s) % 8;
	o.rc.rnr_retry = script_byte(s) % 8;
	o.rc.window_packets = 1 + script_byte(s);
	o.rc.rto_initial = o.rc.rto_min = SAN_DURATION_US(1 + script_byte(s));
	o.rc.rto_max = SAN_DURATION_MS(1 + script_byte(s));
	o.rc.give_up = duration(s);
	o.rc.ack_delay = duration(s);
	o.disconn_timeout = duration(s);
	o.linger_timeout = duration(s);
	return sdp_conn_init(&w->c, &o, w->now) == 0;
}

/* What the packet just received wrote into far memory: there it is, or it is not. */
static void
far_write(struct world *w)
{
	struct rc_far far;

	if (!sdp_far_write(&w->c, &far))
		return;
	promise(far.key == w->far_key && far.va >= VA && far.va - VA + far.len <= MEMORY);
	if (script_byte(w->s) % 4 == 0)
		sdp_far_refuse(&w->c, w->now);
}

/* A frame comes back: look at its packet again, if it is its turn, and let go of it. */
static void
frame_back(struct world *w, struct held *h, bool turn)
{
	promise(w->held > 0);
	w->held--;
	if (turn)
		promise(!sdp_packet_receive(&w->c, &h->p, NULL, w->now));
	far_write(w);
	free(h);
}

static void
frames_back(struct world *w)
{
	struct held *h;

	while ((h = sdp_frame_next(&w->c)) != NULL)
		frame_back(w, h, true);
	while ((h = sdp_frame_drop(&w->c)) != NULL)
		frame_back(w, h, false);
	promise(w->held <= FRAMES_MAX && w->held == w->pool.frames);
}

static void
receive(struct world *w, const struct roce_pkt *p)
{
	struct held *h = malloc(sizeof *h + p->payload_len);

	h->p = *p;
	h->p.payload = h->bytes;
	memcpy(h->bytes, p->payload, p->payload_len);
	if (sdp_packet_receive(&w->c, &h->p, h, w->now)) {
		w->held++;
	} else {
		far_write(w);
		free(h);
	}
	frames_back(w);
}

/* The next message of a peer that keeps the numbers right, so that its contents are looked at. */
static void
receive_message(struct world *w)
{
	static const uint8_t mid[] = {SDP_DATA, SDP_DATA, SDP_DISCONN, SDP_ABORT_CONN, SDP_SEND_SM,
	    SDP_RDMA_WR_COMPL, SDP_RDMA_RD_COMPL, SDP_MODE_CHANGE, SDP_SRC_AVAIL_CANCEL,
	    SDP_SINK_AVAIL_CANCEL, SDP_SINK_CANCEL_ACK, SDP_CH_RCV_BUF, SDP_CH_RCV_BUF_ACK,
	    SDP_SUSP_COMM, SDP_SUSP_COMM_ACK, SDP_SINK_AVAIL, SDP_SRC_AVAIL, 0x55};
	const struct sdp_session *s = &w->c.s;
	struct sdp_ext ext = {.mode = script_byte(w->s), .size = script_byte(w->s) * 16u};
	struct sdp_bsdh h = {.mid = mid[script_byte(w->s) % sizeof mid],
	    .flags = script_byte(w->s),
	    .bufs = script_byte(w->s),
	    .mseq = s->mseq_received + 1,
	    .mseq_ack = s->mseq_confirmed + script_byte(w->s) % 3};
	uint8_t bytes[SAN_PMTU_MAX];
	uint32_t len = script_byte(w->s) * 16u, head;

	if (script_byte(w->s) == 0xff)
		h.mseq_ack = script_u32(w->s);
	head = (uint32_t)sdp_msg_encode_header(bytes, &h, &ext);
	if (head + len > w->pmtu)
		len = w->pmtu - head;
	h.len = head + len;
	sdp_msg_encode_header(bytes, &h, &ext);
	memset(bytes + head, 0x5a, len);
	receive(w, &(struct roce_pkt){.opcode = ROCE_RC_SEND_ONLY,
		       .dest_qp = QPN,
		       .psn = s->qp.expected,
		       .payload = bytes,
		       .payload_len = (uint16_t)h.len,
		       .ackreq = script_byte(w->s) & 1});
}

/* Any packet that could come out of the decoder. */
static void
receive_packet(struct world *w)
{
	uint8_t bytes[SAN_PMTU_MAX] = {0};
	const struct sdp_session *s = &w->c.s;
	struct roce_pkt p = {.dest_qp = QPN, .payload = bytes};
	uint8_t how = script_byte(w->s);

	p.opcode = script_byte(w->s);
	p.psn = psn_add(how & 1 ? s->qp.expected : s->qp.una, 0xfffff8u + script_byte(w->s) % 32);
	if (how & 2)
		p.psn = s->qp.expected;
	if (how & 4)
		p.psn = script_u32(w->s) & PSN_MASK;
	p.ext.syndrome = script_byte(w->s);
	p.ext.dma_len = how & 8 ? script_u32(w->s) : 0;
	p.ackreq = how & 16;
	p.payload_len = (uint16_t)script_bytes(w->s, bytes, script_byte(w->s) % 64);
	if (how & 32)
		p.payload_len = (uint16_t)w->pmtu;
	if (how & 64) { /* RDMA that may be good */
		p.ext.rkey = how & 128 ? w->near_key : w->far_key;
		p.ext.va = VA + script_byte(w->s) * 2u;
		p.ext.dma_len = p.opcode == ROCE_RC_READ_REQ ? script_byte(w->s) : p.payload_len;
	}
	receive(w, &p);
}

static void
program_rdma(struct world *w)
{
	struct sdp_session *s = &w->c.s;
	struct sdp_rdma_request r = {
	    .va = script_u32(w->s),
	    .key = script_byte(w->s),
	    .len = script_byte(w->s) * 4u,
	    .pos = script_byte(w->s) * 8u,
	    .ring = {w->local, LOCAL},
	    .cookie = w->rdma_posted,
	    .op = script_byte(w->s) & 1 ? SDP_RDMA_READ : SDP_RDMA_WRITE,
	};
	int err = sdp_rdma_post(&w->c, &r);

	if (err == 0)
		w->rdma_posted++;
	promise(w->rdma_posted - w->rdma_taken <= SDP_RDMA_MAX);
	promise(err == 0 || err == SAN_ENOTCONN || err == SAN_EOPNOTSUPP ||
		(err == SAN_EAGAIN && w->rdma_posted - w->rdma_taken == SDP_RDMA_MAX));
	promise(err != SAN_EOPNOTSUPP || s->lent == NULL || s->qp.initiator_depth == 0);
}

/* What is done is so in order. */
static void
check_rdma(struct world *w)
{
	const struct sdp_session *s = &w->c.s;
	struct sdp_rdma_done d;

	while (sdp_rdma_take(&w->c, &d))
		promise(d.cookie == w->rdma_taken++);
	promise(seq32_diff(w->rdma_posted, w->rdma_taken) >= 0);
	if (s->rdma && sdp_rdma_holds(s))
		promise(seq32_diff(s->tx_posted, sdp_rdma_end(s)) <= 0);
}

static void
program_positions(struct world *w)
{
	struct sdp_session *s = &w->c.s;
	uint32_t n = script_byte(w->s) * 16u, any = script_u32(w->s);
	uint32_t used;

	switch (script_byte(w->s) % 5) {
	case 0:
		used = s->tx_produced - s->tx_released;
		n = n > w->tx_size - used ? w->tx_size - used : n;
		promise(sdp_tx_produced(&w->c, s->tx_produced + n, w->now) == 0);
		break;
	case 1:
		used = s->rx_produced - s->rx_consumed;
		n = n > used ? used : n;
		promise(sdp_rx_consumed(&w->c, s->rx_consumed + n, w->now) == 0);
		break;
	case 2:
		(void)sdp_tx_produced(&w->c, any, w->now);
		break;
	case 3:
		(void)sdp_rx_consumed(&w->c, any, w->now);
		break;
	default:
		sdp_tx_urgent(&w->c, n % 2 == 0 ? s->tx_posted + n : any);
		break;
	}
	promise(s->tx_produced - s->tx_released <= w->tx_size);
	promise(s->rx_produced - s->rx_consumed <= w->rx_size);
}

static void
owner_event(struct world *w)
{
	switch (script_byte(w->s) % 8) {
	case 0:
		sdp_shut(&w->c, w->now);
		break;
	case 1:
		sdp_close(&w->c, SDP_CLOSE_GRACEFUL, w->now);
		break;
	case 2:
		sdp_close(&w->c, SDP_CLOSE_ABORT, w->now);
		break;
	case 3:
		sdp_dreq_received(&w->c, w->now);
		break;
	case 4:
		sdp_dreq_finished(&w->c, w->now);
		break;
	case 5:
		sdp_port_down(&w->c, w->now);
		break;
	case 6:
		program_rdma(w);
		break;
	default:
		sdp_keepalive(&w->c, w->now);
		break;
	}
}

static bool
inside(const struct roce_tx *tx, uint8_t i, const uint8_t *area, uint32_t size)
{
	return tx->seg[i].base >= area && tx->seg[i].base + tx->seg[i].len <= area + size;
}

static void
check_tx(const struct world *w, const struct roce_tx *tx)
{
	uint32_t len = roce_tx_payload_len(tx);

	promise(tx->dest_qp == PEER_QPN && tx->psn <= PSN_MASK);
	promise(
	    len <= w->pmtu && tx->inline_len <= ROCE_TX_INLINE && tx->seg_count <= ROCE_TX_SEGS);
	if (tx->opcode == ROCE_RC_ACK) {
		promise(len <= SACK_LEN_MAX);
		return; /* the bytes are the engine's own */
	}
	for (uint8_t i = 0; i < tx->seg_count; i++)
		promise(tx->seg[i].base == NULL || inside(tx, i, w->tx, w->tx_size) ||
			inside(tx, i, w->local, LOCAL) || inside(tx, i, w->memory, MEMORY));
}

/* The bytes of an answer from far memory: there they are, or they are not, which is the last that
 * is said. False: that. */
static bool
far_read(struct world *w, struct roce_tx *tx)
{
	if (tx->seg_count == 0 || tx->seg[0].base != NULL)
		return true;
	promise(tx->ext.rkey == w->far_key && tx->ext.va >= VA &&
		tx->ext.va - VA + tx->seg[0].len <= MEMORY);
	if (script_byte(w->s) % 4 != 0)
		return true;
	sdp_answer_refuse(&w->c, tx, w->now);
	return false;
}

/* What is posted may have to wait: for the peer, for room in the window, for its pace, or for ever.
 */
static bool
waits(const struct rc_qp *qp, struct san_time now)
{
	return qp->state == RC_STATE_SQE || qp->state == RC_STATE_ERR ||
	       qp->rnr_until.ns != UINT64_MAX || rc_held(qp) ||
	       (qp->read_runs != 0 && qp->reads_out >= qp->initiator_depth) ||
	       psn_span(qp->nxt, qp->una) > rc_window(qp) || cc_next(&qp->cc).ns > now.ns;
}

static void
emit(struct world *w)
{
	struct roce_tx out[EMIT_BURST];
	size_t max = 1 + script_byte(w->s) % EMIT_BURST, n, total = 0;

	do {
		int32_t before = sdp_credits(&w->c.s);
		uint32_t mseq = w->c.s.mseq_posted;

		n = sdp_emit(&w->c, out, max, w->now);
		for (size_t i = 0; i < n; i++) {
			check_tx(w, &out[i]);
			if (!far_read(w, &out[i]))
				n = i + 1;
		}
		/* Nothing new is said without a credit for it. */
		promise(w->c.s.mseq_posted == mseq || sdp_credits(&w->c.s) >= 0 || before < 0);
		total += n;
		promise(total < 70000);
	} while (n == max);
	promise(!sdp_has_work(&w->c, w->now));
	promise(w->c.s.qp.high == w->c.s.qp.nxt || waits(&w->c.s.qp, w->now));
}

/* What the peer may still send fits the ring, however it came to be promised. */
static void
check_credits(const struct world *w)
{
	const struct sdp_session *s = &w->c.s;
	uint32_t to_come = s->reading ? s->lent->zcopy.sink.asked - s->rx_produced : 0;
	uint32_t room = w->rx_size - (s->rx_produced - s->rx_consumed) - to_come;
	int64_t promised = seq32_diff(s->announced, s->mseq_received) - 2;

	promise(s->rx_produced - s->rx_consumed + to_come <= w->rx_size);
	if (!s->deaf && sdp_violation(&w->c) == SDP_VIOLATION_NONE)
		promise(promised * s->rx_payload_max <= (int64_t)room);
	promise(seq32_diff(s->qp.recv_limit, s->announced) >= 0);
}

static void
settle(struct world *w)
{
	uint32_t events;

	if (san_time_reached(sdp_deadline(&w->c), w->now))
		sdp_deadline_expire(&w->c, w->now);
	frames_back(w);
	emit(w);
	check_credits(w);
	check_rdma(w);
	promise(sdp_deadline(&w->c).ns > w->now.ns);
	events = sdp_events_take(&w->c);
	promise(!w->died || events == 0);
	promise(((events & SDP_EV_DEAD) != 0) == (!w->died && sdp_state(&w->c) == SDP_STATE_DEAD));
	w->died = sdp_state(&w->c) == SDP_STATE_DEAD;
}

/* The program goes, the peer falls silent: DEAD after linger_timeout at the latest. */
static void
check_ends(struct world *w)
{
	struct san_time limit = san_time_add(w->now, san_short_long(w->c.s.linger_timeout));

	sdp_close(&w->c, SDP_CLOSE_ABORT, w->now);
	settle(w);
	while (sdp_state(&w->c) != SDP_STATE_DEAD) {
		promise(sdp_deadline(&w->c).ns <= limit.ns);
		w->now = sdp_deadline(&w->c);
		settle(w);
	}
	frames_back(w);
	promise(rc_mr_deregister(&w->mrs, w->near_key) == 0);
	promise(rc_mr_deregister(&w->mrs, w->far_key) == 0);
	promise(w->held == 0 && w->pool.lent == 0 && w->mrs.used == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	struct world w;
	int i;

	if (world_init(&w, &s)) {
		for (i = 0; i < STEPS_MAX && s.left > 0; i++) {
			switch (script_byte(&s) % 8) {
			case 0:
			case 1:
			case 2:
				receive_message(&w);
				break;
			case 3:
				receive_packet(&w);
				break;
			case 4:
			case 5:
				program_positions(&w);
				break;
			case 6:
				w.now = san_time_add(w.now, duration(&s));
				break;
			default:
				owner_event(&w);
				break;
			}
			settle(&w);
		}
		check_ends(&w);
	}
	free(w.block);
	free(w.tx);
	free(w.rx);
	free(w.local);
	free(w.memory);
	return 0;
}
