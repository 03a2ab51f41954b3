/* SPDX-License-Identifier: BSD-3-Clause */
/* The hello and its descriptors. Both processes, any thread. */
#include "common/ipc/fdpass.h"

#include "common/ipc/ring.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* As many as the kernel passes in one message (SCM_MAX_FD): those too many are received, so that
 * they can be closed. */
#define FDS_MAX 253u
_Static_assert(HELLO_FDS_MAX <= FDS_MAX, "one message carries the largest hello");

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

struct fd_list {
	unsigned count;
	int fds[FDS_MAX];
};

int fdpass_address(const char *path, struct sockaddr_un *address)
{
	size_t len = strlen(path);

	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, len + 1);
	return 0;
}

int fdpass_check_peer(int sock, uid_t also)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -EACCES;
	if (cred.uid == geteuid() || cred.uid == 0)
		return 0;
	return also != (uid_t)-1 && cred.uid == also ? 0 : -EACCES;
}

static unsigned hello_fds(const struct ipc_hello *hello)
{
	return HELLO_RING_FDS * (1 + hello->nworkers);
}

int fdpass_send_hello(int sock, const struct ipc_hello *hello, const int *fds)
{
	size_t fds_bytes = hello_fds(hello) * sizeof(int);
	struct iovec iov = {.iov_base = (void *)hello, .iov_len = sizeof(*hello)};
	union control control = {0};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(fds_bytes),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(fds_bytes);
	memcpy(CMSG_DATA(cmsg), fds, fds_bytes);
	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Every descriptor that came, in whatever control messages: each is now in our table. */
static void collect_fds(struct msghdr *msg, struct fd_list *list)
{
	list->count = 0;
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t count;

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (list->count < FDS_MAX)
				list->fds[list->count++] = fd;
			else
				close(fd);
		}
	}
}

static int check_hello(const struct ipc_hello *hello, ssize_t len, int flags, unsigned nfds)
{
	if (len != (ssize_t)sizeof(*hello) || flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EPROTO;
	if (hello->version != IPC_VERSION)
		return -EPROTONOSUPPORT;
	if (hello->nworkers < 1 || hello->nworkers > IPC_WORKERS_MAX ||
	    !ring_bytes_valid(hello->ring_bytes) || nfds != hello_fds(hello))
		return -EPROTO;
	return 0;
}

int fdpass_receive_hello(int sock, struct ipc_hello *hello, int fds[HELLO_FDS_MAX])
{
	struct iovec iov = {.iov_base = hello, .iov_len = sizeof(*hello)};
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct fd_list list;
	ssize_t len = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int err;

	if (len < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN
										 : -ECONNRESET;
	collect_fds(&msg, &list);
	err = len == 0 && list.count == 0 ? -ECONNRESET
					  : check_hello(hello, len, msg.msg_flags, list.count);
	if (err) {
		for (unsigned i = 0; i < list.count; i++)
			close(list.fds[i]);
		return err;
	}
	memcpy(fds, list.fds, list.count * sizeof(int));
	return 0;
}
