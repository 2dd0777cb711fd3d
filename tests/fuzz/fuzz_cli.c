/* SPDX-License-Identifier: BSD-3-Clause */
/* One line of a command, in both formats, as somebody who may look and as somebody who may change:
 * a status and an answer, always. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "fake_daemon.h"

#define ANSWER_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(int condition)
{
	if (!condition)
		abort();
}

static void
line_run(struct cli *cli, struct daemon *d, const uint8_t *data, size_t size, unsigned mode)
{
	struct cli_out *out = cli_out_create((mode & 1) != 0 ? CLI_JSON : CLI_TEXT, ANSWER_MAX);
	struct daemon before;
	enum cli_status status;
	const char *text;
	size_t len;

	require(out != NULL);
	fake_daemon_init(d);
	before = *d;
	status = cli_run(cli, (const char *)data, size, (mode & 2) != 0, out);
	text = cli_out_finish(out, &len);
	require(status <= CLI_USAGE && (status == CLI_OK) == !cli_out_failed(out));
	require(len == 0 || text[len - 1] == '\n');
	require(memchr(text, '\0', len) == NULL);
	if (status == CLI_USAGE || (mode & 2) == 0)
		require(memcmp(&before, d, sizeof before) == 0);
	cli_out_destroy(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct daemon d;
	static struct cli *cli;

	if (cli == NULL)
		cli = cli_create(&d);
	require(cli != NULL);
	for (unsigned mode = 0; mode < 4; mode++)
		line_run(cli, &d, data, size, mode);
	return 0;
}
