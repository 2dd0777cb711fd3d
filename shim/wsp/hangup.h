/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the kernel write a wake object's eventfd when the connection to the daemon hangs up: who
 * sleeps in the kernel on that eventfd alone learns of the daemon's death without a thread and
 * without waking up in between. Uses the kernel's asynchronous poll (io_submit, IOCB_CMD_POLL).
 * Where that is missing, death is noticed at the next sanWakeArm. prov.lock held by all callers. */
#ifndef SAND_WSP_HANGUP_H
#define SAND_WSP_HANGUP_H

#include <stdint.h>

/* Watch `conn` for the wake object `index`, whose eventfd is `event`. */
void hangup_watch(uint32_t index, int conn, int event);
void hangup_unwatch(uint32_t index);
/* Forget everything: detached, or (forked) because the parent's requests do not exist here. */
void hangup_end(void);
void hangup_forked(void);

#endif
