/* SPDX-License-Identifier: BSD-3-Clause */
/* Arena files: what survives closing and dying, and every reason not to take a file over. */
#include "dataplane/store/arena.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../rng.h"

static const struct arena_slab_def defs[] = {
	{"call", 192, 100, 1},
	{"leg", 64, 1000, 3},
};

static char dir[64];
static char path[96];

static void make_dir(void)
{
	snprintf(dir, sizeof(dir), "/dev/shm/limen-test-XXXXXX");
	if (!mkdtemp(dir)) {
		snprintf(dir, sizeof(dir), "/tmp/limen-test-XXXXXX");
		cr_assert_not_null(mkdtemp(dir));
	}
	snprintf(path, sizeof(path), "%s/worker-0.arena", dir);
}

static void remove_dir(void)
{
	unlink(path);
	rmdir(dir);
}

TestSuite(arena, .init = make_dir, .fini = remove_dir);

static struct arena open_ok(bool cold, const char **why)
{
	struct arena arena;
	int err = arena_open(&arena, path, defs, 2, cold, false, why);

	cr_assert_eq(err, 0, "%s", *why);
	return arena;
}

/* A file with one live and one dead call, closed in order. Returns the live one's handle. */
static uint64_t make_file(void)
{
	const char *why;
	struct arena arena = open_ok(false, &why);
	uint64_t dead, live;

	cr_assert_not_null(slab_alloc(&arena.slabs[0], &dead));
	memcpy(slab_alloc(&arena.slabs[0], &live), "a call", 7);
	slab_free(&arena.slabs[0], dead);
	arena_close(&arena);
	return live;
}

static void patch(off_t at, const void *bytes, size_t len)
{
	int fd = open(path, O_RDWR);

	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, bytes, len, at), (ssize_t)len);
	close(fd);
}

Test(arena, records_survive_a_clean_end)
{
	const char *why;
	uint64_t live = make_file();
	struct arena arena = open_ok(false, &why);
	struct stat st;
	uint64_t handle;

	cr_assert(arena.attached);
	cr_assert_str_eq(why, "attached, clean");
	cr_assert_str_eq(slab_get(&arena.slabs[0], live), "a call");
	cr_assert_eq(slab_used(&arena.slabs[0]), 1);
	cr_assert_eq(slab_peak(&arena.slabs[0]), 2);
	cr_assert_eq(slab_bound(&arena.slabs[0]), 2);
	cr_assert_eq(slab_used(&arena.slabs[1]), 0);
	for (unsigned i = 0; i < 99; i++)
		cr_assert_not_null(slab_alloc(&arena.slabs[0], &handle));
	cr_assert_null(slab_alloc(&arena.slabs[0], &handle));
	cr_assert_str_eq(slab_get(&arena.slabs[0], live), "a call");
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_geq((uint64_t)st.st_blocks * 512, arena.bytes, "pages are not reserved");
	arena_close(&arena);
}

