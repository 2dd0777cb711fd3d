/* SPDX-License-Identifier: BSD-3-Clause */
/* What became of sockets that are gone: for the last HISTORY_MAX of them the counters they ended
 * with, their last error and when each step of their close was taken. Owns those records. A record
 * is made together with its socket, so that closing never needs memory. Control thread only. */
#ifndef SAND_CONTROL_HISTORY_H
#define SAND_CONTROL_HISTORY_H

#include <stdint.h>

#include "app_fsm.h"
#include "san_time.h"
#include "view.h"

#define HISTORY_MAX 256u

struct sock;

struct history_record {
	struct view_socket socket; /* as it was when the poll thread let go of it */
	bool looked;		   /* `socket` holds that */
	bool aborted, died;	   /* abortively; because its program ended */
	/* When each event of the app side happened first; 0 = never. */
	struct san_time at[APP_EVENT_COUNT];
	struct san_time freed;
};

/* All NULL: empty. A ring, `next` the place of the next one. */
struct history {
	struct history_record *record[HISTORY_MAX];
	uint32_t next;
};

struct history_record *history_record_create(void);
void history_event(struct history_record *r, enum app_event event, struct san_time now);
/* Take the picture of `k` for good; the first time counts. */
void history_look(struct sock *k);
/* `k` is being freed: its record becomes ours, the oldest one goes. */
void history_add(struct history *h, struct sock *k);
void history_clear(struct history *h);

#endif
