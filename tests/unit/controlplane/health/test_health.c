/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes go out when they are due, and what they say has its hysteresis. */
#include "controlplane/health/health.h"

#include <stdio.h>

#include "../conf_text.h"
#include "common/base/clock.h"

#define S CLOCK_NS_PER_S
#define TRUNKS(more)                                                                               \
	CONF_HEAD                                                                                  \
	"realms:\n  - {name: ra, port: pa, addresses: [10.0.0.1/8]}\n"                             \
	"trunks:\n"                                                                                \
	"  - {name: quiet, realm: ra, peers: [10.0.0.2]}\n" more
#define PROBED                                                                                     \
	"  - {name: two, realm: ra, peers: [10.0.0.3, 10.0.0.4], options_interval_s: 10, "         \
	"options_down_after: 3, options_up_after: 2}\n"

static int configure(struct health *health, const struct conf *conf, uint64_t now_ns,
		     uint64_t spread)
{
	struct peer_sets *sets = peer_sets_new(conf);
	int err = health_configure(health, conf, sets, now_ns, spread);

	peer_sets_free(sets);
	return err;
}

static struct health *start(const struct conf *conf)
{
	struct health *health = health_new();

	cr_assert_not_null(health);
	cr_assert_eq(configure(health, conf, 0, 5), 0);
	return health;
}

/* All probes due by then, by peer of trunk 1; 0: none. */
static void collect(struct health *health, uint64_t now_ns, uint64_t ids[2])
{
	struct health_probe probe;

	ids[0] = ids[1] = 0;
	while (health_next(health, now_ns, &probe)) {
		cr_assert_eq(probe.trunk, 1);
		cr_assert_lt(probe.peer, 2);
		cr_assert_eq(ids[probe.peer], 0, "twice in one turn");
		ids[probe.peer] = probe.id;
	}
}

static void expect_state(const struct health *health, unsigned peer, enum health_state state)
{
	struct health_peer got = health_peer(health, 1, peer);

	cr_expect_eq(got.state, state, "%s, not %s", health_state_name(got.state),
		     health_state_name(state));
}

Test(health, peers_are_probed_once_an_interval)
{
	struct conf *conf = conf_from_text(TRUNKS(PROBED));
	struct health *health = start(conf);
	unsigned seen[2] = {0};
	uint64_t ids[2], due;

	for (uint64_t now = 0; now < 100 * S; now += S / 4) {
		collect(health, now, ids);
		for (unsigned p = 0; p < 2; p++) {
			seen[p] += ids[p] != 0;
			if (ids[p])
				health_end(health, ids[p], 200, 1000, 1);
		}
		cr_assert(health_due(health, &due));
		cr_expect_gt(due, now);
	}
	for (unsigned p = 0; p < 2; p++)
		cr_expect(seen[p] == 9 || seen[p] == 10, "%u", seen[p]);
	cr_expect_eq(health_peer(health, 0, 0).state, HEALTH_UNPROBED);
	health_free(health);
	conf_free(conf);
}

Test(health, hysteresis)
{
	struct conf *conf = conf_from_text(TRUNKS(PROBED));
	struct health *health = start(conf);
	static const struct {
		uint16_t status;
		enum health_state state;
		bool changed;
	} steps[] = {
		{408, HEALTH_UNKNOWN, false}, {503, HEALTH_UNKNOWN, false},
		{408, HEALTH_DOWN, true},     {408, HEALTH_DOWN, false},
		{200, HEALTH_DOWN, false},    {408, HEALTH_DOWN, false},
		{405, HEALTH_DOWN, false},    {500, HEALTH_UP, true},
		{408, HEALTH_UP, false},      {408, HEALTH_UP, false},
		{404, HEALTH_UP, false},      {408, HEALTH_UP, false},
		{408, HEALTH_UP, false},      {408, HEALTH_DOWN, true},
	};
	uint64_t now = 10 * S, ids[2];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++, now += 10 * S) {
		struct health_result result;

		collect(health, now, ids);
		cr_assert(ids[0] && ids[1]);
		result = health_end(health, ids[0], steps[i].status, 1500, 1000 + i);
		cr_assert(result.known);
		cr_expect_eq(result.changed, steps[i].changed, "step %zu", i);
		cr_expect_eq(result.peer.status, steps[i].status);
		if (result.changed)
			cr_expect_eq(result.peer.since_ns, 1000 + i);
		expect_state(health, 0, steps[i].state);
		cr_expect_eq(health_down(health, 1), steps[i].state == HEALTH_DOWN);
		health_end(health, ids[1], 200, 900, 1);
	}
	expect_state(health, 1, HEALTH_UP);
	cr_expect_eq(health_peer(health, 1, 1).rtt_us, 900);
	health_free(health);
	conf_free(conf);
}

Test(health, answers_to_nothing_are_counted_and_no_more)
{
	struct conf *conf = conf_from_text(TRUNKS(PROBED));
	struct health *health = start(conf);
	struct health_stats stats;
	uint64_t ids[2];

	collect(health, 10 * S, ids);
	cr_expect(health_end(health, ids[0], 200, 1, 1).known);
	cr_expect_not(health_end(health, ids[0], 408, 0, 1).known, "twice");
	cr_expect_not(health_end(health, 0, 408, 0, 1).known);
	cr_expect_not(health_end(health, UINT64_MAX, 408, 0, 1).known);
	cr_expect_not(health_end(health, 1, 408, 0, 1).known, "no serial");
	health_stats(health, &stats);
	cr_expect_eq(stats.late, 4);
	cr_expect_eq(stats.sent, 2);
	cr_expect_eq(stats.answered, 1);
	health_free(health);
	conf_free(conf);
}

