/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP negotiated by the engine (RFC 4568, RFC 8643): each side by its own policy, with keys of its
 * own, that end up in the streams and nowhere else. */
#include "world.h"

#include "common/sdp/crypto.h"
#include "dataplane/media/stream.h"
#include "dataplane/store/slab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct world *w;
static char invite[8192], ok[8192];

static void setup(void)
{
	w = world_new();
}

TestSuite(engine_srtp, .init = setup);

static void set_policy(struct ipc_side_policy *side, enum ipc_srtp mode)
{
	static const uint8_t order[SECURE_SUITES_MAX] = {
		SECURE_AES_CM_128_HMAC_SHA1_80, SECURE_AES_CM_128_HMAC_SHA1_32,
		SECURE_AES_256_CM_HMAC_SHA1_80, SECURE_AES_256_CM_HMAC_SHA1_32,
		SECURE_AEAD_AES_128_GCM,	SECURE_AEAD_AES_256_GCM,
	};

	side->srtp = (uint8_t)mode;
	memcpy(side->srtp_suites, order, sizeof(order));
}

/* ---- what peers say ---- */

static struct secure_key key_of(enum secure_suite suite, uint8_t seed)
{
	const struct secure_suite_info *info = secure_suite_info(suite);
	struct secure_key key = {.suite = (uint8_t)suite};

	for (unsigned i = 0; i < info->key_bytes; i++)
		key.key[i] = (uint8_t)(seed + i);
	for (unsigned i = 0; i < info->salt_bytes; i++)
		key.salt[i] = (uint8_t)(~seed - i);
	return key;
}

#define USUAL SECURE_AES_CM_128_HMAC_SHA1_80

/* One audio section of a side's; tag 0: no key. */
static const char *sdp_of(int side, const char *proto, unsigned tag, const struct secure_key *key,
			  const char *more)
{
	static char text[2][2048];
	char line[256];
	struct cursor c = cursor_on(line, sizeof(line) - 1);

	if (tag)
		sdp_crypto_put(&c, tag, key);
	line[c.len] = 0;
	snprintf(text[side], sizeof(text[side]),
		 "v=0\r\no=x 1 1 IN IP4 10.0.%d.2\r\ns=-\r\nc=IN IP4 10.0.%d.2\r\nt=0 0\r\n"
		 "m=audio %d %s 0\r\n%s%s",
		 side + 1, side + 1, side == A ? 4000 : 6000, proto, line, more ? more : "");
	return text[side];
}

/* ---- what limen says ---- */

static const char *body_of(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n");

	return body ? body + 4 : "";
}

/* The n-th crypto line of limen's description. */
static bool line_of(const char *text, unsigned n, struct sdp_crypto *line)
{
	static struct sdp sdp;
	const char *why;
	struct span rest;
	bool found = false;

	cr_assert_eq(sdp_parse(&sdp, span_str(body_of(text)), &why), 0, "%s\n%s", why, text);
	cr_assert(sdp.nmedia);
	rest = sdp.media[0].lines;
	for (unsigned i = 0; i <= n; i++)
		found = sdp_crypto_next(&rest, line);
	return found;
}

static unsigned lines_of(const char *text)
{
	struct sdp_crypto line;
	unsigned n = 0;

	while (line_of(text, n, &line))
		n++;
	return n;
}

/* limen's line of that suite, which must be there. */
static struct sdp_crypto line_with(const char *text, enum secure_suite suite)
{
	struct sdp_crypto line;

	for (unsigned n = 0; line_of(text, n, &line); n++)
		if (line.key.suite == suite)
			return line;
	cr_assert(false, "no line of suite %u in:\n%s", suite, text);
	return line;
}

static const struct secure_key *key_with(const char *text, enum secure_suite suite)
{
	static struct sdp_crypto line;

	line = line_with(text, suite);
	return &line.key;
}

/* ---- what the streams have ---- */

static const struct stream_pair *the_pair(void)
{
	for (uint32_t i = 0; i < slab_bound(w->media->hot); i++)
		if (slab_handle_at(w->media->hot, i) != HANDLE_NONE)
			return slab_at(w->media->hot, i);
	cr_assert(false, "no stream is open");
	return NULL;
}

static struct stream_secure *keys_of(int side)
{
	const struct stream_pair *pair = the_pair();

	return stream_secure(w->media, &stream_cold(w->media, &pair->from[0])->side[side]);
}

static void expect_keys(int side, const struct secure_key *rx, const struct secure_key *tx)
{
	const struct stream_secure *keys = keys_of(side);

	cr_assert(keys, "side %d is not SRTP", side);
	cr_expect(secure_key_eq(&keys->rx.key, rx), "side %d: what its peer encrypts with", side);
	cr_expect(secure_key_eq(&keys->tx.key, tx), "side %d: what limen encrypts with", side);
}

