/* policy_why.c -- sluice policy why-not: what would turn a deny into an allow. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/out.h"
#include "cli/policy_cmds.h"
#include "cli/session.h"
#include "gate/gate.h"

#include <stdio.h>

enum { COULD_MAX = 64, MEMORY = 512 << 20 };

/* What is asked about. */
struct question {
	struct sl_arena a;
	const struct sl_policy *policy;
	struct sl_policy_facts *facts;
	char decision[65]; /* or "" */
	char what[80];     /* "run 7e0b41d2...", "step build/2 of run ..." */
	struct sl_verdict v;
	struct sl_repairs found;
};

/* The first step of the run that was denied, where the run itself was allowed. */
static int
denied_step(struct sl_reader *reader, const struct sl_run_info *i, struct sl_arena *a,
	    struct sl_stated *ret, struct sl_err *err)
{
	for (uint64_t k = 0; i->has_tree && k < i->tree.size; k++) {
		const struct sl_json *own;
		struct sl_log_entry e;
		int r;

		if ((r = sl_reader_entry(reader, i->tree.id, k, &e, err)) < 0)
			return r;
		if (strcmp(e.kind, "decision") != 0)
			continue;
		if ((r = sl_stated_read(reader, &e, a, ret, err)) < 0)
			return r;
		own = sl_json_get(ret->predicate, "sluice");
		if (!ret->is_erased &&
		    sl_slice_eq(sl_json_get_str(own, "verdict"), SL_LIT("deny")))
			return 1;
	}
	return 0;
}

static int
find_decision(struct sl_reader *reader, const char *id, struct question *q,
	      struct sl_stated *ret, struct sl_err *err)
{
	struct sl_run_info i = { 0 };
	char hex[65];
	int r = sl_run_lookup(reader, sl_slice_str(id), &q->a, &i, err);

	if (r < 0)
		return r;
	sl_hex(hex, i.run, 32);
	(void)snprintf(q->what, sizeof(q->what), "run %.12s", hex);
	*ret = i.decision;
	if (ret->is_erased)
		return SL_ERR(err, NOENT, "the text of this decision was erased");
	if (i.is_allowed) {
		if ((r = denied_step(reader, &i, &q->a, ret, err)) < 0)
			return r;
		if (r == 0)
			return SL_ERR(err, USAGE,
				      "run %.12s was allowed, and so was each step", hex);
		(void)snprintf(q->what, sizeof(q->what), "a step of run %.12s", hex);
	}
	sl_hex(q->decision, ret->e.id, 32);
	return 0;
}

/* A blob of the decision in the question's memory. */
static int
take(struct sl_reader *reader, const struct sl_json *own, enum sl_policy_blob which,
     struct question *q, struct sl_slice *ret, struct sl_err *err)
{
	SL_AUTO_BUF blob = { 0 };
	bool is_erased = false;
	int r = sl_policy_blob(reader, own, which, &blob, &is_erased, err);

