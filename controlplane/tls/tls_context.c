/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenSSL's contexts of one `tls` of the config: one for each set of certificates that a server
 * shows, and one for clients. limen-controlplane, any thread. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "controlplane/tls/tls_priv.h"

#define TICKETS_EACH 1 /* in a TLS 1.3 handshake: a client opens one connection, and keeps it */

/* ---- which certificates for which name ---- */

static bool has_name(const struct tls_certificate *certificate, const char *name)
{
	return tls_names_have(certificate->names, span_str(name));
}

/* Of each kind of key the first certificate with that name. */
static struct tls_group group_of(const struct tls_profile *profile, const struct conf_tls *conf,
				 const char *name)
{
	struct tls_group group = {0};

	for (unsigned i = 0; i < conf->ncertificates; i++) {
		const struct tls_certificate *certificate =
			&profile->store->certificates[conf->certificates[i]];

		if (!group.of[certificate->kind] && has_name(certificate, name))
			group.of[certificate->kind] = certificate;
	}
	return group;
}

/* Where no name is asked for: the first certificate, and those of other kinds for one of its
 * names. */
static struct tls_group first_group(const struct tls_profile *profile,
				    const struct conf_tls *conf)
{
	const struct tls_certificate *first =
		&profile->store->certificates[conf->certificates[0]];
	struct tls_group group = {0};

	for (unsigned i = 0; i < first->names->n; i++) {
		struct tls_group other = group_of(profile, conf, first->names->list[i]);

		for (unsigned k = 0; k < TLS_KEY_KINDS; k++) {
			if (!group.of[k])
				group.of[k] = other.of[k];
		}
	}
	group.of[first->kind] = first;
	return group;
}

static unsigned group_index(struct tls_profile *profile, const struct tls_group *group)
{
	unsigned g;

	for (g = 0; g < profile->ngroups; g++) {
		if (memcmp(profile->groups[g].of, group->of, sizeof(group->of)) == 0)
			return g;
	}
	profile->groups[profile->ngroups++] = *group;
	return g;
}

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct tls_served *)left)->name,
		      ((const struct tls_served *)right)->name);
}

static int make_groups(struct tls_profile *profile, const struct conf_tls *conf)
{
	const struct tls_certificate *certificates = profile->store->certificates;
	unsigned n = 0, kept = 0;
	struct tls_group group;

	for (unsigned i = 0; i < conf->ncertificates; i++)
		n += certificates[conf->certificates[i]].names->n;
	profile->groups = calloc(n + 1, sizeof(*profile->groups));
	profile->served = calloc(n + 1, sizeof(*profile->served));
	if (!profile->groups || !profile->served)
		return -ENOMEM;
	group = first_group(profile, conf);
	group_index(profile, &group);
	for (unsigned i = 0; i < conf->ncertificates; i++) {
		const struct tls_names *names = certificates[conf->certificates[i]].names;

		for (unsigned j = 0; j < names->n; j++) {
			group = group_of(profile, conf, names->list[j]);
			profile->served[profile->nserved++] = (struct tls_served){
				names->list[j], group_index(profile, &group)};
		}
	}
	if (profile->nserved)
		qsort(profile->served, profile->nserved, sizeof(*profile->served), by_name);
	for (unsigned i = 0; i < profile->nserved; i++) {
		if (!kept || strcmp(profile->served[kept - 1].name, profile->served[i].name) != 0)
			profile->served[kept++] = profile->served[i];
	}
	profile->nserved = kept;
	return 0;
}

/* ---- contexts ---- */

static int show(SSL_CTX *ctx, const struct tls_group *group, struct tls_context_fault *fault)
{
	for (unsigned k = 0; k < TLS_KEY_KINDS; k++) {
		const struct tls_certificate *certificate = group->of[k];

		if (certificate &&
		    SSL_CTX_use_cert_and_key(ctx, certificate->leaf, certificate->key,
					     certificate->chain, 1) != 1)
			return tls_context_refuse(fault, "certificates", EINVAL,
						  "\"%.63s\" cannot be used: %s",
						  certificate->name, tls_openssl_reason());
	}
	return 0;
}

/* Sessions are only resumed where the same would be asked of the client: what it was verified by is
 * part of the name that they have. */
static int set_session_name(SSL_CTX *ctx, const struct conf_tls *conf)
{
	const char *files[] = {conf->ca_file, conf->crl_file};
	unsigned char hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	char why[TLS_WHY_BYTES];
	unsigned len = 0;
	bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
		    EVP_DigestUpdate(md, conf->name, strlen(conf->name) + 1) == 1 &&
		    EVP_DigestUpdate(md, &conf->verify_client, sizeof(conf->verify_client)) == 1;

	for (unsigned i = 0; good && i < 2; i++) {
		struct tls_file file = {0};

		if (conf->verify_client != CONF_VERIFY_NONE && *files[i] &&
		    tls_file_read(files[i], false, &file, why) == 0)
			good = EVP_DigestUpdate(md, file.bytes, file.len) == 1;
		good = good && EVP_DigestUpdate(md, &file.len, sizeof(file.len)) == 1;
		tls_file_free(&file);
	}
	good = good && EVP_DigestFinal_ex(md, hash, &len) == 1 &&
	       SSL_CTX_set_session_id_context(ctx, hash, SSL_MAX_SID_CTX_LENGTH) == 1;
	EVP_MD_CTX_free(md);
	return good ? 0 : -ENOMEM;
}

