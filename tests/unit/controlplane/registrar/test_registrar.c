/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrations: what an answer makes of them, and what a token finds. */
#include "rig.h"

Test(registrar, a_good_answer_makes_a_binding)
{
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS], again[REGISTRAR_TOKEN_CHARS];
	struct binding binding;

	begin(&test, false);
	cr_assert_eq(send_register(&test, "kim",
				   "Contact: <sip:kim@192.168.1.7:5062;x=y?Sub=z>\r\n",
				   "10.99.1.2:40000", token),
		     REGISTRAR_TOKEN);
	cr_expect(registrar_is_token(of(token)));
	cr_expect_not(registrar_find(test.registrar, of(token), &binding), "not before the answer");
	grant(&test, token, 60);
	cr_assert(registrar_find(test.registrar, of(token), &binding));
	cr_expect(span_eq(binding.user, SPAN("kim")));
	cr_expect(span_eq(binding.trunk, SPAN("access")));
	cr_expect(span_eq(binding.contact, SPAN("sip:kim@192.168.1.7:5062;x=y")));
	cr_expect_eq(binding.source.port, 40000);
	cr_expect_eq(binding.expires_s, binding.since_s + 60);
	/* the NAT gave him another port: the same token, the new way back */
	send_register(&test, "kim", "Contact: <sip:kim@192.168.1.7:5062;x=y?Sub=z>\r\n",
		      "10.99.1.2:40001", again);
	cr_expect_eq(memcmp(token, again, sizeof(token)), 0);
	cr_assert(registrar_find(test.registrar, of(token), &binding));
	cr_expect_eq(binding.source.port, 40000, "an unanswered REGISTER leads nothing away");
	grant(&test, token, 120);
	cr_assert(registrar_find(test.registrar, of(token), &binding));
	cr_expect_eq(binding.source.port, 40001);
	cr_expect_eq(stats_of(&test).made, 1);
	cr_expect_eq(stats_of(&test).refreshed, 1);
	cr_expect_eq(stats_of(&test).pending, 0);
	stop(&test);
}

Test(registrar, other_answers_change_nothing)
{
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS];
	struct binding binding;

	begin(&test, false);
	send_register(&test, "kim", "Contact: <sip:kim@h>\r\n", "10.99.1.2", token);
	answer(&test, 401, "");
	cr_expect_not(registrar_find(test.registrar, of(token), &binding));
	send_register(&test, "kim", "Contact: <sip:kim@h>\r\n", "10.99.1.2", token);
	grant(&test, token, 60);
	send_register(&test, "kim", "Contact: <sip:kim@h>\r\n", "10.99.1.3", token);
	answer(&test, 403, "");
	cr_assert(registrar_find(test.registrar, of(token), &binding));
	cr_expect_eq(binding.source.addr.ip[3], 2);
	send_register(&test, "kim", "Contact: <sip:kim@h>\r\n", "10.99.1.3", token);
	end_ask(&test, test.last_ask, 408, NULL);
	cr_expect(registrar_find(test.registrar, of(token), &binding));
	end_ask(&test, test.last_ask, 200, NULL);
	end_ask(&test, 12345, 200, NULL);
	cr_expect_eq(stats_of(&test).unknown, 2 + 6, "two, and each of the other worker's");
	cr_expect_eq(stats_of(&test).failed, 3);
	stop(&test);
}

Test(registrar, bindings_go_as_the_registrar_says)
{
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS], second[REGISTRAR_TOKEN_CHARS];
	struct binding binding;

	begin(&test, false);
	send_register(&test, "kim", "Contact: <sip:kim@h>\r\n", "10.99.1.2", token);
	grant(&test, token, 60);
	send_register(&test, "kim", "Contact: <sip:kim@h>;expires=0\r\n", "10.99.1.2", second);
	cr_expect_eq(memcmp(token, second, sizeof(token)), 0);
	answer(&test, 200, "Contact: <sip:other@h>;expires=60\r\n");
	cr_expect_not(registrar_find(test.registrar, of(token), &binding));
	send_register(&test, "kim", "Contact: <sip:kim@h>\r\n", "10.99.1.2", token);
	grant(&test, token, 60);
	send_register(&test, "kim", "Contact: <sip:kim@h2>\r\n", "10.99.1.2", second);
	grant(&test, second, 60);
	cr_expect_eq(stats_of(&test).bindings, 2);
	cr_assert_eq(send_register(&test, "kim", "Contact: *\r\nExpires: 0\r\n", "10.99.1.2",
				   second),
		     REGISTRAR_STAR);
	answer(&test, 200, "");
	cr_expect_eq(stats_of(&test).bindings, 0);
	cr_expect_eq(send_register(&test, "kim", "", "10.99.1.2", second), REGISTRAR_QUERY);
	cr_expect_eq(stats_of(&test).pending, 0);
	stop(&test);
}

