/* ws_apply.c -- see ws_changes.h: stage everything, sync, then rename into place. */
#include "base/auto.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>

enum { BULK = 64 /* more files than this are synced together */ };

struct apply {
	const struct sl_ws_apply *o;
	struct sl_ws_changes *c;
	struct ws_task *task;
	struct sl_err *err;
	struct ws_st root; /* of the target directory: its owner is everybody's */
	uint64_t id;       /* of the temporary names */
	bool is_bulk;
};

struct tmp {
	char s[64];
};

static struct tmp
tmp_name(const struct apply *ap, size_t i)
{
	struct tmp t;

	(void)snprintf(t.s, sizeof(t.s), ".sluice-apply-%016llx-%zx",
		       (unsigned long long)ap->id, i);
	return t;
}

static const char *
path_of(const struct apply *ap, size_t i)
{
	return (const char *)ap->c->item[i].path.p;
}

static int
fail(const struct apply *ap, int r, const char *what, size_t i)
{
	return SL_ERR_SYS(ap->err, r, "cannot %s '%.*s'", what,
			  SL_ARG(ap->c->item[i].path));
}

static bool
is_wanted(const struct sl_ws_change *c)
{
	return c->outcome == SL_WO_NONE;
}

/* Directories change their mode in place; everything else that is new is staged. */
static bool
is_chmod(const struct sl_ws_change *c)
{
	return c->kind == SL_WK_MODE && c->type == SL_WT_DIR;
}

/* Opens the directory in which change i is staged, and says under which name. */
static int
stage_place(const struct apply *ap, size_t i, struct tmp *name, const char **ret_name)
{
	SL_AUTO_BUF b = { .max = (size_t)3 * SL_WS_PATH_MAX };
	size_t u = ap->task[i].under;
	struct tmp top;
	struct sl_slice up, rest;

	if (u == WS_TOP) {
		const char *unused;

		*name = tmp_name(ap, i);
		*ret_name = name->s;
		return ws_open_parent(ap->o->target_fd, path_of(ap, i), &unused);
	}
	top = tmp_name(ap, u);
	up = ws_parent(ap->c->item[u].path);
	rest = sl_slice_skip(ap->c->item[i].path, ap->c->item[u].path.len);
	sl_buf_slice(&b, up);
	if (up.len > 0)
		sl_buf_byte(&b, '/');
	sl_buf_str(&b, top.s);
	sl_buf_slice(&b, rest);
	if (b.is_failed)
		return -ENOMEM;
	*ret_name = strrchr(path_of(ap, i), '/') + 1;
	return ws_open_parent(ap->o->target_fd, (const char *)b.p,
			      &(const char *){ NULL });
}

/* Root gives what it made (fd, O_PATH will do) to the directory's owner; a set-group-ID
 * directory has chosen the group already. */
