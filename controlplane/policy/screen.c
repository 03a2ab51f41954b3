/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of sources and limits, from a config. limen-controlplane, any thread. */
#include "controlplane/policy/screen.h"

#include <stddef.h>
#include <stdlib.h>

#include "common/base/cursor.h"

#define PREFIX_LEN_MAX 63u

_Static_assert(CONF_SOURCES_MAX <= IPC_SOURCES_TABLE_MAX, "workers have room for all");
_Static_assert(CONF_AGENTS_BYTES_MAX <= IPC_AGENTS_MAX, "workers have room for all");
_Static_assert((int)CONF_LEARN_NOBODY == IPC_LEARN_NOBODY &&
		       (int)CONF_LEARN_UNKNOWN == IPC_LEARN_UNKNOWN &&
		       (int)CONF_LEARN_KNOWN == IPC_LEARN_KNOWN,
	       "the config's words are the dataplane's");

/* ---- sources ---- */

static struct ipc_source source_of(const struct net_prefix *prefix, unsigned realm, unsigned class,
				   uint32_t trunk)
{
	struct ipc_source source = {.family = prefix->family,
				    .bits = prefix->bits,
				    .realm = (uint8_t)realm,
				    .class = (uint8_t)class,
				    .trunk = trunk};

	memcpy(source.addr.ip, prefix->addr.ip, prefix->bits / 8);
	if (prefix->bits % 8)
		source.addr.ip[prefix->bits / 8] =
			prefix->addr.ip[prefix->bits / 8] & (uint8_t)(0xff00u >> prefix->bits % 8);
	return source;
}

static unsigned class_of(const struct conf_trunk *trunk)
{
	switch (trunk->source_class) {
	case CONF_CLASS_TRUSTED:
		return IPC_CLASS_TRUSTED;
	case CONF_CLASS_KNOWN:
		return IPC_CLASS_KNOWN;
	case CONF_CLASS_UNKNOWN:
		return IPC_CLASS_UNKNOWN;
	default:
		return trunk->trusted ? IPC_CLASS_TRUSTED : IPC_CLASS_KNOWN;
	}
}

static int by_prefix(const void *left, const void *right)
{
	return memcmp(left, right, offsetof(struct ipc_source, class));
}

/* A peer that is no source needs no place: limen sends to it, which makes it known. */
static void add_sources(struct screen *screen, const struct conf *conf)
{
	uint32_t n = 0, kept = 0;

	for (unsigned t = 0; t < conf->ntrunks; t++) {
		const struct conf_trunk *trunk = &conf->trunks[t];

		for (unsigned i = 0; i < trunk->nsources; i++)
			screen->sources[n++] =
				source_of(&trunk->sources[i], trunk->realm, class_of(trunk),
					  screen_trunk_id(trunk->name));
	}
	for (unsigned i = 0; i < conf->screening.nblocked; i++)
		screen->sources[n++] = source_of(&conf->screening.blocked[i], IPC_REALM_ANY,
						 IPC_CLASS_BLOCKED, 0);
	/* the count is checked: none may be told twice */
	if (n)
		qsort(screen->sources, n, sizeof(*screen->sources), by_prefix);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || memcmp(&screen->sources[kept - 1], &screen->sources[i],
				     offsetof(struct ipc_source, class)) != 0)
			screen->sources[kept++] = screen->sources[i];
	screen->head.nsources = kept;
}

/* ---- trunks ---- */

static void add_trunks(struct screen *screen, const struct conf *conf)
{
	for (unsigned t = 0; t < conf->ntrunks; t++) {
		const struct conf_limits *l = &conf->trunks[t].limits;
		struct ipc_trunk *trunk = &screen->trunks[screen->head.ntrunks++];

		*trunk = (struct ipc_trunk){
			.id = screen_trunk_id(conf->trunks[t].name),
			.limits =
				{
					.calls_max = l->calls_max,
					.calls_in_max = l->calls_in_max,
					.calls_out_max = l->calls_out_max,
					.calls_in_per_s = l->calls_in_per_s,
					.calls_out_per_s = l->calls_out_per_s,
					.messages_per_s = l->messages_per_s,
					.registrations_per_s = l->registrations_per_s,
					.burst_ms = l->rate_burst_ms,
					.subscriptions_max = l->subscriptions_max,
					.user_calls_max = l->user_calls_max,
					.user_calls_per_s = l->user_calls_per_s,
				},
		};
		strncpy(trunk->name, conf->trunks[t].name, sizeof(trunk->name) - 1);
	}
}

