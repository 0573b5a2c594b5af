/* check.c -- see schema.h: a YAML tree against the grammar; the result is tokens. */
#include "base/near.h"
#include "flow/schema.h"

#include <stdio.h>

enum { MAX_CANDIDATES = 8 };

struct check {
	struct sl_diag_list *l;
	struct sl_arena *a;
	size_t n_unknown; /* keys so far */
};

struct ctx { /* what may be named here */
	const struct sl_slice *allow;
	size_t n;
};

enum { MAX_KINDS = MAX_CANDIDATES * 2 };

struct kinds { /* the alternatives of a type, flat */
	const struct sl_type *t[MAX_KINDS];
	size_t n;
};

static int node(struct check *c, const struct sl_yaml *y, const struct sl_type *type,
		struct ctx ctx, struct sl_tok **ret, struct sl_err *err);

static int
nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "out of memory");
}

static void
flatten(const struct sl_type *t, struct kinds *k, size_t depth)
{
	if (t->kind != SL_TYPE_ONE) {
		if (k->n < MAX_KINDS)
			k->t[k->n++] = t;
		return;
	}
	for (size_t i = 0; i < t->n_alt && depth < 4; i++)
		flatten(t->alt[i], k, depth + 1);
}

static const struct sl_type *
find(const struct kinds *k, enum sl_type_kind kind)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->t[i]->kind == kind || k->t[i]->kind == SL_TYPE_ANY)
			return k->t[i];
	return NULL;
}

/* The text of a literal where a string is wanted. */
static struct sl_slice
literal_text(struct check *c, const struct sl_yaml *y)
{
	char num[SL_NUM_TEXT];
	size_t n;

	switch (y->kind) {
	case SL_YAML_NULL:
		return SL_LIT("");
	case SL_YAML_BOOL:
		return y->b ? SL_LIT("true") : SL_LIT("false");
	case SL_YAML_NUM:
		n = sl_val_format_number(num, y->num);
		return sl_arena_dup(c->a, (struct sl_slice){ (const uint8_t *)num, n });
	case SL_YAML_STR:
	case SL_YAML_SEQ:
	case SL_YAML_MAP:
	default:
		return y->text;
	}
}

static void
unexpected(struct check *c, const struct sl_yaml *y)
{
	sl_diag_put(c->l, y->at, NULL, NULL, "Unexpected value '%.*s'", SL_ARG(y->text));
}

static const char *
word_hint(struct check *c, struct sl_slice word, const struct sl_slice *w, size_t n)
{
	struct sl_slice near = sl_near(word, w, n);

	return near.len > 0 ? sl_arena_printf(c->a, "did you mean '%.*s'?", SL_ARG(near))
			    : NULL;
}

static bool
has_word(const struct sl_type *t, struct sl_slice s)
{
	for (size_t i = 0; i < t->n_words; i++)
		if (sl_slice_eq(t->words[i], s))
			return true;
	return false;
}

static void
literal(struct check *c, const struct sl_yaml *y, const struct kinds *k, struct sl_tok *t)
{
	const struct sl_type *x = NULL;
	bool is_text = false;

	if (y->kind == SL_YAML_NULL && (x = find(k, SL_TYPE_NULL)) != NULL)
		t->kind = SL_TOK_NULL;
	else if (y->kind == SL_YAML_BOOL && (x = find(k, SL_TYPE_BOOL)) != NULL)
		t->kind = SL_TOK_BOOL;
	else if (y->kind == SL_YAML_NUM && (x = find(k, SL_TYPE_NUMBER)) != NULL)
		t->kind = SL_TOK_NUM;
	t->b = y->b;
	t->num = y->num;
	t->text = literal_text(c, y);
	if (t->text.p == NULL) { /* a number's text found no room */
		c->l->is_failed = c->l->is_failed || y->kind == SL_YAML_NUM;
		t->text = SL_LIT("");
	}
	for (size_t i = 0; x == NULL && i < k->n; i++) {
		const struct sl_type *u = k->t[i];

		is_text = u->kind == SL_TYPE_STRING || u->kind == SL_TYPE_ANY ||
			  (u->kind == SL_TYPE_TEXT && t->text.len > 0) ||
			  (u->kind == SL_TYPE_WORD && has_word(u, t->text));
		if (is_text) {
			x = u;
			t->kind = SL_TOK_STR;
		}
	}
	t->type = x;
	if (x != NULL)
		return;
	x = find(k, SL_TYPE_WORD);
	sl_diag_put(c->l, y->at, NULL,
		    x != NULL ? word_hint(c, y->text, x->words, x->n_words) : NULL,
		    "Unexpected value '%.*s'", SL_ARG(y->text));
}

