/* SPDX-License-Identifier: BSD-3-Clause */
/* What the operator asks of both processes: calls, counters, the end of a call. */
#include <stdio.h>

#include "dispatch_rig.h"

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

Test(listing, calls_of_all_workers_piece_by_piece)
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
Test(listing, stray_rows_are_nobodys)
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

Test(listing, counters_of_both_processes)
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

Test(listing, without_a_dataplane_the_operator_hears_why)
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

Test(listing, requests_that_are_none)
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

Test(listing, the_operator_ends_a_call)
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
