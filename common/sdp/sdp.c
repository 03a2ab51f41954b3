/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions read into slices: session level, m= sections, where media is wanted and
 * which way it goes. Both processes, any thread. */
#include "common/sdp/sdp.h"
#include "common/sdp/sdp_line.h"

#include <errno.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

bool sdp_line_next(struct span *rest, struct sdp_line *line)
{
	while (rest->len) {
		const char *lf = memchr(rest->ptr, '\n', rest->len);
		size_t len = lf ? (size_t)(lf - rest->ptr) : rest->len;
		struct span text = span_of(rest->ptr, len);

		rest->ptr += lf ? len + 1 : len;
		rest->len -= lf ? len + 1 : len;
		/* The last line of a datagram may lack its CRLF; a lone CR at the very end is one
		 * cut off. */
		while (text.len && text.ptr[text.len - 1] == '\r')
			text.len--;
		if (text.len == 0)
			continue;
		line->type = text.ptr[0];
		line->text = text;
		line->value = text.len >= 2 ? span_of(text.ptr + 2, text.len - 2) : SPAN_NONE;
		return true;
	}
	return false;
}

struct span sdp_word_next(struct span *rest)
{
	struct span word;

	while (rest->len && is_space(rest->ptr[0]))
		rest->ptr++, rest->len--;
	word = span_of(rest->ptr, 0);
	while (rest->len && !is_space(rest->ptr[0])) {
		rest->ptr++, rest->len--;
		word.len++;
	}
	return word;
}

struct sdp_attr sdp_attr_of(struct span value)
{
	const char *colon = value.len ? memchr(value.ptr, ':', value.len) : NULL;
	size_t at = colon ? (size_t)(colon - value.ptr) : value.len;

	return (struct sdp_attr){
		.name = span_of(value.ptr, at),
		.value = colon ? span_of(colon + 1, value.len - at - 1) : SPAN_NONE,
		.has_value = colon != NULL,
	};
}

int sdp_direction_from(const struct sdp_attr *attr)
{
	static const struct span names[] = {
		[SDP_SENDRECV] = {"sendrecv", 8},
		[SDP_SENDONLY] = {"sendonly", 8},
		[SDP_RECVONLY] = {"recvonly", 8},
		[SDP_INACTIVE] = {"inactive", 8},
	};

	if (attr->has_value)
		return -EINVAL;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_ieq(span_trim(attr->name), names[i]))
			return (int)i;
	return -EINVAL;
}

bool sdp_is_rtcp_mux(const struct sdp_attr *attr)
{
	return !attr->has_value && span_ieq(span_trim(attr->name), SPAN("rtcp-mux"));
}

/* Decimal digits only. */
static int number_parse(struct span text, uint32_t max, uint32_t *value)
{
	uint32_t v = 0;

	if (text.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EINVAL;
		v = v * 10 + (uint32_t)(text.ptr[i] - '0');
		if (v > max)
			return -EINVAL;
	}
	*value = v;
	return 0;
}

static bool is_multicast(uint8_t family, const struct net_addr *addr)
{
	return family == NET_IP4 ? addr->ip[0] >= 224 : addr->ip[0] == 0xff;
}

/* "IN IP4 10.0.0.1", of c= and a=rtcp. */
struct connection {
	bool present;
	bool zero;              /* 0.0.0.0 or :: */
	struct net_endpoint at; /* family NET_NONE: nothing that media could be sent to */
};

/* 0, or -EINVAL when words are missing. A host name, another network, a multicast group or an
 * address that belies its type is a description that limen understands but cannot send to. */
static int connection_parse(struct span text, struct connection *out)
{
	static const struct net_addr zero;
	struct span nettype = sdp_word_next(&text);
	struct span addrtype = sdp_word_next(&text);
	struct span host = sdp_word_next(&text);
	const char *slash;
	struct net_addr addr;
	uint8_t family;

	*out = (struct connection){.present = true};
	if (nettype.len == 0 || addrtype.len == 0 || host.len == 0)
		return -EINVAL;
	slash = memchr(host.ptr, '/', host.len);
	if (slash)
		host.len = (size_t)(slash - host.ptr);
	if (!span_ieq(nettype, SPAN("IN")) || net_addr_parse(host, &addr, &family))
		return 0;
	if (!span_ieq(addrtype, family == NET_IP4 ? SPAN("IP4") : SPAN("IP6")))
		return 0;
	if (net_addr_eq(&addr, &zero)) {
		out->zero = true;
		return 0;
	}
	if (is_multicast(family, &addr))
		return 0;
	out->at.addr = addr;
	out->at.family = family;
	return 0;
}

