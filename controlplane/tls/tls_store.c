/* SPDX-License-Identifier: BSD-3-Clause */
/* All certificates of a config with the ways they are used. limen-controlplane, any thread. */
#include "controlplane/tls/tls_store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "controlplane/tls/tls_priv.h"

/* Private keys of some hundred certificates; a power of two, which OpenSSL asks for. */
#define LOCKED_BYTES	 (1u << 20)
#define LOCKED_BYTES_MIN 64

struct loading {
	const struct conf *conf;
	struct conf_error *errors;
	unsigned max;
	unsigned nerrors;
};

void tls_library_start(void)
{
	/* 1: locked; 2: there, but it could not be locked */
	int got = CRYPTO_secure_malloc_init(LOCKED_BYTES, LOCKED_BYTES_MIN);

	ERR_clear_error();
	if (got != 1 && !CRYPTO_secure_malloc_initialized())
		LOG(WARN, "tls", "no memory apart for private keys: they lie in the heap");
	else if (got == 2)
		LOG(WARN, "tls",
		    "memory of private keys cannot be locked and may be swapped out: see "
		    "LimitMEMLOCK");
}

__attribute__((format(printf, 5, 6))) static void fault(struct loading *l, const char *section,
							unsigned index, const char *key,
							const char *fmt, ...)
{
	struct conf_error *error = &l->errors[l->nerrors];
	va_list args;

	if (l->nerrors == l->max)
		return;
	l->nerrors++;
	*error = (struct conf_error){0};
	snprintf(error->key, sizeof(error->key), "%s[%u].%s", section, index, key);
	va_start(args, fmt);
	vsnprintf(error->reason, sizeof(error->reason), fmt, args);
	va_end(args);
	error->line = conf_line_of(l->conf, error->key);
}

static int load_certificates(struct loading *l, struct tls_store *store)
{
	int first = 0;

	for (unsigned i = 0; i < l->conf->ncertificates; i++) {
		struct tls_fault found;
		int err = tls_certificate_load(&l->conf->certificates[i], &store->certificates[i],
					       &found);

		if (err)
			fault(l, "certificates", i, found.key, "%.90s: %s", found.path, found.why);
		if (!first)
			first = err;
	}
	return first;
}

/* Of the `tls` of that name before; else new ones. */
static struct tls_tickets *keys_of(const struct tls_store *before, const char *name)
{
	for (unsigned i = 0; before && i < before->nprofiles; i++) {
		if (strcmp(before->profiles[i].name, name) == 0)
			return tls_tickets_hold(before->profiles[i].keys);
	}
	return tls_tickets_new();
}

static int load_profiles(struct loading *l, const struct tls_store *before,
			 struct tls_store *store)
{
	int first = 0;

	for (unsigned i = 0; i < l->conf->ntls; i++) {
		struct tls_profile *profile = &store->profiles[i];
		struct tls_context_fault found;
		int err = 0;

		profile->store = store;
		profile->keys = keys_of(before, l->conf->tls[i].name);
		if (!profile->keys)
			err = tls_context_refuse(&found, "name", ENOMEM, "out of memory");
		else
			err = tls_profile_make(profile, &l->conf->tls[i], &found);
		if (err)
			fault(l, "tls", i, found.key, "%s", found.why);
		if (!first)
			first = err;
	}
	return first;
}

static struct tls_store *make(const struct conf *conf)
{
	struct tls_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	atomic_init(&store->holders, 1);
	store->certificates = calloc(conf->ncertificates + 1, sizeof(*store->certificates));
	store->profiles = calloc(conf->ntls + 1, sizeof(*store->profiles));
	store->profile_of = calloc(conf->nrealms + 1, sizeof(*store->profile_of));
	store->sessions = tls_sessions_new();
	if (!store->certificates || !store->profiles || !store->profile_of || !store->sessions) {
		tls_store_drop(store);
		return NULL;
	}
	store->ncertificates = conf->ncertificates;
	store->nprofiles = conf->ntls;
	for (unsigned i = 0; i < conf->ntls; i++)
		store->profiles[i].keylog_fd = -1;
	store->nrealms = conf->nrealms;
	for (unsigned r = 0; r < conf->nrealms; r++)
		store->profile_of[r] = conf->realms[r].tls;
	return store;
}

