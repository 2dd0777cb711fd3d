/* SPDX-License-Identifier: BSD-3-Clause */
#include "provider.h"
#include "sw_log.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#define RETRY_S 2 /* a daemon that was not there may come */

const struct san_linux_table *provider_san;
const WSPPROC_TABLE *provider_wsp;

/* Handles exist so that the provider can name a socket in an upcall. The POSIX switch posts no
 * overlapped operation and therefore gets no other upcall than the last one; a running number is
 * all it needs. */
static _Atomic SOCKET next_handle = 1;

static SOCKET
handle_create(DWORD catalog, DWORD_PTR context, LPINT err)
{
	*err = 0;
	return atomic_fetch_add_explicit(&next_handle, 1, memory_order_relaxed);
}

static int
handle_close(SOCKET handle, LPINT err)
{
	*err = 0;
	return 0;
}

static int
handle_context(SOCKET handle, PULONG_PTR context, LPINT err)
{
	*context = 0;
	*err = 0;
	return 0;
}

static int
overlapped_complete(SOCKET handle, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	*err = WSAEINVAL;
	return SOCKET_ERROR;
}

static WSPUPCALLTABLEEX upcalls = {
    .lpWPUCreateSocketHandle = handle_create,
    .lpWPUCloseSocketHandle = handle_close,
    .lpWPUQuerySocketHandleContext = handle_context,
    .lpWPUCompleteOverlappedRequest = overlapped_complete,
};

static int
linux_table_fetch(struct provider *p)
{
	GUID guid = SAN_GUID_LINUX;
	DWORD bytes = 0;
	int err = 0;

	if (p->wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
		sizeof guid, &p->san, sizeof p->san, &bytes, NULL, NULL, NULL,
		&err) == SOCKET_ERROR)
		return err;
	if (p->san->version != SAN_LINUX_VERSION || p->san->size < sizeof *p->san)
		return WSAVERNOTSUPPORTED;
	return 0;
}

const struct provider *
provider_start(void)
{
	static struct provider provider;
	static time_t next_try;
	time_t now = time(NULL);
	WSPDATA data;
	int err;

	if (provider_san != NULL)
		return &provider;
	if (now < next_try)
		return NULL;
	next_try = now + RETRY_S;
	err = WSPStartupEx(MAKEWORD(2, 2), &data, NULL, &upcalls, &provider.wsp);
	if (err == 0)
		err = linux_table_fetch(&provider);
	if (err != 0) {
		sw_log("no SAN (error %d): kernel TCP is used", err);
		return NULL;
	}
	provider_wsp = &provider.wsp;
	provider_san = provider.san;
	return &provider;
}