static struct sl_slice
nth_line(struct sl_slice s, size_t n)
{
	while (n-- > 1)
		s = sl_slice_skip(s, sl_slice_upto(s, '\n').len + 1);
	return sl_slice_upto(s, '\n');
}

/* A literal block's lines are the file's lines less their indentation. */
static struct sl_yaml_at
inside_literal(struct check *c, const struct sl_yaml *y, const struct sl_expr_why *why)
{
	struct sl_yaml_at at = { y->at.line + 1, 1, 1 };
	struct sl_slice written, text;
	size_t bol = 0;

	for (size_t i = 0; i < why->at; i++)
		if (y->text.p[i] == '\n') {
			at.line++;
			bol = i + 1;
		}
	written = nth_line(c->l->src, at.line);
	text = sl_slice_upto(sl_slice_skip(y->text, bol), '\n');
	if (text.len > 0 && written.len >= text.len &&
	    memcmp(written.p + (written.len - text.len), text.p, text.len) == 0) {
		at.col = written.len - text.len + (why->at - bol) + 1;
		at.width = why->len > 0 ? why->len : 1;
	}
	return at;
}

/* Where the fault lies inside a scalar: on its line for plain and quoted scalars. */
static struct sl_yaml_at
inside(struct check *c, const struct sl_yaml *y, const struct sl_expr_why *why)
{
	struct sl_yaml_at at = y->at;

	if (!why->has_place || why->at > y->text.len || y->style == SL_YAML_FOLDED)
		return at;
	if (y->style == SL_YAML_LITERAL)
		return inside_literal(c, y, why);
	for (size_t i = 0; i < why->at; i++)
		if (y->text.p[i] == '\n')
			return y->at;
	at.col += why->at + (y->style != SL_YAML_PLAIN);
	at.width = why->len > 0 ? why->len : 1;
	return at;
}

/* A text that does not parse as an expression: the problem is a diagnostic, unless
 * memory ran out. */
static int
expr_problem(struct check *c, const struct sl_yaml *y, int r,
	     const struct sl_expr_why *why, struct sl_err *err)
{
	if (r == SL_E(NOMEM) || r == SL_E(BUG))
		return r;
	if (why->msg.p != NULL)
		sl_diag_text(c->l, inside(c, y, why), why->msg);
	else
		sl_diag_err(c->l, y->at, err);
	*err = (struct sl_err){ 0 };
	return 0;
}

static int
condition(struct check *c, const struct sl_yaml *y, struct ctx ctx, struct sl_tok *t,
	  struct sl_err *err)
{
	struct sl_expr_why why = { 0 };
	struct sl_expr_syntax sx = { ctx.allow, ctx.n, &why };
	int r;

	t->text = literal_text(c, y);
	if ((r = sl_expr_if(t->text, &sx, c->a, &t->expr, err)) < 0) {
		t->kind = SL_TOK_NULL;
		return expr_problem(c, y, r, &why, err);
	}
	t->kind = SL_TOK_EXPR;
	t->is_whole = true;
	return 0;
}

static int
embedded(struct check *c, const struct sl_yaml *y, const struct kinds *k, struct ctx ctx,
	 struct sl_tok *t, struct sl_err *err)
{
	struct sl_expr_why why = { 0 };
	struct sl_expr_syntax sx = { ctx.allow, ctx.n, &why };
	struct sl_template tm = { 0 };
	struct sl_yaml lit;
	int r;

