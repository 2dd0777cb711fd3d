/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket's protocol, which sandctl and the daemon share. UNIX stream socket; the client
 * sends a line, "text COMMAND" or "json COMMAND"; the daemon answers with a line "STATUS LENGTH"
 * and LENGTH bytes, as often as the client likes, one after the other. Depends on nothing. */
#ifndef SAND_CONTROL_CLI_PROTO_H
#define SAND_CONTROL_CLI_PROTO_H

#define CLI_LINE_MAX	 480 /* bytes of a command; cmdline's own buffer has 512 */
#define CLI_REQUEST_MAX	 (CLI_LINE_MAX + 6)
#define CLI_ANSWER_MAX	 (32u << 20)
#define CLI_HEADER_MAX	 32
#define CLI_SOCKET_NAME	 "ctl.sock"
#define CLI_CLIENTS_MAX	 16
#define CLI_IDLE_SECONDS 60 /* a client that neither asks nor reads is disconnected */

/* Also sandctl's exit status. X(name, value, meaning) */
#define CLI_STATUS_LIST(X)                                     \
	X(OK, 0, "The command was carried out.")               \
	X(FAILED, 1, "The command was understood and failed.") \
	X(USAGE, 2, "The command or an option is wrong.")      \
	X(NO_DAEMON, 3, "No daemon answers at the control socket.")

enum cli_status {
#define X(name, value, text) CLI_##name = value,
	CLI_STATUS_LIST(X)
#undef X
};

#endif
