/* engine_t.h -- drives a whole workflow without running anything.
 *
 * Steps are little scripts that the driver itself understands, one word a line:
 *   exit N | signal N | timeout | jobtimeout | refused | cancel (the run; the step is
 *   stopped) | out K=V | env K=V | path D | sum TEXT | raw-env TEXT | say LINE |
 *   show NAME (a variable of its environment) | argv | cwd | script | make (the files
 *   of `made` are there until the next job)
 * What happens is written down, a line an event. */
#ifndef SL_TESTS_FLOW_ENGINE_T_H
#define SL_TESTS_FLOW_ENGINE_T_H

#include "t.h"

#include "flow/engine.h"

#include <stdio.h>
#include <stdlib.h>

struct file {
	const char *path, *text;
};

struct drive {
	const struct file *files; /* ends with a NULL path */
	const struct file *made;  /* as files, but only once a step has said "make" */
	bool is_made;
	const char *params;    /* JSON or NULL */
	unsigned long fail_at; /* allocation of a call's arena that fails */
	size_t max_memory;     /* 0: 16 MiB */
	struct sl_buf log;
	struct sl_diags diags;
	struct sl_arena a;
	struct sl_err err;
	int r;
};

static inline int
drive_read(void *arg, struct sl_slice path, struct sl_arena *a, struct sl_slice *ret,
	   struct sl_err *err)
{
	const struct drive *d = arg;
	const struct file *lists[] = { d->files, d->is_made ? d->made : NULL };

	for (size_t i = 0; i < 2; i++)
		for (const struct file *f = lists[i]; f != NULL && f->path != NULL; f++)
			if (sl_slice_eq(path, sl_slice_str(f->path))) {
				*ret = sl_arena_dup(a, sl_slice_str(f->text));
				return ret->p == NULL
					   ? SL_ERR(err, NOMEM, "out of memory")
					   : 0;
			}
	return SL_ERR(err, NOENT, "no such file");
}

static inline int
drive_hash(void *arg, const struct sl_slice *pattern, size_t n, char ret_hex[65],
	   struct sl_err *err)
{
	(void)arg;
	(void)err;
	(void)pattern;
	memset(ret_hex, n > 0 ? 'a' : 'b', 64);
	ret_hex[64] = 0;
	return 0;
}

static inline bool
drive_word(struct sl_slice line, const char *w, struct sl_slice *rest)
{
	size_t n = strlen(w);

	if (!sl_slice_starts(line, sl_slice_str(w)) || (line.len > n && line.p[n] != ' '))
		return false;
	*rest = sl_slice_skip(line, n + 1);
	return true;
}

static inline void
drive_say(struct drive *d, struct sl_engine *e, struct sl_slice line, struct sl_arena *a)
{
	static const char *const keys[] = { "show", "level", "msg", "group", "warning" };
	const struct sl_json *j = NULL;

	if ((d->r = sl_engine_line(e, line, a, &j, &d->err)) < 0)
		return;
	sl_buf_str(&d->log, "  line");
	for (size_t i = 0; i < 5; i++)
		if (sl_json_get(j, keys[i]) != NULL)
			sl_buf_printf(&d->log, " %s=%.*s", keys[i],
				      SL_ARG(sl_json_get_str(j, keys[i])));
	SL_JSON_EACH(m, sl_json_get(j, "mask"))
	sl_buf_printf(&d->log, " mask=%.*s", SL_ARG(m->s));
	sl_buf_byte(&d->log, '\n');
}

static inline struct sl_json *
drive_step(struct drive *d, struct sl_engine *e, const struct sl_json *step,
	   struct sl_jb *b)
{
	static const char *const names[] = { "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH",
					     "GITHUB_STEP_SUMMARY" };
	struct sl_json *how = sl_json_obj(b), *files = sl_json_obj(b);
	struct sl_slice s = sl_json_get_str(step, "script"), line, x;
	SL_AUTO_BUF f0 = { .max = 1 << 22 };
	SL_AUTO_BUF f1 = { .max = 1 << 22 };
	SL_AUTO_BUF f2 = { .max = 1 << 22 };
	SL_AUTO_BUF f3 = { .max = 1 << 22 };
	struct sl_buf *f[] = { &f0, &f1, &f2, &f3 };
	static const char *const words[] = { "out", "env", "path", "sum" };

	(void)sl_json_set(b, how, "exit", sl_json_int(b, 0));
	for (; s.len > 0; s = sl_slice_skip(s, line.len + 1)) {
		line = sl_slice_upto(s, '\n');
		for (size_t i = 0; i < 4; i++)
			if (drive_word(line, words[i], &x)) {
				sl_buf_slice(f[i], x);
				sl_buf_byte(f[i], '\n');
			}
		if (drive_word(line, "raw-env", &x))
			sl_buf_slice(&f1, x);
		if (drive_word(line, "exit", &x))
			(void)sl_json_set(b, how, "exit",
					  sl_json_int(b, x.len > 0 ? x.p[0] - '0' : 0));
		else if (drive_word(line, "signal", &x) ||
			 drive_word(line, "timeout", &x) ||
			 drive_word(line, "jobtimeout", &x) ||
			 drive_word(line, "refused", &x))
			how = sl_json_obj(b);
		if (drive_word(line, "signal", &x))
			(void)sl_json_set(b, how, "signal", sl_json_int(b, 9));
		if (drive_word(line, "timeout", &x))
			(void)sl_json_set(b, how, "timeout", sl_json_bool(b, true));
		if (drive_word(line, "jobtimeout", &x))
			(void)sl_json_set(b, how, "job_timeout", sl_json_bool(b, true));
		if (drive_word(line, "refused", &x))
			(void)sl_json_set(b, how, "refused",
					  sl_json_cstr(b, "policy says no"));
		if (drive_word(line, "cancel", &x)) {
			sl_engine_cancel(e);
			how = sl_json_obj(b);
			(void)sl_json_set(b, how, "cancelled", sl_json_bool(b, true));
		}
		if (drive_word(line, "make", &x))
			d->is_made = true;
		if (drive_word(line, "say", &x))
			drive_say(d, e, x, b->a);
		if (drive_word(line, "show", &x)) {
			const struct sl_json *v =
			    sl_json_gets(sl_json_get(step, "env"), x);

			sl_buf_printf(&d->log, "  %.*s=%.*s\n", SL_ARG(x),
				      SL_ARG(v != NULL ? v->s : SL_LIT("(unset)")));
		}
		if (drive_word(line, "argv", &x)) {
			sl_buf_str(&d->log, "  argv");
			SL_JSON_EACH(m, sl_json_get(step, "argv"))
			sl_buf_printf(&d->log, " %.*s", SL_ARG(m->s));
			sl_buf_byte(&d->log, '\n');
		}
		if (drive_word(line, "cwd", &x))
			sl_buf_printf(&d->log, "  cwd %.*s\n",
				      SL_ARG(sl_json_get_str(step, "cwd")));
	}
	for (size_t i = 0; i < 4; i++)
		(void)sl_json_set(b, files, names[i], sl_json_str(b, sl_buf_get(f[i])));
	(void)sl_json_set(b, how, "files", files);
	return how;
}

