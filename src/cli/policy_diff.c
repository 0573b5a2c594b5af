/* policy_diff.c -- sluice policy diff: the log's decisions under another policy. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/out.h"
#include "cli/policy_cmds.h"
#include "cli/session.h"
#include "gate/replay.h"

#include <inttypes.h>
#include <stdio.h>

enum { MEMORY = 256 << 20 };

struct view {
	bool is_json;
	const char *file; /* of the new policy */
};

static void
put_side(const char *what, const struct sl_replay_side *s, const char *file)
{
	printf("  %s %s", what, s->is_allowed ? "allow: " : "deny: ");
	sl_out_text(s->rule.len > 0 ? s->rule : s->message);
	if (s->line > 0)
		printf("   %s:%" PRId64, file, s->line);
	putchar('\n');
	for (size_t k = 0; k < s->n_because; k++) {
		printf("        %s ", k == 0 ? "because of" : "          ");
		sl_out_text(sl_slice_str(s->because[k]));
		putchar('\n');
	}
}

static void
put_side_json(struct sl_jb *b, struct sl_json *o, const char *key,
	      const struct sl_replay_side *s)
{
	struct sl_json *v = sl_json_set(b, o, key, sl_json_obj(b)), *list;

	(void)sl_json_set(b, v, "verdict",
			  sl_json_cstr(b, s->is_allowed ? "allow" : "deny"));
	(void)sl_json_set(b, v, "reason", sl_json_str(b, s->reason));
	(void)sl_json_set(b, v, "message", sl_json_str(b, s->message));
	(void)sl_json_set(b, v, "rule", sl_json_str(b, s->rule));
	(void)sl_json_set(b, v, "line", sl_json_int(b, s->line));
	list = sl_json_set(b, v, "because", sl_json_arr(b));
	for (size_t k = 0; k < s->n_because; k++)
		(void)sl_json_add(b, list, sl_json_cstr(b, s->because[k]));
}

static int
on_flip(void *arg, const struct sl_replay_flip *f, struct sl_err *err)
{
	const struct view *w = arg;
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v;
	char id[65];

	sl_hex(id, f->decision->e.id, 32);
	if (!w->is_json) {
		printf("%s  %.*s of run %.12s, decision %.12s\n",
		       f->now.is_allowed ? "would be allowed" : "would be denied",
		       (int)f->kind.len, (const char *)f->kind.p, (const char *)f->run.p,
		       id);
		put_side("was", &f->was, "policy");
		put_side("now", &f->now, w->file);
		return 0;
	}
	v = sl_out_init(&o);
	(void)sl_json_set(&o.b, v, "decision", sl_json_cstr(&o.b, id));
	(void)sl_json_set(&o.b, v, "run", sl_json_str(&o.b, f->run));
	(void)sl_json_set(&o.b, v, "kind", sl_json_str(&o.b, f->kind));
	put_side_json(&o.b, v, "was", &f->was);
	put_side_json(&o.b, v, "now", &f->now);
	return sl_out_json(&o, v, err);
}

static int
show_end(const struct sl_replay_stats *s, bool is_json, struct sl_err *err)
{
	const struct {
		const char *name;
		uint64_t n;
	} count[] = { { "decisions", s->n_decisions },
		      { "same", s->n_same },
		      { "would_be_allowed", s->n_allowed },
		      { "would_be_denied", s->n_denied },
		      { "erased", s->n_erased },
		      { "failed", s->n_failed } };
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v;

	if (!is_json) {
		printf("%" PRIu64 " decisions: %" PRIu64 " the same, %" PRIu64
		       " would be allowed, %" PRIu64 " would be denied",
		       s->n_decisions, s->n_same, s->n_allowed, s->n_denied);
		if (s->n_erased > 0)
			printf(", %" PRIu64 " cannot be told: erased", s->n_erased);
		if (s->n_failed > 0) {
			printf(", %" PRIu64 " cannot be decided again: ", s->n_failed);
			sl_out_text(sl_slice_str(s->first_failure));
		}
		putchar('\n');
		return sl_out_flush(err);
	}
	v = sl_out_init(&o);
	for (size_t k = 0; k < sizeof(count) / sizeof(count[0]); k++)
		(void)sl_json_set(&o.b, v, count[k].name,
				  sl_json_int(&o.b, (int64_t)count[k].n));
	if (s->n_failed > 0)
		(void)sl_json_set(&o.b, v, "failure",
				  sl_json_cstr(&o.b, s->first_failure));
	return sl_out_json(&o, v, err);
}

int
sl_policy_diff(const struct sl_args *args, struct sl_err *err)
{
	struct view w = { .is_json = sl_arg_is(args, SL_PO_JSON) };
	struct sl_home home = { .fd = -1 };
	struct sl_reader *reader = NULL;
	const struct sl_decls *decls = NULL;
	const struct sl_policy *p = NULL;
	struct sl_replay_stats s;
	SL_AUTO_ARENA a = { 0 };
	int r;

	if (args->argc != 2)
		return SL_ERR(err, USAGE, "usage: sluice policy diff POLICY");
	w.file = args->argv[1];
	sl_arena_init(&a, MEMORY);
	if ((r = sl_policy_own_decls(&a, &decls, err)) == 0 &&
	    (r = sl_policy_from_file(w.file, decls, &a, &p, err)) == 0 &&
	    (r = sl_session_home(&home, err)) == 0 &&
	    (r = sl_reader_open(home.fd, &reader, err)) == 0 &&
	    (r = sl_gate_replay(reader, p, on_flip, &w, &s, err)) == 0)
		r = show_end(&s, w.is_json, err);
	sl_reader_close(reader);
	sl_home_done(&home);
	return r;
}
