/* SPDX-License-Identifier: BSD-3-Clause */
/* One edit plan, from what two trunks say of headers. limen-controlplane, loop thread. */
#include "controlplane/topology/plan_draft.h"

#include "common/sip/edit_plan.h"
#include "controlplane/policy/explain.h"
#include "controlplane/topology/plan.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The safe set: headers that cross by themselves, both ways, unless a trunk names them in
 * headers_drop. Everything else is dropped, unknown headers too, unless both trunks name it in
 * headers_pass, or another key of theirs says so. A header is safe when what belongs in it is a
 * number, a date or a word out of a standard's vocabulary, and the far side needs it or is better
 * for it. So these are not:
 * - names of products and people: User-Agent, Server, Organization, Subject
 * - URIs, hosts, identities: Alert-Info, Call-Info, Error-Info, Reply-To, Warning, Path,
 *   Service-Route, Diversion, History-Info, Refer-To, Referred-By, Remote-Party-ID, all P- headers
 *   but one
 * - a dialog's or call's own ids: In-Reply-To, Join, Replaces, Target-Dialog, Session-ID
 * - realms, user names, URIs: WWW-Authenticate, Proxy-Authenticate, Authorization,
 *   Proxy-Authorization
 * - one hop's business: Proxy-Require, Timestamp, Max-Breadth */
static const enum sip_hdr_id safe[] = {
	SIP_HDR_ACCEPT,
	SIP_HDR_ACCEPT_ENCODING,
	SIP_HDR_ACCEPT_LANGUAGE,
	SIP_HDR_ALLOW,
	SIP_HDR_ALLOW_EVENTS, /* RFC 6665: registered words */
	SIP_HDR_CONTENT_DISPOSITION,
	SIP_HDR_CONTENT_ENCODING,
	SIP_HDR_CONTENT_LANGUAGE,
	SIP_HDR_CONTENT_TYPE,
	SIP_HDR_DATE,
	SIP_HDR_EXPIRES,
	SIP_HDR_MIME_VERSION,
	SIP_HDR_MIN_EXPIRES,
	SIP_HDR_P_EARLY_MEDIA, /* RFC 5009: words only */
	SIP_HDR_PRIORITY,
	SIP_HDR_REQUIRE,
	SIP_HDR_SUPPORTED,
	SIP_HDR_UNSUPPORTED,
};
/* The same, but with parameters or words of anyone's beside what is safe: they cross hidden. */
static const enum sip_hdr_id safe_hidden[] = {
	SIP_HDR_EVENT,	/* RFC 4235 names a dialog there */
	SIP_HDR_REASON, /* RFC 3326: the cause carriers bill and debug by, and a text */
	SIP_HDR_RETRY_AFTER,
	SIP_HDR_SUBSCRIPTION_STATE,
};
static const char *const safe_names[] = {
	"Info-Package", "Recv-Info", /* RFC 6086: registered words */
	"Refer-Sub",		     /* RFC 4488: true or false */
};

bool plan_list_has(char *const *list, unsigned n, struct span name)
{
	for (unsigned i = 0; i < n; i++) {
		if (span_ieq(span_str(list[i]), name))
			return true;
	}
	return false;
}

static bool passes(const struct conf_trunk *trunk, struct span name)
{
	return plan_list_has(trunk->pass, trunk->pass_count, name);
}

static bool hides(const struct conf_trunk *trunk, struct span name)
{
	return plan_list_has(trunk->hide, trunk->hide_count, name);
}

/* What both trunks' lists make of a header that one of them names. */
static enum edit_action listed(const struct conf_trunk *from, const struct conf_trunk *to,
			       struct span name)
{
	if (passes(from, name) && passes(to, name))
		return EDIT_PASS;
	if ((passes(from, name) || hides(from, name)) && (passes(to, name) || hides(to, name)))
		return EDIT_HIDE;
	return EDIT_DROP;
}

static bool drops(const struct conf_trunk *trunk, struct span name)
{
	return plan_list_has(trunk->drop, trunk->drop_count, name);
}

