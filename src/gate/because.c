/* because.c -- the facts that a verdict stands on, read out of its proof for people. */
#include "gate/gate.h"

enum { DEPTH_MAX = 32, TEXT_MAX = 400 };

struct walk {
	const struct sl_json *nodes;
	struct sl_arena *a;
	const char **ret;
	size_t max, n;
};

static const struct sl_json *
at(const struct sl_json *list, int64_t i)
{
	SL_JSON_EACH(m, list)
	if (i-- == 0)
		return m;
	return NULL;
}

/* Who asks and where is known to whoever reads this. */
static bool
is_obvious(struct sl_slice pred)
{
	return sl_slice_eq(pred, SL_LIT("request")) ||
	       sl_slice_eq(pred, SL_LIT("requester")) ||
	       sl_slice_eq(pred, SL_LIT("node"));
}

static void
put_fact(struct walk *w, const struct sl_json *node)
{
	SL_AUTO_BUF text = { .max = TEXT_MAX };
	struct sl_err none = { 0 };
	bool is_first = true;
	const char *s;

	if (w->n == w->max || is_obvious(sl_json_get_str(node, "pred")))
		return;
	sl_buf_slice(&text, sl_json_get_str(node, "pred"));
	sl_buf_byte(&text, '(');
	SL_JSON_EACH(m, sl_json_get(node, "args"))
	{
		if (!is_first)
			sl_buf_str(&text, ", ");
		is_first = false;
		(void)!sl_json_jcs(m, &text, &none);
	}
	sl_buf_byte(&text, ')');
	s = sl_arena_str(w->a, sl_buf_get(&text));
	for (size_t i = 0; s != NULL && i < w->n; i++)
		if (strcmp(w->ret[i], s) == 0)
			return;
	if (s != NULL)
		w->ret[w->n++] = s;
}

/* Down to what was stated; a proof may come from anybody, so depth is bounded. */
static void
walk(struct walk *w, const struct sl_json *from, unsigned depth)
{
	SL_JSON_EACH(m, from)
	{
		const struct sl_json *node = at(w->nodes, m->i);

		if (node == NULL || depth == DEPTH_MAX)
			continue;
		if (sl_json_get(node, "from") != NULL)
			walk(w, sl_json_get(node, "from"), depth + 1);
		else
			put_fact(w, node);
	}
}

size_t
sl_decision_because(const struct sl_json *proof, struct sl_arena *a, const char **ret,
		    size_t max)
{
	struct walk w = { sl_json_get(proof, "nodes"), a, ret, max, 0 };

	SL_JSON_EACH(m, sl_json_get(proof, "checks"))
	if (sl_slice_eq(sl_json_get_str(m, "result"), SL_LIT("fail")))
		walk(&w, sl_json_get(m, "from"), 0);
	SL_JSON_EACH(m, sl_json_get(proof, "policies"))
	if (sl_slice_eq(sl_json_get_str(m, "result"), SL_LIT("match")))
		walk(&w, sl_json_get(m, "from"), 0);
	return w.n;
}
