/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl: the operator's command. Asks the control plane's socket one question and prints the
 * answer. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/conf/conf.h"
#include "common/log/json.h"
#include "controlplane/ctl/explain.h"
#include "controlplane/ctl/show.h"

#define EXIT_USAGE 2

static const char usage[] =
	"Usage: limenctl [OPTION...] COMMAND\n"
	"  show calls       calls in progress\n"
	"  show call CALL   one of them in full, with the quality of its media\n"
	"  show stats       all counters of both processes\n"
	"  show ports       counters of the network ports\n"
	"  show drops       why packets were dropped (--all: reasons that never came up too)\n"
	"  show trunks      peers of trunks, and whether they answer\n"
	"  show users       who is registered, and where\n"
	"  show registrations  where limen itself is registered\n"
	"  show certificates  limen's certificates for TLS, and how long they are good\n"
	"  show alarms      what is wrong now\n"
	"  show dns         names of peers, and what the DNS says of them\n"
	"  show limits      what each trunk has of its limits, and what was refused\n"
	"  show blocks      blocked sources, learned or set\n"
	"  show connections SIP over TCP: who is connected\n"
	"  disconnect ID    end a connection, named as in `show connections`\n"
	"  block ADDRESS[/BITS] [SECONDS]  drop all SIP from there\n"
	"  unblock ADDRESS[/BITS]          end the blocks in there\n"
	"  hangup CALL      end a call, named as in `show calls`\n"
	"  reload           read the config again\n"
	"  explain FILE     why the SIP message in FILE (-: standard input) would be taken, routed,\n"
	"                   rewritten or refused, and what would go out; nothing of it happens.\n"
	"                   With --config: by that config, which need not be in force\n"
	"Options:\n"
	"  --run-dir DIR    machine.run_dir of the limen that is meant "
	"(default " CONF_RUN_DIR_DEFAULT ")\n"
	"  --config FILE    take it from this config\n"
	"  --socket PATH    or name the socket itself\n"
	"  --from TRUNK     explain: a peer of this trunk sends it\n"
	"  --source ADDR[:PORT], --realm NAME\n"
	"                   explain: it comes from there, in that realm\n"
	"  --json           an array of objects instead of a table\n"
	"  --version, --help\n";

struct arguments {
	char socket[256];
	struct show_options show;
	struct explain_options explain;
};

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "limenctl: %s%s%s\n%s", what, which ? ": " : "", which ? which : "", usage);
	return EXIT_USAGE;
}

/* The socket's path; false when it is too long. */
static bool set_socket(struct arguments *arguments, const char *dir)
{
	int n = snprintf(arguments->socket, sizeof(arguments->socket), "%s/%s", dir,
			 CONF_ADMIN_SOCKET);

	return n > 0 && (size_t)n < sizeof(arguments->socket);
}

static int set_config(struct arguments *arguments, const char *path)
{
	struct conf_error errors[8];
	struct conf *conf;
	unsigned nerrors;
	bool fits;

	if (conf_load(path, &conf, errors, 8, &nerrors)) {
		for (unsigned i = 0; i < nerrors; i++) {
			char line[1024];
			struct cursor out = cursor_on(line, sizeof(line));

			conf_put_error(&out, path, &errors[i]);
			fprintf(stderr, "%.*s\n", (int)out.len, out.buf);
		}
		return EXIT_FAILURE;
	}
	fits = set_socket(arguments, conf->machine.run_dir);
	conf_free(conf);
	return fits ? -1 : usage_error("the path is too long", path);
}

