/* root_audit.c -- see root_audit.h. */
#include "run/root_audit.h"

#include "base/hex.h"
#include "record/read.h"

#include <stdio.h>

enum { EVENT_MEMORY = 256 << 20 };

/* An allowed change, as it was decided, and what is known of its end. */
struct event {
	struct event *prev; /* the one before it */
	bool is_add, is_gone;
	const char *name, *hex, *request;
	int64_t time_ms;
	enum { OPEN, DONE, FAILED } end; /* OPEN: interrupted */
};

struct work {
	const struct sl_home *home;
	struct sl_arena *a;
	struct sl_reader *reader; /* NULL: no log */
	struct event *last;
	struct sl_root_audit *row;
	size_t n, cap;
};

/* --- the log --- */

static const char *
keep(struct work *w, const struct sl_json *o, const char *key)
{
	return sl_arena_str(w->a, sl_json_get_str(o, key));
}

static int
on_decision(struct work *w, const struct sl_log_entry *e, const struct sl_stated *s,
	    struct sl_arena *tmp, struct sl_err *err)
{
	const struct sl_json *own = sl_json_get(s->predicate, "sluice"), *root;
	struct sl_slice kind = sl_json_get_str(own, "kind"), hex;
	bool is_add = sl_slice_eq(kind, SL_LIT("root-add"));
	struct sl_stated c;
	struct event *v;
	int r;

	if ((!is_add && !sl_slice_eq(kind, SL_LIT("root-drop"))) ||
	    !sl_slice_eq(sl_json_get_str(own, "verdict"), SL_LIT("allow")))
		return 0;
	/* The context is the entry just before its decision. */
	if ((r = sl_stated_at(w->reader, SL_NODE_TREE, e->index - 1, tmp, &c, err)) < 0)
		return r;
	root = sl_json_get(c.predicate, "store_root");
	hex = sl_json_get_str(root, "root");
	if (hex.len != 7 + 64)
		return 0; /* erased: it covers nothing */
	if ((v = SL_NEW(w->a, struct event)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	*v = (struct event){ .prev = w->last,
			     .is_add = is_add,
			     .is_gone = sl_json_get_bool(c.predicate, "is_gone"),
			     .name = keep(w, root, "name"),
			     .hex = sl_arena_str(w->a, sl_slice_skip(hex, 7)),
			     .request = keep(w, own, "run"),
			     .time_ms = e->time_ms };
	if (v->name == NULL || v->hex == NULL || v->request == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	w->last = v;
	return 0;
}

static void
on_outcome(struct work *w, const struct sl_stated *s)
{
	const struct sl_json *own = sl_json_get(s->predicate, "sluice");
	struct sl_slice run = sl_json_get_str(own, "run"),
			how = sl_json_get_str(own, "conclusion");

	for (struct event *v = w->last; v != NULL; v = v->prev) {
		if (!sl_slice_eq(run, sl_slice_str(v->request)))
			continue;
		if (sl_slice_eq(how, SL_LIT("success")))
			v->end = DONE;
		else if (sl_slice_eq(how, SL_LIT("failure")))
			v->end = FAILED;
		return;
	}
}

static int
read_log(struct work *w, struct sl_err *err)
{
	struct sl_log_tree t;
	struct sl_err why = { 0 };
	int r = sl_reader_open(w->home->fd, &w->reader, &why);

	if (r == SL_E(NOENT))
		return 0;
	if (r < 0) {
		*err = why;
		return r;
	}
	if ((r = sl_reader_tree(w->reader, SL_NODE_TREE, &t, err)) < 0)
		return r;
	for (uint64_t i = 0; r >= 0 && i < t.size; i++) {
		SL_AUTO_ARENA tmp = { 0 };
		struct sl_log_entry e;
		struct sl_stated s;
		bool is_decision;

		sl_arena_init(&tmp, EVENT_MEMORY);
		if ((r = sl_reader_entry(w->reader, SL_NODE_TREE, i, &e, err)) < 0)
			return r;
		is_decision = strcmp(e.kind, "decision") == 0 && i > 0;
		if (!is_decision && strcmp(e.kind, "outcome") != 0)
			continue;
		if ((r = sl_stated_read(w->reader, &e, &tmp, &s, err)) < 0)
			return r;
		if (s.is_erased)
			continue;
		if (is_decision)
			r = on_decision(w, &e, &s, &tmp, err);
		else
			on_outcome(w, &s);
	}
	return r;
}

/* --- what should be there --- */

/* Whether a drop takes this name of this tree; name "": the tree itself. */
static bool
drops(const struct event *v, const char *name, const char *hex)
{
	if (v->is_add || strcmp(v->hex, hex) != 0)
		return false;
	return v->name[0] == '\0' || strcmp(v->name, name) == 0 ||
	       (name[0] == '\0' && v->is_gone);
}

/* The newest change that let it in and stands, or NULL; *ret_sure: it must be there. */
static const struct event *
stands(const struct work *w, const char *name, const char *hex, bool *ret_sure)
{
	*ret_sure = true;
	for (const struct event *v = w->last; v != NULL; v = v->prev) {
		if (v->end == FAILED)
			continue;
		if (drops(v, name, hex)) {
			if (v->end == DONE)
				return NULL;
			*ret_sure = false;
		}
		if (v->is_add && strcmp(v->hex, hex) == 0 &&
		    (name[0] == '\0' || strcmp(v->name, name) == 0)) {
			*ret_sure = *ret_sure && v->end == DONE;
			return v;
		}
	}
	return NULL;
}

static int
add_row(struct work *w, const char *name, const char *hex, bool is_there,
	struct sl_err *err)
{
	bool is_sure = false;
	const struct event *v = stands(w, name, hex, &is_sure);
	struct sl_root_audit *row;

	if (!is_there && (v == NULL || !is_sure))
		return 0;
	if (w->n == w->cap)
		return SL_ERR(err, LIMIT, "more than %zu roots", w->cap);
	row = &w->row[w->n++];
	*row = (struct sl_root_audit){ .name = name, .hex = hex, .is_there = is_there };
	if (v != NULL) {
		row->request = v->request;
		row->time_ms = v->time_ms;
	}
	row->is_good = is_there && v != NULL;
	return 0;
}

static bool
has_row(const struct work *w, const char *name, const char *hex)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->row[i].name, name) == 0 &&
		    (name[0] != '\0' || strcmp(w->row[i].hex, hex) == 0))
			return true;
	return false;
}

