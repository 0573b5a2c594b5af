/* rig.h -- real boxes for tests and benchmarks: a grant, a permit for it, one act
 * after another, everything collected.  Needs no privilege beyond what the box does. */
#ifndef SL_TESTS_BOX_RIG_H
#define SL_TESTS_BOX_RIG_H

#include "box/box.h"
#include "grant/permit_mint.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Boxes come from a launcher of their own, where there can be one: set by the argument
 * "launched" of the test programs, which then do all that they do without. */
static bool rig_is_launched;

enum { RIG_OUT_MAX = 1 << 20, RIG_OBS_MAX = 512 };

struct rig {
	struct sl_grant g;
	const struct sl_grant *act; /* of the next act; NULL: the box's */
	struct sl_grant_fs fs[8];
	struct sl_box_opts o;
	struct sl_box_sink sink;
	struct sl_box *b;
	struct sl_launcher *own;
	struct sl_err err;
	struct sl_permit *permit;
	uint8_t key[32];
	char out[RIG_OUT_MAX], errout[RIG_OUT_MAX];
	size_t n_out, n_err;
	uint64_t total;
	struct sl_proc_end end;
	bool has_ended, has_died;
	struct sl_slice env[16];
	size_t n_env;
	const char *cwd;
	const struct sl_act_file *put;
	size_t n_put;
	struct sl_slice get[4];
	size_t n_get;
	char kept[8][256]; /* paths that the grant points to */
	size_t n_kept;
};

static inline void
rig_output(void *arg, int stream, struct sl_slice s)
{
	struct rig *r = arg;
	char *to = stream == 1 ? r->out : r->errout;
	size_t *n = stream == 1 ? &r->n_out : &r->n_err;
	size_t fit = s.len < RIG_OUT_MAX - 1 - *n ? s.len : RIG_OUT_MAX - 1 - *n;

	memcpy(to + *n, s.p, fit);
	*n += fit;
	to[*n] = '\0';
	r->total += s.len;
}

static inline void
rig_ended(void *arg, const struct sl_proc_end *e)
{
	struct rig *r = arg;

	r->end = *e;
	r->has_ended = true;
}

static inline void
rig_died(void *arg, const char *why)
{
	struct rig *r = arg;

	(void)why;
	r->has_died = true;
}

static inline struct rig *
rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		abort();
	sl_grant_init(&r->g);
	r->g.fs = r->fs;
	r->sink = (struct sl_box_sink){ r, rig_output, NULL, rig_ended, rig_died };
	r->o = (struct sl_box_opts){ .grant = &r->g,
				     .sink = &r->sink,
				     .host_name = "sluice",
				     .run_fd = -1,
				     .stdin_fd = -1 };
	r->cwd = "/tmp";
	r->env[0] = SL_LIT("PATH=/usr/bin:/bin");
	r->n_env = 1;
	return r;
}

static inline const char *
rig_keep(struct rig *r, const char *path)
{
	char *k = r->kept[r->n_kept++ % 8];

	(void)snprintf(k, sizeof(r->kept[0]), "%s", path);
	return k;
}

static inline void
rig_fs(struct rig *r, const char *path, unsigned access)
{
	r->fs[r->g.n_fs++] =
	    (struct sl_grant_fs){ sl_slice_str(rig_keep(r, path)), access };
}

/* Prepare and open. */
static inline int
rig_open(struct rig *r)
{
	uint8_t id[32] = { 1 }, d[32];
	struct sl_permit_view v = { SL_PERMIT_BOX, id, id, &r->g, d };
	int e = 0;

	if (rig_is_launched && r->o.launcher == NULL)
		e = sl_launcher_start(&r->o, 1, &r->own, &r->err);
	if (e < 0 && e != SL_E(UNSUPPORTED))
		return e;
	r->err = (struct sl_err){ 0 };
	if (r->own != NULL)
		r->o.launcher = r->own;
	if ((e = sl_box_prepare(&r->o, &r->b, &r->err)) < 0)
		return e;
	if ((e = sl_grant_digest(&r->g, d, &r->err)) < 0)
		return e;
	r->permit = sl_permit_mint(&v, 1);
	return sl_box_open(r->b, r->permit, &r->err);
}

static inline int
rig_spawn(struct rig *r, char *const *argv)
{
	struct sl_slice arg[64];
	struct sl_act act = { .argv = arg,
			      .env = r->env,
			      .n_env = r->n_env,
			      .cwd = sl_slice_str(r->cwd),
			      .put = r->put,
			      .n_put = r->n_put,
			      .get = r->get,
			      .n_get = r->n_get,
			      .get_max = 1 << 20 };
	uint8_t id[32] = { 2 }, d[32];
	struct sl_permit_view v = { SL_PERMIT_PROC, id, id,
				    r->act != NULL ? r->act : &r->g, d };
	struct sl_permit *p;
	int e;

	for (; argv[act.n_argv] != NULL; act.n_argv++)
		arg[act.n_argv] = sl_slice_str(argv[act.n_argv]);
	r->n_out = r->n_err = 0;
	r->out[0] = r->errout[0] = '\0';
	r->total = 0;
	r->has_ended = r->has_died = false;
	if ((e = sl_act_digest(&act, r->key, d, &r->err)) < 0)
		return e;
	p = sl_permit_mint(&v, 1);
	e = sl_box_spawn(r->b, p, &act, r->key, &r->err);
	sl_permit_drop(p);
	return e;
}

static inline int
rig_wait(struct rig *r)
{
	while (!r->has_ended && !r->has_died) {
		int e = sl_box_dispatch(r->b, 1000, &r->err);

		if (e < 0)
			return e;
	}
	return 0;
}

static inline int
rig_run(struct rig *r, char *const *argv)
{
	int e = rig_spawn(r, argv);

	return e < 0 ? e : rig_wait(r);
}

/* One shell command. */
static inline int
rig_sh(struct rig *r, const char *script)
{
	char *argv[] = { (char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
			 (char *)(uintptr_t)script, NULL };

	return rig_run(r, argv);
}

static inline void
rig_free(struct rig *r)
{
	sl_box_close(r->b);
	sl_launcher_stop(r->own);
	sl_permit_drop(r->permit);
	free(r);
}

#endif
