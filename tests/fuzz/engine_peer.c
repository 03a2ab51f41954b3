/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of the engine fuzzer's peers. One thread. */
#include "engine_peer.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/sip/replaces.h"
#include "common/sip/sip_msg.h"

const char *const peer_marks[2][3] = {{"zqA", "10.0.1.", "fd00:1:"}, {"zqB", "10.0.2.", "fd00:2:"}};

static struct sip_msg msg; /* the note in work */

static void put_format(struct cursor *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put_format(struct cursor *out, const char *format, ...)
{
	char line[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	put_bytes(out, line, len < 0 || (size_t)len >= sizeof(line) ? 0 : (size_t)len);
}

static void put_line(struct cursor *out, const char *name, struct span value)
{
	put_format(out, "%s: ", name);
	put_span(out, value);
	put_lit(out, "\r\n");
}

/* ---- notes ---- */

void peer_note(struct peer_notes *notes, struct span text)
{
	struct peer_note *note = &notes->note[notes->n % PEER_NOTES];

	if (text.len > sizeof(note->text))
		return;
	memcpy(note->text, text.ptr, text.len);
	note->len = (uint32_t)text.len;
	notes->n++;
}

/* One of the notes by how long ago it was. */
static struct span note_pick(const struct peer_notes *notes, unsigned ago)
{
	unsigned kept = notes->n < PEER_NOTES ? notes->n : PEER_NOTES;
	const struct peer_note *note;

	if (kept == 0)
		return SPAN_NONE;
	note = &notes->note[(notes->n - 1 - ago % kept) % PEER_NOTES];
	return span_of(note->text, note->len);
}

static bool note_parse(const struct peer_notes *notes, unsigned ago)
{
	struct span text = note_pick(notes, ago);

	return text.len && sip_parse(&msg, text.ptr, text.len, SIP_DATAGRAM) == SIP_PARSE_OK;
}

/* ---- parts ---- */

static void put_contact(const struct peer *peer, unsigned which, struct cursor *out)
{
	unsigned net = peer->side + 1;
	char mark = (char)('A' + peer->side);

	switch (which % 12) {
	case 0:
		return;
	case 1:
		put_format(out, "Contact: <sip:zq%c@[fd00:%u::2]:5060>\r\n", mark, net);
		return;
	case 2:
		put_lit(out, "Contact: <tel:+1>\r\n");
		return;
	case 3:
		put_format(out, "m: sip:10.0.%u.1\r\n", net); /* limen itself */
		return;
	case 4:
		put_lit(out, "Contact: *\r\n");
		return;
	case 5:
		put_format(out, "Contact: \"zq%c\" <sips:zq%c@zq%c.example;transport=tcp>;q=1\r\n",
			   mark, mark, mark);
		return;
	case 6: /* what limen is registered as */
		put_format(
			out,
			"Contact: <sip:zq%c@10.0.%u.9>, <sip:token@10.0.%u.1:5060>;expires=30\r\n",
			mark, net, net);
		return;
	default:
		put_format(out, "Contact: <sip:zq%c@10.0.%u.2:%u>\r\n", mark, net,
			   5060 + which % 4);
		return;
	}
}

/* The name of a dialog that this peer has with limen. */
static void put_dialog_name(const struct peer *peer, unsigned ago, struct cursor *out)
{
	bool request;

	if (!note_parse(&peer->heard, ago))
		return;
	request = msg.is_request;
	put_span(out, sip_span(&msg, msg.call_id));
	put_lit(out, ";to-tag=");
	put_span(out, sip_span(&msg, request ? msg.from_tag : msg.to_tag));
	put_lit(out, ";from-tag=");
	put_span(out, sip_span(&msg, request ? msg.to_tag : msg.from_tag));
}

static void put_refer_to(const struct peer *peer, unsigned how, struct cursor *out)
{
	char text[1024];
	struct cursor name = cursor_on(text, sizeof(text));

	if (how == 6) {
		put_lit(out, "Refer-To: tel:+4930;phone-context=x\r\n");
		return;
	}
	put_format(out, "Refer-To: <sip:carol@10.0.%u.9%s", peer->side + 1,
		   how & 1 ? ";method=INVITE" : "");
	if (how & 2) {
		put_dialog_name(peer, how, &name);
		put_lit(out, "?Replaces=");
		sip_put_escaped(out, cursor_span(&name));
	}
	put_lit(out, ">\r\n");
	if (how & 4)
		put_lit(out, "Refer-Sub: false\r\nSupported: norefersub\r\n");
}

static void put_rare_headers(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out)
{
	unsigned bits = fuzz_take(in), number = bits >> 5;
	char mark = (char)('A' + peer->side);

	switch (bits & 31) {
	case 0:
		put_lit(out, "Require: 100rel, x-nobody\r\n");
		break;
	case 1:
		put_lit(out, "Proxy-Require: x-nobody\r\n");
		break;
	case 2:
		put_lit(out, "Content-Encoding: gzip\r\n");
		break;
	case 3:
		put_lit(out, "Subject: folded\r\n\tonce\r\n and\r\n \t again\r\n");
		break;
	case 4:
		put_lit(out, "Allow: INVITE, ACK, FOO, UPDATE\r\nAllow: BYE\r\n");
		break;
	case 5:
		put_format(out, "Timestamp: 54 (zq%c)\r\n", mark);
		break;
	case 6:
		put_format(out, "Route: <sip:zq%c.example;lr>\r\n", mark);
		break;
	case 7:
		put_format(out, "Record-Route: <sip:zq%c@10.0.%u.%u>, <sip:zq%c.example;lr>\r\n",
			   mark, peer->side + 1, 3 + number, mark);
		break;
	case 8:
		put_format(out, "Via: SIP/2.0/UDP zq%c.example:5070;branch=z9hG4bKzq%c\r\n", mark,
			   mark);
		break;
	case 9:
		put_format(out, "Supported: timer\r\nSession-Expires: %u;refresher=ua%c\r\n",
			   90 + 60 * number, number & 1 ? 's' : 'c');
		put_format(out, "Min-SE: %u\r\n", 90 + 400 * number);
		break;
	case 10:
		put_format(out,
			   "Record-Route: <sip:10.0.%u.2;x>\r\nRecord-Route: "
			   "<sip:zq%c@zq%c.example>\r\n",
			   peer->side + 1, mark, mark);
		break;
	case 14:
		put_format(out, "Record-Route: <sip:10.0.%u.2:5070>\r\n", peer->side + 1);
		break;
	case 15:
		put_lit(out, "Retry-After: 1 (soon)\r\n");
		break;
	case 11:
		put_format(out, "Server: zq%c\r\nOrganization: zq%c\r\n", mark, mark);
		break;
	case 12:
		put_format(out, "P-Asserted-Identity: <sip:zq%c@zq%c.example>\r\n", mark, mark);
		break;
	case 13:
		put_lit(out, "Subject: long");
		for (unsigned i = 0; i < number * 512; i++)
			put_char(out, 'g');
		put_lit(out, "\r\n");
		break;
	case 16:
		put_lit(out, "Replaces: ");
		put_dialog_name(peer, number, out);
		put_span(out, number & 1 ? SPAN("\r\n") : SPAN(";early-only\r\n"));
		break;
	case 17:
		put_format(out, "Event: presence\r\nExpires: %u\r\n", number * 9);
		break;
	case 18:
		put_format(out, "Event: presence\r\nSubscription-State: active;expires=%u\r\n",
			   number * 9);
		break;
	case 19:
		put_lit(out, "Subscription-State: terminated;reason=timeout\r\n");
		break;
	case 20:
		put_lit(out, "WWW-Authenticate: Digest realm=\"r\"\r\n");
		break;
	case 21:
		put_format(out, "Contact: <sip:zq%c@10.0.%u.2>;q=1;expires=%u;x=y\r\n", mark,
			   peer->side + 1, number);
		break;
	case 22:
	case 23:
	case 24:
		put_refer_to(peer, number, out);
		break;
	case 25:
	case 26:
		put_format(out,
			   number & 1 ? "Event: refer\r\n" : "o: refer;id=%u\r\n", number);
		put_format(out, "Subscription-State: %s;expires=6;reason=moon;x=y\r\n",
			   number & 2 ? "terminated" : "active");
		break;
	default:
		put_format(out, "RSeq: %u\r\n", number);
		break;
	}
}

static void put_headers(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out)
{
	unsigned bits = fuzz_take(in);
	char mark = (char)('A' + peer->side);

	if (bits & 1)
		put_format(out, "User-Agent: zq%c\r\n", mark);
	if (bits & 2)
		put_lit(out, "Subject: plain\r\n");
	if (bits & 4)
		put_lit(out, "Supported: 100rel, timer, gruu\r\nk: outbound\r\n");
	if (bits & 8)
		put_lit(out, "Require: 100rel\r\nRSeq: 7\r\n");
	if (bits & 16)
		put_format(out, "Record-Route: <sip:zq%c.example;lr>\r\n", mark);
	if (bits & 32)
		put_format(out, "RAck: 7 %u INVITE\r\n", fuzz_take(in));
	if (bits & 64)
		put_format(out, "X-Secret: zq%c\r\n", mark);
	if (bits & 128)
		put_rare_headers(peer, in, out);
}

/* Sections of a description: audio, video with both in one bundle, image, closed, unknown; one for
 * each set bit pair. */
#define KEY "inline:" PEER_KEY
static void put_sections(const struct peer *peer, unsigned bits, struct cursor *out)
{
	static const char *const sections[] = {
		"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=mid:s\r\n"
		"a=rtcp-mux\r\na=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
		"m=video 4002 RTP/AVPF 96\r\na=rtcp-mux\r\na=mid:v\r\na=ssrc:7 cname:zq\r\n",
		"m=image 4004 udptl t38\r\n",
		"m=audio 0 RTP/AVP 0\r\na=mid:w\r\na=rtcp-mux\r\na=bundle-only\r\n",
		"m=message 2855 TCP/MSRP *\r\n",
		"m=audio 4006 RTP/AVP 8\r\na=inactive\r\na=rtcp-mux\r\na=crypto:2 "
		"AES_CM_128_HMAC_SHA1_32 " KEY "\r\n",
		"m=audio 4008/2 RTP/SAVP 8\r\na=sendonly\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY
		"\r\na=crypto:5 AEAD_AES_128_GCM " KEY "\r\n",
		"m=audio 65535 RTP/AVP 8\r\na=recvonly\r\n",
	};
	unsigned n = 1 + (bits >> 6) * 3;

	for (unsigned i = 0; i < n; i++) {
		put_span(out, span_str(sections[bits & 7]));
		if (bits & 8)
			put_format(out, "c=IN IP4 10.0.%u.2\r\n", peer->side + 1);
		if (bits & 16)
			put_format(out,
				   "a=rtcp:5001 IN IP4 10.0.%u.4\r\na=candidate:1 1 UDP 1 "
				   "10.0.%u.4 5000 typ host\r\n",
				   peer->side + 1, peer->side + 1);
		bits = (bits & ~7u) | ((bits + 1) & 7);
	}
}

static void put_sdp(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out)
{
	unsigned bits = fuzz_take(in);
	char mark = (char)('A' + peer->side);

	put_format(out, "v=0\r\no=zq%c %u %u IN IP4 10.0.%u.2\r\ns=zq%c\r\n", mark, bits, bits,
		   peer->side + 1, mark);
	if (bits & 32)
		put_lit(out, "c=IN IP4 0.0.0.0\r\n");
	else
		put_format(out, "c=IN IP4 10.0.%u.2\r\n", peer->side + 1);
	put_lit(out, "t=0 0\r\n");
	if (bits & 4)
		put_lit(out, "a=group:BUNDLE s v w\r\n");
	put_sections(peer, bits, out);
}

/* A text may hold anything, and crosses as it is: so no marks, which may not. */
static void break_marks(char *text, size_t len)
{
	for (unsigned i = 0; i < 6; i++) {
		const char *mark = peer_marks[i / 3][i % 3];
		char *at;

		while ((at = memmem(text, len, mark, strlen(mark))) != NULL)
			*at = '_';
	}
}

static void put_raw(struct fuzz_bytes *in, struct cursor *out)
{
	size_t len = fuzz_take(in), before = out->len;

	len = len < in->left ? len : in->left;
	put_bytes(out, in->at, len);
	break_marks(out->buf + before, out->len - before);
	in->at += len;
	in->left -= len;
}

static void put_xml(const struct peer *peer, struct cursor *out)
{
	put_format(out, "<?xml version=\"1.0\"?><p a=\"cid:zq%c@10.0.%u.2\">10.0.%u.2</p>",
		   'A' + peer->side, peer->side + 1, peer->side + 1);
}

/* A description among parts that pass, that may be left out, and that may not. */
static void put_parts(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out)
{
	unsigned bits = fuzz_take(in);

	if (bits & 1) {
		put_lit(out, "--x\r\nContent-Type: application/sdp\r\n\r\n");
		put_sdp(peer, in, out);
		put_lit(out, "\r\n");
	}
	if (bits & 2) {
		put_format(out,
			   "--x\r\nContent-Type: application/pidf+xml\r\n"
			   "Content-ID: <zq%c@10.0.%u.2>\r\n\r\n",
			   'A' + peer->side, peer->side + 1);
		put_xml(peer, out);
		put_lit(out, "\r\n");
	}
	if (bits & 4) {
		put_lit(out,
			"--x\r\nContent-Type: application/isup\r\nContent-Disposition: signal");
		put_span(out, bits & 8 ? SPAN(";handling=optional") : SPAN_NONE);
		put_lit(out, "\r\n\r\n\x01\r\n");
	}
	if (bits & 16) {
		put_lit(out, "--x\r\n\r\n");
		put_raw(in, out);
		put_lit(out, "\r\n");
	}
	if (!(bits & 32))
		put_lit(out, "--x--\r\n");
}

/* Content-Type, Content-Length, the empty line and the body: the message's end. */
static void put_body(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out)
{
	static const char *const types[] = {"",
					    "application/sdp",
					    "application/sdp",
					    "application/sdp;a=b",
					    "application/sdp",
					    "text/plain",
					    "application/x-unknown",
					    "multipart/mixed;boundary=x"};
	unsigned kind = fuzz_take(in) & 15;
	char text[8192];
	struct cursor body = cursor_on(text, sizeof(text));
	struct span type = span_str(types[kind & 7]);

	if (kind == 10)
		type = SPAN("message/sipfrag");
	else if (kind == 11)
		type = SPAN("application/pidf+xml");
	else if (kind == 12)
		type = SPAN("multipart/mixed;boundary=x");
	if (kind == 0 || kind > 12) {
		put_lit(out, "Content-Length: 0\r\n\r\n");
		return;
	}
	if (kind < 4)
		put_sdp(peer, in, &body);
	else if (kind == 4)
		put_raw(in, &body);
	else if (kind == 10)
		put_format(&body, "SIP/2.0 200 zq%c\r\n", 'A' + peer->side);
	else if (kind == 11)
		put_xml(peer, &body);
	else if (kind == 12)
		put_parts(peer, in, &body);
	else
		put_lit(&body, "Signal=5\r\n");
	if (type.len)
		put_line(out, "Content-Type", type);
	if (kind != 9) /* else to the datagram's end */
		put_format(out, "Content-Length: %u\r\n", body.len);
	put_lit(out, "\r\n");
	put_span(out, cursor_span(&body));
}

static const char *method_pick(unsigned bits)
{
	static const char *const methods[] = {"INVITE",	  "INVITE",    "BYE",	 "ACK",
					      "UPDATE",	  "PRACK",     "INFO",	 "MESSAGE",
					      "CANCEL",	  "REFER",     "NOTIFY", "OPTIONS",
					      "REGISTER", "SUBSCRIBE", "FOO",	 "PUBLISH"};

	return methods[bits % 16];
}

static void put_via(const struct peer *peer, unsigned branch, struct cursor *out)
{
	char mark = (char)('A' + peer->side);

	put_format(out, "Via: SIP/2.0/UDP zq%c.example:506%u;branch=%szq%c%u%s\r\n", mark,
		   branch >> 6, branch & 32 ? "" : "z9hG4bK", mark, branch & 15,
		   branch & 16 ? ";rport" : "");
}

static void put_forwards(unsigned bits, struct cursor *out)
{
	static const char *const lines[] = {
		"Max-Forwards: 70\r\n", "Max-Forwards: 70\r\n",	 "", "Max-Forwards: 0\r\n",
		"Max-Forwards: 1\r\n",	"Max-Forwards: 255\r\n", "", "Max-Forwards: 70\r\n"};

	put_span(out, span_str(lines[bits & 7]));
}

/* ---- messages ---- */

void peer_put_new(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out)
{
	static const char *const users[] = {"sip:bob@", "sip:", "sips:bob@", "sip:%00b%6f@",
					    "sip:bob;par=x:pw@"};
	unsigned kind = fuzz_take(in), branch = fuzz_take(in), names = fuzz_take(in);
	const char *method = method_pick(kind), *user = users[(kind >> 4) % 5];
	char mark = (char)('A' + peer->side);

	if (kind >> 4 == 15)
		put_format(out, "%s tel:+4930;phone-context=x SIP/2.0\r\n", method);
	else
		put_format(out, "%s %s10.0.%u.1 SIP/2.0\r\n", method, user, peer->side + 1);
	put_via(peer, branch, out);
	put_forwards(names >> 5, out);
	put_format(out, "From: \"zq%c\" <sip:zq%c@zq%c.example>%s\r\n", mark, mark, mark,
		   names & 16 ? "" : ";tag=zq1");
	put_format(out, "To: <sip:bob@10.0.%u.1>%s\r\n", peer->side + 1,
		   kind >> 4 == 14 ? ";tag=stranger" : "");
	put_format(out, "Call-ID: zq%c%u@zq%c.example\r\nCSeq: %u %s\r\n", mark, names & 7, mark,
		   names & 8 ? 2147483647 : 1, method);
	put_contact(peer, fuzz_take(in), out);
	put_headers(peer, in, out);
	put_body(peer, in, out);
}

static bool has_tag(struct span value)
{
	struct sip_name_addr name;
	struct span tag;

	return sip_name_addr_parse(value, &name) == 0 &&
	       sip_param_find(name.params, SPAN("tag"), &tag);
}

/* A From or To value, with a tag of this peer where it has none. */
static void put_party(const struct peer *peer, const char *name, struct span value, unsigned tag,
		      struct cursor *out)
{
	put_format(out, "%s: ", name);
	put_span(out, value);
	if (tag && !has_tag(value))
		put_format(out, ";tag=zq%c%u", 'A' + peer->side, tag);
	put_lit(out, "\r\n");
}

void peer_put_inside(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out)
{
	unsigned ago = fuzz_take(in), kind = fuzz_take(in), branch = fuzz_take(in),
		 cseq = fuzz_take(in);
	const char *method = method_pick(kind);
	struct sip_name_addr contact;

	if (!note_parse(&peer->heard, ago))
		return;
	put_format(out, "%s ", method);
	if (kind & 16 && sip_name_addr_parse(sip_hdr_value(&msg, SIP_HDR_CONTACT), &contact) == 0 &&
	    contact.uri.len)
		put_span(out, contact.uri);
	else
		put_format(out, "sip:limen@10.0.%u.1", peer->side + 1);
	put_lit(out, " SIP/2.0\r\n");
	put_via(peer, branch, out);
	put_forwards(kind >> 5, out);
	/* In a response of limen's it is in To, in a request in From. */
	put_party(peer, "From", sip_hdr_value(&msg, msg.is_request ? SIP_HDR_TO : SIP_HDR_FROM),
		  1 + (ago >> 5 & 3), out);
	put_party(peer, "To", sip_hdr_value(&msg, msg.is_request ? SIP_HDR_FROM : SIP_HDR_TO), 0,
		  out);
	put_line(out, "Call-ID", sip_span(&msg, msg.call_id));
	put_format(out, "CSeq: %u %s\r\n", cseq, method);
	put_contact(peer, fuzz_take(in), out);
	put_headers(peer, in, out);
	put_body(peer, in, out);
}

void peer_put_response(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out)
{
	static const uint16_t statuses[] = {100, 180, 183, 200, 200, 199, 202, 204, 299, 300, 302,
					    400, 401, 404, 408, 420, 422, 481, 486, 487, 488, 491,
					    500, 503, 600, 603, 699, 180, 183, 200, 200, 181};
	unsigned ago = fuzz_take(in), status = fuzz_take(in);

	if (!note_parse(&peer->heard, ago) || !msg.is_request)
		return;
	put_format(out, "SIP/2.0 %u zq%c\r\n", statuses[status & 31], 'A' + peer->side);
	put_line(out, "Via", sip_hdr_value(&msg, SIP_HDR_VIA));
	put_party(peer, "From", sip_hdr_value(&msg, SIP_HDR_FROM), 0, out);
	put_party(peer, "To", sip_hdr_value(&msg, SIP_HDR_TO), status >> 5, out);
	put_line(out, "Call-ID", sip_span(&msg, msg.call_id));
	put_line(out, "CSeq", sip_hdr_value(&msg, SIP_HDR_CSEQ));
	put_contact(peer, fuzz_take(in), out);
	put_headers(peer, in, out);
	put_body(peer, in, out);
}

void peer_put_follow(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out)
{
	unsigned ago = fuzz_take(in), kind = fuzz_take(in);
	const char *method = kind & 1 ? "ACK" : "CANCEL";
	char to_text[1024];
	struct cursor to = cursor_on(to_text, sizeof(to_text));

	/* Of a refusal that was heard, To has limen's tag. */
	if (kind & 2 && note_parse(&peer->heard, ago >> 4))
		put_span(&to, sip_hdr_value(&msg, SIP_HDR_TO));
	if (!note_parse(&peer->said, ago & 15) || !msg.is_request)
		return;
	put_format(out, "%s ", method);
	put_span(out, sip_span(&msg, msg.ruri));
	put_lit(out, " SIP/2.0\r\n");
	put_line(out, "Via", sip_hdr_value(&msg, SIP_HDR_VIA));
	put_line(out, "From", sip_hdr_value(&msg, SIP_HDR_FROM));
	put_line(out, "To", to.len ? cursor_span(&to) : sip_hdr_value(&msg, SIP_HDR_TO));
	put_line(out, "Call-ID", sip_span(&msg, msg.call_id));
	put_format(out, "CSeq: %u %s\r\n", msg.cseq, method);
	put_headers(peer, in, out);
	put_body(peer, in, out);
}

void peer_put_note(const struct peer_notes *notes, struct fuzz_bytes *in, struct cursor *out)
{
	put_span(out, note_pick(notes, fuzz_take(in)));
}

void peer_mutate(struct fuzz_bytes *in, struct cursor *out)
{
	unsigned changes = 1 + (fuzz_take(in) & 3);

	for (unsigned i = 0; i < changes && out->len && out->len < out->cap; i++) {
		unsigned how = fuzz_take(in) & 3;
		uint32_t at = fuzz_take16(in) % out->len;
		char value = (char)fuzz_take(in);

		if (how == 0) {
			out->buf[at] = value;
		} else if (how == 1) {
			memmove(out->buf + at + 1, out->buf + at, out->len - at);
			out->buf[at] = value;
			out->len++;
		} else if (how == 2) {
			uint32_t cut = (uint8_t)value % (out->len - at) + 1;

			memmove(out->buf + at, out->buf + at + cut, out->len - at - cut);
			out->len -= cut;
		} else {
			out->len = at;
		}
	}
}
