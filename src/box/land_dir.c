/* land_dir.c -- the directory that a box of tier T0 has of its own on the host: made by
 * the supervisor, and taken away with all that an act left in it. */
#include "base/hex.h"
#include "box/internal.h"
#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum {
	INODE_BYTES = 1024, /* about what one takes of memory */
	STALE_S = 60,       /* until what nobody has locked was left */
};
#define PREFIX "sluice-"
static uint64_t taken(const struct sl_land *l);

static const char *const sub[] = { "home", "tmp" };

static int
open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	/* Its owner closed it. */
	if (fd < 0 && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* --- where --- */

/* Where nobody but its owner can take our directory's name away from it. */
static bool
is_fit(const char *dir, bool *ret_is_memory)
{
	struct statfs fs;
	struct stat st;

	if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || statfs(dir, &fs) < 0 ||
	    ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0) ||
	    faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
		return false;
	*ret_is_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	return true;
}

int
sl_box_own_dir(char ret[SL_BOX_OWN_DIR_MAX], struct sl_err *err)
{
	static const char *const dir[] = { "/var/tmp", "/tmp" };
	const char *best = NULL;
	uint8_t rnd[16];
	char hex[33];

	for (size_t i = 0; i < sizeof(dir) / sizeof(dir[0]); i++) {
		bool is_memory = false;

		if (!is_fit(dir[i], &is_memory) || (best != NULL && is_memory))
			continue;
		best = dir[i];
		if (!is_memory)
			break;
	}
	if (best == NULL)
		return SL_ERR(
		    err, ENV,
		    "box: tier T0 needs /var/tmp or /tmp: a directory that can be "
		    "written, with the sticky bit where others can too");
	if (getrandom(rnd, sizeof(rnd), 0) != sizeof(rnd))
		return SL_ERR_SYS(err, -errno, "box: cannot draw a name");
	sl_hex(hex, rnd, sizeof(rnd));
	(void)snprintf(ret, SL_BOX_OWN_DIR_MAX, "%s/" PREFIX "%s", best, hex);
	return 0;
}

/* --- emptied: nothing runs in it any more --- */

struct empty {
	int top;
	uint64_t next; /* number of a name at the top */
};

/* A directory that is not empty goes up to the top: so none is ever below another, and
 * depth is no matter. */
