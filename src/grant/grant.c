/* grant.c -- see grant.h. */
#include "grant/grant.h"

#include "crypto/sha256.h"
#include "grant/net.h"

static const char *const limit_names[SL_LIM_COUNT] = { "memory", "pids",  "cpu",
						       "wall",   "disk",  "file_size",
						       "output", "nofile" };
static const char *const class_names[] = { "none", "watched", "process", "aggregate" };
static const char *const ws_names[] = { "none", "overlay", "copy", "direct", "read" };

enum { WS_MODES = sizeof(ws_names) / sizeof(ws_names[0]) };

/* What a box gets when nobody asks for less: a build of ordinary size. */
static const struct sl_grant_limit defaults[SL_LIM_COUNT] = {
	[SL_LIM_MEMORY] = { (uint64_t)4 << 30, SL_LC_WATCHED },
	[SL_LIM_PIDS] = { 1024, SL_LC_WATCHED },
	[SL_LIM_CPU] = { 21600, SL_LC_WATCHED },
	[SL_LIM_WALL] = { 21600, SL_LC_WATCHED },
	[SL_LIM_DISK] = { (uint64_t)4 << 30, SL_LC_WATCHED },
	[SL_LIM_FILE_SIZE] = { (uint64_t)2 << 30, SL_LC_PROCESS },
	[SL_LIM_OUTPUT] = { (uint64_t)256 << 20, SL_LC_WATCHED },
	[SL_LIM_NOFILE] = { 4096, SL_LC_PROCESS },
};

const char *
sl_limit_name(enum sl_limit l)
{
	return (unsigned)l < SL_LIM_COUNT ? limit_names[l] : "?";
}

const char *
sl_limit_class_name(enum sl_limit_class c)
{
	return (unsigned)c < 4 ? class_names[c] : "?";
}

const char *
sl_ws_mode_name(enum sl_ws_mode m)
{
	return (unsigned)m < WS_MODES ? ws_names[m] : "?";
}

bool
sl_ws_is_writable(enum sl_ws_mode m)
{
	return m == SL_WS_OVERLAY || m == SL_WS_COPY || m == SL_WS_DIRECT;
}

void
sl_grant_init(struct sl_grant *g)
{
	*g = (struct sl_grant){ .root = SL_LIT("host:"), .tier = SL_LIT("T1") };
	memcpy(g->limit, defaults, sizeof(defaults));
}

bool
sl_path_is_canonical(struct sl_slice p)
{
	size_t i = 0;

	if (p.len == 0 || p.len > SL_GRANT_PATH_MAX || p.p[0] != '/' ||
	    memchr(p.p, 0, p.len) != NULL)
		return false;
	while (p.len > 1 && i < p.len) {
		struct sl_slice part = sl_slice_upto(sl_slice_skip(p, i + 1), '/');

		if (part.len == 0 || sl_slice_eq(part, SL_LIT(".")) ||
		    sl_slice_eq(part, SL_LIT("..")))
			return false;
		i += part.len + 1;
	}
	return true;
}

bool
sl_path_is_below(struct sl_slice path, struct sl_slice dir)
{
	if (dir.len == 1)
		return path.len > 0;
	return sl_slice_starts(path, dir) &&
	       (path.len == dir.len || path.p[dir.len] == '/');
}

/* --- to a tree --- */

static void
put_names(struct sl_jb *b, struct sl_json *o, const char *key, const struct sl_slice *s,
	  size_t n)
{
	struct sl_json *arr = sl_json_set(b, o, key, sl_json_arr(b));

	for (size_t i = 0; i < n; i++)
		(void)sl_json_add(b, arr, sl_json_str(b, s[i]));
}

static void
put_access(struct sl_jb *b, struct sl_json *o, unsigned access)
{
	char s[4] = "";
	size_t n = 0;

	if ((access & SL_ACC_READ) != 0)
		s[n++] = 'r';
	if ((access & SL_ACC_WRITE) != 0)
		s[n++] = 'w';
	if ((access & SL_ACC_EXEC) != 0)
		s[n++] = 'x';
	(void)sl_json_set(b, o, "access",
			  sl_json_str(b, (struct sl_slice){ (uint8_t *)s, n }));
}

