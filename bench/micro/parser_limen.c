/* SPDX-License-Identifier: BSD-3-Clause */
/* limen in the parser's benchmark. */
#include "bench/micro/parsers.h"
#include "common/sip/sip_msg.h"

static const char *version(void)
{
	return LIMEN_VERSION;
}

static int start(void)
{
	return 0;
}

static bool contact_find(const struct sip_msg *msg, struct bench_found *found)
{
	struct sip_values it = sip_values(msg, SIP_HDR_CONTACT);
	struct sip_name_addr addr;
	struct sip_uri uri;
	struct span value;

	if (!sip_values_next(&it, &value))
		return true;
	if (sip_name_addr_parse(value, &addr) || sip_uri_parse(addr.uri, &uri))
		return false;
	found->lengths += uri.host.len;
	found->contact_port = uri.port;
	return true;
}

static bool parse(const char *text, size_t len, struct bench_found *found)
{
	static struct sip_msg msg;

	if (sip_parse(&msg, text, len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return false;
	*found = (struct bench_found){
		.lengths = (uint64_t)msg.via_branch.len + msg.via_host.len + msg.from_tag.len +
			   msg.to_tag.len + msg.call_id.len + msg.cseq_method.len,
		.cseq = msg.cseq,
		.content_length = msg.content_length,
		.max_forwards = msg.max_forwards,
	};
	return contact_find(&msg, found);
}

const struct bench_parser bench_limen = {"limen", version, start, parse};
