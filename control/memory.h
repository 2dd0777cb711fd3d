/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that peers may reach (MEM_ADD, MEM_DEL of proto.h): what a process may ask for. Who may be
 * reached and by which key is the poll thread's knowledge alone: a process has its answer when that
 * thread has acted, so after MEM_GONE nobody reaches the memory. */
#ifndef SAND_CONTROL_MEMORY_H
#define SAND_CONTROL_MEMORY_H

#include "proto.h"

struct attach;
struct daemon;
struct poll_event;

/* 0: the answer will come; else why it is refused. */
int memory_request(struct attach *a, const struct proto_msg *m);
/* The poll thread has answered: the process that asked, NULL if it is gone. */
struct attach *memory_asker(struct daemon *d, const struct poll_event *ev);

#endif
