/* rederive.c -- a stranger's view of a decision: derive it again and compare.
 *
 * What is checked: the context's name, the run's or step's ID, that every fact with
 * source "gate" is what the request says and none is missing, the fact set's digest,
 * verdict, rule, message, fuel and proof byte by byte, the grant and the classes to
 * be recorded that follow; and that the proof stands, without evaluating. */
#include "base/hex.h"
#include "crypto/sha256.h"
#include "gate/int.h"

struct redo {
	const struct sl_rederive_in *in;
	const struct sl_json *own; /* predicate.sluice */
	struct sl_arena *a;
	struct sl_policy_facts *facts;
	const struct sl_grant *want;
	const struct sl_policy *policy;
	struct sl_verdict v;
};

static const struct sl_limits blob_limits = { SL_BLOB_BYTES, 4000000, 64 };

static int
hex_of(const struct sl_json *o, const char *key, uint8_t *ret, size_t n,
       struct sl_err *err)
{
	if (!sl_unhex(ret, n, sl_json_get_str(o, key)))
		return SL_ERR(err, VERIFY, "decision: '%s' is not %zu bytes in hex", key,
			      n);
	return 0;
}

static int
same_digest(struct redo *x, const char *key, struct sl_slice bytes, struct sl_err *err)
{
	uint8_t want[32], got[32];
	int r;

	if ((r = hex_of(x->own, key, want, 32, err)) < 0)
		return r;
	sl_sha256(bytes, got);
	if (memcmp(want, got, 32) != 0)
		return SL_ERR(err, VERIFY, "decision: %s is not the one that it names",
			      key);
	return 0;
}

/* A number of a step's name; the schema bounds it, a caller without one may not have. */
static uint32_t
u32_of(const struct sl_json *o, const char *key)
{
	return (uint32_t)sl_json_get_int(o, key);
}

int
sl_decision_ids(const struct sl_json *statement, const struct sl_json *context,
		struct sl_err *err)
{
	const struct sl_json *own =
	    sl_json_get(sl_json_get(statement, "predicate"), "sluice");
	const struct sl_json *step = sl_json_get(own, "step");
	uint8_t ctx[32], said[32], id[32], run[32], nonce[16];
	struct sl_step_ref ref = { .run = run };
	int r;

	if ((r = hex_of(own, "context", said, 32, err)) < 0 ||
	    (r = hex_of(own, "run", run, 32, err)) < 0 ||
	    (context != NULL && (r = sl_context_id(context, ctx, err)) < 0))
		return r;
	if (context != NULL && memcmp(ctx, said, 32) != 0)
		return SL_ERR(err, VERIFY,
			      "decision: the context is not the one that it names");
	if (step != NULL) {
		ref.job = sl_json_get_str(step, "job");
		ref.leg = u32_of(step, "leg");
		ref.index = u32_of(step, "index");
		ref.attempt = u32_of(step, "attempt");
		sl_step_id(&ref, id);
	} else {
		if ((r = hex_of(own, "nonce", nonce, 16, err)) < 0)
			return r;
		sl_run_id(said, nonce, id);
	}
	if ((r = hex_of(own, "id", said, 32, err)) < 0)
		return r;
	if (memcmp(id, said, 32) != 0 || (step == NULL && memcmp(id, run, 32) != 0))
		return SL_ERR(err, VERIFY,
			      "decision: its ID does not follow from its context");
	return 0;
}

static bool
is_of_gate(const struct sl_json *fact)
{
	const struct sl_json *source = fact->child ? fact->child->next : NULL;

	source = source != NULL ? source->next : NULL;
	return source != NULL && sl_slice_eq(source->s, SL_LIT("gate"));
}

/* The facts of the gate in a canonical set, in their order, from one on. */
static const struct sl_json *
next_of_gate(const struct sl_json *fact)
{
	while (fact != NULL && !is_of_gate(fact))
		fact = fact->next;
	return fact;
}

