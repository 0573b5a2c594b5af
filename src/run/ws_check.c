/* ws_check.c -- before anything is applied: what stands in the target, and which
 * changes are held back. */
#include "base/auto.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>

enum there {
	IS_BASE, /* what the change started from */
	IS_NEW,  /* what the change wants */
	IS_OTHER
};

struct check {
	const struct sl_ws_apply *o;
	struct sl_ws_changes *c;
	struct sl_arena *a;
	struct sl_err *err;
};

/* The place is not what it was: gone, or below something else. */
static bool
is_gone(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EXDEV;
}

/* The digest of what stands there, as a manifest has it; 0, 1 or -errno: 0 if it
 * cannot be told. */
static int
digest_of(int dir, const char *name, const struct ws_st *st, struct sl_arena *a,
	  uint8_t digest[SL_SHA256_LEN])
{
	SL_AUTO_FD fd = -1;
	struct sl_slice link;
	uint64_t size;
	int r;

	if (st->type == SL_WT_SPECIAL) {
		ws_special_digest(st, digest);
		return 1;
	}
	if (st->type == SL_WT_LINK) {
		if ((r = ws_read_link(dir, name, a, &link)) < 0)
			return is_gone(r) || r == -EINVAL ? 0 : r;
		sl_sha256(link, digest);
		return 1;
	}
	if ((fd = ws_open(dir, name, O_RDONLY)) < 0)
		return is_gone(fd) || fd == -EACCES ? 0 : fd;
	r = ws_hash_fd(fd, digest, &size);
	return r < 0 ? r : 1;
}

int
ws_is_like(int at, const struct sl_ws_entry *e, int64_t stamp_ns, struct sl_arena *a)
{
	const char *name;
	SL_AUTO_FD dir = ws_open_parent(at, (const char *)e->path.p, &name);
	uint8_t digest[SL_SHA256_LEN];
	struct ws_st st = { 0 };
	int r;

	if (dir < 0)
		return is_gone(dir) ? 0 : dir;
	if ((r = ws_stat(dir, name, &st)) < 0)
		return is_gone(r) ? 0 : r;
	if (e->type == SL_WT_CLOSED_FILE || e->type == SL_WT_CLOSED_DIR)
		return st.fmt == (e->type == SL_WT_CLOSED_DIR ? S_IFDIR : S_IFREG) &&
		       st.dev == e->dev && st.ino == e->ino && st.ctime_ns == e->ctime_ns;
	if (st.type == SL_WT_WHITEOUT)
		st.type = SL_WT_SPECIAL;
	if (st.type != e->type || (st.type != SL_WT_LINK && st.mode != e->mode))
		return 0;
	if (st.type == SL_WT_DIR || st.type == SL_WT_MOUNT)
		return 1;
	if (st.type == SL_WT_FILE && st.size != e->size)
		return 0;
	if (st.type == SL_WT_FILE && ws_is_unchanged(e, &st, stamp_ns))
		return 1;
	if ((r = digest_of(dir, name, &st, a, digest)) <= 0)
		return r;
	return memcmp(digest, e->digest, sizeof(digest)) == 0;
}

