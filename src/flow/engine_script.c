/* engine_script.c -- see engine_int.h: the command, script and environment of a step. */
#include "flow/engine_int.h"

struct shell {
	const char *name, *ext;
	const char *argv[8];
};

static const struct shell shells[] = {
	{ "bash",
	  ".sh",
	  { "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "{0}" } },
	{ "sh", ".sh", { "sh", "-e", "{0}" } },
	{ "python", ".py", { "python", "{0}" } },
};
static const struct shell default_bash = { "", ".sh", { "bash", "-e", "{0}" } };
static const struct shell default_sh = { "", ".sh", { "sh", "-e", "{0}" } };

static bool
has_shell(const struct sl_engine *e, const char *name)
{
	bool is_any = e->n_shells == 0;

	for (size_t i = 0; i < e->n_shells; i++)
		is_any = is_any || sl_val_caseeq(e->shells[i], sl_slice_str(name));
	return is_any;
}

/* One word of a template with {0} replaced. */
static struct sl_json *
argument(struct sl_jb *b, struct sl_slice w, struct sl_slice path)
{
	SL_AUTO_BUF out = { .max = 1 << 20 };

	for (size_t i = 0; i < w.len; i++)
		if (w.len - i >= 3 && memcmp(w.p + i, "{0}", 3) == 0) {
			sl_buf_slice(&out, path);
			i += 2;
		} else {
			sl_buf_byte(&out, w.p[i]);
		}
	if (out.is_failed)
		b->is_failed = true;
	return sl_json_str(b, sl_buf_get(&out));
}

/* cmd args {0}: words at blanks; double quotes hold one together. */
static struct sl_json *
custom_argv(struct sl_jb *b, struct sl_slice s, struct sl_slice path)
{
	struct sl_json *argv = sl_json_arr(b);
	SL_AUTO_BUF w = { .max = 1 << 20 };
	bool is_quoted = false, has_word = false;

	for (size_t i = 0; i <= s.len; i++) {
		uint8_t c = i < s.len ? s.p[i] : ' ';

		if (c == '"') {
			is_quoted = !is_quoted;
			has_word = true;
		} else if ((c != ' ' && c != '\t' && c != '\n') ||
			   (is_quoted && i < s.len)) {
			sl_buf_byte(&w, c);
			has_word = true;
		} else if (has_word) {
			(void)sl_json_add(b, argv, argument(b, sl_buf_get(&w), path));
			sl_buf_clear(&w);
			has_word = false;
		}
	}
	return argv;
}

static int
find_shell(const struct sl_engine *e, struct sl_slice s, const struct shell **ret,
	   struct sl_err *err)
{
	static const char *const foreign[] = { "pwsh", "powershell", "cmd" };

	*ret = NULL;
	if (s.len == 0) {
		*ret = has_shell(e, "bash") ? &default_bash : &default_sh;
		return 0;
	}
	for (size_t i = 0; i < 3; i++)
		if (sl_val_caseeq(s, sl_slice_str(foreign[i])))
			goto refused;
	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++)
		if (sl_val_caseeq(s, sl_slice_str(shells[i].name)))
			*ret = &shells[i];
	if (*ret != NULL && !has_shell(e, (*ret)->name))
		goto refused;
	if (*ret == NULL && memmem(s.p, s.len, "{0}", 3) == NULL)
		return SL_ERR(err, FAILED,
			      "Invalid shell option. Shell must be a valid built-in "
			      "(bash, sh, cmd, "
			      "powershell, pwsh) or a format string containing '{0}'");
	return 0;
refused:
	return SL_ERR(err, FAILED,
		      "refused[F-SHELL]: shell '%.*s' is not in the root file system",
		      SL_ARG(s));
}

static const char *
custom_ext(struct sl_slice s)
{
	struct sl_slice w = sl_slice_upto(s, ' ');

	return sl_slice_starts(w, SL_LIT("python"))                             ? ".py"
	       : sl_slice_eq(w, SL_LIT("bash")) || sl_slice_eq(w, SL_LIT("sh")) ? ".sh"
										: "";
}

static int
text_of(const struct sl_tok *t, const struct sl_expr_env *x, struct sl_arena *a,
	struct sl_slice *ret, struct sl_yaml_at *at, struct sl_err *err)
{
	const struct sl_value *v = NULL;
	int r;

	if (t == NULL)
		return 0;
	if ((r = sl_tok_eval(t, x, a, &v, at, err)) < 0)
		return r;
	*at = t->at;
	if ((*ret = sl_val_string(a, v)).p == NULL)
		return sl_eng_nomem(err);
	return 0;
}

static int
put_argv(struct sl_engine *e, const struct sl_expr_env *x, struct sl_jb *b,
	 struct sl_json *o, struct sl_yaml_at *at, struct sl_err *err)
{
	const struct sl_step *s = e->cur.s;
	const struct sl_job *j = &e->w->job[e->at_job];
	const struct sl_tok *t = s->shell != NULL   ? s->shell
				 : j->shell != NULL ? j->shell
						    : e->w->shell;
	const struct shell *sh = NULL;
	struct sl_slice name = { 0 }, path;
	struct sl_json *argv;
	char *p;
	int r;

	if (e->leg.depth > 0 && s->shell == NULL)
		t = NULL; /* a composite's steps name their own */
	if ((r = text_of(t, x, &e->step_a, &name, at, err)) < 0 ||
	    (r = find_shell(e, name, &sh, err)) < 0)
		return r;
	p = sl_arena_printf(&e->step_a, SL_BOX_TEMP "/_s/%zu%s", e->cur.index,
			    sh != NULL ? sh->ext : custom_ext(name));
	if (p == NULL)
		return sl_eng_nomem(err);
	path = sl_slice_str(p);
	if (sh == NULL) {
		argv = custom_argv(b, name, path);
	} else {
		argv = sl_json_arr(b);
		for (size_t i = 0; i < 8 && sh->argv[i] != NULL; i++)
			(void)sl_json_add(b, argv,
					  argument(b, sl_slice_str(sh->argv[i]), path));
	}
	(void)sl_json_set(b, o, "argv", argv);
	(void)sl_json_set(b, o, "script_path", sl_json_str(b, path));
	return 0;
}

static int
put_cwd(struct sl_engine *e, const struct sl_expr_env *x, struct sl_jb *b,
	struct sl_json *o, struct sl_yaml_at *at, struct sl_err *err)
{
	const struct sl_step *s = e->cur.s;
	const struct sl_job *j = &e->w->job[e->at_job];
	const struct sl_tok *t = s->cwd != NULL   ? s->cwd
				 : j->cwd != NULL ? j->cwd
						  : e->w->cwd;
	struct sl_slice d = { 0 };
	char *p;
	int r;

	if (e->leg.depth > 0 && s->cwd == NULL)
		t = NULL;
	if ((r = text_of(t, x, &e->step_a, &d, at, err)) < 0)
		return r;
	while (sl_slice_starts(d, SL_LIT("./")))
		d = sl_slice_skip(d, 2);
	if (d.len > 4000 || (d.len > 0 && memchr(d.p, 0, d.len) != NULL))
		return SL_ERR(err, FAILED, "the working directory is not a path");
	if (d.len > 0 && d.p[0] == '/') {
		(void)sl_json_set(b, o, "cwd", sl_json_str(b, d));
		return 0;
	}
	p = sl_arena_printf(&e->step_a, SL_BOX_WORKSPACE "%s%.*s",
			    d.len > 0 && !sl_slice_eq(d, SL_LIT(".")) ? "/" : "",
			    sl_slice_eq(d, SL_LIT(".")) ? 0 : (int)d.len,
			    d.p != NULL ? (const char *)d.p : "");
	if (p == NULL)
		return sl_eng_nomem(err);
	(void)sl_json_set(b, o, "cwd", sl_json_cstr(b, p));
	return 0;
}

/* ---- the environment ---- */

static bool
put_github(struct sl_arena *a, struct sl_value *env, const struct sl_value *github)
{
	for (size_t i = 0; i < github->n; i++) {
		struct sl_slice k = github->m[i].key;
		char name[80] = "GITHUB_";

		if (k.len > 60 || !sl_val_is_primitive(github->m[i].v) ||
		    sl_slice_eq(k, SL_LIT("token")) ||
		    sl_slice_eq(k, SL_LIT("action_status")) ||
		    sl_slice_eq(k, SL_LIT("repositoryUrl")) ||
		    sl_slice_eq(k, SL_LIT("secret_source")))
			continue;
		for (size_t n = 0; n < k.len; n++)
			name[7 + n] =
			    (char)(k.p[n] >= 'a' && k.p[n] <= 'z' ? k.p[n] - 32 : k.p[n]);
		name[7 + k.len] = 0;
		if (sl_val_set(a, env, sl_arena_dup(a, sl_slice_str(name)),
			       sl_val_str(a, sl_val_string(a, github->m[i].v))) == NULL)
			return false;
	}
	return true;
}

static bool
put_runner(struct sl_arena *a, struct sl_value *env, const struct sl_value *runner)
{
	static const char *const kv[][2] = {
		{ "RUNNER_OS", "os" },
		{ "RUNNER_ARCH", "arch" },
		{ "RUNNER_NAME", "name" },
		{ "RUNNER_ENVIRONMENT", "environment" },
		{ "RUNNER_TEMP", "temp" },
		{ "RUNNER_TOOL_CACHE", "tool_cache" },
		{ "RUNNER_WORKSPACE", "workspace" },
	};

	for (size_t i = 0; i < sizeof(kv) / sizeof(*kv); i++)
		if (!sl_eng_put(a, env, kv[i][0],
				sl_val_string(a, sl_val_gets(runner, kv[i][1]))))
			return false;
	return true;
}

/* PATH with what GITHUB_PATH added in front. */
static int
put_path(struct sl_engine *e, struct sl_value *env, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = 1 << 20 };
	struct sl_slice old = sl_val_string(&e->step_a, sl_val_gets(env, "PATH")), s;

	if (e->leg.n_path == 0)
		return 0;
	for (size_t i = 0; i < e->leg.n_path; i++) {
		sl_buf_slice(&out, e->leg.path[i]);
		sl_buf_byte(&out, ':');
	}
	sl_buf_slice(&out, old);
	if (out.is_failed || (s = sl_arena_dup(&e->step_a, sl_buf_get(&out))).p == NULL ||
	    !sl_eng_put(&e->step_a, env, "PATH", s))
		return sl_eng_nomem(err);
	return 0;
}

