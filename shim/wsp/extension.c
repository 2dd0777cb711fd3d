/* SPDX-License-Identifier: BSD-3-Clause */
#include "extension.h"

#include <string.h>

#include "mem.h"
#include "op.h"
#include "rdma.h"
#include "sock.h"
#include "table.h"

/* --- registered memory --- */

static HANDLE
register_memory(SOCKET s, PVOID buf, DWORD len, DWORD flags, LPINT err)
{
	HANDLE handle = NULL;

	if (prov_find(s, err) == NULL)
		return NULL;
	if (sock_phase(s) != SOCK_CONNECTED) {
		*err = WSAENOTCONN;
		return NULL;
	}
	/* Under the lock that closing takes: what is registered is forgotten with the socket. */
	prov_lock();
	*err = prov_is_open(s) ? mem_register(prov_slot(s), buf, len, flags, &handle) : WSAENOTSOCK;
	prov_unlock();
	return *err != 0 ? NULL : handle;
}

static int
deregister_memory(SOCKET s, HANDLE handle, LPINT err)
{
	int code;

	if (prov_find(s, err) == NULL)
		return SOCKET_ERROR;
	code = mem_deregister(prov_slot(s), handle);
	return code != 0 ? wsp_fail(err, code) : 0;
}

static int
register_rdma_memory(
    SOCKET s, PVOID buf, DWORD len, DWORD flags, LPVOID desc, LPDWORD desc_len, LPINT err)
{
	struct rdma_desc d;
	uint8_t bytes[RDMA_DESC_BYTES];
	int code;

	if (prov_find(s, err) == NULL)
		return SOCKET_ERROR;
	if (desc_len == NULL)
		return wsp_fail(err, WSAEFAULT);
	if (desc == NULL || *desc_len < sizeof bytes) {
		*desc_len = sizeof bytes;
		return wsp_fail(err, WSAEFAULT);
	}
	code = rdma_expose(s, buf, len, flags, &d);
	if (code != 0)
		return wsp_fail(err, code);
	rdma_desc_put(bytes, &d);
	memcpy(desc, bytes, sizeof bytes);
	*desc_len = sizeof bytes;
	return 0;
}

static int
deregister_rdma_memory(SOCKET s, LPVOID desc, DWORD desc_len, LPINT err)
{
	struct rdma_desc d;
	int code;

	if (prov_find(s, err) == NULL)
		return SOCKET_ERROR;
	code = rdma_desc_get(desc, desc_len, &d) ? rdma_withdraw(s, &d) : WSAEINVAL;
	return code != 0 ? wsp_fail(err, code) : 0;
}

static int
cache_callback(PVOID addr, SIZE_T size, LPINT err)
{
	return wsp_fail(
	    err, mem_overlaps(addr, size) || rdma_overlaps(addr, size) ? WSAEFAULT : WSAEINVAL);
}

/* --- RDMA --- */

/* What a call says, as op.c wants it. */
struct rdma_call {
	LPWSABUFEX bufs;
	DWORD count, desc_len, offset, flags;
	LPVOID desc;
	LPWSAOVERLAPPED ov;
};

/* 0, or a Winsock code. */
static int
rdma_check(SOCKET s, const struct rdma_call *c, struct rdma_desc *d, uint64_t *all)
{
	if (c->flags != 0)
		return WSAEOPNOTSUPP;
	if (c->bufs == NULL && c->count != 0)
		return WSAEFAULT;
	if (c->count > OP_BUFS || c->ov == NULL || !rdma_desc_get(c->desc, c->desc_len, d))
		return WSAEINVAL;
	*all = 0;
	for (DWORD i = 0; i < c->count; i++) {
		if (c->bufs[i].len != 0 && c->bufs[i].handle == NULL)
			return WSAEINVAL;
		*all += c->bufs[i].len;
		if (c->bufs[i].len > RDMA_MAX || *all > RDMA_MAX)
			return WSAEMSGSIZE;
	}
	return c->offset > d->len || *all > d->len - c->offset ? WSAEINVAL : 0;
}