/* ---- calls ---- */

static void offer(const char *sdp)
{
	strcpy(invite, world_invite(w, "up", sdp));
}

static void answer(const char *sdp)
{
	world_answer(w, B, invite, 200, "bob-tag", NULL, sdp);
	strcpy(ok, world_out(w, A, 0));
}

static void ack(void)
{
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, NULL);
}

static void hang_up(void)
{
	world_request(w, A, "BYE", 99, "bye", ok, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

/* Both sides SRTP, A with RTP/SAVP and tag 5. */
static struct secure_key key_a, key_b;
static void secure_call(void)
{
	struct sdp_crypto line;

	set_policy(&w->side_a, IPC_SRTP_ALLOW);
	set_policy(&w->side_b, IPC_SRTP_REQUIRE);
	key_a = key_of(USUAL, 1);
	key_b = key_of(USUAL, 101);
	offer(sdp_of(A, "RTP/SAVP", 5, &key_a, NULL));
	line = line_with(invite, USUAL);
	answer(sdp_of(B, "RTP/SAVP", line.tag, &key_b, NULL));
	ack();
}

/* ---- the table of policies ---- */

enum offer_kind { OFFER_PLAIN, OFFER_BESIDE, OFFER_SAVP, OFFER_DTLS, OFFER_STRANGE, OFFERS };
enum answer_kind { ANSWER_PLAIN, ANSWER_BESIDE, ANSWER_SAVP, ANSWER_NO_KEY, ANSWER_BAD_TAG, ANSWERS };
enum result { REFUSED, PLAIN, SECURE };

static enum result of_offer(enum ipc_srtp mode, enum offer_kind kind)
{
	if (kind == OFFER_DTLS || kind == OFFER_STRANGE)
		return REFUSED;
	if (kind == OFFER_PLAIN)
		return mode == IPC_SRTP_REQUIRE ? REFUSED : PLAIN;
	if (mode == IPC_SRTP_FORBID)
		return kind == OFFER_SAVP ? REFUSED : PLAIN;
	return SECURE;
}

/* What limen offers B: as kinds of offers. */
static enum offer_kind far_offer(enum ipc_srtp mode, enum result a, enum offer_kind kind)
{
	switch (mode) {
	case IPC_SRTP_REQUIRE:
		return OFFER_SAVP;
	case IPC_SRTP_BEST_EFFORT:
		return OFFER_BESIDE;
	case IPC_SRTP_ALLOW:
		return a == SECURE ? kind : OFFER_PLAIN;
	default:
		return OFFER_PLAIN;
	}
}

static enum result of_answer(enum offer_kind offered, enum answer_kind kind)
{
	bool good = kind == ANSWER_BESIDE || kind == ANSWER_SAVP;
	bool savp = kind != ANSWER_PLAIN && kind != ANSWER_BESIDE;

	if (offered == OFFER_PLAIN)
		return savp ? REFUSED : PLAIN;
	if (good)
		return SECURE;
	return savp || offered == OFFER_SAVP ? REFUSED : PLAIN;
}

static const char *offered_by_a(enum offer_kind kind)
{
	struct secure_key key = key_of(USUAL, 1);

	switch (kind) {
	case OFFER_BESIDE:
		return sdp_of(A, "RTP/AVP", 3, &key, NULL);
	case OFFER_SAVP:
		return sdp_of(A, "RTP/SAVP", 3, &key, NULL);
	case OFFER_DTLS:
		return sdp_of(A, "UDP/TLS/RTP/SAVP", 0, NULL, "a=fingerprint:sha-1 AB:CD\r\n");
	case OFFER_STRANGE:
		return sdp_of(A, "RTP/SAVP", 0, NULL,
			      "a=crypto:1 F8_128_HMAC_SHA1_80 "
			      "inline:AQIDBAUGBwgJCgsMDQ4PEP79/Pv6+fj39vX08/Lx\r\n");
	default:
		return sdp_of(A, "RTP/AVP", 0, NULL, NULL);
	}
}

static const char *answered_by_b(enum answer_kind kind, unsigned tag)
{
	struct secure_key key = key_of(USUAL, 101);

	switch (kind) {
	case ANSWER_BESIDE:
		return sdp_of(B, "RTP/AVP", tag, &key, NULL);
	case ANSWER_SAVP:
		return sdp_of(B, "RTP/SAVP", tag, &key, NULL);
	case ANSWER_NO_KEY:
		return sdp_of(B, "RTP/SAVP", 0, NULL, NULL);
	case ANSWER_BAD_TAG:
		return sdp_of(B, "RTP/SAVP", 77, &key, NULL);
	default:
		return sdp_of(B, "RTP/AVP", 0, NULL, NULL);
	}
}

/* Nothing of either peer's key is told the other. */
static void expect_hidden(const char *to_a, const char *to_b)
{
	char text[256];
	struct cursor c = cursor_on(text, sizeof(text) - 1);
	struct secure_key key = key_of(USUAL, 1);

	sdp_crypto_put(&c, 3, &key);
	text[c.len - 2] = 0;
	cr_expect(!world_has(to_b, strstr(text, "inline:")));
	key = key_of(USUAL, 101);
	c = cursor_on(text, sizeof(text) - 1);
	sdp_crypto_put(&c, 3, &key);
	text[c.len - 2] = 0;
	cr_expect(!world_has(to_a, strstr(text, "inline:")));
	cr_expect(!world_has(to_b, "fingerprint"));
}

static void expect_offer(enum offer_kind kind)
{
	cr_expect_eq(world_has(invite, " RTP/SAVP "), kind == OFFER_SAVP, "%s", invite);
	cr_expect_eq(world_has(invite, " RTP/AVP "), kind != OFFER_SAVP, "%s", invite);
	cr_expect_eq(lines_of(invite), kind == OFFER_PLAIN ? 0 : SECURE_SUITES_MAX, "%s", invite);
}

static void try_combination(enum ipc_srtp mode_a, enum offer_kind offered, enum ipc_srtp mode_b,
			    enum answer_kind answered)
{
	enum result a = of_offer(mode_a, offered), b;
	enum offer_kind far = far_offer(mode_b, a, offered);
	struct sdp_crypto to_b = {0}, to_a = {0};
	struct secure_key ours = key_of(USUAL, 1), theirs = key_of(USUAL, 101);

	set_policy(&w->side_a, mode_a);
	set_policy(&w->side_b, mode_b);
	if (a == REFUSED) {
		char head[256] = "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
				 "10.0.1.2:5060;branch=z9hG4bKr\nMax-Forwards: 70\n"
				 "From: <sip:a@x>;tag=t\nTo: <sip:b@x>\nCall-ID: c\n"
				 "CSeq: 1 INVITE\nContact: <sip:a@10.0.1.2>\n"
				 "Content-Type: application/sdp\n";

		world_in(w, A, head, offered_by_a(offered));
		world_verdict(w, world_ask_id(w), 0, 1);
		cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 488 "));
		cr_expect_eq(world_out_count(w, B), 0);
		world_end(w);
		return;
	}
	offer(offered_by_a(offered));
	expect_offer(far);
	if (far != OFFER_PLAIN)
		to_b = line_with(invite, USUAL);
	b = of_answer(far, answered);
	answer(answered_by_b(answered, to_b.tag ? to_b.tag : 1));
	expect_hidden(ok, invite);
	if (b == REFUSED) {
		cr_expect(world_has(ok, "SIP/2.0 488 "), "%s", ok);
		world_end(w);
		return;
	}
	cr_expect(world_has(ok, "SIP/2.0 200 "), "%s", ok);
	cr_expect_eq(world_has(ok, " RTP/SAVP "), offered == OFFER_SAVP, "%s", ok);
	cr_expect_eq(lines_of(ok), a == SECURE);
	if (a == SECURE) {
		to_a = line_with(ok, USUAL);
		cr_expect_eq(to_a.tag, 3);
		expect_keys(A, &ours, &to_a.key);
	}
	cr_expect_eq(keys_of(A) != NULL, a == SECURE);
	cr_expect_eq(keys_of(B) != NULL, b == SECURE);
	if (b == SECURE)
		expect_keys(B, &theirs, &to_b.key);
	if (a == SECURE && b == SECURE)
		cr_expect(!secure_key_eq(&to_a.key, &to_b.key));
	ack();
	hang_up();
}

Test(engine_srtp, each_side_has_it_by_its_own_policy)
{
	for (unsigned n = 0; n < IPC_SRTPS * OFFERS * IPC_SRTPS * ANSWERS; n++) {
		if (n)
			w = world_new();
		try_combination(n % IPC_SRTPS, n / IPC_SRTPS % OFFERS,
				n / (IPC_SRTPS * OFFERS) % IPC_SRTPS,
				n / (IPC_SRTPS * OFFERS * IPC_SRTPS));
	}
}

Test(engine_srtp, every_suite_on_either_side)
{
	for (unsigned n = 0; n < SECURE_SUITES_MAX * SECURE_SUITES_MAX; n++) {
		enum secure_suite of_a = 1 + n % SECURE_SUITES_MAX, of_b = 1 + n / SECURE_SUITES_MAX;
		struct sdp_crypto line;

		if (n)
			w = world_new();
		set_policy(&w->side_a, IPC_SRTP_ALLOW);
		set_policy(&w->side_b, IPC_SRTP_REQUIRE);
		key_a = key_of(of_a, 1);
		key_b = key_of(of_b, 101);
		offer(sdp_of(A, "RTP/SAVPF", 123456789, &key_a, NULL));
		cr_expect(world_has(invite, " RTP/SAVPF "));
		line = line_with(invite, of_b);
		answer(sdp_of(B, "RTP/SAVPF", line.tag, &key_b, NULL));
		cr_expect(world_has(ok, " RTP/SAVPF "));
		expect_keys(B, &key_b, &line.key);
		line = line_with(ok, of_a);
		cr_expect_eq(line.tag, 123456789);
		expect_keys(A, &key_a, &line.key);
		ack();
		hang_up();
	}
}

/* The side's order decides, not the offer's; what the side does not have is not taken. */
Test(engine_srtp, the_first_suite_of_the_sides_own_order_is_taken)
{
	struct secure_key key = key_of(SECURE_AES_CM_128_HMAC_SHA1_32, 9);
	struct sdp_crypto line;
	char more[512];
	struct cursor c = cursor_on(more, sizeof(more) - 1);

	key_a = key_of(SECURE_AEAD_AES_256_GCM, 1);
	sdp_crypto_put(&c, 2, &key);
	key = key_of(SECURE_AEAD_AES_128_GCM, 17);
	sdp_crypto_put(&c, 3, &key);
	more[c.len] = 0;
	set_policy(&w->side_a, IPC_SRTP_ALLOW);
	memset(w->side_a.srtp_suites, 0, sizeof(w->side_a.srtp_suites));
	w->side_a.srtp_suites[0] = SECURE_AEAD_AES_128_GCM;
	w->side_a.srtp_suites[1] = SECURE_AEAD_AES_256_GCM;
	offer(sdp_of(A, "RTP/SAVP", 1, &key_a, more));
	cr_expect_eq(lines_of(invite), 0);
	answer(SDP_B);
	line = line_with(ok, SECURE_AEAD_AES_128_GCM);
	cr_expect_eq(line.tag, 3);
	cr_expect_eq(lines_of(ok), 1);
	expect_keys(A, &key, &line.key);
	ack();
	hang_up();
}

/* Session parameters that weaken, MKIs and malformed lines are not taken; another line may be. */
Test(engine_srtp, lines_that_are_not_taken)
{
	static const char *const bad[] = {
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
		"inline:AQIDBAUGBwgJCgsMDQ4PEP79/Pv6+fj39vX08/Lx UNENCRYPTED_SRTP\r\n",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
		"inline:AQIDBAUGBwgJCgsMDQ4PEP79/Pv6+fj39vX08/Lx KDR=3\r\n",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
		"inline:AQIDBAUGBwgJCgsMDQ4PEP79/Pv6+fj39vX08/Lx|2^20|1:4\r\n",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AQID\r\n",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80\r\n",
		"a=crypto\r\n",
	};
	struct secure_key key = key_of(USUAL, 1);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (i)
			w = world_new();
		set_policy(&w->side_a, IPC_SRTP_ALLOW);
		offer(sdp_of(A, "RTP/SAVP", 9, &key, bad[i]));
		answer(SDP_B);
		cr_expect_eq(line_with(ok, USUAL).tag, 9);
		cr_expect(!world_has(invite, "inline"));
		ack();
		hang_up();
	}
}

/* ---- going on ---- */

static const char *reinvite(int side, unsigned cseq, const char *sdp)
{
	char branch[16];

	snprintf(branch, sizeof(branch), "re%u", cseq);
	world_request(w, side, "INVITE", cseq, branch, side == A ? ok : invite,
		      side == A ? "alice-tag" : "bob-tag",
		      side == A ? "Contact: <sip:alice@10.0.1.2:5061>\n"
				: "Contact: <sip:bob@10.0.2.2:5062>\n",
		      sdp);
	for (unsigned i = 0; i < world_out_count(w, !side); i++)
		if (strncmp(world_out(w, !side, i), "INVITE ", 7) == 0)
			return world_out(w, !side, i);
	cr_assert(false, "the re-INVITE did not cross");
	return NULL;
}

/* The same key goes on where it is: the roll-over counter with it (RFC 3711 section 3.3.1). */
Test(engine_srtp, hold_and_resume_keep_keys_and_counters)
{
	struct sdp_crypto before_b, line;
	uint64_t epochs[4], tag;
	char copy[8192];

	secure_call();
	before_b = line_with(invite, USUAL);
	cr_assert(secure_index_note(&keys_of(A)->rx, 7, 0x12345));
	epochs[0] = keys_of(A)->rx.epoch;
	epochs[1] = keys_of(A)->tx.epoch;
	epochs[2] = keys_of(B)->rx.epoch;
	epochs[3] = keys_of(B)->tx.epoch;
	for (unsigned cseq = 2; cseq < 4; cseq++) {
		strcpy(copy, reinvite(A, cseq, sdp_of(A, "RTP/SAVP", 5, &key_a,
						      cseq == 2 ? "a=sendonly\r\n" : NULL)));
		line = line_with(copy, USUAL);
		cr_expect(secure_key_eq(&line.key, &before_b.key));
		tag = line.tag;
		world_answer(w, B, copy, 200, NULL, NULL,
			     sdp_of(B, "RTP/SAVP", (unsigned)tag, &key_b, NULL));
		strcpy(ok, world_out(w, A, 0));
		world_request(w, A, "ACK", cseq, "ack", ok, "alice-tag", NULL, NULL);
		cr_expect_eq(keys_of(A)->rx.epoch, epochs[0]);
		cr_expect_eq(keys_of(A)->tx.epoch, epochs[1]);
		cr_expect_eq(keys_of(B)->rx.epoch, epochs[2]);
		cr_expect_eq(keys_of(B)->tx.epoch, epochs[3]);
		cr_expect_eq(keys_of(A)->rx.sources[0].index, 0x12345);
	}
	hang_up();
}

/* A new key of the peer's counts from the answer on; limen's towards it is new as well, and the
 * other side hears of nothing. */
Test(engine_srtp, who_changes_its_key_begins_anew)
{
	struct secure_key was = key_of(USUAL, 1), now = key_of(USUAL, 55);
	struct sdp_crypto to_a, to_b, line;
	char copy[8192];
	uint64_t epoch;

	secure_call();
	to_a = line_with(ok, USUAL);
	to_b = line_with(invite, USUAL);
	cr_assert(secure_index_note(&keys_of(A)->rx, 7, 0x12345));
	epoch = keys_of(B)->tx.epoch;
	strcpy(copy, reinvite(A, 2, sdp_of(A, "RTP/SAVP", 8, &now, NULL)));
	expect_keys(A, &was, &to_a.key); /* until it is answered */
	line = line_with(copy, USUAL);
	cr_expect(secure_key_eq(&line.key, &to_b.key));
	world_answer(w, B, copy, 200, NULL, NULL, sdp_of(B, "RTP/SAVP", line.tag, &key_b, NULL));
	strcpy(ok, world_out(w, A, 0));
	line = line_with(ok, USUAL);
	cr_expect_eq(line.tag, 8);
	cr_expect(memcmp(line.key.key, to_a.key.key, 16) != 0);
	expect_keys(A, &now, &line.key);
	cr_expect_eq(keys_of(A)->rx.sources[0].used, 0);
	cr_expect_eq(keys_of(B)->tx.epoch, epoch);
	world_request(w, A, "ACK", 2, "ack", ok, "alice-tag", NULL, NULL);
	hang_up();
}

Test(engine_srtp, an_offer_that_fails_leaves_the_old_keys)
{
	struct secure_key now = key_of(USUAL, 55);
	struct sdp_crypto to_a, to_b;
	char copy[8192];

	secure_call();
	to_a = line_with(ok, USUAL);
	to_b = line_with(invite, USUAL);
	strcpy(copy, reinvite(A, 2, sdp_of(A, "RTP/SAVP", 8, &now, NULL)));
	world_answer(w, B, copy, 488, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 488 "));
	expect_keys(A, &key_a, &to_a.key);
	expect_keys(B, &key_b, &to_b.key);
	world_request(w, A, "ACK", 2, "re2", ok, "alice-tag", NULL, NULL);

	/* What the other side offers is answered under the keys there were. */
	strcpy(copy, reinvite(B, 1, sdp_of(B, "RTP/SAVP", 4, &key_b, NULL)));
	cr_expect(secure_key_eq(key_with(copy, USUAL), &to_a.key));
	world_answer(w, A, copy, 200, NULL, NULL,
		     sdp_of(A, "RTP/SAVP", line_with(copy, USUAL).tag, &now, NULL));
	cr_expect_eq(line_with(world_out(w, B, 0), USUAL).tag, 4);
	expect_keys(A, &now, &to_a.key); /* the peer may change its own in an answer */
	expect_keys(B, &key_b, &to_b.key);
	world_request(w, B, "ACK", 1, "ackb", invite, "bob-tag", NULL, NULL);
	hang_up();
}

/* An offer that policy refuses inside the call changes nothing. */
Test(engine_srtp, nobody_talks_a_side_out_of_it)
{
	struct sdp_crypto to_b;

	secure_call();
	to_b = line_with(invite, USUAL);
	world_request(w, B, "INVITE", 1, "plain", invite, "bob-tag",
		      "Contact: <sip:bob@10.0.2.2:5062>\n", SDP_B);
	cr_expect(world_has(world_out(w, B, 1), "SIP/2.0 488 "));
	cr_expect_eq(world_out_count(w, A), 0);
	expect_keys(B, &key_b, &to_b.key);
	world_request(w, B, "ACK", 1, "plain", invite, "bob-tag", NULL, NULL);
	hang_up();
}

/* ---- offers of the called side ---- */

Test(engine_srtp, late_offers_are_answered_in_the_ack)
{
	struct sdp_crypto to_a;

	set_policy(&w->side_a, IPC_SRTP_REQUIRE);
	set_policy(&w->side_b, IPC_SRTP_FORBID);
	key_a = key_of(USUAL, 1);
	offer(NULL);
	answer(SDP_B);
	cr_expect(world_has(ok, " RTP/SAVP "));
	cr_expect_eq(lines_of(ok), SECURE_SUITES_MAX);
	to_a = line_with(ok, USUAL);
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL,
		      sdp_of(A, "RTP/SAVP", to_a.tag, &key_a, NULL));
	cr_expect(world_has(world_out(w, B, 0), " RTP/AVP "));
	cr_expect(!world_has(world_out(w, B, 0), "crypto"));
	expect_keys(A, &key_a, &to_a.key);
	cr_expect_null(keys_of(B));
	hang_up();
}

Test(engine_srtp, an_ack_without_keys_ends_the_call)
{
	set_policy(&w->side_a, IPC_SRTP_REQUIRE);
	offer(NULL);
	answer(SDP_B);
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, SDP_A);
	cr_expect(strncmp(world_out(w, A, 0), "BYE ", 4) == 0);
	cr_expect(strncmp(world_out(w, B, 0), "ACK ", 4) == 0);
	cr_expect(strncmp(world_out(w, B, 1), "BYE ", 4) == 0);
	world_end(w);
}

