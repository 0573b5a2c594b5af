/* learn_rules.c -- see learn.h: from the names that were used, the rows of a grant. */
#include "run/learn_int.h"

#include <stdlib.h>
#include <sys/stat.h>

enum {
	/* What is proposed is so many times what was seen, and at least so much. */
	MORE_WATCHED = 4,
	MORE_TIME = 10,
	LEAST_TIME = 60,
	LEAST_PIDS = 64,
	SAMPLED_MS = 1000, /* shorter acts have too few samples to go by */
};
#define LEAST_SIZE ((uint64_t)64 << 20)
#define LEAST_OUTPUT ((uint64_t)1 << 20)

static const struct {
	const char *path, *access, *why;
} sensitive[] = {
#include "sensitive_rows.h"
};

/* --- paths --- */

/* '/' before all else: what lies below a directory follows it at once. */
static int
order(const void *a, const void *b)
{
	const struct sl_slice *x = a, *y = b;

	for (size_t i = 0; i < x->len && i < y->len; i++)
		if (x->p[i] != y->p[i])
			return x->p[i] == '/'      ? -1
			       : y->p[i] == '/'    ? 1
			       : x->p[i] < y->p[i] ? -1
						   : 1;
	return x->len < y->len ? -1 : x->len > y->len;
}

/* Siblings together. */
static int
order_by_parent(const void *a, const void *b)
{
	struct sl_slice x = sl_learn_parent(*(const struct sl_slice *)a),
			y = sl_learn_parent(*(const struct sl_slice *)b);
	int r = order(&x, &y);

	return r != 0 ? r : order(a, b);
}

void
sl_learn_set_add(struct sl_learn_work *w, struct sl_learn_set *s, struct sl_slice path)
{
	if (s->path == NULL &&
	    (s->path = SL_NEW_N(w->l->a, struct sl_slice, s->max)) == NULL)
		s->max = 0;
	if (s->n == s->max) {
		w->is_short = true;
		return;
	}
	s->path[s->n++] = path;
}

void
sl_learn_set_trim(struct sl_learn_set *s)
{
	size_t n = 0;

	if (s->n == 0)
		return;
	qsort(s->path, s->n, sizeof(s->path[0]), order);
	for (size_t i = 0; i < s->n; i++)
		if (n == 0 || !sl_path_is_below(s->path[i], s->path[n - 1]))
			s->path[n++] = s->path[i];
	s->n = n;
}

/* s is trimmed, so only the one before it in order can be above it. */
bool
sl_learn_set_covers(const struct sl_learn_set *s, struct sl_slice path)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (order(&s->path[mid], &path) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && sl_path_is_below(path, s->path[lo - 1]);
}

void
sl_learn_set_without(struct sl_learn_set *s, const struct sl_learn_set *o)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!sl_learn_set_covers(o, s->path[i]))
			s->path[n++] = s->path[i];
	s->n = n;
}

static unsigned
depth(struct sl_slice path)
{
	unsigned n = 0;

	for (size_t i = 1; i < path.len; i++)
		n += path.p[i] == '/';
	return n;
}

/* Not above what was granted. */
static struct sl_slice
cut(const struct sl_learn_work *w, struct sl_slice path, unsigned max)
{
	const struct sl_grant_fs *row = sl_learn_granted(w->f->want, path);
	size_t least = row != NULL ? row->path.len : path.len;

	while (path.len > least && depth(path) > max)
		path = sl_learn_parent(path);
	return path;
}

static void
cut_all(const struct sl_learn_work *w, const struct sl_learn_set *s,
	struct sl_learn_set *to, unsigned max)
{
	to->n = s->n;
	for (size_t i = 0; i < s->n; i++)
		to->path[i] = cut(w, s->path[i], max);
	sl_learn_set_trim(to);
}

