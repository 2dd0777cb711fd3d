/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>

#include "doorbell.h"
#include "eal.h"
#include "icrc.h"
#include "port.h"

static struct rte_ring *wires[RIG_SIDES]; /* wires[i] leads to side i */
static unsigned last_event;

void
rig_start(void)
{
	static char args[][16] = {"test", "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci",
	    "-m", "160", "--lcores", "(0-1)@(0-1)"};
	char *argv[RTE_DIM(args)];
	static const char *names[] = {"wire0", "wire1"},
			  *devices[] = {"net_ring_left", "net_ring_right"};
	char why[EAL_WHY_MAX] = "";
	struct port_params params = {.name = "test", .mtu = 4300, .vlan = 0xffff};

	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (eal_start(RTE_DIM(args), argv, why, sizeof why) != 0)
		fail_msg("%s", why);
	icrc_init();
	if (eal_frame_pool_create(32, 4300, why, sizeof why) != 0)
		fail_msg("%s", why);
	for (unsigned i = 0; i < RIG_SIDES; i++)
		assert_non_null(wires[i] = rte_ring_create(names[i], 256, SOCKET_ID_ANY, 0));
	for (uint16_t i = 0; i < RIG_SIDES; i++) {
		assert_true(rte_eth_from_rings(devices[i] + strlen("net_ring_"), &wires[i], 1,
				&wires[!i], 1, 0) >= 0);
		params.device = devices[i];
		params.mac[5] = (uint8_t)(1 + i);
		params.mac[0] = 2;
		if (port_open(i, &params, why, sizeof why) != 0)
			fail_msg("%s", why);
		assert_int_equal(port_start(i), 0);
	}
}

void
rig_stop(void)
{
	for (uint16_t i = 0; i < RIG_SIDES; i++)
		port_close(i);
	eal_frame_pool_destroy();
	eal_stop();
}

