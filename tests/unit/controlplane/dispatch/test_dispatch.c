/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole control plane but for the link: the test plays the dataplane on one side and limenctl
 * on the other. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "common/log/log.h"
#include "dispatch_rig.h"

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
