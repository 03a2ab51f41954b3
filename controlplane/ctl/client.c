/* SPDX-License-Identifier: BSD-3-Clause */
/* One question to the control plane, and its answer, read whole. limenctl. */
#include "controlplane/ctl/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_S 15 /* the control plane gives the dataplane five for each piece */

__attribute__((format(printf, 2, 3))) static void complain(struct answer *answer, const char *fmt,
							   ...)
{
	va_list args;

	free(answer->error);
	va_start(args, fmt);
	if (vasprintf(&answer->error, fmt, args) < 0)
		answer->error = NULL;
	va_end(args);
}

static int connect_to(const char *path, struct answer *answer)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = ANSWER_S};
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path)) {
		complain(answer, "the socket's path is too long: %s", path);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		return fd;
	}
	err = -errno;
	if (err == -ENOENT || err == -ECONNREFUSED)
		complain(answer, "the control plane is not running: nobody answers at %s", path);
	else if (err == -EACCES)
		complain(answer, "no permission to ask the control plane at %s", path);
	else
		complain(answer, "cannot ask the control plane at %s: %s", path, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

static int send_all(int fd, struct span text)
{
	while (text.len) {
		ssize_t n = send(fd, text.ptr, text.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text = span_of(text.ptr + n, text.len - (size_t)n);
	}
	return 0;
}

static bool add_row(struct answer *answer, struct row *row)
{
	if (answer->nrows == answer->room) {
		size_t room = answer->room ? answer->room * 2 : 256;
		struct row *rows = realloc(answer->rows, room * sizeof(*rows));

		if (!rows)
			return false;
		answer->rows = rows;
		answer->room = room;
	}
	answer->rows[answer->nrows++] = *row;
	return true;
}

static void row_free(struct row *row)
{
	free(row->text);
	free(row->nodes);
}

/* The strings of an array, a line each. */
static char *lines_of(const struct json_node *list)
{
	size_t cap = list ? list->text.len + 2 : 0;
	char *text = cap ? malloc(cap) : NULL;
	struct cursor out = cursor_on(text, (uint32_t)(text ? cap - 1 : 0));

	for (const struct json_node *item = json_next(list, NULL); item && text;
	     item = json_next(list, item)) {
		if (out.len)
			put_char(&out, '\n');
		put_json_plain(&out, item);
	}
	if (text)
		text[out.len] = '\0';
	return text;
}

/* Take one line. 1: more will come; 0: that was the last; or -errno. */
static int take_line(struct answer *answer, const char *line, size_t len)
{
	struct json_node nodes[ROW_NODES_MAX];
	const struct json_node *error;
	struct row row = {.text = malloc(len + 1)};
	int n;

	if (!row.text)
		return -ENOMEM;
	memcpy(row.text, line, len);
	row.text[len] = '\0';
	n = json_read(span_of(row.text, len), nodes, ROW_NODES_MAX);
	if (n < 0 || nodes[0].kind != JSON_OBJECT) {
		row_free(&row);
		return -EPROTO;
	}
	error = json_get(nodes, SPAN("error"));
	if (error || json_get(nodes, SPAN("done"))) {
		if (error && error->kind == JSON_STRING) {
			complain(answer, "%.*s", (int)error->text.len, error->text.ptr);
			answer->details = lines_of(json_get(nodes, SPAN("details")));
		}
		row_free(&row);
		return 0;
	}
	row.nodes = malloc((size_t)n * sizeof(*row.nodes));
	if (row.nodes)
		memcpy(row.nodes, nodes, (size_t)n * sizeof(*row.nodes));
	if (!row.nodes || !add_row(answer, &row)) {
		row_free(&row);
		return -ENOMEM;
	}
	return 1;
}

static int read_answer(FILE *in, struct answer *answer)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int more = 1;

	while (more > 0 && (len = getline(&line, &room, in)) > 0) {
		if (line[len - 1] == '\n')
			len--;
		more = take_line(answer, line, (size_t)len);
	}
	free(line);
	if (more > 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? -ETIMEDOUT : -ECONNRESET;
	return more;
}

int client_ask(const char *path, struct span request, struct answer *answer)
{
	FILE *in;
	int fd, err;

	*answer = (struct answer){0};
	fd = connect_to(path, answer);
	if (fd < 0)
		return fd;
	err = send_all(fd, request);
	if (!err)
		err = send_all(fd, SPAN("\n"));
	in = fdopen(fd, "r");
	if (!in) {
		close(fd);
		complain(answer, "out of memory");
		return -ENOMEM;
	}
	errno = 0;
	if (!err)
		err = read_answer(in, answer);
	fclose(in);
	if (err == -ETIMEDOUT)
		complain(answer, "the control plane does not answer");
	else if (err == -ECONNRESET || err == -EPIPE)
		complain(answer,
			 "the control plane closed the connection before its answer was whole");
	else if (err)
		complain(answer, "the control plane's answer cannot be read: %s", strerror(-err));
	return err;
}

void answer_free(struct answer *answer)
{
	for (size_t i = 0; i < answer->nrows; i++)
		row_free(&answer->rows[i]);
	free(answer->rows);
	free(answer->error);
	free(answer->details);
	*answer = (struct answer){0};
}
