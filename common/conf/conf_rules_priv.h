/* SPDX-License-Identifier: BSD-3-Clause */
/* What conf_rules.c and conf_rules_trunk.c share. Private to common/conf. */
#pragma once

#include "common/conf/conf_resolve.h"

struct rules_in {
	struct conf_doc *doc;
	const struct raw_conf *raw;
	struct conf *conf;
	struct conf_pool *pool;
};

/* The text given, or none. */
char *conf_rules_text(char *given);
unsigned conf_rules_number(const char *given);
/* The place of the word, or of the default, among the key's choices; 0 for one that was refused. */
unsigned conf_rules_choice(const struct conf_key *key, const char *given);

/* Once all rules are there. 0, or -ENOMEM. */
int conf_resolve_trunk_rules(const struct rules_in *in);
