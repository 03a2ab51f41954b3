/* SPDX-License-Identifier: BSD-3-Clause */
/* LD_PRELOAD library that counts what a worker must not do on a packet's way: allocate, map, take a
 * lock. Watches the threads that are called like DPDK's workers ("rte-worker-1", in other versions
 * "lcore-worker-1") or "worker-..."; the others pass unseen.
 *
 * MALLOC_WATCH_FILE names the report (without it nothing is watched), MALLOC_WATCH_ONLY the one
 * program to watch. Each SIGUSR2, and the end of the program, adds the counts since the one before:
 *   interval 1 pid=4711 workers=2 malloc=0 calloc=0 ...
 * and below it, for the first few, who called. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* X(name in the report) */
#define WATCHED(X)                                                                                 \
	X(malloc)                                                                                  \
	X(calloc) X(realloc) X(free) X(memalign) X(mmap) X(munmap) X(rte_malloc) X(rte_free)       \
		X(mutex_lock) X(rwlock) X(futex) X(syscall)

enum watched {
#define X(name) WATCH_##name,
	WATCHED(X)
#undef X
		WATCH_END,
};

#define SAMPLES 16u
#define DEPTH   14

struct sample {
	_Atomic bool whole;
	enum watched what;
	int depth;
	void *callers[DEPTH];
};

static const char *report_path;
static sem_t asked;
static _Atomic unsigned long counts[WATCH_END];
static struct sample samples[SAMPLES];
static _Atomic unsigned nsamples;

/* glibc's own, under the names that nobody interposes. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void __libc_free(void *ptr);
extern void *__libc_memalign(size_t align, size_t size);

static bool is_worker_name(const char *name)
{
	static const char *const begins[] = {"rte-worker", "lcore-worker", "worker-"};

	for (unsigned i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

/* A thread gets its name some time after it has begun, so that only yes is remembered. */
static bool is_worker(void)
{
	static _Thread_local bool yes;
	char name[16] = "";

	if (!report_path)
		return false;
	if (!yes && prctl(PR_GET_NAME, name) == 0)
		yes = is_worker_name(name);
	return yes;
}

static void watch(enum watched what)
{
	static _Thread_local bool inside; /* backtrace and its like are ours, not the worker's */
	unsigned at;

	if (inside || !is_worker())
		return;
	inside = true;
	atomic_fetch_add(&counts[what], 1);
	at = atomic_load(&nsamples) < SAMPLES ? atomic_fetch_add(&nsamples, 1) : SAMPLES;
	if (at < SAMPLES) {
		samples[at].what = what;
		samples[at].depth = backtrace(samples[at].callers, DEPTH);
		atomic_store(&samples[at].whole, true);
	}
	inside = false;
}

static void *next(const char *symbol)
{
	void *found = dlsym(RTLD_NEXT, symbol);

	if (!found) {
		fprintf(stderr, "malloc_watch: no %s to pass on to\n", symbol);
		abort();
	}
	return found;
}

/* The next definition of a function, looked up once. */
#define NEXT(type, symbol)                                                                         \
	({                                                                                         \
		static type *next_;                                                                \
		if (!next_)                                                                        \
			next_ = (type *)next(symbol);                                              \
		next_;                                                                             \
	})

void *malloc(size_t size)
{
	watch(WATCH_malloc);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	watch(WATCH_calloc);
	return __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
	watch(WATCH_realloc);
	return __libc_realloc(ptr, size);
}

void free(void *ptr)
{
	if (ptr)
		watch(WATCH_free);
	__libc_free(ptr);
}

void *memalign(size_t align, size_t size)
{
	watch(WATCH_memalign);
	return __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	watch(WATCH_memalign);
	return __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	void *ptr;

	watch(WATCH_memalign);
	if (align % sizeof(void *) || (align & (align - 1)) || align == 0)
		return EINVAL;
	ptr = __libc_memalign(align, size);
	if (!ptr)
		return ENOMEM;
	*out = ptr;
	return 0;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	typedef void *mmap_fn(void *, size_t, int, int, int, off_t);

	watch(WATCH_mmap);
	return NEXT(mmap_fn, "mmap")(addr, len, prot, flags, fd, off);
}

int munmap(void *addr, size_t len)
{
	typedef int munmap_fn(void *, size_t);

	watch(WATCH_munmap);
	return NEXT(munmap_fn, "munmap")(addr, len);
}

/* DPDK's heap, where it is a shared library: its functions are called by name then. */
void *rte_malloc(const char *type, size_t size, unsigned align);
void *rte_zmalloc(const char *type, size_t size, unsigned align);
void rte_free(void *ptr);

void *rte_malloc(const char *type, size_t size, unsigned align)
{
	typedef void *rte_malloc_fn(const char *, size_t, unsigned);

	watch(WATCH_rte_malloc);
	return NEXT(rte_malloc_fn, "rte_malloc")(type, size, align);
}

