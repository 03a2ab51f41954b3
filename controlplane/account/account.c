/* SPDX-License-Identifier: BSD-3-Clause */
/* limen's accounts with carriers. limen-controlplane, loop thread. */
#include "controlplane/account/account.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "controlplane/account/challenge.h"
#include "controlplane/auth/users.h"

#define NEVER_NS       UINT64_MAX
#define NONCES	       1024u
#define ID_MARK	       (UINT64_C(1) << 63) /* ids of OPTIONS have it not */
/* RFC 5626 section 4.5: 30 s, doubled with each failure, 30 min at the most. */
#define BACK_OFF_S     30u
#define BACK_OFF_MAX_S 1800u
#define EXPIRES_MIN_S  10u
#define SPREAD_NS      (2 * CLOCK_NS_PER_S) /* of the first requests */

struct account {
	char name[64]; /* trunk's */
	char user[64];
	unsigned trunk, peer;
	uint8_t state;
	uint16_t status;
	uint32_t cseq, expires_s;
	uint64_t seed, id; /* id 0: nothing is on its way */
	uint64_t due_ns;
	uint64_t since_ns, until_ns; /* UNIX time */
	unsigned failures;  /* in a row */
	unsigned peers_bad; /* of the trunk's, in this round */
	unsigned challenged; /* in a row */
	struct challenge challenge; /* in force: its nonce is used again with each refresh */
};

struct accounts {
	const struct conf *conf;
	struct account *list; /* owned */
	unsigned n;
	bool up;
	uint64_t last_id;
	/* How often nonces were used that came with challenges of other requests, by their hash:
	 * one that is forgotten begins anew, and is stale for who counts. */
	struct nonce_use {
		uint64_t nonce;
		uint32_t nc;
	} uses[NONCES];
	struct account_stats stats;
};

const char *account_state_name(enum account_state state)
{
	static const char *const names[ACCOUNT_STATES] = {"trying", "registered", "failed"};

	return names[state];
}

struct accounts *accounts_new(void)
{
	return calloc(1, sizeof(struct accounts));
}

static void free_list(struct account *list, unsigned n)
{
	if (list)
		explicit_bzero(list, n * sizeof(*list));
	free(list);
}

void accounts_free(struct accounts *a)
{
	if (!a)
		return;
	free_list(a->list, a->n);
	free(a);
}

static const struct account *find_same(const struct accounts *a, const struct conf_trunk *trunk)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (strcmp(a->list[i].name, trunk->name) == 0 &&
		    strcmp(a->list[i].user, trunk->account_user) == 0 &&
		    a->list[i].peer < trunk->npeers)
			return &a->list[i];
	}
	return NULL;
}

int accounts_configure(struct accounts *a, const struct conf *conf, uint64_t now_ns,
		       uint64_t random)
{
	unsigned n = 0, at = 0;
	struct account *list;

	for (unsigned t = 0; t < conf->ntrunks; t++)
		n += *conf->trunks[t].account_user != '\0';
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (unsigned t = 0; t < conf->ntrunks; t++) {
		const struct conf_trunk *trunk = &conf->trunks[t];
		const struct account *was = *trunk->account_user ? find_same(a, trunk) : NULL;
		struct account *now = &list[at];

		if (!*trunk->account_user)
			continue;
		at++;
		if (was) {
			*now = *was;
		} else {
			strncpy(now->name, trunk->name, sizeof(now->name) - 1);
			strncpy(now->user, trunk->account_user, sizeof(now->user) - 1);
			now->seed = hash_mix(random + at, UINT64_C(0x9e3779b97f4a7c15));
			now->due_ns = now_ns + now->seed % SPREAD_NS;
		}
		now->trunk = t;
		if (!was || now->expires_s < trunk->account_expires_s)
			now->expires_s = trunk->account_expires_s;
	}
	free_list(a->list, a->n);
	a->list = list;
	a->n = n;
	a->conf = conf;
	return 0;
}

