/* SPDX-License-Identifier: BSD-3-Clause */
/* What the guard costs for each packet of a SIP port, before its message is read: sources of a table
 * of 10,000, from one of them to all in turn, and strangers that flood from ever new addresses.
 * Median of several rounds. */
#include "common/base/clock.h"
#include "dataplane/sip/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#define SOURCES 10000u
#define PACKETS 200000u
#define ROUNDS	9u
#define CHUNK	500u

static void die(const char *what)
{
	fprintf(stderr, "bench_guard: %s\n", what);
	exit(1);
}

static struct net_addr source_of(uint32_t i)
{
	return (struct net_addr){{10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

/* 10,000 networks of one address each, a hundred blocked, and rates that nobody exceeds but
 * strangers. */
static void tell(struct guard *guard)
{
	static struct {
		struct ipc_sources head;
		struct ipc_source sources[CHUNK];
	} frame;
	const struct ipc_screen screen = {
		.generation = 1,
		.nsources = SOURCES,
		.classes = {{10, 3}, {1000000, 0}, {0, 0}},
		.unknown_pkts_per_s = 1000,
		.burst_ms = 1000,
		.window_s = 60,
		.malformed_max = 10,
		.learn = IPC_LEARN_UNKNOWN,
	};
	const struct ipc_screen_end end = {.generation = 1};

	guard_screen(guard, &screen);
	for (uint32_t at = 0; at < SOURCES; at += CHUNK) {
		frame.head = (struct ipc_sources){.generation = 1, .count = CHUNK};
		for (uint32_t i = 0; i < CHUNK; i++)
			frame.sources[i] = (struct ipc_source){
				.addr = source_of(at + i),
				.family = NET_IP4,
				.bits = 32,
				.realm = 0,
				.class = (at + i) % 100 == 99 ? IPC_CLASS_BLOCKED : IPC_CLASS_KNOWN,
				.trunk = at + i + 1,
			};
		guard_sources(guard, &frame.head);
	}
	if (!guard_screen_end(guard, &end))
		die("the table is not taken");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Packets of `n` sources from `first` on, each in its turn, 1,000,000 packets/s. */
static void run(struct guard *guard, const char *what, uint32_t first, uint32_t n, uint64_t *now_ns)
{
	static struct net_endpoint peers[PACKETS];
	double cycles[ROUNDS];
	unsigned passed = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start;

		for (uint32_t i = 0; i < PACKETS; i++)
			peers[i] = (struct net_endpoint){
				.addr = source_of(first + (n ? i % n : round * PACKETS + i)),
				.port = 5060,
				.family = NET_IP4};
		start = __rdtsc();
		for (uint32_t i = 0; i < PACKETS; i++) {
			*now_ns += 1000;
			passed += guard_packet(guard, *now_ns, 0, &peers[i]) == GUARD_PASS;
		}
		cycles[round] = (double)(__rdtsc() - start) / PACKETS;
	}
	qsort(cycles, ROUNDS, sizeof(cycles[0]), by_value);
	printf("%-46s %6.0f cycles a packet (%.0f to %.0f), %5.1f %% pass\n", what, cycles[ROUNDS / 2],
	       cycles[0], cycles[ROUNDS - 1], 100.0 * passed / PACKETS / ROUNDS);
}

int main(void)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	uint64_t now_ns = 1000000000;

	if (!guard || guard_init(guard, 12345))
		die("out of memory");
	run(guard, "no table: everybody passes", 0, 1, &now_ns);
	tell(guard);
	run(guard, "one source of the table", 0, 1, &now_ns);
	run(guard, "100 sources of the table in turn", 0, 99, &now_ns);
	run(guard, "10,000 sources of the table in turn", 0, SOURCES, &now_ns);
	run(guard, "a blocked source", 99, 1, &now_ns);
	run(guard, "one stranger, over its rate", 1u << 20, 1, &now_ns);
	run(guard, "a flood of strangers, each packet a new one", 2u << 20, 0, &now_ns);
	guard_fini(guard);
	free(guard);
	return 0;
}
