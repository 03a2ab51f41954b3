/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrations that pass through limen. limen-controlplane, loop thread. */
#include "controlplane/registrar/priv.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "controlplane/registrar/token.h"

#define RETRY_S	      1

uint64_t registrar_now_s(void)
{
	return clock_real_ns() / CLOCK_NS_PER_S;
}

static const struct store_events store_events;

void registrar_on_bound(struct registrar *registrar, registrar_bound *bound, void *arg)
{
	registrar->bound = bound;
	registrar->bound_arg = arg;
}

/* ---- to the file ---- */

void registrar_flush(struct registrar *r)
{
	if (!r->store) {
		dirty_clear(&r->dirty);
		return;
	}
	if (!store_idle(r->store))
		return;
	dirty_write(&r->dirty, r->bindings, r->store);
	store_go(r->store);
}

static void on_written(void *arg, bool good)
{
	const struct timeval later = {.tv_sec = RETRY_S};
	struct registrar *r = arg;

	if (!good && !r->told_failure)
		LOG(ERROR, "registrar", "bindings cannot be written; they are kept in memory",
		    LOG_STR("file", r->path));
	if (good && r->told_failure)
		LOG(INFO, "registrar", "bindings are written again", LOG_STR("file", r->path));
	r->told_failure = !good;
	if (good)
		registrar_flush(r);
	else
		event_add(r->retry, &later);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct registrar *r = arg;

	if (r->store && !store_idle(r->store))
		store_go(r->store);
}

static void on_loaded(void *arg, const struct binding *binding)
{
	struct registrar *r = arg;
	uint32_t number;

	(void)bindings_put(r->bindings, binding, &number);
}

static const struct store_events store_events = {.loaded = on_loaded, .written = on_written};

/* ---- time ---- */

void registrar_arm(struct registrar *r)
{
	uint64_t now = registrar_now_s(), first = UINT64_MAX, deadline;
	struct registration_id id;
	uint32_t number;
	struct timeval delay = {0};

	if (bindings_first(r->bindings, &number, &deadline))
		first = deadline;
	if (pendings_first(r->pendings, &id, &deadline) && deadline < first)
		first = deadline;
	if (first == UINT64_MAX) {
		event_del(r->expiry);
		return;
	}
	/* a deadline is over once its second is: none of what is due is left for the next turn */
	delay.tv_sec = first > now ? (time_t)(first - now) : 0;
	delay.tv_usec = 1000;
	event_add(r->expiry, &delay);
}

void registrar_drop(struct registrar *r, uint32_t number)
{
	struct binding binding;

	(void)bindings_get(r->bindings, number, &binding);
	if (r->store)
		dirty_drop(&r->dirty, &binding.id);
	bindings_remove(r->bindings, number);
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
	struct registrar *r = arg;
	uint64_t now = registrar_now_s(), deadline;
	struct registration_id id;
	uint32_t number;

	while (bindings_first(r->bindings, &number, &deadline) && deadline <= now) {
		registrar_drop(r, number);
		r->stats.expired++;
	}
	while (pendings_first(r->pendings, &id, &deadline) && deadline <= now) {
		pendings_remove(r->pendings, &id);
		r->stats.failed++;
	}
	registrar_flush(r);
	registrar_arm(r);
}

/* ---- begin and end ---- */

static int open_store(struct registrar *r, const char *path)
{
	int err = store_open(&r->store, r->base, path, registrar_now_s(), r->token_keys, &store_events, r);

	if (err)
		LOG(ERROR, "registrar", "the file of bindings cannot be opened",
		    LOG_STR("file", path), LOG_ERR(err));
	return err;
}

static void take_conf(struct registrar *r, const struct conf_registrar *conf)
{
	r->bindings_max = conf->bindings_max;
	r->absorb = conf->absorb;
	r->core_expires_s = conf->core_expires_s;
	r->outage_expires_s = conf->outage_expires_s;
	r->outage_keep_s = conf->outage_keep_s;
	r->flow_timer_s = conf->flow_timer_s;
}

static int start(struct registrar *r, const struct conf_registrar *conf)
{
	struct hash_key table_key;

	if (getrandom(r->token_keys, sizeof(r->token_keys), 0) < 0 ||
	    getrandom(&table_key, sizeof(table_key), 0) < 0)
		return -errno;
	r->bindings = bindings_new(&table_key);
	r->pendings = pendings_new();
	r->cores = cores_new();
	r->expiry = evtimer_new(r->base, on_expiry, r);
	r->retry = evtimer_new(r->base, on_retry, r);
	r->path = strdup(conf->file);
	take_conf(r, conf);
	if (!r->bindings || !r->pendings || !r->cores || !r->expiry || !r->retry || !r->path)
		return -ENOMEM;
	if (*conf->file)
		return open_store(r, conf->file);
	return 0;
}

