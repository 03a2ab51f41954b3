/* SPDX-License-Identifier: BSD-3-Clause */
/* Doorbells of the rings. Both processes, any thread. */
#include "common/ipc/doorbell.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int doorbell_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	return 0;
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

bool doorbell_is(int fd)
{
	return socket_option(fd, SO_DOMAIN) == AF_UNIX && socket_option(fd, SO_TYPE) == SOCK_STREAM;
}

void doorbell_ring(int fd)
{
	ssize_t sent;

	do {
		sent = send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
}

int doorbell_clear(int fd)
{
	char rings[512];
	ssize_t got;

	/* Once: what a flooding peer adds behind this waits for the next turn. */
	do {
		got = recv(fd, rings, sizeof(rings), MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
		return 0;
	return -ECONNRESET;
}
