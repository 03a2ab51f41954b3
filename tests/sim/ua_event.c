/* SPDX-License-Identifier: BSD-3-Clause */
/* Subscriptions (RFC 6665): the caller's end asks, the called one's notifies, at times before it
 * has answered; either may end it, or let it run out. */
#include <stdio.h>
#include <stdlib.h>

#include "ua.h"

/* How long a subscriber waits for the last NOTIFY (section 4.1.2.3: timer N, 64*T1). */
#define LAST_NOTIFY_NS UA_TIMEOUT

static const char *const packages[] = {"presence", "dialog"};

uint32_t event_wish_s(const struct ua *ua)
{
	return ua->manner.event_s;
}

/* A state with the sender's addresses in it: they must not arrive. Users do. */
struct ua_body event_body(const struct ua *ua, enum ua_event event, char *text, size_t room)
{
	const char *mark = ua->side == SIDE_A ? "watched-a" : "watched-b";
	struct ua_body body = {.type = event == EVENT_PRESENCE ? "application/pidf+xml"
							       : "application/dialog-info+xml"};
	char at[64];
	struct cursor to = cursor_on(at, sizeof(at) - 1);

	put_endpoint(&to, &ua->self);
	at[to.len] = 0;
	if (event == EVENT_PRESENCE)
		snprintf(text, room,
			 "<?xml version=\"1.0\"?>\r\n<presence "
			 "xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:%s@%s\">\r\n<tuple "
			 "id=\"t1\"><status><basic>open</basic></status>"
			 "<contact>sip:%s-1@%s</contact></tuple>\r\n</presence>\r\n",
			 mark, at, mark, at);
	else
		snprintf(
			text, room,
			"<?xml version=\"1.0\"?>\r\n<dialog-info "
			"xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"1\" state=\"full\" "
			"entity=\"sip:%s@%s\">\r\n<dialog id=\"d1\"><state>confirmed</state>"
			"<local><target uri=\"sip:%s@%s\"/></local></dialog>\r\n</dialog-info>\r\n",
			mark, at, mark, at);
	body.text = span_str(text);
	return body;
}

/* ---- subscriber ---- */

struct ua_txn *event_subscribe(struct sim *sim, struct ua *ua, struct sess *sess,
			       uint32_t expires_s)
{
	char lines[192];

	snprintf(lines, sizeof(lines), "%s: %s\r\nExpires: %u\r\nAccept: application/pidf+xml\r\n",
		 ua->manner.compact ? "o" : "Event", packages[ua->manner.event], expires_s);
	sess->event = 1 + ua->manner.event;
	return ua_send_request(sim, ua, sess, SIP_METHOD_SUBSCRIBE, NULL, lines);
}

static void event_end(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = sess->invite < UA_TXNS ? &ua->txn[sess->invite] : NULL;

	sess->state = SESS_DOWN;
	ua_acts_clear(sess);
	if (txn && txn->kind == UT_SERVER && txn->state == US_TRYING)
		ua_respond(sim, ua, txn, 481);
}

/* The subscriber knows until when. */
static void runs_until(struct sim *sim, struct ua *ua, struct sess *sess, uint32_t expires_s)
{
	uint64_t ends = sim->now_ns + expires_s * SECOND;

	ua_acts_clear(sess);
	sess->state = SESS_UP;
	if (ua->manner.event_ends_ms != UINT32_MAX && sess->rounds == 0 &&
	    sim->now_ns + ua->manner.event_ends_ms * MS < ends)
		ua_act_at(ua, sess, sim->now_ns + ua->manner.event_ends_ms * MS, ACT_UNSUBSCRIBE);
	else if (sess->rounds++ < 2)
		ua_act_at(ua, sess, sim->now_ns + expires_s * SECOND * 7 / 10, ACT_SUBSCRIBE_AGAIN);
	ua_act_at(ua, sess, ends + LAST_NOTIFY_NS, ACT_EVENT_OVER);
}

