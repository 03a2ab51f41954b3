/* SPDX-License-Identifier: BSD-3-Clause */
/* Properties of the ring: what goes in comes out, whole and in order, whatever the sizes; and a
 * peer that stores garbage gets a broken ring. Argument: frames for the two threads (default
 * 2,000,000). */
#include "common/ipc/ipc_msg.h"
#include "common/ipc/ring.h"
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#define RING                  RING_BYTES_MIN
#define WORDS(map, direction) ((struct ring_words *)(map) + (direction))
#define DATA(map, direction)  ((char *)(map) + 4096 + (size_t)(direction)*RING)

static unsigned long nframes = 2000000;
static char pool[2 * IPC_FRAME_MAX];

static void *new_map(void)
{
	int fd = ring_memfd_make(RING);
	void *map;

	CHECK(fd >= 0);
	CHECK_EQ(ring_map(fd, RING, true, &map), 0);
	close(fd);
	return map;
}

/* Frame number n of a stream: its type, its bytes, and how it is cut in parts. Mostly small,
 * sometimes as large as can be. */
struct frame {
	uint16_t type;
	struct span bytes;
	struct span parts[4];
};

static void make_frame(struct frame *frame, uint64_t seed, uint64_t n)
{
	struct rng rng = {seed ^ n * 0x2545f4914f6cdd1dull};
	uint64_t r = rng_next(&rng);
	size_t len = r % 64 == 0 ? rng_next(&rng) % (IPC_FRAME_MAX + 1) : rng_next(&rng) % 600;
	size_t at = rng_next(&rng) % (sizeof(pool) - IPC_FRAME_MAX), cut = 0;

	frame->type = (uint16_t)(r >> 16);
	frame->bytes = span_of(pool + at, len);
	for (unsigned i = 0; i < 4; i++) {
		size_t end = i == 3 ? len : cut + rng_next(&rng) % (len - cut + 1);

		frame->parts[i] = span_of(pool + at + cut, end - cut);
		cut = end;
	}
}

static void check_frame(uint64_t seed, uint64_t n, uint16_t type, const char *bytes, uint32_t len)
{
	struct frame expect;

	make_frame(&expect, seed, n);
	CHECK_EQ(type, expect.type);
	CHECK(span_eq(span_of(bytes, len), expect.bytes));
}

/* Against a model: the frames written and not yet read, as numbers n..m. */
static void model_run(uint64_t seed, uint64_t start)
{
	void *map = new_map();
	struct ring_writer writer;
	struct ring_reader reader;
	struct rng rng = {seed};
	uint64_t written = 0, read = 0, full = 0, used = 0;
	char *out = malloc(IPC_FRAME_MAX);

	CHECK(out);
	ring_writer_init(&writer, map, RING, RING_TO_DATAPLANE);
	ring_reader_init(&reader, map, RING, RING_TO_DATAPLANE);
	writer.head = writer.tail_seen = reader.tail = reader.head_seen = start;
	atomic_store(&WORDS(map, RING_TO_DATAPLANE)->head, start);
	atomic_store(&WORDS(map, RING_TO_DATAPLANE)->tail, start);
	for (unsigned step = 0; step < 20000; step++) {
		struct frame frame;
		uint16_t type;
		uint32_t len;

		/* Phases that mostly fill and phases that mostly drain. */
		if (rng_next(&rng) % 4 < (step / 500 % 2 ? 1 : 3)) {
			make_frame(&frame, seed, written);
			int err = ring_write(&writer, frame.type, frame.parts, 4);
			uint64_t need = 8 + ((frame.bytes.len + 7) & ~7ull);

			CHECK_EQ(err, used + need <= RING ? 0 : -EAGAIN);
			written += err == 0;
			used += err == 0 ? need : 0;
			full += err != 0;
			continue;
		}
		int got = ring_read(&reader, out, &type, &len);

		CHECK_EQ(got, read < written);
		if (got == 1) {
			check_frame(seed, read++, type, out, len);
			used -= 8 + ((len + 7) & ~7ull);
		}
	}
	CHECK(written > 1000 && full > 0);
	free(out);
	ring_unmap(map, RING);
}