	t->kind = SL_TOK_NULL;
	if (ctx.n == 0) {
		sl_diag_put(c->l, y->at, NULL, NULL,
			    "A template expression is not allowed in this context");
		return 0;
	}
	if ((r = sl_expr_template(y->text, &sx, c->a, &tm, err)) < 0)
		return expr_problem(c, y, r, &why, err);
	if (tm.kind == SL_TEMPLATE_INSERT) {
		sl_diag_put(
		    c->l, y->at, NULL, NULL,
		    "The directive 'insert' is not allowed in this context. Directives "
		    "are "
		    "not supported for expressions that are embedded within a string. "
		    "Directives are only supported when the entire value is an "
		    "expression.");
		return 0;
	}
	if (tm.kind == SL_TEMPLATE_LITERAL) {
		lit = *y;
		lit.text = tm.text;
		literal(c, &lit, k, t);
		return 0;
	}
	*t = (struct sl_tok){ .kind = SL_TOK_EXPR,
			      .at = y->at,
			      .text = y->text,
			      .type = k->t[0],
			      .expr = tm.expr,
			      .is_whole = tm.is_whole };
	if (!tm.is_whole && find(k, SL_TYPE_STRING) == NULL &&
	    find(k, SL_TYPE_TEXT) == NULL) {
		unexpected(c, y);
		t->kind = SL_TOK_NULL;
	}
	return 0;
}

static int
scalar(struct check *c, const struct sl_yaml *y, const struct kinds *k, struct ctx ctx,
       struct sl_tok *t, struct sl_err *err)
{
	if (k->n == 1 && k->t[0]->kind == SL_TYPE_EXPR)
		return condition(c, y, ctx, t, err);
	if (y->kind == SL_YAML_STR && sl_expr_is_embedded(y->text))
		return embedded(c, y, k, ctx, t, err);
	literal(c, y, k, t);
	return 0;
}

static void
append(struct sl_tok *parent, struct sl_tok *t)
{
	if (parent->last != NULL)
		parent->last->next = t;
	else
		parent->child = t;
	parent->last = t;
	parent->n++;
}

static int
sequence(struct check *c, const struct sl_yaml *y, const struct sl_type *seq,
	 struct ctx ctx, struct sl_tok *t, struct sl_err *err)
{
	struct sl_tok *item;
	int r;

	t->kind = SL_TOK_SEQ;
	SL_YAML_EACH(m, y)
	{
		item = NULL;
		r = node(c, m, seq->kind == SL_TYPE_ANY ? seq : seq->alt[0], ctx, &item,
			 err);
		if (r < 0)
			return r;
		append(t, item);
	}
	return 0;
}

/* ---- mappings ---- */

static const struct sl_type_key *
known_key(const struct sl_type *map, struct sl_slice key)
{
	for (size_t i = 0; i < map->n_keys; i++)
		if (sl_slice_eq(map->keys[i].name, key))
			return &map->keys[i];
	return NULL;
}

static void
unknown_key(struct check *c, const struct sl_yaml *key, const struct kinds *maps)
{
	struct sl_slice names[128];
	size_t n = 0;

	c->n_unknown++;
	for (size_t i = 0; i < maps->n; i++)
		for (size_t k = 0; k < maps->t[i]->n_keys && n < 128; k++)
			names[n++] = maps->t[i]->keys[k].name;
	sl_diag_put(c->l, key->at, NULL, word_hint(c, key->text, names, n),
		    "Unexpected value '%.*s'", SL_ARG(key->text));
}

