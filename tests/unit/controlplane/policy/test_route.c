/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes: the look-up against a plain search, every condition, and the ways of a route. */
#include "controlplane/policy/route.h"

#include <stdio.h>

#include "../conf_text.h"
#include "controlplane/policy/policy.h"

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static int plain_find(const struct conf *conf, unsigned from, const char *user)
{
	for (unsigned i = 0; i < conf->nroutes; i++) {
		const struct conf_route *route = &conf->routes[i];

		if ((route->from < 0 || (unsigned)route->from == from) &&
		    (*route->user ? !strcmp(user, route->user)
				  : !strncmp(user, route->prefix, strlen(route->prefix))))
			return (int)i;
	}
	return -1;
}

Test(route, the_first_route_that_matches_decides)
{
	enum { ROUTES = 300 };
	static struct conf_trunk trunks[4];
	static struct conf_route list[ROUTES];
	static char texts[ROUTES][8];
	struct conf conf = {.nroutes = ROUTES, .routes = list, .ntrunks = 4, .trunks = trunks};
	static struct sip_msg msg;
	uint32_t state = 3;
	struct routes *routes;
	unsigned found = 0;

	for (unsigned i = 0; i < ROUTES; i++) {
		unsigned len = 1 + next_random(&state) % 5;
		bool whole = next_random(&state) % 4 == 0;

		for (unsigned d = 0; d < len; d++)
			texts[i][d] = (char)('0' + next_random(&state) % 4);
		list[i] = (struct conf_route){.from = (int)(next_random(&state) % 4) - 1,
					      .realm = -1,
					      .prefix = whole ? "" : texts[i],
					      .user = whole ? texts[i] : "",
					      .calling_prefix = "",
					      .pattern = "",
					      .domain = "",
					      .header = "",
					      .percent = 100,
					      .table = -1};
	}
	routes = routes_new(&conf, NULL);
	for (unsigned i = 0; i < 5000; i++) {
		unsigned len = next_random(&state) % 7, from = next_random(&state) % 4;
		struct route_found got;
		char user[8] = "";
		struct route_call call = {.from = from, .msg = &msg};
		int wanted;

		for (unsigned d = 0; d < len; d++)
			user[d] = (char)('0' + next_random(&state) % 4);
		call.called = span_str(user);
		routes_find(routes, &call, &got, NULL);
		wanted = plain_find(&conf, from, user);
		cr_expect_eq(got.route, wanted);
		found += wanted >= 0;
	}
	cr_expect(found > 500 && found < 4900, "the test tries both: %u", found);
	routes_free(routes);
}

/* ---- conditions, as policy asks them ---- */

#define CONF(keys_a, routes)                                                                       \
	CONF_HEAD                                                                                  \
	"realms:\n"                                                                                \
	"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"                                    \
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"                                    \
	"trunks:\n"                                                                                \
	"  - {name: a, realm: ra, peers: [10.99.1.2], methods: [INVITE, MESSAGE]" keys_a "}\n"     \
	"  - {name: b, realm: rb, peers: [10.99.2.2]}\n"                                           \
	"  - {name: c, realm: rb, peers: [10.99.2.3]}\n"                                           \
	"  - {name: d, realm: rb, peers: [10.99.2.4]}\n" routes

struct asked {
	struct conf *conf;
	struct tables *tables;
	struct policy *policy;
	struct policy_decision decision;
};

static struct asked start(const char *text)
{
	struct asked asked = {.conf = conf_from_text(text)};
	struct conf_error errors[4] = {0};
	unsigned nerrors;

	cr_assert_eq(tables_load(asked.conf, NULL, &asked.tables, errors, 4, &nerrors), 0, "%s",
		     errors[0].reason);
	asked.policy = policy_new(asked.conf, asked.tables);
	cr_assert_not_null(asked.policy);
	return asked;
}

static void stop(struct asked *asked)
{
	policy_free(asked->policy);
	tables_free(asked->tables);
	conf_free(asked->conf);
}

struct about {
	const char *method, *ruri, *from, *call_id, *more;
	int64_t now_s;
};

