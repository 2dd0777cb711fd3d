/* SPDX-License-Identifier: BSD-3-Clause */
#include "ending.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_LEN 1000

const char *const ending_names[ENDING_COUNT] = {
#define X(name, weight, text) #name,
    ENDING_LIST(X)
#undef X
};

static bool
said(int fd, const void *data, size_t len)
{
	return send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool
heard(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

static bool
sees_end(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 0;
}

static bool
sees_reset(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) < 0 && errno == ECONNRESET;
}

static bool
linger_0(int fd)
{
	const struct linger l = {.l_onoff = 1, .l_linger = 0};

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l) == 0;
}

/* The answer has come, all of it, and stays where it is. */
static bool
unread_waits(int fd)
{
	char answer[ANSWER_LEN];

	return recv(fd, answer, sizeof answer, MSG_WAITALL | MSG_PEEK) > 0;
}

static const char *
client_half(int fd, enum ending how)
{
	uint8_t question = (uint8_t)how, echo;
	char answer[ANSWER_LEN];

	if (!said(fd, &question, 1) || !heard(fd, &echo, 1) || echo != question)
		return "the client's question was not answered";
	switch (how) {
	case ENDING_server_first:
		return sees_end(fd) ? NULL : "the client saw no end";
	case ENDING_half_close:
		if (shutdown(fd, SHUT_WR) != 0)
			return "the client could not shut its half";
		if (!heard(fd, answer, sizeof answer) || !sees_end(fd))
			return "the client did not get all behind its half-close";
		return NULL;
	case ENDING_reset:
		return linger_0(fd) ? NULL : "linger";
	case ENDING_server_reset:
		return sees_reset(fd) ? NULL : "the client saw no reset";
	case ENDING_unread:
		return unread_waits(fd) ? NULL : "nothing came that could stay unread";
	default:
		return NULL;
	}
}

const char *
ending_client(int fd, enum ending how)
{
	const char *wrong = client_half(fd, how);

	return close(fd) == 0 ? wrong : "the client's close failed";
}

const char *
ending_hold(int fd)
{
	return client_half(fd, ENDING_left);
}

static const char *
server_half(int fd, enum ending how)
{
	static const char answer[ANSWER_LEN];
	uint8_t echo = (uint8_t)how;

	if (!said(fd, &echo, 1))
		return "the server could not answer";
	switch (how) {
	case ENDING_client_first:
	case ENDING_left:
		return sees_end(fd) ? NULL : "the server saw no end";
	case ENDING_half_close:
		return sees_end(fd) && said(fd, answer, sizeof answer)
			   ? NULL
			   : "the server could not answer a half-close";
	case ENDING_reset:
		return sees_reset(fd) ? NULL : "the server saw no reset";
	case ENDING_server_reset:
		return linger_0(fd) ? NULL : "linger";
	case ENDING_unread:
		return said(fd, answer, sizeof answer) && sees_reset(fd)
			   ? NULL
			   : "the server saw no reset after unread data";
	default:
		return NULL;
	}
}

const char *
ending_server(int fd, enum ending *how)
{
	const char *wrong = "the server was not asked";
	uint8_t question;

	*how = ENDING_COUNT;
	if (heard(fd, &question, 1) && question < ENDING_COUNT) {
		*how = (enum ending)question;
		wrong = server_half(fd, *how);
	}
	return close(fd) == 0 ? wrong : "the server's close failed";
}
