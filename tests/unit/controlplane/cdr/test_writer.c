/* SPDX-License-Identifier: BSD-3-Clause */
/* Records to disk: told of only once they are there, each once, through a full disk, a crash and a
 * rotation. */
#include "controlplane/cdr/writer.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf/conf.h"
#include "common/log/log.h"
#include "controlplane/cdr/seen.h"

struct test {
	struct event_base *base;
	struct cdr_writer *writer;
	char dir[64], path[96];
	unsigned nwritten, nroom;
	uint64_t last_call;
	off_t bytes_when_told; /* of the file, as the last `written` found it */
};

static void on_written(void *arg, const struct cdr_ticket *ticket)
{
	struct test *test = arg;
	struct stat st = {0};

	stat(test->path, &st);
	test->bytes_when_told = st.st_size;
	test->nwritten++;
	test->last_call = ticket->id.call;
}

static void on_room(void *arg)
{
	struct test *test = arg;

	test->nroom++;
}

static const struct cdr_events events = {.written = on_written, .room = on_room};

static void open_writer(struct test *test, const char *path)
{
	cr_assert_eq(cdr_writer_new(&test->writer, test->base, path, &events, test), 0);
}

static void start(struct test *test)
{
	*test = (struct test){.base = event_base_new()};
	log_threshold = LOG_LEVELS; /* a full disk is told of; not here */
	strcpy(test->dir, "/tmp/limen-cdr-XXXXXX");
	cr_assert_not_null(mkdtemp(test->dir));
	snprintf(test->path, sizeof(test->path), "%s/cdr.jsonl", test->dir);
}

static void stop(struct test *test)
{
	char command[128];

	cdr_writer_free(test->writer);
	event_base_free(test->base);
	snprintf(command, sizeof(command), "rm -rf %s", test->dir);
	cr_assert_eq(system(command), 0);
}

static struct cdr_ticket ticket_of(uint64_t call)
{
	return (struct cdr_ticket){.id = {1000 + call, call, 0}, .boot_id = 9};
}

static enum cdr_added add_bytes(struct test *test, uint64_t call, unsigned padding)
{
	const struct cdr_ticket ticket = ticket_of(call);
	static char line[1 << 20];
	struct cursor out = cursor_on(line, sizeof(line));

	put_lit(&out, "{\"call\":\"");
	put_cdr_id(&out, &ticket.id);
	put_lit(&out, "\",\"pad\":\"");
	while (padding--)
		put_char(&out, 'x');
	put_lit(&out, "\"}\n");
	cr_assert_not(out.full);
	return cdr_writer_add(test->writer, &ticket, cursor_span(&out));
}

static enum cdr_added add(struct test *test, uint64_t call)
{
	return add_bytes(test, call, 10);
}

/* Run the loop until so many were told of, or ten seconds. */
static bool told(struct test *test, unsigned n)
{
	for (unsigned i = 0; i < 1000 && test->nwritten < n; i++) {
		const struct timeval step = {.tv_usec = 10000};

		event_base_loopexit(test->base, &step);
		event_base_dispatch(test->base);
	}
	return test->nwritten == n;
}

