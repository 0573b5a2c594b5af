/* cmd_profile.c -- sluice profile: list, show as a grant, check a file. */
#include "base/hex.h"
#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/session.h"
#include "grant/limit.h"
#include "run/want.h"

#include <stdio.h>

enum { OPT_JSON };

static const struct sl_opt opts[] = {
	[OPT_JSON] = { "json", 0, NULL, "one object a line", false },
	{ 0 },
};

struct work {
	struct sl_out o;
	struct sl_home home;
	bool is_json;
};

/* --- show --- */

static struct sl_json *
head_json(struct work *w, const struct sl_named_profile *f)
{
	struct sl_jb *b = &w->o.b;
	struct sl_json *v = sl_json_obj(b);

	(void)sl_json_set(b, v, "name", sl_json_cstr(b, f->name));
	(void)sl_json_set(b, v, "origin",
			  sl_json_cstr(b, f->is_shipped ? "shipped" : "own"));
	(void)sl_json_set(b, v, "sha256", sl_json_hex(b, f->p->digest, 32));
	(void)sl_json_set(b, v, "description", sl_json_str(b, f->p->description));
	return v;
}

static int
list_one(struct work *w, const char *name, struct sl_err *err)
{
	struct sl_named_profile f = { 0 };
	struct sl_err why = { 0 };
	struct sl_json *v;

	if (sl_profile_find(&w->home, name, &w->o.a, &f, &why) == 0) {
		if (w->is_json)
			return sl_out_json(&w->o, head_json(w, &f), err);
		printf("%-16s %-8s ", f.name, f.is_shipped ? "shipped" : "own");
		sl_out_text(f.p->description);
		printf("\n");
		return 0;
	}
	if (!w->is_json) {
		sl_out_text(sl_slice_str(name));
		printf(": error: %s\n", why.msg);
	} else {
		v = sl_json_obj(&w->o.b);
		(void)sl_json_set(&w->o.b, v, "name", sl_json_cstr(&w->o.b, name));
		(void)sl_json_set(&w->o.b, v, "error", sl_json_cstr(&w->o.b, why.msg));
		if (sl_out_json(&w->o, v, err) < 0)
			return err->code;
	}
	return why.code;
}

/* One that is broken hides none of the others. */
static int
list(struct work *w, struct sl_err *err)
{
	const char *const *names = NULL;
	size_t n = 0, n_bad = 0;
	int r;

	if ((r = sl_profile_list(&w->home, &w->o.a, &names, &n, err)) < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		n_bad += list_one(w, names[i], err) < 0;
		if (err->code != 0)
			return err->code;
	}
	if ((r = sl_out_flush(err)) < 0 || n_bad == 0)
		return r;
	return SL_ERR(err, FORMAT, "%zu profile%s cannot be used", n_bad,
		      n_bad == 1 ? "" : "s");
}

static void
print_paths(const struct sl_grant *g)
{
	for (size_t i = 0; i < g->n_fs; i++) {
		bool is_rw = (g->fs[i].access & SL_ACC_WRITE) != 0;

		printf("  %-10s ", is_rw ? "write" : "read");
		sl_out_text(g->fs[i].path);
		printf("\n");
	}
	if (g->n_fs == 0)
		printf("  %-10s none\n", "files");
}

static void
print_grant(const struct sl_named_profile *f, const struct sl_grant *g)
{
	char hex[65], text[SL_LIMIT_TEXT_MAX];

	sl_hex(hex, f->p->digest, 32);
	printf("%s (%s, sha256 %s)\n  ", f->name, f->is_shipped ? "shipped" : "own", hex);
	sl_out_text(f->p->description);
	printf("\n");
	print_paths(g);
	printf("  %-10s", "env");
	for (size_t i = 0; i < g->n_env; i++)
		printf(" %.*s", SL_ARG(g->env[i]));
	printf("%s\n  %-10s %s\n", g->n_env == 0 ? " none" : "", "tty",
	       g->is_tty ? "where the caller has one" : "none");
	for (size_t i = 0; i < g->n_net; i++) {
		char net[SL_NET_TEXT_MAX];

		(void)sl_grant_net_text(&g->net[i], net);
		printf("  %-10s %s\n", "net", net);
	}
	if (g->n_net == 0)
		printf("  %-10s none\n", "net");
	for (int i = 0; i < SL_LIM_COUNT; i++) {
		enum sl_limit l = (enum sl_limit)i;

		sl_limit_print(l, g->limit[l].max, text);
		printf("  %-10s %s%s\n", sl_limit_name(l), text,
		       strcmp(sl_limit_unit(l), "s") == 0 ? " s" : "");
	}
}

