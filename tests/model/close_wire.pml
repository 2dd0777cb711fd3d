/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire side of the close sequence: two hosts' wire sides and connection managers, a
 * wire that loses and doubles, two programs that shut, close or abort whenever they like, a host that
 * falls silent. Every interleaving must end with both sides finished (C5, C7): any other end is an
 * "invalid end state" for spin. The matrix is the daemon's own. What is left out: README.md. */
#include "matrix.pml"

#ifndef TRIES
#define TRIES 1 /* DREQs sent before the connection manager gives up */
#endif

/* what a packet is */
#define P_DREQ 1
#define P_DREP 2
/* what a message says */
#define M_DATA	  1
#define M_DISCONN 2
#define M_ABORT	  3
/* connection manager */
#define CM_LIVE	    0
#define CM_DREQ_SENT 1
#define CM_TIMEWAIT 2

typedef wire {
	byte state, deadline;
	bit data_due, disconn_due, disconn_sent, disconn_acked, peer_disconn;
	bit abort_due, deaf, program_closed, want_dreq, eof, got_data, sends_data;
	byte posted, una, arrived; /* messages: sent, acknowledged, received from the other */
	byte what[3];
	byte cm, cm_tries
};
wire w[2];
chan net[2] = [1] of { byte }; /* CM datagrams towards host i */
chan command[2] = [1] of { byte };	   /* from the control thread to host i's poll thread: event */
bit silent;	   /* host 1 is gone without a word */
byte doubles = 1;  /* datagrams that may still come twice */
byte failures = 1; /* transports that may still give up although the other end is there */

/* --- wire side ------------------------------------------------------------------------------- */

inline wire_stop(h)
{
	w[h].una = w[h].posted
}

inline disconnect(h)
{
	w[h].deaf = 1;
	w[h].disconn_due = 0;
	w[h].data_due = 0;
	wire_stop(h);
	w[h].want_dreq = 1
}

inline wire_action(h, a_)
{
	if
	:: a_ == A_SEND_DISCONN -> w[h].disconn_due = 1
	:: a_ == A_REPORT_EOF -> w[h].eof = 1
	:: a_ == A_DISCONNECT -> disconnect(h)
	:: a_ == A_GIVE_UP -> disconnect(h)
	:: a_ == A_ABORT ->
		if
		:: !w[h].disconn_sent || (w[h].disconn_acked && w[h].peer_disconn) -> disconnect(h)
		:: else ->
			w[h].deaf = 1;
			w[h].disconn_due = 0;
			w[h].abort_due = 1;
			w[h].want_dreq = 1
		fi
	:: a_ == A_FAIL -> w[h].want_dreq = 1
	:: a_ == A_LOST || a_ == A_DOWN || a_ == A_FINISH || a_ == A_NOTHING -> skip
	fi
}

hidden byte at, next, action, deadline;

inline wire_event(h, e)
{
	at = w[h].state * WIRE_EVENTS + e;
	next = c_expr { wire_next[at] };
	action = c_expr { wire_action[at] };
	deadline = c_expr { wire_deadline[at] };
	if
	:: action == A_ILLEGAL -> skip
	:: else ->
		wire_action(h, action);
		if
		:: next == S_DEAD && w[h].state != S_DEAD ->
			wire_stop(h);
			w[h].deaf = 1;
			w[h].abort_due = 0
		:: else
		fi;
		w[h].state = next;
		if
		:: deadline != D_KEEP -> w[h].deadline = deadline
		:: else
		fi
	fi
}

/* --- a host: one step at a time -------------------------------------------------------------- */

#define DEADLINE_RUNS(h) ((w[h].deadline == D_DISCONN && w[h].program_closed) || \
	(w[h].deadline == D_DREQ && (w[h].disconn_acked || w[h].program_closed)) || \
	w[h].deadline == D_LINGER)

inline post(h, m)
{
	w[h].what[w[h].posted] = m;
	w[h].posted++
}

inline accepted(h, m, e)
{
	if
	:: w[h].deaf -> skip
	:: else ->
		if
		:: m == M_DATA ->
			assert(!w[h].peer_disconn); /* data never comes behind the end of file */
			w[h].got_data = 1
		:: m == M_DISCONN && w[h].peer_disconn -> e = E_RESET
		:: m == M_DISCONN && !w[h].peer_disconn ->
			w[h].peer_disconn = 1;
			e = E_DISCONN
		:: m == M_ABORT -> e = E_RESET
		fi
	fi
}

/* The connection manager; an answer that finds the wire full is lost. */
inline answer(h)
{
	if
	:: nfull(net[1 - h]) -> net[1 - h]!P_DREP
	:: full(net[1 - h]) -> skip
	fi
}

