/* workspace.c -- see workspace.h: the manifest, and freezing through the cache. */
#include "run/workspace.h"

#include "base/auto.h"
#include "base/hex.h"
#include "run/ws_int.h"

#include <errno.h>

/* Time stamps this close to the freeze may come from a write after it: a tick of the
 * clock, or two seconds where the file system keeps whole seconds. */
static const int64_t tick_ns = INT64_C(10000000), coarse_ns = INT64_C(2000000000);

int
ws_path_cmp(struct sl_slice a, struct sl_slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (c != 0)
		return c;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool
ws_path_ok(struct sl_slice p)
{
	if (p.len == 0 || p.len > SL_WS_PATH_MAX || memchr(p.p, '\0', p.len) != NULL)
		return false;
	for (;;) {
		struct sl_slice c = sl_slice_upto(p, '/');

		if (c.len == 0 || sl_slice_eq(c, SL_LIT(".")) ||
		    sl_slice_eq(c, SL_LIT("..")))
			return false;
		if (c.len == p.len)
			return true;
		p = sl_slice_skip(p, c.len + 1);
	}
}

struct sl_slice
ws_parent(struct sl_slice path)
{
	size_t n = path.len;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return (struct sl_slice){ path.p, n == 0 ? 0 : n - 1 };
}

size_t
ws_lower_bound(const struct sl_ws_manifest *m, struct sl_slice p)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ws_path_cmp(m->entry[mid]->path, p) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct sl_ws_entry *
sl_ws_find(const struct sl_ws_manifest *m, struct sl_slice path)
{
	size_t i = ws_lower_bound(m, path);

	return i < m->n && sl_slice_eq(m->entry[i]->path, path) ? m->entry[i] : NULL;
}

void
ws_below(const struct sl_ws_manifest *m, struct sl_slice dir, size_t *from, size_t *to)
{
	uint8_t edge[SL_WS_PATH_MAX + 1];
	struct sl_slice s = { edge, dir.len + 1 };

	*from = *to = 0;
	if (dir.len > SL_WS_PATH_MAX)
		return;
	memcpy(edge, dir.p, dir.len);
	edge[dir.len] = '/';
	*from = ws_lower_bound(m, s);
	edge[dir.len] = '/' + 1; /* the first path after every "dir/..." */
	*to = ws_lower_bound(m, s);
}

int64_t
ws_now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME_COARSE, &t) < 0)
		return INT64_MIN; /* everything is too young */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool
ws_is_unchanged(const struct sl_ws_entry *e, const struct ws_st *st, int64_t stamp_ns)
{
	int64_t t = e->mtime_ns > e->ctime_ns ? e->mtime_ns : e->ctime_ns, young;
	bool is_coarse = e->mtime_ns % 1000000000 == 0 && e->ctime_ns % 1000000000 == 0;

	if (e->dev != st->dev || e->ino != st->ino || e->size != st->size ||
	    e->mode != st->mode || e->mtime_ns != st->mtime_ns ||
	    e->ctime_ns != st->ctime_ns)
		return false;
	return !__builtin_add_overflow(t, is_coarse ? coarse_ns : tick_ns, &young) &&
	       young < stamp_ns;
}

static int
by_path(const void *x, const void *y)
{
	const struct sl_ws_entry *const *a = x, *const *b = y;

	return ws_path_cmp((*a)->path, (*b)->path);
}

static void
put_be(struct sl_sha256 *h, uint64_t v, size_t n)
{
	uint8_t b[8];

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	sl_sha256_add(h, b, n);
}

static void
count(struct sl_ws_manifest *m, const struct sl_ws_entry *e)
{
	m->n_closed += e->type == SL_WT_CLOSED_FILE || e->type == SL_WT_CLOSED_DIR;
	m->n_special += e->type == SL_WT_SPECIAL;
	m->n_mounts += e->type == SL_WT_MOUNT;
	if (e->type == SL_WT_FILE &&
	    __builtin_add_overflow(m->n_bytes, e->size, &m->n_bytes))
		m->n_bytes = UINT64_MAX;
}

int
ws_finish(struct sl_ws_manifest *m, struct sl_err *err)
{
	static const char domain[] = "sluice-workspace-v1"; /* with its NUL */
	struct sl_sha256 h;

	if (m->n > 1)
		qsort(m->entry, m->n, sizeof(void *), by_path);
	sl_sha256_init(&h);
	sl_sha256_add(&h, domain, sizeof(domain));
	for (size_t i = 0; i < m->n; i++) {
		const struct sl_ws_entry *e = m->entry[i];
		uint8_t type = (uint8_t)e->type;

		/* a directory that is written to while it is listed can name one twice */
		if (i > 0 && sl_slice_eq(e->path, m->entry[i - 1]->path))
			return SL_ERR(err, SYS, "'%.*s': listed twice; it keeps changing",
				      SL_ARG(e->path));
		count(m, e);
		sl_sha256_add(&h, &type, 1);
		put_be(&h, e->mode, 2);
		put_be(&h, e->size, 8);
		sl_sha256_add(&h, e->digest, sizeof(e->digest));
		put_be(&h, e->path.len, 4);
		sl_sha256_add(&h, e->path.p, e->path.len);
	}
	sl_sha256_end(&h, m->digest);
	return 0;
}

