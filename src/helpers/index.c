/* index.c -- sluice-index: keeps index.db with SQLite; log/index_proto.h is what it does.
 *
 * It has its channel and one open file, and no way to another: SQLite's own file system
 * is left out for one that knows nothing but that file.  Its journal is in memory: the
 * caller marks the file before it is written to, and takes the mark away when a COMMIT is
 * durable; an index that was cut off is made anew. */
#include "helpers/index_vfs.h"
#include "log/index_proto.h"
#include "log/le.h"
#include "priv/helper.h"
#include "priv/role.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HITS_FRAME = 1000 };

static const int calls[] = {
	SYS_recvmsg,        SYS_sendmsg,   SYS_poll,          SYS_ppoll,
	SYS_read,           SYS_pread64,   SYS_pwrite64,      SYS_fstat,
	SYS_newfstatat,     SYS_ftruncate, SYS_fdatasync,     SYS_lseek,
	SYS_close,          SYS_mmap,      SYS_munmap,        SYS_mremap,
	SYS_mprotect,       SYS_madvise,   SYS_brk,           SYS_futex,
	SYS_getrandom,      SYS_getpid,    SYS_clock_gettime, SYS_rt_sigreturn,
	SYS_rt_sigprocmask, SYS_exit,      SYS_exit_group,    SYS_restart_syscall,
};

static const struct sl_role role = {
	.name = "sluice-index",
	.calls = calls,
	.n_calls = sizeof(calls) / sizeof(calls[0]),
	.max_memory = (uint64_t)512 << 20,
	.dies_with_parent = true,
	.has_files = true,
};

static const struct sl_chan_op accepted[] = {
	/* safe because it says how far the file is */
	{ SL_INDEX_STATE, 0, 0 },
	/* safe because the file is derived */
	{ SL_INDEX_RESET, 32, 0 },
	/* safe because fields are bounded and bound as values, never put into a query */
	{ SL_INDEX_ROWS, SL_INDEX_FRAME_MAX, 0 },
	{ SL_INDEX_COMMIT, 40, 0 },
	{ SL_INDEX_QUERY, SL_INDEX_QUERY_MIN + 4 * SL_INDEX_TEXT_MAX, 0 },
};

