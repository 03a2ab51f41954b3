/* SPDX-License-Identifier: BSD-3-Clause */
/* User, capabilities, inheritance. The kernel's own requests for capabilities: libcap would bring
 * no more. Both processes, main thread, while starting. */
#include "common/priv/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define GROUPS_MAX	64
#define THREADS_WAIT_MS 2000u

/* --- what was inherited --- */

void privileges_begin(void)
{
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
	umask(007);
}

void privileges_core_dumps(bool allowed)
{
	const struct rlimit none = {0};

	if (allowed) {
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		return;
	}
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void privileges_forget_environment(void)
{
	const char *zone = getenv("TZ");
	char *kept = zone ? strdup(zone) : NULL;

	clearenv();
	if (kept)
		setenv("TZ", kept, 1);
	free(kept);
}

/* --- whom --- */

static bool read_number(const char *name, uid_t *uid)
{
	char *end;
	unsigned long value;

	if (*name < '0' || *name > '9')
		return false;
	errno = 0;
	value = strtoul(name, &end, 10);
	if (*end || errno || value >= (uid_t)-1)
		return false;
	*uid = (uid_t)value;
	return true;
}

static int find(const char *name, struct privileges_user *user)
{
	const struct passwd *entry;
	uid_t uid = 0;
	bool is_number = read_number(name, &uid);

	errno = 0;
	entry = is_number ? getpwuid(uid) : getpwnam(name);
	if (!entry && !is_number)
		return -ENOENT;
	user->uid = entry ? entry->pw_uid : uid;
	user->gid = entry ? entry->pw_gid : (gid_t)uid;
	snprintf(user->name, sizeof(user->name), "%s", entry ? entry->pw_name : name);
	return user->uid == 0 ? -EPERM : 0;
}

int privileges_find(const char *name, const char *otherwise, struct privileges_user *user)
{
	int err;

	*user = (struct privileges_user){.uid = geteuid(), .gid = getegid()};
	if (user->uid != 0)
		return 0;
	err = find(*name ? name : otherwise, user);
	user->changes = !err;
	if (!err || *name)
		return err;
	*user = (struct privileges_user){.uid = geteuid(), .gid = getegid()};
	return 0;
}

/* --- files --- */

int privileges_give(const char *path, const struct privileges_user *user)
{
	struct stat st;
	int fd, err = 0;

	if (!user->changes)
		return 0;
	/* not followed, not waited for, changed as what it was found to be: others may write where
	 * it lies */
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (st.st_uid == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
		 fchownat(fd, "", user->uid, user->gid, AT_EMPTY_PATH) < 0)
		err = -errno;
	close(fd);
	return err;
}

static bool has_group(const struct privileges_user *user, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;

	if (group == user->gid)
		return true;
	if (getgrouplist(user->name, user->gid, groups, &n) < 0)
		n = GROUPS_MAX;
	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool privileges_may_write(const char *dir, const struct privileges_user *user)
{
	struct stat st;
	mode_t want = S_IWOTH | S_IXOTH;

	if (!user->changes)
		return access(dir, W_OK | X_OK) == 0;
	if (stat(dir, &st) < 0)
		return false;
	if (st.st_uid == user->uid)
		want = S_IWUSR | S_IXUSR;
	else if (has_group(user, st.st_gid))
		want = S_IWGRP | S_IXGRP;
	return (st.st_mode & want) == want;
}

int privileges_shared_dir(const char *path, gid_t group, bool changes)
{
	if (mkdir(path, 0750) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (!changes)
		return 0;
	/* in this order: at no time may somebody else write there */
	if (chown(path, (uid_t)-1, group) < 0 || chmod(path, 01770) < 0)
		return -errno;
	return 0;
}

/* --- capabilities --- */

/* As capset takes them. */
struct cap_sets {
	struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
};

static int cap_set(const struct cap_sets *sets)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capset, &head, sets->words) < 0 ? -errno : 0;
}

/* Those of `keep` that there are now. */
static int cap_keep(const int *keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct cap_sets have, want = {0};

	if (syscall(SYS_capget, &head, have.words) < 0)
		return -errno;
	for (; *keep >= 0; keep++) {
		uint32_t bit = have.words[*keep / 32].permitted & 1u << (*keep % 32);

		want.words[*keep / 32].permitted |= bit;
		want.words[*keep / 32].effective |= bit;
	}
	return cap_set(&want);
}

/* What no program that this one might start could have. Without the right to do so there is nothing
 * to be taken. */
static void empty_bounding_set(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

int privileges_become(const struct privileges_user *user, const int *keep)
{
	empty_bounding_set();
	if (!user->changes)
		return cap_keep(keep);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (initgroups(user->name, user->gid) < 0 && setgroups(1, &user->gid) < 0)
		return -errno;
	/* glibc does this in all threads; those that did not ask to keep any lose all
	 * capabilities by it */
	if (setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	(void)prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	return cap_keep(keep);
}

static atomic_uint dropped;

/* In each of the other threads: the kernel has no way to ask for it from outside. */
static void on_drop(int number)
{
	static const struct cap_sets none;
	int was = errno;

	if (cap_set(&none) == 0)
		atomic_fetch_add(&dropped, 1);
	errno = was;
}

/* Signals to all other threads; how many. */
static unsigned ask_threads(int number)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned asked = 0;

	while (tasks && (entry = readdir(tasks))) {
		pid_t thread = (pid_t)atoi(entry->d_name);

		if (thread > 0 && thread != gettid())
			asked += syscall(SYS_tgkill, getpid(), thread, number) == 0;
	}
	if (tasks)
		closedir(tasks);
	return asked;
}

static void wait_for(unsigned asked)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	for (unsigned ms = 0; atomic_load(&dropped) < asked && ms < THREADS_WAIT_MS; ms++)
		nanosleep(&pause, NULL);
}

/* --- the state --- */

static unsigned count_bits(const char *hex)
{
	return (unsigned)__builtin_popcountll(strtoull(hex, NULL, 16));
}

static void read_line(const char *line, struct privileges_state *state)
{
	unsigned value;

	if (sscanf(line, "Uid: %*u %u", &value) == 1)
		state->uid = value;
	else if (!strncmp(line, "CapPrm:", 7) || !strncmp(line, "CapEff:", 7))
		value = count_bits(line + 7),
		state->capabilities = value > state->capabilities ? value : state->capabilities;
	else if (sscanf(line, "NoNewPrivs: %u", &value) == 1)
		state->no_new_privs &= value != 0;
	else if (sscanf(line, "Seccomp: %u", &value) == 1)
		state->seccomp = value < state->seccomp ? value : state->seccomp;
}

static int read_thread(const char *thread, struct privileges_state *state)
{
	char path[300], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", thread);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno; /* it has ended */
	while (fgets(line, sizeof(line), file))
		read_line(line, state);
	fclose(file);
	return 0;
}

/* Of all threads but one (0: of all). */
static int read_threads(struct privileges_state *state, pid_t except)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int err = tasks ? 0 : -errno;

	*state = (struct privileges_state){.no_new_privs = true, .seccomp = 2};
	while (!err && (entry = readdir(tasks)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != except)
			err = read_thread(entry->d_name, state);
	if (tasks)
		closedir(tasks);
	return err;
}

int privileges_state(struct privileges_state *state)
{
	return read_threads(state, 0);
}

int privileges_drop(const int *keep)
{
	struct sigaction action = {.sa_handler = on_drop, .sa_flags = SA_RESTART}, was;
	struct privileges_state others;
	int err;

	atomic_store(&dropped, 0);
	if (sigaction(PRIVILEGES_SIGNAL, &action, &was) < 0)
		return -errno;
	wait_for(ask_threads(PRIVILEGES_SIGNAL));
	sigaction(PRIVILEGES_SIGNAL, &was, NULL);
	/* one that blocks the signal has them still */
	err = read_threads(&others, gettid());
	if (!err && others.capabilities)
		err = -EAGAIN;
	return err ? err : cap_keep(keep);
}
