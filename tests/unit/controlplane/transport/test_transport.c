/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections over the loopback: messages both ways, reuse, limits, times, failures. */
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

static int on_message(void *arg, const struct conn_info *from, const struct sip_msg *msg)
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

static void on_failed(void *arg, const struct conn_token *token, enum conn_failure failure)
{
	struct test *test = arg;

	test->nfailed++;
	test->failed_token = token->token;
	test->failure = failure;
}

static enum conn_welcome on_welcome(void *arg, unsigned realm, const struct net_endpoint *peer)
{
	return ((struct test *)arg)->welcome;
}

static void on_misbehaved(void *arg, const struct conn_info *peer, const char *why)
{
	struct test *test = arg;

	test->nmisbehaved++;
	snprintf(test->why, sizeof(test->why), "%s", why);
}

static const struct transport_events events = {.message = on_message,
					       .failed = on_failed,
					       .welcome = on_welcome,
					       .misbehaved = on_misbehaved};

static struct net_endpoint at(const char *text, uint16_t port)
{
	struct net_endpoint endpoint;

	cr_assert_eq(net_endpoint_parse(span_str(text), port, &endpoint), 0);
	return endpoint;
}

static struct sockaddr_in name_of(const char *text, uint16_t port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, text, &name.sin_addr);
	return name;
}

/* A TCP port that nobody has. */
static uint16_t free_port(void)
{
	struct sockaddr_in name = name_of("127.0.0.1", 0);
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&name, len), 0);
	getsockname(fd, (struct sockaddr *)&name, &len);
	close(fd);
	return ntohs(name.sin_port);
}

static void start(struct test *test)
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

static void end(struct test *test)
{
	transport_free(test->transport);
	event_base_free(test->base);
}

static void turn(struct test *test, unsigned ms)
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

static struct transport_stats stats_of(struct test *test)
{
	struct transport_stats stats;

	transport_stats(test->transport, &stats);
	return stats;
}
#define STAT(test, name) (stats_of(test).name)

