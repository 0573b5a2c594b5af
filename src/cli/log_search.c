/* log_search.c -- sluice log search, by what statements say of themselves; and log
 * rebuild, which makes anew whatever follows from the segments. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/index_client.h"
#include "cli/log_cmd.h"
#include "log/index_proto.h"
#include "log/store.h"
#include "record/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINES = 100 };

/* --- what is asked for --- */

/* The first digits of a digest, as bounds. */
static int
bounds(const char *hex, const char *what, uint8_t ret[2][32], struct sl_err *err)
{
	char lo[65], hi[65];
	size_t n = strlen(hex);

	memset(lo, '0', 64);
	memset(hi, 'f', 64);
	lo[64] = hi[64] = '\0';
	if (n >= 4 && n <= 64) {
		memcpy(lo, hex, n);
		memcpy(hi, hex, n);
		if (sl_unhex(ret[0], 32, sl_slice_str(lo)) &&
		    sl_unhex(ret[1], 32, sl_slice_str(hi)))
			return 0;
	}
	return SL_ERR(err, USAGE, "--%s: 4 to 64 hex digits, not '%s'", what, hex);
}

/* YYYY-MM-DD, or with a time: THH:MM:SS[.mmm]Z; UTC. */
static int
moment(const char *s, const char *what, int64_t *ret, struct sl_err *err)
{
	char full[32];
	size_t n = strlen(s);

	if (n == 10)
		(void)snprintf(full, sizeof(full), "%sT00:00:00.000Z", s);
	else if (n == 20)
		(void)snprintf(full, sizeof(full), "%.19s.000Z", s);
	else
		(void)snprintf(full, sizeof(full), "%.31s", s);
	if ((n == 20 && s[19] != 'Z') || !sl_time_parse(sl_slice_str(full), ret))
		return SL_ERR(err, USAGE,
			      "--%s: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ, not '%s'", what,
			      s);
	return 0;
}

static struct sl_slice
text_of(const struct sl_log_cmd *w, int opt)
{
	const char *s = sl_arg(w->args, opt, 0);

	return s != NULL ? sl_slice_str(s) : (struct sl_slice){ 0 };
}

static int
read_query(struct sl_log_cmd *w, struct sl_index_query *q, struct sl_err *err)
{
	const struct sl_args *a = w->args;
	const char *s;
	uint64_t n = LINES;
	int r;

	*q = (struct sl_index_query){ .before_ms = INT64_MAX,
				      .kind = text_of(w, SL_LOG_KIND),
				      .iss = text_of(w, SL_LOG_ISSUER),
				      .sub = text_of(w, SL_LOG_SUBJECT),
				      .verdict = text_of(w, SL_LOG_VERDICT) };
	if (a->argc != 1)
		return SL_ERR(err, USAGE,
			      "usage: sluice log search [--FIELD VALUE ...] [-n N] "
			      "[--json]");
	if ((s = sl_arg(a, SL_LOG_LINES, 0)) != NULL &&
	    (sl_log_number(s, &n) < 0 || n == 0 || n > SL_INDEX_HITS_MAX))
		return SL_ERR(err, USAGE, "-n: 1 to %d, not '%s'", SL_INDEX_HITS_MAX, s);
	q->max = (uint32_t)n;
	if (q->sub.len > SL_INDEX_TEXT_MAX || q->iss.len > SL_INDEX_TEXT_MAX ||
	    q->kind.len > SL_INDEX_TEXT_MAX)
		return SL_ERR(err, LIMIT, "a text of more than %d bytes",
			      SL_INDEX_TEXT_MAX);
	if (q->verdict.len > 0 && !sl_slice_eq(q->verdict, SL_LIT("allow")) &&
	    !sl_slice_eq(q->verdict, SL_LIT("deny")))
		return SL_ERR(err, USAGE, "--verdict: allow or deny, not '%.*s'",
			      SL_ARG(q->verdict));
	q->has_run = (s = sl_arg(a, SL_LOG_RUN, 0)) != NULL;
	if (q->has_run && (r = bounds(s, "run", q->run, err)) < 0)
		return r;
	q->has_context = (s = sl_arg(a, SL_LOG_CONTEXT, 0)) != NULL;
	if (q->has_context && (r = bounds(s, "context", q->context, err)) < 0)
		return r;
	if ((s = sl_arg(a, SL_LOG_SINCE, 0)) != NULL &&
	    (r = moment(s, "since", &q->from_ms, err)) < 0)
		return r;
	if ((s = sl_arg(a, SL_LOG_UNTIL, 0)) != NULL &&
	    (r = moment(s, "until", &q->before_ms, err)) < 0)
		return r;
	q->has_tree = sl_arg_is(a, SL_LOG_TREE);
	return q->has_tree ? sl_log_find_tree(w, &q->tree, err) : 0;
}

/* --- what is found --- */

static bool
is_between(const uint8_t d[32], const uint8_t b[2][32])
{
	return memcmp(d, b[0], 32) >= 0 && memcmp(d, b[1], 32) <= 0;
}

