/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control thread counts. One writer, the control thread itself. X(name, text) */
#ifndef SAND_CONTROL_COUNTERS_H
#define SAND_CONTROL_COUNTERS_H

#include <stdint.h>

#define CONTROL_COUNTER_LIST(X)                                                               \
	X(attaches, "programs attached")                                                      \
	X(forks, "processes joined by fork")                                                  \
	X(joins, "processes joined by taking a socket")                                       \
	X(detaches, "processes gone")                                                         \
	X(refused_user, "attach refused: sessions of this user at their limit")               \
	X(refused_sessions, "attach or fork refused: no session or process slot left")        \
	X(refused_memory, "attach refused: no memory or descriptors")                         \
	X(refused_version, "attach refused: program side speaks another version")             \
	X(refused_stopping, "attach refused: the daemon stops")                               \
	X(hostile_messages, "malformed messages from programs; the connection was ended")     \
	X(hostile_slots, "slot numbers or positions out of range in a region")                \
	X(stale_events, "doorbells for a socket that is gone")                                \
	X(bad_commands, "unknown or illegal commands in a mailbox")                           \
	X(illegal_app_events, "app-side events that its state does not allow")                \
	X(connects, "connects asked for")                                                     \
	X(connects_ok, "connects that succeeded")                                             \
	X(connects_refused, "connects the peer refused")                                      \
	X(connects_timedout, "connects nobody answered in time")                              \
	X(connects_failed, "connects that failed for another reason")                         \
	X(connects_again,                                                                     \
	    "connects repeated because the peer knew our QPN already or wants a smaller MTU") \
	X(connects_cancelled, "connects the program gave up")                                 \
	X(listens, "listens asked for")                                                       \
	X(listens_failed, "listens that failed")                                              \
	X(accepts, "incoming connections established")                                        \
	X(rej_no_listener, "incoming connections rejected: nobody listens")                   \
	X(rej_backlog, "incoming connections rejected: backlog full")                         \
	X(rej_resources, "incoming connections rejected: no slot, connection or memory")      \
	X(req_ignored, "incoming connections not answered: half-open ones hold everything")   \
	X(rej_hello, "incoming connections rejected: no valid SDP Hello")                     \
	X(rej_mtu, "incoming connections rejected: path MTU larger than the port's")          \
	X(rej_path, "incoming connections rejected: no way back to the peer")                 \
	X(accept_lost, "incoming connections that ended before they were established")        \
	X(closes_graceful, "sockets closed in order")                                         \
	X(closes_abort, "sockets closed by reset")                                            \
	X(closes_died, "sockets closed because their last process was gone")                  \
	X(handovers, "sockets given to another process (WSPDuplicateSocket)")                 \
	X(handovers_refused, "takers turned away: no socket is waiting for them")             \
	X(handovers_late, "sockets given that nobody came for in time")                       \
	X(offers, "sockets offered to other programs (exec, SCM_RIGHTS)")                     \
	X(offers_late, "sockets offered that nobody came for in time")                        \
	X(upcalls_overdue, "closed sockets a process still marked as held at the deadline")   \
	X(mads_rx, "QP1 datagrams received")                                                  \
	X(mads_tx, "QP1 datagrams sent")                                                      \
	X(mads_ignored, "QP1 datagrams that no engine wanted")                                \
	X(mads_unresolved, "QP1 datagrams dropped: the neighbour did not answer")             \
	X(frames_rx, "frames received by the control thread")                                 \
	X(frames_tx, "frames sent by the control thread")                                     \
	X(frames_nobuf, "frames not sent: no packet buffer")                                  \
	X(frames_ignored, "frames received that no engine wanted")

struct control_counters {
#define X(name, text) uint64_t name;
	CONTROL_COUNTER_LIST(X)
#undef X
};

#endif
