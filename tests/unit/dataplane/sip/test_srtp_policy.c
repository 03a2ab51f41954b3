/* SPDX-License-Identifier: BSD-3-Clause */
/* What each side's SRTP policy makes of each offer and answer, and all pairs of suites. */
#include "srtp_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(srtp_policy, .init = srtp_setup);

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

Test(srtp_policy, each_side_has_it_by_its_own_policy)
{
	for (unsigned n = 0; n < IPC_SRTPS * OFFERS * IPC_SRTPS * ANSWERS; n++) {
		if (n)
			w = world_new();
		try_combination(n % IPC_SRTPS, n / IPC_SRTPS % OFFERS,
				n / (IPC_SRTPS * OFFERS) % IPC_SRTPS,
				n / (IPC_SRTPS * OFFERS * IPC_SRTPS));
	}
}

Test(srtp_policy, every_suite_on_either_side)
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
