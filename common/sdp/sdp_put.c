/* SPDX-License-Identifier: BSD-3-Clause */
/* A session description written for the other side of the border: limen's own addresses in,
 * everything that tells of the far side's host, person or product out. Both processes, any
 * thread. */
#include "common/sdp/crypto.h"
#include "common/sdp/sdp.h"
#include "common/sdp/codecs.h"
#include "common/sdp/sdp_line.h"

#if defined(__SSE2__)
#include <emmintrin.h>

static unsigned bits_of(__m128i bytes)
{
	return (unsigned)__builtin_popcount((unsigned)_mm_movemask_epi8(bytes));
}
#endif

/* Attributes that never cross. ICE: limen is the far end of both sides' media, so one side's
 * candidates are of no use to the other (and name its inside). */
static const struct span dropped_attrs[] = {
	{"candidate", 9},          /* RFC 8839 */
	{"remote-candidates", 17},
	{"end-of-candidates", 17},
	{"rtcp", 4},               /* RFC 3605: written anew */
	{"source-filter", 13},     /* RFC 4570 */
	{"altc", 4},               /* RFC 6947 */
	{"ccap", 4},               /* RFC 7006 */
	{"alt", 3},                /* addresses, before ICE had its name */
	{"visited-realm", 13},     /* 3GPP TS 29.079, as are omr-* below */
	{"secondary-realm", 15},
	{"path", 4},               /* RFC 4975: MSRP URIs */
	{"control", 7},            /* RFC 2326: RTSP URIs */
	{"identity", 8},           /* RFC 8827 */
	{"tool", 4},
	{"T38VendorInfo", 13},     /* ITU-T T.38: country and maker of the fax */
	{"nortpproxy", 10},        /* names a relay behind the far side */
	{"bundle-only", 11},       /* RFC 8843: nothing is bundled */
	{"crypto", 6},             /* RFC 4568: keys are each side's own, as are those below */
	{"key-mgmt", 8},           /* RFC 4567 */
	{"zrtp-hash", 9},          /* RFC 6189: limen relays RTP alone */
	{"acap", 4},               /* RFC 5939: keys as capabilities, and profiles that limen */
	{"tcap", 4},               /* does not negotiate */
	{"pcfg", 4},
	{"acfg", 4},
};

/* Of DTLS: not of sections that limen relays, as it does not do it. */
static const struct span dtls_attrs[] = {
	{"fingerprint", 11},       /* RFC 8122 */
	{"setup", 5},              /* RFC 4145 */
	{"tls-id", 6},             /* RFC 8842 */
	{"dtls-id", 7},
};

/* Host names of one description that are looked for in its other lines: more than any honest one
 * has. */
#define NAMES_MAX 32u

struct sdp_writer {
	struct cursor *out;
	const struct sdp *sdp;
	const struct sdp_rewrite *rewrite;
	uint32_t ssrc_mask; /* of the section in work */
	bool may_be_dtls; /* the lines in work may be of a section that is not relayed */
	unsigned nnames;
	struct span names[NAMES_MAX];
};

static bool is_one_of(struct span name, const struct span *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_ieq(name, names[i]))
			return true;
	return false;
}

/* "cpar: a=crypto:..." (RFC 3407), and whatever else quotes an SDES key. */
static bool text_has_key(struct span text)
{
	static const char mark[] = "inline";
	const size_t len = sizeof(mark) - 1;

	/* By the colon behind it: most values have none. */
	for (size_t i = 0; i < text.len; i++) {
		const char *colon = memchr(text.ptr + i, ':', text.len - i);

		if (!colon)
			return false;
		i = (size_t)(colon - text.ptr);
		if (i >= len && strncasecmp(colon - len, mark, len) == 0)
			return true;
	}
	return false;
}

static bool attr_is_dropped(struct span name)
{
	if (is_one_of(name, dropped_attrs, sizeof(dropped_attrs) / sizeof(dropped_attrs[0])))
		return true;
	return (name.len > 4 && strncasecmp(name.ptr, "ice-", 4) == 0) ||
	       (name.len > 4 && strncasecmp(name.ptr, "omr-", 4) == 0);
}

static bool is_addr_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
	       c == ':' || c == '.';
}

/* Whether a run of hex digits, dots and colons looks like an address: four numbers between dots, a
 * double colon, or the seven colons of an IPv6 address (one more where a port or a name stands
 * beside it). Fingerprints have 15 and more. */
