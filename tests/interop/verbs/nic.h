/* SPDX-License-Identifier: BSD-3-Clause */
/* One Ethernet port through a packet socket: frames out, frames in, the clock. What it loses, it
 * loses on purpose. Knows nothing of what is in a frame. */
#ifndef SAND_INTEROP_NIC_H
#define SAND_INTEROP_NIC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "prng.h"
#include "san_limits.h"
#include "san_time.h"

struct nic {
	int fd;
	uint8_t mac[6]; /* ours, not the interface's */
	uint32_t mtu;
	uint32_t loss_ppm; /* each way */
	struct prng prng;
	FILE *pcap; /* NULL = none; frames lost are in it too */
	uint64_t sent, received, lost;
};

/* 0 or -1, and a sentence on stderr. */
int nic_open(struct nic *n, const char *interface, const char *pcap);
void nic_close(struct nic *n);
void nic_send(struct nic *n, const uint8_t *frame, uint32_t len);
/* Length of the next frame that arrived, 0 = none. */
uint32_t nic_receive(struct nic *n, uint8_t frame[SAN_FRAME_MAX]);
/* Sleep until a frame arrives or the time has come. */
void nic_wait(struct nic *n, struct san_time until);
struct san_time nic_now(void);

#endif
