/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a SIP message, in both framings, and as each of the texts that are parsed by
 * themselves: nothing is read beyond its end, and everything that comes out lies inside what went
 * in. */
#include "common/sip/sip_msg.h"

#include <stdio.h>
#include <stdlib.h>

#include "../sip_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void inside(struct span part, struct span whole)
{
	CHECK(part.len == 0 ||
	      (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void params_walk(struct span params)
{
	struct span value;

	if (sip_param_find(params, SPAN("tag"), &value) ||
	    sip_param_find(params, SPAN("lr"), &value))
		inside(value, params);
}

static void uri_walk(struct span text)
{
	struct sip_uri uri;

	if (sip_uri_parse(text, &uri))
		return;
	CHECK(uri.scheme.len && uri.opaque.len);
	CHECK(!uri.is_sip || uri.host.len);
	CHECK(uri.is_sip || !uri.host.ptr);
	inside(uri.scheme, text);
	inside(uri.user, text);
	inside(uri.password, text);
	inside(uri.host, text);
	inside(uri.params, text);
	inside(uri.headers, text);
	inside(uri.opaque, text);
	params_walk(uri.params);
}

static void name_addr_walk(struct span text)
{
	struct sip_name_addr addr;

	if (sip_name_addr_parse(text, &addr))
		return;
	CHECK(addr.star == (addr.uri.len == 0));
	CHECK(addr.params.len == 0 || addr.params.ptr[0] == ';');
	inside(addr.display, text);
	inside(addr.uri, text);
	inside(addr.params, text);
	uri_walk(addr.uri);
	params_walk(addr.params);
}

static void via_walk(struct span text)
{
	struct sip_via via;

	if (sip_via_parse(text, &via))
		return;
	CHECK(via.transport.len && via.host.len);
	inside(via.transport, text);
	inside(via.host, text);
	inside(via.params, text);
	params_walk(via.params);
}

static void value_walk(struct span value)
{
	uint64_t number;

	uri_walk(value);
	name_addr_walk(value);
	via_walk(value);
	params_walk(value);
	CHECK(sip_number_parse(value, 255, &number) || number <= 255);
}

static void list_walk(struct span text)
{
	struct span rest = text, value;

	while (sip_list_next(&rest, &value)) {
		CHECK(value.len);
		inside(value, text);
		inside(rest, text);
		value_walk(value);
	}
	CHECK(rest.len == 0);
}

static void msg_walk(const struct sip_msg *msg, struct span text)
{
	for (unsigned id = 1; id < SIP_HDR_IDS_END; id++) {
		struct sip_values it = sip_values(msg, (enum sip_hdr_id)id);
		struct span value;

		while (sip_values_next(&it, &value)) {
			inside(value, text);
			value_walk(value);
			CHECK(sip_hdr_has_token(msg, (enum sip_hdr_id)id, value));
		}
	}
}

/* All that sip_parse tells of a message, but where it lies. */
static bool same(const struct sip_msg *a, const struct sip_msg *b)
{
	size_t head = offsetof(struct sip_msg, buf) + sizeof(a->buf);

	return memcmp((const char *)a + head, (const char *)b + head,
		      offsetof(struct sip_msg, why) - head) == 0 &&
	       a->why == b->why && a->nhdrs == b->nhdrs &&
	       memcmp(a->first, b->first, sizeof(a->first)) == 0 &&
	       memcmp(a->hdrs, b->hdrs, a->nhdrs * sizeof(a->hdrs[0])) == 0;
}

/* What a stream takes as a message must be the same message as a datagram; and a message does not
 * depend on what follows. */
static void whole_again(const struct sip_msg *msg, struct span text)
{
	static struct sip_msg again;
	char *copy = malloc(msg->len ? msg->len : 1);

	CHECK(copy);
	memcpy(copy, text.ptr, msg->len);
	CHECK(sip_parse(&again, copy, msg->len, SIP_DATAGRAM) == SIP_PARSE_OK);
	CHECK(same(msg, &again));
	free(copy);
}

static enum sip_parse_result parse(struct span text, enum sip_framing framing)
{
	static struct sip_msg msg;
	enum sip_parse_result result = sip_parse(&msg, text.ptr, text.len, framing);
	const char *wrong = sip_check(&msg, text.len, framing, result);

	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	msg_walk(&msg, text);
	if (result == SIP_PARSE_OK)
		whole_again(&msg, text);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	enum sip_parse_result stream = parse(text, SIP_STREAM),
			      datagram = parse(text, SIP_DATAGRAM);

	CHECK(stream != SIP_PARSE_OK || datagram == SIP_PARSE_OK);
	CHECK(datagram != SIP_PARSE_OK || stream != SIP_PARSE_KEEPALIVE);
	value_walk(text);
	list_walk(text);
	return 0;
}
