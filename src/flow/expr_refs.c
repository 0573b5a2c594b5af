/* expr_refs.c -- see expr.h: which contexts, and what of them, an expression reads. */
#include "flow/expr_int.h"

struct refs {
	struct sl_arena *a;
	struct sl_expr_ref *r;
	size_t n, cap;
	bool is_failed;
};

static bool
same_ref(const struct sl_expr_ref *x, const struct sl_expr_ref *y)
{
	if (x->is_all != y->is_all || x->n_path != y->n_path ||
	    !sl_val_caseeq(x->context, y->context))
		return false;
	for (size_t i = 0; i < x->n_path; i++) {
		if (!sl_slice_eq(x->path[i], y->path[i]))
			return false;
	}
	return true;
}

static void
add_ref(struct refs *s, struct sl_expr_ref ref)
{
	for (size_t i = 0; i < s->n; i++) {
		if (same_ref(&s->r[i], &ref))
			return;
	}
	if (s->n == s->cap) {
		size_t cap = s->cap > 0 ? s->cap * 2 : 8;
		struct sl_expr_ref *r = SL_NEW_N(s->a, struct sl_expr_ref, cap);

		if (r == NULL) {
			s->is_failed = true;
			return;
		}
		if (s->n > 0)
			memcpy(r, s->r, s->n * sizeof(*r));
		s->r = r;
		s->cap = cap;
	}
	s->r[s->n++] = ref;
}

/* secrets.A['b'][x]: from the outside in, at most SL_EXPR_DEPTH_MAX steps. */
static void
add_chain(struct refs *s, const struct sl_node *n)
{
	const struct sl_node *step[SL_EXPR_DEPTH_MAX];
	struct sl_expr_ref ref = { .is_all = false };
	struct sl_slice *path;
	size_t depth = 0;

	for (; n->kind == SL_NODE_INDEX && depth < SL_EXPR_DEPTH_MAX; n = n->kid)
		step[depth++] = n->last;
	if ((path = SL_NEW_N(s->a, struct sl_slice, depth + 1)) == NULL) {
		s->is_failed = true;
		return;
	}
	ref.context = n->name;
	ref.path = path;
	while (depth > 0 && !ref.is_all) {
		const struct sl_node *k = step[--depth];

		if (k->kind != SL_NODE_LITERAL)
			ref.is_all = true;
		else if ((path[ref.n_path++] = sl_val_string(s->a, k->lit)).p == NULL)
			s->is_failed = true;
	}
	ref.is_all = ref.is_all || ref.n_path == 0;
	add_ref(s, ref);
}

static const struct sl_node *
base_of(const struct sl_node *n)
{
	while (n->kind == SL_NODE_INDEX)
		n = n->kid;
	return n;
}

/* Recursion is bounded by the depth of the tree. */
static void
walk(struct refs *s, const struct sl_node *n)
{
	if (base_of(n)->kind == SL_NODE_NAMED) {
		add_chain(s, n);
		for (; n->kind == SL_NODE_INDEX; n = n->kid)
			walk(s, n->last);
		return;
	}
	for (const struct sl_node *k = n->kid; k != NULL; k = k->next)
		walk(s, k);
}

int
sl_expr_refs(const struct sl_expr *e, struct sl_arena *a, const struct sl_expr_ref **ret,
	     size_t *ret_n, struct sl_err *err)
{
	struct refs s = { .a = a };

	if (e != NULL && e->root != NULL)
		walk(&s, e->root);
	if (s.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for an expression");
	*ret = s.r;
	*ret_n = s.n;
	return 0;
}
