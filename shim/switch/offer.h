/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets that another program shall have, too, because the kernel hands on their descriptors: by
 * exec, posix_spawn, or in a message (SCM_RIGHTS). What arrives there is the kernel's half; its
 * cookie (SO_COOKIE) is the key by which the switch over there asks for the SAN's. Owns neither
 * side, only the meeting. */
#ifndef SAND_SWITCH_OFFER_H
#define SAND_SWITCH_OFFER_H

#include <sand/san.h>
#include <stdbool.h>

#define OFFERS_MAX 256 /* the kernel passes 253 descriptors in one message */

struct offers {
	int count;
	struct san_offer list[OFFERS_MAX];
};

/* Adds the socket under fd, if it has a SAN side. False: it has one, but that cannot go: not
 * connected yet, or one too many. */
bool offers_add(struct offers *o, int fd);
/* True: all of them are on offer. For those that are not the reason is logged. */
bool offers_make(struct offers *o);
void offers_withdraw(const struct offers *o);

/* fd came from another process: now the switch's, too, if it has a SAN side there or here. */
void sw_claim(int fd);

#endif
