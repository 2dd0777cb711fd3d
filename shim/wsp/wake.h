/* SPDX-License-Identifier: BSD-3-Clause */
/* Wake objects (struct san_wake of san.h): an eventfd of the daemon's that threads of this process
 * poll in the kernel, and a flag in shared memory that tells the daemon whether it is worth
 * writing. Arming is a level, not a count: who shares one between threads arms it again after each
 * wake-up. */
#ifndef SAND_WSP_WAKE_H
#define SAND_WSP_WAKE_H

#include "provider.h"

struct san_wake *wake_create(LPINT err);
void wake_destroy(struct san_wake *w);
int wake_fd(const struct san_wake *w);
void wake_arm(struct san_wake *w, int armed);
int wake_add(struct san_wake *w, SOCKET s, short events, LPINT err);
void wake_remove(struct san_wake *w, SOCKET s);

/* The same with prov.lock held; 0 or a Winsock code. */
int wake_create_locked(struct san_wake **out);
int wake_add_locked(struct san_wake *w, SOCKET s, short events);
/* Wake whoever sleeps on it. */
void wake_poke(struct san_wake *w);

/* Wake objects of this process with these indexes, if armed: something a thread of ours did
 * concerns them. */
void wake_fire_local(uint64_t mask);
/* The slot is being closed here. prov.lock held. */
void wake_forget(uint32_t slot, uint64_t mask);
/* We are a forked child, or detached: all existing wake objects are dead. prov.lock held. */
void wake_orphan_all(void);

#endif
