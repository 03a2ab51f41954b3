/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections over the loopback: messages both ways, flows, reuse, failures to connect. */
#include "rig.h"

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
