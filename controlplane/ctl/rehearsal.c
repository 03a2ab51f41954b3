/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-rehearse as a child process. limenctl. */
#include "controlplane/ctl/rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "limen-rehearse"

/* Where it is installed, or beside limenctl in the tree it was built in. */
static bool find_program(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		n = snprintf(path, PATH_MAX, "%s/../dataplane/" PROGRAM, dirname(self));
		if (n < PATH_MAX && access(path, X_OK) == 0)
			return true;
	}
	snprintf(path, PATH_MAX, "%s", LIMEN_LIBEXEC_DIR "/" PROGRAM);
	return access(path, X_OK) == 0;
}

_Noreturn static void become(const char *program, const char *config, int in, int out)
{
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execl(program, PROGRAM, config, (char *)NULL);
	fprintf(stderr, "limenctl: %s cannot be run: %s\n", program, strerror(errno));
	_exit(127);
}

bool rehearsal_start(struct rehearsal *r, const char *config)
{
	char program[PATH_MAX];
	int in[2], out[2];

	if (!find_program(program)) {
		fprintf(stderr, "limenctl: there is no %s\n", program);
		return false;
	}
	if (pipe2(in, O_CLOEXEC) < 0)
		return false;
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return false;
	}
	/* a child that ended is told by its output's end */
	signal(SIGPIPE, SIG_IGN);
	r->pid = fork();
	if (r->pid == 0)
		become(program, config, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	r->to = in[1];
	r->from = fdopen(out[0], "r");
	if (r->pid > 0 && r->from)
		return true;
	fprintf(stderr, "limenctl: %s cannot be run\n", program);
	if (!r->from)
		close(out[0]);
	rehearsal_end(r);
	return false;
}

static bool write_all(int fd, const void *from, size_t len)
{
	const char *at = from;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool rehearsal_give(struct rehearsal *r, const struct rehearsal_head *head, struct span bytes)
{
	return write_all(r->to, head, sizeof(*head)) && write_all(r->to, bytes.ptr, bytes.len);
}

bool rehearsal_next(struct rehearsal *r, struct rehearsal_head *head, char *bytes)
{
	return fread(head, sizeof(*head), 1, r->from) == 1 && head->part < REHEARSAL_PARTS &&
	       head->len <= REHEARSAL_BYTES_MAX &&
	       fread(bytes, 1, head->len, r->from) == head->len;
}

void rehearsal_end(struct rehearsal *r)
{
	close(r->to);
	if (r->from)
		fclose(r->from);
	if (r->pid > 0)
		(void)waitpid(r->pid, NULL, 0);
}
