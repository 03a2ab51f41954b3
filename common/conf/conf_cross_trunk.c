/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks that need to see two keys at once, of trunks: peers and sources against the realm and each
 * other, rules that contradict each other. */
#include <errno.h>
#include <stdlib.h>

#include "common/conf/conf_cross.h"
#include "common/conf/conf_value.h"
#include "common/sip/sip_msg.h"

static const struct conf_addr *realm_addr(const struct conf_realm *realm, uint8_t family)
{
	for (unsigned a = 0; a < realm->naddrs; a++) {
		if (realm->addrs[a].prefix.family == family)
			return &realm->addrs[a];
	}
	return NULL;
}

static bool same_peer(const struct conf_trunk *trunk, unsigned a, unsigned b)
{
	const char *host = trunk->peer_of[a].host, *other = trunk->peer_of[b].host;

	if (trunk->peer_of[a].transport != trunk->peer_of[b].transport)
		return false;
	if (!host || !other)
		return !host && !other && net_endpoint_eq(&trunk->peers[a], &trunk->peers[b]);
	return strcmp(host, other) == 0 && trunk->peers[a].port == trunk->peers[b].port;
}

static void check_peers(const struct conf_cross *x, unsigned index)
{
	const struct conf_trunk *trunk = &x->conf->trunks[index];
	const struct conf_realm *realm = &x->conf->realms[trunk->realm];
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < trunk->npeers; i++) {
		const struct net_endpoint *peer = &trunk->peers[i];
		const struct conf_addr *addr = realm_addr(realm, peer->family);
		struct net_prefix net;

		conf_path(key, "trunks[%u].peers[%u]", index, i);
		for (unsigned j = 0; j < i; j++) {
			if (same_peer(trunk, j, i))
				conf_fault_at(x->doc, key, "the same as peers[%u]", j);
		}
		if (trunk->peer_of[i].host && *trunk->account_user)
			conf_fault_at(x->doc, key, "a name, but limen registers at addresses only: "
				      "write them, or leave account_user out");
		if (trunk->peer_of[i].host)
			continue;
		if (!addr) {
			conf_fault_at(x->doc, key, "IPv%u, but realm \"%s\" has no IPv%u address",
				      peer->family, realm->name, peer->family);
			continue;
		}
		net = conf_network_of(&addr->prefix);
		if (net_addr_eq(&addr->prefix.addr, &peer->addr))
			conf_fault_at(x->doc, key, "%s is limen's own address",
				      conf_show_addr(peer->family, &peer->addr));
		else if (!addr->has_gateway && !net_prefix_has(&net, peer->family, &peer->addr))
			conf_fault_at(
				x->doc, key,
				"outside the subnet %s of realm \"%s\", which has no IPv%u gateway",
				conf_show_prefix(&net), realm->name, peer->family);
	}
}

/* The first of a list's headers that has this name, in any case, or -1. */
static int find_header(char *const *list, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (span_ieq(span_str(list[i]), span_str(name)))
			return (int)i;
	}
	return -1;
}

/* Nothing twice in a list. */
static void check_headers(const struct conf_cross *x, unsigned index, const char *list_name,
			  char *const *list, unsigned n)
{
	char key[CONF_KEY_BYTES];

	for (unsigned i = 1; i < n; i++) {
		int twin = find_header(list, i, list[i]);

		if (twin >= 0 &&
		    !conf_cross_faulty(x, key, "trunks[%u].%s[%u]", index, list_name, i))
			conf_fault_at(x->doc, key, "the same as %s[%d]", list_name, twin);
	}
}

/* Without these the rest of a message means something else, or nothing. */
static bool is_needed(const char *name)
{
	switch (sip_hdr_id_from(span_str(name))) {
	case SIP_HDR_CONTENT_TYPE:
	case SIP_HDR_CONTENT_ENCODING:
	case SIP_HDR_EVENT:
	case SIP_HDR_EXPIRES:
	case SIP_HDR_REQUIRE:
	case SIP_HDR_SUBSCRIPTION_STATE:
		return true;
	default:
		return false;
	}
}

