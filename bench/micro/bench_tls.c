/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS in the control plane: what an idle connection takes of memory, and how many new TLS 1.3
 * handshakes a core does, beside `openssl s_server` with the same certificate and client in the same
 * run. Cores are counted by CPU time, so that the client and the rest of the machine do not count.
 *
 *   bench_tls [CONNECTIONS [HANDSHAKES]] */
#include <arpa/inet.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/conf/conf.h"
#include "controlplane/tls/tls.h"
#include "controlplane/transport/transport.h"

#define LIMEN_PORT  45061
#define OTHER_PORT  45062
#define SOURCES	    64 /* client addresses, for the ports there are of one */
#define WARM_UP	    200

static char dir[] = "/tmp/limen-bench-tls-XXXXXX";

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "bench_tls: %s\n", what);
	exit(EXIT_FAILURE);
}

static void make_certificate(void)
{
	char command[512];

	if (!mkdtemp(dir))
		die("no directory");
	snprintf(command, sizeof(command),
		 "cd %s && umask 077 && openssl req -x509 -newkey ec -pkeyopt "
		 "ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 -subj "
		 "/CN=bench -addext basicConstraints=CA:FALSE 2>/dev/null",
		 dir);
	if (system(command) != 0)
		die("no certificate");
}

/* ---- limen ---- */

static int on_message(void *arg, const struct conn_info *from, const struct sip_msg *msg)
{
	return 0;
}

static void on_failed(void *arg, const struct conn_token *token, enum conn_failure failure)
{
}

static enum conn_welcome on_welcome(void *arg, unsigned realm, const struct net_endpoint *peer)
{
	return CONN_KNOWN;
}

static void on_misbehaved(void *arg, const struct conn_info *peer, const char *why)
{
}

static void no_name(void *arg, const struct conn_info *server, char name[TLS_NAME_BYTES_MAX + 1])
{
	name[0] = '\0';
}

static bool no_server(void *arg, const struct conn_info *server, const struct tls_names *names)
{
	return false;
}

static struct conf *make_conf(void)
{
	char path[128], text[1024];
	struct conf *conf;
	FILE *file;

	snprintf(path, sizeof(path), "%s/limen.yaml", dir);
	snprintf(text, sizeof(text),
		 "machine: {workers: [1]}\nports: [{name: p, device: net_null0}]\n"
		 "realms: [{name: r, port: p, addresses: [192.0.2.1/24], kernel_device: d, "
		 "tls_port: 5061, tls: t}]\n"
		 "certificates: [{name: c, chain: %s/cert.pem, key: %s/key.pem}]\n"
		 "tls: [{name: t, certificates: [c]}]\n",
		 dir, dir);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		die("no config");
	conf = conf_load_or_tell(path);
	if (!conf)
		die("the config is wrong");
	return conf;
}

__attribute__((noreturn)) static void serve(void)
{
	static const struct transport_events events = {.message = on_message,
						       .failed = on_failed,
						       .welcome = on_welcome,
						       .misbehaved = on_misbehaved};
	static const struct tls_hooks hooks = {.server_name = no_name, .is_server = no_server};
	const struct transport_limits limits = {.total_max = 100000,
						.source_max = 100000,
						.known_source_max = 100000,
						.message_bytes_max = 65536,
						.output_bytes_max = 1u << 20};
	const struct transport_place place = {
		.local = {.addr.ip = {127, 0, 0, 1}, .port = LIMEN_PORT, .family = NET_IP4},
		.transport = NET_TLS};
	struct event_base *base = event_base_new();
	struct conf_error error = {0};
	struct transport *transport;
	struct tls_store *store;
	struct tls *tls = tls_new(&hooks, NULL);
	unsigned n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	tls_library_start();
	if (tls_store_load(make_conf(), NULL, &store, &error, 1, &n))
		die(error.reason);
	tls_use(tls, store);
	if (transport_new(&transport, base, &limits, &events, NULL))
		die("no transport");
	transport_set_layer(transport, NET_TLS, tls_layer(), tls);
	if (transport_set_places(transport, &place, 1))
		die("cannot listen");
	event_base_dispatch(base);
	exit(EXIT_FAILURE);
}

static pid_t start_limen(void)
{
	pid_t pid = fork();

	if (pid == 0)
		serve();
	return pid;
}

