/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections that are not made: because nobody listens at the peer, and because we do not want
 * one. */
#include <stdio.h>

#include "command.h"
#include "san_err.h"

bool
refused_run(struct net *n, const struct command_options *o)
{
	struct ep e;
	int err;
	bool good;

	if (!o->client) {
		fprintf(stderr, "refused: needs a peer\n");
		return false;
	}
	err = ep_call(&e, n, &o->peer, o->port, 1, 0);
	good = err == SAN_ECONNREFUSED && e.reason == CM_REJ_INVALID_SERVICE_ID;
	printf("refused: %s: %s (reason %u)\n", good ? "passed" : "FAILED",
	    err == 0 ? "somebody answered" : ep_reason(&e), e.reason);
	if (err == 0)
		ep_confirm(&e);
	ep_close(&e);
	return good;
}

bool
reject_run(struct net *n, const struct command_options *o)
{
	static const char why[] = "not today";
	struct cm_event ask;
	bool good;

	n->listen_port = o->port;
	good = net_request_take(n, &ask, net_patience(n));
	if (good)
		good = cm_reject(n->cm, ask.id, CM_REJ_CONSUMER, why, sizeof why, nic_now()) == 0;
	else
		fprintf(stderr, "nobody called\n");
	printf("reject: %s\n", good ? "passed" : "FAILED");
	return good;
}
