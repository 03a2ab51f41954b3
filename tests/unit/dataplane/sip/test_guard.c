/* SPDX-License-Identifier: BSD-3-Clause */
/* Sources: their class, their buckets, and that strangers push out strangers alone. */
#include "dataplane/sip/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define S  UINT64_C(1000000000)
#define MS UINT64_C(1000000)

static struct net_endpoint at(const char *text)
{
	struct net_endpoint endpoint;

	cr_assert_eq(net_endpoint_parse(span_str(text), 5060, &endpoint), 0);
	return endpoint;
}

static struct ipc_source source(const char *text, unsigned realm, unsigned class, uint32_t trunk)
{
	struct net_prefix prefix;
	struct ipc_source source = {.realm = (uint8_t)realm, .class = (uint8_t)class,
				    .trunk = trunk};

	cr_assert_eq(net_prefix_parse(span_str(text), &prefix), 0);
	source.addr = prefix.addr;
	source.family = prefix.family;
	source.bits = prefix.bits;
	return source;
}

static struct guard *guard_new(void)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	cr_assert(guard && guard_init(guard, 12345) == 0);
	return guard;
}

static void guard_end(struct guard *guard)
{
	guard_fini(guard);
	free(guard);
}

/* A table in force: 10/s and 3 requests/s of strangers, 100/s of all of them. */
static void tell(struct guard *guard, uint32_t generation, const struct ipc_source *sources,
		 uint32_t n)
{
	_Alignas(8) char frame[4096];
	struct ipc_sources head = {.generation = generation, .count = n};
	struct ipc_screen_end end = {.generation = generation};
	struct {
		struct ipc_screen head;
		char agents[32];
	} screen = {
		.head =
			{
				.generation = generation,
				.nsources = n,
				.classes = {{10, 3}, {1000, 0}, {0, 0}},
				.unknown_pkts_per_s = 100,
				.burst_ms = 1000,
				.window_s = 60,
				.auth_failures_max = 5,
				.users_max = 10,
				.refused_max = 30,
				.malformed_max = 4,
				.learn = IPC_LEARN_UNKNOWN,
				.agents_len = 21,
			},
		.agents = "sipvicious\nscan-o-mat",
	};

	cr_assert(ipc_screen_check(&screen.head, sizeof(screen.head) + 21));
	guard_screen(guard, &screen.head);
	memcpy(frame, &head, sizeof(head));
	if (n) {
		memcpy(frame + sizeof(head), sources, n * sizeof(*sources));
		guard_sources(guard, (void *)frame);
	}
	cr_assert(guard_screen_end(guard, &end));
}

static const char *class_at(struct guard *guard, uint64_t now_ns, const char *peer)
{
	struct net_endpoint endpoint = at(peer);

	return ipc_class_name(guard_source(guard, now_ns, 0, &endpoint)->class);
}

static void tell_usual(struct guard *guard)
{
	struct ipc_source usual[] = {
		source("192.0.2.0/24", 0, IPC_CLASS_KNOWN, 7),
		source("192.0.2.128/25", 0, IPC_CLASS_TRUSTED, 8),
		source("192.0.2.66/32", IPC_REALM_ANY, IPC_CLASS_BLOCKED, 0),
		source("198.51.100.0/24", 1, IPC_CLASS_KNOWN, 9),
		source("2001:db8:1::/48", 0, IPC_CLASS_KNOWN, 7),
		source("2001:db8:5:5::7/128", 0, IPC_CLASS_TRUSTED, 8),
		source("203.0.113.0/24", IPC_REALM_ANY, IPC_CLASS_BLOCKED, 0),
	};

	tell(guard, 1, usual, sizeof(usual) / sizeof(usual[0]));
}

Test(guard, nobody_is_a_stranger_without_a_table)
{
	struct guard *guard = guard_new();
	struct net_endpoint peer = at("203.0.113.9");

	for (unsigned i = 0; i < 100000; i++)
		cr_assert_eq(guard_packet(guard, S, 0, &peer), GUARD_PASS);
	cr_expect(guard_request(guard, S, 0, &peer));
	guard_end(guard);
}

