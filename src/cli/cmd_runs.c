/* cmd_runs.c -- sluice runs: what ran here, newest first. */
#include "base/hex.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/session.h"
#include "record/read.h"
#include "run/mark.h"

#include <stdio.h>

enum { OPT_ALL, OPT_JSON };
enum { SHOWN = 20 };

static const struct sl_opt opts[] = {
	[OPT_ALL] = { "all", 0, NULL, "all of them, not the last 20", false },
	[OPT_JSON] = { "json", 0, NULL, "one object a line", false },
	{ 0 },
};

struct work {
	struct sl_home home;
	struct sl_reader *reader;
	bool is_json;
	size_t n;
};

/* How the run ended, in a word. */
static int
state_of(struct work *w, const struct sl_run_info *i, struct sl_arena *a,
	 const char **ret, struct sl_err *err)
{
	struct sl_stated s;
	bool has = false;
	int r;

	if (!i->is_allowed) {
		*ret = "denied";
		return 0;
	}
	if ((r = sl_run_outcome(w->reader, i, a, &s, &has, err)) < 0)
		return r;
	if (has && s.is_erased)
		*ret = "erased";
	else if (has)
		*ret = sl_arena_str(
		    a, sl_json_get_str(sl_json_get(s.predicate, "sluice"), "conclusion"));
	else
		*ret = sl_mark_is_live(&w->home, i->run) ? "running" : "interrupted";
	return *ret != NULL ? 0 : SL_ERR(err, NOMEM, "out of memory");
}

/* The flow's path, or the command. */
static struct sl_slice
what_of(struct work *w, const struct sl_run_info *i, struct sl_arena *a)
{
	const struct sl_json *own = sl_json_get(i->decision.predicate, "sluice");
	struct sl_err none = { 0 };
	SL_AUTO_BUF text = { .max = 4096 };
	struct sl_stated c;

	/* The context is the entry just before its decision. */
	if (own == NULL || i->decision.e.index == 0 ||
	    sl_stated_at(w->reader, SL_NODE_TREE, i->decision.e.index - 1, a, &c, &none) <
		0 ||
	    c.predicate == NULL)
		return SL_LIT("?");
	if (sl_json_get(c.predicate, "flow") != NULL)
		return sl_json_get_str(sl_json_get(c.predicate, "flow"), "path");
	SL_JSON_EACH(m, sl_json_get(c.predicate, "command"))
	{
		if (text.len > 0)
			sl_buf_byte(&text, ' ');
		sl_buf_slice(&text, m->s);
	}
	return sl_arena_dup(a, sl_buf_get(&text));
}

static int
show_json(const struct sl_run_info *i, const char *state, struct sl_slice what,
	  const char *when, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v = sl_out_init(&o);

	(void)sl_json_set(&o.b, v, "run", sl_json_hex(&o.b, i->run, 32));
	(void)sl_json_set(&o.b, v, "time", sl_json_cstr(&o.b, when));
	(void)sl_json_set(&o.b, v, "kind", sl_json_cstr(&o.b, i->kind));
	(void)sl_json_set(&o.b, v, "state", sl_json_cstr(&o.b, state));
	(void)sl_json_set(&o.b, v, "what", sl_json_str(&o.b, what));
	(void)sl_json_set(&o.b, v, "decision", sl_json_hex(&o.b, i->decision.e.id, 32));
	(void)sl_json_set(&o.b, v, "entries",
			  sl_json_int(&o.b, i->has_tree ? (int64_t)i->tree.size : 0));
	return sl_out_json(&o, v, err);
}

static int
show(void *arg, const struct sl_run_info *i, struct sl_err *err)
{
	struct work *w = arg;
	SL_AUTO_ARENA a = { 0 };
	const char *state = "?";
	struct sl_slice what;
	char when[32], hex[65];
	int r;

	sl_arena_init(&a, 256 << 20);
	if ((r = state_of(w, i, &a, &state, err)) < 0)
		return r;
	what = what_of(w, i, &a);
	sl_time_text(i->decision.e.time_ms, when);
	w->n++;
	if (w->is_json)
		return show_json(i, state, what, when, err);
	sl_hex(hex, i->run, 32);
	printf("%.12s  %.19s  %-4s  %-11s  ", hex, when, i->kind, state);
	sl_out_text(what.len > 60 ? (struct sl_slice){ what.p, 60 } : what);
	printf("\n");
	return 0;
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .home.fd = -1, .is_json = sl_arg_is(args, OPT_JSON) };
	struct sl_err none = { 0 };
	int r;

	if ((r = sl_session_home(&w.home, err)) < 0)
		return r;
	if ((r = sl_reader_open(w.home.fd, &w.reader, &none)) == SL_E(NOENT))
		r = 0; /* no log yet: no runs */
	else if (r < 0)
		*err = none;
	else
		r = sl_run_each(w.reader, sl_arg_is(args, OPT_ALL) ? SIZE_MAX : SHOWN,
				show, &w, err);
	if (r == 0 && w.n == 0 && !w.is_json)
		printf("nothing has run yet\n");
	sl_reader_close(w.reader);
	sl_home_done(&w.home);
	return r < 0 ? r : sl_out_flush(err);
}

const struct sl_cmd sl_cmd_runs = {
	.name = "runs",
	.summary = "list what ran here, newest first",
	.usage = "[--all] [--json]",
	.opts = opts,
	.run = run,
};
