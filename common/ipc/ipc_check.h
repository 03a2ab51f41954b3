/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that check messages between the processes share. Both processes, any thread. */
#pragma once

#include "common/ipc/ipc_msg.h"

/* Offset arithmetic is in 64 bits: sums of a few 32-bit lengths cannot wrap. */
static inline uint64_t padded(uint64_t len)
{
	return (len + 3) & ~(uint64_t)3;
}

/* No C0 control and no DEL: may be logged on one line. UTF-8 is let pass, the log escapes it. */
static inline bool text_is_one_line(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t ch = (uint8_t)s.ptr[i];

		if (ch < 0x20 || ch == 0x7f)
			return false;
	}
	return true;
}

static inline bool text_is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t ch = (uint8_t)s.ptr[i];

		if (ch < 0x20 || ch > 0x7e)
			return false;
	}
	return true;
}

/* A header's value in full: HTAB is white space there (RFC 3261 section 25.1), other controls are
 * not text. */
static inline bool text_is_header_value(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t ch = (uint8_t)s.ptr[i];

		if ((ch < 0x20 && ch != '\t') || ch == 0x7f)
			return false;
	}
	return true;
}

/* A Request-URI stands between two spaces of the request line (RFC 3261 section 7.1): it may hold
 * none itself. */
static inline bool text_is_ruri(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t ch = (uint8_t)s.ptr[i];

		if (ch <= 0x20 || ch == 0x7f)
			return false;
	}
	return s.len > 0;
}

/* Endpoints compare with memcmp, so bytes that the family does not use must be zero. What only
 * tells of a peer may be without port: a record must not be lost over a sender's odd port. */
static inline bool endpoint_is_clean(const struct net_endpoint *endpoint)
{
	static const uint8_t zero[12];

	if (endpoint->family == NET_IP4)
		return endpoint->pad == 0 && memcmp(endpoint->addr.ip + 4, zero, sizeof(zero)) == 0;
	return endpoint->pad == 0 && (endpoint->family == NET_IP6 || endpoint->family == NET_NONE);
}

static inline bool endpoint_is_addr(const struct net_endpoint *endpoint)
{
	return endpoint->family != NET_NONE && endpoint_is_clean(endpoint);
}

static inline struct span part(const void *head, uint64_t off, uint32_t len)
{
	return span_of((const char *)head + off, len);
}

/* ipc_call.c */
bool ipc_call_end_check(const void *frame, uint32_t len);
bool ipc_call_row_check(const void *frame, uint32_t len);
