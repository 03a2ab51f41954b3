/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies by their kind: what each may carry to the other side. Session descriptions are rewritten
 * (body.c), what holds URIs is hidden, what only its user speaks in passes, anything else is
 * refused. One worker thread; libc only. */
#include "common/sip/hide.h"
#include "common/sip/mime.h"
#include "common/sip/sipfrag.h"
#include "dataplane/sip/core.h"

#include <errno.h>

#define DEPTH_MAX 2u  /* multipart in multipart */
#define PARTS_MAX 16u /* of a body, all together */

enum kind {
	KIND_REFUSED = 0,
	KIND_SDP,
	KIND_PLAIN,   /* as it is: no address belongs in it, or it is the user's own words */
	KIND_TEXT,    /* lines with URIs */
	KIND_CPIM,    /* another body behind lines with URIs (RFC 3862) */
	KIND_SIPFRAG, /* of which a status line passes */
	KIND_XML,
	KIND_MULTIPART,
};

/* X(type, kind): all that limen takes beside session descriptions; also its Accept. */
#define KINDS(X)                                                                                   \
	X("application/dtmf-relay", PLAIN)                                                         \
	X("application/dtmf", PLAIN)                                                               \
	X("application/media_control+xml", PLAIN)                                                  \
	X("application/im-iscomposing+xml", PLAIN)                                                 \
	X("application/vnd.3gpp.sms", PLAIN)                                                       \
	X("application/simple-message-summary", TEXT)                                              \
	X("application/call-completion", TEXT)                                                     \
	X("application/dialog-info+xml", XML)                                                      \
	X("application/pidf+xml", XML)                                                             \
	X("application/pidf-diff+xml", XML)                                                        \
	X("application/cpim-pidf+xml", XML)                                                        \
	X("application/conference-info+xml", XML)                                                  \
	X("application/reginfo+xml", XML)                                                          \
	X("application/watcherinfo+xml", XML)                                                      \
	X("application/resource-lists+xml", XML)                                                   \
	X("application/resource-lists-diff+xml", XML)                                              \
	X("application/rlmi+xml", XML)                                                             \
	X("application/rls-services+xml", XML)                                                     \
	X("application/xcap-diff+xml", XML)                                                        \
	X("application/load-control+xml", XML)                                                     \
	X("application/simple-filter+xml", XML)                                                    \
	X("application/kpml-request+xml", XML)                                                     \
	X("application/kpml-response+xml", XML)                                                    \
	X("application/poc-settings+xml", XML)                                                     \
	X("application/vnd.3gpp.cw+xml", XML)                                                      \
	X("application/vnd.3gpp.ussd+xml", XML)                                                    \
	X("application/vnd.etsi.aoc+xml", XML)                                                     \
	X("message/imdn+xml", XML)                                                                 \
	X("message/sipfrag", SIPFRAG)                                                              \
	X("message/cpim", CPIM)                                                                    \
	X("text/plain", PLAIN)                                                                     \
	X("text/html", PLAIN)                                                                      \
	X("multipart/mixed", MULTIPART)                                                            \
	X("multipart/related", MULTIPART)                                                          \
	X("multipart/alternative", MULTIPART)

static const struct {
	struct span type;
	enum kind kind;
} kinds[] = {{{"application/sdp", 15}, KIND_SDP},
#define X(type, kind) {{type, sizeof(type) - 1}, KIND_##kind},
	     KINDS(X)
#undef X
};

struct span body_accept(void)
{
	static const char text[] = "Accept: application/sdp"
#define X(type, kind) ", " type
		KINDS(X)
#undef X
			"\r\nAccept-Encoding: identity\r\n";

	return span_of(text, sizeof(text) - 1);
}

/* What is read as ASCII here must not be read as something else there (RFC 7303 section 3.2). */
static bool charset_is_ascii(struct span content_type)
{
	struct span charset;

	return !mime_param(content_type, SPAN("charset"), &charset) ||
	       span_ieq(charset, SPAN("utf-8")) || span_ieq(charset, SPAN("us-ascii"));
}

