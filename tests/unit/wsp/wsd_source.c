/* SPDX-License-Identifier: BSD-3-Clause */
/* A program as the WSD documentation has it written, but for its include line: compiled as C and as
 * C++ by installed.py. Runs without a daemon. */
#include <sand/wsp.h>

#include <sand/san.h>
#include <sand/upcall.h>
#include <string.h>

static WSPPROC_TABLE provider;
static LPFN_WSPREGISTERMEMORY WSPRegisterMemory;
static LPFN_WSPDEREGISTERMEMORY WSPDeregisterMemory;
static LPFN_WSPREGISTERRDMAMEMORY WSPRegisterRdmaMemory;
static LPFN_WSPDEREGISTERRDMAMEMORY WSPDeregisterRdmaMemory;
static LPFN_WSPRDMAWRITE WSPRdmaWrite;
static LPFN_WSPRDMAREAD WSPRdmaRead;
static LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK WSPMemoryRegistrationCacheCallback;

static int
extension(GUID guid, LPVOID out)
{
	DWORD bytes = 0;
	INT error = 0;

	return provider.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
		   sizeof guid, out, sizeof(LPVOID), &bytes, NULL, NULL, NULL, &error) == 0
		   ? ERROR_SUCCESS
		   : error;
}

static int
extensions(void)
{
	static const GUID guids[] = {WSAID_REGISTERMEMORY, WSAID_DEREGISTERMEMORY,
	    WSAID_REGISTERRDMAMEMORY, WSAID_DEREGISTERRDMAMEMORY, WSAID_RDMAWRITE, WSAID_RDMAREAD,
	    WSAID_MEMORYREGISTRATIONCACHECALLBACK};

	return extension(guids[0], &WSPRegisterMemory) | extension(guids[1], &WSPDeregisterMemory) |
	       extension(guids[2], &WSPRegisterRdmaMemory) |
	       extension(guids[3], &WSPDeregisterRdmaMemory) | extension(guids[4], &WSPRdmaWrite) |
	       extension(guids[5], &WSPRdmaRead) |
	       extension(guids[6], &WSPMemoryRegistrationCacheCallback);
}

static int CALLBACK
condition(LPWSABUF caller_id, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee_id,
    LPWSABUF callee_data, GROUP FAR *g, DWORD_PTR data)
{
	return caller_id->len >= sizeof(SOCKADDR_IN) ? CF_ACCEPT : CF_REJECT;
}

/* One message each way and one write into the peer's memory, as a switch would make them. */
static int
exchange(SOCKET s, char *memory, DWORD size, BYTE *remote, DWORD remote_size)
{
	HANDLE handle;
	WSABUF buffer;
	WSABUFEX source;
	WSAOVERLAPPED sent, received, written;
	BYTE descriptor[64];
	DWORD descriptor_size = sizeof descriptor, bytes = 0, flags = 0, max = 0;
	INT error = 0, max_size = sizeof max;

	memset(&sent, 0, sizeof sent);
	memset(&received, 0, sizeof received);
	memset(&written, 0, sizeof written);
	received.hEvent = (WSAEVENT)((ULONG_PTR)received.hEvent | 1);
	handle = WSPRegisterMemory(s, memory, size, MEM_READWRITE, &error);
	if (handle == NULL)
		return error;
	provider.lpWSPGetSockOpt(
	    s, SOL_SOCKET, SO_MAX_MSG_SIZE, (char FAR *)&max, &max_size, &error);
	buffer.buf = memory;
	buffer.len = size < max ? size : max;
	if (provider.lpWSPRecv(s, &buffer, 1, &bytes, &flags, &received, NULL, NULL, &error) ==
		SOCKET_ERROR &&
	    error != WSA_IO_PENDING)
		return error;
	if (provider.lpWSPSend(s, &buffer, 1, &bytes, 0, &sent, NULL, NULL, &error) != 0 &&
	    error != WSA_IO_PENDING)
		return error;
	source.buf = memory;
	source.len = size;
	source.handle = handle;
	WSPRdmaWrite(
	    s, &source, 1, remote, remote_size, 0, &bytes, 0, &written, NULL, NULL, &error);
	WSPRdmaRead(s, &source, 1, remote, remote_size, 0, &bytes, 0, &written, NULL, NULL, &error);
	while (!provider.lpWSPGetOverlappedResult(s, &received, &bytes, FALSE, &flags, &error))
		if (error != WSA_IO_INCOMPLETE)
			break;
	WSPRegisterRdmaMemory(s, memory, size, MEM_WRITE, descriptor, &descriptor_size, &error);
	WSPDeregisterRdmaMemory(s, descriptor, descriptor_size, &error);
	WSPMemoryRegistrationCacheCallback(memory, size, &error);
	return WSPDeregisterMemory(s, handle, &error);
}

static int
serve(void)
{
	SOCKADDR_IN address;
	WSANETWORKEVENTS events;
	WSAEVENT event;
	SOCKET listener, s;
	INT error = 0, length = sizeof address;
	char memory[4096];
	BYTE remote[24];

	memset(&address, 0, sizeof address);
	memset(remote, 0, sizeof remote);
	address.sin_family = AF_INET;
	event = san_default_upcalls()->lpWPUCreateEvent(&error);
	listener = provider.lpWSPSocket(
	    AF_INET, SOCK_SEQPACKET, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED, &error);
	if (listener == INVALID_SOCKET || event == WSA_INVALID_EVENT)
		return error;
	provider.lpWSPBind(listener, (SOCKADDR FAR *)&address, sizeof address, &error);
	provider.lpWSPEventSelect(listener, event, FD_ACCEPT, &error);
	provider.lpWSPListen(listener, 5, &error);
	provider.lpWSPEnumNetworkEvents(listener, event, &events, &error);
	if (!(events.lNetworkEvents & FD_ACCEPT) || events.iErrorCode[FD_ACCEPT_BIT] != 0)
		return provider.lpWSPCloseSocket(listener, &error);
	s = provider.lpWSPAccept(listener, (LPSOCKADDR)&address, &length, condition, 0, &error);
	if (s == INVALID_SOCKET)
		return error;
	return exchange(s, memory, sizeof memory, remote, sizeof remote);
}

int
main(void)
{
	WSPDATA data;
	WSAPROTOCOL_INFOW tcp;
	INT error = 0;
	int code;

	memset(&tcp, 0, sizeof tcp);
	code = WSPStartupEx(MAKEWORD(2, 2), &data, &tcp, san_default_upcalls(), &provider);
	if (code != ERROR_SUCCESS)
		return code == WSASYSNOTREADY ? 0 : 1; /* no daemon: as expected here */
	code = extensions() | serve();
	provider.lpWSPCleanup(&error);
	return code != 0;
}
