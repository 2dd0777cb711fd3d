/* SPDX-License-Identifier: BSD-3-Clause */
/* The WSP function table and the upcall table of Windows Sockets Direct, for Linux: Winsock's own
 * names, types and values, so that code written to the WSD documentation compiles with only its
 * include line changed. An event object (WSAEVENT) is a Linux eventfd in a pointer, its number even
 * where it goes into a WSAOVERLAPPED. What each function does: see the comment at WSPPROC_TABLE.
 * Linux additions (vectored non-blocking stream I/O, readiness, fork) are extension functions in
 * san.h.
 *
 * Threads: every function may be called from any thread, and from inside any upcall. */
#ifndef SAND_WSP_H
#define SAND_WSP_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t BYTE;
typedef uint16_t WORD, WCHAR;
typedef uint32_t DWORD, *LPDWORD;
typedef int32_t INT, *LPINT, LONG;
typedef uint32_t GROUP; /* u_long is from <sys/types.h> */
typedef int BOOL;
typedef void *LPVOID, *HANDLE;
typedef uintptr_t ULONG_PTR, DWORD_PTR;
typedef ULONG_PTR *PULONG_PTR;
typedef uintptr_t SOCKET;
typedef HANDLE WSAEVENT;

#define INVALID_SOCKET ((SOCKET) ~(SOCKET)0)
#define SOCKET_ERROR   (-1)
#define TRUE	       1
#define FALSE	       0
#define MAKEWORD(a, b) ((WORD)(((BYTE)(a)) | ((WORD)((BYTE)(b))) << 8))

/* X(name, value, Linux errno, text): Winsock error codes a provider may return. */
#define WSA_ERROR_LIST(X)                             \
	X(WSA_INVALID_HANDLE, 6, EBADF)               \
	X(WSA_OPERATION_ABORTED, 995, ECANCELED)      \
	X(WSA_IO_INCOMPLETE, 996, EAGAIN)             \
	X(WSA_IO_PENDING, 997, EINPROGRESS)           \
	X(WSAEINTR, 10004, EINTR)                     \
	X(WSAEACCES, 10013, EACCES)                   \
	X(WSAEFAULT, 10014, EFAULT)                   \
	X(WSAEINVAL, 10022, EINVAL)                   \
	X(WSAEMFILE, 10024, EMFILE)                   \
	X(WSAEWOULDBLOCK, 10035, EAGAIN)              \
	X(WSAEALREADY, 10037, EALREADY)               \
	X(WSAENOTSOCK, 10038, ENOTSOCK)               \
	X(WSAEMSGSIZE, 10040, EMSGSIZE)               \
	X(WSAEPROTOTYPE, 10041, EPROTOTYPE)           \
	X(WSAENOPROTOOPT, 10042, ENOPROTOOPT)         \
	X(WSAEPROTONOSUPPORT, 10043, EPROTONOSUPPORT) \
	X(WSAESOCKTNOSUPPORT, 10044, ESOCKTNOSUPPORT) \
	X(WSAEOPNOTSUPP, 10045, EOPNOTSUPP)           \
	X(WSAEAFNOSUPPORT, 10047, EAFNOSUPPORT)       \
	X(WSAEADDRINUSE, 10048, EADDRINUSE)           \
	X(WSAEADDRNOTAVAIL, 10049, EADDRNOTAVAIL)     \
	X(WSAENETDOWN, 10050, ENETDOWN)               \
	X(WSAENETUNREACH, 10051, ENETUNREACH)         \
	X(WSAENETRESET, 10052, ENETRESET)             \
	X(WSAECONNABORTED, 10053, ECONNABORTED)       \
	X(WSAECONNRESET, 10054, ECONNRESET)           \
	X(WSAENOBUFS, 10055, ENOBUFS)                 \
	X(WSAEISCONN, 10056, EISCONN)                 \
	X(WSAENOTCONN, 10057, ENOTCONN)               \
	X(WSAESHUTDOWN, 10058, EPIPE)                 \
	X(WSAETIMEDOUT, 10060, ETIMEDOUT)             \
	X(WSAECONNREFUSED, 10061, ECONNREFUSED)       \
	X(WSAEHOSTUNREACH, 10065, EHOSTUNREACH)       \
	X(WSAEPROCLIM, 10067, EUSERS)                 \
	X(WSASYSNOTREADY, 10091, ENODEV)              \
	X(WSAVERNOTSUPPORTED, 10092, EPROTO)          \
	X(WSANOTINITIALISED, 10093, ENXIO)            \
	X(WSAEDISCON, 10101, EPIPE)                   \
	X(WSATRY_AGAIN, 11002, EAGAIN)

