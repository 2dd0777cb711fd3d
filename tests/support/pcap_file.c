/* SPDX-License-Identifier: BSD-3-Clause */
#include "pcap_file.h"

#include <string.h>

#define PCAP_MAGIC     0xa1b2c3d4u
#define LINKTYPE_ETHER 1u

bool
pcap_file_open(struct pcap_file *p, const char *path)
{
	uint32_t header[6];

	p->f = fopen(path, "rb");
	if (p->f == NULL)
		return false;
	if (fread(header, sizeof header, 1, p->f) == 1 && header[0] == PCAP_MAGIC &&
	    header[5] == LINKTYPE_ETHER)
		return true;
	fclose(p->f);
	return false;
}

bool
pcap_file_next(struct pcap_file *p)
{
	uint32_t record[4]; /* seconds, microseconds, captured, original length */

	if (fread(record, sizeof record, 1, p->f) != 1 || record[2] > sizeof p->frame)
		return false;
	p->time_us = record[0] * 1000000ull + record[1];
	p->len = record[2];
	return fread(p->frame, 1, p->len, p->f) == p->len;
}

void
pcap_file_close(struct pcap_file *p)
{
	fclose(p->f);
}
