/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of TLS that need to see two keys at once. What the files hold is checked where they are
 * read, in the control plane. */
#include <string.h>

#include "common/conf/conf_cross.h"
#include "common/conf/conf_value.h"

static void check_realm(const struct conf_cross *x, unsigned index)
{
	const struct conf_realm *realm = &x->conf->realms[index];
	char key[CONF_KEY_BYTES], tls_key[CONF_KEY_BYTES];

	if (!realm->tls_port || conf_cross_faulty(x, key, "realms[%u].tls_port", index))
		return;
	if (realm->tls_port == realm->sip_port &&
	    !conf_cross_faulty(x, tls_key, "realms[%u].sip_port", index)) {
		conf_fault_at(x->doc, key, "%u is sip_port; TLS needs a port of its own",
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

void conf_cross_tls(const struct conf_cross *x)
{
	for (unsigned i = 0; i < x->conf->ntls; i++)
		check_verification(x, i);
	for (unsigned i = 0; i < x->conf->nrealms; i++)
		check_realm(x, i);
}