/* The statement as the log has it, against what was asked. */
static bool
fits(const struct sl_index_query *q, const struct sl_index_row *r)
{
	return (!q->has_tree || r->e.tree == q->tree) &&
	       (!q->has_run || (r->has_run && is_between(r->run, q->run))) &&
	       (!q->has_context ||
		(r->has_context && is_between(r->context, q->context))) &&
	       r->e.time_ms >= q->from_ms && r->e.time_ms < q->before_ms &&
	       (q->kind.len == 0 || sl_slice_eq(sl_slice_str(r->e.kind), q->kind)) &&
	       (q->iss.len == 0 || sl_slice_eq(r->iss, q->iss)) &&
	       sl_slice_starts(r->sub, q->sub) &&
	       (q->verdict.len == 0 || sl_slice_eq(r->verdict, q->verdict));
}

/* 1: shown; 0: the log has something else there. */
static int
show_hit(struct sl_log_cmd *w, const struct sl_index_query *q,
	 const struct sl_index_hit *h, bool is_dry, struct sl_err *err)
{
	SL_AUTO_BUF bytes = { .max = 16 << 20 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_err why = { 0 };
	struct sl_log_entry e;
	struct sl_index_row row;
	struct sl_log_line l;
	int r;

	sl_arena_init(&a, 256 << 20);
	r = sl_reader_entry(w->reader, h->tree, h->index, &e, &why);
	if (r == SL_E(NOENT) || (r == 0 && memcmp(e.id, h->id, 32) != 0))
		return 0;
	if (r < 0) {
		*err = why;
		return r;
	}
	if ((r = sl_reader_statement(w->reader, &e, &bytes, err)) < 0 ||
	    (r = sl_index_row(w->reader, &e, sl_buf_get(&bytes), &a, &row, err)) < 0)
		return r;
	if (!fits(q, &row))
		return 0;
	if (is_dry)
		return 1;
	l = (struct sl_log_line){ .e = e,
				  .iss = row.iss,
				  .sub = row.sub,
				  .verdict = row.verdict,
				  .is_erased = row.is_erased };
	return (r = sl_log_put_line(w, &l, err)) < 0 ? r : 1;
}

/* Oldest first; nothing is shown before all hits are what the log has.  1: one is not. */
static int
show_all(struct sl_log_cmd *w, const struct sl_index_query *q,
	 const struct sl_index_hit *h, size_t n, struct sl_err *err)
{
	int r;

	for (int dry = 1; dry >= 0; dry--)
		for (size_t i = n; i-- > 0;)
			if ((r = show_hit(w, q, &h[i], dry != 0, err)) <= 0)
				return r < 0 ? r : 1;
	return 0;
}

int
sl_log_search(struct sl_log_cmd *w, struct sl_err *err)
{
	SL_AUTO_FREE struct sl_index_hit *hit = NULL;
	struct sl_index_query q;
	struct sl_index x;
	size_t n = 0;
	int r;

	if ((r = read_query(w, &q, err)) < 0 ||
	    (r = sl_index_open(&x, &w->home, w->reader, false, err)) < 0)
		return r;
	r = sl_index_ask(&x, &q, &hit, &n, err);
	if (r == 0)
		r = show_all(w, &q, hit, n, err);
	if (r == 1 || r == SL_E(VERIFY)) { /* the log is right, not its index */
		*err = (struct sl_err){ 0 };
		if ((r = sl_index_distrust(&x, "it said what the log does not", err)) ==
			0 &&
		    (r = sl_index_ask(&x, &q, &hit, &n, err)) == 0)
			r = show_all(w, &q, hit, n, err);
		if (r == 1)
			r = SL_ERR(err, BUG, "a new index says what the log does not");
	}
	if (x.is_rebuilt && r == 0)
		fprintf(stderr, "sluice: index.db was made anew: %s (%llu statements)\n",
			x.why, (unsigned long long)x.n_added);
	sl_index_close(&x);
	return r;
}

/* --- rebuild --- */

static void
say(struct sl_log_cmd *w, const char *what, uint64_t n, struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	struct sl_json *v;

	if (!w->is_json) {
		printf("%-12s made anew, %llu entries\n", what, (unsigned long long)n);
		return;
	}
	v = sl_json_obj(b);
	(void)sl_json_set(b, v, "rebuilt", sl_json_cstr(b, what));
	(void)sl_json_set(b, v, "entries", sl_json_int(b, (int64_t)n));
	(void)!sl_out_json(&w->out, v, err);
}

/* The store is opened without keys: nothing is signed, and nothing of the log changed. */
static int
rebuild_store(struct sl_log_cmd *w, struct sl_store_rebuilt *ret, struct sl_err *err)
{
	struct sl_store s;
	int r = sl_store_open(&s, w->home.fd, sl_store_io_sys(), err);

	if (r < 0)
		return r;
	r = sl_store_rebuild(&s, ret, err);
	sl_store_done(&s);
	return r;
}

int
sl_log_rebuild(struct sl_log_cmd *w, struct sl_err *err)
{
	struct sl_store_rebuilt done = { 0 };
	struct sl_index x;
	int r;

	if (w->args->argc != 1)
		return SL_ERR(err, USAGE, "usage: sluice log rebuild [--json]");
	/* without a log there is nothing to rebuild, and none is begun here */
	if ((r = sl_reader_open(w->home.fd, &w->reader, err)) < 0 ||
	    (r = rebuild_store(w, &done, err)) < 0)
		return r;
	say(w, "log/head", 1, err);
	say(w, "log/idx", done.n_records, err);
	say(w, "log/hash", done.n_hashes, err);
	if ((r = sl_index_open(&x, &w->home, w->reader, true, err)) < 0)
		return r;
	say(w, "index.db", x.n_added, err);
	sl_index_close(&x);
	return err->code;
}
