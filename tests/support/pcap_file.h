/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads classic pcap files (microseconds, Ethernet, this host's byte order) for replaying captures
 * in tests. */
#ifndef SAND_TESTS_PCAP_FILE_H
#define SAND_TESTS_PCAP_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct pcap_file {
	FILE *f;
	uint8_t frame[65536];
	uint32_t len;
	uint64_t time_us;
};

/* False if the file cannot be opened or is not such a file. */
bool pcap_file_open(struct pcap_file *p, const char *path);
/* The next frame into p->frame; false at the end. */
bool pcap_file_next(struct pcap_file *p);
void pcap_file_close(struct pcap_file *p);

#endif
