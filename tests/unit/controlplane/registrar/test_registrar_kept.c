/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrations: refreshes that limen answers itself, and that a restart forgets nobody. */
#include "rig.h"

/* ---- expiries, and refreshes that limen answers ---- */

Test(registrar_kept, too_brief_and_overtaken)
{
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS];

	begin(&test, false);
	test.min_expires_s = 120;
	cr_expect_eq(send_register(&test, "kim", "Contact: <sip:kim@h>;expires=119\r\n",
				   "10.99.1.2", token),
		     REGISTRAR_BRIEF);
	cr_expect_eq(send_register(&test, "kim", "Contact: <sip:kim@h>\r\nExpires: 60\r\n",
				   "10.99.1.2", token),
		     REGISTRAR_BRIEF);
	cr_expect_eq(send_register(&test, "kim", "Contact: <sip:kim@h>;expires=0\r\n", "10.99.1.2",
				   token),
		     REGISTRAR_TOKEN, "who leaves may");
	test.cseq = 7;
	send_register(&test, "kim", "Contact: <sip:kim@h>;expires=120\r\n", "10.99.1.2", token);
	grant(&test, token, 120);
	test.cseq = 6;
	cr_expect_eq(send_register(&test, "kim", "Contact: <sip:kim@h>;expires=0\r\n", "10.99.1.2",
				   token),
		     REGISTRAR_OVERTAKEN);
	test.call_id = "2";
	cr_expect_eq(send_register(&test, "kim", "Contact: <sip:kim@h>;expires=0\r\n", "10.99.1.2",
				   token),
		     REGISTRAR_TOKEN, "another Call-ID counts anew");
	stop(&test);
}

#define KIM "Contact: <sip:kim@192.168.1.2:5066>;expires=600\r\n"

static struct test start_absorbing(void)
{
	struct test test = start();

	test.conf.absorb = true;
	test.conf.core_expires_s = 3600;
	test.nat_expires_s = 60;
	test.expires_s = 300;
	test.cseq = 1;
	return test;
}

Test(registrar_kept, a_refresh_is_answered_by_limen_and_nothing_else_is)
{
	static const struct {
		const char *contacts, *source, *call_id;
		int cseq;
		const char *what;
	} goes_on[] = {
		{KIM, "10.99.1.7:40001", "1", 9, "from another port"},
		{KIM, "10.99.1.8:40000", "1", 9, "from another address"},
		{KIM, "10.99.1.7:40000", "2", 9, "under another Call-ID"},
		{"Contact: <sip:kim@192.168.1.2:5067>;expires=600\r\n", "10.99.1.7:40000", "1", 9,
		 "another contact"},
		{"Contact: <sip:kim@192.168.1.2:5066>;expires=600;q=0.5\r\n", "10.99.1.7:40000",
		 "1", 9, "another q"},
		{"Contact: <sip:kim@192.168.1.2:5066>;expires=0\r\n", "10.99.1.7:40000", "1", 9,
		 "it leaves"},
		{KIM "Contact: <sip:more@h>\r\n", "10.99.1.7:40000", "1", 9, "one contact more"},
	};
	struct test test = start_absorbing();
	char token[REGISTRAR_TOKEN_CHARS];
	struct binding binding;

	begin(&test, false);
	cr_assert_eq(send_register(&test, "kim", KIM, "10.99.1.7:40000", token), REGISTRAR_TOKEN);
	cr_expect_eq(last.contacts[0].expires_s, 3600, "asked for longer");
	cr_expect_eq(last.told_max_s, 60, "behind NAT");
	grant(&test, token, 3600);
	cr_assert(registrar_find(test.registrar, of(token), &binding));
	cr_expect_eq(binding.core_s - binding.expires_s, 3540);
	test.cseq = 2;
	cr_assert_eq(send_register(&test, "kim", KIM, "10.99.1.7:40000", token),
		     REGISTRAR_ABSORBED);
	cr_expect_str_eq(headers_of(), "Contact: <sip:kim@192.168.1.2:5066>;expires=60\r\n");
	cr_assert_eq(send_register(&test, "kim", KIM, "10.99.1.7:40000", token),
		     REGISTRAR_ABSORBED, "sent again");
	test.cseq = 1;
	cr_expect_eq(send_register(&test, "kim", KIM, "10.99.1.7:40000", token),
		     REGISTRAR_OVERTAKEN);
	for (size_t i = 0; i < sizeof(goes_on) / sizeof(goes_on[0]); i++) {
		test.cseq = (unsigned)goes_on[i].cseq;
		test.call_id = goes_on[i].call_id;
		cr_expect_eq(send_register(&test, "kim", goes_on[i].contacts, goes_on[i].source,
					   token),
			     REGISTRAR_TOKEN, "%s", goes_on[i].what);
		answer(&test, 403, "");
	}
	test.call_id = "1";
	cr_expect_eq(send_register(&test, "tom", KIM, "10.99.1.7:40000", token), REGISTRAR_TOKEN,
		     "somebody else");
	cr_expect_eq(stats_of(&test).absorbed, 2);
	stop(&test);
}

