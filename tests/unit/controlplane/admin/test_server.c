/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl's socket: framing, several clients, those that hurry, dawdle, babble and go. */
#include "controlplane/admin/server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct test {
	struct event_base *base;
	struct admin_server *server;
	char dir[64], path[96];
	bool silent; /* do not answer: the request stays open */
	char got[8192];
	uint64_t client;
	unsigned nrequests, ngone, ndrained;
};

static void on_request(void *arg, uint64_t client, struct span line)
{
	struct test *test = arg;

	test->nrequests++;
	test->client = client;
	snprintf(test->got, sizeof(test->got), "%.*s", SPAN_FMT(line));
	if (test->silent)
		return;
	admin_row(test->server, client, line);
	admin_done(test->server, client);
}

static void on_drained(void *arg, uint64_t client)
{
	struct test *test = arg;

	test->ndrained++;
}

static void on_gone(void *arg, uint64_t client)
{
	struct test *test = arg;

	test->ngone++;
}

static const struct admin_events events = {
	.request = on_request, .drained = on_drained, .gone = on_gone};

static void start(struct test *test)
{
	*test = (struct test){.base = event_base_new()};
	signal(SIGPIPE, SIG_IGN); /* as loop_new does: clients go before they have read all */
	strcpy(test->dir, "/tmp/limen-admin-XXXXXX");
	cr_assert_not_null(mkdtemp(test->dir));
	snprintf(test->path, sizeof(test->path), "%s/limenctl.sock", test->dir);
	cr_assert_eq(admin_server_new(&test->server, test->base, test->path, &events, test), 0);
}

static void stop(struct test *test)
{
	admin_server_free(test->server);
	event_base_free(test->base);
	cr_expect_eq(access(test->path, F_OK), -1, "the socket is removed");
	cr_expect_eq(rmdir(test->dir), 0);
}

static void turn(struct test *test)
{
	for (unsigned i = 0; i < 20; i++) {
		const struct timeval step = {.tv_usec = 1000};

		event_base_loopexit(test->base, &step);
		event_base_dispatch(test->base);
	}
}

static int client(const struct test *test)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, test->path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void expect_heard(int fd, const char *wanted)
{
	char buf[16384];
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = '\0';
	cr_expect_str_eq(buf, wanted);
}

#define DONE "{\"done\":true}\n"

Test(admin, one_line_one_answer)
{
	struct test test;
	int fd;

	start(&test);
	fd = client(&test);
	say(fd, "{\"command\":");
	turn(&test);
	cr_expect_eq(test.nrequests, 0, "not a line yet");
	say(fd, "\"x\"}\n");
	turn(&test);
	cr_expect_str_eq(test.got, "{\"command\":\"x\"}");
	expect_heard(fd, "{\"command\":\"x\"}\n" DONE);
	close(fd);
	turn(&test);
	cr_expect_eq(test.ngone, 1);
	stop(&test);
}

Test(admin, requests_in_one_write_are_answered_in_turn)
{
	struct test test;
	int fd;

	start(&test);
	fd = client(&test);
	say(fd, "one\ntwo\nthree\n");
	turn(&test);
	expect_heard(fd, "one\n" DONE "two\n" DONE "three\n" DONE);
	test.silent = true;
	say(fd, "four\nfive\n");
	turn(&test);
	cr_expect_eq(test.nrequests, 4, "five waits until four is answered");
	admin_fail(test.server, test.client, "no \"four\"");
	turn(&test);
	cr_expect_eq(test.nrequests, 5);
	expect_heard(fd, "{\"error\":\"no \\\"four\\\"\"}\n");
	close(fd);
	stop(&test);
}

Test(admin, a_request_too_long_ends_the_connection)
{
	char *text = calloc(1, ADMIN_REQUEST_BYTES_MAX + 3);
	struct test test;
	int fd;

	start(&test);
	memset(text, 'x', ADMIN_REQUEST_BYTES_MAX);
	strcat(text, "\n");
	fd = client(&test);
	say(fd, text);
	turn(&test);
	cr_expect_eq(test.nrequests, 1, "the longest that may be");
	close(fd);
	turn(&test);
	memset(text, 'x', ADMIN_REQUEST_BYTES_MAX + 2);
	fd = client(&test);
	say(fd, text);
	turn(&test);
	cr_expect_eq(test.nrequests, 1);
	cr_expect_eq(test.ngone, 2);
	close(fd);
	stop(&test);
	free(text);
}

