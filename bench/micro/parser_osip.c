/* SPDX-License-Identifier: BSD-3-Clause */
/* libosip2 in the parser's benchmark, used as its own state machines use it. */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <osipparser2/osip_parser.h>

#include "bench/micro/parsers.h"

static const char *version(void)
{
	return BENCH_OSIP_VERSION;
}

static int start(void)
{
	return parser_init();
}

static size_t text_len(const char *text)
{
	return text ? strlen(text) : 0;
}

static bool contact_find(osip_message_t *msg, struct bench_found *found)
{
	osip_contact_t *contact = NULL;

	if (osip_message_get_contact(msg, 0, &contact) < 0 || !contact || !contact->url)
		return true;
	found->lengths += text_len(contact->url->host);
	found->contact_port = contact->url->port ? (uint16_t)atoi(contact->url->port) : 0;
	return true;
}

static bool found_fill(osip_message_t *msg, struct bench_found *found)
{
	osip_uri_param_t *from_tag = NULL, *to_tag = NULL;
	osip_generic_param_t *branch = NULL;
	osip_header_t *max_forwards = NULL;
	osip_via_t *via = osip_list_get(&msg->vias, 0);

	if (!via || !msg->from || !msg->to || !msg->cseq || !msg->call_id)
		return false;
	osip_via_param_get_byname(via, (char *)"branch", &branch);
	osip_from_get_tag(msg->from, &from_tag);
	osip_to_get_tag(msg->to, &to_tag);
	osip_message_get_max_forwards(msg, 0, &max_forwards);
	*found = (struct bench_found){
		.lengths = text_len(via->host) + text_len(msg->cseq->method) +
			   text_len(msg->call_id->number),
		.cseq = (uint32_t)strtoul(msg->cseq->number, NULL, 10),
		.content_length = msg->content_length
					  ? (uint32_t)strtoul(msg->content_length->value, NULL, 10)
					  : 0,
		.max_forwards = max_forwards ? atoi(max_forwards->hvalue) : -1,
	};
	/* It keeps the parts of a Call-ID before and behind the '@' apart. */
	if (msg->call_id->host)
		found->lengths += 1 + strlen(msg->call_id->host);
	found->lengths += branch ? text_len(branch->gvalue) : 0;
	found->lengths += from_tag ? text_len(from_tag->gvalue) : 0;
	found->lengths += to_tag ? text_len(to_tag->gvalue) : 0;
	return contact_find(msg, found);
}

static bool parse(const char *text, size_t len, struct bench_found *found)
{
	osip_message_t *msg;
	bool ok;

	if (osip_message_init(&msg) != OSIP_SUCCESS)
		return false;
	ok = osip_message_parse(msg, text, len) == OSIP_SUCCESS && found_fill(msg, found);
	osip_message_free(msg);
	return ok;
}

const struct bench_parser bench_osip = {"libosip2", version, start, parse};
