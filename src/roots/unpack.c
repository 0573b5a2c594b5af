/* unpack.c -- see unpack.h. */
#include "roots/unpack.h"

#include "base/auto.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct sl_unpack {
	int tree_fd;
	int dir_fd; /* of the last member's directory, or -1 */
	char dir[SL_ROOT_PATH_MAX + 1];
	int file_fd;                     /* of the file under way, or -1 */
	char name[SL_ROOT_PATH_MAX + 1]; /* of the member under way */
	uint64_t left;                   /* bytes of it that are still to come */
	bool is_exec;
	struct sl_tree_size size;
};

int
sl_unpack_depth(struct sl_slice name)
{
	int n = 0;

	if (name.len > SL_ROOT_PATH_MAX ||
	    (name.len > 0 &&
	     (memchr(name.p, '\0', name.len) != NULL || name.p[name.len - 1] == '/')))
		return -1;
	while (name.len > 0) {
		struct sl_slice c = sl_slice_upto(name, '/');

		if (c.len == 0 || c.len > NAME_MAX || sl_slice_eq(c, SL_LIT(".")) ||
		    sl_slice_eq(c, SL_LIT("..")))
			return -1;
		name = sl_slice_skip(name, c.len + 1);
		n++;
	}
	return n;
}

bool
sl_unpack_climbs(struct sl_slice name, struct sl_slice target)
{
	int at = sl_unpack_depth(name) - 1;

	if (target.len > 0 && target.p[0] == '/')
		at = 0;
	while (target.len > 0) {
		struct sl_slice c = sl_slice_upto(target, '/');

		target = sl_slice_skip(target, c.len + 1);
		if (c.len == 0 || sl_slice_eq(c, SL_LIT(".")))
			continue;
		at += sl_slice_eq(c, SL_LIT("..")) ? -1 : 1;
		if (at < 0)
			return true;
	}
	return false;
}

/* --- places --- */

static int
cannot(const struct sl_unpack *u, int e, struct sl_err *err)
{
	if (e == -ELOOP || e == -ENOTDIR)
		return SL_ERR(err, FORMAT,
			      "member '%s' lies behind a link, or in what is no "
			      "directory",
			      u->name);
	if (e == -EEXIST)
		return SL_ERR(err, FORMAT, "member '%s' is there twice", u->name);
	return SL_ERR_SYS(err, e, "cannot store member '%s'", u->name);
}

static int
count(struct sl_unpack *u, struct sl_err *err)
{
	return ++u->size.n_entries > SL_ROOT_ENTRIES_MAX
		   ? SL_ERR(err, LIMIT, "more than %d entries", SL_ROOT_ENTRIES_MAX)
		   : 0;
}

/* Each directory on the way to what lies at dir, made where it is absent. */
static int
make_way(struct sl_unpack *u, const char *dir, struct sl_err *err)
{
	char path[SL_ROOT_PATH_MAX + 1];
	int r;

	for (size_t i = 1;; i++) {
		SL_AUTO_FD fd = -1;
		SL_AUTO_FD above = -1;
		char *last;

		if (dir[i] != '/' && dir[i] != '\0')
			continue;
		memcpy(path, dir, i);
		path[i] = '\0';
		fd = sl_os_open_below(u->tree_fd, path, O_PATH | O_DIRECTORY, 0);
		if (fd == -ENOENT) {
			if ((r = count(u, err)) < 0)
				return r;
			last = strrchr(path, '/');
			if (last != NULL)
				*last = '\0';
			above = sl_os_open_below(u->tree_fd, last != NULL ? path : ".",
						 O_PATH | O_DIRECTORY, 0);
			if (above < 0)
				return cannot(u, above, err);
			if (mkdirat(above, last != NULL ? last + 1 : path, 0700) < 0)
				return cannot(u, -errno, err);
		} else if (fd < 0) {
			return cannot(u, fd, err);
		}
		if (dir[i] == '\0')
			return 0;
	}
}

