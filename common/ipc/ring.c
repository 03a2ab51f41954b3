/* SPDX-License-Identifier: BSD-3-Clause */
/* The rings between the processes. Both processes; each end has one thread.
 *
 * A frame is a head of 8 bytes (length, type) and the bytes, padded to 8. As the ring's size is a
 * multiple of 8 too, a head never wraps; the bytes may, and are copied in two pieces. */
#include "common/ipc/ring.h"

#include "common/ipc/ipc_msg.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_BYTES 4096u /* words of both directions: the data begins on a page */
#define FRAME_HEAD  8u
#define SEALS       (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

_Static_assert(RING_DIRECTIONS * sizeof(struct ring_words) <= WORDS_BYTES, "both fit the page");
_Static_assert(RING_BYTES_MIN >= 2 * (FRAME_HEAD + IPC_FRAME_MAX),
	       "the largest frame always fits an empty ring");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "works between processes");

static inline uint32_t padded(uint32_t len)
{
	return (len + 7) & ~7u;
}

bool ring_bytes_valid(uint32_t ring_bytes)
{
	return ring_bytes >= RING_BYTES_MIN && ring_bytes <= RING_BYTES_MAX &&
	       (ring_bytes & (ring_bytes - 1)) == 0;
}

size_t ring_memfd_bytes(uint32_t ring_bytes)
{
	return WORDS_BYTES + (size_t)RING_DIRECTIONS * ring_bytes;
}

