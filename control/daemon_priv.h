/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's parts in one struct, for the modules that make up the control thread. Only that
 * thread touches it; poll threads get what they need by message. */
#ifndef SAND_CONTROL_DAEMON_PRIV_H
#define SAND_CONTROL_DAEMON_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "attach.h"
#include "conn.h"
#include "counters.h"
#include "daemon.h"
#include "history.h"
#include "listener.h"
#include "loop.h"
#include "netio.h"
#include "pollers.h"
#include "portnum.h"
#include "ports.h"
#include "san_limits.h"
#include "schema.h"
#include "session.h"
#include "siphash.h"
#include "sock.h"

struct daemon {
	struct san_config config;
	struct loop *loop;
	struct nonce nonce; /* for numbers that nobody outside may foresee */
	struct control_counters count;
	struct pollers pollers;
	struct ports ports;
	struct netio netio;
	struct attach_server attach_server;
	struct session *session[SAN_SESSIONS_MAX];
	uint32_t session_count;
	struct sock_list socks, sweep, leaving; /* all; to be freed; handed over */
	uint32_t sock_count, ident_last;
	uint32_t memory_serial; /* of requests about memory */
	struct history history; /* of sockets that are gone */
	struct listener_bucket listeners[LISTENER_BUCKETS];
	struct conn_table conns;
	struct portnum portnum;
	struct loop_timer capture; /* while a capture runs: write what was recorded */
	struct counter_base *base; /* what `clear stats` subtracts */
	bool quit;		   /* leave the loop */
	bool stopping;		   /* programs are not let in any more */
	struct san_time started;
};

#endif
