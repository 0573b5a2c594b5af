/* cmd_exec.c -- sluice exec: one command, decided, boxed, recorded. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/cmd.h"
#include "cli/lesson.h"
#include "cli/listen.h"
#include "cli/session.h"
#include "cli/termsafe.h"
#include "cli/ui.h"
#include "grant/limit.h"
#include "proxy/role.h"
#include "record/host.h"
#include "run/exec.h"
#include "run/proxy_env.h"
#include "run/want.h"

#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum {
	O_PROFILE,
	O_ROOT,
	O_READ,
	O_WRITE,
	O_ENV,
	O_CWD,
	O_MEMORY,
	O_PIDS,
	O_CPU,
	O_TIME,
	O_DISK,
	O_FILE_SIZE,
	O_OUTPUT,
	O_NET,
	O_TIER,
	O_TRACE,
	O_LEARN,
	O_LEARN_PROFILE,
	O_TIMING,
	O_JSON
};
enum { DENIED_MAX = 5, OWN_VARS = 2 };

static const struct sl_opt opts[] = {
	[O_PROFILE] = { "profile", 0, "NAME",
			"start from a profile; 'sluice profile show' lists them", false },
	[O_ROOT] = { "root", 0, "ROOT", "a stored root in place of the host's /usr",
		     false },
	[O_READ] = { "read", 0, "PATH", "show PATH read-only, at its own place", true },
	[O_WRITE] = { "write", 0, "PATH", "show PATH writable, at its own place", true },
	[O_ENV] = { "env", 0, "NAME[=VALUE]",
		    "pass a variable of the caller's, or a value", true },
	[O_CWD] = { "cwd", 0, "PATH", "start in PATH, as seen inside", false },
	[O_MEMORY] = { "memory", 0, "SIZE", "memory of all processes, as 64M, 2G",
		       false },
	[O_PIDS] = { "pids", 0, "N", "processes and threads", false },
	[O_CPU] = { "cpu", 0, "SECONDS", "processor time", false },
	[O_TIME] = { "time", 0, "SECONDS", "time by the clock", false },
	[O_DISK] = { "disk", 0, "SIZE", "bytes written, /tmp included", false },
	[O_FILE_SIZE] = { "file-size", 0, "SIZE", "size of a file that is written",
			  false },
	[O_OUTPUT] = { "output", 0, "SIZE", "bytes on standard output and error", false },
	[O_NET] = { "net", 0, "HOST:PORT", "let it connect to this host and port, TCP",
		    true },
	[O_TIER] = { "tier", 0, "TIER", "the least kind of box that will do: T1, or T0",
		     false },
	[O_TRACE] = { "trace", 0, NULL,
		      "record each file that is opened, changed or missed", false },
	[O_LEARN] = { "learn", 0, NULL, "propose the smallest grant that it needs",
		      false },
	[O_LEARN_PROFILE] = { "learn-profile", 0, "FILE",
			      "the same, and as a profile in a new file", false },
	[O_TIMING] = { "timing", 0, NULL, "say at the end where the time went", false },
	[O_JSON] = { "json", 0, NULL, "one event a line on standard output", false },
	{ 0 },
};

static const struct {
	int opt;
	enum sl_limit limit;
} limit_opts[] = { { O_MEMORY, SL_LIM_MEMORY }, { O_PIDS, SL_LIM_PIDS },
		   { O_CPU, SL_LIM_CPU },       { O_TIME, SL_LIM_WALL },
		   { O_DISK, SL_LIM_DISK },     { O_FILE_SIZE, SL_LIM_FILE_SIZE },
		   { O_OUTPUT, SL_LIM_OUTPUT } };

enum { N_LIMIT_OPTS = sizeof(limit_opts) / sizeof(limit_opts[0]) };

/* One of the two streams as a person sees it. */
struct shown {
	struct sl_termsafe safe;
	bool is_asked, is_terminal;
};

struct work {
	const struct sl_args *args;
	struct sl_arena a;
	struct sl_session s;
	struct sl_named_profile profile;
	struct sl_want want;
	struct sl_root root;
	char own_dir[SL_BOX_OWN_DIR_MAX];
	struct sl_exec x;
	struct sl_listener listener;
	struct sl_box_trace trace;
	struct sl_arena learned;
	struct sl_buf denied; /* lines for a command that failed */
	size_t n_denied;
	struct sl_buf left; /* likewise, of what it left behind */
	size_t n_left;
	struct shown shown[2];
};

