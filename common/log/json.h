/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON written into a cursor (RFC 8259). Bytes of peers are safe in it: what is not UTF-8 becomes
 * U+FFFD, control characters are escaped. Both processes, any thread. */
#pragma once

#include "common/base/cursor.h"
#include "common/net/addr.h"

/* "text" with its quotes. */
void put_json_str(struct cursor *c, struct span text);

/* ,"key": without the comma behind '{' or '['. Keys are literals of ours and written as they
 * are. */
void put_json_key(struct cursor *c, const char *key);

/* Key and value. */
void put_json_text(struct cursor *c, const char *key, struct span value);
void put_json_u64(struct cursor *c, const char *key, uint64_t value);
void put_json_bool(struct cursor *c, const char *key, bool value);
/* "10.0.0.1:5060"; null for family NET_NONE. */
void put_json_endpoint(struct cursor *c, const char *key, const struct net_endpoint *value);
/* "2026-01-31T23:59:59.123Z", UTC; null for 0. */
void put_json_time(struct cursor *c, const char *key, uint64_t unix_ns);

/* The time alone, as RFC 3339 with ms. */
void put_time(struct cursor *c, uint64_t unix_ns);