/* ---- numbers ---- */

static uint32_t slot_of(const struct screen_numbers *numbers, struct span text)
{
	uint32_t at = (uint32_t)hash_fast(0, text);

	for (at &= numbers->mask; numbers->slots[at]; at = (at + 1) & numbers->mask)
		if (span_eq(span_str(numbers->slots[at]), text))
			break;
	return at;
}

static bool index_numbers(struct screen_numbers *numbers, char *const *texts, unsigned n)
{
	numbers->mask = 1;
	while (numbers->mask < n * 2)
		numbers->mask = numbers->mask * 2 + 1;
	numbers->slots = calloc((size_t)numbers->mask + 1, sizeof(*numbers->slots));
	for (unsigned i = 0; numbers->slots && i < n; i++) {
		struct span text = span_str(texts[i]);

		numbers->slots[slot_of(numbers, text)] = texts[i];
		numbers->lengths |= UINT64_C(1) << text.len;
	}
	return numbers->slots != NULL;
}

const char *screen_find(const struct screen_numbers *numbers, struct span user)
{
	size_t longest = user.len < PREFIX_LEN_MAX ? user.len : PREFIX_LEN_MAX;

	for (size_t len = 1; len <= longest; len++) {
		const char *found;

		if (!(numbers->lengths >> len & 1))
			continue;
		found = numbers->slots[slot_of(numbers, span_of(user.ptr, len))];
		if (found)
			return found;
	}
	return NULL;
}

/* ---- the whole ---- */

static void fill_head(struct screen *screen, const struct conf *conf)
{
	static uint32_t generations; /* told apart by a worker */
	const struct conf_screening *s = &conf->screening;
	struct cursor agents = cursor_on(screen->agents, sizeof(screen->agents));

	for (unsigned i = 0; i < s->nagents; i++) {
		if (i)
			put_char(&agents, '\n');
		put_span(&agents, span_str(s->agents[i]));
	}
	screen->head = (struct ipc_screen){
		.generation = ++generations,
		.classes =
			{
				[IPC_CLASS_UNKNOWN] = {s->unknown_packets_per_s,
						       s->unknown_requests_per_s},
				[IPC_CLASS_KNOWN] = {s->known_packets_per_s,
						     s->known_requests_per_s},
				[IPC_CLASS_TRUSTED] = {s->trusted_packets_per_s,
						       s->trusted_requests_per_s},
			},
		.unknown_pkts_per_s = s->unknown_total_packets_per_s,
		.burst_ms = s->burst_ms,
		.window_s = s->window_s,
		.auth_failures_max = (uint16_t)s->auth_failures_max,
		.users_max = (uint16_t)s->refused_users_max,
		.refused_max = (uint16_t)s->refused_max,
		.malformed_max = (uint16_t)s->malformed_max,
		.options_max = (uint16_t)s->options_max,
		.agents_len = (uint16_t)agents.len,
		.learn = s->learn,
		.emergency_unknown = conf->emergency.of_unknown,
		.emergency_limits = !conf->emergency.over_limits,
	};
}

struct screen *screen_new(const struct conf *conf)
{
	struct screen *screen = calloc(1, sizeof(*screen));
	size_t nsources = conf->screening.nblocked + 1;

	if (!screen)
		return NULL;
	screen->conf = conf;
	for (unsigned t = 0; t < conf->ntrunks; t++)
		nsources += conf->trunks[t].nsources;
	screen->sources = calloc(nsources, sizeof(*screen->sources));
	screen->trunks = calloc(conf->ntrunks + 1, sizeof(*screen->trunks));
	if (!screen->sources || !screen->trunks ||
	    !index_numbers(&screen->called, conf->screening.called, conf->screening.ncalled) ||
	    !index_numbers(&screen->calling, conf->screening.calling, conf->screening.ncalling)) {
		screen_free(screen);
		return NULL;
	}
	fill_head(screen, conf);
	add_sources(screen, conf);
	add_trunks(screen, conf);
	return screen;
}

void screen_free(struct screen *screen)
{
	if (!screen)
		return;
	free(screen->sources);
	free(screen->trunks);
	free(screen->called.slots);
	free(screen->calling.slots);
	free(screen);
}

bool screen_never(const struct screen *screen, uint8_t family, const struct net_addr *addr)
{
	const struct conf_screening *s = &screen->conf->screening;

	for (unsigned i = 0; i < s->nnever; i++)
		if (net_prefix_has(&s->never[i], family, addr))
			return true;
	return false;
}
