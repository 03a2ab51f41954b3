/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole control plane but for the link: the test plays the dataplane on one side and limenctl
 * on the other. */
#include "controlplane/dispatch/dispatch.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../conf_text.h"
#include "common/log/log.h"
#include "fake_link.h"

#define ROUTES "routes:\n  - {from: a, to: b}\n"
/* DIR stands for the test's directory. */
#define TEXT(machine, more)                                                                        \
	"machine: {workers: [1, 2], run_dir: DIR" machine "}\n"                                    \
	"ports: [{name: pa, device: net_null0}, {name: pb, device: net_null1}]\n"                  \
	"realms:\n"                                                                                \
	"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"                                    \
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"                                    \
	"trunks:\n"                                                                                \
	"  - {name: a, realm: ra, peers: [10.99.1.2]}\n"                                           \
	"  - {name: b, realm: rb, peers: [10.99.2.2]}\n"                                           \
	"cdr: {file: DIR/cdr.jsonl}\nlog: {file: DIR/log}\n" more

struct test {
	struct event_base *base;
	struct dispatch *dispatch;
	char dir[64], conf[96], cdr[96], log[96], socket[96];
	int operator_fd;
	char heard[1 << 20];
};

static void write_conf(const struct test *test, const char *text)
{
	FILE *file = fopen(test->conf, "w");
	const char *dir;

	cr_assert_not_null(file);
	for (; (dir = strstr(text, "DIR")); text = dir + 3)
		fprintf(file, "%.*s%s", (int)(dir - text), text, test->dir);
	fputs(text, file);
	fclose(file);
}

static void turns(struct test *test, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct timeval step = {.tv_usec = 1000};

		event_base_loopexit(test->base, &step);
		event_base_dispatch(test->base);
	}
}

static void start(struct test *test)
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

static void stop(struct test *test)
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

static struct test *new_test(void)
{
	struct test *test = calloc(1, sizeof(*test));

	start(test);
	return test;
}

static bool file_holds(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	static char whole[1 << 20];
	size_t len = file ? fread(whole, 1, sizeof(whole) - 1, file) : 0;

	whole[len] = '\0';
	if (file)
		fclose(file);
	return strstr(whole, text) != NULL;
}

static const struct fake_sent *last_sent(uint16_t type)
{
	for (unsigned i = fake_link.nsent; i-- > 0 && fake_link.nsent - i < FAKE_SENT_MAX;) {
		if (fake_link.sent[i % FAKE_SENT_MAX].type == type)
			return &fake_link.sent[i % FAKE_SENT_MAX];
	}
	return NULL;
}

static unsigned count_sent(uint16_t type)
{
	return fake_link.ntype[type];
}

/* limenctl: ask, and gather what comes. */
static void note_reload(void *arg, int err)
{
	*(int *)arg = err;
}

/* What a reload came to, which runs beside the loop. */
static int reloaded(struct test *test)
{
	int err = 1;

	dispatch_reload(test->dispatch, note_reload, &err);
	for (unsigned i = 0; i < 5000 && err == 1; i++)
		turns(test, 1);
	cr_assert_neq(err, 1, "it never ended");
	return err;
}

static void operator_asks(struct test *test, const char *request)
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

static const char *operator_hears(struct test *test)
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

static void say_ask(unsigned ring, uint64_t ask_id, const char *source)
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

#define CONTEXT "1 a b ra rb 1001 2001"

static struct ipc_call_end end_of(uint64_t call, uint8_t worker)
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

static void say_end(unsigned ring, uint64_t call, uint8_t worker)
{
	const struct ipc_call_end end = end_of(call, worker);

	fake_link_say(ring, IPC_CALL_END, &end, sizeof(end), "abcdef" CONTEXT);
}

/* Run until so many acknowledgements were sent, or a second. */
static bool acknowledged(struct test *test, unsigned n)
{
	for (unsigned i = 0; i < 200 && count_sent(IPC_CALL_END_ACK) < n; i++)
		turns(test, 5);
	return count_sent(IPC_CALL_END_ACK) == n;
}

