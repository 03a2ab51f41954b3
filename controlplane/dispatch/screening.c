/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers are told who may send how much: the whole table on each connection and reload, piece by
 * piece as their rings take it; and single sources as they are blocked, released or registered.
 * limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/log/json.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/policy/screen.h"

#define RETRY_MS	50
#define EXPIRE_S	1
#define LEARNED_MAX	16384u /* sources at a time, learned and the operator's */
#define GONE_S		60u    /* a released one is told so long to workers that were not heard of */
#define LEARNED_LINES_A_MINUTE 60u
#define BACKLOG_BYTES	(256u * 1024u)

/* What a worker has been told. */
enum phase { PHASE_SCREEN = 0, PHASE_TRUNKS, PHASE_SOURCES, PHASE_END, PHASE_BLOCKS, PHASE_USERS,
	     PHASE_DONE };

struct block {
	struct ipc_source source; /* BLOCKED, or UNKNOWN: released */
	uint64_t until_ns;	  /* by the clock of this process */
	uint64_t since_unix_ns;
	uint32_t count;
	uint8_t deed; /* enum ipc_deed; IPC_DEEDS: the operator's; above: found in the dataplane */
};

struct screening {
	struct teller {
		uint8_t phase; /* enum phase */
		uint32_t at;
	} tellers[IPC_WORKERS_MAX];
	struct block *blocks; /* owned: LEARNED_MAX */
	uint32_t nblocks;
	uint32_t list_id; /* of the question what the dataplane holds; 0: none */
	struct blocks_list {
		uint64_t client; /* 0: free */
		uint32_t at;
	} lists[ADMIN_CLIENTS_MAX];
	struct event *retry, *expire;
	struct log_limit lines;
	struct screening_stats stats;
};

/* ---- telling ---- */

static int send_to(struct dispatch *dispatch, unsigned worker, uint16_t type, const void *head,
		size_t bytes, struct span rest)
{
	const struct span parts[2] = {span_of(head, bytes), rest};

	return cp_link_send(dispatch->link, cp_link_worker_ring(worker), type, parts, 2);
}

static int tell_trunks(struct dispatch *dispatch, unsigned worker, struct teller *teller,
		       const struct screen *screen)
{
	struct ipc_trunks head = {.generation = screen->head.generation};
	int err;

	head.count = screen->head.ntrunks - teller->at;
	if (head.count > IPC_TRUNKS_AT_ONCE)
		head.count = IPC_TRUNKS_AT_ONCE;
	if (head.count == 0)
		return 1;
	err = send_to(dispatch, worker, IPC_SCREEN_TRUNKS, &head, sizeof(head),
		   span_of(&screen->trunks[teller->at], head.count * sizeof(*screen->trunks)));
	if (!err)
		teller->at += head.count;
	return err;
}

static int tell_sources(struct dispatch *dispatch, unsigned worker, struct teller *teller,
			const struct screen *screen)
{
	struct ipc_sources head = {.generation = screen->head.generation};
	int err;

	head.count = screen->head.nsources - teller->at;
	if (head.count > IPC_SOURCES_AT_ONCE)
		head.count = IPC_SOURCES_AT_ONCE;
	if (head.count == 0)
		return 1;
	err = send_to(dispatch, worker, IPC_SCREEN_SOURCES, &head, sizeof(head),
		   span_of(&screen->sources[teller->at], head.count * sizeof(*screen->sources)));
	if (!err)
		teller->at += head.count;
	return err;
}

static int tell_source(struct dispatch *dispatch, unsigned worker, const struct ipc_source *source,
		       uint64_t until_ns)
{
	uint64_t now_ns = clock_mono_ns(), left_s;
	struct ipc_source_set set = {.source = *source};

	if (source->class != IPC_CLASS_UNKNOWN) {
		left_s = until_ns > now_ns ? (until_ns - now_ns) / CLOCK_NS_PER_S + 1 : 1;
		set.seconds = left_s < IPC_SOURCE_SECONDS_MAX ? (uint32_t)left_s
							      : IPC_SOURCE_SECONDS_MAX;
	}
	return send_to(dispatch, worker, IPC_SOURCE_SET, &set, sizeof(set), SPAN_NONE);
}

static int tell_block(struct dispatch *dispatch, unsigned worker, struct teller *teller)
{
	const struct screening *s = dispatch->screening;
	int err;

	if (teller->at >= s->nblocks)
		return 1;
	err = tell_source(dispatch, worker, &s->blocks[teller->at].source,
			  s->blocks[teller->at].until_ns);
	if (!err)
		teller->at++;
	return err;
}