/* Write pieces without an end of line until the server takes no more; how many bytes it took. */
static size_t babble(struct test *test, int fd)
{
	char piece[32768];
	size_t taken = 0;
	ssize_t n;

	memset(piece, 'x', sizeof(piece));
	do {
		n = write(fd, piece, sizeof(piece));
		taken += n > 0 ? (size_t)n : 0;
		turn(test);
	} while (n > 0 && taken < 8 * ADMIN_REQUEST_BYTES_MAX);
	return taken;
}

Test(admin, a_request_without_end_is_cut_off)
{
	struct test test;
	int fd;

	start(&test);
	fd = client(&test);
	cr_expect_leq(babble(&test, fd), ADMIN_REQUEST_BYTES_MAX + 65536u);
	cr_expect_eq(test.ngone, 1);
	cr_expect(write(fd, "x", 1) < 0 && errno == EPIPE);
	close(fd);
	cr_expect_eq(test.nrequests, 0);
	stop(&test);
}

Test(admin, a_request_without_end_behind_an_open_one_waits_in_little_memory)
{
	struct test test;
	int fd;

	start(&test);
	test.silent = true;
	fd = client(&test);
	say(fd, "one\n");
	turn(&test);
	/* what the server reads ahead, and the socket's own buffer */
	cr_expect_leq(babble(&test, fd), 4 * ADMIN_REQUEST_BYTES_MAX);
	cr_expect_eq(test.ngone, 0, "its request is open");
	admin_done(test.server, test.client);
	turn(&test);
	cr_expect_eq(test.ngone, 1);
	cr_expect_eq(test.nrequests, 1);
	close(fd);
	stop(&test);
}

Test(admin, clients_beyond_the_last_are_told)
{
	int fds[ADMIN_CLIENTS_MAX], one_more;
	struct test test;

	start(&test);
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++)
		fds[i] = client(&test);
	turn(&test);
	one_more = client(&test);
	turn(&test);
	expect_heard(one_more, "{\"error\":\"too many clients\"}\n");
	close(one_more);
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		say(fds[i], "hello\n");
		turn(&test);
		expect_heard(fds[i], "hello\n" DONE);
		close(fds[i]);
	}
	turn(&test);
	cr_expect_eq(test.ngone, ADMIN_CLIENTS_MAX);
	one_more = client(&test);
	say(one_more, "room again\n");
	turn(&test);
	expect_heard(one_more, "room again\n" DONE);
	close(one_more);
	stop(&test);
}

Test(admin, an_answer_for_who_has_gone_falls_flat)
{
	struct test test;
	int fd;

	start(&test);
	test.silent = true;
	fd = client(&test);
	say(fd, "slow\n");
	turn(&test);
	close(fd);
	turn(&test);
	cr_expect_eq(test.ngone, 1);
	admin_row(test.server, test.client, SPAN("{}"));
	admin_done(test.server, test.client);
	cr_expect_eq(admin_backlog(test.server, test.client), 0);
	stop(&test);
}

Test(admin, backlog_is_told_and_drains)
{
	static char row[4096];
	struct test test;
	char sink[65536];
	size_t got = 0;
	int fd;

	start(&test);
	test.silent = true;
	fd = client(&test);
	say(fd, "much\n");
	turn(&test);
	memset(row, 'r', sizeof(row));
	for (unsigned i = 0; i < 1000; i++)
		admin_row(test.server, test.client, span_of(row, sizeof(row)));
	turn(&test);
	cr_expect_gt(admin_backlog(test.server, test.client), 1000000, "the client does not read");
	test.ndrained = 0;
	for (unsigned i = 0; i < 1000 && got < 1000 * (sizeof(row) + 1); i++) {
		ssize_t n = read(fd, sink, sizeof(sink));

		got += n > 0 ? (size_t)n : 0;
		turn(&test);
	}
	cr_expect_eq(got, 1000 * (sizeof(row) + 1));
	cr_expect_eq(admin_backlog(test.server, test.client), 0);
	cr_expect_gt(test.ndrained, 0);
	close(fd);
	stop(&test);
}

Test(admin, the_socket_belongs_to_one)
{
	struct admin_server *second;
	struct test test;
	struct stat st;

	start(&test);
	cr_assert_eq(stat(test.path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0660);
	cr_expect_eq(admin_server_new(&second, test.base, test.path, &events, &test), -EADDRINUSE);
	cr_expect_eq(admin_server_new(&second, test.base, "/nonexistent/x.sock", &events, &test),
		     -ENOENT);
	stop(&test);
}

Test(admin, a_socket_left_by_a_crash_is_taken_over)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct test test;
	int fd;

	start(&test);
	admin_server_free(test.server);
	strcpy(address.sun_path, test.path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	cr_expect_eq(admin_server_new(&test.server, test.base, test.path, &events, &test), 0);
	stop(&test);
}
