/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl: what it asks, what it makes of answers, and what it says when there are none. */
#include "controlplane/ctl/client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controlplane/ctl/show.h"
#include "controlplane/ctl/table.h"
#include "drop_words.h"

/* A control plane that answers one question with a given text. */
struct server {
	char dir[64], path[96];
	const char *answer;
	char request[512];
	int fd;
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server *server = arg;
	int fd = accept(server->fd, NULL, NULL);
	size_t len = 0;

	while (len < sizeof(server->request) - 1 && !memchr(server->request, '\n', len)) {
		ssize_t n = read(fd, server->request + len, sizeof(server->request) - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	for (const char *at = server->answer; *at;) {
		size_t piece = strlen(at) < 7 ? strlen(at) : 7; /* lines arrive in pieces */

		if (write(fd, at, piece) < 0)
			break;
		at += piece;
	}
	close(fd);
	return NULL;
}

static void start(struct server *server, const char *answer)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*server = (struct server){.answer = answer};
	strcpy(server->dir, "/tmp/limen-ctl-XXXXXX");
	cr_assert_not_null(mkdtemp(server->dir));
	snprintf(server->path, sizeof(server->path), "%s/s", server->dir);
	strcpy(address.sun_path, server->path);
	server->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(server->fd, 1), 0);
	cr_assert_eq(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
	pthread_join(server->thread, NULL);
	close(server->fd);
	unlink(server->path);
	rmdir(server->dir);
}

static struct answer ask(const char *text, int wanted)
{
	struct server server;
	struct answer answer;

	start(&server, text);
	cr_expect_eq(client_ask(server.path, SPAN("{\"command\":\"x\"}"), &answer), wanted);
	stop(&server);
	cr_expect_str_eq(server.request, "{\"command\":\"x\"}\n");
	return answer;
}

typedef bool shower(const struct answer *answer, const struct show_options *options, FILE *out);

static void expect_shown(const char *text, shower *show, struct show_options options,
			 const char *wanted)
{
	struct answer answer = ask(text, 0);
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);

	cr_expect_null(answer.error);
	cr_expect(show(&answer, &options, out));
	fclose(out);
	cr_expect_str_eq(got, wanted, "\n%s\nnot\n%s", got, wanted);
	free(got);
	answer_free(&answer);
}

#define DONE "{\"done\":true}\n"
#define CALL(id, started, answered, caller)                                                        \
	"{\"call\":\"" id "\",\"state\":\"answered\",\"started\":\"" started                       \
	"\",\"answered\":" answered ","                                                            \
	"\"trunks\":[\"a\",\"b\"],\"realms\":[\"ra\",\"rb\"],\"caller\":\"" caller                 \
	"\",\"called\":\"2001\","                                                                  \
	"\"a\":{\"peer\":null,\"media\":{\"rx_pkts\":100,\"lost_pkts\":1,\"srtp\":null}},\"b\":{"    \
	"\"media\":{\"rx_pkts\":99,\"lost_pkts\":2,\"srtp\":\"AEAD_AES_128_GCM\"}},"                                                        \
	"\"worker\":0}\n"

Test(ctl, calls_in_order_of_their_start)
{
	expect_shown(CALL("17b8-0-2", "2024-02-29T12:00:05.000Z", "null", "10\\u001b[2J\\u009b01")
			     CALL("17b8-0-100000001", "2024-02-29T12:00:00.000Z",
				  "\"2024-02-29T12:00:01.500Z\"", "1001") DONE,
		     show_calls,
		     (struct show_options){.now_unix_ns = UINT64_C(1709211662000000000)},
		     "CALL         STATE        TIME  FROM  TO  CALLER     CALLED  PKTS FROM  PKTS "
		     "TO  LOST  SRTP\n"
		     "0-100000001  answered  1:01:01  a     b   1001       2001          100       "
		     "99     3  to\n"
		     "0-2          answered  1:00:57  a     b   10?[2J?01  2001          100       "
		     "99     3  to\n");
	expect_shown(DONE, show_calls, (struct show_options){0}, "no calls\n");
}

Test(ctl, json_is_an_array)
{
	expect_shown("{\"a\":1}\n{\"a\":2}\n" DONE, show_stats, (struct show_options){.json = true},
		     "[\n{\"a\":1},\n{\"a\":2}\n]\n");
	expect_shown(DONE, show_calls, (struct show_options){.json = true}, "[]\n");
}

#define ROW(group, object, name, value)                                                            \
	"{\"group\":\"" group "\",\"object\":\"" object "\",\"name\":\"" name                      \
	"\",\"value\":" value "}\n"

Test(ctl, stats)
{
	expect_shown(ROW("port", "to-a", "rx_pkts", "12345") ROW("sip", "", "calls", "1") DONE,
		     show_stats, (struct show_options){0},
		     "GROUP  OBJECT  NAME     VALUE\n"
		     "port   to-a    rx_pkts  12345\n"
		     "sip    -       calls        1\n");
}

