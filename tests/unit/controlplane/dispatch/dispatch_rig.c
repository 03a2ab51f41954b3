/* SPDX-License-Identifier: BSD-3-Clause */
/* See dispatch_rig.h. */
#include "dispatch_rig.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/log/log.h"

void write_conf(const struct test *test, const char *text)
{
	FILE *file = fopen(test->conf, "w");
	const char *dir;

	cr_assert_not_null(file);
	for (; (dir = strstr(text, "DIR")); text = dir + 3)
		fprintf(file, "%.*s%s", (int)(dir - text), text, test->dir);
	fputs(text, file);
	fclose(file);
}

void turns(struct test *test, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct timeval step = {.tv_usec = 1000};

		event_base_loopexit(test->base, &step);
		event_base_dispatch(test->base);
	}
}

void start(struct test *test)
{
	struct conf_error errors[8];
	struct conf *conf;
	unsigned nerrors;

	test->base = event_base_new();
	strcpy(test->dir, "/tmp/limen-dispatch-XXXXXX");
	cr_assert_not_null(mkdtemp(test->dir));
	snprintf(test->conf, sizeof(test->conf), "%s/limen.yaml", test->dir);
	snprintf(test->cdr, sizeof(test->cdr), "%s/cdr.jsonl", test->dir);
	snprintf(test->log, sizeof(test->log), "%s/log", test->dir);
	snprintf(test->socket, sizeof(test->socket), "%s/" CONF_ADMIN_SOCKET, test->dir);
	write_conf(test, TEXT("", ROUTES));
	cr_assert_eq(conf_load(test->conf, &conf, errors, 8, &nerrors), 0, "%s", errors[0].reason);
	cr_assert_eq(log_open("test", LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, test->log), 0);
	cr_assert_eq(dispatch_new(&test->dispatch, test->base, conf), 0);
	test->operator_fd = -1;
}

void stop(struct test *test)
{
	char command[128];

	if (test->operator_fd >= 0)
		close(test->operator_fd);
	dispatch_free(test->dispatch);
	event_base_free(test->base);
	snprintf(command, sizeof(command), "rm -rf %s", test->dir);
	cr_assert_eq(system(command), 0);
	free(test);
}

struct test *new_test(void)
{
	struct test *test = calloc(1, sizeof(*test));

	start(test);
	return test;
}

bool file_holds(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	static char whole[1 << 20];
	size_t len = file ? fread(whole, 1, sizeof(whole) - 1, file) : 0;

	whole[len] = '\0';
	if (file)
		fclose(file);
	return strstr(whole, text) != NULL;
}

const struct fake_sent *last_sent(uint16_t type)
{
	for (unsigned i = fake_link.nsent; i-- > 0 && fake_link.nsent - i < FAKE_SENT_MAX;) {
		if (fake_link.sent[i % FAKE_SENT_MAX].type == type)
			return &fake_link.sent[i % FAKE_SENT_MAX];
	}
	return NULL;
}

unsigned count_sent(uint16_t type)
{
	return fake_link.ntype[type];
}

/* limenctl: ask, and gather what comes. */
void note_reload(void *arg, int err)
{
	*(int *)arg = err;
}

/* What a reload came to, which runs beside the loop. */
int reloaded(struct test *test)
{
	int err = 1;

	dispatch_reload(test->dispatch, note_reload, &err);
	for (unsigned i = 0; i < 5000 && err == 1; i++)
		turns(test, 1);
	cr_assert_neq(err, 1, "it never ended");
	return err;
}

void operator_asks(struct test *test, const char *request)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (test->operator_fd < 0) {
		test->operator_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		strcpy(address.sun_path, test->socket);
		cr_assert_eq(
			connect(test->operator_fd, (struct sockaddr *)&address, sizeof(address)),
			0);
	}
	test->heard[0] = '\0';
	cr_assert_gt(dprintf(test->operator_fd, "%s\n", request), 0);
	turns(test, 10);
}

const char *operator_hears(struct test *test)
{
	size_t len = strlen(test->heard);

	for (unsigned i = 0; i < 20; i++) {
		ssize_t n =
			read(test->operator_fd, test->heard + len, sizeof(test->heard) - 1 - len);

		len += n > 0 ? (size_t)n : 0;
		turns(test, 2);
	}
	test->heard[len] = '\0';
	return test->heard;
}

void say_ask(unsigned ring, uint64_t ask_id, const char *source)
{
	static const char invite[] =
		"INVITE sip:2001@10.99.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"10.99.1.2;branch=z9hG4bK1\r\nFrom: <sip:1001@x>;tag=1\r\n"
		"To: <sip:2001@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
	struct ipc_ask ask = {.ask_id = ask_id, .msg_len = sizeof(invite) - 1};

	net_endpoint_parse(span_str(source), 5060, &ask.source);
	ask.local = ask.source;
	fake_link_say(ring, IPC_ASK, &ask, sizeof(ask), invite);
}

struct ipc_call_end end_of(uint64_t call, uint8_t worker)
{
	return (struct ipc_call_end){
		.call = call,
		.worker = worker,
		.started_ns = UINT64_C(1709208000000000000) + call,
		.ended_ns = UINT64_C(1709208001000000000),
		.status = 200,
		.call_id_len = {3, 3},
		.context_len = sizeof(CONTEXT) - 1,
		.peer = {{.addr = {{10, 99, 1, 2}}, .port = 5060, .family = NET_IP4}}};
}

void say_end(unsigned ring, uint64_t call, uint8_t worker)
{
	const struct ipc_call_end end = end_of(call, worker);

	fake_link_say(ring, IPC_CALL_END, &end, sizeof(end), "abcdef" CONTEXT);
}

/* Run until so many acknowledgements were sent, or a second. */
bool acknowledged(struct test *test, unsigned n)
{
	for (unsigned i = 0; i < 200 && count_sent(IPC_CALL_END_ACK) < n; i++)
		turns(test, 5);
	return count_sent(IPC_CALL_END_ACK) == n;
}
