/* SPDX-License-Identifier: BSD-3-Clause */
/* A challenge of limen itself, and what it is answered with. limen-controlplane, loop thread. */
#include "controlplane/account/challenge.h"

#include "controlplane/auth/users.h"

static bool keep_text(char into[CHALLENGE_TEXT_MAX], struct span text)
{
	if (text.len >= CHALLENGE_TEXT_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == '"' || text.ptr[i] == 0x7f)
			return false;
	}
	memcpy(into, text.ptr ? text.ptr : "", text.len);
	into[text.len] = '\0';
	return true;
}

static bool keep(struct challenge *c, const struct digest_params *p,
		 enum digest_algorithm algorithm, bool proxy, const unsigned char *ha1)
{
	struct challenge kept = {.known = true,
				 .proxy = proxy,
				 .qop = p->qop.len != 0,
				 .has_opaque = p->opaque.ptr != NULL,
				 .algorithm = (uint8_t)algorithm};

	if (!keep_text(kept.realm, p->realm) || !keep_text(kept.nonce, p->nonce) ||
	    !keep_text(kept.opaque, p->opaque))
		return false;
	memcpy(kept.ha1, ha1, digest_bytes(algorithm));
	*c = kept;
	return true;
}

bool challenge_read(struct challenge *c, const struct sip_msg *answer, struct span user,
		    const struct users *credentials, bool *stale)
{
	enum sip_hdr_id id = answer->status == 407 ? SIP_HDR_PROXY_AUTHENTICATE
						   : SIP_HDR_WWW_AUTHENTICATE;
	bool found = false;

	for (uint16_t at = answer->first[id]; at != SIP_HDR_NONE; at = answer->hdrs[at].next) {
		enum digest_algorithm algorithm;
		const unsigned char *ha1;
		struct digest_params p;

		if (digest_parse(sip_span(answer, answer->hdrs[at].value), &p) ||
		    !digest_from_name(p.algorithm, &algorithm) ||
		    (p.qop.len && !digest_offers(p.qop, SPAN("auth"))) ||
		    (found && algorithm == DIGEST_MD5))
			continue;
		ha1 = credentials ? users_find(credentials, user, p.realm, algorithm) : NULL;
		if (!ha1 || !keep(c, &p, algorithm, id == SIP_HDR_PROXY_AUTHENTICATE, ha1))
			continue;
		found = true;
		*stale = p.stale;
		if (algorithm != DIGEST_MD5)
			break;
	}
	return found;
}

void put_challenge_answer(struct cursor *out, struct challenge *c, struct span user,
			  struct span method, struct span uri, uint64_t once)
{
	char nc_text[8], cnonce_text[16], response[DIGEST_HEX_MAX];
	struct cursor nc = cursor_on(nc_text, sizeof(nc_text)),
		      cnonce = cursor_on(cnonce_text, sizeof(cnonce_text));
	const unsigned char count[4] = {(unsigned char)(++c->nc >> 24),
					(unsigned char)(c->nc >> 16), (unsigned char)(c->nc >> 8),
					(unsigned char)c->nc};
	struct digest_request digest = {.algorithm = (enum digest_algorithm)c->algorithm,
					.method = method,
					.uri = uri,
					.nonce = span_str(c->nonce)};
	unsigned len;

	put_hex(&nc, count, sizeof(count));
	put_hex(&cnonce, (const unsigned char *)&once, sizeof(once));
	if (c->qop) {
		digest.qop = SPAN("auth");
		digest.nc = cursor_span(&nc);
		digest.cnonce = cursor_span(&cnonce);
	}
	if (!digest_response(&digest, c->ha1, response, &len))
		return;
	if (c->proxy)
		put_lit(out, "Proxy-Authorization: Digest username=\"");
	else
		put_lit(out, "Authorization: Digest username=\"");
	put_span(out, user);
	put_lit(out, "\", realm=\"");
	put_span(out, span_str(c->realm));
	put_lit(out, "\", nonce=\"");
	put_span(out, span_str(c->nonce));
	put_lit(out, "\", uri=\"");
	put_span(out, uri);
	put_lit(out, "\", response=\"");
	put_bytes(out, response, len);
	put_lit(out, "\", algorithm=");
	put_span(out, span_str(digest_name((enum digest_algorithm)c->algorithm)));
	if (c->has_opaque) {
		put_lit(out, ", opaque=\"");
		put_span(out, span_str(c->opaque));
		put_char(out, '"');
	}
	if (c->qop) {
		put_lit(out, ", qop=auth, nc=");
		put_span(out, digest.nc);
		put_lit(out, ", cnonce=\"");
		put_span(out, digest.cnonce);
		put_char(out, '"');
	}
	put_lit(out, "\r\n");
}
