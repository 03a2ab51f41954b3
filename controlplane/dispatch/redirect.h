/* SPDX-License-Identifier: BSD-3-Clause */
/* A 3xx that limen follows: its Contacts become ways (RFC 3261 section 8.1.3.4). Private to
 * controlplane/dispatch. limen-controlplane, loop thread. */
#pragma once

#include "controlplane/cdr/context.h"
#include "controlplane/dispatch/verdict.h"

#define REDIRECTS_MAX	      5u /* a call follows no more */
#define REDIRECT_CONTACTS_MAX 16u /* those that are looked at */

struct redirection {
	struct policy_decision decisions[WAYS_MAX]; /* of the ways; `called` lies in them */
	struct way ways[WAYS_MAX];
	unsigned nways;
	unsigned ncontacts; /* looked at */
};

/* Which of the contacts can be called, in the order of their q: each is routed by its user as the
 * caller's trunk would route it. One that names an address within the networks of the trunk it is
 * routed to is called there and nowhere else, no address beyond them is. `before` is the call's
 * note so far: whom it has been at already is not called again. The outcome is that of the first
 * way, or why there is none; the decision is told in either case. */
void redirect_decide(const struct generation *gen, const struct policy_request *request,
		     struct span contacts, unsigned redirects, const struct cdr_context *before,
		     struct redirection *redirection, struct policy_decision *decision);
