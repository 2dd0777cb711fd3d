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

#include <netinet/in.h>
#include <stddef.h>
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
typedef void *LPVOID, *PVOID, *HANDLE, **LPHANDLE;
typedef size_t SIZE_T;
typedef uint32_t ULONG, *LPULONG;
typedef struct sockaddr SOCKADDR, *PSOCKADDR, *LPSOCKADDR;
typedef struct sockaddr_in SOCKADDR_IN, *PSOCKADDR_IN, *LPSOCKADDR_IN;
typedef uintptr_t ULONG_PTR, DWORD_PTR;
typedef ULONG_PTR *PULONG_PTR;
typedef uintptr_t SOCKET;
typedef HANDLE WSAEVENT;

#define INVALID_SOCKET	  ((SOCKET) ~(SOCKET)0)
#define SOCKET_ERROR	  (-1)
#define WSA_INVALID_EVENT ((WSAEVENT)0)
#define ERROR_SUCCESS	  0
#define FAR
#define WSPAPI
#define CALLBACK
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

#define FD_ACCEPT_BIT		   3
#define FD_ACCEPT		   (1 << FD_ACCEPT_BIT)
#define FD_CONNECT_BIT		   4
#define FD_CONNECT		   (1 << FD_CONNECT_BIT)
#define FD_ADDRESS_LIST_CHANGE_BIT 9
#define FD_ADDRESS_LIST_CHANGE	   (1 << FD_ADDRESS_LIST_CHANGE_BIT)
#define FD_MAX_EVENTS		   10

typedef struct {
	LONG lNetworkEvents;
	int iErrorCode[FD_MAX_EVENTS];
} WSANETWORKEVENTS, *LPWSANETWORKEVENTS;

#define CF_ACCEPT 0x0000
#define CF_REJECT 0x0001
#define CF_DEFER  0x0002

#define SO_GROUP_ID	       0x2001
#define SO_GROUP_PRIORITY      0x2002
#define SO_MAX_MSG_SIZE	       0x2003
#define SO_MAX_RDMA_SIZE       0x700D
#define SO_RDMA_THRESHOLD_SIZE 0x700E
#define WSD_SOL_SOCKET	       0xffff /* Winsock's SOL_SOCKET; Linux's means the same here */

#define SIO_GET_EXTENSION_FUNCTION_POINTER 0xC8000006u
#define SIO_ADDRESS_LIST_QUERY		   0x48000016u
#define SIO_ADDRESS_LIST_CHANGE		   0x28000017u

#define MEM_READ      1 /* the peer, or the provider, reads from it */
#define MEM_WRITE     2
#define MEM_READWRITE 3

#define XP1_GUARANTEED_DELIVERY 0x00000002
#define XP1_GUARANTEED_ORDER	0x00000004
#define XP1_MESSAGE_ORIENTED	0x00000008
#define XP1_GRACEFUL_CLOSE	0x00000020
#define XP1_QOS_SUPPORTED	0x00002000
#define PFL_HIDDEN		0x00000004

typedef struct {
	uint32_t Data1;
	uint16_t Data2, Data3;
	uint8_t Data4[8];
} GUID, *LPGUID;

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
} SOCKET_ADDRESS, *PSOCKET_ADDRESS, *LPSOCKET_ADDRESS;
typedef struct {
	int iAddressCount;
	SOCKET_ADDRESS Address[1];
} SOCKET_ADDRESS_LIST, *PSOCKET_ADDRESS_LIST, *LPSOCKET_ADDRESS_LIST;

typedef int (*LPCONDITIONPROC)(LPWSABUF caller_id, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos,
    LPWSABUF callee_id, LPWSABUF callee_data, GROUP *g, DWORD_PTR callback_data);

