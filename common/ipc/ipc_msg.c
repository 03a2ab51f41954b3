/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks, accessors and writers of the messages between the processes. Both processes, any thread.
 * Whatever passes ipc_msg_check is safe for the accessors; the check reads nothing outside [frame,
 * frame + len). */
#include "common/ipc/ipc_check.h"

#include "common/base/cursor.h"
#include "common/sdp/codec_plan.h"
#include "common/sip/edit_plan.h"

#include <assert.h>
#include <errno.h>

/* RFC 3261 section 25.1: token. */
#define HEADER_NAME_CHARS                                                                          \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"

/* ASK */

struct span ipc_ask_msg(const struct ipc_ask *ask)
{
	return part(ask, sizeof(*ask), ask->msg_len);
}

struct span ipc_ask_context(const struct ipc_ask *ask)
{
	return part(ask, sizeof(*ask) + (uint64_t)ask->msg_len, ask->context_len);
}

struct span ipc_ask_contacts(const struct ipc_ask *ask)
{
	return part(ask, sizeof(*ask) + (uint64_t)ask->msg_len + ask->context_len,
		    ask->contacts_len);
}

static bool check_ask(const void *frame, uint32_t len)
{
	const struct ipc_ask *ask = frame;

	return sizeof(*ask) + (uint64_t)ask->msg_len + ask->context_len + ask->contacts_len ==
		       len &&
	       ask->msg_len > 0 && ask->kind < IPC_ASK_KINDS &&
	       (ask->kind == IPC_ASK_REDIRECT) == (ask->contacts_len != 0) &&
	       ask->context_len <= IPC_CONTEXT_MAX && text_is_one_line(ipc_ask_context(ask)) &&
	       endpoint_is_addr(&ask->source) && endpoint_is_addr(&ask->local) &&
	       ask->realm < IPC_REALMS_MAX && ask->transport < NET_TRANSPORTS;
}

/* VERDICT */

static uint64_t plan_off(const struct ipc_verdict *verdict)
{
	return sizeof(*verdict) + padded(verdict->reason_len);
}

static uint64_t context_off(const struct ipc_verdict *verdict)
{
	return plan_off(verdict) + padded(verdict->plan_len);
}

static uint64_t headers_off(const struct ipc_verdict *verdict)
{
	return context_off(verdict) + padded(verdict->context_len);
}

static uint64_t targets_off(const struct ipc_verdict *verdict)
{
	return headers_off(verdict) + padded(verdict->headers_len);
}

struct span ipc_verdict_reason(const struct ipc_verdict *verdict)
{
	return part(verdict, sizeof(*verdict), verdict->reason_len);
}

struct span ipc_verdict_plan(const struct ipc_verdict *verdict)
{
	return part(verdict, plan_off(verdict), verdict->plan_len);
}

struct span ipc_verdict_context(const struct ipc_verdict *verdict)
{
	return part(verdict, context_off(verdict), verdict->context_len);
}

struct span ipc_verdict_headers(const struct ipc_verdict *verdict)
{
	return part(verdict, headers_off(verdict), verdict->headers_len);
}

/* Head and text of a target: what its padding follows. */
static uint64_t target_bytes(const struct ipc_target *head)
{
	return sizeof(*head) + padded((uint64_t)head->plan_len + head->ruri_len + head->from_len + head->to_len +
				      head->contact_len);
}

static void view_target(const void *at, struct ipc_target_view *view)
{
	const struct ipc_target *head = at;
	uint64_t off = sizeof(*head);

	view->head = head;
	view->plan = part(head, off, head->plan_len);
	off += head->plan_len;
	view->ruri = part(head, off, head->ruri_len);
	off += head->ruri_len;
	view->from = part(head, off, head->from_len);
	off += head->from_len;
	view->to = part(head, off, head->to_len);
	off += head->to_len;
	view->contact = part(head, off, head->contact_len);
}

/* *at is the number of targets walked, above the next one's offset, which needs 17 bits. */
#define WALK_COUNT_SHIFT 24u
_Static_assert(IPC_FRAME_MAX < 1u << WALK_COUNT_SHIFT, "an offset fits below the count");

bool ipc_verdict_next_target(const struct ipc_verdict *verdict, uint32_t *at,
			     struct ipc_target_view *target)
{
	uint32_t walked = *at >> WALK_COUNT_SHIFT;
	uint64_t off = walked ? *at & ((1u << WALK_COUNT_SHIFT) - 1) : targets_off(verdict);