/* No header of a list in another one. */
static void check_apart(const struct conf_cross *x, unsigned index, const char *list_name,
			char *const *list, unsigned n, const char *other_name, char *const *other,
			unsigned nother)
{
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < n; i++) {
		int twin = find_header(other, nother, list[i]);

		if (twin >= 0 &&
		    !conf_cross_faulty(x, key, "trunks[%u].%s[%u]", index, list_name, i))
			conf_fault_at(x->doc, key, "%s[%d] names it too", other_name, twin);
	}
}

static void check_header_rules(const struct conf_cross *x, unsigned index)
{
	const struct conf_trunk *trunk = &x->conf->trunks[index];
	char key[CONF_KEY_BYTES];

	check_headers(x, index, "headers_pass", trunk->pass, trunk->pass_count);
	check_headers(x, index, "headers_hide", trunk->hide, trunk->hide_count);
	check_headers(x, index, "headers_drop", trunk->drop, trunk->drop_count);
	check_apart(x, index, "headers_hide", trunk->hide, trunk->hide_count, "headers_pass",
		    trunk->pass, trunk->pass_count);
	check_apart(x, index, "headers_drop", trunk->drop, trunk->drop_count, "headers_pass",
		    trunk->pass, trunk->pass_count);
	check_apart(x, index, "headers_drop", trunk->drop, trunk->drop_count, "headers_hide",
		    trunk->hide, trunk->hide_count);
	for (unsigned i = 0; i < trunk->drop_count; i++) {
		if (conf_cross_faulty(x, key, "trunks[%u].headers_drop[%u]", index, i))
			continue;
		if (is_needed(trunk->drop[i]))
			conf_fault_at(x->doc, key,
				      "messages mean something else without it: \"%.40s\"",
				      trunk->drop[i]);
	}
}

static void check_words(const struct conf_cross *x, unsigned index)
{
	const struct raw_trunks *raw = &x->raw->trunks[index];

	check_headers(x, index, "methods", raw->methods, raw->methods_count);
	check_headers(x, index, "failover_codes", raw->failover_codes, raw->failover_codes_count);
	check_headers(x, index, "srtp_suites", raw->srtp_suites, raw->srtp_suites_count);
}

/* RFC 4028 section 5: 90 seconds is the shortest interval there is. */
static void check_session(const struct conf_cross *x, unsigned index)
{
	const struct conf_trunk *trunk = &x->conf->trunks[index];
	char key[CONF_KEY_BYTES];

	if (!trunk->session_expires_s ||
	    conf_cross_faulty(x, key, "trunks[%u].min_se_s", index) ||
	    conf_cross_faulty(x, key, "trunks[%u].session_expires_s", index))
		return;
	if (trunk->session_expires_s < 90) {
		conf_fault_at(x->doc, key, "shorter than a session can be: %u; must be 0, or from "
			      "90 to 65535", trunk->session_expires_s);
		return;
	}
	if (trunk->session_expires_s >= trunk->min_se_s)
		return;
	conf_path(key, "trunks[%u].min_se_s", index);
	conf_fault_at(x->doc, key, "longer than session_expires_s, which is %u",
		      trunk->session_expires_s);
}

/* A challenge needs a realm, and users to be known. */
static void check_auth(const struct conf_cross *x, unsigned index)
{
	const struct conf_trunk *trunk = &x->conf->trunks[index];
	char key[CONF_KEY_BYTES];

	if (!trunk->auth_digest || conf_cross_faulty(x, key, "trunks[%u].auth", index))
		return;
	if (!*x->conf->auth.users_file && !conf_doc_faulty_at(x->doc, "auth.users_file"))
		conf_fault_at(x->doc, key, "digest, but auth.users_file names no users");
	else if (!*trunk->auth_realm)
		conf_fault_at(x->doc, key, "digest needs auth_realm");
}

