/* SPDX-License-Identifier: BSD-3-Clause */
#include "rights.h"
#include "kern.h"
#include "offer.h"
#include "provider.h"

#include <string.h>

/* Calls with(arg, fd) for each descriptor in the message until one says false. */
static bool
each(const struct msghdr *msg, bool (*with)(void *arg, int fd), void *arg)
{
	if (msg == NULL || msg->msg_control == NULL || msg->msg_controllen < CMSG_LEN(0))
		return true;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(msg); part != NULL;
	     part = CMSG_NXTHDR((struct msghdr *)msg, part)) {
		size_t bytes = part->cmsg_len - CMSG_LEN(0);
		int fd;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof fd <= bytes; at += sizeof fd) {
			memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
			if (!with(arg, fd))
				return false;
		}
	}
	return true;
}

static bool
none(void *unused, int fd)
{
	return false;
}

static bool
add(void *offers, int fd)
{
	return offers_add(offers, fd);
}

static bool
claim(void *unused, int fd)
{
	sw_claim(fd);
	return true;
}

/* A program without any SAN socket has none to send. */
static bool
carries(const struct msghdr *msg)
{
	return provider_san != NULL && !each(msg, none, NULL);
}

ssize_t
rights_send(int fd, const struct msghdr *msg, int flags)
{
	struct offers offers;
	ssize_t sent = -EOPNOTSUPP;

	if (!carries(msg))
		return kern_result(kern()->sendmsg(fd, msg, flags));
	offers.count = 0;
	if (each(msg, add, &offers) && offers_make(&offers))
		sent = kern_result(kern()->sendmsg(fd, msg, flags));
	if (sent < 0)
		offers_withdraw(&offers);
	return sent;
}

int
rights_send_many(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	bool any = false;
	unsigned done;

	for (unsigned i = 0; i < count && !any; i++)
		any = carries(&msgs[i].msg_hdr);
	if (!any)
		return KERN(sendmmsg(fd, msgs, count, flags));
	for (done = 0; done < count; done++) {
		ssize_t sent = rights_send(fd, &msgs[done].msg_hdr, flags);

		if (sent < 0)
			return done > 0 ? (int)done : (int)sent;
		msgs[done].msg_len = (unsigned)sent;
	}
	return (int)done;
}

ssize_t
rights_receive(int fd, struct msghdr *msg, int flags)
{
	ssize_t got = kern_result(kern()->recvmsg(fd, msg, flags));

	if (got >= 0)
		(void)each(msg, claim, NULL);
	return got;
}

int
rights_receive_many(
    int fd, struct mmsghdr *msgs, unsigned count, int flags, struct timespec *timeout)
{
	int got = KERN(recvmmsg(fd, msgs, count, flags, timeout));

	for (int i = 0; i < got; i++)
		(void)each(&msgs[i].msg_hdr, claim, NULL);
	return got;
}
