/* cases.c -- see cases.h. */
#include "policy/cases.h"

#include "policy/ast.h"
#include "policy/run.h"

const struct sl_limits sl_policy_cases_limits = {
	.max_bytes = 1 << 20,
	.max_items = 10000,
	.max_depth = 16,
};

enum word { W_NONE, W_COMMON, W_CASE, W_EXPECT, W_HOLDS, W_LACKS };

static const char *const words[] = {
	[W_COMMON] = "common", [W_CASE] = "case",   [W_EXPECT] = "expect",
	[W_HOLDS] = "holds",   [W_LACKS] = "lacks",
};

static const char *const verdicts[] = { "allow", "deny", "none", "check",
					"error", "fuel", "limit" };

struct reader {
	struct sl_slice rest;
	const char *name;
	size_t line; /* of the one just read */
	struct sl_arena *a;
	struct sl_err *err;
	/* facts of the section being read, other lines empty in it */
	struct sl_buf facts;
	size_t start; /* line of its first */
	const struct sl_policy *common;
	struct sl_policy_case *now, *first, **tail;
	struct sl_policy_claim **claim_tail;
	size_t n;
};

static struct sl_slice
trim(struct sl_slice s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = sl_slice_skip(s, 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t' ||
			     s.p[s.len - 1] == '\r'))
		s.len--;
	return s;
}

static int
fail(struct reader *x, size_t line, const char *what, struct sl_slice s)
{
	return SL_ERR(x->err, FORMAT, "%s:%zu:1: %s%s%.*s%s", x->name, line, what,
		      s.len > 0 ? " '" : "", SL_ARG(s), s.len > 0 ? "'" : "");
}

static int
nomem(struct reader *x)
{
	return SL_ERR(x->err, NOMEM, "%s: out of memory", x->name);
}

/* The word that the line begins with, and what follows it. */
static enum word
word_of(struct sl_slice line, struct sl_slice *ret_rest)
{
	struct sl_slice s = trim(line);

	for (int k = W_COMMON; k <= W_LACKS; k++) {
		size_t n = strlen(words[k]);

		if (s.len < n || memcmp(s.p, words[k], n) != 0 ||
		    (s.len > n && s.p[n] != ' ' && s.p[n] != '\t'))
			continue;
		*ret_rest = trim(sl_slice_skip(s, n));
		return (enum word)k;
	}
	return W_NONE;
}

/* Facts only; lines of errors are those of the file. */
static int
parse_facts(struct reader *x, struct sl_slice text, size_t line,
	    const struct sl_policy **ret)
{
	struct sl_policy *p = SL_NEW(x->a, struct sl_policy);
	struct sl_slice own = sl_arena_dup(x->a, text);
	struct sl_pdiags d = { .a = x->a };
	size_t at = 0, col = 1;

	if (p == NULL || own.p == NULL)
		return nomem(x);
	sl_policy_init(p, x->a);
	sl_policy_parse(p, own, SL_PAUTH, &sl_policy_text_limits, &d);
	if (d.is_nomem)
		return nomem(x);
	if (d.n > 0)
		return sl_err_raise(x->err, d.v[0].code, 0, __FILE__, __LINE__,
				    "%s:%zu:%zu: %s", x->name, line + d.v[0].line - 1,
				    d.v[0].col, d.v[0].msg);
	if (p->rules != NULL) {
		at = p->rules->line;
		col = p->rules->col;
	} else if (p->checks != NULL || p->policies != NULL) {
		at = (p->checks != NULL ? p->checks : p->policies)->line;
		col = (p->checks != NULL ? p->checks : p->policies)->col;
	}
	if (at > 0)
		return SL_ERR(x->err, FORMAT,
			      "%s:%zu:%zu: a case holds facts; rules and policies belong "
			      "into the policy",
			      x->name, line + at - 1, col);
	*ret = p;
	return 0;
}

static int
terms_of(struct reader *x, const struct sl_patom *m, const struct sl_term **ret)
{
	struct sl_term *t = SL_NEW_N(x->a, struct sl_term, (size_t)m->n + 1);

	if (t == NULL)
		return nomem(x);
	for (uint32_t k = 0; k < m->n; k++)
		t[k] = *m->args[k].t;
	*ret = t;
	return 0;
}

static int
add_facts(struct reader *x, const struct sl_policy *p, const char *source)
{
	const struct sl_term *t;
	int r;

	if (p == NULL)
		return 0;
	for (const struct sl_pfact *f = p->facts; f != NULL; f = f->next) {
		const char *pred = sl_arena_str(x->a, f->atom.name);

		if (pred == NULL)
			return nomem(x);
		if ((r = terms_of(x, &f->atom, &t)) < 0)
			return r;
		sl_policy_fact(x->now->facts, source, pred, t, f->atom.n);
	}
	return 0;
}

