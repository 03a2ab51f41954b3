/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine and what messages say of their senders: headers hidden by plan, bodies of every
 * kind. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;

static void setup(void)
{
	w = world_new();
}

TestSuite(engine_bodies, .init = setup);

/* A header that the plan hides: users cross, hosts become limen's towards the reader; a header of
 * which nothing is left is not there. */
Test(engine_bodies, headers_are_hidden_by_plan)
{
	struct world_call call;

	world_call_up(w, &call);
	world_request(w, A, "INFO", 2, "info", call.ok_a, "alice-tag",
		      "P-Asserted-Identity: \"A\" <sip:+4930@pbx.example.com:5080;user=phone>\n"
		      "P-Asserted-Identity: tel:+4930\nCall-Info: <http://pbx.example.com/a.png>\n",
		      NULL);
	cr_expect(world_has(world_out(w, B, 0),
			    "\r\nP-Asserted-Identity: \"A\" <sip:+4930@10.0.2.1;user=phone>\r\n"
			    "P-Asserted-Identity: tel:+4930\r\n"));
	cr_expect(!world_has(world_out(w, B, 0), "Call-Info"));
	world_answer(w, B, world_out(w, B, 0), 200, NULL,
		     "p-asserted-identity: <sip:bob@10.0.2.2>\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "\r\nP-Asserted-Identity: <sip:bob@10.0.1.1>\r\n"));
	world_request(w, B, "BYE", 1, "bye", call.invite_b, "bob-tag", NULL, NULL);
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}
