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
	sl_hex(hex, q->run->run, 32);
	SL_FACT(f, "log", "in_run", sl_term_cstr(hex));
	SL_FACT(f, "log", "run_owner",
		sl_term_str(sl_json_get_str(
		    sl_json_get(q->run->decision.predicate, "sluice"), "requester")));
	return 0;
}

int
sl_ask(struct sl_session *s, const struct sl_ask *q, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_ask arg = *q;
	struct sl_gate_source source = { facts, &arg };
	struct sl_gate_request r = { .kind = q->kind,
				     .sources = &source,
				     .n_sources = 1 };
	struct sl_decision *d = NULL;
	struct sl_json *c;
	int e;

	sl_arena_init(&a, 1 << 20);
	c = sl_context_new(&b, "node", NULL, sl_gate_info(s->gate));
	(void)sl_json_set(&b, c, "kind", sl_json_cstr(&b, q->kind));
	(void)sl_json_set(&b, c, "run", sl_json_hex(&b, q->run->run, 32));
	if (q->job != NULL)
		(void)sl_json_set(&b, c, "job", sl_json_cstr(&b, q->job));
	if (q->target != NULL)
		(void)sl_json_set(&b, c, "target", sl_json_cstr(&b, q->target));
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	r.context = c;
	if ((e = sl_gate_decide(s->gate, &r, &d, err)) < 0 ||
	    (e = sl_gate_sync(s->gate, err)) < 0)
		return e;
	if (!sl_decision_view(d)->is_allowed)
		return SL_ERR(err, DENIED, "policy denies this: %s",
			      sl_decision_view(d)->message);
	return 0;
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