	if (walked >= verdict->ntargets)
		return false;
	view_target((const char *)verdict + off, target);
	*at = (walked + 1) << WALK_COUNT_SHIFT | (uint32_t)(off + target_bytes(target->head));
	return true;
}

/* One at least where SRTP may be. */
static bool suites_are_good(const struct ipc_side_policy *side)
{
	unsigned seen = 0, n = 0;

	while (n < SECURE_SUITES_MAX && side->srtp_suites[n] != SECURE_NONE) {
		if (side->srtp_suites[n] >= SECURE_SUITES || seen >> side->srtp_suites[n] & 1)
			return false;
		seen |= 1u << side->srtp_suites[n++];
	}
	for (unsigned i = n; i < SECURE_SUITES_MAX; i++)
		if (side->srtp_suites[i] != SECURE_NONE)
			return false;
	return n || side->srtp == IPC_SRTP_FORBID;
}

static bool side_is_good(const struct ipc_side_policy *side)
{
	return side->source_policy < IPC_SOURCES && side->redirect < IPC_REDIRECTS &&
	       side->refer < IPC_REFERS && side->srtp < IPC_SRTPS && suites_are_good(side) &&
	       (side->flags & ~IPC_POLICY_FLAGS) == 0 &&
	       (side->session_s == 0 ||
		(side->min_se_s >= 90 && side->session_s >= side->min_se_s));
}

static bool plan_is_good(struct span plan)
{
	return plan.len <= EDIT_PLAN_BYTES_MAX && edit_plan_check(plan) == 0 &&
	       codec_plan_check(edit_plan_part(plan, EDIT_PART_CODECS)) == 0;
}

static bool check_target(const struct ipc_target_view *view)
{
	const struct ipc_target *head = view->head;

	return endpoint_is_addr(&head->peer) && head->peer.port != 0 &&
	       head->realm < IPC_REALMS_MAX && head->transport < NET_TRANSPORTS &&
	       side_is_good(&head->side) && (!view->plan.len || plan_is_good(view->plan)) &&
	       text_is_ruri(view->ruri) &&
	       text_is_header_value(view->contact) &&
	       view->from.len > 0 && text_is_header_value(view->from) && view->to.len > 0 &&
	       text_is_header_value(view->to);
}

static bool check_targets(const struct ipc_verdict *verdict, uint32_t len)
{
	uint64_t off = targets_off(verdict);

	for (unsigned i = 0; i < verdict->ntargets; i++) {
		const void *at = (const char *)verdict + off;
		struct ipc_target_view view;

		if (len - off < sizeof(struct ipc_target) || len - off < target_bytes(at))
			return false;
		view_target(at, &view);
		if (!check_target(&view))
			return false;
		off += target_bytes(at);
	}
	return off == len;
}

/* What an answer has from its request or from whoever writes it: twice it would mean another
 * message to the next reader. */
static bool header_is_own(struct span name)
{
	static const char *const own[] = {"Via", "v", "From", "f", "To", "t", "Call-ID", "i", "CSeq",
					  "Content-Length", "l", "Content-Type", "c",
					  "Content-Encoding", "e", "Record-Route"};

	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (span_ieq(name, span_str(own[i])))
			return true;
	}
	return false;
}

/* One whole line off the front: a name that is a token, a colon, a value without a line's end
 * (RFC 3261 section 7.3.1; no folding). */
static bool take_header_line(struct span *text)
{
	const char *end = memchr(text->ptr, '\r', text->len), *colon;
	struct span line, name;

	if (!end || (size_t)(end - text->ptr) + 2 > text->len || end[1] != '\n')
		return false;
	line = span_of(text->ptr, (size_t)(end - text->ptr));
	*text = span_of(end + 2, text->len - line.len - 2);
	colon = memchr(line.ptr, ':', line.len);
	if (!colon)
		return false;
	name = span_of(line.ptr, (size_t)(colon - line.ptr));
	for (size_t i = 0; i < name.len; i++) {
		if (!memchr(HEADER_NAME_CHARS, name.ptr[i], sizeof(HEADER_NAME_CHARS) - 1))
			return false;
	}
	return name.len > 0 && !header_is_own(name) &&
	       text_is_header_value(span_of(colon, line.len - name.len));
}

static bool text_is_header_lines(struct span text)
{
	while (text.len) {
		if (!take_header_line(&text))
			return false;
	}
	return true;
}

static bool check_reply(const struct ipc_verdict *verdict, uint32_t len)
{
	return verdict->status >= 200 && verdict->status <= 699 && verdict->ntargets == 0 &&
	       verdict->plan_len == 0 && targets_off(verdict) == len &&
	       verdict->headers_len <= IPC_HEADERS_MAX &&
	       !(verdict->flags & IPC_TELL_ANSWER) &&
	       text_is_header_value(ipc_verdict_reason(verdict)) &&
	       text_is_header_lines(ipc_verdict_headers(verdict));
}