int tls_store_load(const struct conf *conf, const struct tls_store *before,
		   struct tls_store **out, struct conf_error *errors, unsigned max,
		   unsigned *nerrors)
{
	struct loading l = {.conf = conf, .errors = errors, .max = max};
	struct tls_store *store = make(conf);
	int err = store ? load_certificates(&l, store) : -ENOMEM;

	*out = NULL;
	/* with what they show: without it their faults would be others' */
	if (!err)
		err = load_profiles(&l, before, store);
	*nerrors = l.nerrors;
	if (err)
		tls_store_drop(store);
	else
		*out = store;
	return err;
}

struct tls_store *tls_store_hold(struct tls_store *store)
{
	atomic_fetch_add_explicit(&store->holders, 1, memory_order_relaxed);
	return store;
}

void tls_store_drop(struct tls_store *store)
{
	if (!store || atomic_fetch_sub_explicit(&store->holders, 1, memory_order_acq_rel) != 1)
		return;
	tls_sessions_free(store->sessions);
	for (unsigned i = 0; i < store->nprofiles; i++)
		tls_profile_free(&store->profiles[i]);
	for (unsigned i = 0; i < store->ncertificates; i++)
		tls_certificate_free(&store->certificates[i]);
	free(store->profiles);
	free(store->certificates);
	free(store->profile_of);
	free(store);
}

static void warn_of_certificate(const struct tls_certificate *c, int64_t now_s)
{
	if (c->not_after_s <= now_s)
		LOG(WARN, "tls", "a certificate has expired", LOG_STR("certificate", c->name),
		    LOG_STR("file", c->chain_path), LOG_STR("subject", c->subject));
	else if (c->not_before_s > now_s)
		LOG(WARN, "tls", "a certificate is not valid yet", LOG_STR("certificate", c->name),
		    LOG_STR("file", c->chain_path), LOG_STR("subject", c->subject));
	if (c->ocsp && !tls_certificate_ocsp_good(c, now_s))
		LOG(WARN, "tls", "an OCSP response has run out and is not sent",
		    LOG_STR("certificate", c->name));
}

void tls_store_warn(const struct tls_store *store)
{
	int64_t now_s = (int64_t)time(NULL);

	for (unsigned i = 0; i < store->ncertificates; i++)
		warn_of_certificate(&store->certificates[i], now_s);
	for (unsigned i = 0; i < store->nprofiles; i++) {
		const struct tls_profile *profile = &store->profiles[i];

		if (profile->crls_stale)
			LOG(WARN, "tls", "revocation lists in crl_file have run out: certificates "
			    "of their issuers are refused",
			    LOG_STR("tls", profile->name), LOG_U64("lists", profile->crls_stale));
		if (!profile->verify_peer)
			LOG(WARN, "tls", "verify_peer is no: whoever answers is taken for the peer",
			    LOG_STR("tls", profile->name));
		if (*profile->keylog_path)
			LOG(WARN, "tls", "keylog_file is set: whoever reads that file reads all "
			    "that is said over TLS",
			    LOG_STR("tls", profile->name), LOG_STR("file", profile->keylog_path));
	}
}

const struct tls_certificate *tls_store_certificate(const struct tls_store *store, unsigned index)
{
	return store && index < store->ncertificates ? &store->certificates[index] : NULL;
}

static bool shows(const struct tls_profile *profile, const struct tls_certificate *certificate)
{
	for (unsigned g = 0; g < profile->ngroups; g++) {
		for (unsigned k = 0; k < TLS_KEY_KINDS; k++) {
			if (profile->groups[g].of[k] == certificate)
				return true;
		}
	}
	return false;
}

unsigned tls_store_alarm_days(const struct tls_store *store, unsigned certificate)
{
	unsigned days = 0;

	for (unsigned i = 0; i < store->nprofiles; i++) {
		const struct tls_profile *profile = &store->profiles[i];

		if (shows(profile, &store->certificates[certificate]) &&
		    profile->expiry_alarm_days > days)
			days = profile->expiry_alarm_days;
	}
	return days;
}

void tls_store_users(const struct tls_store *store, unsigned certificate,
		     void (*use)(void *arg, const char *tls), void *arg)
{
	for (unsigned i = 0; i < store->nprofiles; i++) {
		if (shows(&store->profiles[i], &store->certificates[certificate]))
			use(arg, store->profiles[i].name);
	}
}

const char *tls_store_keylog(const struct tls_store *store, unsigned index, const char **tls)
{
	if (!store || index >= store->nprofiles)
		return NULL;
	*tls = store->profiles[index].name;
	return store->profiles[index].keylog_path;
}
