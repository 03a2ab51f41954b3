/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers: one end refers the other to a third place (RFC 3515), at times to take the place of a
 * call of its own there (RFC 3891), and is told how that went. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "ua.h"

/* ---- the one who refers ---- */

static void put_escaped(struct cursor *out, const char *text)
{
	char hex[4];

	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text)) {
			put_char(out, *text);
			continue;
		}
		snprintf(hex, sizeof(hex), "%%%02X", (unsigned char)*text);
		put_bytes(out, hex, 3);
	}
}

/* The session that a consultation was held in. */
static struct sess *consulted(struct ua *ua)
{
	for (unsigned i = 0; i < UA_SESSIONS; i++)
		if (ua->sess[i].consults && ua->sess[i].state == SESS_UP)
			return &ua->sess[i];
	return NULL;
}

/* Another call of the same endpoint's, to the place it will refer to. */
static void consult(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct sess *second = ua_sess_new(sim, ua);
	char user[32];

	if (!second)
		return;
	snprintf(user, sizeof(user), "slot%u-%u", ua->manner.refer_slot, ua->call);
	script_outgoing(sim, ua, second, user);
	second->consults = true;
	ua_act_at(ua, second, sim->now_ns, ACT_CALL);
	(void)sess;
}

static void refer(struct sim *sim, struct ua *ua, struct sess *sess, const struct sess *replaced)
{
	char text[1024], at[64];
	struct cursor out = cursor_on(text, sizeof(text) - 1), own = cursor_on(at, sizeof(at) - 1);
	char tags[192];

	put_endpoint(&own, &ua->limen);
	at[own.len] = 0;
	snprintf(tags, sizeof(tags), "%s: <sip:slot%u-%u@%s", ua->manner.compact ? "r" : "Refer-To",
		 ua->manner.refer_slot, ua->call, at);
	put_bytes(&out, tags, strlen(tags));
	if (replaced) {
		put_lit(&out, "?Replaces=");
		put_escaped(&out, replaced->call_id);
		snprintf(tags, sizeof(tags), ";to-tag=%s;from-tag=%s", replaced->remote_tag,
			 replaced->local_tag);
		put_escaped(&out, tags);
	}
	put_lit(&out, ">\r\n");
	text[out.len] = 0;
	sim->totals->refers++;
	sim->calls[ua->call].transferred = true;
	ua_send_request(sim, ua, sess, SIP_METHOD_REFER, NULL, text);
}

void refer_act(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct sess *second = consulted(ua);

	if (sess->state != SESS_UP)
		return;
	if (ua->manner.refers == REFERS_ATTENDED && !second && sess->rounds++ == 0)
		consult(sim, ua, sess);
	else
		refer(sim, ua, sess, second);
}

/* The consultation is up: soon the two are joined. */
void refer_on_up(struct sim *sim, struct ua *ua, struct sess *sess)
{
	if (!sess->consults)
		return;
	for (unsigned i = 0; i < UA_SESSIONS; i++)
		if (ua->sess[i].state == SESS_UP && &ua->sess[i] != sess && !ua->sess[i].event)
			ua_act_at(ua, &ua->sess[i],
				  sim->now_ns + rng_below(&sim->ua_rng, 3000) * MS, ACT_REFER);
}

/* A final answer to the REFER. */
void refer_on_response(struct sim *sim, struct ua *ua, struct sess *sess, uint16_t status)
{
	if (status < 300)
		sim->totals->referred++;
	if (status < 300 && ua->manner.bye_on_refer && sess->state == SESS_UP)
		ua_send_bye(sim, ua, sess);
}

/* How the third party's call goes. */
void refer_on_notify(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
		     const struct sip_msg *msg)
{
	struct span body = sip_span(msg, msg->body), event = sip_hdr_value(msg, SIP_HDR_EVENT);
	unsigned status = 0;

	sim->totals->refer_notifies++;
	ua_respond(sim, ua, txn, 200);
	if (body.len >= 12 && memcmp(body.ptr, "SIP/2.0 ", 8) == 0)
		status = (unsigned)strtoul(body.ptr + 8, NULL, 10);
	if (sim_is_strict(sim, ua->call) &&
	    (event.len < 5 || memcmp(event.ptr, "refer", 5) != 0 || status < 100 || status > 699))
		sim_violation(sim, ua->call, "a NOTIFY of a REFER without its status line");
	if (status >= 200)
		sim->totals->transfers += status < 300;
	if (status >= 200 && status < 300 && sess->state == SESS_UP)
		ua_send_bye(sim, ua, sess);
}

