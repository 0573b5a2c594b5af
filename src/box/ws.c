/* ws.c -- the workspace at /workspace: an overlay over the directory, a copy of it, or
 * the directory itself. */
#include "box/internal.h"
#include "os/mnt.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WS_ATTR (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

enum { COPY_DEPTH_MAX = 200 };

static int
why(struct sl_setup *s, const char *what, int neg_errno)
{
	(void)snprintf(s->m.ws_why, sizeof(s->m.ws_why), "no overlay: %s: %s", what,
		       strerror(-neg_errno));
	return neg_errno;
}

/* A directory of this box on disk: the box's own. */
static int
make_dir(struct sl_setup *s, const char *name, mode_t mode)
{
	if (mkdirat(s->run_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (fchmodat(s->run_fd, name, mode | 0700, 0) < 0 ||
	    (s->ids.is_private &&
	     fchownat(s->run_fd, name, s->ids.out_uid, s->ids.out_gid, 0) < 0))
		return -errno;
	return 0;
}

/* What `changes` reads later must work here: the opaque mark on the upper's file
 * system, and rename and remaking of a directory through the overlay. */
static int
probe(int upper, int merged)
{
	static const char a[] = ".sluice-probe-a", b[] = ".sluice-probe-b";
	SL_AUTO_FD d = -1;
	char v = 0;
	int r = 0;

	if (mkdirat(upper, a, 0700) < 0)
		return -errno;
	if ((d = openat(upper, a, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    fsetxattr(d, "user.overlay.opaque", "y", 1, 0) < 0 ||
	    fgetxattr(d, "user.overlay.opaque", &v, 1) != 1 || v != 'y')
		r = errno != 0 ? -errno : -EIO;
	if (unlinkat(upper, a, AT_REMOVEDIR) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		return r;
	if (mkdirat(merged, a, 0700) < 0 || renameat(merged, a, merged, b) < 0 ||
	    unlinkat(merged, b, AT_REMOVEDIR) < 0 || mkdirat(merged, b, 0700) < 0 ||
	    unlinkat(merged, b, AT_REMOVEDIR) < 0)
		return -errno;
	return 0;
}

/* Layers stand at fixed places in S, because their names are resolved when the overlay
 * is made and a detached tree is refused there by older kernels. */
static int
mount_overlay(struct sl_setup *s, int lower, int map, const struct stat *st)
{
	static const struct sl_mnt_opt opt[] = { { "lowerdir", "o/lower" },
						 { "upperdir", "o/run/upper" },
						 { "workdir", "o/run/work" },
						 { "userxattr", NULL } };
	SL_AUTO_FD lo = -1;
	SL_AUTO_FD run = -1;
	SL_AUTO_FD ov = -1;
	SL_AUTO_FD up = -1;
	int r;

	if (s->run_fd < 0)
		return why(s, "no directory for it", -EBADF);
	if ((r = make_dir(s, "upper", st->st_mode & 0777)) < 0 ||
	    (r = make_dir(s, "work", 0700)) < 0)
		return why(s, "upper", r);
	if (mkdirat(s->s_fd, "o", 0700) < 0 || mkdirat(s->s_fd, "o/lower", 0700) < 0 ||
	    mkdirat(s->s_fd, "o/run", 0700) < 0)
		return why(s, "tree", -errno);
	if ((lo = sl_mnt_clone(lower, "", true, WS_ATTR | MOUNT_ATTR_RDONLY, map)) < 0)
		return why(s, map >= 0 ? "idmapped mount" : "lower", lo);
	/* The upper is the private uid's own and not idmapped: idmapped too, the
	 * overlay would silently be read-only. */
	if ((run = sl_mnt_clone(s->run_fd, "", false, WS_ATTR, -1)) < 0)
		return why(s, "upper", run);
	if ((r = sl_mnt_move(lo, s->s_fd, "o/lower")) < 0 ||
	    (r = sl_mnt_move(run, s->s_fd, "o/run")) < 0)
		return why(s, "layers", r);
	if (fchdir(s->s_fd) < 0)
		return why(s, "tree", -errno);
	if ((ov = sl_mnt_new("overlay", opt, 4, WS_ATTR)) < 0)
		return why(s, "mount", ov);
	if ((r = sl_mnt_move(ov, s->root_fd, "workspace")) < 0)
		return why(s, "mount", r);
	if ((up = openat(run, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (r = probe(up, ov)) < 0) {
		r = up < 0 ? -errno : r;
		/* The overlay has not been seen by anybody: take it off again. */
		if (fchdir(s->root_fd) == 0)
			(void)umount2("workspace", MNT_DETACH);
		return why(s, "probe of user.overlay.opaque, rename and mkdir", r);
	}
	return 0;
}

static int
copy_file(int from, int to)
{
	char buf[65536];

	for (;;) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);

		if (n == 0)
			return 0;
		if (n > 0)
			continue;
		if (errno != EXDEV && errno != EINVAL && errno != ENOSYS &&
		    errno != EOPNOTSUPP)
			return -errno;
		if ((n = read(from, buf, sizeof(buf))) < 0)
			return -errno;
		if (n == 0)
			return 0;
		if ((n = sl_os_write_all(to, buf, (size_t)n)) < 0)
			return (int)n;
	}
}

static int
copy_entry(int from, int to, const char *name, const struct sl_box_ids *ids,
	   unsigned depth)
{
	char target[4096];
	struct stat st;
	struct timespec ts[2];
	SL_AUTO_FD src = -1;
	SL_AUTO_FD dst = -1;
	ssize_t n;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode)) {
		if ((n = readlinkat(from, name, target, sizeof(target) - 1)) < 0)
			return -errno;
		target[n] = '\0';
		if (symlinkat(target, to, name) < 0)
			return -errno;
		return ids->is_private && fchownat(to, name, ids->out_uid, ids->out_gid,
						   AT_SYMLINK_NOFOLLOW) < 0
			   ? -errno
			   : 0;
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0; /* devices, sockets and pipes are not part of a workspace */
	src = openat(from, name,
		     O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
			 (S_ISDIR(st.st_mode) ? O_DIRECTORY : 0));
	if (src < 0)
		return -errno;
	if (S_ISDIR(st.st_mode) && mkdirat(to, name, 0700) < 0)
		return -errno;
	dst = openat(to, name,
		     O_NOFOLLOW | O_CLOEXEC |
			 (S_ISDIR(st.st_mode) ? O_RDONLY | O_DIRECTORY
					      : O_WRONLY | O_CREAT | O_EXCL),
		     0600);
	if (dst < 0)
		return -errno;
	if ((r = S_ISDIR(st.st_mode) ? sl_box_ws_copy(src, dst, ids, depth + 1)
				     : copy_file(src, dst)) < 0)
		return r;
	ts[0] = st.st_atim;
	ts[1] = st.st_mtim;
	if ((ids->is_private && fchown(dst, ids->out_uid, ids->out_gid) < 0) ||
	    fchmod(dst, st.st_mode & 0777) < 0 || futimens(dst, ts) < 0)
		return -errno;
	return 0;
}

/* Copies what is below `from` to `to`, by descriptor, following no link. */
int
sl_box_ws_copy(int from, int to, const struct sl_box_ids *ids, unsigned depth)
{
	SL_AUTO_DIR d = NULL;
	struct dirent *de;
	int fd, r;

	if (depth > COPY_DEPTH_MAX)
		return -ELOOP;
	if ((fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	if ((d = fdopendir(fd)) == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while ((de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if ((r = copy_entry(from, to, de->d_name, ids, depth)) < 0)
			return r;
	}
	return 0;
}

static int
mount_copy(struct sl_setup *s, int from, const struct stat *st)
{
	SL_AUTO_FD to = -1;
	SL_AUTO_FD fd = -1;
	int r;

	if (s->run_fd < 0)
		return -EBADF;
	if ((r = make_dir(s, "copy", st->st_mode & 0777)) < 0)
		return r;
	if ((to = openat(s->run_fd, "copy",
			 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return -errno;
	if ((r = sl_box_ws_copy(from, to, &s->ids, 0)) < 0)
		return r;
	if ((fd = sl_mnt_clone(s->run_fd, "copy", false, WS_ATTR, -1)) < 0)
		return fd;
	return sl_mnt_move(fd, s->root_fd, "workspace");
}

/* One name, read-only; *ret_whole: with all that lies in it.  A directory that holds
 * others and was there is bound onto itself, so that a rename of it is EBUSY. */
static int
protect_one(struct sl_setup *s, int ws, const struct sl_box_obeyed *o,
	    bool is_placeholder, bool *ret_whole)
{
	char full[96];
	SL_AUTO_FD fd = -1;
	struct stat st;

	sl_box_at(s, SL_BOX_STEP_MASK, "/workspace/%s", o->path);
	if (fstatat(ws, o->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		/* On a read-only file system it got no placeholder and needs none. */
		return errno == ENOENT && !is_placeholder ? 0 : -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP; /* it came after the look at it (direct.c) */
	*ret_whole = o->kind != SL_OBEYED_HOLD || is_placeholder || !S_ISDIR(st.st_mode);
	(void)snprintf(full, sizeof(full), "workspace/%s", o->path);
	fd = sl_mnt_clone(s->root_fd, full, true,
			  *ret_whole ? WS_ATTR | MOUNT_ATTR_RDONLY : 0, -1);
	return fd < 0 ? fd : sl_mnt_move(fd, s->root_fd, full);
}

static int
protect(struct sl_setup *s, int ws)
{
	const char *hold = NULL;
	size_t n;
	const struct sl_box_obeyed *o = sl_box_obeyed(&n);

	for (size_t i = 0; i < n; i++) {
		bool is_whole = false;
		int r;

		if (hold != NULL &&
		    sl_path_is_below(sl_slice_str(o[i].path), sl_slice_str(hold)))
			continue;
		if ((r = protect_one(s, ws, &o[i], s->placeholder[i] != 0, &is_whole)) <
		    0)
			return r;
		if (is_whole)
			hold = o[i].path;
	}
	return 0;
}

static int
mount_direct(struct sl_setup *s, int ws, int map)
{
	SL_AUTO_FD fd = sl_mnt_clone(ws, "", true, WS_ATTR, map);
	int r;

	if (fd < 0)
		return fd;
	if ((r = sl_mnt_move(fd, s->root_fd, "workspace")) < 0)
		return r;
	return protect(s, ws);
}

static int
mount_read(struct sl_setup *s, int ws, int map)
{
	SL_AUTO_FD fd = sl_mnt_clone(ws, "", true, WS_ATTR | MOUNT_ATTR_RDONLY, map);

	return fd < 0 ? fd : sl_mnt_move(fd, s->root_fd, "workspace");
}

/* Over the directory, which stays as it is: an overlay, or what stands in for it. */
static int
mount_frozen(struct sl_setup *s, int ws, int map, const struct stat *st)
{
	if (s->o->grant->ws_mode == SL_WS_OVERLAY && mount_overlay(s, ws, map, st) == 0)
		return 0;
	s->m.ws_mode = SL_WS_COPY;
	return mount_copy(s, ws, st);
}

int
sl_box_ws_mount(struct sl_setup *s)
{
	const struct sl_grant *g = s->o->grant;
	char path[SL_GRANT_PATH_MAX + 1];
	SL_AUTO_FD at = -1;
	SL_AUTO_FD map = -1;
	struct stat st;
	int r;

	s->m.ws_mode = (int32_t)g->ws_mode;
	if (g->ws_mode == SL_WS_NONE)
		return 0;
	if (g->ws_path.len >= sizeof(path))
		return -ENAMETOOLONG;
	(void)snprintf(path, sizeof(path), "%.*s", (int)g->ws_path.len,
		       (const char *)g->ws_path.p);
	sl_box_at(s, SL_BOX_STEP_WS, "%s", path);
	if ((at = sl_os_open_abs(path, O_RDONLY | O_DIRECTORY)) < 0)
		return at;
	if (fstat(at, &st) < 0)
		return -errno;
	if (s->ids.is_private) {
		if ((map = sl_box_ids_idmap(&s->ids, st.st_uid, st.st_gid)) < 0)
			return map;
		s->m.is_idmapped = 1;
	}
	r = g->ws_mode == SL_WS_DIRECT ? mount_direct(s, at, map)
	    : g->ws_mode == SL_WS_READ ? mount_read(s, at, map)
				       : mount_frozen(s, at, map, &st);
	return r < 0 ? r
		     : sl_box_mask_below(s, g->ws_path, "/workspace",
					 sl_ws_is_writable(g->ws_mode));
}
