/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of TLS that need to see two keys at once. What the files hold is checked where they are
 * read, in the control plane. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf_cross.h"
#include "common/conf/conf_value.h"

static void check_realm(const struct conf_cross *x, unsigned index)
{
	const struct conf_realm *realm = &x->conf->realms[index];
	char key[CONF_KEY_BYTES], tls_key[CONF_KEY_BYTES];

	if (!realm->tls_port || conf_cross_faulty(x, key, "realms[%u].tls_port", index))
		return;
	if (realm->tls_port == realm->tcp_port &&
	    !conf_cross_faulty(x, tls_key, "realms[%u].tcp_port", index)) {
		conf_fault_at(x->doc, key, "%u is tcp_port; TLS needs a port of its own",
			      realm->tls_port);
		return;
	}
	if (conf_cross_faulty(x, tls_key, "realms[%u].tls", index))
		return;
	if (realm->tls < 0) {
		conf_fault_at(x->doc, key, "needs `tls`: certificates and how they are used");
		return;
	}
	if (!x->conf->tls[realm->tls].ncertificates &&
	    !conf_cross_faulty(x, key, "tls[%d].certificates", realm->tls))
		conf_fault_at(x->doc, tls_key,
			      "\"%.63s\" has no certificates, and tls_port listens with them",
			      x->conf->tls[realm->tls].name);
}

static void check_verification(const struct conf_cross *x, unsigned index)
{
	const struct conf_tls *tls = &x->conf->tls[index];
	char key[CONF_KEY_BYTES];

	if (tls->verify_client != CONF_VERIFY_NONE && !*tls->ca_file &&
	    !conf_cross_faulty(x, key, "tls[%u].verify_client", index))
		conf_fault_at(x->doc, key,
			      "needs ca_file: clients are not held against the system's roots");
	if (*tls->crl_file && tls->verify_client == CONF_VERIFY_NONE && !tls->verify_peer &&
	    !conf_cross_faulty(x, key, "tls[%u].crl_file", index))
		conf_fault_at(x->doc, key,
			      "never used: verify_client is none and verify_peer is no");
}

/* A trunk's name with where it stands. */
struct name_at {
	const char *name;
	unsigned realm, trunk, item;
};

static int by_name(const void *left, const void *right)
{
	const struct name_at *a = left, *b = right;
	int order = a->realm != b->realm ? (a->realm < b->realm ? -1 : 1)
					 : strcmp(a->name, b->name);

	if (order)
		return order;
	return a->trunk != b->trunk ? (a->trunk < b->trunk ? -1 : 1)
				    : (a->item > b->item) - (a->item < b->item);
}

/* One name in one realm is one trunk. */
static int check_names(const struct conf_cross *x)
{
	const struct conf *conf = x->conf;
	struct name_at *all;
	char key[CONF_KEY_BYTES];
	size_t n = 0;

	for (unsigned t = 0; t < conf->ntrunks; t++)
		n += conf->trunks[t].ntls_names;
	all = n ? calloc(n, sizeof(*all)) : NULL;
	if (!all)
		return n ? -ENOMEM : 0;
	n = 0;
	for (unsigned t = 0; t < conf->ntrunks; t++) {
		const struct conf_trunk *trunk = &conf->trunks[t];

		for (unsigned i = 0; i < trunk->ntls_names; i++)
			all[n++] = (struct name_at){trunk->tls_names[i], trunk->realm, t, i};
	}
	qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 1; i < n; i++) {
		const struct name_at *was = &all[i - 1], *now = &all[i];

		if (was->realm != now->realm || strcmp(was->name, now->name) != 0 ||
		    conf_cross_faulty(x, key, "trunks[%u].tls_names[%u]", now->trunk, now->item))
			continue;
		conf_fault_at(x->doc, key, "\"%s\" is already a name of trunks[%u]", now->name,
			      was->trunk);
	}
	free(all);
	return 0;
}

int conf_cross_tls(const struct conf_cross *x)
{
	for (unsigned i = 0; i < x->conf->ntls; i++)
		check_verification(x, i);
	for (unsigned i = 0; i < x->conf->nrealms; i++)
		check_realm(x, i);
	return check_names(x);
}