/* --- the tables --- */

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta(one INTEGER PRIMARY KEY CHECK(one = 1), name BLOB,"
    " upto INTEGER, seal BLOB);"
    "CREATE TABLE IF NOT EXISTS e(tree INTEGER, idx INTEGER, ms INTEGER, pos INTEGER, id "
    "BLOB,"
    " run BLOB, ctx BLOB, payload BLOB, kind TEXT, iss TEXT, sub TEXT, verdict TEXT,"
    " PRIMARY KEY(tree, idx)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS e_ms ON e(ms);"
    "CREATE INDEX IF NOT EXISTS e_pos ON e(pos);"
    "CREATE INDEX IF NOT EXISTS e_kind ON e(kind, pos);"
    "CREATE INDEX IF NOT EXISTS e_run ON e(run) WHERE run IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS e_ctx ON e(ctx) WHERE ctx IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS e_payload ON e(payload) WHERE payload IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS e_iss ON e(iss, pos);"
    "CREATE INDEX IF NOT EXISTS e_sub ON e(sub);"
    "CREATE INDEX IF NOT EXISTS e_verdict ON e(verdict, pos) WHERE verdict IS NOT NULL;";

struct index {
	sqlite3 *db;
	sqlite3_stmt *put, *forget;
	struct sl_chan chan;
	struct sl_buf room, out;
	bool in_batch;
	int rc; /* first failure of SQLite since the last answer */
};

static bool
did(struct index *x, int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
		return true;
	if (x->rc == 0)
		x->rc = rc;
	return false;
}

static bool
exec(struct index *x, const char *sql)
{
	return did(x, sqlite3_exec(x->db, sql, NULL, NULL, NULL));
}

static void
shut(struct index *x)
{
	sqlite3_finalize(x->put);
	sqlite3_finalize(x->forget);
	x->put = x->forget = NULL;
	sqlite3_close(x->db);
	x->db = NULL;
}

static bool
open_db(struct index *x)
{
	static const char settings[] =
	    "PRAGMA journal_mode=MEMORY; PRAGMA temp_store=MEMORY; PRAGMA "
	    "synchronous=OFF;"
	    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA secure_delete=ON; PRAGMA "
	    "cache_size=-16384; PRAGMA trusted_schema=OFF;";

	x->rc = 0;
	if (!did(x, sqlite3_open_v2("index.db", &x->db,
				    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					SQLITE_OPEN_NOMUTEX,
				    "one")))
		return false;
	(void)sqlite3_db_config(x->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return exec(x, settings) && exec(x, schema) &&
	       did(x,
		   sqlite3_prepare_v2(
		       x->db, "INSERT OR REPLACE INTO e VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
		       -1, &x->put, NULL)) &&
	       did(x, sqlite3_prepare_v2(x->db,
					 "UPDATE e SET ctx=NULL, verdict=NULL WHERE "
					 "payload=?",
					 -1, &x->forget, NULL));
}

/* --- fields --- */

struct text {
	const char *p;
	int n;
};

static bool
take_text(struct sl_slice *s, struct text *ret)
{
	size_t n;

	if (s->len < 2)
		return false;
	n = (size_t)s->p[0] | (size_t)s->p[1] << 8;
	if (n > SL_INDEX_TEXT_MAX || s->len - 2 < n)
		return false;
	ret->p = (const char *)s->p + 2;
	ret->n = (int)n;
	*s = sl_slice_skip(*s, 2 + n);
	return true;
}

static void
bind_blob(struct index *x, sqlite3_stmt *q, int at, const uint8_t *p, bool has)
{
	(void)did(x, has ? sqlite3_bind_blob(q, at, p, 32, SQLITE_STATIC)
			 : sqlite3_bind_null(q, at));
}

static void
bind_text(struct index *x, sqlite3_stmt *q, int at, const struct text *t, bool null_empty)
{
	(void)did(x, null_empty && t->n == 0
			 ? sqlite3_bind_null(q, at)
			 : sqlite3_bind_text(q, at, t->p, t->n, SQLITE_STATIC));
}

static void
run_once(struct index *x, sqlite3_stmt *q)
{
	(void)did(x, sqlite3_step(q));
	(void)sqlite3_reset(q);
	(void)sqlite3_clear_bindings(q);
}

/* false: not a row. */
static bool
take_row(struct index *x, struct sl_slice *s)
{
	const uint8_t *p = s->p;
	struct text t[4];
	uint8_t flags;

	if (s->len < SL_INDEX_ROW_MIN)
		return false;
	flags = p[28];
	*s = sl_slice_skip(*s, SL_INDEX_ROW_MIN - 8);
	for (int i = 0; i < 4; i++)
		if (!take_text(s, &t[i]))
			return false;
	if ((flags & SL_INDEX_FORGET) != 0) {
		bind_blob(x, x->forget, 1, p + 125, true);
		run_once(x, x->forget);
	}
	(void)did(x, sqlite3_bind_int64(x->put, 1, sl_get32(p)));
	(void)did(x, sqlite3_bind_int64(x->put, 2, (sqlite3_int64)sl_get64(p + 4)));
	(void)did(x, sqlite3_bind_int64(x->put, 3, (sqlite3_int64)sl_get64(p + 12)));
	(void)did(x, sqlite3_bind_int64(x->put, 4, (sqlite3_int64)sl_get64(p + 20)));
	bind_blob(x, x->put, 5, p + 29, true);
	bind_blob(x, x->put, 6, p + 61, (flags & SL_INDEX_HAS_RUN) != 0);
	bind_blob(x, x->put, 7, p + 93, (flags & SL_INDEX_HAS_CONTEXT) != 0);
	bind_blob(x, x->put, 8, p + 125, (flags & SL_INDEX_HAS_PAYLOAD) != 0);
	for (int i = 0; i < 4; i++)
		bind_text(x, x->put, 9 + i, &t[i], i == 3);
	run_once(x, x->put);
	return true;
}

/* --- what is asked --- */

static int
answer(struct index *x, uint16_t op)
{
	struct sl_err err = { 0 };

	return sl_chan_send(&x->chan, op, sl_buf_get(&x->out), NULL, 0, &err);
}

static int
done(struct index *x)
{
	int rc = x->rc;

	sl_buf_clear(&x->out);
	sl_buf_byte(&x->out, rc == 0 ? 0
			     : rc == SQLITE_FULL || (rc & 0xff) == SQLITE_IOERR
				 ? SL_INDEX_UNWRITTEN
				 : SL_INDEX_DAMAGED);
	x->rc = 0;
	return answer(x, SL_INDEX_DONE);
}

static int
do_state(struct index *x)
{
	uint8_t b[SL_INDEX_STATE_LEN] = { 0 };
	sqlite3_stmt *q = NULL;

	if (x->db != NULL &&
	    did(x, sqlite3_prepare_v2(x->db, "SELECT name, upto, seal FROM meta", -1, &q,
				      NULL)) &&
	    sqlite3_step(q) == SQLITE_ROW && sqlite3_column_bytes(q, 0) == 32 &&
	    sqlite3_column_bytes(q, 2) == 32) {
		b[0] = 1;
		sl_le64(b + 1, (uint64_t)sqlite3_column_int64(q, 1));
		memcpy(b + 9, sqlite3_column_blob(q, 2), 32);
		memcpy(b + 41, sqlite3_column_blob(q, 0), 32);
	}
	sqlite3_finalize(q);
	x->rc = 0; /* a file that says nothing is begun anew */
	sl_buf_clear(&x->out);
	sl_buf_put(&x->out, b, sizeof(b));
	return answer(x, SL_INDEX_STATE);
}

static int
do_reset(struct index *x, struct sl_slice body)
{
	sqlite3_stmt *q = NULL;

	if (body.len != 32)
		return -1;
	shut(x);
	x->in_batch = false;
	if (ftruncate(INDEX_FD, 0) < 0)
		x->rc = SQLITE_IOERR;
	else if (open_db(x) && exec(x, "BEGIN") &&
		 did(x, sqlite3_prepare_v2(x->db,
					   "INSERT INTO meta VALUES(1,?,0,zeroblob(32))",
					   -1, &q, NULL))) {
		x->in_batch = true;
		bind_blob(x, q, 1, body.p, true);
		run_once(x, q);
	}
	sqlite3_finalize(q);
	return done(x);
}

static int
do_rows(struct index *x, struct sl_slice body)
{
	if (x->db == NULL)
		x->rc = SQLITE_CORRUPT;
	else if (!x->in_batch)
		x->in_batch = exec(x, "BEGIN");
	while (body.len > 0 && x->rc == 0)
		if (!take_row(x, &body))
			return -1;
	return done(x);
}

static int
do_commit(struct index *x, struct sl_slice body)
{
	sqlite3_stmt *q = NULL;

	if (body.len != 40)
		return -1;
	if (x->db == NULL)
		x->rc = SQLITE_CORRUPT;
	else if (!x->in_batch)
		(void)exec(x, "BEGIN");
	if (x->rc == 0 &&
	    did(x, sqlite3_prepare_v2(x->db, "UPDATE meta SET upto=?, seal=?", -1, &q,
				      NULL))) {
		(void)did(x, sqlite3_bind_int64(q, 1, (sqlite3_int64)sl_get64(body.p)));
		bind_blob(x, q, 2, body.p + 8, true);
		run_once(x, q);
	}
	sqlite3_finalize(q);
	if (x->rc == 0 && exec(x, "COMMIT") && fdatasync(INDEX_FD) < 0)
		x->rc = SQLITE_IOERR;
	x->in_batch = false;
	return done(x);
}

/* Only the conditions that are asked for, so that their index is used; values are bound.
 */
static sqlite3_stmt *
prepare_query(struct index *x, const uint8_t *p, const struct text t[4])
{
	static const char *const names[] = { "kind = ?8", "iss = ?9",
					     "sub >= ?10 AND sub < ?11",
					     "verdict = ?12" };
	uint8_t flags = p[4];
	char sql[512];
	sqlite3_stmt *q = NULL;
	int n =
	    snprintf(sql, sizeof(sql),
		     "SELECT tree, idx, id FROM e WHERE ms >= ?2 AND ms < ?3%s%s%s",
		     flags & SL_INDEX_HAS_TREE ? " AND tree = ?1" : "",
		     flags & SL_INDEX_HAS_RUN ? " AND run BETWEEN ?4 AND ?5" : "",
		     flags & SL_INDEX_HAS_CONTEXT ? " AND ctx BETWEEN ?6 AND ?7" : "");

	for (int i = 0; i < 4; i++)
		if (t[i].n > 0)
			n += snprintf(sql + n, sizeof(sql) - (size_t)n, " AND %s",
				      names[i]);
	(void)snprintf(sql + n, sizeof(sql) - (size_t)n, " ORDER BY pos DESC LIMIT ?13");
	(void)did(x, sqlite3_prepare_v2(x->db, sql, -1, &q, NULL));
	return q;
}

/* A parameter that the query does not have is not bound. */
static void
maybe(struct index *x, int rc)
{
	if (rc != SQLITE_RANGE)
		(void)did(x, rc);
}

static void
bind_query(struct index *x, sqlite3_stmt *q, const uint8_t *p, const struct text t[4],
	   struct text *end)
{
	maybe(x, sqlite3_bind_int64(q, 1, sl_get32(p + 5)));
	maybe(x, sqlite3_bind_int64(q, 2, (sqlite3_int64)sl_get64(p + 9)));
	maybe(x, sqlite3_bind_int64(q, 3, (sqlite3_int64)sl_get64(p + 17)));
	for (int i = 0; i < 4; i++)
		maybe(x, sqlite3_bind_blob(q, 4 + i, p + 25 + 32 * i, 32, SQLITE_STATIC));
	maybe(x, sqlite3_bind_text(q, 8, t[0].p, t[0].n, SQLITE_STATIC));
	maybe(x, sqlite3_bind_text(q, 9, t[1].p, t[1].n, SQLITE_STATIC));
	maybe(x, sqlite3_bind_text(q, 10, t[2].p, t[2].n, SQLITE_STATIC));
	maybe(x, sqlite3_bind_text(q, 11, end->p, end->n, SQLITE_STATIC));
	maybe(x, sqlite3_bind_text(q, 12, t[3].p, t[3].n, SQLITE_STATIC));
	maybe(x, sqlite3_bind_int64(q, 13, sl_get32(p)));
}

static int
hits(struct index *x, sqlite3_stmt *q)
{
	size_t n = 0;

	sl_buf_clear(&x->out);
	while (did(x, sqlite3_step(q)) && sqlite3_data_count(q) > 0) {
		uint8_t h[SL_INDEX_HIT] = { 0 };

		if (sqlite3_column_bytes(q, 2) != 32) {
			x->rc = SQLITE_CORRUPT;
			break;
		}
		sl_le32(h, (uint32_t)sqlite3_column_int64(q, 0));
		sl_le64(h + 4, (uint64_t)sqlite3_column_int64(q, 1));
		memcpy(h + 12, sqlite3_column_blob(q, 2), 32);
		sl_buf_put(&x->out, h, sizeof(h));
		if (++n % HITS_FRAME == 0) {
			if (answer(x, SL_INDEX_HITS) < 0)
				return -1;
			sl_buf_clear(&x->out);
		}
	}
	return x->out.len > 0 && x->rc == 0 ? answer(x, SL_INDEX_HITS) : 0;
}

static int
do_query(struct index *x, struct sl_slice body)
{
	static char after[SL_INDEX_TEXT_MAX + 4];
	const uint8_t *p = body.p;
	sqlite3_stmt *q = NULL;
	struct text t[4], end;
	int r = 0;

	if (body.len < SL_INDEX_QUERY_MIN || sl_get32(p) > SL_INDEX_HITS_MAX)
		return -1;
	body = sl_slice_skip(body, SL_INDEX_QUERY_MIN - 8);
	for (int i = 0; i < 4; i++)
		if (!take_text(&body, &t[i]))
			return -1;
	if (body.len != 0)
		return -1;
	/* behind all that begins so: no UTF-8 has this byte */
	memcpy(after, t[2].p, (size_t)t[2].n);
	after[t[2].n] = (char)0xff;
	end = (struct text){ after, t[2].n + 1 };
	if (x->db == NULL)
		x->rc = SQLITE_CORRUPT;
	else if ((q = prepare_query(x, p, t)) != NULL) {
		bind_query(x, q, p, t, &end);
		if (x->rc == 0)
			r = hits(x, q);
	}
	sqlite3_finalize(q);
	return r < 0 ? r : done(x);
}

static int
serve(struct index *x)
{
	struct sl_err err = { 0 };
	struct sl_msg m;
	int r;

	while ((r = sl_chan_recv(&x->chan, &x->room, &m, -1, &err)) > 0) {
		switch (m.op) {
		case SL_INDEX_STATE:
			r = do_state(x);
			break;
		case SL_INDEX_RESET:
			r = do_reset(x, m.body);
			break;
		case SL_INDEX_ROWS:
			r = do_rows(x, m.body);
			break;
		case SL_INDEX_COMMIT:
			r = do_commit(x, m.body);
			break;
		default:
			r = do_query(x, m.body);
			break;
		}
		if (r < 0)
			return 1;
	}
	return r < 0;
}

int
main(void)
{
	static const int keep[] = { INDEX_FD };
	struct index x = { .chan = { .fd = SL_HELPER_FD,
				     .ops = accepted,
				     .n_ops = sizeof(accepted) / sizeof(accepted[0]) } };
	int r;

	if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK ||
	    sqlite3_initialize() != SQLITE_OK || index_vfs() != SQLITE_OK)
		return 3;
	(void)sqlite3_hard_heap_limit64((sqlite3_int64)256 << 20);
	if (sl_role_enter(&role, SL_HELPER_FD, keep, 1) < 0)
		return 3;
	sl_buf_init(&x.room, SL_INDEX_FRAME_MAX);
	sl_buf_init(&x.out, SL_INDEX_FRAME_MAX);
	if (!open_db(&x)) /* damaged, or not a database: RESET makes it anew */
		shut(&x);
	r = serve(&x);
	shut(&x);
	sl_buf_done(&x.room);
	sl_buf_done(&x.out);
	return r;
}
