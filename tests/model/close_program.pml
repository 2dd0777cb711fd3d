/* SPDX-License-Identifier: BSD-3-Clause */
/* The program side of the close sequence: a switch with two threads, the provider and its upcall
 * thread, the control thread. The wire side is anything close_wire.pml allows, and more: data, an
 * end of file, an error, its own end at any moment. Assertions are named after the invariants they
 * stand for; a run that does not end with everything freed is an "invalid end state" for spin (C5).
 * The matrix is the daemon's own. What is left out: README.md. */
#include "matrix.pml"

hidden byte at, todo;

/* what the poll thread publishes in the slot */
bit slot_data, slot_eof, slot_error;
bit sent; /* all that was written is acknowledged */
bit wire_dead, wire_closing;

/* --- provider: descriptor, operations, upcalls ----------------------------------------------- */

#define OP_NONE	   0
#define OP_PENDING 1
#define OP_OWED	   2 /* finished; its upcall is to be made */
#define OP_CALLED  3 /* its upcall is being made */
#define OP_DONE	   4

#define R_OK	  1
#define R_EOF	  2
#define R_RESET	  3
#define R_ABORTED 4

#define RECV 0 /* with upcall */
#define SEND 1 /* hEvent's low bit: polled */

byte op[2], result[2], completions[2];
bit held[2]; /* resources of the operation */
bit descriptor = 1, delivering, handle_done, cleaned, killed;
byte inside, closes, handle_closes;
bit hold = 1; /* the process's mark in the region: it may still owe upcalls */
bit slot_closed, slot_abort, slot_shut;

inline op_finish(i, r)
{
	held[i] = 0;
	result[i] = r;
	if
	:: i == SEND -> /* the fields are final, Internal last */
		op[i] = OP_DONE;
		completions[i]++;
		assert(completions[i] == 1) /* C1 */
	:: else -> op[i] = OP_OWED
	fi
}

/* What has come in or been acknowledged. A closed socket's operations are the closer's. */
inline progress()
{
	d_step {
		if
		:: descriptor && op[RECV] == OP_PENDING && slot_data -> slot_data = 0; op_finish(RECV, R_OK)
		:: descriptor && op[RECV] == OP_PENDING && !slot_data && slot_error -> op_finish(RECV, R_RESET)
		:: descriptor && op[RECV] == OP_PENDING && !slot_data && !slot_error && slot_eof -> op_finish(RECV, R_EOF)
		:: else
		fi;
		if
		:: descriptor && op[SEND] == OP_PENDING && slot_error -> op_finish(SEND, R_RESET)
		:: descriptor && op[SEND] == OP_PENDING && !slot_error && sent -> op_finish(SEND, R_OK)
		:: else
		fi
	}
}

#define FINISHED (op[RECV] != OP_PENDING && op[RECV] != OP_OWED && op[SEND] != OP_PENDING)

/* WSPCloseSocket up to its upcalls; `won` says whether it found the descriptor good. */
inline close_begin(how, won)
{
	atomic {
		if
		:: descriptor -> descriptor = 0; closes++; won = 1
		:: else -> won = 0 /* WSAENOTSOCK */
		fi
	};
	if
	:: won ->
#ifdef MISTAKE_HANDLE_EARLY
		d_step { handle_closes++; handle_done = 1 };
#endif
		inside == 0; /* whoever was in a call has left, whoever comes is turned away */
		d_step { slot_abort = how; slot_closed = 1 };
		d_step {
			if
#ifdef MISTAKE_DOUBLE
			:: op[RECV] == OP_PENDING || op[RECV] == OP_CALLED -> op_finish(RECV, R_ABORTED)
#else
			:: op[RECV] == OP_PENDING -> op_finish(RECV, R_ABORTED)
#endif
			:: else
			fi;
			if
			:: op[SEND] == OP_PENDING -> op_finish(SEND, R_ABORTED)
			:: else
			fi
		}
	:: else
	fi
}

/* The last upcall, by whoever finds that nothing is owed any more. */
inline handle_close()
{
		if
		:: !descriptor && slot_closed && FINISHED && !handle_done && !killed ->
			handle_done = 1;
			assert(!cleaned);		   /* C4 */
			assert(op[RECV] != OP_CALLED || nested); /* C3 */
			handle_closes++;
			assert(handle_closes == 1);	   /* C3 */
			hold = 0
		:: else -> skip
		fi
}

/* One upcaller at a time, so that upcalls keep their order; the others leave. An upcall may close the
 * socket, or end the use of the provider: then what is owed is made before WSPCleanup returns, by
 * the upcaller itself. */