/* A user of a trunk whose sources are strangers is known where he registered, as long as that is
 * good. False: of no such trunk. */
static bool user_source(struct dispatch *dispatch, const struct binding *binding,
			struct ipc_source *source, uint64_t *until_ns)
{
	const struct generation *gen = dispatch->generation;
	int trunk = policy_trunk(gen->policy, binding->trunk);
	uint64_t now_s = clock_real_ns() / CLOCK_NS_PER_S;

	if (trunk < 0 || gen->conf->trunks[trunk].source_class != CONF_CLASS_UNKNOWN ||
	    binding->expires_s <= now_s || binding->source.family == NET_NONE)
		return false;
	*source = (struct ipc_source){
		.addr = binding->source.addr,
		.family = binding->source.family,
		.bits = binding->source.family == NET_IP4 ? 32 : 128,
		.realm = (uint8_t)gen->conf->trunks[trunk].realm,
		.class = IPC_CLASS_KNOWN,
	};
	*until_ns = clock_mono_ns() + (binding->expires_s - now_s) * CLOCK_NS_PER_S;
	return true;
}

static int tell_user(struct dispatch *dispatch, unsigned worker, struct teller *teller)
{
	struct binding binding;
	struct ipc_source source;
	uint32_t at = teller->at;
	uint64_t until_ns;
	int err = 0;

	if (!registrar_next(dispatch->registrar, &at, &binding))
		return 1;
	if (user_source(dispatch, &binding, &source, &until_ns))
		err = tell_source(dispatch, worker, &source, until_ns);
	if (!err)
		teller->at = at;
	return err;
}

/* One message more. 0; 1: this phase is over; or as cp_link_send. */
static int tell(struct dispatch *dispatch, unsigned worker, struct teller *teller)
{
	const struct screen *screen = policy_screen(dispatch->generation->policy);
	const struct ipc_screen_end end = {.generation = screen->head.generation};
	int err;

	switch (teller->phase) {
	case PHASE_SCREEN:
		err = send_to(dispatch, worker, IPC_SCREEN, &screen->head, sizeof(screen->head),
			   span_of(screen->agents, screen->head.agents_len));
		return err ? err : 1;
	case PHASE_TRUNKS:
		return tell_trunks(dispatch, worker, teller, screen);
	case PHASE_SOURCES:
		return tell_sources(dispatch, worker, teller, screen);
	case PHASE_END:
		err = send_to(dispatch, worker, IPC_SCREEN_END, &end, sizeof(end), SPAN_NONE);
		return err ? err : 1;
	case PHASE_BLOCKS:
		return tell_block(dispatch, worker, teller);
	default:
		return tell_user(dispatch, worker, teller);
	}
}

/* As far as the rings take it; the rest a little later. */
static void go_on(struct dispatch *dispatch)
{
	const struct timeval soon = {.tv_usec = RETRY_MS * 1000};
	const struct ipc_hello *hello = cp_link_hello(dispatch->link);
	bool again = false;

	for (unsigned worker = 0; hello && worker < hello->nworkers; worker++) {
		struct teller *teller = &dispatch->screening->tellers[worker];
		int err = 0;

		while (teller->phase != PHASE_DONE && err >= 0) {
			err = tell(dispatch, worker, teller);
			if (err == 1) {
				teller->phase++;
				teller->at = 0;
			}
		}
		again |= err == -EAGAIN;
	}
	if (again)
		event_add(dispatch->screening->retry, &soon);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	go_on(arg);
}

void screening_send(struct dispatch *dispatch)
{
	for (unsigned worker = 0; worker < IPC_WORKERS_MAX; worker++)
		dispatch->screening->tellers[worker] = (struct teller){.phase = PHASE_SCREEN};
	go_on(dispatch);
}

/* To each worker; one whose ring is full is told all of its kind again. */
static void tell_all(struct dispatch *dispatch, const struct ipc_source *source, uint64_t until_ns,
		     enum phase kind)
{
	const struct ipc_hello *hello = cp_link_hello(dispatch->link);

	for (unsigned worker = 0; hello && worker < hello->nworkers; worker++) {
		struct teller *teller = &dispatch->screening->tellers[worker];

		if (teller->phase < kind)
			continue; /* its turn comes */
		if (tell_source(dispatch, worker, source, until_ns) == -EAGAIN)
			*teller = (struct teller){.phase = (uint8_t)kind};
	}
	go_on(dispatch);
}

void screening_user(struct dispatch *dispatch, const struct binding *binding)
{
	struct ipc_source source;
	uint64_t until_ns;

	if (user_source(dispatch, binding, &source, &until_ns))
		tell_all(dispatch, &source, until_ns, PHASE_USERS);
}