static uint32_t seconds_of(const struct sip_msg *msg, enum sip_hdr_id id)
{
	char text[16];

	snprintf(text, sizeof(text), "%.*s", SPAN_FMT(sip_hdr_value(msg, id)));
	return (uint32_t)strtoul(text, NULL, 10);
}

/* A final answer to SUBSCRIBE, the first or a later one. */
void event_on_subscribed(struct sim *sim, struct ua *ua, struct sess *sess,
			 const struct sip_msg *msg)
{
	uint32_t expires_s = seconds_of(msg, SIP_HDR_EXPIRES);

	if (sess->state == SESS_DOWN)
		return;
	if (msg->status >= 300) {
		if (sess->state == SESS_EARLY || msg->status == 481 || msg->status == 408)
			event_end(sim, ua, sess);
		return;
	}
	if (sess->remote_tag[0] && sess->state == SESS_EARLY && sim_is_strict(sim, ua->call) &&
	    !span_eq(sip_span(msg, msg->to_tag), span_str(sess->remote_tag)))
		sim_violation(sim, ua->call, "NOTIFY and answer of one SUBSCRIBE differ in tags");
	if (sess->state == SESS_EARLY)
		sim->totals->subscriptions++;
	ua_copy(sess->remote_tag, sizeof(sess->remote_tag), sip_span(msg, msg->to_tag));
	ua_take_contact(sess, msg);
	if (sess->event_over) {
		ua_acts_clear(sess);
		ua_act_at(ua, sess, sim->now_ns + LAST_NOTIFY_NS, ACT_EVENT_OVER);
		return;
	}
	runs_until(sim, ua, sess, expires_s);
}

static void on_notify(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
		      const struct sip_msg *msg)
{
	struct span state = sip_hdr_value(msg, SIP_HDR_SUBSCRIPTION_STATE);
	struct span event = sip_hdr_value(msg, SIP_HDR_EVENT);

	if (sim_is_strict(sim, ua->call) && (!state.len || !event.len))
		sim_violation(sim, ua->call, "a NOTIFY without Event or Subscription-State");
	sim->totals->notifies++;
	/* Before the answer: this is where the dialog begins (section 4.4.1). */
	if (!sess->remote_tag[0]) {
		ua_copy(sess->remote_tag, sizeof(sess->remote_tag), sip_span(msg, msg->from_tag));
		ua_take_contact(sess, msg);
	}
	ua_respond(sim, ua, txn, 200);
	if (state.len >= 10 && memcmp(state.ptr, "terminated", 10) == 0)
		event_end(sim, ua, sess);
}

/* ---- notifier ---- */

static void notify(struct sim *sim, struct ua *ua, struct sess *sess, const char *why)
{
	struct ua_body body = {.text = SPAN_NONE};
	uint64_t left = sess->event_ends_ns > sim->now_ns ? sess->event_ends_ns - sim->now_ns : 0;
	char lines[192], text[512];

	if (!why && rng_below(&sim->ua_rng, 2))
		body = event_body(ua, sess->event - 1, text, sizeof(text));
	snprintf(lines, sizeof(lines), "Event: %s\r\nSubscription-State: %s%s",
		 packages[sess->event - 1],
		 why ? "terminated;reason=" : "active;expires=", why ? why : "");
	if (!why)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%u",
			 (unsigned)(left / SECOND));
	strcat(lines, "\r\n");
	ua_send_request(sim, ua, sess, SIP_METHOD_NOTIFY, &body, lines);
	if (why)
		event_end(sim, ua, sess);
}

/* Accept a SUBSCRIBE: for how long, and what is told after it. */
static void accept(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
		   uint32_t expires_s)
{
	char lines[48];

	snprintf(lines, sizeof(lines), "Expires: %u\r\n", expires_s);
	ua_respond_as(sim, ua, txn, sess, ua->manner.accepts_202 ? 202 : 200, NULL, lines);
	ua_acts_clear(sess);
	sess->event_ends_ns = sim->now_ns + expires_s * SECOND;
	ua_act_at(ua, sess, sim->now_ns + 5 * MS, ACT_NOTIFY);
	if (expires_s)
		ua_act_at(ua, sess, sess->event_ends_ns, ACT_NOTIFY_LAST);
	else
		sess->event_over = true;
}

