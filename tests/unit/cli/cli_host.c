/* SPDX-License-Identifier: BSD-3-Clause */
/* Control socket and prompt in a real loop around the fake daemon, for test_cli_server.py.
 *
 * usage: cli_host SOCKET [SOCKETS]     listen at SOCKET; show that many sockets
 *        cli_host -i [SOCKETS]         prompt on standard input and output */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "cli_prompt.h"
#include "cli_server.h"
#include "fake_daemon.h"
#include "loop.h"

int
main(int argc, char **argv)
{
	struct daemon d;
	struct cli *cli = cli_create(&d);
	struct loop *loop = loop_create(CLI_SERVER_TIMERS);
	struct cli_server *server = NULL;
	struct cli_prompt *prompt = NULL;
	int ret;

	if (argc < 2 || cli == NULL || loop == NULL)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	fake_daemon_init(&d);
	if (argc > 2)
		d.sockets = (uint32_t)strtoul(argv[2], NULL, 10);
	if (strcmp(argv[1], "-i") == 0)
		ret = cli_prompt_create(cli, &d, loop, STDIN_FILENO, STDOUT_FILENO, &prompt);
	else
		ret = cli_server_create(cli, loop, argv[1], 0666, &server);
	if (ret < 0) {
		perror(argv[1]);
		return 1;
	}
	while (!d.quit)
		loop_step(loop, SAN_TIME_NEVER);
	cli_prompt_destroy(prompt);
	cli_server_destroy(server);
	loop_destroy(loop);
	cli_destroy(cli);
	return 0;
}