static int
show(struct work *w, const char *name, struct sl_err *err)
{
	struct sl_named_profile f = { 0 };
	struct sl_want want;
	struct sl_json *v;
	int r;

	if ((r = sl_profile_find(&w->home, name, &w->o.a, &f, err)) < 0 ||
	    (r = sl_want_init(&want, &w->o.a, (struct sl_want_room){ 0 }, &f, err)) < 0)
		return r;
	if (!w->is_json) {
		print_grant(&f, &want.g);
		return sl_out_flush(err);
	}
	v = head_json(w, &f);
	(void)sl_json_set(&w->o.b, v, "grant", sl_grant_json(&w->o.b, &want.g));
	return sl_out_json(&w->o, v, err);
}

static int
do_show(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .home.fd = -1, .is_json = sl_arg_is(args, OPT_JSON) };
	int r;

	(void)sl_out_init(&w.o);
	if ((r = sl_session_home(&w.home, err)) == 0)
		r = args->argc > 1 ? show(&w, args->argv[1], err) : list(&w, err);
	sl_home_done(&w.home);
	sl_out_done(&w.o);
	return r;
}

/* --- check --- */

static int
show_diag(struct sl_out *o, const char *path, const struct sl_profile_diag *d,
	  bool is_json, struct sl_err *err)
{
	struct sl_json *v;

	if (!is_json) {
		printf("%s:%zu:%zu: error: %s\n", path, d->at.line, d->at.col,
		       d->err.msg);
		return 0;
	}
	v = sl_json_obj(&o->b);
	(void)sl_json_set(&o->b, v, "file", sl_json_cstr(&o->b, path));
	(void)sl_json_set(&o->b, v, "line", sl_json_int(&o->b, (int64_t)d->at.line));
	(void)sl_json_set(&o->b, v, "col", sl_json_int(&o->b, (int64_t)d->at.col));
	(void)sl_json_set(&o->b, v, "level", sl_json_cstr(&o->b, "error"));
	(void)sl_json_set(&o->b, v, "msg", sl_json_cstr(&o->b, d->err.msg));
	return sl_out_json(o, v, err);
}

static int
do_check(const struct sl_args *args, struct sl_err *err)
{
	const char *path = args->argc > 1 ? args->argv[1] : NULL;
	SL_AUTO_BUF text = { 0 };
	SL_AUTO_OUT o = { 0 };
	struct sl_profile_diags diags = { .n = 0 };
	const struct sl_profile *p = NULL;
	struct sl_err why = { 0 };
	bool is_json = sl_arg_is(args, OPT_JSON);
	int r;

	(void)sl_out_init(&o);
	if (path == NULL)
		return SL_ERR(err, USAGE, "usage: sluice profile check FILE");
	if ((r = sl_input_path(path, SL_PROFILE_BYTES_MAX, &text, err)) < 0)
		return r;
	r = sl_profile_parse(sl_buf_get(&text), path, &o.a, &p, &diags, &why);
	if (r < 0 && diags.n == 0) {
		*err = why;
		return r;
	}
	for (size_t i = 0; i < diags.n; i++)
		if ((r = show_diag(&o, path, &diags.d[i], is_json, err)) < 0)
			return r;
	if (diags.n == 0 && !is_json)
		printf("%s: good\n", path);
	if ((r = sl_out_flush(err)) < 0 || diags.n == 0)
		return r;
	return SL_ERR(err, FORMAT, "%s: %zu error%s%s", path, diags.n + diags.n_more,
		      diags.n == 1 ? "" : "s",
		      diags.n_more > 0 ? ", the first of them above" : "");
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	if (strcmp(args->argv[0], "show") == 0)
		return do_show(args, err);
	if (strcmp(args->argv[0], "check") == 0)
		return do_check(args, err);
	return SL_ERR(err, USAGE, "profile knows show and check, not '%s'",
		      args->argv[0]);
}

const struct sl_cmd sl_cmd_profile = {
	.name = "profile",
	.summary = "list, show and check named grants",
	.usage = "show [NAME] | check FILE  [--json]",
	.opts = opts,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