/* The process dies at any moment: lists may be half linked, but generations tell the truth. */
Test(arena, records_survive_a_killed_process)
{
	const char *why;
	struct arena arena;
	uint64_t handles[60];
	int pipefd[2], status;
	pid_t pid;

	cr_assert_eq(pipe(pipefd), 0);
	pid = fork();
	if (pid == 0) {
		arena = open_ok(false, &why);
		for (unsigned i = 0; i < 60; i++)
			*(uint64_t *)slab_alloc(&arena.slabs[1], &handles[i]) = i;
		for (unsigned i = 0; i < 60; i += 3)
			slab_free(&arena.slabs[1], handles[i]);
		/* All that lists and counts say is wrong. */
		memset(arena.slabs[1].head, 0x5a, 16);
		memset(arena.slabs[1].next_free, 0x77, 400);
		_exit(write(pipefd[1], handles, sizeof(handles)) != sizeof(handles));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(read(pipefd[0], handles, sizeof(handles)), (ssize_t)sizeof(handles));

	arena = open_ok(false, &why);
	cr_assert(arena.attached);
	cr_assert_str_eq(why, "attached, not closed in order");
	cr_assert_eq(slab_used(&arena.slabs[1]), 40);
	cr_assert_eq(slab_bound(&arena.slabs[1]), 60);
	for (unsigned i = 0; i < 60; i++) {
		uint64_t *record = slab_get(&arena.slabs[1], handles[i]);

		if (i % 3 == 0)
			cr_assert_null(record);
		else
			cr_assert_eq(*record, i);
	}
	for (unsigned i = 0; i < 960; i++) {
		uint64_t handle;

		cr_assert_not_null(slab_alloc(&arena.slabs[1], &handle));
		for (unsigned k = 0; k < 60; k++)
			cr_assert_neq(handle, handles[k], "a dead handle came true");
	}
	cr_assert_eq(slab_used(&arena.slabs[1]), 1000);
	arena_close(&arena);
}

static void expect_fresh(const char *reason, uint64_t live)
{
	const char *why;
	struct arena arena = open_ok(false, &why);

	cr_assert_not(arena.attached);
	cr_assert_str_eq(why, reason);
	cr_assert_null(slab_get(&arena.slabs[0], live));
	cr_assert_eq(slab_used(&arena.slabs[0]), 0);
	for (unsigned i = 0; i < 100; i++) {
		uint64_t handle;
		const uint64_t *record = slab_take(&arena.slabs[0], &handle);

		cr_assert_eq(*record, 0, "bytes of the old arena are left");
	}
	arena_close(&arena);
}

Test(arena, new_file)
{
	expect_fresh("new", 1ull << 32);
}

Test(arena, cold_start_forgets)
{
	uint64_t live = make_file();
	const char *why;
	struct arena arena = open_ok(true, &why);

	cr_assert_not(arena.attached);
	cr_assert_str_eq(why, "cold start asked for");
	cr_assert_null(slab_get(&arena.slabs[0], live));
	arena_close(&arena);
}

Test(arena, changed_layout_begins_afresh)
{
	struct arena_slab_def changed[5][3] = {
		{{"call", 192, 100, 2}, {"leg", 64, 1000, 3}},
		{{"call", 200, 100, 1}, {"leg", 64, 1000, 3}},
		{{"call", 192, 101, 1}, {"leg", 64, 1000, 3}},
		{{"kall", 192, 100, 1}, {"leg", 64, 1000, 3}},
		{{"leg", 64, 1000, 3}, {"call", 192, 100, 1}},
	};
	struct arena_slab_def more[3] = {
		{"call", 192, 100, 1}, {"leg", 64, 1000, 3}, {"txn", 8, 0, 1}};
	struct arena arena;
	const char *why;

	for (unsigned i = 0; i < 6; i++) {
		unlink(path);
		make_file();
		cr_assert_eq(arena_open(&arena, path, i < 5 ? changed[i] : more, i < 5 ? 2 : 3,
					false, false, &why),
			     0);
		cr_assert_not(arena.attached);
		cr_assert_str_eq(why, "layout changed");
		cr_assert_eq(slab_used(&arena.slabs[0]), 0);
		arena_close(&arena);
	}
}

/* Any byte of the header may be wrong: never a crash, and never taken over with other offsets than
 * our own. */
Test(arena, damaged_header_is_refused)
{
	static const uint8_t junk[] = {0x00, 0xff, 0x80, 0x01};
	unsigned refused = 0;

	for (off_t at = 0; at < 64 + 3 * 80; at++) {
		struct arena arena;
		const char *why;
		uint64_t live;
		uint8_t byte = junk[at % 4];
		int fd;

		unlink(path);
		live = make_file();
		fd = open(path, O_RDONLY);
		cr_assert_eq(pread(fd, &byte, 1, at), 1);
		close(fd);
		byte ^= (uint8_t)(junk[at % 4] | 0x10);
		patch(at, &byte, 1);
		arena = open_ok(false, &why);
		if (arena.attached)
			cr_assert_not_null(slab_get(&arena.slabs[0], live));
		else
			refused++;
		arena_close(&arena);
	}
	/* All but the attach counter and the padding around it. */
	cr_assert_geq(refused, 64 + 3 * 80 - 24);
}

Test(arena, unfinished_file_is_refused)
{
	uint64_t live = make_file();
	uint64_t zero = 0;

	patch(0, &zero, sizeof(zero));
	expect_fresh("not an arena, or never finished", live);
}

Test(arena, random_files_are_refused)
{
	static uint8_t bytes[20000];
	struct rng rng = {.state = 6};

	for (unsigned round = 0; round < 50; round++) {
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		size_t len = 1 + rng_below(&rng, sizeof(bytes));

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)rng_next(&rng);
		cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
		close(fd);
		expect_fresh(len < 2624 ? "file truncated" : "not an arena, or never finished",
			     1ull << 32);
	}
}

Test(arena, truncated_file_begins_afresh)
{
	uint64_t live = make_file();
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(truncate(path, st.st_size - 1), 0);
	expect_fresh("file truncated", live);
	unlink(path);
	live = make_file();
	cr_assert_eq(truncate(path, 100), 0);
	expect_fresh("file truncated", live);
	unlink(path);
	live = make_file();
	cr_assert_eq(truncate(path, st.st_size + 4096), 0);
	expect_fresh("file truncated", live);
}

static void expect_refused(int err, const char *reason)
{
	struct arena arena;
	const char *why = NULL;

	cr_assert_eq(arena_open(&arena, path, defs, 2, false, false, &why), err, "%s", why);
	cr_assert_str_eq(why, reason);
	cr_assert_null(arena.base);
	arena_close(&arena); /* harmless */
}

Test(arena, symbolic_link_is_refused)
{
	char target[128];

	snprintf(target, sizeof(target), "%s/target", dir);
	cr_assert_eq(close(open(target, O_CREAT | O_RDWR, 0600)), 0);
	cr_assert_eq(symlink(target, path), 0);
	expect_refused(-ELOOP, "is a symbolic link");
	unlink(target);
}

