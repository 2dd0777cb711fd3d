/* SPDX-License-Identifier: BSD-3-Clause */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK_BYTES 22u /* Ethernet, VLAN tag, FCS */

struct driver {
	const char *prefix;
	bool mtu_free, on_netdev;
	/* Further arguments for frames of `mtu`, each with a leading comma. */
	void (*complete)(const char *device, uint32_t mtu, char *out, size_t size);
};

static void
append_arg(const char *device, char *out, size_t size, const char *key, uint32_t value)
{
	char dummy[DEVICE_ARGS_MAX];
	size_t used = strlen(out);

	if (!device_arg(device, key, dummy, sizeof dummy))
		snprintf(out + used, size - used, ",%s=%u", key, value);
}

/* One memif buffer per frame: the ring's client decides, so both ends should say the same. */
static void
complete_memif(const char *device, uint32_t mtu, char *out, size_t size)
{
	uint32_t need = (mtu + LINK_BYTES + 127u) & ~127u;

	append_arg(device, out, size, "bsize", need < 2048 ? 2048 : need);
}

/* A frame of the packet socket's ring holds the kernel's header (66 bytes at most) and the frame.
 * It must not be much larger: the driver wants all of it to fit a buffer of the pool (FRAME_SLACK).
 * The driver takes the ring for one array, so blocks are whole multiples of frames, and of pages.
 * 512 frames each way. */
static void
complete_af_packet(const char *device, uint32_t mtu, char *out, size_t size)
{
	uint32_t frame = (mtu + LINK_BYTES + 66u + 127u) & ~127u;
	char given[16];

	if (device_arg(device, "framesz", given, sizeof given))
		frame = (uint32_t)strtoul(given, NULL, 10);
	append_arg(device, out, size, "qpairs", 1);
	append_arg(device, out, size, "framesz", frame);
	append_arg(device, out, size, "blocksz", frame * 32);
	append_arg(device, out, size, "framecnt", 512);
}

static const struct driver drivers[] = {
    {"net_memif", true, false, complete_memif},
    {"eth_memif", true, false, complete_memif},
    {"net_af_packet", true, true, complete_af_packet},
    {"eth_af_packet", true, true, complete_af_packet},
    {"net_af_xdp", false, true, NULL},
    {"net_null", true, false, NULL},
    {"eth_null", true, false, NULL},
    {"net_ring", true, false, NULL},
    {"eth_ring", true, false, NULL},
    {"net_pcap", true, false, NULL},
    {"eth_pcap", true, false, NULL},
};

static const struct driver *
driver_find(const char *device)
{
	for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
		if (strncmp(device, drivers[i].prefix, strlen(drivers[i].prefix)) == 0)
			return &drivers[i];
	}
	return NULL;
}

bool
device_name(const char *device, char name[DEVICE_NAME_MAX])
{
	size_t len = strcspn(device, ",");

	if (len == 0 || len >= DEVICE_NAME_MAX)
		return false;
	memcpy(name, device, len);
	name[len] = '\0';
	return true;
}

bool
device_arg(const char *device, const char *key, char *value, size_t size)
{
	size_t key_len = strlen(key);

	for (const char *p = strchr(device, ','); p; p = strchr(p, ',')) {
		p++;
		if (strncmp(p, key, key_len) == 0 && p[key_len] == '=') {
			size_t len = strcspn(p + key_len + 1, ",");

			if (len >= size)
				return false;
			memcpy(value, p + key_len + 1, len);
			value[len] = '\0';
			return true;
		}
	}
	return false;
}

bool
device_complete(const char *device, uint32_t mtu, char *out, size_t size)
{
	const struct driver *d = driver_find(device);
	char more[128] = "";
	int len;

	if (d && d->complete)
		d->complete(device, mtu, more, sizeof more);
	len = snprintf(out, size, "%s%s", device, more);
	return len >= 0 && (size_t)len < size;
}

bool
device_mtu_free(const char *device)
{
	const struct driver *d = driver_find(device);

	return d && d->mtu_free;
}

bool
device_on_netdev(const char *device)
{
	const struct driver *d = driver_find(device);

	return d && d->on_netdev;
}