static void set_tickets(SSL_CTX *ctx, const struct tls_profile *profile)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold it all */
	if (!profile->tickets) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ctx, 0);
		return;
	}
	SSL_CTX_set_num_tickets(ctx, TICKETS_EACH);
	SSL_CTX_set_timeout(ctx, (long)(2 * profile->ticket_rotate_ns / CLOCK_NS_PER_S));
}

static int make_server(struct tls_profile *profile, const struct conf_tls *conf,
		       struct tls_group *group, struct tls_context_fault *fault)
{
	static const int modes[] = {SSL_VERIFY_NONE, SSL_VERIFY_PEER,
				    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT};
	SSL_CTX *ctx = group->server = SSL_CTX_new(TLS_server_method());
	STACK_OF(X509_NAME) *names = NULL;
	int err;

	if (!ctx)
		return tls_context_refuse(fault, "name", ENOMEM, "%s", tls_openssl_reason());
	err = tls_policy_set(ctx, conf, fault);
	if (!err)
		err = show(ctx, group, fault);
	if (err)
		return err;
	SSL_CTX_set_verify(ctx, modes[profile->verify_client], NULL);
	if (profile->verify_client != CONF_VERIFY_NONE) {
		SSL_CTX_set1_cert_store(ctx, profile->roots);
		names = SSL_dup_CA_list(profile->ca_names);
		if (!names)
			return tls_context_refuse(fault, "ca_file", ENOMEM, "out of memory");
		SSL_CTX_set_client_CA_list(ctx, names); /* takes them over */
	}
	if (set_session_name(ctx, conf))
		return tls_context_refuse(fault, "name", ENOMEM, "out of memory");
	set_tickets(ctx, profile);
	tls_callbacks_server(ctx, profile);
	return 0;
}

static int make_client(struct tls_profile *profile, const struct conf_tls *conf,
		       struct tls_context_fault *fault)
{
	SSL_CTX *ctx = profile->client = SSL_CTX_new(TLS_client_method());
	int err;

	if (!ctx)
		return tls_context_refuse(fault, "name", ENOMEM, "%s", tls_openssl_reason());
	err = tls_policy_set(ctx, conf, fault);
	if (!err && profile->ngroups)
		err = show(ctx, &profile->groups[0], fault);
	if (err)
		return err;
	SSL_CTX_set_verify(ctx, profile->verify_peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set1_cert_store(ctx, profile->roots);
	SSL_CTX_set_session_cache_mode(ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	if (!profile->tickets)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	tls_callbacks_client(ctx, profile);
	return 0;
}

static int open_keylog(struct tls_profile *profile, struct tls_context_fault *fault)
{
	int err;

	if (!*profile->keylog_path)
		return 0;
	profile->keylog_fd = open(profile->keylog_path,
				  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (profile->keylog_fd >= 0)
		return 0;
	err = errno;
	return tls_context_refuse(fault, "keylog_file", err, "%.90s: %s", profile->keylog_path,
				  strerror(err));
}

int tls_profile_make(struct tls_profile *profile, const struct conf_tls *conf,
		     struct tls_context_fault *fault)
{
	int err;

	profile->keylog_fd = -1;
	profile->name = strdup(conf->name);
	profile->keylog_path = strdup(conf->keylog_file);
	profile->verify_client = conf->verify_client;
	profile->verify_peer = conf->verify_peer;
	profile->tickets = conf->tickets;
	profile->ticket_rotate_ns = conf->ticket_rotate_s * CLOCK_NS_PER_S;
	profile->expiry_alarm_days = conf->expiry_alarm_days;
	if (!profile->name || !profile->keylog_path ||
	    (conf->ncertificates && make_groups(profile, conf)))
		return tls_context_refuse(fault, "name", ENOMEM, "out of memory");
	err = tls_trust_load(profile, conf, fault);
	if (!err)
		err = open_keylog(profile, fault);
	for (unsigned g = 0; !err && g < profile->ngroups; g++)
		err = make_server(profile, conf, &profile->groups[g], fault);
	return err ? err : make_client(profile, conf, fault);
}

void tls_profile_free(struct tls_profile *profile)
{
	for (unsigned g = 0; g < profile->ngroups; g++)
		SSL_CTX_free(profile->groups[g].server);
	SSL_CTX_free(profile->client);
	X509_STORE_free(profile->roots);
	sk_X509_NAME_pop_free(profile->ca_names, X509_NAME_free);
	tls_tickets_drop(profile->keys);
	if (profile->keylog_fd >= 0)
		close(profile->keylog_fd);
	free(profile->groups);
	free(profile->served);
	free(profile->name);
	free(profile->keylog_path);
}