Test(dispatch, questions_are_answered_on_their_ring)
{
	struct test *test = new_test();
	const struct ipc_verdict *verdict;

	fake_link_up(1);
	say_ask(2, 11, "10.99.1.2");
	verdict = (const struct ipc_verdict *)(const void *)last_sent(IPC_VERDICT)->frame;
	cr_expect_eq(last_sent(IPC_VERDICT)->ring, 2);
	cr_expect_eq(verdict->ask_id, 11);
	cr_expect_eq(verdict->status, 0);
	say_ask(1, 12, "10.99.1.3");
	verdict = (const struct ipc_verdict *)(const void *)last_sent(IPC_VERDICT)->frame;
	cr_expect_eq(last_sent(IPC_VERDICT)->ring, 1);
	cr_expect_eq(verdict->status, 403);
	cr_expect(file_holds(
		test->log, "info test/policy: refused status=403 why=\"no trunk names this "
			   "source\" kind=request realm=ra "
			   "source=10.99.1.3:5060 trunk=\"\" called=\"\" route=-1 held_back=0\n"));
	cr_expect(file_holds(test->log, "debug test/policy: accepted kind=request realm=ra "
					"source=10.99.1.2:5060 trunk=a source_bits=32 "
					"called=2001 route=0 to=b\n"));
	stop(test);
}

static const struct ipc_settings *last_settings(unsigned ring)
{
	const struct fake_sent *sent = last_sent(IPC_SETTINGS);

	cr_assert_not_null(sent);
	cr_expect_eq(sent->ring, ring);
	return (const struct ipc_settings *)(const void *)sent->frame;
}

Test(dispatch, workers_are_told_their_settings)
{
	struct test *test = new_test();
	const struct ipc_settings *settings;

	cr_expect_eq(count_sent(IPC_SETTINGS), 0);
	fake_link_up(1);
	cr_expect_eq(count_sent(IPC_SETTINGS), FAKE_WORKERS);
	settings = last_settings(2);
	cr_expect_eq(settings->busy_permille_max, 950);
	cr_expect_eq(settings->retry_after_s, 5);
	cr_expect(span_eq(ipc_settings_emergency(settings), SPAN("112\n911\nurn:service:sos")));
	write_conf(test, TEXT("", ROUTES "overload: {busy_percent_max: 70, retry_after_s: 9}\n"
					 "emergency: {services: [\"110\"]}\n"));
	fake_link.full = true;
	cr_expect_eq(reloaded(test), 0);
	cr_expect_eq(count_sent(IPC_SETTINGS), FAKE_WORKERS);
	fake_link.full = false;
	for (unsigned i = 0; i < 200 && count_sent(IPC_SETTINGS) < 2 * FAKE_WORKERS; i++)
		turns(test, 5);
	settings = last_settings(2);
	cr_expect_eq(settings->busy_permille_max, 700);
	cr_expect_eq(settings->retry_after_s, 9);
	cr_expect(span_eq(ipc_settings_emergency(settings), SPAN("110")));
	stop(test);
}

