/* SPDX-License-Identifier: BSD-3-Clause */
/* Socket handles of the default upcalls: each is an eventfd, so a program can poll it. Owns those
 * descriptors from handle_create to handle_close and knows which numbers are its own at the moment;
 * it never touches any other. */
#ifndef SAND_UPCALL_HANDLE_H
#define SAND_UPCALL_HANDLE_H

#include <sand/wsp.h>

/* 0 and a handle, or WSAEMFILE, WSAENOBUFS. Never 0, 1 or 2. */
int handle_create(DWORD_PTR context, SOCKET *out);
/* The rest: 0 or WSAENOTSOCK, for a number that is not a handle at the moment. */
int handle_close(SOCKET h);
int handle_context(SOCKET h, DWORD_PTR *context);
/* Make it readable. */
int handle_signal(SOCKET h);
/* The handle with this context, -1 if there is none. */
int handle_with(DWORD_PTR context);

#endif