static void test_model(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		model_run(seed, 0);
	/* Positions that cross 32 bits, and (against all odds) 64. */
	model_run(21, (1ull << 32) - 8 * 1000);
	model_run(22, -(uint64_t)(8 * 1000));
}

static void test_sizes(void)
{
	void *map = new_map();
	struct ring_writer writer;
	struct span part = span_of(pool, IPC_FRAME_MAX + 1);
	struct span two[2] = {span_of(pool, IPC_FRAME_MAX), span_of(pool, 1)};
	struct span huge[2] = {span_of(pool, 8), span_of(pool, SIZE_MAX)};

	ring_writer_init(&writer, map, RING, RING_TO_DATAPLANE);
	CHECK_EQ(ring_write(&writer, 1, &part, 1), -EMSGSIZE);
	CHECK_EQ(ring_write(&writer, 1, two, 2), -EMSGSIZE);
	CHECK_EQ(ring_write(&writer, 1, huge, 2), -EMSGSIZE);
	CHECK_EQ(ring_write(&writer, 1, two, 1), 0);
	CHECK_EQ(ring_write(&writer, 1, NULL, 0), 0);
	ring_unmap(map, RING);
	CHECK(!ring_bytes_valid(0) && !ring_bytes_valid(RING_BYTES_MIN / 2) &&
	      !ring_bytes_valid(RING_BYTES_MAX * 2u) && !ring_bytes_valid(RING + 4096) &&
	      ring_bytes_valid(RING) && ring_bytes_valid(RING_BYTES_MAX));
	CHECK_EQ(ring_memfd_make(RING + 1), -EINVAL);
}

static struct ring_writer thread_writer;

static void *write_frames(void *arg)
{
	for (unsigned long n = 0; n < nframes; n++) {
		struct frame frame;
		int err;

		make_frame(&frame, 77, n);
		while ((err = ring_write(&thread_writer, frame.type, frame.parts, 4)) == -EAGAIN)
			sched_yield();
		CHECK_EQ(err, 0);
	}
	return NULL;
}

static void test_two_threads(void)
{
	void *map = new_map();
	struct ring_reader reader;
	pthread_t thread;
	char *out = malloc(IPC_FRAME_MAX);

	ring_writer_init(&thread_writer, map, RING, RING_TO_CONTROLPLANE);
	ring_reader_init(&reader, map, RING, RING_TO_CONTROLPLANE);
	CHECK(out && pthread_create(&thread, NULL, write_frames, NULL) == 0);
	for (unsigned long n = 0; n < nframes;) {
		uint16_t type;
		uint32_t len;
		int got = ring_read(&reader, out, &type, &len);

		CHECK(got >= 0);
		if (got == 0)
			sched_yield();
		else
			check_frame(77, n++, type, out, len);
	}
	pthread_join(thread, NULL);
	free(out);
	ring_unmap(map, RING);
}

