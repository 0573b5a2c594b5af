/* ask.c -- see ask.h. */
#include "cli/ask.h"

#include "base/hex.h"
#include "run/context.h"

static int
facts(void *arg, struct sl_policy_facts *f, struct sl_err *err)
{
	const struct sl_ask *q = arg;
	char hex[65];

	(void)err;
	if (q->run == NULL)
		return 0;
	sl_taint_facts(f, q->changes, q->n_changes);
	sl_hex(hex, q->run->run, 32);
	SL_FACT(f, "log", "in_run", sl_term_cstr(hex));
	SL_FACT(f, "log", "run_owner",
		sl_term_str(sl_json_get_str(
		    sl_json_get(q->run->decision.predicate, "sluice"), "requester")));
	return 0;
}

static struct sl_json *
context(const struct sl_session *s, struct sl_jb *b, const struct sl_ask *q)
{
	struct sl_json *c = sl_context_new(b, "node", NULL, sl_gate_info(s->gate));

	(void)sl_json_set(b, c, "kind", sl_json_cstr(b, q->kind));
	if (q->run != NULL)
		(void)sl_json_set(b, c, "run", sl_json_hex(b, q->run->run, 32));
	if (q->job != NULL)
		(void)sl_json_set(b, c, "job", sl_json_cstr(b, q->job));
	if (q->target != NULL)
		(void)sl_json_set(b, c, "target", sl_json_cstr(b, q->target));
	return c;
}

static int
ask(struct sl_session *s, const struct sl_ask *q, const struct sl_decision_view **ret,
    struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_ask arg = *q;
	struct sl_gate_source source = { facts, &arg };
	struct sl_gate_request r = { .kind = q->kind,
				     .sources = &source,
				     .n_sources = 1 };
	struct sl_decision *d = NULL;
	int e;

	sl_arena_init(&a, 1 << 20);
	r.context = context(s, &b, q);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((e = sl_gate_decide(s->gate, &r, &d, err)) < 0 ||
	    (e = sl_gate_sync(s->gate, err)) < 0)
		return e;
	*ret = sl_decision_view(d);
	return (*ret)->is_allowed
		   ? 0
		   : SL_ERR(err, DENIED, "policy denies this: %s", (*ret)->message);
}

int
sl_ask(struct sl_session *s, const struct sl_ask *q, struct sl_err *err)
{
	const struct sl_decision_view *v = NULL;

	return ask(s, q, &v, err);
}

int
sl_ask_apply(struct sl_session *s, const struct sl_ask *q, struct sl_arena *a,
	     struct sl_taint_rules *ret, struct sl_err *err)
{
	const struct sl_decision_view *v = NULL;
	int r = ask(s, q, &v, err);

	return r < 0 ? r
		     : sl_taint_rules(v->taint_action, v->n_taint_action, a, ret, err);
}

int
sl_ask_foresee(struct sl_session *s, const struct sl_ask *q, struct sl_arena *a,
	       struct sl_taint_rules *ret, struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_ask arg = *q;
	struct sl_gate_source source = { facts, &arg };
	struct sl_gate_request r = { .kind = q->kind,
				     .context = context(s, &b, q),
				     .sources = &source,
				     .n_sources = 1 };
	const struct sl_slice *pair = NULL;
	size_t n = 0;
	int e;

	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((e = sl_gate_foresee_taint(s->gate, &r, a, &pair, &n, err)) < 0)
		return e;
	return sl_taint_rules(pair, n, a, ret, err);
}

int
sl_ask_run(struct sl_session *s, struct sl_slice hex, struct sl_arena *a,
	   struct sl_run_info *ret, struct sl_err *err)
{
	struct sl_reader *reader = NULL;
	int r;

	if ((r = sl_reader_open(s->home.fd, &reader, err)) < 0)
		return r;
	r = sl_run_lookup(reader, hex, a, ret, err);
	sl_reader_close(reader);
	if (r == 0 && ret->decision.is_erased)
		r = SL_ERR(err, NOENT, "the decision of this run was erased");
	return r;
}