static bool check_verdict(const void *frame, uint32_t len)
{
	const struct ipc_verdict *verdict = frame;

	if (targets_off(verdict) > len || verdict->context_len > IPC_CONTEXT_MAX ||
	    !side_is_good(&verdict->side) || (verdict->flags & ~IPC_VERDICT_FLAGS) != 0 ||
	    !text_is_one_line(ipc_verdict_context(verdict)))
		return false;
	if (verdict->status != 0)
		return check_reply(verdict, len);
	return verdict->reason_len == 0 && verdict->headers_len <= IPC_HEADERS_MAX &&
	       text_is_header_lines(ipc_verdict_headers(verdict)) &&
	       !(verdict->flags & IPC_FORGET) && verdict->ntargets >= 1 &&
	       verdict->ntargets <= IPC_TARGETS_MAX && plan_is_good(ipc_verdict_plan(verdict)) &&
	       check_targets(verdict, len);
}

static void put_padding(struct cursor *out)
{
	static const char zero[4];

	put_bytes(out, zero, (4 - out->len % 4) % 4);
}

static void put_verdict(struct cursor *out, const struct ipc_verdict *head, struct span reason,
			struct span plan, struct span context, struct span headers)
{
	struct ipc_verdict verdict = *head;

	if (reason.len > UINT16_MAX || plan.len > UINT16_MAX || context.len > UINT16_MAX ||
	    headers.len > IPC_HEADERS_MAX) {
		out->full = true;
		return;
	}
	verdict.reason_len = (uint16_t)reason.len;
	verdict.plan_len = (uint16_t)plan.len;
	verdict.context_len = (uint16_t)context.len;
	verdict.headers_len = (uint16_t)headers.len;
	put_bytes(out, &verdict, sizeof(verdict));
	put_span(out, reason);
	put_padding(out);
	put_span(out, plan);
	put_padding(out);
	put_span(out, context);
	put_padding(out);
	put_span(out, headers);
	put_padding(out);
}

void ipc_put_verdict(struct cursor *out, const struct ipc_verdict *head, struct span reason,
		     struct span plan, struct span context)
{
	put_verdict(out, head, reason, plan, context, SPAN_NONE);
}

void ipc_put_acceptance(struct cursor *out, const struct ipc_verdict *head, struct span plan,
			struct span context, struct span headers)
{
	put_verdict(out, head, SPAN_NONE, plan, context, headers);
}

void ipc_put_reply(struct cursor *out, const struct ipc_verdict *head, struct span reason,
		   struct span context, struct span headers)
{
	put_verdict(out, head, reason, SPAN_NONE, context, headers);
}

void ipc_put_target_plan(struct cursor *out, const struct ipc_target *head, struct span plan,
			 struct span ruri, struct span from, struct span to, struct span contact)
{
	struct ipc_target target = *head;

	if (plan.len > EDIT_PLAN_BYTES_MAX || ruri.len > UINT16_MAX || from.len > UINT16_MAX || to.len > UINT16_MAX ||
	    contact.len > UINT16_MAX) {
		out->full = true;
		return;
	}
	target.plan_len = (uint16_t)plan.len;
	target.ruri_len = (uint16_t)ruri.len;
	target.from_len = (uint16_t)from.len;
	target.to_len = (uint16_t)to.len;
	target.contact_len = (uint16_t)contact.len;
	put_bytes(out, &target, sizeof(target));
	put_span(out, plan);
	put_span(out, ruri);
	put_span(out, from);
	put_span(out, to);
	put_span(out, contact);
	put_padding(out);
}

void ipc_put_target(struct cursor *out, const struct ipc_target *head, struct span ruri,
		    struct span from, struct span to, struct span contact)
{
	ipc_put_target_plan(out, head, SPAN_NONE, ruri, from, to, contact);
}

/* ANSWER, PROBE, SETTINGS */

struct span ipc_answer_msg(const struct ipc_answer *answer)
{
	return part(answer, sizeof(*answer), answer->msg_len);
}

struct span ipc_answer_context(const struct ipc_answer *answer)
{
	return part(answer, sizeof(*answer) + (uint64_t)answer->msg_len, answer->context_len);
}

