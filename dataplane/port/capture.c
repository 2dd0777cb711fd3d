/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ring.h>

#include "dpdk_compat.h"
#include "port.h"
#include "port_priv.h"
#include "san_err.h"
#include "san_limits.h"

#define CAPTURE_SLOTS 4096u /* frames between two calls of port_capture_poll */
#define CAPTURE_BURST 64u

_Atomic bool capture_on;

static struct {
	struct rte_ring *ring;
	struct rte_mempool *pool;
	rte_pcapng_t *file;
	uint64_t frames;
	_Atomic uint64_t dropped;
} capture;

void
capture_copy(uint16_t ethdev, struct rte_mbuf *const *frames, uint16_t n, bool sent)
{
	enum rte_pcapng_direction direction =
	    sent ? RTE_PCAPNG_DIRECTION_OUT : RTE_PCAPNG_DIRECTION_IN;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *copy = compat_pcapng_copy(
		    ethdev, 0, frames[i], capture.pool, SAN_FRAME_MAX, direction);

		if (copy && rte_ring_mp_enqueue(capture.ring, copy) == 0)
			continue;
		rte_pktmbuf_free(copy);
		atomic_fetch_add_explicit(&capture.dropped, 1, memory_order_relaxed);
	}
}

/* Made once; freed with EAL. */
static int
buffers_create(void)
{
	if (!capture.pool)
		capture.pool = rte_pktmbuf_pool_create_by_ops("capture", CAPTURE_SLOTS - 1, 0, 0,
		    (uint16_t)rte_pcapng_mbuf_size(port_frame_room()), SOCKET_ID_ANY,
		    "ring_mt_rts");
	if (!capture.ring)
		capture.ring = rte_ring_create(
		    "capture", CAPTURE_SLOTS, SOCKET_ID_ANY, RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
	return capture.pool && capture.ring ? 0 : SAN_ENOMEM;
}

static int
file_open(const char *path, char *why, size_t why_size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0) {
		snprintf(why, why_size, "cannot write %s: %s", path, strerror(errno));
		return SAN_EIO;
	}
	capture.file = rte_pcapng_fdopen(fd, NULL, NULL, "sand", NULL);
	if (!capture.file) {
		snprintf(why, why_size, "cannot write %s: %s", path, rte_strerror(rte_errno));
		close(fd);
		return SAN_EIO;
	}
	return 0;
}

/* What a poll thread put into the ring after the last capture had stopped. */
static void
ring_flush(void)
{
	void *frame;

	while (rte_ring_sc_dequeue(capture.ring, &frame) == 0)
		rte_pktmbuf_free(frame);
}

int
port_capture_start(const char *path, char *why, size_t why_size)
{
	int err;

	if (capture.file) {
		snprintf(why, why_size, "a recording is already running: stop capture first");
		return SAN_EALREADY;
	}
	err = buffers_create();
	if (err) {
		snprintf(why, why_size, "not enough packet memory for a capture");
		return err;
	}
	err = file_open(path, why, why_size);
	if (err)
		return err;
	for (uint16_t p = 0; p < SAN_PORTS_MAX; p++) {
		if (ports[p].open)
			compat_pcapng_add_interface(capture.file, ports[p].ethdev, ports[p].name);
	}
	ring_flush();
	capture.frames = 0;
	atomic_store_explicit(&capture.dropped, 0, memory_order_relaxed);
	atomic_store_explicit(&capture_on, true, memory_order_release);
	return 0;
}

int
port_capture_poll(void)
{
	struct rte_mbuf *frames[CAPTURE_BURST];
	unsigned n;

	if (!capture.file)
		return 0;
	for (unsigned taken = 0; taken < CAPTURE_SLOTS; taken += n) {
		n = rte_ring_sc_dequeue_burst(capture.ring, (void **)frames, CAPTURE_BURST, NULL);
		if (n == 0)
			return 0;
		ssize_t written = rte_pcapng_write_packets(capture.file, frames, (uint16_t)n);

		rte_pktmbuf_free_bulk(frames, n);
		if (written < 0)
			return SAN_EIO;
		capture.frames += n;
	}
	return 0;
}

int
port_capture_stop(uint64_t *frames, uint64_t *dropped)
{
	int err;

	if (!capture.file)
		return SAN_ENOENT;
	atomic_store_explicit(&capture_on, false, memory_order_relaxed);
	err = port_capture_poll();
	rte_pcapng_close(capture.file);
	capture.file = NULL;
	*frames = capture.frames;
	*dropped = atomic_load_explicit(&capture.dropped, memory_order_relaxed);
	return err;
}

bool
port_capture_running(void)
{
	return capture.file != NULL;
}

void
port_capture_frames(uint16_t port, struct frame *const *frames, uint16_t n, bool sent)
{
	if (capture_wanted())
		capture_copy(ports[port].ethdev, (struct rte_mbuf *const *)frames, n, sent);
}