/* Trunk b with two peers, probed each second. */
#define PROBED                                                                                     \
	"machine: {workers: [1, 2], run_dir: DIR}\n"                                               \
	"ports: [{name: pa, device: net_null0}, {name: pb, device: net_null1}]\n"                  \
	"realms:\n"                                                                                \
	"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"                                    \
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"                                    \
	"trunks:\n"                                                                                \
	"  - {name: a, realm: ra, peers: [10.99.1.2]}\n"                                           \
	"  - {name: b, realm: rb, peers: [10.99.2.2, \"10.99.2.3;priority=1;weight=5\"], "         \
	"options_interval_s: 1, options_down_after: 1}\n"                                          \
	"cdr: {file: DIR/cdr.jsonl}\nlog: {file: DIR/log}\n" ROUTES

static void end_probe(const struct fake_sent *sent, uint16_t status)
{
	const struct ipc_probe *probe = (const struct ipc_probe *)(const void *)sent->frame;
	const struct ipc_probe_end end = {
		.probe_id = probe->probe_id, .status = status, .rtt_us = 2500};

	fake_link_say(sent->ring, IPC_PROBE_END, &end, sizeof(end), "");
}

static const struct ipc_verdict *verdict_now(void)
{
	say_ask(1, 5, "10.99.1.2");
	return (const struct ipc_verdict *)(const void *)last_sent(IPC_VERDICT)->frame;
}

Test(dispatch, peers_are_probed_and_those_that_are_down_left_out)
{
	struct test *test = new_test();
	unsigned from = 0, ended = 0, rings = 0;

	write_conf(test, PROBED);
	cr_assert_eq(reloaded(test), 0);
	turns(test, 20);
	cr_expect_eq(count_sent(IPC_PROBE), 0, "nobody is there who could");
	fake_link_up(1);
	for (unsigned i = 0; i < 400 && ended < 2; i++) {
		turns(test, 5);
		for (; from < fake_link.nsent; from++) {
			const struct fake_sent *sent = &fake_link.sent[from % FAKE_SENT_MAX];
			const struct ipc_probe *probe =
				(const struct ipc_probe *)(const void *)sent->frame;

			if (sent->type != IPC_PROBE)
				continue;
			rings |= 1u << sent->ring;
			ended++;
			cr_expect_eq(probe->realm, 1);
			cr_expect(span_eq(ipc_probe_from(probe), SPAN("<sip:10.99.2.1>")));
			if (probe->peer.addr.ip[3] == 2) {
				cr_expect(span_eq(ipc_probe_ruri(probe),
						  SPAN("sip:10.99.2.2:5060")));
				cr_expect(span_eq(ipc_probe_to(probe), SPAN("<sip:10.99.2.2>")));
			}
			end_probe(sent, probe->peer.addr.ip[3] == 2 ? 408 : 200);
		}
	}
	cr_assert_eq(ended, 2);
	cr_expect_eq(rings, 6, "both workers");
	cr_expect(file_holds(test->log,
			     "health: a peer is down trunk=b peer=10.99.2.2:5060"));
	cr_expect(file_holds(test->log, "a peer is up trunk=b peer=10.99.2.3:5060 status=200 "
					"rtt_us=2500"));
	cr_expect_eq(verdict_now()->ntargets, 1);
	operator_asks(test, "{\"command\":\"show trunks\"}");
	operator_hears(test);
	cr_expect_not_null(strstr(test->heard, "{\"trunk\":\"a\",\"realm\":\"ra\",\"peer\":"
					       "\"10.99.1.2:5060\",\"priority\":0,"
					       "\"srv_priority\":0,\"weight\":0,\"state\":\"unprobed\","));
	cr_expect_not_null(strstr(test->heard, "\"peer\":\"10.99.2.2:5060\",\"priority\":0,"
					       "\"srv_priority\":0,\"weight\":0,\"state\":\"down\","
					       "\"status\":408,\"rtt_us\":0,\"since\":\"20"));
	cr_expect_not_null(strstr(test->heard, "\"peer\":\"10.99.2.3:5060\",\"priority\":1,"
					       "\"srv_priority\":0,\"weight\":5,\"state\":\"up\","
					       "\"status\":200,\"rtt_us\":2500,"));
	cr_assert_eq(reloaded(test), 0);
	cr_expect_eq(verdict_now()->ntargets, 1, "known after a reload");
	fake_link_down();
	fake_link_up(2);
	cr_expect_eq(verdict_now()->ntargets, 2, "unknown is usable");
	stop(test);
}

#define ACCESS                                                                                     \
	"machine: {workers: [1, 2], run_dir: DIR}\n"                                               \
	"ports: [{name: pa, device: net_null0}, {name: pb, device: net_null1}]\n"                  \
	"realms:\n"                                                                                \
	"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"                                    \
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"                                    \
	"trunks:\n"                                                                                \
	"  - {name: a, realm: ra, peers: [10.99.1.2], methods: [REGISTER]}\n"                      \
	"  - {name: b, realm: rb, peers: [10.99.2.2]}\n"                                           \
	"registrar: {file: DIR/bindings.sqlite}\n"                                                 \
	"cdr: {file: DIR/cdr.jsonl}\nlog: {file: DIR/log}\n" ROUTES

#define SIP_HEAD(number)                                                                           \
	"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:" number "@x>;tag=1\r\n"                 \
	"To: <sip:" number "@x>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"

/* One user registers by way of limen. */
static void register_user(uint64_t ask_id)
{
	static const char request[] = "REGISTER sip:x SIP/2.0\r\n" SIP_HEAD("1001")
		"Contact: <sip:1001@192.168.1.5>\r\nContent-Length: 0\r\n\r\n";
	struct ipc_ask head = {.ask_id = ask_id, .msg_len = sizeof(request) - 1};
	struct ipc_answer answer = {.call = ask_id, .status = 200};
	struct ipc_target_view view;
	uint32_t at = 0;
	char text[1024];

	cr_assert_eq(net_endpoint_parse(SPAN("10.99.1.2"), 5060, &head.source), 0);
	head.local = head.source;
	fake_link_say(1, IPC_ASK, &head, sizeof(head), request);
	cr_assert(ipc_verdict_next_target(
		(const struct ipc_verdict *)(const void *)last_sent(IPC_VERDICT)->frame, &at,
		&view));
	answer.msg_len = (uint32_t)snprintf(
		text, sizeof(text),
		"SIP/2.0 200 OK\r\n" SIP_HEAD("1001") "Contact: %.*s;expires=300\r\n"
		"Content-Length: 0\r\n\r\n",
		SPAN_FMT(view.contact));
	fake_link_say(1, IPC_ANSWER, &answer, sizeof(answer), text);
}

Test(dispatch, users_are_listed_and_outlive_a_reload)
{
	struct test *test = new_test();
	const char *wanted =
		"{\"user\":\"1001\",\"trunk\":\"a\",\"contact\":\"sip:1001@192.168.1.5\","
		"\"source\":\"10.99.1.2:5060\",\"since\":\"20";

	write_conf(test, ACCESS);
	cr_assert_eq(reloaded(test), 0);
	fake_link_up(1);
	operator_asks(test, "{\"command\":\"show users\"}");
	cr_expect_str_eq(operator_hears(test), "{\"done\":true}\n");
	register_user(5);
	operator_asks(test, "{\"command\":\"show users\"}");
	cr_expect_not_null(strstr(operator_hears(test), wanted), "%s", test->heard);
	cr_assert_eq(reloaded(test), 0);
	fake_link_down();
	operator_asks(test, "{\"command\":\"show users\"}");
	cr_expect_not_null(strstr(operator_hears(test), wanted));
	stop(test);
}

Test(dispatch, a_file_of_bindings_that_cannot_be_is_refused)
{
	struct test *test = new_test();

	write_conf(test, TEXT("", ROUTES "registrar: {file: DIR/missing/b.sqlite}\n"));
	cr_expect_neq(reloaded(test), 0);
	cr_expect(file_holds(test->log, "registrar.file cannot be opened: "));
	stop(test);
}

Test(dispatch, a_flood_of_refusals_is_no_flood_of_lines)
{
	struct test *test = new_test();
	char line[256];
	unsigned lines = 0;
	FILE *log;

	fake_link_up(1);
	for (unsigned i = 0; i < 1000; i++)
		say_ask(1, i, "10.99.1.3");
	cr_expect_eq(count_sent(IPC_VERDICT), 1000);
	log = fopen(test->log, "r");
	while (fgets(line, sizeof(line), log))
		lines += strstr(line, "refused") != NULL;
	fclose(log);
	cr_expect_eq(lines, 60);
	stop(test);
}

Test(dispatch, a_record_is_acknowledged_once_it_is_on_disk)
{
	struct test *test = new_test();
	const struct ipc_call_end_ack *ack;

	fake_link_up(1);
	say_end(2, 5, 1);
	cr_expect_eq(count_sent(IPC_CALL_END_ACK), 0);
	cr_assert(acknowledged(test, 1));
	ack = (const struct ipc_call_end_ack *)(const void *)last_sent(IPC_CALL_END_ACK)->frame;
	cr_expect_eq(ack->call, 5);
	cr_expect_eq(last_sent(IPC_CALL_END_ACK)->ring, 2);
	cr_expect(file_holds(test->cdr, "\"trunks\":[\"a\",\"b\"],\"realms\":[\"ra\",\"rb\"],"
					"\"caller\":\"1001\",\"called\":\"2001\""));
	stop(test);
}

Test(dispatch, a_record_of_another_workers_ring_is_not_taken)
{
	struct test *test = new_test();

	fake_link_up(1);
	say_end(1, 5, 1);
	turns(test, 20);
	cr_expect_eq(count_sent(IPC_CALL_END_ACK), 0);
	cr_expect_not(file_holds(test->cdr, "call"));
	stop(test);
}

Test(dispatch, acknowledgements_wait_for_room_in_the_ring)
{
	struct test *test = new_test();

	fake_link_up(1);
	fake_link.full = true;
	for (uint64_t call = 1; call <= 500; call++)
		say_end(1, call, 0);
	turns(test, 50);
	cr_expect_eq(count_sent(IPC_CALL_END_ACK), 0);
	fake_link.full = false;
	cr_expect(acknowledged(test, 500));
	stop(test);
}

/* The link breaks between record and acknowledgement: sent again, the record is known, and written
 * once. */
Test(dispatch, a_record_sent_again_is_acknowledged_and_written_once)
{
	struct test *test = new_test();

	fake_link_up(1);
	say_end(1, 5, 0);
	fake_link_down();
	turns(test, 50);
	cr_expect_eq(count_sent(IPC_CALL_END_ACK), 0);
	fake_link_up(1);
	say_end(1, 5, 0);
	cr_expect_eq(count_sent(IPC_CALL_END_ACK), 1, "at once");
	stop(test);
}

/* After another start of the dataplane the same handle may be another call. */
Test(dispatch, an_acknowledgement_is_for_its_own_start_of_the_dataplane)
{
	struct rlimit small = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY},
		      large = {RLIM_INFINITY, RLIM_INFINITY};
	struct test *test = new_test();

	signal(SIGXFSZ, SIG_IGN);
	fake_link_up(1);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	say_end(1, 5, 0);
	turns(test, 20);
	fake_link_down();
	fake_link_up(2);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &large), 0);
	for (unsigned i = 0; i < 400 && !file_holds(test->cdr, "call"); i++)
		turns(test, 5);
	turns(test, 20);
	cr_expect(file_holds(test->cdr, "call"));
	cr_expect_eq(count_sent(IPC_CALL_END_ACK), 0);
	stop(test);
}

