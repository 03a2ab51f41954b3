/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold of every struct sip_msg that sip_parse has filled, whatever the bytes were. For
 * unit tests and fuzzers. */
#pragma once

#include "common/sip/sip_msg.h"

static inline bool check_slice(struct sip_slice slice, size_t len)
{
	return (size_t)slice.off + slice.len <= len;
}

static inline bool check_trimmed(struct span s)
{
	struct span trimmed = span_trim(s);

	return trimmed.len == s.len;
}

/* One header line; `after` is the end of the line before it. */
static inline const char *check_hdr(const struct sip_msg *msg, const struct sip_hdr *hdr,
				    size_t after, size_t len)
{
	struct span name = sip_span(msg, hdr->name), value = sip_span(msg, hdr->value);

	if (!check_slice(hdr->name, len) || !check_slice(hdr->value, len))
		return "header beyond the buffer";
	if (hdr->name.len == 0 || hdr->name.off < after ||
	    hdr->value.off <= hdr->name.off + hdr->name.len)
		return "headers out of order";
	if (hdr->id >= SIP_HDR_IDS_END || sip_hdr_id_from(name) != hdr->id)
		return "a header's number is not its name's";
	if (!check_trimmed(value))
		return "white space around a value";
	return NULL;
}

/* Line ends inside a value are folds, and only where the header says so. */
static inline const char *check_folds(struct span value, bool folded)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] != '\r' && value.ptr[i] != '\n')
			continue;
		if (!folded || value.ptr[i] != '\r' || i + 2 >= value.len ||
		    value.ptr[i + 1] != '\n' ||
		    (value.ptr[i + 2] != ' ' && value.ptr[i + 2] != '\t'))
			return "a line end in a value that is no fold";
		i++;
	}
	return NULL;
}

/* first[] and next tell of all lines of each known name, in order. */
static inline const char *check_chains(const struct sip_msg *msg)
{
	uint16_t expected[SIP_HDR_IDS_END];

	memcpy(expected, msg->first, sizeof(expected));
	for (uint16_t i = 0; i < msg->nhdrs; i++) {
		const struct sip_hdr *hdr = &msg->hdrs[i];

		if (hdr->id == SIP_HDR_OTHER) {
			if (hdr->next != SIP_HDR_NONE)
				return "headers without a number are chained";
			continue;
		}
		if (expected[hdr->id] != i)
			return "a chain leaves a header out";
		expected[hdr->id] = hdr->next;
	}
	for (unsigned id = 1; id < SIP_HDR_IDS_END; id++)
		if (expected[id] != SIP_HDR_NONE)
			return "a chain does not end";
	return NULL;
}

static inline const char *check_slices(const struct sip_msg *msg, size_t len)
{
	const struct sip_slice slices[] = {
		msg->method_name, msg->ruri,	 msg->reason,	  msg->call_id,
		msg->from_uri,	  msg->from_tag, msg->to_uri,	  msg->to_tag,
		msg->cseq_method, msg->via_host, msg->via_branch, msg->body,
	};

	for (unsigned i = 0; i < sizeof(slices) / sizeof(slices[0]); i++)
		if (!check_slice(slices[i], len))
			return "a slice beyond the buffer";
	return NULL;
}

static inline const char *check_ok(const struct sip_msg *msg, size_t len)
{
	if (msg->why || msg->len == 0 || msg->len > len)
		return "a good message with a fault or a wrong length";
	if ((size_t)msg->body.off + msg->body.len != msg->len ||
	    msg->content_length != msg->body.len)
		return "the body is not the message's end";
	if (!msg->call_id.len || !msg->from_uri.len || !msg->to_uri.len || !msg->cseq_method.len ||
	    !msg->via_host.len)
		return "a good message without what every message needs";
	if (msg->max_forwards < -1 || msg->max_forwards > 255 || msg->cseq > INT32_MAX)
		return "a number out of range";
	if (msg->is_request && (!msg->method_name.len || !msg->ruri.len || msg->status))
		return "a request without method or Request-URI";
	if (!msg->is_request && (msg->status < 100 || msg->status > 699 || msg->answerable))
		return "a response with a wrong status";
	return NULL;
}

static inline const char *check_invalid(const struct sip_msg *msg)
{
	if (!msg->why || (msg->status != 400 && msg->status != 505 && msg->status != 513))
		return "refused without a reason";
	if (msg->answerable &&
	    (!msg->is_request || msg->method == SIP_METHOD_ACK || !msg->call_id.len ||
	     !msg->via_host.len || !msg->cseq_method.len ||
	     msg->first[SIP_HDR_FROM] == SIP_HDR_NONE || msg->first[SIP_HDR_TO] == SIP_HDR_NONE))
		return "answerable without what an answer needs";
	return NULL;
}

/* NULL, or what is wrong. `len` bytes were given to sip_parse, which gave `result`. */
static inline const char *sip_check(const struct sip_msg *msg, size_t len, enum sip_framing framing,
				    enum sip_parse_result result)
{
	const char *wrong;
	size_t after = 0;

	if (result == SIP_PARSE_INCOMPLETE && framing != SIP_STREAM)
		return "an incomplete datagram";
	if (msg->nhdrs > SIP_HDRS_MAX || msg->method >= SIP_METHODS_END ||
	    msg->via_transport > NET_TRANSPORTS)
		return "a number beyond its range";
	for (unsigned i = 0; i < msg->nhdrs; i++) {
		wrong = check_hdr(msg, &msg->hdrs[i], after, len);
		if (!wrong && result == SIP_PARSE_OK)
			wrong = check_folds(sip_span(msg, msg->hdrs[i].value), msg->hdrs[i].folded);
		if (wrong)
			return wrong;
		after = (size_t)msg->hdrs[i].value.off + msg->hdrs[i].value.len;
	}
	wrong = check_chains(msg);
	if (!wrong)
		wrong = check_slices(msg, len);
	if (!wrong && result == SIP_PARSE_OK)
		wrong = check_ok(msg, len);
	if (!wrong && result == SIP_PARSE_INVALID)
		wrong = check_invalid(msg);
	return wrong;
}