/* ---- the one who is referred ---- */

static void tell(struct sim *sim, struct ua *ua, struct sess *sess, unsigned status)
{
	char fragment[128], lines[128];
	struct ua_body body = {.type = "message/sipfrag;version=2.0"};

	if (sess->state != SESS_UP)
		return;
	snprintf(fragment, sizeof(fragment), "SIP/2.0 %u As zq%c says\r\n", status,
		 ua->side == SIDE_A ? 'A' : 'B');
	body.text = span_str(fragment);
	snprintf(lines, sizeof(lines), "Event: refer\r\nSubscription-State: %s\r\n",
		 status < 200 ? "active;expires=60" : "terminated;reason=noresource");
	ua_send_request(sim, ua, sess, SIP_METHOD_NOTIFY, &body, lines);
}

static unsigned hex_of(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20) - 'a' + 10;
}

/* The header that a Refer-To URI asks for, as a line of the INVITE. */
static void take_replaces(struct sess *sess, struct span headers)
{
	char *to = sess->extra + snprintf(sess->extra, sizeof(sess->extra), "Replaces: ");
	const char *end = sess->extra + sizeof(sess->extra) - 3;

	for (size_t i = 9; i < headers.len && to < end; i++) {
		if (headers.ptr[i] == '%' && i + 2 < headers.len) {
			*to++ = (char)(hex_of(headers.ptr[i + 1]) << 4 |
				       hex_of(headers.ptr[i + 2]));
			i += 2;
		} else {
			*to++ = headers.ptr[i];
		}
	}
	memcpy(to, "\r\n", 3);
}

void refer_on_request(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
		      const struct sip_msg *msg)
{
	struct sip_name_addr name;
	struct sip_uri uri;
	struct sess *third;
	char user[64];

	if (sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_REFER_TO), &name) ||
	    sip_uri_parse(name.uri, &uri)) {
		ua_respond(sim, ua, txn, 400);
		return;
	}
	third = ua->manner.refuses_refer ? NULL : ua_sess_new(sim, ua);
	if (!third) {
		ua_respond(sim, ua, txn, 603);
		return;
	}
	ua_copy(user, sizeof(user), uri.user);
	script_outgoing(sim, ua, third, user);
	if (uri.headers.len > 9 && memcmp(uri.headers.ptr, "Replaces=", 9) == 0)
		take_replaces(third, uri.headers);
	third->refers_to = (uint8_t)(1 + ua_sess_number(ua, sess));
	ua_respond(sim, ua, txn, 202);
	tell(sim, ua, sess, 100);
	ua_act_at(ua, third, sim->now_ns + rng_below(&sim->ua_rng, 500) * MS, ACT_CALL);
}

/* The call that was asked for has a final answer. */
void refer_on_final(struct sim *sim, struct ua *ua, struct sess *third, unsigned status)
{
	if (!third->refers_to)
		return;
	tell(sim, ua, &ua->sess[third->refers_to - 1], status);
	third->refers_to = 0;
}

/* ---- the third party ---- */

static bool names(struct span value, const struct sess *sess)
{
	char want[400];

	snprintf(want, sizeof(want), "%s;to-tag=%s;from-tag=%s", sess->call_id, sess->local_tag,
		 sess->remote_tag);
	return span_eq(value, span_str(want));
}

static bool is_anybodys(const struct sim *sim, uint32_t call, struct span value)
{
	for (unsigned slot = 0; slot < SIM_SLOTS; slot++)
		for (unsigned i = 0; i < UA_SESSIONS; i++)
			if (names(value, &sim->uas[call * SIM_SLOTS + slot].sess[i]))
				return true;
	return false;
}

/* An INVITE that takes the place of another call: 0, or why not. */
uint16_t refer_replaces(struct sim *sim, struct ua *ua, const struct sip_msg *msg,
			struct sess **replaced)
{
	struct span value = sip_hdr_value(msg, SIP_HDR_REPLACES);

	*replaced = NULL;
	if (!value.len)
		return 0;
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		if (ua->sess[i].state == SESS_FREE || !names(value, &ua->sess[i]))
			continue;
		sim->totals->replaced++;
		*replaced = &ua->sess[i];
		return ua->sess[i].state == SESS_UP ? 0 : 603;
	}
	/* A consultation that was redirected is another place's. */
	if (sim_is_strict(sim, ua->call) && !is_anybodys(sim, ua->call, value))
		sim_violation(sim, ua->call, "endpoint %u: Replaces names nobody's dialog",
			      ua->slot);
	return 481;
}
