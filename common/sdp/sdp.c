/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions read into slices: session level, m= sections, where media is wanted and
 * which way it goes. Both processes, any thread. */
#include "common/sdp/sdp.h"
#include "common/sdp/sdp_line.h"

#include <errno.h>

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
	bool named;             /* a host name, or nothing that limen knows */
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
	if (net_addr_parse(host, &addr, &family)) {
		out->named = true;
		return 0;
	}
	if (!span_ieq(nettype, SPAN("IN")) ||
	    !span_ieq(addrtype, family == NET_IP4 ? SPAN("IP4") : SPAN("IP6")))
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
	if (span_trim(value).len == 0) {
		*rtcp = *rtp;
	} else {
		if (connection_parse(value, &conn))
			return false;
		*rtcp = conn.at;
	}
	rtcp->port = rtcp->family == NET_NONE ? 0 : (uint16_t)port;
	return true;
}

/* A description while it is read, line by line. */
struct sdp_reader {
	struct sdp *sdp;
	const char *why;
	struct connection session; /* c= of the session level */
	uint8_t direction;         /* of the session level */
	struct sdp_media *media;   /* section that is being read, NULL at the session level */
	struct connection conn;    /* its c= */
	struct span rtcp;          /* value of its a=rtcp */
	bool begun;
};

static int fail(struct sdp_reader *r, const char *why)
{
	r->why = why;
	return -EINVAL;
}

static bool host_is_named(struct span connection)
{
	struct net_addr addr;
	uint8_t family;

	return net_addr_parse(sdp_connection_host(connection), &addr, &family) != 0;
}

static int connection_line(struct sdp_reader *r, struct connection *conn, struct span value)
{
	if (conn->present) {
		r->sdp->names_hosts |= host_is_named(value);
		return 0;
	}
	if (connection_parse(value, conn))
		return fail(r, "bad c= line");
	r->sdp->names_hosts |= conn->named;
	return 0;
}

static int session_line(struct sdp_reader *r, const struct sdp_line *line)
{
	struct sdp *sdp = r->sdp;
	struct sdp_attr attr;
	int direction;

	switch (line->type) {
	case 'o':
		if (sdp->origin.len)
			return 0;
		sdp->origin = line->value;
		/* Username, session id, version, nettype, addrtype, address (section 5.2). */
		if (sdp_connection_host(sdp_origin_connection(line->value)).len == 0)
			return fail(r, "o= line too short");
		sdp->names_hosts |= host_is_named(sdp_origin_connection(line->value));
		return 0;
	case 'c':
		if (!r->session.present)
			sdp->connection = line->value;
		return connection_line(r, &r->session, line->value);
	case 'a':
		attr = sdp_attr_of(line->value);
		direction = sdp_direction_from(&attr);
		if (direction >= 0)
			r->direction = (uint8_t)direction;
		else if (sdp->bundle.len == 0)
			sdp->bundle = sdp_bundle_mids(&attr);
		return 0;
	default:
		return 0;
	}
}

static void rtcp_line(struct sdp_reader *r, struct span value)
{
	r->rtcp = value;
	sdp_word_next(&value);
	if (span_trim(value).len)
		r->sdp->names_hosts |= host_is_named(value);
}

static int media_line(struct sdp_reader *r, const struct sdp_line *line)
{
	struct sdp_attr attr;
	int direction;

	if (line->type == 'c')
		return connection_line(r, &r->conn, line->value);
	if (line->type != 'a')
		return 0;
	attr = sdp_attr_of(line->value);
	direction = sdp_direction_from(&attr);
	if (direction >= 0)
		r->media->direction = (uint8_t)direction;
	else if (sdp_is_rtcp_mux(&attr))
		r->media->rtcp_mux = true;
	else if (attr.has_value && span_ieq(attr.name, SPAN("rtcp")))
		rtcp_line(r, attr.value);
	else
		sdp_bundle_line(r->media, &attr);
	return 0;
}

