/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP keys of each leg: what its trunk's policy makes of the peer's offers and answers, and what
 * limen offers and answers itself. One worker thread; libc only. */
#include "dataplane/sip/keying.h"

#include <errno.h>

#include "common/base/chacha20.h"
#include "common/sdp/crypto.h"

_Static_assert(CALL_MEDIA_MAX <= 8, "a bit for each section");
_Static_assert(sizeof(((struct sip_leg *)0)->srtp_suites) == SECURE_SUITES_MAX, "all suites");

void keying_set_policy(struct sip_leg *leg, const struct ipc_side_policy *policy)
{
	leg->srtp = policy->srtp;
	memcpy(leg->srtp_suites, policy->srtp_suites, sizeof(leg->srtp_suites));
}

/* ---- what a leg keeps ---- */

/* NULL: there never were any. */
static struct leg_keys *keys_at(const struct engine *e, const struct sip_leg *leg, unsigned section)
{
	struct span all = blob_span(&e->blobs, leg->keys);
	struct leg_keys *keys = (struct leg_keys *)(uintptr_t)all.ptr;

	return section < all.len / sizeof(*keys) ? &keys[section] : NULL;
}

static struct leg_keys *keys_make(struct engine *e, struct sip_leg *leg, unsigned section)
{
	struct span before = blob_span(&e->blobs, leg->keys);
	uint32_t bytes = (section + 1) * (uint32_t)sizeof(struct leg_keys);
	char *made;
	uint64_t blob;

	if (bytes <= before.len)
		return keys_at(e, leg, section);
	blob = blob_alloc(&e->blobs, bytes, &made);
	if (blob == HANDLE_NONE)
		return NULL;
	memset(made, 0, bytes);
	if (before.len)
		memcpy(made, before.ptr, before.len);
	blob_free(&e->blobs, leg->keys);
	leg->keys = blob;
	return keys_at(e, leg, section);
}

/* ---- limen's own keys ---- */

static void draw_secret(struct engine *e, uint8_t secret[SECURE_SECRET_BYTES])
{
	chacha20_draw(e->secret, secret, SECURE_SECRET_BYTES);
}

/* One that nothing was encrypted with yet, where there is none. */
static void need_secret(struct engine *e, struct leg_keys *keys)
{
	if (!(keys->flags & KEYS_OURS))
		draw_secret(e, keys->secret);
	keys->flags |= KEYS_OURS;
}

bool keying_copy(struct engine *e, struct sip_leg *to, const struct sip_leg *from)
{
	struct span all = blob_span(&e->blobs, from->keys);
	struct leg_keys *keys;

	to->savp = from->savp;
	to->lines = from->lines;
	if (all.len == 0)
		return true;
	to->keys = blob_copy(&e->blobs, all);
	for (unsigned i = 0; (keys = keys_at(e, to, i)) != NULL; i++) {
		/* One offer of A's is answered in each early dialog with a key of its own (RFC 4568
		 * section 7.3); one of limen's is the same for all that answer it. */
		if (to->side == SIDE_A) {
			draw_secret(e, keys->secret);
			continue;
		}
		explicit_bzero(&keys->rx, sizeof(keys->rx));
		keys->tag = 0;
	}
	return to->keys != HANDLE_NONE;
}

void keying_move(struct engine *e, struct sip_leg *to, struct sip_leg *from)
{
	keying_free(e, to);
	to->keys = from->keys;
	to->savp = from->savp;
	to->lines = from->lines;
	from->keys = HANDLE_NONE;
}

void keying_free(struct engine *e, struct sip_leg *leg)
{
	blob_free(&e->blobs, leg->keys);
	leg->keys = HANDLE_NONE;
}

bool keying_may_do_without(const struct sip_leg *leg, uint16_t status)
{
	return leg->srtp == IPC_SRTP_ALLOW && (leg->savp || leg->lines) &&
	       (status == 488 || status == 606);
}

void keying_drop(struct engine *e, struct sip_leg *leg, unsigned section)
{
	struct leg_keys *keys = keys_at(e, leg, section);

	if (keys)
		explicit_bzero(keys, sizeof(*keys));
}

/* ---- what the peer says ---- */

enum outcome {
	OUTCOME_REFUSED = 0,
	OUTCOME_PLAIN,
	OUTCOME_SECURE, /* with the keys of the line that was found */
};

/* A suite's place in the side's order; nsuites for one that it does not have. */
static unsigned suite_place(const struct sip_leg *leg, unsigned suite)
{
	unsigned i = 0;

	while (i < SECURE_SUITES_MAX && leg->srtp_suites[i] != suite)
		i++;
	return i;
}

/* The line that limen answers an offer with: its suite is the first in the side's order. */
static bool choose_line(const struct sip_leg *leg, const struct sdp_media *media,
			struct sdp_crypto *best)
{
	unsigned best_place = SECURE_SUITES_MAX;
	struct span rest = media->lines;
	struct sdp_crypto line;

