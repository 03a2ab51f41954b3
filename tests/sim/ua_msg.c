/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of what endpoints send. Everything that names the endpoint or its side carries a mark
 * ("zqA", "zqB", or an address of its side's network), which check.c looks for on the other
 * side. */
#include <stdio.h>

#include "ua.h"

static void put_text(struct cursor *out, const char *text)
{
	put_bytes(out, text, strlen(text));
}

static void put_name(struct cursor *out, const struct ua *ua, const char *name, const char *compact)
{
	put_text(out, ua->manner.compact ? compact : name);
	put_text(out, ua->manner.fold ? ":\r\n  " : ": ");
}

static void put_mark(struct cursor *out, const struct ua *ua)
{
	put_text(out, ua->side == SIDE_A ? "zqA" : "zqB");
}

static void put_end(struct cursor *out)
{
	put_lit(out, "\r\n");
}

static void put_host(struct cursor *out, const struct ua *ua)
{
	put_endpoint(out, &ua->self);
}

void msg_branch(struct sim *sim, struct ua *ua, char *branch, size_t room)
{
	snprintf(branch, room, "z9hG4bK-%s-%x-%x-%08x", ua->side == SIDE_A ? "zqA" : "zqB",
		 sim_ua_number(sim, ua), ua->serial++,
		 (unsigned)rng_below(&sim->ua_rng, UINT32_MAX));
}

static void put_via(struct cursor *out, const struct ua *ua, const char *branch)
{
	put_name(out, ua, "Via", "v");
	put_text(out, ua->tcp ? "SIP/2.0/TCP " : "SIP/2.0/UDP ");
	put_host(out, ua);
	put_lit(out, ";branch=");
	put_text(out, branch);
	if (!ua->manner.no_rport)
		put_lit(out, ";rport");
	if (ua->manner.extra_via) {
		put_lit(out, ", SIP/2.0/TLS ");
		put_mark(out, ua);
		put_lit(out, "-inner.example:5061;branch=z9hG4bK-");
		put_mark(out, ua);
		put_lit(out, "-inner;received=");
		put_addr(out, ua->self.family, &ua->self.addr);
	}
	put_end(out);
}

static void put_contact(struct cursor *out, const struct ua *ua)
{
	put_name(out, ua, "Contact", "m");
	put_lit(out, "<sip:");
	put_mark(out, ua);
	put_char(out, '-');
	put_u64(out, ua->call);
	put_char(out, '@');
	put_host(out, ua);
	put_lit(out, ">\r\n");
}

static void put_record_route(struct cursor *out, const struct ua *ua)
{
	put_lit(out, "Record-Route: <sip:");
	put_mark(out, ua);
	put_lit(out, "-proxy@");
	put_host(out, ua);
	put_lit(out, ";lr>\r\n");
}

/* What names the product and the place: none of it may cross. */
static void put_gossip(struct cursor *out, const struct ua *ua, bool request)
{
	put_text(out, request ? "User-Agent: " : "Server: ");
	put_mark(out, ua);
	put_lit(out, "-phone/1.0\r\nP-Asserted-Identity: <sip:");
	put_mark(out, ua);
	put_char(out, '@');
	put_host(out, ua);
	put_lit(out, ">\r\nX-Trail: ");
	put_host(out, ua);
	put_lit(out, "\r\nSubject: about\r\n\tnothing\r\n");
	if (!request) {
		put_lit(out, "Warning: 399 ");
		put_host(out, ua);
		put_lit(out, " \"");
		put_mark(out, ua);
		put_lit(out, "\"\r\n");
	}
}

static const char *const directions[] = {"a=sendrecv\r\n", "a=sendonly\r\n", "a=recvonly\r\n",
					 "a=inactive\r\n", ""};

static void put_sdp_media(struct cursor *out, const struct ua *ua, const struct sess *sess,
			  const struct ua_body *body, unsigned i)
{
	bool refused = i > 0 && body->refuse_second;

	put_text(out, i == 0 ? "m=audio " : "m=video ");
	put_u64(out, refused ? 0 : rtp_port(ua, sess, i));
	srtp_put_proto(out, ua, body, i);
	put_text(out, i == 0 ? "0 8 101\r\n" : "96\r\n");
	srtp_put_lines(out, ua, sess, body, i);
	if (i == 0)
		put_lit(out, "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 "
			     "telephone-event/8000\r\na=fmtp:101 0-15\r\n");
	else
		put_lit(out, "a=rtpmap:96 VP8/90000\r\n");
	put_lit(out, "a=candidate:1 1 UDP 2130706431 ");
	put_addr(out, ua->self.family, &ua->self.addr);
	put_lit(out, " 6000 typ host\r\n");
	put_text(out, directions[body->direction]);
}

static void put_sdp(struct cursor *out, const struct ua *ua, const struct sess *sess,
		    const struct ua_body *body)
{
	const char *family = ua->self.family == NET_IP6 ? "IN IP6 " : "IN IP4 ";

	put_lit(out, "v=0\r\no=");
	put_mark(out, ua);
	put_lit(out, " 4711 ");
	put_u64(out, sess->sdp_version);
	put_char(out, ' ');
	put_text(out, family);
	put_addr(out, ua->self.family, &ua->self.addr);
	put_lit(out, "\r\ns=");
	put_mark(out, ua);
	put_lit(out, "\r\ni=");
	put_mark(out, ua);
	put_lit(out, "\r\nc=");
	put_text(out, family);
	if (body->direction == DIR_ZERO)
		put_text(out, ua->self.family == NET_IP6 ? "::" : "0.0.0.0");
	else
		put_addr(out, ua->self.family, &ua->self.addr);
	put_lit(out, "\r\nt=0 0\r\na=tool:");
	put_mark(out, ua);
	put_end(out);
	for (unsigned i = 0; i < body->nmedia; i++)
		put_sdp_media(out, ua, sess, body, i);
}

static void put_body(struct cursor *out, const struct ua *ua, const struct sess *sess,
		     const struct ua_body *body)
{
	char buf[4096];
	struct cursor text = cursor_on(buf, sizeof(buf));

	if (body && body->sdp) {
		put_sdp(&text, ua, sess, body);
		put_name(out, ua, "Content-Type", "c");
		put_lit(out, "application/sdp\r\n");
	} else if (body && body->text.len) {
		put_span(&text, body->text);
		put_name(out, ua, "Content-Type", "c");
		put_text(out, body->type);
		put_end(out);
	}
	put_name(out, ua, "Content-Length", "l");
	put_u64(out, text.len);
	put_lit(out, "\r\n\r\n");
	put_span(out, cursor_span(&text));
}

static bool has_contact(uint8_t method)
{
	return method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE ||
	       method == SIP_METHOD_OPTIONS || method == SIP_METHOD_SUBSCRIBE ||
	       method == SIP_METHOD_NOTIFY || method == SIP_METHOD_REGISTER ||
	       method == SIP_METHOD_REFER;
}

static void put_dialog(struct cursor *out, const struct ua *ua, const struct sess *sess)
{
	put_name(out, ua, "From", "f");
	put_text(out, sess->local_uri);
	put_lit(out, ";tag=");
	put_text(out, sess->local_tag);
	put_end(out);
	put_name(out, ua, "To", "t");
	put_text(out, sess->remote_uri);
	if (sess->remote_tag[0]) {
		put_lit(out, ";tag=");
		put_text(out, sess->remote_tag);
	}
	put_end(out);
	put_name(out, ua, "Call-ID", "i");
	put_text(out, sess->call_id);
	put_end(out);
}

/* Allow and Supported. */
static void put_abilities(struct cursor *out, const struct ua *ua)
{
	const struct manner *m = &ua->manner;

	put_lit(out, "Allow: INVITE, ACK, BYE, CANCEL");
	put_text(out, m->rel100 ? ", PRACK, REFER" : "");
	put_text(out, m->no_update ? "" : ", UPDATE");
	put_end(out);
	if (!m->rel100 && !m->timer)
		return;
	put_name(out, ua, "Supported", "k");
	put_text(out, m->rel100 ? "100rel, replaces" : "");
	put_text(out, m->rel100 && m->timer ? ", " : "");
	put_text(out, m->timer ? "timer" : "");
	put_end(out);
}

void msg_request(struct cursor *out, const struct ua *ua, const struct sess *sess,
		 const struct ua_txn *txn, const char *uri, const struct ua_body *body,
		 const char *extra)
{
	const char *method = sip_method_name(txn->method);

	put_text(out, method);
	put_char(out, ' ');
	put_text(out, uri);
	put_lit(out, " SIP/2.0\r\n");
	put_via(out, ua, txn->branch);
	put_lit(out, "Max-Forwards: ");
	put_u64(out, ua->manner.max_forwards);
	put_end(out);
	put_dialog(out, ua, sess);
	put_lit(out, "CSeq: ");
	put_u64(out, txn->cseq);
	put_char(out, ' ');
	put_text(out, method);
	put_end(out);
	if (has_contact(txn->method))
		put_contact(out, ua);
	if (txn->method == SIP_METHOD_INVITE && ua->manner.record_route)
		put_record_route(out, ua);
	if (txn->method == SIP_METHOD_INVITE || txn->method == SIP_METHOD_UPDATE)
		put_abilities(out, ua);
	timer_put_request(out, ua, sess, txn->method);
	put_gossip(out, ua, true);
	if (!sess->remote_tag[0])
		put_text(out, sess->auth);
	put_text(out, extra);
	put_body(out, ua, sess, body);
}

/* Section 17.1.1.3: same branch and Request-URI as the INVITE, To of the response. */
static void put_from_invite(struct cursor *out, const struct ua *ua, const struct ua_txn *txn,
			    const char *method, struct span to)
{
	static struct sip_msg invite;

	if (sip_parse(&invite, txn->msg, txn->msg_len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return;
	put_text(out, method);
	put_char(out, ' ');
	put_span(out, sip_span(&invite, invite.ruri));
	put_lit(out, " SIP/2.0\r\n");
	put_via(out, ua, txn->branch);
	put_lit(out, "Max-Forwards: 70\r\nFrom: ");
	put_span(out, sip_hdr_value(&invite, SIP_HDR_FROM));
	put_lit(out, "\r\nTo: ");
	put_span(out, to.ptr ? to : sip_hdr_value(&invite, SIP_HDR_TO));
	put_lit(out, "\r\nCall-ID: ");
	put_span(out, sip_span(&invite, invite.call_id));
	put_lit(out, "\r\nCSeq: ");
	put_u64(out, invite.cseq);
	put_char(out, ' ');
	put_text(out, method);
	put_lit(out, "\r\nContent-Length: 0\r\n\r\n");
}

void msg_ack_refusal(struct cursor *out, const struct ua *ua, const struct ua_txn *txn,
		     const struct sip_msg *response)
{
	put_from_invite(out, ua, txn, "ACK", sip_hdr_value(response, SIP_HDR_TO));
}

void msg_cancel(struct cursor *out, const struct ua *ua, const struct ua_txn *invite)
{
	put_from_invite(out, ua, invite, "CANCEL", SPAN_NONE);
}

static void put_copies(struct cursor *out, const struct ua *ua, const struct sip_msg *msg,
		       enum sip_hdr_id id, const char *name, const char *compact)
{
	struct sip_values it = sip_values(msg, id);
	struct span value;

	while (sip_values_next(&it, &value)) {
		put_name(out, ua, name, compact);
		put_span(out, value);
		put_end(out);
	}
}

void msg_response(struct cursor *out, const struct ua *ua, const struct sess *sess,
		  const struct sip_msg *request, uint16_t status, const char *tag,
		  const struct ua_body *body, const char *extra)
{
	put_lit(out, "SIP/2.0 ");
	put_u64(out, status);
	put_lit(out, " As ");
	put_mark(out, ua);
	put_lit(out, " says\r\n");
	put_copies(out, ua, request, SIP_HDR_VIA, "Via", "v");
	put_name(out, ua, "From", "f");
	put_span(out, sip_hdr_value(request, SIP_HDR_FROM));
	put_end(out);
	put_name(out, ua, "To", "t");
	put_span(out, sip_hdr_value(request, SIP_HDR_TO));
	if (request->to_tag.len == 0 && status > 100) {
		put_lit(out, ";tag=");
		put_text(out, tag);
	}
	put_end(out);
	put_name(out, ua, "Call-ID", "i");
	put_span(out, sip_span(request, request->call_id));
	put_lit(out, "\r\nCSeq: ");
	put_u64(out, request->cseq);
	put_char(out, ' ');
	put_span(out, sip_span(request, request->cseq_method));
	put_end(out);
	if (request->to_tag.len == 0 && status < 300)
		put_copies(out, ua, request, SIP_HDR_RECORD_ROUTE, "Record-Route", "Record-Route");
	if (request->to_tag.len == 0 && ua->manner.record_route &&
	    request->method == SIP_METHOD_INVITE && status > 100 && status < 300)
		put_record_route(out, ua);
	if (has_contact(request->method) && status > 100 && status < 300)
		put_contact(out, ua);
	if (request->method == SIP_METHOD_INVITE && status > 100 && status < 300)
		put_abilities(out, ua);
	put_gossip(out, ua, false);
	put_text(out, extra);
	put_body(out, ua, sess, body);
}