static bool check_answer(const void *frame, uint32_t len)
{
	const struct ipc_answer *answer = frame;

	return sizeof(*answer) + (uint64_t)answer->msg_len + answer->context_len == len &&
	       answer->status >= 200 && answer->status <= 699 &&
	       answer->context_len <= IPC_CONTEXT_MAX &&
	       text_is_one_line(ipc_answer_context(answer));
}

struct span ipc_probe_ruri(const struct ipc_probe *probe)
{
	return part(probe, sizeof(*probe), probe->ruri_len);
}

struct span ipc_probe_from(const struct ipc_probe *probe)
{
	return part(probe, sizeof(*probe) + probe->ruri_len, probe->from_len);
}

struct span ipc_probe_to(const struct ipc_probe *probe)
{
	return part(probe, sizeof(*probe) + probe->ruri_len + probe->from_len, probe->to_len);
}

struct span ipc_probe_headers(const struct ipc_probe *probe)
{
	return part(probe,
		    sizeof(*probe) + (uint64_t)probe->ruri_len + probe->from_len + probe->to_len,
		    probe->headers_len);
}

struct span ipc_probe_end_msg(const struct ipc_probe_end *end)
{
	return part(end, sizeof(*end), end->msg_len);
}

static bool check_probe(const void *frame, uint32_t len)
{
	const struct ipc_probe *probe = frame;

	return sizeof(*probe) + (uint64_t)probe->ruri_len + probe->from_len + probe->to_len +
			       probe->headers_len ==
		       len &&
	       probe->kind < IPC_PROBE_KINDS && probe->headers_len <= IPC_HEADERS_MAX &&
	       (probe->kind == IPC_PROBE_REGISTER) == (probe->cseq != 0) &&
	       probe->cseq <= INT32_MAX && /* RFC 3261 section 8.1.1.5 */
	       endpoint_is_addr(&probe->peer) && probe->peer.port != 0 &&
	       probe->realm < IPC_REALMS_MAX && probe->transport < NET_TRANSPORTS &&
	       text_is_ruri(ipc_probe_ruri(probe)) && probe->from_len > 0 &&
	       text_is_header_value(ipc_probe_from(probe)) && probe->to_len > 0 &&
	       text_is_header_value(ipc_probe_to(probe)) &&
	       text_is_header_lines(ipc_probe_headers(probe));
}

static bool check_probe_end(const void *frame, uint32_t len)
{
	const struct ipc_probe_end *end = frame;

	return sizeof(*end) + (uint64_t)end->msg_len == len && end->status >= 200 &&
	       end->status <= 699;
}

struct span ipc_settings_emergency(const struct ipc_settings *settings)
{
	return part(settings, sizeof(*settings), settings->emergency_len);
}

static bool check_settings(const void *frame, uint32_t len)
{
	const struct ipc_settings *settings = frame;

	return sizeof(*settings) + (uint64_t)settings->emergency_len == len &&
	       settings->emergency_len <= IPC_EMERGENCY_MAX && settings->busy_permille_max >= 1 &&
	       settings->busy_permille_max <= 1000;
}

/* STAT_ROW and NOTICE */

struct span ipc_stat_group(const struct ipc_stat_row *row)
{
	return part(row, sizeof(*row), row->group_len);
}

struct span ipc_stat_object(const struct ipc_stat_row *row)
{
	return part(row, sizeof(*row) + row->group_len, row->object_len);
}

struct span ipc_stat_name(const struct ipc_stat_row *row)
{
	return part(row, sizeof(*row) + row->group_len + row->object_len, row->name_len);
}

struct span ipc_notice_text(const struct ipc_notice *notice)
{
	return part(notice, sizeof(*notice), notice->text_len);
}

static bool check_stat_row(const void *frame, uint32_t len)
{
	const struct ipc_stat_row *row = frame;

	return sizeof(*row) + (uint64_t)row->group_len + row->object_len + row->name_len == len &&
	       row->group_len > 0 && row->group_len <= IPC_NAME_MAX &&
	       row->object_len <= IPC_NAME_MAX && row->name_len > 0 &&
	       row->name_len <= IPC_NAME_MAX && text_is_ascii(ipc_stat_group(row)) &&
	       text_is_ascii(ipc_stat_object(row)) && text_is_ascii(ipc_stat_name(row));
}

static bool check_notice(const void *frame, uint32_t len)
{
	const struct ipc_notice *notice = frame;

	return sizeof(*notice) + (uint64_t)notice->text_len == len &&
	       notice->level < IPC_NOTICE_LEVELS && text_is_ascii(ipc_notice_text(notice));
}

/* All messages */

