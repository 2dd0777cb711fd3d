/* SPDX-License-Identifier: BSD-3-Clause */
#include "ends.h"

#include <string.h>
#include <sys/mman.h>

#include "mem.h"
#include "op_pool.h"

LPFN_WSPREGISTERMEMORY reg;
LPFN_WSPDEREGISTERMEMORY dereg;
LPFN_WSPREGISTERRDMAMEMORY expose;
LPFN_WSPDEREGISTERRDMAMEMORY withdraw;
LPFN_WSPRDMAWRITE rdma_write;
LPFN_WSPRDMAREAD rdma_read;
LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK cache;

struct end a, b;

static void
find(GUID guid, void *to)
{
	DWORD bytes = 0;
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
		sizeof guid, to, sizeof(void *), &bytes, NULL, NULL, NULL, &err),
	    0);
	assert_int_equal(bytes, sizeof(void *));
}

static SOCKET
socket_of(int type)
{
	int err = 0;
	SOCKET s = rig_wsp.lpWSPSocket(AF_INET, type, 0, NULL, 0, WSA_FLAG_OVERLAPPED, &err);

	assert_true(s != INVALID_SOCKET);
	return s;
}

SOCKET
message_socket(void)
{
	return socket_of(SOCK_SEQPACKET);
}

static SOCKET
listener(int type, uint16_t port)
{
	struct sockaddr_storage at = rig_addr("10.77.0.1", port);
	SOCKET l = socket_of(type);
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPBind(l, (struct sockaddr *)&at, sizeof(struct sockaddr_in), &err), 0);
	assert_int_equal(rig_wsp.lpWSPListen(l, 4, &err), 0);
	return l;
}

SOCKET
message_listener(uint16_t port)
{
	return listener(SOCK_SEQPACKET, port);
}

static void
end_open(struct end *e, SOCKET s)
{
	int err = 0;

	e->s = s;
	e->arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	e->handle = reg(s, e->arena, ARENA, MEM_READWRITE, &err);
	assert_non_null(e->handle);
}

static void
end_close(struct end *e)
{
	if (e->s != INVALID_SOCKET)
		rig_close(e->s);
	e->s = INVALID_SOCKET;
	munmap(e->arena, ARENA);
}

static void
connect_ends(int type)
{
	SOCKET l = listener(type, RIG_PORT), s = socket_of(type);

	assert_int_equal(rig_connect(s, "10.77.0.1", RIG_PORT), 0);
	end_open(&a, s);
	end_open(&b, rig_accept(l));
	rig_close(l);
}

static int
setup(struct fake_options opt, int type)
{
	record_clear();
	opt.idle_yields = 20;
	rig_fake_start(opt);
	assert_int_equal(rig_start(), 0);
	find((GUID)WSAID_REGISTERMEMORY, &reg);
	find((GUID)WSAID_DEREGISTERMEMORY, &dereg);
	find((GUID)WSAID_REGISTERRDMAMEMORY, &expose);
	find((GUID)WSAID_DEREGISTERRDMAMEMORY, &withdraw);
	find((GUID)WSAID_RDMAWRITE, &rdma_write);
	find((GUID)WSAID_RDMAREAD, &rdma_read);
	find((GUID)WSAID_MEMORYREGISTRATIONCACHECALLBACK, &cache);
	connect_ends(type);
	return 0;
}

int
ends_setup_with(struct fake_options opt)
{
	return setup(opt, SOCK_SEQPACKET);
}

int
ends_setup_stream(void **state)
{
	return setup((struct fake_options){0}, SOCK_STREAM);
}

int
ends_setup(void **state)
{
	return ends_setup_with((struct fake_options){0});
}

int
ends_teardown(void **state)
{
	end_close(&a);
	end_close(&b);
	rig_end();
	assert_int_equal(op_pool_used(), 0);
	assert_int_equal(mem_count(), 0);
	rig_fake_stop();
	return 0;
}

int
post_send(const struct end *e, size_t at, size_t len, WSAOVERLAPPED *ov)
{
	WSABUF w = {len, (char *)e->arena + at};
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPSend(e->s, &w, 1, NULL, 0, ov, NULL, NULL, &err), SOCKET_ERROR);
	return err;
}

int
post_recv(const struct end *e, size_t at, size_t len, WSAOVERLAPPED *ov)
{
	WSABUF w = {len, (char *)e->arena + at};
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPRecv(e->s, &w, 1, NULL, NULL, ov, NULL, NULL, &err), SOCKET_ERROR);
	return err;
}

int
result(const struct end *e, WSAOVERLAPPED *ov, BOOL wait, DWORD *bytes)
{
	DWORD flags;
	int err = 0;

	if (rig_wsp.lpWSPGetOverlappedResult(e->s, ov, bytes, wait, &flags, &err))
		return 0;
	return err == WSA_IO_INCOMPLETE ? -1 : err;
}

void
fill(uint8_t *p, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245u + 12345u;
		p[i] = (uint8_t)(seed >> 16);
	}
}

int
post_rdma(bool write, const struct end *e, size_t at, size_t len, uint8_t desc[24], DWORD offset,
    WSAOVERLAPPED *ov)
{
	WSABUFEX w[2] = {{len / 2, (char *)e->arena + at, e->handle},
	    {len - len / 2, (char *)e->arena + at + len / 2, e->handle}};
	int err = 0;

	assert_int_equal((write ? rdma_write : rdma_read)(
			     e->s, w, 2, desc, 24, offset, NULL, 0, ov, NULL, NULL, &err),
	    SOCKET_ERROR);
	return err;
}

void
exposed(const struct end *e, size_t at, size_t len, DWORD rights, uint8_t desc[24])
{
	DWORD n = 24;
	int err = 0;

	assert_int_equal(expose(e->s, e->arena + at, (DWORD)len, rights, desc, &n, &err), 0);
	assert_int_equal(n, 24);
}
