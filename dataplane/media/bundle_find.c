/* SPDX-License-Identifier: BSD-3-Clause */
/* To which m= section of a bundle a packet belongs (RFC 8843 section 9.2): by the mid it carries, by
 * the source it is of, by its payload type. Worker threads; no allocation, lock, system call or
 * log. */
#include "dataplane/media/bundle.h"

#include "dataplane/media/latch.h"

#define NO_SECTION STREAM_BUNDLE_MAX

static struct stream_hot *member(const struct media *media, const struct stream_bundle *bundle,
				 unsigned section)
{
	struct stream_pair *pair;

	if (section >= STREAM_BUNDLE_MAX || !bundle->pair[section])
		return NULL;
	pair = slab_at(media->hot, bundle->pair[section] - 1);
	return &pair->from[bundle->side];
}

/* --- the mid in the packet (RFC 8285) --- */

static unsigned section_of_mid(const struct stream_bundle *bundle, const uint8_t *mid, uint32_t len)
{
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++)
		if (bundle->pair[i] && bundle->mid_len[i] == len && len &&
		    memcmp(bundle->mid[i], mid, len) == 0)
			return i;
	return NO_SECTION;
}

/* False: the packet has no mid that could be read. */
static bool read_mid(const struct stream_bundle *bundle, const uint8_t *header, uint32_t look,
		     unsigned *section)
{
	uint32_t at = 12 + 4u * (header[0] & 0x0f), end, profile;
	bool two_bytes;

	if (!bundle->mid_ext || !(header[0] & 0x10) || at + 4 > look)
		return false;
	profile = (uint32_t)header[at] << 8 | header[at + 1];
	two_bytes = (profile & 0xfff0) == 0x1000;
	if (!two_bytes && profile != 0xbede)
		return false;
	end = at + 4 + 4 * ((uint32_t)header[at + 2] << 8 | header[at + 3]);
	if (end > look)
		end = look;
	for (at += 4; at < end;) {
		uint32_t id = two_bytes ? header[at] : header[at] >> 4, len;

		if (header[at] == 0) { /* padding */
			at++;
			continue;
		}
		if ((!two_bytes && id == 15) || (two_bytes && at + 1 >= end))
			return false;
		len = two_bytes ? header[at + 1] : (header[at] & 0x0fu) + 1;
		at += two_bytes ? 2 : 1;
		if (at + len > end)
			return false;
		if (id == bundle->mid_ext) {
			*section = section_of_mid(bundle, header + at, len);
			return true;
		}
		at += len;
	}
	return false;
}

/* --- sources --- */

static unsigned section_of_ssrc(const struct stream_bundle *bundle, uint32_t ssrc)
{
	for (unsigned i = 0; i < bundle->nssrcs; i++)
		if (bundle->ssrc[i] == ssrc)
			return bundle->ssrc_section[i];
	return NO_SECTION;
}

static void note_ssrc(struct stream_bundle *bundle, uint32_t ssrc, unsigned section)
{
	unsigned i = 0;

	while (i < bundle->nssrcs && bundle->ssrc[i] != ssrc)
		i++;
	if (i == bundle->nssrcs && i < BUNDLE_SSRCS)
		bundle->nssrcs++;
	if (i == BUNDLE_SSRCS) {
		i = bundle->next_ssrc;
		bundle->next_ssrc = (uint8_t)((i + 1) % BUNDLE_SSRCS);
	}
	bundle->ssrc[i] = ssrc;
	bundle->ssrc_section[i] = (uint8_t)section;
}

/* The only section that has it: what the receiver asked for counts, and what the sender said. */
static unsigned section_of_type(const struct media *media, const struct stream_bundle *bundle,
				uint8_t type)
{
	unsigned found = NO_SECTION;

	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++) {
		const struct stream_hot *in = member(media, bundle, i);
		const struct stream_pair_cold *cold = in ? stream_cold(media, in) : NULL;

		if (!cold || (!sdp_formats_type(&cold->side[0].formats, type) &&
			      !sdp_formats_type(&cold->side[1].formats, type)))
			continue;
		if (found != NO_SECTION)
			return NO_SECTION;
		found = i;
	}
	return found;
}