Test(arena, second_name_is_refused)
{
	char other[128];

	make_file();
	snprintf(other, sizeof(other), "%s/other", dir);
	cr_assert_eq(link(path, other), 0);
	expect_refused(-EPERM, "belongs to another user, or has a second name");
	unlink(other);
}

Test(arena, what_others_may_open_is_refused)
{
	make_file();
	cr_assert_eq(chmod(path, 0640), 0);
	expect_refused(-EPERM, "is open to others than its owner");
}

Test(arena, only_regular_files)
{
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_refused(-EINVAL, "is not a regular file");
	unlink(path);
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_refused(-EISDIR, "cannot be opened");
	rmdir(path);
}

Test(arena, missing_directory)
{
	snprintf(path, sizeof(path), "%s/none/arena", dir);
	expect_refused(-ENOENT, "directory missing");
}

Test(arena, one_process_at_a_time)
{
	const char *why;
	struct arena arena = open_ok(false, &why);

	expect_refused(-EBUSY, "is in use by another process");
	arena_close(&arena);
	arena = open_ok(false, &why);
	cr_assert(arena.attached);
	arena_close(&arena);
}

Test(arena, definitions_out_of_range)
{
	struct arena_slab_def bad[] = {
		{"odd", 12, 10, 1},
		{"none", 0, 10, 1},
		{"", 8, 10, 1},
		{NULL, 8, 10, 1},
		{"a-name-longer-than-the-directory-holds", 8, 10, 1},
	};
	struct arena_slab_def huge[] = {{"huge", 1u << 20, 1u << 28, 1}};
	struct arena arena;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(arena_open(&arena, NULL, &bad[i], 1, false, false, NULL), -EINVAL);
	cr_assert_eq(arena_open(&arena, NULL, huge, 1, false, false, NULL), -EFBIG);
	cr_assert_eq(arena_open(&arena, NULL, defs, 0, false, false, NULL), -EINVAL);
	cr_assert_eq(arena_open(&arena, NULL, defs, ARENA_SLABS_MAX + 1, false, false, NULL),
		     -EINVAL);
}

/* More than the file system holds: an error at start, and nothing of it is kept. */
Test(arena, no_space_is_an_error_at_start)
{
	struct arena_slab_def big[] = {{"big", 1u << 16, 0, 1}};
	struct statvfs fs;
	struct arena arena;
	const char *why;
	struct stat st;
	uint64_t want;

	cr_assert_eq(statvfs(dir, &fs), 0);
	want = ((uint64_t)fs.f_blocks * fs.f_frsize >> 16) + 1000;
	cr_assert_lt(want << 16, 1ull << 40, "this file system is too large for the test");
	big[0].capacity = (uint32_t)want;
	cr_assert_eq(arena_open(&arena, path, big, 1, false, true, &why), -ENOSPC);
	cr_assert_str_eq(why,
			 "not enough space: the file system of state_dir is too small or full");
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_blocks, 0);
}

/* The same on a small file system of its own, filled up to the last page; needs the right to
 * mount. */
Test(arena, full_file_system)
{
	struct arena_slab_def big[] = {{"big", 1u << 16, 15, 1}};
	struct arena arena;
	const char *why;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", dir, "tmpfs", 0, "size=1m") < 0) {
		fprintf(stderr, "no right to mount: left out\n");
		return;
	}
	cr_assert_eq(arena_open(&arena, path, big, 1, false, true, &why), 0, "%s", why);
	arena_close(&arena);
	big[0].capacity = 17;
	cr_assert_eq(arena_open(&arena, path, big, 1, false, true, &why), -ENOSPC);
	big[0].capacity = 15;
	cr_assert_eq(arena_open(&arena, path, big, 1, false, true, &why), 0, "%s", why);
	cr_assert_not(arena.attached);
	arena_close(&arena);
	umount(dir);
}

/* On huge pages where this machine has some to spare. */
Test(arena, huge_pages)
{
	struct arena arena;
	const char *why;
	uint64_t handle;
	int err;

	snprintf(path, sizeof(path), "/dev/hugepages/limen-test-%d", (int)getpid());
	err = arena_open(&arena, path, defs, 2, false, true, &why);
	if (err) {
		cr_assert(err == -ENOENT || err == -EACCES || err == -ENOSPC || err == -ENOMEM ||
				  err == -EPERM,
			  "%s: %s", strerror(-err), why);
		fprintf(stderr, "no huge pages (%s): left out\n", why);
		return;
	}
	if (arena.bytes >= 2u << 20)
		cr_assert_eq(arena.bytes % (2u << 20), 0);
	memcpy(slab_alloc(&arena.slabs[0], &handle), "huge", 5);
	arena_close(&arena);
	arena = open_ok(false, &why);
	cr_assert(arena.attached);
	cr_assert_str_eq(slab_get(&arena.slabs[0], handle), "huge");
	arena_close(&arena);
}
