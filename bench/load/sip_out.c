/* SPDX-License-Identifier: BSD-3-Clause */
/* The few messages of a basic call. The loop's thread. */
#include "bench/load/sip_out.h"

#define SDP_MAX 400u

static struct net_endpoint own_sip(const struct calls *calls, const struct path *path)
{
	struct net_endpoint own = path->from;

	own.port = calls->options->sip_port;
	return own;
}

static void put_padded(struct cursor *c, uint32_t value, unsigned digits)
{
	char text[10];

	for (unsigned i = digits; i-- > 0; value /= 10)
		text[i] = (char)('0' + value % 10);
	put_bytes(c, text, digits);
}

/* "slot.generation" */
static void put_name(struct calls *calls, struct cursor *c, uint32_t slot)
{
	put_u64(c, slot);
	put_char(c, '.');
	put_u64(c, calls->call[slot].generation);
}

static void put_sdp(const struct calls *calls, struct cursor *c, const struct net_endpoint *rtp)
{
	uint8_t type = calls->options->payload_type;

	put_span(c, rtp->family == NET_IP6 ? SPAN("v=0\r\no=- 1 1 IN IP6 ") : SPAN("v=0\r\no=- 1 1 IN IP4 "));
	put_addr(c, rtp->family, &rtp->addr);
	put_span(c, rtp->family == NET_IP6 ? SPAN("\r\ns=-\r\nc=IN IP6 ") : SPAN("\r\ns=-\r\nc=IN IP4 "));
	put_addr(c, rtp->family, &rtp->addr);
	put_lit(c, "\r\nt=0 0\r\nm=audio ");
	put_u64(c, rtp->port);
	put_lit(c, " RTP/AVP ");
	put_u64(c, type);
	if (type >= 96) {
		put_lit(c, "\r\na=rtpmap:");
		put_u64(c, type);
		put_lit(c, " L8/8000");
	}
	put_lit(c, "\r\na=ptime:");
	put_u64(c, (uint64_t)(calls->options->ptime_s * 1000 + 0.5));
	put_lit(c, "\r\na=sendrecv\r\n");
}

static void put_body(const struct calls *calls, struct cursor *c, const struct net_endpoint *rtp)
{
	char text[SDP_MAX];
	struct cursor sdp = cursor_on(text, sizeof(text));

	if (rtp) {
		put_sdp(calls, &sdp, rtp);
		put_lit(c, "Content-Type: application/sdp\r\n");
	}
	put_lit(c, "Content-Length: ");
	put_u64(c, sdp.len);
	put_lit(c, "\r\n\r\n");
	put_span(c, cursor_span(&sdp));
}

static void put_via(struct calls *calls, struct cursor *c, const struct net_endpoint *own, uint32_t slot, char which)
{
	put_lit(c, "Via: SIP/2.0/UDP ");
	put_endpoint(c, own);
	put_lit(c, ";branch=z9hG4bK");
	put_name(calls, c, slot);
	put_char(c, '.');
	put_u64(c, calls->session);
	put_char(c, which);
	put_lit(c, "\r\nMax-Forwards: 70\r\n");
}

static void put_called(const struct calls *calls, struct cursor *c, uint32_t slot)
{
	const struct path *path = &calls->options->paths[calls->call[slot].path];

	put_lit(c, "sip:");
	put_span(c, span_str(calls->options->user));
	put_padded(c, slot, 7);
	put_padded(c, calls->call[slot].generation, 5);
	put_char(c, '@');
	put_addr_sip(c, path->to.family, &path->to.addr);
}

static void put_from(struct calls *calls, struct cursor *c, const struct net_endpoint *own, uint32_t slot)
{
	put_lit(c, "From: \"Load\" <sip:caller@");
	put_addr_sip(c, own->family, &own->addr);
	put_lit(c, ">;tag=");
	put_name(calls, c, slot);
	put_lit(c, ".c\r\n");
}

static void put_call_id(struct calls *calls, struct cursor *c, const struct net_endpoint *own, uint32_t slot)
{
	put_lit(c, "Call-ID: ");
	put_name(calls, c, slot);
	put_char(c, '.');
	put_u64(c, calls->session);
	put_char(c, '@');
	put_addr_sip(c, own->family, &own->addr);
	put_lit(c, "\r\n");
}

