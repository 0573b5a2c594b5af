/* index_client.c -- see index_client.h. */
#include "cli/index_client.h"

#include "base/auto.h"
#include "base/hex.h"
#include "cose/statement.h"
#include "crypto/sha256.h"
#include "log/index_proto.h"
#include "log/le.h"
#include "record/read.h"
#include "record/statement.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATEMENT_MAX = 16 << 20, ROWS_FRAME = 512 << 10, GRACE_MS = 2000, TRIES = 2 };

static const struct sl_chan_op accepted[] = {
	{ SL_INDEX_STATE, SL_INDEX_STATE_LEN, 0 },
	{ SL_INDEX_DONE, 1, 0 },
	{ SL_INDEX_HITS, SL_INDEX_FRAME_MAX, 0 },
};

/* --- what is kept of a statement --- */

static bool
hex_of(struct sl_slice s, uint8_t ret[32])
{
	return s.len == 64 && sl_unhex(ret, 32, s);
}

/* Context, run and verdict as the payload says them. */
static void
from_payload(const struct sl_stated *st, struct sl_index_row *x)
{
	const struct sl_json *p = st->predicate, *own = sl_json_get(p, "sluice");

	if (strcmp(st->e.kind, "context") == 0) {
		x->has_context = sl_context_id(p, x->context, &(struct sl_err){ 0 }) == 0;
	} else if (strcmp(st->e.kind, "decision") == 0) {
		x->has_context = hex_of(sl_json_get_str(own, "context"), x->context);
		x->verdict = sl_json_get_str(own, "verdict");
	} else if (strcmp(st->e.kind, "outcome") == 0) {
		p = sl_json_get(sl_json_get(p, "buildDefinition"), "externalParameters");
		x->has_context = hex_of(sl_json_get_str(p, "context"), x->context);
	} else if (strcmp(st->e.kind, "seal") == 0) {
		x->has_run |= hex_of(sl_json_get_str(p, "run"), x->run);
	}
}

static bool
says_more(const char *kind)
{
	return strcmp(kind, "context") == 0 || strcmp(kind, "decision") == 0 ||
	       strcmp(kind, "outcome") == 0 || strcmp(kind, "seal") == 0;
}

int
sl_index_row(struct sl_reader *r, const struct sl_log_entry *e, struct sl_slice statement,
	     struct sl_arena *a, struct sl_index_row *ret, struct sl_err *err)
{
	struct sl_stated st = { 0 };
	struct sl_err why = { 0 };
	struct sl_sign1 s;
	int q;

	/* of others, perhaps under rules that this version does not have: found by its
	 * tree, kind and time */
	*ret = (struct sl_index_row){ .e = *e };
	if (sl_statement_parse(statement, STATEMENT_MAX, SL_STATEMENT_ANY_KEY, &s, &why) <
	    0)
		return 0;
	*ret = (struct sl_index_row){ .e = *e, .iss = s.h.iss, .sub = s.h.sub };
	if (sl_slice_starts(s.h.sub, SL_LIT("run:")))
		ret->has_run = hex_of(sl_slice_skip(s.h.sub, 4), ret->run);
	ret->has_payload = s.h.has_hash_alg && s.payload.len == 32;
	if (ret->has_payload)
		memcpy(ret->payload, s.payload.p, 32);
	if (strcmp(e->kind, "tombstone") == 0)
		ret->is_tombstone = sl_slice_starts(s.h.sub, SL_LIT("blob:")) &&
				    hex_of(sl_slice_skip(s.h.sub, 5), ret->payload);
	if (!says_more(e->kind))
		return 0;
	q = sl_stated_read(r, e, a, &st, &why);
	if (q == SL_E(NOMEM) || q == SL_E(SYS)) {
		*err = why;
		return q;
	}
	ret->is_erased = st.is_erased;
	if (q == 0 && !st.is_erased) /* else it is found by its header alone */
		from_payload(&st, ret);
	return 0;
}

/* --- messages --- */

static int
lost(struct sl_err *err)
{
	return SL_ERR(err, ENV,
		      "sluice-index has ended, or does not answer as it should");
}

