/* SPDX-License-Identifier: BSD-3-Clause */
/* The sleep protocol: a reader that sleeps is always woken, one that is awake never costs a system
 * call; and the doorbell cannot be turned against the one who rings it. Argument: frames (default
 * 200,000). */
#include "common/ipc/doorbell.h"
#include "common/ipc/ipc_msg.h"
#include "common/ipc/ring.h"
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define WAKE_MS 20000 /* a wake-up that takes this long was lost */

static unsigned long nframes = 200000;
static void *map;
static int ends[2];
static unsigned long rings; /* writer's */
/* In step: the writer waits for each frame to be read, so that no later frame makes up for a
 * wake-up that was lost. */
static bool in_step;
static _Atomic uint64_t nread;

/* Every so often: nothing, a few spins, a yield, or a real sleep; so that the ends meet at every
 * step of the protocol. In step, the window in which the processors' store buffers matter is a few
 * nanoseconds wide: spins only. */
static void dawdle(struct rng *rng)
{
	uint64_t r = rng_next(rng);

	if (in_step) {
		for (volatile unsigned i = 0; i < r % 64; i++)
			;
		return;
	}
	switch (r % 64) {
	case 0:
		sleep_us((unsigned)(r >> 8) % 50);
		break;
	case 1 ... 8:
		sched_yield();
		break;
	case 9 ... 32:
		for (volatile unsigned i = 0; i < (r >> 8) % 400; i++)
			;
		break;
	default:
		break;
	}
}

static void *write_frames(void *arg)
{
	struct ring_writer writer;
	struct rng rng = {1};

	ring_writer_init(&writer, map, RING_BYTES_MIN, RING_TO_CONTROLPLANE);
	for (uint64_t n = 0; n < nframes; n++) {
		struct span part = span_of(&n, sizeof(n));

		while (ring_write(&writer, 7, &part, 1))
			sched_yield();
		if (ring_writer_wakes(&writer)) {
			doorbell_ring(ends[0]);
			rings++;
		}
		for (unsigned spins = 0; in_step && atomic_load(&nread) <= n; spins++)
			if (spins % 4096 == 4095)
				sched_yield();
		dawdle(&rng);
	}
	return NULL;
}

static void no_lost_wakeup(void)
{
	struct ring_reader reader;
	char *out = malloc(IPC_FRAME_MAX);
	unsigned long sleeps = 0, announced = 0;
	struct rng rng = {2};
	pthread_t thread;

	int fd = ring_memfd_make(RING_BYTES_MIN);

	CHECK(out && fd >= 0 && doorbell_pair(ends) == 0);
	CHECK_EQ(ring_map(fd, RING_BYTES_MIN, true, &map), 0);
	close(fd);
	rings = 0;
	atomic_store(&nread, 0);
	ring_reader_init(&reader, map, RING_BYTES_MIN, RING_TO_CONTROLPLANE);
	CHECK(pthread_create(&thread, NULL, write_frames, NULL) == 0);
	for (uint64_t n = 0; n < nframes;) {
		uint16_t type;
		uint32_t len;
		uint64_t got;

		if (ring_read(&reader, out, &type, &len) == 1) {
			memcpy(&got, out, sizeof(got));
			CHECK_EQ(got, n);
			atomic_store(&nread, ++n);
			if (!in_step)
				continue;
		}
		if (n == nframes)
			break;
		dawdle(&rng);
		announced++;
		if (!ring_reader_sleeps(&reader))
			continue;
		struct pollfd pollfd = {.fd = ends[1], .events = POLLIN};

		sleeps++;
		CHECK_EQ(poll(&pollfd, 1, WAKE_MS), 1);
		ring_reader_woke(&reader);
		CHECK_EQ(doorbell_clear(ends[1]), 0);
	}
	pthread_join(thread, NULL);
	fprintf(stderr, "  %lu frames, %lu sleeps, %lu rings\n", nframes, sleeps, rings);
	/* One ring for each announcement at the most, also for one that was taken back. */
	CHECK(sleeps > 0 && rings <= announced);
	close(ends[0]);
	close(ends[1]);
	ring_unmap(map, RING_BYTES_MIN);
	free(out);
}

static void test_no_lost_wakeup_streaming(void)
{
	in_step = false;
	no_lost_wakeup();
}