static unsigned lines_of(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned n = 0;
	int c;

	if (!file)
		return 0;
	while ((c = fgetc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

Test(writer, tells_once_it_is_on_disk)
{
	struct test test;

	start(&test);
	open_writer(&test, test.path);
	for (uint64_t i = 1; i <= 1000; i++)
		cr_assert_eq(add(&test, i), CDR_QUEUED);
	cr_expect_eq(test.nwritten, 0, "nothing is told before the loop ran");
	cr_assert(told(&test, 1000));
	cr_expect_eq(test.last_call, 1000, "in order");
	cr_expect_eq(lines_of(test.path), 1000);
	cr_expect_gt(test.bytes_when_told, 1000 * 30);
	stop(&test);
}

Test(writer, batches_share_a_sync)
{
	struct cdr_stats stats;
	struct test test;

	start(&test);
	open_writer(&test, test.path);
	for (uint64_t i = 1; i <= 5000; i++)
		add(&test, i);
	cr_assert(told(&test, 5000));
	cdr_writer_stats(test.writer, &stats);
	cr_expect_eq(stats.written, 5000);
	cr_expect_eq(stats.waiting, 0);
	cr_expect_lt(stats.syncs, 50, "%lu", (unsigned long)stats.syncs);
	stop(&test);
}

Test(writer, a_record_sent_again_is_written_once)
{
	struct test test;

	start(&test);
	open_writer(&test, test.path);
	cr_expect_eq(add(&test, 1), CDR_QUEUED);
	cr_expect_eq(add(&test, 1), CDR_KNOWN);
	cr_assert(told(&test, 1));
	cr_expect_eq(add(&test, 1), CDR_WRITTEN);
	cr_expect_eq(lines_of(test.path), 1);
	stop(&test);
}

Test(writer, knows_after_a_restart_what_was_written_before)
{
	struct test test;

	start(&test);
	open_writer(&test, test.path);
	for (uint64_t i = 1; i <= 500; i++)
		add(&test, i);
	cdr_writer_free(test.writer); /* writes what is queued; nobody was told */
	cr_expect_eq(lines_of(test.path), 500);
	open_writer(&test, test.path);
	for (uint64_t i = 1; i <= 500; i++)
		cr_expect_eq(add(&test, i), CDR_WRITTEN);
	cr_expect_eq(add(&test, 501), CDR_QUEUED);
	cr_assert(told(&test, 1));
	cr_expect_eq(lines_of(test.path), 501);
	stop(&test);
}

Test(writer, cuts_off_what_a_crash_left)
{
	struct test test;
	FILE *file;

	start(&test);
	file = fopen(test.path, "w");
	fputs("{\"call\":\"3e9-0-1\"}\n{\"call\":\"3ea-0-2\",\"start", file);
	fclose(file);
	open_writer(&test, test.path);
	cr_expect_eq(add(&test, 1), CDR_WRITTEN);
	cr_expect_eq(add(&test, 2), CDR_QUEUED, "its line was not whole");
	cr_assert(told(&test, 1));
	cr_expect_eq(lines_of(test.path), 2);
	stop(&test);
}

Test(writer, leaves_a_file_alone_that_is_not_its_own)
{
	struct test test;
	FILE *file;

	start(&test);
	file = fopen(test.path, "w");
	for (unsigned i = 0; i < 200000; i++)
		fputc('x', file);
	fclose(file);
	cr_expect_eq(cdr_writer_new(&test.writer, test.base, test.path, &events, &test), -EINVAL);
	cr_expect_null(test.writer);
	cr_expect_eq(cdr_writer_new(&test.writer, test.base, "/nonexistent/cdr", &events, &test),
		     -ENOENT);
	cr_expect_eq(cdr_writer_new(&test.writer, test.base, test.dir, &events, &test), -EISDIR);
	stop(&test);
}

/* A disk with room for a few lines: nothing is told of that is not there, no line is torn, and all
 * comes once there is room. */
Test(writer, waits_for_a_full_disk)
{
	struct rlimit small = {.rlim_cur = 300, .rlim_max = RLIM_INFINITY},
		      large = {RLIM_INFINITY, RLIM_INFINITY};
	struct cdr_stats stats;
	struct test test;

	start(&test);
	signal(SIGXFSZ, SIG_IGN);
	open_writer(&test, test.path);
	add(&test, 1);
	cr_assert(told(&test, 1));
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (uint64_t i = 2; i <= 100; i++)
		cr_assert_eq(add(&test, i), CDR_QUEUED);
	for (unsigned i = 0; i < 20; i++) {
		const struct timeval step = {.tv_usec = 10000};

		event_base_loopexit(test.base, &step);
		event_base_dispatch(test.base);
	}
	cr_expect_lt(test.nwritten, 100);
	cr_expect_eq(lines_of(test.path), test.nwritten,
		     "what was written of a batch that failed is gone again");
	cdr_writer_stats(test.writer, &stats);
	cr_expect_gt(stats.failures, 0);
	cr_expect_eq(stats.waiting, 100 - test.nwritten);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &large), 0);
	cr_assert(told(&test, 100));
	cr_expect_eq(lines_of(test.path), 100);
	stop(&test);
}

/* More than may wait in memory: refused, and told when there is room again. */
Test(writer, refuses_what_does_not_fit_and_tells_of_room)
{
	struct rlimit small = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY},
		      large = {RLIM_INFINITY, RLIM_INFINITY};
	struct cdr_stats stats;
	enum cdr_added added = CDR_QUEUED;
	unsigned queued = 0;
	struct test test;

	start(&test);
	signal(SIGXFSZ, SIG_IGN);
	open_writer(&test, test.path);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	while (added == CDR_QUEUED && queued < 100) {
		added = add_bytes(&test, queued + 1, 1000000);
		queued += added == CDR_QUEUED;
	}
	cr_assert_eq(added, CDR_FULL);
	cr_expect(queued > 50 && queued < 80);
	cdr_writer_stats(test.writer, &stats);
	cr_expect_eq(stats.refused, 1);
	cr_expect_eq(test.nroom, 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &large), 0);
	cr_assert(told(&test, queued));
	cr_expect_eq(test.nroom, 1);
	cr_expect_eq(add(&test, queued + 1), CDR_QUEUED, "it was not taken before");
	cr_assert(told(&test, queued + 1));
	cr_expect_eq(lines_of(test.path), queued + 1);
	stop(&test);
}