int ring_memfd_make(uint32_t ring_bytes)
{
	int fd, err;

	if (!ring_bytes_valid(ring_bytes))
		return -EINVAL;
	fd = memfd_create("limen-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)ring_memfd_bytes(ring_bytes)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* A hugetlbfs memfd can be sealed too, but touching it is SIGBUS once the peer has let the reserve
 * of pages run dry. The words' small page gives the file a size that no hugetlbfs file can have. */
static int check_memfd(int memfd, uint32_t ring_bytes)
{
	struct stat st;
	int seals = fcntl(memfd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EPROTO;
	if (fstat(memfd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != (off_t)ring_memfd_bytes(ring_bytes))
		return -EPROTO;
	return 0;
}

int ring_map(int memfd, uint32_t ring_bytes, bool populate, void **map)
{
	void *ptr;
	int err;

	if (!ring_bytes_valid(ring_bytes))
		return -EPROTO;
	err = check_memfd(memfd, ring_bytes);
	if (err)
		return err;
	ptr = mmap(NULL, ring_memfd_bytes(ring_bytes), PROT_READ | PROT_WRITE,
		   MAP_SHARED | (populate ? MAP_POPULATE : 0), memfd, 0);
	if (ptr == MAP_FAILED)
		return errno == EPERM || errno == EACCES ? -EPROTO : -errno;
	*map = ptr;
	return 0;
}

void ring_unmap(void *map, uint32_t ring_bytes)
{
	munmap(map, ring_memfd_bytes(ring_bytes));
}

static struct ring_words *words_of(void *map, enum ring_direction direction)
{
	return (struct ring_words *)map + direction;
}

static char *data_of(void *map, uint32_t ring_bytes, enum ring_direction direction)
{
	return (char *)map + WORDS_BYTES + (size_t)direction * ring_bytes;
}

void ring_writer_init(struct ring_writer *writer, void *map, uint32_t ring_bytes,
		      enum ring_direction direction)
{
	*writer = (struct ring_writer){
		.words = words_of(map, direction),
		.data = data_of(map, ring_bytes, direction),
		.bytes = ring_bytes,
	};
}

void ring_reader_init(struct ring_reader *reader, void *map, uint32_t ring_bytes,
		      enum ring_direction direction)
{
	*reader = (struct ring_reader){
		.words = words_of(map, direction),
		.data = data_of(map, ring_bytes, direction),
		.bytes = ring_bytes,
	};
}

/* Read how far the reader is. It can only have moved on, by whole frames, and not past us. */
static int refresh_tail(struct ring_writer *writer)
{
	uint64_t tail = atomic_load_explicit(&writer->words->tail, memory_order_acquire);

	if (tail - writer->tail_seen > writer->head - writer->tail_seen || tail % FRAME_HEAD != 0) {
		writer->broken = true;
		return -EPROTO;
	}
	writer->tail_seen = tail;
	return 0;
}

static uint32_t room(const struct ring_writer *writer)
{
	return writer->bytes - (uint32_t)(writer->head - writer->tail_seen);
}

static void copy_in(struct ring_writer *writer, uint64_t pos, const void *ptr, uint32_t len)
{
	uint32_t off = (uint32_t)pos & (writer->bytes - 1);
	uint32_t first = len < writer->bytes - off ? len : writer->bytes - off;

	memcpy(writer->data + off, ptr, first);
	if (first < len)
		memcpy(writer->data, (const char *)ptr + first, len - first);
}

/* Length of all parts, or -1 when no frame can hold them. */
static int64_t parts_len(const struct span *parts, unsigned nparts)
{
	uint64_t len = 0;

	for (unsigned i = 0; i < nparts; i++) {
		if (parts[i].len > IPC_FRAME_MAX - len)
			return -1;
		len += parts[i].len;
	}
	return (int64_t)len;
}

int ring_write(struct ring_writer *writer, uint16_t type, const struct span *parts, unsigned nparts)
{
	int64_t len = parts_len(parts, nparts);
	uint64_t head, pos;
	uint32_t need;

	if (writer->broken)
		return -EPROTO;
	if (len < 0)
		return -EMSGSIZE;
	need = FRAME_HEAD + padded((uint32_t)len);
	if (room(writer) < need) {
		int err = refresh_tail(writer);

		if (err)
			return err;
		if (room(writer) < need)
			return -EAGAIN;
	}
	head = (uint64_t)len | (uint64_t)type << 32;
	__atomic_store_n((uint64_t *)(writer->data + (writer->head & (writer->bytes - 1))), head,
			 __ATOMIC_RELAXED);
	pos = writer->head + FRAME_HEAD;
	for (unsigned i = 0; i < nparts; i++) {
		if (parts[i].len)
			copy_in(writer, pos, parts[i].ptr, (uint32_t)parts[i].len);
		pos += parts[i].len;
	}
	writer->head += need;
	/* Sequentially consistent, as are the other three accesses of the sleep protocol: of this
	 * store and the reader's of `sleeping` one is first, so either the reader sees the frame or
	 * ring_writer_wakes sees the sleeper. */
	atomic_store_explicit(&writer->words->head, writer->head, memory_order_seq_cst);
	return 0;
}

bool ring_writer_wakes(struct ring_writer *writer)
{
	return atomic_load_explicit(&writer->words->sleeping, memory_order_seq_cst) &&
	       atomic_exchange_explicit(&writer->words->sleeping, 0, memory_order_seq_cst);
}

/* Take in how far the writer is: never back, by whole frames, and not over what is unread. */
static int accept_head(struct ring_reader *reader, uint64_t head)
{
	if (head - reader->tail > reader->bytes ||
	    head - reader->tail < reader->head_seen - reader->tail || head % FRAME_HEAD != 0) {
		reader->broken = true;
		return -EPROTO;
	}
	reader->head_seen = head;
	return 0;
}

static void copy_out(const struct ring_reader *reader, uint64_t pos, void *ptr, uint32_t len)
{
	uint32_t off = (uint32_t)pos & (reader->bytes - 1);
	uint32_t first = len < reader->bytes - off ? len : reader->bytes - off;

	memcpy(ptr, reader->data + off, first);
	if (first < len)
		memcpy((char *)ptr + first, reader->data, len - first);
}

int ring_read(struct ring_reader *reader, void *frame, uint16_t *type, uint32_t *len)
{
	uint64_t head;
	uint32_t frame_len;

	if (reader->broken)
		return -EPROTO;
	if (reader->tail == reader->head_seen) {
		head = atomic_load_explicit(&reader->words->head, memory_order_acquire);
		if (accept_head(reader, head))
			return -EPROTO;
		if (reader->tail == reader->head_seen)
			return 0;
	}
	/* One look at the head: the peer may change the bytes between two. */
	head = __atomic_load_n(
		(const uint64_t *)(reader->data + (reader->tail & (reader->bytes - 1))),
		__ATOMIC_RELAXED);
	frame_len = (uint32_t)head;
	if (frame_len > IPC_FRAME_MAX || head >> 48 != 0 ||
	    FRAME_HEAD + padded(frame_len) > reader->head_seen - reader->tail) {
		reader->broken = true;
		return -EPROTO;
	}
	copy_out(reader, reader->tail + FRAME_HEAD, frame, frame_len);
	reader->tail += FRAME_HEAD + padded(frame_len);
	atomic_store_explicit(&reader->words->tail, reader->tail, memory_order_release);
	*len = frame_len;
	*type = (uint16_t)(head >> 32);
	return 1;
}

bool ring_reader_sleeps(struct ring_reader *reader)
{
	uint64_t head;

	if (reader->broken || reader->tail != reader->head_seen)
		return false;
	atomic_store_explicit(&reader->words->sleeping, 1, memory_order_seq_cst);
	head = atomic_load_explicit(&reader->words->head, memory_order_seq_cst);
	if (head == reader->tail)
		return true;
	ring_reader_woke(reader);
	return false;
}

void ring_reader_woke(struct ring_reader *reader)
{
	atomic_store_explicit(&reader->words->sleeping, 0, memory_order_relaxed);
}