/* --- where the peer is --- */

/* One peer at one address: what is decided for one section is for all. */
static void follow(struct media *media, const struct stream_bundle *bundle)
{
	struct stream_pair *carrier = slab_get(media->hot, bundle->carrier);

	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++) {
		struct stream_hot *in = member(media, bundle, i);

		if (in && in != &carrier->from[bundle->side])
			latch_follow(media, (struct stream_pair *)(void *)(in - bundle->side),
				     bundle->side, carrier);
	}
}

static bool source_is_good(struct media *media, uint64_t now_ns, const struct stream_bundle *bundle,
			   const struct net_endpoint *source)
{
	struct stream_pair *carrier = slab_get(media->hot, bundle->carrier);
	struct stream_hot *in = &carrier->from[bundle->side];
	bool open = in->flags & STREAM_LEARN;

	if (!latch_packet(media, now_ns, carrier, bundle->side, false, source))
		return false;
	if (open && !(in->flags & STREAM_LEARN))
		follow(media, bundle);
	return true;
}

/* --- */

static struct stream_bundle *bundle_of(const struct media *media, const struct stream_hot *in,
				       enum stream_side side)
{
	return slab_at(media->bundles, stream_cold(media, in)->side[side].bundle - 1);
}

struct stream_hot *bundle_find(struct media *media, uint64_t now_ns, struct stream_hot *in,
			       enum stream_side side, const struct net_endpoint *source,
			       const uint8_t *header, uint32_t look, bool *known)
{
	struct stream_bundle *bundle = bundle_of(media, in, side);
	unsigned section = NO_SECTION;

	*known = source_is_good(media, now_ns, bundle, source);
	if (!*known)
		return NULL;
	if (read_mid(bundle, header, look, &section)) {
		if (section != NO_SECTION)
			note_ssrc(bundle, rtp_ssrc(header), section);
		return member(media, bundle, section);
	}
	section = section_of_ssrc(bundle, rtp_ssrc(header));
	if (section != NO_SECTION)
		return member(media, bundle, section);
	section = section_of_type(media, bundle, rtp_payload_type(header));
	if (section != NO_SECTION)
		note_ssrc(bundle, rtp_ssrc(header), section);
	return member(media, bundle, section);
}

static uint32_t load_be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Whom a report or a request is about: the source of its first block (RFC 3550 section 6.4), or
 * that of feedback (RFC 4585 section 6.1). False: none. */
static bool rtcp_about(const uint8_t *pkt, uint32_t len, uint32_t *ssrc)
{
	uint32_t at = pkt[1] == 200 ? 28 : 8;

	if (pkt[1] != 200 && pkt[1] != 201 && pkt[1] != 205 && pkt[1] != 206)
		return false;
	if ((pkt[1] <= 201 && !(pkt[0] & 0x1f)) || at + 4 > len)
		return false;
	*ssrc = load_be32(pkt + at);
	return true;
}

struct stream_hot *bundle_find_rtcp(struct media *media, uint64_t now_ns, struct stream_hot *in,
				    enum stream_side side, const struct net_endpoint *source,
				    const uint8_t *pkt, uint32_t len)
{
	struct stream_bundle *bundle = bundle_of(media, in, side);
	struct stream_pair *carrier = slab_get(media->hot, bundle->carrier);
	unsigned section = NO_SECTION;
	uint32_t about;

	if (!source_is_good(media, now_ns, bundle, source))
		return NULL;
	if (len >= 8)
		section = section_of_ssrc(bundle, load_be32(pkt + 4));
	if (section != NO_SECTION)
		return member(media, bundle, section);
	/* Who only listens is known by whom it hears. */
	for (unsigned i = 0; rtcp_about(pkt, len, &about) && i < STREAM_BUNDLE_MAX; i++) {
		struct stream_hot *of = member(media, bundle, i), *heard;

		if (!of)
			continue;
		heard = side == SIDE_A ? of + 1 : of - 1;
		if (heard->rtp.started &&
		    heard->rtp.ssrc == (about ^ stream_cold(media, of)->side[!side].ssrc_mask))
			return of;
	}
	return &carrier->from[side];
}
