/* SPDX-License-Identifier: BSD-3-Clause */
/* What a process may still do once it has what it needs: its user, its capabilities, what it
 * inherited. Both processes, main thread, while starting. Linux only. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PRIVILEGES_NAME_MAX 63u
/* Taken while privileges_drop runs: a thread that blocks all others leaves this one open. */
#define PRIVILEGES_SIGNAL SIGUSR2

/* As whom a process goes on. */
struct privileges_user {
	bool changes; /* root started it, and there is somebody else to become */
	uid_t uid;
	gid_t gid;
	char name[PRIVILEGES_NAME_MAX + 1];
};

/* What is left, of all threads together: the most that any of them may. */
struct privileges_state {
	uid_t uid;
	unsigned capabilities; /* effective or permitted ones, in their number */
	bool no_new_privs;     /* of every thread */
	unsigned seccomp;      /* of every thread: 0 none, 2 a filter */
};

/* First thing in main: descriptors but the first three are closed, new files are nobody's but the
 * user's and his group's. */
void privileges_begin(void);
/* Whether memory (keys, calls) may go into a core dump or to a debugger of the same user. To be said
 * again after the user has changed. */
void privileges_core_dumps(bool allowed);
/* The environment but for the time zone: libraries are steered by it. */
void privileges_forget_environment(void);

/* Whom `name` means: a user's name or number; of a number that no user has, the group's is the
 * same. Where `name` is empty, `otherwise` if there is such a user. A process that root did not
 * start stays who it is. 0; -ENOENT: there is no such user; -EPERM: it means root. */
int privileges_find(const char *name, const char *otherwise, struct privileges_user *user);

/* A file of root's becomes the user's, as far as it is there and a plain file of one name; others
 * stay as they are. 0 or -errno. */
int privileges_give(const char *path, const struct privileges_user *user);

/* Whether the user, with his groups, may make files in that directory. */
bool privileges_may_write(const char *dir, const struct privileges_user *user);

/* A directory that both processes put sockets into: made where it is not there, so that the group
 * may add to it and nobody takes away another's. 0 or -errno. */
int privileges_shared_dir(const char *path, gid_t group, bool changes);

/* Become that user in every thread; of the capabilities the calling thread alone keeps those
 * (CAP_..., ended by -1). 0 or -errno. */
int privileges_become(const struct privileges_user *user, const int *keep);

/* Give up all capabilities in every thread there is; the calling one alone keeps those. 0; -EAGAIN
 * when a thread did not; or -errno. */
int privileges_drop(const int *keep);

int privileges_state(struct privileges_state *state);
