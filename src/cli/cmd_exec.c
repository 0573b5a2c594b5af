/* cmd_exec.c -- sluice exec: one command, decided, boxed, recorded. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/cmd.h"
#include "cli/listen.h"
#include "cli/session.h"
#include "cli/ui.h"
#include "grant/hostport.h"
#include "record/host.h"
#include "run/exec.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { O_READ, O_WRITE, O_ENV, O_CWD, O_NET, O_JSON };
enum { DENIED_MAX = 5 };

static const struct sl_opt opts[] = {
	[O_READ] = { "read", 0, "PATH", "show PATH read-only, at its own place", true },
	[O_WRITE] = { "write", 0, "PATH", "show PATH writable, at its own place", true },
	[O_ENV] = { "env", 0, "NAME[=VALUE]",
		    "pass a variable of the caller's, or a value", true },
	[O_CWD] = { "cwd", 0, "PATH", "start in PATH, as seen inside", false },
	[O_NET] = { "net", 0, "HOST:PORT", "let it connect to this host and port, TCP",
		    true },
	[O_JSON] = { "json", 0, NULL, "one event a line on standard output", false },
	{ 0 },
};

struct work {
	const struct sl_args *args;
	struct sl_arena a;
	struct sl_session s;
	struct sl_exec x;
	struct sl_listener listener;
	struct sl_buf denied; /* lines for a command that failed */
	size_t n_denied;
};

static int
take_path(struct work *w, const char *path, unsigned access, struct sl_grant_fs *fs,
	  struct sl_err *err)
{
	SL_AUTO_FREE char *real = realpath(path, NULL);

