/* SPDX-License-Identifier: BSD-3-Clause */
#include "hangup.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "san_limits.h"
#include "sys.h"

static struct {
	aio_context_t context; /* 0: none */
	struct iocb request[SAN_WAKES_MAX];
	bool pending[SAN_WAKES_MAX];
} hangup;

static bool
context_ready(void)
{
	return hangup.context != 0 ||
	       syscall(SYS_io_setup, 2 * SAN_WAKES_MAX, &hangup.context) == 0;
}

void
hangup_watch(uint32_t index, int conn, int event)
{
	struct iocb *rq = &hangup.request[index], *list[] = {rq};
	int saved = errno;

	if (context_ready()) {
		memset(rq, 0, sizeof *rq);
		rq->aio_lio_opcode = IOCB_CMD_POLL;
		rq->aio_fildes = (uint32_t)conn;
		rq->aio_buf = POLLRDHUP | POLLHUP | POLLERR;
		rq->aio_flags = IOCB_FLAG_RESFD;
		rq->aio_resfd = (uint32_t)event;
		hangup.pending[index] = syscall(SYS_io_submit, hangup.context, 1, list) == 1;
	}
	errno = saved;
}

/* Answers nobody reads would fill the context's ring. */
static void
answers_drop(void)
{
	static const struct timespec now;
	struct io_event events[SAN_WAKES_MAX];

	(void)syscall(SYS_io_getevents, hangup.context, 0, SAN_WAKES_MAX, events, &now);
}

void
hangup_unwatch(uint32_t index)
{
	struct io_event event;
	int saved = errno;

	if (hangup.context == 0 || !hangup.pending[index])
		return;
	hangup.pending[index] = false;
	(void)syscall(SYS_io_cancel, hangup.context, &hangup.request[index], &event);
	answers_drop();
	errno = saved;
}

void
hangup_end(void)
{
	int saved = errno;

	if (hangup.context != 0)
		(void)syscall(SYS_io_destroy, hangup.context);
	errno = saved;
	hangup_forked();
}

void
hangup_forked(void)
{
	hangup.context = 0;
	memset(hangup.pending, 0, sizeof hangup.pending);
}
