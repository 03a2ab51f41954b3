/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control plane decides: where a request may go, what of it passes, and how limen speaks
 * to either side. */
#include <stdio.h>
#include <stdlib.h>

#include "common/sdp/codec_plan.h"
#include "common/sip/answer_map.h"
#include "common/sip/edit_plan.h"
#include "common/sip/header_rules.h"
#include "ua.h"

static bool chance(struct sim *sim, uint32_t thousandths)
{
	return rng_below(&sim->control_rng, 1000) < thousandths;
}

static void add_rule(struct cursor *out, enum edit_action action, enum sip_hdr_id hdr,
		     const char *name, const char *value)
{
	for (unsigned direction = 0; direction < EDIT_DIRECTIONS; direction++)
		if (edit_plan_rule(out, direction, action, hdr, span_str(name), span_str(value)))
			abort();
}

static void attach(struct cursor *out, enum edit_part part, int error, const struct cursor *bytes)
{
	if (error || edit_plan_attach(out, part, cursor_span(bytes)))
		abort();
}

static void put_header_rules(struct cursor *out)
{
	static const struct header_cond_text cond = {HEADER_PRESENT, {"X-Trail", 7}, {NULL, 0}};
	static const struct header_rule_text rules[] = {
		{EDIT_TO_B, HEADER_ADD, HEADER_SCOPES, 0, {"X-Rule", 6}, {"\x01""From\x02", 6}, NULL, 0},
		{EDIT_TO_B, HEADER_REMOVE, HEADER_SCOPES, 0, {"X-Rule", 6}, {NULL, 0}, NULL, 0},
		{EDIT_TO_A, HEADER_SET, HEADER_SCOPES, 0, {"X-Ruled", 7}, {"yes", 3}, &cond, 1},
		{EDIT_TO_B, HEADER_REPLACE, HEADER_SCOPES, 0, {"Subject", 7}, {"ruled", 5}, NULL, 0},
	};
	char bytes[1024];
	struct cursor part = cursor_on(bytes, sizeof(bytes));
	int error = header_rules_put(&part, rules, sizeof(rules) / sizeof(rules[0]));

	attach(out, EDIT_PART_HEADERS, error, &part);
}

/* Ringing becomes other ringing. Refusals stay: the checks hold them against what was said. */
static void put_answer_map(struct cursor *out)
{
	static const struct answer_rule_text rules[] = {
		{{180, 189, 183, ANSWER_CAME, 1, 0, 0, 0}, {NULL, 0}, {NULL, 0}},
		{{183, 183, 182, ANSWER_GOES, 0, 0, 0, 0}, {"Waiting", 7}, {"SIP;cause=182", 13}},
	};
	char bytes[256];
	struct cursor part = cursor_on(bytes, sizeof(bytes));
	int error = answer_map_put(&part, rules, sizeof(rules) / sizeof(rules[0]));

	attach(out, EDIT_PART_ANSWERS, error, &part);
}

/* Both sides have PCMU and PCMA: one of them goes, and the other comes first. */
static void put_codec_plan(struct cursor *out)
{
	const struct codec_name pcmu = {.name = SPAN("pcmu")}, pcma = {.name = SPAN("PCMA")};
	const struct codec_plan_text text = {
		.names = {[CODEC_DENY] = &pcmu, [CODEC_ORDER_1] = &pcma},
		.nnames = {[CODEC_DENY] = 1, [CODEC_ORDER_1] = 1},
		.ptime_ms = {20, 0},
	};
	char bytes[256];
	struct cursor part = cursor_on(bytes, sizeof(bytes));
	int error = codec_plan_put(&part, &text);

	attach(out, EDIT_PART_CODECS, error, &part);
}

bool verdict_denies_pcmu(uint32_t call)
{
	return call % 3 == 0;
}

