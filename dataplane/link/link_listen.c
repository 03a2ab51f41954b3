/* SPDX-License-Identifier: BSD-3-Clause */
/* The path of the control socket: ours alone, left behind by none. limen-dataplane, main thread, at
 * start. */
#include "dataplane/link/link_priv.h"

#include "common/ipc/fdpass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_MODE 0660
#define BACKLOG     4

/* The lock, not the socket, decides who owns the path: between finding a socket stale and replacing
 * it another dataplane could start. The file stays behind: to remove it would let two processes
 * hold locks of two files of one name. */
static int lock_path(const char *path)
{
	char lock_name[sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof(".lock")];
	struct stat st;
	int fd, err;

	snprintf(lock_name, sizeof(lock_name), "%s.lock", path);
	/* who else may write to the directory must not be able to hold our lock */
	if (lstat(lock_name, &st) == 0 && st.st_uid != geteuid())
		(void)unlink(lock_name);
	fd = open(lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Make way for our socket, but only over a socket that nobody answers at. */
static int remove_stale(int probe, const char *path, const struct sockaddr_un *address)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	    errno == EAGAIN || errno == EPROTOTYPE)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_path(int sock, const char *path, const struct sockaddr_un *address)
{
	/* Before the bind, so that the path is at no time open to more than its mode (bind takes
	 * the umask off it); after it, so that the group gets its share whatever the umask. */
	if (fchmod(sock, SOCKET_MODE) < 0 ||
	    bind(sock, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	if (chmod(path, SOCKET_MODE) < 0 || listen(sock, BACKLOG) < 0) {
		int err = -errno;

		unlink(path);
		return err;
	}
	return 0;
}

static int make_socket(void)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return sock < 0 ? -errno : sock;
}

int link_listen(const char *path, int *listener, int *lock)
{
	struct sockaddr_un address;
	int probe = -1, sock = -1, lock_fd;
	int err = fdpass_address(path, &address);

	if (err)
		return err;
	lock_fd = lock_path(path);
	if (lock_fd < 0)
		return lock_fd;
	probe = err = make_socket();
	if (probe < 0)
		goto out;
	sock = err = make_socket();
	if (sock < 0)
		goto out;
	err = remove_stale(probe, path, &address);
	if (!err)
		err = bind_path(sock, path, &address);
out:
	if (probe >= 0)
		close(probe);
	if (!err) {
		*listener = sock;
		*lock = lock_fd;
		return 0;
	}
	if (sock >= 0)
		close(sock);
	close(lock_fd);
	return err;
}