struct sl_json *
sl_grant_json(struct sl_jb *b, const struct sl_grant *g)
{
	struct sl_json *o = sl_json_obj(b), *fs, *ws, *lim, *e;

	(void)sl_json_set(b, o, "root", sl_json_str(b, g->root));
	(void)sl_json_set(b, o, "tier", sl_json_str(b, g->tier));
	fs = sl_json_set(b, o, "fs", sl_json_arr(b));
	for (size_t i = 0; i < g->n_fs; i++) {
		e = sl_json_add(b, fs, sl_json_obj(b));
		(void)sl_json_set(b, e, "path", sl_json_str(b, g->fs[i].path));
		put_access(b, e, g->fs[i].access);
	}
	ws = sl_json_set(b, o, "workspace", sl_json_obj(b));
	(void)sl_json_set(b, ws, "mode", sl_json_cstr(b, sl_ws_mode_name(g->ws_mode)));
	(void)sl_json_set(b, ws, "path", sl_json_str(b, g->ws_path));
	put_names(b, o, "env", g->env, g->n_env);
	put_names(b, o, "secrets", g->secrets, g->n_secrets);
	(void)sl_json_set(b, o, "net", sl_grant_net_json(b, g));
	(void)sl_json_set(b, o, "tty", sl_json_bool(b, g->is_tty));
	lim = sl_json_set(b, o, "limits", sl_json_obj(b));
	for (int i = 0; i < SL_LIM_COUNT; i++) {
		e = sl_json_set(b, lim, limit_names[i], sl_json_obj(b));
		(void)sl_json_set(b, e, "max", sl_json_int(b, (int64_t)g->limit[i].max));
		(void)sl_json_set(
		    b, e, "class",
		    sl_json_cstr(b, sl_limit_class_name(g->limit[i].class)));
	}
	return o;
}

int
sl_grant_digest(const struct sl_grant *g, uint8_t ret[32], struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF out = { .max = 8 << 20 };
	struct sl_jb b = { .a = &a };
	struct sl_json *v;
	int r;

	sl_arena_init(&a, 8 << 20);
	v = sl_grant_json(&b, g);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for the digest of a grant");
	if ((r = sl_json_cbor(v, &out, err)) < 0)
		return r;
	sl_sha256(sl_buf_get(&out), ret);
	return 0;
}

/* --- from a tree --- */

static int
only_keys(const struct sl_json *o, const char *what, const char *const *keys,
	  struct sl_err *err)
{
	if (o == NULL || o->kind != SL_JSON_OBJ)
		return SL_ERR(err, FORMAT, "%s is not an object", what);
	SL_JSON_EACH(m, o)
	{
		size_t i = 0;

		while (keys[i] != NULL && !sl_slice_eq(m->key, sl_slice_str(keys[i])))
			i++;
		if (keys[i] == NULL)
			return SL_ERR(err, UNKNOWN, "unknown key '%.*s' in %s",
				      SL_ARG(m->key), what);
	}
	return 0;
}

