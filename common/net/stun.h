/* SPDX-License-Identifier: BSD-3-Clause */
/* STUN (RFC 8489) as far as keep-alives on a SIP port need it: a Binding request is answered with
 * the address it came from (RFC 5626 section 4.4.2). libc only. */
#pragma once

#include "common/base/cursor.h"
#include "common/net/addr.h"

/* Whether a datagram is a STUN message and no SIP: its first two bits, cookie and length say so
 * (section 6). */
bool stun_is_message(struct span datagram);

/* The answer to a Binding request from there: success with XOR-MAPPED-ADDRESS, or error 420 where
 * it has attributes that must be understood and are not. False for what needs no answer: responses,
 * indications, other methods, broken attributes. */
bool put_stun_answer(struct cursor *out, struct span request, const struct net_endpoint *from);
