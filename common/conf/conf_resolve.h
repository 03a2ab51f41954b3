/* SPDX-License-Identifier: BSD-3-Clause */
/* From the raw tree to struct conf: defaults, numbers, references; then the checks that need to see
 * two keys at once. Private to common/conf. */
#pragma once

#include "common/conf/conf_doc.h"
#include "common/conf/conf_schema.h"

/* Memory that lives as long as its struct conf. */
struct conf_pool {
	struct conf_block *blocks;
};

/* Zeroed room for `count` records, owned by the pool; NULL when there is no memory. */
void *conf_pool_get(struct conf_pool *pool, size_t count, size_t bytes);
void conf_pool_free(struct conf_pool *pool);

/* Fill conf from raw, which must outlive it: strings are shared. Names that stand for nothing or
 * for two things are noted. The document has been checked: values that were refused there are left
 * zero. 0, or -ENOMEM. */
int conf_resolve(struct conf_doc *doc, const struct raw_conf *raw, struct conf *conf,
		 struct conf_pool *pool);

/* The same for rules (conf_rules.h), once trunks are there. */
int conf_resolve_rules(struct conf_doc *doc, const struct raw_conf *raw, struct conf *conf,
		       struct conf_pool *pool);

/* The section `screening` and its file. `raw` NULL: there is none. 0, or -ENOMEM. */
int conf_resolve_screening(struct conf_doc *doc, const struct raw_screening *raw,
			   struct conf_screening *screening, struct conf_pool *pool);

/* Note what does not fit together; keys at which a fault was noted before are left out. 0, or
 * -ENOMEM. */
int conf_cross_check(struct conf_doc *doc, const struct raw_conf *raw, const struct conf *conf);
