/* SPDX-License-Identifier: BSD-3-Clause */
#include "wsp_err.h"

#include <sand/wsp.h>

#include "san_err.h"

/* Every value of SAN_ERR_LIST stands here; the unit test counts them. X(san_err, Winsock code) */
#define WSP_ERR_LIST(X)                         \
	X(SAN_EINVAL, WSAEINVAL)                \
	X(SAN_ENOMEM, WSAENOBUFS)               \
	X(SAN_ENOBUFS, WSAENOBUFS)              \
	X(SAN_EAGAIN, WSAEWOULDBLOCK)           \
	X(SAN_ENOTCONN, WSAENOTCONN)            \
	X(SAN_EISCONN, WSAEISCONN)              \
	X(SAN_EALREADY, WSAEALREADY)            \
	X(SAN_ECONNREFUSED, WSAECONNREFUSED)    \
	X(SAN_ENOLISTENER, WSAECONNRESET)       \
	X(SAN_ECONNRESET, WSAECONNRESET)        \
	X(SAN_ECONNABORTED, WSAECONNABORTED)    \
	X(SAN_ETIMEDOUT, WSAETIMEDOUT)          \
	X(SAN_EHOSTUNREACH, WSAEHOSTUNREACH)    \
	X(SAN_ENETUNREACH, WSAENETUNREACH)      \
	X(SAN_ENETDOWN, WSAENETDOWN)            \
	X(SAN_EADDRINUSE, WSAEADDRINUSE)        \
	X(SAN_EADDRNOTAVAIL, WSAEADDRNOTAVAIL)  \
	X(SAN_EAFNOSUPPORT, WSAEAFNOSUPPORT)    \
	X(SAN_EMSGSIZE, WSAEMSGSIZE)            \
	X(SAN_EPIPE, WSAESHUTDOWN)              \
	X(SAN_EOPNOTSUPP, WSAEOPNOTSUPP)        \
	X(SAN_EPROTO, WSAECONNABORTED)          \
	X(SAN_ENOTSOCK, WSAENOTSOCK)            \
	X(SAN_EPERM, WSAEACCES)                 \
	X(SAN_ENOENT, WSAEINVAL)                \
	X(SAN_EEXIST, WSAEADDRINUSE)            \
	X(SAN_ELIMIT, WSAENOBUFS)               \
	X(SAN_ETOOSHORT, WSAEINVAL)             \
	X(SAN_EVERSION, WSAENETDOWN)            \
	X(SAN_ECANCELED, WSA_OPERATION_ABORTED) \
	X(SAN_EIO, WSAENETDOWN)

int
wsp_err_from_san(int err)
{
	switch (err) {
	case 0:
		return 0;
#define X(from, to) \
	case from:  \
		return to;
		WSP_ERR_LIST(X)
#undef X
	default:
		return WSAENETDOWN;
	}
}
