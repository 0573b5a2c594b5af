/* run_file.c -- files of the workspace for the parser: before the run's decision as they
 * were frozen, in a job as its earlier steps left them. */
#include "base/auto.h"
#include "run/run_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Its content must be what was frozen. */
static int
read_frozen(struct run *w, struct sl_slice path, struct sl_buf *text, struct sl_err *err)
{
	const struct sl_ws_entry *e = sl_ws_find(w->ws, path);
	char rel[SL_WS_PATH_MAX + 1];
	struct frozen_file *f;
	uint8_t digest[32];
	struct sl_home root = { .path = sl_arena_str(w->a, sl_slice_str(w->o->workspace)),
				.fd = w->ws_fd };
	int r;

	/* safe because the manifest lists only plain files reached without a link */
	if (root.path == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (e == NULL || e->type != SL_WT_FILE || path.len > SL_WS_PATH_MAX)
		return SL_ERR(err, NOENT, "no file '%.*s' in the workspace",
			      SL_ARG(path));
	memcpy(rel, e->path.p, e->path.len);
	rel[e->path.len] = '\0';
	if ((r = sl_home_read(&root, rel, SL_FLOW_BYTES, text, err)) < 0)
		return r;
	sl_sha256(sl_buf_get(text), digest);
	if (memcmp(digest, e->digest, 32) != 0)
		return SL_ERR(err, FORMAT, "'%.*s' changed while it was read",
			      SL_ARG(path));
	if (w->job
		.is_open) /* the context is frozen; the file was in it by the manifest */
		return 0;
	if ((f = SL_NEW(w->a, struct frozen_file)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	*f = (struct frozen_file){ w->files, e->path, { 0 } };
	memcpy(f->digest, digest, 32);
	w->files = f;
	return 0;
}

static int
read_fd(int fd, struct sl_slice path, struct sl_buf *text, struct sl_err *err)
{
	for (;;) {
		uint8_t *to = sl_buf_room(text, 4096);
		ssize_t n;

		if (to == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
		n = read(fd, to, 4096);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return SL_ERR_SYS(err, -errno, "cannot read '%.*s'",
					  SL_ARG(path));
		if (n > 0)
			text->len += (size_t)n;
		if (text->len > SL_FLOW_BYTES)
			return SL_ERR(err, FAILED, "'%.*s' is larger than %d bytes",
				      SL_ARG(path), SL_FLOW_BYTES);
	}
}

/* *ret_fd is -1 where the job left the base as it was. */
static int
open_live(struct run *w, struct sl_slice path, int *ret_fd, struct sl_err *err)
{
	bool is_overlay = w->job.vector.ws_mode == SL_WS_OVERLAY;
	SL_AUTO_FD left = -1;

	if (!sl_ws_is_writable(w->job.vector.ws_mode))
		return 0;
	if (w->o->is_direct)
		return sl_ws_open_live(w->ws_fd, false, path, ret_fd, err);
	left = openat(w->job.dir_fd, is_overlay ? "upper" : "copy",
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (left < 0)
		return SL_ERR_SYS(err, -errno, "cannot look at the workspace of job '%s'",
				  w->job.key);
	return sl_ws_open_live(left, is_overlay, path, ret_fd, err);
}

int
sl_run_read_file(void *run, struct sl_slice path, struct sl_arena *a,
		 struct sl_slice *ret, struct sl_err *err)
{
	struct run *w = run;
	SL_AUTO_BUF text = { .max = SL_FLOW_BYTES + 8192 };
	SL_AUTO_FD fd = -1;
	int r;

	if (w->job.is_open && (r = open_live(w, path, &fd, err)) < 0)
		return r;
	r = fd >= 0 ? read_fd(fd, path, &text, err) : read_frozen(w, path, &text, err);
	if (r < 0)
		return r;
	if ((ret->p = sl_arena_dup(a, sl_buf_get(&text)).p) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	ret->len = text.len;
	return 0;
}