void sip_put_invite(struct calls *calls, struct cursor *c, uint32_t slot)
{
	const struct path *path = &calls->options->paths[calls->call[slot].path];
	struct net_endpoint own = own_sip(calls, path), rtp = own;

	rtp.port = call_rtp_port(calls, slot);
	put_lit(c, "INVITE ");
	put_called(calls, c, slot);
	put_lit(c, " SIP/2.0\r\n");
	put_via(calls, c, &own, slot, 'i');
	put_from(calls, c, &own, slot);
	put_lit(c, "To: <");
	put_called(calls, c, slot);
	put_lit(c, ">\r\n");
	put_call_id(calls, c, &own, slot);
	put_lit(c, "CSeq: 1 INVITE\r\nContact: <sip:caller@");
	put_endpoint(c, &own);
	put_lit(c, ">\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nUser-Agent: limen-load\r\n");
	put_body(calls, c, &rtp);
}

/* The Record-Route values of calls->msg as Routes, last first (RFC 3261 section 12.1.2). */
static void put_routes(struct calls *calls, struct cursor *c)
{
	struct span routes[16], value;
	struct sip_values it = sip_values(&calls->msg, SIP_HDR_RECORD_ROUTE);
	unsigned n = 0;

	while (n < 16 && sip_values_next(&it, &value))
		routes[n++] = value;
	while (n--) {
		put_lit(c, "Route: ");
		put_span(c, routes[n]);
		put_lit(c, "\r\n");
	}
}

static struct span remote_target(const struct calls *calls)
{
	struct sip_name_addr contact;

	if (sip_name_addr_parse(sip_hdr_value(&calls->msg, SIP_HDR_CONTACT), &contact) || contact.star)
		return sip_span(&calls->msg, calls->msg.to_uri);
	return contact.uri;
}

static void put_to(struct calls *calls, struct cursor *c)
{
	put_lit(c, "To: ");
	put_span(c, sip_hdr_value(&calls->msg, SIP_HDR_TO));
	put_lit(c, "\r\n");
}

void sip_put_in_dialog(struct calls *calls, struct cursor *c, uint32_t slot, enum sip_method method)
{
	const struct path *path = &calls->options->paths[calls->call[slot].path];
	struct net_endpoint own = own_sip(calls, path);

	put_span(c, method == SIP_METHOD_ACK ? SPAN("ACK ") : SPAN("BYE "));
	put_span(c, remote_target(calls));
	put_lit(c, " SIP/2.0\r\n");
	put_via(calls, c, &own, slot, method == SIP_METHOD_ACK ? 'a' : 'b');
	put_routes(calls, c);
	put_from(calls, c, &own, slot);
	put_to(calls, c);
	put_call_id(calls, c, &own, slot);
	put_span(c, method == SIP_METHOD_ACK ? SPAN("CSeq: 1 ACK\r\n") : SPAN("CSeq: 2 BYE\r\n"));
	put_body(calls, c, NULL);
}

void sip_put_ack_failure(struct calls *calls, struct cursor *c, uint32_t slot)
{
	const struct path *path = &calls->options->paths[calls->call[slot].path];
	struct net_endpoint own = own_sip(calls, path);

	put_lit(c, "ACK ");
	put_called(calls, c, slot);
	put_lit(c, " SIP/2.0\r\n");
	put_via(calls, c, &own, slot, 'i');
	put_from(calls, c, &own, slot);
	put_to(calls, c);
	put_call_id(calls, c, &own, slot);
	put_lit(c, "CSeq: 1 ACK\r\n");
	put_body(calls, c, NULL);
}

/* All lines of a header, as they came. */
static void put_copied(struct calls *calls, struct cursor *c, enum sip_hdr_id id)
{
	const struct sip_msg *msg = &calls->msg;

	for (uint16_t at = msg->first[id]; at != SIP_HDR_NONE; at = msg->hdrs[at].next) {
		put_span(c, span_str(sip_hdr_name(id)));
		put_lit(c, ": ");
		put_span(c, sip_span(msg, msg->hdrs[at].value));
		put_lit(c, "\r\n");
	}
}

void sip_put_response(struct calls *calls, struct cursor *c, uint16_t status, struct span tag, const struct net_endpoint *contact,
		      const struct net_endpoint *rtp)
{
	put_lit(c, "SIP/2.0 ");
	put_u64(c, status);
	put_char(c, ' ');
	put_span(c, span_str(sip_reason_phrase(status)));
	put_lit(c, "\r\n");
	put_copied(calls, c, SIP_HDR_VIA);
	put_copied(calls, c, SIP_HDR_RECORD_ROUTE);
	put_copied(calls, c, SIP_HDR_FROM);
	put_lit(c, "To: ");
	put_span(c, sip_hdr_value(&calls->msg, SIP_HDR_TO));
	if (!calls->msg.to_tag.len && tag.len) {
		put_lit(c, ";tag=");
		put_span(c, tag);
	}
	put_lit(c, "\r\n");
	put_copied(calls, c, SIP_HDR_CALL_ID);
	put_copied(calls, c, SIP_HDR_CSEQ);
	if (contact) {
		put_lit(c, "Contact: <sip:callee@");
		put_endpoint(c, contact);
		put_lit(c, ">\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nServer: limen-load\r\n");
	}
	put_body(calls, c, rtp);
}

