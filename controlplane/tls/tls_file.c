/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of certificates, keys and lists. limen-controlplane, any thread. */
#include "controlplane/tls/tls_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES_MAX (64u * 1024u)
#define FILE_BYTES_MAX	 (64u * 1024u * 1024u) /* revocation lists of big authorities */

static int refuse(char why[TLS_WHY_BYTES], int err, const char *reason)
{
	snprintf(why, TLS_WHY_BYTES, "%s", reason);
	return -err;
}

static int check(const struct stat *st, bool secret, char why[TLS_WHY_BYTES])
{
	if (!S_ISREG(st->st_mode))
		return refuse(why, EINVAL, "not a file");
	if (st->st_size == 0)
		return refuse(why, EINVAL, "empty");
	if ((uint64_t)st->st_size > (secret ? SECRET_BYTES_MAX : FILE_BYTES_MAX))
		return refuse(why, EFBIG, "too large");
	if (secret && (st->st_mode & 077)) {
		snprintf(why, TLS_WHY_BYTES,
			 "others than its owner may read or change it (mode %04o): make it 0600",
			 (unsigned)(st->st_mode & 07777));
		return -EACCES;
	}
	return 0;
}

static int take(int fd, size_t len, struct tls_file *file, char why[TLS_WHY_BYTES])
{
	size_t got = 0;

	file->bytes = file->secret ? OPENSSL_secure_malloc(len) : malloc(len);
	if (!file->bytes)
		return refuse(why, ENOMEM, "out of memory");
	file->len = len;
	while (got < len) {
		ssize_t n = read(fd, file->bytes + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int err = n < 0 ? errno : EIO;

			tls_file_free(file);
			return refuse(why, err, strerror(err));
		}
		got += (size_t)n;
	}
	return 0;
}

int tls_file_read(const char *path, bool secret, struct tls_file *file, char why[TLS_WHY_BYTES])
{
	/* not to wait for the other end of a FIFO */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	struct stat st;

	*file = (struct tls_file){.secret = secret};
	if (fd < 0 || fstat(fd, &st)) {
		err = errno;
		if (fd >= 0)
			close(fd);
		return refuse(why, err, strerror(err));
	}
	err = check(&st, secret, why);
	if (!err)
		err = take(fd, (size_t)st.st_size, file, why);
	close(fd);
	return err;
}

void tls_file_free(struct tls_file *file)
{
	if (file->secret)
		OPENSSL_secure_clear_free(file->bytes, file->len);
	else
		free(file->bytes);
	file->bytes = NULL;
	file->len = 0;
}

const char *tls_openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return reason ? reason : "not what it should be";
}
