/* SPDX-License-Identifier: BSD-3-Clause */
#include "rights.h"
#include "fdtab.h"
#include "sw_log.h"

#include <string.h>

static bool
part_carries_san(const struct cmsghdr *part)
{
	size_t bytes = part->cmsg_len - CMSG_LEN(0);
	int fd;

	for (size_t at = 0; at + sizeof fd <= bytes; at += sizeof fd) {
		memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
		if (fdtab_stream(fd).file == NULL)
			continue;
		sw_log("fd %d: a SAN socket cannot be passed to another process", fd);
		return true;
	}
	return false;
}

bool
rights_carry_san(const struct msghdr *msg)
{
	if (msg == NULL || msg->msg_control == NULL || msg->msg_controllen < CMSG_LEN(0))
		return false;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(msg); part != NULL;
	     part = CMSG_NXTHDR((struct msghdr *)msg, part))
		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS &&
		    part_carries_san(part))
			return true;
	return false;
}
