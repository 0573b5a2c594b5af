/* direct.c -- a workspace given in place: names that the host would later obey (hooks,
 * workflows, settings of tools that run code) are read-only in the box, whether they are
 * there or not.
 *
 * A name that is absent gets an empty placeholder before the box is made, and loses it
 * when the box is gone, unless somebody used it meanwhile.  One run at a time holds a
 * workspace: to remove a placeholder takes away the mounts on it in every other box.  A
 * symbolic link is refused: the box could write what it leads to.
 */
#include "box/internal.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
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
make_one(struct sl_box *b, size_t i, const struct stat *own, struct sl_err *err)
{
	const struct sl_box_obeyed *o = &obeyed[i];
	struct stat st;

	bool is_dir = o->kind == SL_OBEYED_HOLD || o->kind == SL_OBEYED_DIR;
	int r;

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
	if (st.st_uid != own->st_uid && fchownat(b->ws_fd, o->path, own->st_uid,
						 own->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return SL_ERR_SYS(err, -errno, "workspace: '%s'", o->path);
	return 0;
}

int
sl_box_direct_make(struct sl_box *b, struct sl_err *err)
{
	char path[SL_GRANT_PATH_MAX + 1];
	const char *hold = NULL; /* the parent that is not there, or no directory */
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
	for (size_t i = 0; i < sizeof(obeyed) / sizeof(obeyed[0]); i++) {
		if (hold != NULL && strncmp(obeyed[i].path, hold, strlen(hold)) == 0 &&
		    obeyed[i].path[strlen(hold)] == '/')
			continue;
		if ((r = look(b->ws_fd, &obeyed[i], err)) < 0 ||
		    (r == 0 && (r = make_one(b, i, &own, err)) < 0))
			return r;
		if (obeyed[i].kind == SL_OBEYED_HOLD &&
		    (b->placeholder[i] != 0 ||
		     fstatat(b->ws_fd, obeyed[i].path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		     !S_ISDIR(st.st_mode)))
			hold = obeyed[i].path;
	}
	return 0;
}

void
sl_box_direct_drop(struct sl_box *b)
{
	struct stat st;

	if (b->ws_fd < 0)
		return;
	/* What lies in a HOLD goes before it. */
	for (size_t i = sizeof(obeyed) / sizeof(obeyed[0]); i-- > 0;) {
		const char *p = obeyed[i].path;

		off_t len = obeyed[i].kind == SL_OBEYED_DOT ? DOT_LEN : 0;

		if (b->placeholder[i] == 0 ||
		    fstatat(b->ws_fd, p, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_ino != b->placeholder[i])
			continue;
		if (S_ISDIR(st.st_mode))
			(void)unlinkat(b->ws_fd, p, AT_REMOVEDIR); /* only if empty */
		else if (S_ISREG(st.st_mode) && st.st_size == len)
			(void)unlinkat(b->ws_fd, p, 0);
		b->placeholder[i] = 0;
	}
	(void)close(b->ws_fd); /* and the lock */
	b->ws_fd = -1;
}
