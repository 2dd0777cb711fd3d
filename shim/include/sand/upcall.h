/* SPDX-License-Identifier: BSD-3-Clause */
/* An upcall table for programs that use the provider without a switch of their own:
 *     WSPStartupEx(MAKEWORD(2, 2), &data, NULL, san_default_upcalls(), &procs);
 * Events (WSAEVENT) it makes are non-blocking eventfds.
 *
 * The handle WPUCreateSocketHandle makes for a socket is a descriptor, too, to be put into poll,
 * select or epoll sets; san_socket_fd tells which. It is a non-blocking, close-on-exec eventfd:
 *
 * - It becomes readable with every completion upcall of its socket, after the operation's fields
 *   are final, and stays so until the program reads its 8 bytes: the number of completions since
 *   the last read. Read first, then look at the operations: then none is missed, and one may be
 *   seen twice. Operations whose hEvent has its lowest bit set make no upcall and do not count.
 * - It tells network events if it is passed as the event: WSPEventSelect(s,
 *   (WSAEVENT)(intptr_t)san_socket_fd(s), mask). WSPEnumNetworkEvents with it, and a WSPAccept that
 *   succeeds, then read it. So a listener that waits for something overlapped as well, as it can
 * for SIO_ADDRESS_LIST_CHANGE, wants an event of its own.
 * - It is the table's: WSPCloseSocket closes it, in WPUCloseSocketHandle, when nothing of the
 * socket is left; not before is its number another file's. Do not close it.
 * - A child of fork(2) has the same numbers with counters of its own, which start at nothing. An
 *   epoll set made before still watches the parent's: make another one.
 * - Out of descriptors: WSPSocket and WSPAccept fail with WSAEMFILE. */
#ifndef SAND_UPCALL_H
#define SAND_UPCALL_H

#include <sand/wsp.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((visibility("default"))) LPWSPUPCALLTABLEEX san_default_upcalls(void);
/* The descriptor of a socket made with these upcalls; -1: not open. Looks at every open one: ask
 * once. */
__attribute__((visibility("default"))) int san_socket_fd(SOCKET s);

#ifdef __cplusplus
}
#endif
#endif