int registrar_new(struct registrar **out, struct event_base *base,
		  const struct conf_registrar *conf)
{
	struct registrar *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	*out = NULL;
	if (!r)
		return err;
	r->base = base;
	err = start(r, conf);
	if (err) {
		registrar_free(r);
		return err;
	}
	if (bindings_count(r->bindings))
		LOG(INFO, "registrar", "users are known from before",
		    LOG_U64("bindings", bindings_count(r->bindings)));
	registrar_arm(r);
	*out = r;
	return 0;
}

/* What waits yet goes to the file, if the disk lets it. */
static void close_store(struct registrar *r)
{
	bool good = store_wait(r->store);

	while (good && dirty_any(&r->dirty)) {
		registrar_flush(r);
		good = store_wait(r->store);
	}
	store_close(r->store);
	r->store = NULL;
}

void registrar_free(struct registrar *r)
{
	if (!r)
		return;
	if (r->store)
		close_store(r);
	if (r->expiry)
		event_free(r->expiry);
	if (r->retry)
		event_free(r->retry);
	bindings_free(r->bindings);
	pendings_free(r->pendings);
	cores_free(r->cores);
	dirty_free(&r->dirty);
	free(r->path);
	free(r);
}

/* Another file gets what is known here; what it had comes in beside, and tokens are made with its
 * keys from now on, as they will be after a restart. */
static int change_file(struct registrar *r, const char *path)
{
	struct hash_key keys[2] = {r->token_keys[0], r->token_keys[1]};
	char *copy = strdup(path);
	struct store *was = r->store, *now = NULL;
	int err = copy ? 0 : -ENOMEM;

	if (!err && *path)
		err = store_open(&now, r->base, path, registrar_now_s(), keys, &store_events, r);
	if (err) {
		free(copy);
		return err;
	}
	if (was)
		close_store(r);
	memcpy(r->token_keys, keys, sizeof(keys));
	r->store = now;
	free(r->path);
	r->path = copy;
	for (uint32_t i = 0; now && i < bindings_end(r->bindings); i++)
		(void)dirty_put(&r->dirty, i);
	registrar_flush(r);
	registrar_arm(r);
	return 0;
}

int registrar_configure(struct registrar *r, const struct conf_registrar *conf)
{
	int err = strcmp(conf->file, r->path) ? change_file(r, conf->file) : 0;

	if (!err)
		take_conf(r, conf);
	return err;
}

/* ---- who is where ---- */

bool registrar_is_token(struct span user)
{
	struct binding_id id;

	return token_read(user, &id);
}

bool registrar_is_flow(struct span user)
{
	return token_is_flow(user);
}

bool registrar_find(const struct registrar *r, struct span token, struct binding *binding)
{
	struct binding_id id;
	uint32_t number;

	return token_read(token, &id) && bindings_find(r->bindings, &id, &number) &&
	       bindings_get(r->bindings, number, binding) && binding->expires_s > registrar_now_s();
}

/* The better one first: by q, then the one that was heard of last. */
static bool goes_before(const struct binding *a, const struct binding *b)
{
	return a->q != b->q ? a->q > b->q : a->expires_s > b->expires_s;
}

unsigned registrar_find_user(const struct registrar *r, struct span trunk, struct span user,
			     struct binding found[REGISTER_CONTACTS_MAX])
{
	uint64_t now = registrar_now_s();
	uint32_t at = 0, number;
	unsigned n = 0;

	while (bindings_of_user(r->bindings, trunk, user, &at, &number)) {
		struct binding binding;
		unsigned place = n;

		if (!bindings_get(r->bindings, number, &binding) || binding.expires_s <= now)
			continue;
		while (place && goes_before(&binding, &found[place - 1]))
			place--;
		if (place == REGISTER_CONTACTS_MAX)
			continue;
		if (n < REGISTER_CONTACTS_MAX)
			n++;
		memmove(&found[place + 1], &found[place], (n - 1 - place) * sizeof(*found));
		found[place] = binding;
	}
	return n;
}

bool registrar_next(const struct registrar *r, uint32_t *at, struct binding *binding)
{
	while (*at < bindings_end(r->bindings)) {
		if (bindings_get(r->bindings, (*at)++, binding))
			return true;
	}
	return false;
}

bool registrar_next_core(const struct registrar *r, uint32_t *at, struct registrar_core *to)
{
	struct core_view view;

	if (!cores_next(r->cores, at, &view))
		return false;
	*to = (struct registrar_core){view.trunk, view.per_s, view.away,
				      view.sent,  view.held,  view.outages};
	return true;
}

void registrar_stats(struct registrar *r, struct registrar_stats *stats)
{
	*stats = r->stats;
	stats->bindings = bindings_count(r->bindings);
	stats->pending = pendings_count(r->pendings);
	if (r->store) {
		struct store_stats store;

		store_stats(r->store, &store);
		stats->batches = store.batches;
		stats->rows = store.rows;
		stats->failures += store.failures;
	}
}