void accounts_link(struct accounts *a, bool up, uint64_t now_ns, uint64_t random)
{
	a->up = up;
	for (unsigned i = 0; i < a->n; i++) {
		struct account *account = &a->list[i];

		if (account->id || account->due_ns < now_ns)
			account->due_ns =
				now_ns + hash_mix(random + i, account->seed | 1) % SPREAD_NS;
		account->id = 0;
	}
}

static bool is_waiting(const struct account *account)
{
	return account->id == 0;
}

bool accounts_due(const struct accounts *a, uint64_t *due_ns)
{
	*due_ns = NEVER_NS;
	for (unsigned i = 0; i < a->n && a->up; i++) {
		if (is_waiting(&a->list[i]) && a->list[i].due_ns < *due_ns)
			*due_ns = a->list[i].due_ns;
	}
	return *due_ns != NEVER_NS;
}

bool accounts_next(struct accounts *a, uint64_t now_ns, struct account_request *request)
{
	for (unsigned i = 0; i < a->n && a->up; i++) {
		struct account *account = &a->list[i];

		if (!is_waiting(account) || account->due_ns > now_ns)
			continue;
		account->id = ID_MARK | ++a->last_id;
		account->cseq++;
		a->stats.sent++;
		*request = (struct account_request){.id = account->id,
						    .seed = account->seed,
						    .account = i,
						    .trunk = account->trunk,
						    .peer = account->peer,
						    .cseq = account->cseq};
		return true;
	}
	return false;
}

void accounts_unsent(struct accounts *a, const struct account_request *request, uint64_t again_ns)
{
	struct account *account = &a->list[request->account];

	account->id = 0;
	account->due_ns = again_ns;
	a->stats.sent--;
}

/* ---- what it sends ---- */

void put_account_domain(struct cursor *out, const struct conf_trunk *trunk,
			const struct net_endpoint *peer)
{
	if (*trunk->account_domain)
		put_span(out, span_str(trunk->account_domain));
	else
		put_addr_sip(out, peer->family, &peer->addr);
}

static struct span auth_user(const struct conf_trunk *trunk)
{
	return span_str(*trunk->account_auth_user ? trunk->account_auth_user
						  : trunk->account_user);
}

void put_account_headers(struct cursor *out, struct accounts *a,
			 const struct account_request *request, const struct net_endpoint *limen,
			 const struct net_endpoint *peer)
{
	struct account *account = &a->list[request->account];
	const struct conf_trunk *trunk = &a->conf->trunks[account->trunk];
	char text[CHALLENGE_TEXT_MAX];
	struct cursor uri = cursor_on(text, sizeof(text));
	enum net_transport transport = trunk->peer_of[request->peer].transport;

	put_lit(out, "Contact: <sip:");
	put_span(out, span_str(trunk->account_user));
	put_char(out, '@');
	put_addr_sip(out, limen->family, &limen->addr);
	put_char(out, ':');
	put_u64(out, limen->port);
	if (transport != NET_UDP) {
		put_lit(out, ";transport=");
		put_span(out, span_str(net_transport_param(transport)));
	}
	put_lit(out, ">;expires=");
	put_u64(out, account->expires_s);
	put_lit(out, "\r\nExpires: ");
	put_u64(out, account->expires_s);
	put_lit(out, "\r\n");
	if (!account->challenge.known)
		return;
	put_lit(&uri, "sip:");
	put_account_domain(&uri, trunk, peer);
	put_challenge_answer(out, &account->challenge, auth_user(trunk), SPAN("REGISTER"),
			     cursor_span(&uri),
			     hash_mix(account->seed ^ account->cseq, UINT64_C(0xd6e8feb86659fd93)));
}

/* ---- what comes back ---- */

