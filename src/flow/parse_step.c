/* parse_step.c -- see workflow.h: the steps of a job or of a composite action. */
#include "flow/matrix.h"
#include "flow/workflow.h"

static int
nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "out of memory");
}

/* owner/repo[/path]@ref, cut at the @. */
static bool
split_uses(struct sl_slice s, struct sl_slice *ret_repo, struct sl_slice *ret_ref)
{
	struct sl_slice repo = sl_slice_upto(s, '@'), owner = sl_slice_upto(repo, '/'),
			name;

	*ret_repo = repo;
	*ret_ref = sl_slice_skip(s, repo.len + 1);
	name = sl_slice_upto(sl_slice_skip(repo, owner.len + 1), '/');
	return ret_ref->len > 0 && owner.len > 0 && name.len > 0;
}

/* An expression that can only mean "this repository" or "this commit". */
static bool
is_own_value(const struct sl_tok *t, const char *const *exprs)
{
	struct sl_slice s;

	if (t->kind != SL_TOK_EXPR || !t->is_whole)
		return sl_tok_str(t).len == 0;
	s = sl_expr_text(t->expr);
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = sl_slice_skip(s, 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	for (; *exprs != NULL; exprs++)
		if (sl_val_caseeq(s, sl_slice_str(*exprs)))
			return true;
	return false;
}

static bool
is_false(const struct sl_tok *t)
{
	return sl_tok_str(t).len == 0 ? t->kind != SL_TOK_EXPR
				      : sl_slice_eq(sl_tok_str(t), SL_LIT("false"));
}

/* actions/checkout is what the workspace is; anything more than that is refused. */
static void
check_checkout(struct sl_flow_parser *p, const struct sl_step *s)
{
	static const char *const repos[] = { "github.repository", NULL };
	static const char *const refs[] = { "github.ref",
					    "github.sha",
					    "github.head_ref",
					    "github.ref_name",
					    "github.event.pull_request.head.sha",
					    NULL };
	struct sl_slice path;

	SL_TOK_EACH(m, s->with)
	{
		bool is_fine = true;

		path = sl_tok_str(m);
		if (sl_slice_eq(m->key, SL_LIT("repository")))
			is_fine = is_own_value(m, repos);
		else if (sl_slice_eq(m->key, SL_LIT("ref")))
			is_fine = is_own_value(m, refs);
		else if (sl_slice_eq(m->key, SL_LIT("path")))
			is_fine = m->kind != SL_TOK_EXPR &&
				  (path.len == 0 || sl_slice_eq(path, SL_LIT(".")) ||
				   sl_slice_eq(path, SL_LIT("./")));
		else if (sl_slice_eq(m->key, SL_LIT("submodules")) ||
			 sl_slice_eq(m->key, SL_LIT("lfs")))
			is_fine = is_false(m);
		if (!is_fine)
			sl_diag_put(p->l, m->key_at, "F-CHECKOUT", NULL,
				    "'%.*s' with '%.*s' asks for more than the workspace",
				    SL_ARG(s->uses), SL_ARG(m->key));
	}
	sl_parse_notice(p, s->at,
			"'%.*s' is taken as done: the workspace is what is checked out",
			SL_ARG(s->uses));
}

static void
parse_uses(struct sl_flow_parser *p, const struct sl_tok *uses, struct sl_step *s)
{
	struct sl_slice u = sl_tok_str(uses), repo, ref;

	s->uses = u;
	if (sl_slice_starts(u, SL_LIT("./")) || sl_slice_starts(u, SL_LIT("$/")) ||
	    sl_slice_eq(u, SL_LIT("."))) {
		s->kind = SL_STEP_LOCAL;
		s->uses = sl_slice_skip(u, 2);
		while (s->uses.len > 0 && s->uses.p[s->uses.len - 1] == '/')
			s->uses.len--;
		return;
	}
	if (sl_slice_starts(u, SL_LIT("docker://"))) {
		sl_diag_put(p->l, uses->at, "F-IMAGE", NULL,
			    "image '%.*s' is not available offline", SL_ARG(u));
		return;
	}
	if (!split_uses(u, &repo, &ref)) {
		sl_diag_put(p->l, uses->at, NULL, NULL,
			    "Expected format {org}/{repo}[/path]@ref. Actual '%.*s'",
			    SL_ARG(u));
		return;
	}
	if (sl_val_caseeq(repo, SL_LIT("actions/checkout"))) {
		s->kind = SL_STEP_CHECKOUT;
		check_checkout(p, s);
		return;
	}
	sl_diag_put(p->l, uses->at, "F-REMOTE-ACTION", NULL,
		    "action '%.*s' is not in the local store", SL_ARG(u));
}

static bool
refuse_background(struct sl_flow_parser *p, const struct sl_tok *t)
{
	static const char *const keys[] = { "wait", "wait-all", "cancel", "parallel" };
	const struct sl_tok *m;

	if ((m = sl_tok_get(t, "background")) != NULL && m->kind == SL_TOK_BOOL && m->b)
		sl_diag_put(p->l, m->key_at, "F-BACKGROUND", NULL,
			    "background steps are not supported yet");
	for (size_t i = 0; i < 4; i++)
		if ((m = sl_tok_get(t, keys[i])) != NULL) {
			sl_diag_put(p->l, m->key_at, "F-BACKGROUND", NULL,
				    "'%s' steps are not supported yet", keys[i]);
			return true;
		}
	return false;
}

static int
given_id(struct sl_flow_parser *p, const struct sl_tok *t, struct sl_ids *ids,
	 struct sl_step *s, struct sl_err *err)
{
	const struct sl_tok *id = sl_tok_get(t, "id");
	int r;

	if (id == NULL || id->kind != SL_TOK_STR || sl_tok_str(id).len == 0)
		return 0;
	s->id = sl_tok_str(id);
	s->has_id = true;
	if ((r = sl_ids_add(ids, s->id, err)) == 0 || r == SL_E(NOMEM))
		return r;
	sl_diag_err(p->l, id->at, err);
	*err = (struct sl_err){ 0 };
	return 0;
}

/* __run, __owner_repo, ... as GitHub makes them up. */
static int
made_id(struct sl_step *s, struct sl_ids *ids, struct sl_err *err)
{
	struct sl_slice seg[2] = { SL_LIT("__run"), { 0 } }, repo, ref;
	size_t n = 1;

	if (s->has_id)
		return 0;
	if (s->kind == SL_STEP_LOCAL)
		seg[0] = SL_LIT("__self");
	else if (s->kind == SL_STEP_CHECKOUT && split_uses(s->uses, &repo, &ref)) {
		seg[0] = SL_LIT("__actions");
		seg[1] = SL_LIT("checkout");
		n = 2;
	}
	return sl_ids_build(ids, seg, n, true, &s->id, err);
}

static int
parse_step(struct sl_flow_parser *p, const struct sl_tok *t, size_t number,
	   struct sl_ids *ids, struct sl_step *s, struct sl_err *err)
{
	const struct sl_tok *uses;
	int r;

	s->tok = t;
	s->at = t->at;
	s->sandbox = p->sandbox;
	if (t->kind != SL_TOK_MAP || refuse_background(p, t))
		return 0;
	s->name = sl_tok_get(t, "name");
	s->cond = sl_tok_get(t, "if");
	s->run = sl_tok_get(t, "run");
	s->shell = sl_tok_get(t, "shell");
	s->cwd = sl_tok_get(t, "working-directory");
	s->env = sl_tok_get(t, "env");
	s->with = sl_tok_get(t, "with");
	s->go_on = sl_tok_get(t, "continue-on-error");
	s->minutes = sl_tok_get(t, "timeout-minutes");
	sl_parse_shell(p, s->shell);
	if ((r = sl_parse_sandbox(p, sl_tok_get(t, "sandbox"), SL_SANDBOX_STEP, number,
				  &s->sandbox, err)) < 0)
		return r;
	uses = sl_tok_get(t, "uses");
	if (uses != NULL) {
		s->at = uses->at;
		parse_uses(p, uses, s);
	} else if (s->run != NULL) {
		s->at = s->run->key_at;
	}
	return given_id(p, t, ids, s, err);
}

int
sl_parse_steps(struct sl_flow_parser *p, const struct sl_tok *steps, struct sl_steps *ret,
	       struct sl_err *err)
{
	struct sl_ids ids = { p->a, sl_val_obj(p->a, false) };
	struct sl_step *s;
	size_t n = 0;
	int r = 0;

	*ret = (struct sl_steps){ 0 };
	if (steps == NULL || steps->kind != SL_TOK_SEQ)
		return 0;
	s = SL_NEW_N(p->a, struct sl_step, steps->n + 1);
	if (s == NULL || ids.seen == NULL)
		return nomem(err);
	SL_TOK_EACH(t, steps)
	{
		if ((r = parse_step(p, t, n + 1, &ids, &s[n], err)) < 0)
			return r;
		n++;
	}
	/* more than 999 alike get no id of their own: nobody can name them anyhow */
	for (size_t i = 0; i < n; i++)
		if ((r = made_id(&s[i], &ids, err)) == SL_E(NOMEM))
			return r;
		else if (r < 0) {
			s[i].id = SL_LIT("__run");
			*err = (struct sl_err){ 0 };
		}
	*ret = (struct sl_steps){ s, n };
	return 0;
}
