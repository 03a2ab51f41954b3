/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrations that pass through limen. limen-controlplane, loop thread. */
#include "controlplane/registrar/registrar.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "controlplane/registrar/dirty.h"
#include "controlplane/registrar/pending.h"
#include "controlplane/registrar/store.h"
#include "controlplane/registrar/token.h"

#define PENDING_S     64 /* longer than any transaction (timer F) and its report */
#define PENDING_MAX   65536u
#define EXPIRES_MAX_S (7 * 86400u)
#define EXPIRES_S     3600u /* of an answer that does not say, as against RFC 3261 section 10.3 */
#define RETRY_S	      1

struct registrar {
	struct event_base *base; /* borrowed */
	struct hash_key token_keys[2];
	struct bindings *bindings;
	struct pendings *pendings;
	struct dirty dirty;
	struct store *store; /* NULL: nothing is kept on disk */
	char *path;          /* owned; "": as above */
	unsigned bindings_max;
	struct event *expiry, *retry;
	bool told_failure;
	struct registrar_stats stats;
};

static uint64_t now_s(void)
{
	return clock_real_ns() / CLOCK_NS_PER_S;
}

static const struct store_events store_events;

/* ---- to the file ---- */

static void flush(struct registrar *r)
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
		flush(r);
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

static void arm(struct registrar *r)
{
	uint64_t now = now_s(), first = UINT64_MAX, deadline;
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

static void drop(struct registrar *r, uint32_t number)
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
	uint64_t now = now_s(), deadline;
	struct registration_id id;
	uint32_t number;

	while (bindings_first(r->bindings, &number, &deadline) && deadline <= now) {
		drop(r, number);
		r->stats.expired++;
	}
	while (pendings_first(r->pendings, &id, &deadline) && deadline <= now) {
		pendings_remove(r->pendings, &id);
		r->stats.failed++;
	}
	flush(r);
	arm(r);
}

/* ---- begin and end ---- */

static int open_store(struct registrar *r, const char *path)
{
	int err = store_open(&r->store, r->base, path, now_s(), r->token_keys, &store_events, r);

	if (err)
		LOG(ERROR, "registrar", "the file of bindings cannot be opened",
		    LOG_STR("file", path), LOG_ERR(err));
	return err;
}

static int start(struct registrar *r, const struct conf_registrar *conf)
{
	struct hash_key table_key;

	if (getrandom(r->token_keys, sizeof(r->token_keys), 0) < 0 ||
	    getrandom(&table_key, sizeof(table_key), 0) < 0)
		return -errno;
	r->bindings = bindings_new(&table_key);
	r->pendings = pendings_new();
	r->expiry = evtimer_new(r->base, on_expiry, r);
	r->retry = evtimer_new(r->base, on_retry, r);
	r->path = strdup(conf->file);
	r->bindings_max = conf->bindings_max;
	if (!r->bindings || !r->pendings || !r->expiry || !r->retry || !r->path)
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
	arm(r);
	*out = r;
	return 0;
}

