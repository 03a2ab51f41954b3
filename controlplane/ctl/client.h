/* SPDX-License-Identifier: BSD-3-Clause */
/* One question to the control plane, and its answer, read whole. limenctl. */
#pragma once

#include "common/base/cursor.h"
#include "controlplane/admin/json_read.h"

#define ROW_NODES_MAX 2048u

/* One object of an answer. */
struct row {
	char *text; /* owned; the nodes' texts lie in it */
	struct json_node *nodes; /* owned; nodes[0] is the object */
};

struct answer {
	struct row *rows; /* owned */
	size_t nrows, room;
	char *error;   /* NULL: it went well */
	char *details; /* lines, or NULL */
};

/* Ask at the socket; `request` is a JSON object. 0, with the answer's own error perhaps; or -errno
 * with the reason in answer->error. The caller frees the answer in either case. */
int client_ask(const char *socket_path, struct span request, struct answer *answer);
void answer_free(struct answer *answer);
