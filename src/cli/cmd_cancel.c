/* cmd_cancel.c -- sluice cancel: end a run; itself a request that policy decides. */
#include "base/hex.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/session.h"
#include "record/read.h"
#include "run/context.h"
#include "run/mark.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

enum { OPT_JSON };

static const struct sl_opt opts[] = {
	[OPT_JSON] = { "json", 0, NULL, "one object on standard output", false },
	{ 0 },
};

struct work {
	struct sl_session s;
	struct sl_arena a;
	struct sl_run_info i;
};

static int
facts(void *arg, struct sl_policy_facts *f, struct sl_err *err)
{
	struct work *w = arg;
	char hex[65];

	(void)err;
	sl_hex(hex, w->i.run, 32);
	SL_FACT(f, "log", "in_run", sl_term_cstr(hex));
	SL_FACT(f, "log", "run_owner",
		sl_term_str(sl_json_get_str(sl_json_get(w->i.decision.predicate, "sluice"),
					    "requester")));
	return 0;
}

static int
find(struct work *w, const char *hex, struct sl_err *err)
{
	struct sl_reader *reader = NULL;
	int r;

	if ((r = sl_reader_open(w->s.home.fd, &reader, err)) < 0)
		return r;
	r = sl_run_lookup(reader, sl_slice_str(hex), &w->a, &w->i, err);
	sl_reader_close(reader);
	if (r == 0 && w->i.decision.is_erased)
		r = SL_ERR(err, NOENT, "the decision of this run was erased");
	return r;
}

/* Who may cancel is policy; the decision is durable before anything is signalled. */
static int
decide(struct work *w, struct sl_err *err)
{
	struct sl_jb b = { .a = &w->a };
	struct sl_gate_source source = { facts, w };
	struct sl_gate_request q = { .kind = "cancel", .sources = &source, .n_sources = 1 };
	struct sl_decision *d = NULL;
	struct sl_json *c = sl_context_new(&b, "node", NULL, sl_gate_info(w->s.gate));
	int r;

	(void)sl_json_set(&b, c, "kind", sl_json_cstr(&b, "cancel"));
	(void)sl_json_set(&b, c, "run", sl_json_hex(&b, w->i.run, 32));
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	q.context = c;
	if ((r = sl_gate_decide(w->s.gate, &q, &d, err)) < 0 ||
	    (r = sl_gate_sync(w->s.gate, err)) < 0)
		return r;
	if (!sl_decision_view(d)->is_allowed)
		return SL_ERR(err, DENIED, "policy denies this: %s", sl_decision_view(d)->message);
	return 0;
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .s.home.fd = -1 };
	long pid;
	int r;

	sl_arena_init(&w.a, 256 << 20);
	if ((r = sl_session_start(&w.s, err)) == 0 && (r = sl_session_gate(&w.s, true, err)) == 0 &&
	    (r = find(&w, args->argv[0], err)) == 0) {
		pid = sl_mark_pid(&w.s.home, w.i.run);
		if (pid == 0)
			r = SL_ERR(err, NOENT, "that run is not under way");
		else if ((r = decide(&w, err)) == 0 && sl_mark_pid(&w.s.home, w.i.run) == pid &&
			 kill((pid_t)pid, SIGTERM) < 0)
			r = SL_ERR_SYS(err, -errno, "cannot signal the run's supervisor");
	}
	if (r == 0 && sl_arg_is(args, OPT_JSON)) {
		SL_AUTO_OUT o = { 0 };
		struct sl_json *v = sl_out_init(&o);

		(void)sl_json_set(&o.b, v, "run", sl_json_hex(&o.b, w.i.run, 32));
		(void)sl_json_set(&o.b, v, "cancelled", sl_json_bool(&o.b, true));
		r = sl_out_json(&o, v, err);
	}
	sl_session_done(&w.s);
	sl_arena_free(&w.a);
	return r;
}

const struct sl_cmd sl_cmd_cancel = {
	.name = "cancel",
	.summary = "end a run",
	.usage = "RUN [--json]",
	.opts = opts,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
