/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of conf_cross_check share. Private to common/conf. */
#pragma once

#include "common/conf/conf_resolve.h"

struct conf_cross {
	struct conf_doc *doc;
	const struct raw_conf *raw;
	const struct conf *conf;
};

/* Write a key's path; whether a fault was noted there before. */
bool conf_cross_faulty(const struct conf_cross *x, char key[CONF_KEY_BYTES], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Trunks, where there is a realm to hold them against. 0, or -ENOMEM. */
int conf_cross_trunks(const struct conf_cross *x);

/* What is spoken over connections, where, and by whom. */
void conf_cross_streams(const struct conf_cross *x);

/* Routes, and what they name. 0, or -ENOMEM. */
int conf_cross_routes(const struct conf_cross *x);

/* 0, or -ENOMEM. */
int conf_cross_tls(const struct conf_cross *x);

void conf_cross_number_rules(const struct conf_cross *x);
