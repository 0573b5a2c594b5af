/* ws_copy.c -- a copy of the workspace, where an overlay is not possible. */
#include "base/auto.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>

struct copy {
	int from, to;
	uid_t uid;
	gid_t gid;
	struct sl_err *err;
};

/* -ESTALE: it is gone or something else by now. */
static int
copy_file(struct copy *c, const struct sl_ws_entry *e, int dir, const char *name)
{
	SL_AUTO_FD in = ws_open(c->from, (const char *)e->path.p, O_RDONLY);
	SL_AUTO_FD out = -1;
	struct ws_st st = { 0 };
	int r;

	if (in == -ENOENT || in == -ENOTDIR || in == -ELOOP || in == -EACCES ||
	    in == -ENXIO)
		return -ESTALE;
	if (in < 0)
		return in;
	if ((r = ws_stat(in, "", &st)) < 0)
		return r;
	if (st.type != SL_WT_FILE)
		return -ESTALE;
	out = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	if ((r = ws_copy_fast(in, out)) < 0)
		return r;
	if (c->uid != (uid_t)-1 && fchown(out, c->uid, c->gid) < 0)
		return -errno;
	if (fchmod(out, e->mode & 0777) < 0)
		return -errno;
	return ws_set_times(out, st.mtime_ns);
}

static int
copy_link(struct copy *c, const struct sl_ws_entry *e, int dir, const char *name)
{
	char target[SL_WS_PATH_MAX + 1];
	const char *last;
	SL_AUTO_FD from = ws_open_parent(c->from, (const char *)e->path.p, &last);
	ssize_t n;

	/* read again: a manifest that was loaded has only its digest */
	n = from < 0 ? -1 : readlinkat(from, last, target, sizeof(target));
	if (n < 0 || (size_t)n >= sizeof(target))
		return -ESTALE;
	target[n] = '\0';
	return symlinkat(target, dir, name) < 0 ? -errno : 0;
}

static int
copy_one(struct copy *c, const struct sl_ws_entry *e)
{
	const char *name;
	SL_AUTO_FD dir = ws_open_parent(c->to, (const char *)e->path.p, &name);
	int r;

	if (dir < 0)
		return dir == -ENOENT ? -ESTALE : dir; /* its directory was left out */
	switch (e->type) {
	case SL_WT_DIR:
		r = mkdirat(dir, name, 0700) < 0 ? -errno : 0;
		break;
	case SL_WT_FILE:
		return copy_file(c, e, dir, name);
	case SL_WT_LINK:
		r = copy_link(c, e, dir, name);
		break;
	case SL_WT_SPECIAL:
	case SL_WT_MOUNT:
	case SL_WT_CLOSED_FILE:
	case SL_WT_CLOSED_DIR:
	case SL_WT_WHITEOUT:
	default:
		return -ESTALE;
	}
	if (r == 0 && c->uid != (uid_t)-1 &&
	    fchownat(dir, name, c->uid, c->gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	return r;
}

/* Modes and times of directories, when everything is in them. */
static int
close_dir(struct copy *c, const struct sl_ws_entry *e)
{
	SL_AUTO_FD fd = ws_open(c->to, (const char *)e->path.p, O_RDONLY | O_DIRECTORY);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (fchmod(fd, e->mode & 01777) < 0)
		return -errno;
	return ws_set_times(fd, e->mtime_ns);
}

int
sl_ws_copy(int dir_fd, const struct sl_ws_manifest *base, int dst_fd, uid_t uid,
	   gid_t gid, uint64_t *ret_left_out, struct sl_err *err)
{
	struct copy c = { dir_fd, dst_fd, uid, gid, err };
	uint64_t left_out = 0;
	int r;

	for (size_t i = 0; i < base->n; i++) {
		r = copy_one(&c, base->entry[i]);
		if (r < 0 && r != -ESTALE)
			return SL_ERR_SYS(err, r, "cannot copy '%.*s'",
					  SL_ARG(base->entry[i]->path));
		left_out += r == -ESTALE;
	}
	for (size_t i = base->n; i-- > 0;) {
		if (base->entry[i]->type != SL_WT_DIR)
			continue;
		if ((r = close_dir(&c, base->entry[i])) < 0)
			return SL_ERR_SYS(err, r, "cannot copy '%.*s'",
					  SL_ARG(base->entry[i]->path));
	}
	if (uid != (uid_t)-1 && fchown(dst_fd, uid, gid) < 0)
		return SL_ERR_SYS(err, -errno, "cannot give the copy away");
	*ret_left_out = left_out;
	return 0;
}
