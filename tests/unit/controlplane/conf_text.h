/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration from text, for tests of what is compiled from one. */
#pragma once

#include "common/conf/conf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

/* machine and ports, so that a test's text begins with realms. */
#define CONF_HEAD                                                                                  \
	"machine: {workers: [1]}\nports: [{name: pa, device: net_null0}, {name: pb, device: "      \
	"net_null1}]\n"

/* Two realms, a trunk in each, routes both ways. */
#define CONF_TWO_SIDES                                                                             \
	CONF_HEAD                                                                                  \
	"realms:\n"                                                                                \
	"  - {name: ra, port: pa, addresses: [10.99.1.1/24, \"fd99:1::1/64\"]}\n"                  \
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24, \"fd99:2::1/64\"], sip_port: 5070}\n"  \
	"trunks:\n"                                                                                \
	"  - {name: a, realm: ra, peers: [\"10.99.1.2\", \"[fd99:1::2]:5060\"], sources: "         \
	"[10.99.1.0/24, \"fd99:1::/64\"]}\n"                                                       \
	"  - {name: b, realm: rb, peers: [\"10.99.2.2:5080\", \"[fd99:2::2]:5060\"]}\n"            \
	"routes:\n"                                                                                \
	"  - {from: a, prefix: \"900\", status: 603}\n"                                            \
	"  - {from: a, to: b}\n"                                                                   \
	"  - {from: b, prefix: \"1\", to: a}\n"

/* The same in short; more_a and more_b are more keys of the trunks. */
#define CONF_MANNERS(more_a, more_b)                                                               \
	CONF_HEAD                                                                                  \
	"realms:\n"                                                                                \
	"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"                                    \
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"                                    \
	"trunks:\n"                                                                                \
	"  - {name: a, realm: ra, peers: [10.99.1.2]" more_a "}\n"                                 \
	"  - {name: b, realm: rb, peers: [10.99.2.2]" more_b "}\n"                                 \
	"routes:\n  - {from: a, to: b}\n  - {from: b, to: a}\n"

static inline struct conf *conf_from_text(const char *text)
{
	char path[] = "/tmp/limen-conf-XXXXXX";
	int fd = mkstemp(path);
	struct conf_error errors[8];
	struct conf *conf;
	unsigned nerrors;

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	conf_load(path, &conf, errors, 8, &nerrors);
	unlink(path);
	cr_assert_not_null(conf, "line %u: %s: %s", errors[0].line, errors[0].key,
			   errors[0].reason);
	return conf;
}