static int
rdma_post(SOCKET s, enum op_kind kind, const struct rdma_call *c, LPINT err)
{
	struct op_ask ask = {.kind = kind, .count = c->count, .ov = c->ov};
	WSABUF bufs[OP_BUFS];
	HANDLE handles[OP_BUFS];
	struct rdma_desc d;
	uint64_t all;
	int code;

	if (prov_find(s, err) == NULL)
		return SOCKET_ERROR;
	code = rdma_check(s, c, &d, &all);
	if (code != 0)
		return wsp_fail(err, code);
	for (DWORD i = 0; i < c->count; i++) {
		bufs[i] = (WSABUF){c->bufs[i].len, c->bufs[i].buf};
		handles[i] = c->bufs[i].handle;
	}
	ask.bufs = bufs;
	ask.handles = handles;
	ask.va = d.va + c->offset;
	ask.key = d.key;
	code = op_post(s, &ask);
	return wsp_fail(err, code == 0 ? WSA_IO_PENDING : code);
}

static int
rdma_write(SOCKET s, LPWSABUFEX bufs, DWORD count, LPVOID desc, DWORD desc_len, DWORD offset,
    LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
    LPWSATHREADID tid, LPINT err)
{
	const struct rdma_call call = {bufs, count, desc_len, offset, flags, desc, ov};

	return rdma_post(s, OP_KIND_WRITE, &call, err);
}

static int
rdma_read(SOCKET s, LPWSABUFEX bufs, DWORD count, LPVOID desc, DWORD desc_len, DWORD offset,
    LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
    LPWSATHREADID tid, LPINT err)
{
	const struct rdma_call call = {bufs, count, desc_len, offset, flags, desc, ov};

	return rdma_post(s, OP_KIND_READ, &call, err);
}

/* --- by GUID --- */

/* Function pointers of every type pass through a void *, as WSPIoctl hands them out. */
union entry {
	LPFN_WSPREGISTERMEMORY reg;
	LPFN_WSPDEREGISTERMEMORY dereg;
	LPFN_WSPREGISTERRDMAMEMORY reg_rdma;
	LPFN_WSPDEREGISTERRDMAMEMORY dereg_rdma;
	LPFN_WSPRDMAWRITE write;
	LPFN_WSPRDMAREAD read;
	LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK cache;
	const struct san_linux_table *linux_table;
};

static const struct {
	GUID guid;
	union entry entry;
} extensions[] = {
    {WSAID_REGISTERMEMORY, {.reg = register_memory}},
    {WSAID_DEREGISTERMEMORY, {.dereg = deregister_memory}},
    {WSAID_REGISTERRDMAMEMORY, {.reg_rdma = register_rdma_memory}},
    {WSAID_DEREGISTERRDMAMEMORY, {.dereg_rdma = deregister_rdma_memory}},
    {WSAID_RDMAWRITE, {.write = rdma_write}},
    {WSAID_RDMAREAD, {.read = rdma_read}},
    {WSAID_MEMORYREGISTRATIONCACHECALLBACK, {.cache = cache_callback}},
    {SAN_GUID_LINUX, {.linux_table = &wsp_linux_table}},
};

int
extension_find(const void *guid, DWORD guid_len, void *out, DWORD out_len, LPDWORD bytes)
{
	if (guid == NULL || guid_len < sizeof(GUID) || out == NULL ||
	    out_len < sizeof(union entry) || bytes == NULL)
		return WSAEFAULT;
	for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
		if (memcmp(guid, &extensions[i].guid, sizeof(GUID)) != 0)
			continue;
		memcpy(out, &extensions[i].entry, sizeof(union entry));
		*bytes = sizeof(union entry);
		return 0;
	}
	return WSAEINVAL;
}
