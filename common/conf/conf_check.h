/* SPDX-License-Identifier: BSD-3-Clause */
/* The document held against the schema: unknown and missing keys, shapes, types, ranges. Private to
 * common/conf. */
#pragma once

#include "common/conf/conf_doc.h"

/* Note every fault that shows without knowing what other keys say. */
void conf_check(struct conf_doc *doc);