static void subscribed(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct sess *sess = ua->slot ? ua_sess_new(sim, ua) : NULL;
	uint32_t expires_s = seconds_of(msg, SIP_HDR_EXPIRES);
	struct span event = sip_hdr_value(msg, SIP_HDR_EVENT);
	struct ua_txn *txn;

	if (!sess || !event.len || ua->manner.alone_status >= 300) {
		ua_refuse(sim, ua, msg, NULL, sess ? 489 : 486);
		if (sess)
			sess->state = SESS_DOWN;
		return;
	}
	ua_take_dialog(sess, msg);
	sess->event = span_eq(event, SPAN("dialog")) ? 2 : 1;
	txn = ua_server_new(ua, msg, sess);
	if (!txn)
		return;
	sess->state = SESS_UP;
	sess->invite = (uint8_t)(txn - ua->txn);
	sess->event_ends_ns = sim->now_ns + expires_s * SECOND;
	if (ua->manner.notifies_early) {
		notify(sim, ua, sess, NULL);
		ua_act_at(ua, sess, sim->now_ns + rng_below(&sim->ua_rng, 2000) * MS,
			  ACT_ACCEPT_EVENT);
		return;
	}
	accept(sim, ua, sess, txn, expires_s);
}

/* Requests of a subscription; sess NULL: one that begins it. */
void event_on_request(struct sim *sim, struct ua *ua, struct sess *sess, const struct sip_msg *msg)
{
	struct ua_txn *txn;

	if (!sess) {
		subscribed(sim, ua, msg);
		return;
	}
	if (sess->state == SESS_DOWN) {
		ua_refuse(sim, ua, msg, sess, 481);
		return;
	}
	txn = ua_server_new(ua, msg, sess);
	if (!txn)
		return;
	if (msg->method == SIP_METHOD_NOTIFY)
		on_notify(sim, ua, sess, txn, msg);
	else if (msg->method == SIP_METHOD_SUBSCRIBE)
		accept(sim, ua, sess, txn, seconds_of(msg, SIP_HDR_EXPIRES));
	else
		ua_respond(sim, ua, txn, 200);
}

/* A final answer to a NOTIFY, or none (status 408). */
void event_on_notified(struct sim *sim, struct ua *ua, struct sess *sess, uint16_t status)
{
	if (status == 481 || status == 408)
		event_end(sim, ua, sess);
}

/* ---- when ---- */

void event_act(struct sim *sim, struct ua *ua, struct sess *sess, enum ua_act what)
{
	struct ua_txn *txn = sess->invite < UA_TXNS ? &ua->txn[sess->invite] : NULL;

	if (sess->state == SESS_DOWN)
		return;
	switch (what) {
	case ACT_SUBSCRIBE_AGAIN:
		event_subscribe(sim, ua, sess, event_wish_s(ua));
		break;
	case ACT_UNSUBSCRIBE:
		sess->event_over = true;
		event_subscribe(sim, ua, sess, 0);
		break;
	case ACT_EVENT_OVER:
		event_end(sim, ua, sess);
		break;
	case ACT_ACCEPT_EVENT:
		if (txn && txn->kind == UT_SERVER && txn->state == US_TRYING)
			accept(sim, ua, sess, txn,
			       (uint32_t)((sess->event_ends_ns - sim->now_ns) / SECOND));
		break;
	case ACT_NOTIFY_LAST:
		notify(sim, ua, sess, "timeout");
		break;
	default:
		if (sess->event_over) {
			notify(sim, ua, sess, "timeout");
			break;
		}
		notify(sim, ua, sess, sess->rings++ > 3 ? "deactivated" : NULL);
		if (sess->state == SESS_UP && ua->manner.event_ends_ms != UINT32_MAX)
			ua_act_at(ua, sess, sim->now_ns + ua->manner.event_ends_ms * MS,
				  ACT_NOTIFY);
		break;
	}
}
