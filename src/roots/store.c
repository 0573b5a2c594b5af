/* store.c -- see store.h. */
#include "roots/store_int.h"

#include "base/auto.h"
#include "base/hex.h"
#include "crypto/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum { INFO_MAX = 64 << 10, NAMES_MAX = 4096 };

static bool
is_hex(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

bool
sl_root_name_ok(const char *s)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = strlen(s);

	return n > 0 && n <= SL_ROOT_NAME_MAX && strchr(first, s[0]) != NULL &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n && !is_hex(s);
}

void
sl_root_done(struct sl_root *root)
{
	free(root->tree);
	if (root->fd >= 0)
		(void)close(root->fd);
	root->tree = NULL;
	root->fd = -1;
}

/* roots/, locked while it is changed. */
int
sl_roots_open(const struct sl_home *h, bool is_locked, int *ret_fd, struct sl_err *err)
{
	SL_AUTO_FD names = -1;
	SL_AUTO_FD fd = -1;
	int r;

	if ((r = sl_home_dir(h, "roots", &fd, err)) < 0 ||
	    (r = sl_home_dir(h, "roots/names", &names, err)) < 0)
		return r;
	if (is_locked && flock(fd, LOCK_EX) < 0)
		return SL_ERR_SYS(err, -errno, "cannot lock the roots");
	*ret_fd = sl_steal_fd(&fd);
	return 0;
}

int
sl_root_read_name(const struct sl_home *h, const char *name, char hex[65],
		  struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = 8192 }; /* a read takes 4096 */
	struct sl_err why = { 0 };
	char path[128];
	int r;

	(void)snprintf(path, sizeof(path), "roots/names/%s", name);
	if ((r = sl_home_read(h, path, 65, &text, &why)) == SL_E(NOENT))
		return SL_ERR(
		    err, NOENT,
		    "there is no root '%s'; 'sluice store root list' lists them", name);
	if (r < 0) {
		*err = why;
		return r;
	}
	if (text.len != 65 || text.p[64] != '\n')
		return SL_ERR(err, STORE, "'%s/%s' holds no digest", h->path, path);
	text.p[64] = '\0';
	if (!is_hex((const char *)text.p))
		return SL_ERR(err, STORE, "'%s/%s' holds no digest", h->path, path);
	memcpy(hex, text.p, 65);
	return 0;
}

/* NAME or sha256:HEX. */
static int
find(const struct sl_home *h, const char *which, struct sl_root *root, struct sl_err *err)
{
	*root = (struct sl_root){ .fd = -1 };
	if (strncmp(which, "sha256:", 7) == 0 && is_hex(which + 7)) {
		memcpy(root->hex, which + 7, 65);
		return 0;
	}
	if (!sl_root_name_ok(which))
		return SL_ERR(err, USAGE,
			      "'%s' is neither the name of a root nor sha256: and 64 "
			      "hexadecimal digits",
			      which);
	(void)snprintf(root->name, sizeof(root->name), "%s", which);
	return sl_root_read_name(h, which, root->hex, err);
}

/* --- info --- */

int
sl_root_write_info(const struct sl_home *h, const char *dir,
		   const struct sl_tree_size *size, const uint8_t stamp[32],
		   struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF text = { .max = INFO_MAX };
	struct sl_jb b = { .a = &a };
	struct sl_json *o;
	char path[128];
	int r;

	sl_arena_init(&a, INFO_MAX);
	o = sl_json_obj(&b);
	(void)sl_json_set(&b, o, "v", sl_json_int(&b, 1));
	(void)sl_json_set(&b, o, "entries", sl_json_int(&b, (int64_t)size->n_entries));
	(void)sl_json_set(&b, o, "bytes", sl_json_int(&b, (int64_t)size->n_bytes));
	(void)sl_json_set(&b, o, "set_id", sl_json_int(&b, (int64_t)size->n_set_id));
	(void)sl_json_set(&b, o, "stamp", sl_json_hex(&b, stamp, 32));
	if ((r = sl_json_jcs(o, &text, err)) < 0)
		return r;
	(void)snprintf(path, sizeof(path), "roots/%s/info", dir);
	return sl_home_write(h, path, sl_buf_get(&text), true, err);
}

