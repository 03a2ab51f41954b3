/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest authentication by limen. limen-controlplane, loop thread; a short-lived thread reads the
 * table of users. */
#include "controlplane/auth/auth.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/log/log.h"
#include "controlplane/auth/nonce.h"
#include "controlplane/auth/users.h"

struct auth {
	const struct auth_events *events;
	void *arg;
	struct nonces *nonces;
	struct users *users;	   /* NULL: there is nobody */
	struct users *credentials; /* limen's own; NULL: it has none */
	uint32_t nonce_s;
	uint8_t algorithms[DIGEST_ALGORITHMS_END];
	unsigned nalgorithms;
	bool integrity; /* auth-int is offered beside auth */
	char *path, *table, *credentials_path; /* owned */

	/* a load on its way: the thread's until it has told */
	pthread_t thread;
	bool loading, again;
	struct load {
		char *path;  /* owned */
		char *table; /* owned; of a SQLite file; "": it is none */
		struct users *users;
		struct users_error error;
		int err;
	} loads[2]; /* users, credentials */
	int told_fd;
	struct event *told;

	struct auth_stats stats;
};

static uint32_t now_s(void)
{
	return (uint32_t)(clock_mono_ns() / CLOCK_NS_PER_S);
}

static void log_wrong(const char *path, const struct users_error *error)
{
	LOG(ERROR, "auth", "the file of users cannot be used", LOG_STR("file", path),
	    LOG_U64("line", error->line), LOG_STR("why", error->reason));
}

/* ---- reading the users behind the loop ---- */

static void load_one(struct load *load)
{
	load->users = NULL;
	load->err = 0;
	if (*load->path)
		load->err = *load->table ? users_load_sqlite(&load->users, load->path, load->table,
							     &load->error)
					 : users_load(&load->users, load->path, &load->error);
}

static void *load_all(void *arg)
{
	struct auth *a = arg;
	const uint64_t one = 1;

	for (unsigned i = 0; i < 2; i++)
		load_one(&a->loads[i]);
	(void)!write(a->told_fd, &one, sizeof(one));
	return NULL;
}

static int prepare_load(struct auth *a)
{
	const char *const paths[2] = {a->path, a->credentials_path}, *const tables[2] = {a->table, ""};

	for (unsigned i = 0; i < 2; i++) {
		free(a->loads[i].path);
		free(a->loads[i].table);
		a->loads[i].path = strdup(paths[i]);
		a->loads[i].table = strdup(tables[i]);
		if (!a->loads[i].path || !a->loads[i].table)
			return -ENOMEM;
	}
	return 0;
}

static int start_load(struct auth *a)
{
	int err = prepare_load(a);

	if (!err && pthread_create(&a->thread, NULL, load_all, a))
		err = -EAGAIN;
	a->loading = !err;
	return err;
}

static void take_one(struct auth *a, struct load *load, struct users **into)
{
	if (load->err) {
		a->stats.load_failures++;
		log_wrong(load->path, &load->error);
		return;
	}
	users_free(*into);
	*into = load->users;
	load->users = NULL;
	if (!*into)
		return;
	a->stats.loads++;
	LOG(INFO, "auth", "users read", LOG_STR("file", load->path),
	    LOG_U64("rows", users_count(*into)));
}

/* What cannot be used leaves what was known. */
static void take_loads(struct auth *a)
{
	take_one(a, &a->loads[0], &a->users);
	take_one(a, &a->loads[1], &a->credentials);
}

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	struct auth *a = arg;
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
	if (!a->loading)
		return;
	pthread_join(a->thread, NULL);
	a->loading = false;
	take_loads(a);
	if (a->again) {
		a->again = false;
		(void)start_load(a);
	}
}

static void take_algorithms(struct auth *a, const struct conf_auth *conf)
{
	a->nalgorithms = 0;
	for (unsigned i = 0; i < conf->algorithms_count && i < DIGEST_ALGORITHMS_END; i++) {
		enum digest_algorithm algorithm;

		if (digest_from_name(span_str(conf->algorithms[i]), &algorithm))
			a->algorithms[a->nalgorithms++] = (uint8_t)algorithm;
	}
	a->nonce_s = conf->nonce_s;
	a->integrity = conf->integrity;
}

