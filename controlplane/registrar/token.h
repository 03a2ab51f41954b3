/* SPDX-License-Identifier: BSD-3-Clause */
/* Tokens: a binding's name towards the registrar, a keyed hash of who registers where, written as a
 * user part. Private to controlplane/registrar. limen-controlplane, any thread. */
#pragma once

#include "controlplane/registrar/bindings.h"
#include "controlplane/registrar/registrar.h"

/* The same user with the same contact has the same token each time, so that a refresh is one for
 * the registrar too; who has not the keys can neither guess nor make one. */
struct binding_id token_id(const struct hash_key key[2], struct span trunk, struct span user,
			   struct span contact);

/* Of one that stands for a flow (RFC 5626) the name says so: once it is gone that is told. */
void token_write(const struct binding_id *id, bool flow, char token[REGISTRAR_TOKEN_CHARS]);

/* False for what token_write never writes. */
bool token_read(struct span text, struct binding_id *id);
bool token_is_flow(struct span text);