/* Everything in the directory is in the manifest. */
static int
is_known(struct check *k, int dir_fd, const char *name, struct sl_slice path)
{
	SL_AUTO_DIR d = NULL;
	SL_AUTO_FD fd = ws_open(dir_fd, name, O_RDONLY | O_DIRECTORY);
	SL_AUTO_BUF full = { .max = (size_t)2 * SL_WS_PATH_MAX };
	struct dirent *e;

	if (fd < 0)
		return fd == -EACCES || is_gone(fd) ? 0 : fd;
	if ((d = fdopendir(fd)) == NULL)
		return -errno;
	(void)sl_steal_fd(&fd);
	while ((void)(errno = 0), (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		sl_buf_clear(&full);
		sl_buf_slice(&full, path);
		sl_buf_byte(&full, '/');
		sl_buf_str(&full, e->d_name);
		if (full.is_failed)
			return -ENOMEM;
		if (sl_ws_find(k->o->base, sl_buf_get(&full)) == NULL)
			return 0;
	}
	return errno != 0 ? -errno : 1;
}

/* Does what is there (st, in dir_fd) equal what the change wants? */
static int
is_new(struct check *k, const struct sl_ws_change *c, const struct ws_st *st)
{
	struct sl_ws_entry e = { .path = c->path, .type = c->type, .size = c->size };

	if (st->type != c->type)
		return 0;
	if (c->type == SL_WT_DIR)
		return c->kind != SL_WK_MODE || (st->mode & 01777) == (c->mode & 01777);
	if (c->type != SL_WT_LINK && st->mode != (c->mode & 0777))
		return 0;
	e.mode = st->mode;
	memcpy(e.digest, c->digest, sizeof(e.digest));
	return ws_is_like(k->o->target_fd, &e, INT64_MIN, k->a);
}

/* Something stands there (seen, in dir): the base's, the new one, or a third. */
static int
judge(struct check *k, const struct sl_ws_change *c, int dir, const char *name,
      const struct ws_st *seen)
{
	int r;

	if (c->kind != SL_WK_DELETED && (r = is_new(k, c, seen)) != 0)
		return r < 0 ? r : IS_NEW;
	if (c->kind == SL_WK_ADDED)
		return IS_OTHER;
	if ((r = ws_is_like(k->o->target_fd, c->base, k->o->base->stamp_ns, k->a)) <= 0)
		return r < 0 ? r : IS_OTHER;
	if (c->base->type != SL_WT_DIR || c->kind == SL_WK_MODE)
		return IS_BASE;
	r = is_known(k, dir, name, c->path);
	return r < 0 ? r : r == 0 ? IS_OTHER : IS_BASE;
}

/* Returns an enum there, or -errno; *seen as found (type 0: nothing). */
static int
look(struct check *k, const struct sl_ws_change *c, struct ws_st *seen)
{
	const char *name;
	SL_AUTO_FD dir = ws_open_parent(k->o->target_fd, (const char *)c->path.p, &name);
	int r;

	*seen = (struct ws_st){ 0 };
	if (dir == -ENOENT && c->kind == SL_WK_DELETED)
		return IS_NEW;
	if (dir < 0)
		return is_gone(dir) ? IS_OTHER : dir;
	if ((r = ws_stat(dir, name, seen)) == 0)
		return judge(k, c, dir, name, seen);
	if (r != -ENOENT)
		return r;
	*seen = (struct ws_st){ 0 };
	return c->kind == SL_WK_DELETED ? IS_NEW
	       : c->kind == SL_WK_ADDED ? IS_BASE
					: IS_OTHER;
}

static bool
is_named(const struct sl_ws_apply *o, struct sl_slice path)
{
	for (size_t i = 0; i < o->n_allow; i++) {
		struct sl_slice n = o->allow[i];

		while (n.len > 0 && n.p[n.len - 1] == '/')
			n.len--;
		if (n.len > 0 && sl_slice_starts(path, n) &&
		    (path.len == n.len || path.p[n.len] == '/'))
			return true;
	}
	return false;
}

/* What was asked for by name needs the directories that it lies in. */
static bool
leads_to_named(const struct sl_ws_apply *o, const struct sl_ws_change *c)
{
	for (size_t i = 0; i < o->n_allow && c->type == SL_WT_DIR; i++)
		if (o->allow[i].len > c->path.len &&
		    sl_slice_starts(o->allow[i], c->path) &&
		    o->allow[i].p[c->path.len] == '/')
			return true;
	return false;
}

/* The flags of c that hold it back. */
static unsigned
holding(const struct sl_ws_apply *o, const struct sl_ws_change *c)
{
	unsigned lifted = o->is_job_named ? SL_WW_JOBS : 0;

	if (c->warn != 0 && leads_to_named(o, c))
		lifted |= SL_WW_RUNS | SL_WW_MISLEADS;
	if (c->warn != 0 && is_named(o, c->path)) {
		lifted |= SL_WW_LINK | SL_WW_SETID | SL_WW_RUNS | SL_WW_MISLEADS;
		if (ws_is_fifo(c))
			lifted |= SL_WW_SPECIAL;
	}
	return c->warn & ~lifted;
}

static bool
is_dir_gone(const struct sl_ws_change *c)
{
	return c->base != NULL && c->base->type == SL_WT_DIR &&
	       (c->kind == SL_WK_DELETED || c->kind == SL_WK_TYPE);
}

/* Directories come before what is in them, so one pass in order is enough. */
static int
check_one(struct check *k, size_t i, struct ws_task *task)
{
	struct sl_ws_change *c = &k->c->item[i];
	struct sl_ws_change *up = ws_find_change(k->c, ws_parent(c->path));
	struct ws_task *t = &task[i];
	size_t u = up == NULL ? WS_TOP : (size_t)(up - k->c->item);
	int r;

	*t =
	    (struct ws_task){ .group = i, .under = WS_TOP, .is_removal = is_dir_gone(c) };
	c->warn &= ~(unsigned)(SL_WW_BASE | SL_WW_PART);
	c->outcome = SL_WO_NONE;
	if (c->kind == SL_WK_DELETED && up != NULL && task[u].is_removal)
		t->group = task[u].group;
	if (up != NULL && up->type == SL_WT_DIR && up->outcome != SL_WO_SAME &&
	    (up->kind == SL_WK_ADDED || up->kind == SL_WK_TYPE)) {
		t->under = task[u].under != WS_TOP ? task[u].under : u;
		if (up->outcome == SL_WO_HELD)
			c->warn |= SL_WW_PART;
	} else {
		if ((r = look(k, c, &t->seen)) < 0)
			return SL_ERR_SYS(k->err, r, "cannot look at '%.*s'",
					  SL_ARG(c->path));
		if (r == IS_NEW) {
			c->outcome = SL_WO_SAME;
			return 0;
		}
		if (r == IS_OTHER)
			c->warn |= SL_WW_BASE;
	}
	if (holding(k->o, c) != 0)
		c->outcome = SL_WO_HELD;
	return 0;
}

int
ws_check(const struct sl_ws_apply *o, struct sl_ws_changes *c, struct sl_arena *a,
	 struct ws_task *task, struct sl_err *err)
{
	struct check k = { o, c, a, err };
	int r;

	for (size_t i = 0; i < c->n; i++)
		if ((r = check_one(&k, i, task)) < 0)
			return r;
	/* a tree goes whole or stays whole: the top carries the verdict */
	for (size_t i = 0; i < c->n; i++) {
		struct sl_ws_change *top = &c->item[task[i].group];

		if (c->item[i].outcome == SL_WO_HELD && top->outcome != SL_WO_HELD) {
			top->outcome = SL_WO_HELD;
			top->warn |= SL_WW_PART;
		}
	}
	for (size_t i = 0; i < c->n; i++) {
		struct sl_ws_change *e = &c->item[i];

		if (c->item[task[i].group].outcome == SL_WO_HELD &&
		    e->outcome == SL_WO_NONE) {
			e->outcome = SL_WO_HELD;
			e->warn |= SL_WW_PART;
		}
	}
	return 0;
}

int
sl_ws_mark_base(int target_fd, const struct sl_ws_manifest *base, struct sl_ws_changes *c,
		struct sl_arena *a, struct sl_err *err)
{
	const struct sl_ws_apply o = { .target_fd = target_fd,
				       .left_fd = -1,
				       .base = base };
	struct ws_task *task = SL_NEW_N(a, struct ws_task, c->n + 1);
	int r;

	if (task == NULL)
		return SL_ERR(err, NOMEM, "out of memory for %zu changes", c->n);
	if ((r = ws_check(&o, c, a, task, err)) < 0)
		return r;
	for (size_t i = 0; i < c->n; i++) {
		c->item[i].outcome = SL_WO_NONE;
		c->item[i].warn &= ~(unsigned)SL_WW_PART;
	}
	return 0;
}