/* The stored set's gate facts are exactly those that the request gives. */
static int
check_gate_facts(struct redo *x, const struct sl_json *stored, struct sl_err *err)
{
	struct sl_policy_facts *mine = sl_policy_facts_new(x->a);
	struct sl_json *canonical = NULL;
	struct sl_jb b = { .a = x->a };
	uint8_t policy[32], run[32];
	struct sl_gate_facts in = { .policy = policy,
				    .want = x->want,
				    .context = x->in->context };
	const struct sl_json *p, *q;
	int r;

	if (mine == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = hex_of(x->own, "policy", policy, 32, err)) < 0 ||
	    (r = hex_of(x->own, "run", run, 32, err)) < 0)
		return r;
	in.kind = sl_arena_str(x->a, sl_json_get_str(x->own, "kind"));
	in.requester = sl_json_get_str(x->own, "requester");
	in.node = sl_json_get_str(
	    sl_json_get(sl_json_get(x->in->statement, "predicate"), "verifier"), "id");
	in.time_s = sl_json_get_int(x->own, "time");
	in.run = sl_json_get(x->own, "step") != NULL ? run : NULL;
	if (in.kind == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	sl_gate_facts_add(mine, &in);
	if ((r = sl_policy_facts_json(mine, &b, &canonical, err)) < 0)
		return r;
	p = next_of_gate(sl_json_get(stored, "facts")->child);
	q = next_of_gate(sl_json_get(canonical, "facts")->child);
	while (p != NULL && q != NULL && sl_json_eq(p, q)) {
		p = next_of_gate(p->next);
		q = next_of_gate(q->next);
	}
	if (p != NULL || q != NULL)
		return SL_ERR(err, VERIFY,
			      "decision: its facts are not those of its request");
	return 0;
}

static int
load_inputs(struct redo *x, struct sl_err *err)
{
	static const struct sl_limits text = { 1 << 20, 200000, 64 };
	const struct sl_json *wants = sl_json_get(x->own, "wants");
	const struct sl_decls *decls = NULL;
	struct sl_json *stored = NULL;
	int r;

	if (wants != NULL && (r = sl_grant_parse(wants, x->a, &x->want, err)) < 0)
		return r;
	if ((r = same_digest(x, "facts", x->in->facts, err)) < 0 ||
	    (r = same_digest(x, "policy", x->in->policy, err)) < 0 ||
	    (r = same_digest(x, "decls", x->in->decls, err)) < 0 ||
	    (r = same_digest(x, "proof", x->in->proof, err)) < 0 ||
	    (r = sl_json_uncbor(x->in->facts, &blob_limits, x->a, &stored, err)) < 0 ||
	    (r = sl_policy_facts_from_json(stored, x->a, &x->facts, err)) < 0 ||
	    (r = check_gate_facts(x, stored, err)) < 0 ||
	    (r = sl_decls_parse(x->in->decls, "decls", &text, x->a, &decls, err)) < 0)
		return r;
	return sl_policy_load(x->in->policy, "policy", decls, &sl_policy_text_limits,
			      x->a, &x->policy, err);
}

/* A second opinion, of other code than that which decides: the stored proof stands. */
static int
check_proof(struct redo *x, bool *ret_is_shown, struct sl_err *err)
{
	struct sl_json *proof = NULL;
	int r;

	if ((r = sl_json_uncbor(x->in->proof, &blob_limits, x->a, &proof, err)) < 0)
		return r;
	return sl_policy_check_proof(x->policy, x->facts, proof, ret_is_shown, err);
}

/* The grant that was given is the one that the verdict gives. */
static int
check_grant(struct redo *x, struct sl_err *err)
{
	const struct sl_json *said = sl_json_get(x->own, "grant");
	const struct sl_grant *g = NULL;
	struct sl_jb b = { .a = x->a };
	int r;

	if ((r = sl_gate_grant(&x->v, x->want, x->a, &g, err)) < 0)
		return r;
	if ((g == NULL) != (said == NULL) ||
	    (g != NULL && !sl_json_eq(sl_grant_json(&b, g), said)))
		return SL_ERR(err, VERIFY,
			      "decision: the grant does not follow from the verdict");
	return 0;
}