/* What was read since the last `case` or `common`. */
static int
end_section(struct reader *x)
{
	const struct sl_policy *p = NULL;
	int r;

	if (x->facts.is_failed)
		return nomem(x);
	if ((r = parse_facts(x, sl_buf_get(&x->facts), x->start, &p)) < 0)
		return r;
	if (x->now == NULL) {
		x->common = p;
		return 0;
	}
	if (x->now->expect.len == 0)
		return fail(x, x->now->line, "no 'expect' in the case", x->now->name);
	if ((r = add_facts(x, x->common, "common")) < 0 ||
	    (r = add_facts(x, p, "case")) < 0)
		return r;
	return 0;
}

static int
begin_case(struct reader *x, struct sl_slice name, const struct sl_limits *lim)
{
	int r = end_section(x);

	if (r < 0)
		return r;
	if (name.len == 0)
		return fail(x, x->line, "a case without a name", name);
	for (const struct sl_policy_case *c = x->first; c != NULL; c = c->next)
		if (sl_slice_eq(c->name, name))
			return fail(x, x->line, "there is a case already named", name);
	if (x->n++ == lim->max_items)
		return SL_ERR(x->err, LIMIT, "%s:%zu: more than %zu cases", x->name,
			      x->line, lim->max_items);
	if ((x->now = SL_NEW(x->a, struct sl_policy_case)) == NULL ||
	    (x->now->facts = sl_policy_facts_new(x->a)) == NULL)
		return nomem(x);
	x->now->name = name;
	x->now->line = x->line;
	*x->tail = x->now;
	x->tail = &x->now->next;
	x->claim_tail = &x->now->claims;
	sl_buf_clear(&x->facts);
	x->start = x->line;
	return 0;
}

static int
expect(struct reader *x, struct sl_slice s)
{
	struct sl_slice verdict = trim(sl_slice_upto(s, ':'));

	if (x->now == NULL)
		return fail(x, x->line, "'expect' before the first case", SL_LIT(""));
	if (x->now->expect.len > 0)
		return fail(x, x->line, "a second 'expect' in the case", x->now->name);
	for (size_t k = 0; k < sizeof(verdicts) / sizeof(verdicts[0]); k++)
		if (sl_slice_eq(verdict, sl_slice_str(verdicts[k]))) {
			x->now->expect = verdict;
			x->now->expect_line = x->line;
			x->now->rule =
			    s.len > verdict.len
				? trim(sl_slice_skip(s, sl_slice_upto(s, ':').len + 1))
				: SL_LIT("");
			return 0;
		}
	return fail(x, x->line,
		    "expected allow, deny, none, check, error, fuel or limit, not",
		    verdict);
}

static int
claim(struct reader *x, struct sl_slice s, bool is_lacking)
{
	struct sl_policy_claim *c = SL_NEW(x->a, struct sl_policy_claim);
	const struct sl_policy *p = NULL;
	int r;

	if (c == NULL)
		return nomem(x);
	if (x->now == NULL)
		return fail(x, x->line, "'holds' or 'lacks' before the first case",
			    SL_LIT(""));
	if ((r = parse_facts(x, s, x->line, &p)) < 0)
		return r;
	if (p == NULL || p->n_facts != 1)
		return fail(x, x->line, "expected one fact, as in: holds owner(\"x\")",
			    SL_LIT(""));
	*c = (struct sl_policy_claim){ .is_lacking = is_lacking,
				       .pred = p->facts->atom.name,
				       .n = p->facts->atom.n,
				       .line = x->line };
	*x->claim_tail = c;
	x->claim_tail = &c->next;
	return terms_of(x, &p->facts->atom, &c->args);
}

static int
one_line(struct reader *x, struct sl_slice line, const struct sl_limits *lim)
{
	struct sl_slice rest = { 0 };
	enum word w = word_of(line, &rest);

	switch (w) {
	case W_CASE:
		return begin_case(x, rest, lim);
	case W_COMMON:
		if (x->now != NULL || rest.len > 0)
			return fail(x, x->line,
				    "'common' stands alone, before the first case",
				    SL_LIT(""));
		break;
	case W_EXPECT:
		sl_buf_byte(&x->facts, '\n');
		return expect(x, rest);
	case W_HOLDS:
	case W_LACKS:
		sl_buf_byte(&x->facts, '\n');
		return claim(x, rest, w == W_LACKS);
	case W_NONE:
		sl_buf_slice(&x->facts, line);
		break;
	}
	sl_buf_byte(&x->facts, '\n');
	return 0;
}

static int
read_all(struct reader *x, const struct sl_limits *lim)
{
	int r;

	while (x->rest.len > 0) {
		struct sl_slice line = sl_slice_upto(x->rest, '\n');

		x->line++;
		x->rest = sl_slice_skip(x->rest, line.len + 1);
		if ((r = one_line(x, line, lim)) < 0)
			return r;
		if (x->now != NULL && x->facts.len == 0)
			sl_buf_byte(&x->facts, '\n'); /* for the line of `case` */
	}
	if ((r = end_section(x)) < 0)
		return r;
	return x->first == NULL ? SL_ERR(x->err, FORMAT, "%s: no case in it", x->name)
				: 0;
}