/* The member's directory, kept for the next one, and its name there. */
static int
place_of(struct sl_unpack *u, const char **ret_last, struct sl_err *err)
{
	char dir[SL_ROOT_PATH_MAX + 1];
	const char *slash = strrchr(u->name, '/');
	size_t n = slash != NULL ? (size_t)(slash - u->name) : 0;
	int fd, r;

	memcpy(dir, u->name, n);
	dir[n] = '\0';
	*ret_last = slash != NULL ? slash + 1 : u->name;
	if (u->dir_fd >= 0 && strcmp(dir, u->dir) == 0)
		return 0;
	fd = sl_os_open_below(u->tree_fd, n > 0 ? dir : ".", O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT) {
		if ((r = make_way(u, dir, err)) < 0)
			return r;
		fd = sl_os_open_below(u->tree_fd, dir, O_PATH | O_DIRECTORY, 0);
	}
	if (fd < 0)
		return cannot(u, fd, err);
	if (u->dir_fd >= 0)
		(void)close(u->dir_fd);
	u->dir_fd = fd;
	memcpy(u->dir, dir, n + 1);
	return 0;
}

/* --- members --- */

static int
make_dir(struct sl_unpack *u, const char *last, struct sl_err *err)
{
	struct stat st;

	if (mkdirat(u->dir_fd, last, 0700) == 0)
		return count(u, err);
	/* Made on the way to an earlier member, or told twice: the same directory. */
	if (errno == EEXIST && fstatat(u->dir_fd, last, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode))
		return 0;
	return cannot(u, -errno, err);
}

static int
make_link(struct sl_unpack *u, const char *last, struct sl_slice target,
	  struct sl_err *err)
{
	char text[SL_ROOT_PATH_MAX + 1];

	if (target.len == 0 || target.len > SL_ROOT_PATH_MAX ||
	    memchr(target.p, '\0', target.len) != NULL)
		return SL_ERR(err, FORMAT, "member '%s' is a link to no path", u->name);
	if (sl_unpack_climbs(sl_slice_str(u->name), target))
		return SL_ERR(err, FORMAT,
			      "member '%s' is a link that leaves the root ('%.*s')",
			      u->name, SL_ARG(target));
	memcpy(text, target.p, target.len);
	text[target.len] = '\0';
	if (symlinkat(text, u->dir_fd, last) < 0)
		return cannot(u, -errno, err);
	return count(u, err);
}