	if (real == NULL)
		return SL_ERR_SYS(err, -errno, "cannot grant '%s'", path);
	fs->path = sl_arena_dup(&w->a, sl_slice_str(real));
	fs->access = access;
	if (fs->path.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (fs->path.len == 1)
		return SL_ERR(err, USAGE,
			      "'/' would show everything; name what the command needs");
	if (!sl_path_is_canonical(fs->path))
		return SL_ERR(err, USAGE, "cannot grant '%s'", path);
	return 0;
}

/* A place that is named twice is one grant: of all that was asked for it. */
static void
add_once(struct sl_grant_fs *fs, size_t *n, struct sl_grant_fs f)
{
	for (size_t i = 0; i < *n; i++)
		if (sl_slice_eq(fs[i].path, f.path)) {
			fs[i].access |= f.access;
			return;
		}
	fs[(*n)++] = f;
}

static int
take_paths(struct work *w, struct sl_err *err)
{
	size_t nr = sl_arg_count(w->args, O_READ), nw = sl_arg_count(w->args, O_WRITE);
	struct sl_grant_fs *fs = SL_NEW_N(&w->a, struct sl_grant_fs, nr + nw + 1);
	int r = 0;

	if (fs == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (nr + nw > SL_GRANT_FS_MAX)
		return SL_ERR(err, LIMIT, "more than %d paths", SL_GRANT_FS_MAX);
	for (size_t i = 0; i < nr && r == 0; i++)
		r = take_path(w, sl_arg(w->args, O_READ, i), SL_ACC_READ | SL_ACC_EXEC,
			      &fs[i], err);
	for (size_t i = 0; i < nw && r == 0; i++)
		r = take_path(w, sl_arg(w->args, O_WRITE, i),
			      SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC, &fs[nr + i], err);
	w->x.want.fs = fs;
	for (size_t i = 0; i < nr + nw && r == 0; i++)
		add_once(fs, &w->x.want.n_fs, fs[i]);
	return r;
}

/* A service that is named twice is one grant. */
static bool
has_net(const struct sl_grant *g, struct sl_slice host, uint16_t port)
{
	for (size_t i = 0; i < g->n_net; i++)
		if (g->net[i].port == port && sl_slice_eq(g->net[i].host, host))
			return true;
	return false;
}

static int
take_net(struct work *w, struct sl_err *err)
{
	size_t n = sl_arg_count(w->args, O_NET);
	struct sl_grant_net *net = SL_NEW_N(&w->a, struct sl_grant_net, n + 1);

	if (net == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (n > SL_GRANT_NET_MAX)
		return SL_ERR(err, LIMIT, "more than %d hosts and ports",
			      SL_GRANT_NET_MAX);
	w->x.want.net = net;
	for (size_t i = 0; i < n; i++) {
		struct sl_slice text = sl_slice_str(sl_arg(w->args, O_NET, i)), host;
		struct sl_hostport h;

		if (sl_hostport_parse(text, &h, err) < 0)
			return sl_err_ctx(err, "--net");
		host = sl_arena_dup(&w->a, sl_slice_str(h.host));
		if (host.p == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
		if (!has_net(&w->x.want, host, h.port))
			net[w->x.want.n_net++] =
			    (struct sl_grant_net){ host, h.port, h.addr.family != 0 };
	}
	return 0;
}

static bool
is_env_name(struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return s.len > 0;
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

/* The whole environment: a few constants, then what was granted. */
static int
take_env(struct work *w, struct sl_err *err)
{
	static const char *const base[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/home/runner",
		"LANG=C.UTF-8", "USER=runner"
	};
	const size_t n_base = sizeof(base) / sizeof(base[0]);
	size_t n = sl_arg_count(w->args, O_ENV), k = 0;
	struct sl_slice *env = SL_NEW_N(&w->a, struct sl_slice, n + n_base + 2);
	struct sl_slice *names = SL_NEW_N(&w->a, struct sl_slice, n + 1);

	if (env == NULL || names == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	for (; k < n_base; k++)
		env[k] = sl_slice_str(base[k]);
	if (w->x.want.is_tty)
		env[k++] = term_of(w);
	for (size_t i = 0; i < n; i++) {
		struct sl_slice arg = sl_slice_str(sl_arg(w->args, O_ENV, i));
		struct sl_slice name = sl_slice_upto(arg, '=');
		const char *value = NULL;

		if (!is_env_name(name))
			return SL_ERR(err, USAGE, "'%.*s' is not the name of a variable",
				      SL_ARG(name));
		if (name.len == arg.len) {
			if ((value = getenv((const char *)arg.p)) == NULL)
				return SL_ERR(err, USAGE, "variable '%.*s' is not set",
					      SL_ARG(name));
			arg = sl_slice_str(
			    sl_arena_printf(&w->a, "%s=%s", (const char *)arg.p, value));
		}
		names[i] = name;
		for (size_t j = 0; j < k; j++) /* a granted name replaces a constant */
			if (sl_slice_eq(sl_slice_upto(env[j], '='), name))
				env[j--] = env[--k];
		env[k++] = arg;
	}
	w->x.want.env = names;
	w->x.want.n_env = n;
	w->x.act.env = env;
	w->x.act.n_env = k;
	return 0;
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
	w->x.act.cwd = cwd != NULL ? sl_slice_str(cwd) : SL_LIT("/home/runner");
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

static int
write_out(void *arg, int stream, struct sl_slice bytes)
{
	(void)arg;
	return sl_ui_write(stream, bytes);
}

static void
note_denied(void *arg, const struct sl_obs *o)
{
	struct work *w = arg;

	if (strcmp(o->class, "limit") == 0)
		return; /* said as the end that it was */
	if (w->n_denied++ < DENIED_MAX)
		sl_buf_printf(&w->denied, "sluice: denied: %.*s %.*s\n", SL_ARG(o->act),
			      SL_ARG(o->object));
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
		(void)!SL_ERR(&m, LIMIT,
			      "ended by the limit on %s; 'sluice limits' lists them",
			      sl_limit_name(e->limit));
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

static int
run_it(struct work *w, struct sl_err *err)
{
	bool is_json = sl_arg_is(w->args, O_JSON), is_raw = false;
	struct sl_ui_opts o = sl_ui_detect(1, is_json);
	struct sl_ui *ui = NULL;
	struct termios old;
	int r;

	w->x.want.is_tty = !is_json && isatty(0) == 1 && isatty(1) == 1;
	if ((r = take_paths(w, err)) < 0 || (r = take_net(w, err)) < 0 ||
	    (r = take_env(w, err)) < 0 || (r = take_command(w, err)) < 0)
		return r;
	if (is_json) {
		if ((r = sl_ui_new(&o, &ui, err)) < 0)
			return r;
		w->listener = sl_ui_listener(ui);
		w->x.listener = &w->listener;
	} else {
		w->x.write = write_out;
		w->x.denied = note_denied;
		w->x.arg = w;
	}
	w->x.home = &w->s.home;
	w->x.session_gate = sl_session_open_gate;
	w->x.session = &w->s;
	w->x.stdin_fd = 0;
	if ((r = sl_session_start(&w->s, err)) == 0) {
		is_raw = w->x.want.is_tty && raw_terminal(&old);
		r = sl_exec(&w->x, err);
		if (is_raw)
			(void)tcsetattr(0, TCSADRAIN, &old);
	}
	sl_ui_free(ui);
	return r;
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .args = args, .s.home.fd = -1 };
	int r;

	sl_arena_init(&w.a, 64 << 20);
	sl_grant_init(&w.x.want);
	w.x.end.limit = SL_LIM_COUNT;
	sl_buf_init(&w.denied, 64 << 10);
	if ((r = run_it(&w, err)) >= 0)
		say_denied(&w, r);
	sl_buf_done(&w.denied);
	sl_session_done(&w.s);
	sl_arena_free(&w.a);
	return r;
}

const struct sl_cmd sl_cmd_exec = {
	.name = "exec",
	.summary = "run one command in a box, decided and recorded",
	.usage = "[--read PATH] [--write PATH] [--env NAME[=VALUE]] [--cwd PATH] "
		 "[--net HOST:PORT] [--json] -- CMD...",
	.opts = opts,
	.min_args = 1,
	.max_args = -1,
	.is_main = true,
	.is_wrapper = true,
	.run = run,
};