Test(guard, the_longest_prefix_decides)
{
	struct guard *guard = guard_new();
	struct net_endpoint peer = at("192.0.2.1");

	tell_usual(guard);
	for (unsigned twice = 0; twice < 2; twice++) { /* found, and remembered */
		cr_expect_str_eq(class_at(guard, S, "192.0.2.1"), "known");
		cr_expect_str_eq(class_at(guard, S, "192.0.2.200"), "trusted");
		cr_expect_str_eq(class_at(guard, S, "192.0.2.66"), "blocked");
		cr_expect_str_eq(class_at(guard, S, "192.0.3.1"), "unknown");
		cr_expect_str_eq(class_at(guard, S, "198.51.100.1"), "unknown", "another realm");
		cr_expect_str_eq(class_at(guard, S, "203.0.113.1"), "blocked");
		cr_expect_str_eq(class_at(guard, S, "[2001:db8:1:2::3]:5060"), "known");
		cr_expect_str_eq(class_at(guard, S, "[2001:db8:2::3]:5060"), "unknown");
		cr_expect_str_eq(class_at(guard, S, "[2001:db8:5:5::7]:5060"), "trusted");
		cr_expect_str_eq(class_at(guard, S, "[2001:db8:5:5::8]:5060"), "unknown");
		cr_expect_str_eq(class_at(guard, S, "[2001:db8:5:5::7]:5060"), "trusted");
	}
	cr_expect_eq(guard_source(guard, S, 0, &peer)->trunk, 7);
	guard_end(guard);
}

Test(guard, a_table_that_did_not_come_whole_changes_nothing)
{
	struct guard *guard = guard_new();
	struct ipc_screen_end end = {.generation = 2};
	struct ipc_screen screen = {
		.generation = 2, .nsources = 1, .burst_ms = 1000, .window_s = 60};

	tell_usual(guard);
	guard_screen(guard, &screen);
	cr_expect_not(guard_screen_end(guard, &end));
	cr_expect_str_eq(class_at(guard, S, "192.0.2.1"), "known");
	cr_expect_not(guard_screen_end(guard, &end), "only once");
	cr_expect_eq(guard->stats.tables_bad, 2);
	tell(guard, 3, NULL, 0);
	cr_expect_str_eq(class_at(guard, S, "192.0.2.1"), "unknown");
	guard_end(guard);
}

Test(guard, a_stranger_has_his_rate_and_burst)
{
	struct guard *guard = guard_new();
	struct net_endpoint peer = at("10.1.1.1"), known = at("192.0.2.9");
	unsigned passed = 0;

	tell_usual(guard);
	for (uint64_t ms = 0; ms < 10000; ms++)
		passed += guard_packet(guard, S + ms * MS, 0, &peer) == GUARD_PASS;
	cr_expect(passed >= 109 && passed <= 110, "%u", passed);
	guard_packet(guard, 11 * S, 0, &peer);
	cr_expect_eq(guard_packet(guard, 11 * S, 0, &peer), GUARD_RATE_UNKNOWN);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_eq(guard_packet(guard, 11 * S, 0, &known), GUARD_PASS);
	cr_expect_eq(guard_packet(guard, 11 * S, 0, &known), GUARD_RATE_KNOWN);
	peer = at("203.0.113.5");
	cr_expect_eq(guard_packet(guard, 11 * S, 0, &peer), GUARD_BLOCKED);
	guard_end(guard);
}

Test(guard, ports_of_a_stranger_and_addresses_of_a_64_are_one)
{
	struct guard *guard = guard_new();
	unsigned passed = 0;

	tell_usual(guard);
	for (unsigned i = 1; i <= 1000; i++) {
		struct net_endpoint peer = at("10.1.1.1");

		peer.port = (uint16_t)i;
		passed += guard_packet(guard, S, 0, &peer) == GUARD_PASS;
	}
	cr_expect_eq(passed, 10);
	passed = 0;
	for (unsigned i = 1; i <= 1000; i++) {
		struct net_endpoint peer = at("[2001:db8:9:9::]:5060");

		peer.addr.ip[15] = (uint8_t)i;
		peer.addr.ip[9] = (uint8_t)(i >> 8);
		passed += guard_packet(guard, S, 0, &peer) == GUARD_PASS;
	}
	cr_expect_eq(passed, 10);
	guard_end(guard);
}

