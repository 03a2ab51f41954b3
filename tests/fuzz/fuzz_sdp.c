/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a session description: what is accepted must come out with the same meaning, at
 * limen's addresses, with nothing of its sender's, and stay as it is when written once more. */
#include <stdio.h>
#include <stdlib.h>

#include "common/sdp/crypto.h"
#include "common/sdp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static struct net_endpoint endpoint(const char *text)
{
	struct net_endpoint at;

	CHECK(net_endpoint_parse(span_str(text), 0, &at) == 0);
	return at;
}

/* Keys of limen's: all suites, or one under another tag. */
static void keys_make(struct sdp_keys *keys, unsigned nsuites)
{
	keys->nsuites = (uint8_t)nsuites;
	memset(keys->secret, 0x5a, sizeof(keys->secret));
	for (unsigned i = 0; i < nsuites; i++) {
		keys->suites[i] = (uint8_t)(1 + i);
		keys->tag[i] = nsuites == 1 ? 999999999 : i + 1;
	}
}

/* One anchor after the other: the usual one, another family, RTCP apart and with keys, none. */
static void rewrite_make(struct sdp_rewrite *rewrite, const struct sdp *sdp)
{
	*rewrite = (struct sdp_rewrite){
		.session_id = 31415926535u,
		.session_version = 27182818284u,
		.self = endpoint("203.0.113.1"),
		.nanchors = sdp->nmedia,
	};
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		struct sdp_anchor *anchor = &rewrite->anchors[i];

		anchor->rtp = endpoint(i % 4 == 1 ? "[2001:db8:5::1]:30000" : "203.0.113.1:30000");
		anchor->rtcp = anchor->rtp;
		anchor->rtcp.port = i % 4 == 2 ? 40000 : 30001;
		anchor->security = i % 3;
		if (i % 4 == 2)
			keys_make(&anchor->keys, i < 4 ? SECURE_SUITES_MAX : 1);
		if (i % 4 == 3)
			anchor->rtp = anchor->rtcp = (struct net_endpoint){0};
	}
}

/* limen's keys and no others. */
static void keys_are_limens(const struct sdp_media *media, const struct sdp_keys *keys)
{
	struct span rest = media->lines;
	struct sdp_crypto line;
	unsigned n = 0;

	for (; sdp_crypto_next(&rest, &line); n++) {
		struct secure_key key;

		CHECK(n < keys->nsuites);
		secure_key_make(&key, keys->suites[n], keys->secret);
		CHECK(line.tag == keys->tag[n] && secure_key_eq(&line.key, &key));
	}
	CHECK(n == keys->nsuites);
}

static void same_meaning(const struct sdp *in, const struct sdp *out,
			 const struct sdp_rewrite *rewrite)
{
	CHECK(in->nmedia == out->nmedia);
	for (unsigned i = 0; i < in->nmedia; i++) {
		const struct sdp_media *a = &in->media[i], *b = &out->media[i];
		const struct sdp_anchor *anchor = &rewrite->anchors[i];
		bool active = a->port && anchor->rtp.family != NET_NONE;

		CHECK(span_eq(a->type, b->type));
		CHECK(anchor->security != SDP_SECURITY_OTHER || span_eq(a->proto, b->proto));
		CHECK((sdp_security(a->proto) == SDP_SECURITY_OTHER) ==
		      (sdp_security(b->proto) == SDP_SECURITY_OTHER));
		CHECK(span_eq(a->formats, b->formats));
		CHECK(a->rtcp_mux == b->rtcp_mux);
		CHECK(sdp_media_direction(a) == sdp_media_direction(b));
		CHECK(!b->hold_by_zero);
		CHECK(b->port == (active ? anchor->rtp.port : 0));
		keys_are_limens(b, active ? &anchor->keys : &(struct sdp_keys){0});
		if (active) {
			CHECK(net_endpoint_eq(&b->rtp, &anchor->rtp));
			CHECK(net_endpoint_eq(&b->rtcp,
					      a->rtcp_mux ? &anchor->rtp : &anchor->rtcp));
		}
	}
}

static unsigned count_in(struct span text, struct span word)
{
	unsigned n = 0;

	for (size_t i = 0; i + word.len <= text.len; i++)
		n += memcmp(text.ptr + i, word.ptr, word.len) == 0;
	return n;
}

/* A word of o= that stood nowhere else must not stand anywhere in the output, unless limen's own
 * words hold it. */