/* "audio 49170/2 RTP/AVP 0 8 101" (RFC 8866 section 5.14). */
static int media_line_parse(struct span value, struct sdp_media *media, const char **why)
{
	struct span port, count = SPAN_NONE;
	const char *slash;
	uint32_t number;

	media->type = sdp_word_next(&value);
	port = sdp_word_next(&value);
	media->proto = sdp_word_next(&value);
	media->formats = span_trim(value);
	if (media->type.len == 0 || port.len == 0 || media->proto.len == 0) {
		*why = "m= line too short";
		return -EINVAL;
	}
	slash = memchr(port.ptr, '/', port.len);
	if (slash) {
		count = span_of(slash + 1, port.len - (size_t)(slash - port.ptr) - 1);
		port.len = (size_t)(slash - port.ptr);
	}
	if (number_parse(port, UINT16_MAX, &number)) {
		*why = "bad port in m= line";
		return -EINVAL;
	}
	media->port = (uint16_t)number;
	number = 1;
	if (slash && (number_parse(count, UINT16_MAX, &number) || number == 0)) {
		*why = "bad number of ports in m= line";
		return -EINVAL;
	}
	media->nports = (uint16_t)number;
	/* Peers do leave the formats out of a section they refuse. */
	if (media->formats.len == 0 && media->port) {
		*why = "m= line without formats";
		return -EINVAL;
	}
	return 0;
}

/* "53020" or "53020 IN IP6 2001:db8::1" (RFC 3605). A malformed one is as good as none: RTCP is
 * then one port above RTP. */
static bool rtcp_parse(struct span value, const struct net_endpoint *rtp, struct net_endpoint *rtcp)
{
	struct connection conn;
	uint32_t port;

	if (number_parse(sdp_word_next(&value), UINT16_MAX, &port) || port == 0)
		return false;
	value = span_trim(value);
	if (value.len == 0) {
		*rtcp = *rtp;
	} else {
		if (connection_parse(value, &conn))
			return false;
		*rtcp = conn.at;
	}
	rtcp->port = rtcp->family == NET_NONE ? 0 : (uint16_t)port;
	return true;
}

/* Attributes and c= of one section; what it does not say is the session's. */
static int media_lines_parse(struct sdp_media *media, const struct connection *session,
			     const char **why)
{
	struct connection conn = {0};
	struct span rest = media->lines, rtcp = SPAN_NONE;
	struct sdp_line line;

	while (sdp_line_next(&rest, &line)) {
		struct sdp_attr attr;
		int direction;

		if (line.type == 'c' && !conn.present && connection_parse(line.value, &conn)) {
			*why = "bad c= line";
			return -EINVAL;
		}
		if (line.type != 'a')
			continue;
		attr = sdp_attr_of(line.value);
		direction = sdp_direction_from(&attr);
		if (direction >= 0)
			media->direction = (uint8_t)direction;
		else if (sdp_is_rtcp_mux(&attr))
			media->rtcp_mux = true;
		else if (attr.has_value && span_ieq(attr.name, SPAN("rtcp")))
			rtcp = attr.value;
	}
	if (!conn.present)
		conn = *session;
	if (!conn.present && media->port) {
		*why = "no c= line for an m= section";
		return -EINVAL;
	}
	media->hold_by_zero = conn.zero;
	media->rtp = conn.at;
	if (conn.at.family != NET_NONE)
		media->rtp.port = media->port;

	if (rtcp.len == 0 || media->port == 0 ||
	    !rtcp_parse(rtcp, &media->rtp, &media->rtcp_apart)) {
		bool fits = media->rtp.port && media->rtp.port < UINT16_MAX;

		media->rtcp_apart = fits ? media->rtp : (struct net_endpoint){0};
		media->rtcp_apart.port = fits ? (uint16_t)(media->rtp.port + 1) : 0;
	}
	media->rtcp = media->rtcp_mux ? media->rtp : media->rtcp_apart;
	return 0;
}