static enum kind kind_of(struct span content_type)
{
	struct span type = mime_type(content_type);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!span_ieq(type, kinds[i].type))
			continue;
		return kinds[i].kind == KIND_XML && !charset_is_ascii(content_type)
			       ? KIND_REFUSED
			       : kinds[i].kind;
	}
	return KIND_REFUSED;
}

/* RFC 2046 section 5.2: a part that does not say what it is. */
static struct span part_type(const struct mime_part *part)
{
	return part->type.len ? part->type : SPAN("text/plain");
}

static bool is_status_line(struct span text)
{
	return text.len >= 12 && strncasecmp(text.ptr, "SIP/2.0 ", 8) == 0;
}

/* ---- looked at, before anything is kept ---- */

/* A multipart body as far as it has been looked at. */
struct survey {
	unsigned nparts; /* all of them, at every depth */
	bool refused;	 /* a part that can neither pass nor be left out */
	struct span sdp; /* the session description: the first one that is not for another use */
};

static bool multipart_survey(struct survey *s, struct span type, struct span body, unsigned depth);

/* "session" is what a description is for where nothing is said (RFC 3261 section 20.11). */
static bool is_session(struct span disposition)
{
	struct span type = mime_type(disposition);

	return type.len == 0 || span_ieq(type, SPAN("session"));
}

/* Whether the part can be passed. */
static bool part_passes(struct survey *s, const struct mime_part *part, unsigned depth)
{
	if (part->encoded)
		return false;
	switch (kind_of(part_type(part))) {
	case KIND_REFUSED:
		return false;
	case KIND_SDP:
		if (s->sdp.len || part->body.len == 0 || !is_session(part->disposition))
			return false;
		s->sdp = part->body;
		return true;
	case KIND_SIPFRAG:
		return is_status_line(part->body);
	case KIND_MULTIPART:
		return depth < DEPTH_MAX && multipart_survey(s, part->type, part->body, depth + 1);
	default:
		return true;
	}
}

/* Whether anything of it passes. Of alternatives one is enough (RFC 2046 section 5.1.4). */
static bool multipart_survey(struct survey *s, struct span type, struct span body, unsigned depth)
{
	bool alternative = span_ieq(mime_type(type), SPAN("multipart/alternative"));
	struct mime_parts parts;
	struct mime_part part;
	bool any = false, missing = false;
	int got;

	if (mime_parts_open(&parts, type, body)) {
		s->refused = true;
		return false;
	}
	while ((got = mime_parts_next(&parts, &part)) > 0) {
		bool passes;

		if (++s->nparts > PARTS_MAX) {
			s->refused = true;
			return false;
		}
		passes = part_passes(s, &part, depth);
		any |= passes;
		missing |= !passes && !mime_is_optional(part.disposition);
	}
	s->refused |= got < 0 || (missing && !(alternative && any));
	return any;
}

static struct span message_type(const struct sip_msg *msg)
{
	return sip_hdr_value(msg, SIP_HDR_CONTENT_TYPE);
}

static bool message_is_encoded(const struct sip_msg *msg)
{
	return msg->first[SIP_HDR_CONTENT_ENCODING] != SIP_HDR_NONE &&
	       mime_is_encoded(sip_hdr_value(msg, SIP_HDR_CONTENT_ENCODING));
}

static bool message_is_optional(const struct sip_msg *msg)
{
	return mime_is_optional(sip_hdr_value(msg, SIP_HDR_CONTENT_DISPOSITION));
}

struct span body_sdp(const struct sip_msg *msg)
{
	struct survey survey = {.nparts = 0};

	if (msg->body.len == 0 || message_is_encoded(msg))
		return SPAN_NONE;
	switch (kind_of(message_type(msg))) {
	case KIND_SDP:
		return sip_span(msg, msg->body);
	case KIND_MULTIPART:
		multipart_survey(&survey, message_type(msg), sip_span(msg, msg->body), 1);
		return survey.refused ? SPAN_NONE : survey.sdp;
	default:
		return SPAN_NONE;
	}
}

