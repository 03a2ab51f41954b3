/* SPDX-License-Identifier: BSD-3-Clause */
/* Session timers (RFC 4028) as endpoints keep them: some know of none, some ask for more or less
 * than limen takes, some should refresh and do not. */
#include <stdio.h>
#include <stdlib.h>

#include "ua.h"

#define SE_LEAST 90u /* section 4 */
/* limen's BYE has surely come by then, after a session that nobody refreshed. */
#define OVERDUE_NS (25 * SECOND)

struct expires {
	uint32_t s; /* 0: none */
	bool uac, uas;
};

static struct expires expires_of(const struct sip_msg *msg)
{
	struct span value = sip_hdr_value(msg, SIP_HDR_SESSION_EXPIRES);
	struct expires expires = {0};
	char text[64];

	snprintf(text, sizeof(text), "%.*s", SPAN_FMT(value));
	expires.s = (uint32_t)strtoul(text, NULL, 10);
	expires.uac = strstr(text, "refresher=uac") != NULL;
	expires.uas = strstr(text, "refresher=uas") != NULL;
	return expires;
}

static uint32_t min_se_of(const struct sip_msg *msg)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*s", SPAN_FMT(sip_hdr_value(msg, SIP_HDR_MIN_SE)));
	return (uint32_t)strtoul(text, NULL, 10);
}

static void act_only_at(struct ua *ua, struct sess *sess, uint64_t at_ns, enum ua_act what)
{
	for (unsigned i = 0; i < UA_ACTS; i++)
		if (sess->acts[i].what == what)
			sess->acts[i].what = ACT_NONE;
	if (at_ns != NEVER)
		ua_act_at(ua, sess, at_ns, what);
}

/* A 2xx to an INVITE or UPDATE has said how long the session lives and who keeps it alive.
 * `agreed`: limen counts too. */
static void put_in_force(struct sim *sim, struct ua *ua, struct sess *sess, uint32_t interval_s,
			 bool mine, bool agreed)
{
	uint32_t early_s = interval_s / 3 < 32 ? interval_s / 3 : 32; /* section 10 */
	uint64_t at = sim->now_ns + interval_s * SECOND;
	bool lazy = mine && ua->manner.lazy;

	if (sess->state == SESS_DOWN)
		return;
	sess->se_s = interval_s;
	sess->se_mine = mine;
	sess->se_agreed = agreed;
	sess->se_ends_ns = at;
	sim->totals->timers += interval_s != 0;
	sim->calls[ua->call].lazy |= interval_s && lazy;
	act_only_at(ua, sess,
		    interval_s && mine && !lazy ? sim->now_ns + interval_s * SECOND / 2 : NEVER,
		    ACT_REFRESH);
	act_only_at(ua, sess, interval_s ? (mine ? at + OVERDUE_NS : at - early_s * SECOND) : NEVER,
		    ACT_EXPIRED);
}

/* ---- as the one who asks ---- */

void timer_put_request(struct cursor *out, const struct ua *ua, const struct sess *sess,
		       uint8_t method)
{
	const struct manner *m = &ua->manner;
	uint32_t interval_s = sess->se_s > sess->se_want_s ? sess->se_s : sess->se_want_s;
	char line[128] = "";

	if ((method != SIP_METHOD_INVITE && method != SIP_METHOD_UPDATE) || !m->timer)
		return;
	if (interval_s && sess->se_s)
		snprintf(line, sizeof(line), "Session-Expires: %u;refresher=%s\r\n", interval_s,
			 sess->se_mine ? "uac" : "uas");
	else if (interval_s)
		snprintf(line, sizeof(line), "%s: %u%s\r\n", m->compact ? "x" : "Session-Expires",
			 interval_s,
			 m->refresher == 1   ? ";refresher=uac"
			 : m->refresher == 2 ? ";refresher=uas"
					     : "");
	put_bytes(out, line, strlen(line));
	if (sess->se_min_s > SE_LEAST || m->min_se_s) {
		snprintf(line, sizeof(line), "Min-SE: %u\r\n",
			 sess->se_min_s > m->min_se_s ? sess->se_min_s : m->min_se_s);
		put_bytes(out, line, strlen(line));
	}
}

