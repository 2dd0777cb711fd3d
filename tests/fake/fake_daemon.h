/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon without a network: attaches programs over the true UNIX protocol and the true shared
 * memory, and connects their sockets with one another by copying from ring to ring. For tests of
 * provider, switch and preload library. Follows abi.h and proto.h by its own code, so that a
 * misreading of them shows. One thread does everything. */
#ifndef SAND_TESTS_FAKE_DAEMON_H
#define SAND_TESTS_FAKE_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

/* Ways of not being a good daemon. X(name, text for --fault) */
#define FAKE_FAULT_LIST(X)                                                                   \
	X(NONE, "none")                                                                      \
	X(SILENT, "silent")		  /* accepts the connection and never says a word */ \
	X(HANG_UP, "hang-up")		  /* closes it instead of answering */               \
	X(REFUSE, "refuse")		  /* REFUSED, limit reached */                       \
	X(PROTO_VERSION, "proto-version") /* answers in another protocol version */          \
	X(PROTO_MAGIC, "proto-magic")                                                        \
	X(SHORT_REPLY, "short-reply")                                                        \
	X(NO_FDS, "no-fds")	/* ATTACH_OK without descriptors */                          \
	X(MANY_FDS, "many-fds") /* more doorbells than poll threads */                       \
	X(REGION_MAGIC, "region-magic")                                                      \
	X(REGION_VERSION, "region-version")                                                  \
	X(REGION_TORN, "region-torn")	    /* the header is still zeros */                  \
	X(REGION_SHORT, "region-short")	    /* smaller than it says */                       \
	X(REGION_OFFSETS, "region-offsets") /* arrays outside of it */                       \
	X(REGION_RINGS, "region-rings")	    /* ring size no power of two */                  \
	X(REGION_UNSEALED, "region-unsealed")                                                \
	X(FORK_REFUSED, "fork-refused")                                                      \
	X(WAKE_REFUSED, "wake-refused")                                                      \
	X(BAD_SLOTS, "bad-slots")	  /* accept queues hold numbers that are no slots */ \
	X(BAD_TAIL, "bad-tail")		  /* rx_tail jumps beyond the ring */                \
	X(DIE_ON_LISTEN, "die-on-listen") /* exits when a listen command comes */            \
	X(DIE_ON_CONNECT, "die-on-connect")

enum fake_fault {
#define X(name, text) FAKE_##name,
	FAKE_FAULT_LIST(X)
#undef X
};

/* Ports of 10.77.0.0/24 with a meaning of their own, for connect: */
#define FAKE_HEAP	  (16u * 65536) /* bytes, in chunks */
#define FAKE_PORT_NEVER	  7001		/* no answer, ever */
#define FAKE_PORT_TIMEOUT 7002		/* times out at once */
#define FAKE_PORT_NOHOST  7003		/* host unreachable */

struct fake_options {
	const char *socket;   /* path; replaced if something stands there */
	const char *rule;     /* "10.77.0.0/24": SAN for connect and listen; NULL = no rule */
	bool san_only;	      /* its action */
	uint32_t socks;	      /* slots of a session; 0 = 256 */
	uint32_t ring_bytes;  /* each ring; 0 = 65536 */
	uint32_t spin_us;     /* told to programs */
	uint32_t idle_yields; /* rounds without work before it sleeps */
	bool poll_always;     /* never sleeps: for measurements */
	uint32_t msg_max;     /* message mode: longest SEND; 0 = what the ring holds */
	bool no_reads;	      /* message mode: peers let nobody read */
	enum fake_fault fault;
};

struct fake_daemon;

/* In a thread of its own; NULL when it cannot listen (errno). Programs may attach once this
 * returned. */
struct fake_daemon *fake_start(const struct fake_options *opt);
/* Stop in order: says daemon_gone, wakes everybody, closes. */
void fake_stop(struct fake_daemon *d);
/* The same in this thread, until *stop is not 0 (checked at least every 100 ms). 0 or -errno. */
int fake_run(const struct fake_options *opt, const int *stop);

/* What tests look at; racy but for a quiet daemon. */
uint32_t fake_slots_used(struct fake_daemon *d);
uint32_t fake_sessions(struct fake_daemon *d);
uint32_t fake_attached(struct fake_daemon *d);
/* How often memory of the heap, or other memory, was given to peers. */
void fake_memories(struct fake_daemon *d, uint32_t *in_heap, uint32_t *outside);
uint64_t fake_doorbells(struct fake_daemon *d);
/* One address more, in a net of its own, or without it again: returns once programs are told. */
#define FAKE_MOVED_IP "10.78.0.1"
void fake_address_add(struct fake_daemon *d, bool add);
/* While set, no byte moves. */
void fake_hold_data(struct fake_daemon *d, bool hold);
/* Break every connection with this enum san_err, as a dead link would. */
void fake_break_all(struct fake_daemon *d, int err);

#endif