static inline void
drive_event(struct drive *d, const struct sl_json *j)
{
	struct sl_slice w = sl_json_get_str(j, "do");
	static const char *const keys[] = { "key", "name",    "result",    "level",
					    "msg", "outcome", "conclusion" };

	sl_buf_printf(&d->log, "%.*s", SL_ARG(w));
	if (sl_slice_eq(w, SL_LIT("job")))
		d->is_made = false;
	if (sl_slice_eq(w, SL_LIT("group")))
		sl_buf_str(&d->log, sl_json_get_bool(j, "is_end") ? "-" : "+");
	for (size_t i = 0; i < 7; i++) {
		struct sl_slice s = sl_json_get_str(j, keys[i]);

		if (s.len == 0 || (i == 0 && sl_slice_eq(w, SL_LIT("job"))))
			continue;
		sl_buf_printf(&d->log, " %.*s", SL_ARG(s));
	}
	SL_JSON_EACH(m, sl_json_get(j, "outputs"))
	sl_buf_printf(&d->log, " %.*s=%.*s", SL_ARG(m->key), SL_ARG(m->s));
	if (sl_json_get_bool(j, "continued"))
		sl_buf_str(&d->log, " continued");
	sl_buf_byte(&d->log, '\n');
}

static inline void
drive_loop(struct drive *d, struct sl_engine *e)
{
	for (size_t i = 0; i < 5000 && d->r == 0; i++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_jb b = { .a = &a };
		const struct sl_json *j = NULL;

		sl_arena_init(&a, 1 << 24);
		a.fail_at = d->fail_at;
		if ((d->r = sl_engine_next(e, &a, &j, &d->err)) < 0)
			return;
		a.fail_at = 0;
		drive_event(d, j);
		if (sl_slice_eq(sl_json_get_str(j, "do"), SL_LIT("run.done")))
			return;
		if (!sl_slice_eq(sl_json_get_str(j, "do"), SL_LIT("step")))
			continue;
		j = drive_step(d, e, j, &b);
		if (d->r < 0 || (d->r = sl_engine_done(e, j, &a, &j, &d->err)) < 0)
			return;
		sl_buf_printf(&d->log, "  -> %.*s %.*s",
			      SL_ARG(sl_json_get_str(j, "outcome")),
			      SL_ARG(sl_json_get_str(j, "conclusion")));
		SL_JSON_EACH(m, sl_json_get(j, "errors"))
		sl_buf_printf(&d->log, " {%.*s}", SL_ARG(m->s));
		if (sl_json_get(j, "summary") != NULL)
			sl_buf_printf(&d->log, " summary=%zu",
				      sl_json_get_str(j, "summary").len);
		sl_buf_byte(&d->log, '\n');
	}
}

/* Opens, drives, closes; everything is in d, which drive_done() frees. */
static inline void
drive(struct drive *d, const char *src)
{
	struct sl_engine_host host = { d, drive_read, drive_hash };
	const struct sl_limits lim = { 1 << 20, 10000, 20 };
	struct sl_json *params = NULL;
	struct sl_engine *e = NULL;
	struct sl_engine_opts o = { .src = sl_slice_str(src),
				    .path = SL_LIT("f.yml"),
				    .host = &host };

	sl_buf_init(&d->log, 1 << 24);
	sl_arena_init(&d->a, 1 << 24);
	o.max_memory = d->max_memory != 0 ? d->max_memory : 16 << 20;
	if (d->params != NULL)
		assert_int_equal(
		    sl_json_parse(sl_slice_str(d->params), &lim, &d->a, &params, &d->err),
		    0);
	o.params = params;
	if ((d->r = sl_engine_new(&o, &d->a, &e, &d->diags, &d->err)) < 0)
		return;
	drive_loop(d, e);
	sl_engine_free(e);
}

static inline void
drive_done(struct drive *d)
{
	sl_buf_done(&d->log);
	sl_arena_free(&d->a);
}

/* Drives to the end and compares all that happened. */
static inline void
expect(const struct file *files, const char *params, const char *src, const char *log)
{
	struct drive d = { .files = files, .params = params };

	drive(&d, src);
	assert_string_equal(d.err.msg, "");
	assert_int_equal(d.r, 0);
	sl_buf_byte(&d.log, 0);
	assert_string_equal((const char *)d.log.p, log);
	drive_done(&d);
}

#endif
