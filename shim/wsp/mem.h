/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory registered for the operations of a socket of this process: ranges, how often each was
 * registered, and how many operations use it. The daemon never hears of it: whatever it moves lies
 * in the rings. Has a lock of its own, taken last. */
#ifndef SAND_WSP_MEM_H
#define SAND_WSP_MEM_H

#include "provider.h"

/* Ranges of this process, all sockets together. More: WSAENOBUFS. */
#define MEM_MAX 4096u

/* 0, WSAEINVAL (rights), WSAEFAULT (nothing is mapped there), WSAENOBUFS. */
int mem_register(uint32_t slot, const void *buf, size_t len, DWORD rights, HANDLE *handle);
/* 0, or WSAEINVAL: not a handle of this slot, or in use. */
int mem_deregister(uint32_t slot, HANDLE handle);

/* Hold, for an operation, the range that contains the buffer and has this right: the one of the
 * handle, or any of the slot's if it is NULL. 0 with its number in *use (0 is none); WSAEINVAL
 * (handle), WSAEFAULT. */
int mem_hold(uint32_t slot, HANDLE handle, const void *buf, size_t len, DWORD right, uint32_t *use);
void mem_drop(uint32_t use);

/* The socket is closed and no operation left: forget what it registered. */
void mem_slot_end(uint32_t slot);
/* True if a registration lies within these bytes. */
bool mem_overlaps(const void *addr, size_t len);
/* True if all of it is mapped, in whatever way. */
bool mem_mapped(const void *addr, size_t len);
/* Ranges registered. */
uint32_t mem_count(void);
/* In a forked child the parent's registrations do not exist. */
void mem_forked(void);

#endif
