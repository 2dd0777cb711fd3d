/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow is one connection as its poll thread holds it: its engine, where its program's
 * slot is, where its packets go, and on which lists it stands. It lives in a table indexed by the
 * low 16 bits of its QPN; nobody holds a pointer to it between two iterations except the lists. */
#ifndef SAND_POLL_FLOW_H
#define SAND_POLL_FLOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "engine.h"
#include "msg.h"
#include "poll_thread.h"
#include "rdma_rings.h"
#include "roce.h"
#include "wheel.h"

struct poll;

#define FLOW_INDEX_FIRST 16u /* QPNs 0 and 1 are special, below 16 nobody looks */

/* Flows whose slots are looked at in every iteration. A flow that is not among them, or leaves,
 * asks its program to ring (SHM_NEED_*). */
#define FLOW_HOT_MAX 64u
#define FLOW_HOT_WAITING \
	SAN_DURATION_MS(20) /* quiet for so long with bytes not acknowledged: leave */
#define FLOW_CORK_MAX	SAN_DURATION_MS(200)
#define FLOW_VIEW_EVERY SAN_DURATION_MS(10)

/* A seqlock: `seq` is odd while the poll thread writes. */
struct flow_view {
	_Atomic uint32_t seq;
	_Atomic uint32_t word[(sizeof(struct poll_conn_view) + 3) / 4];
};

struct flow {
	struct shm_sock *sock; /* NULL: region gone, or the program is not to be looked at */
	uint32_t index, qpn;
	uint32_t tx_size; /* of the tx ring */
	uint16_t port, session;
	struct sock_ref ref;

	/* The program's words as last taken over, and ours as last published. */
	uint32_t tx_tail, rx_head, urg_seq, app_flags;
	uint32_t tx_told; /* the part of tx_tail the engine knows: less while corked */
	uint32_t tx_head, rx_tail, wire_flags;
	struct rdma_rings rdma; /* beside a stream; else zeros */

	bool used, loop;
	bool released; /* CONN_RELEASE came */
	bool closed;   /* by its program: no peer has business in its memory */
	bool hostile;  /* its program broke the rules: not listened to any more */
	bool shut, corked, rx_dropped;
	bool dirty, active, view_stale;
	uint8_t hot; /* place in poll.hot + 1; 0 = not there */
	struct san_time active_at, heard_at, corked_at, view_at;

	uint32_t events; /* SDP_EV_* bits not yet told to control */
	struct wheel_timer timer;
	LIST_ENTRY(flow) all_next;
	STAILQ_ENTRY(flow) dirty_next;
	TAILQ_ENTRY(flow) active_next;
	struct roce_path path;

	uint32_t keys, key_count; /* memory its peer may reach: newest key, 0 = none */
	struct {
		uint32_t retransmits;
#define X(name, text) uint32_t name;
		POLL_QP_COUNTER_LIST(X)
#undef X
#define X(name, text) uint64_t name;
		POLL_ZCOPY_COUNTER_LIST(X)
#undef X
	} summed; /* into the thread's counters, so far */
	uint64_t tx_bytes, rx_bytes;
	struct engine engine;
	_Atomic bool view_valid;
	struct flow_view view;
};

/* flow.c. NULL unless such a flow exists. */
struct flow *flow_find(struct poll *p, uint32_t index);
int flow_open(struct poll *p, const struct poll_cmd *cmd);
/* The peer's MAC. A flow to our own is looped back. */
void flow_path_set(struct flow *f, const uint8_t dmac[6]);
/* The region is going away: end the connection, never look at the slot again. */
void flow_detach(struct poll *p, struct flow *f);
/* Something happened to it: it will be looked after at the end of the iteration. */
void flow_touch(struct poll *p, struct flow *f);
/* The same, and it was traffic: keep looking at its slot for a while. */
void flow_traffic(struct poll *p, struct flow *f);
void flow_active_remove(struct poll *p, struct flow *f);
/* Set the flow's one timer to its earliest deadline. */
void flow_timer_set(struct poll *p, struct flow *f);
void flow_timers_expire(struct poll *p);
void flow_close(struct poll *p, struct flow *f, enum sdp_close_how how);
/* Free the frames that waited for their turn and are not needed any more. */
void flow_frames_drop(struct flow *f);
/* Free it if nobody needs it any more; true if it is gone. */
bool flow_sweep(struct poll *p, struct flow *f);

/* flow_mem.c. Far memory: a process's own, reached by its /proc/PID/mem; false = not (any more). */
bool flow_far_write(struct poll *p, const struct rc_far *far);
bool flow_far_read(struct poll *p, uint32_t key, uint64_t va, uint8_t *out, uint32_t len);
/* 0 and the key, or SAN_ENOTCONN, SAN_ENOBUFS; 0 or SAN_ENOENT. */
int flow_mem_add(struct poll *p, struct flow *f, const struct poll_cmd *cmd, uint32_t *key);
int flow_mem_del(struct poll *p, struct flow *f, uint32_t key);
/* Its peer reaches nothing any more. */
void flow_mem_drop(struct poll *p, struct flow *f);

/* flow_rdma.c: a stream's RDMA. */
void flow_rdma_init(const struct poll *p, struct flow *f);
/* Records to the engine, and the stream's bytes up to each of them. 0: there are no more,
 * SAN_EAGAIN: the next one has to wait, and with it what is behind it, SAN_EPROTO: malformed. */
int flow_rdma_push(struct poll *p, struct flow *f);
/* What is done, to the slot. Returns the SHM_WAIT_* bits that apply. */
uint32_t flow_rdma_tell(struct flow *f);

/* flow_look.c: from the program to the engine. True if something was new. */
bool flow_look(struct poll *p, struct flow *f);
/* There may be room for more RDMA, and way for the bytes behind it. */
void flow_rdma_more(struct poll *p, struct flow *f);
/* The engine shall know the program's bytes up to there. */
void flow_tx_give(struct poll *p, struct flow *f, uint32_t pos);
/* After a doorbell: flags too. */
void flow_rung(struct poll *p, struct flow *f);
/* The cork has been in long enough. */
void flow_uncork(struct poll *p, struct flow *f);
void flow_hot_add(struct poll *p, struct flow *f);
void flow_hot_remove(struct poll *p, struct flow *f);
/* Ask the program to ring from now on. False: it had produced something meanwhile. */
bool flow_need_set(struct poll *p, struct flow *f);
/* Look at all hot flows and send away the quiet ones. */
void flow_hot_look(struct poll *p);

/* flow_tell.c: from the engine to the program and to control, for all dirty flows. */
void flow_tell_all(struct poll *p);

/* flow_view.c */
void flow_view_write(struct poll *p, struct flow *f);
/* Control: what flow_view_write wrote last. SAN_ENOENT, SAN_EAGAIN. */
int flow_view_read(const struct flow *f, struct poll_conn_view *out);

#endif