/* The maps that know the key stay; the type of its value, or NULL. */
static const struct sl_type *
narrow(struct kinds *maps, struct sl_slice key)
{
	const struct sl_type *t = NULL;
	const struct sl_type_key *k;
	struct kinds kept = { .n = 0 };

	for (size_t i = 0; i < maps->n; i++)
		if (maps->t[i]->kind == SL_TYPE_MAP &&
		    (k = known_key(maps->t[i], key)) != NULL) {
			kept.t[kept.n++] = maps->t[i];
			if (t == NULL)
				t = k->type;
		}
	if (t != NULL) {
		*maps = kept;
		return t;
	}
	for (size_t i = 0; i < maps->n; i++)
		if (maps->t[i]->kind == SL_TYPE_ANY || maps->t[i]->loose != NULL)
			return maps->t[i]->kind == SL_TYPE_ANY ? maps->t[i]
							       : maps->t[i]->loose;
	return NULL;
}

/* A key with ${{ }}: an expression, or the directive insert.  Only where any key may
 * stand. */
static int
key_template(struct check *c, const struct sl_yaml *key, const struct kinds *maps,
	     struct ctx ctx, struct sl_template *tm, struct sl_err *err)
{
	struct sl_expr_why why = { 0 };
	struct sl_expr_syntax sx = { ctx.allow, ctx.n, &why };
	int r;

	*tm = (struct sl_template){ .kind = SL_TEMPLATE_LITERAL, .text = key->text };
	if (!sl_expr_is_embedded(key->text))
		return 0;
	if (ctx.n == 0 ||
	    (maps->t[0]->kind == SL_TYPE_MAP && maps->t[0]->loose == NULL)) {
		sl_diag_put(c->l, key->at, NULL, NULL,
			    "A template expression is not allowed in this context");
		tm->text = (struct sl_slice){ 0 };
		return 0;
	}
	if ((r = sl_expr_template(key->text, &sx, c->a, tm, err)) < 0) {
		*tm = (struct sl_template){ .kind = SL_TEMPLATE_LITERAL };
		return expr_problem(c, key, r, &why, err);
	}
	return 0;
}

static const struct sl_type any_type = { .kind = SL_TYPE_ANY };

static int
map_member(struct check *c, const struct sl_yaml *y, struct kinds *maps, struct ctx ctx,
	   struct sl_tok *t, struct sl_err *err)
{
	const struct sl_type *vt = NULL;
	struct sl_tok *v = NULL;
	struct sl_template tm;
	int r;

	if ((r = key_template(c, y->key, maps, ctx, &tm, err)) < 0)
		return r;
	if (tm.kind == SL_TEMPLATE_LITERAL && tm.text.p == NULL)
		return 0;
	if (tm.kind == SL_TEMPLATE_INSERT)
		vt = &any_type;
	else if (tm.kind == SL_TEMPLATE_EXPR)
		vt = maps->t[0]->kind == SL_TYPE_ANY ? maps->t[0] : maps->t[0]->loose;
	else if (tm.text.len > 0)
		vt = narrow(maps, tm.text);
	if (vt == NULL) {
		unknown_key(c, y->key, maps);
		return 0;
	}
	if ((r = node(c, y, vt, ctx, &v, err)) < 0)
		return r;
	v->key = tm.kind == SL_TEMPLATE_LITERAL ? tm.text : y->key->text;
	v->key_expr = tm.kind == SL_TEMPLATE_EXPR ? tm.expr : NULL;
	v->is_insert = tm.kind == SL_TEMPLATE_INSERT;
	v->key_at = y->key->at;
	append(t, v);
	return 0;
}

/* Two or more maps are still possible: what would tell them apart. */
static void
ambiguous(struct check *c, const struct sl_yaml *y, const struct kinds *maps)
{
	char list[256] = "";
	int n = 0;

	for (size_t i = 0; i < maps->n; i++)
		for (size_t k = 0; k < maps->t[i]->n_keys && n >= 0 && n < 200; k++)
			if (maps->t[i]->keys[k].is_required)
				n += snprintf(list + n, sizeof(list) - (size_t)n,
					      "%s%.*s", n > 0 ? ", " : "",
					      SL_ARG(maps->t[i]->keys[k].name));
	sl_diag_put(
	    c->l, y->at, NULL, NULL,
	    "There's not enough info to determine what you meant. Add one of these "
	    "properties: %s",
	    list);
}

