/* recover.c -- see recover.h. */
#include "run/recover.h"

#include "base/auto.h"
#include "base/hex.h"
#include "box/box.h"
#include "record/read.h"
#include "run/left.h"
#include "run/mark.h"
#include "run/outcome.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct work {
	const struct sl_home *home;
	struct sl_gate *gate;
	struct sl_reader *reader;
	size_t n;
};

static int
close_one(struct work *w, const struct sl_run_info *i, struct sl_arena *a,
	  struct sl_err *err)
{
	struct sl_decision_view d = { .kind = i->kind };
	const struct sl_json *own = sl_json_get(i->decision.predicate, "sluice");
	struct sl_jb b = { .a = a };
	struct sl_outcome o = { .conclusion = "interrupted",
				.why = "its supervisor ended before the run did",
				.started_ms = i->decision.e.time_ms,
				.finished_ms = sl_time_now_ms() };
	int r;

	memcpy(d.id, i->run, 32);
	memcpy(d.run, i->run, 32);
	memcpy(d.entry.id, i->decision.e.id, 32);
	if (!sl_unhex(d.context, 32, sl_json_get_str(own, "context")))
		return SL_ERR(err, STORE, "a decision without a context");
	r = sl_gate_close_run(
	    w->gate, i->run, sl_outcome_json(&b, &d, sl_gate_info(w->gate)->node.did, &o),
	    i->has_tree && i->tree.is_open, err);
	if (r == 0)
		w->n++;
	return r;
}

/* Whether a start before this one closed it, and died before it took the mark away: an
 * outcome in the node's own tree, for the run may have none. */
static int
is_closed(struct work *w, const struct sl_run_info *i, struct sl_arena *a, bool *ret,
	  struct sl_err *err)
{
	struct sl_log_tree node;
	struct sl_log_entry e;
	struct sl_stated s;
	char name[72] = "run:";
	int r;

	sl_hex(name + 4, i->run, 32);
	if ((r = sl_run_outcome(w->reader, i, a, &s, ret, err)) < 0 || *ret ||
	    (r = sl_reader_tree(w->reader, SL_NODE_TREE, &node, err)) < 0)
		return r;
	for (uint64_t n = i->decision.e.index + 1; n < node.size && !*ret; n++) {
		if ((r = sl_reader_entry(w->reader, SL_NODE_TREE, n, &e, err)) < 0)
			return r;
		if (strcmp(e.kind, "outcome") != 0)
			continue;
		if ((r = sl_stated_read(w->reader, &e, a, &s, err)) < 0)
			return r;
		*ret = sl_slice_eq(s.sub, sl_slice_str(name));
	}
	return 0;
}

/* A file of ours that was being written, under the name that sl_home_write() gives it.
 * The directory is ours: what an act leaves lies in directories below it. */
static int
drop_unfinished(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (d == NULL) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);

		if (n > 4 && strcmp(e->d_name + n - 4, ".tmp") == 0 &&
		    unlinkat(dir_fd, e->d_name, 0) < 0 && errno != ENOENT)
			r = -errno;
	}
	(void)closedir(d);
	return r;
}

/* What lies outside the log: placeholders in a workspace that a job was given in place,
 * and a directory of the run in which nothing is that `changes` could show. */
static int
tidy(const struct sl_home *h, const uint8_t run[32], struct sl_err *err)
{
	struct sl_err none = { 0 };
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	char hex[65], name[96];
	SL_AUTO_FD top = -1;
	int r = 0;

	sl_hex(hex, run, 32);
	(void)snprintf(name, sizeof(name), "runs/%s", hex);
	if ((top = openat(h->fd, name, flags)) < 0 && errno == ENOENT)
		return 0;
	for (unsigned n = 0; top >= 0 && n < SL_LEFT_JOBS_MAX; n++) {
		SL_AUTO_FD dir = -1;
		char job[16];

		(void)snprintf(job, sizeof(job), "%u", n);
		if ((dir = openat(top, job, flags)) < 0 && errno == ENOENT)
			continue; /* numbers of skipped jobs are gaps */
		if ((r = dir < 0 ? -errno : sl_box_direct_recover(dir)) < 0 ||
		    (r = drop_unfinished(dir)) < 0)
			break;
	}
	if (top >= 0 && r == 0)
		r = drop_unfinished(top);
	if (top < 0 || r < 0)
		return SL_ERR_SYS(err, r < 0 ? r : -errno, "cannot tidy up after '%s/%s'",
				  h->path, name);
	if (faccessat(top, "manifest", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		/* One that stays is only litter. */
		(void)!sl_left_drop(h, run, &none);
	return 0;
}

static int
each(void *arg, const uint8_t run[32], struct sl_err *err)
{
	struct work *w = arg;
	SL_AUTO_ARENA a = { 0 };
	struct sl_run_info i;
	bool has = false;
	char hex[65];
	int r;

	sl_arena_init(&a, 256 << 20);
	sl_hex(hex, run, 32);
	if ((r = tidy(w->home, run, err)) < 0)
		return r;
	if (w->reader == NULL && (r = sl_reader_open(w->home->fd, &w->reader, err)) < 0)
		return r;
	r = sl_run_lookup(w->reader, sl_slice_str(hex), &a, &i, err);
	if (r == SL_E(NOENT)) { /* or a change of the roots */
		*err = (struct sl_err){ 0 };
		r = sl_root_request_lookup(w->reader, sl_slice_str(hex), &a, &i, err);
	}
	if (r == SL_E(NOENT)) { /* the crash came before its decision was durable */
		*err = (struct sl_err){ 0 };
		return 0;
	}
	if (r < 0)
		return r;
	if (i.seal != UINT64_MAX) /* it was sealed; only the mark was left */
		return 0;
	if ((r = is_closed(w, &i, &a, &has, err)) < 0)
		return r;
	return has ? 0 : close_one(w, &i, &a, err);
}

int
sl_recover(const struct sl_home *h, struct sl_gate *g, size_t *ret_n, struct sl_err *err)
{
	struct work w = { .home = h, .gate = g };
	int r = sl_mark_stale(h, each, &w, err);

	sl_reader_close(w.reader);
	*ret_n = w.n;
	return r;
}
