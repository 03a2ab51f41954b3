/* SPDX-License-Identifier: BSD-3-Clause */
/* Edit plans by pair of trunks: which headers cross the border. limen-controlplane, loop thread. */
#include "controlplane/topology/plan.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "common/sip/edit_plan.h"

/* The safe set: headers that cross by themselves, both ways. Everything else is dropped, unknown
 * headers too, unless both trunks name it in headers_pass. A header is safe when what belongs in it
 * is a number, a date or a word out of a standard's vocabulary, and the call needs it or is better
 * for it. So these are not: names of products and people:  User-Agent, Server, Organization,
 * Subject URIs, hosts, identities:       Alert-Info, Call-Info, Error-Info, Reply-To, Warning,
 * Path, Service-Route, Diversion, History-Info, Refer-To, Referred-By, Remote-Party-ID, all P-
 * headers but one a dialog's or call's own ids:  In-Reply-To, Join, Replaces, Target-Dialog,
 * Session-ID, SIP-ETag realms, user names, URIs:      WWW-Authenticate, Proxy-Authenticate,
 * Authorization, Proxy-Authorization one hop's business:            Proxy-Require, Timestamp,
 * Max-Breadth what limen does not do yet:    Allow-Events outside of a dialog */
static const enum sip_hdr_id safe[] = {
	SIP_HDR_ACCEPT,
	SIP_HDR_ACCEPT_ENCODING,
	SIP_HDR_ACCEPT_LANGUAGE,
	SIP_HDR_ALLOW,
	SIP_HDR_CONTENT_DISPOSITION,
	SIP_HDR_CONTENT_ENCODING,
	SIP_HDR_CONTENT_LANGUAGE,
	SIP_HDR_CONTENT_TYPE,
	SIP_HDR_DATE,
	SIP_HDR_EVENT,
	SIP_HDR_EXPIRES,
	SIP_HDR_MIME_VERSION,
	SIP_HDR_MIN_EXPIRES,
	SIP_HDR_MIN_SE,
	SIP_HDR_P_EARLY_MEDIA, /* RFC 5009: words only */
	SIP_HDR_PRIORITY,
	SIP_HDR_PRIVACY,
	SIP_HDR_REASON, /* RFC 3326: the cause carriers bill and debug by */
	SIP_HDR_REQUIRE,
	SIP_HDR_RETRY_AFTER,
	SIP_HDR_SESSION_EXPIRES,
	SIP_HDR_SUBSCRIPTION_STATE,
	SIP_HDR_SUPPORTED,
	SIP_HDR_UNSUPPORTED,
};
static const char *const safe_names[] = {"Info-Package",
					 "Recv-Info"}; /* RFC 6086: registered words */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEPT_MAX   1024u /* plans */
#define SLOTS      (2 * KEPT_MAX)

struct kept {
	uint64_t pair; /* numbers of both trunks' lists, plus 1 each */
	char *bytes;   /* owned */
	uint32_t len;
};

struct plans {
	const struct conf *conf;
	unsigned *lists; /* by trunk: the first trunk with the same headers_pass */
	struct kept slots[SLOTS];
	unsigned nkept;
	char scratch[EDIT_PLAN_BYTES_MAX];
};

static bool lists_header(const struct conf_trunk *trunk, struct span name)
{
	for (unsigned i = 0; i < trunk->pass_count; i++) {
		if (span_ieq(span_str(trunk->pass[i]), name))
			return true;
	}
	return false;
}

static bool same_list(const struct conf_trunk *a, const struct conf_trunk *b)
{
	if (a->pass_count != b->pass_count)
		return false;
	for (unsigned i = 0; i < a->pass_count; i++) {
		if (!lists_header(b, span_str(a->pass[i])))
			return false;
	}
	return true;
}

/* Of a list, whatever its order. */
static uint64_t hash_list(const struct conf_trunk *trunk)
{
	uint64_t sum = trunk->pass_count;

	for (unsigned i = 0; i < trunk->pass_count; i++) {
		char lower[64];
		size_t len = 0;

		for (const char *c = trunk->pass[i]; *c && len < sizeof(lower); c++)
			lower[len++] = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
		sum += hash_fast(1, span_of(lower, len));
	}
	return sum;
}