static void
region_make(struct rig_side *s)
{
	size_t socks_off = (sizeof(struct shm_region) + 4095) & ~4095ul;
	size_t rings_off = socks_off + ((RIG_SOCKS * sizeof(struct shm_sock) + 4095) & ~4095ul);

	s->region_bytes = rings_off + RIG_SOCKS * shm_slot_rings(RIG_TX_RING, RIG_RX_RING);
	s->region =
	    mmap(NULL, s->region_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(s->region, MAP_FAILED);
	s->sock = (struct shm_sock *)((uint8_t *)s->region + socks_off);
	s->rings = (uint8_t *)s->region + rings_off;
	for (unsigned i = 0; i < SAN_WAKES_MAX; i++)
		s->wake_fds[i] = -1;
}

void
rig_session_add(struct rig_side *s)
{
	struct poll_cmd cmd = {.type = POLL_CMD_SESSION_ADD};

	cmd.session.base = s->region;
	cmd.session.session = s->session;
	cmd.session.socks = RIG_SOCKS;
	cmd.session.tx_ring_bytes = RIG_TX_RING;
	cmd.session.rx_ring_bytes = RIG_RX_RING;
	cmd.session.sock_off = (uint64_t)((uint8_t *)s->sock - (uint8_t *)s->region);
	cmd.session.ring_off = (uint64_t)(s->rings - (uint8_t *)s->region);
	cmd.session.wake_fds = s->wake_fds;
	rig_put(s, &cmd);
}

static void
side_open(struct rig *r, unsigned i)
{
	struct poll_params params = {.lcore = 1,
	    .cpu = -1,
	    .conns_max = 256,
	    .frames_kept_max = 100,
	    .idle_spin = SAN_DURATION_US(20),
	    .idle_yield = SAN_DURATION_US(500),
	    .nap_max = SAN_DURATION_MS(2),
	    .keepalive = SAN_DURATION_S(3)};
	struct poll_cmd up = {.type = POLL_CMD_PORT_UP, .port = (uint16_t)i};
	struct rig_side *s = &r->side[i];
	struct port_info info;

	*s = (struct rig_side){
	    .port = (uint16_t)i, .session = (uint16_t)(3 + i), .wire_in = wires[i]};
	assert_int_equal(poll_create(i, &params), 0);
	s->poll = poll_get(i);
	region_make(s);
	assert_int_equal(port_info_get((uint16_t)i, &info), 0);
	assert_int_equal(port_info_get((uint16_t)i, &info), 0);
	memcpy(s->path.smac, info.mac, 6);
	assert_int_equal(port_info_get((uint16_t)!i, &info), 0);
	memcpy(s->path.dmac, info.mac, 6);
	s->path.src = san_ip_v4(0x0a4d0001 + i);
	s->path.dst = san_ip_v4(0x0a4d0001 + !i);
	s->path.vlan = ROCE_VLAN_NONE;
	s->path.sport = 0xc123;
	s->path.tclass = 2;
	s->path.hop_limit = 64;
	rig_put(s, &up);
	rig_session_add(s);
}

void
rig_open(struct rig *r)
{
	memset(r, 0, sizeof *r);
	r->now = (struct san_time){1000000};
	for (unsigned i = 0; i < RIG_SIDES; i++)
		side_open(r, i);
	for (unsigned i = 0; i < RIG_SIDES; i++) {
		struct poll *p = r->side[i].poll;

		p->now = r->now;
		wheel_init(&p->wheel, r->now);
	}
	rig_step(r);
}

void
rig_close(struct rig *r)
{
	struct rte_mbuf *m;

	for (unsigned i = 0; i < RIG_SIDES; i++) {
		poll_destroy(i);
		munmap(r->side[i].region, r->side[i].region_bytes);
		while (rte_ring_dequeue(wires[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
	}
}

void
rig_put(struct rig_side *s, const struct poll_cmd *cmd)
{
	assert_int_equal(poll_cmd_put(s->port, cmd), 0);
}

static void
events_take(struct rig_side *s)
{
	struct poll_event ev;

	while (poll_event_get(s->port, &ev)) {
		assert_in_range(ev.type, 0, 15);
		s->last[ev.type] = ev;
		s->events[ev.type]++;
		last_event = ev.type;
		if (ev.type == POLL_EV_CONN_EVENT) {
			s->bits |= ev.ev.bits;
			s->err = ev.ev.err;
		}
		if (ev.type == POLL_EV_FRAME_RX && !s->keep_frames)
			frame_free(ev.frame);
	}
}

void
rig_step(struct rig *r)
{
	for (unsigned i = 0; i < RIG_SIDES; i++) {
		poll_iterate(r->side[i].poll, r->now);
		events_take(&r->side[i]);
	}
	r->now.ns += RIG_STEP_NS;
}

void
rig_run(struct rig *r, unsigned steps)
{
	while (steps-- > 0)
		rig_step(r);
}

struct poll_cmd
rig_conn_open(struct rig *r, unsigned side, uint32_t index, uint32_t slot)
{
	struct rig_side *s = &r->side[side];
	struct poll_cmd cmd = {.type = POLL_CMD_CONN_OPEN, .port = s->port, .conn = index};

	cmd.open.sock = (struct sock_ref){
	    .session = s->session, .slot = (uint16_t)slot, .gen = atomic_load(&s->sock[slot].gen)};
	cmd.open.path = s->path;
	cmd.open.open = (struct sdp_open){.active = side == 0,
	    .qpn = 7u << 16 | index,
	    .peer_qpn = 7u << 16 | index,
	    .rq_psn = 100 + side,
	    .sq_psn = 100 + !side,
	    .pmtu = 4096,
	    .local_rcv_size = 4096,
	    .peer_rcv_size = 4096,
	    .local_credits = sdp_initial_credits(RIG_RX_RING, 4096),
	    .peer_credits = sdp_initial_credits(RIG_RX_RING, 4096),
	    .disconn_timeout = SAN_DURATION_MS(50),
	    .linger_timeout = SAN_DURATION_MS(50)};
	cmd.open.open.rc = (struct rc_params){.retry_count = 7,
	    .rnr_retry = 7,
	    .min_rnr_timer = 1,
	    .window_packets = RIG_WINDOW,
	    .rto_initial = SAN_DURATION_MS(1),
	    .rto_min = SAN_DURATION_US(500),
	    .rto_max = SAN_DURATION_MS(20),
	    .give_up = SAN_DURATION_MS(200),
	    .ack_delay = SAN_DURATION_US(20)};
	return cmd;
}

void
rig_connect(struct rig *r, uint32_t index, uint32_t slot)
{
	for (unsigned i = 0; i < RIG_SIDES; i++) {
		struct poll_cmd cmd = rig_conn_open(r, i, index, slot);

		rig_put(&r->side[i], &cmd);
	}
	rig_step(r);
	for (unsigned i = 0; i < RIG_SIDES; i++)
		assert_int_equal(r->side[i].last[POLL_EV_CONN_OPENED].ev.err, 0);
}

void
rig_ring(struct rig_side *s, uint32_t slot)
{
	shm_doorbell_ring(&s->region->doorbell[s->poll->index], s->poll->doorbell_fd, slot);
}

/* What the program does after it moved a position: see SHM_NEED_TX. */
static void
need_check(struct rig_side *s, uint32_t slot, uint32_t bit)
{
	struct shm_sock *k = &s->sock[slot];

	atomic_thread_fence(memory_order_seq_cst);
	if ((atomic_load(&k->need) & bit) != 0) {
		atomic_fetch_and(&k->need, ~bit);
		rig_ring(s, slot);
	}
}

uint32_t
rig_send(struct rig_side *s, uint32_t slot, const void *data, uint32_t len)
{
	struct shm_sock *k = &s->sock[slot];
	struct byte_ring tx = {
	    s->rings + slot * shm_slot_rings(RIG_TX_RING, RIG_RX_RING), RIG_TX_RING};
	uint32_t tail = atomic_load(&k->tx_tail),
		 room = RIG_TX_RING - (tail - atomic_load(&k->tx_head));

	if (len > room)
		len = room;
	byte_ring_write(&tx, tail, data, len);
	atomic_store(&k->tx_tail, tail + len);
	if (len > 0)
		need_check(s, slot, SHM_NEED_TX);
	return len;
}

uint32_t
rig_recv(struct rig_side *s, uint32_t slot, void *data, uint32_t len)
{
	struct shm_sock *k = &s->sock[slot];
	struct byte_ring rx = {
	    s->rings + slot * shm_slot_rings(RIG_TX_RING, RIG_RX_RING) + RIG_TX_RING, RIG_RX_RING};
	uint32_t head = atomic_load(&k->rx_head), have = atomic_load(&k->rx_tail) - head;

	if (len > have)
		len = have;
	byte_ring_read(&rx, head, data, len);
	atomic_store(&k->rx_head, head + len);
	if (len > 0)
		need_check(s, slot, SHM_NEED_RX);
	return len;
}

void
rig_flags(struct rig_side *s, uint32_t slot, uint32_t flags)
{
	atomic_fetch_or(&s->sock[slot].app_flags, flags);
	rig_ring(s, slot);
}

uint32_t
rig_wire_flags(struct rig_side *s, uint32_t slot)
{
	return atomic_load(&s->sock[slot].wire_flags);
}

uint64_t
rig_count(const struct rig_side *s, enum poll_counter c)
{
	return poll_counter_read(s->poll->index, c);
}

void
rig_inject(struct rig_side *s, const void *data, uint32_t len)
{
	struct frame *f = frame_alloc();

	assert_non_null(f);
	memcpy(frame_data(f), data, len);
	frame_set_len(f, len);
	assert_int_equal(rte_ring_enqueue(s->wire_in, f), 0);
}