static int
put_env(struct sl_engine *e, const struct sl_expr_env *x, const struct sl_value *env,
	struct sl_jb *b, struct sl_json *o, struct sl_err *err)
{
	static const char *const base[][2] = {
		{ "HOME", SL_BOX_HOME }, { "PATH", SL_BOX_PATH }, { "CI", "true" },
		{ "LANG", "C.UTF-8" },   { "USER", "runner" },
	};
	const struct sl_json *argv = sl_json_get(o, "argv");
	struct sl_arena *a = &e->step_a;
	struct sl_value *all = sl_val_obj(a, true);
	struct sl_json *j;
	int r;

	for (size_t i = 0; i < sizeof(base) / sizeof(*base); i++)
		if (!sl_eng_puts(a, all, base[i][0], base[i][1]))
			return sl_eng_nomem(err);
	/* What bash makes of an absent SHELL, after it has asked the name service. */
	if (argv != NULL && argv->n > 0 && sl_slice_eq(argv->child->s, SL_LIT("bash")) &&
	    !sl_eng_puts(a, all, "SHELL", "/bin/bash"))
		return sl_eng_nomem(err);
	for (size_t i = 0; i < env->n; i++)
		if (sl_val_set(a, all, env->m[i].key, env->m[i].v) == NULL)
			return sl_eng_nomem(err);
	if (!sl_eng_puts(a, all, "GITHUB_ACTIONS", "true") ||
	    !put_github(a, all, sl_val_gets(x->contexts, "github")) ||
	    !put_runner(a, all, e->runner))
		return sl_eng_nomem(err);
	if ((r = put_path(e, all, err)) < 0)
		return r;
	j = sl_json_obj(b);
	for (size_t i = 0; i < all->n; i++) {
		struct sl_slice k = all->m[i].key, v = sl_val_string(a, all->m[i].v);

		if (k.len == 0 || memchr(k.p, '=', k.len) != NULL ||
		    memchr(k.p, 0, k.len) != NULL ||
		    (v.len > 0 && memchr(v.p, 0, v.len) != NULL))
			return SL_ERR(err, FAILED,
				      "'%.*s' cannot be an environment variable",
				      SL_ARG(k));
		(void)sl_json_sets(b, j, k, sl_json_str(b, v));
	}
	(void)sl_json_set(b, o, "env", j);
	return 0;
}