static bool
has_key(const struct sl_yaml *y, struct sl_slice key)
{
	SL_YAML_EACH(m, y)
	if (sl_slice_eq(m->key->text, key))
		return true;
	return false;
}

static int
mapping(struct check *c, const struct sl_yaml *y, struct kinds *maps, struct ctx ctx,
	struct sl_tok *t, struct sl_err *err)
{
	size_t before = c->n_unknown;
	struct ctx own;
	int r;

	t->kind = SL_TOK_MAP;
	SL_YAML_EACH(m, y)
	{
		own = maps->t[0]->n_allow > 0
			  ? (struct ctx){ maps->t[0]->allow, maps->t[0]->n_allow }
			  : ctx;
		if ((r = map_member(c, m, maps, own, t, err)) < 0)
			return r;
	}
	t->type = maps->t[0];
	if (maps->n > 1) { /* a misspelt key has been named already */
		if (c->n_unknown == before)
			ambiguous(c, y, maps);
		return 0;
	}
	for (size_t i = 0; i < maps->t[0]->n_keys; i++) {
		const struct sl_type_key *k = &maps->t[0]->keys[i];

		if (k->is_required && !has_key(y, k->name))
			sl_diag_put(c->l, y->at, NULL, NULL,
				    "Required property is missing: %.*s",
				    SL_ARG(k->name));
	}
	return 0;
}

static int
collection(struct check *c, const struct sl_yaml *y, const struct kinds *k,
	   struct ctx ctx, struct sl_tok *t, struct sl_err *err)
{
	enum sl_type_kind want = y->kind == SL_YAML_MAP ? SL_TYPE_MAP : SL_TYPE_SEQ;
	struct kinds maps = { .n = 0 };

	for (size_t i = 0; i < k->n; i++)
		if (k->t[i]->kind == want || k->t[i]->kind == SL_TYPE_ANY)
			maps.t[maps.n++] = k->t[i];
	if (maps.n == 0) {
		sl_diag_put(c->l, y->at, NULL, NULL, "A %s was not expected",
			    want == SL_TYPE_MAP ? "mapping" : "sequence");
		return 0;
	}
	if (want == SL_TYPE_MAP)
		return mapping(c, y, &maps, ctx, t, err);
	if (maps.t[0]->n_allow > 0)
		ctx = (struct ctx){ maps.t[0]->allow, maps.t[0]->n_allow };
	return sequence(c, y, maps.t[0], ctx, t, err);
}

/* Depth is bounded by the YAML reader's. */
static int
node(struct check *c, const struct sl_yaml *y, const struct sl_type *type, struct ctx ctx,
     struct sl_tok **ret, struct sl_err *err)
{
	struct kinds k = { .n = 0 };
	struct sl_tok *t = SL_NEW(c->a, struct sl_tok);

	if (t == NULL)
		return nomem(err);
	*t = (struct sl_tok){ .kind = SL_TOK_NULL, .at = y->at, .type = type };
	*ret = t;
	if (type->n_allow > 0)
		ctx = (struct ctx){ type->allow, type->n_allow };
	flatten(type, &k, 0);
	if (k.n == 1 && k.t[0]->n_allow > 0)
		ctx = (struct ctx){ k.t[0]->allow, k.t[0]->n_allow };
	if (y->kind == SL_YAML_MAP || y->kind == SL_YAML_SEQ)
		return collection(c, y, &k, ctx, t, err);
	return scalar(c, y, &k, ctx, t, err);
}

int
sl_schema_read(const struct sl_yaml *y, const struct sl_type *type,
	       struct sl_diag_list *l, struct sl_arena *a, const struct sl_tok **ret,
	       struct sl_err *err)
{
	struct check c = { l, a, 0 };
	struct sl_tok *t = NULL;
	int r = node(&c, y, type, (struct ctx){ NULL, 0 }, &t, err);

	if (r == 0)
		*ret = t;
	return r;
}