/* The profile first: options add to it, and replace its limits. */
static int
take_profile(struct work *w, struct sl_err *err)
{
	const char *name = sl_arg(w->args, O_PROFILE, 0);
	const struct sl_want_room room = { sl_arg_count(w->args, O_READ) +
					       sl_arg_count(w->args, O_WRITE),
					   sl_arg_count(w->args, O_ENV),
					   sl_arg_count(w->args, O_NET) };
	bool has_tty = !sl_arg_is(w->args, O_JSON) && isatty(0) == 1 && isatty(1) == 1;
	int r;

	if (name != NULL) {
		if ((r = sl_session_home(&w->s.home, err)) < 0 ||
		    (r = sl_profile_find(&w->s.home, name, &w->a, &w->profile, err)) < 0)
			return r;
		w->x.profile = &w->profile;
	}
	r = sl_want_init(&w->want, &w->a, room, w->x.profile, err);
	w->want.g.is_tty = has_tty && (name == NULL || w->want.g.is_tty);
	return r;
}

/* Looked at before anything else of it is: a tree that was changed runs nothing. */
static int
take_root(struct work *w, struct sl_err *err)
{
	const char *which = sl_arg(w->args, O_ROOT, 0);
	char *name;
	int r;

	if (which == NULL)
		return 0;
	if (sl_arg_is(w->args, O_LEARN) || sl_arg_is(w->args, O_LEARN_PROFILE))
		return SL_ERR(
		    err, USAGE,
		    "--root and --learn: what is learnt is said in paths of the "
		    "host's base");
	if (w->s.home.fd < 0 && (r = sl_session_home(&w->s.home, err)) < 0)
		return r;
	if ((r = sl_root_open(&w->s.home, which, &w->root, err)) < 0)
		return r;
	if ((name = sl_arena_printf(&w->a, "sha256:%s", w->root.hex)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	w->want.g.root = sl_slice_str(name);
	w->x.root = &w->root;
	return 0;
}

static int
take_limits(struct work *w, struct sl_err *err)
{
	for (size_t i = 0; i < N_LIMIT_OPTS; i++) {
		const char *text = sl_arg(w->args, limit_opts[i].opt, 0), *why;
		enum sl_limit l = limit_opts[i].limit;

		if (text != NULL &&
		    (why = sl_limit_parse(l, sl_slice_str(text),
					  &w->want.g.limit[l].max)) != NULL)
			return SL_ERR(err, USAGE, "--%s: '%.60s' %s",
				      opts[limit_opts[i].opt].name, text, why);
	}
	return 0;
}

static int
take_paths(struct work *w, struct sl_err *err)
{
	const char *path;
	int r = 0;

	for (size_t i = 0; r == 0 && (path = sl_arg(w->args, O_READ, i)) != NULL; i++)
		r = sl_want_path(&w->want, path, SL_ACC_READ | SL_ACC_EXEC, err);
	for (size_t i = 0; r == 0 && (path = sl_arg(w->args, O_WRITE, i)) != NULL; i++)
		r = sl_want_path(&w->want, path, SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC,
				 err);
	return r;
}

static int
take_net(struct work *w, struct sl_err *err)
{
	const char *text;

	for (size_t i = 0; (text = sl_arg(w->args, O_NET, i)) != NULL; i++)
		if (sl_want_net(&w->want, sl_slice_str(text), err) < 0)
			return sl_err_ctx(err, "--net");
	return 0;
}

/* The one without namespaces: by this option alone, and where the policy allows it. */
static int
take_t0(struct work *w, struct sl_err *err)
{
	if (w->x.profile != NULL && w->x.profile->p->has_tier)
		return SL_ERR(
		    err, DENIED,
		    "--tier: 'T0' is lower than T1, which profile '%s' asks for",
		    w->x.profile->name);
	w->want.g.tier = SL_LIT("T0");
	w->want.g.is_tty = false;
	w->x.own_dir = w->own_dir;
	return sl_box_own_dir(w->own_dir, err);
}

static int
take_tier(struct work *w, struct sl_err *err)
{
	const char *text = sl_arg(w->args, O_TIER, 0), *why;

	if (text == NULL)
		return 0;
	if (strcmp(text, "T0") == 0)
		return take_t0(w, err);
	if ((why = sl_tier_problem(sl_slice_str(text))) != NULL)
		return SL_ERR(err, UNSUPPORTED, "--tier: '%.60s' %s", text, why);
	w->want.g.tier = sl_slice_str(text);
	return 0;
}

/* A terminal's kind is a name, never a path into a database of the caller's choice. */
static struct sl_slice
term_of(struct work *w)
{
	const char *term = getenv("TERM");
	char *s = term != NULL && strchr(term, '/') == NULL && strlen(term) < 40
		      ? sl_arena_printf(&w->a, "TERM=%s", term)
		      : NULL;

	return s != NULL ? sl_slice_str(s) : SL_LIT("TERM=dumb");
}

/* A granted name replaces a constant, and what was said of it before. */
static void
set_env(struct sl_slice *env, size_t *n, struct sl_slice name, struct sl_slice text)
{
	for (size_t j = 0; j < *n; j++)
		if (sl_slice_eq(sl_slice_upto(env[j], '='), name))
			env[j--] = env[--*n];
	env[(*n)++] = text;
}

/* The caller's value of a variable; p is NULL where there is none, or no memory. */
static struct sl_slice
callers(struct work *w, struct sl_slice name)
{
	const char *n = sl_arena_str(&w->a, name);
	const char *value = n != NULL ? getenv(n) : NULL;
	char *s = value != NULL ? sl_arena_printf(&w->a, "%s=%s", n, value) : NULL;

	return s != NULL ? sl_slice_str(s) : (struct sl_slice){ 0 };
}

/* At tier T0 what is the command's own stands on the host, under a name that was drawn.
 */
static int
put_own(struct work *w, struct sl_slice *env, size_t *n, struct sl_err *err)
{
	char *home = sl_arena_printf(&w->a, "HOME=%s/home", w->own_dir),
	     *tmp = sl_arena_printf(&w->a, "TMPDIR=%s/tmp", w->own_dir);

	if (home == NULL || tmp == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	set_env(env, n, SL_LIT("HOME"), sl_slice_str(home));
	env[(*n)++] = sl_slice_str(tmp);
	return 0;
}

/* The whole environment: a few constants, those of the profile's names that the caller
 * has, then what was asked for by option. */
static int
take_env(struct work *w, struct sl_err *err)
{
	static const char *const base[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/home/runner",
		"LANG=C.UTF-8", "USER=runner"
	};
	const size_t n_base = sizeof(base) / sizeof(base[0]) + SL_PROXY_VARS + OWN_VARS;
	size_t n = sl_arg_count(w->args, O_ENV), n_named = w->want.g.n_env, k = 0;
	struct sl_slice *env = SL_NEW_N(&w->a, struct sl_slice, n + n_named + n_base + 1);
	int r;

	if (env == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	for (; k < sizeof(base) / sizeof(base[0]); k++)
		env[k] = sl_slice_str(base[k]);
	if (w->x.own_dir != NULL && (r = put_own(w, env, &k, err)) < 0)
		return r;
	if ((r = sl_proxy_env(&w->want.g, &w->want.g, &w->a, env, &k, err)) < 0)
		return r;
	if (w->want.g.is_tty)
		env[k++] = term_of(w);
	for (size_t i = 0; i < n_named; i++) {
		struct sl_slice text = callers(w, w->want.g.env[i]);

		if (text.p != NULL)
			set_env(env, &k, w->want.g.env[i], text);
	}
	for (size_t i = 0; i < n; i++) {
		struct sl_slice arg = sl_slice_str(sl_arg(w->args, O_ENV, i));
		struct sl_slice name = sl_slice_upto(arg, '=');

		if ((r = sl_want_env(&w->want, name, err)) < 0)
			return r;
		if (name.len == arg.len && (arg = callers(w, name)).p == NULL)
			return SL_ERR(err, USAGE, "variable '%.*s' is not set",
				      SL_ARG(name));
		set_env(env, &k, name, arg);
	}
	w->x.act.env = env;
	w->x.act.n_env = k;
	return 0;
}

static const char *
own_home(struct work *w)
{
	const char *s = sl_arena_printf(&w->a, "%s/home", w->own_dir);

	return s != NULL ? s : "";
}

/* The caller's working directory where the profile shows it, else the box's own home. */
static struct sl_slice
first_dir(struct work *w)
{
	SL_AUTO_FREE char *cwd = w->x.profile != NULL ? realpath(".", NULL) : NULL;

	for (size_t i = 0; cwd != NULL && i < w->want.g.n_fs; i++)
		if (sl_path_is_below(sl_slice_str(cwd), w->want.fs[i].path))
			return sl_arena_dup(&w->a, sl_slice_str(cwd));
	if (w->x.own_dir != NULL)
		return sl_arena_dup(&w->a, sl_slice_str(own_home(w)));
	return SL_LIT("/home/runner");
}

static int
take_command(struct work *w, struct sl_err *err)
{
	struct sl_slice *argv = SL_NEW_N(&w->a, struct sl_slice, (size_t)w->args->argc);
	const char *cwd = sl_arg(w->args, O_CWD, 0);

	if (argv == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	for (int i = 0; i < w->args->argc; i++)
		argv[i] = sl_slice_str(w->args->argv[i]);
	w->x.act.argv = argv;
	w->x.act.n_argv = (size_t)w->args->argc;
	w->x.act.cwd = cwd != NULL ? sl_slice_str(cwd) : first_dir(w);
	if (w->x.act.cwd.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (!sl_path_is_canonical(w->x.act.cwd))
		return SL_ERR(err, USAGE,
			      "--cwd '%s' is not an absolute path without '.' and '..'",
			      cwd);
	return 0;
}

/* The terminal's own line discipline must not interpret what belongs to the box's. */
static bool
raw_terminal(struct termios *old)
{
	struct termios t;

	if (tcgetattr(0, old) < 0)
		return false;
	t = *old;
	cfmakeraw(&t);
	return tcsetattr(0, TCSADRAIN, &t) == 0;
}

/* Bytes as they are, but to a terminal no more than what draws on it. */
static int
write_out(void *arg, int stream, struct sl_slice bytes)
{
	struct work *w = arg;
	struct shown *s = &w->shown[stream == 2];
	SL_AUTO_BUF out = { .max = 16 << 20 };

	if (!s->is_asked) {
		s->is_asked = true;
		s->is_terminal = isatty(stream) == 1;
	}
	if (!s->is_terminal)
		return sl_ui_write(stream, bytes);
	sl_termsafe_feed(&s->safe, bytes, &out);
	return out.is_failed ? -ENOMEM : sl_ui_write(stream, sl_buf_get(&out));
}

/* What is said after the command stands on a screen as it was. */
static void
end_shown(struct work *w)
{
	for (int i = 0; i < 2; i++) {
		SL_AUTO_BUF out = { .max = 4096 };

		sl_termsafe_end(&w->shown[i].safe, &out);
		if (out.len > 0)
			(void)sl_ui_write(i + 1, sl_buf_get(&out));
	}
}

static void
note_denied(void *arg, const struct sl_obs *o)
{
	struct work *w = arg;
	bool has_rule = o->rule != NULL;

	if (strcmp(o->class, "limit") == 0)
		return; /* said as the end that it was */
	if (w->n_denied++ < DENIED_MAX)
		sl_buf_printf(&w->denied, "sluice: denied: %.*s %.*s%s%s%s\n",
			      SL_ARG(o->act), SL_ARG(o->object), has_rule ? " (" : "",
			      has_rule ? o->rule : "", has_rule ? ")" : "");
}

static void
note_left(void *arg, const struct sl_ws_change *c)
{
	struct work *w = arg;
	size_t n_rows;
	const struct sl_taint_row *row = sl_taint_rows(&n_rows);
	SL_AUTO_BUF path = { .max = 64 << 10 };

	if (w->n_left++ >= DENIED_MAX)
		return;
	sl_ui_escape(&path, c->path, false);
	sl_buf_printf(&w->left, "sluice: left for the host to obey: %.*s (%s: %s)\n",
		      SL_ARG(sl_buf_get(&path)), row[c->taint.row[0]].kind,
		      row[c->taint.row[0]].obeyed_by);
}

/* Whether it failed or not. */
static void
say_left(struct work *w)
{
	if (w->n_left > DENIED_MAX)
		sl_buf_printf(&w->left, "sluice: and %zu more\n", w->n_left - DENIED_MAX);
	(void)sl_ui_write(2, sl_buf_get(&w->left));
}

static void
say_limit(const struct work *w, enum sl_limit l, struct sl_err *m)
{
	char text[SL_LIMIT_TEXT_MAX];
	size_t i = 0;
	const char *unit = strcmp(sl_limit_unit(l), "s") == 0 ? " s" : "";

	sl_limit_print(l, w->x.want.limit[l].max, text);
	while (i < N_LIMIT_OPTS && limit_opts[i].limit != l)
		i++;
	if (i == N_LIMIT_OPTS)
		(void)!SL_ERR(m, LIMIT, "ended by the limit on %s (%s%s)",
			      sl_limit_name(l), text, unit);
	else
		(void)!SL_ERR(m, LIMIT, "ended by the limit on %s (%s%s); --%s sets it",
			      sl_limit_name(l), text, unit, opts[limit_opts[i].opt].name);
}

/* What the command itself could not say. */
static void
say_end(struct work *w)
{
	const struct sl_proc_end *e = &w->x.end;
	struct sl_err m = { 0 }; /* for its escapes */

	if (e->is_not_found)
		(void)!SL_ERR(&m, NOENT,
			      "'%.*s' is not in the box; --read shows what lies outside",
			      SL_ARG(w->x.act.argv[0]));
	else if (e->is_not_executable)
		(void)!SL_ERR(&m, NOENT, "'%.*s' cannot be executed",
			      SL_ARG(w->x.act.argv[0]));
	else if (e->limit != SL_LIM_COUNT && e->limit >= 0)
		say_limit(w, e->limit, &m);
	if (m.msg[0] != '\0')
		fprintf(stderr, "sluice exec: %s\n", m.msg);
}

/* A command that failed may have failed because of what it was refused. */
static void
say_denied(struct work *w, int status)
{
	if (status == 0)
		return;
	say_end(w);
	if (w->n_denied == 0)
		return;
	if (w->n_denied > DENIED_MAX)
		sl_buf_printf(&w->denied, "sluice: and %zu more\n",
			      w->n_denied - DENIED_MAX);
	(void)sl_ui_write(2, sl_buf_get(&w->denied));
}

static void
say_timing(const struct sl_exec *x)
{
	fprintf(stderr, "sluice exec: %9s %9s\n", "at ms", "took ms");
	for (size_t i = 1; i < x->n_phases; i++)
		fprintf(stderr, "sluice exec: %9.3f %9.3f  %s\n",
			(double)(x->phase[i].at_us - x->phase[0].at_us) / 1e3,
			(double)(x->phase[i].at_us - x->phase[i - 1].at_us) / 1e3,
			x->phase[i].name);
}

/* --- what was learned --- */

/* What of the environment was asked for, as it was. */
static int
learn_env(struct work *w, struct sl_err *err)
{
	size_t n = sl_arg_count(w->args, O_ENV), k = 0;
	struct sl_slice *env =
	    SL_NEW_N(&w->learned, struct sl_slice, w->want.g.n_env + 1);

	if (env == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	for (size_t i = 0; i < w->want.g.n_env; i++) {
		struct sl_slice name = w->want.g.env[i], text = name;
		bool is_set = false;

		for (size_t j = 0; j < n; j++) {
			struct sl_slice a = sl_slice_str(sl_arg(w->args, O_ENV, j));

			if (sl_slice_eq(sl_slice_upto(a, '='), name)) {
				text = a;
				is_set = true;
			}
		}
		/* A profile's name that the caller has not set is not set. */
		if (is_set || callers(w, name).p != NULL)
			env[k++] = text;
	}
	w->x.learn_from.env = env;
	w->x.learn_from.n_env = k;
	return 0;
}

static int
start_learning(struct work *w, struct sl_err *err)
{
	const char *to = sl_arg(w->args, O_LEARN_PROFILE, 0);
	SL_AUTO_FREE char *cwd = NULL;

	if (!sl_arg_is(w->args, O_LEARN) && to == NULL)
		return 0;
	if (to != NULL && access(to, F_OK) == 0)
		return SL_ERR(err, USAGE, "--learn-profile: '%s' is there already", to);
	if ((w->x.learn = sl_learn_new(&w->learned)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	w->x.trace = sl_learn_trace(w->x.learn);
	cwd = realpath(".", NULL);
	w->x.learn_from.home = getenv("HOME");
	w->x.learn_from.path = getenv("PATH");
	w->x.learn_from.cwd =
	    cwd != NULL ? sl_arena_printf(&w->learned, "%s", cwd) : NULL;
	return learn_env(w, err);
}

static int
say_learned(struct work *w, int status, struct sl_err *err)
{
	const char *to = sl_arg(w->args, O_LEARN_PROFILE, 0);
	int r;

	if (w->x.learn_err.code < 0) {
		*err = w->x.learn_err;
		return w->x.learn_err.code;
	}
	if (w->x.lesson == NULL)
		return status; /* it was ended, by whomever */
	if (!sl_arg_is(w->args, O_JSON))
		sl_lesson_say(w->x.lesson);
	if (to != NULL && w->x.lesson->is_last &&
	    (r = sl_lesson_write(to, w->x.lesson, err)) < 0)
		return r;
	return status;
}

static int
run_it(struct work *w, struct sl_err *err)
{
	bool is_json = sl_arg_is(w->args, O_JSON), is_raw = false;
	struct sl_ui_opts o = sl_ui_detect(1, is_json);
	struct sl_ui *ui = NULL;
	struct termios old;
	int r;

	if ((r = take_profile(w, err)) < 0 || (r = take_root(w, err)) < 0 ||
	    (r = take_limits(w, err)) < 0 || (r = take_paths(w, err)) < 0 ||
	    (r = take_net(w, err)) < 0 || (r = take_tier(w, err)) < 0 ||
	    (r = take_env(w, err)) < 0 || (r = take_command(w, err)) < 0)
		return r;
	w->x.want = w->want.g;
	if (sl_arg_is(w->args, O_TRACE))
		w->x.trace = &w->trace;
	if ((r = start_learning(w, err)) < 0)
		return r;
	if (is_json) {
		if ((r = sl_ui_new(&o, &ui, err)) < 0)
			return r;
		w->listener = sl_ui_listener(ui);
		w->x.listener = &w->listener;
	} else {
		w->x.write = write_out;
		w->x.denied = note_denied;
		w->x.left = note_left;
		w->x.arg = w;
	}
	w->x.home = &w->s.home;
	w->x.session_gate = sl_session_open_gate;
	w->x.session = &w->s;
	w->x.stdin_fd = 0;
	w->x.is_timed = sl_arg_is(w->args, O_TIMING);
	if (w->x.want.n_net > 0 && (r = sl_proxy_start(&w->x.proxy, err)) < 0) {
		sl_ui_free(ui);
		return r;
	}
	/* The recorder comes with the gate: the box, which takes longest, begins first.
	 */
	if (w->s.home.fd >= 0 || (r = sl_session_home(&w->s.home, err)) == 0) {
		is_raw = w->x.want.is_tty && raw_terminal(&old);
		r = sl_exec(&w->x, err);
		end_shown(w);
		if (is_raw)
			(void)tcsetattr(0, TCSADRAIN, &old);
	}
	sl_ui_free(ui);
	return r;
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .args = args, .s.home.fd = -1, .root.fd = -1 };
	int r;

	sl_exec_mark(&w.x, "");
	sl_arena_init(&w.a, 64 << 20);
	sl_arena_init(&w.learned, SL_LEARN_MEMORY);
	w.x.end.limit = SL_LIM_COUNT;
	sl_buf_init(&w.denied, 64 << 10);
	sl_buf_init(&w.left, 512 << 10);
	if ((r = run_it(&w, err)) >= 0)
		say_denied(&w, r);
	say_left(&w);
	if (r >= 0 && w.x.learn != NULL)
		r = say_learned(&w, r, err);
	if (w.x.is_timed && !sl_arg_is(args, O_JSON))
		say_timing(&w.x);
	sl_buf_done(&w.denied);
	sl_buf_done(&w.left);
	sl_session_done(&w.s);
	sl_proxy_stop(w.x.proxy);
	sl_arena_free(&w.learned);
	sl_root_done(&w.root);
	sl_arena_free(&w.a);
	return r;
}

const struct sl_cmd sl_cmd_exec = {
	.name = "exec",
	.summary = "run one command in a box, decided and recorded",
	.usage = "[--profile NAME] [--read PATH] [--write PATH] [OPTION...] -- CMD...",
	.opts = opts,
	.min_args = 1,
	.max_args = -1,
	.is_main = true,
	.is_wrapper = true,
	.run = run,
};
