/* SPDX-License-Identifier: BSD-3-Clause */
/* Output to a descriptor that may take it slowly, for a loop that must never wait: what is written
 * is kept until the descriptor takes it. The prompt and the control socket write through this. */
#ifndef SAND_CONTROL_CLI_STREAM_H
#define SAND_CONTROL_CLI_STREAM_H

#include <stdbool.h>
#include <stddef.h>

struct cli_stream {
	int fd; /* the owner's; non-blocking */
	char *bytes;
	size_t start, len, size; /* bytes[start .. start + len) wait */
	bool broken;		 /* an error or no memory: everything is dropped from now on */
};

void cli_stream_init(struct cli_stream *s, int fd);
void cli_stream_release(struct cli_stream *s);
void cli_stream_put(struct cli_stream *s, const void *bytes, size_t len);
/* Write what the descriptor takes now. True when nothing is left, also when the stream is broken.
 */
bool cli_stream_flush(struct cli_stream *s);

#endif
