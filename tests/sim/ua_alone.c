/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that stand alone (MESSAGE, OPTIONS, PUBLISH, REGISTER), and challenges (RFC 3261
 * section 22): what an endpoint is asked for has to arrive as it was, and so has its answer. */
#include <stdio.h>

#include "ua.h"

/* ---- challenges ---- */

/* What a digest would be: both ends know how to make it of nonce and uri. */
static uint32_t digest_of(struct span nonce, struct span uri)
{
	return (uint32_t)hash_fast(hash_fast(1, nonce), uri);
}

/* The text between name=" and the next quote. */
static struct span quoted(struct span in, const char *name)
{
	const char *at = in.len ? memmem(in.ptr, in.len, name, strlen(name)) : NULL;
	const char *end;

	if (!at)
		return SPAN_NONE;
	at += strlen(name);
	end = memchr(at, '"', (size_t)(in.ptr + in.len - at));
	return end ? span_of(at, (size_t)(end - at)) : SPAN_NONE;
}

static void challenge(struct sim *sim, struct ua *ua, struct sess *sess, const struct sip_msg *msg)
{
	struct ua_txn *txn = ua_server_new(ua, msg, sess);
	bool proxy = ua->manner.challenge == 407;
	char line[192];

	if (!txn)
		return;
	sim->totals->challenges++;
	snprintf(ua->nonce, sizeof(ua->nonce), "n/%u+%u=%08x", ua->call, ua->slot,
		 (unsigned)rng_below(&sim->ua_rng, UINT32_MAX));
	snprintf(line, sizeof(line),
		 "%s: Digest realm=\"service.example\", nonce=\"%s\", algorithm=MD5, "
		 "qop=\"auth\"\r\n",
		 proxy ? "Proxy-Authenticate" : "WWW-Authenticate", ua->nonce);
	ua_respond_as(sim, ua, txn, sess, ua->manner.challenge, NULL, line);
}

bool alone_challenges(struct sim *sim, struct ua *ua, struct sess *sess, const struct sip_msg *msg)
{
	struct span given =
		sip_hdr_value(msg, ua->manner.challenge == 407 ? SIP_HDR_PROXY_AUTHORIZATION
							       : SIP_HDR_AUTHORIZATION);
	struct span nonce = quoted(given, "nonce=\"");
	char want[16];

	if (!ua->manner.challenge)
		return false;
	if (!nonce.len || !span_eq(nonce, span_str(ua->nonce))) {
		challenge(sim, ua, sess, msg);
		return true;
	}
	snprintf(want, sizeof(want), "%08x", digest_of(nonce, quoted(given, "uri=\"")));
	if (!span_eq(quoted(given, "response=\""), span_str(want)) && sim_is_strict(sim, ua->call))
		sim_violation(sim, ua->call, "endpoint %u: credentials do not verify", ua->slot);
	sim->totals->verified++;
	return false;
}

/* What the control plane answers for limen's account there; 0: it cannot. */
size_t alone_credentials(const struct sip_msg *answer, struct span uri, char *line, size_t cap)
{
	bool proxy = answer->status == 407;
	struct span nonce = quoted(
		sip_hdr_value(answer, proxy ? SIP_HDR_PROXY_AUTHENTICATE : SIP_HDR_WWW_AUTHENTICATE),
		"nonce=\"");
	int len;

	if (!nonce.len)
		return 0;
	len = snprintf(line, cap,
		       "%s: Digest username=\"limen\", realm=\"service.example\", nonce=\"%.*s\", "
		       "uri=\"%.*s\", response=\"%08x\"\r\n",
		       proxy ? "Proxy-Authorization" : "Authorization", SPAN_FMT(nonce),
		       SPAN_FMT(uri), digest_of(nonce, uri));
	return len > 0 && (size_t)len < cap ? (size_t)len : 0;
}

/* A caller's credentials for a challenge, as a header line; false: it has none. */
bool alone_take_challenge(struct sim *sim, struct ua *ua, struct sess *sess,
			  const struct sip_msg *msg)
{
	bool proxy = msg->status == 407;
	struct span given =
		sip_hdr_value(msg, proxy ? SIP_HDR_PROXY_AUTHENTICATE : SIP_HDR_WWW_AUTHENTICATE);
	struct span nonce = quoted(given, "nonce=\"");

	if (!nonce.len) {
		if (sim_is_strict(sim, ua->call))
			sim_violation(sim, ua->call, "a %u without its challenge", msg->status);
		return false;
	}
	if (!ua->manner.has_password || sess->auth_tries++ >= 2)
		return false;
	snprintf(sess->auth, sizeof(sess->auth),
		 "%s: Digest username=\"user%u\", realm=\"service.example\", nonce=\"%.*s\", "
		 "uri=\"%s\", response=\"%08x\", qop=auth, nc=00000001, cnonce=\"0a4f113b\"\r\n",
		 proxy ? "Proxy-Authorization" : "Authorization", ua->call, SPAN_FMT(nonce),
		 sess->target, digest_of(nonce, span_str(sess->target)));
	return true;
}