static int route_of(struct asked *asked, const struct about *about)
{
	static char text[4096];
	static struct sip_msg msg;
	struct net_endpoint source;
	const struct policy_request request = {
		.msg = &msg, .source = &source, .now_s = about->now_s};
	const char *method = about->method ? about->method : "INVITE";
	int len = snprintf(text, sizeof(text),
			   "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.99.1.2;branch=z9hG4bK1\r\nFrom: "
			   "<sip:%s@x>;tag=1\r\nTo: <sip:t@y>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n%s"
			   "Content-Length: 0\r\n\r\n",
			   method, about->ruri ? about->ruri : "sip:1@limen",
			   about->from ? about->from : "me", about->call_id ? about->call_id : "id",
			   method, about->more ? about->more : "");

	cr_assert_eq(net_endpoint_parse(SPAN("10.99.1.2"), 5060, &source), 0);
	cr_assert_eq(sip_parse(&msg, text, (size_t)len, SIP_DATAGRAM), SIP_PARSE_OK, "%s", msg.why);
	policy_decide(asked->policy, &request, &asked->decision);
	return asked->decision.route;
}

#define ROUTE(asked, ...) route_of(asked, &(const struct about){__VA_ARGS__})

Test(route, each_condition_holds_or_not)
{
	struct asked asked =
		start(CONF("", "routes:\n"
			       "  - {realm: rb, to: b}\n"
			       "  - {user: \"112233\", to: b}\n"
			       "  - {calling_prefix: \"+49\", to: b}\n"
			       "  - {pattern: \"^7\\\\d{3}$\", to: b}\n"
			       "  - {pattern: \"^bob$\", pattern_of: calling, to: b}\n"
			       "  - {pattern: \"gold\", pattern_of: X-Class, to: b}\n"
			       "  - {domain: Example.COM, to: b}\n"
			       "  - {header: X-Line, header_value: second, to: b}\n"
			       "  - {header: Subject, to: b}\n"
			       "  - {methods: [MESSAGE], to: b}\n"
			       "  - {from: a, to: c}\n"));

	cr_expect_eq(ROUTE(&asked, .ruri = "sip:1@limen"), 10);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:112233@limen"), 1);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:1122334@limen"), 10);
	cr_expect_eq(ROUTE(&asked, .from = "+4930"), 2);
	cr_expect_eq(ROUTE(&asked, .from = "%2b4930"), 2);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:7123@limen"), 3);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:71234@limen"), 10);
	cr_expect_eq(ROUTE(&asked, .from = "bob"), 4);
	cr_expect_eq(ROUTE(&asked, .from = "bobby"), 10);
	cr_expect_eq(ROUTE(&asked, .more = "X-Class: lead\r\nX-Class: golden\r\n"), 5);
	cr_expect_eq(ROUTE(&asked, .more = "X-Class: lead\r\n"), 10);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:1@example.com:5070"), 6);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:1@example.com.net"), 10);
	cr_expect_eq(ROUTE(&asked, .more = "x-line: second\r\n"), 7);
	cr_expect_eq(ROUTE(&asked, .more = "X-Line: seconds\r\n"), 10);
	cr_expect_eq(ROUTE(&asked, .more = "s: by its compact name\r\n"), 8);
	cr_expect_eq(ROUTE(&asked, .method = "MESSAGE"), 9);
	stop(&asked);
}

Test(route, times_of_the_day_with_their_summer)
{
	static const struct {
		int64_t now_s;
		int route;
	} cases[] = {
		{1774747800, 2}, /* Sun 2026-03-29 03:30 in Berlin: the hour before was left out */
		{1774828740, 2}, /* Mon 2026-03-30 01:59 */
		{1774850399, 2}, /* Mon 07:59:59 */
		{1774850400, 0}, /* Mon 08:00 */
		{1774864799, 0}, /* Mon 11:59:59 */
		{1774864800, 2}, /* Mon 12:00 */
		{1774904400, 1}, /* Mon 23:00 */
		{1774922400, 1}, /* Tue 04:00: Monday's night */
		{1774929600, 2}, /* Tue 06:00 */
		{1774990800, 2}, /* Tue 23:00 */
		{1798441200, 0}, /* Mon 2026-12-28 08:00 in winter */
		{1798441199, 2}, /* Mon 07:59:59 */
	};
	struct asked asked =
		start(CONF("", "routes:\n"
			       "  - {days: [mon], hours: [\"08:00-12:00\"], time_zone: Europe/Berlin, "
			       "to: b}\n"
			       "  - {days: [mon], hours: [\"22:00-06:00\"], time_zone: Europe/Berlin, "
			       "to: c}\n"
			       "  - {to: d}\n"));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(ROUTE(&asked, .now_s = cases[i].now_s), cases[i].route, "%lld: %d",
			     (long long)cases[i].now_s, asked.decision.route);
	stop(&asked);
}