/* What a provider offers. Failure is SOCKET_ERROR (INVALID_SOCKET, FALSE) with the code in *err.
 * Slots that a SAN provider never implements are NULL, as in WSD. Order as in ws2spi.h. In brackets
 * the page of the WSD reference that a list of codes is from, where it is not the page of the
 * function's own name; a star marks codes of our own.
 *
 * Any function: WSAENOTSOCK (stale or no descriptor), WSAENETDOWN (the daemon is gone).
 * Socket    AF_INET or AF_INET6; SOCK_STREAM: a byte stream, SOCK_SEQPACKET: messages.
 *           With what DuplicateSocket gave in `info`: that socket. WSAEINVAL (none is waiting, or
 * this process has sockets and is of another family). WSAEAFNOSUPPORT, WSAESOCKTNOSUPPORT,
 * WSAEPROTONOSUPPORT, WSAENOBUFS (no slot), WSANOTINITIALISED, what the upcall said. Bind
 * Remembers; the address is checked by Listen or Connect. WSAEINVAL (bound already), WSAEFAULT,
 * WSAEAFNOSUPPORT*. Listen    Again on a listener: a new backlog. A full queue refuses. WSAEINVAL
 * (not bound), WSAEISCONN, WSAEADDRINUSE*, WSAEADDRNOTAVAIL*, WSAETIMEDOUT* (no answer in 2 s).
 * Connect   Never waits: WSAEWOULDBLOCK, then FD_CONNECT or POLLOUT. WSAEALREADY, WSAEISCONN,
 *           WSAEINVAL, WSAEFAULT, WSAEAFNOSUPPORT*. Its result forbids falling back to TCP if it
 *           is WSAECONNRESET (nobody listens), WSAECONNREFUSED or WSAEHOSTUNREACH [Initiating a
 *           Connection]; WSAETIMEDOUT and the rest do not.
 * Accept    Never waits: WSAEWOULDBLOCK. CF_REJECT resets the peer: WSAECONNREFUSED; CF_DEFER keeps
 *           it first in the queue: WSATRY_AGAIN. WSAEINVAL (not listening), what the upcall said.
 * EventSelect, EnumNetworkEvents
 *           FD_CONNECT, FD_ACCEPT, FD_ADDRESS_LIST_CHANGE. Without an event object only the socket
 * becomes non-blocking. WSAEINVAL (other events; no room for the answer). Send, Recv With
 * WSAOVERLAPPED: WSA_IO_PENDING, and exactly one completion follows; or a code, and none does.
 * Buffers are the provider's until then, the WSABUF array is not. Completed in the order of
 * posting. WSAENOTCONN, WSAENOBUFS (4096 are pending), WSAEINVAL (more than 16 buffers), WSAEFAULT,
 * WSAEOPNOTSUPP* (flags), the error that ended the connection. Completions: that error,
 * WSA_OPERATION_ABORTED (closed here) [Closing a SAN Socket]. SOCK_STREAM: a send completes when
 * its bytes are in the ring, a receive with the first bytes that come or with none at the end of
 * the stream. Without WSAOVERLAPPED: they wait unless EventSelect was called (WSAEWOULDBLOCK);
 * errors as sanSend, sanRecv. SOCK_SEQPACKET: one send is one message is one receive. A send
 * completes when the peer has acknowledged it. Every byte of a buffer lies in one range from
 * WSPRegisterMemory, else WSAEFAULT. A send longer than SO_MAX_MSG_SIZE: WSAEMSGSIZE. A receive too
 * short for its message completes with WSAEMSGSIZE, what fits and the number of those bytes; the
 * rest is lost, the connection is not. Without WSAOVERLAPPED: WSAEINVAL.
 * GetOverlappedResult
 *           Makes progress, and upcalls that are owed, before it answers: WSA_IO_INCOMPLETE, the
 *           operation's own error, WSAEINVAL (no operation of this socket), WSAEFAULT.
 * DuplicateSocket
 *           Gives a connected or listening socket to process `pid`, which has five seconds to call
 *           Socket with what stands in *info, once. Receives that are pending end well, with no
 *           bytes. From then on the descriptor is good for CloseSocket only, which ends nothing
 *           that the other process has; in the same process Socket gives it back. A process that
 *           is no relation (neither forked it, nor forked by it, see san.h) joins the family, whose
 *           memory it then shares: it must be the same user's and have no socket and nothing of
 *           sanAlloc. WSAEINVAL (another user's process, sends or RDMA pending, no info),
 *           WSAENOTCONN*.
 * GetQOSByName
 *           WSAEOPNOTSUPP: no QoS.
 * GetSockOpt, SetSockOpt
 *           SO_DEBUG (both), SO_MAX_MSG_SIZE, SO_MAX_RDMA_SIZE, SO_RDMA_THRESHOLD_SIZE;
 *           SOL_SOCKET: SO_OOBINLINE (Linux's). WSAENOPROTOOPT (also SO_GROUP_ID and
 *           SO_GROUP_PRIORITY, which are QoS), WSAEINVAL (level), WSAEFAULT.
 * Ioctl     SIO_GET_EXTENSION_FUNCTION_POINTER (the socket is not looked at): the functions below,
 *           and SAN_GUID_LINUX of san.h. WSAEINVAL (unknown GUID), WSAEFAULT.
 *           SIO_ADDRESS_LIST_QUERY: the addresses of started ports; WSAEFAULT, with the bytes it
 *           takes. SIO_ADDRESS_LIST_CHANGE: completes when that list, or a prefix or rule made of
 *           it, is another one than when it was posted (so post first, then query): an address was
 *           set, a port started or stopped; a link that goes down changes nothing. Completions: 0
 *           bytes, WSAENETDOWN, WSA_OPERATION_ABORTED. Without WSAOVERLAPPED it waits, unless
 *           EventSelect was called: then WSAEWOULDBLOCK, and FD_ADDRESS_LIST_CHANGE once. Others:
 *           WSAEOPNOTSUPP.
 * CloseSocket
 *           Never waits for a peer, never fails for want of anything. SOCK_STREAM: queued data
 *           leaves; a reset if received data was left unread. SOCK_SEQPACKET: abortive. Exactly one
 *           WPUCloseSocketHandle.
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

/* --- extension functions, by WSPIoctl(SIO_GET_EXTENSION_FUNCTION_POINTER) --- */

