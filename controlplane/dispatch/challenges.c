/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers that ask limen itself who it is, for requests other than its own REGISTERs: answered with
 * their trunk's account. limen-controlplane, loop thread. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "controlplane/account/account.h"
#include "controlplane/auth/auth.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/dispatch/verdict.h"
#include "controlplane/policy/screen.h"

static int by_id(const void *left, const void *right)
{
	const struct account_id *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

int challenges_configure(struct dispatch *dispatch, const struct conf *conf)
{
	struct account_id *ids = calloc(conf->ntrunks + 1, sizeof(*ids));
	unsigned n = 0;

	if (!ids)
		return -ENOMEM;
	for (unsigned t = 0; t < conf->ntrunks; t++) {
		if (trunk_has_account(&conf->trunks[t]))
			ids[n++] = (struct account_id){screen_trunk_id(conf->trunks[t].name), t};
	}
	qsort(ids, n, sizeof(*ids), by_id);
	free(dispatch->account_ids);
	dispatch->account_ids = ids;
	dispatch->naccount_ids = n;
	return 0;
}

static const struct conf_trunk *find_trunk(const struct dispatch *dispatch, uint32_t id)
{
	const struct account_id wanted = {.id = id};
	const struct account_id *found = bsearch(&wanted, dispatch->account_ids,
						 dispatch->naccount_ids, sizeof(wanted), by_id);

	return found ? &dispatch->generation->conf->trunks[found->trunk] : NULL;
}

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
	struct account_challenge asked = {.trunk = find_trunk(dispatch, challenge->trunk),
					  .method = ipc_challenge_method(challenge),
					  .uri = ipc_challenge_uri(challenge),
					  .random = any_number()};
	struct sip_msg msg;

	if (!asked.trunk ||
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
