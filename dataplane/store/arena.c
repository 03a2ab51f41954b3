/* SPDX-License-Identifier: BSD-3-Clause */
/* The arena's file: laid out, created, checked and taken over at start, marked clean at the end.
 * Runs on the thread that starts the worker; nothing here is on a packet's way. */
#include "dataplane/store/slab.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ARENA_MAGIC	 0x316172656e616d6cull /* "lmanera1" */
#define ARENA_FORMAT	 1u
#define ARENA_LINE	 64u
#define ARENA_NAME_BYTES 32u
#define ARENA_BYTES_MAX	 (1ull << 40)

enum arena_state {
	ARENA_CLEAN = 0x6e61656c, /* closed in order */
	ARENA_DIRTY = 0x74726964, /* in use, or its process died */
};

/* Where one slab lies: offsets from the mapping's start. */
struct arena_dir {
	char name[ARENA_NAME_BYTES];
	uint32_t record_bytes;
	uint32_t capacity;
	uint32_t version;
	uint32_t pad;
	uint64_t head;
	uint64_t generations;
	uint64_t next_free;
	uint64_t records;
};

/* At the start of the file. `magic` is written last at creation, so a file that was never finished
 * is not taken over. */
struct arena_header {
	uint64_t magic;
	uint32_t format;
	uint32_t nslabs;
	uint64_t layout; /* hash of the slab definitions, in order */
	uint64_t bytes;	 /* of the whole file */
	uint64_t check;	 /* hash of all that stays the same, itself left out */
	uint32_t state;	 /* enum arena_state */
	uint32_t pad;
	uint64_t attaches; /* times it was taken over */
	uint64_t pad2;
	struct arena_dir slabs[ARENA_SLABS_MAX];
};
_Static_assert(sizeof(struct arena_header) <= 4096, "one page");
_Static_assert(sizeof(struct arena_dir) == 80, "part of the file format");

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	/* FNV-1a: against accidents and other versions, not against forgers; the file is 0600. */
	while (len--)
		hash = (hash ^ *at++) * 0x100000001b3ull;
	return hash;
}

static uint64_t hash_u64(uint64_t hash, uint64_t value)
{
	return hash_bytes(hash, &value, sizeof(value));
}

static uint64_t header_check(const struct arena_header *header)
{
	uint64_t hash = hash_u64(0xcbf29ce484222325ull, header->format);

	hash = hash_u64(hash, header->nslabs);
	hash = hash_u64(hash, header->layout);
	hash = hash_u64(hash, header->bytes);
	return hash_bytes(hash, header->slabs, sizeof(header->slabs));
}

static uint64_t line_up(uint64_t offset)
{
	return (offset + ARENA_LINE - 1) & ~(uint64_t)(ARENA_LINE - 1);
}

/* Lay the slabs out one after another: the header that a sound file of this layout must hold.
 * `page_bytes` rounds the size. */
static int arena_plan(struct arena_header *plan, const struct arena_slab_def *defs, unsigned ndefs,
		      size_t page_bytes)
{
	uint64_t at = line_up(sizeof(*plan));
	uint64_t layout = 0xcbf29ce484222325ull;

	memset(plan, 0, sizeof(*plan));
	if (ndefs == 0 || ndefs > ARENA_SLABS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < ndefs; i++) {
		const struct arena_slab_def *def = &defs[i];
		struct arena_dir *dir = &plan->slabs[i];
		size_t name_len = def->name ? strlen(def->name) : 0;

		if (name_len == 0 || name_len >= ARENA_NAME_BYTES || def->record_bytes == 0 ||
		    def->record_bytes % 8)
			return -EINVAL;
		memcpy(dir->name, def->name, name_len);
		dir->record_bytes = def->record_bytes;
		dir->capacity = def->capacity;
		dir->version = def->version;
		dir->head = at;
		dir->generations = at + sizeof(struct slab_head);
		dir->next_free =
			line_up(dir->generations + (uint64_t)def->capacity * sizeof(uint32_t));
		dir->records = line_up(dir->next_free + (uint64_t)def->capacity * sizeof(uint32_t));
		at = line_up(dir->records + (uint64_t)def->capacity * def->record_bytes);
		if (at > ARENA_BYTES_MAX)
			return -EFBIG;
		layout = hash_bytes(layout, dir->name, sizeof(dir->name));
		layout = hash_u64(layout, dir->record_bytes);
		layout = hash_u64(layout, dir->capacity);
		layout = hash_u64(layout, dir->version);
	}
	plan->magic = ARENA_MAGIC;
	plan->format = ARENA_FORMAT;
	plan->nslabs = ndefs;
	plan->layout = layout;
	plan->bytes = (at + page_bytes - 1) / page_bytes * page_bytes;
	plan->check = header_check(plan);
	plan->state = ARENA_DIRTY;
	return 0;
}