static void answer_calls(const struct fake_sent *asked, unsigned ring, uint64_t first_call,
			 unsigned n, uint64_t cursor)
{
	const struct ipc_list_ask *ask = (const struct ipc_list_ask *)(const void *)asked->frame;
	const struct ipc_list_end end = {.list_id = ask->list_id, .rows = n, .cursor = cursor};

	for (unsigned i = 0; i < n; i++) {
		const struct ipc_call_row row = {
			.list_id = ask->list_id,
			.state = IPC_CALL_ANSWERED,
			.worker = (uint8_t)(ring - 1),
			.call = first_call + i,
			.started_ns = UINT64_C(1709208000000000000),
			.call_id_len = {3, 3},
			.context_len = sizeof(CONTEXT) - 1,
			.peer = {{.addr = {{10, 99, 1, 2}}, .port = 5060, .family = NET_IP4}}};

		fake_link_say(ring, IPC_CALL_ROW, &row, sizeof(row), "abcdef" CONTEXT);
	}
	fake_link_say(ring, IPC_LIST_END, &end, sizeof(end), "");
}

Test(dispatch, calls_of_all_workers_piece_by_piece)
{
	struct test *test = new_test();
	const struct ipc_list_ask *ask;
	unsigned rows = 0;
	const char *at;

	fake_link_up(1);
	operator_asks(test, "{\"command\":\"show calls\"}");
	cr_assert_eq(count_sent(IPC_CALLS_ASK), 1);
	cr_expect_eq(last_sent(IPC_CALLS_ASK)->ring, 1);
	answer_calls(last_sent(IPC_CALLS_ASK), 1, 100, 3, 7777);
	turns(test, 5);
	cr_assert_eq(count_sent(IPC_CALLS_ASK), 2);
	ask = (const struct ipc_list_ask *)(const void *)last_sent(IPC_CALLS_ASK)->frame;
	cr_expect_eq(ask->cursor, 7777);
	answer_calls(last_sent(IPC_CALLS_ASK), 1, 103, 2, 0);
	turns(test, 5);
	cr_expect_eq(last_sent(IPC_CALLS_ASK)->ring, 2);
	answer_calls(last_sent(IPC_CALLS_ASK), 2, 1, 1, 0);
	for (at = operator_hears(test); (at = strstr(at, "{\"call\":")); at++)
		rows++;
	cr_expect_eq(rows, 6);
	cr_expect_not_null(
		strstr(test->heard, "{\"call\":\"17b8539ec7418000-1-1\",\"state\":\"answered\""),
		"%s", test->heard);
	cr_expect_not_null(strstr(test->heard, "{\"done\":true}\n"));
	stop(test);
}