/* Number each trunk's list by the first trunk that has it. */
static int number_lists(struct plans *plans)
{
	const struct conf *conf = plans->conf;
	uint32_t mask = 1;
	unsigned *seen; /* trunk + 1 */

	while (mask < conf->ntrunks * 2)
		mask = mask * 2 + 1;
	seen = calloc((size_t)mask + 1, sizeof(*seen));
	if (!seen)
		return -1;
	for (unsigned i = 0; i < conf->ntrunks; i++) {
		uint32_t at = (uint32_t)hash_list(&conf->trunks[i]) & mask;

		while (seen[at] && !same_list(&conf->trunks[seen[at] - 1], &conf->trunks[i]))
			at = (at + 1) & mask;
		if (!seen[at])
			seen[at] = i + 1;
		plans->lists[i] = seen[at] - 1;
	}
	free(seen);
	return 0;
}

struct plans *plans_new(const struct conf *conf)
{
	struct plans *plans = calloc(1, sizeof(*plans));

	if (!plans)
		return NULL;
	plans->conf = conf;
	plans->lists = calloc(conf->ntrunks + 1, sizeof(*plans->lists));
	if (!plans->lists || number_lists(plans)) {
		plans_free(plans);
		return NULL;
	}
	return plans;
}

void plans_free(struct plans *plans)
{
	if (!plans)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		free(plans->slots[i].bytes);
	free(plans->lists);
	free(plans);
}

static int add_rule(struct cursor *out, enum sip_hdr_id id, struct span name)
{
	int err = edit_plan_rule(out, EDIT_TO_B, EDIT_PASS, id, name, SPAN_NONE);

	return err ? err : edit_plan_rule(out, EDIT_TO_A, EDIT_PASS, id, name, SPAN_NONE);
}

static bool is_safe(struct span name)
{
	enum sip_hdr_id id = sip_hdr_id_from(name);

	for (size_t i = 0; i < COUNT(safe); i++) {
		if (safe[i] == id)
			return true;
	}
	for (size_t i = 0; i < COUNT(safe_names); i++) {
		if (span_ieq(name, span_str(safe_names[i])))
			return true;
	}
	return false;
}

static int build(struct cursor *out, const struct conf_trunk *from, const struct conf_trunk *to)
{
	int err = 0;

	edit_plan_start(out, EDIT_DROP, EDIT_DROP);
	for (size_t i = 0; i < COUNT(safe) && !err; i++)
		err = add_rule(out, safe[i], SPAN_NONE);
	for (size_t i = 0; i < COUNT(safe_names) && !err; i++)
		err = add_rule(out, SIP_HDR_OTHER, span_str(safe_names[i]));
	for (unsigned i = 0; i < from->pass_count && !err; i++) {
		struct span name = span_str(from->pass[i]);

		if (lists_header(to, name) && !is_safe(name))
			err = add_rule(out, SIP_HDR_OTHER, name);
	}
	return err ? err : edit_plan_finish(out);
}

struct span plans_get(struct plans *plans, unsigned from, unsigned to)
{
	uint64_t pair = (uint64_t)(plans->lists[from] + 1) << 32 | (plans->lists[to] + 1);
	uint32_t at = (uint32_t)hash_mix(pair, UINT64_C(0x9e3779b97f4a7c15)) % SLOTS;
	struct cursor out = cursor_on(plans->scratch, sizeof(plans->scratch));
	char *copy;

	for (; plans->slots[at].pair; at = (at + 1) % SLOTS) {
		if (plans->slots[at].pair == pair)
			return span_of(plans->slots[at].bytes, plans->slots[at].len);
	}
	if (build(&out, &plans->conf->trunks[from], &plans->conf->trunks[to]))
		return SPAN_NONE;
	copy = plans->nkept < KEPT_MAX ? malloc(out.len) : NULL;
	if (copy) {
		memcpy(copy, out.buf, out.len);
		plans->slots[at] = (struct kept){pair, copy, out.len};
		plans->nkept++;
		return span_of(copy, out.len);
	}
	return cursor_span(&out);
}