/* What a hostile writer may store, and the reader's answer: broken, and it stays so. */
static void test_hostile_head(void)
{
	static const struct {
		uint64_t read, head, word;
		const char *why;
	} cases[] = {
		{0, 4, 0, "not a multiple of 8"},
		{0, RING + 8, 0, "more than the ring holds"},
		{0, UINT64_MAX & ~7ull, 0, "behind the reader"},
		{0, 1ull << 63, 0, "far away"},
		{1, 0, 0, "back to the start"},
		{0, 8, 1, "frame longer than what was written"},
		{0, 16, 9, "frame longer than what was written, padded"},
		{0, RING, IPC_FRAME_MAX + 1, "frame larger than any"},
		{0, RING, UINT32_MAX, "frame whose padding wraps"},
		{0, RING, UINT32_MAX - 7, "frame whose head wraps"},
		{0, 16, 8 | 1ull << 48, "head with unknown bits"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *map = new_map();
		struct ring_words *words = WORDS(map, RING_TO_DATAPLANE);
		struct ring_reader reader;
		struct ring_writer writer;
		char *out = malloc(IPC_FRAME_MAX);
		uint16_t type;
		uint32_t len;

		CHECK(out);
		ring_reader_init(&reader, map, RING, RING_TO_DATAPLANE);
		ring_writer_init(&writer, map, RING, RING_TO_DATAPLANE);
		for (uint64_t n = 0; n < cases[i].read; n++) {
			CHECK_EQ(ring_write(&writer, 1, NULL, 0), 0);
			CHECK_EQ(ring_read(&reader, out, &type, &len), 1);
		}
		memcpy(DATA(map, RING_TO_DATAPLANE), &cases[i].word, 8);
		atomic_store(&words->head, cases[i].head);
		CHECK_EQ(ring_read(&reader, out, &type, &len), -EPROTO);
		CHECK(!ring_reader_sleeps(&reader));
		atomic_store(&words->head, reader.tail);
		CHECK_EQ(ring_read(&reader, out, &type, &len), -EPROTO);
		free(out);
		ring_unmap(map, RING);
	}
}

/* The same for a hostile reader: the writer finds out when it needs room. */
static void test_hostile_tail(void)
{
	static const uint64_t tails[] = {4, UINT64_MAX & ~7ull, 1ull << 63, RING + 80};
	struct span part = span_of(pool, IPC_FRAME_MAX);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		void *map = new_map();
		struct ring_writer writer;
		int err = 0;

		ring_writer_init(&writer, map, RING, RING_TO_DATAPLANE);
		atomic_store(&WORDS(map, RING_TO_DATAPLANE)->tail, tails[i]);
		for (unsigned n = 0; n < 10 && !err; n++)
			err = ring_write(&writer, 1, &part, 1);
		CHECK_EQ(err, -EPROTO);
		CHECK_EQ(ring_write(&writer, 1, NULL, 0), -EPROTO);
		ring_unmap(map, RING);
	}
}

static void scribble(void *map, uint64_t seed)
{
	volatile uint64_t *words = map;
	size_t count = ring_memfd_bytes(RING) / 8;
	struct rng rng = {seed};

	for (;;) {
		uint64_t r = rng_next(&rng), value = rng_next(&rng);
		/* Half of the time the two positions that matter, else any word. */
		size_t at = r % 2 ? (r >> 8) % 6 * RING_WORD_ALIGN / 8 : (r >> 8) % count;

		words[at] = (r >> 1) % 4 == 0   ? value
			    : (r >> 1) % 4 == 1 ? value % (2 * RING)
			    : (r >> 1) % 4 == 2 ? value % (2 * RING) & ~7ull
						: value % 64;
	}
}

/* Another process stores garbage all over the mapping while both ends work: every answer is one of
 * those promised. The frame buffer ends at an unreadable page. */
