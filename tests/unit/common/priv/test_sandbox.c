/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter of system calls: what it lets through, what ends the process, in which thread. */
#include "common/priv/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FINE	   0
#define NO_SANDBOX 99

static const char *const allowed[] = {"mmap", "mprotect", NULL};
static const struct sandbox_call with[] = {
	{"socket", 1, {SCMP_A0(SCMP_CMP_EQ, AF_UNIX)}},
	{NULL},
};
static const struct sandbox_call refused[] = {{.name = "mkdir"}, {NULL}};
static const struct sandbox_rules rules = {.allowed = allowed, .with = with, .refused = refused};

typedef void action(void);

/* In a process of its own; its wait status. */
static int run(enum sandbox_mode mode, action *attempt)
{
	const char *step;
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		if (sandbox_enter(&rules, sandbox_mode_here(mode), &step))
			_exit(NO_SANDBOX);
		attempt();
		_exit(FINE);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_fine(enum sandbox_mode mode, action *attempt)
{
	int status = run(mode, attempt);

	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "status %#x", (unsigned)status);
}

static void expect_end(action *attempt)
{
	int status = run(sandbox_mode_here(SANDBOX_ENFORCE), attempt);

	if (sandbox_mode_here(SANDBOX_ENFORCE) != SANDBOX_ENFORCE)
		return; /* a sanitizer's build */
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %#x",
		  (unsigned)status);
}

static void *idle(void *arg)
{
	return arg;
}

static void what_it_needs(void)
{
	pthread_t thread;
	char *bytes = calloc(1, 1u << 24);

	if (!bytes || write(-1, bytes, 1) != -1 || errno != EBADF)
		abort();
	free(bytes);
	if (pthread_create(&thread, NULL, idle, NULL) || pthread_join(thread, NULL))
		abort();
	if (socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		abort();
}

static void what_is_refused(void)
{
	if (mkdir("/tmp/limen-no-such", 0700) != -1 || errno != EPERM)
		abort();
}

static void execute(void)
{
	execl("/bin/true", "true", NULL);
}

static void make_process(void)
{
	(void)fork();
}

static void internet(void)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void kill_parent(void)
{
	kill(getppid(), 0);
}

static void kill_thread_of_another(void)
{
	syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static void *from_thread(void *arg)
{
	execute();
	return arg;
}

static void in_a_thread(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, from_thread, NULL))
		pthread_join(thread, NULL);
}

static void name_itself(void)
{
	if (prctl(PR_SET_NAME, "named", 0, 0, 0) < 0)
		abort();
}

static void become_dumpable(void)
{
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

Test(sandbox, what_a_process_needs_it_may)
{
	expect_fine(SANDBOX_ENFORCE, what_it_needs);
	expect_fine(SANDBOX_ENFORCE, name_itself);
}

Test(sandbox, what_is_not_listed_ends_it)
{
	expect_end(execute);
	expect_end(make_process);
	expect_end(internet);
	expect_end(kill_parent);
	expect_end(kill_thread_of_another);
	expect_end(become_dumpable);
	expect_end(in_a_thread);
}

Test(sandbox, what_libraries_can_do_without_is_refused)
{
	if (sandbox_mode_here(SANDBOX_ENFORCE) == SANDBOX_ENFORCE)
		expect_fine(SANDBOX_ENFORCE, what_is_refused);
}

Test(sandbox, log_and_off_end_nobody)
{
	expect_fine(SANDBOX_LOG, internet);
	expect_fine(SANDBOX_OFF, internet);
}

static atomic_bool go;

static void *waits(void *arg)
{
	while (!atomic_load(&go))
		usleep(1000);
	execute();
	return arg;
}

/* Threads that were there before are held to it, too. */
Test(sandbox, threads_that_were_there)
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		pthread_t thread;
		const char *step;

		if (pthread_create(&thread, NULL, waits, NULL) ||
		    sandbox_enter(&rules, sandbox_mode_here(SANDBOX_ENFORCE), &step))
			_exit(NO_SANDBOX);
		atomic_store(&go, true);
		pthread_join(thread, NULL);
		_exit(FINE);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (sandbox_mode_here(SANDBOX_ENFORCE) == SANDBOX_ENFORCE)
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %#x",
			  (unsigned)status);
}

Test(sandbox, modes)
{
	cr_expect_eq(sandbox_mode_from("off"), SANDBOX_OFF);
	cr_expect_eq(sandbox_mode_from("log"), SANDBOX_LOG);
	cr_expect_eq(sandbox_mode_from("enforce"), SANDBOX_ENFORCE);
	cr_expect_eq(sandbox_mode_from("?"), SANDBOX_ENFORCE);
	cr_expect_str_eq(sandbox_mode_word(SANDBOX_LOG), "log");
}
