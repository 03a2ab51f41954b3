/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP of the endpoints (RFC 4568): keys in what they say, and whether limen's streams have those
 * that were agreed on. A key changes with every second version of a description. */
#include "common/base/hash.h"
#include "common/sdp/crypto.h"
#include "dataplane/media/stream.h"
#include "ua.h"

static const uint8_t offered[] = {SECURE_AEAD_AES_128_GCM, SECURE_AES_CM_128_HMAC_SHA1_80};

static struct secure_key own_key(const struct ua *ua, const struct sess *sess, uint32_t version,
				 unsigned section, enum secure_suite suite)
{
	const uint32_t who[] = {ua->call, ua->slot, ua_sess_number(ua, sess), version / 2, section};
	uint64_t secret[4];
	struct secure_key key;

	for (unsigned i = 0; i < 4; i++)
		secret[i] = hash_fast(1000 + i, span_of(who, sizeof(who)));
	secure_key_make(&key, suite, (const uint8_t *)secret);
	return key;
}

/* What limen says of a section, in a message or in its body alone. False: no key. */
static bool limens_line(struct span text, unsigned section, bool *savp, struct sdp_crypto *line)
{
	static struct sdp sdp;
	const char *body = memmem(text.ptr, text.len, "\r\n\r\n", 4), *why;
	struct span rest;

	*savp = false;
	if (text.len > 2 && memcmp(text.ptr, "v=", 2) != 0) {
		if (!body)
			return false;
		text = span_of(body + 4, (size_t)(text.ptr + text.len - body - 4));
	}
	if (sdp_parse(&sdp, text, &why) || section >= sdp.nmedia)
		return false;
	*savp = sdp_security(sdp.media[section].proto) == SDP_SECURITY_SDES;
	rest = sdp.media[section].lines;
	return sdp_crypto_next(&rest, line);
}

void srtp_put_proto(struct cursor *out, const struct ua *ua, const struct ua_body *body,
		    unsigned section)
{
	struct sdp_crypto line;
	bool savp = ua->manner.srtp == SRTP_SAVP;

	if (body->offer.len)
		(void)limens_line(body->offer, section, &savp, &line);
	put_span(out, savp ? SPAN(" RTP/SAVP ") : SPAN(" RTP/AVP "));
}

void srtp_put_lines(struct cursor *out, const struct ua *ua, const struct sess *sess,
		    const struct ua_body *body, unsigned section)
{
	struct sdp_crypto line;
	struct secure_key key;
	bool savp;

	if (body->offer.len) {
		if (!limens_line(body->offer, section, &savp, &line) ||
		    !(savp || ua->manner.srtp))
			return;
		key = own_key(ua, sess, sess->sdp_version, section, line.key.suite);
		sdp_crypto_put(out, line.tag, &key);
		return;
	}
	for (unsigned i = 0; ua->manner.srtp && i < sizeof(offered); i++) {
		key = own_key(ua, sess, sess->sdp_version, section, offered[i]);
		sdp_crypto_put(out, 3 + i, &key);
	}
}

/* An offer of its own was answered by limen. */
void srtp_offer_answered(struct sess *sess, uint32_t version, struct span answer)
{
	struct sdp_crypto line;
	bool savp;

	sess->srtp_known = answer.len != 0;
	if (!sess->srtp_known)
		return;
	sess->secure = limens_line(answer, 0, &savp, &line);
	sess->key_version = version;
	if (sess->secure)
		sess->limen_key = line.key;
}

/* It answers an offer of limen's, or makes one whose answer is not looked at. */
void srtp_answers(const struct ua *ua, struct sess *sess, struct span offer)
{
	struct sdp_crypto line;
	bool savp;

	sess->srtp_known = offer.len != 0;
	if (!sess->srtp_known)
		return;
	sess->secure = limens_line(offer, 0, &savp, &line) && (savp || ua->manner.srtp);
	sess->key_version = sess->sdp_version;
	if (sess->secure)
		sess->limen_key = line.key;
}

void srtp_check(struct sim *sim, const struct ua *ua, const struct sess *sess,
		const struct stream_secure *keys)
{
	struct secure_key own;

	if (!sess->srtp_known)
		return;
	sim->totals->srtp_judged += sess->secure;
	if ((keys != NULL) != sess->secure) {
		sim_violation(sim, ua->call, "media of endpoint %u is %s", ua->slot,
			      keys ? "taken as SRTP, but was agreed as plain"
				   : "taken as plain, but was agreed as SRTP");
		return;
	}
	if (!keys)
		return;
	own = own_key(ua, sess, sess->key_version, 0, sess->limen_key.suite);
	if (!secure_key_eq(&keys->rx.key, &own))
		sim_violation(sim, ua->call, "limen opens media of endpoint %u with another key",
			      ua->slot);
	if (!secure_key_eq(&keys->tx.key, &sess->limen_key))
		sim_violation(sim, ua->call, "limen encrypts for endpoint %u with another key",
			      ua->slot);
}