/* Rows of a list that is over, or of another ring, are nobody's. */
Test(dispatch, stray_rows_are_nobodys)
{
	struct test *test = new_test();

	fake_link_up(1);
	operator_asks(test, "{\"command\":\"show calls\"}");
	answer_calls(last_sent(IPC_CALLS_ASK), 2, 100, 3, 0);
	answer_calls(last_sent(IPC_CALLS_ASK), 1, 100, 1, 0);
	turns(test, 5);
	answer_calls(&fake_link.sent[0], 1, 100, 5, 0);
	answer_calls(last_sent(IPC_CALLS_ASK), 2, 1, 0, 0);
	cr_expect_null(strstr(strstr(operator_hears(test), "{\"call\"") + 1, "{\"call\""), "%s",
		       test->heard);
	answer_calls(&fake_link.sent[0], 1, 100, 5, 0);
	stop(test);
}

Test(dispatch, counters_of_both_processes)
{
	struct test *test = new_test();
	const struct ipc_list_ask *ask;
	struct ipc_stat_row row = {.group_len = 4, .object_len = 2, .name_len = 3, .value = 42};
	struct ipc_list_end end = {.rows = 2};

	fake_link_up(1);
	say_ask(1, 1, "10.99.1.2");
	operator_asks(test, "{\"command\":\"show stats\"}");
	ask = (const struct ipc_list_ask *)(const void *)last_sent(IPC_STATS_ASK)->frame;
	row.list_id = end.list_id = ask->list_id;
	fake_link_say(0, IPC_STAT_ROW, &row, sizeof(row), "portp0pkt");
	row.group_len = 5;
	fake_link_say(0, IPC_STAT_ROW, &row, sizeof(row), "dropsw0arp");
	fake_link_say(0, IPC_STATS_END, &end, sizeof(end), "");
	operator_hears(test);
	cr_expect_not_null(
		strstr(test->heard,
		       "{\"group\":\"port\",\"object\":\"p0\",\"name\":\"pkt\",\"value\":42}\n"));
	cr_expect_not_null(
		strstr(test->heard,
		       "{\"group\":\"drops\",\"object\":\"w0\",\"name\":\"arp\",\"value\":42}\n"));
	cr_expect_not_null(strstr(test->heard, "{\"group\":\"control\",\"object\":\"policy\","
					       "\"name\":\"accepted\",\"value\":1}\n"));
	operator_asks(test, "{\"command\":\"show drops\"}");
	ask = (const struct ipc_list_ask *)(const void *)last_sent(IPC_STATS_ASK)->frame;
	row.list_id = end.list_id = ask->list_id;
	fake_link_say(0, IPC_STAT_ROW, &row, sizeof(row), "dropsw0arp");
	row.group_len = 4;
	fake_link_say(0, IPC_STAT_ROW, &row, sizeof(row), "portp0pkt");
	fake_link_say(0, IPC_STATS_END, &end, sizeof(end), "");
	cr_expect_str_eq(operator_hears(test), "{\"group\":\"drops\",\"object\":\"w0\",\"name\":"
					       "\"arp\",\"value\":42}\n{\"done\":true}\n");
	stop(test);
}