/* Why a file cannot be taken over, or NULL when it can. */
static const char *header_refuse(const struct arena_header *found, const struct arena_header *plan)
{
	if (found->magic != ARENA_MAGIC)
		return "not an arena, or never finished";
	if (found->format != ARENA_FORMAT)
		return "another format version";
	if (found->check != header_check(found))
		return "header damaged";
	if (found->state != ARENA_CLEAN && found->state != ARENA_DIRTY)
		return "header damaged";
	if (found->layout != plan->layout || found->nslabs != plan->nslabs)
		return "layout changed";
	if (found->bytes != plan->bytes ||
	    memcmp(found->slabs, plan->slabs, sizeof(plan->slabs)) != 0)
		return "layout changed";
	return NULL;
}

/* Open or create the file; it must be ours alone. */
static int file_open(const char *path, struct stat *st, const char **why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	int err;

	if (fd < 0) {
		err = errno;
		*why = err == ELOOP    ? "is a symbolic link"
		       : err == ENOENT ? "directory missing"
				       : "cannot be opened";
		return -err;
	}
	if (fstat(fd, st) < 0) {
		err = errno;
		*why = "cannot be examined";
	} else if (!S_ISREG(st->st_mode)) {
		err = EINVAL;
		*why = "is not a regular file";
	} else if (st->st_uid != geteuid() || st->st_nlink != 1) {
		err = EPERM;
		*why = "belongs to another user, or has a second name";
	} else if ((st->st_mode & 077) != 0) {
		err = EPERM;
		*why = "is open to others than its owner";
	} else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = errno == EWOULDBLOCK ? EBUSY : errno;
		*why = "is in use by another process";
	} else {
		return fd;
	}
	close(fd);
	return -err;
}

/* The size of the pages that the file is made of. */
static size_t file_page_bytes(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC)
		return (size_t)fs.f_bsize;
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Give the file all its pages now: when /dev/shm or the huge pages run out, that is an error here
 * and not a SIGBUS in the middle of a call. */
static int file_reserve(int fd, uint64_t bytes, const char **why)
{
	int err;

	do {
		err = fallocate(fd, 0, 0, (off_t)bytes) < 0 ? errno : 0;
	} while (err == EINTR);
	if (err == EOPNOTSUPP)
		err = posix_fallocate(fd, 0, (off_t)bytes);
	if (err == ENOSPC || err == ENOMEM)
		*why = "not enough space: the file system of state_dir is too small or full";
	else if (err)
		*why = "space cannot be reserved";
	return -err;
}

static int file_renew(int fd, uint64_t bytes, const char **why)
{
	int err;

	/* Through 0, so that every byte reads as zero. */
	if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)bytes) < 0) {
		err = -errno;
		*why = err == -EFBIG ? "larger than a file may be" : "cannot be resized";
	} else {
		err = file_reserve(fd, bytes, why);
	}
	if (err)
		(void)!ftruncate(fd, 0);
	return err;
}

/* Fault every page in, for writing. */
static int pages_touch(void *base, size_t bytes)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE);

#ifdef MADV_POPULATE_WRITE
	if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
#endif
	for (size_t at = 0; at < bytes; at += step) {
		volatile uint8_t *byte = (uint8_t *)base + at;

		*byte = *byte;
	}
	return 0;
}

static int arena_map(struct arena *arena, size_t bytes, const char **why)
{
	void *base;

	if (arena->fd < 0)
		base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	else
		base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, arena->fd, 0);
	if (base == MAP_FAILED) {
		int err = -errno;

		*why = "cannot be mapped: not enough memory or huge pages";
		return err;
	}
	/* Refused where it makes no sense (hugetlbfs, kernels without): no loss. */
	(void)madvise(base, bytes, MADV_HUGEPAGE);
	(void)madvise(base, bytes, MADV_DONTDUMP);
	arena->base = base;
	arena->bytes = bytes;
	return 0;
}

static void arena_bind(struct arena *arena)
{
	const struct arena_header *header = arena->base;
	uint8_t *base = arena->base;

	arena->nslabs = header->nslabs;
	for (unsigned i = 0; i < header->nslabs; i++) {
		const struct arena_dir *dir = &header->slabs[i];

		arena->slabs[i] = (struct slab){
			.records = base + dir->records,
			.generations = (uint32_t *)(base + dir->generations),
			.next_free = (uint32_t *)(base + dir->next_free),
			.head = (struct slab_head *)(base + dir->head),
			.record_bytes = dir->record_bytes,
			.capacity = dir->capacity,
		};
	}
}

