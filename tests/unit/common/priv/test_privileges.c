/* SPDX-License-Identifier: BSD-3-Clause */
/* Another user, no capabilities, files that change hands. What needs root is tried as root only. */
#include "common/priv/privileges.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOMEBODY 64095
#define FINE	 0

static const int none[] = {-1};

/* What `body` says of itself in a process of its own: the line it failed in, or 0. */
static void in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(body());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "line %d, status %#x",
		  WIFEXITED(status) ? WEXITSTATUS(status) : -1, (unsigned)status);
}

#define SAY(condition)                                                                             \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__ & 0xff ? __LINE__ & 0xff : 1;                              \
	} while (0)

static bool is_root(void)
{
	return geteuid() == 0;
}

Test(privileges, whom_a_name_means)
{
	struct privileges_user user;

	if (!is_root()) {
		cr_expect_eq(privileges_find("nobody", "limen", &user), 0);
		cr_expect(!user.changes && user.uid == geteuid());
		return;
	}
	cr_expect_eq(privileges_find("nobody", "limen", &user), 0);
	cr_expect(user.changes && user.uid == 65534 && user.gid == 65534);
	cr_expect_eq(privileges_find("64095", "limen", &user), 0);
	cr_expect(user.changes && user.uid == SOMEBODY && user.gid == SOMEBODY);
	cr_expect_eq(privileges_find("65534", "limen", &user), 0);
	cr_expect_str_eq(user.name, "nobody");
	cr_expect_eq(privileges_find("no-such-user", "limen", &user), -ENOENT);
	cr_expect_eq(privileges_find("root", "limen", &user), -EPERM);
	cr_expect_eq(privileges_find("0", "limen", &user), -EPERM);
	cr_expect_eq(privileges_find("4294967295", "limen", &user), -ENOENT);
	cr_expect_eq(privileges_find("12x", "limen", &user), -ENOENT);
	cr_expect_eq(privileges_find("", "no-such-user", &user), 0);
	cr_expect(!user.changes && user.uid == 0);
	cr_expect_eq(privileges_find("", "nobody", &user), 0);
	cr_expect(user.changes && user.uid == 65534);
}

static uid_t owner(const char *path)
{
	struct stat st;

	cr_assert_eq(lstat(path, &st), 0);
	return st.st_uid;
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	close(fd);
}

