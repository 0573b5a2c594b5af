/* parse_graph.c -- see workflow.h: needs, and references to what is not there. */
#include "base/near.h"
#include "flow/workflow.h"

static int
nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "out of memory");
}

static size_t
find_job(const struct sl_workflow *w, struct sl_slice id)
{
	size_t i = 0;

	while (i < w->n_jobs && !sl_val_caseeq(w->job[i].id, id))
		i++;
	return i;
}

static const char *
near_job(struct sl_flow_parser *p, const struct sl_workflow *w, struct sl_slice id)
{
	struct sl_slice names[64], near;
	size_t n = 0;

	for (; n < w->n_jobs && n < 64; n++)
		names[n] = w->job[n].id;
	near = sl_near(id, names, n);
	return near.len > 0 ? sl_arena_printf(p->a, "did you mean '%.*s'?", SL_ARG(near))
			    : NULL;
}

static int
parse_needs(struct sl_flow_parser *p, const struct sl_workflow *w, struct sl_job *j,
	    struct sl_err *err)
{
	const struct sl_tok *t = sl_tok_get(j->tok, "needs"), *first;
	size_t *needs, n = 0;

	if (t == NULL)
		return 0;
	first = t->kind == SL_TOK_SEQ ? t->child : t;
	if ((needs = SL_NEW_N(p->a, size_t, t->n + 1)) == NULL)
		return nomem(err);
	for (const struct sl_tok *m = first; m != NULL;
	     m = t->kind == SL_TOK_SEQ ? m->next : NULL) {
		size_t k = find_job(w, sl_tok_str(m));

		if (m->kind != SL_TOK_STR)
			continue;
		if (k == w->n_jobs)
			sl_diag_put(p->l, m->at, NULL, near_job(p, w, sl_tok_str(m)),
				    "Job '%.*s' depends on unknown job '%.*s'.",
				    SL_ARG(j->id), SL_ARG(sl_tok_str(m)));
		else
			needs[n++] = k;
	}
	j->needs = needs;
	j->n_needs = n;
	return 0;
}

static bool
needs_job(const struct sl_job *j, size_t k)
{
	for (size_t i = 0; i < j->n_needs; i++)
		if (j->needs[i] == k)
			return true;
	return false;
}

/* The needs of one job that are left as well. */
static void
report_cycle(struct sl_flow_parser *p, const struct sl_workflow *w,
	     const struct sl_job *job, const bool *is_left)
{
	const struct sl_tok *t = sl_tok_get(job->tok, "needs"), *m;

	for (m = t->kind == SL_TOK_SEQ ? t->child : t; m != NULL;
	     m = t->kind == SL_TOK_SEQ ? m->next : NULL) {
		size_t k = find_job(w, sl_tok_str(m));

		if (k < w->n_jobs && is_left[k])
			sl_diag_put(p->l, m->at, NULL, NULL,
				    "Job '%.*s' depends on job '%.*s' which creates a "
				    "cycle in the dependency graph.",
				    SL_ARG(job->id), SL_ARG(w->job[k].id));
	}
}

/* Jobs that are left when everything that can run has run lie on a cycle or behind one;
 * those that nobody left needs are taken off, so that cycles and what joins them stay. */
static int
report_cycles(struct sl_flow_parser *p, const struct sl_workflow *w, bool *is_left,
	      struct sl_err *err)
{
	size_t *n_needed = SL_NEW_N(p->a, size_t, w->n_jobs);

	if (n_needed == NULL)
		return nomem(err);
	for (size_t i = 0; i < w->n_jobs; i++)
		for (size_t k = 0; is_left[i] && k < w->job[i].n_needs; k++)
			n_needed[w->job[i].needs[k]]++;
	for (size_t i = 0; i < w->n_jobs; i++) {
		if (!is_left[i] || n_needed[i] > 0)
			continue;
		is_left[i] = false;
		for (size_t k = 0; k < w->job[i].n_needs; k++)
			n_needed[w->job[i].needs[k]]--;
		i = SIZE_MAX; /* begin again: at most n_jobs times */
	}
	for (size_t i = 0; i < w->n_jobs; i++)
		if (is_left[i])
			report_cycle(p, w, &w->job[i], is_left);
	return 0;
}

static bool
is_ready(const struct sl_job *j, const bool *is_left)
{
	for (size_t i = 0; i < j->n_needs; i++)
		if (is_left[j->needs[i]])
			return false;
	return true;
}

int
sl_parse_graph(struct sl_flow_parser *p, struct sl_workflow *w, struct sl_job *job,
	       struct sl_err *err)
{
	size_t *order = SL_NEW_N(p->a, size_t, w->n_jobs), n = 0, i;
	bool *is_left = SL_NEW_N(p->a, bool, w->n_jobs), has_root = false;
	const struct sl_tok *needs;
	int r;

