/* SPDX-License-Identifier: BSD-3-Clause */
/* See srtp_rig.h. */
#include "srtp_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "dataplane/store/slab.h"

struct world *w;
char invite[8192], ok[8192];

void srtp_setup(void)
{
	w = world_new();
}

void set_policy(struct ipc_side_policy *side, enum ipc_srtp mode)
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

struct secure_key key_of(enum secure_suite suite, uint8_t seed)
{
	const struct secure_suite_info *info = secure_suite_info(suite);
	struct secure_key key = {.suite = (uint8_t)suite};

	for (unsigned i = 0; i < info->key_bytes; i++)
		key.key[i] = (uint8_t)(seed + i);
	for (unsigned i = 0; i < info->salt_bytes; i++)
		key.salt[i] = (uint8_t)(~seed - i);
	return key;
}

/* One audio section of a side's; tag 0: no key. */
const char *sdp_of(int side, const char *proto, unsigned tag, const struct secure_key *key,
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

const char *body_of(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n");

	return body ? body + 4 : "";
}

/* The n-th crypto line of limen's description. */
bool line_of(const char *text, unsigned n, struct sdp_crypto *line)
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

unsigned lines_of(const char *text)
{
	struct sdp_crypto line;
	unsigned n = 0;

	while (line_of(text, n, &line))
		n++;
	return n;
}

/* limen's line of that suite, which must be there. */
struct sdp_crypto line_with(const char *text, enum secure_suite suite)
{
	struct sdp_crypto line;

	for (unsigned n = 0; line_of(text, n, &line); n++)
		if (line.key.suite == suite)
			return line;
	cr_assert(false, "no line of suite %u in:\n%s", suite, text);
	return line;
}

const struct secure_key *key_with(const char *text, enum secure_suite suite)
{
	static struct sdp_crypto line;

	line = line_with(text, suite);
	return &line.key;
}

/* ---- what the streams have ---- */

const struct stream_pair *the_pair(void)
{
	for (uint32_t i = 0; i < slab_bound(w->media->hot); i++)
		if (slab_handle_at(w->media->hot, i) != HANDLE_NONE)
			return slab_at(w->media->hot, i);
	cr_assert(false, "no stream is open");
	return NULL;
}

struct stream_secure *keys_of(int side)
{
	const struct stream_pair *pair = the_pair();

	return stream_secure(w->media, &stream_cold(w->media, &pair->from[0])->side[side]);
}

void expect_keys(int side, const struct secure_key *rx, const struct secure_key *tx)
{
	const struct stream_secure *keys = keys_of(side);

	cr_assert(keys, "side %d is not SRTP", side);
	cr_expect(secure_key_eq(&keys->rx.key, rx), "side %d: what its peer encrypts with", side);
	cr_expect(secure_key_eq(&keys->tx.key, tx), "side %d: what limen encrypts with", side);
}

/* ---- calls ---- */

void offer(const char *sdp)
{
	strcpy(invite, world_invite(w, "up", sdp));
}

void answer(const char *sdp)
{
	world_answer(w, B, invite, 200, "bob-tag", NULL, sdp);
	strcpy(ok, world_out(w, A, 0));
}

void ack(void)
{
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, NULL);
}

void hang_up(void)
{
	world_request(w, A, "BYE", 99, "bye", ok, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

/* Both sides SRTP, A with RTP/SAVP and tag 5. */
struct secure_key key_a, key_b;

void secure_call(void)
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