static int
ask(struct sl_index *x, uint16_t op, struct sl_slice body, uint16_t want,
    struct sl_slice *ret, struct sl_err *err)
{
	struct sl_err why = { 0 };
	struct sl_msg m;

	if (sl_chan_send(&x->helper.chan, op, body, NULL, 0, &why) < 0 ||
	    sl_chan_recv(&x->helper.chan, &x->room, &m, -1, &why) <= 0 || m.op != want)
		return lost(err);
	*ret = m.body;
	return 0;
}

/* VERIFY: the file is damaged. */
static int
done(struct sl_slice body, struct sl_err *err)
{
	if (body.len != 1)
		return lost(err);
	if (body.p[0] == SL_INDEX_UNWRITTEN)
		return SL_ERR(err, ENV, "index.db cannot be written to (a full disk?)");
	return body.p[0] == 0 ? 0 : SL_ERR(err, VERIFY, "index.db is damaged");
}

static int
order(struct sl_index *x, uint16_t op, struct sl_slice body, struct sl_err *err)
{
	struct sl_slice answer = { 0 };
	int r = ask(x, op, body, SL_INDEX_DONE, &answer, err);

	return r < 0 ? r : done(answer, err);
}

/* --- bringing it up to date --- */

static void
put_text(struct sl_buf *b, struct sl_slice s)
{
	size_t n = s.len > SL_INDEX_TEXT_MAX ? SL_INDEX_TEXT_MAX : s.len;
	const uint8_t len[2] = { (uint8_t)n, (uint8_t)(n >> 8) };

	sl_buf_put(b, len, 2);
	sl_buf_put(b, s.p, n);
}

static void
put_row(struct sl_buf *b, const struct sl_index_row *r)
{
	uint8_t h[SL_INDEX_ROW_MIN - 8] = { 0 };

	sl_le32(h, r->e.tree);
	sl_le64(h + 4, r->e.index);
	sl_le64(h + 12, (uint64_t)r->e.time_ms);
	sl_le64(h + 20, r->e.offset);
	h[28] = (uint8_t)((r->has_run ? SL_INDEX_HAS_RUN : 0) |
			  (r->has_context ? SL_INDEX_HAS_CONTEXT : 0) |
			  (r->has_payload ? SL_INDEX_HAS_PAYLOAD : 0) |
			  (r->is_tombstone ? SL_INDEX_FORGET : 0));
	memcpy(h + 29, r->e.id, 32);
	memcpy(h + 61, r->run, 32);
	memcpy(h + 93, r->context, 32);
	memcpy(h + 125, r->payload, 32);
	sl_buf_put(b, h, sizeof(h));
	put_text(b, sl_slice_str(r->e.kind));
	put_text(b, r->iss);
	put_text(b, r->sub);
	put_text(b, r->verdict);
}

static int
send_rows(struct sl_index *x, struct sl_err *err)
{
	int r = x->rows.len == 0 ? 0 : order(x, SL_INDEX_ROWS, sl_buf_get(&x->rows), err);

	sl_buf_clear(&x->rows);
	return r;
}

static int
feed(void *arg, const struct sl_log_entry *e, struct sl_slice statement,
     struct sl_err *err)
{
	struct sl_index *x = arg;
	struct sl_index_row row;
	SL_AUTO_ARENA a = { 0 };
	int r;

	sl_arena_init(&a, 256 << 20);
	if ((r = sl_index_row(x->reader, e, statement, &a, &row, err)) < 0)
		return r;
	put_row(&x->rows, &row);
	x->n_added++;
	if (x->rows.is_failed)
		return SL_ERR(err, NOMEM, "no memory for the index");
	return x->rows.len > ROWS_FRAME ? send_rows(x, err) : 0;
}