/* Either nothing passes but what is named, or everything but what is named. */
static void put_plan(const struct sim *sim, uint32_t call, struct cursor *out)
{
	static const uint8_t safe[] = {
		SIP_HDR_ACCEPT,
		SIP_HDR_ALLOW,
		SIP_HDR_ALLOW_EVENTS,
		SIP_HDR_AUTHORIZATION,
		SIP_HDR_CONTENT_TYPE,
		SIP_HDR_CONTENT_DISPOSITION,
		SIP_HDR_DATE,
		SIP_HDR_EVENT,
		SIP_HDR_EXPIRES,
		SIP_HDR_MIN_EXPIRES,
		SIP_HDR_PRIORITY,
		SIP_HDR_PRIVACY,
		SIP_HDR_PROXY_AUTHENTICATE,
		SIP_HDR_PROXY_AUTHORIZATION,
		SIP_HDR_REQUIRE,
		SIP_HDR_RETRY_AFTER,
		SIP_HDR_SIP_ETAG,
		SIP_HDR_SIP_IF_MATCH,
		SIP_HDR_SUBJECT,
		SIP_HDR_SUBSCRIPTION_STATE,
		SIP_HDR_SUPPORTED,
		SIP_HDR_UNSUPPORTED,
		SIP_HDR_WWW_AUTHENTICATE,
	};
	static const uint8_t unsafe[] = {SIP_HDR_SERVER, SIP_HDR_P_ASSERTED_IDENTITY,
					 SIP_HDR_WARNING};
	bool open = sim->profile.open_plan;

	edit_plan_start(out, open ? EDIT_PASS : EDIT_DROP, open ? EDIT_PASS : EDIT_DROP);
	for (size_t i = 0; i < sizeof(safe) && !open; i++)
		add_rule(out, EDIT_PASS, safe[i], NULL, NULL);
	for (size_t i = 0; i < sizeof(unsafe) && open; i++)
		add_rule(out, EDIT_DROP, unsafe[i], NULL, NULL);
	if (open)
		add_rule(out, EDIT_DROP, SIP_HDR_OTHER, "X-Trail", NULL);
	add_rule(out, EDIT_REPLACE, SIP_HDR_USER_AGENT, NULL, "limen");
	add_rule(out, EDIT_SET, SIP_HDR_OTHER, "X-Border", "crossed");
	if (edit_plan_finish(out))
		abort();
	if (call % 4 == 1)
		put_header_rules(out);
	if (call % 5 == 2)
		put_answer_map(out);
	if (verdict_denies_pcmu(call))
		put_codec_plan(out);
	if (edit_plan_check(cursor_span(out)))
		abort();
}

/* Behind a NAT a source has to be learned. */
static uint8_t source_policy(struct sim *sim, const struct ua *ua)
{
	return ua->manner.nat || chance(sim, 500) ? SOURCE_LEARN : SOURCE_PIN;
}

/* How limen speaks to a side. */
static struct ipc_side_policy side_policy(struct sim *sim, const struct ua *ua)
{
	static const uint16_t sessions[] = {0, 0, 90, 120, 300, 1800};
	static const uint16_t least[] = {90, 90, 120, 150};
	struct ipc_side_policy side = {.source_policy = source_policy(sim, ua)};

	side.srtp = (uint8_t)(ua->manner.srtp ? 1 + rng_below(&sim->control_rng, 3)
			      : chance(sim, 500) ? IPC_SRTP_ALLOW
			      : chance(sim, 500) ? IPC_SRTP_BEST_EFFORT
						 : IPC_SRTP_FORBID);
	for (unsigned i = 0; i < SECURE_SUITES_MAX; i++)
		side.srtp_suites[i] = (uint8_t)(SECURE_SUITES_MAX - i);
	side.flags = ua->manner.knows_limen ? IPC_POLICY_ACCOUNT : 0;
	side.trunk = sim->profile.limited ? 1u + ua->side : 0;
	side.refer = (uint8_t)rng_below(&sim->control_rng, IPC_REFERS);
	side.redirect = (uint8_t)rng_below(&sim->control_rng, IPC_REDIRECTS);
	side.session_s = sessions[rng_below(&sim->control_rng, 6)];
	side.min_se_s = least[rng_below(&sim->control_rng, 4)];
	if (side.session_s == 0)
		side.min_se_s = 0;
	else if (side.session_s < side.min_se_s)
		side.session_s = side.min_se_s;
	return side;
}