/* For how long the carrier keeps limen's contact, whichever of its Contacts that is. */
static uint32_t granted_s(const struct account *account, const struct sip_msg *answer)
{
	struct sip_values it = sip_values(answer, SIP_HDR_CONTACT);
	struct span value, text = sip_hdr_value(answer, SIP_HDR_EXPIRES);
	uint64_t expires = account->expires_s;

	while (sip_values_next(&it, &value)) {
		struct sip_name_addr addr;
		struct sip_uri uri;
		struct span param;

		if (sip_name_addr_parse(value, &addr) || sip_uri_parse(addr.uri, &uri) ||
		    !span_eq(uri.user, span_str(account->user)))
			continue;
		if (sip_param_find(addr.params, SPAN("expires"), &param))
			text = param;
		break;
	}
	if (text.len && sip_number_parse(text, UINT32_MAX, &expires))
		expires = account->expires_s;
	if (expires > account->expires_s)
		expires = account->expires_s;
	return expires < EXPIRES_MIN_S ? EXPIRES_MIN_S : (uint32_t)expires;
}

static uint64_t retry_after_s(const struct sip_msg *answer)
{
	struct span text = answer ? sip_hdr_value(answer, SIP_HDR_RETRY_AFTER) : SPAN_NONE;
	uint64_t seconds;
	size_t len = 0;

	while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
		len++;
	return len && !sip_number_parse(span_of(text.ptr, len), BACK_OFF_MAX_S, &seconds) ? seconds
											  : 0;
}

static void enter(struct account *account, enum account_state state, uint64_t unix_ns)
{
	if (account->state != state || !account->since_ns)
		account->since_ns = unix_ns;
	account->state = (uint8_t)state;
}

static void succeed(struct account *account, const struct sip_msg *answer, uint64_t now_ns,
		    uint64_t unix_ns, uint64_t random)
{
	uint64_t granted_ns = granted_s(account, answer) * CLOCK_NS_PER_S;

	enter(account, ACCOUNT_REGISTERED, unix_ns);
	account->until_ns = unix_ns + granted_ns;
	account->failures = account->peers_bad = account->challenged = 0;
	/* at 75 to 85 % of its time, so that many do not come together */
	account->due_ns = now_ns + granted_ns / 100 * (75 + random % 11);
}

/* The next peer at once, and after a round of all a pause that grows. */
static void fail(struct account *account, const struct conf_trunk *trunk,
		 const struct sip_msg *answer, bool by_peer, uint64_t now_ns, uint64_t unix_ns,
		 uint64_t random)
{
	uint64_t wait_s = BACK_OFF_S, least_s = retry_after_s(answer), wait_ns;

	account->challenged = 0;
	account->challenge.known = false;
	if (account->state != ACCOUNT_REGISTERED || account->until_ns <= unix_ns)
		enter(account, ACCOUNT_FAILED, unix_ns);
	if (by_peer && ++account->peers_bad < trunk->npeers) {
		account->peer = (account->peer + 1) % trunk->npeers;
		account->due_ns = now_ns;
		return;
	}
	account->peers_bad = 0;
	account->peer = (account->peer + by_peer) % trunk->npeers;
	for (unsigned i = 0; i < account->failures && wait_s < BACK_OFF_MAX_S; i++)
		wait_s *= 2;
	account->failures++;
	if (wait_s > BACK_OFF_MAX_S)
		wait_s = BACK_OFF_MAX_S;
	wait_ns = wait_s * CLOCK_NS_PER_S / 100 * (50 + random % 51);
	if (wait_ns < least_s * CLOCK_NS_PER_S)
		wait_ns = least_s * CLOCK_NS_PER_S;
	account->due_ns = now_ns + wait_ns;
}

/* RFC 3261 section 10.2.8: for longer, then. */
static bool take_min_expires(struct account *account, const struct sip_msg *answer)
{
	uint64_t least;

	if (!answer ||
	    sip_number_parse(sip_hdr_value(answer, SIP_HDR_MIN_EXPIRES), 7 * 86400, &least) ||
	    least <= account->expires_s)
		return false;
	account->expires_s = (uint32_t)least;
	return true;
}