static int
go_up(struct empty *e, int at, const char *name)
{
	char up[40];
	int fd;

	/* Its ".." changes, so it must be writable. */
	if ((fd = open_dir(at, name)) < 0)
		return fd;
	(void)fchmod(fd, 0700);
	(void)close(fd);
	do
		(void)snprintf(up, sizeof(up), ".sluice-%llu",
			       (unsigned long long)e->next++);
	while (faccessat(e->top, up, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	return renameat(at, name, e->top, up) < 0 ? -errno : 0;
}

/* One round: files go, directories of the top are emptied, those below go up. */
static int
round_of(struct empty *e, int at, bool is_top, size_t *ret_n)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	SL_AUTO_DIR d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (d == NULL)
		return -errno;
	while (r == 0 && (errno = 0, de = readdir(d)) != NULL) {
		SL_AUTO_FD below = -1;
		size_t n = 0;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		(*ret_n)++;
		if (unlinkat(at, de->d_name, 0) == 0 ||
		    unlinkat(at, de->d_name, AT_REMOVEDIR) == 0)
			continue;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -errno;
		if (!is_top) {
			r = go_up(e, at, de->d_name);
		} else if ((below = open_dir(at, de->d_name)) < 0) {
			r = below;
		} else {
			(void)fchmod(below, 0700);
			r = round_of(e, below, false, &n);
		}
	}
	return r < 0 ? r : -errno;
}

int
sl_land_empty(int at, const char *name)
{
	SL_AUTO_FD top = -1;
	char link[40];
	struct empty e = { 0 };
	size_t n = 1;
	int r;

	/* Its owner may have closed that too; it was only looked up, so there is no
	 * fchmod(). */
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
	(void)chmod(link, 0700);
	e.top = top = open_dir(at, name);
	r = top < 0 ? top : 0;

	if (r == 0)
		(void)fchmod(top, 0700);
	while (r == 0 && n > 0) {
		n = 0;
		r = round_of(&e, top, true, &n);
	}
	return r;
}

/* --- made and dropped --- */

static bool
is_name(const char *s)
{
	return strncmp(s, PREFIX, strlen(PREFIX)) == 0 &&
	       strlen(s) == strlen(PREFIX) + 32 &&
	       strspn(s + strlen(PREFIX), "0123456789abcdef") == 32;
}

/* What a supervisor that was killed has left, which its guard emptied; it holds nobody's
 * lock.  Only what is empty goes. */
static void
sweep(const char *own)
{
	char parent[SL_GRANT_PATH_MAX + 1];
	SL_AUTO_DIR d = NULL;
	struct dirent *de;

	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(own, '/') - own),
		       own);
	d = opendir(parent);
	while (d != NULL && (de = readdir(d)) != NULL) {
		SL_AUTO_FD fd = -1;
		struct stat st;

		if (!is_name(de->d_name) ||
		    (fd = openat(dirfd(d), de->d_name,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0 ||
		    fstat(fd, &st) < 0 || (geteuid() != 0 && st.st_uid != geteuid()) ||
		    st.st_mtime > time(NULL) - STALE_S || /* it may not be locked yet */
		    flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		for (size_t i = 0; i < sizeof(sub) / sizeof(sub[0]); i++)
			(void)unlinkat(fd, sub[i], AT_REMOVEDIR);
		(void)unlinkat(dirfd(d), de->d_name, AT_REMOVEDIR);
	}
}

int
sl_land_dir_make(struct sl_box *b, struct sl_err *err)
{
	struct sl_land *l = b->land;
	SL_AUTO_FD at = -1;
	struct statfs fs;

	sweep(l->dir);
	/* Nobody else has this name, which was drawn; and nobody else may enter. */
	if (mkdir(l->dir, 0700) < 0)
		return SL_ERR_SYS(err, -errno, "box: cannot make '%s'", l->dir);
	l->is_made = true;
	if ((at = sl_os_open_abs(l->dir, O_RDONLY | O_DIRECTORY)) < 0 ||
	    fstatfs(at, &fs) < 0)
		return SL_ERR_SYS(err, at < 0 ? at : -errno, "box: cannot open '%s'",
				  l->dir);
	if (flock(at, LOCK_EX | LOCK_NB) < 0)
		return SL_ERR_SYS(err, -errno, "box: cannot lock '%s'", l->dir);
	l->is_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	for (size_t i = 0; i < sizeof(sub) / sizeof(sub[0]); i++)
		if (mkdirat(at, sub[i], 0700) < 0 ||
		    (b->ids.is_private &&
		     fchownat(at, sub[i], b->ids.out_uid, b->ids.out_gid, 0) < 0))
			return SL_ERR_SYS(err, -errno, "box: cannot make '%s/%s'", l->dir,
					  sub[i]);
	l->base = l->is_memory ? taken(l) : 0;
	if (b->ids.is_private && fchown(at, b->ids.out_uid, b->ids.out_gid) < 0)
		return SL_ERR_SYS(err, -errno, "box: cannot give '%s' away", l->dir);
	l->lock_fd = sl_steal_fd(&at);
	return 0;
}

void
sl_land_dir_drop(struct sl_land *l)
{
	SL_AUTO_FD at = -1;

	if (l == NULL || !l->is_made)
		return;
	if ((at = sl_os_open_abs(l->dir, O_PATH | O_DIRECTORY)) >= 0)
		(void)!sl_land_empty(at, ".");
	(void)rmdir(l->dir);
	if (l->lock_fd > 0)
		(void)close(l->lock_fd);
	l->lock_fd = 0;
	l->is_made = false;
}

/* --- how much is in it --- */

/* Of the whole file system: a file that was unlinked while it is open shows nowhere else.
 */
static uint64_t
taken(const struct sl_land *l)
{
	struct statfs fs;

	if (statfs(l->dir, &fs) < 0)
		return 0;
	return (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize +
	       (uint64_t)(fs.f_files - fs.f_ffree) * INODE_BYTES;
}

uint64_t
sl_land_used(const struct sl_land *l)
{
	uint64_t now = l->is_memory && l->is_made ? taken(l) : 0;

	return now > l->base ? now - l->base : 0;
}