Test(registrar, contacts_that_cannot_be_called)
{
	static const char *const bad[] = {"<mailto:kim@h>", "<sips:kim@h>", "<tel:+49>",
					  "<sip:>", "<sip:a b@h>"};
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS], text[1024], longest[600];

	begin(&test, false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "Contact: %s\r\n", bad[i]);
		cr_expect_eq(send_register(&test, "kim", text, "10.99.1.2", token),
			     REGISTRAR_CONTACT, "%s", bad[i]);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	snprintf(text, sizeof(text), "Contact: <sip:%s@h>\r\n", longest);
	cr_expect_eq(send_register(&test, "kim", text, "10.99.1.2", token), REGISTRAR_CONTACT);
	cr_expect_eq(stats_of(&test).pending, 0);
	stop(&test);
}

Test(registrar, no_more_than_are_allowed)
{
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS], user[16];

	test.conf.bindings_max = 3;
	begin(&test, false);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		cr_assert_eq(send_register(&test, user, "Contact: <sip:u@h>\r\n", "10.99.1.2",
					   token),
			     REGISTRAR_TOKEN);
		grant(&test, token, 60);
	}
	cr_expect_eq(send_register(&test, "u3", "Contact: <sip:u@h>\r\n", "10.99.1.2", token),
		     REGISTRAR_FULL);
	cr_expect_eq(send_register(&test, "u1", "Contact: <sip:u@h>\r\n", "10.99.1.2", token),
		     REGISTRAR_TOKEN, "a refresh is none more");
	stop(&test);
}

Test(registrar, a_binding_ends_with_its_time)
{
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS];
	struct binding binding;

	begin(&test, true);
	send_register(&test, "kim", "Contact: <sip:kim@h>\r\n", "10.99.1.2", token);
	grant(&test, token, 1);
	cr_assert(registrar_find(test.registrar, of(token), &binding));
	turns(&test, 1300);
	cr_expect_not(registrar_find(test.registrar, of(token), &binding));
	cr_expect_eq(stats_of(&test).expired, 1);
	cr_expect_eq(stats_of(&test).bindings, 0);
	stop(&test);
}

Test(registrar, the_contact_for_the_registrar_tells_nothing)
{
	const struct net_endpoint limen = {
		.addr = {{10, 99, 2, 1}}, .family = NET_IP4, .port = 5070};
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS], buf[512];
	struct cursor out = cursor_on(buf, sizeof(buf));

	begin(&test, false);
	cr_assert_eq(send_register(&test, "kim",
				   "Contact: \"SECRET\" <sip:kim@SECRET>;expires=300;q=0.5;"
				   "+sip.instance=\"<SECRET>\", <sip:SECRET@h>;q=1.0, <sip:x@h>\r\n",
				   "10.99.1.2", token),
		     REGISTRAR_TOKEN);
	cr_assert_eq(last.n, 3);
	put_registrar_contact(&out, &last, &limen, false);
	put_char(&out, '\0');
	cr_expect_null(strstr(buf, "SECRET"));
	cr_expect_not_null(strstr(buf, "@10.99.2.1:5070>;expires=300;q=0.5, <sip:u"), "%s", buf);
	cr_expect_not_null(strstr(buf, "@10.99.2.1:5070>;q=1, <sip:u"), "%s", buf);
	stop(&test);
}

/* ---- several contacts ---- */

/* The 200 that keeps all tokens of the last REGISTER for so long. */
static void grant_all(struct test *test, unsigned expires)
{
	const struct net_endpoint limen = {
		.addr = {{10, 99, 2, 1}}, .family = NET_IP4, .port = 5060};
	char text[2048], headers[2200];
	struct cursor out = cursor_on(text, sizeof(text) - 1);

	put_registrar_contact(&out, &last, &limen, false);
	text[out.len] = '\0';
	snprintf(headers, sizeof(headers), "Contact: %s\r\nExpires: %u\r\n", text, expires);
	answer(test, 200, headers);
}