/* A plan in the making: what becomes of each header that limen knows by number, each way. */
struct draft {
	uint8_t actions[EDIT_DIRECTIONS][SIP_HDR_IDS_END]; /* enum edit_action */
};

static void draft_both(struct draft *draft, enum sip_hdr_id id, enum edit_action action)
{
	draft->actions[EDIT_TO_B][id] = draft->actions[EDIT_TO_A][id] = (uint8_t)action;
}

/* A challenge goes to whoever asked, its answer to who challenged. A digest covers realm, nonce,
 * user name and digest-uri as they stand in these headers: unaltered, it verifies. */
static void draft_challenges(struct draft *draft, enum edit_direction from_challenger)
{
	static const enum sip_hdr_id challenges[] = {
		SIP_HDR_WWW_AUTHENTICATE, SIP_HDR_PROXY_AUTHENTICATE, SIP_HDR_AUTHENTICATION_INFO};
	static const enum sip_hdr_id answers[] = {SIP_HDR_AUTHORIZATION,
						  SIP_HDR_PROXY_AUTHORIZATION};
	enum edit_direction back = from_challenger == EDIT_TO_A ? EDIT_TO_B : EDIT_TO_A;

	for (size_t i = 0; i < COUNT(challenges); i++)
		draft->actions[from_challenger][challenges[i]] = EDIT_PASS;
	for (size_t i = 0; i < COUNT(answers); i++)
		draft->actions[back][answers[i]] = EDIT_PASS;
}

/* RFC 3325: identities cross within the trust domain, and a user's wish for one may enter it.
 * RFC 3323 section 5: towards the domain's outside limen is the privacy service, which does what is
 * asked and takes the request for it out; but "none" asks that nothing be done, and stays. */
static void draft_identity(struct draft *draft, const struct conf_trunk *from,
			   const struct conf_trunk *to, unsigned variant)
{
	const struct conf_trunk *const receivers[EDIT_DIRECTIONS] = {[EDIT_TO_B] = to,
								     [EDIT_TO_A] = from};

	if (from->trusted && to->trusted) {
		draft_both(draft, SIP_HDR_P_ASSERTED_IDENTITY, EDIT_HIDE);
		draft_both(draft, SIP_HDR_P_CHARGING_VECTOR, EDIT_HIDE);
	}
	for (int d = 0; d < EDIT_DIRECTIONS; d++) {
		if (!receivers[d]->trusted)
			continue;
		draft->actions[d][SIP_HDR_P_PREFERRED_IDENTITY] = EDIT_HIDE;
		draft->actions[d][SIP_HDR_PRIVACY] = EDIT_PASS;
	}
	if (variant & PLAN_OPEN)
		draft->actions[EDIT_TO_B][SIP_HDR_PRIVACY] = EDIT_PASS;
}

/* What tells who calls does not leave the trust domain, whatever lists say: RFC 3325 section 7, and
 * the headers of RFC 3323 section 4.1 that a user agent fills in. */
static void draft_private(struct draft *draft, const struct conf_trunk *to, unsigned variant)
{
	static const enum sip_hdr_id telling[] = {
		SIP_HDR_CALL_INFO,	      SIP_HDR_IN_REPLY_TO, SIP_HDR_ORGANIZATION,
		SIP_HDR_P_ASSERTED_IDENTITY,  SIP_HDR_P_PREFERRED_IDENTITY,
		SIP_HDR_P_ACCESS_NETWORK_INFO, SIP_HDR_REFERRED_BY, SIP_HDR_REMOTE_PARTY_ID,
		SIP_HDR_REPLY_TO,	      SIP_HDR_SERVER,	   SIP_HDR_SUBJECT,
		SIP_HDR_USER_AGENT};

	if (to->trusted)
		return;
	for (size_t i = 0; variant & PLAN_PRIVATE && i < COUNT(telling); i++)
		draft->actions[EDIT_TO_B][telling[i]] = EDIT_DROP;
	if (variant & PLAN_PRIVATE_HISTORY) /* RFC 7044 section 10.1 */
		draft->actions[EDIT_TO_B][SIP_HDR_HISTORY_INFO] = EDIT_DROP;
}

