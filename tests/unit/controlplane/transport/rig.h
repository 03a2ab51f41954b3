/* SPDX-License-Identifier: BSD-3-Clause */
/* A transport on the loopback with what came of it, clients and servers. For the unit tests of
 * connections. */
#pragma once

#include "controlplane/transport/transport.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

#define GOT_MAX 64u

struct got {
	struct conn_info from;
	char call_id[64];
	bool faulty;
	uint32_t len;
};

struct test {
	struct event_base *base;
	struct transport *transport;
	struct transport_limits limits;
	enum conn_welcome welcome;
	bool full; /* take no messages */
	uint16_t port;
	struct got got[GOT_MAX];
	unsigned ngot, nfailed, nmisbehaved;
	uint64_t failed_token;
	enum conn_failure failure;
	char why[64];
};

static inline int on_message(void *arg, const struct conn_info *from, const struct sip_msg *msg)
{
	struct test *test = arg;
	struct got *got = &test->got[test->ngot % GOT_MAX];

	if (test->full)
		return -EAGAIN;
	got->from = *from;
	snprintf(got->call_id, sizeof(got->call_id), "%.*s", SPAN_FMT(sip_span(msg, msg->call_id)));
	got->faulty = msg->why != NULL;
	got->len = msg->len;
	test->ngot++;
	return 0;
}

static inline void on_failed(void *arg, const struct conn_token *token, enum conn_failure failure)
{
	struct test *test = arg;

	test->nfailed++;
	test->failed_token = token->token;
	test->failure = failure;
}

static inline enum conn_welcome on_welcome(void *arg, unsigned realm, const struct net_endpoint *peer)
{
	return ((struct test *)arg)->welcome;
}

static inline void on_misbehaved(void *arg, const struct conn_info *peer, const char *why)
{
	struct test *test = arg;

	test->nmisbehaved++;
	snprintf(test->why, sizeof(test->why), "%s", why);
}

static const struct transport_events events = {.message = on_message,
					       .failed = on_failed,
					       .welcome = on_welcome,
					       .misbehaved = on_misbehaved};

static inline struct net_endpoint at(const char *text, uint16_t port)
{
	struct net_endpoint endpoint;

	cr_assert_eq(net_endpoint_parse(span_str(text), port, &endpoint), 0);
	return endpoint;
}

static inline struct sockaddr_in name_of(const char *text, uint16_t port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, text, &name.sin_addr);
	return name;
}

/* A TCP port that nobody has. */
static inline uint16_t free_port(void)
{
	struct sockaddr_in name = name_of("127.0.0.1", 0);
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&name, len), 0);
	getsockname(fd, (struct sockaddr *)&name, &len);
	close(fd);
	return ntohs(name.sin_port);
}

static inline void start(struct test *test)
{
	signal(SIGPIPE, SIG_IGN);
	*test = (struct test){.base = event_base_new(), .welcome = CONN_KNOWN};
	test->limits = (struct transport_limits){.total_max = 1000,
						 .source_max = 100,
						 .known_source_max = 100,
						 .first_message_ms = 30000,
						 .message_ms = 30000,
						 .idle_ms = 60000,
						 .connect_ms = 2000,
						 .pong_ms = 10000,
						 .message_bytes_max = 65535,
						 .output_bytes_max = 1 << 20,
						 .alias = true};
	cr_assert_eq(transport_new(&test->transport, test->base, &test->limits, &events, test), 0);
	for (unsigned tries = 0; tries < 20; tries++) {
		struct transport_place place = {.realm = 3, .transport = NET_TCP};
		struct transport_stats stats;

		test->port = free_port();
		place.local = at("127.0.0.1", test->port);
		cr_assert_eq(transport_set_places(test->transport, &place, 1), 0);
		transport_stats(test->transport, &stats);
		if (stats.listeners)
			return;
	}
	cr_assert_fail("no port to listen on");
}

static inline void end(struct test *test)
{
	transport_free(test->transport);
	event_base_free(test->base);
}

static inline void turn(struct test *test, unsigned ms)
{
	const struct timeval until = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	event_base_loopexit(test->base, &until);
	event_base_dispatch(test->base);
}

/* Until it holds, or for some seconds. */
#define UNTIL(test, condition)                                                                     \
	do {                                                                                       \
		for (unsigned turns_ = 0; !(condition) && turns_ < 1000; turns_++)                 \
			turn(test, 10);                                                            \
		cr_assert(condition);                                                              \
	} while (0)

static inline struct transport_stats stats_of(struct test *test)
{
	struct transport_stats stats;

	transport_stats(test->transport, &stats);
	return stats;
}
#define STAT(test, name) (stats_of(test).name)

/* A client of limen's. */
static inline int client(struct test *test)
{
	struct sockaddr_in name = name_of("127.0.0.1", test->port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static inline void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What came: its length, 0 for the end, -1 for a reset, -2 for nothing. */
static inline int hear(struct test *test, int fd, char *text, size_t size)
{
	for (unsigned turns = 0; turns < 300; turns++) {
		ssize_t n = recv(fd, text, size - 1, 0);

		if (n >= 0) {
			text[n] = '\0';
			return (int)n;
		}
		if (errno != EAGAIN)
			return -1;
		turn(test, 10);
	}
	return -2;
}

static inline const char *request(const char *call_id, const char *via_params)
{
	static char text[1024];

	snprintf(text, sizeof(text),
		 "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5066;branch=z9hG4bK1%s\r\n"
		 "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: %s\r\n"
		 "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		 via_params, call_id);
	return text;
}

/* A peer that limen connects to. */
static inline int server(struct net_endpoint *endpoint, uint16_t port)
{
	struct sockaddr_in name = name_of("127.0.0.1", port);
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, len), 0);
	cr_assert_eq(listen(fd, 16), 0);
	getsockname(fd, (struct sockaddr *)&name, &len);
	*endpoint = at("127.0.0.1", ntohs(name.sin_port));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static inline int accepted(struct test *test, int listener)
{
	for (unsigned turns = 0; turns < 300; turns++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

		if (fd >= 0)
			return fd;
		turn(test, 10);
	}
	cr_assert_fail("nobody connected");
	return -1;
}

static inline void give(struct test *test, const struct net_endpoint *peer, uint64_t flow, uint64_t token,
		 const char *text)
{
	const struct transport_send message = {.peer = *peer,
					       .flow = flow,
					       .token = {.token = token},
					       .realm = 3,
					       .transport = NET_TCP,
					       .message = span_str(text)};

	transport_send(test->transport, &message);
}