int
sl_policy_cases_parse(struct sl_slice text, const char *name, const struct sl_limits *lim,
		      struct sl_arena *a, const struct sl_policy_case **ret,
		      struct sl_err *err)
{
	struct reader x = { .rest = sl_arena_dup(a, text),
			    .name = name,
			    .a = a,
			    .err = err,
			    .start = 1 };
	int r;

	if (text.len > lim->max_bytes)
		return SL_ERR(err, LIMIT, "%s: more than %zu bytes", name,
			      lim->max_bytes);
	if (x.rest.p == NULL)
		return nomem(&x);
	x.tail = &x.first;
	sl_buf_init(&x.facts, 2 * lim->max_bytes + 2);
	r = read_all(&x, lim);
	sl_buf_done(&x.facts);
	if (r == 0)
		*ret = x.first;
	return r;
}

/* ---- run ---- */

static bool
is_expected(const struct sl_policy_case *c, const struct sl_verdict *v)
{
	if (sl_slice_eq(c->expect, SL_LIT("allow")))
		return v->kind == SL_VERDICT_ALLOW;
	if (sl_slice_eq(c->expect, SL_LIT("deny")))
		return v->kind != SL_VERDICT_ALLOW;
	return sl_slice_eq(c->expect, sl_slice_str(v->reason));
}

/* What decided, printed. */
static struct sl_slice
decider(const struct sl_verdict *v)
{
	return v->n_failed > 0 ? v->failed[0].text : v->text;
}

static bool
is_in(const struct sl_policy_rows *rows, const struct sl_policy_claim *c)
{
	for (size_t k = 0; k < rows->n; k++) {
		bool is_same = true;

		for (size_t i = 0; is_same && i < c->n; i++)
			is_same = sl_term_cmp(&rows->t[k * c->n + i], &c->args[i]) == 0;
		if (is_same)
			return true;
	}
	return false;
}

static void
put_claim(struct sl_buf *out, const struct sl_policy_claim *c)
{
	sl_buf_slice(out, c->pred);
	for (size_t k = 0; k < c->n; k++) {
		sl_buf_str(out, k == 0 ? "(" : ", ");
		sl_term_print(out, &c->args[k]);
	}
	sl_buf_byte(out, ')');
}

/* Appends what is otherwise than claimed. */
static int
check_claims(const struct sl_policy_case *c, const struct sl_verdict *v,
	     struct sl_arena *a, struct sl_buf *out, struct sl_err *err)
{
	for (const struct sl_policy_claim *m = c->claims; m != NULL; m = m->next) {
		struct sl_policy_rows rows = { 0 };
		const char *pred = sl_arena_str(a, m->pred);
		int r;

		if (pred == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
		if ((r = sl_policy_query(v, pred, m->n, &rows, err)) < 0)
			return r;
		if (is_in(&rows, m) != m->is_lacking)
			continue;
		sl_buf_str(out, m->is_lacking ? "this holds: " : "this does not hold: ");
		put_claim(out, m);
		sl_buf_byte(out, '\n');
	}
	return 0;
}

static int
judge(const struct sl_policy_case *c, struct sl_arena *a, struct sl_buf *out,
      struct sl_policy_case_end *ret, struct sl_err *err)
{
	struct sl_slice by = decider(&ret->v);

	if (!is_expected(c, &ret->v))
		sl_buf_printf(out, "%s: %.*s\n", ret->v.reason, SL_ARG(ret->v.message));
	else if (!sl_slice_starts(by, c->rule))
		sl_buf_printf(out, "%s, but by line %zu: %.*s\n", ret->v.reason,
			      ret->v.n_failed > 0 ? ret->v.failed[0].line : ret->v.line,
			      SL_ARG(by));
	return check_claims(c, &ret->v, a, out, err);
}

int
sl_policy_case_run(const struct sl_policy *p, const struct sl_policy_case *c,
		   struct sl_arena *a, struct sl_policy_case_end *ret, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = 1 << 20 };
	struct sl_err said = { 0 };
	int r =
	    sl_policy_decide(p, c->facts, &sl_policy_default_limits, a, &ret->v, &said);

	ret->is_ok = false;
	if (r == 0)
		r = judge(c, a, &out, ret, &said);
	if (r == SL_E(NOMEM)) {
		*err = said;
		return r;
	}
	if (r < 0)
		sl_buf_str(&out, said.msg);
	while (out.len > 0 && out.p[out.len - 1] == '\n')
		out.len--;
	ret->is_ok = out.len == 0;
	ret->why = sl_arena_dup(a, sl_buf_get(&out));
	return ret->why.p == NULL ? SL_ERR(err, NOMEM, "out of memory") : 0;
}
