/* ws_t.h -- a scratch directory and short words for files in it. */
#ifndef SL_TESTS_WS_T_H
#define SL_TESTS_WS_T_H

#include "run/ws_changes.h"
#include "t.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct ws_t {
	char dir[64];
	int top, base, upper, target; /* directories */
	struct sl_arena a;
	struct sl_err err;
};

static inline int
ws_t_dir(int at, const char *name)
{
	int fd;

	(void)mkdirat(at, name, 0755);
	assert_return_code(fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	return fd;
}

static inline void
ws_t_begin(struct ws_t *t)
{
	*t = (struct ws_t){ .dir = "/tmp/sl-test-ws.XXXXXX" };
	umask(022);
	assert_non_null(mkdtemp(t->dir));
	assert_return_code(t->top = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	t->base = ws_t_dir(t->top, "base");
	t->upper = ws_t_dir(t->top, "upper");
	t->target = ws_t_dir(t->top, "target");
	sl_arena_init(&t->a, SL_WS_ARENA_MAX);
}

static inline void
ws_t_end(struct ws_t *t)
{
	struct sl_err err = { 0 };

	close(t->base);
	close(t->upper);
	close(t->target);
	close(t->top);
	if (sl_ws_remove(AT_FDCWD, t->dir, &err) != 0)
		fail_msg("%s", err.msg);
	sl_arena_free(&t->a);
}

static inline void
put(int at, const char *path, const char *text, unsigned mode)
{
	int fd = openat(at, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_return_code(fd, 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_return_code(fchmod(fd, mode), 0);
	close(fd);
}

static inline const char *
get(int at, const char *path)
{
	static char buf[512];
	int fd = openat(at, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return "(none)";
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static inline unsigned
mode_of(int at, const char *path)
{
	struct stat st;

	return fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode;
}

static inline const struct sl_ws_manifest *
freeze(struct ws_t *t, int dir)
{
	const struct sl_ws_manifest *m = NULL;

	if (sl_ws_freeze(dir, -1, SL_LIT("/x"), &t->a, &m, &t->err) != 0)
		fail_msg("%s", t->err.msg);
	return m;
}

#endif