/* clang-format off */
#define SAN_WSAID_(n) \
	{0xc0b422f0 + (n), 0xf58c, 0x11d1, {0xad, 0x6c, 0x00, 0xc0, 0x4f, 0xa3, 0x4a, 0x2d}}
#define WSAID_REGISTERMEMORY	   SAN_WSAID_(5)
#define WSAID_DEREGISTERMEMORY	   SAN_WSAID_(6)
#define WSAID_REGISTERRDMAMEMORY   SAN_WSAID_(7)
#define WSAID_DEREGISTERRDMAMEMORY SAN_WSAID_(8)
#define WSAID_RDMAWRITE		   SAN_WSAID_(9)
#define WSAID_RDMAREAD		   SAN_WSAID_(10)
#define WSAID_MEMORYREGISTRATIONCACHECALLBACK \
	{0xe5da4af8, 0xd824, 0x48cd, {0xa7, 0x99, 0x63, 0x37, 0xa9, 0x8e, 0xd2, 0xaf}}
/* clang-format on */

/* Memory for this socket's operations. Registering the same range with the same rights again gives
 * the same handle, which is then to be given back as often. NULL: WSAENOTCONN, WSAEFAULT (nothing
 * is mapped there), WSAEINVAL (rights), WSAENOBUFS. */
typedef HANDLE (*LPFN_WSPREGISTERMEMORY)(SOCKET s, PVOID buf, DWORD len, DWORD flags, LPINT err);
/* WSAEINVAL: no handle of this socket, or an operation uses it. Closing gives back what is left. */
typedef int (*LPFN_WSPDEREGISTERMEMORY)(SOCKET s, HANDLE handle, LPINT err);
/* Memory the peer of this socket may read (MEM_READ), write (MEM_WRITE) or both; nobody else. The
 * descriptor (24 bytes, WSAEFAULT and the size in *desc_len if that is less) means something to the
 * peer only. WSAENOTCONN, WSAEFAULT, WSAEINVAL (rights), WSAENOBUFS. */
typedef int (*LPFN_WSPREGISTERRDMAMEMORY)(
    SOCKET s, PVOID buf, DWORD len, DWORD flags, LPVOID desc, LPDWORD desc_len, LPINT err);
/* When the last registration goes, and when the socket is closed, the peer reaches it no more
 * before the function returns. WSAEINVAL: not a descriptor of this socket. */
typedef int (*LPFN_WSPDEREGISTERRDMAMEMORY)(SOCKET s, LPVOID desc, DWORD desc_len, LPINT err);
/* From local memory to `offset` in the peer's, or the reverse. Overlapped only (WSAEINVAL), local
 * buffers by their handles. An overlapped send that is posted later arrives later, one posted
 * behind a read only when that is done; what was sent before arrives before. On SOCK_STREAM a send
 * without WSAOVERLAPPED waits for nothing that was posted. WSAEINVAL: not a descriptor, beyond its
 * end, a handle that is not this socket's, more than 16 buffers. WSAEFAULT: a buffer outside its
 * handle's range. WSAEMSGSIZE: longer than SO_MAX_RDMA_SIZE. WSAEOPNOTSUPP: flags, or a peer that
 * lets nobody read. Else as Send. Memory the peer has taken back ends the connection, as InfiniBand
 * has it. Closing a socket of either kind with RDMA that is not done resets the connection. */
typedef int (*LPFN_WSPRDMAWRITE)(SOCKET s, LPWSABUFEX bufs, DWORD count, LPVOID desc,
    DWORD desc_len, DWORD offset, LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED ov,
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid, LPINT err);
typedef int (*LPFN_WSPRDMAREAD)(SOCKET s, LPWSABUFEX bufs, DWORD count, LPVOID desc, DWORD desc_len,
    DWORD offset, LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED ov,
    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid, LPINT err);
/* Nothing stays registered behind the last deregistration, so there is nothing to drop: WSAEFAULT
 * if a registration lies there, else WSAEINVAL (was never cached). */
typedef int (*LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK)(PVOID addr, SIZE_T size, LPINT err);

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
typedef int (*LPWSPSTARTUPEX)(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info,
    LPWSPUPCALLTABLEEX upcalls, LPWSPPROC_TABLE procs);
__attribute__((visibility("default"))) int WSPStartupEx(WORD version, LPWSPDATA data,
    LPWSAPROTOCOL_INFOW info, LPWSPUPCALLTABLEEX upcalls, LPWSPPROC_TABLE procs);

#ifdef __cplusplus
}
#endif
#endif