Test(dispatch, without_a_dataplane_the_operator_hears_why)
{
	struct test *test = new_test();

	fake_link.conf.events->down(fake_link.conf.arg, "nobody listens", false);
	operator_asks(test, "{\"command\":\"show calls\"}");
	cr_expect_str_eq(operator_hears(test),
			 "{\"error\":\"the dataplane is not connected: nobody listens\"}\n");
	fake_link_up(1);
	operator_asks(test, "{\"command\":\"show ports\"}");
	fake_link_down();
	cr_expect_str_eq(operator_hears(test), "{\"error\":\"the dataplane went away\"}\n");
	fake_link_up(1);
	fake_link.full = true;
	operator_asks(test, "{\"command\":\"show ports\"}");
	cr_expect_str_eq(operator_hears(test),
			 "{\"error\":\"the dataplane takes no questions now\"}\n");
	stop(test);
}

Test(dispatch, requests_that_are_none)
{
	struct test *test = new_test();

	operator_asks(test, "show calls");
	cr_expect_str_eq(operator_hears(test), "{\"error\":\"the request is not JSON\"}\n");
	operator_asks(test, "{\"command\":\"dance\"}");
	cr_expect_str_eq(operator_hears(test), "{\"error\":\"no such command\"}\n");
	operator_asks(test, "[]");
	cr_expect_str_eq(operator_hears(test), "{\"error\":\"no such command\"}\n");
	operator_asks(test, "{\"command\":\"hangup\",\"call\":\"*\"}");
	cr_expect_not_null(strstr(operator_hears(test), "that is not the name of a call"));
	stop(test);
}