/* ---- forks ---- */

Test(engine_srtp, each_early_dialog_has_its_own_keys)
{
	struct secure_key key1 = key_of(USUAL, 101), key2 = key_of(USUAL, 151);
	struct sdp_crypto to_b, early, late;

	set_policy(&w->side_a, IPC_SRTP_ALLOW);
	set_policy(&w->side_b, IPC_SRTP_BEST_EFFORT);
	key_a = key_of(USUAL, 1);
	offer(sdp_of(A, "RTP/SAVP", 5, &key_a, NULL));
	to_b = line_with(invite, USUAL);
	world_answer(w, B, invite, 183, "one", NULL,
		     sdp_of(B, "RTP/AVP", to_b.tag, &key1, NULL));
	early = line_with(world_out(w, A, 0), USUAL);
	expect_keys(A, &key_a, &early.key);
	expect_keys(B, &key1, &to_b.key);
	world_answer(w, B, invite, 183, "two", NULL,
		     sdp_of(B, "RTP/AVP", to_b.tag, &key2, NULL));
	late = line_with(world_out(w, A, 0), USUAL);
	cr_expect(!secure_key_eq(&early.key, &late.key));
	expect_keys(A, &key_a, &late.key);
	expect_keys(B, &key2, &to_b.key);
	/* A third one without keys: best effort takes that as well. */
	world_answer(w, B, invite, 183, "three", NULL, SDP_B);
	cr_expect_null(keys_of(B));
	world_answer(w, B, invite, 200, "one", NULL,
		     sdp_of(B, "RTP/AVP", to_b.tag, &key1, NULL));
	strcpy(ok, world_out(w, A, 0));
	cr_expect(secure_key_eq(key_with(ok, USUAL), &early.key));
	expect_keys(A, &key_a, &early.key);
	expect_keys(B, &key1, &to_b.key);
	ack();
	hang_up();
}

