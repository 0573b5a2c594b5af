/* cmd_run.c -- sluice run: a flow, decided, boxed, recorded. */
#include "base/auto.h"
#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/listen.h"
#include "cli/session.h"
#include "codec/utf8.h"
#include "grant/limit.h"
#include "run/run.h"
#include "run/want.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	OPT_WORKSPACE,
	OPT_DIRECT,
	OPT_INPUT,
	OPT_SECRET,
	OPT_EVENT,
	OPT_EVENT_NAME,
	OPT_ENV,
	OPT_READ,
	OPT_WRITE,
	OPT_NET,
	OPT_MEMORY, /* and the rest in the order of enum sl_limit */
	OPT_JSON = OPT_MEMORY + SL_LIM_COUNT
};
enum { EVENT_MAX = 4 << 20, SECRET_MAX = 64 << 10, SECRETS_MAX = 256 };

static const struct sl_opt opts[] = {
	[OPT_WORKSPACE] = { "workspace", 0, "DIR",
			    "work on DIR (default: the flow's own tree)", false },
	[OPT_DIRECT] = { "direct", 0, NULL, "write in place, not in an overlay", false },
	[OPT_INPUT] = { "input", 0, "NAME=VALUE", "an input of workflow_dispatch", true },
	[OPT_SECRET] = { "secret", 0, "NAME | NAME=@FILE | NAME=@-",
			 "a secret, from the environment, a file, or standard input",
			 true },
	[OPT_EVENT] = { "event", 0, "FILE", "the event's JSON (github.event)", false },
	[OPT_EVENT_NAME] = { "event-name", 0, "NAME", "the event (github.event_name)",
			     false },
	[OPT_ENV] = { "env", 0, "NAME[=VALUE]",
		      "a variable for every step, yours or a value", true },
	[OPT_READ] = { "read", 0, "PATH", "show PATH read-only, at its own place", true },
	[OPT_WRITE] = { "write", 0, "PATH", "show PATH writable, at its own place",
			true },
	[OPT_NET] = { "net", 0, "HOST:PORT", "let it connect to this host and port, TCP",
		      true },
	[OPT_MEMORY + SL_LIM_MEMORY] = { "memory", 0, "SIZE",
					 "memory of all processes, as 64M, 2G", false },
	[OPT_MEMORY + SL_LIM_PIDS] = { "pids", 0, "N", "processes and threads", false },
	[OPT_MEMORY + SL_LIM_CPU] = { "cpu", 0, "SECONDS", "processor time", false },
	[OPT_MEMORY + SL_LIM_WALL] = { "time", 0, "SECONDS", "time by the clock", false },
	[OPT_MEMORY +
	    SL_LIM_DISK] = { "disk", 0, "SIZE", "bytes written, /tmp included", false },
	[OPT_MEMORY + SL_LIM_FILE_SIZE] = { "file-size", 0, "SIZE",
					    "size of a file that is written", false },
	[OPT_MEMORY + SL_LIM_OUTPUT] = { "output", 0, "SIZE",
					 "bytes on standard output and error", false },
	[OPT_MEMORY +
	    SL_LIM_NOFILE] = { "open-files", 0, "N", "open files of one process", false },
	[OPT_JSON] = { "json", 0, NULL, "one event a line on standard output", false },
	{ 0 },
};

struct work {
	const struct sl_args *args;
	struct sl_arena a;
	struct sl_session s;
	struct sl_parser *parser;
	struct sl_ui *ui;
	struct sl_ui_opts uo;
	struct sl_listener listener;
	struct sl_run_opts o;
	struct sl_run_result result;
	struct sl_buf src, event;
	struct sl_run_secret *secret;
	struct sl_buf *secret_buf; /* owns the values: wiped at the end */
	char workspace[PATH_MAX];
};

