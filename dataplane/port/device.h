/* SPDX-License-Identifier: BSD-3-Clause */
/* What we know about single drivers: which arguments make whole frames of a given MTU fit one of
 * their buffers, and whether their MTU limit is to be believed. Text and numbers only, no devices.
 */
#ifndef SAND_PORT_DEVICE_H
#define SAND_PORT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_NAME_MAX 64
#define DEVICE_ARGS_MAX 512

/* "net_memif0" of "net_memif0,role=client"; false if empty or too long. */
bool device_name(const char *device, char name[DEVICE_NAME_MAX]);
/* The value of argument `key`; false if it is not there or does not fit. */
bool device_arg(const char *device, const char *key, char *value, size_t size);
/* `device` with what the driver needs for frames of `mtu` added, unless the argument is there
 * already. False if the result does not fit `size`. */
bool device_complete(const char *device, uint32_t mtu, char *out, size_t size);
/* True for drivers whose frames may be larger than the MTU limit they report: software drivers
 * that have no MTU, given arguments from device_complete. */
bool device_mtu_free(const char *device);
/* True if the device sits on a kernel interface (argument "iface") whose MTU counts. */
bool device_on_netdev(const char *device);

#endif
