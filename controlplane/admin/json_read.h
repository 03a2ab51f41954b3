/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON taken apart (RFC 8259) without copy: a text becomes an array of nodes that know where they
 * end. Bounded in nodes and in depth; what does not fit is refused. limen-controlplane and
 * limenctl, any thread. */
#pragma once

#include "common/base/cursor.h"

#define JSON_DEPTH_MAX 16u

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Nodes lie in document order. An object's members are pairs of nodes, name (a string) and value;
 * an array's items are nodes. `skip` is the number of nodes up to the next sibling. */
struct json_node {
	struct span text; /* as it came; a string's without quotes */
	uint32_t skip;
	uint8_t kind; /* enum json_kind */
};

/* One value and nothing behind it but white space. Number of nodes; -EINVAL; -E2BIG. */
int json_read(struct span text, struct json_node *nodes, unsigned max);

/* The value of a member, or NULL. Names are compared as they came: those limen writes have no
 * escapes. */
const struct json_node *json_get(const struct json_node *object, struct span name);

/* Walk an array: NULL first, then the item before; NULL at the end. */
const struct json_node *json_next(const struct json_node *array, const struct json_node *item);

/* The string's characters, escapes resolved. */
void put_json_plain(struct cursor *out, const struct json_node *string);

/* A whole number that fits; else 0. */
uint64_t json_u64(const struct json_node *number);
