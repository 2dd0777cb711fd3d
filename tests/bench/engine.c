/* SPDX-License-Identifier: BSD-3-Clause */
/* Nanoseconds per packet of the engines alone, in memory: two connections, frames encoded and
 * decoded in place with their ICRC, no driver, no second core. What a poll thread adds on top is
 * the NIC and shared memory.
 *
 * usage: engine [small|stream|bare]...     prints one line each */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "icrc.h"
#include "sdp_conn.h"
#include "sdp_msg.h"

#define RING	  (1u << 18)
#define BURST	  32
#define FRAME_CAP 4352

static struct sdp_conn conn[2];
static uint8_t ring_tx[2][RING], ring_rx[2][RING];
static uint8_t frame[BURST][FRAME_CAP];
static struct roce_path path[2];
static uint64_t packets;
static bool bare; /* hand descriptors over without making frames of them */

void
san_check_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
	abort();
}

/* Processor time, so that a busy machine does not count. */
static struct san_time
clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (struct san_time){(uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec};
}

static void
open_both(struct san_time now)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct sdp_open o = {
		    .active = i == 0,
		    .qpn = 0x10010u + (uint32_t)i,
		    .peer_qpn = 0x10010u + (uint32_t)!i,
		    .rq_psn = 1000,
		    .sq_psn = 1000,
		    .pmtu = 4096,
		    .local_rcv_size = 4096,
		    .peer_rcv_size = 4096,
		    .local_credits = sdp_initial_credits(RING, 4096),
		    .peer_credits = sdp_initial_credits(RING, 4096),
		    .tx = {ring_tx[i], RING},
		    .rx = {ring_rx[i], RING},
		    .rc = {.retry_count = 7,
			.rnr_retry = 7,
			.min_rnr_timer = 12,
			.window_packets = 128,
			.rto_initial = SAN_DURATION_S(1),
			.rto_min = SAN_DURATION_S(1),
			.rto_max = SAN_DURATION_S(2),
			.ack_delay = SAN_DURATION_US(20)},
		};

		san_check(sdp_conn_init(&conn[i], &o, now) == 0);
		path[i] = (struct roce_path){.src = san_ip_v4(0x0a000001u + (uint32_t)i),
		    .dst = san_ip_v4(0x0a000001u + (uint32_t)!i),
		    .vlan = ROCE_VLAN_NONE,
		    .sport = 0xc001,
		    .hop_limit = 64};
	}
}

static void
hand_over_bare(int to, const struct roce_tx *tx, struct san_time now)
{
	struct roce_pkt p = {.opcode = tx->opcode,
	    .ackreq = tx->ackreq,
	    .dest_qp = tx->dest_qp,
	    .psn = tx->psn,
	    .ext.syndrome = tx->ext.syndrome,
	    .ext.msn = tx->ext.msn};

	if (tx->inline_len != 0) {
		memcpy(frame[0], tx->inline_bytes, tx->inline_len);
		for (uint8_t s = 0, at = tx->inline_len; s < tx->seg_count; s++)
			memcpy(frame[0] + at, tx->seg[s].base, tx->seg[s].len);
	}
	p.payload = frame[0];
	p.payload_len = (uint16_t)roce_tx_payload_len(tx);
	sdp_packet_receive(&conn[to], &p, NULL, now);
}

/* Everything `from` has to say reaches the other end. */
static size_t
carry(int from, struct san_time now)
{
	struct roce_tx out[BURST];
	int len[BURST];
	size_t n = sdp_emit(&conn[from], out, BURST, now), i;
	struct roce_pkt p;

	packets += n;
	if (bare) {
		for (i = 0; i < n; i++)
			hand_over_bare(!from, &out[i], now);
		return n;
	}
	for (i = 0; i < n; i++)
		len[i] = roce_encode(frame[i], FRAME_CAP, &path[from], &out[i]);
	for (i = 0; i < n; i++) {
		san_check(roce_decode(frame[i], (size_t)len[i], &p) == ROCE_OK);
		sdp_packet_receive(&conn[!from], &p, NULL, now);
	}
	return n;
}

static void
report(const char *name, struct san_time start, uint64_t units, const char *unit)
{
	double ns = (double)(clock_now().ns - start.ns);

	printf("%-8s%-6s %7.1f ns per %s, %6.1f ns per packet (both sides, %.2f packets per %s)\n",
	    name, bare ? "bare" : "wire", ns / (double)units, unit, ns / (double)packets,
	    (double)packets / (double)units, unit);
}

/* 64 bytes there, 64 bytes back. */
static void
bench_small(void)
{
	struct san_time now = clock_now(), start = now;
	uint32_t pos[2] = {0, 0}, rounds = 2000000, i;

	open_both(now);
	packets = 0;
	for (i = 0; i < rounds; i++) {
		int side = i & 1;

		now.ns += 500;
		pos[side] += 64;
		(void)sdp_tx_produced(&conn[side], pos[side], now);
		carry(side, now);
		san_check(sdp_rx_produced(&conn[!side]) == pos[side]);
		(void)sdp_rx_consumed(&conn[!side], pos[side], now);
	}
	report("small", start, rounds, "message");
}

/* As fast as the window allows, one way. */
static void
bench_stream(void)
{
	struct san_time now = clock_now(), start = now;
	uint64_t total = 0;
	uint32_t pos = 0, room;

	open_both(now);
	packets = 0;
	while (total < (UINT64_C(8) << 30)) {
		now.ns += 10000;
		room = RING - (pos - sdp_tx_released(&conn[0]));
		pos += room;
		total += room;
		(void)sdp_tx_produced(&conn[0], pos, now);
		carry(0, now);
		(void)sdp_rx_consumed(&conn[1], sdp_rx_produced(&conn[1]), now);
		carry(1, now);
	}
	report("stream", start, total / 4080, "4080 B");
	printf("        %.2f GB/s\n", (double)total / (double)(clock_now().ns - start.ns));
}

int
main(int argc, char **argv)
{
	bool small = argc < 2, stream = argc < 2, want_bare = argc < 2;
	int i;

	for (i = 1; i < argc; i++) {
		small |= strcmp(argv[i], "small") == 0;
		stream |= strcmp(argv[i], "stream") == 0;
		want_bare |= strcmp(argv[i], "bare") == 0;
	}
	icrc_init();
	printf("connection: %zu bytes; ICRC by %s\n", sizeof conn[0], icrc_algorithm_name());
	for (bare = false;; bare = true) {
		if (small)
			bench_small();
		if (stream)
			bench_stream();
		if (bare || !want_bare)
			return 0;
	}
}