/* The tree that a flow belongs to: what holds .github/workflows, else its directory. */
static int
find_workspace(struct work *w, struct sl_err *err)
{
	const char *given = sl_arg(w->args, OPT_WORKSPACE, 0);
	SL_AUTO_FREE char *real = realpath(given != NULL ? given : w->o.flow, NULL);
	struct stat st;
	char *cut;

	if (real == NULL && (errno == ENOENT || errno == ENOTDIR))
		return SL_ERR(err, NOENT, "no directory '%s'",
			      given != NULL ? given : w->o.flow);
	if (real == NULL)
		return SL_ERR_SYS(err, -errno, "cannot find '%s'",
				  given != NULL ? given : w->o.flow);
	if (given == NULL) {
		if ((cut = strrchr(real, '/')) != NULL)
			*cut = '\0';
		cut = strlen(real) > 18 ? real + strlen(real) - 18 : NULL;
		if (cut != NULL && strcmp(cut, "/.github/workflows") == 0)
			*cut = '\0';
	}
	if (snprintf(w->workspace, PATH_MAX, "%s", real[0] != '\0' ? real : "/") >=
	    PATH_MAX)
		return SL_ERR(err, USAGE, "the workspace's path is too long");
	if (stat(w->workspace, &st) < 0 || !S_ISDIR(st.st_mode))
		return SL_ERR(err, USAGE, "the workspace '%s' is no directory",
			      w->workspace);
	if (strcmp(w->workspace, "/") == 0)
		return SL_ERR(err, USAGE,
			      "'/' cannot be a workspace; name one with --workspace");
	w->o.workspace = w->workspace;
	return 0;
}

static bool
is_name(struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return s.len > 0 && s.len <= 255;
}

static int
take_secret(const char *arg, struct sl_run_secret *s, struct sl_buf *value,
	    struct sl_err *err)
{
	const char *eq = strchr(arg, '='), *env;
	int r = 0;

	s->name = (struct sl_slice){ (const uint8_t *)arg,
				     eq ? (size_t)(eq - arg) : strlen(arg) };
	sl_buf_init(value, SECRET_MAX);
	if (!is_name(s->name))
		return SL_ERR(
		    err, USAGE,
		    "--secret '%.*s': a name has letters, digits and _, and begins "
		    "with no digit",
		    SL_ARG(s->name));
	if (eq == NULL) {
		if ((env = getenv(arg)) == NULL)
			return SL_ERR(err, USAGE,
				      "--secret %s: no such variable in the environment",
				      arg);
		sl_buf_str(value, env);
	} else if (eq[1] != '@') {
		/* The value is in the process list by now; do not repeat it. */
		return SL_ERR(
		    err, USAGE,
		    "--secret %.*s: a value on the command line can be read by others; "
		    "use NAME, NAME=@FILE or NAME=@-",
		    (int)s->name.len, arg);
	} else if (strcmp(eq + 2, "-") == 0) {
		r = sl_input_fd(0, "standard input", SECRET_MAX, value, err);
	} else {
		r = sl_input_path(eq + 2, SECRET_MAX, value, err);
	}
	if (r < 0)
		return r;
	if (eq != NULL && value->len > 0 && value->p[value->len - 1] == '\n')
		value->len--; /* what an editor or echo puts behind it */
	s->value = sl_buf_get(value);
	/* An environment would end at a NUL, and the mask for the whole not fit the part.
	 */
	if (value->len > 0 &&
	    (memchr(value->p, 0, value->len) != NULL || !sl_utf8_ok(s->value)))
		return SL_ERR(err, USAGE, "--secret %.*s: the value is not text in UTF-8",
			      SL_ARG(s->name));
	return 0;
}

static int
take_secrets(struct work *w, struct sl_err *err)
{
	size_t n = sl_arg_count(w->args, OPT_SECRET);
	int r;

	if (n > SECRETS_MAX)
		return SL_ERR(err, LIMIT, "more than %d secrets", SECRETS_MAX);
	w->secret = SL_NEW_N(&w->a, struct sl_run_secret, n + 1);
	w->secret_buf = SL_NEW_N(&w->a, struct sl_buf, n + 1);
	if (w->secret == NULL || w->secret_buf == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	w->o.secret = w->secret;
	for (size_t i = 0; i < n; i++) {
		if ((r = take_secret(sl_arg(w->args, OPT_SECRET, i), &w->secret[i],
				     &w->secret_buf[i], err)) < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (sl_slice_eq(w->secret[k].name, w->secret[i].name))
				return SL_ERR(err, USAGE, "--secret %.*s is given twice",
					      SL_ARG(w->secret[i].name));
		w->o.n_secret = i + 1;
	}
	return 0;
}

static void
wipe_secrets(struct work *w)
{
	for (size_t i = 0; w->secret_buf != NULL && i < sl_arg_count(w->args, OPT_SECRET);
	     i++) {
		if (w->secret_buf[i].p != NULL)
			explicit_bzero(w->secret_buf[i].p, w->secret_buf[i].cap);
		sl_buf_done(&w->secret_buf[i]);
	}
}

static int
take_input(struct sl_slice *in, size_t i, struct sl_slice arg, struct sl_err *err)
{
	struct sl_slice name = sl_slice_upto(arg, '=');

	if (name.len == 0 || name.len == arg.len)
		return SL_ERR(err, USAGE, "--input '%.*s' is not NAME=VALUE",
			      SL_ARG(arg));
	if (!sl_utf8_ok(arg))
		return SL_ERR(err, USAGE, "--input '%.*s' is not UTF-8", SL_ARG(arg));
	for (size_t k = 0; k < i; k++)
		if (sl_slice_eq(sl_slice_upto(in[k], '='), name))
			return SL_ERR(err, USAGE, "--input '%.*s' is given twice",
				      SL_ARG(name));
	in[i] = arg;
	return 0;
}

static bool
is_word(struct sl_slice s, bool has_upper)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9') ||
		      (has_upper && c >= 'A' && c <= 'Z')))
			return false;
	}
	return s.len > 0 && s.len <= 255;
}

