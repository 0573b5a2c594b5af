/* ws_walk.c -- lists a tree, depth first, one descriptor a level. */
#include "base/auto.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

enum { TRIES = 4 };

struct node {
	struct node *next;
	struct sl_ws_entry e;
};

struct frame {
	DIR *dir;
	size_t len;         /* of the path up to and with the slash */
	int mode;           /* to give back when it is left, or -1 */
	bool has_whiteouts; /* by attribute, beside the device nodes */
};

struct walk {
	const struct ws_walk_opts *o;
	struct sl_arena *a;
	struct sl_err *err;
	struct node *head;
	struct sl_ws_manifest *m;
	struct sl_buf *path;
	size_t n_paths; /* bytes */
	struct frame *st;
	size_t depth;
};

static void
pop(struct walk *w)
{
	struct frame *f = &w->st[--w->depth];

	if (f->mode >= 0)
		(void)fchmod(dirfd(f->dir), (mode_t)f->mode);
	(void)closedir(f->dir);
}

/* Takes fd.  mode: see struct frame. */
static int
push(struct walk *w, int fd, int mode)
{
	struct frame *f = &w->st[w->depth];

	f->dir = fdopendir(fd);
	f->mode = mode;
	f->has_whiteouts = false;
	f->len = w->path->len;
	if (f->dir == NULL) {
		int e = -errno;

		if (mode >= 0)
			(void)fchmod(fd, (mode_t)mode);
		(void)close(fd);
		return SL_ERR_SYS(w->err, e, "cannot read a directory");
	}
	w->depth++;
	return 0;
}

/* NULL when *w->err is set. */
static struct sl_ws_entry *
add(struct walk *w, const struct sl_ws_entry *e)
{
	struct node *n;

	if (w->m->n >= SL_WS_ENTRIES_MAX) {
		SL_ERR(w->err, LIMIT, "'%.*s': more than %d entries", SL_ARG(e->path),
		       SL_WS_ENTRIES_MAX);
		return NULL;
	}
	w->n_paths += e->path.len;
	if (w->n_paths > SL_WS_PATHS_MAX) {
		SL_ERR(w->err, LIMIT, "'%.*s': paths of more than %d bytes",
		       SL_ARG(e->path), SL_WS_PATHS_MAX);
		return NULL;
	}
	if ((n = SL_NEW(w->a, struct node)) == NULL) {
		SL_ERR(w->err, NOMEM, "out of memory for the workspace's entries");
		return NULL;
	}
	n->e = *e;
	n->e.path = sl_arena_dup(w->a, e->path);
	if (n->e.path.p == NULL) {
		SL_ERR(w->err, NOMEM, "out of memory for the workspace's entries");
		return NULL;
	}
	n->next = w->head;
	w->head = n;
	w->m->n++;
	return &n->e;
}

/* An attribute's first byte, 0 where it is empty, -1 where there is none. */
static int
mark(int fd, const char *name)
{
	char v[8];
	ssize_t n = fgetxattr(fd, name, v, sizeof(v));

	if (n < 0)
		return errno == ERANGE ? 0 : -1;
	return n == 0 ? 0 : (unsigned char)v[0];
}

/* Redirects and metacopy are off in our mounts: following one here would take content
 * from where the job pointed. */
static int
foreign_mark(struct walk *w, int fd, struct sl_slice path)
{
	if (mark(fd, "user.overlay.redirect") < 0 &&
	    mark(fd, "user.overlay.metacopy") < 0)
		return 0;
	return SL_ERR(w->err, FORMAT, "'%.*s': a redirect or metacopy mark in an upper",
		      SL_ARG(path));
}

static int
enter(struct walk *w, int at, const char *name, struct sl_ws_entry *e)
{
	int mode, r, fd = ws_open_dir(at, name, w->o->is_ours, &mode);

	if (fd == -EACCES || fd == -EPERM) {
		e->type = SL_WT_CLOSED_DIR;
		return 0;
	}
	if (fd == -EXDEV) {
		e->type = SL_WT_MOUNT;
		return 0;
	}
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0; /* replaced meanwhile: the next look finds its stat data changed
			   */
	if (fd < 0)
		return SL_ERR_SYS(w->err, fd, "cannot open '%.*s'", SL_ARG(e->path));
	if (w->depth >= SL_WS_DEPTH_MAX) {
		if (mode >= 0)
			(void)fchmod(fd, (mode_t)mode);
		(void)close(fd);
		return SL_ERR(w->err, LIMIT, "'%.*s': more than %d directories deep",
			      SL_ARG(e->path), SL_WS_DEPTH_MAX);
	}
	sl_buf_byte(w->path, '/');
	if ((r = push(w, fd, mode)) < 0)
		return r;
	if (w->o->is_overlay) {
		int c = mark(fd, "user.overlay.opaque");

		e->is_opaque = c == 'y';
		w->st[w->depth - 1].has_whiteouts = c == 'x';
		return foreign_mark(w, fd, e->path);
	}
	return 0;
}