	while (sdp_crypto_next(&rest, &line)) {
		unsigned place = suite_place(leg, line.key.suite);

		if (place >= best_place)
			continue;
		best_place = place;
		*best = line;
	}
	explicit_bzero(&line, sizeof(line));
	return best_place < SECURE_SUITES_MAX;
}

static bool is_udptl(const struct sdp_media *media)
{
	return span_ieq(media->proto, SPAN("udptl"));
}

static enum outcome judge_offer(const struct sip_leg *from, const struct sip_leg *to,
				const struct sdp_media *media, struct sdp_crypto *line)
{
	enum sdp_security security = sdp_security(media->proto);
	bool secured = security == SDP_SECURITY_SDES;

	if (security == SDP_SECURITY_DTLS)
		return OUTCOME_REFUSED;
	if (security == SDP_SECURITY_OTHER) /* no SRTP for a fax: in the clear, or not at all */
		return is_udptl(media) &&
				       (from->srtp == IPC_SRTP_REQUIRE || to->srtp == IPC_SRTP_REQUIRE)
			       ? OUTCOME_REFUSED
			       : OUTCOME_PLAIN;
	if (from->srtp == IPC_SRTP_FORBID)
		return secured ? OUTCOME_REFUSED : OUTCOME_PLAIN;
	if (choose_line(from, media, line))
		return OUTCOME_SECURE;
	return secured || from->srtp == IPC_SRTP_REQUIRE ? OUTCOME_REFUSED : OUTCOME_PLAIN;
}

/* What an offer makes of a section, until it counts. */
static int keep_offer(struct engine *e, struct sip_leg *leg, unsigned section, enum outcome outcome,
		      const struct sdp_crypto *line)
{
	struct leg_keys *keys = outcome == OUTCOME_SECURE ? keys_make(e, leg, section)
							  : keys_at(e, leg, section);

	if (keys == NULL)
		return outcome == OUTCOME_SECURE ? -ENOMEM : 0;
	explicit_bzero(&keys->next_rx, sizeof(keys->next_rx));
	keys->flags &= (uint8_t)~(KEYS_NEXT | KEYS_NEXT_SECRET);
	if (outcome == OUTCOME_REFUSED)
		return 0;
	keys->flags |= KEYS_NEXT;
	if (outcome == OUTCOME_PLAIN)
		return 0;
	keys->next_rx = line->key;
	keys->next_tag = line->tag;
	/* Who changes its key begins anew, and many do so in both directions: limen changes its own
	 * with it, so that neither has to know the other's roll-over counter. */
	if (keys->flags & KEYS_OURS && !secure_key_eq(&keys->rx, &line->key)) {
		draw_secret(e, keys->next_secret);
		keys->flags |= KEYS_NEXT_SECRET;
	}
	need_secret(e, keys);
	return 0;
}

struct judgement {
	uint8_t outcome[CALL_MEDIA_MAX]; /* enum outcome */
	struct sdp_crypto line[CALL_MEDIA_MAX];
};

static bool has_active(const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->nmedia; i++)
		if (sdp->media[i].port)
			return true;
	return false;
}

/* Sections that are refused lose their port. False when none is left. */
static bool judge_sections(struct engine *e, const struct sip_leg *from, const struct sip_leg *to,
			   struct sdp *sdp, struct judgement *judged)
{
	bool any = false, dtls = false;

	for (unsigned i = 0; i < sdp->nmedia && i < CALL_MEDIA_MAX; i++) {
		struct sdp_media *media = &sdp->media[i];

		judged->outcome[i] = media->port == 0 ? OUTCOME_REFUSED
						      : judge_offer(from, to, media,
								    &judged->line[i]);
		if (media->port == 0 || judged->outcome[i] != OUTCOME_REFUSED)
			continue;
		any = true;
		dtls |= sdp_security(media->proto) == SDP_SECURITY_DTLS;
		media->port = 0;
	}
	if (!any)
		return true;
	if (dtls)
		e->stats.dtls_refused++;
	else
		e->stats.srtp_refused++;
	return has_active(sdp);
}

static void set_bit(uint8_t *bits, unsigned at, bool on)
{
	*bits = (uint8_t)(on ? *bits | 1u << at : *bits & ~(1u << at));
}

int keying_offered(struct engine *e, struct sip_leg *from, const struct sip_leg *to,
		   struct sdp *sdp)
{
	struct judgement judged;
	int error = judge_sections(e, from, to, sdp, &judged) ? 0 : -EPROTO;

