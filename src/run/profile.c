/* profile.c -- see profile.h. */
#include "run/profile.h"

#include "base/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static const char dir_name[] = "profiles", ending[] = ".yml";

static int
trusted(int fd, const char *path, mode_t kind, struct sl_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot read '%s'", path);
	if ((st.st_mode & S_IFMT) != kind)
		return SL_ERR(err, ENV, "'%s' is no %s", path,
			      kind == S_IFDIR ? "directory" : "plain file");
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return SL_ERR(err, ENV,
			      "'%s' (uid %u, mode %o) can be written by others than uid "
			      "%u: what it grants is not only yours to say",
			      path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777,
			      (unsigned)geteuid());
	return 0;
}

/* *ret_fd is -1 where there is no such directory. */
static int
open_dir(const struct sl_home *home, int *ret_fd, struct sl_err *err)
{
	SL_AUTO_FD fd =
	    openat(home->fd, dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	char path[300];
	int r;

	*ret_fd = -1;
	(void)snprintf(path, sizeof(path), "%.200s/%s", home->path, dir_name);
	if (fd < 0)
		return errno == ENOENT
			   ? 0
			   : SL_ERR_SYS(err, -errno, "cannot open '%s'", path);
	if ((r = trusted(fd, path, S_IFDIR, err)) < 0)
		return r;
	*ret_fd = sl_steal_fd(&fd);
	return 0;
}

/* At most one byte more than a profile may have: the parser then says so. */
static ssize_t
read_text(int fd, uint8_t *text)
{
	size_t n = 0;

	while (n <= SL_PROFILE_BYTES_MAX) {
		ssize_t r = read(fd, text + n, SL_PROFILE_BYTES_MAX + 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

/* The text of the user's profile of that name; ret->p is NULL where there is none. */
static int
read_own(const struct sl_home *home, const char *name, struct sl_arena *a,
	 struct sl_slice *ret, struct sl_err *err)
{
	SL_AUTO_FD dir = -1;
	SL_AUTO_FD fd = -1;
	const char *file = sl_arena_printf(a, "%s%s", name, ending);
	uint8_t *text = sl_arena_alloc(a, SL_PROFILE_BYTES_MAX + 1, 1);
	ssize_t n;
	int r;

	*ret = (struct sl_slice){ 0 };
	if (file == NULL || text == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a profile");
	if ((r = open_dir(home, &dir, err)) < 0 || dir < 0)
		return r;
	fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%s/%s/%s'", home->path,
				  dir_name, file);
	if ((r = trusted(fd, file, S_IFREG, err)) < 0)
		return r;
	if ((n = read_text(fd, text)) < 0)
		return SL_ERR_SYS(err, (int)n, "cannot read '%s/%s/%s'", home->path,
				  dir_name, file);
	*ret = (struct sl_slice){ text, (size_t)n };
	return 0;
}

static int
unknown(const struct sl_home *home, const char *name,
	const struct sl_profile_text *shipped, size_t n, struct sl_err *err)
{
	SL_AUTO_BUF names = { .max = 1024 };

	for (size_t i = 0; i < n; i++)
		sl_buf_printf(&names, "%s%s", i > 0 ? ", " : "", shipped[i].name);
	return SL_ERR(err, NOENT, "no profile '%s': shipped are %.*s; no '%s/%s/%s%s'",
		      name, SL_ARG(sl_buf_get(&names)), home->path, dir_name, name,
		      ending);
}

int
sl_profile_find(const struct sl_home *home, const char *name, struct sl_arena *a,
		struct sl_named_profile *ret, struct sl_err *err)
{
	struct sl_profile_text shipped[SL_PROFILES_SHIPPED_MAX];
	size_t n = sl_profile_shipped(shipped), i = 0;
	struct sl_named_profile f = { .name = name };
	struct sl_profile_diags *diags = SL_NEW(a, struct sl_profile_diags);
	struct sl_slice text;
	int r;

	if (!sl_profile_is_name(sl_slice_str(name)))
		return SL_ERR(err, USAGE,
			      "'%.60s' is not the name of a profile: lower-case letters, "
			      "digits, '-' and '_'",
			      name);
	if ((r = read_own(home, name, a, &text, err)) < 0)
		return r;
	while (i < n && strcmp(shipped[i].name, name) != 0)
		i++;
	f.is_shipped = i < n;
	f.file = f.is_shipped ? sl_arena_printf(a, "%s (shipped)", name)
			      : sl_arena_printf(a, "%s/%s/%s%s", home->path, dir_name,
						name, ending);
	if (diags == NULL || f.file == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a profile");
	if (f.is_shipped && text.p != NULL)
		return SL_ERR(err, USAGE,
			      "'%s/%s/%s%s' has the name of a shipped profile, which it "
			      "cannot replace: give it another",
			      home->path, dir_name, name, ending);
	if (!f.is_shipped && text.p == NULL)
		return unknown(home, name, shipped, n, err);
	if ((r = sl_profile_parse(f.is_shipped ? shipped[i].text : text, f.file, a, &f.p,
				  diags, err)) < 0)
		return r;
	*ret = f;
	return 0;
}

static bool
is_shipped(const struct sl_profile_text *shipped, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(shipped[i].name) == len &&
		    memcmp(shipped[i].name, name, len) == 0)
			return true;
	return false;
}

static int
by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

int
sl_profile_list(const struct sl_home *home, struct sl_arena *a, const char *const **ret,
		size_t *ret_n, struct sl_err *err)
{
	struct sl_profile_text shipped[SL_PROFILES_SHIPPED_MAX];
	const size_t n_shipped = sl_profile_shipped(shipped);
	const char **names = SL_NEW_N(a, const char *, SL_PROFILES_OWN_MAX + n_shipped);
	SL_AUTO_DIR d = NULL;
	size_t n = 0;
	int fd = -1, r;

	if (names == NULL)
		return SL_ERR(err, NOMEM, "out of memory for the names of profiles");
	if ((r = open_dir(home, &fd, err)) < 0)
		return r;
	if (fd >= 0 && (d = fdopendir(fd)) == NULL) {
		r = -errno;
		(void)close(fd);
		return SL_ERR_SYS(err, r, "cannot list '%s/%s'", home->path, dir_name);
	}
	while (n < n_shipped) {
		names[n] = shipped[n].name;
		n++;
	}
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		size_t len = strlen(e->d_name), end = sizeof(ending) - 1;

		if (len <= end || strcmp(e->d_name + len - end, ending) != 0)
			continue;
		if (is_shipped(shipped, n_shipped, e->d_name, len - end))
			continue; /* said where that one is asked for */
		if (n == n_shipped + SL_PROFILES_OWN_MAX)
			return SL_ERR(err, LIMIT, "more than %d profiles in '%s/%s'",
				      SL_PROFILES_OWN_MAX, home->path, dir_name);
		names[n++] =
		    sl_arena_str(a, (struct sl_slice){ (uint8_t *)e->d_name, len - end });
		if (names[n - 1] == NULL)
			return SL_ERR(err, NOMEM, "out of memory for a name");
	}
	qsort(names + n_shipped, n - n_shipped, sizeof(*names), by_name);
	*ret = names;
	*ret_n = n;
	return 0;
}
