/* SPDX-License-Identifier: BSD-3-Clause */
/* REGISTER, again and again (RFC 3261 sections 10.2, 17.1.2). The loop's thread. */
#include "bench/load/users.h"

#include "bench/load/sip_out.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

int users_init(struct users *users, struct calls *calls, uint64_t now_ms)
{
	/* Another run with the same --session goes on where this one was: its CSeqs are higher. */
	uint32_t cseq = (uint32_t)time(NULL);

	users->calls = calls;
	users->n = calls->options->users;
	users->user = calloc(users->n + 1u, sizeof(*users->user));
	if (!users->user || timers_init(&users->timers, users->n, now_ms))
		return -ENOMEM;
	for (uint32_t i = 0; i < users->n; i++)
		users->user[i].cseq = cseq;
	return 0;
}

void users_fini(struct users *users)
{
	free(users->user);
	timers_fini(&users->timers);
}

static const struct path *path_of(const struct users *users, uint32_t index)
{
	return &users->calls->options->paths[index % users->calls->options->npaths];
}

static void send_register(struct users *users, uint32_t index)
{
	struct user *user = &users->user[index];
	const struct path *path = path_of(users, index);
	struct sip_out out = sip_out_begin(users->calls, path->to.family);

	timers_set(&users->timers, index, users->calls->now_ms + user->retry_ms);
	sip_put_register(users->calls, &out.text, path, index, user->cseq);
	(void)sip_out_send(users->calls, &out, path->local, &path->to);
}

static void ask(struct users *users, uint32_t index)
{
	struct user *user = &users->user[index];

	user->state = USER_ASKED;
	user->cseq++;
	user->retry_ms = CALL_T1_MS;
	user->asked_ms = users->calls->now_ms;
	user->asked_tsc = users->calls->now_tsc;
	users->waiting++;
	send_register(users, index);
}

bool users_register(struct users *users)
{
	const struct path *path = path_of(users, users->next);

	if (users->next == users->n || !hops_find(users->calls->hops, path->local, &path->to.addr, users->calls->now_ms))
		return false;
	ask(users, users->next++);
	return true;
}

void users_refresh(struct users *users)
{
	users->next = users->next + 1 < users->n ? users->next + 1 : 0;
	if (users->user[users->next].state == USER_REGISTERED)
		ask(users, users->next);
	else
		users->count.late++;
}

static void fail(struct users *users, struct user *user, uint64_t *counter)
{
	(*counter)++;
	users->count.failed++;
	users->waiting--;
	/* It is tried again when its turn comes, if it was registered: its binding is still there. */
	user->state = user->was_registered ? USER_REGISTERED : USER_FAILED;
}

void users_turn(struct users *users)
{
	uint32_t index;

	while ((index = timers_next(&users->timers, users->calls->now_ms)) != TIMERS_NONE) {
		struct user *user = &users->user[index];

		if (user->state != USER_ASKED)
			continue;
		if (users->calls->now_ms >= user->asked_ms + (uint64_t)(users->calls->options->give_up_s * 1000)) {
			fail(users, user, &users->count.timeout);
			continue;
		}
		user->retry_ms = (uint16_t)RTE_MIN(2u * user->retry_ms, CALL_T2_MS);
		users->count.retransmitted++;
		send_register(users, index);
	}
}

/* "u.index.session@": a Call-ID of ours. */
static bool find(const struct users *users, uint32_t *index)
{
	const struct sip_msg *msg = &users->calls->msg;
	struct span text = sip_span(msg, msg->call_id);
	const char *dot;
	uint64_t value;

	if (text.len < 3 || text.ptr[0] != 'u' || text.ptr[1] != '.')
		return false;
	text = span_of(text.ptr + 2, text.len - 2);
	dot = memchr(text.ptr, '.', text.len);
	if (!dot || sip_number_parse(span_of(text.ptr, (size_t)(dot - text.ptr)), UINT32_MAX, &value) || value >= users->n)
		return false;
	*index = (uint32_t)value;
	return true;
}

bool users_response(struct users *users)
{
	const struct sip_msg *msg = &users->calls->msg;
	struct user *user;
	uint32_t index;

	if (!find(users, &index))
		return false;
	user = &users->user[index];
	/* What an earlier REGISTER was answered once more is nobody's. */
	if (msg->status < 200 || user->state != USER_ASKED || msg->cseq != user->cseq)
		return true;
	timers_stop(&users->timers, index);
	if (msg->status >= 300) {
		users->count.status[msg->status < 700 ? msg->status : 699]++;
		fail(users, user, &users->count.refused);
		return true;
	}
	histogram_add(&users->latency[user->was_registered], users->calls->now_tsc - user->asked_tsc);
	users->waiting--;
	users->count.refreshed += user->was_registered;
	users->count.registered += !user->was_registered;
	user->was_registered = true;
	user->state = USER_REGISTERED;
	return true;
}
