/* SPDX-License-Identifier: BSD-3-Clause */
/* Bundles of sections: the port they share, who leaves, who inherits it, what an arena that was
 * taken over brings back, and to whom packets belong (RFC 8843 section 9.2). */
#include "dataplane/media/bundle.h"

#include <stdlib.h>
#include <unistd.h>

#include "media_fixture.h"

#define PEER "10.0.1.2:4000"

static struct media_fixture f;
static uint64_t pair[3];
static struct net_endpoint own[3]; /* limen's ports before there is a bundle */

static struct stream_hot *stream(unsigned section, enum stream_side side)
{
	struct stream_pair *at = slab_get(f.media->hot, pair[section]);

	return &at->from[side];
}

static struct net_endpoint local(unsigned section, enum stream_side side)
{
	struct net_endpoint rtp, rtcp;

	stream_pair_local(f.media, pair[section], side, &rtp, &rtcp);
	return rtp;
}

static void remote_set(unsigned section, enum stream_source source, uint8_t type)
{
	struct sdp_formats formats = {.proto = SDP_PROTO_RTP, .ntypes = 2};
	struct stream_remote remote = remote_at(PEER, source);

	formats.types[0] = (struct codec_format){.payload_type = type, .clock_hz = 8000};
	formats.types[1] = (struct codec_format){.payload_type = 101, .clock_hz = 8000};
	remote.rtcp_mux = true;
	remote.formats = &formats;
	stream_pair_remote(f.media, 1, pair[section], SIDE_A, &remote);
}

static void open_all(enum stream_source source)
{
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(stream_pair_open(f.media, 0, realm0_ip4, realm1_ip4, &pair[i]), 0);
		own[i] = local(i, SIDE_A);
		remote_set(i, source, (uint8_t)(96 + i));
	}
}

static int bundle(unsigned members, unsigned tag)
{
	struct stream_bundle_conf conf = {.members = (uint8_t)members, .tag = (uint8_t)tag, .mid_ext = 3};

	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++)
		conf.pair[i] = i < 3 ? pair[i] : HANDLE_NONE;
	conf.mid[0] = SPAN("a");
	conf.mid[1] = SPAN("v");
	conf.mid[2] = SPAN("long-name-of-16c");
	return stream_bundle_set(f.media, SIDE_A, &conf);
}

static unsigned members(unsigned section)
{
	struct stream_bundle_conf conf;

	return stream_bundle_get(f.media, pair[section], SIDE_A, &conf) ? conf.members : 0;
}

static void setup(void)
{
	fixture_open(&f, 8);
	open_all(SOURCE_PIN);
}

static void close_pair(unsigned section)
{
	stream_pair_close(f.media, 0, pair[section]);
	pair[section] = HANDLE_NONE;
}

static void teardown(void)
{
	for (unsigned i = 0; i < 3; i++)
		if (pair[i] != HANDLE_NONE)
			stream_pair_close(f.media, 0, pair[i]);
	cr_expect_eq(slab_used(f.media->bundles), 0);
	cr_expect_eq(fixture_stats(&f).ports_free, 10 + 10 + 4);
	fixture_close(&f);
}

TestSuite(bundle, .init = setup, .fini = teardown);

static bool is_same(struct net_endpoint a, struct net_endpoint b)
{
	return net_endpoint_eq(&a, &b);
}