/* ---- blocks ---- */

static void put_source(struct cursor *out, uint8_t family, const struct net_addr *addr,
		       unsigned bits)
{
	put_addr(out, family, addr);
	put_char(out, '/');
	put_u64(out, bits);
}

static struct block *find(struct screening *s, const struct ipc_source *source)
{
	for (uint32_t i = 0; i < s->nblocks; i++)
		if (!memcmp(&s->blocks[i].source, source, offsetof(struct ipc_source, class)))
			return &s->blocks[i];
	return NULL;
}

bool screening_blocks(const struct dispatch *dispatch, unsigned realm,
		      const struct net_endpoint *source)
{
	const struct screening *s = dispatch->screening;

	for (uint32_t i = 0; i < s->nblocks; i++) {
		const struct ipc_source *block = &s->blocks[i].source;
		const struct net_prefix prefix = {block->addr, block->family, block->bits};

		if (block->class == IPC_CLASS_BLOCKED &&
		    (block->realm == IPC_REALM_ANY || block->realm == realm) &&
		    net_prefix_has(&prefix, source->family, &source->addr))
			return true;
	}
	return false;
}

/* NULL: there is no room. */
static struct block *put(struct dispatch *dispatch, const struct ipc_source *source,
			 uint64_t seconds, unsigned deed, uint32_t count)
{
	struct screening *s = dispatch->screening;
	struct block *block = find(s, source);

	if (!block && s->nblocks == LEARNED_MAX) {
		s->stats.full++;
		return NULL;
	}
	if (!block)
		block = &s->blocks[s->nblocks++];
	*block = (struct block){
		.source = *source,
		.until_ns = clock_mono_ns() + seconds * CLOCK_NS_PER_S,
		.since_unix_ns = clock_real_ns(),
		.count = count,
		.deed = (uint8_t)deed,
	};
	return block;
}

void screening_suspect(struct dispatch *dispatch, const struct ipc_suspect *suspect)
{
	const struct generation *gen = dispatch->generation;
	const struct screen *screen = policy_screen(gen->policy);
	const struct conf_screening *conf = &gen->conf->screening;
	struct screening *s = dispatch->screening;
	struct ipc_source source = {.addr = suspect->source.addr,
				    .family = suspect->source.family,
				    .bits = suspect->source.family == NET_IP4 ? 32 : 64,
				    .realm = suspect->realm,
				    .class = IPC_CLASS_BLOCKED};
	unsigned seconds = suspect->proven ? conf->block_s : conf->block_unproven_s;
	uint64_t held;

	if (suspect->realm >= gen->conf->nrealms)
		return;
	if (source.family == NET_IP6)
		memset(source.addr.ip + 8, 0, 8);
	/* What a worker takes for unknown may be a trunk's by now; those are asked for by key. */
	if (suspect->class == IPC_CLASS_TRUSTED ||
	    screen_never(screen, suspect->source.family, &suspect->source.addr) ||
	    (conf->learn != CONF_LEARN_KNOWN &&
	     policy_knows(gen->policy, suspect->realm, suspect->source.family,
			  &suspect->source.addr))) {
		s->stats.spared++;
		return;
	}
	if (!put(dispatch, &source, seconds, suspect->deed, suspect->count))
		return;
	s->stats.learned++;
	streams_blocked(dispatch, &source);
	tell_all(dispatch, &source, clock_mono_ns() + seconds * CLOCK_NS_PER_S, PHASE_BLOCKS);
	if (log_limit_pass(&s->lines, clock_mono_ns(), &held))
		LOG(WARN, "screening", "source blocked", LOG_ENDPOINT("source", &suspect->source),
		    LOG_STR("realm", gen->conf->realms[suspect->realm].name),
		    LOG_STR("why", ipc_deed_name(suspect->deed)),
		    LOG_U64("count", suspect->count), LOG_U64("seconds", seconds),
		    LOG_U64("proven", suspect->proven), LOG_U64("held_back", held));
}

int screening_block(struct dispatch *dispatch, const struct net_prefix *prefix, uint32_t seconds)
{
	struct ipc_source source = {.addr = prefix->addr,
				    .family = prefix->family,
				    .bits = prefix->bits,
				    .realm = IPC_REALM_ANY,
				    .class = IPC_CLASS_BLOCKED};

	char text[80];
	struct cursor name = cursor_on(text, sizeof(text));

	if (!put(dispatch, &source, seconds, IPC_DEEDS, 0))
		return -ENOSPC;
	streams_blocked(dispatch, &source);
	tell_all(dispatch, &source, clock_mono_ns() + seconds * CLOCK_NS_PER_S, PHASE_BLOCKS);
	put_source(&name, prefix->family, &prefix->addr, prefix->bits);
	LOG(INFO, "screening", "source blocked by the operator",
	    LOG_SPAN("source", cursor_span(&name)), LOG_U64("seconds", seconds));
	return 0;
}

