/* SPDX-License-Identifier: BSD-3-Clause */
/* Header values hidden from the other side: whatever came, no host and no address of it goes out,
 * and what was a name-addr with a user still is one. First byte: which header; second: limen's
 * address; the rest is the value. */
#include "common/sip/hide.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define VALUE_MAX 8192u

static char value_buf[VALUE_MAX], out_buf[64 * VALUE_MAX];

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_';
}

/* Whether the text has the host as whole labels. */
static bool has_host(struct span text, struct span host)
{
	for (size_t i = 0; i + host.len <= text.len; i++) {
		if (strncasecmp(text.ptr + i, host.ptr, host.len) == 0 &&
		    (i == 0 || !is_label(text.ptr[i - 1])) &&
		    (i + host.len == text.len || !is_label(text.ptr[i + host.len])))
			return true;
	}
	return false;
}

/* "a.b.c.d", each at most 255, at the start of the text: its length, or 0. */
static size_t ip4_length(struct span text)
{
	size_t at = 0;

	for (unsigned n = 0; n < 4; n++) {
		unsigned v = 0, digits = 0;

		if (n && (at == text.len || text.ptr[at++] != '.'))
			return 0;
		for (; at < text.len && is_digit(text.ptr[at]) && v < 1000; digits++)
			v = v * 10 + (unsigned)(text.ptr[at++] - '0');
		if (digits == 0 || digits > 3 || v > 255 ||
		    (at < text.len && is_digit(text.ptr[at])))
			return 0;
	}
	return at;
}

/* No address anywhere but limen's own and the blank one. */
static void no_ip4(struct span text, struct span self)
{
	for (size_t i = 0, len; i < text.len; i++) {
		if (i && is_digit(text.ptr[i - 1]))
			continue;
		len = ip4_length(span_of(text.ptr + i, text.len - i));
		if (len == 0)
			continue;
		CHECK(span_eq(span_of(text.ptr + i, len), SPAN("0.0.0.0")) ||
		      span_eq(span_of(text.ptr + i, len), self));
		i += len - 1;
	}
}

static bool begins(struct span text, struct span with)
{
	return text.len >= with.len && memcmp(text.ptr, with.ptr, with.len) == 0;
}

/* A double colon stands alone or in limen's own address; a name that was hidden may follow it. */
static void no_ip6(struct span text, struct span self)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.ptr[i] != ':' || text.ptr[i + 1] != ':')
			continue;
		if (self.len && i >= 6 && i - 6 + self.len <= text.len &&
		    memcmp(text.ptr + i - 6, self.ptr, self.len) == 0) {
			i += 2;
			continue;
		}
		CHECK(i + 2 == text.len || text.ptr[i + 2] == ':' ||
		      begins(span_of(text.ptr + i + 2, text.len - i - 2),
			     SPAN("anonymous.invalid")) ||
		      !strchr("0123456789abcdefABCDEF.", text.ptr[i + 2]));
		i++;
	}
}

static bool is_worth(struct span host)
{
	bool letter = false, dot = false;

	for (size_t i = 0; i < host.len; i++) {
		letter |= (host.ptr[i] | 0x20) >= 'a' && (host.ptr[i] | 0x20) <= 'z';
		dot |= host.ptr[i] == '.' && i && i + 1 < host.len;
	}
	return letter && dot && host.ptr[0] != '[' && host.ptr[host.len - 1] != '.' &&
	       !span_ieq(host, SPAN("anonymous.invalid"));
}

static bool value_uri(struct span value, struct sip_name_addr *addr, struct sip_uri *uri)
{
	return sip_name_addr_parse(value, addr) == 0 && !addr->star &&
	       sip_uri_parse(addr->uri, uri) == 0 && uri->is_sip;
}

static bool is_plain(struct span user)
{
	for (size_t i = 0; i < user.len; i++)
		if (!is_label(user.ptr[i]) && user.ptr[i] != '+')
			return false;
	return user.len != 0;
}

/* One value alone: still a name-addr, of the same user, at limen's address. */
static void one_value(const struct hide *hide, enum sip_hdr_id id, struct span value)
{
	struct cursor out = cursor_on(out_buf, sizeof(out_buf));
	struct sip_name_addr before, after;
	struct sip_uri was, is;
	struct net_endpoint host;

	if (!value_uri(value, &before, &was) || span_ieq(was.host, SPAN("anonymous.invalid")))
		return;
	CHECK(hide_header(&out, hide, id, value) && !out.full);
	CHECK(value_uri(cursor_span(&out), &after, &is));
	CHECK(net_endpoint_parse(is.host, 0, &host) == 0 ||
	      (is.host.ptr[0] == '[' &&
	       net_endpoint_parse(span_of(is.host.ptr, is.host.len), 0, &host) == 0));
	CHECK(net_addr_eq(&host.addr, &hide->self.addr));
	CHECK(is.password.len == 0 && (is.user.len != 0) == (was.user.len != 0));
	CHECK(before.display.len == 0 || after.display.len != 0);
	if (is_plain(was.user))
		CHECK(span_eq(is.user, was.user));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum sip_hdr_id ids[] = {
		SIP_HDR_P_ASSERTED_IDENTITY, SIP_HDR_DIVERSION, SIP_HDR_HISTORY_INFO,
		SIP_HDR_REMOTE_PARTY_ID,     SIP_HDR_OTHER,	SIP_HDR_CALL_INFO,
		SIP_HDR_P_CHARGING_VECTOR,   SIP_HDR_WARNING,
	};
	struct hide hide = {.key = {{3, 4}}};
	struct cursor out = cursor_on(out_buf, sizeof(out_buf));
	struct span value, rest, one, self4, self6;
	enum sip_hdr_id id;

	if (size < 2 || size > VALUE_MAX)
		return 0;
	id = ids[data[0] % (sizeof(ids) / sizeof(ids[0]))];
	self4 = data[1] & 1 ? SPAN("203.0.113.77") : SPAN_NONE;
	self6 = data[1] & 1 ? SPAN_NONE : SPAN("fd99:7::1");
	CHECK(net_endpoint_parse(self4.len ? self4 : self6, data[1] & 2 ? 5060 : 5099,
				 &hide.self) == 0);
	memcpy(value_buf, data + 2, size - 2);
	for (size_t i = 0; i < size - 2; i++)
		if (value_buf[i] == '\r' || value_buf[i] == '\n' || value_buf[i] == '\0')
			value_buf[i] = ' ';
	value = span_trim(span_of(value_buf, size - 2));
	if (value.len == 0)
		return 0;
	rest = value;
	while (id != SIP_HDR_P_CHARGING_VECTOR && id != SIP_HDR_WARNING &&
	       sip_list_next(&rest, &one))
		one_value(&hide, id, one);
	if (!hide_header(&out, &hide, id, value)) {
		CHECK(out.len == 0);
		return 0;
	}
	CHECK(!out.full && out.len);
	for (uint32_t i = 0; i < out.len; i++)
		CHECK(out_buf[i] != '\r' && out_buf[i] != '\n' && out_buf[i] != '\0');
	if (id != SIP_HDR_HISTORY_INFO) /* its indexes look like addresses */
		no_ip4(cursor_span(&out), self4);
	no_ip6(cursor_span(&out), self6);
	rest = value;
	while (sip_list_next(&rest, &one)) {
		struct sip_name_addr addr;
		struct sip_uri uri;

		if (value_uri(one, &addr, &uri) && is_worth(uri.host))
			CHECK(!has_host(cursor_span(&out), uri.host));
	}
	return 0;
}