/* "NAME" or "NAME=VALUE" to the latter. */
static int
one_env(struct work *w, const char *arg, struct sl_slice *ret, struct sl_err *err)
{
	struct sl_slice name = sl_slice_upto(sl_slice_str(arg), '=');
	const char *value;

	if (!is_word(name, true))
		return SL_ERR(err, USAGE, "'%.*s' is not the name of a variable",
			      SL_ARG(name));
	for (size_t k = 0; k < w->o.n_env; k++)
		if (sl_slice_eq(sl_slice_upto(w->o.env[k], '='), name))
			return SL_ERR(err, USAGE, "variable '%.*s' is given twice",
				      SL_ARG(name));
	*ret = sl_slice_str(arg);
	if (name.len < ret->len)
		return 0;
	if ((value = getenv(arg)) == NULL)
		return SL_ERR(err, USAGE, "variable '%s' is not set", arg);
	if ((arg = sl_arena_printf(&w->a, "%s=%s", arg, value)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	*ret = sl_slice_str(arg);
	return 0;
}

static int
take_env(struct work *w, struct sl_err *err)
{
	size_t n = sl_arg_count(w->args, OPT_ENV);
	struct sl_slice *env = SL_NEW_N(&w->a, struct sl_slice, n + 1);
	int r;

	if (n > SL_GRANT_ENV_MAX)
		return SL_ERR(err, LIMIT, "more than %d variables", SL_GRANT_ENV_MAX);
	if (env == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	w->o.env = env;
	for (size_t i = 0; i < n; i++) {
		if ((r = one_env(w, sl_arg(w->args, OPT_ENV, i), &env[i], err)) < 0)
			return r;
		w->o.n_env = i + 1;
	}
	return 0;
}

static int
take_inputs(struct work *w, struct sl_err *err)
{
	static const char *const names[] = { "bash", "sh", "python", "python3" };
	size_t n = sl_arg_count(w->args, OPT_INPUT), k = 0;
	struct sl_slice *in = SL_NEW_N(&w->a, struct sl_slice, n + 1);
	const char **shells = SL_NEW_N(&w->a, const char *, 5);
	const char *event = sl_arg(w->args, OPT_EVENT, 0);
	int r;

	if (in == NULL || shells == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if ((r = take_input(in, i, sl_slice_str(sl_arg(w->args, OPT_INPUT, i)),
				    err)) < 0)
			return r;
	for (size_t i = 0; i < 4; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/usr/bin/%s", names[i]);
		if (access(path, X_OK) == 0)
			shells[k++] = names[i];
	}
	w->o.input = in;
	w->o.n_input = n;
	w->o.shells = shells;
	if (event != NULL && (r = sl_input_path(event, EVENT_MAX, &w->event, err)) < 0)
		return r;
	if (event != NULL && w->event.len == 0)
		return SL_ERR(err, FORMAT, "event '%.200s' is empty, not a JSON object",
			      event);
	w->o.event = sl_buf_get(&w->event);
	w->o.event_name = sl_arg(w->args, OPT_EVENT_NAME, 0);
	if (w->o.event_name != NULL && !is_word(sl_slice_str(w->o.event_name), false))
		return SL_ERR(err, USAGE,
			      "'%s' is not the name of an event: push, pull_request, ...",
			      w->o.event_name);
	return take_env(w, err);
}

/* What the owner gives whatever the flow says, and what it may ask for. */
static int
take_given(struct work *w, struct sl_err *err)
{
	const struct sl_want_room room = { sl_arg_count(w->args, OPT_READ) +
					       sl_arg_count(w->args, OPT_WRITE),
					   0, sl_arg_count(w->args, OPT_NET) };
	struct sl_want want;
	const char *text, *why;
	int r = sl_want_init(&want, &w->a, room, NULL, err);

	for (size_t i = 0; r == 0 && (text = sl_arg(w->args, OPT_READ, i)) != NULL; i++)
		r = sl_want_path(&want, text, SL_ACC_READ | SL_ACC_EXEC, err);
	for (size_t i = 0; r == 0 && (text = sl_arg(w->args, OPT_WRITE, i)) != NULL; i++)
		r = sl_want_path(&want, text, SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC,
				 err);
	for (size_t i = 0; r == 0 && (text = sl_arg(w->args, OPT_NET, i)) != NULL; i++)
		if (sl_want_net(&want, sl_slice_str(text), err) < 0)
			return sl_err_ctx(err, "--net");
	for (enum sl_limit l = 0; r == 0 && l < SL_LIM_COUNT; l++)
		if ((text = sl_arg(w->args, OPT_MEMORY + (int)l, 0)) != NULL &&
		    (why = sl_limit_parse(l, sl_slice_str(text), &want.g.limit[l].max)) !=
			NULL)
			return SL_ERR(err, USAGE, "--%s: '%.60s' %s", sl_limit_option(l),
				      text, why);
	w->o.given = want.g;
	return r;
}

static void
show_diags(struct work *w)
{
	struct sl_ui_opts o = sl_ui_detect(2, false);
	SL_AUTO_BUF out = { .max = 1 << 20 };

	sl_ui_diags(&out, &o, w->o.flow, &w->result.diags);
	(void)sl_ui_write(2, sl_buf_get(&out));
}

static int
run_it(struct work *w, struct sl_err *err)
{
	int r;

	/* The parser first of all, then the recorder: neither may see what comes after.
	 */
	if ((r = sl_parser_start(&w->parser, err)) < 0 ||
	    (r = sl_session_start(&w->s, err)) < 0 ||
	    (r = sl_input_path(w->o.flow, SL_FLOW_BYTES, &w->src, err)) < 0 ||
	    (r = find_workspace(w, err)) < 0 || (r = take_inputs(w, err)) < 0 ||
	    (r = take_given(w, err)) < 0 || (r = take_secrets(w, err)) < 0)
		return r;
	w->uo = sl_ui_detect(1, sl_arg_is(w->args, OPT_JSON));
	if ((r = sl_ui_new(&w->uo, &w->ui, err)) < 0)
		return r;
	w->listener = sl_ui_listener(w->ui);
	w->o.home = &w->s.home;
	w->o.parser = w->parser;
	w->o.session = &w->s;
	w->o.session_gate = sl_session_open_gate;
	w->o.listener = &w->listener;
	w->o.is_direct = sl_arg_is(w->args, OPT_DIRECT);
	w->o.src = sl_buf_get(&w->src);
	return sl_run(&w->o, &w->a, &w->result, err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .args = args, .s.home.fd = -1 };
	int r;

	sl_arena_init(&w.a, 512 << 20);
	w.o.flow = args->argv[0];
	r = run_it(&w, err);
	sl_ui_free(w.ui);
	if (w.result.diags.n > 0) {
		show_diags(&w);
		err->msg[0] = '\0'; /* said already, with its place */
	}
	sl_parser_stop(w.parser);
	sl_session_done(&w.s);
	wipe_secrets(&w);
	sl_buf_done(&w.src);
	sl_buf_done(&w.event);
	sl_arena_free(&w.a);
	return r;
}

const struct sl_cmd sl_cmd_run = {
	.name = "run",
	.summary = "run a flow in boxes, decided and recorded",
	.usage = "FLOW [--workspace DIR] [--direct] [--input NAME=VALUE] [--secret NAME] "
		 "[--event FILE] [--event-name NAME] [--env NAME[=VALUE]] [--read PATH] "
		 "[--write PATH] [--net HOST:PORT] [OPTION...]",
	.opts = opts,
	.min_args = 1,
	.max_args = 1,
	.is_main = true,
	.run = run,
};
