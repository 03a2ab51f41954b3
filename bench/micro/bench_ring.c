/* SPDX-License-Identifier: BSD-3-Clause */
/* What a frame between the processes costs: written and read on one core, and from one core to
 * another; and what the doorbell costs against an eventfd. Cycles of the time stamp counter; the
 * least and the median of many short rounds, because a machine that does something else at the same
 * time only adds. */
#include "common/ipc/doorbell.h"
#include "common/ipc/ipc_msg.h"
#include "common/ipc/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <x86intrin.h>

#define RING_BYTES RING_BYTES_MIN
#define ROUNDS     201u
#define BATCH      32u
#define CALLS      50000u

static char payload[8192];
static _Alignas(64) char out[IPC_FRAME_MAX];
static void *map;
static struct ring_writer writer;
static struct ring_reader reader;
static double rounds[ROUNDS];

static void fresh_ring(void)
{
	int fd = ring_memfd_make(RING_BYTES);

	if (fd < 0 || ring_map(fd, RING_BYTES, true, &map)) {
		fprintf(stderr, "bench_ring: no memory for a ring\n");
		exit(1);
	}
	close(fd);
	ring_writer_init(&writer, map, RING_BYTES, RING_TO_CONTROLPLANE);
	ring_reader_init(&reader, map, RING_BYTES, RING_TO_CONTROLPLANE);
}

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fprintf(stderr, "bench_ring: cannot run on cpu %u alone\n", cpu);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of a round: many times what the ring holds, so that none lives on what was written before. */
static unsigned frames_of(uint32_t len)
{
	return 8 * RING_BYTES / (len + 8) / BATCH * BATCH;
}

static void print_rounds(const char *what, uint32_t len)
{
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	printf("%5u bytes, %-12s %7.0f least %7.0f median cycles/frame\n", len, what, rounds[0],
	       rounds[ROUNDS / 2]);
}

static void same_core(uint32_t len)
{
	struct span part = span_of(payload, len);
	unsigned frames = frames_of(len);

	fresh_ring();
	pin(0);
	for (unsigned r = 0; r < ROUNDS; r++) {
		uint64_t start = __rdtsc();

		for (unsigned n = 0; n < frames; n += BATCH) {
			uint16_t type;
			uint32_t got;

			for (unsigned i = 0; i < BATCH; i++)
				if (ring_write(&writer, 1, &part, 1) || ring_writer_wakes(&writer))
					abort();
			for (unsigned i = 0; i < BATCH; i++)
				if (ring_read(&reader, out, &type, &got) != 1)
					abort();
		}
		rounds[r] = (double)(__rdtsc() - start) / frames;
	}
	ring_unmap(map, RING_BYTES);
	print_rounds("same core", len);
}

static void *write_frames(void *arg)
{
	uint32_t len = *(const uint32_t *)arg;
	struct span part = span_of(payload, len);
	unsigned frames = ROUNDS * frames_of(len);

	pin(1);
	for (unsigned n = 0; n < frames;) {
		if (ring_write(&writer, 1, &part, 1)) {
			_mm_pause();
			continue;
		}
		ring_writer_wakes(&writer);
		n++;
	}
	return NULL;
}

static void core_to_core(uint32_t len)
{
	unsigned frames = frames_of(len);
	pthread_t thread;

	fresh_ring();
	pin(0);
	if (pthread_create(&thread, NULL, write_frames, &len))
		abort();
	for (unsigned r = 0; r < ROUNDS; r++) {
		uint64_t start = __rdtsc();

		for (unsigned n = 0; n < frames;) {
			uint16_t type;
			uint32_t bytes;
			int got = ring_read(&reader, out, &type, &bytes);

			if (got < 0)
				abort();
			n += (unsigned)got;
		}
		rounds[r] = (double)(__rdtsc() - start) / frames;
	}
	pthread_join(thread, NULL);
	ring_unmap(map, RING_BYTES);
	print_rounds("core to core", len);
}

/* The call of one who rings, with the other end cleared each time. */
static void bells(void)
{
	uint64_t one = 1, bell = UINT64_MAX, event = UINT64_MAX, took;
	int ends[2], fd = eventfd(0, EFD_NONBLOCK);

	if (fd < 0 || doorbell_pair(ends))
		abort();
	pin(0);
	for (unsigned n = 0; n < CALLS; n++) {
		uint64_t start = __rdtsc();

		doorbell_ring(ends[0]);
		took = __rdtsc() - start;
		bell = took < bell ? took : bell;
		doorbell_clear(ends[1]);
		start = __rdtsc();
		if (write(fd, &one, sizeof(one)) < 0)
			abort();
		took = __rdtsc() - start;
		event = took < event ? took : event;
		if (read(fd, &one, sizeof(one)) < 0)
			abort();
	}
	printf("doorbell rung: %lu cycles at the least; an eventfd's write: %lu\n", bell, event);
}

int main(void)
{
	static const uint32_t lens[] = {16, 256, 1024, 4096};

	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		same_core(lens[i]);
		core_to_core(lens[i]);
	}
	bells();
	return 0;
}