Test(bundle, shares_the_port_of_the_first_and_gives_it_back)
{
	struct net_endpoint far = local(0, SIDE_B);

	cr_assert_eq(bundle(3, 1), 0);
	cr_expect(is_same(local(0, SIDE_A), own[1]) && is_same(local(1, SIDE_A), own[1]));
	cr_expect(is_same(local(2, SIDE_A), own[2]));
	cr_expect(is_same(local(0, SIDE_B), far), "the other side knows nothing of it");
	cr_expect_eq(members(0), 3);
	cr_expect_eq(members(2), 0);
	cr_assert_eq(bundle(7, 1), 0); /* one more, by the same port, whoever is named first */
	cr_assert_eq(bundle(7, 0), 0);
	cr_expect(is_same(local(2, SIDE_A), own[1]) && is_same(local(0, SIDE_A), own[1]));
	cr_assert_eq(bundle(0, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_expect(is_same(local(i, SIDE_A), own[i]), "section %u", i);
	cr_expect_eq(slab_used(f.media->bundles), 0);
}

Test(bundle, the_port_outlives_its_section)
{
	cr_assert_eq(bundle(7, 0), 0);
	close_pair(0);
	cr_expect(is_same(local(1, SIDE_A), own[0]) && is_same(local(2, SIDE_A), own[0]));
	cr_expect_eq(members(1), 6);
	close_pair(1);
	cr_expect(is_same(local(2, SIDE_A), own[0]));
	cr_expect_eq(members(2), 4);
}

Test(bundle, is_refused_where_it_cannot_be)
{
	cr_expect_neq(bundle(3, 2), 0, "the first is none of it");
	close_pair(2);
	cr_expect_neq(bundle(4, 2), 0, "no such pair");
	cr_expect_eq(members(0), 0);
	/* and where there is no memory for it */
	for (uint64_t made; slab_alloc(f.media->bundles, &made);)
		;
	cr_expect_neq(bundle(3, 0), 0);
	cr_expect_eq(members(0), 0);
	cr_expect(is_same(local(1, SIDE_A), own[1]));
	for (uint32_t i = 0; i < slab_bound(f.media->bundles); i++)
		slab_free(f.media->bundles, slab_handle_at(f.media->bundles, i));
}

/* --- whose a packet is --- */

/* One byte header extensions: `mid` of id 3 behind another one. */
static uint32_t rtp_with(uint8_t *pkt, unsigned type, uint32_t ssrc, const char *mid, bool two_bytes)
{
	uint32_t len = 12;

	memset(pkt, 0, 76);
	pkt[0] = mid ? 0x90 : 0x80;
	pkt[1] = (uint8_t)type;
	pkt[8] = (uint8_t)(ssrc >> 24);
	pkt[11] = (uint8_t)ssrc;
	if (mid) {
		size_t n = strlen(mid), words = (4 + 2 + n + 3) / 4;

		pkt[12] = two_bytes ? 0x10 : 0xbe;
		pkt[13] = two_bytes ? 0x00 : 0xde;
		pkt[15] = (uint8_t)words;
		len = 16;
		if (two_bytes) {
			memcpy(pkt + len, (uint8_t[]){1, 1, 9, 0, 3, (uint8_t)n}, 6);
			len += 6;
		} else {
			memcpy(pkt + len, (uint8_t[]){0x10, 9, 0, (uint8_t)(0x30 | (n - 1))}, 4);
			len += 4;
		}
		memcpy(pkt + len, mid, n);
		len = (uint32_t)(16 + 4 * words);
	}
	return len;
}

static int find_from(const char *source, unsigned type, uint32_t ssrc, const char *mid, bool two_bytes)
{
	struct net_endpoint from = endpoint(source);
	struct stream_hot *found;
	uint8_t pkt[76];
	uint32_t len = rtp_with(pkt, type, ssrc, mid, two_bytes);
	bool known;

	found = bundle_find(f.media, 5, stream(0, SIDE_A), SIDE_A, &from, pkt, len, &known);
	for (int i = 0; i < 3; i++)
		if (found && found == stream((unsigned)i, SIDE_A))
			return i;
	return known ? -1 : -2;
}

static int find(unsigned type, uint32_t ssrc, const char *mid)
{
	return find_from(PEER, type, ssrc, mid, false);
}

Test(bundle, by_payload_type_then_by_source)
{
	cr_assert_eq(bundle(7, 0), 0);
	cr_expect_eq(find(101, 1, NULL), -1, "of all three");
	cr_expect_eq(find(111, 1, NULL), -1, "of none");
	cr_expect_eq(find(97, 1, NULL), 1);
	cr_expect_eq(find(101, 1, NULL), 1, "its source is known now");
	cr_expect_eq(find(98, 2, NULL), 2);
	cr_expect_eq(find(101, 2, NULL), 2);
	cr_expect_eq(find(96, 3, NULL), 0);
}

Test(bundle, by_mid_which_may_move_a_source)
{
	cr_assert_eq(bundle(7, 0), 0);
	cr_expect_eq(find(101, 1, "v"), 1);
	cr_expect_eq(find(101, 1, NULL), 1);
	cr_expect_eq(find(101, 1, "a"), 0);
	cr_expect_eq(find(101, 1, NULL), 0);
	cr_expect_eq(find(96, 9, "long-name-of-16c"), 2, "the name counts, not the type");
	cr_expect_eq(find(96, 1, "nobody"), -1);
	cr_expect_eq(find_from(PEER, 101, 5, "v", true), 1, "two byte headers");
	cr_expect_eq(find_from("10.0.1.3:4000", 96, 7, "a", false), -2, "a stranger");
	cr_expect_eq(find_from("10.0.1.3:4000", 101, 1, "v", false), -2);
	cr_expect_eq(find(101, 1, NULL), 0, "whom nothing is learned from");
}

/* Any cut of a packet, and any extension, ends in a section or in none. */
Test(bundle, malformed_extensions)
{
	struct net_endpoint from = endpoint(PEER);
	uint8_t whole[76];
	uint64_t random = 1;
	bool known;

	cr_assert_eq(bundle(7, 0), 0);
	for (unsigned round = 0; round < 20000; round++) {
		uint32_t len = rtp_with(whole, 101, 1, round & 1 ? "v" : "long-name-of-16c", round & 2);
		uint8_t *exact;

		for (unsigned i = 0; i < 1 + round % 3; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			whole[12 + (random >> 33) % (len - 12)] = (uint8_t)(random >> 50);
		}
		len = 12 + (uint32_t)(random >> 40) % (len - 11);
		exact = malloc(len); /* so that a sanitizer sees a byte too far */
		memcpy(exact, whole, len);
		(void)bundle_find(f.media, 5, stream(0, SIDE_A), SIDE_A, &from, exact, len, &known);
		free(exact);
	}
}

Test(bundle, more_sources_than_are_remembered)
{
	cr_assert_eq(bundle(7, 0), 0);
	for (uint32_t ssrc = 1; ssrc <= 100; ssrc++)
		cr_expect_eq(find(97, ssrc, NULL), 1);
	cr_expect_eq(find(101, 100, NULL), 1);
	cr_expect_eq(find(101, 1, NULL), -1, "long forgotten");
	cr_assert_eq(bundle(5, 0), 0);
	cr_expect_eq(find(101, 100, NULL), -1, "with its section");
}

Test(bundle, rtcp_by_its_sender_or_by_whom_it_is_about)
{
	static const uint8_t sender[] = {0x80, 200, 0, 6, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0,
					 0,    0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t receiver[] = {0x81, 201, 0, 7, 0, 0, 0, 77, 0, 0, 0, 8, 0, 0, 0, 0,
					   0,	 0,   0, 0, 0, 0, 0, 0,	 0, 0, 0, 0, 0, 0, 0, 0};
	struct net_endpoint from = endpoint(PEER), stranger = endpoint("10.0.1.3:4000");
	struct stream_hot *in = stream(0, SIDE_A);

	cr_assert_eq(bundle(7, 0), 0);
	cr_expect_eq(find(98, 9, NULL), 2);
	cr_expect_eq(bundle_find_rtcp(f.media, 5, in, SIDE_A, &from, sender, sizeof(sender)),
		     stream(2, SIDE_A));
	cr_expect_eq(bundle_find_rtcp(f.media, 5, in, SIDE_A, &from, receiver, sizeof(receiver)), in);
	stream(1, SIDE_B)->rtp.started = 1;
	stream(1, SIDE_B)->rtp.ssrc = 8;
	cr_expect_eq(bundle_find_rtcp(f.media, 5, in, SIDE_A, &from, receiver, sizeof(receiver)),
		     stream(1, SIDE_A));
	for (uint32_t len = 2; len < sizeof(receiver); len++)
		cr_expect_not_null(bundle_find_rtcp(f.media, 5, in, SIDE_A, &from, receiver, len));
	cr_expect_null(bundle_find_rtcp(f.media, 5, in, SIDE_A, &stranger, sender, sizeof(sender)));
}

Test(bundle, one_address_is_learned_for_all)
{
	struct net_endpoint behind_nat = endpoint("10.0.9.9:1234");

	for (unsigned i = 0; i < 3; i++)
		remote_set(i, SOURCE_LEARN, (uint8_t)(96 + i));
	cr_assert_eq(bundle(3, 0), 0);
	cr_expect_eq(find_from("10.0.9.9:1234", 97, 1, NULL, false), 1);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect(net_endpoint_eq(&stream(i, SIDE_B)->out.dst, &behind_nat), "section %u", i);
		cr_expect(!(stream(i, SIDE_A)->flags & STREAM_LEARN));
	}
	cr_expect_eq(find_from("10.0.9.8:1234", 96, 2, NULL, false), -2);
}

/* --- a process after another --- */

Test(bundle_kept, outlives_a_process)
{
	char path[] = "/tmp/limen-bundle-XXXXXX";
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	fixture_conf(&f, 8);
	fixture_open_at(&f, path, true);
	open_all(SOURCE_PIN);
	cr_assert_eq(bundle(3, 1), 0);
	cr_expect_eq(find(97, 1, NULL), 1);
	fixture_close(&f);
	fixture_open_at(&f, path, false);
	cr_expect_eq(stream_pairs_open(f.media), 3);
	cr_expect_eq(members(0), 3);
	cr_expect(is_same(local(0, SIDE_A), own[1]));
	cr_expect_eq(find(101, 1, NULL), 1);
	/* Half written: each record in turn names what is not there. */
	((struct stream_bundle *)f.media->bundles->records)->carrier = pair[2];
	fixture_close(&f);
	fixture_open_at(&f, path, false);
	cr_expect_eq(stream_pairs_open(f.media), 3);
	cr_expect_eq(members(0), 0);
	cr_expect_eq(slab_used(f.media->bundles), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_expect(is_same(local(i, SIDE_A), own[i]), "section %u", i);
	cr_assert_eq(bundle(7, 0), 0);
	stream_cold(f.media, stream(1, SIDE_A))->side[SIDE_A].bundle = 3;
	fixture_close(&f);
	fixture_open_at(&f, path, false);
	cr_expect_eq(members(0) | members(1) | members(2), 0);
	teardown();
	unlink(path);
}