/* What waits yet goes to the file, if the disk lets it. */
static void close_store(struct registrar *r)
{
	bool good = store_wait(r->store);

	while (good && dirty_any(&r->dirty)) {
		flush(r);
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
		err = store_open(&now, r->base, path, now_s(), keys, &store_events, r);
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
	flush(r);
	arm(r);
	return 0;
}

int registrar_configure(struct registrar *r, const struct conf_registrar *conf)
{
	int err = strcmp(conf->file, r->path) ? change_file(r, conf->file) : 0;

	if (!err)
		r->bindings_max = conf->bindings_max;
	return err;
}

/* ---- a REGISTER ---- */

/* The user's own URI, as a Request-URI can have it (RFC 3261 section 19.1.1: no headers). */
static bool read_contact(struct span value, struct span *contact)
{
	struct sip_name_addr addr;
	struct sip_uri uri;
	const char *headers;

	if (sip_name_addr_parse(value, &addr) || addr.star || sip_uri_parse(addr.uri, &uri) ||
	    !uri.is_sip || uri.is_sips)
		return false;
	headers = memchr(addr.uri.ptr, '?', addr.uri.len);
	*contact = addr.uri;
	if (headers)
		contact->len = (size_t)(headers - addr.uri.ptr);
	for (size_t i = 0; i < contact->len; i++) {
		if ((uint8_t)contact->ptr[i] <= ' ' || contact->ptr[i] == 0x7f)
			return false;
	}
	return contact->len <= BINDING_CONTACT_MAX;
}

static bool has_room(const struct registrar *r, const struct pending *pending)
{
	uint32_t number;

	if (pendings_count(r->pendings) >= PENDING_MAX)
		return false;
	return bindings_count(r->bindings) < r->bindings_max ||
	       bindings_find(r->bindings, &pending->binding.id, &number);
}

enum registrar_outcome registrar_begin(struct registrar *r, const struct registration *reg,
				       char token[REGISTRAR_TOKEN_CHARS])
{
	struct sip_values contacts = sip_values(reg->msg, SIP_HDR_CONTACT);
	struct pending pending = {
		.id = reg->id,
		.binding = {.source = *reg->source, .trunk = reg->trunk, .user = reg->user},
	};
	struct span value;

	if (!sip_values_next(&contacts, &value))
		return REGISTRAR_QUERY;
	pending.star = span_eq(span_trim(value), SPAN("*"));
	if (!pending.star && !read_contact(value, &pending.binding.contact))
		return REGISTRAR_CONTACT;
	if (!pending.star)
		pending.binding.id =
			token_id(r->token_keys, reg->trunk, reg->user, pending.binding.contact);
	if ((!pending.star && !has_room(r, &pending)) ||
	    (!reg->rehearsal && pendings_add(r->pendings, &pending, now_s() + PENDING_S))) {
		r->stats.full += !reg->rehearsal;
		return REGISTRAR_FULL;
	}
	if (!reg->rehearsal) {
		r->stats.begun++;
		arm(r);
	}
	if (pending.star)
		return REGISTRAR_STAR;
	token_write(&pending.binding.id, token);
	return REGISTRAR_TOKEN;
}

static void put_param(struct cursor *out, struct span params, struct span name)
{
	struct span value;

	if (!sip_param_find(params, name, &value) || !value.len)
		return;
	for (size_t i = 0; i < value.len; i++) {
		if ((value.ptr[i] < '0' || value.ptr[i] > '9') && value.ptr[i] != '.')
			return;
	}
	put_char(out, ';');
	put_span(out, name);
	put_char(out, '=');
	put_span(out, value);
}

void put_registrar_contact(struct cursor *out, const char token[REGISTRAR_TOKEN_CHARS],
			   const struct net_endpoint *limen, const struct sip_msg *msg)
{
	struct sip_values contacts = sip_values(msg, SIP_HDR_CONTACT);
	struct sip_name_addr addr;
	struct span value;

	put_lit(out, "<sip:");
	put_bytes(out, token, REGISTRAR_TOKEN_CHARS);
	put_char(out, '@');
	put_addr_sip(out, limen->family, &limen->addr);
	put_char(out, ':');
	put_u64(out, limen->port);
	put_char(out, '>');
	if (!sip_values_next(&contacts, &value) || sip_name_addr_parse(value, &addr))
		return;
	put_param(out, addr.params, SPAN("expires"));
	put_param(out, addr.params, SPAN("q"));
}

/* ---- its answer ---- */

/* For how long the registrar keeps the token; 0: it does not. */
static uint64_t granted_s(const struct sip_msg *answer, const struct binding_id *id)
{
	struct sip_values contacts = sip_values(answer, SIP_HDR_CONTACT);
	struct span value, text;
	uint64_t expires;

	while (sip_values_next(&contacts, &value)) {
		struct sip_name_addr addr;
		struct sip_uri uri;
		struct binding_id of;

		if (sip_name_addr_parse(value, &addr) || sip_uri_parse(addr.uri, &uri) ||
		    !token_read(uri.user, &of) || !binding_id_eq(&of, id))
			continue;
		if (!sip_param_find(addr.params, SPAN("expires"), &text))
			text = sip_hdr_value(answer, SIP_HDR_EXPIRES);
		if (sip_number_parse(text, UINT32_MAX, &expires))
			expires = EXPIRES_S;
		return expires < EXPIRES_MAX_S ? expires : EXPIRES_MAX_S;
	}
	return 0;
}

static void remove_all(struct registrar *r, const struct binding *of)
{
	uint32_t at = 0, number;

	while (bindings_of_user(r->bindings, of->trunk, of->user, &at, &number)) {
		drop(r, number);
		r->stats.removed++;
	}
}

static void remember(struct registrar *r, struct binding *binding, uint64_t granted)
{
	uint32_t number;
	bool known = bindings_find(r->bindings, &binding->id, &number);

	if (!granted && known) {
		drop(r, number);
		r->stats.removed++;
	}
	if (!granted)
		return;
	binding->since_s = now_s();
	binding->expires_s = binding->since_s + granted;
	if (bindings_put(r->bindings, binding, &number)) {
		r->stats.full++;
		return;
	}
	r->stats.refreshed += known;
	r->stats.made += !known;
	if (r->store && dirty_put(&r->dirty, number))
		r->stats.failures++;
}

void registrar_end(struct registrar *r, const struct registration_id *id, uint16_t status,
		   const struct sip_msg *answer)
{
	struct pending pending;

	if (!pendings_find(r->pendings, id, &pending)) {
		r->stats.unknown++;
		return;
	}
	if (status / 100 != 2 || !answer)
		r->stats.failed++; /* what is bound stays bound until its time is up */
	else if (pending.star)
		remove_all(r, &pending.binding);
	else
		remember(r, &pending.binding, granted_s(answer, &pending.binding.id));
	pendings_remove(r->pendings, id);
	flush(r);
	arm(r);
}

/* ---- who is where ---- */

bool registrar_is_token(struct span user)
{
	struct binding_id id;

	return token_read(user, &id);
}

bool registrar_find(const struct registrar *r, struct span token, struct binding *binding)
{
	struct binding_id id;
	uint32_t number;

	return token_read(token, &id) && bindings_find(r->bindings, &id, &number) &&
	       bindings_get(r->bindings, number, binding) && binding->expires_s > now_s();
}

bool registrar_next(const struct registrar *r, uint32_t *at, struct binding *binding)
{
	while (*at < bindings_end(r->bindings)) {
		if (bindings_get(r->bindings, (*at)++, binding))
			return true;
	}
	return false;
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