Test(writer, rotates)
{
	char moved[128];
	struct test test;

	start(&test);
	open_writer(&test, test.path);
	add(&test, 1);
	cr_assert(told(&test, 1));
	snprintf(moved, sizeof(moved), "%s.1", test.path);
	rename(test.path, moved);
	cr_assert_eq(cdr_writer_reopen(test.writer, test.path), 0);
	add(&test, 2);
	cr_assert(told(&test, 2));
	cr_expect_eq(lines_of(moved), 1);
	cr_expect_eq(lines_of(test.path), 1);
	cr_expect_eq(add(&test, 1), CDR_WRITTEN, "known through the rotation");
	cr_expect_eq(cdr_writer_reopen(test.writer, "/nonexistent/cdr"), -ENOENT);
	add(&test, 3);
	cr_assert(told(&test, 3));
	cr_expect_eq(lines_of(test.path), 2, "the old file stays");
	stop(&test);
}

Test(writer, without_a_file_all_is_written_at_once)
{
	struct test test;

	start(&test);
	open_writer(&test, "");
	cr_expect_eq(add(&test, 1), CDR_WRITTEN);
	cr_assert_eq(cdr_writer_reopen(test.writer, test.path), 0);
	cr_expect_eq(add(&test, 2), CDR_QUEUED);
	cr_assert(told(&test, 1));
	cr_assert_eq(cdr_writer_reopen(test.writer, ""), 0);
	cr_expect_eq(add(&test, 3), CDR_WRITTEN);
	stop(&test);
}

Test(writer, a_device_has_nothing_to_sync)
{
	struct test test;

	start(&test);
	open_writer(&test, "/dev/null");
	add(&test, 1);
	cr_expect(told(&test, 1));
	stop(&test);
}

/* So many files beside the one in use, and lines in all of them. */
static unsigned aside(const struct test *test, unsigned *lines)
{
	struct dirent *entry;
	DIR *dir = opendir(test->dir);
	unsigned n = 0;

	*lines = lines_of(test->path);
	while ((entry = readdir(dir)) != NULL) {
		char path[400];

		if (strncmp(entry->d_name, "cdr.jsonl.", 10) != 0)
			continue;
		n++;
		snprintf(path, sizeof(path), "%s/%s", test->dir, entry->d_name);
		*lines += lines_of(path);
	}
	closedir(dir);
	return n;
}

Test(writer, puts_a_large_file_aside)
{
	const struct conf_cdr conf = {.rotate_mb = 1, .keep = 3};
	struct cdr_stats stats;
	struct test test;
	unsigned lines;

	start(&test);
	open_writer(&test, test.path);
	cdr_writer_rotation(test.writer, &conf);
	for (uint64_t i = 1; i <= 3; i++) {
		cr_assert_eq(add_bytes(&test, i, 1000000), CDR_QUEUED);
		cr_assert(told(&test, (unsigned)i));
	}
	cr_expect_eq(aside(&test, &lines), 1, "after the second it was too large");
	cr_expect_eq(lines, 3, "each record once");
	for (uint64_t i = 4; i <= 13; i++) {
		cr_assert_eq(add_bytes(&test, i, 1000000), CDR_QUEUED);
		cr_assert(told(&test, (unsigned)i));
	}
	cr_expect_eq(aside(&test, &lines), 3, "no more are kept");
	cr_expect_eq(lines, 7, "two in each, and one");
	cdr_writer_stats(test.writer, &stats);
	cr_expect_eq(stats.rotations, 6);
	cr_expect_eq(stats.rotate_failures, 0);
	stop(&test);
}

Test(writer, puts_a_file_aside_at_its_time)
{
	const struct conf_cdr conf = {.rotate_s = 1};
	struct test test;
	unsigned lines;

	start(&test);
	open_writer(&test, test.path);
	cdr_writer_rotation(test.writer, &conf);
	cr_assert_eq(add(&test, 1), CDR_QUEUED);
	cr_assert(told(&test, 1));
	/* without another record */
	for (unsigned i = 0; i < 50 && !aside(&test, &lines); i++)
		usleep(100000);
	cr_assert_eq(aside(&test, &lines), 1);
	cr_expect_eq(lines, 1);
	cr_expect_eq(lines_of(test.path), 0);
	usleep(2100000);
	cr_expect_eq(aside(&test, &lines), 1, "an empty one is not put aside");
	stop(&test);
}