/* ---- allow ---- */

Test(engine_srtp, who_refuses_srtp_is_asked_without_where_it_may_be)
{
	for (unsigned mode = IPC_SRTP_ALLOW; mode <= IPC_SRTP_REQUIRE; mode++) {
		if (mode > IPC_SRTP_ALLOW)
			w = world_new();
		set_policy(&w->side_a, IPC_SRTP_ALLOW);
		set_policy(&w->side_b, mode);
		key_a = key_of(USUAL, 1);
		offer(sdp_of(A, "RTP/SAVP", 5, &key_a, NULL));
		cr_expect(world_has(invite, " RTP/SAVP "));
		world_answer(w, B, invite, 488, "bob-tag", NULL, NULL);
		if (mode == IPC_SRTP_REQUIRE) {
			cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 488 "));
			world_end(w);
			continue;
		}
		cr_expect_eq(world_out_count(w, A), 0);
		strcpy(invite, world_out(w, B, 1));
		cr_expect(world_has(invite, "INVITE ") && world_has(invite, " RTP/AVP "));
		cr_expect_eq(lines_of(invite), 0);
		answer(SDP_B);
		expect_keys(A, &key_a, key_with(ok, USUAL));
		cr_expect_null(keys_of(B));
		ack();
		hang_up();
	}
}