static int
give(const struct apply *ap, int dir, int fd)
{
	struct ws_st st, made;
	gid_t gid = ap->root.gid;
	int r;

	if (geteuid() != 0)
		return 0;
	if ((r = ws_stat(dir, "", &st)) < 0 || (r = ws_stat(fd, "", &made)) < 0)
		return r;
	/* the directory's owner may have put something of another's in its place */
	if (made.uid != 0 && made.uid != ap->root.uid)
		return -ESTALE;
	if ((st.mode & S_ISGID) != 0)
		gid = (gid_t)-1;
	return fchownat(fd, "", ap->root.uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int
stage_file(struct apply *ap, size_t i, int dir, const char *name)
{
	const struct sl_ws_change *c = &ap->c->item[i];
	SL_AUTO_FD in = ws_open_ours(ap->o->left_fd, path_of(ap, i), O_RDONLY);
	SL_AUTO_FD out = -1;
	uint8_t digest[SL_SHA256_LEN];
	struct ws_st st;
	uint64_t size;
	int r = 0;

	if (in < 0 || (r = ws_stat(in, "", &st)) < 0)
		return fail(ap, in < 0 ? in : r, "read what the job left at", i);
	if (st.type != SL_WT_FILE)
		return fail(ap, -ESTALE, "read what the job left at", i);
	out =
	    openat(dir, name,
		   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
	if (out < 0)
		return fail(ap, -errno, "write", i);
	ap->task[i].is_staged = ap->task[i].under == WS_TOP;
	if ((r = ws_copy_hashed(in, out, digest, &size)) < 0)
		return fail(ap, r, "write", i);
	if (size != c->size || memcmp(digest, c->digest, sizeof(digest)) != 0)
		return SL_ERR(ap->err, VERIFY,
			      "'%.*s' is not what the list of changes says",
			      SL_ARG(c->path));
	if ((r = give(ap, dir, out)) < 0)
		return fail(ap, r, "give away", i);
	if (fchmod(out, c->mode & 0777) < 0)
		return fail(ap, -errno, "set the mode of", i);
	if ((r = ws_set_times(out, st.mtime_ns)) < 0)
		return fail(ap, r, "set the time of", i);
	if (!ap->is_bulk && fsync(out) < 0)
		return fail(ap, -errno, "sync", i);
	return 0;
}

static int
stage_node(struct apply *ap, size_t i, int dir, const char *name)
{
	const struct sl_ws_change *c = &ap->c->item[i];
	int r = 0;

	if (c->type == SL_WT_DIR)
		r = mkdirat(dir, name, 0700);
	else if (c->type == SL_WT_LINK)
		r = symlinkat((const char *)c->link.p, dir, name);
	else
		r = mkfifoat(dir, name, c->mode & 0777); /* all else was held back */
	if (r < 0)
		return fail(ap, -errno, "make", i);
	ap->task[i].is_staged = ap->task[i].under == WS_TOP;
	SL_AUTO_FD fd = ws_open(dir, name, O_PATH);

	if (fd < 0 || (r = give(ap, dir, fd)) < 0)
		return fail(ap, fd < 0 ? fd : r, "give away", i);
	if (c->type == SL_WT_SPECIAL && (r = ws_chmod(fd, c->mode & 0777)) < 0)
		return fail(ap, r, "set the mode of", i);
	return 0;
}

static int
stage_one(struct apply *ap, size_t i)
{
	struct tmp buf;
	const char *name;
	SL_AUTO_FD dir = stage_place(ap, i, &buf, &name);

	if (dir < 0)
		return fail(ap, dir, "reach", i);
	if (ap->c->item[i].type == SL_WT_FILE)
		return stage_file(ap, i, dir, name);
	return stage_node(ap, i, dir, name);
}

/* A new directory's mode is set when everything is in it. */
static int
close_dir(struct apply *ap, size_t i)
{
	struct tmp buf;
	const char *name;
	SL_AUTO_FD dir = stage_place(ap, i, &buf, &name);
	SL_AUTO_FD fd = dir < 0 ? -1 : ws_open(dir, name, O_RDONLY | O_DIRECTORY);
	struct ws_st st;
	int r = 0;

	if (fd < 0 || (r = ws_stat(fd, "", &st)) < 0)
		return fail(ap, dir < 0 ? dir : fd < 0 ? fd : r, "reach", i);
	if (fchmod(fd, (ap->c->item[i].mode & 01777u) | (st.mode & S_ISGID)) < 0)
		return fail(ap, -errno, "set the mode of", i);
	if (!ap->is_bulk && fsync(fd) < 0)
		return fail(ap, -errno, "sync", i);
	return 0;
}

static bool
is_staging(const struct sl_ws_change *c)
{
	return is_wanted(c) && c->kind != SL_WK_DELETED && !is_chmod(c);
}

static int
stage(struct apply *ap)
{
	int r;

	for (size_t i = 0; i < ap->c->n; i++)
		if (is_staging(&ap->c->item[i]) && (r = stage_one(ap, i)) < 0)
			return r;
	for (size_t i = ap->c->n; i-- > 0;)
		if (is_staging(&ap->c->item[i]) && ap->c->item[i].type == SL_WT_DIR &&
		    (r = close_dir(ap, i)) < 0)
			return r;
	if (ap->is_bulk && syncfs(ap->o->target_fd) < 0)
		return SL_ERR_SYS(ap->err, -errno, "cannot sync the target");
	return 0;
}

/* Removes the temporary names that were not renamed into place. */
static void
unstage(struct apply *ap)
{
	for (size_t i = 0; i < ap->c->n; i++) {
		struct sl_err ignored = { 0 };
		struct tmp buf;
		const char *name;

		if (!ap->task[i].is_staged)
			continue;
		SL_AUTO_FD dir = stage_place(ap, i, &buf, &name);

		if (dir >= 0)
			(void)!sl_ws_remove(dir, name, &ignored);
		ap->task[i].is_staged = false;
	}
}

/* A directory's new mode, by the descriptor of that very directory. */
static int
set_dir_mode(struct apply *ap, size_t i, unsigned mode)
{
	SL_AUTO_FD fd = ws_open(ap->o->target_fd, path_of(ap, i), O_PATH | O_DIRECTORY);
	struct ws_st st;
	int r = 0;

	if (fd < 0 || (r = ws_stat(fd, "", &st)) < 0)
		return fail(ap, fd < 0 ? fd : r, "reach", i);
	if (st.dev != ap->task[i].seen.dev || st.ino != ap->task[i].seen.ino)
		return fail(ap, -ESTALE, "set the mode of", i);
	r = ws_chmod(fd, (mode & 01777u) | (st.mode & 06000u));
	return r < 0 ? fail(ap, r, "set the mode of", i) : 0;
}

/* Modes that open a directory come first, those that close one last. */
static bool
is_opening(const struct apply *ap, size_t i)
{
	const struct sl_ws_change *c = &ap->c->item[i];

	return is_chmod(c) && (c->mode & 0300) == 0300 &&
	       (ap->task[i].seen.mode & 0300) != 0300;
}

static int
set_modes(struct apply *ap, bool is_first)
{
	int r;

	for (size_t k = 0; k < ap->c->n; k++) {
		size_t i = is_first ? k : ap->c->n - 1 - k;
		struct sl_ws_change *c = &ap->c->item[i];

		if (!is_wanted(c) || !is_chmod(c) || is_opening(ap, i) != is_first)
			continue;
		if ((r = set_dir_mode(ap, i, c->mode)) < 0)
			return r;
		c->outcome = SL_WO_APPLIED;
	}
	return 0;
}

/* Nothing else is done yet: close what set_modes() opened. */
static void
reset_modes(struct apply *ap)
{
	for (size_t i = ap->c->n; i-- > 0;) {
		struct sl_err ignored = { 0 };
		struct apply quiet = *ap;

		quiet.err = &ignored;
		if (ap->c->item[i].outcome == SL_WO_APPLIED &&
		    set_dir_mode(&quiet, i, ap->task[i].seen.mode) == 0)
			ap->c->item[i].outcome = SL_WO_NONE;
	}
}

/* What stands under name now is what was checked. */
static bool
is_as_seen(int dir, const char *name, const struct ws_st *seen)
{
	struct ws_st st;

	return ws_stat(dir, name, &st) == 0 && st.fmt == seen->fmt &&
	       st.dev == seen->dev && st.ino == seen->ino && st.size == seen->size &&
	       st.mtime_ns == seen->mtime_ns;
}

static int
rename_new(int dir, const char *from, const char *to)
{
	if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (faccessat(dir, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(dir, from, dir, to) < 0 ? -errno : 0;
}

/* Puts tmp in name's place only if that held what was checked, and leaves nothing
 * under tmp. */
static int
replace(int dir, const char *tmp, const char *name, const struct ws_st *seen)
{
	if (renameat2(dir, tmp, dir, name, RENAME_EXCHANGE) < 0) {
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
		/* no exchange here: a last look, and a narrow race */
		if (!is_as_seen(dir, name, seen))
			return -ESTALE;
		if (renameat(dir, tmp, dir, name) == 0)
			return 0;
		if (errno != ENOTDIR || unlinkat(dir, name, 0) < 0)
			return -errno;
		return rename_new(dir, tmp, name);
	}
	if (!is_as_seen(dir, tmp, seen)) {
		(void)renameat2(dir, tmp, dir, name, RENAME_EXCHANGE);
		return -ESTALE;
	}
	return unlinkat(dir, tmp, 0) < 0 ? -errno : 0;
}

static int delete (int dir, const char *tmp, const char *name, const struct ws_st *seen)
{
	int r;

	if (seen->fmt == S_IFDIR)
		return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
	if ((r = rename_new(dir, name, tmp)) < 0)
		return r;
	if (!is_as_seen(dir, tmp, seen)) {
		(void)rename_new(dir, tmp, name);
		return -ESTALE;
	}
	return unlinkat(dir, tmp, 0) < 0 ? -errno : 0;
}

static int
commit_one(struct apply *ap, size_t i)
{
	struct sl_ws_change *c = &ap->c->item[i];
	struct ws_task *t = &ap->task[i];
	struct tmp tmp = tmp_name(ap, i);
	const char *name;
	SL_AUTO_FD dir = ws_open_parent(ap->o->target_fd, path_of(ap, i), &name);
	int r;

	if (dir < 0)
		return fail(ap, dir, "reach", i);
	if (c->kind == SL_WK_DELETED) {
		r = delete (dir, tmp.s, name, &t->seen);
	} else if (c->kind == SL_WK_ADDED) {
		r = rename_new(dir, tmp.s, name);
	} else if (t->is_removal) {
		r = unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
		if (r == 0)
			r = rename_new(dir, tmp.s, name);
	} else {
		r = replace(dir, tmp.s, name, &t->seen);
	}
	if (r < 0)
		return fail(ap, r, c->kind == SL_WK_DELETED ? "remove" : "put in place",
			    i);
	t->is_staged = false;
	c->outcome = SL_WO_APPLIED;
	if (!ap->is_bulk && fsync(dir) < 0)
		return fail(ap, -errno, "sync the directory of", i);
	return 0;
}

/* What was staged within a directory came with it. */
static void
settle(struct apply *ap)
{
	for (size_t i = 0; i < ap->c->n; i++) {
		size_t u = ap->task[i].under;

		if (is_staging(&ap->c->item[i]) && u != WS_TOP &&
		    ap->c->item[u].outcome == SL_WO_APPLIED)
			ap->c->item[i].outcome = SL_WO_APPLIED;
	}
}

/* Additions, then removals from the bottom up, then what takes a removed tree's place:
 * a failure in between loses nothing that was not yet carried over. */
static int
commit(struct apply *ap)
{
	struct sl_ws_change *c = ap->c->item;
	int r;

	for (size_t i = 0; i < ap->c->n; i++)
		if (is_staging(&c[i]) && ap->task[i].under == WS_TOP &&
		    !ap->task[i].is_removal && (r = commit_one(ap, i)) < 0)
			return r;
	for (size_t i = ap->c->n; i-- > 0;)
		if (is_wanted(&c[i]) && c[i].kind == SL_WK_DELETED &&
		    (r = commit_one(ap, i)) < 0)
			return r;
	for (size_t i = 0; i < ap->c->n; i++)
		if (is_staging(&c[i]) && ap->task[i].is_removal &&
		    (r = commit_one(ap, i)) < 0)
			return r;
	if ((r = set_modes(ap, false)) < 0)
		return r;
	if (ap->is_bulk && syncfs(ap->o->target_fd) < 0)
		return SL_ERR_SYS(ap->err, -errno, "cannot sync the target");
	return 0;
}

static void
tally(const struct sl_ws_changes *c, struct sl_ws_applied *ret)
{
	*ret = (struct sl_ws_applied){ 0 };
	for (size_t i = 0; i < c->n; i++) {
		ret->n_applied += c->item[i].outcome == SL_WO_APPLIED;
		ret->n_same += c->item[i].outcome == SL_WO_SAME;
		ret->n_held += c->item[i].outcome == SL_WO_HELD;
		ret->n_left += c->item[i].outcome == SL_WO_NONE;
	}
}

static int
carry(struct apply *ap)
{
	size_t n_files = 0;
	int r;

	for (size_t i = 0; i < ap->c->n; i++)
		n_files += is_wanted(&ap->c->item[i]);
	ap->is_bulk = n_files > BULK;
	if ((r = set_modes(ap, true)) == 0)
		r = stage(ap);
	if (r < 0) {
		unstage(ap);
		reset_modes(ap);
		return r;
	}
	r = commit(ap);
	settle(ap);
	unstage(ap); /* after a failure: what did not come into place */
	return r;
}

int
sl_ws_apply(const struct sl_ws_apply *o, struct sl_ws_changes *c, struct sl_arena *a,
	    struct sl_ws_applied *ret, struct sl_err *err)
{
	struct apply ap = { .o = o, .c = c, .err = err };
	int r;

	for (size_t i = 0; i < c->n; i++)
		c->item[i].outcome = SL_WO_NONE;
	tally(c, ret);
	ap.task = SL_NEW_N(a, struct ws_task, c->n + 1);
	if (ap.task == NULL)
		return SL_ERR(err, NOMEM, "out of memory for %zu changes", c->n);
	if ((r = ws_stat(o->target_fd, "", &ap.root)) < 0)
		return SL_ERR_SYS(err, r, "cannot look at the target");
	if (getrandom(&ap.id, sizeof(ap.id), 0) != (ssize_t)sizeof(ap.id))
		return SL_ERR_SYS(err, -errno, "no randomness");
	if ((r = ws_check(o, c, a, ap.task, err)) == 0)
		r = carry(&ap);
	tally(c, ret);
	return r < 0 ? sl_err_ctx(err, "apply") : 0;
}
