/* SPDX-License-Identifier: BSD-3-Clause */
/* What every example needs: the provider's function table, and connections made and accepted while
 * waiting on an event, as a program does that has nothing else to do. */
#ifndef SAND_EXAMPLE_H
#define SAND_EXAMPLE_H

#include <netinet/in.h>
#include <sand/upcall.h>
#include <sand/wsp.h>
#include <stdnoreturn.h>

extern WSPPROC_TABLE wsp;

noreturn void example_fail(const char *what, int err);
/* "WSAECONNRESET"; 0 is "0". */
const char *wsa_name(int err);

/* Load the provider with these upcalls. */
void example_start(LPWSPUPCALLTABLEEX upcalls);
struct sockaddr_in example_address(const char *ip, const char *port);
WSAEVENT example_event(void);
/* Until the event is set, which this takes back. */
void example_wait(WSAEVENT event);

SOCKET example_socket(int type);
SOCKET example_listen(int type, const char *ip, const char *port);
SOCKET example_accept(SOCKET listener);
/* 0, or the code that FD_CONNECT came with. */
int example_connect(SOCKET s, const char *ip, const char *port);

#endif
