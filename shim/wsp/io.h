/* SPDX-License-Identifier: BSD-3-Clause */
/* WSPSend and WSPRecv on stream sockets. With a WSAOVERLAPPED they post an operation (op.h) and
 * never wait; without, a socket on which WSPEventSelect was called does not block, another one
 * does. */
#ifndef SAND_WSP_IO_H
#define SAND_WSP_IO_H

#include <sand/wsp.h>

int io_send(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED ov,
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid, LPINT err);
int io_recv(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD bytes, LPDWORD flags, LPWSAOVERLAPPED ov,
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid, LPINT err);
BOOL io_get_overlapped_result(
    SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait, LPDWORD flags, LPINT err);
BOOL io_get_qos_by_name(SOCKET s, LPWSABUF name, LPQOS qos, LPINT err);

#endif