static int start(struct auth *a, struct event_base *base, const struct conf_auth *conf)
{
	a->nonces = nonces_new();
	a->path = strdup(conf->users_file);
	a->table = strdup(conf->users_table);
	a->credentials_path = strdup(conf->credentials_file);
	a->told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!a->nonces || !a->path || !a->table || !a->credentials_path || a->told_fd < 0)
		return -ENOMEM;
	a->told = event_new(base, a->told_fd, EV_READ | EV_PERSIST, on_told, a);
	if (!a->told || event_add(a->told, NULL))
		return -ENOMEM;
	/* who is nobody is refused; all else goes on, and the next reload reads it again */
	if (prepare_load(a))
		return -ENOMEM;
	for (unsigned i = 0; i < 2; i++)
		load_one(&a->loads[i]);
	take_loads(a);
	return 0;
}

int auth_new(struct auth **out, struct event_base *base, const struct conf_auth *conf,
	     const struct auth_events *events, void *arg)
{
	struct auth *a = calloc(1, sizeof(*a));
	int err = -ENOMEM;

	*out = NULL;
	if (!a)
		return err;
	a->events = events;
	a->arg = arg;
	a->told_fd = -1;
	take_algorithms(a, conf);
	err = start(a, base, conf);
	if (err) {
		auth_free(a);
		return err;
	}
	*out = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	if (a->loading)
		pthread_join(a->thread, NULL);
	for (unsigned i = 0; i < 2; i++) {
		users_free(a->loads[i].users);
		free(a->loads[i].path);
		free(a->loads[i].table);
	}
	users_free(a->users);
	users_free(a->credentials);
	if (a->told)
		event_free(a->told);
	if (a->told_fd >= 0)
		close(a->told_fd);
	nonces_free(a->nonces);
	free(a->path);
	free(a->table);
	free(a->credentials_path);
	free(a);
}

int auth_configure(struct auth *a, const struct conf_auth *conf)
{
	char *path = strdup(conf->users_file), *credentials = strdup(conf->credentials_file);
	char *table = strdup(conf->users_table);

	if (!path || !credentials || !table) {
		free(path);
		free(table);
		free(credentials);
		return -ENOMEM;
	}
	free(a->path);
	free(a->table);
	free(a->credentials_path);
	a->path = path;
	a->table = table;
	a->credentials_path = credentials;
	take_algorithms(a, conf);
	a->again = a->loading;
	return a->loading ? 0 : start_load(a);
}

const struct users *auth_credentials(const struct auth *a)
{
	return a->credentials;
}

/* ---- credentials ---- */

/* The credentials for a realm, of either header: who sends a request through several that challenge
 * has some for each (RFC 3261 section 22.3). */
static bool find_credentials(const struct sip_msg *msg, struct span realm,
			     struct digest_params *params)
{
	static const enum sip_hdr_id headers[] = {SIP_HDR_AUTHORIZATION,
						  SIP_HDR_PROXY_AUTHORIZATION};

	for (unsigned i = 0; i < 2; i++) {
		for (uint16_t at = msg->first[headers[i]]; at != SIP_HDR_NONE;
		     at = msg->hdrs[at].next) {
			if (digest_parse(sip_span(msg, msg->hdrs[at].value), params) == 0 &&
			    span_eq(params->realm, realm))
				return true;
		}
	}
	return false;
}

/* The digest-uri names what the request is for (RFC 7616 section 3.4.6): at least its host, and its
 * user where it names one, since what is in between may have changed the rest. */
static bool names_request(const struct sip_msg *msg, struct span text)
{
	struct sip_uri asked, named;

	return sip_uri_parse(sip_span(msg, msg->ruri), &asked) == 0 &&
	       sip_uri_parse(text, &named) == 0 && asked.is_sip == named.is_sip &&
	       (!asked.is_sip || (span_ieq(asked.host, named.host) &&
				  (!named.user.len || span_eq(asked.user, named.user))));
}

static bool is_offered(const struct auth *a, enum digest_algorithm algorithm)
{
	for (unsigned i = 0; i < a->nalgorithms; i++) {
		if (a->algorithms[i] == algorithm)
			return true;
	}
	return false;
}

/* Over the body as well where that is asked for (RFC 7616 section 3.4.3): it is as the user sent it. */
static bool takes_qop(const struct auth *a, struct span qop)
{
	return span_ieq(qop, SPAN("auth")) || (a->integrity && span_ieq(qop, SPAN("auth-int")));
}

/* Whether the response is the one of a user's password. Somebody who does not exist takes as long:
 * nobody is told who does. */
