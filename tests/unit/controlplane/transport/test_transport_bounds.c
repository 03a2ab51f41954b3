/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections over the loopback: limits, times, bad streams, full rings, listeners. */
#include "rig.h"

Test(transport_bounds, limits_of_all_and_of_one_source)
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

Test(transport_bounds, strangers_leave_room)
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

Test(transport_bounds, blocked_ones_are_not_let_in)
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

Test(transport_bounds, silence_half_messages_and_idleness_end)
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

Test(transport_bounds, a_dribble_does_not_count_as_a_message)
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

Test(transport_bounds, a_message_without_length_is_answered_and_the_stream_ends)
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

Test(transport_bounds, garbage_is_cut_off)
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

Test(transport_bounds, a_full_ring_stops_the_peer_and_loses_nothing)
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

Test(transport_bounds, what_came_before_the_end_is_taken_when_there_is_room)
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

Test(transport_bounds, a_peer_that_takes_nothing_is_left)
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

Test(transport_bounds, what_the_peer_never_got_is_told_of)
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

Test(transport_bounds, own_pings_and_a_peer_that_stops_to_answer)
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

Test(transport_bounds, who_never_answered_a_ping_is_not_missed)
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

Test(transport_bounds, places_come_and_go_and_connections_stay)
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

Test(transport_bounds, a_device_that_is_not_there_is_waited_for)
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

Test(transport_bounds, without_descriptors_the_loop_does_not_spin)
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

Test(transport_bounds, rows_and_the_operator)
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