/* Not there as a file any more: look again. */
static bool
is_replaced(int r)
{
	return r == -ENOENT || r == -ELOOP || r == -ENXIO || r == -EXDEV;
}

/* As overlayfs: a mark counts only in a directory that says there may be some. */
static bool
is_whiteout(const struct walk *w, int fd, const struct ws_st *st)
{
	return w->o->is_overlay && st->size == 0 && w->st[w->depth - 1].has_whiteouts &&
	       mark(fd, "user.overlay.whiteout") >= 0;
}

static int
hash_open(struct walk *w, int fd, struct sl_ws_entry *e)
{
	struct ws_st st = { 0 };
	uint64_t size = 0;
	int r = ws_stat(fd, "", &st);

	if (r < 0)
		return SL_ERR_SYS(w->err, r, "cannot look at '%.*s'", SL_ARG(e->path));
	if (st.type != SL_WT_FILE)
		return -EAGAIN;
	if (is_whiteout(w, fd, &st)) {
		e->type = SL_WT_WHITEOUT;
		e->size = 0;
		return 0;
	}
	if (w->o->is_overlay && (r = foreign_mark(w, fd, e->path)) < 0)
		return r;
	if ((r = ws_hash_fd(fd, e->digest, &size)) < 0)
		return SL_ERR_SYS(w->err, r, "cannot read '%.*s'", SL_ARG(e->path));
	/* the size that was hashed: it may have grown since the look at it */
	e->size = size;
	w->m->n_hashed++;
	return 0;
}

/* The digest of a file's content: 0, -EAGAIN when it is something else by now. */
static int
hash_file(struct walk *w, int at, const char *name, struct sl_ws_entry *e)
{
	SL_AUTO_FD fd = ws_open(at, name, O_RDONLY);

	if (fd == -EACCES && w->o->is_ours)
		fd = ws_open_ours(at, name, O_RDONLY);
	if (fd == -EACCES || fd == -EPERM) {
		e->type = SL_WT_CLOSED_FILE;
		e->size = 0;
		return 0;
	}
	if (fd < 0)
		return is_replaced(fd) ? -EAGAIN
				       : SL_ERR_SYS(w->err, fd, "cannot open '%.*s'",
						    SL_ARG(e->path));
	return hash_open(w, fd, e);
}

static int
look_file(struct walk *w, int at, const char *name, struct sl_ws_entry *e,
	  const struct ws_st *st)
{
	const struct sl_ws_manifest *known = w->o->known;
	const struct sl_ws_entry *k = known == NULL ? NULL : sl_ws_find(known, e->path);

	e->size = st->size;
	if (k == NULL || k->type != SL_WT_FILE ||
	    !ws_is_unchanged(k, st, known->stamp_ns))
		return hash_file(w, at, name, e);
	memcpy(e->digest, k->digest, sizeof(e->digest));
	return 0;
}

static int
look_link(struct walk *w, int at, const char *name, struct sl_ws_entry *e)
{
	int r = ws_read_link(at, name, w->a, &e->link);

	e->mode = 0;
	if (r == -ENOENT || r == -EINVAL)
		return -EAGAIN;
	if (r == -ENOMEM)
		return SL_ERR(w->err, NOMEM, "out of memory for a link");
	if (r < 0)
		return SL_ERR_SYS(w->err, r, "cannot read the link '%.*s'",
				  SL_ARG(e->path));
	sl_sha256(e->link, e->digest);
	return 0;
}

static bool
is_masked(const struct walk *w, const struct sl_ws_entry *e)
{
	const struct sl_ws_entry *was;

	if (w->o->masked_ino != 0 && e->ino == w->o->masked_ino &&
	    e->dev == w->o->masked_dev)
		return true;
	was = w->o->is_again ? sl_ws_find(w->o->known, e->path) : NULL;
	return was != NULL && was->type == SL_WT_MOUNT && was->ino == e->ino &&
	       was->dev == e->dev;
}