void timer_on_2xx(struct sim *sim, struct ua *ua, struct sess *sess, const struct ua_txn *txn,
		  const struct sip_msg *msg)
{
	static struct sip_msg request;
	struct expires got = expires_of(msg), asked;

	if (sip_parse(&request, txn->msg, txn->msg_len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return;
	asked = expires_of(&request);
	if (sim_is_strict(sim, ua->call) && got.s) {
		if (got.uac == got.uas || got.s < SE_LEAST || got.s < min_se_of(&request) ||
		    (asked.s && got.s > asked.s) || (asked.uac && !got.uac) ||
		    (asked.uas && !got.uas))
			sim_violation(sim, ua->call,
				      "a session interval of %u (%s) to one who asked for %u%s, "
				      "at least %u",
				      got.s, got.uac ? "uac" : "uas", asked.s,
				      asked.uac	  ? " (uac)"
				      : asked.uas ? " (uas)"
						  : "",
				      min_se_of(&request));
		if (got.uac &&
		    (!ua->manner.timer || !sip_hdr_has_token(msg, SIP_HDR_REQUIRE, SPAN("timer"))))
			sim_violation(sim, ua->call,
				      "an endpoint is made to refresh that may not know how");
	}
	if (!ua->manner.timer)
		return;
	put_in_force(sim, ua, sess, got.s, got.uac, true);
	/* limen has counted since it answered, which may be a while ago. */
	if (got.s && got.uac && !ua->manner.lazy && txn->method == SIP_METHOD_UPDATE &&
	    sess->state == SESS_UP)
		act_only_at(ua, sess, txn->sent_ns + got.s * SECOND / 2, ACT_REFRESH);
}

/* 422 (section 7.4). False: there is nothing to try again with. */
bool timer_on_422(struct sim *sim, struct ua *ua, struct sess *sess, const struct sip_msg *msg)
{
	uint32_t min_s = min_se_of(msg);

	if (sim_is_strict(sim, ua->call) &&
	    (!ua->manner.timer || min_s < SE_LEAST || (sess->se_want_s > min_s && sess->se_s == 0)))
		sim_violation(sim, ua->call, "a 422 with Min-SE %u to one who asked for %u", min_s,
			      sess->se_want_s);
	sim->totals->too_short++;
	if (!ua->manner.timer || sess->se_retries++ >= 2)
		return false;
	sess->se_min_s = min_s > sess->se_min_s ? min_s : sess->se_min_s;
	if (sess->se_want_s < min_s)
		sess->se_want_s = min_s;
	return true;
}

/* ---- as the one asked ---- */

/* Section 9: only to those who know the timer. */
bool timer_is_too_short(const struct ua *ua, const struct sip_msg *msg)
{
	struct expires asked = expires_of(msg);

	return ua->manner.timer && asked.s && asked.s < ua->manner.min_se_s &&
	       sip_hdr_has_token(msg, SIP_HDR_SUPPORTED, SPAN("timer"));
}

void timer_refuse(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn)
{
	char line[32];

	snprintf(line, sizeof(line), "Min-SE: %u\r\n", ua->manner.min_se_s);
	ua_respond_as(sim, ua, txn, sess, 422, NULL, line);
}

void timer_put_2xx(struct sim *sim, struct cursor *out, struct ua *ua, struct sess *sess,
		   const struct sip_msg *request)
{
	bool knows = sip_hdr_has_token(request, SIP_HDR_SUPPORTED, SPAN("timer"));
	struct expires asked = expires_of(request);
	uint32_t interval_s = ua->manner.se_s, least = min_se_of(request);
	char line[128];
	bool uac;

	if (!ua->manner.timer)
		return;
	if (asked.s && (!interval_s || asked.s < interval_s))
		interval_s = asked.s;
	if (interval_s && interval_s < (least > SE_LEAST ? least : SE_LEAST))
		interval_s = least > SE_LEAST ? least : SE_LEAST;
	if (asked.s && interval_s > asked.s)
		interval_s = asked.s;
	uac = knows && (asked.uac || (!asked.uas && ua->manner.refresher != 2));
	if (interval_s) {
		snprintf(line, sizeof(line), "%sSession-Expires: %u;refresher=%s\r\n",
			 uac ? "Require: timer\r\n" : "", interval_s, uac ? "uac" : "uas");
		put_bytes(out, line, strlen(line));
	}
	put_in_force(sim, ua, sess, interval_s, !uac, knows);
}

/* ---- when ---- */

void timer_refresh(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_body same = {.sdp = true,
			       .direction = sess->direction,
			       .nmedia = sess->nmedia ? sess->nmedia : 1};
	struct ua_txn *txn;

	if (sess->state != SESS_UP)
		return;
	if (ua_invite_is_open(ua, sess) || ua_offer_is_open(ua, sess)) {
		ua_act_at(ua, sess, sim->now_ns + 2 * SECOND, ACT_REFRESH);
		return;
	}
	sim->totals->refreshes++;
	if (ua->manner.refresh_by_update)
		txn = ua_send_request(sim, ua, sess, SIP_METHOD_UPDATE, NULL, "");
	else
		txn = ua_send_request(sim, ua, sess, SIP_METHOD_INVITE, &same, "");
	if (txn)
		txn->refresh = true;
}

/* A refresh was refused, or an INVITE or UPDATE as good as one. */
void timer_on_refusal(struct sim *sim, struct ua *ua, struct sess *sess, const struct ua_txn *txn,
		      const struct sip_msg *msg)
{
	if (!txn->refresh || sess->state != SESS_UP)
		return;
	if (msg->status == 422 && timer_on_422(sim, ua, sess, msg))
		ua_act_at(ua, sess, sim->now_ns, ACT_REFRESH);
	else if ((msg->status == 491 || msg->status == 500) && sess->se_retries++ < 4)
		ua_act_at(ua, sess, sim->now_ns + (1 + rng_below(&sim->ua_rng, 3)) * SECOND,
			  ACT_REFRESH);
	else
		sim->calls[ua->call].lazy = true; /* nothing more is done for the session */
}

bool timer_is_neglected(const struct ua *ua, const struct sess *sess)
{
	return ua->manner.lazy && sess->se_s && sess->se_mine && sess->se_agreed;
}

void timer_expired(struct sim *sim, struct ua *ua, struct sess *sess)
{
	const struct sim_call *call = &sim->calls[ua->call];

	if (sess->state != SESS_UP || !sess->se_s)
		return;
	if (sim_is_strict(sim, ua->call) && !call->lame) {
		if (!sess->se_mine && !call->lazy)
			sim_violation(sim, ua->call,
				      "endpoint %u: limen should have refreshed the session",
				      ua->slot);
		else if (timer_is_neglected(ua, sess))
			sim_violation(sim, ua->call,
				      "endpoint %u: the session has expired, and goes on",
				      ua->slot);
	}
	ua_send_bye(sim, ua, sess);
}