enum body_kind body_kind(const struct sip_msg *msg)
{
	struct survey survey = {.nparts = 0};
	struct span body = sip_span(msg, msg->body);
	bool passes = true;

	if (body.len == 0)
		return BODY_NONE;
	switch (message_is_encoded(msg) ? KIND_REFUSED : kind_of(message_type(msg))) {
	case KIND_SDP:
		return BODY_SDP;
	case KIND_MULTIPART:
		multipart_survey(&survey, message_type(msg), body, 1);
		passes = !survey.refused;
		break;
	case KIND_SIPFRAG:
		passes = is_status_line(body);
		break;
	case KIND_REFUSED:
		passes = false;
		break;
	default:
		break;
	}
	/* What is not there matters to nobody who said so, or who only answers. */
	if (!passes)
		return message_is_optional(msg) || !msg->is_request ? BODY_NONE : BODY_REFUSED;
	return survey.sdp.len ? BODY_SDP : BODY_PLAIN;
}

/* ---- written for the other side ---- */

/* A body in work. */
struct job {
	struct engine *e;
	struct sip_call *call;
	struct sip_leg *from, *to;
	const struct sip_msg *msg;
	struct hide hide;
	struct cursor out;
	struct survey survey; /* of what has been written */
	bool answer;
	bool negotiates; /* a description in it is an offer or an answer */
	const char **why;
};

static int put_multipart(struct job *j, struct span type, struct span body, struct span boundary,
			 unsigned depth);

static void put_text(struct job *j, struct span text)
{
	struct hide_names names = {.n = 0};

	hide_names_add(&names, text);
	hide_text(&j->out, &j->hide, &names, text);
}

static int put_kind(struct job *j, enum kind kind, struct span body);

/* Behind the first empty line; all of the text where there is none. */
static size_t head_len(struct span text)
{
	const char *p = text.ptr, *end = p + text.len;

	for (; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) {
		if (end - p > 1 && p[1] == '\n')
			return (size_t)(p + 2 - text.ptr);
		if (end - p > 2 && p[1] == '\r' && p[2] == '\n')
			return (size_t)(p + 3 - text.ptr);
	}
	return text.len;
}

/* The headers of the message in the message, then what it holds by its own kind (RFC 3862
 * section 2). */
static int put_cpim(struct job *j, struct span body)
{
	size_t at = head_len(body);
	struct span content = span_of(body.ptr + at, body.len - at);
	struct mime_part part;
	enum kind kind;

	put_text(j, span_of(body.ptr, at));
	if (mime_part_read(&part, content)) {
		put_text(j, content);
		return 0;
	}
	kind = part.encoded ? KIND_REFUSED : kind_of(part_type(&part));
	if (kind == KIND_SDP || kind == KIND_CPIM || kind == KIND_MULTIPART)
		return -ENOTSUP;
	put_text(j, span_of(content.ptr, content.len - part.body.len));
	return put_kind(j, kind, part.body);
}

static int put_kind(struct job *j, enum kind kind, struct span body)
{
	switch (kind) {
	case KIND_SDP:
		return j->negotiates ? body_put_sdp(j->e, &j->out, j->call, j->from, j->to, j->msg,
						    body, j->answer, j->why)
				     : body_put_capabilities(j->e, &j->out, j->call, j->to, body, j->why);
	case KIND_TEXT:
		put_text(j, body);
		return 0;
	case KIND_CPIM:
		return put_cpim(j, body);
	case KIND_SIPFRAG:
		return sipfrag_hide(&j->out, body) ? 0 : -EINVAL;
	case KIND_XML:
		return hide_xml(&j->out, &j->hide, body);
	case KIND_PLAIN:
		put_span(&j->out, body);
		return 0;
	default:
		return -ENOTSUP;
	}
}

static void put_line_end(struct job *j)
{
	put_lit(&j->out, "\r\n");
}