/* A restart right after: what is in the file put aside is not written again. */
Test(writer, knows_what_was_put_aside)
{
	const struct conf_cdr conf = {.rotate_mb = 1};
	struct test test;
	unsigned lines;

	start(&test);
	open_writer(&test, test.path);
	cdr_writer_rotation(test.writer, &conf);
	cr_assert_eq(add_bytes(&test, 1, 1000000), CDR_QUEUED);
	cr_assert_eq(add_bytes(&test, 2, 100000), CDR_QUEUED);
	cr_assert(told(&test, 2));
	cr_assert_eq(add(&test, 3), CDR_QUEUED);
	cr_assert(told(&test, 3));
	cdr_writer_free(test.writer);
	open_writer(&test, test.path);
	cr_expect_eq(add(&test, 1), CDR_WRITTEN);
	cr_expect_eq(add(&test, 2), CDR_WRITTEN);
	cr_expect_eq(add(&test, 3), CDR_WRITTEN);
	cr_expect_eq(aside(&test, &lines), 1);
	cr_expect_eq(lines, 3);
	stop(&test);
}

/* A crash between the two steps: the records have two names, and then one. */
Test(writer, ends_a_rotation_that_a_crash_cut)
{
	char twin[160];
	struct test test;
	unsigned lines;

	start(&test);
	open_writer(&test, test.path);
	cr_assert_eq(add(&test, 1), CDR_QUEUED);
	cr_assert(told(&test, 1));
	cdr_writer_free(test.writer);
	snprintf(twin, sizeof(twin), "%s.20260131T235959Z", test.path);
	cr_assert_eq(link(test.path, twin), 0);
	open_writer(&test, test.path);
	cr_expect_eq(aside(&test, &lines), 0);
	cr_expect_eq(lines, 1);
	stop(&test);
}

/* A file system of 64 KiB, in a mount namespace of this test's own. */
Test(writer, a_disk_that_is_really_full)
{
	const struct conf_cdr conf = {.rotate_s = 1};
	struct cdr_stats stats;
	struct test test;
	char ballast[160];
	unsigned lines;
	int fd;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		cr_skip("only root can mount");
	start(&test);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("tmpfs", test.dir, "tmpfs", 0, "size=64k"), 0);
	open_writer(&test, test.path);
	cdr_writer_rotation(test.writer, &conf);
	cr_assert_eq(add(&test, 1), CDR_QUEUED);
	cr_assert(told(&test, 1));
	snprintf(ballast, sizeof(ballast), "%s/ballast", test.dir);
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	while (write(fd, test.path, sizeof(test.path)) > 0)
		;
	cr_assert_eq(errno, ENOSPC);
	for (uint64_t i = 2; i <= 40; i++)
		cr_assert_eq(add_bytes(&test, i, 300), CDR_QUEUED);
	cr_expect_not(told(&test, 40), "nothing is told of that is not there");
	cr_expect_lt(test.nwritten, 40);
	cdr_writer_stats(test.writer, &stats);
	cr_expect_eq(stats.failing, ENOSPC);
	cr_expect_gt(stats.failing_since_ns, 0);
	cr_expect_gt(stats.failures, 0);
	cr_expect_eq(stats.waiting + test.nwritten, 40);
	cr_expect_eq(add_bytes(&test, 7, 300), CDR_KNOWN, "sent again meanwhile");
	cr_assert_eq(ftruncate(fd, 0), 0);
	close(fd);
	cr_expect(told(&test, 40), "%u", test.nwritten);
	cdr_writer_stats(test.writer, &stats);
	cr_expect_eq(stats.failing, 0);
	aside(&test, &lines);
	cr_expect_eq(lines, 40, "each once, and whole: %u", lines);
	cdr_writer_free(test.writer);
	test.writer = NULL;
	umount2(test.dir, MNT_DETACH);
	stop(&test);
}

Test(seen, remembers_the_last_ones_and_forgets_in_time)
{
	struct seen *seen = seen_new();
	struct cdr_id id = {0};

	for (uint64_t i = 1; i <= 4 * SEEN_MIN; i++) {
		id.call = i;
		cr_assert_eq(seen_find(seen, &id), 0);
		seen_add(seen, &id, i);
	}
	for (uint64_t i = 3 * SEEN_MIN + 1; i <= 4 * SEEN_MIN; i++) {
		id.call = i;
		cr_assert_eq(seen_find(seen, &id), i);
	}
	id.call = 1;
	cr_expect_eq(seen_find(seen, &id), 0);
	id.call = 4 * SEEN_MIN;
	id.worker = 1;
	cr_expect_eq(seen_find(seen, &id), 0, "the same number of another worker");
	seen_free(seen);
}