enum wsa_error {
#define X(name, value, err) name = value,
	WSA_ERROR_LIST(X)
#undef X
};

#define WSA_FLAG_OVERLAPPED 0x01

#define FD_ACCEPT_BIT  3
#define FD_ACCEPT      (1 << FD_ACCEPT_BIT)
#define FD_CONNECT_BIT 4
#define FD_CONNECT     (1 << FD_CONNECT_BIT)
#define FD_MAX_EVENTS  10

typedef struct {
	LONG lNetworkEvents;
	int iErrorCode[FD_MAX_EVENTS];
} WSANETWORKEVENTS, *LPWSANETWORKEVENTS;

#define CF_ACCEPT 0x0000
#define CF_REJECT 0x0001
#define CF_DEFER  0x0002

#define SO_MAX_MSG_SIZE	       0x2003
#define SO_MAX_RDMA_SIZE       0x700D
#define SO_RDMA_THRESHOLD_SIZE 0x700E
#define WSD_SOL_SOCKET	       0xffff

#define SIO_GET_EXTENSION_FUNCTION_POINTER 0xC8000006u
#define SIO_ADDRESS_LIST_QUERY		   0x48000016u

typedef struct {
	uint32_t Data1;
	uint16_t Data2, Data3;
	uint8_t Data4[8];
} GUID;

typedef struct _WSABUF {
	u_long len;
	char *buf;
} WSABUF, *LPWSABUF;

typedef struct _WSABUFEX {
	u_long len;
	char *buf;
	HANDLE handle;
} WSABUFEX, *LPWSABUFEX;

/* While an operation runs: Internal = WSS_OPERATION_IN_PROGRESS. At its end: OffsetHigh = error,
 * Offset = flags, InternalHigh = bytes, then Internal = 0 last. hEvent's low bit set: no upcall,
 * the result is polled. */
#define WSS_OPERATION_IN_PROGRESS 0x00000103u
typedef struct _WSAOVERLAPPED {
	ULONG_PTR Internal;
	ULONG_PTR InternalHigh;
	DWORD Offset;
	DWORD OffsetHigh;
	WSAEVENT hEvent;
} WSAOVERLAPPED, *LPWSAOVERLAPPED;

typedef struct {
	HANDLE ThreadHandle;
	DWORD_PTR Reserved;
} WSATHREADID, *LPWSATHREADID;

typedef void (*LPWSAOVERLAPPED_COMPLETION_ROUTINE)(
    DWORD error, DWORD bytes, LPWSAOVERLAPPED ov, DWORD flags);
typedef void (*LPWSAUSERAPC)(DWORD_PTR context);
typedef struct _QOS QOS, *LPQOS; /* never dereferenced: no QoS */

#define WSAPROTOCOL_LEN 255
typedef struct {
	int ChainLen;
	DWORD ChainEntries[7];
} WSAPROTOCOLCHAIN;
typedef struct _WSAPROTOCOL_INFOW {
	DWORD dwServiceFlags1, dwServiceFlags2, dwServiceFlags3, dwServiceFlags4, dwProviderFlags;
	GUID ProviderId;
	DWORD dwCatalogEntryId;
	WSAPROTOCOLCHAIN ProtocolChain;
	int iVersion, iAddressFamily, iMaxSockAddr, iMinSockAddr, iSocketType, iProtocol,
	    iProtocolMaxOffset;
	int iNetworkByteOrder, iSecurityScheme;
	DWORD dwMessageSize, dwProviderReserved;
	WCHAR szProtocol[WSAPROTOCOL_LEN + 1];
} WSAPROTOCOL_INFOW, *LPWSAPROTOCOL_INFOW;

#define WSPDESCRIPTION_LEN 255
typedef struct {
	WORD wVersion, wHighVersion;
	WCHAR szDescription[WSPDESCRIPTION_LEN + 1];
} WSPDATA, *LPWSPDATA;

typedef struct {
	LPVOID lpSockaddr; /* struct sockaddr * */
	int iSockaddrLength;
} SOCKET_ADDRESS;
typedef struct {
	int iAddressCount;
	SOCKET_ADDRESS Address[1];
} SOCKET_ADDRESS_LIST;

typedef int (*LPCONDITIONPROC)(LPWSABUF caller_id, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos,
    LPWSABUF callee_id, LPWSABUF callee_data, GROUP *g, DWORD_PTR callback_data);