	if (order == NULL || is_left == NULL)
		return nomem(err);
	for (i = 0; i < w->n_jobs; i++) {
		is_left[i] = true;
		if ((r = parse_needs(p, w, &job[i], err)) < 0)
			return r;
		needs = sl_tok_get(job[i].tok, "needs");
		has_root = has_root || needs == NULL ||
			   (needs->kind == SL_TOK_SEQ && needs->n == 0);
	}
	if (!has_root) {
		const struct sl_tok *jobs = sl_tok_get(w->root, "jobs");

		sl_diag_put(
		    p->l, jobs->at, NULL, NULL,
		    "The workflow must contain at least one job with no dependencies.");
	}
	while (n < w->n_jobs) {
		for (i = 0; i < w->n_jobs && !(is_left[i] && is_ready(&job[i], is_left));
		     i++)
			;
		if (i == w->n_jobs)
			break;
		is_left[i] = false;
		order[n++] = i;
	}
	w->order = order;
	return n < w->n_jobs ? report_cycles(p, w, is_left, err) : 0;
}

/* ---- references ---- */

struct refs {
	struct sl_flow_parser *p;
	const struct sl_workflow *w;
	const struct sl_job *j;
};

static bool
has_output(const struct sl_job *j, struct sl_slice name)
{
	if (j->outputs == NULL || j->outputs->kind != SL_TOK_MAP)
		return j->outputs != NULL || sl_tok_get(j->tok, "uses") != NULL;
	SL_TOK_EACH(m, j->outputs)
	if (m->key_expr != NULL || m->is_insert || sl_val_caseeq(m->key, name))
		return true;
	return false;
}

static void
check_needs_ref(const struct refs *x, const struct sl_expr_ref *ref, struct sl_yaml_at at)
{
	size_t k = find_job(x->w, ref->path[0]);

	if (k == x->w->n_jobs || !needs_job(x->j, k)) {
		sl_diag_put(x->p->l, at, NULL,
			    k < x->w->n_jobs ? "add it to this job's 'needs'"
					     : near_job(x->p, x->w, ref->path[0]),
			    "job '%.*s' does not need a job '%.*s', so 'needs.%.*s' is "
			    "not defined",
			    SL_ARG(x->j->id), SL_ARG(ref->path[0]), SL_ARG(ref->path[0]));
		return;
	}
	if (ref->n_path >= 3 && sl_val_caseeq(ref->path[1], SL_LIT("outputs")) &&
	    !has_output(&x->w->job[k], ref->path[2])) {
		struct sl_slice names[64], near;
		size_t n = 0;

		SL_TOK_EACH(m, x->w->job[k].outputs)
		if (n < 64)
			names[n++] = m->key;
		near = sl_near(ref->path[2], names, n);
		sl_diag_put(
		    x->p->l, at, NULL,
		    near.len > 0
			? sl_arena_printf(x->p->a, "did you mean '%.*s'?", SL_ARG(near))
			: NULL,
		    "job '%.*s' has no output '%.*s'", SL_ARG(x->w->job[k].id),
		    SL_ARG(ref->path[2]));
	}
}

static void
check_step_ref(const struct refs *x, const struct sl_expr_ref *ref, struct sl_yaml_at at)
{
	struct sl_slice names[64], near;
	size_t n = 0;

	for (size_t i = 0; i < x->j->steps.n; i++) {
		const struct sl_step *s = &x->j->steps.s[i];

		if (s->has_id && sl_val_caseeq(s->id, ref->path[0]))
			return;
		if (s->has_id && n < 64)
			names[n++] = s->id;
	}
	near = sl_near(ref->path[0], names, n);
	sl_diag_put(x->p->l, at, NULL,
		    near.len > 0
			? sl_arena_printf(x->p->a, "did you mean '%.*s'?", SL_ARG(near))
			: NULL,
		    "job '%.*s' has no step with the id '%.*s'", SL_ARG(x->j->id),
		    SL_ARG(ref->path[0]));
}

static int
check_expr(void *arg, const struct sl_expr *e, const struct sl_tok *t, struct sl_err *err)
{
	const struct refs *x = arg;
	const struct sl_expr_ref *ref = NULL;
	size_t n = 0;
	int r;

	if ((r = sl_expr_refs(e, x->p->a, &ref, &n, err)) < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (ref[i].n_path == 0)
			continue;
		if (sl_val_caseeq(ref[i].context, SL_LIT("needs")))
			check_needs_ref(x, &ref[i], t->at);
		else if (sl_val_caseeq(ref[i].context, SL_LIT("steps")))
			check_step_ref(x, &ref[i], t->at);
	}
	return 0;
}

int
sl_parse_refs(struct sl_flow_parser *p, const struct sl_workflow *w, struct sl_err *err)
{
	struct refs x = { p, w, NULL };
	int r = 0;

	for (size_t i = 0; i < w->n_jobs && r == 0; i++) {
		x.j = &w->job[i];
		r = sl_tok_exprs(x.j->tok, check_expr, &x, err);
	}
	return r;
}
