/* repair_set.c -- changes and sets of them: order, text, data.  See repair_int.h. */
#include "policy/repair_int.h"

int
sl_change_cmp(const struct sl_change *x, const struct sl_change *y)
{
	struct sl_term a = sl_term_str(x->pred), b = sl_term_str(y->pred);
	int r = (int)x->is_add - (int)y->is_add;

	if (r == 0)
		r = sl_term_cmp(&a, &b);
	if (r == 0)
		r = (x->n > y->n) - (x->n < y->n);
	for (size_t k = 0; r == 0 && k < x->n; k++)
		r = sl_term_cmp(&x->args[k], &y->args[k]);
	return r;
}

int
sl_change_set_cmp(const struct sl_change_set *x, const struct sl_change_set *y)
{
	int r = (x->n > y->n) - (x->n < y->n);

	for (uint32_t k = 0; r == 0 && k < x->n; k++)
		r = sl_change_cmp(x->c[k], y->c[k]);
	return r;
}

bool
sl_change_set_add(struct sl_change_set *s, const struct sl_change *c)
{
	uint32_t k = s->n;

	for (uint32_t i = 0; i < s->n; i++)
		if (sl_change_cmp(s->c[i], c) == 0)
			return false;
	for (; k > 0 && sl_change_cmp(s->c[k - 1], c) > 0; k--)
		s->c[k] = s->c[k - 1];
	s->c[k] = c;
	s->n++;
	return true;
}

uint32_t
sl_change_set_hash(const struct sl_change_set *s)
{
	uint32_t h = 2166136261U;

	for (uint32_t k = 0; k < s->n; k++) {
		for (size_t i = 0; i < s->c[k]->pred.len; i++)
			h = (h ^ s->c[k]->pred.p[i]) * 16777619U;
		for (size_t i = 0; i < s->c[k]->n; i++) {
			const struct sl_term *t = &s->c[k]->args[i];

			h = (h ^ (uint32_t)t->i) * 16777619U;
			for (size_t b = 0; b < t->s.len; b++)
				h = (h ^ t->s.p[b]) * 16777619U;
		}
	}
	return h ^ h >> 15;
}

/* ---- as text and data ---- */

void
sl_change_print(struct sl_buf *out, const struct sl_change *c)
{
	sl_buf_slice(out, c->pred);
	for (size_t k = 0; k < c->n; k++) {
		sl_buf_str(out, k == 0 ? "(" : ", ");
		sl_term_print(out, &c->args[k]);
	}
	sl_buf_str(out, c->n == 0 ? "()" : ")");
}

static struct sl_json *
change_json(struct sl_jb *b, const struct sl_change *c)
{
	SL_AUTO_BUF text = { .max = 4096 };
	struct sl_json *o = sl_json_obj(b), *args;

	(void)sl_json_set(b, o, "change",
			  sl_json_cstr(b, c->is_add ? "add" : "withhold"));
	(void)sl_json_set(b, o, "pred", sl_json_str(b, c->pred));
	args = sl_json_set(b, o, "args", sl_json_arr(b));
	for (size_t k = 0; k < c->n; k++)
		(void)sl_json_add(b, args, sl_term_json(b, &c->args[k]));
	sl_change_print(&text, c);
	(void)sl_json_set(b, o, "text", sl_json_str(b, sl_buf_get(&text)));
	return o;
}

struct sl_json *
sl_repairs_json(struct sl_jb *b, const struct sl_repairs *v)
{
	struct sl_json *o = sl_json_obj(b), *list, *one, *changes;

	(void)sl_json_set(b, o, "complete", sl_json_bool(b, v->is_complete));
	list = sl_json_set(b, o, "repairs", sl_json_arr(b));
	for (size_t k = 0; k < v->n; k++) {
		one = sl_json_add(b, list, sl_json_obj(b));
		(void)sl_json_set(b, one, "rank", sl_json_int(b, (int64_t)v->v[k].rank));
		changes = sl_json_set(b, one, "changes", sl_json_arr(b));
		for (size_t i = 0; i < v->v[k].n; i++)
			(void)sl_json_add(b, changes, change_json(b, v->v[k].change[i]));
	}
	return o;
}