static bool is_right(const struct auth *a, const struct sip_msg *msg,
		     const struct digest_params *p)
{
	static const unsigned char nobody[DIGEST_BYTES_MAX];
	struct digest_request request = {
		.method = sip_span(msg, msg->method_name),
		.uri = p->uri,
		.nonce = p->nonce,
		.qop = p->qop,
		.nc = p->nc,
		.cnonce = p->cnonce,
		.body = sip_span(msg, msg->body),
	};
	const unsigned char *ha1;
	char wanted[DIGEST_HEX_MAX], given[DIGEST_HEX_MAX];
	unsigned len;

	if (!digest_from_name(p->algorithm, &request.algorithm) ||
	    !is_offered(a, request.algorithm) || !takes_qop(a, p->qop) ||
	    !p->cnonce.len || !names_request(msg, p->uri))
		return false;
	ha1 = a->users ? users_find(a->users, p->user, p->realm, request.algorithm) : NULL;
	if (!digest_response(&request, ha1 ? ha1 : nobody, wanted, &len) || p->response.len != len)
		return false;
	for (unsigned i = 0; i < len; i++) {
		char ch = p->response.ptr[i];

		given[i] = ch >= 'A' && ch <= 'F' ? (char)(ch | 0x20) : ch;
	}
	return CRYPTO_memcmp(wanted, given, len) == 0 && ha1;
}

static bool read_count(struct span text, uint32_t *count)
{
	unsigned char bytes[4];

	if (!read_hex(text, bytes, sizeof(bytes)))
		return false;
	*count = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		 bytes[3];
	return true;
}

static enum auth_result judge(struct auth *a, const struct sip_msg *msg,
			      const struct digest_params *p, const struct net_endpoint *source)
{
	uint64_t request = hash_fast(source->port, span_of(msg->buf, msg->len));
	uint32_t count;

	if (!read_count(p->nc, &count) || !is_right(a, msg, p))
		return AUTH_WRONG;
	switch (nonce_use(a->nonces, p->nonce, source, count, request, now_s(), a->nonce_s)) {
	case NONCE_GOOD:
		return AUTH_GOOD;
	case NONCE_REPLAY:
		return AUTH_REPLAY;
	default:
		return AUTH_STALE;
	}
}

enum auth_result auth_check(struct auth *a, const struct sip_msg *msg, struct span realm,
			    unsigned realm_index, const struct net_endpoint *source,
			    char user[DIGEST_USER_MAX], size_t *user_len)
{
	struct digest_params params;
	enum auth_result result;

	*user_len = 0;
	if (!find_credentials(msg, realm, &params))
		return AUTH_MISSING;
	memcpy(user, params.user_text, params.user.len);
	*user_len = params.user.len;
	result = judge(a, msg, &params, source);
	a->stats.good += result == AUTH_GOOD;
	a->stats.stale += result == AUTH_STALE;
	a->stats.wrong += result == AUTH_WRONG;
	a->stats.replayed += result == AUTH_REPLAY;
	if ((result == AUTH_WRONG || result == AUTH_REPLAY) && a->events)
		a->events->failed(a->arg, realm_index, source);
	return result;
}

uint16_t auth_challenge_status(const struct sip_msg *msg)
{
	return msg->method == SIP_METHOD_REGISTER ? 401 : 407;
}

void put_auth_challenge(struct cursor *out, struct auth *a, const struct sip_msg *msg,
			struct span realm, const struct net_endpoint *source, bool stale)
{
	a->stats.challenges++;
	for (unsigned i = 0; i < a->nalgorithms; i++) {
		if (auth_challenge_status(msg) == 401)
			put_lit(out, "WWW-Authenticate: Digest realm=\"");
		else
			put_lit(out, "Proxy-Authenticate: Digest realm=\"");
		put_span(out, realm);
		put_lit(out, "\", nonce=\"");
		put_nonce(out, a->nonces, source, now_s());
		put_lit(out, "\", qop=\"auth");
		if (a->integrity)
			put_lit(out, ",auth-int");
		put_lit(out, "\", algorithm=");
		put_span(out, span_str(digest_name((enum digest_algorithm)a->algorithms[i])));
		if (stale)
			put_lit(out, ", stale=true");
		put_lit(out, "\r\n");
	}
}

void auth_stats(const struct auth *a, struct auth_stats *stats)
{
	*stats = a->stats;
	stats->users = a->users ? users_count(a->users) : 0;
}
