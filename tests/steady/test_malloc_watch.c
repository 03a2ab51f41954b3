/* SPDX-License-Identifier: BSD-3-Clause */
/* That the watch sees what it is for: run with it preloaded, a thread called like a worker does
 * each thing that is counted, and one that is not called so does the same unseen. A watch that sees
 * nothing would pass every program. Argument: the report's path, as in MALLOC_WATCH_FILE. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond);         \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static _Atomic unsigned step; /* what the threads have been told to have done */
static _Atomic unsigned done[2];
static void *volatile keep;

static void misbehave(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
	unsigned word = 0;

	keep = malloc(10);
	keep = realloc(keep, 100);
	free(keep);
	keep = calloc(1, 10);
	free(keep);
	keep = aligned_alloc(64, 64);
	free(keep);
	keep = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(keep, 4096);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	pthread_rwlock_rdlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	syscall(SYS_futex, &word, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
	syscall(SYS_getppid);
}

static void *run(void *arg)
{
	unsigned worker = arg != NULL;

	/* As DPDK does, and as a program may: named once it runs, SIGUSR2 blocked. */
	pthread_setname_np(pthread_self(), worker ? "rte-worker-1" : "main-like");
	for (unsigned n = 1;; n++) {
		while (atomic_load(&step) < n)
			;
		/* The second time a worker behaves. */
		if (n == 1 || !worker)
			misbehave();
		atomic_store(&done[worker], n);
	}
	return NULL;
}

static void pause_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000l}, NULL);
}

/* Ask for a report and return its line. */
static char *report(const char *path, unsigned number)
{
	static char line[1024];
	char head[32];

	snprintf(head, sizeof(head), "interval %u ", number);
	kill(getpid(), SIGUSR2);
	for (unsigned i = 0; i < 2000; i++, pause_ms(5)) {
		FILE *file = fopen(path, "re");

		while (file && fgets(line, sizeof(line), file))
			if (strncmp(line, head, strlen(head)) == 0) {
				fclose(file);
				return line;
			}
		if (file)
			fclose(file);
	}
	CHECK(!"a report within 10 s");
	return NULL;
}

static void go(unsigned n)
{
	atomic_store(&step, n);
	while (atomic_load(&done[0]) < n || atomic_load(&done[1]) < n)
		pause_ms(1);
}

int main(int argc, char **argv)
{
	static const char all[] =
		"malloc=1 calloc=1 realloc=1 free=3 memalign=1 mmap=1 munmap=1 rte_malloc=0 "
		"rte_free=0 mutex_lock=1 rwlock=1 futex=1 syscall=1\n";
	static const char none[] =
		"malloc=0 calloc=0 realloc=0 free=0 memalign=0 mmap=0 munmap=0 rte_malloc=0 "
		"rte_free=0 mutex_lock=0 rwlock=0 futex=0 syscall=0\n";
	pthread_t threads[2];
	const char *line;
	sigset_t set;

	CHECK(argc == 2);
	unlink(argv[1]);
	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (long i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, run, (void *)i) == 0);
	CHECK(strstr(report(argv[1], 0), none));
	go(1);
	line = report(argv[1], 1);
	CHECK(strstr(line, all) && strstr(line, " workers=1 "));
	go(2);
	CHECK(strstr(report(argv[1], 2), none));
	return 0;
}