static void draft_lists(struct draft *draft, const struct conf_trunk *from,
			const struct conf_trunk *to)
{
	for (unsigned i = 0; i < from->pass_count + from->hide_count; i++) {
		struct span name = span_str(i < from->pass_count
						    ? from->pass[i]
						    : from->hide[i - from->pass_count]);
		enum edit_action action = listed(from, to, name);

		/* an id that is not known stands for none here: put_named goes by the name */
		if (action != EDIT_DROP)
			draft_both(draft, sip_hdr_id_from(name), action);
	}
}

static void draft_known(struct draft *draft, const struct conf_trunk *from,
			const struct conf_trunk *to, unsigned variant)
{
	const struct conf_trunk *const trunks[] = {from, to};

	memset(draft, EDIT_DROP, sizeof(*draft));
	for (size_t i = 0; i < COUNT(safe); i++)
		draft_both(draft, safe[i], EDIT_PASS);
	for (size_t i = 0; i < COUNT(safe_hidden); i++)
		draft_both(draft, safe_hidden[i], EDIT_HIDE);
	if (variant & PLAN_PUBLISH) {
		/* RFC 3903 section 11.3: opaque, made by the one that answers a PUBLISH for
		 * itself. Mapped it would say no less, and need a table that must outlive it. */
		draft->actions[EDIT_TO_A][SIP_HDR_SIP_ETAG] = EDIT_PASS;
		draft->actions[EDIT_TO_B][SIP_HDR_SIP_IF_MATCH] = EDIT_PASS;
	}
	if (from->challenges_pass)
		draft_challenges(draft, EDIT_TO_B);
	if (to->challenges_pass)
		draft_challenges(draft, EDIT_TO_A);
	draft_identity(draft, from, to, variant);
	draft_lists(draft, from, to);
	draft_private(draft, to, variant);
	for (size_t t = 0; t < COUNT(trunks); t++) {
		for (unsigned i = 0; i < trunks[t]->drop_count; i++)
			draft_both(draft, sip_hdr_id_from(span_str(trunks[t]->drop[i])), EDIT_DROP);
	}
}

static bool in_list(const struct conf_trunk *trunk, enum sip_hdr_id id)
{
	return drops(trunk, span_str(sip_hdr_name(id)));
}

/* What both trunks' topology profiles keep, and what a trunk's identity keys say. */
static void draft_kept(struct draft *draft, const struct conf *conf, const struct conf_trunk *from,
		       const struct conf_trunk *to)
{
	static const enum sip_hdr_id products[] = {SIP_HDR_USER_AGENT, SIP_HDR_SERVER};
	const struct conf_trunk *const receivers[EDIT_DIRECTIONS] = {[EDIT_TO_B] = to,
								     [EDIT_TO_A] = from};
	const struct conf_topology *a, *b;

	if (from->rules.topology >= 0 && to->rules.topology >= 0) {
		a = &conf->topologies[from->rules.topology];
		b = &conf->topologies[to->rules.topology];
		for (size_t i = 0; i < COUNT(products); i++)
			if (a->products_keep && b->products_keep && !in_list(from, products[i]) &&
			    !in_list(to, products[i]))
				draft_both(draft, products[i], EDIT_PASS);
		for (int d = 0; d < EDIT_DIRECTIONS; d++)
			if (a->identity.kind == CONF_HOST_KEEP &&
			    b->identity.kind == CONF_HOST_KEEP &&
			    draft->actions[d][SIP_HDR_P_ASSERTED_IDENTITY] == EDIT_HIDE)
				draft->actions[d][SIP_HDR_P_ASSERTED_IDENTITY] = EDIT_PASS;
	}
	for (int d = 0; d < EDIT_DIRECTIONS; d++)
		if (receivers[d]->rules.asserted == CONF_ASSERTED_DROP)
			draft->actions[d][SIP_HDR_P_ASSERTED_IDENTITY] = EDIT_DROP;
	if (to->rules.asserted >= CONF_ASSERTED_FROM) /* limen writes its own */
		draft->actions[EDIT_TO_B][SIP_HDR_P_ASSERTED_IDENTITY] = EDIT_DROP;
}