/* As deep as it can be, all alike, but at most so many. */
static void
flatten(struct sl_learn_work *w, struct sl_learn_set *s, size_t max)
{
	struct sl_learn_set to = { .path = SL_NEW_N(w->l->a, struct sl_slice, s->n) };
	unsigned lo = 0, hi = 0;

	if (to.path == NULL) {
		w->is_short = true;
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		hi = depth(s->path[i]) > hi ? depth(s->path[i]) : hi;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo + 1) / 2;

		cut_all(w, s, &to, mid);
		if (to.n <= max)
			lo = mid;
		else
			hi = mid - 1;
	}
	cut_all(w, s, &to, lo);
	s->n = to.n;
	memcpy(s->path, to.path, to.n * sizeof(to.path[0]));
}

/* The directory in which most of them are, the deepest of these; len 0: all are what was
 * granted. */
static struct sl_slice
crowd(const struct sl_learn_work *w, const struct sl_learn_set *s)
{
	struct sl_slice best = { 0 };
	size_t most = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct sl_slice dir = sl_learn_parent(s->path[i]);
		size_t n = 0;

		if (cut(w, s->path[i], 0).len == s->path[i].len)
			continue;
		for (size_t k = 0; k < s->n; k++)
			n += sl_slice_eq(sl_learn_parent(s->path[k]), dir);
		if (n > most || (n == most && depth(dir) > depth(best))) {
			most = n;
			best = dir;
		}
	}
	return best;
}

static void
merge(struct sl_learn_work *w, struct sl_learn_set *s, size_t max)
{
	struct sl_slice dir;

	sl_learn_set_trim(s);
	if (s->n > 8 * max)
		flatten(w, s, 8 * max);
	while (s->n > max && (dir = crowd(w, s)).len > 0) {
		for (size_t i = 0; i < s->n; i++)
			if (sl_slice_eq(sl_learn_parent(s->path[i]), dir))
				s->path[i] = dir;
		sl_learn_set_trim(s);
	}
}

const struct sl_grant_fs *
sl_learn_granted(const struct sl_grant *g, struct sl_slice path)
{
	const struct sl_grant_fs *best = NULL;

	for (size_t i = 0; i < g->n_fs; i++)
		if (sl_path_is_below(path, g->fs[i].path) &&
		    (best == NULL || g->fs[i].path.len > best->path.len))
			best = &g->fs[i];
	return best;
}

