/* SPDX-License-Identifier: BSD-3-Clause */
/* A call's record as a JSON line. limen-controlplane, any thread. */
#include "controlplane/cdr/record.h"

#include <errno.h>

#include "common/log/json.h"
#include "common/sip/sip_msg.h"
#include "controlplane/cdr/context.h"
#include "controlplane/cdr/quality.h"

#define CALL_ID_BYTES_MAX 1024u /* of a record: what is longer is cut */

static void put_hex(struct cursor *out, uint64_t value)
{
	static const char hex[] = "0123456789abcdef";
	int shift = 60;

	while (shift > 0 && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put_char(out, hex[value >> shift & 15]);
}

static int read_hex(struct span text, uint64_t *value)
{
	uint64_t v = 0;

	if (!text.len || text.len > 16)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			return -EINVAL;
		v = v << 4 | (unsigned)digit;
	}
	*value = v;
	return 0;
}

void put_cdr_id(struct cursor *out, const struct cdr_id *id)
{
	put_hex(out, id->started_ns);
	put_char(out, '-');
	put_hex(out, id->worker);
	put_char(out, '-');
	put_hex(out, id->call);
}

int cdr_id_read(struct span text, struct cdr_id *id)
{
	struct span parts[3];
	unsigned n = 0;
	const char *at = text.ptr, *end = text.ptr + text.len;

	while (n < 3) {
		const char *dash = at < end ? memchr(at, '-', (size_t)(end - at)) : NULL;
		const char *stop = dash ? dash : end;

		parts[n++] = span_of(at, (size_t)(stop - at));
		if (!dash)
			break;
		at = dash + 1;
	}
	if (n < 2 || parts[n - 1].ptr + parts[n - 1].len != end)
		return -EINVAL;
	id->started_ns = 0;
	if (n == 3 && read_hex(parts[0], &id->started_ns))
		return -EINVAL;
	if (read_hex(parts[n - 2], &id->worker) || id->worker >= IPC_WORKERS_MAX)
		return -EINVAL;
	return read_hex(parts[n - 1], &id->call);
}

static void put_pair(struct cursor *out, const char *key, struct span a, struct span b)
{
	put_json_key(out, key);
	put_char(out, '[');
	put_json_str(out, a);
	put_char(out, ',');
	put_json_str(out, b);
	put_char(out, ']');
}

void put_context_members(struct cursor *out, struct span text, const struct cdr_far *far)
{
	struct cdr_users users;
	struct cdr_context context;

	if (cdr_context_read(text, &context, &users))
		context = (struct cdr_context){0};
	if (far->trunk.len) {
		context.trunk[1] = far->trunk;
		context.realm[1] = far->realm;
	}
	put_pair(out, "trunks", context.trunk[0], context.trunk[1]);
	put_pair(out, "realms", context.realm[0], context.realm[1]);
	put_json_text(out, "caller", context.users[CDR_CALLER]);
	put_json_text(out, "called", context.users[CDR_CALLED]);
	if (context.users[CDR_CALLING_ROUTED].len)
		put_json_text(out, "calling_routed", context.users[CDR_CALLING_ROUTED]);
	if (context.users[CDR_CALLED_ROUTED].len)
		put_json_text(out, "called_routed", context.users[CDR_CALLED_ROUTED]);
	if (context.users[CDR_REDIRECTED_TO].len)
		put_json_text(out, "redirected_to", context.users[CDR_REDIRECTED_TO]);
	if (context.users[CDR_TRANSFERRED_BY].len)
		put_json_text(out, "transferred_by", context.users[CDR_TRANSFERRED_BY]);
}

static struct span cut(struct span text)
{
	return span_of(text.ptr, text.len < CALL_ID_BYTES_MAX ? text.len : CALL_ID_BYTES_MAX);
}

/* How long the two were connected. Clocks may step: never negative. */
static uint64_t duration_ms(const struct ipc_call_end *end)
{
	return end->answered_ns && end->ended_ns > end->answered_ns
		       ? (end->ended_ns - end->answered_ns) / 1000000
		       : 0;
}

/* Post-dial delay: from the INVITE to the first sign of the far side; null where there was none. */
static void put_pdd(struct cursor *out, const struct ipc_call_end *end)
{
	uint64_t sign = end->ringing_ns ? end->ringing_ns : end->answered_ns;

	if (sign > end->started_ns && end->started_ns) {
		put_json_u64(out, "pdd_ms", (sign - end->started_ns) / 1000000);
		return;
	}
	put_json_key(out, "pdd_ms");
	put_lit(out, "null");
}