/* Text of one header, in one line. */
static void put_unfolded_hidden(struct job *j, struct span text)
{
	uint32_t from = j->out.len;

	put_text(j, text);
	for (; from < j->out.len; from++)
		if (j->out.buf[from] == '\r' || j->out.buf[from] == '\n')
			j->out.buf[from] = ' ';
}

/* "Content-Type: type;parameters", with limen's boundary, and the root part (RFC 2387) by its new
 * name. */
static void put_type(struct job *j, struct span value, struct span boundary)
{
	struct span start;

	put_lit(&j->out, "Content-Type: ");
	if (boundary.len == 0) {
		put_unfolded_hidden(j, value);
		put_line_end(j);
		return;
	}
	put_span(&j->out, mime_type(value));
	put_lit(&j->out, ";boundary=");
	put_span(&j->out, boundary);
	if (mime_param(value, SPAN("type"), &start) && kind_of(start) != KIND_REFUSED) {
		put_lit(&j->out, ";type=\"");
		put_span(&j->out, start);
		put_char(&j->out, '"');
	}
	if (mime_param(value, SPAN("start"), &start) && start.len > 2 && start.ptr[0] == '<') {
		put_lit(&j->out, ";start=\"<");
		hide_token(&j->out, &j->hide, span_of(start.ptr + 1, start.len - 2));
		put_lit(&j->out, ">\"");
	}
	put_line_end(j);
}

/* What describes a part, in a line each. */
static void put_part_head(struct job *j, const struct mime_part *part, struct span boundary)
{
	put_type(j, part_type(part), boundary);
	if (part->disposition.len) {
		put_lit(&j->out, "Content-Disposition: ");
		put_unfolded_hidden(j, part->disposition);
		put_line_end(j);
	}
	if (part->id.len) {
		put_lit(&j->out, "Content-ID: <");
		hide_token(&j->out, &j->hide, part->id);
		put_lit(&j->out, ">\r\n");
	}
}

/* A boundary that no sender can foresee, and so not in any part. */
static struct span boundary_make(struct job *j, struct span body, char text[16])
{
	struct cursor out = cursor_on(text, 16);

	hide_token(&out, &j->hide, body);
	return cursor_span(&out);
}

static int put_part(struct job *j, const struct mime_part *part, unsigned depth)
{
	enum kind kind = kind_of(part_type(part));
	struct span inner = SPAN_NONE;
	char text[16];

	if (kind == KIND_MULTIPART)
		inner = boundary_make(j, part->body, text);
	put_part_head(j, part, inner);
	put_line_end(j);
	return kind == KIND_MULTIPART ? put_multipart(j, part->type, part->body, inner, depth + 1)
				      : put_kind(j, kind, part->body);
}

static int put_multipart(struct job *j, struct span type, struct span body, struct span boundary,
			 unsigned depth)
{
	struct mime_parts parts;
	struct mime_part part;
	int error;

	if (mime_parts_open(&parts, type, body))
		return -EINVAL;
	while (mime_parts_next(&parts, &part) > 0) {
		struct survey before = j->survey;

		if (!part_passes(&j->survey, &part, depth))
			continue;
		if (kind_of(part_type(&part)) == KIND_MULTIPART)
			j->survey = before; /* its parts are looked at again as they are written */
		put_lit(&j->out, "--");
		put_span(&j->out, boundary);
		put_line_end(j);
		error = put_part(j, &part, depth);
		if (error)
			return error;
		put_line_end(j);
	}
	put_lit(&j->out, "--");
	put_span(&j->out, boundary);
	put_lit(&j->out, "--\r\n");
	return 0;
}

/* The one part that passes, where there is no more than one; false where there are others. */
static bool single_part(struct span type, struct span body, struct mime_part *single)
{
	struct survey survey = {.nparts = 0};
	struct mime_parts parts;
	struct mime_part part;
	unsigned passing = 0, all = 0;

	if (mime_parts_open(&parts, type, body))
		return false;
	for (; mime_parts_next(&parts, &part) > 0; all++) {
		if (!part_passes(&survey, &part, 1))
			continue;
		passing++;
		*single = part;
	}
	return passing == 1 && all > 1 && kind_of(part_type(single)) != KIND_MULTIPART;
}

