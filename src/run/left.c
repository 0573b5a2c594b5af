/* left.c -- see left.h. */
#include "run/left.h"

#include "base/auto.h"
#include "base/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* Whatever cannot be read of one job is an error: silence would look like no change. */
static int
read_job(struct sl_left *l, int job_fd, struct sl_left_job *j, struct sl_err *err)
{
	static const struct sl_limits lim = { 1 << 20, 100, 4 };
	char name[] = "runs";
	struct sl_home dir = { .path = name, .fd = job_fd };
	SL_AUTO_BUF text = { .max = 1 << 20 };
	struct sl_json *v = NULL;
	struct sl_slice mode;
	int r;

	if ((r = sl_home_read(&dir, "job.json", 1 << 20, &text, err)) < 0 ||
	    (r = sl_json_parse(sl_buf_get(&text), &lim, &l->a, &v, err)) < 0)
		return r;
	mode = sl_json_get_str(v, "mode");
	j->key = sl_arena_str(&l->a, sl_json_get_str(v, "key"));
	j->workspace = sl_arena_str(&l->a, sl_json_get_str(v, "workspace"));
	if (j->key == NULL || j->workspace == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	j->is_overlay = sl_slice_eq(mode, SL_LIT("overlay"));
	j->is_direct = sl_slice_eq(mode, SL_LIT("direct"));
	if (j->is_direct || sl_slice_eq(mode, SL_LIT("read")) ||
	    sl_slice_eq(mode, SL_LIT("none")))
		return 0;
	j->left_fd = openat(job_fd, j->is_overlay ? "upper" : "copy",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (j->left_fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open what job '%s' left", j->key);
	return sl_ws_changes(j->left_fd, j->is_overlay, l->base, &l->a, &j->changes, err);
}

static int
read_jobs(struct sl_left *l, struct sl_err *err)
{
	if ((l->job = SL_NEW_N(&l->a, struct sl_left_job, SL_LEFT_JOBS_MAX)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	for (unsigned i = 0; l->n < SL_LEFT_JOBS_MAX; i++) {
		SL_AUTO_FD fd = -1;
		struct sl_left_job *j = &l->job[l->n];
		char name[16];
		int r;

		(void)snprintf(name, sizeof(name), "%u", i);
		fd = openat(l->dir_fd, name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && i > SL_LEFT_JOBS_MAX) /* numbers of skipped jobs are gaps */
			break;
		if (fd < 0)
			continue;
		j->left_fd = -1;
		if ((r = read_job(l, fd, j, err)) < 0)
			return r;
		l->n++;
	}
	return l->n > 0 ? 0 : SL_ERR(err, NOENT, "the run left no workspace");
}

/* Put the job first and the others aside. */
static int
only(struct sl_left *l, const char *key, struct sl_err *err)
{
	size_t i = 0;
	struct sl_left_job tmp;

	while (i < l->n && strcmp(l->job[i].key, key) != 0)
		i++;
	if (i == l->n)
		return SL_ERR(err, NOENT, "the run has no job '%s'", key);
	tmp = l->job[0];
	l->job[0] = l->job[i];
	l->job[i] = tmp;
	for (size_t k = 1; k < l->n; k++)
		if (l->job[k].left_fd >= 0)
			(void)close(l->job[k].left_fd);
	l->n = 1;
	return 0;
}

static void
run_name(const uint8_t run[32], char out[80])
{
	char hex[65];

	sl_hex(hex, run, 32);
	(void)snprintf(out, 80, "runs/%s", hex);
}

int
sl_left_open(const struct sl_home *h, const uint8_t run[32], const char *key,
	     struct sl_left *ret, struct sl_err *err)
{
	struct sl_ws_changes **sets;
	char name[80];
	int r;

	*ret = (struct sl_left){ .dir_fd = -1 };
	sl_arena_init(&ret->a, SL_WS_ARENA_MAX);
	run_name(run, name);
	ret->dir_fd =
	    openat(h->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (ret->dir_fd < 0 && errno == ENOENT)
		return SL_ERR(err, NOENT, "nothing is left of that run's workspaces");
	if (ret->dir_fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%s/%s'", h->path, name);
	if ((r = sl_ws_load(ret->dir_fd, "manifest", &ret->a, &ret->base, err)) < 0 ||
	    (r = read_jobs(ret, err)) < 0)
		return r;
	if ((sets = SL_NEW_N(&ret->a, struct sl_ws_changes *, ret->n)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	for (size_t i = 0; i < ret->n; i++)
		sets[i] = &ret->job[i].changes;
	sl_ws_mark_jobs(sets, ret->n); /* before the others are put aside */
	return key != NULL && key[0] != '\0' ? only(ret, key, err) : 0;
}

void
sl_left_done(struct sl_left *l)
{
	for (size_t i = 0; l->job != NULL && i < l->n; i++)
		if (l->job[i].left_fd >= 0)
			(void)close(l->job[i].left_fd);
	if (l->dir_fd >= 0)
		(void)close(l->dir_fd);
	sl_arena_free(&l->a);
	*l = (struct sl_left){ .dir_fd = -1 };
}

int
sl_left_drop(const struct sl_home *h, const uint8_t run[32], struct sl_err *err)
{
	char name[80];

	run_name(run, name);
	return sl_ws_remove(h->fd, name, err);
}