/* It is asked once more, not for ever. */
Test(engine_srtp, who_refuses_plain_media_too_has_refused)
{
	set_policy(&w->side_a, IPC_SRTP_ALLOW);
	set_policy(&w->side_b, IPC_SRTP_ALLOW);
	key_a = key_of(USUAL, 1);
	offer(sdp_of(A, "RTP/SAVP", 5, &key_a, NULL));
	world_answer(w, B, invite, 488, "bob-tag", NULL, NULL);
	strcpy(invite, world_out(w, B, 1));
	world_answer(w, B, invite, 488, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 488 "));
	world_end(w);
}

/* ---- several sections ---- */

Test(engine_srtp, sections_are_judged_one_by_one)
{
	struct secure_key video = key_of(SECURE_AES_CM_128_HMAC_SHA1_32, 33);
	struct sdp_crypto to_a;
	char more[1024];
	struct cursor c = cursor_on(more, sizeof(more) - 1);

	/* Audio twice, as phones offer it that leave the choice, a video and a DTLS one. */
	put_lit(&c, "m=audio 4002 RTP/AVP 0\r\nm=video 4004 RTP/SAVPF 96\r\n");
	sdp_crypto_put(&c, 1, &video);
	put_lit(&c, "m=video 4006 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:sha-1 AB:CD\r\n");
	more[c.len] = 0;
	set_policy(&w->side_a, IPC_SRTP_REQUIRE);
	key_a = key_of(USUAL, 1);
	offer(sdp_of(A, "RTP/SAVP", 1, &key_a, more));
	cr_expect(!world_has(invite, "m=audio 0 RTP/AVP 0\r\nm=audio"));
	cr_expect(world_has(invite, "m=audio 0 RTP/AVP 0\r\nm=video 2"));
	cr_expect(world_has(invite, " RTP/AVPF 96\r\nm=video 0 "));
	cr_expect(!world_has(invite, "crypto") && !world_has(invite, "fingerprint"));
	answer("v=0\r\no=b 7 7 IN IP4 10.0.2.2\r\ns=-\r\nc=IN IP4 10.0.2.2\r\nt=0 0\r\n"
	       "m=audio 6000 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\nm=video 6002 RTP/AVPF 96\r\n"
	       "m=video 0 RTP/AVP 96\r\n");
	cr_expect(world_has(ok, " RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "));
	cr_expect(world_has(ok, "m=audio 0 RTP/AVP 0\r\n"));
	cr_expect(world_has(ok, " RTP/SAVPF 96\r\na=crypto:1 AES_CM_128_HMAC_SHA1_32 "));
	to_a = line_with(ok, USUAL);
	expect_keys(A, &key_a, &to_a.key);
	ack();
	hang_up();
}

/* A fax has no SRTP: where that is required the section is refused, and goes on as audio. */
Test(engine_srtp, a_fax_in_the_clear_is_refused_where_srtp_is_required)
{
	secure_call();
	world_request(w, A, "INVITE", 2, "fax", ok, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2:5061>\n",
		      "v=0\r\no=x 1 2 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\n"
		      "m=image 4000 udptl t38\r\n");
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 488 "));
	world_request(w, A, "ACK", 2, "fax", ok, "alice-tag", NULL, NULL);
	hang_up();
}

/* ---- transfers ---- */

static const char *out(int side, const char *start)
{
	for (unsigned i = 0; i < world_out_count(w, side); i++)
		if (strncmp(world_out(w, side, i), start, strlen(start)) == 0)
			return world_out(w, side, i);
	cr_assert(false, "no %s to side %d", start, side);
	return NULL;
}

static char carol[8192], to_bob[8192];

/* Alice hands Bob on to Carol, who has answered; Bob is offered that. */
static void transfer(const struct secure_key *key_c)
{
	w->side_a.refer = w->side_b.refer = IPC_REFER_LOCAL;
	secure_call();
	cr_assert(secure_index_note(&keys_of(B)->rx, 7, 0x12345));
	world_request(w, A, "REFER", 2, "refer", ok, "alice-tag",
		      "Refer-To: <sip:carol@10.0.1.1>\n", NULL);
	world_verdict(w, world_ask_id(w), 0, 1);
	strcpy(carol, out(B, "INVITE "));
	world_answer(w, B, carol, 200, "carol-tag", NULL,
		     sdp_of(B, "RTP/SAVP", line_with(carol, USUAL).tag, key_c, NULL));
	strcpy(to_bob, out(B, "INVITE "));
	cr_expect(world_has(to_bob, " RTP/SAVP "));
}

Test(engine_srtp, a_transferred_call_has_keys_of_its_own)
{
	struct secure_key key_c = key_of(USUAL, 201), other = key_of(USUAL, 77);

	for (unsigned changes = 0; changes < 2; changes++) {
		const struct secure_key *bob = changes ? &other : &key_b;
		struct sdp_crypto line;

		if (changes)
			w = world_new();
		transfer(&key_c);
		line = line_with(to_bob, USUAL);
		cr_expect(!secure_key_eq(&line.key, key_with(invite, USUAL)));
		world_answer(w, B, to_bob, 200, NULL, NULL,
			     sdp_of(B, "RTP/SAVP", line.tag, bob, changes ? "a=ptime:20\r\n" : NULL));
		out(A, "BYE ");
		expect_keys(A, bob, &line.key);
		expect_keys(B, &key_c, key_with(carol, USUAL));
		/* Who keeps his key goes on counting. */
		cr_expect_eq(keys_of(A)->rx.sources[0].index, changes ? 0 : 0x12345);
		world_request(w, B, "BYE", 1, "cbye", carol, "carol-tag", NULL, NULL);
		world_answer(w, B, out(B, "BYE "), 200, NULL, NULL, NULL);
		world_end(w);
	}
}

Test(engine_srtp, a_transferee_without_keys_ends_the_call)
{
	struct secure_key key_c = key_of(USUAL, 201);

	transfer(&key_c);
	world_answer(w, B, to_bob, 200, NULL, NULL, sdp_of(B, "RTP/AVP", 0, NULL, NULL));
	out(A, "BYE ");
	cr_expect_eq(world_out_count(w, B), 3, "ACK to Bob, BYE to him and to Carol");
	world_end(w);
}

/* ---- what is left ---- */

/* Whether those bytes lie anywhere in the arena. */
static bool arena_has(const uint8_t *bytes, size_t n)
{
	for (unsigned i = 0; i < w->rig.arena.nslabs; i++) {
		const struct slab *slab = &w->rig.arena.slabs[i];
		size_t size = (size_t)slab->capacity * slab->record_bytes;

		slab_unpoison(&w->rig.arena.slabs[i]);
		if (memmem(slab->records, size, bytes, n))
			return true;
	}
	return false;
}

/* Raw or as text, of either peer or limen's own. */
static bool any_key_is_left(const struct secure_key *keys, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char text[256];
		struct cursor c = cursor_on(text, sizeof(text));
		const char *at;

		sdp_crypto_put(&c, 1, &keys[i]);
		at = memmem(text, c.len, "inline:", 7);
		if (arena_has(keys[i].key, 16) || arena_has((const uint8_t *)at + 7, 20))
			return true;
	}
	return false;
}

