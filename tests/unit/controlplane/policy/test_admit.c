/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is it: longest prefix, realms apart, both families; against a plain search over random
 * tables. */
#include "controlplane/policy/admit.h"

#include "../conf_text.h"

static int admit(const struct admit *table, unsigned realm, const char *text, unsigned *bits)
{
	struct net_addr addr;
	uint8_t family;

	*bits = 999;
	cr_assert_eq(net_addr_parse(span_str(text), &addr, &family), 0);
	return admit_trunk(table, realm, family, &addr, bits, NULL);
}

Test(admit, longest_prefix_of_the_realm_decides)
{
	struct conf *conf = conf_from_text(
		CONF_HEAD
		"realms:\n"
		"  - {name: ra, port: pa, addresses: [10.0.0.1/8, \"fd00::1/16\"]}\n"
		"  - {name: rb, port: pb, addresses: [192.0.2.1/24], gateways: [192.0.2.254]}\n"
		"trunks:\n"
		"  - {name: wide, realm: ra, peers: [10.1.0.1], sources: [10.0.0.0/8, "
		"\"fd00::/16\"]}\n"
		"  - {name: narrow, realm: ra, peers: [10.1.0.2], sources: [10.1.2.0/23, "
		"\"fd00:1::/33\"]}\n"
		"  - {name: one, realm: ra, peers: [10.1.2.3, \"fd00:1::3\"]}\n"
		"  - {name: all, realm: rb, peers: [192.0.2.9], sources: [0.0.0.0/0]}\n");
	struct admit *table = admit_new(conf);
	unsigned bits;

	cr_assert_not_null(table);
	cr_expect_eq(admit(table, 0, "10.9.9.9", &bits), 0);
	cr_expect_eq(bits, 8);
	cr_expect_eq(admit(table, 0, "10.1.2.200", &bits), 1);
	cr_expect_eq(admit(table, 0, "10.1.3.200", &bits), 1);
	cr_expect_eq(bits, 23);
	cr_expect_eq(admit(table, 0, "10.1.4.1", &bits), 0);
	cr_expect_eq(admit(table, 0, "10.1.2.3", &bits), 2);
	cr_expect_eq(bits, 32);
	cr_expect_eq(admit(table, 0, "11.0.0.1", &bits), -1);
	cr_expect_eq(admit(table, 0, "fd00:1:7fff::1", &bits), 1);
	cr_expect_eq(admit(table, 0, "fd00:1:8000::1", &bits), 0);
	cr_expect_eq(admit(table, 0, "fd00:1::3", &bits), 2);
	cr_expect_eq(bits, 128);
	cr_expect_eq(admit(table, 0, "fd01::1", &bits), -1);
	cr_expect_eq(admit(table, 1, "10.1.2.3", &bits), 3,
		     "the other realm's trunks do not count");
	cr_expect_eq(bits, 0);
	cr_expect_eq(admit(table, 1, "fd00::1", &bits), -1);
	cr_expect_eq(admit(table, 2, "10.1.2.3", &bits), -1, "no such realm");
	admit_free(table);
	conf_free(conf);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Sources in a small corner of the address space, so that they overlap in all ways. */
Test(admit, as_a_plain_search_finds)
{
	enum { TRUNKS = 200, SOURCES = 5 };
	struct conf_realm realms[2] = {{0}};
	static struct conf_trunk trunks[TRUNKS];
	static struct net_prefix sources[TRUNKS][SOURCES];
	struct conf conf = {.nrealms = 2, .realms = realms, .ntrunks = TRUNKS, .trunks = trunks};
	uint32_t state = 7;
	struct admit *table;

	for (unsigned t = 0; t < TRUNKS; t++) {
		trunks[t].realm = next_random(&state) % 2;
		trunks[t].sources = sources[t];
		while (trunks[t].nsources < SOURCES) {
			uint8_t bits = (uint8_t)(16 + next_random(&state) % 17);
			uint32_t ip = (10u << 24 | (next_random(&state) & 0x3ff)) &
				      (0xffffffffu << (32 - bits));
			struct net_prefix prefix = {
				.addr = {{ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255}},
				.family = NET_IP4,
				.bits = bits};
			bool taken = false;

			for (unsigned o = 0; o <= t; o++) {
				for (unsigned s = 0; s < trunks[o].nsources; s++)
					taken |= trunks[o].realm == trunks[t].realm &&
						 !memcmp(&sources[o][s], &prefix, sizeof(prefix));
			}
			if (!taken)
				sources[t][trunks[t].nsources++] = prefix;
			else if (next_random(&state) % 64 == 0)
				break;
		}
	}
	table = admit_new(&conf);
	for (unsigned i = 0; i < 4096; i++) {
		struct net_addr addr = {{10, 0, i >> 8 & 7, i & 255}};
		unsigned realm = i >> 11, bits = 0;
		int best = -1, best_bits = -1;

		for (int t = 0; t < TRUNKS; t++) {
			for (unsigned s = 0; s < trunks[t].nsources; s++) {
				if (trunks[t].realm == realm && sources[t][s].bits > best_bits &&
				    net_prefix_has(&sources[t][s], NET_IP4, &addr)) {
					best = t;
					best_bits = sources[t][s].bits;
				}
			}
		}
		cr_expect_eq(admit_trunk(table, realm, NET_IP4, &addr, &bits, NULL), best);
		cr_expect(best < 0 || (int)bits == best_bits);
	}
	admit_free(table);
}

Test(admit, names_lead_to_trunks)
{
	struct conf *conf = conf_from_text(
		CONF_HEAD
		"realms:\n  - {name: ra, port: pa, addresses: [10.0.0.1/8]}\n"
		"trunks:\n"
		"  - {name: wide, realm: ra, peers: [10.0.0.2], sources: [10.0.0.0/24]}\n"
		"  - {name: one, realm: ra, peers: [10.0.0.3]}\n"
		"  - {name: named, realm: ra, peers: [a.example]}\n");
	struct admit *table = admit_new(conf);
	struct admit_name names[] = {
		{.realm = 0, .trunk = 2, .family = NET_IP4, .addr = {{10, 0, 0, 9}}},
		{.realm = 0, .trunk = 2, .family = NET_IP4, .addr = {{10, 0, 0, 3}}},
		{.realm = 0, .trunk = 1, .family = NET_IP4, .addr = {{10, 0, 0, 9}}},
		{.realm = 0, .trunk = 2, .family = NET_IP4, .addr = {{10, 0, 0, 8}}},
	};
	unsigned bits = 0;

	cr_expect_eq(admit(table, 0, "10.0.0.8", &bits), 0);
	cr_assert_eq(admit_set_names(table, names, 4), 0);
	cr_expect_eq(admit(table, 0, "10.0.0.8", &bits), 2, "longer than the network");
	cr_expect_eq(bits, 32);
	cr_expect_eq(admit(table, 0, "10.0.0.9", &bits), 1, "the first trunk of two");
	cr_expect_eq(admit(table, 0, "10.0.0.3", &bits), 1, "the config goes before");
	cr_expect_eq(admit(table, 0, "10.0.0.7", &bits), 0);
	cr_assert_eq(admit_set_names(table, names, 0), 0);
	cr_expect_eq(admit(table, 0, "10.0.0.8", &bits), 0);
	admit_free(table);
	conf_free(conf);
}

Test(admit, by_what_was_proved_by_tls)
{
	struct conf *conf = conf_from_text(
		CONF_HEAD
		"realms:\n"
		"  - {name: ra, port: pa, addresses: [10.0.0.1/8]}\n"
		"  - {name: rb, port: pb, addresses: [192.0.2.1/24]}\n"
		"trunks:\n"
		"  - {name: one, realm: ra, peers: [10.1.0.1], tls_names: [One.example, x.example]}\n"
		"  - {name: two, realm: ra, peers: [10.1.0.2], tls_names: [two.example]}\n"
		"  - {name: far, realm: rb, peers: [192.0.2.9], tls_names: [one.example]}\n"
		"  - {name: none, realm: rb, peers: [192.0.2.8]}\n");
	struct admit *table = admit_new(conf);

	cr_assert_not_null(table);
	cr_expect_eq(admit_proved(table, 0, SPAN("one.example\0"), NULL), 0);
	cr_expect_eq(admit_proved(table, 0, SPAN("nobody.example\0x.example\0"), NULL), 0);
	cr_expect_eq(admit_proved(table, 0, SPAN("two.example\0one.example\0"), NULL), 1);
	cr_expect_eq(admit_proved(table, 1, SPAN("one.example\0"), NULL), 2);
	cr_expect_eq(admit_proved(table, 1, SPAN("two.example\0"), NULL), -1);
	cr_expect_eq(admit_proved(table, 0, SPAN("sub.one.example\0"), NULL), -1);
	cr_expect_eq(admit_proved(table, 0, SPAN("one.example"), NULL), -1, "cut off");
	cr_expect_eq(admit_proved(table, 0, SPAN_NONE, NULL), -1);
	admit_free(table);
	conf_free(conf);
}