/* What a provider offers. Failure is SOCKET_ERROR (INVALID_SOCKET, FALSE) with the code in *err.
 * Slots that a SAN provider never implements are NULL, as in WSD. Order as in ws2spi.h.
 *
 * Any function: WSAENOTSOCK (stale or no descriptor), WSAENETDOWN (the daemon is gone).
 * Socket    AF_INET or AF_INET6, SOCK_STREAM. WSAEAFNOSUPPORT, WSAESOCKTNOSUPPORT,
 *           WSAEPROTONOSUPPORT, WSAENOBUFS (no slot), WSANOTINITIALISED, what the upcall said.
 * Bind      Remembers; the address is checked by Listen or Connect. WSAEINVAL (bound already),
 *           WSAEFAULT, WSAEAFNOSUPPORT.
 * Listen    Again on a listener: a new backlog. A full queue refuses. WSAEINVAL (not bound),
 *           WSAEISCONN, WSAEADDRINUSE, WSAEADDRNOTAVAIL, WSAETIMEDOUT (no answer in 2 s).
 * Connect   Never waits: WSAEWOULDBLOCK, then FD_CONNECT or POLLOUT. WSAEALREADY, WSAEISCONN,
 *           WSAEINVAL, WSAEFAULT, WSAEAFNOSUPPORT. Its result forbids falling back to TCP if it is
 *           WSAECONNRESET (nobody listens), WSAECONNREFUSED or WSAEHOSTUNREACH.
 * Accept    Never waits: WSAEWOULDBLOCK. CF_REJECT resets the peer: WSAECONNREFUSED; CF_DEFER keeps
 *           it first in the queue: WSATRY_AGAIN. WSAEINVAL (not listening), what the upcall said.
 * EventSelect, EnumNetworkEvents
 *           FD_CONNECT and FD_ACCEPT. Without an event object only the socket becomes non-blocking.
 *           WSAEINVAL (other events).
 * Send, Recv
 *           With WSAOVERLAPPED: WSA_IO_PENDING, and exactly one completion follows; or a code, and
 * none does. Buffers are the provider's until then, the WSABUF array is not. Completed in the order
 * of posting, a send when its bytes are in the ring, a receive with the first bytes that come or
 * with none at the end of the stream. WSAENOTCONN, WSAENOBUFS (4096 are pending), WSAEINVAL (more
 * than 16 buffers), WSAEFAULT, the error that ended the connection. Completions: those,
 * WSA_OPERATION_ABORTED (closed here). Without: they wait unless EventSelect was called
 * (WSAEWOULDBLOCK); errors as sanSend, sanRecv. flags other than 0: WSAEOPNOTSUPP.
 * GetOverlappedResult
 *           Makes progress, and upcalls that are owed, before it answers: WSA_IO_INCOMPLETE, the
 *           operation's own error, WSAEINVAL (no operation of this socket), WSAEFAULT.
 * DuplicateSocket, GetQOSByName
 *           WSAEOPNOTSUPP.
 * GetSockOpt, SetSockOpt
 *           WSD_SOL_SOCKET: SO_DEBUG, SO_MAX_MSG_SIZE, SO_MAX_RDMA_SIZE, SO_RDMA_THRESHOLD_SIZE;
 *           SOL_SOCKET: SO_OOBINLINE (Linux's). WSAENOPROTOOPT, WSAEINVAL (level), WSAEFAULT.
 * Ioctl     SIO_GET_EXTENSION_FUNCTION_POINTER (the socket is not looked at): SAN_GUID_LINUX of
 *           san.h; WSD's own are WSAEOPNOTSUPP, unknown ones WSAEINVAL. SIO_ADDRESS_LIST_QUERY.
 * CloseSocket
 *           Never waits for a peer, never fails for want of anything. Queued data leaves; a reset
 *           if received data was left unread. Exactly one WPUCloseSocketHandle.
 * Cleanup   The last one closes every socket (reset). WSANOTINITIALISED. */
