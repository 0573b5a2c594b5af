/* decide.c -- one request: facts, verdict, decision statement.  See gate.h. */
#include "base/hex.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "gate/int.h"

/* Everything about one request while it is being decided. */
struct work {
	struct sl_gate *g;
	const struct sl_gate_request *q;
	struct sl_decision *d;
	struct sl_arena *tmp;  /* freed after the decision */
	struct sl_arena *keep; /* what the decision consists of */
	struct sl_policy_facts *facts;
	struct sl_verdict v;
	uint8_t nonce[16];
	uint8_t facts_digest[32], proof_digest[32], run_pub[32];
	bool is_key_asked;
	int64_t time_ms;
};

static int
bytes_of(const struct sl_json *v, struct sl_buf *out, struct sl_err *err)
{
	int r = sl_json_cbor(v, out, err);

	return r < 0 ? r : out->is_failed ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

/* The context as a statement, and the names that follow from it. */
static int
name_it(struct work *w, struct sl_err *err)
{
	struct sl_decision_view *v = &w->d->view;
	int r;

	if ((r = sl_context_id(w->q->context, v->context, err)) < 0)
		return r;
	sl_random(w->nonce, sizeof(w->nonce));
	if (w->q->step != NULL) {
		sl_step_id(w->q->step, v->id);
		memcpy(v->run, w->q->step->run, 32);
		return 0;
	}
	sl_run_id(v->context, w->nonce, v->id);
	memcpy(v->run, v->id, 32);
	if (w->q->want == NULL) /* nothing will run: no key to make */
		return 0;
	if ((r = sl_recorder_ask_run_key(w->g->rec, v->run, err)) < 0)
		return r;
	w->is_key_asked = true;
	return 0;
}

/* The run's key, which the recorder made meanwhile. */
static int
take_key(struct work *w, struct sl_err *err)
{
	int r;

	if (!w->is_key_asked)
		return 0;
	if ((r = sl_recorder_take_run_key(w->g->rec, w->run_pub, err)) < 0)
		return r;
	sl_didkey(w->run_pub, w->d->view.run_key);
	return 0;
}

static struct sl_slice
requester(const struct work *w)
{
	return w->q->requester.p != NULL ? w->q->requester
					 : sl_slice_str(w->g->info.node.did);
}

static int
gather(struct work *w, struct sl_err *err)
{
	const struct sl_node_info *n = &w->g->info.node;
	struct sl_gate_facts in = {
		.kind = w->q->kind,
		.requester = requester(w),
		.node = sl_slice_str(n->did),
		.time_s = w->time_ms / 1000,
		.context = w->q->context,
		.want = w->q->want,
		.policy = w->g->info.policy,
		.run = w->q->step != NULL ? w->d->view.run : NULL,
	};
	int r;

	if ((w->facts = sl_policy_facts_new(w->tmp)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for facts");
	sl_gate_facts_add(w->facts, &in);
	for (size_t i = 0; i < w->q->n_sources; i++)
		if ((r = w->q->sources[i].add(w->q->sources[i].arg, w->facts, err)) < 0)
			return r;
	return 0;
}

static int
collect(struct work *w, struct sl_err *err)
{
	struct sl_json *canonical;
	struct sl_jb b = { .a = w->tmp };
	SL_AUTO_BUF out = { .max = SL_BLOB_BYTES };
	int r;

	if ((r = gather(w, err)) < 0 ||
	    (r = sl_policy_facts_json(w->facts, &b, &canonical, err)) < 0 ||
	    (r = bytes_of(canonical, &out, err)) < 0)
		return r;
	w->d->view.n_facts = sl_json_get(canonical, "facts")->n;
	return sl_recorder_blob(w->g->rec, sl_buf_get(&out), w->facts_digest, err);
}

static char *
keep(struct work *w, struct sl_slice s)
{
	return sl_arena_str(w->keep, s);
}

/* The rows of a predicate of strings, arity by arity, in a. */
static int
strings_of(const struct sl_policy_rows *rows, size_t arity, struct sl_arena *a,
	   const struct sl_slice **ret, struct sl_err *err)
{
	struct sl_slice *s = SL_NEW_N(a, struct sl_slice, rows->n * arity + 1);

	if (s == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a decision");
	for (size_t i = 0; i < rows->n * arity; i++)
		if ((s[i] = sl_arena_dup(a, rows->t[i].s)).p == NULL)
			return SL_ERR(err, NOMEM, "out of memory for a decision");
	*ret = s;
	return 0;
}

/* What policy asks of what the run leaves: of the acts that have to do with it alone. */
static int
ask_taint(const struct work *w, struct sl_arena *a, const struct sl_slice **ret,
	  size_t *ret_n, struct sl_err *err)
{
	struct sl_policy_rows rows = { 0 };
	int r;

	*ret_n = 0;
	if (strcmp(w->q->kind, "run") != 0 && strcmp(w->q->kind, "apply") != 0)
		return 0;
	if ((r = sl_policy_query(&w->v, "taint_action", 2, &rows, err)) < 0 ||
	    (r = strings_of(&rows, 2, a, ret, err)) < 0)
		return r;
	*ret_n = rows.n;
	return 0;
}

/* What the verdict says, copied to where decisions live. */
static int
keep_verdict(struct work *w, struct sl_err *err)
{
	struct sl_decision_view *d = &w->d->view;
	struct sl_jb b = { .a = w->keep };
	struct sl_policy_rows rows = { 0 };
	int r;

	d->is_allowed = w->v.kind == SL_VERDICT_ALLOW;
	d->reason = w->v.reason;
	d->message = keep(w, w->v.message);
	d->rule_line = w->v.n_failed > 0 ? w->v.failed[0].line : w->v.line;
	d->rule = keep(w, w->v.n_failed > 0 ? w->v.failed[0].text : w->v.text);
	d->proof = sl_json_copy(&b, w->v.proof);
	if (d->message == NULL || d->rule == NULL || b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for a decision");
	if (!d->is_allowed) {
		struct sl_jb offer = { .a = &w->g->a };

		d->offer = sl_gate_offer(w->g->policy, &w->v, w->facts, &offer);
		return 0;
	}
	if (w->q->outer != NULL && !sl_grant_within(w->q->want, w->q->outer)) {
		d->is_allowed = false;
		d->reason = "outer";
		d->message = SL_GATE_OUTER;
		return 0;
	}
	if ((r = sl_gate_grant(&w->v, w->q->want, w->keep, &d->grant, err)) < 0 ||
	    (r = sl_policy_query(&w->v, "require_complete", 1, &rows, err)) < 0 ||
	    (r = strings_of(&rows, 1, w->keep, &d->require_complete, err)) < 0)
		return r;
	d->n_require_complete = rows.n;
	return ask_taint(w, w->keep, &d->taint_action, &d->n_taint_action, err);
}

static int
evaluate(struct work *w, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = SL_BLOB_BYTES };
	int r;

	if ((r = sl_policy_decide(w->g->policy, w->facts, &sl_policy_default_limits,
				  w->tmp, &w->v, err)) < 0 ||
	    (r = bytes_of(w->v.proof, &out, err)) < 0 ||
	    (r = sl_recorder_blob(w->g->rec, sl_buf_get(&out), w->proof_digest, err)) < 0)
		return r;
	return keep_verdict(w, err);
}

static void
put_step(struct sl_jb *b, struct sl_json *o, const struct sl_step_ref *s)
{
	struct sl_json *e;

	if (s == NULL)
		return;
	e = sl_json_set(b, o, "step", sl_json_obj(b));
	(void)sl_json_set(b, e, "job", sl_json_str(b, s->job));
	(void)sl_json_set(b, e, "leg", sl_json_int(b, s->leg));
	(void)sl_json_set(b, e, "index", sl_json_int(b, s->index));
	(void)sl_json_set(b, e, "attempt", sl_json_int(b, s->attempt));
}

/* Our part of the predicate: everything that derives the verdict again. */
static struct sl_json *
own_part(struct work *w, struct sl_jb *b)
{
	const struct sl_decision_view *d = &w->d->view;
	struct sl_json *o = sl_json_obj(b), *rule, *list;

	(void)sl_json_set(b, o, "v", sl_json_int(b, 1));
	(void)sl_json_set(b, o, "kind", sl_json_cstr(b, w->q->kind));
	(void)sl_json_set(b, o, "requester", sl_json_str(b, requester(w)));
	(void)sl_json_set(b, o, "id", sl_json_hex(b, d->id, 32));
	(void)sl_json_set(b, o, "run", sl_json_hex(b, d->run, 32));
	(void)sl_json_set(b, o, "context", sl_json_hex(b, d->context, 32));
	if (w->q->step == NULL)
		(void)sl_json_set(b, o, "nonce", sl_json_hex(b, w->nonce, 16));
	put_step(b, o, w->q->step);
	if (w->q->act != NULL)
		(void)sl_json_set(b, o, "act", sl_json_hex(b, w->q->act, 32));
	(void)sl_json_set(b, o, "time", sl_json_int(b, w->time_ms / 1000));
	(void)sl_json_set(b, o, "verdict",
			  sl_json_cstr(b, d->is_allowed ? "allow" : "deny"));
	(void)sl_json_set(b, o, "reason", sl_json_cstr(b, d->reason));
	(void)sl_json_set(b, o, "message", sl_json_cstr(b, d->message));
	rule = sl_json_set(b, o, "rule", sl_json_obj(b));
	(void)sl_json_set(b, rule, "text", sl_json_cstr(b, d->rule));
	(void)sl_json_set(b, rule, "line", sl_json_int(b, (int64_t)d->rule_line));
	if (w->q->want != NULL)
		(void)sl_json_set(b, o, "wants", sl_grant_json(b, w->q->want));
	if (d->grant != NULL)
		(void)sl_json_set(b, o, "grant", sl_grant_json(b, d->grant));
	(void)sl_json_set(b, o, "facts", sl_json_hex(b, w->facts_digest, 32));
	(void)sl_json_set(b, o, "policy", sl_json_hex(b, w->g->info.policy, 32));
	(void)sl_json_set(b, o, "decls", sl_json_hex(b, w->g->decls_digest, 32));
	(void)sl_json_set(b, o, "proof", sl_json_hex(b, w->proof_digest, 32));
	(void)sl_json_set(b, o, "fuel", sl_json_int(b, (int64_t)w->v.fuel));
	(void)sl_json_set(b, o, "fuel_version", sl_json_int(b, w->v.fuel_version));
	if (d->run_key[0] != '\0')
		(void)sl_json_set(b, o, "run_key", sl_json_cstr(b, d->run_key));
	list = sl_json_set(b, o, "require_complete", sl_json_arr(b));
	for (size_t i = 0; i < d->n_require_complete; i++)
		(void)sl_json_add(b, list, sl_json_str(b, d->require_complete[i]));
	return o;
}

static void
put_ref(struct sl_jb *b, struct sl_json *o, const char *what, const uint8_t digest[32])
{
	struct sl_json *e;
	char hex[65], *uri;

	sl_hex(hex, digest, 32);
	uri = sl_arena_printf(b->a, "urn:sluice:%s:%s", what, hex);
	(void)sl_json_set(b, o, "uri", uri != NULL ? sl_json_cstr(b, uri) : NULL);
	e = sl_json_set(b, o, "digest", sl_json_obj(b));
	(void)sl_json_set(b, e, "sha256", sl_json_hex(b, digest, 32));
}

static struct sl_json *
predicate(struct work *w, struct sl_jb *b)
{
	const struct sl_decision_view *d = &w->d->view;
	struct sl_json *o = sl_json_obj(b), *e;
	char hex[65], when[32], *uri;

	e = sl_json_set(b, o, "verifier", sl_json_obj(b));
	(void)sl_json_set(b, e, "id", sl_json_cstr(b, w->g->info.node.did));
	sl_time_text(w->time_ms, when);
	(void)sl_json_set(b, o, "timeVerified", sl_json_cstr(b, when));
	sl_hex(hex, d->id, 32);
	uri = sl_arena_printf(b->a, "urn:sluice:%s:%s",
			      w->q->step != NULL ? "step" : "run", hex);
	(void)sl_json_set(b, o, "resourceUri", uri != NULL ? sl_json_cstr(b, uri) : NULL);
	put_ref(b, sl_json_set(b, o, "policy", sl_json_obj(b)), "policy",
		w->g->info.policy);
	e = sl_json_set(b, o, "inputAttestations", sl_json_arr(b));
	put_ref(b, sl_json_add(b, e, sl_json_obj(b)), "context", d->context);
	(void)sl_json_set(b, o, "verificationResult",
			  sl_json_cstr(b, d->is_allowed ? "PASSED" : "FAILED"));
	(void)sl_json_set(b, o, "verifiedLevels", sl_json_arr(b));
	(void)sl_json_set(b, o, "slsaVersion", sl_json_cstr(b, "1.0"));
	(void)sl_json_set(b, o, "sluice", own_part(w, b));
	return o;
}

static int
queue(struct work *w, enum sl_statement s, const uint8_t subject[32],
      struct sl_json *pred, struct sl_gate_item item, struct sl_err *err)
{
	const struct sl_statement_row *row = sl_statement_row(s);
	struct sl_jb b = { .a = w->tmp };
	SL_AUTO_BUF out = { .max = SL_BLOB_BYTES };
	char hex[65], *sub;
	struct sl_stmt st;
	int r;

	sl_hex(hex, w->d->view.run, 32);
	if ((sub = sl_arena_printf(w->tmp, "run:%s", hex)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_statement_write(&b, s, s == SL_STMT_CONTEXT ? "context" : sub,
				    subject, pred, &out, err)) < 0)
		return r;
	st = (struct sl_stmt){
		.tree = w->q->step != NULL ? SL_TREE_RUN : SL_TREE_NODE,
		.kind = row->kind,
		.sub = sl_slice_str(sub),
		.payload = sl_buf_get(&out),
		.is_envelope = row->is_envelope,
		.run = w->q->step != NULL ? w->d->view.run : NULL,
	};
	return sl_gate_queue(w->g, &st, item, err);
}

/* The clock as a fact never goes back behind the log. */
static int64_t
now_ms(const struct sl_gate *g)
{
	int64_t now = sl_time_now_ms();

	return now > g->info.node.time_ms ? now : g->info.node.time_ms;
}

static int
decide(struct work *w, struct sl_err *err)
{
	/* One that is not kept cannot be filled in later. */
	struct sl_gate_item of_decision = { 0 };
	struct sl_jb b = { .a = w->tmp };
	struct sl_json *pred, *context;
	struct sl_err unused = { 0 };
	int r, e;

	if (w->keep == &w->g->a)
		of_decision = (struct sl_gate_item){ &w->d->view.entry, w->d };
	w->time_ms = now_ms(w->g);
	w->g->info.node.time_ms =
	    w->time_ms; /* never back, whatever the wall clock does */
	if ((r = name_it(w, err)) < 0)
		return r;
	if ((r = collect(w, err)) == 0)
		r = evaluate(w, err);
	/* Taken whatever came of it: the answer is on its way. */
	if ((e = take_key(w, r < 0 ? &unused : err)) < 0 && r == 0)
		r = e;
	if (r < 0)
		return r;
	/* Made first: a context that was queued without its decision would stay so. */
	pred = predicate(w, &b);
	context = sl_json_copy(&b, w->q->context);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for a decision");
	if ((r = queue(w, SL_STMT_CONTEXT, w->d->view.context, context,
		       (struct sl_gate_item){ 0 }, err)) < 0)
		return r;
	return queue(w, SL_STMT_DECISION, w->d->view.id, pred, of_decision, err);
}

int
sl_gate_decide(struct sl_gate *g, const struct sl_gate_request *q,
	       struct sl_decision **ret, struct sl_err *err)
{
	SL_AUTO_ARENA tmp = { 0 };
	struct work w = { .g = g, .q = q, .tmp = &tmp, .keep = &g->a };
	int r;

	sl_arena_init(&tmp, SL_DECIDE_MEMORY);
	if ((w.d = SL_NEW(&g->a, struct sl_decision)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a decision");
	w.d->view.kind = q->kind;
	w.d->view.reason = w.d->view.message = w.d->view.rule = "";
	if (q->act != NULL)
		memcpy(w.d->act, q->act, 32);
	if ((r = decide(&w, err)) < 0)
		return sl_err_ctx(err, "cannot decide the request '%s'", q->kind), r;
	*ret = w.d;
	return 0;
}

/* Decides without a record. */
static int
foresee(struct work *w, const struct sl_policy *p, struct sl_err *err)
{
	int r;

	w->time_ms = now_ms(w->g);
	if ((w->d = SL_NEW(w->tmp, struct sl_decision)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a decision");
	if ((r = gather(w, err)) < 0)
		return r;
	return sl_policy_decide(p, w->facts, &sl_policy_default_limits, w->tmp, &w->v,
				err);
}

int
sl_gate_foresee_taint(struct sl_gate *g, const struct sl_gate_request *q,
		      struct sl_arena *a, const struct sl_slice **ret, size_t *ret_n,
		      struct sl_err *err)
{
	SL_AUTO_ARENA tmp = { 0 };
	struct work w = { .g = g, .q = q, .tmp = &tmp };
	int r;

	sl_arena_init(&tmp, SL_DECIDE_MEMORY);
	if ((r = foresee(&w, g->policy, err)) < 0)
		return r;
	return ask_taint(&w, a, ret, ret_n, err);
}

int
sl_gate_would_allow(struct sl_gate *g, const struct sl_policy *p,
		    const struct sl_gate_request *q, bool *ret, struct sl_err *err)
{
	SL_AUTO_ARENA tmp = { 0 };
	struct work w = { .g = g, .q = q, .tmp = &tmp };
	int r;

	sl_arena_init(&tmp, SL_DECIDE_MEMORY);
	if ((r = foresee(&w, p, err)) < 0)
		return r;
	*ret = w.v.kind == SL_VERDICT_ALLOW;
	return 0;
}

int
sl_gate_foresee(struct sl_gate *g, const struct sl_gate_request *q,
		struct sl_gate_foreseen *ret, struct sl_err *err)
{
	SL_AUTO_ARENA tmp = { 0 };
	struct work w = { .g = g, .q = q, .tmp = &tmp };
	int r;

	sl_arena_init(&tmp, SL_DECIDE_MEMORY);
	if ((r = foresee(&w, g->policy, err)) < 0)
		return r;
	ret->is_allowed = w.v.kind == SL_VERDICT_ALLOW;
	ret->line = w.v.n_failed > 0 ? w.v.failed[0].line : w.v.line;
	(void)snprintf(ret->message, sizeof(ret->message), "%.*s", SL_ARG(w.v.message));
	return 0;
}

int
sl_gate_decide_unkept(struct sl_gate *g, const struct sl_gate_request *q,
		      bool *ret_allowed, struct sl_err *err)
{
	SL_AUTO_ARENA tmp = { 0 };
	struct work w = { .g = g, .q = q, .tmp = &tmp, .keep = &tmp };
	int r;

	sl_arena_init(&tmp, SL_DECIDE_MEMORY);
	if ((w.d = SL_NEW(&tmp, struct sl_decision)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a decision");
	w.d->view.kind = q->kind;
	w.d->view.reason = w.d->view.message = w.d->view.rule = "";
	if ((r = decide(&w, err)) < 0)
		return sl_err_ctx(err, "cannot decide the request '%s'", q->kind), r;
	*ret_allowed = w.d->view.is_allowed;
	return 0;
}