/* Each spoofed source has a bucket of its own; all have one together. */
Test(guard, all_strangers_together_have_a_rate)
{
	struct guard *guard = guard_new();
	unsigned passed = 0;

	tell_usual(guard);
	for (unsigned i = 0; i < 200000; i++) {
		struct net_endpoint peer = at("10.0.0.0");

		memcpy(peer.addr.ip + 1, &i, 3);
		passed += guard_packet(guard, S + i * 5000, 0, &peer) == GUARD_PASS;
	}
	cr_expect(passed >= 195 && passed <= 201, "%u in one second", passed);
	guard_end(guard);
}

Test(guard, strangers_push_out_no_known_source)
{
	struct guard *guard = guard_new();
	struct net_endpoint known = at("192.0.2.9");
	const struct guard_source *kept;

	tell_usual(guard);
	for (unsigned i = 0; i < 900; i++)
		cr_assert_eq(guard_packet(guard, S, 0, &known), GUARD_PASS);
	kept = guard_source(guard, S, 0, &known);
	for (unsigned i = 0; i < 300000; i++) {
		struct net_endpoint peer = at("10.0.0.0");

		memcpy(peer.addr.ip + 1, &i, 3);
		guard_packet(guard, S, 0, &peer);
	}
	cr_expect_eq(guard_source(guard, S, 0, &known), kept);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(guard_packet(guard, S, 0, &known), GUARD_PASS);
	cr_expect_eq(guard_packet(guard, S, 0, &known), GUARD_RATE_KNOWN, "it was remembered");
	guard_end(guard);
}

Test(guard, requests_are_counted_apart)
{
	struct guard *guard = guard_new();
	struct net_endpoint peer = at("10.1.1.1"), known = at("192.0.2.9");
	unsigned passed = 0;

	tell_usual(guard);
	for (unsigned i = 0; i < 10; i++) {
		passed += guard_request(guard, S, 0, &peer);
		cr_expect(guard_request(guard, S, 0, &known));
	}
	cr_expect_eq(passed, 3);
	cr_expect_eq(guard->stats.requests_unknown, 7);
	guard_end(guard);
}

static void set(struct guard *guard, const char *text, unsigned class, uint32_t seconds,
		uint64_t now_ns)
{
	struct ipc_source_set frame = {.source = source(text, IPC_REALM_ANY, class, 0),
				       .seconds = seconds};

	cr_assert(ipc_source_set_check(&frame, sizeof(frame)));
	guard_set(guard, &frame, now_ns);
}

Test(guard, what_is_set_besides_ends_by_itself_or_when_told)
{
	struct guard *guard = guard_new();

	tell_usual(guard);
	set(guard, "10.1.1.0/24", IPC_CLASS_BLOCKED, 100, S);
	set(guard, "10.2.2.2/32", IPC_CLASS_KNOWN, 100, S);
	set(guard, "192.0.2.1/32", IPC_CLASS_BLOCKED, 100, S);
	set(guard, "203.0.113.1/32", IPC_CLASS_KNOWN, 100, S);
	cr_expect_str_eq(class_at(guard, 2 * S, "10.1.1.9"), "blocked");
	cr_expect_str_eq(class_at(guard, 2 * S, "10.2.2.2"), "known");
	cr_expect_str_eq(class_at(guard, 2 * S, "192.0.2.1"), "blocked");
	cr_expect_str_eq(class_at(guard, 2 * S, "203.0.113.1"), "blocked", "the config blocks it");
	set(guard, "192.0.2.1/32", IPC_CLASS_UNKNOWN, 0, 3 * S);
	cr_expect_str_eq(class_at(guard, 3 * S, "192.0.2.1"), "known");
	tell_usual(guard); /* a reload keeps it */
	cr_expect_str_eq(class_at(guard, 99 * S, "10.1.1.9"), "blocked");
	cr_expect_str_eq(class_at(guard, 101 * S, "10.1.1.9"), "unknown");
	cr_expect_str_eq(class_at(guard, 101 * S, "10.2.2.2"), "unknown");
	set(guard, "10.9.9.9/32", IPC_CLASS_UNKNOWN, 0, 3 * S);
	cr_expect_eq(guard->stats.sources_unset, 1);
	guard_end(guard);
}

