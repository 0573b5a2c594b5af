/* cmd_changes.c -- sluice changes: what a run changed; apply it, or drop it. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "codec/utf8.h"
#include "run/left.h"
#include "run/mark.h"
#include "run/output.h"
#include "run/parser.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { OPT_APPLY, OPT_WITH, OPT_DROP, OPT_JSON };

static const struct sl_opt opts[] = {
	[OPT_APPLY] = { "apply", 0, "DIR", "copy the changes into DIR", false },
	[OPT_WITH] = { "with", 0, "PATH", "apply PATH too although it is held back",
		       true },
	[OPT_DROP] = { "drop", 0, NULL, "forget the changes and free their space",
		       false },
	[OPT_JSON] = { "json", 0, NULL, "one object a path", false },
	{ 0 },
};

struct work {
	const struct sl_args *args;
	struct sl_session s;
	struct sl_arena a;
	struct sl_run_info i;
	struct sl_left left;
	char hex[65];
	const char *key; /* the job, or NULL */
	const struct sl_ws_changes *set[SL_LEFT_JOBS_MAX];
	struct sl_taint_rules rules; /* of policy */
	struct sl_parser *parser;    /* looks into archives */
	struct sl_out out;
	size_t n_held, n_applied, n_same;
};

static char
letter(enum sl_ws_kind k)
{
	static const char letters[] = "AMD";

	return letters[k == SL_WK_ADDED ? 0 : k == SL_WK_DELETED ? 2 : 1];
}

/* "link-leaves-tree, runs-later", or "". */
static const char *
warnings(struct work *w, unsigned warn)
{
	SL_AUTO_BUF text = { .max = 1024 };
	const char *s;

	for (unsigned i = 0; i < SL_WW_COUNT; i++)
		if ((warn & 1U << i) != 0)
			sl_buf_printf(&text, "%s%s", text.len > 0 ? ", " : "",
				      sl_ws_warn_name(i));
	s = sl_arena_str(&w->a, sl_buf_get(&text));
	return s != NULL ? s : "";
}

/* "git-hook: git (commit, checkout)", and what it looks like. */
static void
print_taint(const struct sl_taints *t)
{
	size_t n_rows;
	const struct sl_taint_row *row = sl_taint_rows(&n_rows);

	for (size_t i = 0; i < t->n; i++) {
		const struct sl_taint_row *x = &row[t->row[i]];

		printf("%s%s: %s", i > 0 ? "; " : "  ", x->kind, x->obeyed_by);
		if (strcmp(x->kind, "look-alike") == 0 && t->like < n_rows)
			printf(", as if it were %s", row[t->like].pattern);
	}
}

/* A name that is no UTF-8 is no JSON string: its bytes go beside it. */
static void
put_path(struct sl_jb *b, struct sl_json *v, struct sl_slice path)
{
	SL_AUTO_BUF text = { .max = (size_t)8 * SL_WS_PATH_MAX };

	if (sl_utf8_ok(path)) {
		(void)sl_json_set(b, v, "path", sl_json_str(b, path));
		return;
	}
	sl_output_utf8(path, &text);
	(void)sl_json_set(b, v, "path",
			  sl_json_str(b, sl_arena_dup(b->a, sl_buf_get(&text))));
	(void)sl_json_set(b, v, "path_hex", sl_json_hex(b, path.p, path.len));
}

static int
show_json(struct work *w, const struct sl_left_job *j, const struct sl_ws_change *c,
	  struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	struct sl_json *v = sl_json_obj(b), *list;
	char change[2] = { letter(c->kind), '\0' };

	(void)sl_json_set(b, v, "run", sl_json_cstr(b, w->hex));
	(void)sl_json_set(b, v, "job", sl_json_cstr(b, j->key));
	put_path(b, v, c->path);
	(void)sl_json_set(b, v, "change", sl_json_cstr(b, change));
	(void)sl_json_set(b, v, "kind", sl_json_cstr(b, sl_ws_kind_name(c->kind)));
	(void)sl_json_set(b, v, "type", sl_json_cstr(b, sl_ws_type_name(c->type)));
	(void)sl_json_set(b, v, "size", sl_json_int(b, (int64_t)c->size));
	(void)sl_json_set(b, v, "sha256", sl_json_hex(b, c->digest, 32));
	if (c->warn != 0) {
		list = sl_json_set(b, v, "held", sl_json_arr(b));
		for (unsigned i = 0; i < SL_WW_COUNT; i++)
			if ((c->warn & 1U << i) != 0)
				(void)sl_json_add(b, list,
						  sl_json_cstr(b, sl_ws_warn_name(i)));
	}
	if (c->taint.n > 0)
		(void)sl_json_set(b, v, "taint", sl_taint_json(b, &c->taint, &w->rules));
	if (c->outcome != SL_WO_NONE)
		(void)sl_json_set(b, v, "outcome",
				  sl_json_cstr(b, sl_ws_outcome_name(c->outcome)));
	return sl_out_json(&w->out, v, err);
}