Test(dispatch, the_operator_ends_a_call)
{
	struct test *test = new_test();
	const struct ipc_hangup *hangup;

	fake_link_up(1);
	operator_asks(test, "{\"command\":\"hangup\",\"call\":\"1-66\"}");
	cr_assert_eq(last_sent(IPC_CALLS_ASK)->ring, 2);
	cr_expect_eq(count_sent(IPC_HANGUP), 0, "not before it was seen");
	answer_calls(last_sent(IPC_CALLS_ASK), 2, 0x64, 5, 0);
	hangup = (const struct ipc_hangup *)(const void *)last_sent(IPC_HANGUP)->frame;
	cr_expect_eq(hangup->call, 0x66);
	cr_expect_eq(count_sent(IPC_HANGUP), 1);
	cr_expect_eq(last_sent(IPC_HANGUP)->ring, 2);
	cr_expect_not_null(strstr(operator_hears(test), "{\"call\":\"17b8539ec7418000-1-66\""),
			   "%s", test->heard);
	operator_asks(test, "{\"command\":\"hangup\",\"call\":\"17b8539ec7418001-1-66\"}");
	answer_calls(last_sent(IPC_CALLS_ASK), 2, 0x64, 5, 0);
	cr_expect_str_eq(operator_hears(test), "{\"error\":\"there is no such call\"}\n",
			 "started at another time: another call");
	operator_asks(test, "{\"command\":\"hangup\",\"call\":\"9-66\"}");
	cr_expect_str_eq(operator_hears(test), "{\"error\":\"there is no such call\"}\n",
			 "no such worker");
	cr_expect_eq(count_sent(IPC_HANGUP), 1);
	stop(test);
}

static unsigned status_of(unsigned ask_id)
{
	say_ask(1, ask_id, "10.99.1.2");
	return ((const struct ipc_verdict *)(const void *)last_sent(IPC_VERDICT)->frame)->status;
}

Test(dispatch, a_reload_is_all_or_nothing)
{
	struct test *test = new_test();

	fake_link_up(1);
	cr_expect_eq(status_of(1), 0);
	write_conf(test, TEXT("", "routes:\n  - {from: a, prefix: \"20\", status: 486}\n"));
	operator_asks(test, "{\"command\":\"reload\"}");
	cr_expect_str_eq(operator_hears(test), "{\"done\":true}\n");
	cr_expect_eq(status_of(2), 486);
	write_conf(test, TEXT("", "routes:\n  - {from: a, prefix: \"20\", status: 480}\n  - {from: "
				  "c, to: b}\n"));
	operator_asks(test, "{\"command\":\"reload\"}");
	operator_hears(test);
	cr_expect_not_null(
		strstr(test->heard, "is refused; the config in force stays\",\"details\":[\""),
		"%s", test->heard);
	cr_expect_not_null(
		strstr(test->heard, ":13: routes[1].from: no such trunk: \\\"c\\\"\"]}\n"), "%s",
		test->heard);
	cr_expect_eq(status_of(3), 486);
	write_conf(test, TEXT(", max_calls: 77",
			      "routes:\n  - {from: a, prefix: \"20\", status: 480}\n"));
	operator_asks(test, "{\"command\":\"reload\"}");
	cr_expect_str_eq(operator_hears(test), "{\"error\":\"machine.max_calls changed, which "
					       "needs a restart; the config in force "
					       "stays\",\"details\":[]}\n");
	cr_expect_eq(status_of(4), 486);
	unlink(test->conf);
	cr_expect_neq(reloaded(test), 0);
	cr_expect_eq(status_of(5), 486);
	write_conf(test, TEXT("", "routes:\n  - {from: a, prefix: \"20\", status: 480}\n"));
	cr_expect_eq(reloaded(test), 0);
	cr_expect_eq(status_of(6), 480);
	stop(test);
}

