/* SPDX-License-Identifier: BSD-3-Clause */
/* A registrar, the REGISTERs that it is given and the answers to them. For its unit tests. */
#pragma once

#include "controlplane/registrar/registrar.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <event2/event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log/log.h"

struct test {
	struct event_base *base;
	struct registrar *registrar;
	char dir[64], file[96];
	struct conf_registrar conf;
	uint64_t last_ask;
	/* of REGISTERs; call_id NULL and cseq 0: 1 */
	const char *call_id;
	unsigned cseq, min_expires_s, expires_s, nat_expires_s;
	bool no_outbound;
	uint64_t flow;
};

static struct registering last; /* what became of the last REGISTER */

static inline void open_registrar(struct test *test)
{
	test->base = event_base_new();
	cr_assert_eq(registrar_new(&test->registrar, test->base, &test->conf), 0);
}

static inline void close_registrar(struct test *test)
{
	registrar_free(test->registrar);
	event_base_free(test->base);
}

static inline struct test start(void)
{
	struct test test = {.conf.bindings_max = 1000};

	strcpy(test.dir, "/tmp/limen-registrar-XXXXXX");
	cr_assert_not_null(mkdtemp(test.dir));
	snprintf(test.file, sizeof(test.file), "%s/log", test.dir);
	cr_assert_eq(log_open("test", LOG_LEVEL_INFO, LOG_FORMAT_TEXT, test.file), 0);
	snprintf(test.file, sizeof(test.file), "%s/b.sqlite", test.dir);
	return test;
}

static inline void begin(struct test *test, bool on_disk)
{
	test->conf.file = on_disk ? test->file : "";
	open_registrar(test);
}

static inline void stop(struct test *test)
{
	char command[128];

	close_registrar(test);
	snprintf(command, sizeof(command), "rm -rf %s", test->dir);
	cr_assert_eq(system(command), 0);
}

static inline void turns(struct test *test, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		const struct timeval step = {.tv_usec = 1000};

		event_base_loopexit(test->base, &step);
		event_base_dispatch(test->base);
	}
}

static inline void parse(struct sip_msg *msg, const char *text)
{
	cr_assert_eq(sip_parse(msg, text, strlen(text), SIP_DATAGRAM), SIP_PARSE_OK, "%s",
		     msg->why);
}

/* A REGISTER of that user with these Contact lines. */
static inline enum registrar_outcome send_register(struct test *test, const char *user,
					    const char *contacts, const char *source,
					    char token[REGISTRAR_TOKEN_CHARS])
{
	static char text[4096];
	static struct sip_msg msg;
	enum registrar_outcome outcome;
	struct net_endpoint from;
	const struct registration registration = {.id = {++test->last_ask, 2},
						  .trunk = SPAN("access"),
						  .user = span_str(user),
						  .msg = &msg,
						  .source = &from,
						  .outbound = !test->no_outbound,
						  .flow = test->flow,
						  .min_expires_s = test->min_expires_s,
						  .expires_s = test->expires_s,
						  .nat_expires_s = test->nat_expires_s};

	cr_assert_eq(net_endpoint_parse(span_str(source), 5060, &from), 0);
	snprintf(text, sizeof(text),
		 "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "
		 "<sip:1@x>;tag=1\r\nTo: <sip:1@x>\r\nCall-ID: %s\r\nCSeq: %u REGISTER\r\n%s"
		 "Content-Length: 0\r\n\r\n",
		 test->call_id ? test->call_id : "1", test->cseq ? test->cseq : 1, contacts);
	parse(&msg, text);
	outcome = registrar_begin(test->registrar, &registration, &last);
	memcpy(token, last.contacts[0].token, REGISTRAR_TOKEN_CHARS);
	return outcome;
}

/* Workers have the same numbers: only that of the worker that asked counts. */
static inline void end_ask(struct test *test, uint64_t ask_id, uint16_t status, const struct sip_msg *msg)
{
	struct registration_id id = {ask_id, 1};

	registrar_end(test->registrar, &id, status, msg);
	id.worker = 2;
	registrar_end(test->registrar, &id, status, msg);
}

static inline void answer(struct test *test, unsigned status, const char *headers)
{
	static char text[4096];
	static struct sip_msg msg;

	snprintf(text, sizeof(text),
		 "SIP/2.0 %u X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "
		 "<sip:1@x>;tag=1\r\nTo: <sip:1@x>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n%s"
		 "Content-Length: 0\r\n\r\n",
		 status, headers);
	parse(&msg, text);
	end_ask(test, test->last_ask, (uint16_t)status, &msg);
}

/* The 200 that keeps the token for so long. */
static inline void grant(struct test *test, const char token[REGISTRAR_TOKEN_CHARS], unsigned expires)
{
	char headers[256];

	snprintf(headers, sizeof(headers),
		 "Contact: <sip:other@h>;expires=77, <sip:%.*s@10.99.2.1:5060>;expires=%u\r\n",
		 (int)REGISTRAR_TOKEN_CHARS, token, expires);
	answer(test, 200, headers);
}

static inline struct span of(const char token[REGISTRAR_TOKEN_CHARS])
{
	return span_of(token, REGISTRAR_TOKEN_CHARS);
}

static inline struct registrar_stats stats_of(const struct test *test)
{
	struct registrar_stats stats;

	registrar_stats(test->registrar, &stats);
	return stats;
}

static inline const char *headers_of(void)
{
	static char text[sizeof(last.headers) + 1];

	memcpy(text, last.headers, last.headers_len);
	text[last.headers_len] = '\0';
	return text;
}
