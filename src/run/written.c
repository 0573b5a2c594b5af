/* written.c -- see written.h. */
#include "run/written.h"

#include "base/auto.h"
#include "os/proc.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>

struct written {
	int64_t since_ns;
	struct sl_arena *a;
	struct sl_written *ret;
	struct sl_slice *dir; /* below the granted one, to be listed; its own is "" */
	size_t n_dirs, n_looked;
	struct sl_slice root, tail; /* the granted path; the last two parts of it */
	const char *masked;
};

int64_t
sl_written_begin(void)
{
	return ws_now();
}

/* "a/b", or what of the two there is. */
static struct sl_slice
join(const struct written *w, struct sl_slice a, struct sl_slice b)
{
	SL_AUTO_BUF out = { .max = (size_t)4 * SL_WS_PATH_MAX };

	sl_buf_slice(&out, a);
	if (a.len > 0 && b.len > 0)
		sl_buf_byte(&out, '/');
	sl_buf_slice(&out, b);
	if (out.is_failed)
		return (struct sl_slice){ 0 };
	return sl_arena_dup(w->a, sl_buf_get(&out));
}

/* What the granted path itself says of all that lies in it: ".git/hooks" of
 * "/repo/.git/hooks". */
static struct sl_slice
last_two(struct sl_slice path)
{
	size_t at = path.len, n = 0;

	while (at > 0 && n < 2)
		n += path.p[--at] == '/';
	return sl_slice_skip(path, at + (n > 0));
}

static int
judge(struct written *w, int at, const char *name, struct sl_slice rel,
      const struct ws_st *st)
{
	struct sl_ws_change c = { .path = join(w, w->tail, rel),
				  .kind = SL_WK_MODIFIED,
				  .type = st->type,
				  .mode = st->mode,
				  .size = st->size };

	if (st->type == SL_WT_LINK && ws_read_link(at, name, w->a, &c.link) < 0)
		return 0; /* gone meanwhile */
	if (c.path.p == NULL)
		return -ENOMEM;
	ws_special_digest(st, c.digest);
	ws_guard(&c);
	sl_taint_drop("@link-leaves", &c.taint);
	if (st->type == SL_WT_LINK && ws_link_leaves(rel, c.link))
		sl_taint_property("@link-leaves", &c.taint);
	if (c.taint.n == 0)
		return 0;
	c.path = join(w, w->root, rel);
	if (c.path.p == NULL)
		return -ENOMEM;
	w->ret->changes.item[w->ret->changes.n++] = c;
	return 0;
}

/* What git writes itself is large and nobody's to obey; the masked directory no act sees.
 */
static bool
is_worth_listing(const struct written *w, struct sl_slice rel)
{
	return !sl_taint_passes(join(w, w->tail, rel)) &&
	       !sl_slice_eq(join(w, w->root, rel), sl_slice_str(w->masked));
}

static int
visit(struct written *w, int at, const char *name, struct sl_slice dir)
{
	struct sl_slice rel = join(w, dir, sl_slice_str(name));
	struct ws_st st;

	if (rel.p == NULL)
		return -ENOMEM;
	if (rel.len > SL_WS_PATH_MAX || ws_stat(at, name, &st) < 0) {
		w->ret->is_partial = w->ret->is_partial || rel.len > SL_WS_PATH_MAX;
		return 0;
	}
	if (st.type == SL_WT_MOUNT)
		return 0; /* it was not granted with this */
	if (st.type == SL_WT_DIR) {
		if (is_worth_listing(w, rel))
			w->dir[w->n_dirs++] = rel;
		return 0;
	}
	if (st.type == SL_WT_WHITEOUT)
		st.type = SL_WT_SPECIAL;
	return st.ctime_ns >= w->since_ns ? judge(w, at, name, rel, &st) : 0;
}

/* Of one directory below root_fd ("": itself). */
static int
list(struct written *w, int root_fd, struct sl_slice dir)
{
	SL_AUTO_DIR d = NULL;
	SL_AUTO_FD fd = ws_open(root_fd, dir.len > 0 ? (const char *)dir.p : ".",
				O_RDONLY | O_DIRECTORY);
	const struct dirent *e;
	int r = 0;

	if (fd < 0 || (d = fdopendir(fd)) == NULL) {
		w->ret->is_partial = w->ret->is_partial || fd != -ENOENT;
		return 0;
	}
	(void)sl_steal_fd(&fd);
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (w->n_looked++ >= SL_WRITTEN_LOOK_MAX) {
			w->ret->is_partial = true;
			break;
		}
		r = visit(w, dirfd(d), e->d_name, dir);
	}
	return r;
}

static int
look_at(struct written *w, struct sl_slice path)
{
	SL_AUTO_FD fd = sl_os_open_abs((const char *)path.p, O_PATH);
	struct ws_st st;
	int r = 0;

	if (fd < 0 || (r = ws_stat(fd, "", &st)) < 0) {
		w->ret->is_partial = true;
		return 0;
	}
	w->root = path;
	w->tail = last_two(path);
	w->n_dirs = 0;
	if (st.type != SL_WT_DIR) { /* a file that was granted by itself */
		if (w->n_looked++ >= SL_WRITTEN_LOOK_MAX)
			w->ret->is_partial = true;
		else if (st.type == SL_WT_FILE && st.ctime_ns >= w->since_ns)
			r = judge(w, fd, "", SL_LIT(""), &st);
		return r;
	}
	w->dir[w->n_dirs++] = SL_LIT("");
	for (size_t i = 0; r == 0 && i < w->n_dirs && w->n_looked <= SL_WRITTEN_LOOK_MAX;
	     i++)
		r = list(w, fd, w->dir[i]);
	return r;
}

static bool
is_writing(const struct sl_grant *g)
{
	for (size_t i = 0; i < g->n_fs; i++)
		if ((g->fs[i].access & SL_ACC_WRITE) != 0)
			return true;
	return false;
}

void
sl_written_look(const struct sl_grant *g, const char *masked, int64_t since_ns,
		struct sl_arena *a, struct sl_written *ret)
{
	struct written w = { .since_ns = since_ns, .a = a, .ret = ret, .masked = masked };

	*ret = (struct sl_written){ 0 };
	if (!is_writing(g))
		return;
	w.dir = SL_NEW_N(a, struct sl_slice, SL_WRITTEN_LOOK_MAX + 1);
	ret->changes.item = SL_NEW_N(a, struct sl_ws_change, SL_WRITTEN_LOOK_MAX + 1);
	ret->is_partial = w.dir == NULL || ret->changes.item == NULL;
	for (size_t i = 0; i < g->n_fs && !ret->is_partial; i++) {
		struct sl_slice path = sl_arena_dup(a, g->fs[i].path);

		if ((g->fs[i].access & SL_ACC_WRITE) != 0 &&
		    (path.p == NULL || look_at(&w, path) < 0))
			ret->is_partial = true;
	}
}