Test(registrar, several_contacts_are_bound_and_called_by_q)
{
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS];
	struct binding found[REGISTER_CONTACTS_MAX];

	begin(&test, false);
	send_register(&test, "kim",
		      "Contact: <sip:desk@h>;q=0.3, <sip:lab@h>;q=0.75\r\nContact: <sip:car@h>\r\n",
		      "10.99.1.2", token);
	grant_all(&test, 60);
	cr_expect_eq(stats_of(&test).bindings, 3);
	cr_assert_eq(registrar_find_user(test.registrar, SPAN("access"), SPAN("kim"), found), 3);
	cr_expect(span_eq(found[0].contact, SPAN("sip:car@h")), "q is 1 where none is given");
	cr_expect(span_eq(found[1].contact, SPAN("sip:lab@h")));
	cr_expect_eq(found[1].q, 750);
	cr_expect(span_eq(found[2].contact, SPAN("sip:desk@h")));
	cr_expect_eq(registrar_find_user(test.registrar, SPAN("other"), SPAN("kim"), found), 0);
	/* what else there is belongs into the answer; one goes, the others stay */
	cr_expect_eq(send_register(&test, "kim", "Contact: <sip:lab@h>;expires=0\r\n", "10.99.1.2",
				   token),
		     REGISTRAR_TOKEN);
	cr_expect_not_null(strstr(headers_of(), "Contact: <sip:desk@h>;expires="));
	cr_expect_not_null(strstr(headers_of(), "Contact: <sip:car@h>;expires="));
	cr_expect_null(strstr(headers_of(), "lab@h"));
	answer(&test, 200, "");
	cr_expect_eq(registrar_find_user(test.registrar, SPAN("access"), SPAN("kim"), found), 2);
	cr_expect_eq(send_register(&test, "kim", "", "10.99.1.2", token), REGISTRAR_QUERY);
	cr_expect_not_null(strstr(headers_of(), "desk@h"));
	/* nine users of one name: only so many are called, the best of them */
	for (unsigned i = 0; i < 12; i++) {
		char contact[64];

		snprintf(contact, sizeof(contact), "Contact: <sip:c%u@h>;q=0.%u\r\n", i, 10 + i);
		send_register(&test, "tom", contact, "10.99.1.2", token);
		grant_all(&test, 60);
	}
	cr_assert_eq(registrar_find_user(test.registrar, SPAN("access"), SPAN("tom"), found), 8);
	for (unsigned i = 0; i < 8; i++)
		cr_expect_eq(found[i].q, 210 - 10 * i);
	stop(&test);
}

Test(registrar, contacts_that_are_too_many_or_the_same)
{
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS], text[512] = "Contact: <sip:0@h>";

	begin(&test, false);
	for (unsigned i = 1; i < 8; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", <sip:%u@h>", i);
	strcat(text, "\r\n");
	cr_expect_eq(send_register(&test, "kim", text, "10.99.1.2", token), REGISTRAR_TOKEN);
	strcpy(text + strlen(text) - 2, ", <sip:8@h>\r\n");
	cr_expect_eq(send_register(&test, "kim", text, "10.99.1.2", token), REGISTRAR_MANY);
	cr_expect_eq(send_register(&test, "kim", "Contact: <sip:a@h>, <sip:a@h>\r\n", "10.99.1.2",
				   token),
		     REGISTRAR_CONTACT);
	stop(&test);
}

Test(registrar, a_flow_keeps_its_token_when_its_uri_changes)
{
	static const char params[] = ";reg-id=1;+sip.instance=\"<urn:uuid:0>\"\r\n";
	struct test test = start();
	char one[REGISTRAR_TOKEN_CHARS], two[REGISTRAR_TOKEN_CHARS], text[256];
	struct binding binding;

	begin(&test, false);
	snprintf(text, sizeof(text), "Contact: <sip:kim@h1>%s", params);
	send_register(&test, "kim", text, "10.99.1.2", one);
	grant(&test, one, 60);
	snprintf(text, sizeof(text), "Contact: <sip:kim@h2>%s", params);
	send_register(&test, "kim", text, "10.99.1.3", two);
	grant(&test, two, 60);
	cr_expect_arr_eq(one, two, sizeof(one), "RFC 5626 section 6: one binding");
	cr_expect_eq(stats_of(&test).bindings, 1);
	cr_assert(registrar_find(test.registrar, of(one), &binding));
	cr_expect(span_eq(binding.contact, SPAN("sip:kim@h2")));
	cr_expect_eq(binding.source.addr.ip[3], 3);
	cr_expect(binding.flags & BINDING_FLOW);
	stop(&test);
}

/* ---- flows (RFC 5626) ---- */