/* It stays in the list for a while as one that is gone: so no worker misses it. */
static void release(struct dispatch *dispatch, struct block *block)
{
	block->source.class = IPC_CLASS_UNKNOWN;
	block->until_ns = clock_mono_ns() + GONE_S * CLOCK_NS_PER_S;
	tell_all(dispatch, &block->source, 0, PHASE_BLOCKS);
}

unsigned screening_unblock(struct dispatch *dispatch, const struct net_prefix *prefix)
{
	struct screening *s = dispatch->screening;
	unsigned n = 0;

	for (uint32_t i = 0; i < s->nblocks; i++) {
		struct block *block = &s->blocks[i];

		if (block->source.class != IPC_CLASS_BLOCKED ||
		    block->source.family != prefix->family || block->source.bits < prefix->bits ||
		    !net_prefix_has(prefix, block->source.family, &block->source.addr))
			continue;
		release(dispatch, block);
		n++;
	}
	return n;
}

static void on_expire(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *dispatch = arg;
	struct screening *s = dispatch->screening;
	uint64_t now_ns = clock_mono_ns();
	bool moved = false;

	for (uint32_t i = 0; i < s->nblocks;) {
		struct block *block = &s->blocks[i];

		if (block->until_ns > now_ns) {
			i++;
			continue;
		}
		if (block->source.class == IPC_CLASS_BLOCKED) {
			s->stats.expired++;
			release(dispatch, block);
			i++;
			continue;
		}
		*block = s->blocks[--s->nblocks];
		moved = true;
	}
	/* who is in the middle of the list may have missed the one that was moved */
	for (unsigned worker = 0; moved && worker < IPC_WORKERS_MAX; worker++)
		if (s->tellers[worker].phase == PHASE_BLOCKS)
			s->tellers[worker].at = 0;
}

/* ---- what the dataplane holds ---- */

/* A control plane that was killed knows of no blocks; the dataplane does. */
static void ask_for_blocks(struct dispatch *dispatch, uint64_t cursor)
{
	struct screening *s = dispatch->screening;
	struct ipc_list_ask ask = {.max = 64, .cursor = cursor};

	if (!s->list_id)
		s->list_id = ++dispatch->last_list_id;
	ask.list_id = s->list_id;
	if (send_to(dispatch, 0, IPC_SOURCES_ASK, &ask, sizeof(ask), SPAN_NONE))
		s->list_id = 0;
}

void screening_source_row(struct dispatch *dispatch, const struct ipc_source_row *row)
{
	struct screening *s = dispatch->screening;

	if (!s->list_id || row->list_id != s->list_id || row->source.class != IPC_CLASS_BLOCKED ||
	    find(s, &row->source) || !row->seconds)
		return;
	if (put(dispatch, &row->source, row->seconds, IPC_DEEDS + 1, 0))
		s->stats.found++;
}

bool screening_list_end(struct dispatch *dispatch, const struct ipc_list_end *end)
{
	struct screening *s = dispatch->screening;

	if (!s->list_id || end->list_id != s->list_id)
		return false;
	if (end->cursor)
		ask_for_blocks(dispatch, end->cursor);
	else
		s->list_id = 0;
	return true;
}

/* ---- life ---- */

int screening_start(struct dispatch *dispatch)
{
	const struct timeval each = {.tv_sec = EXPIRE_S};
	struct screening *s = calloc(1, sizeof(*s));

	dispatch->screening = s;
	if (!s)
		return -ENOMEM;
	s->lines = (struct log_limit){.window_ns = 60 * CLOCK_NS_PER_S,
				      .burst = LEARNED_LINES_A_MINUTE};
	s->blocks = calloc(LEARNED_MAX, sizeof(*s->blocks));
	s->retry = evtimer_new(dispatch->base, on_retry, dispatch);
	s->expire = event_new(dispatch->base, -1, EV_PERSIST, on_expire, dispatch);
	if (!s->blocks || !s->retry || !s->expire || event_add(s->expire, &each))
		return -ENOMEM;
	return 0;
}

void screening_stop(struct dispatch *dispatch)
{
	struct screening *s = dispatch->screening;

	if (!s)
		return;
	if (s->retry)
		event_free(s->retry);
	if (s->expire)
		event_free(s->expire);
	free(s->blocks);
	free(s);
	dispatch->screening = NULL;
}

