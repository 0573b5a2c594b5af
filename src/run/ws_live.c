/* ws_live.c -- one file of a workspace as its job sees it now.  See workspace.h. */
#include "base/auto.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

/* What stands at path in what the job left: 0, or -errno.  *hides: a directory hides
 * what the base has below it. */
static int
look(int left, const char *path, bool is_last, bool *hides, int *ret_fd)
{
	SL_AUTO_FD at = ws_open(left, path, O_PATH);
	SL_AUTO_FD fd = -1;
	struct ws_st st = { 0 };
	char mark = 0;
	int r;

	if (at < 0)
		return at;
	if ((r = ws_stat(at, "", &st)) < 0)
		return r;
	if (st.type == SL_WT_WHITEOUT)
		return -ENODATA;
	if (st.type != (is_last ? SL_WT_FILE : SL_WT_DIR))
		return -ENOTDIR;
	/* Nothing of the box runs between two steps, so it is the same inode; were it
	 * not, it would still be beneath the same directory. */
	if ((fd = ws_open(left, path, is_last ? O_RDONLY : O_RDONLY | O_DIRECTORY)) < 0)
		return fd;
	if (is_last)
		*ret_fd = sl_steal_fd(&fd);
	else if (fgetxattr(fd, "user.overlay.opaque", &mark, 1) == 1 && mark == 'y')
		*hides = true;
	return 0;
}

int
sl_ws_open_live(int left_fd, bool is_overlay, struct sl_slice path, int *ret_fd,
		struct sl_err *err)
{
	char name[SL_WS_PATH_MAX + 1];
	bool hides = !is_overlay;
	int r = 0;

	*ret_fd = -1;
	if (!ws_path_ok(path))
		return SL_ERR(err, NOENT, "no such path in the workspace");
	memcpy(name, path.p, path.len);
	name[path.len] = '\0';
	for (size_t i = 1; i <= path.len && r == 0; i++) {
		if (i < path.len && name[i] != '/')
			continue;
		name[i] = '\0';
		r = look(left_fd, name, i == path.len, &hides, ret_fd);
		if (i < path.len)
			name[i] = '/';
	}
	if (r == 0)
		return 0;
	if (r == -ENOENT && !hides)
		return 0; /* the base has it, or nothing has */
	if (r == -ENOENT || r == -ENODATA || r == -ENOTDIR)
		return SL_ERR(err, NOENT, "no file '%.*s' in the workspace",
			      SL_ARG(path));
	/* ELOOP and EXDEV among them: links are not followed */
	return SL_ERR(err, FAILED, "cannot read '%.*s' in the workspace: %s",
		      SL_ARG(path), strerrordesc_np(-r));
}