/* The section's lines are all read: what it does not say is the session's. `end` is where it
 * ends. */
static int media_end(struct sdp_reader *r, const char *end)
{
	struct sdp_media *media = r->media;
	const struct connection *conn = r->conn.present ? &r->conn : &r->session;
	struct net_endpoint *apart;

	if (!media)
		return 0;
	media->lines.len = (size_t)(end - media->lines.ptr);
	if (!conn->present && media->port)
		return fail(r, "no c= line for an m= section");
	media->has_connection = r->conn.present;
	media->hold_by_zero = conn->zero;
	media->rtp = conn->at;
	if (conn->at.family != NET_NONE)
		media->rtp.port = media->port;

	apart = &media->rtcp_apart;
	if (r->rtcp.len == 0 || !rtcp_parse(r->rtcp, &media->rtp, apart) ||
	    media->port == 0 || (media->rtcp_mux && net_endpoint_eq(apart, &media->rtp))) {
		bool fits = media->rtp.port && media->rtp.port < UINT16_MAX;

		*apart = fits ? media->rtp : (struct net_endpoint){0};
		apart->port = fits ? (uint16_t)(media->rtp.port + 1) : 0;
	}
	media->rtcp = media->rtcp_mux ? media->rtp : *apart;
	return 0;
}

static int media_begin(struct sdp_reader *r, const struct sdp_line *line)
{
	struct sdp *sdp = r->sdp;
	int rc = media_end(r, line->text.ptr);

	if (rc)
		return rc;
	if (sdp->nmedia == 0)
		sdp->session.len = (size_t)(line->text.ptr - sdp->session.ptr);
	if (sdp->nmedia == SDP_MEDIA_MAX) {
		r->why = "too many m= sections";
		return -E2BIG;
	}
	r->media = &sdp->media[sdp->nmedia++];
	*r->media = (struct sdp_media){
		.lines = span_of(line->text.ptr, 0),
		.direction = r->direction,
	};
	r->conn = (struct connection){0};
	r->rtcp = SPAN_NONE;
	return media_line_parse(line->value, r->media, &r->why);
}

static int read_line(struct sdp_reader *r, const struct sdp_line *line)
{
	if (line->text.len < 2 || line->text.ptr[1] != '=' || line->type < 'a' || line->type > 'z')
		return fail(r, "line is not type=value");
	if (line->foul)
		return fail(r, "NUL or CR inside a line");
	if (!r->begun && (line->type != 'v' || !span_eq(span_trim(line->value), SPAN("0"))))
		return fail(r, "does not begin with v=0");
	r->begun = true;
	if (line->type == 'm')
		return media_begin(r, line);
	return r->media ? media_line(r, line) : session_line(r, line);
}

static int read_all(struct sdp_reader *r)
{
	struct sdp *sdp = r->sdp;
	struct span rest = sdp->text;
	struct sdp_line line;
	int rc;

	while (sdp_line_next(&rest, &line)) {
		rc = read_line(r, &line);
		if (rc)
			return rc;
	}
	if (!r->begun)
		return fail(r, "does not begin with v=0");
	if (sdp->origin.len == 0)
		return fail(r, "no o= line");
	if (sdp->nmedia == 0)
		sdp->session.len = sdp->text.len;
	return media_end(r, rest.ptr);
}

int sdp_parse(struct sdp *sdp, struct span text, const char **why)
{
	struct sdp_reader r = {.sdp = sdp, .why = "", .direction = SDP_SENDRECV};
	int rc;

	sdp->text = text;
	sdp->origin = SPAN_NONE;
	sdp->connection = SPAN_NONE;
	sdp->bundle = SPAN_NONE;
	sdp->session = span_of(text.ptr, 0);
	sdp->nmedia = 0;
	sdp->names_hosts = false;
	if (text.len > SDP_BYTES_MAX) {
		*why = "description too long";
		return -E2BIG;
	}
	rc = read_all(&r);
	*why = r.why;
	return rc;
}
