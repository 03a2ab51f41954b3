/* SPDX-License-Identifier: BSD-3-Clause */
/* The system calls that a process may make from now on: a seccomp filter of all its threads.
 * Whatever is not in its lists ends the process. Both processes, main thread, once, at the end of
 * the start. Links libseccomp. */
#pragma once

#include <seccomp.h>

/* The key machine.sandbox. */
enum sandbox_mode {
	SANDBOX_OFF,
	SANDBOX_LOG,	/* all calls are made; those outside of the lists are in the kernel's log */
	SANDBOX_ENFORCE,
};

#define SANDBOX_ARGS_MAX 3u

/* One system call, with these arguments only. */
struct sandbox_call {
	const char *name;
	unsigned nargs;
	struct scmp_arg_cmp args[SANDBOX_ARGS_MAX];
};

struct sandbox_rules {
	const char *const *allowed; /* names, up to NULL: with any arguments */
	const struct sandbox_call *with; /* up to one without a name */
	/* Refused with EPERM, up to one without a name: what libraries try and can do without. */
	const struct sandbox_call *refused;
};

/* off, log, enforce; anything else is enforce. */
enum sandbox_mode sandbox_mode_from(const char *word);
const char *sandbox_mode_word(enum sandbox_mode mode);

/* What is really done: the sanitizers' runtimes call what no program should, so that a build with
 * them only logs. */
enum sandbox_mode sandbox_mode_here(enum sandbox_mode asked);

/* No new privileges by execve, and the filter of what both processes need (memory, threads, time,
 * open descriptors) and of `rules`, in all threads. *step: what did not work. 0 or -errno. */
int sandbox_enter(const struct sandbox_rules *rules, enum sandbox_mode mode, const char **step);
