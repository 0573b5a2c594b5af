/* import.c -- store.h: a tree is taken in. */
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

/* An import under way: its directory, locked; what is not locked was left by one that was
 * interrupted. */
struct import {
	const struct sl_home *h;
	const char *name, *source; /* a real path */
	const struct sl_root_reader *reader;
	bool is_archive;
	int from_fd;
	int dir_fd; /* roots/ */
	char tmp[32];
	int fd; /* of tmp */
	struct sl_tree_size size;
	uint8_t stamp[32];
	char hex[65];
};

static int
begin(struct import *m, struct sl_err *err)
{
	int r = 0;

	if (flock(m->dir_fd, LOCK_EX) < 0)
		return SL_ERR_SYS(err, -errno, "cannot lock the roots");
	sl_roots_sweep(m->dir_fd);
	(void)snprintf(m->tmp, sizeof(m->tmp), "new-%ld", (long)getpid());
	if (mkdirat(m->dir_fd, m->tmp, 0700) < 0 ||
	    (m->fd = openat(m->dir_fd, m->tmp,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) < 0 ||
	    flock(m->fd, LOCK_EX) < 0 || mkdirat(m->fd, "tree", 0700) < 0)
		r = SL_ERR_SYS(err, -errno, "cannot make '%s/roots/%s'", m->h->path,
			       m->tmp);
	(void)flock(m->dir_fd, LOCK_UN);
	return r;
}

static int
unpack(struct import *m, int tree, struct sl_err *err)
{
	struct sl_unpack *u = NULL;
	struct stat st;
	int r;

	if (fstat(m->from_fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot look at '%s'", m->source);
	if ((r = sl_unpack_new(tree, &u, err)) < 0)
		return r;
	if ((r = m->reader->unpack(m->reader->arg, m->from_fd, (uint64_t)st.st_size, u,
				   err)) == 0)
		r = sl_unpack_end(u, &m->size, err);
	sl_unpack_free(u);
	return r < 0 ? sl_err_ctx(err, "'%s'", m->source) : 0;
}

/* Its digest is that of what was stored, read back. */
static int
take(struct import *m, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = SL_ROOT_MANIFEST_MAX };
	SL_AUTO_FD tree =
	    openat(m->fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	char path[128];
	uint8_t digest[32];
	struct stat never;
	int r;

	if (tree < 0 || fstat(m->h->fd, &never) < 0)
		return SL_ERR_SYS(err, -errno, "cannot open what was made");
	r = m->is_archive ? unpack(m, tree, err)
			  : sl_tree_copy(m->from_fd, tree, &never, &m->size, err);
	if (r < 0 || (r = sl_tree_manifest(tree, &text, err)) < 0 ||
	    (r = sl_tree_stamp(tree, m->stamp, err)) < 0)
		return r;
	sl_sha256(sl_buf_get(&text), digest);
	sl_hex(m->hex, digest, 32);
	(void)snprintf(path, sizeof(path), "roots/%s/manifest", m->tmp);
	if ((r = sl_home_write(m->h, path, sl_buf_get(&text), true, err)) < 0 ||
	    (r = sl_root_write_info(m->h, m->tmp, &m->size, m->stamp, err)) < 0)
		return r;
	if (syncfs(m->fd) < 0)
		return SL_ERR_SYS(err, -errno, "cannot write the root to disk");
	return 0;
}

/* roots/ is locked.  A tree that is there already is used, once it has been looked at. */
static int
place(struct import *m, struct sl_err *err)
{
	struct sl_root there = { .fd = -1 };
	int r;

	if (faccessat(m->dir_fd, m->hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		memcpy(there.hex, m->hex, sizeof(there.hex));
		r = sl_root_look(m->h, &there, err);
		sl_root_done(&there);
		return r;
	}
	if (renameat(m->dir_fd, m->tmp, m->dir_fd, m->hex) < 0)
		return SL_ERR_SYS(err, -errno, "cannot store the root");
	m->tmp[0] = '\0';
	/* It is whole: the next import of the same, which waits for the roots' lock,
	 * finds it free to hold. */
	(void)flock(m->fd, LOCK_UN);
	return 0;
}

/* Whether the name is free, or means this tree already. */
static int
check_name(const struct import *m, struct sl_err *err)
{
	struct sl_err why = { 0 };
	char had[65];
	int r = sl_root_read_name(m->h, m->name, had, &why);

	if (r == 0 && strcmp(had, m->hex) != 0)
		return SL_ERR(err, USAGE,
			      "'%s' is another root already; 'sluice store root drop %s' "
			      "takes it away",
			      m->name, m->name);
	if (r < 0 && r != SL_E(NOENT)) {
		*err = why;
		return r;
	}
	return 0;
}

/* roots/ is locked. */
static int
name_it(struct import *m, struct sl_err *err)
{
	char path[128], line[66];
	int r;

	if ((r = check_name(m, err)) < 0 || (r = place(m, err)) < 0)
		return r;
	(void)snprintf(path, sizeof(path), "roots/names/%s", m->name);
	(void)snprintf(line, sizeof(line), "%s\n", m->hex);
	if ((r = sl_home_write(m->h, path, (struct sl_slice){ (uint8_t *)line, 65 }, true,
			       err)) < 0)
		return r;
	return syncfs(m->dir_fd) < 0
		   ? SL_ERR_SYS(err, -errno, "cannot write the root to disk")
		   : 0;
}

static int
open_source(struct import *m, const char *source, char **ret_real, int *ret_fd,
	    struct sl_err *err)
{
	const char *home = m->h->path;
	size_t len = strlen(home);
	struct stat st;
	char *real;

	if (strncmp(source, "debootstrap:", 12) == 0)
		return SL_ERR(err, UNSUPPORTED,
			      "sluice runs no debootstrap; 'debootstrap "
			      "--variant=minbase %s DIR', then add DIR",
			      source + 12);
	if ((real = *ret_real = realpath(source, NULL)) == NULL || stat(real, &st) < 0)
		return errno == ENOENT
			   ? SL_ERR(err, NOENT, "'%s' is not there", source)
			   : SL_ERR_SYS(err, -errno, "cannot look at '%s'", source);
	m->is_archive = S_ISREG(st.st_mode) && m->reader != NULL;
	if (!S_ISDIR(st.st_mode) && !m->is_archive)
		return SL_ERR(err, UNSUPPORTED,
			      "'%s' is neither a directory nor an archive", source);
	if (strncmp(real, home, len) == 0 && (real[len] == '/' || real[len] == '\0'))
		return SL_ERR(err, DENIED, "'%s' lies in sluice's own home", source);
	/* What was looked at may be a pipe by now. */
	*ret_fd = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				 (m->is_archive ? 0 : O_DIRECTORY));
	return *ret_fd < 0 ? SL_ERR_SYS(err, -errno, "cannot open '%s'", source) : 0;
}

/* Its digest is known, and nobody can see it yet. */
static int
ask(const struct import *m, const struct sl_root_permit *permit, struct sl_err *err)
{
	struct sl_root root = { .fd = -1, .size = m->size };
	const struct sl_root_change c = { .root = &root,
					  .source = m->source,
					  .source_kind =
					      m->is_archive ? "archive" : "directory" };

	(void)snprintf(root.name, sizeof(root.name), "%s", m->name);
	memcpy(root.hex, m->hex, sizeof(root.hex));
	return permit->ask(permit->arg, &c, err);
}

static int
import(struct import *m, const struct sl_root_permit *permit, struct sl_err *err)
{
	int r;

	if ((r = begin(m, err)) == 0 && (r = take(m, err)) == 0 &&
	    (r = check_name(m, err)) == 0)
		r = ask(m, permit, err);
	if (r == 0 && flock(m->dir_fd, LOCK_EX) < 0)
		r = SL_ERR_SYS(err, -errno, "cannot lock the roots");
	if (r == 0) {
		r = name_it(m, err);
		(void)flock(m->dir_fd, LOCK_UN);
	}
	if (m->fd >= 0 && m->tmp[0] != '\0')
		(void)sl_tree_remove(m->dir_fd, m->tmp);
	if (m->fd >= 0)
		(void)close(m->fd);
	return r;
}

int
sl_root_add(const struct sl_home *h, const char *name, const char *source,
	    const struct sl_root_reader *reader, const struct sl_root_permit *permit,
	    struct sl_root *ret, struct sl_err *err)
{
	struct import m = { .h = h, .name = name, .reader = reader, .fd = -1 };
	SL_AUTO_FREE char *real = NULL;
	SL_AUTO_FD from = -1;
	SL_AUTO_FD dir = -1;
	int r;

	if (!sl_root_name_ok(name))
		return SL_ERR(err, USAGE,
			      "'%s' is no name for a root: lower-case letters, digits, "
			      "'.', '_' and '-', at most %d",
			      name, SL_ROOT_NAME_MAX);
	if ((r = open_source(&m, source, &real, &from, err)) < 0 ||
	    (r = sl_roots_open(h, false, &dir, err)) < 0)
		return r;
	m.from_fd = from;
	m.dir_fd = dir;
	m.source = real;
	if ((r = import(&m, permit, err)) < 0)
		return r;
	*ret = (struct sl_root){ .fd = -1, .size = m.size };
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	memcpy(ret->hex, m.hex, sizeof(ret->hex));
	return 0;
}
