/* log_tiles.c -- sluice log tiles: a log as files that any web server can serve. */
#include "base/auto.h"
#include "cli/log_cmd.h"
#include "log/tile.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct tiles {
	struct sl_log_cmd *w;
	uint32_t tree;
	int dir;
	uint64_t n;
	struct sl_buf b;
};

/* The file rel of dir, new or as it was, whole: written aside and renamed. */
static int
put(int dir, const char *rel, struct sl_slice s, struct sl_err *err)
{
	char parent[SL_TILE_PATH_MAX];
	const char *slash = strrchr(rel, '/');
	SL_AUTO_FD fd = -1, at = -1;
	int r;

	if (slash != NULL) {
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - rel), rel);
		if ((r = at = sl_os_walk(dir, parent, true)) < 0)
			return SL_ERR_SYS(err, r, "cannot make %s", parent);
	}
	fd = openat(dir, ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0644);
	if (fd < 0 || sl_os_write_all(fd, s.p, s.len) < 0 ||
	    renameat(dir, ".new", slash != NULL ? at : dir,
		     slash != NULL ? slash + 1 : rel) < 0)
		return SL_ERR_SYS(err, -errno, "cannot write %s", rel);
	return 0;
}

static int
one(void *arg, const struct sl_tile *t, struct sl_err *err)
{
	struct tiles *x = arg;
	char path[SL_TILE_PATH_MAX];
	struct stat st;
	int r;

	sl_tile_path(t, path);
	/* A tile never changes. */
	if (fstatat(x->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	sl_buf_clear(&x->b);
	if ((r = sl_reader_tile(x->w->reader, x->tree, t, &x->b, err)) < 0 ||
	    (r = put(x->dir, path, sl_buf_get(&x->b), err)) < 0)
		return r;
	x->n++;
	return 0;
}

int
sl_log_tiles(struct sl_log_cmd *w, struct sl_err *err)
{
	struct tiles x = { .w = w, .b.max = 64 << 10 };
	SL_AUTO_BUF note = { .max = 64 << 10 };
	struct sl_log_tree info;
	struct sl_json *v;
	int r;

	if (w->args->argc != 2)
		return SL_ERR(err, USAGE,
			      "usage: sluice log tiles DIR [--tree TREE] [--json]");
	if ((r = sl_log_find_tree(w, &x.tree, err)) < 0 ||
	    (r = sl_reader_tree(w->reader, x.tree, &info, err)) < 0 ||
	    (r = sl_reader_checkpoint(w->reader, x.tree, 0, &note, err)) < 0)
		return r;
	if (mkdir(w->args->argv[1], 0755) < 0 && errno != EEXIST)
		return SL_ERR_SYS(err, -errno, "cannot make %s", w->args->argv[1]);
	x.dir = open(w->args->argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x.dir < 0)
		return SL_ERR_SYS(err, -errno, "cannot open %s", w->args->argv[1]);
	/* The checkpoint last: what it promises is there by then. */
	if ((r = sl_tile_each(info.size, one, &x, err)) == 0)
		r = put(x.dir, "checkpoint", sl_buf_get(&note), err);
	sl_buf_done(&x.b);
	(void)close(x.dir);
	if (r < 0)
		return r;
	if (!w->is_json) {
		printf("%s: %llu entries, %llu new tiles\n", w->args->argv[1],
		       (unsigned long long)info.size, (unsigned long long)x.n);
		return sl_out_flush(err);
	}
	v = sl_json_obj(&w->out.b);
	(void)sl_json_set(&w->out.b, v, "size",
			  sl_json_int(&w->out.b, (int64_t)info.size));
	(void)sl_json_set(&w->out.b, v, "tiles", sl_json_int(&w->out.b, (int64_t)x.n));
	return sl_out_json(&w->out, v, err);
}