/* A client of limen's. */
static int client(struct test *test)
{
	struct sockaddr_in name = name_of("127.0.0.1", test->port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What came: its length, 0 for the end, -1 for a reset, -2 for nothing. */
static int hear(struct test *test, int fd, char *text, size_t size)
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

static const char *request(const char *call_id, const char *via_params)
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
static int server(struct net_endpoint *endpoint, uint16_t port)
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

static int accepted(struct test *test, int listener)
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

static void give(struct test *test, const struct net_endpoint *peer, uint64_t flow, uint64_t token,
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

Test(transport, messages_in_and_answers_out)
{
	struct test test;
	char text[512];
	int fd;

	start(&test);
	fd = client(&test);
	say(fd, request("one", ""));
	say(fd, request("two", ""));
	UNTIL(&test, test.ngot == 2);
	cr_assert_str_eq(test.got[0].call_id, "one");
	cr_assert_str_eq(test.got[1].call_id, "two");
	cr_assert_eq(test.got[0].from.realm, 3);
	cr_assert_eq(test.got[0].from.transport, NET_TCP);
	cr_assert_eq(test.got[0].from.local.port, test.port);
	cr_assert_neq(test.got[0].from.flow, 0);
	cr_assert_eq(test.got[0].from.flow, test.got[1].from.flow);
	give(&test, &test.got[0].from.peer, test.got[0].from.flow, 0, "SIP/2.0 200 OK\r\n");
	cr_assert_gt(hear(&test, fd, text, sizeof(text)), 0);
	cr_assert_str_eq(text, "SIP/2.0 200 OK\r\n");
	cr_assert_eq(STAT(&test, connections), 1);
	close(fd);
	UNTIL(&test, STAT(&test, connections) == 0);
	cr_assert_eq(STAT(&test, peer_closed), 1);
	end(&test);
}

Test(transport, byte_by_byte_and_a_ping)
{
	struct test test;
	const char *text = request("slow", "");
	char back[16];
	int fd;

	start(&test);
	fd = client(&test);
	for (; *text; text++) {
		const char byte[2] = {*text, 0};

		say(fd, byte);
		turn(&test, 1);
	}
	UNTIL(&test, test.ngot == 1);
	say(fd, "\r\n\r\n");
	cr_assert_eq(hear(&test, fd, back, sizeof(back)), 2);
	cr_assert_str_eq(back, "\r\n");
	close(fd);
	end(&test);
}

Test(transport, flows_are_never_the_same)
{
	struct test test;
	uint64_t flow;
	int fd;

	start(&test);
	fd = client(&test);
	say(fd, request("one", ""));
	UNTIL(&test, test.ngot == 1);
	flow = test.got[0].from.flow;
	cr_assert(transport_flow(test.transport, flow, NULL));
	close(fd);
	UNTIL(&test, STAT(&test, connections) == 0);
	cr_assert_not(transport_flow(test.transport, flow, NULL));
	end(&test);
	start(&test);
	fd = client(&test);
	say(fd, request("one", ""));
	UNTIL(&test, test.ngot == 1);
	cr_assert_gt(test.got[0].from.flow, flow);
	close(fd);
	end(&test);
}

Test(transport, opened_once_and_used_again)
{
	struct test test;
	struct net_endpoint peer;
	char text[64];
	int listener, fd;

	start(&test);
	listener = server(&peer, 0);
	give(&test, &peer, 0, 1, "first ");
	give(&test, &peer, 0, 2, "second ");
	fd = accepted(&test, listener);
	UNTIL(&test, STAT(&test, tx_bytes) == 13);
	give(&test, &peer, 0, 3, "third");
	UNTIL(&test, STAT(&test, tx_bytes) == 18);
	cr_assert_eq(hear(&test, fd, text, sizeof(text)), 18);
	cr_assert_str_eq(text, "first second third");
	cr_assert_eq(STAT(&test, opened), 1);
	cr_assert_eq(STAT(&test, reused), 2);
	cr_assert_eq(test.nfailed, 0);
	/* and it hears the peer, as one that was accepted */
	say(fd, request("back", ""));
	UNTIL(&test, test.ngot == 1);
	cr_assert_not(test.got[0].from.accepted);
	close(fd);
	close(listener);
	end(&test);
}

Test(transport, who_refuses_is_told_of)
{
	struct test test;
	struct net_endpoint peer;
	int listener;

	start(&test);
	listener = server(&peer, 0);
	close(listener);
	give(&test, &peer, 0, 7, "hello");
	UNTIL(&test, test.nfailed == 1);
	cr_assert_eq(test.failed_token, 7);
	cr_assert_eq(test.failure, CONN_UNREACHED);
	cr_assert_eq(STAT(&test, connections), 0);
	end(&test);
}

Test(transport, who_does_not_answer_is_given_up)
{
	struct test test;
	struct net_endpoint peer;
	struct sockaddr_in name;
	int listener, filler[64];
	unsigned n;

	/* a backlog that is full takes no more: the kernel drops the SYN */
	start(&test);
	listener = server(&peer, 0);
	cr_assert_eq(listen(listener, 0), 0);
	name = name_of("127.0.0.1", peer.port);
	for (n = 0; n < 4; n++) {
		filler[n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(filler[n], (struct sockaddr *)&name, sizeof(name));
	}
	test.limits.connect_ms = 300;
	transport_set_limits(test.transport, &test.limits);
	give(&test, &peer, 0, 8, "hello");
	give(&test, &peer, 0, 9, "hello");
	UNTIL(&test, test.nfailed == 2);
	cr_assert_eq(test.failure, CONN_LATE);
	cr_assert_eq(STAT(&test, open_failed), 1);
	for (unsigned i = 0; i < n; i++)
		close(filler[i]);
	close(listener);
	end(&test);
}

Test(transport, no_way_where_there_is_no_place)
{
	struct test test;
	struct transport_send message = {.peer = at("127.0.0.1", 5060),
					 .token = {.token = 4},
					 .realm = 2,
					 .transport = NET_TCP,
					 .message = SPAN("x")};

	start(&test);
	transport_send(test.transport, &message);
	cr_assert_eq(test.nfailed, 1);
	cr_assert_eq(test.failure, CONN_NO_WAY);
	message.realm = 3;
	message.transport = NET_TLS;
	transport_send(test.transport, &message);
	message.transport = NET_TCP;
	message.peer = at("::1", 5060);
	transport_send(test.transport, &message);
	cr_assert_eq(test.nfailed, 3);
	cr_assert_eq(test.failure, CONN_NO_WAY);
	end(&test);
}

Test(transport, an_answer_finds_back_by_its_via)
{
	struct test test;
	struct net_endpoint peer;
	char text[256], answer[256];
	int listener, fd, came;

	start(&test);
	listener = server(&peer, 0);
	fd = client(&test);
	say(fd, request("one", ""));
	UNTIL(&test, test.ngot == 1);
	close(fd);
	UNTIL(&test, STAT(&test, connections) == 0);
	snprintf(answer, sizeof(answer),
		 "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.9:%u;branch=z9hG4bK1\r\n"
		 "Content-Length: 0\r\n\r\n", peer.port);
	give(&test, &test.got[0].from.peer, test.got[0].from.flow, 0, answer);
	came = accepted(&test, listener);
	cr_assert_gt(hear(&test, came, text, sizeof(text)), 0);
	cr_assert_str_eq(text, answer);
	close(came);
	close(listener);
	end(&test);
}

Test(transport, an_alias_is_used_where_the_peer_is_known)
{
	struct test test;
	struct net_endpoint peer = at("127.0.0.1", 5066);
	char text[64];
	int fd;

	start(&test);
	fd = client(&test);
	say(fd, request("one", ";alias"));
	UNTIL(&test, test.ngot == 1);
	give(&test, &peer, 0, 1, "over it");
	cr_assert_eq(hear(&test, fd, text, sizeof(text)), 7);
	cr_assert_eq(STAT(&test, opened), 0);
	close(fd);
	UNTIL(&test, STAT(&test, connections) == 0);
	/* a stranger's is not */
	test.welcome = CONN_UNKNOWN;
	fd = client(&test);
	say(fd, request("two", ";alias"));
	UNTIL(&test, test.ngot == 2);
	give(&test, &peer, 0, 1, "not over it");
	cr_assert_eq(STAT(&test, opened), 1);
	close(fd);
	end(&test);
}

Test(transport, limits_of_all_and_of_one_source)
{
	struct test test;
	int fd[8];
	char text[8];

	start(&test);
	test.limits.source_max = 2;
	test.limits.total_max = 6;
	transport_set_limits(test.transport, &test.limits);
	test.welcome = CONN_UNKNOWN;
	for (unsigned i = 0; i < 3; i++)
		fd[i] = client(&test);
	UNTIL(&test, STAT(&test, over_source) == 1);
	cr_assert_eq(STAT(&test, connections), 2);
	cr_assert_leq(hear(&test, fd[2], text, sizeof(text)), 0);
	/* known ones have a limit of their own */
	test.welcome = CONN_KNOWN;
	for (unsigned i = 3; i < 8; i++)
		fd[i] = client(&test);
	UNTIL(&test, STAT(&test, over_total) == 1);
	cr_assert_eq(STAT(&test, connections), 6);
	close(fd[0]);
	UNTIL(&test, STAT(&test, connections) == 5);
	fd[0] = client(&test);
	UNTIL(&test, STAT(&test, connections) == 6);
	for (unsigned i = 0; i < 8; i++)
		close(fd[i]);
	UNTIL(&test, STAT(&test, connections) == 0);
	cr_assert_eq(STAT(&test, sources), 0);
	end(&test);
}

Test(transport, strangers_leave_room)
{
	struct test test;
	int fd[4];

	start(&test);
	test.limits.total_max = 4;
	transport_set_limits(test.transport, &test.limits);
	test.welcome = CONN_UNKNOWN;
	for (unsigned i = 0; i < 4; i++)
		fd[i] = client(&test);
	UNTIL(&test, STAT(&test, over_total) == 1);
	cr_assert_eq(STAT(&test, strangers), 3);
	close(fd[3]);
	test.welcome = CONN_KNOWN;
	fd[3] = client(&test);
	UNTIL(&test, STAT(&test, known) == 1);
	for (unsigned i = 0; i < 4; i++)
		close(fd[i]);
	end(&test);
}

Test(transport, blocked_ones_are_not_let_in)
{
	struct test test;
	char text[8];
	struct net_prefix prefix = {.family = NET_IP4, .bits = 8, .addr = {{127}}};
	int fd;

	start(&test);
	test.welcome = CONN_REFUSED;
	fd = client(&test);
	UNTIL(&test, STAT(&test, blocked) == 1);
	cr_assert_leq(hear(&test, fd, text, sizeof(text)), 0);
	close(fd);
	test.welcome = CONN_KNOWN;
	fd = client(&test);
	UNTIL(&test, STAT(&test, connections) == 1);
	cr_assert_eq(transport_close_source(test.transport, &prefix, 2, false), 0);
	cr_assert_eq(transport_close_source(test.transport, &prefix, 0, true), 1);
	cr_assert_eq(STAT(&test, connections), 0);
	close(fd);
	end(&test);
}

Test(transport, silence_half_messages_and_idleness_end)
{
	struct test test;
	int silent, half, idle;

	start(&test);
	test.limits.first_message_ms = 400;
	test.limits.message_ms = 1200;
	test.limits.idle_ms = 2500;
	transport_set_limits(test.transport, &test.limits);
	silent = client(&test);
	half = client(&test);
	idle = client(&test);
	say(half, request("one", ""));
	say(half, "OPTIONS sip:a@b SIP/2.0\r\n");
	say(idle, request("two", ""));
	UNTIL(&test, STAT(&test, first_message_late) == 1);
	cr_assert_eq(STAT(&test, message_late), 0);
	UNTIL(&test, STAT(&test, message_late) == 1);
	cr_assert_eq(STAT(&test, idle), 0);
	UNTIL(&test, STAT(&test, idle) == 1);
	cr_assert_eq(STAT(&test, connections), 0);
	close(silent);
	close(half);
	close(idle);
	end(&test);
}

Test(transport, a_dribble_does_not_count_as_a_message)
{
	struct test test;
	const char *text = request("one", "");
	int fd;

	start(&test);
	test.limits.message_ms = 700;
	transport_set_limits(test.transport, &test.limits);
	fd = client(&test);
	for (unsigned i = 0; i < 100 && !STAT(&test, message_late); i++) {
		const char byte[2] = {text[i], 0};

		(void)!send(fd, byte, 1, MSG_NOSIGNAL);
		turn(&test, 50);
	}
	cr_assert_eq(STAT(&test, message_late), 1);
	close(fd);
	end(&test);
}

Test(transport, a_message_without_length_is_answered_and_the_stream_ends)
{
	static const char wanted[] =
		"SIP/2.0 400 Missing Content-Length\r\n"
		"Via: SIP/2.0/TCP 127.0.0.1:5066;branch=z9hG4bK1;received=127.0.0.1\r\n"
		"Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=";
	struct test test;
	char text[1024];
	int fd;

	start(&test);
	fd = client(&test);
	say(fd, "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5066;branch=z9hG4bK1\r\n"
		"Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: one\r\n"
		"CSeq: 1 OPTIONS\r\n\r\n");
	cr_assert_gt(hear(&test, fd, text, sizeof(text)), 0);
	cr_assert_eq(strncmp(text, wanted, strlen(wanted)), 0, "%s", text);
	cr_assert(strstr(text, "\r\nCall-ID: one\r\nCSeq: 1 OPTIONS\r\n"
			       "Content-Length: 0\r\n\r\n"));
	cr_assert_eq(hear(&test, fd, text, sizeof(text)), 0);
	cr_assert_eq(test.ngot, 0);
	cr_assert_eq(STAT(&test, broken), 1);
	cr_assert_eq(test.nmisbehaved, 1);
	cr_assert_str_eq(test.why, "Missing Content-Length");
	close(fd);
	UNTIL(&test, STAT(&test, connections) == 0);
	end(&test);
}

Test(transport, garbage_is_cut_off)
{
	struct test test;
	char text[64];
	int fd;

	start(&test);
	fd = client(&test);
	say(fd, "\x16\x03\x01\x02");
	cr_assert_eq(hear(&test, fd, text, sizeof(text)), 0);
	cr_assert_eq(STAT(&test, broken), 1);
	/* who does not close his side is not waited for */
	UNTIL(&test, STAT(&test, connections) == 0);
	close(fd);
	end(&test);
}

Test(transport, a_full_ring_stops_the_peer_and_loses_nothing)
{
	struct test test;
	unsigned sent = 0;
	int fd;

	start(&test);
	test.full = true;
	fd = client(&test);
	for (; sent < 100000; sent++) {
		const char *text = request("one", "");

		if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
			break;
		if (sent % 64 == 0)
			turn(&test, 1);
	}
	cr_assert_lt(sent, 100000, "the peer was not stopped");
	cr_assert_gt(sent, 200);
	cr_assert_eq(test.ngot, 0);
	cr_assert_gt(STAT(&test, stalls), 0);
	cr_assert_leq(STAT(&test, rx_bytes), 65535 + 16384 + 16384);
	test.full = false;
	UNTIL(&test, test.ngot == sent);
	close(fd);
	end(&test);
}

Test(transport, what_came_before_the_end_is_taken_when_there_is_room)
{
	struct test test;
	int fd;

	start(&test);
	test.full = true;
	fd = client(&test);
	say(fd, request("last", ""));
	close(fd);
	turn(&test, 100);
	cr_assert_eq(STAT(&test, connections), 1);
	test.full = false;
	UNTIL(&test, test.ngot == 1);
	UNTIL(&test, STAT(&test, connections) == 0);
	end(&test);
}

Test(transport, a_peer_that_takes_nothing_is_left)
{
	struct test test;
	static char much[60000];
	int fd;

	start(&test);
	memset(much, 'x', sizeof(much) - 1);
	fd = client(&test);
	say(fd, request("one", ""));
	UNTIL(&test, test.ngot == 1);
	for (unsigned i = 0; i < 1000 && !test.nfailed; i++) {
		give(&test, &test.got[0].from.peer, test.got[0].from.flow, 10 + i, much);
		turn(&test, 1);
	}
	cr_assert_gt(test.nfailed, 1, "all that it had not taken");
	cr_assert_eq(test.failure, CONN_FULL);
	cr_assert_eq(STAT(&test, output_full), 1);
	close(fd);
	end(&test);
}

Test(transport, what_the_peer_never_got_is_told_of)
{
	struct test test;
	const struct linger reset = {.l_onoff = 1};
	struct net_endpoint peer;
	static char much[400000];
	int listener, fd;

	start(&test);
	memset(much, 'x', sizeof(much) - 1);
	listener = server(&peer, 0);
	give(&test, &peer, 0, 1, "taken");
	fd = accepted(&test, listener);
	turn(&test, 1200); /* the sweep has seen that it was acknowledged */
	for (unsigned i = 0; i < 2; i++)
		give(&test, &peer, 0, 2, much);
	turn(&test, 50);
	give(&test, &peer, 0, 3, "not taken");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	UNTIL(&test, test.nfailed > 0);
	UNTIL(&test, STAT(&test, connections) == 0);
	cr_assert_eq(test.failed_token, 3);
	cr_assert_leq(test.nfailed, 3);
	cr_assert_eq(test.failure, CONN_LOST);
	close(listener);
	end(&test);
}

Test(transport, own_pings_and_a_peer_that_stops_to_answer)
{
	struct test test;
	struct net_endpoint peer;
	char text[64];
	int listener, fd;

	start(&test);
	test.limits.keepalive_ms = 200;
	transport_set_limits(test.transport, &test.limits);
	listener = server(&peer, 0);
	give(&test, &peer, 0, 1, "x");
	fd = accepted(&test, listener);
	cr_assert_eq(hear(&test, fd, text, sizeof(text)), 1);
	cr_assert_eq(hear(&test, fd, text, sizeof(text)), 4);
	cr_assert_str_eq(text, "\r\n\r\n");
	say(fd, "\r\n");
	UNTIL(&test, STAT(&test, pongs) == 1);
	cr_assert_eq(STAT(&test, pings), 0);
	UNTIL(&test, STAT(&test, own_pings) >= 2);
	cr_assert_eq(STAT(&test, connections), 1);
	test.limits.pong_ms = 300;
	transport_set_limits(test.transport, &test.limits);
	UNTIL(&test, STAT(&test, pong_late) == 1);
	cr_assert_eq(STAT(&test, connections), 0);
	close(fd);
	close(listener);
	end(&test);
}

Test(transport, who_never_answered_a_ping_is_not_missed)
{
	struct test test;
	struct net_endpoint peer;
	int listener, fd;

	start(&test);
	test.limits.keepalive_ms = 200;
	test.limits.pong_ms = 200;
	transport_set_limits(test.transport, &test.limits);
	listener = server(&peer, 0);
	give(&test, &peer, 0, 1, "x");
	fd = accepted(&test, listener);
	UNTIL(&test, STAT(&test, own_pings) >= 3);
	cr_assert_eq(STAT(&test, connections), 1);
	close(fd);
	close(listener);
	end(&test);
}

Test(transport, places_come_and_go_and_connections_stay)
{
	struct test test;
	struct transport_place place = {.realm = 3, .transport = NET_TCP};
	struct sockaddr_in name;
	int fd, other;

	start(&test);
	fd = client(&test);
	say(fd, request("one", ""));
	UNTIL(&test, test.ngot == 1);
	name = name_of("127.0.0.1", test.port);
	test.port = free_port();
	place.local = at("127.0.0.1", test.port);
	cr_assert_eq(transport_set_places(test.transport, &place, 1), 0);
	other = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_neq(connect(other, (struct sockaddr *)&name, sizeof(name)), 0);
	close(other);
	say(fd, request("two", ""));
	UNTIL(&test, test.ngot == 2);
	other = client(&test);
	UNTIL(&test, STAT(&test, connections) == 2);
	close(other);
	close(fd);
	end(&test);
}

Test(transport, a_device_that_is_not_there_is_waited_for)
{
	struct test test;
	struct transport_place place = {
		.realm = 3, .transport = NET_TCP, .device = "nonesuch0"};
	struct net_endpoint local;
	unsigned deaf = 0;

	start(&test);
	place.local = at("127.0.0.1", test.port);
	cr_assert_eq(transport_set_places(test.transport, &place, 1), 0);
	cr_assert_eq(STAT(&test, listeners), 0);
	cr_assert_eq(STAT(&test, listen_failed), 1);
	cr_assert(transport_next_deaf(test.transport, &deaf, &local));
	cr_assert_eq(local.port, test.port);
	cr_assert_not(transport_next_deaf(test.transport, &deaf, &local));
	turn(&test, 1500);
	cr_assert_eq(STAT(&test, listeners), 0);
	cr_assert_eq(STAT(&test, listen_failed), 1, "told once");
	end(&test);
}

Test(transport, without_descriptors_the_loop_does_not_spin)
{
	struct test test;
	struct rlimit few;
	int fd[8], none;
	uint64_t tries;

	start(&test);
	for (unsigned i = 0; i < 4; i++)
		fd[i] = client(&test);
	UNTIL(&test, STAT(&test, connections) == 4);
	for (unsigned i = 4; i < 8; i++)
		fd[i] = client(&test);
	none = dup(0);
	getrlimit(RLIMIT_NOFILE, &few);
	few.rlim_cur = (rlim_t)none;
	close(none);
	setrlimit(RLIMIT_NOFILE, &few);
	turn(&test, 500);
	tries = STAT(&test, no_descriptors);
	cr_assert_geq(tries, 1);
	cr_assert_leq(tries, 3);
	few.rlim_cur = few.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	UNTIL(&test, STAT(&test, connections) == 8);
	for (unsigned i = 0; i < 8; i++)
		close(fd[i]);
	end(&test);
}

Test(transport, rows_and_the_operator)
{
	struct test test;
	struct conn_row row;
	uint64_t at_row = 0, flow;
	unsigned n = 0;
	int fd[3];

	start(&test);
	for (unsigned i = 0; i < 3; i++) {
		fd[i] = client(&test);
		say(fd[i], request("one", ""));
	}
	UNTIL(&test, test.ngot == 3);
	while (transport_next(test.transport, &at_row, &row)) {
		cr_assert_str_eq(row.state, "ready");
		cr_assert_eq(row.rx_messages, 1);
		cr_assert_gt(row.rx_bytes, 100);
		n++;
	}
	cr_assert_eq(n, 3);
	flow = row.info.flow;
	cr_assert(transport_close(test.transport, flow));
	cr_assert_not(transport_close(test.transport, flow));
	/* a list goes on behind one that has gone meanwhile */
	cr_assert_not(transport_next(test.transport, &flow, &row));
	for (unsigned i = 0; i < 3; i++)
		close(fd[i]);
	end(&test);
}
