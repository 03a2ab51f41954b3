/* SPDX-License-Identifier: BSD-3-Clause */
/* Part of the language of ipc_msg.h: a peer asks limen itself who it is (401, 407; RFC 3261 section
 * 22). The control plane has the accounts and their secrets, the workers have the requests. Both
 * processes, any thread. */
#pragma once

#include "common/base/span.h"

/* Which kinds of challenge an earlier sending of the same request has answered already. */
enum ipc_challenge_answered {
	IPC_ANSWERED_401 = 1 << 0,
	IPC_ANSWERED_407 = 1 << 1,
};
#define IPC_ANSWERED (IPC_ANSWERED_401 | IPC_ANSWERED_407)

/* A request of limen's to a side whose policy has IPC_POLICY_ACCOUNT was challenged. Answered by
 * CREDENTIALS, or not at all: then it has failed after a while. */
struct ipc_challenge {
	uint64_t id;
	uint32_t trunk;	     /* of the side: ipc_side_policy's */
	uint32_t answer_len; /* the response, whole */
	uint16_t method_len;
	uint16_t uri_len;    /* Request-URI, as it was sent */
	uint8_t answered;    /* enum ipc_challenge_answered */
	uint8_t pad[3];
	/* method, uri, answer */
};

struct ipc_credentials {
	uint64_t id;
	uint16_t headers_len; /* whole lines, each with CRLF; 0: there are none for it */
	uint16_t pad;
	uint32_t pad2;
	/* headers */
};

bool ipc_challenge_check(const struct ipc_challenge *challenge, uint32_t len);
bool ipc_credentials_check(const struct ipc_credentials *credentials, uint32_t len);

/* Parts of checked frames. */
struct span ipc_challenge_method(const struct ipc_challenge *challenge);
struct span ipc_challenge_uri(const struct ipc_challenge *challenge);
struct span ipc_challenge_answer(const struct ipc_challenge *challenge);
struct span ipc_credentials_headers(const struct ipc_credentials *credentials);