static int put_both(struct cursor *out, struct span name, enum edit_action action)
{
	int err = edit_plan_rule(out, EDIT_TO_B, action, SIP_HDR_OTHER, name, SPAN_NONE);

	return err ? err : edit_plan_rule(out, EDIT_TO_A, action, SIP_HDR_OTHER, name, SPAN_NONE);
}

static bool is_safe_name(struct span name)
{
	for (size_t i = 0; i < COUNT(safe_names); i++) {
		if (span_ieq(name, span_str(safe_names[i])))
			return true;
	}
	return false;
}

/* Headers that limen knows by name only. */
static int put_named(struct cursor *out, const struct conf_trunk *from, const struct conf_trunk *to)
{
	int err = 0;

	for (size_t i = 0; i < COUNT(safe_names) && !err; i++) {
		struct span name = span_str(safe_names[i]);

		if (!drops(from, name) && !drops(to, name))
			err = put_both(out, name, EDIT_PASS);
	}
	for (unsigned i = 0; i < from->pass_count + from->hide_count && !err; i++) {
		struct span name = span_str(i < from->pass_count
						    ? from->pass[i]
						    : from->hide[i - from->pass_count]);
		enum edit_action action = listed(from, to, name);

		if (sip_hdr_id_from(name) == SIP_HDR_OTHER && action != EDIT_DROP &&
		    !drops(to, name) && !is_safe_name(name))
			err = put_both(out, name, action);
	}
	return err;
}

static void tell(const struct draft *draft, const struct conf_trunk *from,
		 const struct conf_trunk *to, unsigned variant, struct explain *explain)
{
	unsigned pass = 0, hide = 0;

	for (unsigned id = 1; id < SIP_HDR_IDS_END; id++) {
		pass += draft->actions[EDIT_TO_B][id] == EDIT_PASS;
		hide += draft->actions[EDIT_TO_B][id] == EDIT_HIDE;
	}
	explain_step(explain, "headers",
		     "from %s to %s: %u known headers pass, %u pass hidden, others do not cross%s%s",
		     from->name, to->name, pass, hide,
		     variant & PLAN_PRIVATE ? "; the caller asks for privacy" : "",
		     variant & PLAN_OPEN ? "; the caller asks for no privacy" : "");
}

/* Lines that limen writes itself. */
static int put_says(struct cursor *out, const struct plan_register *says)
{
	int err = edit_plan_rule(out, EDIT_TO_B, EDIT_SET, SIP_HDR_SUPPORTED, SPAN_NONE,
				 says->supported);

	if (!err && says->path.len)
		err = edit_plan_rule(out, EDIT_TO_B, EDIT_SET, SIP_HDR_PATH, SPAN_NONE, says->path);
	return err;
}

int put_plan(struct cursor *out, const struct conf *conf, unsigned from_trunk, unsigned to_trunk,
	     unsigned variant, const struct plan_register *says, struct explain *explain)
{
	const struct conf_trunk *from = &conf->trunks[from_trunk], *to = &conf->trunks[to_trunk];
	struct draft draft;
	int err = 0;

	draft_known(&draft, from, to, variant);
	draft_kept(&draft, conf, from, to);
	tell(&draft, from, to, variant, explain);
	if (says)
		draft.actions[EDIT_TO_B][SIP_HDR_SUPPORTED] =
			draft.actions[EDIT_TO_B][SIP_HDR_PATH] = EDIT_DROP;
	edit_plan_start(out, EDIT_DROP, EDIT_DROP);
	for (int d = 0; d < EDIT_DIRECTIONS; d++) {
		for (unsigned id = 1; id < SIP_HDR_IDS_END && !err; id++) {
			if (draft.actions[d][id] != EDIT_DROP)
				err = edit_plan_rule(out, (enum edit_direction)d,
						     (enum edit_action)draft.actions[d][id],
						     (enum sip_hdr_id)id, SPAN_NONE, SPAN_NONE);
		}
	}
	if (!err && says)
		err = put_says(out, says);
	if (!err)
		err = put_named(out, from, to);
	return err ? err : edit_plan_finish(out);
}