/* Put in and taken out at random, beside a list that is right. */
Test(guard, prefixes_come_and_go)
{
	struct prefixes p;
	struct ipc_source all[300];
	bool in[300] = {0};
	uint32_t n = 0;

	srand(7);
	cr_assert_eq(prefixes_init(&p, 200, 1), 0);
	for (unsigned i = 0; i < 300; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
		all[i] = source(text, i % 3 ? i % 2 : IPC_REALM_ANY, IPC_CLASS_KNOWN, i);
	}
	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = (unsigned)rand() % 300;

		if (in[i]) {
			cr_assert(prefixes_remove(&p, &all[i]));
			in[i] = false;
			n--;
		} else if (prefixes_put(&p, &all[i], GUARD_FOREVER)) {
			in[i] = true;
			n++;
		} else {
			cr_assert_eq(n, 200);
		}
		cr_assert_eq(p.n, n);
		i = (unsigned)rand() % 300;
		{
			struct net_addr addr = all[i].addr;
			const struct prefix_entry *found;

			addr.ip[3] = 9;
			found = prefixes_find(&p, all[i].realm == IPC_REALM_ANY ? 5 : all[i].realm,
					      NET_IP4, &addr, 1);
			cr_assert_eq(found != NULL, in[i]);
			cr_assert(!found || found->source.trunk == i);
		}
	}
	prefixes_fini(&p);
}

Test(guard, who_has_a_dialog_is_no_stranger_for_a_while)
{
	struct guard *guard = guard_new();
	struct net_endpoint peer = at("10.1.1.1"), six = at("[2001:db8:9::1]:5060");

	tell_usual(guard);
	for (unsigned i = 0; i < 20; i++)
		guard_packet(guard, S, 0, &peer);
	cr_expect_eq(guard_packet(guard, S, 0, &peer), GUARD_RATE_UNKNOWN);
	guard_prove(guard, S, 0, &peer);
	guard_prove(guard, S, 0, &six);
	cr_expect_str_eq(class_at(guard, S, "10.1.1.1"), "known");
	cr_expect_str_eq(class_at(guard, S, "[2001:db8:9::1]:5060"), "known");
	cr_expect_eq(guard_packet(guard, 2 * S, 0, &peer), GUARD_PASS);
	tell_usual(guard); /* a reload forgets nobody */
	cr_expect_str_eq(class_at(guard, 3000 * S, "10.1.1.1"), "known");
	guard_prove(guard, 3000 * S, 0, &peer);
	cr_expect_str_eq(class_at(guard, 6000 * S, "10.1.1.1"), "known");
	cr_expect_str_eq(class_at(guard, 6601 * S, "10.1.1.1"), "unknown");
	set(guard, "10.1.1.1/32", IPC_CLASS_BLOCKED, 10, 7000 * S);
	guard_prove(guard, 7000 * S, 0, &peer);
	cr_expect_str_eq(class_at(guard, 7000 * S, "10.1.1.1"), "blocked");
	guard_end(guard);
}

/* ---- what sources do ---- */

static bool deed(struct guard *guard, uint64_t now_ns, const char *peer, enum ipc_deed what,
		 uint64_t user, struct ipc_suspect *suspect)
{
	struct net_endpoint endpoint = at(peer);

	return guard_deed(guard, now_ns, 0, &endpoint, what, user, false, suspect);
}

