/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of poll/ share. Everything here belongs to one poll thread and is touched by no
 * other, except what is _Atomic and the two rings. */
#ifndef SAND_POLL_POLL_PRIV_H
#define SAND_POLL_POLL_PRIV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_ring.h>

#include "abi.h"
#include "clock.h"
#include "flow.h"
#include "frame.h"
#include "mr.h"
#include "msg.h"
#include "poll_thread.h"
#include "proto.h"
#include "recovery.h"
#include "san_limits.h"
#include "wheel.h"

/* Bounds of one iteration, so that nobody waits long for anybody. */
#define POLL_CMDS_MAX	32u  /* commands of control */
#define POLL_RX_BURST	32u  /* frames of one port; as many looped ones */
#define POLL_BELLS_MAX	256u /* doorbells of one session */
#define POLL_TIMERS_MAX 256u
#define POLL_EMIT_MAX	96u /* frames in all, and ... */
#define POLL_EMIT_FLOW	16u /* ... of one flow */
#define POLL_TXQ	64u /* frames waiting for a port */
#define POLL_TX_BURST	32u
#define POLL_LOOP	256u  /* looped frames waiting; power of two */
#define POLL_STASH	64u   /* frames allocated ahead */
#define POLL_BLOCKS	1024u /* connections that may be short of packets at once */

#define POLL_FAR_MAX  512u  /* of them, of memory outside any region */
#define POLL_KEYS_MAX 256u  /* of them, of one connection */
#define POLL_REGIONS  4096u /* of memory that peers may reach; power of two */

#define POLL_CMD_RING	1024u
#define POLL_EVENT_RING 4096u

/* Frames built and not yet taken by the NIC, oldest first. */
struct poll_port {
	bool up;
	uint16_t count;
	struct frame *queue[POLL_TXQ];
};

/* What this thread remembers of a slot, whether or not it has a flow. */
struct poll_slot {
	uint32_t flow;	     /* index, 0 = none */
	uint32_t gen;	     /* the fields below are about this generation */
	uint32_t cmd_seen;   /* last cmd_seq told to control */
	uint32_t flags_seen; /* app_flags told to control */
};

/* By the slot of a key: whose it is. */
struct poll_key {
	uint32_t key; /* 0 = not given out */
	uint32_t flow;
	uint32_t next, prev; /* keys of the same flow */
	int fd;		     /* of far memory: its process's, ours to close; else -1 */
};

/* What a connection in message mode needs besides its flow. */
#define POLL_MSG_RESOURCES 16u /* READs and atomics of a peer we remember */
struct poll_msg_store {
	struct verbs_send_slot slot[MSG_SLOTS];
	struct rc_resource resource[POLL_MSG_RESOURCES];
};

struct poll_session {
	uint8_t *base; /* NULL = not served */
	struct shm_sock *sock;
	struct shm_doorbell *doorbell;
	struct shm_wake *wakes;
	const int *wake_fds;
	uint64_t ring_off;
	uint32_t socks, tx_ring_bytes, rx_ring_bytes;
	uint32_t flows;
	uint16_t live_at;	 /* place in poll.live */
	struct poll_slot *slots; /* [SAN_SOCKS_MAX], in address space since poll_create */
};

struct poll {
	unsigned index;
	struct poll_params params;
	struct clock clock;
	struct san_time now;
	bool stop, launched;
	_Atomic bool
	    handed; /* to the thread, and back: EAL orders that too, but sanitizers cannot see it */

	struct rte_ring *cmds, *events;
	int doorbell_fd;
	_Atomic uint32_t sleeping; /* for poll_cmd_put */
	bool told_control;	   /* events were put in this iteration */

	/* Work done in this iteration, and whether a program has something new to look at. */
	uint32_t work;
	bool program_runnable;
	bool more; /* input was cut off by a bound, so the next iteration will find work */

	struct poll_port port[SAN_PORTS_MAX];
	struct {
		struct frame *frame[POLL_LOOP];
		uint16_t port[POLL_LOOP];
		uint32_t head, tail;
	} loop;
	struct frame *stash[POLL_STASH];
	uint32_t stashed;

	struct poll_session session[SAN_SESSIONS_MAX];
	uint16_t live[SAN_SESSIONS_MAX]; /* sessions served */
	uint32_t live_count;