/* Negative: go on; else exit with it. */
static int read_options(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{"run-dir", required_argument, NULL, 'd'}, {"config", required_argument, NULL, 'c'},
		{"socket", required_argument, NULL, 's'},  {"json", no_argument, NULL, 'j'},
		{"from", required_argument, NULL, 'f'},    {"source", required_argument, NULL, 'o'},
		{"realm", required_argument, NULL, 'r'},
		{"all", no_argument, NULL, 'a'},           {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},       {0},
	};
	int option, status = -1;

	set_socket(arguments, CONF_RUN_DIR_DEFAULT);
	while (status < 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			if (!set_socket(arguments, optarg))
				return usage_error("the path is too long", optarg);
			break;
		case 'c':
			status = set_config(arguments, optarg);
			arguments->explain.config = optarg;
			break;
		case 'f':
			arguments->explain.from = optarg;
			break;
		case 'o':
			arguments->explain.source = optarg;
			break;
		case 'r':
			arguments->explain.realm = optarg;
			break;
		case 's':
			if (strlen(optarg) >= sizeof(arguments->socket))
				return usage_error("the path is too long", optarg);
			strcpy(arguments->socket, optarg);
			break;
		case 'j':
			arguments->show.json = true;
			break;
		case 'a':
			arguments->show.all = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case 'v':
			puts("limenctl " LIMEN_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	return status;
}

static bool show_reload(const struct answer *answer, const struct show_options *options, FILE *out)
{
	fputs(options->json ? "[]\n" : "reloaded\n", out);
	return true;
}

static bool show_done(const struct answer *answer, const struct show_options *options, FILE *out)
{
	fputs(options->json ? "[]\n" : "done\n", out);
	return true;
}

static const struct command {
	const char *words[2]; /* the second may be none */
	const char *argument; /* name of the request's member for it, or none */
	const char *more;     /* of one more that may be left out */
	bool (*show)(const struct answer *answer, const struct show_options *options, FILE *out);
} commands[] = {
	{{"show", "call"}, "call", NULL, show_call},
	{{"show", "calls"}, NULL, NULL, show_calls}, {{"show", "stats"}, NULL, NULL, show_stats},
	{{"show", "ports"}, NULL, NULL, show_ports}, {{"show", "drops"}, NULL, NULL, show_drops},
	{{"show", "trunks"}, NULL, NULL, show_trunks},
	{{"show", "users"}, NULL, NULL, show_users},
	{{"show", "registrations"}, NULL, NULL, show_registrations},
	{{"show", "certificates"}, NULL, NULL, show_certificates},
	{{"show", "dns"}, NULL, NULL, show_dns},
	{{"show", "alarms"}, NULL, NULL, show_alarms},
	{{"hangup", NULL}, "call", NULL, show_hangup}, {{"reload", NULL}, NULL, NULL, show_reload},
	{{"show", "limits"}, NULL, NULL, show_limits},
	{{"show", "blocks"}, NULL, NULL, show_blocks},
	{{"show", "connections"}, NULL, NULL, show_connections},
	{{"disconnect", NULL}, "connection", NULL, show_done},
	{{"block", NULL}, "source", "seconds", show_done},
	{{"unblock", NULL}, "source", NULL, show_done},
};

static const struct command *find_command(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];
		int nwords = command->words[1] ? 2 : 1,
		    nall = nwords + (command->argument != NULL);

		if ((argc == nall || (command->more && argc == nall + 1)) &&
		    strcmp(argv[0], command->words[0]) == 0 &&
		    (nwords == 1 || strcmp(argv[1], command->words[1]) == 0))
			return command;
	}
	return NULL;
}

/* `more` NULL: it was left out. */
static int run(const struct command *command, const char *argument, const char *more,
	       const struct arguments *arguments)
{
	char request[1024];
	struct cursor out = cursor_on(request, sizeof(request));
	struct answer answer;
	char name[32];
	bool failed;

	snprintf(name, sizeof(name), "%s%s%s", command->words[0], command->words[1] ? " " : "",
		 command->words[1] ? command->words[1] : "");
	put_char(&out, '{');
	put_json_text(&out, "command", span_str(name));
	if (command->argument)
		put_json_text(&out, command->argument, span_str(argument));
	if (more)
		put_json_text(&out, command->more, span_str(more));
	put_char(&out, '}');
	if (out.full)
		return usage_error("too long", argument);
	client_ask(arguments->socket, cursor_span(&out), &answer);
	failed = answer.error != NULL;
	if (failed)
		fprintf(stderr, "limenctl: %s\n", answer.error);
	if (answer.details && *answer.details)
		fprintf(stderr, "%s\n", answer.details);
	if (!failed && !command->show(&answer, &arguments->show, stdout)) {
		fputs("limenctl: out of memory\n", stderr);
		failed = true;
	}
	answer_free(&answer);
	return failed || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.show.now_unix_ns = clock_real_ns()};
	int status = read_options(argc, argv, &arguments);
	const struct command *command;
	int first;

	if (status >= 0)
		return status;
	if (optind == argc)
		return usage_error("no command", NULL);
	if (strcmp(argv[optind], "explain") == 0 && argc - optind == 2) {
		arguments.explain.socket = arguments.socket;
		arguments.explain.message = argv[optind + 1];
		arguments.explain.json = arguments.show.json;
		return explain_message(&arguments.explain);
	}
	command = find_command(argc - optind, argv + optind);
	if (!command)
		return usage_error("no such command", argv[optind]);
	first = optind + (command->words[1] ? 2 : 1);
	return run(command, first < argc ? argv[first] : NULL,
		   first + 1 < argc ? argv[first + 1] : NULL, &arguments);
}