#define PHONE	 ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\""
#define OUTBOUND "Supported: path, outbound\r\n"

Test(registrar, a_flow_is_kept_for_who_asks_for_it)
{
	struct test test = start();
	const struct net_endpoint limen = {.addr = {{10, 99, 2, 1}}, .family = NET_IP4, .port = 5060};
	char one[REGISTRAR_TOKEN_CHARS], two[REGISTRAR_TOKEN_CHARS], text[256];
	struct cursor out = cursor_on(text, sizeof(text) - 1);
	struct binding found[REGISTER_CONTACTS_MAX];

	test.conf.flow_timer_s = 25;
	begin(&test, true);
	cr_assert_eq(send_register(&test, "kim",
				   OUTBOUND "Contact: <sip:kim@h1>;reg-id=1" PHONE "\r\n",
				   "10.99.1.2", one),
		     REGISTRAR_TOKEN);
	cr_expect_str_eq(headers_of(), "Require: outbound\r\nFlow-Timer: 25\r\n");
	cr_expect(registrar_is_token(of(one)) && registrar_is_flow(of(one)));
	put_registrar_contact(&out, &last, &limen, true);
	text[out.len] = '\0';
	cr_expect(strncmp(text, "<sip:f", 6) == 0);
	cr_expect_not_null(strstr(text, "@10.99.2.1:5060>;+sip.instance=\"<urn:uuid:"), "%s", text);
	cr_expect_not_null(strstr(text, ">\";reg-id=1"));
	cr_expect_null(strstr(text, "000A95A0E128"), "the phone's own name: %s", text);
	out = cursor_on(text, sizeof(text) - 1);
	put_registrar_contact(&out, &last, &limen, false);
	text[out.len] = '\0';
	cr_expect_null(strstr(text, "instance"), "%s", text);
	out = cursor_on(text, sizeof(text) - 1);
	put_registrar_path(&out, &last, &limen);
	text[out.len] = '\0';
	cr_expect_eq(strncmp(text + 5, one, sizeof(one)), 0);
	cr_expect_str_eq(text + 5 + sizeof(one), "@10.99.2.1:5060;lr;ob>");
	grant(&test, one, 60);
	test.flow = 77;
	cr_assert_eq(send_register(&test, "kim",
				   OUTBOUND "Contact: <sip:kim@h1>;reg-id=2" PHONE "\r\n",
				   "10.99.1.2", two),
		     REGISTRAR_TOKEN);
	grant(&test, two, 60);
	cr_expect_arr_neq(one, two, sizeof(one), "two flows of one phone");
	cr_assert_eq(registrar_find_user(test.registrar, SPAN("access"), SPAN("kim"), found), 2);
	cr_expect_neq(found[0].instance, 0);
	cr_expect_eq(found[0].instance, found[1].instance);
	cr_expect_eq(found[0].reg_id + found[1].reg_id, 3);
	cr_expect_eq(found[0].flow + found[1].flow, 77);
	cr_expect(found[0].flags & BINDING_OUTBOUND);
	close_registrar(&test);
	open_registrar(&test);
	cr_assert_eq(registrar_find_user(test.registrar, SPAN("access"), SPAN("kim"), found), 2);
	cr_expect_eq(found[0].instance, found[1].instance);
	cr_expect_eq(found[0].reg_id + found[1].reg_id, 3, "known from the file");
	cr_expect_eq(found[0].flow + found[1].flow, 0, "connections are not");
	stop(&test);
}