/* o=: username, session id, version, nettype, addrtype, address (RFC 8866 section 5.2). */
static bool origin_is_whole(struct span origin)
{
	for (unsigned i = 0; i < 6; i++)
		if (sdp_word_next(&origin).len == 0)
			return false;
	return true;
}

/* Cuts the text into the session level and the m= sections, and checks what holds for every line.
 */
static int sections_find(struct sdp *sdp, const char **why)
{
	struct span rest = sdp->text, *section = &sdp->session;
	struct sdp_line line;

	*section = span_of(sdp->text.ptr, 0);
	for (struct span before = rest; sdp_line_next(&rest, &line); before = rest) {
		if (line.text.len < 2 || line.text.ptr[1] != '=' || line.type < 'a' ||
		    line.type > 'z') {
			*why = "line is not type=value";
			return -EINVAL;
		}
		if (memchr(line.text.ptr, '\0', line.text.len) ||
		    memchr(line.text.ptr, '\r', line.text.len)) {
			*why = "NUL or CR inside a line";
			return -EINVAL;
		}
		if (line.type == 'm') {
			if (sdp->nmedia == SDP_MEDIA_MAX) {
				*why = "too many m= sections";
				return -E2BIG;
			}
			section = &sdp->media[sdp->nmedia].lines;
			sdp->media[sdp->nmedia++] =
				(struct sdp_media){.lines = span_of(line.text.ptr, 0)};
			if (media_line_parse(line.value, &sdp->media[sdp->nmedia - 1], why))
				return -EINVAL;
			before.ptr = line.text.ptr;
		}
		section->len += (size_t)(rest.ptr - before.ptr);
	}
	return 0;
}

/* The session's o=, c= and direction. */
static int session_lines_parse(struct sdp *sdp, struct connection *conn, uint8_t *direction,
			       const char **why)
{
	struct span rest = sdp->session;
	struct sdp_line line;
	bool first = true;

	while (sdp_line_next(&rest, &line)) {
		if (first && (line.type != 'v' || !span_eq(span_trim(line.value), SPAN("0")))) {
			*why = "does not begin with v=0";
			return -EINVAL;
		}
		first = false;
		if (line.type == 'o' && sdp->origin.len == 0) {
			if (!origin_is_whole(line.value)) {
				*why = "o= line too short";
				return -EINVAL;
			}
			sdp->origin = line.value;
		} else if (line.type == 'c' && !conn->present) {
			if (connection_parse(line.value, conn)) {
				*why = "bad c= line";
				return -EINVAL;
			}
		} else if (line.type == 'a') {
			struct sdp_attr attr = sdp_attr_of(line.value);
			int d = sdp_direction_from(&attr);

			if (d >= 0)
				*direction = (uint8_t)d;
		}
	}
	if (first) {
		*why = "does not begin with v=0";
		return -EINVAL;
	}
	if (sdp->origin.len == 0) {
		*why = "no o= line";
		return -EINVAL;
	}
	return 0;
}

int sdp_parse(struct sdp *sdp, struct span text, const char **why)
{
	struct connection session = {0};
	uint8_t direction = SDP_SENDRECV;
	int rc;

	sdp->text = text;
	sdp->origin = SPAN_NONE;
	sdp->nmedia = 0;
	*why = "";
	if (text.len > SDP_BYTES_MAX) {
		*why = "description too long";
		return -E2BIG;
	}
	rc = sections_find(sdp, why);
	if (rc)
		return rc;
	rc = session_lines_parse(sdp, &session, &direction, why);
	for (unsigned i = 0; rc == 0 && i < sdp->nmedia; i++) {
		sdp->media[i].direction = direction;
		rc = media_lines_parse(&sdp->media[i], &session, why);
	}
	return rc;
}