inline receive(h, p, e)
{
	if
	:: p == P_DREQ ->
		answer(h);
		if
		:: w[h].cm != CM_TIMEWAIT -> w[h].cm = CM_TIMEWAIT; e = E_DREQ
		:: else -> skip
		fi
	:: p == P_DREP && w[h].cm == CM_DREQ_SENT -> w[h].cm = CM_TIMEWAIT; e = E_DREP
	:: else -> skip
	fi
}

#define NO_EVENT 255
#define UP(h)	 (h == 0 || !silent)
#define ALIVE(h) (UP(h) && w[h].state != S_DEAD)

/* Each turn one thing happens, and what it means for the state machine follows at once. The reliable
 * connection delivers in order and exactly once, or gives up, whether or not the message arrived. */
proctype host(byte h)
{
	byte p, e = NO_EVENT;

end_turn:
	if
	:: atomic { ALIVE(h) && w[h].data_due -> w[h].data_due = 0; post(h, M_DATA); goto end_turn }
	:: atomic { ALIVE(h) && w[h].disconn_due && !w[h].data_due ->
		w[h].disconn_due = 0;
		w[h].disconn_sent = 1;
		post(h, M_DISCONN);
		goto end_turn }
	:: atomic { ALIVE(h) && w[h].abort_due -> w[h].abort_due = 0; post(h, M_ABORT); goto end_turn }
	:: atomic { ALIVE(h) && w[h].arrived < w[1 - h].posted ->
		accepted(h, w[1 - h].what[w[h].arrived], e);
		w[h].arrived++;
		goto step }
	:: atomic { ALIVE(h) && w[h].una < w[h].posted && w[h].una < w[1 - h].arrived ->
		if
		:: w[h].what[w[h].una] == M_DISCONN -> w[h].disconn_acked = 1; e = E_DISCONN_ACKED
		:: else -> skip
		fi;
		w[h].una++;
		goto step }
	:: atomic { ALIVE(h) && w[h].una < w[h].posted && (failures > 0 || (h == 0 && silent) || w[1 - h].state == S_DEAD) ->
		if
		:: (h == 0 && silent) || w[1 - h].state == S_DEAD -> skip
		:: else -> failures--
		fi;
		e = E_RESET;
		goto step }
	:: atomic { UP(h) && w[h].want_dreq ->
		w[h].want_dreq = 0;
		if
		:: w[h].cm == CM_LIVE -> w[h].cm = CM_DREQ_SENT; goto end_turn
		:: else -> e = E_DREP; goto step
		fi }
	:: atomic { UP(h) && w[h].cm == CM_DREQ_SENT && w[h].cm_tries < TRIES && nfull(net[1 - h]) ->
		net[1 - h]!P_DREQ;
		w[h].cm_tries++;
		goto end_turn }
	:: atomic { UP(h) && w[h].cm == CM_DREQ_SENT && w[h].cm_tries == TRIES ->
		w[h].cm = CM_TIMEWAIT;
		e = E_DREP;
		goto step }
	:: atomic { ALIVE(h) && DEADLINE_RUNS(h) -> e = E_DEADLINE; goto step }
	:: atomic { UP(h) && nempty(command[h]) -> command[h]?e; w[h].program_closed = w[h].program_closed || e != E_SHUT; goto step }
	:: atomic { net[h]?<p> ->
		if /* it may come a second time */
		:: doubles > 0 -> doubles--
		:: true -> net[h]?p
		fi;
		if
		:: UP(h) -> receive(h, p, e)
		:: else -> skip
		fi;
		p = 0;
		goto step }
	fi;
step:
	atomic {
		skip; /* spin wants no jump into a d_step */
		d_step {
			if
			:: e != NO_EVENT -> wire_event(h, e)
			:: else -> skip
			fi;
			e = NO_EVENT
		};
		goto end_turn
	}
}

/* Loss of datagrams; late is what the hosts let it overtake. */
proctype weather(byte h)
{
end:
	do
	:: net[h]?_
	od
}

/* --- programs -------------------------------------------------------------------------------- */

proctype program(byte h)
{
	if
	:: h == 0 -> d_step { w[h].data_due = 1; w[h].sends_data = 1 }
	:: skip
	fi;
	if
	:: h == 0 -> command[h]!E_SHUT
	:: skip
	fi;
	if
	:: command[h]!E_CLOSE
	:: command[h]!E_ABORT
	:: h == 1 -> silent = 1
	fi;
	w[h].state == S_DEAD || (h == 1 && silent);
	/* An end of file without an error means that everything came. */
	assert(!(w[h].eof && w[1 - h].sends_data && !w[h].deaf) || w[h].got_data)
}

init {
	atomic {
		w[0].state = S_OPEN;
		w[1].state = S_OPEN;
		run host(0);
		run host(1);
		run weather(0);
		run weather(1);
		run program(0);
		run program(1)
	}
}