/* Twice in a row a challenge is answered, the second time only where the nonce alone was wrong. */
static bool goes_on(struct accounts *a, struct account *account, const struct conf_trunk *trunk,
		    uint16_t status, const struct sip_msg *answer, const struct users *credentials)
{
	bool stale = false;

	if (status == 423)
		return take_min_expires(account, answer);
	if ((status != 401 && status != 407) || !answer || account->challenged >= 2)
		return false;
	if (!challenge_read(&account->challenge, answer, auth_user(trunk), credentials, &stale)) {
		a->stats.no_credentials++;
		return false;
	}
	a->stats.challenged++;
	return ++account->challenged == 1 || stale;
}

static struct account *find_id(struct accounts *a, uint64_t id)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (a->list[i].id == id)
			return &a->list[i];
	}
	return NULL;
}

bool accounts_end(struct accounts *a, uint64_t id, uint16_t status, const struct sip_msg *answer,
		  const struct users *credentials, uint64_t now_ns, uint64_t unix_ns,
		  uint64_t random, struct account_view *view)
{
	struct account *account = id & ID_MARK ? find_id(a, id) : NULL;
	const struct conf_trunk *trunk;
	uint8_t was;

	if (!account) {
		a->stats.late++;
		return false;
	}
	trunk = &a->conf->trunks[account->trunk];
	was = account->state;
	account->id = 0;
	account->status = status;
	if (status / 100 == 2 && answer) {
		a->stats.registered++;
		succeed(account, answer, now_ns, unix_ns, random);
	} else if (goes_on(a, account, trunk, status, answer, credentials)) {
		account->due_ns = now_ns;
	} else {
		a->stats.failed++;
		/* 4xx is about the account, which the next peer has not either */
		fail(account, trunk, answer,
		     status == 408 || status == 430 || status == 480 || status >= 500, now_ns,
		     unix_ns, random);
	}
	*view = accounts_view(a, (unsigned)(account - a->list));
	return account->state != was;
}

unsigned accounts_count(const struct accounts *a)
{
	return a->n;
}

struct account_view accounts_view(const struct accounts *a, unsigned i)
{
	const struct account *account = &a->list[i];

	return (struct account_view){
		.trunk = account->trunk,
		.peer = account->peer,
		.state = account->state,
		.status = account->status,
		.cseq = account->cseq,
		.since_ns = account->since_ns,
		.expires_ns = account->state == ACCOUNT_REGISTERED ? account->until_ns : 0,
	};
}

void accounts_stats(const struct accounts *a, struct account_stats *stats)
{
	*stats = a->stats;
}

/* ---- other requests ---- */

static struct nonce_use *use_of(struct accounts *a, const struct challenge *c, struct span user)
{
	uint64_t hash = hash_fast(hash_fast(hash_fast(0, user), span_str(c->realm)),
				  span_str(c->nonce));
	struct nonce_use *use = &a->uses[hash % NONCES];

	if (use->nonce != hash)
		*use = (struct nonce_use){.nonce = hash};
	return use;
}

bool put_account_credentials(struct cursor *out, struct accounts *a,
			     const struct account_challenge *asked,
			     const struct users *credentials)
{
	struct span user = auth_user(asked->trunk);
	struct challenge c = {.known = false};
	struct nonce_use *use;
	bool stale = false;

	/* the same once more is no better, unless only the nonce was over */
	if (!challenge_read(&c, asked->answer, user, credentials, &stale) ||
	    (asked->again && !stale)) {
		a->stats.no_credentials++;
		return false;
	}
	use = use_of(a, &c, user);
	c.nc = use->nc;
	put_challenge_answer(out, &c, user, asked->method, asked->uri, asked->random);
	use->nc = c.nc;
	explicit_bzero(&c, sizeof(c));
	a->stats.answered++;
	return !out->full;
}
