/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's user, and what it may ask of the kernel. limen-controlplane, main thread. */
#include "controlplane/core/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf/conf.h"
#include "common/log/log.h"
#include "common/priv/privileges.h"
#include "common/priv/sandbox.h"

#define PATH_BYTES 512u

static struct privileges_state left;

const struct privileges_state *cp_privileges(void)
{
	return &left;
}

static int fail(int err, const char *what, const char *path, const struct privileges_user *user)
{
	LOG(ERROR, "core", what, LOG_STR("path", path), LOG_STR("user", user->name), LOG_ERR(err));
	return err;
}

/* --- files --- */

/* Directory and name of an absolute path. */
static const char *split(const char *path, char dir[PATH_BYTES])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == path ? 1 : (size_t)(slash - path);

	if (!slash || len >= PATH_BYTES)
		return NULL;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return slash + 1;
}

/* The file, and those beside it whose names begin so: what was put aside, SQLite's journal. */
static int give_files(const char *path, const struct privileges_user *user)
{
	char dir[PATH_BYTES], beside[2 * PATH_BYTES];
	const char *name = split(path, dir);
	struct dirent *entry;
	int err = 0;
	DIR *open_dir;

	if (!name)
		return 0;
	open_dir = opendir(dir);
	while (!err && open_dir && (entry = readdir(open_dir))) {
		if (strncmp(entry->d_name, name, strlen(name)) != 0)
			continue;
		snprintf(beside, sizeof(beside), "%s/%s", dir, entry->d_name);
		err = privileges_give(beside, user);
	}
	if (open_dir)
		closedir(open_dir);
	return err ? fail(err, "a file cannot be made this user's", path, user) : 0;
}

/* A file that is written, and that others take its place in time. */
static int take_file(const char *key, const char *path, const struct privileges_user *user)
{
	char dir[PATH_BYTES];
	struct stat st;
	int err;

	if (!*path || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
		return 0;
	err = give_files(path, user);
	if (err || !split(path, dir) || privileges_may_write(dir, user))
		return err;
	LOG(ERROR, "core", "the directory of a file is not writable for the user that limen runs "
			   "as; make it this user's, or name another directory",
	    LOG_STR("key", key), LOG_STR("directory", dir), LOG_STR("user", user->name),
	    LOG_U64("uid", user->uid));
	return -EACCES;
}

static int take_run_dir(const char *path, const struct privileges_user *user)
{
	int err = privileges_shared_dir(path, user->gid, user->changes);

	if (err)
		return fail(err, "machine.run_dir cannot be made", path, user);
	if (privileges_may_write(path, user))
		return 0;
	LOG(ERROR, "core", "machine.run_dir: this user may make no socket there; it should be "
			   "root's and of this user's group, with mode 1770",
	    LOG_STR("path", path), LOG_STR("user", user->name), LOG_U64("gid", user->gid));
	return -EACCES;
}

static int take_files(const struct conf *conf, const struct privileges_user *user)
{
	int err = take_run_dir(conf->machine.run_dir, user);

	if (!err)
		err = take_file("cdr.file", conf->cdr.file, user);
	if (!err)
		err = take_file("registrar.file", conf->registrar.file, user);
	if (!err && *conf->log.file)
		err = take_file("log.file", conf->log.file, user);
	return err;
}

/* --- the user --- */

static int find_user(const struct conf *conf, struct privileges_user *user)
{
	const char *name = conf->machine.user;
	int err = privileges_find(name, CONF_USER_DEFAULT, user);

	if (err == -EPERM)
		LOG(ERROR, "core", "machine.user: that is root", LOG_STR("user", name));
	else if (err)
		LOG(ERROR, "core", "machine.user: there is no such user on this machine; make it "
				   "(useradd --system), or name another",
		    LOG_STR("user", name));
	return err;
}

int cp_privileges_begin(const struct conf *conf)
{
	static const int keep[] = {CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_IPC_LOCK, -1};
	struct privileges_user user;
	int err;

	privileges_forget_environment();
	err = find_user(conf, &user);
	if (!err)
		err = take_files(conf, &user);
	if (err)
		return err;
	err = privileges_become(&user, keep);
	if (err)
		return fail(err, "the user cannot be changed", "", &user);
	privileges_core_dumps(conf->machine.core_dumps);
	if (user.uid == 0)
		LOG(WARN, "core", "running as root: make a user " CONF_USER_DEFAULT
				  ", or name one in machine.user");
	if (access(conf->path, R_OK) < 0)
		LOG(WARN, "core", "this user may not read the config: reloads will fail",
		    LOG_STR("file", conf->path), LOG_STR("user", user.name));
	return 0;
}

/* --- system calls --- */

static const char *const allowed[] = {
	/* sockets; of which families, see below */
	"bind", "connect", "listen",
	/* files of its own: records put aside, SQLite */
	"mkdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat",
	"fallocate", "fchmod", "umask", "utimensat", "sync_file_range",
	/* PCRE2 makes code of patterns when they are loaded */
	"mmap", "mprotect",
	NULL,
};

#define FAMILY(family) {"socket", 1, {SCMP_A0(SCMP_CMP_EQ, family)}}
#define REQUEST(code)  {"ioctl", 1, {SCMP_A1(SCMP_CMP_EQ, code)}}

static const struct sandbox_call with[] = {
	FAMILY(AF_UNIX),
	FAMILY(AF_INET),
	FAMILY(AF_INET6),
	{"socket", 2, {SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)}},
	{"socketpair", 1, {SCMP_A0(SCMP_CMP_EQ, AF_UNIX)}},
	REQUEST(SIOCGIFINDEX), /* if_nametoindex */
	REQUEST(SIOCGIFNAME),
	REQUEST(SIOCOUTQ),
	{NULL},
};

/* Asked by libraries that take no for an answer. */
static const struct sandbox_call refused[] = {
	{.name = "fchown"}, /* SQLite, of a file that is its user's already */
	{.name = "chown"},
	{NULL},
};

int cp_privileges_end(const struct conf *conf)
{
	static const int none[] = {-1};
	const struct sandbox_rules rules = {.allowed = allowed, .with = with, .refused = refused};
	enum sandbox_mode mode = sandbox_mode_here(sandbox_mode_from(conf->machine.sandbox));
	const char *step = "dropping capabilities";
	int err = privileges_drop(none);

	if (!err)
		err = sandbox_enter(&rules, mode, &step);
	if (!err) {
		step = "looking at what is left";
		err = privileges_state(&left);
	}
	if (err) {
		LOG(ERROR, "core", "privileges cannot be given up; with machine.sandbox: off no "
				   "filter of system calls is tried",
		    LOG_STR("step", step), LOG_ERR(err));
		return err;
	}
	LOG(INFO, "core", "privileges given up", LOG_U64("uid", left.uid),
	    LOG_U64("capabilities", left.capabilities),
	    LOG_U64("no_new_privs", left.no_new_privs), LOG_U64("seccomp", left.seccomp),
	    LOG_STR("sandbox", sandbox_mode_word(mode)));
	return 0;
}