Test(privileges, files_change_hands_and_no_others)
{
	const struct privileges_user user = {.changes = true, .uid = SOMEBODY, .gid = SOMEBODY};
	const struct privileges_user same = {.uid = SOMEBODY};
	char dir[] = "/tmp/limen-privileges.XXXXXX", path[4][64];

	if (!is_root())
		return;
	cr_assert_not_null(mkdtemp(dir));
	for (unsigned i = 0; i < 4; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%u", dir, i);
	make_file(path[0]);
	cr_expect_eq(privileges_give(path[0], &same), 0);
	cr_expect_eq(owner(path[0]), 0);
	cr_assert_eq(symlink(path[0], path[1]), 0);
	cr_expect_eq(privileges_give(path[1], &user), 0);
	cr_expect(owner(path[0]) == 0 && owner(path[1]) == 0, "a link was followed");
	cr_assert_eq(link(path[0], path[2]), 0);
	cr_expect_eq(privileges_give(path[2], &user), 0);
	cr_expect_eq(owner(path[0]), 0, "a file of two names");
	unlink(path[2]);
	cr_expect_eq(privileges_give(path[0], &user), 0);
	cr_expect_eq(owner(path[0]), SOMEBODY);
	cr_assert_eq(chown(path[0], 1, 1), 0);
	cr_expect_eq(privileges_give(path[0], &user), 0);
	cr_expect_eq(owner(path[0]), 1, "another user's file");
	cr_expect_eq(privileges_give(path[3], &user), 0, "no file at all");
	cr_assert_eq(mkfifo(path[3], 0600), 0);
	cr_expect_eq(privileges_give(path[3], &user), 0);
	cr_expect_eq(owner(path[3]), 0, "no plain file");
	unlink(path[0]);
	unlink(path[1]);
	unlink(path[3]);
	rmdir(dir);
}

Test(privileges, a_directory_that_two_share)
{
	const struct privileges_user user = {
		.changes = true, .uid = SOMEBODY, .gid = SOMEBODY, .name = "64095"};
	char dir[] = "/tmp/limen-privileges.XXXXXX", path[64];
	struct stat st;

	if (!is_root())
		return;
	cr_assert_not_null(mkdtemp(dir));
	cr_expect(!privileges_may_write(dir, &user));
	snprintf(path, sizeof(path), "%s/run", dir);
	cr_expect_eq(privileges_shared_dir(path, SOMEBODY, true), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect(st.st_uid == 0 && st.st_gid == SOMEBODY && (st.st_mode & 07777) == 01770,
		  "mode %o", st.st_mode);
	cr_expect(privileges_may_write(path, &user));
	cr_assert_eq(chmod(path, 0755), 0);
	cr_expect_eq(privileges_shared_dir(path, SOMEBODY, true), 0, "one that is there");
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0755, "stays as it is");
	cr_expect(!privileges_may_write(path, &user));
	rmdir(path);
	rmdir(dir);
}

static void *forever(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	if (arg) /* as threads of the programs do */
		sigdelset(&all, PRIVILEGES_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (;;)
		pause();
	return NULL;
}

static int becomes(void)
{
	static const int keep[] = {CAP_NET_ADMIN, CAP_NET_RAW, -1};
	struct privileges_user user;
	struct privileges_state state;
	pthread_t thread;

	SAY(privileges_find("64095", "", &user) == 0);
	SAY(privileges_become(&user, keep) == 0);
	SAY(getuid() == SOMEBODY && geteuid() == SOMEBODY && getegid() == SOMEBODY);
	SAY(setuid(0) < 0);
	SAY(privileges_state(&state) == 0);
	SAY(state.uid == SOMEBODY && state.capabilities == 2 && !state.seccomp);
	SAY(pthread_create(&thread, NULL, forever, "open") == 0);
	usleep(50000);
	SAY(privileges_drop(none) == 0);
	SAY(privileges_state(&state) == 0);
	SAY(state.capabilities == 0);
	return FINE;
}

static int drops_as_root(void)
{
	static const int keep[] = {CAP_NET_ADMIN, -1};
	struct privileges_state state;
	pthread_t thread;

	SAY(pthread_create(&thread, NULL, forever, "open") == 0);
	usleep(50000);
	SAY(privileges_drop(keep) == 0);
	SAY(privileges_state(&state) == 0);
	SAY(state.uid == 0 && state.capabilities == 1);
	return FINE;
}

static int is_told_of_a_deaf_thread(void)
{
	pthread_t thread;

	SAY(pthread_create(&thread, NULL, forever, NULL) == 0);
	usleep(50000);
	SAY(privileges_drop(none) == -EAGAIN);
	return FINE;
}

Test(privileges, another_user_without_capabilities)
{
	if (is_root())
		in_child(becomes);
}

Test(privileges, root_without_capabilities)
{
	if (is_root())
		in_child(drops_as_root);
}

Test(privileges, a_thread_that_keeps_its_own)
{
	if (is_root())
		in_child(is_told_of_a_deaf_thread);
}

static int begins(void)
{
	struct stat st;
	int fd = open("/dev/null", O_RDONLY);

	SAY(fd > 2 && setenv("LD_PRELOAD", "x", 1) == 0 && setenv("TZ", "UTC", 1) == 0);
	privileges_begin();
	privileges_forget_environment();
	privileges_core_dumps(false);
	SAY(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
	SAY(fcntl(STDERR_FILENO, F_GETFD) >= 0);
	SAY(!getenv("LD_PRELOAD") && getenv("TZ"));
	/* what belongs to a process that is not dumpable is root's */
	SAY(stat("/proc/self/mem", &st) == 0 && st.st_uid == 0);
	return FINE;
}

Test(privileges, what_was_inherited_is_left)
{
	in_child(begins);
}