/* What people read: which line decided, and why. */
static int
check_rule(struct redo *x, bool is_outer, struct sl_err *err)
{
	const struct sl_json *rule = sl_json_get(x->own, "rule");
	const struct sl_verdict *v = &x->v;
	struct sl_slice text = v->n_failed > 0 ? v->failed[0].text : v->text;
	size_t line = v->n_failed > 0 ? v->failed[0].line : v->line;

	if (!sl_slice_eq(sl_json_get_str(rule, "text"), text) ||
	    sl_json_get_int(rule, "line") != (int64_t)line)
		return SL_ERR(err, VERIFY,
			      "decision: its rule is not the one that decided");
	if (!sl_slice_eq(sl_json_get_str(x->own, "message"),
			 is_outer ? sl_slice_str(SL_GATE_OUTER) : v->message))
		return SL_ERR(err, VERIFY, "decision: its message is another");
	return 0;
}

/* The classes whose complete record policy requires. */
static int
check_required(struct redo *x, struct sl_err *err)
{
	const struct sl_json *said = sl_json_get(x->own, "require_complete");
	const struct sl_json *one = sl_json_first(said);
	struct sl_policy_rows rows = { 0 };
	bool is_same;
	int r;

	if ((r = sl_policy_query(&x->v, "require_complete", 1, &rows, err)) < 0)
		return r;
	is_same = said != NULL && said->n == rows.n;
	for (size_t i = 0; is_same && i < rows.n; i++, one = one->next)
		is_same = one->kind == SL_JSON_STR && sl_slice_eq(one->s, rows.t[i].s);
	return is_same ? 0
		       : SL_ERR(err, VERIFY,
				"decision: policy requires the record of other classes");
}

static int
check_verdict(struct redo *x, struct sl_err *err)
{
	struct sl_slice said = sl_json_get_str(x->own, "verdict"),
			reason = sl_json_get_str(x->own, "reason");
	bool is_allow = x->v.kind == SL_VERDICT_ALLOW;
	bool is_outer = is_allow && sl_slice_eq(reason, SL_LIT("outer")) &&
			sl_json_get(x->own, "step") != NULL;
	SL_AUTO_BUF proof = { .max = SL_BLOB_BYTES };
	int r;

	if (!sl_slice_eq(said,
			 is_allow && !is_outer ? SL_LIT("allow") : SL_LIT("deny")) ||
	    (!is_outer && !sl_slice_eq(reason, sl_slice_str(x->v.reason))))
		return SL_ERR(err, VERIFY,
			      "decision: derived again it is '%s' (%s), not '%.*s'",
			      is_allow ? "allow" : "deny", x->v.reason, SL_ARG(said));
	if (sl_json_get_int(x->own, "fuel") != (int64_t)x->v.fuel ||
	    sl_json_get_int(x->own, "fuel_version") != (int64_t)x->v.fuel_version)
		return SL_ERR(err, VERIFY, "decision: derived again it takes other fuel");
	if ((r = sl_json_cbor(x->v.proof, &proof, err)) < 0)
		return r;
	if (!sl_slice_eq(sl_buf_get(&proof), x->in->proof))
		return SL_ERR(err, VERIFY,
			      "decision: derived again it has another proof");
	if ((r = check_rule(x, is_outer, err)) < 0)
		return r;
	if (!is_allow || is_outer)
		return 0;
	return (r = check_grant(x, err)) < 0 ? r : check_required(x, err);
}

int
sl_decision_rederive(const struct sl_rederive_in *in, bool *ret_is_shown,
		     struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct redo x = { .in = in, .a = &a };
	int r;

	sl_arena_init(&a, 2 * (size_t)SL_DECIDE_MEMORY);
	x.own = sl_json_get(sl_json_get(in->statement, "predicate"), "sluice");
	if (x.own == NULL)
		return SL_ERR(err, VERIFY, "decision: not a decision of sluice");
	if ((r = sl_decision_ids(in->statement, in->context, err)) < 0 ||
	    (r = load_inputs(&x, err)) < 0 ||
	    (r = sl_policy_decide(x.policy, x.facts, &sl_policy_default_limits, &a, &x.v,
				  err)) < 0 ||
	    (r = check_verdict(&x, err)) < 0)
		return r;
	return check_proof(&x, ret_is_shown, err);
}