void screening_link_up(struct dispatch *dispatch)
{
	dispatch->screening->list_id = 0;
	ask_for_blocks(dispatch, 0);
	screening_send(dispatch);
}

void screening_stats(const struct dispatch *dispatch, struct screening_stats *stats)
{
	const struct screening *s = dispatch->screening;

	*stats = s->stats;
	stats->blocks = 0;
	for (uint32_t i = 0; i < s->nblocks; i++)
		stats->blocks += s->blocks[i].source.class == IPC_CLASS_BLOCKED;
}

/* ---- the operator ---- */

static const char *why_of(const struct block *block)
{
	if (block->deed < IPC_DEEDS)
		return ipc_deed_name(block->deed);
	return block->deed == IPC_DEEDS ? "operator" : "found";
}

static void list_block(struct dispatch *dispatch, uint64_t client, const struct block *block)
{
	const struct conf *conf = dispatch->generation->conf;
	uint64_t now_ns = clock_mono_ns();
	char text[512], name[80];
	struct cursor out = cursor_on(text, sizeof(text)), source = cursor_on(name, sizeof(name));

	if (block->source.class != IPC_CLASS_BLOCKED || block->until_ns <= now_ns)
		return;
	put_source(&source, block->source.family, &block->source.addr, block->source.bits);
	put_char(&out, '{');
	put_json_text(&out, "source", cursor_span(&source));
	put_json_text(&out, "realm",
		      block->source.realm < conf->nrealms
			      ? span_str(conf->realms[block->source.realm].name)
			      : SPAN_NONE);
	put_json_text(&out, "why", span_str(why_of(block)));
	put_json_u64(&out, "count", block->count);
	put_json_time(&out, "since", block->since_unix_ns);
	put_json_u64(&out, "seconds_left",
		     (block->until_ns - now_ns + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S);
	put_char(&out, '}');
	admin_row(dispatch->admin, client, cursor_span(&out));
}

/* As fast as the client takes it. */
static void list_on(struct dispatch *dispatch, struct blocks_list *list)
{
	const struct screening *s = dispatch->screening;

	while (admin_backlog(dispatch->admin, list->client) < BACKLOG_BYTES) {
		if (list->at >= s->nblocks) {
			admin_done(dispatch->admin, list->client);
			*list = (struct blocks_list){0};
			return;
		}
		list_block(dispatch, list->client, &s->blocks[list->at++]);
	}
}

static struct blocks_list *list_of(struct dispatch *dispatch, uint64_t client)
{
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++)
		if (dispatch->screening->lists[i].client == client)
			return &dispatch->screening->lists[i];
	return NULL;
}

void screening_list(struct dispatch *dispatch, uint64_t client)
{
	/* one for each client that can be connected, and each has one request open at most */
	struct blocks_list *list = list_of(dispatch, 0);

	*list = (struct blocks_list){.client = client};
	list_on(dispatch, list);
}

void screening_drained(struct dispatch *dispatch, uint64_t client)
{
	struct blocks_list *list = list_of(dispatch, client);

	if (list)
		list_on(dispatch, list);
}

void screening_gone(struct dispatch *dispatch, uint64_t client)
{
	struct blocks_list *list = list_of(dispatch, client);

	if (list)
		*list = (struct blocks_list){0};
}

static void put_limit(struct dispatch *dispatch, uint64_t client, const char *trunk,
		      const char *name, uint64_t value)
{
	char text[512];
	struct cursor out = cursor_on(text, sizeof(text));

	if (!value)
		return;
	put_char(&out, '{');
	put_json_text(&out, "group", SPAN("limits"));
	put_json_text(&out, "object", span_str(trunk));
	put_json_text(&out, "name", span_str(name));
	put_json_u64(&out, "value", value);
	put_char(&out, '}');
	admin_row(dispatch->admin, client, cursor_span(&out));
}

void screening_limits(struct dispatch *dispatch, uint64_t client)
{
	const struct conf *conf = dispatch->generation->conf;

	for (unsigned t = 0; t < conf->ntrunks; t++) {
		const struct conf_limits *l = &conf->trunks[t].limits;
		const char *name = conf->trunks[t].name;

#define LIMIT(key) put_limit(dispatch, client, name, #key, l->key)
		LIMIT(calls_max);
		LIMIT(calls_in_max);
		LIMIT(calls_out_max);
		LIMIT(calls_in_per_s);
		LIMIT(calls_out_per_s);
		LIMIT(messages_per_s);
		LIMIT(registrations_per_s);
		LIMIT(subscriptions_max);
		LIMIT(user_calls_max);
		LIMIT(user_calls_per_s);
#undef LIMIT
	}
}
