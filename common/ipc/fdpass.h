/* SPDX-License-Identifier: BSD-3-Clause */
/* The UNIX socket between the processes (SOCK_SEQPACKET): who is at its other end, and the hello
 * with its descriptors (SCM_RIGHTS). Never blocks; no descriptor is left open on any error. Both
 * processes, any thread. */
#pragma once

#include "common/ipc/ipc_msg.h"

#include <sys/types.h>
#include <sys/un.h>

/* Of each ring pair: memfd, doorbell. */
#define HELLO_RING_FDS 2u
#define HELLO_FDS_MAX  (HELLO_RING_FDS * (1u + IPC_WORKERS_MAX))

/* Fill in the address. 0, -EINVAL for an empty path, -ENAMETOOLONG. */
int fdpass_address(const char *path, struct sockaddr_un *address);

/* The peer's user (SO_PEERCRED), as it connected or listened. 0 if it may be spoken with: the same
 * user as this process, root, or, unless (uid_t)-1, `also`. -EACCES else. */
int fdpass_check_peer(int sock, uid_t also);

/* Send the hello with HELLO_RING_FDS * (1 + hello->nworkers) descriptors; they stay the caller's.
 * 0, or -errno (-EAGAIN: the socket takes no more). */
int fdpass_send_hello(int sock, const struct ipc_hello *hello, const int *fds);

/* Receive a hello: 0 with its descriptors (close-on-exec) in fds[], now the caller's:
 * HELLO_RING_FDS * (1 + hello->nworkers) of them. -EAGAIN: not there yet. -ECONNRESET: the peer is
 * gone. -EPROTO: not a hello with exactly its descriptors, or numbers out of range.
 * -EPROTONOSUPPORT: another IPC_VERSION. Whether conf_hash fits is the caller's to say. */
int fdpass_receive_hello(int sock, struct ipc_hello *hello, int fds[HELLO_FDS_MAX]);