static void origin_is_hidden(struct span in, struct span origin, struct span out)
{
	static const char own[] =
		"v=0\r\no=- 31415926535 27182818284 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 "
		"203.0.113.1\r\n"
		"c=IN IP6 2001:db8:5::1\r\nt=0 0\r\na=rtcp:40000\r\na=sendonly\r\na=inactive\r\n"
		"m= 30000 a=ssrc: cname:31415926535 RTP/AVP RTP/SAVP RTP/AVPF RTP/SAVPF";

	if (count_in(out, SPAN("inline:"))) /* base64 may hold any word */
		return;
	while (origin.len) {
		struct span word = span_of(origin.ptr, 0);

		while (word.len < origin.len && word.ptr[word.len] != ' ' &&
		       word.ptr[word.len] != '\t')
			word.len++;
		origin.ptr += word.len;
		origin.len -= word.len;
		while (origin.len && (origin.ptr[0] == ' ' || origin.ptr[0] == '\t'))
			origin.ptr++, origin.len--;
		if (word.len >= 5 && count_in(in, word) == 1 && count_in(span_str(own), word) == 0)
			CHECK(count_in(out, word) == 0);
	}
}

static bool addr_is_limens(struct span text)
{
	return span_eq(text, SPAN("203.0.113.1")) || span_eq(text, SPAN("2001:db8:5::1"));
}

/* Every word outside m= that reads as an address is one of limen's. */
static void addresses_are_hidden(struct span out)
{
	size_t at = 0;

	while (at < out.len) {
		size_t end = at;
		bool media;

		while (end < out.len && out.ptr[end] != '\n')
			end++;
		media = out.ptr[at] == 'm';
		while (at < end) {
			size_t word_end = at;
			struct net_addr addr;
			uint8_t family;

			while (word_end < end && !strchr(" \t\r/;,=\"'()[]<>", out.ptr[word_end]))
				word_end++;
			if (!media && word_end - at >= 3 &&
			    net_addr_parse(span_of(out.ptr + at, word_end - at), &addr, &family) ==
				    0)
				CHECK(addr_is_limens(span_of(out.ptr + at, word_end - at)));
			at = word_end + 1;
		}
		at = end + 1;
	}
}

/* Sections that policy lets pass keep their address; an answer always fits its own types, and is
 * filled up or cut to the offer's number. */
static void as_is(const struct sdp *in)
{
	static char text[2 * SDP_BYTES_MAX + 4096];
	struct cursor c = cursor_on(text, sizeof(text));
	struct sdp_rewrite rewrite;
	struct sdp out, fit = *in;
	const char *why;

	rewrite_make(&rewrite, in);
	for (unsigned i = 0; i < in->nmedia; i++)
		rewrite.anchors[i].as_is = true;
	sdp_put(&c, in, &rewrite);
	CHECK(!c.full);
	if (c.len <= SDP_BYTES_MAX) {
		CHECK(sdp_parse(&out, cursor_span(&c), &why) == 0);
		CHECK(out.nmedia == in->nmedia);
		for (unsigned i = 0; i < in->nmedia; i++) {
			const struct sdp_media *a = &in->media[i], *b = &out.media[i];

			CHECK(a->port == b->port && a->nports == b->nports);
			if (a->port)
				CHECK(net_endpoint_eq(&a->rtp, &b->rtp) &&
				      net_endpoint_eq(&a->rtcp, &b->rtcp));
		}
	}
	CHECK(sdp_fit_answer(&fit, in->nmedia, sdp_types(in)) == 0 && fit.nmedia == in->nmedia);
	CHECK(sdp_fit_answer(&fit, SDP_MEDIA_MAX, sdp_types(in)) == 0 &&
	      fit.nmedia == SDP_MEDIA_MAX);
	fit.nmedia = in->nmedia;
	CHECK(sdp_types(&fit) == sdp_types(in));
	CHECK(sdp_fit_answer(&fit, 1, sdp_types(in)) == 0 && fit.nmedia == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char first[2 * SDP_BYTES_MAX + 4096], second[sizeof(first)];
	struct cursor c = cursor_on(first, sizeof(first)), d = cursor_on(second, sizeof(second));
	struct sdp_rewrite rewrite;
	struct sdp in, out;
	const char *why;

	if (sdp_parse(&in, span_of(data, size), &why)) {
		CHECK(why[0]);
		return 0;
	}
	rewrite_make(&rewrite, &in);
	sdp_put(&c, &in, &rewrite);
	CHECK(!c.full);
	if (c.len > SDP_BYTES_MAX)
		return 0; /* grew past what is read again: not sent either */
	CHECK(sdp_parse(&out, cursor_span(&c), &why) == 0);
	same_meaning(&in, &out, &rewrite);
	origin_is_hidden(in.text, in.origin, cursor_span(&c));
	addresses_are_hidden(cursor_span(&c));
	sdp_put(&d, &out, &rewrite);
	CHECK(span_eq(cursor_span(&c), cursor_span(&d)));
	as_is(&in);
	return 0;
}