/* ---- requests ---- */

static const uint8_t methods[] = {
	[WHAT_INVITE] = SIP_METHOD_INVITE,	     [WHAT_MESSAGE] = SIP_METHOD_MESSAGE,
	[WHAT_OPTIONS_THROUGH] = SIP_METHOD_OPTIONS, [WHAT_OPTIONS_LIMEN] = SIP_METHOD_OPTIONS,
	[WHAT_PUBLISH] = SIP_METHOD_PUBLISH,	     [WHAT_REGISTER] = SIP_METHOD_REGISTER,
	[WHAT_SUBSCRIBE] = SIP_METHOD_SUBSCRIBE,
};

uint8_t alone_method(const struct ua *ua)
{
	return methods[ua->manner.what];
}

struct ua_txn *alone_send(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_body body = {.text = SPAN_NONE};
	uint8_t method = alone_method(ua);
	char lines[160] = "", text[512];

	if (method == SIP_METHOD_MESSAGE) {
		body.text = SPAN("good day");
		body.type = "text/plain";
	} else if (method == SIP_METHOD_PUBLISH) {
		if (sess->rounds == 0)
			body = event_body(ua, EVENT_PRESENCE, text, sizeof(text));
		snprintf(lines, sizeof(lines), "Event: presence\r\nExpires: %u\r\n%s%s%s",
			 sess->rounds > 1 ? 0 : 60, sess->etag[0] ? "SIP-If-Match: " : "",
			 sess->etag, sess->etag[0] ? "\r\n" : "");
	} else if (method == SIP_METHOD_REGISTER) {
		snprintf(lines, sizeof(lines), "Expires: %u\r\n", sess->rounds > 1 ? 0 : 60);
	} else if (method == SIP_METHOD_SUBSCRIBE) {
		return event_subscribe(sim, ua, sess, event_wish_s(ua));
	}
	return ua_send_request(sim, ua, sess, method, &body, lines);
}

/* A final answer to it. */
void alone_on_response(struct sim *sim, struct ua *ua, struct sess *sess, const struct sip_msg *msg)
{
	uint8_t method = alone_method(ua);

	if ((msg->status == 401 || msg->status == 407) &&
	    alone_take_challenge(sim, ua, sess, msg)) {
		ua_act_at(ua, sess, sim->now_ns, ACT_CALL);
		return;
	}
	if (method == SIP_METHOD_SUBSCRIBE) {
		event_on_subscribed(sim, ua, sess, msg);
		return;
	}
	if (msg->status < 300)
		sim->totals->alone++;
	if (msg->status < 300 && sess->rounds++ < 2 &&
	    (method == SIP_METHOD_PUBLISH || method == SIP_METHOD_REGISTER)) {
		ua_copy(sess->etag, sizeof(sess->etag), sip_hdr_value(msg, SIP_HDR_SIP_ETAG));
		if (method == SIP_METHOD_PUBLISH && !sess->etag[0] && sim_is_strict(sim, ua->call))
			sim_violation(sim, ua->call, "a published state lost its tag");
		ua_act_at(ua, sess, sim->now_ns + rng_below(&sim->ua_rng, 30) * SECOND, ACT_CALL);
		return;
	}
	sess->state = SESS_DOWN;
}

/* ---- as the one asked ---- */

void alone_answer(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct span match = sip_hdr_value(msg, SIP_HDR_SIP_IF_MATCH);
	struct ua_txn *txn = ua_server_new(ua, msg, NULL);
	char lines[160] = "", etag[32];

	if (!txn)
		return;
	if (msg->method == SIP_METHOD_PUBLISH) {
		snprintf(etag, sizeof(etag), "etag-%u-%u", ua->call, ua->slot);
		if (match.len && !span_eq(match, span_str(etag)) && sim_is_strict(sim, ua->call) &&
		    !memmem(match.ptr, match.len, "etag-", 5))
			sim_violation(sim, ua->call, "the tag of a published state has changed");
		snprintf(lines, sizeof(lines), "SIP-ETag: %s\r\nExpires: 60\r\n", etag);
	} else if (msg->method == SIP_METHOD_REGISTER) {
		snprintf(lines, sizeof(lines), "Expires: 60\r\n");
	}
	ua_respond_as(sim, ua, txn, NULL, ua->slot ? ua->manner.alone_status : 404, NULL,
		      ua->slot && ua->manner.alone_status < 300 ? lines : "");
}
