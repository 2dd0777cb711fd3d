/* SPDX-License-Identifier: BSD-3-Clause */
/* Error values inside Sand: functions return 0 or one of these negative numbers. They become
 * Winsock codes in shim/wsp (wsp_err.c) and errno in shim/preload, each by one table. */
#ifndef SAND_BASE_SAN_ERR_H
#define SAND_BASE_SAN_ERR_H

/* X(name, value, text): values are part of the shared-memory ABI, never renumber. */
#define SAN_ERR_LIST(X)                                              \
	X(INVAL, -1, "invalid argument")                             \
	X(NOMEM, -2, "out of memory")                                \
	X(NOBUFS, -3, "no buffer space")                             \
	X(AGAIN, -4, "try again")                                    \
	X(NOTCONN, -5, "not connected")                              \
	X(ISCONN, -6, "already connected")                           \
	X(ALREADY, -7, "operation already in progress")              \
	X(CONNREFUSED, -8, "connection refused by the peer program") \
	X(NOLISTENER, -9, "nobody listens on that port")             \
	X(CONNRESET, -10, "connection reset by peer")                \
	X(CONNABORTED, -11, "connection aborted locally")            \
	X(TIMEDOUT, -12, "timed out")                                \
	X(HOSTUNREACH, -13, "host unreachable")                      \
	X(NETUNREACH, -14, "network unreachable")                    \
	X(NETDOWN, -15, "the SAN service is down")                   \
	X(ADDRINUSE, -16, "address in use")                          \
	X(ADDRNOTAVAIL, -17, "address not available on a SAN port")  \
	X(AFNOSUPPORT, -18, "address family not supported")          \
	X(MSGSIZE, -19, "message too long")                          \
	X(PIPE, -20, "sending side is shut down")                    \
	X(OPNOTSUPP, -21, "operation not supported")                 \
	X(PROTO, -22, "protocol violation")                          \
	X(NOTSOCK, -23, "not a socket")                              \
	X(PERM, -24, "not permitted")                                \
	X(NOENT, -25, "no such object")                              \
	X(EXIST, -26, "already exists")                              \
	X(LIMIT, -27, "limit reached")                               \
	X(TOOSHORT, -28, "too short")                                \
	X(VERSION, -29, "version mismatch")                          \
	X(CANCELED, -30, "operation cancelled")                      \
	X(IO, -31, "input/output error")

enum san_err {
#define X(name, value, text) SAN_E##name = value,
	SAN_ERR_LIST(X)
#undef X
};

/* Name ("CONNRESET") and sentence of an error value; both never NULL. */
const char *san_err_name(int err);
const char *san_err_text(int err);

#endif