static int
named(struct work *w, struct sl_err *err)
{
	const char *const *name = NULL;
	size_t n = 0;
	int r = sl_root_names(w->home, w->a, &name, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		char hex[65];
		const char *kept;

		if ((r = sl_root_read_name(w->home, name[i], hex, err)) < 0)
			return r;
		if ((kept = sl_arena_str(w->a, sl_slice_str(hex))) == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
		r = add_row(w, name[i], kept, true, err);
	}
	return r;
}

/* A tree has a row of its own where no name leads to it, or it stands on nothing. */
static int
trees(struct work *w, struct sl_err *err)
{
	const char *const *hex = NULL;
	const size_t n_named = w->n;
	size_t n = 0;
	int r = sl_root_digests(w->home, w->a, &hex, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		bool is_named = false;

		for (size_t k = 0; k < n_named; k++)
			is_named = is_named || (strcmp(w->row[k].hex, hex[i]) == 0 &&
						w->row[k].is_good);
		if (!is_named)
			r = add_row(w, "", hex[i], true, err);
	}
	return r;
}

/* What was let in, and is gone, by name or as a tree. */
static int
absent(struct work *w, struct sl_err *err)
{
	const char *const *hex = NULL;
	size_t n = 0;
	int r = sl_root_digests(w->home, w->a, &hex, &n, err);

	for (const struct event *v = w->last; r == 0 && v != NULL; v = v->prev) {
		bool is_tree = false;

		if (!v->is_add || v->end != DONE)
			continue;
		for (size_t i = 0; i < n; i++)
			is_tree = is_tree || strcmp(hex[i], v->hex) == 0;
		if (!has_row(w, v->name, v->hex))
			r = add_row(w, v->name, v->hex, false, err);
		if (r == 0 && !is_tree && !has_row(w, "", v->hex))
			r = add_row(w, "", v->hex, false, err);
	}
	return r;
}

static size_t
count_of(const struct work *w)
{
	size_t n = 0;

	for (const struct event *v = w->last; v != NULL; v = v->prev)
		n += 2;
	return n;
}

int
sl_root_audit(const struct sl_home *h, struct sl_arena *a,
	      const struct sl_root_audit **ret, size_t *ret_n, struct sl_err *err)
{
	enum { STORED_MAX = 8192 }; /* names and trees */
	struct work w = { .home = h, .a = a };
	int r = read_log(&w, err);

	sl_reader_close(w.reader);
	if (r < 0)
		return r;
	w.cap = count_of(&w) + STORED_MAX;
	if ((w.row = SL_NEW_N(a, struct sl_root_audit, w.cap)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = named(&w, err)) < 0 || (r = trees(&w, err)) < 0 ||
	    (r = absent(&w, err)) < 0)
		return r;
	*ret = w.row;
	*ret_n = w.n;
	return 0;
}
