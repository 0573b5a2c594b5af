/* cmd_cancel.c -- sluice cancel: end a run; itself a request that policy decides. */
#include "base/hex.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/out.h"
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

/* The decision is durable before anything is signalled; a run that ended meanwhile, whose
 * pid may be another's by now, is left alone. */
static int
cancel(struct work *w, struct sl_err *err)
{
	const struct sl_ask q = { .kind = "cancel", .run = &w->i };
	long pid = sl_mark_pid(&w->s.home, w->i.run);
	int r;

	if (pid == 0)
		return SL_ERR(err, NOENT, "that run is not under way");
	if ((r = sl_ask(&w->s, &q, err)) < 0)
		return r;
	if (sl_mark_pid(&w->s.home, w->i.run) == pid && kill((pid_t)pid, SIGTERM) < 0)
		return SL_ERR_SYS(err, -errno, "cannot signal the run's supervisor");
	return 0;
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .s.home.fd = -1 };
	int r;

	sl_arena_init(&w.a, 256 << 20);
	if ((r = sl_session_start(&w.s, err)) == 0 &&
	    (r = sl_session_gate(&w.s, true, err)) == 0 &&
	    (r = sl_ask_run(&w.s, sl_slice_str(args->argv[0]), &w.a, &w.i, err)) == 0)
		r = cancel(&w, err);
	if (r == 0 && sl_arg_is(args, OPT_JSON)) {
		SL_AUTO_OUT o = { 0 };
		struct sl_json *v = sl_out_init(&o);

		(void)sl_json_set(&o.b, v, "run", sl_json_hex(&o.b, w.i.run, 32));
		(void)sl_json_set(&o.b, v, "cancelled", sl_json_bool(&o.b, true));
		r = sl_out_json(&o, v, err);
	} else if (r == 0) {
		char hex[65];

		sl_hex(hex, w.i.run, 32);
		printf("run %.12s is asked to end; what it does then is in its own "
		       "display\n",
		       hex);
		r = sl_out_flush(err);
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
