/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways a connection can end, as a conversation between two ordinary socket programs: the client
 * asks for one by its number, and each side then does its half and looks at what it sees. Knows
 * nothing of Sand, threads or counts. */
#ifndef SAND_TESTS_SOAK_ENDING_H
#define SAND_TESTS_SOAK_ENDING_H

/* X(name, how often relative to the others, what happens). LEFT is for a client that keeps the
 * connection and leaves without a close. */
#define ENDING_LIST(X)                                                        \
	X(client_first, 6, "the client closes, the server sees the end")      \
	X(server_first, 6, "the server closes, the client sees the end")      \
	X(both, 3, "both close at once")                                      \
	X(half_close, 3, "the client shuts its half, then 1000 bytes answer") \
	X(reset, 3, "the client closes by linger 0, the server sees a reset") \
	X(server_reset, 3, "the server does, the client sees a reset")        \
	X(unread, 2, "the client closes with unread data: a reset, too")      \
	X(refused, 1, "nobody listens")                                       \
	X(left, 0, "the client's program ends with the connection open")

enum ending {
#define X(name, weight, text) ENDING_##name,
	ENDING_LIST(X)
#undef X
	    ENDING_COUNT
};

extern const char *const ending_names[ENDING_COUNT];

/* Both are given a connected socket and close it. NULL, or what was not as it should be. */
const char *ending_client(int fd, enum ending how);
/* `how` is what the client asked for; ENDING_COUNT if it did not get so far. */
const char *ending_server(int fd, enum ending *how);
/* Ask for ENDING_left and leave the socket open. */
const char *ending_hold(int fd);

#endif
