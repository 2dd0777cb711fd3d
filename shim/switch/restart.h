/* SPDX-License-Identifier: BSD-3-Clause */
/* SA_RESTART for calls that the switch builds from poll(2), which the kernel never restarts by
 * itself. */
#ifndef SAND_SWITCH_RESTART_H
#define SAND_SWITCH_RESTART_H

#include <stdbool.h>

/* After EINTR: true if every handler the program has installed wants its calls restarted. With
 * handlers of both kinds the answer is false, because one cannot know which of them ran: EINTR is
 * the safe one. */
bool restart_wanted(void);

#endif