static bool check_whole(uint16_t type, const void *frame, uint32_t len, uint32_t fixed_bytes)
{
	switch (type) {
	case IPC_ASK:
		return check_ask(frame, len);
	case IPC_VERDICT:
		return check_verdict(frame, len);
	case IPC_CALL_END:
		return ipc_call_end_check(frame, len);
	case IPC_CALL_ROW:
		return ipc_call_row_check(frame, len);
	case IPC_STAT_ROW:
		return check_stat_row(frame, len);
	case IPC_NOTICE:
		return check_notice(frame, len);
	case IPC_ANSWER:
		return check_answer(frame, len);
	case IPC_PROBE:
		return check_probe(frame, len);
	case IPC_PROBE_END:
		return check_probe_end(frame, len);
	case IPC_SETTINGS:
		return check_settings(frame, len);
	case IPC_SCREEN:
		return ipc_screen_check(frame, len);
	case IPC_SCREEN_TRUNKS:
		return ipc_trunks_check(frame, len);
	case IPC_SCREEN_SOURCES:
		return ipc_sources_check(frame, len);
	case IPC_SOURCE_SET:
		return ipc_source_set_check(frame, len);
	case IPC_SUSPECT:
		return ipc_suspect_check(frame, len);
	case IPC_SOURCE_ROW:
		return ipc_source_row_check(frame, len);
	case IPC_SIP_IN:
		return ipc_sip_in_check(frame, len);
	case IPC_SIP_OUT:
		return ipc_sip_out_check(frame, len);
	case IPC_SIP_FAIL:
		return ipc_sip_fail_check(frame, len);
	case IPC_CHALLENGE:
		return ipc_challenge_check(frame, len);
	case IPC_CREDENTIALS:
		return ipc_credentials_check(frame, len);
	default: /* numbers only */
		return len == fixed_bytes;
	}
}

#define SENDER_D IPC_SIDE_DATAPLANE
#define SENDER_C IPC_SIDE_CONTROLPLANE
#define RING_W   IPC_RING_WORKER
#define RING_M   IPC_RING_MAIN

static const struct msg_kind {
	const char *name; /* NULL: no such message */
	uint32_t fixed_bytes;
	uint8_t sender; /* enum ipc_side */
	uint8_t ring;   /* enum ipc_ring_kind */
} msg_kinds[] = {
#define X(sym, number, type, sender, ring)                                                         \
	[number] = {#sym, sizeof(struct type), SENDER_##sender, RING_##ring},
	IPC_MSGS(X)
#undef X
};
#define MSG_KINDS (sizeof(msg_kinds) / sizeof(msg_kinds[0]))

int ipc_msg_check(enum ipc_side sender, enum ipc_ring_kind ring, uint16_t type, const void *frame,
		  uint32_t len)
{
	const struct msg_kind *kind = &msg_kinds[type < MSG_KINDS ? type : 0];

	assert((uintptr_t)frame % _Alignof(uint64_t) == 0);
	if (!kind->name || kind->sender != sender || kind->ring != ring)
		return -EPROTO;
	if (len < kind->fixed_bytes || len > IPC_FRAME_MAX)
		return -EPROTO;
	return check_whole(type, frame, len, kind->fixed_bytes) ? 0 : -EPROTO;
}

const char *ipc_msg_name(uint16_t type)
{
	const char *name = type < MSG_KINDS ? msg_kinds[type].name : NULL;

	return name ? name : "unknown";
}

const char *ipc_ended_by_name(enum ipc_ended_by by)
{
	static const char *const names[] = {
		[IPC_BY_CALLER] = "caller",
		[IPC_BY_CALLEE] = "callee",
		[IPC_BY_POLICY] = "policy",
		[IPC_BY_OPERATOR] = "operator",
		[IPC_BY_MEDIA_TIMEOUT] = "media-timeout",
		[IPC_BY_SIP_TIMEOUT] = "sip-timeout",
		[IPC_BY_LIMEN] = "limen",
		[IPC_BY_SESSION_TIMEOUT] = "session-timeout",
		[IPC_BY_TRANSFER] = "transfer",
	};

	return (unsigned)by < sizeof(names) / sizeof(names[0]) ? names[by] : "unknown";
}

const char *ipc_call_state_name(enum ipc_call_state state)
{
	static const char *const names[IPC_CALL_STATES] = {
		[IPC_CALL_ASKING] = "asking",
		[IPC_CALL_TRYING] = "trying",
		[IPC_CALL_EARLY] = "early",
		[IPC_CALL_ANSWERED] = "answered",
		[IPC_CALL_ENDING] = "ending",
	};

	return (unsigned)state < IPC_CALL_STATES ? names[state] : "unknown";
}
