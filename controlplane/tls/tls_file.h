/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of certificates, keys and lists: read whole, told about where they cannot be used.
 * limen-controlplane, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TLS_WHY_BYTES 200u

/* `secret`: refused where others than its owner may read it, and kept in OpenSSL's locked memory.
 * 0; or -errno, with what is wrong in `why`. The bytes are freed by tls_file_free. */
struct tls_file {
	char *bytes; /* owned */
	size_t len;
	bool secret;
};

int tls_file_read(const char *path, bool secret, struct tls_file *file, char why[TLS_WHY_BYTES]);
void tls_file_free(struct tls_file *file);

/* What OpenSSL's newest error says, without its numbers; the errors are taken away. */
const char *tls_openssl_reason(void);
