/* SPDX-License-Identifier: BSD-3-Clause */
#include "io.h"

#include <poll.h>

#include "op.h"
#include "ready.h"
#include "stream.h"

#define IO_VECTOR 16u /* buffers handed to the ring at once */

static DWORD
to_iovec(const WSABUF *bufs, DWORD count, size_t skip, struct iovec *iov)
{
	DWORD n = 0;

	for (DWORD i = 0; i < count && n < IO_VECTOR; i++) {
		size_t cut = skip < bufs[i].len ? skip : bufs[i].len;

		skip -= cut;
		if (bufs[i].len > cut)
			iov[n++] = (struct iovec){bufs[i].buf + cut, bufs[i].len - cut};
	}
	return n;
}

static size_t
total(const WSABUF *bufs, DWORD count)
{
	size_t sum = 0;

	for (DWORD i = 0; i < count; i++)
		sum += bufs[i].len;
	return sum;
}

/* What both directions ask of their arguments; 0 or a Winsock code. */
static int
arguments(SOCKET s, const WSABUF *bufs, DWORD count, const DWORD *bytes, const WSAOVERLAPPED *ov)
{
	int err;

	if (prov_find(s, &err) == NULL)
		return err;
	/* An operation tells its bytes at its completion. */
	if ((bufs == NULL && count != 0) || (bytes == NULL && ov == NULL))
		return WSAEFAULT;
	return ov == NULL && prov.socks[prov_slot(s)].message ? WSAEINVAL : 0;
}

static int
post(SOCKET s, enum op_kind kind, const WSABUF *bufs, DWORD count, LPWSAOVERLAPPED ov, LPINT err)
{
	const struct op_ask ask = {.kind = kind, .count = count, .bufs = bufs, .ov = ov};
	int code = op_post(s, &ask);

	return wsp_fail(err, code == 0 ? WSA_IO_PENDING : code);
}

/* The socket would block. 0 = try again. */
static int
wait_turn(SOCKET s, short events)
{
	int err = WSAEWOULDBLOCK;

	if (prov.socks[prov_slot(s)].nonblocking)
		return WSAEWOULDBLOCK;
	return ready_wait(s, events, NULL, &err) > 0 ? 0 : err;
}

int
io_send(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED ov,
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid, LPINT err)
{
	int code = arguments(s, bufs, count, bytes, ov);
	struct iovec iov[IO_VECTOR];
	size_t all, done = 0;

	if (code == 0 && flags != 0)
		code = WSAEOPNOTSUPP;
	if (code != 0)
		return wsp_fail(err, code);
	if (ov != NULL)
		return post(s, OP_KIND_SEND, bufs, count, ov, err);
	all = total(bufs, count);
	do {
		ssize_t n = stream_send(s, iov, (int)to_iovec(bufs, count, done, iov), 0, &code);

		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (code == WSAEWOULDBLOCK)
			code = wait_turn(s, POLLOUT);
		if (code != 0)
			break;
	} while (done < all);
	*bytes = (DWORD)done;
	return done == 0 && code != 0 ? wsp_fail(err, code) : 0;
}

int
io_recv(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD bytes, LPDWORD flags, LPWSAOVERLAPPED ov,
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid, LPINT err)
{
	int code = arguments(s, bufs, count, bytes, ov);
	struct iovec iov[IO_VECTOR];
	int n_iov;

	if (code == 0 && flags != NULL && *flags != 0)
		code = WSAEOPNOTSUPP;
	if (code != 0)
		return wsp_fail(err, code);
	if (ov != NULL)
		return post(s, OP_KIND_RECV, bufs, count, ov, err);
	n_iov = (int)to_iovec(bufs, count, 0, iov);
	for (;;) {
		ssize_t n = stream_recv(s, iov, n_iov, 0, &code);

		if (n >= 0) {
			*bytes = (DWORD)n;
			return 0;
		}
		if (code == WSAEWOULDBLOCK)
			code = wait_turn(s, POLLIN);
		if (code != 0)
			return wsp_fail(err, code);
	}
}

BOOL
io_get_overlapped_result(
    SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait, LPDWORD flags, LPINT err)
{
	if (prov_find(s, err) == NULL)
		return FALSE;
	if (ov == NULL || bytes == NULL) {
		*err = WSAEFAULT;
		return FALSE;
	}
	return op_result(s, ov, bytes, wait, flags, err);
}

BOOL
io_get_qos_by_name(SOCKET s, LPWSABUF name, LPQOS qos, LPINT err)
{
	*err = WSAEOPNOTSUPP;
	return FALSE;
}
