/* SPDX-License-Identifier: BSD-3-Clause */
/* One end of a simulated stream: an sdp engine, the rings a program would share with it, and the
 * program (program.c: a script of writes, reads and one way to end). stream.c runs the engine and
 * checks after every step what must hold at any time; handshake.c makes and ends the connection
 * with the daemon's own connection manager. */
#ifndef SAND_TESTS_SIM_STREAM_H
#define SAND_TESTS_SIM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "beside.h"
#include "cm.h"
#include "node.h"
#include "prng.h"
#include "sdp_conn.h"

struct sdp_host;

/* How a program ends its use of a stream. */
enum ending {
	END_SHUT_THEN_CLOSE, /* SHUT_WR when all is written, close when the peer's end was read */
	END_CLOSE,	     /* close when all is written */
	END_CLOSE_AT,	     /* close at a time, unread or unsent data or not */
	END_ABORT_AT,	     /* abort at a time */
	END_PORT_DOWN_AT,    /* the port goes down at a time */
	END_WAIT,	     /* close when the peer's end of file or an error was seen */
};

struct script {
	uint64_t write_total;
	uint32_t write_max, read_max; /* bytes per call, at least 1 */
	struct san_duration write_pause_max, read_pause_max;
	uint32_t urgent; /* one write in so many ends in an urgent byte; 0 = never */
	enum ending ending;
	struct san_time end_at;
};

struct stream_setup {
	uint32_t pmtu, psn;
	uint32_t ring_tx, ring_rx;
	uint8_t features; /* offered */
	struct rc_params rc;
	struct cc_params cc;
	struct san_duration disconn_timeout, linger_timeout, connect_timeout;
	struct script script;
	struct beside_script beside;
	uint8_t reads;		  /* RDMA READs at once, offered both ways */
	uint32_t zcopy_threshold; /* read in place from so many bytes on; 0: never */
	/* Active side; a passive one waits for a REQ. */
	bool active;
	uint32_t peer; /* host */
	uint16_t service;
	struct san_time connect_at;
};

/* How far the connection has come. X(name, meaning) */
#define STREAM_PHASE_LIST(X)                                     \
	X(IDLE, "nothing has happened yet")                      \
	X(REQ_SENT, "active: waiting for the REP")               \
	X(REP_SENT, "passive: engine runs, waiting for the RTU") \
	X(OPEN, "the program has it")                            \
	X(FAILED, "the handshake came to nothing: there is no program")

enum stream_phase {
#define X(name, text) STREAM_##name,
	STREAM_PHASE_LIST(X)
#undef X
};

/* What our connection manager knows of it. */
enum stream_cm { STREAM_CM_NONE, STREAM_CM_LIVE, STREAM_CM_DISCONNECTING, STREAM_CM_TIMEWAIT };

struct stream {
	struct sdp_host *host;
	struct stream_setup setup;
	struct prng prng;
	uint32_t qpn, peer, peer_qpn;

	enum stream_phase phase;
	enum stream_cm cm;
	uint32_t cm_id;
	struct san_time connect_at, connect_until;
	uint16_t reject; /* reason of a handshake that failed, 0 = silence */

	bool engine;  /* conn is initialised */
	bool tx_full; /* the host's transmitter: emission goes on when it has room */
	struct sdp_conn conn;
	struct sdp_open open;
	struct beside *beside; /* NULL: no RDMA */
	uint32_t events;       /* all seen */
	uint32_t released_seen, produced_seen;
	enum sdp_state state_seen;
	struct san_time keepalive_at;

	/* The program. */
	uint64_t written, read;		   /* stream totals */
	uint32_t urgent_sent, urgent_seen; /* position behind the latest urgent byte */
	struct san_time write_at, read_at;
	bool shut, closed, eof, dead;
};

struct stream_setup stream_defaults(void);
void stream_init(
    struct stream *s, struct sdp_host *h, uint32_t qpn, const struct stream_setup *setup);
void stream_fini(struct stream *s);
/* Start the engine with what the handshake found out. */
int stream_open(struct stream *s, const struct sdp_open *o, struct san_time now);
/* The other end, if it knows of this one; else NULL. */
const struct stream *stream_peer(const struct stream *s);
/* A packet for its queue pair; the frame is the stream's. */
void stream_frame(struct stream *s, struct sim_frame *f, struct san_time now);
void stream_step(struct stream *s, struct san_time now);
struct san_time stream_next(const struct stream *s);
bool stream_finished(const struct stream *s);
void stream_check(struct stream *s, struct san_time now);
void stream_trace(const struct stream *s, struct san_time now, const char *what, uint64_t value);

/* program.c */
void program_step(struct stream *s, struct san_time now);
struct san_time program_next(const struct stream *s);
/* What the program can do at once, whatever the script says. */
void program_write(struct stream *s, struct san_time now);
void program_shut(struct stream *s, struct san_time now);
void program_close(struct stream *s, enum sdp_close_how how, struct san_time now);
/* The byte at a stream position, of the stream this queue pair writes. */
uint8_t program_byte(uint32_t qpn, uint64_t pos);

/* handshake.c */
void handshake_step(struct stream *s, struct san_time now);
struct san_time handshake_next(const struct stream *s);
/* What the engine's events mean for the connection manager. */
void handshake_events(struct stream *s, uint32_t events, struct san_time now);
/* Stop the handshake wherever it stands. */
void handshake_abandon(struct stream *s, struct san_time now);
void handshake_cm_event(struct sdp_host *h, const struct cm_event *ev, struct san_time now);

#endif
