/* direct.c -- a workspace given in place: names that the host would later obey (hooks,
 * workflows, settings of tools that run code) are read-only in the box, whether they are
 * there or not.
 *
 * A name that is absent gets an empty placeholder before the box is made, and loses it
 * when the box is gone, unless somebody used it meanwhile.  One run at a time holds a
 * workspace: to remove a placeholder takes away the mounts on it in every other box.  A
 * symbolic link is refused: the box could write what it leads to.
 *
 * What is made is told beforehand to the file HELD in the run's directory, so that the
 * start after a supervisor's violent end can take it away: the workspace's path, then for
 * each placeholder a line "- NAME" before it is made and "INODE NAME" after.
 */
#include "box/internal.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A HOLD stands before what lies in it.  Where it is there its other members stay
 * writable (.git/index); where it is not, it is all read-only.  A DOT is a file that
 * names a directory: that it is in. */
static const struct sl_box_obeyed obeyed[] = {
	{ ".git", SL_OBEYED_HOLD },
	{ ".git/hooks", SL_OBEYED_DIR },
	{ ".git/config", SL_OBEYED_FILE },
	{ ".git/config.worktree", SL_OBEYED_FILE },
	{ ".git/modules", SL_OBEYED_DIR },
	{ ".git/worktrees", SL_OBEYED_DIR },
	{ ".git/info", SL_OBEYED_DIR },
	{ ".git/commondir", SL_OBEYED_DOT },
	{ ".github", SL_OBEYED_HOLD },
	{ ".github/workflows", SL_OBEYED_DIR },
	{ ".github/actions", SL_OBEYED_DIR },
	{ ".forgejo", SL_OBEYED_HOLD },
	{ ".forgejo/workflows", SL_OBEYED_DIR },
	{ ".gitea", SL_OBEYED_HOLD },
	{ ".gitea/workflows", SL_OBEYED_DIR },
	{ ".claude", SL_OBEYED_DIR },
	{ ".codex", SL_OBEYED_DIR },
	{ ".cursor", SL_OBEYED_DIR },
	{ ".gemini", SL_OBEYED_DIR },
	{ ".vscode", SL_OBEYED_DIR },
	{ ".idea", SL_OBEYED_DIR },
	{ ".envrc", SL_OBEYED_FILE },
	{ ".bashrc", SL_OBEYED_FILE },
	{ ".bash_profile", SL_OBEYED_FILE },
	{ ".profile", SL_OBEYED_FILE },
	{ ".zshrc", SL_OBEYED_FILE },
	{ ".zshenv", SL_OBEYED_FILE },
	{ ".exrc", SL_OBEYED_FILE },
	{ ".gitmodules", SL_OBEYED_FILE },
	{ ".mcp.json", SL_OBEYED_FILE },
};
_Static_assert(sizeof(obeyed) / sizeof(obeyed[0]) <= SL_OBEYED_MAX, "one inode each");

const struct sl_box_obeyed *
sl_box_obeyed(size_t *ret_n)
{
	*ret_n = sizeof(obeyed) / sizeof(obeyed[0]);
	return obeyed;
}

static const char dot[] = ".\n";
enum { DOT_LEN = sizeof(dot) - 1 };
#define HELD "held"

static int note(int held_fd, const char *fmt, ...) SL_PRINTF(2, 3);

static int
note(int held_fd, const char *fmt, ...)
{
	char line[SL_GRANT_PATH_MAX + 64];
	va_list ap;
	int n;

	if (held_fd < 0) /* a box without a directory on disk */
		return 0;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return n >= (int)sizeof(line) ? -ENAMETOOLONG
				      : sl_os_write_all(held_fd, line, (size_t)n);
}

static int
refuse(const char *path, const char *why, struct sl_err *err)
{
	return SL_ERR(err, ENV,
		      "workspace: '%s' %s, so the box could change what the host obeys; "
		      "work without --direct, or replace it",
		      path, why);
}