static int
show(struct work *w, bool is_applied, struct sl_err *err)
{
	bool is_json = sl_arg_is(w->args, OPT_JSON);
	int r;

	for (size_t k = 0; k < w->left.n; k++) {
		const struct sl_left_job *j = &w->left.job[k];

		for (size_t i = 0; i < j->changes.n; i++) {
			const struct sl_ws_change *c = &j->changes.item[i];
			bool is_held =
			    is_applied ? c->outcome == SL_WO_HELD : c->warn != 0;

			if (is_json) {
				if ((r = show_json(w, j, c, err)) < 0)
					return r;
				continue;
			}
			printf("%c %c  ", is_held ? '!' : ' ', letter(c->kind));
			sl_out_text(c->path);
			if (w->left.n > 1)
				printf("  [%s]", j->key);
			if (c->warn != 0)
				printf("  (%s)", warnings(w, c->warn));
			print_taint(&c->taint);
			printf("\n");
		}
	}
	return 0;
}

static int
apply_job(struct work *w, int target_fd, struct sl_left_job *j, struct sl_err *err)
{
	size_t n = sl_arg_count(w->args, OPT_WITH);
	struct sl_slice *allow = SL_NEW_N(&w->a, struct sl_slice, n + 1);
	struct sl_ws_apply o = { target_fd, j->left_fd, w->left.base,
				 allow,     n,          w->key != NULL };
	struct sl_ws_applied done = { 0 };
	int r;

	if (allow == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (j->is_direct)
		return 0;
	for (size_t i = 0; i < n; i++)
		allow[i] = sl_slice_str(sl_arg(w->args, OPT_WITH, i));
	r = sl_ws_apply(&o, &j->changes, &w->left.a, &done, err);
	w->n_applied += done.n_applied;
	w->n_same += done.n_same;
	w->n_held += done.n_held;
	return r < 0 ? sl_err_ctx(err, "job '%s': %zu applied, %zu not tried", j->key,
				  done.n_applied, done.n_left)
		     : 0;
}

static int
look_into(void *work, int fd, uint64_t size, enum sl_archive *ret, struct sl_err *err)
{
	struct work *w = work;

	return sl_parser_archive(w->parser, fd, size, ret, err);
}

static int
look_into_all(struct work *w, struct sl_err *err)
{
	const struct sl_ws_archives by = { look_into, w };
	int r;

	for (size_t i = 0; i < w->left.n; i++) {
		struct sl_left_job *j = &w->left.job[i];

		if (!j->is_direct && (r = sl_ws_look_archives(j->left_fd, true,
							      &j->changes, &by, err)) < 0)
			return r;
	}
	return 0;
}

static void
tighten(struct work *w)
{
	for (size_t i = 0; i < w->left.n; i++)
		sl_ws_tighten(&w->left.job[i].changes, w->rules.rule, w->rules.n);
}

static int
apply(struct work *w, const char *dir, struct sl_err *err)
{
	SL_AUTO_FREE char *real = realpath(dir, NULL);
	SL_AUTO_FD fd =
	    real != NULL ? open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int r;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return SL_ERR(err, NOENT, "no directory '%s'", dir);
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%s'", dir);
	if (sl_path_is_below(sl_slice_str(real), sl_slice_str(w->s.home.path)))
		return SL_ERR(err, USAGE, "'%s' lies in SLUICE_HOME", dir);
	if ((r = sl_ask_apply(
		 &w->s,
		 &(struct sl_ask){ "apply", &w->i, w->key, real, w->set, w->left.n },
		 &w->a, &w->rules, err)) < 0)
		return r;
	tighten(w);
	for (size_t i = 0; i < w->left.n; i++)
		if ((r = apply_job(w, fd, &w->left.job[i], err)) < 0) {
			struct sl_err none = { 0 };

			(void)!show(w, true, &none);
			return r;
		}
	if ((r = show(w, true, err)) < 0)
		return r;
	if (!sl_arg_is(w->args, OPT_JSON))
		printf("%zu applied to %s, %zu there already, %zu held back\n",
		       w->n_applied, dir, w->n_same, w->n_held);
	return w->n_held == 0 ? 0
			      : SL_ERR(err, FAILED, "%zu path%s held back; see above",
				       w->n_held, w->n_held == 1 ? " is" : "s are");
}

/* What a person may do next; a pipe gets the list alone. */
static void
advise(struct work *w)
{
	size_t n = 0, n_held = 0;

	for (size_t k = 0; k < w->left.n; k++)
		for (size_t i = 0; i < w->left.job[k].changes.n; i++) {
			n++;
			n_held += w->left.job[k].changes.item[i].warn != 0;
		}
	if (n == 0)
		printf("nothing changed\n");
	else
		printf("\n%zu change%s%s\ntake over: sluice changes %.12s --apply DIR\n"
		       "forget:    sluice changes %.12s --drop\n",
		       n, n == 1 ? "" : "s",
		       n_held > 0 ? ", '!' is held back unless named by --with" : "",
		       w->hex, w->hex);
}

static int
list(struct work *w, struct sl_err *err)
{
	const struct sl_ask q = { "apply", &w->i, w->key, NULL, w->set, w->left.n };
	int r;

	if ((r = sl_ask_foresee(&w->s, &q, &w->a, &w->rules, err)) < 0)
		return r;
	tighten(w);
	for (size_t i = 0; i < w->left.n; i++) {
		struct sl_left_job *j = &w->left.job[i];
		SL_AUTO_FD fd = open(j->workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && !j->is_direct &&
		    (r = sl_ws_mark_base(fd, w->left.base, &j->changes, &w->left.a,
					 err)) < 0)
			return r;
	}
	if ((r = show(w, false, err)) < 0 || sl_arg_is(w->args, OPT_JSON) || !isatty(1))
		return r;
	advise(w);
	return 0;
}

/* RUN or RUN/JOB; a key may hold anything but that first slash. */
static int
take_run(struct work *w, struct sl_err *err)
{
	struct sl_slice arg = sl_slice_str(w->args->argv[0]),
			hex = sl_slice_upto(arg, '/');
	int r;

	if (hex.len < arg.len)
		w->key = (const char *)arg.p + hex.len + 1;
	if ((r = sl_ask_run(&w->s, hex, &w->a, &w->i, err)) < 0)
		return r;
	sl_hex(w->hex, w->i.run, 32);
	if (sl_mark_is_live(&w->s.home, w->i.run))
		return SL_ERR(err, USAGE, "the run is under way");
	return 0;
}

static int
work(struct work *w, struct sl_err *err)
{
	const char *dir = sl_arg(w->args, OPT_APPLY, 0);
	int r;

	if (dir != NULL && sl_arg_is(w->args, OPT_DROP))
		return SL_ERR(err, USAGE, "--apply and --drop exclude each other");
	/* before a key or a foreign byte is in memory */
	if ((!sl_arg_is(w->args, OPT_DROP) &&
	     (r = sl_parser_start(&w->parser, err)) < 0) ||
	    (r = sl_session_start(&w->s, err)) < 0 ||
	    (r = sl_session_gate(&w->s, false, err)) < 0 || (r = take_run(w, err)) < 0)
		return r;
	if (sl_arg_is(w->args, OPT_DROP)) {
		if ((r = sl_ask(
			 &w->s,
			 &(struct sl_ask){ .kind = "drop", .run = &w->i, .job = w->key },
			 err)) < 0)
			return r;
		if ((r = sl_left_drop(&w->s.home, w->i.run, err)) == 0 &&
		    !sl_arg_is(w->args, OPT_JSON))
			printf("the changes of run %.12s are gone; its evidence stays\n",
			       w->hex);
		return r;
	}
	if ((r = sl_left_open(&w->s.home, w->i.run, w->key, &w->left, err)) < 0 ||
	    (r = look_into_all(w, err)) < 0)
		return r;
	for (size_t i = 0; i < w->left.n; i++)
		w->set[i] = &w->left.job[i].changes;
	return dir != NULL ? apply(w, dir, err) : list(w, err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .args = args, .s.home.fd = -1, .left.dir_fd = -1 };
	struct sl_err none = { 0 };
	int r;

	sl_arena_init(&w.a, 256 << 20);
	(void)sl_out_init(&w.out);
	r = work(&w, err);
	sl_parser_stop(w.parser);
	sl_left_done(&w.left);
	sl_session_done(&w.s);
	sl_out_done(&w.out);
	sl_arena_free(&w.a);
	if (r < 0)
		(void)!sl_out_flush(&none);
	return r < 0 ? r : sl_out_flush(err);
}

const struct sl_cmd sl_cmd_changes = {
	.name = "changes",
	.summary = "what a run changed in its workspace; apply or drop it",
	.usage = "RUN[/JOB] [--apply DIR [--with PATH] | --drop] [--json]",
	.opts = opts,
	.min_args = 1,
	.max_args = 1,
	.is_main = true,
	.run = run,
};