static void test_scribbler(void)
{
	void *map = new_map();
	char *pages = mmap(NULL, IPC_FRAME_MAX + 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t frames = 0, breaks = 0, until = mono_ms() + 2000;
	struct ring_reader reader;
	struct ring_writer writer;
	pid_t pid;

	CHECK(pages != MAP_FAILED && IPC_FRAME_MAX % 4096 == 0);
	CHECK(mprotect(pages + IPC_FRAME_MAX, 4096, PROT_NONE) == 0);
	pid = fork_child();
	if (pid == 0)
		scribble(map, 5);
	ring_reader_init(&reader, map, RING, RING_TO_DATAPLANE);
	ring_writer_init(&writer, map, RING, RING_TO_CONTROLPLANE);
	for (uint64_t n = 0; n % 1024 || mono_ms() < until; n++) {
		struct frame frame;
		uint16_t type;
		uint32_t len;
		int got = ring_read(&reader, pages, &type, &len);

		CHECK(got == 0 || got == -EPROTO || (got == 1 && len <= IPC_FRAME_MAX));
		frames += got == 1;
		make_frame(&frame, 5, n);
		int err = ring_write(&writer, frame.type, frame.parts, 4);

		CHECK(err == 0 || err == -EAGAIN || err == -EPROTO);
		ring_writer_wakes(&writer);
		ring_reader_sleeps(&reader);
		if (got < 0)
			ring_reader_init(&reader, map, RING, RING_TO_DATAPLANE);
		if (err == -EPROTO)
			ring_writer_init(&writer, map, RING, RING_TO_CONTROLPLANE);
		breaks += (got < 0) + (err == -EPROTO);
	}
	kill_child(pid);
	CHECK(breaks > 100 && frames > 0);
	munmap(pages, IPC_FRAME_MAX + 4096);
	ring_unmap(map, RING);
}

static int memfd_with(unsigned flags, size_t bytes, int seals)
{
	int fd = memfd_create("limen-ring", MFD_CLOEXEC | flags);

	CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
	CHECK(!seals || fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

static void test_map_refuses(void)
{
	const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	const struct {
		unsigned flags;
		int bytes_off, seals;
	} cases[] = {
		{0, 0, 0},
		{MFD_ALLOW_SEALING, 0, 0},
		{MFD_ALLOW_SEALING, 0, F_SEAL_SHRINK},
		{MFD_ALLOW_SEALING, 0, F_SEAL_SHRINK | F_SEAL_GROW},
		{MFD_ALLOW_SEALING, 0, F_SEAL_GROW | F_SEAL_SEAL},
		{MFD_ALLOW_SEALING, 0, all | F_SEAL_WRITE},
		{MFD_ALLOW_SEALING, 0, all | F_SEAL_FUTURE_WRITE},
		{MFD_ALLOW_SEALING, -1, all},
		{MFD_ALLOW_SEALING, 4096, all},
		{MFD_ALLOW_SEALING, -(int)ring_memfd_bytes(RING), all},
	};
	unsigned maps = count_ring_maps();
	int pipes[2], fd;
	void *map;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fd = memfd_with(cases[i].flags, ring_memfd_bytes(RING) + cases[i].bytes_off,
				cases[i].seals);
		CHECK_EQ(ring_map(fd, RING, false, &map), -EPROTO);
		close(fd);
	}
	CHECK(pipe(pipes) == 0);
	CHECK_EQ(ring_map(pipes[0], RING, false, &map), -EPROTO);
	CHECK_EQ(ring_map(-1, RING, false, &map), -EPROTO);
	close(pipes[0]);
	close(pipes[1]);
	fd = memfd_with(MFD_ALLOW_SEALING, ring_memfd_bytes(RING), all);
	CHECK_EQ(ring_map(fd, RING * 2, false, &map), -EPROTO);
	CHECK_EQ(ring_map(fd, RING - 8, false, &map), -EPROTO);
	CHECK_EQ(count_ring_maps(), maps);
	CHECK_EQ(ring_map(fd, RING, false, &map), 0);
	/* The attack that the seals are for. */
	CHECK(ftruncate(fd, 0) < 0 && errno == EPERM);
	ring_unmap(map, RING);
	close(fd);
	CHECK_EQ(count_ring_maps(), maps);
}

/* hugetlbfs memfds can be sealed, but not trusted: their pages can run out. */
static void test_map_refuses_hugetlb(void)
{
	uint32_t ring_bytes = 1u << 20;
	int fd = memfd_create("limen-ring", MFD_CLOEXEC | MFD_HUGETLB | MFD_ALLOW_SEALING);
	void *map;

	if (fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		fprintf(stderr, "  (no hugetlbfs here)\n");
		return;
	}
	CHECK_EQ(ring_map(fd, ring_bytes, false, &map), -EPROTO);
	close(fd);
}

int main(int argc, char **argv)
{
	struct rng rng = {42};

	if (argc > 1)
		nframes = strtoul(argv[1], NULL, 10);
	for (size_t i = 0; i < sizeof(pool); i++)
		pool[i] = (char)rng_next(&rng);
	RUN(test_model);
	RUN(test_sizes);
	RUN(test_two_threads);
	RUN(test_hostile_head);
	RUN(test_hostile_tail);
	RUN(test_scribbler);
	RUN(test_map_refuses);
	RUN(test_map_refuses_hugetlb);
	return 0;
}