/* "ws-" and the digest of the directory's path. */
static void
cache_name(struct sl_slice path, char out[3 + 2 * SL_SHA256_LEN + 1])
{
	uint8_t d[SL_SHA256_LEN];

	sl_sha256(path, d);
	out[0] = 'w';
	out[1] = 's';
	out[2] = '-';
	sl_hex(out + 3, d, sizeof(d));
}

int
sl_ws_freeze(int dir_fd, int cache_fd, struct sl_slice path, struct sl_arena *a,
	     const struct sl_ws_manifest **ret, struct sl_err *err)
{
	char name[3 + 2 * SL_SHA256_LEN + 1];
	SL_AUTO_ARENA old = { 0 };
	const struct sl_ws_manifest *known = NULL;
	struct ws_walk_opts o = { 0 };
	struct sl_ws_manifest *m;
	struct sl_err ignored = { 0 };
	struct ws_st home;

	sl_arena_init(&old, SL_WS_ARENA_MAX);
	if (cache_fd >= 0 && ws_stat(cache_fd, "..", &home) == 0) {
		o.masked_dev = home.dev;
		o.masked_ino = home.ino;
	}
	if (cache_fd >= 0) {
		cache_name(path, name);
		/* whatever is wrong with it, it costs only time */
		if (sl_ws_load(cache_fd, name, &old, &known, &ignored) == 0)
			o.known = known;
	}
	if (ws_walk(dir_fd, &o, a, &m, err) < 0)
		return sl_err_ctx(err, "workspace '%.*s'", SL_ARG(path));
	if (cache_fd >= 0 && (m->n_hashed > 0 || known == NULL || known->n != m->n)) {
		ignored = (struct sl_err){ 0 };
		(void)!sl_ws_save(m, cache_fd, name, &ignored);
	}
	*ret = m;
	return 0;
}

static int
add_drift(struct sl_ws_drift *d, struct sl_slice *name, size_t max, struct sl_slice path,
	  struct sl_arena *a)
{
	d->n++;
	if (d->n_path >= max)
		return 0;
	name[d->n_path] = sl_arena_dup(a, path);
	return name[d->n_path++].p == NULL ? -ENOMEM : 0;
}

static bool
is_equal(const struct sl_ws_entry *x, const struct sl_ws_entry *y)
{
	if (x->type == SL_WT_CLOSED_FILE &&
	    (x->ino != y->ino || x->ctime_ns != y->ctime_ns))
		return false; /* its stat data are all that can be told */
	return x->type == y->type && x->mode == y->mode && x->size == y->size &&
	       memcmp(x->digest, y->digest, sizeof(x->digest)) == 0;
}

int
sl_ws_recheck(int dir_fd, const struct sl_ws_manifest *base, size_t max,
	      struct sl_arena *a, struct sl_ws_drift *ret, struct sl_err *err)
{
	SL_AUTO_ARENA tmp = { 0 };
	struct ws_walk_opts o = { .known = base, .is_again = true };
	struct sl_ws_drift d = { 0 };
	struct sl_ws_manifest *now;
	struct sl_slice *name;
	size_t i = 0, k = 0;
	int r = 0;

	sl_arena_init(&tmp, SL_WS_ARENA_MAX);
	if (ws_walk(dir_fd, &o, &tmp, &now, err) < 0)
		return sl_err_ctx(err, "workspace");
	if ((name = SL_NEW_N(a, struct sl_slice, max + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for %zu paths", max);
	while (r == 0 && (i < base->n || k < now->n)) {
		int c = i >= base->n ? 1
			: k >= now->n
			    ? -1
			    : ws_path_cmp(base->entry[i]->path, now->entry[k]->path);

		if (c < 0 || (c == 0 && !is_equal(base->entry[i], now->entry[k])))
			r = add_drift(&d, name, max, base->entry[i]->path, a);
		else if (c > 0)
			r = add_drift(&d, name, max, now->entry[k]->path, a);
		i += c <= 0;
		k += c >= 0;
	}
	if (r < 0)
		return SL_ERR(err, NOMEM, "out of memory for a path");
	d.path = name;
	*ret = d;
	return 0;
}
