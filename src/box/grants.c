/* grants.c -- granted host paths, each at its own path; and the places that no grant
 * may reach. */
#include "box/internal.h"
#include "os/mnt.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Trees that are made for the box: nothing of the host is shown over or in them. */
static const char *const own[] = { "/proc", "/dev", "/workspace" };

static int
to_str(char *out, size_t cap, struct sl_slice s)
{
	if (s.len >= cap || memchr(s.p, 0, s.len) != NULL)
		return -ENAMETOOLONG;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return 0;
}

/* A tree onto itself, so that no rename can move it away under a mask. */
static int
bind_self(struct sl_setup *s, const char *path)
{
	SL_AUTO_FD fd = sl_mnt_clone(s->root_fd, path, true, 0, -1);

	return fd < 0 ? fd : sl_mnt_move(fd, s->root_fd, path);
}

static bool
is_mount(struct sl_setup *s, const char *path)
{
	struct statx sx;

	return statx(s->root_fd, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &sx) == 0 &&
	       (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* Every directory of path (relative to the root) beyond its first len bytes, path itself
 * excepted, onto itself: to rename one is EBUSY then, and nothing can be put in the place
 * of what is mounted below. */
static int
hold_parents(struct sl_setup *s, const char *path, size_t len)
{
	char part[SL_GRANT_PATH_MAX + 1];
	int r;

	for (const char *p = strchr(path + len, '/'); p != NULL; p = strchr(p + 1, '/')) {
		if ((size_t)(p - path) <= len)
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (!is_mount(s, part) && (r = bind_self(s, part)) < 0)
			return r;
	}
	return 0;
}

/* The nearest grant around a path, which is mounted already; or NULL. */
static const struct sl_grant_fs *
around(const struct sl_setup *s, struct sl_slice path)
{
	const struct sl_grant *g = s->o->grant;
	const struct sl_grant_fs *best = NULL;

	for (size_t i = 0; i < g->n_fs; i++)
		if (g->fs[i].path.len < path.len &&
		    sl_path_is_below(path, g->fs[i].path) &&
		    (best == NULL || g->fs[i].path.len > best->path.len))
			best = &g->fs[i];
	return best;
}

/* Hide base/rel (inside paths, base a mount) behind an empty read-only thing; every
 * directory between is bound onto itself first: renaming it then is EBUSY. */
int
sl_box_mask(struct sl_setup *s, const char *base, const char *rel, bool is_rw)
{
	char full[SL_GRANT_PATH_MAX + 1];
	struct stat st;
	SL_AUTO_FD fd = -1;
	int r;

	if (snprintf(full, sizeof(full), "%s/%s", base + 1, rel) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	sl_box_at(s, SL_BOX_STEP_MASK, "%s", full);
	if (fstatat(s->root_fd, full, &st, AT_SYMLINK_NOFOLLOW) < 0)
		/* Absent: nothing to hide; but what may be written could be made. */
		return errno != ENOENT || is_rw ? -errno : 0;
	if ((r = hold_parents(s, full, strlen(base) - 1)) < 0)
		return r;
	if ((S_ISDIR(st.st_mode) ? mkdirat(s->s_fd, "e", 0755)
				 : mknodat(s->s_fd, "n", S_IFREG | 0444, 0)) < 0 &&
	    errno != EEXIST)
		return -errno;
	fd = sl_mnt_clone(s->s_fd, S_ISDIR(st.st_mode) ? "e" : "n", false,
			  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			      MOUNT_ATTR_NOEXEC,
			  -1);
	return fd < 0 ? fd : sl_mnt_move(fd, s->root_fd, full);
}

/* Masks for the host's protected paths below a host directory that is shown. */
int
sl_box_mask_below(struct sl_setup *s, struct sl_slice host_dir, const char *inside,
		  bool is_rw)
{
	for (size_t i = 0; i < s->o->n_masked; i++) {
		struct sl_slice m = sl_slice_str(s->o->masked[i]);
		int r;

		if (!sl_path_is_below(m, host_dir) || m.len <= host_dir.len)
			continue;
		r = sl_box_mask(s, inside,
				s->o->masked[i] + host_dir.len + (host_dir.len > 1),
				is_rw);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
mount_one(struct sl_setup *s, const struct sl_grant_fs *f)
{
	char path[SL_GRANT_PATH_MAX + 1];
	uint64_t attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	const struct sl_grant_fs *outer;
	SL_AUTO_FD at = -1;
	SL_AUTO_FD map = -1;
	SL_AUTO_FD fd = -1;
	struct stat st;
	int r;

	if ((r = to_str(path, sizeof(path), f->path)) < 0)
		return r;
	sl_box_at(s, SL_BOX_STEP_GRANT, "%s", path);
	/* No symlink anywhere: the name that was decided is the place that is shown. */
	if ((at = sl_os_open_abs(path, O_PATH)) < 0)
		return at;
	if (fstat(at, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return -ENOTSUP;
	if ((f->access & SL_ACC_WRITE) == 0)
		attr |= MOUNT_ATTR_RDONLY;
	if ((f->access & SL_ACC_EXEC) == 0)
		attr |= MOUNT_ATTR_NOEXEC;
	if (s->ids.is_private &&
	    (map = sl_box_ids_idmap(&s->ids, st.st_uid, st.st_gid)) < 0)
		return map; /* the box itself will need such a namespace */
	fd = sl_mnt_clone(at, "", true, attr, map);
	if (fd == -EOPNOTSUPP && map >= 0) /* shown as it is, so less */
		fd = sl_mnt_clone(at, "", true, attr, -1);
	else if (map >= 0)
		s->m.is_idmapped = 1;
	if (fd < 0)
		return fd;
	/* A narrower grant in one that can be written to stays where it is. */
	outer = around(s, f->path);
	if (outer != NULL && (outer->access & SL_ACC_WRITE) != 0 &&
	    (r = hold_parents(s, path + 1, outer->path.len - 1)) < 0)
		return r;
	if ((r = sl_box_mount_point(s, path, S_ISDIR(st.st_mode))) < 0 ||
	    (r = sl_mnt_move(fd, s->root_fd, path + 1)) < 0)
		return r;
	return sl_box_mask_below(s, f->path, path, (f->access & SL_ACC_WRITE) != 0);
}

int
sl_box_grants_mount(struct sl_setup *s)
{
	const struct sl_grant *g = s->o->grant;
	size_t done = 0, len = 0, next;

	/* Shorter paths first, so that one inside another stands on it. */
	while (done < g->n_fs) {
		next = SIZE_MAX;
		for (size_t i = 0; i < g->n_fs; i++) {
			int r;

			if (g->fs[i].path.len == len) {
				if ((r = mount_one(s, &g->fs[i])) < 0)
					return r;
				done++;
			} else if (g->fs[i].path.len > len && g->fs[i].path.len < next) {
				next = g->fs[i].path.len;
			}
		}
		len = next;
	}
	return 0;
}

static int
check_path(struct sl_slice p, struct sl_err *err)
{
	if (!sl_path_is_canonical(p))
		return SL_ERR(err, FORMAT, "grant: '%.*s' is not an absolute, plain path",
			      SL_ARG(p));
	if (p.len == 1)
		return SL_ERR(err, DENIED,
			      "grant: '/' would replace the box's root; name the "
			      "directories below it");
	for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
		if (sl_path_is_below(p, sl_slice_str(own[k])))
			return SL_ERR(
			    err, DENIED,
			    "grant: '%.*s' lies in %s, which is made for the box",
			    SL_ARG(p), own[k]);
	return 0;
}

/* Nothing that is granted lies in a masked place. */
static int
check_masked(const struct sl_grant *g, const char *masked, struct sl_err *err)
{
	struct sl_slice m = sl_slice_str(masked);

	for (size_t i = 0; i < g->n_fs; i++)
		if (sl_path_is_below(g->fs[i].path, m))
			return SL_ERR(
			    err, DENIED,
			    "grant: '%.*s' lies in '%s', which no grant may reach",
			    SL_ARG(g->fs[i].path), masked);
	if (g->ws_mode != SL_WS_NONE && sl_path_is_below(g->ws_path, m))
		return SL_ERR(err, DENIED,
			      "workspace '%.*s' lies in '%s', which no grant may reach",
			      SL_ARG(g->ws_path), masked);
	return 0;
}

/* In the supervisor, before anything is made. */
int
sl_box_grants_check(const struct sl_box_opts *o, struct sl_err *err)
{
	const struct sl_grant *g = o->grant;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n_fs; i++) {
		r = check_path(g->fs[i].path, err);
		for (size_t k = 0; r == 0 && k < i; k++)
			if (sl_slice_eq(g->fs[i].path, g->fs[k].path))
				r = SL_ERR(err, FORMAT, "grant: '%.*s' is listed twice",
					   SL_ARG(g->fs[i].path));
	}
	for (size_t k = 0; r == 0 && k < o->n_masked; k++)
		r = check_masked(o->grant, o->masked[k], err);
	return r;
}