Test(engine_srtp, no_key_is_left_when_the_call_is_over)
{
	struct secure_key keys[4];

	secure_call();
	keys[0] = key_a;
	keys[1] = key_b;
	keys[2] = line_with(ok, USUAL).key;
	keys[3] = line_with(invite, USUAL).key;
	cr_assert(any_key_is_left(keys, 1) && any_key_is_left(keys + 1, 1) &&
		  any_key_is_left(keys + 2, 1) && any_key_is_left(keys + 3, 1));
	world_request(w, A, "BYE", 99, "bye", ok, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	/* The record waits for its acknowledgement; INVITEs can be repeated for 32 s. */
	world_sleep(w, 40000);
	cr_expect(!any_key_is_left(keys, 4));
	world_end(w);
}

/* Two calls, two engines: no key comes again. */
Test(engine_srtp, keys_are_drawn_anew_for_each_section)
{
	struct secure_key seen[8];

	for (unsigned i = 0; i < 4; i++) {
		char branch[8];

		snprintf(branch, sizeof(branch), "n%u", i);
		set_policy(&w->side_a, IPC_SRTP_FORBID);
		set_policy(&w->side_b, IPC_SRTP_REQUIRE);
		strcpy(invite, world_invite(w, branch, SDP_A));
		seen[2 * i] = line_with(invite, USUAL).key;
		seen[2 * i + 1] = line_with(invite, SECURE_AEAD_AES_128_GCM).key;
		for (unsigned j = 0; j < 2 * i + 1; j++)
			cr_expect(memcmp(seen[j].key, seen[2 * i + 1].key, 16) != 0);
		world_answer(w, B, invite, 486, "bob-tag", NULL, NULL);
		world_request(w, A, "ACK", 1, branch, world_out(w, A, 0), "alice-tag", NULL, NULL);
	}
	world_end(w);
}