unsigned
sl_learn_host(struct sl_slice path)
{
	char text[SL_GRANT_PATH_MAX + 1];
	struct stat st;

	if (path.len >= sizeof(text))
		return 0;
	memcpy(text, path.p, path.len);
	text[path.len] = '\0';
	return lstat(text, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

/* --- what nobody is offered --- */

static bool
is_plain(struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static bool
is_named(const char *rule, struct sl_slice path, const char *home)
{
	size_t n = strlen(rule);

	if (rule[0] == '/')
		return sl_path_is_below(path, sl_slice_str(rule));
	if (rule[0] == '~') {
		size_t len = home != NULL ? strlen(home) : 0;

		return len > 1 && sl_slice_starts(path, sl_slice_str(home)) &&
		       sl_path_is_below(sl_slice_skip(path, len), sl_slice_str(rule + 1));
	}
	for (size_t i = 0; i < path.len; i++) /* two stars, then the name */
		if (path.p[i] == '/' &&
		    sl_path_is_below(
			sl_slice_skip(path, i),
			(struct sl_slice){ (const uint8_t *)rule + 2, n - 2 }))
			return true;
	return false;
}

static const char *
rule_for(const struct sl_learn_work *w, struct sl_slice path, const char *access)
{
	for (size_t i = 0; i < sizeof(sensitive) / sizeof(sensitive[0]); i++)
		if (strcmp(sensitive[i].access, access) == 0 &&
		    is_named(sensitive[i].path, path, w->f->home))
			return sensitive[i].why;
	return NULL;
}

bool
sl_learn_is_noise(const struct sl_learn_work *w, struct sl_slice path)
{
	return rule_for(w, path, "noise") != NULL;
}

const char *
sl_learn_barred(const struct sl_learn_work *w, struct sl_slice path, bool is_write)
{
	const char *why;

	if (!is_plain(path))
		return "its name cannot be shown";
	if (w->f->masked != NULL && sl_path_is_below(path, sl_slice_str(w->f->masked)))
		return "sluice's own: no grant reaches it";
	if ((why = rule_for(w, path, "any")) == NULL && is_write)
		why = rule_for(w, path, "write");
	return why;
}

static struct sl_slice
shown(struct sl_arena *a, struct sl_slice s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0, max = s.len < 200 ? s.len : 200;
	char *to;

	if (is_plain(s))
		return s;
	if ((to = SL_NEW_N(a, char, max * 4 + 1)) == NULL)
		return SL_LIT("?");
	for (size_t i = 0; i < max; i++) {
		if (s.p[i] >= ' ' && s.p[i] <= '~' && s.p[i] != '\\') {
			to[n++] = (char)s.p[i];
			continue;
		}
		to[n++] = '\\';
		to[n++] = 'x';
		to[n++] = hex[s.p[i] >> 4];
		to[n++] = hex[s.p[i] & 15];
	}
	return (struct sl_slice){ (uint8_t *)to, n };
}

void
sl_learn_left(struct sl_learn_work *w, struct sl_slice what, const char *why)
{
	struct sl_lesson *x = w->x;
	struct sl_slice text = shown(w->l->a, what);

	for (size_t i = 0; i < x->n_left; i++)
		if (x->left[i].why == why && sl_slice_eq(x->left[i].what, text))
			return;
	if (x->n_left == SL_LEARN_LEFT_MAX)
		x->n_left_more++;
	else
		x->left[x->n_left++] = (struct sl_learn_left){ text, why };
}

static void
drop_barred(struct sl_learn_work *w, struct sl_learn_set *s, bool is_write)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const char *why = sl_learn_barred(w, s->path[i], is_write);

		if (why != NULL)
			sl_learn_left(w, s->path[i], why);
		else
			s->path[n++] = s->path[i];
	}
	s->n = n;
}

/* --- what was needed of what was granted --- */

void
sl_learn_files(struct sl_learn_work *w, struct sl_learn_set *files,
	       struct sl_learn_set *to)
{
	if (files->n == 0)
		return;
	qsort(files->path, files->n, sizeof(files->path[0]), order_by_parent);
	for (size_t i = 0, n; i < files->n; i += n) {
		struct sl_slice dir = sl_learn_parent(files->path[i]);

		for (n = 1; i + n < files->n &&
			    sl_slice_eq(sl_learn_parent(files->path[i + n]), dir);
		     n++)
			continue;
		/* Not a directory above all that was granted. */
		if (n > SL_LEARN_FEW && sl_learn_granted(w->f->want, dir) != NULL)
			sl_learn_set_add(w, to, dir);
		else
			for (size_t k = 0; k < n; k++)
				sl_learn_set_add(w, to, files->path[i + k]);
	}
}

static void
written(struct sl_learn_work *w)
{
	struct sl_learn *l = w->l;
	struct sl_learn_set files = { .max = l->n + 1 };

	for (size_t i = 0; i < l->n; i++)
		if ((l->name[i].what & SL_GOT_ENTRY) != 0 &&
		    sl_learn_granted(w->f->want, l->name[i].path) != NULL)
			sl_learn_set_add(w, &w->write, l->name[i].path);
	merge(w, &w->write, SL_LEARN_WRITE_MAX);
	for (size_t i = 0; i < l->n; i++)
		if ((l->name[i].what & SL_GOT_WRITE) != 0 &&
		    sl_learn_granted(w->f->want, l->name[i].path) != NULL &&
		    !sl_learn_set_covers(&w->write, l->name[i].path) &&
		    sl_learn_host(l->name[i].path) != 0)
			sl_learn_set_add(w, &files, l->name[i].path);
	sl_learn_files(w, &files, &w->write);
	merge(w, &w->write, SL_LEARN_WRITE_MAX);
	drop_barred(w, &w->write, true);
}

/* A grant shows places, never links to them: a link is there only with the directory that
 * it is in. */
static void
links(struct sl_learn_work *w, struct sl_slice asked)
{
	for (size_t i = 1; i <= asked.len; i++) {
		struct sl_slice name = { asked.p, i };

		if (i < asked.len && asked.p[i] != '/')
			continue;
		if (sl_learn_granted(w->f->want, sl_learn_parent(name)) != NULL &&
		    sl_learn_host(name) == S_IFLNK)
			sl_learn_set_add(w, &w->read, sl_learn_parent(name));
	}
}

static bool
is_above_any(const struct sl_learn_set *s, struct sl_slice path)
{
	for (size_t i = 0; i < s->n; i++)
		if (sl_path_is_below(s->path[i], path))
			return true;
	return false;
}

static bool
is_open_question(struct sl_learn_work *w, struct sl_slice path)
{
	return sl_learn_granted(w->f->want, path) != NULL &&
	       !sl_learn_set_covers(&w->write, path) &&
	       !sl_learn_set_covers(&w->read, path) && sl_learn_host(path) != 0;
}

static void
was_read(struct sl_learn_work *w)
{
	struct sl_learn *l = w->l;
	struct sl_learn_set files = { .max = l->n + 1 };

	for (size_t i = 0; i < l->n; i++) {
		if ((l->name[i].what & SL_GOT_LINK) != 0)
			links(w, l->name[i].path);
		if ((l->name[i].what & SL_GOT_LIST) != 0 &&
		    is_open_question(w, l->name[i].path))
			sl_learn_set_add(w, &w->read, l->name[i].path);
	}
	merge(w, &w->read, SL_LEARN_READ_MAX);
	for (size_t i = 0; i < l->n; i++)
		if ((l->name[i].what & SL_GOT_FILE) != 0 &&
		    is_open_question(w, l->name[i].path))
			sl_learn_set_add(w, &files, l->name[i].path);
	sl_learn_files(w, &files, &w->read);
	merge(w, &w->read, SL_LEARN_READ_MAX);
	/* Where something below is shown, a directory is there. */
	for (size_t i = 0; i < l->n; i++)
		if ((l->name[i].what & SL_GOT_DIR) != 0 &&
		    is_open_question(w, l->name[i].path) &&
		    !is_above_any(&w->read, l->name[i].path) &&
		    !is_above_any(&w->write, l->name[i].path)) {
			sl_learn_set_add(w, &w->read, l->name[i].path);
			sl_learn_set_trim(&w->read);
		}
	merge(w, &w->read, SL_LEARN_READ_MAX);
	sl_learn_set_without(&w->read, &w->write);
	drop_barred(w, &w->read, false);
}

/* On the host, and not in the box; or there, and refused. */
static bool
was_missed(const struct sl_learn_work *w, const struct sl_learn_name *n)
{
	unsigned refused = SL_DENIED_READ | SL_DENIED_WRITE | SL_DENIED_ENTRY;

	if ((n->what & (refused | SL_MISSED)) == 0 || n->path.len == 1 ||
	    sl_learn_is_noise(w, n->path) || sl_learn_is_own(n->path))
		return false;
	if ((n->what & refused) == 0 && sl_learn_granted(w->f->want, n->path) != NULL)
		return false;
	return sl_learn_host(n->path) != 0;
}

/* What was granted and what was missed, and did not matter. */
static void
not_needed(struct sl_learn_work *w)
{
	const struct sl_grant *g = w->f->want;
	struct sl_learn *l = w->l;

	for (size_t i = 0; i < g->n_fs; i++) {
		struct sl_slice p = g->fs[i].path;

		if (!sl_learn_set_covers(&w->write, p) && !is_above_any(&w->write, p)) {
			if (!sl_learn_set_covers(&w->read, p) &&
			    !is_above_any(&w->read, p))
				sl_learn_left(w, p, "granted, not used");
			else if ((g->fs[i].access & SL_ACC_WRITE) != 0)
				sl_learn_left(w, p, "granted to write, only read");
		}
	}
	for (size_t i = 0; i < g->n_net; i++) {
		char s[SL_NET_TEXT_MAX];
		struct sl_slice text = { (uint8_t *)s, sl_grant_net_text(&g->net[i], s) };

		text = sl_arena_dup(l->a, text);
		if (l->is_net_used[i])
			w->x->net[w->x->n_net++] = text;
		else
			sl_learn_left(w, text, "granted, not used");
	}
	for (size_t i = 0; i < l->n_net; i++)
		if (l->is_net_missed[i])
			sl_learn_left(w, l->net[i], "tried; the command did without");
	for (size_t i = 0; i < l->n; i++)
		if (was_missed(w, &l->name[i]))
			sl_learn_left(w, l->name[i].path,
				      "tried; the command did without");
}

/* --- limits --- */

static uint64_t
next_power(uint64_t v)
{
	uint64_t p = 1;

	while (p < v && p < (uint64_t)1 << 62)
		p <<= 1;
	return p;
}

static uint64_t
at_least(uint64_t v, uint64_t least)
{
	return v > least ? v : least;
}

/* What is asked for beside the defaults; smaller where what was seen allows it. */
static void
limits(struct sl_learn_work *w)
{
	const struct sl_proc_end *e = w->f->end;
	const struct sl_box_peak *k = &w->l->peak;
	uint64_t seen[SL_LIM_COUNT] = { 0 };
	struct sl_grant standard;

	sl_grant_init(&standard);
	if (w->x->is_last) {
		seen[SL_LIM_CPU] =
		    at_least((uint64_t)e->cpu_ms / 1000 * MORE_TIME, LEAST_TIME);
		seen[SL_LIM_WALL] =
		    at_least((uint64_t)e->wall_ms / 1000 * MORE_TIME, LEAST_TIME);
		seen[SL_LIM_OUTPUT] =
		    at_least(next_power(w->f->len_output * MORE_WATCHED), LEAST_OUTPUT);
	}
	if (w->x->is_last && e->wall_ms >= SAMPLED_MS) {
		seen[SL_LIM_MEMORY] =
		    at_least(next_power(k->memory * MORE_WATCHED), LEAST_SIZE);
		seen[SL_LIM_PIDS] =
		    at_least(next_power(k->pids * MORE_WATCHED), LEAST_PIDS);
		seen[SL_LIM_DISK] =
		    at_least(next_power(k->disk * MORE_WATCHED), LEAST_SIZE);
	}
	for (int i = 0; i < SL_LIM_COUNT; i++) {
		uint64_t given = w->f->want->limit[i].max;

		if (seen[i] != 0 && seen[i] < given)
			w->x->limit[i] = seen[i];
		else if (given != standard.limit[i].max && i != SL_LIM_NOFILE)
			w->x->limit[i] = given;
	}
}

/* --- all of it --- */

static void
directory(struct sl_learn_work *w)
{
	struct sl_slice cwd = w->f->act->cwd;

	if (sl_slice_eq(cwd, SL_LIT("/home/runner")))
		return;
	if (sl_learn_granted(w->f->want, cwd) == NULL ||
	    sl_learn_set_covers(&w->read, cwd) || sl_learn_set_covers(&w->write, cwd) ||
	    is_above_any(&w->read, cwd) || is_above_any(&w->write, cwd))
		w->x->cwd = cwd;
	else
		sl_learn_left(w, cwd, "the working directory: nothing there was used");
}

int
sl_learn_derive(struct sl_learn *l, const struct sl_learn_from *f,
		const struct sl_lesson **ret, struct sl_err *err)
{
	struct sl_lesson *x = SL_NEW(l->a, struct sl_lesson);
	struct sl_learn_work w = { .l = l, .f = f, .x = x };
	int r;

	if (x == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	w.read.max = w.write.max = 3 * l->n + SL_GRANT_FS_MAX + 64;
	x->is_last = f->end->status == 0 && f->end->signal == 0;
	x->n_names = l->n;
	x->n_lost = l->n_lost;
	x->env = f->env;
	x->n_env = f->n_env;
	x->argv = f->act->argv;
	x->n_argv = f->act->n_argv;
	if (x->is_last) {
		x->is_news = true;
		written(&w);
		was_read(&w);
		not_needed(&w);
		directory(&w);
	} else if ((r = sl_learn_next(&w, err)) < 0) {
		return r;
	}
	limits(&w);
	if (w.is_short)
		return SL_ERR(err, NOMEM, "out of memory for what was learned");
	x->read = w.read.path;
	x->n_read = w.read.n;
	x->write = w.write.path;
	x->n_write = w.write.n;
	*ret = x;
	return 0;
}