/* "sip:" and a user that limen-load has: digits behind the prefix that users are called by. */
static void put_user(const struct calls *calls, struct cursor *c, uint32_t user)
{
	put_lit(c, "sip:");
	put_span(c, span_str(calls->options->user));
	put_padded(c, user, 7);
	put_char(c, '@');
}

void sip_put_register(struct calls *calls, struct cursor *c, const struct path *path, uint32_t user, uint32_t cseq)
{
	struct net_endpoint own = own_sip(calls, path);

	put_lit(c, "REGISTER sip:");
	put_addr_sip(c, path->to.family, &path->to.addr);
	put_lit(c, " SIP/2.0\r\nVia: SIP/2.0/UDP ");
	put_endpoint(c, &own);
	put_lit(c, ";branch=z9hG4bKu");
	put_u64(c, user);
	put_char(c, '.');
	put_u64(c, cseq);
	put_lit(c, "\r\nMax-Forwards: 70\r\nFrom: <");
	put_user(calls, c, user);
	put_addr_sip(c, path->to.family, &path->to.addr);
	put_lit(c, ">;tag=u\r\nTo: <");
	put_user(calls, c, user);
	put_addr_sip(c, path->to.family, &path->to.addr);
	put_lit(c, ">\r\nCall-ID: u.");
	put_u64(c, user);
	put_char(c, '.');
	put_u64(c, calls->session);
	put_char(c, '@');
	put_addr_sip(c, own.family, &own.addr);
	put_lit(c, "\r\nCSeq: ");
	put_u64(c, cseq);
	put_lit(c, " REGISTER\r\nContact: <");
	put_user(calls, c, user);
	put_endpoint(c, &own);
	put_lit(c, ";line=");
	put_u64(c, calls->session);
	put_lit(c, ">\r\nExpires: ");
	put_u64(c, calls->options->expires_s);
	put_lit(c, "\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nUser-Agent: limen-load\r\n");
	put_body(calls, c, NULL);
}

void sip_put_registered(struct calls *calls, struct cursor *c)
{
	put_lit(c, "SIP/2.0 200 OK\r\n");
	put_copied(calls, c, SIP_HDR_VIA);
	put_copied(calls, c, SIP_HDR_FROM);
	put_lit(c, "To: ");
	put_span(c, sip_hdr_value(&calls->msg, SIP_HDR_TO));
	put_lit(c, ";tag=registrar\r\n");
	put_copied(calls, c, SIP_HDR_CALL_ID);
	put_copied(calls, c, SIP_HDR_CSEQ);
	put_copied(calls, c, SIP_HDR_CONTACT);
	put_copied(calls, c, SIP_HDR_EXPIRES);
	put_body(calls, c, NULL);
}

struct sip_out sip_out_begin(struct calls *calls, uint8_t family)
{
	struct sip_out out = {.m = rte_pktmbuf_alloc(calls->ports->tx_pool)};
	uint32_t head = wire_head_bytes(family);

	if (out.m)
		out.text = cursor_on(rte_pktmbuf_mtod_offset(out.m, char *, head), rte_pktmbuf_tailroom(out.m) - head);
	return out;
}

bool sip_out_send(struct calls *calls, struct sip_out *out, unsigned index, const struct net_endpoint *to)
{
	const struct local *local = &calls->options->locals[index];
	const uint8_t *mac = hops_find(calls->hops, index, &to->addr, calls->now_ms);
	struct port *port = &calls->ports->port[local->port];
	struct wire_way way = {.dst = *to, .dscp = WIRE_DSCP_SIP};
	uint8_t *frame;

	if (!out->m || out->text.full || !mac) {
		rte_pktmbuf_free(out->m);
		return false;
	}
	way.src = (struct net_endpoint){.addr = local->prefix.addr, .port = calls->options->sip_port, .family = to->family};
	memcpy(way.src_mac, port->mac, 6);
	memcpy(way.dst_mac, mac, 6);
	frame = (uint8_t *)rte_pktmbuf_append(out->m, (uint16_t)(wire_head_bytes(to->family) + out->text.len));
	wire_put_udp(frame, &way, out->text.len);
	wire_finish_udp(frame, &way, out->text.len);
	if (port->n == PORT_QUEUE)
		port_flush(port);
	calls->count.sent++;
	return port_put(port, out->m);
}

void sip_out_text(struct calls *calls, struct span text, unsigned local, const struct net_endpoint *to)
{
	struct sip_out out = sip_out_begin(calls, to->family);

	put_span(&out.text, text);
	(void)sip_out_send(calls, &out, local, to);
}
