/* tree.c -- see tree.h. */
#include "roots/tree.h"

#include "base/auto.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct walk {
	/* One entry, open or not, and for a directory once more when it is done. */
	int (*entry)(struct walk *w, int dirfd, const char *name, const struct stat *st,
		     int to_fd);
	int (*left)(struct walk *w, int fd, int to_fd);
	const struct stat *never;
	struct sl_tree_size size;
	struct sl_buf *out;
	struct sl_sha256 stamp;
	uint64_t n_shown;
	char path[SL_ROOT_PATH_MAX + 1]; /* below the tree, without a slash before it */
	size_t len;
	struct sl_err *err;
};

/* What the box makes itself, or has nothing of. */
static const char *const not_taken[] = { "proc", "sys", "dev", "run", "tmp" };
/* Shown entry by entry in a box (box/store.c), the root itself too. */
static const char *const shown_level[] = { "etc", "home", "opt", "var" };

static bool
is_one_of(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, list[i]) == 0)
			return true;
	return false;
}

static int
names_of(struct walk *w, int fd, struct sl_buf *text, const char ***ret, size_t *ret_n)
{
	int dup_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SL_AUTO_DIR d = dup_fd < 0 ? NULL : fdopendir(dup_fd);
	const struct dirent *e;
	const char **list;
	size_t n = 0;

	if (d == NULL)
		return SL_ERR_SYS(w->err, -errno, "cannot read '/%s'", w->path);
	while ((errno = 0, e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (++n > SL_ROOT_ENTRIES_MAX)
			return SL_ERR(w->err, LIMIT, "more than %d entries",
				      SL_ROOT_ENTRIES_MAX);
		sl_buf_put(text, e->d_name, strlen(e->d_name) + 1);
	}
	if (errno != 0)
		return SL_ERR_SYS(w->err, -errno, "cannot read '/%s'", w->path);
	list = calloc(n + 1, sizeof(*list));
	if (list == NULL || text->is_failed) {
		free(list);
		return SL_ERR(w->err, NOMEM, "out of memory");
	}
	for (size_t i = 0, at = 0; i < n; i++) {
		list[i] = (const char *)text->p + at;
		at += strlen(list[i]) + 1;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int walk_dir(struct walk *w, int fd, int to_fd, unsigned depth);

static int
into(struct walk *w, int dirfd, const char *name, int to_dir, unsigned depth)
{
	SL_AUTO_FD fd =
	    openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	SL_AUTO_FD to = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return SL_ERR_SYS(w->err, -errno, "cannot open '/%s'", w->path);
	if (w->never != NULL && st.st_dev == w->never->st_dev &&
	    st.st_ino == w->never->st_ino)
		return SL_ERR(w->err, DENIED,
			      "'/%s' is sluice's own home, which no box may reach",
			      w->path);
	if (to_dir >= 0 &&
	    (to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) <
		0)
		return SL_ERR_SYS(w->err, -errno, "cannot store '/%s'", w->path);
	return walk_dir(w, fd, to, depth + 1);
}

static int
step(struct walk *w, int fd, const char *name, int to_fd, unsigned depth)
{
	struct stat st;
	int r;

	if (++w->size.n_entries > SL_ROOT_ENTRIES_MAX)
		return SL_ERR(w->err, LIMIT, "more than %d entries", SL_ROOT_ENTRIES_MAX);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return SL_ERR_SYS(w->err, -errno, "cannot look at '/%s'", w->path);
	if ((r = w->entry(w, fd, name, &st, to_fd)) < 0)
		return r;
	return S_ISDIR(st.st_mode) ? into(w, fd, name, to_fd, depth) : 0;
}

static int
walk_names(struct walk *w, int fd, int to_fd, unsigned depth, const char *const *list,
	   size_t n)
{
	const size_t len = w->len, n_not = sizeof(not_taken) / sizeof(not_taken[0]);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (to_fd >= 0 && depth == 0 && is_one_of(list[i], not_taken, n_not))
			continue;
		w->len = len + (size_t)snprintf(w->path + len, sizeof(w->path) - len,
						"%s%s", len > 0 ? "/" : "", list[i]);
		if (w->len > SL_ROOT_PATH_MAX)
			return SL_ERR(w->err, LIMIT,
				      "'/%.80s...' is longer than %d bytes", w->path,
				      SL_ROOT_PATH_MAX);
		r = step(w, fd, list[i], to_fd, depth);
		w->len = len;
		w->path[len] = '\0';
	}
	return r;
}

/* NOLINTNEXTLINE(misc-no-recursion): SL_ROOT_DEPTH_MAX */
static int
walk_dir(struct walk *w, int fd, int to_fd, unsigned depth)
{
	SL_AUTO_BUF text = { .max = SL_ROOT_MANIFEST_MAX };
	SL_AUTO_FREE const char **list = NULL;
	size_t n = 0;
	int r;

	if (depth > SL_ROOT_DEPTH_MAX)
		return SL_ERR(w->err, LIMIT, "'/%.80s...' is more than %d levels deep",
			      w->path, SL_ROOT_DEPTH_MAX);
	if ((r = names_of(w, fd, &text, &list, &n)) < 0)
		return r;
	qsort(list, n, sizeof(*list), by_bytes);
	if (depth == 0 || is_one_of(w->path, shown_level, 4))
		w->n_shown += n;
	if (w->n_shown > SL_ROOT_SHOWN_MAX)
		return SL_ERR(w->err, LIMIT,
			      "more than %d entries in /, /etc, /home, /opt and /var",
			      SL_ROOT_SHOWN_MAX);
	if ((r = walk_names(w, fd, to_fd, depth, list, n)) < 0)
		return r;
	return w->left != NULL ? w->left(w, fd, to_fd) : 0;
}

/* --- taken into the store --- */

static int
copy_bytes(struct walk *w, int from, int to)
{
	for (;;) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		w->size.n_bytes += (uint64_t)n;
		if (w->size.n_bytes > SL_ROOT_BYTES_MAX)
			return -EFBIG;
	}
}

/* Where copy_file_range() knows no way between two file systems. */
static int
copy_by_hand(struct walk *w, int from, int to)
{
	uint8_t buf[65536];

	for (;;) {
		ssize_t n = read(from, buf, sizeof(buf));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if ((r = sl_os_write_all(to, buf, (size_t)n)) < 0)
			return r;
		w->size.n_bytes += (uint64_t)n;
		if (w->size.n_bytes > SL_ROOT_BYTES_MAX)
			return -EFBIG;
	}
}

static int
copy_file(struct walk *w, int dirfd, const char *name, int to_dir)
{
	/* What was a file may be a pipe by now. */
	SL_AUTO_FD from = openat(
	    dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	SL_AUTO_FD to = -1;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return SL_ERR_SYS(w->err, -errno, "cannot open '/%s'", w->path);
	if (!S_ISREG(st.st_mode))
		return SL_ERR(w->err, FORMAT, "'/%s' changed meanwhile", w->path);
	w->size.n_set_id += (st.st_mode & (S_ISUID | S_ISGID)) != 0;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (to < 0)
		return SL_ERR_SYS(w->err, -errno, "cannot store '/%s'", w->path);
	r = copy_bytes(w, from, to);
	if (r == -EXDEV || r == -EINVAL || r == -EOPNOTSUPP || r == -ENOSYS)
		r = copy_by_hand(w, from, to);
	if (r == -EFBIG)
		return SL_ERR(w->err, LIMIT, "more than %llu bytes",
			      (unsigned long long)SL_ROOT_BYTES_MAX);
	if (r == 0 && fchmod(to, (st.st_mode & 0111) != 0 ? 0555 : 0444) < 0)
		r = -errno;
	return r < 0 ? SL_ERR_SYS(w->err, r, "cannot store '/%s'", w->path) : 0;
}

static int
target_of(struct walk *w, int dirfd, const char *name, char target[PATH_MAX])
{
	ssize_t n = readlinkat(dirfd, name, target, PATH_MAX - 1);

	if (n < 0)
		return SL_ERR_SYS(w->err, -errno, "cannot read '/%s'", w->path);
	target[n] = '\0';
	return 0;
}

static int
copy_entry(struct walk *w, int dirfd, const char *name, const struct stat *st, int to_dir)
{
	char target[PATH_MAX];
	int r;

	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(w, dirfd, name, to_dir);
	case S_IFDIR:
		if (mkdirat(to_dir, name, 0700) < 0)
			return SL_ERR_SYS(w->err, -errno, "cannot store '/%s'", w->path);
		return 0;
	case S_IFLNK:
		if ((r = target_of(w, dirfd, name, target)) < 0)
			return r;
		if (symlinkat(target, to_dir, name) < 0)
			return SL_ERR_SYS(w->err, -errno, "cannot store '/%s'", w->path);
		return 0;
	default:
		return SL_ERR(w->err, FORMAT,
			      "'/%s' is a device, a socket or a pipe, which no root has "
			      "outside of /dev, /run and /tmp",
			      w->path);
	}
}

static int
copy_left(struct walk *w, int fd, int to_fd)
{
	(void)fd;
	if (fchmod(to_fd, 0555) < 0)
		return SL_ERR_SYS(w->err, -errno, "cannot store '/%s'", w->path);
	return 0;
}

int
sl_tree_copy(int from_fd, int to_fd, const struct stat *never, struct sl_tree_size *ret,
	     struct sl_err *err)
{
	struct walk w = {
		.entry = copy_entry, .left = copy_left, .never = never, .err = err
	};
	struct stat st;
	int r;

	if (fstat(from_fd, &st) == 0 && never != NULL && st.st_dev == never->st_dev &&
	    st.st_ino == never->st_ino)
		return SL_ERR(err, DENIED, "it is sluice's own home");
	if ((r = walk_dir(&w, from_fd, to_fd, 0)) == 0)
		*ret = w.size;
	return r;
}

bool
sl_tree_is_left_out(struct sl_slice name)
{
	struct sl_slice top = sl_slice_upto(name, '/');

	for (size_t i = 0; i < sizeof(not_taken) / sizeof(not_taken[0]); i++)
		if (sl_slice_eq(top, sl_slice_str(not_taken[i])))
			return true;
	return false;
}

static int
no_entry(struct walk *w, int dirfd, const char *name, const struct stat *st, int to_fd)
{
	(void)w;
	(void)dirfd;
	(void)name;
	(void)st;
	(void)to_fd;
	return 0;
}

static int
close_left(struct walk *w, int fd, int to_fd)
{
	(void)to_fd;
	return copy_left(w, -1, fd);
}

int
sl_tree_close(int fd, struct sl_err *err)
{
	struct walk w = { .entry = no_entry, .left = close_left, .err = err };

	return walk_dir(&w, fd, -1, 0);
}

/* --- the manifest --- */

static int
hash_file(struct walk *w, int dirfd, const char *name, char hex[65])
{
	SL_AUTO_FD fd = openat(dirfd, name,
			       O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	uint8_t buf[65536], digest[32];
	struct sl_sha256 h;

	if (fd < 0)
		return SL_ERR_SYS(w->err, -errno, "cannot open '/%s'", w->path);
	sl_sha256_init(&h);
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SL_ERR_SYS(w->err, -errno, "cannot read '/%s'", w->path);
		if (n == 0)
			break;
		sl_sha256_add(&h, buf, (size_t)n);
	}
	sl_sha256_end(&h, digest);
	sl_hex(hex, digest, 32);
	return 0;
}

static int
say_entry(struct walk *w, int dirfd, const char *name, const struct stat *st, int to_fd)
{
	const unsigned mode = st->st_mode & 07777;
	char target[PATH_MAX], hex[65];
	int r = 0;

	(void)to_fd;
	if (S_ISLNK(st->st_mode)) {
		if ((r = target_of(w, dirfd, name, target)) < 0)
			return r;
		sl_buf_printf(w->out, "l %s", target);
		sl_buf_byte(w->out, 0);
	} else if (S_ISDIR(st->st_mode) && mode == 0555) {
		sl_buf_str(w->out, "d ");
	} else if (S_ISREG(st->st_mode) && (mode == 0555 || mode == 0444)) {
		if ((r = hash_file(w, dirfd, name, hex)) < 0)
			return r;
		sl_buf_printf(w->out, "%c %s ", mode == 0555 ? 'x' : 'f', hex);
	} else {
		return SL_ERR(w->err, VERIFY, "'/%s' has another kind or mode (%o)",
			      w->path, (unsigned)st->st_mode);
	}
	sl_buf_put(w->out, w->path, w->len);
	sl_buf_byte(w->out, 0);
	return w->out->is_failed ? SL_ERR(w->err, LIMIT, "its manifest is too long") : 0;
}

int
sl_tree_manifest(int fd, struct sl_buf *ret, struct sl_err *err)
{
	struct walk w = { .entry = say_entry, .out = ret, .err = err };

	sl_buf_str(ret, "sluice-root 1");
	sl_buf_byte(ret, 0);
	return walk_dir(&w, fd, -1, 0);
}

/* One record, taken off: in a link's, its target's end is inside. */
static struct sl_slice
take_record(struct sl_slice *s)
{
	const uint8_t *p = s->p;
	size_t n = sl_slice_upto(*s, '\0').len;

	if (s->len > 0 && s->p[0] == 'l' && n < s->len)
		n += 1 + sl_slice_upto(sl_slice_skip(*s, n + 1), '\0').len;
	if (n > s->len)
		n = s->len;
	*s = sl_slice_skip(*s, n + 1);
	return (struct sl_slice){ p, n };
}

static struct sl_slice
path_of(struct sl_slice rec)
{
	if (rec.len == 0)
		return rec;
	switch (rec.p[0]) {
	case 'd':
		return sl_slice_skip(rec, 2);
	case 'l':
		return sl_slice_skip(rec, sl_slice_upto(rec, '\0').len + 1);
	default:
		return sl_slice_skip(rec, 2 + 64 + 1);
	}
}

/* In the order of a manifest, where what lies in a directory follows it at once. */
static bool
is_before(struct sl_slice a, struct sl_slice b)
{
	for (size_t i = 0; i < a.len && i < b.len; i++)
		if (a.p[i] != b.p[i])
			return b.p[i] != '/' && (a.p[i] == '/' || a.p[i] < b.p[i]);
	return a.len < b.len;
}

struct sl_slice
sl_tree_differ(struct sl_slice a, struct sl_slice b)
{
	while (a.len > 0 || b.len > 0) {
		struct sl_slice x = take_record(&a), y = take_record(&b);

		if (!sl_slice_eq(x, y) && x.len > 0 && y.len > 0)
			return is_before(path_of(y), path_of(x)) ? path_of(y)
								 : path_of(x);
		if (!sl_slice_eq(x, y))
			return x.len > 0 ? path_of(x) : path_of(y);
	}
	return SL_LIT("");
}

/* --- the stamp --- */

static void
add_stat(struct walk *w, const struct stat *st)
{
	const uint64_t v[7] = { st->st_ino,
				st->st_mode,
				(uint64_t)st->st_size,
				(uint64_t)st->st_mtim.tv_sec,
				(uint64_t)st->st_mtim.tv_nsec,
				(uint64_t)st->st_ctim.tv_sec,
				(uint64_t)st->st_ctim.tv_nsec };

	sl_sha256_add(&w->stamp, v, sizeof(v));
}

static int
stamp_entry(struct walk *w, int dirfd, const char *name, const struct stat *st, int to_fd)
{
	(void)dirfd;
	(void)name;
	(void)to_fd;
	sl_sha256_add(&w->stamp, w->path, w->len + 1);
	add_stat(w, st);
	return 0;
}

int
sl_tree_stamp(int fd, uint8_t ret[32], struct sl_err *err)
{
	struct walk w = { .entry = stamp_entry, .err = err };
	struct stat st;
	int r;

	sl_sha256_init(&w.stamp);
	if (fstat(fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot look at the tree");
	add_stat(&w, &st);
	if ((r = walk_dir(&w, fd, -1, 0)) == 0)
		sl_sha256_end(&w.stamp, ret);
	return r;
}

/* --- gone --- */

/* NOLINTNEXTLINE(misc-no-recursion): a tree that was stored is no deeper */
static int
remove_below(int at, const char *name, unsigned depth)
{
	SL_AUTO_FD fd = -1;
	SL_AUTO_DIR d = NULL;
	const struct dirent *e;
	int r = 0;

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (depth > SL_ROOT_DEPTH_MAX + 2)
		return -ELOOP;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fchmod(fd, 0700) < 0 || (d = fdopendir(fd)) == NULL)
		return -errno;
	(void)sl_steal_fd(&fd);
	while (r == 0 && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = remove_below(dirfd(d), e->d_name, depth + 1);
	if (r == 0 && unlinkat(at, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

int
sl_tree_remove(int dirfd, const char *name)
{
	return remove_below(dirfd, name, 0);
}