#define PORTS                                                                                      \
	ROW("port", "to-a", "rx_pkts", "5")                                                        \
	ROW("port", "to-a", "tx_pkts", "6") ROW("port", "to-b", "rx_pkts", "7") DONE

Test(ctl, ports_side_by_side)
{
	expect_shown(PORTS, show_ports, (struct show_options){0},
		     "COUNTER  to-a  to-b\n"
		     "rx_pkts     5     7\n"
		     "tx_pkts     6     0\n");
	expect_shown(PORTS, show_ports, (struct show_options){.json = true},
		     "[\n{\"port\":\"to-a\",\"rx_pkts\":5,\"tx_pkts\":6},\n{\"port\":\"to-b\",\"rx_"
		     "pkts\":7,\"tx_pkts\":0}\n]\n");
}

#define DROPS                                                                                      \
	ROW("drops", "eth-type", "pkts", "3")                                                      \
	ROW("drops", "truncated", "pkts", "0") ROW("drops", "udp-port", "pkts", "42") DONE

Test(ctl, drops_most_first_with_their_meaning)
{
	expect_shown(DROPS, show_drops, (struct show_options){0},
		     "REASON    PKTS  MEANING\n"
		     "udp-port    42  no service at that UDP port\n"
		     "eth-type     3  neither IPv4, IPv6 nor ARP\n");
	expect_shown(DROPS, show_drops, (struct show_options){.all = true},
		     "REASON     PKTS  MEANING\n"
		     "udp-port     42  no service at that UDP port\n"
		     "eth-type      3  neither IPv4, IPv6 nor ARP\n"
		     "truncated     0  shorter than its headers say\n");
	expect_shown(ROW("drops", "truncated", "pkts", "0") DONE, show_drops,
		     (struct show_options){0}, "no drops\n");
	expect_shown(DROPS, show_drops, (struct show_options){.json = true},
		     "[\n{\"reason\":\"udp-port\",\"meaning\":\"no service at that UDP "
		     "port\",\"pkts\":42},\n"
		     "{\"reason\":\"eth-type\",\"meaning\":\"neither IPv4, IPv6 nor "
		     "ARP\",\"pkts\":3}\n]\n");
	expect_shown(DONE, show_drops, (struct show_options){.json = true, .all = true}, "[]\n");
}

/* Meanings are put into JSON as they are. */
Test(ctl, meanings_need_no_escapes)
{
	static const char *const words[][2] = {DROP_WORDS};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		cr_expect(!strpbrk(words[i][1], "\"\\") && !strpbrk(words[i][0], "\"\\"), "%s",
			  words[i][0]);
}

Test(ctl, the_call_that_was_ended)
{
	expect_shown(CALL("17b8-0-2", "2024-02-29T12:00:05.000Z", "null", "1001") DONE, show_hangup,
		     (struct show_options){0},
		     "ENDED  FROM  TO  CALLER  CALLED\n"
		     "0-2    a     b   1001    2001\n");
}

static void expect_error(const char *text, int err, const char *error, const char *details)
{
	struct answer answer = ask(text, err);

	cr_expect_str_eq(answer.error ? answer.error : "(none)", error);
	cr_expect_str_eq(answer.details ? answer.details : "(none)", details);
	answer_free(&answer);
}

Test(ctl, errors_of_the_control_plane)
{
	expect_error("{\"error\":\"there is no such call\"}\n", 0, "there is no such call",
		     "(none)");
	expect_error("{\"error\":\"refused\",\"details\":[\"f:1: \\\"a\\\"\",\"f:2: b\"]}\n", 0,
		     "refused", "f:1: \"a\"\nf:2: b");
	expect_error("{\"a\":1}\n", -ECONNRESET,
		     "the control plane closed the connection before its answer was whole",
		     "(none)");
	expect_error("", -ECONNRESET,
		     "the control plane closed the connection before its answer was whole",
		     "(none)");
	expect_error("rubbish\n", -EPROTO,
		     "the control plane's answer cannot be read: Protocol error", "(none)");
	expect_error("[1]\n", -EPROTO, "the control plane's answer cannot be read: Protocol error",
		     "(none)");
}

Test(ctl, nobody_there)
{
	struct answer answer;

	cr_expect_eq(client_ask("/nonexistent/limenctl.sock", SPAN("{}"), &answer), -ENOENT);
	cr_expect_str_eq(
		answer.error,
		"the control plane is not running: nobody answers at /nonexistent/limenctl.sock");
	answer_free(&answer);
}

/* More columns than fit are left out, none is written past the end. */
Test(ctl, tables_are_bounded)
{
	struct table table = {0};

	for (unsigned i = 0; i < TABLE_COLUMNS_MAX + 5; i++)
		table_head(&table, ">h");
	cr_expect_eq(table.ncolumns, TABLE_COLUMNS_MAX);
	cr_expect_eq(table.ncells, TABLE_COLUMNS_MAX);
	table_free(&table);
}