	for (unsigned i = 0; !error && i < sdp->nmedia && i < CALL_MEDIA_MAX; i++) {
		error = keep_offer(e, from, i, judged.outcome[i], &judged.line[i]);
		set_bit(&from->savp, i,
			sdp_security(sdp->media[i].proto) == SDP_SECURITY_SDES);
		set_bit(&from->lines, i, false);
	}
	explicit_bzero(&judged, sizeof(judged));
	return error;
}

/* Whether the line answers one of limen's, in this offer or in the one that is in force: a refresh
 * says again what was said last. */
static bool line_fits(const struct sip_leg *leg, const struct leg_keys *keys,
		      const struct sdp_crypto *line)
{
	unsigned place = suite_place(leg, line->key.suite);

	if (place < SECURE_SUITES_MAX && line->tag == place + 1)
		return true;
	return keys && keys->rx.suite == line->key.suite && keys->tag == line->tag;
}

static bool find_answer(const struct sip_leg *leg, const struct leg_keys *keys,
			const struct sdp_media *media, struct sdp_crypto *line)
{
	struct span rest = media->lines;

	while (sdp_crypto_next(&rest, line))
		if (line_fits(leg, keys, line))
			return true;
	explicit_bzero(line, sizeof(*line));
	return false;
}

static bool is_secure(const struct leg_keys *keys)
{
	return keys && keys->rx.suite != SECURE_NONE;
}

static enum outcome judge_answer(const struct engine *e, const struct sip_leg *from,
				 unsigned section, const struct sdp_media *media,
				 struct sdp_crypto *line)
{
	const struct leg_keys *keys = keys_at(e, from, section);
	enum sdp_security security = sdp_security(media->proto);
	bool must = from->savp >> section & 1, may = from->lines >> section & 1;

	if (security == SDP_SECURITY_DTLS)
		return OUTCOME_REFUSED;
	/* Without a secret of limen's there was no offer that this could answer. */
	if (keys && (must || may || is_secure(keys)) && find_answer(from, keys, media, line))
		return OUTCOME_SECURE;
	if (must || security == SDP_SECURITY_SDES || from->srtp == IPC_SRTP_REQUIRE)
		return OUTCOME_REFUSED;
	return OUTCOME_PLAIN;
}

/* What an answer makes of a section, at once. */
static void keep_answer(struct engine *e, struct sip_leg *leg, unsigned section,
			enum outcome outcome, const struct sdp_crypto *line)
{
	struct leg_keys *keys = keys_at(e, leg, section);

	if (keys == NULL)
		return;
	explicit_bzero(&keys->rx, sizeof(keys->rx));
	if (outcome == OUTCOME_SECURE) {
		keys->rx = line->key;
		keys->tag = line->tag;
	}
	keys->flags &= (uint8_t)~KEYS_SAVP;
	if (leg->savp >> section & 1)
		keys->flags |= KEYS_SAVP;
}

int keying_answered(struct engine *e, struct sip_leg *from, const struct sdp *sdp)
{
	struct judgement judged;
	int error = 0;

	for (unsigned i = 0; i < sdp->nmedia && i < CALL_MEDIA_MAX; i++) {
		const struct sdp_media *media = &sdp->media[i];

		if (media->port == 0)
			continue;
		judged.outcome[i] = judge_answer(e, from, i, media, &judged.line[i]);
		if (judged.outcome[i] == OUTCOME_REFUSED)
			error = -EPROTO;
	}
	if (error)
		e->stats.srtp_answers_refused++;
	for (unsigned i = 0; !error && i < sdp->nmedia && i < CALL_MEDIA_MAX; i++)
		if (sdp->media[i].port)
			keep_answer(e, from, i, judged.outcome[i], &judged.line[i]);
	explicit_bzero(&judged, sizeof(judged));
	return error;
}

void keying_commit(struct engine *e, struct sip_leg *leg)
{
	struct leg_keys *keys;

	for (unsigned i = 0; (keys = keys_at(e, leg, i)) != NULL; i++) {
		if (!(keys->flags & KEYS_NEXT))
			continue;
		keys->rx = keys->next_rx;
		keys->tag = keys->next_tag;
		if (keys->flags & KEYS_NEXT_SECRET)
			memcpy(keys->secret, keys->next_secret, sizeof(keys->secret));
		keys->flags &= (uint8_t)~KEYS_SAVP;
		if (leg->savp >> i & 1)
			keys->flags |= KEYS_SAVP;
	}
	keying_forget(e, leg);
}

void keying_forget(struct engine *e, struct sip_leg *leg)
{
	struct leg_keys *keys;

	for (unsigned i = 0; (keys = keys_at(e, leg, i)) != NULL; i++) {
		if (!(keys->flags & KEYS_NEXT))
			continue;
		explicit_bzero(&keys->next_rx, sizeof(keys->next_rx));
		explicit_bzero(keys->next_secret, sizeof(keys->next_secret));
		keys->flags &= (uint8_t)~(KEYS_NEXT | KEYS_NEXT_SECRET);
	}
}

