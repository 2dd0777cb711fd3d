/* SPDX-License-Identifier: BSD-3-Clause */
/* A service provider for the switch's tests: connections between sockets of this very process,
 * through memory, behind the true WSP and Linux tables, with Linux TCP's semantics; and a script
 * for what the SAN does wrong. 10.77.0.0/24 is the SAN's alone, 127.77.0.0/24 is also the kernel's;
 * .1 to .9 of both are "here". One lock, no hurry. */
#ifndef SAND_TESTS_SWITCH_LOOP_H
#define SAND_TESTS_SWITCH_LOOP_H

#include <sand/san.h>
#include <stdbool.h>

#define LOOP_SOCKS 1024
#define LOOP_RING  65536
#define LOOP_HERE  0x0a4d0001u /* 10.77.0.1 */
#define LOOP_BOTH  0x7f4d0001u /* 127.77.0.1 */

/* What a test may prescribe; all zero = everything works. */
struct loop_script {
	int startup_error; /* of WSPStartupEx */
	int route;	   /* for 10.77.0.0/24: 0 SAN, -1 TCP, 2 SAN only */
	int socket_error;  /* of WSPSocket */
	int bind_error;
	int listen_error;
	int connect_error;  /* the outcome of every connect */
	bool connect_holds; /* connects stay pending until loop_release() */
	bool no_wakes;	    /* the daemon has no wake object to give */
};

extern struct loop_script loop_script;

/* Ends pending connects with this outcome (0: connected to the listener). */
void loop_release(int wsa);
/* Sockets that exist, for leak checks. */
unsigned loop_socks(void);
unsigned loop_wakes(void);
/* sanPoll calls so far: what a wait costs. */
unsigned long loop_polls(void);
void loop_reset(void);

#endif