static bool run_has_addr(struct span run)
{
	unsigned colons = 0, dots = 0;
	bool digit = false;

	for (size_t i = 0; i < run.len; i++) {
		char c = run.ptr[i];

		if (c == ':') {
			if (i + 1 < run.len && run.ptr[i + 1] == ':')
				return true;
			colons++;
		}
		if (c == '.') {
			dots = digit ? dots + 1 : 0;
			digit = false;
		} else if (c >= '0' && c <= '9') {
			digit = true;
			if (dots == 3)
				return true;
		} else {
			dots = 0;
			digit = false;
		}
	}
	return colons == 7 || colons == 8;
}

/* Most lines have too few dots and colons for an address: that is told without looking at runs. */
static bool text_may_have_addr(struct span text)
{
	unsigned dots = 0, colons = 0;
	size_t i = 0;

#if defined(__SSE2__)
	for (; text.len - i >= 16; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + i));

		dots += bits_of(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
		colons += bits_of(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')));
	}
#endif
	for (; i < text.len; i++) {
		dots += text.ptr[i] == '.';
		colons += text.ptr[i] == ':';
	}
	return dots >= 3 || colons >= 2;
}

static bool text_has_addr(struct span text)
{
	if (!text_may_have_addr(text))
		return false;
	for (size_t i = 0; i < text.len;) {
		size_t end = i;

		while (end < text.len && is_addr_char(text.ptr[end]))
			end++;
		if (end > i && run_has_addr(span_of(text.ptr + i, end - i)))
			return true;
		i = end + 1;
	}
	return false;
}

static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_';
}

/* The name as a whole word, in any case. */
static bool text_has_name(struct span text, struct span name)
{
	for (size_t i = 0; name.len && i + name.len <= text.len; i++) {
		if (strncasecmp(text.ptr + i, name.ptr, name.len))
			continue;
		if ((i == 0 || !is_name_char(text.ptr[i - 1])) &&
		    (i + name.len == text.len || !is_name_char(text.ptr[i + name.len])))
			return true;
	}
	return false;
}

/* Keeps the host of "IN IP4 host" if it is a name. An address is found by its looks, and words that
 * no host is called ("0", "-") would take every second line with them. */
static void names_add(struct sdp_writer *w, struct span connection)
{
	struct span host = sdp_connection_host(connection);
	struct net_addr addr;
	uint8_t family;
	bool letter = false;

	for (size_t i = 0; i < host.len; i++)
		letter |= (host.ptr[i] | 0x20) >= 'a' && (host.ptr[i] | 0x20) <= 'z';
	if (!letter || net_addr_parse(host, &addr, &family) == 0)
		return;
	for (unsigned i = 0; i < w->nnames; i++)
		if (span_ieq(w->names[i], host))
			return;
	if (w->nnames < NAMES_MAX)
		w->names[w->nnames++] = host;
}

static void names_collect(struct sdp_writer *w)
{
	struct span rest = w->sdp->text;
	struct sdp_line line;

	names_add(w, sdp_origin_connection(w->sdp->origin));
	while (sdp_line_next(&rest, &line)) {
		if (line.type == 'c') {
			names_add(w, line.value);
		} else if (line.type == 'a') {
			struct sdp_attr attr = sdp_attr_of(line.value);

			if (!span_ieq(attr.name, SPAN("rtcp")))
				continue;
			sdp_word_next(&attr.value);
			names_add(w, attr.value);
		}
	}
}

/* Whether a line tells where the far side is. */
static bool text_is_telling(const struct sdp_writer *w, struct span text)
{
	if (text_has_addr(text))
		return true;
	for (unsigned i = 0; i < w->nnames; i++)
		if (text_has_name(text, w->names[i]))
			return true;
	return false;
}

/* A line as it came, its end made CRLF. */
static void put_line(struct cursor *out, const struct sdp_line *line)
{
	put_bytes(out, line->text.ptr, line->text.len + (line->crlf ? 2 : 0));
	if (!line->crlf)
		put_lit(out, "\r\n");
}

static void put_connection(struct cursor *out, const struct net_endpoint *at)
{
	if (at->family == NET_IP6)
		put_lit(out, "IN IP6 ");
	else
		put_lit(out, "IN IP4 ");
	put_addr(out, at->family, &at->addr);
}

