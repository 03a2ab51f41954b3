/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter, and what both processes need. Both processes, main thread, at the end of the start. */
#include "common/priv/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* With any arguments: none of them makes a program, a privilege, or reaches another process. */
static const char *const common[] = {
	/* descriptors that are open */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek",
	"close", "fcntl", "dup", "dup2", "dup3", "fstat", "newfstatat", "stat", "lstat", "statx",
	"fsync", "fdatasync", "ftruncate", "fadvise64", "flock", "getdents64",
	/* looking for files: what may be opened the user's rights decide */
	"openat", "open", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd",
	/* waiting */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"poll", "ppoll", "select", "pselect6", "eventfd", "eventfd2", "pipe", "pipe2",
	"timerfd_create", "timerfd_settime", "timerfd_gettime",
	/* sockets that are open */
	"recvmsg", "recvfrom", "recvmmsg", "sendmsg", "sendto", "sendmmsg", "shutdown",
	"getsockopt", "setsockopt", "getsockname", "getpeername", "accept4", "accept",
	/* memory */
	"munmap", "mremap", "madvise", "brk", "mlock", "mlock2", "munlock", "msync", "mincore",
	"membarrier",
	/* threads and signals of its own */
	"futex", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address",
	"sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam",
	"sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min", "setpriority",
	"getpriority", "getcpu", "exit", "exit_group", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "sigaltstack", "restart_syscall",
	/* the time, chance, who one is */
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	"times", "getrandom", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid",
	"getegid", "getgroups", "getrusage", "getrlimit", "uname", "sysinfo",
	NULL,
};

static const struct sandbox_call common_with[] = {
	/* threads, no processes; clone3 hides its flags in memory: glibc does without it */
	{"clone", 1, {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM,
			      CLONE_THREAD | CLONE_VM)}},
	{"prctl", 1, {SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)}},
	{"prctl", 1, {SCMP_A0(SCMP_CMP_EQ, PR_GET_NAME)}},
	{"prctl", 1, {SCMP_A0(SCMP_CMP_EQ, PR_SET_VMA)}},
	{"prctl", 1, {SCMP_A0(SCMP_CMP_EQ, PR_SET_TIMERSLACK)}},
	{"ioctl", 1, {SCMP_A1(SCMP_CMP_EQ, FIONBIO)}},
	{"ioctl", 1, {SCMP_A1(SCMP_CMP_EQ, FIONREAD)}},
	{"ioctl", 1, {SCMP_A1(SCMP_CMP_EQ, TCGETS)}}, /* isatty */
	/* asking for limits, not setting them */
	{"prlimit64", 1, {SCMP_A2(SCMP_CMP_EQ, 0)}},
	{NULL},
};

enum sandbox_mode sandbox_mode_from(const char *word)
{
	if (strcmp(word, "off") == 0)
		return SANDBOX_OFF;
	return strcmp(word, "log") == 0 ? SANDBOX_LOG : SANDBOX_ENFORCE;
}

const char *sandbox_mode_word(enum sandbox_mode mode)
{
	static const char *const words[] = {"off", "log", "enforce"};

	return words[mode];
}

enum sandbox_mode sandbox_mode_here(enum sandbox_mode asked)
{
#ifdef __SANITIZE_ADDRESS__
	if (asked == SANDBOX_ENFORCE)
		return SANDBOX_LOG;
#endif
	return asked;
}

/* Calls that this machine's kernel or libseccomp knows no name for are no loss. */
static int add(scmp_filter_ctx filter, uint32_t action, const struct sandbox_call *call)
{
	int number = seccomp_syscall_resolve_name(call->name);
	int err;

	if (number < 0)
		return 0;
	err = seccomp_rule_add_array(filter, action, number, call->nargs, call->args);
	return err == -EEXIST ? 0 : err;
}

static int add_names(scmp_filter_ctx filter, const char *const *names)
{
	int err = 0;

	for (; names && *names && !err; names++)
		err = add(filter, SCMP_ACT_ALLOW, &(struct sandbox_call){.name = *names});
	return err;
}

static int add_calls(scmp_filter_ctx filter, uint32_t action, const struct sandbox_call *calls)
{
	int err = 0;

	for (; calls && calls->name && !err; calls++)
		err = add(filter, action, calls);
	return err;
}

/* To itself: what abort() and pthread_kill() do. */
static int add_own_signals(scmp_filter_ctx filter)
{
	const struct sandbox_call call = {"tgkill", 1,
					  {SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid())}};

	return add(filter, SCMP_ACT_ALLOW, &call);
}

static int fill(scmp_filter_ctx filter, const struct sandbox_rules *rules)
{
	static const struct sandbox_call clone3 = {.name = "clone3"};
	int err = add_names(filter, common);

	if (!err)
		err = add_calls(filter, SCMP_ACT_ALLOW, common_with);
	if (!err)
		err = add_own_signals(filter);
	if (!err)
		err = add(filter, SCMP_ACT_ERRNO(ENOSYS), &clone3);
	if (!err)
		err = add_names(filter, rules->allowed);
	if (!err)
		err = add_calls(filter, SCMP_ACT_ALLOW, rules->with);
	return err ? err : add_calls(filter, SCMP_ACT_ERRNO(EPERM), rules->refused);
}

static int set_up(scmp_filter_ctx filter)
{
	/* all threads; the kernel's default for filtered processes would slow speculation of all
	 * their code, as if they ran foreign programs; large filters are searched by halves */
	int err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return err;
}

int sandbox_enter(const struct sandbox_rules *rules, enum sandbox_mode mode, const char **step)
{
	scmp_filter_ctx filter;
	int err;

	*step = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (mode == SANDBOX_OFF)
		return 0;
	*step = "making the filter";
	filter = seccomp_init(mode == SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	err = set_up(filter);
	if (!err)
		err = fill(filter, rules);
	*step = "loading the filter";
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}