static void test_no_lost_wakeup_in_step(void)
{
	in_step = true;
	no_lost_wakeup();
}

/* A reader that is awake is not rung for. */
static void test_awake_is_silent(void)
{
	struct ring_writer writer;
	struct ring_reader reader;
	char *out = malloc(IPC_FRAME_MAX);
	int fd = ring_memfd_make(RING_BYTES_MIN);
	uint16_t type;
	uint32_t len;

	CHECK(out && fd >= 0);
	CHECK_EQ(ring_map(fd, RING_BYTES_MIN, true, &map), 0);
	close(fd);
	ring_writer_init(&writer, map, RING_BYTES_MIN, RING_TO_DATAPLANE);
	ring_reader_init(&reader, map, RING_BYTES_MIN, RING_TO_DATAPLANE);
	CHECK_EQ(ring_write(&writer, 1, NULL, 0), 0);
	CHECK(!ring_writer_wakes(&writer));
	CHECK(!ring_reader_sleeps(&reader));
	CHECK(!ring_writer_wakes(&writer));
	CHECK_EQ(ring_read(&reader, out, &type, &len), 1);
	CHECK(ring_reader_sleeps(&reader));
	CHECK_EQ(ring_write(&writer, 1, NULL, 0), 0);
	CHECK(ring_writer_wakes(&writer));
	CHECK(!ring_writer_wakes(&writer));
	CHECK_EQ(ring_read(&reader, out, &type, &len), 1);
	CHECK(ring_reader_sleeps(&reader));
	ring_reader_woke(&reader);
	CHECK_EQ(ring_write(&writer, 1, NULL, 0), 0);
	CHECK(!ring_writer_wakes(&writer));
	ring_unmap(map, RING_BYTES_MIN);
	free(out);
}

static void test_cannot_block(void)
{
	uint64_t start = mono_ms();
	int bells[2];

	CHECK_EQ(doorbell_pair(bells), 0);
	/* The peer makes its end blocking and never listens. */
	CHECK(fcntl(bells[1], F_SETFL, 0) == 0);
	for (unsigned i = 0; i < 10000; i++)
		doorbell_ring(bells[0]);
	CHECK(fcntl(bells[0], F_GETFL) & O_NONBLOCK);
	CHECK(mono_ms() - start < 5000);
	/* What it did not listen to is not forgotten, and one look takes some of it. */
	CHECK_EQ(doorbell_clear(bells[1]), 0);
	/* A peer that floods us: clearing ends. */
	for (unsigned i = 0; i < 10000; i++)
		doorbell_ring(bells[1]);
	CHECK_EQ(doorbell_clear(bells[0]), 0);
	/* Gone: no SIGPIPE, and the other side is told. */
	close(bells[1]);
	doorbell_ring(bells[0]);
	for (unsigned i = 0; i < 10000 && doorbell_clear(bells[0]) == 0; i++)
		;
	CHECK_EQ(doorbell_clear(bells[0]), -ECONNRESET);
	close(bells[0]);
}

static void test_is_doorbell(void)
{
	int bells[2], pipes[2];
	int event = eventfd(0, 0), udp = socket(AF_INET, SOCK_DGRAM, 0),
	    packets = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	CHECK_EQ(doorbell_pair(bells), 0);
	CHECK(pipe(pipes) == 0);
	CHECK(doorbell_is(bells[0]) && doorbell_is(bells[1]));
	CHECK(!doorbell_is(event) && !doorbell_is(udp) && !doorbell_is(packets) &&
	      !doorbell_is(pipes[0]) && !doorbell_is(pipes[1]) && !doorbell_is(-1));
	CHECK(fcntl(bells[0], F_GETFD) & FD_CLOEXEC && fcntl(bells[1], F_GETFD) & FD_CLOEXEC);
	for (unsigned i = 0; i < 2; i++) {
		close(bells[i]);
		close(pipes[i]);
	}
	close(event);
	close(udp);
	close(packets);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		nframes = strtoul(argv[1], NULL, 10);
	RUN(test_no_lost_wakeup_streaming);
	RUN(test_no_lost_wakeup_in_step);
	RUN(test_awake_is_silent);
	RUN(test_cannot_block);
	RUN(test_is_doorbell);
	return 0;
}