int keying_apply(struct engine *e, const struct sip_call *call, const struct sip_leg *leg)
{
	int error = 0;

	for (unsigned i = 0; i < call->npairs && !error; i++) {
		const struct leg_keys *keys = keys_at(e, leg, i);
		struct secure_key tx;

		if (call->pair[i] == HANDLE_NONE)
			continue;
		if (!is_secure(keys)) {
			error = stream_pair_secure(e->media, call->pair[i], leg->side, NULL, NULL);
			continue;
		}
		secure_key_make(&tx, keys->rx.suite, keys->secret);
		error = stream_pair_secure(e->media, call->pair[i], leg->side, &keys->rx, &tx);
		explicit_bzero(&tx, sizeof(tx));
	}
	return error;
}

/* ---- what limen says ---- */

/* A line for each suite of the side, the one in force first; tags are places in the side's
 * order. */
static void put_lines(const struct sip_leg *to, const struct leg_keys *keys, struct sdp_keys *out)
{
	unsigned first = suite_place(to, keys->rx.suite ? keys->rx.suite : to->srtp_suites[0]);

	memcpy(out->secret, keys->secret, sizeof(out->secret));
	for (unsigned i = 0; i < SECURE_SUITES_MAX; i++) {
		unsigned place = i == 0 ? first : i <= first ? i - 1 : i;

		if (first == SECURE_SUITES_MAX)
			place = i;
		if (to->srtp_suites[place] == SECURE_NONE)
			continue;
		out->tag[out->nsuites] = place + 1;
		out->suites[out->nsuites++] = to->srtp_suites[place];
	}
}

/* How limen offers a section: what was agreed stays, however the other leg changes. */
static void choose_offer(const struct engine *e, const struct sip_call *call,
			 const struct sip_leg *from, const struct sip_leg *to, unsigned section,
			 bool old, bool *savp, bool *lines)
{
	const struct leg_keys *theirs = keys_at(e, from, section), *keys = keys_at(e, to, section);

	*savp = to->srtp == IPC_SRTP_REQUIRE;
	*lines = to->srtp == IPC_SRTP_REQUIRE || to->srtp == IPC_SRTP_BEST_EFFORT;
	if (is_secure(keys)) {
		*savp |= (keys->flags & KEYS_SAVP) != 0;
		*lines = true;
	} else if (to->srtp == IPC_SRTP_ALLOW && !old && !(call->flags & CALL_SRTP_REFUSED)) {
		*lines = theirs && (theirs->flags & KEYS_NEXT ? theirs->next_rx.suite
							      : theirs->rx.suite) != SECURE_NONE;
		*savp = *lines && from->savp >> section & 1;
	}
	if (to->srtp == IPC_SRTP_FORBID)
		*savp = *lines = false;
}

int keying_put_offer(struct engine *e, const struct sip_call *call, const struct sip_leg *from,
		     struct sip_leg *to, const struct sdp *sdp, unsigned old,
		     struct sdp_rewrite *rewrite)
{
	for (unsigned i = 0; i < sdp->nmedia && i < CALL_MEDIA_MAX; i++) {
		struct sdp_anchor *anchor = &rewrite->anchors[i];
		struct leg_keys *keys;
		bool savp, lines;

		choose_offer(e, call, from, to, i, old >> i & 1, &savp, &lines);
		if (sdp_security(sdp->media[i].proto) == SDP_SECURITY_OTHER ||
		    anchor->rtp.family == NET_NONE)
			savp = lines = false;
		anchor->security = savp ? SDP_SECURITY_SDES : SDP_SECURITY_PLAIN;
		set_bit(&to->savp, i, savp);
		set_bit(&to->lines, i, lines);
		if (!lines)
			continue;
		keys = keys_make(e, to, i);
		if (keys == NULL)
			return -ENOMEM;
		need_secret(e, keys);
		put_lines(to, keys, &anchor->keys);
		e->holds_keys = true;
	}
	return 0;
}

void keying_put_answer(struct engine *e, const struct sip_leg *to, struct sdp_rewrite *rewrite)
{
	for (unsigned i = 0; i < rewrite->nanchors && i < CALL_MEDIA_MAX; i++) {
		struct sdp_anchor *anchor = &rewrite->anchors[i];
		const struct leg_keys *keys = keys_at(e, to, i);

		anchor->security = to->savp >> i & 1 ? SDP_SECURITY_SDES : SDP_SECURITY_PLAIN;
		if (!is_secure(keys))
			continue;
		anchor->keys.nsuites = 1;
		anchor->keys.suites[0] = keys->rx.suite;
		anchor->keys.tag[0] = keys->tag;
		memcpy(anchor->keys.secret, keys->secret, sizeof(keys->secret));
		e->holds_keys = true;
	}
}