static int ssrc_parse(struct span text, uint64_t *ssrc)
{
	*ssrc = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		*ssrc = *ssrc * 10 + (unsigned)(text.ptr[i] - '0');
		if (*ssrc > UINT32_MAX)
			return -1;
	}
	return text.len ? 0 : -1;
}

static void put_cname(struct sdp_writer *w)
{
	put_lit(w->out, "cname:");
	put_u64(w->out, w->rewrite->session_id);
}

/* "a=ssrc:1 cname:..." (RFC 5576): the name is the far side's user and host, or a random one that
 * ties its calls together. */
static bool put_ssrc_cname(struct sdp_writer *w, const struct sdp_attr *attr)
{
	struct span rest = attr->value, id;

	if (!span_ieq(attr->name, SPAN("ssrc")))
		return false;
	id = sdp_word_next(&rest);
	if (!span_ieq(sdp_attr_of(span_trim(rest)).name, SPAN("cname")))
		return false;
	if (text_is_telling(w, id))
		return true;
	put_lit(w->out, "a=ssrc:");
	put_span(w->out, id);
	put_char(w->out, ' ');
	put_cname(w);
	put_lit(w->out, "\r\n");
	return true;
}

/* "a=ssrc:1 ..." and "a=ssrc-group:FID 1 2" (RFC 5576) of sources that the other side knows by
 * other numbers. What is no number stays behind. */
static bool put_ssrc_masked(struct sdp_writer *w, const struct sdp_attr *attr)
{
	bool group = span_ieq(attr->name, SPAN("ssrc-group"));
	struct span rest = attr->value, word;
	uint64_t ssrc;

	if (w->ssrc_mask == 0 || (!group && !span_ieq(attr->name, SPAN("ssrc"))))
		return false;
	if (text_is_telling(w, attr->value))
		return true;
	put_lit(w->out, "a=");
	put_span(w->out, attr->name);
	put_char(w->out, ':');
	if (group)
		put_span(w->out, sdp_word_next(&rest));
	for (bool first = !group; (word = sdp_word_next(&rest)).len; first = false) {
		if (!first)
			put_char(w->out, ' ');
		if ((group || first) && !ssrc_parse(word, &ssrc))
			put_u64(w->out, (uint32_t)ssrc ^ w->ssrc_mask);
		else if (!first && !group && span_ieq(sdp_attr_of(word).name, SPAN("cname")))
			put_cname(w);
		else if (!group && !first)
			put_span(w->out, word);
		else
			put_char(w->out, '0');
	}
	put_lit(w->out, "\r\n");
	return true;
}

/* An a= line of either level. `own_direction`: limen writes the direction itself. */
static void put_attr(struct sdp_writer *w, const struct sdp_line *line, bool own_direction)
{
	struct sdp_attr attr = sdp_attr_of(line->value);

	/* These mean something to limen: never lost to the search for host names. */
	if (sdp_direction_from(&attr) >= 0) {
		if (!own_direction)
			put_line(w->out, line);
		return;
	}
	if (sdp_is_rtcp_mux(&attr)) {
		put_line(w->out, line);
		return;
	}
	if (!w->may_be_dtls &&
	    is_one_of(attr.name, dtls_attrs, sizeof(dtls_attrs) / sizeof(dtls_attrs[0])))
		return;
	if (attr_is_dropped(attr.name) || text_has_key(attr.value) ||
	    sdp_bundle_mids(&attr).ptr ||
	    put_ssrc_masked(w, &attr) || put_ssrc_cname(w, &attr) || text_is_telling(w, line->value))
		return;
	put_line(w->out, line);
}

/* limen's own bundle, the section whose address counts first (RFC 8843 section 7). */
static void put_bundle(struct cursor *out, const struct sdp_rewrite *rewrite)
{
	if (!rewrite->bundle)
		return;
	put_lit(out, "a=group:BUNDLE ");
	put_span(out, rewrite->anchors[rewrite->bundle_tag].mid);
	for (unsigned i = 0; i < rewrite->nanchors; i++) {
		if (!(rewrite->bundle >> i & 1) || i == rewrite->bundle_tag)
			continue;
		put_char(out, ' ');
		put_span(out, rewrite->anchors[i].mid);
	}
	put_lit(out, "\r\n");
}

/* Session level: v, o, s, c, then what is kept. t= is mandatory (RFC 8866 section 5.9) and comes
 * before attributes. */