void *rte_zmalloc(const char *type, size_t size, unsigned align)
{
	typedef void *rte_malloc_fn(const char *, size_t, unsigned);

	watch(WATCH_rte_malloc);
	return NEXT(rte_malloc_fn, "rte_zmalloc")(type, size, align);
}

void rte_free(void *ptr)
{
	typedef void rte_free_fn(void *);

	if (ptr)
		watch(WATCH_rte_free);
	NEXT(rte_free_fn, "rte_free")(ptr);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	typedef int mutex_fn(pthread_mutex_t *);

	watch(WATCH_mutex_lock);
	return NEXT(mutex_fn, "pthread_mutex_lock")(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	typedef int mutex_fn(pthread_mutex_t *);

	watch(WATCH_mutex_lock);
	return NEXT(mutex_fn, "pthread_mutex_trylock")(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	typedef int rwlock_fn(pthread_rwlock_t *);

	watch(WATCH_rwlock);
	return NEXT(rwlock_fn, "pthread_rwlock_rdlock")(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	typedef int rwlock_fn(pthread_rwlock_t *);

	watch(WATCH_rwlock);
	return NEXT(rwlock_fn, "pthread_rwlock_wrlock")(lock);
}

/* System calls by number. Those behind libc's own names, and the futex inside its locks, are for
 * strace to see. */
long syscall(long number, ...)
{
	typedef long syscall_fn(long, ...);
	long args[6];
	va_list list;

	va_start(list, number);
	for (unsigned i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	watch(number == SYS_futex ? WATCH_futex : WATCH_syscall);
	return NEXT(syscall_fn, "syscall")(number, args[0], args[1], args[2], args[3], args[4],
					   args[5]);
}

/* Worker threads alive: without any, counts of nothing prove nothing. */
static unsigned count_workers(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned workers = 0;
	struct dirent *task;

	while (tasks && (task = readdir(tasks))) {
		char path[300], name[16] = "";
		FILE *comm;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
		comm = fopen(path, "re");
		if (!comm)
			continue;
		if (fgets(name, sizeof(name), comm))
			workers += is_worker_name(name);
		fclose(comm);
	}
	if (tasks)
		closedir(tasks);
	return workers;
}

static void print_sample(FILE *report, const struct sample *sample)
{
	static const char *const names[] = {
#define X(name) #name,
		WATCHED(X)
#undef X
	};
	char **callers = backtrace_symbols(sample->callers, sample->depth);

	fprintf(report, "  %s called from\n", names[sample->what]);
	/* The first two are ours. */
	for (int i = 2; callers && i < sample->depth; i++)
		fprintf(report, "    %s\n", callers[i]);
	free(callers);
}

static void write_report(void)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	static unsigned interval;
	FILE *report;
	unsigned many;

	pthread_mutex_lock(&one_at_a_time);
	report = fopen(report_path, "ae");
	if (report) {
		/* One write for the whole line: who waits for it sees all of it. */
		setvbuf(report, NULL, _IOFBF, 1 << 16);
		fprintf(report, "interval %u pid=%d workers=%u", interval++, (int)getpid(),
			count_workers());
#define X(name) fprintf(report, " " #name "=%lu", atomic_exchange(&counts[WATCH_##name], 0));
		WATCHED(X)
#undef X
		fprintf(report, "\n");
		many = atomic_load(&nsamples);
		for (unsigned i = 0; i < many && i < SAMPLES; i++)
			if (atomic_exchange(&samples[i].whole, false))
				print_sample(report, &samples[i]);
		atomic_store(&nsamples, 0);
		fclose(report);
	}
	pthread_mutex_unlock(&one_at_a_time);
}

static void on_signal(int number)
{
	sem_post(&asked);
}

/* Writes reports, and takes the signal where the program has blocked it in its own threads. */
static void *run_writer(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	for (;;)
		if (sem_wait(&asked) == 0)
			write_report();
	return NULL;
}

__attribute__((constructor)) static void start_watch(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	void *warm[1];
	pthread_t writer;
	sigset_t all, old;
	const char *only = getenv("MALLOC_WATCH_ONLY");

	if (!getenv("MALLOC_WATCH_FILE") ||
	    (only && strcmp(only, program_invocation_short_name) != 0))
		return;
	backtrace(warm, 1); /* loads what it needs now, not in a worker */
	sem_init(&asked, 0, 0);
	sigaction(SIGUSR2, &action, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&writer, NULL, run_writer, NULL)) {
		fprintf(stderr, "malloc_watch: no thread to report with\n");
		abort();
	}
	pthread_setname_np(writer, "malloc-watch");
	pthread_detach(writer);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	report_path = getenv("MALLOC_WATCH_FILE");
}

__attribute__((destructor)) static void end_watch(void)
{
	if (report_path)
		write_report();
}