static int
create(struct sl_unpack *u, const char *last, struct sl_err *err)
{
	int fd = sl_os_open_below(u->dir_fd, last,
				  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	return fd < 0 ? cannot(u, fd, err) : fd;
}

static int
add_bytes(struct sl_unpack *u, uint64_t n, struct sl_err *err)
{
	if (n > SL_ROOT_BYTES_MAX - u->size.n_bytes)
		return SL_ERR(err, LIMIT, "member '%s': more than %llu bytes of files",
			      u->name, (unsigned long long)SL_ROOT_BYTES_MAX);
	u->size.n_bytes += n;
	return 0;
}

static int
end_file(struct sl_unpack *u, struct sl_err *err)
{
	int fd = u->file_fd;

	u->file_fd = -1;
	if (fd >= 0 && fchmod(fd, u->is_exec ? 0555 : 0444) < 0) {
		(void)close(fd);
		return SL_ERR_SYS(err, -errno, "cannot store member '%s'", u->name);
	}
	if (fd >= 0 && close(fd) < 0)
		return SL_ERR_SYS(err, -errno, "cannot store member '%s'", u->name);
	return 0;
}

static int
begin_file(struct sl_unpack *u, const char *last, const struct sl_unpack_member *m,
	   struct sl_err *err)
{
	int r;

	if ((r = count(u, err)) < 0 || (r = add_bytes(u, m->size, err)) < 0 ||
	    (r = create(u, last, err)) < 0)
		return r;
	u->file_fd = r;
	u->left = m->size;
	u->is_exec = m->is_exec;
	u->size.n_set_id += m->has_set_id;
	return u->left == 0 ? end_file(u, err) : 0;
}

static int
copy(int from, int to, uint64_t left)
{
	while (left > 0) {
		ssize_t n = copy_file_range(from, NULL, to, NULL,
					    left > 1 << 30 ? 1 << 30 : left, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= (uint64_t)n;
	}
	return 0;
}

static int
hard_link(struct sl_unpack *u, const char *last, struct sl_slice target,
	  struct sl_err *err)
{
	char path[SL_ROOT_PATH_MAX + 1];
	SL_AUTO_FD from = -1;
	struct stat st;
	int r;

	if (sl_unpack_depth(target) < 1)
		return SL_ERR(err, FORMAT,
			      "member '%s' is a hard link out of the archive ('%.*s')",
			      u->name, SL_ARG(target));
	memcpy(path, target.p, target.len);
	path[target.len] = '\0';
	from = sl_os_open_below(u->tree_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
		return SL_ERR(err, FORMAT,
			      "member '%s' is a hard link to '%.*s', which is no file "
			      "before it",
			      u->name, SL_ARG(target));
	if ((r = count(u, err)) < 0 ||
	    (r = add_bytes(u, (uint64_t)st.st_size, err)) < 0 ||
	    (r = create(u, last, err)) < 0)
		return r;
	u->file_fd = r;
	u->is_exec = (st.st_mode & 0111) != 0;
	if ((r = copy(from, u->file_fd, (uint64_t)st.st_size)) < 0)
		return SL_ERR_SYS(err, r, "cannot store member '%s'", u->name);
	return end_file(u, err);
}

static int
take_name(struct sl_unpack *u, struct sl_slice name, struct sl_err *err)
{
	int depth = sl_unpack_depth(name);

	if (depth < 0)
		return SL_ERR(err, FORMAT, "member '%.*s' has no plain relative name",
			      SL_ARG(name));
	if (depth - 1 > SL_ROOT_DEPTH_MAX)
		return SL_ERR(err, LIMIT, "member '%.*s' is more than %d levels deep",
			      SL_ARG(name), SL_ROOT_DEPTH_MAX);
	if (name.len > 0)
		memcpy(u->name, name.p, name.len);
	u->name[name.len] = '\0';
	return 0;
}

int
sl_unpack_member(struct sl_unpack *u, const struct sl_unpack_member *m,
		 struct sl_err *err)
{
	const char *last = NULL;
	int r;

	if (u->left > 0)
		return SL_ERR(err, FORMAT, "member '%s' is cut off", u->name);
	if ((r = take_name(u, m->name, err)) < 0)
		return r;
	if (m->name.len == 0 && m->type == SL_UNPACK_DIR)
		return 0;
	if (m->name.len == 0)
		return SL_ERR(err, FORMAT, "a member without a name");
	if (sl_tree_is_left_out(m->name)) {
		u->left = m->type == SL_UNPACK_FILE ? m->size : 0;
		return 0;
	}
	if (m->type == SL_UNPACK_DEVICE || m->type >= SL_UNPACK_TYPES)
		return SL_ERR(err, FORMAT,
			      "member '%s' is a device or a pipe, which no root has "
			      "outside of /dev, /run and /tmp",
			      u->name);
	if ((r = place_of(u, &last, err)) < 0)
		return r;
	switch (m->type) {
	case SL_UNPACK_FILE:
		return begin_file(u, last, m, err);
	case SL_UNPACK_DIR:
		return make_dir(u, last, err);
	case SL_UNPACK_LINK:
		return make_link(u, last, m->target, err);
	case SL_UNPACK_HARD:
		return hard_link(u, last, m->target, err);
	case SL_UNPACK_DEVICE:
	case SL_UNPACK_TYPES:
	default:
		return SL_ERR(err, BUG, "a member of no type");
	}
}

int
sl_unpack_bytes(struct sl_unpack *u, struct sl_slice bytes, struct sl_err *err)
{
	int r;

	if (bytes.len > u->left)
		return SL_ERR(err, FORMAT, "member '%s' has more than it says", u->name);
	u->left -= bytes.len;
	if (u->file_fd < 0) /* left out */
		return 0;
	if ((r = sl_os_write_all(u->file_fd, bytes.p, bytes.len)) < 0)
		return SL_ERR_SYS(err, r, "cannot store member '%s'", u->name);
	return u->left == 0 ? end_file(u, err) : 0;
}

int
sl_unpack_end(struct sl_unpack *u, struct sl_tree_size *ret, struct sl_err *err)
{
	int r;

	if (u->left > 0)
		return SL_ERR(err, FORMAT, "member '%s' is cut off", u->name);
	if ((r = sl_tree_close(u->tree_fd, err)) == 0)
		*ret = u->size;
	return r;
}

int
sl_unpack_new(int tree_fd, struct sl_unpack **ret, struct sl_err *err)
{
	struct sl_unpack *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	u->tree_fd = tree_fd;
	u->dir_fd = u->file_fd = -1;
	*ret = u;
	return 0;
}

void
sl_unpack_free(struct sl_unpack *u)
{
	if (u == NULL)
		return;
	if (u->dir_fd >= 0)
		(void)close(u->dir_fd);
	if (u->file_fd >= 0)
		(void)close(u->file_fd);
	free(u);
}