static int
read_info(const struct sl_home *h, struct sl_root *root, uint8_t stamp[32],
	  struct sl_err *err)
{
	static const struct sl_limits lim = { INFO_MAX, 64, 4 };
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF text = { .max = INFO_MAX };
	struct sl_json *o = NULL;
	char path[128];

	sl_arena_init(&a, (size_t)4 * INFO_MAX);
	(void)snprintf(path, sizeof(path), "roots/%s/info", root->hex);
	if (sl_home_read(h, path, INFO_MAX, &text, err) < 0 ||
	    sl_json_parse(sl_buf_get(&text), &lim, &a, &o, err) < 0)
		return sl_err_ctx(err, "root sha256:%s", root->hex);
	if (sl_json_get_int(o, "v") != 1 ||
	    !sl_unhex(stamp, 32, sl_json_get_str(o, "stamp")))
		return SL_ERR(err, STORE, "'%s/%s' is damaged", h->path, path);
	root->size = (struct sl_tree_size){ (uint64_t)sl_json_get_int(o, "entries"),
					    (uint64_t)sl_json_get_int(o, "bytes"),
					    (uint64_t)sl_json_get_int(o, "set_id") };
	return 0;
}

/* --- opening --- */

/* The root's own directory, held; and its tree. */
static int
hold(const struct sl_home *h, struct sl_root *root, int *ret_tree, struct sl_err *err)
{
	char path[128];
	int n;

	(void)snprintf(path, sizeof(path), "roots/%s", root->hex);
	root->fd = openat(h->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (root->fd < 0 && errno == ENOENT)
		return SL_ERR(err, NOENT,
			      "there is no root sha256:%s; 'sluice store root list' "
			      "lists them",
			      root->hex);
	if (root->fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%s/%s'", h->path, path);
	if (flock(root->fd, LOCK_SH | LOCK_NB) < 0)
		return SL_ERR(err, NOENT, "root sha256:%s is just being dropped",
			      root->hex);
	n = asprintf(&root->tree, "%s/%s/tree", h->path, path);
	if (n < 0) {
		root->tree = NULL;
		return SL_ERR(err, NOMEM, "out of memory");
	}
	*ret_tree =
	    openat(root->fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_tree < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%s'", root->tree);
	return 0;
}

int
sl_root_look(const struct sl_home *h, struct sl_root *root, struct sl_err *err)
{
	uint8_t said[32], now[32];
	SL_AUTO_FD tree = -1;
	int r;

	if ((r = hold(h, root, &tree, err)) < 0 ||
	    (r = read_info(h, root, said, err)) < 0 ||
	    (r = sl_tree_stamp(tree, now, err)) < 0)
		return r;
	if (memcmp(said, now, 32) != 0)
		return SL_ERR(err, VERIFY,
			      "root sha256:%s was touched since it was read as a whole; "
			      "'sluice store root check' reads it again",
			      root->hex);
	return 0;
}

int
sl_root_open(const struct sl_home *h, const char *which, struct sl_root *ret,
	     struct sl_err *err)
{
	struct sl_root root;
	int r;

	if ((r = find(h, which, &root, err)) < 0 ||
	    (r = sl_root_look(h, &root, err)) < 0) {
		sl_root_done(&root);
		return r;
	}
	*ret = root;
	return 0;
}

/* --- checking --- */

static int
same_manifest(const struct sl_home *h, const struct sl_root *root, int tree,
	      struct sl_err *err)
{
	SL_AUTO_BUF now = { .max = SL_ROOT_MANIFEST_MAX };
	SL_AUTO_BUF was = { .max = SL_ROOT_MANIFEST_MAX };
	struct sl_err why = { 0 };
	uint8_t digest[32];
	char hex[65], path[128];
	struct sl_slice at;
	int r;

	if ((r = sl_tree_manifest(tree, &now, err)) < 0)
		return r;
	sl_sha256(sl_buf_get(&now), digest);
	sl_hex(hex, digest, 32);
	if (strcmp(hex, root->hex) == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "roots/%s/manifest", root->hex);
	if (sl_home_read(h, path, SL_ROOT_MANIFEST_MAX, &was, &why) < 0)
		was.len = 0;
	at = sl_tree_differ(sl_buf_get(&was), sl_buf_get(&now));
	return SL_ERR(err, VERIFY,
		      "it is not what was imported: '/%.*s' is the first that differs",
		      SL_ARG(at));
}

static int
check_it(const struct sl_home *h, struct sl_root *root, bool *ret_noted,
	 struct sl_err *err)
{
	uint8_t said[32], before[32], after[32];
	SL_AUTO_FD tree = -1;
	int r;

	if ((r = hold(h, root, &tree, err)) < 0 ||
	    (r = read_info(h, root, said, err)) < 0 ||
	    (r = sl_tree_stamp(tree, before, err)) < 0 ||
	    (r = same_manifest(h, root, tree, err)) < 0 ||
	    (r = sl_tree_stamp(tree, after, err)) < 0)
		return r;
	if (memcmp(before, after, 32) != 0)
		return SL_ERR(err, VERIFY, "it changed while it was read");
	*ret_noted = memcmp(said, after, 32) != 0;
	return *ret_noted ? sl_root_write_info(h, root->hex, &root->size, after, err) : 0;
}

int
sl_root_check(const struct sl_home *h, const char *which, struct sl_root *ret,
	      bool *ret_noted, struct sl_err *err)
{
	struct sl_root root;
	int r = find(h, which, &root, err);

	if (r == 0 && (r = check_it(h, &root, ret_noted, err)) < 0)
		r = sl_err_ctx(err, "root sha256:%s", root.hex);
	if (r < 0) {
		sl_root_done(&root);
		return r;
	}
	*ret = root;
	return 0;
}

/* What imports that were interrupted have left; roots/ is locked. */
void
sl_roots_sweep(int dir_fd)
{
	int again = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SL_AUTO_DIR d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		SL_AUTO_FD fd = -1;

		if (strncmp(e->d_name, "new-", 4) != 0)
			continue;
		fd = openat(dir_fd, e->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)sl_tree_remove(dir_fd, e->d_name);
	}
}

/* --- names, and what goes --- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int
sl_root_names(const struct sl_home *h, struct sl_arena *a, const char *const **ret,
	      size_t *ret_n, struct sl_err *err)
{
	const char **names = SL_NEW_N(a, const char *, NAMES_MAX);
	SL_AUTO_DIR d = NULL;
	const struct dirent *e;
	size_t n = 0;
	int fd = -1, r;

	if (names == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_home_dir(h, "roots", &fd, err)) < 0)
		return r;
	(void)close(fd);
	if ((r = sl_home_dir(h, "roots/names", &fd, err)) < 0)
		return r;
	if ((d = fdopendir(fd)) == NULL) {
		r = -errno;
		(void)close(fd);
		return SL_ERR_SYS(err, r, "cannot list '%s/roots/names'", h->path);
	}
	while ((e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);

		if (!sl_root_name_ok(e->d_name) ||
		    (len > 4 && strcmp(e->d_name + len - 4, ".tmp") == 0))
			continue;
		if (n == NAMES_MAX)
			return SL_ERR(err, LIMIT, "more than %d roots", NAMES_MAX);
		names[n] = sl_arena_str(a, sl_slice_str(e->d_name));
		if (names[n++] == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
	}
	qsort(names, n, sizeof(*names), by_name);
	*ret = names;
	*ret_n = n;
	return 0;
}

int
sl_root_digests(const struct sl_home *h, struct sl_arena *a, const char *const **ret,
		size_t *ret_n, struct sl_err *err)
{
	const char **list = SL_NEW_N(a, const char *, NAMES_MAX);
	SL_AUTO_DIR d = NULL;
	const struct dirent *e;
	size_t n = 0;
	int fd = -1, r;

	if (list == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_home_dir(h, "roots", &fd, err)) < 0)
		return r;
	if ((d = fdopendir(fd)) == NULL) {
		r = -errno;
		(void)close(fd);
		return SL_ERR_SYS(err, r, "cannot list '%s/roots'", h->path);
	}
	while ((e = readdir(d)) != NULL) {
		if (!is_hex(e->d_name))
			continue;
		if (n == NAMES_MAX)
			return SL_ERR(err, LIMIT, "more than %d roots", NAMES_MAX);
		if ((list[n++] = sl_arena_str(a, sl_slice_str(e->d_name))) == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
	}
	qsort(list, n, sizeof(*list), by_name);
	*ret = list;
	*ret_n = n;
	return 0;
}

/* How many names mean this root; those are taken where is_taken. */
static int
names_of(const struct sl_home *h, const char *hex, bool is_taken, size_t *ret,
	 struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	const char *const *name = NULL;
	char path[128], had[65];
	size_t n = 0;
	int r;

	sl_arena_init(&a, 4 << 20);
	*ret = 0;
	if ((r = sl_root_names(h, &a, &name, &n, err)) < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct sl_err none = { 0 };

		if (sl_root_read_name(h, name[i], had, &none) < 0 ||
		    strcmp(had, hex) != 0)
			continue;
		(*ret)++;
		(void)snprintf(path, sizeof(path), "roots/names/%s", name[i]);
		if (is_taken && unlinkat(h->fd, path, 0) < 0)
			return SL_ERR_SYS(err, -errno, "cannot remove '%s/%s'", h->path,
					  path);
	}
	return 0;
}

/* Under another name first: a root is whole or absent. */
static int
remove_tree(int dir_fd, const char *hex, struct sl_err *err)
{
	char gone[32];
	int r;

	(void)snprintf(gone, sizeof(gone), "new-gone-%ld", (long)getpid());
	if (renameat(dir_fd, hex, dir_fd, gone) < 0)
		return errno == ENOENT
			   ? SL_ERR(err, NOENT, "there is no root sha256:%s", hex)
			   : SL_ERR_SYS(err, -errno, "cannot remove root sha256:%s", hex);
	if ((r = sl_tree_remove(dir_fd, gone)) < 0)
		return SL_ERR_SYS(err, r, "cannot remove root sha256:%s", hex);
	return 0;
}

static int
drop(const struct sl_home *h, int dir_fd, const struct sl_root *root,
     const struct sl_root_permit *permit, bool *ret_gone, struct sl_err *err)
{
	SL_AUTO_FD fd =
	    openat(dir_fd, root->hex, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct sl_root_change c = { .root = root };
	char path[128];
	size_t n = 0;
	int r;

	if ((r = names_of(h, root->hex, false, &n, err)) < 0)
		return r;
	*ret_gone = root->name[0] == '\0' || n <= 1;
	if (*ret_gone && fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return SL_ERR(err, USAGE, "root sha256:%s is in use", root->hex);
	if (fd < 0 && root->name[0] == '\0')
		return SL_ERR(err, NOENT, "there is no root sha256:%s", root->hex);
	c.is_gone = *ret_gone;
	if ((r = permit->ask(permit->arg, &c, err)) < 0)
		return r;
	if (root->name[0] == '\0')
		r = names_of(h, root->hex, true, &n, err);
	(void)snprintf(path, sizeof(path), "roots/names/%s", root->name);
	if (r == 0 && root->name[0] != '\0' && unlinkat(h->fd, path, 0) < 0)
		r = SL_ERR_SYS(err, -errno, "cannot remove '%s/%s'", h->path, path);
	if (r == 0 && *ret_gone && (fd >= 0 || root->name[0] == '\0'))
		r = remove_tree(dir_fd, root->hex, err);
	return r;
}

int
sl_root_drop(const struct sl_home *h, const char *which,
	     const struct sl_root_permit *permit, bool *ret_gone, struct sl_err *err)
{
	struct sl_root root = { .fd = -1 };
	SL_AUTO_FD dir = -1;
	int r;

	if ((r = sl_roots_open(h, true, &dir, err)) < 0)
		return r;
	sl_roots_sweep(dir);
	r = find(h, which, &root, err);
	return r < 0 ? r : drop(h, dir, &root, permit, ret_gone, err);
}

int
sl_root_json(const struct sl_root *root, struct sl_jb *b, struct sl_json **ret,
	     struct sl_err *err)
{
	struct sl_json *o = sl_json_obj(b);
	struct utsname u;
	char name[72];

	if (uname(&u) < 0)
		return SL_ERR_SYS(err, -errno, "cannot name the kernel");
	(void)snprintf(name, sizeof(name), "sha256:%s", root->hex);
	(void)sl_json_set(b, o, "name", sl_json_cstr(b, name));
	(void)sl_json_set(b, o, "kernel", sl_json_cstr(b, u.release));
	(void)sl_json_set(b, o, "arch", sl_json_cstr(b, u.machine));
	/* how it is kept from being another one: read at import, stamped since */
	(void)sl_json_set(b, o, "method", sl_json_cstr(b, "read-only bind, stat stamp"));
	(void)sl_json_set(b, o, "verified", sl_json_bool(b, true));
	*ret = o;
	return 0;
}
