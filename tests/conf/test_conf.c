/* SPDX-License-Identifier: BSD-3-Clause */
/* Every wrong config is refused with exactly the faults it has: line, key, reason. The sample
 * configs are good, name every key, and the committed reference page is the schema's. */
#include "common/conf/conf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/sip/sip_msg.h"
#include "wrong.h"

#define ERRORS_MAX 64u

/* A file with that text; the name is the caller's to unlink and free. */
static char *write_file(const char *text)
{
	char *path = strdup("/tmp/limen-conf-XXXXXX");
	int fd = mkstemp(path);
	FILE *file;

	cr_assert(fd >= 0);
	file = fdopen(fd, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	cr_assert(fclose(file) == 0);
	return path;
}

/* The good config with line `line` replaced. */
static char *with_line(unsigned line, const char *text)
{
	char *whole = NULL;
	size_t len;
	FILE *out = open_memstream(&whole, &len);

	for (unsigned i = 0; wrong_base[i]; i++) {
		const char *put = i + 1 == line ? text : wrong_base[i];

		if (put)
			fprintf(out, "%s\n", put);
	}
	fclose(out);
	return whole;
}

static struct conf *load(const char *text, struct conf_error errors[ERRORS_MAX], unsigned *nerrors)
{
	char *path = write_file(text);
	struct conf *conf;
	int err = conf_load(path, &conf, errors, ERRORS_MAX, nerrors);

	cr_assert((err == 0) == (conf != NULL));
	cr_assert(err == 0 || *nerrors > 0, "refused without a reason: %d", err);
	unlink(path);
	free(path);
	return conf;
}

static void expect(const struct wrong *wrong)
{
	char *text = wrong->line ? with_line(wrong->line, wrong->text) : strdup(wrong->text);
	struct conf_error errors[ERRORS_MAX];
	unsigned nerrors, i;
	struct conf *conf = load(text, errors, &nerrors);

	cr_expect_null(conf, "%s: not refused", wrong->what);
	conf_free(conf);
	for (i = 0; i < WRONG_FAULTS_MAX && wrong->faults[i].reason; i++) {
		const struct wrong_fault *fault = &wrong->faults[i];

		if (i >= nerrors) {
			cr_expect(false, "%s: not told: %u: %s: %s", wrong->what, fault->line,
				  fault->key, fault->reason);
			continue;
		}
		cr_expect(errors[i].line == fault->line && !strcmp(errors[i].key, fault->key) &&
				  !strcmp(errors[i].reason, fault->reason),
			  "%s:\n  told:   %u: %s: %s\n  wanted: %u: %s: %s", wrong->what,
			  errors[i].line, errors[i].key, errors[i].reason, fault->line, fault->key,
			  fault->reason);
	}
	for (; i < nerrors; i++)
		cr_expect(false, "%s: told too: %u: %s: %s", wrong->what, errors[i].line,
			  errors[i].key, errors[i].reason);
	free(text);
}

static unsigned expect_all(const struct wrong *wrong)
{
	unsigned n = 0;

	for (; wrong[n].what; n++)
		expect(&wrong[n]);
	return n;
}

Test(conf, the_base_of_the_wrong_ones_is_good)
{
	struct conf_error errors[ERRORS_MAX];
	unsigned nerrors;
	char *text = with_line(0, NULL);
	struct conf *conf = load(text, errors, &nerrors);

	cr_assert_not_null(conf, "%u: %s: %s", errors[0].line, errors[0].key, errors[0].reason);
	cr_expect_eq(nerrors, 0);
	conf_free(conf);
	free(text);
}

Test(conf, wrong_files_are_refused) { cr_expect_gt(expect_all(wrong_files), 25); }
Test(conf, wrong_machines_and_ports_are_refused) { cr_expect_gt(expect_all(wrong_machine), 30); }
Test(conf, wrong_realms_are_refused) { cr_expect_gt(expect_all(wrong_realms), 30); }
Test(conf, wrong_trunks_are_refused) { cr_expect_gt(expect_all(wrong_trunks), 30); }
Test(conf, wrong_rules_are_refused) { cr_expect_gt(expect_all(wrong_rules), 50); }
Test(conf, wrong_limits_are_refused) { cr_expect_gt(expect_all(wrong_limits), 50); }
Test(conf, wrong_routes_are_refused) { cr_expect_gt(expect_all(wrong_routes), 10); }
Test(conf, wrong_conditions_are_refused) { cr_expect_gt(expect_all(wrong_conditions), 40); }
Test(conf, wrong_tls_is_refused) { cr_expect_gt(expect_all(wrong_tls), 20); }
Test(conf, wrong_numbers_are_refused) { cr_expect_gt(expect_all(wrong_numbers), 25); }
Test(conf, wrong_streams_are_refused) { cr_expect_gt(expect_all(wrong_streams), 30); }

Test(conf, what_cannot_be_read_is_told)
{
	struct conf_error errors[4];
	struct conf *conf;
	unsigned nerrors;

	cr_expect_eq(conf_load("/nonexistent/limen.yaml", &conf, errors, 4, &nerrors), -ENOENT);
	cr_assert_eq(nerrors, 1);
	cr_expect_eq(errors[0].line, 0);
	cr_expect_str_eq(errors[0].reason, "cannot be read: No such file or directory");
	cr_expect_eq(conf_load("/tmp", &conf, errors, 4, &nerrors), -EISDIR);
	cr_expect_str_eq(errors[0].reason, "cannot be read: Is a directory");
	cr_expect_eq(conf_load("/dev/null", &conf, errors, 4, &nerrors), -EINVAL);
	cr_expect_str_eq(errors[0].reason, "cannot be read: not a regular file");
}

/* More faults than there is room for: the first ones, and no byte past the array. */
Test(conf, many_faults_fill_the_list_and_no_more)
{
	char text[8192] = "machine: {workers: [1]}\nports:\n";
	struct conf_error errors[ERRORS_MAX];
	struct conf *conf;
	unsigned nerrors;
	char *path;

	for (int i = 0; i < 16; i++)
		strcat(text,
		       "  - name: \"?\"\n    queues: none\n    mtu: none\n    nothing: here\n");
	path = write_file(text);
	errors[10].line = 12345;
	cr_expect_eq(conf_load(path, &conf, errors, 10, &nerrors), -EINVAL);
	cr_expect_eq(nerrors, 10);
	cr_expect_eq(errors[10].line, 12345);
	unlink(path);
	free(path);
}

Test(conf, an_error_is_one_line)
{
	const struct conf_error error = {7, "trunks[1].peers[0]", "not an address"},
				whole = {0, "", "cannot be read"};
	char buf[256];
	struct cursor out = cursor_on(buf, sizeof(buf));

	conf_put_error(&out, "limen.yaml", &error);
	put_char(&out, '|');
	conf_put_error(&out, "limen.yaml", &whole);
	cr_expect(span_eq(cursor_span(&out), SPAN("limen.yaml:7: trunks[1].peers[0]: not an "
						  "address|limen.yaml: cannot be read")));
}

Test(conf, values_and_defaults_arrive)
{
	struct conf_error errors[ERRORS_MAX];
	unsigned nerrors;
	char *text = with_line(33, "    prefix: \"+49#\"");
	struct conf *conf = load(text, errors, &nerrors);
	static const uint8_t gateway[16] = {192, 0, 2, 254};

	cr_assert_not_null(conf);
	cr_expect_eq(conf->machine.main_cpu, 0);
	cr_expect_eq(conf->machine.nworkers, 2);
	cr_expect_eq(conf->machine.workers[1], 2);
	cr_expect_str_eq(conf->machine.hugepages, "auto");
	cr_expect_eq(conf->machine.memory_mb, 256);
	cr_expect_eq(conf->machine.max_calls, 10000);
	cr_expect_str_eq(conf->machine.state_dir, "/dev/shm/limen");
	cr_expect_eq(conf->machine.mbufs, 16383);
	cr_expect_eq(conf->ports[0].queues, 2);
	cr_expect_eq(conf->ports[1].queues, 1);
	cr_expect_eq(conf->ports[1].mtu, 1500);
	cr_expect_eq(conf->realms[1].port, 1);
	cr_expect_eq(conf->realms[0].naddrs, 2);
	cr_expect_eq(conf->realms[0].addrs[1].prefix.family, NET_IP6);
	cr_expect_eq(conf->realms[0].addrs[1].prefix.bits, 64);
	cr_expect(conf->realms[0].addrs[0].has_gateway);
	cr_expect_arr_eq(conf->realms[0].addrs[0].gateway.ip, gateway, 16);
	cr_expect_not(conf->realms[0].addrs[1].has_gateway);
	cr_expect_eq(conf->realms[1].sip_port, 5060);
	cr_expect_eq(conf->realms[1].media_port_low, 20000);
	cr_expect_eq(conf->realms[1].media_port_high, 59999);
	cr_expect_eq(conf->realms[1].dscp_sip, 24);
	cr_expect_eq(conf->realms[1].dscp_media, 46);
	cr_expect_eq(conf->trunks[0].npeers, 2);
	cr_expect_eq(conf->trunks[0].peers[0].port, 5060);
	cr_expect_eq(conf->trunks[0].peers[1].port, 5070);
	cr_expect_eq(conf->trunks[0].nsources, 1);
	cr_expect_eq(conf->trunks[0].pass_count, 1);
	cr_expect_str_eq(conf->trunks[0].pass[0], "Subject");
	cr_expect_not(conf->trunks[0].media_learn);
	cr_expect_eq(conf->trunks[0].methods, 1u << SIP_METHOD_INVITE);
	cr_expect_eq(conf->trunks[0].redirect, CONF_REDIRECT_REFUSE);
	cr_expect_eq(conf->trunks[0].refer, CONF_REFER_REFUSE);
	cr_expect_eq(conf->trunks[0].session_expires_s, 1800);
	cr_expect_eq(conf->trunks[0].min_se_s, 90);
	cr_expect_not(conf->trunks[0].msrp);
	cr_expect_eq(conf->trunks[0].srtp, CONF_SRTP_ALLOW);
	cr_expect_eq(conf->trunks[0].srtp_suites[0], SECURE_AES_CM_128_HMAC_SHA1_80);
	cr_expect_eq(conf->trunks[0].srtp_suites[5], SECURE_AEAD_AES_256_GCM);
	cr_expect_not(conf->trunks[0].challenges_pass);
	cr_expect_eq(conf->trunks[1].realm, 1);
	cr_expect_eq(conf->trunks[1].nsources, 1, "the peer's address");
	cr_expect_eq(conf->trunks[1].sources[0].bits, 32);
	cr_expect_eq(conf->trunks[1].answer_max_s, 180);
	cr_expect_eq(conf->trunks[1].media_timeout_s, 60);
	cr_expect_eq(conf->routes[0].from, 0);
	cr_expect_eq(conf->routes[0].to, 1);
	cr_expect_str_eq(conf->routes[0].prefix, "+49#");
	cr_expect_str_eq(conf->routes[1].prefix, "");
	cr_expect_str_eq(conf->srtp.engine, "auto");
	cr_expect_eq(conf->srtp.sessions, 4096);
	cr_expect_eq(conf->overload.busy_percent_max, 95);
	cr_expect_eq(conf->overload.retry_after_s, 5);
	cr_assert_eq(conf->emergency.count, 3);
	cr_expect_str_eq(conf->emergency.services[2], "urn:service:sos");
	cr_expect_str_eq(conf->log.file, "");
	cr_expect_str_eq(conf->cdr.file, "/var/log/limen/cdr.jsonl");
	conf_free(conf);
	free(text);
}

Test(conf, manners_of_a_trunk_arrive)
{
	struct conf_error errors[ERRORS_MAX];
	unsigned nerrors;
	char *text = with_line(
		27, "    methods: [OPTIONS, REFER]\n    redirect: pass\n    refer: local\n"
		    "    session_expires_s: 0\n    min_se_s: 2000\n    msrp: true\n"
		    "    challenges: pass\n    headers_drop: [Date]\n    media_source: learn\n"
		    "    srtp: best-effort\n    srtp_suites: [AEAD_AES_256_GCM, "
		    "AES_CM_128_HMAC_SHA1_32]");
	struct conf *conf = load(text, errors, &nerrors);
	const struct conf_trunk *trunk;

	cr_assert_not_null(conf, "%s: %s", errors[0].key, errors[0].reason);
	trunk = &conf->trunks[0];
	cr_expect_eq(trunk->methods, 1u << SIP_METHOD_OPTIONS | 1u << SIP_METHOD_REFER);
	cr_expect_eq(trunk->redirect, CONF_REDIRECT_PASS);
	cr_expect_eq(trunk->refer, CONF_REFER_LOCAL);
	cr_expect_eq(trunk->session_expires_s, 0);
	cr_expect_eq(trunk->min_se_s, 2000, "no session timer, so no contradiction");
	cr_expect(trunk->msrp);
	cr_expect(trunk->challenges_pass);
	cr_expect(trunk->media_learn);
	cr_expect_eq(trunk->srtp, CONF_SRTP_BEST_EFFORT);
	cr_expect_eq(trunk->srtp_suites[0], SECURE_AEAD_AES_256_GCM);
	cr_expect_eq(trunk->srtp_suites[1], SECURE_AES_CM_128_HMAC_SHA1_32);
	cr_expect_eq(trunk->srtp_suites[2], SECURE_NONE);
	cr_expect_eq(trunk->drop_count, 1);
	conf_free(conf);
	free(text);
}

static const char *restart_key(unsigned line, const char *put, char buf[160])
{
	struct conf_error errors[ERRORS_MAX];
	unsigned nerrors;
	char *was_text = with_line(0, NULL), *now_text = with_line(line, put);
	struct conf *was = load(was_text, errors, &nerrors),
		    *now = load(now_text, errors, &nerrors);
	struct cursor key = cursor_on(buf, 159);
	bool restart;

	cr_assert(was && now, "%s: %s", put ? put : "(left out)", errors[0].reason);
	restart = conf_needs_restart(was, now, &key);
	buf[key.len] = '\0';
	conf_free(was);
	conf_free(now);
	free(was_text);
	free(now_text);
	return restart ? buf : NULL;
}

Test(conf, what_shapes_the_machine_needs_a_restart)
{
	char buf[160];

	cr_expect_null(restart_key(0, NULL, buf));
	cr_expect_null(restart_key(38, "  level: debug", buf));
	cr_expect_null(restart_key(30, "    peers: [10.0.0.11]", buf));
	cr_expect_null(restart_key(36, "    to: t0\n  - status: 403", buf));
	cr_expect_null(restart_key(11, "    device: net_null1\n    mtu: 1500", buf),
		       "a default is no change");
	cr_expect_str_eq(restart_key(11, "    device: net_null1\n    mtu: 1501", buf),
			 "ports[1].mtu");
	cr_expect_str_eq(restart_key(3, "  workers: [1, 3]", buf), "machine.workers");
	cr_expect_str_eq(restart_key(16, "    gateways: [192.0.2.253]", buf), "realms[0].gateways");
	cr_expect_str_eq(restart_key(17, "    sip_port: 5070", buf), "realms[0].sip_port");
	cr_expect_str_eq(
		restart_key(11, "    device: net_null1\n  - name: p2\n    device: net_null2", buf),
		"ports[2]");
}

Test(conf, the_hash_covers_what_both_processes_must_agree_on)
{
	static const struct {
		unsigned line;
		const char *put;
		bool same;
	} changes[] = {
		{38, "  level: debug", true},
		{30, "    peers: [10.0.0.11]", true},
		{8, "    device: net_null5", true},
		{17, "    sip_port: 5061", false},
		{18, "    media_ports: 20000-29997", false},
		{21, "    addresses: [10.0.0.2/8]", false},
		{21, "    addresses: [10.0.0.1/9]", false},
		{20, "    port: p0", false},
	};
	struct conf_error errors[ERRORS_MAX];
	char *text = with_line(0, NULL);
	unsigned nerrors;
	struct conf *was = load(text, errors, &nerrors);

	cr_assert_not_null(was);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char *changed = with_line(changes[i].line, changes[i].put);
		struct conf *now = load(changed, errors, &nerrors);

		cr_assert_not_null(now, "%s: %s", changes[i].put, errors[0].reason);
		cr_expect_eq(conf_realms_hash(was) == conf_realms_hash(now), changes[i].same, "%s",
			     changes[i].put);
		conf_free(now);
		free(changed);
	}
	conf_free(was);
	free(text);
}

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	cr_assert_not_null(file, "%s", path);
	cr_assert(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

/* What the screening's file says joins what the config says; its faults are told with their line. */
static struct conf *with_screening_file(const char *lines, struct conf_error errors[ERRORS_MAX],
					unsigned *nerrors)
{
	char *path = write_file(lines), text[256], *whole;
	struct conf *conf;

	snprintf(text, sizeof(text),
		 "screening: {blocked_called: [\"1\"], scanner_agents: [Own], file: %s}\nlog:", path);
	whole = with_line(37, text);
	conf = load(whole, errors, nerrors);
	unlink(path);
	free(path);
	free(whole);
	return conf;
}

Test(conf, the_screening_file_is_read)
{
	struct conf_error errors[ERRORS_MAX];
	unsigned nerrors;
	struct conf *conf = with_screening_file("# who\n\nsource 10.1.0.0/16\r\n  called\t+882 \n"
						"user-agent ZGrab 1\nsource 2001:db8::/32\n"
						"calling 99",
						errors, &nerrors);

	cr_assert_not_null(conf);
	cr_expect_eq(conf->screening.nblocked, 2);
	cr_expect_eq(conf->screening.blocked[0].bits, 16);
	cr_expect_eq(conf->screening.ncalled, 2);
	cr_expect_str_eq(conf->screening.called[1], "+882");
	cr_expect_eq(conf->screening.ncalling, 1);
	cr_expect_str_eq(conf->screening.calling[0], "99");
	cr_expect_eq(conf->screening.nagents, 2);
	cr_expect_str_eq(conf->screening.agents[0], "own");
	cr_expect_str_eq(conf->screening.agents[1], "zgrab 1");
	conf_free(conf);
}

Test(conf, a_wrong_screening_file_is_refused)
{
	static const struct {
		const char *lines, *reason;
	} wrong[] = {
		{"source 10.1.0.0/16\nsourse 10.2.0.0/16\n",
		 "line 2: neither source, called, calling nor user-agent: \"sourse 10.2.0.0/16\""},
		{"source\n", "line 1: neither source, called, calling nor user-agent: \"source\""},
		{"\nsource 10.1.0.0/33\n",
		 "line 2: not a network: \"10.1.0.0/33\"; write it as in 192.0.2.0/24"},
		{"called 49 30\n", "line 1: not the start of a user part: \"49 30\""},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct conf_error errors[ERRORS_MAX];
		unsigned nerrors;
		struct conf *conf = with_screening_file(wrong[i].lines, errors, &nerrors);

		cr_assert_null(conf, "%s", wrong[i].lines);
		cr_expect_eq(nerrors, 1);
		cr_expect_eq(errors[0].line, 37);
		cr_expect_str_eq(errors[0].key, "screening.file");
		cr_expect_str_eq(errors[0].reason, wrong[i].reason);
	}
}

Test(conf, the_samples_are_good)
{
	static const char *const samples[] = {
		LIMEN_SOURCE "/config/limen.yaml", LIMEN_SOURCE "/config/lab.yaml",
		LIMEN_SOURCE "/config/carrier.yaml", LIMEN_SOURCE "/tests/smoke/flows.yaml"};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct conf_error errors[ERRORS_MAX];
		struct conf *conf;
		unsigned nerrors;

		cr_expect_eq(conf_load(samples[i], &conf, errors, ERRORS_MAX, &nerrors), 0,
			     "%s:%u: %s: %s", samples[i], errors[0].line, errors[0].key,
			     errors[0].reason);
		conf_free(conf);
	}
}