static pid_t start_other(void)
{
	char cert[128], key[128], port[16];
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	snprintf(port, sizeof(port), "%d", OTHER_PORT);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("openssl", "openssl", "s_server", "-accept", port, "-cert", cert, "-key", key,
	       "-tls1_3", "-quiet", "-num_tickets", "1", (char *)NULL);
	_exit(127);
}

/* ---- the client ---- */

static int connect_to(uint16_t port, unsigned number)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
			   from = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 +
							    number % SOURCES)};
	const struct linger reset = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	/* no TIME_WAIT: thousands of them would slow down what comes after */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}

static SSL *shake(SSL_CTX *ctx, uint16_t port, unsigned number)
{
	int fd = connect_to(port, number);
	SSL *ssl = fd >= 0 ? SSL_new(ctx) : NULL;

	if (!ssl || !SSL_set_fd(ssl, fd) || SSL_connect(ssl) != 1)
		return NULL;
	return ssl;
}

static void end(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}

static void wait_for(SSL_CTX *ctx, uint16_t port)
{
	for (unsigned i = 0; i < 500; i++) {
		SSL *ssl = shake(ctx, port, 0);

		ERR_clear_error();
		if (ssl) {
			end(ssl);
			return;
		}
		usleep(10000);
	}
	die("a server does not come up");
}

static double cpu_s(pid_t pid)
{
	struct timespec spent = {0};
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &spent))
		die("no CPU time of the server");
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

/* A second of the server's CPU. */
static double handshakes(SSL_CTX *ctx, pid_t pid, uint16_t port, unsigned n)
{
	double began;

	for (unsigned i = 0; i < WARM_UP; i++)
		end(shake(ctx, port, i));
	began = cpu_s(pid);
	for (unsigned i = 0; i < n; i++) {
		SSL *ssl = shake(ctx, port, i);

		if (!ssl)
			die("a handshake failed");
		end(ssl);
	}
	return n / (cpu_s(pid) - began);
}

static uint64_t rss_bytes(pid_t pid)
{
	unsigned long pages = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		die("no memory of the server");
	fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Each has said something and heard something, so that it has had its buffers. */
static double idle_kib(SSL_CTX *ctx, pid_t pid, unsigned n)
{
	SSL **all = calloc(n, sizeof(SSL *));
	uint64_t before;
	double kib;

	if (!all)
		die("out of memory");
	before = rss_bytes(pid);
	for (unsigned i = 0; i < n; i++) {
		char pong[2];

		all[i] = shake(ctx, LIMEN_PORT, i);
		if (!all[i] || SSL_write(all[i], "\r\n\r\n", 4) != 4 ||
		    SSL_read(all[i], pong, sizeof(pong)) != 2)
			die("a connection failed");
	}
	kib = (double)(rss_bytes(pid) - before) / n / 1024;
	for (unsigned i = 0; i < n; i++)
		end(all[i]);
	free(all);
	return kib;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	unsigned conns = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
	unsigned shakes = argc > 2 ? (unsigned)atoi(argv[2]) : 4000;
	const struct rlimit files = {conns + 1000, conns + 1000};
	double limen = 0, other = 0, kib;
	SSL_CTX *ctx;
	pid_t pids[2];
	char command[128];

	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("not so many files may be open");
	make_certificate();
	pids[0] = start_limen();
	pids[1] = start_other();
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	wait_for(ctx, LIMEN_PORT);
	wait_for(ctx, OTHER_PORT);
	/* in turns, so that what disturbs one disturbs the other */
	for (unsigned i = 0; i < 4; i++) {
		limen += handshakes(ctx, pids[0], LIMEN_PORT, shakes / 4) / 4;
		other += handshakes(ctx, pids[1], OTHER_PORT, shakes / 4) / 4;
	}
	kib = idle_kib(ctx, pids[0], conns);
	printf("tls.handshakes_per_s %.0f\n", limen);
	printf("tls.s_server_handshakes_per_s %.0f\n", other);
	printf("tls.ratio_s_server %.2f\n", limen / other);
	printf("tls.idle_conns %u\n", conns);
	printf("tls.idle_kib %.1f\n", kib);
	stop(pids[0]);
	stop(pids[1]);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	SSL_CTX_free(ctx);
	return system(command) == 0 && kib <= 40 && limen >= 0.7 * other ? EXIT_SUCCESS
									  : EXIT_FAILURE;
}
