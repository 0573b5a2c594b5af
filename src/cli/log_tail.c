/* log_tail.c -- sluice log tail: what the log has had last, and what comes. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/log_cmd.h"
#include "cose/statement.h"
#include "record/read.h"
#include "record/statement.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { LINES = 10, LINES_MAX = 1000000, STATEMENT_MAX = 16 << 20, LOOK_MS = 5000 };

/* For people the subject is cut; a run's ID is told by its first digits. */
static void
text_line(const struct sl_log_line *l)
{
	struct sl_slice sub = l->sub;
	char when[32], hex[65];

	sl_time_text(l->e.time_ms, when);
	sl_hex(hex, l->e.id, 32);
	if (sub.len > 40)
		sub.len = 40;
	printf("%s  %.12s  %-11.15s ", when, hex, l->e.kind);
	sl_out_text(sub);
	if (sub.len < l->sub.len)
		printf("...");
	if (l->verdict.len > 0) {
		printf("  ");
		sl_out_text(l->verdict);
	}
	printf("%s\n", l->is_erased ? "  erased" : "");
}

int
sl_log_put_line(struct sl_log_cmd *w, const struct sl_log_line *l, struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	struct sl_json *v;
	char when[32];

	if (!w->is_json) {
		text_line(l);
		return 0;
	}
	sl_time_text(l->e.time_ms, when);
	v = sl_json_obj(b);
	(void)sl_json_set(b, v, "time", sl_json_cstr(b, when));
	(void)sl_json_set(b, v, "entry", sl_json_hex(b, l->e.id, 32));
	(void)sl_json_set(b, v, "tree", sl_json_int(b, l->e.tree));
	(void)sl_json_set(b, v, "index", sl_json_int(b, (int64_t)l->e.index));
	(void)sl_json_set(b, v, "kind", sl_json_cstr(b, l->e.kind));
	(void)sl_json_set(b, v, "issuer", sl_json_str(b, l->iss));
	(void)sl_json_set(b, v, "subject", sl_json_str(b, l->sub));
	if (l->verdict.len > 0)
		(void)sl_json_set(b, v, "verdict", sl_json_str(b, l->verdict));
	if (l->is_erased)
		(void)sl_json_set(b, v, "erased", sl_json_bool(b, true));
	return sl_out_json(&w->out, v, err);
}

struct tail {
	struct sl_log_cmd *w;
	uint32_t tree;
	bool is_one_tree;
	uint64_t skip, n; /* entries to leave out first; that were counted */
};

static bool
is_wanted(const struct tail *t, const struct sl_log_entry *e)
{
	return !t->is_one_tree || e->tree == t->tree;
}

static int
count(void *arg, const struct sl_log_entry *e, struct sl_slice bytes, struct sl_err *err)
{
	struct tail *t = arg;

	(void)bytes;
	(void)err;
	t->n += is_wanted(t, e);
	return 0;
}

static int
show(void *arg, const struct sl_log_entry *e, struct sl_slice bytes, struct sl_err *err)
{
	struct tail *t = arg;
	struct sl_log_line l = { .e = *e };
	SL_AUTO_ARENA a = { 0 };
	struct sl_err none = { 0 };
	struct sl_stated st;
	struct sl_sign1 s;
	int r;

	if (!is_wanted(t, e))
		return 0;
	if (t->skip > 0) {
		t->skip--;
		return 0;
	}
	if (sl_statement_parse(bytes, STATEMENT_MAX, SL_STATEMENT_ANY_KEY, &s, &none) < 0)
		return sl_log_put_line(t->w, &l, err);
	l.iss = s.h.iss;
	l.sub = s.h.sub;
	sl_arena_init(&a, 256 << 20);
	if (strcmp(e->kind, "decision") == 0) {
		if ((r = sl_stated_read(t->w->reader, e, &a, &st, err)) < 0)
			return r;
		l.is_erased = st.is_erased;
		l.verdict =
		    sl_json_get_str(sl_json_get(st.predicate, "sluice"), "verdict");
	}
	return sl_log_put_line(t->w, &l, err);
}

/* Back batch by batch, until there is enough. */
static int
start_of(struct tail *t, uint64_t want, uint64_t *ret, struct sl_err *err)
{
	struct sl_log_place p = { .seal = UINT64_MAX };
	int r = 0;

	*ret = sl_reader_end(t->w->reader);
	for (uint64_t have = 0; have<want && * ret> 0; have = t->n) {
		uint64_t end = *ret;
		struct tail one = { .w = t->w,
				    .tree = t->tree,
				    .is_one_tree = t->is_one_tree };

		if ((r = sl_reader_back(t->w->reader, &p, err)) < 0 ||
		    (r = sl_reader_range(t->w->reader, p.begin, end, count, &one, err)) <
			0)
			return r;
		*ret = p.begin;
		t->n += one.n;
	}
	t->skip = t->n > want ? t->n - want : 0;
	return 0;
}

/* log/head is written after each batch.  A reader that cannot watch it looks now and
 * then. */
static int
wait_for_more(int watch)
{
	char room[4096];
	struct pollfd p = { .fd = watch, .events = POLLIN };

	if (poll(&p, watch >= 0 ? 1 : 0, watch >= 0 ? LOOK_MS : 200) < 0 &&
	    errno != EINTR)
		return -errno;
	while (watch >= 0 && read(watch, room, sizeof(room)) > 0)
		;
	return 0;
}

static int
watch_head(const struct sl_home *home)
{
	SL_AUTO_FREE char *path = NULL;
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0 || asprintf(&path, "%s/log/head", home->path) < 0) {
		path = NULL;
		return fd;
	}
	if (inotify_add_watch(fd, path, IN_MODIFY) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static int
follow(struct tail *t, uint64_t at, struct sl_err *err)
{
	SL_AUTO_FD watch = watch_head(&t->w->home);
	int r;

	for (;;) {
		if ((r = sl_out_flush(err)) < 0)
			return r;
		if ((r = wait_for_more(watch)) < 0)
			return SL_ERR_SYS(err, r, "cannot wait for the log");
		if ((r = sl_reader_refresh(t->w->reader, err)) < 0)
			return r;
		if (sl_reader_end(t->w->reader) == at)
			continue;
		if ((r = sl_reader_each(t->w->reader, at, show, t, err)) < 0)
			return r;
		at = sl_reader_end(t->w->reader);
	}
}

int
sl_log_tail(struct sl_log_cmd *w, struct sl_err *err)
{
	const char *lines = sl_arg(w->args, SL_LOG_LINES, 0);
	struct tail t = { .w = w, .is_one_tree = sl_arg_is(w->args, SL_LOG_TREE) };
	uint64_t want = LINES, at = 0;
	int r;

	if (w->args->argc != 1 ||
	    (lines != NULL && (sl_log_number(lines, &want) < 0 || want > LINES_MAX)))
		return SL_ERR(
		    err, USAGE,
		    "usage: sluice log tail [-f] [-n N] [--tree TREE] [--json]; "
		    "N is at most %d",
		    LINES_MAX);
	if (t.is_one_tree && (r = sl_log_find_tree(w, &t.tree, err)) < 0)
		return r;
	if ((r = start_of(&t, want, &at, err)) < 0 ||
	    (r = sl_reader_each(w->reader, at, show, &t, err)) < 0)
		return r;
	return sl_arg_is(w->args, SL_LOG_FOLLOW)
		   ? follow(&t, sl_reader_end(w->reader), err)
		   : 0;
}
