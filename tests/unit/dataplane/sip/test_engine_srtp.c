/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP negotiated by the engine (RFC 4568, RFC 8643): each side by its own policy, with keys of its
 * own, that end up in the streams and nowhere else. */
#include "srtp_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/store/slab.h"

TestSuite(engine_srtp, .init = srtp_setup);

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
