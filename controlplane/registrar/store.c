/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings on disk: one SQLite file, one thread that writes. The connection is the loop's until the
 * thread begins, then the thread's alone. */
#include "controlplane/registrar/store.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>


#define BATCH_ROWS  8192u
#define BATCH_BYTES (4u * 1024u * 1024u)
#define BUSY_MS     2000
#define SCHEMA_VERSION 3

enum row_kind { ROW_PUT, ROW_DROP };

struct row {
	uint8_t kind; /* enum row_kind */
	struct binding binding; /* its texts lie in the batch's */
};

struct store {
	const struct store_events *events;
	void *arg;
	sqlite3 *db;
	sqlite3_stmt *put, *drop, *begin, *commit, *rollback;

	struct row rows[BATCH_ROWS]; /* the loop's while idle, else the thread's */
	unsigned nrows;
	char *texts;
	uint32_t ntexts;
	bool idle; /* the loop's */

	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	bool go, stop; /* under the lock */
	bool good;     /* of the last batch */
	struct store_stats stats; /* under the lock */
	int told_fd;
	struct event *told;
};

static int errno_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
	case SQLITE_ERROR:
	case SQLITE_MISMATCH:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int run(sqlite3 *db, const char *sql)
{
	return errno_of(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static int prepare(struct store *store, sqlite3_stmt **statement, const char *sql)
{
	return errno_of(sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement,
					   NULL));
}

static int user_version(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return version;
}

/* Which flow of which instance a binding is (RFC 5626): earlier versions did not keep it. */
static int add_flows(struct store *store)
{
	return run(store->db, "BEGIN;"
			      "ALTER TABLE binding ADD COLUMN instance INTEGER NOT NULL DEFAULT 0;"
			      "ALTER TABLE binding ADD COLUMN regid INTEGER NOT NULL DEFAULT 0;"
			      "ALTER TABLE binding ADD COLUMN transport INTEGER NOT NULL DEFAULT 0;"
			      "PRAGMA user_version=3;"
			      "COMMIT");
}

static int make_tables(struct store *store)
{
	int err = run(store->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");

	if (err)
		return err;
	switch (user_version(store->db)) {
	case SCHEMA_VERSION:
		return 0;
	case 2:
		return add_flows(store);
	case 1: /* without what limen answers itself */
		err = run(store->db,
			   "BEGIN;"
			   "ALTER TABLE binding ADD COLUMN core INTEGER NOT NULL DEFAULT 0;"
			   "ALTER TABLE binding ADD COLUMN callid INTEGER NOT NULL DEFAULT 0;"
			   "ALTER TABLE binding ADD COLUMN cseq INTEGER NOT NULL DEFAULT 0;"
			   "ALTER TABLE binding ADD COLUMN q INTEGER NOT NULL DEFAULT 1000;"
			   "ALTER TABLE binding ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;"
			   "UPDATE binding SET core=expires;"
			   "PRAGMA user_version=2;"
			   "COMMIT");
		return err ? err : add_flows(store);
	case 0:
		return run(store->db,
			   "BEGIN;"
			   "CREATE TABLE binding(id BLOB PRIMARY KEY, trunk TEXT NOT NULL,"
			   " user BLOB NOT NULL, contact TEXT NOT NULL, source TEXT NOT NULL,"
			   " expires INTEGER NOT NULL, since INTEGER NOT NULL,"
			   " core INTEGER NOT NULL, callid INTEGER NOT NULL, cseq INTEGER NOT NULL,"
			   " q INTEGER NOT NULL, flags INTEGER NOT NULL,"
			   " instance INTEGER NOT NULL, regid INTEGER NOT NULL,"
			   " transport INTEGER NOT NULL) WITHOUT ROWID;"
			   "CREATE TABLE token_key(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
			   "PRAGMA user_version=3;"
			   "COMMIT");
	default:
		return -EINVAL; /* another program's, or a later version's */
	}
}

/* The file's key, or ours into it. */
static int share_key(struct store *store, struct hash_key key[2])
{
	const size_t bytes = 2 * sizeof(key[0]);
	sqlite3_stmt *get = NULL, *set = NULL;
	int err = prepare(store, &get, "SELECT bytes FROM token_key WHERE id=1");

	if (!err && sqlite3_step(get) == SQLITE_ROW) {
		if ((size_t)sqlite3_column_bytes(get, 0) != bytes)
			err = -EINVAL;
		else
			memcpy(key, sqlite3_column_blob(get, 0), bytes);
	} else if (!err) {
		err = prepare(store, &set, "INSERT INTO token_key VALUES(1, ?)");
		if (!err)
			err = errno_of(sqlite3_bind_blob(set, 1, key, (int)bytes, SQLITE_STATIC));
		if (!err)
			err = errno_of(sqlite3_step(set));
	}
	sqlite3_finalize(get);
	sqlite3_finalize(set);
	return err;
}

static struct span column(sqlite3_stmt *statement, int at)
{
	const void *bytes = sqlite3_column_blob(statement, at);

	return span_of(bytes, (size_t)sqlite3_column_bytes(statement, at));
}

/* Rows that make no sense are left out: somebody else wrote them. */
static void tell_row(struct store *store, sqlite3_stmt *get)
{
	struct span id = column(get, 0);
	struct binding binding = {
		.trunk = column(get, 1),
		.user = column(get, 2),
		.contact = column(get, 3),
		.expires_s = (uint64_t)sqlite3_column_int64(get, 5),
		.since_s = (uint64_t)sqlite3_column_int64(get, 6),
		.core_s = (uint64_t)sqlite3_column_int64(get, 7),
		.call_id = (uint64_t)sqlite3_column_int64(get, 8),
		.cseq = (uint32_t)sqlite3_column_int64(get, 9),
		.q = (uint16_t)sqlite3_column_int(get, 10),
		.flags = (uint16_t)sqlite3_column_int(get, 11),
		.instance = (uint64_t)sqlite3_column_int64(get, 12),
		.reg_id = (uint32_t)sqlite3_column_int64(get, 13),
		.transport = (uint8_t)sqlite3_column_int(get, 14),
	};

	if (id.len != sizeof(binding.id) || !binding.trunk.len || binding.trunk.len > 255 ||
	    binding.user.len > 255 || !binding.contact.len ||
	    binding.contact.len > BINDING_CONTACT_MAX || binding.transport >= NET_TRANSPORTS ||
	    net_endpoint_parse(column(get, 4), 0, &binding.source))
		return;
	memcpy(&binding.id, id.ptr, sizeof(binding.id));
	store->events->loaded(store->arg, &binding);
}

static int load(struct store *store, uint64_t now_s)
{
	sqlite3_stmt *drop = NULL, *get = NULL;
	int code, err = prepare(store, &drop, "DELETE FROM binding WHERE expires<=?");

	if (!err)
		err = errno_of(sqlite3_bind_int64(drop, 1, (sqlite3_int64)now_s));
	if (!err)
		err = errno_of(sqlite3_step(drop));
	if (!err)
		err = prepare(store, &get,
			      "SELECT id,trunk,user,contact,source,expires,since,core,callid,cseq,q,"
			      "flags,instance,regid,transport FROM binding");
	while (!err && (code = sqlite3_step(get)) != SQLITE_DONE) {
		err = errno_of(code);
		if (!err)
			tell_row(store, get);
	}
	sqlite3_finalize(drop);
	sqlite3_finalize(get);
	return err;
}

static int write_put(struct store *store, const struct binding *b)
{
	char source[64];
	struct cursor c = cursor_on(source, sizeof(source));
	sqlite3_stmt *put = store->put;

	put_endpoint(&c, &b->source);
	sqlite3_bind_blob(put, 1, &b->id, sizeof(b->id), SQLITE_STATIC);
	sqlite3_bind_text(put, 2, b->trunk.ptr, (int)b->trunk.len, SQLITE_STATIC);
	sqlite3_bind_blob(put, 3, b->user.ptr, (int)b->user.len, SQLITE_STATIC);
	sqlite3_bind_text(put, 4, b->contact.ptr, (int)b->contact.len, SQLITE_STATIC);
	sqlite3_bind_text(put, 5, source, (int)c.len, SQLITE_STATIC);
	sqlite3_bind_int64(put, 6, (sqlite3_int64)b->expires_s);
	sqlite3_bind_int64(put, 7, (sqlite3_int64)b->since_s);
	sqlite3_bind_int64(put, 8, (sqlite3_int64)b->core_s);
	sqlite3_bind_int64(put, 9, (sqlite3_int64)b->call_id);
	sqlite3_bind_int64(put, 10, (sqlite3_int64)b->cseq);
	sqlite3_bind_int(put, 11, b->q);
	sqlite3_bind_int(put, 12, b->flags);
	sqlite3_bind_int64(put, 13, (sqlite3_int64)b->instance);
	sqlite3_bind_int64(put, 14, (sqlite3_int64)b->reg_id);
	sqlite3_bind_int(put, 15, b->transport);
	return errno_of(sqlite3_step(put));
}

static int write_drop(struct store *store, const struct binding_id *id)
{
	sqlite3_bind_blob(store->drop, 1, id, sizeof(*id), SQLITE_STATIC);
	return errno_of(sqlite3_step(store->drop));
}

static int step(sqlite3_stmt *statement)
{
	int err = errno_of(sqlite3_step(statement));

	sqlite3_reset(statement);
	return err;
}

static int write_batch(struct store *store)
{
	int err = step(store->begin);

	for (unsigned i = 0; i < store->nrows && !err; i++) {
		const struct row *row = &store->rows[i];

		err = row->kind == ROW_PUT ? write_put(store, &row->binding)
					   : write_drop(store, &row->binding.id);
		sqlite3_reset(store->put);
		sqlite3_reset(store->drop);
	}
	if (!err)
		err = step(store->commit);
	if (err)
		(void)step(store->rollback);
	return err;
}

static void *writer(void *arg)
{
	struct store *store = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&store->lock);
	for (;;) {
		int err;

		while (!store->go && !store->stop)
			pthread_cond_wait(&store->work, &store->lock);
		if (!store->go)
			break;
		pthread_mutex_unlock(&store->lock);
		err = write_batch(store);
		pthread_mutex_lock(&store->lock);
		store->go = false;
		store->good = !err;
		store->stats.batches++;
		store->stats.rows += err ? 0 : store->nrows;
		store->stats.failures += err != 0;
		pthread_cond_signal(&store->done);
		(void)!write(store->told_fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

/* The batch is the loop's again, and empty if it was written. */
static void take_back(struct store *store, bool good)
{
	if (!good)
		return;
	store->nrows = 0;
	store->ntexts = 0;
	store->idle = true;
}

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	struct store *store = arg;
	uint64_t count;
	bool good, going;

	(void)!read(fd, &count, sizeof(count));
	pthread_mutex_lock(&store->lock);
	good = store->good;
	going = store->go;
	pthread_mutex_unlock(&store->lock);
	if (going || store->idle)
		return; /* store_wait was here before */
	take_back(store, good);
	store->events->written(store->arg, good);
}

bool store_wait(struct store *store)
{
	if (store->idle)
		return true;
	pthread_mutex_lock(&store->lock);
	while (store->go)
		pthread_cond_wait(&store->done, &store->lock);
	take_back(store, store->good);
	pthread_mutex_unlock(&store->lock);
	return store->idle;
}

static int open_db(struct store *store, const char *path, uint64_t now_s, struct hash_key key[2])
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	mode_t was = umask(0117); /* who reads it knows where every user is */
	int err = errno_of(sqlite3_open_v2(path, &store->db, flags, NULL));

	if (!err)
		err = errno_of(sqlite3_busy_timeout(store->db, BUSY_MS));
	if (!err)
		err = make_tables(store);
	umask(was);
	if (!err)
		err = share_key(store, key);
	if (!err)
		err = load(store, now_s);
	if (!err)
		err = prepare(store, &store->put,
			      "INSERT OR REPLACE INTO binding VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
	if (!err)
		err = prepare(store, &store->drop, "DELETE FROM binding WHERE id=?");
	if (!err)
		err = prepare(store, &store->begin, "BEGIN");
	if (!err)
		err = prepare(store, &store->commit, "COMMIT");
	return err ? err : prepare(store, &store->rollback, "ROLLBACK");
}

static int start_thread(struct store *store, struct event_base *base)
{
	store->told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (store->told_fd < 0)
		return -errno;
	store->told = event_new(base, store->told_fd, EV_READ | EV_PERSIST, on_told, store);
	if (!store->told || event_add(store->told, NULL))
		return -ENOMEM;
	if (pthread_create(&store->thread, NULL, writer, store))
		return -EAGAIN;
	store->running = true;
	return 0;
}

int store_open(struct store **out, struct event_base *base, const char *path, uint64_t now_s,
	       struct hash_key key[2], const struct store_events *events, void *arg)
{
	struct store *store = calloc(1, sizeof(*store));
	int err;

	*out = NULL;
	if (!store)
		return -ENOMEM;
	store->events = events;
	store->arg = arg;
	store->told_fd = -1;
	store->idle = true;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->work, NULL);
	pthread_cond_init(&store->done, NULL);
	store->texts = malloc(BATCH_BYTES);
	err = store->texts ? open_db(store, path, now_s, key) : -ENOMEM;
	if (!err)
		err = start_thread(store, base);
	if (err) {
		store_close(store);
		return err;
	}
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->running) {
		pthread_mutex_lock(&store->lock);
		store->stop = true;
		pthread_cond_signal(&store->work);
		pthread_mutex_unlock(&store->lock);
		pthread_join(store->thread, NULL);
	}
	if (store->told)
		event_free(store->told);
	if (store->told_fd >= 0)
		close(store->told_fd);
	sqlite3_finalize(store->put);
	sqlite3_finalize(store->drop);
	sqlite3_finalize(store->begin);
	sqlite3_finalize(store->commit);
	sqlite3_finalize(store->rollback);
	sqlite3_close(store->db);
	pthread_cond_destroy(&store->work);
	pthread_cond_destroy(&store->done);
	pthread_mutex_destroy(&store->lock);
	free(store->texts);
	free(store);
}

bool store_idle(const struct store *store)
{
	return store->idle;
}

static struct span keep(struct store *store, struct span text)
{
	char *at = store->texts + store->ntexts;

	if (text.len)
		memcpy(at, text.ptr, text.len);
	store->ntexts += (uint32_t)text.len;
	return span_of(at, text.len);
}

bool store_put(struct store *store, const struct binding *binding)
{
	size_t bytes = binding->trunk.len + binding->user.len + binding->contact.len;
	struct row *row = &store->rows[store->nrows];

	if (store->nrows == BATCH_ROWS || bytes > BATCH_BYTES - store->ntexts)
		return false;
	*row = (struct row){ROW_PUT, *binding};
	row->binding.trunk = keep(store, binding->trunk);
	row->binding.user = keep(store, binding->user);
	row->binding.contact = keep(store, binding->contact);
	store->nrows++;
	return true;
}

bool store_drop(struct store *store, const struct binding_id *id)
{
	if (store->nrows == BATCH_ROWS)
		return false;
	store->rows[store->nrows++] = (struct row){ROW_DROP, {.id = *id}};
	return true;
}

void store_go(struct store *store)
{
	if (!store->nrows)
		return;
	store->idle = false;
	pthread_mutex_lock(&store->lock);
	store->go = true;
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
}

void store_stats(struct store *store, struct store_stats *stats)
{
	pthread_mutex_lock(&store->lock);
	*stats = store->stats;
	pthread_mutex_unlock(&store->lock);
}