static int
put_files(struct sl_engine *e, const struct sl_value *github, struct sl_jb *b,
	  struct sl_json *o)
{
	static const char *const kv[][2] = { { "GITHUB_ENV", "env" },
					     { "GITHUB_OUTPUT", "output" },
					     { "GITHUB_PATH", "path" },
					     { "GITHUB_STATE", "state" },
					     { "GITHUB_STEP_SUMMARY", "step_summary" } };
	struct sl_json *f = sl_json_obj(b);

	for (size_t i = 0; i < 5; i++)
		(void)sl_json_set(
		    b, f, kv[i][0],
		    sl_json_str(
			b, sl_val_string(&e->step_a, sl_val_gets(github, kv[i][1]))));
	(void)sl_json_set(b, o, "files", f);
	return 0;
}

int
sl_eng_script(struct sl_engine *e, const struct sl_expr_env *x,
	      const struct sl_value *env, struct sl_jb *b, struct sl_json *o,
	      struct sl_yaml_at *at, struct sl_err *err)
{
	struct sl_slice script = { 0 };
	int r;

	if ((r = text_of(e->cur.s->run, x, &e->step_a, &script, at, err)) < 0 ||
	    (r = put_argv(e, x, b, o, at, err)) < 0 ||
	    (r = put_cwd(e, x, b, o, at, err)) < 0 ||
	    (r = put_env(e, x, env, b, o, err)) < 0)
		return r;
	(void)sl_json_set(b, o, "script", sl_json_str(b, script));
	return put_files(e, sl_val_gets(x->contexts, "github"), b, o);
}