static void put_session(struct sdp_writer *w)
{
	const struct sdp_rewrite *rewrite = w->rewrite;
	struct span rest = w->sdp->session;
	struct sdp_line line;
	bool timed = false;

	put_lit(w->out, "v=0\r\no=- ");
	put_u64(w->out, rewrite->session_id);
	put_char(w->out, ' ');
	put_u64(w->out, rewrite->session_version);
	put_char(w->out, ' ');
	put_connection(w->out, &rewrite->self);
	put_lit(w->out, "\r\ns=-\r\nc=");
	put_connection(w->out, &rewrite->self);
	put_lit(w->out, "\r\n");

	while (sdp_line_next(&rest, &line)) {
		if (strchr("vosiuepck", line.type))
			continue;
		if (line.type == 'a' && !timed) {
			put_lit(w->out, "t=0 0\r\n");
			timed = true;
		}
		if (line.type == 'a') {
			put_attr(w, &line, false);
		} else if (!text_is_telling(w, line.value)) {
			put_line(w->out, &line);
			timed |= line.type == 't';
		}
	}
	if (!timed)
		put_lit(w->out, "t=0 0\r\n");
	put_bundle(w->out, rewrite);
}

static const char *direction_name(enum sdp_direction direction)
{
	static const char *const names[] = {
		[SDP_SENDRECV] = "sendrecv",
		[SDP_SENDONLY] = "sendonly",
		[SDP_RECVONLY] = "recvonly",
		[SDP_INACTIVE] = "inactive",
	};

	return names[direction];
}

enum sdp_direction sdp_media_direction(const struct sdp_media *media)
{
	if (!media->hold_by_zero)
		return media->direction;
	return media->direction == SDP_SENDRECV || media->direction == SDP_SENDONLY ? SDP_SENDONLY
										    : SDP_INACTIVE;
}

enum sdp_security sdp_security(struct span proto)
{
	static const struct span sdes[] = {{"RTP/SAVP", 8}, {"RTP/SAVPF", 9}};

	if (is_one_of(proto, sdes, sizeof(sdes) / sizeof(sdes[0])))
		return SDP_SECURITY_SDES;
	if (proto.len > 8 && strncasecmp(proto.ptr, "UDP/TLS/", 8) == 0)
		return SDP_SECURITY_DTLS;
	if (proto.len > 4 && strncasecmp(proto.ptr, "RTP/", 4) == 0)
		return SDP_SECURITY_PLAIN;
	return SDP_SECURITY_OTHER;
}

/* The transport with encryption or without: feedback (RFC 4585) stays as it is. */
static void put_proto(struct cursor *out, struct span proto, enum sdp_security wanted)
{
	enum sdp_security has = sdp_security(proto);

	if (wanted == SDP_SECURITY_SDES && span_ieq(proto, SPAN("RTP/AVPF")))
		put_lit(out, "RTP/SAVPF");
	else if (wanted == SDP_SECURITY_SDES && span_ieq(proto, SPAN("RTP/AVP")))
		put_lit(out, "RTP/SAVP");
	else if (wanted == SDP_SECURITY_PLAIN && has == SDP_SECURITY_SDES)
		put_span(out, proto.len == 9 ? SPAN("RTP/AVPF") : SPAN("RTP/AVP"));
	else
		put_span(out, proto);
}

/* m= and c= of a section. The address that stands at the session level is not said again. */
static void put_media_head(struct sdp_writer *w, const struct sdp_media *media,
			   const struct sdp_anchor *anchor, bool active)
{
	const struct net_endpoint *self = &w->rewrite->self;

	put_lit(w->out, "m=");
	put_span(w->out, media->type);
	put_char(w->out, ' ');
	put_u64(w->out, active ? anchor->rtp.port : 0);
	put_char(w->out, ' ');
	put_proto(w->out, media->proto, anchor->security);
	if (anchor->codecs) {
		put_sdp_formats(w->out, anchor->codecs);
	} else if (media->formats.len) {
		put_char(w->out, ' ');
		put_span(w->out, media->formats);
	}
	put_lit(w->out, "\r\n");
	if (active &&
	    (anchor->rtp.family != self->family || !net_addr_eq(&anchor->rtp.addr, &self->addr))) {
		put_lit(w->out, "c=");
		put_connection(w->out, &anchor->rtp);
		put_lit(w->out, "\r\n");
	}
}

