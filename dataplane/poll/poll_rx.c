/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames in: classify, find the flow by QPN, check that the packet is its peer's, hand it to the
 * engine. What is not for a flow is control's (ARP, ICMP, queue pair 1) or is counted. */
#include "poll_priv.h"

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "port.h"

#define QPN_CM 1u

_Static_assert((int)POLL_COUNT_rx_roce + (int)ROCE_ICRC == (int)POLL_COUNT_rx_icrc,
    "one counter per verdict, in their order");

/* Give the frame to control; false if it has to be freed. */
static bool
control_give(struct poll *p, uint16_t port, struct frame *frame)
{
	struct poll_event ev = {.type = POLL_EV_FRAME_RX, .port = port, .frame = frame};

	/* The last quarter of the ring is for what must not be lost. */
	if (poll_event_room(p) < POLL_EVENT_RING / 4 || !poll_event_put(p, &ev)) {
		poll_count(p, POLL_COUNT_rx_ring_full, 1);
		return false;
	}
	return true;
}

/* A priority tag (VLAN 0) is as good as none. */
static bool
vlan_matches(uint16_t got, uint16_t want)
{
	return got == want || (got == 0 && want == ROCE_VLAN_NONE);
}

/* What a packet wrote into memory of the program's that is not in the region. */
static void
far_write(struct poll *p, struct flow *f)
{
	struct rc_far far;

	if (engine_far_write(&f->engine, &far) && !flow_far_write(p, &far))
		engine_far_refuse(&f->engine, p->now);
}

/* What waited for the packet just received. Its ICRC was good when it came. */
static void
kept_receive(struct poll *p, struct flow *f)
{
	struct frame *frame;
	struct roce_pkt pkt;

	while ((frame = engine_frame_next(&f->engine)) != NULL) {
		if (roce_decode_again(frame_data(frame), frame_len(frame), &pkt) == ROCE_OK)
			engine_receive(&f->engine, &pkt, NULL, p->now);
		far_write(p, f);
		frame_free(frame);
	}
}

/* True if the frame is the flow's until its turn comes. */
static bool
flow_packet(struct poll *p, uint16_t port, const struct roce_pkt *pkt, struct frame *frame)
{
	bool kept = false;

	struct flow *f = flow_find(p, pkt->dest_qp & 0xffff);

	if (!f || f->qpn != pkt->dest_qp) {
		poll_count(p, POLL_COUNT_rx_unknown_qp, 1);
	} else if (f->port != port) {
		poll_count(p, POLL_COUNT_rx_other_port, 1);
	} else if (!san_ip_equal(&pkt->src, &f->path.dst) ||
		   !san_ip_equal(&pkt->dst, &f->path.src)) {
		poll_count(p, POLL_COUNT_rx_wrong_peer, 1);
	} else if (!vlan_matches(pkt->vlan, f->path.vlan)) {
		poll_count(p, POLL_COUNT_rx_vlan, 1);
	} else {
		f->heard_at = p->now;
		kept = engine_receive(&f->engine, pkt, frame, p->now);
		far_write(p, f);
		kept_receive(p, f);
		flow_traffic(p, f);
	}
	return kept;
}

static bool
datagram(uint8_t opcode)
{
	return opcode == ROCE_UD_SEND_ONLY || opcode == ROCE_UD_SEND_ONLY_IMM;
}

/* True if the frame went to control or to a flow. */
static bool
frame_receive(struct poll *p, uint16_t port, struct frame *frame)
{
	struct roce_pkt pkt;
	enum roce_verdict v = roce_decode(frame_data(frame), frame_len(frame), &pkt);

	poll_count(p, (enum poll_counter)((int)POLL_COUNT_rx_roce + (int)v), 1);
	if (v == ROCE_ARP || v == ROCE_ICMP)
		return control_give(p, port, frame);
	if (v != ROCE_OK)
		return false;
	if (!datagram(pkt.opcode))
		return flow_packet(p, port, &pkt, frame);
	if (pkt.dest_qp == QPN_CM)
		return control_give(p, port, frame);
	poll_count(p, POLL_COUNT_rx_ud, 1);
	return false;
}

static void
frames_receive(struct poll *p, uint16_t port, struct frame **frames, uint16_t n)
{
	uint16_t done = 0;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += frame_len(frames[i]);
	for (uint16_t i = 0; i < n; i++) {
		if (i + 1 < n)
			rte_prefetch0(frame_data(frames[i + 1]));
		if (!frame_receive(p, port, frames[i]))
			frames[done++] = frames[i];
	}
	rte_pktmbuf_free_bulk((struct rte_mbuf **)frames, done);
	poll_count(p, POLL_COUNT_rx_frames, n);
	poll_count(p, POLL_COUNT_rx_bytes, bytes);
	p->work += n;
}

/* Only what was there at the start: answers wait for the next iteration. */
static void
loop_receive(struct poll *p)
{
	uint32_t n = p->loop.tail - p->loop.head;

	if (n > POLL_RX_BURST) {
		n = POLL_RX_BURST;
		p->more = true;
	}
	while (n-- > 0) {
		uint32_t at = p->loop.head++ & (POLL_LOOP - 1);

		frames_receive(p, p->loop.port[at], &p->loop.frame[at], 1);
	}
}

void
poll_rx(struct poll *p)
{
	struct frame *frames[POLL_RX_BURST];

	for (uint16_t port = 0; port < SAN_PORTS_MAX; port++) {
		uint16_t n;

		if (!p->port[port].up)
			continue;
		n = port_rx(port, frames, POLL_RX_BURST);
		if (n > 0)
			frames_receive(p, port, frames, n);
		p->more |= n == POLL_RX_BURST;
	}
	loop_receive(p);
}