/* The reference page's first column names every key: limen.yaml shows each. */
Test(conf, the_commented_sample_shows_every_key)
{
	char *sample = read_whole(LIMEN_SOURCE "/config/limen.yaml");
	char *reference = calloc(1, 1 << 18);
	struct cursor out = cursor_on(reference, (1 << 18) - 1);
	unsigned nkeys = 0;

	conf_put_reference(&out);
	cr_assert_not(out.full);
	for (char *line = strtok(reference, "\n"); line; line = strtok(NULL, "\n")) {
		char key[64], want[80];

		if (sscanf(line, "| `%63[a-z_]`", key) != 1)
			continue;
		nkeys++;
		snprintf(want, sizeof(want), " %s:", key);
		cr_expect_not_null(strstr(sample, want), "%s is not in config/limen.yaml", key);
	}
	cr_expect_gt(nkeys, 35);
	free(sample);
	free(reference);
}

Test(conf, the_committed_reference_is_the_schemas)
{
	char *committed = read_whole(LIMEN_SOURCE "/docs/config-reference.md");
	char *reference = calloc(1, 1 << 18);
	struct cursor out = cursor_on(reference, (1 << 18) - 1);

	conf_put_reference(&out);
	cr_expect(
		strcmp(committed, reference) == 0,
		"limen-controlplane --config-reference > docs/config-reference.md, and commit it");
	free(committed);
	free(reference);
}

/* Every prefix of a good file ends somewhere odd: refused or good, never a crash. */
Test(conf, a_file_cut_anywhere_is_survived)
{
	char *text = with_line(0, NULL);
	size_t len = strlen(text);

	for (size_t cut = 0; cut < len; cut += 3) {
		struct conf_error errors[ERRORS_MAX];
		char *piece = strndup(text, cut);
		unsigned nerrors;

		conf_free(load(piece, errors, &nerrors));
		free(piece);
	}
	free(text);
}
