/* SPDX-License-Identifier: BSD-3-Clause */
/* How far apart two CPUs are: TSC cycles for a cache line to go there and back. On a virtual machine this changes while one
 * measures, when the host moves its CPUs between groups of cores, and with it whatever passes packets between two CPUs. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#define TURNS 20001u
#define STOP  2u

static _Atomic unsigned ball;
static unsigned cpus[2] = {0, 1};

static int pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static void *send_back(void *arg)
{
	(void)pin(cpus[0]);
	for (;;) {
		unsigned seen = atomic_load(&ball);

		if (seen == STOP)
			return NULL;
		if (seen == 1)
			atomic_store(&ball, 0);
	}
}

static int by_value(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static unsigned long turns[TURNS];
	pthread_t other;

	if (argc == 3) {
		cpus[0] = (unsigned)atoi(argv[1]);
		cpus[1] = (unsigned)atoi(argv[2]);
	}
	if (pin(cpus[1]) || pthread_create(&other, NULL, send_back, NULL)) {
		fprintf(stderr, "limen-distance: cannot run on CPUs %u and %u\n", cpus[0], cpus[1]);
		return EXIT_FAILURE;
	}
	for (unsigned i = 0; i < TURNS; i++) {
		unsigned long start = __rdtsc();

		atomic_store(&ball, 1);
		while (atomic_load(&ball))
			;
		turns[i] = __rdtsc() - start;
	}
	atomic_store(&ball, STOP);
	pthread_join(other, NULL);
	qsort(turns, TURNS, sizeof(turns[0]), by_value);
	printf("%lu\n", turns[TURNS / 2]);
	return EXIT_SUCCESS;
}