/* The mapping is zero: write the header, magic last. */
static void arena_begin(struct arena *arena, const struct arena_header *plan)
{
	struct arena_header *header = arena->base;

	*header = *plan;
	header->magic = 0;
	arena_bind(arena);
	for (unsigned i = 0; i < arena->nslabs; i++)
		arena->slabs[i].head->free_head = SLAB_INDEX_NONE;
	__atomic_store_n(&header->magic, ARENA_MAGIC, __ATOMIC_RELEASE);
}

/* Take the file over: lists and counts are made anew even after a clean end, which costs
 * milliseconds and leaves one way to begin instead of two. */
static void arena_attach(struct arena *arena)
{
	struct arena_header *header = arena->base;

	header->state = ARENA_DIRTY;
	header->attaches++;
	arena_bind(arena);
	for (unsigned i = 0; i < arena->nslabs; i++)
		slab_rebuild(&arena->slabs[i]);
	arena->attached = true;
}

/* Decide between attach and a fresh start, and map. Leaves the mapping to the caller's cleanup. */
static int arena_start_file(struct arena *arena, const struct arena_header *plan,
			    uint64_t file_bytes, bool cold, const char **why)
{
	bool sound = false;
	int err;

	if (cold) {
		*why = file_bytes ? "cold start asked for" : "new";
	} else if (file_bytes == 0) {
		*why = "new";
	} else if (file_bytes < sizeof(struct arena_header)) {
		*why = "file truncated";
	} else {
		/* A file of another size cannot be of this layout; of the same size it is mapped
		 * and looked at. */
		struct arena_header found;

		if (pread(arena->fd, &found, sizeof(found), 0) != (ssize_t)sizeof(found)) {
			*why = "cannot be read";
		} else {
			*why = header_refuse(&found, plan);
			if (!*why && file_bytes != plan->bytes)
				*why = "file truncated";
			sound = !*why;
			if (sound)
				*why = found.state == ARENA_CLEAN ? "attached, clean"
								  : "attached, not closed in order";
		}
	}
	if (sound)
		err = file_reserve(arena->fd, plan->bytes, why);
	else
		err = file_renew(arena->fd, plan->bytes, why);
	if (!err)
		err = arena_map(arena, plan->bytes, why);
	if (err)
		return err;
	if (sound)
		arena_attach(arena);
	else
		arena_begin(arena, plan);
	return 0;
}

int arena_open(struct arena *arena, const char *path, const struct arena_slab_def *defs,
	       unsigned ndefs, bool cold, bool touch, const char **why)
{
	struct arena_header plan;
	struct stat st;
	const char *unused;
	int err;

	if (!why)
		why = &unused;
	*why = "new";
	memset(arena, 0, sizeof(*arena));
	arena->fd = -1;
	if (path) {
		int fd = file_open(path, &st, why);

		if (fd < 0)
			return fd;
		arena->fd = fd;
	}
	err = arena_plan(&plan, defs, ndefs,
			 path ? file_page_bytes(arena->fd) : (size_t)sysconf(_SC_PAGESIZE));
	if (err) {
		*why = err == -EFBIG ? "larger than an arena may be"
				     : "slab definition out of range";
		goto fail;
	}
	if (path) {
		err = arena_start_file(arena, &plan, (uint64_t)st.st_size, cold, why);
	} else {
		err = arena_map(arena, plan.bytes, why);
		if (!err)
			arena_begin(arena, &plan);
	}
	if (err)
		goto fail;
	if (touch) {
		err = pages_touch(arena->base, arena->bytes);
		if (err) {
			*why = "not enough memory for its pages";
			goto fail;
		}
	}
	for (unsigned i = 0; i < arena->nslabs; i++)
		slab_poison_dead(&arena->slabs[i]);
	return 0;

fail:
	if (arena->base)
		munmap(arena->base, arena->bytes);
	if (arena->fd >= 0)
		close(arena->fd);
	memset(arena, 0, sizeof(*arena));
	arena->fd = -1;
	return err;
}

void arena_close(struct arena *arena)
{
	struct arena_header *header = arena->base;

	if (!header)
		return;
	for (unsigned i = 0; i < arena->nslabs; i++)
		slab_unpoison(&arena->slabs[i]);
	__atomic_store_n(&header->state, ARENA_CLEAN, __ATOMIC_RELEASE);
	munmap(arena->base, arena->bytes);
	if (arena->fd >= 0)
		close(arena->fd);
	memset(arena, 0, sizeof(*arena));
	arena->fd = -1;
}