/* 30 % of all, then half of what is left; the same call always the same way. */
Test(route, shares_of_the_calls)
{
	struct asked asked = start(CONF("", "routes:\n  - {percent: 30, to: b}\n  - {percent: 50, to: "
					    "c}\n  - {to: d}\n"));
	unsigned n[3] = {0};

	for (unsigned i = 0; i < 4000; i++) {
		char id[32];
		int route;

		snprintf(id, sizeof(id), "%u-call@host", i);
		route = ROUTE(&asked, .call_id = id);
		n[route]++;
		cr_expect_eq(ROUTE(&asked, .call_id = id), route);
	}
	cr_expect(n[0] > 1100 && n[0] < 1300, "%u", n[0]);
	cr_expect(n[1] > 1300 && n[1] < 1500, "%u", n[1]);
	stop(&asked);
}

Test(route, weights_share_out_and_the_others_follow)
{
	struct asked asked = start(CONF("", "routes:\n  - {to: b, failover: [c, d], weights: [60, 40, "
					    "0]}\n"));
	const struct policy_decision *d = &asked.decision;
	unsigned first[4] = {0};

	for (unsigned i = 0; i < 4000; i++) {
		char id[32];

		snprintf(id, sizeof(id), "%u-call@host", i);
		cr_assert_eq(ROUTE(&asked, .call_id = id), 0);
		cr_assert_eq(d->nways, 3);
		cr_expect_eq(d->to, (int)d->ways[0].trunk);
		cr_expect_eq(d->ways[0].trunk + d->ways[1].trunk, 3, "b and c, in either order");
		cr_expect_eq(d->ways[2].trunk, 3, "weight 0 comes last");
		first[d->to]++;
	}
	cr_expect(first[1] > 2300 && first[1] < 2500, "%u", first[1]);
	stop(&asked);
}

Test(route, failover_in_the_order_given)
{
	struct asked asked = start(CONF("", "routes:\n  - {to: d, failover: [b, c]}\n"));
	const struct policy_decision *d = &asked.decision;

	ROUTE(&asked, .ruri = "sip:1@limen");
	cr_assert_eq(d->nways, 3);
	cr_expect(d->ways[0].trunk == 3 && d->ways[1].trunk == 1 && d->ways[2].trunk == 2);
	stop(&asked);
}

Test(route, emergency_routes_come_first_and_take_nothing_else)
{
	struct asked asked = start(CONF("", "routes:\n"
					    "  - {prefix: \"1\", status: 403}\n"
					    "  - {emergency: yes, prefix: \"urn:service:sos.fire\", to: c}\n"
					    "  - {emergency: yes, to: b}\n"));

	cr_expect_eq(ROUTE(&asked, .ruri = "sip:112@limen"), 2);
	cr_expect(asked.decision.emergency);
	cr_expect_eq(ROUTE(&asked, .ruri = "urn:service:sos.fire"), 1);
	cr_expect_eq(ROUTE(&asked, .ruri = "urn:service:sos.police"), 2);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:1123@limen"), 0);
	cr_expect_eq(asked.decision.outcome, POLICY_ROUTE_REFUSES);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:2@limen"), -1);
	stop(&asked);
}

Test(route, number_rules_come_before_routes_but_leave_emergencies_alone)
{
	struct asked asked = start(CONF(", country_code: \"49\", called_in_rules: in, "
					"calling_in_rules: in, trusted: yes",
					"number_rules:\n  - {set: in, convert: e164}\nroutes:\n"
					"  - {prefix: \"+49\", calling_prefix: \"+4989\", to: b}\n"
					"  - {prefix: \"+49\", to: c}\n"
					"  - {user: \"110\", to: d}\n"));

	cr_expect_eq(ROUTE(&asked, .ruri = "sip:030123@limen"), 1);
	cr_expect(span_eq(party_user(&asked.decision.called), SPAN("+4930123")));
	cr_expect(span_eq(party_user(&asked.decision.asked), SPAN("030123")));
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:030123@limen", .from = "0891"), 0);
	/* a trusted trunk's assertion goes before From */
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:030123@limen", .from = "0891",
			   .more = "P-Asserted-Identity: <sip:0301@x>\r\n"),
		     1);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:030123@limen", .from = "0301",
			   .more = "P-Asserted-Identity: \"M\" <tel:089-1>\r\n"),
		     0);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:112@limen"), -1);
	cr_expect(span_eq(party_user(&asked.decision.called), SPAN("112")));
	stop(&asked);
}

static char *write_rows(const char *rows)
{
	char *path = strdup("/tmp/limen-rows-XXXXXX");
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, rows, strlen(rows)) == (ssize_t)strlen(rows));
	close(fd);
	return path;
}