Test(guard, a_source_is_suspected_once_in_a_window)
{
	struct guard *guard = guard_new();
	struct ipc_suspect suspect;

	tell_usual(guard);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_not(deed(guard, S, "10.1.1.1", IPC_DEED_MALFORMED, 0, &suspect));
	cr_assert(deed(guard, S, "10.1.1.1", IPC_DEED_MALFORMED, 0, &suspect));
	cr_expect(ipc_suspect_check(&suspect, sizeof(suspect)));
	cr_expect_eq(suspect.deed, IPC_DEED_MALFORMED);
	cr_expect_eq(suspect.count, 4);
	cr_expect_eq(suspect.proven, 0);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_not(deed(guard, S, "10.1.1.1", IPC_DEED_MALFORMED, 0, &suspect));
	for (unsigned i = 0; i < 3; i++)
		cr_assert_not(deed(guard, 62 * S, "10.1.1.1", IPC_DEED_MALFORMED, 0, &suspect));
	cr_expect(deed(guard, 62 * S, "10.1.1.1", IPC_DEED_MALFORMED, 0, &suspect));
	guard_end(guard);
}

Test(guard, known_sources_are_not_suspected)
{
	struct guard *guard = guard_new();
	struct ipc_suspect suspect;

	tell_usual(guard);
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_not(deed(guard, S, "192.0.2.1", IPC_DEED_MALFORMED, 0, &suspect));
		cr_assert_not(deed(guard, S, "192.0.2.200", IPC_DEED_AGENT, 0, &suspect));
		cr_assert_not(deed(guard, S, "203.0.113.1", IPC_DEED_AGENT, 0, &suspect));
	}
	guard->screen.learn = IPC_LEARN_KNOWN;
	cr_expect(deed(guard, S, "192.0.2.1", IPC_DEED_AGENT, 0, &suspect));
	cr_expect_not(deed(guard, S, "192.0.2.200", IPC_DEED_AGENT, 0, &suspect));
	guard->screen.learn = IPC_LEARN_NOBODY;
	cr_expect_not(deed(guard, S, "10.1.1.1", IPC_DEED_AGENT, 0, &suspect));
	guard_end(guard);
}

/* The same user refused again and again is a wrong number; many are a scan. */
Test(guard, different_users_are_counted)
{
	struct guard *guard = guard_new();
	struct ipc_suspect suspect;
	unsigned n = 1;

	tell_usual(guard);
	for (unsigned i = 0; i < 20; i++)
		cr_assert_not(deed(guard, S, "10.1.1.1", IPC_DEED_REFUSED, 77, &suspect));
	while (!deed(guard, S, "10.2.2.2", IPC_DEED_REFUSED,
		     n * UINT64_C(0x9e3779b97f4a7c15) >> 13, &suspect))
		n++;
	cr_expect_eq(suspect.deed, IPC_DEED_USERS);
	cr_expect(n >= 8 && n <= 14, "%u", n);
	guard_end(guard);
}

Test(guard, who_answered_a_challenge_is_there)
{
	struct guard *guard = guard_new();
	struct net_endpoint peer = at("10.1.1.1");
	struct ipc_suspect suspect;
	bool told = false;

	tell_usual(guard);
	cr_expect_not(guard_was_challenged(guard, S, 0, &peer, 5));
	guard_challenged(guard, S, 0, &peer, 5);
	cr_expect(guard_was_challenged(guard, S, 0, &peer, 5));
	cr_expect_not(guard_was_challenged(guard, S, 0, &peer, 6));
	cr_expect_not(guard_was_challenged(guard, S, 0, &peer, 0));
	for (unsigned i = 0; i < 5; i++)
		told = guard_deed(guard, S, 0, &peer, IPC_DEED_AUTH, 0, i == 2, &suspect);
	cr_assert(told);
	cr_expect_eq(suspect.proven, 1);
	guard_end(guard);
}

Test(guard, user_agents_of_scanners)
{
	struct guard *guard = guard_new();

	cr_expect_not(guard_is_scanner(guard, SPAN("sipvicious")));
	tell_usual(guard);
	cr_expect(guard_is_scanner(guard, SPAN("sipvicious")));
	cr_expect(guard_is_scanner(guard, SPAN("Mozilla SIPVicious/0.3")));
	cr_expect(guard_is_scanner(guard, SPAN("scan-O-mat")));
	cr_expect_not(guard_is_scanner(guard, SPAN("sipviciou")));
	cr_expect_not(guard_is_scanner(guard, SPAN("")));
	guard_end(guard);
}