Test(registrar, who_gets_no_flow)
{
	static const struct {
		const char *lines;
		bool off;
		enum registrar_outcome outcome;
		const char *what;
	} cases[] = {
		{"Contact: <sip:kim@h>;reg-id=1" PHONE "\r\n", false, REGISTRAR_TOKEN,
		 "does not support it"},
		{OUTBOUND "Contact: <sip:kim@h>" PHONE "\r\n", false, REGISTRAR_TOKEN, "no reg-id"},
		{OUTBOUND "Contact: <sip:kim@h>;reg-id=1\r\n", false, REGISTRAR_TOKEN,
		 "no instance"},
		{OUTBOUND "Contact: <sip:kim@h>;reg-id=0" PHONE "\r\n", false, REGISTRAR_TOKEN,
		 "no number from 1 on"},
		{OUTBOUND "Contact: <sip:kim@h>;reg-id=1;expires=0" PHONE "\r\n", false,
		 REGISTRAR_TOKEN, "it leaves"},
		{OUTBOUND "Contact: <sip:kim@h>;reg-id=1" PHONE "\r\n", true, REGISTRAR_TOKEN,
		 "the trunk does not"},
		{OUTBOUND "Via: SIP/2.0/UDP p;branch=z9hG4bK2\r\nContact: <sip:kim@h>;reg-id=1" PHONE
			  "\r\n",
		 false, REGISTRAR_HOP, "a proxy in between"},
		{OUTBOUND "Contact: <sip:kim@h>;reg-id=1" PHONE ", <sip:kim@h2>\r\n", false,
		 REGISTRAR_CONTACT, "two contacts at once"},
		{OUTBOUND "Contact: <sip:kim@h>;reg-id=1" PHONE ", <sip:kim@h2>;expires=0\r\n", false,
		 REGISTRAR_TOKEN, NULL},
	};
	struct test test = start();
	char token[REGISTRAR_TOKEN_CHARS];

	begin(&test, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test.no_outbound = cases[i].off;
		cr_expect_eq(send_register(&test, "kim", cases[i].lines, "10.99.1.2", token),
			     cases[i].outcome, "%zu", i);
		if (cases[i].outcome == REGISTRAR_TOKEN)
			cr_expect_eq(registrar_is_flow(of(token)), !cases[i].what, "%s",
				     cases[i].what);
	}
	stop(&test);
}

/* RFC 5627: the user hears of it with each answer, so the registrar is asked each time. */
Test(registrar, a_user_with_a_gruu_is_not_answered_by_limen)
{
	struct test test = start();
	const struct net_endpoint limen = {.addr = {{10, 99, 2, 1}}, .family = NET_IP4, .port = 5060};
	char token[REGISTRAR_TOKEN_CHARS], text[512];
	struct cursor out = cursor_on(text, sizeof(text) - 1);

	test.conf.absorb = true;
	test.conf.core_expires_s = 3600;
	test.expires_s = 60;
	begin(&test, false);
	for (unsigned turn = 1; turn <= 3; turn++) {
		bool gives = turn < 3;

		test.cseq = turn;
		cr_assert_eq(send_register(&test, "kim",
					   "Supported: gruu\r\nContact: <sip:kim@h>" PHONE "\r\n",
					   "10.99.1.2", token),
			     REGISTRAR_TOKEN, "%u", turn);
		cr_expect(last.gruu);
		out.len = 0;
		put_registrar_contact(&out, &last, &limen, false);
		text[out.len] = '\0';
		cr_expect_not_null(strstr(text, ">;+sip.instance=\"<urn:uuid:"), "%s", text);
		snprintf(text, sizeof(text), "Contact: <sip:%.*s@10.99.2.1:5060>;expires=3600%s\r\n",
			 (int)sizeof(token), token,
			 gives ? ";pub-gruu=\"sip:kim@core;gr=urn:uuid:1\"" : "");
		answer(&test, 200, text);
	}
	test.cseq = 4;
	cr_expect_eq(send_register(&test, "kim",
				   "Supported: gruu\r\nContact: <sip:kim@h>" PHONE "\r\n",
				   "10.99.1.2", token),
		     REGISTRAR_ABSORBED, "the registrar gives none");
	stop(&test);
}

/* A file of before limen answered refreshes itself. */
Test(registrar, an_older_file_is_taken_over)
{
	struct test test = start();
	struct binding found[REGISTER_CONTACTS_MAX];
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(test.file, &db), SQLITE_OK);
	cr_assert_eq(
		sqlite3_exec(
			db,
			"CREATE TABLE binding(id BLOB PRIMARY KEY, trunk TEXT NOT NULL,"
			" user BLOB NOT NULL, contact TEXT NOT NULL, source TEXT NOT NULL,"
			" expires INTEGER NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;"
			"CREATE TABLE token_key(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
			"INSERT INTO binding VALUES(zeroblob(16),'access',CAST('kim' AS BLOB),"
			"'sip:kim@h','10.99.1.2:5066',4102444800,1);"
			"PRAGMA user_version=1",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	begin(&test, true);
	cr_assert_eq(registrar_find_user(test.registrar, SPAN("access"), SPAN("kim"), found), 1);
	cr_expect_eq(found[0].expires_s, 4102444800);
	cr_expect_eq(found[0].core_s, 4102444800);
	cr_expect_eq(found[0].q, 1000);
	cr_expect_eq(found[0].instance, 0);
	close_registrar(&test);
	open_registrar(&test);
	cr_expect_eq(stats_of(&test).bindings, 1, "and read as its own from then on");
	stop(&test);
}