/* The mark says that the file may be half written; durable before it is. */
static int
mark(struct sl_index *x, bool is_dirty, struct sl_err *err)
{
	int fd, r = 0;

	if (is_dirty) {
		fd = openat(x->home->fd, "index.dirty",
			    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return SL_ERR_SYS(err, -errno, "cannot write %s/index.dirty",
					  x->home->path);
		(void)close(fd);
		r = fsync(x->home->fd);
	} else if (unlinkat(x->home->fd, "index.dirty", 0) < 0) {
		r = -1;
	}
	return r < 0 ? SL_ERR_SYS(err, -errno, "cannot mark index.db") : 0;
}

static int
name_of(struct sl_index *x, uint8_t ret[32], struct sl_err *err)
{
	struct sl_log_tree t;
	int r = sl_reader_tree(x->reader, SL_NODE_TREE, &t, err);

	if (r == 0)
		sl_sha256(sl_slice_str(t.origin), ret);
	return r;
}

/* Feeds what lies behind pos, and notes the seal up to which it is then. */
static int
add_from(struct sl_index *x, uint64_t pos, struct sl_err *err)
{
	uint8_t body[40];
	int r;

	if ((r = sl_reader_each(x->reader, pos, feed, x, err)) < 0 ||
	    (r = send_rows(x, err)) < 0)
		return r;
	sl_le64(body, sl_reader_end(x->reader));
	sl_reader_seal(x->reader, body + 8);
	if ((r = order(x, SL_INDEX_COMMIT, (struct sl_slice){ body, 40 }, err)) < 0)
		return r;
	return mark(x, false, err);
}

static int
anew(struct sl_index *x, const char *why, struct sl_err *err)
{
	uint8_t name[32];
	int r;

	x->is_rebuilt = true;
	x->why = why;
	x->n_added = 0;
	sl_buf_clear(&x->rows);
	if ((r = mark(x, true, err)) < 0 || (r = name_of(x, name, err)) < 0 ||
	    (r = order(x, SL_INDEX_RESET, (struct sl_slice){ name, 32 }, err)) < 0)
		return r;
	return add_from(x, 0, err);
}

/* Why what is there cannot be gone on with; NULL: it can, from *ret_pos on. */
static const char *
judge(struct sl_index *x, struct sl_slice state, uint64_t *ret_pos)
{
	struct sl_err none = { 0 };
	uint8_t name[32];

	if (faccessat(x->home->fd, "index.dirty", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return "it was cut off while it was written";
	if (state.len != SL_INDEX_STATE_LEN || state.p[0] == 0)
		return "there was none";
	if (name_of(x, name, &none) < 0 || memcmp(state.p + 41, name, 32) != 0)
		return "it was of another log";
	*ret_pos = sl_get64(state.p + 1);
	if (sl_reader_is_seal(x->reader, *ret_pos, state.p + 9))
		return NULL;
	return "it knew what this log does not have";
}

static int
catch_up(struct sl_index *x, bool is_anew, struct sl_err *err)
{
	struct sl_slice state = { 0 };
	const char *why;
	uint64_t pos = 0;
	int r;

	if (is_anew)
		return anew(x, "asked for", err);
	if ((r = ask(x, SL_INDEX_STATE, state, SL_INDEX_STATE, &state, err)) < 0)
		return r;
	if ((why = judge(x, state, &pos)) != NULL)
		return anew(x, why, err);
	if (pos == sl_reader_end(x->reader))
		return 0;
	if ((r = mark(x, true, err)) < 0)
		return r;
	r = add_from(x, pos, err);
	if (r != SL_E(VERIFY))
		return r;
	*err = (struct sl_err){ 0 };
	return anew(x, "it was damaged", err);
}

static int
open_file(struct sl_index *x, struct sl_err *err)
{
	struct stat st;

	x->db_fd = openat(x->home->fd, "index.db",
			  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (x->db_fd < 0 || fstat(x->db_fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot open %s/index.db", x->home->path);
	if (!S_ISREG(st.st_mode))
		return SL_ERR(err, ENV, "%s/index.db is no file", x->home->path);
	while (flock(x->db_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return SL_ERR_SYS(err, -errno, "cannot lock index.db");
	return 0;
}

int
sl_index_open(struct sl_index *x, const struct sl_home *home, struct sl_reader *r,
	      bool is_anew, struct sl_err *err)
{
	struct sl_helper_opt o = { .n_fds = 1,
				   .ops = accepted,
				   .n_ops = sizeof(accepted) / sizeof(accepted[0]) };
	int e;

	*x = (struct sl_index){ .home = home, .reader = r, .db_fd = -1 };
	sl_buf_init(&x->room, SL_INDEX_FRAME_MAX);
	sl_buf_init(&x->rows, SL_INDEX_FRAME_MAX);
	o.fds = &x->db_fd;
	if ((e = open_file(x, err)) < 0 ||
	    (e = sl_helper_start("sluice-index", &o, &x->helper, err)) < 0 ||
	    /* others may have waited for the lock while the log grew */
	    (e = sl_reader_refresh(r, err)) < 0 || (e = catch_up(x, is_anew, err)) < 0)
		sl_index_close(x);
	return e;
}

int
sl_index_distrust(struct sl_index *x, const char *why, struct sl_err *err)
{
	return anew(x, why, err);
}

static void
put_query(struct sl_buf *b, const struct sl_index_query *q)
{
	uint8_t h[SL_INDEX_QUERY_MIN - 8] = { 0 };

	sl_le32(h, q->max);
	h[4] = (uint8_t)((q->has_tree ? SL_INDEX_HAS_TREE : 0) |
			 (q->has_run ? SL_INDEX_HAS_RUN : 0) |
			 (q->has_context ? SL_INDEX_HAS_CONTEXT : 0));
	sl_le32(h + 5, q->tree);
	sl_le64(h + 9, (uint64_t)q->from_ms);
	sl_le64(h + 17, (uint64_t)q->before_ms);
	memcpy(h + 25, q->run, 64);
	memcpy(h + 89, q->context, 64);
	sl_buf_put(b, h, sizeof(h));
	put_text(b, q->kind);
	put_text(b, q->iss);
	put_text(b, q->sub);
	put_text(b, q->verdict);
}

static int
take_hits(struct sl_slice body, struct sl_index_hit **ret, size_t *n, uint32_t max,
	  struct sl_err *err)
{
	struct sl_index_hit *p;
	size_t k = body.len / SL_INDEX_HIT;

	if (body.len % SL_INDEX_HIT != 0 || k > max - *n)
		return lost(err);
	p = reallocarray(*ret, *n + k + 1, sizeof(*p));
	if (p == NULL)
		return SL_ERR(err, NOMEM, "no memory for hits");
	*ret = p;
	for (; body.len > 0; body = sl_slice_skip(body, SL_INDEX_HIT)) {
		p[*n].tree = sl_get32(body.p);
		p[*n].index = sl_get64(body.p + 4);
		memcpy(p[(*n)++].id, body.p + 12, 32);
	}
	return 0;
}

int
sl_index_ask(struct sl_index *x, const struct sl_index_query *q,
	     struct sl_index_hit **ret, size_t *ret_n, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_INDEX_FRAME_MAX };
	struct sl_err why = { 0 };
	struct sl_msg m;
	int r;

	put_query(&b, q);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "no memory for a query");
	*ret_n = 0;
	if (sl_chan_send(&x->helper.chan, SL_INDEX_QUERY, sl_buf_get(&b), NULL, 0, &why) <
	    0)
		return lost(err);
	for (;;) {
		if (sl_chan_recv(&x->helper.chan, &x->room, &m, -1, &why) <= 0)
			return lost(err);
		if (m.op == SL_INDEX_DONE)
			return done(m.body, err);
		if (m.op != SL_INDEX_HITS)
			return lost(err);
		if ((r = take_hits(m.body, ret, ret_n, q->max, err)) < 0)
			return r;
	}
}

void
sl_index_close(struct sl_index *x)
{
	(void)sl_helper_stop(&x->helper, GRACE_MS);
	x->helper = (struct sl_helper){ 0 };
	if (x->db_fd >= 0)
		(void)close(x->db_fd);
	x->db_fd = -1;
	sl_buf_done(&x->room);
	sl_buf_done(&x->rows);
}
