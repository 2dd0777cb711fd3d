/* SPDX-License-Identifier: BSD-3-Clause */
#include "address.h"

#include <string.h>

#include "net.h"
#include "op.h"
#include "ready.h"
#include "sock.h"

/* A waiting thread also looks by itself: a slot that never had a command is not known to the
 * daemon, and nobody wakes its futex. */
#define WAIT_SLICE_MS 10u

static void
entry_fill(SOCKET_ADDRESS *entry, uint8_t *at, const struct shm_local *l)
{
	socklen_t len = sizeof(struct sockaddr_in6);
	struct shm_addr a = {.family = (uint16_t)l->family};

	memcpy(a.ip, l->ip, sizeof a.ip);
	sock_addr_out(&a, a.family, (struct sockaddr *)(void *)at, &len);
	*entry = (SOCKET_ADDRESS){at, (int)len};
}

/* SOCKET_ADDRESS_LIST, then the addresses it points to. */
int
address_list(void *out, DWORD out_len, LPDWORD bytes)
{
	size_t head = sizeof(int) > sizeof(void *) ? sizeof(int) : sizeof(void *), size;
	SOCKET_ADDRESS_LIST *list = out;
	uint32_t count = 0, n = 0;
	struct shm_net net;
	uint8_t *at;

	if (bytes == NULL)
		return WSAEFAULT;
	(void)shm_net_read(prov.map.region, &net);
	for (uint32_t i = 0; i < net.local_count; i++)
		count += net.locals[i].started != 0;
	size = head + count * (sizeof(SOCKET_ADDRESS) + sizeof(struct sockaddr_in6));
	*bytes = (DWORD)size;
	if (out == NULL || out_len < size)
		return WSAEFAULT;
	list->iAddressCount = (int)count;
	at = (uint8_t *)out + head + count * sizeof(SOCKET_ADDRESS);
	for (uint32_t i = 0; i < net.local_count; i++) {
		if (net.locals[i].started == 0)
			continue;
		entry_fill(&list->Address[n++], at, &net.locals[i]);
		at += sizeof(struct sockaddr_in6);
	}
	return 0;
}

uint32_t
address_generation(void)
{
	/* An odd one is that of a change under way: it will be another when that is complete. */
	return shm_net_generation(prov.map.region);
}

bool
address_news(uint32_t since, int *error)
{
	bool gone = prov_gone() ||
		    atomic_load_explicit(&prov.map.region->daemon_gone, memory_order_relaxed) != 0;

	*error = gone ? WSAENETDOWN : 0;
	return gone || shm_net_generation(prov.map.region) != since;
}

/* Of a blocking socket. */
static int
wait_for_news(SOCKET s)
{
	uint32_t since = address_generation();
	int error;

	while (!address_news(since, &error)) {
		ready_nap(s, ready_arm(s), WAIT_SLICE_MS);
		if (!prov_is_open(s))
			return WSAENOTSOCK;
		(void)prov_check_alive();
	}
	return error;
}

int
address_change(SOCKET s, LPWSAOVERLAPPED ov)
{
	const struct op_ask ask = {.kind = OP_KIND_NEWS, .ov = ov};
	struct wsp_sock *ws = &prov.socks[prov_slot(s)];
	int err;

	if (ov != NULL) {
		err = op_post(s, &ask);
		return err == 0 ? WSA_IO_PENDING : err;
	}
	prov_lock();
	if (!prov_is_open(s)) {
		err = WSAENOTSOCK;
	} else if (ws->nonblocking) {
		ws->news_asked = true;
		ws->news_generation = address_generation();
		ws->event_told &= ~FD_ADDRESS_LIST_CHANGE;
		err = WSAEWOULDBLOCK;
	} else {
		err = 0;
	}
	prov_unlock();
	return err == 0 ? wait_for_news(s) : err;
}