/* Is there what the kind wants? 1: yes, 0: absent. */
static int
look(int ws, const struct sl_box_obeyed *o, struct sl_err *err)
{
	struct stat st;

	if (fstatat(ws, o->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR
			   ? 0
			   : SL_ERR_SYS(err, -errno, "workspace: cannot look at '%s'",
					o->path);
	if (S_ISLNK(st.st_mode))
		return refuse(o->path, "is a symbolic link", err);
	/* A HOLD may be a file: .git of a linked worktree. */
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return refuse(o->path, "is neither a file nor a directory", err);
	return 1;
}

static int
make_one(struct sl_box *b, size_t i, const struct stat *own, int held_fd,
	 struct sl_err *err)
{
	const struct sl_box_obeyed *o = &obeyed[i];
	struct stat st;

	bool is_dir = o->kind == SL_OBEYED_HOLD || o->kind == SL_OBEYED_DIR;
	int r;

	if ((r = note(held_fd, "- %s\n", o->path)) < 0)
		return SL_ERR_SYS(err, r, "cannot write '%s' of the run", HELD);
	if (is_dir)
		r = mkdirat(b->ws_fd, o->path, 0755) < 0 ? -errno : 0;
	else
		r = sl_os_write_file(b->ws_fd, o->path, O_CREAT | O_EXCL | O_NOFOLLOW,
				     0644, dot, o->kind == SL_OBEYED_DOT ? DOT_LEN : 0);
	/* What cannot be made here cannot be made inside. */
	if (r == -EROFS)
		return 0;
	if (r < 0)
		return SL_ERR_SYS(err, r,
				  "workspace: cannot hold the place of '%s', which the "
				  "host would obey",
				  o->path);
	if (fstatat(b->ws_fd, o->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return SL_ERR_SYS(err, -errno, "workspace: '%s'", o->path);
	b->placeholder[i] = st.st_ino;
	if ((r = note(held_fd, "%llu %s\n", (unsigned long long)st.st_ino, o->path)) < 0)
		return SL_ERR_SYS(err, r, "cannot write '%s' of the run", HELD);
	if (st.st_uid != own->st_uid && fchownat(b->ws_fd, o->path, own->st_uid,
						 own->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return SL_ERR_SYS(err, -errno, "workspace: '%s'", o->path);
	return 0;
}

int
sl_box_direct_make(struct sl_box *b, int run_fd, struct sl_err *err)
{
	char path[SL_GRANT_PATH_MAX + 1];
	const char *hold = NULL; /* the parent that is not there, or no directory */
	SL_AUTO_FD held = -1;
	struct stat own, st;
	int r;

	(void)snprintf(path, sizeof(path), "%.*s", SL_ARG(b->grant->ws_path));
	if ((b->ws_fd = sl_os_open_abs(path, O_RDONLY | O_DIRECTORY)) < 0)
		return SL_ERR_SYS(err, b->ws_fd, "workspace: cannot open '%s'", path);
	if (fstat(b->ws_fd, &own) < 0)
		return SL_ERR_SYS(err, -errno, "workspace: '%s'", path);
	if (flock(b->ws_fd, LOCK_EX | LOCK_NB) < 0)
		return SL_ERR(err, ENV, "workspace: another run works in place in '%s'",
			      path);
	if (run_fd >= 0 &&
	    ((held = openat(run_fd, HELD,
			    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) <
		 0 ||
	     (r = note(held, "%s\n", path)) < 0))
		return SL_ERR_SYS(err, held < 0 ? -errno : r,
				  "cannot write '%s' of the run", HELD);
	for (size_t i = 0; i < sizeof(obeyed) / sizeof(obeyed[0]); i++) {
		if (hold != NULL && strncmp(obeyed[i].path, hold, strlen(hold)) == 0 &&
		    obeyed[i].path[strlen(hold)] == '/')
			continue;
		if ((r = look(b->ws_fd, &obeyed[i], err)) < 0 ||
		    (r == 0 && (r = make_one(b, i, &own, held, err)) < 0))
			return r;
		if (obeyed[i].kind == SL_OBEYED_HOLD &&
		    (b->placeholder[i] != 0 ||
		     fstatat(b->ws_fd, obeyed[i].path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		     !S_ISDIR(st.st_mode)))
			hold = obeyed[i].path;
	}
	return 0;
}

/* Only what is as it was made: an empty directory, a file of just what was put there. */
static void
remove_one(int ws, const struct sl_box_obeyed *o, const struct stat *st)
{
	off_t len = o->kind == SL_OBEYED_DOT ? DOT_LEN : 0;

	if (S_ISDIR(st->st_mode))
		(void)unlinkat(ws, o->path, AT_REMOVEDIR);
	else if (S_ISREG(st->st_mode) && st->st_size == len)
		(void)unlinkat(ws, o->path, 0);
}

/* The inode that HELD tells of a name; 1: it was about to be made; 0: no such line. */
static ino_t
told_inode(const char *text, const char *name)
{
	ino_t ino = 0;
	size_t n = strlen(name);

	for (const char *p = strchr(text, '\n'); p != NULL && p[1] != '\0';
	     p = strchr(p + 1, '\n')) {
		const char *at = p + 1 + strcspn(p + 1, " \n");

		if (*at == ' ' && strncmp(at + 1, name, n) == 0 && at[1 + n] == '\n')
			ino = p[1] == '-' ? 1 : (ino_t)strtoull(p + 1, NULL, 10);
	}
	return ino;
}

int
sl_box_direct_recover(int run_fd)
{
	char text[16384] = "", path[SL_GRANT_PATH_MAX + 1];
	SL_AUTO_FD held = openat(run_fd, HELD, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	SL_AUTO_FD ws = -1;
	struct stat of_held, st;
	ssize_t n;

	if (held < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(held, &of_held) < 0)
		return -errno;
	if ((n = sl_os_read_file(run_fd, HELD, text, sizeof(text) - 1)) < 0)
		return (int)n;
	(void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(text, "\n"), text);
	/* Gone, or in the hands of another run: nothing of ours to be done there. */
	if ((ws = sl_os_open_abs(path, O_RDONLY | O_DIRECTORY)) < 0 ||
	    flock(ws, LOCK_EX | LOCK_NB) < 0)
		return 0;
	for (size_t i = sizeof(obeyed) / sizeof(obeyed[0]); i-- > 0;) {
		ino_t ino = told_inode(text, obeyed[i].path);

		if (ino == 0 || fstatat(ws, obeyed[i].path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		/* One whose number could not be told any more was made after the file
		 * said so. */
		if (ino != 1 ? st.st_ino == ino : st.st_ctime >= of_held.st_mtime)
			remove_one(ws, &obeyed[i], &st);
	}
	return unlinkat(run_fd, HELD, 0) < 0 ? -errno : 0;
}

void
sl_box_direct_drop(struct sl_box *b)
{
	struct stat st;

	if (b->ws_fd < 0)
		return;
	/* What lies in a HOLD goes before it. */
	for (size_t i = sizeof(obeyed) / sizeof(obeyed[0]); i-- > 0;) {
		if (b->placeholder[i] == 0 ||
		    fstatat(b->ws_fd, obeyed[i].path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_ino != b->placeholder[i])
			continue;
		remove_one(b->ws_fd, &obeyed[i], &st);
		b->placeholder[i] = 0;
	}
	(void)close(b->ws_fd); /* and the lock */
	b->ws_fd = -1;
}