inline deliver()
{
	atomic {
		mine = !delivering;
		delivering = 1
	};
	do
	:: atomic { mine && op[RECV] == OP_OWED ->
		op[RECV] = OP_CALLED;
		assert(!cleaned);	    /* C4 */
		assert(!held[RECV]);	    /* C2 */
		assert(handle_closes == 0); /* C3 */
		completions[RECV]++;
		assert(completions[RECV] == 1) }; /* C1 */
		if
		:: true -> close_begin(0, won)
		:: true -> close_begin(1, won);
			/* WSPCleanup inside the upcall: nobody else delivers for this socket */
			if
			:: won -> atomic { nested = 1; handle_close(); nested = 0 }; cleaned = 1
			:: else -> skip
			fi
		:: skip
		fi;
		atomic {
			won = 0;
			if
			:: op[RECV] == OP_CALLED -> op[RECV] = OP_DONE
			:: else -> skip
			fi
		}
	:: atomic { mine && op[RECV] != OP_OWED ->
		mine = 0;
		delivering = 0;
		handle_close() };
		break
	:: !mine -> break /* the upcaller will */
	od
}

/* --- the switch ------------------------------------------------------------------------------ */

proctype first_thread()
{
	bit won, mine, nested;

	d_step { /* a post looks at the descriptor under the lock that a close takes */
		if
		:: descriptor -> held[RECV] = 1; op[RECV] = OP_PENDING
		:: else -> skip
		fi
	};
	if
	:: d_step { descriptor && op[SEND] == OP_NONE -> held[SEND] = 1; op[SEND] = OP_PENDING }
	:: skip
	fi;
	if
	:: true -> progress(); deliver() /* WSPGetOverlappedResult */
	:: skip
	fi;
	if
	:: slot_shut = 1
	:: skip
	fi;
	if
	:: true -> close_begin(0, won); deliver()
	:: true -> close_begin(1, won); deliver()
	:: true -> close_begin(1, won); deliver(); /* WSPCleanup */
		handle_done;
		cleaned = 1
	fi;
	/* If another closed the socket it was once, and here it was WSAENOTSOCK. */
	assert(closes == 1) /* C9 */
}

/* Posts or closes at the same time. */
proctype second_thread()
{
	bit won, mine, nested, bad;

	if
	:: d_step { inside++; bad = !descriptor };
		if
		:: !bad && op[SEND] == OP_NONE ->
			d_step {
				if
				:: op[SEND] == OP_NONE -> held[SEND] = 1; op[SEND] = OP_PENDING
				:: else
				fi
			}
		:: else
		fi;
		inside--
	:: true -> close_begin(0, won); deliver()
	:: skip
	fi
}

proctype upcall_thread()
{
	bit won, mine, nested;
end:
	do
	:: descriptor && op[RECV] == OP_PENDING && (slot_data || slot_eof || slot_error) -> progress(); deliver()
	:: descriptor && op[SEND] == OP_PENDING && (slot_error || (sent)) -> progress(); deliver()
	:: !descriptor -> break
	od
}

/* --- wire side: whatever may happen ---------------------------------------------------------- */

proctype wire_side()
{
	if
	:: atomic { slot_data = 1; sent = 1 }
	:: skip
	fi;
	if
	:: slot_eof = 1
	:: slot_error = 1
	:: skip
	fi;
	wire_closing || slot_error;
	atomic { slot_error = 1; wire_dead = 1 }
}

/* --- control thread -------------------------------------------------------------------------- */

byte app = APP_ATTACHED;
bit freed;

inline app_event(e)
{
	at = app * APP_EVENTS + e;
	app = c_expr { app_next[at] };
	todo = c_expr { app_action[at] }
}

#ifdef MISTAKE_FREE_EARLY
#define MAY_FREE (wire_dead)
#else
#define MAY_FREE (app == APP_GONE && wire_dead)
#endif

proctype control()
{
	bit closed_seen, dead_seen, shut_seen;

	do
	:: d_step { slot_shut && !shut_seen && !closed_seen -> shut_seen = 1; app_event(APPEV_SHUT) }
	:: d_step { slot_closed && !closed_seen ->
		closed_seen = 1;
		app_event(APPEV_CLOSE);
		assert(todo == DO_CLOSE_WIRE);
		wire_closing = 1 }
	:: d_step { wire_dead && !dead_seen -> dead_seen = 1; app_event(APPEV_WIRE_DEAD) }
	:: d_step { closed_seen && !hold && app == APP_CLOSED -> app_event(APPEV_UPCALLS_DONE) }
	:: d_step { MAY_FREE ->
		assert(closes == 1 && handle_closes == 1); /* C5 */
		assert(op[RECV] == OP_NONE || completions[RECV] == 1);
		assert(op[SEND] == OP_NONE || completions[SEND] == 1); /* C1 */
		freed = 1 };
		break
	od
}

init {
	atomic {
		run wire_side();
		run first_thread();
		run second_thread();
		run upcall_thread();
		run control()
	}
}