Test(registrar_kept, the_registrar_hears_of_it_before_its_own_time_is_up)
{
	struct test test = start_absorbing();
	char token[REGISTRAR_TOKEN_CHARS];

	begin(&test, false);
	send_register(&test, "kim", KIM, "10.99.1.7:40000", token);
	grant(&test, token, 80);
	test.cseq = 2;
	cr_expect_eq(send_register(&test, "kim", KIM, "10.99.1.7:40000", token), REGISTRAR_TOKEN,
		     "60 s more would outlive it");
	grant(&test, token, 120);
	test.cseq = 3;
	cr_expect_eq(send_register(&test, "kim", KIM, "10.99.1.7:40000", token),
		     REGISTRAR_ABSORBED);
	/* not behind NAT: as long as asked, or as the trunk lets */
	send_register(&test, "tom", "Contact: <sip:tom@10.99.1.9>;expires=600\r\n", "10.99.1.9",
		      token);
	cr_expect_eq(last.told_max_s, 300);
	send_register(&test, "tom", "Contact: <sip:tom@10.99.1.9>;expires=200\r\n", "10.99.1.9",
		      token);
	cr_expect_eq(last.told_max_s, 200);
	stop(&test);
}

/* The files as they lie there while the registrar lives are what a kill -9 leaves. */
static void take_files(struct test *test)
{
	char command[256];

	snprintf(command, sizeof(command), "cd %s && cp b.sqlite left.sqlite && cp b.sqlite-wal "
		 "left.sqlite-wal", test->dir);
	cr_assert_eq(system(command), 0);
	snprintf(test->file, sizeof(test->file), "%s/left.sqlite", test->dir);
}

Test(registrar_kept, what_a_kill_leaves_forgets_nobody)
{
	enum { N = 200 };
	struct test test = start();
	char tokens[N][REGISTRAR_TOKEN_CHARS], again[REGISTRAR_TOKEN_CHARS];
	struct binding binding;

	begin(&test, true);
	for (unsigned i = 0; i < N; i++) {
		char user[16], contact[64];

		snprintf(user, sizeof(user), "user%u", i);
		snprintf(contact, sizeof(contact), "Contact: <sip:user%u@192.168.0.%u>\r\n", i, i);
		send_register(&test, user, contact, "10.99.1.2:40000", tokens[i]);
		grant(&test, tokens[i], i % 10 ? 600 : 1);
	}
	for (unsigned i = 0; i < 500 && stats_of(&test).rows < N; i++)
		turns(&test, 10);
	cr_assert_eq(stats_of(&test).rows, N);
	take_files(&test);
	close_registrar(&test);
	sleep(2); /* a tenth of them is over meanwhile */
	begin(&test, true);
	for (unsigned i = 0; i < N; i++) {
		bool found = registrar_find(test.registrar, of(tokens[i]), &binding);
		char user[16];

		snprintf(user, sizeof(user), "user%u", i);
		cr_expect_eq(found, i % 10 != 0, "%s", user);
		if (found)
			cr_expect(span_eq(binding.user, span_str(user)));
	}
	cr_expect_eq(stats_of(&test).bindings, N - N / 10);
	send_register(&test, "user7", "Contact: <sip:user7@192.168.0.7>\r\n", "10.99.1.2", again);
	cr_expect_eq(memcmp(again, tokens[7], sizeof(again)), 0, "the key is kept too");
	stop(&test);
}

Test(registrar_kept, a_quiet_end_writes_what_waits)
{
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS];
	struct binding binding;

	begin(&test, true);
	for (unsigned i = 0; i < 500; i++) {
		char user[16];

		snprintf(user, sizeof(user), "u%u", i);
		send_register(&test, user, "Contact: <sip:u@h>\r\n", "10.99.1.2", token);
		grant(&test, token, 600);
	}
	close_registrar(&test);
	open_registrar(&test);
	cr_expect_eq(stats_of(&test).bindings, 500);
	cr_expect(registrar_find(test.registrar, of(token), &binding));
	send_register(&test, "u499", "Contact: *\r\n", "10.99.1.2", token);
	answer(&test, 200, "");
	close_registrar(&test);
	open_registrar(&test);
	cr_expect_eq(stats_of(&test).bindings, 499, "what went is gone");
	stop(&test);
}

Test(registrar_kept, another_file_gets_all_that_is_known)
{
	struct test test = start();
	struct conf_registrar other = {.bindings_max = 1000};
	char token[REGISTRAR_TOKEN_CHARS], path[128];
	struct binding binding;

	begin(&test, false);
	send_register(&test, "kim", "Contact: <sip:kim@h>\r\n", "10.99.1.2", token);
	grant(&test, token, 600);
	other.file = test.file;
	cr_assert_eq(registrar_configure(test.registrar, &other), 0);
	cr_expect(registrar_find(test.registrar, of(token), &binding));
	snprintf(path, sizeof(path), "%s/missing/b.sqlite", test.dir);
	other.file = path;
	cr_expect_eq(registrar_configure(test.registrar, &other), -ENOENT);
	close_registrar(&test);
	test.conf.file = test.file;
	open_registrar(&test);
	cr_expect(registrar_find(test.registrar, of(token), &binding));
	stop(&test);
}

Test(registrar_kept, a_file_that_is_none_is_refused)
{
	static const char *const texts[] = {
		"not a database, but long enough to be taken for one, if "
		"only somebody would believe it",
		NULL};
	struct test test = start();
	FILE *file;

	test.base = event_base_new();
	test.conf.file = test.file;
	file = fopen(test.file, "w");
	for (unsigned i = 0; i < 100; i++)
		fputs(texts[0], file);
	fclose(file);
	cr_expect_eq(registrar_new(&test.registrar, test.base, &test.conf), -EINVAL);
	cr_expect_null(test.registrar);
	stop(&test);
}