Test(dispatch, a_reload_opens_the_files_again)
{
	char moved[128];
	struct test *test = new_test();

	fake_link_up(1);
	say_end(1, 5, 0);
	cr_assert(acknowledged(test, 1));
	snprintf(moved, sizeof(moved), "%s.1", test->cdr);
	rename(test->cdr, moved);
	write_conf(test, "nonsense");
	cr_expect_neq(reloaded(test), 0, "a wrong config, and all the same");
	say_end(1, 6, 0);
	cr_assert(acknowledged(test, 2));
	cr_expect(file_holds(moved, "-0-5\""));
	cr_expect_not(file_holds(moved, "-0-6\""));
	cr_expect(file_holds(test->cdr, "-0-6\""));
	snprintf(moved, sizeof(moved), "%s.2", test->cdr);
	rename(test->cdr, moved);
	write_conf(test, TEXT("", ROUTES));
	cr_assert_eq(reloaded(test), 0);
	say_end(1, 7, 0);
	cr_assert(acknowledged(test, 3));
	cr_expect(file_holds(test->cdr, "-0-7\""));
	stop(test);
}

Test(dispatch, notices_of_the_dataplane_are_logged)
{
	struct test *test = new_test();
	const struct ipc_notice notice = {.level = IPC_NOTICE_WARN, .text_len = 12};

	fake_link_up(1);
	fake_link_say(1, IPC_NOTICE, &notice, sizeof(notice), "arena \"full\"");
	cr_expect(
		file_holds(test->log, "warn test/dataplane: notice text=\"arena \\\"full\\\"\"\n"));
	stop(test);
}

static bool acked(uint64_t call)
{
	const struct fake_sent *last = last_sent(IPC_CALL_END_ACK);

	return last && ((const struct ipc_call_end_ack *)(const void *)last->frame)->call == call;
}

/* More records than memory holds while the disk is full: when there is room again the link is made
 * anew, so that the dataplane sends the refused ones once more. */
Test(dispatch, refused_records_are_asked_for_again)
{
	struct rlimit small = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY},
		      large = {RLIM_INFINITY, RLIM_INFINITY};
	struct test *test = new_test();
	char *call_id = calloc(1, 20001);
	struct ipc_call_end end = end_of(0, 0);
	uint64_t call = 0;

	memset(call_id, 'i', 20000);
	end.call_id_len[0] = end.call_id_len[1] = 10000;
	end.context_len = 0;
	signal(SIGXFSZ, SIG_IGN);
	log_threshold = LOG_LEVELS; /* the log file is full as well */
	fake_link_up(1);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	/* 64 MiB of records of 2.7 kB each */
	for (call = 1; call <= 26000; call++) {
		end.call = call;
		fake_link_say(1, IPC_CALL_END, &end, sizeof(end), call_id);
	}
	turns(test, 5);
	cr_expect_eq(fake_link.nmade, 1);
	cr_expect_eq(count_sent(IPC_CALL_END_ACK), 0);
	fake_link.full = true; /* the acknowledgements are not the point */
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &large), 0);
	for (unsigned i = 0; i < 2000 && fake_link.nmade == 1; i++)
		turns(test, 5);
	cr_expect_eq(fake_link.nmade, 2);
	cr_expect_eq(fake_link.nfreed, 1);
	fake_link.full = false;
	fake_link_up(1);
	end.call = 26000;
	fake_link_say(1, IPC_CALL_END, &end, sizeof(end), call_id);
	for (unsigned i = 0; i < 500 && !acked(26000); i++)
		turns(test, 5);
	cr_expect(acked(26000));
	cr_expect(file_holds(test->cdr, "call"));
	free(call_id);
	stop(test);
}
