/* engine_check.c -- see engine_int.h: what expressions of runs-on ask for, as far as it
 * is known before anything runs. */
#include "flow/engine_int.h"

bool
sl_eng_labels_ok(const struct sl_value *v, struct sl_slice *ret_bad)
{
	bool is_own = false, is_foreign;

	if (v->kind == SL_VAL_STR) {
		*ret_bad = v->s;
		return sl_parse_label(v->s, &is_foreign) >= 0;
	}
	if (v->kind == SL_VAL_OBJ) {
		*ret_bad = SL_LIT("group");
		if (sl_val_gets(v, "group") != NULL)
			return false;
		return sl_val_gets(v, "labels") == NULL ||
		       sl_val_gets(v, "labels")->kind == SL_VAL_OBJ ||
		       sl_eng_labels_ok(sl_val_gets(v, "labels"), ret_bad);
	}
	for (size_t i = 0; v->kind == SL_VAL_ARR && i < v->n; i++)
		is_own = is_own || (v->m[i].v->kind == SL_VAL_STR &&
				    sl_parse_label(v->m[i].v->s, &is_foreign) > 0);
	for (size_t i = 0; v->kind == SL_VAL_ARR && i < v->n; i++) {
		if (v->m[i].v->kind != SL_VAL_STR)
			continue;
		*ret_bad = v->m[i].v->s;
		if (sl_parse_label(v->m[i].v->s, &is_foreign) < 0 &&
		    (is_foreign || !is_own))
			return false;
	}
	return true;
}

struct uses {
	struct sl_engine *e;
	bool has_needs;
};

static int
note_needs(void *arg, const struct sl_expr *ex, const struct sl_tok *t,
	   struct sl_err *err)
{
	struct uses *u = arg;
	const struct sl_expr_ref *ref = NULL;
	size_t n = 0;
	int r = sl_expr_refs(ex, &u->e->job_a, &ref, &n, err);

	(void)t;
	for (size_t i = 0; r == 0 && i < n; i++)
		u->has_needs =
		    u->has_needs || sl_val_caseeq(ref[i].context, SL_LIT("needs"));
	return r;
}

static int
check_leg(struct sl_engine *e, const struct sl_job *j, struct sl_value *ctx,
	  const struct sl_value *matrix, bool *ret_go_on, struct sl_err *err)
{
	const struct sl_value *v = NULL;
	struct sl_expr_env x;
	struct sl_yaml_at at;
	struct sl_slice bad;
	int r;

	if (sl_val_set(&e->job_a, ctx, SL_LIT("matrix"), matrix) == NULL)
		return sl_eng_nomem(err);
	sl_eng_expr_env(e, ctx, NULL, &x);
	if ((r = sl_tok_eval(j->runs_on, &x, &e->job_a, &v, &at, err)) < 0)
		return r;
	if (!sl_eng_labels_ok(v, &bad)) {
		sl_diag_put(&e->diags, j->runs_on->at, "F-RUNNER",
			    "steps run in a Linux box: ubuntu-latest, self-hosted",
			    "no sandbox profile for runs-on '%.*s'", SL_ARG(bad));
		*ret_go_on = false;
	}
	return 0;
}

static int
check_job(struct sl_engine *e, const struct sl_job *j, struct sl_err *err)
{
	struct sl_value *ctx = sl_val_obj(&e->job_a, false);
	const struct sl_value *st = NULL, *m;
	struct sl_matrix mx = { 0 };
	struct sl_expr_env x;
	struct sl_yaml_at at;
	bool go_on = true;
	int r;

	if (sl_val_set(&e->job_a, ctx, SL_LIT("github"), e->github) == NULL ||
	    sl_val_set(&e->job_a, ctx, SL_LIT("inputs"), e->inputs) == NULL ||
	    sl_val_set(&e->job_a, ctx, SL_LIT("vars"), e->vars) == NULL)
		return sl_eng_nomem(err);
	sl_eng_expr_env(e, ctx, NULL, &x);
	if ((r = sl_tok_eval(j->strategy, &x, &e->job_a, &st, &at, err)) < 0)
		return r;
	m = sl_val_gets(st, "matrix");
	if (m == NULL || m->kind == SL_VAL_NULL)
		return check_leg(e, j, ctx, sl_val_null(), &go_on, err);
	if ((r = sl_matrix_build(m, SL_MATRIX_MAX, &e->job_a, &mx, NULL, err)) < 0)
		return r;
	for (size_t i = 0; i < mx.n && go_on; i++)
		if ((r = check_leg(e, j, ctx, mx.c[i].values, &go_on, err)) < 0)
			return r;
	return 0;
}

int
sl_eng_runners(struct sl_engine *e, struct sl_err *err)
{
	struct uses u = { e, false };
	int r;

	for (size_t i = 0; i < e->w->n_jobs; i++) {
		const struct sl_job *j = &e->w->job[i];

		u.has_needs = false;
		sl_arena_free(&e->job_a);
		if ((r = sl_tok_exprs(j->runs_on, note_needs, &u, err)) < 0 ||
		    (r = sl_tok_exprs(j->strategy, note_needs, &u, err)) < 0)
			return r;
		if (u.has_needs || j->runs_on == NULL ||
		    (j->runs_on->kind != SL_TOK_EXPR && j->runs_on->kind != SL_TOK_SEQ &&
		     j->runs_on->kind != SL_TOK_MAP))
			continue;
		if (j->runs_on->kind != SL_TOK_EXPR && e->diags.n_refusals > 0)
			continue; /* its literals were looked at when parsing */
		/* what does not evaluate is told when the job is due */
		if ((r = check_job(e, j, err)) == SL_E(NOMEM))
			return r;
		*err = (struct sl_err){ 0 };
	}
	return 0;
}