static void put_sim_target(struct sim *sim, struct cursor *out, uint32_t call, unsigned slot)
{
	const struct ua *ua = &sim->uas[call * SIM_SLOTS + slot];
	struct ipc_target head = {
		.peer = ua->self,
		.realm = SIDE_B,
		.transport = ua->tcp ? NET_TCP : NET_UDP,
		.side = side_policy(sim, ua),
	};
	char at[64], ruri[128], from[128], to[128];
	struct cursor text = cursor_on(at, sizeof(at) - 1);
	char own[64];
	struct cursor limen = cursor_on(own, sizeof(own) - 1);

	put_endpoint(&text, &ua->self);
	at[text.len] = 0;
	put_endpoint(&limen, &ua->limen);
	own[limen.len] = 0;
	snprintf(ruri, sizeof(ruri), "sip:called%u@%s", call, at);
	snprintf(from, sizeof(from), "\"Caller %u\" <sip:caller%u@%s>", call, call, own);
	snprintf(to, sizeof(to), "<sip:called%u@%s>", call, at);
	ipc_put_target(out, &head, span_str(ruri), span_str(from), span_str(to), SPAN_NONE);
}

/* Calls that nobody may end by himself must have an end from above. A BYE that overtakes its own
 * 2xx is one such: limen does not know the dialog yet. */
static bool needs_limit(const struct sim *sim, uint32_t call)
{
	for (unsigned slot = 1; slot < SIM_SLOTS; slot++)
		if (sim->uas[call * SIM_SLOTS + slot].manner.early_bye)
			return true;
	return sim->calls[call].lame || !sim->profile.fair || sim->profile.corrupt ||
	       sim->profile.scarce;
}

/* Where a request is sent to: one place or several of its call, or where it was redirected. */
static unsigned targets_of(struct sim *sim, const struct verdict_on *on)
{
	if (on->slots)
		return on->slots;
	return chance(sim, 700) ? 1u << 1 : chance(sim, 500) ? 3u << 1 : 7u << 1;
}

static bool is_refused(struct sim *sim, const struct verdict_on *on)
{
	return chance(sim, 80) || (on->ask == IPC_ASK_REDIRECT && !on->slots);
}

uint32_t verdict_make(struct sim *sim, const struct verdict_on *on, struct cursor *out)
{
	static const uint16_t refusals[] = {403, 404, 405, 480, 486, 503, 603};
	char plan_text[EDIT_PLAN_BYTES_MAX], context_text[32];
	struct cursor plan = cursor_on(plan_text, sizeof(plan_text));
	struct ipc_verdict head = {.ask_id = on->ask_id};
	const struct sim_call *call = &sim->calls[on->call];
	unsigned slots;
	struct span context;

	snprintf(context_text, sizeof(context_text), "call %u", on->call);
	context = span_str(context_text);
	if (is_refused(sim, on)) {
		head.status = refusals[rng_below(&sim->control_rng,
						 sizeof(refusals) / sizeof(refusals[0]))];
		head.retry_after_s = chance(sim, 300) ? 9 : 0;
		ipc_put_reply(out, &head, SPAN_NONE, context,
			      head.status == 480 ? SPAN("X-Refused-By: policy\r\n")
						 : SPAN_NONE);
		return 0;
	}
	put_plan(sim, on->call, &plan);
	slots = targets_of(sim, on);
	head.ntargets = (uint8_t)__builtin_popcount(slots);
	head.side = side_policy(sim, &sim->uas[on->call * SIM_SLOTS + on->from]);
	if (sim->profile.limited)
		head.user[SIDE_A] = 1 + on->call % 3;
	head.answer_max_s = 5 + (uint32_t)rng_below(&sim->control_rng, 120);
	/* Whom limen joins may both leave it to the other to hang up. */
	head.duration_max_s = call->transferred || needs_limit(sim, on->call) ||
					      chance(sim, call->lasts ? 50 : 300)
				      ? 1 + (uint32_t)rng_below(&sim->control_rng, 90)
				      : 0;
	head.media_timeout_s =
		chance(sim, 100) ? 5 + (uint32_t)rng_below(&sim->control_rng, 20) : 0;
	ipc_put_verdict(out, &head, SPAN_NONE, cursor_span(&plan), context);
	for (unsigned slot = 1; slot < SIM_SLOTS; slot++)
		if (slots & 1u << slot)
			put_sim_target(sim, out, on->call, slot);
	if (out->full)
		abort();
	return head.media_timeout_s;
}
