/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL arguments and log. Main thread; DPDK's own threads may log too. */
#include "dataplane/io/eal.h"

#include "common/log/log.h"
#include "dataplane/io/device.h"

#include <dlfcn.h>
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <stdlib.h>
#include <unistd.h>

#define ARGS_MAX (32u + 2 * CONF_PORTS_MAX)

/* One line of DPDK's being put together: it may write a line in several pieces. */
static struct {
	char line[512];
	size_t len;
	char error[512];
	bool is_running;
} dpdk_log;

static void end_line(void)
{
	struct span line = span_trim(span_of(dpdk_log.line, dpdk_log.len));
	unsigned level = (unsigned)rte_log_cur_msg_loglevel();

	dpdk_log.len = 0;
	if (!line.len)
		return;
	/* The first complaint tells most: those behind it say only that something failed. */
	if (level <= RTE_LOG_ERR && !dpdk_log.error[0])
		snprintf(dpdk_log.error, sizeof(dpdk_log.error), "%.*s", SPAN_FMT(line));
	/* While starting, what a user has to know we say ourselves. */
	if (level <= RTE_LOG_ERR && dpdk_log.is_running)
		LOG(WARN, "dpdk", "reported by DPDK", LOG_SPAN("text", line));
	else
		LOG(DEBUG, "dpdk", "reported by DPDK", LOG_SPAN("text", line));
}

static ssize_t take_log(void *cookie, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (dpdk_log.len < sizeof(dpdk_log.line))
			dpdk_log.line[dpdk_log.len++] = bytes[i];
		if (bytes[i] == '\n')
			end_line();
	}
	return (ssize_t)len;
}

const char *eal_error(void)
{
	return dpdk_log.error[0] ? dpdk_log.error : "no reason given";
}

void eal_forget_error(void)
{
	dpdk_log.error[0] = '\0';
}

void eal_is_running(bool is_running)
{
	dpdk_log.is_running = is_running;
}

static void route_log(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = take_log});

	if (!stream)
		return;
	setvbuf(stream, NULL, _IOLBF, 0);
	rte_openlog_stream(stream);
}

#define XDP_LOG_INFO 1 /* of warn, info, debug, in both */

/* What libbpf and libxdp, which net_af_xdp brings along, would write to stderr. Both have a printer
 * of this shape. */
static int print_xdp(int level, const char *fmt, va_list args)
{
	char text[512];
	int len;

	if (level > XDP_LOG_INFO)
		return 0;
	len = vsnprintf(text, sizeof(text), fmt, args);
	LOG(DEBUG, "xdp", "reported by the AF_XDP libraries",
	    LOG_SPAN("text", span_trim(span_str(text))));
	return len;
}

typedef int xdp_printer(int level, const char *fmt, va_list args);
typedef xdp_printer *xdp_set_printer(xdp_printer *printer);

static void route_xdp_log(void)
{
	static const char *const libraries[][2] = {
		{"libbpf.so.1", "libbpf_set_print"},
		{"libxdp.so.1", "libxdp_set_print"},
	};

	for (unsigned i = 0; i < 2; i++) {
		void *library = dlopen(libraries[i][0], RTLD_NOW | RTLD_NOLOAD);
		xdp_set_printer *set = NULL;

		if (!library)
			continue;
		*(void **)&set = dlsym(library, libraries[i][1]);
		if (set)
			set(print_xdp);
		dlclose(library); /* the driver holds it */
	}
}

struct args {
	unsigned n;
	char *list[ARGS_MAX];
};

__attribute__((format(printf, 2, 3))) static void add_arg(struct args *args, const char *fmt, ...)
{
	va_list ap;

	if (args->n >= ARGS_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&args->list[args->n], fmt, ap) < 0)
		args->list[args->n] = NULL;
	va_end(ap);
	args->n += args->list[args->n] != NULL;
}

static void add_lcores(struct args *args, const struct conf_machine *machine)
{
	char text[16 * (CONF_WORKERS_MAX + 1)];
	int at = snprintf(text, sizeof(text), "--lcores=0@%u", machine->main_cpu);

	for (unsigned w = 0; w < machine->nworkers; w++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, ",%u@%u", w + 1,
			       machine->workers[w]);
	add_arg(args, "%s", text);
	add_arg(args, "--main-lcore=0");
}

static void make_args(struct args *args, const struct conf *conf, enum machine_memory memory)
{
	bool pci = false;

	add_arg(args, "limen-dataplane");
	add_lcores(args, &conf->machine);
	if (memory == MEMORY_HUGEPAGES) {
		/* Anonymous, so nothing stays behind in a hugetlbfs whatever end the process comes
		 * to. */
		add_arg(args, "--in-memory");
	} else {
		/* In 22.11 this is legacy memory: it goes neither with --in-memory nor without a
		 * size. */
		add_arg(args, "--no-huge");
		add_arg(args, "-m%u", conf->machine.memory_mb);
		add_arg(args, "--no-shconf");
	}
	add_arg(args, "--file-prefix=limen-%d", (int)getpid());
	add_arg(args, "--no-telemetry");
	add_arg(args, "--log-level=*:warning");
	for (unsigned i = 0; i < conf->nports; i++) {
		struct device device;
		const char *why;

		if (device_parse(conf->ports[i].device, &device, &why) != 0 ||
		    device.kind != DEVICE_PCI)
			continue;
		pci = true;
		add_arg(args, "--allow=%s", conf->ports[i].device);
	}
	if (!pci) {
		add_arg(args, "--no-pci");
		add_arg(args, "--iova-mode=va"); /* without it, plain memory is cut into pages that
						    AF_XDP cannot use */
	}
}

int eal_start(const struct conf *conf, enum machine_memory memory, struct fault *fault)
{
	struct args args = {.n = 0};
	char *argv[ARGS_MAX + 1];
	int err = 0;

	route_log();
	make_args(&args, conf, memory);
	/* EAL permutes its arguments. */
	memcpy(argv, args.list, sizeof(args.list[0]) * args.n);
	argv[args.n] = NULL;
	if (rte_eal_init((int)args.n, argv) < 0) {
		err = rte_errno ? -rte_errno : -EIO;
		fault_set(fault, err, "machine: DPDK does not start: %s (%s)", eal_error(),
			  strerror(-err));
	}
	for (unsigned i = 0; i < args.n; i++)
		free(args.list[i]);
	if (!err)
		route_xdp_log(); /* the drivers are loaded now */
	return err;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
