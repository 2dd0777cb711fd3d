/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (4 << 20) /* a burst of the peer's while we are not scheduled */
#define SLEEP_MAX_NS 100000000ull

static int
fail(const char *what, const char *interface)
{
	fprintf(stderr, "%s: %s: %s\n", interface, what, strerror(errno));
	return -1;
}

static int
pcap_open(struct nic *n, const char *path)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, figures, length, link;
	} header = {0xa1b2c3d4, 2, 4, 0, 0, 65535, 1};

	n->pcap = fopen(path, "wb");
	if (n->pcap == NULL)
		return fail("cannot write", path);
	fwrite(&header, sizeof header, 1, n->pcap);
	return 0;
}

static void
pcap_write(struct nic *n, const uint8_t *frame, uint32_t len)
{
	struct timespec t;
	uint32_t header[4];

	if (n->pcap == NULL)
		return;
	clock_gettime(CLOCK_REALTIME, &t);
	header[0] = (uint32_t)t.tv_sec;
	header[1] = (uint32_t)(t.tv_nsec / 1000);
	header[2] = header[3] = len;
	fwrite(header, sizeof header, 1, n->pcap);
	fwrite(frame, len, 1, n->pcap);
	fflush(n->pcap); /* whoever ends us abruptly wants to see why */
}

/* All frames, but not those we send ourselves. */
static int
socket_bind(int fd, int index)
{
	struct sockaddr_ll addr = {
	    .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
	struct packet_mreq all = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
	int yes = 1, bytes = BUFFER_BYTES;

	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	return 0;
}

int
nic_open(struct nic *n, const char *interface, const char *pcap)
{
	struct ifreq request = {0};
	uint64_t random = prng_u64(&n->prng);

	/* The interface may have an address of its own, with the kernel behind it. */
	memcpy(n->mac, &random, sizeof n->mac);
	n->mac[0] = (uint8_t)((n->mac[0] & 0xfc) | 0x02);
	n->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		return fail("no packet socket", interface);
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
	if (ioctl(n->fd, SIOCGIFMTU, &request) != 0)
		return fail("no MTU", interface);
	n->mtu = (uint32_t)request.ifr_mtu;
	if (socket_bind(n->fd, (int)if_nametoindex(interface)) != 0)
		return fail("cannot listen", interface);
	return pcap == NULL ? 0 : pcap_open(n, pcap);
}

void
nic_close(struct nic *n)
{
	if (n->pcap != NULL)
		fclose(n->pcap);
	close(n->fd);
}

static bool
is_lost(struct nic *n)
{
	if (n->loss_ppm == 0 || prng_below(&n->prng, 1000000) >= n->loss_ppm)
		return false;
	n->lost++;
	return true;
}

void
nic_send(struct nic *n, const uint8_t *frame, uint32_t len)
{
	struct pollfd room = {.fd = n->fd, .events = POLLOUT};

	pcap_write(n, frame, len);
	n->sent++;
	if (is_lost(n))
		return;
	/* A full device queue is backpressure; anything else is loss. */
	while (send(n->fd, frame, len, 0) < 0 && (errno == EAGAIN || errno == EINTR))
		poll(&room, 1, 1);
}

uint32_t
nic_receive(struct nic *n, uint8_t frame[SAN_FRAME_MAX])
{
	ssize_t len;

	do {
		len = recv(n->fd, frame, SAN_FRAME_MAX, 0);
		if (len <= 0)
			return 0;
		pcap_write(n, frame, (uint32_t)len);
		n->received++;
	} while (is_lost(n));
	return (uint32_t)len;
}

void
nic_wait(struct nic *n, struct san_time until)
{
	struct pollfd ready = {.fd = n->fd, .events = POLLIN};
	uint64_t ns = san_time_since(until, nic_now()).ns;
	struct timespec t;

	if (ns > SLEEP_MAX_NS)
		ns = SLEEP_MAX_NS;
	t = (struct timespec){.tv_nsec = (long)ns};
	ppoll(&ready, 1, &t, NULL);
}

struct san_time
nic_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct san_time){(uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec};
}
