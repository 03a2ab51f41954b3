/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-controlplane: arguments, config, privileges, log, then the loop until a signal. Main
 * thread. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/conf/conf.h"
#include "common/log/log.h"
#include "common/priv/privileges.h"
#include "controlplane/core/loop.h"
#include "controlplane/core/privileges.h"
#include "controlplane/dispatch/dispatch.h"
#include "controlplane/policy/tables.h"
#include "controlplane/tls/tls_store.h"

#define ERRORS_MAX           100u
#define REFERENCE_BYTES_MAX  (256u * 1024u)
#define EXIT_USAGE           2

static const char usage[] =
	"Usage: limen-controlplane --config FILE          run\n"
	"       limen-controlplane --check --config FILE  only check the file\n"
	"       limen-controlplane --config-reference     print all keys of the config, as "
	"Markdown\n"
	"       limen-controlplane --version | --help\n"
	"SIGHUP reads the config again; SIGTERM ends it, calls in progress go on.\n";

struct arguments {
	const char *config;
	bool check;
	bool reference;
};

/* Negative: go on; else exit with it. */
static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},    {"check", no_argument, NULL, 'k'},
		{"config-reference", no_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},          {0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			arguments->config = optarg;
			break;
		case 'k':
			arguments->check = true;
			break;
		case 'r':
			arguments->reference = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case 'v':
			puts("limen-controlplane " LIMEN_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (!arguments->config && optind < argc)
		arguments->config = argv[optind++];
	if (optind == argc && (arguments->config || arguments->reference))
		return -1;
	fputs(usage, stderr);
	return EXIT_USAGE;
}

static int print_reference(void)
{
	char *text = malloc(REFERENCE_BYTES_MAX);
	struct cursor out = cursor_on(text, text ? REFERENCE_BYTES_MAX : 0);

	conf_put_reference(&out);
	if (!out.full)
		fwrite(out.buf, 1, out.len, stdout);
	free(text);
	return out.full || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_errors(const char *path, const struct conf_error *errors, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char line[1024];
		struct cursor out = cursor_on(line, sizeof(line));

		conf_put_error(&out, path, &errors[i]);
		fprintf(stderr, "%.*s\n", (int)out.len, out.buf);
	}
	if (n == ERRORS_MAX)
		fprintf(stderr, "%s: there may be more\n", path);
}

static struct conf *load(const char *path)
{
	struct conf_error errors[ERRORS_MAX];
	struct conf *conf;
	unsigned nerrors;

	if (!conf_load(path, &conf, errors, ERRORS_MAX, &nerrors))
		return conf;
	print_errors(path, errors, nerrors);
	return NULL;
}

/* The files that it names too, which are no part of the config itself. */
static int check(struct conf *conf)
{
	struct conf_error errors[ERRORS_MAX];
	struct tables *tables;
	struct tls_store *tls = NULL;
	unsigned nerrors;
	int err = tables_load(conf, NULL, &tables, errors, ERRORS_MAX, &nerrors);

	print_errors(conf->path, errors, nerrors);
	if (!err) {
		err = tls_store_load(conf, NULL, &tls, errors, ERRORS_MAX, &nerrors);
		print_errors(conf->path, errors, nerrors);
	}
	if (!err) {
		tls_store_warn(tls);
		printf("%s: good: %u ports, %u realms, %u trunks, %u routes, %u tables\n",
		       conf->path, conf->nports, conf->nrealms, conf->ntrunks, conf->nroutes,
		       conf->ntables);
	}
	tls_store_drop(tls);
	tables_free(tables);
	conf_free(conf);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int open_log(const struct conf_log *log)
{
	int err = log_open("limen-controlplane", (enum log_level)log_level_from(log->level),
			   (enum log_format)log_format_from(log->format), log->file);

	if (err)
		LOG(ERROR, "core", "the log cannot be opened", LOG_STR("file", log->file),
		    LOG_ERR(err));
	return err;
}

static void on_reload(void *arg)
{
	struct dispatch **dispatch = arg;

	dispatch_reload(*dispatch, NULL, NULL);
}

static int run(struct conf *conf)
{
	static const struct loop_events events = {.reload = on_reload};
	struct dispatch *dispatch = NULL;
	struct loop *loop;
	int err;

	if (cp_privileges_begin(conf) || open_log(&conf->log)) {
		conf_free(conf);
		return EXIT_FAILURE;
	}
	loop = loop_new(&events, &dispatch);
	if (!loop) {
		LOG(ERROR, "core", "the event loop cannot be made");
		conf_free(conf);
		return EXIT_FAILURE;
	}
	LOG(INFO, "core", "limen-controlplane " LIMEN_VERSION, LOG_STR("config", conf->path),
	    LOG_U64("trunks", conf->ntrunks), LOG_U64("routes", conf->nroutes));
	err = dispatch_new(&dispatch, loop_base(loop), conf);
	/* nothing has been read from a network or another process yet */
	if (!err)
		err = cp_privileges_end(conf);
	if (!err)
		err = loop_run(loop);
	dispatch_free(dispatch);
	loop_free(loop);
	if (!err)
		LOG(INFO, "core", "stopped");
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {0};
	int status = read_arguments(argc, argv, &arguments);
	struct conf *conf;

	if (status >= 0)
		return status;
	if (arguments.reference)
		return print_reference();
	privileges_begin();
	conf = load(arguments.config);
	if (!conf)
		return EXIT_FAILURE;
	if (!arguments.check)
		return run(conf);
	return check(conf);
}