static void check_source_families(const struct conf_cross *x, unsigned index)
{
	const struct conf_trunk *trunk = &x->conf->trunks[index];
	const struct conf_realm *realm = &x->conf->realms[trunk->realm];
	char key[CONF_KEY_BYTES];

	if (!x->raw->trunks[index].sources_count ||
	    conf_cross_faulty(x, key, "trunks[%u].sources", index))
		return;
	for (unsigned s = 0; s < trunk->nsources; s++) {
		uint8_t family = trunk->sources[s].family;

		conf_path(key, "trunks[%u].sources[%u]", index, s);
		if (!realm_addr(realm, family))
			conf_fault_at(x->doc, key, "IPv%u, but realm \"%s\" has no IPv%u address",
				      family, realm->name, family);
	}
}

static void check_trunks(const struct conf_cross *x)
{
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < x->conf->ntrunks; i++) {
		unsigned realm = x->conf->trunks[i].realm;
		bool realm_known = !conf_cross_faulty(x, key, "trunks[%u].realm", i) &&
				   !conf_cross_faulty(x, key, "realms[%u].addresses", realm) &&
				   !conf_cross_faulty(x, key, "realms[%u].gateways", realm);

		if (realm_known && !conf_cross_faulty(x, key, "trunks[%u].peers", i))
			check_peers(x, i);
		if (realm_known)
			check_source_families(x, i);
		check_header_rules(x, i);
		check_words(x, i);
		check_session(x, i);
		check_auth(x, i);
	}
}

/* A source of a trunk, sortable so that equal ones meet. */
struct source {
	unsigned realm, trunk, at;
	struct net_prefix prefix;
};

static int by_source(const void *left, const void *right)
{
	const struct source *a = left, *b = right;
	int order;

	if (a->realm != b->realm)
		return a->realm < b->realm ? -1 : 1;
	order = memcmp(&a->prefix, &b->prefix, sizeof(a->prefix));
	if (order)
		return order;
	if (a->trunk != b->trunk)
		return a->trunk < b->trunk ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

/* One network of one realm can be one trunk's only. */
static int check_sources(const struct conf_cross *x)
{
	struct source *all;
	size_t n = 0, room = 1;
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < x->conf->ntrunks; i++)
		room += x->conf->trunks[i].nsources;
	all = malloc(room * sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (unsigned i = 0; i < x->conf->ntrunks; i++) {
		const struct conf_trunk *trunk = &x->conf->trunks[i];

		if (conf_cross_faulty(x, key, "trunks[%u].realm", i) ||
		    conf_cross_faulty(x, key, "trunks[%u].sources", i))
			continue;
		if (!x->raw->trunks[i].sources_count &&
		    conf_cross_faulty(x, key, "trunks[%u].peers", i))
			continue;
		for (unsigned s = 0; s < trunk->nsources; s++)
			all[n++] = (struct source){trunk->realm, i, s, trunk->sources[s]};
	}
	qsort(all, n, sizeof(*all), by_source);
	for (size_t i = 1; i < n; i++) {
		const struct source *was = &all[i - 1], *is = &all[i];
		bool given = x->raw->trunks[is->trunk].sources_count;

		if (was->realm != is->realm ||
		    memcmp(&was->prefix, &is->prefix, sizeof(is->prefix)) != 0)
			continue;
		if (given)
			conf_path(key, "trunks[%u].sources[%u]", is->trunk, is->at);
		else
			conf_path(key, "trunks[%u].peers", is->trunk);
		if (was->trunk == is->trunk)
			conf_fault_at(x->doc, key, "the same as sources[%u]", was->at);
		else
			conf_fault_at(x->doc, key,
				      "%s is already a source of trunks[%u]; requests from it "
				      "could be either's",
				      conf_show_prefix(&is->prefix), was->trunk);
	}
	free(all);
	return 0;
}

int conf_cross_trunks(const struct conf_cross *x)
{
	check_trunks(x);
	return check_sources(x);
}
