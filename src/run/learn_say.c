/* learn_say.c -- see learn.h: a lesson as a command line, a profile, an event. */
#include "grant/limit.h"
#include "run/learn.h"

#include <stdio.h>

static const struct {
	enum sl_limit limit;
	const char *opt;
} opts[] = {
	{ SL_LIM_MEMORY, "memory" }, { SL_LIM_PIDS, "pids" },
	{ SL_LIM_CPU, "cpu" },       { SL_LIM_WALL, "time" },
	{ SL_LIM_DISK, "disk" },     { SL_LIM_FILE_SIZE, "file-size" },
	{ SL_LIM_OUTPUT, "output" },
};

/* For a shell of POSIX. */
static void
quote(struct sl_buf *out, struct sl_slice s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";
	bool is_plain = s.len > 0;

	for (size_t i = 0; i < s.len; i++)
		is_plain &= s.p[i] != '\0' && strchr(plain, s.p[i]) != NULL;
	if (is_plain) {
		sl_buf_slice(out, s);
		return;
	}
	sl_buf_byte(out, '\'');
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '\'')
			sl_buf_str(out, "'\\''");
		else
			sl_buf_byte(out, s.p[i]);
	sl_buf_byte(out, '\'');
}

static void
options(struct sl_buf *out, const char *name, const struct sl_slice *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sl_buf_printf(out, " --%s ", name);
		quote(out, v[i]);
	}
}

void
sl_lesson_command(const struct sl_lesson *x, struct sl_buf *out)
{
	char text[SL_LIMIT_TEXT_MAX];

	sl_buf_str(out, "sluice exec");
	options(out, "read", x->read, x->n_read);
	options(out, "write", x->write, x->n_write);
	options(out, "net", x->net, x->n_net);
	options(out, "env", x->env, x->n_env);
	options(out, "cwd", &x->cwd, x->cwd.len > 0);
	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		if (x->limit[opts[i].limit] == 0)
			continue;
		sl_limit_print(opts[i].limit, x->limit[opts[i].limit], text);
		sl_buf_printf(out, " --%s %s", opts[i].opt, text);
	}
	sl_buf_str(out, " --");
	for (size_t i = 0; i < x->n_argv; i++) {
		sl_buf_byte(out, ' ');
		quote(out, x->argv[i]);
	}
}

/* A single-quoted scalar of YAML: what is in it is printable. */
static void
scalar(struct sl_buf *out, struct sl_slice s)
{
	sl_buf_byte(out, '\'');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\'')
			sl_buf_byte(out, '\'');
		sl_buf_byte(out, s.p[i]);
	}
	sl_buf_byte(out, '\'');
}

static void
list(struct sl_buf *out, const char *key, const struct sl_slice *v, size_t n)
{
	if (n == 0)
		return;
	sl_buf_printf(out, "%s:\n", key);
	for (size_t i = 0; i < n; i++) {
		sl_buf_str(out, "  - ");
		scalar(out, v[i]);
		sl_buf_byte(out, '\n');
	}
}

void
sl_lesson_profile(const struct sl_lesson *x, struct sl_buf *out)
{
	bool has_limits = false;

	sl_buf_str(out,
		   "# Proposed by sluice exec --learn; read it before you use it.\n");
	if (x->cwd.len > 0)
		sl_buf_printf(out, "# Started with: --cwd %.*s\n", SL_ARG(x->cwd));
	sl_buf_str(out, "description: learned from one command\n");
	list(out, "read", x->read, x->n_read);
	list(out, "write", x->write, x->n_write);
	list(out, "net", x->net, x->n_net);
	if (x->n_env > 0) {
		sl_buf_str(out, "env:\n");
		for (size_t i = 0; i < x->n_env; i++) {
			sl_buf_str(out, "  - ");
			scalar(out, sl_slice_upto(x->env[i], '='));
			sl_buf_byte(out, '\n');
		}
	}
	for (int i = 0; i < SL_LIM_COUNT; i++) {
		char text[SL_LIMIT_TEXT_MAX];

		if (x->limit[i] == 0)
			continue;
		if (!has_limits)
			sl_buf_str(out, "limits:\n");
		has_limits = true;
		sl_limit_print((enum sl_limit)i, x->limit[i], text);
		sl_buf_printf(out, "  %s: %s\n", sl_limit_name((enum sl_limit)i), text);
	}
}

static void
put_list(struct sl_jb *b, struct sl_json *o, const char *key, const struct sl_slice *v,
	 size_t n)
{
	struct sl_json *e = sl_json_set(b, o, key, sl_json_arr(b));

	for (size_t i = 0; i < n; i++)
		(void)sl_json_add(b, e, sl_json_str(b, v[i]));
}

void
sl_lesson_json(const struct sl_lesson *x, struct sl_jb *b, struct sl_json *o)
{
	SL_AUTO_BUF text = { .max = 1 << 20 };
	struct sl_json *e, *left;

	sl_lesson_command(x, &text);
	(void)sl_json_set(b, o, "last", sl_json_bool(b, x->is_last));
	(void)sl_json_set(b, o, "news", sl_json_bool(b, x->is_news));
	(void)sl_json_set(b, o, "names", sl_json_int(b, (int64_t)x->n_names));
	(void)sl_json_set(b, o, "lost", sl_json_int(b, (int64_t)x->n_lost));
	(void)sl_json_set(b, o, "command", sl_json_str(b, sl_buf_get(&text)));
	put_list(b, o, "read", x->read, x->n_read);
	put_list(b, o, "write", x->write, x->n_write);
	put_list(b, o, "net", x->net, x->n_net);
	e = sl_json_set(b, o, "limits", sl_json_obj(b));
	for (int i = 0; i < SL_LIM_COUNT; i++)
		if (x->limit[i] != 0)
			(void)sl_json_set(b, e, sl_limit_name((enum sl_limit)i),
					  sl_json_int(b, (int64_t)x->limit[i]));
	left = sl_json_set(b, o, "left", sl_json_arr(b));
	for (size_t i = 0; i < x->n_left; i++) {
		e = sl_json_add(b, left, sl_json_obj(b));
		(void)sl_json_set(b, e, "what", sl_json_str(b, x->left[i].what));
		(void)sl_json_set(b, e, "why", sl_json_cstr(b, x->left[i].why));
	}
	(void)sl_json_set(b, o, "left_more", sl_json_int(b, (int64_t)x->n_left_more));
}