/* The Q.850 cause that a Reason names (RFC 3326); 0: none. */
static unsigned cause_of(struct span reason)
{
	struct span value;

	while (sip_list_next(&reason, &value)) {
		const char *semi = memchr(value.ptr, ';', value.len);
		struct span protocol = span_trim(
			span_of(value.ptr, semi ? (size_t)(semi - value.ptr) : value.len)), text;
		uint64_t cause;

		if (semi && span_ieq(protocol, SPAN("Q.850")) &&
		    sip_param_find(span_of(semi, (size_t)(value.ptr + value.len - semi)),
				   SPAN("cause"), &text) &&
		    !sip_number_parse(text, 127, &cause))
			return (unsigned)cause;
	}
	return 0;
}

static void put_u64_or_null(struct cursor *out, uint64_t value)
{
	if (value)
		put_u64(out, value);
	else
		put_lit(out, "null");
}

/* How the call got there: what was tried, and what each side said. */
static void put_way(struct cursor *out, const struct ipc_call_end *end)
{
	put_json_u64(out, "attempts", end->attempts);
	put_json_key(out, "failed");
	put_char(out, '[');
	for (unsigned i = 0; i < IPC_FAILED_MAX && end->failed[i]; i++) {
		if (i)
			put_char(out, ',');
		put_u64(out, end->failed[i]);
	}
	put_char(out, ']');
	put_json_key(out, "far_status");
	put_u64_or_null(out, end->far_status);
	put_pair(out, "reasons", ipc_call_end_reason(end, 0), ipc_call_end_reason(end, 1));
	put_json_key(out, "causes");
	put_char(out, '[');
	put_u64_or_null(out, cause_of(ipc_call_end_reason(end, 0)));
	put_char(out, ',');
	put_u64_or_null(out, cause_of(ipc_call_end_reason(end, 1)));
	put_char(out, ']');
}

static void put_sides(struct cursor *out, const struct ipc_call_end *end)
{
	put_json_key(out, "tags");
	put_char(out, '[');
	for (unsigned side = 0; side < 2; side++) {
		put_span(out, side ? SPAN(",[") : SPAN("["));
		put_json_str(out, ipc_call_end_tag(end, side, 0));
		put_char(out, ',');
		put_json_str(out, ipc_call_end_tag(end, side, 1));
		put_char(out, ']');
	}
	put_char(out, ']');
	put_pair(out, "agents", ipc_call_end_agent(end, 0), ipc_call_end_agent(end, 1));
}

void put_cdr_record(struct cursor *out, const struct ipc_call_end *end, const struct cdr_far *far)
{
	const struct cdr_id id = {end->started_ns, end->call, end->worker};

	put_char(out, '{');
	put_json_key(out, "call");
	put_char(out, '"');
	put_cdr_id(out, &id);
	put_char(out, '"');
	put_json_time(out, "started", end->started_ns);
	put_json_time(out, "ringing", end->ringing_ns);
	put_json_time(out, "answered", end->answered_ns);
	put_json_time(out, "ended", end->ended_ns);
	put_json_u64(out, "duration_ms", duration_ms(end));
	put_pdd(out, end);
	put_context_members(out, ipc_call_end_context(end), far);
	put_pair(out, "call_ids", cut(ipc_call_end_call_id(end, 0)),
		 cut(ipc_call_end_call_id(end, 1)));
	put_sides(out, end);
	put_json_key(out, "peers");
	put_char(out, '[');
	for (unsigned side = 0; side < 2; side++) {
		if (side)
			put_char(out, ',');
		if (end->peer[side].family == NET_NONE) {
			put_lit(out, "null");
			continue;
		}
		put_char(out, '"');
		put_endpoint(out, &end->peer[side]);
		put_char(out, '"');
	}
	put_char(out, ']');
	put_json_u64(out, "status", end->status);
	put_json_text(out, "ended_by", span_str(ipc_ended_by_name(end->ended_by)));
	put_way(out, end);
	put_json_key(out, "media");
	put_media_pair(out, end->media);
	put_media_streams(out, ipc_call_end_streams(end), end->nstreams);
	put_lit(out, "}\n");
}