static int
get_names(const struct sl_json *o, const char *key, size_t max, struct sl_arena *a,
	  const struct sl_slice **ret, size_t *ret_n, struct sl_err *err)
{
	const struct sl_json *arr = sl_json_get(o, key);
	struct sl_slice *s;
	size_t n = 0;

	if (arr == NULL || arr->kind != SL_JSON_ARR)
		return SL_ERR(err, FORMAT, "'%s' is not a list", key);
	if (arr->n > max)
		return SL_ERR(err, LIMIT, "more than %zu members in '%s'", max, key);
	if ((s = SL_NEW_N(a, struct sl_slice, arr->n + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	SL_JSON_EACH(m, arr)
	{
		if (m->kind != SL_JSON_STR || m->s.len == 0)
			return SL_ERR(err, FORMAT, "'%s' holds what is not a name", key);
		if ((s[n++] = sl_arena_dup(a, m->s)).p == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
	}
	*ret = s;
	*ret_n = n;
	return 0;
}

static int
index_of(const char *const *names, size_t n, struct sl_slice s)
{
	for (size_t i = 0; i < n; i++)
		if (sl_slice_eq(s, sl_slice_str(names[i])))
			return (int)i;
	return -1;
}

static int
parse_access(struct sl_slice s, unsigned *ret)
{
	*ret = 0;
	for (size_t i = 0; i < s.len; i++) {
		unsigned bit = s.p[i] == 'r'   ? SL_ACC_READ
			       : s.p[i] == 'w' ? SL_ACC_WRITE
			       : s.p[i] == 'x' ? SL_ACC_EXEC
					       : 0;

		if (bit == 0 || bit <= *ret) /* each once, in the order rwx */
			return -1;
		*ret |= bit;
	}
	return *ret != 0 ? 0 : -1;
}

static int
parse_fs(const struct sl_json *arr, struct sl_arena *a, struct sl_grant *g,
	 struct sl_err *err)
{
	static const char *const keys[] = { "path", "access", NULL };
	struct sl_grant_fs *fs;
	size_t n = 0;
	int r;

	if (arr == NULL || arr->kind != SL_JSON_ARR)
		return SL_ERR(err, FORMAT, "'fs' is not a list");
	if (arr->n > SL_GRANT_FS_MAX)
		return SL_ERR(err, LIMIT, "more than %d paths", SL_GRANT_FS_MAX);
	if ((fs = SL_NEW_N(a, struct sl_grant_fs, arr->n + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	SL_JSON_EACH(m, arr)
	{
		struct sl_slice path = sl_json_get_str(m, "path");

		if ((r = only_keys(m, "a path", keys, err)) < 0)
			return r;
		if (!sl_path_is_canonical(path))
			return SL_ERR(err, FORMAT, "path '%.*s' is not canonical",
				      SL_ARG(path));
		for (size_t i = 0; i < n; i++) /* which of them counts would be a guess */
			if (sl_slice_eq(fs[i].path, path))
				return SL_ERR(err, FORMAT, "path '%.*s' is listed twice",
					      SL_ARG(path));
		if (parse_access(sl_json_get_str(m, "access"), &fs[n].access) < 0)
			return SL_ERR(err, FORMAT, "bad access to '%.*s'", SL_ARG(path));
		if ((fs[n++].path = sl_arena_dup(a, path)).p == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
	}
	g->fs = fs;
	g->n_fs = n;
	return 0;
}

static int
parse_limits(const struct sl_json *o, struct sl_grant *g, struct sl_err *err)
{
	static const char *const keys[] = { "max", "class", NULL };
	int r;

	if (o == NULL || o->kind != SL_JSON_OBJ || o->n != SL_LIM_COUNT)
		return SL_ERR(err, FORMAT, "'limits' does not list every limit");
	SL_JSON_EACH(m, o)
	{
		int i = index_of(limit_names, SL_LIM_COUNT, m->key);
		int c = index_of(class_names, 4, sl_json_get_str(m, "class"));
		int64_t max = sl_json_get_int(m, "max");

		if (i < 0)
			return SL_ERR(err, UNKNOWN, "unknown limit '%.*s'",
				      SL_ARG(m->key));
		if ((r = only_keys(m, "a limit", keys, err)) < 0)
			return r;
		if (c < 0 || max < 0)
			return SL_ERR(err, FORMAT, "bad limit '%.*s'", SL_ARG(m->key));
		g->limit[i] =
		    (struct sl_grant_limit){ (uint64_t)max, (enum sl_limit_class)c };
	}
	return 0;
}

/* The host's base, or a stored root by its digest. */
static bool
is_root(struct sl_slice s)
{
	static const char hex[] = "0123456789abcdef";

	if (sl_slice_eq(s, SL_LIT("host:")))
		return true;
	if (!sl_slice_starts(s, SL_LIT("sha256:")) || s.len != 7 + 64)
		return false;
	for (size_t i = 7; i < s.len; i++)
		if (memchr(hex, s.p[i], sizeof(hex) - 1) == NULL)
			return false;
	return true;
}

static int
parse(const struct sl_json *v, struct sl_arena *a, struct sl_grant *g, struct sl_err *err)
{
	static const char *const keys[] = { "root",    "tier", "fs",  "workspace", "env",
					    "secrets", "net",  "tty", "limits",    NULL };
	static const char *const ws_keys[] = { "mode", "path", NULL };
	const struct sl_json *ws = sl_json_get(v, "workspace");
	struct sl_slice ws_path = sl_json_get_str(ws, "path");
	int r, mode = index_of(ws_names, WS_MODES, sl_json_get_str(ws, "mode"));

	if ((r = only_keys(v, "a grant", keys, err)) < 0 ||
	    (r = only_keys(ws, "the workspace", ws_keys, err)) < 0)
		return r;
	if (mode < 0 || (mode == SL_WS_NONE) != (ws_path.len == 0) ||
	    (ws_path.len > 0 && !sl_path_is_canonical(ws_path)))
		return SL_ERR(err, FORMAT, "bad workspace");
	if (!is_root(sl_json_get_str(v, "root")))
		return SL_ERR(err, FORMAT, "bad root '%.*s'",
			      SL_ARG(sl_json_get_str(v, "root")));
	g->ws_mode = (enum sl_ws_mode)mode;
	g->root = sl_arena_dup(a, sl_json_get_str(v, "root"));
	g->tier = sl_arena_dup(a, sl_json_get_str(v, "tier"));
	g->ws_path = sl_arena_dup(a, ws_path);
	g->is_tty = sl_json_get_bool(v, "tty");
	if (g->root.p == NULL || g->tier.p == NULL || g->ws_path.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = parse_fs(sl_json_get(v, "fs"), a, g, err)) < 0 ||
	    (r = get_names(v, "env", SL_GRANT_ENV_MAX, a, &g->env, &g->n_env, err)) < 0 ||
	    (r = get_names(v, "secrets", SL_GRANT_ENV_MAX, a, &g->secrets, &g->n_secrets,
			   err)) < 0 ||
	    (r = sl_grant_net_parse(sl_json_get(v, "net"), a, g, err)) < 0)
		return r;
	return parse_limits(sl_json_get(v, "limits"), g, err);
}

int
sl_grant_parse(const struct sl_json *v, struct sl_arena *a, const struct sl_grant **ret,
	       struct sl_err *err)
{
	struct sl_grant *g = SL_NEW(a, struct sl_grant);

	if (g == NULL)
		return SL_ERR(err, NOMEM, "grant: out of memory");
	if (parse(v, a, g, err) < 0)
		return sl_err_ctx(err, "grant");
	*ret = g;
	return 0;
}

/* --- order --- */

unsigned
sl_grant_access(const struct sl_grant *g, struct sl_slice path)
{
	size_t best = 0;
	unsigned access = 0;

	for (size_t i = 0; i < g->n_fs; i++)
		if (sl_path_is_below(path, g->fs[i].path) && g->fs[i].path.len >= best) {
			best = g->fs[i].path.len;
			access = g->fs[i].access;
		}
	return access;
}

/* What x gives at and below one of its paths is within y: y's own deeper paths may
 * narrow it, so each of those counts too. */
static bool
fs_within(const struct sl_grant *x, const struct sl_grant *y)
{
	for (size_t i = 0; i < x->n_fs; i++)
		if ((x->fs[i].access & ~sl_grant_access(y, x->fs[i].path)) != 0)
			return false;
	for (size_t i = 0; i < y->n_fs; i++)
		if ((sl_grant_access(x, y->fs[i].path) & ~y->fs[i].access) != 0)
			return false;
	return true;
}

static bool
has_name(const struct sl_slice *s, size_t n, struct sl_slice name)
{
	for (size_t i = 0; i < n; i++)
		if (sl_slice_eq(s[i], name))
			return true;
	return false;
}

bool
sl_grant_has_env(const struct sl_grant *g, struct sl_slice name)
{
	return has_name(g->env, g->n_env, name);
}

static bool
names_within(const struct sl_slice *x, size_t nx, const struct sl_slice *y, size_t ny)
{
	for (size_t i = 0; i < nx; i++)
		if (!has_name(y, ny, x[i]))
			return false;
	return true;
}

/* NONE < READ < COPY, OVERLAY (the same to what is inside) < DIRECT. */
static int
ws_rank(enum sl_ws_mode m)
{
	switch (m) {
	case SL_WS_NONE:
		return 0;
	case SL_WS_READ:
		return 1;
	case SL_WS_OVERLAY:
	case SL_WS_COPY:
		return 2;
	case SL_WS_DIRECT:
		return 3;
	}
	return 4;
}

bool
sl_grant_within(const struct sl_grant *g, const struct sl_grant *outer)
{
	if (!sl_slice_eq(g->root, outer->root) || !sl_slice_eq(g->tier, outer->tier) ||
	    ws_rank(g->ws_mode) > ws_rank(outer->ws_mode) ||
	    (g->is_tty && !outer->is_tty) ||
	    (g->ws_mode != SL_WS_NONE && !sl_slice_eq(g->ws_path, outer->ws_path)))
		return false;
	for (int i = 0; i < SL_LIM_COUNT; i++)
		if (g->limit[i].max > outer->limit[i].max ||
		    g->limit[i].class < outer->limit[i].class)
			return false;
	return fs_within(g, outer) && sl_grant_net_within(g, outer) &&
	       names_within(g->env, g->n_env, outer->env, outer->n_env) &&
	       names_within(g->secrets, g->n_secrets, outer->secrets, outer->n_secrets);
}

static int
names_intersect(const struct sl_slice *x, size_t nx, const struct sl_slice *y, size_t ny,
		struct sl_arena *a, const struct sl_slice **ret, size_t *ret_n)
{
	struct sl_slice *s = SL_NEW_N(a, struct sl_slice, nx + 1);
	size_t n = 0;

	if (s == NULL)
		return -1;
	for (size_t i = 0; i < nx; i++)
		if (has_name(y, ny, x[i]))
			s[n++] = x[i];
	*ret = s;
	*ret_n = n;
	return 0;
}

/* A place where both have something but not the same thing, below a wider path of g:
 * g would have to say that there is nothing, which a grant cannot. */
static bool
is_hole(const struct sl_grant *x, const struct sl_grant *y, const struct sl_grant *g,
	struct sl_slice p)
{
	unsigned ax = sl_grant_access(x, p), ay = sl_grant_access(y, p);

	return ax != 0 && ay != 0 && (ax & ay) == 0 && sl_grant_access(g, p) != 0;
}

/* Every path that either lists, with what both give there. */
static int
fs_intersect(const struct sl_grant *x, const struct sl_grant *y, struct sl_arena *a,
	     struct sl_grant *g, struct sl_err *err)
{
	const size_t n = x->n_fs + y->n_fs;
	struct sl_grant_fs *fs = SL_NEW_N(a, struct sl_grant_fs, n + 1);

	if (fs == NULL)
		return SL_ERR(err, NOMEM, "grant: out of memory");
	g->fs = fs;
	g->n_fs = 0;
	for (size_t i = 0; i < n; i++) {
		struct sl_slice p = i < x->n_fs ? x->fs[i].path : y->fs[i - x->n_fs].path;
		unsigned access = sl_grant_access(x, p) & sl_grant_access(y, p);
		bool is_known = false;

		for (size_t k = 0; k < g->n_fs; k++)
			is_known |= sl_slice_eq(fs[k].path, p);
		if (access != 0 && !is_known)
			fs[g->n_fs++] = (struct sl_grant_fs){ p, access };
	}
	for (size_t i = 0; i < n; i++) {
		struct sl_slice p = i < x->n_fs ? x->fs[i].path : y->fs[i - x->n_fs].path;

		if (is_hole(x, y, g, p))
			return SL_ERR(err, DENIED, "grant: no common access to '%.*s'",
				      SL_ARG(p));
	}
	if (g->n_fs > SL_GRANT_FS_MAX)
		return SL_ERR(err, LIMIT, "grant: more than %d paths", SL_GRANT_FS_MAX);
	return 0;
}

int
sl_grant_intersect(const struct sl_grant *x, const struct sl_grant *y, struct sl_arena *a,
		   const struct sl_grant **ret, struct sl_err *err)
{
	struct sl_grant *g = SL_NEW(a, struct sl_grant);
	int r;

	if (g == NULL)
		return SL_ERR(err, NOMEM, "grant: out of memory");
	*g = *x;
	if (!sl_slice_eq(x->root, y->root) || !sl_slice_eq(x->tier, y->tier))
		return SL_ERR(err, DENIED, "grant: roots or tiers differ");
	if (x->ws_mode != SL_WS_NONE && y->ws_mode != SL_WS_NONE &&
	    !sl_slice_eq(x->ws_path, y->ws_path))
		return SL_ERR(err, DENIED, "grant: workspaces differ");
	if (ws_rank(y->ws_mode) < ws_rank(x->ws_mode)) {
		g->ws_mode = y->ws_mode;
		g->ws_path = y->ws_path;
	}
	g->is_tty = x->is_tty && y->is_tty;
	if ((r = fs_intersect(x, y, a, g, err)) < 0)
		return r;
	if (names_intersect(x->env, x->n_env, y->env, y->n_env, a, &g->env, &g->n_env) <
		0 ||
	    names_intersect(x->secrets, x->n_secrets, y->secrets, y->n_secrets, a,
			    &g->secrets, &g->n_secrets) < 0 ||
	    sl_grant_net_intersect(x, y, a, g) < 0)
		return SL_ERR(err, NOMEM, "grant: out of memory");
	for (int i = 0; i < SL_LIM_COUNT; i++) {
		if (y->limit[i].max < g->limit[i].max)
			g->limit[i].max = y->limit[i].max;
		if (y->limit[i].class > g->limit[i].class)
			g->limit[i].class = y->limit[i].class;
	}
	*ret = g;
	return 0;
}