/* One entry: its type, and what its digest needs. */
static int
look(struct walk *w, int at, const char *name, struct sl_ws_entry *e, struct ws_st *st)
{
	int r = ws_stat(at, name, st);

	if (r == -EACCES) { /* a directory that can be listed but not searched */
		e->type = SL_WT_CLOSED_FILE;
		return 0;
	}
	if (r == -ENOENT)
		return -ENOENT;
	if (r < 0)
		return SL_ERR_SYS(w->err, r, "cannot look at '%.*s'", SL_ARG(e->path));
	e->type = st->type;
	e->mode = st->mode;
	e->dev = st->dev;
	e->ino = st->ino;
	e->mtime_ns = st->mtime_ns;
	e->ctime_ns = st->ctime_ns;
	switch (st->type) {
	case SL_WT_FILE:
		return look_file(w, at, name, e, st);
	case SL_WT_LINK:
		return look_link(w, at, name, e);
	case SL_WT_WHITEOUT:
		if (w->o->is_overlay) {
			e->mode = 0;
			return 0;
		}
		e->type = SL_WT_SPECIAL;
		ws_special_digest(st, e->digest);
		return 0;
	case SL_WT_SPECIAL:
		ws_special_digest(st, e->digest);
		return 0;
	case SL_WT_DIR:
		if (is_masked(w, e))
			e->type = SL_WT_MOUNT;
		return 0;
	case SL_WT_MOUNT:
	case SL_WT_CLOSED_FILE:
	case SL_WT_CLOSED_DIR:
	default:
		return 0;
	}
}

static int
visit(struct walk *w, const char *name)
{
	int at = dirfd(w->st[w->depth - 1].dir), r = -EAGAIN;
	struct sl_ws_entry e = { 0 }, *kept;
	struct sl_slice path;
	struct ws_st st = { 0 };

	w->path->len = w->st[w->depth - 1].len;
	sl_buf_str(w->path, name);
	path = sl_buf_get(w->path);
	if (w->path->is_failed)
		return SL_ERR(w->err, NOMEM, "out of memory for a path");
	if (path.len > SL_WS_PATH_MAX)
		return SL_ERR(w->err, LIMIT, "'%.*s...': path of more than %d bytes",
			      SL_ARG(path), SL_WS_PATH_MAX);
	/* -EAGAIN: it turned into something else between two looks */
	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		e = (struct sl_ws_entry){ .path = path };
		r = look(w, at, name, &e, &st);
		if (r < 0 && w->err->code != 0)
			return r;
	}
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return SL_ERR(w->err, SYS, "'%.*s' keeps changing", SL_ARG(path));
	if ((kept = add(w, &e)) == NULL)
		return w->err->code;
	return e.type == SL_WT_DIR ? enter(w, at, name, kept) : 0;
}

static int
run(struct walk *w)
{
	int r;

	while (w->depth > 0) {
		struct dirent *d;

		errno = 0;
		d = readdir(w->st[w->depth - 1].dir);
		if (d == NULL && errno != 0) {
			int e = -errno;

			w->path->len = w->st[w->depth - 1].len;
			return SL_ERR_SYS(w->err, e, "cannot list '%.*s'",
					  SL_ARG(sl_buf_get(w->path)));
		}
		if (d == NULL) {
			pop(w);
			continue;
		}
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if ((r = visit(w, d->d_name)) < 0)
			return r;
	}
	return 0;
}

/* The root: a mount itself as likely as not, hence "." */
static int
start(struct walk *w, int dir_fd)
{
	int mode, r, fd = ws_open_dir(dir_fd, ".", w->o->is_ours, &mode);

	if (fd < 0)
		return SL_ERR_SYS(w->err, fd, "cannot read the workspace");
	if ((r = push(w, fd, mode)) < 0 || !w->o->is_overlay)
		return r;
	w->st[0].has_whiteouts = mark(fd, "user.overlay.opaque") == 'x';
	return foreign_mark(w, fd, SL_LIT("."));
}

int
ws_walk(int dir_fd, const struct ws_walk_opts *o, struct sl_arena *a,
	struct sl_ws_manifest **ret, struct sl_err *err)
{
	struct frame *st = SL_NEW_N(a, struct frame, SL_WS_DEPTH_MAX);
	SL_AUTO_BUF path = { .max = SL_WS_PATH_MAX + 1024 };
	struct sl_err local = { 0 };
	struct walk w = { .o = o, .a = a, .err = &local, .st = st, .path = &path };
	const struct sl_ws_entry **entry;
	size_t n;
	int r;

	w.m = SL_NEW(a, struct sl_ws_manifest);
	if (st == NULL || w.m == NULL)
		return SL_ERR(err, NOMEM, "out of memory for the workspace");
	w.m->stamp_ns = ws_now();
	if ((r = start(&w, dir_fd)) == 0)
		r = run(&w);
	while (w.depth > 0)
		pop(&w);
	if (r < 0) {
		*err = local;
		return r;
	}
	n = w.m->n;
	if ((entry = SL_NEW_N(a, const struct sl_ws_entry *, n + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for the workspace's entries");
	for (struct node *k = w.head; k != NULL; k = k->next)
		entry[--n] = &k->e;
	w.m->entry = entry;
	if ((r = ws_finish(w.m, err)) < 0)
		return r;
	*ret = w.m;
	return 0;
}
