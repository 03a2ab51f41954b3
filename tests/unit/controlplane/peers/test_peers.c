/* SPDX-License-Identifier: BSD-3-Clause */
/* The order in which calls try a trunk's peers. */
#include "controlplane/peers/peers.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "../conf_text.h"
#include "common/base/hash.h"

static struct peer_set one_set(const char *peers)
{
	char text[2048];
	struct peer_sets *sets;
	struct peer_set set;
	struct conf *conf;

	snprintf(text, sizeof(text),
		 CONF_HEAD
		 "realms:\n  - {name: ra, port: pa, addresses: [10.0.0.1/8, \"fd00::1/64\"]}\n"
		 "trunks:\n  - {name: t, realm: ra, peers: [%s]}\n",
		 peers);
	conf = conf_from_text(text);
	sets = peer_sets_new(conf);
	peer_set_get(sets, 0, &set);
	peer_sets_free(sets);
	conf_free(conf);
	return set;
}

static void expect_order(const struct peer_set *set, uint8_t usable, uint8_t family, uint64_t key,
			 const char *wanted)
{
	uint8_t order[PEER_SET_MAX];
	unsigned n = peer_set_order(set, usable, family, key, order);
	char got[PEER_SET_MAX + 1] = "";

	for (unsigned i = 0; i < n; i++)
		got[i] = (char)('0' + set->list[order[i]].item);
	cr_expect_str_eq(got, wanted);
}

Test(peers, without_more_words_in_order)
{
	struct peer_set set = one_set("10.0.0.2, \"fd00::2\", 10.0.0.3");

	for (uint64_t key = 0; key < 100; key++) {
		expect_order(&set, 7, NET_IP4, key, "021");
		expect_order(&set, 7, NET_IP6, key, "102");
	}
	expect_order(&set, 5, NET_IP6, 1, "02");
	expect_order(&set, 0, NET_IP4, 1, "");
}

Test(peers, priority_goes_before_family)
{
	struct peer_set set =
		one_set("10.0.0.2;priority=2, \"fd00::2;priority=1\", 10.0.0.3;priority=1");

	expect_order(&set, 7, NET_IP4, 1, "210");
	expect_order(&set, 7, NET_IP6, 1, "120");
}

Test(peers, shares_go_by_weight)
{
	struct peer_set set = one_set("10.0.0.2;weight=1, 10.0.0.3;weight=3, 10.0.0.4");
	unsigned first[3] = {0};
	uint8_t order[PEER_SET_MAX], again[PEER_SET_MAX];

	for (uint64_t key = 0; key < 40000; key++) {
		uint64_t call = hash_mix(key, 0x1234567);

		cr_assert_eq(peer_set_order(&set, 7, NET_IP4, call, order), 3);
		cr_assert_eq(peer_set_order(&set, 7, NET_IP4, call, again), 3);
		cr_assert_arr_eq(order, again, 3, "the same for the same call");
		cr_assert_eq(order[2], 2, "one without weight comes last");
		first[order[0]]++;
	}
	cr_expect(first[0] > 9500 && first[0] < 10500, "%u of 40000", first[0]);
	cr_expect_eq(first[0] + first[1], 40000);
}

Test(peers, a_name_has_nobody_at_first)
{
	struct peer_set set = one_set("sip.example.net, 10.0.0.2;priority=1");

	cr_assert_eq(set.n, 1);
	cr_expect_eq(set.list[0].item, 1);
}
