/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers that ask limen itself who it is, for requests other than its own REGISTERs: answered with
 * their trunk's account. limen-controlplane, loop thread. */
#include <sys/random.h>

#include "controlplane/account/account.h"
#include "controlplane/auth/auth.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/dispatch/verdict.h"

/* Without a random number clients' nonces only come less spread. */
static uint64_t any_number(void)
{
	uint64_t number = 0;

	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number;
}

static void put_answer(struct dispatch *dispatch, const struct ipc_challenge *challenge,
		       struct cursor *lines)
{
	struct span answer = ipc_challenge_answer(challenge);
	struct account_challenge asked = {.trunk = trunk_ids_find(dispatch, challenge->trunk),
					  .method = ipc_challenge_method(challenge),
					  .uri = ipc_challenge_uri(challenge),
					  .random = any_number()};
	struct sip_msg msg;

	if (!asked.trunk || !trunk_has_account(asked.trunk) ||
	    sip_parse(&msg, answer.ptr, answer.len, SIP_DATAGRAM) != SIP_PARSE_OK ||
	    (msg.status != 401 && msg.status != 407))
		return;
	asked.answer = &msg;
	asked.again = challenge->answered &
		      (msg.status == 401 ? IPC_ANSWERED_401 : IPC_ANSWERED_407);
	if (!put_account_credentials(lines, dispatch->accounts, &asked,
				     auth_credentials(dispatch->auth)))
		lines->len = 0;
}

void dispatch_challenge(struct dispatch *dispatch, unsigned ring,
			const struct ipc_challenge *challenge)
{
	char text[IPC_HEADERS_MAX];
	struct cursor lines = cursor_on(text, sizeof(text));
	struct ipc_credentials head = {.id = challenge->id};
	struct span parts[2] = {span_of(&head, sizeof(head)), SPAN_NONE};

	put_answer(dispatch, challenge, &lines);
	parts[1] = cursor_span(&lines);
	head.headers_len = (uint16_t)parts[1].len;
	/* without room in the ring the request has failed after a while */
	if (cp_link_send(dispatch->link, ring, IPC_CREDENTIALS, parts, 2))
		dispatch->counters.verdicts_unsent++;
}