/* A worker that never reports: the peer is asked again, later than any answer could come. */
Test(health, a_probe_that_never_ends_is_not_awaited_for_ever)
{
	struct conf *conf = conf_from_text(TRUNKS(PROBED));
	struct health *health = start(conf);
	uint64_t ids[2], first, at = 0;

	collect(health, 10 * S, ids);
	first = ids[0];
	for (uint64_t now = 11 * S; now < 100 * S && !at; now += S) {
		collect(health, now, ids);
		at = ids[0] ? now : 0;
	}
	cr_expect_geq(at, 50 * S);
	cr_expect_leq(at, 61 * S);
	cr_expect_neq(ids[0], first);
	cr_expect_not(health_end(health, first, 200, 1, 1).known);
	health_free(health);
	conf_free(conf);
}

Test(health, what_could_not_be_sent_is_sent_soon)
{
	struct conf *conf = conf_from_text(TRUNKS(PROBED));
	struct health *health = start(conf);
	struct health_probe probe;
	struct health_stats stats;
	uint64_t due;

	cr_assert(health_next(health, 10 * S, &probe));
	health_unsent(health, &probe, 10 * S + 1);
	cr_assert(health_next(health, 10 * S, &probe), "the other one");
	cr_assert_not(health_next(health, 10 * S, &probe));
	cr_assert(health_due(health, &due));
	cr_expect_eq(due, 10 * S + 1);
	cr_expect(health_next(health, 10 * S + 1, &probe));
	health_stats(health, &stats);
	cr_expect_eq(stats.sent, 2);
	health_free(health);
	conf_free(conf);
}

Test(health, states_outlive_a_reload_and_not_the_dataplane)
{
	struct conf *conf = conf_from_text(TRUNKS(PROBED));
	struct conf *other = conf_from_text(
		TRUNKS("  - {name: new, realm: ra, peers: [10.0.0.9], options_interval_s: 1}\n"
		       "  - {name: two, realm: ra, peers: [10.0.0.4, 10.0.0.5, 10.0.0.3], "
		       "options_interval_s: 10, options_down_after: 3, options_up_after: 2}\n"));
	struct health *health = start(conf);
	uint64_t now = 10 * S, ids[2];

	for (unsigned i = 0; i < 3; i++, now += 10 * S) {
		collect(health, now, ids);
		health_end(health, ids[0], 408, 0, 7);
		health_end(health, ids[1], 200, 10, 8);
	}
	expect_state(health, 0, HEALTH_DOWN);
	expect_state(health, 1, HEALTH_UP);
	collect(health, now, ids);
	cr_assert_eq(configure(health, other, now, 9), 0);
	cr_expect_not(health_end(health, ids[0], 200, 1, 1).known, "of the config before");
	cr_expect_eq(health_peer(health, 1, 0).state, HEALTH_UNKNOWN);
	cr_expect_eq(health_peer(health, 2, 0).state, HEALTH_UP);
	cr_expect_eq(health_peer(health, 2, 1).state, HEALTH_UNKNOWN);
	cr_expect_eq(health_peer(health, 2, 2).state, HEALTH_DOWN);
	cr_expect_eq(health_peer(health, 2, 2).since_ns, 7);
	cr_expect_eq(health_down(health, 2), 4);
	conf_free(conf);
	health_forget(health, 99);
	cr_expect_eq(health_down(health, 2), 0);
	cr_expect_eq(health_peer(health, 2, 0).state, HEALTH_UNKNOWN);
	cr_expect_eq(health_peer(health, 2, 0).since_ns, 99);
	health_free(health);
	conf_free(other);
}

/* Many peers that begin together are spread over the interval. */
Test(health, the_first_probes_are_spread)
{
	enum { N = 400 };
	static char text[65536] = TRUNKS("");
	struct conf *conf;
	struct health *health;
	unsigned bins[10] = {0};
	struct health_probe probe;

	for (unsigned i = 0; i < N; i++)
		snprintf(
			text + strlen(text), sizeof(text) - strlen(text),
			"  - {name: t%u, realm: ra, peers: [10.1.%u.%u], options_interval_s: 10}\n",
			i, i / 200, i % 200 + 1);
	conf = conf_from_text(text);
	health = start(conf);
	for (int again = 0; again < 2; again++) {
		uint64_t from = again ? 1000 * S : 0;

		memset(bins, 0, sizeof(bins));
		for (unsigned bin = 0; bin < 10; bin++) {
			while (health_next(health, from + (bin + 1) * S - 1, &probe)) {
				bins[bin]++;
				health_end(health, probe.id, 200, 1, 1);
			}
			cr_expect(bins[bin] > N / 20 && bins[bin] < N / 5, "%u", bins[bin]);
		}
		health_spread(health, 1000 * S, 3);
	}
	health_free(health);
	conf_free(conf);
}