/* clang-format off */
typedef struct {
	SOCKET (*lpWSPAccept)(SOCKET s, struct sockaddr *addr, LPINT addrlen, LPCONDITIONPROC cond,
	    DWORD_PTR data, LPINT err);
	void *lpWSPAddressToString;
	void *lpWSPAsyncSelect;
	int (*lpWSPBind)(SOCKET s, const struct sockaddr *name, int namelen, LPINT err);
	void *lpWSPCancelBlockingCall;
	int (*lpWSPCleanup)(LPINT err);
	int (*lpWSPCloseSocket)(SOCKET s, LPINT err);
	int (*lpWSPConnect)(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF caller,
	    LPWSABUF callee, LPQOS sqos, LPQOS gqos, LPINT err);
	int (*lpWSPDuplicateSocket)(SOCKET s, DWORD pid, LPWSAPROTOCOL_INFOW info, LPINT err);
	int (*lpWSPEnumNetworkEvents)(SOCKET s, WSAEVENT ev, LPWSANETWORKEVENTS out, LPINT err);
	int (*lpWSPEventSelect)(SOCKET s, WSAEVENT ev, LONG mask, LPINT err);
	BOOL (*lpWSPGetOverlappedResult)(SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait,
	    LPDWORD flags, LPINT err);
	void *lpWSPGetPeerName;
	void *lpWSPGetSockName;
	int (*lpWSPGetSockOpt)(SOCKET s, int level, int name, char *val, LPINT len, LPINT err);
	BOOL (*lpWSPGetQOSByName)(SOCKET s, LPWSABUF name, LPQOS qos, LPINT err);
	int (*lpWSPIoctl)(SOCKET s, DWORD code, LPVOID in, DWORD in_len, LPVOID out, DWORD out_len,
	    LPDWORD bytes, LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
	    LPWSATHREADID tid, LPINT err);
	void *lpWSPJoinLeaf;
	int (*lpWSPListen)(SOCKET s, int backlog, LPINT err);
	int (*lpWSPRecv)(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD bytes, LPDWORD flags,
	    LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid,
	    LPINT err);
	void *lpWSPRecvDisconnect;
	void *lpWSPRecvFrom;
	void *lpWSPSelect;
	int (*lpWSPSend)(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD bytes, DWORD flags,
	    LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid,
	    LPINT err);
	void *lpWSPSendDisconnect;
	void *lpWSPSendTo;
	int (*lpWSPSetSockOpt)(SOCKET s, int level, int name, const char *val, int len, LPINT err);
	void *lpWSPShutdown;
	SOCKET (*lpWSPSocket)(int af, int type, int proto, LPWSAPROTOCOL_INFOW info, GROUP g,
	    DWORD flags, LPINT err);
	void *lpWSPStringToAddress;
} WSPPROC_TABLE, *LPWSPPROC_TABLE;
/* clang-format on */

/* What a switch offers to the provider. Order as in ws2san.h. Required: CloseSocketHandle,
 * CreateSocketHandle, CompleteOverlappedRequest; QuerySocketHandleContext is allowed; the others
 * are never called. */
typedef struct {
	BOOL (*lpWPUCloseEvent)(WSAEVENT ev, LPINT err);
	int (*lpWPUCloseSocketHandle)(SOCKET s, LPINT err);
	WSAEVENT (*lpWPUCreateEvent)(LPINT err);
	SOCKET (*lpWPUCreateSocketHandle)(DWORD catalog, DWORD_PTR context, LPINT err);
	void *lpWPUFDIsSet;
	void *lpWPUGetProviderPath;
	void *lpWPUModifyIFSHandle;
	void *lpWPUPostMessage;
	void *lpWPUQueryBlockingCallback;
	int (*lpWPUQuerySocketHandleContext)(SOCKET s, PULONG_PTR context, LPINT err);
	int (*lpWPUQueueApc)(LPWSATHREADID tid, LPWSAUSERAPC apc, DWORD_PTR context, LPINT err);
	BOOL (*lpWPUResetEvent)(WSAEVENT ev, LPINT err);
	BOOL (*lpWPUSetEvent)(WSAEVENT ev, LPINT err);
	int (*lpWPUOpenCurrentThread)(LPWSATHREADID tid, LPINT err);
	int (*lpWPUCloseThread)(LPWSATHREADID tid, LPINT err);
	int (*lpWPUCompleteOverlappedRequest)(
	    SOCKET s, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err);
} WSPUPCALLTABLEEX, *LPWSPUPCALLTABLEEX;

/* The only symbol a provider exports. Reference counted with WSPCleanup. Returns 0, WSASYSNOTREADY
 * (no daemon), WSAVERNOTSUPPORTED (not 2.2), WSAEPROCLIM (the daemon's limits), WSAEFAULT (NULL
 * table, or a required upcall missing). */
__attribute__((visibility("default"))) int WSPStartupEx(WORD version, LPWSPDATA data,
    LPWSAPROTOCOL_INFOW info, LPWSPUPCALLTABLEEX upcalls, LPWSPPROC_TABLE procs);

#ifdef __cplusplus
}
#endif
#endif