/* A body of several parts; of one, when the others had to be left out. */
static int relay_multipart(struct job *j, const struct sip_msg *msg, struct body *result)
{
	struct span type = message_type(msg), body = sip_span(msg, msg->body), boundary;
	struct span disposition = sip_hdr_value(msg, SIP_HDR_CONTENT_DISPOSITION);
	struct mime_part single, whole = {.type = type, .disposition = disposition};
	bool alone = single_part(type, body, &single);
	char text[16];
	int error;

	boundary = boundary_make(j, body, text);
	error = alone ? put_kind(j, kind_of(part_type(&single)), single.body)
		      : put_multipart(j, type, body, boundary, 1);
	if (error)
		return error;
	result->bytes = cursor_span(&j->out);
	put_part_head(j, alone ? &single : &whole, alone ? SPAN_NONE : boundary);
	result->head = span_of(j->out.buf + result->bytes.len, j->out.len - result->bytes.len);
	return 0;
}

static int relay_kind(struct job *j, const struct sip_msg *msg, struct body *result)
{
	struct span body = sip_span(msg, msg->body);
	enum kind kind = kind_of(message_type(msg));
	int error;

	if (kind == KIND_MULTIPART)
		return relay_multipart(j, msg, result);
	if (kind == KIND_PLAIN) {
		result->bytes = body;
		return 0;
	}
	error = put_kind(j, kind, body);
	result->bytes = cursor_span(&j->out);
	return error;
}

/* Whether a description in such a message, or in its answer, is an offer or an answer (RFC 3261
 * section 13.2.1, RFC 3262, RFC 3311). */
static bool method_negotiates(uint8_t method)
{
	return method == SIP_METHOD_INVITE || method == SIP_METHOD_ACK ||
	       method == SIP_METHOD_UPDATE || method == SIP_METHOD_PRACK;
}

static bool is_preview(const struct sip_msg *msg)
{
	return msg->status < 200 && msg->first[SIP_HDR_RSEQ] == SIP_HDR_NONE;
}

int body_relay(struct engine *e, struct sip_call *call, struct sip_leg *from, struct sip_leg *to,
	       const struct sip_msg *msg, bool answer, struct body *result, const char **why)
{
	const struct net_endpoint *self;
	struct job job = {
		.e = e, .call = call, .from = from, .to = to, .msg = msg, .answer = answer};
	enum body_kind kind = body_kind(msg);
	int error;

	*result = (struct body){.bytes = SPAN_NONE};
	if (kind == BODY_NONE)
		return 0;
	if (kind == BODY_REFUSED)
		return -ENOTSUP;
	/* Only provisional and positive answers describe a session. */
	if (kind == BODY_SDP && !msg->is_request && msg->status >= 300)
		return 0;
	*why = "Bad Body";
	self = leg_local(e, to);
	if (self == NULL)
		return -EINVAL;
	job.hide = (struct hide){.self = *self, .key = e->index_key};
	job.out = cursor_on(e->body, sizeof(e->body));
	job.why = why;
	job.negotiates = method_negotiates(msg->method);
	error = relay_kind(&job, msg, result);
	if (job.out.len > e->body_used)
		e->body_used = job.out.len;
	if (error == 0 && job.out.full)
		error = -E2BIG;
	if (error)
		*result = (struct body){.bytes = SPAN_NONE};
	/* What a response says beside its status is worth no failure, nor is a description in one
	 * that nobody relies on (RFC 6337 section 3.1.1). */
	if (error && !msg->is_request && (kind != BODY_SDP || is_preview(msg)))
		return 0;
	return error;
}

uint16_t body_error_status(int error)
{
	switch (error) {
	case -EINVAL:
		return 400;
	case -ENOTSUP:
		return 415;
	case -EOVERFLOW:
	case -EPROTO:
		return 488;
	case -E2BIG:
		return 513;
	default:
		return 503;
	}
}