	if (r < 0)
		return r;
	if (is_erased)
		return SL_ERR(err, NOENT, "what this decision was made from was erased");
	*ret = sl_arena_dup(&q->a, sl_buf_get(&blob));
	return ret->p == NULL ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

static int
from_log(const char *id, struct question *q, struct sl_err *err)
{
	static const struct sl_limits lim = { 1 << 20, 100000, 64 };
	struct sl_home home = { .fd = -1 };
	struct sl_slice facts, policy, text;
	const struct sl_decls *decls = NULL;
	struct sl_reader *reader = NULL;
	const struct sl_json *own;
	struct sl_stated d;
	int r;

	if ((r = sl_session_home(&home, err)) == 0 &&
	    (r = sl_reader_open(home.fd, &reader, err)) == 0 &&
	    (r = find_decision(reader, id, q, &d, err)) == 0) {
		own = sl_json_get(d.predicate, "sluice");
		if ((r = take(reader, own, SL_PB_FACTS, q, &facts, err)) == 0 &&
		    (r = take(reader, own, SL_PB_POLICY, q, &policy, err)) == 0 &&
		    (r = take(reader, own, SL_PB_DECLS, q, &text, err)) == 0 &&
		    (r = sl_decls_parse(text, "decls", &lim, &q->a, &decls, err)) == 0 &&
		    (r = sl_policy_load(policy, "policy", decls, &sl_policy_text_limits,
					&q->a, &q->policy, err)) == 0)
			r = sl_policy_facts_of(facts, &q->a, &q->facts, err);
	}
	sl_reader_close(reader);
	sl_home_done(&home);
	return r;
}

static int
decide(const struct sl_args *args, struct question *q, struct sl_err *err)
{
	struct sl_repair_opts o;
	struct sl_slice could[COULD_MAX];
	size_t n = sl_arg_count(args, SL_PO_COULD);
	int r;

	sl_gate_repair_opts(&o);
	if (n > COULD_MAX)
		return SL_ERR(err, LIMIT, "more than %d --could", COULD_MAX);
	for (size_t i = 0; i < n; i++)
		could[i] = sl_slice_str(sl_arg(args, SL_PO_COULD, i));
	o.add = could;
	o.n_add = n;
	if ((r = sl_policy_decide(q->policy, q->facts, &sl_policy_default_limits, &q->a,
				  &q->v, err)) < 0)
		return r;
	if (q->v.kind == SL_VERDICT_ALLOW)
		return SL_ERR(err, USAGE, "it is allowed: there is nothing to lift");
	return sl_policy_repair(q->policy, q->facts, &o, &q->a, &q->found, err);
}

/* ---- shown ---- */

static void
put_changes(const struct sl_repair *v)
{
	for (size_t k = 0; k < v->n; k++) {
		SL_AUTO_BUF text = { .max = 1 << 16 };

		sl_change_print(&text, v->change[k]);
		printf("%s%s ", k > 0 ? ", and " : "",
		       v->change[k]->is_add ? "state" : "leave out");
		(void)fwrite(text.p, 1, text.len, stdout);
	}
	putchar('\n');
}

static int
show(const struct question *q, struct sl_err *err)
{
	size_t size = q->found.n > 0 ? q->found.v[0].n : 0;

	if (q->what[0] != '\0')
		printf("%s, denied: ", q->what);
	printf("%.*s\n", SL_ARG(q->v.message));
	if (q->found.n == 0)
		printf("%s\n",
		       q->found.is_complete
			   ? "nothing that could be left out or stated would lift it"
			   : "nothing was found that would lift it; not everything was "
			     "looked at");
	else
		printf("what would lift it, %zu change%s each%s\n", size,
		       size == 1 ? "" : "s",
		       q->found.is_complete ? "" : " (there may be more)");
	for (size_t k = 0; k < q->found.n; k++) {
		printf("%4zu. ", k + 1);
		put_changes(&q->found.v[k]);
	}
	return sl_out_flush(err);
}

static int
show_json(const struct question *q, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v = sl_out_init(&o), *found = sl_repairs_json(&o.b, &q->found);

	if (q->decision[0] != '\0')
		(void)sl_json_set(&o.b, v, "decision", sl_json_cstr(&o.b, q->decision));
	(void)sl_json_set(&o.b, v, "reason", sl_json_cstr(&o.b, q->v.reason));
	(void)sl_json_set(&o.b, v, "message", sl_json_str(&o.b, q->v.message));
	(void)sl_json_set(&o.b, v, "complete",
			  sl_json_copy(&o.b, sl_json_get(found, "complete")));
	(void)sl_json_set(&o.b, v, "repairs",
			  sl_json_copy(&o.b, sl_json_get(found, "repairs")));
	return sl_out_json(&o, v, err);
}

/* A file has a dot or a slash in its name; a run's ID has neither. */
static bool
is_file(const char *s)
{
	return strpbrk(s, "./") != NULL;
}

int
sl_policy_why_not(const struct sl_args *args, struct sl_err *err)
{
	struct question q = { 0 };
	int r;

	if (args->argc < 2)
		return SL_ERR(err, USAGE, "usage: sluice policy why-not RUN|FILE");
	sl_arena_init(&q.a, MEMORY);
	if (is_file(args->argv[1])) {
		if ((r = sl_policy_from_file(args->argv[1], NULL, &q.a, &q.policy,
					     err)) == 0 &&
		    (q.facts = sl_policy_facts_new(&q.a)) == NULL)
			r = SL_ERR(err, NOMEM, "out of memory");
	} else {
		r = from_log(args->argv[1], &q, err);
	}
	if (r == 0 && (r = decide(args, &q, err)) == 0)
		r = sl_arg_is(args, SL_PO_JSON) ? show_json(&q, err) : show(&q, err);
	sl_arena_free(&q.a);
	return r;
}
