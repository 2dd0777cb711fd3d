/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator may do to the running daemon. Each returns 0 or a negative enum san_err and
 * takes effect before it returns unless it says otherwise. Called by the control thread only. */
#ifndef SAND_CONTROL_DAEMON_H
#define SAND_CONTROL_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon;
struct san_config;

const struct san_config *daemon_config(const struct daemon *d);
const char *daemon_version(void);
/* "/run/sand": where the sockets and the pid file are. */
const char *daemon_runtime_dir(const struct daemon *d);

/* All counters show what happened from now on (they are remembered and subtracted, not written). */
int daemon_stats_clear(struct daemon *d);
/* 0 errors .. 4 debug. SAN_EINVAL outside. */
int daemon_log_level_set(struct daemon *d, uint32_t level);
uint32_t daemon_log_level(const struct daemon *d);
/* SAN_ENOENT: no such port. Starting a started port is no error. */
int daemon_port_start(struct daemon *d, uint16_t port);
int daemon_port_stop(struct daemon *d, uint16_t port);
/* `text` as in sand.conf. SAN_ENOENT, SAN_EINVAL, with a sentence in why. */
int daemon_port_address_set(
    struct daemon *d, uint16_t port, const char *text, char *why, size_t why_size);
/* Record every frame of every port into a pcapng file until capture_stop. SAN_EALREADY: one runs
 * already; SAN_EIO: the file cannot be written; SAN_ENOENT at stop: none runs. frames and dropped
 * count what was recorded and what the recorder was too slow for. */
/* `why` gets a sentence when it fails; 256 bytes are enough. */
int daemon_capture_start(struct daemon *d, const char *path, char *why, size_t why_size);
int daemon_capture_stop(struct daemon *d, uint64_t *frames, uint64_t *dropped);
/* Leave the loop, close everything in order, exit 0. Returns at once. */
void daemon_quit(struct daemon *d);

/* The CLI's listening socket and prompt live in the daemon's event loop: see loop.h. */
struct loop;
struct loop *daemon_loop(struct daemon *d);

#endif