static void put_rtcp(struct cursor *out, const struct sdp_anchor *anchor)
{
	bool same_addr = anchor->rtcp.family == anchor->rtp.family &&
			 net_addr_eq(&anchor->rtcp.addr, &anchor->rtp.addr);

	if (anchor->rtcp.family == NET_NONE ||
	    (same_addr && anchor->rtcp.port == anchor->rtp.port + 1))
		return;
	put_lit(out, "a=rtcp:");
	put_u64(out, anchor->rtcp.port);
	if (!same_addr) {
		put_char(out, ' ');
		put_connection(out, &anchor->rtcp);
	}
	put_lit(out, "\r\n");
}

/* What a section of limen's bundle says, whether the other side's did or not. */
static void put_bundled(struct cursor *out, const struct sdp_media *media,
			const struct sdp_anchor *anchor)
{
	put_lit(out, "a=mid:");
	put_span(out, anchor->mid);
	put_lit(out, "\r\n");
	if (!media->rtcp_mux)
		put_lit(out, "a=rtcp-mux\r\n");
	if (!anchor->mid_ext || media->mid_ext)
		return;
	put_lit(out, "a=extmap:");
	put_u64(out, anchor->mid_ext);
	put_lit(out, " urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
}

static void put_media(struct sdp_writer *w, const struct sdp_media *media,
		      const struct sdp_anchor *anchor)
{
	bool active = media->port != 0 && anchor->rtp.family != NET_NONE;
	struct span rest = media->lines;
	struct sdp_line line;

	w->ssrc_mask = anchor->ssrc_mask;
	put_media_head(w, media, anchor, active);
	while (sdp_line_next(&rest, &line)) {
		/* What belongs to the session level has no meaning here, and o= and c= tell. */
		if (strchr("mvosiuepcktrz", line.type) ||
		    (anchor->codecs && !sdp_codecs_keep(anchor->codecs, &line)))
			continue;
		if (line.type == 'a' && anchor->mid.len && sdp_is_mid(&line))
			continue;
		if (line.type == 'a')
			put_attr(w, &line, media->hold_by_zero);
		else if (!text_is_telling(w, line.value))
			put_line(w->out, &line);
	}
	if (media->hold_by_zero) {
		put_lit(w->out, "a=");
		put_span(w->out, span_str(direction_name(sdp_media_direction(media))));
		put_lit(w->out, "\r\n");
	}
	if (anchor->codecs)
		put_sdp_ptime(w->out, anchor->codecs);
	if (active && anchor->mid.len)
		put_bundled(w->out, media, anchor);
	else if (active && !media->rtcp_mux)
		put_rtcp(w->out, anchor);
	if (active)
		sdp_keys_put(w->out, &anchor->keys);
}

/* An m= line whose formats quote a key: the section stays, in its place (RFC 3264 section 6). */
static void put_media_line(struct cursor *out, const struct sdp_media *media)
{
	put_lit(out, "m=");
	put_span(out, media->type);
	put_char(out, ' ');
	put_u64(out, media->port);
	if (media->nports > 1) {
		put_char(out, '/');
		put_u64(out, media->nports);
	}
	put_char(out, ' ');
	put_span(out, media->proto);
	put_lit(out, " *\r\n");
}

/* Where the other side is to go itself: policy says that it may know. */
static void put_media_as_is(struct sdp_writer *w, const struct sdp_media *media)
{
	struct span rest = media->lines;
	struct sdp_line line;

	while (sdp_line_next(&rest, &line)) {
		bool has_key = text_has_key(line.value);

		if (line.type == 'i' || (has_key && line.type != 'm'))
			continue;
		if (has_key)
			put_media_line(w->out, media);
		else
			put_line(w->out, &line);
		if (line.type != 'm' || media->has_connection || w->sdp->connection.len == 0)
			continue;
		put_lit(w->out, "c=");
		put_span(w->out, w->sdp->connection);
		put_lit(w->out, "\r\n");
	}
}

void sdp_put(struct cursor *out, const struct sdp *sdp, const struct sdp_rewrite *rewrite)
{
	struct sdp_writer w = {.out = out, .sdp = sdp, .rewrite = rewrite};

	if (sdp->names_hosts)
		names_collect(&w);
	for (unsigned i = 0; i < sdp->nmedia; i++)
		w.may_be_dtls |= rewrite->anchors[i].as_is;
	put_session(&w);
	w.may_be_dtls = false;
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		if (rewrite->anchors[i].as_is)
			put_media_as_is(&w, &sdp->media[i]);
		else
			put_media(&w, &sdp->media[i], &rewrite->anchors[i]);
	}
}