	struct rc_pool recovery;
	struct rc_block *blocks; /* [POLL_BLOCKS], in address space since poll_create */
	struct rc_mrs mrs;	 /* what peers may reach, of all connections */
	struct poll_key keys[POLL_REGIONS];
	uint32_t far_count;	       /* keys of far memory: each has a descriptor */
	uint8_t far[SAN_PMTU_MAX];     /* the payload of one packet, on its way from there */
	struct rc_mr *regions;	       /* [POLL_REGIONS], in address space since poll_create */
	struct poll_msg_store *stores; /* by flow index, in address space since poll_create */
	struct sdp_lent *lent;	       /* likewise: what streams need for RDMA */

	struct flow *flows; /* by index; address space for all, memory when touched */
	size_t flows_bytes;
	struct poll_slot *slots; /* [SAN_SESSIONS_MAX][SAN_SOCKS_MAX] */
	uint32_t flow_limit;	 /* first index that does not exist */
	_Atomic uint32_t flow_count;
	LIST_HEAD(, flow) all;
	STAILQ_HEAD(flow_dirty, flow)
	dirty; /* touched: look after them at the end of the iteration */
	TAILQ_HEAD(flow_list, flow) active; /* have packets to send */
	struct flow *hot[FLOW_HOT_MAX];	    /* looked at without a doorbell */
	uint32_t hot_count, hot_hand;
	struct san_duration hot_idle; /* quiet for so long: leave */
	struct wheel wheel;

	_Atomic uint64_t counter[POLL_COUNTER_COUNT];
};

static inline uint8_t *
poll_rings(const struct poll_session *s, uint32_t slot)
{
	return s->base + s->ring_off + slot * shm_slot_rings(s->tx_ring_bytes, s->rx_ring_bytes);
}

/* NULL: not created. */
struct poll *poll_get(unsigned poll);

static inline void
poll_count(struct poll *p, enum poll_counter counter, uint64_t n)
{
	/* One writer: no locked instruction needed. */
	atomic_store_explicit(&p->counter[counter],
	    atomic_load_explicit(&p->counter[counter], memory_order_relaxed) + n,
	    memory_order_relaxed);
}

/* poll_iterate.c: one iteration. True if it did anything. */
bool poll_iterate(struct poll *p, struct san_time now);

/* poll_cmd.c */
void poll_cmds_run(struct poll *p);

/* poll_mail.c: events to control. False: the ring is full, try again in the next iteration. */
bool poll_event_put(struct poll *p, const struct poll_event *event);
uint32_t poll_event_room(struct poll *p);
void poll_control_wake(struct poll *p);

/* poll_rx.c */
void poll_rx(struct poll *p);

/* poll_tx.c */
void poll_emit(struct poll *p);
void poll_tx_flush(struct poll *p);
/* Send one frame of control's. */
void poll_tx_frame(struct poll *p, uint16_t port, struct frame *f);
/* Forget what waits for a port. */
void poll_tx_drop(struct poll *p, uint16_t port);
void poll_tx_free(struct poll *p);

/* poll_session.c */
int poll_session_add(struct poll *p, const struct poll_cmd *cmd);
void poll_session_del(struct poll *p, uint16_t session);
void poll_bells_serve(struct poll *p);
/* Announce a nap to all programs and control. */
void poll_bells_nap(struct poll *p);
void poll_bells_awake(struct poll *p);

/* poll_idle.c: what to do after an iteration. */
struct poll_idle {
	struct san_time worked_at; /* end of the last work */
	struct san_duration nap;   /* length of the next nap */
	unsigned held;		   /* iterations since the processor was last offered to others */
	bool runnable;		   /* a program has become so since then */
	bool announced;		   /* everybody knows that we sleep, or may any moment */
	/* When the processor was given away, 0 = not by this iteration; for how long. */
	struct san_time left_at;
	struct san_duration asked;
	struct san_time late_at; /* last return that was late; 0 = never */
	struct san_time crowded_until;
};
void poll_idle_init(struct poll *p, struct poll_idle *idle);
void poll_idle_after(struct poll *p, struct poll_idle *idle, bool worked);

#endif