Test(route, a_table_decides_by_its_longest_prefix)
{
	char *path = write_rows("49,b,0.5,10\n49,c,0.2,20\n49,a,0.1,1\n4930,d,1,5,2,0\n1,a\n"),
	     text[2048];
	struct asked asked;
	const struct policy_decision *d = &asked.decision;

	snprintf(text, sizeof(text),
		 CONF("", "tables:\n  - {name: t, file: %s}\nroutes:\n"
			  "  - {prefix: \"q\", table: t}\n  - {calling_prefix: \"q\", table: t, "
			  "order: quality}\n  - {table: t}\n  - {to: d}\n"),
		 path);
	asked = start(text);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:+49891@limen"), 2);
	cr_assert_eq(d->nways, 2, "never back by the trunk it came by");
	cr_expect(d->ways[0].trunk == 2 && d->ways[1].trunk == 1, "the cheapest first");
	cr_expect_eq(d->ways[0].cost_micro, 200000);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:4930@limen"), 2);
	cr_assert_eq(d->nways, 1);
	cr_expect(d->ways[0].trunk == 3 && d->ways[0].strip == 2 &&
		  span_eq(d->ways[0].add, SPAN("0")));
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:49891@limen", .from = "q1"), 1);
	cr_expect(d->ways[0].trunk == 2 && d->ways[1].trunk == 1, "the best first");
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:7@limen"), 3, "no prefix: the next route");
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:1@limen"), 3, "only back: the next route");
	stop(&asked);
	unlink(path);
	free(path);
}

Test(route, a_table_that_names_a_trunk_which_is_not_there_is_refused)
{
	char *path = write_rows("49,b\n48,x\n"), text[2048], wanted[200];
	struct conf_error errors[4];
	struct tables *tables;
	unsigned nerrors;
	struct conf *conf;

	snprintf(text, sizeof(text), CONF("", "tables:\n  - {name: t, file: %s}\n"), path);
	conf = conf_from_text(text);
	cr_expect_neq(tables_load(conf, NULL, &tables, errors, 4, &nerrors), 0);
	cr_expect_null(tables);
	cr_assert_eq(nerrors, 1);
	snprintf(wanted, sizeof(wanted), "%s: line 2: no such trunk: \"x\"", path);
	cr_expect_str_eq(errors[0].reason, wanted);
	cr_expect_str_eq(errors[0].key, "tables[0].file");
	conf_free(conf);
	unlink(path);
	free(path);
}

/* What did not change is not read again, and outlives the generation that read it. */
Test(route, tables_are_shared_while_their_file_stays)
{
	char *path = write_rows("49,b\n"), text[2048];
	struct conf_error errors[4];
	struct tables *first, *second, *third;
	unsigned nerrors, len;
	struct conf *conf;
	FILE *file;

	snprintf(text, sizeof(text), CONF("", "tables:\n  - {name: t, file: %s}\n"), path);
	conf = conf_from_text(text);
	cr_assert_eq(tables_load(conf, NULL, &first, errors, 4, &nerrors), 0);
	cr_assert_eq(tables_load(conf, first, &second, errors, 4, &nerrors), 0);
	cr_expect_eq(first->list[0].table, second->list[0].table);
	file = fopen(path, "a");
	fputs("48,c\n", file);
	fclose(file);
	cr_assert_eq(tables_load(conf, second, &third, errors, 4, &nerrors), 0);
	cr_expect_neq(third->list[0].table, second->list[0].table);
	tables_free(first);
	cr_expect_not_null(ptable_find(second->list[0].table, SPAN("491"), &len));
	cr_expect_null(ptable_find(second->list[0].table, SPAN("481"), &len));
	cr_expect_not_null(ptable_find(third->list[0].table, SPAN("481"), &len));
	tables_free(second);
	tables_free(third);
	conf_free(conf);
	unlink(path);
	free(path);
}

Test(route, a_pattern_that_gives_up_is_told)
{
	struct asked asked = start(CONF("", "routes:\n  - {pattern: \"^(1+)+(1+)+(1+)+$\", to: b}\n"
					    "  - {to: c}\n"));
	char ruri[160] = "sip:";

	memset(ruri + 4, '1', 120);
	strcpy(ruri + 124, "x@limen");
	cr_expect_eq(ROUTE(&asked, .ruri = ruri), 1);
	cr_expect(asked.decision.gave_up);
	cr_expect_eq(ROUTE(&asked, .ruri = "sip:11111@limen"), 0);
	cr_expect_not(asked.decision.gave_up);
	stop(&asked);
}
