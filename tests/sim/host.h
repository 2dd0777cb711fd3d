/* SPDX-License-Identifier: BSD-3-Clause */
/* One end of a simulated connection: an sdp engine, the rings a program would share with it, the
 * program (a script of writes, reads and one way to end) and a stand-in for the connection
 * manager's DREQ exchange. Checks after every step what must hold at any time. */
#ifndef SAND_TESTS_SIM_HOST_H
#define SAND_TESTS_SIM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "link.h"
#include "prng.h"
#include "sdp_conn.h"

enum host_ending {
	HOST_SHUT_THEN_CLOSE, /* SHUT_WR when all is written, close when the peer's end of file was
				 read */
	HOST_CLOSE,	      /* close when all is written */
	HOST_CLOSE_AT,	      /* close at a time, unread or unsent data or not */
	HOST_ABORT_AT,	      /* abort at a time */
	HOST_PORT_DOWN_AT,    /* the port goes down at a time */
	HOST_WAIT,	      /* close when the peer's end of file or an error was seen */
};

struct host_script {
	uint64_t write_total;
	uint32_t write_max, read_max; /* bytes per call, at least 1 */
	struct san_duration write_pause_max, read_pause_max;
	uint32_t urgent; /* one write in so many ends in an urgent byte; 0 = never */
	enum host_ending ending;
	struct san_time end_at;
};

struct host {
	uint8_t side;
	bool trace;
	struct sdp_conn conn;
	struct sdp_open open;
	struct roce_path path;
	struct link *link;
	struct prng prng;
	struct host_script script;

	uint64_t written, read; /* stream totals */
	uint32_t released_seen, produced_seen;
	uint32_t urgent_sent, urgent_seen; /* position behind the latest urgent byte */
	struct san_time write_at, read_at, keepalive_at;
	bool shut, closed, eof, dead;
	uint32_t events; /* all seen */
	enum sdp_state state_seen;

	/* DREQ stand-in */
	bool dreq_pending;
	uint32_t dreq_left;
	struct san_time dreq_at;

	uint64_t rx_bad_frames;
};

struct host_setup {
	bool active;
	uint32_t qpn, peer_qpn, psn, peer_psn, pmtu;
	uint32_t ring_tx, ring_rx, peer_ring_rx;
	struct rc_params rc;
	struct san_duration disconn_timeout, linger_timeout;
};

void host_init(
    struct host *h, struct link *l, const struct host_setup *s, uint64_t seed, struct san_time now);
void host_fini(struct host *h);
/* The program's and the engine's due work at `now`: expire, write, read, end, emit. */
void host_step(struct host *h, struct san_time now);
void host_frame(struct host *h, uint8_t *bytes, uint32_t len, struct san_time now);
/* When host_step wants to run next. */
struct san_time host_next(const struct host *h);
/* What the program can do at once, whatever the script says. */
void host_write(struct host *h, struct san_time now);
void host_shut(struct host *h, struct san_time now);
void host_close(struct host *h, enum sdp_close_how how, struct san_time now);
bool host_done(const struct host *h);
/* The byte at a stream position written by a side. */
uint8_t host_byte(uint8_t side, uint64_t pos);

#endif
