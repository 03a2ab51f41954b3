/* SPDX-License-Identifier: BSD-3-Clause */
/* libre in the parser's benchmark, used as its own SIP stack uses it: decoded out of an mbuf, which
 * here is laid over the text so that no copy is counted. */
#include "bench/micro/parsers.h"

#include <re.h>

static struct mbuf *mb;

static const char *version(void)
{
	return sys_libre_version_get();
}

static int start(void)
{
	int error = libre_init();

	if (error)
		return error;
	mb = mbuf_alloc(1);
	return mb ? 0 : -1;
}

static bool contact_find(const struct sip_msg *msg, struct bench_found *found)
{
	const struct sip_hdr *hdr = sip_msg_hdr(msg, SIP_HDR_CONTACT);
	struct sip_addr addr;

	if (!hdr)
		return true;
	if (sip_addr_decode(&addr, &hdr->val))
		return false;
	found->lengths += addr.uri.host.l;
	found->contact_port = addr.uri.port;
	return true;
}

static bool found_fill(const struct sip_msg *msg, struct bench_found *found)
{
	struct pl via_host, via_port;

	if (uri_decode_hostport(&msg->via.sentby, &via_host, &via_port))
		return false;
	*found = (struct bench_found){
		.lengths = msg->via.branch.l + via_host.l + msg->from.tag.l + msg->to.tag.l +
			   msg->callid.l + msg->cseq.met.l,
		.cseq = msg->cseq.num,
		.content_length = pl_u32(&msg->clen),
		.max_forwards = pl_isset(&msg->maxfwd) ? (int32_t)pl_u32(&msg->maxfwd) : -1,
	};
	return contact_find(msg, found);
}

static bool parse(const char *text, size_t len, struct bench_found *found)
{
	struct sip_msg *msg;
	uint8_t *own = mb->buf;
	bool ok;

	mb->buf = (uint8_t *)(uintptr_t)text;
	mb->pos = 0;
	mb->end = mb->size = len;
	ok = sip_msg_decode(&msg, mb) == 0;
	if (ok) {
		ok = found_fill(msg, found);
		mem_deref(msg);
	}
	mb->buf = own;
	return ok;
}

const struct bench_parser bench_re = {"libre", version, start, parse};
